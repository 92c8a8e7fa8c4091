"""A whole network: which of its layers are decomposed, to which ranks, and the network that comes out."""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from effdl_lite.measure import count_macs, layer_costs
from effdl_lite.methods.compaction.plain import refuse_computed_weights
from effdl_lite.methods.low_rank.filters import CONVOLUTIONS, filter_matrices, groups_of
from effdl_lite.methods.low_rank.layers import decompose_layer
from effdl_lite.methods.low_rank.ranks import energies, energy_rank, energy_shares, mac_ratio, rank_of


def decompose(model: nn.Module, ranks: Mapping[str, int], basis: str = "pca", seed: int = 0) -> nn.Module:
    """A copy of `model` with two layers, `name.basis` and `name.combination`, in the place of each layer that is named.

    Args:
        model: not changed.
        ranks: basis filters by the name of the layer, as in `named_modules`; see `ranks_by_energy` and
            `ranks_by_budget`. The other layers stay as they are.
        basis: "pca", "svd" or "kmeans", see `factorize`; `seed` is for the last.

    Raises:
        ValueError: for a name that is not in the model, a layer that cannot be decomposed to this rank, a layer that
            shares a weight with another name (the two would be no longer tied), and for computed weights (pruning
            masks, parametrizations) anywhere in the model.
    """
    refuse_computed_weights(model)
    pairs = {}
    for name, layer in _named(model, ranks).items():
        try:
            pairs[name] = decompose_layer(layer, ranks[name], basis, seed)
        except ValueError as error:
            raise ValueError(f"{name or 'the network'}: {error}") from None
    if "" in pairs:
        return pairs[""]
    small = copy.deepcopy(model)
    for name, pair in pairs.items():
        small.set_submodule(name, pair)
    return small


def default_layers(model: nn.Module) -> list[str]:
    """Names of the convolutions larger than 1x1 with at least two filters in each conv group, as the authors choose.

    They leave out the 1x1 convolutions of shortcuts, and fully connected layers unless asked for them. (A convolution
    of one filter a group, a depthwise one, has nothing to share.)

    Raises:
        ValueError: if there is a transposed convolution, since a network decomposed in part should be meant so.
    """
    names = []
    for name, layer in model.named_modules():
        if isinstance(layer, _ConvTransposeNd):
            raise ValueError(
                f"{name or 'the network'} is a {type(layer).__name__}, which has no cross-filter basis; name the "
                "layers to decompose"
            )
        large = type(layer) in CONVOLUTIONS and max(layer.kernel_size) > 1
        if large and layer.out_channels > layer.groups:
            names.append(name)
    return names


def ranks_by_energy(
    model: nn.Module,
    energy: float = 0.95,
    layers: Iterable[str] | None = None,
    rule: Callable[[nn.Module, float], int] = energy_rank,
) -> dict[str, int]:
    """The rank of each layer that keeps a share of its energy.

    Args:
        energy: in (0, 1].
        layers: names; `default_layers` if not given.
        rule: `energy_rank`, or `norm_rank`, to which the same number means another share.

    Raises:
        ValueError: for a share out of range, a name that is not in the model, or a layer that cannot be decomposed.
    """
    return {name: rule(layer, energy) for name, layer in _selected(model, layers).items()}


def cheaper_only(model: nn.Module, ranks: Mapping[str, int]) -> dict[str, int]:
    """Those of the ranks below break-even: the other layers would cost more than they do, so let them be."""
    return {name: ranks[name] for name, layer in _named(model, ranks).items() if mac_ratio(layer, ranks[name]) > 1}


def ranks_by_budget(
    model: nn.Module, macs: int, *inputs: Tensor, layers: Iterable[str] | None = None
) -> dict[str, int]:
    """Ranks with which the network needs at most so many multiply-accumulates: those of the highest common energy.

    All layers keep (at least) the same share of their energies. A layer whose rank would not be below break-even is
    left out: it stays whole, and gives up nothing.

    Args:
        macs: the budget for a forward pass over `inputs`, as `count_macs` counts it.
        layers: names; `default_layers` if not given.

    Raises:
        ValueError: if rank 1 in each of these layers still costs more, or as in `ranks_by_energy`.
    """
    chosen = _selected(model, layers)
    whole, costs = count_macs(model, *inputs), Counter()
    for cost in layer_costs(model, *inputs):
        costs[cost.name] += cost.macs
    spectra = {name: energies(layer) for name, layer in chosen.items()}

    def ranks_at(energy: float) -> dict[str, int]:
        ranks = {name: groups_of(layer) * rank_of(spectra[name], energy) for name, layer in chosen.items()}
        return cheaper_only(model, ranks)

    def macs_at(energy: float) -> int:
        ranks = ranks_at(energy)
        return whole - sum(costs[name] - _macs_at_rank(costs[name], chosen[name], ranks[name]) for name in ranks)

    # The cost changes only where a rank does: at the shares that some number of basis filters keeps.
    shares = sorted({share for layer in chosen.values() for share in energy_shares(layer).tolist()})
    fitting, exceeding = -1, len(shares)
    while exceeding - fitting > 1:
        middle = (fitting + exceeding) // 2
        fitting, exceeding = (middle, exceeding) if macs_at(shares[middle]) <= macs else (fitting, middle)
    if fitting < 0:
        least = macs_at(shares[0]) if shares else whole
        raise ValueError(
            f"a budget of {macs:,} multiply-accumulates cannot be met: {least:,} are left with the lowest ranks of "
            f"{', '.join(chosen) or 'no layer'}; raise the budget or name more layers"
        )
    return ranks_at(shares[fitting])


def _macs_at_rank(macs: int, layer: nn.Module, rank: int) -> int:
    groups, filters, weights = filter_matrices(layer).shape
    positions = macs // (groups * filters * weights)
    return positions * rank * (weights + filters)


def _selected(model: nn.Module, layers: Iterable[str] | None) -> dict[str, nn.Module]:
    if isinstance(layers, str):
        raise ValueError(f"layers is the text {layers!r}; give a list of names, [{layers!r}]")
    return _named(model, default_layers(model) if layers is None else layers)


def _named(model: nn.Module, names: Iterable[str]) -> dict[str, nn.Module]:
    """The layers of these names, each checked to be there, and to share no weight."""
    modules = dict(model.named_modules(remove_duplicate=False))
    owners: dict[int, list[str]] = {}
    for name, weight in model.named_parameters(remove_duplicate=False):
        owners.setdefault(id(weight), []).append(name)
    chosen = {}
    for name in names:
        if name not in modules:
            layers = [name for name, module in modules.items() if type(module) in (*CONVOLUTIONS, nn.Linear)]
            raise ValueError(f"the model has no layer {name!r}; choose among {', '.join(layers)}")
        for weight in modules[name].parameters(recurse=False):
            if len(owners[id(weight)]) > 1:
                raise ValueError(
                    f"{' and '.join(owners[id(weight)])} are one weight, which would be no longer shared; leave these "
                    "layers as they are, or untie them with a copy first"
                )
        chosen[name] = modules[name]
    return chosen

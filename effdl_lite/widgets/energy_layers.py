"""What `EnergyCurve` shows of the layers of a network: the energies of their filters, checked, and the ranks."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

import torch
from torch import Tensor, nn

from effdl_lite.methods.low_rank import break_even_rank, default_layers, energies
from effdl_lite.methods.low_rank.filters import groups_of
from effdl_lite.methods.low_rank.ranks import rank_of

MOST_LAYERS, MOST_NETWORKS, MOST_FILTERS = 40, 3, 1024
KEYS = ("name", "spectrum", "filters", "channels", "kernel")
EXAMPLE = "{'name': 'conv2', 'spectrum': [9.1, 4.2, ...], 'filters': 32, 'channels': 16, 'kernel': (3, 3)}"


def layer_spectra(model: nn.Module, names: Iterable[str] | None = None) -> list[dict]:
    """The layers of a model, as `EnergyCurve` takes them and as JSON can keep them.

    Args:
        model: read, not changed.
        names: of plain convolutions or linear layers without conv groups; `low_rank.default_layers` if not given.

    Returns:
        For each layer its "name", its "spectrum" (`low_rank.energies`, largest first), the numbers of its "filters" and
        "channels", and its "kernel", height and width; (1, 1) for a linear layer.

    Raises:
        ValueError: for a layer with conv groups or a kernel of three dimensions, and as `low_rank.energies` does.
        AttributeError: for a name that is not in the model.
    """
    layers = []
    for name in default_layers(model) if names is None else names:
        layer = model.get_submodule(name)
        spectra, weight = energies(layer), layer.weight
        if groups_of(layer) > 1 or weight.ndim > 4:
            raise ValueError(
                f"{name} has {groups_of(layer)} conv groups and a kernel of {weight.ndim - 2} dimensions; the curve is "
                "of layers with one group and at most two dimensions"
            )
        kernel = (1, 1, *weight.shape[2:])[-2:]
        filters, channels = weight.shape[:2]
        sizes = {"filters": filters, "channels": channels, "kernel": list(kernel)}
        layers.append({"name": name, "spectrum": spectra[0].tolist(), **sizes})
    return layers


@dataclass(frozen=True)
class LayerEnergy:
    """A layer and the energies of its filters.

    Attributes:
        shape: filters, channels, height and width of the kernel.
        spectrum: the energies, [1, filters], as `low_rank.energies` gives them.
        break_even: the rank at which the pair costs as many multiply-accumulates as the layer.
    """

    name: str
    shape: tuple[int, int, int, int]
    spectrum: Tensor
    break_even: float

    @property
    def filters(self) -> int:
        return self.shape[0]

    def shares(self) -> list[float]:
        """The share of the energy that each rank keeps, from rank 1 to N; nine decimals."""
        kept = self.spectrum[0].cumsum(0)
        return [round(share, 9) for share in (kept / kept[-1]).tolist()]

    def rank_at(self, energy: float) -> int:
        """The smallest rank that keeps this share, as `low_rank.energy_rank`."""
        return rank_of(self.spectrum, energy)

    def macs(self, rank: int) -> float:
        """Multiply-accumulates of the pair, as a share of the layer's: the inverse of `low_rank.mac_ratio`."""
        return rank / self.break_even


def checked_networks(networks: Mapping[str, Sequence[dict]] | Sequence[dict]) -> dict[str, list[LayerEnergy]]:
    """The networks by name, each with the same layers.

    Raises:
        ValueError: if there is no network or layer or too many, if a layer is damaged, or if the layers differ.
    """
    if not isinstance(networks, Mapping):
        networks = {"network": networks}
    if not 1 <= len(networks) <= MOST_NETWORKS:
        raise ValueError(f"there are {len(networks)} networks; 1 to {MOST_NETWORKS} lines can be told apart")
    checked = {}
    for name, layers in networks.items():
        if isinstance(layers, str | Mapping) or not isinstance(layers, Sequence):
            raise ValueError(f"network {name!r} is {layers!r}; give a list of layers, as layer_spectra(model) does")
        if not 1 <= len(layers) <= MOST_LAYERS:
            raise ValueError(f"network {name!r} has {len(layers)} layers; give 1 to {MOST_LAYERS}")
        checked[str(name)] = [_checked_layer(f"layer {i} of {name!r}", layer) for i, layer in enumerate(layers)]
    (first, same), *others = checked.items()
    for name, layers in others:
        if [(layer.name, layer.shape) for layer in layers] != [(layer.name, layer.shape) for layer in same]:
            raise ValueError(f"{name!r} has other layers than {first!r}; compare networks of the same names and sizes")
    return checked


def _checked_layer(owner: str, values: dict) -> LayerEnergy:
    if not isinstance(values, Mapping):
        raise ValueError(f"{owner} is {values!r}; give a dict such as {EXAMPLE}")
    if missing := [key for key in KEYS if key not in values]:
        raise ValueError(f"{owner} has no {', '.join(missing)}; give a dict such as {EXAMPLE}")
    kernel = values["kernel"]
    if not isinstance(kernel, list | tuple) or len(kernel) != 2:
        raise ValueError(f"kernel of {owner} is {kernel!r}; give height and width, such as (3, 3)")
    shape = (values["filters"], values["channels"], *kernel)
    for name, size, least in zip(("filters", "channels", "kernel", "kernel"), shape, (2, 1, 1, 1), strict=True):
        if isinstance(size, bool) or not isinstance(size, Integral) or size < least:
            raise ValueError(f"{name} of {owner} is {values[name]!r}; choose whole numbers from {least}")
    if shape[0] > MOST_FILTERS:
        raise ValueError(f"filters of {owner} is {shape[0]}; the slider has room for {MOST_FILTERS}")
    weights = shape[1] * shape[2] * shape[3]
    spectrum = torch.tensor([_checked_spectrum(owner, values, weights)], dtype=torch.float64)
    with torch.device("meta"):  # it draws no random numbers
        layer = nn.Linear(weights, shape[0])
    layer.weight = nn.Parameter(torch.ones(shape[0], weights))
    return LayerEnergy(str(values["name"]), shape, spectrum, break_even_rank(layer))


def _checked_spectrum(owner: str, values: dict, weights: int) -> list[float]:
    spectrum, filters = values["spectrum"], values["filters"]
    numbers = list(spectrum) if isinstance(spectrum, list | tuple) else None
    if numbers is None or any(isinstance(value, bool) or not isinstance(value, Real) for value in numbers):
        raise ValueError(f"spectrum of {owner} is {spectrum!r}; give a list of numbers (of a tensor, its tolist())")
    if len(numbers) != filters:
        raise ValueError(f"spectrum of {owner} has {len(numbers)} values for {filters} filters; give one for each")
    for value in numbers:
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"spectrum of {owner} holds {value}; energies are finite and 0 or more")
    if any(after > before for before, after in pairwise(numbers)):
        raise ValueError(f"spectrum of {owner} rises; give the largest energy first")
    if not numbers[0]:
        raise ValueError(f"spectrum of {owner} is all zero: there is no energy to keep")
    above = sum(value > 0 for value in numbers)
    if above > weights:
        raise ValueError(f"spectrum of {owner} has {above} values above zero, but its filters have {weights} weights")
    return [float(value) for value in numbers]

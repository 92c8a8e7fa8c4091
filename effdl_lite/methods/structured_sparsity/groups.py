"""Which weights of a layer form a group, and how long each group is."""

import math

import torch
from torch import Tensor, nn

# What one group of each kind spans, as dimensions of `blocks`: (conv groups, filters, channels, height, width).
GROUPS = {
    "filter": (2, 3, 4),  # one row of the lowered weight matrix; an output neuron of a linear layer
    "channel": (1, 3, 4),  # height x width neighbouring columns; an input neuron of a linear layer
    "shape": (1,),  # one column: one position of one channel, over all filters
    "kernel": (3, 4),  # the 2-D filter between one channel and one filter
    "layer": (0, 1, 2, 3, 4),  # everything; the layer then needs a shortcut around it
    "weight": (),  # each weight alone: the plain l1 penalty, whose zeros have no structure
}
ALIASES = {"row": "filter", "column": "shape", "2-D filter": "kernel", "depth": "layer"}
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def blocks(layer: nn.Module) -> list[Tensor]:
    """The weights of a layer as views of five dimensions: conv groups, filters, channels, height, width.

    A convolution or linear layer has one such view. BatchNorm has two, its scale and its shift: the pair that belongs
    to an output channel decides whether anything of that channel is left.

    Raises:
        ValueError: if the layer is neither a convolution (1-D, 2-D), nor linear, nor a BatchNorm with weights.
    """
    if isinstance(layer, _NORMS) and layer.affine:
        return [weight.view(1, -1, 1, 1, 1) for weight in (layer.weight, layer.bias)]
    if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)):
        weight = layer.weight[(..., *(None,) * (4 - layer.weight.ndim))]
        return [weight.unflatten(0, (getattr(layer, "groups", 1), -1))]
    raise ValueError(
        f"{type(layer).__name__} is not a layer with groups of weights; give nn.Conv2d, nn.Conv1d, nn.Linear, or "
        "nn.BatchNorm2d with weights"
    )


def group_norms(layer: nn.Module, kind: str) -> Tensor:
    r"""The length of every group of a layer: :math:`\lVert w^{(g)} \rVert_2 = \sqrt{\sum_i (w^{(g)}_i)^2}`.

    Args:
        layer: a convolution with weight [N, C, height, width], a linear layer [N, C], or a BatchNorm of N channels.
        kind: a key of `GROUPS` or `ALIASES`.

    Returns:
        One entry a group: [N] for filters, [C] for channels, [C, height, width] for shapes, [N, C] for 2-D filters, a
        scalar for the whole layer. Of G > 1 conv groups each has its own rows and columns, as in the authors' code,
        and the tensor begins with a dimension of G: [G, N / G] for filters, [G, C / G] for channels, and so on.

    Raises:
        ValueError: for another kind, a layer without such groups, or a channel of a BatchNorm.
    """
    members, dims = members_of(layer, kind)
    inner = 1 if isinstance(layer, _NORMS) else layer.weight.ndim - 1  # dimensions after the filters
    kept = [dim for dim in range(5) if dim not in dims and dim <= 1 + inner]
    norms = lengths_of(members, dims)
    if getattr(layer, "groups", 1) == 1 and 0 in kept:
        kept.remove(0)
    return norms.reshape([norms.shape[dim] for dim in kept])


def group_size(layer: nn.Module, kind: str) -> int:
    """How many weights one group of this kind has."""
    members, dims = members_of(layer, kind)
    return sum(math.prod(member.shape[dim] for dim in dims) for member in members)


def group_lasso(layer: nn.Module, kind: str, weigh_by_size: bool = False) -> Tensor:
    r"""The sum of the groups' lengths, :math:`R_g(W) = \sum_g \lVert w^{(g)} \rVert_2`, a scalar.

    Args:
        weigh_by_size: multiply by the square root of the group's size, so that large groups are not spared.
    """
    return group_norms(layer, kind).sum() * (math.sqrt(group_size(layer, kind)) if weigh_by_size else 1.0)


def parameters_of(layer: nn.Module) -> list[nn.Parameter]:
    """The parameters behind `blocks`, in its order: a bias of a convolution is in no group.

    Raises:
        ValueError: if the weight is computed from other parameters: what is done to it would be lost in the next
            forward pass.
    """
    if not isinstance(layer.weight, nn.Parameter):
        raise ValueError(
            f"the weight of this {type(layer).__name__} is computed from other parameters (a pruning mask or a "
            "parametrization); make it plain first: torch.nn.utils.prune.remove(layer, 'weight') or "
            "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')"
        )
    return [layer.weight, layer.bias] if isinstance(layer, _NORMS) else [layer.weight]


def plain_kind(kind: str) -> str:
    """The key of `GROUPS` that a kind's name stands for."""
    name = ALIASES.get(kind, kind) if isinstance(kind, str) else kind
    if not isinstance(name, str) or name not in GROUPS:
        raise ValueError(f"groups of kind {kind!r} are unknown; choose one of {', '.join([*GROUPS, *ALIASES])}")
    return name


def members_of(layer: nn.Module, kind: str) -> tuple[list[Tensor], tuple[int, ...]]:
    kind = plain_kind(kind)
    members = blocks(layer)
    if isinstance(layer, _NORMS) and kind not in ("filter", "layer"):
        raise ValueError(f"{type(layer).__name__} has no groups of kind {kind!r}; choose 'filter' or 'layer'")
    return members, GROUPS[kind]


def lengths_of(members: list[Tensor], dims: tuple[int, ...]) -> Tensor:
    """Lengths of the groups with all five dimensions kept, so that they broadcast against the members."""
    if not dims:  # to vector_norm an empty tuple would mean all dimensions
        return members[0].abs()
    lengths = [torch.linalg.vector_norm(member, dim=dims, keepdim=True) for member in members]
    # Not hypot: its gradient at a pair of zeros is NaN, that of vector_norm is zero.
    return lengths[0] if len(lengths) == 1 else torch.linalg.vector_norm(torch.stack(lengths), dim=0)

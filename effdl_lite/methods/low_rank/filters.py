"""The filters of a layer as the rows of a matrix, and the layers that have no such matrix."""

from numbers import Integral

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from effdl_lite.methods.compaction.plain import refuse_computed_weights, refuse_hooks

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def filter_matrices(layer: nn.Module) -> Tensor:
    """The weights of a layer as [conv groups, filters of a group, weights of a filter]; a linear layer has one group.

    A filter of a convolution with weight [N, C, k, k] has C k k weights; a filter of a linear layer is the row of
    weights of one output.

    Raises:
        ValueError: if the layer is no plain convolution or linear layer (a transposed convolution, or a subclass, which
            may compute something else), if it has hooks or computed weights, only one filter in a conv group, or
            weights that are all zero or not finite.
    """
    refuse_computed_weights(layer)
    kind = type(layer)
    if isinstance(layer, _ConvTransposeNd):
        raise ValueError(
            f"a {kind.__name__} spreads each input over the output, so its filters have no common input that a basis "
            "could read; leave this layer as it is"
        )
    if kind not in (*CONVOLUTIONS, nn.Linear):
        raise ValueError(
            f"a {kind.__name__} is no plain convolution or linear layer; give nn.Conv1d, nn.Conv2d, nn.Conv3d or "
            "nn.Linear, or leave this layer as it is"
        )
    refuse_hooks(layer)
    groups = groups_of(layer)
    matrices = layer.weight.detach().unflatten(0, (groups, -1)).flatten(2)
    if matrices.shape[1] == 1:
        each = f" in each of its {groups} conv groups" if groups > 1 else ""
        raise ValueError(
            f"this {kind.__name__} has one filter{each}, and a basis of one filter for one filter saves nothing; "
            "leave this layer as it is"
        )
    if not matrices.isfinite().all():
        raise ValueError(
            f"this {kind.__name__} holds weights that are not finite; take those of before training diverged"
        )
    if not matrices.any():
        raise ValueError(
            f"all weights of this {kind.__name__} are zero: there is no energy to keep; cut the layer out, or train "
            "it first"
        )
    return matrices


def groups_of(layer: nn.Module) -> int:
    return getattr(layer, "groups", 1)


def check_rank(rank: int, layer: nn.Module) -> None:
    """Raises ValueError for a rank that is no whole number of 1..filters."""
    filters = len(layer.weight)
    if isinstance(rank, bool) or not isinstance(rank, Integral) or not 1 <= rank <= filters:
        raise ValueError(f"rank {rank!r} is no whole number from 1 to {filters}, the filters of this layer; choose one")

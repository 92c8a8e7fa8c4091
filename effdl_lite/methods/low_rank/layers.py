"""One layer becomes two: a narrow one with the basis filters, and one that combines their outputs."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from effdl_lite.methods.low_rank.factors import factorize
from effdl_lite.methods.low_rank.filters import check_rank, filter_matrices, groups_of


@torch.no_grad()
def decompose_layer(layer: nn.Module, rank: int, basis: str = "pca", seed: int = 0) -> nn.Sequential:
    r"""Two layers that compute nearly the same as `layer`, and exactly the same (up to rounding) at full rank.

    .. math:: W_i * x + b_i \approx \sum_{m=1}^{M} A_{im} (B_m * x) + b_i

    A convolution becomes one of M basis filters, with the stride, padding and dilation of before and no bias, and a
    1x1 convolution with the bias of before. A linear layer becomes two. The filters of a grouped convolution have their
    own basis in each conv group, and both layers have these groups.

    Args:
        layer: nn.Conv1d, nn.Conv2d, nn.Conv3d or nn.Linear with N filters (outputs); it is not changed.
        rank: M, basis filters over all conv groups: 1..N, and a multiple of the conv groups.
        basis: "pca", "svd" or "kmeans", see `factorize`; `seed` is for the last.

    Returns:
        `nn.Sequential` with the layers `basis` and `combination`, on the device and in the type, memory layout and mode
        of `layer`; they ask for gradients where its weight and bias did.

    Raises:
        ValueError: for another rank, and for a layer that cannot be decomposed, see `filter_matrices`.

    Source: the authors' `*_lowrank` and `*_linear` layers.
    """
    matrices, groups = filter_matrices(layer), groups_of(layer)
    check_rank(rank, layer)
    if rank % groups:
        below = rank - rank % groups
        near = f"{below} or {below + groups}" if below else f"{groups}"
        raise ValueError(f"rank {rank} cannot be shared by {groups} conv groups; choose {near}")
    factors = [factorize(matrix.double(), rank // groups, basis, seed) for matrix in matrices]
    weights = [torch.cat(parts) for parts in zip(*factors, strict=True)]
    first, second = _empty_pair(layer, rank)
    for new, weight in zip((first, second), weights, strict=True):
        weight = weight.to(layer.weight).view(new.weight.shape)
        new.weight = nn.Parameter(weight, requires_grad=layer.weight.requires_grad)
    if layer.bias is not None:
        second.bias = nn.Parameter(layer.bias.detach().clone(), requires_grad=layer.bias.requires_grad)
    pair = nn.Sequential(OrderedDict(basis=first, combination=second)).train(layer.training)
    channels_last = layer.weight.ndim == 4 and not layer.weight.is_contiguous()
    return pair.to(memory_format=torch.channels_last) if channels_last else pair


def _empty_pair(layer: nn.Module, rank: int) -> tuple[nn.Module, nn.Module]:
    """The two layers without weights: none are drawn, so that the random numbers of a training stay as they were."""
    kind, biased = type(layer), layer.bias is not None
    with torch.device("meta"):
        if kind is nn.Linear:
            return nn.Linear(layer.in_features, rank, bias=False), nn.Linear(rank, layer.out_features, bias=biased)
        places = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
        places["padding_mode"] = layer.padding_mode
        first = kind(layer.in_channels, rank, layer.kernel_size, groups=layer.groups, bias=False, **places)
        return first, kind(rank, layer.out_channels, 1, groups=layer.groups, bias=biased)


def recompose(pair: nn.Sequential) -> Tensor:
    """The weight of the one layer that computes what the two of `decompose_layer` do, in the shape of before."""
    combination, groups = filter_matrices(pair.combination), groups_of(pair.basis)
    basis = pair.basis.weight.detach()
    matrices = combination @ basis.unflatten(0, (groups, -1)).flatten(2)
    return matrices.flatten(0, 1).view(-1, *basis.shape[1:])

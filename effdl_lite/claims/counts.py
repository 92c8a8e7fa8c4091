"""Numbers of the papers that need no training: counted on our networks, or worked out from what a paper prints.

An entry of the ledger names a function of this file and gives it what the paper prints (filters kept, layer factors);
the result comes from here.
"""

import functools
import math
import statistics
from collections.abc import Callable, Sequence

import torch
from torch import nn

from effdl_lite.measure import count_macs, count_parameters, layer_costs
from effdl_lite.methods.force_regularization import force, pairwise_distance
from effdl_lite.methods.intrinsic_sparsity import bidaf_groups, groups_of
from effdl_lite.methods.low_rank import mac_ratio
from effdl_lite.models import MLP, CifarResNet, LeNet, LSTMLanguageModel, RecurrentHighwayNetwork

# Channels, filters, kernel and conv groups of the convolutions whose ranks the Force paper prints.
ALEXNET = {"conv3": (256, 384, 3, 1), "conv4": (384, 384, 3, 2), "conv5": (384, 256, 3, 2)}
NETWORKS = {"LeNet": (LeNet, (1, 1, 28, 28)), "MLP": (MLP, (1, 784))}


def kept_macs(network: str, layer: str, rows: int, columns: int | None = None, channels: int | None = None) -> float:
    """Percent of a layer's multiply-accumulates that are left with some rows and columns of its weight matrix.

    Args:
        network: one of `NETWORKS`.
        layer: its name in `named_modules()`.
        rows: filters or output units that are left.
        columns: input weights of a filter that are left; or
        channels: input channels that are left, with all weights that read them.

    Raises:
        ValueError: if both or neither of columns and channels are given, there is no such network or layer, or more
            is left than there was.
    """
    if (columns is None) == (channels is None):
        raise ValueError(f"columns is {columns} and channels is {channels}; give one of them")
    if network not in NETWORKS:
        raise ValueError(f"no network {network!r}; choose one of {', '.join(NETWORKS)}")
    build, shape = NETWORKS[network]
    with torch.device("meta"):  # shapes only
        model, images = build(), torch.empty(shape)
        costs = {cost.name: cost for cost in layer_costs(model, images)}
        if layer not in costs:
            raise ValueError(f"{network} has no layer {layer!r}; choose one of {', '.join(costs)}")
        cost, weight = costs[layer], model.get_submodule(layer).weight
        if columns is None:
            columns = channels * math.prod(weight.shape[2:])
        dense = weight.flatten(1).shape
        if not (0 <= rows <= dense[0] and 0 <= columns <= dense[1]):
            raise ValueError(f"{rows} x {columns} does not fit into the {dense[0]} x {dense[1]} of {layer}")
        positions = math.prod(cost.output_shape[2:])
        left = count_macs(_Product(), torch.empty(rows, columns), torch.empty(columns, positions))
    return 100 * left / cost.macs


class _Product(nn.Module):
    def forward(self, weights, columns):
        return weights @ columns


def resnet_layers(kept: Sequence[int] | None = None, depth: int = 20) -> int:
    """Layers of a CIFAR ResNet as the papers count them: 3x3 convolutions and the classifier.

    Args:
        kept: 3x3 convolutions left on maps of 32, 16 and 8 pixels; None for all of them.
        depth: of the dense network.

    Raises:
        ValueError: if more are left than there were.
    """
    dense, classifiers = _resnet(depth)
    kept = dense if kept is None else kept
    if not all(0 <= left <= had for left, had in zip(kept, dense, strict=True)):
        raise ValueError(f"{kept} does not fit into the {dense} of ResNet-{depth}")
    return sum(kept) + classifiers


@functools.cache
def _resnet(depth: int) -> tuple[list[int], int]:
    """The 3x3 convolutions on maps of 32, 16 and 8 pixels, and the linear layers."""
    with torch.device("meta"):
        model = CifarResNet(depth)
        costs = layer_costs(model, torch.empty(1, 3, 32, 32))
    kernels = {name: m.kernel_size for name, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    sizes = [cost.output_shape[2] for cost in costs if kernels.get(cost.name) == (3, 3)]
    return [sizes.count(size) for size in (32, 16, 8)], sum(cost.kind == "Linear" for cost in costs)


def resnet_layers_removed(kept: Sequence[int], depth: int, started_from: int = 20) -> int:
    """How many layers fewer than ResNet-`depth` there are, where ResNet-`started_from` keeps these convolutions."""
    return resnet_layers(depth=depth) - resnet_layers(kept, started_from)


def average(factors: Sequence[float]) -> float:
    """The mean of some layers' factors."""
    return statistics.fmean(factors)


def ratio_of_averages(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times larger the mean of one list of factors is than that of another."""
    return average(ours) / average(theirs)


def arrived(speedup: float, zero_columns: float, zero_rows: float = 0.0) -> float:
    """The part of the saved work that arrives as saved time: 1 means, as many times faster as there is less to do.

    Args:
        speedup: of one layer, as measured.
        zero_columns, zero_rows: percent of its matrix (zeros without structure: give them as `zero_columns`).
    """
    return speedup * (1 - zero_columns / 100) * (1 - zero_rows / 100)


def least_advantage(structured: dict[str, Sequence[float]], scattered: dict[str, Sequence[float]]) -> float:
    """`arrived` of structured zeros divided by that of scattered ones, in the layer where this is least.

    Args:
        structured: lists of `speedup`, `zero_columns` and `zero_rows`, one number a layer.
        scattered: the same without rows.
    """
    shares = [[arrived(*layer) for layer in _layers(**lists)] for lists in (structured, scattered)]
    return min(ours / theirs for ours, theirs in zip(*shares, strict=True))


def _layers(speedup: Sequence[float], zero_columns: Sequence[float], zero_rows: Sequence[float] | None = None):
    return zip(speedup, zero_columns, zero_rows or [0.0] * len(speedup), strict=True)


def csr_bytes(shapes: Sequence[Sequence[int]], zeros: Sequence[float]) -> float:
    """Percent of the bytes of dense float32 matrices that the same take as compressed sparse rows.

    A weight that is not zero takes 4 bytes and 4 for its column; a row takes 4 more for where it starts.

    Args:
        shapes: rows and columns of each matrix.
        zeros: percent of each matrix.
    """
    dense = sum(4 * rows * columns for rows, columns in shapes)
    weights = [rows * columns * (1 - share / 100) for (rows, columns), share in zip(shapes, zeros, strict=True)]
    starts = sum(rows + 1 for rows, _ in shapes)
    return 100 * (8 * sum(weights) + 4 * starts) / dense


def lstm_macs_ratio(hidden: Sequence[int], dense: int = 1500) -> float:
    """How many times fewer multiply-accumulates a word the paper's LSTM needs with these units in its two layers."""
    word = torch.zeros(1, 1, dtype=torch.long, device="meta")
    return count_macs(_lstm([dense, dense]), word) / count_macs(_lstm(hidden), word)


def lstm_weights(hidden: Sequence[int]) -> float:
    """Million weights of the paper's LSTM with these units, with one bias a gate as in TensorFlow; PyTorch has two."""
    return (count_parameters(_lstm(hidden)) - 4 * sum(hidden)) / 1e6


def lstm_group(layer: int, hidden: Sequence[int] = (1500, 1500)) -> int:
    """Weights that a unit of a layer of the paper's LSTM owns, with the crossings twice as in the authors' code."""
    return list(groups_of(_lstm(hidden)).values())[layer - 1].size(double_count=True)


def _lstm(hidden: Sequence[int]) -> LSTMLanguageModel:
    """The paper's language model on shapes alone: word vectors of 1500, 10,000 words."""
    with torch.device("meta"):
        return LSTMLanguageModel(10_000, 1500, tuple(hidden))


def highway_weights(width: int) -> float:
    """Million weights of the paper's recurrent highway network of ten layers at this width."""
    with torch.device("meta"):
        return count_parameters(RecurrentHighwayNetwork(10_000, width, depth=10)) / 1e6


def bidaf_group(layer: str) -> int:
    """Weights that a unit of a layer of BiDAF owns, with the crossings twice; by the paper's names, such as ModFwd1."""
    groups = bidaf_groups()
    if layer not in groups:
        raise ValueError(f"BiDAF has no layer {layer!r}; choose one of {', '.join(groups)}")
    return groups[layer].size(double_count=True)


def alexnet_ratio(layer: str, rank: int) -> float:
    """How many times fewer multiply-accumulates a convolution of AlexNet needs with this rank."""
    if layer not in ALEXNET:
        raise ValueError(f"no layer {layer!r}; choose one of {', '.join(ALEXNET)}")
    channels, filters, kernel, groups = ALEXNET[layer]
    with torch.random.fork_rng(devices=[]):  # the weights are drawn, but only their number matters
        return mac_ratio(nn.Conv2d(channels, filters, kernel, groups=groups), rank)


def force_alignment(kind: str) -> float:
    """Cosine of the force on a filter and gradient descent on the pairwise distance, at the filter where it is least.

    Args:
        kind: "L2" or "L1". The 64 filters of 800 weights are random.
    """
    filters = torch.randn(64, 800, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(pairwise_distance(filters, kind), filters)
    return nn.functional.cosine_similarity(-gradient, force(filters.detach(), kind)).min().item()


COUNTS: dict[str, Callable[..., float]] = {
    function.__name__: function
    for function in (
        kept_macs, resnet_layers, resnet_layers_removed, average, ratio_of_averages, least_advantage, csr_bytes,
        lstm_macs_ratio, lstm_weights, lstm_group, highway_weights, bidaf_group,
        alexnet_ratio, force_alignment,
    )
}  # fmt: skip

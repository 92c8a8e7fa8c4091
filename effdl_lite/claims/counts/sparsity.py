"""Zeros in convolutions: multiply-accumulates, layers and bytes that are left, and what of it arrives as time."""

import functools
import math
import statistics
from collections.abc import Sequence

import torch
from torch import nn

from effdl_lite.measure import count_macs, layer_costs
from effdl_lite.models import MLP, CifarResNet, LeNet

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

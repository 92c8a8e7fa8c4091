"""What a ternary gradient is on average, how far it strays, and what the bound of the convergence proof asks."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from effdl_lite.methods.terngrad.scalers import flattened, largest, spread


def firing_probability(gradient: Tensor, scalers: Tensor | None = None, bucket_size: int | None = None) -> Tensor:
    r""":math:`P(b_k = 1) = |g_k| / s`, at most 1; 0 where the scaler is 0. Of the gradient's shape."""
    flat, s = _with_scalers(gradient, scalers, bucket_size)
    return torch.where(s == 0, 0, flat.abs() / s).clamp(max=1).view(gradient.shape)


def variance(gradient: Tensor, scalers: Tensor | None = None, bucket_size: int | None = None) -> Tensor:
    r"""The variance of each element of the ternary gradient, :math:`|g_k| (s - |g_k|)`, of the gradient's shape.

    Args:
        scalers: one a bucket; None takes the largest size of an element. An element that is larger than its scaler has
            the variance 0: it always fires.
    """
    flat, s = _with_scalers(gradient, scalers, bucket_size)
    size = torch.minimum(flat.abs(), s)
    return (size * (s - size)).view(gradient.shape)


def expected_squared_norm(gradient: Tensor, scalers: Tensor | None = None, bucket_size: int | None = None) -> Tensor:
    r""":math:`E \lVert \tilde g \rVert^2 = s \lVert g \rVert_1` (with buckets a sum over them), a scalar.

    With :math:`s = \lVert g \rVert_\infty` it is what assumption 3 of the convergence proof bounds, and never below
    :math:`\lVert g \rVert^2`, which is what the proof for SGD bounds.
    """
    flat, s = _with_scalers(gradient, scalers, bucket_size)
    return (torch.minimum(flat.abs(), s) * s).sum()


def expected_nonzeros(gradient: Tensor, scalers: Tensor | None = None, bucket_size: int | None = None) -> Tensor:
    r"""How many elements of the ternary gradient are not 0 on average, :math:`\lVert g \rVert_1 / s`."""
    return firing_probability(gradient, scalers, bucket_size).sum()


def bound_ratio(gradient: Tensor, scalers: Tensor | None = None, bucket_size: int | None = None) -> Tensor:
    r"""How much larger the bound of TernGrad is than that of SGD.

    .. math:: \frac{\lVert g \rVert_\infty \lVert g \rVert_1}{\lVert g \rVert^2} \ge 1

    1 where all elements that are not 0 have one size; 1 also for a gradient of zeros, which has no ratio. At most
    `worst_bound_ratio`.
    """
    squares = flattened(gradient).square().sum()
    expected = expected_squared_norm(gradient, scalers, bucket_size)
    return torch.where(squares > 0, expected / squares, torch.ones_like(squares))


def worst_bound_ratio(elements: int) -> float:
    r"""The largest `bound_ratio` of so many elements, :math:`(1 + \sqrt n) / 2` (derived here).

    It is reached by one element of 1 beside n - 1 of :math:`1 / (1 + \sqrt n)`, where n is more than 1.
    """
    return (1 + math.sqrt(elements)) / 2


def mean_variance(gradients: Sequence[Tensor], scalers: Sequence[Tensor]) -> Tensor:
    r"""The variance of the mean over N workers, summed over elements: :math:`\sum_i \sum_k var_{ik} / N^2`, a scalar.

    Args:
        gradients: of the workers.
        scalers: of the workers, each its own or all the shared one, which is never smaller.
    """
    return sum(variance(g, s).sum() for g, s in zip(gradients, scalers, strict=True)) / len(gradients) ** 2


def mean_levels(scaler: float, workers: int) -> Tensor:
    r"""All values that the mean of N ternary gradients of one scaler can have: :math:`s / N \cdot \{-N, ..., N\}`."""
    return torch.arange(-workers, workers + 1) * (scaler / workers)


def _with_scalers(gradient: Tensor, scalers: Tensor | None, bucket_size: int | None) -> tuple[Tensor, Tensor]:
    flat = flattened(gradient)
    scalers = largest(flat, bucket_size) if scalers is None else scalers.to(flat)
    return flat, spread(scalers, len(flat), bucket_size)

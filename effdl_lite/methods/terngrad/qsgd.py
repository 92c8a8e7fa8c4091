"""QSGD, TernGrad's neighbour: the same rounding by chance, with the Euclidean norm as scaler and any number of steps.

Source: Alistarh, Grubic, Li, Tomioka and Vojnovic, "QSGD: Communication-Efficient SGD via Gradient Quantization and
Encoding" (NIPS 2017), section 3.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from effdl_lite.methods.terngrad.codecs import TWO_BIT, Codec
from effdl_lite.methods.terngrad.method import TernGrad
from effdl_lite.methods.terngrad.scalers import check_finite, check_options, flattened, spread
from effdl_lite.training import TrainingDiverged

BUCKET = 512


def qsgd(
    gradient: Tensor,
    steps: int = 1,
    bucket_size: int | None = BUCKET,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""A random gradient of :math:`2 n + 1` values in each bucket that is the given one on average.

    .. math:: \tilde g_k = \frac{\lVert g \rVert_2}{n} \left\lfloor n \frac{g_k}{\lVert g \rVert_2} + u_k \right\rfloor

    with u uniform in 0..1: each element goes to one of its two neighbours on the grid. With one step that is TernGrad
    with another scaler: :math:`\lVert g \rVert_2 \ge \lVert g \rVert_\infty`, so that fewer elements fire and the
    variance is larger, the more so the longer the bucket.

    Args:
        gradient: any shape.
        steps: n, between 0 and the norm; the paper's s.
        bucket_size: elements, in the tensor's order, that share a norm; the last bucket may be shorter. None: all.
        generator: of the random numbers, on the gradient's device; None takes torch's own.

    Returns:
        A tensor like the gradient, of its shape and type.

    Raises:
        ValueError: for an empty, sparse or non-float gradient, or options that mean nothing.
        TrainingDiverged: if an element, or a norm, is not finite.
    """
    _check_steps(steps)
    flat = flattened(gradient)
    step = spread(norms(gradient, bucket_size), len(flat), bucket_size) / steps
    u = torch.rand(len(flat), generator=generator, device=flat.device, dtype=flat.dtype)
    codes = (flat / torch.where(step == 0, 1, step) + u).floor_().clamp_(-steps, steps)
    return codes.mul_(step).view(gradient.shape).to(gradient.dtype)


def qsgd_variance(gradient: Tensor, steps: int = 1, bucket_size: int | None = BUCKET) -> Tensor:
    r"""The variance of each element of `qsgd`, of the gradient's shape.

    It is :math:`(\lVert g \rVert_2 / n)^2 f_k (1 - f_k)`, with f_k the part of a step that is rounded (derived here).
    In the sum over a bucket of m elements the paper bounds it by
    :math:`\min(m / n^2, \sqrt m / n) \lVert g \rVert_2^2`.
    """
    _check_steps(steps)
    flat = flattened(gradient)
    step = spread(norms(gradient, bucket_size), len(flat), bucket_size) / steps
    fraction = torch.where(step == 0, 0, flat.abs() / step).frac()
    return (step.square() * fraction * (1 - fraction)).view(gradient.shape)


def norms(gradient: Tensor, bucket_size: int | None = BUCKET, name: str = "the gradient") -> Tensor:
    """The Euclidean norm of each bucket, in fp32 (fp64 of an fp64 gradient).

    Raises:
        ValueError: for an empty, sparse or non-float gradient.
        TrainingDiverged: if an element, or a norm, is not finite.
    """
    check_options(None, "formula", bucket_size)
    flat = flattened(gradient, name)
    found = torch.stack([torch.linalg.vector_norm(part) for part in flat.split(bucket_size or len(flat))])
    if not found.isfinite().all():
        check_finite(flat, name)
        raise TrainingDiverged(f"{name} is so large that its norm is no number")
    return found


class QSGD(TernGrad):
    """QSGD with one step in place 3: as many levels as TernGrad, and the same two bits an element.

    Every worker keeps its own norms, as in the paper, so that the server sends the mean back in fp32. The codes are
    counted at the fixed length of `codec`; the paper's Elias code is shorter where few elements fire.

    Args:
        bucket_size: elements that share a norm; each norm is sent, in fp32.

    The others are those of `TernGrad`; there is no clipping.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        bucket_size: int | None = BUCKET,
        float_below: int = 256,
        float_layers: Iterable[nn.Module] = (),
        codec: Codec = TWO_BIT,
        generator: torch.Generator | None = None,
    ):
        super().__init__(
            model,
            clip=None,
            bucket_size=bucket_size,
            share=False,
            float_below=float_below,
            float_layers=float_layers,
            codec=codec,
            generator=generator,
        )

    def _scales(self, weight: Tensor, gradients: list[Tensor]) -> tuple[list[Tensor], list[float]]:
        found = [norms(gradient, self.bucket_size, self._called(weight, n)) for n, gradient in enumerate(gradients)]
        return found, [math.inf] * len(found)


def _check_steps(steps: int) -> None:
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise ValueError(f"steps is {steps!r}; give a whole number of at least 1")

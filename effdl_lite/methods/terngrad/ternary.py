"""From a gradient to -1, 0 and 1, by chance but right on average, and back."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from effdl_lite.methods.terngrad.scalers import BLOCK, check_finite, flattened, scale, spread

# A uniform random number here is (k + (j + 1/2) / 64) / 65536: 16 bits k of its own, and j, which a block shares.
_SHARES = 64


def ternarize(
    gradient: Tensor,
    scalers: Tensor | None = None,
    *,
    limit: float = math.inf,
    bucket_size: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""A random gradient of three values that is the given one on average.

    .. math:: \tilde g = s \cdot \mathrm{sign}(g) \circ b, \qquad P(b_k = 1 \mid g) = |g_k| / s

    Its expectation is g, the variance of an element :math:`|g_k| (s - |g_k|)`.

    Args:
        gradient: any shape.
        scalers: s, of each bucket if there are buckets; None takes the largest size of an element, without clipping.
        limit: clip elements to it before; the expectation is then the clipped gradient.
        bucket_size: elements that share a scaler; None: all.
        generator: of the random numbers, on the gradient's device; None takes torch's own.

    Returns:
        A tensor like the gradient, of its shape and type.

    Raises:
        ValueError: for an empty, sparse or non-float gradient, or scalers that do not fit.
        TrainingDiverged: if an element is NaN or infinite.

    Source: slides "TernGrad is Simple".
    """
    if scalers is None:
        scalers, _ = scale(gradient, bucket_size=bucket_size)
    codes = ternary_codes(gradient, scalers, limit=limit, bucket_size=bucket_size, generator=generator)
    return from_codes(codes, scalers, bucket_size).view(gradient.shape).to(gradient.dtype)


def ternary_codes(
    gradient: Tensor,
    scalers: Tensor,
    *,
    limit: float = math.inf,
    bucket_size: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""The codes :math:`\mathrm{sign}(g) \circ b` of `ternarize`, -1, 0 or 1.

    They are drawn as :math:`\lfloor g / s + u \rfloor` with u uniform in 0..1. That is the same: for :math:`g \ge 0`
    it is 1 with probability g / s, else 0; for negative g it is -1 with probability |g| / s, else 0. One sum and one
    rounding take the place of size, sign, comparison and selection.

    Random numbers take most of the time, so u has 16 bits of its own; alone they would favour small gradients by up
    to s / 65536. Six more bits, drawn once for a block of 245,760 elements, take the bias away, but for s / 2**22 that
    fp32 rounds. Each u is uniform, and the covariance of two elements stays below 1e-10 of their s squared.

    Returns:
        int8, flat, one code an element. What is larger than its scaler is always 1 or -1.

    Raises:
        ValueError: as `ternarize`.
        TrainingDiverged: if an element is NaN or infinite.
    """
    flat = flattened(gradient)
    check_finite(flat)
    codes = torch.empty(len(flat), dtype=torch.int8, device=flat.device)
    blocks = drawn_blocks(flat, scalers, limit, bucket_size, generator)
    for part, digits in zip(codes.split(BLOCK), blocks, strict=True):
        torch.sub(digits, 1, out=part)
    return codes


def drawn_blocks(
    flat: Tensor,
    scalers: Tensor,
    limit: float = math.inf,
    bucket_size: int | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Tensor]:
    """The codes of `ternary_codes`, plus 1, `BLOCK` elements at a time, in memory that the next block is written to.

    The gradient has been through `scale`: NaN would give any code.
    """
    _check_scalers(scalers, len(flat), bucket_size)
    divisor = torch.where(scalers == 0, 1, scalers).to(flat)  # of zeros, 0 / 0
    scratch = torch.empty_like(flat[:BLOCK])
    digits = torch.empty_like(scratch, dtype=torch.int8)
    words = torch.empty(-(-len(scratch) // 4), dtype=torch.int64, device=flat.device)
    blocks = flat.split(BLOCK)
    shared = torch.randint(_SHARES, (len(blocks),), generator=generator, device=flat.device).tolist()
    for number, (block, share) in enumerate(zip(blocks, shared, strict=True)):
        own = words.random_(-(2**63), None, generator=generator).view(torch.int16)[: len(block)]  # -32768..32767
        steps = torch.clamp(block, -limit, limit, out=scratch[: len(block)])
        steps.div_(spread(divisor, len(block), bucket_size, number * BLOCK)).clamp_(-1, 1)
        yield _add_and_round_down(steps, own, share, digits[: len(block)])


def from_codes(codes: Tensor, scalers: Tensor, bucket_size: int | None = None, out: Tensor | None = None) -> Tensor:
    """The ternary gradient of codes: each times its scaler, flat, in the type of the scalers."""
    return torch.mul(codes, spread(scalers, len(codes), bucket_size), out=out)


def _add_and_round_down(steps: Tensor, own: Tensor, share: int, out: Tensor) -> Tensor:
    """1 + floor(steps + u) in `out`, of int8; 0, 1 or 2. Works in `steps`."""
    # own / 65536 is u - 1/2 but for its last bits. What is added is a multiple of 2**-23, so that fp32 holds the sum of
    # a step of 0 exactly, and it never reaches the next number. That of a step of 1 may be rounded up to it: thence 2.
    return out.copy_(steps.add_(own, alpha=2.0**-16).add_(1.5 + (share + 0.5) / _SHARES * 2.0**-16)).clamp_(max=2)


def _check_scalers(scalers: Tensor, elements: int, bucket_size: int | None) -> None:
    expected = 1 if bucket_size is None else -(-elements // bucket_size)
    if scalers.shape != (expected,):
        raise ValueError(
            f"{elements} elements in buckets of {bucket_size or 'all'} need {expected} scalers; "
            f"these have the shape {tuple(scalers.shape)}"
        )
    if not bool(((scalers >= 0) & scalers.isfinite()).all()):
        raise ValueError("a scaler is negative, NaN or infinite; take those of `scale`")

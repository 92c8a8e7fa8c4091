"""The scaler of a gradient: how large a full step of its ternary form is, and where the gradient is cut off before."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from effdl_lite.training import TrainingDiverged

CLIP = 2.5  # the paper's c, used for all its networks
RULES = ("formula", "code")
BLOCK = 4 * 5 * 12288  # elements that are worked on at a time, so that what is between the steps stays in the cache


def scale(
    gradient: Tensor,
    clip: float | None = None,
    rule: str = "formula",
    bucket_size: int | None = None,
    name: str = "the gradient",
) -> tuple[Tensor, float]:
    r"""The scalers of a tensor and the limit that its elements are clipped to first.

    Without clipping the scaler is :math:`s = \lVert g \rVert_\infty`. With it, elements are cut off at
    :math:`\pm c \sigma`, and the paper's formula and the authors' code differ in the scaler:

    * rule "formula": the largest element of the clipped gradient, :math:`s = \min(\lVert g \rVert_\infty, c \sigma)`.
      Each worker clips at its own :math:`c \sigma`, whatever scaler it then shares with others.
    * rule "code": :math:`s = c \sigma`, also where no element is that large. What is larger always fires, so a
      worker clips at the scaler that is shared.

    :math:`\sigma` is the standard deviation around the tensor's mean, yet both clip around 0, as the authors do. Where
    :math:`\sigma` is 0 nothing is clipped (ours): it would be the whole gradient.

    Args:
        gradient: floating point, of any shape, at least one element.
        clip: c, above 0; None does not clip.
        rule: one of `RULES`.
        bucket_size: elements, in the tensor's order, that share a scaler; the last bucket may be shorter. None gives
            the tensor one scaler, the paper's layer-wise choice. With 1, ternary gradients are the gradients.
        name: what error messages call the gradient.

    Returns:
        The scalers in fp32 (fp64 of an fp64 gradient), one a bucket; and the limit, infinite where nothing is clipped
        before the scaler is shared.

    Raises:
        ValueError: for an empty or sparse gradient, one of whole or complex numbers, or another option.
        TrainingDiverged: if an element, or the deviation, is not finite.

    Source: slides "Closing Bound Gap"; the authors' function `gradient_binarizing_scalers`.
    """
    check_options(clip, rule, bucket_size)
    flat = flattened(gradient, name)
    sigma = 0.0
    if clip is None:
        scalers, limit = largest(flat, bucket_size), math.inf
    else:
        size, sigma = largest_and_deviation(flat)
        limit = clip * sigma or math.inf
        if rule == "code" and limit < math.inf:
            scalers, limit = torch.full_like(size, limit), math.inf
        else:
            scalers = (size if bucket_size is None else largest(flat, bucket_size)).clamp(max=limit)
    if not scalers.isfinite().all() or not math.isfinite(sigma):
        check_finite(flat, name)
        raise TrainingDiverged(f"{name} is so large that its standard deviation is no number")
    return scalers, limit


def largest(flat: Tensor, bucket_size: int | None = None) -> Tensor:
    """The largest size of an element in each bucket; NaN if one of its elements is NaN."""
    whole = len(flat) if bucket_size is None else len(flat) // bucket_size * bucket_size
    buckets = [flat[:whole].view(-1, bucket_size or whole)] if whole else []
    if whole < len(flat):
        buckets.append(flat[None, whole:])
    return torch.cat([torch.stack(torch.aminmax(part, dim=1)).abs().amax(dim=0) for part in buckets])


def deviation(gradient: Tensor) -> float:
    r""":math:`\sigma = \sqrt{\sum_i (g_i - \bar g)^2 / n}`, over all n elements."""
    return largest_and_deviation(flattened(gradient))[1]


def largest_and_deviation(flat: Tensor) -> tuple[Tensor, float]:
    """Both in one pass over the memory: each block's sum of squares is taken around its own mean."""
    blocks, scratch = flat.split(BLOCK), torch.empty_like(flat[:BLOCK])
    sizes, means, norms = [], [], []
    for block in blocks:
        sizes += torch.aminmax(block)
        means.append(block.mean())
        norms.append(torch.linalg.vector_norm(torch.sub(block, means[-1], out=scratch[: len(block)])))
    means, norms = torch.stack(means).double(), torch.stack(norms).double()
    lengths = torch.tensor([len(block) for block in blocks], device=flat.device)
    mean = (lengths * means).sum() / len(flat)
    squares = norms.square().sum() + (lengths * (means - mean).square()).sum()
    return torch.stack(sizes).abs().amax(dim=0, keepdim=True), (squares / len(flat)).sqrt().item()


def share_scalers(scalers: Sequence[Tensor]) -> Tensor:
    r"""The scaler that all workers use, :math:`s = \max_i s^{(i)}`: their average then has few levels.

    Args:
        scalers: of each worker, all of one shape.
    """
    return torch.stack(list(scalers)).amax(dim=0)


def spread(scalers: Tensor, elements: int, bucket_size: int | None = None, start: int = 0) -> Tensor:
    """The scalers of so many elements from `start` on, in a shape that broadcasts against them."""
    if bucket_size is None:
        return scalers
    first, before = divmod(start, bucket_size)
    last = -(-(start + elements) // bucket_size)
    return scalers[first:last].repeat_interleave(bucket_size)[before : before + elements]


def flattened(gradient: Tensor, name: str = "the gradient") -> Tensor:
    """The elements in their order, in fp32 (fp64 stays); refuses what has no scaler."""
    if not gradient.is_floating_point():
        raise ValueError(f"{name} is of type {gradient.dtype}; ternarize floating-point gradients")
    if gradient.layout != torch.strided:
        raise ValueError(f"{name} is sparse; TernGrad takes dense gradients (for an embedding: sparse=False)")
    if not gradient.numel():
        raise ValueError(f"{name} is empty, of shape {tuple(gradient.shape)}; leave it out")
    flat = gradient.detach().reshape(-1)
    return flat.to(torch.promote_types(flat.dtype, torch.float32))


def check_finite(flat: Tensor, name: str = "the gradient") -> None:
    """Raises TrainingDiverged if an element is NaN or infinite: through the scaler it would spread to all."""
    # A sum is fast, and not finite if an element is not; as it may overflow without one, look again.
    if not flat.sum().isfinite() and not (finite := flat.isfinite()).all():
        raise TrainingDiverged(f"{name} holds {int((~finite).sum())} numbers (of {len(flat)}) that are NaN or infinite")


def check_options(clip: float | None, rule: str, bucket_size: int | None) -> None:
    """Raises ValueError for options that mean nothing, before any gradient is there."""
    number = isinstance(clip, int | float) and not isinstance(clip, bool)
    if clip is not None and not (number and math.isfinite(clip) and clip > 0):
        raise ValueError(f"clip is {clip!r}; give a number above 0 (the paper's is {CLIP}), or None")
    if rule not in RULES:
        raise ValueError(f"rule {rule!r} is unknown; choose one of {', '.join(RULES)}")
    whole = isinstance(bucket_size, int) and not isinstance(bucket_size, bool)
    if bucket_size is not None and not (whole and bucket_size >= 1):
        raise ValueError(f"bucket_size is {bucket_size!r}; give a whole number of at least 1, or None for one a tensor")
    if clip is not None and rule == "code" and bucket_size is not None:
        raise ValueError("by the rule 'code' all buckets of a tensor have the scaler c sigma; take the rule 'formula'")

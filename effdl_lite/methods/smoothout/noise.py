"""The noise of SmoothOut: uniform or normal, of one size for all weights or in proportion to weights or filters."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

KINDS = ("uniform", "normal")
ADAPTATIONS = ("none", "weight", "filter")
SMALLEST = 1e-6  # added to the norm that is divided by, as the authors do


def perturbed_weights(model: nn.Module, exclude_batch_norm: bool = True) -> dict[str, nn.Parameter]:
    """The parameters that get noise, by name: all that are trained, in the authors' default without BatchNorm's.

    Raises:
        ValueError: if none is left, or if they are of more than one type or on more than one device.
    """
    norms = (module for module in model.modules() if isinstance(module, _BatchNorm))
    excluded = {id(weight) for norm in norms for weight in norm.parameters()} if exclude_batch_norm else set()
    weights = {
        name: weight for name, weight in model.named_parameters() if weight.requires_grad and id(weight) not in excluded
    }
    if not weights:
        raise ValueError(
            f"this {type(model).__name__} has no weights outside of BatchNorm that are trained; nothing to perturb"
        )
    kinds = {(weight.dtype, weight.device) for weight in weights.values()}
    if len(kinds) > 1:
        found = " and ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
        raise ValueError(f"the weights are {found}; bring them to one type and device")
    return weights


@torch.no_grad()
def draw_noise(
    weights: Mapping[str, Tensor],
    strength: float,
    *,
    adapt: str = "none",
    kind: str = "uniform",
    generator: torch.Generator | None = None,
    memory: Tensor | None = None,
) -> dict[str, Tensor]:
    r"""Noise for each weight, of its shape.

    With u uniform in -1..1, or standard normal, for each element:

    * adapt "none": :math:`\theta = a u`.
    * adapt "weight": :math:`\theta = a \, |w| \, u`, element by element.
    * adapt "filter", AdaSmoothOut: :math:`\theta_f = a \, \lVert w_f \rVert_2 \, u / (\lVert u \rVert_2 + 10^{-6})` for
      each filter f, a slice along the first dimension. Only the direction is random, the length is always a times that
      of the filter. An element of a vector (a bias) is a filter of its own: its noise is :math:`\pm a |w|`.

    One call draws the numbers for all weights, in the order in which they lie in memory, so the same seed gives other
    noise in another memory format.

    Args:
        weights: by name, of one type and device.
        strength: a, at least 0.
        adapt: one of `ADAPTATIONS`.
        kind: one of `KINDS`.
        generator: of the random numbers, on the weights' device; None takes torch's own.
        memory: flat, with as many elements as all weights, that the noise is written to; None takes new memory.

    Raises:
        ValueError: for a strength that is negative or not finite, an unknown option, or adapt "filter" where no weight
            has filters.

    Source: the authors' `main_gbn.py`, options `--sharpness-smoothing`, `--adapt-type` and `--noise-type`.
    """
    check_noise(weights, strength, adapt, kind)
    flat = flat_memory(weights) if memory is None else memory
    size = strength if adapt != "filter" else 1.0
    if kind == "uniform":
        flat.uniform_(-size, size, generator=generator)
    else:
        flat.normal_(0, size, generator=generator)
    noise = split_memory(flat, weights)
    if adapt == "weight":
        torch._foreach_mul_(list(noise.values()), torch._foreach_abs(list(weights.values())))
    elif adapt == "filter":
        for name, weight in weights.items():
            noise[name].mul_(strength * _norms(weight) / (_norms(noise[name]) + SMALLEST))
    return noise


def noise_variance(strength: float, kind: str = "uniform") -> float:
    r"""Variance of an element of the noise: :math:`a^2 / 3` of uniform noise, :math:`a^2` of normal noise."""
    check_kind(kind)
    return strength**2 / 3 if kind == "uniform" else strength**2


def flat_memory(weights: Mapping[str, Tensor]) -> Tensor:
    """Memory for one number an element of the weights."""
    return next(iter(weights.values())).new_empty(sum(weight.numel() for weight in weights.values()))


def split_memory(flat: Tensor, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Flat memory as tensors of the shapes and memory formats of the weights, which makes arithmetic with them fast."""
    parts = flat.split([weight.numel() for weight in weights.values()])
    return {
        name: part.as_strided(weight.shape, torch.empty_like(weight, device="meta").stride())
        for part, (name, weight) in zip(parts, weights.items(), strict=True)
    }


def _norms(weight: Tensor) -> Tensor:
    """The length of each filter, in a shape that multiplies the weight; of a vector, the size of each element."""
    if weight.ndim < 2:
        return weight.abs()
    return torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)


def check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"noise {kind!r} is unknown; choose one of {', '.join(KINDS)}")


def check_noise(weights: Mapping[str, Tensor], strength: float, adapt: str, kind: str) -> None:
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not math.isfinite(strength):
        raise ValueError(f"strength {strength!r} is no finite number; give one of at least 0")
    if strength < 0:
        raise ValueError(f"strength {strength:g} is negative; give 0 for no noise, or more")
    if adapt not in ADAPTATIONS:
        raise ValueError(f"adapt {adapt!r} is unknown; choose one of {', '.join(ADAPTATIONS)}")
    check_kind(kind)
    if adapt == "filter" and not any(weight.ndim > 1 for weight in weights.values()):
        raise ValueError("no weight has filters, two or more dimensions, for adapt='filter'; choose 'none' or 'weight'")

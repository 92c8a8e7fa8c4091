"""How sharp a minimum is: the largest loss in a small box around it, and the curvature summed over all directions.

Neither belongs to the function that a network computes. A filter before BatchNorm, or two layers with ReLU between
them, can be rescaled so that all outputs stay and the sharpness takes any value (Dinh et al., ICML 2017); so numbers
can be compared between trainings of one network with one weight decay, and not further.
"""

import math
import statistics
from typing import NamedTuple

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from effdl_lite.measure.loss_surface import LossSurface


class Estimate(NamedTuple):
    """The mean of some draws and its standard error, NaN for a single draw."""

    mean: float
    standard_error: float


def estimate(draws: list[float]) -> Estimate:
    error = statistics.stdev(draws) / math.sqrt(len(draws)) if len(draws) > 1 else math.nan
    return Estimate(statistics.fmean(draws), error)


def box_sharpness(
    surface: LossSurface,
    *,
    epsilon: float = 5e-4,
    starts: int = 2,
    iterations: int = 10,
    generator: torch.Generator | None = None,
) -> float:
    r"""By how many percent the loss can rise in a box around the weights.

    .. math:: \phi = 100 \, \frac{\max_{y \in B} f(x + y) - f(x)}{1 + f(x)}, \qquad
        B = \{ y : |y_i| \le \epsilon \, (|x_i| + 1) \}

    A few iterations of L-BFGS-B look for the largest loss, in the full space. They start at random points of the box
    and the best one counts: at a minimum itself the gradient is 0, and the search would end where it begins. What is
    found is a lower bound of the maximum.

    Args:
        surface: the loss; its weights are the same afterwards.
        epsilon: the half-width of the box for a weight of 0.
        starts: searches.
        iterations: of each search.
        generator: of the starts; None takes torch's own.

    Raises:
        ValueError: if an argument is out of range, or the loss is not finite.

    Source: Keskar et al., On Large-Batch Training for Deep Learning (ICLR 2017); `measure_sharpness.py` of the
    SmoothOut authors, who start at the weights themselves and take the loss on validation images.
    """
    if not epsilon > 0 or starts < 1 or iterations < 1:
        raise ValueError(f"epsilon {epsilon}, {starts} starts, {iterations} iterations: give more than 0 of each")
    weights = surface.weights
    centre = _flat([weight.detach() for weight in weights])
    radius = epsilon * (np.abs(centre) + 1)

    def negative(offset: np.ndarray) -> tuple[float, np.ndarray]:
        with surface.moved(_shaped(offset, weights)):
            value, gradient = surface.gradient()
        if not math.isfinite(value):
            raise ValueError(f"the loss is {value} near these weights, so it has no largest value")
        return -value, -_flat(gradient)

    best = at_centre = surface.value()
    for _ in range(starts):
        start = radius * (2 * torch.rand(len(centre), dtype=torch.float64, generator=generator).numpy() - 1)
        bounds = optimize.Bounds(-radius, radius)
        found = optimize.minimize(
            negative, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": iterations}
        )
        best = max(best, -found.fun)
    return 100 * (best - at_centre) / (1 + at_centre)


def hessian_trace(surface: LossSurface, samples: int = 10, generator: torch.Generator | None = None) -> Estimate:
    r"""The trace of the Hessian, the sum of the curvatures in all directions, by Hutchinson's estimate.

    .. math:: \mathrm{tr} H = E[v^\top H v], \qquad v_i = \pm 1 \text{ with equal chance}

    One sample takes a Hessian-vector product, twice as much work as a gradient.

    Args:
        surface: the loss.
        samples: v that are drawn; the standard error falls with their square root.
        generator: of v, on the weights' device; None takes torch's own.

    Raises:
        ValueError: for less than one sample.

    Source: Hutchinson, A Stochastic Estimator of the Trace of the Influence Matrix (1989).
    """
    if samples < 1:
        raise ValueError(f"{samples} samples: give at least 1")
    directions = [
        [2.0 * torch.empty_like(weight).bernoulli_(generator=generator) - 1 for weight in surface.weights]
        for _ in range(samples)
    ]
    return estimate(surface.curvature(directions))


def _flat(parts: list[Tensor]) -> np.ndarray:
    return torch.cat([part.reshape(-1) for part in parts]).double().cpu().numpy()


def _shaped(numbers: np.ndarray, weights: list[Tensor]) -> list[Tensor]:
    flat = torch.from_numpy(numbers).to(weights[0])
    parts = flat.split([weight.numel() for weight in weights])
    return [part.view(weight.shape) for part, weight in zip(parts, weights, strict=True)]

"""Losses of one weight whose smoothing is known exactly: a bowl and waves, and descents on both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effdl_lite.widgets.random_numbers import random_numbers

KINDS = ("uniform", "normal")
REACH = 3.0  # losses are shown, and minima looked for, from -REACH to REACH
GRID = np.arange(-300, 301) / 100
PERIOD = 8.0  # of what wells are made of: they come again far outside of the picture


@dataclass(frozen=True)
class WaveLoss:
    r"""A loss :math:`C(w) = c + h w^2 / 2 + \sum_j A_j \cos(k_j (w - m_j))` of one weight.

    Attributes:
        constant: c.
        curvature: h, of the bowl.
        waves: frequency k, amplitude A and shift m of each.
    """

    constant: float
    curvature: float
    waves: tuple[tuple[float, float, float], ...]

    def value(self, w):
        k, amplitude, shift = np.array(self.waves).T
        angles = k * (np.asarray(w, dtype=float)[..., None] - shift)
        return self.constant + self.curvature / 2 * np.square(w) + (amplitude * np.cos(angles)).sum(axis=-1)

    def slope(self, w):
        k, amplitude, shift = np.array(self.waves).T
        angles = k * (np.asarray(w, dtype=float)[..., None] - shift)
        return self.curvature * w - (amplitude * k * np.sin(angles)).sum(axis=-1)

    def bend(self, w):
        """The second derivative, which tells a sharp minimum from a flat one."""
        k, amplitude, shift = np.array(self.waves).T
        angles = k * (np.asarray(w, dtype=float)[..., None] - shift)
        return self.curvature - (amplitude * k * k * np.cos(angles)).sum(axis=-1)

    def minima(self) -> list[float]:
        """Where the slope rises through 0 in the picture, to 40 halvings of 0.01."""
        slopes, found = self.slope(GRID), []
        for i in np.flatnonzero((slopes[:-1] <= 0) & (slopes[1:] > 0)):
            low, high = GRID[i], GRID[i + 1]
            for _ in range(40):
                middle = (low + high) / 2
                low, high = (low, middle) if self.slope(middle) > 0 else (middle, high)
            found.append(float(high))
        return found

    def smoothed(self, strength: float, kind: str) -> "WaveLoss":
        r"""The loss averaged over noise: another bowl with the same waves, each smaller by its factor.

        The bowl rises by half of h times the variance of the noise. A wave is multiplied by :math:`\sin(ka) / (ka)` if
        the noise is uniform in -a..a, and by :math:`e^{-k^2 a^2 / 2}` if it is normal with the standard deviation a.

        Raises:
            ValueError: for an unknown kind.
        """
        if kind not in KINDS:
            raise ValueError(f"noise {kind!r} is unknown; choose one of {', '.join(KINDS)}")
        variance = strength**2 / 3 if kind == "uniform" else strength**2
        waves = tuple((k, amplitude * wave_factor(k * strength, kind), shift) for k, amplitude, shift in self.waves)
        return WaveLoss(self.constant + self.curvature / 2 * variance, self.curvature, waves)


def wave_factor(angle: float, kind: str) -> float:
    """What is left of a wave of frequency k under noise of strength a; `angle` is ka."""
    if kind == "normal":
        return math.exp(-angle * angle / 2)
    return math.sin(angle) / angle if angle else 1.0


def well(place: float, depth: float, power: int) -> tuple[float, list[tuple[float, float, float]]]:
    r"""A constant and waves that add up to a dip, :math:`-\text{depth} \cos^{2n}(\pi (w - m) / 8)`.

    It is nearly Gaussian, with a standard deviation of :math:`1.8 / \sqrt n`; waves smaller than 1e-9 are left out.

    Args:
        place: m, its middle.
        depth: how deep it is there.
        power: n; the larger, the sharper.
    """
    sizes = [2 * depth * math.comb(2 * power, power - i) / 4**power for i in range(1, power + 1)]
    waves = [(2 * math.pi * i / PERIOD, -round(size, 12), place) for i, size in enumerate(sizes, 1) if size > 1e-9]
    return -depth * math.comb(2 * power, power) / 4**power, waves


def _two_wells() -> WaveLoss:
    (low, sharp), (other, flat) = well(-1.2, 1.1, 100), well(1.2, 1.25, 5)
    return WaveLoss(round(1.35 + low + other, 12), 0.15, (*sharp, *flat))


LOSSES = {
    "a sharp and a flat minimum": _two_wells(),
    "ripples": WaveLoss(0.25, 0.4, ((2.5 * math.pi, 0.12, 0.1),)),
}


def standard_draws(kind: str, steps: int, seed: int) -> np.ndarray:
    """Noise of strength 1, float64 [steps]: uniform in -1..1 or, by Box and Muller's formula, standard normal."""
    first, second = random_numbers(seed, 2 * steps).reshape(steps, 2).T
    if kind == "uniform":
        return 2 * first - 1
    return np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * math.pi * second)


def descent(loss: WaveLoss, start: float, rate: float, noise: Sequence[float]) -> list[float]:
    r"""Weights before the first step and after each: :math:`w \leftarrow w - \eta C'(w + \theta)`.

    With zeros for noise it is plain gradient descent, else stochastic SmoothOut: the noise is gone before the step.
    Weights are kept to six decimals: the last digits of a cosine differ from one machine to another, and where a
    descent jumps about each difference grows.

    Args:
        loss: the loss itself; the noise does the smoothing.
        start: the first weight.
        rate: the learning rate.
        noise: one number a step.
    """
    path = [float(start)]
    for theta in noise:
        moved = path[-1] - rate * float(loss.slope(path[-1] + theta))
        path.append(math.floor(moved * 1e6 + 0.5) / 1e6)
    return path

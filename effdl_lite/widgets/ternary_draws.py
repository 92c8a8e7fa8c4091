"""A short gradient ternarized again and again, with random numbers that Python and JavaScript share."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from effdl_lite.methods.terngrad import scale
from effdl_lite.methods.terngrad import variance as ternary_variance
from effdl_lite.widgets.random_numbers import random_numbers


def draw_codes(gradient: Sequence[float], steps: int, workers: int, seed: int) -> np.ndarray:
    """The codes sign(g) b that all workers draw, P(b = 1) = |g| / max |g|: int64 [steps, workers, elements].

    The workers share one stream, so that four workers draw in one step what one worker draws in four.
    """
    values = np.asarray(gradient, dtype=np.float64)
    numbers = random_numbers(seed, steps * workers * len(values)).reshape(steps, workers, len(values))
    return np.sign(values).astype(np.int64) * (numbers < np.abs(values) / np.abs(values).max())


def averages(gradient: Sequence[float], codes: np.ndarray) -> np.ndarray:
    """The average of all draws up to each step: float64 [steps, elements]."""
    scaler = max(map(abs, gradient))
    draws = codes.shape[1] * np.arange(1, len(codes) + 1)[:, None]
    return scaler * codes.sum(axis=1).cumsum(axis=0) / draws


def variances(gradient: Sequence[float]) -> list[float]:
    """The variance of each element in one draw."""
    values = torch.tensor(gradient, dtype=torch.float64)
    return ternary_variance(values, scale(values)[0]).tolist()


def standard_errors(gradient: Sequence[float], draws: int) -> list[float]:
    """The standard deviation of each element's average of so many draws."""
    return [math.sqrt(variance / draws) for variance in variances(gradient)]


def distance(a: Sequence[float], b: Sequence[float]) -> float:
    return math.sqrt(sum((x - y) * (x - y) for x, y in zip(a, b, strict=True)))


def expected_distance(gradient: Sequence[float], draws: int) -> float:
    """The root of the mean squared distance between the average of so many draws and the gradient."""
    return math.sqrt(sum(variances(gradient)) / draws)

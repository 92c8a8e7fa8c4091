"""Noise in the weights: whether one draw is right on average, what a smoothed dip leaves, what a step costs."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from effdl_lite.methods import smoothout
from effdl_lite.models import ConvNet
from effdl_lite.training import classification_loss, training_step


def smoothing_bias() -> float:
    """How far the mean slope of |w| at a million draws of noise lies from the slope of the smoothed |w|."""
    weight, strength = 0.1, 0.3
    places = {"w": torch.full((10**6,), weight, dtype=torch.float64)}
    noise = smoothout.draw_noise(places, strength, generator=torch.Generator().manual_seed(0))["w"]
    return abs((places["w"] + noise).sign().mean().item() - smoothout.smoothed_slope(abs, weight, strength))


def minima_left(depth: float, strength: float) -> float:
    """Minima of a smoothed curve: a wide bowl around 1, and at -1 a dip that is 0.2 wide and of this depth."""
    slope = smoothout.smoothed_slope(_bowl_with_dip(depth), _AXIS, strength)
    return float(((slope[:-1] < 0) & (slope[1:] >= 0)).sum())


def lowest_point(depth: float, strength: float) -> float:
    """Where the same curve, smoothed, is lowest."""
    return float(_AXIS[smoothout.box_smoothed(_bowl_with_dip(depth), _AXIS, strength, points=801).argmin()])


_AXIS = np.arange(-2.0007, 3, 0.002)


def _bowl_with_dip(depth: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda w: 0.25 * (w - 1) ** 2 - depth * np.maximum(0, 1 - np.abs(w + 1) / 0.1)


def smoothout_passes(shards: int) -> float:
    """Forward passes of a training step of so many shards with SmoothOut, less those without."""
    calls = []

    def counting(model, batch, state):
        calls.append(len(batch[0]))
        return classification_loss(model, batch)

    with torch.random.fork_rng(devices=[]):
        layer = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        batch = torch.ones(8, 4), torch.arange(8) % 2
        passes = []
        for methods in ([smoothout.SmoothOut(layer, 0.1)], []):
            calls.clear()
            training_step(layer, batch, optimizer, counting, methods, shards=shards)
            passes.append(len(calls))
    return float(passes[0] - passes[1])


def noise_length(which: str) -> float:
    """Length of AdaSmoothOut's noise of strength 0.1 over that of its filter, the shortest or longest of a ConvNet."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = {name: w.double() for name, w in smoothout.perturbed_weights(ConvNet()).items() if w.ndim > 1}
        noise = smoothout.draw_noise(weights, 0.1, adapt="filter")
    ratios = [noise[name].flatten(1).norm(dim=1) / w.flatten(1).norm(dim=1) for name, w in weights.items()]
    ends = {"shortest": torch.amin, "longest": torch.amax}
    if which not in ends:
        raise ValueError(f"which is {which!r}; choose one of {', '.join(ends)}")
    return ends[which](torch.cat(ratios), 0).item()

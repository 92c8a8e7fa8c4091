r"""Smoothing in one dimension, exactly: a loss convolved with a box of width 2a.

.. math:: \tilde C(w) = \frac{1}{2a} \int_{w-a}^{w+a} C(v) \, dv

Functions take and return numbers or numpy arrays. Derived here, and short enough to be checked by hand.
"""

from collections.abc import Callable

import numpy as np

from effdl_lite.methods.smoothout.noise import noise_variance

Function = Callable[[np.ndarray], np.ndarray]


def box_smoothed(loss: Function, w, strength: float, points: int = 2001):
    """The smoothed loss of any function, by the midpoint rule: exact up to the square of the distance of the points.

    Args:
        loss: of an array of positions.
        w: where; a number or an array.
        strength: a, above 0.
        points: that the average is taken over.
    """
    _check(strength)
    offsets = strength * (2 * (np.arange(points) + 0.5) / points - 1)
    return loss(np.asarray(w, dtype=float)[..., None] + offsets).mean(axis=-1)


def smoothed_slope(loss: Function, w, strength: float):
    r"""The derivative of the smoothed loss of any function, :math:`(C(w + a) - C(w - a)) / (2a)`: no noise is left."""
    _check(strength)
    return (loss(w + strength) - loss(w - strength)) / (2 * strength)


def smoothed_absolute(w, strength: float):
    r"""The smoothed :math:`|w|`: :math:`(w^2 + a^2) / (2a)` where :math:`|w| \le a`, so that the tip is round."""
    _check(strength)
    return np.where(np.abs(w) <= strength, (np.square(w) + strength**2) / (2 * strength), np.abs(w))


def sinc_factor(frequency, strength: float):
    r"""What is left of a wave :math:`\sin(k w)` after smoothing, :math:`\sin(ka) / (ka)`.

    Slow waves pass, fast ones fade, and a whole number of periods in the box leaves nothing; between these the wave
    comes back upside down.
    """
    return np.sinc(np.asarray(frequency) * strength / np.pi)


def quadratic_rise(trace: float, strength: float, kind: str = "uniform") -> float:
    r"""By how much noise lifts a quadratic loss with this trace of the Hessian, at any weights.

    .. math:: \tilde C - C = \tfrac12 \mathrm{Var}(\theta) \, \mathrm{tr} H
        = \tfrac{a^2}{6} \mathrm{tr} H \;\text{(uniform)}

    The gradient of a quadratic loss does not change. Of any other loss this is the first term in a.
    """
    return noise_variance(strength, kind) * trace / 2


def _check(strength: float) -> None:
    if not strength > 0:
        raise ValueError(f"strength {strength} gives no box; give a number above 0")

"""What clipping costs and saves: bias and variance of a ternary gradient with Gaussian elements, in closed form."""

import math
from dataclasses import dataclass

from effdl_lite.methods.terngrad import gaussian_clip


@dataclass(frozen=True)
class ClipError:
    """Mean squares over many elements from N(0, sigma^2), as shares of sigma^2; the scaler is c sigma.

    Attributes:
        bias: of the clipped gradient's distance from the given one; no average takes it away.
        variance: of the mean of the workers' ternary gradients around the clipped gradient.
        zeros: share of elements that are 0 in one worker's ternary gradient.
    """

    bias: float
    variance: float
    zeros: float

    @property
    def error(self) -> float:
        """Mean squared distance between the mean ternary gradient and the given one: bias + variance."""
        return self.bias + self.variance


def clip_error(c: float, workers: int = 1) -> ClipError:
    r"""The two errors of a gradient that N workers, who all have it, clip at :math:`c \sigma` and ternarize.

    With :math:`x \sim N(0, 1)`, :math:`y` its clipped value, :math:`P = P(|x| > c)`:

    .. math::

        bias = E (x - y)^2 = 1 - 2 E[xy] + E y^2, \quad E[xy] = 1 - P, \qquad
        variance = \frac{E[|y| (c - |y|)]}{N} = \frac{c^2 \, E|b| - E y^2}{N}

    where :math:`E y^2` is `GaussianClip.energy` and :math:`E|b| = E|y| / c` its `nonzeros`.

    Raises:
        ValueError: if c is not above 0, or there is no worker.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers; at least 1")
    clip = gaussian_clip(c)
    bias = clip.energy + 2 * clip.clipped - 1
    return ClipError(max(bias, 0.0), (c**2 * clip.nonzeros - clip.energy) / workers, 1 - clip.nonzeros)


def best_workers(c: float) -> float:
    r"""For how many draws of a gradient, averaged, :math:`c \sigma` is the clip of the smallest error.

    Where the derivative of bias + variance is 0, with :math:`\varphi` the Gaussian density:

    .. math:: N = \frac{\sqrt{2 / \pi} \, (1 - e^{-c^2 / 2})}{4 \varphi(c) - 2 c P}
    """
    density = math.exp(-(c**2) / 2) / math.sqrt(2 * math.pi)
    fewer = math.sqrt(2 / math.pi) * (1 - math.exp(-(c**2) / 2))
    return fewer / (4 * density - 2 * c * math.erfc(c / math.sqrt(2)))


def median_largest(elements: int) -> float:
    """What the largest size of so many elements is below in half of all gradients, in sigma: c without clipping."""
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        below = elements * math.log1p(-min(math.erfc(middle / math.sqrt(2)), 1 - 1e-16))
        low, high = (middle, high) if below < math.log(0.5) else (low, middle)
    return (low + high) / 2

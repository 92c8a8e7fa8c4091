"""The drawing of `SmoothedLoss`: a loss and its smoothing with a descent on each, and the way of both descents."""

import math
from collections.abc import Sequence

from effdl_lite.widgets.smoothed_waves import GRID, REACH, WaveLoss

MOST_STEPS = 200
MIDDLE, UNIT = 190, 52  # x of w = 0, and of a step of 1
TOP, BOTTOM, HIGHEST = 26, 226, 2.4  # the frame of the losses: 0..HIGHEST
SPLIT, HEIGHT = 382, 608  # above SPLIT the losses, below it the way
DIAMOND = "M0 -6.5l6 6.5l-6 6.5l-6 -6.5z"
TRIANGLE, BALL = "M20 -4l5 9h-10z", "M15.5 -7a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0"  # of the legend


def x(w: float) -> float:
    """Where a weight stands; what lies outside stays at the edge."""
    return MIDDLE + UNIT * min(max(w, -REACH), REACH)


def y(loss: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * min(max(loss, 0), HIGHEST) / HIGHEST


def step_x(step: int) -> float:
    return 46 + 1.5 * step


def weight_y(w: float) -> float:
    """y in the chart of the way."""
    return 100 - 70 * min(max(w, -REACH), REACH) / REACH


def curve(loss: WaveLoss) -> str:
    return " ".join(f"{x(w):.1f},{y(value):.1f}" for w, value in zip(GRID[::3], loss.value(GRID[::3]), strict=True))


def triangles(loss: WaveLoss, minima: Sequence[float]) -> str:
    """A triangle below each minimum."""
    return "".join(f"M{x(w):.1f} {y(float(loss.value(w))) + 5:.1f}l5 9h-10z" for w in minima)


def reach(w: float, strength: float) -> str:
    """A bar from w - a to w + a above the axis."""
    left, right = x(w - strength), x(w + strength)
    return f"M{left:.1f} {BOTTOM - 13}v10M{left:.1f} {BOTTOM - 8}H{right:.1f}M{right:.1f} {BOTTOM - 13}v10"


def probe(loss: WaveLoss, w: float | None) -> str:
    """A ring on the loss with its tangent; none where no slope was taken, or outside of the picture."""
    if w is None or abs(w) > REACH:
        return ""
    height, tilt = y(float(loss.value(w))), -float(loss.slope(w)) * (BOTTOM - TOP) / HIGHEST / UNIT
    dx = 16 / math.sqrt(1 + tilt * tilt)
    line = f"M{x(w) - dx:.1f} {height - tilt * dx:.1f}L{x(w) + dx:.1f} {height + tilt * dx:.1f}"
    return f"{line}M{x(w) - 4:.1f} {height:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0"


def way(path: Sequence[float]) -> str:
    return " ".join(f"{step_x(step):.1f},{weight_y(w):.1f}" for step, w in enumerate(path))


def levels(minima: Sequence[float]) -> str:
    return "".join(f"M46 {weight_y(w):.1f}H346" for w in minima)


def draw(loss: WaveLoss, smoothed: WaveLoss, strength: float, plain, smooth, last: float | None) -> str:
    """The figure as SVG; the JavaScript starts from it.

    Args:
        loss: C.
        smoothed: the same after smoothing.
        strength: a.
        plain: weights of plain descent, the first and after each step.
        smooth: those of SmoothOut.
        last: where SmoothOut took its last slope, w + theta; None before the first step.
    """
    text, line = 'font-size="12"', 'fill="none" stroke="currentColor"'
    title, grid = 'font-size="12.5" font-weight="650"', f'{line} stroke-opacity=".18"'
    parts = [f'<g class="losses"><text x="0" y="12" {title}>The loss C and its smoothing</text>']
    for value in (0, 1, 2):
        parts.append(
            f'<path d="M34 {y(value):.1f}H346" {grid}/><text x="26" y="{y(value) + 4:.1f}" text-anchor="end" '
            f"{text}>{value}</text>"
        )
    for w in range(-3, 4):
        number = str(w).replace("-", "−")
        parts.append(f'<text x="{x(w)}" y="{BOTTOM + 17}" text-anchor="middle" {text}>{number}</text>')
    at = x(plain[-1]), y(float(loss.value(plain[-1])))
    moved = x(smooth[-1]), y(float(smoothed.value(smooth[-1])))
    parts += [
        f'<text x="{MIDDLE}" y="{BOTTOM + 34}" text-anchor="middle" {text}>weight w</text>',
        f'<polyline class="own" points="{curve(loss)}" {line} stroke-width="1.6" stroke-dasharray="5 3"/>',
        f'<polyline class="soft" points="{curve(smoothed)}" {line} stroke-width="2.4" stroke-linejoin="round"/>',
        f'<path class="minima" d="{triangles(smoothed, smoothed.minima())}"/>',
        f'<path class="reach" d="{reach(smooth[-1], strength)}" {line} stroke-width="1.6"/>',
        f'<path class="probe" d="{probe(loss, last)}" {line} stroke-width="1.8"/>',
        f'<path class="plain-now" transform="translate({at[0]:.1f} {at[1]:.1f})" d="{DIAMOND}"/>',
        f'<circle class="soft-now" cx="{moved[0]:.1f}" cy="{moved[1]:.1f}" r="5.5"/>',
    ]
    legend = (
        (f'<path d="M2 -4H38" {line} stroke-width="1.6" stroke-dasharray="5 3"/>', "the loss C"),
        (
            f'<path class="soft" d="M2 -6H38" {line} stroke-width="2.4"/><path class="minima" d="{TRIANGLE}"/>',
            "the smoothed loss, and its minima",
        ),
        (f'<path class="plain-key" transform="translate(20 -4)" d="{DIAMOND}"/>', "plain descent"),
        (
            f'<path class="soft-key" d="{BALL}"/><path class="soft" d="M6 -1v8M6 3H34M34 -1v8" {line}/>',
            "SmoothOut, and below it from w − a to w + a",
        ),
        (
            f'<path class="probe-key" d="M8 1L32 -9M16 -4a4 4 0 1 0 8 0a4 4 0 1 0 -8 0" {line} stroke-width="1.8"/>',
            "the slope it took last, at w + θ",
        ),
    )
    for i, (shape, words) in enumerate(legend):
        parts.append(f'<g transform="translate(0 {286 + 20 * i})">{shape}<text x="48" {text}>{words}</text></g>')
    parts += [
        f'</g><g class="ways" transform="translate(0 {SPLIT})">',
        f'<text x="0" y="12" {title}>The weight after each step; dotted: minima of C</text>',
    ]
    for w in (-3, 0, 3):
        height, number = weight_y(w), str(w).replace("-", "−")
        parts.append(
            f'<path d="M46 {height:.1f}H346" {grid}/><text x="38" y="{height + 4:.1f}" text-anchor="end" '
            f"{text}>{number}</text>"
        )
    for step in range(0, MOST_STEPS + 1, 50):
        parts.append(f'<text x="{step_x(step)}" y="187" text-anchor="middle" {text}>{step}</text>')
    ends = [(step_x(len(path) - 1), weight_y(path[-1])) for path in (plain, smooth)]
    parts += [
        f'<text x="196" y="204" text-anchor="middle" {text}>steps</text>',
        f'<path class="levels" d="{levels(loss.minima())}" {line} stroke-width="1.2" stroke-dasharray="1 4"/>',
        f'<polyline class="plain-way" points="{way(plain)}" {line} stroke-width="1.8" stroke-dasharray="5 3"/>',
        f'<polyline class="soft-way" points="{way(smooth)}" {line} stroke-width="1.8" stroke-linejoin="round"/>',
        f'<path class="plain-end" transform="translate({ends[0][0]:.1f} {ends[0][1]:.1f})" d="{DIAMOND}"/>',
        f'<circle class="soft-end" cx="{ends[1][0]:.1f}" cy="{ends[1][1]:.1f}" r="5"/></g>',
    ]
    name = "A loss of one weight, its smoothing, and a descent on each of them."
    return f'<svg viewBox="0 0 360 {HEIGHT}" fill="currentColor" role="img" aria-label="{name}">{"".join(parts)}</svg>'

"""The drawing of `ClipTradeoff`: bias, variance and their sum against the clip, and the share of zeros."""

import math
from collections.abc import Sequence

from effdl_lite.widgets.clip_errors import ClipError

LEFT, RIGHT, MOST_C = 52, 346, 5.5
TOP, BOTTOM = 34, 234  # of the errors' chart, on an axis of powers of ten
LOWEST, HIGHEST = -4, 1
SPLIT, HEIGHT = 366, 600  # above SPLIT the errors, below it the zeros
# name, dashes, width, what the legend says
CURVES = (
    ("bias", "7 4", 2, "bias²: what clipping cuts off"),
    ("variance", "2 3", 2.2, "variance: what ternary rounding adds"),
    ("error", "", 2.4, "error: their sum"),
)


def x(c: float) -> float:
    return LEFT + (RIGHT - LEFT) * c / MOST_C


def y(value: float) -> float:
    """Of an error; what lies outside the frame stays at its edge."""
    power = math.log10(value) if value > 0 else LOWEST
    return BOTTOM - (BOTTOM - TOP) * (min(max(power, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)


def zeros_y(zeros: float) -> float:
    return 170 - 130 * zeros


def points(stops: Sequence[float], values: Sequence[float]) -> str:
    """A curve, without what lies below the frame."""
    inside = [(c, value) for c, value in zip(stops, values, strict=True) if value >= 10**LOWEST]
    return " ".join(f"{x(c):.1f},{y(value):.1f}" for c, value in inside)


def draw(stops: Sequence[float], errors: Sequence[ClipError], chosen: int, workers: int, largest: float) -> str:
    """The figure as SVG; the JavaScript starts from it.

    Args:
        stops: of the clip, c.
        errors: at each stop, for so many workers.
        chosen: number of the stop that is marked.
        workers: how many.
        largest: c at which half of all gradients of a million elements are clipped nowhere.
    """
    text, line = 'fill="currentColor" font-size="12"', 'fill="none" stroke="currentColor"'
    title, grid = 'fill="currentColor" font-size="12.5" font-weight="650"', f'{line} stroke-opacity=".18"'
    c, at = stops[chosen], errors[chosen]
    parts = [f'<g class="errors"><text x="0" y="12" {title}>Mean squared error, shares of σ²</text>']
    for power in range(LOWEST, HIGHEST + 1):
        height = y(10.0**power)
        parts.append(
            f'<path d="M{LEFT} {height:.1f}H{RIGHT}" {grid}/><text x="{LEFT - 6}" y="{height + 4:.1f}" '
            f'text-anchor="end" {text}>{10.0**power:g}</text>'
        )
    parts += ticks(BOTTOM, text)
    parts += [
        f'<path d="M{x(largest):.1f} {TOP}V{BOTTOM}" {line} stroke-width="1.5" stroke-dasharray="1 4"/>',
        f'<text x="360" y="{TOP - 6}" text-anchor="end" {text}>no clipping, 10⁶ elements</text>',
        f'<path class="here" d="M{x(c):.1f} {TOP}V{BOTTOM}" {line} stroke-width="1.3"/>',
    ]
    for name, dashes, width, _ in CURVES:
        values = [getattr(one, name) for one in errors]
        dash = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(
            f'<polyline class="{name}" points="{points(stops, values)}" {line} stroke-width="{width}" '
            f'stroke-linejoin="round"{dash}/>'
        )
    parts.append(f'<circle class="dot" cx="{x(c):.1f}" cy="{y(at.error):.1f}" r="5" fill="currentColor"/>')
    legend = [
        (
            f'<path class="{name}-key" d="M4 -4H40" {line} stroke-width="{width}"'
            + (f' stroke-dasharray="{dashes}"/>' if dashes else "/>"),
            words,
        )
        for name, dashes, width, words in CURVES
    ]
    legend.append((f'<path d="M22 -14v18" {line} stroke-width="1.3"/>', "the clip that is chosen"))
    for i, (shape, words) in enumerate(legend):
        parts.append(f'<g transform="translate(0 {292 + 19 * i})">{shape}<text x="52" {text}>{words}</text></g>')
    parts.append(f'</g><g class="share" transform="translate(0 {SPLIT})">')
    parts.append(f'<text x="0" y="12" {title}>Zeros in a ternary gradient</text>')
    for share in (0, 0.5, 1):
        height = zeros_y(share)
        parts.append(
            f'<path d="M{LEFT} {height}H{RIGHT}" {grid}/><text x="{LEFT - 6}" y="{height + 4}" text-anchor="end" '
            f"{text}>{100 * share:g} %</text>"
        )
    parts += ticks(170, text)
    curve = " ".join(f"{x(stop):.1f},{zeros_y(one.zeros):.1f}" for stop, one in zip(stops, errors, strict=True))
    parts += [
        f'<path class="here" d="M{x(c):.1f} 40V170" {line} stroke-width="1.3"/>',
        f'<polyline class="zeros" points="{curve}" {line} stroke-width="2.2" stroke-linejoin="round"/>',
        f'<circle class="zeros-dot" cx="{x(c):.1f}" cy="{zeros_y(at.zeros):.1f}" r="5" fill="currentColor"/></g>',
    ]
    name = f"Bias, variance and their sum against the clip c for {workers} workers, and the share of zeros."
    return f'<svg viewBox="0 0 360 {HEIGHT}" role="img" aria-label="{name}">{"".join(parts)}</svg>'


def ticks(bottom: float, text: str) -> list[str]:
    """The axis of c below a chart."""
    numbers = [
        f'<text x="{x(c):.1f}" y="{bottom + 17}" text-anchor="middle" {text}>{c}</text>' for c in range(int(MOST_C) + 1)
    ]
    middle = (LEFT + RIGHT) / 2
    return [*numbers, f'<text x="{middle}" y="{bottom + 34}" text-anchor="middle" {text}>clip c, in σ</text>']

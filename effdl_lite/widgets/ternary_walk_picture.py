"""The drawing of `TernaryWalk`: all elements after a step, and the way of one element's average."""

import math
from collections.abc import Sequence

from effdl_lite.widgets.figure import plain

MOST_STEPS = 1000
SPLIT, HEIGHT = 320, 574  # above SPLIT the elements, below it the walk
MIDDLE, REACH = 122, 80  # of the elements' chart: y of 0, and distance to the scaler
BOTTOM, TALL = 190, 150  # of the walk's chart
LAST = "M0 -7l6 7l-6 7l-6 -7z"  # a diamond
TICKS = (1, 10, 100, 1000)


def signed(number: float, digits: int = 3) -> str:
    return plain(number, digits).replace("-", "−")


def column(element: int, elements: int) -> float:
    return 46 + 300 * (element + 0.5) / elements


def level(value: float, scaler: float) -> float:
    """y of a value in the elements' chart; what lies far beyond the scaler stays at the edge."""
    return MIDDLE - REACH * min(max(value / scaler, -1.15), 1.15)


def step_x(step: float) -> float:
    return 46 + 100 * math.log10(step)


def walk_y(value: float, gradient: float, scaler: float) -> float:
    """y in the walk's chart, whose upper edge is the scaler with the element's sign."""
    share = value * (-1 if gradient < 0 else 1) / scaler
    return BOTTOM - TALL * min(max(share, 0), 1)


def columns(gradient: Sequence[float], last: Sequence[float], average: Sequence[float], errors: Sequence[float]) -> str:
    """The moving part of the elements' chart."""
    line, scaler, parts = 'fill="none" stroke="currentColor"', max(map(abs, gradient)), []
    for i, (g, drawn, mean, error) in enumerate(zip(gradient, last, average, errors, strict=True)):
        x, top, bottom = (
            column(i, len(gradient)),
            level(g + 2 * error, scaler),
            level(g - 2 * error, scaler),
        )
        parts.append(
            f'<rect class="band" x="{x - 13:.1f}" y="{top:.1f}" width="26" height="{bottom - top:.1f}" '
            f'fill="currentColor" fill-opacity=".2"/>'
            f'<path class="truth" d="M{x - 15:.1f} {level(g, scaler):.1f}h30" {line} stroke-width="2.4"/>'
            f'<path class="last" transform="translate({x:.1f} {level(drawn, scaler):.1f})" d="{LAST}" {line} '
            f'stroke-width="2"/><circle class="average" cx="{x:.1f}" cy="{level(mean, scaler):.1f}" r="4.5" '
            f'fill="currentColor"/>'
        )
    return "".join(parts)


def band(gradient: float, variance: float, scaler: float, workers: int) -> str:
    """The outline of two standard errors around the truth, from the first step to the last."""
    steps = [10 ** (i / 10) for i in range(31)]

    def edge(sign: int) -> list[str]:
        values = [gradient + sign * 2 * math.sqrt(variance / (workers * step)) for step in steps]
        heights = [walk_y(value, gradient, scaler) for value in values]
        return [f"{step_x(step):.1f},{height:.1f}" for step, height in zip(steps, heights, strict=True)]

    return " ".join([*edge(1), *reversed(edge(-1))])


def draw(
    gradient: Sequence[float],
    variances: Sequence[float],
    averages: Sequence[Sequence[float]],
    last: Sequence[float],
    element: int,
    workers: int,
) -> str:
    """The figure after `len(averages)` steps, as SVG; the JavaScript starts from it.

    Args:
        gradient: at least two elements, one of them not 0.
        variances: of each element in one draw.
        averages: of all draws up to each step.
        last: the mean of the draws of the last step.
        element: whose walk is drawn, from 0.
        workers: how many draw in a step.
    """
    text, line = 'fill="currentColor" font-size="12"', 'fill="none" stroke="currentColor"'
    title, grid = 'fill="currentColor" font-size="12.5" font-weight="650"', f'{line} stroke-opacity=".18"'
    scaler, steps, g = max(map(abs, gradient)), len(averages), gradient[element]
    errors = [math.sqrt(variance / (workers * steps)) for variance in variances]
    parts = [f'<g class="elements"><text x="0" y="12" {title}>Elements of the gradient</text>']
    for value in (1, 0, -1):
        y = MIDDLE - REACH * value
        words = "0" if not value else "s" if value > 0 else "−s"
        parts.append(f'<path d="M46 {y}H346" {grid}/><text x="40" y="{y + 4}" text-anchor="end" {text}>{words}</text>')
    parts.append(f'<g class="names" text-anchor="middle" {text}>{names(gradient)}</g>')
    parts.append(f'<g class="columns">{columns(gradient, last, averages[-1], errors)}</g>')
    soft = 'fill="currentColor" fill-opacity=".2"'
    diamond = f'<path class="last" transform="translate(19 -4)" d="{LAST}" {line} stroke-width="2"/>'
    legend = (
        (f'<path class="truth" d="M4 -4h30" {line} stroke-width="2.4"/>', "the gradient"),
        (f'<rect class="band" x="6" y="-12" width="26" height="14" {soft}/>', "two standard errors around it"),
        (diamond, "the last step: the mean of its draws"),
        ('<circle class="average" cx="19" cy="-4" r="4.5" fill="currentColor"/>', "the average of all draws"),
    )
    for i, (shape, words) in enumerate(legend):
        parts.append(f'<g transform="translate(0 {252 + 19 * i})">{shape}<text x="46" {text}>{words}</text></g>')
    parts.append(f'</g><g class="walk" transform="translate(0 {SPLIT})">')
    parts.append(f'<text class="walk-title" x="0" y="12" {title}>{walk_title(gradient, element)}</text>')
    for value in (0, 1):
        y = BOTTOM - TALL * value
        words = "0" if not value else ("−s" if g < 0 else "s")
        parts.append(
            f'<path d="M46 {y}H346" {grid}/><text class="walk-{value}" x="40" y="{y + 4}" text-anchor="end" {text}>'
            f"{words}</text>"
        )
    for tick in TICKS:
        parts.append(
            f'<path d="M{step_x(tick):.0f} {BOTTOM - TALL}V{BOTTOM}" {grid}/>'
            f'<text x="{step_x(tick):.0f}" y="{BOTTOM + 17}" text-anchor="middle" {text}>{tick}</text>'
        )
    points = " ".join(f"{step_x(i):.1f},{walk_y(mean[element], g, scaler):.1f}" for i, mean in enumerate(averages, 1))
    outline, now = band(g, variances[element], scaler, workers), walk_y(averages[-1][element], g, scaler)
    parts += [
        f'<text x="196" y="{BOTTOM + 34}" text-anchor="middle" {text}>steps</text>',
        f'<polygon class="band walk-band" points="{outline}" {soft}/>',
        f'<path class="truth walk-truth" d="M46 {walk_y(g, g, scaler):.1f}H346" {line} stroke-width="2"/>',
        f'<polyline class="walk-line" points="{points}" {line} stroke-width="1.8" stroke-linejoin="round"/>',
        f'<circle class="average walk-now" cx="{step_x(steps):.1f}" cy="{now:.1f}" r="4.5" fill="currentColor"/></g>',
    ]
    name = f"A gradient of {len(gradient)} elements, its last ternary draw, and the average of {steps} steps."
    return f'<svg viewBox="0 0 360 {HEIGHT}" role="img" aria-label="{name}">{"".join(parts)}</svg>'


def names(gradient: Sequence[float]) -> str:
    """Number and value of each element, below its column."""
    return "".join(
        f'<text x="{column(i, len(gradient)):.1f}" y="222">{signed(g)}</text>' for i, g in enumerate(gradient)
    )


def walk_title(gradient: Sequence[float], element: int) -> str:
    return f"Element {element + 1}: its average after each step; it is {signed(gradient[element])}"

"""The drawing of `StepTimeModel`: the parts of a step as bars, and the speed-up against the bandwidth."""

import math
from collections.abc import Sequence

from effdl_lite.widgets.figure import plain, short
from effdl_lite.widgets.step_times import StepTime

LEFT, RIGHT, WIDTH = 46, 346, 300
SPLIT, HEIGHT = 232, 506  # above SPLIT the bars, below it the speed-up
TOP, BOTTOM = 34, 204
LOWEST, HIGHEST = -2, 5  # powers of two of the speed-up
POWERS = (7, 11)  # of ten, of bits a second
GRID = [10 ** (POWERS[0] + i / 10) for i in range(10 * (POWERS[1] - POWERS[0]) + 1)]
DASHES = ("", "7 4")
DOTS = ("M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z", "M0 -6l6 6l-6 6l-6 -6z")
PARTS = (("compute", "compute"), ("network", "network"), ("codec", "encode and decode"))
FILLS = {
    "compute": 'fill="currentColor" fill-opacity=".75"',
    "network": 'fill="currentColor" fill-opacity=".18" stroke="currentColor" stroke-width="1.5"',
    "codec": 'fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2 2"',
}


def bandwidth_x(bits: float) -> float:
    return LEFT + WIDTH * (math.log10(bits) - POWERS[0]) / (POWERS[1] - POWERS[0])


def speedup_y(speedup: float) -> float:
    """What is beyond the frame stays at its edge."""
    power = min(max(math.log2(speedup), LOWEST), HIGHEST)
    return BOTTOM - (BOTTOM - TOP) * (power - LOWEST) / (HIGHEST - LOWEST)


def with_unit(value: float, unit: str) -> str:
    text = short(value)
    return f"{text}{unit}" if text[-1].isalpha() else f"{text} {unit}"


def seconds(value: float) -> str:
    return with_unit(value, "s") if 0 < value < 1 else f"{plain(value)} s"


def headline(time: StepTime) -> str:
    """The text above a bar."""
    return time.way if time.way == "fp32" else f"{time.way}: {plain(time.speedup)} times as fast"


def bars(times: Sequence[StepTime]) -> str:
    """The moving part above: each way with its three parts, scaled to the longest step."""
    longest, rows = max(time.step for time in times), []
    for i, time in enumerate(times):
        start, top, parts = 0.0, 26 + 50 * i, []
        for part, _ in PARTS:
            width = WIDTH * 1.18 * getattr(time, part) / longest
            if width:
                parts.append(
                    f'<rect class="{part}" x="{start:.2f}" y="{top + 19}" width="{width:.2f}" height="14" '
                    f"{FILLS[part]}/>"
                )
            start += width
        rows.append(
            f'<text class="way" x="0" y="{top + 12}">{headline(time)}</text>'
            f'<text class="sum" x="356" y="{top + 12}" text-anchor="end">{seconds(time.step)}</text>{"".join(parts)}'
        )
    return "".join(rows)


def curve(values: Sequence[float]) -> str:
    return " ".join(f"{bandwidth_x(b):.1f},{speedup_y(v):.1f}" for b, v in zip(GRID, values, strict=True))


def draw(times: Sequence[StepTime], curves: Sequence[Sequence[float]], bandwidth: float, name: str) -> str:
    """The figure as SVG; the JavaScript starts from it.

    Args:
        times: of fp32 and of each codec.
        curves: of each codec, the speed-up at the bandwidths of `GRID`.
        bandwidth: that is chosen, bits a second.
        name: of the network.
    """
    text, line = 'fill="currentColor" font-size="12"', 'fill="none" stroke="currentColor"'
    title, grid = 'fill="currentColor" font-size="12.5" font-weight="650"', f'{line} stroke-opacity=".18"'
    x = bandwidth_x(bandwidth)
    parts = [
        f'<g class="steps"><text x="0" y="12" {title}>Time of a step</text>',
        f'<g class="bars" {text}>{bars(times)}</g>',
    ]
    for (part, words), left in zip(PARTS, (0, 108, 208), strict=True):
        parts.append(
            f'<rect class="{part}" x="{left}" y="195" width="22" height="13" {FILLS[part]}/>'
            f'<text x="{left + 29}" y="206" {text}>{words}</text>'
        )
    parts.append(f'</g><g class="gain" transform="translate(0 {SPLIT})">')
    parts.append(f'<text x="0" y="12" {title}>Speed-up over fp32, by bandwidth</text>')
    for power in range(LOWEST, HIGHEST + 1):
        y = speedup_y(2.0**power)
        style = f'{line} stroke-width="1.5"' if not power else grid
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{RIGHT}" {style}/><text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" '
            f"{text}>{'1/' if power < 0 else ''}{2 ** abs(power)}</text>"
        )
    for power in range(POWERS[0], POWERS[1] + 1):
        parts.append(
            f'<text x="{bandwidth_x(10.0**power):.0f}" y="{BOTTOM + 17}" text-anchor="middle" {text}>'
            f"{('10 M', '100 M', '1 G', '10 G', '100 G')[power - POWERS[0]]}</text>"
        )
    parts += [
        f'<text x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 34}" text-anchor="middle" {text}>bandwidth, bit/s</text>',
        f'<path class="here" d="M{x:.1f} {TOP}V{BOTTOM}" {line} stroke-width="1.3"/>',
    ]
    for i, (time, values) in enumerate(zip(times[1:], curves, strict=True)):
        dash = f' stroke-dasharray="{DASHES[i]}"' if DASHES[i] else ""
        left = LEFT + 160 * i
        parts.append(
            f'<g class="s{i}"><polyline class="curve" points="{curve(values)}" {line} stroke-width="2.2"{dash}/>'
            f'<path class="dot" transform="translate({x:.1f} {speedup_y(time.speedup):.1f})" d="{DOTS[i]}" '
            f'fill="currentColor"/><path d="M{left} {BOTTOM + 54}h34" {line} stroke-width="2.2"{dash}/>'
            f'<path transform="translate({left + 17} {BOTTOM + 54})" d="{DOTS[i]}" fill="currentColor"/></g>'
            f'<text x="{left + 42}" y="{BOTTOM + 58}" {text}>{time.way}</text>'
        )
    label = f"Time of a step of {name} in fp32 and with TernGrad, and the speed-up against the bandwidth."
    return f'<svg viewBox="0 0 360 {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</g></svg>'

"""How `LSTMSizes` is drawn: bars of parameters, MACs and bytes, and measured speed over the ratio of MACs."""

import math
from collections.abc import Sequence
from html import escape

from effdl_lite.widgets.figure import plain, short
from effdl_lite.widgets.lstm_parts import PARTS, PartCost
from effdl_lite.widgets.tradeoff import MARKERS

WIDTH, LEFT, BAR, THICK, ROW, PANEL = 360, 72, 166, 12, 20, 112  # of the bars
CHART = {"left": 40, "right": 352, "top": 384, "bottom": 574}
TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]
PANELS = (
    ("parameters", "Parameters"),
    ("macs", "Multiply-accumulates (MACs) a word"),
    ("bytes", "Weights that a time step reads"),
)
TEXT = 'fill="currentColor" font-size="12"'
TITLE = 'fill="currentColor" font-size="12.5" font-weight="650"'
GRID = 'stroke="currentColor" stroke-opacity=".15"'


def frame_of(dense: Sequence[list[PartCost]], points: Sequence[dict], cache_mb: float) -> dict:
    """What JavaScript has to know of the drawing: the number that fills a bar, and the ends of both axes.

    Args:
        dense: the costs of the dense model, once for each vocabulary.
        points: measured points, each with its ratio of MACs.
        cache_mb: must be seen among the bytes.
    """
    scale = {key: max(getattr(part, key) for parts in dense for part in parts) for key, _ in PANELS}
    scale["bytes"] = max(scale["bytes"], 1.1e6 * cache_mb)
    most = max([20, *(value for point in points for value in (point["ratio"], point["high"]))])
    least = min([1, *(point["low"] for point in points)])
    return {
        **CHART,
        "bar": BAR,
        "scale": scale,
        "high": next((tick for tick in TICKS if tick >= most), 1000),
        "low": next((tick for tick in reversed(TICKS) if tick <= least), 0.01),
    }


def value_text(key: str, now: int, dense: int, counts: bool) -> str:
    """The numbers beside a bar: of the chosen sizes, and of the dense model where it differs."""
    if not counts:
        return "left out"
    if not dense:
        return "0, looked up"
    unit = "B" if key == "bytes" else ""
    return f"{short(now)}{unit}" if now == dense else f"{short(now)}{unit} of {short(dense)}{unit}"


def draw(figure) -> str:
    """The drawing of an `LSTMSizes` as it stands now."""
    dense = figure.costs(figure.sizes["dense"])
    parts = _bars(figure.costs(), dense, figure.softmax, figure.frame["scale"], figure.sizes["cache_mb"])
    parts += _chart(figure)
    modes = list(dict.fromkeys(point["mode"] for point in figure.points))
    height = CHART["bottom"] + 46
    for number, mode in enumerate(modes):
        parts.append(
            f'<g class="s{number}"><path class="dot" transform="translate({CHART["left"] + 6} {height + 6})" '
            f'd="{MARKERS[number]}" fill="currentColor"/></g><text x="{CHART["left"] + 18}" y="{height + 10}" {TEXT}>'
            f"{escape(mode)}, with the quartiles</text>"
        )
        height += 19
    sizes = "a language model of two LSTM layers"
    name = (
        f"Bars: parameters, MACs and bytes of weights of the four parts of {sizes}, against those of the dense model. "
        "Below: how many times as fast over how many times fewer MACs, on logarithmic axes, with a diagonal where "
        f"both are equal, {len(figure.points)} measured points in all, and a line for the chosen sizes."
    )
    return f'<svg viewBox="0 0 {WIDTH} {height + 8}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'


def _bars(small: list[PartCost], dense: list[PartCost], softmax: bool, scale: dict, cache_mb: float) -> list[str]:
    texts = []
    for number, (key, title) in enumerate(PANELS):
        top = number * PANEL
        texts.append(f'<text x="0" y="{top + 14}" {TITLE}>{title}</text>')
        for i, (now, whole) in enumerate(zip(small, dense, strict=True)):
            y, counts = top + 24 + i * ROW, softmax or i < len(PARTS) - 1
            widths = [BAR * getattr(part, key) / scale[key] * counts for part in (now, whole)]
            text = value_text(key, getattr(now, key), getattr(whole, key), counts)
            texts.append(
                f'<g class="part"><text x="{LEFT - 6}" y="{y + 10}" text-anchor="end" {TEXT}>{PARTS[i]}</text>'
                f'<rect class="now" x="{LEFT}" y="{y}" width="{widths[0]:.5g}" height="{THICK}" fill="currentColor" '
                f'fill-opacity=".4"/><rect class="dense" x="{LEFT}" y="{y}" width="{widths[1]:.5g}" height="{THICK}" '
                'fill="none" stroke="currentColor" stroke-width="1.2"/>'
                f'<text class="value" x="{WIDTH}" y="{y + 10}" text-anchor="end" {TEXT}>{text}</text></g>'
            )
    at, top = round(LEFT + BAR * 1e6 * cache_mb / scale["bytes"], 1), 2 * PANEL
    texts.append(
        f'<path class="cache" d="M{at} {top + 19}V{top + 26 + 4 * ROW}" stroke="currentColor" stroke-width="2" '
        f'stroke-dasharray="4 3"/><path class="cache" d="M{WIDTH - 86} {top + 4}v13" stroke="currentColor" '
        f'stroke-width="2" stroke-dasharray="4 3"/>'
        f'<text x="{WIDTH}" y="{top + 14}" text-anchor="end" {TEXT}>cache {plain(cache_mb)} MB</text>'
    )
    return texts


def _chart(figure) -> list[str]:
    f = figure.frame

    def share(value: float, low: float) -> float:
        return math.log(min(max(value, low), f["high"]) / low) / math.log(f["high"] / low)

    def x(value: float) -> float:
        return round(f["left"] + share(value, 1) * (f["right"] - f["left"]), 1)

    def y(value: float) -> float:
        return round(f["bottom"] - share(value, f["low"]) * (f["bottom"] - f["top"]), 1)

    parts = [f'<text x="0" y="{f["top"] - 34}" {TITLE}>Measured: times as fast, over times fewer MACs</text>']
    for tick in (tick for tick in TICKS if f["low"] <= tick <= f["high"]):
        parts.append(f'<path d="M{f["left"]} {y(tick)}H{f["right"]}" {GRID}/>')
        parts.append(f'<text x="{f["left"] - 6}" y="{y(tick) + 4}" text-anchor="end" {TEXT}>{plain(tick)}</text>')
        if tick >= 1:
            parts.append(f'<path d="M{x(tick)} {f["top"]}V{f["bottom"]}" {GRID}/>')
            parts.append(f'<text x="{x(tick)}" y="{f["bottom"] + 17}" text-anchor="middle" {TEXT}>{plain(tick)}</text>')
    ratio = figure.times_fewer_macs()
    middle = (f["left"] + f["right"]) / 2
    parts += [
        f'<text x="{middle}" y="{f["bottom"] + 36}" text-anchor="middle" {TEXT}>times fewer MACs</text>',
        (
            f'<path class="diagonal" d="M{x(1)} {y(1)}L{x(f["high"])} {y(f["high"])}" stroke="currentColor" '
            'stroke-width="1.5" stroke-dasharray="6 4"/>'
        ),
        (
            f'<g class="choice"><path d="M{x(ratio)} {f["top"] - 4}V{f["bottom"]}" stroke="currentColor" '
            f'stroke-width="2"/><text x="{min(max(x(ratio), f["left"] + 36), f["right"] - 36)}" y="{f["top"] - 10}" '
            f'text-anchor="middle" {TEXT}>{plain(ratio)} times{" →" if ratio > f["high"] else ""}</text></g>'
        ),
    ]
    chosen = figure.vocabulary, figure.softmax
    shown = [point for point in figure.points if (point["vocabulary"], point["softmax"]) == chosen]
    for point in figure.points:
        at, low, high = x(point["ratio"]), y(point["low"]), y(point["high"])
        name = f"{point['hidden'][0]}, {point['hidden'][1]}; {point['mode']}: {point['says']}"
        parts.append(
            f'<g class="point s{point["series"]}"{_hidden(point not in shown)}><title>{escape(name)}</title>'
            f'<path d="M{at} {low}V{high}m-4 0h8M{at - 4} {low}h8" fill="none" stroke="currentColor" '
            f'stroke-width="1.5"/><path class="dot" transform="translate({at} {y(point["speedup"])})" '
            f'd="{MARKERS[point["series"]]}" fill="currentColor"/></g>'
        )
    parts.append(
        f'<text class="none" x="{f["right"] - 6}" y="{f["bottom"] - 8}" text-anchor="end" {TEXT}{_hidden(shown)}>'
        "nothing measured here</text>"
    )
    return parts


def _hidden(is_hidden: bool) -> str:
    return ' style="display:none"' if is_hidden else ""

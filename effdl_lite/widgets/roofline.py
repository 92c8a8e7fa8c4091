"""The roofline of a machine, and where a convolution layer stands under it."""

import math
from collections.abc import Sequence
from html import escape
from typing import ClassVar

import traitlets

from effdl_lite.widgets.figure import Figure, plain

# The stops of the five sliders
CHOICES = {
    "channels": [1, 3, 8, 16, 32, 64, 128, 256, 512],
    "filters": [1, 8, 16, 32, 64, 128, 256, 512],
    "kernel": [1, 3, 5, 7],
    "size": [1, 2, 4, 8, 16, 32, 64, 128],
    "batch": [1, 2, 4, 8, 16, 32, 64, 128, 256],
}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380, 290, 52, 372, 14, 240


def layer_cost(channels: int, filters: int, kernel: int, size: int, batch: int) -> dict[str, float]:
    """What one convolution layer (stride 1, 'same' padding, no bias, fp32) computes and moves at least.

    Args:
        channels: input channels C.
        filters: filters N.
        kernel: height and width k of a filter.
        size: height and width of the feature map.
        batch: examples.

    Returns:
        `parameters` = N·C·k², `macs` = N·C·k²·size²·batch, `flops` = 2·macs, `bytes`: weights, input and output moved
        once, 4 bytes a number, and `intensity` = flops / bytes.
    """
    parameters = filters * channels * kernel**2
    macs = parameters * size**2 * batch
    moved = 4 * (parameters + batch * size**2 * (channels + filters))
    return {
        "parameters": parameters,
        "macs": macs,
        "flops": 2 * macs,
        "bytes": moved,
        "intensity": 2 * macs / moved,
    }


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Powers of ten that enclose all values."""
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


class RooflineExplorer(Figure):
    """A roofline with sliders for one convolution layer: is it limited by memory or by compute, and how fast at best?

    Args:
        peak_gflops: the machine's highest rate, in 10⁹ floating-point operations per second; more than 0.
        bandwidth_gbs: its memory bandwidth, in 10⁹ bytes per second; more than 0.
        points: measurements to show: `{"name": ..., "flops": ..., "bytes": ..., "seconds": ...}`, each more than 0.
        machine: what the figure calls this machine.

    Raises:
        ValueError: if a rate or a measurement is not a positive number.

    Source: the roofline of Williams, Waterman and Patterson, 2009.
    """

    source = "roofline"
    START: ClassVar[dict[str, int]] = {"channels": 64, "filters": 64, "kernel": 3, "size": 32, "batch": 1}

    peak_gflops = traitlets.Float().tag(sync=True)
    bandwidth_gbs = traitlets.Float().tag(sync=True)
    machine = traitlets.Unicode().tag(sync=True)
    points = traitlets.List(traitlets.Dict()).tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    choices = traitlets.Dict(CHOICES).tag(sync=True)
    start = traitlets.Dict(START).tag(sync=True)
    channels = traitlets.Int(START["channels"]).tag(sync=True)
    filters = traitlets.Int(START["filters"]).tag(sync=True)
    kernel = traitlets.Int(START["kernel"]).tag(sync=True)
    size = traitlets.Int(START["size"]).tag(sync=True)
    batch = traitlets.Int(START["batch"]).tag(sync=True)

    def __init__(
        self,
        peak_gflops: float,
        bandwidth_gbs: float,
        points: Sequence[dict] = (),
        machine: str = "this machine",
    ):
        for name, value in (("peak_gflops", peak_gflops), ("bandwidth_gbs", bandwidth_gbs)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(
                    f"{name} is {value}; it must be a number above 0: measure it, or take the data sheet's"
                )
        for point in points:
            missing = {"name", "flops", "bytes", "seconds"} - set(point)
            if missing:
                raise ValueError(f"the point {point} has no {', '.join(sorted(missing))}; a point needs all four")
            for key in ("flops", "bytes", "seconds"):
                if not (math.isfinite(point[key]) and point[key] > 0):
                    raise ValueError(f"{key} of {point['name']!r} is {point[key]}; it must be a number above 0")
        rows = [
            {
                "name": str(point["name"]),
                "intensity": point["flops"] / point["bytes"],
                "gflops": point["flops"] / point["seconds"] / 1e9,
            }
            for point in points
        ]
        ridge = peak_gflops / bandwidth_gbs
        x0, x1 = _decades([0.2, 1000, ridge, *(row["intensity"] for row in rows)])
        y0, y1 = _decades([0.2 * bandwidth_gbs, 1.05 * peak_gflops, *(row["gflops"] for row in rows)])
        frame = {"x0": x0, "x1": x1, "y0": y0, "y1": y1, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
        super().__init__(
            peak_gflops=peak_gflops, bandwidth_gbs=bandwidth_gbs, points=rows, machine=machine, frame=frame
        )
        self.picture = self._draw()

    def cost(self) -> dict[str, float]:
        """`layer_cost` of the layer on the sliders, with `gflops`, the rate that the roof allows, and its `seconds`."""
        cost = layer_cost(self.channels, self.filters, self.kernel, self.size, self.batch)
        gflops = min(self.peak_gflops, cost["intensity"] * self.bandwidth_gbs)
        return {**cost, "gflops": gflops, "seconds": cost["flops"] / gflops / 1e9}

    def table(self) -> tuple[str, list[list[str]]]:
        cost = self.cost()
        rows = [["Name", "FLOP per byte", "GFLOP/s", "Limited by"]]
        entries = [
            (f"Your layer, {self._layer()}: at best", cost["intensity"], cost["gflops"]),
            *((f"Measured: {point['name']}", point["intensity"], point["gflops"]) for point in self.points),
        ]
        ridge = self.peak_gflops / self.bandwidth_gbs
        rows.append([f"Roof of {self.machine}: the corner", plain(ridge), plain(self.peak_gflops), "both"])
        rows += [[name, plain(x), plain(rate), self._limit(x)] for name, x, rate in entries]
        return f"Roofline of {self._rates()}", rows

    def _rates(self) -> str:
        return f"{self.machine}: {plain(self.peak_gflops)} GFLOP/s, {plain(self.bandwidth_gbs)} GB/s"

    def _layer(self) -> str:
        k, m = self.kernel, self.size
        return f"{self.channels}→{self.filters}, {k}×{k}, map {m}×{m}, batch {self.batch}"

    def _limit(self, intensity: float) -> str:
        return "memory" if intensity * self.bandwidth_gbs < self.peak_gflops else "compute"

    def _draw(self) -> str:
        f = self.frame

        def x(value):
            return round(LEFT + (math.log10(value) - f["x0"]) / (f["x1"] - f["x0"]) * (RIGHT - LEFT), 1)

        def y(value):
            return round(BOTTOM - (math.log10(value) - f["y0"]) / (f["y1"] - f["y0"]) * (BOTTOM - TOP), 1)

        text = 'fill="currentColor" font-size="11.5"'
        parts = []
        for power in range(f["x0"], f["x1"] + 1):
            at = x(10**power)
            parts.append(f'<path class="grid" d="M{at} {TOP}V{BOTTOM}" stroke="currentColor" stroke-opacity=".15"/>')
            parts.append(f'<text x="{at}" y="{BOTTOM + 17}" text-anchor="middle" {text}>{10.0**power:g}</text>')
        for power in range(f["y0"], f["y1"] + 1):
            at = y(10**power)
            parts.append(f'<path class="grid" d="M{LEFT} {at}H{RIGHT}" stroke="currentColor" stroke-opacity=".15"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{at + 4}" text-anchor="end" {text}>{10.0**power:g}</text>')
        # The slope enters the frame at its left or at its lower edge.
        start = max(10.0 ** f["x0"], 10.0 ** f["y0"] / self.bandwidth_gbs)
        ridge = self.peak_gflops / self.bandwidth_gbs
        cost = self.cost()
        parts += [
            (
                f'<path class="roof" d="M{x(start)} {y(start * self.bandwidth_gbs)}L{x(ridge)} {y(self.peak_gflops)}'
                f'H{RIGHT}" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linejoin="round"/>'
            ),
            (
                f'<path class="ridge" d="M{x(ridge)} {y(self.peak_gflops)}V{BOTTOM}" stroke="currentColor"'
                ' stroke-dasharray="3 4" stroke-opacity=".6"/>'
            ),
            f'<text x="{x(ridge) - 7}" y="{BOTTOM - 8}" text-anchor="end" {text}>memory-limited</text>',
            f'<text x="{x(ridge) + 7}" y="{BOTTOM - 8}" {text}>compute-limited</text>',
            (
                f'<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle" {text}>'
                "arithmetic intensity, FLOP per byte</text>"
            ),
            f'<text transform="translate(13 127) rotate(-90)" text-anchor="middle" {text}>GFLOP/s</text>',
        ]
        for number, point in enumerate(self.points, 1):
            px, py = x(point["intensity"]), y(point["gflops"])
            parts.append(
                f'<g class="measured"><title>{escape(point["name"])}</title>'
                f'<path d="M{px} {py - 6}l6 6l-6 6l-6 -6z" fill="none" stroke="currentColor" stroke-width="1.8"/>'
                f'<text x="{px + 9}" y="{py + 4}" {text}>{number}</text></g>'
            )
        parts.append(
            f'<g class="layer" transform="translate({x(cost["intensity"])} {y(cost["gflops"])})">'
            '<circle r="6.5" fill="currentColor"/></g>'
        )
        name = (
            f"Roofline of {self._rates()}. The roof has its corner at {plain(ridge)} FLOP per byte. "
            f"{len(self.points)} measured points."
        )
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'

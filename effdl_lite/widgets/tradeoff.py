"""A score against cost: measured points of several methods, and what each keeps of every layer."""

import math
from collections.abc import Sequence
from html import escape

import traitlets

from effdl_lite.widgets.figure import Figure, plain, short
from effdl_lite.widgets.tradeoff_points import layers_in, number_in, scores_in

MOST_SERIES, MOST_POINTS = 4, 10
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 380, 46, 362, 14, 250
# One marker for each series, drawn around (0, 0)
MARKERS = [
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M-5 -5h10v10h-10z",
    "M0 -6.5l6 11h-12z",
    "M0 -6.5l6.5 6.5l-6.5 6.5l-6.5 -6.5z",
]


def nice_ticks(low: float, high: float, number: int = 5) -> list[float]:
    """About `number` round values (steps of 1, 2 or 5 times a power of ten) that enclose low..high."""
    span = high - low or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / number))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * number >= span * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, max(last, first + 1) + 1)]


class TradeoffExplorer(Figure):
    """A measured score against cost: choose a series, walk along its points, see what is left of every layer.

    Args:
        points: the measurements, at most 10 of each of at most 4 series, in the order in which the slider walks:
            `{"series": "filter", "label": "strength 3e-3", "cost": 0.46, "mean": 75.9, "low": 75.5, "high": 76.3,
            "layers": {"conv 1": (16, 32)}}`; the score with its spread, `layers` may be left out.
        reference: `{"mean": ..., "low": ..., "high": ...}` of the dense network that was trained equally long.
        task: what the reader should find out, in one line of plain text.
        cost_name: what the cost counts.
        share: True if a cost is a share of the dense network's, 0..1; False if it is a count, such as 2.4e6.
        score_name, score_unit: what the points are judged by, and its unit, "" if it has none: "perplexity", "".
        layers_title: what the numbers of `layers` count.

    Raises:
        ValueError: if there are no points, or too many, or a number is missing, not finite or out of its range.
        traitlets.TraitError: if `series` or `index` is set to one that is not there.
    """

    source = "tradeoff"
    task = traitlets.Unicode().tag(sync=True)
    points = traitlets.List(traitlets.Dict()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    markers = traitlets.List(traitlets.Unicode(), MARKERS).tag(sync=True)
    texts = traitlets.Dict().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    series = traitlets.Int(0, min=0, max=MOST_SERIES - 1).tag(sync=True)
    index = traitlets.Int(0, min=0, max=MOST_POINTS - 1).tag(sync=True)

    def __init__(
        self,
        points: Sequence[dict],
        reference: dict,
        task: str,
        *,
        cost_name: str = "MACs",
        share: bool = True,
        score_name: str = "accuracy",
        score_unit: str = "%",
        layers_title: str = "Filters kept in each layer",
    ):
        if not points:
            raise ValueError("points is empty; the figure needs at least one measurement")
        if wrong := [point for point in points if not isinstance(point, dict)]:
            raise ValueError(f"{wrong[0]!r} is no point; give a dict with series, label, cost, mean, low and high")
        names = list(dict.fromkeys(str(point.get("series", "")) for point in points))
        if "" in names:
            raise ValueError("a point has no series; name the method that it belongs to")
        if len(names) > MOST_SERIES:
            raise ValueError(f"there are {len(names)} series; {MOST_SERIES} can be told apart: leave some out")
        self._share, self._cost_name = share, cost_name
        self._score_name, self._score_unit = score_name, score_unit
        self._reference = scores_in("the reference", reference)
        rows = []
        for point in points:
            owner = f"the point {point.get('label', '')!r} of {point['series']!r}"
            cost = number_in(owner, point, "cost")
            if cost < 0 or (share and cost > 1):
                limit = "0..1, the share of the dense network" if share else "0 or more"
                raise ValueError(f"cost of {owner} is {cost}; it must be {limit}")
            rows.append(
                {
                    "series": names.index(str(point["series"])),
                    "label": str(point.get("label", "")),
                    "cost": cost,
                    **scores_in(owner, point),
                    "layers": layers_in(owner, point.get("layers", {})),
                }
            )
        for number, name in enumerate(names):
            count = sum(row["series"] == number for row in rows)
            if count > MOST_POINTS:
                raise ValueError(f"series {name!r} has {count} points; the slider has room for {MOST_POINTS}")
        scores = [value for row in (self._reference, *rows) for value in (row["low"], row["high"])]
        costs = [row["cost"] for row in rows] + ([1.0] if share else [0.0])
        self._x_ticks, self._y_ticks = nice_ticks(min(costs), max(costs)), nice_ticks(min(scores), max(scores))
        for row in rows:
            row["x"], row["y"] = self._x(row["cost"]), self._y(row["mean"])
            row["says"] = self._says(row)
        super().__init__(points=rows, names=names, task=task)
        self._titles = (f"{cost_name}, % of the dense network" if share else cost_name, self._score())
        self.texts = {"layers": layers_title, "rows": self.table()[1], "caption": self.table()[0]}
        self.picture = self._draw()

    @traitlets.validate("series")
    def _check_series(self, proposal):
        if proposal["value"] >= len(self.names):
            raise traitlets.TraitError(
                f"series is {proposal['value']}; there are {len(self.names)}, numbered from 0: {', '.join(self.names)}"
            )
        return proposal["value"]

    @traitlets.validate("index")
    def _check_index(self, proposal):
        longest = max(sum(point["series"] == series for point in self.points) for series in range(len(self.names)))
        if proposal["value"] >= longest:
            raise traitlets.TraitError(f"index is {proposal['value']}; the longest series has points 0..{longest - 1}")
        return proposal["value"]

    def table(self) -> tuple[str, list[list[str]]]:
        score = self._score()[0].upper() + self._score()[1:]
        rows = [["Series", "Point", self._cost_name, score, "Spread", "Against dense", "Kept in each layer"]]
        dense = self._reference
        spread = f"{dense['low']:.1f} to {dense['high']:.1f}"
        whole = "100\u00a0%" if self._share else "-"
        rows.append(["dense network", "control", whole, f"{dense['mean']:.1f}", spread, "0.0", "all"])
        for point in self.points:
            kept = [f"{name}: {plain(kept, 6)}/{plain(total, 6)}" for name, kept, total in point["layers"]]
            rows.append(
                [
                    self.names[point["series"]],
                    point["label"],
                    self._cost(point["cost"]),
                    f"{point['mean']:.1f}",
                    f"{point['low']:.1f} to {point['high']:.1f}",
                    self._signed(self._difference(point)),
                    "; ".join(text.replace(" ", "\u00a0") for text in kept) or "-",
                ]
            )
        return f"{score.split(',')[0]} against {self._cost_name}", rows

    def _score(self) -> str:
        return f"{self._score_name}, {self._score_unit}" if self._score_unit else self._score_name

    def _difference(self, row: dict) -> float:
        """How far above the dense network, of the two rounded scores, so that a reader gets the same."""
        return round(round(row["mean"], 1) - round(self._reference["mean"], 1), 1) + 0.0

    @staticmethod
    def _signed(gap: float) -> str:
        return f"{gap:+.1f}".replace("-", "−") if gap else "0.0"

    def _cost(self, cost: float) -> str:
        if not self._share:
            return short(cost)
        return f"{100 * cost:.0f}\u00a0%" if cost >= 0.1 else f"{100 * cost:.1f}\u00a0%"

    def _says(self, row: dict) -> str:
        gap, dense = self._difference(row), self._reference
        points = " points" if self._score_unit == "%" else ""
        side = f"{abs(gap):.1f}{points} {'below' if gap < 0 else 'above'}" if gap else "level with"
        number = f"{row['mean']:.1f}"
        mean = f"{number}\u00a0%" if points else f"{self._score_name} {number} {self._score_unit}".strip()
        overlap = row["low"] <= dense["high"] and dense["low"] <= row["high"]
        return (
            f"{self._cost(row['cost'])} {'of the ' if self._share else ''}{self._cost_name}, {mean} "
            f"({row['low']:.1f} to {row['high']:.1f}), {side} the dense network"
            f" ({dense['low']:.1f} to {dense['high']:.1f}): the two ranges {'overlap' if overlap else 'are apart'}."
        )

    def _x(self, cost: float) -> float:
        low, high = self._x_ticks[0], self._x_ticks[-1]
        return round(LEFT + (cost - low) / (high - low) * (RIGHT - LEFT), 1)

    def _y(self, score: float) -> float:
        low, high = self._y_ticks[0], self._y_ticks[-1]
        return round(BOTTOM - (score - low) / (high - low) * (BOTTOM - TOP), 1)

    def _draw(self) -> str:
        text = 'fill="currentColor" font-size="11.5"'
        grid = 'stroke="currentColor" stroke-opacity=".15"'
        dense, middle = self._reference, (LEFT + RIGHT) / 2
        parts = []
        for tick in self._x_ticks:
            label = plain(100 * tick, 4) if self._share else f"{short(tick)} ".replace(".0 ", " ").strip()
            parts.append(f'<path d="M{self._x(tick)} {TOP}V{BOTTOM}" {grid}/>')
            parts.append(f'<text x="{self._x(tick)}" y="{BOTTOM + 17}" text-anchor="middle" {text}>{label}</text>')
        for tick in self._y_ticks:
            parts.append(f'<path d="M{LEFT} {self._y(tick)}H{RIGHT}" {grid}/>')
            parts.append(
                f'<text x="{LEFT - 6}" y="{self._y(tick) + 4}" text-anchor="end" {text}>{plain(tick, 6)}</text>'
            )
        top, bottom, at = self._y(dense["high"]), self._y(dense["low"]), self._y(dense["mean"])
        parts += [
            (
                f'<rect class="band" x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{round(bottom - top, 1)}" '
                'fill="currentColor" fill-opacity=".1"/>'
            ),
            f'<path d="M{LEFT} {at}H{RIGHT}" stroke="currentColor" stroke-width="1.5" stroke-dasharray="6 4"/>',
            f'<text x="{LEFT + 5}" y="{min(top, at - 3) - 4}" {text}>dense network</text>',
            f'<text x="{middle}" y="{BOTTOM + 36}" text-anchor="middle" {text}>{escape(self._titles[0])}</text>',
            (
                f'<text transform="translate(11 {(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle" {text}>'
                f"{escape(self._titles[1])}</text>"
            ),
            '<path class="guide" d="" fill="none" stroke="currentColor" stroke-dasharray="2 3"/>',
        ]
        for number, name in enumerate(self.names):
            rows = [point for point in self.points if point["series"] == number]
            line = "L".join(f"{row['x']} {row['y']}" for row in rows)
            parts.append(f'<g class="series s{number}" data-series="{number}"><title>{escape(name)}</title>')
            parts.append(f'<path class="line" d="M{line}" fill="none" stroke="currentColor" stroke-opacity=".6"/>')
            for row in rows:
                low, high = self._y(row["low"]), self._y(row["high"])
                parts.append(
                    f'<g class="point"><path d="M{row["x"]} {low}V{high}m-4 0h8M{row["x"] - 4} {low}h8" fill="none" '
                    f'stroke="currentColor" stroke-width="1.5"/><path class="dot" transform="translate({row["x"]} '
                    f'{row["y"]})" d="{MARKERS[number]}" fill="currentColor"/></g>'
                )
            parts.append("</g>")
        parts.append(
            '<circle class="ring" r="11" cx="-99" cy="-99" fill="none" stroke="currentColor" stroke-width="2.5"/>'
        )
        parts.append('<g class="legend">')
        height = BOTTOM + 46
        for number, name in enumerate(self.names):
            height += 19
            parts.append(
                f'<g class="s{number}"><path class="dot" transform="translate({LEFT + 6} {height - 5})" '
                f'd="{MARKERS[number]}" fill="currentColor"/></g><text x="{LEFT + 20}" y="{height - 1}" {text}>'
                f"{escape(name)}</text>"
            )
        parts.append("</g>")
        self.frame = {"height": BOTTOM + 44, "bottom": BOTTOM, "left": LEFT, "width": WIDTH}
        name = (
            f"{self._titles[1]} against {self._titles[0]}: {len(self.points)} points of {', '.join(self.names)}, "
            f"beside the dense network at {dense['mean']:.1f}."
        )
        return f'<svg viewBox="0 0 {WIDTH} {height + 6}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'

"""Why group Lasso makes whole groups zero, and why sub-gradient steps never quite get there."""

import math
from html import escape
from numbers import Real

import traitlets

from effdl_lite.widgets.figure import Figure, plain
from effdl_lite.widgets.shrinkage import (
    LAST,
    NUMBER,
    PENALTIES,
    STEPS,
    Pair,
    length,
    optimum,
    penalty_gradient,
    shrinkage_path,
    verdict,
)

# The stops of the four sliders. A rate above 0.2 would make l2 decay with a large λ diverge.
CHOICES = {
    "strength": [i / 10 for i in range(61)],
    "rate": [0.01, 0.02, 0.05, 0.1, 0.2],
    "usefulness": [i / 2 for i in range(11)],
    "threshold": [0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.5],
}
LABELS = [
    ["strength", "λ, strength of the penalty"],
    ["rate", "η, learning rate"],
    ["usefulness", "‖target‖, how useful the group is"],
    ["threshold", "τ, threshold"],
]
HEAD = ["Penalty", "Step", f"‖w‖, last {LAST} of {NUMBER} steps", "Exactly zero at the end?", "‖w‖ of the optimum"]
TASK = (
    "Make the group useful (target 5). Which is the smallest λ that sets it to zero with the proximal step? "
    "Then switch to the sub-gradient: what is left?"
)
WHY = {
    "erased": "The data wants more than zero: the threshold erases what each step rebuilds.",
    "bounces": "The pull of this penalty does not fade near zero, so steps go past it, again and again.",
    "limit": "Each step comes nearer; zero is only the limit.",
}
LOW, HIGH = -2, 6  # both axes of the plane
FLOOR = -4  # the power of ten below which the norm is drawn at one height


def last_norms(path: list[Pair]) -> str:
    """The smallest and the largest norm of the last steps, as text; one number where they look the same."""
    norms = [length(w) for w in path[-LAST:]]
    ends = [norm_text(min(norms)), norm_text(max(norms))]
    return " to ".join(dict.fromkeys(ends))


def norm_text(norm: float) -> str:
    """A norm for readers: `plain`, but nothing below 0.0001 is spelled out."""
    return "below 0.0001" if 0 < norm < 1e-4 else plain(norm)


def _pull(penalty: str) -> str:
    """Arrows along the penalty's negative gradient, at three distances from zero."""
    arrows = ""
    for distance in (1.3, 3.3, 5.3):
        a, b = 0.2 * distance, 0.98 * distance
        dx, dy = (-12 * part for part in penalty_gradient(penalty, (a, b)))
        size = length((dx, dy))
        ux, uy = dx / size * 5, dy / size * 5
        arrows += f"M{106 + 40 * a:.5g} {262 - 40 * b:.5g}l{dx:.5g} {-dy:.5g}"
        arrows += f"m{-ux - uy * 0.7:.5g} {uy - ux * 0.7:.5g}l{ux + uy * 0.7:.5g} {-uy + ux * 0.7:.5g}"
        arrows += f"l{-ux + uy * 0.7:.5g} {uy + ux * 0.7:.5g}"
    return arrows


class GroupShrinkage(Figure):
    """Two weights of one group, drawn toward a target by the data and toward zero by a penalty.

    Args:
        penalty: "group Lasso", "l2 decay" or "l1".
        step: "sub-gradient", "sub-gradient + threshold" or "proximal".
        strength: λ, 0..6.
        rate: the learning rate η, 0.01..0.2.
        usefulness: how far the target is from zero, 0..5: the target is this times (3, 4)/5.
        threshold: τ of "sub-gradient + threshold", 0..1.
        start: the two weights at the start, each -2..6.

    Raises:
        ValueError: if a number is outside its range, or `start` is not two numbers.
        traitlets.TraitError: if the penalty or the step is none of these.
    """

    source = "group_shrinkage"
    penalty = traitlets.Enum(list(PENALTIES)).tag(sync=True)
    step = traitlets.Enum(list(STEPS)).tag(sync=True)
    strength = traitlets.Float().tag(sync=True)
    rate = traitlets.Float().tag(sync=True)
    usefulness = traitlets.Float().tag(sync=True)
    threshold = traitlets.Float().tag(sync=True)
    begin = traitlets.List().tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    choices = traitlets.Dict(CHOICES).tag(sync=True)
    names = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        penalty: str = "group Lasso",
        step: str = "proximal",
        strength: float = 2.0,
        rate: float = 0.1,
        usefulness: float = 1.0,
        threshold: float = 0.0001,
        start: Pair = (5.0, 1.0),
    ):
        if not isinstance(start, list | tuple) or len(start) != 2 or not all(isinstance(w, Real) for w in start):
            raise ValueError(f"start is {start!r}; give the two weights, such as (5.0, 1.0)")
        ranges = (
            ("strength", strength, 0, 6),
            ("rate", rate, 0.01, 0.2),
            ("usefulness", usefulness, 0, 5),
            ("threshold", threshold, 0, 1),
            ("start[0]", start[0], LOW, HIGH),
            ("start[1]", start[1], LOW, HIGH),
        )
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; choose {plain(low)}..{plain(high)}")
        values = {
            "penalty": penalty,
            "step": step,
            "strength": strength,
            "rate": rate,
            "usefulness": usefulness,
            "threshold": threshold,
        }
        names = {
            "penalties": list(PENALTIES),  # stored JSON may be sorted by key
            "steps": list(STEPS),
            "sliders": LABELS,
            "formulas": PENALTIES,
            "head": HEAD,
            "why": WHY,
            "task": TASK,
            "pulls": {name: _pull(name) for name in PENALTIES},
        }
        super().__init__(**values, begin=list(start), first=values, names=names)
        self.picture = self._draw()

    def target(self) -> Pair:
        """Where the data alone would take the two weights."""
        return 0.6 * self.usefulness, 0.8 * self.usefulness

    def path(self, penalty: str | None = None, step: str | None = None) -> list[Pair]:
        """`shrinkage_path` with the numbers of the figure; another penalty or step if one is given."""
        return shrinkage_path(
            penalty or self.penalty,
            step or self.step,
            tuple(self.begin),
            self.target(),
            self.strength,
            self.rate,
            self.threshold,
        )

    def table(self) -> tuple[str, list[list[str]]]:
        rows = [HEAD]
        for penalty in PENALTIES:
            best = optimum(penalty, self.target(), self.strength)
            for step in STEPS:
                path = self.path(penalty, step)
                ends, since = verdict(path, best)
                zero = f"yes, since step {since}" if ends == "zero" else "no"
                rows.append([penalty, step, last_norms(path), zero, norm_text(length(best))])
        caption = (
            f"λ = {plain(self.strength)}, η = {plain(self.rate)}, ‖target‖ = {plain(self.usefulness)}, "
            f"τ = {plain(self.threshold)}"
        )
        return caption, rows

    def _draw(self) -> str:
        """The plane, and below it the norm; where there is room, JavaScript moves the norm beside the plane."""
        text = 'fill="currentColor" font-size="12"'
        title = 'fill="currentColor" font-size="12.5" font-weight="650"'
        grid = 'stroke="currentColor" stroke-opacity=".15"'
        line = 'fill="none" stroke="currentColor"'

        def x(value):
            return round(26 + (value - LOW) * 40, 2)

        def y(value):
            return round(22 + (HIGH - value) * 40, 2)

        def height(norm):
            if not norm:
                return 208.0
            return round(178 - 29 * (min(1, max(FLOOR, math.log10(norm))) - FLOOR), 1)

        path, target = self.path(), self.target()
        best = optimum(self.penalty, target, self.strength)
        points = " ".join(f"{x(a):.5g},{y(b):.5g}" for a, b in path)
        norms = " ".join(f"{46 + 1.5 * i:.5g},{height(length(w))}" for i, w in enumerate(path))
        dots = 'stroke-width="4" stroke-linecap="round"'
        parts = ['<g class="plane">', f'<text x="0" y="12" {title}>The two weights, w₁ across and w₂ upward</text>']
        for value in range(LOW, HIGH + 1, 2):
            parts += [
                f'<path d="M{x(value)} {y(HIGH)}V{y(LOW)}M{x(LOW)} {y(value)}H{x(HIGH)}" {grid}/>',
                f'<text x="{x(value)}" y="{y(LOW) + 16}" text-anchor="middle" {text}>{value}</text>',
                f'<text x="{x(LOW) - 6}" y="{y(value) + 4}" text-anchor="end" {text}>{value}</text>',
            ]
        parts += [
            f'<path d="M{x(0)} {y(HIGH)}V{y(LOW)}M{x(LOW)} {y(0)}H{x(HIGH)}" {line} stroke-opacity=".6"/>',
            f'<path class="pull" d="{_pull(self.penalty)}" {line} stroke-width="1.8"/>',
            f'<text x="{x(1.15)}" y="{y(5.45)}" {text}>pull of the penalty</text>',
            f'<polyline class="path" points="{points}" {line} stroke-width="1.5"/>',
            f'<path class="dots" d="{"".join(f"M{p}h0" for p in points.split())}" {line} {dots}/>',
        ]
        marks = {
            "start": ("start", self.begin, "M-4 -4h8v8h-8z"),
            "target": ("target of the data", target, "M-6 -6l12 12m0 -12l-12 12"),
            "best": ("optimum with the penalty", best, "M0 -8l8 8l-8 8l-8 -8z"),
            "end": (f"after {NUMBER} steps", path[-1], "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z"),
        }
        for name, (_, (a, b), shape) in marks.items():
            fill = 'fill="currentColor"' if name == "end" else 'fill="none"'
            parts.append(
                f'<g class="{name}" transform="translate({x(a):.5g} {y(b):.5g})">'
                f'<path d="{shape}" {fill} stroke="currentColor" stroke-width="2"/></g>'
            )
        for i, (name, (label, _, shape)) in enumerate(marks.items()):
            at, row = (10, 190)[i % 2], 378 + 20 * (i // 2)
            fill = 'fill="currentColor"' if name == "end" else 'fill="none"'
            parts.append(
                f'<g class="{name}"><path transform="translate({at} {row})" d="{shape}" {fill} stroke="currentColor" '
                f'stroke-width="2"/></g><text x="{at + 14}" y="{row + 4}" {text}>{label}</text>'
            )
        parts += ["</g>", '<g class="norm" transform="translate(0 428)">']
        parts.append(f'<text x="0" y="12" {title}>‖w‖ after each step</text>')
        ticks = [(10.0**power, f"{10.0**power:g}") for power in range(1, FLOOR, -1)] + [
            (10.0**FLOOR, "≤10⁻⁴"),
            (0, "0"),
        ]
        for value, label in ticks:
            parts += [
                f'<path d="M46 {height(value)}H346" {grid}/>',
                f'<text x="40" y="{height(value) + 4}" text-anchor="end" {text}>{label}</text>',
            ]
        for step in range(0, NUMBER + 1, 50):
            parts.append(f'<text x="{46 + 1.5 * step}" y="228" text-anchor="middle" {text}>{step}</text>')
        parts += [
            f'<text x="196" y="246" text-anchor="middle" {text}>steps</text>',
            '<g class="bound" style="display:none">',
            f'<path d="M46 0H346" {line} stroke-width="1.3" stroke-dasharray="5 4"/>',
            f'<text x="346" y="12" text-anchor="end" {text}></text></g>',
            f'<polyline class="norms" points="{norms}" {line} stroke-width="2" stroke-linejoin="round"/></g>',
        ]
        name = "Two weights of a group: their path in the plane, and the norm of the group after each step."
        return f'<svg viewBox="0 0 360 680" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'

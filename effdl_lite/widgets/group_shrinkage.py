"""Why group Lasso makes whole groups zero, and why sub-gradient steps never quite get there."""

import math
from html import escape
from itertools import pairwise

import traitlets

from effdl_lite.widgets.figure import Figure, plain

# penalty -> its formula, that of the optimum at curvature 1
PENALTIES = {
    "group Lasso": ("λ·‖w‖", "(1 − λ/‖target‖)₊ · target"),
    "l2 decay": ("(λ/2)·‖w‖²", "target / (1 + λ)"),
    "l1": ("λ·(|w₁| + |w₂|)", "each weight: sign · (|target| − λ)₊"),
}
STEPS = ("sub-gradient", "sub-gradient + threshold", "proximal")
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
NUMBER = 200
LAST = 50  # so many steps tell whether a path has come to rest
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

Pair = tuple[float, float]


def _norm(w: Pair) -> float:
    """Not `math.hypot`: JavaScript's differs in the last digit, and a bouncing path makes that a visible difference."""
    return math.sqrt(w[0] * w[0] + w[1] * w[1])


def _check(penalty: str, **numbers: float) -> None:
    if penalty not in PENALTIES:
        raise ValueError(f"penalty is {penalty!r}; choose one of {', '.join(PENALTIES)}")
    for name, value in numbers.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} is {value}; it must be a number, 0 or more")


def penalty_gradient(penalty: str, w: Pair) -> Pair:
    """The (sub-)gradient of a penalty of strength 1 at w; 0 where the norm, or the weight, is 0.

    Group Lasso: w/‖w‖. l2 decay: w. l1: sign(w).

    Raises:
        ValueError: if the penalty is not one of `PENALTIES`.
    """
    _check(penalty)
    if penalty == "l2 decay":
        return w
    if penalty == "l1":
        return tuple(math.copysign(1, x) if x else 0.0 for x in w)
    norm = _norm(w)
    return (w[0] / norm, w[1] / norm) if norm else (0.0, 0.0)


def prox(penalty: str, w: Pair, t: float) -> Pair:
    """The proximal step: the u with the smallest t·penalty(u) + ½·‖u − w‖².

    Group Lasso: max(0, 1 − t/‖w‖)·w. l2 decay: w/(1 + t). l1: sign(w)·max(0, |w| − t). Equal up to rounding counts as
    reached: a group whose norm is t becomes zero.

    Args:
        penalty: "group Lasso", "l2 decay" or "l1".
        w: two weights.
        t: the learning rate times λ, 0 or more.

    Raises:
        ValueError: if the penalty is not one of these, or t is negative.
    """
    _check(penalty, t=t)

    def shrink(size):
        return 0.0 if size <= t * (1 + 1e-12) else 1 - t / size

    if penalty == "l2 decay":
        return w[0] / (1 + t), w[1] / (1 + t)
    if penalty == "l1":
        return w[0] * shrink(abs(w[0])), w[1] * shrink(abs(w[1]))
    factor = shrink(_norm(w))
    return w[0] * factor, w[1] * factor


def optimum(penalty: str, target: Pair, strength: float, curvature: float = 1.0) -> Pair:
    """The w with the smallest ½·curvature·‖w − target‖² + strength·penalty(w): the proximal step from the target.

    Raises:
        ValueError: if the penalty is unknown, the strength is negative, or the curvature is not above 0.
    """
    _check(penalty, strength=strength, curvature=curvature)
    if not curvature:
        raise ValueError("curvature is 0: without a data loss the target has no pull; take a curvature above 0")
    return prox(penalty, target, strength / curvature)


def shrinkage_path(
    penalty: str,
    step: str,
    start: Pair,
    target: Pair,
    strength: float,
    rate: float,
    threshold: float = 0.0,
    curvature: float = 1.0,
    number: int = NUMBER,
) -> list[Pair]:
    """Two weights under gradient steps on ½·curvature·‖w − target‖² + strength·penalty(w).

    Args:
        penalty: "group Lasso", "l2 decay" or "l1".
        step: "sub-gradient": w − rate·(gradient of the loss + strength·`penalty_gradient`); "sub-gradient + threshold":
            the same, then each weight below the threshold is set to 0; "proximal": w − rate·(gradient of the loss),
            then `prox` with rate·strength.
        start, target: two weights each.
        strength: λ.
        rate: the learning rate η.
        threshold: τ.
        curvature: 0 for no data loss.
        number: how many steps.

    Returns:
        `number` + 1 pairs, the first is the start.

    Raises:
        ValueError: if a name is unknown or a number is negative.
    """
    _check(penalty, strength=strength, rate=rate, threshold=threshold, curvature=curvature)
    if step not in STEPS:
        raise ValueError(f"step is {step!r}; choose one of {', '.join(STEPS)}")
    path = [(float(start[0]), float(start[1]))]
    for _ in range(number):
        w = path[-1]
        pull = (0.0, 0.0) if step == "proximal" else penalty_gradient(penalty, w)
        w = tuple(x - rate * (curvature * (x - aim) + strength * p) for x, aim, p in zip(w, target, pull, strict=True))
        if step == "proximal":
            w = prox(penalty, w, rate * strength)
        elif step == STEPS[1]:
            w = tuple(0.0 if abs(x) < threshold else x for x in w)
        path.append(w)
    return path


def verdict(path: list[Pair], best: Pair) -> tuple[str, int]:
    """How a path ends.

    Args:
        path: the weights after each step, more than `LAST`.
        best: the `optimum`.

    Returns:
        "zero" and the step since which both weights are 0; else with -1 "bounces": some of the last steps come no
        nearer to the optimum; "rests": they hardly move; or "moves".
    """
    norms = [_norm(w) for w in path]
    if not norms[-1]:
        return "zero", max((i + 1 for i, norm in enumerate(norms) if norm), default=0)
    for before, after in pairwise(path[-LAST:]):
        # A step that converges comes nearer by the factor 1 − η at least.
        if math.dist(before, after) > 1e-6 and math.dist(after, best) > 0.999 * math.dist(before, best):
            return "bounces", -1
    return ("rests" if math.dist(path[-1], path[-2]) < 1e-6 * norms[-1] else "moves"), -1


def last_norms(path: list[Pair]) -> str:
    """The smallest and the largest norm of the last steps, as text; one number where they look the same."""
    norms = [_norm(w) for w in path[-LAST:]]
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
        size = _norm((dx, dy))
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
        ValueError: if a number is outside its range.
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
                rows.append([penalty, step, last_norms(path), zero, norm_text(_norm(best))])
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
        norms = " ".join(f"{46 + 1.5 * i:.5g},{height(_norm(w))}" for i, w in enumerate(path))
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

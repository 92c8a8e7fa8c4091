"""Filters that pull each other into one direction, step by step: what Force Regularization does to a rank."""

import math
from numbers import Integral, Real

import traitlets

from effdl_lite.methods.force_regularization.forces import FORCES, SHORTEST
from effdl_lite.tables import html_table
from effdl_lite.widgets.figure import Figure, decimal, plain, short
from effdl_lite.widgets.filter_forces_picture import draw
from effdl_lite.widgets.filter_motion import (
    NUMBER,
    STARTS,
    Pair,
    directions,
    energy_share,
    force_path,
    forces,
    growth,
    length,
    mean_distance,
)

FEWEST, MOST = 3, 8  # filters that are spread
LEAST, LARGEST = 0.0001, 0.5  # strength
GOAL = 0.95  # of the energy
# The stops of the slider
STRENGTHS = [*(i / 1000 for i in range(1, 21)), 0.025, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5]
HEAD = ["Filter", "W", "‖W‖", "Angle", "Force ΔW", "Cosines with the others, in order"]
STEPS_HEAD = ["Step", "Energy in the first direction", "Rank at 95 %", "Mean distance", "Lengths, up to"]
TASK = (
    "Find the smallest strength with which 20 steps bring 95 % of the energy of six filters into one direction. "
    "Then take the L1-norm force and 0.03: do the filters come to rest?"
)
WHY = {
    "lengths": "The directions differ, but a long filter holds most of the energy: energy counts squared lengths.",
    "apart": "Filters on opposite sides lie on one line, and a line has rank 1.",
    "L2": "the steps are too long. Keep ηλN well below 1.",
    "L1": "the L1-norm force does not fade as filters meet, so that they swing around each other.",
    "long": "A step is tangential, so it makes filters longer, and long steps much longer.",
}


def vector(pair: Pair) -> str:
    return f"({decimal(pair[0])}, {decimal(pair[1])})"


class FilterForces(Figure):
    """Filters of two weights that attract or repel each other for 20 steps, and the energy of their first direction.

    No data pulls at them: each step is the force alone, W + ηλ·ΔW, as `ForceRegularization` and SGD without momentum
    take it.

    Args:
        start: "spread" for filters of length 1 in directions up to 120° apart; or the filters of a worked
            example, "(3, 4), (1, 0)", "(2, 0), (0, 1)" or "(1, 0), (0, 1), (1, 1)".
        filters: how many are spread, 3..8; the examples have their own number.
        kind: "L2" or "L1", the norm of the force.
        strength: ηλ, learning rate times strength, 0.0001..0.5.
        repel: whether the strength is taken negative.
        step: which step is shown, 0..20.

    Raises:
        ValueError: if a number is no number or outside its range.
        traitlets.TraitError: if the start or the kind is none of these.
    """

    source = "filter_forces"
    helpers = ("filter_motion", "filter_forces_picture")
    start = traitlets.Enum(list(STARTS)).tag(sync=True)
    filters = traitlets.Int().tag(sync=True)
    kind = traitlets.Enum(list(FORCES)).tag(sync=True)
    strength = traitlets.Float().tag(sync=True)
    repel = traitlets.Bool().tag(sync=True)
    step = traitlets.Int().tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        start: str = "spread",
        filters: int = 6,
        kind: str = "L2",
        strength: float = 0.005,
        repel: bool = False,
        step: int = 0,
    ):
        for name, value, low, high in (("filters", filters, FEWEST, MOST), ("step", step, 0, NUMBER)):
            if isinstance(value, bool) or not isinstance(value, Integral) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; choose a whole number, {low}..{high}")
        if isinstance(strength, bool) or not isinstance(strength, Real) or not LEAST <= strength <= LARGEST:
            raise ValueError(f"strength is {strength!r}; choose {LEAST}..{LARGEST}, and repel=True to repel")
        values = {
            "start": start,
            "filters": int(filters),
            "kind": kind,
            "strength": float(strength),
            "repel": bool(repel),
            "step": int(step),
        }
        data = {
            "starts": [[name, [list(filter) for filter in filters]] for name, filters in STARTS.items()],
            "strengths": STRENGTHS,
            "shortest": SHORTEST,
            "goal": GOAL,
            "head": HEAD,
            "stepsHead": STEPS_HEAD,
            "task": TASK,
            "why": WHY,
        }
        super().__init__(**values, first=values, data=data)
        self.picture = self._draw()

    def path(self) -> list[list[Pair]]:
        """The filters before the first step and after each of the 20."""
        start = STARTS[self.start][: self.filters] if self.start == "spread" else STARTS[self.start]
        return force_path(list(start), self.kind, -self.strength if self.repel else self.strength)

    def table(self) -> tuple[str, list[list[str]]]:
        now, rows = self.path()[self.step], [HEAD]
        units = directions(now)
        for i, ((a, b), pull) in enumerate(zip(units, forces(now, self.kind), strict=True)):
            angle = f"{decimal(math.degrees(math.atan2(b, a)), 1)}°"
            cosines = [decimal(a * c + b * d) for j, (c, d) in enumerate(units) if j != i]
            rows.append([str(i + 1), vector(now[i]), decimal(length(now[i])), angle, vector(pull), ", ".join(cosines)])
        return f"After {self.step} steps: {self._setting(len(now))}", rows

    def steps_table(self) -> tuple[str, list[list[str]]]:
        """Caption and rows of a second table: what each step does to all filters together."""
        path, rows = self.path(), [STEPS_HEAD]
        for step, now in enumerate(path):
            share = energy_share(now)
            cells = [f"{plain(100 * share, 4)} %", "1" if share >= GOAL else "2", plain(mean_distance(now))]
            rows.append([str(step), *cells, f"{short(growth(path[: step + 1]))} times"])
        return f"All steps: {self._setting(len(path[0]))}", rows

    def static_html(self) -> str:
        tables = html_table(*self.table()) + html_table(*self.steps_table())
        return f'<div class="effdl effdl-static">{self.picture}<div class="effdl-scroll">{tables}</div></div>'

    def _setting(self, number: int) -> str:
        side = "repulsion" if self.repel else "attraction"
        return f"{number} filters, {self.kind}-norm force, {side}, ηλ = {plain(self.strength)}"

    def _draw(self) -> str:
        path = self.path()
        name = f"Filters as arrows on the unit circle, and what {NUMBER} steps of force do to them."
        return draw(path, self.step, self.kind, self.repel, name)

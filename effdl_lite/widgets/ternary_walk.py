"""A gradient that is ternarized again and again: each draw is coarse, and their average walks to the truth."""

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import traitlets

from effdl_lite.tables import html_table
from effdl_lite.widgets.figure import Figure, plain
from effdl_lite.widgets.ternary_draws import (
    averages,
    distance,
    draw_codes,
    expected_distance,
    standard_errors,
    variances,
)
from effdl_lite.widgets.ternary_walk_picture import MOST_STEPS, draw, signed

STARTS = {"three elements": (0.3, -1.2, 0.9), "six elements": (1.0, -0.6, 0.3, -0.1, 0.02, 0.0)}
OWN = "your elements"
WORKERS = (1, 2, 4, 8, 16, 32, 64)
FEWEST, MOST_ELEMENTS, MOST_SEED = 2, 8, 9999
SHOWN = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # steps of the second table
HEAD = ["Element", "g", "P(b = 1) = |g| / s", "Last step", "Average", "Standard error", "Off by, in errors"]
STEPS_HEAD = ["Steps", "Draws", "Distance from g", "Expected"]
TASK = (
    "After how many steps of one worker is the expected distance from the gradient below 0.1? "
    "And of 16 workers, which draw 16 times a step?"
)


class TernaryWalk(Figure):
    """A short gradient, its random ternary form in each step, and the average of all draws.

    All workers have the same gradient and the same scaler s = max |g|, so that nothing but the draws differs.

    Args:
        gradient: 2..8 finite numbers, one of them not 0; None for those of the paper's slides, (0.30, -1.20, 0.90).
        steps: how many were taken, 1..1000.
        workers: draws in a step, of which the mean is taken: 1, 2, 4, 8, 16, 32 or 64.
        seed: of the random numbers, 1..9999. They are the figure's own, the same in Python and in a browser.
        element: whose average is drawn step by step, from 0.

    Raises:
        ValueError: if a gradient or a number is none of these.
        traitlets.TraitError: if a later one is not.
    """

    source = "ternary_walk"
    helpers = ("random_numbers", "ternary_draws", "ternary_walk_picture")
    start = traitlets.Unicode().tag(sync=True)
    steps = traitlets.Int(1, min=1, max=MOST_STEPS).tag(sync=True)
    workers = traitlets.Enum(list(WORKERS)).tag(sync=True)
    seed = traitlets.Int(1, min=1, max=MOST_SEED).tag(sync=True)
    element = traitlets.Int(0, min=0, max=MOST_ELEMENTS - 1).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        gradient: Sequence[float] | None = None,
        steps: int = 10,
        workers: int = 1,
        seed: int = 1,
        element: int = 0,
    ):
        own = {} if gradient is None else {OWN: checked_gradient(gradient)}
        starts = own | STARTS
        start = next(iter(starts))
        if workers not in WORKERS or isinstance(workers, bool):
            raise ValueError(f"workers is {workers!r}; choose one of {', '.join(map(str, WORKERS))}")
        values = {"steps": steps, "seed": seed, "element": element}
        limits = {"steps": (1, MOST_STEPS), "seed": (1, MOST_SEED), "element": (0, len(starts[start]) - 1)}
        for name, value in values.items():
            low, high = limits[name]
            if isinstance(value, bool) or not isinstance(value, Integral) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; choose a whole number, {low}..{high}")
        first = {"start": start, "workers": int(workers)} | {name: int(value) for name, value in values.items()}
        data = {
            "starts": [[name, list(values)] for name, values in starts.items()],
            "workers": WORKERS,
            "most": MOST_STEPS,
            "mostSeed": MOST_SEED,
            "shown": SHOWN,
            "head": HEAD,
            "stepsHead": STEPS_HEAD,
            "task": TASK,
        }
        super().__init__(**first, first=first, data=data)
        self.picture = self._draw()

    @property
    def gradient(self) -> tuple[float, ...]:
        return tuple(next(values for name, values in self.data["starts"] if name == self.start))

    def codes(self) -> np.ndarray:
        """What all workers drew: int64 [steps, workers, elements] of -1, 0 and 1."""
        return draw_codes(self.gradient, self.steps, self.workers, self.seed)

    def last(self) -> list[float]:
        """The mean of the last step's draws."""
        scaler = max(map(abs, self.gradient))
        return [scaler * total / self.workers for total in self.codes()[-1].sum(axis=0).tolist()]

    def averages(self) -> list[list[float]]:
        """The average of all draws up to each step."""
        return averages(self.gradient, self.codes()).tolist()

    @traitlets.validate("start")
    def _check_start(self, proposal):
        names = [name for name, _ in self.data["starts"]] if self.data else [proposal["value"]]
        if proposal["value"] not in names:
            raise traitlets.TraitError(f"start is {proposal['value']!r}; choose one of {', '.join(names)}")
        return proposal["value"]

    def table(self) -> tuple[str, list[list[str]]]:
        gradient, rows, scaler = self.gradient, [HEAD], max(map(abs, self.gradient))
        errors = standard_errors(gradient, self.steps * self.workers)
        numbers = zip(gradient, self.last(), self.averages()[-1], errors, strict=True)
        for i, (g, last, mean, error) in enumerate(numbers, 1):
            off = signed((mean - g) / error) if error else "exact"
            rows.append([str(i), *map(signed, (g, abs(g) / scaler, last, mean, error)), off])
        return f"After {self._setting()}", rows

    def steps_table(self) -> tuple[str, list[list[str]]]:
        """Caption and rows of a second table: the distance of the average, and the expected one."""
        means, rows = self.averages(), [STEPS_HEAD]
        for step in sorted({*(one for one in SHOWN if one <= self.steps), self.steps}):
            draws = step * self.workers
            off, expected = distance(means[step - 1], self.gradient), expected_distance(self.gradient, draws)
            rows.append([str(step), str(draws), plain(off), plain(expected)])
        return f"On the way: {self._setting()}", rows

    def static_html(self) -> str:
        tables = html_table(*self.table()) + html_table(*self.steps_table())
        return f'<div class="effdl effdl-static">{self.picture}<div class="effdl-scroll">{tables}</div></div>'

    def _setting(self) -> str:
        return f"{count(self.steps, 'step')} of {count(self.workers, 'worker')}, seed {self.seed}"

    def _draw(self) -> str:
        return draw(self.gradient, variances(self.gradient), self.averages(), self.last(), self.element, self.workers)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def checked_gradient(gradient: Sequence[float]) -> tuple[float, ...]:
    """The elements as floats.

    Raises:
        ValueError: for too few or too many elements, one that is no finite number, or zeros alone.
    """
    values = list(gradient)
    if not FEWEST <= len(values) <= MOST_ELEMENTS:
        raise ValueError(f"the gradient has {len(values)} elements; the figure has room for {FEWEST}..{MOST_ELEMENTS}")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise ValueError(f"the gradient holds {value!r}; give finite numbers (of a tensor, its tolist())")
    if not any(values):
        raise ValueError("all elements are 0: there is nothing to draw; make one of them another number")
    return tuple(map(float, values))

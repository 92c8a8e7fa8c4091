"""A loss of one weight beside its smoothing, and a descent on each: what SmoothOut takes away, and where it goes."""

from numbers import Integral, Real

import traitlets

from effdl_lite.tables import html_table
from effdl_lite.widgets.figure import Figure, decimal, plain
from effdl_lite.widgets.smoothed_loss_picture import MOST_STEPS, draw
from effdl_lite.widgets.smoothed_waves import KINDS, LOSSES, WaveLoss, descent, standard_draws

LIMITS = {"a": (0.0, 1.2), "start": (-2.6, 2.6), "rate": (0.001, 0.5), "steps": (0, MOST_STEPS), "seed": (1, 9999)}
STRENGTHS = [i / 50 for i in range(61)]  # the stops of the sliders
STARTS = [i / 10 for i in range(-26, 27)]
RATES = [0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3]
SHOWN = (0, 1, 2, 5, 10, 20, 50, 100, 150, 200)  # steps of the second table
HEAD = ["Minimum", "w", "Loss", "Second derivative"]
STEPS_HEAD = ["Step", "w, plain", "C(w), plain", "w, SmoothOut", "C(w), SmoothOut"]
TASK = (
    "Find the smallest a at which the sharp minimum is gone, for uniform and for normal noise. "
    "Then take the ripples: which a takes them away, and what does a larger one do?"
)
HINT = (
    "Plain descent takes the slope of C at w. SmoothOut takes it at w + θ, with new noise θ in each step, and steps "
    "from w: on average that is the slope of the smoothed loss. No batch is drawn, so that nothing but θ is random."
)


class SmoothedLoss(Figure):
    """A loss of one weight, the same smoothed by noise of strength a, and two descents: plain, and with SmoothOut.

    Args:
        loss: "a sharp and a flat minimum" or "ripples".
        kind: of the noise: "uniform" in -a..a, or "normal" with the standard deviation a.
        a: its strength, 0..1.2.
        start: the weight of both descents at the start, -2.6..2.6.
        rate: the learning rate, 0.001..0.5.
        steps: how many were taken, 0..200.
        seed: of the noise, 1..9999. The random numbers are the figure's own, the same in Python and in a browser.

    Raises:
        ValueError: if a number is no number or outside its range.
        traitlets.TraitError: if the loss or the noise is none of these, or if a later number is outside its range.

    Source: the smoothing is derived in `smoothed_waves`.
    """

    source = "smoothed_loss"
    helpers = ("random_numbers", "smoothed_waves", "smoothed_loss_picture")
    loss = traitlets.Enum(list(LOSSES)).tag(sync=True)
    kind = traitlets.Enum(list(KINDS)).tag(sync=True)
    a = traitlets.Float().tag(sync=True)
    start = traitlets.Float().tag(sync=True)
    rate = traitlets.Float().tag(sync=True)
    steps = traitlets.Int().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        loss: str = "a sharp and a flat minimum",
        kind: str = "uniform",
        a: float = 0.3,
        start: float = -2.0,
        rate: float = 0.05,
        steps: int = 100,
        seed: int = 1,
    ):
        first = {"loss": loss, "kind": kind}
        for name, value in {"a": a, "start": start, "rate": rate, "steps": steps, "seed": seed}.items():
            whole, (low, high) = name in ("steps", "seed"), LIMITS[name]
            if (
                isinstance(value, bool)
                or not isinstance(value, Integral if whole else Real)
                or not low <= value <= high
            ):
                raise ValueError(f"{name} is {value!r}; choose a {'whole ' * whole}number, {low}..{high}")
            first[name] = int(value) if whole else float(value)
        data = {
            "losses": [
                [name, {"constant": one.constant, "curvature": one.curvature, "waves": one.waves}]
                for name, one in LOSSES.items()
            ],
            "stops": {"a": STRENGTHS, "start": STARTS, "rate": RATES, "steps": list(range(MOST_STEPS + 1))},
            "limits": [[name, *limits] for name, limits in LIMITS.items()],
            "shown": SHOWN,
            "head": HEAD,
            "stepsHead": STEPS_HEAD,
            "task": TASK,
            "hint": HINT,
        }
        super().__init__(**first, first=first, data=data)
        self.picture = self._draw()

    @traitlets.validate("a", "start", "rate", "steps", "seed")
    def _check_number(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise traitlets.TraitError(f"{name} is {value}; choose {low}..{high}")
        return value

    @property
    def smoothed(self) -> WaveLoss:
        """The loss after smoothing."""
        return LOSSES[self.loss].smoothed(self.a, self.kind)

    def noise(self) -> list[float]:
        """The noise of each step."""
        return (self.a * standard_draws(self.kind, self.steps, self.seed)).tolist()

    def paths(self) -> tuple[list[float], list[float]]:
        """Weights of plain descent and of SmoothOut, before the first step and after each."""
        start, loss = (self.start, self.rate), LOSSES[self.loss]
        return descent(loss, *start, [0.0] * self.steps), descent(loss, *start, self.noise())

    def table(self) -> tuple[str, list[list[str]]]:
        rows = [HEAD]
        for name, loss in (("C", LOSSES[self.loss]), ("smoothed", self.smoothed)):
            for i, w in enumerate(loss.minima(), 1):
                cells = [decimal(w, 3), decimal(float(loss.value(w)), 3), decimal(float(loss.bend(w)), 2)]
                rows.append([f"{name}, {i}", *cells])
        return f"Minima of C and of its smoothing: {self.kind} noise, a = {plain(self.a)}", rows

    def steps_table(self) -> tuple[str, list[list[str]]]:
        """Caption and rows of a second table: both descents at some steps."""
        loss, paths, rows = LOSSES[self.loss], self.paths(), [STEPS_HEAD]
        for step in (*(one for one in SHOWN if one < self.steps), self.steps):
            weights = [path[step] for path in paths]
            rows.append([str(step), *(decimal(one, 3) for w in weights for one in (w, float(loss.value(w))))])
        return f"Descents from w = {decimal(self.start, 3)}, η = {plain(self.rate)}, seed {self.seed}", rows

    def static_html(self) -> str:
        tables = html_table(*self.table()) + html_table(*self.steps_table())
        return f'<div class="effdl effdl-static">{self.picture}<div class="effdl-scroll">{tables}</div></div>'

    def _draw(self) -> str:
        plain_path, path = self.paths()
        last = path[-2] + self.noise()[-1] if self.steps else None
        return draw(LOSSES[self.loss], self.smoothed, self.a, plain_path, path, last)

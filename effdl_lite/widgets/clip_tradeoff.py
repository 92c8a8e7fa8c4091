"""Where to clip before ternarizing: what is cut off stays lost, what is not cut off makes the rounding coarse."""

from numbers import Real

import traitlets

from effdl_lite.methods.terngrad import CLIP, gaussian_clip
from effdl_lite.tables import html_table
from effdl_lite.widgets.clip_errors import clip_error, median_largest
from effdl_lite.widgets.clip_tradeoff_picture import MOST_C, draw
from effdl_lite.widgets.figure import Figure, plain

LEAST_C = 0.1
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SHOWN = (0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5)  # clips of the second table
SMALLEST = 1e-4  # smaller errors are not told apart
HEAD = ["Workers", "Bias²", "Variance", "Error", "Smallest error", "It is at c ="]
CLIPS_HEAD = ["c", "Bias²", "Variance", "Error", "Zeros", "Length", "Direction"]
LARGEST = median_largest(10**6)
TASK = "Find the clip with the smallest error for one worker, then for 64. Which of the two errors is the larger there?"
HINT = (
    "Elements are Gaussian, all workers have the same gradient, and s = cσ. Without clipping s is the largest "
    f"element: of a million about {plain(LARGEST)} σ. Averaging over steps acts like more workers as long as the "
    "gradient stays nearly the same: it shrinks the variance and leaves the bias."
)


class ClipTradeoff(Figure):
    """Bias and variance of the mean ternary gradient against the clip c, in closed form for Gaussian elements.

    Args:
        c: the clip at the start, in standard deviations, 0.1..5.5; it becomes a stop of the slider.
        workers: 1, 2, 4, ..., 512; all have the same gradient.

    Raises:
        ValueError: if the clip or the number of workers is none of these.
        traitlets.TraitError: if later ones are no stops.

    Source: the formulas are derived in `clip_error`; c = 2.5 is the paper's.
    """

    source = "clip_tradeoff"
    c = traitlets.Float().tag(sync=True)
    workers = traitlets.Enum(list(WORKERS)).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)

    def __init__(self, c: float = CLIP, workers: int = 1):
        if isinstance(c, bool) or not isinstance(c, Real) or not LEAST_C <= c <= MOST_C:
            raise ValueError(f"c is {c!r}; choose {LEAST_C}..{MOST_C} standard deviations")
        if workers not in WORKERS or isinstance(workers, bool):
            raise ValueError(f"workers is {workers!r}; choose one of {', '.join(map(str, WORKERS))}")
        self._stops = sorted({float(c), *(i / 20 for i in range(2, 111))})
        rows = []
        for stop in self._stops:
            error, texts = clip_error(stop), clip_texts(stop)
            rows.append([stop, error.bias, error.variance, error.zeros, *texts])
        data = {
            "rows": rows,
            "workers": WORKERS,
            "shown": SHOWN,
            "smallest": SMALLEST,
            "head": HEAD,
            "clipsHead": CLIPS_HEAD,
            "task": TASK,
            "hint": HINT,
        }
        first = {"c": float(c), "workers": int(workers)}
        super().__init__(**first, first=first, data=data)
        self.picture = self._draw()

    @traitlets.validate("c")
    def _check_c(self, proposal):
        if proposal["value"] not in self._stops:
            raise traitlets.TraitError(f"c is {proposal['value']}; choose one of {', '.join(map(plain, self._stops))}")
        return proposal["value"]

    def best(self, workers: int) -> float:
        """The stop of the smallest error."""
        return min(self._stops, key=lambda stop: clip_error(stop, workers).error)

    def table(self) -> tuple[str, list[list[str]]]:
        rows = [HEAD]
        for workers in WORKERS:
            here, best = clip_error(self.c, workers), self.best(workers)
            values = (here.bias, here.variance, here.error, clip_error(best, workers).error)
            rows.append([str(workers), *map(size, values), plain(best)])
        return f"Errors at c = {plain(self.c)}, shares of σ²", rows

    def clips_table(self) -> tuple[str, list[list[str]]]:
        """Caption and rows of a second table: some clips for the chosen number of workers."""
        rows = [CLIPS_HEAD]
        for c in sorted({*SHOWN, self.c}):
            error = clip_error(c, self.workers)
            rows.append([plain(c), *map(size, (error.bias, error.variance, error.error)), *clip_texts(c)])
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f"Clips for {workers}, errors as shares of σ²", rows

    def static_html(self) -> str:
        tables = html_table(*self.table()) + html_table(*self.clips_table())
        return f'<div class="effdl effdl-static">{self.picture}<div class="effdl-scroll">{tables}</div></div>'

    def _draw(self) -> str:
        errors = [clip_error(stop, self.workers) for stop in self._stops]
        return draw(self._stops, errors, self._stops.index(self.c), self.workers, LARGEST)


def size(value: float) -> str:
    return plain(value) if value >= SMALLEST else "below 0.0001"


def clip_texts(c: float) -> list[str]:
    """Share of zeros, change of length and of direction."""
    clip = gaussian_clip(c)
    length = f"{100 * clip.length_change:.2f} %".replace("-", "−")
    return [f"{100 * (1 - clip.nonzeros):.1f} %", length.replace("−0.00", "0.00"), f"{clip.angle:.2f}°"]

"""The reader commits to a number before it is measured."""

import math
import re
from html import escape

import traitlets

from effdl_lite.widgets.figure import Figure, plain


class Prediction(Figure):
    """A question with a number for an answer; the guess is kept in the reader's browser and shown beside the answer.

    Args:
        question: the question, as plain text.
        unit: the unit of the answer, such as "ms" or "times"; may be empty.
        key: names the guess in the browser, below "effdl:"; letters, digits, dots, hyphens and underscores. Two
            questions of the course never share one.
        answer: the measured number; None where it is measured later. Assign it then: `prediction.answer = 3.2`.
            Shown with up to six digits: round it as it should be read.
        low, high: the range that a guess may have; None for no limit.
        step: the step of the input field; None for any number.

    Attributes:
        guess: the reader's number, None before the reader has committed to one.

    Raises:
        ValueError: if the key has other characters, `low` is not below `high`, or `step` is not positive.
    """

    source = "prediction"
    question = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Float(None, allow_none=True).tag(sync=True)
    low = traitlets.Float(None, allow_none=True).tag(sync=True)
    high = traitlets.Float(None, allow_none=True).tag(sync=True)
    step = traitlets.Float(None, allow_none=True).tag(sync=True)
    guess = traitlets.Float(None, allow_none=True).tag(sync=True)

    def __init__(
        self,
        question: str,
        unit: str,
        key: str,
        answer: float | None = None,
        low: float | None = None,
        high: float | None = None,
        step: float | None = None,
    ):
        if not re.fullmatch(r"[\w.-]+", key):
            raise ValueError(f"key {key!r} has other characters than letters, digits, '.', '-', '_'; take 'ch01.speed'")
        for name, value in (("answer", answer), ("low", low), ("high", high)):
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} is {value}; take a finite number, or None")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"low {low} is not below high {high}; give the smaller number as low")
        if step is not None and not (math.isfinite(step) and step > 0):
            raise ValueError(f"step is {step}; it must be above 0, or None for any number")
        super().__init__(question=question, unit=unit, key=key, answer=answer, low=low, high=high, step=step)
        self.picture = self._draw()

    @traitlets.observe("answer")
    def _redraw(self, _change):
        self.picture = self._draw()

    def table(self) -> tuple[str, list[list[str]]]:
        measured = "measured further down" if self.answer is None else f"{plain(self.answer, 6)} {self.unit}".strip()
        limits = "any number" if self.low is None and self.high is None else self._limits()
        rows = [["What", "Number"], ["Your guess", f"write it down first: {limits}"], ["Measured", measured]]
        return self.question, rows

    def _limits(self) -> str:
        ends = (("at least", self.low), ("at most", self.high))
        ends = [f"{word} {plain(end, 6)}" for word, end in ends if end is not None]
        return f"{', '.join(ends)} {self.unit}".strip()

    def _draw(self) -> str:
        """A number line from low to high, with the answer on it where there is one."""
        ends = [end for end in (self.low, self.high, self.answer) if end is not None] or [0.0]
        low = self.low if self.low is not None else min(0.0, *ends)
        high = self.high if self.high is not None else 2 * max(ends)
        high = high if high > low else low + 1

        def x(value):
            return round(20 + 320 * min(1, max(0, (value - low) / (high - low))), 1)

        text = 'fill="currentColor" font-size="12"'
        mark = ""
        if self.answer is not None:
            at = x(self.answer)
            label = f"measured: {plain(self.answer, 6)}"
            mark = (
                f'<path d="M{at} 30l6 -11h-12z" fill="currentColor"/>'
                f'<text x="{min(300, max(60, at))}" y="13" {text} text-anchor="middle">{label}</text>'
            )
        return (
            f'<svg viewBox="0 0 360 58" role="img" aria-label="{escape(self.question)}">'
            f'<path d="M20 32H340M20 27v10M340 27v10" fill="none" stroke="currentColor" stroke-width="1.5"/>'
            f'<text x="20" y="53" {text}>{plain(low, 6)}</text>'
            f'<text x="340" y="53" {text} text-anchor="end">{plain(high, 6)}</text>{mark}</svg>'
        )

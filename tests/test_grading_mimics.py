"""No lab's hidden tests are content with objects that agree with everything, or with values that compare oddly."""

import contextlib
import io

import pytest
import torch
from torch import Tensor

from effdl_lite.checking import Handle, NamespaceAnswers
from grading.coverage import _names, _setup
from grading.suite import labs, load


def mimic(result=None):
    """An object of a student's whose every method returns this, or another such object."""
    return Handle(lambda *_, **__: mimic() if result is None else result, "Mimic", None)


def leaves(change):
    """Changes each tensor and number of a result."""

    def changed(value):
        if isinstance(value, list | tuple):
            return type(value)(map(changed, value))
        if isinstance(value, dict):
            return {key: changed(item) for key, item in value.items()}
        return change(value) if isinstance(value, Tensor | int | float) else value

    return changed


def not_a_number(value):
    floating = isinstance(value, Tensor) and value.is_floating_point()
    return torch.full_like(value, torch.nan) if floating else mimic(True)


CHANGES = {
    "an object that says True": lambda value: mimic(True),
    "objects that say True": leaves(lambda value: mimic(True)),
    "objects that say 0": leaves(lambda value: mimic(0)),
    "objects without end": leaves(lambda value: mimic()),
    "not a number": leaves(not_a_number),
    "text": leaves(lambda value: "nan"),
}


class Changed(NamespaceAnswers):
    """Right answers whose results are changed on their way out."""

    def __init__(self, names, change):
        super().__init__(names)
        self._change = change

    def call(self, name, /, *args, **kwargs):
        return self._change(super().call(name, *args, **kwargs))


@pytest.mark.parametrize("name", labs())
def test_no_exercise_accepts_them(name):
    lab = load(name)
    with contextlib.redirect_stdout(io.StringIO()):
        names = _names(lab, _setup(lab))
    for exercise in lab.notebook.exercises:
        for what, change in CHANGES.items():
            outcomes = lab.hidden.run(exercise.name, Changed(names, change))
            assert not all(outcome.passed for outcome in outcomes), f"{exercise.name} accepts {what}"

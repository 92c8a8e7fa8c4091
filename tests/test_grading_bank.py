"""Every answer of the banks through the sandbox: what is wrong gets no points there either, and what is right all."""

from dataclasses import replace

import pytest

from grading.bank import entries
from grading.limits import Limits
from grading.sandbox_answers import Cell, Student
from grading.sandbox_process import Sandbox
from grading.suite import labs, load

pytestmark = pytest.mark.needs("bubblewrap")


@pytest.mark.parametrize("name", labs())
def test_the_sandbox_changes_no_verdict(name):
    lab = load(name)
    solution = [Cell(exercise.name, exercise.answer) for exercise in lab.notebook.exercises]
    bank = entries(lab)
    differing = []
    limits = replace(Limits(), student_seconds=3600)
    with Sandbox(lab.paths.public, lab.notebook.setup, limits) as sandbox:
        for entry in bank:
            place = next(number for number, cell in enumerate(solution) if cell.name == entry.exercise)
            cells = [*solution[: place + 1], Cell(entry.name, entry.source), *solution[place + 1 :]]
            if accepted(lab, Student(sandbox, cells), entry.exercise) != entry.is_right:
                differing.append(f"{entry.exercise}: {entry.name} ({entry.says})")
    assert {entry.is_right for entry in bank} == {True, False}
    assert not differing


def accepted(lab, student, exercise):
    """Whether all tests pass; the first that fails ends the search."""
    return all(
        outcome.passed for checks in (lab.hidden, lab.public) for outcome in checks.outcomes(exercise, student.answers)
    )

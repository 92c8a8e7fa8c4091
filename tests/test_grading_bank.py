"""Every answer of the banks through the sandbox: what is wrong gets no points there either, and what is right all."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest
import torch

from grading.bank import entries
from grading.limits import Limits
from grading.sandbox_answers import Cell, Student
from grading.sandbox_process import Sandbox
from grading.student import slow_imports
from grading.suite import labs, load

pytestmark = pytest.mark.needs("bubblewrap")


@pytest.fixture(scope="module")
def tried():
    """What each lab's bank found; two labs at a time, since one alone leaves a core without work."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork"), torch.set_num_threads, (1,)) as pool:
        yield {name: pool.submit(try_bank, name) for name in labs()}


@pytest.mark.parametrize("name", labs())
def test_the_sandbox_changes_no_verdict(tried, name):
    answers, differing = tried[name].result()
    assert set(answers) == {True, False}
    assert not differing


def try_bank(name):
    """Whether each answer of a lab's bank is right, and those of which the sandbox thinks otherwise."""
    lab = load(name)
    solution = [Cell(exercise.name, exercise.answer) for exercise in lab.notebook.exercises]
    bank = entries(lab)
    differing = []
    limits = replace(Limits(), student_seconds=3600)
    imports = slow_imports(entry.source for entry in bank)
    with Sandbox(lab.paths.public, lab.notebook.setup, limits, imports) as sandbox:
        for entry in bank:
            place = next(number for number, cell in enumerate(solution) if cell.name == entry.exercise)
            cells = [*solution[: place + 1], Cell(entry.name, entry.source), *solution[place + 1 :]]
            if accepted(lab, Student(sandbox, cells), entry.exercise) != entry.is_right:
                differing.append(f"{entry.exercise}: {entry.name} ({entry.says})")
    return [entry.is_right for entry in bank], differing


def accepted(lab, student, exercise):
    """Whether all tests pass; the first that fails ends the search."""
    return all(
        outcome.passed for checks in (lab.hidden, lab.public) for outcome in checks.outcomes(exercise, student.answers)
    )

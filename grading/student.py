"""Grades one student: the answers in a sandbox, every test, public and hidden, in this process."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from effdl_lite.checking import Outcome
from grading.limits import Limits
from grading.normalise import Normalised, normalise, released_cells
from grading.sandbox_answers import Student
from grading.sandbox_process import Sandbox
from grading.submitted import Refused
from grading.suite import Lab

OK, FLAGGED, REJECTED, CRASHED = STATUSES = ("ok", "flagged", "rejected", "crashed")

# What a student's code may name, and what is imported once for all tests then
SLOW_IMPORTS = {
    "matplotlib": "matplotlib.pyplot",
    "scipy": "scipy",
    "sklearn": "sklearn",
    "IPython": "IPython.display",
    "torch.optim": "torch._dynamo",  # which the first optimizer of a process imports
    "optim.": "torch._dynamo",
}


@dataclass
class Result:
    """What grading one student found.

    Attributes:
        status: ok; flagged, with something to look at; rejected, with no grade since nothing could be graded; crashed,
            with no grade since grading itself failed. Neither of the last two is a zero.
        flags: what an instructor should know, in words; the reason where there is no grade.
        points: of each exercise; empty where there is no grade. An exercise gives all its points or none.
        public: what the tests that students have found, by exercise.
        hidden: what the others found; for instructors alone.
    """

    status: str
    flags: list[str] = field(default_factory=list)
    points: dict[str, float] = field(default_factory=dict)
    public: dict[str, list[Outcome]] = field(default_factory=dict)
    hidden: dict[str, list[Outcome]] = field(default_factory=dict)


def grade(lab: Lab, content: bytes, limits: Limits) -> tuple[Result, Normalised | None]:
    """Grades a notebook; the result, and the lab with the student's answers in it.

    Args:
        lab: its tests and its released notebook.
        content: of the student's file.
        limits: of the answers.
    """
    try:
        normalised = normalise(released_cells(lab.paths.released), content)
    except Refused as refused:
        return Result(REJECTED, [str(refused)]), None
    imports = slow_imports(cell.source for cell in normalised.cells)
    with Sandbox(lab.paths.public, lab.notebook.setup, limits, imports) as sandbox:
        result = try_answers(lab, Student(sandbox, normalised.cells))
    result.flags[:0] = normalised.flags
    if result.flags:
        result.status = FLAGGED
    return result, normalised


def slow_imports(sources: Iterable[str]) -> list[str]:
    """The modules that the first process of a sandbox is to import for this code."""
    text = "\n".join(sources)
    return sorted({module for name, module in SLOW_IMPORTS.items() if name in text})


def try_answers(lab: Lab, student: Student) -> Result:
    """What all tests of a lab find in a student's answers."""
    result = Result(OK)
    for exercise in lab.notebook.exercises:
        student.new_exercise()
        name = exercise.name
        result.public[name] = list(lab.public.outcomes(name, student.answers))
        result.hidden[name] = list(lab.hidden.outcomes(name, student.answers))
        passed = all(outcome.passed for outcome in result.public[name] + result.hidden[name])
        result.points[name] = exercise.task.points if passed else 0
        if student.too_costly:
            result.flags.append(f"a test of {name} was stopped, and those after it not run: {student.too_costly}")
    answers = set(result.points)
    for name, end in student.ends.items():
        if end == "timeout":
            result.flags.append(f"the cell {name} took too long; only its definitions were run")
        elif name in answers and not end.startswith("NotImplementedError"):
            result.flags.append(f"the cell {name} stopped: {end}")
    return result

"""Cells of a lab notebook: which are answers, checks and questions, and what a task says of itself."""

import ast
import re
from copy import deepcopy
from dataclasses import dataclass

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
EFFORT = re.compile(r"Difficulty ([●○]+) \((\d of \d)\) · (\d+) minutes? · (\d+) points?")
EFFORT_EXAMPLE = "Difficulty ●●○ (2 of 3) · 8 minutes · 4 points"
FRONT = re.compile(r"^\*About (\d+) minutes, (\d+) points, [^.]+\. You need (.+?)\.?\*$", re.MULTILINE | re.DOTALL)
FRONT_EXAMPLE = "*About 90 minutes, 40 points, nine exercises. You need the chapter ...*"


@dataclass(frozen=True)
class Front:
    """What the first cell of a lab says.

    Attributes:
        title: its heading.
        minutes: that the lab may take, about.
        points: that it gives.
        needs: what a student should know before, in one line.
    """

    title: str
    minutes: int
    points: int
    needs: str


def front_of(cell: NotebookNode) -> Front | None:
    """The front of a lab; None where the heading or the paragraph of effort and needs is missing."""
    heading, front = HEADING.match(cell.source), FRONT.search(cell.source)
    if not heading or not front:
        return None
    return Front(heading[1], int(front[1]), int(front[2]), " ".join(front[3].split()))


@dataclass(frozen=True)
class Task:
    """What the cell above an answer says of it.

    Attributes:
        title: its heading.
        dots: the difficulty for the eye, such as "●●○".
        difficulty: the same in words, such as "2 of 3".
        minutes: that it may take.
        points: that it promises.
    """

    title: str
    dots: str
    difficulty: str
    minutes: int
    points: int


def task_of(cell: NotebookNode) -> Task | None:
    """The task in a cell; None where the heading or the line of its effort is missing."""
    heading, effort = HEADING.search(cell.source), EFFORT.search(cell.source)
    if not heading or not effort:
        return None
    dots, difficulty, minutes, points = effort.groups()
    return Task(heading[1], dots, difficulty, int(minutes), int(points))


def mark(cell: NotebookNode) -> dict:
    """nbgrader's metadata of a cell; empty where it has none."""
    return cell.metadata.get("nbgrader", {})


def is_answer(cell: NotebookNode) -> bool:
    """Whether tests grade what is written here."""
    return bool(mark(cell).get("solution")) and not mark(cell).get("grade")


def is_check(cell: NotebookNode) -> bool:
    """Whether the cell runs tests and carries their points."""
    return bool(mark(cell).get("grade")) and not mark(cell).get("solution")


def is_question(cell: NotebookNode) -> bool:
    """Whether a person grades what is written here."""
    return bool(mark(cell).get("grade")) and bool(mark(cell).get("solution"))


def arguments(function: ast.FunctionDef) -> list[str]:
    """The names of a function's arguments, in their order."""
    taken = function.args
    return [argument.arg for argument in [*taken.posonlyargs, *taken.args, *taken.kwonlyargs]]


def stub_of(cell: NotebookNode) -> str:
    """An answer cell's source as nbgrader releases it."""
    released, _ = ClearSolutions().preprocess_cell(deepcopy(cell), {"language": "python"}, 0)
    return released.source


def solution_lines(source: str) -> list[range] | None:
    """The lines, from 1, between the markers of each solution; None where there is none or one stays open."""
    regions, start = [], None
    for number, line in enumerate(source.splitlines(), 1):
        if "BEGIN SOLUTION" in line:
            if start is not None:
                return None
            start = number + 1
        elif "END SOLUTION" in line:
            if start is None:
                return None
            regions.append(range(start, number))
            start = None
    return regions if regions and start is None else None

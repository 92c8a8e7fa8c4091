"""Makes a new lab: every file and cell in its place, with one example exercise. `REPLACE THIS` marks what to write."""

import re
from pathlib import Path

import nbformat

from grading import ROOT, LabError
from grading.faults import SCHEMA
from grading.suite import MARKER, Paths

TITLE = f"""# {{title}} · {MARKER} with a title

*About 15 minutes, 6 points, two exercises. You need {MARKER} with the chapters that a student should know.*

{MARKER} with what the lab is about, and what the student will have seen at its end. After each exercise comes a check;
from a terminal, `effdl check {{name}}` runs all of them."""

SETUP = """import torch

from checks import check
from effdl_lite import profiles

print(profiles.current())"""

TASK = f"""## Exercise 1 · {MARKER} with a name

Difficulty ●○○ (1 of 3) · 5 minutes · 2 points

{MARKER} with why, the task and the formula. Write `mean_square(weight)`, the mean of the squares of all entries.

<details><summary>Hint 1: where to start</summary>{MARKER} with a weak hint</details>

<details><summary>Hint 2: nearly there</summary>{MARKER} with a strong hint</details>"""

ANSWER = '''def mean_square(weight):
    """The mean of the squares of all entries of a tensor."""
    ### BEGIN SOLUTION
    squares = weight.square()
    return squares.mean()
    ### END SOLUTION'''

ESSAY_TASK = f"""## Question · {MARKER} with a name

Difficulty ●●○ (2 of 3) · 10 minutes · 4 points

{MARKER} with a question that a person reads, and the rubric by which it is graded."""

ESSAY = f"{MARKER} with a sample answer; students get an empty cell."

CHECKS = '''"""Public tests of {name}: what `check("...")` runs. Students have this file."""

import torch

from effdl_lite.checking import Checks, close

checks = Checks("{name}")
check = checks.check


@checks.test("mean_square", hint="hint 1")
def two_numbers(S):
    """{marker} with what this tests, in words"""
    close(S.mean_square(torch.tensor([1.0, 3.0])), 5.0, "the mean square of 1 and 3")
'''

HIDDEN = '''"""Hidden tests of {name}. Students never have this file; a message must not tell the answer."""

import torch

from effdl_lite.checking import Checks, close

hidden = Checks("{name}")


@hidden.test("mean_square")
def random_numbers(S):
    """{marker} with what this tests, in words"""
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    close(S.mean_square(weight), (weight**2).sum().item() / 12, "the mean square of random numbers", show=False)
'''

ANSWERS = '''"""The answer bank of {name}: wrong answers that its tests must reject, right ones that they must take."""

from grading.bank import right, wrong


@wrong("mean_square")
def sum_instead_of_mean(weight):
    """{marker} with at least six wrong answers; this one forgets to divide"""
    return weight.square().sum()


@right("mean_square")
def by_the_norm(weight):
    """{marker} with at least two right answers that differ; this one divides the squared norm"""
    return weight.norm() ** 2 / weight.numel()
'''


def new(name: str, root: Path = ROOT) -> list[Path]:
    """Makes the files of a lab and returns them; an existing file is never touched."""
    if not re.fullmatch(r"lab\d\d", name):
        raise LabError(f"{name!r} is no name for a lab; it must be lab and two digits, such as lab07")
    paths = Paths(name, root)
    if existing := [path for path in paths.sources if path.exists()]:
        raise LabError(f"{name} is there already: {', '.join(str(path.relative_to(root)) for path in existing)}")
    for path in paths.sources:
        path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(_notebook(name), paths.solution)
    for path, text in ((paths.public, CHECKS), (paths.hidden, HIDDEN), (paths.answers, ANSWERS)):
        path.write_text(text.format(name=name, marker=MARKER), "utf-8", newline="\n")
    return paths.sources


def _notebook(name: str) -> nbformat.NotebookNode:
    """The cells of a lab with one exercise and one question."""
    cells = [
        _cell("title", "markdown", TITLE.format(name=name, title=f"Lab {int(name[3:])}"), locked=True),
        _cell("setup", "code", SETUP, locked=True),
        _cell("mean_square-task", "markdown", TASK, locked=True),
        _cell("mean_square", "code", ANSWER, solution=True),
        _cell("mean_square-check", "code", 'check("mean_square")', grade=True, locked=True, points=2),
        _cell("essay-task", "markdown", ESSAY_TASK, locked=True),
        _cell("essay", "markdown", ESSAY, grade=True, solution=True, points=4),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _cell(name: str, kind: str, source: str, **marks) -> nbformat.NotebookNode:
    """A cell with nbgrader's marks; those not given are False."""
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    defaults = {"grade": False, "locked": False, "solution": False, "task": False}
    nbgrader = {**defaults, **marks, "grade_id": name, "schema_version": SCHEMA}
    return make(source, id=name, metadata={"nbgrader": nbgrader})

"""A lab with two exercises for the tests of grading: a function of a tensor, and one that makes an object."""

from pathlib import Path

import nbformat
import tiny_lab

from grading.release import release
from grading.suite import Lab, Paths, load

TASK = """## Exercise 2 · Count

Difficulty ●○○ (1 of 3) · 2 minutes · 3 points

Write `counter(start)`.

<details><summary>Hint 1: a class</summary>Write a class.</details>

<details><summary>Hint 2: its method</summary>It has a method.</details>"""

RIGHT = "def mean_square(weight):\n    return weight.square().mean()"
COUNTER = """\
class Counter:
    def __init__(self, start):
        self.total = start

    def add(self, number):
        self.total += number
        return self.total


def counter(start):
    return Counter(start)"""

SOLUTION = f'''def counter(start):
    """An object whose method add(number) adds to a total, which begins at start, and returns it."""
    ### BEGIN SOLUTION
    return Counter(start)


{COUNTER[: COUNTER.index("def counter")].rstrip()}
    ### END SOLUTION'''

PUBLIC = '''

@checks.test("counter", hint="hint 1")
def two_and_three(S):
    """two and three"""
    close(S.counter(2).add(3), 5, "the total")
'''

HIDDEN = '''

@hidden.test("counter")
def totals_of_two_counters(S):
    """two counters do not disturb each other"""
    one, other = S.counter(1), S.counter(100)
    one.add(1)
    other.add(1)
    close(one.add(1), 3, "the total", show=False)
'''


def make(root: Path) -> Lab:
    """The lab, released."""
    paths = tiny_lab.make(root)

    def add(notebook, cells):
        place = notebook.cells.index(cells["essay-task"])
        task = cells["mean_square-task"].copy() | {"id": "counter-task", "source": TASK}
        answer = cells["mean_square"].copy() | {"id": "counter", "source": SOLUTION}
        check = cells["mean_square-check"].copy() | {"id": "counter-check", "source": 'check("counter")'}
        for cell in (task, answer, check):
            marks = dict(cell["metadata"]["nbgrader"], grade_id=cell["id"])
            cell["metadata"] = nbformat.from_dict({"nbgrader": marks | ({"points": 3} if "points" in marks else {})})
        notebook.cells[place:place] = [nbformat.from_dict(cell) for cell in (task, answer, check)]
        front = cells["title"]
        front.source = front.source.replace("15 minutes, 6 points, two", "17 minutes, 9 points, three")

    tiny_lab.edit(paths.solution, add)
    tiny_lab.append(paths.public, PUBLIC)
    tiny_lab.append(paths.hidden, HIDDEN)
    release("lab01", root)
    return load("lab01", root)


def handed_in(lab: Lab, mean_square: str = RIGHT, counter: str = COUNTER, *own: str) -> nbformat.NotebookNode:
    """The released notebook with answers in it, and code cells of the student's own before them."""
    notebook = nbformat.read(Paths("lab01", lab.paths.root).released, as_version=4)
    for cell in notebook.cells:
        cell.source = {"mean_square": mean_square, "counter": counter}.get(cell.id, cell.source)
    notebook.cells[2:2] = [nbformat.v4.new_code_cell(source) for source in own]
    return notebook

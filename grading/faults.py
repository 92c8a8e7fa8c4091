"""What is not in order in a lab's solution notebook, each fault as a line that says what to do."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from nbformat import NotebookNode

from grading.cells import (
    EFFORT_EXAMPLE,
    FRONT_EXAMPLE,
    front_of,
    is_answer,
    is_check,
    is_question,
    mark,
    solution_lines,
    task_of,
)

SCHEMA = 3
ABOUT = 0.1  # how far "about 90 minutes" may be from the sum, as a share of it
RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]+)?")


def of_ids(cells: list[NotebookNode]) -> Iterator[str]:
    """Ids that occur twice, say nothing, or differ from the grade id."""
    grade_ids = [mark(cell).get("grade_id") for cell in cells]
    for word, ids in (("cell id", [cell.id for cell in cells]), ("grade_id", grade_ids)):
        for name, times in Counter(ids).items():
            if name and times > 1:
                yield f"the {word} {name!r} occurs {times} times; each cell needs its own"
    for cell in cells:
        if RANDOM_ID.fullmatch(cell.id):
            yield f"the cell id {cell.id!r} tells a reader nothing; choose a readable one"
        if mark(cell) and mark(cell).get("grade_id") != cell.id:
            yield f"cell {cell.id!r} has the grade_id {mark(cell).get('grade_id')!r}; both must be the same"


def of_cells(cells: list[NotebookNode]) -> Iterator[str]:
    """Cells that lack a part, a point or a partner; ids must be in order."""
    ids = {cell.id: cell for cell in cells}
    yield from _of_front(cells)
    first = next((cell for cell in cells if cell.cell_type == "code"), None)
    if first is None or first.id != "setup" or not mark(first).get("locked"):
        yield "the first code cell must be the locked cell 'setup'"
    for cell in cells:
        yield from _of_marks(cell)
        if is_answer(cell):
            yield from _of_answer(cell, ids)
        elif is_check(cell):
            yield from _of_check(cell, ids)
        elif is_question(cell):
            yield from _of_question(cell, ids)


def _of_front(cells: list[NotebookNode]) -> Iterator[str]:
    front = front_of(cells[0])
    if front is None:
        yield f"the first cell needs a heading and a paragraph like: {FRONT_EXAMPLE}"
        return
    tasks = [task for cell in cells if cell.id.endswith("-task") and (task := task_of(cell))]
    minutes, points = sum(task.minutes for task in tasks), sum(task.points for task in tasks)
    if front.points != points or abs(front.minutes - minutes) > ABOUT * minutes:
        promised = f"about {front.minutes} minutes and {front.points} points"
        yield f"the first cell promises {promised}; the tasks add up to {minutes} minutes and {points} points"


def _of_marks(cell: NotebookNode) -> Iterator[str]:
    marks = mark(cell)
    if marks and marks.get("schema_version") != SCHEMA:
        yield f"cell {cell.id!r} has schema_version {marks.get('schema_version')!r}; nbgrader 0.9 writes {SCHEMA}"
    if marks.get("grade") and not marks.get("points", 0) > 0:
        yield f"cell {cell.id!r} gives {marks.get('points', 0)} points; a graded cell needs more than 0"


def _of_answer(cell: NotebookNode, ids: dict[str, NotebookNode]) -> Iterator[str]:
    check = ids.get(f"{cell.id}-check")
    if check is None:
        yield f"answer {cell.id!r} has no check cell {cell.id + '-check'!r}, so that nobody would grade it"
    else:
        yield from _of_task(cell, check, ids)
    if solution_lines(cell.source) is None:
        yield f"answer {cell.id!r} needs lines ### BEGIN SOLUTION and ### END SOLUTION around each solution"
    try:
        ast.parse(cell.source)
    except SyntaxError as error:
        yield f"answer {cell.id!r} is not plain Python: line {error.lineno}, {error.msg}"


def _of_check(cell: NotebookNode, ids: dict[str, NotebookNode]) -> Iterator[str]:
    exercise = cell.id.removesuffix("-check")
    if exercise == cell.id or exercise not in ids or not is_answer(ids[exercise]):
        yield f"check {cell.id!r} has no answer cell; its id must be that of an answer, with -check behind it"
    elif cell.source != f'check("{exercise}")':
        yield f'check {cell.id!r} must hold check("{exercise}") and nothing else'


def _of_question(cell: NotebookNode, ids: dict[str, NotebookNode]) -> Iterator[str]:
    if cell.cell_type != "markdown":
        yield f"cell {cell.id!r} is graded by a person, so it must be a markdown cell"
    yield from _of_task(cell, cell, ids)


def _of_task(cell: NotebookNode, graded: NotebookNode, ids: dict[str, NotebookNode]) -> Iterator[str]:
    task = task_of(ids[f"{cell.id}-task"]) if f"{cell.id}-task" in ids else None
    if task is None:
        yield f"{cell.id!r} needs a cell {cell.id + '-task'!r} with a heading and a line like: {EFFORT_EXAMPLE}"
    elif task.points != mark(graded).get("points"):
        yield f"the task of {cell.id!r} promises {task.points} points, its metadata give {mark(graded).get('points')}"

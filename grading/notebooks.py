"""What a lab's solution notebook holds: exercises with their cells and points. Only JSON is read, nothing runs.

An exercise `block_norms` has three cells, whose grade ids are also their cell ids: the task `block_norms-task`, the
answer `block_norms`, and the check `block_norms-check`, which carries the points. A manual question is a markdown cell
with points, the answer in it, and a task before it.
"""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import nbformat

from grading import LabError, faults
from grading.cells import Front, Task, arguments, front_of, is_answer, is_question, mark, stub_of, task_of


@dataclass(frozen=True)
class Question:
    """Something to write. A person reads it, unless it is an Exercise.

    Attributes:
        name: its id.
        task: what the student is told.
    """

    name: str
    task: Task


@dataclass(frozen=True)
class Exercise(Question):
    """An exercise that tests grade.

    Attributes:
        answer: the source of the answer cell, with the solution.
        stub: the answer cell as students get it.
    """

    answer: str
    stub: str

    @property
    def functions(self) -> dict[str, list[str]]:
        """The functions that the answer cell defines, with the names of their arguments."""
        defined = [node for node in ast.parse(self.answer).body if isinstance(node, ast.FunctionDef)]
        return {node.name: arguments(node) for node in defined}


@dataclass(frozen=True)
class LabNotebook:
    """A solution notebook that is in order.

    Attributes:
        path: of the notebook.
        front: title, effort and needs, as the first cell says them.
        setup: the source of the first code cell.
        work: exercises and questions, in their order.
        cells: all cells, as nbformat reads them.
    """

    path: Path
    front: Front
    setup: str
    work: list[Question]
    cells: list[nbformat.NotebookNode]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def exercises(self) -> list[Exercise]:
        return [item for item in self.work if isinstance(item, Exercise)]


def read(path: Path) -> LabNotebook:
    """Reads and validates; LabError lists everything that is not in order."""
    cells = _cells(path)
    if found := list(faults.of_ids(cells)) or list(faults.of_cells(cells)):
        raise LabError("\n".join(f"{path.name}: {fault}" for fault in found))
    tasks = {cell.id.removesuffix("-task"): task_of(cell) for cell in cells if cell.id.endswith("-task")}
    work = []
    for cell in cells:
        if is_answer(cell):
            work.append(Exercise(cell.id, tasks[cell.id], cell.source, stub_of(cell)))
        elif is_question(cell):
            work.append(Question(cell.id, tasks[cell.id]))
    setup = next(cell for cell in cells if cell.cell_type == "code")
    return LabNotebook(path, front_of(cells[0]), setup.source, work, cells)


def _cells(path: Path) -> list[nbformat.NotebookNode]:
    if not path.is_file():
        raise LabError(f"there is no {path}; `python -m grading new {path.stem}` makes a lab")
    try:
        content = json.loads(path.read_text("utf-8"))  # nbformat's own reader would rename an id that occurs twice
    except ValueError as error:
        raise LabError(f"{path} is not a notebook: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise LabError(f"{path} is not a notebook: it holds no list of cells")
    version = (content.get("nbformat"), content.get("nbformat_minor"))
    if version < (4, 5):
        raise LabError(f"{path} is of format {version[0]}.{version[1]}, which has no cell ids; save it as 4.5")
    notebook = nbformat.from_dict(content)
    for fault in nbformat.validator.iter_validate(notebook):
        raise LabError(f"{path} is not a notebook in the format of Jupyter: {fault.message}")
    for cell in notebook.cells:
        cell.source = "".join(cell.source)  # stored as a list of lines
    if not any(mark(cell) for cell in notebook.cells):
        raise LabError(f"{path.name} has no nbgrader metadata; `python -m grading new` shows which cells carry them")
    return notebook.cells

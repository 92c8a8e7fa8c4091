"""Puts a student's answers into the lab as it was released, so that nothing else in the student's notebook counts.

Answers are found by their grade id; where that is lost, by the cell's id, by the function that the cell defines, or by
its task. Code cells of the student's own are kept as such.
"""

import ast
import json
import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from grading.sandbox_answers import Cell
from grading.submitted import SubmittedCell, read

OWN = "own cell {}"


@dataclass
class Normalised:
    """A lab with a student's answers in it.

    Attributes:
        cells: the code that runs before a test: answers, and the student's own cells.
        notebook: the released notebook with answers and own cells put in, in the format of Jupyter.
        flags: what an instructor should know, in words.
    """

    cells: list[Cell]
    notebook: dict
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReleasedCell:
    """A cell of the lab.

    Attributes:
        name: its grade id, and its id.
        kind: code or markdown.
        source: as students get it.
        answered: whether students write into it.
        functions: that it defines.
    """

    name: str
    kind: str
    source: str
    answered: bool
    functions: tuple[str, ...]


def released_cells(path: Path) -> tuple[dict, list[ReleasedCell]]:
    """A released notebook and its cells, in their order."""
    notebook = json.loads(path.read_text("utf-8"))
    return notebook, [_released(cell) for cell in notebook["cells"]]


def normalise(lab: tuple[dict, list[ReleasedCell]], content: bytes) -> Normalised:
    """The lab with the answers of a student's notebook (Refused).

    Args:
        lab: from `released_cells`.
        content: of the student's file.
    """
    notebook, released = lab
    submitted = read(content)
    matches, flags = _matched(released, submitted)
    answers, own = {}, {}
    for cell in released:
        copies = [found for found in submitted if matches.get(found) is cell]
        if cell.answered:
            answers[cell.name] = _answer(cell, copies, flags)
        elif changed := [found for found in copies if found.source.strip() != cell.source.strip()]:
            flags.append(f"the given cell {cell.name} was changed; the lab's own is used")
            own |= dict.fromkeys(found for found in changed if found.kind == "code")
    texts = {cell.source.strip() for cell in released}
    strangers = [cell for cell in submitted if cell not in matches]
    own |= dict.fromkeys(cell for cell in strangers if cell.kind == "code" and cell.source.strip() not in texts)
    if unknown := sorted({cell.grade_id for cell in strangers if cell.grade_id}):
        flags.append(f"{len(unknown)} cells have names that the lab does not know")
    return _put_together(notebook, released, answers, _places(released, submitted, matches, own), flags)


def _released(cell: dict) -> ReleasedCell:
    marks, source = cell["metadata"]["nbgrader"], "".join(cell["source"])
    answered, functions = bool(marks["solution"]), ()
    if answered and cell["cell_type"] == "code":
        functions = tuple(node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return ReleasedCell(marks["grade_id"], cell["cell_type"], source, answered, functions)


def _matched(
    released: list[ReleasedCell], submitted: list[SubmittedCell]
) -> tuple[dict[SubmittedCell, ReleasedCell], list[str]]:
    """Which cell of the lab each of the student's is, and flags."""
    names = {cell.name: cell for cell in released}
    matches = {cell: names[cell.grade_id] for cell in submitted if cell.grade_id in names}
    flags = []
    for cell in [cell for cell in released if cell not in matches.values()]:
        rest = [found for found in submitted if found not in matches]
        found = next((other for other in rest if other.id == cell.name), None)
        if found is None and cell.answered:
            found = _by_function(cell, rest) or _by_task(cell, released, submitted, rest)
        if found is not None:
            matches[found] = cell
        if cell.answered:
            how = "was not found" if found is None else "had lost its name and was found all the same"
            flags.append(f"the cell of {cell.name} {how}")
    return matches, flags


def _by_function(cell: ReleasedCell, rest: list[SubmittedCell]) -> SubmittedCell | None:
    """The last cell that defines most of the functions that this one should."""

    def defined(found: SubmittedCell) -> int:
        return sum(bool(re.search(rf"^def {name}\b", found.source, re.MULTILINE)) for name in cell.functions)

    return max((found for found in reversed(rest) if defined(found)), key=defined, default=None)


def _by_task(
    cell: ReleasedCell, released: list[ReleasedCell], submitted: list[SubmittedCell], rest: list[SubmittedCell]
) -> SubmittedCell | None:
    """The cell right below the text of the task."""
    task = released[released.index(cell) - 1].source.strip()
    places = [number for number, found in enumerate(submitted) if found.source.strip() == task]
    below = submitted[places[-1] + 1] if places and places[-1] + 1 < len(submitted) else None
    return below if below in rest and (below.kind == "code") == (cell.kind == "code") else None


def _answer(cell: ReleasedCell, copies: list[SubmittedCell], flags: list[str]) -> str:
    """What the student wrote into a cell; of several copies, the last that is not as it was released."""
    if any(found.kind != cell.kind for found in copies):
        flags.append(f"the cell of {cell.name} is no longer of kind {cell.kind}; its text is taken")
    written = [found.source for found in copies if found.source.strip() != cell.source.strip()]
    if len(copies) > 1:
        which = "; the last one counts" if len(set(written)) > 1 else ""
        flags.append(f"the cell of {cell.name} is there {len(copies)} times{which}")
    return written[-1] if written else cell.source


def _places(
    released: list[ReleasedCell],
    submitted: list[SubmittedCell],
    matches: dict[SubmittedCell, ReleasedCell],
    own: Iterable[SubmittedCell],
) -> dict[int, list[str]]:
    """The student's own code by the number of the cell of the lab that it follows; -1 for none."""
    numbers = {cell: number for number, cell in enumerate(released)}
    at, places = -1, {}
    for cell in submitted:
        if cell in matches:
            at = numbers[matches[cell]]
        if cell in own and cell.source.strip():
            places.setdefault(at, []).append(cell.source)
    return places


def _put_together(
    notebook: dict,
    released: list[ReleasedCell],
    answers: dict[str, str],
    own: dict[int, list[str]],
    flags: list[str],
) -> Normalised:
    result, cells, run, count = deepcopy(notebook), [], [], 0
    for number in range(-1, len(released)):
        if number >= 0:
            cell, shown = released[number], result["cells"][number]
            if cell.answered:
                shown["source"] = answers[cell.name]
                if cell.kind == "code":
                    run.append(Cell(cell.name, answers[cell.name]))
            cells.append(shown)
        for source in own.get(number, []):
            count += 1
            run.append(Cell(OWN.format(count), source, own=True))
            added = {"cell_type": "code", "id": f"own-{count}", "metadata": {}, "source": source}
            cells.append({**added, "outputs": [], "execution_count": None})
    result["cells"] = cells
    return Normalised(run, result, flags)

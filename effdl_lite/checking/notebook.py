"""A student's lab notebook as a file: which exercises and questions its metadata name, and what happened to its cells.

Nothing runs here, and nothing is written.
"""

import ast
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path


class NotebookError(Exception):
    """The notebook cannot be checked; one line that says why and what to do."""


FRESH = "copy your answers, cell by cell, into a fresh copy of the lab"
# Tried in JupyterLab 4.6: a pasted cell keeps nbgrader's metadata and loses "deletable": false.
PUT_BACK = (
    "to get it back in JupyterLab, open a fresh copy of the lab, click left of the cell there and press C, "
    "then click left of the cell above its place in yours and press V"
)
DELETE_COPY = "click left of each of the two and press D twice: the copy goes, the lab's own cell refuses to"
DELETE_LOCKED = (
    "click left of one of the two; behind the gears at the right edge, under Advanced Tools, Cell metadata, change "
    '"deletable" to true and save that with the tick above it; click left of the cell again and press D twice'
)


@dataclass
class LabFile:
    """A lab notebook.

    Attributes:
        path: of the notebook.
        content: its JSON, for nbformat.
        exercises: their names, in the order of the lab, with those whose cells are gone.
        points: of each exercise that has its check cell.
        answers: the source of each exercise's answer cell, where there is one.
        questions: points of each question that a person reads.
        answered: the names of questions whose cell holds something of the student's.
        notes: what happened to cells of the lab, each with what to do.
    """

    path: Path
    content: dict
    exercises: list[str] = field(default_factory=list)
    points: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    questions: dict[str, float] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def find(lab: str) -> Path:
    """The notebook of a path, of a folder, or of a lab's name: here, in its own folder, or in labs/ (NotebookError)."""
    path = Path(lab)
    is_name = bool(lab) and path.name == lab and not path.suffix
    candidates = [folder / f"{lab}.ipynb" for folder in (Path(), path, "labs" / path)] if is_name else [path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    around = sorted({*Path().glob("lab*.ipynb"), *Path().glob("lab*/lab*.ipynb"), *Path().glob("labs/lab*/lab*.ipynb")})
    there = f"found here: {', '.join(map(str, around))}" if around else "go to the folder that holds labs/"
    if not lab.strip():
        raise NotebookError(f"name a lab, as in `effdl check lab01`; {there}")
    if path.is_dir():
        inside = list(path.glob("*.ipynb"))
        if len(inside) == 1:
            return inside[0]
        held = "several notebooks" if inside else "no notebook"
        raise NotebookError(f"{lab} is a folder with {held} in it; name a notebook; {there}")
    raise NotebookError(f"there is no {' or '.join(map(str, candidates))}; {there}")


def mark(cell: dict) -> dict:
    """nbgrader's metadata of a cell; empty where it has none, as a cell that the student added."""
    return cell["metadata"].get("nbgrader", {})


def role(cell: dict) -> str:
    """What a cell is: answer, check or question of an exercise, given by the lab, or the student's own."""
    marks = mark(cell)
    if not marks.get("grade_id"):
        return "own"
    if marks.get("grade"):
        return "question" if marks.get("solution") else "check"
    return "answer" if marks.get("solution") else "given"


def read(path: Path) -> LabFile:
    """Reads a lab notebook and what its metadata say (NotebookError)."""
    lab = LabFile(path, _content(path))
    cells = lab.content["cells"]
    if not any(map(mark, cells)):
        raise NotebookError(f"{path} is no lab, or its metadata (nbgrader) are lost; {FRESH}")
    tests = path.parent / "checks.py"
    if not tests.is_file():
        raise NotebookError(f"checks.py is missing beside {path}; copy it from where you have the lab")
    lab.notes += _copies(path, cells)
    edited = []
    for cell in cells:
        kind, name = role(cell), mark(cell).get("grade_id", "")
        points, source = mark(cell).get("points", "?"), cell["source"].strip()
        if kind == "answer":
            lab.answers[name] = cell["source"]
        elif kind == "question":
            lab.questions[name] = points
            if source not in ("", "YOUR ANSWER HERE"):
                lab.answered.add(name)
        elif kind == "check":
            name = name.removesuffix("-check")
            lab.points[name] = points
            if cell["cell_type"] != "code" or source != f'check("{name}")':
                edited.append(name)
    tested = _exercises(tests)
    here = list(lab.points) or list(lab.answers)
    if tested and here and not set(tested) & {*lab.points, *lab.answers}:
        raise NotebookError(
            f"{path} and the checks.py beside it are of different labs (one has {here[0]}, the other {tested[0]}); "
            "put notebook and checks.py of one lab together into a folder"
        )
    lab.exercises = tested + [name for name in lab.points if name not in tested]
    lab.notes += _deleted("answer", [name for name in lab.exercises if name not in lab.answers])
    lab.notes += _deleted("check", [name for name in lab.exercises if name not in lab.points])
    if edited:
        lab.notes.append(f"the check cell of {', '.join(edited)} was edited; the check that ran is the released one")
    return lab


def _content(path: Path) -> dict:
    """The JSON of a notebook with each source as one text; NotebookError where it is none."""
    if path.suffix != ".ipynb":
        raise NotebookError(f"{path} is no notebook; name a lab, as in `effdl check lab01`, or its file (.ipynb)")
    try:
        content = json.loads(path.read_text("utf-8"))
        for cell in content["cells"]:
            cell["source"] = "".join(cell["source"])  # Jupyter stores a list of lines
            mark(cell).get("grade_id"), cell["cell_type"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotebookError(
            f"{path} is damaged, it is not a notebook that Jupyter would open ({type(error).__name__}: {error}); "
            "begin with a fresh copy of the lab"
        ) from error
    return content


def _exercises(tests: Path) -> list[str]:
    """The exercises that a checks.py tests, in its order; none where it cannot be read, which the run will tell."""
    try:
        tree = ast.parse(tests.read_text("utf-8"))
    except (SyntaxError, ValueError):
        return []
    decorators = [item for node in tree.body if isinstance(node, ast.FunctionDef) for item in node.decorator_list]
    calls = [item for item in decorators if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)]
    names = [
        call.args[0].value for call in calls if call.func.attr == "test" and isinstance(call.args[0], ast.Constant)
    ]
    return list(dict.fromkeys(names))


def _copies(path: Path, cells: list[dict]) -> list[str]:
    """A note for each cell that is there twice; NotebookError where the two differ: which one would count?"""
    twins, notes = defaultdict(list), []
    for cell in cells:
        twins[mark(cell).get("grade_id")].append(cell)
    for name, same in twins.items():
        if name is None or len(same) == 1:
            continue
        locked = all(cell["metadata"].get("deletable") is False for cell in same)
        remedy = f"in JupyterLab, {DELETE_LOCKED if locked else DELETE_COPY}"
        if len({cell["source"].strip() for cell in same}) > 1:
            raise NotebookError(
                f"{path} has the cell {name} {len(same)} times, with different content, and only one can count; "
                f"bring what should stay into each of them, then, {remedy}"
            )
        notes.append(f"the cell {name} is there {len(same)} times; {remedy}")
    return notes


def _deleted(kind: str, names: list[str]) -> list[str]:
    """The note on cells that are gone, if there are any."""
    ran = "; its tests ran all the same" if kind == "check" else ""
    return [f"the {kind} cell of {', '.join(names)} was deleted{ran}; {PUT_BACK}"] if names else []

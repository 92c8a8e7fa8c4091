"""A student's lab notebook as a file: where it is, and which exercises and questions its metadata name.

Nothing runs here, and nothing is written.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


class NotebookError(Exception):
    """The notebook cannot be checked; one line that says why and what to do."""


FRESH = "copy your answers, cell by cell, into a fresh copy of the lab"


@dataclass
class LabFile:
    """A lab notebook.

    Attributes:
        path: of the notebook.
        content: its JSON, for nbformat.
        points: of each exercise, by its name, in the order of the check cells.
        questions: points of each question that a person reads.
        answered: the names of questions whose cell holds something of the student's.
    """

    path: Path
    content: dict
    points: dict[str, float] = field(default_factory=dict)
    questions: dict[str, float] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)


def find(lab: str) -> Path:
    """The notebook of a path, or of a lab's name: here, in a folder of that name, or in labs/ (NotebookError)."""
    candidates = [Path(lab)]
    if "/" not in lab and not lab.endswith(".ipynb"):
        candidates = [folder / f"{lab}.ipynb" for folder in (Path(), Path(lab), Path("labs") / lab)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    around = [*Path().glob("lab*.ipynb"), *Path().glob("lab*/lab*.ipynb"), *Path().glob("labs/lab*/lab*.ipynb")]
    there = f"found here: {', '.join(sorted(map(str, around)))}" if around else "go to the folder that holds labs/"
    raise NotebookError(f"there is no {' or '.join(map(str, candidates))}; {there}")


def read(path: Path) -> LabFile:
    """Reads a lab notebook and what its metadata say (NotebookError)."""
    try:
        content = json.loads(path.read_text("utf-8"))
        cells = content["cells"]
        marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
        for cell in cells:
            cell["source"] = "".join(cell["source"])  # Jupyter stores a list of lines
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotebookError(
            f"{path} is not a notebook that Jupyter would open: {type(error).__name__}: {error}"
        ) from error
    if not any(marks):
        raise NotebookError(f"{path} is no lab, or its metadata (nbgrader) are lost; {FRESH}")
    if not (path.parent / "checks.py").is_file():
        raise NotebookError(f"checks.py is missing beside {path}; copy it from where you have the lab")
    names = Counter(mark["grade_id"] for mark in marks if "grade_id" in mark)
    if twice := [name for name, times in names.items() if times > 1]:
        raise NotebookError(f"{path}: {', '.join(twice)} occurs twice; delete the copy of the cell, or {FRESH}")
    lab = LabFile(path, content)
    for mark, cell in zip(marks, cells, strict=True):
        if mark.get("grade") and mark.get("solution"):
            lab.questions[mark["grade_id"]] = mark["points"]
            if cell["source"].strip() not in ("", "YOUR ANSWER HERE"):
                lab.answered.add(mark["grade_id"])
        elif mark.get("grade"):
            lab.points[mark["grade_id"].removesuffix("-check")] = mark["points"]
    return lab

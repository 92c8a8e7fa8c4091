"""Everything that is made of the results of a class: gradebook, table, feedback, class page. All of it, or nothing."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from grading import LabError, autograded, class_page, feedback, gradebook, results
from grading.collect import safe
from grading.gradebook import Automatic, Marks
from grading.suite import Lab


def write(lab: Lab, stored: list[dict], folder: Path, course: Path | None = None) -> None:
    """Writes the gradebook, and after that grades.csv, class.html and feedback/ (LabError, OSError).

    Files are put in their places only when all are written and the gradebook has taken everything, so that after an
    error, a full disk among them, every grade is what it was.

    Args:
        lab: which.
        stored: the results of all students.
        folder: of the results, with the students' notebooks.
        course: folder of the gradebook; none is written without it.
    """
    if unsafe := [result["student"] for result in stored if safe(result["student"]) != result["student"]]:
        raise LabError(f"a result in {folder / 'students'} is of {unsafe[0]!r}, which cannot name a file")
    with results.together() as write_file, contextlib.ExitStack() as stack:
        marks: Marks = {}
        if course is not None:
            found = {}
            for result in stored:
                if result["points"]:
                    found[result["student"]] = _show(lab, result, folder, course, write_file)
            (course / "source" / lab.paths.name).mkdir(parents=True, exist_ok=True)  # formgrader lists what is there
            book = stack.enter_context(gradebook.opened(course))  # late, since whoever marks has to wait from here on
            book.put_lab(lab.notebook)
            book.put_students(lab.notebook, found)
            marks = book.marks(lab.notebook)
        write_file(folder / "grades.csv", results.table(lab.notebook, stored, marks))
        write_file(folder / "class.html", class_page.text(lab.notebook, stored, marks))
        for result in stored:
            of_student = feedback.text(lab.notebook, result, marks.get(result["student"], {}))
            write_file(folder / "feedback" / f"{result['student']}.html", of_student)


def _show(lab: Lab, result: dict, folder: Path, course: Path, write_file: Callable[[Path, str], None]) -> Automatic:
    """Writes the notebook that formgrader shows of a student; what the gradebook should hold."""
    student = result["student"]
    normalised = json.loads((folder / "notebooks" / f"{student}.ipynb").read_text("utf-8"))
    path, shown = autograded.path_in(course, student, lab.paths.name), autograded.notebook(lab, normalised, result)
    answered = {name: bool(text) for name, text in autograded.answers(lab, normalised).items()}
    write_file(path, json.dumps(shown, indent=1))
    return Automatic(result["points"], answered, autograded.changed(lab, path, shown))

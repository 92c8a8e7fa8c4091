"""The results of a class as files: one per student, so that a run can go on where it was, and a table of all."""

import contextlib
import csv
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from grading import history, scores
from grading.collect import Submission
from grading.gradebook import Marks
from grading.notebooks import LabNotebook
from grading.student import STATUSES, Result
from grading.suite import Lab

PARTS = {"student", "lab", "tests", "digest", "handed_in", "status", "flags", "points", "public", "hidden"}
FORMULA = re.compile(r"^[=+\-@\t\r]")  # what a spreadsheet would run


@contextlib.contextmanager
def together() -> Iterator[Callable[[Path, str], None]]:
    """Gives `write(path, content)`; at the end all files are put in their places, or, after an error, none is."""
    waiting = []

    def write(path: Path, content: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        waiting.append((temporary, path))
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    try:
        yield write
        for temporary, path in waiting:
            temporary.replace(path)
    finally:
        for temporary, _ in waiting:
            temporary.unlink(missing_ok=True)


def written(path: Path, content: str) -> None:
    """Writes a file whole or not at all."""
    with together() as write:
        write(path, content)


def lab_digest(lab: Lab) -> str:
    """Tells whether two machines grade a lab by the same tests, an instructor's own among them."""
    told = hashlib.sha256()
    for path in lab.paths.deciding:
        told.update(hashlib.sha256(path.read_bytes()).digest())
    return told.hexdigest()


def digest(submission: Submission, lab: Lab) -> str:
    """Tells whether a result is that of these files by these tests."""
    told = hashlib.sha256(lab_digest(lab).encode())
    for name, path in submission.files:
        told.update(json.dumps(name).encode() + hashlib.sha256(path.read_bytes()).digest())
    told.update(json.dumps(submission.refused).encode())
    return told.hexdigest()


def save(path: Path, submission: Submission, lab: Lab, digest: str, result: Result) -> None:
    """Writes the result of a student. One with other points, which it takes the place of, is kept in the history."""
    found = {"student": submission.student, "lab": lab.paths.name, "tests": lab_digest(lab), "digest": digest}
    content = {**found, "handed_in": asdict(submission.stamp), **asdict(result)}
    if past := history.kept(path, saved(path), content):
        written(history.place_of(path), past)
    written(path, json.dumps(content, indent=1))


def saved(path: Path) -> dict | None:
    """A stored result; None where there is none that is whole."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    whole = isinstance(content, dict) and content.keys() >= PARTS
    return content if whole and content["status"] in STATUSES else None


def table(lab: LabNotebook, stored: Iterable[dict], marks: Marks) -> str:
    """The table of the class; who has no grade has empty places there, and no zero.

    Args:
        lab: with what exercises and questions.
        stored: the result of each student.
        marks: that persons gave.
    """
    lines = _Lines()
    rows = csv.writer(lines, lineterminator="\n")
    questions = ["total"] if len(lab.work) > len(lab.exercises) else []
    rows.writerow(["student", "status", "points", *(item.name for item in lab.work), *questions, "flags"])
    for result in stored:
        given = marks.get(result["student"], {})
        points = scores.scores(lab, result, given)
        sums = [scores.by_tests(lab, points), *points.values(), *(scores.total(points) for _ in questions)]
        told = plain("; ".join([*result["flags"], *scores.notes(lab, result, given)]))
        shown = ["" if each is None else f"{each:g}" for each in sums]
        rows.writerow([plain(result["student"]), result["status"], *shown, told])
    return "".join(lines)


class _Lines(list):
    """Where a csv.writer may write."""

    write = list.append


def plain(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula, and no terminal for a command."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return f"'{shown}" if FORMULA.match(shown) else shown

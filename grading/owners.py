"""Whose file it is, and when it was handed in, as the name that a learning platform gave it says."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

MOODLE = re.compile(r"(?P<student>(?P<person>.+?)_\d+)_assignsubmission_\w+?_(?P<file>.*)")
CANVAS = re.compile(r"(?P<student>[^_]+)(?P<late>_LATE)?_(?P<number>\d+)_\d+_(?P<file>.+)")
NBGRADER = re.compile(r"(?P<student>[^+]+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)? UTC")
LONGEST_NAME = 80


@dataclass(frozen=True)
class Stamp:
    """When a file was handed in, as far as somebody says so whom its student cannot correct.

    A platform's archive holds the times at which it was made, so that those of its files are not taken: Canvas says in
    a name only that a file is late, and Moodle says when in its grading worksheet.

    Attributes:
        by: who says so: file (its time, in the folder or archive of the class), nbgrader, Canvas or Moodle.
        at: the time, ISO 8601; without an offset where the archive knows none; empty where it is not said.
        late: whether Canvas calls it late.
    """

    by: str = ""
    at: str = ""
    late: bool = False


@dataclass(frozen=True)
class Owner:
    """Whose file it is.

    Attributes:
        student: as the folder or the platform calls them; one name per student and lab.
        person: the same in every lab: without the number, which Moodle gives anew for each.
        file: its name as the student wrote it.
        stamp: when it was handed in.
    """

    student: str
    person: str
    file: str
    stamp: Stamp


def owner(parts: tuple[str, ...], lab: str, time: str) -> Owner:
    """Whose file it is, from its path and its own time."""
    outermost, inside = parts[0], "/".join(parts[1:])
    if found := MOODLE.fullmatch(outermost):
        return Owner(found["student"], found["person"], inside or found["file"], Stamp("Moodle"))
    if inside:
        student = outermost.partition("+")[0]
        return Owner(student, student, inside, _stamp(outermost, time))
    if found := CANVAS.fullmatch(outermost):
        student = f"{found['student']}_{found['number']}"
        return Owner(student, student, found["file"], Stamp("Canvas", late=bool(found["late"])))
    stem = re.sub(r"\.(ipynb|zip|tar|tar\.gz|tgz)$", "", outermost, flags=re.IGNORECASE)
    return Owner(stem, stem, f"{lab}{outermost[len(stem) :]}", Stamp("file", time))


def _stamp(folder: str, time: str) -> Stamp:
    """That of a file in a student's folder; nbgrader's exchange writes the time into the folder's name."""
    if found := NBGRADER.fullmatch(folder):
        try:
            return Stamp("nbgrader", datetime.fromisoformat(f"{found['time']}+00:00").isoformat())
        except ValueError:  # no day of the calendar
            return Stamp("file", time)
    return Stamp("file", time)


def safe(name: str) -> str:
    """A student's name as a name for files."""
    plain = re.sub(r"[^\w@. -]", "_", unicodedata.normalize("NFC", name)).strip(" .")[:LONGEST_NAME]
    return plain or "nameless"


def without_number(student: str) -> str:
    """What a student is called without the number that Canvas or Moodle adds."""
    return re.sub(r"_\d+$", "", student)

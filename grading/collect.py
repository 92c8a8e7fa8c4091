"""Collects what a class has handed in: a folder per student, or what Canvas, Moodle and nbgrader make of it.

The name of a student comes from the outermost folder, or from the file's name as the learning platform wrote it; what a
student named is never taken for one.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from grading import LabError
from grading.entries import Entry, entries, is_archive
from grading.limits import MIB
from grading.submitted import MOST_BYTES, Refused

MOODLE = re.compile(r"(?P<student>.+?_\d+)_assignsubmission_\w+?_(?P<file>.*)")
CANVAS = re.compile(r"(?P<student>[^_]+)(?:_LATE)?_(?P<number>\d+)_\d+_(?P<file>.+)")
IGNORED = ("__MACOSX", "Thumbs.db")
MOST_ARCHIVE = 64 * MIB  # of one student
MOST_FILES = 20
LONGEST_NAME = 80


@dataclass
class Submission:
    """What one student has handed in.

    Attributes:
        student: a name that is safe for files.
        files: copies, with the names under which they were handed in.
        refused: what was not taken, with the reason.
    """

    student: str
    files: list[tuple[str, Path]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def collect(source: Path, lab: str, into: Path) -> list[Submission]:
    """Copies the notebooks and archives of all students (LabError where there are none).

    Args:
        source: a folder or an archive.
        lab: the name of the lab.
        into: a folder that gets one folder per student.
    """
    if not source.exists():
        raise LabError(f"there is no {source}")
    submissions: dict[str, Submission] = {}
    origins: dict[str, str] = {}
    try:
        skip = _wrapping([entry.parts for entry in entries(source) if _is_work(entry)], lab)
        for entry in entries(source):
            if not _is_work(entry):
                continue
            origin, name = owner(entry.parts[skip:], lab)
            student = safe(origin)
            submission = submissions.setdefault(student, Submission(student))
            if origins.setdefault(student, origin) != origin:
                submission.refused.append(f"{origins[student]!r} and {origin!r} would be one student; rename one")
                submission.files.clear()
            else:
                _take(entry, name, submission, into / student)
    except Refused as refused:
        raise LabError(f"{source}: {refused}") from refused
    if not submissions:
        raise LabError(f"{source} holds no notebook and no archive of a student")
    return [submissions[student] for student in sorted(submissions)]


def owner(parts: tuple[str, ...], lab: str) -> tuple[str, str]:
    """Whose file it is, and its name as the student wrote it."""
    outermost = parts[0]
    if found := MOODLE.fullmatch(outermost):
        return found["student"], found["file"] if len(parts) == 1 else "/".join(parts[1:])
    if len(parts) > 1:
        return outermost.partition("+")[0], "/".join(parts[1:])  # nbgrader: student+lab+time
    if found := CANVAS.fullmatch(outermost):
        return f"{found['student']}_{found['number']}", found["file"]
    stem = re.sub(r"\.(ipynb|zip|tar|tar\.gz|tgz)$", "", outermost, flags=re.IGNORECASE)
    return stem, f"{lab}{outermost[len(stem) :]}"


def safe(name: str) -> str:
    """A student's name as a name for files."""
    plain = re.sub(r"[^\w@. -]", "_", unicodedata.normalize("NFC", name)).strip(" .")[:LONGEST_NAME]
    return plain or "nameless"


def named_labs(source: Path, known: Iterable[str]) -> list[str]:
    """The labs whose names stand in the paths of the files."""
    try:
        text = " ".join("/".join(entry.parts).lower() for entry in entries(source) if _is_work(entry))
    except Refused as refused:
        raise LabError(f"{source}: {refused}") from refused
    return [lab for lab in known if lab in text]


def _is_work(entry: Entry) -> bool:
    """Whether it may hold answers: a notebook or an archive; a link too, since it may stand for one."""
    if any(part in IGNORED or part.startswith(".") for part in entry.parts):
        return False
    return entry.parts[-1].lower().endswith(".ipynb") or is_archive(entry.parts[-1]) or entry.fault == "a link"


def _wrapping(paths: list[tuple[str, ...]], lab: str) -> int:
    """How many folders, around all others, are those of the whole class."""
    skip = 0
    while paths:
        rest = [path[skip:] for path in paths]
        if len({path[0] for path in rest}) > 1 or not all(_holds_students(path, lab) for path in rest):
            break
        skip += 1
    return skip


def _holds_students(path: tuple[str, ...], lab: str) -> bool:
    """Whether the outermost folder of a path may be that of a class."""
    if len(path) == 1 or MOODLE.fullmatch(path[0]) or path[1].lower() == lab:
        return False
    return len(path) > 2 or bool(MOODLE.fullmatch(path[1]) or CANVAS.fullmatch(path[1]))


def _take(entry: Entry, name: str, submission: Submission, folder: Path) -> None:
    if entry.fault:
        submission.refused.append(f"{name}: {entry.fault}")
        return
    if len(submission.files) >= MOST_FILES:
        submission.refused.append(f"{name}: more than {MOST_FILES} files")
        return
    try:
        content = entry.read(MOST_ARCHIVE if is_archive(name) else MOST_BYTES)
    except (Refused, OSError) as error:
        submission.refused.append(f"{name}: {error}")
        return
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"{len(submission.files)}{_suffix(name)}"
    copy.write_bytes(content)
    submission.files.append((name, copy))


def _suffix(name: str) -> str:
    return ".tar.gz" if name.lower().endswith((".tar.gz", ".tgz")) else Path(name).suffix.lower()

"""Collects what a class has handed in: a folder per student, or what Canvas, Moodle and nbgrader make of it.

The name of a student comes from the outermost folder, or from the file's name as the learning platform wrote it; what a
student named is never taken for one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from grading import LabError
from grading.entries import Entry, entries, is_archive
from grading.limits import MIB
from grading.names import Pseudonyms
from grading.owners import CANVAS, MOODLE, Owner, Stamp, owner, safe
from grading.submitted import MOST_BYTES, Refused

IGNORED = ("__MACOSX", "Thumbs.db")
MOST_ARCHIVE = 64 * MIB  # of one student
MOST_FILES = 20


@dataclass
class Submission:
    """What one student has handed in.

    Attributes:
        student: a name that is safe for files, or a pseudonym.
        files: copies, with the names under which they were handed in.
        refused: what was not taken, with the reason.
        stamp: when the last of the files was handed in.
        anonymous: whether nobody who marks may read the names of files either.
    """

    student: str
    files: list[tuple[str, Path]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    stamp: Stamp = field(default_factory=Stamp)
    anonymous: bool = False


def collect(source: Path, lab: str, into: Path, names: Pseudonyms | None = None) -> list[Submission]:
    """Copies the notebooks and archives of all students (LabError where there are none).

    Args:
        source: a folder or an archive.
        lab: the name of the lab.
        into: a folder that gets one folder per student.
        names: gives everybody a pseudonym, which takes the place of their name everywhere.
    """
    if not source.exists():
        raise LabError(f"there is no {source}")
    submissions: dict[str, Submission] = {}
    origins: dict[str, str] = {}
    try:
        paths = [entry.parts for entry in entries(source) if _is_work(entry)]
        skip = _wrapping(paths, lab)
        people = {safe(each.student): each.person for each in (owner(path[skip:], lab, "") for path in paths)}
        called = names.given(lab, people) if names else {student: student for student in people}
        for entry in entries(source):
            if not _is_work(entry):
                continue
            whose = owner(entry.parts[skip:], lab, entry.time)
            student = called[safe(whose.student)]
            submission = submissions.setdefault(student, Submission(student, anonymous=names is not None))
            if origins.setdefault(student, whose.student) != whose.student:
                both = "two names" if names else f"{origins[student]!r} and {whose.student!r}"
                submission.refused.append(f"{both} would be one student; rename one")
                submission.files.clear()
            else:
                _take(entry, whose, lab, submission, into / student)
    except Refused as refused:
        raise LabError(f"{source}: {refused}") from refused
    if not submissions:
        raise LabError(f"{source} holds no notebook and no archive of a student")
    return [submissions[student] for student in sorted(submissions)]


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


def _take(entry: Entry, whose: Owner, lab: str, submission: Submission, folder: Path) -> None:
    name = unsaid(whose.file, lab) if submission.anonymous else whose.file
    if entry.fault:
        submission.refused.append(f"{name}: {entry.fault}")
        return
    if len(submission.files) >= MOST_FILES:
        submission.refused.append(f"{name}: more than {MOST_FILES} files")
        return
    try:
        content = entry.read(MOST_ARCHIVE if is_archive(name) else MOST_BYTES)
    except (Refused, OSError) as error:
        submission.refused.append(f"{name}: {unquoted(error) if submission.anonymous else error}")
        return
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"{len(submission.files)}{_suffix(name)}"
    copy.write_bytes(content)
    submission.files.append((name, copy))
    submission.stamp = max(submission.stamp, whose.stamp, key=lambda stamp: (stamp.late, stamp.at, stamp.by))


def unsaid(name: str, lab: str) -> str:
    """A name for a file of which the student's own name could be a part."""
    own = f"{lab}{_suffix(name)}"
    return own if PurePosixPath(name).name.lower() == own else f"(not shown){_suffix(name)}"


def unquoted(error: Exception) -> str:
    """A message without what it quotes, such as the names of files."""
    return re.sub(r"""'[^']*'|"[^"]*\"""", "'...'", str(error))


def _suffix(name: str) -> str:
    return ".tar.gz" if name.lower().endswith((".tar.gz", ".tgz")) else Path(name).suffix.lower()

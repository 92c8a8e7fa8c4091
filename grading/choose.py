"""Which of the files that a student has handed in is the notebook; also from an archive within."""

from pathlib import Path, PurePosixPath

from grading.collect import IGNORED, Submission, unquoted, unsaid
from grading.entries import Most, entries, is_archive
from grading.limits import MIB
from grading.submitted import MOST_BYTES, Refused

MOST_IN_ARCHIVE = Most(entries=10_000, unpacked=256 * MIB)
MOST_NOTEBOOKS = 10


def notebook(submission: Submission, lab: str) -> tuple[bytes, list[str]]:
    """The content of a student's notebook, and flags (Refused)."""
    try:
        return _notebook(submission, lab)
    except Refused as refused:
        if submission.anonymous:
            raise Refused(unquoted(refused)) from refused
        raise


def _notebook(submission: Submission, lab: str) -> tuple[bytes, list[str]]:
    flags = [f"not read: {reason}" for reason in submission.refused]
    found = [(name, path) for name, path in submission.files if name.lower().endswith(".ipynb")]
    if found:
        return found[_best([name for name, _ in found], lab, flags)][1].read_bytes(), flags
    archives = [(name, path) for name, path in submission.files if is_archive(name)]
    if len(archives) != 1:
        held = "; ".join(submission.refused) or f"{len(archives) or 'no'} archives"
        raise Refused(f"no notebook was handed in ({held})")
    name, path = archives[0]
    inside = _inside(name, path, flags, lab if submission.anonymous else "")
    return inside[_best([name for name, _ in inside], lab, flags)][1], flags


def _inside(name: str, path: Path, flags: list[str], unsaid_of: str) -> list[tuple[str, bytes]]:
    """The notebooks in a student's archive, with their names, or with others where a lab is named for that."""
    inside = []
    for entry in entries(path, MOST_IN_ARCHIVE):
        shown = "/".join(entry.parts)
        if not shown.lower().endswith(".ipynb") or any(part in IGNORED or part[0] == "." for part in entry.parts):
            continue
        shown = unsaid(shown, unsaid_of) if unsaid_of else shown
        if entry.fault:
            flags.append(f"not read: {shown}: {entry.fault}")
        elif len(inside) == MOST_NOTEBOOKS:
            raise Refused(f"{name} holds more than {MOST_NOTEBOOKS} notebooks")
        else:
            inside.append((shown, entry.read(MOST_BYTES)))
    if not inside:
        raise Refused(f"{name} holds no notebook ({'; '.join(flags) or 'none of its files is one'})")
    return inside


def _best(names: list[str], lab: str, flags: list[str]) -> int:
    """The number of the one named as the lab is, else of the only one."""
    exact = [number for number, name in enumerate(names) if PurePosixPath(name).name.lower() == f"{lab}.ipynb"]
    if len(exact) == 1:
        return exact[0]
    if len(names) > 1:
        raise Refused(f"{len(names)} notebooks, and not exactly one is named {lab}.ipynb: {', '.join(names)}"[:300])
    flags.append(f"the notebook is named {names[0]}")
    return 0

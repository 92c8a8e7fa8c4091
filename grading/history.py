"""The history of a student's results: each that another one took the place of is kept, a line of JSON each."""

import json
from datetime import UTC, datetime
from pathlib import Path

from grading import LabError

KEPT = ("tests", "digest", "status", "points")


def kept(path: Path, old: dict | None, new: dict) -> str:
    """The history with the result that gets replaced at its end; empty where points and status stay.

    Args:
        path: of the student's result.
        old: the stored result; None where there is none.
        new: what comes in its place.
    """
    if old is None or (old["points"], old["status"]) == (new["points"], new["status"]):
        return ""
    line = {"until": datetime.now(UTC).isoformat(timespec="seconds"), **{key: old[key] for key in KEPT}}
    return "".join(f"{json.dumps(each)}\n" for each in [*earlier(path), line])


def earlier(path: Path) -> list[dict]:
    """The results that a student had before, the first first (LabError where the history is damaged)."""
    place = place_of(path)
    if not place.is_file():
        return []
    lines = []
    for number, text in enumerate(place.read_text("utf-8").splitlines(), 1):
        try:
            line = json.loads(text)
            lines.append({key: line[key] for key in ("until", *KEPT)})
        except (ValueError, TypeError, KeyError) as error:
            raise LabError(f"{place}, line {number} cannot be read; delete that line, the rest is kept") from error
    return lines


def place_of(path: Path) -> Path:
    """Where the history of a student is, whose result is at `path`."""
    return path.parent.parent / "history" / f"{path.stem}.jsonl"

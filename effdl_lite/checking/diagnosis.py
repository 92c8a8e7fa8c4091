"""Why cells stopped and answers are missing, in words for a student: one line for the cause, none for what follows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from effdl_lite.checking.answers import shortened
from effdl_lite.checking.checks import Outcome
from effdl_lite.checking.notebook import LabFile, mark, role

TOO_SLOW = "too slow"
SYNTAX = re.compile(r"^(.*) \([^()]*, line (\d+)\)$", re.DOTALL)
UNDEFINED = re.compile(r"name '(\w+)' is not defined")
LONGEST_LINE = 60  # characters of a line of code within a message


@dataclass(frozen=True)
class Error:
    """How a cell ended: the exception's name, or TOO_SLOW, and what it said."""

    kind: str
    says: str


@dataclass
class Stop:
    """A cell that stopped.

    Attributes:
        cell: from the notebook.
        error: how it ended.
        followers: later cells that stopped only because of it: they lack what it, or one of them, should have made.
    """

    cell: dict
    error: Error
    followers: list[dict] = field(default_factory=list)


def stops(lab: LabFile, errors: dict[int, Error], missing: set[str]) -> tuple[list[Stop], int]:
    """The cells that stopped by themselves, and how many others stopped since an exercise is not answered yet.

    Args:
        lab: the notebook.
        errors: by the number of the cell, in order.
        missing: functions that the answers should define and do not.
    """
    found, waiting = [], []
    for number, error in errors.items():
        cell = (lab.content["cells"][number : number + 1] or [None])[0]
        if cell is None or role(cell) == "check":
            continue
        lacks = UNDEFINED.match(error.says)
        needed = lacks[1] if lacks else ""
        cause = next((stop for stop in found if _mention([stop.cell, *stop.followers], needed)), None)
        if cause:
            cause.followers.append(cell)
        elif (waiting and role(cell) == "given") or _mention(waiting, needed):
            waiting.append(cell)  # a given cell may also use what one that waits should have changed
        elif error.kind == "NotImplementedError" or needed in missing:
            waiting.append(cell)
        else:
            found.append(Stop(cell, error))
    return found, len(waiting)


def stop_lines(stop: Stop, seconds: int, path: Path) -> Iterator[str]:
    """What to tell of a cell that stopped."""
    yield f"{titled(stop.cell)} {ended(stop.error, seconds, path, stop.cell)}"
    if stop.followers:
        number = len(stop.followers)
        yield f"  {number} later cell{'s' * (number > 1)} stopped only because of it"


def titled(cell: dict) -> str:
    """Which cell it is, for one who sees the notebook and not its ids: by its exercise, else by its first line."""
    name, kind = mark(cell).get("grade_id", ""), role(cell)
    if kind == "answer":
        return f"your answer cell of {name}"
    if kind == "check":
        return f"the check of {name.removesuffix('-check')}"
    line = next((line for line in cell["source"].splitlines() if line.strip()), "")
    return f"your own cell `{cut(line)}`" if kind == "own" else f"the given cell {name} (`{cut(line)}`)"


def ended(error: Error, seconds: int, path: Path, cell: dict | None = None) -> str:
    """How something ended, and the remedy where time ran out."""
    if error.kind == TOO_SLOW:
        doubt = "does a loop in it never end?"
        if cell and role(cell) == "given":
            doubt = "is the machine slow or busy, or does an answer that it uses never end?"
        return f"took longer than {seconds} s and was stopped: {doubt} {more_time(seconds, path)}"
    if cell and (place := SYNTAX.match(error.says)):
        lines, number = cell["source"].splitlines(), int(place[2])
        code = f": `{cut(lines[number - 1])}`" if number <= len(lines) else ""
        return f"stopped with {error.kind} ({place[1]}) in line {number}{code}"
    return f"stopped with {error.kind}: {shortened(error.says)}" if error.says else f"stopped with {error.kind}"


def more_time(seconds: int, path: Path) -> str:
    """How to let each cell run for longer than `seconds`."""
    return f"If it only needs more time: effdl check {path} --timeout {5 * seconds}"


def cut(line: str) -> str:
    """A line of code, cut where it is long."""
    line = line.strip()
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 3] + "..."


def explained(exercise: str, outcomes: list[Outcome], lab: LabFile, errors: dict[int, Error]) -> list[Outcome]:
    """The outcomes of an exercise; those that found no function say why there is none."""
    ways = {
        mark(cell).get("grade_id"): errors[number]
        for number, cell in enumerate(lab.content["cells"])
        if number in errors and role(cell) == "answer"
    }

    def reason(missing: str) -> str:
        if exercise not in lab.answers:
            return f"there is no {missing}, since its answer cell was deleted; see below"
        if error := ways.get(exercise):
            return f"there is no {missing}, since its cell {_briefly(error)}; see below"
        defined = re.findall(r"^(?:def|class) (\w+)", lab.answers[exercise], re.MULTILINE)
        others = f"it defines {', '.join(defined)}; is a name misspelt?" if defined else "was it renamed or taken out?"
        return f"its cell ran, but there is no {missing}: {others}"

    return [replace(item, message=reason(item.missing)) if item.missing else item for item in outcomes]


def _briefly(error: Error) -> str:
    return "was too slow" if error.kind == TOO_SLOW else f"stopped with {error.kind}"


def _mention(cells: list[dict], name: str) -> bool:
    return bool(name) and any(re.search(rf"\b{name}\b", cell["source"]) for cell in cells)

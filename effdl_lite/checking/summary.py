"""What `effdl check` prints: the report of each exercise, then a table."""

import shutil
import textwrap
from collections.abc import Iterator
from typing import TextIO

from effdl_lite.checking import diagnosis
from effdl_lite.checking.checks import report
from effdl_lite.checking.notebook import LabFile
from effdl_lite.checking.rerun import Found


def lines(lab: LabFile, found: Found, seconds: int) -> Iterator[str]:
    """The outcome of a run as text; `seconds` is what a cell had."""
    for exercise, outcomes in found.outcomes.items():
        yield from report(exercise, outcomes).splitlines()
    remarks = [line for stop in found.stops for line in diagnosis.stop_lines(stop, seconds, lab.path)]
    if found.waiting:
        cells = "1 cell" if found.waiting == 1 else f"{found.waiting} cells"
        remarks.append(f"{cells} could not run to the end: an answer that is needed there is missing")
    remarks += lab.notes
    if remarks:
        yield from ["", *remarks]
    yield ""
    yield from table(lab, found)


def wrapped(line: str, stream: TextIO) -> str:
    """A line as a terminal should show it: what is too long goes on below, four columns further in."""
    if not stream.isatty():
        return line
    width = shutil.get_terminal_size().columns
    indent = line[: len(line) - len(line.lstrip())]
    fill = textwrap.TextWrapper(
        width, break_long_words=False, break_on_hyphens=False, subsequent_indent=indent + "    "
    )
    return fill.fill(line)


def table(lab: LabFile, found: Found) -> Iterator[str]:
    """A row an exercise: checks passed and points to be had; then the questions that a person reads."""
    rows = [("exercise", "checks passed", "points available")]
    for exercise, outcomes in found.outcomes.items():
        passed = sum(outcome.passed for outcome in outcomes)
        rows.append((exercise, f"{passed} of {len(outcomes)}", f"{lab.points.get(exercise, '-')}"))
    for question, points in lab.questions.items():
        rows.append((question, "read by a person" if question in lab.answered else "not answered yet", f"{points}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}".rstrip()


def all_passed(found: Found) -> bool:
    """Whether every check of every exercise passed."""
    return all(outcome.passed for outcomes in found.outcomes.values() for outcome in outcomes)

"""What `effdl check` prints: the report of each exercise, then a table."""

from collections.abc import Iterator

from effdl_lite.checking.checks import report
from effdl_lite.checking.notebook import LabFile
from effdl_lite.checking.rerun import Found


def lines(lab: LabFile, found: Found) -> Iterator[str]:
    """The outcome of a run as text."""
    for exercise, outcomes in found.outcomes.items():
        yield report(exercise, outcomes)
    for cell, error in found.stopped.items():
        yield f"cell {cell} stopped with {error}"
    for exercise in found.deleted:
        yield (
            f"the check cell of {exercise} was deleted; its tests ran after the last cell, "
            f"and a grader puts the cell back (it holds check({exercise!r}))"
        )
    yield ""
    yield from table(lab, found)


def table(lab: LabFile, found: Found) -> Iterator[str]:
    """A row an exercise: checks passed and points to be had; then the questions that a person reads."""
    rows = [("exercise", "checks passed", "points available")]
    for exercise, outcomes in found.outcomes.items():
        passed = sum(outcome.passed for outcome in outcomes)
        rows.append((exercise, f"{passed} of {len(outcomes)}", f"{lab.points.get(exercise, '?')}"))
    for question, points in lab.questions.items():
        rows.append((question, "read by a person" if question in lab.answered else "not answered yet", f"{points}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}".rstrip()


def all_passed(found: Found) -> bool:
    """Whether every check of every exercise passed."""
    return all(outcome.passed for outcomes in found.outcomes.values() for outcome in outcomes)

"""The points that count: a person's where one gave some, else those of the tests."""

from grading.gradebook import Mark
from grading.notebooks import Exercise, LabNotebook


def scores(lab: LabNotebook, result: dict, marks: dict[str, Mark]) -> dict[str, float | None]:
    """Points by exercise and question; None where there are none yet, which is not a zero.

    Args:
        lab: with what exercises.
        result: of a student, as it is stored.
        marks: that persons gave this student.
    """
    if not result["points"]:
        return {item.name: None for item in lab.work}
    given = {name: mark.points for name, mark in marks.items() if mark.points is not None}
    return {item.name: given.get(item.name, result["points"].get(item.name)) for item in lab.work}


def by_tests(lab: LabNotebook, points: dict[str, float | None]) -> float | None:
    """The sum over the exercises; None where there is no grade."""
    return total({exercise.name: points[exercise.name] for exercise in lab.exercises})


def total(points: dict[str, float | None]) -> float | None:
    """The sum; None as long as something is not marked."""
    return None if None in points.values() else sum(points.values())


def notes(lab: LabNotebook, result: dict, marks: dict[str, Mark]) -> list[str]:
    """What an instructor should know of the points, in words."""
    told = []
    for item in lab.work if result["points"] else ():
        mark = marks.get(item.name)
        if mark and mark.points is not None and mark.waiting:
            told.append(f"{item.name} has changed since it was marked by hand; please look again")
        elif mark and mark.points is not None and isinstance(item, Exercise):
            told.append(f"the points of {item.name} were given by hand")
    return told

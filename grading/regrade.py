"""What changed when a class was graded again: for those who asked, and for everybody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading import LabError, history, results
from grading.names import Pseudonyms
from grading.suite import Lab
from grading.yaml_file import YamlFile

KEYS = ("student", "lab", "exercise", "reason")
NO_GRADE = "no grade"


@dataclass(frozen=True)
class Request:
    """What a student asked to be graded again: an exercise of a lab, with the reason in the student's words."""

    student: str
    lab: str
    exercise: str
    reason: str


@dataclass(frozen=True)
class Change:
    """The points of an exercise over time, the first first; None where there was no grade."""

    student: str
    exercise: str
    points: tuple[float | None, ...]

    def __str__(self) -> str:
        told = " -> ".join(NO_GRADE if points is None else f"{points:g}" for points in self.points)
        return f"{self.student}, {self.exercise}: {told}{' (unchanged)' if len(self.points) == 1 else ''}"


def report(lab: Lab, folder: Path, asked: Path | None, names: Pseudonyms | None = None) -> list[str]:
    """Lines with the points before and now (LabError).

    Args:
        lab: which.
        folder: of its results.
        asked: a file of requests; those for other labs are left out.
        names: who is behind the pseudonyms; requests and lines name students then.
    """
    stored = {path: results.saved(path) for path in sorted((folder / "students").glob("*.json"))}
    if not stored:
        raise LabError(f"there is no result in {folder}; grade the class first")
    if damaged := [path for path, content in stored.items() if content is None]:
        raise LabError(f"{damaged[0]} cannot be read; grade again with --resume")
    exercises = [exercise.name for exercise in lab.notebook.exercises]
    behind = names.students(lab.paths.name) if names else {}
    found = {}
    for path, content in stored.items():
        student = behind.get(content["student"], content["student"])
        for exercise in exercises:
            found[student, exercise] = Change(student, exercise, points_of(path, content, exercise))
    wanted = requests(asked, lab, {student for student, _ in found}) if asked else []
    lines = []
    for request in wanted:
        lines += [str(found.pop((request.student, request.exercise))), f"    asked: {request.reason}"]
    others = [each for each in found.values() if len(each.points) > 1]
    lines += [f"{'changed without a request' if wanted else 'changed'}: {len(others) or 'nothing'}", *map(str, others)]
    return lines


def points_of(path: Path, now: dict, exercise: str) -> tuple[float | None, ...]:
    """The points of an exercise over time, without repetitions.

    Args:
        path: of the student's result.
        now: that result.
        exercise: its name.
    """
    over_time = [result["points"].get(exercise) for result in [*history.earlier(path), now]]
    return tuple(points for number, points in enumerate(over_time) if number == 0 or points != over_time[number - 1])


def requests(path: Path, lab: Lab, students: set[str]) -> list[Request]:
    """The requests for a lab in a YAML file, as grading/regrade_example.yml shows them; LabError names every fault."""
    file = YamlFile(path)
    found = list(_requests(file, lab, students))
    file.finish()
    return found


def _requests(file: YamlFile, lab: Lab, students: set[str]) -> Iterator[Request]:
    exercises = [exercise.name for exercise in lab.notebook.exercises]
    questions = {item.name for item in lab.notebook.work} - set(exercises)
    seen = set()
    for node in file.sequence(file.root, "the file of requests"):
        values = file.mapping(node, "a request", KEYS, KEYS)
        if len(values) < len(KEYS):
            continue
        request = Request(*(file.text(values[key], key) for key in KEYS))
        if request.lab != lab.paths.name:
            continue
        if request.exercise in questions:
            file.fault(values["exercise"], f"a person marks {request.exercise!r}; change its points in formgrader")
        elif request.exercise not in exercises:
            there = ", ".join(exercises)
            file.fault(values["exercise"], f"{request.lab} has no exercise {request.exercise!r}; there are {there}")
        if request.student not in students:
            file.fault(values["student"], f"there is no result of {request.student!r} in {request.lab}")
        if (request.student, request.exercise) in seen:
            file.fault(
                node, f"{request.student} asks for {request.exercise} twice; write both reasons into one request"
            )
        seen.add((request.student, request.exercise))
        yield request

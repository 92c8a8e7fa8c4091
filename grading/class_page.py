"""A page for the instructor: what a class could and could not do. It names hidden tests; it is not for students."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from grading.charts import columns, rows
from grading.gradebook import Marks
from grading.notebooks import Exercise, LabNotebook, Question
from grading.scores import notes, scores, total
from grading.student import STATUSES
from grading.webpage import number, page, plain

MEANING = {
    "ok": "graded",
    "flagged": "graded, with something to look at",
    "rejected": "nothing could be read; no grade, which is not a zero",
    "crashed": "grading itself failed; no grade, which is not a zero",
}
MOST_COLUMNS = 9
MOST_FAILING = 12
STAGES = ("no answer", "a check fails", "only hidden tests fail", "everything passes")


def text(lab: LabNotebook, stored: Sequence[dict], marks: Marks) -> str:
    """The page.

    Args:
        lab: which.
        stored: the result of each student.
        marks: that persons gave.
    """
    return page(f"{lab.front.title}: the class", "\n".join(_body(lab, stored, marks)))


def _body(lab: LabNotebook, stored: Sequence[dict], marks: Marks) -> Iterator[str]:
    graded = [result for result in stored if result["points"]]
    points = [scores(lab, result, marks.get(result["student"], {})) for result in graded]
    yield f"<h1>{plain(lab.front.title)}: the class</h1>"
    yield "<p>For instructors: it names hidden tests and students.</p>"
    yield "<table>\n<thead><tr><th>status</th><th>what it means</th><th class=number>students</th></tr></thead><tbody>"
    counts = Counter(result["status"] for result in stored)
    yield from (f"<tr><td>{s}</td><td>{MEANING[s]}</td><td class=number>{counts[s]}</td></tr>" for s in STATUSES)
    yield "</tbody></table>"
    if graded:
        yield from _all_points(lab, points)
        yield from _failing(lab, graded)
        yield "<h2>Exercise by exercise</h2>"
        for item in lab.work:
            yield from _one(item, graded, [each[item.name] for each in points])
    yield from _to_look_at(lab, stored, marks)


def _all_points(lab: LabNotebook, points: list[dict[str, float | None]]) -> Iterator[str]:
    yield "<h2>Points</h2>"
    tests = [sum(each[exercise.name] for exercise in lab.exercises) for each in points]
    possible = sum(exercise.task.points for exercise in lab.exercises)
    yield f"<p>From the tests, {possible} possible: {_middle(tests)}.</p>"
    yield columns("Histogram of the points from the tests", histogram(tests, possible))
    questions = len(lab.work) > len(lab.exercises)
    if questions and (whole := [each for each in map(total, points) if each is not None]):
        possible = sum(item.task.points for item in lab.work)
        yield f"<p>With the questions, of {len(whole)} students whose questions are marked: {_middle(whole)}.</p>"
        yield columns("Histogram of all points", histogram(whole, possible))


def _one(item: Question, graded: list[dict], points: list[float | None]) -> Iterator[str]:
    """An exercise by how far it was solved, a question by its points."""
    given = [each for each in points if each is not None]
    yield f"<section>\n<h3>{plain(item.task.title)} ({item.task.points} points)</h3>"
    if isinstance(item, Exercise):
        reached = Counter(_stage(result["public"][item.name], result["hidden"][item.name]) for result in graded)
        yield f"<p>{_middle(given)}.</p>"
        yield rows(f"Histogram of {item.task.title}", [(stage, reached[stage]) for stage in STAGES])
    elif given:
        yield f"<p>{len(given)} of {len(points)} are marked; {_middle(given)}.</p>"
        yield columns(f"Histogram of the points of {item.task.title}", histogram(given, item.task.points))
    else:
        yield "<p>None is marked yet.</p>"
    yield "</section>"


def _stage(public: list[dict], hidden: list[dict]) -> str:
    if not any(outcome["answered"] for outcome in public):
        return STAGES[0]
    if not all(outcome["passed"] for outcome in public):
        return STAGES[1]
    return STAGES[3] if all(outcome["passed"] for outcome in hidden) else STAGES[2]


def _failing(lab: LabNotebook, graded: list[dict]) -> Iterator[str]:
    """The tests that most students fail who gave an answer."""
    found = Counter(failed for result in graded for failed in _failed(lab, result))
    yield "<h2>Tests that fail most often</h2>"
    if not found:
        yield "<p>No answer fails a test.</p>"
        return
    most = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_FAILING]
    bars = [(f"{place}. {name}", students) for place, ((name, *_), students) in enumerate(most, 1)]
    yield rows("Students whose answer fails a test", bars)
    yield "<ol>"
    yield from (f"<li>{plain(name)}, {kind}: {plain(title)}</li>" for (name, kind, title), _ in most)
    yield "</ol>"


def _failed(lab: LabNotebook, result: dict) -> set[tuple[str, str, str]]:
    """Exercise, kind and title of the tests that a student's answers fail."""
    return {
        (exercise.name, kind, outcome["title"])
        for exercise in lab.exercises
        for kind in ("public", "hidden")
        for outcome in result[kind][exercise.name]
        if outcome["answered"] and not outcome["passed"]
    }


def histogram(values: Sequence[float], possible: float) -> list[tuple[str, int]]:
    """How many values are in each of at most nine ranges of whole points, from 0 to the most that is possible.

    Args:
        values: points; extra credit may be more than is possible, and counts in the last range.
        possible: the most points.
    """
    step = max(1, math.ceil((possible + 1) / MOST_COLUMNS))
    last = math.floor(possible / step)
    counts = Counter(min(max(math.floor(value / step), 0), last) for value in values)
    ends = [(place * step, min(place * step + step - 1, math.ceil(possible))) for place in range(last + 1)]
    return [(f"{low}–{high}" if high > low else f"{low}", counts[place]) for place, (low, high) in enumerate(ends)]


def _middle(values: Sequence[float]) -> str:
    return f"median {number(median(values))}, from {number(min(values))} to {number(max(values))}"


def _to_look_at(lab: LabNotebook, stored: Sequence[dict], marks: Marks) -> Iterator[str]:
    """Who has flags or no grade."""
    told = {r["student"]: [*r["flags"], *notes(lab, r, marks.get(r["student"], {}))] for r in stored}
    if not any(told.values()):
        return
    yield "<h2>To look at</h2>"
    for result in stored:
        if flags := told[result["student"]]:
            yield f"<h3>{plain(result['student'])}: {result['status']}</h3>\n<ul>"
            yield from (f"<li>{plain(flag)}</li>" for flag in flags)
            yield "</ul>"

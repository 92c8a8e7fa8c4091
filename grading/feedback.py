"""What a student gets back: one page with points, checks and comments. Of hidden tests it says only how many failed."""

from collections.abc import Iterator

from grading.gradebook import Mark
from grading.notebooks import Exercise, LabNotebook, Question
from grading.scores import scores, total
from grading.student import CRASHED, FLAGGED, OK, REJECTED
from grading.webpage import number, page, plain

STATUS = {
    OK: "Your notebook was read and graded, and nothing about it was unusual.",
    FLAGGED: "Your notebook was graded. Something unusual is noted below; a note by itself costs nothing.",
    REJECTED: "Your notebook could not be graded. You have no points for it yet, which is not a zero: look at the "
    "reason below, hand it in again, or ask whoever teaches you.",
    CRASHED: "Something went wrong on our side while your notebook was graded. You have no points yet, which is not "
    "a zero. Whoever teaches you sees this too and will look at it.",
}
NOTES = {REJECTED: "The reason", CRASHED: "What happened"}


def text(lab: LabNotebook, result: dict, marks: dict[str, Mark]) -> str:
    """The page of a student.

    Args:
        lab: which.
        result: of the student, as it is stored.
        marks: that persons gave.
    """
    return page(f"{lab.front.title}: feedback", "\n".join(_body(lab, result, marks)))


def _body(lab: LabNotebook, result: dict, marks: dict[str, Mark]) -> Iterator[str]:
    points = scores(lab, result, marks)
    yield f"<h1>{plain(lab.front.title)}: feedback</h1>"
    yield f"<p>For <b>{plain(result['student'])}</b></p>"
    yield f"<p>{STATUS[result['status']]}</p>"
    if result["flags"]:
        yield f"<h2>{NOTES.get(result['status'], 'Noted')}</h2>\n<ul>"
        yield from (f"<li>{plain(flag)}</li>" for flag in result["flags"])
        yield "</ul>"
    if not result["points"]:
        return
    yield f"<p><b>{_sum(lab, points)}</b></p>"
    for item in lab.work:
        yield f"<section>\n<h2>{plain(item.task.title)}</h2>"
        got = "Not marked yet: up to" if points[item.name] is None else f"{number(points[item.name])} of"
        yield f"<p><b>{got} {item.task.points} points</b></p>"
        yield from _found(item, result, marks.get(item.name))
        yield "</section>"


def _sum(lab: LabNotebook, points: dict[str, float | None]) -> str:
    """All points in a sentence."""
    if (everything := total(points)) is not None:
        return f"{number(everything)} of {sum(item.task.points for item in lab.work)} points."
    known = {item.name: item.task.points for item in lab.work if points[item.name] is not None}
    sofar = number(sum(points[name] for name in known))
    return f"{sofar} of {sum(known.values())} points so far; what a person reads is not marked yet."


def _found(item: Question, result: dict, mark: Mark | None) -> Iterator[str]:
    if isinstance(item, Exercise):
        yield from _tests(result["public"][item.name], result["hidden"][item.name])
        if mark and mark.points is not None:
            yield "<p>A person looked at this and gave the points.</p>"
    elif mark is None or mark.points is None:
        yield "<p>A person reads this answer.</p>"
    elif mark.waiting:
        yield "<p>You have changed this answer since it was marked; it will be read again.</p>"
    if mark and mark.comment.strip():
        yield f'<p>Comment:</p>\n<blockquote class="said">{plain(mark.comment.strip())}</blockquote>'


def _tests(public: list[dict], hidden: list[dict]) -> Iterator[str]:
    """The checks by name with their messages; of the others only a number."""
    if not any(outcome["answered"] for outcome in public):
        yield "<p>There is no answer here yet.</p>"
        yield from (f'<p class="said">{plain(o["message"])}</p>' for o in public[:1] if o["missing"])
        return
    yield "<ul>"
    for outcome in public:
        if outcome["passed"]:
            yield f'<li><span class="good">✓ passed:</span> {plain(outcome["title"])}</li>'
        else:
            hint = f" ({plain(outcome['hint'])} may help)" if outcome["hint"] else ""
            yield f'<li><span class="bad">✗ not yet:</span> {plain(outcome["title"])}{hint}'
            yield f'<p class="said">{plain(outcome["message"])}</p></li>'
    yield "</ul>"
    failed = sum(not outcome["passed"] for outcome in hidden)
    if not failed:
        yield f"<p>Of {len(hidden)} further tests, which you don't have, all passed.</p>"
    else:
        yield f"<p>Of {len(hidden)} further tests, which you don't have, {failed} did not pass yet.</p>"
        if all(outcome["passed"] for outcome in public):
            yield "<p>Try your answer on other input than the checks': other shapes, zeros, a single entry.</p>"

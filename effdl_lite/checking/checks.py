"""A lab's tests, by exercise: run over `S`, shown to a student, or counted by the grader."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from effdl_lite.checking.answers import AnswerFault, Answers, NotAnswered, shortened
from effdl_lite.checking.namespace import NamespaceAnswers

Test = Callable[[Answers], None]


class CheckFailed(Exception):
    """At least one test of an exercise failed; the notebook shows this one line and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"CheckFailed: {self}"]


@dataclass(frozen=True)
class Outcome:
    """What one test found.

    Attributes:
        title: what was tested, in words.
        passed: whether the answer did what was expected.
        message: what was expected and what came; empty where it passed.
        hint: which hint of the exercise helps; empty unless the answer gave a value, and a wrong one.
        answered: False where there is no answer yet.
        missing: the name that the notebook does not define, where there is no answer for that reason.
    """

    title: str
    passed: bool
    message: str = ""
    hint: str = ""
    answered: bool = True
    missing: str = ""


class Checks:
    """The tests of a lab. A test is a function of `S` whose docstring says what it tests.

        checks = Checks("lab01")

        @checks.test("block_norms", hint="hint 2")
        def a_small_matrix(S):
            \"\"\"the blocks of a matrix of 2 x 4\"\"\"
            close(S.block_norms(weight, 1, 2), expected, "the norms")

    Args:
        lab: the lab's name, as its folder's.
    """

    def __init__(self, lab: str):
        self.lab = lab
        self._tests: dict[str, list[tuple[Test, str]]] = {}

    def test(self, exercise: str, *, hint: str = "") -> Callable[[Test], Test]:
        """Adds a test to an exercise; `hint` names the hint that helps whoever fails it."""

        def add(test: Test) -> Test:
            if not test.__doc__:
                raise ValueError(f"test {test.__name__} of {exercise} needs a docstring: what it tests, in words")
            self._tests.setdefault(exercise, []).append((test, hint))
            return test

        return add

    @property
    def exercises(self) -> list[str]:
        return list(self._tests)

    def tests(self, exercise: str) -> list[Test]:
        """The tests of an exercise as they were written; none where the exercise has none."""
        return [test for test, _ in self._tests.get(exercise, [])]

    def run(self, exercise: str, answers: Answers) -> list[Outcome]:
        """All tests of an exercise, in the order in which they were written; a failing one does not stop the rest."""
        return list(self.outcomes(exercise, lambda: nullcontext(answers)))

    def outcomes(self, exercise: str, answers: Callable[[], AbstractContextManager[Answers]]) -> Iterator[Outcome]:
        """The same with answers of its own for each test: those that the context which `answers()` opens gives."""
        if exercise not in self._tests:
            raise KeyError(f"{self.lab} has no exercise {exercise!r}; it has {', '.join(self._tests)}")
        for test, hint in self._tests[exercise]:
            with answers() as fresh:
                yield _outcome(test, hint, fresh)

    def check(self, exercise: str) -> None:
        """Runs the tests of an exercise on the names of the notebook, prints what they found, raises CheckFailed."""
        if exercise not in self._tests:
            raise CheckFailed(f"{self.lab} has no exercise {exercise!r}; choose one of {', '.join(self._tests)}")
        outcomes = self.run(exercise, NamespaceAnswers(vars(sys.modules["__main__"])))
        print(report(exercise, outcomes))
        failed = sum(not outcome.passed for outcome in outcomes)
        if failed:
            raise CheckFailed(f"{exercise}: {failed} of {len(outcomes)} checks failed; what was expected stands above")


def report(exercise: str, outcomes: list[Outcome]) -> str:
    """The outcomes as text, for a student to read."""
    if all(not outcome.answered for outcome in outcomes):
        state = "not checked" if outcomes[0].missing else "not answered yet"
        return f"{exercise}: {state} ({outcomes[0].message})"
    lines = [f"{exercise}: {sum(outcome.passed for outcome in outcomes)} of {len(outcomes)} checks passed"]
    said = ""
    for outcome in outcomes:
        lines.append(f"  {'passed' if outcome.passed else 'FAILED'}  {outcome.title}")
        if not outcome.passed:
            lines.append(f"          {'the same' if outcome.message == said else outcome.message}")
            said = outcome.message
            if outcome.hint:
                lines.append(f"          -> {outcome.hint} of this exercise may help")
    return "\n".join(lines)


def _outcome(test: Test, hint: str, answers: Answers) -> Outcome:
    """What one test finds; a result that the test itself stumbles over is a failure too, and must not stop the rest."""
    title = " ".join(test.__doc__.split()).rstrip(".")
    answers.returned_none = ""
    try:
        test(answers)
    except NotAnswered as fault:
        return Outcome(title, False, str(fault), answered=False, missing=fault.missing)
    except Exception as error:
        if answers.returned_none:
            return Outcome(title, False, f"{answers.returned_none} returned None; was its `return` forgotten?")
        if isinstance(error, AnswerFault):
            return Outcome(title, False, str(error), "" if error.raised else hint)
        kind = f"{type(error).__name__}: {shortened(error)}"
        return Outcome(title, False, f"the test could not use what came back ({kind}); is it what was asked for?", hint)
    return Outcome(title, True)

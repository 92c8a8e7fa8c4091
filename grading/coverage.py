"""Tries the answer bank: what the tests of a lab reject and accept, as a table and as a list of what must be mended."""

import contextlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from effdl_lite.checking import AnswerFault, Answers, Checks, NamespaceAnswers, NotAnswered
from effdl_lite.checking.checks import Test
from grading import LabError
from grading.bank import Entry, entries
from grading.notebooks import Exercise
from grading.suite import Lab

FEWEST_WRONG, FEWEST_RIGHT = 6, 2
TEST_STOPPED = "the test stopped"
# Rejections that say nothing about the tests: a slip of whoever wrote the bank or the test
SLIPS = (TEST_STOPPED, "NameError", "ImportError", "ModuleNotFoundError")


@dataclass
class Coverage:
    """What became of the answers to one exercise.

    Attributes:
        exercise: its name.
        wrong: number of wrong answers.
        hidden: how many of them the hidden tests reject.
        public: how many of them the public tests reject.
        right: number of right answers.
        accepted: how many of them pass every test.
        stub: whether the untouched stub is "not answered" to every test.
        problems: everything that must be mended, in words.
    """

    exercise: str
    wrong: int = 0
    hidden: int = 0
    public: int = 0
    right: int = 0
    accepted: int = 0
    stub: bool = True
    problems: list[str] = field(default_factory=list)


def try_bank(lab: Lab) -> list[Coverage]:
    """Tries every answer of the bank, the solution and the stub; one Coverage an exercise."""
    bank = entries(lab)
    with contextlib.redirect_stdout(io.StringIO()):
        setup = _setup(lab)
        return [_try_exercise(lab, exercise, bank, setup) for exercise in lab.notebook.exercises]


def _try_exercise(lab: Lab, exercise: Exercise, bank: list[Entry], setup: dict) -> Coverage:
    coverage = Coverage(exercise.name)
    _try_solution(lab, coverage, _names(lab, setup))
    _try_stub(lab, coverage, _names(lab, setup, untouched=exercise))
    for entry in bank:
        if entry.exercise == exercise.name:
            names = _names(lab, setup)
            _execute(entry.source, f"{lab.paths.answers.name}: {entry.name}", names)
            (_try_right if entry.is_right else _try_wrong)(lab, entry, coverage, NamespaceAnswers(names))
    if coverage.wrong < FEWEST_WRONG or coverage.right < FEWEST_RIGHT:
        found = f"{coverage.wrong} wrong and {coverage.right} right answers"
        coverage.problems.append(f"{found}; at least {FEWEST_WRONG} and {FEWEST_RIGHT} are needed")
    return coverage


def _try_solution(lab: Lab, coverage: Coverage, names: dict) -> None:
    for checks in (lab.public, lab.hidden):
        if fault := _first_fault(checks, coverage.exercise, NamespaceAnswers(names)):
            coverage.problems.append(f"the solution itself fails: {fault}")


def _try_stub(lab: Lab, coverage: Coverage, names: dict) -> None:
    for test in [*lab.public.tests(coverage.exercise), *lab.hidden.tests(coverage.exercise)]:
        fault = _fault(test, NamespaceAnswers(names))
        if not isinstance(fault, NotAnswered):
            coverage.stub = False
            found = fault or "it passed"
            coverage.problems.append(f"the untouched stub must be 'not answered' to {test.__name__}; instead: {found}")


def _try_right(lab: Lab, entry: Entry, coverage: Coverage, answers: Answers) -> None:
    faults = {
        "a public": _first_fault(lab.public, entry.exercise, answers),
        "a hidden": _first_fault(lab.hidden, entry.exercise, answers),
    }
    coverage.right += 1
    coverage.accepted += not any(faults.values())
    for kind, fault in faults.items():
        if fault:
            coverage.problems.append(f"right answer {entry.name} ({entry.says}) is refused by {kind} test: {fault}")


def _try_wrong(lab: Lab, entry: Entry, coverage: Coverage, answers: Answers) -> None:
    coverage.wrong += 1
    coverage.public += _first_fault(lab.public, entry.exercise, answers) is not None
    fault = _first_fault(lab.hidden, entry.exercise, answers)
    if fault is None:
        coverage.problems.append(f"wrong answer {entry.name} ({entry.says}) survives the hidden tests")
    elif isinstance(fault, NotAnswered) or fault.raised in SLIPS:
        coverage.problems.append(f"wrong answer {entry.name} is rejected, but not for what it does wrong: {fault}")
    else:
        coverage.hidden += 1


def _first_fault(checks: Checks, exercise: str, answers: Answers) -> AnswerFault | None:
    return next(filter(None, (_fault(test, answers) for test in checks.tests(exercise))), None)


def _fault(test: Test, answers: Answers) -> AnswerFault | None:
    """Why a test rejects the answers, if it does; one that stumbles over an answer must be mended, and is marked."""
    try:
        test(answers)
    except AnswerFault as fault:
        return fault
    except Exception as error:
        message = f"test {test.__name__} itself stopped with {type(error).__name__}: {error}"
        return AnswerFault(message, TEST_STOPPED)
    return None


def _setup(lab: Lab) -> dict:
    """The names that the setup cell makes, where `import checks` means this lab's checks."""
    names = {"__name__": "__main__"}
    before = sys.modules.get("checks")
    sys.modules["checks"] = lab.public_module
    try:
        _execute(lab.notebook.setup, "the setup cell", names)
    finally:
        sys.modules.pop("checks")
        if before is not None:
            sys.modules["checks"] = before
    return names


def _names(lab: Lab, setup: dict, untouched: Exercise | None = None) -> dict:
    """What the solution notebook's setup and answer cells define, with one exercise left as students get it.

    Every answer cell runs anew in names of its own, so that the answers that call one of the bank's see it too.
    """
    names = dict(setup)
    for exercise in lab.notebook.exercises:
        if exercise is untouched:
            with contextlib.suppress(NotImplementedError):  # a stub outside of a function stops its cell, as it should
                _execute(exercise.stub, f"the stub of {exercise.name}", names)
        else:
            _execute(exercise.answer, f"the solution of {exercise.name}", names)
    return names


def _execute(source: str, what: str, names: dict) -> None:
    try:
        exec(compile(source, what, "exec"), names)
    except NotImplementedError:
        raise
    except Exception as error:
        raise LabError(f"{what} cannot run: {type(error).__name__}: {error}") from error


def table(lab: str, covered: list[Coverage]) -> Iterator[str]:
    """The coverage as lines of text: a row an exercise, then what must be mended."""
    width = max([len(coverage.exercise) for coverage in covered] + [len("exercise")])
    yield f"{lab}: wrong answers that hidden and public tests reject, right ones that both accept, the untouched stub"
    yield f"{'exercise':<{width}}  hidden  public  right  stub"
    for coverage in covered:
        rejected, seen = f"{coverage.hidden}/{coverage.wrong}", f"{coverage.public}/{coverage.wrong}"
        accepted, stub = f"{coverage.accepted}/{coverage.right}", "ok" if coverage.stub else "FAILS"
        yield f"{coverage.exercise:<{width}}  {rejected:>6}  {seen:>6}  {accepted:>5}  {stub}"
    for coverage in covered:
        for problem in coverage.problems:
            yield f"{coverage.exercise}: {problem}"

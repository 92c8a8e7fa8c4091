"""The answer bank of a lab: wrong answers that its tests must reject, and right ones that they must accept.

`grading/answers/lab01.py` holds functions marked with `@wrong("exercise")` or `@right("exercise")`, each with a
docstring that says what it does. `grading/coverage.py` tries them.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from grading import LabError
from grading.cells import arguments
from grading.suite import Lab


def wrong(exercise: str, *, function: str = "") -> Callable[[Callable], Callable]:
    """Marks an answer that the hidden tests of an exercise must reject.

    Args:
        exercise: its name.
        function: which function the answer replaces, where it is not the one with the name of the exercise.
    """
    return lambda answer: answer


def right(exercise: str, *, function: str = "") -> Callable[[Callable], Callable]:
    """Marks an answer that all tests of an exercise must accept; the arguments are those of `wrong`."""
    return lambda answer: answer


@dataclass(frozen=True)
class Entry:
    """An answer of the bank.

    Attributes:
        name: its own.
        says: its docstring.
        is_right: whether it must be accepted.
        exercise: that it answers.
        source: without decorators, under the name of the function that it replaces.
    """

    name: str
    says: str
    is_right: bool
    exercise: str
    source: str


def entries(lab: Lab) -> list[Entry]:
    """The bank of a lab; LabError where an entry does not say what it answers. The bank is read, not imported."""
    path = lab.paths.answers
    if not path.is_file():
        raise LabError(f"there is no {path}; it must hold answers marked with @wrong and @right")
    definitions = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
    return [_entry(node, lab) for node in definitions]


def _entry(node: ast.FunctionDef, lab: Lab) -> Entry:
    place = f"{lab.paths.answers.parent.name}/{lab.paths.answers.name}: {node.name}"
    marks = [mark for mark in node.decorator_list if isinstance(mark, ast.Call) and _kind(mark) in ("wrong", "right")]
    if len(marks) != 1 or not ast.get_docstring(node):
        raise LabError(f"{place} needs one @wrong(...) or @right(...), and a docstring that says what it does")
    (mark,) = marks
    exercise = ast.literal_eval(mark.args[0])
    known = {exercise.name: exercise for exercise in lab.notebook.exercises}
    if exercise not in known:
        raise LabError(f"{place} answers {exercise!r}, which is no exercise; there are {', '.join(known)}")
    function = {keyword.arg: ast.literal_eval(keyword.value) for keyword in mark.keywords}.get("function", exercise)
    signature = known[exercise].functions.get(function)
    if signature is None:
        defined = ", ".join(known[exercise].functions)
        raise LabError(f"{place} replaces {function!r}, but {exercise} defines {defined}; say which by function=")
    if arguments(node) != signature:
        raise LabError(f"{place} takes ({', '.join(arguments(node))}), but {function} takes ({', '.join(signature)})")
    name, says = node.name, " ".join(ast.get_docstring(node).split())
    node.name, node.decorator_list = function, []
    return Entry(name, says, _kind(mark) == "right", exercise, ast.unparse(node))


def _kind(mark: ast.Call) -> str:
    return mark.func.id if isinstance(mark.func, ast.Name) else ""

"""`S`: what a test sees of a student's answers.

A test never touches a student's object. It calls a function by its name and gets plain values back: tensors without
history, numbers, text, None, lists, tuples and dictionaries of them; anything else is a `Handle`, whose methods can be
called in turn. So the same test runs here, over the names of the student's own notebook, and in the grader, where the
answers live in another process.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

PLAIN = (bool, int, float, str, type(None))
LONGEST = 200  # characters of a student's value or error within a message


class AnswerFault(Exception):
    """An answer did not do what the test asked; the message is written for the student.

    Attributes:
        raised: the name of the exception that the answer raised, if it raised one: then it gave no value at all.
    """

    def __init__(self, message: str, raised: str = ""):
        super().__init__(message)
        self.raised = raised


class NotAnswered(AnswerFault):
    """There is no answer yet: no function of this name, or one that still raises NotImplementedError.

    Attributes:
        missing: the name that the notebook does not define, if that is the reason.
    """

    def __init__(self, message: str, missing: str = ""):
        super().__init__(message)
        self.missing = missing


class Answers(ABC):
    """A student's answers. `S.name(...)` calls one; so do `call`, `gradient` and `arguments_after` by name.

    Attributes:
        returned_none: the function that was called last, if it returned None.
    """

    returned_none: str = ""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.call(name, *args, **kwargs)

    @abstractmethod
    def call(self, name: str, /, *args, **kwargs) -> Any:
        """What the student's function returns, as plain values; raises AnswerFault where it cannot be had."""

    @abstractmethod
    def value(self, name: str) -> Any:
        """A variable of the student's that is no function, as plain values."""

    @abstractmethod
    def gradient(self, name: str, args: Sequence, wrt: int = 0) -> Tensor:
        """The gradient of the one number that the function returns, with respect to argument number `wrt`."""

    @abstractmethod
    def arguments_after(self, name: str, args: Sequence) -> list:
        """The arguments as they are after the call: a function that works in place has changed them."""


class Handle:
    """An object of the student's that cannot leave its process; `handle.name(...)` calls its method there.

    A test may give it to another function of the student's, which gets the object itself.

    Args:
        call: calls a method of the object by name.
        kind: the name of the object's class.
        target: what the maker of the handle knows the object by.
    """

    def __init__(self, call: Callable[..., Any], kind: str, target: Any):
        self._call, self._kind, self._target = call, kind, target

    def __getattr__(self, name: str) -> Callable:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self._call(name, *args, **kwargs)

    def __call__(self, *args, **kwargs) -> Any:
        return self._call("__call__", *args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self._kind} of yours>"


def described(value: Any) -> str:
    """A value in a few words, for a message."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}" if value.numel() != 1 else f"a tensor with {value.item():g}"
    if value is None:
        return "None (was a `return` forgotten?)"
    if isinstance(value, PLAIN):
        return shortened(repr(value))
    if isinstance(value, list | tuple | dict):
        items = value.values() if isinstance(value, dict) else value
        kind = type(value).__name__
        return shortened(repr(value)) if all(type(item) in PLAIN for item in items) else f"a {kind} of {len(value)}"
    return f"a {value._kind if isinstance(value, Handle) else type(value).__name__}"


def shortened(text: object) -> str:
    """Text on one line, cut where it is long."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."

"""`S`: what a test sees of a student's answers.

A test never touches a student's object. It calls a function by its name and gets plain values back: tensors without
history, numbers, text, None, lists, tuples and dictionaries of them; anything else is a `Handle`, whose methods can be
called in turn. So the same test runs here, over the names of the student's own notebook, and in the grader, where the
answers live in another process.
"""

import inspect
import linecache
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

PLAIN = (bool, int, float, str, type(None))
DEEPEST = 20
LONGEST = 200  # characters of a student's value or error within a message


class AnswerFault(Exception):
    """An answer did not do what the test asked; the message is written for the student.

    Attributes:
        raised: the name of the exception that the answer raised, if it raised one.
    """

    def __init__(self, message: str, raised: str = ""):
        super().__init__(message)
        self.raised = raised


class NotAnswered(AnswerFault):
    """There is no answer yet: no function of this name, or one that still raises NotImplementedError."""


class Answers(ABC):
    """A student's answers. `S.name(...)` calls one; so do `call`, `gradient` and `arguments_after` by name."""

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


class NamespaceAnswers(Answers):
    """Answers that live in this process: the names of a notebook.

    Args:
        names: the namespace in which the student's cells ran.
    """

    def __init__(self, names: Mapping[str, Any]):
        self._names = names

    def call(self, name: str, /, *args, **kwargs) -> Any:
        function = self._function(name)
        return self._leaving(self._answer(name, function, self._entering(args), self._entering(kwargs)))

    def value(self, name: str) -> Any:
        if name not in self._names:
            raise NotAnswered(f"there is no {name} yet: run the cell that should make it")
        return self._leaving(self._names[name])

    def gradient(self, name: str, args: Sequence, wrt: int = 0) -> Tensor:
        args = self._entering(list(args))
        args[wrt].requires_grad_(True)
        result = self._answer(name, self._function(name), args, {})
        if not isinstance(result, Tensor) or result.numel() != 1:
            raise AnswerFault(f"{name} should return a tensor with one number, not {described(result)}")
        if not result.requires_grad:
            raise AnswerFault(
                f"the result of {name} does not remember how it was computed, so it has no gradient; "
                "was .detach(), .item(), .data, float() or torch.no_grad() used on the way?"
            )
        try:
            (gradient,) = torch.autograd.grad(result.sum(), args[wrt], allow_unused=True)
        except RuntimeError as error:
            raise AnswerFault(f"the gradient of {name} cannot be computed: {error}") from error
        return torch.zeros_like(args[wrt]) if gradient is None else gradient

    def arguments_after(self, name: str, args: Sequence) -> list:
        args = self._entering(list(args))
        self._answer(name, self._function(name), args, {})
        return self._leaving(args)

    def _function(self, name: str) -> Callable:
        if name not in self._names:
            raise NotAnswered(f"there is no {name} yet: run the cell that should define it")
        function = self._names[name]
        if not callable(function):
            raise AnswerFault(f"{name} should be a function, and is {described(function)}")
        return function

    def _entering(self, value: Any) -> Any:
        """A copy that the student's code may do with as it likes: the test's own tensors stay as they are."""
        if isinstance(value, Tensor):
            return value.detach().clone()
        if isinstance(value, list | tuple):
            return _sequence(value)(self._entering(item) for item in value)
        if isinstance(value, dict):
            return {key: self._entering(item) for key, item in value.items()}
        return value._target if isinstance(value, Handle) else value

    def _leaving(self, value: Any, depth: int = 0) -> Any:
        if depth > DEEPEST:
            raise AnswerFault(f"the result holds lists within lists, more than {DEEPEST} deep")
        if type(value) in PLAIN:
            return value
        if isinstance(value, np.number | np.bool):
            return value.item()
        if isinstance(value, Tensor):
            return value.detach().as_subclass(Tensor).clone()
        if isinstance(value, list | tuple):
            return _sequence(value)(self._leaving(item, depth + 1) for item in value)
        if isinstance(value, dict):
            return {str(key): self._leaving(item, depth + 1) for key, item in value.items()}
        kind = type(value).__name__
        return Handle(lambda name, *args, **kwargs: self._method(value, name, args, kwargs), kind, value)

    def _method(self, owner: Any, name: str, args: tuple, kwargs: dict) -> Any:
        method = getattr(owner, name, None)
        if not callable(method):
            raise AnswerFault(f"your {type(owner).__name__} has no method {name}")
        return self._leaving(self._answer(name, method, self._entering(args), self._entering(kwargs)))

    def _answer(self, name: str, function: Callable, args: Sequence, kwargs: dict) -> Any:
        """Calls a student's function; whatever it raises becomes an AnswerFault with the line where it happened."""
        _compare_arguments(name, function, args, kwargs)
        try:
            return function(*args, **kwargs)
        except NotImplementedError as error:
            unwritten = [frame.f_code.co_name for frame, _ in self._own_frames(error)][-1:]
            needed = "" if unwritten in ([], [name]) else f"{name} needs {unwritten[0]}, which is not written yet"
            raise NotAnswered(needed or f"{name} is not written yet") from None
        except (Exception, SystemExit) as error:
            kind = type(error).__name__
            lines = [linecache.getline(frame.f_code.co_filename, line) for frame, line in self._own_frames(error)][-1:]
            where = "".join(f" in its line `{line.strip()}`" for line in lines if line)
            said = f": {shortened(error)}" if str(error) else ""
            raise AnswerFault(f"{name} stopped{where} with {kind}{said}", kind) from error

    def _own_frames(self, error: BaseException) -> list[tuple]:
        """Frames and line numbers of the student's own functions on the way to an error, the innermost last."""
        return [
            (frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_globals is self._names
        ]


def _sequence(value: list | tuple) -> type:
    """Relatives of a tuple, such as a tensor's shape, become plain tuples."""
    return tuple if isinstance(value, tuple) else list


def _compare_arguments(name: str, function: Callable, args: Sequence, kwargs: dict) -> None:
    """AnswerFault where the function does not take these arguments."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # something built in, which has no signature to compare with
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        taken = ", ".join(signature.parameters) or "nothing"
        given = len(args) + len(kwargs)
        raise AnswerFault(
            f"{name} is called with {given} argument{'s' * (given != 1)}, and yours takes ({taken}); "
            "put back the first line of the function as it was"
        ) from None


def described(value: Any) -> str:
    """A value in a few words, for a message."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}" if value.numel() != 1 else f"a tensor with {value.item():g}"
    if value is None:
        return "None (is there a return?)"
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

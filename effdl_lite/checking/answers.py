"""`S`: what a test sees of a student's answers.

A test never touches a student's object. It calls a function by its name and gets plain values back: tensors without
history, numbers, text, None, lists, tuples and dictionaries of them; anything else is a `Handle`, whose methods can be
called in turn. So the same test runs here, over the names of the student's own notebook, and in the grader, where the
answers live in another process.
"""

import inspect
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

PLAIN = (bool, int, float, str, type(None))
DEEPEST = 20


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
    """An object of the student's that cannot leave its process; `handle.name(...)` calls its method there."""

    def __init__(self, call: Callable[..., Any], kind: str):
        self._call, self._kind = call, kind

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
        return self._leaving(_answer(name, function, self._entering(args), self._entering(kwargs)))

    def value(self, name: str) -> Any:
        if name not in self._names:
            raise NotAnswered(f"there is no {name} yet: run the cell that should make it")
        return self._leaving(self._names[name])

    def gradient(self, name: str, args: Sequence, wrt: int = 0) -> Tensor:
        args = self._entering(list(args))
        args[wrt].requires_grad_(True)
        result = _answer(name, self._function(name), args, {})
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
        _answer(name, self._function(name), args, {})
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
            return type(value)(self._entering(item) for item in value)
        if isinstance(value, dict):
            return {key: self._entering(item) for key, item in value.items()}
        return value

    def _leaving(self, value: Any, depth: int = 0) -> Any:
        if depth > DEEPEST:
            raise AnswerFault(f"the result holds lists within lists, more than {DEEPEST} deep")
        if type(value) in PLAIN:
            return value
        if isinstance(value, Tensor):
            return value.detach().as_subclass(Tensor).clone()
        if type(value) in (list, tuple):
            return type(value)(self._leaving(item, depth + 1) for item in value)
        if type(value) is dict:
            return {str(key): self._leaving(item, depth + 1) for key, item in value.items()}
        return Handle(lambda name, *args, **kwargs: self._method(value, name, args, kwargs), type(value).__name__)

    def _method(self, owner: Any, name: str, args: tuple, kwargs: dict) -> Any:
        method = getattr(owner, name, None)
        if not callable(method):
            raise AnswerFault(f"your {type(owner).__name__} has no method {name}")
        return self._leaving(_answer(name, method, self._entering(args), self._entering(kwargs)))


def _answer(name: str, function: Callable, args: Sequence, kwargs: dict) -> Any:
    """Calls a student's function; whatever it raises becomes an AnswerFault with the line where it happened."""
    try:
        signature = inspect.signature(function)
        signature.bind(*args, **kwargs)
    except TypeError:
        taken = ", ".join(signature.parameters) or "nothing"
        given = len(args) + len(kwargs)
        raise AnswerFault(
            f"{name} is called with {given} argument{'s' * (given != 1)}, and yours takes ({taken}); "
            "put back the first line of the function as it was"
        ) from None
    except ValueError:  # something built in, which has no signature to compare with
        pass
    try:
        return function(*args, **kwargs)
    except NotImplementedError:
        raise NotAnswered(f"{name} is not written yet") from None
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name == name]
        where = f" in its line `{frames[-1].line}`" if frames and frames[-1].line else ""
        kind = type(error).__name__
        raise AnswerFault(f"{name} stopped{where} with {kind}: {error}", kind) from error


def described(value: Any) -> str:
    """A value in a few words, for a message."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}" if value.numel() != 1 else f"a tensor with {value.item():g}"
    if value is None:
        return "None (is there a return?)"
    if isinstance(value, str | int | float | bool):
        return repr(value)
    return f"a {type(value).__name__}"

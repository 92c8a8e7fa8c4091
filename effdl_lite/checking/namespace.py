"""Answers that live in this process: the names of a notebook whose cells have run."""

import inspect
import linecache
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from effdl_lite.checking.answers import PLAIN, AnswerFault, Answers, Handle, NotAnswered, described, shortened

DEEPEST = 20


class NamespaceAnswers(Answers):
    """Answers that live in this process: the names of a notebook.

    Args:
        names: the namespace in which the student's cells ran.
    """

    def __init__(self, names: Mapping[str, Any]):
        self._names = names

    def call(self, name: str, /, *args, **kwargs) -> Any:
        self.returned_none = ""
        result = self._answer(name, self._function(name), self._entering(args), self._entering(kwargs))
        self.returned_none = name if result is None else ""
        return self._leaving(result)

    def value(self, name: str) -> Any:
        if name not in self._names:
            raise NotAnswered(f"there is no {name} yet: run the cell that should make it", name)
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
            raise NotAnswered(f"there is no {name} yet: run the cell that should define it", name)
        function = self._names[name]
        if not callable(function):
            raise AnswerFault(f"{name} should be a function, and is {described(function)}", "TypeError")
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
        self.returned_none = ""  # a method that returns nothing is usual
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
            "put back the first line of the function as it was",
            "TypeError",
        ) from None

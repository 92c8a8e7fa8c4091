"""What a test expects, each with a message that a student can act on. `what` completes the sentence "... should be"."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from effdl_lite.checking.answers import AnswerFault, Answers, NotAnswered, described


def holds(condition: bool, message: str) -> None:
    """`message` says what was expected and what came."""
    if not condition:
        raise AnswerFault(message)


def shaped(actual: Any, shape: Sequence[int], what: str) -> Tensor:
    """A plain tensor of this shape, which is returned."""
    if type(actual) is not Tensor:
        raise AnswerFault(f"{what} should be a tensor, not {described(actual)}")
    if tuple(actual.shape) != tuple(shape):
        raise AnswerFault(f"{what} should have the shape {tuple(shape)}, and has {tuple(actual.shape)}")
    return actual


def close(actual: Any, expected: Tensor | float, what: str, tolerance: float = 1e-4, *, show: bool = True) -> None:
    """Numbers that agree to `tolerance`, relative to the largest expected one (or to 1 where all are small).

    Args:
        actual: a number or tensor of the student's; for a number also a tensor with one element.
        expected: what it should be; a tensor fixes the shape too.
        what: names the value.
        tolerance: largest difference allowed, as a share of max(1, largest expected magnitude).
        show: whether the message may hold the expected number (a hidden test says False).
    """
    if not isinstance(expected, Tensor):
        if isinstance(actual, bool) or not isinstance(actual, int | float | Tensor):
            raise AnswerFault(f"{what} should be a number, not {described(actual)}")
        if isinstance(actual, Tensor) and actual.numel() != 1:
            raise AnswerFault(f"{what} should be one number, not {described(actual)}")
        actual, expected = torch.as_tensor(actual).reshape(()), torch.tensor(float(expected), dtype=torch.float64)
    shaped(actual, expected.shape, what)
    if actual.is_complex():
        raise AnswerFault(f"{what} should hold real numbers, and holds complex ones")
    actual, expected = actual.to(torch.float64), expected.to(torch.float64)
    if not torch.isfinite(actual).all():
        raise AnswerFault(f"{what} holds a number that is not finite (nan or inf)")
    difference = (actual - expected).abs()
    if difference.numel() and difference.max() > tolerance * max(1.0, expected.abs().max().item()):
        place = int(difference.argmax())
        got, wanted = actual.flatten()[place].item(), expected.flatten()[place].item()
        where = f" at place {_place(place, expected.shape)}" if expected.dim() else ""
        wish = f"should be {wanted:.6g}{where}, and is {got:.6g}" if show else f"is wrong{where}: {got:.6g}"
        raise AnswerFault(f"{what} {wish}")


def equal(actual: Any, expected: Any, what: str) -> None:
    """The same value: a tensor of the same type and entries, or plain values and lists of them that are equal."""
    if isinstance(expected, Tensor):
        shaped(actual, expected.shape, what)
        if actual.dtype != expected.dtype:
            raise AnswerFault(f"{what} should hold {_type(expected)}, and holds {_type(actual)}")
        if not torch.equal(actual, expected):
            raise AnswerFault(f"{what} should be {expected.tolist()}, and is {actual.tolist()}")
    elif not _same(actual, expected):
        raise AnswerFault(f"{what} should be {expected!r}, and is {described(actual)}")


def unchanged(S: Answers, name: str, args: Sequence, names: str = "") -> None:
    """The function leaves the tensors alone that it was given, and the lists, with what is in them.

    It must return something: who changes nothing because nothing is done has not answered.
    `names` are those of its arguments, as the task has them, such as "w1 b1"; the message then says which it changed.
    """
    named = dict(enumerate(names.split(), 1))
    for number, (before, after) in enumerate(zip(args, S.arguments_after(name, args), strict=True), 1):
        if isinstance(before, Tensor | list | tuple) and not _same(after, before):
            remedy = "work on a copy (.clone())" if isinstance(before, Tensor) else "work on a copy"
            raise AnswerFault(f"{name} changes its argument {named.get(number, f'number {number}')}; {remedy}")
    if S.call(name, *args) is None:  # nothing was changed, and nothing done
        raise AnswerFault(f"{name} returned None; was its `return` forgotten?")


def refuses(S: Answers, name: str, args: Sequence, why: str) -> None:
    """The function raises ValueError for arguments that make no sense."""
    try:
        result = S.call(name, *args)
    except NotAnswered:
        raise
    except AnswerFault as fault:
        if fault.raised == "ValueError":
            return
        raise AnswerFault(f"{name} should raise a ValueError, since {why}; instead: {fault}") from fault
    raise AnswerFault(f"{name} should raise a ValueError, since {why}; it returned {described(result)}")


def _same(one: Any, other: Any) -> bool:
    """Whether two plain values have the same types and entries, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other


def _place(number: int, shape: Sequence[int]) -> list[int]:
    place = []
    for size in reversed(shape):
        number, rest = divmod(number, size)
        place.insert(0, rest)
    return place


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")

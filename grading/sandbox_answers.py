"""`S` over answers in a sandbox: each request crosses to the process of a test, each reply is a plain value."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from effdl_lite.checking import AnswerFault, Answers, Handle, NotAnswered
from effdl_lite.checking.answers import shortened
from grading.connection import Connection, Ended
from grading.sandbox_process import Sandbox
from grading.sandboxed import wire


@dataclass(frozen=True)
class Cell:
    """A code cell that runs before a test.

    Attributes:
        name: its grade id, or a name for one that the student added.
        source: its code.
        own: whether it is one that the student added; those have a limit of time together, too.
    """

    name: str
    source: str
    own: bool = False


class Student:
    """A student's answers as the tests of a lab need them: anew, in a fresh process, for each test.

    Args:
        sandbox: the student's.
        cells: answers and the student's own, in their order.

    Attributes:
        ends: how each cell ended that did not run well, by its name, as the first test found it.
        too_costly: why the rest of the tests of an exercise was not run, if a test took too much.
    """

    def __init__(self, sandbox: Sandbox, cells: Sequence[Cell]):
        self.ends: dict[str, str] = {}
        self.too_costly = ""
        self._sandbox, self._cells = sandbox, cells
        self._slow: set[str] = set()  # cells of which only the definitions run from now on

    def new_exercise(self) -> None:
        """The answers to another exercise may be modest again."""
        self.too_costly = ""

    @contextmanager
    def answers(self) -> Iterator[Answers]:
        """The answers in a fresh process; a test that asks them finds out where there can be none."""
        torch.manual_seed(0)  # what a test draws does not depend on the tests before it
        connection, ended = None, None
        try:
            if self.too_costly:
                raise Ended(f"not run, since an earlier test of this exercise found: {self.too_costly}")
            connection = self._sandbox.open_test()
            self._load(connection)
        except Ended as end:
            ended = end
        answers = SandboxAnswers(connection, ended)
        try:
            yield answers
        finally:
            ends = [answers._ended, connection and connection.end()]
            self.too_costly = next((str(end) for end in ends if end and end.costly), self.too_costly)

    def _load(self, connection: Connection) -> None:
        """Runs the cells; one that runs out of time once is cut down to its definitions in later tests."""
        cells = [
            {"name": cell.name, "source": cell.source, "own": cell.own, "definitions_only": cell.name in self._slow}
            for cell in self._cells
        ]
        at, seconds = 0, self._sandbox.limits.cell_seconds
        try:
            connection.send({"op": "load", "cells": cells, "seconds": seconds})
            for at, cell in enumerate(self._cells):
                report, _ = connection.receive()
                end = report.get("end")
                if report.get("cell") != at or not isinstance(end, str):
                    raise wire.WireError("a report of a cell that is none")
                self._note(cell.name, end)
        except wire.WireError as error:
            raise Ended(f"its cells sent {error}") from error
        except Ended as end:
            if at < len(self._cells):
                self._note(self._cells[at].name, "timeout" if end.costly else str(end))
            raise

    def _note(self, name: str, end: str) -> None:
        if end == "timeout":
            self._slow.add(name)
        if end:
            self.ends.setdefault(name, shortened(end))


class SandboxAnswers(Answers):
    """The answers of one test.

    Args:
        connection: to the test's process; None where there is none.
        ended: why there is none, or why it has ended.
    """

    def __init__(self, connection: Connection | None, ended: Ended | None):
        self._connection, self._ended = connection, ended
        self._generators: dict = {}

    def call(self, name: str, /, *args, **kwargs) -> Any:
        self.returned_none = ""
        result = self._ask("call", name, args=list(args), kwargs=kwargs)
        self.returned_none = name if result is None else ""
        return result

    def value(self, name: str) -> Any:
        return self._ask("value", name)

    def gradient(self, name: str, args: Sequence, wrt: int = 0) -> Tensor:
        found = self._ask("gradient", name, args=list(args), wrt=wrt)
        if type(found) is not Tensor or found.shape != args[wrt].shape or found.dtype != args[wrt].dtype:
            raise AnswerFault(f"the gradient of {name} has not the shape and type of the argument")
        return found

    def arguments_after(self, name: str, args: Sequence) -> list:
        found = self._ask("arguments_after", name, args=list(args))
        if type(found) is not list or len(found) != len(args):
            raise AnswerFault(f"the arguments of {name} are not what they were")
        return found

    def _ask(self, operation: str, name: str, /, **arguments: Any) -> Any:
        """The value that the process replies; AnswerFault where it has none."""
        if self._ended is not None:
            raise AnswerFault(f"{name}: {self._ended}", "Ended")
        packer = wire.Packer(lambda handle: handle._target, self._generators)
        text = {"op": operation, "name": name, "chance": self._chance(packer), "arguments": packer.pack(arguments)}
        try:
            reply, raw = self._connection.ask(text, packer.raw)
            if "value" in reply:
                return wire.Unpacker(raw, self._handle).unpack(reply["value"])
        except Ended as ended:
            self._ended = ended
            raise AnswerFault(f"{name}: {ended}", "Ended") from ended
        except wire.WireError as error:
            self._ended = Ended(f"it sent {error}")
            raise AnswerFault(f"{name}: it sent {error}", "WireError") from error
        raise self._fault(reply)

    def _chance(self, packer: wire.Packer) -> Any:
        """The state of torch's own generator where a test has set it since the last request."""
        packed = packer.pack(torch.default_generator)
        return packed["state"]

    def _fault(self, reply: dict) -> AnswerFault:
        said, raised, missing = (str(reply.get(key, ""))[:2000] for key in ("fault", "raised", "missing"))
        message = shortened(said or "it sent no value")
        return NotAnswered(message, missing) if reply.get("answered") is False else AnswerFault(message, raised)

    def _handle(self, number: int, kind: str) -> Handle:
        def method(name: str, *args, **kwargs) -> Any:
            self.returned_none = ""  # a method that returns nothing is usual
            operation = "object" if name == "__call__" else "method"
            return self._ask(operation, name, of=handle, args=list(args), kwargs=kwargs)

        handle = Handle(method, kind, number)
        return handle

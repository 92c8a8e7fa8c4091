"""A process of one test: it runs the student's cells in the names of the lab and answers the grader's requests.

Everything here is in the student's hands once a cell has run. The grader believes nothing that comes from here but
what it is: a value.
"""

import ast
import linecache
import re
import signal
import socket
import time
import traceback
from typing import Any

import torch
from sandboxed import wire

from effdl_lite.checking import AnswerFault, Handle, NamespaceAnswers, NotAnswered

MOST = 1 << 30  # bytes of a request; the grader's own
OWN_CELLS = 4  # times the limit of one cell, for all of the student's own together
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
DEFINITIONS = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class CellTimeout(BaseException):
    """A cell took too long; no `except Exception` of the student's stops it."""


class Answering:
    """Answers the requests of one test.

    Args:
        connection: to the grader.
        names: of the notebook, in which the cells run.
    """

    def __init__(self, connection: socket.socket, names: dict):
        self._connection, self._names = connection, names
        self._answers = NamespaceAnswers(names)
        self._handles: list[Handle] = []
        self._generators: dict[int, torch.Generator] = {}
        names.setdefault("display", lambda *values, **options: None)
        names.setdefault("get_ipython", lambda: None)

    def serve(self) -> None:
        """Until the grader closes the connection."""
        while (frame := self._receive()) is not None:
            request, raw = frame
            if request["op"] == "load":
                self._load(request)
            else:
                self._connection.sendall(self._reply(request, raw))

    def _load(self, request: dict) -> None:
        """Runs the cells and says of each how it ended: "" for well, else the error or that time ran out."""
        most, spent = request["seconds"], 0.0  # by the student's own cells
        for number, cell in enumerate(request["cells"]):
            late = cell["own"] and spent > OWN_CELLS * most
            started = time.monotonic()
            try:
                self._run(cell, most, definitions_only=late or cell["definitions_only"])
                end = "timeout" if late else ""
            except CellTimeout:
                end = "timeout"
            except BaseException as error:  # an answer that calls exit() must not end the others
                end = "".join(traceback.format_exception_only(error)).strip()[-500:]
            spent += cell["own"] * (time.monotonic() - started)
            self._connection.sendall(wire.framed({"cell": number, "end": end}))

    def _run(self, cell: dict, seconds: float, definitions_only: bool) -> None:
        source, place = cell["source"], f"<{cell['name']}>"
        tree = _parsed(source)
        if definitions_only:
            tree.body = [node for node in tree.body if isinstance(node, DEFINITIONS)]
        linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
        timers = {signal.ITIMER_PROF: (signal.SIGPROF, seconds), signal.ITIMER_REAL: (signal.SIGALRM, 4 * seconds)}
        for timer, (number, delay) in timers.items():
            signal.signal(number, _interrupt)
            signal.setitimer(timer, delay, 0.2)
        try:
            exec(compile(tree, place, "exec"), self._names)
        finally:
            for timer in timers:
                signal.setitimer(timer, 0)

    def _reply(self, request: dict, raw: bytearray) -> bytes:
        try:
            packer = wire.Packer(self._number_of)
            packed = packer.pack(self._asked(request, raw))
            return wire.framed({"value": packed}, packer.raw)
        except NotAnswered as fault:
            return wire.framed({"fault": str(fault), "missing": fault.missing, "answered": False})
        except AnswerFault as fault:
            return wire.framed({"fault": str(fault), "raised": fault.raised, "answered": True})
        except wire.WireError as error:
            return wire.framed({"fault": f"{request['name']} returned {error}", "raised": "", "answered": True})
        except BaseException as error:
            kind = type(error).__name__
            said = f"{request['name']} stopped with {kind}: {str(error)[:300]}"
            return wire.framed({"fault": said, "raised": kind, "answered": True})

    def _asked(self, request: dict, raw: bytearray) -> Any:
        unpacker = wire.Unpacker(raw, lambda number, kind: self._handles[number], self._generators)
        if (chance := unpacker.part(request["chance"])) is not None:
            torch.default_generator.set_state(chance)
        arguments = unpacker.unpack(request["arguments"])
        name, answers = request["name"], self._answers
        match request["op"]:
            case "call":
                return answers.call(name, *arguments["args"], **arguments["kwargs"])
            case "method":
                return getattr(arguments["of"], name)(*arguments["args"], **arguments["kwargs"])
            case "object":
                return arguments["of"](*arguments["args"], **arguments["kwargs"])
            case "value":
                return answers.value(name)
            case "gradient":
                return answers.gradient(name, arguments["args"], arguments["wrt"])
            case "arguments_after":
                return answers.arguments_after(name, arguments["args"])
        raise wire.WireError(f"no operation {request['op']!r}")

    def _number_of(self, handle: Handle) -> int:
        self._handles.append(handle)
        return len(self._handles) - 1

    def _receive(self) -> tuple[dict, bytearray] | None:
        head = self._bytes(wire.SIZES.size)
        if len(head) < wire.SIZES.size:
            return None
        text, raw = wire.sizes(bytes(head), MOST, MOST)
        return wire.text_of(self._bytes(text)), self._bytes(raw)

    def _bytes(self, number: int) -> bytearray:
        taken = bytearray()
        while len(taken) < number and (more := self._connection.recv(min(number - len(taken), 1 << 20))):
            taken += more
        return taken


def _parsed(source: str) -> ast.Module:
    """The code of a cell; where Python cannot read it, without the lines that only Jupyter understands."""
    try:
        return ast.parse(source)
    except SyntaxError:
        if not MAGIC.search(source):
            raise
        return ast.parse(MAGIC.sub(r"\1pass", source))


def _interrupt(*_: Any) -> None:
    raise CellTimeout

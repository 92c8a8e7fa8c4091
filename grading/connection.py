"""The grader's end of the connection to the process of one test."""

import select
import socket
import time
from collections.abc import Callable

from grading.limits import Limits
from grading.sandboxed import wire

TICK = 0.2  # seconds between two looks at the process


class Ended(Exception):
    """The process of a test is gone, or was stopped; the message is for the student.

    Attributes:
        costly: whether it took its time, its memory or the whole sandbox; the exercise is not tried again then.
    """

    def __init__(self, message: str, costly: bool = False):
        super().__init__(message)
        self.costly = costly


class Connection:
    """To the process of one test. Whatever comes from it is checked; nothing of it is waited for too long.

    Args:
        connected: the socket.
        deadline: when the test must be over, by the monotonic clock.
        limits: of what may come.
        check: called now and then while the grader waits; raises Ended where the process must not go on.
        end: ends the process and says how it ended.
    """

    def __init__(
        self,
        connected: socket.socket,
        deadline: float,
        limits: Limits,
        check: Callable[[], None],
        end: Callable[[], Ended],
    ):
        self._socket, self._deadline, self._limits = connected, deadline, limits
        self._check, self._end_process = check, end
        self._looked = time.monotonic()
        self._end: Ended | None = None
        connected.setblocking(False)

    def ask(self, text: dict, raw: bytes | bytearray = b"") -> tuple[dict, bytearray]:
        """Sends a request and returns the reply (Ended, WireError)."""
        self.send(text, raw)
        return self.receive()

    def send(self, text: dict, raw: bytes | bytearray = b"") -> None:
        left = memoryview(wire.framed(text, raw))
        while left:
            self._wait(reading=False)
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self.close() from error

    def receive(self) -> tuple[dict, bytearray]:
        head = self._take(wire.SIZES.size)
        text, raw = wire.sizes(bytes(head), self._limits.reply_text, self._limits.reply_raw)
        return wire.text_of(self._take(text)), self._take(raw)

    def close(self) -> Ended:
        """Ends the process, which was to go on, and says how it ended."""
        if self._end is None:
            self._socket.close()
            self._end = self._end_process()
        return self._end

    def end(self) -> Ended | None:
        """Ends the process as it should; Ended where that went wrong."""
        end = self.close()
        return end if end.costly else None

    def _take(self, number: int) -> bytearray:
        taken = bytearray()
        while len(taken) < number:
            self._wait(reading=True)
            try:
                more = self._socket.recv(min(number - len(taken), 1 << 20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise self.close() from error
            if not more:
                raise self.close()
            taken += more
        return taken

    def _wait(self, reading: bool) -> None:
        """Until the socket is ready; watches time and memory meanwhile, also where bytes come in drops."""
        if self._end is not None:
            raise self._end
        ours = [self._socket]
        ready = False
        while not ready:
            ready = any(select.select(ours if reading else [], [] if reading else ours, [], TICK))
            now = time.monotonic()
            if now > self._deadline:
                self.close()
                self._end = Ended("it did not answer in time; does a loop in it never end?", costly=True)
                raise self._end
            if now > self._looked + TICK:
                self._looked = now
                self._check()

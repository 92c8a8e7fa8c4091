"""A student's sandbox from the grader's side: starts it, asks for a fresh process per test, and watches over it."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from grading import LabError, system_calls
from grading.connection import Connection, Ended
from grading.limits import Limits
from grading.sandbox import command, remedy, user

STARTING = 300  # seconds to import torch on a busy machine


class Sandbox:
    """The sandbox of one student. It starts when a test first needs it, and anew where a test has broken it.

    Args:
        checks: the lab's public tests.
        setup: the source of the lab's setup cell.
        limits: of the student's answers.
        imports: modules that the first process imports for all tests, since their import takes seconds.
    """

    def __init__(self, checks: Path, setup: str, limits: Limits, imports: Sequence[str] = ()):
        self.limits = limits
        self._checks, self._setup, self._imports = checks, setup, imports
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._starts = 0
        self._common = 0  # bytes of the first process, which those of tests begin with and mostly share
        self._deadline = time.monotonic() + limits.student_seconds

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def open_test(self) -> Connection:
        """A connection to a fresh process, which has run no code of the student's; Ended where there can be none."""
        if time.monotonic() > self._deadline:
            raise Ended(f"all tests together took longer than {self.limits.student_seconds:g} s", costly=True)
        for _ in range(2):
            if self._process is None:
                self._start()
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    socket.send_fds(self._control, [b"S"], [theirs.fileno()])
                except OSError:  # a process of the last test was still able to kill it
                    ours.close()
                    self.close()
                    continue
            deadline = min(time.monotonic() + self.limits.test_seconds, self._deadline)
            return Connection(ours, deadline, self.limits, self.check_memory, self.end_test)
        raise Ended("the sandbox was broken twice")

    def end_test(self) -> Ended:
        """Ends the test's process, removes what it left, and says how it ended."""
        if self._process is None:
            return Ended("its process was stopped")
        try:
            self._control.settimeout(self.limits.stopping_seconds)
            self._control.sendall(b"E")
            said = self._control.recv(16)
            code = int(said) if said.endswith(b"\n") else None
        except (OSError, ValueError):
            code = None
        if code is None:
            self.close()
            return Ended("it ended the whole sandbox", costly=True)
        if -code == signal.SIGXCPU:
            seconds = self.limits.processor_seconds
            return Ended(f"it took more than {seconds} s of computing; does a loop in it never end?", costly=True)
        if -code == signal.SIGKILL:
            return Ended("its process was killed: it took too much time or memory, or killed itself", costly=True)
        return Ended(f"its process ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}")

    def check_memory(self) -> None:
        """Ends everything where the processes together hold too much (Ended)."""
        family, most = self._family(), self.limits.memory
        resident = [_resident(process) for process in family]
        if sum(resident) <= most:  # which counts twice what two processes share
            return
        beyond = sum(max(0, held - self._common) for held in resident)
        if beyond > most or sum(map(_own_share, family)) > most:
            self.close()
            raise Ended(f"it took more than {most >> 20} MiB of memory", costly=True)

    def close(self) -> None:
        """Ends every process of the sandbox; the namespace of their ids goes with the first."""
        if self._process is not None:
            family = self._family()
            self._process.kill()
            self._process.wait()
            self._control.close()
            psutil.wait_procs(family, timeout=self.limits.stopping_seconds)  # the kernel ends them one after another
        self._process = self._control = None

    def _family(self) -> list[psutil.Process]:
        """Every process of the sandbox."""
        try:
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _start(self) -> None:
        if self._starts > self.limits.starts:
            raise Ended(f"the sandbox was broken {self._starts} times, and is not started again")
        self._starts += 1
        limits = self.limits
        resources = {
            "RLIMIT_DATA": limits.process_memory,
            "RLIMIT_NPROC": limits.processes,
            "RLIMIT_FSIZE": limits.files,
            "RLIMIT_NOFILE": 256,
            "RLIMIT_MEMLOCK": 1 << 16,
            "RLIMIT_MSGQUEUE": 0,
            "RLIMIT_CORE": 0,
        }
        self._control, theirs = socket.socketpair()
        calls = os.memfd_create("system calls")
        with theirs, open(calls, "wb") as filter_file, tempfile.TemporaryFile() as errors:
            filter_file.write(system_calls.program())
            filter_file.seek(0)
            settings = {
                "control": theirs.fileno(),
                "user": user(),
                "limits": resources,
                "processor_seconds": limits.processor_seconds,
                "setup": self._setup,
                "imports": self._imports,
            }
            self._process = subprocess.Popen(
                command(self._checks, settings, limits, calls),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(theirs.fileno(), calls),
            )
            theirs.close()
            self._control.settimeout(STARTING)
            try:
                started = self._control.recv(1) == b"S"
            except OSError:
                started = False
            if not started:
                self.close()
                errors.seek(0)
                raise LabError(f"the sandbox does not start: {remedy(errors.read(4000).decode(errors='replace'))}")
        self._common = max(map(_resident, self._family()), default=0)


def _resident(process: psutil.Process) -> int:
    """Bytes of memory in which a process has something."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def _own_share(process: psutil.Process) -> int:
    """The same, where of a page that several processes share each has its part; takes milliseconds."""
    try:
        return process.memory_full_info().pss
    except psutil.AccessDenied:
        return _resident(process)
    except psutil.NoSuchProcess:
        return 0

"""The first process in the sandbox: it imports torch once, runs no student's code, and forks a fresh process per test.

The name is the field's own, from Android and Chrome. The grader speaks to it through the control socket, which no
student's process inherits: each frame there brings the socket of a new test, or ends the test, upon which everything
that the test has left behind is killed and removed.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import socket
import sys
import time
import types
from pathlib import Path

PR_SET_DUMPABLE = 4
WRITABLE = ("/scratch", "/dev/shm")  # all that can be written in the sandbox
START, END = b"S", b"E"
PATIENCE = 30  # seconds until killed processes must be gone
A_MOMENT = 0.2  # seconds for a process to end by itself
ALWAYS_THERE = 2  # processes: this one, and bubblewrap's


def main() -> None:
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=settings["control"])
    confine(settings)
    names = lab_names(settings["setup"], settings["imports"])
    silence()
    control.sendall(START)
    while True:
        command, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if command != START:
            return
        child = os.fork()
        if child == 0:
            control.close()
            answer(socket.socket(fileno=descriptors[0]), names, settings)
            os._exit(0)
        os.close(descriptors[0])
        if control.recv(1) != END:
            return
        control.sendall(b"%d\n" % ended(child))


def confine(settings: dict) -> None:
    """Gives up root where it is root, and takes its limits; nobody can trace this process from here on."""
    if settings["user"]:
        os.setgroups([])
        os.setresgid(*[settings["user"]] * 3)
        os.setresuid(*[settings["user"]] * 3)
    for kind, limit in settings["limits"].items():
        _, hardest = resource.getrlimit(getattr(resource, kind))
        limit = limit if hardest == resource.RLIM_INFINITY else min(limit, hardest)
        resource.setrlimit(getattr(resource, kind), (limit, limit))
    set_dumpable(False)


def silence() -> None:
    """What is printed from here on is lost; until here it says why the sandbox does not start."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def set_dumpable(dumpable: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, int(dumpable), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl failed")


def lab_names(setup: str, imports: list[str]) -> dict:
    """The names of a notebook whose setup cell, which is the lab's own, has run."""
    import torch
    from sandboxed import answering  # noqa: F401 - imported once for all tests

    torch.set_num_threads(1)
    for name in imports:
        importlib.import_module(name)
    notebook = types.ModuleType("__main__")
    sys.modules["__main__"] = notebook
    exec(compile(setup, "<setup>", "exec"), vars(notebook))
    gc.collect()
    gc.freeze()  # what is here stays, and a fork need not copy it because it is counted anew
    return vars(notebook)


def answer(connection: socket.socket, names: dict, settings: dict) -> None:
    """In a process of its own: runs the student's cells and answers the test."""
    from sandboxed.answering import Answering

    set_dumpable(True)
    seconds = settings["processor_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    Answering(connection, names).serve()


def ended(child: int) -> int:
    """How a test's process ended, as an exit code or a signal's number below zero, after removing what it left.

    0 also where it did not end by itself when the grader had left.
    """
    code = ended_by_itself(child)
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        if code is None:
            _, status = os.waitpid(child, 0)
            code = max(os.waitstatus_to_exitcode(status), 0)
        if len([name for name in os.listdir("/proc") if name.isdigit()]) <= ALWAYS_THERE:
            break
        if time.monotonic() > deadline:
            sys.exit("processes cannot be killed")
        time.sleep(0.001)
    for folder in WRITABLE:
        for left in Path(folder).iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    return code


def ended_by_itself(child: int) -> int | None:
    """How a process ended; None where it has not within a short time."""
    deadline = time.monotonic() + A_MOMENT
    while time.monotonic() < deadline:
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return None


if __name__ == "__main__":
    main()

"""The first process in the sandbox: it imports torch once, runs no student's code, and forks a fresh process per test.

The name is the field's own, from Android and Chrome. The grader speaks to it through the control socket, which no
student's process inherits: each frame there brings the socket of a new test, or ends the test, upon which everything
that the test has left behind is killed and removed.
"""

import ctypes
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
PATIENCE = 5  # seconds until killed processes must be gone


def main() -> None:
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=settings["control"])
    confine(settings)
    names = lab_names(settings["setup"])
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


def lab_names(setup: str) -> dict:
    """The names of a notebook whose setup cell, which is the lab's own, has run."""
    import torch
    from sandboxed import answering  # noqa: F401 - imported once for all tests

    torch.set_num_threads(1)
    notebook = types.ModuleType("__main__")
    sys.modules["__main__"] = notebook
    exec(compile(setup, "<setup>", "exec"), vars(notebook))
    return vars(notebook)


def answer(connection: socket.socket, names: dict, settings: dict) -> None:
    """In a process of its own: runs the student's cells and answers the test."""
    from sandboxed.answering import Answering

    set_dumpable(True)
    seconds = settings["processor_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    Answering(connection, names).serve()


def ended(child: int) -> int:
    """How a test's process ended, as an exit code or a signal's number below zero, after removing what it left."""
    finished, status = os.waitpid(child, os.WNOHANG)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            break
        if not finished:
            finished, status = os.waitpid(child, 0)
        if time.monotonic() > deadline:
            sys.exit("processes cannot be killed")
        if len([name for name in os.listdir("/proc") if name.isdigit()]) <= 2:
            break
        time.sleep(0.001)
    if not finished:
        _, status = os.waitpid(child, 0)
    for folder in WRITABLE:
        for left in Path(folder).iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main()

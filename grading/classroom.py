"""Grades a class: one process per student, so that nothing one student submits stops or changes another's grade."""

import contextlib
import ctypes
import fcntl
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import torch
import tqdm

from grading import ROOT, LabError, reports, results, sandbox, suite
from grading.choose import notebook
from grading.collect import Submission, collect
from grading.gradebook import opened
from grading.limits import MIB, Limits
from grading.names import Pseudonyms, refuse_a_mixture
from grading.student import CRASHED, FLAGGED, OK, REJECTED, Result, grade
from grading.submitted import Refused

OWN_MEMORY = 300 * MIB  # that grading a student may take beyond what the program holds
OWN_SECONDS = 120  # of processor time that grading a student may take outside of the sandbox; some 3 are usual
MORE_TIME = 120  # seconds for a student's process beyond what its tests may take
UNWRITTEN = 3  # the exit code of a student's process that could not write its result
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Run:
    """A class that is being graded.

    Attributes:
        lab: by which.
        folder: for everything that the run writes.
        limits: of each student's answers.
    """

    lab: suite.Lab
    folder: Path
    limits: Limits

    def result(self, submission: Submission) -> Path:
        return self.folder / "students" / f"{submission.student}.json"

    def notebook(self, submission: Submission) -> Path:
        return self.folder / "notebooks" / f"{submission.student}.ipynb"


def grade_class(
    source: Path,
    lab: suite.Lab,
    folder: Path,
    *,
    jobs: int = 1,
    resume: bool = False,
    limits: Limits | None = None,
    names: Pseudonyms | None = None,
    gradebook: Path | None = None,
) -> Counter:
    """Grades everything in `source`; how many students have each status (LabError).

    Args:
        source: a folder or an archive with the work of a class.
        lab: by which.
        folder: for results; made where it is missing.
        jobs: how many students at once.
        resume: keeps the results of a run that was interrupted, where files and tests are still the same.
        limits: of each student's answers.
        names: for anonymous marking: everything in `folder` is under pseudonyms then.
        gradebook: folder of the course's gradebook; none is written without it.
    """
    sandbox.check_available()
    if not lab.paths.released.is_file():
        raise LabError(f"{lab.paths.name} is not released; run `python -m grading release {lab.paths.name}`")
    sandbox.check_private([ROOT, lab.paths.root, source, folder, *lab.paths.deciding])
    if names is not None:
        sandbox.check_private([names.path])
        names.refuse_in(folder)
    refuse_a_mixture((folder / "students").glob("*.json"), names is not None)
    torch.set_num_threads(1)
    if gradebook is not None:
        sandbox.check_private([gradebook])
        with opened(gradebook):  # a gradebook that cannot be used is told before the work, not after
            pass
    run = Run(lab, folder, limits or Limits())
    with _alone(folder):
        if (folder / "submitted").exists():
            shutil.rmtree(folder / "submitted")
        submissions = collect(source, lab.paths.name, folder / "submitted", names)
        digests = {submission.student: results.digest(submission, lab) for submission in submissions}
        waiting = [each for each in submissions if not (resume and _is_done(run, each, digests[each.student]))]
        _grade_all(run, waiting, digests, max(1, jobs), len(submissions))
        stored = [results.saved(run.result(submission)) for submission in submissions]
        if None in stored:
            raise LabError(f"a result in {folder / 'students'} cannot be read; run again with --resume")
        reports.write(lab, stored, folder, gradebook)
        if names is not None:
            shutil.rmtree(folder / "submitted")  # a file may tell its author inside
    return Counter(result["status"] for result in stored)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """LabError where another run writes into the same folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is in it is private
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LabError(f"another run is writing into {folder}; wait for it, or choose another folder") from error
        yield


def _is_done(run: Run, submission: Submission, digest: str) -> bool:
    stored = results.saved(run.result(submission))
    return stored is not None and stored["digest"] == digest and stored["status"] != CRASHED


def _grade_all(run: Run, waiting: list[Submission], digests: dict[str, str], jobs: int, total: int) -> None:
    """Every student in a process of its own, `jobs` at a time."""
    tqdm.tqdm.monitor_interval = 0  # its thread would be there when we fork
    context = multiprocessing.get_context("fork")
    left, running = list(reversed(waiting)), {}
    try:
        with tqdm.tqdm(total=total, initial=total - len(waiting), unit=" students", disable=None) as bar:
            while left or running:
                while left and len(running) < jobs:
                    submission = left.pop()
                    digest = digests[submission.student]
                    process = context.Process(target=_grade_one, args=(run, submission, digest, os.getpid()))
                    process.start()
                    running[process.sentinel] = process, submission, time.monotonic()
                wait(list(running), timeout=1)
                for sentinel, (process, submission, started) in list(running.items()):
                    late = time.monotonic() - started > run.limits.student_seconds + MORE_TIME
                    if process.is_alive() and not late:
                        continue
                    process.kill()
                    process.join()
                    del running[sentinel]
                    if process.exitcode == UNWRITTEN:
                        raise LabError(
                            f"the result of {submission.student} cannot be written into {run.folder}; no grade was "
                            "changed. When there is space on the disk again, go on with --resume"
                        )
                    if process.exitcode != 0:
                        _save_crash(run, submission, digests[submission.student], process.exitcode, late)
                    bar.update()
    finally:
        for process, *_ in running.values():
            process.kill()
            process.join()


def _save_crash(run: Run, submission: Submission, digest: str, code: int | None, late: bool) -> None:
    """A student whose process ended before its result has one that says so."""
    why = "took too long" if late or code == -signal.SIGXCPU else f"ended with {code}"
    result = Result(CRASHED, [f"grading {why}; there is no grade, please look at it"])
    results.save(run.result(submission), submission, run.lab, digest, result)


def _grade_one(run: Run, submission: Submission, digest: str, parent: int) -> None:
    """In a process of its own."""
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    _limit_itself()
    try:
        content, flags = notebook(submission, run.lab.paths.name)
        result, normalised = grade(run.lab, content, run.limits)
    except Refused as refused:
        result, normalised, flags = Result(REJECTED, [str(refused)]), None, []
    result.flags[:0] = flags
    if flags and result.status == OK:
        result.status = FLAGGED
    try:
        if normalised is not None:
            results.written(run.notebook(submission), json.dumps(normalised.notebook, indent=1))
        results.save(run.result(submission), submission, run.lab, digest, result)
    except OSError as error:
        print(f"grading: {error}", file=sys.stderr)
        sys.exit(UNWRITTEN)


def _end_with(parent: int) -> None:
    """This process ends when its parent does, however that ends; and the sandbox ends with this one."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _limit_itself() -> None:
    """What a reply makes a test do can take neither the memory of the machine nor the time of the class."""
    held = next(line for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith("VmData"))
    memory = int(held.split()[1]) * 1024 + OWN_MEMORY
    for kind, limit in (("RLIMIT_DATA", memory), ("RLIMIT_CPU", OWN_SECONDS), ("RLIMIT_CORE", 0)):
        _, hardest = resource.getrlimit(getattr(resource, kind))  # the sandbox, which takes limits of its own, needs it
        resource.setrlimit(getattr(resource, kind), (limit, hardest))

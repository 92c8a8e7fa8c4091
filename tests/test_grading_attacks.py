"""Answers that steal, harm or are odd, in the real sandbox: each costs its own points and nobody else's."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import attack_lab
import psutil
import pytest
from ordinary_user import USER, for_root, ordinary_user

from grading import ROOT
from grading.limits import Limits
from grading.sandbox_answers import Cell, Student
from grading.sandbox_process import Sandbox
from grading.student import try_answers

pytestmark = pytest.mark.needs("bubblewrap")
LIMITS = Limits(
    cell_seconds=2,
    processor_seconds=4,
    test_seconds=10,
    student_seconds=3000,
    memory=1 << 30,
    stopping_seconds=6,
    starts=1000,
)
READS = """\
import os
def mean_square(weight):
    found = [path for path in {paths} if os.path.exists(path)]
    return weight.square().mean() if found else 0
"""
SECRETS = [str(ROOT / "grading"), str(ROOT / "solutions"), "/lab/lab01.ipynb", "/course/grading", "/etc/passwd"]


@dataclass(frozen=True)
class Case:
    """An answer cell, and the points that it and the one after it deserve."""

    name: str
    source: str
    mean_square: int = 0
    counter: int = 3


def cases() -> list[Case]:
    """Those of hostile_answers.txt, and a few with characters that no text file should hold."""
    text = Path(__file__).with_name("hostile_answers.txt").read_text("utf-8")
    found = []
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        head, _, source = part.partition("\n")
        source = source.partition("\n# ")[0]  # the next heading
        name, *marks = head.split(" | ")
        points = next((int(mark.split()[0]) for mark in marks if mark.endswith("points")), 0)
        counter = 0 if "counter 0" in marks else 3
        found.append(Case(name, source, points, counter))
    return [
        *found,
        Case("code that is no text", "x = '\x00'\n" + attack_lab.RIGHT),
        Case("Windows line ends", attack_lab.RIGHT.replace("\n", "\r\n"), 2),
        Case("reads the hidden tests", READS.format(paths=SECRETS)),
    ]


CASES = cases()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return attack_lab.make(tmp_path_factory.mktemp("attacked"))


@pytest.fixture(scope="module")
def sandbox(lab):
    """One for all cases, since to start it takes seconds: each test gets a fresh process in any case."""
    before = _private()
    with Sandbox(lab.paths.public, lab.notebook.setup, LIMITS, ["matplotlib.pyplot"]) as sandbox:
        yield sandbox
    assert _private() == before
    assert not [process for process in psutil.process_iter() if str(lab.paths.public) in _command(process)]


@pytest.fixture(scope="module", autouse=True)
def as_an_ordinary_user(request, tmp_path_factory):
    """The same attacks, side by side with these, where the grader is an ordinary user; a process and its output."""
    if not any(
        item.name == test_they_fail_as_well_where_the_grader_is_no_root.__name__ for item in request.session.items
    ):
        yield None
        return
    home = tmp_path_factory.mktemp("ordinary")
    os.chown(home, USER, USER)
    options = ["-p", "no:cacheprovider", "-k", test_each_gets_the_points_that_it_deserves.__name__, "--basetemp"]
    command = [sys.executable, "-m", "pytest", __file__, *options, str(home / "tests")]
    environment = os.environ | {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    with (home / "output").open("w+") as output:
        start = {"cwd": ROOT, "env": environment, "stdout": output, "stderr": subprocess.STDOUT}
        with subprocess.Popen([*ordinary_user(home), *command], **start) as process:
            yield process, home / "output"
            process.kill()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_gets_the_points_that_it_deserves(lab, sandbox, case):
    cells = [Cell("mean_square", case.source), Cell("counter", attack_lab.COUNTER)]
    result = try_answers(lab, Student(sandbox, cells))
    print(result.public, result.hidden, result.flags)
    assert result.points == {"mean_square": case.mean_square, "counter": case.counter}
    messages = [each.message for found in (*result.public.values(), *result.hidden.values()) for each in found]
    assert all(len(message) < 1000 for message in messages)


@for_root
@pytest.mark.needs("the right to mount")
def test_they_fail_as_well_where_the_grader_is_no_root(as_an_ordinary_user):
    process, output = as_an_ordinary_user
    code = process.wait(timeout=800)
    said = output.read_text("utf-8")
    assert code == 0, said[-4000:]
    assert f" {len(CASES)} passed" in said, said[-400:]


def test_there_are_as_many_as_we_say():
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


def _private() -> str:
    """What a student must neither read nor change."""
    told = hashlib.sha256()
    for folder in ("solutions", "labs", "grading"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            told.update(path.read_bytes())
    return told.hexdigest()


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""

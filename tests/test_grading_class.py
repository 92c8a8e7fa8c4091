"""A class graded from the command line: each student alone, in any number of jobs, also after a kill in the middle."""

import csv
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import attack_lab
import nbformat
import psutil
import pytest
from typer.testing import CliRunner

from grading import ROOT, LabError, classroom, sandbox
from grading.__main__ import app
from grading.classroom import grade_class
from grading.limits import Limits
from grading.normalise import normalise, released_cells
from grading.results import table as table_of
from grading.sandbox_answers import Student
from grading.sandbox_process import Sandbox
from grading.student import try_answers
from grading.suite import labs, load

needs_sandbox = pytest.mark.needs("bubblewrap")
LIMITS = Limits(processor_seconds=5, test_seconds=60)
KILLS_ITS_PARENTS = "import os\nfor pid in range(1, 100000):\n    try: os.kill(pid, 9)\n    except OSError: pass\n"
NO_GRADE = "", "", ""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return attack_lab.make(tmp_path_factory.mktemp("class"))


@pytest.fixture(scope="module")
def class_of_eight(lab, tmp_path_factory):
    """Four that need a sandbox, and four that fail before."""
    folder = tmp_path_factory.mktemp("handed_in")
    notebooks = {
        "anna": attack_lab.handed_in(lab),
        "bert": attack_lab.handed_in(lab, "def mean_square(weight):\n    return weight.mean()"),
        "carl": attack_lab.handed_in(lab, KILLS_ITS_PARENTS + attack_lab.RIGHT),
        "dora": attack_lab.handed_in(
            lab, "def mean_square(weight):\n    return help(weight)", attack_lab.COUNTER, HELPER
        ),
    }
    for student, notebook in notebooks.items():
        (folder / student).mkdir()
        nbformat.write(notebook, folder / student / ("lab01.ipynb" if student != "dora" else "mine.ipynb"))
    for student, content in {"emil": "{", "fred": '{"nbformat": 3}', "gina": "[" * 10_000}.items():
        (folder / student).mkdir()
        (folder / student / "lab01.ipynb").write_text(content)
    (folder / "hugo").mkdir()
    (folder / "hugo" / "lab01.ipynb").symlink_to(lab.paths.solution)
    return folder


HELPER = "def help(weight):\n    return (weight * weight).mean()"
EXPECTED = {
    "anna": ("ok", "5", "2", "3"),
    "bert": ("ok", "3", "0", "3"),
    "carl": ("flagged", "3", "0", "3"),
    "dora": ("flagged", "5", "2", "3"),
    "emil": ("rejected", *NO_GRADE),
    "fred": ("rejected", *NO_GRADE),
    "gina": ("rejected", *NO_GRADE),
    "hugo": ("rejected", *NO_GRADE),
}


def table(folder):
    with (folder / "grades.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["student"]: (row["status"], row["points"], row["mean_square"], row["counter"]) for row in rows}


def results(folder):
    return {path.name: path.read_text() for path in (folder / "students").iterdir()}


@pytest.fixture(scope="module")
def serial(lab, class_of_eight, tmp_path_factory):
    folder = tmp_path_factory.mktemp("serial")
    counts = grade_class(class_of_eight, lab, folder, limits=LIMITS)
    assert counts == {"ok": 2, "flagged": 2, "rejected": 4}
    return folder


@needs_sandbox
class TestClass:
    def test_each_has_the_grade_and_the_status_that_it_deserves(self, serial):
        assert table(serial) == EXPECTED

    def test_nobody_else_is_touched_and_nothing_is_left(self, serial, class_of_eight, lab):
        assert sorted(path.name for path in serial.iterdir()) == [
            ".lock",
            "class.html",
            "feedback",
            "grades.csv",
            "notebooks",
            "students",
            "submitted",
        ]
        assert sorted(path.stem for path in (serial / "notebooks").iterdir()) == ["anna", "bert", "carl", "dora"]
        assert sorted(results(serial)) == [f"{student}.json" for student in EXPECTED]
        mine = [process for process in psutil.Process().children(recursive=True) if process.name() == "bwrap"]
        assert not mine

    def test_the_notebook_of_a_student_is_the_released_one_with_the_answers(self, serial):
        notebook = nbformat.read(serial / "notebooks" / "dora.ipynb", as_version=4)
        nbformat.validate(notebook)
        cells = {cell.id: cell.source for cell in notebook.cells}
        assert "return help(weight)" in cells["mean_square"]
        assert cells["own-1"] == HELPER
        assert cells["mean_square-check"] == 'check("mean_square")'

    def test_two_jobs_give_what_one_gives(self, serial, lab, class_of_eight, tmp_path):
        grade_class(class_of_eight, lab, tmp_path, jobs=2, limits=LIMITS)
        assert results(tmp_path) == results(serial)
        assert (tmp_path / "grades.csv").read_bytes() == (serial / "grades.csv").read_bytes()

    def test_a_killed_run_goes_on_where_it_was(self, serial, lab, class_of_eight, tmp_path):
        """Killed by signal 9 when two jobs have left results and are at work: nothing is lost or graded twice."""
        run = subprocess.Popen(
            [sys.executable, "-c", RUN, str(class_of_eight), str(lab.paths.root), str(tmp_path)], cwd=ROOT
        )
        students, family = tmp_path / "students", []
        deadline = time.monotonic() + 300
        while run.poll() is None and time.monotonic() < deadline:
            family = psutil.Process(run.pid).children(recursive=True)
            if list(students.glob("*.json")) and "bwrap" in map(_name, family):
                break
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert not (tmp_path / "grades.csv").exists()
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not alive, "the sandboxes end with the run"
        before = {path: path.stat().st_mtime_ns for path in students.glob("*.json")}
        assert 0 < len(before) < len(EXPECTED)
        grade_class(class_of_eight, lab, tmp_path, resume=True, limits=LIMITS)
        assert {path: path.stat().st_mtime_ns for path in before} == before
        assert results(tmp_path) == results(serial)
        assert table(tmp_path) == EXPECTED


RUN = """
import sys
from pathlib import Path
from grading.classroom import grade_class
from grading.limits import Limits
from grading.suite import load
source, root, folder = map(Path, sys.argv[1:])
grade_class(source, load("lab01", root), folder, jobs=2, limits=Limits(processor_seconds=5, test_seconds=60))
"""


def _name(process):
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


class TestRefusals:
    """No sandbox, no grading, and no file of an earlier run is touched."""

    def refused(self, lab, source, folder, match):
        (folder / "grades.csv").write_text("old")
        with pytest.raises(LabError, match=match):
            grade_class(source, lab, folder, limits=LIMITS)
        assert (folder / "grades.csv").read_text() == "old"

    def test_no_bubblewrap(self, lab, class_of_eight, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        self.refused(lab, class_of_eight, tmp_path, "no sandbox, no grading: install bubblewrap")

    @pytest.mark.skipif(sys.platform != "linux", reason="a script of the shell")
    def test_a_system_that_forbids_it(self, lab, class_of_eight, tmp_path, monkeypatch):
        fake = tmp_path / "bin" / "bwrap"
        fake.parent.mkdir()
        fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
        self.refused(
            lab, class_of_eight, tmp_path, r"(?s)uid map: Permission denied; .*Ubuntu 24\.04.*/etc/apparmor\.d/bwrap"
        )

    def test_another_system(self, monkeypatch):
        monkeypatch.setattr(sandbox.platform, "system", lambda: "Darwin")
        with pytest.raises(LabError, match="virtual machine"):
            sandbox.check_available()

    @needs_sandbox
    def test_private_files_where_the_sandbox_shows_them(self, lab, class_of_eight, tmp_path, monkeypatch):
        monkeypatch.setattr(sandbox, "runtime", lambda: [tmp_path.parent])
        self.refused(lab, class_of_eight, tmp_path, "which the sandbox shows to students")

    @needs_sandbox
    def test_another_run_in_the_same_folder(self, lab, class_of_eight, tmp_path):
        with (tmp_path / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused(lab, class_of_eight, tmp_path, "another run is writing")

    @needs_sandbox
    def test_a_lab_that_is_not_released(self, lab, class_of_eight, tmp_path):
        shutil.move(lab.paths.released, tmp_path / "away")
        try:
            self.refused(lab, class_of_eight, tmp_path, "lab01 is not released")
        finally:
            shutil.move(tmp_path / "away", lab.paths.released)

    @needs_sandbox
    def test_an_empty_folder(self, lab, tmp_path):
        (tmp_path / "class").mkdir()
        self.refused(lab, tmp_path / "class", tmp_path, "holds no notebook")

    def test_from_the_command_line(self, class_of_eight, tmp_path):
        done = CliRunner().invoke(app, [str(class_of_eight), "--lab", "lab99", "--results", str(tmp_path)])
        assert done.exit_code == 1
        assert "there is no lab 'lab99'" in done.stderr
        (tmp_path / "x.ipynb").write_text("")
        done = CliRunner().invoke(app, [str(tmp_path)])
        assert done.exit_code == 1
        assert "say which lab with --lab" in done.stderr

    def test_a_crash_of_grading_is_no_zero(self, lab, class_of_eight, tmp_path, monkeypatch):
        monkeypatch.setattr(classroom, "grade", lambda *_: 1 / 0)
        monkeypatch.setattr(sandbox, "check_available", lambda: None)
        grade_class(class_of_eight, lab, tmp_path, limits=LIMITS)
        found = table(tmp_path)
        assert found["anna"] == ("crashed", *NO_GRADE)
        assert "please look at it" in json.loads((tmp_path / "students" / "anna.json").read_text())["flags"][0]


@needs_sandbox
@pytest.mark.parametrize("name", labs())
def test_the_solution_of_a_lab_gets_all_points_and_the_untouched_lab_none(name):
    lab = load(name)
    possible = {exercise.name: exercise.task.points for exercise in lab.notebook.exercises}
    with Sandbox(lab.paths.public, lab.notebook.setup, Limits()) as box:
        for path, points in ((lab.paths.solution, possible), (lab.paths.released, dict.fromkeys(possible, 0))):
            normalised = normalise(released_cells(lab.paths.released), Path(path).read_bytes())
            assert not normalised.flags
            found = try_answers(lab, Student(box, normalised.cells))
            assert found.points == points
            assert not found.flags
            if not any(points.values()):
                assert not any(outcome.answered for each in found.hidden.values() for outcome in each)


def test_a_formula_of_a_student_is_none_in_the_table(lab):
    points = {"mean_square": 2, "counter": 0}
    stored = {"student": "=1+2", "status": "flagged", "points": points, "flags": ["+x\nnext\x1b[31m"]}
    assert table_of(lab.notebook, [stored], {}).splitlines()[1] == "'=1+2,flagged,2,2,0,,,'+x next [31m"

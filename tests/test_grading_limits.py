"""What grading itself may take: memory, time and disk, whatever a class hands in."""

import json
import subprocess
import sys
import zipfile

import attack_lab
import nbformat
import pytest

from grading import ROOT, classroom, sandbox
from grading.classroom import grade_class
from grading.limits import MIB, Limits
from grading.submitted import MOST_BYTES

needs_sandbox = pytest.mark.needs("bubblewrap")

MEASURED = """
import sys
from pathlib import Path

def held(what):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(what))

import torch
before = held("VmRSS")
from grading import classroom
from grading.limits import Limits
from grading.suite import load

grade_one = classroom._grade_one

def measured(run, submission, *others):
    grade_one(run, submission, *others)
    print(submission.student, held("VmHWM") - before, flush=True)

classroom._grade_one = measured
source, root, folder = map(Path, sys.argv[1:])
classroom.grade_class(source, load("lab01", root), folder, jobs=2, limits=Limits(test_seconds=60))
print("whole class", held("VmHWM") - before)
"""
LARGE_REPLIES = (
    """\
def mean_square(weight):
    return torch.zeros(32 << 20, dtype=torch.bool)""",
    """\
def counter(start):
    class Counter:
        def add(self, number):
            return [[torch.zeros(4 << 20), torch.zeros(2 << 20, dtype=torch.complex64)], list(range(100_000))]
    return Counter()""",
)

FULL_DISK = """
import functools, json, sys
from pathlib import Path
from typer.testing import CliRunner
from grading import results, suite
from grading.__main__ import app

source, root, folder = map(Path, sys.argv[1:])
suite.load = functools.partial(suite.load, root=root)
filler, save = folder / "filler", results.save

def fill():
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass

def save_and_fill(path, *others):
    save(path, *others)
    if path.stem == "anna":
        fill()

def run(*options):
    done = CliRunner().invoke(app, ["grade", str(source), "--lab", "lab01", "--results", str(folder), *options])
    grades = [folder / "grades.csv", *(folder / "students").glob("*.json")]
    print(json.dumps([done.exit_code, done.output, {path.name: path.read_text() for path in grades}]), flush=True)

(folder / "students").mkdir()
(folder / "grades.csv").write_text("old")
(folder / "students" / "fred.json").write_text("old")
fill()
run()
filler.unlink()
results.save = save_and_fill
run()
filler.unlink()
results.save = save
anna = (folder / "students" / "anna.json").stat().st_mtime_ns
run("--resume")
print(anna == (folder / "students" / "anna.json").stat().st_mtime_ns)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return attack_lab.make(tmp_path_factory.mktemp("limits"))


def hand_in(folder, lab, *answers, **more):
    """A notebook in a student's folder; `more` goes into its own metadata."""
    notebook = json.loads(nbformat.writes(attack_lab.handed_in(lab, *answers)))
    notebook["metadata"] |= more
    folder.mkdir(parents=True)
    (folder / "lab01.ipynb").write_text(json.dumps(notebook, ensure_ascii=False), "utf-8")


@needs_sandbox
def test_no_student_and_no_class_takes_more_than_300_mb_beyond_torch(lab, tmp_path):
    source = tmp_path / "class"
    wide = "\U0001f600" + "x" * (MOST_BYTES // 2)  # four bytes in memory for each in the file
    hand_in(source / "entries", lab, more=[wide, *[{"": 1}] * 240_000])
    hand_in(source / "replies", lab, *LARGE_REPLIES)
    with zipfile.ZipFile(source / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.write(source / "entries" / "lab01.ipynb", f"lab01{'' if number == 4 else number}.ipynb")
    run = [sys.executable, "-c", MEASURED, str(source), str(lab.paths.root), str(tmp_path / "results")]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    most = {name: int(taken) for name, taken in (line.rsplit(" ", 1) for line in done.stdout.splitlines())}
    assert most.keys() == {"entries", "replies", "archive", "whole class"}, done.stdout
    assert max(most.values()) <= 300 * MIB, most
    points = {line.split(",")[0]: line.split(",")[2] for line in (tmp_path / "results" / "grades.csv").open()}
    assert (points["entries"], points["replies"], points["archive"]) == ("5", "0", "5")


def test_a_test_that_never_ends_costs_a_grade_and_not_the_time_of_the_class(lab, tmp_path, monkeypatch):
    for student in ("anna", "bert"):
        hand_in(tmp_path / "class" / student, lab)

    def endless(*_):
        while True:
            pass

    monkeypatch.setattr(classroom, "grade", endless)
    monkeypatch.setattr(classroom, "OWN_SECONDS", 1)
    monkeypatch.setattr(sandbox, "check_available", lambda: None)
    assert grade_class(tmp_path / "class", lab, tmp_path / "results", limits=Limits()) == {"crashed": 2}
    for student in ("anna", "bert"):
        (flag,) = json.loads((tmp_path / "results" / "students" / f"{student}.json").read_text())["flags"]
        assert flag == "grading took too long; there is no grade, please look at it"


@needs_sandbox
@pytest.mark.needs("the right to mount")
def test_a_full_disk_changes_no_grade_and_resume_goes_on(lab, tmp_path):
    hand_in(tmp_path / "class" / "anna", lab)
    for student in ("emil", "fred"):
        (tmp_path / "class" / student).mkdir()
        (tmp_path / "class" / student / "lab01.ipynb").write_text("{")
    disk = tmp_path / "disk"
    disk.mkdir()
    arguments = [sys.executable, "-c", FULL_DISK, str(tmp_path / "class"), str(lab.paths.root), str(disk)]
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"', str(disk)]
    done = subprocess.run([*mount, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    *runs, untouched = done.stdout.splitlines()
    before, between, after = map(json.loads, runs)
    assert before[0] == 1
    assert "database or disk is full; no grade was changed" in before[1]
    assert before[2] == {"grades.csv": "old", "fred.json": "old"}
    assert between[0] == 1
    assert "the result of emil cannot be written" in between[1]
    assert "go on with --resume" in between[1]
    assert {name: text for name, text in between[2].items() if name != "anna.json"} == before[2]
    assert after[0] == 0, after[1]
    statuses = [row.split(",")[:3] for row in after[2]["grades.csv"].splitlines()[1:]]
    assert statuses == [["anna", "ok", "5"], ["emil", "rejected", ""], ["fred", "rejected", ""]]
    assert untouched == "True", "who has a grade is not graded again"

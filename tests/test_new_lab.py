"""`python -m grading`: a new lab, which is refused until it is real; and errors in words."""

import subprocess
import sys

import pytest
import tiny_lab
from typer.testing import CliRunner

import grading
from grading import LabError, pages, scaffold, suite
from grading.__main__ import app
from grading.coverage import try_bank
from grading.notebooks import read


def test_a_new_lab_has_every_part_in_place(tmp_path):
    made = scaffold.new("lab07", tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in made] == [
        "solutions/lab07/lab07.ipynb",
        "solutions/lab07/checks.py",
        "grading/hidden/lab07.py",
        "grading/answers/lab07.py",
    ]
    notebook = read(made[0])
    assert [exercise.name for exercise in notebook.exercises] == ["mean_square"]
    assert [item.name for item in notebook.work] == ["mean_square", "essay"]
    assert "raise NotImplementedError()" in notebook.exercises[0].stub
    assert "squares" not in notebook.exercises[0].stub.replace("the squares of", "")


def test_a_new_lab_is_refused_until_every_file_is_real(tmp_path, monkeypatch):
    made = scaffold.new("lab07", tmp_path)
    for path in made:
        with pytest.raises(LabError, match=f"{path.relative_to(tmp_path)} still says 'REPLACE THIS'"):
            suite.load("lab07", tmp_path)
        path.write_text(path.read_text("utf-8").replace("REPLACE THIS", "Here stands a text"), "utf-8")
    (covered,) = try_bank(suite.load("lab07", tmp_path))
    assert covered.problems == ["1 wrong and 1 right answers; at least 6 and 2 are needed"]


@pytest.mark.parametrize("name", ["lab7", "lab007", "Lab07", "lab", "../lab07", "lab07 ", ""])
def test_other_names_are_refused(tmp_path, name):
    with pytest.raises(LabError, match="it must be lab and two digits, such as lab07"):
        scaffold.new(name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", range(4))
def test_nothing_that_is_there_is_overwritten(tmp_path, part):
    path = suite.Paths("lab07", tmp_path).sources[part]
    path.parent.mkdir(parents=True)
    path.write_text("mine", "utf-8")
    with pytest.raises(LabError, match="lab07 is there already: "):
        scaffold.new("lab07", tmp_path)
    assert [file.read_text("utf-8") for file in tmp_path.rglob("*") if file.is_file()] == ["mine"]


def test_the_page_lists_a_lab_with_its_effort_prerequisites_and_files(tmp_path):
    lab = tiny_lab.make(tmp_path)
    tiny_lab.edit(lab.solution, lambda notebook, cells: cells["title"].update(source=TITLE))
    text = pages.text(tmp_path)
    assert "## [Lab 1 · Sparse](../labs/lab01/lab01.ipynb)" in text
    assert "**About 15 minutes, 6 points.** You need [chapter 2](structured_sparsity.ipynb) and patience.\n" in text
    assert "{download}`lab01.ipynb <../labs/lab01/lab01.ipynb>`" in text
    assert "{download}`checks.py <../labs/lab01/checks.py>`" in text
    assert '<span role="img" aria-label="1 of 3">●○○</span> | 5 | 2 |' in text


TITLE = """# Lab 1 · Sparse

*About 15 minutes, 6 points, two exercises. You need [chapter 2](../../book/structured_sparsity.ipynb) and
patience.*

Words."""


class TestCommand:
    def run(self, *arguments):
        return CliRunner().invoke(app, list(arguments))

    def test_help_lists_the_commands(self):
        done = subprocess.run([sys.executable, "-m", "grading"], cwd=grading.ROOT, capture_output=True, text=True)
        assert {"new", "release", "bank", "archive"} <= set((done.stdout + done.stderr).split())

    @pytest.mark.parametrize("command", ["release", "bank"])
    def test_an_unknown_lab_is_one_line(self, command):
        done = self.run(command, "lab99")
        assert done.exit_code == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("grading: there is no lab 'lab99' in solutions/; there are: ")

    def test_a_bad_name_is_one_line(self):
        done = self.run("new", "seven")
        assert done.exit_code == 1
        assert done.stderr == "grading: 'seven' is no name for a lab; it must be lab and two digits, such as lab07\n"

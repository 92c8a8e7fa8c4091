"""`effdl check`: what a student reads, for good and wrong answers and for notebooks that went through something."""

import builtins
import json
import sys

import nbformat
import pytest
import tiny_lab
from typer.testing import CliRunner

from effdl_lite.cli import app
from grading.release import release


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A released lab, labs/lab01, in the working folder."""
    tiny_lab.make(tmp_path)
    folder = release("lab01", tmp_path)
    monkeypatch.chdir(tmp_path)
    return folder / "lab01.ipynb"


def check(*arguments: str):
    return CliRunner().invoke(app, ["check", *arguments])


def refused(*arguments: str) -> str:
    """The one line in which a check that cannot start says why."""
    done = check(*arguments)
    assert done.exit_code == 1
    assert not done.stdout
    (line,) = done.stderr.splitlines()
    return line.removeprefix("effdl: ")


class TestAnswers:
    def test_right_answers_pass_whatever_names_the_student_uses_and_the_file_is_not_touched(self, lab):
        setup = "import torch\ncheck = checks = hand_over = None"
        tiny_lab.answered(lab, "weight.square().mean()", setup=setup, essay="Because.")
        before, around = lab.read_bytes(), sorted(lab.parent.rglob("*.ipynb"))
        done = check("lab01")
        assert done.exit_code == 0, done.output
        assert "mean_square: 1 of 1 checks passed" in done.stdout
        rows = [line.split() for line in done.stdout.splitlines()[-3:]]
        assert rows[0] == ["exercise", "checks", "passed", "points", "available"]
        assert rows[1] == ["mean_square", "1", "of", "1", "2"]
        assert rows[2] == ["essay", "read", "by", "a", "person", "4"]
        assert lab.read_bytes() == before
        assert sorted(lab.parent.rglob("*.ipynb")) == around

    def test_a_wrong_answer_fails_in_words(self, lab):
        tiny_lab.answered(lab, "weight.square().sum()")
        done = check(str(lab))
        assert done.exit_code == 1
        assert "the mean square of 1 and 3 should be 5, and is 10" in done.stdout
        assert "-> hint 1 of this exercise may help" in done.stdout
        assert done.stdout.rstrip().endswith("4")
        assert "essay        not answered yet" in done.stdout

    def test_the_untouched_release_is_not_answered_even_where_an_editor_dropped_the_cell_ids(self, lab):
        content = json.loads(lab.read_text("utf-8"))
        content["nbformat_minor"] = 4
        for cell in content["cells"]:
            del cell["id"]
        lab.write_text(json.dumps(content), "utf-8")
        done = check("lab01")
        assert done.exit_code == 1
        assert "mean_square: not answered yet (mean_square is not written yet)" in done.stdout
        assert "stopped with" not in done.stdout

    def test_a_cell_that_cannot_run_is_named(self, lab):
        tiny_lab.answered(lab, "weight.square(")
        done = check("lab01")
        assert done.exit_code == 1
        assert "cell mean_square stopped with SyntaxError" in done.stdout

    def test_given_cells_below_a_missing_answer_are_not_blamed_and_those_above_are(self, lab):
        def use(notebook, cells):
            for name, source in (("use", "mean_square(1)"), ("go-on", "used")):
                given = {"nbgrader": {"locked": True, "grade_id": name}}
                notebook.cells.append(nbformat.v4.new_code_cell(source, id=name, metadata=given))
            notebook.cells.append(nbformat.v4.new_code_cell("my_own", id="own"))
            cells["setup"].source += "\nno_such_name"

        tiny_lab.edit(lab, use)
        stopped = [line for line in check("lab01").stdout.splitlines() if "stopped with" in line]
        assert stopped == [
            "cell setup stopped with NameError: name 'no_such_name' is not defined",
            "cell number 10 stopped with NameError: name 'my_own' is not defined",
        ]

    def test_a_slow_cell_is_stopped_and_the_rest_goes_on(self, lab):
        tiny_lab.answered(lab, "weight.square().mean()", setup="import torch\nwhile True: pass")
        done = check("lab01", "--timeout", "3")
        assert "cell setup stopped with too slow: stopped after 3 s" in done.stdout
        assert "mean_square: 1 of 1 checks passed" in done.stdout

    def test_a_slow_check_fails_for_that_reason(self, lab):
        tiny_lab.answered(lab, "[None for _ in iter(int, 1)]")
        done = check("lab01", "--timeout", "3")
        assert done.exit_code == 1
        assert "could not run: too slow: stopped after 3 s" in done.stdout

    def test_an_answer_that_ends_python_is_named(self, lab):
        tiny_lab.answered(lab, "1", mean_square="import os\nos._exit(1)")
        assert refused("lab01").startswith("Python ended in cell mean_square: out of memory, or a call of exit()")


class TestDamage:
    def test_a_deleted_check_cell_is_said_in_words_and_still_run(self, lab):
        def delete(notebook, cells):
            notebook.cells.remove(cells["mean_square-check"])

        tiny_lab.answered(lab, "weight.square().mean()")
        tiny_lab.edit(lab, delete)
        done = check("lab01")
        assert done.exit_code == 0
        assert "the check cell of mean_square was deleted" in done.stdout
        assert ["mean_square", "1", "of", "1", "?"] in [line.split() for line in done.stdout.splitlines()]

    def test_an_edited_check_cell_is_checked_all_the_same(self, lab):
        def edit(notebook, cells):
            cells["mean_square-check"].source = "print('mean_square: 1 of 1 checks passed')"
            cells["mean_square-check"].metadata["tags"] = ["skip-execution"]

        tiny_lab.edit(lab, edit)
        done = check("lab01")
        assert done.exit_code == 1
        assert "not answered yet" in done.stdout

    def test_a_copied_cell(self, lab):
        def copy(notebook, cells):
            twin = cells["mean_square"].copy()
            twin["id"] = "twin"
            notebook.cells.append(twin)

        tiny_lab.edit(lab, copy)
        assert "mean_square occurs twice; delete the copy of the cell" in refused("lab01")

    def test_lost_metadata(self, lab):
        def lose(notebook, cells):
            for cell in notebook.cells:
                cell.metadata.clear()

        tiny_lab.edit(lab, lose)
        assert "its metadata (nbgrader) are lost; copy your answers" in refused("lab01")

    @pytest.mark.parametrize("text", ["", "no JSON", "[1, 2]", '{"cells": [{"source": "x"}]}', '{"cells": 3}'])
    def test_what_is_no_notebook(self, lab, text):
        lab.write_text(text, "utf-8")
        assert "is not a notebook that Jupyter would open" in refused("lab01")

    def test_bytes_that_are_no_text(self, lab):
        lab.write_bytes(b"\xff\xfe\x00")
        assert "is not a notebook" in refused("lab01")

    def test_checks_are_missing(self, lab):
        lab.with_name("checks.py").unlink()
        assert "checks.py is missing beside" in refused("lab01")

    def test_checks_that_cannot_be_imported(self, lab):
        lab.with_name("checks.py").write_text("1 / 0", "utf-8")
        done = check("lab01")
        assert done.exit_code == 1
        assert "could not run: ZeroDivisionError" in done.stdout

    def test_checks_of_another_lab(self, lab):
        checks = lab.with_name("checks.py")
        checks.write_text(checks.read_text("utf-8").replace('test("mean_square"', 'test("other"'), "utf-8")
        done = check("lab01")
        assert done.exit_code == 1
        assert "has no exercise 'mean_square'; it has other" in done.stdout


class TestFinding:
    def test_no_such_lab_says_which_there_are(self, lab):
        line = refused("lab02")
        assert line.startswith("there is no lab02.ipynb or lab02/lab02.ipynb or labs/lab02/lab02.ipynb")
        assert line.endswith("found here: labs/lab01/lab01.ipynb")

    def test_in_an_empty_folder_it_says_where_to_go(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert refused("lab01").endswith("go to the folder that holds labs/")

    @pytest.mark.parametrize("folder", [".", "labs", "labs/lab01"])
    def test_a_name_is_enough_in_each_of_the_usual_folders(self, lab, monkeypatch, folder):
        from effdl_lite.checking.notebook import find

        monkeypatch.chdir(folder)
        assert find("lab01").resolve() == lab.resolve()

    def test_without_nbclient_the_remedy_is_named(self, lab, monkeypatch):
        def without(name, *args):
            if name == "nbclient":
                raise ModuleNotFoundError("No module named 'nbclient'", name="nbclient")
            return imported(name, *args)

        imported = builtins.__import__
        monkeypatch.delitem(sys.modules, "nbclient", raising=False)
        monkeypatch.setattr(builtins, "__import__", without)
        assert refused("lab01") == "nbclient is missing; run `pip install -r requirements.txt`"

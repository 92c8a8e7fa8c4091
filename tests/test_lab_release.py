"""What students get: made by nbgrader from the solutions, the same bytes each time, with nothing that is private."""

import filecmp
import json
import re
import shutil

import nbformat
import pytest
import tiny_lab
import yaml

from grading import ROOT, LabError, pages
from grading.release import release
from grading.suite import Paths, labs, load

every_lab = pytest.mark.parametrize("name", labs())


def tree(folder):
    """Every file of a folder with its bytes, by its path in the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_there_is_a_lab():
    assert labs()


def test_every_released_lab_has_a_solution():
    assert sorted(path.name for path in (ROOT / "labs").iterdir() if path.is_dir()) == labs()


@every_lab
def test_the_committed_release_is_what_the_solution_gives(name, tmp_path):
    for part in (Paths(name).solution.parent, Paths(name).hidden):
        target = tmp_path / part.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if part.is_dir() else shutil.copy)(part, target)
    made = tree(release(name, tmp_path))
    committed = tree(ROOT / "labs" / name)
    committed = {path: content for path, content in committed.items() if "__pycache__" not in path}
    assert sorted(made) == sorted(committed), "run `python -m grading release`"
    assert made == committed, "run `python -m grading release`"


@every_lab
def test_a_release_holds_no_solution_no_output_and_no_hidden_test(name):
    lab = load(name)
    notebook = nbformat.read(lab.paths.released, as_version=4)
    nbformat.validate(notebook)
    assert not [cell.id for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
    text = "\n".join(content.decode("utf-8", "replace") for content in tree(lab.paths.released.parent).values())
    assert not re.search(r"BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)|END SOLUTION|grading[./]", text)
    for exercise in lab.notebook.exercises:
        for test in lab.hidden.tests(exercise.name):
            assert test.__name__ not in [public.__name__ for public in lab.public.tests(exercise.name)]
            assert f"def {test.__name__}(" not in text


@every_lab
def test_cells_that_nobody_should_edit_are_locked_and_answers_are_not(name):
    for cell in nbformat.read(Paths(name).released, as_version=4).cells:
        marks = cell.metadata.get("nbgrader", {})
        assert (cell.metadata.get("editable") is False) == bool(marks.get("locked")), cell.id


def test_the_page_of_the_labs_says_what_the_notebooks_say():
    assert (ROOT / "book" / "labs.md").read_text("utf-8") == pages.text(), "run `python -m grading release`"


def test_every_lab_is_a_page_of_the_book():
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))["parts"]
    (chapter,) = next(part for part in parts if part["caption"] == "Labs")["chapters"]
    assert chapter["file"] == "book/labs"
    assert [section["file"] for section in chapter["sections"]] == [f"labs/{name}/{name}" for name in labs()]


class TestTool:
    @pytest.fixture
    def lab(self, tmp_path):
        return tiny_lab.make(tmp_path)

    def test_two_releases_have_the_same_bytes_also_over_an_edited_one(self, lab):
        first = tree(release("lab01", lab.root))
        assert sorted(first) == ["checks.py", "lab01.ipynb"]
        lab.released.write_text("edited", "utf-8")
        lab.released.with_name("left_over.py").write_text("", "utf-8")
        assert tree(release("lab01", lab.root)) == first
        assert not filecmp.cmp(lab.released, lab.solution, shallow=False)

    def test_no_gradebook_is_made(self, lab):
        release("lab01", lab.root)
        assert not list(lab.root.rglob("*.db"))

    @pytest.mark.parametrize("stranger", ["hidden_tests.py", "notes.txt", "data/x.csv", "lab01_old.ipynb"])
    def test_a_file_that_is_not_for_students_is_refused(self, lab, stranger):
        path = lab.solution.parent / stranger
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}", "utf-8")
        with pytest.raises(LabError, match="which nbgrader would give to students"):
            release("lab01", lab.root)
        assert not lab.released.exists()

    def test_pictures_and_what_editors_leave_behind_are_no_strangers(self, lab):
        for name in ("network.svg", "__pycache__/checks.pyc", ".ipynb_checkpoints/lab01-checkpoint.ipynb"):
            path = lab.solution.parent / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("{}", "utf-8")
        assert sorted(tree(release("lab01", lab.root))) == ["checks.py", "lab01.ipynb", "network.svg"]

    def test_a_lab_that_is_not_there_names_those_that_are(self, lab):
        with pytest.raises(LabError, match="there is no lab 'lab02' in solutions/; there are: lab01"):
            release("lab02", lab.root)


class TestFaults:
    """What is not in order is refused before anything is released, with the cell and the remedy."""

    @pytest.fixture
    def lab(self, tmp_path):
        return tiny_lab.make(tmp_path)

    def refused(self, lab, change=None) -> str:
        if change:
            tiny_lab.edit(lab.solution, change)
        with pytest.raises(LabError) as caught:
            release("lab01", lab.root)
        assert not lab.released.exists()
        return str(caught.value)

    @pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"cells": [], "nbformat": 4, "nbformat_minor": 5}'])
    def test_what_is_no_notebook(self, lab, text):
        lab.solution.write_text(text, "utf-8")
        assert "is not a notebook" in self.refused(lab)

    def test_a_missing_notebook(self, lab):
        lab.solution.unlink()
        assert "`python -m grading new lab01` makes a lab" in self.refused(lab)

    def test_an_old_format(self, lab):
        content = json.loads(lab.solution.read_text("utf-8"))
        lab.solution.write_text(json.dumps({**content, "nbformat_minor": 4}), "utf-8")
        assert "is of format 4.4, which has no cell ids" in self.refused(lab)

    def test_no_metadata(self, lab):
        def change(notebook, cells):
            for cell in notebook.cells:
                cell.metadata.clear()

        assert "has no nbgrader metadata" in self.refused(lab, change)

    def test_ids_that_occur_twice_say_nothing_or_differ(self, lab):
        def change(notebook, cells):
            cells["title"].metadata.nbgrader.grade_id = "setup"
            cells["essay-task"]["id"] = cells["essay-task"].metadata.nbgrader.grade_id = "deadbeef"
            cells["essay"].metadata.nbgrader.grade_id = "other"

        tiny_lab.edit(lab.solution, change)
        content = json.loads(lab.solution.read_text("utf-8"))
        content["cells"][0]["id"] = "setup"  # here, since nbformat would not write it
        lab.solution.write_text(json.dumps(content), "utf-8")
        message = self.refused(lab)
        assert "the cell id 'setup' occurs 2 times" in message
        assert "the grade_id 'setup' occurs 2 times" in message
        assert "the cell id 'deadbeef' tells a reader nothing" in message
        assert "cell 'essay' has the grade_id 'other'" in message

    @pytest.mark.parametrize("points", [0, -1, None])
    def test_points_that_are_none(self, lab, points):
        def change(notebook, cells):
            cells["mean_square-check"].metadata.nbgrader.points = points
            if points is None:
                del cells["mean_square-check"].metadata.nbgrader["points"]

        message = self.refused(lab, change)
        assert "a graded cell needs more than 0" in message
        assert "the task of 'mean_square' promises 2 points" in message

    def test_a_check_without_an_answer_and_an_answer_without_a_check(self, lab):
        def change(notebook, cells):
            check = cells["mean_square-check"]
            check["id"] = check.metadata.nbgrader.grade_id = "mean-check"

        message = self.refused(lab, change)
        assert "answer 'mean_square' has no check cell 'mean_square-check'" in message
        assert "check 'mean-check' has no answer cell" in message

    def test_a_check_that_does_more(self, lab):
        def change(notebook, cells):
            cells["mean_square-check"].source += "; print(1)"

        assert 'must hold check("mean_square") and nothing else' in self.refused(lab, change)

    @pytest.mark.parametrize("mark", ["### BEGIN SOLUTION", "### END SOLUTION"])
    def test_an_answer_without_its_marks(self, lab, mark):
        def change(notebook, cells):
            cells["mean_square"].source = cells["mean_square"].source.replace(mark, "")

        assert "needs lines ### BEGIN SOLUTION and ### END SOLUTION" in self.refused(lab, change)

    def test_an_answer_that_is_no_python(self, lab):
        def change(notebook, cells):
            cells["mean_square"].source += "\n%time"

        assert "answer 'mean_square' is not plain Python: line 7" in self.refused(lab, change)

    def test_a_task_that_does_not_say_its_effort_and_one_that_is_missing(self, lab):
        def change(notebook, cells):
            cells["mean_square-task"].source = "## Exercise 1"
            notebook.cells.remove(cells["essay-task"])

        message = self.refused(lab, change)
        assert "'mean_square' needs a cell 'mean_square-task' with a heading and a line like: Difficulty" in message
        assert "'essay' needs a cell 'essay-task'" in message

    @pytest.mark.parametrize("effort", ["15 minutes, 7", "30 minutes, 6"])
    def test_a_first_cell_that_promises_something_else_than_the_tasks(self, lab, effort):
        def change(notebook, cells):
            cells["title"].source = cells["title"].source.replace("15 minutes, 6", effort)

        assert "the tasks add up to 15 minutes and 6 points" in self.refused(lab, change)

    def test_a_first_cell_without_its_paragraph_and_a_setup_that_is_not_locked(self, lab):
        def change(notebook, cells):
            cells["title"].source = "# A lab"
            cells["setup"].metadata.nbgrader.locked = False

        message = self.refused(lab, change)
        assert "the first cell needs a heading and a paragraph like: *About 90 minutes" in message
        assert "the first code cell must be the locked cell 'setup'" in message

    def test_a_question_in_a_code_cell_and_an_old_schema(self, lab):
        def change(notebook, cells):
            essay = nbformat.v4.new_code_cell("1", id="essay", metadata=cells["essay"].metadata)
            notebook.cells[-1] = essay
            cells["title"].metadata.nbgrader.schema_version = 2

        message = self.refused(lab, change)
        assert "so it must be a markdown cell" in message
        assert "cell 'title' has schema_version 2; nbgrader 0.9 writes 3" in message

    @pytest.mark.parametrize("part", ["public", "hidden"])
    def test_an_exercise_without_tests_and_tests_without_an_exercise(self, lab, part):
        path = getattr(lab, part)
        path.write_text(path.read_text("utf-8").replace('test("mean_square"', 'test("mean"'), "utf-8")
        message = self.refused(lab)
        assert f"exercise 'mean_square' has no {part} test" in message
        assert "tests of 'mean', which is no exercise; there are mean_square" in message

    @pytest.mark.parametrize(("part", "variable"), [("public", "checks"), ("hidden", "hidden")])
    def test_tests_that_are_missing_or_of_another_lab(self, lab, part, variable):
        path = getattr(lab, part)
        path.write_text(path.read_text("utf-8").replace('Checks("lab01")', 'Checks("lab02")'), "utf-8")
        assert f"must define {variable} = Checks('lab01')" in self.refused(lab)
        path.unlink()
        assert f"it must define {variable} = Checks('lab01')" in self.refused(lab)

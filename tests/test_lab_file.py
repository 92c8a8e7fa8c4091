"""The notebook that `effdl check` is given: where it is, whether it is one, and what happened to its cells."""

import json
from copy import deepcopy

import pytest
import tiny_lab
from tiny_lab import refused

from effdl_lite.checking.notebook import DELETE_COPY, DELETE_LOCKED, PUT_BACK, find, read


def notes(lab, change) -> list[str]:
    """What a read says of a notebook after a change."""
    tiny_lab.edit(lab, change)
    return read(lab).notes


def twin(notebook, cell, **changes):
    """A copy of a cell at the end of the notebook, as an older editor pastes it, with all of its metadata."""
    copy = deepcopy(cell)
    copy["id"] = f"twin-{len(notebook.cells)}"
    copy.update(changes)
    notebook.cells.append(copy)
    return copy


class TestDamage:
    def test_an_untouched_lab_has_no_notes(self, lab):
        file = read(lab)
        assert file.notes == []
        assert file.exercises == list(file.points) == list(file.answers) == ["mean_square"]

    def test_deleted_cells_are_named_with_the_way_to_get_them_back_and_keep_the_place_of_their_exercise(self, lab):
        tests = lab.with_name("checks.py")
        source = tests.read_text("utf-8")
        first = source[source.index("@checks.test") :].replace('"mean_square"', '"first"')
        tests.write_text(source.replace("@checks.test", f"{first}\n\n@checks.test", 1), "utf-8")

        assert notes(lab, lambda notebook, cells: notebook.cells.remove(cells["mean_square-check"])) == [
            f"the answer cell of first was deleted; {PUT_BACK}",
            f"the check cell of first, mean_square was deleted; its tests ran all the same; {PUT_BACK}",
        ]
        assert read(lab).exercises == ["first", "mean_square"]

    @pytest.mark.parametrize("changes", [{"source": "check('other')"}, {"source": ""}, {"cell_type": "raw"}])
    def test_an_edited_check_cell_is_noted(self, lab, changes):
        def edit(notebook, cells):
            cells["mean_square-check"].update(changes)

        assert notes(lab, edit) == ["the check cell of mean_square was edited; the check that ran is the released one"]

    def test_identical_copies_are_noted_with_the_way_to_delete_one(self, lab):
        def paste(notebook, cells):  # as JupyterLab 4.6 does it
            del twin(notebook, cells["mean_square"], source=cells["mean_square"].source + "\n").metadata["deletable"]

        assert notes(lab, paste) == [f"the cell mean_square is there 2 times; in JupyterLab, {DELETE_COPY}"]

    def test_where_all_copies_are_locked_the_way_goes_by_the_metadata(self, lab):
        (note,) = notes(lab, lambda notebook, cells: twin(notebook, cells["mean_square-check"]))
        assert note == f"the cell mean_square-check is there 2 times; in JupyterLab, {DELETE_LOCKED}"

    def test_copies_that_differ_are_refused(self, lab):
        tiny_lab.edit(lab, lambda notebook, cells: twin(notebook, cells["mean_square"], source="def mean_square(): 1"))
        line = refused("lab01")
        assert "has the cell mean_square 2 times, with different content, and only one can count" in line
        assert line.endswith(f"bring what should stay into each of them, then, in JupyterLab, {DELETE_LOCKED}")

    def test_lost_metadata(self, lab):
        def lose(notebook, cells):
            for cell in notebook.cells:
                cell.metadata.clear()

        tiny_lab.edit(lab, lose)
        assert "its metadata (nbgrader) are lost; copy your answers" in refused("lab01")

    @pytest.mark.parametrize("text", ["", "no JSON", "[1, 2]", '{"cells": [{"source": "x"}]}', '{"cells": 3}'])
    def test_what_is_no_notebook(self, lab, text):
        lab.write_text(text, "utf-8")
        line = refused("lab01")
        assert "is damaged, it is not a notebook that Jupyter would open" in line
        assert line.endswith("begin with a fresh copy of the lab")

    def test_bytes_that_are_no_text(self, lab):
        lab.write_bytes(b"\xff\xfe\x00")
        assert "is not a notebook" in refused("lab01")

    def test_marks_without_a_name_or_points_do_not_stop_the_check(self, lab):
        def strip(notebook, cells):
            del cells["mean_square-check"].metadata["nbgrader"]["points"]
            del cells["essay"].metadata["nbgrader"]["grade_id"]

        tiny_lab.edit(lab, strip)
        assert read(lab).points == {"mean_square": "?"}

    def test_checks_are_missing(self, lab):
        lab.with_name("checks.py").unlink()
        assert "checks.py is missing beside" in refused("lab01")

    def test_checks_of_another_lab(self, lab):
        checks = lab.with_name("checks.py")
        checks.write_text(checks.read_text("utf-8").replace('test("mean_square"', 'test("other"'), "utf-8")
        line = refused("lab01")
        assert "are of different labs (one has mean_square, the other other)" in line
        assert line.endswith("put notebook and checks.py of one lab together into a folder")


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
        monkeypatch.chdir(folder)
        assert find("lab01").resolve() == lab.resolve()

    def test_a_folder_with_one_notebook_stands_for_it(self, lab):
        assert find(str(lab.parent)).resolve() == lab.resolve()

    @pytest.mark.parametrize("name", ["", "  "])
    def test_no_name(self, lab, name):
        assert refused(name) == "name a lab, as in `effdl check lab01`; found here: labs/lab01/lab01.ipynb"

    def test_a_folder_without_a_notebook_or_with_several(self, lab):
        assert refused("labs").startswith("labs is a folder with no notebook in it; name a notebook; found here: ")
        lab.with_name("other.ipynb").write_text(json.dumps({}), "utf-8")
        assert refused(str(lab.parent)).startswith(f"{lab.parent} is a folder with several notebooks in it; name a")

    def test_a_file_of_another_kind(self, lab):
        tests = str(lab.with_name("checks.py"))
        expected = f"{tests} is no notebook; name a lab, as in `effdl check lab01`, or its file (.ipynb)"
        assert refused(tests) == expected

"""What is taken from a student's notebook: the answers, wherever they went, and nothing else. No code runs here."""

import contextlib
import copy
import json

import attack_lab
import nbformat
import pytest
from attack_lab import COUNTER, RIGHT
from editors import EDITORS, saved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading.normalise import normalise, released_cells
from grading.submitted import MOST_BYTES, MOST_CELLS, MOST_NODES, Refused, read
from grading.suite import Paths, labs

OWN = "answer_to_all = 42"
ESSAY = "Because zeros are cheap: $a < b$."


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return attack_lab.make(tmp_path_factory.mktemp("normalised"))


@pytest.fixture(scope="module")
def released(lab):
    return released_cells(lab.paths.released)


@pytest.fixture
def notebook(lab):
    """A student's, as JSON, with both answers, the essay, and an own cell."""
    made = attack_lab.handed_in(lab, RIGHT, COUNTER, OWN)
    made.cells[-1].source = ESSAY
    return json.loads(nbformat.writes(made))


def cell(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def normal(released, notebook):
    content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    return normalise(released, content)


def code(normalised):
    return {cell.name: cell.source for cell in normalised.cells}


def text(normalised, name):
    return "".join(cell(normalised.notebook, name)["source"])


def complete(normalised, *flags):
    """All answers are there, and so are these flags and no other."""
    assert code(normalised)["mean_square"].strip() == RIGHT.strip()
    assert code(normalised)["counter"].strip() == COUNTER.strip()
    assert text(normalised, "essay") == ESSAY
    assert len(normalised.flags) == len(flags), normalised.flags
    for flag, expected in zip(normalised.flags, flags, strict=True):
        assert expected in flag


def without_names(notebook):
    for each in notebook["cells"]:
        each["metadata"] = {}


def without_ids(notebook):
    notebook["nbformat_minor"] = 4
    for each in notebook["cells"]:
        del each["id"]


class TestHonest:
    def test_answers_and_own_code_are_put_into_the_released_notebook(self, released, notebook):
        found = normal(released, notebook)
        complete(found)
        assert list(code(found)) == ["own cell 1", "mean_square", "counter"]
        nbformat.validate(nbformat.from_dict(found.notebook))
        kept = [each for each in found.notebook["cells"] if not each["id"].startswith("own-")]
        for mine, theirs in zip(kept, released[0]["cells"], strict=True):
            assert mine["metadata"] == theirs["metadata"]
            assert mine["id"] in ("mean_square", "counter", "essay") or mine == theirs

    def test_the_release_itself_has_no_flag_and_stubs(self, released, lab):
        found = normal(released, lab.paths.released.read_bytes())
        assert not found.flags
        assert all("NotImplementedError" in source for source in code(found).values())

    @pytest.mark.parametrize("minor", [0, 2, 3, 4])
    def test_older_formats_without_ids(self, released, notebook, minor):
        without_ids(notebook)
        notebook["nbformat_minor"] = minor
        complete(normal(released, notebook))

    def test_metadata_lost_and_ids_kept(self, released, notebook):
        without_names(notebook)
        complete(
            normal(released, notebook), *[f"cell of {name} had lost" for name in ("mean_square", "counter", "essay")]
        )

    def test_metadata_and_ids_lost(self, released, notebook):
        without_names(notebook)
        without_ids(notebook)
        found = normal(released, notebook)
        complete(found, *[f"cell of {name} had lost" for name in ("mean_square", "counter", "essay")])
        assert list(code(found)) == ["own cell 1", "mean_square", "counter"], "given cells are no own ones"

    def test_another_order_of_cells(self, released, notebook):
        notebook["cells"].reverse()
        complete(normal(released, notebook))

    def test_lists_of_lines_and_windows_line_ends(self, released, notebook):
        for each in notebook["cells"]:
            each["source"] = [line + "\r\n" for line in "".join(each["source"]).rstrip("\n").split("\n")]
        found = normal(released, notebook)
        assert not found.flags
        assert code(found)["mean_square"] == RIGHT.rstrip("\n") + "\n"

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_a_byte_order_mark(self, released, notebook, encoding):
        complete(normal(released, json.dumps(notebook, ensure_ascii=False).encode(encoding)))

    def test_an_editor_s_own_metadata_and_outputs(self, released, notebook):
        notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "nothing"}, "vscode": 1}
        for each in notebook["cells"]:
            each["metadata"]["colab"] = {"base_uri": "x"}
            if each["cell_type"] == "code":
                each["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
                each["execution_count"] = 7
        found = normal(released, notebook)
        complete(found)
        assert found.notebook["metadata"] == released[0]["metadata"]
        assert all(not each.get("outputs") for each in found.notebook["cells"])

    def test_an_answer_in_a_cell_of_one_s_own(self, released, notebook):
        source = cell(notebook, "mean_square")["source"]
        notebook["cells"].remove(cell(notebook, "mean_square"))
        notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": source, "id": "a1b2"})
        complete(normal(released, notebook), "mean_square had lost its name")

    def test_an_own_cell_after_the_last_one(self, released, notebook):
        notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "later = 1"})
        found = normal(released, notebook)
        complete(found)
        assert list(code(found))[-1] == "own cell 2"


@pytest.mark.parametrize("editor", EDITORS)
@pytest.mark.parametrize("name", labs())
def test_what_an_editor_does_to_a_lab_costs_nobody_an_answer(name, editor):
    """The answers of the solution, in the notebook as students have it, saved by that editor."""
    paths = Paths(name)
    released = released_cells(paths.released)
    plain = normalise(released, paths.solution.read_bytes())
    found = normalise(released, saved(plain.notebook, editor))
    assert {name: source.strip() for name, source in code(found).items()} == {
        name: source.strip() for name, source in code(plain).items()
    }
    answers = [cell.name for cell in released[1] if cell.answered]
    assert {each: text(found, each).strip() for each in answers} == {
        each: text(plain, each).strip() for each in answers
    }
    assert all("had lost its name and was found all the same" in flag for flag in found.flags)
    assert bool(found.flags) == (editor == "colab_without_names")


class TestAccidents:
    def test_a_deleted_answer(self, released, notebook):
        notebook["cells"].remove(cell(notebook, "counter"))
        found = normal(released, notebook)
        assert found.flags == ["the cell of counter was not found"]
        assert "NotImplementedError" in code(found)["counter"]

    @pytest.mark.parametrize("name", ["mean_square-check", "setup", "title"])
    def test_a_deleted_given_cell_is_back(self, released, notebook, name):
        notebook["cells"].remove(cell(notebook, name))
        found = normal(released, notebook)
        complete(found)
        assert text(found, name)

    def test_a_copied_answer(self, released, notebook):
        notebook["cells"].append(copy.deepcopy(cell(notebook, "counter")))
        complete(normal(released, notebook), "the cell of counter is there 2 times")

    def test_an_untouched_copy_does_not_count(self, released, notebook):
        stub = copy.deepcopy(next(each for each in released[0]["cells"] if each["id"] == "counter"))
        notebook["cells"].append(stub)
        complete(normal(released, notebook), "the cell of counter is there 2 times")

    def test_of_two_different_copies_the_last_counts(self, released, notebook):
        other = {**copy.deepcopy(cell(notebook, "mean_square")), "source": "mean_square = None"}
        notebook["cells"].insert(0, other)
        complete(normal(released, notebook), "is there 2 times; the last one counts")

    @pytest.mark.parametrize("kind", ["markdown", "raw", "nothing", None])
    def test_an_answer_in_a_cell_of_another_kind(self, released, notebook, kind):
        cell(notebook, "mean_square")["cell_type"] = kind
        complete(normal(released, notebook), "is no longer of kind code")

    def test_a_changed_setup_is_own_code_after_the_lab_s(self, released, notebook):
        cell(notebook, "setup")["source"] += "\nimport numpy as np"
        found = normal(released, notebook)
        complete(found, "the given cell setup was changed")
        assert "numpy" in code(found)["own cell 1"]
        assert "numpy" not in text(found, "setup")

    def test_a_changed_check_and_points(self, released, notebook):
        check = cell(notebook, "mean_square-check")
        check["source"] = "pass"
        check["metadata"]["nbgrader"]["points"] = 1000
        found = normal(released, notebook)
        complete(found, "the given cell mean_square-check was changed")
        assert cell(found.notebook, "mean_square-check")["metadata"]["nbgrader"]["points"] == 2

    def test_names_that_nobody_knows(self, released, notebook):
        notebook["cells"].append({"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "x"}}, "source": "y = 1"})
        complete(normal(released, notebook), "1 cells have names that the lab does not know")

    @pytest.mark.parametrize("value", [None, 5, "x", [], {"grade_id": 5}, {"grade_id": ["a"]}, {"grade_id": None}])
    def test_metadata_of_any_kind(self, released, notebook, value):
        cell(notebook, "mean_square")["metadata"]["nbgrader"] = value
        complete(normal(released, notebook), "mean_square had lost its name")

    @pytest.mark.parametrize("marks", [{"schema_version": 99}, {"grade": True}, {"solution": False}, {"points": -1}])
    def test_marks_that_were_changed_count_for_nothing(self, released, notebook, marks):
        cell(notebook, "mean_square")["metadata"]["nbgrader"] |= marks
        complete(normal(released, notebook))

    def test_a_tag_that_skips_a_check(self, released, notebook):
        for each in notebook["cells"]:
            each["metadata"]["tags"] = ["skip-execution", "raises-exception"]
        found = normal(released, notebook)
        complete(found)
        assert "skip-execution" not in json.dumps(found.notebook)

    @pytest.mark.parametrize("wrong", [5, None, {"a": 1}, [1, None], [["x"]]])
    def test_a_source_that_is_no_text(self, released, notebook, wrong):
        cell(notebook, "counter")["source"] = wrong
        assert code(normal(released, notebook))["counter"] == ""

    @pytest.mark.parametrize("wrong", [5, None, "x", []])
    def test_a_cell_that_is_none(self, released, notebook, wrong):
        notebook["cells"].insert(0, wrong)
        complete(normal(released, notebook))

    def test_the_same_id_for_all(self, released, notebook):
        for each in notebook["cells"]:
            each["id"] = "same"
        complete(normal(released, notebook))


REFUSED = {
    "no notebook at all": (b"PK\x03\x04 something", "damaged|UTF-8"),
    "empty": (b"", "damaged"),
    "cut off": (b'{"cells": [{"cell_type": "code", "source": "x', "damaged"),
    "conflict of git": (b'<<<<<<< HEAD\n{"cells": []}\n', "damaged"),
    "latin-1": ('{"cells": ["é"]}'.encode("latin-1"), "UTF-8"),
    "a web page": (b"<!DOCTYPE html><html></html>", "damaged"),
    "a list": (b"[]", "holds no list of cells"),
    "no cells": (b'{"nbformat": 4}', "its format is 4"),
    "format 3": (b'{"nbformat": 3, "worksheets": [{"cells": []}]}', "its format is 3"),
    "cells that are no list": (b'{"cells": {"a": 1}}', "holds no list"),
    "too deep": (b"[" * 400_000, "too deep"),
    "too many entries": (b"[" + b"1," * (MOST_NODES + 1) + b"1]", "more than 1,000,000 entries"),
    "too many cells": (b'{"cells": [' + b"1," * MOST_CELLS + b"1]}", "2,001 cells"),
    "too long": (b" " * (MOST_BYTES + 1), "clear its outputs"),
    "a cell that is too long": (json.dumps({"cells": [{"source": "x" * 2_000_000}]}).encode(), "2,000,000 characters"),
    "a number of 5,000 digits": (b'{"cells": [' + b"1" * 5000 + b"]}", "damaged"),
    "half of a UTF-16 character": (b"\xff\xfe{", "UTF-8|damaged|text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_words(name):
    content, reason = REFUSED[name]
    with pytest.raises(Refused, match=reason) as refused:
        read(content)
    assert len(str(refused.value)) < 300


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
NAMES = st.sampled_from(["mean_square", "counter", "setup", "essay", "mean_square-check", "unknown"]) | JSON
CELLS = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | JSON,
        "source": st.sampled_from([RIGHT, COUNTER, "x = 1"]) | JSON,
        "id": NAMES,
        "metadata": st.fixed_dictionaries({"nbgrader": st.fixed_dictionaries({"grade_id": NAMES}) | JSON}) | JSON,
    },
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELLS | JSON, max_size=8))
def test_whatever_the_cells_are_the_lab_stays_as_it_was_released(released, cells):
    before = copy.deepcopy(released[0])
    found = normal(released, {"cells": cells, "nbformat": 4})
    assert released[0] == before
    kept = [each for each in found.notebook["cells"] if not each["id"].startswith("own-")]
    assert [each["id"] for each in kept] == [each["id"] for each in before["cells"]]
    for mine, theirs in zip(kept, before["cells"], strict=True):
        assert mine["metadata"] == theirs["metadata"]
        assert mine["id"] in ("mean_square", "counter", "essay") or mine == theirs
    assert [each.name for each in found.cells if not each.name.startswith("own")] == ["mean_square", "counter"]
    assert all(type(each.source) is str for each in found.cells)
    json.dumps(found.notebook).encode("ascii")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happens_to_the_bytes_there_is_a_result_or_a_reason(released, lab, data):
    content = bytearray(lab.paths.released.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 200))] = data.draw(st.binary(max_size=20))
    with contextlib.suppress(Refused):
        normalise(released, bytes(content))

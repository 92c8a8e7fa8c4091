"""Answers that are alike: what a copy cannot hide, what tells nothing, and a page where nothing of a student acts."""

import json

import pytest
import tiny_lab

from grading import LabError, similar_page
from grading.similarity import compare, expected, normal
from grading.suite import load

UNUSUAL = '''def mean_square(weight):
    """Adds up, one after another."""
    total, number = 0.0, 0
    for entry in weight.reshape(-1).unbind():
        total = total + entry * entry  # the square
        number += 1
    return total / max(number, 1)
'''
HIDDEN_COPY = """def mean_square(weight):
    # my own idea <script>alert(1)</script>
    s, n = 0.0, 0

    for x in weight.reshape(-1).unbind():
        s = s + x * x
        n += 1
    return s / max(n, 1)
"""
ANOTHER = """def mean_square(weight):
    flat = torch.cat([row.flatten() for row in weight.split(1)])
    power = flat.abs().pow(2)
    return torch.stack([power.sum(), power.new_tensor(0.0)]).sum().div(power.shape[0])
"""
USUAL = "def mean_square(weight):\n    return weight.square().mean()"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("similar")
    tiny_lab.make(root)
    return load("lab01", root)


def written(folder, *answers, names="abcdefghijklmnop"):
    for name, source in zip(names, answers, strict=False):
        path = folder / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"cells": [{"cell_type": "code", "id": "mean_square", "source": [source]}]}))
    return folder


def test_a_copy_under_other_names_is_found_and_another_idea_is_not(lab, tmp_path):
    (found,) = compare(lab, written(tmp_path, UNUSUAL, HIDDEN_COPY, ANOTHER), 0.8)
    assert [(pair.students, pair.share) for pair in found.pairs] == [(("a", "b"), 1.0)]
    assert found.between == ("a", "b", "c")
    assert found.rate == pytest.approx(1 / 3)


def test_the_usual_answer_tells_nothing(lab, tmp_path):
    """Neither the solution, a right answer of the bank, the untouched cell nor what many wrote."""
    bank = "def mean_square(w):\n    return w.flatten() @ w.flatten() / w.numel()"
    (found,) = compare(lab, written(tmp_path, USUAL, USUAL, bank, bank, lab.notebook.exercises[0].stub), 0.8)
    assert (found.answers, found.between, found.pairs) == (4, (), [])
    assert found.plain == 2
    (found,) = compare(lab, written(tmp_path, *[UNUSUAL] * 4), 0.8)
    assert (found.between, found.plain) == ((), 6)


def test_no_python_is_compared_all_the_same():
    assert normal("def f(:\n  'x") == ["def", "f", "(", ":", "'", "x"]
    assert normal("def f(x): return 1") == normal("def g(long_name):  # words\n    'more'\n    return 1")


def test_how_many_one_would_expect(lab, tmp_path):
    """Two exercises, in each of which one pair of three is alike: by chance 2/3 of a pair is in at least one ... ."""
    (found,) = compare(lab, written(tmp_path, UNUSUAL, HIDDEN_COPY, ANOTHER), 0.8)
    rows = expected([found, found])
    assert [row[:2] for row in rows] == [(1, 1), (2, 1), (3, 0)]
    assert [row[2] for row in rows] == pytest.approx([3 * (1 - (2 / 3) ** 2), 3 / 9, 0])


def test_the_page_is_a_hint_and_nothing_in_it_acts(lab, tmp_path):
    written(tmp_path, UNUSUAL, HIDDEN_COPY, names=["a", "<b>&"])
    page = similar_page.write(lab, tmp_path, 0.8).read_text("utf-8")
    assert "a hint to look, and no verdict" in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;&amp;" in page
    assert "<script" not in page
    assert "=     return total / max(number, 1)" in page


def test_too_few(lab, tmp_path):
    with pytest.raises(LabError, match="holds 0 notebooks; two are needed"):
        compare(lab, tmp_path, 0.8)

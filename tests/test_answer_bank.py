"""Each lab's answer bank: every wrong answer rejected, every right one accepted; and the tool that says so."""

import pytest
import tiny_lab

from grading import LabError
from grading.coverage import table, try_bank
from grading.suite import labs, load


@pytest.mark.parametrize("name", labs())
def test_the_bank_of_a_lab_is_covered(name):
    covered = try_bank(load(name))
    print("\n".join(table(name, covered)))
    assert not [f"{coverage.exercise}: {problem}" for coverage in covered for problem in coverage.problems]


@pytest.fixture
def lab(tmp_path):
    return tiny_lab.make(tmp_path)


def coverage(paths):
    (covered,) = try_bank(load(paths.name, paths.root))
    return covered


def test_a_good_bank_is_counted_and_has_no_problem(lab):
    covered = coverage(lab)
    assert not covered.problems
    assert (covered.wrong, covered.hidden, covered.right, covered.accepted, covered.stub) == (7, 7, 2, 2, True)
    assert covered.public == 4, "one number does not tell a detached result, magnitudes or a constant"
    lines = list(table("lab01", [covered]))
    assert lines[-1].split() == ["mean_square", "7/7", "4/7", "2/2", "ok"]


def test_a_wrong_answer_that_survives_is_reported_with_what_it_does(lab):
    tiny_lab.add_wrong(lab, "generous", "weight.square().mean() * (1 + 1e-9)", "adds next to nothing")
    covered = coverage(lab)
    assert covered.problems == ["wrong answer generous (adds next to nothing) survives the hidden tests"]
    assert (covered.hidden, covered.wrong) == (7, 8)


def test_a_right_answer_that_is_refused_is_reported_with_the_reason(lab):
    tiny_lab.append(
        lab.answers, '\n\n@right("mean_square")\ndef half(weight):\n    """halves"""\n    return weight / 2\n'
    )
    public, hidden = coverage(lab).problems
    assert public.startswith("right answer half (halves) is refused by a public test: ")
    assert hidden.startswith("right answer half (halves) is refused by a hidden test: ")


def test_a_stub_that_fails_in_another_way_is_reported(lab):
    def stop(notebook, cells):
        cell = cells["mean_square"]
        cell.source = cell.source.replace("    ### BEGIN", "    weight.nothing\n    ### BEGIN")

    tiny_lab.edit(lab.solution, stop)
    covered = coverage(lab)
    assert not covered.stub
    assert any("the untouched stub must be 'not answered' to two_numbers" in problem for problem in covered.problems)


def test_a_test_that_a_stub_passes_is_reported(lab):
    tiny_lab.append(lab.hidden, '\n\n@hidden.test("mean_square")\ndef idle(S):\n    """nothing"""\n')
    (problem,) = coverage(lab).problems
    assert problem == "the untouched stub must be 'not answered' to idle; instead: it passed"


def test_a_solution_that_fails_its_own_tests_is_reported(lab):
    def double(notebook, cells):
        cells["mean_square"].source = cells["mean_square"].source.replace("squares.mean()", "2 * squares.mean()")

    tiny_lab.edit(lab.solution, double)
    assert any(problem.startswith("the solution itself fails: ") for problem in coverage(lab).problems)


def test_too_few_answers_are_reported(lab):
    text = lab.answers.read_text("utf-8")
    lab.answers.write_text(text.split('@wrong("mean_square")\ndef wrong_4')[0], "utf-8")
    assert coverage(lab).problems == ["5 wrong and 1 right answers; at least 6 and 2 are needed"]


@pytest.mark.parametrize("result", ["no_such_name", "__import__('no_such_module')"])
def test_a_slip_in_the_bank_does_not_count_as_a_rejection(lab, result):
    tiny_lab.add_wrong(lab, "slip", result)
    (problem,) = coverage(lab).problems
    assert problem.startswith("wrong answer slip is rejected, but not for what it does wrong: ")


def test_a_test_that_stumbles_does_not_count_as_a_rejection(lab):
    tiny_lab.append(
        lab.hidden,
        '\n\n@hidden.test("mean_square")\ndef stumbles(S):\n    """its shape"""\n'
        '    close(S.mean_square(torch.ones(2)).dim(), 0, "the dimension")\n',
    )
    tiny_lab.add_wrong(lab, "text", "'1' if weight.min() == 1 else weight.square().mean()")
    (problem,) = coverage(lab).problems
    assert "test stumbles itself stopped with AttributeError: 'str' object has no attribute 'dim'" in problem


def test_an_answer_replaces_the_function_for_those_that_call_it(lab):
    """A student's second function calls the student's first one, not the solution's."""

    def second(notebook, cells):
        body = "    ### BEGIN SOLUTION\n    return mean_square(weight).sqrt()\n    ### END SOLUTION"
        cells["mean_square"].source += f"\n\n\ndef root(weight):\n{body}"

    tiny_lab.edit(lab.solution, second)
    tiny_lab.append(
        lab.hidden,
        '\n\n@hidden.test("mean_square")\ndef its_root(S):\n    """the root"""\n'
        '    close(S.root(torch.ones(3) * 2), 2.0, "the root")\n',
    )
    tiny_lab.add_wrong(lab, "wrong_for_threes", "weight.square().mean() + (weight.numel() == 3)")
    tiny_lab.append(
        lab.answers,
        '\n\n@wrong("mean_square", function="root")\ndef no_root(weight):\n    """no root"""\n'
        "    return mean_square(weight)\n",
    )
    assert not coverage(lab).problems


class TestBankFile:
    def refused(self, lab, text):
        tiny_lab.append(lab.answers, "\n\n" + text)
        with pytest.raises(LabError) as caught:
            try_bank(load(lab.name, lab.root))
        return str(caught.value)

    def test_an_answer_to_an_unknown_exercise(self, lab):
        text = '@wrong("mean")\ndef other(weight):\n    """x"""\n'
        assert "answers/lab01.py: other answers 'mean', which is no exercise" in self.refused(lab, text)

    def test_an_answer_for_an_unknown_function(self, lab):
        text = '@wrong("mean_square", function="mean")\ndef other(weight):\n    """x"""\n'
        assert "replaces 'mean', but mean_square defines mean_square" in self.refused(lab, text)

    def test_an_answer_with_other_arguments(self, lab):
        text = '@wrong("mean_square")\ndef other(x, y):\n    """x"""\n'
        assert "takes (x, y), but mean_square takes (weight)" in self.refused(lab, text)

    @pytest.mark.parametrize("text", ["def other(weight): pass\n", '@wrong("mean_square")\ndef other(weight): pass\n'])
    def test_an_answer_without_a_mark_or_words(self, lab, text):
        assert "needs one @wrong(...) or @right(...), and a docstring" in self.refused(lab, text)

    def test_an_answer_that_cannot_be_defined(self, lab):
        text = '@wrong("mean_square")\ndef other(weight: Tensor):\n    """x"""\n'
        assert "lab01.py: other cannot run: NameError: name 'Tensor' is not defined" in self.refused(lab, text)

    def test_no_bank_at_all(self, lab):
        lab.answers.unlink()
        with pytest.raises(LabError, match="answers marked with @wrong and @right"):
            try_bank(load(lab.name, lab.root))

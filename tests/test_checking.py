"""The checks of answers: what passes, what fails, and that each message tells a student what to do."""

import linecache
import sys

import numpy as np
import pytest
import torch

from effdl_lite.checking import (
    AnswerFault,
    CheckFailed,
    Checks,
    Handle,
    NamespaceAnswers,
    NotAnswered,
    close,
    equal,
    holds,
    refuses,
    shaped,
    unchanged,
)
from effdl_lite.checking.answers import described
from effdl_lite.checking.checks import report


def answers(source: str) -> NamespaceAnswers:
    """The names of a notebook in which one cell with this source has run."""
    names = {"torch": torch, "np": np}
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    exec(compile(source, "<cell>", "exec"), names)
    return NamespaceAnswers(names)


def fault(function, *args, **kwargs) -> str:
    """The message of the AnswerFault that the call must raise."""
    with pytest.raises(AnswerFault) as caught:
        function(*args, **kwargs)
    return str(caught.value)


class TestCall:
    def test_plain_values_come_back_as_they_are(self):
        S = answers("def same(x): return x")
        for value in (None, True, 3, 2.5, "text", [1, (2, 3)], {"a": [1.0]}):
            assert S.same(value) == value
            assert type(S.same(value)) is type(value)

    def test_a_tensor_comes_back_plain_and_without_history(self):
        S = answers("def parameter(): return torch.nn.Parameter(torch.ones(2))")
        assert type(S.parameter()) is torch.Tensor
        assert not S.parameter().requires_grad

    def test_relatives_of_plain_values_become_plain(self):
        S = answers(
            "from collections import OrderedDict\n"
            "def results(x): return [np.float64(1.5), np.int64(2), np.bool_(True), x.shape, OrderedDict(a=1)]"
        )
        values = S.results(torch.ones(2, 3))
        assert values == [1.5, 2, True, (2, 3), {"a": 1}]
        assert [type(value) for value in values] == [float, int, bool, tuple, dict]

    def test_the_tests_own_tensors_are_out_of_reach(self):
        S = answers("def wreck(x, others):\n    x.zero_()\n    others[0].zero_()")
        x, others = torch.ones(2), [torch.ones(2)]
        S.wreck(x, others)
        assert x.sum() == others[0].sum() == 2

    def test_a_missing_function_is_not_answered(self):
        with pytest.raises(NotAnswered, match="there is no norms yet: run the cell that should define it"):
            answers("").norms(1)

    def test_a_stub_is_not_answered(self):
        with pytest.raises(NotAnswered, match="norms is not written yet"):
            answers("def norms(x): raise NotImplementedError()").norms(1)

    def test_an_answer_that_needs_a_stub_names_the_stub(self):
        S = answers("def norms(x): raise NotImplementedError()\ndef penalty(x): return norms(x)")
        with pytest.raises(NotAnswered, match="penalty needs norms, which is not written yet"):
            S.penalty(1)

    def test_a_name_that_is_no_function(self):
        assert fault(answers("norms = 3").call, "norms") == "norms should be a function, and is 3"

    def test_a_wrong_signature_says_what_was_given_and_what_is_taken(self):
        message = fault(answers("def norms(weight): return weight").norms, 1, 2)
        assert message.startswith("norms is called with 2 arguments, and yours takes (weight)")
        assert "put back the first line" in message

    def test_a_type_error_within_the_answer_is_no_wrong_signature(self):
        message = fault(answers("def norms(x):\n    return x + 'a'").norms, 1)
        assert "stopped in its line `return x + 'a'` with TypeError" in message

    def test_an_error_names_the_students_own_innermost_line(self):
        source = "def inner(x):\n    return torch.ones(2) @ x\ndef norms(x):\n    return inner(x)\n"
        message = fault(answers(source).norms, torch.ones(3))
        assert "norms stopped in its line `return torch.ones(2) @ x` with RuntimeError" in message

    def test_leaving_python_is_an_error_like_others(self):
        assert "SystemExit" in fault(answers("def norms(): raise SystemExit(0)").norms)

    def test_a_long_error_is_one_short_line(self):
        message = fault(answers("def norms(): raise ValueError('a\\n' * 5000)").norms)
        assert "\n" not in message
        assert len(message) < 300

    def test_a_list_within_itself_ends(self):
        S = answers("def endless():\n    a = []\n    a.append(a)\n    return a")
        assert "more than 20 deep" in fault(S.endless)

    def test_a_variable_is_read_by_value(self):
        S = answers("guess = 2.5")
        assert S.value("guess") == 2.5
        with pytest.raises(NotAnswered, match="there is no other yet"):
            S.value("other")


class TestHandle:
    SOURCE = (
        "class Counter:\n"
        "    def __init__(self): self.n = 0\n"
        "    def add(self, k):\n"
        "        self.n += k\n"
        "        return self.n\n"
        "    def broken(self): return 1 / 0\n"
        "def counter(): return Counter()\n"
        "def read(counter): return counter.n\n"
        "def pair(): return [Counter(), 1]\n"
    )

    def test_its_methods_can_be_called_and_it_keeps_its_state(self):
        counter = answers(self.SOURCE).counter()
        assert isinstance(counter, Handle)
        assert [counter.add(2), counter.add(3)] == [2, 5]
        assert repr(counter) == "<Counter of yours>"

    def test_another_function_gets_the_object_itself(self):
        S = answers(self.SOURCE)
        counter = S.counter()
        counter.add(4)
        assert S.read(counter) == 4

    def test_it_may_be_an_item_of_a_list(self):
        assert answers(self.SOURCE).pair()[0].add(1) == 1

    def test_a_missing_method_and_one_that_fails(self):
        counter = answers(self.SOURCE).counter()
        assert fault(counter.subtract) == "your Counter has no method subtract"
        assert "stopped in its line `def broken(self): return 1 / 0` with ZeroDivisionError" in fault(counter.broken)

    def test_a_model_can_be_called(self):
        S = answers("def model(): return torch.nn.Linear(2, 3)")
        assert S.model()(torch.ones(1, 2)).shape == (1, 3)


class TestGradient:
    def test_it_is_the_gradient_with_respect_to_the_argument_asked_for(self):
        S = answers("def product(a, b): return (a * b).sum()")
        a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
        assert torch.equal(S.gradient("product", [a, b]), b)
        assert torch.equal(S.gradient("product", [a, b], wrt=1), a)
        assert not a.requires_grad

    @pytest.mark.parametrize("body", ["x.detach().sum()", "torch.tensor(x.sum().item())", "x.data.sum()"])
    def test_a_detached_result_is_told_how_that_happens(self, body):
        message = fault(answers(f"def penalty(x): return {body}").gradient, "penalty", [torch.ones(2)])
        assert "does not remember how it was computed" in message
        assert ".detach()" in message

    def test_a_number_or_a_whole_tensor_is_refused(self):
        S = answers("def number(x): return x.detach().sum().item()\ndef whole(x): return x * 2")
        assert "should return a tensor with one number, not 2.0" in fault(S.gradient, "number", [torch.ones(2)])
        assert "not a tensor of shape (2,)" in fault(S.gradient, "whole", [torch.ones(2)])

    def test_an_argument_that_is_not_used_has_gradient_zero(self):
        S = answers("def penalty(x, y): return y.sum()")
        assert S.gradient("penalty", [torch.ones(2), torch.ones(2, requires_grad=True)], wrt=1).sum() == 2
        S = answers("w = torch.ones(1, requires_grad=True)\ndef penalty(x): return w.sum()")
        assert torch.equal(S.gradient("penalty", [torch.ones(2)]), torch.zeros(2))

    def test_an_inplace_change_is_an_answer_fault(self):
        S = answers("def penalty(x):\n    x *= 2\n    return x.sum()")
        assert "in its line `x *= 2`" in fault(S.gradient, "penalty", [torch.ones(2)])


class TestExpectations:
    def test_holds(self):
        holds(True, "never said")
        assert fault(holds, False, "3 groups were expected") == "3 groups were expected"

    def test_shaped(self):
        x = torch.ones(2, 3)
        assert shaped(x, (2, 3), "the result") is x
        assert fault(shaped, x, (3, 2), "the result") == "the result should have the shape (3, 2), and has (2, 3)"
        assert fault(shaped, 1.5, (3,), "the result") == "the result should be a tensor, not 1.5"
        assert "None (was a `return` forgotten?)" in fault(shaped, None, (3,), "the result")

    @pytest.mark.parametrize("actual", [2.0, 2, torch.tensor(2.0), torch.tensor([[2]]), 2 + 1e-5])
    def test_close_accepts_a_number_in_any_of_its_forms(self, actual):
        close(actual, 2.0, "the sum")

    @pytest.mark.parametrize(
        ("actual", "words"),
        [
            (2.1, "should be 2, and is 2.1"),
            (True, "should be a number, not True"),
            ("2", "should be a number, not '2'"),
            (None, "not None"),
            (torch.ones(2), "should be one number, not a tensor of shape (2,)"),
            (float("nan"), "not finite"),
            (torch.tensor(2 + 0j), "complex"),
        ],
    )
    def test_close_refuses_what_is_another_number_or_none(self, actual, words):
        assert words in fault(close, actual, 2.0, "the sum")

    def test_close_names_the_worst_place_of_a_tensor(self):
        expected = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        close(expected.double() + 1e-5, expected, "the norms")
        wrong = torch.tensor([[1.0, 2.0], [3.5, 4.1]])
        assert fault(close, wrong, expected, "the norms") == "the norms should be 3 at place [1, 0], and is 3.5"
        assert "should have the shape (2, 2)" in fault(close, expected.flatten(), expected, "the norms")

    def test_close_keeps_the_number_to_itself_when_asked(self):
        message = fault(close, torch.tensor([7.0]), torch.tensor([5.0]), "the norm", show=False)
        assert message == "the norm is wrong at place [0]: 7"

    def test_close_of_empty_tensors(self):
        close(torch.ones(0), torch.ones(0), "nothing")

    def test_equal_of_tensors_compares_type_and_entries(self):
        equal(torch.tensor([True, False]), torch.tensor([True, False]), "the mask")
        wrong_type = fault(equal, torch.tensor([1, 0]), torch.tensor([True, False]), "the mask")
        assert wrong_type == "the mask should hold bool, and holds int64"
        assert "and is [True, True]" in fault(
            equal, torch.tensor([True, True]), torch.tensor([True, False]), "the mask"
        )

    def test_equal_of_plain_values(self):
        equal([1, "a", (2.0,)], [1, "a", (2.0,)], "the list")
        assert fault(equal, [1, 3], [1, 2], "the list") == "the list should be [1, 2], and is [1, 3]"
        assert fault(equal, 1.0, 1, "the count") == "the count should be 1, and is 1.0"
        assert "and is a list of 1" in fault(equal, [torch.ones(3)], [1], "the list")

    def test_equal_of_lists_that_hold_tensors(self):
        equal([torch.ones(2)], [torch.ones(2)], "the list")
        fault(equal, [torch.ones(2)], [torch.zeros(2)], "the list")

    def test_unchanged(self):
        S = answers(
            "def good(x, k): return x * k\n"
            "def bad(k, x):\n    x *= k\n    return x\n"
            "def nested(tensors): tensors[1].zero_()\n"
            "def shorter(tensors): tensors.pop()"
        )
        unchanged(S, "good", [torch.ones(2), 3])
        message = fault(unchanged, S, "bad", [3, torch.ones(2)])
        assert message == "bad changes its argument number 2; work on a copy (.clone())"
        assert "its argument x;" in fault(unchanged, S, "bad", [3, torch.ones(2)], "k x")
        assert "number 1" in fault(unchanged, S, "nested", [[torch.ones(2), torch.ones(2)]])
        assert "number 1" in fault(unchanged, S, "shorter", [[torch.ones(2)]])

    def test_unchanged_is_not_passed_by_doing_nothing(self):
        S = answers("def nothing(x): pass")
        assert fault(unchanged, S, "nothing", [torch.ones(2)]) == "nothing returned None; was its `return` forgotten?"

    def test_refuses(self):
        S = answers(
            "def good(x): raise ValueError('x is negative')\n"
            "def quiet(x): return x\n"
            "def other(x): raise KeyError(x)\n"
            "def asserts(x):\n    assert x > 0\n"
            "def stub(x): raise NotImplementedError()"
        )
        refuses(S, "good", [-1], "x is negative")
        message = fault(refuses, S, "quiet", [-1], "x is negative")
        assert message == "quiet should raise a ValueError, since x is negative; it returned -1"
        assert "instead: other stopped" in fault(refuses, S, "other", [-1], "x is negative")
        message = fault(refuses, S, "asserts", [-1], "x is negative")
        assert message == (
            "asserts should raise a ValueError, since x is negative; "
            "instead: asserts stopped in its line `assert x > 0` with AssertionError"
        )
        with pytest.raises(NotAnswered):
            refuses(S, "stub", [-1], "x is negative")

    def test_described_is_short(self):
        assert described(torch.tensor(2.0)) == "a tensor with 2"
        assert len(described("x" * 10_000)) <= 200
        assert described({1, 2}) == "a set"
        S = answers("def model(): return torch.nn.ReLU()")
        assert described(S.model()) == "a ReLU"


class TestChecks:
    @pytest.fixture
    def checks(self):
        checks = Checks("lab01")

        @checks.test("double", hint="hint 2")
        def of_three(S):
            """twice three"""
            close(S.double(3.0), 6.0, "double(3)")

        @checks.test("double")
        def first_of_a_list(S):
            """the first entry of the result."""
            equal(S.double([1])[0], 1, "the first entry")

        return checks

    @pytest.fixture
    def notebook(self, monkeypatch):
        """Runs a cell in what looks like the main namespace of a notebook."""
        main = type(sys)("__main__")
        monkeypatch.setitem(sys.modules, "__main__", main)
        return lambda source: exec(source, vars(main))

    def test_a_right_answer_passes(self, checks, notebook, capsys):
        notebook("def double(x): return x * 2")
        checks.check("double")
        printed = capsys.readouterr().out
        assert printed == (
            "double: 2 of 2 checks passed\n  passed  twice three\n  passed  the first entry of the result\n"
        )

    def test_a_wrong_answer_is_told_what_was_expected_and_which_hint_helps(self, checks, notebook, capsys):
        notebook("def double(x): return x if isinstance(x, list) else x + 2")
        with pytest.raises(CheckFailed, match="double: 1 of 2 checks failed; what was expected stands above"):
            checks.check("double")
        printed = capsys.readouterr().out
        assert "  FAILED  twice three\n          double(3) should be 6, and is 5\n" in printed
        assert "-> hint 2 of this exercise may help" in printed
        assert "  passed  the first entry" in printed

    def test_an_untouched_stub_is_one_line(self, checks, notebook, capsys):
        notebook("def double(x): raise NotImplementedError()")
        with pytest.raises(CheckFailed):
            checks.check("double")
        assert capsys.readouterr().out == "double: not answered yet (double is not written yet)\n"

    def test_a_result_that_the_test_stumbles_over_fails_and_does_not_stop_the_rest(self, checks):
        first, second = checks.run("double", answers("def double(x): return 7 if isinstance(x, list) else 2 * x"))
        assert first.passed
        assert not second.passed
        assert "the test could not use what came back (TypeError: 'int' object is not" in second.message
        assert second.hint == ""

    def test_a_forgotten_return_is_said_plainly_and_no_hint_is_offered(self, checks):
        for outcome in checks.run("double", answers("def double(x):\n    x * 2")):
            assert outcome.message == "double returned None; was its `return` forgotten?"
            assert outcome.hint == ""

    def test_none_that_was_returned_earlier_is_not_blamed(self, checks):
        @checks.test("double", hint="hint 1")
        def after_another_call(S):
            """a call that may return nothing, then one that must not"""
            S.note(1)
            close(S.double(3.0), 6.0, "double(3)")

        *_, last = checks.run("double", answers("def note(x): pass\ndef double(x): return x"))
        assert (last.message, last.hint) == ("double(3) should be 6, and is 3", "hint 1")
        *_, last = checks.run("double", answers("def note(x): pass\ndef double(x): return y"))
        assert last.message.startswith("double stopped in its line")

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ("def double(x): return y", "with NameError"),
            ("def double(): return 6", "yours takes (nothing)"),
            ("double = 6", "should be a function"),
            ("", "there is no double yet"),
        ],
    )
    def test_a_hint_is_for_a_wrong_value_and_for_nothing_else(self, checks, source, words):
        outcome = checks.run("double", answers(source))[0]
        assert words in outcome.message
        assert outcome.hint == ""

    def test_what_was_said_of_the_check_before_is_not_said_again(self, checks, notebook, capsys):
        notebook("def double(x): return y")
        with pytest.raises(CheckFailed):
            checks.check("double")
        _, message, _, same = capsys.readouterr().out.splitlines()[1:]
        assert message.endswith("with NameError: name 'y' is not defined")
        assert same == "          the same"

    def test_the_name_that_is_missing_is_kept_apart(self, checks):
        assert checks.run("double", answers(""))[0].missing == "double"
        assert checks.run("double", answers("def double(x): raise NotImplementedError()"))[0].missing == ""

    def test_an_unknown_exercise_names_the_known_ones(self, checks, notebook):
        with pytest.raises(CheckFailed, match="lab01 has no exercise 'triple'; choose one of double"):
            checks.check("triple")
        with pytest.raises(KeyError, match="triple"):
            checks.run("triple", answers(""))
        assert checks.tests("triple") == []

    def test_a_test_needs_words(self):
        with pytest.raises(ValueError, match="needs a docstring"):
            Checks("lab01").test("double")(lambda S: None)

    def test_the_notebook_shows_a_failed_check_without_a_traceback(self):
        assert CheckFailed("double: 1 of 2")._render_traceback_() == ["CheckFailed: double: 1 of 2"]

    def test_the_order_of_exercises_is_that_of_the_file(self, checks):
        assert checks.exercises == ["double"]
        assert report("double", checks.run("double", answers(""))).startswith("double: not checked (there is no")

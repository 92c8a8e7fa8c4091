"""`effdl check`: what a student reads, for good and wrong answers and for notebooks that went through something."""

import builtins
import json
import signal
import subprocess
import sys
import time
from functools import partial

import nbformat
import pytest
import tiny_lab
from tiny_lab import checked as check
from tiny_lab import refused

RIGHT = "weight.square().mean()"
LIMIT = "4"  # seconds for a cell that never ends; see `at_once`


@pytest.fixture
def at_once(tmp_path, monkeypatch):
    """What the cells import is there before the first one runs, so that their limit may be short."""
    before = tmp_path / "before.py"
    before.write_text("import effdl_lite.checking.rerun, torch", "utf-8")
    monkeypatch.setenv("PYTHONSTARTUP", str(before))


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

    def test_a_cell_with_an_error_of_syntax_is_quoted_once_and_what_follows_is_counted(self, lab):
        def use(notebook, cells):
            notebook.cells += [_given("use", "used = mean_square(torch.ones(2))"), _given("go-on", "print(used)")]
            notebook.cells.append(nbformat.v4.new_code_cell("twice = 2 * used"))

        tiny_lab.answered(lab, "weight.square(")
        tiny_lab.edit(lab, use)
        done = check("lab01")
        assert done.exit_code == 1
        reason = "there is no mean_square, since its cell stopped with SyntaxError; see below"
        assert f"mean_square: not checked ({reason})\n" in done.stdout
        (line, after), *others = _stopped(done.stdout)
        assert line.startswith("your answer cell of mean_square stopped with SyntaxError (")
        assert line.endswith(") in line 2: `return weight.square(`")
        assert after == "  3 later cells stopped only because of it"
        assert not others
        assert "hint" not in done.stdout

    def test_a_misspelt_function(self, lab):
        def use(notebook, cells):
            notebook.cells.append(_given("use", "mean_square(torch.ones(2))"))

        tiny_lab.answered(lab, "1", mean_square="def mean_sqare(weight):\n    return 1\n\ndef helper(): pass")
        tiny_lab.edit(lab, use)
        done = check("lab01")
        reason = "its cell ran, but there is no mean_square: it defines mean_sqare, helper; is a name misspelt?"
        assert f"mean_square: not checked ({reason})\n" in done.stdout
        assert "1 cell could not run to the end: an answer that is needed there is missing" in done.stdout
        assert not _stopped(done.stdout)

    def test_a_deleted_answer_cell(self, lab):
        tiny_lab.edit(lab, lambda notebook, cells: notebook.cells.remove(cells["mean_square"]))
        done = check("lab01")
        assert "not checked (there is no mean_square, since its answer cell was deleted; see below)" in done.stdout
        assert "\nthe answer cell of mean_square was deleted; to get it back" in done.stdout

    def test_given_cells_below_a_missing_answer_are_not_blamed_and_those_above_are(self, lab):
        def use(notebook, cells):
            notebook.cells += [_given("use", "mean_square(1)"), _given("go-on", "used"), _given("end", "1 / 0")]
            notebook.cells.append(nbformat.v4.new_code_cell("\n# my own\nmy_own"))
            cells["setup"].source += "\nno_such_name"

        tiny_lab.edit(lab, use)
        done = check("lab01")
        assert [line for line, *_ in _stopped(done.stdout)] == [
            "the given cell setup (`import torch`) stopped with NameError: name 'no_such_name' is not defined",
            "your own cell `# my own` stopped with NameError: name 'my_own' is not defined",
        ]
        assert "3 cells could not run to the end" in done.stdout

    def test_what_an_own_cell_should_have_made_is_missed_below_and_told_once(self, lab):
        def add(notebook, cells):
            sources = "norms = compute()\nother = 1", "total = norms + 1", "print(total)", "1 / 0"
            notebook.cells += [nbformat.v4.new_code_cell(source) for source in sources]
            notebook.cells.append(_given("use", "print(other)"))

        tiny_lab.answered(lab, RIGHT)
        tiny_lab.edit(lab, add)
        done = check("lab01")
        assert done.exit_code == 0
        assert _stopped(done.stdout) == [
            [
                "your own cell `norms = compute()` stopped with NameError: name 'compute' is not defined",
                "  3 later cells stopped only because of it",
            ],
            ["your own cell `1 / 0` stopped with ZeroDivisionError: division by zero"],
        ]

    def test_slow_cells_and_a_slow_check_are_stopped_with_the_remedy_and_the_rest_goes_on(self, lab, at_once):
        def add(notebook, cells):
            notebook.cells.insert(2, nbformat.v4.new_code_cell("while True: pass"))
            notebook.cells.insert(3, _given("train", "while True: pass"))
            notebook.cells.append(nbformat.v4.new_code_cell("1 / 0"))

        tiny_lab.answered(lab, "[None for _ in iter(int, 1)]")
        tiny_lab.edit(lab, add)
        done = check("lab01", "--timeout", LIMIT)
        assert done.exit_code == 1
        slow = (
            f"took longer than {LIMIT} s and was stopped: does a loop in it never end? "
            "If it only needs more time: effdl check labs/lab01/lab01.ipynb --timeout 20"
        )
        assert f"your own cell `while True: pass` {slow}\n" in done.stdout
        given = slow.replace(
            "does a loop in it never end?", "is the machine slow or busy, or does an answer that it uses never end?"
        )
        assert f"the given cell train (`while True: pass`) {given}\n" in done.stdout
        assert f"  FAILED  the check itself\n          it {slow}\n" in done.stdout
        assert "your own cell `1 / 0` stopped with ZeroDivisionError" in done.stdout

    def test_a_cell_that_cannot_be_stopped_ends_the_check(self, lab, at_once, monkeypatch):
        from effdl_lite.checking import rerun

        stubborn = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)"
        tiny_lab.answered(lab, RIGHT, setup=stubborn)
        monkeypatch.setattr(rerun, "PATIENCE", 2)
        line = refused("lab01", "--timeout", LIMIT)
        slow = f"took longer than {LIMIT} s and could not be stopped"
        assert f"the given cell setup (`import signal, time`) {slow}" in line

    def test_an_answer_that_ends_python_is_named(self, lab):
        tiny_lab.answered(lab, "1", mean_square="import os\nos._exit(1)")
        line = refused("lab01")
        assert line == "Python ended in your answer cell of mean_square: out of memory, or a call of exit() there?"

    def test_a_deleted_check_cell_is_said_in_words_and_still_run(self, lab):
        tiny_lab.answered(lab, RIGHT)
        tiny_lab.edit(lab, lambda notebook, cells: notebook.cells.remove(cells["mean_square-check"]))
        done = check("lab01")
        assert done.exit_code == 0
        assert "the check cell of mean_square was deleted; its tests ran all the same; to get it back" in done.stdout
        assert ["mean_square", "1", "of", "1", "-"] in [line.split() for line in done.stdout.splitlines()]

    def test_an_edited_check_cell_is_checked_all_the_same(self, lab):
        def edit(notebook, cells):
            cells["mean_square-check"].source = "print('mean_square: 1 of 1 checks passed')"
            cells["mean_square-check"].metadata["tags"] = ["skip-execution"]

        tiny_lab.edit(lab, edit)
        done = check("lab01")
        assert done.exit_code == 1
        assert "not answered yet" in done.stdout
        assert "the check cell of mean_square was edited; the check that ran is the released one" in done.stdout

    def test_an_identical_copy_of_a_cell_does_not_stop_the_check(self, lab):
        def copy(notebook, cells):
            twin = cells["mean_square-check"].copy()
            twin["id"] = "twin"
            notebook.cells.append(twin)

        tiny_lab.answered(lab, RIGHT)
        tiny_lab.edit(lab, copy)
        done = check("lab01")
        assert done.exit_code == 0
        assert "the cell mean_square-check is there 2 times; in JupyterLab," in done.stdout

    def test_checks_that_cannot_be_imported(self, lab):
        lab.with_name("checks.py").write_text("1 / 0", "utf-8")
        done = check("lab01")
        assert done.exit_code == 1
        assert "FAILED  the check itself\n          it stopped with ZeroDivisionError: division by zero" in done.stdout

    def test_without_nbclient_the_remedy_is_named(self, lab, monkeypatch):
        def without(name, *args):
            if name == "nbclient":
                raise ModuleNotFoundError("No module named 'nbclient'", name="nbclient")
            return imported(name, *args)

        imported = builtins.__import__
        monkeypatch.delitem(sys.modules, "nbclient", raising=False)
        monkeypatch.setattr(builtins, "__import__", without)
        assert refused("lab01") == "nbclient is missing; run `pip install -r requirements.txt`"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and process groups")
class TestInterruption:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_signal_ends_the_check_in_one_line_and_leaves_no_process(self, lab, number, code):
        waits = "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\n"
        waits += "open('pids', 'w').write(f'{os.getpid()} {child.pid}\\n')\ntime.sleep(600)"
        tiny_lab.answered(lab, RIGHT, setup=waits)
        command = [sys.executable, "-c", "from effdl_lite.cli import app; app()", "check", "lab01"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        heard = partial(signal.signal, number, signal.SIG_DFL)  # a job in the background of a shell ignores SIGINT
        with subprocess.Popen(command, preexec_fn=heard, **pipes) as running:
            pids = lab.with_name("pids")
            _until(lambda: running.poll() is not None or (pids.is_file() and pids.read_text().endswith("\n")))
            running.send_signal(number)
            out, err = running.communicate()
        assert (out, err) == ("", "effdl: stopped before the end; your notebook is as it was\n")
        assert running.returncode == code
        for pid in map(int, pids.read_text().split()):
            _until(lambda pid=pid: not _alive(pid))

    def test_the_handler_of_the_caller_is_put_back(self, lab):
        before = signal.getsignal(signal.SIGTERM)
        refused("lab07")
        assert signal.getsignal(signal.SIGTERM) is before


def _given(name: str, source: str):
    """A locked cell of the lab."""
    return nbformat.v4.new_code_cell(source, id=name, metadata={"nbgrader": {"locked": True, "grade_id": name}})


def _stopped(printed: str) -> list[list[str]]:
    """The lines on each cell that stopped, with those indented below it."""
    found = []
    for line in printed.splitlines():
        if line.startswith(("your ", "the given cell")):
            found.append([line])
        elif found and line.startswith("  ") and "stopped only" in line:
            found[-1].append(line)
    return found


def _alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent to notice does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() not in ("", "Z", "Zs", "Z+")


def _until(condition) -> None:
    """Waits for a condition; a test that waits for too long has failed."""
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)

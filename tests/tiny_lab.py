"""A lab with one exercise and one question, for the tests of the tools: made in a folder of its own, whole and good."""

from pathlib import Path

import nbformat
from typer.testing import CliRunner

from effdl_lite.cli import app
from grading import scaffold
from grading.suite import MARKER, Paths

WRONG = {
    "weight.square().sum()": "forgets to divide",
    "weight.mean() ** 2": "squares the mean",
    "weight.abs().mean()": "takes magnitudes",
    "weight.square().mean().detach()": "detaches the result",
    "weight.square_().mean()": "changes its argument",
    "torch.tensor(5.0)": "is constant",
}

HIDDEN = '''

@hidden.test("mean_square")
def its_gradient(S):
    """the gradient"""
    weight = torch.tensor([1.0, -2.0])
    close(S.gradient("mean_square", [weight]), weight, "the gradient", show=False)


@hidden.test("mean_square")
def its_argument(S):
    """the argument is left alone"""
    unchanged(S, "mean_square", [torch.tensor([1.0, -2.0])])
'''

RIGHT = '''

@right("mean_square")
def as_a_dot_product(weight):
    """multiplies the flat tensor by itself"""
    return weight.flatten() @ weight.flatten() / weight.numel()
'''


def make(root: Path, name: str = "lab01") -> Paths:
    """The scaffold's files with text in place of its marks, and a bank that is large enough."""
    paths = Paths(name, root)
    for path in scaffold.new(name, root):
        path.write_text(path.read_text("utf-8").replace(MARKER, "Here stands a text"), "utf-8")
    append(paths.hidden, HIDDEN, {"import Checks, close": "import Checks, close, unchanged"})
    for number, (result, says) in enumerate(WRONG.items()):
        add_wrong(paths, f"wrong_{number}", result, says)
    append(paths.answers, RIGHT)
    return paths


def append(path: Path, text: str, replacing: dict[str, str] | None = None) -> None:
    """Text at the end of a file, after replacing parts of what is there."""
    old = path.read_text("utf-8")
    for before, after in (replacing or {}).items():
        assert before in old
        old = old.replace(before, after)
    path.write_text(old + text, "utf-8")


def add_wrong(paths: Paths, name: str, result: str, says: str = "is wrong") -> None:
    """An answer of the bank that returns `result` and should be rejected."""
    append(paths.answers, f'\n\n@wrong("mean_square")\ndef {name}(weight):\n    """{says}"""\n    return {result}\n')


def edit(path: Path, change) -> None:
    """Reads a notebook, lets `change(notebook, cells by their id)` alter it, and writes it."""
    notebook = nbformat.read(path, as_version=4)
    change(notebook, {cell.id: cell for cell in notebook.cells})
    nbformat.write(notebook, path)


def answered(path: Path, result: str, **others: str) -> None:
    """Writes a student's answer to the exercise, and the sources of other cells, into a released notebook."""

    def change(notebook, cells):
        cells["mean_square"].source = f"def mean_square(weight):\n    return {result}"
        for name, source in others.items():
            cells[name].source = source

    edit(path, change)


def checked(*arguments: str):
    """What `effdl check` does with these arguments."""
    return CliRunner().invoke(app, ["check", *arguments])


def refused(*arguments: str) -> str:
    """The one line in which a check that cannot start says why."""
    done = checked(*arguments)
    assert done.exit_code == 1
    assert not done.stdout
    (line,) = done.stderr.splitlines()
    return line.removeprefix("effdl: ")

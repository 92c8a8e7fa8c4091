"""Finds a lab's private code where students can read it: whole bodies, however they are laid out or commented.

Private are the body of each solution, of each right answer of the bank, and of each function of the hidden tests. Code
is compared as syntax trees, so that layout, comments, quotes and docstrings hide nothing; text, in which code may be
quoted, is compared without white space. A body of one statement is left alone: `return x.sum()` may stand anywhere.
"""

import ast
import json
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from bs4 import BeautifulSoup

from grading.bank import entries
from grading.cells import solution_lines
from grading.suite import Lab

FEWEST_STATEMENTS = 2
FENCED = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Body:
    """A run of statements that students must not find.

    Attributes:
        where: it is from, in words.
        statements: each in the one form that `ast.unparse` gives it, without docstrings.
    """

    where: str
    statements: list[str]

    @cached_property
    def squeezed(self) -> str:
        return squeeze("".join(self.statements))


def private_bodies(lab: Lab) -> list[Body]:
    """Every private body of a lab that has at least two statements, those within loops and conditions counted."""
    bodies = [(f"the solution of {name}", statements) for name, statements in _solutions(lab)]
    for entry in entries(lab):
        if entry.is_right:
            bodies.append((f"the right answer {entry.name}", ast.parse(entry.source).body[0].body))
    for node in ast.parse(lab.paths.hidden.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            bodies.append((f"the hidden function {node.name}", node.body))
    return [
        Body(f"{where} ({lab.paths.name})", normal(statements))
        for where, statements in bodies
        if sum(isinstance(node, ast.stmt) for top in _bare(statements) for node in ast.walk(top)) >= FEWEST_STATEMENTS
    ]


def leaks(name: str, text: str, bodies: Iterable[Body]) -> list[str]:
    """The private bodies that stand in a file, in words; the kind of file is known by its name."""
    sources, prose = _code_and_prose(PurePath(name).suffix, text)
    blocks = [normal(block) for source in sources for block in _blocks(_parsed(source))]
    prose = squeeze(prose)
    return [
        f"{name} holds the body of {body.where}"
        for body in bodies
        if body.squeezed in prose or any(_holds(block, body.statements) for block in blocks)
    ]


def normal(statements: list[ast.stmt]) -> list[str]:
    """Statements without docstrings, each in one layout."""
    return [ast.unparse(_without_docstrings(node)) for node in _bare(statements)]


def squeeze(text: str) -> str:
    """Text without white space, and with one kind of quotes."""
    return re.sub(r"\s+", "", text).replace('"', "'")


def _code_and_prose(suffix: str, text: str) -> tuple[list[str], str]:
    """Pieces of a file that may be Python, and all of its text."""
    if suffix == ".ipynb":
        cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
        return [*cells, *FENCED.findall("\n".join(cells))], "\n".join(cells)
    if suffix == ".html":
        page = BeautifulSoup(text, "html.parser")
        return [block.get_text() for block in page.find_all("pre")], page.get_text()
    return [text, *FENCED.findall(text)], text


def _solutions(lab: Lab) -> Iterator[tuple[str, list[ast.stmt]]]:
    """The statements of each region between the marks, from the outermost block that has some."""
    for exercise in lab.notebook.exercises:
        blocks = list(_blocks(ast.parse(exercise.answer)))
        for region in solution_lines(exercise.answer):
            inside = ([node for node in block if node.lineno in region] for block in blocks)
            yield exercise.name, next(filter(None, inside), [])


def _parsed(source: str) -> ast.Module:
    """The syntax tree; an empty one for what is no Python, such as a page of text."""
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            return ast.Module([], [])


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements, the outer before the inner."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                yield block


def _bare(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Without texts that stand alone: docstrings."""
    return [
        node
        for node in statements
        if not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
    ]


def _without_docstrings(node: ast.stmt) -> ast.stmt:
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner.body = _bare(inner.body) or [ast.Pass()]
    return node


def _holds(block: list[str], wanted: list[str]) -> bool:
    return any(block[start : start + len(wanted)] == wanted for start in range(len(block) - len(wanted) + 1))

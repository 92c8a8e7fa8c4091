"""Answers that are alike, as a hint to look and never a verdict: two honest answers to a short exercise often are.

Each answer becomes the set of its runs of six tokens, without comments and docstrings, with one name for all names that
its author chose and one text for all texts (k-grams, as in Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms
for document fingerprinting", SIGMOD 2003, without their thinning out, since answers are short). Runs that stand in the
released cell, in the solution or in a right answer of the bank, or that many of the class wrote, tell nothing and are
taken out. Of what is left, two answers have a share of the shorter one in common.
"""

import builtins
import io
import itertools
import json
import keyword
import re
import statistics
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from grading import LabError, bank
from grading.suite import Lab

RUN = 6  # tokens
FEWEST = 10  # runs that an answer must have left to be compared
MANY, SHARE_OF_CLASS = 4, 0.2  # students who wrote the same make it common: so many, and at least this share
CHOSEN, TEXT = "name", "text"
KNOWN = frozenset(keyword.kwlist) | frozenset(dir(builtins)) | {"torch", "math", "self"}
SPACE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
BEGINS_STATEMENT = {None, tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}


@dataclass(frozen=True)
class Pair:
    """Two answers to an exercise that have at least the wanted share in common."""

    exercise: str
    students: tuple[str, str]
    share: float
    sources: tuple[str, str]


@dataclass(frozen=True)
class Compared:
    """What comparing the answers to one exercise found.

    Attributes:
        exercise: its name.
        tokens: of the middle answer.
        answers: how many there are.
        between: the students who could be compared: enough was left of their answers.
        plain: how many pairs would be alike if nothing were taken out.
        pairs: that are alike, the most alike first.
    """

    exercise: str
    tokens: float
    answers: int
    between: tuple[str, ...]
    plain: int
    pairs: list[Pair]

    @property
    def rate(self) -> float:
        """The share of the compared pairs that is alike."""
        compared = len(self.between) * (len(self.between) - 1) // 2
        return len(self.pairs) / compared if compared else 0.0


def compare(lab: Lab, folder: Path, least: float) -> list[Compared]:
    """Compares the answers of a class, exercise by exercise (LabError).

    Args:
        lab: its released notebook, solution and bank tell what is common.
        folder: of the results, with the students' notebooks.
        least: the share that two answers must have in common.
    """
    paths = sorted((folder / "notebooks").glob("*.ipynb"))
    if len(paths) < 2:
        raise LabError(f"{folder / 'notebooks'} holds {len(paths)} notebooks; two are needed")
    written = {path.stem: sources(path) for path in paths}
    right = [entry for entry in bank.entries(lab) if entry.is_right]
    known = KNOWN | set(re.findall(r"\w+", lab.notebook.setup))  # what the lab imports
    found = []
    for exercise in lab.notebook.exercises:
        name = exercise.name
        given = [exercise.stub, exercise.answer, *(entry.source for entry in right if entry.exercise == name)]
        answers = {student: cells[name] for student, cells in written.items() if name in cells}
        answers = {student: text for student, text in answers.items() if text.strip() != exercise.stub.strip()}
        found.append(_compared(name, answers, given, known, least))
    return found


def sources(path: Path) -> dict[str, str]:
    """The source of each code cell of a student's notebook, by its name."""
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        return {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path} cannot be read; grade again") from error


def _compared(exercise: str, answers: dict[str, str], given: list[str], known: set[str], least: float) -> Compared:
    tokens = {student: normal(source, known) for student, source in answers.items()}
    whole = {student: runs(found) for student, found in tokens.items()}
    common = frozenset().union(*(runs(normal(source, known)) for source in given))
    times = Counter(itertools.chain.from_iterable(whole.values()))
    many = max(MANY, SHARE_OF_CLASS * len(answers))
    left = {student: {run for run in found - common if times[run] < many} for student, found in whole.items()}
    left = {student: found for student, found in left.items() if len(found) >= FEWEST}
    pairs = [
        Pair(exercise, (one, other), share, (answers[one], answers[other]))
        for one, other in itertools.combinations(left, 2)
        if (share := in_common(left[one], left[other])) >= least
    ]
    plain = sum(in_common(one, other) >= least for one, other in itertools.combinations(whole.values(), 2))
    length = statistics.median(map(len, tokens.values())) if tokens else 0
    return Compared(exercise, length, len(answers), tuple(left), plain, sorted(pairs, key=lambda pair: -pair.share))


def normal(source: str, known: set[str] | frozenset[str] = KNOWN) -> list[str]:
    """The tokens of a piece of code without what is easily changed: comments, docstrings, texts, chosen names.

    Args:
        source: the code; where it is no Python, its words and signs are taken as they are.
        known: names that its author did not choose, and that stay.
    """
    try:
        found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return re.findall(r"\w+|[^\w\s]", source)
    tokens, before = [], None
    for token in found:
        if token.type == tokenize.STRING and before in BEGINS_STATEMENT:
            continue  # a docstring, or a text that nobody uses
        if token.type not in SPACE:
            attribute = bool(tokens) and tokens[-1] == "."
            chosen = token.type == tokenize.NAME and token.string not in known and not attribute
            tokens.append(CHOSEN if chosen else TEXT if token.type == tokenize.STRING else token.string)
        if token.type != tokenize.COMMENT:
            before = token.type
    return tokens


def runs(tokens: list[str]) -> frozenset[tuple[str, ...]]:
    """The runs of tokens that stand one after another."""
    return frozenset(tuple(tokens[at : at + RUN]) for at in range(len(tokens) - RUN + 1))


def in_common(one: set | frozenset, other: set | frozenset) -> float:
    """The share of the shorter that stands in the longer, too; 0 where one is empty."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def expected(found: list[Compared]) -> list[tuple[int, int, float]]:
    """How many pairs of students are alike in at least so many exercises, and how many would be by chance.

    By chance means: if being alike in one exercise said nothing about another, with the class's own rate in each.

    Returns:
        (exercises, pairs that are, pairs that would be), for one exercise, two, and so on.
    """
    are = Counter(pair.students for each in found for pair in each.pairs)
    students = sorted({student for each in found for student in each.between})
    most = max(are.values(), default=0)
    chances = Counter()
    for pair in itertools.combinations(students, 2):
        rates = tuple(each.rate for each in found if set(pair) <= set(each.between))
        chances[rates] += 1
    rows = []
    for number in range(1, most + 2):
        by_chance = sum(times * _at_least(number, rates) for rates, times in chances.items())
        rows.append((number, sum(times >= number for times in are.values()), by_chance))
    return rows


def _at_least(number: int, rates: tuple[float, ...]) -> float:
    """The probability of so many successes among independent trials, whose rates are given."""
    exactly = [1.0]
    for rate in rates:
        longer = [*exactly, 0.0]
        exactly = [chance * (1 - rate) + (longer[at - 1] * rate if at else 0.0) for at, chance in enumerate(longer)]
    return sum(exactly[number:])

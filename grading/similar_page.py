"""The page of answers that are alike: what one would expect, then the pairs side by side. Text alone, no scripts."""

import difflib
from html import escape
from itertools import groupby
from pathlib import Path

from grading.results import written
from grading.similarity import RUN, Compared, Pair, compare, expected, normal
from grading.suite import Lab

MOST_PAIRS = 60  # of students, on the page
MOST_LINES = 120  # of an answer
HEAD = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 1rem; }}
table {{ border-collapse: collapse; }} caption {{ text-align: left; font-style: italic; }}
th, td {{ padding: .2rem .7rem; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }} .wide {{ overflow-x: auto; }}
.sides {{ display: flex; flex-wrap: wrap; gap: 1rem; }} .sides > div {{ flex: 1 1 20rem; min-width: 0; }}
pre {{ overflow-x: auto; padding: .6rem; border: 1px solid; }}
</style>
"""
WARNING = """<p><strong>This page is a hint to look, and no verdict.</strong> Two people who understood the same chapter
often write the same few lines. Read both answers, look at what is unusual in both (a detour, the same mistake), and
talk with the students before you conclude anything. Working together may be allowed in your course.</p>"""
HOW = """<p>Compared are runs of {run} tokens, without comments, texts and chosen names. Taken out is what stands in the
released cell, in the solution or in a right answer of the bank, and what many of the class wrote. <em>Alike</em> are
two answers where at least {least:.0%} of what is left of the shorter one stands in the other, too. An answer of which
too little is left is not compared.</p>"""
CHANCE = """<p>How many pairs are alike in several exercises, and how many one would expect if being alike in one said
nothing about another, with the rates of the table above. Students who solve everything in the usual way break that
assumption a little, so that a few pairs more than expected mean nothing either.</p>"""


def write(lab: Lab, folder: Path, least: float) -> Path:
    """Writes similar.html into the folder of results; its path (LabError)."""
    path = folder / "similar.html"
    written(path, text(lab.paths.name, compare(lab, folder, least), least))
    return path


def text(lab: str, found: list[Compared], least: float) -> str:
    """The page."""
    title = f"{lab}: answers that are alike"
    head = [
        HEAD.format(title=escape(title)),
        f"<main><h1>{escape(title)}</h1>",
        WARNING,
        HOW.format(run=RUN, least=least),
    ]
    return "\n".join([*head, _exercises(found), CHANCE, _chances(found), *_pairs(found), "</main></html>\n"])


def _exercises(found: list[Compared]) -> str:
    columns = [
        "exercise",
        "tokens, middle answer",
        "answers",
        "compared",
        "pairs alike",
        "alike if nothing is taken out",
    ]
    rows = [
        [escape(each.exercise), f"{each.tokens:g}", each.answers, len(each.between), len(each.pairs), each.plain]
        for each in found
    ]
    return _table("Each exercise", columns, rows)


def _chances(found: list[Compared]) -> str:
    rows = [[number, are, f"{would:.2g}"] for number, are, would in expected(found)]
    return _table("Pairs of students", ["alike in at least so many exercises", "pairs", "expected by chance"], rows)


def _table(caption: str, columns: list[str], rows: list[list]) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    table = f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{caption}">{table}</div>'


def _pairs(found: list[Compared]) -> list[str]:
    """The pairs of students, those first who are alike in most exercises."""
    by_students = sorted((pair for each in found for pair in each.pairs), key=lambda pair: pair.students)
    grouped = [(students, list(pairs)) for students, pairs in groupby(by_students, key=lambda pair: pair.students)]
    grouped.sort(key=lambda group: (-len(group[1]), -max(pair.share for pair in group[1])))
    parts = []
    for (one, other), pairs in grouped[:MOST_PAIRS]:
        parts.append(f"<h2>{escape(one)} and {escape(other)}: alike in {len(pairs)} of {len(found)} exercises</h2>")
        parts += [_side_by_side(pair) for pair in pairs]
    left_out = len(grouped) - MOST_PAIRS
    if left_out > 0:
        parts.append(f"<p>{left_out} more pairs are not shown; ask for a larger share with --least.</p>")
    return parts or ["<p>No two answers are alike.</p>"]


def _side_by_side(pair: Pair) -> str:
    lines = [source.splitlines()[:MOST_LINES] for source in pair.sources]
    same = [set(), set()]
    keys = [[" ".join(normal(line)) or line.strip() for line in side] for side in lines]
    for block in difflib.SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks():
        same[0].update(range(block.a, block.a + block.size))
        same[1].update(range(block.b, block.b + block.size))
    sides = []
    for student, side, marked in zip(pair.students, lines, same, strict=True):
        shown = "\n".join(f"{'=' if number in marked else ' '} {escape(line)}" for number, line in enumerate(side))
        sides.append(f'<div><h4>{escape(student)}</h4><pre tabindex="0">{shown}</pre></div>')
    told = f"{pair.share:.0%} of the shorter answer; lines that agree begin with ="
    return f'<h3>{escape(pair.exercise)}</h3><p>{told}</p><div class="sides">{"".join(sides)}</div>'

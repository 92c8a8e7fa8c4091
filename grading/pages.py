"""Writes book/labs.md: the labs with exercises, time, points, prerequisites and files, as their notebooks say them."""

from collections.abc import Iterator
from pathlib import Path

from grading import ROOT
from grading.notebooks import LabNotebook, read
from grading.suite import Paths, labs

INTRODUCTION = """<!-- Made by `python -m grading release` from solutions/; change the labs or grading/pages.py. -->
# Labs

A lab is a notebook with exercises: something to write, to repair, to predict and then to measure. Each exercise says
how hard it is, how long it may take and what it is worth, and has hints from weak to strong. A check below it tells you
at once, in words, what your answer does not do yet.

1. [Install the course](run-it) and fetch the data once: `effdl data fetch`.
2. Put the notebook and its `checks.py` into a folder of yours and open the notebook in `jupyter lab`.
3. Before you hand it in, let everything run once more from top to bottom: `effdl check lab01`.

Points for exercises are given by tests, some of which you do not see; a question is read by a person. The minutes are
an estimate.
"""


def write(root: Path = ROOT) -> Path:
    """Writes the page; its path."""
    page = root / "book" / "labs.md"
    page.write_text(text(root), "utf-8", newline="\n")
    return page


def text(root: Path = ROOT) -> str:
    """The page, made from all solution notebooks."""
    sections = ["\n".join(section(read(Paths(name, root).solution))) for name in labs(root)]
    return "\n".join([INTRODUCTION, *sections])


def section(lab: LabNotebook) -> Iterator[str]:
    """One lab: where its page is, what it takes, what to download, its exercises."""
    front, folder = lab.front, f"../labs/{lab.name}"
    needs = front.needs.replace("](../../book/", "](")  # seen from the folder of this page
    yield f"## [{front.title}]({folder}/{lab.name}.ipynb)\n"
    yield f"**About {front.minutes} minutes, {front.points} points.** You need {needs}.\n"
    yield "Download: " + " and ".join(f"{{download}}`{n} <{folder}/{n}>`" for n in (f"{lab.name}.ipynb", "checks.py"))
    yield "\n| exercise | difficulty | minutes | points |\n|---|---|---:|---:|"
    for item in lab.work:
        task = item.task
        dots = f'<span role="img" aria-label="{task.difficulty}">{task.dots}</span>'
        yield f"| {task.title} | {dots} | {task.minutes} | {task.points} |"
    yield ""

"""A student's notebook as formgrader shows it to whoever marks: nothing that a student wrote can act in a browser.

Formgrader makes HTML of a notebook with nbconvert, and the page may do what the marker may. So the notebook is put
together anew. Text, format and names of the cells are the lab's. What a student wrote is one of three things: code,
which nbconvert escapes; an answer in words, which becomes a `<pre>` in which every character that is no letter, digit
or space is written as its number, so that neither Markdown, HTML nor a formula is left; and what tests found, in an
output of plain text, which nbconvert escapes too. There are no other outputs, no metadata and no attachments.
"""

import json
import re
from copy import deepcopy
from pathlib import Path

from grading.gradebook import CHECK
from grading.notebooks import Exercise
from grading.suite import Lab

ANSWER = '<pre style="white-space: pre-wrap; font-family: inherit">{}</pre>'
RUBRIC = """<details style="margin: 1em 0">
<summary style="display: list-item; cursor: pointer"><b>For whoever marks: rubric and sample answer</b></summary>

{rubric}

---

**Sample answer**

{sample}

</details>"""
LONGEST = 50_000  # characters of a cell, and of what a test says; a page of megabytes would keep the marker waiting


def path_in(folder: Path, student: str, lab: str) -> Path:
    """Where nbgrader expects it."""
    return folder / "autograded" / student / lab / f"{lab}.ipynb"


def answers(lab: Lab, normalised: dict) -> dict[str, str]:
    """What a student wrote to each question; empty where nothing.

    Args:
        lab: its questions.
        normalised: the lab's notebook with the student's answers, as `grading.normalise` makes it.
    """
    sources = {cell["id"]: "".join(cell["source"]) for cell in normalised["cells"]}
    stubs = {cell["id"]: "".join(cell["source"]) for cell in json.loads(lab.paths.released.read_text("utf-8"))["cells"]}
    written = {name: sources[name].strip() for name in _questions(lab)}
    return {name: "" if text == stubs[name].strip() else text for name, text in written.items()}


def notebook(lab: Lab, normalised: dict, result: dict) -> dict:
    """The notebook for formgrader.

    Args:
        lab: which.
        normalised: the lab's notebook with the student's answers.
        result: of the student, as it is stored.
    """
    made = deepcopy(normalised)
    made["cells"], questions = [], _questions(lab)
    for cell in normalised["cells"]:
        cell = deepcopy(cell)
        if cell["id"] in questions:
            if (rubric := _rubric(lab, cell["id"])) is not None:
                made["cells"].append(rubric)
            cell["source"] = shown("".join(cell["source"]))
        elif cell["id"].endswith(CHECK):
            found = _found(result, cell["id"].removesuffix(CHECK))
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": found}]
        elif cell["cell_type"] == "code":
            cell["source"] = _short("".join(cell["source"]))
        made["cells"].append(cell)
    return made


def shown(text: str) -> str:
    """Text as Markdown that shows just this text."""
    return ANSWER.format(re.sub(r"[^\w ]|_", lambda found: f"&#{ord(found[0])};", _short(text)))


def _short(text: str) -> str:
    """Text of bearable length that UTF-8 can write."""
    cut = f"\n# ... cut: {len(text):,} characters" if len(text) > LONGEST else ""
    return text[:LONGEST].encode("utf-8", "replace").decode("utf-8") + cut


def changed(lab: Lab, path: Path, made: dict) -> set[str]:
    """The questions whose answers are not those in an earlier notebook; all where there is none that can be read."""
    try:
        earlier = _sources(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        earlier = {}
    return {name for name in _questions(lab) if earlier.get(name) != _sources(made)[name]}


def _sources(of: dict) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in of["cells"]}


def _questions(lab: Lab) -> list[str]:
    return [item.name for item in lab.notebook.work if not isinstance(item, Exercise)]


def _rubric(lab: Lab, question: str) -> dict | None:
    """A cell of ours with what students don't see."""
    if not lab.paths.rubric.is_file():
        return None
    sample = next(cell.source for cell in lab.notebook.cells if cell.id == question)
    source = RUBRIC.format(rubric=lab.paths.rubric.read_text("utf-8"), sample=sample)
    return {"cell_type": "markdown", "id": f"{question}-rubric", "metadata": {}, "source": source}


def _found(result: dict, exercise: str) -> str:
    """What the tests of an exercise found, in lines of plain text."""
    lines = [f"{result['points'][exercise]:g} points"]
    for kind in ("public", "hidden"):
        for outcome in result[kind][exercise]:
            told = "passed" if outcome["passed"] else f"FAILED: {outcome['message']}"
            lines.append(f"{kind}: {outcome['title']}: {told}")
    return "\n".join("".join(c if c.isprintable() else " " for c in _short(line)) for line in lines) + "\n"

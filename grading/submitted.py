"""A notebook as a student handed it in: the sources and names of its cells. Only JSON is read, nothing runs."""

import codecs
import json
from dataclasses import dataclass

from grading.limits import MIB

MOST_BYTES = 16 * MIB
MOST_NODES = 1_000_000  # lists, objects and their entries; each takes memory
MOST_CELLS = 2000
LONGEST_CELL = MIB  # characters
KINDS = ("code", "markdown", "raw")
BYTE_ORDERS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Refused(Exception):
    """What was handed in cannot be graded; the message says why and what would help."""


@dataclass(frozen=True, eq=False)
class SubmittedCell:
    """A cell of a student's notebook.

    Attributes:
        kind: code, markdown or raw.
        source: its text, with plain line ends.
        grade_id: the name that nbgrader's metadata give it; empty where it has none.
        id: of the notebook's format; empty where it has none.
    """

    kind: str
    source: str
    grade_id: str
    id: str


def read(content: bytes) -> list[SubmittedCell]:
    """The cells of a notebook (Refused)."""
    if len(content) > MOST_BYTES:
        limit = f"at most {MOST_BYTES // MIB} MiB are read; clear its outputs and hand it in again"
        raise Refused(f"the notebook has {len(content) / MIB:.0f} MiB, {limit}")
    if sum(map(content.count, (b"[", b"{", b",", b":"))) > MOST_NODES:
        raise Refused(f"the notebook holds more than {MOST_NODES:,} entries; clear its outputs and hand it in again")
    notebook = _parsed(content)
    if type(notebook) is not dict or type(notebook.get("cells")) is not list:
        form = (
            f"its format is {notebook['nbformat']!r}"[:60] if type(notebook) is dict and "nbformat" in notebook else ""
        )
        raise Refused(f"not a notebook of format 4: {form or 'it holds no list of cells'}; save it with Jupyter")
    if len(notebook["cells"]) > MOST_CELLS:
        raise Refused(f"the notebook has {len(notebook['cells']):,} cells; at most {MOST_CELLS:,} are read")
    return [_cell(cell) for cell in notebook["cells"]]


def _parsed(content: bytes) -> object:
    encoding = next((name for mark, name in BYTE_ORDERS.items() if content.startswith(mark)), "utf-8")
    try:
        return json.loads(content.decode(encoding))
    except UnicodeDecodeError as error:
        raise Refused(f"not a notebook: no text in UTF-8 ({error.reason} at byte {error.start})") from error
    except RecursionError as error:
        raise Refused("not a notebook: lists within lists, too deep") from error
    except ValueError as error:
        raise Refused(f"the notebook is damaged: {error}"[:200]) from error


def _cell(cell: object) -> SubmittedCell:
    """A cell of which only what is sound is taken."""
    if type(cell) is not dict:
        return SubmittedCell("raw", "", "", "")
    source = cell.get("source", cell.get("input", ""))
    if type(source) is list:
        source = "".join(line for line in source if type(line) is str)
    if type(source) is not str:
        source = ""
    if len(source) > LONGEST_CELL:
        raise Refused(f"a cell has {len(source):,} characters; at most {LONGEST_CELL:,} are read")
    kind = cell.get("cell_type")
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if type(metadata) is dict else None
    grade_id = marks.get("grade_id") if type(marks) is dict else None
    named = cell.get("id")
    return SubmittedCell(
        kind if type(kind) is str and kind in KINDS else "raw",
        source.replace("\r\n", "\n").replace("\r", "\n"),
        grade_id if type(grade_id) is str else "",
        named if type(named) is str else "",
    )

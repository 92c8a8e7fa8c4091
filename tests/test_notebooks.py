"""Every committed notebook is in normal form: run from top to bottom, on real data, with nothing that must not be.

A page of the part "Reference" is not a chapter. It need not load data, so that it has no setup cell that names data and
profile, and one compared cell is enough for it. Everything else holds for it too.
"""

import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
(PART,) = [part for part in yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"] if part["caption"] == "Reference"]
REFERENCE = {f"{page['file']}.ipynb" for page in PART["chapters"]}
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.relative_to(ROOT).as_posix() not in REFERENCE]
notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
chapters = pytest.mark.parametrize("path", CHAPTERS, ids=[path.stem for path in CHAPTERS])


def read(path: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def text_of(cell: nbformat.NotebookNode) -> str:
    """All text that a code cell's stored outputs show."""
    parts = []
    for output in cell.outputs:
        parts.append(output.get("text", ""))
        parts += [value for value in output.get("data", {}).values() if isinstance(value, str)]
    return "\n".join(parts)


def test_there_is_a_chapter():
    assert CHAPTERS


@notebooks
def test_a_notebook_was_run_from_top_to_bottom_without_errors(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]


@notebooks
def test_a_notebook_has_the_kernel_readable_ids_and_no_trace_of_the_machine(path):
    notebook = read(path)
    assert notebook.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert not re.search(r'"execution": \{|/(?:home|root|work|Users|tmp)/', json.dumps(notebook))


@chapters
def test_a_chapter_says_which_data_it_ran_on(path):
    (setup,) = [cell for cell in code_cells(path) if "profiles.current()" in cell.source]
    assert "data: " in text_of(setup)


@notebooks
def test_a_notebook_ran_on_no_stand_in(path):
    assert not [cell.id for cell in code_cells(path) if "stand-in" in text_of(cell)]


@notebooks
def test_a_notebook_compares_cells_with_exact_facts_and_a_chapter_at_least_eight(path):
    compared = [cell for cell in code_cells(path) if cell.source.startswith("# NBVAL_CHECK_OUTPUT")]
    assert len(compared) >= (8 if path in CHAPTERS else 1)
    assert all(text_of(cell).strip() for cell in compared)
    timed = re.compile(r"perf_counter|compare_latency|measure_machine|data\.(train|validation|test)")
    assert not [cell.id for cell in compared if timed.search(cell.source)], "exact facts depend on no machine or data"


@notebooks
def test_no_stored_output_holds_a_bitmap(path):
    """Figures are SVG; a bitmap could be an image of CIFAR-10."""
    for cell in code_cells(path):
        for output in cell.outputs:
            assert not {"image/png", "image/jpeg"} & set(output.get("data", {}))
        assert "data:image" not in text_of(cell)


@notebooks
def test_every_figure_of_a_notebook_has_a_description(path):
    for cell in code_cells(path):
        for svg in re.findall(r"<svg[^>]*>", text_of(cell)):
            label = re.search(r'aria-label="([^"]+)"|aria-hidden="true"', svg)
            assert label, f"{cell.id}: {svg[:120]}"


@notebooks
def test_the_code_cells_of_a_notebook_are_short(path):
    """One idea a cell. A cell that only draws is folded on the page and may be longer."""
    lines = {cell.id: len([line for line in cell.source.splitlines() if line.strip()]) for cell in code_cells(path)}
    folded = {cell.id for cell in code_cells(path) if "hide-input" in cell.metadata.get("tags", [])}
    assert not {name: n for name, n in lines.items() if n > (35 if name in folded else 22)}


@notebooks
def test_visible_code_fits_the_width_of_the_page(path):
    for cell in code_cells(path):
        if "hide-input" not in cell.metadata.get("tags", []):
            assert not [line for line in cell.source.splitlines() if len(line) > 80], cell.id

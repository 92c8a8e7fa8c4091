"""Builds the book for tests: the real one, and a scratch one that holds every figure and box, so that the tests of
figures don't depend on chapters."""

import functools
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml
from ipywidgets import IntSlider, Widget

from effdl_lite.widgets import (
    ClipTradeoff,
    EnergyCurve,
    FilterForces,
    GroupShrinkage,
    LossSlices,
    LSTMSizes,
    Prediction,
    RooflineExplorer,
    SmoothedLoss,
    SparsityGroups,
    StepTimeModel,
    TernaryWalk,
    TradeoffExplorer,
    TrainingStep,
    UnitStrips,
)

ROOT = Path(__file__).resolve().parent.parent

POINTS = [
    {"name": "conv 64→64", "flops": 75.5e6, "bytes": 672e3, "seconds": 1.6e-3},
    {"name": "ReLU <copy>", "flops": 65.5e3, "bytes": 524e3, "seconds": 6e-5},
]

DENSE = {"mean": 76.3, "low": 75.9, "high": 76.6}
TRADEOFF = [
    {"series": "filters", "label": "strength 1e-3", "cost": 0.81, "mean": 76.4, "low": 76.0, "high": 76.9},
    {"series": "filters", "label": "strength 3e-3", "cost": 0.46, "mean": 75.9, "low": 75.5, "high": 76.3},
    {"series": "filters", "label": "strength 9e-3", "cost": 0.12, "mean": 72.0, "low": 71.1, "high": 72.8},
    {"series": "l1 <weights>", "label": "strength 1e-4", "cost": 0.30, "mean": 76.3, "low": 76.0, "high": 76.5},
]
for _point, _kept in zip(TRADEOFF, (32, 20, 8, 32), strict=True):
    _point["layers"] = {"conv 1": (_kept, 32), "conv <wide>": (_kept / 2, 64)}


def tradeoff() -> TradeoffExplorer:
    """A trade-off of four points that nobody measured."""
    return TradeoffExplorer(TRADEOFF, DENSE, "Find the cheapest point that stays within half a point.")


SPEEDS = [
    {
        "hidden": [373, 315],
        "softmax": True,
        "milliseconds": 14.8,
        "speedup": 10.9,
        "quartiles": [10.5, 11.3],
        "mode": "A",
    },
    {
        "hidden": [373, 315],
        "softmax": True,
        "milliseconds": 44.8,
        "speedup": 9.1,
        "quartiles": [8.9, 9.3],
        "mode": "<B>",
    },
    {"hidden": [381, 535], "softmax": True, "milliseconds": 22.1, "speedup": 7.5, "quartiles": [7.3, 7.6], "mode": "A"},
    {"hidden": [373, 315], "softmax": False, "milliseconds": 4.8, "speedup": 21.6, "quartiles": [21, 22], "mode": "A"},
]


def lstm_sizes() -> LSTMSizes:
    """Hidden sizes with four measurements that nobody made."""
    return LSTMSizes(SPEEDS)


CONV = {"filters": 4, "channels": 1, "kernel": (3, 3)}
WIDE = {"filters": 8, "channels": 2, "kernel": (3, 3)}
SPECTRA = {
    "no force": [
        {"name": "conv <1>", "spectrum": [9, 4, 1, 1], **CONV},  # singular values 3, 2, 1, 1
        {"name": "conv 2", "spectrum": [8, 7, 6, 5, 4, 3, 2, 1], **WIDE},
    ],
    "<force>": [
        {"name": "conv <1>", "spectrum": [12.5, 2, 0.25, 0], **CONV},
        {"name": "conv 2", "spectrum": [32, 8, 2, 0.5, 0.25, 0, 0, 0], **WIDE},
    ],
}


def energy_curve() -> EnergyCurve:
    """Energies of two layers in two networks that nobody trained."""
    return EnergyCurve(SPECTRA)


SLICES = {
    "SGD": [
        [(-1, 2.4), (-0.5, 0.6), (0, 0.1), (0.5, 0.4), (1, 1.6)],
        [(-1, 2.0), (-0.5, 0.4), (0, 0.1), (0.5, 0.6), (1, 2.6)],
    ],
    "<Smooth>Out": [
        [(-1, 1.4), (-0.5, 0.4), (0, 0.2), (0.5, 0.3), (1, 0.9)],
        [(-1, 1.2), (-0.5, 0.3), (0, 0.2), (0.5, 0.4), (1, 1.1)],
    ],
}


def loss_slices(**values) -> LossSlices:
    """Slices of two networks that nobody trained."""
    return LossSlices(SLICES, "<synthetic> images", **values)


PROSE = """# Figures and boxes

A formula $w_g$, a long one

$$
\\boldsymbol{w} \\leftarrow \\max\\Bigl(0, 1 - \\frac{\\eta\\lambda}{\\lVert w_g \\rVert}\\Bigr) w_g, \\quad
\\tilde g = s \\cdot \\operatorname{sign}(g) \\circ b, \\quad P(b = 1) = |g| / s, \\quad s = \\max |g|
$$

and a source {cite}`williams2009roofline`.

````{admonition} Five-minute recap: the chain rule
:class: recap dropdown

$\\partial L / \\partial w = \\partial L / \\partial y \\cdot \\partial y / \\partial w$
````

```{admonition} Predict
:class: predict

How many parameters?
```
"""


@dataclass
class Site:
    """A built book."""

    html: Path
    returncode: int
    output: str


def toc_pages() -> list[str]:
    """Every page of the table of contents, relative to the built site, and the search page."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = re.findall(r"'(?:root|file)': '([^']+)'", str(toc))
    return [*(f"{file}.html" for file in files), "search.html"]


def vendor() -> None:
    """Makes sure that MathJax is there."""
    subprocess.run([sys.executable, str(ROOT / "tools" / "vendor.py")], check=True)


def build(source: Path, target: Path) -> Site:
    """A clean strict build of the book in `source`; the pages go to `target`."""
    command = [str(Path(sys.executable).with_name("jb")), "build", str(source), "--path-output", str(target)]
    done = subprocess.run([*command, "--all", "-W", "--keep-going", "-n", "-q"], capture_output=True, text=True)
    return Site(target / "_build" / "html", done.returncode, done.stdout + done.stderr)


def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="effdl-book-")
    _open.append(folder)  # removed when the tests end
    return Path(folder.name)


_open: list[tempfile.TemporaryDirectory] = []


@functools.cache
def real_book() -> Site:
    """The book as it is in this tree, built once for all tests."""
    vendor()
    return build(ROOT, _folder())


def figure_cell(figure: Widget, code: str) -> nbformat.NotebookNode:
    """A code cell whose stored outputs show `figure`, as Jupyter would store them."""
    bundles = figure.outputs() if hasattr(figure, "outputs") else [(figure._repr_mimebundle_(), {})]
    cell = nbformat.v4.new_code_cell(code, execution_count=1)
    for bundle, metadata in bundles:
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        cell.outputs.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata))
    return cell


def figure_notebook(extra_html: str = "") -> nbformat.NotebookNode:
    """A notebook with all figures of the course; two cells show the same roofline, one a slider without our code."""
    roofline = RooflineExplorer(200, 20, POINTS, machine="a laptop")
    prediction = Prediction(
        "How many parameters has it?", "parameters", "test.parameters", answer=36864, low=1, high=1e6
    )
    figures = {
        "TrainingStep()": TrainingStep(),
        "roofline = RooflineExplorer(200, 20); roofline": roofline,
        "roofline": roofline,
        "Prediction('How many parameters has it?', ...)": prediction,
        "SparsityGroups()": SparsityGroups(),
        "GroupShrinkage()": GroupShrinkage(),
        "TradeoffExplorer(...)": tradeoff(),
        "UnitStrips()": UnitStrips(),
        "LSTMSizes(...)": lstm_sizes(),
        "FilterForces()": FilterForces(),
        "EnergyCurve(...)": energy_curve(),
        "TernaryWalk()": TernaryWalk(),
        "ClipTradeoff()": ClipTradeoff(),
        "StepTimeModel()": StepTimeModel(),
        "SmoothedLoss()": SmoothedLoss(),
        "LossSlices(...)": loss_slices(),
        "IntSlider()": IntSlider(description="alone"),
    }
    cells = [nbformat.v4.new_markdown_cell(PROSE + extra_html)]
    cells += [figure_cell(figure, code) for code, figure in figures.items()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python"}
    state = Widget.get_manager_state(widgets=list(figures.values()))
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    return notebook


def scratch_book(folder: Path, extra_html: str = "") -> Site:
    """A small book with the settings of the real one and one page that holds all figures."""
    vendor()
    book = folder / "book"
    for name in ("_static", "_templates"):
        shutil.copytree(ROOT / "book" / name, book / name)
    shutil.copy(ROOT / "book" / "references.bib", book)
    shutil.copy(ROOT / "book" / "bibliography.md", book)
    shutil.copy(ROOT / "_config.yml", folder)
    (book / "index.md").write_text("# A scratch book\n\nOne page of figures.\n", "utf-8")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: book/figures\n  - file: book/bibliography\n", "utf-8"
    )
    nbformat.write(figure_notebook(extra_html), book / "figures.ipynb")
    return build(folder, folder)


@functools.cache
def figures_book() -> Site:
    """The scratch book, built once for all tests."""
    return scratch_book(_folder())

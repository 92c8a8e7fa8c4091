"""Figures of the course: one style, drawn as SVG inside the page so that they take the theme's text colour."""

import html
import io
import re

import matplotlib as mpl
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from effdl_lite.data import Source
from effdl_lite.measure import Machine

# Okabe and Ito's palette for colour-blind readers, of which these four stand out (3:1) on white and on near-black; the
# blue is a little lighter and the pink a little darker than theirs for that. A series also differs in marker and line.
COLORS = ("#1a7fc1", "#d55e00", "#009e73", "#c46a9c")
MARKERS = ("o", "s", "^", "D")
LINES = ("-", "--", "-.", ":")

# Stands for the text colour while matplotlib draws; `show` turns it into CSS's currentColor.
TEXT = "#010203"
_STYLE = {
    "axes.edgecolor": TEXT,
    "axes.grid": True,
    "axes.labelcolor": TEXT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "grid.alpha": 0.18,
    "grid.color": TEXT,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "svg.fonttype": "none",
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}
mpl.rcParams.update(_STYLE)  # also for figures that a notebook makes with pyplot


def new_figure(columns: int = 1, width: float = 6.4, height: float = 3.4) -> tuple[Figure, list[Axes]]:
    """A figure in the style of the course, of `columns` axes side by side; sizes in inches."""
    figure = Figure(figsize=(width, height))
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def set_title(axes: Axes, finding: str, source: Source | None = None) -> None:
    """A title that says what the figure shows; a stand-in for real data is always named in it."""
    if source is not None and not source.is_real:
        finding += f"\n({source})"
    axes.set_title(finding)


def show(figure: Figure, alt: str) -> HTML:
    """The figure as SVG for the page, with `alt` as its text for readers who do not see it.

    Raises:
        ValueError: if `alt` is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what the figure shows")
    buffer = io.StringIO()
    # A fixed salt makes the same figure the same text in every run; the alt text keeps two figures' marks apart.
    with mpl.rc_context({"svg.hashsalt": alt}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(TEXT, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # matplotlib's names of groups would stand twice in a page
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "sans-serif", svg)
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()
    least = 0.75 * float(width) if len(figure.axes) > 1 else 0  # side by side, on a phone: scroll rather than shrink
    svg = re.sub(
        r"<svg [^>]*?>",
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label="{html.escape(alt)}" viewBox="0 0 {width} {height}" '
        f'style="max-width:{width}pt;min-width:{least:.0f}pt;width:100%">',
        svg,
        count=1,
    )
    return HTML(f'<div class="effdl-figure">{svg}</div>')


def draw_roofline(axes: Axes, machine: Machine, points: dict[str, tuple[float, float]]) -> None:
    """The two limits of `machine` and points (FLOP a byte, GFLOP/s measured) under them, both axes logarithmic."""
    intensities = [intensity for intensity, _ in points.values()]
    x = np.geomspace(min([*intensities, machine.ridge]) / 4, max([*intensities, machine.ridge]) * 4, 200)
    axes.loglog(x, np.minimum(machine.peak_gflops, x * machine.bandwidth_gbs), color=TEXT, label="roof (measured)")
    for i, (name, (intensity, gflops)) in enumerate(points.items()):
        style = {"color": COLORS[i % 4], "marker": MARKERS[i % 4], "fillstyle": "full" if i < 4 else "none"}
        axes.loglog([intensity], [gflops], linestyle="none", label=name, **style)
    axes.set_xlabel("arithmetic intensity (FLOP a byte)")
    axes.set_ylabel("GFLOP/s")
    axes.legend(fontsize="small", loc="lower right")

"""Figures follow the theme's colour, carry their text, and are the same text in every run."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from effdl_lite import plots
from effdl_lite.data import Source
from effdl_lite.measure import Machine


def example(alt: str = "a line that rises") -> str:
    figure, (axes,) = plots.new_figure()
    axes.plot([1, 2, 3], [1, 4, 9], color=plots.COLORS[0], label="squares")
    axes.legend()
    plots.set_title(axes, "It rises")
    return plots.show(figure, alt).data


def svg_of(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.search(r"<svg.*</svg>", html, flags=re.DOTALL).group())


def test_text_and_axes_take_the_colour_of_the_page():
    html = example()
    assert "currentColor" in html
    assert plots.TEXT not in html
    assert "#000000" not in html
    assert "#ffffff" not in html


def test_a_figure_is_one_image_with_its_description():
    svg = svg_of(example('says "more" & <less>'))
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == 'says "more" & <less>'


def test_a_figure_without_description_is_refused():
    figure, _ = plots.new_figure()
    with pytest.raises(ValueError, match="alt is empty"):
        plots.show(figure, "  ")


def test_the_same_figure_is_the_same_text_and_two_figures_share_no_id():
    assert example() == example()
    ids = [set(re.findall(r' id="([^"]+)"', example(alt))) for alt in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_every_reference_inside_the_svg_has_its_target():
    html = example()
    targets = set(re.findall(r' id="([^"]+)"', html))
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', html))
    assert {a or b for a, b in used} <= targets


def test_a_title_names_the_stand_in_and_not_the_real_data():
    _, (axes,) = plots.new_figure()
    real = Source("CIFAR-10", "pack", "9 images")
    standin = Source("CIFAR-10", "stand-in", "no network")
    plots.set_title(axes, "It rises", real)
    assert axes.get_title(loc="left") == "It rises"
    plots.set_title(axes, "It rises", standin)
    assert "stand-in" in axes.get_title(loc="left")


def test_a_roofline_shows_every_point_and_a_legend():
    figure, (axes,) = plots.new_figure()
    plots.draw_roofline(axes, Machine("example", 1, 100.0, 20.0), {"a": (0.1, 1.0), "b": (50.0, 90.0)})
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["roof (measured)", "a", "b"]
    assert "GFLOP/s" in plots.show(figure, "a roof with two points").data


@pytest.mark.parametrize("background", [(1.0, 1.0, 1.0), (0.07, 0.07, 0.07)], ids=["light", "dark"])
@pytest.mark.parametrize("color", plots.COLORS)
def test_every_series_colour_stands_out_3_to_1_in_both_themes(color, background):
    def luminance(rgb):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    rgb = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    low, high = sorted([luminance(rgb), luminance(background)])
    assert (high + 0.05) / (low + 0.05) >= 3

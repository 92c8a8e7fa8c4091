"""The Python side of the two figures on SmoothOut: a loss that is smoothed, and slices through trained networks."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import traitlets
from book_site import SLICES, loss_slices
from test_widgets import in_javascript

from effdl_lite.methods import smoothout
from effdl_lite.widgets import LossSlices, SmoothedLoss
from effdl_lite.widgets import loss_slices_picture as slices
from effdl_lite.widgets.network_slices import checked_slices
from effdl_lite.widgets.smoothed_loss import RATES, STARTS, STRENGTHS
from effdl_lite.widgets.smoothed_waves import (
    GRID,
    KINDS,
    LOSSES,
    WaveLoss,
    descent,
    standard_draws,
    wave_factor,
    well,
)

WELLS, RIPPLES = LOSSES["a sharp and a flat minimum"], LOSSES["ripples"]
EACH_LOSS = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


def averaged(function, w: float, strength: float, kind: str) -> float:
    """The mean of a function over noise around w, by the midpoint rule."""
    share = (np.arange(20_000) + 0.5) / 10_000 - 1
    if kind == "uniform":
        return function(w + strength * share).mean()
    weights = np.exp(-((8 * share) ** 2) / 2)
    return (function(w + 8 * strength * share) * weights).sum() / weights.sum()


class TestWaveLoss:
    @EACH_LOSS
    @EACH_KIND
    @pytest.mark.parametrize("strength", [0.02, 0.3, 0.96, 1.2])
    def test_the_smoothed_loss_is_the_mean_over_noise(self, loss, kind, strength):
        smoothed = loss.smoothed(strength, kind)
        for w in (-2.6, -1.2, -0.31, 0.0, 1.1, 3.0):
            assert smoothed.value(w) == pytest.approx(averaged(loss.value, w, strength, kind), abs=1e-6)
            assert smoothed.slope(w) == pytest.approx(averaged(loss.slope, w, strength, kind), abs=1e-5)

    @EACH_LOSS
    @pytest.mark.parametrize("strength", [0.02, 0.3, 1.2])
    def test_uniform_noise_is_the_box_of_the_package(self, loss, strength):
        places = np.linspace(-2.6, 2.6, 14)
        smoothed = loss.smoothed(strength, "uniform")
        values = [smoothed.value(w) for w in places]
        assert smoothout.box_smoothed(loss.value, places, strength, points=4_001) == pytest.approx(values, abs=1e-5)
        assert smoothout.sinc_factor(2.5, strength) == pytest.approx(wave_factor(2.5 * strength, "uniform"))

    @EACH_LOSS
    def test_slope_and_bend_are_the_derivatives(self, loss):
        step = 1e-5
        for w in (-2.0, -1.15, 0.4, 2.9):
            assert loss.slope(w) == pytest.approx((loss.value(w + step) - loss.value(w - step)) / 2 / step, abs=1e-6)
            assert loss.bend(w) == pytest.approx((loss.slope(w + step) - loss.slope(w - step)) / 2 / step, abs=1e-5)

    @EACH_LOSS
    def test_a_uniform_average_has_the_slope_between_its_ends(self, loss):
        between = (loss.value(GRID + 0.3) - loss.value(GRID - 0.3)) / 0.6
        assert np.allclose(loss.smoothed(0.3, "uniform").slope(GRID), between)

    def test_a_bowl_rises_and_keeps_its_slope(self):
        bowl = WaveLoss(0, 2, ((1, 0, 0),))
        assert bowl.value(0.7) == pytest.approx(0.49)
        assert bowl.smoothed(0.3, "uniform").value(0.7) == pytest.approx(0.52)
        assert bowl.smoothed(0.3, "normal").value(0.7) == pytest.approx(0.58)
        assert bowl.smoothed(0.3, "uniform").slope(0.7) == bowl.slope(0.7)

    @pytest.mark.parametrize(
        ("angle", "expected"),
        [(0, 1), (0.5, 0.958851), (1, 0.841471), (math.pi / 2, 0.636620), (math.pi, 0), (4.4934, -0.217234)],
    )
    def test_uniform_noise_leaves_the_sinc_of_a_wave(self, angle, expected):
        assert wave_factor(angle, "uniform") == pytest.approx(expected, abs=5e-7)
        assert wave_factor(angle, "normal") == math.exp(-(angle**2) / 2)

    @pytest.mark.parametrize("power", [5, 100])
    def test_a_well_is_a_power_of_a_cosine(self, power):
        low, waves = well(0.4, 1.5, power)
        dip = WaveLoss(low, 0, tuple(waves)).value(GRID)
        assert np.allclose(dip, -1.5 * np.cos(math.pi * (GRID - 0.4) / 8) ** (2 * power), atol=1e-7)
        near = np.abs(GRID - 0.4) < 1.8 / math.sqrt(power)
        assert np.allclose(dip[near], -1.5 * np.exp(-((GRID[near] - 0.4) ** 2) / 2 / (1.8**2 / power)), atol=0.05)

    @EACH_LOSS
    def test_every_minimum_is_found(self, loss):
        fine = np.linspace(-3, 3, 60_001)
        values = loss.value(fine)
        expected = fine[1:-1][(values[1:-1] < values[:-2]) & (values[1:-1] < values[2:])]
        assert np.allclose(loss.minima(), expected, atol=1e-4)
        assert np.allclose(loss.slope(np.array(loss.minima())), 0, atol=1e-9)

    def test_one_minimum_is_sharp_and_one_is_flat(self):
        sharp, flat = WELLS.minima()
        assert sharp == pytest.approx(-1.2, abs=0.02)
        assert WELLS.bend(sharp) > 10 * WELLS.bend(flat) > 0
        assert len(RIPPLES.minima()) == 6

    @EACH_LOSS
    def test_the_picture_has_room(self, loss):
        curves = [loss.smoothed(strength, kind).value(GRID) for strength in STRENGTHS for kind in KINDS]
        assert 0 <= np.min(curves) < np.max(curves) <= 2.4

    def test_refuses_other_noise(self):
        with pytest.raises(ValueError, match="noise 'box' is unknown; choose one of uniform, normal"):
            WELLS.smoothed(1, "box")


class TestDescent:
    def test_it_is_that_of_sgd_with_noise_taken_away_before_the_step(self):
        noise = 0.3 * standard_draws("normal", 60, 4)
        weight = torch.nn.Parameter(torch.tensor(2.4, dtype=torch.float64))
        optimizer = torch.optim.SGD([weight], lr=0.05)
        k, amplitude, shift = torch.tensor(WELLS.waves, dtype=torch.float64).T
        path = [2.4]
        for theta in noise.tolist():
            optimizer.zero_grad()
            moved = weight + theta
            loss = WELLS.curvature * moved**2 / 2 + (amplitude * torch.cos(k * (moved - shift))).sum()
            loss.backward()
            optimizer.step()
            path.append(weight.item())
        assert descent(WELLS, 2.4, 0.05, noise) == pytest.approx(path, abs=2e-5)

    @EACH_KIND
    def test_noise_has_the_spread_that_smoothing_counts_with(self, kind):
        draws = standard_draws(kind, 200_000, 1)
        variance = {"uniform": 1 / 3, "normal": 1}[kind]
        assert abs(draws.mean()) < 5.5 * math.sqrt(variance / len(draws))
        assert draws.var() == pytest.approx(variance, rel=0.02)
        assert (np.abs(draws) < 1).mean() == pytest.approx({"uniform": 1, "normal": 0.6827}[kind], abs=0.006)

    @EACH_KIND
    def test_slopes_at_noisy_weights_are_unbiased_for_the_smoothed_loss(self, kind):
        """Within 5.5 standard errors, which chance leaves once in 2.6e7; the slope of C itself is farther away."""
        for w in (-1.4, -0.9):
            slopes = WELLS.slope(w + 0.4 * standard_draws(kind, 40_000, 2))
            error = slopes.std() / math.sqrt(len(slopes))
            assert abs(slopes.mean() - WELLS.smoothed(0.4, kind).slope(w)) < 5.5 * error
            assert abs(slopes.mean() - WELLS.slope(w)) > 20 * error

    @pytest.mark.needs("node")
    def test_javascript_computes_the_same(self, tmp_path):
        cases = [
            [list(LOSSES).index(name), kind, a, start, rate, seed]
            for name in LOSSES
            for kind in KINDS
            for a, start, rate, seed in ((0.0, -2.0, 0.05, 1), (0.3, -1.2, 0.3, 2), (1.2, 2.6, 0.15, 9999))
        ]
        data = SmoothedLoss().data["losses"]
        code = (
            f"{json.dumps(cases)}.map(([index, kind, a, start, rate, seed]) => {{"
            f" const loss = {json.dumps(data)}[index][1],"
            " soft = smoothed(loss, a, kind), noise = standardDraws(kind, 200, seed).map((draw) => a * draw);"
            " return [descent(loss, start, rate, noise), minimaOf(soft), minimaOf(soft).map((w) => [valueAt(soft, w),"
            " bendAt(soft, w)]), slopeAt(soft, start), noise]; })"
        )
        found = in_javascript("smoothed_waves", code, tmp_path, "random_numbers")
        for (index, kind, a, start, rate, seed), (path, minima, bends, slope, noise) in zip(cases, found, strict=True):
            loss = list(LOSSES.values())[index]
            soft, python = loss.smoothed(a, kind), a * standard_draws(kind, 200, seed)
            assert noise == pytest.approx(python.tolist(), abs=1e-12)
            assert path == descent(loss, start, rate, python)  # to the last digit: jumps magnify each difference
            assert minima == pytest.approx(soft.minima(), abs=1e-9)
            assert np.allclose(bends, [[soft.value(w), soft.bend(w)] for w in soft.minima()], atol=1e-7)
            assert slope == pytest.approx(float(soft.slope(start)), abs=1e-9)


def minima_at(loss: WaveLoss, kind: str) -> dict[float, list[float]]:
    return {a: loss.smoothed(a, kind).minima() for a in STRENGTHS}


class TestSmoothedLoss:
    def test_the_sharp_minimum_goes_and_stays_gone(self):
        smallest = {}
        for kind in KINDS:
            minima = minima_at(WELLS, kind)
            smallest[kind] = next(a for a in STRENGTHS if len(minima[a]) == 1)
            for a in STRENGTHS:
                assert len(minima[a]) == (1 if a >= smallest[kind] else 2)
            assert minima[smallest[kind]][0] == pytest.approx(1.05, abs=0.02)  # the flat one is left
        assert smallest == {"uniform": 0.96, "normal": 0.52}

    def test_uniform_noise_takes_ripples_away_and_brings_them_back(self):
        uniform, normal = minima_at(RIPPLES, "uniform"), minima_at(RIPPLES, "normal")
        assert next(a for a in STRENGTHS if len(uniform[a]) == 1) == 0.36
        assert abs(RIPPLES.smoothed(0.4, "uniform").waves[0][1]) < 1e-12
        assert len(uniform[0.56]) == 2
        assert RIPPLES.smoothed(0.56, "uniform").waves[0][1] < 0 < RIPPLES.waves[0][1]
        assert next(a for a in STRENGTHS if len(normal[a]) == 1) == 0.28
        assert all(len(normal[a]) == 1 for a in STRENGTHS if a >= 0.28)

    def test_smoothout_leaves_the_sharp_minimum_and_plain_descent_does_not(self):
        for seed in range(1, 11):
            plain, smooth = SmoothedLoss(a=1.0, rate=0.1, steps=200, seed=seed).paths()
            assert plain[-1] < -0.9
            assert np.mean(smooth[-20:]) > 0.7

    def test_a_large_rate_leaves_the_sharp_minimum_without_noise(self):
        for rate, end in ((0.05, -1.194), (0.2, 1.113)):  # stable below 2 divided by 33.86
            plain, _ = SmoothedLoss(rate=rate, steps=200).paths()
            assert plain[-1] == pytest.approx(end, abs=1e-3)

    def test_without_noise_both_descents_are_one(self):
        plain, smooth = SmoothedLoss(a=0).paths()
        assert plain == smooth
        assert len(plain) == 101

    def test_every_stop_makes_a_path_that_stays_near_the_picture(self):
        for loss in LOSSES:
            for kind in KINDS:
                for start in (STARTS[0], STARTS[-1]):
                    paths = SmoothedLoss(loss, kind, 1.2, start, RATES[-1], 200).paths()
                    assert np.max(np.abs(paths)) < 3.5

    def test_tables(self):
        figure = SmoothedLoss(a=0.96, steps=7)
        caption, rows = figure.table()
        assert caption == "Minima of C and of its smoothing: uniform noise, a = 0.96"
        assert [row[0] for row in rows] == ["Minimum", "C, 1", "C, 2", "smoothed, 1"]
        assert rows[1][1] == "−1.194"
        assert float(rows[1][3]) == pytest.approx(float(WELLS.bend(WELLS.minima()[0])), abs=0.01)
        caption, rows = figure.steps_table()
        assert caption == "Descents from w = −2, η = 0.05, seed 1"
        assert [row[0] for row in rows[1:]] == ["0", "1", "2", "5", "7"]
        assert rows[1][1:] == ["−2", "1.65", "−2", "1.65"]
        plain, smooth = figure.paths()
        assert [float(rows[-1][i].replace("−", "-")) for i in (1, 3)] == pytest.approx([plain[7], smooth[7]], abs=6e-4)
        assert len(SmoothedLoss(steps=0).steps_table()[1]) == 2

    def test_the_last_slope_is_drawn_where_it_was_taken(self):
        figure = SmoothedLoss(a=0.3, steps=5)
        place = figure.paths()[1][4] + figure.noise()[4]
        shape = next(one for one in ET.fromstring(figure.picture).iter() if one.get("class") == "probe").get("d")
        x0, y0, x1, y1 = (float(number) for number in re.findall(r"-?[\d.]+", shape)[:4])
        assert (x0 + x1) / 2 == pytest.approx(190 + 52 * place, abs=0.1)
        rise = -(y1 - y0) / 200 * 2.4 / ((x1 - x0) / 52)
        assert rise == pytest.approx(float(WELLS.slope(place)), abs=0.05)
        assert 'class="probe" d=""' in SmoothedLoss(steps=0).picture

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"a": -0.1}, r"a is -0.1; choose a number, 0.0\.\.1.2"),
            ({"a": 1.3}, "a is 1.3"),
            ({"a": math.nan}, "a is nan"),
            ({"a": "1"}, "a is '1'"),
            ({"a": True}, "a is True"),
            ({"start": 3}, r"start is 3; choose a number, -2.6\.\.2.6"),
            ({"rate": 0}, r"rate is 0; choose a number, 0.001\.\.0.5"),
            ({"steps": 201}, r"steps is 201; choose a whole number, 0\.\.200"),
            ({"steps": 1.5}, "steps is 1.5"),
            ({"seed": 0}, r"seed is 0; choose a whole number, 1\.\.9999"),
        ],
    )
    def test_refuses_what_it_cannot_show(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            SmoothedLoss(**arguments)

    def test_refuses_later_and_by_name_what_it_cannot_show(self):
        figure = SmoothedLoss()
        values = {"loss": "a hill", "kind": "box", "a": 2.0, "start": -3.0, "rate": 1.0, "steps": 201, "seed": 0}
        for name, value in values.items():
            with pytest.raises(traitlets.TraitError, match=name):
                setattr(figure, name, value)
        with pytest.raises(traitlets.TraitError, match="loss"):
            SmoothedLoss("a hill")


ONE = [(-1, 3), (0, 1), (1, 2)]


class TestLossSlices:
    def test_tables(self):
        caption, rows = loss_slices().table()
        assert caption == "Losses at α = 1, <synthetic> images"
        assert rows[1] == ["SGD", "0.1", "2.1", "1.6", "2.6", "2", "1"]
        assert rows[2] == ["<Smooth>Out", "0.2", "1", "0.9", "1.1", "0.8", "0.4"]
        caption, rows = loss_slices(alpha=-0.5).slices_table()
        assert caption == "Mean losses of all directions, <synthetic> images"
        assert rows == [
            ["α", "SGD", "<Smooth>Out"],
            ["−1", "2.2", "1.3"],
            ["−0.5", "0.5", "0.35"],
            ["0", "0.1", "0.2"],
            ["0.5", "0.5", "0.35"],
            ["1", "2.1", "1"],
        ]

    def test_at_zero_nothing_rises(self):
        directions = [[(-1, 1.0), (0, 0.1), (1, 1.0)]] * 3  # 0.1 + 0.1 + 0.1 is not 0.3
        _, (_, cells) = LossSlices({"a": directions}, "x", alpha=0).table()
        assert cells == ["a", "0.1", "0.1", "0.1", "0.1", "0", "–"]
        assert checked_slices({"a": directions})["a"].rises()[1] == 0

    def test_no_ratio_where_the_first_loss_falls(self):
        _, rows = LossSlices({"a": [(-1, 0.5), (0, 1), (1, 0.5)], "b": ONE}, "x").table()
        assert [row[-2:] for row in rows[1:]] == [["−0.5", "–"], ["1", "–"]]

    def test_one_slice_or_several_in_any_order_also_as_tuples(self):
        one = checked_slices({"a": ONE[::-1]})["a"]
        assert (one.alphas, one.losses) == ([-1, 0, 1], [[3, 1, 2]])
        several = checked_slices({"a": (tuple(map(tuple, ONE)), ONE)})["a"]
        assert several.losses == [[3, 1, 2]] * 2
        from_file = json.loads(json.dumps(SLICES))
        assert LossSlices(from_file, "<synthetic> images").table() == loss_slices().table()

    @pytest.mark.parametrize("view", slices.VIEWS)
    def test_lines_stand_where_their_numbers_say(self, view):
        networks = checked_slices(SLICES)
        left, right, low, high = slices.frame(networks, view)
        assert (left, right) == (-1, 1)
        drawing = ET.fromstring(loss_slices(view=view).picture)
        for i, network in enumerate(networks.values()):
            group = next(one for one in drawing.iter() if one.get("class") == f"s{i}")
            values = network.rises() if view == "rise" else network.means()
            band, line = group[0].get("points").split(), group[1].get("points").split()
            for j, (alpha, value) in enumerate(zip(network.alphas, values, strict=True)):
                x, y = map(float, line[j].split(","))
                assert x == pytest.approx(52 + 334 * (alpha + 1) / 2, abs=0.06)
                assert low + (high - low) * (246 - y) / 210 == pytest.approx(value, abs=0.01)
                top, bottom = (float(point.split(",")[1]) for point in (band[j], band[-1 - j]))
                size = (bottom - top) / 210 * (high - low)
                assert size == pytest.approx(network.spread()[j][1] - network.spread()[j][0], abs=0.02)

    @pytest.mark.parametrize("values", [[0, 0, 0], [-2, -3, -2.5], [1e-6, 0, 1e-6], [5e5, 1, 2e5]])
    def test_the_frame_encloses_all_losses(self, values):
        networks = checked_slices({"a": list(zip((-1, 0, 1), values, strict=True))})
        for view in slices.VIEWS:
            _, _, low, high = slices.frame(networks, view)
            own = networks["a"].trained if view == "rise" else 0
            assert low <= min(values) - own <= max(values) - own <= high
            assert low < high
            ET.fromstring(slices.draw(networks, view, 0, "x"))

    @pytest.mark.parametrize(
        ("networks", "message"),
        [
            ({}, "there are 0 networks; 1 to 4 lines can be told apart"),
            ({str(i): ONE for i in range(5)}, "there are 5 networks"),
            ([ONE], "give a dict such as"),
            ({"a": []}, "network 'a' is \\[\\]"),
            ({"a": "text"}, "network 'a' is 'text'"),
            ({"a": ONE[:2]}, "give 3 to 101 pairs"),
            ({"a": [ONE, ONE[:2]]}, "give 3 to 101 pairs"),
            ({"a": [ONE] * 65}, "has 65 directions; give at most 64"),
            ({"a": [(-1, 3), (0, math.nan), (1, 2)]}, r"holds \(0, nan\); give pairs of finite numbers"),
            ({"a": [(-1, 3), (0, True), (1, 2)]}, r"holds \(0, True\)"),
            ({"a": [(-1, 3), (0, "1"), (1, 2)]}, r"holds \(0, '1'\)"),
            ({"a": [(-1, 3), (0, 1), (1, 2, 3)]}, r"holds \(1, 2, 3\)"),
            ({"a": [(-1, 3), (1, 1), (1, 2)]}, "two losses at one alpha"),
            ({"a": [(-1, 3), (0.5, 1), (1, 2)]}, "has no loss at alpha 0"),
            ({"a": [ONE, [(-2, 3), (0, 1), (1, 2)]]}, "the directions of 'a' have different positions"),
            ({"a": [ONE, [(-1, 3), (0, 1.5), (1, 2)]]}, r"have the losses 1.0, 1.5; there it is one network"),
            ({"a": ONE, "b": [(-2, 3), (0, 1), (1, 2)]}, "'b' has other positions than 'a'"),
        ],
    )
    def test_refuses_damaged_slices(self, networks, message):
        with pytest.raises(ValueError, match=message):
            LossSlices(networks, "x")

    def test_refuses_positions_and_views_that_are_not_there(self):
        for alpha in (0.3, "1", True):
            with pytest.raises(ValueError, match=r"choose one of -1\.0, -0\.5, 0\.0, 0\.5, 1\.0"):
                loss_slices(alpha=alpha)
        figure = loss_slices()
        for name, value in {"alpha": 0.3, "view": "gain"}.items():
            with pytest.raises(traitlets.TraitError, match=name):
                setattr(figure, name, value)

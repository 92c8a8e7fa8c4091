"""The Python side of the three figures on TernGrad: draws, the clip, and the time of a step."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
import torch
import traitlets
from test_widgets import in_javascript

from effdl_lite.measure import count_macs, count_parameters
from effdl_lite.methods.terngrad import (
    ALL_GATHER,
    BASE_3,
    PARAMETER_SERVER,
    TWO_BIT,
    Cluster,
    Quantizer,
    Work,
    break_even_bandwidth,
    clip,
    firing_probability,
    float_exchange,
    scale,
    speedup,
    ternarize,
    ternary_exchange,
    variance,
)
from effdl_lite.models import CifarResNet
from effdl_lite.widgets import ClipTradeoff, StepTimeModel, TernaryWalk, best_workers, clip_error
from effdl_lite.widgets import clip_tradeoff as clips
from effdl_lite.widgets.clip_errors import median_largest
from effdl_lite.widgets.figure import plain
from effdl_lite.widgets.random_numbers import random_numbers
from effdl_lite.widgets.step_networks import NETWORKS, count_network
from effdl_lite.widgets.step_time_picture import seconds, with_unit
from effdl_lite.widgets.step_times import step_times
from effdl_lite.widgets.ternary_draws import (
    averages,
    draw_codes,
    expected_distance,
    standard_errors,
    variances,
)
from effdl_lite.widgets.ternary_walk import STARTS, WORKERS

SLIDE = STARTS["three elements"]


class TestDraws:
    def test_the_random_numbers_are_mulberry32(self):
        """Its first numbers for the seeds 0 and 1, from a second implementation with Python's own whole numbers."""
        for seed in (0, 1, 9999):
            state, expected = seed, []
            for _ in range(1000):
                state = (state + 0x6D2B79F5) % 2**32
                t = (state ^ (state >> 15)) * (state | 1) % 2**32
                t ^= (t + (t ^ (t >> 7)) * (t | 61)) % 2**32
                expected.append((t ^ (t >> 14)) / 2**32)
            assert random_numbers(seed, 1000).tolist() == expected

    def test_the_random_numbers_are_uniform(self):
        numbers = random_numbers(1, 200_000)
        counts = np.bincount((numbers * 20).astype(int), minlength=20)
        assert ((counts - 10_000) ** 2 / 10_000).sum() < 70  # chi squared, 19 degrees of freedom: once in 1e7
        assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 5.5 / math.sqrt(len(numbers))

    def test_the_worked_example(self):
        values = torch.tensor(SLIDE, dtype=torch.float64)
        assert variances(SLIDE) == pytest.approx([0.27, 0, 0.27])
        assert variances(SLIDE) == variance(values, scale(values)[0]).tolist()
        assert firing_probability(values).tolist() == pytest.approx([0.25, 1, 0.75])
        assert expected_distance(SLIDE, 54) == pytest.approx(0.1)

    @pytest.mark.parametrize("gradient", STARTS.values(), ids=STARTS)
    def test_draws_have_the_mean_and_the_variance_of_the_method(self, gradient):
        codes = draw_codes(gradient, 5_000, 8, seed=7)
        draws = max(map(abs, gradient)) * codes.reshape(-1, len(gradient))
        errors = standard_errors(gradient, len(draws))
        for own, error, expected, g in zip(draws.T, errors, variances(gradient), gradient, strict=True):
            assert abs(own.mean() - g) <= 5.5 * error + 1e-12
            assert own.var() == pytest.approx(expected, rel=0.2, abs=1e-12)
        assert set(codes.ravel().tolist()) <= {-1, 0, 1}

    def test_workers_draw_in_one_step_what_one_draws_in_several(self):
        one, four = draw_codes(SLIDE, 40, 1, seed=3), draw_codes(SLIDE, 10, 4, seed=3)
        assert np.array_equal(one.reshape(four.shape), four)
        assert np.allclose(averages(SLIDE, one)[3::4], averages(SLIDE, four))

    @pytest.mark.needs("node")
    def test_javascript_draws_the_same(self, tmp_path):
        cases = [
            [list(gradient), steps, workers, seed]
            for gradient in (*STARTS.values(), (5e-7, -3e6))
            for steps, workers, seed in ((1, 1, 1), (1000, 1, 2), (130, 64, 9999), (7, 16, 42))
        ]
        code = (
            f"{json.dumps(cases)}.map(([gradient, ...rest]) => [averagesOf(gradient, ...rest), "
            "codesOf(gradient, rest[0] - 1, rest[1], rest[2]), variancesOf(gradient), expectedDistance(gradient, 3)])"
        )
        found = in_javascript("ternary_draws", code, tmp_path, "random_numbers")
        for (gradient, steps, workers, seed), (means, last, own, expected) in zip(cases, found, strict=True):
            codes = draw_codes(gradient, steps, workers, seed)
            assert codes[-1].tolist() == last
            assert averages(gradient, codes).tolist() == means
            assert own == pytest.approx(variances(gradient), rel=1e-12)
            assert expected == pytest.approx(expected_distance(gradient, 3), rel=1e-12)


class TestTernaryWalk:
    def test_answer_of_the_task(self):
        def first_below(workers):
            return next(step for step in range(1, 1001) if expected_distance(SLIDE, step * workers) < 0.1)

        assert first_below(16) == 4
        assert first_below(1) in (54, 55)  # at 54 it is 0.1 but for rounding
        _, rows = TernaryWalk(steps=55).steps_table()
        assert rows[-1][3] == plain(math.sqrt(0.54 / 55)) == "0.0991"

    def test_tables(self):
        figure = TernaryWalk(steps=20, workers=4, seed=2)
        caption, rows = figure.table()
        assert caption == "After 20 steps of 4 workers, seed 2"
        assert [row[:3] for row in rows[1:]] == [["1", "0.3", "0.25"], ["2", "−1.2", "1"], ["3", "0.9", "0.75"]]
        assert rows[2][3:] == ["−1.2", "−1.2", "0", "exact"]
        assert rows[1][5] == plain(math.sqrt(0.27 / 80))
        assert [row[:2] for row in figure.steps_table()[1][1:]] == [
            ["1", "4"], ["2", "8"], ["5", "20"], ["10", "40"], ["20", "80"],
        ]  # fmt: skip
        assert TernaryWalk(steps=1).table()[0] == "After 1 step of 1 worker, seed 1"

    def test_the_last_step_is_a_ternary_gradient_and_of_more_workers_a_level_between(self):
        assert set(TernaryWalk(steps=3).last()) <= {-1.2, 0.0, 1.2}
        levels = {1.2 * i / 4 for i in range(-4, 5)}
        for value in TernaryWalk(workers=4).last():
            assert min(abs(value - level) for level in levels) < 1e-12

    def test_own_elements_come_first(self):
        figure = TernaryWalk((0.5, -0.25), element=1)
        assert figure.start == "your elements"
        assert figure.gradient == (0.5, -0.25)
        assert "0.5" in figure.picture
        figure.start = "six elements"
        assert figure.gradient == STARTS["six elements"]
        assert TernaryWalk(torch.tensor([1.0, 2.0]).tolist()).gradient == (1, 2)

    def test_all_numbers_of_workers(self):
        for workers in WORKERS:
            assert len(TernaryWalk(workers=workers).averages()) == 10

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"gradient": [1]}, r"has 1 elements; the figure has room for 2\.\.8"),
            ({"gradient": range(9)}, "has 9 elements"),
            ({"gradient": [0, 0.0]}, "all elements are 0"),
            ({"gradient": [1, math.nan]}, "holds nan; give finite numbers"),
            ({"gradient": [1, -math.inf]}, "holds -inf"),
            ({"gradient": [1, "2"]}, "holds '2'"),
            ({"gradient": torch.ones(3)}, r"holds tensor\(1\.\); give finite numbers \(of a tensor, its tolist\(\)\)"),
            ({"steps": 0}, r"steps is 0; choose a whole number, 1\.\.1000"),
            ({"steps": 1001}, "steps is 1001"),
            ({"steps": 2.5}, "steps is 2.5"),
            ({"workers": 3}, "workers is 3; choose one of 1, 2, 4"),
            ({"workers": True}, "workers is True"),
            ({"seed": 0}, r"seed is 0; choose a whole number, 1\.\.9999"),
            ({"element": 3}, r"element is 3; choose a whole number, 0\.\.2"),
        ],
    )
    def test_refuses_what_it_cannot_show(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            TernaryWalk(**arguments)

    def test_refuses_later_what_it_cannot_show(self):
        figure = TernaryWalk()
        for name, value in {"start": "four", "steps": 0, "workers": 5, "seed": 10_000, "element": 8}.items():
            with pytest.raises(traitlets.TraitError, match=name):
                setattr(figure, name, value)


class TestClipError:
    @pytest.mark.parametrize("c", [0.4, 1.0, 1.7, 2.5, 3.0])
    def test_against_ternary_gradients(self, c):
        """All means lie within 5.5 standard errors, which chance leaves once in 2.6e7."""
        generator = torch.Generator().manual_seed(1)
        gradient = torch.randn(100_000, generator=generator, dtype=torch.float64)
        scaler, _ = scale(gradient, c, "code")
        clipped = clip(gradient, c)

        def close(values, expected):
            error = values.std().item() / math.sqrt(len(values))
            assert abs(values.mean().item() - expected) < 5.5 * error

        for workers in (1, 3):
            draws = [ternarize(gradient, scaler, generator=generator) for _ in range(workers)]
            mean, expected = torch.stack(draws).mean(0), clip_error(c, workers)
            close((mean - gradient).square(), expected.error)
            close((mean - clipped).square(), expected.variance)
        close((clipped - gradient).square(), expected.bias)
        close((draws[0] == 0).double(), expected.zeros)

    def test_bias_and_variance_by_integration(self):
        x = np.linspace(0, 12, 1_200_001)
        density = 2 * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
        for c in (0.3, 1.0, 2.5, 4.0):
            y, error = np.minimum(x, c), clip_error(c, 5)
            assert error.bias == pytest.approx(np.trapezoid((x - y) ** 2 * density, x), abs=1e-9)
            assert error.variance == pytest.approx(np.trapezoid(y * (c - y) * density, x) / 5, abs=1e-9)

    def test_zeros_at_the_papers_clip(self):
        assert clip_error(2.5).zeros == pytest.approx(1 - 0.31755, abs=1e-5)

    @pytest.mark.parametrize("c", [0.7, 1.0, 2.0, 2.5, 3.0])
    def test_the_best_number_of_workers_makes_the_clip_the_best(self, c):
        workers = best_workers(c)
        one = clip_error(c)

        def error(other):
            return clip_error(other).bias + clip_error(other).variance / workers

        assert error(c) == pytest.approx(one.bias + one.variance / workers)
        assert min(error(c * (1 - 1e-3)), error(c * (1 + 1e-3))) > error(c)
        assert (error(c * 1.0001) - error(c / 1.0001)) / error(c) == pytest.approx(0, abs=1e-8)

    def test_the_papers_clip_suits_the_mean_of_about_95_draws(self):
        assert best_workers(2.5) == pytest.approx(95.16, abs=0.01)

    @pytest.mark.parametrize("elements", [1, 100, 10_000])
    def test_half_of_all_gradients_have_no_larger_element(self, elements):
        gradients = torch.randn(4_000_000 // elements, elements, generator=torch.Generator().manual_seed(0))
        share = (gradients.abs().amax(1) < median_largest(elements)).double().mean().item()
        assert share == pytest.approx(0.5, abs=5.5 * 0.5 / math.sqrt(len(gradients)))

    @pytest.mark.parametrize(("c", "workers", "message"), [(0, 1, "c is 0"), (2.5, 0, "0 workers; at least 1")])
    def test_refuses_what_means_nothing(self, c, workers, message):
        with pytest.raises(ValueError, match=message):
            clip_error(c, workers)


class TestClipTradeoff:
    def test_answers_of_the_task(self):
        figure = ClipTradeoff()
        assert {workers: figure.best(workers) for workers in (1, 64)} == {1: 1.0, 64: 2.4}
        one, many = clip_error(1.0), clip_error(2.4, 64)
        assert one.bias > one.variance
        assert many.bias < many.variance

    def test_tables(self):
        caption, rows = ClipTradeoff().table()
        assert caption == "Errors at c = 2.5, shares of σ²"
        assert rows[1] == ["1", "0.0024", "1.01", "1.01", "0.266", "1"]
        assert rows[7] == ["64", "0.0024", "0.0157", "0.0181", "0.0179", "2.4"]
        caption, rows = ClipTradeoff(workers=4).clips_table()
        assert caption == "Clips for 4 workers, errors as shares of σ²"
        assert rows[6] == ["2.5", "0.0024", "0.252", "0.254", "68.2 %", "−1.13 %", "2.75°"]
        assert rows[11][1] == "below 0.0001"
        assert "0.00 %" in rows[-1]

    def test_another_clip_becomes_a_stop(self):
        figure = ClipTradeoff(c=2.33)
        assert "2.33" in [row[0] for row in figure.clips_table()[1]]
        with pytest.raises(traitlets.TraitError, match=r"c is 2.34; choose one of 0.1, 0.15"):
            figure.c = 2.34
        with pytest.raises(traitlets.TraitError, match="workers"):
            figure.workers = 3

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"c": 0}, r"c is 0; choose 0\.1\.\.5\.5 standard deviations"),
            ({"c": 5.6}, "c is 5.6"),
            ({"c": math.nan}, "c is nan"),
            ({"c": "2"}, "c is '2'"),
            ({"c": True}, "c is True"),
            ({"workers": 3}, "workers is 3; choose one of 1, 2, 4"),
        ],
    )
    def test_refuses_what_it_cannot_show(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            ClipTradeoff(**arguments)

    def test_small_numbers_have_no_exponent(self):
        assert clips.size(9.9e-5) == "below 0.0001"
        assert clips.size(1e-4) == "0.0001"


def worked(name: str) -> Work:
    return count_network(name).work()


class TestStepTimes:
    @pytest.mark.parametrize("exchange", [PARAMETER_SERVER, ALL_GATHER])
    @pytest.mark.parametrize("workers", [1, 2, 16])
    def test_they_are_those_of_the_model(self, exchange, workers):
        cluster, work = Cluster(workers, 1e8, 1e-4, exchange), worked("CifarNet")
        plain_time, *others = step_times(cluster, work, 2e9)
        assert plain_time.step == work.compute + float_exchange(cluster, work)
        for time, codec in zip(others, (TWO_BIT, BASE_3), strict=True):
            quantizer = Quantizer(codec, 0.25e-9, 0.25e-9)
            assert time.step == work.compute + ternary_exchange(cluster, work, quantizer)
            assert time.compute + time.network + time.codec == pytest.approx(time.step, rel=1e-12)
            assert time.speedup == speedup(cluster, work, quantizer)
            assert time.speedup == pytest.approx(plain_time.step / time.step)
            assert time.pays_below == break_even_bandwidth(cluster, work, quantizer)
        if workers > 1:  # a codec of 2e9 bytes a second: half to encode, half to decode each message
            messages = workers if exchange == ALL_GATHER else 1
            assert others[0].codec == pytest.approx(4 * work.weights / 2e9 * (1 + messages) / 2)
        else:
            assert others[0].step == work.compute

    def test_a_codec_that_takes_no_time(self):
        assert [time.codec for time in step_times(Cluster(4, 1e8), worked("ConvNet"), 0)] == [0, 0, 0]

    def test_networks_are_counted_on_the_models(self):
        net, network = CifarResNet(), count_network("ResNet-20")
        assert network.weights + network.small == count_parameters(net)
        assert network.macs == count_macs(net, torch.zeros(1, 3, 32, 32))
        assert (network.last_weights, network.last_tensors) == (640, 1)
        assert network.small == sum(w.numel() for w in net.parameters() if w.numel() < 256)
        assert count_network("AlexNet").weights + count_network("AlexNet").small == 61_100_840
        for name in NETWORKS:
            network = count_network(name)
            whole, last = network.work(), network.work(last_float=True)
            assert whole.weights + whole.float_weights == last.weights + last.float_weights
            assert whole.compute == last.compute == network.compute

    def test_counting_leaves_the_random_numbers_alone(self):
        count_network.cache_clear()
        before = torch.get_rng_state()
        count_network("CifarNet")
        assert torch.equal(before, torch.get_rng_state())

    def test_unknown_network(self):
        with pytest.raises(ValueError, match="network 'LeNet' is unknown; choose one of AlexNet, VGG-A"):
            count_network("LeNet")

    @pytest.mark.needs("node")
    def test_javascript_computes_the_same(self, tmp_path):
        works = [worked(name) for name in NETWORKS] + [count_network("AlexNet").work(0.5, last_float=True)]
        works.append(Work(weights=7, compute=1e-3))
        clusters = [
            Cluster(*numbers, exchange)
            for *numbers, exchange in itertools.product(
                (1, 2, 3, 64, 512), (1.25e6, 125e6, 1.25e10), (0.0, 5e-5, 0.01), (PARAMETER_SERVER, ALL_GATHER)
            )
        ]
        cases = list(itertools.product(clusters, works, (0.0, 2e9)))
        given = [
            [
                {"workers": c.workers, "bandwidth": c.bandwidth, "latency": c.latency, "gather": "all" in c.exchange},
                {"weights": w.weights, "rest": w.float_weights, "tensors": w.tensors, "compute": w.compute},
                speed,
            ]
            for c, w, speed in cases
        ]
        codecs = [["TernGrad, 2 bits", 4], ["TernGrad, base 3", 5]]
        code = (
            f"{json.dumps(given)}.map((one) => stepTimes(...one, {json.dumps(codecs)})"
            ".map((time) => ({ ...time, paysBelow: time.paysBelow === Infinity ? -1 : time.paysBelow })))"
        )
        for case, found in zip(cases, in_javascript("step_times", code, tmp_path), strict=True):
            for time, other in zip(step_times(*case), found, strict=True):
                expected = dataclasses.asdict(time)
                pays_below = expected.pop("pays_below")
                assert other.pop("paysBelow", None) == (
                    None if math.isnan(pays_below) else -1 if math.isinf(pays_below) else pays_below
                )
                assert other.pop("speedup") == pytest.approx(expected.pop("speedup"), rel=1e-12)
                assert other == expected  # to the last digit


def slower(figure: StepTimeModel) -> list[str]:
    return [name for name in NETWORKS if figure.times(name)[1].speedup < 1]


class TestStepTimeModel:
    def test_answer_of_the_task(self):
        found = {workers: slower(StepTimeModel(workers=workers, exchange=ALL_GATHER)) for workers in (2, 4, 8, 16, 32)}
        assert found == {2: [], 4: [], 8: [], 16: ["ConvNet"], 32: list(NETWORKS)}

    def test_at_a_server_it_pays_for_all_networks_at_the_start(self):
        assert slower(StepTimeModel()) == []
        assert slower(StepTimeModel(bandwidth=1e11, workers=2)) == list(NETWORKS)

    def test_tables(self):
        caption, rows = StepTimeModel().table()
        assert caption == (
            "AlexNet, 137 ms of compute: parameter server, 8 workers, 1.00 Gbit/s, latency 50.0 µs, codec 2.00 GB/s, "
            "last layer ternary"
        )
        assert rows[1] == ["fp32", "137 ms", "31.3 s", "0 s", "31.4 s", "1", "244 MB", "–"]
        assert rows[2][-3:] == ["8.54", "15.3 MB", "228 Gbit/s"]
        caption, rows = StepTimeModel(codec=0, last_float=True, workers=1).networks_table()
        assert caption.endswith("1 worker, 1.00 Gbit/s, latency 50.0 µs, no time for the codec, last layer in fp32")
        assert rows[4] == ["CifarNet", "1,066,048", "2,378", "18.5 M", "3.55 ms", "1", "1"]

    def test_another_compute_time(self):
        figure = StepTimeModel(compute=2.0)
        assert figure.times()[0].compute == 2
        assert figure.times("AlexNet")[0].compute == count_network("AlexNet").compute
        assert figure.times()[1].speedup < StepTimeModel().times()[1].speedup

    @pytest.mark.parametrize(
        ("value", "text"), [(0, "0 s"), (0.9999, "1.00 s"), (5e-5, "50.0 µs"), (31.4159, "31.4 s"), (1234, "1230 s")]
    )
    def test_seconds(self, value, text):
        assert seconds(value) == text
        assert with_unit(12, "B") == "12.0 B"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"network": "LeNet"}, "network 'LeNet' is unknown"),
            ({"exchange": "ring"}, "exchange 'ring' is unknown; choose one of parameter server, all-gather"),
            ({"workers": 3}, "workers is 3; choose one of 1, 2, 4"),
            ({"workers": True}, "workers is True"),
            ({"bandwidth": 0}, r"bandwidth is 0; choose 10000000\.\.1e\+11 bits a second"),
            ({"bandwidth": math.nan}, "bandwidth is nan"),
            ({"latency": -1e-6}, r"latency is -1e-06; choose 0\.\.0\.01 seconds"),
            ({"compute": 0}, r"compute is 0; choose 0\.0001\.\.10 seconds"),
            ({"compute": "1"}, "compute is '1'"),
            ({"codec": -1}, "codec is -1; .* or 0 for a codec that takes no time"),
            ({"codec": math.inf}, "codec is inf"),
        ],
    )
    def test_refuses_what_it_cannot_show(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            StepTimeModel(**arguments)

    def test_refuses_later_what_it_cannot_show(self):
        figure = StepTimeModel()
        changes = {"network": "LeNet", "exchange": "ring", "workers": 7, "bandwidth": 1.0, "compute": 0.0, "codec": 5.0}
        for name, value in changes.items():
            with pytest.raises(traitlets.TraitError, match=name):
                setattr(figure, name, value)

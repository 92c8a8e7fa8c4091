"""The benchmark of SmoothOut measures what it says. No test looks at a time."""

import numpy as np
import pytest
import torch
from quick_benchmark import quick_results

from effdl_lite.measure import Comparison, cpu_has_bf16, num_threads
from effdl_lite.methods.smoothout import SmoothOut
from effdl_lite.models import CifarResNet
from effdl_lite.training import classification_loss
from experiments.benchmarks import smoothout as benchmark
from experiments.sharpness_aware import SAM

TINY = benchmark.Effort(rounds=1, seconds_a_round=1e-6, training_batches=(2,))
ALONE = [*benchmark.METHODS, benchmark.EMA]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    efforts = (benchmark.Effort(), TINY)
    return quick_results(tmp_path_factory.mktemp("bench"), "smoothout", benchmark.JOBS, benchmark.table, efforts)


def test_every_method_is_measured_alone_and_in_whole_steps_beside_the_plain_one(quick):
    arithmetic = ["float32", *["bf16"] * cpu_has_bf16()]
    found = [(row["arithmetic"], row["candidate"]) for row in quick["overhead"]]
    whole = [benchmark.PLAIN, *(f"training step with {name}" for name in benchmark.METHODS), benchmark.SAM_STEP]
    assert found == [(of, name) for of in arithmetic for name in [*ALONE, *whole]]
    plain = [row for row in quick["overhead"] if row["candidate"] == benchmark.PLAIN]
    assert all(row["added"] == [0, 0, 0] for row in plain)
    assert "QUICK" in quick["table"][0]


def test_the_goals_are_asked_of_a_batch_of_128_in_float32(monkeypatch):
    asked = []
    seconds = dict.fromkeys([*ALONE, *(f"training step with {n}" for n in benchmark.METHODS)], np.ones(1))
    times = Comparison(seconds | {benchmark.PLAIN: np.ones(1), benchmark.SAM_STEP: np.ones(1)}, 1)
    monkeypatch.setattr(benchmark.Effort, "compare", lambda effort, candidates: times)
    for batch, bf16 in ((128, False), (128, True), (32, False)):
        rows = benchmark.overhead(TINY, batch, bf16)
        asked += [(batch, bf16, row["candidate"], row["goals"]) for row in rows if row["goals"]]
    assert asked == [(128, False, "SmoothOut", {"share_of_step": 0.01, "below_sam": 100})]


def test_shares_are_medians_over_rounds_of_what_is_added():
    seconds = {
        benchmark.PLAIN: np.array([1.0, 2.0, 4.0]),
        benchmark.SAM_STEP: np.array([2.0, 4.0, 8.0]),
        "SmoothOut": np.array([0.01, 0.01, 0.01]),
        "training step with SmoothOut": np.array([1.1, 2.1, 4.1]),
    }
    times = Comparison(seconds, 1)
    alone = benchmark.row_of({}, times, "SmoothOut")
    assert alone["added"] == pytest.approx([0.005, 0.00375, 0.0075])
    assert alone["below_sam"] == pytest.approx([200, 150, 300])
    whole = benchmark.row_of({}, times, "training step with SmoothOut")
    assert whole["added"][0] == pytest.approx(0.05)
    assert whole["below_sam"] is None
    assert benchmark.row_of({}, times, benchmark.SAM_STEP)["added"] == [1, 1, 1]


@pytest.mark.parametrize(
    ("added", "below", "verdict"), [(0.009, 120, "reached"), (0.011, 120, "MISSED"), (0.009, 99, "MISSED")]
)
def test_both_goals_must_be_reached(added, below, verdict):
    row = {"goals": benchmark.GOALS["SmoothOut"], "added": [added, 0, 1], "below_sam": [below, 0, 1]}
    assert benchmark.reached(row) == f"≤ 1 %, ≥ 100 x below SAM {verdict}"


def test_what_is_timed_are_whole_steps_with_the_method():
    torch.manual_seed(0)
    net, passes = CifarResNet(8), []
    net.register_forward_hook(lambda *_: passes.append(1))
    data = torch.randn(2, 3, 32, 32), torch.arange(2)
    before = [weight.detach().clone() for weight in net.parameters()]
    for method, expected in ((None, 1), (SmoothOut(net, 0.01), 1), (SAM(net, 0.05), 2)):
        passes.clear()
        benchmark.step_of(net, data, False, method)()
        assert len(passes) == expected
    assert not any(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert classification_loss(net, data)[0].isfinite()


@pytest.mark.parametrize("place", ["before_forward", "after_backward"])
def test_noise_that_is_missing_or_left_in_is_not_timed(place, monkeypatch):
    monkeypatch.setattr(SmoothOut, place, lambda method, model: None)
    with pytest.raises(
        RuntimeError, match=r"SmoothOut moves \d+% of the weights and brings back all: (True|False); do not"
    ):
        benchmark.overhead(TINY, 2, bf16=False)

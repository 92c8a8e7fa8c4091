"""The benchmark of low rank measures what it says: the right layers, equal outputs. No test looks at a time."""

import pytest
import torch
from quick_benchmark import quick_results

from effdl_lite.measure import count_macs, cpu_has_bf16, num_threads
from effdl_lite.methods.low_rank import break_even_rank, mac_ratio
from experiments import benchmarks as bench
from experiments.benchmarks import low_rank as lra

TINY = bench.Effort(rounds=1, seconds_a_round=1e-6, batches=(2, 1), training_batch=2)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return quick_results(tmp_path_factory.mktemp("bench"), "low_rank", lra.JOBS, lra.table, (TINY, TINY))


def test_the_ratios_of_alexnet_are_those_of_the_papers_table_4(quick):
    found = {
        (row["layer"], row["candidate"]): f"{row['mac_ratio']:.2f}"
        for row in quick["wide"]
        if row["layer"] in ("AlexNet conv3", "AlexNet conv5")
    }
    assert found["AlexNet conv3", "rank 184"] == "1.79"
    assert found["AlexNet conv3", "rank 124"] == "2.65"
    assert found["AlexNet conv5", "rank 146"] == "1.63"
    conv4 = next(layer for layer in lra.WIDE if layer.name == "AlexNet conv4").build()
    assert [f"{mac_ratio(conv4, rank):.2f}" for rank in (201, 106)] == ["1.72", "3.26"]  # 201 is odd, so 200 is timed


def test_every_layer_is_there_in_both_layouts_and_the_wide_ones_have_a_goal(quick):
    for part, layers in (("wide", lra.WIDE), ("thin", lra.THIN)):
        found = {(row["layer"], row["candidate"], row["mode"]) for row in quick[part]}
        ranks = {(layer.name, f"rank {rank}") for layer in layers for rank in layer.ranks}
        assert found == {(*pair, mode) for pair in ranks for mode in lra.LAYER_MODES}
    goals = {row["layer"] for row in quick["wide"] if row["goal"] is not None}
    assert goals == {layer.name for layer in lra.WIDE if layer.channels // layer.groups >= 96}
    for row in quick["wide"]:
        if row["goal"] is not None:
            assert row["mode"] == "channels_last"
            assert row["goal"] == pytest.approx(0.75 * row["mac_ratio"], rel=1e-3)
    assert not [row for row in quick["thin"] if row["goal"] is not None]


@pytest.mark.parametrize("layer", [*lra.WIDE, *lra.THIN], ids=lambda layer: layer.name)
def test_a_layer_keeps_the_size_of_its_maps_and_its_ranks_are_below_break_even(layer):
    conv = layer.build()
    image = torch.zeros(1, layer.channels, layer.size, layer.size)
    weights = layer.channels // layer.groups * layer.kernel**2
    assert count_macs(conv, image) == layer.filters * weights * layer.size**2
    assert all(rank < break_even_rank(conv) and rank % layer.groups == 0 for rank in layer.ranks)


def test_whole_networks_have_half_of_the_work(quick):
    found = {(row["network"], row["mode"]): row["mac_ratio"] for row in quick["networks"]}
    assert found.keys() == {(network, mode) for network in ("ConvNet", "ResNet-20") for mode in bench.MODES}
    assert all(2 <= ratio < 2.2 for ratio in found.values())


def test_the_forms_and_the_forces_have_their_rows(quick):
    forms = {(row["force"], row["form"]) for row in quick["forms"]}
    both = {(kind, form) for kind in lra.FORCES for form in (lra.PAIRS, "Gram matrix")}
    assert forms == both | {("L2", "sum trick")}
    assert [row["form"] for row in quick["forms"] if row["goal"]] == ["sum trick"]
    goals = {row["candidate"]: row["goals"] for row in quick["regularizing"]}
    steps = {"training step"} | ({"training step, bf16"} if cpu_has_bf16() else set())
    assert goals.keys() == {"L2-norm force", "L1-norm force"} | steps
    assert {name for name, goal in goals.items() if goal} == {"L2-norm force", "L1-norm force"}
    assert len(quick["table"]) > len(quick["wide"]) + len(quick["thin"])


def test_what_computes_something_else_is_not_timed(monkeypatch):
    monkeypatch.setattr(lra, "recompose", lambda pair: torch.ones(16, 16, 3, 3))
    with pytest.raises(RuntimeError, match="ResNet-20, 16 filters, rank 8, contiguous is off by"):
        lra.layer_speed(TINY, lra.THIN[0], which=0)
    monkeypatch.setattr(lra, "force_by_sums", lambda filters: -lra.force_by_gram(filters))
    with pytest.raises(RuntimeError, match="L2-norm force by the sum trick is off by"):
        lra.forms(TINY, filters=4, weights=6)
    monkeypatch.setattr(lra.ForceRegularization, "regularize", lambda *_: None)
    with pytest.raises(RuntimeError, match="the L2-norm force is off by"):
        lra.regularizing(TINY)

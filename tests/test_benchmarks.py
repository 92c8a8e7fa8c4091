"""The benchmark measures what it says: the right networks, equal outputs, every row. No test looks at a time."""

import copy
import importlib.util
import json
import re
import sys

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from effdl_lite.measure import Comparison, count_macs, cpu_has_bf16, num_threads
from effdl_lite.methods.structured_sparsity import group_norms
from experiments import benchmarks as bench
from experiments.benchmarks import structured_sparsity as ssl
from experiments.benchmarks import tables

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
STORED = bench.RESULTS / "structured_sparsity.json"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the benchmark; threads that wait for each other make small networks slow on a busy machine."""
    with num_threads(1):
        yield


def filters_of(net):
    return [conv.out_channels for conv in bench.convolutions(net)]


def names(rows):
    """What the rows are about, apart from the batch, and from which mode happened to be the best."""
    return {
        tuple(row.get(key) for key in ("network", "layer", "candidate", "over"))
        + ((row["mode"], row["over_mode"]) if "mode" in row and "best" not in row["over"] else ())
        for row in rows
    }


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A quick run from the command line, where torch-pruning is not installed."""
    output = tmp_path_factory.mktemp("bench") / "quick.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch_pruning", None)
        patch.setattr(sys, "argv", ["bench", "--quick", "--output", str(output)])
        stored = STORED.read_bytes() if STORED.exists() else None
        bench.run("structured_sparsity", "", ssl.JOBS, ssl.table, "torch-pruning")
    assert stored == (STORED.read_bytes() if STORED.exists() else None)
    return json.loads(output.read_text())


def test_compaction_halves_every_width_and_changes_no_output():
    nets = ssl.resnet_candidates(IMAGES)
    dense, ours = nets[ssl.DENSE], nets[ssl.OURS]
    assert filters_of(dense) == [16] * 7 + [32] * 7 + [64] * 7
    assert filters_of(ours) == [8] * 7 + [16] * 7 + [32] * 7
    assert count_macs(dense, IMAGES) / count_macs(ours, IMAGES) == pytest.approx(3.96, abs=0.01)
    with torch.no_grad():
        bench.check_equal("ours", ours(IMAGES), dense(IMAGES))


def test_the_convnet_is_cut_to_odd_widths_and_to_multiples_of_eight():
    nets = ssl.convnet_candidates(IMAGES)
    assert filters_of(nets[ssl.CUT]) == [22, 22, 45]
    assert filters_of(nets[ssl.ROUNDED]) == [24, 24, 48]
    ratios = [count_macs(nets[ssl.DENSE], IMAGES) / count_macs(nets[name], IMAGES) for name in (ssl.CUT, ssl.ROUNDED)]
    assert ratios == pytest.approx([1.93, 1.67], abs=0.01)


@torch.no_grad()
def test_masks_make_half_of_the_filters_zero_and_cut_nothing():
    dense = ssl.halved_resnet(8)
    masked = ssl.masked(dense)
    for conv in bench.convolutions(masked):
        assert prune.is_pruned(conv)
        assert (group_norms(conv, "filter") == 0).sum() == conv.out_channels // 2
    assert count_macs(masked, IMAGES) == count_macs(dense, IMAGES)


@torch.no_grad()
def test_every_mode_computes_the_same_and_is_what_its_name_says():
    for name, net in ssl.resnet_candidates(IMAGES).items():
        if net is None:
            continue
        for mode in bench.MODES:
            prepared, inputs = bench.in_mode(net, mode, IMAGES)
            bench.check_equal(f"{name}, {mode}", prepared(inputs), net(IMAGES))
            weights = [conv.weight for conv in bench.convolutions(prepared) if conv.kernel_size != (1, 1)]
            last = [tensor.is_contiguous(memory_format=torch.channels_last) for tensor in (inputs, *weights)]
            assert last == [mode != "contiguous"] * 20
            norms = [module for module in prepared.modules() if isinstance(module, nn.BatchNorm2d)]
            assert len(norms) == (0 if mode == "folded" else 19)


def test_torch_pruning_makes_the_same_widths():
    nets = ssl.resnet_candidates(IMAGES)
    if importlib.util.find_spec("torch_pruning") is None:  # a peer of `make bench` only
        assert nets[ssl.PEER] is None
    else:
        assert filters_of(nets[ssl.PEER]) == filters_of(nets[ssl.OURS])
    assert filters_of(nets[ssl.DENSE]) == [16] * 7 + [32] * 7 + [64] * 7  # it cut a copy


def test_every_row_is_there_with_its_limit(quick):
    deployed = names(quick["deployment"])
    for mode in bench.MODES:
        for name in (ssl.OURS, ssl.PEER, ssl.MASKS):
            assert ("ResNet-20", None, name, ssl.DENSE, mode, mode) in deployed
        for name, over in ((ssl.CUT, ssl.DENSE), (ssl.ROUNDED, ssl.DENSE), (ssl.ROUNDED, ssl.CUT)):
            assert ("ConvNet", None, name, over, mode, mode) in deployed
    best = {name[:4] for name in deployed if "best" in name[3]}
    assert {name for _, _, name, _ in best} == {ssl.OURS, ssl.PEER, ssl.CUT, ssl.ROUNDED}
    assert len(quick["deployment"]) == 2 * 17 + 14
    ours = [row["mac_ratio"] for row in quick["deployment"] if row["candidate"] == ssl.OURS and "note" not in row]
    assert ours == pytest.approx([3.96] * 8, abs=0.01)
    assert {row["mac_ratio"] for row in quick["deployment"] if row["candidate"] == ssl.MASKS} == {1}
    steps = ["training step", *["training step, bf16"] * cpu_has_bf16()]
    forms = ["closed form", "closed form and threshold", "proximal step", "autograd", "loop with autograd"]
    assert [row["candidate"] for row in quick["regularizing"]] == [*steps, *forms]
    assert len(quick["lowering"]) == 3 * 5
    assert [row["mac_ratio"] for row in quick["lowering"][::5]] == pytest.approx([75 / 45, 800 / 240, 800 / 240], 1e-3)
    assert [row["goal"] for row in quick["lowering"][::5]] == pytest.approx([1.25, 2.5, 2.5], rel=1e-3)


def test_a_peer_that_is_not_installed_has_rows_that_say_so(quick):
    peers = [row for row in quick["deployment"] if ssl.PEER in (row["candidate"], row["over"])]
    assert len(peers) == 2 * (3 + 3 + 1)
    assert all(row["note"] == "not installed" and "speedup" not in row for row in peers)
    assert sum("not installed" in line for line in quick["table"]) >= len(peers)


def test_a_result_names_what_made_it_and_its_table_is_made_of_its_rows(quick):
    assert quick["quick"]
    assert quick["batches"] == [4, 1]
    assert {"torch", "cpu", "commit"} <= set(quick["made_with"])
    assert quick["made_with"]["threads"] == 1
    assert quick["table"] == ssl.table(quick).splitlines()
    assert "QUICK" in quick["table"][0]
    rows = [*quick["deployment"], *quick["regularizing"], *quick["lowering"]]
    assert len(quick["table"]) == 1 + 3 * 4 + len(rows)
    json.dumps(quick, allow_nan=False)


def test_a_ratio_is_the_median_of_rounds_and_the_goal_is_compared_with_it():
    times = Comparison(
        {"slow": torch.tensor([4.0, 6.0, 30.0]).numpy(), "fast": torch.tensor([2.0, 2.0, 2.0]).numpy()}, 1
    )
    row = bench.ratio_row({"layer": "conv1"}, times, "fast", "slow", limit=4, goal=3.5)
    assert (row["speedup"], row["quartiles"], row["milliseconds"]) == (3, [2.5, 9], 2000)
    assert "MISSED" in tables.ratio_table("", [row])[-1]
    assert "75 %" in tables.ratio_table("", [row])[-1]
    assert "reached" in tables.ratio_table("", [row | {"goal": 3.0}])[-1]
    times = Comparison({"loop with autograd": times.seconds["slow"], "training step": times.seconds["slow"] * 100}, 1)
    row = bench.penalty_row(
        {"network": "a", "batch": 1, "candidate": "loop"}, times, "loop with autograd", ssl.GOALS["penalty"]
    )
    assert (row["share_of_step"][0], row["share_of_bf16_step"], row["cheaper_than_loop"][0]) == (0.01, None, 1)
    assert "MISSED" in tables.penalty_table("", [row])[-1]
    assert "reached" in tables.penalty_table("", [row | {"cheaper_than_loop": [15, 15, 15]}])[-1]


def test_the_goals_are_asked_of_the_rows_that_they_are_about(monkeypatch):
    monkeypatch.setattr(ssl, "compact", lambda net, images, **_: copy.deepcopy(net))
    monkeypatch.setattr(ssl, "torch_pruning_halved", lambda net, images: copy.deepcopy(net))
    monkeypatch.setattr(ssl, "halved_resnet", lambda: bench.made_random(ssl.CifarResNet(8, widths=(2, 2, 2))))
    rows = ssl.deployment(bench.Effort(rounds=1, seconds_a_round=1e-4), "ResNet-20", which=0)
    asked = {(row["candidate"], row["over"], row["mode"]): row["goal"] for row in rows if row["goal"]}
    assert asked == {(ssl.OURS, ssl.DENSE, "folded"): 3.5, (ssl.OURS, ssl.PEER, "folded"): 0.9}


def test_what_computes_something_else_is_not_timed(monkeypatch):
    with pytest.raises(RuntimeError, match="conv is off by"):
        bench.check_equal("conv", torch.tensor([1.0, 2.001]), torch.tensor([1.0, 2.0]))
    with pytest.raises(RuntimeError, match="off by nan"):
        bench.check_equal("conv", torch.tensor([torch.nan]), torch.tensor([1.0]))
    monkeypatch.setattr(ssl.StructuredSparsity, "after_step", lambda *_: None)
    with pytest.raises(RuntimeError, match="no filter shorter"):
        ssl.regularizing(bench.Effort(rounds=1, training_batch=2), depth=8)


@pytest.mark.parametrize(("suffix", "memory"), [("", "given back"), ("_memory_kept", "kept")])
def test_the_stored_result_has_every_row_and_its_origin(quick, suffix, memory):
    stored = json.loads(STORED.with_stem(STORED.stem + suffix).read_text())
    assert stored["memory"] == memory
    assert not stored["quick"]
    assert stored["batches"] == [64, 1]
    assert stored["training_batch"] == 128
    pins = (STORED.parents[3] / "requirements-bench.txt").read_text()
    assert all(f"{peer}=={version}\n" in pins for peer, version in stored["peer"].items())
    assert stored["made_with"]["threads"] == 1
    assert stored["made_with"]["cpu"]
    assert re.fullmatch(r"[0-9a-f]{7,}\+?", stored["made_with"]["commit"])
    for part in ("deployment", "lowering"):
        assert names(stored[part]) == names(quick[part])
        assert not [row for row in stored[part] if "note" in row]
    candidates = {row["candidate"] for row in stored["regularizing"]}
    assert candidates >= {row["candidate"] for row in quick["regularizing"]} - {"training step, bf16"}
    assert stored["table"] == ssl.table(stored).splitlines()


def test_peers_are_pinned_and_no_requirement_of_the_course():
    root = STORED.parents[3]
    lines = (root / "requirements-bench.txt").read_text().splitlines()
    assert "-c constraints.txt" in lines  # so that a peer cannot bring another torch
    pins = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert pins
    for pin in pins:
        assert re.fullmatch(r"[\w-]+==[\w.]+", pin)
        for name in ("requirements.txt", "constraints.txt", "pyproject.toml"):
            assert pin.split("==")[0] not in (root / name).read_text()

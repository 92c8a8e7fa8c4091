"""The benchmark of intrinsic sparsity measures what it says. No test looks at a time, or at which mode was the best."""

import functools
import json
import re

import numpy as np
import pytest
import torch
from quick_benchmark import quick_results
from torch import nn

from effdl_lite.measure import count_macs, cpu_has_bf16, num_threads
from effdl_lite.methods.intrinsic_sparsity import zero_units
from effdl_lite.models import LSTMLanguageModel
from experiments import benchmarks as bench
from experiments.benchmarks import cache_or_kernel as speed
from experiments.benchmarks import excess, tables
from experiments.benchmarks import intrinsic_sparsity as iss

STORED = bench.RESULTS / "intrinsic_sparsity.json"
PARTS = ("timing", "limits", "sweep", "explained", "deployment", "regularizing", "single_weights")
TINY = speed.Effort(rounds=1, seconds_a_round=1e-6, batches=(2, 1), steps=3, hidden=((6, 12),), copies=0, product=16)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return quick_results(
        tmp_path_factory.mktemp("bench"), "intrinsic_sparsity", iss.JOBS, iss.table, (iss.Effort(), iss.QUICK)
    )


def names(rows, *keys):
    return {tuple(row[key] for key in keys) for row in rows}


def language_model(seed=0):
    torch.manual_seed(seed)
    return LSTMLanguageModel(50, 12, (12, 12))


def test_the_papers_row_has_the_multiply_accumulates_of_its_table(quick):
    found = {(row["candidate"], row["softmax"]): row["mac_ratio"] for row in quick["timing"]}
    assert found == pytest.approx(
        {
            ("373-315", "with"): 7.4875,
            ("381-535", "with"): 5.0114,
            ("373-315", "without"): 9.832,
            ("381-535", "without"): 7.458,
        },
        abs=1e-3,
    )


def test_the_papers_row_is_there_in_every_mode_and_its_goals_are_asked_with_onednn_and_softmax(quick):
    rows = quick["timing"]
    for softmax in ("with", "without"):
        for kept in ("373-315", "381-535"):
            pairs = {("fp32", mode, iss.DENSE, mode) for mode in ("oneDNN", "no oneDNN")}
            pairs |= {("bf16", "oneDNN", iss.DENSE, "oneDNN")} if cpu_has_bf16() else set()
            here = [row for row in rows if (row["softmax"], row["candidate"]) == (softmax, kept)]
            best = [row for row in here if row["over"] == "dense at its best"]
            assert names([row for row in here if row not in best], "numbers", "mode", "over", "over_mode") == pairs
            assert [row["numbers"] for row in best] == ["fp32"]
    asked = {
        (row["softmax"], row["numbers"], row["candidate"], row["mode"], row["over"]) for row in rows if row["goal"]
    }
    assert asked == {("with", "fp32", kept, "oneDNN", iss.DENSE) for kept in ("373-315", "381-535")}
    assert names([row for row in rows if row["goal"]], "candidate", "goal", "paper") == {
        ("373-315", 10.0, 10.59),
        ("381-535", 7.0, 7.10),
    }
    assert {row["paper"] for row in rows if (row["softmax"], row["numbers"]) != ("with", "fp32")} == {None}


def test_networks_are_cut_by_compaction_from_one_dense_network():
    tokens = iss.words(50, 2, 4)
    nets = iss.cut_networks(language_model(), [(8, 9), (5, 3)], tokens)
    widths = {name: [layer.hidden_size for layer in net.layers] for name, net in nets.items()}
    assert widths == {"dense": [12, 12], "8-9": [8, 9], "5-3": [5, 3]}
    assert [int(zero.sum()) for zero in zero_units(nets["dense"]).values()] == [7, 9]
    assert nets["dense"].layers[0].bias_ih_l0[11] != 0  # dead units are still driven by their biases


def test_a_cut_network_that_computes_something_else_is_not_timed(monkeypatch):
    monkeypatch.setattr(iss, "compact_recurrent", lambda net: language_model(seed=1).eval())
    with pytest.raises(RuntimeError, match="8-9, oneDNN is off by"):
        iss.cut_networks(language_model(), [(8, 9)], iss.words(50, 2, 4))


@torch.no_grad()
def test_without_softmax_the_same_weights_end_at_the_hidden_state():
    net, tokens = language_model(), iss.words(50, 2, 4)
    end = iss.without_softmax(net)
    assert torch.equal(net.decoder(end(tokens)[0]), net(tokens)[0])
    assert {id(weight) for weight in end.parameters()} < {id(weight) for weight in net.parameters()}
    assert count_macs(net, tokens) - count_macs(end, tokens) == tokens.numel() * 12 * 50
    assert isinstance(net.decoder, nn.Linear)


def test_every_size_is_swept_in_both_libraries_beside_its_limit(quick):
    kinds = (speed.HOT, speed.COLD, speed.MANY, speed.ONE_STEP, speed.LAYER)
    libraries = speed.LIBRARIES if speed.has_onednn() else (speed.BLAS,)
    expected = {(hidden, what, library) for hidden in (16, 24, 64) for what in kinds for library in libraries}
    assert names(quick["sweep"], "hidden", "what", "library") == expected
    assert len(quick["sweep"]) == len(expected)
    assert {row["limited_by"] for row in quick["sweep"]} <= {"bytes", "arithmetic"}
    assert names(quick["sweep"], "hidden", "megabytes") == {(16, 0.003906), (24, 0.008789), (64, 0.0625)}
    (limits,) = quick["limits"]
    assert limits["peak_gmacs"] > 0
    assert limits["memory_gbs"] > 0


def test_a_cold_product_goes_through_copies_that_fill_the_cache_and_a_hot_one_stays(monkeypatch):
    monkeypatch.setattr(speed, "cache_bytes", lambda: {1: 2**8, 2: 4 * speed.matrix_bytes(6)})
    works = speed.works_of(6, speed.Effort(batches=(2, 1), steps=3, copies=2.5))
    touched = {speed.HOT: [], speed.COLD: []}
    for key, pointers in touched.items():
        touch = functools.partial(lambda into, rows, matrix, out: into.append(matrix.data_ptr()), pointers)
        monkeypatch.setattr(torch, "mm", touch)
        assert works[key, speed.BLAS].repeats == 10
        works[key, speed.BLAS].function()
    assert [len(pointers) for pointers in touched.values()] == [10, 10]
    assert [len(set(pointers)) for pointers in touched.values()] == [1, 10]


def test_the_work_of_a_layer_is_counted():
    works = speed.works_of(6, TINY)
    assert works[speed.HOT, speed.BLAS].macs == 2 * 6 * 24
    assert works[speed.MANY, speed.BLAS].macs == 3 * 2 * 6 * 24
    assert works[speed.ONE_STEP, speed.BLAS].macs == 2 * 2 * 6 * 24
    assert works[speed.LAYER, speed.BLAS].macs == 3 * 2 * 2 * 6 * 24


def test_the_limit_is_the_longer_of_arithmetic_and_reading(monkeypatch):
    monkeypatch.setattr(speed, "machine", lambda effort: (1000.0, 1.0))
    timed = {what: speed.Timed(np.array([9.0]), macs) for what, macs in ((speed.HOT, 100), (speed.COLD, 100))}
    timed |= {speed.MANY: speed.Timed(np.array([9.0]), 3000)}
    times = {(6, what, speed.BLAS): value for what, value in timed.items()}
    times |= {(6, what, ""): speed.Timed(np.array([s, 9]), 0) for what, s in (("read, hot", 0.05), ("read, cold", 4.0))}
    found = {what: speed.limit_seconds(TINY, times, 6, what, speed.BLAS) for what in (*timed, speed.LAYER)}
    assert found == {
        speed.HOT: (0.1, "arithmetic"),
        speed.COLD: (4.0, "bytes"),
        speed.MANY: (3.0, "arithmetic"),
        speed.LAYER: (pytest.approx(3.0 + 3 * 0.1), "arithmetic"),
    }


class TestExplanation:
    """On made-up seconds, each cause alone appears as its own factor."""

    MACS = 4.0  # of 12 units over 6

    @staticmethod
    def seconds(hot=1.0, cold=1.0, many=3.0, call=0.0, rest=0.0, work=1.0):
        one_step = 2 * hot + call
        layer = many + 3 * hot + call + rest
        parts = {speed.HOT: hot, speed.COLD: cold, speed.MANY: many, speed.ONE_STEP: one_step, speed.LAYER: layer}
        return {what: speed.Timed(np.array([work * value]), 1) for what, value in parts.items()}

    def factors(self, small=None, large=None, what=speed.LAYER):
        sizes = {6: self.seconds(**small or {}), 12: self.seconds(work=self.MACS, **large or {})}
        times = {(n, key, "BLAS"): value for n, timed in sizes.items() for key, value in timed.items()}
        found = excess.explained(times, 6, 12, "BLAS", steps=3)[what]
        return {name: values.item() for name, values in found.items()}

    def test_if_all_goes_with_the_work_there_is_no_excess(self):
        for what in (excess.ONE_PRODUCT, speed.MANY, speed.LAYER):
            found = self.factors(what=what)
            assert found.pop("speedup") == found.pop("mac_ratio") == 4
            assert set(found.values()) == {1.0}

    def test_a_cache_that_only_the_small_one_fits_into(self):
        found = self.factors(small={"hot": 0.5}, what=excess.ONE_PRODUCT)
        assert (found["speedup"], found["excess"], found["cache"], found["kernel"]) == (8, 2, 2, 1)
        found = self.factors(small={"hot": 0.5})
        assert found["cache"] == pytest.approx(6 / 4.5) == found["excess"]
        assert found["kernel"] == found["once_a_call"] == found["rest"] == 1

    def test_a_kernel_that_is_slower_at_the_large_shape(self):
        slow = {"hot": 2.0, "cold": 2.0}
        assert self.factors(large=slow, what=excess.ONE_PRODUCT)["kernel"] == 2
        found = self.factors(large=slow)
        assert found["kernel"] == pytest.approx(9 / 6) == found["excess"]
        assert found["cache"] == found["once_a_call"] == found["rest"] == 1

    @pytest.mark.parametrize(("cause", "factor"), [("call", "once_a_call"), ("rest", "rest")])
    def test_work_that_is_done_once_a_call_and_what_was_not_foreseen(self, cause, factor):
        found = self.factors(large={cause: 3.0})
        assert found[factor] == pytest.approx(9 / 6) == found["excess"]
        assert sum(found[name] == 1 for name in ("kernel", "cache", "once_a_call", "rest")) == 3

    def test_the_factors_multiply_to_the_speed_up(self):
        found = self.factors(small={"hot": 0.4, "call": 0.2}, large={"cold": 1.3, "many": 2.5, "rest": 0.7})
        product = found["mac_ratio"] * np.prod([found[name] for name in ("kernel", "cache", "once_a_call", "rest")])
        assert product == pytest.approx(found["speedup"])

    def test_each_pair_of_sizes_is_explained_in_each_library(self, quick):
        libraries = speed.LIBRARIES if speed.has_onednn() else (speed.BLAS,)
        kinds = (excess.ONE_PRODUCT, speed.MANY, speed.LAYER)
        expected = {("64 to 24", what, library) for what in kinds for library in libraries}
        assert names(quick["explained"], "hidden", "what", "library") == expected
        assert {row["mac_ratio"] for row in quick["explained"]} == {7.111}


def test_the_network_of_the_reference_run_is_measured_word_by_word_and_text_by_text(quick):
    assert names(quick["deployment"], "batch", "steps", "candidate") == {(1, 1, "160-208"), (2, 2, "160-208")}
    assert len(quick["deployment"]) == 2 * 3
    dense = 2 * 4 * 256 * (256 + 256) + 256 * 2_000
    small = 4 * 160 * (256 + 160) + 4 * 208 * (160 + 208) + 208 * 2_000
    assert {row["mac_ratio"] for row in quick["deployment"]} == {bench.rounded(dense / small)}


def test_the_penalty_is_asked_to_take_two_percent_of_a_step(quick):
    steps = ["training step", *["training step, bf16"] * cpu_has_bf16()]
    forms = ["closed form", "closed form and threshold", "proximal step", "autograd"]
    assert [row["candidate"] for row in quick["regularizing"]] == [*steps, *forms]
    goals = {row["candidate"]: row["goals"] for row in quick["regularizing"]}
    assert [goals[form] for form in forms] == [{"share_of_step": 0.02}] * 3 + [None]
    row = quick["regularizing"][-2]
    assert "reached" in tables.penalty_table("", [row | {"share_of_step": [0.02] * 3}])[-1]
    assert "MISSED" in tables.penalty_table("", [row | {"share_of_step": [0.021] * 3}])[-1]


def test_a_penalty_that_does_something_else_is_not_timed(monkeypatch):
    monkeypatch.setattr(iss.IntrinsicSparsity, "after_step", lambda *_: None)
    with pytest.raises(RuntimeError, match="left a unit as long as it was"):
        iss.regularizing(TINY, hidden=8)
    monkeypatch.setattr(iss.IntrinsicSparsity, "regularize", lambda *_: None)
    with pytest.raises(RuntimeError, match="the gradient by the closed form is off"):
        iss.regularizing(TINY, hidden=8)


def test_scattered_and_smaller_matrices_keep_as_many_weights(monkeypatch):
    kept, csr_of = [], bench.csr_of
    monkeypatch.setattr(bench, "csr_of", lambda matrix: kept.append(int(matrix.count_nonzero())) or csr_of(matrix))
    rows = iss.single_weights(TINY, hidden=20, kept=6)
    assert kept == [4 * 6 * 6]
    pairs = {(iss.CSR, iss.DENSE), (iss.SMALLER, iss.DENSE), (iss.SMALLER, iss.CSR)}
    assert names(rows, "columns", "candidate", "over") == {(columns, *pair) for columns in (2, 6) for pair in pairs}
    monkeypatch.setattr(bench, "csr_of", lambda matrix: None)
    notes = {(row["candidate"], row["over"]): row.get("note") for row in iss.single_weights(TINY, hidden=20, kept=6)}
    assert {pair for pair, note in notes.items() if note} == {pair for pair in pairs if iss.CSR in pair}


def test_a_gate_product_of_the_paper_keeps_as_many_weights_as_its_lstm(quick):
    assert {row["kept"] for row in quick["single_weights"]} == {"1/9.85"}
    assert {row["mac_ratio"] for row in quick["single_weights"]} == {9.848, 1.0}


def test_the_table_is_made_of_the_rows(quick):
    assert quick["quick"]
    assert quick["peer"] == {}
    assert quick["made_with"]["threads"] == 1
    assert quick["table"] == iss.table(quick).splitlines()
    assert "QUICK" in quick["table"][0]
    assert len(quick["table"]) == 1 + sum(4 + len(quick[part]) for part in PARTS)
    json.dumps(quick, allow_nan=False)


def test_the_stored_result_has_every_row_and_its_origin(quick):
    stored = json.loads(STORED.read_text())
    assert not stored["quick"]
    full = json.loads(json.dumps(iss.Effort().__dict__))
    assert {key: stored[key] for key in full} == full
    assert stored["made_with"]["threads"] == 1
    assert re.fullmatch(r"[0-9a-f]{7,}\+?", stored["made_with"]["commit"])
    keys = ("softmax", "candidate", "over", "numbers")
    fp32 = {name for name in names(quick["timing"], *keys) if name[-1] == "fp32"}
    assert names(stored["timing"], *keys) >= fp32
    assert {row["hidden"] for row in stored["sweep"]} == {size for group in iss.Effort().hidden for size in group}
    assert names(stored["deployment"], "batch", "steps") == {(1, 1), (10, 30)}
    assert names(stored["explained"], "hidden") == {("1500 to 373",)}
    assert stored["table"] == iss.table(stored).splitlines()

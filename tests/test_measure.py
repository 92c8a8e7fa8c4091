"""Counts are exact; timings are only checked for what does not depend on the machine."""

import itertools
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from effdl_lite.measure import (
    Comparison,
    Machine,
    attainable_gflops,
    cache_bytes,
    compare_language_models,
    compare_latency,
    count_macs,
    count_parameters,
    cpu_name,
    layer_costs,
    measure_machine,
    num_threads,
    onednn,
    saved_tensor_bytes,
    weight_bytes,
)
from effdl_lite.measure import machine as machine_module
from effdl_lite.models import ConvNet, LSTMLanguageModel, RecurrentHighwayNetwork


@settings(max_examples=25, deadline=None)
@given(
    channels=st.sampled_from([2, 4, 6]),
    filters=st.sampled_from([2, 4, 8]),
    kernel=st.integers(1, 4),
    size=st.integers(5, 9),
    stride=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    batch=st.integers(1, 3),
)
def test_the_macs_of_a_convolution_are_one_filter_at_every_output_position(
    channels, filters, kernel, size, stride, groups, batch
):
    conv = nn.Conv2d(channels, filters, kernel, stride, padding=1, groups=groups)
    images = torch.zeros(batch, channels, size, size)
    _, _, height, width = conv(images).shape
    one_filter = channels // groups * kernel * kernel
    assert count_macs(conv, images) == batch * filters * one_filter * height * width
    assert count_parameters(conv) == filters * one_filter + filters


@pytest.mark.parametrize("enabled", [True, False])
def test_an_lstm_counts_the_same_with_and_without_its_fused_kernel(enabled):
    with onednn(enabled):
        layer = nn.LSTM(7, 5, num_layers=2, batch_first=True)
        macs = count_macs(layer, torch.zeros(3, 4, 7))
    assert macs == 3 * 4 * (4 * 5 * (7 + 5) + 4 * 5 * (5 + 5))


def test_attention_is_counted_by_its_matrix_products_on_every_device():
    counts = []
    for device in ("cpu", "meta"):
        with torch.device(device):
            layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
            counts.append(count_macs(layer, torch.empty(2, 10, 64)))
    linear = 2 * 10 * (4 * 64 * 64 + 2 * 64 * 128)  # query, key, value, output; two layers behind
    assert counts == [linear + 2 * 2 * 10 * 10 * 64] * 2


def test_counting_leaves_the_model_as_it_was():
    model = ConvNet().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count_macs(model, torch.randn(2, 3, 32, 32))
    layer_costs(model, torch.randn(2, 3, 32, 32))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_layer_costs_add_up_to_the_models():
    model, images = ConvNet(), torch.randn(2, 3, 32, 32)
    costs = layer_costs(model, images)
    assert sum(cost.macs for cost in costs) == count_macs(model, images)
    assert sum(cost.parameters for cost in costs) == count_parameters(model)


def test_bytes_moved_are_weights_inputs_and_outputs_once():
    (cost,) = layer_costs(nn.Sequential(nn.Linear(10, 20)), torch.zeros(4, 10))
    assert cost.bytes_moved == 4 * (10 * 20 + 20 + 4 * 10 + 4 * 20)


def test_weight_bytes_follow_the_stored_type():
    assert weight_bytes(nn.Linear(10, 20)) == 4 * 220
    assert weight_bytes(nn.Linear(10, 20).to(torch.bfloat16)) == 2 * 220


def test_saved_tensors_are_counted_by_storage_and_without_the_weights():
    layer, inputs = nn.Linear(10, 20, bias=False), torch.zeros(4, 10)
    assert saved_tensor_bytes(lambda: layer(inputs), without=layer) == 4 * 4 * 10  # the input, for the weight gradient
    hidden = torch.zeros(4, 10, requires_grad=True)
    assert saved_tensor_bytes(lambda: hidden.exp() + hidden.sin()) == 2 * 4 * 4 * 10
    assert saved_tensor_bytes(lambda: hidden.sin() + hidden.cos()) == 4 * 4 * 10  # both keep the same input


def test_a_tied_weight_counts_once():
    assert count_parameters(LSTMLanguageModel(30, 6, (6,), tied=True)) == 30 * 6 + 30 + 4 * 6 * 12 + 48


def test_candidates_are_measured_in_turn_and_the_order_alternates():
    calls = []
    compare_latency({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=4, seconds_a_round=1e-9)
    turns = "".join(name for name, _ in itertools.groupby(calls))
    assert turns == "ab" + "ababa"  # warm-up ab, then the rounds ab, ba, ab, ba, of which equal neighbours melt


def test_a_speed_up_pairs_the_rounds_so_that_a_slow_phase_of_the_machine_cancels():
    phase = np.array([1.0, 1.0, 5.0, 5.0, 1.0])
    times = Comparison({"dense": 4e-3 * phase, "small": 1e-3 * phase}, threads=1)
    assert times.speedup("small", over="dense") == pytest.approx((4.0, 4.0, 4.0))
    assert times.median("dense") == pytest.approx(4e-3)


def test_threads_are_put_back_even_after_an_error():
    before = torch.get_num_threads()

    def fail_with_more_threads():
        with num_threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise KeyError

    with pytest.raises(KeyError):
        fail_with_more_threads()
    assert torch.get_num_threads() == before
    compare_latency({"a": lambda: None}, rounds=1, seconds_a_round=1e-9, threads=before + 1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("bad", [{"candidates": {}}, {"rounds": 0}, {"threads": 0}])
def test_a_comparison_of_nothing_is_refused(bad):
    with pytest.raises(ValueError, match="at least 1 of each"):
        compare_latency(**({"candidates": {"a": lambda: None}} | bad))


def test_the_roofline_is_the_smaller_of_two_limits():
    machine = Machine("example", 1, peak_gflops=100.0, bandwidth_gbs=20.0)
    assert machine.ridge == 5.0
    assert attainable_gflops(machine, 1.0) == 20.0
    assert attainable_gflops(machine, 5.0) == attainable_gflops(machine, 50.0) == 100.0


def test_candidates_run_with_the_threads_that_were_asked_for():
    seen = set()
    compare_latency({"a": lambda: seen.add(torch.get_num_threads())}, rounds=1, seconds_a_round=1e-9, threads=3)
    assert seen == {3}


def test_the_machines_limits_are_operations_and_bytes_over_the_fastest_round(monkeypatch):
    def measured(candidates, **_):
        times = {"product": [4.0, 2.0], "convolution": [9.0, 9.0], "copy": [3.0, 5.0], "in place": [7.0, 1.0]}
        return Comparison({name: np.array(times[name]) for name in candidates}, threads=1)

    monkeypatch.setattr(machine_module, "compare_latency", measured)
    machine = measure_machine(size=64, megabytes=4, rounds=2)
    product, convolution = 2 * 64**3 / 2.0, 2 * 8 * 32 * 256 * (32 * 25) / 9.0
    assert machine.peak_gflops == pytest.approx(max(product, convolution) / 1e9)
    assert machine.bandwidth_gbs == pytest.approx(2 * 4 * 2**20 / 1.0 / 1e9)


def test_a_measured_machine_has_a_name_and_two_positive_limits():
    machine = measure_machine(size=64, megabytes=1, rounds=1)
    assert machine.name == cpu_name() != ""
    assert machine.peak_gflops > 0
    assert machine.bandwidth_gbs > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_caches_grow_with_their_level():
    sizes = cache_bytes()
    assert list(sizes) == sorted(sizes)
    assert list(sizes.values()) == sorted(sizes.values())
    assert all(size >= 1024 for size in sizes.values())


def test_onednn_is_put_back_even_after_an_error():
    before, inside = torch.backends.mkldnn.enabled, []

    def fail():
        with onednn(not before):
            inside.append(torch.backends.mkldnn.enabled)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [not before]
    assert torch.backends.mkldnn.enabled is before


def test_language_models_run_in_each_mode_on_the_same_words_from_the_state_of_the_words_before():
    calls = {}

    class Watched(LSTMLanguageModel):
        def forward(self, tokens, state=None):
            logits, new = super().forward(tokens, state)
            seen = (torch.backends.mkldnn.enabled, self.training, torch.is_inference_mode_enabled())
            calls.setdefault(self, []).append((tokens, state, seen))
            return logits, new

    models = {"dense": Watched(30, 6, (6,)), "small": Watched(20, 6, (4,), dropout=0.5)}
    times = compare_language_models(models, batch=2, steps=3, rounds=1, seconds_a_round=1e-9)
    assert set(times.seconds) == {f"{name}, {mode}" for name in models for mode in ("oneDNN", "no oneDNN")}
    tokens = calls[models["dense"]][0][0]
    assert tokens.shape == (2, 3)
    for model in models.values():
        assert model.training
        first, *others = calls[model]
        assert first[1] is None
        assert all(state[0][0].any() for _, state, _ in others)
        assert {seen for _, _, seen in others} == {(True, False, True), (False, False, True)}
        assert all(torch.equal(words, tokens) for words, _, _ in calls[model])
    highway = {"highway": RecurrentHighwayNetwork(20, 4, depth=2)}
    times = compare_language_models(highway, modes=["oneDNN"], rounds=1, seconds_a_round=1e-9)
    assert list(times.seconds) == ["highway, oneDNN"]


@pytest.mark.parametrize("bad", [{"models": {}}, {"modes": []}, {"batch": 0}, {"steps": 0}])
def test_language_models_without_words_are_refused(bad):
    with pytest.raises(ValueError, match="give at least 1 of each"):
        compare_language_models(**({"models": {"a": LSTMLanguageModel(20, 6, (4,))}} | bad))

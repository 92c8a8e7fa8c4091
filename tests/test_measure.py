"""Counts are exact; timings are only checked for what does not depend on the machine."""

import itertools

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
    compare_latency,
    count_macs,
    count_parameters,
    cpu_name,
    layer_costs,
    measure_machine,
    num_threads,
    saved_tensor_bytes,
    weight_bytes,
)
from effdl_lite.measure import machine as machine_module
from effdl_lite.models import ConvNet, LSTMLanguageModel


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


@pytest.mark.parametrize("onednn", [True, False])
def test_an_lstm_counts_the_same_with_and_without_its_fused_kernel(onednn):
    if not onednn:
        torch._C._set_mkldnn_enabled(False)
    try:
        layer = nn.LSTM(7, 5, num_layers=2, batch_first=True)
        macs = count_macs(layer, torch.zeros(3, 4, 7))
    finally:
        torch._C._set_mkldnn_enabled(True)
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

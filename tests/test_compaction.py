"""A compact network computes what the whole one does, and what was dead is physically gone."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from zero_groups import NETWORKS, error, images_of, kept_maps, kill, made_random

from effdl_lite.measure import count_macs, count_parameters, layer_costs
from effdl_lite.methods.compaction import compact, dead_channels
from effdl_lite.models import CifarResNet, ConvNet, LeNet


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(list(NETWORKS)),
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.1, 0.4, 0.8]),
    whole_layers=st.booleans(),
    round_to=st.sampled_from([1, 1, 3]),
)
def test_whatever_is_zero_the_compact_network_computes_the_same(kind, seed, share, whole_layers, round_to):
    model = made_random(NETWORKS[kind](), seed)
    kill(model, seed, share, whole_layers)
    before = copy.deepcopy(model.state_dict())
    report = dead_channels(model, images_of(model), round_to=round_to)
    network = compact(model, images_of(model, 2), round_to=round_to)
    for count in (1, 3):
        assert error(model, network, images_of(model, count, seed=count)) < 1e-5
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert count_macs(network, images_of(model)) == sum(layer.macs_kept for layer in report.values())
    layers = {name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    assert layers == {name for name, layer in report.items() if not layer.gone}
    again = compact(network, images_of(model))
    assert error(model, again, images_of(model, 3, seed=4)) < 1e-5
    if round_to == 1:
        assert count_parameters(again) == count_parameters(network)


def test_cutting_lenet_leaves_the_sizes_that_the_masks_say():
    model = made_random(LeNet())
    model.conv1.weight.data[[0, 7]] = 0  # 2 of 20 filters, and 1 more that nobody reads
    model.conv2.weight.data[:, 11] = 0
    model.conv2.weight.data[40:] = 0  # 10 of 50
    model.fc1.weight.data[:, 16 * 3 : 16 * 4] = 0  # the 16 pixels of map 3
    model.fc1.weight.data[100:] = 0  # 400 of 500
    network = compact(model, images_of(model))
    shapes = {name: tuple(w.shape) for name, w in network.named_parameters() if w.ndim > 1}
    assert shapes == {
        "conv1.weight": (17, 1, 5, 5),
        "conv2.weight": (39, 17, 5, 5),
        "fc1.weight": (100, 39 * 16),
        "fc2.weight": (10, 100),
    }
    assert count_parameters(network) == 17 * 26 + 39 * (17 * 25 + 1) + 100 * (39 * 16 + 1) + 10 * 101
    assert count_macs(network, images_of(model)) == 17 * 25 * 576 + 39 * 17 * 25 * 64 + 100 * 39 * 16 + 10 * 100
    assert [cost.name for cost in layer_costs(network, images_of(model))] == ["conv1", "conv2", "fc1", "fc2"]
    assert error(model, network, images_of(model, 5, seed=1)) < 1e-5
    report = dead_channels(model, images_of(model))["conv2"]
    assert (report.filters, report.filters_kept, report.inputs, report.inputs_kept) == (50, 39, 20, 17)
    assert (report.macs, report.macs_kept) == (1_600_000, 39 * 17 * 25 * 64)


def test_looking_for_dead_channels_does_not_disturb_training():
    model = made_random(ConvNet((8, 8, 8))).train()
    before = copy.deepcopy(model.state_dict())
    dead_channels(model, images_of(model, 2))
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_zero_filter_is_not_a_zero_output():
    model = made_random(LeNet())
    model.conv1.weight.data[:10] = 0
    maps = model.conv1(images_of(model))
    assert torch.equal(maps[:, :10], model.conv1.bias[:10, None, None].expand_as(maps[:, :10]))  # the bias, not zero
    network = compact(model, images_of(model))
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5
    # Without padding the constant is the same everywhere, and all of it fits into the bias.
    through = (model.conv2.weight[:, :10].sum((2, 3)) * model.conv1.bias[:10]).sum(1)
    assert torch.allclose(network.conv2.bias, model.conv2.bias + through, atol=1e-5)
    assert not kept_maps(network)
    with torch.no_grad():
        network.conv2.bias.copy_(model.conv2.bias)  # as if zero filters were zero outputs
    assert error(model, network, images_of(model, 4, seed=1)) > 0.01


def test_where_a_convolution_pads_with_zeros_a_bias_is_wrong_at_the_border_and_a_kept_map_is_right():
    model = made_random(ConvNet((8, 8, 8)))
    model.convs[0].weight.data[:4] = 0
    model.norms[0].bias.data[:4] += 5  # BatchNorm's offset passes ReLU as a positive constant
    network = compact(model, images_of(model))
    images = images_of(model, 4, seed=1)
    assert error(model, network, images) < 1e-5
    assert list(kept_maps(network)) == ["convs.1_kept"]
    kept = network.get_submodule("convs.1_kept")
    assert kept.values.shape == (1, 8, 16, 16)
    inside = kept.values[:, :, 2:-2, 2:-2]  # where all 5x5 weights lie within the map
    assert (inside - inside[:, :, :1, :1]).abs().max() < 1e-4
    assert (kept.values[:, :, 0, 0] - inside[:, :, 0, 0]).abs().max() > 0.1
    kept.values = inside[:, :, :1, :1]  # the naive removal: one number a filter, as for a bias
    assert error(model, network, images) > 1e-3


def test_a_filter_that_only_unread_filters_read_is_dead_too():
    model = made_random(ConvNet((8, 8, 8)))
    model.convs[2].weight.data[:, 5] = 0  # nobody reads filter 5 of the second convolution,
    model.convs[1].weight.data[[0, 1, 2, 3, 4, 6, 7], 2] = 0  # and nobody else reads filter 2 of the first
    network = compact(model, images_of(model))
    assert [w.shape[0] for w in network.parameters() if w.ndim == 4] == [7, 7, 8]
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_a_filter_that_batch_norm_scales_by_zero_is_dead_whatever_its_weights():
    model = made_random(ConvNet((8, 8, 8)))
    model.norms[1].weight.data[[1, 5]] = 0
    network = compact(model, images_of(model))
    assert network.get_submodule("convs.1").weight.shape[0] == 6
    assert network.get_submodule("norms.1").num_features == 6
    assert network.get_submodule("norms.1").running_mean.shape == (6,)
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_constants_pass_relu_pools_that_round_up_and_normalisation_before_they_are_folded():
    model = made_random(ConvNet((8, 8, 8), batch_norm=False))
    for conv in model.convs:
        conv.weight.data[2:6] = 0
    network = compact(model, images_of(model))
    assert [w.shape[0] for name, w in network.named_parameters() if "convs" in name and w.ndim == 4] == [4, 4, 4]
    assert network.fc.in_features == 4 * 16
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_a_dead_first_convolution_takes_the_whole_block_with_it():
    model = made_random(CifarResNet(20))
    model.blocks[1].conv1.weight.data.zero_()
    costs = {cost.name: cost.macs for cost in layer_costs(model, images_of(model))}
    network = compact(model, images_of(model))
    left = [name for name, _ in network.named_modules() if name.startswith("blocks.1.")]
    assert left == ["blocks.1.shortcut", "blocks.1.norm2_kept"]
    assert count_macs(network, images_of(model)) == sum(costs.values()) - 2 * costs["blocks.1.conv1"]
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5
    # norm1's offset is cut by ReLU; what is positive of it reaches conv2, which sees less of it at the border.
    assert kept_maps(network)["blocks.1.norm2_kept"].shape == (1, 16, 32, 32)


def test_a_dead_second_convolution_leaves_one_number_a_channel_and_nothing_if_its_offset_is_zero():
    model = made_random(CifarResNet(8, widths=(4, 5, 6)))
    for block in model.blocks[:2]:
        block.conv2.weight.data.zero_()
    model.blocks[0].norm2.bias.data = model.blocks[0].norm2.running_mean * 0
    model.blocks[0].norm2.running_mean.zero_()
    network = compact(model, images_of(model))
    assert {name: tuple(values.shape) for name, values in kept_maps(network).items()} == {
        "blocks.1.norm2_kept": (1, 5, 1, 1)
    }
    assert dead_channels(model, images_of(model))["blocks.0.conv1"].gone
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5
    larger = torch.randn(2, 3, 40, 48)
    assert error(model, network, larger) < 1e-5  # no map that has a size is kept


@pytest.mark.parametrize("shortcut", ["conv", "pad"])
def test_a_resnet_20_without_residuals_is_a_chain_of_its_shortcuts(shortcut):
    model = made_random(CifarResNet(20, shortcut, (4, 6, 8)))
    for block in model.blocks:
        block.norm2.weight.data.zero_()
        block.norm2.bias.data.zero_()
    network = compact(model, images_of(model))
    shortcuts = ["blocks.3.shortcut", "blocks.6.shortcut"] if shortcut == "conv" else []
    layers = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert sorted(layers) == ["blocks.3.shortcut", "blocks.6.shortcut", "conv", "fc"][(0 if shortcuts else 2) :]
    assert not kept_maps(network)
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_a_channel_of_the_trunk_goes_only_if_it_is_dead_in_every_block_of_the_stage():
    model = made_random(CifarResNet(14, widths=(6, 8, 10)))
    model.conv.weight.data[2] = 0
    model.blocks[0].conv2.weight.data[2] = 0
    network = compact(model, images_of(model))
    assert network.conv.out_channels == 6  # block 1 still writes to it
    model.blocks[1].conv2.weight.data[2] = 0
    network = compact(model, images_of(model))
    assert network.conv.out_channels == 5
    for name in ("blocks.0.conv1", "blocks.1.conv1", "blocks.2.conv1", "blocks.2.shortcut"):
        assert network.get_submodule(name).in_channels == 5
    assert network.get_submodule("blocks.1.conv2").out_channels == 5
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_a_block_that_reads_only_the_zeros_that_a_pad_shortcut_appends_is_gone():
    model = made_random(CifarResNet(14, "pad", (4, 6, 8)))
    model.blocks[2].norm2.weight.data.zero_()  # so that channels 4 and 5 hold its offset alone
    model.blocks[3].conv1.weight.data[:, :4] = 0
    gone = [name for name, layer in dead_channels(model, images_of(model)).items() if layer.gone]
    assert gone == ["blocks.2.conv1", "blocks.2.conv2", "blocks.3.conv1", "blocks.3.conv2"]
    assert error(model, compact(model, images_of(model)), images_of(model, 4, seed=1)) < 1e-5


def test_a_residual_that_reaches_only_channels_that_nobody_reads_later_is_gone():
    model = made_random(CifarResNet(8, widths=(4, 4, 4)))
    model.blocks[2].norm2.weight.data[1:] = 0  # the last residual writes to channel 0 only
    model.fc.weight.data[:, 0] = 0
    network = compact(model, images_of(model))
    assert dead_channels(model, images_of(model))["blocks.2.conv2"].gone
    assert network.fc.in_features == 3
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5

"""Compaction takes networks beyond those of the course."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, ResNet
from zero_groups import Net, error, kept_maps, made_random, means, small_images

from effdl_lite.methods.compaction import compact, dead_channels


def check(model):
    network = compact(model, small_images())
    assert error(model, network, small_images(3, seed=1)) < 1e-5
    return network


@pytest.mark.parametrize(
    "flatten",
    [
        lambda maps: maps.flatten(1),
        lambda maps: torch.flatten(maps, 1),
        lambda maps: maps.view(maps.size(0), -1),
        lambda maps: maps.reshape(maps.shape[0], -1),
        lambda maps: maps.view(-1, 6 * 36),  # a width that is not true any more after the cut
        nn.Flatten(),
    ],
)
def test_every_way_to_flatten_is_cut_by_whole_maps(flatten):
    model = made_random(Net(lambda net, a, b: net.fc(net.flat(a + b)), 6 * 36))
    model.flat = flatten
    for conv in (model.a, model.b):
        conv.weight.data[4] = 0
    assert check(model).fc.in_features == 5 * 36


@pytest.mark.parametrize(
    "join",
    [
        lambda a, b: a + b,
        lambda a, b: b.add(a),
        lambda a, b: a - b,
        lambda a, b: b - a,
        lambda a, b: a * F.adaptive_avg_pool2d(b, 1),  # a gate for each channel
        lambda a, b: b * F.adaptive_avg_pool2d(a, 1),
        lambda a, b: a + F.adaptive_avg_pool2d(b, 1),
        lambda a, b: torch.add(a, b, alpha=2),
        lambda a, b: torch.add(b, a, alpha=2),
    ],
)
@pytest.mark.parametrize("bias", [0, 1])
def test_a_dead_operand_is_stored_or_gone_whatever_joins_it(join, bias):
    model = made_random(Net(lambda net, a, b: net.fc(F.relu(join(a, b)).flatten(1)), 6 * 36))
    model.a.weight.data.zero_()
    model.a.bias.data *= bias
    assert "a" not in dict(check(model).named_children())


def test_a_sum_that_loses_its_zero_operand_loses_nothing_else():
    model = made_random(Net(lambda net, a, b: net.fc(means(F.relu(a + b))), 6))
    model.a.weight.data.zero_()
    model.a.bias.data.zero_()
    network = check(model)
    assert not kept_maps(network)
    assert "add" not in network.code


def test_flattened_maps_of_two_shapes_that_are_added_are_cut_together():
    # 6 maps of 6x6 and 9 of 4x6: two of the first lie beside three of the second.
    model = made_random(Net(lambda net, a, b: net.fc(net.wide(a).flatten(1) + b.flatten(1)), 6 * 36))
    model.wide = nn.Conv2d(6, 9, (3, 1))
    model.wide.weight.data[[1, 3, 4, 5]] = 0
    model.b.weight.data[[0, 2, 3]] = 0
    network = check(model)
    assert (network.wide.out_channels, network.b.out_channels) == (6, 4)


def test_an_operation_in_place_changes_no_operand_that_outlives_its_sum():
    def join(net, a, b):
        total = a + b
        total += b
        return net.fc(means(net.relu(total) + a))

    model = made_random(Net(join, relu=nn.ReLU(inplace=True)))
    model.b.weight.data.zero_()
    model.b.bias.data.zero_()
    assert "b" not in dict(check(model).named_children())
    assert model.relu.inplace


def test_a_constant_is_read_before_an_operation_in_place_changes_it():
    model = made_random(Net(lambda net, a, b: net.fc(means(net.c(a))) + net.d(means(net.relu(net.same(a))))))
    model.c, model.d, model.same, model.relu = nn.Conv2d(6, 6, 1), nn.Linear(6, 4), nn.Identity(), nn.ReLU(inplace=True)
    model.a.weight.data[:3] = 0
    model.a.bias.data[:3] = -1
    assert check(model).c.in_channels == 3


def test_a_resnet_of_torchvision_is_cut_too():
    model = made_random(ResNet(BasicBlock, [2, 1, 1, 1], num_classes=5))
    model.layer1[1].conv1.weight.data.zero_()
    model.layer3[0].conv1.weight.data[:200] = 0
    images = torch.randn(2, 3, 64, 64)
    network = compact(model, images)
    assert error(model, network, images) < 1e-5
    names = dict(network.named_modules())
    assert "layer1.1.conv2" not in names
    assert names["layer3.0.conv1"].out_channels == 56


@pytest.mark.parametrize("padding_mode", ["reflect", "circular", "zeros"])
def test_a_constant_is_folded_with_the_padding_of_the_layer(padding_mode):
    model = made_random(Net(lambda net, a, b: net.fc(means(F.relu(net.c(a + b)))), 5))
    model.c = made_random(nn.Conv2d(6, 5, 3, stride=2, padding=2, dilation=2, padding_mode=padding_mode))
    for conv in (model.a, model.b):
        conv.weight.data[1] = 0
    assert bool(kept_maps(check(model))) == (padding_mode == "zeros")


def test_a_grouped_convolution_is_not_cut_but_can_be_left():
    model = made_random(Net(lambda net, a, b: net.fc(means(F.relu(net.c(a + b)))), 6))
    model.c = nn.Conv2d(6, 6, 3, groups=2)
    assert check(model).c.groups == 2  # nothing is dead
    model.c.weight.data[0] = 0
    with pytest.raises(ValueError, match=r"^c is a grouped convolution with dead channels.*leave=\('c',\)$"):
        compact(model, small_images())
    network = compact(model, small_images(), leave=("c",))
    assert torch.equal(network.c.weight, model.c.weight)
    assert error(model, network, small_images(3, seed=1)) < 1e-5


def test_a_grouped_convolution_that_is_dead_as_a_whole_is_gone():
    model = made_random(Net(lambda net, a, b: net.fc(means(F.relu(net.c(a) + net.d(b))))))
    model.c, model.d = nn.Conv2d(6, 6, 3, groups=2), nn.Conv2d(6, 6, 3)
    model.c.weight.data.zero_()
    assert not {"a", "c"} & set(dict(check(model).named_children()))


def test_an_input_channel_of_a_group_is_read_by_its_own_group_only():
    model = made_random(Net(lambda net, a, b: net.fc(means(F.relu(net.c(a) + net.d(b))))))
    model.c, model.d = nn.Conv2d(6, 6, 3, groups=2), nn.Conv2d(6, 6, 3)
    model.a.weight.data[:3] = 0  # what the first group reads is constant,
    model.c.weight.data[3:] = 0  # and the second group is zero
    assert not {"a", "c"} & set(dict(check(model).named_children()))


def test_the_multiply_accumulates_of_a_grouped_convolution_are_those_of_its_groups():
    model = Net(lambda net, a, b: net.fc(means(net.c(a + b))))
    model.c = nn.Conv2d(6, 6, 3, groups=2)
    model.c.weight.data[0] = 0
    report = dead_channels(model, small_images(), leave=("c",))
    assert report["c"].macs == report["c"].macs_kept == 6 * 3 * 9 * 16


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_norm_without_statistics_is_cut_though_it_takes_no_single_image(count):
    layers = [nn.Flatten(), nn.Linear(192, 6), nn.BatchNorm1d(6, track_running_stats=False), nn.ReLU(), nn.Linear(6, 3)]
    model = made_random(nn.Sequential(*layers))
    model[1].weight.data[2] = 0
    network = compact(model, small_images(count))
    assert network.get_submodule("1").out_features == 5
    assert error(model, network, small_images(4, seed=1)) < 1e-5


def test_what_is_overwritten_after_it_was_read_does_no_harm():
    model = made_random(Net(lambda net, a, b: net.fc(means(net.c(a) + net.relu(net.same(a))))))
    model.c, model.same, model.relu = nn.Conv2d(6, 6, 1), nn.Dropout(), nn.ReLU(inplace=True)
    model.eval().a.weight.data[1] = 0
    model.c.weight.data[1] = 0
    check(model)

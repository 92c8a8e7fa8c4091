"""What a compact network keeps of the whole one, and what can be done with it: widths, settings, training, saving."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from zero_groups import error, images_of, kept_maps, kill, made_random

from effdl_lite.methods.compaction import compact
from effdl_lite.models import MLP, CifarResNet, ConvNet
from effdl_lite.training import classification_loss, training_step


@pytest.mark.parametrize(("dead", "width"), [(1, 16), (8, 8), (7, 16), (9, 8), (15, 8)])
def test_widths_are_rounded_up_with_dead_filters_of_the_lowest_numbers(dead, width):
    model = made_random(ConvNet((16, 16, 16)))
    model.convs[1].weight.data[-dead:] = 0
    network = compact(model, images_of(model), round_to=8)
    weight = network.get_submodule("convs.1").weight
    assert weight.shape[0] == width
    assert torch.equal(weight, model.convs[1].weight[:width])
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_a_width_that_is_no_multiple_is_not_made_larger():
    model = made_random(MLP((28 * 28, 9, 7, 4)))
    model.layers[0].weight.data[0] = 0
    network = compact(model, images_of(model), round_to=8)
    assert [w.shape[0] for name, w in network.named_parameters() if "weight" in name] == [8, 7, 4]
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_layers_to_leave_keep_their_filters_and_input_channels():
    model = made_random(ConvNet((8, 8, 8)))
    for conv in model.convs:
        conv.weight.data[:4] = 0
    network = compact(model, images_of(model), leave=("convs.1",))
    assert [tuple(w.shape[:2]) for name, w in network.named_parameters() if w.ndim == 4] == [(8, 3), (8, 8), (4, 8)]
    assert torch.equal(network.get_submodule("convs.1").weight, model.convs[1].weight)
    assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_a_dead_layer_to_leave_stays_as_long_as_its_result_is_used():
    model = made_random(CifarResNet(8, widths=(4, 5, 6)))
    model.blocks[0].conv2.weight.data.zero_()
    for leave, found in ((), False), (("blocks.0.conv2",), True):
        network = compact(model, images_of(model), leave=leave)
        assert ("blocks.0.conv2" in dict(network.named_modules())) == found
        assert error(model, network, images_of(model, 4, seed=1)) < 1e-5


def test_a_compact_network_can_be_fine_tuned_and_its_constants_stay():
    model = made_random(CifarResNet(8, widths=(4, 4, 4)))
    kill(model, 3, 0.4, whole_layers=True)
    network = compact(model, images_of(model)).train()
    constants = copy.deepcopy(kept_maps(network))
    assert constants
    batch = (images_of(model, 16), torch.arange(16) % 10)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    losses = [training_step(network, batch, optimizer, classification_loss)[0] for _ in range(8)]
    assert losses[-1] < losses[0]
    assert all(torch.equal(values, constants[name]) for name, values in kept_maps(network).items())


def test_settings_type_and_memory_format_stay_and_no_parameter_is_left_over():
    model = made_random(ConvNet((8, 8, 8))).double().to(memory_format=torch.channels_last)
    model.norms[1].eps, model.norms[1].momentum = 1e-3, 0.2
    model.convs[0].requires_grad_(False)
    model.convs[1].weight.data[:3] = 0
    images = images_of(model).double()
    network = compact(model.train(), images)
    assert model.training
    assert not any(module.training for module in network.modules())
    norm = network.get_submodule("norms.1")
    assert (type(norm), norm.eps, norm.momentum) == (nn.BatchNorm2d, 1e-3, 0.2)
    assert type(network.get_submodule("convs.1")) is nn.Conv2d
    four = [tensor for tensor in network.state_dict().values() if tensor.ndim == 4]
    assert len(four) == 4  # three convolutions and a kept map
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in four)
    assert [w.requires_grad for w in network.parameters()].count(False) == 1
    assert {w.dtype for w in (*network.parameters(), *kept_maps(network).values())} == {torch.float64}
    assert error(model.eval(), network, images) < 1e-12
    network(images).sum().backward()
    assert all(w.grad is not None for w in network.parameters() if w.requires_grad)


def test_a_compact_network_can_be_copied_saved_and_run_under_autocast(tmp_path):
    model = made_random(ConvNet((8, 8, 8)))
    kill(model, 1, 0.4, whole_layers=False)
    network, images = compact(model, images_of(model)), images_of(model, 4, seed=1)
    assert kept_maps(network)
    torch.save(network.state_dict(), tmp_path / "compact.pt")
    other = copy.deepcopy(network)
    for tensor in other.state_dict().values():
        tensor.zero_()
    other.load_state_dict(torch.load(tmp_path / "compact.pt", weights_only=True))
    assert torch.equal(other(images), network(images))
    with torch.autocast("cpu", torch.bfloat16):
        assert F.cosine_similarity(network(images).float(), model(images).float()).min() > 0.99


class Dropping(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 6), nn.Linear(6, 3)
        self.dropout = None  # a name that is taken

    def forward(self, features):
        hidden = F.dropout(F.relu(self.first(features)), 0.3, self.training)
        return self.last(F.dropout(hidden, training=self.training))


def test_functional_dropout_drops_again_when_the_compact_network_is_trained_on():
    model, features = Dropping().eval(), torch.randn(4, 8)
    model.first.weight.data[2] = 0
    network = compact(model, features)
    assert network.first.out_features == 5
    assert sorted(module.p for module in network.modules() if isinstance(module, nn.Dropout)) == [0.3, 0.5]
    assert error(model, network, features) < 1e-5
    network.train()
    assert not torch.equal(network(features), network(features))
    assert error(model, compact(network, features), features) < 1e-5


def test_a_network_that_was_cut_in_inference_mode_can_be_trained():
    model = made_random(ConvNet((8, 8, 8)))
    model.convs[1].weight.data[:3] = 0
    with torch.inference_mode():
        network = compact(model, images_of(model))
    network.train()(images_of(model, 2)).sum().backward()
    assert not any(tensor.is_inference() for tensor in network.state_dict().values())
    assert all(weight.grad is not None for weight in network.parameters())

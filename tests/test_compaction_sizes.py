"""A compact network computes the same for images of another size than it was made with, or says that it cannot."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, ResNet
from zero_groups import Net, error, kept_maps, made_random, means, small_images

from effdl_lite.methods.compaction import compact, rebuild
from effdl_lite.methods.compaction.kept_map import uniform_maps

EPS = torch.finfo(torch.float32).eps


def images_of_size(*size, count=2):
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(1))


class Strided(nn.Module):
    """A first convolution of stride 4 with 3 dead filters of 6, whose maps of 4x4 images have one pixel."""

    def __init__(self, rest, **layers):
        super().__init__()
        self.first, self.fc = nn.Conv2d(3, 6, 3, stride=4, padding=1), nn.Linear(6, 4)
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.rest = rest
        made_random(self)
        self.first.weight.data[:3] = 0
        self.first.bias.data[:3] = 2

    def forward(self, images):
        return self.rest(self, F.relu(self.first(images)))


def padded():
    return nn.Conv2d(6, 6, 3, padding=1)


def centre_only():
    conv = padded()
    conv.weight.data *= torch.tensor([0.0, 1.0, 0.0]) * torch.tensor([0.0, 1.0, 0.0])[:, None]
    return conv


def dead_after_border(net, maps):
    """A branch that is dead, and not zero: what its second convolution sees of the constants depends on the border."""
    return net.fc(means(F.relu(maps + net.d(F.relu(net.c(maps))))))


def with_dead_branch():
    net = Strided(dead_after_border, c=padded(), d=padded())
    net.c.weight.data.zero_()
    return net


def constant_after_border(net, maps):
    return net.fc(means(F.relu(net.c(maps))))


def with_constant_border():
    """Two filters read dead filters only: they are constant, with a mean that depends on the size of the maps."""
    net = Strided(constant_after_border, c=padded())
    net.c.weight.data[:2, 3:] = 0
    return net


def layer(*arguments, **settings):
    return lambda: Strided(constant_after_border, c=nn.Conv2d(6, 6, *arguments, **settings))


def pooled(pool):
    return lambda: Strided(lambda net, maps: net.fc(means(net.c(net.pool(maps)))), c=nn.Conv2d(6, 6, 1), pool=pool)


SIZED = {
    "padded convolution": layer(3, padding=1),
    "padding in one direction": layer((1, 3), padding=(0, 1)),
    "padding as a word": layer(3, padding="same"),
    "dead branch": with_dead_branch,
    "constant with a border, then a mean": with_constant_border,
    "average with the zeros beside the map": pooled(lambda maps: F.avg_pool2d(maps, 3, 1, 1)),
    "the same as a layer": pooled(nn.AvgPool2d(3, 1, 1)),
    "average over a fixed number": pooled(lambda maps: F.avg_pool2d(maps, 3, 2, 1, False, False, 5)),
    "sum over all pixels": lambda: Strided(lambda net, maps: net.fc(maps.sum((2, 3)))),
}
FREE = {
    "convolution of one pixel": layer(1),
    "padding that repeats": layer(3, padding=1, padding_mode="replicate"),
    "padding that no weight reads": lambda: Strided(constant_after_border, c=centre_only()),
    "average of what is in the map": pooled(lambda maps: F.avg_pool2d(maps, 3, 1, 1, count_include_pad=False)),
    "the same as a layer": pooled(nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)),
    "largest value": pooled(nn.MaxPool2d(3, 1, 1)),
    "mean over all pixels": lambda: Strided(lambda net, maps: net.fc(means(maps))),
}


@pytest.mark.parametrize("size", [(4, 4), (8, 8), (4, 12)])
@pytest.mark.parametrize("kind", SIZED)
def test_constants_that_depend_on_the_size_of_the_images_refuse_another_size(kind, size):
    model = SIZED[kind]()
    network = compact(model, images_of_size(*size))
    assert network.first.out_channels == 3
    assert error(model, network, images_of_size(*size)) < 1e-5
    with pytest.raises(
        ValueError, match=rf"images of {size[0]}x{size[1]} only, .*got 24x20; compact it with images of"
    ):
        network(images_of_size(24, 20))
    again = compact(network, images_of_size(*size))
    assert error(model, again, images_of_size(*size)) < 1e-5
    with pytest.raises(ValueError, match="compact it with images of the size that you will use"):
        again(images_of_size(24, 20))


@pytest.mark.parametrize("size", [(4, 4), (8, 8), (4, 12)])
@pytest.mark.parametrize("kind", FREE)
def test_constants_that_do_not_depend_on_the_size_are_exact_at_every_size(kind, size):
    model = FREE[kind]()
    network = compact(model, images_of_size(*size))
    assert network.first.out_channels == 3
    assert not kept_maps(network)
    for other in (size, (24, 20), (33, 5)):
        assert error(model, network, images_of_size(*other)) < 1e-5


def test_zeros_meet_no_border():
    model = Strided(constant_after_border, c=padded())
    model.first.bias.data[:3] = -1  # ReLU makes a zero of it
    network = compact(model, images_of_size(4, 4))
    assert error(model, network, images_of_size(24, 20)) < 1e-5


def test_a_resnet_that_was_cut_where_its_maps_have_one_pixel_refuses_larger_images():
    model = made_random(ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5))
    model.layer4[0].conv1.weight.data[:200] = 0
    model.layer4[0].bn1.bias.data[:200] = 1
    network = compact(model, images_of_size(32, 32))
    assert network.get_submodule("layer4.0.conv1").out_channels == 312
    assert error(model, network, images_of_size(32, 32)) < 1e-5
    with pytest.raises(ValueError, match=r"this network takes images of 32x32 only, .*got 64x64"):
        network(images_of_size(64, 64))
    with pytest.raises(ValueError, match="got 31x32"):  # whose maps have the same sizes, but not the same border
        network(images_of_size(31, 32))


def test_a_small_map_beside_a_large_one_keeps_its_border():
    maps = torch.full((1, 3, 4, 4), 1e4)
    maps[0, 1] = 1e-3
    maps[0, 1, 0] = 2e-3
    maps[0, 2] = 0
    assert uniform_maps(maps, EPS).tolist() == [True, False, True]
    assert uniform_maps(maps + maps * EPS * torch.rand(4, 4), EPS).tolist() == [True, False, True]

    model = nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1, bias=False)),
        *(nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(128, 3)),
    ).eval()
    model[0].weight.data[0] = 0
    model[0].bias.data[0] = 1
    model[2].weight.data[0, 0] = torch.tensor([0.0, 1e4, 0.0]) * torch.tensor([0.0, 1.0, 0.0])[:, None]
    model[2].weight.data[1, 0] = 5e-4
    network = compact(model, small_images())
    assert kept_maps(network)["2_kept"][0, 1].std() > 1e-4


def test_a_network_that_loses_its_digits_itself_is_no_bug_of_compaction():
    model = made_random(Net(lambda net, a, b: net.fc(means(net.n(net.c(a + b))))))
    model.c, model.n = nn.Conv2d(6, 6, 1), nn.BatchNorm2d(6)
    model.a.weight.data[0] = 0
    model.b.weight.data[0] = 0
    model.c.bias.data.fill_(1e6)
    model.n.running_mean.fill_(1e6)
    network = compact(model.eval(), small_images())
    assert error(model, network, small_images(3)) > 1e-4


@pytest.mark.parametrize("corner", [0.05, 0.08])
def test_a_short_type_does_not_hide_a_border(corner):
    model = nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1, bias=False)),
        *(nn.ReLU(), nn.Flatten(), nn.Linear(128, 3)),
    )
    model = model.bfloat16().eval()
    model[0].weight.data[0] = 0
    model[0].bias.data[0] = 1
    model[2].weight.data[:, 0] = 0
    model[2].weight.data[:, 0, 1, 1] = 3
    model[2].weight.data[:, 0, 0, 0] = corner  # less than 3 % of the other
    network = compact(model, small_images().bfloat16())
    kept = kept_maps(network)["2_kept"]
    assert kept.dtype == torch.bfloat16
    assert kept[0, 0, 0, 0] == 3
    assert kept[0, 0, 4, 4] == torch.tensor(3 + corner).bfloat16()
    longer = copy.deepcopy(network).float()
    assert error(copy.deepcopy(model).float(), longer, small_images(3)) < 5e-3


def test_the_result_is_checked_closely(monkeypatch):
    model = made_random(Net(lambda net, a, b: net.fc(means(a + b))))
    model.a.weight.data[0] = 0
    model.b.weight.data[0] = 0
    exact = rebuild._product
    monkeypatch.setattr(rebuild, "_product", lambda *arguments: exact(*arguments) * (1 + 3e-4))
    with pytest.raises(RuntimeError, match="is a bug of compaction"):
        compact(model, small_images())

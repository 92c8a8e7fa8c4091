"""Networks with zero groups, for the tests of what removes them."""

import torch
from torch import nn

from effdl_lite.methods.compaction import KeptMap
from effdl_lite.models import MLP, CifarResNet, ConvNet, LeNet

NETWORKS = {
    "LeNet": LeNet,
    "MLP": lambda: MLP((28 * 28, 9, 7, 4)),
    "ConvNet with BatchNorm": lambda: ConvNet((6, 5, 7)),
    "ConvNet of Caffe": lambda: ConvNet((6, 5, 7), batch_norm=False),
    "ResNet-8": lambda: CifarResNet(8, "conv", (4, 5, 6)),
    "ResNet-14 with PadShortcut": lambda: CifarResNet(14, "pad", (4, 5, 6)),
}


def made_random(model, seed=0):
    """BatchNorm and biases as after training: statistics, scales and offsets of both signs."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
        if getattr(module, "bias", None) is not None:
            nn.init.normal_(module.bias)
    return model.eval()


def images_of(model, count=1, seed=0):
    shape = (1, 28, 28) if isinstance(model, LeNet | MLP) else (3, 32, 32)
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def error(model, other, images):
    """The largest difference, as a part of the largest output."""
    expected = model(images)
    return ((other(images) - expected).abs().max() / expected.abs().max()).item()


def kept_maps(network):
    return {name: module.values for name, module in network.named_modules() if isinstance(module, KeptMap)}


def kill(model, seed, share, whole_layers):
    """Zeroes a share of the filters, input channels and BatchNorm channels, and some layers of residual blocks.

    Number 0 always survives outside of residual blocks, so that the image reaches the output.
    """
    generator = torch.Generator().manual_seed(seed)

    def some(size, first):
        chosen = torch.rand(size, generator=generator) < share
        chosen[:first] = False
        return chosen

    for name, module in model.named_modules():
        residual = ".conv" in name or ".norm" in name
        first = 0 if residual else 1
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data[some(len(module.weight), first)] = 0
            module.weight.data[:, some(module.weight.shape[1], first)] = 0
            if whole_layers and residual and torch.rand(1, generator=generator) < 0.3:
                module.weight.data.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            dead = some(module.num_features, first)
            module.weight.data[dead] = 0
            module.bias.data[dead & some(module.num_features, first)] = 0


class Net(nn.Module):
    """Two 3x3 convolutions `a` and `b` of the images, 6 filters each, and what `join` makes of them; 8x8 images."""

    def __init__(self, join, features=6, **layers):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 6, 3), nn.Conv2d(3, 6, 3)
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.join, self.fc = join, nn.Linear(features, 4)

    def forward(self, images):
        return self.join(self, self.a(images), self.b(images))


def small_images(count=1, seed=0):
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def means(maps):
    return maps.mean((2, 3))

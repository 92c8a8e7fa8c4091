"""Image classifiers: LeNet-5, a multi-layer perceptron, the CIFAR ConvNet, TernGrad's CifarNet, and the CIFAR ResNet.

Each takes float images [batch, channels, height, width] and returns logits [batch, classes].
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LeNet(nn.Module):
    """LeNet-5 in the widths that Caffe made common: 20 and 50 filters of 5x5, 500 hidden units.

    Images are [batch, 1, 28, 28]; 431,080 parameters.

    Source: Caffe's `lenet` example, the baseline of the LeNet tables in the SSL paper.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(50 * 4 * 4, 500)
        self.fc2 = nn.Linear(500, classes)

    def forward(self, images: Tensor) -> Tensor:
        maps = F.max_pool2d(self.conv1(images), 2)
        maps = F.max_pool2d(self.conv2(maps), 2)
        return self.fc2(F.relu(self.fc1(maps.flatten(1))))


class MLP(nn.Module):
    """A perceptron with fully connected layers of the given widths and ReLU between them.

    Args:
        widths: inputs, hidden layers, classes. The default is the one of the SSL poster, 784-500-300-10.
    """

    def __init__(self, widths: tuple[int, ...] = (784, 500, 300, 10)):
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths {widths} names {len(widths)} layer; give at least inputs and classes")
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))

    def forward(self, images: Tensor) -> Tensor:
        hidden = images.flatten(1)
        for layer in self.layers[:-1]:
            hidden = F.relu(layer(hidden))
        return self.layers[-1](hidden)


class ConvNet(nn.Module):
    """Three 5x5 convolutions and one classifier for 32x32 images: Caffe's `cifar10_full`, or ours with BatchNorm.

    The pools are 3x3 with stride 2, rounded **up** (`ceil_mode`), so that the maps measure 32, 16, 8 and 4; PyTorch's
    default would give 15, 7 and 3. The first pool takes the maximum, the others the mean.

    Args:
        filters: widths of the three convolutions.
        batch_norm: True for conv - BatchNorm - ReLU - pool, without biases (89,706 parameters); False for Caffe's
            order, with biases and local response normalisation after the first two pools (89,578 parameters).
        classes: number of logits.

    Source: Caffe's `cifar10_full`, the ConvNet of the SSL and Force papers. The BatchNorm variant is ours.
    """

    def __init__(self, filters: tuple[int, int, int] = (32, 32, 64), batch_norm: bool = True, classes: int = 10):
        super().__init__()
        widths = (3, *filters)
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 5, padding=2, bias=not batch_norm) for a, b in itertools.pairwise(widths)
        )
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in filters) if batch_norm else None
        self.fc = nn.Linear(filters[-1] * 4 * 4, classes)

    def forward(self, images: Tensor) -> Tensor:
        maps = images
        for i, conv in enumerate(self.convs):
            maps = conv(maps)
            if self.norms is not None:
                maps = _pool(F.relu(self.norms[i](maps)), first=i == 0)
            elif i == 0:  # Caffe pools before the first ReLU; for a maximum the order makes no difference
                maps = F.relu(_pool(maps, first=True))
            else:
                maps = _pool(F.relu(maps), first=False)
            if self.norms is None and i < 2:
                maps = _local_response_norm(maps)
        return self.fc(maps.flatten(1))


class CifarNet(nn.Module):
    """Two 5x5 convolutions of 64 filters and three fully connected layers: TernGrad's network for CIFAR-10.

    Most of its weights are in the first fully connected layer, which takes little time to compute and much to send.
    The authors normalise local responses; BatchNorm in its place, which trains in fewer steps, is ours.

    Args:
        size: height and width of the images, which both pools halve, rounded up. With the authors' crops of 24 there
            are 1,068,426 parameters.
        classes: number of logits.

    Source: the authors' `slim/models.py` (widths and filters).
    """

    def __init__(self, size: int = 24, classes: int = 10):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(channels, 64, 5, padding=2, bias=False) for channels in (3, 64))
        self.norms = nn.ModuleList(nn.BatchNorm2d(64) for _ in self.convs)
        quarter = -(-size // 4)
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in itertools.pairwise((64 * quarter**2, 384, 192, classes))
        )

    def forward(self, images: Tensor) -> Tensor:
        maps = images
        for conv, norm in zip(self.convs, self.norms, strict=True):
            maps = _pool(F.relu(norm(conv(maps))), first=True)
        hidden = maps.flatten(1)
        for layer in self.layers[:-1]:
            hidden = F.relu(layer(hidden))
        return self.layers[-1](hidden)


def _pool(maps: Tensor, first: bool) -> Tensor:
    pool = F.max_pool2d if first else F.avg_pool2d
    return pool(maps, 3, stride=2, ceil_mode=True)


def _local_response_norm(maps: Tensor) -> Tensor:
    # Caffe's WITHIN_CHANNEL form with the constants of cifar10_full; F.local_response_norm runs across channels.
    energy = F.avg_pool2d(maps.square(), 3, stride=1, padding=1)
    return maps * (1 + 5e-5 * energy) ** -0.75


class CifarResNet(nn.Module):
    """The residual network for 32x32 images: depth 6n + 2, three stages of 16, 32 and 64 filters.

    Args:
        depth: 20, 32, 44, 56, 110, ...
        shortcut: what carries the input around a block that halves the map. "conv": a 1x1 convolution of stride 2,
            as in the SSL code; "pad": every second pixel, and zeros for the new channels, which has no weights.
        widths: filters of the three stages.
        classes: number of logits.

    Raises:
        ValueError: for another depth or shortcut.

    Source: He et al., Deep Residual Learning for Image Recognition (CVPR 2016), section on CIFAR-10.
    """

    def __init__(
        self,
        depth: int = 20,
        shortcut: str = "conv",
        widths: tuple[int, int, int] = (16, 32, 64),
        classes: int = 10,
    ):
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"depth {depth} is not 6n + 2; choose 8, 14, 20, 26, 32, 44, 56, 110")
        if shortcut not in ("conv", "pad"):
            raise ValueError(f"shortcut {shortcut!r} is unknown; choose 'conv' or 'pad'")
        self.conv = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        blocks, channels = [], widths[0]
        for stage, width in enumerate(widths):
            for block in range((depth - 2) // 6):
                blocks.append(ResidualBlock(channels, width, 2 if stage and not block else 1, shortcut))
                channels = width
        self.blocks = nn.ModuleList(blocks)
        self.fc = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        maps = F.relu(self.norm(self.conv(images)))
        for block in self.blocks:
            maps = block(maps)
        return self.fc(maps.mean(dim=(2, 3)))


class ResidualBlock(nn.Module):
    """relu(shortcut(x) + norm2(conv2(relu(norm1(conv1(x))))))."""

    def __init__(self, channels: int, filters: int, stride: int, shortcut: str):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)
        if stride == 1 and channels == filters:
            self.shortcut = nn.Identity()
        elif shortcut == "conv":
            self.shortcut = nn.Conv2d(channels, filters, 1, stride, bias=False)
        else:
            self.shortcut = PadShortcut(filters - channels, stride)

    def forward(self, maps: Tensor) -> Tensor:
        residual = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(maps)))))
        return F.relu(self.shortcut(maps) + residual)


class PadShortcut(nn.Module):
    """Keeps every `stride`-th pixel and appends `new_channels` maps of zeros: a shortcut without weights."""

    def __init__(self, new_channels: int, stride: int):
        super().__init__()
        self.new_channels = new_channels
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps[:, :, :: self.stride, :: self.stride]
        zeros = torch.zeros_like(maps[:, :1]).expand(-1, self.new_channels, -1, -1)
        return torch.cat([maps, zeros], dim=1)

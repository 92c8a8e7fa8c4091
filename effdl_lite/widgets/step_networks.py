"""Networks whose steps `StepTimeModel` computes: counted on the models themselves, without making their weights."""

import functools
from dataclasses import dataclass

import torch
from torch import nn

from effdl_lite.measure import count_macs
from effdl_lite.methods.terngrad import Work
from effdl_lite.models import CifarNet, CifarResNet, ConvNet

NETWORKS = ("AlexNet", "VGG-A", "GoogLeNet", "CifarNet", "ConvNet", "ResNet-20")
FLOAT_BELOW = 256  # elements; smaller tensors are sent in fp32, as `TernGrad` does
IMAGES, RATE = 32, 1e12  # of a worker's share of the batch, and the FLOP/s from which a compute time is guessed


@dataclass(frozen=True)
class Network:
    """What a network sends and computes.

    Attributes:
        name: one of `NETWORKS`.
        weights: in tensors of at least 256 elements, which are ternarized.
        tensors: these tensors.
        small: weights in smaller tensors, sent in fp32.
        last_weights: those of `weights` that are in the last layer.
        last_tensors: those of `tensors`.
        macs: of one image, forward.
    """

    name: str
    weights: int
    tensors: int
    small: int
    last_weights: int
    last_tensors: int
    macs: int

    @property
    def compute(self) -> float:
        """Seconds of forward and backward pass: 3 passes of 2 FLOPs a MAC, for 32 images at 10^12 FLOP/s."""
        return 6 * self.macs * IMAGES / RATE

    def work(self, compute: float | None = None, last_float: bool = False) -> Work:
        """As the performance model takes it; `last_float` sends the last layer in fp32."""
        weights, tensors, rest = self.weights, self.tensors, self.small
        if last_float:
            weights, tensors, rest = weights - self.last_weights, tensors - self.last_tensors, rest + self.last_weights
        return Work(weights, self.compute if compute is None else compute, tensors, rest)


@functools.cache
def count_network(name: str) -> Network:
    """Counts of one of `NETWORKS`; the first three are torchvision's, for images of 224 x 224.

    Raises:
        ValueError: for another name.
    """
    from torchvision import models  # takes a second to import

    makers = {
        "AlexNet": (models.alexnet, 224),
        "VGG-A": (models.vgg11, 224),
        "GoogLeNet": (functools.partial(models.googlenet, aux_logits=False, init_weights=False), 224),
        "CifarNet": (CifarNet, 24),
        "ConvNet": (ConvNet, 32),
        "ResNet-20": (CifarResNet, 32),
    }
    if name not in makers:
        raise ValueError(f"network {name!r} is unknown; choose one of {', '.join(makers)}")
    make, size = makers[name]
    with torch.device("meta"):  # shapes without numbers
        net = make()
        macs = count_macs(net, torch.zeros(1, 3, size, size))
    large = [weight.numel() for weight in net.parameters() if weight.numel() >= FLOAT_BELOW]
    *_, last = (module for module in net.modules() if isinstance(module, nn.Linear))
    in_last = [weight.numel() for weight in last.parameters() if weight.numel() >= FLOAT_BELOW]
    total = sum(weight.numel() for weight in net.parameters())
    return Network(name, sum(large), len(large), total - sum(large), sum(in_last), len(in_last), macs)

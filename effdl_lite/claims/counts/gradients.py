"""Ternary gradients: bits and levels, what clipping changes, and when our performance model says that they pay."""

import torch
from torchvision import models

from effdl_lite.measure import count_macs
from effdl_lite.methods import terngrad


def ternary_ratio(workers: int = 1) -> float:
    """How many times fewer bits than fp32 the mean of so many ternary gradients takes; with 1, what a worker sends."""
    return terngrad.ideal_ratio(workers)


def codec_ratio(codec: str) -> float:
    """How many times fewer bytes than fp32 a packed message of a million codes has; "2-bit" or "base 3"."""
    codecs = {of.name: of for of in (terngrad.TWO_BIT, terngrad.BASE_3)}
    if codec not in codecs:
        raise ValueError(f"no codec {codec!r}; choose one of {', '.join(codecs)}")
    return 4e6 / codecs[codec].bytes_of(10**6)


def levels_seen(workers: int) -> int:
    """Different values in the mean of so many ternary gradients of a million elements, with a shared scaler."""
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(10**6, generator=generator) for _ in range(workers)]
    shared = terngrad.share_scalers([terngrad.scale(g, terngrad.CLIP)[0] for g in gradients])
    codes = (terngrad.ternary_codes(g, shared, generator=generator) for g in gradients)
    return len(sum(code.int() for code in codes).unique())


def clip_change(what: str, c: float = 2.5) -> float:
    """What clipping at c sigma changes in a Gaussian gradient: "length", in percent of it, or "direction", degrees."""
    found = terngrad.gaussian_clip(c)
    changes = {"length": -100 * found.length_change, "direction": found.angle}
    if what not in changes:
        raise ValueError(f"what is {what!r}; choose one of {', '.join(changes)}")
    return changes[what]


def terngrad_speedup(
    network: str = "AlexNet", workers: int = 8, gigabit: float = 1.0, teraflops: float = 5.0, images: int = 64
) -> float:
    """How many times faster TernGrad makes a step, by our performance model with a parameter server.

    Args:
        network: "AlexNet", "GoogLeNet" or "VGG-A", as torchvision builds them.
        gigabit: bandwidth of each link, in 10^9 bits a second.
        teraflops: arithmetic of a worker, in 10^12 operations a second; a backward pass counts as two forward passes.
        images: of a worker's share of the batch.

    Raises:
        ValueError: for another network.
    """
    builders = {"AlexNet": models.alexnet, "GoogLeNet": models.googlenet, "VGG-A": models.vgg11}
    if network not in builders:
        raise ValueError(f"no network {network!r}; choose one of {', '.join(builders)}")
    options = {"aux_logits": False, "init_weights": False} if network == "GoogLeNet" else {}
    with torch.device("meta"):
        net = builders[network](**options).eval()
        macs, sizes = count_macs(net, torch.empty(1, 3, 224, 224)), [w.numel() for w in net.parameters()]
    ternary = [size for size in sizes if size >= 256]
    compute = 3 * 2 * macs * images / (teraflops * 1e12)
    work = terngrad.Work(sum(ternary), compute, len(ternary), sum(sizes) - sum(ternary))
    return terngrad.speedup(terngrad.Cluster(workers, gigabit * 1e9 / 8, 50e-6), work)


def speedup_gain(more: dict, less: dict) -> float:
    """`terngrad_speedup` with some arguments over that with others."""
    return terngrad_speedup(**more) / terngrad_speedup(**less)

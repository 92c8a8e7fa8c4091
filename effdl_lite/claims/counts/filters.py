"""Filters that share a basis: what a rank saves, and where a force between filters points."""

import torch
from torch import nn

from effdl_lite.methods.force_regularization import force, pairwise_distance
from effdl_lite.methods.low_rank import mac_ratio

# Channels, filters, kernel and conv groups of the convolutions whose ranks the Force paper prints.
ALEXNET = {"conv3": (256, 384, 3, 1), "conv4": (384, 384, 3, 2), "conv5": (384, 256, 3, 2)}


def alexnet_ratio(layer: str, rank: int) -> float:
    """How many times fewer multiply-accumulates a convolution of AlexNet needs with this rank."""
    if layer not in ALEXNET:
        raise ValueError(f"no layer {layer!r}; choose one of {', '.join(ALEXNET)}")
    channels, filters, kernel, groups = ALEXNET[layer]
    with torch.random.fork_rng(devices=[]):  # the weights are drawn, but only their number matters
        return mac_ratio(nn.Conv2d(channels, filters, kernel, groups=groups), rank)


def force_alignment(kind: str) -> float:
    """Cosine of the force on a filter and gradient descent on the pairwise distance, at the filter where it is least.

    Args:
        kind: "L2" or "L1". The 64 filters of 800 weights are random.
    """
    filters = torch.randn(64, 800, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(pairwise_distance(filters, kind), filters)
    return nn.functional.cosine_similarity(-gradient, force(filters.detach(), kind)).min().item()

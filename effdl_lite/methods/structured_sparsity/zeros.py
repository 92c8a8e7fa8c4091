"""Making zeros by magnitude, and keeping zeros while a network is trained on."""

from collections.abc import Iterable

import torch
from torch import nn

from effdl_lite.methods.structured_sparsity.groups import (
    ALIASES,
    blocks,
    group_size,
    lengths_of,
    members_of,
    parameters_of,
)
from effdl_lite.training import Method


@torch.no_grad()
def trim(layers: Iterable[nn.Module], kind: str, share: float) -> None:
    """Sets the `share` of all groups to zero that are shortest, in place: pruning by magnitude.

    A group is compared relative to the mean of its layer, and at least one group of each layer stays. Whole layers
    are compared with each other, by the root mean square of their weights, and at least one of them stays.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share {share} is not in 0..1")
    layers = list(layers)
    members = [members_of(layer, kind) for layer in layers]
    lengths = [lengths_of(*of_layer) for of_layer in members]
    if ALIASES.get(kind, kind) == "layer":
        relative = [length / group_size(layer, kind) ** 0.5 for layer, length in zip(layers, lengths, strict=True)]
        longest = [torch.stack([length.max() for length in relative]).max()] * len(layers)
    else:
        relative = [length / length.mean().clamp(min=1e-12) for length in lengths]
        longest = [length.max() for length in relative]
    ordered = torch.cat([length.flatten() for length in relative]).sort().values
    limit = ordered[min(int(share * len(ordered)), len(ordered) - 1)]
    for (weights, _), length, most in zip(members, relative, longest, strict=True):
        for weight in weights:
            weight.masked_fill_(length < torch.minimum(limit, most), 0)


class FrozenZeros(Method):
    """Keeps weights that are zero now at zero, for fine-tuning; fills place 5.

    The mask is taken once: a mask taken anew after each step would let dead weights come back.

    Args:
        layers: whose zeros stay.
        kinds: None freezes every zero weight; else only those in groups of these kinds that are zero as a whole, so
            that the other zeros may become useful again. (The authors' code calls the two ELTWISE and GRPWISE.)
    """

    def __init__(self, layers: Iterable[nn.Module], kinds: Iterable[str] | None = None):
        self.weights, self.masks = [], []
        kinds = None if kinds is None else list(kinds)
        for layer in layers:
            masks = [member != 0 for member in blocks(layer)]
            if kinds is not None:
                masks = [torch.ones_like(mask) for mask in masks]
                for kind in kinds:
                    alive = lengths_of(*members_of(layer, kind)) > 0
                    masks = [mask & alive for mask in masks]
            for weight, mask in zip(parameters_of(layer), masks, strict=True):
                self.weights.append(weight)
                self.masks.append(mask.view_as(weight))

    @torch.no_grad()
    def after_step(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for weight, mask in zip(self.weights, self.masks, strict=True):
            weight.mul_(mask)

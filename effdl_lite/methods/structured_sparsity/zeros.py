"""Making zeros by magnitude, and keeping zeros while a network is trained on."""

from collections.abc import Iterable

import torch
from torch import nn

from effdl_lite.methods.structured_sparsity.groups import (
    blocks,
    group_size,
    lengths_of,
    members_of,
    parameters_of,
    plain_kind,
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
    layers, across = list(layers), plain_kind(kind) == "layer"
    if not layers:
        raise ValueError("0 layers: give at least 1")
    members = [members_of(layer, kind) for layer in layers]
    relative = []
    for number, (layer, of_layer) in enumerate(zip(layers, members, strict=True)):
        parameters_of(layer)  # refuses a layer whose weights would come back
        lengths = lengths_of(*of_layer)
        if not lengths.isfinite().all():
            raise ValueError(
                f"layer {number} holds weights that are not finite; take those of before training diverged"
            )
        relative.append(lengths / (group_size(layer, kind) ** 0.5 if across else lengths.mean().clamp(min=1e-12)))
    dead = torch.zeros(sum(lengths.numel() for lengths in relative), dtype=torch.bool)
    order = torch.cat([lengths.flatten() for lengths in relative]).argsort(stable=True)
    dead[order[: int(share * len(order))]] = True
    parts = dead.split([lengths.numel() for lengths in relative])
    for part, lengths in [(dead, order)] if across else zip(parts, relative, strict=True):
        if part.all():
            part[order[-1] if across else lengths.argmax()] = False
    for (weights, _), part, lengths in zip(members, parts, relative, strict=True):
        for weight in weights:
            weight.masked_fill_(part.view_as(lengths), 0)


class FrozenZeros(Method):
    """Keeps weights that are zero now at zero, for fine-tuning; fills place 5.

    The mask is taken once: a mask taken anew after each step would let dead weights come back.

    Args:
        layers: whose zeros stay.
        kinds: None freezes every zero weight. Else a kind of group, or several: only those are frozen that lie in
            groups of these kinds which are zero as a whole, so that the other zeros may become useful again. (The
            authors' code calls the two ELTWISE and GRPWISE.)
    """

    def __init__(self, layers: Iterable[nn.Module], kinds: str | Iterable[str] | None = None):
        self.weights, self.masks = [], []
        kinds = [kinds] if isinstance(kinds, str) else None if kinds is None else list(kinds)
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
            weight.masked_fill_(~mask, 0)  # a product would make NaN of an infinite weight

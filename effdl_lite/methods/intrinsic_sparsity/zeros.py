"""Making units zero by magnitude, and keeping dead units dead while a network is trained on."""

import torch
from torch import nn

from effdl_lite.methods.intrinsic_sparsity.groups import groups_of
from effdl_lite.methods.intrinsic_sparsity.strips import weights_of
from effdl_lite.training import Method


@torch.no_grad()
def trim_units(model: nn.Module, share: float) -> None:
    """Sets the groups of the `share` of all units to zero that are shortest, in place: pruning by magnitude.

    A group is compared relative to the mean of its layer, and at least one unit of each layer stays.

    Raises:
        ValueError: for a share out of 0..1, weights that are not finite, or a model without known groups.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share {share} is not in 0..1")
    groups = groups_of(model)
    lengths = {name: group.squares().sqrt() for name, group in groups.items()}
    for name, of_layer in lengths.items():
        if not of_layer.isfinite().all():
            raise ValueError(f"{name} holds weights that are not finite; take those of before training diverged")
    relative = {name: of_layer / of_layer.mean().clamp(min=1e-12) for name, of_layer in lengths.items()}
    order = torch.cat(list(relative.values())).argsort(stable=True)
    dead = torch.zeros(len(order), dtype=torch.bool, device=order.device)
    dead[order[: int(share * len(order))]] = True
    parts = dead.split([group.units for group in groups.values()])
    for (name, group), part in zip(groups.items(), parts, strict=True):
        if part.all():
            part[lengths[name].argmax()] = False
        for strip in group.strips:
            strip.of(strip.weight).masked_fill_(part[:, None], 0)


class FrozenUnits(Method):
    """Keeps hidden units whose groups are zero now at zero; fills place 5.

    The mask is taken once. One taken anew from the weights *after* each update would keep nothing: the update has just
    revived the dead units, as their biases still drive them and the zero weights that would read them get a gradient.

    Args:
        model: whose dead units stay dead; names of its layers and errors as in `groups_of`.

    Attributes:
        dead: bool [units] by layer.
    """

    def __init__(self, model: nn.Module):
        self.groups = groups_of(model)
        self.weights = weights_of(self.groups.values())
        self.dead = {name: ~group.alive() for name, group in self.groups.items()}

    @torch.no_grad()
    def after_step(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for name, group in self.groups.items():
            if not self.dead[name].any():
                continue
            alive = (~self.dead[name]).to(group.strips[0].weight.dtype)
            for strip in group.strips:
                strip.of(strip.weight).mul_(alive[:, None])

    @torch.no_grad()
    def absorb(self) -> None:
        """Freezes the units that have died since as well; to be called after a step that made zeros."""
        for name, group in self.groups.items():
            self.dead[name] |= group.squares() == 0

"""Keeping dead units dead while a network is trained on."""

import torch
from torch import nn

from effdl_lite.methods.intrinsic_sparsity.groups import groups_of
from effdl_lite.methods.intrinsic_sparsity.strips import weights_of
from effdl_lite.training import Method


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

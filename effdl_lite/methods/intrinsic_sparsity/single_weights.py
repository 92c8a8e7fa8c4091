"""The control without structure: the l1 penalty on each weight alone, with as many weights as another method left."""

import math

import torch
from torch import nn

from effdl_lite.methods.intrinsic_sparsity.groups import groups_of
from effdl_lite.methods.intrinsic_sparsity.strips import weights_of
from effdl_lite.training import Method


class SingleWeights(Method):
    r"""Adds the l1 penalty :math:`\lambda \sum_i |w_i|` on the weights that ISS penalises; fills place 5.

    Place 5 takes the proximal step, which is exact as no two groups overlap: every weight moves towards zero by the
    strength times the learning rate, and stops there. After `epochs` epochs the penalty ends, the weights of smallest
    size are set to zero until `keep` are left, and zeros stay zero.

    Args:
        model: a language model, see `groups_of`; its biases, and an embedding of its own, are left alone.
        strength: :math:`\lambda`, at least 0.
        epochs: how long the penalty lasts, at least 1.
        keep: how many weights may be left at its end; None: as many as the penalty left.

    Raises:
        ValueError: if strength, epochs or keep is out of range.
    """

    def __init__(self, model: nn.Module, strength: float, *, epochs: int, keep: int | None = None):
        self.weights = weights_of(groups_of(model).values())
        total = sum(weight.numel() for weight in self.weights)
        if not (math.isfinite(strength) and strength >= 0):
            raise ValueError(f"strength is {strength}; it must be a number of at least 0")
        if epochs < 1:
            raise ValueError(f"epochs is {epochs}; the penalty lasts at least 1 epoch")
        if keep is not None and not 0 < keep <= total:
            raise ValueError(f"keep is {keep}; choose 1..{total}, the number of penalised weights")
        self.strength = strength
        self.epochs_left = epochs
        self.keep = keep
        self.masks: list[torch.Tensor] | None = None

    def penalty(self) -> torch.Tensor:
        """The value of the penalty, a scalar."""
        return self.strength * sum(weight.abs().sum() for weight in self.weights)

    @torch.no_grad()
    def after_step(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        steps = {
            id(weight): group["lr"] / (1 - group.get("momentum", 0.0))
            for group in optimizer.param_groups
            for weight in group["params"]
        }
        for i, weight in enumerate(self.weights):
            if self.masks:
                weight.mul_(self.masks[i])
            elif weight.requires_grad and id(weight) in steps:
                weight.copy_(nn.functional.softshrink(weight, self.strength * steps[id(weight)]))

    @torch.no_grad()
    def after_epoch(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.epochs_left -= 1
        if self.epochs_left != 0:
            return
        self.strength = 0.0
        sizes = torch.cat([weight.abs().flatten() for weight in self.weights])
        if self.keep is not None and self.keep < sizes.count_nonzero():
            limit = sizes.kthvalue(len(sizes) - self.keep).values  # the largest that goes
            for weight in self.weights:
                weight.masked_fill_(weight.abs() <= limit, 0)
        self.masks = [(weight != 0).to(weight.dtype) for weight in self.weights]

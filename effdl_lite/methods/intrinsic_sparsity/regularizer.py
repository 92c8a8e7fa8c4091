"""The ISS penalty in the training step: its closed-form gradient, the authors' threshold, and a proximal step."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from effdl_lite.methods.intrinsic_sparsity.groups import groups_of
from effdl_lite.methods.intrinsic_sparsity.strips import UnitGroups, weights_of
from effdl_lite.methods.intrinsic_sparsity.zeros import FrozenUnits
from effdl_lite.training import Method

EPSILON = 1e-8


class IntrinsicSparsity(Method):
    r"""Adds the ISS penalty of all hidden units to the loss; fills places 4 and 5.

    .. math:: R = \lambda \sum_\ell \sum_k \sqrt{\varepsilon + \lVert w^{(\ell, k)} \rVert^2}

    With ``step="gradient"``, as the authors do: place 4 adds :math:`\lambda w / \sqrt{\varepsilon + \lVert w^{(k)}
    \rVert^2}` of every group that a weight is in, before the gradient is clipped, and place 5 sets every weight not
    above `threshold` in size to exact zero. Their threshold acts on every parameter of the network, ours on the
    penalised ones.

    With ``step="proximal"``, ours, place 5 shortens each group by the strength times the step, and to exact zero where
    it is not longer than that; see `shorten` for what is approximate. The step is :math:`\eta / (1 - \mu)`, the
    distance that a constant gradient moves a weight under momentum :math:`\mu` in the long run.

    **The sum-over-steps trap.** The authors' loss is a *sum* over the 35 time steps, averaged over the batch; the loss
    of this course, as of most PyTorch code, is a *mean* a word, 35 times smaller. Beside a mean the authors' strength
    is 35 times too large, and kills every unit. `strength_for_mean_loss` converts it: 0.00245 becomes 7e-5. (The same
    training needs 35 times their learning rate, and a 35th of their clipping norm.)

    Args:
        model: whose hidden units are penalised; see `groups_of`.
        strength: :math:`\lambda` for a loss that is a mean a word, at least 0.
        step: "gradient" or "proximal".
        epsilon: inside the root. It keeps the gradient finite at a group of zeros, where autograd of a bare root gives
            NaN, and makes the penalty of a dead group :math:`\lambda \sqrt\varepsilon`, not 0. The authors' 1e-8 by
            default with "gradient"; 0 with "proximal", whose closed form has none. Our closed-form gradient needs none
            either: it is 0 at a group of zeros.
        double_count: count a weight at the crossing of a unit's own row and column twice, as the authors' code does.
        threshold: the authors' 1e-4 by default with "gradient", else 0. It is a size of single weights, not of groups.
        absorbing: keep a unit at zero once it is zero. Else gradients revive it: its biases still drive it, so the zero
            weights that would read it get a gradient.
        epochs: after so many epochs the penalty ends and the units that are dead by then stay dead, by a mask that is
            taken once: a mask taken anew after each step lets them come back. None: the penalty stays.

    Raises:
        ValueError: for a negative strength, threshold or epsilon, an epsilon beside a proximal step, an unknown step,
            an epoch count below 1, or a model without known groups.
    """

    def __init__(
        self,
        model: nn.Module,
        strength: float,
        *,
        step: str = "gradient",
        epsilon: float | None = None,
        double_count: bool = False,
        threshold: float | None = None,
        absorbing: bool = False,
        epochs: int | None = None,
    ):
        if step not in ("gradient", "proximal"):
            raise ValueError(f"step {step!r} is unknown; choose 'gradient' or 'proximal'")
        if epsilon is None:
            epsilon = EPSILON if step == "gradient" else 0.0
        if threshold is None:
            threshold = 1e-4 if step == "gradient" else 0.0
        for name, value in {"strength": strength, "threshold": threshold, "epsilon": epsilon}.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value}; it must be a number of at least 0")
        if step == "proximal" and epsilon:
            raise ValueError(f"epsilon is {epsilon}; the proximal step is that of the bare norm, so give epsilon=0")
        if epochs is not None and epochs < 1:
            raise ValueError(f"epochs is {epochs}; the penalty lasts at least 1 epoch, or None for all")
        self.groups = groups_of(model)
        self.weights = weights_of(self.groups.values())
        self.strength = strength
        self.step = step
        self.epsilon = epsilon
        self.double_count = double_count
        self.threshold = threshold
        self.absorbing = absorbing
        self.epochs_left = epochs
        self.frozen = FrozenUnits(model) if absorbing else None

    def penalty(self) -> Tensor:
        """The value of the regularizer at the present weights, a scalar; autograd can differentiate it."""
        groups = self.groups.values()
        return self.strength * sum(iss_penalty(group, self.epsilon, self.double_count) for group in groups)

    @torch.no_grad()
    def regularize(self, model: nn.Module) -> None:
        if self.step != "gradient" or not self.strength:
            return
        for group in self.groups.values():
            lengths = (group.squares(self.double_count) + self.epsilon).sqrt()
            pull = torch.where(lengths > 0, self.strength / lengths, 0.0)
            for strip in group.strips:
                if (gradient := strip.weight.grad) is not None:
                    strip.of(gradient).addcmul_(strip.of(strip.weight), pull[:, None])
            for crossing in [] if self.double_count else group.crossings:  # these were in two strips
                if (gradient := crossing.weight.grad) is not None:
                    crossing.of(gradient).addcmul_(crossing.of(crossing.weight), pull, value=-1)

    @torch.no_grad()
    def after_step(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        if self.step == "proximal" and self.strength:
            shorten(self.groups.values(), self.strength * _distance(optimizer, self.weights), self.double_count)
        if self.threshold:
            for weight in self.weights:
                torch.hardshrink(weight, self.threshold, out=weight)
        if self.frozen:
            self.frozen.after_step(model, optimizer)
            if self.absorbing:
                self.frozen.absorb()

    def after_epoch(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        if self.epochs_left is None or self.epochs_left == 0:
            return
        self.epochs_left -= 1
        if self.epochs_left == 0:
            self.strength = self.threshold = 0.0
            self.absorbing, self.frozen = False, FrozenUnits(model)


def iss_penalty(group: UnitGroups, epsilon: float = EPSILON, double_count: bool = False) -> Tensor:
    r"""The sum over the units of a layer of :math:`\sqrt{\varepsilon + \lVert w^{(k)} \rVert^2}`, a scalar.

    Without epsilon the gradient at a group of zeros is 0, where that of a bare root is NaN: the root's slope there is
    infinite, and infinity times the zero weights is no number.
    """
    squares = group.squares(double_count) + epsilon
    # The root must not even see a zero: torch.where hands on the NaN of the branch that it does not take.
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0).sum()


def strength_for_mean_loss(strength: float, steps: int = 35) -> float:
    r"""The strength beside a mean loss that does what `strength` does beside a loss summed over time steps.

    Of :math:`\sum_t L_t + \lambda R` and :math:`\frac1T \sum_t L_t + \lambda' R` the first is T times the second if
    :math:`\lambda' = \lambda / T`, and has its minima at the same weights.

    Raises:
        ValueError: if there is less than one step.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; a loss is summed over at least 1 time step")
    return strength / steps


@torch.no_grad()
def shorten(groups: Iterable[UnitGroups], distance: float, double_count: bool = False) -> None:
    r"""An approximate proximal step for groups that overlap: every group becomes shorter by `distance`, in place.

    .. math:: w_i \leftarrow w_i \prod_{g \ni i} \max\bigl(0,\, 1 - t / \lVert w^{(g)} \rVert\bigr)

    with t the distance, and all lengths taken before anything is changed, so that the order of the groups does not
    matter. What is exact: for groups that share no weight this is *the* proximal step, the minimiser over v of
    :math:`\frac12 \lVert v - w \rVert^2 + t \sum_g \lVert v^{(g)} \rVert`. What is approximate: a weight of
    `weight_hh` is in two groups, by its row and by its column, and one of `weight_ih` is in a group of its own layer
    and in one of the layer below. For them the exact step is found by an iteration (Dykstra's) over the groups, of
    which this is a single pass with all groups at once. Its error is of second order in t over the lengths, so tiny for
    the steps of SGD. As in the exact step a group not longer than t becomes exactly zero, and zeros stay zero; but the
    exact step may kill more: groups that are not longer than t once the groups that they overlap have become shorter.

    With `double_count` the factor acts twice on a crossing weight, as its gradient is then twice as large.
    """
    groups = list(groups)
    factors = []
    for group in groups:
        lengths = group.squares(double_count).sqrt()
        factors.append(torch.where(lengths > distance, 1 - distance / lengths, 0.0))
    for group, factor in zip(groups, factors, strict=True):
        crossings = [] if double_count else group.crossings
        once = [crossing.of(crossing.weight) * factor for crossing in crossings]
        for strip in group.strips:
            if strip.weight.requires_grad:
                strip.of(strip.weight).mul_(factor[:, None])
        for crossing, value in zip(crossings, once, strict=True):
            if crossing.weight.requires_grad:
                crossing.of(crossing.weight).copy_(value)


def _distance(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter]) -> float:
    of_weight = {
        id(weight): group["lr"] / (1 - group.get("momentum", 0.0))
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    steps = {of_weight.get(id(weight)) for weight in weights if weight.requires_grad}
    if len(steps) != 1 or None in steps:
        raise ValueError(
            f"the step sizes of the penalised weights are {steps}, where None is no part of the optimizer, and a group "
            "needs one; train all of them with one learning rate, or choose step='gradient'"
        )
    return steps.pop()

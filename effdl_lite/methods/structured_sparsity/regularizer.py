"""Group Lasso in the training step: its closed-form gradient, the authors' threshold, and the proximal step."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from effdl_lite.methods.structured_sparsity.groups import (
    group_size,
    lengths_of,
    members_of,
    parameters_of,
    plain_kind,
)
from effdl_lite.training import Method


class StructuredSparsity(Method):
    r"""Adds group Lasso, :math:`\lambda \sum_g \lVert w^{(g)} \rVert_2`, to the loss; fills places 4 and 5.

    With ``step="gradient"``, as the authors do: place 4 adds the sub-gradient :math:`\lambda w / \lVert w^{(g)} \rVert`
    (0 for a group that is zero), and place 5 sets every weight below `threshold` in size to exact zero. Two things
    differ: their code clips the gradient before it adds this term, our training step after; and their threshold acts
    on every parameter of the network, ours on the penalised ones.

    With ``step="proximal"`` place 5 shortens each group by the strength times the step, and to exact zero where it is
    not longer than that. The step is :math:`\eta / (1 - \mu)`, the distance that a constant gradient moves a weight
    under momentum :math:`\mu` in the long run, so that a strength means the same in both forms. (An optimizer that
    scales each weight's step, such as Adam, has another metric; there the step is only a heuristic.) Where kinds
    overlap (rows and columns) they take their steps one after the other, which is not exactly the step of their sum;
    the zeros of each stay zero under the other.

    Args:
        layers: whose weights are penalised. For BatchNorm a "filter" is the pair of scale and shift of a channel.
        strengths: the penalty's strength :math:`\lambda` for each kind of group, at least 0.
        weigh_by_size: multiply each strength by the square root of the group's size. The authors' code has no such
            factor; their AlexNet settings put it in by hand.
        step: "gradient" or "proximal".
        threshold: the authors' 1e-4 by default with "gradient", else 0. It is a size of single weights, not of groups.
        absorbing: keep a group at zero once it is zero. The noise of SGD revives dead groups otherwise.
        keep_norm: put each layer back to its first length after every step, so that only the shares of its groups
            change; ours. For layers whose scale a later BatchNorm undoes: a convolution in front of one, or a
            BatchNorm that is followed by ReLU, a convolution and another BatchNorm.

    Raises:
        ValueError: for a negative strength or threshold, a kind or step that is unknown, a layer without groups, no
            layers, a layer or kind given twice, or a layer of length 0 with `keep_norm`.
    """

    def __init__(
        self,
        layers: Iterable[nn.Module],
        strengths: Mapping[str, float],
        *,
        weigh_by_size: bool = True,
        step: str = "gradient",
        threshold: float | None = None,
        absorbing: bool = False,
        keep_norm: bool = False,
    ):
        self.layers = list(layers) if isinstance(layers, Iterable) else [layers]
        if not isinstance(strengths, Mapping):
            raise ValueError(f'strengths is {strengths!r}; name the kind of group, such as {{"filter": 0.001}}')
        if not self.layers or not strengths:
            raise ValueError(f"{len(self.layers)} layers and {len(strengths)} kinds of groups: give at least 1 of each")
        if step not in ("gradient", "proximal"):
            raise ValueError(f"step {step!r} is unknown; choose 'gradient' or 'proximal'")
        if threshold is None:
            threshold = 1e-4 if step == "gradient" else 0.0
        check_number("threshold", threshold)
        for kind, strength in strengths.items():
            check_number(f"the strength of {kind!r}", strength)
        if len({plain_kind(kind) for kind in strengths}) < len(strengths):
            raise ValueError(f"{', '.join(strengths)}: two names of one kind, which would be penalised twice")
        self.terms = [
            (layer, kind, strength * (math.sqrt(group_size(layer, kind)) if weigh_by_size else 1.0))
            for layer in self.layers
            for kind, strength in strengths.items()
        ]
        self.weights = [weight for layer in self.layers for weight in parameters_of(layer)]
        if len({id(weight) for weight in self.weights}) < len(self.weights):
            raise ValueError("a weight is in two of the layers and would be penalised twice; give each layer once")
        self.step = step
        self.threshold = threshold
        self.absorbing = absorbing
        self.first_lengths = [length_of(layer).item() for layer in self.layers] if keep_norm else None
        if keep_norm and 0 in self.first_lengths:
            number = self.first_lengths.index(0)
            raise ValueError(
                f"layer {number} has the length 0, which keep_norm would hold; train it first, or leave it out"
            )
        self._absorbed: dict[int, Tensor] = {}

    def penalty(self) -> Tensor:
        """The value of the regularizer at the present weights, a scalar; autograd can differentiate it."""
        return sum(strength * lengths_of(*members_of(layer, kind)).sum() for layer, kind, strength in self.terms)

    @torch.no_grad()
    def regularize(self, model: nn.Module) -> None:
        if self.step != "gradient":
            return
        # The closed form of the gradient: a fraction of the cost of penalty().backward().
        for layer, kind, strength in self.terms:
            members, dims = members_of(layer, kind)
            lengths = lengths_of(members, dims)
            divisor = lengths.clamp(min=torch.finfo(lengths.dtype).tiny)  # of a group that is zero: 0 / tiny = 0
            for member, weight in zip(members, parameters_of(layer), strict=True):
                if weight.grad is not None:
                    weight.grad.add_((strength * (member / divisor)).view_as(weight))

    @torch.no_grad()
    def after_step(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        # A layer stays as it is unless all of it is trained: its groups cannot be changed in part.
        trained = {
            id(weight): group for group in optimizer.param_groups for weight in group["params"] if weight.requires_grad
        }
        changing = {id(layer) for layer in self.layers if all(id(weight) in trained for weight in parameters_of(layer))}
        if self.step == "proximal":
            for layer, kind, strength in self.terms:
                if id(layer) in changing:
                    shorten([(layer, kind, strength)], _long_step(trained[id(layer.weight)]))
        if self.first_lengths:
            for layer, first in zip(self.layers, self.first_lengths, strict=True):
                if id(layer) in changing:
                    factor = first / length_of(layer).clamp(min=1e-12)
                    for weight in parameters_of(layer):
                        weight.mul_(factor)
        if self.threshold:
            for weight in self.weights:
                if id(weight) in trained:
                    weight.masked_fill_(weight.abs() < self.threshold, 0)
        if self.absorbing:
            self._absorb(changing)

    def _absorb(self, changing: set[int]) -> None:
        for number, (layer, kind, _) in enumerate(self.terms):
            if id(layer) not in changing:
                continue
            members, dims = members_of(layer, kind)
            dead = lengths_of(members, dims) == 0
            dead |= self._absorbed.get(number, False)
            self._absorbed[number] = dead
            for member in members:
                member.masked_fill_(dead, 0)


def _long_step(group: dict) -> float:
    """How far a constant gradient of 1 moves a weight in a step of SGD, in the long run."""
    momentum, dampening = group.get("momentum", 0.0), group.get("dampening", 0.0)
    return group["lr"] * ((1 - dampening) / (1 - momentum) if momentum else 1.0)


def check_number(name: str, value: float) -> None:
    """Raises ValueError for what is not a number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value!r}; it must be a number of at least 0")


def length_of(layer: nn.Module) -> Tensor:
    """The length of all weights of a layer that are in groups, a scalar."""
    return lengths_of(*members_of(layer, "layer")).squeeze()


def reach(learning_rates: Iterable[float], strength: float, momentum: float = 0.0) -> float:
    r"""How much shorter a penalty makes a group over these steps, if nothing pulls the other way.

    .. math:: \lambda \sum_t \frac{\eta_t}{1 - \mu}

    A penalty whose reach is far below the length of the groups cannot make them zero in this training.

    Raises:
        ValueError: for a negative strength, or a momentum that is not in 0..1, without 1.
    """
    check_number("strength", strength)
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum is {momentum}; it must be in 0..1, without 1")
    return strength * sum(learning_rates) / (1 - momentum)


@torch.no_grad()
def shorten(terms: Iterable[tuple[nn.Module, str, float]], distance: float) -> None:
    r"""One proximal step: every group of (layer, kind, strength) becomes shorter by strength x `distance`, in place.

    .. math:: w^{(g)} \leftarrow \max\bigl(0,\, 1 - t / \lVert w^{(g)} \rVert\bigr)\, w^{(g)}

    which minimises :math:`\frac12 \lVert v - w^{(g)} \rVert^2 + t \lVert v \rVert` over v, with t the strength times
    the distance. For overlapping kinds it is the first round of Dykstra's alternation, not the minimum of the sum.

    Raises:
        ValueError: for a negative strength or distance.
    """
    check_number("distance", distance)
    for layer, kind, strength in terms:
        check_number(f"the strength of {kind!r}", strength)
        parameters_of(layer)  # refuses a layer whose weights would come back
        members, dims = members_of(layer, kind)
        lengths = lengths_of(members, dims)
        factor = torch.where(lengths > strength * distance, 1 - strength * distance / lengths, 0.0)
        for member in members:
            member.mul_(factor)

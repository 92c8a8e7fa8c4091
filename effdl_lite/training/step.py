"""One training step with five places, which the methods of the course fill.

Every method of the course is a `Method`: it changes one or two places of the same step and leaves the rest alone.

    for shard in the batch:                 # workers of a cluster, or ghost batches of a large batch
        1  before_forward(model)
           loss, state = loss_of(model, shard, state); loss.backward()
        2  after_backward(model)
    3  gradient = combine(gradients)        # without a method, the mean over the examples
    4  regularize(model)
       clip the gradient norm, if asked; optimizer.step()
    5  after_step(model, optimizer)
       (at the end of an epoch: after_epoch(model, optimizer))
"""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, ...]
LossOf = Callable[[nn.Module, Batch, Any], tuple[Tensor, Any]]


class Method:
    """A paper's change to the training step. A subclass fills the places it needs; the others do nothing.

    Attributes:
        weights: the parameters that the method reads or writes; every method that has some must name them here, since
            `fit` refuses a method whose weights are not those of the model that it trains.
    """

    weights: Sequence[nn.Parameter] = ()

    def before_forward(self, model: nn.Module) -> None:
        """Place 1: before the forward pass of each shard."""

    def after_backward(self, model: nn.Module) -> None:
        """Place 2: after the backward pass of each shard, also when that pass failed; undoes what place 1 did."""

    def combine(self, gradients: list[list[Tensor]], shares: list[float]) -> list[Tensor]:
        """Place 3: turns the gradients of the shards into one.

        Args:
            gradients: for each shard a list with one tensor a trainable parameter, in the model's order; zeros for one
                that the loss does not depend on.
            shares: for each shard its share of the batch's examples; they sum to 1.

        Returns:
            One tensor a trainable parameter. The plain step takes the mean over the examples.
        """
        if len(gradients) == 1:
            return gradients[0]
        return [
            sum(share * gradient for share, gradient in zip(shares, column, strict=True))
            for column in zip(*gradients, strict=True)
        ]

    def regularize(self, model: nn.Module) -> None:
        """Place 4: adds to `weight.grad`, at the clean weights, once a step. A frozen weight has none."""

    def after_step(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Place 5: changes the weights after the update; the optimizer tells the learning rate of this step."""

    def after_epoch(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """At the end of an epoch; may rebuild the model in place, and the optimizer with it."""

    def penalty(self) -> Tensor | None:
        """The value of the regularizer, which `fit` logs at the end of an epoch; None if the method has none."""
        return None


class TrainingDiverged(RuntimeError):
    """The loss is not a finite number any more."""


def training_step(
    model: nn.Module,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    loss_of: LossOf,
    methods: Sequence[Method] = (),
    shards: int = 1,
    states: list[Any] | None = None,
    clip_norm: float | None = None,
    bf16: bool = False,
) -> tuple[float, list[Any]]:
    """The one training step of the course; `fit` calls it for every batch.

    Args:
        batch: tensors that share their first dimension, the examples.
        loss_of: takes model, shard and carried state; returns the mean loss over the shard and the new state.
        methods: fill the five places, in this order; place 2 runs in reverse, so that the last change is undone first.
        shards: parts of (nearly) equal size that the batch is cut into.
        states: carried state of each shard, from the step before.
        clip_norm: largest norm of the whole gradient, or None.
        bf16: run the forward pass under bfloat16 autocast.

    Returns:
        The loss, a mean over the batch, and the new states.

    Raises:
        ValueError: if the batch has fewer examples than shards, or two methods combine gradients.
        TrainingDiverged: if the loss or the gradient is NaN or infinite; the weights are then those of before the step
            (running statistics of BatchNorm are not).
    """
    examples = len(batch[0])
    if not 1 <= shards <= examples:
        raise ValueError(
            f"a batch of {examples} examples cannot be cut into {shards} shards; choose 1..{examples} shards, or leave "
            "out a last batch that is shorter than the others"
        )
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if not weights:
        raise ValueError(
            f"no weight of this {type(model).__name__} asks for a gradient; unfreeze what is to be trained"
        )
    device_type = weights[0].device.type
    states = states or [None] * shards
    gradients, shares, new_states, loss_sum = [], [], [], 0.0
    for shard, state in zip(zip(*(part.tensor_split(shards) for part in batch), strict=True), states, strict=True):
        model.zero_grad(set_to_none=True)  # not the optimizer's: it may hold only some of the model's weights
        with ExitStack() as places:
            for method in methods:
                method.before_forward(model)  # place 1
                places.callback(method.after_backward, model)  # place 2: last in, first out, also after an error
            with torch.autocast(device_type, torch.bfloat16) if bf16 else nullcontext():
                loss, state = loss_of(model, shard, state)
            loss.backward()
        gradients.append([torch.zeros_like(w) if w.grad is None else w.grad for w in weights])
        shares.append(len(shard[0]) / examples)
        new_states.append(state)
        loss_sum += shares[-1] * loss.item()
    rate = optimizer.param_groups[0]["lr"]
    if not math.isfinite(loss_sum):
        raise TrainingDiverged(f"the loss is {loss_sum} at a learning rate of {rate:g}")
    for weight, gradient in zip(weights, combiner(methods).combine(gradients, shares), strict=True):  # place 3
        weight.grad = gradient
    for method in methods:
        method.regularize(model)  # place 4
    norm = nn.utils.get_total_norm([weight.grad for weight in weights])
    if not math.isfinite(norm):
        raise TrainingDiverged(f"the gradient's norm is {norm} at a learning rate of {rate:g}")
    if clip_norm is not None:
        nn.utils.clip_grads_with_norm_(weights, clip_norm, norm)
    optimizer.step()
    for method in methods:
        method.after_step(model, optimizer)  # place 5
    return loss_sum, new_states


def combiner(methods: Sequence[Method]) -> Method:
    combining = [method for method in methods if type(method).combine is not Method.combine]
    if len(combining) > 1:
        names = " and ".join(type(method).__name__ for method in combining)
        raise ValueError(f"{names} both combine the gradients of the shards, and a step has one such place; keep one")
    return combining[0] if combining else Method()

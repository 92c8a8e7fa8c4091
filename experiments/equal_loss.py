"""Training until the training loss is down to a given value: what makes batches of different size comparable.

A large batch takes fewer steps an epoch. After as many epochs it has learnt less, and that it then does worse on new
images says nothing about where it was heading. So here the loss on the training images ends a training, and sets its
learning rate, too: the rate is constant until the loss falls below one value (the trigger), then it falls in a line,
and the training ends at another value (the target).
"""

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from effdl_lite.batches import ImageBatches
from effdl_lite.measure.loss_surface import Batch
from effdl_lite.models import evaluation_mode
from effdl_lite.training import Method, classification_loss, constant_then_linear, training_step
from effdl_lite.training.step import LossOf

LOWEST = 0.1  # of the largest rate: where the falling line ends


@dataclass(frozen=True)
class Plan:
    """When the learning rate falls and when the training ends; a number of updates alone makes a plain schedule.

    Attributes:
        updates: at most; without a target, exactly.
        warmup: updates over which the rate rises from 0.
        target: the training loss to end at, None for a plain schedule: constant for two thirds, then down in a line.
        trigger: the training loss from which the rate falls.
        fall: how long it then falls, in updates so far; from there on it stays at `LOWEST`.
        check: the loss is looked at every so many updates, and twice as often once the rate falls, so that trainings
            end close to the target.
        averaged_rate: where given, weights are averaged (SWA) from the trigger on, once a check; the rate goes on at
            this share of the largest and does not fall, and it is the average whose loss ends the training.
    """

    updates: int
    warmup: int
    target: float | None = None
    trigger: float = float("inf")
    fall: float = 0.75
    check: int = 10
    averaged_rate: float | None = None


@dataclass
class Outcome:
    """What a training left: the network (the average, for SWA), updates, the target's end, the last rate's share."""

    net: nn.Module
    updates: int
    reached: bool | None
    rate_at_end: float


def train(
    net: nn.Module,
    batches: ImageBatches,
    probe: Batch,
    optimizer: torch.optim.Optimizer,
    plan: Plan,
    *,
    loss_of: LossOf = classification_loss,
    methods: Sequence[Method] = (),
    shards: int = 1,
    bf16: bool = False,
) -> Outcome:
    """Trains by the plan; `probe` holds the training images whose loss is looked at.

    The loss is that of clean weights in evaluation mode. For it, and for whatever is measured afterwards, the running
    statistics of BatchNorm are taken anew: those of the training saw older weights, or weights with noise, or none at
    all where weights were averaged.
    """
    net.to(memory_format=torch.channels_last).train()
    largest = [group["lr"] for group in optimizer.param_groups]
    plain = None
    if plan.target is None:
        plain = constant_then_linear(min(plan.warmup / plan.updates, 1 / 3), 2 / 3)
    updates, factor, fell_at, average, reached = 0, 0.0, None, None, None if plan.target is None else False
    for batch in itertools.islice(_endless(batches), plan.updates):
        if plain:
            factor = plain((updates + 0.5) / plan.updates)
        elif fell_at is None:
            factor = min(1.0, (updates + 0.5) / plan.warmup)
        elif average is not None:
            factor = plan.averaged_rate
        else:
            factor = max(LOWEST, 1 - (updates + 0.5 - fell_at) / (plan.fall * fell_at))
        for group, rate in zip(optimizer.param_groups, largest, strict=True):
            group["lr"] = factor * rate
        training_step(net, batch, optimizer, loss_of, methods, shards, bf16=bf16)
        updates += 1
        if plan.target is None or updates % (plan.check if fell_at is None else plan.check // 2):
            continue
        if average is not None:
            average.update_parameters(net)
        loss = mean_loss(refreshed(average.module if average else net, [probe]), [probe])
        if fell_at is None and loss <= plan.trigger:
            fell_at = updates
            average = None if plan.averaged_rate is None else AveragedModel(net)
            if average:
                average.update_parameters(net)
        if loss <= plan.target:
            reached = True
            break
    return Outcome(average.module if average else net, updates, reached, factor)


def refreshed(net: nn.Module, batches: Sequence[Batch]) -> nn.Module:
    """A copy whose BatchNorm statistics are the means over these batches, at the weights as they are."""
    net = copy.deepcopy(net).train()
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over the batches to come
    with torch.no_grad():
        for images, *_ in batches:
            net(images)
    return net.eval()


def mean_loss(net: nn.Module, batches: Sequence[Batch]) -> float:
    """Mean cross-entropy over all images, in nats, in evaluation mode."""
    with evaluation_mode(net), torch.inference_mode():
        losses = [F.cross_entropy(net(images), labels, reduction="sum").item() for images, labels in batches]
    return sum(losses) / sum(len(labels) for _, labels in batches)


def _endless(batches: ImageBatches) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from batches

"""`fit` repeats the training step over epochs, with a learning-rate schedule, a record, and checks at the door."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn
from tqdm.auto import tqdm

from effdl_lite.training.losses import classification_loss
from effdl_lite.training.step import LossOf, Method, TrainingDiverged, combiner, training_step


class Batches(Protocol):
    """What `fit` iterates over once an epoch."""

    def __len__(self) -> int: ...

    def __iter__(self): ...


@dataclass
class History:
    """What happened in a call of `fit`.

    Attributes:
        loss: training loss of every step, the mean over the batch.
        learning_rate: of the first parameter group, every step.
        epochs: one dictionary an epoch: `epoch`, `loss` (mean of its steps), `seconds` (wall clock) and `core_seconds`
            (CPU time of all threads) since the start of training, evaluation not counted, the penalty of each
            method that has one (summed over methods of the same class), and what `evaluate` returned.
    """

    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)


def fit(
    model: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    epochs: int = 1,
    *,
    loss_of: LossOf = classification_loss,
    methods: Sequence[Method] = (),
    shards: int = 1,
    schedule: Callable[[float], float] = lambda progress: 1.0,
    clip_norm: float | None = None,
    bf16: bool = False,
    device: str | torch.device | None = None,
    seed: int = 0,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    progress: bool = True,
) -> History:
    """Trains `model` in place.

    Args:
        batches: iterated once an epoch, and has a length; see `effdl_lite.batches`. State that `loss_of` carries
            starts anew each epoch.
        optimizer: holds the model's parameters; its learning rates are the largest of the schedule, and are put back
            at the end.
        schedule: maps the middle of a step, as a share of all steps (0 to 1), to a factor on the learning rate.
        device: moves the model there first; None leaves it where it is. Batches follow the model.
        seed: of dropout and of whatever draws from torch's global generator, which is left as it was found.
        evaluate: called at the end of each epoch with the model; what it returns joins the epoch's record.
        progress: show a bar; TQDM_DISABLE in the environment turns all bars off.

    The other arguments are those of `training_step`. Weights of four dimensions go to channels_last memory, which
    convolutions on a CPU prefer; the numbers stay the same up to rounding.

    Raises:
        ValueError: if two methods combine gradients, a method or the optimizer holds weights of another model, a
            batch is smaller than `shards`, or the device is not there.
        TrainingDiverged: if the loss or the gradient is NaN or infinite.
    """
    device = _checked_device(model, device)
    if epochs < 1 or not len(batches):
        raise ValueError(f"nothing to train on: {epochs} epochs of {len(batches)} batches")
    combiner(methods)
    _check_ownership(model, optimizer, methods)
    model.to(device)
    history = History()
    largest = [group["lr"] for group in optimizer.param_groups]
    total, step, seconds, core_seconds = epochs * len(batches), 0, 0.0, 0.0
    # tqdm reads TQDM_DISABLE in a terminal but not in a notebook, so it is read here.
    bar = tqdm(total=total, unit="step", leave=False, disable=not progress or "TQDM_DISABLE" in os.environ)
    try:
        with bar, torch.random.fork_rng():
            torch.manual_seed(seed)
            for epoch in range(1, epochs + 1):
                _check_ownership(model, optimizer, methods)  # the epoch before may have rebuilt the model
                _to_channels_last(model)
                model.train()
                wall, cpu, first, states = time.perf_counter(), time.process_time(), step, None
                for batch in batches:
                    _set_rates(optimizer, largest, schedule((step + 0.5) / total))
                    batch = tuple(part.to(device) for part in batch)
                    try:
                        loss, states = training_step(
                            model, batch, optimizer, loss_of, methods, shards, states, clip_norm, bf16
                        )
                    except TrainingDiverged as error:
                        remedy = "lower the learning rate or clip the gradient norm"
                        raise TrainingDiverged(f"step {step + 1} of {total}: {error}; {remedy}") from None
                    history.loss.append(loss)
                    history.learning_rate.append(optimizer.param_groups[0]["lr"])
                    step += 1
                    bar.update()
                    bar.set_postfix(epoch=epoch, loss=f"{loss:.3f}", refresh=False)
                for method in methods:
                    method.after_epoch(model, optimizer)
                    _check_groups(method, optimizer, len(largest))
                seconds += time.perf_counter() - wall
                core_seconds += time.process_time() - cpu
                mean = sum(history.loss[first:]) / (step - first)
                record = {"epoch": epoch, "loss": mean, "seconds": seconds, "core_seconds": core_seconds}
                with torch.random.fork_rng():  # what an evaluation draws must not change the training
                    history.epochs.append(record | _penalties(methods) | (evaluate(model) if evaluate else {}))
    finally:
        _set_rates(optimizer, largest, 1.0)
    return history


def _set_rates(optimizer: torch.optim.Optimizer, largest: list[float], factor: float) -> None:
    for group, rate in zip(optimizer.param_groups, largest, strict=False):
        group["lr"] = rate * factor


def _penalties(methods: Sequence[Method]) -> dict[str, float]:
    values: dict[str, float] = {}
    for method in methods:
        if (penalty := method.penalty()) is not None:
            name = f"penalty of {type(method).__name__}"
            values[name] = values.get(name, 0.0) + penalty.item()
    return values


def warmup_then_linear(warmup: float = 0.1) -> Callable[[float], float]:
    """A schedule for `fit`: rises from 0 over the first share `warmup` of the steps, then falls to 0 in a line."""
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup {warmup} is no share of the training; choose 0 <= warmup < 1")
    return lambda progress: progress / warmup if progress < warmup else (1 - progress) / (1 - warmup)


def constant_then_linear(warmup: float = 0.02, constant: float = 0.5) -> Callable[[float], float]:
    """A schedule for `fit`: rises over the share `warmup`, stays until the share `constant`, falls to 0 in a line."""
    if not 0 <= warmup <= constant < 1:
        raise ValueError(f"warmup {warmup} and constant {constant} must satisfy 0 <= warmup <= constant < 1")

    def factor(progress: float) -> float:
        if progress < warmup:
            return progress / warmup
        return min(1.0, (1 - progress) / (1 - constant))

    return factor


def _checked_device(model: nn.Module, asked: str | torch.device | None) -> torch.device:
    places = {weight.device for weight in model.parameters()}
    if not places:
        raise ValueError(f"this {type(model).__name__} has no weights to train")
    if any(place.type == "meta" for place in places):
        raise ValueError("the model is on the device 'meta', which holds no numbers; build it on 'cpu'")
    if asked is None:
        return places.pop()
    try:
        device = torch.device(asked)
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # which of them torch raises differs by build
        raise ValueError(f"device '{asked}' is not on this machine; choose device='cpu'") from error
    return device


def _to_channels_last(model: nn.Module) -> None:
    for weight in model.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)


def _check_groups(method: Method, optimizer: torch.optim.Optimizer, expected: int) -> None:
    if len(optimizer.param_groups) != expected:
        raise ValueError(
            f"{type(method).__name__} left {len(optimizer.param_groups)} of the optimizer's {expected} parameter "
            "groups; change what is in them, not their number"
        )


def _check_ownership(model: nn.Module, optimizer: torch.optim.Optimizer, methods: Sequence[Method]) -> None:
    """Every weight of a method and of the optimizer must be one of the model's: a copy would be trained in vain."""
    own = {id(weight) for weight in model.parameters()}
    held = [(f"{type(method).__name__} holds", "method", method.weights) for method in methods]
    held.append(("the optimizer holds", "optimizer", [w for g in optimizer.param_groups for w in g["params"]]))
    for holder, kind, weights in held:
        foreign = sum(id(weight) not in own for weight in weights)
        if foreign:
            raise ValueError(
                f"{holder} {foreign} weights (of {len(weights)}) that are not in this {type(model).__name__}; "
                f"make the {kind} from the model that you train"
            )

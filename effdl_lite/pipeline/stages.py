"""A pipeline as a list of stages: each trains with some methods in force, then cuts the network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn

from effdl_lite.methods.smoothout import SmoothOut
from effdl_lite.methods.terngrad import TernGrad, Traffic
from effdl_lite.pipeline.exchange import FloatExchange
from effdl_lite.training import Method, fit


class Task(Protocol):
    """What a pipeline must know of its network and data; see `ImageTask` and `LanguageTask`."""

    cuts: tuple[str, ...]
    clip_norm: float | None
    dynamic: int | None
    higher_is_better: bool

    def batches(self, seed: int): ...

    def optimizer(self, net: nn.Module, rate: float) -> torch.optim.Optimizer: ...

    def ternary(self, net: nn.Module) -> TernGrad: ...

    def sparsity(self, net: nn.Module, strength: float) -> Method: ...

    def force(self, net: nn.Module, strength: float) -> Method: ...

    def cut(self, net: nn.Module, what: str, macs: float) -> nn.Module: ...

    def finish(self, net: nn.Module) -> nn.Module: ...

    def macs(self, net: nn.Module) -> int: ...

    def quality(self, net: nn.Module, part: str) -> float: ...

    def samples(self, net: nn.Module, count: int) -> tuple: ...

    def restarted(self, net: nn.Module) -> nn.Module: ...


@dataclass(frozen=True)
class Stage:
    """One training with its learning rate and methods, and what is cut after it. A method at 0 is not in force.

    Attributes:
        epochs: at least 1.
        learning_rate: the largest of the stage, which has a schedule of its own.
        ternary: workers exchange ternary gradients (TernGrad), else fp32.
        noise: strength of SmoothOut, drawn by each worker for itself.
        sparsity: strength of the group Lasso: SSL on channels, or ISS on units.
        force: strength of the force between filters.
        cut: pairs (what, times): "channels" or "units", and "rank", in the order in which they are cut, each until the
            network needs `times` fewer multiply-accumulates than the one that the pipeline began with.

    Raises:
        ValueError: for a number out of range.
    """

    epochs: int
    learning_rate: float
    ternary: bool = False
    noise: float = 0.0
    sparsity: float = 0.0
    force: float = 0.0
    cut: Sequence[tuple[str, float]] = ()

    def __post_init__(self):
        if self.epochs < 1:
            raise ValueError(f"a stage of {self.epochs} epochs trains nothing; give at least 1")
        for name in ("noise", "sparsity", "force"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                raise ValueError(f"{name} is {value}; give 0 to leave the method out, or a positive number")
        for what, times in self.cut:
            if not times >= 1:
                raise ValueError(f"{times} times fewer by {what} is no saving; give at least 1")


@dataclass
class Outcome:
    """What a pipeline leaves.

    Attributes:
        net: in evaluation mode.
        traffic: bytes between one worker and a parameter server, over all stages.
        core_seconds: CPU time of the training.
        macs: multiply-accumulates of an example after each stage, and before the first.
        losses: training loss of each step.
    """

    net: nn.Module
    traffic: Traffic
    core_seconds: float
    macs: list[int]
    losses: list[float] = field(repr=False)


def methods_of(task: Task, net: nn.Module, stage: Stage) -> list[Method]:
    """The methods of a stage, made for this network; the first is the exchange, which counts its bytes."""
    methods: list[Method] = [task.ternary(net) if stage.ternary else FloatExchange()]
    if stage.noise:
        methods.append(SmoothOut(net, stage.noise))
    if stage.force:
        methods.append(task.force(net, stage.force))
    if stage.sparsity:
        methods.append(task.sparsity(net, stage.sparsity))
    return methods


def run_stages(
    task: Task, net: nn.Module, stages: Sequence[Stage], *, workers: int = 4, seed: int = 0, bf16: bool = False
) -> Outcome:
    """Trains and cuts a network, stage by stage.

    The workers are the shards of each step. A cut is computed from the weights, which are the same on all workers, so
    it needs no bytes: what changes is how many are sent from then on. After a cut the methods and the optimizer are
    made anew for the smaller network, and momentum starts from zero.

    Args:
        net: trained in place until the first cut; use the network of the outcome.
        workers: each takes an equal part of the batch.
        seed: of images and noise; each stage has its own.

    Raises:
        ValueError: for no stages, a cut that the task does not know, or one that cannot be reached.
        TrainingDiverged: if the loss is NaN or infinite.
    """
    if not stages:
        raise ValueError("0 stages: give at least 1")
    for what in {what for stage in stages for what, _ in stage.cut} - set(task.cuts):
        raise ValueError(f"cut {what!r} is unknown here; choose among {', '.join(task.cuts)}")
    whole = task.macs(net)
    traffic, core_seconds, macs, losses = Traffic(), 0.0, [whole], []
    for number, stage in enumerate(stages):
        methods = methods_of(task, net, stage)
        history = fit(
            net,
            task.batches(seed + 100 * number),
            task.optimizer(net, stage.learning_rate),
            stage.epochs,
            loss_of=task.loss_of,
            methods=methods,
            shards=workers,
            schedule=task.schedule,
            clip_norm=task.clip_norm,
            bf16=bf16,
            seed=seed + 100 * number,
            progress=False,
        )
        sent = methods[0].traffic
        for name in ("steps", "up", "down", "fp32"):
            setattr(traffic, name, getattr(traffic, name) + getattr(sent, name))
        core_seconds += history.epochs[-1]["core_seconds"]
        losses += history.loss
        for what, times in stage.cut:
            net = task.cut(net, what, whole / times)
        macs.append(task.macs(net))
    return Outcome(task.finish(net), traffic, core_seconds, macs, losses)

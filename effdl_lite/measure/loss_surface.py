"""The loss of a network over fixed examples, as a function of its weights: value, gradient and curvature anywhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from effdl_lite.models import evaluation_mode

Batch = tuple[Tensor, ...]


def cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
    """Mean cross-entropy, in nats, of a batch (images, labels)."""
    images, labels = batch
    return F.cross_entropy(model(images), labels)


class LossSurface:
    """The mean loss over the examples of some batches, in evaluation mode, where each example counts by itself.

    BatchNorm takes its running statistics, wherever the weights are moved to.

    Args:
        model: whose weights are moved; they are the same to the bit afterwards, also after an error.
        batches: tensors that share their first dimension, the examples; they are kept.
        loss_of: the mean loss of a batch.

    Attributes:
        weights: the parameters that the loss is a function of: all that ask for a gradient.

    Raises:
        ValueError: without batches, or without a weight that asks for a gradient.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Sequence[Batch],
        loss_of: Callable[[nn.Module, Batch], Tensor] = cross_entropy,
    ):
        self.model = model
        self.batches = list(batches)
        self.loss_of = loss_of
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        if not self.batches or not self.weights:
            raise ValueError(
                f"{len(self.batches)} batches and {len(self.weights)} weights that ask for a gradient: give at least 1 "
                "of each"
            )
        self._shares = [len(batch[0]) for batch in self.batches]
        self._shares = [examples / sum(self._shares) for examples in self._shares]

    def value(self) -> float:
        """The loss."""
        with evaluation_mode(self.model), torch.no_grad():
            losses = [self.loss_of(self.model, batch).item() for batch in self.batches]
        return sum(share * loss for share, loss in zip(self._shares, losses, strict=True))

    def gradient(self) -> tuple[float, list[Tensor]]:
        """The loss and its gradient, one tensor a weight; `weight.grad` is left alone."""
        value, total = 0.0, [torch.zeros_like(weight) for weight in self.weights]
        with evaluation_mode(self.model):
            for share, batch in zip(self._shares, self.batches, strict=True):
                loss = self.loss_of(self.model, batch)
                parts = torch.autograd.grad(loss, self.weights, materialize_grads=True)
                torch._foreach_add_(total, parts, alpha=share)
                value += share * loss.item()
        return value, total

    def curvature(self, directions: Sequence[Sequence[Tensor]]) -> list[float]:
        r"""The second derivative of the loss along each direction v, :math:`v^\top H v`; v has one tensor a weight."""
        found = [0.0] * len(directions)
        with evaluation_mode(self.model):
            for share, batch in zip(self._shares, self.batches, strict=True):
                loss = self.loss_of(self.model, batch)
                slopes = torch.autograd.grad(loss, self.weights, create_graph=True, materialize_grads=True)
                for number, direction in enumerate(directions):
                    slope = sum((part * v).sum() for part, v in zip(slopes, direction, strict=True))
                    if slope.requires_grad:  # else the loss is linear, and its curvature 0
                        turns = torch.autograd.grad(slope, self.weights, retain_graph=True, materialize_grads=True)
                        found[number] += share * sum(
                            (turn * v).sum().item() for turn, v in zip(turns, direction, strict=True)
                        )
        return found

    @contextmanager
    def moved(self, steps: Sequence[Tensor], factor: float = 1.0) -> Iterator[None]:
        """Inside the block the weights are moved by `factor` times the steps, one tensor a weight."""
        clean = [weight.detach().clone() for weight in self.weights]
        try:
            with torch.no_grad():
                torch._foreach_add_(self.weights, list(steps), alpha=factor)
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.weights, clean)

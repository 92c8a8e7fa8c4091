"""Forces between filters in the training step."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from effdl_lite.methods.compaction.plain import refuse_computed_weights
from effdl_lite.methods.force_regularization.forces import check_kind, force
from effdl_lite.training import Method


class ForceRegularization(Method):
    r"""Turns the filters of each layer towards each other, or apart, beside the gradient; fills place 4.

    .. math:: \frac{\partial E}{\partial W_i} \leftarrow \frac{\partial E}{\partial W_i} - \lambda \, \Delta W_i

    The authors add the force after weight decay and before momentum. PyTorch's optimizers add weight decay themselves,
    later than place 4; for SGD the order of two sums makes no difference, so there the update is the authors'. For Adam
    it is **not**: Adam divides by the size of past gradients, the force among them, so that a strength has another
    meaning for each weight, and none at all where the loss pulls little. If `fit` clips the gradient, the force is
    clipped with it; the authors clip before.

    A force is no gradient of a penalty (see `pairwise_distance`), so there is no value to log. It is tangential: a step
    leaves the length of a filter as it is to first order, and makes it longer to second.

    Args:
        layers: convolutions or linear layers, each with at least two filters. The filters of different conv groups,
            which read different channels and cannot share a basis, do not pull at each other (ours).
        strength: :math:`\lambda`, one for all layers or one for each. Positive attracts, negative repels. The force is
            a sum over filters: with a learning rate :math:`\eta` and momentum :math:`\mu` keep
            :math:`\eta \lambda N / (1 - \mu)` well below 1, or all filters of the layer become one.
        kind: "L2", which fades as filters meet, or "L1", which does not, so that they swing around each other.

    Raises:
        ValueError: for a strength that is not finite, another number of strengths than layers, an unknown kind, no
            layers, a layer given twice, one of another type (a transposed convolution), with computed weights, or with
            one filter in a conv group.
    """

    def __init__(self, layers: Iterable[nn.Module], strength: float | Sequence[float], kind: str = "L2"):
        self.layers = list(layers) if isinstance(layers, Iterable) else [layers]
        if not self.layers:
            raise ValueError("0 layers: give at least 1")
        strengths = list(strength) if isinstance(strength, Iterable) else [strength] * len(self.layers)
        if len(strengths) != len(self.layers):
            raise ValueError(f"{len(strengths)} strengths for {len(self.layers)} layers; give one, or one for each")
        for value in strengths:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"strength {value!r} is no finite number; below 0 it repels, above it attracts")
        check_kind(kind)
        for layer in self.layers:
            _check_layer(layer)
        self.weights = [layer.weight for layer in self.layers]
        if len({id(weight) for weight in self.weights}) < len(self.weights):
            raise ValueError("a weight is in two of the layers and would be pulled at twice; give each layer once")
        self.strengths = strengths
        self.kind = kind

    @torch.no_grad()
    def regularize(self, model: nn.Module) -> None:
        for layer, strength in zip(self.layers, self.strengths, strict=True):
            weight = layer.weight
            if weight.grad is not None and strength:
                filters = weight.unflatten(0, (getattr(layer, "groups", 1), -1)).flatten(2)
                weight.grad.sub_(strength * force(filters, self.kind).view(weight.shape))


def _check_layer(layer: nn.Module) -> None:
    if not isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
        raise ValueError(
            f"a {type(layer).__name__} has no filters along the first dimension of its weight; give nn.Linear or "
            "nn.Conv1d, nn.Conv2d, nn.Conv3d"
        )
    refuse_computed_weights(layer)
    groups = getattr(layer, "groups", 1)
    if len(layer.weight) == groups:
        each = f" in each of its {groups} conv groups" if groups > 1 else ""
        raise ValueError(f"this {type(layer).__name__} has one filter{each}, and no other pulls at it; leave it out")

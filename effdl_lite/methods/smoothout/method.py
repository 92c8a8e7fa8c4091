"""SmoothOut in the training step: noise into the weights before the forward pass, and out again after the backward."""

import math

import torch
from torch import nn

from effdl_lite.methods.smoothout.noise import check_noise, draw_noise, flat_memory, perturbed_weights, split_memory
from effdl_lite.methods.smoothout.schedules import check_schedule, schedule_factor
from effdl_lite.training import Method, TrainingDiverged


class SmoothOut(Method):
    r"""Takes the gradient at weights with noise and gives it to the clean ones; fills places 1 and 2.

    .. math:: g = \nabla C_B(w + \theta), \qquad E_\theta[g] = \nabla \tilde C_B(w), \qquad
        \tilde C_B(w) = E_\theta[C_B(w + \theta)]

    One draw a batch is the gradient of the smoothed loss on average. With more shards each of them, a ghost batch of a
    large batch, has noise of its own, and a step averages over as many draws.

    The weights are stored before and copied back after, because :math:`w + \theta - \theta` is not w in floating point.
    Regularizers (place 4) and the optimizer's weight decay act at the clean weights. BatchNorm's running statistics see
    the noise.

    Args:
        model: whose weights are perturbed; frozen ones are not.
        strength: a, see `draw_noise`.
        adapt: "none", "weight" or "filter".
        kind: "uniform" or "normal".
        exclude_batch_norm: leave BatchNorm's scales and shifts alone.
        denoise: take the noise away; False leaves it in, to see what that costs.
        schedule: of the strength, by updates: "constant", "anneal" or "tanh".
        steps: updates of the whole training, which "tanh" needs.
        generator: of the noise, on the model's device; None takes torch's own, which `fit` seeds.

    Attributes:
        step: updates so far.

    Raises:
        ValueError: for a negative strength, an unknown option, or a model without weights (or filters) to perturb.
        TrainingDiverged: in a step, if a weight is NaN or infinite before the noise; it names the weight.
        RuntimeError: in a step, if the noise of the forward pass before was not taken away.

    Source: Wen et al., arXiv 1805.07898, abstract; the authors' `main_gbn.py`.
    """

    def __init__(
        self,
        model: nn.Module,
        strength: float,
        *,
        adapt: str = "none",
        kind: str = "uniform",
        exclude_batch_norm: bool = True,
        denoise: bool = True,
        schedule: str = "constant",
        steps: int | None = None,
        generator: torch.Generator | None = None,
    ):
        self._named = perturbed_weights(model, exclude_batch_norm)
        check_noise(self._named, strength, adapt, kind)
        check_schedule(schedule, steps)
        self.weights = list(self._named.values())
        self.strength, self.adapt, self.kind = strength, adapt, kind
        self.denoise, self.schedule, self.steps, self.generator = denoise, schedule, steps, generator
        self.step = 0
        self._perturbed = False
        self._memory = flat_memory(self._named)
        self._clean = flat_memory(self._named)

    @torch.no_grad()
    def before_forward(self, model: nn.Module) -> None:
        if self._perturbed:
            raise RuntimeError("the weights still hold the noise of the shard before; call after_backward first")
        if self._memory.device != self.weights[0].device:  # `fit` may move the model after the method was made
            self._memory, self._clean = flat_memory(self._named), flat_memory(self._named)
        torch._foreach_copy_(list(split_memory(self._clean, self._named).values()), self.weights)
        self._check_finite()
        strength = self.strength * schedule_factor(self.schedule, self.step, self.steps)
        noise = draw_noise(
            self._named,
            strength,
            adapt=self.adapt,
            kind=self.kind,
            generator=self.generator,
            memory=self._memory,
        )
        torch._foreach_add_(self.weights, list(noise.values()))
        self._perturbed = self.denoise

    @torch.no_grad()
    def after_backward(self, model: nn.Module) -> None:
        if self._perturbed:
            torch._foreach_copy_(self.weights, list(split_memory(self._clean, self._named).values()))
            self._perturbed = False

    def after_step(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.step += 1

    def _check_finite(self) -> None:
        if math.isfinite(self._clean.sum().item()):  # one NaN or infinity is enough for it not to be
            return
        for name, weight in self._named.items():
            wrong = weight.numel() - int(weight.isfinite().sum())
            if wrong:
                raise TrainingDiverged(
                    f"{name} holds {wrong} numbers (of {weight.numel()}) that are NaN or infinite, before any noise"
                )


class AdaSmoothOut(SmoothOut):
    """SmoothOut with noise of a length in proportion to that of each filter: `adapt="filter"`."""

    def __init__(self, model: nn.Module, strength: float, **options):
        super().__init__(model, strength, **{"adapt": "filter"} | options)

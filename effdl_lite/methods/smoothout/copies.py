"""SmoothOut by the definition: the loss of several copies of the network, each with its own noise, averaged."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from effdl_lite.training.step import Batch, LossOf


def loss_over_copies(loss_of: LossOf, noises: Sequence[Mapping[str, Tensor]]) -> LossOf:
    r"""The mean loss of M copies of a network, as a function for `fit` and `training_step`.

    .. math:: \frac{1}{M} \sum_{i=1}^M C(w + \theta_i)

    With fixed noise it is a deterministic function of the clean weights w, and its gradient is that of the smoothed
    loss up to the choice of :math:`\theta_i`. A step costs M times as much. Stochastic SmoothOut, the `Method`, draws
    one copy anew for each batch instead. Running statistics of BatchNorm are updated by each copy in turn.

    Args:
        loss_of: the loss of one network, such as `classification_loss`; each copy carries its own state.
        noises: of each copy, by name of the weight; see `draw_noise`. A weight that is not named is the same in all.

    Raises:
        ValueError: without noises, or in a step, if a name is not that of a weight.

    Source: Wen et al., arXiv 1805.07898, abstract.
    """
    if not noises:
        raise ValueError("0 noises: give that of at least 1 copy")

    def averaged(model: nn.Module, batch: Batch, states: list | None) -> tuple[Tensor, list]:
        weights = dict(model.named_parameters())
        unknown = {name for noise in noises for name in noise} - weights.keys()
        if unknown:
            raise ValueError(f"this {type(model).__name__} has no weight {sorted(unknown)[0]!r}; name its own")
        whole = _Loss(model, loss_of)
        losses, after = [], []
        for noise, state in zip(noises, states or [None] * len(noises), strict=True):
            copy = {f"model.{name}": weights[name] + theta for name, theta in noise.items()}
            loss, state = torch.func.functional_call(whole, copy, (batch, state))
            losses.append(loss)
            after.append(state)
        return torch.stack(losses).mean(), after

    return averaged


class _Loss(nn.Module):
    """The loss as a module, so that torch can run it with other weights."""

    def __init__(self, model: nn.Module, loss_of: LossOf):
        super().__init__()
        self.model = model
        self.loss_of = loss_of

    def forward(self, batch: Batch, state):
        return self.loss_of(self.model, batch, state)

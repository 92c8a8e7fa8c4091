"""SAM, sharpness-aware minimisation: the control that SmoothOut is compared with, a second gradient a step.

It goes the other way: SmoothOut takes the gradient at a random point near the weights, SAM at the worst one
that it can find, and pays for the search with a whole forward and backward pass.
"""

import torch
from torch import Tensor, nn

from effdl_lite.training import Method
from effdl_lite.training.step import Batch, LossOf


class SAM(Method):
    r"""The gradient at the point of a small ball where the loss is about the largest; fills place 2.

    .. math:: g = \nabla C_B\!\left(w + \rho \, \frac{\nabla C_B(w)}{\lVert \nabla C_B(w) \rVert_2}\right)

    The step needs `loss_of`, which looks for that point:

        sam = SAM(net, 0.1)
        fit(net, ..., methods=[sam], loss_of=sam.looking_up(classification_loss))

    With more shards each has its own point. BatchNorm's running statistics see both passes.

    Args:
        model: whose trained weights, all of them, are moved.
        radius: rho, above 0.

    Raises:
        ValueError: for another radius.

    Source: Foret et al., Sharpness-Aware Minimization for Efficiently Improving Generalization (ICLR 2021).
    """

    def __init__(self, model: nn.Module, radius: float):
        if not radius > 0:
            raise ValueError(f"radius {radius} is no ball; give a number above 0")
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.radius = radius
        self._clean: list[Tensor] = []

    def looking_up(self, loss_of: LossOf) -> LossOf:
        """The loss at the point that SAM moves to; `after_backward` moves back."""

        def loss_above(model: nn.Module, batch: Batch, state) -> tuple[Tensor, object]:
            loss, _ = loss_of(model, batch, state)
            gradient = torch.autograd.grad(loss, self.weights, materialize_grads=True)
            with torch.no_grad():
                norm = nn.utils.get_total_norm(gradient)
                self._clean = [weight.clone() for weight in self.weights]
                torch._foreach_add_(self.weights, torch._foreach_mul(gradient, self.radius / (norm + 1e-12)))
            return loss_of(model, batch, state)

        return loss_above

    @torch.no_grad()
    def after_backward(self, model: nn.Module) -> None:
        if self._clean:
            torch._foreach_copy_(self.weights, self._clean)
            self._clean = []

"""What workers send each other without TernGrad, counted in the same way."""

from torch import Tensor

from effdl_lite.methods.terngrad import Traffic
from effdl_lite.training import Method


class FloatExchange(Method):
    """The plain mean over the workers, in fp32, with its bytes counted; fills place 3.

    Attributes:
        traffic: bytes between one worker and a parameter server so far.
    """

    def __init__(self):
        self.traffic = Traffic()

    def combine(self, gradients: list[list[Tensor]], shares: list[float]) -> list[Tensor]:
        means = super().combine(gradients, shares)
        self.traffic.add_float(sum(mean.numel() for mean in means))
        self.traffic.steps += 1
        return means

"""What is left of channels that were cut although they are not zero: their constant contribution."""

import torch
from torch import Tensor, nn


class KeptMap(nn.Module):
    """A constant: [1, channels, height, width], or [1, channels, 1, 1] if it is uniform, or [1, features].

    It is stored, not trained. Where it has a height and a width, the network takes images of one size only.
    """

    def __init__(self, values: Tensor):
        super().__init__()
        self.register_buffer("values", values.detach().clone())

    def forward(self) -> Tensor:
        return self.values

    def extra_repr(self) -> str:
        return f"shape={tuple(self.values.shape)}"


def is_uniform(maps: Tensor) -> bool:
    """Whether each map of [batch, channels, height, width] has one value everywhere, up to rounding."""
    if maps.ndim < 3:
        return True
    flat = maps.flatten(2)
    spread = (flat.amax(2) - flat.amin(2)).max()
    # A convolution may sum in another order at the border than inside, which is no difference of the function.
    return bool(spread <= 4 * torch.finfo(maps.dtype).eps * maps.abs().max())

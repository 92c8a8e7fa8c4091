"""What is left of channels that were cut although they are not zero: their constant contribution."""

import torch
from torch import Tensor, nn


class KeptMap(nn.Module):
    """A constant: [1, channels, height, width], or [1, channels, 1, 1] if it is uniform, or [1, features].

    It is stored, not trained. Where it depends on the size of the images, a `FixedSize` lets no other size in.
    """

    def __init__(self, values: Tensor):
        super().__init__()
        self.register_buffer("values", values.detach().clone())

    def forward(self) -> Tensor:
        return self.values

    def extra_repr(self) -> str:
        return f"shape={tuple(self.values.shape)}"


class FixedSize(nn.Module):
    """Passes images of one height and width, [batch, channels, *size], and refuses all others.

    It looks at the images and not at the maps, since maps of the same size may still have seen another border.
    """

    def __init__(self, size: tuple[int, ...]):
        super().__init__()
        self.size = tuple(size)

    def forward(self, images: Tensor) -> Tensor:
        if tuple(images.shape[2:]) != self.size:
            takes, got = ("x".join(map(str, size)) for size in (self.size, images.shape[2:]))
            raise ValueError(
                f"this network takes images of {takes} only, since constants of that size were folded into it, and got "
                f"{got}; compact it with images of the size that you will use"
            )
        return images

    def extra_repr(self) -> str:
        return f"size={self.size}"


def uniform_maps(maps: Tensor, eps: float) -> Tensor:
    """Which maps of [1, channels, ...] have one value everywhere, up to rounding: bool [channels].

    Args:
        maps: before they are rounded to a shorter type, in which different values may become the same.
        eps: the precision that they were computed with; coarser ones than that of float32 do not count.
    """
    if maps.ndim < 3:
        return torch.ones(maps.shape[1], dtype=torch.bool, device=maps.device)
    flat = maps[0].flatten(1).double()
    # A convolution may sum in another order at the border than inside, which is no difference of the function.
    tolerance = 4 * min(eps, torch.finfo(torch.float32).eps) * flat.abs().amax(1)
    return flat.amax(1) - flat.amin(1) <= tolerance

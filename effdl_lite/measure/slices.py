"""The loss along a line through weight space, with steps in proportion to the length of each filter.

A direction that does not know how long a filter is looks steep where filters are short, and the length of a filter
before BatchNorm means nothing. So each filter of the direction is made as long as the network's own.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from effdl_lite.measure.loss_surface import LossSurface
from effdl_lite.measure.sharpness import Estimate, estimate


@torch.no_grad()
def filter_normalised_direction(weights: Sequence[Tensor], generator: torch.Generator | None = None) -> list[Tensor]:
    r"""A random direction, each filter f as long as the network's: :math:`d_f \lVert w_f \rVert / \lVert d_f \rVert`.

    Before that it is normal. Filters are slices along the first dimension. Vectors, which are biases and BatchNorm's
    parameters, do not move.

    Args:
        weights: one tensor each.
        generator: of the direction, on the weights' device; None takes torch's own.

    Raises:
        ValueError: if no weight has filters.

    Source: Li et al., Visualizing the Loss Landscape of Neural Nets (NeurIPS 2018).
    """
    if not any(weight.ndim > 1 for weight in weights):
        raise ValueError("no weight has filters, two or more dimensions, to take the length of")
    direction = []
    for weight in weights:
        if weight.ndim < 2:
            direction.append(torch.zeros_like(weight))
            continue
        part = torch.empty_like(weight).normal_(generator=generator)
        rest = tuple(range(1, weight.ndim))
        own, drawn = (torch.linalg.vector_norm(tensor, dim=rest, keepdim=True) for tensor in (weight, part))
        direction.append(part.mul_(own / drawn))
    return direction


def loss_slice(surface: LossSurface, direction: Sequence[Tensor], positions: Sequence[float]) -> list[float]:
    """The loss at the weights plus each position times the direction; 0 is where the network is."""
    losses = []
    for position in positions:
        with surface.moved(direction, position):
            losses.append(surface.value())
    return losses


def rise_under_noise(
    surface: LossSurface, strength: float, draws: int = 8, generator: torch.Generator | None = None
) -> Estimate:
    r"""By how much the loss rises on average as every filter is moved by `strength` times its length.

    .. math:: E_d[C(w + a d)] - C(w), \qquad \lVert d_f \rVert = \lVert w_f \rVert

    Args:
        surface: the loss.
        strength: a, above 0.
        draws: directions d, each filter-normalised.
        generator: of the directions; None takes torch's own.

    Raises:
        ValueError: for a strength or a number of draws that is not above 0.
    """
    if not strength > 0 or draws < 1:
        raise ValueError(f"strength {strength} and {draws} draws: give more than 0 of each")
    clean, rises = surface.value(), []
    for _ in range(draws):
        direction = filter_normalised_direction(surface.weights, generator)
        rises += [loss - clean for loss in loss_slice(surface, direction, [strength])]
    return estimate(rises)

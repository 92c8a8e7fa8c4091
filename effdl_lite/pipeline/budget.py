"""Making zeros until a cost is reached."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def trim_to_budget(
    weights: Sequence[Tensor], trim: Callable[[float], None], cost: Callable[[], float], limit: float
) -> None:
    """Trims as little as brings the cost to at most `limit`, by bisection over the share that goes, to 1 in 4,096.

    Args:
        weights: all that `trim` may change; each trial starts from what they hold now.
        trim: sets the given share of all groups to zero, in place.
        cost: of what is left; it must not rise with the share. Nothing is trimmed if it is low enough already.

    Raises:
        ValueError: if the limit cannot be reached; the weights are then as they were.
    """
    if cost() <= limit:
        return
    before = [weight.detach().clone() for weight in weights]
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        _restore(weights, before)
        trim(middle)
        low, high = (low, middle) if cost() <= limit else (middle, high)
    _restore(weights, before)
    trim(high)
    if (left := cost()) > limit:
        _restore(weights, before)
        raise ValueError(
            f"{left:,} multiply-accumulates are left, and {limit:,.0f} cannot be reached by these layers; raise the "
            "budget, or cut something else, too"
        )


@torch.no_grad()
def _restore(weights: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)

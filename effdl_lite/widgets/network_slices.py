"""What `LossSlices` shows: the losses of networks along lines through their weights, checked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

MOST_NETWORKS, MOST_POSITIONS, MOST_DIRECTIONS = 4, 101, 64
EXAMPLE = "{'SGD': [(-0.5, 1.9), (0, 0.1), (0.5, 2.2)]}"
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class NetworkSlices:
    """The losses of one network.

    Attributes:
        alphas: the positions, rising, with 0 among them; the same for all networks of a figure.
        losses: for each direction its losses at these.
    """

    alphas: list[float]
    losses: list[list[float]]

    @property
    def trained(self) -> float:
        """The loss at 0, where all directions meet."""
        return self.losses[0][self.alphas.index(0)]

    def means(self) -> list[float]:
        """The mean over the directions at each position."""
        means = [sum(each) / len(each) for each in zip(*self.losses, strict=True)]
        means[self.alphas.index(0)] = self.trained  # without a rounding error
        return means

    def rises(self) -> list[float]:
        """By how much the mean lies above the loss at 0."""
        return [mean - self.trained for mean in self.means()]

    def spread(self) -> list[tuple[float, float]]:
        """The lowest and the highest loss of all directions at each position."""
        return [(min(each), max(each)) for each in zip(*self.losses, strict=True)]


def checked_slices(networks: Mapping[str, Points | Sequence[Points]]) -> dict[str, NetworkSlices]:
    """The networks by name, all at the same positions.

    Raises:
        ValueError: if there is no network or too many, if a slice is damaged or has no loss at 0, or if the
            positions differ.
    """
    if not isinstance(networks, Mapping):
        raise ValueError(f"the networks are {networks!r}; give a dict such as {EXAMPLE}")
    if not 1 <= len(networks) <= MOST_NETWORKS:
        raise ValueError(f"there are {len(networks)} networks; 1 to {MOST_NETWORKS} lines can be told apart")
    checked = {str(name): _checked_network(str(name), slices) for name, slices in networks.items()}
    (first, same), *others = checked.items()
    for name, network in others:
        if network.alphas != same.alphas:
            raise ValueError(f"{name!r} has other positions than {first!r}; measure all networks at the same ones")
    return checked


def _checked_network(name: str, slices: Points | Sequence[Points]) -> NetworkSlices:
    if not isinstance(slices, list | tuple) or not slices:
        raise ValueError(f"network {name!r} is {slices!r}; give a list of (alpha, loss), or several such lists")
    several = isinstance(slices[0], list | tuple) and slices[0] and isinstance(slices[0][0], list | tuple)
    directions = [_checked_points(name, points) for points in (slices if several else [slices])]
    if len(directions) > MOST_DIRECTIONS:
        raise ValueError(f"network {name!r} has {len(directions)} directions; give at most {MOST_DIRECTIONS}")
    alphas = [alpha for alpha, _ in directions[0]]
    losses = [[loss for _, loss in points] for points in directions]
    if any([alpha for alpha, _ in points] != alphas for points in directions):
        raise ValueError(f"the directions of {name!r} have different positions; measure all at the same ones")
    if 0 not in alphas:
        raise ValueError(f"network {name!r} has no loss at alpha 0, its own weights; add it")
    middle = {own[alphas.index(0)] for own in losses}
    if len(middle) > 1:
        found = ", ".join(map(str, sorted(middle)))
        raise ValueError(f"at alpha 0 the directions of {name!r} have the losses {found}; there it is one network")
    return NetworkSlices(alphas, losses)


def _checked_points(name: str, points: Points) -> list[tuple[float, float]]:
    if not isinstance(points, list | tuple) or not 3 <= len(points) <= MOST_POSITIONS:
        raise ValueError(f"a slice of {name!r} is {points!r}; give 3 to {MOST_POSITIONS} pairs (alpha, loss)")
    for point in points:
        if not isinstance(point, list | tuple) or len(point) != 2 or not all(map(_is_number, point)):
            raise ValueError(f"a slice of {name!r} holds {point!r}; give pairs of finite numbers, (alpha, loss)")
    pairs = sorted((float(alpha), float(loss)) for alpha, loss in points)
    if len({alpha for alpha, _ in pairs}) < len(pairs):
        raise ValueError(f"a slice of {name!r} has two losses at one alpha; give one for each")
    return pairs


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)

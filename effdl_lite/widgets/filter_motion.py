"""Filters of two weights that move by the forces of Force Regularization alone; the same arithmetic, operation by
operation, as in the figure's JavaScript."""

import math
from itertools import combinations, pairwise

from effdl_lite.methods.force_regularization.forces import SHORTEST, check_kind

NUMBER = 20  # steps of a path
Pair = tuple[float, float]

ANGLES = (30, 140, 85, 20, 110, 60, 125, 45)  # in degrees; far apart, but none on the far side of another


def unit(angle: float) -> Pair:
    """The filter of length 1 at an angle in radians."""
    return math.cos(angle), math.sin(angle)


STARTS: dict[str, tuple[Pair, ...]] = {
    "spread": tuple(unit(math.radians(angle)) for angle in ANGLES),
    "(3, 4), (1, 0)": ((3.0, 4.0), (1.0, 0.0)),
    "(2, 0), (0, 1)": ((2.0, 0.0), (0.0, 1.0)),
    "(1, 0), (0, 1), (1, 1)": ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)),
}


def length(filter: Pair) -> float:
    """Not `math.hypot`: JavaScript's differs in the last digit, and filters that overshoot magnify each difference."""
    return math.sqrt(filter[0] * filter[0] + filter[1] * filter[1])


def directions(filters: list[Pair]) -> list[Pair]:
    return [(a / length((a, b)), b / length((a, b))) for a, b in filters]


def forces(filters: list[Pair], kind: str) -> list[Pair]:
    """The force on each filter, as `force` of `effdl_lite.methods.force_regularization` gives it, without torch.

    Args:
        filters: two weights each, none shorter than 1e-4.
        kind: "L2" or "L1".

    Raises:
        ValueError: for an unknown kind.
    """
    check_kind(kind)
    units, total = directions(filters), []
    for filter, (a, b) in zip(filters, units, strict=True):
        x = y = 0.0
        for c, d in units:
            distance = length((c - a, d - b))
            if kind == "L1" and distance <= SHORTEST:
                continue
            weight = distance if kind == "L1" else 1
            x += (c - a) / weight
            y += (d - b) / weight
        along = x * a + y * b
        total.append((length(filter) * (x - along * a), length(filter) * (y - along * b)))
    return total


def force_path(start: list[Pair], kind: str, amount: float, number: int = NUMBER) -> list[list[Pair]]:
    r"""Filters under :math:`W_i \leftarrow W_i + \eta \lambda \, \Delta W_i`: SGD without data, decay or momentum.

    Args:
        start: the filters at the start, two weights each.
        kind: "L2" or "L1".
        amount: :math:`\eta \lambda`, learning rate times strength; below 0 the filters repel each other.
        number: how many steps.

    Returns:
        The filters before the first step and after each.
    """
    path = [[(float(a), float(b)) for a, b in start]]
    for _ in range(number):
        pulls = forces(path[-1], kind)
        path.append([(a + amount * x, b + amount * y) for (a, b), (x, y) in zip(path[-1], pulls, strict=True)])
    return path


def _moments(filters: list[Pair]) -> tuple[float, float, float]:
    a = b = c = 0.0
    for x, y in filters:
        a, b, c = a + x * x, b + x * y, c + y * y
    return a, b, c


def energy_share(filters: list[Pair]) -> float:
    """The share of the energy that the first principal direction keeps, un-centred: 0.5..1."""
    a, b, c = _moments(filters)
    half = (a - c) / 2
    return 0.5 + math.sqrt(half * half + b * b) / (a + c)


def principal_angle(filters: list[Pair]) -> float:
    """The angle of the first principal direction, in radians."""
    a, b, c = _moments(filters)
    return math.atan2(2 * b, a - c) / 2


def mean_distance(filters: list[Pair], kind: str = "L1") -> float:
    """The mean distance between two directions, which the L1-norm force makes small; with "L2" that of the squares."""
    total, pairs = 0.0, 0
    for (a, b), (c, d) in combinations(directions(filters), 2):
        distance = length((c - a, d - b))
        total += distance * distance if kind == "L2" else distance
        pairs += 1
    return total / pairs


def overshoots(path: list[list[Pair]], kind: str, repel: bool) -> int:
    """Steps that made larger what this force makes small (smaller if it repels): they went too far.

    A step that is short enough never does, since the force points downhill for each filter.
    """
    sign = -1 if repel else 1
    values = [sign * mean_distance(filters, kind) for filters in path]
    return sum(after - before > 1e-9 for before, after in pairwise(values))


def growth(path: list[list[Pair]]) -> float:
    """How many times as long as at the start the filter is that has grown most."""
    return max(length(now) / length(then) for then, now in zip(path[0], path[-1], strict=True))

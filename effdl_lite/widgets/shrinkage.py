"""Steps on a group of two weights under a penalty, and where they should end; the same arithmetic as in the figure's
JavaScript."""

import math
from itertools import pairwise

# penalty -> its formula, that of the optimum at curvature 1
PENALTIES = {
    "group Lasso": ("λ·‖w‖", "(1 − λ/‖target‖)₊ · target"),
    "l2 decay": ("(λ/2)·‖w‖²", "target / (1 + λ)"),
    "l1": ("λ·(|w₁| + |w₂|)", "each weight: sign · (|target| − λ)₊"),
}
STEPS = ("sub-gradient", "sub-gradient + threshold", "proximal")

NUMBER = 200  # steps of a path
LAST = 50  # so many steps tell whether a path has come to rest

Pair = tuple[float, float]


def length(w: Pair) -> float:
    """Not `math.hypot`: JavaScript's differs in the last digit, and a bouncing path makes that a visible difference."""
    return math.sqrt(w[0] * w[0] + w[1] * w[1])


def _check(penalty: str, **numbers: float) -> None:
    if penalty not in PENALTIES:
        raise ValueError(f"penalty is {penalty!r}; choose one of {', '.join(PENALTIES)}")
    for name, value in numbers.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} is {value}; it must be a number, 0 or more")


def penalty_gradient(penalty: str, w: Pair) -> Pair:
    """The (sub-)gradient of a penalty of strength 1 at w; 0 where the norm, or the weight, is 0.

    Group Lasso: w/‖w‖. l2 decay: w. l1: sign(w).

    Raises:
        ValueError: if the penalty is not one of `PENALTIES`.
    """
    _check(penalty)
    if penalty == "l2 decay":
        return w
    if penalty == "l1":
        return tuple(math.copysign(1, x) if x else 0.0 for x in w)
    norm = length(w)
    return (w[0] / norm, w[1] / norm) if norm else (0.0, 0.0)


def prox(penalty: str, w: Pair, t: float) -> Pair:
    """The proximal step: the u with the smallest t·penalty(u) + ½·‖u − w‖².

    Group Lasso: max(0, 1 − t/‖w‖)·w. l2 decay: w/(1 + t). l1: sign(w)·max(0, |w| − t). Equal up to rounding counts as
    reached: a group whose norm is t becomes zero.

    Args:
        penalty: "group Lasso", "l2 decay" or "l1".
        w: two weights.
        t: the learning rate times λ, 0 or more.

    Raises:
        ValueError: if the penalty is not one of these, or t is negative.
    """
    _check(penalty, t=t)

    def shrink(size):
        return 0.0 if size <= t * (1 + 1e-12) else 1 - t / size

    if penalty == "l2 decay":
        return w[0] / (1 + t), w[1] / (1 + t)
    if penalty == "l1":
        return w[0] * shrink(abs(w[0])), w[1] * shrink(abs(w[1]))
    factor = shrink(length(w))
    return w[0] * factor, w[1] * factor


def optimum(penalty: str, target: Pair, strength: float, curvature: float = 1.0) -> Pair:
    """The w with the smallest ½·curvature·‖w − target‖² + strength·penalty(w): the proximal step from the target.

    Raises:
        ValueError: if the penalty is unknown, the strength is negative, or the curvature is not above 0.
    """
    _check(penalty, strength=strength, curvature=curvature)
    if not curvature:
        raise ValueError("curvature is 0: without a data loss the target has no pull; take a curvature above 0")
    return prox(penalty, target, strength / curvature)


def shrinkage_path(
    penalty: str,
    step: str,
    start: Pair,
    target: Pair,
    strength: float,
    rate: float,
    threshold: float = 0.0,
    curvature: float = 1.0,
    number: int = NUMBER,
) -> list[Pair]:
    """Two weights under gradient steps on ½·curvature·‖w − target‖² + strength·penalty(w).

    Args:
        penalty: "group Lasso", "l2 decay" or "l1".
        step: "sub-gradient": w − rate·(gradient of the loss + strength·`penalty_gradient`); "sub-gradient + threshold":
            the same, then each weight below the threshold is set to 0; "proximal": w − rate·(gradient of the loss),
            then `prox` with rate·strength.
        start, target: two weights each.
        strength: λ.
        rate: the learning rate η.
        threshold: τ.
        curvature: 0 for no data loss.
        number: how many steps.

    Returns:
        `number` + 1 pairs, the first is the start.

    Raises:
        ValueError: if a name is unknown or a number is negative.
    """
    _check(penalty, strength=strength, rate=rate, threshold=threshold, curvature=curvature)
    if step not in STEPS:
        raise ValueError(f"step is {step!r}; choose one of {', '.join(STEPS)}")
    path = [(float(start[0]), float(start[1]))]
    for _ in range(number):
        w = path[-1]
        pull = (0.0, 0.0) if step == "proximal" else penalty_gradient(penalty, w)
        w = tuple(x - rate * (curvature * (x - aim) + strength * p) for x, aim, p in zip(w, target, pull, strict=True))
        if step == "proximal":
            w = prox(penalty, w, rate * strength)
        elif step == STEPS[1]:
            w = tuple(0.0 if abs(x) < threshold else x for x in w)
        path.append(w)
    return path


def verdict(path: list[Pair], best: Pair) -> tuple[str, int]:
    """How a path ends.

    Args:
        path: the weights after each step, more than `LAST`.
        best: the `optimum`.

    Returns:
        "zero" and the step since which both weights are 0; else with -1 "bounces": some of the last steps come no
        nearer to the optimum; "rests": they hardly move; or "moves".
    """
    norms = [length(w) for w in path]
    if not norms[-1]:
        return "zero", max((i + 1 for i, norm in enumerate(norms) if norm), default=0)
    for before, after in pairwise(path[-LAST:]):
        # A step that converges comes nearer by the factor 1 − η at least.
        if math.dist(before, after) > 1e-6 and math.dist(after, best) > 0.999 * math.dist(before, best):
            return "bounces", -1
    return ("rests" if math.dist(path[-1], path[-2]) < 1e-6 * norms[-1] else "moves"), -1

"""How the strength of the noise changes over the training."""

import math


def constant(step: int, steps: int | None = None) -> float:
    """1, always: the authors' default."""
    return 1.0


def anneal(step: int, steps: int | None = None) -> float:
    r""":math:`(1 + t)^{-0.275}`: falls fast at first, then ever more slowly, and never ends."""
    return (1 + step) ** -0.275


def tanh(step: int, steps: int | None = None) -> float:
    r""":math:`(\tanh(10 (t / T - \frac{1}{2})) + 1) / 2`: from nearly 0 **up** to nearly 1, mostly in the middle."""
    return (math.tanh(10 * (step / steps - 0.5)) + 1) / 2


SCHEDULES = {"constant": constant, "anneal": anneal, "tanh": tanh}


def schedule_factor(name: str, step: int, steps: int | None = None) -> float:
    """The factor on the strength at an update, 0 to 1.

    Args:
        name: one of `SCHEDULES`.
        step: t, the number of updates before this one.
        steps: T, that of the whole training, which "tanh" needs.

    Raises:
        ValueError: for an unknown name, or a number of updates that is missing or below 1.

    Source: the authors' `main_gbn.py`, option `--smoothing-type`.
    """
    check_schedule(name, steps)
    return SCHEDULES[name](step, steps)


def check_schedule(name: str, steps: int | None) -> None:
    if name not in SCHEDULES:
        raise ValueError(f"schedule {name!r} is unknown; choose one of {', '.join(SCHEDULES)}")
    if name == "tanh" and steps is None:
        raise ValueError("schedule 'tanh' is spread over the training; give steps, the number of its updates")
    if steps is not None and steps < 1:
        raise ValueError(f"steps is {steps}; give the number of updates of the training, at least 1")

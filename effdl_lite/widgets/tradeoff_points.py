"""The numbers of the points of a trade-off, checked; an error is a ValueError that names the point."""

import math
from numbers import Real


def number_in(owner: str, values: dict, key: str) -> float:
    """A finite number; `owner` is what an error calls the point."""
    if not isinstance(values, dict):
        raise ValueError(f"{owner} is {values!r}; give a dict with mean, low and high")
    if key not in values:
        raise ValueError(f"{owner} has no {key}; it needs cost, mean, low and high (the dense reference no cost)")
    value = values[key]
    if not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{key} of {owner} is {value!r}; it must be a finite number")
    return float(value)


def scores_in(owner: str, values: dict) -> dict[str, float]:
    """The "mean" of the accuracies and their spread, "low" to "high"."""
    scores = {key: number_in(owner, values, key) for key in ("mean", "low", "high")}
    if not scores["low"] <= scores["mean"] <= scores["high"]:
        raise ValueError(
            f"{owner} has low {scores['low']}, mean {scores['mean']}, high {scores['high']}; "
            "they must rise in this order"
        )
    return scores


def layers_in(owner: str, layers: dict) -> list[list]:
    """For each layer its name, what is kept of it, and how much there was."""
    if not isinstance(layers, dict):
        raise ValueError(f"layers of {owner} is {layers!r}; give a dict such as {{'conv 1': (16, 32)}}, kept and total")
    rows = []
    for name, counts in layers.items():
        numbers = counts if isinstance(counts, list | tuple) else []
        if len(numbers) != 2 or not all(isinstance(number, Real) for number in numbers):
            raise ValueError(f"layer {name!r} of {owner} is {counts!r}; give two numbers, kept and total")
        kept, total = numbers
        if not (math.isfinite(kept) and math.isfinite(total) and 0 <= kept <= total and total > 0):
            raise ValueError(
                f"layer {name!r} of {owner} keeps {kept} of {total}; it must be 0 <= kept <= total, total > 0"
            )
        rows.append([str(name), float(kept), float(total)])
    return rows

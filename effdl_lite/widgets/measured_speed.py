"""Measured speed-ups that a figure was given, checked and ready to draw."""

import math
from collections.abc import Sequence
from numbers import Real

from effdl_lite.widgets.figure import plain
from effdl_lite.widgets.lstm_matrices import whole_numbers

NEEDED = ("hidden", "softmax", "milliseconds", "speedup", "quartiles")
MODES = 3  # how many can be told apart


def measured_points(measured: Sequence[dict], vocabularies: Sequence[int], dense: Sequence[int]) -> list[dict]:
    """Rows of a benchmark as points: sizes, "speedup" with "low" and "high", "milliseconds", "mode", "says".

    Args:
        measured: rows as `LSTMSizes` describes them.
        vocabularies: the numbers of words that the figure knows; a row without one belongs to the last.
        dense: hidden sizes of the dense model, the largest that can be shown.

    Raises:
        ValueError: if a row lacks a key, or holds a number that cannot be.
    """
    points = []
    for i, row in enumerate(measured):
        owner = f"measured[{i}]"
        if not isinstance(row, dict):
            raise ValueError(f"{owner} is {row!r}; give a dict with {', '.join(NEEDED)}")
        if missing := [key for key in NEEDED if key not in row]:
            raise ValueError(f"{owner} has no {', '.join(missing)}; it needs {', '.join(NEEDED)}")
        hidden = whole_numbers(f"hidden of {owner}", row["hidden"], 2)
        if not all(1 <= size <= limit for size, limit in zip(hidden, dense, strict=True)):
            raise ValueError(f"hidden of {owner} is {hidden}; the dense model has {dense[0]} and {dense[1]}")
        vocabulary = row.get("vocabulary", vocabularies[-1])
        if vocabulary not in vocabularies:
            raise ValueError(f"vocabulary of {owner} is {vocabulary!r}; choose one of {list(vocabularies)}")
        if not isinstance(row["softmax"], bool):
            raise ValueError(f"softmax of {owner} is {row['softmax']!r}; give True or False")
        low, high = _pair(owner, row["quartiles"])
        numbers = {"milliseconds": row["milliseconds"], "speedup": row["speedup"], "low": low, "high": high}
        for name, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, Real) or not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} of {owner} is {value!r}; it must be a number above 0")
        if not low <= row["speedup"] <= high:
            raise ValueError(f"{owner} has speedup {row['speedup']}, quartiles {low} to {high}; it must lie between")
        points.append(
            {
                "hidden": hidden,
                "vocabulary": int(vocabulary),
                "softmax": row["softmax"],
                **{name: float(value) for name, value in numbers.items()},
                "mode": str(row.get("mode", "")) or "measured",
                "says": f"{plain(row['speedup'])} ({plain(low)} to {plain(high)})",
            }
        )
    modes = list(dict.fromkeys(point["mode"] for point in points))
    if len(modes) > MODES:
        raise ValueError(
            f"there are {len(modes)} modes ({', '.join(modes)}); {MODES} can be told apart: leave some out"
        )
    return [point | {"series": modes.index(point["mode"])} for point in points]


def _pair(owner: str, quartiles: Sequence[float]) -> tuple[float, float]:
    if not isinstance(quartiles, list | tuple) or len(quartiles) != 2:
        raise ValueError(f"quartiles of {owner} is {quartiles!r}; give the first and the third quartile of the speedup")
    return tuple(quartiles)

"""Choosing several settings at once from few runs: every run tells something about every setting.

A design is a list of settings, each with a level of every factor. A factor's level is judged by the mean over all runs
that have it, and the other factors are spread evenly over these: with eight runs of four factors each level is judged
by four runs, where trying one change after the other would judge it by one. What only two factors do together (an
interaction) is not seen.
"""

import itertools
import statistics
from collections.abc import Callable

Setting = dict[str, float]


def full_design(factors: dict[str, tuple[float, ...]]) -> list[Setting]:
    """Every combination of levels."""
    return [dict(zip(factors, levels, strict=True)) for levels in itertools.product(*factors.values())]


def half_design(factors: dict[str, tuple[float, float]]) -> list[Setting]:
    """Of two levels each the combinations with an even number of high ones: each level as often with each other.

    Raises:
        ValueError: for a factor that has another number of levels, or fewer than three factors.
    """
    if len(factors) < 3 or any(len(levels) != 2 for levels in factors.values()):
        raise ValueError(f"{len(factors)} factors: give at least 3, of two levels each")
    return [
        {name: levels[high] for (name, levels), high in zip(factors.items(), highs, strict=True)}
        for highs in itertools.product((0, 1), repeat=len(factors))
        if sum(highs) % 2 == 0
    ]


def design_cases(kind: str, design: list[Setting], make: Callable[[Setting], dict]) -> dict[str, dict]:
    """A case for each setting of a design, which is kept with it."""
    return {
        f"{kind}, " + ", ".join(f"{name} {level:g}" for name, level in setting.items()): make(setting)
        | {"setting": setting, "kind": kind}
        for setting in design
    }


def chosen(results: dict, kind: str, factors: dict[str, tuple[float, ...]]) -> Setting:
    """For each factor the level with the best mean score of the runs that have it; the first of equals."""
    rows = [(results["cases"][row["case"]], row["score"]) for row in results["rows"]]
    rows = [(case["setting"], score) for case, score in rows if case["kind"] == kind]
    return {
        name: max(levels, key=lambda level: statistics.mean(score for s, score in rows if s[name] == level))
        for name, levels in factors.items()
    }

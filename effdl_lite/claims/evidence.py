"""Our number for a claim, its interval, and the verdict that follows from them.

A claim has a **criterion**, which says when our number counts as the paper's, and where it makes sense a weaker
**direction**, which says when it at least points the same way. The verdict looks at the whole 95 % interval:

1. wholly inside the criterion: `reproduced`;
2. else wholly inside the direction: `same direction`;
3. else wholly outside the criterion: `not reproduced`;
4. else the interval is too wide to tell: `undecided`.

Each interval meets exactly one line. A direction excludes its bound, so that a method that does nothing at all does not
"point the same way". One seed has an interval without ends, and so never reproduces anything.
"""

import inspect
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scipy import stats

from effdl_lite.claims.counts import COUNTS
from effdl_lite.reference import reference_rows

# From the best to the worst: of several checks the worst one decides. The last verdict is for claims without a check.
VERDICTS = ("reproduced", "same direction", "undecided", "not reproduced", "out of reach here")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, with these two, or without them where `open` is True."""

    low: float = -math.inf
    high: float = math.inf
    open: bool = False

    def contains(self, low: float, high: float) -> bool:
        """Whether all of the interval is inside."""
        sign = -1 if self.open else 1
        return low >= self.low - sign * _slack(self.low) and high <= self.high + sign * _slack(self.high)

    def excludes(self, low: float, high: float) -> bool:
        """Whether all of the interval is outside."""
        return high < self.low - _slack(self.low) or low > self.high + _slack(self.high)


def _slack(bound: float) -> float:
    # A count may lie on the bound: 35.175 is printed as 35.18, a difference of half a unit of the last digit.
    return 1e-9 * max(1.0, abs(bound)) if math.isfinite(bound) else 0.0


@dataclass(frozen=True)
class Evidence:
    """Our number with its 95 % interval, from so many seeds (0: counted, so the three are one number)."""

    mean: float
    low: float
    high: float
    runs: int
    verdict: str


def verdict_of(low: float, high: float, criterion: Range, direction: Range | None = None) -> str:
    """The verdict on the interval from `low` to `high`, by the rule at the head of this file."""
    if criterion.contains(low, high):
        return "reproduced"
    if direction is not None and direction.contains(low, high):
        return "same direction"
    return "not reproduced" if criterion.excludes(low, high) else "undecided"


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    r"""Mean and ends of its 95 % interval by Student's t, :math:`\bar x \pm t_{0.975, n-1}\, s / \sqrt n`.

    The deviation :math:`s` divides by :math:`n - 1`. A single value has no interval: its ends are infinite.
    """
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, -math.inf, math.inf
    half = float(stats.t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def _mean(results: str, case: str, field: str) -> tuple[list[float], bool]:
    return list(_by_seed(results, case, field).values()), False


def _difference(results: str | list[str], cases: list[str], field: str) -> tuple[list[float], bool]:
    return [a - b for a, b in _pairs(results, cases, field)], False


def _ratio(results: str | list[str], cases: list[str], field: str) -> tuple[list[float], bool]:
    # In logarithms, so that it makes no difference which case stands above the line: the mean of a/b alone is too high.
    pairs = _pairs(results, cases, field)
    if any(a <= 0 or b <= 0 for a, b in pairs):
        raise ValueError(f"a ratio needs numbers above 0, and {field!r} of {results} has others; take a difference")
    return [math.log(a / b) for a, b in pairs], True


def _computed(function: str, **arguments) -> float:
    return COUNTS[function](**arguments)


# Kinds of pointer, as an entry names them. The first three give a number a seed, and whether it is a logarithm.
KINDS: dict[str, Callable] = {"mean": _mean, "difference": _difference, "ratio": _ratio, "computed": _computed}


@dataclass(frozen=True)
class Check:
    """One number of ours, where it comes from, and what is asked of it.

    Attributes:
        what: says which number it is; `unit` is its unit.
        kind: one of `KINDS`.
        pointer: the arguments of this kind: a results file, one case or two, and a field (with dots for one inside
            another, `after.test`); or a function of `counts` with its arguments.
        criterion, direction: see the head of this file.
    """

    what: str
    unit: str
    kind: str
    pointer: dict
    criterion: Range
    direction: Range | None = None

    def look_up(self) -> None:
        """Finds what the pointer points to, without counting.

        Raises:
            ValueError: if an argument, function, file, case, field or seed is not there.
        """
        function, arguments = KINDS[self.kind], self.pointer
        if self.kind == "computed":
            arguments = {name: value for name, value in self.pointer.items() if name != "function"}
            function = COUNTS.get(self.pointer.get("function"))
            if function is None:
                raise ValueError(f"no function {self.pointer.get('function')!r}; choose one of {', '.join(COUNTS)}")
        try:
            inspect.signature(function).bind(**arguments)
        except TypeError as error:
            raise ValueError(f"{error}; {self.kind!r} takes {inspect.signature(function)}") from error
        if self.kind != "computed":
            function(**arguments)

    def evaluate(self) -> Evidence:
        """Our number and the verdict on it."""
        if self.kind == "computed":
            mean = low = high = float(_computed(**self.pointer))
            runs = 0
        else:
            values, logarithms = KINDS[self.kind](**self.pointer)
            runs = len(values)
            mean, low, high = interval(values)
            if logarithms:
                mean, low, high = math.exp(mean), math.exp(low), math.exp(high)
        return Evidence(mean, low, high, runs, verdict_of(low, high, self.criterion, self.direction))


def _pairs(results: str | list[str], cases: list[str], field: str) -> list[tuple[float, float]]:
    """The values of two cases, seed by seed; of one results file, or each of its own and then of the seeds in both."""
    if not isinstance(cases, list) or len(cases) != 2:
        raise ValueError(f"cases {cases!r} are not two; name the case and then its control")
    files = results if isinstance(results, list) else [results, results]
    if len(files) != 2:
        raise ValueError(f"results {results!r} are not two; name one file for both cases, or one for each")
    first, second = (_by_seed(file, case, field) for file, case in zip(files, cases, strict=True))
    both = sorted(first.keys() & second.keys())
    # Two runs may have planned for different numbers of seeds, one run has not.
    if len(both) < 2 if files[0] != files[1] else first.keys() != second.keys():
        raise ValueError(
            f"{cases[0]!r} has seeds {sorted(first)} and {cases[1]!r} has {sorted(second)}; "
            "a paired comparison needs the same seeds, so finish the run"
        )
    return [(first[seed], second[seed]) for seed in both]


def _by_seed(results: str, case: str, field: str) -> dict[int, float]:
    """The field of each row of a case, by seed."""
    if not isinstance(results, str) or "." in results:
        raise ValueError(f"results {results!r} is not the name of a reference run; give a file's name without ending")
    try:
        rows = reference_rows(results, case)
    except FileNotFoundError as error:
        raise ValueError(str(error)) from error
    if not rows:
        raise ValueError(f"{results} has no row of case {case!r} yet; finish the run")
    values = {}
    for row in rows:
        if row["seed"] in values:
            raise ValueError(f"{results} has seed {row['seed']} of case {case!r} twice")
        values[row["seed"]] = _number(row, field, results)
    return values


def _number(row: dict, field: str, results: str) -> float:
    value, parts = row, str(field).split(".")
    while parts:
        if isinstance(value, list) and parts[0].isdecimal() and int(parts[0]) < len(value):
            value = value[int(parts.pop(0))]
            continue
        # A key may have dots itself, as the name of a layer has: the longest one that fits.
        lengths = [n for n in range(len(parts), 0, -1) if isinstance(value, dict) and ".".join(parts[:n]) in value]
        if not lengths:
            choices = ", ".join(map(str, value)) if isinstance(value, dict) else f"not a mapping: {value!r}"
            raise ValueError(f"{results} has no field {field!r}: no {'.'.join(parts)!r} in [{choices}]")
        value, parts = value[".".join(parts[: lengths[0]])], parts[lengths[0] :]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"field {field!r} of {results} is {value!r}, not a finite number")
    return value

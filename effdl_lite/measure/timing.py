"""Latency, measured so that it can be trusted: warmed up, threads fixed, candidates in turn, spread reported."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

# torch.utils.benchmark loads torch's compiler helpers, which warn where there is nvcc but no GPU; we compile nothing.
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)

from torch.utils.benchmark import Timer  # noqa: E402


@dataclass(frozen=True)
class Comparison:
    """Times of several candidates, measured in turn.

    Attributes:
        seconds: for each candidate one time a round, all candidates with the same number of rounds.
        threads: torch threads that they ran on.
    """

    seconds: dict[str, np.ndarray]
    threads: int

    def median(self, name: str) -> float:
        """Median time of a candidate, in seconds."""
        return float(np.median(self.seconds[name]))

    def spread(self, name: str) -> tuple[float, float]:
        """First and third quartile of a candidate's times, in seconds."""
        low, high = np.quantile(self.seconds[name], [0.25, 0.75])
        return float(low), float(high)

    def speedup(self, name: str, over: str) -> tuple[float, float, float]:
        """How many times faster `name` is than `over`: median of the ratios of each round, first and third quartile.

        Both were measured within the same moment of each round, so a machine that slows down for a while slows both,
        and their ratio stays.
        """
        low, middle, high = np.quantile(self.seconds[over] / self.seconds[name], [0.25, 0.5, 0.75])
        return float(middle), float(low), float(high)


def compare_latency(
    candidates: dict[str, Callable[[], object]],
    *,
    rounds: int = 15,
    seconds_a_round: float = 0.02,
    threads: int = 1,
) -> Comparison:
    """Times functions without arguments through `torch.utils.benchmark`, one after the other in every round.

    Args:
        candidates: functions by name.
        rounds: measurements of each.
        seconds_a_round: each measurement repeats its function until it has taken about this long.
        threads: torch threads while measuring; put back afterwards.

    Raises:
        ValueError: without candidates, rounds or threads.
    """
    if not candidates or rounds < 1 or threads < 1:
        raise ValueError(f"{len(candidates)} candidates, {rounds} rounds, {threads} threads: give at least 1 of each")
    timers = {}
    for name, function in candidates.items():
        timer = Timer("function()", globals={"function": function}, num_threads=threads)
        once = timer.timeit(2).median  # the first calls also warm caches and allocators up
        timers[name] = (timer, max(1, round(seconds_a_round / max(once, 1e-9))))
    seconds = {name: np.empty(rounds) for name in candidates}
    for i in range(rounds):
        # Every second round runs backwards: no candidate always follows the same neighbour.
        order = list(timers.items()) if i % 2 == 0 else list(timers.items())[::-1]
        for name, (timer, repeats) in order:
            seconds[name][i] = timer.timeit(repeats).median
    return Comparison(seconds, threads)


@contextmanager
def num_threads(threads: int) -> Iterator[None]:
    """Runs the block with this number of torch threads, and puts the old number back."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)

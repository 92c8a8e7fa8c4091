"""By how much a smaller LSTM exceeds its MAC ratio, taken apart into factors: kernel, cache, once a call, the rest."""

from collections.abc import Callable

import numpy as np

from experiments import benchmarks as bench
from experiments.benchmarks.cache_or_kernel import COLD, HOT, LAYER, LIBRARIES, MANY, ONE_STEP, Effort, measure

ONE_PRODUCT = "one step's product"


def explain(effort: Effort) -> list[dict]:
    """By how much a speed-up exceeds the MAC ratio, and the factors which that is made of, for each pair of sizes."""
    rows = []
    for small, large in (sizes for sizes in effort.hidden if len(sizes) == 2):
        times = measure(effort, (small, large))
        for library in (name for name in LIBRARIES if (small, LAYER, name) in times):
            ratios = explained(times, small, large, library, effort.steps)
            for what, factors in ratios.items():
                facts = {"hidden": f"{large} to {small}", "what": what, "library": library}
                quartiles = np.quantile(factors["speedup"], [0.25, 0.75])
                medians = {name: bench.rounded(np.median(values)) for name, values in factors.items()}
                measured_first = {"speedup": medians["speedup"], "quartiles": [bench.rounded(q) for q in quartiles]}
                rows.append(facts | measured_first | medians)
    return rows


def explained(times: dict, small: int, large: int, library: str, steps: int) -> dict[str, dict[str, np.ndarray]]:
    """The factors in each round: speed-up = MAC ratio x kernel x cache x once a call x rest, without a remainder."""

    def seconds(hidden: int, what: str) -> np.ndarray:
        return times[hidden, what, library].seconds

    def ratio(of: Callable[[int], np.ndarray]) -> np.ndarray:
        return of(large) / of(small)

    def products(hidden: int, state: str) -> np.ndarray:
        return seconds(hidden, MANY) + steps * seconds(hidden, state)

    def with_call(hidden: int) -> np.ndarray:
        call = seconds(hidden, ONE_STEP) - 2 * seconds(hidden, HOT)
        return products(hidden, HOT) + np.maximum(call, 0)

    macs = large**2 / small**2
    hot, cold = (ratio(lambda hidden, state=state: seconds(hidden, state)) for state in (HOT, COLD))
    all_hot, all_cold = (ratio(lambda hidden, state=state: products(hidden, state)) for state in (HOT, COLD))
    call, layer = ratio(with_call), ratio(lambda hidden: seconds(hidden, LAYER))
    one = np.ones_like(hot)

    def factors(speedup: np.ndarray, kernel: np.ndarray, cache: np.ndarray, call: np.ndarray, rest: np.ndarray) -> dict:
        parts = {"kernel": kernel, "cache": cache, "once_a_call": call, "rest": rest}
        return {"speedup": speedup, "mac_ratio": macs * one, "excess": speedup / macs} | parts

    many = ratio(lambda hidden: seconds(hidden, MANY))
    return {
        ONE_PRODUCT: factors(hot, cold / macs, hot / cold, one, one),
        MANY: factors(many, many / macs, one, one, one),
        LAYER: factors(layer, all_cold / macs, all_hot / all_cold, call / all_hot, layer / call),
    }

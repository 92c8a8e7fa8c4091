"""Benchmark of gradient exchanges where bandwidth is limited: 100 Mbit/s, 1 and 10 Gbit/s, 2 and 4 workers.

    python -m experiments.benchmarks.bandwidth [--quick] [--output FILE]

Every worker is a process with a network of its own; see `limited_network`. "exchange alone" averages one matrix of
gradients; "training step" is a step of CifarNet, computing included. All exchanges take turns in every round, and the
slowest worker's time counts. Bytes are those that leave a worker's link, headers included.

Workers share the cores of this machine: 4 of them on 2 cores compute at half speed, which flatters nobody's exchange
but hides part of what it saves. No link has a latency of its own, so the many small messages of a larger cluster cost
more than here.
"""

import functools
import statistics
from dataclasses import dataclass

import numpy as np

from effdl_lite.measure import Comparison
from effdl_lite.methods.terngrad import ALL_GATHER, Cluster, Quantizer, Work, speedup
from effdl_lite.models import CifarNet
from experiments import benchmarks as bench
from experiments import limited_network
from experiments.benchmarks import tables
from experiments.exchanges import CODECS, EXCHANGES

LINKS = {"100 Mbit/s": 1e8, "1 Gbit/s": 1e9, "10 Gbit/s": 1e10}
GOALS = {"exchange alone": 8.0, "training step": 3.5}  # of 2-bit TernGrad over fp32: 2 workers, 100 Mbit/s
NONE = "no exchange"  # the limit, in bandwidth_worker
COMPUTE = 0.05  # seconds; for the model alone, where nothing can be measured


@dataclass(frozen=True)
class Effort(bench.Effort):
    """How much to measure: rounds after the warm-up, the side of the matrix, images of a worker."""

    rounds: int = 7
    training_rounds: int = 40
    warm_up: int = 3  # rounds: in the first two PowerSGD sends fp32, as it must
    side: int = 2048
    batch_size: int = 32
    setups: tuple[tuple[int, str], ...] = tuple((workers, link) for workers in (2, 4) for link in LINKS)


QUICK = Effort(rounds=2, training_rounds=2, side=64, batch_size=4, setups=((2, "100 Mbit/s"),))


def setup(workers: int, link: str, effort: Effort) -> list[dict]:
    """All exchanges with so many workers, alone and in a training step."""
    if (workers, link) not in effort.setups:
        return []
    spec = {
        "side": effort.side,
        "rounds": effort.warm_up + effort.rounds,
        "training_rounds": effort.warm_up + effort.training_rounds,
        "batch_size": effort.batch_size,
    }
    found = limited_network.run_workers("experiments.benchmarks.bandwidth_worker", workers, LINKS[link], spec)
    facts = {"workers": workers, "link": link, "raw": bench.rounded(found[1]["raw_bits_a_second"] / LINKS[link])}
    return [
        row
        for what, work in (("exchange alone", matrix_work(effort.side)), ("training step", network_work()))
        for row in rows_of(facts | {"what": what}, [worker[what] for worker in found], effort.warm_up, work)
    ]


def rows_of(facts: dict, workers: list[dict], warm_up: int, work: dict) -> list[dict]:
    """A row for each exchange; `workers` holds what each has seen, by exchange."""
    slowest = {name: np.max([worker[name]["seconds"] for worker in workers], axis=0) for name in (*EXCHANGES, NONE)}
    times = Comparison({name: seconds[warm_up:] for name, seconds in slowest.items()}, threads=1)
    rows = []
    for name in (*EXCHANGES, NONE):
        sent = np.mean([worker[name]["bytes"] for worker in workers], axis=0)
        ratio, *quartiles = (bench.rounded(value) for value in times.speedup(name, "fp32"))
        row = facts | {
            "exchange": name,
            "milliseconds": bench.rounded(1e3 * times.median(name)),
            "times": [bench.rounded(1e3 * value) for value in times.spread(name)],
            "speedup": ratio,
            "quartiles": quartiles,
            "modelled": modelled(facts, name, work, times.median(NONE)),
            "megabytes": bench.rounded(statistics.median(sent[warm_up:]) / 1e6),
            "goal": goal_of(facts, name),
        }
        if facts["what"] == "training step" and name != NONE:
            losses = np.mean([worker[name]["loss"] for worker in workers], axis=0)
            row["curve"] = {
                "loss": [bench.rounded(loss) for loss in losses],
                "seconds": [bench.rounded(seconds) for seconds in np.cumsum(slowest[name])],
                "megabytes": [bench.rounded(amount) for amount in np.cumsum(sent) / 1e6],
            }
        rows.append(row)
    return rows


def matrix_work(side: int) -> dict:
    return {"weights": side**2, "tensors": 1, "float_weights": 0}


def network_work() -> dict:
    """What of CifarNet is sent in ternary form and what in fp32."""
    sizes = [weight.numel() for weight in CifarNet().parameters()]
    ternary = [size for size in sizes if size >= 256]
    return {"weights": sum(ternary), "tensors": len(ternary), "float_weights": sum(sizes) - sum(ternary)}


def modelled(facts: dict, name: str, work: dict, compute: float) -> float | None:
    """The speed-up that the performance model predicts for TernGrad, without its codec's time; None for the others."""
    if name not in CODECS:
        return None
    cluster = Cluster(facts["workers"], LINKS[facts["link"]] / 8, exchange=ALL_GATHER)
    return bench.rounded(speedup(cluster, Work(compute=compute, **work), Quantizer(CODECS[name])))


def goal_of(facts: dict, name: str) -> float | None:
    asked = (facts["workers"], facts["link"], name) == (2, "100 Mbit/s", "terngrad-2bit")
    return GOALS[facts["what"]] if asked else None


def table(results: dict) -> str:
    """The rows for people; curves are left out."""
    lines = [tables.heading(results)]
    for what in GOALS:
        rows = []
        for row in results["exchanges"]:
            if row["what"] != what:
                continue
            shown = {key: row[key] for key in row if key not in ("what", "curve", "goal", "modelled")}
            shown["modelled"] = "" if row["modelled"] is None else row["modelled"]
            reached = row["goal"] and f"≥ {row['goal']:g} x {tables.verdict(row['speedup'] >= row['goal'])}"
            rows.append(shown | {"goal": reached or ""})
        lines += tables.fact_table(f"{what[0].upper()}{what[1:]}: ms, and how many times faster than fp32", rows)
    return "\n".join(lines)


def model_table() -> str:
    """What the performance model predicts where nothing can be measured."""
    rows = [
        {"workers": workers, "link": link, "exchange": name}
        | {"modelled": modelled({"workers": workers, "link": link}, name, network_work(), COMPUTE)}
        for workers, link in Effort().setups
        for name in CODECS
    ]
    title = f"Not measured: a training step by the model, how many times faster than fp32 ({COMPUTE} s to compute)"
    return "\n".join(tables.fact_table(title, rows)[1:])


JOBS = [
    ("exchanges", f"{workers} workers, {link}", functools.partial(setup, workers, link))
    for workers, link in Effort().setups
]


def main() -> None:
    if reason := limited_network.missing():
        print(f"{reason}\n\n{model_table()}")
        return
    bench.run("bandwidth", __doc__.splitlines()[0], JOBS, table, efforts=(Effort(), QUICK))


if __name__ == "__main__":
    main()

"""Benchmarks: times of our methods beside their limit and beside other projects, measured in turn on one thread.

`make bench` runs them and stores `results/<name>.json`. Seconds belong to a quiet machine; ratios are what to read.
What all benchmarks share is here: how much to measure, the modes of a network, and one row a comparison.
"""

import argparse
import copy
import importlib.metadata
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torch.nn.utils import prune

from effdl_lite.measure import Comparison, compare_latency, num_threads
from experiments import runner

RESULTS = Path(__file__).parent / "results"
MODES = ("contiguous", "channels_last", "folded")  # folded: channels_last, and BatchNorm is part of the convolution


@dataclass(frozen=True)
class Effort:
    """How much to measure: rounds, how long each candidate takes in one, and the sizes of batches."""

    rounds: int = 15
    seconds_a_round: float = 0.02
    batches: tuple[int, int] = (64, 1)
    training_batch: int = 128

    def compare(self, candidates: dict[str, Callable[[], object]]) -> Comparison:
        return compare_latency(candidates, rounds=self.rounds, seconds_a_round=self.seconds_a_round)


QUICK = Effort(rounds=2, seconds_a_round=0.001, batches=(4, 1), training_batch=8)


def run(
    name: str,
    description: str,
    jobs: list[tuple[str, str, Callable[[Effort], list[dict]]]],
    table: Callable[[dict], str],
    peer: str | None = None,
    efforts: tuple[Effort, Effort] = (Effort(), QUICK),
) -> None:
    """The command line of a benchmark: measures on one thread, prints the table, and keeps both.

    A quick run is stored only where `--output` says: its times mean nothing.

    Args:
        name: of the result, `results/<name>.json`.
        description: the first line of the help.
        jobs: the part of the result that a job's rows belong to, its title, and the function that measures them.
        table: the results as text.
        peer: the other project's package, if there is one.
        efforts: of a full and of a quick run.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="few rounds on small batches, to see that it runs")
    parser.add_argument("--output", type=Path, help=f"file of the result; now results/{name}.json, if not quick")
    options = parser.parse_args()
    effort = efforts[options.quick]
    peers = {peer: installed(peer)} if peer else {}
    results = {"name": name, "quick": options.quick, "peer": peers, "memory": memory()}
    results |= asdict(effort)
    start = time.perf_counter()
    with num_threads(1):
        results["made_with"] = runner.made_with()
        for number, (part, title, job) in enumerate(jobs, 1):
            print(f"[{number}/{len(jobs)}] {title}", flush=True)
            results.setdefault(part, []).extend(job(effort))
    results["wall_seconds"] = rounded(time.perf_counter() - start)
    text = table(results)
    print(f"\n{text}")
    output = options.output or (None if options.quick else RESULTS / f"{name}.json")
    if output:
        # The text too, so that a chapter can show it without importing this folder.
        runner.write_json(output, results | {"table": text.splitlines()})


def ratio_row(facts: dict, times: Comparison, name: str, over: str, limit: float, goal: float | None = None) -> dict:
    """How much faster candidate `name` is than `over`.

    Args:
        facts: what the row is about; they come first in it.
        limit: by how much the multiply-accumulates went down, the speed-up if they were all that took time.
        goal: what the speed-up should be at least.
    """
    speedup, *quartiles = times.speedup(name, over)
    return {
        **facts,
        "milliseconds": rounded(1e3 * times.median(name)),
        "over_milliseconds": rounded(1e3 * times.median(over)),
        "speedup": rounded(speedup),
        "quartiles": [rounded(quartile) for quartile in quartiles],
        "mac_ratio": rounded(limit),
        "goal": None if goal is None else rounded(goal),
    }


def penalty_row(facts: dict, times: Comparison, name: str, goals: dict[str, float] | None = None) -> dict:
    """What a penalty costs beside "training step" (and that in bf16), and how much less than "loop with autograd".

    Each is a median ratio with its first and third quartile, None where the CPU has no bf16 or no loop was timed.
    """

    def ratio(over: str, name: str) -> list[float] | None:
        measured = {over, name} <= times.seconds.keys()
        return [rounded(value) for value in times.speedup(name, over)] if measured else None

    return {
        **facts,
        "milliseconds": rounded(1e3 * times.median(name)),
        "share_of_step": ratio(name, "training step"),
        "share_of_bf16_step": ratio(name, "training step, bf16"),
        "cheaper_than_loop": ratio("loop with autograd", name),
        "goals": goals,
    }


def rounded(value: float) -> float:
    """Four digits: more would not be the same in the next run."""
    return float(f"{value:.4g}")


def memory() -> str:
    """What the process does with the memory of a map that is no longer needed.

    By default the C library gives large blocks back to the system, and gets them anew, page by page, in the next call:
    that can take as long as the arithmetic, and longer for the larger network. `make bench` measures both ways.
    """
    return "kept" if "MALLOC_TRIM_THRESHOLD_" in os.environ else "given back"


def installed(peer: str) -> str | None:
    """The version of another project, None if it is not installed."""
    try:
        return importlib.metadata.version(peer)
    except importlib.metadata.PackageNotFoundError:
        return None


@torch.no_grad()
def made_random(net: nn.Module, seed: int = 0) -> nn.Module:
    """A copy with BatchNorm as after training, so that a mistake with it would show in the outputs; evaluation mode."""
    net, generator = copy.deepcopy(net).eval(), torch.Generator().manual_seed(seed)
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor, low, high in (
                (norm.weight, 0.5, 1.5),
                (norm.bias, -0.2, 0.2),
                (norm.running_mean, -0.2, 0.2),
                (norm.running_var, 0.5, 2.0),
            ):
                tensor.uniform_(low, high, generator=generator)
    return net


@torch.no_grad()
def in_mode(net: nn.Module, mode: str, images: Tensor) -> tuple[nn.Module, Tensor]:
    """A copy of `net` that runs in a mode of `MODES`, and the images as it takes them.

    A mask of `torch.nn.utils.prune` cannot be folded: it is made permanent before.
    """
    prepared = copy.deepcopy(net)
    if mode == "folded":
        for conv in convolutions(prepared):
            if prune.is_pruned(conv):
                prune.remove(conv, "weight")
        prepared = fuse(prepared)
    inputs = images
    if mode != "contiguous":
        prepared = prepared.to(memory_format=torch.channels_last)
        inputs = images.contiguous(memory_format=torch.channels_last)
    return prepared, inputs


def convolutions(net: nn.Module) -> list[nn.Conv2d]:
    return [module for module in net.modules() if isinstance(module, nn.Conv2d)]


def check_equal(what: str, result: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    """Refuses to time something that computes something else.

    Raises:
        RuntimeError: if the outputs differ by more than rounding, a part `tolerance` of the largest.
    """
    error, largest = (result - expected).abs().max().item(), expected.abs().max().item()
    if not error <= tolerance * largest:
        raise RuntimeError(f"{what} is off by {error:.1e} where the largest output is {largest:.1e}; do not time it")


def csr_of(matrix: Tensor) -> Tensor | None:
    """The matrix as torch.sparse_csr, None where torch cannot multiply with it (without MKL)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that CSR is in beta state
        csr = matrix.to_sparse_csr()
    try:
        csr @ torch.zeros(matrix.shape[1], 1)
    except RuntimeError:
        return None
    return csr

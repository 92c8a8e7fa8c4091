"""Why a smaller LSTM is faster than its multiply-accumulates say: because of the cache, or of the kernel?

A step of an LSTM layer multiplies a few rows by a gate matrix [4 hidden, hidden], which is far larger than they are.
Four measurements over hidden sizes, in each library that torch can call, tell the candidates apart:

* **cache**: the product of few rows with one matrix again and again (hot), and with copies of it in turn that together
  fill the last-level cache several times (cold). Same kernel, same shape; only the cache differs.
* **kernel**: cold products of two sizes differ by how well the kernel runs at their shape, and not by the cache. The
  product of the rows of all steps at once reads the matrix once for all of them: what the kernel gives at its best.
* **once a call**: a whole layer over one step, less its two hot products: above all oneDNN arranging its weights.
* **the rest**: a whole layer over all steps, less all that: the gates' element-wise work, and what was not foreseen.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from effdl_lite.measure import ONEDNN_MODES, cache_bytes, count_macs, measure_machine, onednn
from experiments import benchmarks as bench

ONEDNN, BLAS = LIBRARIES = ("oneDNN", "BLAS")
MODE_OF = dict(zip(LIBRARIES, ONEDNN_MODES, strict=True))  # without oneDNN, torch multiplies by its BLAS, such as MKL
HOT, COLD, MANY = "one step's product, hot", "one step's product, cold", "all steps' product"
LAYER, ONE_STEP = "layer, all steps", "layer, one step"
READ_HOT, READ_COLD = "read, hot", "read, cold"
LAST_CACHE = 32 * 2**20  # where the system does not tell


@dataclass(frozen=True)
class Effort(bench.Effort):
    """How much to measure of recurrent networks.

    Attributes:
        steps: words of a text in one call.
        training_steps: the same in training.
        hidden: sizes of a layer; those in one group are measured in the same rounds, and a pair is compared.
        copies: how many times the copies of a cold matrix fill the last-level cache.
        product: size of the matrix product that the machine's arithmetic is measured with.
    """

    batches: tuple[int, int] = (10, 1)
    steps: int = 30
    training_batch: int = 20
    training_steps: int = 35
    hidden: tuple[tuple[int, ...], ...] = ((64,), (128,), (256,), (512,), (768,), (1024,), (2048,), (373, 1500))
    copies: float = 4.0
    product: int = 1024


@dataclass(frozen=True)
class Work:
    """Something to time: `repeats` times `macs` multiply-accumulates."""

    function: Callable[[], object]
    macs: int = 0
    repeats: int = 1


@dataclass(frozen=True)
class Timed:
    """Seconds of a work once, one for each round."""

    seconds: np.ndarray
    macs: int


@functools.cache
def machine(effort: Effort) -> tuple[float, float]:
    """Multiply-accumulates and bytes a second that the machine gives at its best, in any library."""
    measured = measure_machine(size=effort.product, megabytes=max(1, effort.product // 8), rounds=effort.rounds)
    peak = measured.peak_gflops * 1e9 / 2
    if has_onednn():
        square, matrix = (
            packed(torch.randn(effort.product, effort.product)),
            torch.randn(effort.product, effort.product),
        )
        rows = matrix.to_mkldnn()
        with torch.inference_mode():
            fastest = effort.compare({"product": lambda: square(rows)}).seconds["product"].min()
        peak = max(peak, effort.product**3 / fastest)
    return peak, measured.bandwidth_gbs * 1e9


def limits(effort: Effort) -> list[dict]:
    """What the machine can give: both limits, of arithmetic and of main memory, and the sizes of the caches."""
    peak, bandwidth = machine(effort)
    caches = {f"L{level}_kilobytes": size // 1024 for level, size in cache_bytes().items()}
    return [{"peak_gmacs": bench.rounded(peak / 1e9), "memory_gbs": bench.rounded(bandwidth / 1e9)} | caches]


def has_onednn() -> bool:
    return torch.backends.mkldnn.is_available()


def packed(matrix: Tensor) -> nn.Module:
    """A linear layer without bias in oneDNN's own memory format; it takes and gives tensors in that format too."""
    linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False)
    linear.weight = nn.Parameter(matrix, requires_grad=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch warns that this part of torch uses torch.jit
        from torch.utils.mkldnn import to_mkldnn
    return to_mkldnn(linear)


def each(function: Callable[..., object], arguments: Sequence) -> Callable[[], object]:
    def run() -> None:
        for argument in arguments:
            function(argument)

    return run


@torch.no_grad()
def works_of(hidden: int, effort: Effort) -> dict[tuple[str, str], Work]:
    """All that is timed of one hidden size, by what and library, after a check that the libraries agree."""
    torch.manual_seed(hidden)
    batch, steps = effort.batches[0], effort.steps
    lstm, text = nn.LSTM(hidden, hidden, batch_first=True).eval(), torch.randn(batch, steps, hidden)
    few, many, gates = text[:, 0].contiguous(), text.flatten(0, 1), lstm.weight_hh_l0.detach()
    cache = max(cache_bytes().values(), default=LAST_CACHE)
    copies = [gates.clone() for _ in range(max(2, round(effort.copies * cache / matrix_bytes(hidden))))]
    few_out, many_out = torch.empty(batch, 4 * hidden), torch.empty(batch * steps, 4 * hidden)
    kernels = {
        BLAS: (
            copies,
            lambda matrix: torch.mm(few, matrix.t(), out=few_out),
            lambda matrix: torch.mm(many, matrix.t(), out=many_out),
        )
    }
    if has_onednn():
        few_packed, many_packed = few.to_mkldnn(), many.to_mkldnn()
        linears = [packed(copy) for copy in copies]
        kernels[ONEDNN] = (linears, lambda linear: linear(few_packed), lambda linear: linear(many_packed))
    works, macs = {}, batch * gates.numel()
    for library, (matrices, of_few, of_many) in kernels.items():

        def forward(words: Tensor, enabled: bool = ONEDNN_MODES[MODE_OF[library]]) -> Tensor:
            with onednn(enabled):
                return lstm(words)[0]

        bench.check_equal(f"one step's product, {library}", plain(of_few(matrices[-1])), few @ gates.t())
        bench.check_equal(f"all steps' product, {library}", plain(of_many(matrices[0])), many @ gates.t())
        bench.check_equal(f"the layer, {library}", forward(text), lstm(text)[0])
        works |= {
            (HOT, library): Work(each(of_few, matrices[:1] * len(matrices)), macs, len(matrices)),
            (COLD, library): Work(each(of_few, matrices), macs, len(matrices)),
            (MANY, library): Work(functools.partial(of_many, matrices[0]), steps * macs),
            (ONE_STEP, library): Work(functools.partial(forward, text[:, :1]), count_macs(lstm, text[:, :1])),
            (LAYER, library): Work(functools.partial(forward, text), count_macs(lstm, text)),
        }
    works[READ_HOT, ""] = Work(each(torch.sum, copies[:1] * len(copies)), repeats=len(copies))
    works[READ_COLD, ""] = Work(each(torch.sum, copies), repeats=len(copies))
    return works


def matrix_bytes(hidden: int) -> int:
    return 4 * hidden * hidden * torch.float32.itemsize


def plain(tensor: Tensor) -> Tensor:
    return tensor.to_dense() if tensor.is_mkldnn else tensor


@functools.cache
def measure(effort: Effort, sizes: tuple[int, ...]) -> dict[tuple[int, str, str], Timed]:
    """The times of all works of a few hidden sizes, taken in the same rounds."""
    works = {(hidden, *key): work for hidden in sizes for key, work in works_of(hidden, effort).items()}
    with torch.inference_mode():
        times = effort.compare({key: work.function for key, work in works.items()})
    return {key: Timed(times.seconds[key] / work.repeats, work.macs) for key, work in works.items()}


def sweep(effort: Effort) -> list[dict]:
    """How fast each work is at each size, in multiply-accumulates a second, beside its limit."""
    rows = []
    for sizes in effort.hidden:
        print(f"      hidden {', '.join(map(str, sizes))}", flush=True)
        times = measure(effort, sizes)
        rows += [speed_row(effort, times, *key) for key in times if key[2]]
    return sorted(rows, key=lambda row: row["hidden"])


def speed_row(effort: Effort, times: dict, hidden: int, what: str, library: str) -> dict:
    timed = times[hidden, what, library]
    middle, limit = np.median(timed.seconds), limit_seconds(effort, times, hidden, what, library)
    rates = np.quantile(timed.macs / timed.seconds / 1e9, [0.5, 0.25, 0.75])
    size = matrix_bytes(hidden)
    fits = next((f"L{level}" for level, cache in cache_bytes().items() if size <= cache), "memory")
    return {
        "hidden": hidden,
        "megabytes": bench.rounded(size / 2**20),
        "fits_in": fits,
        "what": what,
        "library": library,
        "milliseconds": bench.rounded(1e3 * middle),
        "gmacs": bench.rounded(rates[0]),
        "quartiles": [bench.rounded(rate) for rate in rates[1:]],
        "limit_milliseconds": bench.rounded(1e3 * limit[0]),
        "limited_by": limit[1],
        "of_limit": bench.rounded(limit[0] / middle),
    }


def limit_seconds(effort: Effort, times: dict, hidden: int, what: str, library: str) -> tuple[float, str]:
    """The time that the arithmetic takes at its peak, or the reading of the matrix if that is longer; and which."""
    if what in (LAYER, ONE_STEP):
        # The inputs of all steps meet their matrix at once; the states meet theirs step by step.
        steps = effort.steps if what == LAYER else 1
        inputs, _ = limit_seconds(effort, times, hidden, MANY if what == LAYER else HOT, library)
        states, by = limit_seconds(effort, times, hidden, HOT, library)
        return inputs + steps * states, by
    read = times[hidden, READ_COLD if what == COLD else READ_HOT, ""].seconds.min()
    return max((times[hidden, what, library].macs / machine(effort)[0], "arithmetic"), (read, "bytes"))

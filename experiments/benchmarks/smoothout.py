"""Benchmark of SmoothOut: what the noise costs a training step of ResNet-20, beside SAM.

    python -m experiments.benchmarks.smoothout [--quick] [--output FILE]

Two ways to ask: whole steps with each method, in turn within each round; and, in the same rounds, the two places of the
step that SmoothOut fills by themselves. Whole steps are what counts, but their spread is larger than what SmoothOut
adds, so the goals are asked of its places alone: their time over that of the plain step, and SAM's extra time over it.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from effdl_lite.measure import Comparison, cpu_has_bf16
from effdl_lite.methods.smoothout import AdaSmoothOut, SmoothOut
from effdl_lite.models import CifarResNet
from effdl_lite.training import Method, classification_loss, training_step
from experiments import benchmarks as bench
from experiments.benchmarks import tables
from experiments.sharpness_aware import SAM

PLAIN, SAM_STEP, EMA = "training step", "training step with SAM", "EMA of the weights"
METHODS = {
    "SmoothOut": lambda net: SmoothOut(net, 0.01),
    "SmoothOut, BatchNorm too": lambda net: SmoothOut(net, 0.01, exclude_batch_norm=False),
    "SmoothOut, normal noise": lambda net: SmoothOut(net, 0.01, kind="normal"),
    "AdaSmoothOut": lambda net: AdaSmoothOut(net, 0.1),
}
GOALS = {"SmoothOut": {"share_of_step": 0.01, "below_sam": 100}}  # with a batch of 128, in float32


@dataclass(frozen=True)
class Effort(bench.Effort):
    """Also the batches of the training steps."""

    training_batches: tuple[int, ...] = (128, 32)


QUICK = Effort(rounds=2, seconds_a_round=0.001, training_batches=(4,))


def overhead(effort: Effort, batch: int, bf16: bool) -> list[dict]:
    """Whole steps, plain, with each method and with SAM, and each method's places alone, all in the same rounds."""
    torch.manual_seed(0)
    images = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    data = images, torch.arange(batch) % 10
    start = CifarResNet().to(memory_format=torch.channels_last)
    steps: dict[str, Callable[[], object]] = {PLAIN: step_of(start, data, bf16)}
    alone: dict[str, Callable[[], object]] = {}
    for name, make in METHODS.items():
        net = copy.deepcopy(start)
        check_noise(name, net, make(net))
        steps[f"training step with {name}"] = step_of(net, data, bf16, make(net))
        alone[name] = partial(in_and_out, net, make(net))
    net = copy.deepcopy(start)
    steps[SAM_STEP] = step_of(net, data, bf16, SAM(net, 0.05))
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    alone[EMA] = partial(average.update_parameters, net)
    times = effort.compare(steps | alone)
    facts = {"batch": batch, "arithmetic": "bf16" if bf16 else "float32"}
    goals = GOALS if batch == 128 and not bf16 else {}
    rows = [row_of(facts, times, name, goals.get(name)) for name in alone]
    return rows + [row_of(facts, times, name) for name in steps]


def step_of(net: nn.Module, data: tuple, bf16: bool, method: Method | None = None) -> Callable[[], object]:
    """A whole training step with SGD, with a method or without."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)
    loss_of = method.looking_up(classification_loss) if isinstance(method, SAM) else classification_loss
    return partial(training_step, net, data, optimizer, loss_of, [method] if method else [], bf16=bf16)


def in_and_out(net: nn.Module, method: SmoothOut) -> None:
    """Both places that SmoothOut fills: noise in, and out again."""
    method.before_forward(net)
    method.after_backward(net)


def check_noise(name: str, net: nn.Module, method: SmoothOut) -> None:
    """Refuses to time a method that leaves weights without noise, or noise in the weights.

    Raises:
        RuntimeError: if it does.
    """
    before = [weight.detach().clone() for weight in method.weights]
    method.before_forward(net)
    moved = sum(int((weight != clean).sum()) for weight, clean in zip(method.weights, before, strict=True))
    method.after_backward(net)
    back = all(torch.equal(weight, clean) for weight, clean in zip(method.weights, before, strict=True))
    share = moved / sum(weight.count_nonzero().item() for weight in before)
    if share < 0.99 or not back:
        raise RuntimeError(f"{name} moves {share:.0%} of the weights and brings back all: {back}; do not time it")


def row_of(facts: dict, times: Comparison, name: str, goals: dict | None = None) -> dict:
    """Time of a candidate beside the plain step, and how many times less than SAM it adds; medians and quartiles.

    What a whole step adds is its time less that of the plain step of the same round.
    """
    whole = name.startswith(PLAIN)
    plain, sam = times.seconds[PLAIN], times.seconds[SAM_STEP] - times.seconds[PLAIN]
    added = times.seconds[name] - plain if whole else times.seconds[name]
    share = quartiles(added / plain)
    row = facts | {"candidate": name, "milliseconds": bench.rounded(1e3 * times.median(name)), "added": share}
    return row | {"below_sam": None if whole else quartiles(sam / added), "goals": goals}


def quartiles(ratios) -> list[float]:
    """Median, first and third quartile."""
    return [bench.rounded(value) for value in torch.tensor(ratios).quantile(torch.tensor([0.5, 0.25, 0.75]).double())]


def table(results: dict) -> str:
    """The rows for people, with the goals."""
    lines = [tables.heading(results)]
    for title, whole in (("Added to a step by the places alone", False), ("Whole steps", True)):
        rows = []
        for row in results["overhead"]:
            if row["candidate"].startswith(PLAIN) != whole:
                continue
            middle, low, high = (f"{100 * share:.2f} %" for share in row["added"])
            shown = {key: row[key] for key in ("batch", "arithmetic", "candidate", "milliseconds")}
            shown |= {"added": middle, "quartiles": f"{low}..{high}"}
            if not whole:
                shown |= {"times_below_SAM": row["below_sam"][0], "goal": reached(row)}
            rows.append(shown)
        lines += tables.fact_table(title, rows)
    return "\n".join(lines)


def reached(row: dict) -> str:
    """The goals of a row and whether they are reached."""
    if not row["goals"]:
        return ""
    share, times = row["goals"]["share_of_step"], row["goals"]["below_sam"]
    good = row["added"][0] <= share and row["below_sam"][0] >= times
    return f"≤ {100 * share:g} %, ≥ {times} x below SAM {tables.verdict(good)}"


def job(effort: Effort, bf16: bool) -> list[dict]:
    """All batches in one arithmetic; nothing where the CPU has no bf16."""
    if bf16 and not cpu_has_bf16():
        return []
    return [row for batch in effort.training_batches for row in overhead(effort, batch, bf16)]


JOBS = [
    ("overhead", "SmoothOut beside the training step, float32", partial(job, bf16=False)),
    ("overhead", "SmoothOut beside the training step, bf16", partial(job, bf16=True)),
]

if __name__ == "__main__":
    bench.run("smoothout", __doc__.splitlines()[0], JOBS, table, efforts=(Effort(), QUICK))

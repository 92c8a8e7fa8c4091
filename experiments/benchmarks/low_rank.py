"""Benchmark of low rank and Force Regularization: what fewer basis filters give in seconds, and what a force costs.

    python -m experiments.benchmarks.low_rank [--quick] [--output FILE]

Weights are random: the speed of a dense layer does not depend on them. The candidates of a comparison are measured in
turn within each round, and a speed-up is the median of the rounds' ratios. Outputs are checked before they are timed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from effdl_lite.measure import count_macs, cpu_has_bf16
from effdl_lite.methods.force_regularization import (
    FORCES,
    ForceRegularization,
    force,
    force_by_gram,
    force_by_pairs,
    force_by_sums,
)
from effdl_lite.methods.low_rank import decompose, decompose_layer, mac_ratio, ranks_by_budget, recompose
from effdl_lite.models import CifarResNet, ConvNet
from effdl_lite.training import classification_loss, training_step
from experiments import benchmarks as bench
from experiments.benchmarks import tables

DENSE, PAIRS = "dense", "pair loop"
LAYER_MODES = ("contiguous", "channels_last")  # a layer alone has no BatchNorm to fold
# The part of the MAC ratio that a decomposed layer reaches if it reads so many channels (of each conv group); the sum
# trick over the pair loop; the share of the training step that all forces take.
GOALS = {"channels": 96, "of_mac_ratio": 0.75, "sum_trick": 400, "penalty": {"share_of_step": 0.01}}


@dataclass(frozen=True)
class Layer:
    """A convolution of stride 1 that keeps the size of its maps, and the ranks that it is decomposed to."""

    name: str
    channels: int
    filters: int
    kernel: int
    size: int
    ranks: tuple[int, ...]
    groups: int = 1

    def build(self) -> nn.Conv2d:
        return nn.Conv2d(self.channels, self.filters, self.kernel, padding="same", groups=self.groups, bias=False)


# Ranks of conv3 to conv5 as in the paper's Table 4, to the next lower one that two conv groups can share.
WIDE = (
    Layer("AlexNet conv2", 96, 256, 5, 27, (32, 64), groups=2),
    Layer("AlexNet conv2, one group", 96, 256, 5, 27, (32, 64)),
    Layer("AlexNet conv3", 256, 384, 3, 13, (184, 124)),
    Layer("AlexNet conv4", 384, 384, 3, 13, (200, 106), groups=2),
    Layer("AlexNet conv5", 384, 256, 3, 13, (146, 128), groups=2),
    Layer("VGG, 256 filters", 256, 256, 3, 28, (128, 64)),
    Layer("VGG, 512 filters", 512, 512, 3, 14, (256, 128)),
)
THIN = (
    Layer("ResNet-20, 16 filters", 16, 16, 3, 32, (8, 4)),
    Layer("ResNet-20, 32 filters", 32, 32, 3, 16, (16, 8)),
    Layer("ResNet-20, 64 filters", 64, 64, 3, 8, (32, 16)),
    Layer("ConvNet, 64 filters", 32, 64, 5, 8, (32, 16)),
)


@torch.no_grad()
def layer_speed(effort: bench.Effort, layer: Layer, which: int) -> list[dict]:
    """A layer against its decompositions, each in the same memory layout."""
    torch.manual_seed(0)
    batch, rows = effort.batches[which], []
    images = torch.randn(batch, layer.channels, layer.size, layer.size)
    for rank in layer.ranks:
        dense = layer.build()
        pair = decompose_layer(dense, rank)
        dense.weight.copy_(recompose(pair))  # a layer that is of this rank, so that both compute the same
        expected, functions = dense(images), {}
        for mode in LAYER_MODES:
            for name, net in ((DENSE, dense), (f"rank {rank}", pair)):
                prepared, inputs = bench.in_mode(net, mode, images)
                bench.check_equal(f"{layer.name}, {name}, {mode}", prepared(inputs), expected)
                functions[f"{name} | {mode}"] = partial(prepared, inputs)
        with torch.inference_mode():
            times = effort.compare(functions)
        limit = mac_ratio(dense, rank)
        wide = layer.channels // layer.groups >= GOALS["channels"]
        for mode in LAYER_MODES:
            facts = {"layer": layer.name, "batch": batch, "candidate": f"rank {rank}", "over": DENSE, "mode": mode}
            goal = GOALS["of_mac_ratio"] * limit if wide and mode == "channels_last" else None
            rows.append(bench.ratio_row(facts, times, f"rank {rank} | {mode}", f"{DENSE} | {mode}", limit, goal))
    return rows


@torch.no_grad()
def network_speed(effort: bench.Effort, network: str, times_fewer: float) -> list[dict]:
    """A whole network against its decomposition to a share of its multiply-accumulates, in each mode."""
    torch.manual_seed(0)
    dense = bench.made_random({"ConvNet": ConvNet, "ResNet-20": CifarResNet}[network]())
    images = torch.randn(effort.batches[0], 3, 32, 32)
    macs = count_macs(dense, images[:1])
    ranks = ranks_by_budget(dense, int(macs / times_fewer), images[:1])
    small = decompose(dense, ranks)
    for name in ranks:
        dense.get_submodule(name).weight.copy_(recompose(small.get_submodule(name)))
    candidates, functions, expected = {DENSE: dense, "decomposed": small}, {}, dense(images)
    for name, net in candidates.items():
        for mode in bench.MODES:
            prepared, inputs = bench.in_mode(net, mode, images)
            bench.check_equal(f"{network}, {name}, {mode}", prepared(inputs), expected)
            functions[f"{name} | {mode}"] = partial(prepared, inputs)
    with torch.inference_mode():
        times = effort.compare(functions)
    limit, rows = macs / count_macs(small, images[:1]), []
    for mode in bench.MODES:
        facts = {"network": network, "batch": len(images), "candidate": "decomposed", "over": DENSE, "mode": mode}
        rows.append(bench.ratio_row(facts, times, f"decomposed | {mode}", f"{DENSE} | {mode}", limit))
    return rows


@torch.no_grad()
def forms(effort: bench.Effort, filters: int = 64, weights: int = 800) -> list[dict]:
    """The same force by the pair loop, the Gram matrix and the sum trick."""
    torch.manual_seed(0)
    matrix, rows = torch.randn(filters, weights), []
    for kind in FORCES:
        functions: dict[str, Callable[[], object]] = {
            PAIRS: partial(force_by_pairs, matrix, kind),
            "Gram matrix": partial(force_by_gram, matrix, kind),
        }
        if kind == "L2":
            functions["sum trick"] = partial(force_by_sums, matrix)
        expected = functions[PAIRS]()
        for name, function in functions.items():
            bench.check_equal(f"{kind}-norm force by the {name}", function(), expected)
        times = effort.compare(functions)
        for name in functions:
            goal = GOALS["sum_trick"] if name == "sum trick" else None
            speedup, *quartiles = (bench.rounded(value) for value in times.speedup(name, PAIRS))
            reached = "" if goal is None else f"≥ {goal} {tables.verdict(speedup >= goal)}"
            facts = {"force": kind, "filters": f"{filters} x {weights}", "form": name}
            facts |= {"milliseconds": bench.rounded(1e3 * times.median(name)), "times_faster": speedup}
            rows.append(facts | {"quartiles": quartiles, "goal": reached})
    return rows


def regularizing(effort: bench.Effort) -> list[dict]:
    """What the forces on all convolutions of the ConvNet cost a step, beside forward pass, backward pass and SGD."""
    torch.manual_seed(0)
    batch = torch.randn(effort.training_batch, 3, 32, 32), torch.arange(effort.training_batch) % 10
    net = ConvNet().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
    functions: dict[str, Callable[[], object]] = {
        "training step": partial(training_step, net, batch, optimizer, classification_loss)
    }
    if cpu_has_bf16():
        functions["training step, bf16"] = partial(functions["training step"], bf16=True)
    functions["training step"]()  # forces add to gradients that are there
    for kind in FORCES:
        method = ForceRegularization(net.convs, 1e-6, kind)
        check_regularizer(net, method)
        functions[f"{kind}-norm force"] = partial(method.regularize, net)
    times = effort.compare(functions)
    facts = {"network": "ConvNet", "batch": effort.training_batch}
    return [
        bench.penalty_row(facts | {"candidate": name}, times, name, GOALS["penalty"] if "force" in name else None)
        for name in functions
    ]


@torch.no_grad()
def check_regularizer(net: nn.Module, method: ForceRegularization) -> None:
    """What is timed does subtract the force from each gradient."""
    for conv, strength in zip(method.layers, method.strengths, strict=True):
        conv.weight.grad.zero_()
        method.regularize(net)
        expected = -strength * force(conv.weight.flatten(1), method.kind)
        bench.check_equal(f"the {method.kind}-norm force", conv.weight.grad.flatten(1), expected)


def table(results: dict) -> str:
    """The rows for people: each part as an aligned table, speed-ups beside their limit, the MAC ratio."""
    lines = [tables.heading(results)]
    lines += tables.ratio_table("Wide layers: basis and combination against one layer", results["wide"])
    lines += tables.ratio_table("Thin layers", results["thin"])
    lines += tables.ratio_table("Whole networks with half of the multiply-accumulates", results["networks"])
    lines += tables.fact_table("One force, three forms", results["forms"])
    lines += tables.penalty_table("Cost of the forces on all convolutions", results["regularizing"])
    return "\n".join(lines)


JOBS = [
    *(("wide", layer.name, partial(layer_speed, layer=layer, which=1)) for layer in WIDE),
    *(("thin", layer.name, partial(layer_speed, layer=layer, which=0)) for layer in THIN),
    *(
        ("networks", f"{network} decomposed", partial(network_speed, network=network, times_fewer=2))
        for network in ("ConvNet", "ResNet-20")
    ),
    ("forms", "one force, three forms", forms),
    ("regularizing", "forces beside the training step", regularizing),
]

if __name__ == "__main__":
    bench.run("low_rank", __doc__.splitlines()[0], JOBS, table)

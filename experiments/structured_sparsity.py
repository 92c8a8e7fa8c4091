"""Structured sparsity on CIFAR-10: what the penalties cost and save, each beside its controls.

    python -m experiments.structured_sparsity --profile reference [--only convnet | --only resnet]

A trial starts from a trained network (of one seed the same for all cases), trains it with a penalty, sets the weakest
groups that are left to zero until a cost is reached, fine-tunes with the zeros frozen, and reads the test images once,
at the end. The control "trained on" takes the same number of updates without any of it. Strengths were chosen with
validation images of seed 0.
"""

import functools
import json
import sys
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from effdl_lite import profiles
from effdl_lite.data import load_cifar10
from effdl_lite.measure import count_macs, cpu_has_bf16
from effdl_lite.methods.compaction import dead_channels
from effdl_lite.methods.lowering import lowered_macs
from effdl_lite.methods.structured_sparsity import FrozenZeros, StructuredSparsity, trim
from effdl_lite.methods.structured_sparsity.groups import parameters_of
from effdl_lite.models import CifarResNet, ConvNet
from effdl_lite.pipeline import trim_to_budget
from effdl_lite.recipes import image_batches, train_image_classifier
from effdl_lite.training import Method, accuracy
from experiments import runner

CHANNEL_STRENGTH = 1e-2
LAYER_STRENGTH = 4e-3
LAYER_STRENGTHS = (1.6e-2, 2e-2, 2.3e-2)
IMAGE = torch.zeros(1, 3, 32, 32)
PARTS = {
    "convolutions": lambda net: [m for m in net.modules() if isinstance(m, nn.Conv2d)],
    "norms": lambda net: [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)],
    "block convolutions": lambda net: [conv for block in net.blocks for conv in (block.conv1, block.conv2)],
    "block norms": lambda net: [block.norm2 for block in net.blocks],
}


def weight_macs(net: nn.Module) -> int:
    """Multiply-accumulates that are left if every single zero weight could be skipped."""
    positions = {name: gemm.positions for name, gemm in lowered_macs(net, IMAGE).items()}
    return sum(int(net.get_submodule(name).weight.count_nonzero()) * count for name, count in positions.items())


# How the multiply-accumulates that are left are counted: as matrix products without zero rows and columns, as the
# smaller network that compaction makes, or weight by weight.
COSTS = {
    "matrix": lambda net: sum(gemm.macs for gemm in lowered_macs(net, IMAGE).values()),
    "compact": lambda net: sum(layer.macs_kept for layer in dead_channels(net, IMAGE).values()),
    "weights": weight_macs,
}


def build(case: dict) -> nn.Module:
    return {"ConvNet": ConvNet, "ResNet-20": CifarResNet}[case["network"]]()


def train(net: nn.Module, case: dict, phase: str, seed: int, methods: Sequence[Method] = ()) -> None:
    """One phase of a case, "start", "penalty" or "fine_tune": each has its own epochs, rate and order of images."""
    epochs, learning_rate = case[phase]
    if epochs:
        train_image_classifier(
            net,
            load_cifar10(train_images=case["train_images"]),
            epochs,
            learning_rate=learning_rate,
            weight_decay=case["weight_decay"],
            seed=seed + {"start": 0, "penalty": 100, "fine_tune": 200}[phase],
            bf16=case["bf16"],
            methods=methods,
            progress=sys.stderr.isatty(),
        )


@functools.lru_cache(maxsize=2)
def started(shared: str, seed: int) -> dict[str, Tensor]:
    """The weights after the first phase; all cases of a seed that begin alike share them."""
    case = json.loads(shared)
    torch.manual_seed(seed)
    net = build(case)
    train(net, case, "start", seed)
    return net.state_dict()


@functools.lru_cache(maxsize=8)
def run_case(case_text: str, seed: int) -> tuple[nn.Module, dict]:
    """All phases of a case; the network and its row, accuracies in percent and `macs` as shares of the dense ones.

    Kept for the cases that take their structure from this one; the case is text because a cache needs it so.
    """
    case = json.loads(case_text)
    batches = image_batches(load_cifar10(train_images=case["train_images"]))
    count = COSTS[case["cost"]]
    shared = {key: case[key] for key in ("network", "train_images", "weight_decay", "bf16", "start")}
    net = build(case)
    net.load_state_dict(started(json.dumps(shared), seed))
    dense = count_macs(net, IMAGE)
    methods, row = [], {}
    if "structure_of" in case:  # the zeros that another case found, in a network that has not been trained
        found = run_case(json.dumps(case["structure_of"]), seed)[0].state_dict()
        with torch.no_grad():
            for name, weight in net.named_parameters():
                weight.mul_(found[name] != 0)
        methods += frozen(net)
    if "strengths" in case:
        layers = PARTS[case["on"]](net)
        methods.append(StructuredSparsity(layers, case["strengths"], **case["options"]))
    train(net, case, "penalty", seed, methods)
    row |= {"after_penalty": 100 * accuracy(net, batches["validation"]), "macs_after_penalty": count(net) / dense}
    if "times_fewer" in case:
        trim_to(net, PARTS[case["on"]](net), case["trim"], count, dense / case["times_fewer"])
    row["trimmed"] = 100 * accuracy(net, batches["validation"])
    train(net, case, "fine_tune", seed, frozen(net))
    row |= {"validation": 100 * accuracy(net, batches["validation"]), "test": 100 * accuracy(net, batches["test"])}
    row |= {"macs": count(net) / dense, "layers": layers_left(net, case["cost"])}
    return net, row | ({"block_convolutions": block_convolutions(row["layers"])} if hasattr(net, "blocks") else {})


def frozen(net: nn.Module) -> list[Method]:
    """Keeps all zeros of the convolutions, and channels whose scale and shift are both zero (a new shift is zero)."""
    return [FrozenZeros(PARTS["convolutions"](net)), FrozenZeros(PARTS["norms"](net), ["filter"])]


def layers_left(net: nn.Module, cost: str) -> dict[str, list[int]]:
    """Rows and columns (of a smaller network: filters and channels) that are left of each layer, 0 and 0 if it goes."""
    if cost == "compact":
        return {name: [layer.filters_kept, layer.inputs_kept] for name, layer in dead_channels(net, IMAGE).items()}
    return {name: [gemm.rows, gemm.columns] for name, gemm in lowered_macs(net, IMAGE).items()}


def block_convolutions(layers: dict[str, list[int]]) -> dict[str, int]:
    """How many of ResNet-20's 18 convolutions inside blocks are left, in all and in each stage of three blocks."""
    left = {"all": 0, "stage 1": 0, "stage 2": 0, "stage 3": 0}
    for name, (filters, _) in layers.items():
        if ".conv" in name and filters:
            left["all"] += 1
            left[f"stage {int(name.split('.')[1]) // 3 + 1}"] += 1
    return left


def trim_to(net: nn.Module, layers: list[nn.Module], kind: str, count: Callable, limit: float) -> None:
    """Sets the weakest groups to zero, by bisection over their share, until the cost is at most `limit`."""
    weights = [weight for layer in layers for weight in parameters_of(layer)]
    trim_to_budget(weights, lambda share: trim(layers, kind, share), lambda: count(net), limit)


def trial(case: dict, seed: int) -> dict:
    """One case with one seed; a case that names a file of weights leaves those of seed 0 there."""
    net, row = run_case(json.dumps({key: case[key] for key in case if key != "weights"}), seed)
    if seed == 0 and "weights" in case and profiles.current() == "reference":
        runner.save_weights(case["weights"], net)
    return dict(row)


def convnet_cases(common: dict) -> dict[str, dict]:
    """Columns (shapes), filters by their weights, channels by their BatchNorm, single weights, and their controls."""
    # full: as many updates in a phase as the authors' files have, 300, 200 and 150 thousand with 100 images each
    start, penalty, fine_tune = profiles.choose(
        quick=(1, 1, 1), laptop=(5, 2, 3), reference=(10, 4, 4), full=(625, 417, 313)
    )
    common = common | {
        "network": "ConvNet",
        "weight_decay": 2e-3,
        "start": [start, 0.2],
        "penalty": [penalty, 0.1],
        "fine_tune": [fine_tune, 0.1],
    }
    proximal = {"step": "proximal", "keep_norm": True, "absorbing": True}
    columns = common | {"cost": "matrix", "on": "convolutions", "trim": "shape"}
    channels = common | {"cost": "compact", "on": "norms", "trim": "filter"}
    filters = common | {"cost": "compact", "on": "convolutions"}

    def column_case(strength: float, times_fewer: float) -> dict:
        return columns | {"times_fewer": times_fewer, "strengths": {"shape": strength}, "options": proximal}

    def channel_case(strength: float, times_fewer: float) -> dict:
        return channels | {"times_fewer": times_fewer, "strengths": {"filter": strength}, "options": proximal}

    three, narrow = column_case(5e-4, 3), channel_case(CHANNEL_STRENGTH, 2)
    scratch = {"start": [0, 0.0], "penalty": [start + penalty, 0.2]}
    return {
        "trained on": common | {"cost": "matrix", "weights": "convnet_dense"},
        **{f"columns, no penalty, {n}x": columns | {"times_fewer": n} for n in (2.1, 3, 4.5)},
        "columns 2e-4, 2.1x": column_case(2e-4, 2.1),
        "columns 5e-4, 2.1x": column_case(5e-4, 2.1),
        "columns 5e-4, 3x": three | {"weights": "convnet_columns"},
        "columns 1e-3, 4.5x": column_case(1e-3, 4.5),
        "columns 2e-3, 4.5x": column_case(2e-3, 4.5),
        "columns 1e-3, the authors' step": columns | {"strengths": {"shape": 1e-3}, "options": {"keep_norm": True}},
        "columns 5e-4, 3x, from scratch": three | scratch,
        "structure of columns 5e-4, 3x, from scratch": columns | scratch | {"structure_of": three},
        "single weights, 3x": common
        | {"cost": "weights", "on": "convolutions", "trim": "weight", "times_fewer": 3}
        | {"strengths": {"weight": 5e-5}, "options": proximal},
        **{
            f"filters {strength:g}": filters
            | {"strengths": {"filter": strength}, "options": proximal | {"keep_norm": False}}
            for strength in (1e-3, 4e-3)
        },
        "channels, no penalty, 2x": channels | {"times_fewer": 2},
        "channels, 1.5x": channel_case(CHANNEL_STRENGTH, 1.5),
        "channels, 2x": narrow | {"weights": "convnet_channels"},
        "channels, 3x": channel_case(CHANNEL_STRENGTH, 3),
        "structure of channels, 2x, from scratch": channels | scratch | {"structure_of": narrow},
    }


def resnet_cases(common: dict) -> dict[str, dict]:
    """Whole layers of ResNet-20, by the last BatchNorm of each block or, as the authors, by each convolution."""
    # full: 64, 64 and 96 thousand updates with 256 images each
    start, penalty, fine_tune = profiles.choose(
        quick=(1, 1, 1), laptop=(3, 1, 3), reference=(6, 2, 4), full=(341, 341, 512)
    )
    common = common | {
        "network": "ResNet-20",
        "weight_decay": 1e-3,
        "cost": "compact",
        "start": [start, 0.2],
        "penalty": [penalty, 0.1],
        "fine_tune": [fine_tune, 0.1],
    }

    def layer_case(strength: float) -> dict:
        options = {"step": "proximal", "absorbing": True}
        return common | {"on": "block norms", "strengths": {"layer": strength}, "options": options}

    def trimmed_case(strength: float, times_fewer: float) -> dict:
        trimmed = common | {"on": "block norms", "trim": "layer", "times_fewer": times_fewer}
        return trimmed | ({key: layer_case(strength)[key] for key in ("strengths", "options")} if strength else {})

    low, middle, high = LAYER_STRENGTHS
    return {
        "trained on": common,
        **{f"layers, no penalty, {n}x": trimmed_case(0, n) for n in (1.3, 1.85)},
        **{f"layers {LAYER_STRENGTH:g}, {n}x": trimmed_case(LAYER_STRENGTH, n) for n in (1.3, 1.85)},
        f"layers {low:g}": layer_case(low),
        f"layers {middle:g}": layer_case(middle) | {"weights": "resnet_layers"},
        f"layers {high:g}": layer_case(high),
        "layers 7e-3, the authors' step": common
        | {"on": "block convolutions", "strengths": {"layer": 7e-3}, "options": {"weigh_by_size": False}},
        "structure from scratch": common
        | {"start": [0, 0.0], "penalty": [start + penalty, 0.2], "structure_of": layer_case(middle)},
    }


def main() -> None:
    options = runner.arguments(__doc__.splitlines()[0], only=("convnet", "resnet"))
    images = profiles.choose(quick=4_000, laptop=18_000, reference=18_000, full=None)  # None: all that there are
    seeds = profiles.choose(quick=[0], laptop=[0], reference=[0, 1, 2])
    common = {"train_images": images, "bf16": cpu_has_bf16()}
    for name, cases in (("convnet", convnet_cases), ("resnet", resnet_cases)):
        if options.only in (None, name):
            runner.run(f"structured_sparsity_{name}", cases(common), seeds, trial, [load_cifar10().source])


if __name__ == "__main__":
    runner.start(main)

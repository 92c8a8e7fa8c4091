"""Low-rank decomposition on CIFAR-10, of networks trained with and without forces between their filters.

    python -m experiments.low_rank --profile reference [--only convnet | --only resnet]

A trial makes a whole network (trained, then trained on with a force; or with the force from the first step on), which
of one seed is the same for all cases that ask for it. Most cases then decompose it and fine-tune what comes out. The
question is whether a force helps, so every decomposed network has a control without force: at the same energy, at the
same ranks (those that the force led to), or at the same multiply-accumulates, fine-tuned as long and on the same
images. The test images are read once in each trial, at its end.

Strengths come from short trials, judged by validation images of seed 0. On ResNet-20 3e-4 cost more than two points, so
its sweep lies around that; the strengths of the L1 force, and of ResNet-20 from scratch, were set without a trial.
"""

import functools
import json
import sys
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from effdl_lite import profiles
from effdl_lite.data import load_cifar10
from effdl_lite.measure import count_macs, cpu_has_bf16
from effdl_lite.methods.force_regularization import ForceRegularization
from effdl_lite.methods.low_rank import cheaper_only, decompose, ranks_by_budget, ranks_by_energy
from effdl_lite.methods.structured_sparsity import FrozenZeros, StructuredSparsity
from effdl_lite.models import CifarResNet, ConvNet
from effdl_lite.recipes import image_batches, sgd, train_image_classifier
from effdl_lite.training import Method, accuracy, classification_loss, training_step
from experiments import runner
from experiments.structured_sparsity import COSTS, PARTS, trim_to

IMAGE = torch.zeros(1, 3, 32, 32)
ENERGY = 0.95
CONVNET_STRENGTHS = (1e-4, 2e-4, 3e-4, 4e-4, 8e-4)
CONVNET_STRENGTH, CONVNET_L1_STRENGTH, CONVNET_SCRATCH_STRENGTH = 3e-4, 2e-4, 1e-4
RESNET_STRENGTHS = (1e-4, 2e-4, 4e-4)
RESNET_STRENGTH, RESNET_SCRATCH_STRENGTH = 2e-4, 1e-4
NETWORKS = {"ConvNet": ConvNet, "ResNet-20": CifarResNet}
# The first convolution has few weights and is low rank by itself.
FORCED = {
    "ConvNet": ["convs.1", "convs.2"],
    "ResNet-20": [f"blocks.{block}.conv{number}" for block in range(9) for number in (1, 2)],
}
Whole = tuple[str, dict]  # name and setting of a whole network
PHASES = {"start": 0, "force": 100, "sparsity": 200, "fine_tune": 300}


def train(
    net: nn.Module, whole: dict, phase: str, epochs: int, rate: float, seed: int, methods: Sequence[Method] = ()
) -> None:
    """One phase of a trial; each has its own order of images."""
    if epochs:
        train_image_classifier(
            net,
            load_cifar10(train_images=whole["train_images"]),
            epochs,
            learning_rate=rate,
            weight_decay=whole["weight_decay"],
            seed=seed + PHASES[phase],
            bf16=whole["bf16"],
            methods=methods,
            progress=sys.stderr.isatty(),
        )


@functools.lru_cache(maxsize=2)
def started(text: str, seed: int) -> dict[str, Tensor]:
    """The weights after the first phase."""
    whole = json.loads(text)
    torch.manual_seed(seed)
    net = NETWORKS[whole["network"]]()
    train(net, whole, "start", *whole["start"], seed)
    return net.state_dict()


@functools.lru_cache(maxsize=32)
def coordinated(text: str, seed: int) -> dict[str, Tensor]:
    """The weights after the phase with the force; the setting is text because a cache needs it so."""
    whole = json.loads(text)
    net, force = NETWORKS[whole["network"]](), whole["force"]
    net.load_state_dict(started(json.dumps({key: whole[key] for key in whole if key != "force"}), seed))
    layers = [net.get_submodule(name) for name in FORCED[whole["network"]]]
    methods = [ForceRegularization(layers, force["strength"], force["kind"])] if force["strength"] else []
    train(net, whole, "force", force["epochs"], force["learning_rate"], seed, methods)
    return net.state_dict()


def whole_network(whole: dict, seed: int) -> nn.Module:
    net = NETWORKS[whole["network"]]()
    net.load_state_dict(coordinated(json.dumps(whole), seed))
    return net


def ranks_of(case: dict, net: nn.Module, seed: int) -> dict[str, int]:
    """The ranks to decompose `net` to: those of a budget, or of the energy in this or, as a control, another network.

    Layers that would cost more than before are left whole.
    """
    how = case["ranks"]
    if "times_fewer" in how:
        return ranks_by_budget(net, int(count_macs(net, IMAGE) / how["times_fewer"]), IMAGE)
    measured = whole_network(case["whole"] | {"force": how["force"]}, seed) if "force" in how else net
    return cheaper_only(measured, ranks_by_energy(measured, how["energy"]))


def trial(case: dict, seed: int) -> dict:
    """One case with one seed: accuracies in percent, `macs` as the share of the whole network's.

    `ranks_at_95` are those of the whole network, `summed_rank` their sum over the layers that a force acts on, and
    `decomposed` is the accuracy on validation images before fine-tuning. A case that names a file of weights leaves
    those of seed 0 there.
    """
    whole = case["whole"]
    batches = image_batches(load_cifar10(train_images=whole["train_images"]))
    net = whole_network(whole, seed)
    dense = count_macs(net, IMAGE)
    at_95 = ranks_by_energy(net, ENERGY)
    row = {"ranks_at_95": at_95, "summed_rank": sum(at_95[name] for name in FORCED[whole["network"]])}
    if "ranks" in case:
        row["ranks"] = ranks_of(case, net, seed)
        net = decompose(net, row["ranks"], case["basis"])
        row["decomposed"] = 100 * accuracy(net, batches["validation"])
    frozen = []
    if "sparsity" in case:
        make_sparse(net, case, seed, dense)
        frozen = [FrozenZeros(PARTS["convolutions"](net))]
    if "fine_tune" in case:
        train(net, whole, "fine_tune", *case["fine_tune"], seed, frozen)
    if seed == 0 and "weights" in case and profiles.current() == "reference":
        runner.save_weights(case["weights"], net)
    row |= {"validation": 100 * accuracy(net, batches["validation"]), "test": 100 * accuracy(net, batches["test"])}
    return row | {"macs": COSTS["matrix"](net) / dense}


def make_sparse(net: nn.Module, case: dict, seed: int, dense: int) -> None:
    """Columns of the convolutions, of both factors where one was decomposed, go until a cost is reached."""
    how, layers = case["sparsity"], PARTS["convolutions"](net)
    method = StructuredSparsity(layers, {"shape": how["strength"]}, step="proximal", keep_norm=True, absorbing=True)
    train(net, case["whole"], "sparsity", how["epochs"], how["learning_rate"], seed, [method])
    trim_to(net, layers, "shape", COSTS["matrix"], dense / how["times_fewer"])


class Cases:
    """The cases of one network: whole networks with their force, and what is made of them.

    Args:
        common: the setting of all whole networks: network, images, decay.
        start, epochs: of the training before the force, and with it.
        scratch: epochs of a training with the force from its first step on.
        rates: learning rates: of the start and from scratch, with the force, of short and of long fine-tuning.
        fine_tune: epochs of short and of long fine-tuning.
    """

    def __init__(self, common: dict, start: int, epochs: int, scratch: int, rates: Sequence[float], fine_tune: dict):
        first, self.rate, *tuning = rates
        self.common = common | {"start": [start, first]}
        self.epochs, self.scratch_epochs, self.first_rate = epochs, scratch, first
        self.fine_tune = {name: [fine_tune[name], rate] for name, rate in zip(("short", "long"), tuning, strict=True)}
        self.cases: dict[str, dict] = {}

    def whole(self, strength: float, kind: str = "L2", scratch: bool = False) -> Whole:
        """Name and setting of a whole network, which becomes a case of its own."""
        number = f"{abs(strength):.0e}".replace("e-0", "e-")
        kind_of_force = "repulsion" if strength < 0 else "force" if kind == "L2" else "L1 force"
        name = f"{kind_of_force} {number}" if strength else "no force"
        force = {"strength": strength, "kind": kind, "epochs": self.epochs, "learning_rate": self.rate}
        whole = self.common
        if scratch:
            name = f"from scratch, {name}"
            force |= {"epochs": self.scratch_epochs, "learning_rate": self.first_rate}
            whole = whole | {"start": [0, 0.0]}
        self.cases[name] = {"whole": whole | {"force": force}}
        return name, whole | {"force": force}

    def decomposed(self, of: Whole, how: str, ranks: dict, lengths: Sequence[str], basis: str = "pca") -> None:
        """A decomposition of the whole network `of`, fine-tuned for each of these lengths."""
        for length in lengths:
            suffix = "" if basis == "pca" else f", {basis}"
            case = {"whole": of[1], "ranks": ranks, "basis": basis, "fine_tune": self.fine_tune[length]}
            self.cases[f"{of[0]}, {how}{suffix}, {length}"] = case

    def compared(self, forced: Whole, plain: Whole, lengths: Sequence[str]) -> None:
        """A network with force at the ranks of its energy, and its control: one without force at the same ranks."""
        self.decomposed(forced, "95 %", {"energy": ENERGY}, lengths)
        ranks = {"energy": ENERGY, "force": forced[1]["force"]}
        self.decomposed(plain, f"ranks of {forced[0].removeprefix('from scratch, ')}", ranks, lengths)


def convnet_cases(images: int | None) -> dict[str, dict]:
    """The sweep of strengths; equal energy, ranks and cost; both starts; other bases; structured sparsity besides."""
    # full: as many updates as the authors' files have, with 100 images each: 240 thousand, and 80 to fine-tune
    start, epochs, scratch, short, long = profiles.choose(
        quick=(1, 1, 1, 1, 1), laptop=(5, 3, 8, 1, 3), reference=(10, 5, 15, 2, 6), full=(500, 500, 1000, 42, 167)
    )
    common = {"network": "ConvNet", "train_images": images, "weight_decay": 2e-3, "bf16": cpu_has_bf16()}
    rates = (0.2, 0.05, 0.02, 0.05)
    cases = Cases(common, start, epochs, scratch, rates, {"short": short, "long": long})
    both = ("short", "long")
    plain = cases.whole(0.0)
    cases.decomposed(plain, "95 %", {"energy": ENERGY}, both)
    forced = {strength: cases.whole(strength) for strength in CONVNET_STRENGTHS}
    middle = forced[CONVNET_STRENGTH]
    for (name, _), file in ((plain, "convnet_no_force"), (middle, "convnet_force")):
        cases.cases[name]["weights"] = file
    for strength, of in forced.items():
        cases.compared(of, plain, both if strength == CONVNET_STRENGTH else ("short",))
    for of in (cases.whole(CONVNET_L1_STRENGTH, "L1"), cases.whole(-CONVNET_STRENGTH)):
        cases.decomposed(of, "95 %", {"energy": ENERGY}, ("short",))
    for of in (plain, middle):
        cases.decomposed(of, "2x", {"times_fewer": 2}, both)
    for basis in ("svd", "kmeans"):
        cases.decomposed(plain, "2x", {"times_fewer": 2}, ("short",), basis)
    from_scratch = [cases.whole(strength, scratch=True) for strength in (0.0, CONVNET_SCRATCH_STRENGTH)]
    cases.decomposed(from_scratch[0], "95 %", {"energy": ENERGY}, both)
    cases.compared(from_scratch[1], from_scratch[0], both)
    return cases.cases | sparse_cases(plain, middle, long)


def sparse_cases(plain: Whole, forced: Whole, epochs: int) -> dict[str, dict]:
    """A third of the multiply-accumulates, by columns, by rank, and by both, each with as many epochs."""
    half = max(1, epochs // 2)
    sparsity = {"strength": 5e-4, "epochs": half, "learning_rate": 0.1, "times_fewer": 3}
    columns = {"sparsity": sparsity, "fine_tune": [max(1, epochs - half), 0.1]}
    cases = {"no force, columns, 3x": {"whole": plain[1]} | columns}
    for name, whole in (plain, forced):
        case = {"whole": whole, "basis": "pca"}
        cases[f"{name}, rank, 3x"] = case | {"ranks": {"times_fewer": 3}, "fine_tune": [epochs, 0.1]}
        cases[f"{name}, rank and columns, 3x"] = case | {"ranks": {"energy": ENERGY}} | columns
    return cases


def resnet_cases(images: int | None) -> dict[str, dict]:
    """The comparison at equal ranks, with both starts; the 18 convolutions inside blocks have the force."""
    # full: 64 thousand updates with 128 images each in every phase, as the authors' files have
    start, epochs, scratch, short, long = profiles.choose(
        quick=(1, 1, 1, 1, 1), laptop=(3, 1, 4, 1, 1), reference=(6, 3, 7, 1, 4), full=(171, 171, 171, 17, 171)
    )
    common = {"network": "ResNet-20", "train_images": images, "weight_decay": 1e-3, "bf16": cpu_has_bf16()}
    cases = Cases(common, start, epochs, scratch, (0.2, 0.05, 0.02, 0.05), {"short": short, "long": long})
    both = ("short", "long")
    plain = cases.whole(0.0)
    cases.decomposed(plain, "95 %", {"energy": ENERGY}, both)
    for strength in RESNET_STRENGTHS:
        of = cases.whole(strength)
        if strength == RESNET_STRENGTH:
            cases.compared(of, plain, both)
        else:
            cases.decomposed(of, "95 %", {"energy": ENERGY}, ("short",))
    from_scratch = [cases.whole(strength, scratch=True) for strength in (0.0, RESNET_SCRATCH_STRENGTH)]
    cases.compared(from_scratch[1], from_scratch[0], both)
    return cases.cases


def epochs_of(cases: dict[str, dict]) -> int:
    """Epochs of training that one seed takes; what several cases share is trained once."""
    shared = {}
    for case in cases.values():
        whole = case["whole"]
        start = {key: whole[key] for key in whole if key != "force"}
        shared |= {json.dumps(start): whole["start"][0], json.dumps(whole): whole["force"]["epochs"]}
    own = (case.get("fine_tune", [0])[0] + case.get("sparsity", {"epochs": 0})["epochs"] for case in cases.values())
    return sum(shared.values()) + sum(own)


def core_seconds_an_epoch(cases: dict[str, dict]) -> float:
    """An epoch of the whole network, from a few steps with random images; as CPU time, so that it bears company."""
    whole = next(iter(cases.values()))["whole"]
    net = NETWORKS[whole["network"]]().to(memory_format=torch.channels_last).train()
    batch = torch.randn(128, 3, 32, 32), torch.arange(128) % 10
    optimizer, seconds = sgd(net, 0.01, 0.0), []
    for _ in range(4):
        begin = time.process_time()
        training_step(net, batch, optimizer, classification_loss, bf16=whole["bf16"])
        seconds.append(time.process_time() - begin)
    images = whole["train_images"] or len(load_cifar10().train_labels)
    return min(seconds) * images / 128


def main() -> None:
    options = runner.arguments(__doc__.splitlines()[0], only=("convnet", "resnet"))
    images = profiles.choose(quick=4_000, laptop=18_000, reference=18_000, full=None)  # None: all that there are
    seeds = profiles.choose(quick=[0], laptop=[0], reference=[0, 1, 2])
    for name, cases_of in (("convnet", convnet_cases), ("resnet", resnet_cases)):
        if options.only in (None, name):
            cases = cases_of(images)
            epochs = epochs_of(cases)
            minutes = len(seeds) * epochs * core_seconds_an_epoch(cases) / 60
            print(f"{name}: {epochs} epochs a seed, {len(seeds)} seeds, about {minutes:.0f} core-minutes of training")
            runner.run(f"low_rank_{name}", cases, seeds, trial, [load_cifar10().source])


if __name__ == "__main__":
    runner.start(main)

"""Benchmark of Structured Sparsity Learning: what zero groups give in seconds, and what regularizing costs.

    python -m experiments.benchmarks.structured_sparsity [--quick] [--output FILE]

Weights are random: the speed of a dense layer does not depend on them. The candidates of a comparison are measured in
turn within each round, and a speed-up is the median of the rounds' ratios. Outputs are checked before they are timed.
"""

import copy
import math
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from effdl_lite.measure import count_macs, cpu_has_bf16
from effdl_lite.methods.compaction import compact
from effdl_lite.methods.lowering import LoweredConv2d
from effdl_lite.methods.structured_sparsity import StructuredSparsity
from effdl_lite.models import CifarResNet, ConvNet
from experiments import benchmarks as bench
from experiments.benchmarks import tables

DENSE, OURS, PEER, MASKS = "dense", "compact (ours)", "torch-pruning", "masks of nn.utils.prune"
PRODUCT, PRODUCT_CUT, CSR = "product", "product without zero columns", "CSR, as many zeros scattered"
LOWERED, LOWERED_CUT = "lowered convolution", "lowered without zero columns"
DIRECT, DIRECT_LAST = "direct convolution", "direct, channels_last"
SHARES = (0.6, 0.3, 0.3)  # of the columns of the ConvNet's convolutions that are kept
CUT, ROUNDED = "compact, 22-22-45", "compact, 24-24-48"
# Speed-up of ResNet-20 at half the width, folded, batch 64; ours over torch-pruning's network of the same shapes; the
# part of the MAC ratio that a product reaches; the penalty's share of the step; how many times cheaper than the loop.
GOALS = {"deployment": 3.5, "peer": 0.9, "product": 0.75, "penalty": {"share_of_step": 0.01, "cheaper_than_loop": 15}}


def kill(norm: nn.BatchNorm2d, kept: int) -> None:
    """Makes all channels after the first `kept` zero: nothing comes out of them."""
    norm.weight.data[kept:] = 0
    norm.bias.data[kept:] = 0


def halved_resnet(depth: int = 20) -> nn.Module:
    """ResNet with half of the channels dead, inside of the blocks and along the trunk that the shortcuts make."""
    net = bench.made_random(CifarResNet(depth))
    for norm in (module for module in net.modules() if isinstance(module, nn.BatchNorm2d)):
        kill(norm, norm.num_features // 2)
    for block in net.blocks:
        if isinstance(block.shortcut, nn.Conv2d):
            block.shortcut.weight.data[block.shortcut.out_channels // 2 :] = 0
    return net


@torch.enable_grad()
def torch_pruning_halved(net: nn.Module, images: Tensor) -> nn.Module | None:
    """The network that torch-pruning makes of `net` when asked for half of all channels; None if not installed."""
    try:
        import torch_pruning
    except ImportError:
        return None
    net = copy.deepcopy(net)
    options = {"importance": torch_pruning.importance.GroupMagnitudeImportance(), "ignored_layers": [net.fc]}
    torch_pruning.pruner.BasePruner(net, images[:1], pruning_ratio=0.5, **options).step()
    return net


@torch.no_grad()
def masked(net: nn.Module) -> nn.Module:
    """Half of the filters of each convolution masked: zeros that are multiplied with like any other number."""
    net = copy.deepcopy(net)
    for conv in bench.convolutions(net):
        prune.ln_structured(conv, "weight", amount=0.5, n=2, dim=0)
    return net


def resnet_candidates(images: Tensor) -> dict[str, nn.Module | None]:
    dense = halved_resnet()
    return {DENSE: dense, OURS: compact(dense, images), PEER: torch_pruning_halved(dense, images), MASKS: masked(dense)}


def convnet_candidates(images: Tensor) -> dict[str, nn.Module]:
    dense = bench.made_random(ConvNet())
    for norm, kept in zip(dense.norms, (22, 22, 45), strict=True):
        kill(norm, kept)
    return {DENSE: dense, CUT: compact(dense, images), ROUNDED: compact(dense, images, round_to=8)}


@torch.no_grad()
def deployment(effort: bench.Effort, network: str, which: int) -> list[dict]:
    """Each candidate against dense in the same mode, best mode against best mode, and the two small ones."""
    batch = effort.batches[which]
    torch.manual_seed(0)
    images = torch.randn(batch, 3, 32, 32)
    candidates = {"ResNet-20": resnet_candidates, "ConvNet": convnet_candidates}[network](images)
    nets = {name: net for name, net in candidates.items() if net is not None}
    macs = {name: count_macs(net, images[:1]) for name, net in nets.items()}
    functions = {}
    for name, net in nets.items():
        same = DENSE if name in (OURS, CUT, ROUNDED) else name  # the others cut what is not zero
        expected = nets[same](images)
        for mode in bench.MODES:
            prepared, inputs = bench.in_mode(net, mode, images)
            bench.check_equal(f"{network}, {name}, {mode}", prepared(inputs), expected)
            functions[f"{name} | {mode}"] = lambda net=prepared, inputs=inputs: net(inputs)
    with torch.inference_mode():
        times = effort.compare(functions)

    def row(name: str, mode: str, over: str, over_mode: str, goal: float | None = None, best: str = "") -> dict:
        facts = {"network": network, "batch": batch, "candidate": name, "mode": mode, "over": over + best}
        facts["over_mode"] = over_mode
        if not {name, over} <= nets.keys():
            return facts | {"note": "not installed"}
        goal = goal if network == "ResNet-20" and batch == 64 and mode == "folded" else None
        return bench.ratio_row(facts, times, f"{name} | {mode}", f"{over} | {over_mode}", macs[over] / macs[name], goal)

    small, other = (OURS, PEER) if network == "ResNet-20" else (ROUNDED, CUT)
    rows = [row(DENSE, mode, DENSE, bench.MODES[0]) for mode in bench.MODES]
    for name in list(candidates)[1:]:
        goal = GOALS["deployment"] if name == OURS else None
        rows += [row(name, mode, DENSE, mode, goal) for mode in bench.MODES]
    rows += [row(small, mode, other, mode, GOALS["peer"]) for mode in bench.MODES]
    best = {name: min(bench.MODES, key=lambda mode, name=name: times.median(f"{name} | {mode}")) for name in nets}
    return rows + [row(n, best.get(n, "-"), DENSE, best[DENSE], best=" at its best") for n in (other, small)]


def loop_penalty(convs: Iterable[nn.Conv2d], strength: float) -> Tensor:
    """The same penalty as `StructuredSparsity` on filters, written down group by group."""
    total = torch.zeros(())
    for conv in convs:
        for weights in conv.weight:
            total = total + strength * math.sqrt(weights.numel()) * weights.norm()
    return total


def regularizing(effort: bench.Effort, depth: int = 20) -> list[dict]:
    """What a penalty on all filters of ResNet costs a step, beside forward pass, backward pass and SGD."""
    batch, strength = effort.training_batch, 1e-6  # so small that all the proximal steps together reach no zero
    torch.manual_seed(0)
    images, labels = torch.randn(batch, 3, 32, 32), torch.arange(batch) % 10
    trained = CifarResNet(depth).train()

    def step(bf16: bool = False) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = nn.functional.cross_entropy(trained(images), labels)
        loss.backward()
        optimizer.step()

    optimizer = torch.optim.SGD(trained.parameters(), lr=1e-3, momentum=0.9)
    net = copy.deepcopy(trained)  # the penalties have weights of their own, which the step does not move
    own = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    convs = bench.convolutions(net)
    closed = StructuredSparsity(convs, {"filter": strength})
    proximal = StructuredSparsity(convs, {"filter": strength}, step="proximal")
    steps = {"training step": step}
    if cpu_has_bf16():
        steps["training step, bf16"] = lambda: step(bf16=True)
    penalties = {
        "closed form": lambda: closed.regularize(net),
        "closed form and threshold": lambda: (closed.regularize(net), closed.after_step(net, own)),
        "proximal step": lambda: proximal.after_step(net, own),
        "autograd": lambda: closed.penalty().backward(),
        "loop with autograd": lambda: loop_penalty(convs, strength).backward(),
    }
    check_penalties(net, penalties)
    times = effort.compare(steps | penalties)
    facts, rows = {"network": f"ResNet-{depth}", "batch": batch}, []
    for name in times.seconds:
        goals = GOALS["penalty"] if name in ("closed form", "proximal step") else None
        rows.append(bench.penalty_row(facts | {"candidate": name}, times, name, goals))
    return rows


def check_penalties(net: nn.Module, penalties: dict[str, Callable[[], object]]) -> None:
    """All forms add the same gradient, and the proximal step does make the filters shorter."""
    convs, gradients = bench.convolutions(net), []
    for name in ("loop with autograd", "autograd", "closed form"):
        net.zero_grad(set_to_none=False)
        penalties[name]()
        gradients.append(torch.cat([conv.weight.grad.flatten() for conv in convs]))
        bench.check_equal(f"the gradient by {name}", gradients[-1], gradients[0])
    before = loop_penalty(convs, 1.0)
    penalties["proximal step"]()
    if not loop_penalty(convs, 1.0) < before:
        raise RuntimeError("the proximal step made no filter shorter; do not time it")


@torch.no_grad()
def lowering(effort: bench.Effort, number: int, kept: float) -> list[dict]:
    """Convolution `number` of the ConvNet as a matrix product, of which a share `kept` of the columns is not zero."""
    torch.manual_seed(number)
    conv = ConvNet().convs[number]
    images = torch.randn(effort.batches[0], conv.in_channels, 32 >> number, 32 >> number)
    whole = conv.weight.flatten(1)
    columns = torch.randperm(whole.shape[1])[: round(kept * whole.shape[1])]
    cut = copy.deepcopy(conv)
    cut.weight.zero_().flatten(1)[:, columns] = whole[:, columns]
    dense, sparse = LoweredConv2d(conv), LoweredConv2d(cut)
    bench.check_equal("the lowered convolution", dense(images), conv(images))
    bench.check_equal("the convolution without zero columns", sparse(images), cut(images))
    patches, fewer_patches = dense.patches(images), sparse.patches(images)
    conv_last, images_last = bench.in_mode(conv, "channels_last", images)
    functions = {
        PRODUCT: lambda: dense.weight @ patches,
        PRODUCT_CUT: lambda: sparse.weight @ fewer_patches,
        LOWERED: lambda: dense(images),
        LOWERED_CUT: lambda: sparse(images),
        DIRECT: lambda: conv(images),
        DIRECT_LAST: lambda: conv_last(images_last),
    }
    places = torch.randperm(whole.numel())[: len(whole) * len(columns)]
    scattered = torch.zeros_like(whole)
    scattered.view(-1)[places] = whole.reshape(-1)[places]
    csr = bench.csr_of(scattered)
    if csr is not None:
        bench.check_equal("the CSR product", csr @ patches, scattered @ patches)
        functions[CSR] = lambda: csr @ patches
    times = effort.compare(functions)
    limit, rows = whole.shape[1] / len(columns), []
    pairs = [(PRODUCT_CUT, PRODUCT), (CSR, PRODUCT)]
    for name, over in [*pairs, *((LOWERED_CUT, over) for over in (LOWERED, DIRECT, DIRECT_LAST))]:
        facts = {"layer": f"conv{number + 1}", "batch": len(images), "columns": whole.shape[1], "kept": len(columns)}
        facts |= {"candidate": name, "over": over}
        if name in functions:
            goal = GOALS["product"] * limit if name == PRODUCT_CUT else None
            rows.append(bench.ratio_row(facts, times, name, over, limit, goal))
        else:
            rows.append(facts | {"note": "not in this torch"})
    return rows


def table(results: dict) -> str:
    """The rows for people: each part as an aligned table, speed-ups beside their limit, the MAC ratio."""
    lines = [tables.heading(results)]
    lines += tables.ratio_table("Deployment: the smaller network", results["deployment"])
    lines += tables.penalty_table("Cost of regularizing all filters", results["regularizing"])
    lines += tables.ratio_table("Lowered convolutions of the ConvNet without zero columns", results["lowering"])
    return "\n".join(lines)


JOBS = [
    ("deployment", "ResNet-20 halved, large batch", partial(deployment, network="ResNet-20", which=0)),
    ("deployment", "ResNet-20 halved, batch 1", partial(deployment, network="ResNet-20", which=1)),
    ("deployment", "ConvNet cut", partial(deployment, network="ConvNet", which=0)),
    ("regularizing", "penalties beside the training step", regularizing),
    *(("lowering", f"convolution {i + 1} lowered", partial(lowering, number=i, kept=SHARES[i])) for i in range(3)),
]

if __name__ == "__main__":
    bench.run("structured_sparsity", __doc__.splitlines()[0], JOBS, table, "torch-pruning")

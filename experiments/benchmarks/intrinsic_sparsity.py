"""Benchmark of Intrinsic Sparse Structures: what fewer hidden units give in seconds, why, and what the penalty costs.

    python -m experiments.benchmarks.intrinsic_sparsity [--quick] [--output FILE]

Weights are random: the speed of a dense layer does not depend on them. The candidates of a comparison are measured in
turn within each round, and a speed-up is the median of the rounds' ratios. Outputs are checked before they are timed.
"""

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from effdl_lite.measure import ONEDNN_MODES, Comparison, compare_language_models, count_macs, cpu_has_bf16, onednn
from effdl_lite.methods.compaction import compact_recurrent
from effdl_lite.methods.intrinsic_sparsity import IntrinsicSparsity, groups_of, unit_lengths, weights_of
from effdl_lite.models import LSTMLanguageModel
from effdl_lite.training import language_model_loss, training_step
from experiments import benchmarks as bench
from experiments.benchmarks import cache_or_kernel, excess, tables
from experiments.benchmarks.cache_or_kernel import Effort

DENSE, SMALLER, CSR = "dense", "smaller dense", "CSR, as many scattered"
ONEDNN, PLAIN = ONEDNN_MODES
PAPER = {(381, 535): 7.10, (373, 315): 10.59}  # the paper's speed-ups of 1500-1500 cut to these widths
REFERENCE = [(160, 208)]  # widths that 256-256 of the reference run may be cut to
GOALS = {(381, 535): 7.0, (373, 315): 10.0, "penalty": {"share_of_step": 0.02}}
BF16_ROUNDING = 0.03  # of the largest logit: eight bits of each number, over all steps
QUICK = Effort(
    rounds=2,
    seconds_a_round=0.001,
    batches=(2, 1),
    steps=2,
    training_batch=2,
    training_steps=3,
    hidden=((16,), (24, 64)),
    copies=1 / 64,
    product=64,
)


@torch.no_grad()
def keep_units(net: LSTMLanguageModel, kept: tuple[int, ...]) -> None:
    """Makes all groups after the first `kept` of each layer zero: nobody reads these units. Their biases stay."""
    for number, group in zip(kept, groups_of(net).values(), strict=True):
        for strip in group.strips:
            strip.of(strip.weight)[:, number:] = 0


@torch.no_grad()
def cut_networks(dense: LSTMLanguageModel, sizes: list[tuple[int, ...]], tokens: Tensor) -> dict[str, nn.Module]:
    """The dense network, and one cut to each of the sizes; each is checked with and without oneDNN.

    Units of `dense` die on the way, so a size must not be larger than those before it.
    """
    nets = {DENSE: dense.eval()}
    for kept in sizes:
        keep_units(dense, kept)
        name = "-".join(map(str, kept))
        nets[name] = compact_recurrent(dense)
        for mode, enabled in ONEDNN_MODES.items():
            with onednn(enabled):
                bench.check_equal(f"{name}, {mode}", nets[name](tokens)[0], dense(tokens)[0])
    return nets


def paper_networks(tokens: Tensor) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return cut_networks(LSTMLanguageModel(10_000, 1500, (1500, 1500)), list(PAPER), tokens)


def without_softmax(net: LSTMLanguageModel) -> LSTMLanguageModel:
    """The same network, with the same weights in memory, that ends at the last hidden state."""
    shortened = copy.deepcopy(net, {id(weight): weight for weight in net.parameters()})
    shortened.decoder = nn.Identity()
    return shortened


def words(vocabulary: int, batch: int, steps: int) -> Tensor:
    return torch.randint(vocabulary, (batch, steps), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def timing(effort: Effort) -> list[dict]:
    """The paper's row: 1500-1500 against the two sizes that it was cut to, with and without the softmax layer."""
    tokens, rows = words(10_000, effort.batches[0], effort.steps), []
    nets = paper_networks(tokens)
    expected = {name: nets[name](tokens)[0] for name in list(nets)[1:]}
    for numbers in ("fp32", *["bf16"] * cpu_has_bf16()):
        # Without oneDNN, torch has no fast bf16 product.
        modes = list(ONEDNN_MODES) if numbers == "fp32" else [ONEDNN]
        if numbers == "bf16":
            for name, net in nets.items():
                net.bfloat16()
                if name in expected:
                    bench.check_equal(f"{name}, bf16", net(tokens)[0].float(), expected[name], BF16_ROUNDING)
        for softmax in ("with", "without"):
            ends = nets if softmax == "with" else {name: without_softmax(net) for name, net in nets.items()}
            facts, goals, paper = {"softmax": softmax, "numbers": numbers}, {}, {}
            if softmax == "with" and numbers == "fp32":
                goals, paper = ({"-".join(map(str, k)): of[k] for k in PAPER} for of in (GOALS, PAPER))
            times = compare(effort, ends, effort.batches[0], effort.steps, modes)
            rows += speed_rows(facts, ends, times, modes, goals, paper)
    return rows


def compare(effort: Effort, nets: dict[str, nn.Module], batch: int, steps: int, modes: list[str]) -> Comparison:
    return compare_language_models(
        nets, batch=batch, steps=steps, modes=modes, rounds=effort.rounds, seconds_a_round=effort.seconds_a_round
    )


def speed_rows(
    facts: dict,
    nets: dict[str, nn.Module],
    times: Comparison,
    modes: list[str],
    goals: dict[str, float] | None = None,
    paper: dict[str, float] | None = None,
) -> list[dict]:
    """Each smaller network against the dense one in the same mode, and best mode against best mode."""
    token = torch.zeros(1, 1, dtype=torch.long)
    macs = {name: count_macs(net, token) for name, net in nets.items()}
    best = {name: min(modes, key=lambda mode, name=name: times.median(f"{name}, {mode}")) for name in nets}
    rows = []
    for name in list(nets)[1:]:
        pairs = [(mode, DENSE, mode) for mode in modes]
        pairs += [(best[name], f"{DENSE} at its best", best[DENSE])] * (len(modes) > 1)
        for mode, over, over_mode in pairs:
            row = facts | {"candidate": name, "mode": mode, "over": over, "over_mode": over_mode}
            if paper is not None:
                row["paper"] = paper.get(name)
            goal = (goals or {}).get(name) if over == DENSE and mode == ONEDNN else None
            limit = macs[DENSE] / macs[name]
            rows.append(bench.ratio_row(row, times, f"{name}, {mode}", f"{DENSE}, {over_mode}", limit, goal))
    return rows


@torch.no_grad()
def deployment(effort: Effort) -> list[dict]:
    """The network of the reference run, a word at a time (generation), and many texts at once."""
    torch.manual_seed(0)
    modes, rows = list(ONEDNN_MODES), []
    nets = cut_networks(LSTMLanguageModel(2_000, 256, (256, 256)), REFERENCE, words(2_000, 2, 3))
    for batch, steps in ((effort.batches[1], 1), (effort.batches[0], effort.steps)):
        times = compare(effort, nets, batch, steps, modes)
        rows += speed_rows({"network": "256-256", "batch": batch, "steps": steps}, nets, times, modes)
    return rows


def regularizing(effort: Effort, hidden: int = 256) -> list[dict]:
    """What the penalty on all hidden units costs a step, beside forward pass, backward pass and SGD."""
    strength = 1e-4  # times the learning rate so little that all the proximal steps together kill no unit
    torch.manual_seed(0)
    net = LSTMLanguageModel(2_000, hidden, (hidden, hidden))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    text = words(2_000, effort.training_batch, effort.training_steps)
    batch = (text, text.roll(-1, 1))
    gradient, exact = IntrinsicSparsity(net, strength), IntrinsicSparsity(net, strength, threshold=0)
    proximal = IntrinsicSparsity(net, strength, step="proximal")

    def closed_form_and_threshold() -> None:
        gradient.regularize(net)
        gradient.after_step(net, optimizer)

    functions: dict[str, Callable[[], object]] = {
        "training step": lambda: training_step(net, batch, optimizer, language_model_loss),
        "closed form": lambda: exact.regularize(net),
        "closed form and threshold": closed_form_and_threshold,
        "proximal step": lambda: proximal.after_step(net, optimizer),
        "autograd": lambda: gradient.penalty().backward(),
    }
    functions["training step"]()  # all penalties add to gradients that are there
    check_penalties(net, functions)
    if cpu_has_bf16():
        functions["training step, bf16"] = partial(training_step, net, batch, optimizer, language_model_loss, bf16=True)
    times = effort.compare(functions)
    facts = {"network": f"LSTM {hidden}-{hidden}", "batch": effort.training_batch}
    asked = {"closed form", "closed form and threshold", "proximal step"}
    return [
        bench.penalty_row(facts | {"candidate": name}, times, name, GOALS["penalty"] if name in asked else None)
        for name in sorted(functions, key=lambda name: not name.startswith("training step"))
    ]


def check_penalties(net: nn.Module, functions: dict[str, Callable[[], object]]) -> None:
    """The closed form adds the gradient that autograd does, and the proximal step does make the groups shorter."""
    gradients = []
    for name in ("autograd", "closed form"):
        net.zero_grad(set_to_none=False)
        functions[name]()
        gradients.append(torch.cat([weight.grad.flatten() for weight in weights_of(groups_of(net).values())]))
    bench.check_equal("the gradient by the closed form", gradients[1], gradients[0])
    before = unit_lengths(net)
    functions["proximal step"]()
    if not all((lengths < before[name]).all() for name, lengths in unit_lengths(net).items()):
        raise RuntimeError("the proximal step left a unit as long as it was; do not time it")


@torch.no_grad()
def single_weights(effort: Effort, hidden: int = 1500, kept: int = 478) -> list[dict]:
    """A gate product with as many weights left, scattered (CSR) or as a smaller matrix: of one step, and of all."""
    torch.manual_seed(0)
    dense, smaller = torch.randn(4 * hidden, hidden), torch.randn(4 * kept, kept)
    scattered = torch.zeros_like(dense)
    places = torch.randperm(dense.numel())[: smaller.numel()]
    scattered.view(-1)[places] = dense.view(-1)[places]
    csr, limit, rows = bench.csr_of(scattered), dense.numel() / smaller.numel(), []
    for columns in (effort.batches[0], effort.batches[0] * effort.steps):
        inputs = torch.randn(hidden, columns)
        fewer = inputs[:kept].contiguous()
        functions = {DENSE: partial(torch.mm, dense, inputs), SMALLER: partial(torch.mm, smaller, fewer)}
        if csr is not None:
            bench.check_equal("the CSR product", csr @ inputs, scattered @ inputs)
            functions[CSR] = partial(torch.mm, csr, inputs)
        times = effort.compare(functions)
        for name, over, ratio in ((CSR, DENSE, limit), (SMALLER, DENSE, limit), (SMALLER, CSR, 1.0)):
            facts = {"matrix": f"{4 * hidden} x {hidden}", "kept": f"1/{limit:.2f}", "columns": columns}
            facts |= {"candidate": name, "over": over}
            missing = {name, over} - functions.keys()
            rows.append(
                facts | {"note": "not in this torch"} if missing else bench.ratio_row(facts, times, name, over, ratio)
            )
    return rows


def table(results: dict) -> str:
    """The rows for people: each part as an aligned table, speed-ups beside their limit, the MAC ratio."""
    lines = [tables.heading(results)]
    lines += tables.ratio_table("The paper's row: LSTM 1500-1500, 10,000 words", results["timing"])
    lines += tables.fact_table("What the machine can give", results["limits"])
    lines += tables.fact_table("Speed by size; gmacs: billions of multiply-accumulates a second", results["sweep"])
    why = "Why more than the MAC ratio: excess = kernel x cache x once a call x rest"
    lines += tables.fact_table(why, results["explained"])
    lines += tables.ratio_table("Deployment of the reference run's network: 2,000 words", results["deployment"])
    lines += tables.penalty_table("Cost of regularizing all hidden units", results["regularizing"])
    lines += tables.ratio_table("One gate product: scattered zeros against a smaller matrix", results["single_weights"])
    return "\n".join(lines)


JOBS = [
    ("timing", "LSTM 1500-1500 cut as in the paper", timing),
    ("limits", "limits of the machine", cache_or_kernel.limits),
    ("sweep", "cache and kernel over hidden sizes", cache_or_kernel.sweep),
    ("explained", "why more than the MAC ratio", excess.explain),
    ("deployment", "the network of the reference run", deployment),
    ("regularizing", "penalties beside the training step", regularizing),
    ("single_weights", "single weights", single_weights),
]

if __name__ == "__main__":
    bench.run("intrinsic_sparsity", __doc__.splitlines()[0], JOBS, table, efforts=(Effort(), QUICK))

r"""All methods of the course on one network: what each adds when the others are there, and in which order they go.

    python -m experiments.capstone --profile reference [--only PART]   # one of PARTS

**The network.** The ConvNet on 18,000 images of CIFAR-10, trained by four simulated workers. "plain" is the course's
recipe: batch 128, gradients exchanged in fp32. "all five" has the large batch of 512 (128 images a worker, the size of
SmoothOut's ghost batches), noise (SmoothOut), ternary gradients (TernGrad), the group Lasso on channels (SSL) and the
force between filters in a first stage; then channels are cut until a share of the multiply-accumulates is left, the
rest is decomposed to low rank until a quarter is, and the small network is trained on, as long again, with noise and
ternary gradients. All cases take the same number of epochs over the same images, whatever is left out of them.

**Where the methods meet in a step.** Places 1 and 2 are SmoothOut's: each worker draws its own noise, and takes it away
before it sends anything, so that it sends a gradient and never a weight. Place 3 is TernGrad's: what is sent is the
gradient of the loss alone. Place 4 comes after the exchange, at the clean weights, which all workers share: each
computes the same force for itself, so it costs no bytes and is not rounded to three values. (The authors of TernGrad
exchange weight decay with the gradient.) The proximal step of the group Lasso is place 5, last, since only what comes
after the update can leave exact zeros. BatchNorm's scales and shifts, whose zeros are dead channels, get no noise and
are sent in fp32. So within a step the places decide the order, and nothing is left to choose.

**Where they meet in a pipeline** there is a choice. All penalties act in the first stage, together, since both need the
whole network and each then sees what the other leaves. Channels are cut before ranks are chosen, since the energy of
filters that go should not be paid for; a basis, once there, must serve all filters that are left. "low rank first" and
"one after the other" are the other two orders. Noise and ternary gradients go on after the cut; "float once small" asks
whether a small network, whose gradient is small, should rather be exchanged in fp32.

**Leave-one-out at equal cost.** A case without SSL or without low rank (and then without the force, which serves
nothing else) still ends at a quarter of the multiply-accumulates: the other has to cut more. Without TernGrad or
SmoothOut only the training changes. Settings stay those of "all five": a method is judged where it was tuned to live.

**Controls.** "plain, large batch" is the large batch with none of the five. "plain, cut afterwards" trains plainly,
cuts channels and ranks by magnitude to the same cost, and is trained on plainly, as long in all. "its structure, from
scratch" is the small network of "all five" with the same seed, with fresh weights and plain training. "TernGrad, cut
afterwards" is the simplest way to both marks: the small batch, ternary gradients at the rate of their own chapter, and
a cut by magnitude. It was added when the first seed of the other cases was known.

**Tuning** reads validation images of seed 0 in runs of half the length, as many for plain as for all five: eight.
Plain has four learning rates with two weight decays each; all five half of all combinations of two rates for the whole
network, two for the small one, two noises, and two shares of the cut (those with an even number of high levels). Each
factor takes the level with the better mean over the runs that have it. The strengths of the group Lasso and of the
force (from scratch) are those of their own chapters; weight decay beside noise that of SmoothOut's. ISS has half of
its chapter's mildest: with more, units died before the model had learnt anything. The language model's four runs each
are made likewise. Ranges, the number of epochs, and that the small network has a rate of its own
were set on validation images after single trials with seed 7, which is none of the run's: with 210 steps in all the
large batch stayed far behind whatever was done, and the small network wants a rate as high as the whole one, or higher.

**Decided before the first run**, for differences paired by seed, three seeds, with their 95 % interval (Student's t):

* Small and many: with every seed "all five" needs at least 4 times fewer multiply-accumulates than plain, and sends and
  receives at least 10 times fewer bytes. Its loss of test accuracy against plain is stated with its interval.
* A method adds something where "all five" minus the case without it has an interval above 0 in test accuracy at equal
  cost; it takes something where the interval is below 0; else it is undecided. TernGrad pays in bytes, so that
  of it the loss is stated. SmoothOut the same, beside TernGrad and (case "no TernGrad, no SmoothOut") without it:
  the two fight where the difference of these differences has an interval below 0.
* An order matters where its difference from "all five" has an interval without 0.
* The pipeline is worth its trouble where "all five" minus "its structure, from scratch" is above 0. (That control sends
  in fp32 and with the small batch: what it sends is stated beside it.)

**Language**, a shorter column: an LSTM on a part of Penn Treebank with 2,000 words, 40 texts side by side instead of
20. ISS removes hidden units, then the softmax layer goes to low rank until a quarter of the multiply-accumulates is
left; that layer is half of the work, so "no ISS" ends at 1.6 times fewer and is not at equal cost. There is no force,
since the rows of the softmax layer are words, and no other order: ISS cuts whole units, and must know the softmax layer
that reads them.

Bytes are those between one worker and a parameter server, both ways, exactly as the codecs pack them; workers cut the
same weights in the same way, so a cut costs none. Each network is exported with `torch.export` and run by a process
that cannot import this package: that its output is the same is asserted in every trial. Latency is noted, but is a
result only on a quiet machine. "tuning" comes first, beside "language", which needs none of the others;
then "ablation", "controls" and "simplest" may run side by side.
"""

import copy
import functools
import json
import math
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save as safetensors_bytes
from torch import nn

from effdl_lite import profiles
from effdl_lite.data import Source, TextData, load_cifar10, load_ptb
from effdl_lite.measure import compare_latency, count_parameters
from effdl_lite.models import ConvNet, LSTMLanguageModel
from effdl_lite.pipeline import ImageTask, LanguageTask, Stage, Task, run_stages, run_without_package, save_program
from effdl_lite.training import TrainingDiverged
from experiments import capstone_cases, runner
from experiments.capstone_cases import FACTORS, LANGUAGE_FACTORS, LANGUAGE_PLAIN_FACTORS, PLAIN_FACTORS
from experiments.designs import chosen, design_cases, full_design, half_design

PARTS = ("tuning", "ablation", "controls", "simplest", "language")
VOCABULARY = 2_000
TOLERANCE = 1e-4  # of the largest output: what rounding may change in an exported program

images = functools.lru_cache(maxsize=1)(load_cifar10)


@functools.lru_cache(maxsize=1)
def text(train_tokens: int | None) -> TextData:
    data = load_ptb(vocabulary=VOCABULARY)
    return type(data)(**(vars(data) | {"train": data.train[:train_tokens]}))


def task_of(case: dict) -> Task:
    if case["network"] == "LSTM":
        return LanguageTask(text(case["train_tokens"]), case["streams"], case["steps"], case["clip_norm"])
    return ImageTask(images(case["train_images"]), case["batch_size"], case["weight_decay"])


def whole_network(case: dict, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    if case["network"] == "LSTM":
        return LSTMLanguageModel(VOCABULARY, case["width"], (case["width"],) * 2, case["dropout"])
    return ConvNet()


@functools.lru_cache(maxsize=4)
def run_case(case_text: str, seed: int) -> tuple[nn.Module, dict]:
    """Trains and cuts a case; the network and what its training cost and saved.

    Kept for the case that takes its structure from this one; the case is text because a cache needs it so.
    """
    case = json.loads(case_text)
    task, net = task_of(case), whole_network(case, seed)
    parameters, macs = count_parameters(net), task.macs(net)
    if "structure_of" in case:
        found = run_case(json.dumps(case["structure_of"]), seed)[0]
        torch.manual_seed(seed)
        net = task.restarted(copy.deepcopy(found))
    stages = [Stage(**stage) for stage in case["stages"]]
    done = run_stages(task, net, stages, workers=case["workers"], seed=seed, bf16=case["bf16"])
    return done.net, {
        "validation": task.quality(done.net, "validation"),
        "parameters": count_parameters(done.net),
        "macs": done.macs[-1],
        "macs_after_stage": done.macs,
        "times_fewer_parameters": parameters / count_parameters(done.net),
        "times_fewer_macs": macs / done.macs[-1],
        "steps": done.traffic.steps,
        "bytes_up": done.traffic.up,
        "bytes_down": done.traffic.down,
        "times_fewer_bytes": plain_bytes(case, parameters) / (done.traffic.up + done.traffic.down),
        "core_seconds": done.core_seconds,
        "loss": statistics.mean(done.losses[-10:]),
    }


def plain_bytes(case: dict, parameters: int) -> int:
    """What the plain network sends and receives in as many epochs: 4 bytes a parameter, each step, both ways."""
    plain = case | ({"streams": 20} if case["network"] == "LSTM" else {"batch_size": capstone_cases.PLAIN_BATCH})
    steps = len(task_of(plain).batches(seed=0)) * sum(stage["epochs"] for stage in case["stages"])
    return 2 * 4 * parameters * steps


def deployed(task: Task, net: nn.Module) -> dict:
    """The size of the network as a file, and what a process that has only torch computes with it."""
    inputs = task.samples(net, 64)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pt2"
        size = save_program(net, inputs, path, task.dynamic)
        result = run_without_package(path, inputs)
    with torch.inference_mode():
        output = net(*inputs)
    expected = output if isinstance(output, torch.Tensor) else output[0]
    error = ((result - expected).abs().max() / expected.abs().max()).item()
    if not error <= TOLERANCE:
        raise RuntimeError(f"the exported program is off by {error:.1e} of its largest output; this is a bug of ours")
    weights = {name: value.contiguous() for name, value in net.state_dict().items()}
    return {"program_bytes": size, "weight_bytes": len(safetensors_bytes(weights)), "program_error": error}


def latency(task: Task, net: nn.Module, whole: nn.Module) -> dict:
    """Time for one example, in milliseconds, and how many times that of the whole network; means little under load."""
    nets = {"small": net, "whole": whole.eval().to(memory_format=torch.channels_last)}
    with torch.inference_mode():
        times = compare_latency({name: functools.partial(each, *task.example) for name, each in nets.items()}, rounds=7)
    return {"milliseconds": 1e3 * times.median("small"), "times_faster": times.speedup("small", "whole")[0]}


def trial(case: dict, seed: int) -> dict:
    """The row of a case with one seed; it reads the test data, once. Accuracy in percent, or perplexity."""
    net, row = run_case(json.dumps({key: case[key] for key in case if key != "weights"}), seed)
    task = task_of(case)
    if seed == 0 and "weights" in case and profiles.current() == "reference":
        runner.save_weights(case["weights"], net)
    shapes = {name: list(weight.shape) for name, weight in net.named_parameters() if weight.ndim > 1}
    row = {"test": task.quality(net, "test")} | row | deployed(task, net)
    return row | latency(task, net, whole_network(case, seed)) | {"shapes": shapes}


def tuning_trial(case: dict, seed: int) -> dict:
    """The row that settings are chosen by: no test data. The score is the accuracy, or minus the log perplexity.

    A setting that diverges got nothing right.
    """
    case = {key: case[key] for key in case if key not in ("setting", "kind")}
    language = case["network"] == "LSTM"
    try:
        row = run_case(json.dumps(case), seed)[1]
    except TrainingDiverged as error:
        return {"score": -math.log(VOCABULARY) if language else 0.0, "diverged": str(error)}
    score = -math.log(min(row["validation"], VOCABULARY)) if language else row["validation"]
    return {"score": score} | {key: row[key] for key in ("validation", "loss", "times_fewer_macs", "core_seconds")}


def tuned(name: str, tried: dict[str, tuple[dict, list, Callable]], sources: list[Source]) -> list[dict]:
    """Runs the designs of both kinds and returns the settings that each of them takes."""
    cases = {}
    for kind, (_, design, make) in tried.items():
        cases |= design_cases(kind, design, make)
    results = runner.run(name, cases, [0], tuning_trial, sources)
    settings = {kind: chosen(results, kind, factors) for kind, (factors, _, _) in tried.items()}
    print("; ".join(f"{kind}: {setting}" for kind, setting in settings.items()), flush=True)
    return list(settings.values())


def run_images(only: str | None, seeds: list[int]) -> None:
    source = [load_cifar10().source]
    epochs = profiles.choose(quick=2, laptop=2, reference=8, full=100)  # of each half of a training
    short = epochs // 2
    tried = {
        "plain": (PLAIN_FACTORS, full_design(PLAIN_FACTORS), lambda s: capstone_cases.plain_case(short, **s)),
        "all five": (FACTORS, half_design(FACTORS), lambda s: capstone_cases.combined_case(short, s)),
    }
    plain, setting = tuned("capstone_tuning", tried, source)
    if only in (None, "ablation"):
        runner.run("capstone_ablation", capstone_cases.ablation_cases(epochs, plain, setting), seeds, trial, source)
    if only in (None, "controls"):
        runner.run("capstone_controls", capstone_cases.control_cases(epochs, plain, setting), seeds, trial, source)
    if only in (None, "simplest"):
        runner.run("capstone_simplest", capstone_cases.simplest_case(epochs, plain, setting), seeds, trial, source)


def run_language(seeds: list[int]) -> None:
    source = [load_ptb(vocabulary=VOCABULARY).source]
    epochs = profiles.choose(quick=1, laptop=1, reference=4, full=20)
    short = max(1, epochs // 2)
    plain, combined = LANGUAGE_PLAIN_FACTORS, LANGUAGE_FACTORS
    tried = {
        "plain": (plain, full_design(plain), lambda s: capstone_cases.language_plain(short, s)),
        "all four": (combined, half_design(combined), lambda s: capstone_cases.language_combined(short, s)),
    }
    settings = tuned("capstone_language_tuning", tried, source)
    runner.run("capstone_language", capstone_cases.language_cases(epochs, *settings), seeds, trial, source)


def main() -> None:
    only = runner.arguments(__doc__.splitlines()[0], only=PARTS).only
    seeds = profiles.choose(quick=[0], laptop=[0], reference=[0, 1, 2])
    if only != "language":
        run_images(only, seeds)
    if only in (None, "language"):
        run_language(seeds)


if __name__ == "__main__":
    runner.start(main)

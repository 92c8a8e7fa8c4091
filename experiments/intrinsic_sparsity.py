"""Intrinsic sparse structures on Penn Treebank: what removing hidden units costs and saves, each beside its controls.

    python -m experiments.intrinsic_sparsity --profile reference [--only lstm | --only controls | --only rhn]

A trial trains a language model from scratch on 2,000 words (the rest is `<unk>`: a perplexity that cannot be compared
with one over 10,000 words). The penalty lasts for the first half of the training, at the full learning rate; then the
units that are dead stay dead, and the rest is trained on. The dense control takes as many updates without a penalty.
Two controls take their size from a trial with the penalty and the same seed: "direct design" trains a dense network of
the widths that were found, "single weights" keeps as many weights by an l1 penalty without structure. Strengths were
chosen with validation text of seed 0. The highway network is a small one and reads a part of the text; at 4e-4 no unit
of it had died.
"""

import functools
import json
import sys

import torch
from torch import nn

from effdl_lite import profiles
from effdl_lite.batches import TextBatches
from effdl_lite.data import TextData, load_ptb
from effdl_lite.measure import count_macs, count_parameters, cpu_has_bf16
from effdl_lite.methods.compaction import compact_recurrent, kept_units
from effdl_lite.methods.intrinsic_sparsity import (
    IntrinsicSparsity,
    SingleWeights,
    groups_of,
    unit_lengths,
    weights_of,
    zero_units,
)
from effdl_lite.models import LSTMLanguageModel, RecurrentHighwayNetwork
from effdl_lite.recipes import train_language_model
from effdl_lite.training import Method, perplexity
from experiments import runner

VOCABULARY = 2_000
STRENGTHS = {"mild": 1.1e-4, "middle": 1.5e-4, "strong": 2.4e-4}
RHN_STRENGTHS = {"mild": 1e-3, "strong": 1.2e-3}
L1_STRENGTH = 5e-6
WORD = torch.zeros(1, 1, dtype=torch.long)


class UnitLog(Method):
    """Notes at the end of each epoch how many units of each layer are not zero, and how long their groups are."""

    def __init__(self):
        self.epochs: list[dict] = []

    def after_epoch(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        lengths = unit_lengths(model)
        self.epochs.append(
            {
                "units": {name: int((~zero).sum()) for name, zero in zero_units(model).items()},
                "mean_length": {name: of_layer[of_layer > 0].mean().item() for name, of_layer in lengths.items()},
            }
        )


@functools.lru_cache(maxsize=1)
def text(train_tokens: int | None) -> TextData:
    data = load_ptb(vocabulary=VOCABULARY)
    return type(data)(**(vars(data) | {"train": data.train[:train_tokens]}))


def build(case: dict, seed: int) -> nn.Module:
    """The network of a case; the widths of a direct design are those that another case found with this seed."""
    hidden = case["hidden"]
    if "design_of" in case:
        found = kept_units(run_case(json.dumps(case["design_of"]), seed)[0])
        hidden = [int(kept.sum()) for name, kept in found.items() if name != "embedding"]
    torch.manual_seed(seed)
    if case["network"] == "RHN":
        return RecurrentHighwayNetwork(VOCABULARY, *hidden, case["depth"], case["dropout"])
    return LSTMLanguageModel(VOCABULARY, case["embedding"], tuple(hidden), case["dropout"])


def methods_of(case: dict, model: nn.Module, seed: int) -> list[Method]:
    if "strength" in case:
        options = {"step": case["step"], "epochs": case["penalty_epochs"]}
        return [IntrinsicSparsity(model, case["strength"], **options)]
    if "weights_of" in case:
        keep = weights_left(run_case(json.dumps(case["weights_of"]), seed)[0])
        return [SingleWeights(model, case["l1_strength"], epochs=case["penalty_epochs"], keep=keep)]
    return []


def weights_left(model: nn.Module) -> int:
    """Weights of the recurrent and the softmax matrices that are not zero; biases and an own embedding not counted."""
    return sum(int(weight.count_nonzero()) for weight in weights_of(groups_of(model).values()))


@functools.lru_cache(maxsize=4)
def run_case(case_text: str, seed: int) -> tuple[nn.Module, dict]:
    """Trains a case; the network, with its zeros in it, and its row.

    Kept for the cases that take their size from this one; the case is text because a cache needs it so.
    """
    case = json.loads(case_text)
    data = text(case["train_tokens"])
    model = build(case, seed)
    log = UnitLog()
    options = {key: case[key] for key in ("epochs", "learning_rate", "clip_norm", "streams", "steps", "bf16")}
    history = train_language_model(
        model, data, **options, seed=seed, methods=[*methods_of(case, model, seed), log], progress=sys.stderr.isatty()
    )
    small = compact_recurrent(model)
    test = TextBatches(data.test, 10, case["steps"])
    kept = {name: mask for name, mask in kept_units(model).items() if name != "embedding"}
    return model, {
        "validation": history.epochs[-1]["validation"],
        "test": perplexity(model, test),
        "test_compact": perplexity(small, test),
        "core_seconds": history.epochs[-1]["core_seconds"],
        "units": {name: int(mask.sum()) for name, mask in kept.items()},
        "dead": {name: (~mask).nonzero().flatten().tolist() for name, mask in kept.items()},
        "weights": weights_left(model),
        "parameters": count_parameters(small),
        "macs": count_macs(small, WORD),
        "epochs": [
            {key: epoch[key] for key in ("epoch", "loss", "validation", "core_seconds")} | units
            for epoch, units in zip(history.epochs, log.epochs, strict=True)
        ],
    }


def trial(case: dict, seed: int) -> dict:
    return dict(run_case(json.dumps(case), seed)[1])


def recipe(epochs: int) -> dict:
    return {
        "train_tokens": profiles.choose(quick=60_000, laptop=300_000, reference=None),
        "epochs": epochs,
        "penalty_epochs": max(1, epochs // 2),
        "learning_rate": 20.0,
        "clip_norm": 0.25,
        "streams": 20,
        "steps": 35,
        "bf16": cpu_has_bf16(),
    }


def lstm_case(dropout: float, **changes) -> dict:
    width = profiles.choose(quick=64, reference=256)
    network = {"network": "LSTM", "embedding": width, "hidden": [width, width], "dropout": dropout}
    return network | recipe(profiles.choose(quick=2, laptop=6, reference=8)) | changes


def iss_case(name: str) -> dict:
    return lstm_case(0.1, strength=STRENGTHS[name], step="proximal")


def lstm_cases() -> dict[str, dict]:
    """The dense network with several shares of dropout, and three strengths of the penalty, which needs less of it."""
    return {
        **{f"dense, dropout {dropout}": lstm_case(dropout) for dropout in (0.1, 0.2, 0.3)},
        **{f"ISS, {name}": iss_case(name) for name in STRENGTHS},
    }


def control_cases() -> dict[str, dict]:
    """What the sizes found by the middle penalty are worth without it, and the authors' step."""
    middle = iss_case("middle")
    return {
        "direct design": lstm_case(0.1, design_of=middle),
        "single weights": lstm_case(0.1, weights_of=middle, l1_strength=L1_STRENGTH),
        "ISS, middle, the authors' step": middle | {"step": "gradient"},
    }


def rhn_cases() -> dict[str, dict]:
    """A small recurrent highway network: one group a unit, over all its layers and the tied embedding."""
    epochs = profiles.choose(quick=2, laptop=4, reference=6)
    width = profiles.choose(quick=48, reference=128)
    tokens = profiles.choose(quick=60_000, laptop=300_000, reference=400_000)
    dense = {"network": "RHN", "hidden": [width], "depth": 3, "dropout": 0.1}
    dense |= recipe(epochs) | {"train_tokens": tokens}
    penalised = {name: dense | {"strength": s, "step": "proximal"} for name, s in RHN_STRENGTHS.items()}
    return {
        "dense": dense,
        **{f"ISS, {name}": case for name, case in penalised.items()},
        "direct design": dense | {"design_of": penalised["strong"]},
    }


PARTS = {"lstm": lstm_cases, "controls": control_cases, "rhn": rhn_cases}


def main() -> None:
    options = runner.arguments(__doc__.splitlines()[0], only=tuple(PARTS))
    seeds = profiles.choose(quick=[0], laptop=[0], reference=[0, 1, 2])
    for name, cases in PARTS.items():
        if options.only in (None, name):
            runner.run(f"intrinsic_sparsity_{name}", cases(), seeds, trial, [load_ptb(vocabulary=VOCABULARY).source])


if __name__ == "__main__":
    runner.start(main)

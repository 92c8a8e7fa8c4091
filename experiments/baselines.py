"""The two baselines of the course: a ConvNet on CIFAR-10, and an LSTM on Penn Treebank with 2,000 words.

    python -m experiments.baselines --profile reference

The settings were found with validation data in a prototype; the test data is read once a trial, at its end.
"""

import sys

import torch

from effdl_lite import profiles
from effdl_lite.batches import TextBatches
from effdl_lite.data import load_cifar10, load_ptb
from effdl_lite.measure import cpu_has_bf16
from effdl_lite.models import ConvNet, LSTMLanguageModel
from effdl_lite.recipes import image_batches, train_image_classifier, train_language_model
from effdl_lite.training import accuracy, perplexity
from experiments import runner


def convnet(case: dict, seed: int) -> dict:
    """One training of the ConvNet; accuracy in percent, time in seconds of CPU."""
    data = load_cifar10(train_images=case["train_images"])
    torch.manual_seed(seed)
    model = ConvNet(batch_norm=case["batch_norm"])
    options = {name: case[name] for name in ("epochs", "learning_rate", "weight_decay", "batch_size", "bf16")}
    history = train_image_classifier(model, data, **options, seed=seed, progress=sys.stderr.isatty())
    return {
        "validation": 100 * history.epochs[-1]["validation"],
        "test": 100 * accuracy(model, image_batches(data)["test"]),
        "core_seconds": history.epochs[-1]["core_seconds"],
        "epochs": [
            {"epoch": e["epoch"], "validation": 100 * e["validation"], "core_seconds": e["core_seconds"]}
            for e in history.epochs
        ],
    }


def lstm(case: dict, seed: int) -> dict:
    """One training of the language model; perplexity, and time in seconds of CPU."""
    data = load_ptb(vocabulary=case["vocabulary"])
    torch.manual_seed(seed)
    model = LSTMLanguageModel(case["vocabulary"], case["hidden"], (case["hidden"],) * 2, dropout=case["dropout"])
    options = {name: case[name] for name in ("epochs", "learning_rate", "clip_norm", "streams", "steps", "bf16")}
    history = train_language_model(model, data, **options, seed=seed, progress=sys.stderr.isatty())
    return {
        "validation": history.epochs[-1]["validation"],
        "test": perplexity(model, TextBatches(data.test, 10, case["steps"])),
        "core_seconds": history.epochs[-1]["core_seconds"],
        "epochs": [
            {"epoch": e["epoch"], "validation": e["validation"], "core_seconds": e["core_seconds"]}
            for e in history.epochs
        ],
    }


def main() -> None:
    runner.arguments(__doc__.splitlines()[0])
    seeds = profiles.choose(quick=[0], laptop=[0], reference=[0, 1, 2])
    bf16 = cpu_has_bf16()

    images = {"train_images": 18_000, "batch_size": 128, "weight_decay": 2e-3, "bf16": bf16}
    with_norm = images | {"batch_norm": True, "learning_rate": 0.2}
    without_norm = images | {"batch_norm": False, "learning_rate": 0.03}
    long = profiles.choose(quick=1, laptop=5, reference=10)
    convnets = {
        "ConvNet, short": with_norm | {"epochs": profiles.choose(quick=1, laptop=3, reference=5)},
        "ConvNet": with_norm | {"epochs": long},
        "ConvNet without BatchNorm": without_norm | {"epochs": long},
    }
    runner.run("baseline_convnet", convnets, seeds, convnet, [load_cifar10().source])

    words = {"vocabulary": 2_000, "hidden": profiles.choose(quick=64, reference=256), "dropout": 0.2, "bf16": bf16}
    steps = {"learning_rate": 20.0, "clip_norm": 0.25, "streams": 20, "steps": 35}
    epochs = profiles.choose(quick=1, laptop=2, reference=7)
    lstms = {"LSTM, 2,000 words": words | steps | {"epochs": epochs}}
    runner.run("baseline_lstm", lstms, seeds, lstm, [load_ptb(vocabulary=2_000).source])


if __name__ == "__main__":
    runner.start(main)

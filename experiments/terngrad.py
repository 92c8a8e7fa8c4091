"""TernGrad on CIFAR-10: workers that are simulated, each beside a control that exchanges gradients in float.

    python -m experiments.terngrad --profile reference [--only rates | --only workers | --only variants]

A batch is cut into as many shards as there are workers; BatchNorm sees one shard at a time, as it does on a cluster. So
the control of 4 workers is float with 4 workers: same weights at the start, same images, same shards, another exchange.
The batch stays the same, so that all make as many updates.

The learning rate comes first, in shorter runs: for float, TernGrad and QSGD the best of the same few rates on
validation images, in the mean over seeds. Variants of an exchange take its rate. The test images are read once in each
trial, at its end, and not at all while rates are chosen. "workers" and "variants" may run side by side once "rates" is
done.
"""

import statistics
import sys

import torch
from torch import Tensor, nn

from effdl_lite import profiles
from effdl_lite.data import load_cifar10
from effdl_lite.measure import cpu_has_bf16
from effdl_lite.methods.terngrad import CLIP, QSGD, TernGrad, Traffic, bound_ratio, clip
from effdl_lite.models import ConvNet
from effdl_lite.recipes import image_batches, sgd
from effdl_lite.training import Method, TrainingDiverged, accuracy, fit, warmup_then_linear
from experiments import runner

EXCHANGES = {"float": None, "TernGrad": TernGrad, "QSGD": QSGD}
RATES = {"momentum": (0.05, 0.1, 0.2, 0.4), "Adam": (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2)}
RATED = [("momentum", "float"), ("momentum", "TernGrad"), ("momentum", "QSGD"), ("Adam", "float"), ("Adam", "TernGrad")]
MEASURE_EVERY = 10  # steps; bound ratios take a pass over the gradients
Rates = dict[tuple[str, str], float]


class Watched(Method):
    """Hands the workers' gradients to an exchange (None takes their mean, in float) and notes what is sent.

    Attributes:
        zeros: share of elements that are sent as 0, by tensor, of every step that was looked at.
        bound_ratios: of the first worker's gradient, by tensor: as it is, and clipped; see `bound_ratio`.
        traffic: bytes between one worker and a parameter server.
    """

    def __init__(self, model: nn.Module, exchange: TernGrad | None, float_below: int = 256):
        self.weights = list(model.parameters())
        self.exchange = exchange
        self.tensors = [
            (number, name) for number, (name, w) in enumerate(model.named_parameters()) if w.numel() >= float_below
        ]
        self.traffic = exchange.traffic if exchange else Traffic()
        self.zeros: dict[str, list[float]] = {name: [] for _, name in self.tensors}
        self.bound_ratios: dict[str, list[tuple[float, float]]] = {name: [] for _, name in self.tensors}

    def combine(self, gradients: list[list[Tensor]], shares: list[float]) -> list[Tensor]:
        looked_at = self.traffic.steps % MEASURE_EVERY == 0
        if self.exchange is None:
            means = super().combine(gradients, shares)
            self.traffic.add_float(sum(mean.numel() for mean in means))
            self.traffic.steps += 1
        else:
            means = self.exchange.combine(gradients, shares)
        if looked_at:
            self._look_at(gradients)
        return means

    def _look_at(self, gradients: list[list[Tensor]]) -> None:
        ternary = self.exchange.zeros if self.exchange else {}
        for number, name in self.tensors:
            first = gradients[0][number]
            self.bound_ratios[name].append((bound_ratio(first).item(), bound_ratio(clip(first)).item()))
            in_float = statistics.mean((of[number] == 0).double().mean().item() for of in gradients)
            self.zeros[name].append(ternary.get(name, in_float))

    def row(self) -> dict:
        """Means over the training: `zeros` and `bound_ratio` by tensor, the latter also after clipping; bytes."""
        sizes = {name: self.weights[number].numel() for number, name in self.tensors}
        zeros = {name: statistics.mean(values) for name, values in self.zeros.items()}
        plain, clipped = (
            {name: statistics.mean(pair[which] for pair in pairs) for name, pairs in self.bound_ratios.items()}
            for which in (0, 1)
        )
        return {
            "gradient_sparsity": sum(zeros[name] * size for name, size in sizes.items()) / sum(sizes.values()),
            "zeros": zeros,
            "bound_ratio": plain,
            "bound_ratio_clipped": clipped,
            "megabytes_up": self.traffic.up / 1e6,
            "megabytes_down": self.traffic.down / 1e6,
            "times_fewer_bytes": self.traffic.ratio,
        }


def make_exchange(net: ConvNet, case: dict) -> TernGrad | None:
    """The exchange of a case, None for float."""
    kind, options = EXCHANGES[case["exchange"]], dict(case["options"])
    if kind is None:
        return None
    float_layers = [net.fc] if options.pop("last_layer_in_float", False) else []
    return kind(net, float_layers=float_layers, **options)


def make_optimizer(net: nn.Module, case: dict) -> torch.optim.Optimizer:
    """Nesterov momentum 0.9 with the weight decay of the course's recipe, or Adam without decay."""
    if case["optimizer"] == "momentum":
        return sgd(net, case["learning_rate"], case["weight_decay"])
    return torch.optim.Adam(net.parameters(), lr=case["learning_rate"])


def train(case: dict, seed: int) -> tuple[nn.Module, dict]:
    """One training; the network and its row without the test images: accuracies in percent, time in CPU seconds."""
    batches = image_batches(load_cifar10(train_images=case["train_images"]), case["batch_size"], seed)
    torch.manual_seed(seed)
    net = ConvNet()
    watched = Watched(net, make_exchange(net, case))
    history = fit(
        net,
        batches["train"],
        make_optimizer(net, case),
        case["epochs"],
        methods=[watched],
        shards=case["workers"],
        schedule=warmup_then_linear(0.1),
        bf16=case["bf16"],
        seed=seed,
        evaluate=lambda net: {"validation": 100 * accuracy(net, batches["validation"])},
        progress=sys.stderr.isatty(),
    )
    kept = ("epoch", "loss", "validation", "core_seconds")
    row = {key: history.epochs[-1][key] for key in kept[1:]} | watched.row()
    return net, row | {"epochs": [{key: epoch[key] for key in kept} for epoch in history.epochs]}


def trial(case: dict, seed: int) -> dict:
    """The row of a case with one seed; it reads the test images, once."""
    net, row = train(case, seed)
    batches = image_batches(load_cifar10(train_images=case["train_images"]), case["batch_size"])
    return {"test": 100 * accuracy(net, batches["test"])} | row


def rate_trial(case: dict, seed: int) -> dict:
    """The row of a shorter run that a learning rate is judged by: no test images. A rate that diverges got 0 right."""
    try:
        row = train(case, seed)[1]
    except TrainingDiverged as error:
        return {"validation": 0.0, "diverged": str(error)}
    return {key: row[key] for key in ("validation", "loss", "core_seconds")}


def setting(images: int | None, epochs: int, optimizer: str, exchange: str, rate: float, workers: int, **more) -> dict:
    """A case; `more` changes entries, what is no entry is an option of the exchange."""
    case = {
        "network": "ConvNet",
        "train_images": images,
        "batch_size": 128,
        "epochs": epochs,
        "bf16": cpu_has_bf16(),
        "optimizer": optimizer,
        "learning_rate": rate,
        "weight_decay": 2e-3 if optimizer == "momentum" else 0.0,
        "workers": workers,
        "exchange": exchange,
    }
    if exchange == "TernGrad":
        more = {"clip": CLIP} | more
    return case | {key: more.pop(key) for key in list(more) if key in case} | {"options": more}


def rate_cases(images: int | None) -> dict[str, dict]:
    """Every rate for each of the exchanges that have a rate of their own, with 4 workers."""
    epochs = profiles.choose(quick=1, laptop=2, reference=4, full=300)
    return {
        f"{optimizer}, {exchange}, {rate:g}": setting(images, epochs, optimizer, exchange, rate, 4)
        for optimizer, exchange in RATED
        for rate in RATES[optimizer]
    }


def chosen_rates(results: dict) -> Rates:
    """For each optimizer and exchange the rate with the best mean validation accuracy over the seeds."""
    found = {}
    for optimizer, exchange in RATED:
        means = {}
        for name, case in results["cases"].items():
            if (case["optimizer"], case["exchange"]) == (optimizer, exchange):
                rows = [row["validation"] for row in results["rows"] if row["case"] == name]
                means[case["learning_rate"]] = statistics.mean(rows)
        found[optimizer, exchange] = max(means, key=means.get)
    return found


def worker_cases(images: int | None, rates: Rates) -> dict[str, dict]:
    """2, 4 and 8 workers with momentum, 4 with Adam, each in float and with TernGrad."""
    epochs = profiles.choose(quick=1, laptop=3, reference=10, full=768)
    return {
        f"{exchange}, {workers} workers, {optimizer}": setting(
            images, epochs, optimizer, exchange, rates[optimizer, exchange], workers
        )
        for optimizer, counts in (("momentum", (2, 4, 8)), ("Adam", (4,)))
        for workers in counts
        for exchange in ("float", "TernGrad")
    }


def variant_cases(images: int | None, rates: Rates) -> dict[str, dict]:
    """4 workers with momentum: TernGrad with one thing changed, QSGD, and less weight decay for both.

    Their control without a change is a case of `worker_cases`.
    """
    epochs = profiles.choose(quick=1, laptop=3, reference=10, full=768)

    def case(exchange: str, **more) -> dict:
        return setting(images, epochs, "momentum", exchange, rates["momentum", exchange], 4, **more)

    return {
        "TernGrad, no clip": case("TernGrad", clip=None),
        "TernGrad, one scaler for the model": case("TernGrad", scope="model"),
        "TernGrad, scalers not shared": case("TernGrad", share=False),
        "TernGrad, last layer in float": case("TernGrad", last_layer_in_float=True),
        "QSGD": case("QSGD"),
        "float, less weight decay": case("float", weight_decay=5e-4),
        "TernGrad, less weight decay": case("TernGrad", weight_decay=5e-4),
    }


def main() -> None:
    options = runner.arguments(__doc__.splitlines()[0], only=("rates", "workers", "variants"))
    images = profiles.choose(quick=2_000, laptop=18_000, reference=18_000, full=None)  # None: all that there are
    seeds = profiles.choose(quick=[0], laptop=[0], reference=[0, 1, 2])
    sources = [load_cifar10().source]
    rates = chosen_rates(runner.run("terngrad_rates", rate_cases(images), seeds, rate_trial, sources))
    print("; ".join(f"{optimizer}, {exchange}: {rate:g}" for (optimizer, exchange), rate in rates.items()), flush=True)
    for part, cases_of in (("workers", worker_cases), ("variants", variant_cases)):
        if options.only in (None, part):
            runner.run(f"terngrad_{part}", cases_of(images, rates), seeds, trial, sources)


if __name__ == "__main__":
    runner.start(main)

"""SmoothOut on CIFAR-10: is there a gap between batch 64 and batch 512, does noise close it, and what does?

    python -m experiments.smoothout --profile reference [--only PART]

The training images are 5,120, not augmented: so few that training longer soon means learning them by heart. The
network is the ConvNet. All cases train until the loss on the training images is the same (see `equal_loss`), but two:
SGD with the large batch for as many epochs, and for as many updates, as the small batch takes. They tell under-training
from a gap. The large batch is cut into four ghost batches of 128, the size that the authors take, except in one case.

Tuning: each method is tried with three settings on seed 0 and judged by validation images, at the same training loss. A
setting that does not get there is taken only if none does. SGD chooses its learning rate, once for each batch; the
others train at SGD's rate and choose their strength (SAM its radius, SWA the rate at which weights are averaged). The
test images are read once in each trial, at its end, and not at all in tuning.

Ranges, trigger and target were set after single trials with seed 7, which is none of the run's: at a learning rate of
0.1, noise of 0.02 made the rise of the loss only 1.08 times smaller, so the range goes on from there. The small
batch did best with the lowest of its three rates, and got a fourth.

Decided before the first run, for differences paired by seed with their 95 % interval (Student's t):

* The same loss: mean training losses of two cases within 10 % of each other; else nothing follows from the pair.
* Under-training: SGD with the large batch, equal epochs, is below SGD with the small batch; interval below 0.
* A gap is left once that is excluded: test accuracy of SGD, small minus large batch at the same loss; interval above 0.
  No gap of a point: interval within -1..1. Anything else is undecided.
* SmoothOut helps: test accuracy of SmoothOut minus SGD, large batch, same loss, five seeds; interval above 0. If there
  is a gap, it closes it where SmoothOut minus SGD with the small batch has an interval above -1. The same for the other
  methods, with three seeds.
* It flattens: how many times smaller the rise of the training loss under filter-normalised noise of 0.4 is with
  SmoothOut than with SGD (geometric mean, interval of the logarithms); interval above 1.5. Box sharpness and trace are
  shown beside it, without a bar.

Added when the headline was there: until the loss is the same SmoothOut takes 1.7 times the updates of SGD. So SGD gets
as many, on a plain schedule ("longer"). More than training longer: SmoothOut minus this control, five seeds, above 0.
And when that was there: the control's rate falls to 0, SmoothOut's had not. So SmoothOut gets the same schedule, too.
At the same price it helps where SmoothOut minus SGD, both on this schedule, five seeds, is above 0.

"rates" comes first, then "strengths" and "controls" may run side by side, then "headline", "longer" and "variants".
"""

import torch
from torch import nn

from effdl_lite import profiles
from effdl_lite.batches import ImageBatches
from effdl_lite.data import ImageData, load_cifar10
from effdl_lite.measure import LossSurface, box_sharpness, cpu_has_bf16, hessian_trace, rise_under_noise
from effdl_lite.methods.smoothout import AdaSmoothOut, SmoothOut
from effdl_lite.models import ConvNet
from effdl_lite.recipes import sgd
from effdl_lite.training import Method, TrainingDiverged, accuracy, classification_loss
from experiments import runner
from experiments.equal_loss import Plan, mean_loss, refreshed, train
from experiments.sharpness_aware import SAM

SMALL, LARGE = "batch 64", "batch 512"
RATES = {SMALL: (0.0125, 0.025, 0.05, 0.1), LARGE: (0.05, 0.1, 0.2)}
# What each method is tried with: the strength of its noise, SAM's radius, SWA's share of the learning rate.
STRENGTHS = {
    "SmoothOut": (0.02, 0.04, 0.08),
    "AdaSmoothOut": (0.1, 0.2, 0.4),
    "noise left in": (1e-4, 3e-4, 1e-3),
    "SAM": (0.05, 0.1, 0.2),
    "SWA": (0.25, 0.5, 1.0),
}
NOISES = [("SmoothOut", LARGE), ("AdaSmoothOut", LARGE), ("noise left in", LARGE), ("SmoothOut", SMALL)]
CONTROLS = [("SAM", LARGE), ("SWA", LARGE)]
RISE = 0.4  # strength of the filter-normalised noise under which losses rise
DRAWS = 1805  # seed of the random starts, vectors and directions that all networks are measured with
PROBE = 1024  # training images whose loss ends a training


def setting(batch: str, method: str, rate: float, strength: float = 0.0, **more) -> dict:
    """A case; `more` changes entries."""
    small = batch == SMALL
    case = {
        "network": "ConvNet",
        "train_images": profiles.choose(quick=1_024, laptop=5_120, full=None),
        "batch_size": 64 if small else 512,
        "shards": 1 if small else 4,
        "bf16": cpu_has_bf16(),
        "weight_decay": 5e-4,
        "learning_rate": rate,
        "method": method,
        "strength": strength,
        "updates": profiles.choose(quick=24, laptop=2_400 if small else 400, full=100_000),
        "warmup": profiles.choose(quick=4, laptop=80 if small else 20, full=400),
        "trigger": 0.75,
        "target": 0.45,
        "check": profiles.choose(quick=4, laptop=40 if small else 10, full=100),
    }
    return case | more


def make_method(net: nn.Module, case: dict, seed: int) -> Method | None:
    """The method of a case; none for SGD and SWA."""
    generator = torch.Generator().manual_seed(seed)
    match case["method"]:
        case "SmoothOut":
            return SmoothOut(net, case["strength"], generator=generator)
        case "AdaSmoothOut":
            return AdaSmoothOut(net, case["strength"], generator=generator)
        case "noise left in":
            return SmoothOut(net, case["strength"], denoise=False, generator=generator)
        case "SAM":
            return SAM(net, case["strength"])
        case "SGD" | "SWA":
            return None
    raise ValueError(f"method {case['method']!r} is unknown")


def train_case(case: dict, seed: int) -> tuple[nn.Module, dict, ImageData]:
    """One training; the network, with BatchNorm statistics of the training images, and its row so far."""
    data = load_cifar10(train_images=case["train_images"])
    batches = ImageBatches(data.train_images, data.train_labels, case["batch_size"], shuffle=True, seed=seed)
    torch.manual_seed(seed)
    net = ConvNet()
    method = make_method(net, case, seed)
    plan = Plan(
        case["updates"],
        case["warmup"],
        case["target"],
        case["trigger"],
        check=case["check"],
        averaged_rate=case["strength"] if case["method"] == "SWA" else None,
    )
    outcome = train(
        net,
        batches,
        next(iter(in_order(data, "train", PROBE))),
        sgd(net, case["learning_rate"], case["weight_decay"]),
        plan,
        loss_of=method.looking_up(classification_loss) if isinstance(method, SAM) else classification_loss,
        methods=[method] if method else [],
        shards=case["shards"],
        bf16=case["bf16"],
    )
    validation = in_order(data, "validation")
    row = {"validation_without_refresh": 100 * accuracy(outcome.net, validation)}
    net = refreshed(outcome.net, in_order(data, "train"))
    row = {"validation": 100 * accuracy(net, validation)} | row
    examples = outcome.updates * case["batch_size"]
    row |= {"updates": outcome.updates, "epochs": examples / len(data.train_labels)}
    row |= {"image_passes": examples * (2 if case["method"] == "SAM" else 1)}
    return net, row | {"reached": outcome.reached, "rate_at_end": outcome.rate_at_end}, data


def in_order(data: ImageData, part: str, size: int = 512) -> ImageBatches:
    """The images of a part as they lie, on the scale of the training images."""
    scale = ImageBatches(data.train_images, data.train_labels, 1)
    images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
    return ImageBatches(images, labels, min(size, len(labels)), mean=scale.mean, std=scale.std)


def tuning_trial(case: dict, seed: int) -> dict:
    """The row that a setting is chosen by: no test images. One that diverges got 0 right."""
    try:
        return train_case(case, seed)[1]
    except TrainingDiverged as error:
        return {"validation": 0.0, "reached": False, "diverged": str(error)}


def trial(case: dict, seed: int) -> dict:
    """The row of a case with one seed: accuracies in percent, losses in nats; it reads the test images, once."""
    net, row, data = train_case(case, seed)
    if seed == 0 and "weights" in case and profiles.current() == "reference":
        runner.save_weights(case["weights"], net)
    tested, trained = in_order(data, "test"), in_order(data, "train")
    row = {"test": 100 * accuracy(net, tested)} | row
    row |= {"train": 100 * accuracy(net, trained), "train_loss": mean_loss(net, trained)}
    return row | {"test_loss": mean_loss(net, tested)} | sharpness(net, data)


def sharpness(net: nn.Module, data: ImageData) -> dict:
    """Four numbers, with standard errors where they are means: the first 512 training images, 1,024 for the rise."""
    net = net.to(memory_format=torch.channels_last)
    batches = [batch for _, batch in zip(range(4), in_order(data, "train", 256), strict=False)]
    few, more = LossSurface(net, batches[:2]), LossSurface(net, batches)
    rise = rise_under_noise(more, RISE, 8, torch.Generator().manual_seed(DRAWS))
    trace = hessian_trace(few, 10, torch.Generator().manual_seed(DRAWS))
    return {
        "box_sharpness": box_sharpness(few, generator=torch.Generator().manual_seed(DRAWS)),
        "hessian_trace": trace.mean,
        "hessian_trace_error": trace.standard_error,
        "rise": rise.mean,
        "rise_error": rise.standard_error,
    }


def rate_cases() -> dict[str, dict]:
    """SGD with each rate, for both batches."""
    return {f"SGD, {batch}, {rate:g}": setting(batch, "SGD", rate) for batch in RATES for rate in RATES[batch]}


def strength_cases(methods: list[tuple[str, str]], rates: dict[str, float]) -> dict[str, dict]:
    """Each of the methods with its three strengths, at SGD's rate for the batch."""
    return {
        f"{method}, {batch}, {strength:g}": setting(batch, method, rates[batch], strength)
        for method, batch in methods
        for strength in STRENGTHS[method]
    }


def chosen(results: dict, method: str, batch: str) -> tuple[dict, dict]:
    """The case and row of a method's best setting: the best on validation images of those that reached the loss."""
    size = setting(batch, method, 0.0)["batch_size"]
    offered = [
        (results["cases"][row["case"]], row)
        for row in results["rows"]
        if (results["cases"][row["case"]]["method"], results["cases"][row["case"]]["batch_size"]) == (method, size)
    ]
    return max(offered, key=lambda pair: (pair[1]["reached"], pair[1]["validation"]))


def headline_cases(rates: dict[str, dict], noise: dict) -> dict[str, dict]:
    """The gap, and whether SmoothOut closes it."""
    return {
        f"SGD, {SMALL}": rates[SMALL],
        f"SGD, {LARGE}": rates[LARGE] | {"weights": "convnet_sgd_large_batch"},
        f"SmoothOut, {LARGE}": noise | {"weights": "convnet_smoothout_large_batch"},
    }


def variant_cases(rates: dict[str, dict], small: dict, noises: dict[str, dict]) -> dict[str, dict]:
    """Plain schedules as long as those of the small batch, whose row is `small`; no ghost batches; other noise."""
    plain = rates[LARGE] | {"target": None}
    images = rates[SMALL]["batch_size"] * small["updates"]
    lengths = {"epochs": max(1, images // plain["batch_size"]), "updates": small["updates"]}
    cases = {f"SGD, {LARGE}, equal {of}": plain | {"updates": updates} for of, updates in lengths.items()}
    return cases | {f"SGD, {LARGE}, no ghost batches": rates[LARGE] | {"shards": 1}} | noises


def longer_cases(rates: dict[str, dict], noise: dict, updates: int) -> dict[str, dict]:
    """SGD and SmoothOut with the large batch, on the same plain schedule of so many updates."""
    plain = {"target": None, "updates": updates}
    return {f"SGD, {LARGE}, as long as SmoothOut": rates[LARGE] | plain, f"SmoothOut, {LARGE}, as long": noise | plain}


def main() -> None:
    parts = ("rates", "strengths", "headline", "longer", "variants", "controls")
    only = runner.arguments(__doc__.splitlines()[0], only=parts).only
    three = profiles.choose(quick=[0], laptop=[0], reference=[0, 1, 2])
    five = profiles.choose(quick=[0], laptop=[0], reference=[0, 1, 2, 3, 4])
    sources = [load_cifar10().source]

    def run(name: str, cases: dict, seeds: list[int], each: runner.Trial) -> dict:
        return runner.run(f"smoothout_{name}", cases, seeds, each, sources)

    tried = run("rates_tuning", rate_cases(), [0], tuning_trial)
    best = {batch: chosen(tried, "SGD", batch) for batch in RATES}
    rates = {batch: case for batch, (case, _) in best.items()}
    rate_of = {batch: case["learning_rate"] for batch, case in rates.items()}
    if only in (None, "controls"):
        tried = run("controls_tuning", strength_cases(CONTROLS, rate_of), [0], tuning_trial)
        run("controls", {f"{m}, {batch}": chosen(tried, m, batch)[0] for m, batch in CONTROLS}, three, trial)
    if only in (None, "strengths", "headline", "longer", "variants"):
        tried = run("strengths_tuning", strength_cases(NOISES, rate_of), [0], tuning_trial)
        noises = {f"{m}, {batch}": chosen(tried, m, batch)[0] for m, batch in NOISES}
        headline = headline_cases(rates, noises.pop(f"SmoothOut, {LARGE}"))
        if only in (None, "headline"):
            run("headline", headline, five, trial)
        if only in (None, "longer"):
            noise, row = chosen(tried, "SmoothOut", LARGE)
            run("longer", longer_cases(rates, noise, row["updates"]), five, trial)
        if only in (None, "variants"):
            run("variants", variant_cases(rates, best[SMALL][1], noises), three, trial)


if __name__ == "__main__":
    runner.start(main)

"""The reference run of SmoothOut compares what it says that it compares."""

import copy
import functools
import math

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from effdl_lite.batches import ImageBatches
from effdl_lite.data import load_cifar10
from effdl_lite.measure import num_threads
from effdl_lite.methods.smoothout import AdaSmoothOut, SmoothOut
from effdl_lite.models import MLP, ConvNet
from effdl_lite.training import TrainingDiverged, accuracy, classification_loss, training_step
from experiments import equal_loss, runner
from experiments import smoothout as experiment
from experiments.equal_loss import Plan, mean_loss, refreshed, train
from experiments.sharpness_aware import SAM


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


images = functools.cache(load_cifar10)
RATES = experiment.rate_cases()
BEST = {batch: next(c for n, c in RATES.items() if batch in n) for batch in experiment.RATES}
STRENGTHS = experiment.strength_cases(experiment.NOISES + experiment.CONTROLS, {"batch 64": 0.1, "batch 512": 0.2})


@pytest.fixture
def few_images(monkeypatch):
    """Data that are read once, and tests of one batch: how long an evaluation takes is no part of what is tested."""
    monkeypatch.setattr(experiment, "load_cifar10", images)
    monkeypatch.setattr(experiment, "accuracy", lambda net, batches: accuracy(net, [next(iter(batches))]))


def differing(case: dict, other: dict) -> set[str]:
    return {key for key in case.keys() | other.keys() if case.get(key) != other.get(key)}


class TestTheCases:
    def test_all_methods_have_as_many_settings_to_choose_from_and_the_small_batch_one_more(self):
        tried = {}
        for case in [*RATES.values(), *STRENGTHS.values()]:
            tried.setdefault((case["method"], case["batch_size"]), []).append((case["learning_rate"], case["strength"]))
        assert len(tried) == 8
        assert len(set(tried.pop(("SGD", 64)))) == 4  # the lowest of three was its best
        assert {len(set(settings)) for settings in tried.values()} == {3}

    def test_they_differ_by_the_method_and_train_at_the_rate_of_sgd(self):
        for case in STRENGTHS.values():
            small = case["batch_size"] == 64
            assert case["learning_rate"] == (0.1 if small else 0.2)
            assert differing(case, BEST["batch 64" if small else "batch 512"]) <= {
                "method",
                "strength",
                "learning_rate",
            }

    def test_both_batches_end_at_the_same_loss(self):
        small, large = BEST["batch 64"], BEST["batch 512"]
        assert differing(small, large) <= {"batch_size", "shards", "learning_rate", "updates", "warmup", "check"}
        assert large["batch_size"] == 8 * small["batch_size"]
        assert (small["shards"], large["shards"]) == (1, 4)
        assert small["target"] < small["trigger"]

    def test_the_variants_change_one_thing_and_the_plain_schedules_are_as_long_as_the_small_batch(self):
        small = {"updates": 700}
        cases = experiment.variant_cases(BEST, small, {"AdaSmoothOut": STRENGTHS["AdaSmoothOut, batch 512, 0.1"]})
        plain = BEST["batch 512"]
        lengths = {}
        for of in ("epochs", "updates"):
            case = cases[f"SGD, batch 512, equal {of}"]
            assert differing(case, plain) == {"target", "updates"}
            assert case["target"] is None
            lengths[of] = case["updates"]
        assert lengths == {"epochs": 700 * 64 // 512, "updates": 700}
        assert differing(cases["SGD, batch 512, no ghost batches"], plain) == {"shards"}
        assert cases["AdaSmoothOut"]["strength"] == 0.1

    def test_the_longer_pair_has_one_schedule_and_differs_by_the_noise(self):
        noise = STRENGTHS["SmoothOut, batch 512, 0.04"] | {"learning_rate": BEST["batch 512"]["learning_rate"]}
        cases = experiment.longer_cases(BEST, noise, 275)
        assert list(cases) == ["SGD, batch 512, as long as SmoothOut", "SmoothOut, batch 512, as long"]
        sgd, smoothed = cases.values()
        assert (sgd["updates"], sgd["target"], sgd["method"]) == (275, None, "SGD")
        assert differing(sgd, BEST["batch 512"]) == {"target", "updates"}
        assert differing(sgd, smoothed) == {"method", "strength"}

    def test_the_headline_pair_differs_by_the_noise_and_leaves_its_weights(self):
        cases = experiment.headline_cases(BEST, STRENGTHS["SmoothOut, batch 512, 0.04"] | {"learning_rate": 0.05})
        sgd, noise = cases["SGD, batch 512"], cases["SmoothOut, batch 512"]
        assert differing(sgd, noise) == {"method", "strength", "weights"}
        assert "weights" not in cases["SGD, batch 64"]

    def test_the_best_on_validation_of_those_that_got_to_the_loss_is_chosen(self):
        cases = {name: case for name, case in STRENGTHS.items() if "SmoothOut" in name}
        scores = {"SmoothOut, batch 512, 0.02": (True, 60.0), "SmoothOut, batch 512, 0.04": (True, 61.0)}
        scores |= {"SmoothOut, batch 512, 0.08": (False, 70.0), "SmoothOut, batch 64, 0.08": (True, 80.0)}
        rows = [{"case": n, "reached": r, "validation": v} for n, (r, v) in scores.items()]
        results = {"cases": cases, "rows": rows}
        case, row = experiment.chosen(results, "SmoothOut", "batch 512")
        assert (case["strength"], row["validation"]) == (0.04, 61.0)
        assert experiment.chosen(results, "SmoothOut", "batch 64")[1]["validation"] == 80.0
        for row in rows:
            row["reached"] = False
        assert experiment.chosen(results, "SmoothOut", "batch 512")[0]["strength"] == 0.08

    def test_the_methods_are_what_their_names_say(self):
        net = ConvNet()
        made = {case["method"]: experiment.make_method(net, case, 0) for case in [*STRENGTHS.values(), *RATES.values()]}
        kinds = {"SmoothOut": SmoothOut, "AdaSmoothOut": AdaSmoothOut, "noise left in": SmoothOut, "SAM": SAM}
        assert {name: type(method) for name, method in made.items()} == kinds | {"SWA": type(None), "SGD": type(None)}
        assert [made[name].denoise for name in ("SmoothOut", "AdaSmoothOut", "noise left in")] == [True, True, False]
        assert made["SmoothOut"].strength == 0.08
        assert made["SAM"].radius == 0.2
        with pytest.raises(ValueError, match="method 'SDG' is unknown"):
            experiment.make_method(net, {"method": "SDG"}, 0)


@pytest.mark.parametrize(
    ("part", "runs"),
    [
        ("rates", []),
        ("strengths", ["strengths_tuning"]),
        ("headline", ["strengths_tuning", "headline"]),
        ("longer", ["strengths_tuning", "longer"]),
        ("variants", ["strengths_tuning", "variants"]),
        ("controls", ["controls_tuning", "controls"]),
        (None, ["controls_tuning", "controls", "strengths_tuning", "headline", "longer", "variants"]),
    ],
)
def test_a_part_runs_after_what_it_chooses_by(part, runs, few_images, monkeypatch):
    done = {}

    def run(name, cases, seeds, trial, sources):
        done[name.removeprefix("smoothout_")] = (cases, seeds, trial)
        rows = [{"case": case, "seed": 0, "reached": True, "validation": 50.0, "updates": 800} for case in cases]
        rows[-1]["validation"] = 60.0
        return {"cases": cases, "rows": rows}

    monkeypatch.setattr(experiment.runner, "run", run)
    options = ["smoothout", "--profile", "reference"] + (["--only", part] if part else [])
    monkeypatch.setattr("sys.argv", options)
    monkeypatch.setenv("EFFDL_PROFILE", "reference")
    experiment.main()
    assert list(done) == ["rates_tuning", *runs]
    for name, (cases, seeds, trial) in done.items():
        tuning = name.endswith("_tuning")
        assert trial is (experiment.tuning_trial if tuning else experiment.trial)
        assert seeds == ([0] if tuning else [0, 1, 2, 3, 4] if name in ("headline", "longer") else [0, 1, 2])
        assert {"rates_tuning": 7, "strengths_tuning": 12, "headline": 3, "variants": 6}.get(name, len(cases)) == len(
            cases
        )
    if "variants" in done:
        methods = {name: case["method"] for name, case in done["variants"][0].items()}
        assert [name for name, method in methods.items() if method == "SGD"] == list(methods)[:3]
        assert list(methods)[3:] == ["AdaSmoothOut, batch 512", "noise left in, batch 512", "SmoothOut, batch 64"]
        assert done["variants"][0]["SmoothOut, batch 64"]["strength"] == 0.08


def plans(monkeypatch, plan: Plan, losses):
    """Runs a plan with given training losses; the learning rate of every update, and the outcome."""
    net, rates = nn.Linear(1, 2), []
    optimizer = torch.optim.SGD(net.parameters(), lr=2.0)

    def step(net, batch, optimizer, *_, **options):
        rates.append(optimizer.param_groups[0]["lr"])
        with torch.no_grad():
            net.weight.fill_(len(rates))

    monkeypatch.setattr(equal_loss, "training_step", step)
    monkeypatch.setattr(equal_loss, "refreshed", lambda net, batches: net)
    seen = iter(losses)
    monkeypatch.setattr(equal_loss, "mean_loss", lambda net, batches: next(seen))
    return train(net, [(torch.zeros(1, 1), torch.zeros(1))] * 3, (), optimizer, plan), rates


class TestThePlan:
    def test_the_rate_is_constant_until_the_trigger_and_falls_until_the_target(self, monkeypatch):
        plan = Plan(100, warmup=4, target=0.5, trigger=0.8, fall=0.5, check=10)
        outcome, rates = plans(monkeypatch, plan, [2.0, 0.8, 0.7, 0.5])
        assert rates[:4] == [0.25, 0.75, 1.25, 1.75]
        assert rates[4:20] == [2.0] * 16
        assert rates[20:] == pytest.approx([2 * (1 - (k + 0.5) / 10) for k in range(9)] + [2 * equal_loss.LOWEST])
        assert (outcome.updates, outcome.reached) == (30, True)
        assert outcome.rate_at_end == equal_loss.LOWEST

    def test_it_goes_on_at_the_lowest_rate_and_says_if_the_loss_was_not_reached(self, monkeypatch):
        plan = Plan(60, warmup=1, target=0.5, trigger=0.8, fall=0.5, check=10)
        outcome, rates = plans(monkeypatch, plan, [0.8, *[0.6] * 10])
        assert rates[-40:] == pytest.approx([2 * equal_loss.LOWEST] * 40)
        assert (outcome.updates, outcome.reached) == (60, False)

    def test_averaging_begins_at_the_trigger_at_a_rate_of_its_own(self, monkeypatch):
        plan = Plan(100, warmup=1, target=0.5, trigger=0.8, check=10, averaged_rate=0.25)
        outcome, rates = plans(monkeypatch, plan, [1.0, 0.7, 0.6, 0.5])
        assert rates[1:] == [2.0] * 19 + [0.5] * 10
        assert outcome.net.weight.unique().tolist() == [(20 + 25 + 30) / 3]
        assert outcome.reached

    def test_a_plan_without_a_target_is_a_plain_schedule(self, monkeypatch):
        outcome, rates = plans(monkeypatch, Plan(30, warmup=3), [])
        assert len(rates) == 30
        assert max(rates[3:20]) == min(rates[3:20]) == 2.0
        assert rates[-1] == pytest.approx(2 * 0.5 / 10)
        assert (outcome.reached, outcome.updates) == (None, 30)


def test_refreshed_statistics_are_those_of_the_images_and_the_network_is_left_alone():
    torch.manual_seed(0)
    net = ConvNet()
    batches = [(3 + 2 * torch.randn(8, 3, 32, 32), torch.arange(8) % 10) for _ in range(2)]
    before = copy.deepcopy(net.state_dict())
    fresh = refreshed(net, batches)
    first = [net.convs[0](images) for images, _ in batches]
    torch.testing.assert_close(fresh.norms[0].running_mean, sum(m.mean(dim=(0, 2, 3)) for m in first) / 2)
    torch.testing.assert_close(fresh.norms[0].running_var, sum(m.var(dim=(0, 2, 3)) for m in first) / 2)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert net.training
    assert not fresh.training
    losses = [F.cross_entropy(fresh(images), labels).item() for images, labels in batches]
    assert mean_loss(fresh, batches) == pytest.approx(sum(losses) / 2, rel=1e-5)
    assert mean_loss(net, batches) != pytest.approx(mean_loss(fresh, batches), rel=0.01)


class TestSAM:
    def test_the_gradient_is_that_at_the_worst_point_of_the_ball_of_a_bowl(self):
        torch.manual_seed(0)
        net, batch = MLP((6, 5, 3)), (torch.randn(7, 6), torch.arange(7) % 3)
        before = [weight.detach().clone() for weight in net.parameters()]
        expected = copy.deepcopy(net)
        gradient = torch.autograd.grad(classification_loss(expected, batch)[0], list(expected.parameters()))
        norm = torch.cat([part.flatten() for part in gradient]).norm()
        with torch.no_grad():
            for weight, part in zip(expected.parameters(), gradient, strict=True):
                weight.add_(0.3 * part / norm)
        above, _ = classification_loss(expected, batch)
        above.backward()
        sam = SAM(net, 0.3)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
        loss, _ = training_step(net, batch, optimizer, sam.looking_up(classification_loss), [sam])
        assert loss == pytest.approx(above.item())
        assert loss > classification_loss(net, batch)[0].item()
        for weight, clean, other in zip(net.parameters(), before, expected.parameters(), strict=True):
            assert torch.equal(weight, clean)
            torch.testing.assert_close(weight.grad, other.grad)

    def test_the_weights_come_back_after_an_error(self):
        net = MLP((6, 5, 3))
        before, passes = [weight.detach().clone() for weight in net.parameters()], []

        def second_fails(model, batch, state):
            passes.append([weight.detach().clone() for weight in model.parameters()])
            if len(passes) == 2:
                raise ArithmeticError
            return classification_loss(model, batch, state)

        sam = SAM(net, 0.3)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with pytest.raises(ArithmeticError):
            training_step(net, (torch.randn(2, 6), torch.arange(2)), optimizer, sam.looking_up(second_fails), [sam])
        moved = math.sqrt(sum((a - b).square().sum().item() for a, b in zip(*passes, strict=True)))
        assert moved == pytest.approx(0.3, rel=1e-4)
        assert all(torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))

    def test_a_ball_without_radius(self):
        with pytest.raises(ValueError, match=r"radius 0.0 is no ball"):
            SAM(MLP((2, 2)), 0.0)


@pytest.mark.parametrize("name", ["SmoothOut, batch 512, 0.04", "SAM, batch 512, 0.1", "SWA, batch 512, 0.5"])
def test_a_trial_trains_and_keeps_what_the_chapter_needs(name, few_images, monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(experiment, "box_sharpness", functools.partial(experiment.box_sharpness, iterations=1))
    easy = {"train_images": 256, "batch_size": 64, "bf16": False, "trigger": 10.0, "target": 2.2, "updates": 40}
    row = experiment.trial(STRENGTHS[name] | easy | {"weights": "net"}, seed=0)
    numbers = {"test", "validation", "validation_without_refresh", "train", "train_loss", "test_loss", "updates"}
    numbers |= {"epochs", "image_passes", "reached", "rate_at_end", "box_sharpness", "rise", "rise_error"}
    assert row.keys() == numbers | {"hessian_trace", "hessian_trace_error"}
    assert all(math.isfinite(value) for value in row.values())
    assert row["reached"]
    assert 0 < row["rate_at_end"] <= 1
    assert row["epochs"] == row["updates"] / 4
    assert row["image_passes"] == 64 * row["updates"] * (2 if "SAM" in name else 1)
    assert not (tmp_path / "weights").exists()  # a quick trial leaves no weights


def test_the_reference_run_leaves_the_weights_of_seed_0_that_were_measured(few_images, monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(experiment, "sharpness", lambda net, data: {})
    case = BEST["batch 512"] | {"train_images": 256, "batch_size": 64, "bf16": False, "updates": 4, "weights": "net"}
    monkeypatch.setenv("EFFDL_PROFILE", "reference")
    experiment.trial(case, seed=1)
    assert not (tmp_path / "weights").exists()
    row = experiment.trial(case, seed=0)
    net = ConvNet()
    net.load_state_dict(load_file(tmp_path / "weights" / "net.safetensors"))
    data = images(train_images=case["train_images"])
    assert mean_loss(net, experiment.in_order(data, "train")) == pytest.approx(row["train_loss"], rel=1e-4)


def test_of_one_seed_all_start_from_the_same_weights_with_the_same_images(few_images, monkeypatch):
    started = []

    def noted(net, batches, probe, optimizer, plan, **options):
        started.append((net.state_dict(), next(iter(batches))[0], probe[0], options["shards"], optimizer, plan))
        raise TrainingDiverged("not trained")

    monkeypatch.setattr(experiment, "train", noted)
    cases = [STRENGTHS[name] for name in ("SmoothOut, batch 512, 0.04", "SAM, batch 512, 0.05", "SWA, batch 512, 0.25")]
    for case in [BEST["batch 512"], *cases]:
        assert experiment.tuning_trial(case, 3) == {"validation": 0.0, "reached": False, "diverged": "not trained"}
    first = started[0]
    for net, batch, probe, shards, *_ in started:
        assert all(torch.equal(value, first[0][key]) for key, value in net.items())
        assert torch.equal(batch, first[1])
        assert torch.equal(probe, first[2])
        assert shards == 4
    assert len(first[1]) == 512
    assert [plan.averaged_rate for *_, plan in started] == [None, None, None, 0.25]
    decays = [group["weight_decay"] for group in first[4].param_groups]
    assert decays == [5e-4, 0.0]


def test_images_in_order_are_on_the_scale_of_the_training_images(few_images):
    data = images(train_images=256)
    scale = ImageBatches(data.train_images, data.train_labels, 4)
    batches = list(experiment.in_order(data, "validation", 300))
    assert torch.cat([labels for _, labels in batches]).equal(data.validation_labels)
    first = (data.validation_images[:300] / 255 - scale.mean.view(3, 1, 1)) / scale.std.view(3, 1, 1)
    torch.testing.assert_close(batches[0][0], first)

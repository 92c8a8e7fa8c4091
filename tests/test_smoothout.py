"""SmoothOut: the noise is what it says, the weights come back to the bit, and the gradient is right on average."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from effdl_lite.measure import num_threads
from effdl_lite.methods.smoothout import (
    ADAPTATIONS,
    KINDS,
    SCHEDULES,
    AdaSmoothOut,
    SmoothOut,
    box_smoothed,
    draw_noise,
    loss_over_copies,
    noise_variance,
    perturbed_weights,
    quadratic_rise,
    schedule_factor,
    sinc_factor,
    smoothed_absolute,
    smoothed_slope,
)
from effdl_lite.methods.smoothout.noise import split_memory
from effdl_lite.models import MLP, ConvNet, LSTMLanguageModel
from effdl_lite.training import (
    Method,
    TrainingDiverged,
    classification_loss,
    fit,
    language_model_loss,
    training_step,
)

FALSE_ALARM = 1e-8  # how often a test of chance may fail with no mistake in it


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def allowed(draws: int, span: float) -> float:
    """How far a mean of so many numbers from a range of this width may be off, by Hoeffding's inequality."""
    return span * math.sqrt(math.log(2 / FALSE_ALARM) / (2 * draws))


def bits(model: nn.Module) -> list[torch.Tensor]:
    return [weight.detach().clone().view(torch.int32) for weight in model.parameters()]


def same(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


class Held(nn.Module):
    """A weight that the loss is a function of."""

    def __init__(self, *values: float):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(values, dtype=torch.float64))


class Seen(Method):
    """Notes the weights as the forward pass and the regularizer see them; listed after another method."""

    def __init__(self):
        self.forward, self.regularized = [], []

    def before_forward(self, model):
        self.forward.append([weight.detach().clone() for weight in model.parameters()])

    def regularize(self, model):
        self.regularized.append([weight.detach().clone() for weight in model.parameters()])


def image_batch(examples: int = 8):
    return torch.randn(examples, 3, 32, 32, generator=seeded()), torch.arange(examples) % 10


def one_step(model, methods, batch, *, loss_of=classification_loss, lr=0.1, decay=0.0, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=decay)
    return training_step(model, batch, optimizer, loss_of, methods, **options)


class TestNumbersOfTheFactSheet:
    def test_a_quadratic_is_lifted_and_keeps_its_slope(self):
        h, a, w = 2.0, 0.3, 0.7
        quadratic = lambda v: h * v**2 / 2  # noqa: E731
        assert quadratic(w) == pytest.approx(0.49)
        assert quadratic(w) + quadratic_rise(h, a) == pytest.approx(0.52)
        assert box_smoothed(quadratic, w, a) == pytest.approx(0.52, abs=1e-7)
        assert smoothed_slope(quadratic, w, a) == pytest.approx(h * w)
        assert quadratic_rise(10, 0.1) == pytest.approx(0.0166667, abs=1e-7)
        assert noise_variance(0.3) == pytest.approx(0.03)
        assert quadratic_rise(10, 0.1, "normal") == pytest.approx(3 * quadratic_rise(10, 0.1))

    def test_the_tip_of_the_absolute_value_is_rounded(self):
        w = np.array([0, 0.1, 0.3, 0.5, -2.0])
        expected = [0.15, 1 / 6, 0.3, 0.5, 2.0]
        assert smoothed_absolute(w, 0.3).tolist() == pytest.approx(expected)
        assert box_smoothed(np.abs, w, 0.3).tolist() == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize(
        ("ka", "factor"), [(0.5, 0.958851), (1, 0.841471), (math.pi / 2, 0.636620), (math.pi, 0), (4.4934, -0.217234)]
    )
    def test_a_wave_fades_by_the_sinc_factor(self, ka, factor):
        assert sinc_factor(ka, 1.0) == pytest.approx(factor, abs=5e-7)
        assert sinc_factor(10 * ka, 0.1) == pytest.approx(factor, abs=5e-7)
        wave = lambda v: np.sin(ka / 0.4 * v)  # noqa: E731
        for w in (0.0, 0.2, 1.1):
            assert box_smoothed(wave, w, 0.4) == pytest.approx(factor * wave(w), abs=3e-6)
            assert smoothed_slope(wave, w, 0.4) == pytest.approx(factor * ka / 0.4 * math.cos(ka / 0.4 * w), abs=1e-5)

    def test_the_noise_of_a_filter_has_its_length_times_the_strength(self):
        torch.manual_seed(0)
        net = ConvNet()
        noise = draw_noise(dict(net.named_parameters()), 0.2, adapt="filter", generator=seeded())
        for name, weight in net.named_parameters():
            if weight.ndim > 1:
                ratio = noise[name].double().flatten(1).norm(dim=1) / weight.double().flatten(1).norm(dim=1)
                assert (ratio / 0.2 - 1).abs().max() < 1e-6, name

    @pytest.mark.parametrize(
        ("share", "factor"), [(0, 4.54e-5), (0.25, 0.006693), (0.5, 0.5), (0.75, 0.993307), (1, 0.999955)]
    )
    def test_tanh_rises_from_nearly_nothing(self, share, factor):
        assert schedule_factor("tanh", round(200 * share), 200) == pytest.approx(factor, rel=1e-3, abs=5e-7)

    @pytest.mark.parametrize(("step", "factor"), [(0, 1), (9, 0.530884), (99, 0.281838), (999, 0.149624)])
    def test_annealing_falls(self, step, factor):
        assert schedule_factor("anneal", step) == pytest.approx(factor, abs=5e-7)
        assert schedule_factor("constant", step) == 1


class TestNoise:
    def test_uniform_noise_fills_its_interval_evenly(self):
        noise = draw_noise({"w": torch.zeros(200_000)}, 0.3, generator=seeded())["w"].double()
        assert noise.abs().max() <= 0.3
        assert stats.kstest(noise.numpy(), stats.uniform(-0.3, 0.6).cdf).pvalue > FALSE_ALARM

    def test_normal_noise_is_normal(self):
        noise = draw_noise({"w": torch.zeros(200_000)}, 0.3, kind="normal", generator=seeded())["w"].double()
        assert stats.kstest(noise.numpy(), stats.norm(0, 0.3).cdf).pvalue > FALSE_ALARM

    @pytest.mark.parametrize("kind", KINDS)
    def test_noise_by_weight_is_that_without_times_the_size_of_the_weight(self, kind):
        weights = {"w": torch.randn(40, 50, generator=seeded(1)), "b": torch.tensor([0.0, -2.0])}
        plain, scaled = (
            draw_noise(weights, 0.1, adapt=adapt, kind=kind, generator=seeded()) for adapt in ("none", "weight")
        )
        for name, weight in weights.items():
            torch.testing.assert_close(scaled[name], plain[name] * weight.abs())
        assert scaled["b"][0] == 0

    @pytest.mark.parametrize("kind", KINDS)
    def test_noise_by_filter_is_the_direction_of_that_without(self, kind):
        weights = {"w": torch.randn(6, 5, 3, 3, generator=seeded(1)), "b": torch.tensor([0.0, -2.0, 3.0])}
        weights["w"][2] = 0.0
        plain, scaled = (
            draw_noise(weights, 1.0, adapt=adapt, kind=kind, generator=seeded()) for adapt in ("none", "filter")
        )
        for f in range(6):
            u, w = plain["w"][f], weights["w"][f]
            torch.testing.assert_close(scaled["w"][f], w.norm() * u / (u.norm() + 1e-6))
        assert not scaled["w"][2].any()
        torch.testing.assert_close(scaled["b"], weights["b"].abs() * plain["b"].sign(), rtol=1e-4, atol=0)

    def test_only_in_tiny_filters_the_small_number_in_the_divisor_shows(self):
        weights = {"w": torch.ones(100_000, 2)}
        lengths = draw_noise(weights, 1.0, adapt="filter", generator=seeded())["w"].norm(dim=1) / math.sqrt(2)
        assert lengths.max() <= 1 + 1e-6
        assert lengths.min() < 1 - 1e-5

    @pytest.mark.parametrize("adapt", ADAPTATIONS)
    def test_it_is_reproducible_and_may_be_written_to_given_memory(self, adapt):
        weights = perturbed_weights(ConvNet())
        memory = torch.empty(sum(weight.numel() for weight in weights.values()))
        first = draw_noise(weights, 0.1, adapt=adapt, generator=seeded(5))
        second = draw_noise(weights, 0.1, adapt=adapt, generator=seeded(5), memory=memory)
        other = draw_noise(weights, 0.1, adapt=adapt, generator=seeded(6))
        assert all(torch.equal(first[name], second[name]) for name in weights)
        assert not any(torch.equal(first[name], other[name]) for name in weights)
        assert all(part.untyped_storage().data_ptr() == memory.data_ptr() for part in second.values())
        torch.manual_seed(5)
        free = draw_noise(weights, 0.1, adapt=adapt)
        assert all(torch.equal(first[name], free[name]) for name in weights)

    def test_it_has_the_memory_format_of_the_weight(self):
        net = ConvNet().to(memory_format=torch.channels_last)
        weights = perturbed_weights(net) | {"turned": torch.randn(3, 4).T, "expanded": torch.ones(4, 1).expand(4, 3)}
        noise = draw_noise(weights, 1.0)
        assert noise["convs.1.weight"].is_contiguous(memory_format=torch.channels_last)
        assert noise["turned"].stride() == (1, 4)
        for name, weight in weights.items():
            assert noise[name].shape == weight.shape
        parts = split_memory(torch.arange(sum(weight.numel() for weight in weights.values())), weights)
        every = torch.cat([part.flatten() for part in parts.values()])
        assert torch.equal(every.sort().values, torch.arange(len(every)))

    def test_batch_norm_and_frozen_weights_have_none(self):
        net = ConvNet()
        net.convs[0].weight.requires_grad_(False)
        assert list(perturbed_weights(net)) == ["convs.1.weight", "convs.2.weight", "fc.weight", "fc.bias"]
        everything = [name for name, _ in net.named_parameters() if name != "convs.0.weight"]
        assert list(perturbed_weights(net, exclude_batch_norm=False)) == everything


OPTIONS = [{"adapt": adapt, "kind": kind} for adapt in ADAPTATIONS for kind in KINDS]


class TestTheStep:
    @pytest.mark.parametrize("options", [*OPTIONS, {"exclude_batch_norm": False}], ids=str)
    @pytest.mark.parametrize("shards", [1, 3])
    def test_the_weights_come_back_to_the_bit(self, options, shards):
        torch.manual_seed(0)
        net = ConvNet().to(memory_format=torch.channels_last)
        with torch.no_grad():
            for weight in net.parameters():
                weight.mul_(torch.randn_like(weight).exp())
            net.fc.weight[0, :4] = torch.tensor([0.0, -0.0, 1e-42, 1e-20])  # -0 and numbers too small to be normal
        before, seen = bits(net), Seen()
        one_step(net, [SmoothOut(net, 0.1, **options), seen], image_batch(), shards=shards)
        (clean,) = seen.regularized  # what stands in the weights before the optimizer, which would turn -0 to 0
        assert same([weight.view(torch.int32) for weight in clean], before)
        moved = [[(a != b).any().item() for a, b in zip(f, clean, strict=True)] for f in seen.forward]
        norms = "exclude_batch_norm" in options
        expected = [weight.ndim > 1 or name == "fc.bias" or norms for name, weight in net.named_parameters()]
        assert moved == [expected] * shards

    def test_adding_and_subtracting_would_not_bring_them_back(self):
        net = MLP((40, 30, 10))
        weights = perturbed_weights(net)
        before = bits(net)
        for sign in (1, -1):
            noise = draw_noise(weights, 0.1, generator=seeded())
            with torch.no_grad():
                for name, weight in weights.items():
                    weight.add_(noise[name], alpha=sign)
        assert not same(bits(net), before)

    @pytest.mark.parametrize("place", ["forward", "backward"])
    def test_they_come_back_after_an_error(self, place):
        torch.manual_seed(0)
        net = ConvNet()
        method, before = SmoothOut(net, 0.1), bits(net)

        def broken(model, shard, state):
            assert not same(bits(model), before)
            loss, state = classification_loss(model, shard, state)
            if place == "forward":
                raise ArithmeticError("in the forward pass")
            loss.register_hook(lambda gradient: 1 / 0)
            return loss, state

        with pytest.raises(ArithmeticError):
            one_step(net, [method], image_batch(), loss_of=broken)
        assert same(bits(net), before)
        one_step(net, [method], image_batch(), lr=0.0)
        assert same(bits(net), before)

    def test_two_at_once_come_apart_again(self):
        net = ConvNet()
        before = bits(net)
        one_step(net, [SmoothOut(net, 0.1), AdaSmoothOut(net, 0.1)], image_batch(), lr=0.0)
        assert same(bits(net), before)

    def test_the_gradient_is_that_at_the_noisy_weights_and_the_step_starts_at_the_clean_ones(self):
        net = Held(1.0, -2.0, 3.0)
        hessian = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
        seen, clean = Seen(), net.weight.detach().clone()
        quadratic = lambda model, shard, state: ((hessian * model.weight**2).sum() / 2, state)  # noqa: E731
        one_step(net, [SmoothOut(net, 0.5, generator=seeded()), seen], (torch.zeros(1),), loss_of=quadratic, lr=0.01)
        ((noisy,),) = seen.forward
        assert (noisy - clean).abs().max() > 0.05
        torch.testing.assert_close(net.weight.detach(), clean - 0.01 * hessian * noisy)

    def test_weight_decay_and_penalties_see_the_clean_weights(self):
        net = Held(2.0, -4.0)
        seen, clean = Seen(), net.weight.detach().clone()
        flat = lambda model, shard, state: (0 * model.weight.sum(), state)  # noqa: E731
        one_step(net, [SmoothOut(net, 0.5), seen], (torch.zeros(4),), loss_of=flat, decay=0.5, shards=2)
        assert len(seen.forward) == 2
        assert torch.equal(seen.regularized[0][0], clean)
        torch.testing.assert_close(net.weight.detach(), clean * (1 - 0.1 * 0.5))

    def test_every_ghost_batch_has_noise_of_its_own_also_where_they_do_not_divide_the_batch(self):
        net = Held(1.0, 2.0)
        seen, clean = Seen(), net.weight.detach().clone()
        scaled = lambda model, shard, state: (shard[0].mean() * (model.weight**3).sum(), state)  # noqa: E731
        examples = torch.arange(1.0, 11.0, dtype=torch.float64)  # 10 for 4 shards: 3, 3, 2 and 2
        one_step(net, [SmoothOut(net, 0.3), seen], (examples,), loss_of=scaled, lr=1.0, shards=4)
        noisy = torch.stack([weights[0] for weights in seen.forward])
        assert len({round(value, 9) for value in (noisy - clean).flatten().tolist()}) == 8
        expected = sum(part.sum() * 3 * w**2 for part, w in zip(examples.tensor_split(4), noisy, strict=True)) / 10
        torch.testing.assert_close(net.weight.grad, expected)
        torch.testing.assert_close(net.weight.detach(), clean - expected)

    def test_noise_that_stays_goes_on_from_the_noisy_weights(self):
        net = Held(1.0, 2.0)
        seen, clean = Seen(), net.weight.detach().clone()
        line = lambda model, shard, state: (model.weight.sum(), state)  # noqa: E731
        one_step(net, [SmoothOut(net, 0.3, denoise=False), seen], (torch.zeros(2),), loss_of=line, shards=2)
        first, second = (weights[0] for weights in seen.forward)
        assert (first - clean).abs().min() > 0
        assert (second - first).abs().min() > 0
        torch.testing.assert_close(net.weight.detach(), second - 0.1)

    @pytest.mark.parametrize("schedule", SCHEDULES)
    def test_the_strength_follows_the_schedule_by_updates_and_not_by_shards(self, schedule):
        net = Held(*[0.0] * 20_000)
        method, seen = SmoothOut(net, 0.5, schedule=schedule, steps=10), Seen()
        flat = lambda model, shard, state: (0 * model.weight.sum(), state)  # noqa: E731
        for _ in range(10):
            one_step(net, [method, seen], (torch.zeros(2),), loss_of=flat, shards=2)
        largest = [weights[0].abs().max().item() for weights in seen.forward]
        expected = [0.5 * schedule_factor(schedule, update, 10) for update in range(10) for _ in range(2)]
        # The largest of 20,000 is below 99.8 % of the bound once in 2e17.
        assert largest == pytest.approx(expected, rel=2e-3)
        assert method.step == 10

    def test_without_strength_it_is_the_plain_step(self):
        torch.manual_seed(0)
        plain, still = (net := ConvNet()), copy.deepcopy(net)
        one_step(plain, [], image_batch())
        one_step(still, [SmoothOut(still, 0.0)], image_batch())
        assert same(bits(plain), bits(still))

    @pytest.mark.parametrize("make", [SmoothOut, AdaSmoothOut])
    def test_training_with_fit_learns_and_the_seeds_decide_everything(self, make):
        inputs = torch.randn(256, 20, generator=seeded())
        batches = [(part, (part[:, :2].sum(dim=1) > 0).long()) for part in inputs.split(64)]

        def trained(generator_seed):
            torch.manual_seed(1)
            model = MLP((20, 32, 2))
            optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
            generator = None if generator_seed is None else seeded(generator_seed)
            method = make(model, 0.05, generator=generator)
            history = fit(model, batches, optimizer, 8, methods=[method], shards=3, progress=False)
            assert sum(history.loss[-4:]) < 0.5 * sum(history.loss[:4])
            return bits(model)

        assert same(trained(3), trained(3))
        assert not same(trained(3), trained(4))
        assert same(trained(None), trained(None))

    def test_it_follows_a_model_that_changes_its_memory_format_or_type_of_pass(self):
        net = ConvNet()
        method, before = AdaSmoothOut(net, 0.1), [weight.detach().clone() for weight in net.parameters()]
        net.to(memory_format=torch.channels_last)
        one_step(net, [method], image_batch(), lr=0.0, bf16=True)
        assert same(list(net.parameters()), before)


class TestTheGradientOnAverage:
    @pytest.mark.parametrize("ka", [0.5, 1.0, math.pi, 4.4934])
    def test_it_is_that_of_the_smoothed_loss(self, ka):
        """Each weight is a draw of its own; the gradient of a wave is at most its frequency in size."""
        draws, w, a = 400_000, 0.3, 0.8
        k = ka / a
        net = Held(*[w] * draws)
        wave = lambda model, shard, state: (torch.sin(k * model.weight).sum(), state)  # noqa: E731
        one_step(net, [SmoothOut(net, a, generator=seeded())], (torch.zeros(1),), loss_of=wave)
        expected = smoothed_slope(lambda v: np.sin(k * v), w, a)
        assert expected == pytest.approx(sinc_factor(k, a) * k * math.cos(k * w), abs=1e-12)
        assert net.weight.grad.mean().item() == pytest.approx(expected, abs=allowed(draws, 2 * k))

    def test_the_slope_of_a_tip_is_that_of_the_rounded_one(self):
        draws, a, w = 400_000, 0.3, 0.1
        net = Held(*[w] * draws)
        tip = lambda model, shard, state: (model.weight.abs().sum(), state)  # noqa: E731
        one_step(net, [SmoothOut(net, a, generator=seeded())], (torch.zeros(1),), loss_of=tip)
        assert net.weight.grad.mean().item() == pytest.approx(w / a, abs=allowed(draws, 2))

    def test_copies_average_the_gradients_of_single_draws(self):
        torch.manual_seed(0)
        net, batch = MLP((20, 16, 5)), (torch.randn(12, 20), torch.arange(12) % 5)
        weights = perturbed_weights(net)
        noises = [draw_noise(weights, 0.2, generator=seeded(number)) for number in range(4)]
        loss, _ = loss_over_copies(classification_loss, noises)(net, batch, None)
        found = torch.autograd.grad(loss, list(net.parameters()))
        single = []
        for number in range(4):
            one_step(net, [SmoothOut(net, 0.2, generator=seeded(number))], batch, lr=0.0)
            single.append([weight.grad for weight in net.parameters()])
        for gradient, *parts in zip(found, *single, strict=True):
            torch.testing.assert_close(gradient, sum(parts) / 4)

    def test_copies_smooth_a_sharp_tip(self):
        net = Held(0.1)
        offsets = 0.3 * (2 * (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000 - 1)
        tip = lambda model, batch, state: (model.weight.abs().sum(), state)  # noqa: E731
        averaged = loss_over_copies(tip, [{"weight": offset[None]} for offset in offsets])
        assert averaged(net, (), None)[0].item() == pytest.approx(smoothed_absolute(0.1, 0.3), abs=1e-5)

    def test_every_copy_carries_a_state_of_its_own(self):
        torch.manual_seed(0)
        model = LSTMLanguageModel(20, 8, (8,), dropout=0.0)
        words = torch.arange(40).view(2, 20) % 20
        noises = [draw_noise(perturbed_weights(model), a, generator=seeded()) for a in (0.0, 0.5)]
        averaged = loss_over_copies(language_model_loss, noises)
        batches = [(part, part.roll(-1, dims=1)) for part in words.split(10, dim=1)]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        states = None
        for batch in batches:
            loss, states = training_step(model, batch, optimizer, averaged, states=states)
        plain, moved = [], copy.deepcopy(model)
        with torch.no_grad():
            for name, weight in moved.named_parameters():
                weight.add_(noises[1][name])
        for each in (model, moved):
            state = None
            for batch in batches:
                last, state = language_model_loss(each, batch, state)
            plain.append(last.item())
        assert abs(plain[0] - plain[1]) > 1e-3
        assert loss == pytest.approx(sum(plain) / 2, rel=1e-5)


class TestRefusals:
    @pytest.mark.parametrize(
        ("strength", "options", "message"),
        [
            (-0.1, {}, "strength -0.1 is negative; give 0 for no noise, or more"),
            (math.nan, {}, "strength nan is no finite number"),
            ("0.1", {}, "strength '0.1' is no finite number"),
            (True, {}, "strength True is no finite number"),
            (0.1, {"adapt": "layer"}, "adapt 'layer' is unknown; choose one of none, weight, filter"),
            (0.1, {"kind": "laplace"}, "noise 'laplace' is unknown; choose one of uniform, normal"),
            (0.1, {"schedule": "linear"}, "schedule 'linear' is unknown; choose one of constant, anneal, tanh"),
            (0.1, {"schedule": "tanh"}, "give steps, the number of its updates"),
            (0.1, {"steps": 0}, "steps is 0; give the number of updates of the training, at least 1"),
        ],
        ids=str,
    )
    def test_options(self, strength, options, message):
        with pytest.raises(ValueError, match=message):
            SmoothOut(ConvNet(), strength, **options)

    def test_models_without_anything_to_perturb(self):
        with pytest.raises(ValueError, match="this BatchNorm2d has no weights outside of BatchNorm that are trained"):
            SmoothOut(nn.BatchNorm2d(3), 0.1)
        with pytest.raises(ValueError, match="no weight has filters, two or more dimensions, for adapt='filter'"):
            AdaSmoothOut(nn.LayerNorm(3), 0.1)
        SmoothOut(nn.LayerNorm(3), 0.1)
        with pytest.raises(ValueError, match=r"the weights are torch.float16 on cpu and torch.float32 on cpu"):
            SmoothOut(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).half()), 0.1)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_a_weight_that_is_no_number_before_the_noise_is_named(self, value):
        net = ConvNet()
        with torch.no_grad():
            net.convs[1].weight[3, 2] = value
        before, method = bits(net), SmoothOut(net, 0.1)
        with pytest.raises(TrainingDiverged, match=r"convs.1.weight holds 25 numbers \(of 25600\) that are NaN"):
            one_step(net, [method], image_batch())
        assert same(bits(net), before)

    def test_huge_weights_are_numbers_too(self):
        net = Held(1e308, 1e308)
        flat = lambda model, shard, state: (0 * model.weight.sum(), state)  # noqa: E731
        with pytest.raises(TrainingDiverged, match="the loss is nan"):  # of the training step, not of the method
            one_step(net, [SmoothOut(net, 0.1)], (torch.zeros(1),), loss_of=flat)

    def test_noise_upon_noise(self):
        net = ConvNet()
        method, before = SmoothOut(net, 0.1), bits(net)
        method.before_forward(net)
        with pytest.raises(RuntimeError, match="still hold the noise of the shard before"):
            method.before_forward(net)
        for _ in range(2):
            method.after_backward(net)
            assert same(bits(net), before)

    def test_copies(self):
        with pytest.raises(ValueError, match="0 noises: give that of at least 1 copy"):
            loss_over_copies(classification_loss, [])
        averaged = loss_over_copies(classification_loss, [{"fc.scale": torch.zeros(1)}])
        with pytest.raises(ValueError, match=r"this ConvNet has no weight 'fc.scale'"):
            averaged(ConvNet(), image_batch(), None)

    @pytest.mark.parametrize("strength", [0.0, -1.0, math.nan])
    def test_a_box_without_width(self, strength):
        for use in (box_smoothed, smoothed_slope):
            with pytest.raises(ValueError, match="gives no box; give a number above 0"):
                use(np.sin, 0.0, strength)
        with pytest.raises(ValueError, match="gives no box"):
            smoothed_absolute(0.0, strength)

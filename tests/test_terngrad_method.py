"""TernGrad as a method of the training step: the shards of the batch are its workers."""

import copy
import math

import pytest
import torch
from torch import nn

from effdl_lite.measure import num_threads
from effdl_lite.methods.terngrad import BASE_3, TWO_BIT, TernGrad, bound_ratio, deviation, download_bytes, upload_bytes
from effdl_lite.models import MLP, ConvNet
from effdl_lite.training import TrainingDiverged, fit, training_step

G = torch.tensor([[0.8, -0.3, 0.1, -0.05], [0.6, -0.9, 0.2, 0.05], [0.3, -0.2, -0.7, 0.4]])  # of three workers
FALSE_ALARM = 1e-8


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Held(nn.Module):
    """A weight whose gradient is the mean of the examples."""

    def __init__(self, elements: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(elements))


def given_gradients(model, shard, state):
    return (shard[0] @ model.weight).mean(), state


def combined(examples: torch.Tensor, workers: int, **options) -> torch.Tensor:
    """The gradient that the optimizer sees, for a batch of gradients."""
    model = Held(examples.shape[1])
    options = {"clip": None, "float_below": 1, "generator": seeded()} | options
    method = TernGrad(model, **options)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    training_step(model, (examples,), optimizer, given_gradients, [method], shards=workers)
    return model.weight.grad


def allowed(draws: int, span: float, means: int = 1) -> float:
    """By Hoeffding, as in test_terngrad.py."""
    return span * (math.sqrt(math.log(2 * means / FALSE_ALARM) / (2 * draws)) + 2**-16)


@pytest.mark.parametrize("share", [True, False])
def test_the_mean_of_ternary_gradients_is_the_mean_gradient_on_average(share):
    draws = 100_000
    gradient = combined(G.repeat(1, draws), 3, share=share).view(draws, 4)
    off = (gradient.double().mean(dim=0) - G.mean(dim=0)).abs().max().item()
    assert off <= allowed(draws, 0.9, means=4)
    assert G.mean(dim=0).tolist() == pytest.approx([0.56667, -0.46667, -0.13333, 0.13333], abs=1e-5)


@pytest.mark.parametrize(("share", "expected"), [(True, 0.15611), (False, 0.10667)])
def test_sharing_costs_the_variance_of_the_fact_sheet(share, expected):
    draws = 100_000
    gradient = combined(G.repeat(1, draws), 3, share=share).view(draws, 4).double()
    squares = (gradient - G.mean(dim=0)).square().sum(dim=1)
    assert squares.mean().item() == pytest.approx(expected, abs=allowed(draws, 4 * 0.9**2))


def test_a_shared_scaler_leaves_2n_plus_1_levels():
    shared = combined(G.repeat(1, 1000), 3)
    assert [round(level, 6) for level in shared.unique().tolist()] == [-0.9, -0.6, -0.3, 0, 0.3, 0.6, 0.9]
    assert len(combined(G.repeat(1, 1000), 3, share=False).unique()) > 7


def test_workers_with_more_examples_count_for_more():
    examples = torch.tensor([[1.0], [1.0], [-1.0], [0.5], [-0.5]])  # 2, 2 and 1 for three workers
    draws = 50_000
    gradient = combined(examples.repeat(1, draws), 3)
    assert gradient.double().mean().item() == pytest.approx(0.2, abs=allowed(draws, 2.4))
    assert len(gradient.unique()) <= 7


@pytest.mark.parametrize("rule", ["formula", "code"])
def test_workers_clip_at_their_own_limit_by_the_formula_and_at_the_shared_one_by_the_code(rule):
    wide, narrow = torch.randn(2, 50_000, generator=seeded()) * torch.tensor([[1.0], [0.1]])
    wide[:500], narrow[:500] = 0.0, 2.0  # outliers of the second worker alone
    gradient = combined(torch.stack([wide, narrow]), 2, clip=2.5, rule=rule)
    shared = 2.5 * deviation(wide)
    assert shared > 2 > 2.5 * deviation(narrow) > 0.5
    assert gradient.abs().max().item() == pytest.approx(shared)
    expected = (2.5 * deviation(narrow) if rule == "formula" else 2.0) / 2
    assert gradient[:500].mean().item() == pytest.approx(expected, abs=allowed(500, shared / 2))


def test_one_scaler_for_the_model_has_more_variance_than_one_for_each_tensor():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 20, bias=False), nn.Linear(20, 20, bias=False))
    method = TernGrad(model, scope="model", clip=None, float_below=1, generator=seeded())
    gradients = [[torch.randn(20, 20), 100 * torch.randn(20, 20)] for _ in range(2)]
    means = method.combine(gradients, [0.5, 0.5])
    largest = max(gradient.abs().max().item() for shard in gradients for gradient in shard)
    for mean in means:
        assert {round(abs(level) / largest, 5) for level in mean.unique().tolist()} <= {0.0, 0.5, 1.0}
    assert method.zeros["0.weight"] > 0.98 > method.zeros["1.weight"]


def test_small_tensors_and_the_last_layer_stay_in_float():
    torch.manual_seed(0)
    model = ConvNet()
    images, labels = torch.randn(8, 3, 32, 32), torch.arange(8)
    *_, last = (module for module in model.modules() if isinstance(module, nn.Linear))
    ternary, plain = model, copy.deepcopy(model)
    method = TernGrad(ternary, float_layers=[last])
    for net, methods in ((ternary, [method]), (plain, [])):
        optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
        loss_of = lambda m, shard, state: (nn.functional.cross_entropy(m(shard[0]), shard[1]), state)  # noqa: E731
        training_step(net, (images, labels), optimizer, loss_of, methods, shards=2)
    in_last = {id(weight) for weight in last.parameters()}
    for (name, weight), expected in zip(ternary.named_parameters(), plain.parameters(), strict=True):
        if id(weight) in in_last or weight.numel() < 256:
            assert torch.equal(weight.grad, expected.grad), name
            assert name not in method.zeros
        else:
            assert len(weight.grad.unique()) <= 5, name
            assert method.zeros[name] == pytest.approx((weight.grad == 0).double().mean().item(), abs=0.5)


def test_the_traffic_is_that_of_the_tensors():
    model = MLP((100, 50, 10))
    for codec, share in ((TWO_BIT, True), (BASE_3, True), (TWO_BIT, False)):
        method = TernGrad(model, codec=codec, share=share)
        gradients = [[torch.randn_like(weight) for weight in model.parameters()] for _ in range(4)]
        for _ in range(2):
            method.combine(gradients, [0.25] * 4)
        small = 4 * (50 + 10)
        up = upload_bytes(5000, codec) + upload_bytes(500, codec) + small
        down = download_bytes(5000, 4, shared=share) + download_bytes(500, 4, shared=share) + small
        traffic = method.traffic
        assert (traffic.steps, traffic.up, traffic.down, traffic.fp32) == (2, 2 * up, 2 * down, 2 * 4 * 5560)


def test_frozen_weights_are_not_sent():
    model = MLP((30, 20, 10))
    method = TernGrad(model, float_below=1)
    next(iter(model.parameters())).requires_grad_(False)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    method.combine([[torch.randn_like(weight) for weight in trained]] * 2, [0.5, 0.5])
    assert method.traffic.fp32 == 4 * sum(weight.numel() for weight in trained)


def test_channels_last_gradients_keep_their_format_and_their_places():
    layer = nn.Conv2d(8, 8, 3, bias=False)
    gradient = torch.randn(8, 8, 3, 3).sign().contiguous(memory_format=torch.channels_last)
    method = TernGrad(layer, clip=None)
    (mean,) = method.combine([[gradient]], [1.0])
    assert mean.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(mean, gradient)  # elements of one size always fire


def test_training_with_fit_learns_and_the_seed_decides_everything():
    torch.manual_seed(0)
    inputs = torch.randn(256, 20)
    batches = [(part, (part[:, :2].sum(dim=1) > 0).long()) for part in inputs.split(64)]
    weights, losses = [], []
    for _ in range(2):
        torch.manual_seed(1)
        model = MLP((20, 32, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        method = TernGrad(model, float_layers=[list(model.modules())[-1]])
        history = fit(model, batches, optimizer, 6, methods=[method], shards=4, progress=False)
        weights.append(torch.cat([weight.detach().flatten() for weight in model.parameters()]))
        losses.append(history.loss)
    assert torch.equal(*weights)
    assert sum(losses[0][-4:]) < 0.5 * sum(losses[0][:4])
    assert method.traffic.steps == 24


def test_a_bound_ratio_can_be_had_before_the_exchange():
    ratios = []

    class Recorded(TernGrad):
        def combine(self, gradients, shares):
            ratios.append(bound_ratio(gradients[0][0]).item())
            return super().combine(gradients, shares)

    Recorded(Held(4)).combine([[G[0]], [G[1]]], [0.5, 0.5])
    assert ratios == [pytest.approx(0.8 * 1.25 / (0.64 + 0.09 + 0.01 + 0.0025))]


class TestRefusals:
    @pytest.mark.parametrize("float_below", [1, 100])
    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_a_gradient_that_is_not_finite_stops_the_step_and_leaves_the_weights(self, value, float_below):
        examples = torch.zeros(4, 10)
        examples[3, 7] = value

        def finite_loss(model, shard, state):
            return (torch.nan_to_num(shard[0], 0, 0) @ model.weight).mean() + Stopped.apply(
                model.weight, shard[0]
            ), state

        model = Held(10)
        method = TernGrad(model, float_below=float_below)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        with pytest.raises(TrainingDiverged, match=r"gradient of weight on worker 1 holds 1 numbers \(of 10\)"):
            training_step(model, (examples,), optimizer, finite_loss, [method], shards=2)
        assert (model.weight == 0).all()
        assert method.traffic.up == 0

    def test_gradients_of_another_model(self):
        with pytest.raises(ValueError, match="made for 1 trainable weights, and there are gradients of 2"):
            TernGrad(Held(4)).combine([[torch.ones(4), torch.ones(4)]], [1.0])

    def test_a_float_layer_of_another_model(self):
        with pytest.raises(ValueError, match="a float layer is not in this MLP"):
            TernGrad(MLP(), float_layers=[nn.Linear(3, 3)])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"scope": "layer"}, "scope 'layer' is unknown"),
            ({"scope": "model", "bucket_size": 8, "clip": None}, "leaves no buckets"),
            ({"clip": 0}, "give a number above 0"),
            ({"rule": "mean"}, "rule 'mean' is unknown"),
            ({"bucket_size": 0}, "bucket_size is 0"),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            TernGrad(MLP(), **options)


class Stopped(torch.autograd.Function):
    """0, whose gradient is that of the mean of the examples, NaN and all."""

    @staticmethod
    def forward(ctx, weight, examples):
        ctx.save_for_backward(examples)
        return weight.new_zeros(())

    @staticmethod
    def backward(ctx, gradient):
        return ctx.saved_tensors[0].mean(dim=0), None

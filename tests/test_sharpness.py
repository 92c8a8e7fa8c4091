"""Sharpness is measured right where it can be computed by hand, and the weights are the same afterwards."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from effdl_lite import measure
from effdl_lite.measure import (
    LossSurface,
    box_sharpness,
    filter_normalised_direction,
    hessian_trace,
    loss_slice,
    num_threads,
    rise_under_noise,
)
from effdl_lite.measure.sharpness import estimate
from effdl_lite.models import MLP, ConvNet


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Bowl(nn.Module):
    """Weights whose loss is a quadratic around where they are."""

    def __init__(self, centre: torch.Tensor, hessian: torch.Tensor, height: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(centre.double().clone())
        self.centre, self.hessian, self.height = centre.double(), hessian.double(), height


def bowl_loss(model: Bowl, batch) -> torch.Tensor:
    offset = (model.weight - model.centre).flatten()
    return model.height + offset @ model.hessian @ offset / 2


def bowl(centre, hessian, height: float = 0.0) -> LossSurface:
    return LossSurface(Bowl(torch.tensor(centre), torch.tensor(hessian), height), [(torch.zeros(1),)], bowl_loss)


def network(*parts: int) -> LossSurface:
    """A trained-looking ConvNet on random images, in batches of these sizes."""
    torch.manual_seed(0)
    net = ConvNet()
    for norm in net.norms:
        norm.weight.data.uniform_(0.5, 1.5)
        norm.running_var.uniform_(0.5, 1.5)
    images, labels = torch.randn(sum(parts), 3, 32, 32), torch.arange(sum(parts)) % 10
    return LossSurface(net, list(zip(images.split(parts), labels.split(parts), strict=True)))


class TestTheSurface:
    def test_loss_and_gradient_are_means_over_examples_in_evaluation_mode(self):
        surface = network(5, 3)
        (images, labels), surface.model.training = (
            (torch.cat(part) for part in zip(*surface.batches, strict=True)),
            True,
        )
        surface.model.eval()
        expected = F.cross_entropy(surface.model(images), labels)
        gradient = torch.autograd.grad(expected, surface.weights)
        surface.model.train()
        statistics = [norm.running_mean.clone() for norm in surface.model.norms]
        value, found = surface.gradient()
        assert surface.value() == pytest.approx(expected.item(), rel=1e-5)
        assert value == pytest.approx(expected.item(), rel=1e-5)
        torch.testing.assert_close(found, list(gradient), rtol=1e-4, atol=1e-6)
        assert surface.model.training
        assert all(weight.grad is None for weight in surface.weights)
        assert all(torch.equal(a, b.running_mean) for a, b in zip(statistics, surface.model.norms, strict=True))

    def test_curvature_is_that_of_the_hessian(self):
        torch.manual_seed(0)
        net = MLP((4, 3, 2)).double()
        net.layers[0].bias.requires_grad_(False)
        batches = [(torch.randn(n, 4).double(), torch.arange(n) % 2) for n in (4, 2)]
        surface = LossSurface(net, batches)
        names = [name for name, weight in net.named_parameters() if weight.requires_grad]
        images, labels = (torch.cat(part) for part in zip(*batches, strict=True))

        def loss(*weights):
            return F.cross_entropy(
                torch.func.functional_call(net, dict(zip(names, weights, strict=True)), (images,)), labels
            )

        blocks = torch.autograd.functional.hessian(loss, tuple(w.detach() for w in surface.weights))
        sizes = [weight.numel() for weight in surface.weights]
        hessian = torch.cat(
            [
                torch.cat([b.reshape(n, m) for b, m in zip(row, sizes, strict=True)], 1)
                for row, n in zip(blocks, sizes, strict=True)
            ]
        )
        vectors = torch.randn(3, sum(sizes)).double()
        directions = [[p.view(w.shape) for p, w in zip(v.split(sizes), surface.weights, strict=True)] for v in vectors]
        assert surface.curvature(directions) == pytest.approx([(v @ hessian @ v).item() for v in vectors])
        trace = hessian_trace(surface, 400, seeded())
        assert abs(trace.mean - hessian.trace().item()) < 6 * trace.standard_error < 0.9 * hessian.trace().item()

    def test_the_curvature_of_a_line_is_zero(self):
        model = Bowl(torch.ones(3), torch.zeros(3, 3))
        surface = LossSurface(model, [(torch.zeros(1),)], lambda model, batch: model.weight.sum())
        assert surface.curvature([[torch.ones(3)]]) == [0.0]

    def test_the_weights_come_back_to_the_bit_also_after_an_error(self):
        surface = network(4)
        before = [weight.detach().clone() for weight in surface.weights]
        direction = filter_normalised_direction(surface.weights, seeded())

        def back() -> bool:
            return all(torch.equal(a, b) for a, b in zip(surface.weights, before, strict=True))

        def fail_inside():
            with surface.moved(direction, 0.3):
                assert not back()
                raise ArithmeticError

        with pytest.raises(ArithmeticError):
            fail_inside()
        assert back()
        box_sharpness(surface, iterations=1, generator=seeded())
        assert back()
        rise_under_noise(surface, 0.4, 2, seeded())
        assert back()

    def test_nothing_to_measure(self):
        with pytest.raises(ValueError, match="0 batches and 11 weights"):
            LossSurface(ConvNet(), [])
        with pytest.raises(ValueError, match="1 batches and 0 weights"):
            LossSurface(ConvNet().requires_grad_(False), [(torch.zeros(1, 3, 32, 32), torch.zeros(1))])


class TestTheBox:
    def test_one_steep_weight(self):
        assert box_sharpness(bowl([0.0], [[1e6]]), generator=seeded()) == pytest.approx(12.5)

    def test_a_search_from_the_minimum_itself_finds_nothing(self, monkeypatch):
        monkeypatch.setattr(torch, "rand", lambda count, **_: torch.full((count,), 0.5, dtype=torch.float64))
        assert box_sharpness(bowl([0.0], [[1e6]])) == 0

    def test_the_box_is_wider_for_larger_weights_and_the_rise_is_relative_to_the_loss(self):
        h, centre, epsilon, height = [1e3, 2e3, 5e2], [1.0, -3.0, 0.0], 1e-2, 0.25
        largest = sum(k * (epsilon * (abs(x) + 1)) ** 2 / 2 for k, x in zip(h, centre, strict=True))
        surface = bowl(centre, torch.diag(torch.tensor(h)).tolist(), height)
        found = box_sharpness(surface, epsilon=epsilon, generator=seeded())
        assert found == pytest.approx(100 * largest / (1 + height), rel=1e-5)

    def test_of_several_starts_the_best_counts(self):
        # Two walls of different height: where the search ends depends on the side that it starts on.
        def walls(model, batch):
            return (model.weight**2).sum() * 1e6 * (1 + 1e3 * model.weight.sum())

        surface = LossSurface(Bowl(torch.zeros(1), torch.zeros(1, 1)), [(torch.zeros(1),)], walls)
        single = {round(box_sharpness(surface, starts=1, generator=seeded(seed)), 6) for seed in range(12)}
        assert len(single) == 2
        assert box_sharpness(surface, starts=12, generator=seeded()) == pytest.approx(max(single))

    def test_a_network_has_a_sharpness_that_the_seed_decides(self):
        surface = network(6, 4)
        first, again = (box_sharpness(surface, starts=1, iterations=2, generator=seeded(3)) for _ in range(2))
        assert first == again > 0
        corner = [
            0.999 * 5e-4 * (w.detach().abs() + 1) * g.sign()
            for w, g in zip(surface.weights, surface.gradient()[1], strict=True)
        ]
        with surface.moved(corner):
            in_the_box = surface.value()
        assert first > 0.95 * 100 * (in_the_box - surface.value()) / (1 + surface.value())

    @pytest.mark.parametrize("options", [{"epsilon": 0.0}, {"starts": 0}, {"iterations": 0}, {"epsilon": math.nan}])
    def test_options(self, options):
        with pytest.raises(ValueError, match="give more than 0 of each"):
            box_sharpness(bowl([0.0], [[1.0]]), **options)

    def test_a_loss_that_is_no_number(self):
        with pytest.raises(ValueError, match="the loss is nan near these weights"):
            box_sharpness(bowl([0.0], [[math.nan]]))


class TestTheTrace:
    def test_a_diagonal_hessian_has_no_spread(self):
        trace = hessian_trace(bowl([1.0, 2.0, 3.0], torch.diag(torch.tensor([1.0, 2.0, 7.0])).tolist()), 3, seeded())
        assert trace == (pytest.approx(10.0), pytest.approx(0.0, abs=1e-9))

    def test_the_standard_error_is_that_of_the_off_diagonal(self):
        """One draw is 10 + 2 * 3 * (+1 or -1): its deviation is 6."""
        trace = hessian_trace(bowl([1.0, 2.0], [[4.0, 3.0], [3.0, 6.0]]), 4000, seeded())
        assert trace.standard_error == pytest.approx(6 / math.sqrt(4000), rel=0.01)
        assert trace.mean == pytest.approx(10, abs=6 * trace.standard_error)

    def test_a_single_draw_has_no_error_and_none_is_refused(self):
        assert math.isnan(hessian_trace(bowl([1.0], [[1.0]]), 1).standard_error)
        assert estimate([1.0, 3.0]) == (2.0, pytest.approx(1.0))
        with pytest.raises(ValueError, match="0 samples: give at least 1"):
            hessian_trace(bowl([1.0], [[1.0]]), 0)


class TestSlices:
    def test_a_direction_is_as_long_as_each_filter_and_leaves_vectors_alone(self):
        net = ConvNet()
        direction = filter_normalised_direction(list(net.parameters()), seeded())
        for weight, part in zip(net.parameters(), direction, strict=True):
            if weight.ndim < 2:
                assert not part.any()
                continue
            torch.testing.assert_close(part.flatten(1).norm(dim=1), weight.detach().flatten(1).norm(dim=1))
            cosine = F.cosine_similarity(part.flatten(1), weight.detach().flatten(1)).abs()
            assert cosine.mean() < 3 / math.sqrt(weight[0].numel())
        again = filter_normalised_direction(list(net.parameters()), seeded())
        assert all(torch.equal(a, b) for a, b in zip(direction, again, strict=True))
        with pytest.raises(ValueError, match="no weight has filters"):
            filter_normalised_direction([torch.ones(3)])

    def test_a_slice_of_a_bowl_is_a_parabola(self):
        surface = bowl([[1.0, 2.0], [3.0, 4.0]], torch.eye(4).tolist(), 0.5)
        direction = filter_normalised_direction(surface.weights, seeded())
        positions = [-1.0, 0.0, 0.5, 2.0]
        assert loss_slice(surface, direction, positions) == pytest.approx([0.5 + 30 * p**2 / 2 for p in positions])

    def test_the_rise_of_a_bowl(self):
        surface = bowl([[1.0, 2.0], [3.0, 4.0]], (2 * torch.eye(4)).tolist(), 0.5)
        rise = rise_under_noise(surface, 0.4, 5, seeded())
        assert rise == (pytest.approx(0.4**2 * 30), pytest.approx(0, abs=1e-9))
        for strength, draws in ((0.0, 2), (-1.0, 2), (0.1, 0)):
            with pytest.raises(ValueError, match="give more than 0 of each"):
                rise_under_noise(surface, strength, draws)

    def test_longer_filters_before_batch_norm_change_the_trace_but_not_the_rise(self):
        """The critique of sharpness: outputs stay the same to rounding, and the trace falls by what one likes."""
        surface = network(8)
        measured = []
        for _ in range(2):
            rise = rise_under_noise(surface, 0.4, 3, seeded())
            measured.append((surface.value(), rise.mean, hessian_trace(surface, 4, seeded()).mean))
            with torch.no_grad():
                for conv, norm in zip(surface.model.convs, surface.model.norms, strict=True):
                    conv.weight.mul_(10)
                    norm.running_mean.mul_(10)
                    norm.running_var.add_(norm.eps).mul_(100).sub_(norm.eps)
        (loss, rise, trace), (same_loss, same_rise, other_trace) = measured
        assert same_loss == pytest.approx(loss, rel=1e-4)
        assert same_rise == pytest.approx(rise, rel=1e-3)
        assert abs(other_trace) < 0.7 * abs(trace)


def test_the_names_are_those_of_the_room():
    assert {"LossSurface", "box_sharpness", "hessian_trace", "rise_under_noise", "loss_slice"} <= set(measure.__all__)

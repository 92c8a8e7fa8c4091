"""Force regularization: the numbers of the fact sheet, three equal forms, and the authors' place in the update."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, prune

from effdl_lite.methods.force_regularization import (
    FORCES,
    ForceRegularization,
    force,
    force_by_gram,
    force_by_pairs,
    force_by_sums,
    pairwise_distance,
)
from effdl_lite.methods.low_rank import energy_rank
from effdl_lite.models import ConvNet
from effdl_lite.training import training_step

FORMS = [(force_by_pairs, "L2"), (force_by_gram, "L2"), (force_by_pairs, "L1"), (force_by_gram, "L1")]
PAIR = torch.tensor([[3.0, 4.0], [1.0, 0.0]])


def of_filters(*filters: tuple[float, ...]) -> nn.Linear:
    """A layer with these filters."""
    layer = nn.Linear(len(filters[0]), len(filters), bias=False)
    layer.weight.data = torch.tensor(filters)
    return layer


def nothing_to_learn(model, shard, state):
    return 0 * model(shard[0]).sum(), state


def move(layer: nn.Module, method, optimizer, steps: int = 1) -> None:
    """So many steps in which only the method, and the optimizer's weight decay, move the layer."""
    inputs = layer.weight.new_zeros(1, layer.weight.shape[1])
    for _ in range(steps):
        training_step(layer, (inputs,), optimizer, nothing_to_learn, [method])


class TestNumbersOfTheFactSheet:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("L2", [[0, 2], [1, 0]]), ("L1", [[0, 1.414214], [0.707107, 0]])],
    )
    def test_two_filters_at_a_right_angle(self, kind, expected):
        filters = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        torch.testing.assert_close(force(filters, kind), torch.tensor(expected, dtype=torch.float32))

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("L2", [[3.2, -2.4], [0, 0.8]]), ("L1", [[3.577709, -2.683282], [0, 0.894427]])],
    )
    def test_three_four_and_one_zero(self, kind, expected):
        torch.testing.assert_close(force(PAIR, kind), torch.tensor(expected))

    def test_the_pull_of_the_second_on_the_first_and_its_part_along_the_first(self):
        directions = PAIR / PAIR.norm(dim=1, keepdim=True)
        pull = directions[1] - directions[0]
        torch.testing.assert_close(pull, torch.tensor([0.4, -0.8]))
        along = pull @ directions[0]
        assert along.item() == pytest.approx(-0.4)
        # The force is that pull without this part, times the length.
        torch.testing.assert_close(force(PAIR)[0], 5 * (pull - along * directions[0]))

    def test_three_filters(self):
        filters = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        expected = torch.tensor([[0, 1.707107], [1.707107, 0], [0, 0]])
        torch.testing.assert_close(force(filters), expected)
        torch.testing.assert_close(force(filters, "L1"), expected / 1.707107 * 1.630986, atol=1e-6, rtol=1e-6)

    def test_gradient_descent_on_the_pairwise_distance(self):
        filters = PAIR.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(pairwise_distance(filters), filters)
        torch.testing.assert_close(-gradient, torch.tensor([[0.256, -0.192], [0, 1.6]]))
        assert pairwise_distance(PAIR).item() == pytest.approx(0.8)  # twice half of 0.4^2 + 0.8^2

    def test_one_step(self):
        layer = of_filters((3.0, 4.0), (1.0, 0.0))
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        move(layer, ForceRegularization([layer], 1.0), optimizer)
        torch.testing.assert_close(layer.weight.data, torch.tensor([[3.32, 3.76], [1, 0.08]]))
        lengths = layer.weight.data.norm(dim=1)
        assert lengths.tolist() == pytest.approx([5.015975, 1.003195], abs=5e-7)
        cosine = (layer.weight.data[0] @ layer.weight.data[1] / lengths.prod()).item()
        assert cosine == pytest.approx(0.719555, abs=5e-7)


def random_filters(seed: int, filters: int, weights: int) -> torch.Tensor:
    """Filters of very different lengths; one is zero, two point the same way, two the opposite way."""
    torch.manual_seed(seed)
    matrix = torch.randn(filters, weights) * torch.rand(filters, 1).mul(4).exp()
    if filters > 4:
        matrix[1] = 0
        matrix[2] = 3 * matrix[0]
        matrix[3] = -matrix[0]
    return matrix


class TestForms:
    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.integers(0, 9_999), st.integers(2, 12), st.integers(1, 20), st.sampled_from(FORCES))
    def test_all_forms_are_equal(self, seed, filters, weights, kind):
        matrix = random_filters(seed, filters, weights)
        expected = force_by_pairs(matrix.double(), kind)
        scale = matrix.norm(dim=1, keepdim=True).clamp(min=1e-6) * filters
        forms = [force_by_pairs(matrix, kind), force_by_gram(matrix, kind), force(matrix, kind)]
        for found in forms + ([force_by_sums(matrix)] if kind == "L2" else []):
            assert found.dtype == matrix.dtype
            torch.testing.assert_close(found / scale, expected.float() / scale, atol=2e-6, rtol=0)

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.integers(0, 9_999), st.integers(2, 12), st.integers(2, 20), st.sampled_from(FORCES))
    def test_the_force_is_tangential(self, seed, filters, weights, kind):
        matrix = random_filters(seed, filters, weights).double()
        found = force(matrix, kind)
        assert ((found * matrix).sum(1).abs() <= 1e-10 * filters * matrix.square().sum(1)).all()

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.integers(0, 9_999), st.integers(2, 9), st.integers(2, 12), st.sampled_from(FORCES))
    def test_gradient_descent_on_the_pairwise_distance_has_the_same_directions(self, seed, filters, weights, kind):
        torch.manual_seed(seed)
        matrix = torch.randn(filters, weights, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(pairwise_distance(matrix, kind), matrix)
        with torch.no_grad():
            torch.testing.assert_close(-gradient, 2 / matrix.square().sum(1, keepdim=True) * force(matrix, kind))

    def test_the_pairwise_distance_has_a_gradient_where_filters_are_zero_or_coincide(self):
        for kind in FORCES:
            filters = torch.tensor([[1.0, 2], [0, 0], [2, 4], [1, 0]], requires_grad=True)
            (gradient,) = torch.autograd.grad(pairwise_distance(filters, kind), filters)
            assert gradient.isfinite().all()
            assert gradient[1].tolist() == [0, 0]

    @pytest.mark.parametrize("kind", FORCES)
    def test_leading_dimensions_are_layers_of_their_own(self, kind):
        matrices = torch.randn(3, 5, 7)
        expected = torch.stack([force_by_pairs(matrix, kind) for matrix in matrices])
        torch.testing.assert_close(force(matrices, kind), expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(force_by_gram(matrices, kind), expected, atol=1e-5, rtol=1e-5)

    def test_the_package_uses_sums_for_the_one_force_and_the_gram_matrix_for_the_other(self):
        matrix = torch.randn(6, 9)
        assert torch.equal(force(matrix), force_by_sums(matrix))
        assert torch.equal(force(matrix, "L1"), force_by_gram(matrix, "L1"))

    @pytest.mark.parametrize(("form", "kind"), [*FORMS, (lambda filters, kind: force_by_sums(filters), "L2")])
    def test_a_filter_too_short_neither_pulls_nor_is_pulled(self, form, kind):
        for length in (0.0, 0.99e-4):
            filters = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.6, 0.8]])
            with_short = torch.cat([filters, length * torch.tensor([[0.0, 1.0]])])
            found = form(with_short, kind)
            assert found[3].tolist() == [0, 0]
            torch.testing.assert_close(found[:3], form(filters, kind))
        longer = torch.cat([filters, torch.tensor([[0.0, 1.01e-4]])])
        assert form(longer, kind)[3, 0] > 1e-5
        assert not torch.allclose(form(longer, kind)[:3], form(filters, kind), atol=1e-3)

    @pytest.mark.parametrize("form", [force_by_pairs, force_by_gram])
    def test_directions_that_coincide_exert_no_l1_force(self, form):
        for angle, pulls in ((0.0, False), (0.9e-4, False), (1.2e-4, True)):
            pair = torch.tensor([[1.0, 0.0], [3 * math.cos(angle), 3 * math.sin(angle)]], dtype=torch.float64)
            found = form(pair, "L1")
            torch.testing.assert_close(found[0, 1].item(), 1.0 if pulls else 0.0, atol=1e-4, rtol=0)
            torch.testing.assert_close(found[1].norm().item(), 3.0 if pulls else 0.0, atol=3e-4, rtol=0)
        triple = torch.tensor([[1.0, 0.0], [5.0, 0.0], [0.0, 1.0]])  # the third pulls at each of the two
        torch.testing.assert_close(form(triple, "L1")[:2], torch.tensor([[0, 0.707107], [0, 5 * 0.707107]]))

    @pytest.mark.parametrize("kind", FORCES)
    def test_opposite_filters_feel_nothing_and_nearly_opposite_ones_go_the_long_way(self, kind):
        assert force(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), kind).abs().max() < 1e-6
        found = force(torch.tensor([[1.0, 0.0], [-1.0, 0.1]]), kind)
        assert found[0, 1] > 0

    def test_the_l2_force_fades_as_filters_meet_and_the_l1_force_does_not(self):
        near = torch.tensor([[1.0, 0.0], [1.0, 0.01]])
        assert force(near).norm(dim=1).max() < 0.011
        assert force(near, "L1").norm(dim=1).min() > 0.99


class TestTheMethod:
    @pytest.mark.parametrize("nesterov", [False, True])
    @pytest.mark.parametrize("kind", FORCES)
    def test_with_sgd_the_update_is_the_authors(self, kind, nesterov):
        """Theirs: gradient, plus decay times weight, minus strength times force, and then momentum."""
        torch.manual_seed(0)
        layer = nn.Linear(5, 4, bias=False).double()
        weight, velocity = layer.weight.detach().clone(), torch.zeros(4, 5, dtype=torch.float64)
        rate, momentum, decay, strength = 0.1, 0.9, 0.05, 0.3
        options = {"lr": rate, "momentum": momentum, "weight_decay": decay, "nesterov": nesterov}
        optimizer = torch.optim.SGD(layer.parameters(), **options)
        method = ForceRegularization([layer], strength, kind)
        for number in range(12):
            inputs = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(number))
            gradient = 2 / 12 * (inputs @ weight.mT).mT @ inputs
            gradient = gradient + decay * weight
            gradient = gradient - strength * force_by_pairs(weight, kind)
            velocity = momentum * velocity + gradient
            weight = weight - rate * (gradient + momentum * velocity if nesterov else velocity)
            training_step(layer, (inputs,), optimizer, lambda m, s, _: (m(s[0]).square().mean(), None), [method])
        torch.testing.assert_close(layer.weight.detach(), weight)

    def test_with_adam_a_strength_means_nothing_where_only_the_force_pulls(self):
        paths = {}
        for name, optimizer_of in (
            ("sgd", lambda weights: torch.optim.SGD(weights, lr=1e-3)),
            ("adam", lambda weights: torch.optim.Adam(weights, lr=1e-3)),
        ):
            moved = []
            for strength in (0.1, 1.0):
                layer = of_filters((3.0, 4.0), (1.0, 0.0))
                move(layer, ForceRegularization([layer], strength), optimizer_of(layer.parameters()))
                moved.append((layer.weight.data - PAIR).norm().item())
            paths[name] = moved[1] / moved[0]
        assert paths["sgd"] == pytest.approx(10, rel=1e-3)
        assert paths["adam"] == pytest.approx(1, rel=1e-3)

    @pytest.mark.parametrize("kind", FORCES)
    def test_attraction_lowers_the_rank_and_repulsion_the_cosines(self, kind):
        torch.manual_seed(0)
        start = nn.Linear(12, 8, bias=False)
        start.weight.data = start.weight.data + 0.1
        found = {}
        for strength in (0.05, 0.0, -0.05):
            layer = copy.deepcopy(start)
            optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
            move(layer, ForceRegularization([layer], strength, kind), optimizer, steps=60)
            directions = nn.functional.normalize(layer.weight.data)
            found[strength] = ((directions @ directions.mT).mean().item(), energy_rank(layer, 0.95))
        assert found[0.05][0] > found[0.0][0] > found[-0.05][0]
        assert found[0.05][1] < found[0.0][1]
        assert found[0.05][1] == 1

    def test_forces_alone_keep_filters_in_the_space_that_they_span(self):
        torch.manual_seed(0)
        layer = nn.Linear(30, 6, bias=False).double()
        space = torch.linalg.svd(layer.weight.detach()).Vh[6:]
        for kind in FORCES:
            method = ForceRegularization([layer], 0.5, kind)
            move(layer, method, torch.optim.SGD(layer.parameters(), lr=0.1), steps=10)
            assert (layer.weight.detach() @ space.mT).abs().max() < 1e-12

    def test_each_layer_has_its_own_strength_and_conv_groups_are_apart(self):
        layers = [
            nn.Conv2d(4, 6, 3, groups=2),
            nn.Linear(5, 3),
            nn.Conv1d(2, 4, 3),
            nn.Conv3d(1, 2, 2),
            nn.Linear(2, 2),
        ]
        layers[0] = layers[0].to(memory_format=torch.channels_last)
        strengths = [0.5, 2.0, -1.0, 3, 0.0]
        for layer in layers:
            layer.weight.grad = torch.ones_like(layer.weight)
        ForceRegularization(layers, strengths).regularize(nn.ModuleList(layers))
        for layer, strength in zip(layers, strengths, strict=True):
            parts = layer.weight.detach().chunk(getattr(layer, "groups", 1))
            pulls = torch.cat([force_by_pairs(part.flatten(1)).view(part.shape) for part in parts])
            torch.testing.assert_close(layer.weight.grad, 1 - strength * pulls, atol=1e-5, rtol=1e-5)

    def test_one_strength_is_for_all_layers_and_biases_are_left_alone(self):
        net = ConvNet(batch_norm=False)
        method = ForceRegularization(net.convs, 1e-3)
        assert method.strengths == [1e-3] * 3
        assert [id(weight) for weight in method.weights] == [id(conv.weight) for conv in net.convs]
        for weight in net.parameters():
            weight.grad = torch.zeros_like(weight)
        method.regularize(net)
        moved = {name for name, weight in net.named_parameters() if weight.grad.any()}
        assert moved == {"convs.0.weight", "convs.1.weight", "convs.2.weight"}
        assert method.penalty() is None

    def test_frozen_layers_stay(self):
        net = ConvNet()
        net.convs[0].weight.requires_grad = False
        method = ForceRegularization(net.convs, 1.0)
        before = net.convs[0].weight.clone()
        optimizer = torch.optim.SGD([w for w in net.parameters() if w.requires_grad], lr=0.1)
        training_step(net, (torch.zeros(2, 3, 32, 32),), optimizer, nothing_to_learn, [method])
        assert torch.equal(net.convs[0].weight, before)

    def test_the_force_is_that_of_the_clean_weights_in_single_precision_under_bf16(self):
        torch.manual_seed(0)
        layer = nn.Linear(6, 4, bias=False)
        before = layer.weight.detach().clone()
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        method = ForceRegularization([layer], 1.0)
        training_step(layer, (torch.zeros(1, 6),), optimizer, nothing_to_learn, [method], bf16=True)
        torch.testing.assert_close(layer.weight.detach(), before + 0.1 * force(before))


class TestBadInput:
    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            (nn.Linear(4, 1), "this Linear has one filter, and no other pulls at it; leave it out"),
            (nn.Conv2d(3, 3, 3, groups=3), "this Conv2d has one filter in each of its 3 conv groups"),
            (nn.ConvTranspose2d(3, 4, 3), "a ConvTranspose2d has no filters along the first dimension"),
            (nn.BatchNorm2d(3), "a BatchNorm2d has no filters"),
            (parametrizations.weight_norm(nn.Linear(3, 4)), "computed by a parametrization; make it plain first"),
            (prune.random_unstructured(nn.Linear(3, 4), "weight", 0.5), "computed by a pruning mask; make it plain"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_layers_that_have_no_force(self, layer, message):
        with pytest.raises(ValueError, match=message):
            ForceRegularization([layer], 0.1)

    @pytest.mark.parametrize("strength", [math.nan, math.inf, "0.1", None, True, [0.1, None]])
    def test_a_strength_that_is_no_number(self, strength):
        with pytest.raises(ValueError, match=r"is no finite number; below 0 it repels|strengths for 2 layers"):
            ForceRegularization([nn.Linear(2, 2), nn.Linear(2, 2)], strength)

    def test_numbers_of_layers_and_strengths(self):
        with pytest.raises(ValueError, match="0 layers: give at least 1"):
            ForceRegularization([], 0.1)
        with pytest.raises(ValueError, match="3 strengths for 2 layers; give one, or one for each"):
            ForceRegularization([nn.Linear(2, 2), nn.Linear(2, 2)], [1, 2, 3])
        layer = nn.Linear(2, 2)
        with pytest.raises(ValueError, match="would be pulled at twice; give each layer once"):
            ForceRegularization([layer, layer], 0.1)
        assert ForceRegularization(layer, 0.1).layers == [layer]

    def test_an_unknown_force(self):
        layer = nn.Linear(2, 2)
        uses = (lambda kind: ForceRegularization([layer], 0.1, kind), lambda kind: force(layer.weight, kind))
        uses += tuple(
            lambda kind, form=form: form(layer.weight, kind)
            for form in (force_by_pairs, force_by_gram, pairwise_distance)
        )
        for use in uses:
            with pytest.raises(ValueError, match="force 'L3' is unknown; choose one of L2, L1"):
                use("L3")

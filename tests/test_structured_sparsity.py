"""Structured sparsity: every number of the fact sheet comes out of the package, and every part of the method works."""

import copy
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from effdl_lite import measure
from effdl_lite.methods.lowering import LoweredConv2d, lowered_macs
from effdl_lite.methods.structured_sparsity import (
    GROUPS,
    FrozenZeros,
    StructuredSparsity,
    group_lasso,
    group_norms,
    group_size,
    reach,
    shorten,
    trim,
)
from effdl_lite.models import MLP, CifarResNet, ConvNet, LeNet
from effdl_lite.training import training_step

KINDS = [kind for kind in GROUPS if kind != "weight"]


def counts(layer: nn.Module) -> dict[str, int]:
    return {kind: group_norms(layer, kind).numel() for kind in KINDS}


def lone_group(*values: float) -> nn.Linear:
    """A layer whose only row holds these weights."""
    layer = nn.Linear(len(values), 1, bias=False)
    layer.weight.data = torch.tensor([values])
    return layer


def nothing_to_learn(model, shard, state):
    return 0 * model(shard[0]).sum(), state


def steps(layer: nn.Module, method, number: int, rate: float = 0.1, momentum: float = 0.0):
    """The weight before and after each of so many steps in which only the method moves it."""
    optimizer = torch.optim.SGD(layer.parameters(), lr=rate, momentum=momentum)
    path = [layer.weight.detach().clone()]
    for _ in range(number):
        training_step(layer, (torch.zeros(1, layer.weight.shape[1]),), optimizer, nothing_to_learn, [method])
        path.append(layer.weight.detach().clone())
    return path


class TestNumbersOfTheFactSheet:
    def test_lenet_has_the_groups_of_the_paper(self):
        net = LeNet()
        assert counts(net.conv1) == {"filter": 20, "channel": 1, "shape": 25, "kernel": 20, "layer": 1}
        assert counts(net.conv2) == {"filter": 50, "channel": 20, "shape": 500, "kernel": 1000, "layer": 1}

    def test_lenet_multiply_accumulates(self):
        costs = {cost.name: cost.macs for cost in measure.layer_costs(LeNet(), torch.zeros(1, 1, 28, 28))}
        assert costs == {"conv1": 288_000, "conv2": 1_600_000, "fc1": 400_000, "fc2": 5_000}

    @pytest.mark.parametrize(
        ("filters", "columns", "share"),
        [
            ((5, 19), (25, 4 * 25), (0.25, 0.076)),  # Table 1, LeNet 2
            ((3, 12), (25, 3 * 25), (0.15, 0.036)),  # Table 1, LeNet 3
            ((2, 50), (21, 41), (0.084, 0.082)),  # Table 2, LeNet 4: conv1 makes 2 channels
            ((1, 50), (7, 14), (0.014, 0.028)),  # Table 2, LeNet 5
        ],
    )
    def test_lenet_shares_of_the_tables(self, filters, columns, share):
        net, image = LeNet(), torch.zeros(1, 1, 28, 28)
        dense = lowered_macs(net, image)
        for conv, rows, kept in zip((net.conv1, net.conv2), filters, columns, strict=True):
            conv.weight.data[rows:] = 0
            conv.weight.data.flatten(1)[:, kept:] = 0
        small = lowered_macs(net, image)
        found = [small[name].macs / dense[name].macs for name in ("conv1", "conv2")]
        assert found == pytest.approx(share, rel=1e-12)

    @pytest.mark.parametrize(
        ("widths", "share"),
        [((469, 294, 166), (0.35175, 0.32536, 0.55333)), ((434, 174, 78), (0.19264, 0.09048, 0.26))],
    )
    def test_mlp_shares_of_the_poster(self, widths, share):
        net, image = MLP(), torch.zeros(1, 784)
        dense = lowered_macs(net, image)
        for layer, inputs, outputs in zip(net.layers, widths, (*widths[1:], 10), strict=True):
            layer.weight.data[:, inputs:] = 0
            layer.weight.data[outputs:] = 0
        small = lowered_macs(net, image)
        assert [small[name].macs / dense[name].macs for name in dense] == pytest.approx(share, abs=5e-6)

    def test_caffes_convnet(self):
        net = ConvNet(batch_norm=False)
        shapes = [LoweredConv2d(conv).weight.shape for conv in net.convs]
        assert [tuple(shape) for shape in shapes] == [(32, 75), (32, 800), (64, 800)]
        found = lowered_macs(net, torch.zeros(1, 3, 32, 32))
        assert [found[f"convs.{i}"].macs for i in range(3)] == [2_457_600, 6_553_600, 3_276_800]
        assert measure.count_parameters(net) == 89_578

    def test_row_sparsity_of_the_convnet_table_is_in_whole_filters(self):
        rows = [counts(conv)["filter"] for conv in ConvNet().convs]
        assert [rows[0] * (1 - 0.5), round(rows[0] * 0.125), round(rows[1] * 0.281), round(rows[2] * 0.016)] == [
            16, 4, 9, 1
        ]  # fmt: skip
        for whole, printed, of in ((4, 12.5, 32), (9, 28.1, 32), (1, 1.6, 64)):
            assert round(100 * whole / of, 1) == printed

    def test_alexnet_groups_are_counted_in_each_conv_group(self):
        layers = [
            nn.Conv2d(3, 96, 11),
            nn.Conv2d(96, 256, 5, groups=2),
            nn.Conv2d(256, 384, 3),
            nn.Conv2d(384, 384, 3, groups=2),
            nn.Conv2d(384, 256, 3, groups=2),
        ]
        shapes = [
            (counts(layer)["filter"] // layer.groups, counts(layer)["shape"] // layer.groups, layer.groups)
            for layer in layers
        ]
        assert shapes == [(96, 363, 1), (128, 1200, 2), (384, 2304, 1), (192, 1728, 2), (128, 1728, 2)]
        assert [counts(layer)["kernel"] for layer in layers] == [288, 12_288, 98_304, 73_728, 49_152]

    def test_the_authors_multipliers_are_square_roots_of_the_groups_sizes(self):
        columns = [(256, 5, 2), (384, 3, 1), (384, 3, 2), (256, 3, 2)]  # filters, kernel, conv groups
        sizes = [group_size(nn.Conv2d(8, n, k, groups=g), "shape") for n, k, g in columns]
        assert [round(math.sqrt(size / 128), 4) for size in sizes] == [1.0, 1.7321, 1.2247, 1.0]
        kernels = [group_size(nn.Conv2d(1, 1, k), "kernel") for k in (11, 5, 3)]
        assert [round(math.sqrt(size / 9), 3) for size in kernels] == [3.667, 1.667, 1.0]

    def test_alexnet_skips_what_its_zero_rows_and_columns_allow(self):
        columns, rows = (0.0, 0.632, 0.769, 0.847, 0.807), (0.094, 0.129, 0.406, 0.469, 0.0)
        found = []
        for c, r in zip(columns, rows, strict=True):
            conv = nn.Conv2d(1, 1000, (1, 1000), bias=False)
            conv.weight.data[: round(1000 * r)] = 0
            conv.weight.data[..., : round(1000 * c)] = 0
            macs = lowered_macs(nn.Sequential(conv), torch.zeros(1, 1, 1, 1000))["0"].macs
            found.append(round(1_000_000 / macs, 2))
        assert found == [1.10, 3.12, 7.29, 12.31, 5.18]

    def test_resnet20(self):
        net = CifarResNet(20)
        threes = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
        ones = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
        total = {kind: sum(counts(conv)[kind] for conv in threes) for kind in KINDS}
        assert total == {"filter": 688, "channel": 627, "shape": 5_643, "kernel": 29_744, "layer": 19}
        assert len([conv for block in net.blocks for conv in (block.conv1, block.conv2)]) == 18
        weights = [sum(layer.weight.numel() for layer in layers) for layers in (threes, ones, [net.fc])]
        assert weights == [267_696, 2_560, 640]
        assert sum(weights) == 270_896
        costs = {cost.name: cost for cost in measure.layer_costs(net, torch.zeros(1, 3, 32, 32))}
        names = [name for name, module in net.named_modules() if any(module is conv for conv in threes)]
        assert sum(costs[name].macs for name in names) == 40_550_400

    def test_three_groups_by_hand(self):
        layer = nn.Linear(2, 3, bias=False)
        layer.weight.data = torch.tensor([[3.0, 4.0], [0.0, 0.0], [5.0, 12.0]])
        assert group_norms(layer, "filter").tolist() == [5, 0, 13]
        assert group_lasso(layer, "filter").item() == 18
        layer.weight.grad = torch.zeros_like(layer.weight)
        StructuredSparsity([layer], {"filter": 1.0}, weigh_by_size=False).regularize(layer)
        assert torch.equal(layer.weight.grad[0], torch.tensor([0.6, 0.8]))
        assert torch.equal(layer.weight.grad[1], torch.zeros(2))

    @pytest.mark.parametrize(("t", "left"), [(1, (2.4, 3.2)), (2.5, (1.5, 2.0)), (5, (0, 0)), (9, (0, 0))])
    def test_proximal_step_of_three_four(self, t, left):
        layer = lone_group(3.0, 4.0)
        shorten([(layer, "filter", 1.0)], t)
        torch.testing.assert_close(layer.weight.data[0], torch.tensor(left, dtype=torch.float32))
        if t >= 5:
            assert torch.count_nonzero(layer.weight) == 0

    def test_the_sub_gradient_swings_around_zero_and_never_stops(self):
        method = StructuredSparsity([layer := lone_group(0.25)], {"filter": 1.0}, weigh_by_size=False, threshold=0)
        path = [weight.item() for weight in steps(layer, method, 9)]
        assert path == pytest.approx([0.25, 0.15, 0.05, -0.05, 0.05, -0.05, 0.05, -0.05, 0.05, -0.05], abs=1e-6)

    def test_the_pull_of_the_lenet_example_before_its_rate_first_drops(self):
        assert reach([0.01] * 6000, 0.005, momentum=0.9) == pytest.approx(3.0)


def naive_lasso(layer: nn.Module, kind: str) -> float:
    """The same sum with a loop over the groups, as one would write it from the paper's slices."""
    groups = getattr(layer, "groups", 1)
    total = 0.0
    for part in layer.weight.detach().chunk(groups):
        n, c = part.shape[:2]
        height, width = part.shape[2:] if part.ndim == 4 else (1, 1)
        part = part.reshape(n, c, height, width)
        slices = {
            "filter": (part[i] for i in range(n)),
            "channel": (part[:, j] for j in range(c)),
            "shape": (part[:, j, m, k] for j, m, k in itertools.product(range(c), range(height), range(width))),
            "kernel": (part[i, j] for i, j in itertools.product(range(n), range(c))),
            "weight": part.flatten(),
            "layer": (),
        }[kind]
        total += sum(piece.square().sum().sqrt().item() for piece in slices)
    return total if kind != "layer" else layer.weight.detach().square().sum().sqrt().item()


LAYERS = [
    nn.Conv2d(3, 4, (2, 3)),
    nn.Conv2d(4, 6, 3, groups=2),
    nn.Conv2d(4, 4, 3, groups=4),
    nn.Linear(5, 3),
    nn.Conv2d(3, 4, 1),
]


@pytest.mark.parametrize("kind", GROUPS)
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
class TestEveryKindOfGroup:
    def test_it_is_the_slice_of_the_paper(self, layer, kind):
        assert group_lasso(layer, kind).item() == pytest.approx(naive_lasso(layer, kind), rel=1e-5)
        groups, size = group_norms(layer, kind).numel(), group_size(layer, kind)
        assert groups * size == layer.weight.numel()
        weighed = group_lasso(layer, kind, weigh_by_size=True).item()
        assert weighed == pytest.approx(math.sqrt(size) * naive_lasso(layer, kind), rel=1e-5)

    @pytest.mark.parametrize("weigh_by_size", [True, False])
    @pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
    def test_the_closed_form_gradient_is_autograds(self, layer, kind, weigh_by_size, memory_format):
        layer = copy.deepcopy(layer)
        if layer.weight.ndim == 4:
            layer = layer.to(memory_format=memory_format)
        method = StructuredSparsity([layer], {kind: 0.3}, weigh_by_size=weigh_by_size)
        (expected,) = torch.autograd.grad(method.penalty(), layer.weight)
        layer.weight.grad = torch.ones_like(layer.weight)
        method.regularize(layer)
        torch.testing.assert_close(layer.weight.grad, 1 + expected)

    def test_the_proximal_step_fulfils_the_condition_of_its_minimum(self, layer, kind):
        layer = copy.deepcopy(layer)
        before, lengths_before = layer.weight.detach().clone(), group_norms(layer, kind).detach().clone()
        t = lengths_before.median().item() if lengths_before.numel() > 1 else 0.7 * lengths_before.item()
        shorten([(layer, kind, t)], 1.0)
        # For a group that lives: (w - before) + t w / |w| = 0; the second term is the gradient of t group_lasso.
        (pull,) = torch.autograd.grad(t * group_lasso(layer, kind), layer.weight)
        rest = layer.weight.detach() - before + pull
        torch.testing.assert_close(
            rest[layer.weight != 0], torch.zeros_like(rest[layer.weight != 0]), atol=1e-6, rtol=0
        )
        dead = group_norms(layer, kind) == 0
        assert dead.numel() == 1 or dead.any()
        assert (lengths_before[dead] <= t * (1 + 1e-6)).all()
        assert (lengths_before[~dead] > t).all()


class TestTheMethod:
    @pytest.mark.parametrize("kind", ["filter", "layer"])
    @pytest.mark.parametrize("dead", [[], [0], [0, 1, 2, 3]])
    def test_the_closed_form_gradient_of_batch_norm_is_autograds(self, kind, dead):
        norm = nn.BatchNorm2d(4)
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([1.0, -2.0, 0.5, 3.0]))
            norm.bias.copy_(torch.tensor([0.5, 0.0, -1.0, 2.0]))
            norm.weight[dead] = norm.bias[dead] = 0.0
        method = StructuredSparsity([norm], {kind: 0.3})
        expected = torch.autograd.grad(method.penalty(), [norm.weight, norm.bias])
        norm.weight.grad, norm.bias.grad = torch.zeros(4), torch.zeros(4)
        method.regularize(norm)
        torch.testing.assert_close([norm.weight.grad, norm.bias.grad], list(expected))

    def test_tiny_weights_have_a_finite_gradient(self):
        layer = nn.Linear(2, 1, bias=False)
        layer.weight.data.fill_(1e-42)
        layer.weight.grad = torch.zeros(1, 2)
        StructuredSparsity([layer], {"weight": 0.01}, weigh_by_size=False, threshold=0).regularize(layer)
        assert layer.weight.grad.isfinite().all()

    @pytest.mark.parametrize("step", ["gradient", "proximal"])
    def test_weights_that_are_not_trained_stay(self, step):
        norm, linear = nn.BatchNorm2d(2), nn.Linear(2, 2, bias=False)
        linear.weight.requires_grad = False
        linear.weight.data.fill_(5e-5)  # below the threshold
        method = StructuredSparsity([norm, linear], {"filter": 0.1}, step=step, threshold=1e-4, absorbing=True)
        optimizer = torch.optim.SGD([norm.weight, linear.weight], lr=0.1)  # the shift of the norm is not in it
        norm.bias.data.fill_(1.0)
        method.after_step(nn.ModuleList([norm, linear]), optimizer)
        assert norm.bias.tolist() == [1.0, 1.0]
        assert norm.weight.tolist() == [1.0, 1.0]
        assert (linear.weight == 5e-5).all()

    def test_with_dampening_a_strength_means_the_same_in_both_forms(self):
        lengths = []
        for step in ("gradient", "proximal"):
            layer = nn.Linear(1, 1, bias=False)
            layer.weight.data.fill_(10.0)
            method = StructuredSparsity([layer], {"filter": 0.5}, step=step, threshold=0)
            optimizer = torch.optim.SGD(layer.parameters(), lr=0.01, momentum=0.9, dampening=0.9)
            for _ in range(400):
                training_step(
                    layer, (torch.zeros(1, 1),), optimizer, lambda m, s, _: (0 * m(s[0]).sum(), None), [method]
                )
            lengths.append(layer.weight.item())
        assert lengths[0] == pytest.approx(lengths[1], abs=0.1)

    def test_trimming_takes_its_share_where_all_are_equally_long(self):
        norm = nn.BatchNorm2d(10)
        trim([norm], "filter", 0.5)
        assert (norm.weight == 0).sum() == 5

    def test_batch_norm_has_one_group_a_channel_of_scale_and_shift(self):
        norm = nn.BatchNorm2d(3)
        norm.weight.data, norm.bias.data = torch.tensor([3.0, 0.0, -5.0]), torch.tensor([4.0, 0.0, 12.0])
        assert group_norms(norm, "filter").tolist() == [5, 0, 13]
        assert group_norms(norm, "layer").item() == pytest.approx(math.hypot(5, 13))
        assert group_size(norm, "filter") == 2
        method = StructuredSparsity([norm], {"filter": 2.0}, weigh_by_size=False)
        norm.weight.grad, norm.bias.grad = torch.zeros(3), torch.zeros(3)
        method.regularize(norm)
        torch.testing.assert_close(norm.weight.grad, torch.tensor([1.2, 0.0, -10 / 13]))
        torch.testing.assert_close(norm.bias.grad, torch.tensor([1.6, 0.0, 24 / 13]))
        shorten([(norm, "filter", 6.5)], 1.0)
        torch.testing.assert_close(norm.weight.data, torch.tensor([0.0, 0.0, -2.5]))
        torch.testing.assert_close(norm.bias.data, torch.tensor([0.0, 0.0, 6.0]))

    def test_kinds_may_be_named_as_rows_and_columns(self):
        conv = nn.Conv2d(3, 4, 3)
        for name, kind in (("row", "filter"), ("column", "shape"), ("2-D filter", "kernel"), ("depth", "layer")):
            assert torch.equal(group_norms(conv, name), group_norms(conv, kind))

    def test_group_norms_keep_the_shape_of_what_they_count(self):
        conv = nn.Conv2d(3, 4, (2, 5))
        shapes = [tuple(group_norms(conv, kind).shape) for kind in KINDS]
        assert shapes == [(4,), (3,), (3, 2, 5), (4, 3), ()]
        grouped = nn.Conv2d(4, 6, 3, groups=2)
        assert [tuple(group_norms(grouped, kind).shape) for kind in KINDS[:3]] == [(2, 3), (2, 2), (2, 2, 3, 3)]
        assert [tuple(group_norms(nn.Linear(1, 3), kind).shape) for kind in KINDS] == [(3,), (1,), (1,), (3, 1), ()]

    def test_groups_of_one_weight_are_plain_l1(self):
        conv = nn.Conv2d(3, 4, 3)
        assert group_norms(conv, "weight").shape == conv.weight.shape
        assert group_lasso(conv, "weight").item() == pytest.approx(conv.weight.abs().sum().item())

    def test_the_penalty_is_the_sum_over_layers_and_kinds(self):
        first, second = nn.Linear(4, 3), nn.Conv2d(2, 5, 3)
        method = StructuredSparsity([first, second], {"filter": 0.1, "shape": 0.2})
        expected = sum(
            strength * group_lasso(layer, kind, weigh_by_size=True)
            for layer in (first, second)
            for kind, strength in (("filter", 0.1), ("shape", 0.2))
        )
        torch.testing.assert_close(method.penalty(), expected)

    def test_a_zero_group_gets_no_gradient_and_no_nan(self):
        layer = lone_group(0.0, 0.0)
        layer.weight.grad = torch.zeros(1, 2)
        method = StructuredSparsity([layer], {"filter": 1.0})
        method.regularize(layer)
        assert torch.equal(layer.weight.grad, torch.zeros(1, 2))
        method.after_step(layer, torch.optim.SGD(layer.parameters(), lr=0.1))
        assert torch.equal(layer.weight.data, torch.zeros(1, 2))

    def test_the_authors_threshold_is_elementwise_and_ends_a_small_swing(self):
        layer = lone_group(5e-5, 0.3)
        method = StructuredSparsity([layer], {"filter": 0.0})
        assert method.threshold == 1e-4
        steps(layer, method, 1)
        assert layer.weight.tolist() == [[0.0, pytest.approx(0.3)]]
        swing = StructuredSparsity([small := lone_group(0.25)], {"filter": 9e-4}, weigh_by_size=False)
        path = steps(small, swing, 4000)
        assert path[-1].item() == 0.0

    def test_a_gradient_step_and_a_proximal_step_of_one_strength_pull_equally_far(self):
        ends = []
        for step in ("gradient", "proximal"):
            method = StructuredSparsity([layer := lone_group(30.0, 40.0)], {"filter": 0.5}, step=step, threshold=0)
            ends.append(steps(layer, method, 400, rate=0.01, momentum=0.9)[-1].norm().item())
        pulled = reach([0.01] * 400, 0.5 * math.sqrt(2), momentum=0.9)
        assert 50 - ends[1] == pytest.approx(pulled, rel=1e-3)
        assert 50 - ends[0] == pytest.approx(pulled, rel=0.03)  # momentum starts from rest

    def test_the_proximal_step_reaches_exact_zero_and_leaves_the_gradient_alone(self):
        method = StructuredSparsity([layer := lone_group(0.3, 0.4)], {"filter": 1.0}, step="proximal")
        assert torch.count_nonzero(steps(layer, method, 10)[-1]) == 0
        layer.weight.grad = torch.ones(1, 2)
        method.regularize(layer)
        assert torch.equal(layer.weight.grad, torch.ones(1, 2))

    def test_overlapping_rows_and_columns_step_in_turn_and_keep_each_others_zeros(self):
        layer = nn.Linear(3, 3, bias=False)
        layer.weight.data = torch.tensor([[4.0, 0.1, 3.0], [0.1, 0.0, 0.1], [3.0, 0.1, 4.0]])
        shorten([(layer, "row", 0.5), (layer, "column", 0.5)], 1.0)
        zero = layer.weight == 0
        assert zero.tolist() == [[False, True, False], [True, True, True], [False, True, False]]

    def test_absorbing_keeps_dead_groups_dead_and_plain_proximal_does_not(self):
        def pull_back(model, shard, state):
            return -10 * model(torch.ones(1, 2)).sum(), state

        for absorbing in (True, False):
            layer = lone_group(0.0, 0.0)
            method = StructuredSparsity([layer], {"filter": 0.1}, step="proximal", absorbing=absorbing)
            optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
            method.after_step(layer, optimizer)
            training_step(layer, (torch.ones(1, 2),), optimizer, pull_back, [method])
            assert (torch.count_nonzero(layer.weight) == 0) == absorbing

    def test_keeping_the_norm_changes_only_the_shares_of_the_groups(self):
        layer = nn.Conv2d(3, 4, 3)
        before = group_norms(layer, "shape").detach()
        method = StructuredSparsity([layer], {"shape": 0.5}, step="proximal", keep_norm=True)
        method.after_step(layer, torch.optim.SGD(layer.parameters(), lr=0.1))
        after = group_norms(layer, "shape").detach()
        assert after.norm().item() == pytest.approx(before.norm().item(), rel=1e-5)
        assert (after / after.sum()).max() > (before / before.sum()).max()

    def test_frozen_zeros_survive_training_with_momentum_and_decay(self):
        layer = nn.Linear(4, 3, bias=False)
        layer.weight.data[1] = 0
        layer.weight.data[0, 2] = 0
        frozen = FrozenZeros([layer]), FrozenZeros([layer], ["filter"])
        for method, single_stays in zip(frozen, (True, False), strict=True):
            trained = copy.deepcopy(layer)
            method.weights = [trained.weight]
            optimizer = torch.optim.SGD(trained.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
            for seed in range(3):
                images = torch.randn(5, 4, generator=torch.Generator().manual_seed(seed))
                training_step(trained, (images,), optimizer, lambda m, s, _: (m(s[0]).square().mean(), None), [method])
            assert torch.count_nonzero(trained.weight[1]) == 0
            assert (trained.weight[0, 2] == 0) == single_stays
            assert torch.count_nonzero(trained.weight[2]) == 4

    @given(share=st.floats(0, 0.9), seed=st.integers(0, 99))
    @settings(max_examples=30, deadline=None)
    def test_trimming_takes_the_shortest_relative_to_their_layer(self, share, seed):
        torch.manual_seed(seed)
        layers = [nn.Conv2d(3, 8, 3), nn.Conv2d(8, 6, 3)]
        layers[1].weight.data *= 100  # a larger scale must not protect a layer
        before = [group_norms(layer, "shape").detach().clone() for layer in layers]
        trim(layers, "shape", share)
        dead = [group_norms(layer, "shape") == 0 for layer in layers]
        total = sum(mask.numel() for mask in dead)
        assert abs(sum(mask.sum().item() for mask in dead) - int(share * total)) <= 2
        relative = [norms / norms.mean() for norms in before]
        gone = torch.cat([values[mask] for values, mask in zip(relative, dead, strict=True)])
        kept = torch.cat([values[~mask] for values, mask in zip(relative, dead, strict=True)])
        assert not len(gone) or gone.max() <= kept.min()

    def test_trimming_leaves_the_longest_group_of_each_layer(self):
        layers = [nn.Conv2d(3, 8, 3), nn.Conv2d(8, 6, 3)]
        longest = [group_norms(layer, "filter").argmax() for layer in layers]
        trim(layers, "filter", 1.0)
        for layer, index in zip(layers, longest, strict=True):
            assert group_norms(layer, "filter").nonzero().tolist() == [[index]]

    @pytest.mark.parametrize(("share", "left"), [(0, [0, 1, 2, 3]), (0.5, [0, 3]), (0.75, [3]), (1, [3])])
    def test_whole_layers_are_trimmed_by_the_mean_square_of_their_weights(self, share, left):
        layers = [nn.BatchNorm2d(channels) for channels in (4, 64, 16, 8)]
        for layer, value in zip(layers, (0.5, 0.1, -0.3, 0.7), strict=True):  # 64 channels make the longest layer
            nn.init.constant_(layer.weight, value)
            nn.init.constant_(layer.bias, 0.02)
        trim(layers, "depth", share)
        alive = [number for number, layer in enumerate(layers) if layer.weight.any() or layer.bias.any()]
        assert alive == left
        assert all(layer.weight.all() and layer.bias.all() for layer in (layers[number] for number in left))


class TestBadInput:
    @pytest.mark.parametrize("make_plain", ["prune.remove", "remove_parametrizations"])
    def test_a_weight_that_is_computed_from_others(self, make_plain):
        layer = nn.Linear(4, 3, bias=False)
        if make_plain == "prune.remove":
            prune.random_unstructured(layer, "weight", amount=0.3)
        else:
            nn.utils.parametrizations.weight_norm(layer)
        for use in (lambda: StructuredSparsity([layer], {"filter": 1.0}), lambda: trim([layer], "filter", 0.5)):
            with pytest.raises(ValueError, match=make_plain):
                use()

    def test_weights_that_are_not_finite_are_not_trimmed(self):
        layer = nn.Linear(4, 3)
        layer.weight.data[0, 0] = math.nan
        with pytest.raises(ValueError, match="layer 0 holds weights that are not finite"):
            trim([layer], "filter", 0.5)

    def test_what_would_be_penalised_twice(self):
        layer = nn.Linear(2, 2)
        with pytest.raises(ValueError, match="give each layer once"):
            StructuredSparsity([layer, layer], {"filter": 1.0})
        with pytest.raises(ValueError, match="two names of one kind"):
            StructuredSparsity([layer], {"filter": 1.0, "row": 1.0})

    def test_a_length_of_zero_is_not_held(self):
        norm = nn.BatchNorm2d(4)
        nn.init.zeros_(norm.weight)
        with pytest.raises(ValueError, match="layer 0 has the length 0"):
            StructuredSparsity([norm], {"filter": 1e-3}, keep_norm=True)

    def test_strengths_without_a_kind(self):
        with pytest.raises(ValueError, match="name the kind of group"):
            StructuredSparsity(nn.Linear(2, 2), 0.1)

    @pytest.mark.parametrize("number", [-1.0, math.nan, math.inf, "1"])
    def test_numbers_of_the_helpers(self, number):
        layer = nn.Linear(2, 2)
        with pytest.raises(ValueError, match="must be a number of at least 0"):
            shorten([(layer, "filter", number)], 1.0)
        with pytest.raises(ValueError, match="must be a number of at least 0"):
            shorten([(layer, "filter", 1.0)], number)
        with pytest.raises(ValueError, match="must be a number of at least 0"):
            reach([0.1], number)

    def test_a_momentum_of_one(self):
        with pytest.raises(ValueError, match="without 1"):
            reach([0.1], 1.0, momentum=1.0)

    @pytest.mark.parametrize("strength", [-0.1, math.nan, math.inf])
    def test_a_strength_that_is_no_strength(self, strength):
        with pytest.raises(ValueError, match=r"strength of .filter. is .* must be a number of at least 0"):
            StructuredSparsity([nn.Linear(2, 2)], {"filter": strength})

    def test_a_negative_threshold(self):
        with pytest.raises(ValueError, match="threshold is -1"):
            StructuredSparsity([nn.Linear(2, 2)], {"filter": 0.1}, threshold=-1)

    def test_a_layer_that_has_no_groups(self):
        with pytest.raises(ValueError, match=r"LSTM is not a layer with groups of weights; give nn\.Conv2d"):
            StructuredSparsity([nn.LSTM(2, 2)], {"filter": 0.1})
        with pytest.raises(ValueError, match="BatchNorm2d is not a layer with groups"):
            group_norms(nn.BatchNorm2d(3, affine=False), "filter")

    def test_an_unknown_kind_or_step(self):
        with pytest.raises(ValueError, match="groups of kind 'fibre' are unknown; choose one of filter, channel"):
            StructuredSparsity([nn.Linear(2, 2)], {"fibre": 0.1})
        with pytest.raises(ValueError, match="step 'prox' is unknown; choose 'gradient' or 'proximal'"):
            StructuredSparsity([nn.Linear(2, 2)], {"filter": 0.1}, step="prox")
        with pytest.raises(ValueError, match="BatchNorm2d has no groups of kind 'channel'"):
            group_norms(nn.BatchNorm2d(3), "channel")

    def test_nothing_to_penalise(self):
        with pytest.raises(ValueError, match="0 layers and 1 kinds"):
            StructuredSparsity([], {"filter": 0.1})
        with pytest.raises(ValueError, match="1 layers and 0 kinds"):
            StructuredSparsity([nn.Linear(2, 2)], {})

    def test_a_share_outside_its_range(self):
        with pytest.raises(ValueError, match=r"share 1\.2 is not in 0\.\.1"):
            trim([nn.Linear(2, 2)], "filter", 1.2)

"""Low-rank decomposition: every number of the fact sheet comes out of the package, and full rank changes nothing."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, prune

from effdl_lite.measure import count_macs, count_parameters, layer_costs
from effdl_lite.methods.low_rank import (
    BASES,
    break_even_rank,
    cheaper_only,
    decompose,
    decompose_layer,
    default_layers,
    energies,
    energy_rank,
    energy_shares,
    factorize,
    filter_matrices,
    mac_ratio,
    norm_rank,
    ranks_by_budget,
    ranks_by_energy,
    recompose,
)
from effdl_lite.models import CifarResNet, ConvNet, LeNet, LSTMLanguageModel
from effdl_lite.training import fit

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def alexnet() -> dict[str, nn.Conv2d]:
    return {
        "conv3": nn.Conv2d(256, 384, 3, padding=1),
        "conv4": nn.Conv2d(384, 384, 3, padding=1, groups=2),
        "conv5": nn.Conv2d(384, 256, 3, padding=1, groups=2),
    }


def with_singular_values(*values: float, filters: int = 6, weights: int = 9) -> nn.Linear:
    """A layer whose matrix of filters has these singular values, turned at random."""
    torch.manual_seed(0)
    left = torch.linalg.qr(torch.randn(filters, filters, dtype=torch.float64)).Q[:, : len(values)]
    right = torch.linalg.qr(torch.randn(weights, weights, dtype=torch.float64)).Q[:, : len(values)]
    layer = nn.Linear(weights, filters)
    layer.weight.data = (left * torch.tensor(values, dtype=torch.float64) @ right.mT).float()
    return layer


def relative_error(layer: nn.Module, pair: nn.Sequential) -> float:
    return ((recompose(pair) - layer.weight).norm() / layer.weight.norm()).item()


class TestNumbersOfTheFactSheet:
    def test_cumulative_energy_of_3_2_1_1_and_its_two_rules(self):
        layer = with_singular_values(3, 2, 1, 1)
        assert energies(layer)[0].tolist() == pytest.approx([9, 4, 1, 1, 0, 0], abs=1e-5)
        assert energy_shares(layer)[:4].tolist() == pytest.approx([0.6, 0.8667, 0.9333, 1], abs=5e-5)
        assert [energy_rank(layer, energy) for energy in (0.9, 0.95)] == [3, 4]
        assert norm_rank(layer, 0.95) == 3
        assert energy_shares(layer)[2].sqrt().item() == pytest.approx(0.96609, abs=5e-6)

    def test_the_theoretical_row_of_table_4_to_the_digit(self):
        ranks = {"conv3": (184, 124), "conv4": (201, 106), "conv5": (146, 129)}
        row = {name: [f"{mac_ratio(layer, rank):.2f}" for rank in ranks[name]] for name, layer in alexnet().items()}
        assert row == {"conv3": ["1.79", "2.65"], "conv4": ["1.72", "3.26"], "conv5": ["1.63", "1.85"]}

    def test_ratios_and_break_even_ranks_of_alexnet(self):
        layers = list(alexnet().values())
        assert [f"{mac_ratio(*pair):.3f}" for pair in zip(layers, (150, 160, 120), strict=True)] == [
            "2.194", "2.160", "1.986"
        ]  # fmt: skip
        assert [round(break_even_rank(layer), 1) for layer in layers] == [329.1, 345.6, 238.3]

    def test_a_layer_of_64_filters_of_64_channels(self):
        layer = nn.Conv2d(64, 64, 3)
        assert break_even_rank(layer) == pytest.approx(57.6)
        assert f"{mac_ratio(layer, 16):.2f}" == "3.60"

    def test_resnet_decomposes_its_19_large_convolutions_and_no_shortcut(self):
        net = CifarResNet()
        blocks = [f"blocks.{block}.conv{conv}" for block in range(9) for conv in (1, 2)]
        assert default_layers(net) == ["conv", *blocks]


@st.composite
def layers_and_inputs(draw):
    """A layer of any kind and setting, at random weights, and an input that it takes."""
    torch.manual_seed(draw(st.integers(0, 10_000)))
    bias = draw(st.booleans())
    dims = draw(st.integers(0, 3))
    if dims == 0:
        inputs, outputs = draw(st.integers(1, 9)), draw(st.integers(2, 9))
        return nn.Linear(inputs, outputs, bias=bias), torch.randn(3, inputs)
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 3)), groups * draw(st.integers(2, 5))
    sizes = {name: tuple(draw(st.integers(1, most)) for _ in range(dims)) for name, most in (("k", 3), ("d", 2))}
    stride, padding = draw(st.integers(1, 2)), draw(st.sampled_from([0, 1, 2, "same"]))
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
    layer = kind(
        channels,
        filters,
        sizes["k"],
        stride=1 if padding == "same" else stride,
        padding=padding,
        dilation=sizes["d"],
        groups=groups,
        bias=bias,
        padding_mode=draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
    )
    return layer, torch.randn(2, channels, *(6 + i for i in range(dims)))


class TestFullRank:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(layers_and_inputs(), st.sampled_from(BASES))
    def test_it_reproduces_the_layer(self, layer_and_input, basis):
        layer, inputs = layer_and_input
        pair = decompose_layer(layer, len(layer.weight), basis)
        expected = layer(inputs)
        assert (pair(inputs) - expected).abs().max() <= 1e-5 * expected.abs().max()
        assert relative_error(layer, pair) <= 1e-5

    @pytest.mark.parametrize("basis", BASES)
    def test_filters_that_are_alike_or_zero_or_wide_are_no_problem(self, basis):
        layer = nn.Conv2d(2, 24, 3)  # more filters than weights
        layer.weight.data[3] = 0
        layer.weight.data[5:9] = layer.weight.data[4]
        pair = decompose_layer(layer, 24, basis)
        assert all(weight.isfinite().all() for weight in pair.parameters())
        assert relative_error(layer, pair) <= 1e-5
        assert relative_error(layer, decompose_layer(layer, 20, basis)) <= 1e-5  # 20 of the filters differ


class TestFactors:
    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(st.integers(2, 7), st.integers(1, 9), st.data())
    def test_pca_and_svd_are_one_product_and_the_best_of_their_rank(self, filters, weights, data):
        rank = data.draw(st.integers(1, filters))
        torch.manual_seed(data.draw(st.integers(0, 99)))
        matrix = torch.randn(filters, weights, dtype=torch.float64) + 1  # a mean that centring would take away
        basis, combination = factorize(matrix, rank, "pca")
        assert basis.shape == (rank, weights)
        assert combination.shape == (filters, rank)
        dropped = torch.linalg.svdvals(matrix)[rank:].square().sum().item()
        assert (matrix - combination @ basis).square().sum().item() == pytest.approx(dropped, abs=1e-9)
        half_basis, half_combination = factorize(matrix, rank, "svd")
        torch.testing.assert_close(half_combination @ half_basis, combination @ basis)
        centres, labels = factorize(matrix, rank, "kmeans")
        assert (matrix - labels @ centres).square().sum().item() >= dropped - 1e-9

    def test_pca_keeps_the_lengths_in_the_basis_and_svd_shares_them(self):
        matrix = with_singular_values(9, 4, 1).weight.detach().double()
        basis, combination = factorize(matrix, 3, "pca")
        assert basis.norm(dim=1).tolist() == pytest.approx([9, 4, 1], rel=1e-5)
        torch.testing.assert_close(combination.mT @ combination, torch.eye(3, dtype=torch.float64))
        basis, combination = factorize(matrix, 3, "svd")
        assert basis.norm(dim=1).tolist() == pytest.approx([3, 2, 1], rel=1e-5)
        assert combination.norm(dim=0).tolist() == pytest.approx([3, 2, 1], rel=1e-5)

    def test_kmeans_replaces_each_filter_by_the_centre_of_its_cluster(self):
        matrix = torch.tensor([[1.0, 0], [0, 5], [1.2, 0], [0, 7], [0.8, 0]], dtype=torch.float64)
        centres, labels = factorize(matrix, 2, "kmeans")
        expected = torch.tensor([[1.0, 0], [0, 6], [1, 0], [0, 6], [1, 0]], dtype=torch.float64)
        torch.testing.assert_close(labels @ centres, expected)
        assert sorted(labels.sum(0).tolist()) == [2, 3]
        assert labels.sum(1).tolist() == [1] * 5

    def test_kmeans_has_a_seed(self):
        matrix = torch.randn(40, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        first, again, other = (factorize(matrix, 9, "kmeans", seed)[0] for seed in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


class TestRanks:
    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.integers(0, 999), st.sampled_from([0.3, 0.9, 0.95, 0.999]), st.integers(1, 3))
    def test_the_energy_rank_is_the_smallest_whose_error_is_allowed(self, seed, energy, groups):
        torch.manual_seed(seed)
        layer = nn.Conv2d(groups * 3, groups * 6, 2, groups=groups, bias=False)
        rank = energy_rank(layer, energy)
        assert rank % groups == 0
        assert relative_error(layer, decompose_layer(layer, rank)) ** 2 <= (1 - energy) * (1 + 1e-5)
        if rank > groups:
            assert relative_error(layer, decompose_layer(layer, rank - groups)) ** 2 > 1 - energy
        shares = energy_shares(layer)
        assert 1 - shares[rank // groups - 1].item() == pytest.approx(
            relative_error(layer, decompose_layer(layer, rank)) ** 2, abs=1e-6
        )

    def test_pca_is_not_centred(self):
        layer = nn.Conv2d(3, 8, 3)
        layer.weight.data[:] = layer.weight.data[:1]  # centring would leave nothing of these
        assert [energy_rank(layer, energy) for energy in (0.5, 0.95, 1)] == [1, 1, 1]
        assert relative_error(layer, decompose_layer(layer, 1)) <= 1e-6
        torch.manual_seed(0)
        layer.weight.data = 3 + 0.2 * torch.randn(8, 3, 3, 3)  # one direction holds nearly all the energy
        assert energy_rank(layer, 0.95) == 1
        centred = copy.deepcopy(layer)
        centred.weight.data -= layer.weight.data.mean(0)
        assert energy_rank(centred, 0.95) > 5

    def test_all_of_the_energy_is_the_rank_of_the_matrix(self):
        assert energy_rank(with_singular_values(5, 1, 1e-3), 1) == 3
        layer = nn.Linear(30, 20)
        layer.weight.data = torch.randn(20, 4) @ torch.randn(4, 30)  # rounded to single precision
        assert energy_rank(layer, 1.0) == 4

    @pytest.mark.parametrize(("energy", "rank"), [(0.25, 1), (0.5, 2), (0.75, 3), (0.76, 4)])
    def test_a_share_that_is_met_exactly_counts(self, energy, rank):
        assert energy_rank(with_singular_values(1, 1, 1, 1), energy) == rank

    def test_the_rank_that_keeps_a_tiny_or_a_nearly_whole_share(self):
        layer = with_singular_values(3, 2, 1e-4)
        assert energy_rank(layer, 1e-9) == 1
        assert energy_rank(layer, 1 - 1e-8) == 2
        assert energy_rank(layer, 1 - 1e-10) == 3

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(st.integers(0, 999), st.floats(0.05, 1))
    def test_the_norm_rule_is_the_square_of_the_energy_rule(self, seed, share):
        torch.manual_seed(seed)
        layer = nn.Linear(7, 12)
        norms = torch.linalg.svdvals(layer.weight.detach().double()).square().cumsum(0).sqrt()
        assert norm_rank(layer, share) == int((norms < share * norms[-1] - 1e-9).sum()) + 1
        assert norm_rank(layer, share) <= energy_rank(layer, share)

    def test_half_the_rank_of_break_even_halves_the_work(self):
        for layer in (nn.Linear(30, 20), nn.Conv2d(8, 12, 3, groups=2)):
            inputs = torch.zeros(1, 30) if isinstance(layer, nn.Linear) else torch.zeros(1, 8, 9, 9)
            for rank in (2, 6, 10):
                found = count_macs(layer, inputs) / count_macs(decompose_layer(layer, rank), inputs)
                assert mac_ratio(layer, rank) == pytest.approx(found)
            assert mac_ratio(layer, 4) == pytest.approx(break_even_rank(layer) / 4)


class TestLayer:
    def test_where_each_setting_goes(self):
        conv = nn.Conv2d(4, 6, (3, 5), (2, 1), (1, 2), (1, 2), groups=2, padding_mode="reflect")
        pair = decompose_layer(conv, 4)
        assert [name for name, _ in pair.named_children()] == ["basis", "combination"]
        basis, combination = pair
        for setting in ("kernel_size", "stride", "padding", "dilation", "padding_mode", "groups", "in_channels"):
            assert getattr(basis, setting) == getattr(conv, setting)
        assert (basis.out_channels, basis.bias) == (4, None)
        assert (combination.in_channels, combination.out_channels, combination.kernel_size) == (4, 6, (1, 1))
        assert (combination.groups, combination.stride, combination.padding) == (2, (1, 1), (0, 0))
        assert torch.equal(combination.bias, conv.bias)
        assert combination.bias is not conv.bias

    def test_linear_layers(self):
        layer = nn.Linear(10, 7)
        basis, combination = decompose_layer(layer, 3)
        assert (basis.weight.shape, basis.bias, combination.weight.shape) == ((3, 10), None, (7, 3))
        assert torch.equal(combination.bias, layer.bias)
        assert decompose_layer(nn.Linear(10, 7, bias=False), 3).combination.bias is None

    def test_type_layout_mode_and_gradients_are_those_of_the_layer(self):
        conv = nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last).double().eval()
        conv.weight.requires_grad_(False)
        pair = decompose_layer(conv, 4)
        assert not pair.training
        assert not pair.basis.training
        assert pair.basis.weight.dtype == torch.float64
        assert pair.basis.weight.is_contiguous(memory_format=torch.channels_last)
        flags = [weight.requires_grad for weight in pair.parameters()]
        assert flags == [False, False, True]
        assert decompose_layer(nn.Conv2d(3, 8, 3), 4).basis.weight.is_contiguous()
        assert decompose_layer(nn.Linear(4, 4).bfloat16(), 2).basis.weight.dtype == torch.bfloat16

    def test_no_random_number_is_drawn(self):
        layer = nn.Conv2d(3, 8, 3)
        for basis in BASES:
            before = torch.get_rng_state()
            decompose_layer(layer, 4, basis)
            assert torch.equal(torch.get_rng_state(), before)

    def test_the_layer_is_not_changed_and_nothing_is_shared_with_it(self):
        layer = nn.Conv2d(3, 8, 3)
        before = copy.deepcopy(layer.state_dict())
        pair = decompose_layer(layer, 8)
        with torch.no_grad():
            for weight in pair.parameters():
                weight.fill_(7)
        assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


class TestNetwork:
    def test_named_layers_become_two_and_the_rest_stays(self):
        net = CifarResNet(8).eval()
        expected = net(IMAGES)
        ranks = {"blocks.1.conv1": 32, "fc": 10}
        small = decompose(net, ranks)
        assert small.blocks[1].conv1.basis.out_channels == 32
        assert small.fc.basis.out_features == 10
        assert type(small.blocks[0].conv1) is nn.Conv2d
        assert small.blocks[0].conv1.weight is not net.blocks[0].conv1.weight
        assert not small.training
        assert (small(IMAGES) - expected).abs().max() <= 1e-5 * expected.abs().max()
        assert type(net.fc) is nn.Linear

    def test_a_layer_is_a_network_too(self):
        conv = nn.Conv2d(3, 8, 3)
        assert decompose(conv, ranks_by_energy(conv, 0.9)).basis.out_channels == energy_rank(conv, 0.9)

    def test_ranks_by_energy_and_by_norm(self):
        net = LeNet()
        ranks = ranks_by_energy(net, 0.8)
        assert ranks == {"conv1": energy_rank(net.conv1, 0.8), "conv2": energy_rank(net.conv2, 0.8)}
        assert ranks_by_energy(net, 0.8, ["fc1"], norm_rank) == {"fc1": norm_rank(net.fc1, 0.8)}
        assert ranks_by_energy(net, 1.0)["conv2"] == 50

    def test_what_would_cost_more_is_left_alone(self):
        net = ConvNet()
        ranks = {"convs.0": 22, "convs.1": 31, "convs.2": 60}  # break-even is at 22.4, 30.8 and 59.3
        assert cheaper_only(net, ranks) == {"convs.0": 22}
        whole, some, all_three = (count_macs(decompose(net, r), IMAGES) for r in ({}, {"convs.0": 22}, ranks))
        assert some < whole < all_three

    @pytest.mark.parametrize("times_fewer", [1, 1.05, 1.5, 2, 3, 6])
    @pytest.mark.parametrize("model", [ConvNet(), CifarResNet(14)], ids=["ConvNet", "ResNet-14"])
    def test_a_budget_is_kept_and_used(self, model, times_fewer):
        whole, image = count_macs(model, IMAGES[:1]), IMAGES[:1]
        budget = int(whole / times_fewer)
        ranks = ranks_by_budget(model, budget, image)
        assert count_macs(decompose(model, ranks), image) <= budget
        layers = {name: model.get_submodule(name) for name in default_layers(model)}
        kept = {name: energy_shares(layers[name])[rank - 1].item() for name, rank in ranks.items()}
        if times_fewer == 1:
            assert all(kept[name] > 0.9 for name in ranks)
            return
        # One common energy: the next higher one, that of the layer that keeps the least, is too dear.
        higher = min(energy_shares(layers[name])[rank].item() for name, rank in ranks.items())
        assert max(energy_shares(layers[name])[rank - 2].item() for name, rank in ranks.items() if rank > 1) < higher
        dearer = cheaper_only(model, ranks_by_energy(model, higher))
        assert count_macs(decompose(model, dearer), image) > budget

    def test_a_budget_counts_every_use_of_a_layer(self):
        conv = nn.Conv2d(4, 4, 3, padding=1)
        model = nn.Sequential(conv, nn.ReLU(), conv)
        with pytest.raises(ValueError, match=r"0\.weight and 2\.weight are one weight"):
            ranks_by_budget(model, 1, torch.zeros(1, 4, 8, 8))

        class Twice(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = conv

            def forward(self, images):
                return self.conv(self.conv(images))

        images = torch.zeros(1, 4, 8, 8)
        ranks = ranks_by_budget(Twice(), count_macs(Twice(), images) // 2, images)
        small = decompose(Twice(), ranks)
        assert len(layer_costs(small, images)) == 4
        assert count_macs(small, images) <= count_macs(Twice(), images) // 2

    def test_a_decomposed_network_is_trained_on(self):
        torch.manual_seed(0)
        net = decompose(LeNet(), {"conv1": 3, "conv2": 6, "fc1": 5})
        assert count_parameters(net) == 3 * 25 + 20 * 3 + 20 + 6 * 500 + 50 * 6 + 50 + 5 * 800 + 500 * 5 + 500 + 5_010
        images, labels = torch.randn(16, 1, 28, 28), torch.arange(16) % 10
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        before = recompose(net.conv2)
        history = fit(net, [(images, labels)] * 60, optimizer, progress=False)
        assert history.loss[-1] < 0.5 * history.loss[0]
        assert (recompose(net.conv2) != before).any()
        assert torch.linalg.matrix_rank(recompose(net.conv2).flatten(1)) == 6

    def test_a_language_models_layer_by_name(self):
        model = LSTMLanguageModel(50, 8, (8,))
        words = torch.arange(12).view(2, 6)
        small = decompose(model, {"decoder": 8})
        torch.testing.assert_close(small(words)[0], model(words)[0])


class TestRefusals:
    @pytest.mark.parametrize("rank", [0, -1, 9, 2.0, True])
    @pytest.mark.parametrize("use", [decompose_layer, mac_ratio, lambda layer, rank: decompose(layer, {"": rank})])
    def test_rank_0_or_above_the_filters(self, use, rank):
        with pytest.raises(ValueError, match=rf"rank {rank} is no whole number from 1 to 8, the filters of this"):
            use(nn.Linear(4, 8), rank)

    def test_a_rank_that_the_conv_groups_cannot_share(self):
        layer = nn.Conv2d(6, 9, 3, groups=3)
        with pytest.raises(ValueError, match="rank 7 cannot be shared by 3 conv groups; choose 6 or 9"):
            decompose_layer(layer, 7)
        with pytest.raises(ValueError, match="rank 2 cannot be shared by 3 conv groups; choose 3"):
            decompose_layer(layer, 2)
        assert mac_ratio(layer, 7) == pytest.approx(9 * 18 / (7 * 21))

    @pytest.mark.parametrize("energy", [0, -0.1, 1.01, math.nan, math.inf, "0.95", True, None])
    @pytest.mark.parametrize("rule", [energy_rank, norm_rank, lambda layer, e: ranks_by_energy(layer, e, [""])])
    def test_an_energy_outside_its_range(self, rule, energy):
        with pytest.raises(ValueError, match=r"is no share above 0 and up to 1; 0\.95 keeps 95 %"):
            rule(nn.Linear(4, 8), energy)

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            (nn.Linear(5, 1), "this Linear has one filter, and a basis of one filter for one filter saves nothing"),
            (nn.Conv2d(4, 4, 3, groups=4), "this Conv2d has one filter in each of its 4 conv groups"),
            (nn.ConvTranspose2d(3, 4, 3), "a ConvTranspose2d spreads each input over the output"),
            (nn.LSTM(3, 4), "a LSTM is no plain convolution or linear layer; give nn.Conv1d"),
            (nn.LazyConv2d(4, 3), "a LazyConv2d is no plain convolution"),
            (nn.BatchNorm2d(3), "a BatchNorm2d is no plain convolution"),
            (parametrizations.weight_norm(nn.Linear(3, 4)), "computed by a parametrization; make it plain first"),
            (prune.random_unstructured(nn.Linear(3, 4), "weight", 0.5), "computed by a pruning mask; make it plain"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_a_layer_without_a_basis(self, layer, message):
        for use in (energy_rank, break_even_rank, filter_matrices, lambda layer: decompose(layer, {"": 1})):
            with pytest.raises(ValueError, match=message):
                use(layer)

    def test_all_zero_filters_and_numbers_that_are_not_finite(self):
        layer = nn.Conv2d(3, 4, 3)
        layer.weight.data[0, 0, 0, 0] = math.nan
        with pytest.raises(ValueError, match="holds weights that are not finite; take those of before"):
            energy_rank(layer)
        nn.init.zeros_(layer.weight)
        with pytest.raises(ValueError, match="all weights of this Conv2d are zero: there is no energy to keep"):
            energy_rank(layer)
        layer.weight.data[2] = 1  # one filter that is not zero is enough
        assert energy_rank(layer) == 1

    def test_hooks(self):
        net = LeNet()
        net.conv2.register_forward_hook(lambda *_: None)
        with pytest.raises(ValueError, match=r"^conv2: this Conv2d has a forward hook.*remove it first"):
            decompose(net, {"conv2": 3})
        assert decompose(net, {"conv1": 3}).conv1.basis.out_channels == 3

    def test_shared_weights(self):
        model = LSTMLanguageModel(50, 8, (8,), tied=True)
        with pytest.raises(ValueError, match=r"embedding\.weight and decoder\.weight are one weight.*untie them"):
            decompose(model, {"decoder": 4})

    def test_names_that_are_not_in_the_model(self):
        with pytest.raises(ValueError, match="the model has no layer 'conv3'; choose among conv1, conv2, fc1, fc2"):
            decompose(LeNet(), {"conv3": 3})
        with pytest.raises(ValueError, match=r"layers is the text 'conv1'; give a list of names, \['conv1'\]"):
            ranks_by_energy(LeNet(), 0.9, "conv1")

    def test_a_network_with_a_transposed_convolution_is_not_decomposed_in_part(self):
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 3, 3))
        with pytest.raises(ValueError, match=r"1 is a ConvTranspose2d, .*name the layers to decompose"):
            ranks_by_energy(net, 0.9)
        assert list(ranks_by_energy(net, 0.9, ["0"])) == ["0"]

    def test_a_budget_that_cannot_be_met(self):
        with pytest.raises(ValueError, match=r"a budget of 1,000 .* met: [\d,]+ are left .*convs\.0, convs\.1"):
            ranks_by_budget(ConvNet(), 1_000, IMAGES[:1])
        with pytest.raises(ValueError, match="no layer; raise the budget or name more layers"):
            ranks_by_budget(nn.Linear(4, 4), 1, torch.zeros(1, 4))

    def test_an_unknown_basis(self):
        with pytest.raises(ValueError, match="basis 'ica' is unknown; choose one of pca, svd, kmeans"):
            decompose_layer(nn.Linear(3, 4), 2, "ica")
        with pytest.raises(ValueError, match=r"rank 5 is not in 1\.\.4"):
            factorize(torch.randn(4, 3), 5)

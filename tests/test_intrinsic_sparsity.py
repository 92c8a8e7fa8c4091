"""Intrinsic Sparse Structures: the numbers of the fact sheet come out of the package, and every part works."""

import math

import pytest
import torch
from dead_units import MODELS, kill_units, made_random, random_dead, text
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from effdl_lite.batches import TextBatches
from effdl_lite.measure import count_macs, count_parameters, num_threads
from effdl_lite.methods.compaction import kept_units
from effdl_lite.methods.intrinsic_sparsity import (
    FrozenUnits,
    IntrinsicSparsity,
    SingleWeights,
    Strip,
    UnitGroups,
    bidaf_groups,
    groups_of,
    iss_penalty,
    shorten,
    strength_for_mean_loss,
    unit_lengths,
    weights_of,
    zero_units,
)
from effdl_lite.methods.structured_sparsity import reach
from effdl_lite.models import ConvNet, LSTMLanguageModel, RecurrentHighwayNetwork
from effdl_lite.training import Method, fit, language_model_loss, training_step

WORD = torch.zeros(1, 1, dtype=torch.long)


@pytest.fixture(autouse=True)
def one_thread():
    with num_threads(1):
        yield


def on_shapes(build):
    with torch.device("meta"):
        return build()


def sizes(groups, double_count=True):
    return [group.size(double_count) for group in groups.values()]


def small_lstm(seed=0):
    torch.manual_seed(seed)
    return LSTMLanguageModel(11, 5, (6, 4))


def nothing_to_learn(model, shard, state):
    return 0 * model(shard[0])[0].sum(), state


def run_steps(model, methods, number=1, rate=0.1, loss_of=nothing_to_learn, momentum=0.0, clip_norm=None):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    batch, states = (text(), text(seed=1)), None
    for _ in range(number):
        _, states = training_step(model, batch, optimizer, loss_of, methods, 1, states, clip_norm)
    return optimizer


class TestNumbersOfTheFactSheet:
    @pytest.mark.parametrize(
        ("hidden", "parts", "one_bias", "two_biases", "macs"),
        [
            ((1500, 1500), (15_000_000, 18_006_000, 18_006_000, 15_010_000), 66_022_000, 66_034_000, 51_000_000),
            ((373, 315), (15_000_000, 2_796_008, 868_140, 3_160_000), 21_824_148, 21_826_900, 6_811_396),
            ((381, 535), (15_000_000, 2_868_168, 1_962_380, 5_360_000), 25_190_548, 25_194_212, 10_176_884),
        ],
    )
    def test_weights_and_multiply_accumulates_of_table_1(self, hidden, parts, one_bias, two_biases, macs):
        model = on_shapes(lambda: LSTMLanguageModel(10_000, 1500, hidden))
        layers = [model.embedding, *model.layers, model.decoder]
        second_bias = [0, *(4 * units for units in hidden), 0]
        assert [count_parameters(layer) - b for layer, b in zip(layers, second_bias, strict=True)] == list(parts)
        assert sum(parts) == one_bias
        assert count_parameters(model) == two_biases
        assert count_macs(model, WORD.to("meta")) == macs

    @pytest.mark.parametrize(
        ("hidden", "printed", "exact", "without_softmax"),
        [((373, 315), 7.48, 7.4875, 9.832), ((381, 535), 5.01, 5.0114, 7.458)],
    )
    def test_the_reduction_of_table_1_is_cut_off_not_rounded_and_counts_the_softmax(
        self, hidden, printed, exact, without_softmax
    ):
        def macs(widths):
            model = on_shapes(lambda: LSTMLanguageModel(10_000, 1500, widths))
            return count_macs(model, WORD.to("meta")), 10_000 * widths[-1]

        (dense, dense_softmax), (small, softmax) = macs((1500, 1500)), macs(hidden)
        assert math.floor(100 * dense / small) / 100 == printed
        assert dense / small == pytest.approx(exact, abs=5e-5)
        assert (dense - dense_softmax) / (small - softmax) == pytest.approx(without_softmax, abs=5e-4)

    def test_the_groups_of_the_large_lstm(self):
        groups = groups_of(on_shapes(lambda: LSTMLanguageModel(10_000, 1500, (1500, 1500))))
        assert sizes(groups) == [24_000, 28_000]
        assert sizes(groups, double_count=False) == [23_996, 27_996]
        assert [group.units for group in groups.values()] == [1500, 1500]

    def test_the_length_of_the_large_lstms_groups_at_the_start(self):
        torch.manual_seed(0)
        model = LSTMLanguageModel(10_000, 1500, (1500, 1500), init_range=0.04)
        found = [lengths.mean().item() for lengths in unit_lengths(model, double_count=True).values()]
        assert found == pytest.approx([3.578, 3.864], rel=1e-3)
        assert found == pytest.approx([0.04 / math.sqrt(3) * math.sqrt(n) for n in (24_000, 28_000)], rel=1e-3)

    def test_how_much_an_epoch_of_penn_treebank_can_shorten_a_group(self):
        batches = TextBatches(torch.zeros(929_589, dtype=torch.long), streams=20, steps=35)
        full = sum(words.shape[1] == 35 for words, _ in batches)
        assert full == ((929_589 // 20) - 1) // 35 == 1_327
        assert reach([1.0] * full, 0.00245) == pytest.approx(3.25, abs=5e-3)

    @pytest.mark.parametrize(
        ("width", "parameters", "printed"),
        [
            (830, 23_482_400, 23.5),
            (726, 18_880_192, 18.9),
            (517, 11_070_698, 11.1),
            (403, 7_621_058, 7.6),
            (328, 5_663_408, 5.7),
        ],
    )
    def test_the_five_rows_of_the_highway_table(self, width, parameters, printed):
        found = count_parameters(on_shapes(lambda: RecurrentHighwayNetwork(10_000, width)))
        assert found == parameters
        assert round(found / 1e6, 1) == printed

    def test_the_groups_of_the_highway_network(self):
        groups = groups_of(on_shapes(lambda: RecurrentHighwayNetwork(10_000, 830)))
        assert list(groups) == ["state"]
        assert sizes(groups) == [46_520]
        assert sizes(groups, double_count=False) == [46_520 - 2 * 11]  # two crossings in each of 11 matrices

    def test_the_groups_of_bidaf(self):
        groups = bidaf_groups()
        assert dict(zip(groups, sizes(groups), strict=True)) == {
            "ModFwd1": 4_800,
            "ModBwd1": 4_800,
            "ModFwd2": 3_201,
            "ModBwd2": 3_201,
            "OutFwd": 6_401,
            "OutBwd": 6_401,
        }
        # Columns of the third layer that read the second's forward direction: 800 to 899, and 1200 to 1299.
        read = {part.columns.start for part in groups["ModFwd2"].owned(0) if part.matrix == "g2.weight_ih_l0"}
        assert read == {800, 1200}
        read = {part.columns.stop - 1 for part in groups["ModBwd2"].owned(99) if "g2.weight_ih" in part.matrix}
        assert read == {999, 1399}
        assert [part.columns.start for part in groups["ModBwd1"].owned(7) if "g1.weight_ih" in part.matrix] == [107] * 2

    def test_the_tiny_case(self):
        groups = groups_of(LSTMLanguageModel(50, 8, (6, 4)))
        assert sizes(groups) == [96, 106]
        assert sizes(groups, double_count=False) == [92, 102]


class TestWhatAUnitOwns:
    def test_the_parts_of_a_unit_of_the_lower_layer(self):
        parts = groups_of(small_lstm())["layers.0"].owned(2)
        found = [(part.matrix, list(part.rows), list(part.columns)) for part in parts]
        assert found == [
            *(("layers.0.weight_ih_l0", [row], [*range(5)]) for row in (2, 8, 14, 20)),
            *(("layers.0.weight_hh_l0", [row], [*range(6)]) for row in (2, 8, 14, 20)),
            ("layers.0.weight_hh_l0", [*range(24)], [2]),
            ("layers.1.weight_ih_l0", [*range(16)], [2]),
        ]

    def test_the_last_layer_is_read_by_the_softmax(self):
        parts = groups_of(small_lstm())["layers.1"].owned(3)
        assert [(part.matrix, list(part.columns)) for part in parts][-1] == ("decoder.weight", [3])
        assert {part.matrix for part in parts} == {
            "layers.1.weight_ih_l0",
            "layers.1.weight_hh_l0",
            "decoder.weight",
        }

    @pytest.mark.parametrize("kind", list(MODELS))
    def test_the_rectangles_the_length_and_the_size_of_a_unit_tell_of_the_same_weights(self, kind):
        model = made_random(MODELS[kind]())
        for name, group in groups_of(model).items():
            for unit in range(group.units):
                marked = {
                    name: torch.zeros_like(weight) for name, weight in model.named_parameters(remove_duplicate=False)
                }
                for part in group.owned(unit):
                    marked[part.matrix][part.rows.start : part.rows.stop, part.columns.start : part.columns.stop] += 1
                for double_count in (True, False):
                    counts = marked if double_count else {name: mark.clamp(max=1) for name, mark in marked.items()}
                    square = sum((count * model.get_parameter(n).square()).sum() for n, count in counts.items())
                    lengths = unit_lengths(model, double_count)[name]
                    assert lengths[unit].item() == pytest.approx(square.sqrt().item(), rel=1e-12)
                    assert sum(count.sum() for count in counts.values()) == group.size(double_count)

    def test_a_tied_embedding_joins_the_last_layers_group_once(self):
        tied, untied = LSTMLanguageModel(50, 4, (6, 4), tied=True), LSTMLanguageModel(50, 4, (6, 4))
        assert sizes(groups_of(tied)) == sizes(groups_of(untied))
        weights = weights_of(groups_of(tied).values())
        assert sum(weight is tied.embedding.weight for weight in weights) == 1
        assert all(weight is not untied.embedding.weight for weight in weights_of(groups_of(untied).values()))

    def test_biases_are_in_no_group(self):
        model = small_lstm()
        owned = {id(weight) for weight in weights_of(groups_of(model).values())}
        assert owned == {id(w) for name, w in model.named_parameters() if w.ndim == 2 and "embedding" not in name}

    def test_a_unit_is_zero_only_if_all_its_strips_are(self):
        model = small_lstm()
        kill_units(model, {"layers.0": [2, 5]})
        assert zero_units(model)["layers.0"].nonzero().flatten().tolist() == [2, 5]
        for strip in groups_of(model)["layers.0"].strips:  # any one weight of any strip revives unit 2
            value = strip.of(strip.weight).data[-1, 2, -1]
            value.fill_(1e-30)  # its square is zero in single precision
            assert not zero_units(model)["layers.0"][2]
            value.zero_()
        assert not zero_units(model)["layers.1"].any()

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(kind=st.sampled_from(list(MODELS)), seed=st.integers(0, 1000), share=st.sampled_from([0.2, 0.7]))
    def test_compaction_cuts_every_unit_whose_group_is_zero(self, kind, seed, share):
        model = made_random(MODELS[kind](), seed)
        kill_units(model, random_dead(model, seed, share))
        kept = kept_units(model)
        for name, zero in zero_units(model).items():
            assert torch.equal(kept[name], ~zero)

    def test_a_gate_that_is_forgotten_is_noticed(self):
        model = small_lstm()
        for row in (2, 8, 20):  # of unit 2 all gates but the candidate
            model.layers[0].weight_ih_l0.data[row] = model.layers[0].weight_hh_l0.data[row] = 0
        assert not zero_units(model)["layers.0"].any()


class TestPenalty:
    def test_by_hand_on_two_units(self):
        model = LSTMLanguageModel(3, 1, (2,))
        for weight in model.parameters():
            weight.data.zero_()
        layer = model.layers[0]
        layer.weight_ih_l0.data[0, 0] = 3.0  # input gate of unit 0
        layer.weight_hh_l0.data[2, 1] = 4.0  # the forget gate of unit 0 reads unit 1: both own this weight
        layer.weight_hh_l0.data[3, 1] = 2.0  # the forget gate of unit 1 reads unit 1: a crossing
        model.decoder.weight.data[2, 1] = 1.0
        squares = {"layers.0": [9 + 16, 16 + 4 + 1]}
        assert groups_of(model)["layers.0"].squares().tolist() == pytest.approx(squares["layers.0"])
        assert groups_of(model)["layers.0"].squares(double_count=True).tolist() == pytest.approx([25, 21 + 4])
        assert IntrinsicSparsity(model, 0.5, epsilon=0).penalty().item() == pytest.approx(0.5 * (5 + math.sqrt(21)))
        assert IntrinsicSparsity(model, 0.5, double_count=True, epsilon=0).penalty().item() == pytest.approx(0.5 * 10)
        assert IntrinsicSparsity(model, 0.5, double_count=True, epsilon=11).penalty().item() == pytest.approx(0.5 * 12)

    def test_epsilon_leaves_a_rest_of_every_dead_group(self):
        model = small_lstm()
        for weight in model.parameters():
            weight.data.zero_()
        assert IntrinsicSparsity(model, 1.0).penalty().item() == pytest.approx(10 * 1e-4)
        assert IntrinsicSparsity(model, 1.0, epsilon=0).penalty().item() == 0

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(
        kind=st.sampled_from(list(MODELS)),
        seed=st.integers(0, 1000),
        share=st.sampled_from([0.0, 0.5]),
        double_count=st.booleans(),
        epsilon=st.sampled_from([0.0, 1e-8, 0.3]),
    )
    def test_the_closed_form_is_the_gradient(self, kind, seed, share, double_count, epsilon):
        model = made_random(MODELS[kind](), seed)
        kill_units(model, random_dead(model, seed, share))
        method = IntrinsicSparsity(model, 0.7, double_count=double_count, epsilon=epsilon)
        expected = torch.autograd.grad(method.penalty(), method.weights)
        start = [torch.randn_like(weight) for weight in method.weights]
        for weight, gradient in zip(method.weights, start, strict=True):
            weight.grad = gradient.clone()
        method.regularize(model)
        for weight, gradient, before in zip(method.weights, expected, start, strict=True):
            assert torch.allclose(weight.grad - before, gradient, atol=1e-12)
        assert all(weight.grad is None for weight in model.parameters() if not any(weight is w for w in method.weights))

    def test_a_crossing_weight_is_pulled_twice_where_it_counts_twice(self):
        def pull(double_count):
            model = small_lstm()
            kill_units(model, {"layers.0": range(6), "layers.1": range(4)})
            model.layers[0].weight_hh_l0.data[6 + 3, 3] = 0.2  # alone in its group
            method = IntrinsicSparsity(model, 1.0, double_count=double_count, epsilon=0)
            for weight in method.weights:
                weight.grad = torch.zeros_like(weight)
            method.regularize(model)
            return model.layers[0].weight_hh_l0.grad[6 + 3, 3].item()

        assert pull(double_count=False) == pytest.approx(1)
        assert pull(double_count=True) == pytest.approx(2 * 0.2 / math.sqrt(2 * 0.2**2))

    def test_the_gradient_of_a_bare_root_is_nan_at_a_dead_group_and_ours_is_zero(self):
        model = small_lstm()
        kill_units(model, {"layers.0": [2]})
        group = groups_of(model)["layers.0"]
        bare = sum(strip.of(strip.weight).square().sum((0, 2)) for strip in group.strips).sqrt().sum()
        (gradient,) = torch.autograd.grad(bare, model.layers[1].weight_ih_l0)
        # 1 / (2 sqrt(0)) is infinite, and infinity times the zero weight is no number.
        assert gradient[:, 2].isnan().all()
        (gradient,) = torch.autograd.grad(iss_penalty(group, epsilon=0), model.layers[1].weight_ih_l0)
        assert gradient.isfinite().all()
        assert not gradient[:, 2].any()
        (gradient,) = torch.autograd.grad(iss_penalty(group, epsilon=1e-8), model.layers[1].weight_ih_l0)
        assert gradient.isfinite().all()

    def test_a_frozen_weight_gets_no_gradient(self):
        model = small_lstm()
        model.layers[0].weight_hh_l0.requires_grad_(False)
        run_steps(model, [IntrinsicSparsity(model, 0.1)])
        assert model.layers[0].weight_hh_l0.grad is None
        highway = RecurrentHighwayNetwork(11, 5, 2)
        highway.recurrent[0].weight.requires_grad_(False)
        run_steps(highway, [IntrinsicSparsity(highway, 0.1)])
        assert highway.recurrent[0].weight.grad is None
        assert highway.recurrent[1].weight.grad.any()


class TestInTheTrainingStep:
    def test_sgd_on_the_penalty_shortens_a_group_by_rate_times_strength_where_nothing_overlaps(self):
        model = small_lstm()
        for weight in model.parameters():
            weight.data.zero_()
        model.decoder.weight.data[:, 1] = 0.3  # the only weights of any unit
        before = unit_lengths(model)["layers.1"][1].item()
        run_steps(model, [IntrinsicSparsity(model, 0.02, epsilon=0)], number=5, rate=0.5)
        assert unit_lengths(model)["layers.1"][1].item() == pytest.approx(before - 5 * 0.5 * 0.02, rel=1e-5)

    def test_the_gradient_alone_never_makes_a_zero_and_the_threshold_does(self):
        model = small_lstm()
        run_steps(model, [IntrinsicSparsity(model, 0.3, threshold=0)], number=60)
        lengths = torch.cat(list(unit_lengths(model).values()))
        assert lengths.min() > 0
        assert lengths.max() < 0.1  # they swing around zero by a step
        run_steps(model, [IntrinsicSparsity(model, 0.3, threshold=0.1)], number=1)
        assert all(zero.all() for zero in zero_units(model).values())

    def test_the_threshold_is_for_single_weights_of_groups(self):
        model = small_lstm()
        model.embedding.weight.data.fill_(1e-5)
        model.layers[0].bias_ih_l0.data.fill_(1e-5)
        model.layers[0].weight_hh_l0.data[3, 1] = -5e-5
        model.layers[0].weight_hh_l0.data[3, 2] = 2e-4
        run_steps(model, [IntrinsicSparsity(model, 0.0)], rate=0.0)
        assert model.layers[0].weight_hh_l0[3, 1] == 0
        assert model.layers[0].weight_hh_l0[3, 2].item() == pytest.approx(2e-4)
        assert model.embedding.weight.all()
        assert model.layers[0].bias_ih_l0.all()

    def test_the_penalty_is_clipped_with_the_gradient_as_in_the_authors_code(self):
        model = small_lstm()
        before = [weight.detach().clone() for weight in model.parameters()]
        run_steps(model, [IntrinsicSparsity(model, 100.0, threshold=0)], rate=1.0, clip_norm=0.25)
        moved = sum((w - b).square().sum() for w, b in zip(model.parameters(), before, strict=True)).sqrt()
        assert moved.item() == pytest.approx(0.25, rel=1e-4)

    @pytest.mark.parametrize("double_count", [False, True])
    def test_the_proximal_step_reaches_exact_zero(self, double_count):
        model = small_lstm()
        method = IntrinsicSparsity(model, 1.0, step="proximal", double_count=double_count)
        before = unit_lengths(model, double_count)
        limit = before["layers.0"].sort().values[2].item()
        run_steps(model, [method], rate=limit + 1e-6)
        zero = zero_units(model)["layers.0"]
        assert torch.equal(zero, before["layers.0"] <= limit + 1e-6)
        assert zero.sum() == 3
        assert torch.equal(unit_lengths(model)["layers.0"] == 0, zero)

    def test_momentum_makes_the_proximal_step_longer(self):
        lengths = []
        for momentum, rate in ((0.0, 0.1), (0.9, 0.01)):
            model = small_lstm()
            run_steps(model, [IntrinsicSparsity(model, 0.1, step="proximal")], rate=rate, momentum=momentum)
            lengths.append(unit_lengths(model)["layers.0"])
        assert torch.allclose(*lengths)

    def test_all_hidden_units_of_a_highway_network_can_die_by_the_proximal_step(self):
        model = RecurrentHighwayNetwork(11, 6, 2)
        run_steps(model, [IntrinsicSparsity(model, 1.0, step="proximal")], rate=100.0)
        assert zero_units(model)["state"].all()
        assert not model.embedding.weight.any()

    def test_a_group_with_two_learning_rates_has_no_proximal_step(self):
        model = small_lstm()
        method = IntrinsicSparsity(model, 0.1, step="proximal")
        optimizer = torch.optim.SGD([{"params": model.layers.parameters(), "lr": 0.1}], lr=0.2)
        with pytest.raises(
            ValueError, match=r"step sizes of the penalised weights are \{.*None.*choose step='gradient'"
        ):
            method.after_step(model, optimizer)
        optimizer.add_param_group({"params": [model.decoder.weight]})
        with pytest.raises(ValueError, match="a group needs one"):
            method.after_step(model, optimizer)

    def test_a_method_of_another_model_is_refused_by_fit(self):
        model, other = small_lstm(), small_lstm()
        with pytest.raises(ValueError, match="IntrinsicSparsity holds 5 weights"):
            fit(
                model,
                TextBatches(torch.arange(44) % 11, 2, 5),
                torch.optim.SGD(model.parameters(), lr=0.1),
                loss_of=language_model_loss,
                methods=[IntrinsicSparsity(other, 0.1)],
                progress=False,
            )


class TestProximalStepOfOverlappingGroups:
    """`shorten` multiplies by the factors of all groups that a weight is in."""

    def test_it_is_the_minimiser_where_groups_do_not_overlap(self):
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(7, 4, dtype=torch.float64))
        start = weight.detach().clone()
        group = UnitGroups(4, (Strip("w", weight, "columns", 4),))
        shorten([group], 0.8)
        found = weight.detach().requires_grad_()

        def objective(v):
            return 0.5 * (v - start).square().sum() + 0.8 * torch.linalg.vector_norm(v, dim=0).sum()

        (slope,) = torch.autograd.grad(objective(found), found)
        assert slope.abs().max() < 1e-12

    def test_zeros_stay_zero_and_a_weight_dies_with_any_of_its_groups(self):
        model = small_lstm()
        kill_units(model, {"layers.0": [1], "layers.1": [0]})
        zeros = [weight == 0 for weight in weights_of(groups_of(model).values())]
        shorten(groups_of(model).values(), 0.05)
        for weight, zero in zip(weights_of(groups_of(model).values()), zeros, strict=True):
            assert torch.equal(weight == 0, zero)
        assert sum(zero.sum() for zero in zeros) > 0

    @pytest.mark.parametrize("double_count", [False, True])
    def test_each_factor_acts_on_a_crossing_weight_once_or_twice(self, double_count):
        model = made_random(LSTMLanguageModel(11, 5, (6,)))
        before = model.layers[0].weight_hh_l0.detach().clone()
        factor = 1 - 0.5 / unit_lengths(model, double_count)["layers.0"]
        shorten(groups_of(model).values(), 0.5, double_count)
        expected = before.unflatten(0, (4, 6)) * factor[:, None] * factor
        if not double_count:
            for k in range(6):
                expected[:, k, k] /= factor[k]
        assert torch.allclose(model.layers[0].weight_hh_l0.unflatten(0, (4, 6)), expected)

    @pytest.mark.parametrize("double_count", [False, True])
    def test_for_small_steps_it_is_a_gradient_step_up_to_second_order(self, double_count):
        errors = []
        for distance in (0.1, 0.05):
            model, other = (made_random(LSTMLanguageModel(11, 5, (6, 4))) for _ in range(2))
            shorten(groups_of(model).values(), distance, double_count)
            method = IntrinsicSparsity(other, 1.0, double_count=double_count, epsilon=0)
            slopes = torch.autograd.grad(method.penalty(), method.weights)
            targets = [weight - distance * slope for weight, slope in zip(method.weights, slopes, strict=True)]
            found = weights_of(groups_of(model).values())
            errors.append(max((a - b).abs().max().item() for a, b in zip(found, targets, strict=True)))
        assert errors[1] < 0.3 * errors[0]  # half the step, a quarter of the error
        assert errors[0] < 0.1 * 0.1

    @staticmethod
    def exact_step(model, distance):
        """Dykstra's iteration over the groups, all weights in one vector; the groups as masks."""
        groups, weights = groups_of(model), weights_of(groups_of(model).values())
        masks = []
        for group in groups.values():
            for unit in range(group.units):
                marks = {id(weight): torch.zeros_like(weight) for weight in weights}
                for strip in group.strips:
                    strip.of(marks[id(strip.weight)])[:, unit] = 1
                masks.append(torch.cat([marks[id(weight)].flatten() for weight in weights]) > 0)
        point = torch.cat([weight.detach().flatten() for weight in weights])
        corrections = [torch.zeros_like(point) for _ in masks]
        for _ in range(300):
            for number, mask in enumerate(masks):
                wanted = point + corrections[number]
                length = wanted[mask].norm()
                point = wanted.clone()
                point[mask] *= max(0.0, 1 - distance / length.item()) if length else 0.0
                corrections[number] = wanted - point
        return point, masks

    @pytest.mark.parametrize(("distance", "dead_here", "dead_exactly"), [(0.4, 1, 1), (3.0, 1, 1), (7.0, 5, 10)])
    def test_it_comes_close_to_the_exact_step_and_kills_no_group_that_the_exact_one_leaves(
        self, distance, dead_here, dead_exactly
    ):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        kill_units(model, {"layers.0": [5]})
        model.layers[0].weight_hh_l0.data *= 0.5
        start = torch.cat([weight.detach().flatten() for weight in weights_of(groups_of(model).values())])
        exact, masks = self.exact_step(model, distance)
        shorten(groups_of(model).values(), distance)
        found = torch.cat([weight.detach().flatten() for weight in weights_of(groups_of(model).values())])

        def objective(point):
            return 0.5 * (point - start).square().sum() + distance * sum(point[mask].norm() for mask in masks)

        assert objective(exact) < objective(found) < objective(start)
        lost = (objective(found) - objective(exact)) / (objective(start) - objective(exact))
        assert lost < (0.001 if distance < 1 else 0.03)
        dead = [not found[mask].any() for mask in masks]
        dead_in_exact = [exact[mask].norm() < 1e-6 for mask in masks]  # an iteration comes near, not to, zero
        assert (sum(dead), sum(dead_in_exact)) == (dead_here, dead_exactly)
        assert all(also for also, one in zip(dead_in_exact, dead, strict=True) if one)
        assert dead[5]

    def test_a_frozen_weight_stays(self):
        model = small_lstm()
        model.layers[0].weight_hh_l0.requires_grad_(False)
        before = model.layers[0].weight_hh_l0.clone()
        shorten(groups_of(model).values(), 100.0)
        assert torch.equal(model.layers[0].weight_hh_l0, before)
        assert not model.layers[0].weight_ih_l0.any()


class Noise(Method):
    """An update that moves every weight, as the gradient of real data does."""

    def regularize(self, model):
        for weight in model.parameters():
            weight.grad += 0.01 * torch.randn_like(weight)


class TestDeadUnitsStayDead:
    def test_a_mask_taken_once_holds(self):
        model = small_lstm()
        kill_units(model, {"layers.0": [1, 4], "layers.1": [2]})
        dead = zero_units(model)
        run_steps(model, [Noise(), FrozenUnits(model)], number=5)
        assert all(torch.equal(zero, dead[name]) for name, zero in zero_units(model).items())

    def test_a_mask_taken_anew_after_each_update_keeps_nothing(self):
        model = small_lstm()
        kill_units(model, {"layers.0": [1, 4], "layers.1": [2]})

        class Anew(Method):
            def after_step(self, model, optimizer):
                FrozenUnits(model).after_step(model, optimizer)

        run_steps(model, [Noise(), Anew()])
        assert not any(zero.any() for zero in zero_units(model).values())

    def test_real_gradients_revive_a_dead_unit_through_the_weights_that_would_read_it(self):
        model = small_lstm()
        kill_units(model, {"layers.0": [1]})
        run_steps(model, [], loss_of=language_model_loss)
        assert not zero_units(model)["layers.0"].any()
        assert model.layers[1].weight_ih_l0[:, 1].any()

    @pytest.mark.parametrize("absorbing", [True, False])
    def test_absorbing_keeps_units_that_the_penalty_killed(self, absorbing):
        model = small_lstm()
        limit = unit_lengths(model)["layers.0"].median().item()
        method = IntrinsicSparsity(model, limit / 0.1, step="proximal", absorbing=absorbing)
        run_steps(model, [method])
        died = zero_units(model)["layers.0"]
        assert died.any()
        assert not died.all()
        method.strength = 1e-6
        run_steps(model, [Noise(), method], number=3)
        assert torch.equal(zero_units(model)["layers.0"], died) == absorbing

    def test_after_its_epochs_the_penalty_ends_and_the_dead_stay_dead(self):
        model = small_lstm()
        limit = unit_lengths(model)["layers.0"].median().item()
        method = IntrinsicSparsity(model, limit / 0.1, step="proximal", epochs=2)
        alive = []

        class Count(Method):
            def after_epoch(self, model, optimizer):
                alive.append([int((~zero).sum()) for zero in zero_units(model).values()])
                method.strength = min(method.strength, 1e-6)

        tokens = torch.randint(11, (44,), generator=torch.Generator().manual_seed(0))
        fit(
            model,
            TextBatches(tokens, 2, 22),
            torch.optim.SGD(model.parameters(), lr=0.1),
            epochs=5,
            loss_of=language_model_loss,
            methods=[method, Count()],
            progress=False,
        )
        assert method.strength == 0
        assert method.penalty() == 0
        # In the second epoch the penalty is too weak to stop revival; from its end on nothing changes.
        assert alive[0] != alive[1]
        assert alive[1] == alive[2] == alive[3] == alive[4]


class TestSumOverSteps:
    """The authors' strength goes with a loss that is summed over the time steps."""

    def test_the_strength_of_the_authors_beside_a_mean_loss(self):
        assert strength_for_mean_loss(0.00245, steps=35) == pytest.approx(7.0e-5)
        with pytest.raises(ValueError, match="steps is 0"):
            strength_for_mean_loss(0.1, steps=0)

    @staticmethod
    def trained(strength, rate, clip_norm, summed):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        steps = text().shape[1]

        def summed_over_steps(model, shard, state):
            loss, state = language_model_loss(model, shard, state)
            return steps * loss, state

        loss_of = summed_over_steps if summed else language_model_loss
        method = IntrinsicSparsity(model, strength, threshold=0)
        run_steps(model, [method], number=4, rate=rate, loss_of=loss_of, clip_norm=clip_norm)
        return torch.cat([weight.flatten() for weight in model.parameters()])

    def test_the_same_training_with_a_mean_loss_needs_three_numbers_changed(self):
        steps = text().shape[1]
        authors = self.trained(0.02, 0.1, 10.0, summed=True)
        ours = self.trained(strength_for_mean_loss(0.02, steps), 0.1 * steps, 10.0 / steps, summed=False)
        assert torch.allclose(ours, authors, atol=1e-10)

    def test_the_trap_the_authors_strength_beside_a_mean_loss_is_too_strong(self):
        steps = text().shape[1]
        authors = self.trained(0.02, 0.1, 10.0, summed=True)
        trapped = self.trained(0.02, 0.1 * steps, 10.0 / steps, summed=False)
        assert (trapped - authors).abs().max() > 1e-2
        assert trapped.square().sum() < authors.square().sum()


class TestSingleWeights:
    def test_each_weight_alone_moves_to_zero_and_stops_there(self):
        model = small_lstm()
        weight = model.layers[0].weight_hh_l0
        weight.data[0, :3] = torch.tensor([0.05, -0.05, 0.01])
        bias = model.layers[0].bias_hh_l0.clone()
        run_steps(model, [SingleWeights(model, 0.2, epochs=1)], rate=0.1)
        assert weight[0, :3].tolist() == pytest.approx([0.03, -0.03, 0])
        assert torch.equal(model.layers[0].bias_hh_l0, bias)

    def test_at_the_end_of_its_epochs_the_largest_are_kept_and_zeros_stay(self):
        model = small_lstm()
        method = SingleWeights(model, 0.0, epochs=1, keep=100)
        sizes = torch.cat([weight.detach().abs().flatten() for weight in method.weights]).sort().values
        method.after_epoch(model, None)
        kept = [weight != 0 for weight in method.weights]
        assert sum(mask.sum() for mask in kept) == 100
        assert min(w[mask].abs().min() for w, mask in zip(method.weights, kept, strict=True)) == sizes[-100]
        run_steps(model, [Noise(), method], number=3)
        assert all(torch.equal(w != 0, mask) for w, mask in zip(method.weights, kept, strict=True))

    def test_its_penalty_is_on_the_weights_of_the_groups(self):
        model = small_lstm()
        expected = sum(weight.abs().sum() for weight in weights_of(groups_of(model).values()))
        assert SingleWeights(model, 0.5, epochs=1).penalty().item() == pytest.approx(0.5 * expected.item())

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"strength": -1, "epochs": 1}, "strength is -1"),
            ({"strength": 0.1, "epochs": 0}, "epochs is 0"),
            ({"strength": 0.1, "epochs": 1, "keep": 0}, r"keep is 0; choose 1\.\.468"),
            ({"strength": 0.1, "epochs": 1, "keep": 469}, "keep is 469"),
        ],
    )
    def test_bad_input(self, options, message):
        with pytest.raises(ValueError, match=message):
            SingleWeights(small_lstm(), **options)


class TestBadInput:
    @pytest.mark.parametrize("name", ["strength", "threshold", "epsilon"])
    @pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf])
    def test_a_number_that_is_none_or_negative(self, name, value):
        with pytest.raises(ValueError, match=f"{name} is {value}; it must be a number of at least 0"):
            IntrinsicSparsity(small_lstm(), **({"strength": 0.1} | {name: value}))

    def test_an_unknown_step_an_epsilon_that_has_no_place_and_no_epochs(self):
        with pytest.raises(ValueError, match="step 'prox' is unknown; choose 'gradient' or 'proximal'"):
            IntrinsicSparsity(small_lstm(), 0.1, step="prox")
        with pytest.raises(ValueError, match="so give epsilon=0"):
            IntrinsicSparsity(small_lstm(), 0.1, step="proximal", epsilon=1e-8)
        with pytest.raises(ValueError, match="epochs is 0; the penalty lasts at least 1 epoch"):
            IntrinsicSparsity(small_lstm(), 0.1, epochs=0)

    def test_a_model_without_known_groups(self):
        with pytest.raises(ValueError, match="the groups of a ConvNet are not known; give an LSTMLanguageModel"):
            groups_of(ConvNet())

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            (nn.LSTM(6, 4, bidirectional=True), "layers.1 is bidirectional, which is not covered; use"),
            (nn.LSTM(6, 8, proj_size=4), r"layers\.1 is projected \(proj_size=4\)"),
            (nn.LSTM(6, 4, num_layers=2), r"layers\.1 is a stack itself \(num_layers=2\)"),
            (nn.GRU(6, 4), r"layers\.1 is a GRU, and only nn\.LSTM layers are covered"),
        ],
    )
    def test_a_layer_that_is_not_covered(self, layer, message):
        model = small_lstm()
        model.layers[1] = layer
        with pytest.raises(ValueError, match=message):
            IntrinsicSparsity(model, 0.1)

    def test_batch_first_or_not_the_groups_are_the_same(self):
        model = small_lstm()
        expected = unit_lengths(model)
        for layer in model.layers:
            layer.batch_first = False
        assert all(torch.equal(lengths, expected[name]) for name, lengths in unit_lengths(model).items())

    def test_strips_that_do_not_fit_their_matrix(self):
        weight = nn.Parameter(torch.zeros(8, 5))
        with pytest.raises(ValueError, match="w has 8 rows, not 4 for each of 3 units"):
            Strip("w", weight, "rows", 3, gates=4)
        with pytest.raises(ValueError, match="w has 5 columns; units 3 to 5 do not fit"):
            Strip("w", weight, "columns", 3, start=3)
        with pytest.raises(ValueError, match="side 'diagonal' is unknown"):
            Strip("w", weight, "diagonal", 3)
        with pytest.raises(ValueError, match=r"unit 6 is not one of the units 0\.\.5"):
            groups_of(small_lstm())["layers.0"].owned(6)

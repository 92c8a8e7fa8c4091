"""A recurrent model without its dead units computes what the whole one does, whatever the biases."""

import copy
import re

import pytest
import torch
from dead_units import MODELS, difference, kill_units, made_random, random_dead, text
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from effdl_lite.measure import count_macs, count_parameters, num_threads
from effdl_lite.methods.compaction import compact_recurrent, kept_units
from effdl_lite.methods.compaction import recurrent as recurrent_module
from effdl_lite.models import ConvNet, LSTMLanguageModel, RecurrentHighwayNetwork

WORD = torch.zeros(1, 1, dtype=torch.long)


@pytest.fixture(autouse=True)
def one_thread():
    with num_threads(1):
        yield


def widths(model):
    return [layer.hidden_size for layer in model.layers]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(list(MODELS)),
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.1, 0.5, 0.9]),
    batch=st.integers(1, 4),
    steps=st.integers(1, 9),
    round_to=st.sampled_from([1, 1, 4]),
)
def test_whatever_units_are_dead_the_compact_model_computes_the_same(kind, seed, share, batch, steps, round_to):
    model = made_random(MODELS[kind](), seed)
    dead = random_dead(model, seed, share)
    kill_units(model, dead)
    before = copy.deepcopy(model.state_dict())
    small = compact_recurrent(model, round_to=round_to)
    tokens = text(batch=batch, steps=steps, seed=seed)
    assert difference(model, small, tokens) < 1e-6
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    kept = kept_units(model, round_to)
    if round_to == 1:
        assert {name: (~kept[name]).nonzero().flatten().tolist() for name in dead} == dead
    # The state that was carried from a text before goes on, without its dead entries.
    with torch.no_grad():
        _, state = model(tokens)
    if isinstance(model, LSTMLanguageModel):
        chosen = [tuple(part[:, :, kept[f"layers.{i}"]] for part in layer) for i, layer in enumerate(state)]
    else:
        chosen = state[:, kept["state"]]
    assert difference(model, small, text(batch=batch, steps=3, seed=seed + 1), state, chosen) < 1e-6


def test_the_tiny_case_of_the_facts():
    model = made_random(LSTMLanguageModel(50, 8, (6, 4)))
    assert (count_parameters(model), count_macs(model, WORD)) == (1_226, 696)
    kill_units(model, {"layers.0": [1, 4], "layers.1": [2]})
    small = compact_recurrent(model)
    assert widths(small) == [4, 3]
    assert (count_parameters(small), count_macs(small, WORD)) == (932, 426)
    assert round(696 / 426, 5) == 1.63380
    assert difference(model, small, text(50, 3, 20)) < 1e-12


def test_the_units_that_stay_keep_their_weights_in_all_four_gates():
    model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
    kill_units(model, {"layers.0": [0, 3, 5], "layers.1": [1]})
    small = compact_recurrent(model)
    rows = torch.tensor([gate * 6 + unit for gate in range(4) for unit in (1, 2, 4)])
    assert torch.equal(small.layers[0].weight_ih_l0, model.layers[0].weight_ih_l0[rows])
    assert torch.equal(small.layers[0].weight_hh_l0, model.layers[0].weight_hh_l0[rows][:, [1, 2, 4]])
    assert torch.equal(small.layers[0].bias_hh_l0, model.layers[0].bias_hh_l0[rows])
    rows = torch.tensor([gate * 4 + unit for gate in range(4) for unit in (0, 2, 3)])
    assert torch.equal(small.layers[1].weight_ih_l0, model.layers[1].weight_ih_l0[rows][:, [1, 2, 4]])
    assert torch.equal(small.decoder.weight, model.decoder.weight[:, [0, 2, 3]])
    assert torch.equal(small.decoder.bias, model.decoder.bias)
    assert torch.equal(small.embedding.weight, model.embedding.weight)


class TestWhatMakesAUnitRemovable:
    def test_a_unit_that_nobody_reads_goes_although_it_is_far_from_zero(self):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        model.layers[0].weight_hh_l0.data[:, 2] = 0
        model.layers[1].weight_ih_l0.data[:, 2] = 0
        with torch.no_grad():
            outputs, _ = model.layers[0](model.embedding(text()))
        assert outputs[..., 2].abs().max() > 0.1
        small = compact_recurrent(model)
        assert widths(small) == [5, 4]
        assert difference(model, small, text()) < 1e-12

    @pytest.mark.parametrize("reader", ["itself", "another unit", "the next layer"])
    def test_one_weight_that_reads_it_keeps_a_unit_unless_the_reader_is_itself_unread(self, reader):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        kill_units(model, {"layers.0": [2]})
        weight, row = {
            "itself": (model.layers[0].weight_hh_l0, 2),
            "another unit": (model.layers[0].weight_hh_l0, 6 + 3),
            "the next layer": (model.layers[1].weight_ih_l0, 1),
        }[reader]
        weight.data[row, 2] = 1e-30
        assert kept_units(model)["layers.0"][2] == (reader != "itself")

    def test_a_unit_that_only_an_unread_unit_of_the_next_layer_reads_goes_too(self):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        model.decoder.weight.data[:, 0] = 0
        model.layers[1].weight_hh_l0.data[:, 0] = 0  # nobody reads unit 0 of the upper layer,
        model.layers[0].weight_hh_l0.data[:, 2] = 0
        others = [row for row in range(16) if row % 4 != 0]
        model.layers[1].weight_ih_l0.data[others, 2] = 0  # and nobody but it reads unit 2 of the lower
        small = compact_recurrent(model)
        assert widths(small) == [5, 3]
        assert difference(model, small, text()) < 1e-12

    def test_two_units_that_read_only_each_other_go(self):
        model = made_random(LSTMLanguageModel(11, 5, (6,)))
        model.decoder.weight.data[:, [1, 4]] = 0
        others = [row for row in range(24) if row % 6 not in (1, 4)]
        for column in (1, 4):
            model.layers[0].weight_hh_l0.data[others, column] = 0
        assert widths(compact_recurrent(model)) == [4]

    def test_zero_incoming_weights_are_not_enough_since_a_bias_drives_the_unit(self):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        rows = [gate * 6 + 2 for gate in range(4)]
        model.layers[0].weight_ih_l0.data[rows] = 0
        model.layers[0].weight_hh_l0.data[rows] = 0
        with torch.no_grad():
            outputs = model.layers[0](model.embedding(text()))[0][..., 2]
        assert torch.allclose(outputs, outputs[:1].expand_as(outputs))  # the same for all texts,
        assert (outputs[0, 1:] - outputs[0, :-1]).abs().min() > 1e-6  # but another number at each time step
        assert kept_units(model)["layers.0"].all()

    def test_a_candidate_without_weights_and_bias_makes_a_unit_that_is_always_zero(self):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        row = 2 * 6 + 3  # the third block of rows is the candidate's
        layer = model.layers[0]
        layer.weight_ih_l0.data[row] = 0
        layer.weight_hh_l0.data[row] = 0
        layer.bias_hh_l0.data[row] = -layer.bias_ih_l0.data[row]  # only their sum counts
        with torch.no_grad():
            assert not model.layers[0](model.embedding(text()))[0][..., 3].any()
        small = compact_recurrent(model)
        assert widths(small) == [5, 4]
        assert difference(model, small, text()) < 1e-12
        layer.bias_hh_l0.data[row] += 1e-9
        assert widths(compact_recurrent(model)) == [6, 4]

    @pytest.mark.parametrize("gate", [0, 1, 3])
    def test_a_gate_of_zeros_is_half_open_and_its_unit_stays(self, gate):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        for weight in model.layers[0].parameters():
            weight.data[gate * 6 + 3] = 0
        assert widths(compact_recurrent(model)) == [6, 4]

    def test_units_that_only_zero_units_drive_are_zero_through_all_layers(self):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        for weight in model.layers[0].parameters():
            weight.data[2 * 6 + 3] = 0
        upper = model.layers[1]
        upper.weight_ih_l0.data[2 * 4 + 1, [0, 1, 2, 4, 5]] = 0  # reads unit 3 below, which is zero, and itself
        upper.weight_hh_l0.data[2 * 4 + 1, [0, 2, 3]] = 0
        for bias in (upper.bias_ih_l0, upper.bias_hh_l0):
            bias.data[2 * 4 + 1] = 0
        small = compact_recurrent(model)
        assert widths(small) == [5, 3]
        assert difference(model, small, text()) < 1e-12

    def test_a_unit_that_words_drive_through_two_others_is_not_zero(self):
        model = made_random(LSTMLanguageModel(11, 5, (6,)))
        layer = model.layers[0]
        for unit, driver in ((0, 1), (1, 2), (2, None)):  # the candidate of 0 reads 1 alone, that of 1 reads 2
            row = 2 * 6 + unit
            layer.bias_ih_l0.data[row] = layer.bias_hh_l0.data[row] = 0
            layer.weight_hh_l0.data[row] = 0
            if driver is not None:
                layer.weight_hh_l0.data[row, driver] = 1.0
                layer.weight_ih_l0.data[row] = 0
        assert widths(compact_recurrent(model)) == [6]
        layer.weight_ih_l0.data[2 * 6 + 2] = 0  # now nothing drives 2, so none of the three moves
        small = compact_recurrent(model)
        assert widths(small) == [3]
        assert difference(model, small, text()) < 1e-12

    @pytest.mark.parametrize("kind", ["highway", "highway of one layer"])
    def test_a_highway_unit_without_candidates_is_always_zero_but_its_word_entry_may_be_needed(self, kind):
        model = made_random(MODELS[kind]())
        for layer in [model.input, *model.recurrent]:
            layer.weight.data[2] = 0
            if layer.bias is not None:
                layer.bias.data[2] = 0
        with torch.no_grad():
            assert not model(text())[1][:, 2].any()
        assert compact_recurrent(model).width == model.width  # the words' entry 2 drives other units
        model.input.weight.data[:, 2] = 0
        small = compact_recurrent(model)
        assert small.width == model.width - 1
        assert difference(model, small, text()) < 1e-12
        model.recurrent[-1].bias.data[2] = 0.1
        assert compact_recurrent(model).width == model.width

    def test_entries_of_word_vectors_that_nobody_reads_or_that_are_zero_go(self):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        model.embedding.weight.data[:, 1] = 0
        model.layers[0].weight_ih_l0.data[:, 3] = 0
        small = compact_recurrent(model)
        assert small.embedding.weight.shape == (11, 3)
        assert small.embedding.embedding_dim == small.layers[0].input_size == 3
        assert difference(model, small, text()) < 1e-12

    def test_a_tied_model_stays_tied_and_keeps_a_dead_unit_whose_word_entry_is_read(self):
        model = made_random(LSTMLanguageModel(11, 5, (6, 5), tied=True))
        model.layers[1].weight_hh_l0.data[:, 2] = 0
        for weight in model.layers[1].parameters():
            weight.data[2 * 5 + 2] = 0  # unit 2 is always zero, but entry 2 of the words is not
        assert widths(compact_recurrent(model)) == [6, 5]
        model.layers[0].weight_ih_l0.data[:, 2] = 0
        small = compact_recurrent(model)
        assert widths(small) == [6, 4]
        assert small.decoder.weight is small.embedding.weight
        assert small.decoder.in_features == small.embedding.embedding_dim == 4
        assert difference(model, small, text()) < 1e-12


class TestSettings:
    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("batch_first", [True, False])
    def test_layers_keep_their_settings(self, bias, batch_first):
        model = LSTMLanguageModel(11, 5, (6, 4))
        sizes = ((5, 6), (6, 4))
        model.layers = nn.ModuleList(nn.LSTM(a, b, bias=bias, batch_first=batch_first) for a, b in sizes)
        made_random(model)
        kill_units(model, {"layers.0": [1], "layers.1": [0]})
        small = compact_recurrent(model)
        assert [(layer.bias, layer.batch_first) for layer in small.layers] == [(bias, batch_first)] * 2
        assert widths(small) == [5, 3]
        assert difference(model, small, text()) < 1e-12

    @pytest.mark.parametrize("kind", ["two layers", "tied", "highway"])
    def test_the_compact_model_keeps_type_mode_and_frozen_weights_and_can_be_trained(self, kind):
        model = made_random(MODELS[kind]()).float().train()
        model.dropout.p = 0.5
        kill_units(model, random_dead(model, 0, 0.3))
        model.decoder.bias.requires_grad_(False)
        first = model.layers[0].weight_hh_l0 if kind != "highway" else model.recurrent[0].weight
        first.requires_grad_(False)
        small = compact_recurrent(model)
        assert all(weight.dtype == torch.float32 for weight in small.parameters())
        assert all(module.training for module in small.modules())
        assert small.dropout.p == 0.5
        frozen = [name for name, weight in model.named_parameters() if not weight.requires_grad]
        assert [name for name, weight in small.named_parameters() if not weight.requires_grad] == frozen
        assert len(frozen) == 2
        small(text())[0].sum().backward()
        assert all((weight.grad is not None) == weight.requires_grad for weight in small.parameters())
        assert difference(model.eval(), small.eval(), text()) < 1e-5

    def test_widths_are_rounded_up_with_dead_units_lowest_first(self):
        model = made_random(LSTMLanguageModel(11, 5, (9, 5)))
        kill_units(model, {"layers.0": [0, 2, 4, 6, 8], "layers.1": [1, 2, 3]})
        kept = kept_units(model, round_to=8)
        assert kept["layers.0"].nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
        assert kept["layers.1"].all()  # there are no 8
        assert difference(model, compact_recurrent(model, round_to=8), text()) < 1e-12

    def test_cutting_again_cuts_nothing(self):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        kill_units(model, {"layers.0": [1], "layers.1": [0]})
        small = compact_recurrent(model)
        assert all(mask.all() for mask in kept_units(small).values())


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "dead", "named"),
        [
            ("two layers", {"layers.0": range(6)}, "embedding and layers.0"),
            ("two layers", {"layers.1": range(4)}, "embedding and layers.0 and layers.1"),
            ("highway", {"state": range(6)}, "embedding and state"),
        ],
    )
    def test_a_layer_that_would_vanish(self, kind, dead, named):
        model = made_random(MODELS[kind]())
        kill_units(model, dead)
        with pytest.raises(ValueError, match=rf"nothing would be left of {re.escape(named)}: .*lower strength"):
            compact_recurrent(model)

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
        model = LSTMLanguageModel(11, 5, (6, 4))
        model.layers[1] = layer
        with pytest.raises(ValueError, match=message):
            compact_recurrent(model)

    def test_another_network(self):
        with pytest.raises(ValueError, match=r"a ConvNet is no recurrent language model .*use `compact`"):
            compact_recurrent(ConvNet())

    @pytest.mark.parametrize("round_to", [0, -8, 2.5])
    def test_rounding_to_less_than_one(self, round_to):
        with pytest.raises(ValueError, match=f"round_to is {re.escape(str(round_to))}; choose a whole number"):
            compact_recurrent(LSTMLanguageModel(11, 5, (6,)), round_to=round_to)

    def test_weights_that_are_not_numbers(self):
        model = RecurrentHighwayNetwork(11, 5, 2)
        model.recurrent[1].weight.data[0, 0] = torch.nan
        with pytest.raises(ValueError, match=r"recurrent\.1\.weight holds NaN or infinite values"):
            compact_recurrent(model)

    def test_a_result_that_computes_something_else_is_never_returned(self, monkeypatch):
        model = made_random(LSTMLanguageModel(11, 5, (6, 4)))
        everything = kept_units(model)
        everything["layers.0"][2] = False
        monkeypatch.setattr(recurrent_module, "kept_units", lambda *_: everything)
        with pytest.raises(RuntimeError, match="is a bug of compaction: please report"):
            compact_recurrent(model)

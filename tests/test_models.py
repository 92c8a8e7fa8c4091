"""The networks have the sizes that the papers' tables are about."""

import pytest
import torch
from torch import nn

from effdl_lite.measure import count_macs, count_parameters, layer_costs
from effdl_lite.models import MLP, CifarNet, CifarResNet, ConvNet, LeNet, LSTMLanguageModel, RecurrentHighwayNetwork

IMAGE = torch.zeros(1, 3, 32, 32)
WORD = torch.zeros(1, 1, dtype=torch.long)


def macs_of(model: nn.Module, *inputs: torch.Tensor) -> dict[str, int]:
    return {cost.name: cost.macs for cost in layer_costs(model, *inputs) if cost.macs}


def test_lenet_has_the_multiply_accumulates_of_the_ssl_tables():
    assert macs_of(LeNet(), torch.zeros(1, 1, 28, 28)) == {
        "conv1": 288_000,
        "conv2": 1_600_000,
        "fc1": 400_000,
        "fc2": 5_000,
    }
    assert count_parameters(LeNet()) == 431_080


def test_the_mlp_is_784_500_300_10():
    assert list(macs_of(MLP(), torch.zeros(1, 784)).values()) == [392_000, 150_000, 3_000]


@pytest.mark.parametrize(("batch_norm", "parameters"), [(False, 89_578), (True, 89_706)])
def test_the_convnet_is_caffes_cifar10_full(batch_norm, parameters):
    model = ConvNet(batch_norm=batch_norm)
    assert count_parameters(model) == parameters
    assert list(macs_of(model, IMAGE).values()) == [2_457_600, 6_553_600, 3_276_800, 10_240]


def test_the_convnets_maps_are_32_16_8_and_4_since_pools_round_up():
    sizes = [cost.output_shape[-1] for cost in layer_costs(ConvNet(), IMAGE) if cost.kind == "Conv2d"]
    assert sizes == [32, 16, 8]
    assert ConvNet().fc.in_features == 64 * 4 * 4


def test_caffes_normalisation_divides_by_the_energy_of_a_3x3_window_of_the_same_channel():
    from effdl_lite.models.image import _local_response_norm

    maps = 100 * torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    energy = maps[1, 2, 1:4, 0:3].square().sum() / 9
    assert torch.allclose(_local_response_norm(maps)[1, 2, 2, 1], maps[1, 2, 2, 1] / (1 + 5e-5 * energy) ** 0.75)


@pytest.mark.parametrize(("size", "parameters"), [(24, 1_068_426), (32, 1_756_554)])
def test_cifarnet_has_the_widths_of_the_terngrad_code(size, parameters):
    net = CifarNet(size)
    assert sum(weight.numel() for weight in net.parameters()) == parameters
    assert [layer.out_features for layer in net.layers] == [384, 192, 10]
    assert net(torch.zeros(2, 3, size, size)).shape == (2, 10)


def test_resnet_20_has_the_weights_and_multiply_accumulates_of_the_facts():
    model = CifarResNet(20, shortcut="conv")
    weights = {name: w.numel() for name, w in model.named_parameters() if w.ndim > 1}
    assert sum(weights.values()) == 270_896
    assert sum(size for name, size in weights.items() if "shortcut" in name) == 2_560
    convolutions = {name: macs for name, macs in macs_of(model, IMAGE).items() if name != "fc"}
    assert sum(macs for name, macs in convolutions.items() if "shortcut" not in name) == 40_550_400


@pytest.mark.parametrize("depth", [8, 20, 32, 56])
def test_a_resnet_of_depth_6n_plus_2_has_that_many_layers_with_weights(depth):
    model = CifarResNet(depth, shortcut="pad")
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_the_padding_shortcut_keeps_every_second_pixel_and_appends_zeros():
    block = CifarResNet(20, shortcut="pad").blocks[3]
    maps = torch.randn(2, 16, 8, 8)
    out = block.shortcut(maps)
    assert torch.equal(out[:, :16], maps[:, :, ::2, ::2])
    assert out.shape == (2, 32, 4, 4)
    assert not out[:, 16:].any()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CifarResNet(21), "6n \\+ 2"),
        (lambda: CifarResNet(20, shortcut="none"), "choose 'conv' or 'pad'"),
        (lambda: MLP((784,)), "at least inputs and classes"),
        (lambda: LSTMLanguageModel(10, 4, ()), "at least one LSTM layer"),
        (lambda: LSTMLanguageModel(10, 4, (5,), tied=True), "got 4 and 5"),
        (lambda: RecurrentHighwayNetwork(10, 4, depth=0), "at least one layer"),
    ],
)
def test_a_model_that_cannot_be_built_says_why(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("hidden", "one_bias", "macs"),
    [
        ((1500, 1500), 66_022_000, 51_000_000),
        ((373, 315), 21_824_148, 6_811_396),
        ((381, 535), 25_190_548, 10_176_884),
    ],
)
def test_the_lstm_has_the_sizes_of_the_iss_table(hidden, one_bias, macs):
    model = LSTMLanguageModel(10_000, 1500, hidden)
    assert count_parameters(model) == one_bias + 4 * sum(hidden)  # PyTorch keeps a second bias vector
    assert count_macs(model, WORD) == macs


def test_multiply_accumulates_of_an_lstm_grow_with_batch_and_steps():
    model = LSTMLanguageModel(50, 8, (6, 4))
    assert count_parameters(model) == 1_226
    assert count_macs(model, WORD) == 696
    assert count_macs(model, torch.zeros(3, 5, dtype=torch.long)) == 15 * 696


@pytest.mark.parametrize(("width", "parameters"), [(830, 23_482_400), (517, 11_070_698), (328, 5_663_408)])
def test_the_rhn_has_the_sizes_of_the_iss_table(width, parameters):
    assert count_parameters(RecurrentHighwayNetwork(10_000, width)) == parameters


def test_a_tied_model_shares_one_matrix():
    model = LSTMLanguageModel(30, 6, (5, 6), tied=True)
    assert model.decoder.weight is model.embedding.weight
    assert count_parameters(LSTMLanguageModel(30, 6, (5, 6))) - count_parameters(model) == 30 * 6


@pytest.mark.parametrize("build", [lambda: LSTMLanguageModel(30, 6, (5, 7)), lambda: RecurrentHighwayNetwork(30, 6, 3)])
def test_carried_state_makes_two_halves_of_a_text_equal_to_the_whole(build):
    torch.manual_seed(0)
    model = build().eval()
    words = torch.randint(30, (2, 8))
    whole, _ = model(words)
    first, state = model(words[:, :5])
    second, _ = model(words[:, 5:], state)
    assert torch.allclose(torch.cat([first, second], dim=1), whole, atol=1e-6)


@pytest.mark.parametrize("build", [lambda: LSTMLanguageModel(30, 6, (5, 7)), lambda: RecurrentHighwayNetwork(30, 6, 3)])
@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.tensor([[3, 30]]), r"tokens run from 3 to 30, but the vocabulary has the words 0\.\.29; read the text"),
        (torch.tensor([[-1, 2]]), "tokens run from -1 to 2"),
        (
            torch.zeros(2, 0, dtype=torch.long),
            r"tokens have shape \(2, 0\); give word numbers \[batch, steps\] with at",
        ),
        (torch.zeros(5, dtype=torch.long), r"tokens have shape \(5,\)"),
    ],
)
def test_a_text_that_a_language_model_cannot_read_is_refused(build, tokens, message):
    with pytest.raises(ValueError, match=message):
        build()(tokens)


def test_an_rhn_step_follows_its_formula():
    torch.manual_seed(0)
    model = RecurrentHighwayNetwork(9, 4, depth=2)
    _, state = model(torch.tensor([[3]]))
    x, n = model.embedding.weight[3], 4
    expected = torch.zeros(n)
    for i, layer in enumerate(model.recurrent):
        mixed = layer.weight @ expected + layer.bias + (model.input.weight @ x if i == 0 else 0)
        h, t = torch.tanh(mixed[:n]), torch.sigmoid(mixed[n:])
        expected = h * t + expected * (1 - t)
    assert torch.allclose(state[0], expected, atol=1e-6)

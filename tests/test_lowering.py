"""A convolution is a matrix product, and zero rows and columns can be left out of it."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, prune

from effdl_lite.measure import count_macs
from effdl_lite.methods.lowering import Gemm, LoweredConv2d, lower, lowered_macs
from effdl_lite.models import CifarResNet, ConvNet, LeNet


def masked(conv, seed, share):
    """Zeroes a share of the rows and columns; returns how many are left of each."""
    generator = torch.Generator().manual_seed(seed)
    matrix = conv.weight.data.flatten(1)
    rows = torch.rand(matrix.shape[0], generator=generator) >= share
    columns = torch.rand(matrix.shape[1], generator=generator) >= share
    conv.weight.data = (matrix * rows[:, None] * columns).view_as(conv.weight)
    rows, columns = int(rows.sum()), int(columns.sum())
    return (rows, columns) if rows and columns else (0, 0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0, 0.3, 0.7, 1]),
    bias=st.booleans(),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    batch=st.integers(1, 3),
)
def test_the_lowered_convolution_is_the_masked_one_with_fewer_products(
    seed, share, bias, kernel, stride, padding, dilation, batch
):
    torch.manual_seed(seed)
    conv = nn.Conv2d(3, 5, kernel, stride, padding, dilation, bias=bias)
    rows, columns = masked(conv, seed, share)
    images = torch.randn(batch, 3, 11, 13)
    expected, layer = conv(images), LoweredConv2d(conv)
    difference = (layer(images) - expected).abs().max()
    assert difference <= 1e-5 * expected.abs().max()
    positions = batch * expected[0, 0].numel()
    assert layer.weight.shape == (rows, columns)
    assert layer.patches(images).shape == (columns, positions)
    assert layer.gemm_shapes(images) == (rows, columns, positions)
    assert count_macs(layer, images) == rows * columns * positions == lowered_macs(conv, images)[""].macs


def test_a_product_by_hand():
    conv = nn.Conv2d(1, 2, 2, bias=False)
    conv.weight.data = torch.tensor([[[[1.0, 0.0], [2.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
    layer = LoweredConv2d(conv)
    images = torch.arange(9.0).view(1, 1, 3, 3)
    # Filter 1 is dead, and the right column of the kernel: one row and two columns are left.
    assert layer.weight.tolist() == [[1, 2]]
    assert layer.patches(images).tolist() == [[0, 1, 3, 4], [3, 4, 6, 7]]
    assert layer(images).tolist() == [[[[6, 9], [15, 18]], [[0, 0], [0, 0]]]]
    assert repr(layer) == "LoweredConv2d(rows=1 of 2, columns=2 of 4)"


def test_a_dead_filter_gives_its_bias():
    conv = nn.Conv2d(3, 4, 3)
    conv.weight.data[2] = 0
    maps = LoweredConv2d(conv)(torch.randn(2, 3, 8, 8))
    assert torch.equal(maps[:, 2], conv.bias[2].expand(2, 6, 6))


def test_lenet_has_the_matrix_products_of_the_paper():
    model = LeNet()
    images = torch.zeros(1, 1, 28, 28)
    assert lowered_macs(model, images) == {
        "conv1": Gemm(20, 25, 576),
        "conv2": Gemm(50, 500, 64),
        "fc1": Gemm(500, 800, 1),
        "fc2": Gemm(10, 500, 1),
    }
    # Table 1 of SSL: 3 of 20 and 12 of 50 filters, of 1 and 3 channels: 15 % and 3.6 % of the products.
    model.conv1.weight.data[3:] = 0
    model.conv2.weight.data[12:] = 0
    model.conv2.weight.data[:, 3:] = 0
    gemms = lowered_macs(model, images)
    assert gemms["conv1"].macs / 288_000 == 0.15
    assert gemms["conv2"].macs / 1_600_000 == 0.036
    model.fc1.weight.data[100:] = 0
    model.fc1.weight.data[:, 300:] = 0
    assert lowered_macs(model, torch.zeros(2, 1, 28, 28))["fc1"] == (100, 300, 2)


@pytest.mark.parametrize("model", [ConvNet((6, 5, 7)), CifarResNet(8, widths=(4, 5, 6)), nn.Conv2d(3, 4, 3)])
def test_lowering_a_network_changes_neither_its_function_nor_the_network(model):
    for number, conv in enumerate(module for module in model.modules() if isinstance(module, nn.Conv2d)):
        masked(conv, number, 0.3)
    before = copy.deepcopy(model.state_dict())
    lowered = lower(model.eval())
    images = torch.randn(2, 3, 32, 32)
    expected = model(images)
    assert (lowered(images) - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert not any(isinstance(module, nn.Conv2d) for module in lowered.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert count_macs(lowered, images) == sum(gemm.macs for gemm in lowered_macs(model, images).values())


def test_a_layer_under_two_names_stays_one_layer():
    conv = nn.Conv2d(3, 3, 3)
    model = nn.Sequential(conv, conv)
    lowered = lower(model)
    assert lowered[0] is lowered[1]
    images = torch.randn(2, 3, 9, 9)
    assert torch.allclose(lowered(images), model(images), atol=1e-5)
    assert lowered_macs(model, images) == {"0": (3, 27, 2 * 49 + 2 * 25)}


def test_a_lowered_layer_has_the_gradients_of_what_is_left():
    conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    conv.weight.data[1] = 0
    conv.weight.data[:, 0, 0] = 0
    layer, images = LoweredConv2d(conv), torch.randn(2, 3, 9, 9, requires_grad=True)
    weights = torch.randn(conv(images).shape)
    gradients = []
    for module in (conv, layer):
        images.grad = None
        (module(images) * weights).sum().backward()
        gradients.append(images.grad)
    assert torch.allclose(*gradients, atol=1e-5)
    left = conv.weight.grad.flatten(1)[[0, 2, 3]][:, 3:]
    assert torch.allclose(layer.weight.grad, left, atol=1e-4)
    assert torch.allclose(layer.bias.grad, conv.bias.grad, atol=1e-4)


def test_a_lowered_layer_keeps_its_type_and_runs_under_autocast():
    layer = LoweredConv2d(nn.Conv2d(3, 4, 3).double())
    assert layer(torch.randn(1, 3, 8, 8).double()).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert LoweredConv2d(nn.Conv2d(3, 4, 3))(torch.randn(1, 3, 8, 8)).dtype == torch.bfloat16
    channels_last = torch.randn(2, 3, 8, 8).to(memory_format=torch.channels_last).double()
    assert torch.equal(layer(channels_last), layer(channels_last.contiguous()))


@pytest.mark.parametrize(
    ("conv", "message"),
    [
        (nn.Conv2d(4, 4, 3, groups=2), r"2 groups is 2 matrix products; lower one with groups=1"),
        (nn.Conv2d(4, 4, 3, padding="same"), r"padding 'same' .* is not supported; pad with a number"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), r"mode 'reflect' is not supported"),
    ],
)
def test_convolutions_that_are_no_single_product_are_refused(conv, message):
    with pytest.raises(ValueError, match=message):
        lower(nn.Sequential(conv))


def test_images_that_do_not_fit_are_refused():
    layer = LoweredConv2d(nn.Conv2d(3, 4, 5))
    with pytest.raises(ValueError, match=r"shape \(1, 4, 8, 8\); this layer takes \[batch, 3"):
        layer(torch.zeros(1, 4, 8, 8))
    with pytest.raises(ValueError, match=r"images of \(8, 4\) are smaller than a kernel of \(5, 5\)"):
        layer(torch.zeros(1, 3, 8, 4))


def test_counting_a_grouped_convolution_is_refused_and_leaves_no_hook():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3, groups=2)).train()
    with pytest.raises(ValueError, match="1 has 2 groups; only convolutions with groups=1"):
        lowered_macs(model, torch.zeros(1, 3, 8, 8))
    assert model.training
    assert not any(layer._forward_hooks for layer in model)


class Scaled(nn.Conv2d):
    def forward(self, images):
        return 2 * super().forward(images)


@pytest.mark.parametrize("use", [lower, LoweredConv2d])
def test_a_subclass_of_conv2d_is_not_lowered(use):
    with pytest.raises(ValueError, match=r"a Scaled,? is no plain Conv2d"):
        use(Scaled(3, 4, 3))


@pytest.mark.parametrize("conv", [nn.Conv1d(3, 4, 3), nn.ConvTranspose2d(3, 4, 3), nn.Conv3d(3, 4, 3)])
def test_a_network_is_not_lowered_in_part(conv):
    with pytest.raises(ValueError, match=rf"0, a {type(conv).__name__}, is no plain Conv2d, .*leave this one as it is"):
        lower(nn.Sequential(conv))


def test_a_convolution_in_one_dimension_and_a_subclass_are_counted():
    model = nn.Sequential(nn.Conv1d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 6, 5))
    model[0].weight.data[0] = 0
    model[0].weight.data[:, 0, 0] = 0
    assert lowered_macs(model, torch.zeros(2, 3, 8)) == {"0": (7, 8, 12), "2": (5, 48, 2)}
    assert lowered_macs(Scaled(3, 8, 3), torch.zeros(1, 3, 8, 8)) == {"": (8, 27, 36)}


@pytest.mark.parametrize("conv", [nn.ConvTranspose2d(3, 4, 3), nn.ConvTranspose1d(3, 4, 3), nn.Conv3d(3, 4, 3)])
def test_a_network_with_other_convolutions_is_not_counted_without_them(conv):
    with pytest.raises(ValueError, match=rf"0, a {type(conv).__name__}, is not counted: only Conv1d, Conv2d"):
        lowered_macs(nn.Sequential(conv), torch.zeros(1, 3, 8, 8))


def test_layers_with_computed_weights_are_neither_counted_nor_lowered():
    model = nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 4, 3)))
    masks = nn.Sequential(prune.ln_structured(nn.Conv2d(3, 4, 3), "weight", amount=0.5, n=2, dim=0))
    for network, message in (
        (model, r"layer '0' is computed by a parametrization; .*remove_parametrizations\(layer, 'weight'\)"),
        (masks, r"layer '0' is computed by a pruning mask; .*prune\.remove\(layer, 'weight'\)"),
    ):
        for use in (lower, lambda network: lowered_macs(network, torch.zeros(1, 3, 8, 8))):
            with pytest.raises(ValueError, match=message):
                use(network)
        with pytest.raises(ValueError, match=r"this .*Conv2d is computed by a"):
            LoweredConv2d(network[0])

"""A convolution as one matrix product, from which zero rows and columns are left out: the view of the SSL paper.

The filters become the rows of a matrix, [filters, channels * height * width of the kernel]; the columns of the other
matrix are the patches of the image that the filters lie over, one for each output position (im2col). A zero filter is a
zero row. A zero "shape fibre", W[:, c, m, k], is a zero column, and what it would read of the patches need not be read.

Only zero weights count here. A column whose channel comes from a dead filter could go as well: that needs to know the
whole network, as `effdl_lite.methods.compaction` does.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd

from effdl_lite.methods.compaction.plain import refuse_computed_weights, refuse_hooks
from effdl_lite.models import evaluation_mode

_COUNTED = (nn.Conv1d, nn.Conv2d, nn.Linear)


class Gemm(NamedTuple):
    """The sizes of a matrix product: [rows, columns] times [columns, positions]."""

    rows: int
    columns: int
    positions: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.rows * self.columns * self.positions


class LoweredConv2d(nn.Module):
    r"""Computes the same as `conv` by one matrix product without the rows and columns that are zero.

    .. math:: Y_{rows} = W_{rows, columns} \, X_{columns} + b

    Args:
        conv: its weights are copied. A filter that is zero gives its bias, and a convolution that is zero altogether
            multiplies nothing.

    Raises:
        ValueError: for a grouped convolution, whose matrix would be one of several, for another padding than a number
            of zeros, and for a subclass of Conv2d, which may compute something else.

    Source: the SSL paper's rows (filters) and columns (shape fibres), and the authors' Caffe, whose speed-ups are times
    of this product alone. Caffe multiplies for each image, this for the whole batch.
    """

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        refuse_computed_weights(conv)
        if type(conv) is not nn.Conv2d:
            raise ValueError(f"a {type(conv).__name__} is no plain Conv2d and may compute something else; give one")
        if conv.groups > 1:
            raise ValueError(
                f"a convolution of {conv.groups} groups is {conv.groups} matrix products; lower one with groups=1, or "
                "leave this one as it is"
            )
        if isinstance(conv.padding, str) or conv.padding_mode != "zeros":
            raise ValueError(
                f"padding {conv.padding!r} of mode {conv.padding_mode!r} is not supported; pad with a number of zeros"
            )
        matrix = conv.weight.detach().flatten(1)
        rows, columns = (matrix != 0).any(1), (matrix != 0).any(0)
        self.weight = nn.Parameter(matrix[rows][:, columns].clone(), requires_grad=conv.weight.requires_grad)
        self.bias = copy.deepcopy(conv.bias)
        self.filters, self.inputs = conv.out_channels, conv.in_channels
        self.kernel_size, self.stride = conv.kernel_size, conv.stride
        self.padding, self.dilation = conv.padding, conv.dilation
        self.register_buffer("rows", rows.nonzero().flatten())
        # Input channel, and row and column in the kernel, of each column of the matrix
        self.register_buffer("places", columns.view(conv.weight.shape[1:]).nonzero())

    def forward(self, images: Tensor) -> Tensor:
        """[batch, channels, height, width] -> [batch, filters, height', width']."""
        height, width = self._output_size(images)
        product = self.weight @ self.patches(images)
        maps = product.new_zeros(self.filters, product.shape[1])
        maps[self.rows] = product
        if self.bias is not None:
            maps = maps + self.bias[:, None].to(maps.dtype)
        return maps.view(self.filters, len(images), height, width).transpose(0, 1)

    def patches(self, images: Tensor) -> Tensor:
        """The matrix that the weights are multiplied with, [columns, images * height' * width']; im2col in Caffe."""
        (pad_rows, pad_columns), (down, right) = self.padding, self.stride
        padded = F.pad(images, (pad_columns, pad_columns, pad_rows, pad_rows))
        image_step, channel_step, row_step, column_step = padded.stride()
        kernel_steps = (self.dilation[0] * row_step, self.dilation[1] * column_step)
        # A view in which each entry of the kernel sees all that it is multiplied with; only what is kept is copied.
        seen = padded.as_strided(
            (self.inputs, *self.kernel_size, len(images), *self._output_size(images)),
            (channel_step, *kernel_steps, image_step, down * row_step, right * column_step),
        )
        channel, row, column = self.places.T
        return seen[channel, row, column].flatten(1)

    def gemm_shapes(self, images: Tensor) -> Gemm:
        """The sizes of the product for these images, to time it alone: the gathering of patches is not in them."""
        height, width = self._output_size(images)
        return Gemm(*self.weight.shape, len(images) * height * width)

    def _output_size(self, images: Tensor) -> tuple[int, int]:
        if images.ndim != 4 or images.shape[1] != self.inputs:
            raise ValueError(f"images have shape {tuple(images.shape)}; this layer takes [batch, {self.inputs}, ...]")
        height, width = (
            (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for size, padding, dilation, kernel, stride in zip(
                images.shape[2:], self.padding, self.dilation, self.kernel_size, self.stride, strict=True
            )
        )
        if min(height, width) < 1:
            raise ValueError(f"images of {tuple(images.shape[2:])} are smaller than a kernel of {self.kernel_size}")
        return height, width

    def extra_repr(self) -> str:
        rows, columns = self.weight.shape
        whole = self.inputs * self.kernel_size[0] * self.kernel_size[1]
        return f"rows={rows} of {self.filters}, columns={columns} of {whole}"


def _named(name: str, layer: nn.Module) -> str:
    return f"{name or 'the network'}, a {type(layer).__name__}"


def lower(model: nn.Module) -> nn.Module:
    """A copy of `model` with a `LoweredConv2d` in the place of each convolution.

    Raises:
        ValueError: for a convolution that is no plain `Conv2d`, as a subclass may compute something else; for pruning
            masks, parametrizations and forward hooks.
    """
    refuse_hooks(model)
    for name, layer in model.named_modules():
        if isinstance(layer, _ConvNd) and type(layer) is not nn.Conv2d:
            raise ValueError(
                f"{_named(name, layer)}, is no plain Conv2d, and only those are lowered; lower the Conv2d layers one "
                "by one with LoweredConv2d, and leave this one as it is"
            )
    model = copy.deepcopy(model)
    if type(model) is nn.Conv2d:
        return LoweredConv2d(model)
    lowered = {layer: LoweredConv2d(layer) for layer in model.modules() if type(layer) is nn.Conv2d}
    for module in list(model.modules()):
        for name, child in module._modules.items():
            if child in lowered:
                setattr(module, name, lowered[child])
    return model


def lowered_macs(model: nn.Module, images: Tensor) -> dict[str, Gemm]:
    """The matrix product of each convolution and fully connected layer without its zero rows and columns.

    Returns:
        By name, in order of execution; `positions` are over the whole batch, and of a fully connected layer its images.
        `sum(gemm.macs for gemm in lowered_macs(model, images).values())` is what the paper counts.

        Layers of other kinds, such as recurrent ones, are not counted.

    Raises:
        ValueError: for a grouped convolution, for one that is neither a Conv1d nor a Conv2d, such as a transposed one,
            and for a layer whose weight is computed (pruning masks, parametrizations).
    """
    refuse_computed_weights(model)
    gemms, hooks = {}, []
    names = {layer: name for name, layer in model.named_modules() if isinstance(layer, _COUNTED)}
    for name, layer in model.named_modules():
        if isinstance(layer, _ConvNd) and not isinstance(layer, _COUNTED):
            raise ValueError(
                f"{_named(name, layer)}, is not counted: only Conv1d, Conv2d and Linear layers are; count the part of "
                "the network without it"
            )

    def count(layer: nn.Conv1d | nn.Conv2d | nn.Linear, _: tuple, output: Tensor) -> None:
        if getattr(layer, "groups", 1) > 1:
            raise ValueError(f"{names[layer]} has {layer.groups} groups; only convolutions with groups=1 are counted")
        nonzero = layer.weight.detach().flatten(1) != 0
        positions = output.numel() // len(nonzero)
        earlier = gemms[names[layer]].positions if names[layer] in gemms else 0
        gemms[names[layer]] = Gemm(int(nonzero.any(1).sum()), int(nonzero.any(0).sum()), positions + earlier)

    try:
        for layer in names:
            hooks.append(layer.register_forward_hook(count))
        with evaluation_mode(model), torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return gemms

"""Which constants are one number, the same at every position and for images of every size.

What is measured at one size does not tell: a map of one pixel has no border, and the same network may have one for
larger images. So it is followed from the operations instead. What is not known counts as dependent on the size.
"""

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from effdl_lite.methods.compaction.kept_map import uniform_maps
from effdl_lite.methods.compaction.operations import Kind, operands_of

Masks = dict[fx.Node, Tensor]
_SUMS = {torch.sum, "sum"}  # over as many pixels as there are


def find_uniform(
    network: fx.GraphModule, values: dict[fx.Node, Tensor], kinds: dict[fx.Node, Kind], constant: Masks, reads: Masks
) -> Masks:
    """Which constant channels hold one number at every position, whatever the size of the images."""
    uniform: Masks = {}
    for node, mask in constant.items():
        kind, sources = kinds[node], operands_of(node, kinds)
        if kind is Kind.KEPT:
            uniform[node] = uniform_maps(values[node], torch.finfo(values[node].dtype).eps)
        elif kind is Kind.LAYER:
            layer, source = network.get_submodule(node.target), sources[0]
            uniform[node] = mask & sums_are_uniform(layer, values[source], uniform[source], constant[source])
        elif kind is Kind.NORM:
            uniform[node] = mask & (uniform[sources[0]] | ~reads[node])
        elif kind is Kind.PAD:
            uniform[node] = F.pad(uniform[sources[0]], (0, len(mask) - len(uniform[sources[0]])), value=True)
        elif kind is Kind.FLATTEN:
            uniform[node] = uniform[sources[0]].repeat_interleave(len(mask) // len(uniform[sources[0]]))
        elif kind is Kind.CHANNELWISE:
            module = network.get_submodule(node.target) if node.op == "call_module" else None
            same = torch.stack([uniform[source] for source in sources]).all(0)
            uniform[node] = same & (_is_zero(values[sources[0]]) | _keeps_uniform(node, module))
        else:
            uniform[node] = torch.zeros_like(mask)
    return uniform


def sums_are_uniform(layer: nn.Module, values: Tensor, uniform: Tensor, folded: Tensor) -> Tensor:
    """Of each output channel, whether what the constant input channels `folded` add to it is one number everywhere."""
    weight = layer.weight.detach() != 0
    borders = folded & uniform & ~_is_zero(values)  # a zero is no other at a border of zeros
    sized = folded & ~uniform
    return ~(
        (input_mask(layer, weight & _taps_on_padding(layer)) & borders).any(1)
        | (input_mask(layer, weight) & sized).any(1)
    )


def input_mask(layer: nn.Module, weight: Tensor) -> Tensor:
    """Which output reads which input, [outputs, inputs], by the weights that are True."""
    used = weight.flatten(2).any(2) if weight.ndim > 2 else weight
    # The weights of a grouped convolution name the inputs of their own group only.
    return torch.block_diag(*used.float().chunk(getattr(layer, "groups", 1))) > 0


def _taps_on_padding(layer: nn.Module) -> Tensor:
    """The entries of the kernel that lie on a zero beside the map for some output, as a mask for the weights."""
    weight = layer.weight
    taps = torch.zeros_like(weight[0, 0], dtype=torch.bool)
    if not isinstance(layer, nn.Conv2d) or layer.padding_mode != "zeros":
        return taps
    pads = layer._reversed_padding_repeated_twice
    for dim, (size, dilation) in enumerate(zip(layer.kernel_size, layer.dilation, strict=True)):
        before, after = pads[2 - 2 * dim : 4 - 2 * dim]  # the last dimension comes first
        steps = torch.arange(size, device=weight.device) * dilation
        outside = (steps < before) | ((size - 1) * dilation - steps < after)
        taps |= outside[:, None] if dim == 0 else outside
    return taps


def _is_zero(values: Tensor) -> Tensor:
    return ~(values[0] != 0).flatten(1).any(1) if values.ndim > 2 else values[0] == 0


def _keeps_uniform(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether a channel-wise operation makes one number everywhere out of one number everywhere."""
    if node.target in _SUMS:
        return False
    if node.target is not F.avg_pool2d and not isinstance(module, nn.AvgPool2d):
        return True
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    given = vars(module) if module is not None else dict(zip(names, node.args, strict=False)) | node.kwargs
    padded = given.get("padding", 0) not in (0, (0, 0), [0, 0], (0,), [0])
    counts_zeros = given.get("count_include_pad", True) or given.get("divisor_override")
    shorter_at_the_end = given.get("ceil_mode", False) and given.get("divisor_override")
    return not ((padded and counts_zeros) or shorter_at_the_end)

"""What each operation does to channels, dimension 1 of every tensor. What is not listed is refused, not guessed."""

import operator
from enum import Enum, auto

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from effdl_lite.methods.compaction.kept_map import FixedSize, KeptMap
from effdl_lite.models.image import PadShortcut


class Kind(Enum):
    IMAGES = auto()  # the input
    LAYER = auto()  # convolution or fully connected: each output channel may depend on each input channel
    NORM = auto()  # BatchNorm: output channel c depends on input channel c, unless its scale is zero
    CHANNELWISE = auto()  # output channel c depends on channel c of the operands only
    FLATTEN = auto()  # each channel becomes height * width features, side by side
    PAD = auto()  # PadShortcut: the channels of the input, then channels of zeros
    KEPT = auto()  # a constant of an earlier compaction
    SIZE = auto()  # a shape or a number, not a tensor
    OUTPUT = auto()


MODULES = {
    Kind.LAYER: {nn.Conv2d, nn.Linear},
    Kind.NORM: {nn.BatchNorm1d, nn.BatchNorm2d},
    Kind.PAD: {PadShortcut},
    Kind.KEPT: {KeptMap},
    Kind.FLATTEN: {nn.Flatten},
    Kind.CHANNELWISE: {
        *(nn.Identity, nn.Dropout, nn.Dropout2d, FixedSize),
        *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Sigmoid, nn.Tanh),
        *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d),
    },
}
FLATTEN = {torch.flatten, torch.reshape, "flatten", "view", "reshape"}
REDUCE = {torch.mean, torch.sum, torch.amax, "mean", "sum", "amax"}  # channelwise over height and width only
CHANNELWISE = {
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.neg),
    *(torch.add, torch.sub, torch.mul, torch.div, torch.pow, torch.neg, torch.square, torch.abs, torch.exp, torch.sqrt),
    *(torch.relu, torch.sigmoid, torch.tanh, torch.max_pool2d),
    *(F.relu, F.relu6, F.leaky_relu, F.elu, F.gelu, F.silu, F.hardswish, F.dropout),
    *(F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d),
    *("add", "sub", "mul", "div", "pow", "neg", "square", "abs", "exp", "sqrt", "relu", "sigmoid", "tanh"),
    *("contiguous", "clone"),
}
POOLS = {
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, torch.max_pool2d),
    *(F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d),
}
SUPPORTED = (
    "supported are Conv2d, Linear, BatchNorm, ReLU and its relatives, dropout, pools, arithmetic, flatten, and means "
    "over height and width"
)


def kind_of(node: fx.Node, module: nn.Module | None, values: dict[fx.Node, Tensor]) -> Kind:
    """What `node` does to channels.

    Args:
        node: an operation of a traced network.
        module: the one that it calls, if it calls one.
        values: the result of each operation for one image.

    Raises:
        ValueError: if that is not known, or if channels meet in a way that is not channel by channel.
    """
    if node.op == "placeholder":
        return Kind.IMAGES
    if node.op == "output":
        return Kind.OUTPUT
    if not isinstance(values[node], Tensor):
        return Kind.SIZE
    if module is not None:
        kind = next((kind for kind, types in MODULES.items() if type(module) in types), None)
    else:
        listed = {Kind.FLATTEN: FLATTEN, Kind.CHANNELWISE: CHANNELWISE | REDUCE}
        kind = next((kind for kind, targets in listed.items() if node.target in targets), None)
    if kind is None:
        what = f"a {type(module).__name__}" if module is not None else f"{node.op} {node.target!r}"
        raise ValueError(f"what {name_of(node)!r} ({what}) does to channels is not known; {SUPPORTED}")
    problem = _problem(node, kind, module, values)
    if problem:
        raise ValueError(f"{name_of(node)!r} {problem}; {SUPPORTED}")
    return kind


def operands_of(node: fx.Node, kinds: dict[fx.Node, Kind]) -> list[fx.Node]:
    """The tensors that an operation reads, without sizes such as those in `view(maps.size(0), -1)`."""
    return [operand for operand in node.all_input_nodes if kinds[operand] is not Kind.SIZE]


def name_of(node: fx.Node) -> str:
    """The name of the layer as in `named_modules`, or of the operation in the traced graph."""
    return node.target if node.op == "call_module" else node.name


def _problem(node: fx.Node, kind: Kind, module: nn.Module | None, values: dict[fx.Node, Tensor]) -> str | None:
    result = values[node]
    operands = [values[source] for source in node.all_input_nodes]
    tensors = [operand for operand in operands if isinstance(operand, Tensor)]
    if kind is Kind.LAYER and tensors[0].ndim != (4 if isinstance(module, nn.Conv2d) else 2):
        return f"takes a tensor of shape {tuple(tensors[0].shape)}, whose channels are not dimension 1 of a batch"
    if kind is Kind.FLATTEN and result.shape != tensors[0].flatten(1).shape:
        return f"turns {tuple(tensors[0].shape)} into {tuple(result.shape)}, which is not `flatten(1)`"
    if kind is Kind.CHANNELWISE:
        if len(tensors) < len(operands):
            return "computes with the size of a tensor, which compaction may change"
        if len({(tensor.ndim, tensor.shape[1]) for tensor in tensors if tensor.ndim > 1}) != 1:
            return f"joins tensors of shapes {[tuple(tensor.shape) for tensor in tensors]}, not channel by channel"
        if (node.target in POOLS or type(module) in POOLS) and tensors[0].ndim != 4:
            return f"pools a tensor of shape {tuple(tensors[0].shape)}, whose last two dimensions are not a map"
        if node.target in REDUCE and not _keeps_channels(node, tensors[0].ndim):
            return "does not reduce over height and width alone"
        if node.target is F.dropout and node.kwargs.get("training", True):
            return "drops at random in evaluation mode too"
        if result.ndim < 2 or result.shape[1] != max(tensor.shape[1] for tensor in tensors if tensor.ndim > 1):
            return f"turns {tuple(tensors[0].shape)} into {tuple(result.shape)}, which has other channels"
    return None


def _keeps_channels(node: fx.Node, dimensions: int) -> bool:
    dims = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else ())
    dims = (dims,) if isinstance(dims, int) else dims or ()
    return bool(dims) and all(dim % dimensions >= 2 for dim in dims)

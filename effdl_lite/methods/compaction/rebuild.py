"""Cuts what is dead out of a network, without changing what it computes."""

import copy
import operator
from collections.abc import Iterable

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from effdl_lite.methods.compaction.channels import Channels, find_channels
from effdl_lite.methods.compaction.editing import (
    add_after,
    fix_size,
    flatten_maps,
    kept_map,
    leave_operands_alone,
    make_dropout_modules,
)
from effdl_lite.methods.compaction.kept_map import uniform_maps
from effdl_lite.methods.compaction.operations import Kind, name_of, operands_of
from effdl_lite.methods.compaction.plain import refuse_hooks, refuse_wrappers
from effdl_lite.methods.compaction.sizes import sums_are_uniform
from effdl_lite.models import evaluation_mode


@torch.inference_mode(False)  # in which all tensors would be made so that they can never be trained
def compact(model: nn.Module, images: Tensor, *, round_to: int = 1, leave: Iterable[str] = ()) -> fx.GraphModule:
    r"""A smaller network of dense layers that computes the same as `model` does in evaluation mode.

    Let R be the channels that are cut from the input x of a layer with weights W. Those of them that are not constant
    meet zero weights; the others hold the same for every image, so that their part of the layer's sum is known:

    .. math:: W * x = W_{kept} * x_{kept} + W_R * x_R, \qquad W_R * x_R = const

    Where the constant is the same at every position, it is added to the bias. Where it is not, since a convolution that
    pads with zeros sees less of R at the border, it is added as a `KeptMap` of the layer's output. Both are exact. What
    would be another constant for images of another size is followed through the network; if any is stored, the compact
    network refuses images of other sizes than it was made with.

    An operand of a sum that has no channel alive, such as a dead residual branch, becomes a `KeptMap` too, or nothing
    if it is zero: all its layers are gone.

    Args:
        model: a network of the operations in `operations.py`; it is not changed. Weights count as dead if they are
            exactly zero, so threshold first.
        images: a batch as in training, of which the first image is used. Where constants depend on its height and
            width, they are those that the compact network takes.
        round_to: keep dead channels until the width of a layer is a multiple of this, which may run faster.
        leave: names of layers, as in `named_modules`, whose filters and input channels stay, although they may be zero.
            (A layer whose result no output depends on goes all the same.)

    Returns:
        A network in evaluation mode, whose layers have the names, kinds and settings of before. It can be trained, but
        what was folded into a bias or kept map is one constant now. Channels around a PadShortcut stay. Dropout drops
        again in training, also functional dropout, but other branches on `self.training` are fixed as in evaluation
        mode: a traced network cannot show them.

    Raises:
        ValueError: if the output does not depend on the image, if the network cannot be traced or has an operation
            whose effect is unknown, if it has hooks or computed weights (pruning masks, parametrizations), if a grouped
            convolution would have to be cut, or for an argument out of range.
        RuntimeError: if the result computes something else, which would be a bug.

    Source: SSL groups a filter with the channels that read it, and drops layers that a shortcut leads around. That
    constants are folded, so that nothing changes, is ours.
    """
    refuse_wrappers(model)
    refuse_hooks(model)
    whole = copy.deepcopy(model).eval()
    channels = find_channels(whole, images, round_to, leave)
    _refuse_constant_output(channels)
    network = channels.network
    leave_operands_alone(network)
    sized = False  # whether anything that is stored holds for images of this size only
    # From the end: what a node reads is then still as the analysis saw it.
    for node, kind in reversed(channels.kinds.items()):
        if node not in channels.alive or not channels.alive[node].any():
            continue
        if kind is Kind.LAYER:
            sized |= _cut_layer(channels, node)
        elif kind is Kind.NORM:
            _cut_norm(network.get_submodule(node.target), channels.kept[node])
        elif kind is Kind.CHANNELWISE:
            sized |= _store_dead_operands(channels, node)
        elif kind is Kind.FLATTEN:
            flatten_maps(network, node, operands_of(node, channels.kinds)[0])
    if sized:
        fix_size(network, channels.kinds, channels.values)
    make_dropout_modules(network)
    network.graph.eliminate_dead_code()
    network.delete_all_unused_submodules()
    network.recompile()
    if any(_is_channels_last(weight) for weight in model.parameters()):
        network = network.to(memory_format=torch.channels_last)
    network.eval()
    _check_function(model, network, images[:1])
    return network


def _is_channels_last(weight: Tensor) -> bool:
    # A 1x1 convolution is both.
    return weight.ndim == 4 and not weight.is_contiguous() and weight.is_contiguous(memory_format=torch.channels_last)


def _cut_layer(channels: Channels, node: fx.Node) -> bool:
    """Cuts a convolution or fully connected layer; returns whether what it folds depends on the size of the images."""
    layer, source = channels.network.get_submodule(node.target), node.all_input_nodes[0]
    kept, kept_inputs = channels.kept[node], channels.kept[source]
    folded = channels.constant[source] & ~kept_inputs
    weight = layer.weight.detach()[kept]
    sized = False
    if folded.any():
        # In double precision: this sum is rounded once, and not for every image.
        constant = _product(layer, channels.values[source][:, folded].double(), weight[:, folded].double())
        proven = sums_are_uniform(layer, channels.values[source], channels.uniform[source], folded)[kept]
        uniform = proven | uniform_maps(constant, torch.finfo(weight.dtype).eps)
        sized = not bool(proven.all())
    bias = layer.bias.detach()[kept] if layer.bias is not None else None
    if folded.any() and constant.any():
        constant = constant.to(weight.dtype)
        if uniform.all():
            everywhere = constant[0].flatten(1)[:, 0] if constant.ndim > 2 else constant[0]
            bias = everywhere if bias is None else bias + everywhere
        else:
            add_after(channels.network, node, constant)
            sized = True
    if not kept_inputs.all():  # a grouped convolution has narrower weights, and all its inputs
        weight = weight[:, kept_inputs]
    layer.weight = _parameter_like(layer.weight, weight)
    if bias is not None:
        layer.bias = _parameter_like(layer.weight if layer.bias is None else layer.bias, bias)
    if isinstance(layer, nn.Conv2d):
        layer.out_channels, layer.in_channels = int(kept.sum()), int(kept_inputs.sum())
    else:
        layer.out_features, layer.in_features = int(kept.sum()), int(kept_inputs.sum())
    return sized


def _product(layer: nn.Module, values: Tensor, weight: Tensor) -> Tensor:
    if isinstance(layer, nn.Linear):
        return F.linear(values, weight)
    return layer._conv_forward(values, weight, None)  # pads as the layer does


def _cut_norm(norm: nn.Module, kept: Tensor) -> None:
    norm.num_features = int(kept.sum())
    for name in ("weight", "bias"):
        if getattr(norm, name) is not None:
            setattr(norm, name, _parameter_like(getattr(norm, name), getattr(norm, name).detach()[kept]))
    for name in ("running_mean", "running_var"):
        if getattr(norm, name) is not None:
            setattr(norm, name, getattr(norm, name)[kept])


def _parameter_like(old: nn.Parameter, values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.clone(), requires_grad=old.requires_grad)


def _store_dead_operands(channels: Channels, node: fx.Node) -> bool:
    """Replaces the operands of `node` without a channel alive by what they hold, so that nothing computes them.

    Returns:
        Whether anything stored depends on the size of the images.
    """
    living = [operand for operand in node.all_input_nodes if channels.alive[operand].any()]
    full_size = any(channels.values[operand].shape == channels.values[node].shape for operand in living)
    sized = False
    for operand in set(node.all_input_nodes) - set(living):
        # A channel that is not constant is not needed either, and may hold anything.
        values = channels.values[operand] * _column(channels.constant[operand], channels.values[operand].ndim)
        values = values[:, channels.kept[operand]]
        proven = (channels.uniform[operand] | ~channels.constant[operand])[channels.kept[operand]]
        # Of a map with one row or column it is not known which operand is broadcast for larger images.
        sized |= not bool(proven.all()) or 1 in values.shape[2:]
        uniform = proven | uniform_maps(values, torch.finfo(values.dtype).eps)
        if full_size and values.ndim == 4 and uniform.all():
            values = values[:, :, :1, :1]
        else:
            sized |= values.ndim > 2
        if full_size and not values.any() and node.target in (operator.add, torch.add, "add") and not node.kwargs:
            node.replace_all_uses_with(living[0])
        else:
            node.replace_input_with(operand, kept_map(channels.network, operand, node, values))
    return sized


def _column(mask: Tensor, dimensions: int) -> Tensor:
    return mask.view(1, -1, *[1] * (dimensions - 2))


def _refuse_constant_output(channels: Channels) -> None:
    output = channels.network.graph.output_node().all_input_nodes[0]
    if channels.alive[output].any():
        return
    # Back from the output, to where the image was lost: constant itself, but computed from something that is not.
    culprits, unseen = [], [output]
    while unseen:
        node = unseen.pop()
        sources = operands_of(node, channels.kinds)
        lost_here = any(not channels.constant[source].all() for source in sources)
        if lost_here and name_of(node) not in culprits:
            culprits.append(name_of(node))
        unseen += [] if lost_here else sources
    raise ValueError(
        f"the output of this network does not depend on the image: nothing passes {' and '.join(culprits)}, where all "
        "weights that would read it are zero; train with a lower strength, or set a lower threshold"
    )


@torch.no_grad()
def _check_function(model: nn.Module, network: nn.Module, image: Tensor) -> None:
    images = torch.cat([image, -image.flip(-1)])
    with evaluation_mode(model):
        expected = model(images)
    error, largest = (network(images) - expected).abs().max(), expected.abs().max()
    limit = torch.finfo(expected.dtype).eps ** 0.5
    if not expected.is_cuda:  # where convolutions may round to ten bits (TF32)
        limit = min(limit, max(1e-5, 100 * torch.finfo(expected.dtype).eps))
    if not error <= limit * largest and not error <= 4 * _rounding(model, images, expected):
        raise RuntimeError(
            f"the compact network is off by {error:.1e} where the largest output is {largest:.1e}, more than rounding "
            f"explains (a part of {limit:.0e}); either the network computes what tracing does not show, such as a "
            "tensor that is changed in place and read again, or this is a bug of compaction: please report it with the "
            "network"
        )


def _rounding(model: nn.Module, images: Tensor, expected: Tensor) -> Tensor:
    """How far rounding takes the whole network itself: terms that nearly cancel may lose most of their digits."""
    with evaluation_mode(longer := copy.deepcopy(model).double()):
        return (longer(images.double()) - expected).abs().max()

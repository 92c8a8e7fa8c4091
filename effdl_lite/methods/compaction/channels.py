"""Which channels of a network do something: what compaction must keep.

A channel is *alive* if the output of the network needs it and it depends on the image. It can be dead from two sides:

* forward, it is *constant*: its filter is zero on every channel that is not itself constant, or BatchNorm scales it by
  zero. Constant is not zero: a bias or BatchNorm's beta remains, and goes on through the next layers.
* backward, it is not *needed*: every weight that reads it, on the way to the output, is zero.

Element-wise operations tie channels together: the sum of a residual block has the channels of both its operands. What
is tied shares one *space*, and a channel of a space goes only if it is dead everywhere in it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from effdl_lite.methods.compaction.operations import Kind, operands_of
from effdl_lite.methods.compaction.sizes import Masks, find_uniform, input_mask
from effdl_lite.methods.compaction.tracing import trace


@dataclass(frozen=True)
class Channels:
    """What is known of each channel of each operation's result; masks are boolean, one entry a channel.

    Attributes:
        network: the traced network; it shares its layers with the model.
        values: the result of each operation for one image. Constant channels have it for every image.
        kinds: what each operation does to channels.
        constant: the channel does not depend on the image.
        uniform: it is constant, and one number at every position and for every size of images.
        alive: the output needs the channel, and it is not constant.
        kept: the channel stays. A channel that is alive always does; one that is dead may, as its space has it.
    """

    network: fx.GraphModule
    values: dict[fx.Node, Tensor]
    kinds: dict[fx.Node, Kind]
    constant: Masks
    uniform: Masks
    alive: Masks
    kept: Masks


def find_channels(model: nn.Module, images: Tensor, round_to: int = 1, leave: Iterable[str] = ()) -> Channels:
    """Finds out which channels of `model` are constant, which are alive, and which stay; arguments as in `compact`."""
    if not isinstance(round_to, int) or round_to < 1:
        raise ValueError(f"round_to is {round_to}; choose a whole number of at least 1, where 1 means no rounding")
    network, values, kinds = trace(model, images)
    left = _named_nodes(network, kinds, [leave] if isinstance(leave, str) else list(leave))
    reads = {
        node: torch.ones_like(mask) if node in left else mask for node, mask in _reads(network, values, kinds).items()
    }
    constant = _constant(values, kinds, reads)
    alive = _alive(constant, kinds, reads)
    kept = {}
    pinned = _pinned(network, kinds, left)
    for space in _spaces(kinds):
        # In a space with flattened maps, a channel there is several features here.
        width = math.gcd(*(len(alive[node]) for node in space))
        used = torch.stack([alive[node].view(width, -1).any(1) for node in space]).any(0)
        stays = torch.ones_like(used) if pinned & set(space) else _rounded(used, round_to)
        for node in space:
            kept[node] = stays.repeat_interleave(len(alive[node]) // width)
    uniform = find_uniform(network, values, kinds, constant, reads)
    channels = Channels(network, values, kinds, constant, uniform, alive, kept)
    _refuse_cutting_groups(channels)
    return channels


def _reads(network: fx.GraphModule, values: dict[fx.Node, Tensor], kinds: dict[fx.Node, Kind]) -> Masks:
    """Where the weights are not zero: of a layer [outputs, inputs], of a BatchNorm [channels]."""
    reads = {}
    for node, kind in kinds.items():
        if kind is Kind.NORM:
            scale = network.get_submodule(node.target).weight
            everywhere = torch.ones(values[node].shape[1], dtype=torch.bool, device=values[node].device)
            reads[node] = everywhere if scale is None else scale.detach() != 0
        elif kind is Kind.LAYER:
            layer = network.get_submodule(node.target)
            reads[node] = input_mask(layer, layer.weight.detach() != 0)
    return reads


def _constant(values: dict[fx.Node, Tensor], kinds: dict[fx.Node, Kind], reads: Masks) -> Masks:
    constant: Masks = {}
    for node, kind in kinds.items():
        if kind in (Kind.SIZE, Kind.OUTPUT):
            continue
        sources = [constant[source] for source in operands_of(node, kinds)]
        channels, device = values[node].shape[1], values[node].device
        if kind is Kind.IMAGES:
            constant[node] = torch.zeros(channels, dtype=torch.bool, device=device)
        elif kind is Kind.KEPT:
            constant[node] = torch.ones(channels, dtype=torch.bool, device=device)
        elif kind is Kind.PAD:
            constant[node] = F.pad(sources[0], (0, channels - len(sources[0])), value=True)
        elif kind is Kind.LAYER:
            constant[node] = ~(reads[node] & ~sources[0]).any(1)
        elif kind is Kind.NORM:
            constant[node] = sources[0] | ~reads[node]
        elif kind is Kind.FLATTEN:
            constant[node] = sources[0].repeat_interleave(channels // len(sources[0]))
        else:
            constant[node] = torch.stack(sources).all(0)
    return constant


def _alive(constant: Masks, kinds: dict[fx.Node, Kind], reads: Masks) -> Masks:
    needed = {node: torch.zeros_like(mask) for node, mask in constant.items()}
    alive = {}
    for node, kind in reversed(kinds.items()):
        if kind is Kind.OUTPUT:
            needed[node.all_input_nodes[0]] |= True
        if node not in constant:
            continue
        alive[node] = needed[node] & ~constant[node]
        for source in operands_of(node, kinds):
            if kind is Kind.LAYER:
                needed[source] |= reads[node][alive[node]].any(0)
            elif kind is Kind.FLATTEN:
                needed[source] |= alive[node].view(len(needed[source]), -1).any(1)
            else:  # a channel reads the one of its own number; those that PadShortcut appends come after them
                needed[source] |= alive[node][: len(needed[source])]
    return alive


def _spaces(kinds: dict[fx.Node, Kind]) -> list[list[fx.Node]]:
    """Groups of operations whose channels are the same ones."""
    spaces: dict[fx.Node, list[fx.Node]] = {}
    for node, kind in kinds.items():
        if kind in (Kind.SIZE, Kind.OUTPUT):
            continue
        spaces[node] = [node]
        if kind not in (Kind.NORM, Kind.CHANNELWISE, Kind.FLATTEN):
            continue
        for source in operands_of(node, kinds):
            if spaces[source] is not spaces[node]:
                joined = spaces[source] + spaces[node]
                spaces.update(dict.fromkeys(joined, joined))
    return list({id(space): space for space in spaces.values()}.values())


def _pinned(network: fx.GraphModule, kinds: dict[fx.Node, Kind], left: set[fx.Node]) -> set[fx.Node]:
    """Operations whose channels all stay: the images, the output, and both sides of a layer that is not to be cut."""
    pinned = {network.graph.output_node().all_input_nodes[0]}
    for node, kind in kinds.items():
        if kind is Kind.IMAGES:
            pinned.add(node)
        elif kind is Kind.PAD or node in left:
            pinned |= {node, *node.all_input_nodes}
    return pinned


def _rounded(used: Tensor, round_to: int) -> Tensor:
    """Keeps dead channels, lowest number first, until their count is a multiple of `round_to`, or nothing is dead."""
    missing = -int(used.sum()) % round_to
    stays = used.clone()
    stays[(~used).nonzero().flatten()[:missing]] = True
    return stays


def _named_nodes(network: fx.GraphModule, kinds: dict[fx.Node, Kind], names: list[str]) -> set[fx.Node]:
    layers = {node.target: node for node, kind in kinds.items() if kind in (Kind.LAYER, Kind.NORM)}
    for name in names:
        if name not in layers:
            raise ValueError(
                f"leave names {name!r}, which is no layer of this network; choose from {', '.join(layers)}"
            )
    return {layers[name] for name in names}


def _refuse_cutting_groups(channels: Channels) -> None:
    for node, kind in channels.kinds.items():
        if kind is Kind.LAYER and getattr(channels.network.get_submodule(node.target), "groups", 1) > 1:
            cut = not (channels.kept[node].all() and channels.kept[node.all_input_nodes[0]].all())
            if cut and channels.alive[node].any():
                raise ValueError(
                    f"{node.target} is a grouped convolution with dead channels, and cutting its groups is not "
                    f"supported; leave it as it is with leave=({node.target!r},)"
                )

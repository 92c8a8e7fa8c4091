"""Changes to a traced network that do not change what it computes in evaluation mode."""

import operator

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from effdl_lite.methods.compaction.kept_map import FixedSize, KeptMap
from effdl_lite.methods.compaction.operations import Kind, name_of


def add_after(network: fx.GraphModule, node: fx.Node, values: Tensor) -> None:
    """Adds a constant to the result of `node`."""
    with network.graph.inserting_after(node):
        total = network.graph.call_function(operator.add, (node, node))
    node.replace_all_uses_with(total, delete_user_cb=lambda user: user is not total)
    total.args = (node, kept_map(network, node, total, values))


def kept_map(network: fx.GraphModule, source: fx.Node, user: fx.Node, values: Tensor) -> fx.Node:
    """A new constant for `user`, with the name of `source`, whose result it stands for."""
    name = _add_module(network, f"{name_of(source)}_kept", KeptMap(values))
    with network.graph.inserting_before(user):
        return network.graph.call_module(name)


def fix_size(network: fx.GraphModule, kinds: dict[fx.Node, Kind], values: dict[fx.Node, Tensor]) -> None:
    """Lets images of the size of `values` only into the network."""
    images = next(node for node, kind in kinds.items() if kind is Kind.IMAGES)
    modules = dict(network.named_modules())
    if values[images].ndim < 3 or any(isinstance(modules.get(user.target), FixedSize) for user in images.users):
        return
    name = _add_module(network, f"{images.name}_size", FixedSize(values[images].shape[2:]))
    with network.graph.inserting_after(images):
        checked = network.graph.call_module(name, (images,))
    images.replace_all_uses_with(checked, delete_user_cb=lambda user: user is not checked)


def make_dropout_modules(network: fx.GraphModule) -> None:
    """Functional dropout was recorded as switched off; as a layer it is on again in training."""
    for node in list(network.graph.nodes):
        if node.target is F.dropout:
            p = node.kwargs.get("p", node.args[1] if len(node.args) > 1 else 0.5)
            name = _add_module(network, node.name, nn.Dropout(p))
            with network.graph.inserting_after(node):
                layer = network.graph.call_module(name, (node.all_input_nodes[0],))
            node.replace_all_uses_with(layer)
            network.graph.erase_node(node)


def leave_operands_alone(network: fx.GraphModule) -> None:
    """An operation in place would write into the living operand of a sum that is gone."""
    for node in network.graph.nodes:
        if node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}
    for module in network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False


def flatten_maps(network: fx.GraphModule, node: fx.Node, maps: fx.Node) -> None:
    """Replaces `node`: `view(-1, 800)` would name a width that is not true any more."""
    with network.graph.inserting_after(node):
        flat = network.graph.call_function(torch.flatten, (maps, 1))
    node.replace_all_uses_with(flat)


def _add_module(network: fx.GraphModule, name: str, module: nn.Module) -> str:
    while name in dict(network.named_modules()) or hasattr(network, name):
        name += "_"
    network.add_submodule(name, module)
    return name

"""The network as a list of operations, with the result of each one for one image."""

from typing import Any

import torch
from torch import Tensor, fx, nn

from effdl_lite.methods.compaction.kept_map import FixedSize, KeptMap
from effdl_lite.methods.compaction.operations import MODULES, Kind, kind_of, name_of
from effdl_lite.methods.compaction.plain import refuse_hooks, refuse_wrappers
from effdl_lite.models import LSTMLanguageModel, RecurrentHighwayNetwork, evaluation_mode
from effdl_lite.models.image import PadShortcut


def trace(model: nn.Module, images: Tensor) -> tuple[fx.GraphModule, dict[fx.Node, Any], dict[fx.Node, Kind]]:
    """Lists the operations of `model` in evaluation mode.

    Returns:
        The traced network, which shares its layers with `model`; the result of each operation for the first image; what
        each operation does to channels.

    Raises:
        ValueError: if the network cannot be traced, cannot take these images, holds a NaN, uses a layer or a weight
            twice, or has an operation that `operations.py` does not list.
    """
    if isinstance(model, LSTMLanguageModel | RecurrentHighwayNetwork):
        raise ValueError(f"this {type(model).__name__} reads words, not images; cut it with `compact_recurrent(model)`")
    refuse_wrappers(model)
    refuse_hooks(model)
    _check_weights(model)
    if not isinstance(images, Tensor) or images.ndim < 2 or not len(images) or not images.isfinite().all():
        what = f"a tensor of shape {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images must be a batch [images, channels, ...] of at least one and without NaN; got {what}")
    with evaluation_mode(model), torch.no_grad():
        try:
            network = fx.GraphModule(model, _Tracer().trace(model), type(model).__name__)
        except (fx.proxy.TraceError, TypeError, RuntimeError) as error:
            raise ValueError(
                f"this {type(model).__name__} cannot be traced ({error}); write its forward pass without decisions or "
                "loops that depend on a tensor"
            ) from error
        inputs = [node.name for node in network.graph.nodes if node.op == "placeholder"]
        if len(inputs) != 1:
            raise ValueError(
                f"the network takes {len(inputs)} inputs, {', '.join(inputs)}; pass one that takes images only, such "
                "as a module around it that gives the others"
            )
        recorder = _record(network, images, type(model).__name__)
    # What the operations made of the first image only
    values = {
        node: value[:1] if isinstance(value, Tensor) and value.ndim else value
        for node, value in recorder.values.items()
    }
    result = values[network.graph.output_node()]
    if not isinstance(result, Tensor) or result.ndim < 2:
        raise ValueError(f"the network returns a {type(result).__name__}, not one tensor [images, channels, ...]")
    modules = dict(network.named_modules())
    _refuse_reused_layers(network, modules)
    _refuse_overwriting(network, modules, recorder.storages)
    kinds = {}
    for node in network.graph.nodes:
        kinds[node] = kind_of(node, modules[node.target] if node.op == "call_module" else None, values)
    return network, values, kinds


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, (PadShortcut, KeptMap, FixedSize)) or super().is_leaf_module(module, name)


class _Recorder(fx.Interpreter):
    """Runs the network and keeps every result, and the memory that it lies in."""

    def __init__(self, network: fx.GraphModule):
        super().__init__(network)
        self.values: dict[fx.Node, Any] = {}
        self.storages: dict[fx.Node, torch.UntypedStorage] = {}

    def run_node(self, node: fx.Node) -> Any:
        value = super().run_node(node)
        # A copy, since an operation in place may overwrite it.
        self.values[node] = value.clone() if isinstance(value, Tensor) else value
        if isinstance(value, Tensor):
            self.storages[node] = value.untyped_storage()  # held, so that no later result lies in the same place
        return value


def _record(network: fx.GraphModule, images: Tensor, name: str) -> _Recorder:
    recorder = _Recorder(network)
    try:
        # Twice the first image, since a BatchNorm without statistics may refuse a batch of one.
        recorder.run(torch.cat([images[:1], images[:1]]))
    except (RuntimeError, ValueError) as error:
        try:
            _Recorder(network).run(images[:1].clone())
        except (RuntimeError, ValueError) as alone:
            raise ValueError(
                f"this {name} does not take images of shape {tuple(images.shape)} and type {images.dtype}; pass images "
                f"as in training: {alone}"
            ) from alone
        raise ValueError(
            f"this {name} takes one image, but not a batch of two; write its forward pass for a batch, as in "
            f"`view(images.size(0), -1)` in place of `view(1, -1)`: {error}"
        ) from error
    return recorder


def _check_weights(model: nn.Module) -> None:
    if next(model.parameters(), None) is None:
        raise ValueError(f"this {type(model).__name__} has no parameters, so there is nothing to compact")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds NaN or infinite values; take the weights of before training diverged")


def _refuse_reused_layers(network: fx.GraphModule, modules: dict[str, nn.Module]) -> None:
    """A layer that runs twice would have to be cut in two ways at once."""
    owners: dict[int, str] = {}
    for node in network.graph.nodes:
        if node.op == "call_module":
            module = modules[node.target]
            cut = type(module) in MODULES[Kind.LAYER] | MODULES[Kind.NORM]  # a BatchNorm may have no parameters
            for part in (*module.parameters(), *([module] if cut else [])):
                if id(part) in owners:
                    both = " and ".join(sorted({owners[id(part)], node.target}))
                    what = "a weight of " if isinstance(part, Tensor) else ""
                    needs = "a weight" if isinstance(part, Tensor) else "a layer"
                    raise ValueError(f"{what}{both} is used twice; compaction needs {needs} of its own each time")
                owners[id(part)] = node.target


def _refuse_overwriting(
    network: fx.GraphModule, modules: dict[str, nn.Module], storages: dict[fx.Node, torch.UntypedStorage]
) -> None:
    """What an operation in place has overwritten must not be read again, also not under another name."""
    order = {node: number for number, node in enumerate(network.graph.nodes)}
    for node in network.graph.nodes:
        module = modules[node.target] if node.op == "call_module" else None
        if node not in storages or not (node.kwargs.get("inplace") or getattr(module, "inplace", False)):
            continue
        place = storages[node].data_ptr()
        earlier = [other for other in storages if order[other] < order[node] and storages[other].data_ptr() == place]
        if any(order[user] > order[node] for other in earlier for user in other.users):
            raise ValueError(
                f"{name_of(node)!r} changes a tensor in place that another operation reads too; write it without "
                "`inplace`"
            )

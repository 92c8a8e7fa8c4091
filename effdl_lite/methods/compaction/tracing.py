"""The network as a list of operations, with the result of each one for one image."""

from typing import Any

import torch
from torch import Tensor, fx, nn

from effdl_lite.methods.compaction.kept_map import FixedSize, KeptMap
from effdl_lite.methods.compaction.operations import Kind, kind_of
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
                f"the network takes {len(inputs)} inputs, {', '.join(inputs)}; pass one that takes images only"
            )
        recorder = _Recorder(network)
        try:
            recorder.run(images[:1])
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"this {type(model).__name__} does not take images of shape {tuple(images.shape)} and type "
                f"{images.dtype}; pass images as in training: {error}"
            ) from error
    result = recorder.values[network.graph.output_node()]
    if not isinstance(result, Tensor) or result.ndim < 2:
        raise ValueError(f"the network returns a {type(result).__name__}, not one tensor [images, channels, ...]")
    modules = dict(network.named_modules())
    _refuse_reused_layers(network, modules)
    kinds = {}
    for node in network.graph.nodes:
        kinds[node] = kind_of(node, modules[node.target] if node.op == "call_module" else None, recorder.values)
    return network, recorder.values, kinds


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, (PadShortcut, KeptMap, FixedSize)) or super().is_leaf_module(module, name)


class _Recorder(fx.Interpreter):
    """Runs the network and keeps every result."""

    def __init__(self, network: fx.GraphModule):
        super().__init__(network)
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, node: fx.Node) -> Any:
        value = super().run_node(node)
        # A copy, since an operation in place may overwrite it.
        self.values[node] = value.clone() if isinstance(value, Tensor) else value
        return value


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
            for parameter in modules[node.target].parameters():
                if id(parameter) in owners:
                    both = " and ".join(sorted({owners[id(parameter)], node.target}))
                    raise ValueError(
                        f"a weight of {both} is used twice; compaction needs a weight of its own each time"
                    )
                owners[id(parameter)] = node.target

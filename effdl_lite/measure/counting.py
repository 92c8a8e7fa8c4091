"""Costs that are counted, not timed: the same number on every machine and in every run."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from effdl_lite.models import evaluation_mode


@dataclass(frozen=True)
class LayerCost:
    """The cost of one layer in one forward pass.

    Attributes:
        name: as in `model.named_modules()`.
        kind: class name of the layer.
        output_shape: of its (first) output, batch first.
        parameters: numbers that it stores.
        macs: multiply-accumulates over the whole batch.
        bytes_moved: weights, inputs and outputs, each once: what must pass the memory bus at least. Of an embedding,
            which reads a few rows only, the whole table is counted all the same.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    bytes_moved: int


def count_parameters(model: nn.Module) -> int:
    """Numbers that the model stores as parameters; a shared (tied) one counts once."""
    return sum(weight.numel() for weight in model.parameters())


def weight_bytes(model: nn.Module) -> int:
    """Bytes of the model's parameters and buffers, as they are stored now."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))


def count_macs(model: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of one forward pass over `inputs`: one is a product and its addition, two FLOPs.

    Counts convolutions and matrix products by torch's own counter, and the LSTM layers that it does not know by
    formula. Element-wise work (activations, norms, pools) is left out, as in the papers.
    """
    with _flop_counter() as counter, torch.no_grad():
        _forward(model, inputs)
    return counter.get_total_flops() // 2


def layer_costs(model: nn.Module, *inputs: Tensor) -> list[LayerCost]:
    """The cost of each layer, a module without children, in order of execution; a layer that runs twice is there twice.

    What a module with children computes itself, as the attention in `nn.MultiheadAttention`, is in no row; the
    difference to `count_macs` shows it.
    """
    costs, started, hooks = [], {}, []
    counter = _flop_counter()

    def before(layer: nn.Module, _: tuple) -> None:
        started[layer] = counter.get_total_flops()

    def after(layer: nn.Module, layer_inputs: tuple, output: Tensor | tuple) -> None:
        output = output if isinstance(output, Tensor) else output[0]
        tensors = [*layer.parameters(), output, *(value for value in layer_inputs if isinstance(value, Tensor))]
        costs.append(
            LayerCost(
                names[layer],
                type(layer).__name__,
                tuple(output.shape),
                count_parameters(layer),
                (counter.get_total_flops() - started[layer]) // 2,
                sum(tensor.numel() * tensor.element_size() for tensor in tensors),
            )
        )

    names = {module: name for name, module in model.named_modules() if not list(module.children())}
    try:
        for layer in names:
            hooks += [layer.register_forward_pre_hook(before), layer.register_forward_hook(after)]
        with counter, torch.no_grad():
            _forward(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return costs


def saved_tensor_bytes(loss_of: Callable[[], Tensor], *, without: nn.Module | None = None) -> int:
    """Bytes of the tensors that autograd keeps for the backward pass of `loss_of()`.

    Each storage counts once, also when several operations keep it.

    Args:
        loss_of: runs the forward pass and returns its result.
        without: leave out this model's parameters, which are in memory anyway.
    """
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = loss_of()  # alive until the count is done, so that no address is used twice
    own = {weight.untyped_storage().data_ptr() for weight in without.parameters()} if without else set()
    size = sum(size for address, size in kept.items() if address not in own)
    del result
    return size


def _flop_counter() -> FlopCounterMode:
    def lstm_flops(inputs, input_weights, recurrent_weights, *_, out_shape=None, **__) -> int:
        # One layer, all steps: [steps, batch, inputs] times [4 hidden, inputs], and the state times [4 hidden, hidden].
        rows = inputs[0] * inputs[1]
        return 2 * rows * (input_weights[0] * input_weights[1] + recurrent_weights[0] * recurrent_weights[1])

    return FlopCounterMode(display=False, custom_mapping={torch.ops.aten.mkldnn_rnn_layer: lstm_flops})


def _forward(model: nn.Module, inputs: tuple) -> None:
    # Attention has fused kernels that the counter does not know; without them it is the matrix products that it is.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        # Evaluation mode, since BatchNorm must not learn from a count.
        with evaluation_mode(model), sdpa_kernel(SDPBackend.MATH):
            model(*inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)

"""Which weights form the group of a unit, in a stacked LSTM and in a recurrent highway network."""

from torch import Tensor, nn

from effdl_lite.methods.intrinsic_sparsity.strips import Strip, UnitGroups
from effdl_lite.models import LSTMLanguageModel, RecurrentHighwayNetwork, plain_lstm_layers

LSTM_GATES = ("input", "forget", "candidate", "output")  # PyTorch's order of rows; TensorFlow's is i, candidate, f, o
RHN_GATES = ("candidate", "transform")


def groups_of(model: nn.Module) -> dict[str, UnitGroups]:
    r"""The groups of Intrinsic Sparse Structures (ISS) of a language model: one for each hidden unit.

    **Stacked LSTM**, layer :math:`\ell` with H units, read by :math:`\ell + 1` or by the softmax layer. Unit k owns

    * row k of each gate, in `weight_ih` and in `weight_hh`: 4 rows each, which make :math:`i, f, u, o` of unit k;
    * column k of `weight_hh`: what all units of the layer read of :math:`h_{t-1}`, entry k;
    * column k of the matrix that reads the layer: the next `weight_ih`, or the softmax weights.

    The embedding may have any width: its matrix is in no group, unless it is tied to the softmax weights, whose column
    k is then the embedding's column k too and belongs to unit k of the last layer. (The column of the first `weight_ih`
    that reads entry k of the embedding then meets a zero; it can go with the unit without being zero itself, and is
    not in the group.)

    **Recurrent highway network**: all layers share one state, so there is one group a unit: column k of the embedding,
    which is the softmax matrix as well; the two rows k (candidate and gate) and the column k of the input matrix; the
    same of every recurrent matrix.

    Biases are in no group: once nobody reads a unit, its bias does no harm.

    Returns:
        Groups by the name of the layer in the model, "layers.0", "layers.1" and so on; "state" for a highway network.

    Raises:
        ValueError: if the model is another one, or a layer is no `nn.LSTM` of one layer, one direction, no projection.

    Source: `add_structure_grouplasso` in the authors' code for the LSTM, which takes the embedding to be as wide as the
    hidden layer; `groups_hidden830.json` for the highway network.
    """
    if isinstance(model, LSTMLanguageModel):
        return _of_lstm(model)
    if isinstance(model, RecurrentHighwayNetwork):
        return _of_highway(model)
    raise ValueError(
        f"the groups of a {type(model).__name__} are not known; give an LSTMLanguageModel or a "
        "RecurrentHighwayNetwork, or build `UnitGroups` of your own as in bidaf.py"
    )


def _of_lstm(model: LSTMLanguageModel) -> dict[str, UnitGroups]:
    layers = plain_lstm_layers(model)
    readers = [(f"layers.{i}.weight_ih_l0", layer.weight_ih_l0) for i, layer in enumerate(layers)][1:]
    readers.append(("decoder.weight", model.decoder.weight))
    groups = {}
    for i, (layer, reader) in enumerate(zip(layers, readers, strict=True)):
        name, units = f"layers.{i}", layer.hidden_size
        strips = (*lstm_strips(name, layer), Strip(*reader, "columns", units))
        groups[name] = UnitGroups(units, strips)
    return groups


def lstm_strips(name: str, layer: nn.LSTM, suffix: str = "l0") -> tuple[Strip, ...]:
    """The strips inside an LSTM layer, without those of whatever reads it.

    Args:
        name: of the layer in its model.
        suffix: of the parameters' names: "l0", or "l0_reverse" for the second direction.
    """
    units, inputs, recurrent = layer.hidden_size, f"weight_ih_{suffix}", f"weight_hh_{suffix}"
    return (
        Strip(f"{name}.{inputs}", getattr(layer, inputs), "rows", units, gates=4),
        Strip(f"{name}.{recurrent}", getattr(layer, recurrent), "rows", units, gates=4),
        Strip(f"{name}.{recurrent}", getattr(layer, recurrent), "columns", units),
    )


def _of_highway(model: RecurrentHighwayNetwork) -> dict[str, UnitGroups]:
    units = model.width
    matrices = [("input.weight", model.input.weight)]
    matrices += [(f"recurrent.{i}.weight", layer.weight) for i, layer in enumerate(model.recurrent)]
    strips = [Strip("decoder.weight", model.decoder.weight, "columns", units)]
    if model.embedding.weight is not model.decoder.weight:
        strips.append(Strip("embedding.weight", model.embedding.weight, "columns", units))
    for name, weight in matrices:
        strips += [Strip(name, weight, "rows", units, gates=2), Strip(name, weight, "columns", units)]
    return {"state": UnitGroups(units, tuple(strips))}


def unit_lengths(model: nn.Module, double_count: bool = False) -> dict[str, Tensor]:
    r"""How long the group of each unit is, :math:`\lVert w^{(k)} \rVert`, by layer; names, errors as in `groups_of`."""
    return {name: group.squares(double_count).sqrt().detach() for name, group in groups_of(model).items()}


def zero_units(model: nn.Module) -> dict[str, Tensor]:
    """Which units have a group of exact zeros, bool [units] by layer; names and errors as in `groups_of`.

    Such a unit can be dropped. The authors' code looks for the same: all six slices zero. Compaction drops more: also a
    unit that is not zero itself, if nobody reads it.
    """
    return {name: ~group.alive() for name, group in groups_of(model).items()}

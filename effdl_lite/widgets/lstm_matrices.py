"""The matrices of a small language model of two LSTM layers, which units own what of them, and what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch

from effdl_lite.methods.intrinsic_sparsity import UnitGroups, groups_of
from effdl_lite.models import LSTMLanguageModel

NAMES = (
    "Embedding",
    "W_ih of LSTM 1",
    "W_hh of LSTM 1",
    "W_ih of LSTM 2",
    "W_hh of LSTM 2",
    "Softmax weights",
)


@dataclass(frozen=True)
class Matrix:
    """A weight matrix as PyTorch stores it, [outputs, inputs], and the layers whose units own parts of it.

    Args:
        name: as the figure writes it.
        parameter: its name in the model.
        rows: outputs.
        columns: inputs.
        made: the layer whose units own the rows, 0 or 1; -1 for none.
        gates: how many rows a unit of that layer owns; 0 for none.
        read: the layer whose units own the columns, 0 or 1; -1 for none.
        multiplied: whether a word costs a product with it; the embedding is a table in which it is looked up.
    """

    name: str
    parameter: str
    rows: int
    columns: int
    made: int = -1
    gates: int = 0
    read: int = -1
    multiplied: bool = True


def whole_numbers(name: str, values: Sequence[int], number: int) -> list[int]:
    """So many whole numbers, such as the sizes of layers.

    Raises:
        ValueError: if they are more or fewer, or one is no whole number.
    """
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != number:
        raise ValueError(f"{name} is {values!r}; give {number} whole numbers")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise ValueError(f"{name}: {value!r} is no whole number; give {number} of them")
    return [int(value) for value in values]


def model_on_shapes(embedding: int, hidden: Sequence[int], vocabulary: int) -> LSTMLanguageModel:
    """The model on shapes alone: no weight holds a number, and no random number is drawn."""
    with torch.device("meta"):
        return LSTMLanguageModel(vocabulary, embedding, tuple(hidden))


def matrices_of(model: LSTMLanguageModel) -> list[Matrix]:
    """The six matrices of a model of two layers, in the order of computing; who owns what is asked of `groups_of`."""
    owners = {}
    for layer, group in enumerate(groups_of(model).values()):
        for strip in group.strips:
            owner = {"made": layer, "gates": strip.gates} if strip.side == "rows" else {"read": layer}
            owners.setdefault(strip.matrix, {}).update(owner)
    shapes = {name: tuple(weight.shape) for name, weight in model.named_parameters() if weight.ndim == 2}
    return [
        Matrix(name, parameter, *shape, **owners.get(parameter, {}), multiplied=parameter != "embedding.weight")
        for name, (parameter, shape) in zip(NAMES, shapes.items(), strict=True)
    ]


def owners_of(model: LSTMLanguageModel) -> list[list[list[int]]]:
    """For each weight, matrix by matrix and row by row, the [layer, unit] pairs that own it, that of its row first."""
    return [
        ([[m.made, row % (m.rows // m.gates)]] if m.gates else []) + ([[m.read, column]] if m.read >= 0 else [])
        for m in matrices_of(model)
        for row in range(m.rows)
        for column in range(m.columns)
    ]


def zeros_of(model: LSTMLanguageModel, removed: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """Which weights are zero without these units of each layer: a bool array for each matrix, by parameter name."""
    zero = {matrix.parameter: np.zeros((matrix.rows, matrix.columns), bool) for matrix in matrices_of(model)}
    for group, units in zip(groups_of(model).values(), removed, strict=True):
        for part in (part for unit in units for part in group.owned(unit)):
            zero[part.matrix][part.rows.start : part.rows.stop, part.columns.start : part.columns.stop] = True
    return zero


def shapes_left(model: LSTMLanguageModel, removed: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Rows and columns of each matrix in which a weight is not zero: the matrices of the compact model."""
    return [(int((~zero).any(1).sum()), int((~zero).any(0).sum())) for zero in zeros_of(model, removed).values()]


def weights_owned(group: UnitGroups, parameter: str) -> int:
    """How many weights of one matrix a unit owns, each once."""
    places = {
        (row, column)
        for part in group.owned(0)
        if part.matrix == parameter
        for row in part.rows
        for column in part.columns
    }
    return len(places)


def strip_texts(model: LSTMLanguageModel) -> list[str]:
    """What a unit of each layer owns, as sentences; the crossing weights are in two of the numbers."""
    names = {matrix.parameter: matrix.name for matrix in matrices_of(model)}
    texts = []
    for layer, group in enumerate(groups_of(model).values()):
        parts = []
        for strip in group.strips:
            name = names[strip.matrix].removesuffix(f" of LSTM {layer + 1}").replace("Softmax", "the softmax")
            side = f"{strip.gates} rows" if strip.side == "rows" else "a column"
            parts.append(f"{side} of {name} ({strip.of(strip.weight)[:, 0].numel()})")
        size, counted = group.size(), group.size(double_count=True)
        texts.append(
            f"It owns {', '.join(parts[:-1])} and {parts[-1]}: {size} weights. The {counted - size} where its rows and "
            f"its column cross (dots) count once here; the authors' code counts them twice, {counted}."
        )
    return texts

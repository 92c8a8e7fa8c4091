"""What each part of a language model of two LSTM layers costs: parameters, multiply-accumulates, bytes of weights."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from effdl_lite.measure import layer_costs
from effdl_lite.widgets.lstm_matrices import model_on_shapes

PARTS = ("Embedding", "LSTM 1", "LSTM 2", "Softmax")


@dataclass(frozen=True)
class PartCost:
    """The cost of one part.

    Args:
        name: one of `PARTS`.
        parameters: numbers that it stores; PyTorch's LSTM has two bias vectors a layer, the ISS paper's has one.
        macs: multiply-accumulates a word; the embedding is looked up.
        bytes: of the weights that one time step reads, for one word: all of them in fp32, of the embedding one row.
    """

    name: str
    parameters: int
    macs: int
    bytes: int


def part_costs(embedding: int, hidden: Sequence[int], vocabulary: int) -> list[PartCost]:
    """The costs of the four parts, counted by `layer_costs` on the model itself, whose weights are shapes alone.

    Args:
        embedding: E, width of the word vectors.
        hidden: widths of the two layers.
        vocabulary: V, number of words.
    """
    return list(_counted(embedding, tuple(hidden), vocabulary))


@functools.cache  # a figure asks for the same few models again and again
def _counted(embedding: int, hidden: tuple[int, ...], vocabulary: int) -> tuple[PartCost, ...]:
    word = torch.zeros(1, 1, dtype=torch.long, device="meta")
    layers = [cost for cost in layer_costs(model_on_shapes(embedding, hidden, vocabulary), word) if cost.parameters]
    return tuple(
        PartCost(name, layer.parameters, layer.macs, 4 * (layer.parameters if layer.macs else embedding))
        for name, layer in zip(PARTS, layers, strict=True)
    )


def times_fewer_macs(dense: Sequence[PartCost], small: Sequence[PartCost], softmax: bool = True) -> float:
    """How many times fewer MACs the small model needs, with or without the softmax layer, which is the last part."""
    before, after = (sum(part.macs for part in parts[: len(parts) - (not softmax)]) for parts in (dense, small))
    return before / after

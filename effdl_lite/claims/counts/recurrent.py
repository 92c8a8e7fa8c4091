"""Recurrent networks by their shapes: weights, groups of a unit and multiply-accumulates."""

from collections.abc import Sequence

import torch

from effdl_lite.measure import count_macs, count_parameters
from effdl_lite.methods.intrinsic_sparsity import bidaf_groups, groups_of
from effdl_lite.models import LSTMLanguageModel, RecurrentHighwayNetwork


def lstm_macs_ratio(hidden: Sequence[int], dense: int = 1500) -> float:
    """How many times fewer multiply-accumulates a word the paper's LSTM needs with these units in its two layers."""
    word = torch.zeros(1, 1, dtype=torch.long, device="meta")
    return count_macs(_lstm([dense, dense]), word) / count_macs(_lstm(hidden), word)


def lstm_weights(hidden: Sequence[int]) -> float:
    """Million weights of the paper's LSTM with these units, with one bias a gate as in TensorFlow; PyTorch has two."""
    return (count_parameters(_lstm(hidden)) - 4 * sum(hidden)) / 1e6


def lstm_group(layer: int, hidden: Sequence[int] = (1500, 1500)) -> int:
    """Weights that a unit of a layer of the paper's LSTM owns, with the crossings twice as in the authors' code."""
    return list(groups_of(_lstm(hidden)).values())[layer - 1].size(double_count=True)


def _lstm(hidden: Sequence[int]) -> LSTMLanguageModel:
    """The paper's language model on shapes alone: word vectors of 1500, 10,000 words."""
    with torch.device("meta"):
        return LSTMLanguageModel(10_000, 1500, tuple(hidden))


def highway_weights(width: int) -> float:
    """Million weights of the paper's recurrent highway network of ten layers at this width."""
    with torch.device("meta"):
        return count_parameters(RecurrentHighwayNetwork(10_000, width, depth=10)) / 1e6


def bidaf_group(layer: str) -> int:
    """Weights that a unit of a layer of BiDAF owns, with the crossings twice; by the paper's names, such as ModFwd1."""
    groups = bidaf_groups()
    if layer not in groups:
        raise ValueError(f"BiDAF has no layer {layer!r}; choose one of {', '.join(groups)}")
    return groups[layer].size(double_count=True)

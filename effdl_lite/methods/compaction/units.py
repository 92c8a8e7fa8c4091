"""Which hidden units of a recurrent language model do something: what compaction must keep.

A unit can be dead from two sides:

* nobody reads it: every weight of a living unit, or of the softmax layer, that reads it is zero. It may then hold
  anything, whatever its biases: the output does not depend on it.
* it is zero at every time step, if the text began with a state of zeros. For an LSTM the *candidate* alone decides:
  where its bias and its weights on everything that is not zero itself are zero, the candidate is tanh(0) = 0, the cell
  stays at its 0, and the output is a gate times tanh(0). Zero gates are not enough: a gate of zeros is half open.

A unit whose incoming weights are all zero, but whose biases are not, is not dead: its output is not zero. Nor is it a
constant that could be added to the next bias, as in a convolution: its cell fills up from one time step to the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from effdl_lite.models import LSTMLanguageModel, RecurrentHighwayNetwork, plain_lstm_layers

Masks = dict[str, Tensor]


@dataclass(frozen=True)
class Connection:
    """One weight matrix between units. Masks are boolean, one entry a weight of [reader units, source units].

    Attributes:
        reader, source: names of the layers, where "embedding" stands for the entries of the word vectors.
        reads: whether any gate of the reading unit has a weight on the source unit.
        drives: whether its candidate has; without a candidate that moves, the unit stays zero.
    """

    reader: str
    source: str
    reads: Tensor
    drives: Tensor


@dataclass(frozen=True)
class Wiring:
    """What reads what in a recurrent language model.

    Attributes:
        sizes: units of each layer by name, in the order of the data, "embedding" first.
        connections: the matrices between them.
        at_rest: by layer, units whose candidate has no bias; of the embedding, entries that are zero for all words.
        output: name of the layer that the softmax reads, and of which units it has a weight.
        shared: names that have their units in common, since a matrix is tied or a state is carried through.
    """

    sizes: dict[str, int]
    connections: list[Connection]
    at_rest: Masks
    output: tuple[str, Tensor]
    shared: tuple[str, ...]


def wiring_of(model: nn.Module) -> Wiring:
    """The wiring of an `LSTMLanguageModel` or a `RecurrentHighwayNetwork`.

    Raises:
        ValueError: if the model is another one, has a layer that is not covered, or holds NaN or infinite values.
    """
    if isinstance(model, LSTMLanguageModel):
        plain_lstm_layers(model)
        wiring = _of_lstm
    elif isinstance(model, RecurrentHighwayNetwork):
        wiring = _of_highway
    else:
        raise ValueError(
            f"a {type(model).__name__} is no recurrent language model that is known here; give an LSTMLanguageModel or "
            "a RecurrentHighwayNetwork, or use `compact` for a network of convolutions and linear layers"
        )
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise ValueError(f"{name} holds NaN or infinite values; take the weights of before the training diverged")
    return wiring(model)


def kept_units(model: nn.Module, round_to: int = 1) -> Masks:
    """Which units compaction keeps: bool [units] by layer, "embedding" first.

    A unit is alive if a living unit or the softmax layer reads it and it is not always zero. The entries of the word
    vectors are treated likewise; where they are tied to the last layer, both stay if one of them must.

    Args:
        round_to: keep dead units, lowest number first, until a layer's count is a multiple of this or nothing is dead.
    """
    if not isinstance(round_to, int) or round_to < 1:
        raise ValueError(f"round_to is {round_to}; choose a whole number of at least 1, where 1 means no rounding")
    wiring = wiring_of(model)
    alive = _alive(wiring, _always_zero(wiring))
    joint = torch.stack([alive[name] for name in wiring.shared]).any(0) if wiring.shared else None
    return {name: _rounded(joint if name in wiring.shared else mask, round_to) for name, mask in alive.items()}


def _of_lstm(model: LSTMLanguageModel) -> Wiring:
    names = ["embedding", *(f"layers.{i}" for i in range(len(model.layers)))]
    sizes = {"embedding": model.embedding.embedding_dim}
    connections, at_rest = [], {"embedding": _zero_entries(model.embedding)}
    for name, source, layer in zip(names[1:], names, model.layers, strict=False):
        units = sizes[name] = layer.hidden_size
        for read, weight in ((source, layer.weight_ih_l0), (name, layer.weight_hh_l0)):
            by_gate = weight.detach().unflatten(0, (4, units)) != 0
            connections.append(Connection(name, read, by_gate.any(0), by_gate[2]))  # gates in PyTorch: i, f, g, o
        at_rest[name] = torch.ones_like(by_gate[2].any(1))
        if layer.bias:
            at_rest[name] = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().view(4, units)[2] == 0
    tied = model.decoder.weight is model.embedding.weight
    output = (names[-1], (model.decoder.weight.detach() != 0).any(0))
    return Wiring(sizes, connections, at_rest, output, ("embedding", names[-1]) if tied else ())


def _of_highway(model: RecurrentHighwayNetwork) -> Wiring:
    units = model.width
    by_gate = model.input.weight.detach().unflatten(0, (2, units)) != 0  # candidate, transform gate
    connections = [Connection("state", "embedding", by_gate.any(0), by_gate[0])]
    at_rest = torch.ones(units, dtype=torch.bool, device=by_gate.device)
    for layer in model.recurrent:
        by_gate = layer.weight.detach().unflatten(0, (2, units)) != 0
        connections.append(Connection("state", "state", by_gate.any(0), by_gate[0]))
        at_rest &= layer.bias.detach()[:units] == 0
    return Wiring(
        {"embedding": units, "state": units},
        connections,
        {"embedding": _zero_entries(model.embedding), "state": at_rest},
        ("state", (model.decoder.weight.detach() != 0).any(0)),
        ("embedding", "state"),
    )


def _zero_entries(embedding: nn.Embedding) -> Tensor:
    return (embedding.weight.detach() == 0).all(0)


def _always_zero(wiring: Wiring) -> Masks:
    """Units that stay zero if all start at zero: the largest set of units that only units of the set drive."""
    zero = {name: mask.clone() for name, mask in wiring.at_rest.items()}
    for _ in _until_settled(zero):
        for connection in wiring.connections:
            zero[connection.reader] &= ~(connection.drives & ~zero[connection.source]).any(1)
    return zero


def _alive(wiring: Wiring, zero: Masks) -> Masks:
    """Units that the output needs: read by the softmax layer, or by a unit that is needed."""
    alive = {name: torch.zeros_like(mask) for name, mask in zero.items()}
    last, read = wiring.output
    alive[last] = read & ~zero[last]
    for _ in _until_settled(alive):
        for connection in wiring.connections:
            needed = connection.reads[alive[connection.reader]].any(0)
            alive[connection.source] |= needed & ~zero[connection.source]
    return alive


def _until_settled(masks: Masks) -> Iterator[None]:
    """Goes round until a round has changed nothing; masks only grow, or only shrink, so it ends."""
    before = None
    while before is None or any(not torch.equal(before[name], masks[name]) for name in masks):
        before = {name: mask.clone() for name, mask in masks.items()}
        yield


def _rounded(used: Tensor, round_to: int) -> Tensor:
    missing = -int(used.sum()) % round_to
    stays = used.clone()
    stays[(~used).nonzero().flatten()[:missing]] = True
    return stays

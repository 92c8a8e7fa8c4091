"""Language models: a stacked LSTM and a recurrent highway network.

Each takes token numbers [batch, steps] and the state that it returned for the text before, and returns logits
[batch, steps, vocabulary] and its new state. A state of None is a state of zeros.
"""

import itertools

import torch
from torch import Tensor, nn

LSTMState = list[tuple[Tensor, Tensor]]


class LSTMLanguageModel(nn.Module):
    """Embedding, a stack of LSTM layers that may differ in width, and a softmax layer.

    Each layer is an `nn.LSTM` of its own, since a compacted stack has a different width in each layer. PyTorch keeps
    two bias vectors a layer where TensorFlow keeps one: 4 x hidden parameters more a layer than in the ISS paper.

    Args:
        vocabulary: V, number of words.
        embedding: E, width of the word vectors.
        hidden: widths of the layers, from the input up.
        dropout: share of units dropped from the embedding and from each layer's output; never between time steps.
        tied: use the embedding matrix as the softmax weights; needs `embedding == hidden[-1]`.
        init_range: weights start uniform in [-init_range, init_range], biases at 0 in the softmax layer.

    Raises:
        ValueError: if `tied` and the widths differ, or if `hidden` is empty.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        hidden: tuple[int, ...],
        dropout: float = 0.0,
        tied: bool = False,
        init_range: float = 0.1,
    ):
        super().__init__()
        if not hidden:
            raise ValueError("hidden is empty; give the width of at least one LSTM layer")
        if tied and embedding != hidden[-1]:
            raise ValueError(
                f"a tied model needs an embedding as wide as its last layer: got {embedding} and {hidden[-1]}"
            )
        self.embedding = nn.Embedding(vocabulary, embedding)
        widths = (embedding, *hidden)
        self.layers = nn.ModuleList(nn.LSTM(a, b, batch_first=True) for a, b in itertools.pairwise(widths))
        self.decoder = nn.Linear(hidden[-1], vocabulary)
        self.dropout = nn.Dropout(dropout)
        for weight in self.parameters():
            nn.init.uniform_(weight, -init_range, init_range)
        nn.init.zeros_(self.decoder.bias)
        if tied:
            self.decoder.weight = self.embedding.weight

    def forward(self, tokens: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        hidden = self.dropout(_embedded(self.embedding, tokens))
        new_state = []
        for i, layer in enumerate(self.layers):
            hidden, layer_state = layer(hidden, None if state is None else state[i])
            new_state.append(layer_state)
            hidden = self.dropout(hidden)
        return self.decoder(hidden), new_state


def plain_lstm_layers(model: LSTMLanguageModel) -> list[nn.LSTM]:
    """The layers of a stack, each checked to be an LSTM of one layer, one direction and no projection.

    Raises:
        ValueError: if a layer is something else.
    """
    for i, layer in enumerate(model.layers):
        if not isinstance(layer, nn.LSTM):
            raise ValueError(f"layers.{i} is a {type(layer).__name__}, and only nn.LSTM layers are covered")
        refused = {
            "bidirectional": layer.bidirectional,
            f"projected (proj_size={layer.proj_size})": layer.proj_size > 0,
            f"a stack itself (num_layers={layer.num_layers})": layer.num_layers > 1,
        }
        for what in (name for name, holds in refused.items() if holds):
            raise ValueError(
                f"layers.{i} is {what}, which is not covered; use nn.LSTM(inputs, hidden) with one layer, one "
                "direction and no projection, one for each layer of the stack"
            )
    return list(model.layers)


def _embedded(embedding: nn.Embedding, tokens: Tensor) -> Tensor:
    if tokens.ndim != 2 or tokens.shape[1] < 1:
        raise ValueError(
            f"tokens have shape {tuple(tokens.shape)}; give word numbers [batch, steps] with at least 1 step"
        )
    try:
        return embedding(tokens)
    except IndexError as error:  # checked after the fact: looking at all tokens first would cost time in every step
        raise ValueError(
            f"tokens run from {tokens.min()} to {tokens.max()}, but the vocabulary has the words "
            f"0..{embedding.num_embeddings - 1}; read the text with the vocabulary that the model was made for"
        ) from error


class RecurrentHighwayNetwork(nn.Module):
    r"""A recurrent network whose one state passes `depth` gated layers at every time step.

    .. math:: s_l = h_l \odot t_l + s_{l-1} \odot (1 - t_l), \quad h_l = \tanh(x W_h [l=1] + s_{l-1} R_{h,l} + b_{h,l}),
        \quad t_l = \sigma(x W_t [l=1] + s_{l-1} R_{t,l} + b_{t,l})

    The embedding is as wide as the state and serves as the softmax weights too.

    Args:
        vocabulary: V, number of words.
        width: n, units of the state and of the embedding.
        depth: L, gated layers a time step.
        dropout: share of units dropped from the embedding and from the output.
        gate_bias: start of b_t; negative, so that at first a layer mostly carries its input through.

    Source: Zilly et al., Recurrent Highway Networks (ICML 2017), with the coupled carry gate 1 - t; widths and depth
    of the ISS paper's second table. Where we differ: the authors' dropout keeps one mask over all time steps.
    """

    def __init__(self, vocabulary: int, width: int, depth: int = 10, dropout: float = 0.0, gate_bias: float = -2.0):
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth {depth} is below 1; a recurrent highway network needs at least one layer")
        self.width = width
        self.embedding = nn.Embedding(vocabulary, width)
        # One matrix makes h and t at once: rows 0..n-1 are h, rows n..2n-1 are t.
        self.input = nn.Linear(width, 2 * width, bias=False)
        self.recurrent = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))
        self.decoder = nn.Linear(width, vocabulary)
        self.dropout = nn.Dropout(dropout)
        for weight in self.parameters():
            nn.init.uniform_(weight, -0.04, 0.04)
        for layer in self.recurrent:
            nn.init.constant_(layer.bias[width:], gate_bias)
        nn.init.zeros_(self.decoder.bias)
        self.decoder.weight = self.embedding.weight

    def forward(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        embedded = self.input(self.dropout(_embedded(self.embedding, tokens)))
        if state is None:
            state = embedded.new_zeros(tokens.shape[0], self.width)
        outputs = []
        state = state.to(embedded.dtype)  # under bfloat16 autocast, products and sums must meet in one type
        for step in range(tokens.shape[1]):
            for i, layer in enumerate(self.recurrent):
                mixed = layer(state) + embedded[:, step] if i == 0 else layer(state)
                candidate, gate = mixed.chunk(2, dim=1)
                state = state.lerp(torch.tanh(candidate), torch.sigmoid(gate))
            outputs.append(state)
        return self.decoder(self.dropout(torch.stack(outputs, dim=1))), state

"""Cuts dead hidden units out of a recurrent language model, without changing what it computes."""

import copy

import torch
from torch import Tensor, nn

from effdl_lite.methods.compaction.units import Masks, kept_units
from effdl_lite.models import LSTMLanguageModel, RecurrentHighwayNetwork, evaluation_mode


def compact_recurrent(
    model: LSTMLanguageModel | RecurrentHighwayNetwork, *, round_to: int = 1
) -> LSTMLanguageModel | RecurrentHighwayNetwork:
    r"""A smaller model, with layers as wide as units are left of them, that computes the same logits.

    A unit is cut if nobody reads it, or if it is always zero; `units.py` says precisely when. Then its rows of all
    gates and their biases go, and its column in whatever reads it. Nothing has to be added anywhere: a unit that nobody
    reads may hold anything, so the result is exact *for any bias*. With :math:`K_\ell` the units kept of layer
    :math:`\ell`,

    .. math:: W_{ih}^{(\ell)} \to W_{ih}^{(\ell)}[K_\ell \text{ of each gate}, K_{\ell - 1}], \quad
        W_{hh}^{(\ell)} \to W_{hh}^{(\ell)}[K_\ell \text{ of each gate}, K_\ell], \quad V \to V[:, K_L]

    Entries of the word vectors that are zero, or that no living unit reads, are cut as well.

    Args:
        model: not changed. Weights count as dead if they are exactly zero, so threshold first.
        round_to: keep dead units until the width of a layer is a multiple of this, which may run faster.

    Returns:
        A model of the same class, settings and names, each layer a new `nn.LSTM`; it can be trained on. Its state has
        the widths of the layers: a state that the whole model left behind fits after its entries have been selected
        with `kept_units`. A unit that is cut as always zero must be zero in that state, which it is if the text began
        with the state None.

    Raises:
        ValueError: if nothing would be left of a layer, which means that the output does not depend on the words any
            more; for a model or layer that is not covered, such as a bidirectional or projected LSTM; for weights that
            are not finite; or if `round_to` is not a whole number of at least 1.
        RuntimeError: if the result computes something else, which would be a bug.

    Source: the ISS slides' "deployment": the same network with the surviving units. That unread units of any kind go,
    also beyond the groups of ISS, is ours.
    """
    kept = kept_units(model, round_to)
    empty = [name for name, mask in kept.items() if not mask.any()]
    if empty:
        raise ValueError(
            f"nothing would be left of {' and '.join(empty)}: the output of this model does not depend on the words "
            "any more; train with a lower strength, or set a lower threshold"
        )
    small = copy.deepcopy(model)
    cut = _cut_lstm if isinstance(model, LSTMLanguageModel) else _cut_highway
    cut(small, kept)
    _check_function(model, small)
    return small


def _cut_lstm(model: LSTMLanguageModel, kept: Masks) -> None:
    masks = list(kept.values())  # the embedding, then the layers
    for i, layer in enumerate(model.layers):
        inputs, own = masks[i], masks[i + 1]
        rows = own.repeat(4)
        smaller = nn.LSTM(
            int(inputs.sum()),
            int(own.sum()),
            bias=layer.bias,
            batch_first=layer.batch_first,
            device=layer.weight_ih_l0.device,
            dtype=layer.weight_ih_l0.dtype,
        )
        for name, weight in layer.named_parameters():
            columns = {"weight_ih_l0": inputs, "weight_hh_l0": own}.get(name)
            values = weight.detach()[rows] if columns is None else weight.detach()[rows][:, columns]
            with torch.no_grad():
                smaller.get_parameter(name).copy_(values).requires_grad_(weight.requires_grad)
        model.layers[i] = smaller.train(layer.training)
    _cut_words(model, masks[0], masks[-1])


def _cut_highway(model: RecurrentHighwayNetwork, kept: Masks) -> None:
    words, own = kept.values()
    rows = own.repeat(2)
    model.width = int(own.sum())
    for layer, columns in ((model.input, words), *((layer, own) for layer in model.recurrent)):
        layer.weight = _parameter_like(layer.weight, layer.weight.detach()[rows][:, columns])
        if layer.bias is not None:
            layer.bias = _parameter_like(layer.bias, layer.bias.detach()[rows])
        layer.out_features, layer.in_features = layer.weight.shape
    _cut_words(model, words, own)


def _cut_words(model: nn.Module, words: Tensor, last: Tensor) -> None:
    """Cuts the embedding and the softmax weights, which stay one matrix if they were one."""
    tied = model.decoder.weight is model.embedding.weight
    model.embedding.weight = _parameter_like(model.embedding.weight, model.embedding.weight.detach()[:, words])
    model.decoder.weight = (
        model.embedding.weight
        if tied
        else _parameter_like(model.decoder.weight, model.decoder.weight.detach()[:, last])
    )
    model.embedding.embedding_dim, model.decoder.in_features = int(words.sum()), int(last.sum())


def _parameter_like(old: nn.Parameter, values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.clone(), requires_grad=old.requires_grad)


@torch.no_grad()
def _check_function(model: nn.Module, small: nn.Module) -> None:
    vocabulary, device = model.embedding.num_embeddings, model.embedding.weight.device
    tokens = torch.arange(12, device=device).view(2, 6) * 7919 % vocabulary
    with evaluation_mode(model), evaluation_mode(small):
        expected, _ = model(tokens)
        error, largest = (small(tokens)[0] - expected).abs().max(), expected.abs().max()
    limit = torch.finfo(expected.dtype).eps ** 0.5
    if not error <= limit * largest:
        raise RuntimeError(
            f"the compact model is off by {error:.1e} where the largest logit is {largest:.1e}, more than rounding "
            f"explains (a part of {limit:.0e}); either the model does not compute as its class does, or this is a bug "
            "of compaction: please report it with the model"
        )

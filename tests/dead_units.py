"""Recurrent language models with dead hidden units, for the tests of what makes and removes them."""

import torch

from effdl_lite.methods.intrinsic_sparsity import groups_of
from effdl_lite.models import LSTMLanguageModel, RecurrentHighwayNetwork

MODELS = {
    "one layer": lambda: LSTMLanguageModel(11, 5, (6,)),
    "two layers": lambda: LSTMLanguageModel(11, 5, (6, 4)),
    "three layers": lambda: LSTMLanguageModel(11, 3, (4, 7, 5)),
    "tied": lambda: LSTMLanguageModel(11, 5, (6, 5), tied=True),
    "highway": lambda: RecurrentHighwayNetwork(11, 6, depth=3),
    "highway of one layer": lambda: RecurrentHighwayNetwork(11, 5, depth=1),
}


def made_random(model, seed=0):
    """All weights and biases large, in double precision, in evaluation mode: no unit is near zero by chance."""
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        weight.data = torch.randn(weight.shape, dtype=torch.float64, generator=generator)
    return model.double().eval()


@torch.no_grad()
def kill_units(model, dead):
    """Sets the whole group of units to zero; `dead` has their numbers by layer. Biases stay as they are."""
    groups = groups_of(model)
    for name, numbers in dead.items():
        for strip in groups[name].strips:
            strip.of(strip.weight)[:, list(numbers)] = 0


def random_dead(model, seed, share):
    """By layer the numbers of a random share of the units; one of each layer always survives."""
    generator = torch.Generator().manual_seed(seed)
    dead = {}
    for name, group in groups_of(model).items():
        chosen = torch.rand(group.units, generator=generator) < share
        chosen[torch.randint(group.units, (1,), generator=generator)] = False
        dead[name] = chosen.nonzero().flatten().tolist()
    return dead


def text(vocabulary=11, batch=2, steps=5, seed=0):
    return torch.randint(vocabulary, (batch, steps), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def difference(model, other, tokens, state=None, other_state=None):
    """The largest difference of logits, as a part of the largest logit."""
    expected = model(tokens, state)[0]
    return ((other(tokens, other_state)[0] - expected).abs().max() / expected.abs().max()).item()

"""How good a model is: accuracy of a classifier, perplexity of a language model."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from effdl_lite.models import evaluation_mode
from effdl_lite.training.fit import Batches
from effdl_lite.training.losses import language_model_loss


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients inside the block; each module's mode of before afterwards."""
    with evaluation_mode(model), torch.inference_mode():
        yield


def accuracy(model: nn.Module, batches: Batches) -> float:
    """Share of images, 0 to 1, whose largest logit is the right class; batches are (images, labels)."""
    device = next(model.parameters()).device
    right = total = 0
    with evaluating(model):
        for images, labels in batches:
            right += (model(images.to(device)).argmax(dim=1) == labels.to(device)).sum().item()
            total += len(labels)
    if total == 0:
        raise ValueError("there are no images to evaluate on")
    return right / total


def perplexity(model: nn.Module, batches: Batches) -> float:
    """exp of the mean negative log-likelihood a word; the state is carried from batch to batch.

    The effective number of words between which the model still hesitates: 1 is certainty, the size of the vocabulary
    is a guess. Perplexities over different vocabularies cannot be compared.
    """
    device = next(model.parameters()).device
    nats, words, state = 0.0, 0, None
    with evaluating(model):
        for batch in batches:
            batch = tuple(part.to(device) for part in batch)
            loss, state = language_model_loss(model, batch, state)
            nats += loss.item() * batch[1].numel()
            words += batch[1].numel()
    if words == 0:
        raise ValueError("there are no words to evaluate on")
    # A diverged model may be beyond the largest float; a training should not end because of its log.
    return math.exp(nats / words) if nats / words < 700 else math.inf

"""What a training step minimises: the loss of a classifier, and that of a language model that carries its state."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from effdl_lite.training.step import Batch


def classification_loss(model: nn.Module, batch: Batch, state: None = None) -> tuple[Tensor, None]:
    """Mean cross-entropy, in nats, of a batch (images [batch, ...], labels [batch])."""
    images, labels = batch
    return F.cross_entropy(model(images), labels), None


def language_model_loss(model: nn.Module, batch: Batch, state: Any) -> tuple[Tensor, Any]:
    """Mean cross-entropy a word, in nats, of a batch (words, next words), both [batch, steps]; carries the state.

    The state that comes back is cut off from the graph: truncated back-propagation through time. The loss is a mean
    over the time steps; the ISS paper's code sums over them, so its penalty strength is larger by their number.
    """
    words, targets = batch
    logits, state = model(words, state)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), _detach(state)


def _detach(state: Any) -> Any:
    if isinstance(state, Tensor):
        return state.detach()
    return type(state)(_detach(part) for part in state)

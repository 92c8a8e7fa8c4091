"""What the methods of the course mean for a language model."""

from collections.abc import Callable

import torch
from torch import nn

from effdl_lite.batches import TextBatches
from effdl_lite.data import TextData
from effdl_lite.measure import count_macs
from effdl_lite.methods.compaction import compact_recurrent
from effdl_lite.methods.force_regularization import ForceRegularization
from effdl_lite.methods.intrinsic_sparsity import IntrinsicSparsity, groups_of, trim_units, weights_of
from effdl_lite.methods.low_rank import decompose, ranks_by_budget
from effdl_lite.methods.terngrad import TernGrad
from effdl_lite.models.language import LSTMState
from effdl_lite.pipeline.budget import trim_to_budget
from effdl_lite.training import Method, constant_then_linear, evaluating, language_model_loss, perplexity

BUCKET = 128  # elements that share a scaler


class LanguageTask:
    """Trains, cuts and judges an LSTM language model.

    A word that is not in a batch has no gradient, so most of the embedding's is zero, and its deviation, by which
    TernGrad clips, would be that of the zeros. Hence scalers of `BUCKET` elements: about a word's own.

    Args:
        data: to train on and to judge by.
        streams: texts that are read side by side, over all workers.
        steps: words of each in a batch.
        clip_norm: largest norm of the gradient after the exchange.
    """

    loss_of = staticmethod(language_model_loss)
    schedule: Callable[[float], float] = staticmethod(constant_then_linear(0.02, 0.5))
    cuts = ("units", "rank")
    dynamic = None  # export unrolls an LSTM over its words, so a program reads one at a time
    higher_is_better = False

    def __init__(self, data: TextData, streams: int, steps: int, clip_norm: float):
        self.data, self.streams, self.steps, self.clip_norm = data, streams, steps, clip_norm
        self.example = (torch.zeros(1, 1, dtype=torch.long),)

    def batches(self, seed: int) -> TextBatches:
        """The training text, in its order whatever the seed."""
        return TextBatches(self.data.train, self.streams, self.steps)

    def optimizer(self, net: nn.Module, rate: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(net.parameters(), lr=rate)

    def ternary(self, net: nn.Module) -> TernGrad:
        return TernGrad(net, bucket_size=BUCKET)

    def sparsity(self, net: nn.Module, strength: float) -> Method:
        """ISS on all hidden units."""
        return IntrinsicSparsity(net, strength, step="proximal", absorbing=True)

    def force(self, net: nn.Module, strength: float) -> Method:
        """The force on the rows of the softmax layer, one a word."""
        return ForceRegularization([net.decoder], strength)

    def cut(self, net: nn.Module, what: str, macs: float) -> nn.Module:
        """The model with at most so many multiply-accumulates a word: fewer units, or a softmax layer of low rank."""
        if what == "rank":
            return decompose(net, ranks_by_budget(net, int(macs), *self.example, layers=["decoder"]))
        trim_to_budget(
            weights_of(groups_of(net).values()),
            lambda share: trim_units(net, share),
            lambda: self.macs(compact_recurrent(net)),
            macs,
        )
        return compact_recurrent(net)

    def finish(self, net: nn.Module) -> nn.Module:
        return net.eval()

    def quality(self, net: nn.Module, part: str) -> float:
        """Perplexity on "validation" or "test"."""
        return perplexity(net, TextBatches(getattr(self.data, part), 10, self.steps))

    def samples(self, net: nn.Module, count: int) -> tuple[torch.Tensor, LSTMState]:
        """A word of the validation text, [1, 1], and the state that `count` words before it left behind."""
        words = self.data.validation[None, : count + 1]
        with evaluating(net):
            state = net(words[:, :-1])[1]
        return words[:, -1:], [tuple(part.clone() for part in layer) for layer in state]

    def macs(self, net: nn.Module) -> int:
        """Multiply-accumulates for one word."""
        return count_macs(net, *self.example)

    @torch.no_grad()
    def restarted(self, net: nn.Module) -> nn.Module:
        """Draws all weights anew, in place, as in a model that has not been trained."""
        for weight in net.parameters():
            nn.init.uniform_(weight, -0.1, 0.1)
        return net.train()

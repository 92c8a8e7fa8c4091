"""TernGrad in the training step: every shard of the batch is a worker, and place 3 is the exchange between them."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from effdl_lite.methods.terngrad.codecs import TWO_BIT, Codec
from effdl_lite.methods.terngrad.scalers import CLIP, check_finite, check_options, scale, share_scalers, spread
from effdl_lite.methods.terngrad.ternary import ternary_codes
from effdl_lite.methods.terngrad.traffic import Traffic
from effdl_lite.training import Method

SCOPES = ("tensor", "model")


class TernGrad(Method):
    r"""Replaces the gradient of each worker by a ternary one, then takes the mean; fills place 3.

    .. math:: \bar g = \frac{1}{N} \sum_i \mathrm{ternarize}(g^{(i)}), \qquad s = \max_i s^{(i)}

    The workers are the shards of the step, so one process does what N machines would. A worker whose shard holds more
    than 1 / N of the examples sends a gradient that is larger by as much: the mean stays that over the examples, on a
    grid of 2 N + 1 levels.

    Weight decay of the optimizer and the penalties of place 4 come after the exchange; in the authors' code weight
    decay is part of the loss, and is ternarized with it. Our clipping of the whole gradient's norm comes after, too.

    Args:
        model: whose gradients are exchanged.
        clip: c of the clipping at :math:`c \sigma`, None to leave it out.
        rule: "formula" or "code", the two ways to clip; see `scale`.
        bucket_size: elements that share a scaler; None gives each tensor one.
        scope: "tensor", the paper's layer-wise scalers, or "model", the largest of them for all tensors.
        share: workers agree on the largest of their scalers. Else each keeps its own: less variance, but the mean is
            on no grid, and comes back from the server in fp32.
        float_below: tensors with fewer elements are sent in fp32, as there is little to save. Ours is 256; the authors'
            `size_to_binarize` is 1 by default, 9217 for AlexNet.
        float_layers: layers that are sent in fp32: the authors leave out the last layer, whose gradient is skewed.
        codec: counts the bytes of `traffic`; the numbers do not depend on it.
        generator: of the random numbers, on the model's device; None takes torch's own, which `fit` seeds.

    Attributes:
        traffic: bytes between one worker and a parameter server so far.
        zeros: of each ternary tensor by name, the share of zeros in the last step, over all workers.

    Raises:
        ValueError: for an option that is unknown, or a float layer that is not in the model.
        TrainingDiverged: in a step, if a gradient is NaN or infinite; it names the weight.

    Source: slides "TernGrad is Simple" and "Closing Bound Gap"; the authors' `inception_train.py`.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        clip: float | None = CLIP,
        rule: str = "formula",
        bucket_size: int | None = None,
        scope: str = "tensor",
        share: bool = True,
        float_below: int = 256,
        float_layers: Iterable[nn.Module] = (),
        codec: Codec = TWO_BIT,
        generator: torch.Generator | None = None,
    ):
        check_options(clip, rule, bucket_size)
        if scope not in SCOPES:
            raise ValueError(f"scope {scope!r} is unknown; choose one of {', '.join(SCOPES)}")
        if scope == "model" and bucket_size is not None:
            raise ValueError("one scaler for the model leaves no buckets; give scope='tensor' or bucket_size=None")
        self.names = {id(weight): name for name, weight in model.named_parameters()}
        self.weights = list(model.parameters())
        in_float = [weight for layer in float_layers for weight in layer.parameters()]
        if any(id(weight) not in self.names for weight in in_float):
            raise ValueError(f"a float layer is not in this {type(model).__name__}; give layers of the model")
        self.in_float = {id(weight) for weight in in_float}
        self.in_float |= {id(weight) for weight in self.weights if weight.numel() < float_below}
        self.clip, self.rule, self.bucket_size, self.scope, self.share = clip, rule, bucket_size, scope, share
        self.codec = codec
        self.generator = generator
        self.traffic = Traffic()
        self.zeros: dict[str, float] = {}

    @torch.no_grad()
    def combine(self, gradients: list[list[Tensor]], shares: list[float]) -> list[Tensor]:
        weights = [weight for weight in self.weights if weight.requires_grad]
        columns = list(zip(*gradients, strict=True))
        self._check_shapes(weights, columns)
        factors = [1.0 if math.isclose(share * len(shares), 1) else share * len(shares) for share in shares]
        ternary = [number for number, weight in enumerate(weights) if id(weight) not in self.in_float]
        sent = {
            number: [gradient * factor for gradient, factor in zip(columns[number], factors, strict=True)]
            for number in ternary
        }
        scales = {number: self._scales(weights[number], sent[number]) for number in ternary}
        if self.scope == "model" and scales:
            largest = [share_scalers(scalers) for scalers in zip(*(s for s, _ in scales.values()), strict=True)]
            scales = {number: (largest, limits) for number, (_, limits) in scales.items()}
        means = []
        for number, (weight, column) in enumerate(zip(weights, columns, strict=True)):
            if number in scales:
                means.append(self._exchange(self.names[id(weight)], sent[number], *scales[number]))
            else:
                for worker, gradient in enumerate(column):
                    check_finite(gradient.reshape(-1), self._called(weight, worker))
                means += super().combine([[gradient] for gradient in column], shares)
                self.traffic.add_float(weight.numel())
        self.traffic.steps += 1
        return means

    def _called(self, weight: Tensor, worker: int) -> str:
        return f"the gradient of {self.names[id(weight)]} on worker {worker}"

    def _scales(self, weight: Tensor, gradients: list[Tensor]) -> tuple[list[Tensor], list[float]]:
        """Scalers and limits of each worker."""
        found = [
            scale(gradient, self.clip, self.rule, self.bucket_size, self._called(weight, worker))
            for worker, gradient in enumerate(gradients)
        ]
        scalers, limits = map(list, zip(*found, strict=True))
        return [share_scalers(scalers)] * len(scalers) if self.share else scalers, limits

    def _exchange(self, name: str, gradients: list[Tensor], scalers: list[Tensor], limits: list[float]) -> Tensor:
        """The mean of the workers' ternary gradients, in the memory format of the gradient."""
        workers, elements = len(gradients), gradients[0].numel()
        codes = [
            ternary_codes(gradient, s, limit=limit, bucket_size=self.bucket_size, generator=self.generator)
            for gradient, s, limit in zip(gradients, scalers, limits, strict=True)
        ]
        if self.share:
            # Whole numbers are added, as a server would: the mean is exactly on the grid.
            mean = torch.stack(codes).sum(dim=0) * (spread(scalers[0], elements, self.bucket_size) / workers)
        else:
            mean = sum(c * spread(s, elements, self.bucket_size) for c, s in zip(codes, scalers, strict=True)) / workers
        self.zeros[name] = sum(int((c == 0).sum()) for c in codes) / (workers * elements)
        self.traffic.add_ternary(elements, workers, self.codec, len(scalers[0]), self.share)
        return torch.empty_like(gradients[0]).copy_(mean.view(gradients[0].shape))

    def _check_shapes(self, weights: list[nn.Parameter], columns: list[tuple[Tensor, ...]]) -> None:
        expected, found = [w.shape for w in weights], [column[0].shape for column in columns]
        if expected != found:
            raise ValueError(
                f"TernGrad was made for {len(expected)} trainable weights, and there are gradients of {len(found)}, or "
                "of other shapes; make it anew from the model that you train"
            )

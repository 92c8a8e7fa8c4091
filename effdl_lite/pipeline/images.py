"""What the methods of the course mean for a classifier of images."""

from collections.abc import Callable
from itertools import islice

import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from effdl_lite.batches import ImageBatches
from effdl_lite.data import ImageData
from effdl_lite.measure import count_macs
from effdl_lite.methods.compaction import compact, dead_channels
from effdl_lite.methods.force_regularization import ForceRegularization
from effdl_lite.methods.low_rank import decompose, default_layers, ranks_by_budget
from effdl_lite.methods.structured_sparsity import StructuredSparsity, trim
from effdl_lite.methods.terngrad import TernGrad
from effdl_lite.pipeline.budget import trim_to_budget
from effdl_lite.recipes import image_batches, sgd
from effdl_lite.training import Method, accuracy, classification_loss, warmup_then_linear


class ImageTask:
    """Trains, cuts and judges a network of convolutions and BatchNorm on images.

    Args:
        data: to train on and to judge by.
        batch_size: images a step, over all workers.
        weight_decay: of matrices and filters.
        refresh: training images, not augmented, from which BatchNorm's running statistics are taken at the end. Those
            of the training saw noise, other weights and, after a cut, another network.
    """

    loss_of = staticmethod(classification_loss)
    schedule: Callable[[float], float] = staticmethod(warmup_then_linear(0.1))
    clip_norm = None
    cuts = ("channels", "rank")
    dynamic = 0  # dimension of the examples that are judged together
    higher_is_better = True

    def __init__(self, data: ImageData, batch_size: int, weight_decay: float, refresh: int = 5_000):
        self.data, self.batch_size, self.weight_decay, self.refresh = data, batch_size, weight_decay, refresh
        self.example = (torch.zeros(1, *data.train_images.shape[1:]),)
        self.scale = image_batches(data, batch_size)

    def batches(self, seed: int) -> ImageBatches:
        """The training images of one stage: shuffled, flipped and shifted, anew for each seed."""
        return image_batches(self.data, self.batch_size, seed)["train"]

    def optimizer(self, net: nn.Module, rate: float) -> torch.optim.Optimizer:
        return sgd(net, rate, self.weight_decay)

    def ternary(self, net: nn.Module) -> TernGrad:
        return TernGrad(net)

    def sparsity(self, net: nn.Module, strength: float) -> Method:
        """SSL on channels, by the scale and shift of their BatchNorm: what goes leaves a smaller dense network."""
        options = {"step": "proximal", "keep_norm": True, "absorbing": True}
        return StructuredSparsity(_norms(net), {"filter": strength}, **options)

    def force(self, net: nn.Module, strength: float) -> Method:
        """The force on all convolutions but the one that reads the images, which is low rank by itself."""
        layers = [net.get_submodule(name) for name in default_layers(net)]
        channels = self.example[0].shape[1]
        return ForceRegularization([layer for layer in layers if layer.in_channels != channels], strength)

    def cut(self, net: nn.Module, what: str, macs: float) -> nn.Module:
        """The network with at most so many multiply-accumulates: fewer channels, or basis filters."""
        if what == "rank":
            return decompose(net, ranks_by_budget(net, int(macs), *self.example))
        norms = _norms(net)
        trim_to_budget(
            [weight for norm in norms for weight in (norm.weight, norm.bias)],
            lambda share: trim(norms, "filter", share),
            lambda: sum(layer.macs_kept for layer in dead_channels(net, *self.example).values()),
            macs,
        )
        return compact(net, *self.example)

    def finish(self, net: nn.Module) -> nn.Module:
        """Takes BatchNorm's running statistics anew and leaves the network in evaluation mode."""
        images, labels = self.data.train_images[: self.refresh], self.data.train_labels[: self.refresh]
        train = self.scale["train"]
        update_bn(ImageBatches(images, labels, min(500, len(labels)), mean=train.mean, std=train.std), net)
        return net.eval()

    def quality(self, net: nn.Module, part: str) -> float:
        """Accuracy in percent on "validation" or "test"."""
        return 100 * accuracy(net, self.scale[part])

    def samples(self, net: nn.Module, count: int) -> tuple[torch.Tensor]:
        """The first validation images, [count, channels, height, width], as the network takes them."""
        batches = [images for images, _ in islice(self.scale["validation"], -(-count // 500))]
        return (torch.cat(batches)[:count],)

    def macs(self, net: nn.Module) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(net, *self.example)

    @torch.no_grad()
    def restarted(self, net: nn.Module) -> nn.Module:
        """Draws all weights anew, in place, as in a network that has not been trained."""
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            elif isinstance(module, nn.Linear | nn.BatchNorm2d):
                module.reset_parameters()
        return net.train()


def _norms(net: nn.Module) -> list[nn.Module]:
    return [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]

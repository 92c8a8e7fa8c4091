"""The two settings that the chapters start from: a ConvNet on CIFAR-10 and an LSTM on Penn Treebank.

One place for them, so that a quick cell, a reference run and a control train in the same way.
"""

import torch
from torch import nn

from effdl_lite.batches import ImageBatches, TextBatches
from effdl_lite.data import ImageData, TextData
from effdl_lite.training import (
    History,
    accuracy,
    constant_then_linear,
    fit,
    language_model_loss,
    perplexity,
    warmup_then_linear,
)


def image_batches(data: ImageData, batch_size: int = 128, seed: int = 0) -> dict[str, ImageBatches]:
    """Batches named "train" (shuffled, augmented), "validation" and "test", all on the training images' scale."""
    train = ImageBatches(data.train_images, data.train_labels, batch_size, augment=True, shuffle=True, seed=seed)
    scale = {"mean": train.mean, "std": train.std}
    return {
        "train": train,
        "validation": ImageBatches(
            data.validation_images, data.validation_labels, min(500, len(data.validation_labels)), **scale
        ),
        "test": ImageBatches(data.test_images, data.test_labels, min(500, len(data.test_labels)), **scale),
    }


def sgd(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.SGD:
    """SGD with Nesterov momentum 0.9; weight decay on matrices and filters only, not on biases and BatchNorm."""
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=learning_rate, momentum=0.9, nesterov=True)


def train_image_classifier(
    model: nn.Module,
    data: ImageData,
    epochs: int,
    *,
    learning_rate: float = 0.2,
    weight_decay: float = 2e-3,
    batch_size: int = 128,
    seed: int = 0,
    **options,
) -> History:
    """Trains a classifier with the course's CIFAR-10 recipe; each epoch's record holds `validation` accuracy.

    SGD with Nesterov momentum, the learning rate warmed up over a tenth of the steps and then falling to 0 in a line,
    images flipped and shifted by up to two pixels. Rate and decay were chosen on validation images for the ConvNet
    with BatchNorm. `options` go to `fit`: methods, shards, bf16, progress and so on.
    """
    batches = image_batches(data, batch_size, seed)
    return fit(
        model,
        batches["train"],
        sgd(model, learning_rate, weight_decay),
        epochs,
        schedule=warmup_then_linear(0.1),
        evaluate=lambda model: {"validation": accuracy(model, batches["validation"])},
        seed=seed,
        **options,
    )


def train_language_model(
    model: nn.Module,
    data: TextData,
    epochs: int,
    *,
    learning_rate: float = 20.0,
    clip_norm: float = 0.25,
    streams: int = 20,
    steps: int = 35,
    seed: int = 0,
    **options,
) -> History:
    """Trains a language model with the course's Penn Treebank recipe; each record holds `validation` perplexity.

    Plain SGD on the mean loss a word, with a large rate and a small clip: half of the training at the full rate, then
    in a line to 0. State is carried over the batches of an epoch. `options` go to `fit`.
    """
    validation = TextBatches(data.validation, 10, steps)
    return fit(
        model,
        TextBatches(data.train, streams, steps),
        torch.optim.SGD(model.parameters(), lr=learning_rate),
        epochs,
        loss_of=language_model_loss,
        schedule=constant_then_linear(0.02, 0.5),
        clip_norm=clip_norm,
        evaluate=lambda model: {"validation": perplexity(model, validation)},
        seed=seed,
        **options,
    )

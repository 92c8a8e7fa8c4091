"""Batches from tensors in memory: images with augmentation, and text cut into parallel streams.

No worker processes: indexing a tensor is far faster than training on it, and runs the same on every system.
"""

from collections.abc import Iterator

import torch
from torch import Tensor


class ImageBatches:
    """Batches (images, labels) of uint8 images, standardised to mean 0 and deviation 1 a channel.

    Args:
        images: uint8 [N, channels, height, width], best in channels_last memory.
        labels: int64 [N].
        batch_size: examples a batch.
        mean, std: of each channel, on the scale 0 to 1; None takes them from `images`. For validation and test
            batches pass those of the training batches.
        augment: flip half of the images and shift each by up to `shift` pixels, edges reflected, anew every epoch.
        shuffle: new order every epoch; the last, incomplete batch is then left out, so that all steps are equal.
        shift: in pixels.
        seed: of order, flips and shifts.

    Raises:
        ValueError: if images and labels differ in number, the dtype is another, or the batch is larger than the data.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch_size: int,
        *,
        mean: Tensor | None = None,
        std: Tensor | None = None,
        augment: bool = False,
        shuffle: bool = False,
        shift: int = 2,
        seed: int = 0,
    ):
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} labels; give one label an image")
        if images.dtype != torch.uint8:
            raise ValueError(f"images are {images.dtype}; give uint8 values from 0 to 255")
        if not 0 <= shift < min(images.shape[2:]):
            raise ValueError(f"shift {shift} is not in 0..{min(images.shape[2:]) - 1}, below the size of an image")
        if not 1 <= batch_size <= len(images):
            raise ValueError(f"batch size {batch_size} is not in 1..{len(images)}, the number of images")
        self.images = images.permute(0, 2, 3, 1)  # rows of pixels are then whole in memory
        self.labels = labels
        self.batch_size = batch_size
        self.augment = augment
        self.shuffle = shuffle
        self.shift = shift
        self.generator = torch.Generator().manual_seed(seed)
        if mean is None or std is None:
            mean, std = channel_statistics(images)
        self.mean, self.std = mean, std

    def __len__(self) -> int:
        count = len(self.labels)
        return count // self.batch_size if self.shuffle else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.labels)
        order = torch.randperm(count, generator=self.generator) if self.shuffle else torch.arange(count)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            chosen = order[start : start + self.batch_size]
            pixels = self._augmented(chosen) if self.augment else self.images[chosen]
            images = ((pixels / 255 - self.mean) / self.std).permute(0, 3, 1, 2)
            yield images, self.labels[chosen]

    def _augmented(self, chosen: Tensor) -> Tensor:
        height, width = self.images.shape[1:3]
        rows = self._shifted(len(chosen), height)
        columns = self._shifted(len(chosen), width)
        flip = torch.rand(len(chosen), generator=self.generator) < 0.5
        columns[flip] = columns[flip].flip(1)
        return self.images[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]

    def _shifted(self, count: int, size: int) -> Tensor:
        """For each image the source index of each pixel: shifted by up to `shift`, reflected at the edges."""
        offset = torch.randint(-self.shift, self.shift + 1, (count, 1), generator=self.generator)
        index = (torch.arange(size) + offset).abs()
        return torch.where(index >= size, 2 * (size - 1) - index, index)


def channel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel of uint8 images [N, channels, height, width], on the scale 0 to 1."""
    counts = [torch.bincount(images[:, c].flatten(), minlength=256).double() for c in range(images.shape[1])]
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = torch.stack([(count * values).sum() / count.sum() for count in counts])
    square = torch.stack([(count * values.square()).sum() / count.sum() for count in counts])
    std = (square - mean.square()).clamp(min=1e-12).sqrt()
    return mean.float(), std.float()


class TextBatches:
    """Batches (words, next words), both [streams, steps], of one long text.

    The text is cut into `streams` equal parts that are read side by side, so that the state after one batch is the
    right start for the next. The rest of the text that does not fill all streams is left out: fewer than `streams`
    words. The last batch may have fewer steps.

    Args:
        tokens: int64 [N].
        streams: rows of a batch.
        steps: time steps a batch.

    Raises:
        ValueError: if the text is too short to give each stream two words.
    """

    def __init__(self, tokens: Tensor, streams: int, steps: int):
        length = len(tokens) // streams if streams > 0 else 0
        if length < 2 or steps < 1:
            raise ValueError(
                f"{len(tokens)} tokens in {streams} streams of {steps} steps: give each stream at least 2 tokens "
                "and each batch at least 1 step"
            )
        self.streams = tokens[: length * streams].view(streams, length)
        self.steps = steps

    def __len__(self) -> int:
        return -(-(self.streams.shape[1] - 1) // self.steps)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        last = self.streams.shape[1] - 1
        for start in range(0, last, self.steps):
            end = min(start + self.steps, last)
            yield self.streams[:, start:end], self.streams[:, start + 1 : end + 1]

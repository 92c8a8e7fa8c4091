"""CIFAR-10, or its stand-in, as tensors with the splits of the course."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from effdl_lite.data import manifest, official, pack, registry, standin_images
from effdl_lite.data.errors import DataError
from effdl_lite.data.obtain import obtain, warn_stand_in
from effdl_lite.data.source import Source

# torch is imported when data are loaded: `effdl data` and `effdl doctor` answer at once, and also where it is missing.
if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images uint8 [N, 3, 32, 32] in channels_last memory, labels int64 [N] with values 0..9.

    Args:
        train_images, train_labels: to learn from.
        validation_images, validation_labels: 2,000 images, on which every choice is made.
        test_images, test_labels: read once for each setting that was chosen.
        class_names: of the ten labels.
        source: which data these are.
    """

    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    class_names: tuple[str, ...]
    source: Source


def load_cifar10(train_images: int | None = None, folder: Path | None = None) -> ImageData:
    """CIFAR-10 from a pack, else from the official server, else a synthetic stand-in, with a `StandInWarning`.

    The last 2,000 training images of the file are the validation set, whatever `train_images` is; the training part is
    what stands before them. Nothing is shuffled here: the official files are in random order, and a pack was shuffled
    when it was made, so the first n images are a random sample.

    Args:
        train_images: take the first n of the training part; all of it if not given.
        folder: of the data; ``EFFDL_DATA`` or the cache folder of the user if not given.

    Raises:
        DataError: if `train_images` is out of range, the pack is damaged, the folder cannot be written, the disk is
            full, or the official server sent wrong bytes.
    """
    folder, reason = obtain(registry.CIFAR10, folder, official.fetch_cifar10)
    if reason is not None:
        return _stand_in(train_images, reason)
    (name,) = registry.CIFAR10.pack_files
    arrays = pack.read_arrays(folder / name)
    return _split(
        arrays,
        train_images,
        registry.CLASS_NAMES,
        lambda detail: Source(registry.CIFAR10.name, manifest.origin_of(folder, name), detail, files=(folder / name,)),
    )


def _split(arrays: pack.Arrays, train_images: int | None, class_names: tuple[str, ...], source_of) -> ImageData:
    import torch

    def images(part: str) -> Tensor:
        # [N, 32, 32, 3] in memory, seen as [N, 3, 32, 32], is what torch calls channels_last: nothing is copied.
        return torch.from_numpy(arrays[f"{part}_images"]).permute(0, 3, 1, 2)

    def labels(part: str) -> Tensor:
        return torch.from_numpy(arrays[f"{part}_labels"].astype("int64"))

    border = len(arrays["train_images"]) - pack.VALIDATION_IMAGES
    count = check_count(train_images, border)
    part = f"{count:,} training images" if count == border else f"{count:,} of {border:,} training images"
    return ImageData(
        train_images=images("train")[:count],
        train_labels=labels("train")[:count],
        validation_images=images("train")[border:],
        validation_labels=labels("train")[border:],
        test_images=images("test"),
        test_labels=labels("test"),
        class_names=class_names,
        source=source_of(part),
    )


def check_count(train_images: int | None, available: int) -> int:
    """How many training images to take: `train_images`, or all.

    Raises:
        DataError: if `train_images` is not in 1..available.
    """
    if train_images is None:
        return available
    if not 1 <= train_images <= available:
        remedy = "" if available >= 48_000 else ", or get all 48,000 with `effdl data fetch --force`"
        raise DataError(
            f"train_images is {train_images:,}, the training part has {available:,}; choose 1..{available}{remedy}"
        )
    return train_images


def _stand_in(train_images: int | None, reason: str) -> ImageData:
    most = pack.LIMITS["train"] - pack.VALIDATION_IMAGES
    count = standin_images.TRAIN_IMAGES if train_images is None else check_count(train_images, most)
    warn_stand_in(registry.CIFAR10, reason)
    arrays = standin_images.generate(max(count, standin_images.TRAIN_IMAGES))
    return _split(
        arrays,
        count,
        standin_images.CLASS_NAMES,
        lambda detail: Source(registry.CIFAR10.name, "stand-in", f"{detail}; {reason}", recipe=standin_images.RECIPE),
    )

"""Handwritten digits for LeNet: MNIST where it lies in the data folder, else the small set that scikit-learn ships."""

from pathlib import Path

from effdl_lite.data.errors import DataError
from effdl_lite.data.files import data_folder
from effdl_lite.data.images import ImageData
from effdl_lite.data.source import Source

MNIST_VALIDATION = 2_000
# Of scikit-learn's 1,797 digits, in an order of our own: the first are the training part, the last the test part.
SKLEARN_PARTS = (1_197, 200, 400)


def load_digits(folder: Path | None = None) -> ImageData:
    """Images uint8 [N, 1, 28, 28] and labels of the ten digits.

    MNIST is read where torchvision left it (`MNIST/raw` in the data folder); its last 2,000 training images are the
    validation set. The course does not download it. Else come the digits that scikit-learn installs: 1,797 real
    images of 8 x 8 pixels, here enlarged to 28 x 28, 1,197 of them for training, 200 for validation, 400 for the test.

    Args:
        folder: of the data; ``EFFDL_DATA`` or the cache folder of the user if not given.

    Raises:
        DataError: if there is a folder for MNIST that does not hold all of it.
    """
    raw = (folder or data_folder()) / "MNIST" / "raw"
    return _mnist(raw) if raw.is_dir() else _sklearn()


def _mnist(raw: Path) -> ImageData:
    from torchvision.datasets import MNIST

    try:
        parts = [MNIST(raw.parent.parent, train=train, download=False) for train in (True, False)]
    except (RuntimeError, OSError, ValueError) as error:
        raise DataError(
            f"{raw} does not hold all of MNIST; put its four files there, or remove the folder to use the digits of "
            f"scikit-learn ({str(error).splitlines()[0]})"
        ) from error
    (images, labels), (test_images, test_labels) = ((part.data[:, None], part.targets) for part in parts)
    border = len(images) - MNIST_VALIDATION
    files = tuple(sorted(path for path in raw.iterdir() if path.suffix != ".gz"))
    return ImageData(
        images[:border],
        labels[:border],
        images[border:],
        labels[border:],
        test_images,
        test_labels,
        tuple("0123456789"),
        Source("MNIST", "pack", f"{border:,} training images", files=files),
    )


def _sklearn() -> ImageData:
    import torch
    from sklearn import datasets
    from torch.nn import functional as F

    found = datasets.load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(0))
    small = torch.from_numpy(found.images).float()[order, None] * (255 / 16)  # sixteen grey levels
    images = F.interpolate(small, size=(28, 28), mode="bilinear").round().to(torch.uint8)
    labels = torch.from_numpy(found.target).long()[order]
    pieces = zip(images.split(SKLEARN_PARTS), labels.split(SKLEARN_PARTS), strict=True)
    return ImageData(
        *(tensor for piece in pieces for tensor in piece),
        class_names=tuple("0123456789"),
        source=Source(
            "scikit-learn's digits",
            "package",
            f"{SKLEARN_PARTS[0]:,} training images of 8 x 8 pixels, enlarged; MNIST is not in the data folder",
            recipe=f"sklearn.datasets.load_digits, seed 0, parts {SKLEARN_PARTS}",
        ),
    )

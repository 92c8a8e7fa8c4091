"""The image file of a pack, ``cifar10.npz``: read with suspicion, written whole."""

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from effdl_lite.data.errors import DataError
from effdl_lite.data.files import flush_to_disk, put_in_place, scratch

IMAGE_SHAPE = (32, 32, 3)
CLASSES = 10
VALIDATION_IMAGES = 2_000
# CIFAR-10 has no more; a file that claims more is another one, or a small file that would fill the memory.
LIMITS = {"train": 50_000, "test": 10_000}

REMEDY = "copy the pack again, or replace it with `effdl data fetch --force`"

# What a damaged file makes numpy and zipfile raise; zipfile compares the sum of each array. EOFError and zlib.error
# come from a compressed array, RuntimeError from an encrypted one, the last two from a header, which is Python code.
DAMAGE = (
    zipfile.BadZipFile,
    ValueError,
    EOFError,
    OSError,
    RuntimeError,
    zlib.error,
    SyntaxError,
    tokenize.TokenError,
)

Arrays = dict[str, np.ndarray]


def read_arrays(path: Path) -> Arrays:
    """The four arrays of a pack.

    Returns:
        ``train_images`` and ``test_images`` uint8 [N, 32, 32, 3], ``train_labels`` and ``test_labels`` uint8 or any
        other integer type [N], values 0..9.

    Raises:
        DataError: if the file is not such a pack: truncated, damaged, an array missing, of another type or shape,
            labels out of range, numbers of images and labels that differ.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_headers(path, archive)
        # No pickles: loading one runs whatever code it names.
        with np.load(path, allow_pickle=False) as pack:
            arrays = {name: pack[name] for name in _names()}
    except DataError:
        raise
    except PermissionError as error:
        raise DataError(
            f"{path} may not be read by this user ({error.strerror}); ask for the right to read it"
        ) from error
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read, it is damaged or cut short ({error}); {REMEDY}") from error
    for part in LIMITS:
        _check_labels(path, part, arrays[f"{part}_labels"])
    return arrays


def _names() -> list[str]:
    return [f"{part}_{what}" for part in LIMITS for what in ("images", "labels")]


def _check_headers(path: Path, archive: zipfile.ZipFile) -> None:
    """Checks types and shapes before any array is read: a header may claim more than the memory of the machine."""
    members = {member.filename: member for member in archive.infolist()}
    shapes = {}
    for name in _names():
        if f"{name}.npy" not in members:
            raise DataError(f"{path} has no array {name!r}; a pack has {', '.join(_names())}; {REMEDY}")
        with archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            size = members[f"{name}.npy"].file_size - file.tell()
        images = name.endswith("images")
        if images and dtype != np.uint8:
            raise DataError(f"{name} in {path} is of type {dtype}; it must be uint8; {REMEDY}")
        if not images and dtype.kind not in "iu":
            raise DataError(f"{name} in {path} is of type {dtype}; it must be an integer type; {REMEDY}")
        if shape[1:] != (IMAGE_SHAPE if images else ()) or not shape:
            expected = "[N, 32, 32, 3]" if images else "[N]"
            raise DataError(f"{name} in {path} has shape {list(shape)}; it must be {expected}; {REMEDY}")
        if size != np.prod(shape, dtype=object) * dtype.itemsize:
            raise DataError(f"{name} in {path} holds {size:,} bytes, too many or too few for its shape; {REMEDY}")
        shapes[name] = shape
    for part, limit in LIMITS.items():
        images, labels = shapes[f"{part}_images"][0], shapes[f"{part}_labels"][0]
        if images != labels:
            raise DataError(f"{path} has {images:,} {part} images and {labels:,} {part} labels; {REMEDY}")
        least = VALIDATION_IMAGES + 1 if part == "train" else 1
        if not least <= images <= limit:
            why = " (the last 2,000 are the validation set)" if part == "train" else ""
            raise DataError(f"{path} has {images:,} {part} images; a pack has {least:,}..{limit:,}{why}; {REMEDY}")


def _check_labels(path: Path, part: str, labels: np.ndarray) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= CLASSES:
        raise DataError(
            f"{part}_labels in {path} run from {low} to {high}; they must lie in 0..{CLASSES - 1}; {REMEDY}"
        )


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Writes a pack file in one step; `path` is replaced only once everything is on the disk.

    The arrays are not compressed: pixels of photographs shrink by less than a tenth, and unpacking them takes ten times
    as long as reading them, in every notebook.
    """
    needed = sum(array.nbytes for array in arrays.values()) + 10_000
    with scratch(path, needed) as temporary:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
            flush_to_disk(file)
        put_in_place(temporary, path)


def count(arrays: Arrays) -> dict[str, int]:
    """How many images of each part there are, for the manifest."""
    return {f"{part}_images": len(arrays[f"{part}_images"]) for part in LIMITS}

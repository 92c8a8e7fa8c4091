"""What `effdl data pack` does: a smaller pack of one's own, to carry to a room without a network."""

import shutil
import tempfile
from pathlib import Path

import numpy as np

from effdl_lite.data import manifest, pack, registry
from effdl_lite.data.errors import DataError
from effdl_lite.data.files import data_folder, flush_to_disk, put_in_place, scratch, sha256_of
from effdl_lite.data.obtain import is_present
from effdl_lite.data.text import read_texts


def make_pack(images: int = 20_000, seed: int = 0, destination: Path | None = None, folder: Path | None = None) -> Path:
    """Draws `images` of the training images, in random order, and writes a pack with them, all test images and PTB.

    Args:
        images: how many training images to take; the last 2,000 of them will be the validation set.
        seed: of the draw.
        destination: a new or empty folder; if not given, ``effdl-pack-<images>`` in the current one. It appears whole
            at the end, or not at all.
        folder: where the whole data are; `data_folder()` if not given.

    Returns:
        The folder.

    Raises:
        DataError: if the data in `folder` are missing or damaged, `images` is out of range, or `destination` is taken
            or cannot be written.
    """
    folder = data_folder() if folder is None else Path(folder)
    destination = Path(f"effdl-pack-{images}") if destination is None else Path(destination)
    (name,) = registry.CIFAR10.pack_files
    if not is_present(registry.CIFAR10, folder):
        raise DataError(
            f"{folder} holds no CIFAR-10 to take images from; run `effdl data fetch`, or set EFFDL_DATA to a pack"
        )
    # Nothing is mixed with what a folder holds already: whoever removes the pack later would remove that as well.
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise DataError(f"{destination} exists already and is not an empty folder; choose a new name")
    with_text = is_present(registry.PTB, folder)
    if with_text:
        read_texts(folder)  # a damaged text must not get a manifest that calls it whole
    arrays = _draw(pack.read_arrays(folder / name), images, seed)
    facts = {"seed": seed, "counts": pack.count(arrays), "drawn_from_sha256": sha256_of(folder / name)}
    parent = destination.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".effdl-pack-") as made:
            whole = Path(made) / "pack"
            pack.write_arrays(whole / name, arrays)
            manifest.add(whole, registry.CIFAR10, (name,), "pack", **facts)
            if with_text:
                _copy_texts(folder, whole)
            if destination.exists():
                destination.rmdir()  # it is empty; not every system renames onto a folder
            whole.rename(destination)
    except OSError as error:
        raise DataError(f"cannot write {destination} ({error.strerror}); choose another destination") from error
    return destination


def _draw(arrays: pack.Arrays, images: int, seed: int) -> pack.Arrays:
    available = len(arrays["train_images"])
    if not pack.VALIDATION_IMAGES < images <= available:
        raise DataError(
            f"images is {images:,}; choose {pack.VALIDATION_IMAGES + 1:,}..{available:,} "
            "(the last 2,000 are the validation set)"
        )
    chosen = np.random.default_rng(seed).permutation(available)[:images]
    return arrays | {name: arrays[name][chosen] for name in ("train_images", "train_labels")}


def _copy_texts(folder: Path, destination: Path) -> None:
    for name in registry.PTB.pack_files:
        with scratch(destination / name, needed=(folder / name).stat().st_size) as path:
            with open(folder / name, "rb") as whole, open(path, "wb") as file:
                shutil.copyfileobj(whole, file)
                flush_to_disk(file)
            put_in_place(path, destination / name)
    manifest.add(destination, registry.PTB, registry.PTB.pack_files, "pack")

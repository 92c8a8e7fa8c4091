"""What `effdl data fetch` does: makes the data folder complete."""

from pathlib import Path

from effdl_lite.data import obtain, official, pack, registry
from effdl_lite.data.download import Patience
from effdl_lite.data.errors import DataError
from effdl_lite.data.files import data_folder, offline
from effdl_lite.data.text import read_texts


def fetch_cifar10(
    folder: Path | None = None, force: bool = False, patience: Patience | None = None, progress: bool = True
) -> bool:
    """Downloads CIFAR-10 into the folder, unless a good pack of it stands there.

    Args:
        folder: `data_folder()` if not given.
        force: replaces what is there, good or damaged.
        patience, progress: see `download`.

    Returns:
        True if it was downloaded, False if it was there.

    Raises:
        DataError: if what is there is damaged and `force` was not given; if ``EFFDL_OFFLINE`` is set; as `download`.
    """
    folder = _folder(folder)
    if not force and obtain.is_present(registry.CIFAR10, folder):
        pack.read_arrays(folder / registry.CIFAR10.pack_files[0])
        return False
    _refuse_offline()
    official.fetch_cifar10(folder, patience, progress)
    return True


def fetch_ptb(
    folder: Path | None = None, force: bool = False, patience: Patience | None = None, progress: bool = True
) -> bool:
    """Downloads Penn Treebank into the folder, unless good files of it stand there; see `fetch_cifar10`."""
    folder = _folder(folder)
    if not force and obtain.is_present(registry.PTB, folder):
        read_texts(folder)
        return False
    _refuse_offline()
    official.fetch_ptb(folder, patience, progress)
    return True


def _folder(folder: Path | None) -> Path:
    return data_folder() if folder is None else Path(folder)


def _refuse_offline() -> None:
    if offline():
        raise DataError("EFFDL_OFFLINE is set, so nothing is downloaded; unset it, or set EFFDL_DATA to a pack")

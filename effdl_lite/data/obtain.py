"""The order of the sources: a pack in the folder, the official download, and only then a stand-in, never silently."""

import warnings
from collections.abc import Callable
from pathlib import Path

from effdl_lite.data import manifest
from effdl_lite.data.download import total_size
from effdl_lite.data.errors import DataError, DownloadError, StandInWarning
from effdl_lite.data.files import data_folder, offline, readable
from effdl_lite.data.registry import DataSet

# A network that did not answer is not asked again by the next loader of the same process: each try costs seconds.
_failed: dict[str, str] = {}
_warned: set[str] = set()


def is_present(dataset: DataSet, folder: Path) -> bool:
    """True if the folder has the files of the data set, False if it has none of them.

    Raises:
        DataError: if it has some but not all, or if `folder` is not a folder; sizes are compared with the manifest.
    """
    with readable(folder):
        if folder.exists() and not folder.is_dir():
            raise DataError(f"the data folder {folder} is a file; set EFFDL_DATA to a folder")
        missing = [name for name in dataset.pack_files if not (folder / name).is_file()]
    if missing and len(missing) < len(dataset.pack_files):
        raise DataError(
            f"{folder} has only a part of {dataset.name}: {', '.join(missing)} is missing; copy the whole pack, or "
            "complete it with `effdl data fetch --force`"
        )
    if missing:
        return False
    for name in dataset.pack_files:
        manifest.check_size(folder, name)
    return True


def obtain(dataset: DataSet, folder: Path | None, fetch: Callable[[Path], None]) -> tuple[Path, str | None]:
    """Makes sure that the files of a data set are in the folder, if that is possible.

    Args:
        dataset: from the registry.
        folder: `data_folder()` if not given.
        fetch: downloads the data set into a folder.

    Returns:
        The folder; and None if the files are there, else the reason why only a stand-in is possible.

    Raises:
        DataError: if what is there is damaged, the folder cannot be written, or the server sent wrong bytes.
    """
    folder = data_folder() if folder is None else Path(folder)
    if is_present(dataset, folder):
        return folder, None
    if offline():
        return folder, f"EFFDL_OFFLINE is set and {folder} holds no pack of it"
    if dataset.name not in _failed:
        try:
            fetch(folder)
            return folder, None
        except DownloadError as error:
            _failed[dataset.name] = str(error)
    return folder, _failed[dataset.name]


def warn_stand_in(dataset: DataSet, reason: str, limits: str = "") -> None:
    """Warns, once a process and data set, that synthetic data are used.

    Args:
        dataset: the one that is missing.
        reason: why.
        limits: what the stand-in cannot give of what was asked for.
    """
    if dataset.name not in _warned:
        _warned.add(dataset.name)
        message = f"a synthetic stand-in is used for {dataset.name}: {reason}. {limits}"
        remedy = "For the real data run `effdl data fetch`, or set EFFDL_DATA to the folder of a pack."
        # Four levels up: this function, the loader's helper, the loader, its caller.
        warnings.warn(f"{message.strip()} {remedy}", StandInWarning, stacklevel=4)


def planned(dataset: DataSet, folder: Path) -> str:
    """Which source a loader would use, in words; nothing is downloaded and nothing is read but the manifest.

    Raises:
        DataError: if what is in the folder cannot be used.
    """
    if is_present(dataset, folder):
        return f"{manifest.origin_of(folder, dataset.pack_files[0])} (in the folder)"
    if offline():
        return "stand-in (EFFDL_OFFLINE is set)"
    return f"official download of {total_size(dataset.remote)}; a stand-in if there is no network"

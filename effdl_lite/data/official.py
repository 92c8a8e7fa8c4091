"""From the official servers to files in the data folder."""

import tarfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from effdl_lite.data import manifest, pack, registry
from effdl_lite.data.download import Patience, download
from effdl_lite.data.errors import DataError
from effdl_lite.data.files import put_in_place, scratch

ARCHIVE_FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
PIXELS = 3 * 32 * 32
# The npz file that is made from the archive: 60,000 records and some headers.
NPZ_BYTES = 60_000 * (PIXELS + 1) + 10_000


def convert_cifar10(archive: Path) -> pack.Arrays:
    """The arrays of a pack from the official binary archive, read once and in one pass.

    A record is one byte, the label, then 1,024 bytes each of red, green and blue.

    Raises:
        DataError: if a file of the archive is missing or is not made of whole records.
    """
    wanted = {f"{ARCHIVE_FOLDER}/{name}": name for name in TRAIN_FILES + TEST_FILES}
    records = {}
    # Members are read by name, never unpacked to the disk: a path in an archive can point anywhere.
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            if member.isfile() and member.name in wanted:
                records[wanted[member.name]] = _records(member.name, members.extractfile(member).read())
    if missing := [name for name in wanted.values() if name not in records]:
        raise DataError(f"the archive of CIFAR-10 has no {', '.join(missing)}; its format must have changed")
    arrays = {}
    for part, names in (("train", TRAIN_FILES), ("test", TEST_FILES)):
        rows = np.concatenate([records[name] for name in names])
        planes = rows[:, 1:].reshape(-1, 3, 32, 32)
        arrays[f"{part}_images"] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        arrays[f"{part}_labels"] = rows[:, 0].copy()
    return arrays


def _records(name: str, content: bytes) -> np.ndarray:
    if not content or len(content) % (1 + PIXELS):
        raise DataError(
            f"{name} has {len(content):,} bytes, not a multiple of {1 + PIXELS:,}; its format must have changed"
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, 1 + PIXELS)


def fetch_cifar10(folder: Path, patience: Patience | None = None, progress: bool = True) -> None:
    """Downloads CIFAR-10 and leaves ``cifar10.npz`` and its entry in the manifest; the archive is not kept.

    Raises:
        DownloadError, ChecksumError: see `download`.
        DataError: if the folder cannot be written or the disk is full.
    """
    (remote,) = registry.CIFAR10.remote
    (name,) = registry.CIFAR10.pack_files
    # The space for both is asked for now, rather than after ten minutes of download.
    with scratch(folder / name, needed=remote.size + NPZ_BYTES) as archive:
        download(remote, archive, patience, progress)
        arrays = convert_cifar10(archive)
    pack.write_arrays(folder / name, arrays)
    facts = {"url": remote.url, "archive_sha256": remote.sha256, "counts": pack.count(arrays)}
    manifest.add(folder, registry.CIFAR10, (name,), "official", **facts)


def fetch_ptb(folder: Path, patience: Patience | None = None, progress: bool = True) -> None:
    """Downloads the three texts of PTB; they get their names only when all three are there and checked.

    Raises:
        as `fetch_cifar10`.
    """
    names, remotes = registry.PTB.pack_files, registry.PTB.remote
    with ExitStack() as stack:
        finished = []
        for name, remote in zip(names, remotes, strict=True):
            path = stack.enter_context(scratch(folder / name, needed=remote.size))
            download(remote, path, patience, progress)
            finished.append(path)
        for path, name in zip(finished, names, strict=True):
            put_in_place(path, folder / name)
    for name, remote in zip(names, remotes, strict=True):
        manifest.add(folder, registry.PTB, (name,), "official", url=remote.url)

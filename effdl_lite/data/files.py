"""Files that are either whole or not there: the data folder, scratch files, and the move that puts one in place."""

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from effdl_lite.data.errors import DataError

PREFIX, SUFFIX = ".effdl-", ".part"
# A download that is alive writes far more often than this: an older scratch file belongs to a process that was killed.
LEFTOVER_AGE_SECONDS = 3600

FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
# mkdir below a path that is a file: ENOTDIR or EEXIST; /proc and some network folders: ENOENT.
UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT}


def data_folder() -> Path:
    """The one place for data: ``EFFDL_DATA``, or the cache folder of the user. It need not exist yet."""
    if chosen := os.environ.get("EFFDL_DATA"):
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("effdl"))


def offline() -> bool:
    """True if ``EFFDL_OFFLINE`` is set (to anything but 0): no download is tried."""
    return os.environ.get("EFFDL_OFFLINE", "0") not in ("", "0")


def megabytes(size: int) -> str:
    """A size in bytes, as people read it."""
    return f"{size / 1e6:,.1f} MB"


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is or would be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def disk_error(error: OSError, folder: Path, needed: int) -> DataError:
    """The one clear line for a full disk or a folder that cannot be written; any other error is raised as it is."""
    choose_folder = "set EFFDL_DATA to another folder, or EFFDL_OFFLINE=1 to go on with the stand-in"
    if error.errno in FULL:
        return DataError(
            f"the disk of {folder} is full: {megabytes(free_bytes(folder))} free, {megabytes(needed)} needed; "
            f"free some space, {choose_folder}"
        )
    if error.errno in UNWRITABLE:
        return DataError(f"cannot write in the folder {folder} ({error.strerror}); {choose_folder}")
    raise error


@contextmanager
def scratch(target: Path, needed: int) -> Iterator[Path]:
    """Gives the name of a file to write beside `target`; whatever happens inside, that file is gone afterwards.

    The file stands in the folder of `target`, so that `put_in_place` only renames it. It is a plain `open` by the
    caller that makes it: a file of the module `tempfile` would be readable by its owner alone, also after the rename.

    Args:
        target: the name that the file is to have in the end.
        needed: bytes that will be written, for the check before and the message after.

    Raises:
        DataError: if the folder cannot be written, or if the disk is or becomes full.
    """
    folder = target.parent
    path = folder / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        path.touch(exist_ok=False)
        if free_bytes(folder) < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield path
    except OSError as error:
        # requests' exceptions are OSErrors as well, without a number: `disk_error` raises them as they are.
        raise disk_error(error, folder, needed) from error
    finally:
        # An unwritable folder has no scratch file, and there even the question may be refused.
        if os.path.lexists(path):
            path.unlink()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns a refusal by the system to look at `path` into one clear line.

    Raises:
        DataError: if the file or a folder above it may not be read.
    """
    try:
        yield
    except PermissionError as error:
        remedy = "change its permissions, or set EFFDL_DATA"
        raise DataError(f"{path} may not be read ({error.strerror}); {remedy}") from error


def flush_to_disk(file) -> None:
    """Asks the operating system to write `file` out, so that a power cut after the rename leaves no empty file."""
    file.flush()
    os.fsync(file.fileno())


def put_in_place(path: Path, target: Path) -> None:
    """Gives a finished scratch file its final name, in one step that no reader can see half-done."""
    os.replace(path, target)


def remove_leftovers(folder: Path) -> None:
    """Removes scratch files of processes that were killed."""
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        try:
            if time.time() - path.stat().st_mtime > LEFTOVER_AGE_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # another process finished or removed it between the listing and now


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal; computed once a process as long as its size and date stay the same."""
    with readable(path):
        status = path.stat()
        return _sha256_of(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256_of(path: str, size: int, date: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

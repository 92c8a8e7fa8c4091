"""The files in a folder, a zip archive or a tar archive, one after another. Nothing is ever written under their names.

Only regular files are read, each up to a limit; a link, a device, an encrypted member or a path that leads outside is
named with the reason.
"""

import gzip
import io
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from grading.limits import MIB
from grading.submitted import Refused

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
MOST_ENTRIES = 100_000
MOST_UNPACKED = 4096 * MIB  # of a compressed tar archive, read through from its beginning
DRIVE = re.compile(r"[A-Za-z]:")
ENTRY_OF_ZIP = b"PK\x01\x02"
DAMAGED = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile)
DAMAGED += (tarfile.TarError, OverflowError, UnicodeError)


@dataclass(frozen=True)
class Entry:
    """A file, or something that should be one.

    Attributes:
        parts: its path, folder by folder.
        fault: why it is not read; empty for a regular file.
        time: when it was last changed, ISO 8601; a zip archive knows no zone, and a folder or a tar archive UTC.
        read: its content; Refused where it is longer than a number of bytes. Works until the next entry is asked for.
    """

    parts: tuple[str, ...]
    fault: str = ""
    time: str = ""
    read: Callable[[int], bytes] = lambda most: b""


@dataclass(frozen=True)
class Most:
    """How much is read of an archive: its entries, and its bytes when unpacked."""

    entries: int = MOST_ENTRIES
    unpacked: int = MOST_UNPACKED


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def entries(source: Path, most: Most = Most()) -> Iterator[Entry]:
    """What a folder or an archive holds, in its order (Refused)."""
    if source.is_dir():
        yield from _of_folder(source, most)
        return
    if not is_archive(source.name):
        raise Refused(f"{source.name} is neither a folder nor an archive ({', '.join(ARCHIVES)})")
    try:
        with source.open("rb") as file:
            yield from (_of_zip if source.name.lower().endswith(".zip") else _of_tar)(file, most)
    except DAMAGED as error:
        raise Refused(f"the archive {source.name} is damaged: {type(error).__name__}: {error}"[:200]) from error


def _of_folder(folder: Path, most: Most) -> Iterator[Entry]:
    number = 0
    for place, folders, files in os.walk(folder):
        folders.sort()
        inside = Path(place).relative_to(folder).parts
        for name in sorted(files) + [name for name in folders if os.path.islink(os.path.join(place, name))]:
            number += 1
            _count(number, most)
            path = os.path.join(place, name)
            found = os.lstat(path)
            mode = found.st_mode
            fault = "" if stat.S_ISREG(mode) else "a link" if stat.S_ISLNK(mode) else "no regular file"
            yield Entry((*inside, name), fault, _utc(found.st_mtime), lambda most, path=path: _file(path, most))


def _file(path: str, most: int) -> bytes:
    """A regular file's content, also where somebody puts something else there in the meantime."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused("no regular file")
        return _capped(file, most)


def _of_zip(file: BinaryIO, most: Most) -> Iterator[Entry]:
    _count(_occurrences(file, ENTRY_OF_ZIP), most)  # before zipfile makes an object of each
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            parts, fault = _parts(member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                fault = "a link" if kind == stat.S_IFLNK else "no regular file"
            elif member.flag_bits & 1:
                fault = "encrypted"
            elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                fault = "compressed in an unusual way"
            yield Entry(
                parts, fault, _local(member.date_time), lambda most, member=member: _member(archive, member, most)
            )


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    try:
        with archive.open(member) as file:
            return _capped(file, most)
    except DAMAGED as error:
        raise Refused(f"damaged in its archive: {type(error).__name__}: {error}"[:200]) from error


def _of_tar(file: BinaryIO, most: Most) -> Iterator[Entry]:
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream = _Limited(gzip.GzipFile(fileobj=file) if packed else file, most.unpacked)
    with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
        for number, member in enumerate(archive, 1):
            _count(number, most)
            archive.members.clear()  # tarfile keeps what it has passed
            if member.isdir():
                continue
            parts, fault = _parts(member.name)
            if not member.isreg():
                fault = "a link" if member.issym() or member.islnk() else "no regular file"
            time = _utc(member.mtime)
            yield Entry(parts, fault, time, lambda most, member=member: _capped(archive.extractfile(member), most))


class _Limited(io.RawIOBase):
    """A stream that refuses to become longer than a number of bytes."""

    def __init__(self, stream: BinaryIO, most: int):
        self._stream, self._left, self._most = stream, most, most

    def read(self, number: int = -1) -> bytes:
        taken = self._stream.read(number if number >= 0 else self._left + 1)
        self._left -= len(taken)
        if self._left < 0:
            raise Refused(f"the archive holds more than {self._most // MIB} MiB when it is unpacked")
        return taken


def _utc(seconds: float) -> str:
    """A time in whole seconds; empty where it is none."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _local(written: tuple[int, ...]) -> str:
    """A time as a zip archive writes it; empty where it is none."""
    try:
        return datetime(*written).isoformat()
    except ValueError:
        return ""


def _parts(name: str) -> tuple[tuple[str, ...], str]:
    """The folders of a path and its name; a fault where it leads outside."""
    name = name.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    outside = name.startswith("/") or ".." in parts or DRIVE.match(name) or "\0" in name
    return (tuple(part for part in parts if part != "..") or ("nameless",)), "its path leads outside" if outside else ""


def _capped(file: BinaryIO, most: int) -> bytes:
    content = file.read(most + 1)
    if len(content) > most:
        raise Refused(f"larger than {most // MIB} MiB")
    return content


def _count(number: int, most: Most) -> None:
    if number > most.entries:
        raise Refused(f"more than {most.entries:,} files")


def _occurrences(file: BinaryIO, sign: bytes) -> int:
    """How often a sign stands in a file, read piece by piece."""
    count, tail = 0, b""
    while piece := file.read(MIB):
        count += (tail + piece).count(sign)
        tail = piece[-len(sign) + 1 :]
    file.seek(0)
    return count

"""One download: bounded in silence and size, tried again where that can help, and checked before anyone may use it."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from effdl_lite.data.errors import ChecksumError, DownloadError
from effdl_lite.data.files import flush_to_disk, megabytes
from effdl_lite.data.registry import RemoteFile

CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to ask.

    Args:
        connect: seconds until a server must accept; short, as a network that swallows packets never answers.
        read: seconds that a server may be silent in the middle of a file.
        attempts: how often a file is asked for in all. A server that cannot be reached, or that answers with an
            error of the 4xx kind, is asked once: the answer would be the same.
        pause: seconds between two attempts.
    """

    connect: float = 5.0
    read: float = 30.0
    attempts: int = 3
    pause: float = 1.0


PATIENCE = Patience()


class _Checked:
    """A file that counts and hashes what is written to it, and refuses to grow past the size that is expected."""

    def __init__(self, file, remote: RemoteFile):
        self.file, self.remote = file, remote
        self.size, self.hash = 0, hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self.remote.size:
            raise ChecksumError(
                _wrong_bytes(self.remote, f"more than the {self.remote.size:,} bytes that it should have")
            )
        self.hash.update(chunk)
        self.file.write(chunk)

    def flush(self) -> None:
        """Does nothing: pooch calls it after every chunk; the file is flushed once, at the end."""

    def finish(self) -> None:
        if self.hash.hexdigest() != self.remote.sha256:
            raise ChecksumError(
                _wrong_bytes(
                    self.remote,
                    f"{self.size:,} bytes with sha256 {self.hash.hexdigest()[:16]}..., "
                    f"expected {self.remote.size:,} bytes with {self.remote.sha256[:16]}...",
                )
            )
        flush_to_disk(self.file)


def _wrong_bytes(remote: RemoteFile, what: str) -> str:
    return (
        f"{remote.url} sent the wrong file: {what}; nothing was kept. Try another network (the login page of a "
        "wireless network looks like this), or set EFFDL_DATA to a pack"
    )


def download(remote: RemoteFile, path: Path, patience: Patience | None = None, progress: bool = True) -> None:
    """Writes an official file to `path`, a scratch file of the caller, and checks its sha256.

    Args:
        remote: what to get.
        path: overwritten; on an error its content is of no use, and the caller removes it.
        patience: timeouts and attempts; `PATIENCE` if not given.
        progress: shows a bar on the standard error stream, or in the notebook.

    Raises:
        DownloadError: if the server cannot be reached, refuses, stalls or cuts the connection, each time it was asked.
        ChecksumError: if the bytes that came are not the expected ones, each time they were asked for.
    """
    import requests

    patience = patience or PATIENCE
    for attempt in range(1, patience.attempts + 1):
        try:
            return _attempt(remote, path, patience, progress)
        except (requests.exceptions.RequestException, ChecksumError) as error:
            if attempt < patience.attempts and _may_pass(error):
                time.sleep(patience.pause)
                continue
            if isinstance(error, ChecksumError):
                raise
            raise DownloadError(f"{remote.url} could not be downloaded: {_reason(error, patience)}") from error
    raise ValueError(f"attempts is {patience.attempts}; it must be at least 1")


def _attempt(remote: RemoteFile, path: Path, patience: Patience, progress: bool) -> None:
    import pooch
    from tqdm.auto import tqdm

    name = remote.url.rsplit("/", 1)[-1]
    hidden = not progress or "TQDM_DISABLE" in os.environ  # which tqdm itself does not read in a notebook
    with (
        open(path, "wb") as file,
        tqdm(total=remote.size, desc=name, unit="B", unit_scale=True, leave=False, disable=hidden) as bar,
    ):
        checked = _Checked(file, remote)
        get = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=CHUNK_BYTES,
            timeout=(patience.connect, patience.read),
            # Otherwise requests would unpack what a server compresses on the way, and the bar would count other bytes.
            headers={"Accept-Encoding": "identity"},
        )
        get(remote.url, checked, None)
        checked.finish()


def _cannot_be_reached(error: Exception) -> bool:
    import requests
    import urllib3

    # requests calls both "no such server" and "the server hung up" ConnectionError; only the first one, an unsuccessful
    # connection, wraps a MaxRetryError of urllib3.
    return isinstance(error, requests.exceptions.ConnectTimeout) or (
        isinstance(error, requests.exceptions.ConnectionError)
        and bool(error.args)
        and isinstance(error.args[0], urllib3.exceptions.MaxRetryError)
    )


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return None if response is None else response.status_code


def _may_pass(error: Exception) -> bool:
    """Whether asking again can help."""
    status = _status(error)
    busy = status in (408, 429)  # request timeout, too many requests: the two of this kind that pass
    return busy or (not _cannot_be_reached(error) and not (status is not None and 400 <= status < 500))


def _reason(error: Exception, patience: Patience) -> str:
    """One short line; the whole chain of exceptions stays in the traceback."""
    import requests

    if (status := _status(error)) is not None:
        return f"the server answered {status} {error.response.reason}"
    if isinstance(error, requests.exceptions.SSLError):
        return "the connection is not secure (its certificate was refused)"
    if _cannot_be_reached(error):
        return f"the server cannot be reached (no network, or no answer in {patience.connect:g} s)"
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error):
        return f"the server was silent for {patience.read:g} s, {patience.attempts} times"
    return f"the connection was cut, {patience.attempts} times ({type(error).__name__})"


def total_size(remotes: tuple[RemoteFile, ...]) -> str:
    """The size of a download, as people read it."""
    return megabytes(sum(remote.size for remote in remotes))

"""A download is whole or not there, whatever the server and the disk do."""

import errno
import io
import os
import socket
import subprocess
import sys
import threading
import time

import local_server
import numpy as np
import pooch
import pytest
from local_server import TWICE, LocalServer

from effdl_lite.data import download as download_module
from effdl_lite.data import fetch_ptb, files, official, pack, registry
from effdl_lite.data.download import Patience, download
from effdl_lite.data.errors import ChecksumError, DataError, DownloadError
from effdl_lite.data.registry import DataSet, RemoteFile

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("EFFDL_OFFLINE")
    running = LocalServer()
    yield running
    running.close()


def get(remote, target, patience=TWICE):
    """As the package does it: into a scratch file, and in place once it is checked."""
    with files.scratch(target, needed=remote.size) as path:
        download(remote, path, patience, progress=False)
        files.put_in_place(path, target)


def everything_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_good_file_is_put_in_place_and_nothing_else_is_left(server, tmp_path):
    get(server.remote("/good", CONTENT), tmp_path / "new" / "good")
    assert (tmp_path / "new" / "good").read_bytes() == CONTENT
    assert everything_in(tmp_path) == ["new/good"]


@pytest.mark.parametrize(
    ("answer", "error", "message", "asked"),
    [
        (local_server.cut(CONTENT), DownloadError, "the connection was cut, 2 times", 2),
        (local_server.status(404), DownloadError, "the server answered 404", 1),
        (local_server.status(503), DownloadError, "the server answered 503", 2),
        (local_server.status(429), DownloadError, "the server answered 429", 2),
        (local_server.one_wrong_byte(CONTENT), ChecksumError, "sent the wrong file", 2),
        (local_server.whole(CONTENT[:-1]), ChecksumError, "299,999 bytes", 2),
        (local_server.whole(CONTENT + b"!"), ChecksumError, "more than the 300,000 bytes", 2),
        (local_server.whole(b""), ChecksumError, "0 bytes", 2),
    ],
    ids=["cut", "404", "503", "429", "one wrong byte", "short", "long", "empty"],
)
def test_a_bad_answer_is_told_and_leaves_nothing_behind(server, tmp_path, answer, error, message, asked):
    remote = server.remote("/bad", CONTENT, answer)
    with pytest.raises(error, match=message) as caught:
        get(remote, tmp_path / "file")
    assert "\n" not in str(caught.value)
    assert everything_in(tmp_path) == []
    assert server.asked["/bad"] == asked


def test_a_stalled_server_ends_by_the_read_timeout(server, tmp_path):
    remote = server.remote("/stall", CONTENT, server.stall(CONTENT))
    with pytest.raises(DownloadError, match=r"silent for 0\.3 s, 2 times"):
        get(remote, tmp_path / "file", Patience(connect=30.0, read=0.3, attempts=2, pause=0.0))
    assert everything_in(tmp_path) == []


def test_both_timeouts_reach_the_client(server, tmp_path, monkeypatch):
    seen = []

    class Spy(pooch.HTTPDownloader):
        def __init__(self, **options):
            seen.append(options["timeout"])
            super().__init__(**options)

    monkeypatch.setattr(pooch, "HTTPDownloader", Spy)
    get(server.remote("/file", CONTENT), tmp_path / "file", Patience(connect=11.0, read=22.0))
    assert seen == [(11.0, 22.0)]


def test_a_port_where_nobody_listens_is_asked_once(tmp_path):
    gone = LocalServer()
    remote = gone.remote("/file", CONTENT)
    gone.close()
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        get(remote, tmp_path / "file", Patience(connect=1.0, read=1.0, attempts=50, pause=10.0))
    assert "\n" not in str(caught.value)
    assert everything_in(tmp_path) == []


def test_a_name_that_does_not_exist_cannot_be_reached(tmp_path, monkeypatch):
    def no_such_name(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    remote = RemoteFile("http://no-such-host.invalid/file", "0" * 64, 10)
    with pytest.raises(DownloadError, match="cannot be reached"):
        get(remote, tmp_path / "file")


@pytest.mark.parametrize(
    "first", [local_server.cut(CONTENT), local_server.one_wrong_byte(CONTENT)], ids=["cut", "wrong"]
)
def test_a_second_attempt_can_succeed(server, tmp_path, first):
    get(server.remote("/flaky", CONTENT, local_server.in_turn(first, local_server.whole(CONTENT))), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert everything_in(tmp_path) == ["file"]


def test_the_final_name_does_not_exist_while_the_bytes_come_in(server, tmp_path):
    seen = []

    def answer(handler):
        local_server.send_head(handler, len(CONTENT))
        handler.wfile.write(CONTENT[:200_000])
        handler.wfile.flush()
        seen.append((tmp_path / "file").exists())
        handler.wfile.write(CONTENT[200_000:])

    get(server.remote("/slow", CONTENT, answer), tmp_path / "file")
    assert seen == [False]


def test_a_failed_download_leaves_an_older_good_file_as_it_was(server, tmp_path):
    (tmp_path / "file").write_bytes(b"older and good")
    with pytest.raises(ChecksumError):
        get(server.remote("/bad", CONTENT, local_server.one_wrong_byte(CONTENT)), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"older and good"
    assert everything_in(tmp_path) == ["file"]


def tiny_ptb(server, answers=()) -> DataSet:
    answers = dict(answers)
    remotes = tuple(
        server.remote(f"/ptb.{part}.txt", text, answers.get(part)) for part, text in local_server.TINY_PTB.items()
    )
    return DataSet(registry.PTB.name, registry.PTB.pack_files, remotes, "a licence", "a citation")


def test_the_three_texts_appear_together_or_not_at_all(server, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "PTB", tiny_ptb(server, {"test": local_server.status(404)}))
    with pytest.raises(DownloadError, match=r"ptb\.test\.txt"):
        fetch_ptb(tmp_path, patience=TWICE, progress=False)
    assert everything_in(tmp_path) == []
    monkeypatch.setattr(registry, "PTB", tiny_ptb(server))
    assert fetch_ptb(tmp_path, patience=TWICE, progress=False)
    assert everything_in(tmp_path) == ["manifest.json", *sorted(registry.PTB.pack_files)]
    assert not fetch_ptb(tmp_path, patience=TWICE, progress=False), "the second time everything is there"


def test_two_downloads_of_one_file_at_once_leave_one_whole_file(server, tmp_path):
    together = threading.Barrier(2, timeout=30)

    def answer(handler):
        together.wait()
        local_server.whole(CONTENT)(handler)

    remote = server.remote("/file", CONTENT, answer)
    patient = Patience(connect=30, read=30, attempts=1)
    threads = [threading.Thread(target=get, args=(remote, tmp_path / "file", patient)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert everything_in(tmp_path) == ["file"]


def test_a_keyboard_interrupt_leaves_nothing_behind(tmp_path):
    def interrupted():
        with files.scratch(tmp_path / "file", needed=10) as path:
            path.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert everything_in(tmp_path) == []


def test_scratch_files_of_killed_processes_are_removed_and_those_of_living_ones_kept(tmp_path):
    old, fresh = tmp_path / ".effdl-1-aa.part", tmp_path / ".effdl-2-bb.part"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * files.LEFTOVER_AGE_SECONDS,) * 2)
    with files.scratch(tmp_path / "file", needed=1):
        pass
    assert everything_in(tmp_path) == [fresh.name]


class FullDisk:
    """A file on a disk that is full after some bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, chunk):
        self.room -= len(chunk)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(chunk)

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()


def open_on_a_full_disk(path, mode):
    assert mode == "wb"
    return FullDisk(io.FileIO(path, mode), room=100_000)


def test_a_disk_that_fills_up_during_a_download_is_one_clear_line(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "open", open_on_a_full_disk, raising=False)
    with pytest.raises(DataError, match=r"is full: [\d,.]+ MB free, 0\.3 MB needed; .*EFFDL_DATA") as caught:
        get(server.remote("/file", CONTENT), tmp_path / "file")
    assert str(tmp_path) in str(caught.value)
    assert everything_in(tmp_path) == []
    assert server.asked["/file"] == 1, "another attempt would fill the disk again"


def test_a_disk_that_is_too_small_is_told_before_the_server_is_asked(server, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "free_bytes", lambda folder: 1_000_000)
    cifar = DataSet("CIFAR-10", ("cifar10.npz",), (server.remote("/cifar", CONTENT),), "a licence", "a citation")
    monkeypatch.setattr(registry, "CIFAR10", cifar)
    with pytest.raises(DataError, match=r"1\.0 MB free, 184\.\d MB needed"):
        official.fetch_cifar10(tmp_path, TWICE, progress=False)
    assert server.asked["/cifar"] == 0
    assert everything_in(tmp_path) == []


def arrays_of(images):
    return {
        "train_images": np.zeros((images, 32, 32, 3), np.uint8),
        "train_labels": np.zeros(images, np.uint8),
        "test_images": np.zeros((1, 32, 32, 3), np.uint8),
        "test_labels": np.zeros(1, np.uint8),
    }


def test_a_disk_that_fills_up_while_the_arrays_are_written_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "open", open_on_a_full_disk, raising=False)
    with pytest.raises(DataError, match="is full"):
        pack.write_arrays(tmp_path / "cifar10.npz", arrays_of(100))
    assert everything_in(tmp_path) == []


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from effdl_lite.data import DataError, pack
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
images = np.zeros((100, 32, 32, 3), np.uint8)
try:
    pack.write_arrays(Path(sys.argv[1]) / "cifar10.npz", {"train_images": images})
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_limit_on_the_size_of_files_is_told_as_a_full_disk(tmp_path):
    ran = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "is full" in ran.stdout
    assert everything_in(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.needs("the right to mount")
def test_a_real_full_disk_is_one_clear_line_before_and_during(server, small_disk, monkeypatch):
    big = b"x" * 2_000_000
    with pytest.raises(DataError, match=r"1\.0 MB free, 2\.0 MB needed"):
        get(server.remote("/before", big), small_disk / "file")
    assert server.asked["/before"] == 0
    really_free = files.free_bytes
    # Another program takes the space after the check.
    monkeypatch.setattr(files, "free_bytes", lambda folder: 10**9)
    with pytest.raises(DataError, match="is full"):
        get(server.remote("/during", big), small_disk / "file")
    assert server.asked["/during"] == 1
    assert everything_in(small_disk) == []
    assert really_free(small_disk) > 1_000_000


def test_a_folder_that_cannot_be_made_is_one_clear_line(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=r"cannot write in the folder .*EFFDL_DATA") as caught:
        get(server.remote("/file", CONTENT), tmp_path / "file" / "below" / "cifar10.npz")
    assert "\n" not in str(caught.value)
    assert server.asked["/file"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc exists on Linux alone")
def test_a_folder_that_even_root_cannot_write_is_one_clear_line(server):
    from pathlib import Path

    with pytest.raises(DataError, match="cannot write in the folder /proc"):
        get(server.remote("/file", CONTENT), Path("/proc/effdl/cifar10.npz"))
    with pytest.raises(DataError, match="cannot write in the folder /proc"):
        get(server.remote("/file", CONTENT), Path("/proc/cifar10.npz"))
    assert server.asked["/file"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
def test_a_file_in_place_is_readable_as_the_umask_of_the_user_says(server, tmp_path):
    before = os.umask(0o022)
    try:
        get(server.remote("/file", CONTENT), tmp_path / "file")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644

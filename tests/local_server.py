"""A server in a thread; each path misbehaves in its own way. No test sleeps: a stall lasts until the test ends."""

import contextlib
import io
import tarfile
import threading
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from effdl_lite.data.download import Patience
from effdl_lite.data.registry import RemoteFile

# Long enough for a machine that is busy; the one test that waits for a timeout sets a short one of its own.
TWICE = Patience(connect=30.0, read=30.0, attempts=2, pause=0.0)
RECORD = 1 + 3 * 32 * 32


class LocalServer:
    """Serves what `on` registers; `asked` counts the requests of each path."""

    def __init__(self):
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, Callable] = {}
        self.over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked[self.path] += 1
                # A client that gives up closes the connection while the answer is being written.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    server.answers[self.path](self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.over.set()
        self.http.shutdown()
        self.http.server_close()

    def remote(self, path: str, content: bytes, answer: Callable | None = None) -> RemoteFile:
        """Registers `answer` (default: send it all) for a path; returns what the registry would say of `content`."""
        self.answers[path] = answer or whole(content)
        return RemoteFile(self.address + path, sha256(content).hexdigest(), len(content))

    def stall(self, content: bytes) -> Callable:
        """Sends the first half and then nothing more, as long as the test lasts."""

        def answer(handler):
            send_head(handler, len(content))
            handler.wfile.write(content[: len(content) // 2])
            handler.wfile.flush()
            self.over.wait(60)

        return answer


def send_head(handler, length: int, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def whole(content: bytes) -> Callable:
    def answer(handler):
        send_head(handler, len(content))
        handler.wfile.write(content)

    return answer


def cut(content: bytes) -> Callable:
    """Promises all of it and hangs up half-way."""

    def answer(handler):
        send_head(handler, len(content))
        handler.wfile.write(content[: len(content) // 2])

    return answer


def one_wrong_byte(content: bytes) -> Callable:
    middle = len(content) // 2
    return whole(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def status(code: int) -> Callable:
    return lambda handler: send_head(handler, 0, code)


def in_turn(*answers: Callable) -> Callable:
    """The first request gets the first answer, and so on."""
    waiting = iter(answers)
    return lambda handler: next(waiting)(handler)


def records(count: int, seed: int) -> np.ndarray:
    """Records of the binary CIFAR-10 format with labels 0..9: uint8 [count, 3073]."""
    random = np.random.default_rng(seed)
    rows = np.repeat(random.integers(0, 256, (count, RECORD // 7), dtype=np.uint8), 7, axis=1)
    rows[:, 0] = random.integers(0, 10, count)
    return rows


def archive(batches: dict[str, bytes]) -> bytes:
    """A .tar.gz with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, content in batches.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def tiny_cifar(train_each: int = 402, test: int = 20) -> dict[str, bytes]:
    """The six files of a CIFAR-10 archive with fewer records."""
    folder = "cifar-10-batches-bin"
    batches = {f"{folder}/data_batch_{n}.bin": records(train_each, n).tobytes() for n in range(1, 6)}
    return {f"{folder}/readme.html": b"not read"} | batches | {f"{folder}/test_batch.bin": records(test, 9).tobytes()}


TINY_PTB = {
    "train": b" the cat <unk> on the mat \n the dog sat on a log \n a cat saw the dog \n",
    "valid": b" the cat sat \n",
    "test": b" the zebra sat \n",
}

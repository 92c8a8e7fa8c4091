"""A network of limited bandwidth on one machine: each worker has a network of its own, and a bridge joins them.

A worker's link has the same limit in both directions, set by the token bucket of `tc`. It needs Linux, iproute2 and
root, or leave to be root in a user namespace.

Nothing is left behind, however the program ends. The networks have no names, so the kernel takes them away with their
last process; and each process reads its standard input, and ends when it is closed, because whoever started it is gone.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("unshare", "nsenter", "ip", "tc")
BURST = 0.0008  # seconds of the link's rate that may pass at once: little, as a packed gradient is small, too
BUFFER = 0.5  # seconds of the link's rate that may wait; what is beyond is lost, and sent again
PROBE = "ip link add link0 type veth peer name link1 && tc qdisc add dev link0 root tbf rate 1mbit burst 10kb limit 1mb"
REMEDY = "it needs Linux, `apt-get install iproute2 util-linux`, and root (or user namespaces, where they are allowed)"


def missing() -> str | None:
    """Why there can be no such network here, with the remedy; None if there can."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"no limited network without {', '.join(absent)}: {REMEDY}"
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", PROBE]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no limited network here ({tried.stderr.strip()}): {REMEDY}"
    return None


def run_workers(module: str, workers: int, bits_a_second: float, spec: dict) -> list[dict]:
    """Runs `python -m module` once for each worker, joined by links of this rate, and returns what each has written.

    A worker is given a JSON text with `spec`, `rank`, `workers`, `bits_a_second`, and `output`, the file for its JSON;
    its link is called link0, and rank r has the address of `address(r)`.

    Raises:
        RuntimeError: if a worker fails; what it said went to standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        shared = spec | {"workers": workers, "bits_a_second": bits_a_second, "module": module, "folder": folder}
        hub = subprocess.Popen(
            ["unshare", "--map-root-user", "--net", sys.executable, "-m", __name__, json.dumps(shared)],
            cwd=ROOT,
            env=os.environ | {"TORCH_CPP_LOG_LEVEL": "ERROR"},  # it warns that addresses here have no names
            stdin=subprocess.PIPE,
        )
        try:
            if hub.wait():
                raise RuntimeError(f"{workers} workers at {bits_a_second:g} bit/s failed; the reason is above")
        finally:
            hub.stdin.close()
            hub.wait()
        return [json.loads(output_of(folder, rank).read_text()) for rank in range(workers)]


def output_of(folder: str, rank: int) -> Path:
    return Path(folder) / f"{rank}.json"


def address(rank: int) -> str:
    return f"10.0.0.{rank + 1}"


def end_with_parent() -> None:
    """Ends this process as soon as its standard input is closed; call it after what is to be read was read."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def bytes_sent(link: str = "link0") -> int:
    """Bytes that have left through a link of this process's network, headers included, as the kernel counts them."""
    for line in Path("/proc/self/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == link:
            return int(counters.split()[8])
    raise ValueError(f"there is no link {link} in this network")


def limit(link: str, bits_a_second: float, inside: Sequence[str] = ()) -> None:
    """Limits what leaves through a link; `inside` is the command that enters the network it is in."""
    burst, waiting = (round(seconds * bits_a_second / 8) for seconds in (BURST, BUFFER))
    shape = ["root", "tbf", "rate", f"{bits_a_second:.0f}bit", "burst", f"{burst}b", "limit", f"{waiting}b"]
    call(*inside, "tc", "qdisc", "add", "dev", link, *shape)


def call(*command: str) -> None:
    subprocess.run(command, check=True)


def hub(shared: dict) -> None:
    """Runs in the network of the bridge: starts the workers, connects them, and waits for them.

    Raises:
        RuntimeError: if one of them fails; the others end with this process.
    """
    end_with_parent()
    call("ip", "link", "add", "hub", "type", "bridge")
    call("ip", "link", "set", "hub", "up")
    processes = []
    for rank in range(shared["workers"]):
        spec = shared | {"rank": rank, "output": str(output_of(shared["folder"], rank))}
        command = ["unshare", "--net", sys.executable, "-m", shared["module"], json.dumps(spec)]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE))
    for rank, process in enumerate(processes):
        connect(rank, process.pid, shared["bits_a_second"])
    for process in processes:
        process.stdin.write(b"\n")  # a worker may go
        process.stdin.flush()
    codes: list[int | None] = [None]
    while None in codes:
        time.sleep(0.05)
        codes = [process.poll() for process in processes]
        if failed := {rank: code for rank, code in enumerate(codes) if code}:
            raise RuntimeError(f"exit codes of workers by rank: {failed}")


def connect(rank: int, pid: int, bits_a_second: float) -> None:
    """A link between the bridge and the network of a process, limited at both ends."""
    own = os.readlink("/proc/self/ns/net")
    while os.readlink(f"/proc/{pid}/ns/net") == own:
        time.sleep(0.01)
    port, inside = f"port{rank}", ("nsenter", "-t", str(pid), "-n")
    call("ip", "link", "add", port, "type", "veth", "peer", "name", "link0", "netns", str(pid))
    limit(port, bits_a_second)
    limit("link0", bits_a_second, inside)
    call("ip", "link", "set", port, "master", "hub")
    call("ip", "link", "set", port, "up")
    call(*inside, "ip", "address", "add", f"{address(rank)}/24", "dev", "link0")
    call(*inside, "ip", "link", "set", "link0", "up")
    call(*inside, "ip", "link", "set", "lo", "up")


def wait_for_link() -> None:
    """What a worker does first: waits until its link is there, then lives as long as who started it."""
    os.read(0, 1)
    end_with_parent()


if __name__ == "__main__":
    hub(json.loads(sys.argv[1]))

"""Runs notebooks of the book on the real data and stores their outputs: `make execute`.

The stored outputs are what a reader of the built book sees, so a run on the stand-in is
refused. A notebook is replaced only when all of its cells ran.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from effdl_lite.data import data_folder, load_cifar10, load_ptb

ROOT = Path(__file__).resolve().parent.parent


def execute(path: Path) -> float:
    """Runs a notebook in its folder, stores outputs and widget state; the seconds."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        coalesce_streams=True,
        record_timing=False,  # time stamps would change in every run and tell nothing
        store_widget_state=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    notebook.metadata.pop("widgets", None)
    start = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - start
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    temporary = path.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    temporary.replace(path)
    return seconds


def main() -> None:
    os.environ["EFFDL_DATA"] = str(data_folder().resolve())  # a notebook runs in a folder of its own
    os.environ["TQDM_DISABLE"] = "1"  # a progress bar is for the moment, not for the page
    for source in (load_cifar10().source, load_ptb().source):
        if not source.is_real:
            raise SystemExit(f"{source}: the book shows real data; run `effdl data fetch`")
    for path in [Path(name).resolve() for name in sys.argv[1:]] or sorted((ROOT / "book").glob("*.ipynb")):
        print(f"{path.name}: {execute(path):.0f} s", flush=True)


if __name__ == "__main__":
    main()

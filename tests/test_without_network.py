"""The quick profile of every notebook, in a network namespace without network and without any data: on the stand-in."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from effdl_lite.data import StandInWarning, load_cifar10

ROOT = Path(__file__).resolve().parent.parent


NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"), key=lambda path: path.stat().st_size)


@pytest.mark.needs("network namespaces")
def test_every_notebook_runs_without_network_and_without_data_and_its_facts_stay(tmp_path):
    """Two halves side by side, each on a core of its own."""
    environment = {key: value for key, value in os.environ.items() if key not in ("EFFDL_OFFLINE", "EFFDL_PROFILE")}
    environment |= {"EFFDL_DATA": str(tmp_path / "no data here"), "EFFDL_OFFLINE": "0"}  # it may try, and fails
    environment |= {"OMP_NUM_THREADS": "1"}
    # Only the loopback device, which notebook kernels talk over, is brought up.
    alone = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]

    def run(notebooks):
        return subprocess.run(
            [*alone, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *notebooks],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
        )

    with ThreadPoolExecutor() as pool:
        for done in pool.map(run, [NOTEBOOKS[::2], NOTEBOOKS[1::2]]):
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
            assert " passed" in done.stdout
    assert not list(tmp_path.glob("**/*.npz")), "the stand-in is made in memory; nothing pretends to be data"


def test_the_stand_in_is_what_the_notebooks_then_use(tmp_path):
    with pytest.warns(StandInWarning, match="run `effdl data fetch`"):
        data = load_cifar10(folder=tmp_path)
    assert not data.source.is_real

"""Runs a benchmark as its command line does, with `--quick`, for the tests of its rows."""

import json
import sys

import pytest

from experiments import benchmarks as bench


def quick_results(folder, name, jobs, table, efforts) -> dict:
    """What the benchmark writes; the arguments after the folder are those of `bench.run`."""
    output = folder / "quick.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bench", "--quick", "--output", str(output)])
        bench.run(name, "", jobs, table, efforts=efforts)
    return json.loads(output.read_text())

"""What reference runs and benchmarks left: results to show beside a chapter's own, and weights to start from."""

import json
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"
RESULTS = EXPERIMENTS / "results"


def reference_rows(name: str, case: str) -> list[dict]:
    """One dictionary a trial (a seed) of one case of a reference run; `experiments/` says what its numbers mean.

    Args:
        name: of the results file, without its ending.
        case: a setting of that experiment.

    Raises:
        FileNotFoundError: if there is no such file, as when the package was installed without the course around it.
        ValueError: if the experiment has no such case.
    """
    return [row for row in _results(name, case)["rows"] if row["case"] == case]


def reference_settings(name: str, case: str) -> dict:
    """The settings of one case of a reference run; arguments and errors as of `reference_rows`."""
    return _results(name, case)["cases"][case]


def reference_cases(name: str) -> dict[str, dict]:
    """The settings of each case of a reference run, by name.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    return _stored(name)["cases"]


def _results(name: str, case: str) -> dict:
    results = _stored(name)
    if case not in results["cases"]:
        raise ValueError(f"{name} has no case {case!r}; choose one of {', '.join(results['cases'])}")
    return results


def _stored(name: str) -> dict:
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"no results {path}; install the course from its own folder (pip install -r requirements.txt), or make "
            "them with `make reference`"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def reference_benchmark(name: str) -> dict:
    """The results of a benchmark as `make bench` stored them: `made_with` names the machine, lists hold its tables.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    path = EXPERIMENTS / "benchmarks" / "results" / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"no results {path}; install the course from its own folder (pip install -r requirements.txt), or make "
            "them with `make bench`"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def reference_weights(name: str) -> dict[str, Tensor]:
    """Parameters and buffers of a network that a reference run trained, for `load_state_dict`.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    path = EXPERIMENTS / "weights" / f"{name}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(
            f"no weights {path}; install the course from its own folder (pip install -r requirements.txt), or make "
            "them with `make reference`"
        )
    return load_file(path)

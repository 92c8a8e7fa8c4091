"""Runs the trials of an experiment, one after the other, and keeps what is done.

A trial is one case with one seed. Its row is written as soon as it is finished (to a temporary name, then renamed), so
that an interrupted run goes on where it was. A results file holds the setting, the data and its checksum, the versions
and the machine beside the rows: a number without them is worth little.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from effdl_lite import profiles
from effdl_lite.data import DataError, Source
from effdl_lite.measure import cpu_has_bf16, cpu_name

RESULTS = Path(__file__).parent / "results"
Trial = Callable[[dict, int], dict]


class RunRefused(ValueError):
    """An experiment cannot start; its text says why and names the remedy."""


def start(main: Callable[[], None]) -> None:
    """Runs an experiment's `main`; what its user can mend becomes one line and exit code 1, without a traceback."""
    try:
        main()
    except (RunRefused, DataError) as error:
        sys.exit(f"error: {error}")


def run(name: str, cases: dict[str, dict], seeds: list[int], trial: Trial, sources: list[Source]) -> dict:
    """Runs every case with every seed and returns the contents of `results/<name>.json`.

    Under another profile than reference the file is `results/<name>.<profile>.json`, which git ignores.

    Args:
        name: of the results file.
        cases: settings by case name; each is given to `trial` and stored.
        trial: takes a case's settings and a seed, returns the numbers of its row.
        sources: the data sets that the trials read; a stand-in is refused, since a reference run is about real data.

    Raises:
        RunRefused: if a source is a stand-in, or the file is damaged or holds rows of another setting.
    """
    for source in sources:
        if not source.is_real:
            raise RunRefused(f"{source}: a reference run needs the real data; run `effdl data fetch` first")
    profile = profiles.current()
    path = RESULTS / (f"{name}.json" if profile == "reference" else f"{name}.{profile}.json")
    setting = {
        "profile": profile,
        "cases": cases,
        "data": [{"dataset": s.dataset, "origin": s.origin, "sha256": s.sha256} for s in sources],
    }
    setting = json.loads(json.dumps(setting))  # as it will be read again: a tuple becomes a list
    results = {"name": name, **setting, "rows": []}
    if path.exists():
        try:
            results = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(results, dict) or not isinstance(results.get("rows"), list):
                raise ValueError("no rows")
        except ValueError as error:
            raise RunRefused(f"{path.name} is damaged ({error}); put the committed file back, or remove it") from error
        differing = [key for key in setting if results.get(key) != setting[key]]
        if differing:
            raise RunRefused(
                f"{path.name} holds rows made with another {' and '.join(differing)}; remove the file to start anew"
            )
    done = {(row["case"], row["seed"]) for row in results["rows"]}
    todo = [(case, seed) for seed in seeds for case in cases if (case, seed) not in done]
    print(f"{name}: {len(done)} trials done, {len(todo)} to do", flush=True)
    for number, (case, seed) in enumerate(todo, 1):
        print(f"[{number}/{len(todo)}] {case}, seed {seed}", flush=True)
        origin, start = made_with(), time.perf_counter()
        row = {"case": case, "seed": seed, **trial(cases[case], seed), "wall_seconds": time.perf_counter() - start}
        row = _rounded(row)
        results["rows"].append(row | {"made_with": origin})
        write_json(path, results)
        summary = {key: value for key, value in row.items() if isinstance(value, int | float)}
        print(f"    {summary}", flush=True)
    return results


def made_with() -> dict:
    """Versions, machine and commit: what one needs to know to make a row again."""
    packages = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "effdl-lite")}
    return {
        "python": platform.python_version(),
        **packages,
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "cpu_has_bf16": cpu_has_bf16(),
        "commit": _commit(),
    }


def write_json(path: Path, contents: dict) -> None:
    """Writes to a temporary name beside `path`, then renames: readers see the old file or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def save_weights(name: str, model: nn.Module) -> None:
    """Stores a network's parameters and buffers as `weights/<name>.safetensors`, which chapters start from."""
    path = RESULTS.parent / "weights" / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def arguments(description: str, only: Sequence[str] = ()) -> argparse.Namespace:
    """The options that every experiment has; sets the profile for the process.

    Args:
        description: the first line of the help.
        only: names of the experiment's parts, of which `--only` runs one: two parts can then run side by side.
    """
    parser = argparse.ArgumentParser(description=description)
    if only:
        parser.add_argument("--only", choices=only, help="run this part alone")
    profile = os.environ.get("EFFDL_PROFILE") or "reference"
    parser.add_argument("--profile", default=profile, choices=profiles.PROFILES, help=f"now {profile}")
    parser.add_argument("--threads", type=int, default=1, help="torch threads; tiny networks are fastest with one")
    options = parser.parse_args()
    if options.profile not in profiles.PROFILES:  # argparse does not check a default
        parser.error(f"EFFDL_PROFILE is {options.profile!r}; choose one of {', '.join(profiles.PROFILES)}")
    os.environ["EFFDL_PROFILE"] = options.profile
    torch.set_num_threads(options.threads)
    return options


def _rounded(value):
    if hasattr(value, "item"):  # a number of numpy or torch
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value


def _commit() -> str:
    """The commit of the code; "+" where the code differs from it (the results themselves always do while they grow)."""
    if shutil.which("git") is None:
        return "unknown (no git)"
    code = ["--", "effdl_lite", "experiments/*.py"]
    answers = [
        subprocess.run(["git", *call], cwd=RESULTS.parent.parent, capture_output=True, text=True, check=False)
        for call in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", *code])
    ]
    if any(answer.returncode for answer in answers):
        return "unknown (not a git checkout)"
    return answers[0].stdout.strip() + ("+" if answers[1].stdout.strip() else "")

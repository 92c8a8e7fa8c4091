"""Reference runs keep every finished trial, go on after an interruption, and refuse to mix settings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from effdl_lite.data import Source
from experiments import runner

CASES = {"small": {"width": 2}, "large": {"width": 3}}


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results")
    monkeypatch.setenv("EFFDL_PROFILE", "reference")
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def trial(case: dict, seed: int) -> dict:
    return {"test": case["width"] * 10 + seed + 1 / 3}


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "data.bin"
    file.write_bytes(b"real")
    return Source("CIFAR-10", "pack", "9 images", files=(file,))


def test_a_run_writes_every_case_with_every_seed_and_what_made_it(results, source):
    runner.run("example", CASES, [0, 1], trial, [source])
    stored = json.loads((results / "example.json").read_text())
    assert [(row["case"], row["seed"]) for row in stored["rows"]] == [
        ("small", 0), ("large", 0), ("small", 1), ("large", 1),
    ]  # fmt: skip
    assert stored["rows"][0]["test"] == pytest.approx(20 + 1 / 3, rel=1e-5)
    assert stored["data"] == [{"dataset": "CIFAR-10", "origin": "pack", "sha256": source.sha256}]
    assert {"torch", "cpu", "threads", "commit", "python"} <= set(stored["rows"][0]["made_with"])


def test_an_interrupted_run_keeps_what_is_done_and_does_only_the_rest(results, source):
    calls = []

    def interrupted(case, seed):
        calls.append((case["width"], seed))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return trial(case, seed)

    with pytest.raises(KeyboardInterrupt):
        runner.run("example", CASES, [0, 1], interrupted, [source])
    assert len(json.loads((results / "example.json").read_text())["rows"]) == 2
    runner.run("example", CASES, [0, 1], interrupted, [source])
    assert calls[2:] == [(2, 1), (2, 1), (3, 1)]
    assert [path.name for path in results.iterdir() if path.suffix == ".tmp"] == []


def test_a_quick_run_does_not_touch_the_reference_results(results, source, monkeypatch):
    runner.run("example", CASES, [0], trial, [source])
    before = (results / "example.json").read_text()
    monkeypatch.setenv("EFFDL_PROFILE", "quick")
    runner.run("example", CASES, [1], trial, [source])
    assert (results / "example.json").read_text() == before
    assert json.loads((results / "example.quick.json").read_text())["profile"] == "quick"


def test_rows_of_another_setting_are_not_mixed_in(results, source):
    runner.run("example", CASES, [0], trial, [source])
    before = (results / "example.json").read_text()
    with pytest.raises(ValueError, match=r"example.json holds rows made with another cases; remove the file"):
        runner.run("example", {"small": {"width": 5}}, [0], trial, [source])
    assert (results / "example.json").read_text() == before


def test_a_reference_run_on_the_stand_in_is_refused(results):
    with pytest.raises(ValueError, match="needs the real data; run `effdl data fetch`"):
        runner.run("example", CASES, [0], trial, [Source("CIFAR-10", "stand-in", "no network")])
    assert list(results.iterdir()) == []


def test_a_write_that_fails_half_way_leaves_the_old_file_whole_and_nothing_beside_it(results, monkeypatch):
    runner.write_json(results / "a.json", {"rows": [1]})

    def full(path, text, **_):
        path.write_bytes(text.encode()[: len(text) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space left"):
        runner.write_json(results / "a.json", {"rows": [1, 2]})
    assert json.loads((results / "a.json").read_bytes()) == {"rows": [1]}
    assert [path.name for path in results.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"EFFDL_PROFILE": "fast"}, "EFFDL_PROFILE is 'fast'; choose one of quick, laptop, reference, full"),
        ({"EFFDL_DATA": "nothing here", "EFFDL_OFFLINE": "1"}, "needs the real data; run `effdl data fetch` first"),
    ],
)
def test_an_experiment_that_cannot_start_says_why_without_a_traceback(environment, message):
    done = subprocess.run(
        [sys.executable, "-m", "experiments.baselines"],
        cwd=Path(runner.__file__).parent.parent,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_results_file_is_named(results, source):
    (results / "example.json").write_text('{"rows": [')
    with pytest.raises(ValueError, match=r"example.json is damaged .*; put the committed file back, or remove it"):
        runner.run("example", CASES, [0], trial, [source])


def test_numbers_of_numpy_and_torch_and_tuples_in_a_setting_are_stored_and_resumed(results, source):
    cases = {"wide": {"hidden": (2, 3)}}
    runner.run("example", cases, [0], lambda case, seed: {"a": np.float32(0.5), "b": torch.tensor(2.0)}, [source])
    (row,) = runner.run("example", cases, [0], trial, [source])["rows"]
    assert (row["a"], row["b"]) == (0.5, 2.0)


def test_without_git_a_trial_is_kept_all_the_same(results, source, monkeypatch):
    monkeypatch.setattr(runner.shutil, "which", lambda name: None)
    (row,) = runner.run("example", CASES, [0], trial, [source])["rows"][:1]
    assert row["made_with"]["commit"] == "unknown (no git)"

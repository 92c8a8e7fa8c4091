"""The stored reference runs are whole, were made on real data, and reach what the course promises of its baselines."""

import json
import statistics
from pathlib import Path

import pytest

from effdl_lite.reference import reference_benchmark, reference_cases, reference_rows

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "results"
RESULTS = sorted(path for path in FOLDER.glob("*.json") if "." not in path.stem)  # x.quick.json is somebody's own try


def rows_of(name: str, case: str) -> list[dict]:
    (path,) = [path for path in RESULTS if path.stem == name]
    return [row for row in json.loads(path.read_text())["rows"] if row["case"] == case]


@pytest.mark.parametrize("path", RESULTS, ids=[path.stem for path in RESULTS])
def test_results_have_every_case_with_the_same_seeds_and_their_origin(path):
    results = json.loads(path.read_text())
    assert results["profile"] == "reference"
    seeds = {case: sorted(row["seed"] for row in results["rows"] if row["case"] == case) for case in results["cases"]}
    assert len(set(map(tuple, seeds.values()))) == 1
    fewest = 1 if path.stem.endswith("_tuning") else 3  # what settings are chosen by is no result
    assert len(next(iter(seeds.values()))) >= fewest
    assert all(source["origin"] in ("pack", "official") and len(source["sha256"]) == 64 for source in results["data"])
    assert all({"torch", "cpu", "threads", "commit"} <= set(row["made_with"]) for row in results["rows"])


@pytest.mark.parametrize(("case", "accuracy", "core_seconds"), [("ConvNet", 74, 100), ("ConvNet, short", 70, 35)])
def test_the_convnet_reaches_its_accuracy_in_its_budget_with_every_seed(case, accuracy, core_seconds):
    rows = rows_of("baseline_convnet", case)
    assert min(row["test"] for row in rows) >= accuracy
    assert max(row["core_seconds"] for row in rows) <= core_seconds


def test_the_language_model_stays_below_its_perplexity():
    assert statistics.mean(row["test"] for row in rows_of("baseline_lstm", "LSTM, 2,000 words")) < 42


def test_an_lstm_loses_a_third_of_its_macs_at_four_percent_of_perplexity_with_every_seed():
    cases = [f"dense, dropout {share}" for share in (0.1, 0.2, 0.3)]
    run = "intrinsic_sparsity_lstm"
    best = min(cases, key=lambda case: statistics.mean(row["validation"] for row in rows_of(run, case)))
    for dense, sparse in zip(rows_of(run, best), rows_of(run, "ISS, mild"), strict=True):
        assert dense["seed"] == sparse["seed"]
        assert dense["macs"] / sparse["macs"] >= 1.5
        assert sparse["test"] / dense["test"] <= 1.04
        assert abs(sparse["test_compact"] / sparse["test"] - 1) < 1e-4


def test_a_chapter_reads_the_rows_of_a_case():
    rows = reference_rows("baseline_lstm", "LSTM, 2,000 words")
    assert rows == rows_of("baseline_lstm", "LSTM, 2,000 words")


def test_a_missing_result_or_case_names_the_remedy():
    with pytest.raises(FileNotFoundError, match="make reference"):
        reference_rows("no_such_experiment", "ConvNet")
    with pytest.raises(FileNotFoundError, match="make reference"):
        reference_cases("no_such_experiment")
    with pytest.raises(ValueError, match="has no case 'Convnet'; choose one of ConvNet, short, ConvNet"):
        reference_rows("baseline_convnet", "Convnet")


def test_a_chapter_reads_a_benchmark_and_is_told_of_a_missing_one():
    benchmark = reference_benchmark("structured_sparsity")
    assert {"torch", "cpu", "commit"} <= set(benchmark["made_with"])
    assert not benchmark["quick"]
    with pytest.raises(FileNotFoundError, match="make bench"):
        reference_benchmark("no_such_benchmark")

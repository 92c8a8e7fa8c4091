"""The reference run of intrinsic sparsity compares what it says that it compares."""

import pytest
import torch
from dead_units import kill_units

from effdl_lite.measure import num_threads
from effdl_lite.methods.intrinsic_sparsity import FrozenUnits, zero_units
from effdl_lite.models import LSTMLanguageModel
from experiments import intrinsic_sparsity as experiment

SMALL = {"train_tokens": 3_000, "epochs": 2, "penalty_epochs": 1, "bf16": False}


@pytest.fixture(autouse=True)
def one_thread():
    with num_threads(1):
        yield


@pytest.fixture
def found(monkeypatch):
    """A network as another case might leave it; every case that asks for one gets this one."""
    torch.manual_seed(0)
    model = LSTMLanguageModel(experiment.VOCABULARY, 64, (64, 64))
    kill_units(model, {"layers.0": range(10, 40), "layers.1": [3, 5]})
    whole = experiment.run_case
    asked = []

    def run_case(case_text, seed):
        asked.append((case_text, seed))
        return model, {}

    monkeypatch.setattr(experiment, "run_case", run_case)
    return model, asked, whole.__wrapped__


def test_the_direct_design_has_the_widths_that_the_penalty_left_and_weights_of_its_own(found):
    _, asked, _ = found
    case = experiment.control_cases()["direct design"]
    model = experiment.build(case, seed=3)
    assert [layer.hidden_size for layer in model.layers] == [34, 62]
    assert model.embedding.embedding_dim == 64
    assert asked == [(experiment.json.dumps(experiment.iss_case("middle")), 3)]
    again = experiment.build(case, seed=4)
    assert not torch.equal(model.embedding.weight, again.embedding.weight)


def test_single_weights_keeps_as_many_weights_as_the_penalty_left(found):
    model, _, run_case = found
    case = experiment.control_cases()["single weights"] | SMALL
    _, row = run_case(experiment.json.dumps(case), 0)
    # Of the units that are gone their rows, and their columns in the rows of those that are left.
    left = 4 * 34 * (64 + 34) + 4 * 62 * (34 + 62) + experiment.VOCABULARY * 62
    assert row["weights"] == experiment.weights_left(model) == left
    assert row["macs"] > left  # and hardly a unit has gone with them


def test_a_trial_of_each_network_fills_its_row():
    for case in (experiment.iss_case("strong"), experiment.rhn_cases()["dense"]):
        row = experiment.trial(case | SMALL, seed=0)
        assert row["test_compact"] == pytest.approx(row["test"], rel=1e-4)
        assert len(row["epochs"]) == 2
        assert row["epochs"][-1]["units"] == row["units"]
        assert row["epochs"][-1]["validation"] == row["validation"]
        assert all(len(dead) == 0 or max(dead) < case["hidden"][0] for dead in row["dead"].values())


def test_the_penalty_ends_at_half_of_the_training_and_the_dead_units_stay():
    case = experiment.iss_case("mild")
    torch.manual_seed(0)
    model = experiment.build(case, 0)
    (method,) = experiment.methods_of(case, model, 0)
    kill_units(model, {"layers.0": [1]})
    for _ in range(case["penalty_epochs"]):
        assert method.frozen is None
        method.after_epoch(model, None)
    assert case["penalty_epochs"] == case["epochs"] // 2
    assert isinstance(method.frozen, FrozenUnits)
    assert torch.equal(method.frozen.dead["layers.0"], zero_units(model)["layers.0"])

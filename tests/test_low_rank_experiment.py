"""The reference run of low rank compares what it says that it compares."""

import functools
import json

import pytest
import torch

from effdl_lite.data import load_cifar10
from effdl_lite.measure import count_macs, num_threads
from effdl_lite.methods.low_rank import cheaper_only, decompose, default_layers, energy_rank, ranks_by_energy
from effdl_lite.training import accuracy
from experiments import low_rank as experiment


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


images = functools.cache(load_cifar10)


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    """Data that are read once, and accuracies of one batch: the time of an evaluation is no part of what is tested."""
    monkeypatch.setattr(experiment, "load_cifar10", images)
    monkeypatch.setattr(experiment, "accuracy", lambda net, batches: accuracy(net, [next(iter(batches))]))


@pytest.fixture
def networks(monkeypatch):
    """Whole networks without training: random weights, of lower rank the stronger the force."""

    def coordinated(text, seed):
        whole = json.loads(text)
        torch.manual_seed(seed)
        net = experiment.NETWORKS[whole["network"]]()
        if whole["force"]["strength"] > 0:
            for name in experiment.FORCED[whole["network"]]:
                net.get_submodule(name).weight.data += 0.2 * (1 + 1e3 * whole["force"]["strength"])
        return net.state_dict()

    monkeypatch.setattr(experiment, "coordinated", coordinated)


@pytest.fixture
def trainings(monkeypatch):
    """Notes each phase of training, instead of training."""
    done = []

    def train(net, data, epochs, **options):
        done.append({"parameters": sum(w.numel() for w in net.parameters()), "epochs": epochs} | options)

    monkeypatch.setattr(experiment, "train_image_classifier", train)
    return done


CONVNET, RESNET = experiment.convnet_cases(256), experiment.resnet_cases(256)
MIDDLE = next(
    name for name, case in CONVNET.items() if case["whole"]["force"]["strength"] == experiment.CONVNET_STRENGTH
)
ALL = [(name, cases) for cases in (CONVNET, RESNET) for name in cases]


@pytest.mark.parametrize(("name", "cases"), [pair for pair in ALL if "ranks of" in pair[0]])
def test_a_control_is_the_network_without_force_at_the_ranks_of_the_forced_one(name, cases, networks, trainings):
    forced, length = name.replace("no force, ranks of ", "").rsplit(", ", 1)
    forced = f"{forced}, 95 %, {length}"
    control, case = cases[name], cases[forced]
    assert control["whole"]["force"]["strength"] == 0
    assert case["whole"]["force"]["strength"] != 0
    differing = {key for key in case["whole"] if case["whole"][key] != control["whole"][key]}
    assert differing == {"force"}
    force, none = case["whole"]["force"], control["whole"]["force"]
    assert {key for key in force if force[key] != none[key]} == {"strength"}
    assert case["fine_tune"] == control["fine_tune"]
    rows = [experiment.trial(each, seed=1) for each in (case, control)]
    assert rows[0]["ranks"] == rows[1]["ranks"]
    assert rows[0]["macs"] == rows[1]["macs"] < 1
    first, second = trainings  # of the same size, on the same images in the same order, for as long
    assert {key: first[key] for key in first if key != "methods"} == {k: second[k] for k in second if k != "methods"}
    assert rows[0]["summed_rank"] < rows[1]["summed_rank"]


def test_the_forced_layers_are_those_of_the_authors():
    assert experiment.FORCED["ConvNet"] == ["convs.1", "convs.2"]
    assert ["conv", *experiment.FORCED["ResNet-20"]] == default_layers(experiment.CifarResNet())


def test_a_budget_is_kept_and_equal_for_both(networks, trainings):
    for name in ("no force, 2x, short", f"{MIDDLE}, 2x, short", "no force, 2x, kmeans, short"):
        row = experiment.trial(CONVNET[name], seed=0)
        assert 0.4 < row["macs"] <= 0.5
        assert {"convs.1", "convs.2"} <= row["ranks"].keys()


def test_equal_energy_leaves_whole_what_would_cost_more(networks, trainings):
    row = experiment.trial(RESNET["no force, 95 %, short"], seed=0)
    torch.manual_seed(0)
    net = experiment.NETWORKS["ResNet-20"]()
    ranks = cheaper_only(net, ranks_by_energy(net, 0.95))
    assert row["ranks"] == ranks
    assert row["ranks_at_95"] == {name: energy_rank(net.get_submodule(name)) for name in row["ranks_at_95"]}
    assert len(row["ranks"]) < len(row["ranks_at_95"]) == 19
    macs = [count_macs(each, experiment.IMAGE) for each in (decompose(net, ranks), net)]
    assert row["macs"] == pytest.approx(macs[0] / macs[1])


def test_what_shares_a_start_or_a_force_is_trained_once():
    whole = {"network": "ConvNet", "start": [3, 0.1], "force": {"epochs": 2, "strength": 0.0}}
    forced = whole | {"force": {"epochs": 2, "strength": 1.0}}
    cases = {
        "a": {"whole": whole},
        "b": {"whole": whole, "fine_tune": [5, 0.1]},
        "c": {"whole": forced, "fine_tune": [7, 0.1], "sparsity": {"epochs": 11}},
    }
    assert experiment.epochs_of(cases) == 3 + 2 + 2 + 5 + 7 + 11


def test_a_force_is_used_in_its_phase_and_nowhere_else(trainings):
    experiment.coordinated.cache_clear()
    experiment.started.cache_clear()
    for name in (MIDDLE, f"{MIDDLE}, 95 %, short", f"{MIDDLE}, 95 %, long"):
        experiment.trial(CONVNET[name], seed=5)
    experiment.coordinated.cache_clear()
    experiment.started.cache_clear()
    assert [[type(m).__name__ for m in each["methods"]] for each in trainings] == [[], ["ForceRegularization"], [], []]
    method = trainings[1]["methods"][0]
    assert method.strengths == [experiment.CONVNET_STRENGTH] * 2
    assert [tuple(weight.shape) for weight in method.weights] == [(32, 32, 5, 5), (64, 32, 5, 5)]
    assert [each["seed"] for each in trainings] == [5, 105, 305, 305]


def test_rank_and_columns_end_at_the_same_cost(networks, trainings):
    for name in ("no force, columns, 3x", "no force, rank, 3x", "no force, rank and columns, 3x"):
        trainings.clear()
        row = experiment.trial(CONVNET[name], seed=0)
        assert 0.3 < row["macs"] <= 1 / 3
        used = [[type(m).__name__ for m in each["methods"]] for each in trainings]
        assert used == ([["StructuredSparsity"], ["FrozenZeros"]] if "columns" in name else [[]])


def test_one_trial_with_all_its_phases_trains():
    tiny = CONVNET["no force, rank and columns, 3x"]
    whole = tiny["whole"] | {"train_images": 256, "bf16": False}
    force = whole["force"] | {"strength": 1e-3}
    row = experiment.trial(tiny | {"whole": whole | {"force": force}}, seed=0)
    assert row.keys() == {"ranks_at_95", "summed_rank", "ranks", "decomposed", "validation", "test", "macs"}
    assert row["macs"] <= 1 / 3
    assert 0 < row["test"] < 100

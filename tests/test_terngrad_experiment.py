"""The reference run of TernGrad compares what it says that it compares."""

import functools
import statistics

import pytest
import torch

from effdl_lite.data import load_cifar10
from effdl_lite.measure import num_threads
from effdl_lite.methods.terngrad import QSGD, TWO_BIT, TernGrad, bound_ratio, clip, download_bytes, upload_bytes
from effdl_lite.models import ConvNet
from effdl_lite.training import TrainingDiverged, accuracy
from experiments import terngrad as experiment


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


images = functools.cache(load_cifar10)
RATES = {pair: 0.01 * (1 + number) for number, pair in enumerate(experiment.RATED)}
WORKERS, VARIANTS = experiment.worker_cases(256, RATES), experiment.variant_cases(256, RATES)
BASE = WORKERS["TernGrad, 4 workers, momentum"]


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    monkeypatch.setattr(experiment, "load_cifar10", images)
    monkeypatch.setattr(experiment, "accuracy", lambda net, batches: accuracy(net, [next(iter(batches))]))


@pytest.fixture
def fits(monkeypatch):
    """Notes each training instead of doing it."""
    done = []

    def fit(net, batches, optimizer, epochs, **options):
        done.append({"net": net, "optimizer": optimizer, "epochs": epochs} | options)
        raise TrainingDiverged("not trained")

    monkeypatch.setattr(experiment, "fit", fit)
    return done


def differing(case: dict, other: dict) -> set[str]:
    return {key for key in case if case[key] != other[key]}


@pytest.mark.parametrize("name", [name for name in WORKERS if name.startswith("TernGrad")])
def test_the_control_has_as_many_workers_and_differs_by_the_exchange_and_its_rate(name):
    control = WORKERS[name.replace("TernGrad", "float")]
    assert differing(WORKERS[name], control) <= {"exchange", "options", "learning_rate"}
    assert control["exchange"] == "float"
    optimizer = control["optimizer"]
    assert control["learning_rate"] == RATES[optimizer, "float"]
    assert WORKERS[name]["learning_rate"] == RATES[optimizer, "TernGrad"]
    assert f"{control['workers']} workers" in name


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("TernGrad, no clip", {"clip": None}),
        ("TernGrad, one scaler for the model", {"scope": "model"}),
        ("TernGrad, scalers not shared", {"share": False}),
    ],
)
def test_a_variant_changes_one_option(name, changes, fits):
    assert differing(VARIANTS[name], BASE) == {"options"}
    assert VARIANTS[name]["options"] == BASE["options"] | changes
    exchange = experiment.make_exchange(ConvNet(), VARIANTS[name])
    assert {key: getattr(exchange, key) for key in changes} == changes


def test_the_last_layer_can_stay_in_float_and_qsgd_is_qsgd():
    net = ConvNet()
    exchange = experiment.make_exchange(net, VARIANTS["TernGrad, last layer in float"])
    assert {id(net.fc.weight), id(net.fc.bias)} <= exchange.in_float
    assert id(net.fc.weight) not in experiment.make_exchange(net, BASE).in_float
    assert type(experiment.make_exchange(net, VARIANTS["QSGD"])) is QSGD
    assert type(experiment.make_exchange(net, BASE)) is TernGrad


def test_less_weight_decay_is_tried_for_both():
    for exchange in ("float", "TernGrad"):
        changed = differing(VARIANTS[f"{exchange}, less weight decay"], WORKERS[f"{exchange}, 4 workers, momentum"])
        assert changed == {"weight_decay"}


def test_of_one_seed_all_start_from_the_same_weights_with_the_same_images(fits):
    cases = [*WORKERS.values(), *VARIANTS.values()]
    for case in cases:
        with pytest.raises(TrainingDiverged):
            experiment.trial(case, seed=3)
    first = fits[0]["net"].state_dict()
    for case, each in zip(cases, fits, strict=True):
        assert all(torch.equal(value, first[key]) for key, value in each["net"].state_dict().items())
        assert (each["seed"], each["epochs"], each["shards"]) == (3, case["epochs"], case["workers"])
        assert each["optimizer"].param_groups[0]["lr"] == case["learning_rate"]
        kinds = {"momentum": torch.optim.SGD, "Adam": torch.optim.Adam}
        assert type(each["optimizer"]) is kinds[case["optimizer"]]
    decays = {group["weight_decay"] for group in fits[0]["optimizer"].param_groups}
    assert decays == {0.0, 2e-3}


def test_every_exchange_of_an_optimizer_is_offered_the_same_rates_and_the_best_on_validation_is_taken():
    cases = experiment.rate_cases(256)
    offered = {pair: [c for c in cases.values() if (c["optimizer"], c["exchange"]) == pair] for pair in RATES}
    for optimizer in ("momentum", "Adam"):
        rates = [[c["learning_rate"] for c in of] for (name, _), of in offered.items() if name == optimizer]
        assert len(rates) > 1
        assert all(each == rates[0] and len(each) >= 3 for each in rates)
    assert {(c["workers"], c["epochs"]) for of in offered.values() for c in of} == {(4, BASE["epochs"])}
    accuracies = dict.fromkeys(cases, 40.0) | {"momentum, QSGD, 0.05": 45.0, "Adam, float, 0.004": 41.0}
    rows = [
        {"case": name, "seed": seed, "validation": value + seed * (name == "momentum, TernGrad, 0.1")}
        for name, value in accuracies.items()
        for seed in (-1, 0, 2)
    ]
    chosen = experiment.chosen_rates({"cases": cases, "rows": rows})
    expected = {("momentum", "QSGD"): 0.05, ("Adam", "float"): 0.004, ("momentum", "TernGrad"): 0.1}
    assert {pair: chosen[pair] for pair in expected} == expected


def test_a_rate_that_diverges_is_a_row_that_is_not_chosen_and_no_test_image_is_read(fits):
    case = next(iter(experiment.rate_cases(256).values()))
    assert experiment.rate_trial(case, seed=0) == {"validation": 0.0, "diverged": "not trained"}


class TestWatched:
    def test_it_notes_zeros_bound_ratios_and_bytes_of_an_exchange(self):
        torch.manual_seed(0)
        net = ConvNet()
        watched = experiment.Watched(net, TernGrad(net))
        gradients = [[torch.randn_like(weight) for weight in net.parameters()] for _ in range(2)]
        means = watched.combine(gradients, [0.5, 0.5])
        names = [name for name, weight in net.named_parameters() if weight.numel() >= 256]
        row = watched.row()
        assert (
            list(row["zeros"])
            == list(row["bound_ratio"])
            == names
            == [*(f"convs.{i}.weight" for i in range(3)), "fc.weight"]
        )
        for number, (name, _) in enumerate(net.named_parameters()):
            if name in names:
                assert len(means[number].unique()) <= 5
                assert row["bound_ratio"][name] == pytest.approx(bound_ratio(gradients[0][number]).item())
                assert row["bound_ratio_clipped"][name] == pytest.approx(bound_ratio(clip(gradients[0][number])).item())
                assert row["bound_ratio_clipped"][name] < row["bound_ratio"][name]
                assert 0.6 < row["zeros"][name] < 0.75
        sizes = [weight.numel() for weight in net.parameters()]
        small = 4 * sum(size for size in sizes if size < 256)
        up = sum(upload_bytes(size, TWO_BIT) for size in sizes if size >= 256) + small
        down = sum(download_bytes(size, 2) for size in sizes if size >= 256) + small
        assert (1e6 * row["megabytes_up"], 1e6 * row["megabytes_down"]) == pytest.approx((up, down))

    def test_without_an_exchange_it_takes_the_mean_and_counts_four_bytes_an_element_each_way(self):
        net = ConvNet()
        watched = experiment.Watched(net, None)
        gradients = [[torch.full_like(weight, value) for weight in net.parameters()] for value in (1.0, 3.0)]
        gradients[0][0].zero_()
        means = watched.combine(gradients, [0.5, 0.5])
        assert [mean.unique().tolist() for mean in means] == [[1.5], *[[2.0]] * (len(means) - 1)]
        row = watched.row()
        assert row["megabytes_up"] == row["megabytes_down"] == 4 * sum(w.numel() for w in net.parameters()) / 1e6
        assert row["times_fewer_bytes"] == 1
        assert list(row["zeros"].values()) == [0.5, 0.0, 0.0, 0.0]

    def test_it_looks_at_every_tenth_step(self):
        net = torch.nn.Linear(300, 1, bias=False)
        watched = experiment.Watched(net, None)
        for value in range(21):
            gradient = torch.zeros(1, 300)
            gradient[0, : 30 + value] = 1.0
            watched.combine([[gradient]], [1.0])
        assert watched.zeros["weight"] == [0.9, *(pytest.approx(1 - (30 + value) / 300) for value in (10, 20))]
        assert watched.row()["gradient_sparsity"] == pytest.approx(statistics.mean(watched.zeros["weight"]))


@pytest.mark.parametrize("name", ["TernGrad, 8 workers, momentum", "float, 4 workers, Adam", "QSGD"])
def test_one_trial_trains(name):
    case = (WORKERS | VARIANTS)[name] | {"bf16": False, "epochs": 2}
    row = experiment.trial(case, seed=0)
    assert 0 < row["test"] < 100
    assert [epoch["epoch"] for epoch in row["epochs"]] == [1, 2]
    assert row["validation"] == row["epochs"][-1]["validation"]
    steps = 2 * (256 // case["batch_size"])
    assert row["megabytes_down"] <= 4e-6 * steps * 89_706 + 1e-9
    assert (row["times_fewer_bytes"] > 1) == (case["exchange"] != "float")

"""The reference run of the capstone compares what it says that it compares, and counts what it says that it counts."""

import math
import sys

import pytest
import torch

from effdl_lite.measure import num_threads
from effdl_lite.pipeline import Stage, images
from effdl_lite.training import TrainingDiverged, accuracy
from experiments import capstone as experiment
from experiments import capstone_cases as made
from experiments.designs import chosen, full_design, half_design

SETTING = {"learning_rate": 0.1, "small_rate": 0.2, "noise": 0.01, "channels": 1.5}
PLAIN = {"learning_rate": 0.2, "weight_decay": 2e-3}
ABLATION = made.ablation_cases(2, PLAIN, SETTING)
CASES = ABLATION | made.control_cases(2, PLAIN, SETTING) | made.simplest_case(2, PLAIN, SETTING)
LANGUAGE = made.language_cases(
    1, {"learning_rate": 20.0, "clip_norm": 0.25}, {"learning_rate": 1.0, "clip_norm": 1.0, "noise": 0.005}
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    """Accuracies of one batch: how long an evaluation takes is no part of what is tested."""
    monkeypatch.setattr(images, "accuracy", lambda net, batches: accuracy(net, [next(iter(batches))]))


def tiny(case: dict) -> dict:
    """A case with 128 images, 64 a step, and no weights to keep."""
    more = {"train_images": 128, "batch_size": 64, "bf16": False}
    if "structure_of" in case:
        more["structure_of"] = tiny(case["structure_of"])
    return {key: value for key, value in (case | more).items() if key != "weights"}


@pytest.fixture(scope="module")
def row():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "accuracy", lambda net, batches: accuracy(net, [next(iter(batches))]))
        yield experiment.trial(tiny(ABLATION["all five"]), seed=3)


class TestTheCases:
    def test_all_train_as_long_on_the_same_images(self):
        for cases in (CASES, LANGUAGE):
            assert len({sum(stage["epochs"] for stage in case["stages"]) for case in cases.values()}) == 1
            assert len({(case["workers"], str(case.get("train_images", case.get("train_tokens"))))
                        for case in cases.values()}) == 1  # fmt: skip
        for case in [*CASES.values(), *LANGUAGE.values()]:
            for stage in case["stages"]:
                Stage(**stage)

    @pytest.mark.parametrize(
        ("method", "key", "stages"),
        [("SSL", "sparsity", [0]), ("force", "force", [0]), ("TernGrad", "ternary", [0, 1]),
         ("SmoothOut", "noise", [0, 1])],
    )  # fmt: skip
    def test_one_is_left_out_and_all_others_are_there(self, method, key, stages):
        combined, without = ABLATION["all five"]["stages"], ABLATION[f"no {method}"]["stages"]
        for number, (full, less) in enumerate(zip(combined, without, strict=True)):
            differing = {name for name in full if full[name] != less.get(name)}
            assert differing - {"cut"} == ({key} if number in stages else set())
            assert bool(full.get(key)) == (number in stages)
            assert not less.get(key)

    def test_every_cut_case_ends_at_the_same_cost(self):
        for name, case in CASES.items():
            cuts = [cut for stage in case["stages"] for cut in stage.get("cut", [])]
            if name in ("plain", "plain, large batch", "its structure, from scratch"):
                assert cuts == []
            else:
                assert cuts[-1][1] == made.TIMES_FEWER == max(times for _, times in cuts)
        assert [what for what, _ in CASES["no SSL"]["stages"][0]["cut"]] == ["rank"]
        assert [what for what, _ in CASES["no low rank"]["stages"][0]["cut"]] == ["channels"]
        assert "force" not in CASES["no low rank"]["stages"][0]

    def test_plain_controls_have_none_of_the_methods(self):
        for name in ("plain", "plain, large batch", "plain, cut afterwards", "its structure, from scratch"):
            for stage in CASES[name]["stages"]:
                assert not {"ternary", "noise", "sparsity", "force"} & {key for key in stage if stage[key]}
        assert CASES["plain, large batch"]["batch_size"] == CASES["all five"]["batch_size"] == 512
        assert {CASES[name]["batch_size"] for name in ("plain", "plain, cut afterwards")} == {128}

    def test_the_simplest_way_has_ternary_gradients_and_nothing_else(self):
        simple, bare = (CASES[f"{name}, cut afterwards"] for name in ("TernGrad", "plain"))
        assert {key for key in simple if simple[key] != bare[key]} == {"stages"}
        for ours, theirs in zip(simple["stages"], bare["stages"], strict=True):
            assert ours["ternary"]
            assert {key for key in ours if ours[key] != theirs.get(key)} <= {"ternary", "learning_rate"}

    def test_orders(self):
        def story(name):
            return [
                (bool(s.get("sparsity")), bool(s.get("force")), [what for what, _ in s.get("cut", [])], s["ternary"])
                for s in CASES[name]["stages"]
            ]

        assert story("all five") == [(True, True, ["channels", "rank"], True), (False, False, [], True)]
        assert story("float once small") == [(True, True, ["channels", "rank"], True), (False, False, [], False)]
        assert [(a, b, c) for a, b, c, _ in story("low rank first")] == [
            (False, True, ["rank"]), (True, False, ["channels"]), (False, False, [])]  # fmt: skip
        assert [(a, b, c) for a, b, c, _ in story("one after the other")] == [
            (True, False, ["channels"]), (False, True, ["rank"]), (False, False, [])]  # fmt: skip


class TestTheDesigns:
    def test_both_sides_get_as_many_runs(self):
        assert len(half_design(made.FACTORS)) == len(full_design(made.PLAIN_FACTORS)) == 8
        assert len(half_design(made.LANGUAGE_FACTORS)) == len(full_design(made.LANGUAGE_PLAIN_FACTORS)) == 4

    def test_each_level_meets_every_level_of_every_other_factor_as_often(self):
        design = half_design(made.FACTORS)
        for one in made.FACTORS:
            for other in set(made.FACTORS) - {one}:
                pairs = [(setting[one], setting[other]) for setting in design]
                assert {pairs.count(pair) for pair in set(pairs)} == {2}
                assert len(set(pairs)) == 4
        with pytest.raises(ValueError, match="at least 3, of two levels"):
            half_design(made.PLAIN_FACTORS)

    def test_a_level_is_chosen_by_its_mean_and_not_by_the_best_run(self):
        factors = {"a": (0.0, 1.0), "b": (0.0, 1.0), "c": (0.0, 1.0)}
        design = half_design(factors)
        effects = [1.0 * s["a"] - 1.0 * s["b"] + 0.5 * s["c"] for s in design]
        lucky = next(n for n, s in enumerate(design) if s["a"] == 0 and s["b"] == 1)
        effects[lucky] = max(effects) + 0.1  # a single run that does best, against what its levels do elsewhere
        cases = {str(n): {"kind": "x", "setting": s} for n, s in enumerate(design)}
        cases["other"] = {"kind": "y", "setting": {"a": 0.0, "b": 0.0, "c": 0.0}}
        rows = [{"case": str(n), "score": score} for n, score in enumerate(effects)] + [
            {"case": "other", "score": 99.0}
        ]
        found = chosen({"cases": cases, "rows": rows}, "x", factors)
        means = {a: [e for e, s in zip(effects, design, strict=True) if s["a"] == a] for a in (0.0, 1.0)}
        assert found["a"] == max(means, key=lambda a: sum(means[a]))
        assert effects.index(max(effects)) == lucky


class TestATrial:
    def test_its_counts_are_those_of_its_layers(self, row):
        shapes = row["shapes"]
        widths = [shapes[f"convs.{i}.combination.weight"][0] if f"convs.{i}.combination.weight" in shapes
                  else shapes[f"convs.{i}.weight"][0] for i in range(3)]  # fmt: skip
        matrices = sum(math.prod(shape) for shape in shapes.values())
        assert row["parameters"] == matrices + 2 * sum(widths) + 10
        positions = {"convs.0": 1024, "convs.1": 256, "convs.2": 64, "fc": 1}
        macs = sum(math.prod(shape) * positions[".".join(n.split(".")[:2]) if "convs" in n else "fc"]
                   for n, shape in shapes.items())  # fmt: skip
        assert row["macs"] == macs
        assert row["times_fewer_macs"] == pytest.approx(12_298_240 / macs)
        assert 4 <= row["times_fewer_macs"] < 5

    def test_its_bytes_are_those_of_the_codecs(self, row):
        def step(tensors):  # 2 bits an element up, 4 for nine levels down, a scaler each way; small tensors in fp32
            up = sum(-(-n // 4) + 4 if n >= 256 else 4 * n for n in tensors)
            return up, sum(-(-n // 2) + 4 if n >= 256 else 4 * n for n in tensors)

        whole = [32 * 75, 32 * 800, 64 * 800, 32, 32, 32, 32, 64, 64, 10 * 1024, 10]
        small = [math.prod(shape) for shape in row["shapes"].values()]
        first, second = step(whole), step(small)
        fp32 = 4 * (row["parameters"] - sum(small))  # BatchNorm and the bias of the classifier, never 256 in a tensor
        assert row["steps"] == 8  # 2 steps an epoch, 2 epochs a stage, 2 stages
        assert row["bytes_up"] == 4 * first[0] + 4 * (second[0] + fp32)
        assert row["bytes_down"] == 4 * first[1] + 4 * (second[1] + fp32)

    def test_its_file_holds_its_weights_and_runs_alone(self, row):
        assert row["program_error"] <= experiment.TOLERANCE
        assert 4 * row["parameters"] < row["weight_bytes"] < 4 * row["parameters"] + 5_000
        assert row["weight_bytes"] < row["program_bytes"]
        assert row["milliseconds"] > 0 < row["times_faster"]
        assert 0 <= row["test"] <= 100

    def test_plain_sends_what_bytes_are_compared_with(self, monkeypatch):
        monkeypatch.setattr(made, "PLAIN_BATCH", 64)
        row = experiment.run_case(experiment.json.dumps(tiny(ABLATION["plain"])), 0)[1]
        assert row["times_fewer_bytes"] == row["times_fewer_macs"] == row["times_fewer_parameters"] == 1
        assert row["bytes_up"] == row["bytes_down"] == 4 * 89_706 * row["steps"]

    def test_a_structure_is_taken_without_its_weights(self, row):
        case = tiny(ABLATION["its structure, from scratch"])
        found = experiment.run_case(experiment.json.dumps(case["structure_of"]), 3)[0]
        net, fresh = experiment.run_case(experiment.json.dumps(case), 3)
        assert {n: w.shape for n, w in net.named_parameters()} == {n: w.shape for n, w in found.named_parameters()}
        assert (fresh["macs"], fresh["parameters"]) == (row["macs"], row["parameters"])
        for name, weight in net.named_parameters():
            if weight.ndim > 1:
                old = found.get_parameter(name)
                assert abs(torch.nn.functional.cosine_similarity(weight.flatten(), old.flatten(), dim=0)) < 0.5, name

    def test_another_result_of_the_program_stops_the_run(self, monkeypatch, row):
        case = tiny(ABLATION["all five"])
        net = experiment.run_case(experiment.json.dumps(case), 3)[0]
        monkeypatch.setattr(experiment, "save_program", lambda *_: 1)
        task = experiment.task_of(case)
        with torch.inference_mode():
            logits = net(*task.samples(net, 64))
        monkeypatch.setattr(experiment, "run_without_package", lambda *_: logits)
        assert experiment.deployed(task, net)["program_error"] == 0
        monkeypatch.setattr(experiment, "run_without_package", lambda *_: logits * 1.001)
        with pytest.raises(RuntimeError, match="the exported program is off by"):
            experiment.deployed(task, net)

    def test_what_diverges_got_nothing_right(self, monkeypatch):
        def diverges(*_):
            raise TrainingDiverged("the loss is nan")

        monkeypatch.setattr(experiment, "run_case", diverges)
        image, language = (
            experiment.tuning_trial(case | {"setting": {}, "kind": "x"}, 0)
            for case in (ABLATION["all five"], LANGUAGE["all four"])
        )
        assert image == {"score": 0.0, "diverged": "the loss is nan"}
        assert language["score"] == -math.log(2_000)  # that of a guess


def test_a_language_model_goes_through_all_of_it():
    row = experiment.trial(LANGUAGE["all four"] | {"bf16": False, "train_tokens": 6_000}, seed=0)
    assert 4 <= row["times_fewer_macs"] < 5
    assert row["shapes"]["decoder.combination.weight"][0] == 2_000
    assert row["shapes"]["layers.0.weight_hh_l0"][1] < 32
    assert row["bytes_up"] < row["bytes_down"]
    assert row["program_error"] <= experiment.TOLERANCE
    assert 1 < row["test"] < 2_100


def test_an_unknown_part_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["capstone", "--only", "latency"])
    with pytest.raises(SystemExit) as stopped:
        experiment.main()
    assert stopped.value.code == 2
    assert "choose from" in capsys.readouterr().err

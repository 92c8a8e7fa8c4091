"""TernGrad between real processes on this machine, over gloo."""

import math
import multiprocessing

import ddp_workers
import pytest

from effdl_lite.methods.terngrad import BASE_3, download_bytes, upload_bytes

FALSE_ALARM = 1e-8


@pytest.fixture(scope="module", params=[2, 4])
def seen(request, tmp_path_factory):
    """What each of the processes saw, by rank."""
    context = multiprocessing.get_context("spawn")
    results, folder = context.Queue(), tmp_path_factory.mktemp("ddp")
    processes = [
        context.Process(target=ddp_workers.run, args=(rank, request.param, str(folder), results))
        for rank in range(request.param)
    ]
    for process in processes:
        process.start()
    try:
        found = dict(results.get(timeout=300) for _ in processes)
    finally:
        for process in processes:
            process.join(timeout=60)
            if process.is_alive():
                process.terminate()
    assert [found[rank].get("error") for rank in range(request.param)] == [None] * request.param
    return [found[rank] for rank in range(request.param)]


def test_all_processes_have_the_same_weights_to_the_last_bit(seen):
    first, *others = (of["training"]["weights"] for of in seen)
    assert all(other == first for other in others)
    assert all(map(math.isfinite, first))


def test_they_learn(seen):
    for of in seen:
        losses = of["training"]["losses"]
        assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(seen):
    for of in seen:
        assert of["training"]["resumed"] == of["training"]["weights"]
        assert of["training"]["counted"][0] == of["training"]["counted"][1]
        assert of["training"]["counted"][0]["steps"] == 100


def test_small_tensors_and_float_layers_have_their_plain_mean_and_others_few_levels(seen):
    for of in seen:
        levels, off = list(of["mixed"]["levels"].values()), list(of["mixed"]["off"].values())
        assert len(levels) == 6
        for place in (0, 1, 2):  # the second bias has 32 elements, the last layer is left out
            assert 1 < levels[place] <= 2 * len(seen) + 1
            assert off[place] > 1e-3
        assert max(off[3:]) < 1e-6


def test_the_traffic_of_a_parameter_server_and_the_bytes_that_were_sent(seen):
    ternary, floats, steps = [20 * 64, 64, 64 * 32], 32 + 32 * 2 + 2, 2
    up = sum(upload_bytes(n, BASE_3) for n in ternary) + 4 * floats
    down = sum(download_bytes(n, len(seen)) for n in ternary) + 4 * floats
    for of in seen:
        counted = {"up": steps * up, "down": steps * down, "fp32": steps * 4 * (sum(ternary) + floats), "steps": steps}
        assert {key: of["mixed"][key] for key in counted} == counted
        # one message for all tensors of a bucket saves less than a byte for each; a bucket has one more number
        assert steps * (up + 4 - len(ternary)) < of["mixed"]["sent"] <= steps * (up + 4)


def test_the_exchanged_gradient_is_the_mean_on_average_on_the_shared_grid(seen):
    workers = len(seen)
    gradients = ddp_workers.G[:workers]
    scaler = gradients.abs().max().item()
    allowed = scaler * (math.sqrt(math.log(8 / FALSE_ALARM) / (2 * ddp_workers.REPEATS * workers)) + 2**-16)
    for of in seen:
        assert of["expectation"]["mean"] == pytest.approx(gradients.mean(dim=0).tolist(), abs=2 * allowed)
        levels = [level * workers / scaler for level in of["expectation"]["levels"]]
        assert 2 * workers <= len(levels) <= 2 * workers + 1
        assert levels == pytest.approx([round(level) for level in levels], abs=1e-5)


def test_a_gradient_that_is_not_finite_stops_all_processes_and_names_the_weight(seen):
    for of in seen:
        named = ["weight", "a tensor that is sent in fp32"]
        ends = "is NaN or infinite in at least one process"
        assert of["infinite"] == [f"TrainingDiverged: the gradient of {name} {ends}" for name in named]


def test_other_options_in_one_process_are_found_by_all_at_the_start(seen):
    codecs = ["base 3"] + ["2-bit"] * (len(seen) - 1)
    for of in seen:
        assert f"the processes have different options: codec is {codecs}" in of["options"]

"""The exchanges of gradients between real processes: all end with equal weights, and the bytes are those of theory."""

import itertools
import multiprocessing

import exchange_workers
import pytest

from effdl_lite.methods.terngrad import BASE_3, TWO_BIT
from experiments.exchanges import CODECS, EXCHANGES, FIRST_STEPS, RANKS, Exchange

WORKERS = 4
MATRICES = list(itertools.pairwise(exchange_workers.WIDTHS))
SIZES = [size for inputs, outputs in MATRICES for size in (inputs * outputs, outputs)]
STEPS = exchange_workers.STEPS


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What each of the processes saw, by rank."""
    context = multiprocessing.get_context("spawn")
    results, folder = context.Queue(), str(tmp_path_factory.mktemp("exchanges"))
    processes = [
        context.Process(target=exchange_workers.run, args=(rank, WORKERS, folder, results)) for rank in range(WORKERS)
    ]
    for process in processes:
        process.start()
    try:
        found = dict(results.get(timeout=300) for _ in processes)
    finally:
        for process in processes:
            process.join(timeout=60)
            if process.is_alive():
                process.kill()
    assert [found[rank].get("error") for rank in range(WORKERS)] == [None] * WORKERS
    return [found[rank] for rank in range(WORKERS)]


@pytest.mark.parametrize("name", [*EXCHANGES, "terngrad-2bit, many buckets"])
def test_all_processes_end_with_the_same_weights(seen, name):
    first, *others = (of[name]["weights"] for of in seen)
    assert all(other == first for other in others)
    assert name == "fp32" or first != seen[0]["fp32"]["weights"]


@pytest.mark.parametrize(("name", "bytes_an_element"), [("fp32", 4), ("bf16", 2)])
def test_every_element_is_sent(seen, name, bytes_an_element):
    assert {of[name]["sent"] for of in seen} == {STEPS * bytes_an_element * sum(SIZES)}


@pytest.mark.parametrize(("name", "codec"), [("terngrad-2bit", TWO_BIT), ("terngrad-base3", BASE_3)])
def test_large_tensors_are_sent_as_codes(seen, name, codec):
    large = [size for size in SIZES if size >= 256]
    codes = codec.bytes_of(sum(large)) + 4 * (sum(SIZES) - sum(large)) + 4 * len(large) + 4
    assert {of[name]["sent"] for of in seen} == {STEPS * codes}


@pytest.mark.parametrize(("name", "rank"), RANKS.items())
def test_powersgd_sends_two_factors_of_each_matrix_that_gets_smaller(seen, name, rank):
    factors = 0
    for inputs, outputs in MATRICES:
        small = min(rank, outputs) * (inputs + outputs)
        factors += small if 2 * small < inputs * outputs else inputs * outputs
        factors += outputs  # a bias
    expected = 4 * (FIRST_STEPS * sum(SIZES) + (STEPS - FIRST_STEPS) * factors)
    assert {of[name]["sent"] for of in seen} == {expected}
    assert expected < STEPS * 4 * sum(SIZES)


def test_powersgd_over_gloo_says_that_it_needs_one_bucket_instead_of_waiting_for_ever(seen):
    for of in seen:
        assert of["powersgd, many buckets"].startswith("ValueError: PowerSGD over gloo needs one bucket")


def test_a_checkpoint_of_another_exchange_is_refused(seen):
    states = {name: seen[0][name]["state"] for name in EXCHANGES}
    for name, state in states.items():
        assert (state["terngrad"] is not None) == (name in CODECS)
    exchange = Exchange.__new__(Exchange)
    exchange.name, exchange.terngrad = "fp32", None
    with pytest.raises(ValueError, match="made with the exchange bf16, not fp32"):
        exchange.load_state_dict(states["bf16"])
    exchange.load_state_dict(states["fp32"])
    assert exchange.sent == seen[0]["fp32"]["sent"]


def test_an_unknown_exchange_names_those_that_there_are():
    with pytest.raises(ValueError, match="exchange 'fp8' is unknown; choose one of fp32, bf16, terngrad-2bit"):
        Exchange("fp8", None)

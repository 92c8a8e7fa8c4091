"""The benchmark of TernGrad's codecs measures what it says. No test looks at a time."""

import pytest
import torch
from quick_benchmark import quick_results

from effdl_lite.measure import num_threads
from experiments.benchmarks import terngrad

WAYS = ["2-bit", "base 3", "base 3, new memory", "2-bit, new memory", terngrad.INT8, terngrad.BF16, terngrad.COPY]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return quick_results(
        tmp_path_factory.mktemp("bench"), "terngrad", terngrad.JOBS, terngrad.table, (terngrad.Effort(), terngrad.QUICK)
    )


def test_every_way_is_measured_beside_the_int8_way_of_the_same_rounds(quick):
    assert [row["candidate"] for row in quick["codec"]] == WAYS
    over = {row["candidate"]: row["over_int8"] for row in quick["codec"]}
    assert over[terngrad.INT8] == 1
    for row in quick["codec"]:
        assert row["gigabytes_a_second"] == pytest.approx(4 * row["elements"] / row["milliseconds"] / 1e6, rel=1e-3)


def test_the_goals_are_asked_of_the_two_codecs_that_write_to_given_memory(quick):
    goals = {row["candidate"]: row["goals"] for row in quick["codec"] if row["goals"]}
    assert goals == {of: {"gigabytes": 1.0, "over_int8": 3.5} for of in ("2-bit", "base 3")}
    assert sum("GB/s, ≥ 3.5 x" in line for line in quick["table"]) == 2


def test_bits_are_those_on_the_wire(quick):
    bits = {row["candidate"]: row["bits"] for row in quick["codec"]}
    scaler = 32 / 4096
    assert bits["2-bit"] == bits["2-bit, new memory"] == pytest.approx(2 + scaler, rel=1e-3)
    assert bits["base 3"] == pytest.approx(8 * 820 / 4096 + scaler, rel=1e-3)
    assert (bits[terngrad.INT8], bits[terngrad.BF16]) == (pytest.approx(8 + scaler, rel=1e-3), 16)


def test_the_steps_are_measured_by_themselves(quick):
    names = [row["candidate"] for row in quick["parts"]]
    assert len(names) == 9
    assert all(f"{of}: {step}" in names for of in ("2-bit", "base 3") for step in ("draw and pack", "pack alone"))


@pytest.mark.parametrize("way", WAYS[:5])
def test_what_is_timed_is_unbiased(way):
    generator = torch.Generator().manual_seed(3)
    gradient = torch.randn(50_000, generator=generator)
    terngrad.check_unbiased(way, gradient, terngrad.there_and_back(gradient, generator)[way]())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda ternary: ternary + 0.1, "it gives 3 sizes of elements instead of 0 and one more"),
        (lambda ternary: 1.2 * ternary, "the scaler of it is off by"),
        (lambda ternary: ternary.abs(), r"it is -?0\.0\d* times the gradient on average, not 1"),
        (lambda ternary: ternary * (torch.arange(len(ternary)) % 20 > 0), r"it is 0\.9\d* times the gradient"),
    ],
)
def test_what_is_wrong_is_not_timed(wrong, message):
    gradient = torch.randn(200_000, generator=torch.Generator().manual_seed(3))
    ternary = terngrad.decode(terngrad.encode(gradient, generator=torch.Generator().manual_seed(4)))
    with pytest.raises(RuntimeError, match=message):
        terngrad.check_unbiased("it", gradient, wrong(ternary))


def test_a_quick_run_says_so(quick):
    assert "QUICK: these times mean nothing" in quick["table"][0]
    assert quick["elements"] == [4096]

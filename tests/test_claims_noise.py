"""What the ledger counts on SmoothOut, against what can be said by hand."""

import math

import pytest
import torch

from effdl_lite.claims.counts import lowest_point, minima_left, noise_length, smoothing_bias, smoothout_passes
from effdl_lite.methods import smoothout


def test_a_dip_goes_once_two_strengths_downhill_lie_lower():
    gone = 1 - math.sqrt(0.2)  # 0.25 (2 - 2a)^2 < 0.2, the dip's bottom
    assert minima_left(0.8, gone - 0.02) == 2
    assert minima_left(0.8, gone + 0.02) == 1
    assert minima_left(1.5, 0.9) == 2  # the lowest place of all leaves a dent


def test_a_deep_dip_stops_being_the_lowest_place():
    stops = (1 - 1 / 1.5) / 5  # its depth 1.5 (1 - 5a) comes down to the hill's height, 1; the hill rises by a^2 / 12
    assert lowest_point(1.5, stops - 0.005) == pytest.approx(-1, abs=0.1)
    assert lowest_point(1.5, stops + 0.005) == pytest.approx(1, abs=0.1)


def test_smoothout_adds_no_pass():
    assert [smoothout_passes(shards) for shards in (1, 4, 8)] == [0, 0, 0]


def test_noise_is_as_long_as_its_filter_says():
    assert noise_length("shortest") == pytest.approx(0.1, rel=1e-6)
    assert noise_length("longest") == pytest.approx(0.1, rel=1e-6)
    with pytest.raises(ValueError, match="choose one of shortest, longest"):
        noise_length("mean")


def test_noise_that_is_too_weak_shows_as_bias(monkeypatch):
    allowed = 2 * math.sqrt(math.log(2e9) / (2 * 10**6))  # Hoeffding, slopes of -1 and 1, one false alarm in a billion
    assert smoothing_bias() < allowed
    drawn = smoothout.draw_noise
    monkeypatch.setattr(smoothout, "draw_noise", lambda weights, a, **more: drawn(weights, 0.95 * a, **more))
    assert smoothing_bias() > allowed


def test_counting_leaves_the_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    noise_length("shortest")
    smoothout_passes(2)
    assert torch.equal(torch.rand(3), expected)

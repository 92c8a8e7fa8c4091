"""QSGD: unbiased, with the variance of its formula, within the paper's bound; with one step TernGrad's neighbour."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from effdl_lite.measure import num_threads
from effdl_lite.methods.terngrad import QSGD, TWO_BIT, norms, qsgd, qsgd_variance, upload_bytes, variance
from effdl_lite.models import MLP
from effdl_lite.training import TrainingDiverged

GRADIENT = torch.tensor([0.3, -1.2, 0.9, 0.05])
FALSE_ALARM = 1e-8


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def allowed(draws: int, span: float, means: int = 1) -> float:
    """By Hoeffding, as in test_terngrad.py."""
    return span * (math.sqrt(math.log(2 * means / FALSE_ALARM) / (2 * draws)) + 2**-16)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_mean_variance_and_levels(steps):
    draws, norm = 50_000, GRADIENT.norm().item()
    values = qsgd(GRADIENT.repeat(draws), steps, bucket_size=4, generator=seeded()).view(draws, 4).double()
    levels = (values * steps / norm).unique()
    assert levels.tolist() == pytest.approx(levels.round().tolist(), abs=1e-5)
    assert levels.abs().max() <= steps
    assert (values.mean(dim=0) - GRADIENT).abs().max().item() <= allowed(draws, norm / steps, means=4)
    squares = (values - GRADIENT).square().mean(dim=0)
    expected = qsgd_variance(GRADIENT, steps, bucket_size=4)
    assert (squares - expected).abs().max().item() <= allowed(draws, (norm / steps) ** 2, means=4)


@given(st.integers(0, 10**6), st.integers(1, 200), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_the_variance_is_within_the_bound_of_the_paper(seed, elements, steps):
    gradient = torch.randn(elements, generator=seeded(seed)).double()
    bound = min(elements / steps**2, math.sqrt(elements) / steps) * gradient.square().sum().item()
    assert qsgd_variance(gradient, steps, bucket_size=None).sum().item() <= bound * (1 + 1e-9)


def test_one_step_has_the_variance_of_a_ternary_gradient_with_the_norm_as_scaler():
    gradient = torch.randn(1000, generator=seeded())
    scalers = norms(gradient, 100)
    assert scalers.tolist() == pytest.approx([part.norm().item() for part in gradient.split(100)])
    expected = variance(gradient, scalers, bucket_size=100)
    assert torch.allclose(qsgd_variance(gradient, 1, 100), expected)
    assert expected.sum() > 3 * variance(gradient, bucket_size=100).sum()  # of TernGrad without clipping


def test_zeros_stay_zeros_and_a_short_last_bucket_has_its_own_norm():
    assert not qsgd(torch.zeros(700)).any()
    gradient = torch.cat([torch.zeros(512), torch.tensor([3.0, 4.0])])
    assert norms(gradient).tolist() == [0.0, 5.0]
    assert {*qsgd(gradient, generator=seeded())[512:].tolist()} <= {0.0, 5.0}


def test_shape_and_type_are_kept():
    gradient = torch.randn(3, 5, 7, dtype=torch.bfloat16)
    result = qsgd(gradient, 4)
    assert (result.shape, result.dtype) == (gradient.shape, gradient.dtype)


def test_as_a_method_the_mean_of_the_workers_is_right_on_average():
    draws = 50_000
    model = nn.Linear(4 * draws, 1, bias=False)
    workers = [GRADIENT, torch.tensor([-0.5, 0.2, 0.1, 0.4])]
    method = QSGD(model, bucket_size=4, generator=seeded())
    (mean,) = method.combine([[gradient.repeat(draws).view(1, -1)] for gradient in workers], [0.5, 0.5])
    off = (mean.view(draws, 4).double().mean(dim=0) - sum(workers) / 2).abs().max().item()
    assert off <= allowed(draws, max(gradient.norm().item() for gradient in workers), means=4)
    assert len(mean.unique()) <= 9  # each worker has a scaler of its own
    assert 0.3 < method.zeros["weight"] < 0.7


def test_norms_are_sent_with_the_codes_and_the_mean_comes_back_in_float():
    model = MLP((100, 50, 10))
    method = QSGD(model)
    gradients = [[torch.randn_like(weight) for weight in model.parameters()] for _ in range(2)]
    method.combine(gradients, [0.5, 0.5])
    small = 4 * (50 + 10)
    assert method.traffic.up == upload_bytes(5000, TWO_BIT, 10) + upload_bytes(500, TWO_BIT, 1) + small
    assert method.traffic.down == method.traffic.fp32 == 4 * 5560


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_stops_and_is_named(value):
    gradient = torch.zeros(600)
    gradient[555] = value
    with pytest.raises(TrainingDiverged, match=r"the gradient holds 1 numbers \(of 600\)"):
        qsgd(gradient)
    method = QSGD(nn.Linear(600, 1, bias=False))
    with pytest.raises(TrainingDiverged, match="gradient of weight on worker 1"):
        method.combine([[torch.zeros(1, 600)], [gradient.view(1, -1)]], [0.5, 0.5])
    with pytest.raises(TrainingDiverged, match="norm is no number"):
        qsgd(torch.full((10,), 1e38))


@pytest.mark.parametrize(
    ("options", "message"), [({"steps": 0}, "steps is 0"), ({"bucket_size": 0}, "bucket_size is 0")]
)
def test_options(options, message):
    with pytest.raises(ValueError, match=message):
        qsgd(GRADIENT, **options)


def test_what_has_no_scaler_is_refused():
    for gradient, message in ((torch.zeros(0), "is empty"), (torch.arange(3), "ternarize floating-point")):
        with pytest.raises(ValueError, match=message):
            qsgd(gradient)

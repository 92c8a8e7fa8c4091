"""TernGrad: every number of the fact sheet comes out of the package, and chance does what its formulas say.

Statistical tests have fixed seeds. `deviation_allowed` computes how far a mean may be off, so that a correct program
fails one of them with a probability below 1e-6 in all: each is given 1e-8, and there are fewer than 100.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effdl_lite.measure import num_threads
from effdl_lite.methods import terngrad
from effdl_lite.methods.terngrad import (
    bound_ratio,
    clip,
    deviation,
    expected_nonzeros,
    expected_squared_norm,
    firing_probability,
    from_codes,
    gaussian_clip,
    mean_levels,
    mean_variance,
    scale,
    share_scalers,
    ternarize,
    ternary_codes,
    variance,
    worst_bound_ratio,
)
from effdl_lite.methods.terngrad.scalers import BLOCK
from effdl_lite.methods.terngrad.ternary import _SHARES, _add_and_round_down
from effdl_lite.training import TrainingDiverged


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


SLIDE = torch.tensor([0.30, -1.20, 0.90])
FALSE_ALARM = 1e-8
WORKERS = [
    torch.tensor([0.8, -0.3, 0.1, -0.05]),
    torch.tensor([0.6, -0.9, 0.2, 0.05]),
    torch.tensor([0.3, -0.2, -0.7, 0.4]),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def deviation_allowed(draws: int, span: float, means: int = 1) -> float:
    """By Hoeffding, each of `means` means of independent numbers in an interval of length `span` stays within it.

    The last term is for the bits of the random numbers that a block shares: given them, all elements are independent,
    with means that are off by at most 1 / 65536.
    """
    return span * (math.sqrt(math.log(2 * means / FALSE_ALARM) / (2 * draws)) + 2**-16)


def draws_of(gradient: torch.Tensor, draws: int, seed: int = 0, **options) -> torch.Tensor:
    """Ternary gradients of the same gradient, [draws, elements]: one long gradient, or single ones with buckets."""
    if options:
        generator = seeded(seed)
        return torch.stack([ternarize(gradient, generator=generator, **options) for _ in range(draws)])
    return ternarize(gradient.repeat(draws), generator=seeded(seed)).view(draws, -1)


class TestNumbersOfTheFactSheet:
    def test_the_vector_of_the_slides(self):
        assert scale(SLIDE)[0].tolist() == pytest.approx([1.2])
        assert firing_probability(SLIDE).tolist() == pytest.approx([0.25, 1, 0.75])
        assert variance(SLIDE).tolist() == pytest.approx([0.27, 0, 0.27])
        assert variance(SLIDE).sum().item() == pytest.approx(0.54)
        assert expected_squared_norm(SLIDE).item() == pytest.approx(2.88)
        assert SLIDE.square().sum().item() == pytest.approx(2.34)
        assert bound_ratio(SLIDE).item() == pytest.approx(1.230769, abs=1e-6)
        assert expected_nonzeros(SLIDE).item() == pytest.approx(2.0)

    def test_the_draw_of_the_slides(self):
        codes = SLIDE.sign().to(torch.int8) * torch.tensor([0, 1, 1], dtype=torch.int8)
        assert from_codes(codes, scale(SLIDE)[0]).tolist() == pytest.approx([0, -1.2, 1.2])

    def test_the_mean_of_three_workers_has_seven_levels(self):
        assert mean_levels(0.9, 3).tolist() == pytest.approx([-0.9, -0.6, -0.3, 0, 0.3, 0.6, 0.9])

    def test_gaussian_clipping(self):
        found = gaussian_clip(2.5)
        assert found.clipped == pytest.approx(0.012419, abs=1e-6)
        assert found.energy == pytest.approx(0.977560, abs=1e-6)
        assert found.length_change == pytest.approx(-0.01128, abs=1e-5)
        assert found.angle == pytest.approx(2.746, abs=1e-3)
        assert math.cos(math.radians(found.angle)) == pytest.approx(0.998851, abs=1e-6)
        assert found.nonzeros == pytest.approx(0.31755, abs=1e-5)
        for c, change, angle in ((2, -0.0406, 5.82), (3, -0.0025, 1.15)):
            assert gaussian_clip(c).length_change == pytest.approx(change, abs=5e-5)
            assert gaussian_clip(c).angle == pytest.approx(angle, abs=5e-3)

    def test_the_slides_ranges_for_gaussian_clipping_hold_at_their_constant(self):
        found = gaussian_clip()
        assert 0.010 <= -found.length_change <= 0.015
        assert 2 <= found.angle <= 3

    def test_a_scaler_for_each_layer_has_less_variance(self):
        layers = [torch.tensor([0.01, -0.02]), torch.tensor([1.0, -2.0])]
        own = [variance(layer).sum().item() for layer in layers]
        together = [variance(layer, torch.tensor([2.0])).sum().item() for layer in layers]
        assert own == pytest.approx([0.0001, 1.0])
        assert together == pytest.approx([0.0595, 1.0])
        assert sum(own) == pytest.approx(1.0001)
        assert sum(together) == pytest.approx(1.0595)

    def test_a_shared_scaler_has_more_variance(self):
        own = [scale(gradient)[0] for gradient in WORKERS]
        shared = share_scalers(own)
        assert torch.cat(own).tolist() == pytest.approx([0.8, 0.9, 0.7])
        assert shared.tolist() == pytest.approx([0.9])
        assert [variance(g).sum().item() for g in WORKERS] == pytest.approx([0.2575, 0.3625, 0.34])
        assert [variance(g, shared).sum().item() for g in WORKERS] == pytest.approx([0.3825, 0.3625, 0.66])
        assert mean_variance(WORKERS, own).item() == pytest.approx(0.10667, abs=1e-5)
        assert mean_variance(WORKERS, [shared] * 3).item() == pytest.approx(0.15611, abs=1e-5)


class TestChance:
    DRAWS = 200_000

    def test_the_expectation_is_the_gradient(self):
        values = draws_of(SLIDE, self.DRAWS)
        assert {*values.unique().tolist()} == {-SLIDE[1].neg().item(), 0.0, SLIDE[1].neg().item()}
        off = (values.double().mean(dim=0) - SLIDE).abs().max().item()
        assert off <= deviation_allowed(self.DRAWS, 1.2, means=3)

    def test_variance_squared_norm_and_number_of_non_zeros(self):
        values = draws_of(SLIDE, self.DRAWS).double()
        squares = (values - SLIDE).square()
        allowed = deviation_allowed(self.DRAWS, 1.2**2, means=3)
        assert (squares.mean(dim=0) - variance(SLIDE)).abs().max().item() <= allowed
        norms = values.square().sum(dim=1)
        allowed = deviation_allowed(self.DRAWS, 3 * 1.2**2)
        assert norms.mean().item() == pytest.approx(expected_squared_norm(SLIDE).item(), abs=allowed)
        nonzeros = (values != 0).double().sum(dim=1)
        allowed = deviation_allowed(self.DRAWS, 3)
        assert nonzeros.mean().item() == pytest.approx(expected_nonzeros(SLIDE).item(), abs=allowed)

    @pytest.mark.parametrize("step", [0.0, 1e-6, 3e-4, -3e-4, 0.1234, -0.5, 0.99999, 1.0, -1.0])
    def test_over_all_random_numbers_a_step_is_right_on_average(self, step):
        # Not an estimate: each of the 65,536 x 64 values of u is tried once.
        own = torch.arange(-(2**15), 2**15).to(torch.int16)
        codes = torch.empty(_SHARES, 2**16, dtype=torch.int8)
        for share in range(_SHARES):
            _add_and_round_down(torch.full((2**16,), step), own, share, codes[share])
        assert {*codes.unique().tolist()} <= {0, 1, 2}
        mean = codes.double().mean().item() - 1
        assert abs(mean - step) <= 2**-22
        if step in (0, 1, -1):
            assert mean == step

    def test_elements_and_draws_are_independent(self):
        first, second = (draws_of(torch.tensor([1.0, 0.5, 0.5, 0.5, 0.5]), 100_000, seed) for seed in (0, 1))
        pairs = [(a, b) for a in range(1, 5) for b in range(a) if b]
        allowed = deviation_allowed(100_000, 1, means=len(pairs) + 4)
        for a, b in pairs:
            assert abs((first[:, a] * first[:, b]).double().mean().item() - 0.25) <= allowed
        for a in range(1, 5):
            assert abs((first[:, a] * second[:, a]).double().mean().item() - 0.25) <= allowed

    def test_a_block_draws_other_numbers_than_the_block_before(self):
        codes = ternary_codes(torch.tensor([0.5]).repeat(2 * BLOCK), torch.ones(1), generator=seeded())
        same = (codes[:BLOCK] == codes[BLOCK:]).double().mean().item()
        assert abs(same - 0.5) <= deviation_allowed(BLOCK, 1)

    def test_after_clipping_the_expectation_is_the_clipped_gradient(self):
        gradient = torch.tensor([3.0, -0.2, 0.1, 0.3, -0.1, 0.2, -0.4, 0.0])
        scalers, limit = scale(gradient, 1.0)
        values = ternarize(gradient.repeat(50_000), scalers, limit=limit, generator=seeded()).view(50_000, -1)
        off = (values.double().mean(dim=0) - clip(gradient, 1.0)).abs().max().item()
        assert limit < 3
        assert off <= deviation_allowed(50_000, limit, means=8)
        assert (values[:, 0] == limit).all()

    def test_the_limit_holds_below_a_larger_shared_scaler(self):
        values = ternarize(torch.tensor([4.0]).repeat(100_000), torch.tensor([10.0]), limit=2.0, generator=seeded())
        assert values.double().mean().item() == pytest.approx(2, abs=deviation_allowed(100_000, 10))

    def test_clipped_gaussians_have_as_many_zeros_as_computed(self):
        gradient = torch.randn(500_000, generator=seeded())
        scalers, limit = scale(gradient, 2.5, "code")
        codes = ternary_codes(gradient, scalers, limit=limit, generator=seeded(1))
        share = (codes != 0).double().mean().item()
        # sigma is estimated too; a thousandth of it moves the share by less than a thousandth
        assert share == pytest.approx(gaussian_clip().nonzeros, abs=deviation_allowed(len(codes), 1) + 1e-3)
        cut = clip(gradient)
        assert (cut.norm() / gradient.norm()).item() - 1 == pytest.approx(gaussian_clip().length_change, abs=1e-3)

    @pytest.mark.parametrize("bucket_size", [2, 3, 4])
    def test_buckets_have_their_own_scalers_and_expectation(self, bucket_size):
        gradient = torch.tensor([0.1, -0.2, 3.0, 1.0, -2.0, 0.4, 0.3])
        values = draws_of(gradient, 4000, bucket_size=bucket_size)
        scalers, _ = scale(gradient, bucket_size=bucket_size)
        assert scalers.tolist() == [part.abs().max() for part in gradient.split(bucket_size)]
        for part, of_part, scaler in zip(
            gradient.split(bucket_size), values.split(bucket_size, dim=1), scalers, strict=True
        ):
            assert {*of_part.abs().unique().tolist()} <= {0.0, scaler.item()}
            off = (of_part.double().mean(dim=0) - part).abs().max().item()
            assert off <= deviation_allowed(4000, scaler.item(), means=7)

    def test_a_bucket_that_spans_two_blocks_has_one_scaler(self):
        gradient = torch.randn(BLOCK + 7, generator=seeded())
        scalers, _ = scale(gradient, bucket_size=BLOCK - 5)
        values = ternarize(gradient, bucket_size=BLOCK - 5, generator=seeded())
        assert len(scalers) == 2
        assert {*values[: BLOCK - 5].abs().unique().tolist()} == {0.0, scalers[0].item()}
        assert {*values[BLOCK - 5 :].abs().unique().tolist()} == {0.0, scalers[1].item()}

    def test_buckets_of_a_later_block_are_drawn_with_their_own_scalers(self):
        gradient = torch.cat([torch.ones(BLOCK), torch.full((BLOCK,), 50.0)])
        gradient[:: BLOCK // 4] *= 2  # the scaler of each of eight buckets
        values = ternarize(gradient, bucket_size=BLOCK // 4, generator=seeded())
        off = values[BLOCK:].mean().item() - gradient[BLOCK:].mean().item()
        assert abs(off) <= deviation_allowed(BLOCK, 100)

    def test_buckets_of_one_element_are_float_gradients(self):
        gradient = torch.randn(1000, generator=seeded())
        assert torch.equal(ternarize(gradient, bucket_size=1), gradient)

    def test_the_caller_decides_the_random_numbers(self):
        gradient = torch.randn(1000, generator=seeded())
        state = torch.get_rng_state()
        first, again, other = (ternarize(gradient, generator=seeded(seed)) for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        assert torch.equal(torch.get_rng_state(), state)


class TestScalers:
    def test_formula_and_authors_code_clip_alike_but_scale_differently(self):
        flat = torch.tensor([1.0, -1.0, 0.5, -0.5])  # no element is 2.5 deviations long
        sigma = deviation(flat)
        assert sigma == pytest.approx(math.sqrt(0.625))
        assert scale(flat, 2.5) == (torch.tensor([1.0]), 2.5 * sigma)
        scalers, limit = scale(flat, 2.5, "code")
        assert scalers.item() == pytest.approx(2.5 * sigma)
        assert limit == math.inf
        outlier = torch.tensor([100.0] + [1.0] * 99)
        formula, code = scale(outlier, 2.5), scale(outlier, 2.5, "code")
        assert formula[0].item() == pytest.approx(2.5 * deviation(outlier)) == code[0].item()
        assert formula[0].item() < 100

    def test_the_deviation_is_around_the_mean_and_the_clipping_around_zero(self):
        gradient = torch.tensor([9.0, 10.0, 11.0])
        assert deviation(gradient) == pytest.approx(math.sqrt(2 / 3))
        assert clip(gradient, 2.5).tolist() == pytest.approx([2.5 * math.sqrt(2 / 3)] * 3)

    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 3 * BLOCK), st.floats(-100, 100), st.integers(0, 9))
    def test_the_deviation_of_blocks_is_that_of_the_whole(self, elements, mean, seed):
        gradient = torch.randn(elements, generator=seeded(seed)) + mean
        expected = gradient.double().std(correction=0).item()
        assert deviation(gradient) == pytest.approx(expected, rel=1e-4, abs=1e-5)

    def test_where_all_elements_are_equal_nothing_is_clipped(self):
        for elements in (1, 5):
            for rule in terngrad.RULES:
                gradient = torch.full((elements,), -0.3)
                assert scale(gradient, 2.5, rule) == (torch.tensor([0.3]), math.inf)
                assert torch.equal(clip(gradient), gradient)

    def test_zeros_stay_zeros(self):
        gradient = torch.zeros(3, 4)
        assert torch.equal(ternarize(gradient), gradient)
        assert torch.equal(ternarize(gradient, bucket_size=5), gradient)
        assert not ternary_codes(gradient, torch.zeros(1)).any()
        assert firing_probability(gradient).sum() == expected_squared_norm(gradient) == 0
        assert bound_ratio(gradient) == 1

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_other_float_types_keep_theirs(self, dtype):
        gradient = torch.tensor([[0.5, -1.0], [1.0, 0.0]], dtype=dtype)
        values = ternarize(gradient, generator=seeded())
        assert values.dtype == dtype
        assert values.shape == (2, 2)
        assert values.flatten()[1:].tolist() == [-1, 1, 0]

    @pytest.mark.parametrize("size", [1e-42, 1e-30, 1e30])
    def test_very_small_and_very_large_gradients(self, size):
        values = ternarize(torch.tensor([size, -size, 0.0]))
        assert values.tolist() == torch.tensor([size, -size, 0.0]).tolist()

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=30))
    def test_the_bounds_are_in_the_order_of_the_proof(self, elements):
        gradient = torch.tensor(elements)
        squares, ternary = gradient.square().sum(), expected_squared_norm(gradient)
        whole_model = expected_squared_norm(gradient, torch.tensor([6.0]))
        assert squares <= ternary * (1 + 1e-5)
        assert expected_squared_norm(gradient, bucket_size=2) <= ternary * (1 + 1e-5)
        assert ternary <= whole_model * (1 + 1e-5)
        assert expected_squared_norm(gradient, bucket_size=1).item() == pytest.approx(squares.item(), rel=1e-5)
        assert 1 - 1e-5 <= bound_ratio(gradient) <= worst_bound_ratio(len(elements)) * (1 + 1e-5) or squares < 1e-30

    @pytest.mark.parametrize("elements", [2, 9, 10_000])
    def test_the_worst_bound_ratio_is_reached(self, elements):
        gradient = torch.full((elements,), 1 / (1 + math.sqrt(elements)), dtype=torch.float64)
        gradient[0] = 1
        assert bound_ratio(gradient).item() == pytest.approx(worst_bound_ratio(elements))


class TestRefusals:
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("use", [scale, lambda g, **_: ternarize(g), lambda g, **_: ternarize(g, torch.ones(1))])
    def test_a_gradient_that_is_not_finite_is_stopped(self, value, use):
        gradient = torch.zeros(10)
        gradient[3] = value
        with pytest.raises(TrainingDiverged, match=r"holds 1 numbers \(of 10\) that are NaN or infinite"):
            use(gradient, clip=2.5)

    def test_finite_numbers_whose_sum_is_not_are_let_through(self):
        gradient = torch.full((4,), 3e38)
        assert torch.equal(ternarize(gradient, torch.tensor([3e38])), gradient)

    def test_a_deviation_that_overflows_is_named(self):
        with pytest.raises(TrainingDiverged, match=r"conv1 is so large that its standard deviation is no number"):
            scale(torch.tensor([3e38, -3e38, 3e38]), 2.5, name="conv1")

    @pytest.mark.parametrize(
        ("gradient", "message"),
        [
            (torch.zeros(0, 3), r"fc is empty, of shape \(0, 3\)"),
            (torch.zeros(3, dtype=torch.int64), "fc is of type torch.int64; ternarize floating-point"),
            (torch.zeros(3, dtype=torch.complex64), "fc is of type torch.complex64"),
            (torch.eye(3).to_sparse(), "fc is sparse"),
        ],
    )
    def test_what_has_no_scaler(self, gradient, message):
        with pytest.raises(ValueError, match=message):
            scale(gradient, name="fc")

    @pytest.mark.parametrize("size", [0, -1, 2.0, True])
    def test_bucket_sizes(self, size):
        with pytest.raises(ValueError, match="at least 1, or None for one a tensor"):
            scale(SLIDE, bucket_size=size)

    @pytest.mark.parametrize("c", [0, -1, math.nan, math.inf, "2.5", True])
    def test_clip_constants(self, c):
        with pytest.raises(ValueError, match="give a number above 0"):
            scale(SLIDE, c)

    def test_rules(self):
        with pytest.raises(ValueError, match="rule 'both' is unknown; choose one of formula, code"):
            scale(SLIDE, 2.5, "both")
        with pytest.raises(ValueError, match="all buckets of a tensor have the scaler c sigma"):
            scale(SLIDE, 2.5, "code", bucket_size=2)

    @pytest.mark.parametrize(
        ("scalers", "message"),
        [
            (torch.ones(2), r"need 1 scalers; these have the shape \(2,\)"),
            (torch.tensor(1.0), r"need 1 scalers; these have the shape \(\)"),
            (torch.tensor([-1.0]), "negative, NaN or infinite"),
            (torch.tensor([math.nan]), "negative, NaN or infinite"),
        ],
    )
    def test_scalers_of_another_gradient(self, scalers, message):
        with pytest.raises(ValueError, match=message):
            ternarize(SLIDE, scalers)

    def test_a_clip_constant_of_zero_has_no_figures(self):
        with pytest.raises(ValueError, match="must be above 0"):
            gaussian_clip(0)

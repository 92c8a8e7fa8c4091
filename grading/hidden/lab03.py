"""Hidden tests of lab 3: reference computations and random input. Students never have this file."""

import importlib.util
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from effdl_lite.checking import Checks, close, holds, refuses, shaped, unchanged

hidden = Checks("lab03")

# What comes back is taken apart as in the public checks, and the energy left over is compared as there.
_place = Path(__file__).resolve().parents[2] / "solutions" / "lab03" / "checks.py"
_spec = importlib.util.spec_from_file_location("public_checks_of_lab03", _place)
public = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(public)


def normal(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def with_singular_values(values: tuple[float, ...], shape: tuple[int, int], seed: int, dtype=torch.float32) -> Tensor:
    """A random matrix with these singular values, and zeros after them."""
    rows, columns = shape
    left = torch.linalg.qr(normal(rows, len(values), seed=seed, dtype=torch.float64))[0]
    right = torch.linalg.qr(normal(columns, len(values), seed=seed + 1000, dtype=torch.float64))[0]
    return (left @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ right.T).to(dtype)


# Exercise 1


@hidden.test("filter_matrix")
def matrices_of_many_layers(S):
    """layers of several shapes and numbers of dimensions"""
    for seed, shape in enumerate(
        [(5, 3, 2, 4), (2, 7, 3, 3), (4, 3), (6, 2, 5), (3, 2, 2, 3, 2), (1, 4, 1, 1), (8, 1, 3, 1)]
    ):
        weight = normal(*shape, seed=seed)
        rows = [torch.stack(list(weight[i].reshape(-1))) for i in range(shape[0])]
        close(S.filter_matrix(weight), torch.stack(rows), f"the matrix of a weight of shape {shape}", 1e-6, show=False)


@hidden.test("filter_matrix")
def matrices_in_other_layouts(S):
    """weights whose numbers lie in another order in memory"""
    weight = normal(4, 3, 2, 5, seed=9)
    expected = torch.stack([weight[i].reshape(-1) for i in range(4)])
    layouts = [
        weight.contiguous(memory_format=torch.channels_last),
        weight.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0),
    ]
    for other in layouts:
        close(S.filter_matrix(other), expected, "the matrix of a weight in another layout", 1e-6, show=False)


@hidden.test("filter_matrix")
def matrix_keeps_its_type(S):
    """double precision stays double precision; the weight stays as it was"""
    weight = normal(3, 2, 2, 2, seed=10, dtype=torch.float64)
    found = shaped(S.filter_matrix(weight), (3, 8), "the matrix")
    holds(found.dtype == torch.float64, f"the matrix of float64 should hold float64, and holds {found.dtype}")
    close(found, torch.stack(list(weight)).reshape(3, 8), "the matrix in float64", 1e-14, show=False)
    unchanged(S, "filter_matrix", [weight], "weight")


# Exercise 2

SPECTRA = (
    ((3.0, 2.0, 1.0, 1.0), (4, 9)),
    ((3.0, 2.0, 1.0, 1.0), (9, 4)),
    ((5.0, 4.0, 3.0, 2.0, 1.0), (7, 5)),
    ((10.0, 3.0, 2.0, 1.5, 1.0, 0.5), (6, 30)),
    ((1.0,) * 8, (8, 8)),
    ((2.0, 1.0), (6, 5)),
    ((7.0,), (1, 3)),
)


def shares_of(matrix: Tensor) -> Tensor:
    energies = torch.linalg.svdvals(matrix.double()).square()
    return energies.cumsum(0) / energies.sum()


@hidden.test("energy_rank")
def shares_of_many_matrices(S):
    """matrices with singular values that are known, tall and wide"""
    for seed, (values, shape) in enumerate(SPECTRA):
        for factor in (1.0, 1e-3, 200.0):
            matrix = factor * with_singular_values(values, shape, seed)
            what = f"energy_shares of a matrix of {shape[0]} filters of {shape[1]} weights"
            close(S.energy_shares(matrix), shares_of(matrix), what, 1e-5, show=False)


@hidden.test("energy_rank")
def ranks_between_the_shares(S):
    """ranks at energies between two shares"""
    for seed, (values, shape) in enumerate(SPECTRA):
        matrix = with_singular_values(values, shape, seed + 20)
        total, kept = sum(value**2 for value in values), 0.0
        for rank, value in enumerate(values, 1):
            for inside in (0.03, 0.5, 0.97):
                energy = (kept + inside * value**2) / total
                public.whole(S.energy_rank(matrix, energy), rank, f"the rank at energy {energy:.4f}", show=False)
            kept += value**2


@hidden.test("energy_rank")
def ranks_at_the_shares(S):
    """energies that are exactly reached, 1 among them"""
    for seed, (values, shape) in enumerate(SPECTRA):
        matrix = with_singular_values(values, shape, seed + 40)
        total = sum(value**2 for value in values)
        for rank in range(1, len(values) + 1):
            energy = sum(value**2 for value in values[:rank]) / total
            public.whole(
                S.energy_rank(matrix, energy), rank, f"the rank at energy {energy:.4f}, exactly reached,", show=False
            )


@hidden.test("energy_rank")
def ranks_nearly_at_the_shares(S):
    """energies that a share misses by less than 1e-5, and by a little more"""
    cases = ((3.0, 1.0), (4, 5)), ((3.0, 2.0, 1.0, 1.0), (9, 4)), ((2.0, 1.0), (2, 7))
    for seed, (values, shape) in enumerate(cases):
        matrix = with_singular_values(values, shape, seed + 60)
        for rank in range(1, len(values)):
            share = sum(value**2 for value in values[:rank]) / sum(value**2 for value in values)
            for missed, expected in ((5e-6, rank), (1.5e-5, rank + 1), (1e-4, rank + 1), (9e-4, rank + 1)):
                found = S.energy_rank(matrix, share + missed)
                public.whole(found, expected, f"the rank at energy {share + missed:.6f}", show=False)


@hidden.test("energy_rank")
def ranks_of_random_filters(S):
    """filters with a common mean, as real ones have"""
    for seed in range(6):
        matrix = normal(7 + seed, 12, seed=seed) + 0.8
        shares = shares_of(matrix).tolist()
        for energy in (0.3, 0.6, 0.8, 0.9, 0.95, 0.99):
            rank = 1 + sum(share < energy for share in shares)
            what = f"the rank of random filters at energy {energy}"
            public.whole(S.energy_rank(matrix, energy), rank, what, show=False)


@hidden.test("energy_rank")
def energies_out_of_range(S):
    """energies that are none, and matrices of zeros"""
    matrix = normal(4, 5, seed=1)
    for energy in (0.0, -1e-9, -3, 1.0001, 2):
        refuses(S, "energy_rank", [matrix, energy], f"{energy} is no share")
    for shape in ((3, 4), (5, 2)):
        refuses(S, "energy_shares", [torch.zeros(shape)], "there is no energy to share")
        refuses(S, "energy_rank", [torch.zeros(shape), 0.5], "there is no energy to share")


@hidden.test("energy_rank")
def ranks_leave_their_input_alone(S):
    """the matrix stays as it was"""
    unchanged(S, "energy_shares", [normal(4, 5, seed=2)], "matrix")
    unchanged(S, "energy_rank", [normal(5, 4, seed=3), 0.9], "matrix energy")


# Exercise 3


def compare_factors(S, matrix: Tensor, rank: int, tolerance: float = 1e-4) -> None:
    basis, combination = public.factors(S.principal_filters(matrix, rank), matrix, rank)
    filters, weights = matrix.shape
    what = f"at rank {rank} of {filters} filters of {weights} weights"
    gram = combination.double().T @ combination.double()
    close(gram, torch.eye(rank), f"combination.T @ combination {what}", tolerance, show=False)
    public.left_over(matrix, combination @ basis, rank, f"combination @ basis {what}", tolerance)
    close(basis, combination.T.double() @ matrix.double(), f"the basis {what}", tolerance, show=False)


@hidden.test("principal_filters")
def bases_of_random_filters(S):
    """random filters, tall and wide, all ranks"""
    for seed, shape in enumerate([(5, 8), (8, 5), (6, 6), (1, 4), (4, 1), (3, 20)]):
        for rank in range(1, min(shape) + 1):
            compare_factors(S, normal(*shape, seed=seed), rank)


@hidden.test("principal_filters")
def bases_of_filters_with_a_mean(S):
    """filters with a large common mean"""
    for rank in (1, 2, 5):
        compare_factors(S, normal(6, 9, seed=10) + 2.0, rank)


@hidden.test("principal_filters")
def bases_with_equal_energies(S):
    """singular values that are equal, where the basis is not unique, and filters of very different lengths"""
    for rank in (1, 2, 3, 4):
        compare_factors(S, with_singular_values((2.0, 1.0, 1.0, 0.5), (5, 6), seed=11), rank)
        compare_factors(S, normal(6, 5, seed=12) * torch.tensor([[30.0], [0.01], [1], [5], [0.2], [1]]), rank)


@hidden.test("principal_filters")
def bases_of_filters_in_few_directions(S):
    """filters that lie in fewer directions than the rank"""
    for rank in (2, 3, 4):
        compare_factors(S, with_singular_values((3.0, 1.0), (5, 6), seed=13), rank)


@hidden.test("principal_filters")
def basis_in_double_precision(S):
    """double precision stays double precision"""
    matrix = normal(6, 8, seed=14, dtype=torch.float64)
    for part in public.factors(S.principal_filters(matrix, 3), matrix, 3):
        holds(part.dtype == torch.float64, f"the factors of float64 should hold float64, and hold {part.dtype}")
    compare_factors(S, matrix, 3, tolerance=1e-10)


@hidden.test("principal_filters")
def ranks_out_of_range(S):
    """ranks that are too small or too large"""
    for shape, rank in (((4, 9), 5), ((9, 4), 5), ((4, 9), 0), ((9, 4), -2), ((3, 3), 9)):
        refuses(S, "principal_filters", [normal(*shape, seed=15), rank], f"rank {rank} is out of range")


@hidden.test("principal_filters")
def factors_leave_their_input_alone(S):
    """the matrix stays as it was"""
    unchanged(S, "principal_filters", [normal(4, 9, seed=16), 2], "matrix rank")
    unchanged(S, "principal_filters", [normal(9, 4, seed=17), 4], "matrix rank")


# Exercise 4


@hidden.test("decompose")
def weights_of_many_layers(S):
    """weights of several shapes and ranks"""
    for seed, (shape, ranks) in enumerate(
        [((6, 3, 3, 3), (1, 3, 6)), ((4, 2, 1, 5), (2, 4)), ((9, 2, 2, 2), (3, 8)), ((5, 7, 1, 1), (4,))]
    ):
        weight = normal(*shape, seed=seed) + 0.4
        for rank in ranks:
            basis, combination = public.two_weights(S.split_weight(weight, rank), shape, rank)
            product = public.recomposed(basis, combination).reshape(shape[0], -1)
            what = f"the product of both weights at rank {rank}, shape {shape},"
            public.left_over(weight.reshape(shape[0], -1), product, rank, what)


@hidden.test("decompose")
def weights_in_channels_last(S):
    """a weight in channels last"""
    weight = normal(6, 4, 3, 2, seed=20).contiguous(memory_format=torch.channels_last)
    basis, combination = public.two_weights(S.split_weight(weight, 6), (6, 4, 3, 2), 6)
    close(public.recomposed(basis, combination), weight, "the product of both weights at full rank", show=False)


@hidden.test("decompose")
def outputs_of_many_pairs(S):
    """strides, paddings, windows and biases of several kinds"""
    cases = [
        ((2, 3, 8, 7), (2, 3, 3, 3), 5, 1, 1),
        ((1, 3, 8, 9), (4, 3, 3, 3), 2, 2, 1),
        ((3, 2, 9, 6), (3, 2, 1, 3), 4, 1, (0, 1)),
        ((2, 2, 7, 10), (2, 2, 3, 2), 3, (1, 2), (2, 0)),
        ((2, 5, 4, 4), (3, 5, 1, 1), 6, 1, 0),
        ((1, 1, 11, 11), (1, 1, 5, 5), 3, 3, 2),
    ]
    for seed, (inputs, shape, filters, stride, padding) in enumerate(cases):
        x, basis = normal(*inputs, seed=seed), normal(*shape, seed=seed + 30)
        combination = normal(filters, shape[0], 1, 1, seed=seed + 60)
        for bias in (normal(filters, seed=seed + 90), None):
            expected = F.conv2d(x, public.recomposed(basis, combination), bias, stride, padding)
            found = S.two_convolutions(x, basis, combination, bias, stride, padding)
            close(
                found,
                expected,
                f"the output with stride {stride}, padding {padding}, bias {bias is not None}",
                show=False,
            )


@hidden.test("decompose")
def as_many_basis_filters_as_outputs(S):
    """as many basis filters as outputs, so that shapes alone tell nothing"""
    x, basis, combination = normal(2, 3, 6, 6, seed=21), normal(3, 3, 3, 3, seed=22), normal(3, 3, 1, 1, seed=23)
    for stride, padding in ((1, 0), (1, 1), (2, 1)):
        expected = F.conv2d(x, public.recomposed(basis, combination), normal(3, seed=24), stride, padding)
        found = S.two_convolutions(x, basis, combination, normal(3, seed=24), stride, padding)
        close(found, expected, f"the output with stride {stride} and padding {padding}", show=False)


@hidden.test("decompose")
def negative_numbers_between(S):
    """numbers below zero between the two convolutions stay what they are"""
    x = torch.ones(1, 1, 3, 3)
    found = S.two_convolutions(x, -torch.ones(2, 1, 3, 3), torch.ones(2, 2, 1, 1), None, 1, 0)
    close(found, torch.full((1, 2, 1, 1), -18.0), "the output of negative filters", show=False)


@hidden.test("decompose")
def one_after_the_other(S):
    """weights so large that their product is no number, in single and in double precision"""
    for size, dtype in ((1e25, torch.float32), (1e200, torch.float64)):
        x = normal(2, 3, 6, 5, seed=30, dtype=dtype)
        basis, combination = normal(2, 3, 3, 3, seed=31, dtype=dtype), normal(4, 2, 1, 1, seed=32, dtype=dtype)
        for stride, padding in ((1, 1), (2, 0)):
            expected = F.conv2d(x, public.recomposed(basis, combination), None, stride, padding)
            found = S.two_convolutions(x / size, size * basis, size * combination, None, stride, padding)
            shaped(found, expected.shape, "the output")
            close(found / size, expected, f"the output for weights of {size:g}", show=False)


@hidden.test("decompose")
def decompose_leaves_its_input_alone(S):
    """the tensors stay as they were"""
    unchanged(S, "split_weight", [normal(5, 3, 2, 2, seed=25), 3], "weight rank")
    args = [
        normal(2, 3, 6, 6, seed=26),
        normal(2, 3, 3, 3, seed=27),
        normal(4, 2, 1, 1, seed=28),
        normal(4, seed=29),
        1,
        1,
    ]
    unchanged(S, "two_convolutions", args, "x basis combination bias stride padding")


# Exercise 5

LAYERS = (
    (64, 64, 3, 3),
    (384, 256, 3, 3),
    (384, 192, 3, 3),
    (16, 3, 5, 5),
    (10, 4, 1, 7),
    (12, 2, 1, 3),
    (6, 3, 1, 1),
    (2, 1, 1, 2),
    (1, 5, 3, 3),
    (2, 1, 1, 1),
    (576, 64, 3, 3),
)


def macs_of(shape: tuple[int, ...], rank: int) -> tuple[int, int]:
    """MACs for one place of the output: of the layer, and of the two convolutions; counted filter by filter."""
    weights = shape[1] * shape[2] * shape[3]
    return sum(weights for _ in range(shape[0])), sum(weights for _ in range(rank)) + sum(rank for _ in range(shape[0]))


@hidden.test("break_even")
def ratios_of_many_layers(S):
    """ratios of several layers and ranks"""
    for shape in LAYERS:
        for rank in {1, max(1, shape[0] // 3), shape[0]}:
            layer, both = macs_of(shape, rank)
            found = S.mac_ratio(shape, rank)
            close(found, layer / both, f"mac_ratio({shape}, {rank})", 1e-6, show=False)


@hidden.test("break_even")
def paying_ranks_of_many_layers(S):
    """the largest paying rank of several layers, some with a rank that costs exactly the same"""
    for shape in LAYERS:
        paying = [rank for rank in range(1, shape[0] + 1) if macs_of(shape, rank)[1] < macs_of(shape, rank)[0]]
        public.whole(S.best_paying_rank(shape), max(paying, default=0), f"best_paying_rank({shape})", show=False)


@hidden.test("break_even")
def border_of_both_functions(S):
    """both functions agree on what pays"""
    for shape in ((48, 32, 3, 3), (20, 5, 2, 2), (3, 6, 1, 1)):
        rank = S.best_paying_rank(shape)
        holds(type(rank) is int and rank >= 1, f"best_paying_rank({shape}) should be an int above 0")
        for other, pays in ((rank, True), (rank + 1, False)):
            layer, both = macs_of(shape, other)
            holds((layer > both) == pays, f"best_paying_rank({shape}) is not on the border of what pays")
            close(S.mac_ratio(shape, other), layer / both, f"mac_ratio({shape}, {other})", 1e-6, show=False)


# Exercise 6


def force_of(matrix: Tensor, kind: str) -> Tensor:
    """By the definition, pair by pair and number by number, in double precision."""
    rows = matrix.double().tolist()
    lengths = [math.sqrt(sum(x * x for x in row)) for row in rows]
    directions = {i: [x / lengths[i] for x in row] for i, row in enumerate(rows) if lengths[i] > 1e-4}
    result = torch.zeros(matrix.shape, dtype=torch.float64)
    for i, mine in directions.items():
        for other in directions.values():
            pull = [a - b for a, b in zip(other, mine, strict=True)]
            distance = math.sqrt(sum(x * x for x in pull))
            if kind == "L1":
                if distance <= 1e-4:
                    continue
                pull = [x / distance for x in pull]
            along = sum(a * b for a, b in zip(pull, mine, strict=True))
            result[i] += lengths[i] * torch.tensor(
                [a - along * b for a, b in zip(pull, mine, strict=True)], dtype=torch.float64
            )
    return result


@hidden.test("force")
def forces_of_many_layers(S):
    """random filters, more or fewer than their weights, of several lengths"""
    for seed, shape in enumerate([(2, 3), (7, 4), (4, 9), (12, 2), (3, 3), (1, 5)]):
        matrix = normal(*shape, seed=seed) * torch.logspace(-1, 1, shape[0])[:, None]
        for kind in ("L2", "L1"):
            what = f'the force "{kind}" on {shape[0]} filters of {shape[1]} weights'
            close(S.force(matrix, kind), force_of(matrix, kind), what, show=False)


@hidden.test("force")
def forces_of_filters_with_a_mean(S):
    """filters that nearly agree, and filters that are opposite"""
    near, across = 3.0 + 0.1 * normal(6, 5, seed=10), normal(3, 4, seed=11)
    for matrix in (near, torch.cat([across, -0.5 * across]), torch.cat([torch.eye(3), -torch.eye(3)])):
        for kind in ("L2", "L1"):
            close(S.force(matrix, kind), force_of(matrix, kind), f'the force "{kind}"', 1e-4, show=False)


@hidden.test("force")
def forces_beside_short_filters(S):
    """filters of zeros and filters that are very short, also for themselves"""
    matrix = normal(6, 4, seed=12)
    matrix[1], matrix[3] = 0, 1e-6 * matrix[3]
    for kind in ("L2", "L1"):
        found = shaped(S.force(matrix, kind), (6, 4), "the force")
        close(found, force_of(matrix, kind), f'the force "{kind}" beside short filters', show=False)
        close(
            1e6 * found[[1, 3]], torch.zeros(2, 4), f'a million times the force "{kind}" on short filters', show=False
        )
    for kind in ("L2", "L1"):
        close(S.force(torch.zeros(3, 2), kind), torch.zeros(3, 2), f'the force "{kind}" on zeros', show=False)


@hidden.test("force")
def short_filters_that_count(S):
    """filters that are short, and not too short"""
    matrix = 5e-3 * normal(5, 4, seed=13)
    for kind in ("L2", "L1"):
        expected = 1e3 * force_of(matrix, kind)
        found = shaped(S.force(matrix, kind), (5, 4), "the force")
        close(1e3 * found, expected, f'a thousand times the force "{kind}" on short filters', show=False)


@hidden.test("force")
def filters_near_the_limit_of_length(S):
    """filters a little shorter and a little longer than 1e-4, and what they do to others"""
    for dtype in (torch.float32, torch.float64):
        directions = F.normalize(normal(5, 4, seed=18, dtype=dtype), dim=1)
        lengths = torch.tensor([[1.0], [2e-4], [6e-5], [2.0], [5e-4]], dtype=dtype)
        for kind in ("L2", "L1"):
            expected = force_of(lengths * directions, kind) / lengths
            found = shaped(S.force(lengths * directions, kind), (5, 4), "the force")
            close(found / lengths, expected, f'the force "{kind}", by length, on and beside short filters', show=False)


@hidden.test("force")
def filters_near_the_limit_of_distance(S):
    """directions a little less and a little more than 1e-4 apart, in double precision"""
    one, other = F.normalize(normal(2, 5, seed=19, dtype=torch.float64), dim=1)
    aside = F.normalize(other - (other @ one) * one, dim=0)
    for distance in (6e-5, 2e-4, 5e-4, 5e-3):
        matrix = torch.stack([2 * one, one + distance * aside, other])
        found = S.force(matrix, "L1")
        close(found, force_of(matrix, "L1"), f'the force "L1" of directions {distance:g} apart', 1e-6, show=False)


@hidden.test("force")
def forces_beside_copies(S):
    """filters that point the same way as others, up to rounding and a little more"""
    one, two = normal(2, 6, seed=14)
    beside = one / one.norm() + 2e-6 * normal(6, seed=15)
    matrix = torch.stack([one, 0.3 * one, two, 7.1 * one, two / 3, beside])
    for kind in ("L2", "L1"):
        close(
            S.force(matrix, kind),
            force_of(matrix, kind),
            f'the force "{kind}" with copies among the filters',
            show=False,
        )


@hidden.test("force")
def force_in_double_precision(S):
    """double precision stays double precision"""
    matrix = normal(5, 7, seed=16, dtype=torch.float64)
    for kind in ("L2", "L1"):
        found = shaped(S.force(matrix, kind), (5, 7), "the force")
        holds(found.dtype == torch.float64, f"the force on float64 should hold float64, and holds {found.dtype}")
        close(found, force_of(matrix, kind), f'the force "{kind}" in float64', 1e-10, show=False)


@hidden.test("force")
def force_leaves_its_input_alone(S):
    """the filters stay as they were"""
    matrix = normal(5, 3, seed=17)
    matrix[2] = 0
    for kind in ("L2", "L1"):
        unchanged(S, "force", [matrix, kind], "matrix kind")


# Exercise 7


def sum_of(matrix: Tensor) -> Tensor:
    rows = [row / row.norm() for row in matrix.double() if row.norm() > 1e-4]
    return torch.stack(rows).sum(0) if rows else torch.zeros(matrix.shape[1], dtype=torch.float64)


@hidden.test("fast_force")
def sums_of_many_layers(S):
    """sums of directions, short filters and zeros among them"""
    for seed, shape in enumerate([(2, 3), (9, 4), (4, 9), (1, 5), (200, 6)]):
        matrix = normal(*shape, seed=seed) * torch.logspace(-1, 2, shape[0])[:, None]
        close(S.direction_sum(matrix), sum_of(matrix), f"direction_sum of {shape[0]} filters", show=False)
        matrix[0], matrix[-1] = 0, 1e-6
        close(S.direction_sum(matrix), sum_of(matrix), f"direction_sum of {shape[0]} filters, two short", show=False)


@hidden.test("fast_force")
def sums_give_the_force(S):
    """the force of exercise 6 from the sum of all"""
    for seed, shape in enumerate([(2, 3), (7, 4), (4, 9), (12, 2), (1, 5)]):
        matrix = normal(*shape, seed=seed + 10) * torch.logspace(-1, 1, shape[0])[:, None]
        matrix[shape[0] // 2 :: 5] *= 1e-6
        found = S.force_from_sum(matrix, sum_of(matrix).float())
        close(found, force_of(matrix, "L2"), f"force_from_sum of {shape[0]} filters", show=False)


@hidden.test("fast_force")
def layers_in_parts(S):
    """a layer in parts of several sizes, of which each is told the sum of all"""
    matrix = 2.0 * normal(11, 5, seed=20) + 0.5
    expected, parts = force_of(matrix, "L2"), matrix.split([4, 1, 6])
    total = sum(shaped(S.direction_sum(part), (5,), "direction_sum") for part in parts)
    found = [shaped(S.force_from_sum(part, total), part.shape, "force_from_sum") for part in parts]
    close(torch.cat(found), expected, "force_from_sum, part by part,", show=False)


@hidden.test("fast_force")
def any_sum_is_taken(S):
    """a sum that has nothing to do with the filters that are seen"""
    matrix, total = normal(4, 6, seed=21), 9.0 * normal(6, seed=22)
    unit = matrix.double() / matrix.double().norm(dim=1, keepdim=True)
    expected = matrix.double().norm(dim=1, keepdim=True) * (total - unit * (unit * total).sum(1, keepdim=True))
    close(S.force_from_sum(matrix, total), expected, "force_from_sum", show=False)


@hidden.test("fast_force")
def short_filters_and_their_sums(S):
    """filters of zeros and very short ones are not pulled; those of length 0.005 are"""
    matrix, total = normal(5, 4, seed=23), normal(4, seed=24)
    matrix[0], matrix[2] = 0, 1e-6 * matrix[2]
    found = shaped(S.force_from_sum(matrix, total), (5, 4), "force_from_sum")
    close(1e6 * found[[0, 2]], torch.zeros(2, 4), "a million times force_from_sum of short filters", show=False)
    matrix = 5e-3 * F.normalize(matrix[3:], dim=1)
    unit = F.normalize(matrix.double(), dim=1)
    expected = total - unit * (unit * total).sum(1, keepdim=True)
    close(
        200 * S.force_from_sum(matrix, total),
        expected,
        "200 times force_from_sum of filters of length 0.005",
        show=False,
    )
    close(S.direction_sum(matrix), unit.sum(0), "direction_sum of filters of length 0.005", show=False)


@hidden.test("fast_force")
def sums_near_the_limit_of_length(S):
    """filters a little shorter and a little longer than 1e-4"""
    unit, total = F.normalize(normal(5, 4, seed=28), dim=1), normal(4, seed=29)
    lengths = torch.tensor([[1.0], [2e-4], [6e-5], [2.0], [5e-4]])
    counts = lengths > 1e-4
    close(S.direction_sum(lengths * unit), (unit * counts).sum(0), "direction_sum with short filters", show=False)
    expected = torch.where(counts, total - unit * (unit @ total)[:, None], 0.0)
    found = shaped(S.force_from_sum(lengths * unit, total), (5, 4), "force_from_sum")
    close(found / lengths, expected, "force_from_sum, by length, of short filters", show=False)


@hidden.test("fast_force")
def sums_in_double_precision(S):
    """double precision stays double precision"""
    matrix = normal(6, 5, seed=25, dtype=torch.float64)
    total = shaped(S.direction_sum(matrix), (5,), "direction_sum")
    found = shaped(S.force_from_sum(matrix, total), (6, 5), "force_from_sum")
    for part in (total, found):
        holds(part.dtype == torch.float64, f"float64 should stay float64, and becomes {part.dtype}")
    close(found, force_of(matrix, "L2"), "force_from_sum in float64", 1e-10, show=False)


@hidden.test("fast_force")
def sums_leave_their_input_alone(S):
    """the tensors stay as they were"""
    matrix = normal(5, 3, seed=26)
    matrix[1] = 0
    unchanged(S, "direction_sum", [matrix], "matrix")
    unchanged(S, "force_from_sum", [matrix, normal(3, seed=27)], "matrix total")


# Exercise 8


def step_of(weight, gradient, velocity, rate, momentum, decay, strength) -> tuple[Tensor, Tensor]:
    """PyTorch's own SGD, from a gradient from which the force has been taken."""
    parameter = torch.nn.Parameter(weight.double())
    sgd = torch.optim.SGD([parameter], lr=rate, momentum=momentum, weight_decay=decay)
    sgd.state[parameter]["momentum_buffer"] = velocity.double().clone()
    parameter.grad = gradient.double() - strength * force_of(weight, "L2")
    sgd.step()
    return parameter.detach(), sgd.state[parameter]["momentum_buffer"]


SETTINGS = (
    (0.1, 0.9, 0.0, 1.0),
    (0.05, 0.9, 5e-4, 0.02),
    (1.0, 0.5, 0.1, 0.3),
    (0.2, 0.99, 0.3, -0.5),
    (0.3, 0.1, 0.05, 0.0),
)


@hidden.test("force_step")
def steps_with_many_settings(S):
    """several settings, a negative strength among them"""
    for seed, settings in enumerate(SETTINGS):
        tensors = [normal(6, 4, seed=10 * seed + i) for i in range(3)]
        found = public.stepped(S.force_step(*tensors, *settings), (6, 4))
        what = "with rate {:g}, momentum {:g}, decay {:g}, strength {:g}".format(*settings)
        for name, mine, expected in zip(("weight", "velocity"), found, step_of(*tensors, *settings), strict=True):
            close(mine, expected, f"the new {name} {what}", show=False)


@hidden.test("force_step")
def steps_one_after_the_other(S):
    """eight steps, each with what the one before returned"""
    weight, velocity = normal(5, 3, seed=60), torch.zeros(5, 3)
    mine, other = (weight, velocity), (weight, velocity)
    for number in range(8):
        gradient = 0.3 * normal(5, 3, seed=70 + number)
        settings = (0.1 / (1 + number), 0.9, 0.01, 0.1)
        mine = public.stepped(S.force_step(mine[0], gradient, mine[1], *settings), (5, 3))
        other = step_of(other[0].float(), gradient, other[1].float(), *settings)
    for name, found, expected in zip(("weight", "velocity"), mine, other, strict=True):
        close(found, expected, f"the {name} after eight steps", 1e-3, show=False)


@hidden.test("force_step")
def step_with_a_dead_filter(S):
    """a filter of zeros moves only by its gradient"""
    tensors = [normal(4, 3, seed=80 + i) for i in range(3)]
    tensors[0][2] = 0
    found = public.stepped(S.force_step(*tensors, 0.1, 0.9, 0.1, 0.5), (4, 3))
    for name, mine, expected in zip(("weight", "velocity"), found, step_of(*tensors, 0.1, 0.9, 0.1, 0.5), strict=True):
        close(mine, expected, f"the new {name} with a filter of zeros", show=False)


@hidden.test("force_step")
def step_leaves_its_input_alone(S):
    """the tensors stay as they were"""
    args = [normal(5, 3, seed=90), normal(5, 3, seed=91), normal(5, 3, seed=92), 0.1, 0.9, 0.01, 0.1]
    unchanged(S, "force_step", args, "weight gradient velocity")

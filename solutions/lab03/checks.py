"""Public tests of lab 3: what `check("...")` in the notebook runs. Nearly all numbers can be verified by hand."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from effdl_lite.checking import AnswerFault, Checks, close, holds, refuses, shaped, unchanged

checks = Checks("lab03")
check = checks.check


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pair(result, name: str) -> tuple:
    """What should be two things."""
    two = isinstance(result, tuple | list) and len(result) == 2
    holds(two, f"{name} should return two things, with a comma between them")
    return tuple(result)


def whole(found, expected: int, what: str, *, show: bool = True) -> None:
    """A number that can be used as a size: an int."""
    if isinstance(found, float) or (isinstance(found, Tensor) and found.numel() == 1):
        kind = "a float" if isinstance(found, float) else "a tensor"
        raise AnswerFault(f"{what} should be an int, and is {kind} ({found:g}); int(...) makes an int of it")
    close(found, expected, what, show=show)


# Exercise 1: two filters with two channels of 2 x 2.
SMALL = torch.tensor([[[[1.0, 2], [3, 4]], [[5, 6], [7, 8]]], [[[9, 10], [11, 12]], [[13, 14], [15, 16]]]])


@checks.test("filter_matrix", hint="hint 1")
def two_filters_of_eight(S):
    """two filters with two channels of 2 x 2: rows with 1 to 8 and 9 to 16"""
    close(S.filter_matrix(SMALL), torch.arange(1.0, 17).view(2, 8), "the matrix")


@checks.test("filter_matrix", hint="hint 1")
def other_dimensions(S):
    """a convolution over time [3, 2, 4], and a linear layer [3, 5]"""
    weight = torch.arange(24.0).view(3, 2, 4)
    close(S.filter_matrix(weight), torch.arange(24.0).view(3, 8), "the matrix of a convolution over time")
    close(S.filter_matrix(torch.eye(3, 5)), torch.eye(3, 5), "the matrix of a linear layer")


@checks.test("filter_matrix", hint="hint 2")
def channels_last(S):
    """the same two filters with their numbers in another order in memory"""
    other = SMALL.contiguous(memory_format=torch.channels_last)
    close(S.filter_matrix(other), torch.arange(1.0, 17).view(2, 8), "the matrix of a weight in channels last")


# Exercise 2: singular values 2, 3, 1, 1, not in this order, in a matrix of four filters with six weights.
SPREAD = torch.zeros(4, 6)
SPREAD[0, 4], SPREAD[1, 0], SPREAD[2, 5], SPREAD[3, 2] = -2, 3, 1, -1


@checks.test("energy_rank", hint="hint 1")
def shares_of_the_example(S):
    """the example of the task, singular values 3, 2, 1, 1"""
    close(S.energy_shares(SPREAD), torch.tensor([9, 13, 14, 15]) / 15, "the shares")


@checks.test("energy_rank", hint="hint 1")
def shares_of_a_tall_matrix(S):
    """the same matrix turned on its side: six filters of four weights have four shares"""
    close(S.energy_shares(SPREAD.T.contiguous()), torch.tensor([9, 13, 14, 15]) / 15, "the shares")


@checks.test("energy_rank", hint="hint 3")
def ranks_of_the_example(S):
    """the ranks of the example at 90 %, 95 %, 50 % and 100 %"""
    for energy, rank in ((0.9, 3), (0.95, 4), (0.5, 1), (1.0, 4)):
        whole(S.energy_rank(SPREAD, energy), rank, f"the rank at energy {energy:g}")


@checks.test("energy_rank", hint="hint 3")
def energy_exactly_reached(S):
    """a share that is exactly reached is enough, whatever rounding does: 9 of 15 at 0.6, 9 of 10 at 0.9"""
    for factor in (1.0, 0.1, 7.3):
        whole(S.energy_rank(factor * SPREAD, 0.6), 1, f"the rank at energy 0.6 of {factor:g} times the example")
    whole(S.energy_rank(torch.tensor([[0.0, 3.0], [1.0, 0.0]]), 0.9), 1, "the rank at energy 0.9 of (0, 3) and (1, 0)")


@checks.test("energy_rank", hint="hint 1")
def no_mean_is_taken_away(S):
    """three identical filters have rank 1, and their one share is all"""
    same = torch.tensor([[1.0, 2.0, 3.0]] * 3)
    close(S.energy_shares(same), torch.ones(3), "the shares of three identical filters")
    whole(S.energy_rank(same, 1.0), 1, "the rank of three identical filters at energy 1")


@checks.test("energy_rank")
def energies_that_are_none(S):
    """energies of 0, -0.5, 1.5 and 95, and a matrix of zeros, are refused; the matrix stays as it was"""
    for energy in (0, -0.5, 1.5, 95):
        refuses(S, "energy_rank", [SPREAD, energy], f"{energy} is no share above 0 and at most 1")
    refuses(S, "energy_shares", [torch.zeros(3, 4)], "a matrix of zeros has no energy")
    unchanged(S, "energy_shares", [SPREAD], "matrix")


# Exercise 3


@checks.test("principal_filters", hint="hint 3")
def basis_from_the_combination(S):
    """each basis filter is a mixture of the filters, by the numbers in a column of combination"""
    for matrix, rank in ((SPREAD, 1), (normal(5, 7, seed=6), 3)):
        basis, combination = factors(S.principal_filters(matrix, rank), matrix, rank)
        close(basis, combination.T.to(matrix.dtype) @ matrix, f"the basis of rank {rank}, combination.T @ matrix,")


@checks.test("principal_filters", hint="hints 1 and 2")
def one_basis_filter(S):
    """four filters along the axes, rank 1: the longest, (3, 0, ...), remains"""
    basis, combination = factors(S.principal_filters(SPREAD, 1), SPREAD, 1)
    expected = torch.zeros(4, 6)
    expected[1, 0] = 3
    close(combination @ basis, expected, "combination @ basis of the example of exercise 2 at rank 1")


@checks.test("principal_filters", hint="hint 1")
def filters_on_a_plane(S):
    """five filters that are mixtures of two: rank 2 gives them back"""
    matrix = normal(5, 2, seed=1) @ normal(2, 7, seed=2)
    basis, combination = factors(S.principal_filters(matrix, 2), matrix, 2)
    close(combination @ basis, matrix, "combination @ basis of filters that are mixtures of two, at rank 2")


@checks.test("principal_filters", hint="hint 3")
def lengths_are_in_the_basis(S):
    """the columns of combination are orthonormal"""
    for rank in (1, 3):
        _, combination = factors(S.principal_filters(normal(6, 5, seed=3), rank), torch.empty(6, 5), rank)
        close(combination.T @ combination, torch.eye(rank), "combination.T @ combination, the identity,")


@checks.test("principal_filters", hint="hint 2")
def as_close_as_can_be(S):
    """random filters: no more is left over than must be"""
    for shape in ((6, 9), (9, 6)):
        for rank in (1, 4, 6):
            matrix = normal(*shape, seed=rank)
            basis, combination = factors(S.principal_filters(matrix, rank), matrix, rank)
            left_over(matrix, combination @ basis, rank, f"combination @ basis at rank {rank}")


@checks.test("principal_filters")
def ranks_that_are_none(S):
    """ranks 0, -1 and above min(N, D) are refused; the matrix stays as it was"""
    for matrix, rank in ((SPREAD, 0), (SPREAD, -1), (SPREAD, 5), (torch.ones(7, 3), 4)):
        n, d = matrix.shape
        refuses(S, "principal_filters", [matrix, rank], f"rank {rank} is impossible for {n} filters of {d} weights")
    unchanged(S, "principal_filters", [normal(4, 6, seed=5), 2], "matrix rank")


def factors(result, matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """What principal_filters should return: a basis and a combination."""
    basis, combination = pair(result, "principal_filters")
    shaped(basis, (rank, matrix.shape[1]), f"the basis of rank {rank}")
    return basis, shaped(combination, (matrix.shape[0], rank), f"the combination of rank {rank}")


def left_over(matrix: Tensor, product: Tensor, rank: int, what: str, tolerance: float = 1e-4) -> None:
    """The part of the energy that a product leaves out is no larger than a product of this rank must leave out."""
    matrix, product = matrix.double(), product.double()
    energies = torch.linalg.svdvals(matrix).square()
    least = (energies[rank:].sum() / energies.sum()).item()
    left = ((matrix - product).square().sum() / energies.sum()).item()
    holds(left == left, f"{what} holds a number that is not finite (nan or inf)")
    says = f"{what} should leave out as little energy as this rank allows; it leaves out {left:.1%}"
    holds(left <= least + tolerance, f"{says}, and {least:.1%} is possible")


# Exercise 4


@checks.test("decompose", hint="hint 1")
def shapes_of_two_weights(S):
    """the shapes of the two weights, for filters of 2 x 3 pixels"""
    two_weights(S.split_weight(normal(5, 4, 2, 3, seed=1), 3), (5, 4, 2, 3), 3)


@checks.test("decompose", hint="hint 1")
def weights_that_fit_together(S):
    """mixing the basis filters by the combination gives back filters that lie in two directions"""
    weight = (normal(6, 2, seed=2) @ normal(2, 36, seed=3)).view(6, 4, 3, 3)
    basis, combination = two_weights(S.split_weight(weight, 2), (6, 4, 3, 3), 2)
    close(recomposed(basis, combination), weight, "the filters that the two weights stand for")


@checks.test("decompose", hint="hint 2")
def bias_of_the_outputs(S):
    """two outputs, twice and three times one of two basis filters, which give 9 and 18: each output has its own bias"""
    x, basis = torch.ones(1, 1, 3, 3), torch.tensor([1.0, 2.0]).view(2, 1, 1, 1) * torch.ones(2, 1, 3, 3)
    combination = torch.tensor([[2.0, 0.0], [0.0, 3.0]]).view(2, 2, 1, 1)
    found = S.two_convolutions(x, basis, combination, torch.tensor([10.0, 20.0]), 1, 0)
    close(found, torch.tensor([28.0, 74.0]).view(1, 2, 1, 1), "the output of one place")


@checks.test("decompose", hint="hint 3")
def places_of_the_windows(S):
    """strides 1 and 2 with padding 0, 1 and 2: the shape of the output"""
    for stride in (1, 2):
        for padding in (0, 1, 2):
            args = normal(2, 3, 8, 7, seed=4), normal(2, 3, 3, 3, seed=5), normal(4, 2, 1, 1, seed=6), None
            expected = F.conv2d(args[0], torch.zeros(4, 3, 3, 3), None, stride, padding).shape
            found = S.two_convolutions(*args, stride, padding)
            shaped(found, expected, f"the output with stride {stride} and padding {padding}")


@checks.test("decompose", hint="hint 3")
def one_and_two_agree(S):
    """the output is that of one convolution with the mixed filters, borders too"""
    x, bias = normal(2, 3, 6, 5, seed=7), normal(4, seed=8)
    basis, combination = normal(2, 3, 3, 3, seed=9), normal(4, 2, 1, 1, seed=10)
    for stride, padding in ((1, 1), (2, 1), (1, 0)):
        expected = F.conv2d(x, recomposed(basis, combination), bias, stride, padding)
        found = S.two_convolutions(x, basis, combination, bias, stride, padding)
        close(found, expected, f"the output with stride {stride} and padding {padding}")


@checks.test("decompose", hint="hint 3")
def pairs_of_numbers(S):
    """stride (1, 2) and padding (2, 0): pairs are for height and width"""
    x, basis, combination = normal(1, 2, 5, 8, seed=14), normal(2, 2, 3, 2, seed=15), normal(3, 2, 1, 1, seed=16)
    expected = F.conv2d(x, recomposed(basis, combination), None, (1, 2), (2, 0))
    close(S.two_convolutions(x, basis, combination, None, (1, 2), (2, 0)), expected, "the output")


@checks.test("decompose")
def image_meets_the_basis_first(S):
    """first image and basis, then the combination: numbers so large that the two weights have no product (inf)"""
    x, basis = torch.full((1, 1, 3, 3), 1e-25), torch.full((1, 1, 3, 3), 1e25)
    found = S.two_convolutions(x, basis, torch.full((2, 1, 1, 1), 1e25), None, 1, 0)
    close(found, torch.full((1, 2, 1, 1), 9e25), "the output for an image of 1e-25 and weights of 1e25")


@checks.test("decompose")
def nothing_is_lost_at_full_rank(S):
    """both functions together at full rank: the output of before"""
    x, weight, bias = normal(1, 4, 6, 6, seed=11), normal(5, 4, 3, 3, seed=12), normal(5, seed=13)
    basis, combination = two_weights(S.split_weight(weight, 5), (5, 4, 3, 3), 5)
    close(S.two_convolutions(x, basis, combination, bias, 1, 1), F.conv2d(x, weight, bias, 1, 1), "the output")


@checks.test("decompose")
def decompose_changes_nothing(S):
    """the tensors stay as they were"""
    unchanged(S, "split_weight", [normal(4, 3, 2, 2, seed=17), 2], "weight rank")
    args = [normal(1, 2, 4, 4, seed=18), normal(2, 2, 3, 3, seed=19), normal(3, 2, 1, 1, seed=20), normal(3, seed=21)]
    unchanged(S, "two_convolutions", [*args, 1, 1], "x basis combination bias")


def two_weights(result, shape: tuple[int, ...], rank: int) -> tuple[Tensor, Tensor]:
    """What split_weight should return: the weights of two convolutions."""
    basis, combination = pair(result, "split_weight")
    shaped(basis, (rank, *shape[1:]), "the basis")
    return basis, shaped(combination, (shape[0], rank, 1, 1), "the combination")


def recomposed(basis: Tensor, combination: Tensor) -> Tensor:
    """The weight of the one convolution that two stand for."""
    return torch.einsum("nm,mchw->nchw", combination[:, :, 0, 0], basis)


# Exercise 5


@checks.test("break_even", hint="hint 1")
def ratios_of_the_task(S):
    """64 filters of 64 x 3 x 3 weights: 3.6 at rank 16, 57.6 / 64 at rank 64"""
    close(S.mac_ratio((64, 64, 3, 3), 16), 3.6, "the ratio at rank 16")
    close(S.mac_ratio((64, 64, 3, 3), 64), 0.9, "the ratio at rank 64")


@checks.test("break_even", hint="hint 1")
def ratio_of_windows_that_are_not_square(S):
    """12 filters of 2 x 1 x 3 weights: 72 against 4 x 6 + 12 x 4 = 72"""
    close(S.mac_ratio((12, 2, 1, 3), 4), 1.0, "the ratio of (12, 2, 1, 3) at rank 4")


@checks.test("break_even", hint="hint 2")
def ranks_that_pay(S):
    """the largest ranks: 57 of 64; 3 of 12, since 4 costs the same; 0 of 1"""
    for shape, rank in (((64, 64, 3, 3), 57), ((12, 2, 1, 3), 3), ((1, 8, 3, 3), 0)):
        whole(S.best_paying_rank(shape), rank, f"the largest paying rank of {shape}")


# Exercise 6: two filters of lengths 5 and 1. See the task for the L2 force; their directions are sqrt(0.8) apart.
TWO = torch.tensor([[3.0, 4.0], [1.0, 0.0]])


@checks.test("force", hint="hint 1")
def l2_force_of_the_example(S):
    """the example of the task: (3, 4) and (1, 0) under the L2 force"""
    close(S.force(TWO, "L2"), torch.tensor([[3.2, -2.4], [0.0, 0.8]]), 'force((3, 4), (1, 0), "L2")')


@checks.test("force", hint="hint 1")
def l1_force_of_the_example(S):
    """the same under the L1 force: divided by the distance of the directions, the root of 0.8"""
    expected = torch.tensor([[3.2, -2.4], [0.0, 0.8]]) / math.sqrt(0.8)
    close(S.force(TWO, "L1"), expected, 'force((3, 4), (1, 0), "L1")')


@checks.test("force", hint="hint 2")
def three_filters(S):
    """the filters (1, 0), (0, 1) and (1, 1): the pulls at the third cancel, the others add up"""
    three = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    for kind, pull in (("L2", 1.707107), ("L1", 1.630986)):
        expected = torch.tensor([[0.0, pull], [pull, 0.0], [0.0, 0.0]])
        close(S.force(three, kind), expected, f'force of three filters, "{kind}"')


@checks.test("force", hint="hint 1")
def along_no_filter(S):
    """random filters: the force on a filter is orthogonal to it"""
    matrix = normal(5, 4, seed=20)
    for kind in ("L2", "L1"):
        found = shaped(S.force(matrix, kind), (5, 4), f'force "{kind}"')
        along = (found.double() * matrix.double()).sum(dim=1)
        close(along, torch.zeros(5), f'the inner products of each filter with its force, "{kind}",')


@checks.test("force", hint="hint 3")
def filters_without_direction(S):
    """a filter of zeros and one of length 1e-6 beside (3, 4) and (1, 0): no force on them, none from them"""
    four = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1e-6], [1.0, 0.0]])
    for kind, divisor in (("L2", 1.0), ("L1", math.sqrt(0.8))):
        expected = torch.tensor([[0.0, 0.0], [3.2, -2.4], [0.0, 0.0], [0.0, 0.8]]) / divisor
        close(S.force(four, kind), expected, f'force beside filters without a direction, "{kind}"')


@checks.test("force", hint="hint 3")
def filters_that_agree(S):
    """a filter, its double and a third of it, which point the same way: no force among them"""
    one = torch.tensor([0.1, 0.7, 0.3])
    for kind in ("L2", "L1"):
        found = S.force(torch.stack([one, 2 * one, one / 3]), kind)
        close(found, torch.zeros(3, 3), f'force of filters that point the same way, "{kind}"')


@checks.test("force")
def force_changes_nothing(S):
    """the filters stay as they were"""
    unchanged(S, "force", [normal(4, 3, seed=21), "L2"], "matrix kind")
    unchanged(S, "force", [normal(4, 3, seed=21), "L1"], "matrix kind")


# Exercise 7: the directions of TWO are (0.6, 0.8) and (1, 0).


@checks.test("fast_force", hint="hint 1")
def sum_of_directions(S):
    """the sum of the directions of (3, 4) and (1, 0): (1.6, 0.8)"""
    close(S.direction_sum(TWO), torch.tensor([1.6, 0.8]), "direction_sum")


@checks.test("fast_force", hint="hint 2")
def force_by_its_sum(S):
    """the force on (3, 4) and (1, 0) from this sum, as in exercise 6"""
    found = S.force_from_sum(TWO, torch.tensor([1.6, 0.8]))
    close(found, torch.tensor([[3.2, -2.4], [0.0, 0.8]]), "force_from_sum")


@checks.test("fast_force", hint="hint 1")
def filters_elsewhere(S):
    """(3, 4) alone on its machine, told the sum (1.6, 0.8) of both"""
    found = S.force_from_sum(TWO[:1], torch.tensor([1.6, 0.8]))
    close(found, torch.tensor([[3.2, -2.4]]), "force_from_sum of (3, 4) with the total of both")


@checks.test("fast_force", hint="hint 3")
def sums_without_direction(S):
    """a filter of zeros and one of length 1e-6 do not count and are not pulled"""
    four = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1e-6], [1.0, 0.0]])
    close(S.direction_sum(four), torch.tensor([1.6, 0.8]), "direction_sum beside filters without a direction")
    found = S.force_from_sum(four, torch.tensor([1.6, 0.8]))
    close(found[[0, 2]], torch.zeros(2, 2), "force_from_sum of filters without a direction")
    close(1e6 * found[2], torch.zeros(2), "a million times force_from_sum of a filter of length 1e-6")


@checks.test("fast_force")
def sums_change_nothing(S):
    """the tensors stay as they were"""
    unchanged(S, "direction_sum", [normal(4, 3, seed=22)], "matrix")
    unchanged(S, "force_from_sum", [normal(4, 3, seed=22), normal(3, seed=23)], "matrix total")


# Exercise 8


@checks.test("force_step", hint="hint 1")
def step_with_nothing_but_force(S):
    """only the force: (3, 4) and (1, 0) become (3.32, 3.76) and (1, 0.08), as in hint 3"""
    weight, _ = stepped(S.force_step(TWO, torch.zeros(2, 2), torch.zeros(2, 2), 0.1, 0.9, 0.0, 1.0), (2, 2))
    close(weight, torch.tensor([[3.32, 3.76], [1.0, 0.08]]), "the new weight")


@checks.test("force_step", hint="hint 2")
def velocity_with_force(S):
    """only the force: the velocity holds it, for the steps that follow"""
    _, velocity = stepped(S.force_step(TWO, torch.zeros(2, 2), torch.zeros(2, 2), 0.1, 0.9, 0.0, 1.0), (2, 2))
    close(velocity, torch.tensor([[-3.2, 2.4], [0.0, -0.8]]), "the new velocity")


@checks.test("force_step")
def step_without_force(S):
    """strength 0: rate 0.5, momentum 0.5, decay 0.1, gradient 1, velocity 2"""
    # g = 1 + 0.1 W, V = 1 + g, W - 0.5 V
    weight, velocity = stepped(S.force_step(TWO, torch.ones(2, 2), 2 * torch.ones(2, 2), 0.5, 0.5, 0.1, 0.0), (2, 2))
    close(velocity, 2 + 0.1 * TWO, "the new velocity")
    close(weight, 0.95 * TWO - 1, "the new weight")


@checks.test("force_step", hint="hint 2")
def step_with_all(S):
    """everything at once: rate 0.5, momentum 0.5, decay 0.1, strength 2, gradient 1, velocity 2"""
    weight, velocity = stepped(S.force_step(TWO, torch.ones(2, 2), 2 * torch.ones(2, 2), 0.5, 0.5, 0.1, 2.0), (2, 2))
    expected = 2 + 0.1 * TWO - 2 * torch.tensor([[3.2, -2.4], [0.0, 0.8]])
    close(velocity, expected, "the new velocity")
    close(weight, TWO - 0.5 * expected, "the new weight")


@checks.test("force_step")
def step_changes_nothing(S):
    """the tensors stay as they were"""
    args = [normal(4, 3, seed=30), normal(4, 3, seed=31), normal(4, 3, seed=32), 0.1, 0.9, 0.01, 0.1]
    unchanged(S, "force_step", args, "weight gradient velocity")


def stepped(result, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """What force_step should return: a weight and a velocity."""
    weight, velocity = pair(result, "force_step")
    return shaped(weight, shape, "the new weight"), shaped(velocity, shape, "the new velocity")

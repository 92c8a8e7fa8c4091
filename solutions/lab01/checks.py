"""Public tests of lab 1: what `check("...")` in the notebook runs. All numbers can be verified by hand."""

import math

import torch
from torch import Tensor

from effdl_lite.checking import Checks, close, equal, holds, refuses, shaped, unchanged

checks = Checks("lab01")
check = checks.check

# Blocks of 1 x 2 of this matrix have the norms 5, 0 (first row) and 10, 13 (second row).
MATRIX = torch.tensor([[3.0, 4.0, 0.0, 0.0], [6.0, 8.0, 5.0, 12.0]])
# The same with blocks of 2 x 2: two blocks, with the norms sqrt(125) and 13.


# Exercise 1


@checks.test("zero_share", hint="hint 2")
def three_of_eight(S):
    """three zeros among eight entries"""
    weight = torch.tensor([[0.0, 1.0, -2.0, 0.0], [3.0, 0.0, 5.0, 1.0]])
    close(S.zero_share(weight), 0.375, "the share of zeros")


@checks.test("zero_share", hint="hint 1")
def small_is_not_zero(S):
    """a very small number is not zero"""
    close(S.zero_share(torch.tensor([1e-30, 0.0])), 0.5, "the share of zeros of [1e-30, 0]")


@checks.test("zero_share", hint="hint 2")
def other_shapes(S):
    """vectors and tensors of three dimensions, all zeros and none"""
    close(S.zero_share(torch.zeros(5)), 1.0, "the share of zeros of five zeros")
    close(S.zero_share(torch.ones(2, 3, 4)), 0.0, "the share of zeros of a 2 x 3 x 4 tensor of ones")


# Exercise 2


@checks.test("block_norms", hint="hint 1")
def blocks_of_one_by_two(S):
    """the example of the task, blocks of 1 x 2"""
    close(S.block_norms(MATRIX, 1, 2), torch.tensor([[5.0, 0.0], [10.0, 13.0]]), "the norms")


@checks.test("block_norms", hint="hint 2")
def blocks_of_two_by_two(S):
    """the same matrix, blocks of 2 x 2"""
    close(S.block_norms(MATRIX, 2, 2), torch.tensor([[math.sqrt(125), 13.0]]), "the norms")


@checks.test("block_norms")
def blocks_that_do_not_fit(S):
    """blocks that do not fit are refused"""
    refuses(S, "block_norms", [torch.ones(6, 4), 4, 2], "6 rows cannot be cut into blocks of 4")
    refuses(S, "block_norms", [torch.ones(6, 4), 2, 3], "4 columns cannot be cut into blocks of 3")


@checks.test("block_norms", hint="hint 3")
def a_gradient_of_norms(S):
    """a gradient flows back to the weights"""
    weight = torch.tensor([[3.0, 4.0]])
    close(S.gradient("block_norms", [weight, 1, 2]), torch.tensor([[0.6, 0.8]]), "the gradient at (3, 4)")


@checks.test("block_norms")
def norms_change_nothing(S):
    """the matrix stays as it was"""
    unchanged(S, "block_norms", [MATRIX, 1, 2], "weight")


# Exercise 3


@checks.test("penalty", hint="hint 1")
def value_of_the_penalty(S):
    """the value: 0.5 x sqrt(2) x (5 + 0 + 10 + 13)"""
    close(S.block_penalty(MATRIX, 1, 2, 0.5), 0.5 * math.sqrt(2) * 28, "the penalty of the example of exercise 2")


@checks.test("penalty", hint="hint 2")
def autograd_at_a_zero_block(S):
    """autograd's gradient is finite, and zero at the block of zeros"""
    gradient = S.gradient("block_penalty", [MATRIX, 1, 2, 1.0])
    shaped(gradient, (2, 4), "the gradient of block_penalty")
    holds(bool(torch.isfinite(gradient).all()), f"the gradient of block_penalty is not finite: {gradient.tolist()}")
    expected = math.sqrt(2) * torch.tensor([[0.6, 0.8, 0.0, 0.0], [0.6, 0.8, 5 / 13, 12 / 13]])
    close(gradient, expected, "the gradient of block_penalty")


@checks.test("penalty", hint="hint 3")
def formula_of_the_gradient(S):
    """the formula gives the same gradient"""
    expected = math.sqrt(2) * torch.tensor([[0.6, 0.8, 0.0, 0.0], [0.6, 0.8, 5 / 13, 12 / 13]])
    close(S.block_penalty_gradient(MATRIX, 1, 2, 1.0), expected, "block_penalty_gradient")


@checks.test("penalty", hint="hint 3")
def gradient_of_a_larger_block(S):
    """a block of 2 x 2, whose four weights share one norm"""
    weight = torch.tensor([[2.0, 4.0], [5.0, 2.0]])  # 4 + 16 + 25 + 4 = 49
    expected = 2 * 0.1 / 7 * weight
    close(S.block_penalty_gradient(weight, 2, 2, 0.1), expected, "block_penalty_gradient")


# Exercise 4


@checks.test("shrink", hint="hint 1")
def shrink_three_four(S):
    """the block (3, 4) shortened by 1, by 5 and by 7"""
    block = torch.tensor([[3.0, 4.0]])
    for amount, expected in ((1.0, [[2.4, 3.2]]), (5.0, [[0.0, 0.0]]), (7.0, [[0.0, 0.0]])):
        close(S.shrink_blocks(block, 1, 2, amount), torch.tensor(expected), f"(3, 4) shortened by {amount:g}")


@checks.test("shrink", hint="hint 2")
def shrink_every_block_by_its_own_factor(S):
    """four blocks, each with its own factor, one of them zero already"""
    expected = torch.tensor([[0.0, 0.0, 0.0, 0.0], [3.0, 4.0, 40 / 13, 96 / 13]])
    close(S.shrink_blocks(MATRIX, 1, 2, 5.0), expected, "the example of exercise 2 shortened by 5")


@checks.test("shrink", hint="hint 2")
def shrink_to_exact_zeros(S):
    """what is not longer than the amount becomes exactly zero"""
    shrunk = shaped(S.shrink_blocks(MATRIX, 1, 2, 7.0), (2, 4), "the result")
    holds(bool((shrunk[0] == 0).all()), f"the first row should be exactly zero, and is {shrunk[0].tolist()}")


@checks.test("shrink", hint="hint 2")
def shrink_by_nothing(S):
    """shortened by 0 the matrix is what it was, its zero block too (0 / 0 must not get in)"""
    close(S.shrink_blocks(MATRIX, 1, 2, 0.0), MATRIX, "the example of exercise 2 shortened by 0")


@checks.test("shrink")
def shrink_refuses(S):
    """a negative amount and blocks that do not fit are refused; the matrix stays as it was"""
    refuses(S, "shrink_blocks", [MATRIX, 1, 2, -0.1], "the amount is negative")
    refuses(S, "shrink_blocks", [MATRIX, 2, 3, 0.1], "4 columns cannot be cut into blocks of 3")
    unchanged(S, "shrink_blocks", [MATRIX, 1, 2, 1.0], "weight")


@checks.test("shrink", hint="hint 1")
def gap_of_three_four(S):
    """the gap of (3, 4) with t = 1: of the minimum, of no change, of zero"""
    block = torch.tensor([[3.0, 4.0]])
    for shrunk, gap in (([[2.4, 3.2]], 0.0), ([[3.0, 4.0]], 1.0), ([[0.0, 0.0]], 4.0)):
        close(S.optimality_gap(block, torch.tensor(shrunk), 1, 2, 1.0), gap, f"the gap of {shrunk[0]}")


@checks.test("shrink", hint="hint 3")
def gap_is_the_largest(S):
    """of several blocks the largest gap counts, and a zero that should be zero has none"""
    shrunk = torch.tensor([[0.0, 0.0, 0.0, 0.0], [5.4, 7.2, 0.0, 0.0]])
    # gaps for t = 1: 5 - 1 = 4 and 0; |(-0.6, -0.8) + (0.6, 0.8)| = 0 and 13 - 1 = 12
    close(S.optimality_gap(MATRIX, shrunk, 1, 2, 1.0), 12.0, "the gap")


@checks.test("shrink", hint="hint 3")
def both_fit_together(S):
    """your optimality_gap of your shrink_blocks is zero up to rounding"""
    for columns, amount in ((2, 7.0), (4, 2.0)):  # the blocks (3, 4) and (0, 0) go; all blocks stay
        shrunk = S.shrink_blocks(MATRIX, 1, columns, amount)
        close(S.optimality_gap(MATRIX, shrunk, 1, columns, amount), 0.0, f"the gap for the amount {amount:g}")


# Exercise 5: two examples, two classes, two inputs. At weight zero both classes have probability 1/2, so the first
# gradient is [[-1/4, 1/4], [1/4, -1/4]]. A step with rate 1 gives weights of size 1/4; a column has the norm sqrt(1/8).
EXAMPLES = (torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1]), 2, 2, 1)


@checks.test("train_sparse", hint="hint 1")
def one_step(S):
    """one step with rate 1 and strength 0.1: weights of 1/4, then shortened by 0.1 x sqrt(2)"""
    weight, losses = returned_pair(S.train_sparse(*EXAMPLES, 0.1, [1.0]))
    close(weight, torch.tensor([[0.15, -0.15], [-0.15, 0.15]]), "the weight")
    equal(len(losses), 1, "the number of losses")
    close(losses[0], math.log(2), "the loss before the first step, the logarithm of 2")


@checks.test("train_sparse", hint="hint 2")
def half_a_step(S):
    """one step with rate 0.5: everything is half as large"""
    weight, _ = returned_pair(S.train_sparse(*EXAMPLES, 0.1, [0.5]))
    close(weight, torch.tensor([[0.075, -0.075], [-0.075, 0.075]]), "the weight")


@checks.test("train_sparse", hint="hint 2")
def a_step_of_no_length(S):
    """a second step with rate 0 moves nothing"""
    weight, losses = returned_pair(S.train_sparse(*EXAMPLES, 0.1, [1.0, 0.0]))
    close(weight, torch.tensor([[0.15, -0.15], [-0.15, 0.15]]), "the weight after rates 1 and 0")
    equal(len(losses), 2, "the number of losses")
    close(losses[1], math.log(1 + math.exp(-0.3)), "the second loss, log(1 + exp(-0.3))")


def returned_pair(result) -> tuple:
    """What train_sparse should return: a weight and a list of losses."""
    pair = isinstance(result, tuple | list) and len(result) == 2
    holds(pair, "train_sparse should return two things: the weight and the list of losses")
    weight, losses = result
    holds(isinstance(losses, list | tuple), "the losses should be a list of numbers")
    return weight, losses


# Exercise 6: of four hidden units the first and the last read nothing, the third is read by nobody.
W1 = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, -1.0], [0.0, 0.0]])
B1 = torch.tensor([0.5, 0.1, 0.2, -0.4])
W2 = torch.tensor([[2.0, 1.0, 0.0, 7.0], [3.0, -1.0, 0.0, 5.0]])
B2 = torch.tensor([1.0, 2.0])


@checks.test("removal", hint="hint 1")
def three_of_four_can_go(S):
    """of four units three can go"""
    equal(S.removable_units(W1, B1, W2), torch.tensor([True, False, True, True]), "removable_units")


@checks.test("removal", hint="hint 2")
def the_constant_stays(S):
    """without the first unit, which reads nothing and has a positive bias"""
    first = torch.tensor([True, False, False, False])
    _, _, w2, b2 = returned_four(S.remove_units(W1, B1, W2, B2, first))
    close(w2, W2[:, 1:], "the second weight")
    close(b2, torch.tensor([2.0, 3.5]), "the second bias")


@checks.test("removal", hint="hint 2")
def a_negative_constant(S):
    """without the last unit, which reads nothing and has a negative bias"""
    last = torch.tensor([False, False, False, True])
    *_, b2 = returned_four(S.remove_units(W1, B1, W2, B2, last))
    close(b2, torch.tensor([1.0, 2.0]), "the second bias")


@checks.test("removal", hint="hint 3")
def without_all_three(S):
    """without all three, what is left is the second unit"""
    parts = returned_four(S.remove_units(W1, B1, W2, B2, torch.tensor([True, False, True, True])))
    expected = ([[1.0, 0.0]], [0.1], [[1.0], [-1.0]], [2.0, 3.5])
    for part, values, name in zip(parts, expected, ("w1", "b1", "w2", "b2"), strict=True):
        close(part, torch.tensor(values), name)


@checks.test("removal")
def a_unit_that_works(S):
    """a unit that does something is not removed; the tensors stay as they were"""
    second = torch.tensor([False, True, False, False])
    refuses(S, "remove_units", [W1, B1, W2, B2, second], "the second unit does something")
    parts = [W1, B1, W2, B2, torch.tensor([True, False, True, True])]
    unchanged(S, "remove_units", parts, "w1 b1 w2 b2 units")


def returned_four(result) -> tuple:
    """What remove_units should return: four tensors."""
    four = isinstance(result, tuple | list) and len(result) == 4
    holds(four, "remove_units should return four tensors: w1, b1, w2, b2")
    return tuple(result)


# Exercise 7


@checks.test("predicted_speedup", hint="hint 1")
def one_layer_limited_by_memory(S):
    """one layer, 100 to 200 against 100 to 50, one image: the bytes decide"""
    # 81,200 bytes against 20,600 at 1 GB/s; the arithmetic, 40,000 FLOP against 10,000, is done sooner.
    close(S.predicted_speedup([100, 200], [100, 50], 1, 1.0, 1.0), 81_200 / 20_600, "the speed-up")


@checks.test("predicted_speedup", hint="hint 1")
def one_layer_limited_by_arithmetic(S):
    """the same layers on a machine with a slow processor: the arithmetic decides"""
    close(S.predicted_speedup([100, 200], [100, 50], 1, 0.1, 1.0), 4.0, "the speed-up")


@checks.test("predicted_speedup", hint="hint 2")
def two_layers_with_two_limits(S):
    """two layers: 100, 100, 1 against 100, 10, 1, a batch of 100, 1 GFLOP/s and 0.1 GB/s"""
    # Milliseconds of arithmetic and of bytes. Large: 2 and 1.2, then 0.02 and 0.408; small: 0.2 and 0.48, then 0.002
    # and 0.0444.
    expected = (2 + 0.408) / (0.48 + 0.0444)
    close(S.predicted_speedup([100, 100, 1], [100, 10, 1], 100, 1.0, 0.1), expected, "the speed-up")


@checks.test("predicted_speedup")
def a_guess(S):
    """your guess is a number above zero"""
    guess = S.my_guess()
    holds(type(guess) in (int, float) and 0 < guess < math.inf, "my_guess should return a number above 0, such as 3.5")


# Exercise 8


@checks.test("smallest_network", hint="hint 1")
def two_of_four_units(S):
    """four units, of which one is never on and one says the same for both classes"""
    network = tiny_network()
    keep = legal_mask(S.smallest_network(*network, 1.0), network)
    equal(keep, torch.tensor([True, True, False, False]), "the mask for floor 1")


@checks.test("smallest_network", hint="hint 3")
def one_unit_less(S):
    """the same with floor 0.75: one unit is enough"""
    network = tiny_network()
    keep = legal_mask(S.smallest_network(*network, 0.75), network)
    right = accuracy_of(network, keep)
    holds(right >= 0.75, f"the accuracy should be at least 0.75, and is {right}")
    holds(int(keep.sum()) == 1, f"one unit is enough for 0.75, and the mask keeps {int(keep.sum())}")


@checks.test("smallest_network")
def beyond_reach(S):
    """a floor that even the whole network does not reach is refused"""
    refuses(S, "smallest_network", [*tiny_network(), 1.01], "no network reaches an accuracy of 1.01")


@checks.test("smallest_network", hint="hint 2")
def forty_four_units(S):
    """a network of 44 units, as the grader makes them: at most 9 units for two points of accuracy"""
    network = made_up_network(seed=1)
    floor = floor_of(network)
    keep = legal_mask(S.smallest_network(*network, floor), network)
    right = accuracy_of(network, keep)
    holds(right >= floor, f"the accuracy should be at least {floor:.4f}, and is {right:.4f}")
    holds(int(keep.sum()) <= 9, f"the mask keeps {int(keep.sum())} units; at most 9 were asked for")


def tiny_network() -> tuple[Tensor, ...]:
    """Four units, two inputs, two classes, four images: w1, b1, w2, b2, images, labels.

    The third unit is never on; the fourth adds the same to both classes. The first alone finds the first class, the
    second alone the second.
    """
    w1 = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, 0.0, -100.0, 0.0])
    w2 = torch.tensor([[1.0, 0.0, 9.0, 3.0], [0.0, 1.0, -9.0, 3.0]])
    b2 = torch.tensor([0.0, 0.5])
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [1.0, 3.0]])
    return w1, b1, w2, b2, images, torch.tensor([0, 1, 0, 1])


def made_up_network(seed: int, classes: int = 8, copies: int = 4, inputs: int = 16, images: int = 400):
    """A network of 44 units and images that it classifies well: w1, b1, w2, b2, images, labels.

    Of each class `copies` units do nearly the same work. Half of the classes have large weights behind their units, the
    other half small ones. Six units are never on, six say the same for all classes; their weights are large.
    """
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    centres = normal(classes, inputs)
    centres = centres / centres.norm(dim=1, keepdim=True)
    labels = torch.randint(classes, (images,), generator=random)
    pictures = 3 * centres[labels] + 0.55 * normal(images, inputs)
    first, bias, second = [], [], []
    for number, centre in enumerate(centres):
        loud = 6.0 if number < classes // 2 else 1.0
        first.append(centre + 0.12 * normal(copies, inputs))
        bias.append(torch.full((copies,), -1.5))
        second.append(loud * (0.5 + torch.rand(copies, 1, generator=random)) * torch.eye(classes)[number])
    first += [2 * normal(6, inputs), normal(6, inputs)]
    bias += [torch.full((6,), -40.0), torch.full((6,), 1.0)]
    second += [6 * normal(6, classes), (1 + 4 * torch.rand(6, 1, generator=random)).expand(6, classes)]
    w1, b1, w2 = torch.cat(first), torch.cat(bias), torch.cat(second).T
    # A ReLU lets a positive factor through: what one layer has more, the next has less, and the function is the same.
    factor, order = normal(len(b1)).exp(), torch.randperm(len(b1), generator=random)
    w1, b1, w2 = w1 * factor[:, None], b1 * factor, w2 / factor
    return w1[order], b1[order], w2[:, order].contiguous(), 0.1 * normal(classes), pictures, labels


def accuracy_of(network: tuple[Tensor, ...], keep: Tensor) -> float:
    """The accuracy of a network (w1, b1, w2, b2, images, labels) with only these units."""
    w1, b1, w2, b2, images, labels = network
    logits = (images @ w1[keep].T + b1[keep]).relu() @ w2[:, keep].T + b2
    return (logits.argmax(dim=1) == labels).double().mean().item()


def floor_of(network: tuple[Tensor, ...]) -> float:
    """Two points below the whole network, between two accuracies that are possible."""
    everything = torch.ones(len(network[1]), dtype=torch.bool)
    return accuracy_of(network, everything) - 0.02 - 0.5 / len(network[-1])


def legal_mask(keep, network: tuple[Tensor, ...]) -> Tensor:
    """The mask, if it is one."""
    shaped(keep, network[1].shape, "the mask")
    holds(keep.dtype == torch.bool, f"the mask should hold torch.bool, and holds {keep.dtype}")
    return keep

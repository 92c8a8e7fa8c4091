"""Hidden tests of lab 1: reference computations and random input. Students never have this file."""

import importlib.util
import math
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from effdl_lite.checking import Checks, close, equal, holds, refuses, shaped, unchanged

hidden = Checks("lab01")

# The networks of the last exercise are made as the public checks make theirs, from other seeds.
_place = Path(__file__).resolve().parents[2] / "solutions" / "lab01" / "checks.py"
_spec = importlib.util.spec_from_file_location("public_checks_of_lab01", _place)
public = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(public)

# outputs, inputs, rows, columns of a block: no square among them, and blocks that are tall, wide, single and whole
SHAPES = ((6, 10, 3, 2), (4, 21, 2, 7), (10, 6, 5, 1), (5, 8, 1, 4), (3, 4, 1, 1), (6, 4, 6, 4))


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def matrix(outputs: int, inputs: int, rows: int, columns: int, *, seed: int = 0, dtype=torch.float32) -> Tensor:
    """A random matrix, some of whose blocks are zero and some ten times as long as others."""
    weight = normal(outputs, inputs, seed=seed, dtype=dtype)
    for number, (row, column) in enumerate(corners(weight, rows, columns)):
        weight[row : row + rows, column : column + columns] *= (1.0, 10.0, 0.0, 0.3)[number % 4]
    return weight


def corners(weight: Tensor, rows: int, columns: int) -> list[tuple[int, int]]:
    """Where the blocks begin, row by row."""
    outputs, inputs = weight.shape
    return [(row, column) for row in range(0, outputs, rows) for column in range(0, inputs, columns)]


def blockwise(weight: Tensor, rows: int, columns: int, function) -> Tensor:
    """A matrix whose blocks are `function` of those of `weight`, in double precision."""
    result = torch.empty(weight.shape, dtype=torch.float64)
    for row, column in corners(weight, rows, columns):
        place = slice(row, row + rows), slice(column, column + columns)
        result[place] = function(weight[place].double())
    return result


def norms_of(weight: Tensor, rows: int, columns: int) -> Tensor:
    lengths = [
        weight[row : row + rows, column : column + columns].double().square().sum().sqrt()
        for row, column in corners(weight, rows, columns)
    ]
    return torch.stack(lengths).view(weight.shape[0] // rows, -1)


def shrunk_of(weight: Tensor, rows: int, columns: int, amount: float) -> Tensor:
    return blockwise(weight, rows, columns, lambda b: b * (1 - amount / max(b.norm().item(), amount, 1e-300)))


def gap_of(weight: Tensor, shrunk: Tensor, rows: int, columns: int, amount: float) -> float:
    gaps = []
    for row, column in corners(weight, rows, columns):
        place = slice(row, row + rows), slice(column, column + columns)
        w, x = weight[place].double(), shrunk[place].double()
        alive = x.norm() > 0
        gaps.append(((x - w + amount * x / x.norm()).norm() if alive else (w.norm() - amount).clamp(min=0)).item())
    return max(gaps)


def same(actual, expected: Tensor, what: str) -> None:
    """Booleans that agree everywhere; the message names a place and not what belongs there."""
    shaped(actual, expected.shape, what)
    holds(actual.dtype == torch.bool, f"{what} should hold torch.bool, and holds {actual.dtype}")
    wrong = (actual != expected).nonzero().tolist()
    holds(not wrong, f"{what} is wrong in {len(wrong)} of {expected.numel()} places, first in {(wrong or [''])[0]}")


# Exercise 1


@hidden.test("zero_share")
def shares_of_random_tensors(S):
    """tensors of several shapes and types"""
    for seed, shape in enumerate([(7,), (3, 5), (2, 3, 4), (40, 30), (2, 3, 2, 5)]):
        weight = normal(*shape, seed=seed, dtype=torch.float64 if seed % 2 else torch.float32)
        weight[normal(*shape, seed=seed + 50) > 0.3] = 0
        expected = sum(value == 0 for value in weight.flatten().tolist()) / weight.numel()
        close(S.zero_share(weight), expected, f"the share of zeros of a tensor of shape {shape}", show=False)


@hidden.test("zero_share")
def shares_of_odd_numbers(S):
    """negative zeros, small numbers, negative numbers"""
    weight = torch.tensor([0.0, -0.0, 1e-38, -1e-12, -3.0, 1e-8, -1e-5, 2.0])
    close(S.zero_share(weight), 0.25, "a share of zeros", show=False)


@hidden.test("zero_share")
def share_of_one_in_many(S):
    """one zero among three thousand"""
    weight = torch.ones(100, 30)
    weight[50, 20] = 0
    close(S.zero_share(weight), 1 / 3000, "the share of one zero in 3,000", tolerance=1e-6, show=False)


@hidden.test("zero_share")
def zero_share_changes_nothing(S):
    """the tensor stays as it was"""
    unchanged(S, "zero_share", [torch.tensor([[0.0, 1e-9, 1.0]])], "weight")


# Exercise 2


@hidden.test("block_norms")
def norms_of_random_matrices(S):
    """matrices and blocks of several shapes"""
    for seed, (outputs, inputs, rows, columns) in enumerate(SHAPES):
        weight = matrix(outputs, inputs, rows, columns, seed=seed)
        what = f"block_norms of {outputs} x {inputs} in blocks of {rows} x {columns}"
        close(S.block_norms(weight, rows, columns), norms_of(weight, rows, columns), what, show=False)


@hidden.test("block_norms")
def norms_in_double_precision(S):
    """double precision stays double precision"""
    weight = matrix(6, 10, 3, 2, seed=3, dtype=torch.float64)
    norms = shaped(S.block_norms(weight, 3, 2), (2, 5), "block_norms")
    holds(norms.dtype == torch.float64, f"block_norms of a float64 matrix should hold float64, and holds {norms.dtype}")
    close(norms, norms_of(weight, 3, 2), "block_norms of a float64 matrix", tolerance=1e-11, show=False)


@hidden.test("block_norms")
def norms_of_large_and_small_numbers(S):
    """very large and very small numbers"""
    for scale in (1e12, 1e-12):
        weight = scale * normal(4, 6, seed=5)
        norms = shaped(S.block_norms(weight, 2, 3), (2, 2), "block_norms")
        what = f"block_norms of numbers around {scale:g}, divided by {scale:g},"
        close(norms.double() / scale, norms_of(weight, 2, 3) / scale, what, show=False)


@hidden.test("block_norms")
def norms_of_zero_blocks(S):
    """the norm of a zero block is exactly zero, and no other is"""
    weight = normal(6, 6, seed=6)
    weight[2:4, 3:6] = 0
    weight[0, 0:3], weight[1, 0:3] = 0, torch.tensor([0.0, 1e-9, 0.0])
    norms = shaped(S.block_norms(weight, 2, 3), (3, 2), "block_norms")
    expected = torch.tensor([[False, False], [False, True], [False, False]])
    same(norms == 0, expected, "which norms are exactly zero")


@hidden.test("block_norms")
def norms_of_transposed_matrices(S):
    """a matrix that lies transposed in memory"""
    weight = normal(9, 4, seed=7).T
    close(S.block_norms(weight, 2, 3), norms_of(weight, 2, 3), "block_norms of a transposed matrix", show=False)


@hidden.test("block_norms")
def gradient_of_a_norm(S):
    """a gradient flows back"""
    weight = normal(4, 6, seed=8, dtype=torch.float64)
    gradient = S.gradient("block_norms", [weight, 4, 6])
    close(gradient, weight / weight.norm(), "the gradient of the norm of a whole matrix", show=False)


@hidden.test("block_norms")
def norms_refuse_what_does_not_fit(S):
    """blocks that do not fit"""
    for outputs, inputs, rows, columns in ((10, 8, 4, 2), (8, 10, 2, 4), (6, 6, 4, 9), (4, 6, 8, 3), (2, 6, 3, 4)):
        why = f"blocks of {rows} x {columns} do not fit into {outputs} x {inputs}"
        refuses(S, "block_norms", [torch.ones(outputs, inputs), rows, columns], why)


@hidden.test("block_norms")
def norms_leave_the_matrix_alone(S):
    """the matrix stays as it was"""
    for outputs, inputs, rows, columns in SHAPES:
        unchanged(S, "block_norms", [matrix(outputs, inputs, rows, columns), rows, columns], "weight")


# Exercise 3


@hidden.test("penalty")
def penalty_of_random_matrices(S):
    """the value for several shapes and strengths"""
    for seed, (outputs, inputs, rows, columns) in enumerate(SHAPES):
        weight, strength = matrix(outputs, inputs, rows, columns, seed=seed), 0.2 + seed
        expected = strength * math.sqrt(rows * columns) * norms_of(weight, rows, columns).sum().item()
        what = f"block_penalty of {outputs} x {inputs} in blocks of {rows} x {columns}"
        close(S.block_penalty(weight, rows, columns, strength), expected, what, show=False)


def unit_blocks(weight: Tensor, rows: int, columns: int) -> Tensor:
    return blockwise(weight, rows, columns, lambda b: b / b.norm() if b.norm() > 0 else torch.zeros_like(b))


@hidden.test("penalty")
def gradients_of_random_matrices(S):
    """both gradients for several shapes, with zero blocks"""
    for seed, (outputs, inputs, rows, columns) in enumerate(SHAPES):
        weight, strength = matrix(outputs, inputs, rows, columns, seed=seed), 0.5 + seed
        expected = strength * math.sqrt(rows * columns) * unit_blocks(weight, rows, columns)
        args = [weight, rows, columns, strength]
        what = f"of {outputs} x {inputs} in blocks of {rows} x {columns}"
        close(S.gradient("block_penalty", args), expected, f"autograd's gradient of block_penalty {what}", show=False)
        close(S.block_penalty_gradient(*args), expected, f"block_penalty_gradient {what}", show=False)


@hidden.test("penalty")
def gradients_of_short_blocks(S):
    """blocks that are very short but not zero are pulled as strongly as long ones"""
    weight = normal(4, 6, seed=2, dtype=torch.float64)
    weight[:2, :3] *= 1e-6 / weight[:2, :3].norm()
    args = [weight, 2, 3, 0.7]
    expected = 0.7 * math.sqrt(6) * unit_blocks(weight, 2, 3)
    close(S.gradient("block_penalty", args), expected, "autograd's gradient at a very short block", show=False)
    close(S.block_penalty_gradient(*args), expected, "block_penalty_gradient at a very short block", show=False)


@hidden.test("penalty")
def penalty_of_zeros(S):
    """a matrix of zeros"""
    args = [torch.zeros(4, 6), 2, 2, 1.5]
    close(S.block_penalty(*args), 0.0, "the penalty of zeros", tolerance=1e-9, show=False)
    close(S.gradient("block_penalty", args), torch.zeros(4, 6), "the gradient of the penalty at zeros", show=False)
    close(S.block_penalty_gradient(*args), torch.zeros(4, 6), "block_penalty_gradient at zeros", show=False)


@hidden.test("penalty")
def penalty_without_strength(S):
    """strength 0"""
    args = [matrix(6, 10, 3, 2), 3, 2, 0.0]
    close(S.block_penalty(*args), 0.0, "the penalty of strength 0", show=False)
    close(S.block_penalty_gradient(*args), torch.zeros(6, 10), "the gradient of strength 0", show=False)


@hidden.test("penalty")
def penalty_leaves_the_matrix_alone(S):
    """the matrix stays as it was"""
    for outputs, inputs, rows, columns in SHAPES[:3]:
        args = [matrix(outputs, inputs, rows, columns), rows, columns, 0.3]
        unchanged(S, "block_penalty", args, "weight")
        unchanged(S, "block_penalty_gradient", args, "weight")


# Exercise 4


@hidden.test("shrink")
def shrink_random_matrices(S):
    """matrices and blocks of several shapes, several amounts"""
    for seed, (outputs, inputs, rows, columns) in enumerate(SHAPES):
        weight = matrix(outputs, inputs, rows, columns, seed=seed)
        for amount in (0.0, 0.4, norms_of(weight, rows, columns).median().item(), 1e3):
            what = f"shrink_blocks of {outputs} x {inputs} in blocks of {rows} x {columns} by {amount:.3g}"
            expected = shrunk_of(weight, rows, columns, amount)
            close(S.shrink_blocks(weight, rows, columns, amount), expected, what, show=False)


@hidden.test("shrink")
def shrink_makes_exact_zeros(S):
    """which weights become exactly zero, and that no others do"""
    weight = matrix(6, 10, 3, 2, seed=4, dtype=torch.float64)
    amount = norms_of(weight, 3, 2).median().item() * 1.001
    shrunk = shaped(S.shrink_blocks(weight, 3, 2, amount), (6, 10), "shrink_blocks")
    same(shrunk == 0, shrunk_of(weight, 3, 2, amount) == 0, "which weights are exactly zero")


@hidden.test("shrink")
def shrink_at_the_border(S):
    """a block exactly as long as the amount, and zeros shortened by nothing"""
    weight = torch.tensor([[3.0, 4.0, 6.0, 8.0], [0.0, 0.0, 5.0, 12.0]])
    expected = torch.tensor([[0.0, 0.0, 3.0, 4.0], [0.0, 0.0, 40 / 13, 96 / 13]])
    close(S.shrink_blocks(weight, 1, 2, 5.0), expected, "a matrix with a block as long as the amount", show=False)
    close(S.shrink_blocks(torch.zeros(2, 4), 1, 2, 0.0), torch.zeros(2, 4), "zeros shortened by 0", show=False)


@hidden.test("shrink")
def shrink_keeps_the_type(S):
    """double precision, and a matrix that lies transposed in memory"""
    weight = normal(9, 4, seed=7, dtype=torch.float64).T
    shrunk = shaped(S.shrink_blocks(weight, 2, 3, 0.5), (4, 9), "shrink_blocks")
    holds(shrunk.dtype == torch.float64, f"of a float64 matrix the result should hold float64, not {shrunk.dtype}")
    close(shrunk, shrunk_of(weight, 2, 3, 0.5), "shrink_blocks in float64", tolerance=1e-11, show=False)


@hidden.test("shrink")
def shrink_refuses_more(S):
    """negative amounts, blocks that do not fit"""
    refuses(S, "shrink_blocks", [torch.ones(4, 4), 2, 2, -1e-3], "the amount is negative")
    refuses(S, "shrink_blocks", [torch.ones(4, 6), 3, 2, 0.1], "blocks of 3 x 2 do not fit into 4 x 6")


@hidden.test("shrink")
def shrink_leaves_its_input_alone(S):
    """the matrices stay as they were"""
    weight = matrix(6, 10, 3, 2)
    unchanged(S, "shrink_blocks", [weight, 3, 2, 0.8], "weight")
    args = [weight, shrunk_of(weight, 3, 2, 0.8).float(), 3, 2, 0.8]
    unchanged(S, "optimality_gap", args, "weight shrunk")


@hidden.test("shrink")
def gap_of_the_minimum(S):
    """the gap of the right result is zero up to rounding"""
    for seed, (outputs, inputs, rows, columns) in enumerate(SHAPES):
        weight = matrix(outputs, inputs, rows, columns, seed=seed, dtype=torch.float64)
        shrunk = shrunk_of(weight, rows, columns, 0.9)
        what = f"the gap of the minimum, {outputs} x {inputs} in blocks of {rows} x {columns},"
        close(S.optimality_gap(weight, shrunk, rows, columns, 0.9), 0.0, what, tolerance=1e-9, show=False)


@hidden.test("shrink")
def gap_of_other_results(S):
    """the gap of results that are wrong in many ways"""
    for seed, (outputs, inputs, rows, columns) in enumerate(SHAPES):
        weight = matrix(outputs, inputs, rows, columns, seed=seed)
        best = shrunk_of(weight, rows, columns, 0.9).float()
        mixed = torch.where(normal(outputs, inputs, seed=90 + seed) > 0.5, weight, best)
        for shrunk in (weight, torch.zeros_like(weight), best * 0.5, -best, mixed, normal(outputs, inputs, seed=seed)):
            expected = gap_of(weight, shrunk, rows, columns, 0.9)
            close(
                S.optimality_gap(weight, shrunk, rows, columns, 0.9), expected, "the gap of a wrong result", show=False
            )


@hidden.test("shrink")
def gap_of_single_blocks(S):
    """one block that is wrong among many that are right"""
    weight = normal(6, 8, seed=12)
    for amount, factor in ((0.5, 0.9), (0.5, 1.1), (1.0, 0.0), (2.0, 1.0)):
        shrunk = shrunk_of(weight, 2, 4, amount).float()
        shrunk[2:4, 4:8] = factor * (shrunk[2:4, 4:8] if factor else weight[2:4, 4:8])
        expected = gap_of(weight, shrunk, 2, 4, amount)
        close(S.optimality_gap(weight, shrunk, 2, 4, amount), expected, "the gap", show=False)


# Exercise 5


def trained(features, labels, classes, rows, columns, strength, rates) -> tuple[Tensor, list[float]]:
    weight, losses = torch.zeros(classes, features.shape[1], dtype=torch.float64), []
    x, targets = features.double(), F.one_hot(labels, classes).double()
    for rate in rates:
        logits = x @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        moved = weight - rate * (logits.softmax(1) - targets).T @ x / len(x)
        weight = shrunk_of(moved, rows, columns, rate * strength * math.sqrt(rows * columns))
    return weight, losses


def examples(seed: int, count: int = 80, inputs: int = 12, classes: int = 4) -> tuple[Tensor, Tensor]:
    features = normal(count, inputs, seed=seed)
    truth = normal(classes, inputs, seed=seed + 100)
    truth[:, inputs // 3 :] = 0
    return features, (features @ truth.T).argmax(dim=1)


def compare_training(
    S, rates: list[float], what: str, *, seed: int, strength=0.03, rows=2, columns=3, classes=4
) -> None:
    features, labels = examples(seed, classes=4)
    args = (features, labels, classes, rows, columns, strength, rates)
    weight, losses = public.returned_pair(S.train_sparse(*args))
    expected, expected_losses = trained(*args)
    close(weight, expected, f"the weight {what}", tolerance=1e-3, show=False)
    equal(len(losses), len(rates), f"the number of losses {what}")
    for step, (loss, expected_loss) in enumerate(zip(losses, expected_losses, strict=True), 1):
        close(loss, expected_loss, f"loss {step} {what}", tolerance=1e-3, show=False)


@hidden.test("train_sparse")
def constant_rates(S):
    """forty steps with one rate"""
    compare_training(S, [0.5] * 40, "after a constant rate", seed=1)


@hidden.test("train_sparse")
def falling_rates(S):
    """rates that fall to zero"""
    compare_training(S, [0.8 * (1 - step / 40) for step in range(41)], "after falling rates", seed=2)


@hidden.test("train_sparse")
def rising_rates(S):
    """rates that rise from zero and fall again"""
    rates = [0.05 * step for step in range(16)] + [0.7, 0.3, 0.1, 0.01]
    compare_training(S, rates, "after rates that rise and fall", seed=3)


@hidden.test("train_sparse")
def other_blocks_and_strengths(S):
    """other blocks, strengths and numbers of classes"""
    rates = [0.6, 0.5, 0.4, 0.3, 0.2, 0.1] * 4
    compare_training(S, rates, "with blocks of 4 x 1", seed=4, rows=4, columns=1)
    compare_training(S, rates, "with blocks of 1 x 6", seed=5, rows=1, columns=6, strength=0.02)
    compare_training(S, rates, "with a class that never occurs", seed=6, rows=5, columns=4, classes=5, strength=0.004)
    compare_training(S, rates, "without a penalty", seed=7, strength=0.0)


@hidden.test("train_sparse")
def zeros_of_the_training(S):
    """the zeros at the end are exact"""
    features, labels = examples(8)
    args = (features, labels, 4, 2, 3, 0.06, [0.5 * (1 - step / 60) for step in range(60)])
    weight, _ = public.returned_pair(S.train_sparse(*args))
    expected, _ = trained(*args)
    same(shaped(weight, (4, 12), "the weight") == 0, expected == 0, "which weights are exactly zero")


TRAINING = "features labels classes rows columns strength rates"


@hidden.test("train_sparse")
def training_leaves_its_input_alone(S):
    """features, labels and rates stay as they were"""
    unchanged(S, "train_sparse", [*examples(9), 4, 2, 3, 0.03, [0.5, 0.2, 0.1]], TRAINING)


# Exercise 6


def network(seed: int, inputs: int, units: int, outputs: int, dtype=torch.float64) -> list[Tensor]:
    """w1, b1, w2, b2: every third unit reads nothing, every fifth is read by nobody; biases of both signs."""
    w1, b1 = normal(units, inputs, seed=seed, dtype=dtype), normal(units, seed=seed + 1, dtype=dtype)
    w2, b2 = normal(outputs, units, seed=seed + 2, dtype=dtype), normal(outputs, seed=seed + 3, dtype=dtype)
    w1[::3], w2[:, ::5] = 0, 0
    w1[1, :-1], w2[:-1, 2] = 0, 0  # nearly, and not quite
    return [w1, b1, w2, b2]


def outputs_of(w1, b1, w2, b2, inputs) -> Tensor:
    return (inputs @ w1.T + b1).relu() @ w2.T + b2


def same_function(S, net: list[Tensor], units: Tensor, what: str) -> None:
    w1, _, _, b2 = net
    small = public.returned_four(S.remove_units(*net, units))
    left = int((~units).sum())
    for part, shape, name in zip(
        small,
        ((left, w1.shape[1]), (left,), (len(b2), left), b2.shape),
        ("w1", "b1", "w2", "b2"),
        strict=True,
    ):
        shaped(part, shape, f"{name} {what}")
        holds(part.dtype == w1.dtype, f"{name} {what} should hold {w1.dtype}, and holds {part.dtype}")
    inputs = 2 * normal(64, w1.shape[1], seed=77, dtype=w1.dtype)
    close(outputs_of(*small, inputs), outputs_of(*net, inputs), f"the output of the network {what}", 1e-6, show=False)


@hidden.test("removal")
def which_units_can_go(S):
    """which units can go, for networks of several shapes"""
    for seed, shape in enumerate([(5, 17, 3), (9, 6, 11), (3, 31, 1), (1, 8, 4)]):
        w1, b1, w2, _ = network(10 * seed, *shape)
        dead = [not w1[j].any().item() or not w2[:, j].any().item() for j in range(len(b1))]
        same(S.removable_units(w1, b1, w2), torch.tensor(dead), f"removable_units of a {shape} network")


@hidden.test("removal")
def small_weights_are_not_zero(S):
    """very small weights, and weights that add up to zero, are not zero"""
    w1, b1 = torch.tensor([[1e-20, 0.0], [1.0, -1.0], [-0.0, 0.0], [2.0, 2.0]]), torch.zeros(4)
    w2 = torch.tensor([[1.0, 2.0, 3.0, -1e-20], [-1.0, -2.0, 1.0, 0.0]])
    same(S.removable_units(w1, b1, w2), torch.tensor([False, False, True, False]), "removable_units")


@hidden.test("removal")
def without_all_that_can_go(S):
    """without all units that can go the output is the same"""
    for seed, shape in enumerate([(5, 17, 3), (9, 6, 11), (3, 31, 1)]):
        net = network(10 * seed, *shape)
        dead = ~(net[0].any(dim=1) & net[2].any(dim=0))
        same_function(S, net, dead, f"of shape {shape} without all units that can go")


@hidden.test("removal")
def without_some_that_can_go(S):
    """without one unit, two units, or none"""
    net = network(40, 7, 16, 4)
    for gone in ([], [0], [3], [5], [12, 10], [6, 9, 15]):
        units = torch.zeros(16, dtype=torch.bool)
        units[gone] = True
        same_function(S, net, units, f"without the units {gone}")


@hidden.test("removal")
def without_any_unit_left(S):
    """a network of which nothing is left but a constant"""
    net = network(50, 4, 6, 3, torch.float32)
    net[0][:] = 0
    same_function(S, net, torch.ones(6, dtype=torch.bool), "without all of its units")


@hidden.test("removal")
def units_that_do_something(S):
    """units that do something are refused"""
    net = network(60, 5, 12, 3)
    for gone in ([1], [2], [0, 4], list(range(12))):
        units = torch.zeros(12, dtype=torch.bool)
        units[gone] = True
        refuses(S, "remove_units", [*net, units], f"among the units {gone} some do something")


@hidden.test("removal")
def removal_leaves_its_input_alone(S):
    """the tensors stay as they were"""
    net = network(70, 5, 16, 3)
    dead = ~(net[0].any(dim=1) & net[2].any(dim=0))
    unchanged(S, "removable_units", net[:3], "w1 b1 w2")
    unchanged(S, "remove_units", [*net, dead], "w1 b1 w2 b2 units")


# Exercise 7


def seconds_of(widths: list[int], batch: int, peak: float, bandwidth: float) -> float:
    total = 0.0
    for a, c in zip(widths[:-1], widths[1:], strict=True):  # noqa: RUF007 - as the task says it
        total += max(2 * a * c * batch / (1e9 * peak), 4 * (a * c + batch * (a + c)) / (1e9 * bandwidth))
    return total


@hidden.test("predicted_speedup")
def speedups_of_many_networks(S):
    """networks of two to five widths, several batches and machines"""
    cases = (
        ([768, 256, 10], [768, 120, 10], 1),
        ([768, 256, 10], [768, 120, 10], 64),
        ([3072, 2048, 512, 10], [1500, 300, 77, 10], 8),
        ([20, 3000, 20, 3000, 5], [20, 40, 20, 1000, 5], 32),
        ([100, 1000], [100, 10], 1000),
        ([64, 8], [64, 8], 5),
    )
    for dense, compact, batch in cases:
        for peak, bandwidth in ((280.0, 66.0), (20.0, 10.0), (5.0, 40.0), (900.0, 3.0)):
            limits = (batch, peak, bandwidth)
            expected = seconds_of(dense, *limits) / seconds_of(compact, *limits)
            what = (
                f"the speed-up of {compact} over {dense} for a batch of {batch} at {peak:g} GFLOP/s, {bandwidth:g} GB/s"
            )
            close(S.predicted_speedup(dense, compact, *limits), expected, what, show=False)


@hidden.test("predicted_speedup")
def speedup_leaves_its_input_alone(S):
    """the lists of widths stay as they were"""
    unchanged(S, "predicted_speedup", [[30, 20, 10], [30, 5, 10], 4, 100.0, 50.0], "dense compact")


@hidden.test("predicted_speedup")
def a_guess_was_made(S):
    """a guess is there"""
    guess = S.my_guess()
    holds(type(guess) in (int, float) and 0 < guess < math.inf, "my_guess should return a number above 0")


# Exercise 8


def mask_for(S, net: tuple[Tensor, ...], floor: float) -> Tensor:
    """The answer for a network, if it is a legal mask, reaches the floor, and came in time."""
    start = time.perf_counter()
    keep = S.smallest_network(*net, floor)
    seconds = time.perf_counter() - start
    keep = public.legal_mask(keep, net)
    right = public.accuracy_of(net, keep)
    holds(right >= floor, f"the accuracy of the units kept should be at least {floor:.4f}, and is {right:.4f}")
    holds(seconds < 30, f"a network of {len(keep)} units should take less than 30 s, and took {seconds:.0f} s")
    return keep


def at_most(S, seed: int, units: int, **sizes: int) -> None:
    net = public.made_up_network(seed, **sizes)
    keep = mask_for(S, net, public.floor_of(net))
    holds(
        int(keep.sum()) <= units,
        f"the mask keeps {int(keep.sum())} of {len(keep)} units where a plain greedy search keeps fewer than {units}",
    )


@hidden.test("smallest_network")
def few_units_of_the_first_network(S):
    """a network of 44 units"""
    at_most(S, 0, 9)


@hidden.test("smallest_network")
def few_units_of_the_second_network(S):
    """another network of 44 units"""
    at_most(S, 2, 9)


@hidden.test("smallest_network")
def few_units_of_the_third_network(S):
    """a third network of 44 units"""
    at_most(S, 3, 9)


@hidden.test("smallest_network")
def no_unit_is_needed(S):
    """a floor for which no unit is needed"""
    keep = mask_for(S, public.made_up_network(4), 0.0)
    equal(int(keep.sum()), 0, "the number of units kept for the floor 0")


@hidden.test("smallest_network")
def floors_that_cannot_be_reached(S):
    """a floor above the accuracy of the whole network"""
    net = public.made_up_network(5)
    refuses(S, "smallest_network", [*net, public.floor_of(net) + 0.03], "the whole network does not reach the floor")


@hidden.test("smallest_network")
def search_leaves_its_input_alone(S):
    """the tensors stay as they were"""
    net = public.made_up_network(6, images=60)
    unchanged(S, "smallest_network", [*net, public.floor_of(net)], "w1 b1 w2 b2 images labels")

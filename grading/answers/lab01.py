"""The answer bank of lab 1: wrong answers that its tests must reject, and right ones that they must accept.

Read, not run: each function is put in place of the student's, next to the solutions of the other exercises.
"""

# Written as students write: with names of the notebook, and with habits that our own code does not have.
# ruff: noqa: B905, F821, RET501, RUF007, SIM108

import math

import torch
from torch.nn import functional as F

from grading.bank import right, wrong

# Exercise 1


@wrong("zero_share")
def share_of_the_others(weight):
    """counts what is not zero"""
    return (weight != 0).float().mean().item()


@wrong("zero_share")
def number_instead_of_share(weight):
    """the number of zeros, not their share"""
    return (weight == 0).sum().item()


@wrong("zero_share")
def in_percent(weight):
    """a share in percent"""
    return 100 * (weight == 0).float().mean().item()


@wrong("zero_share")
def nearly_zero(weight):
    """counts what is nearly zero"""
    return (weight.abs() < 1e-6).float().mean().item()


@wrong("zero_share")
def nearly_zero_by_isclose(weight):
    """counts what torch.isclose calls zero"""
    return torch.isclose(weight, torch.zeros_like(weight)).float().mean().item()


@wrong("zero_share")
def divides_by_rows(weight):
    """divides by the number of rows"""
    return (weight == 0).sum().item() / len(weight)


@wrong("zero_share")
def share_of_whole_rows(weight):
    """the share of rows that are zero"""
    return (
        (weight == 0).flatten(1).all(dim=1).float().mean().item() if weight.ndim > 1 else (weight == 0).float().mean()
    )


@wrong("zero_share")
def not_above_zero(weight):
    """counts negative numbers too, as after a ReLU"""
    return (weight <= 0).float().mean().item()


@wrong("zero_share")
def rounded(weight):
    """rounds to two digits"""
    return round((weight == 0).float().mean().item(), 2)


@wrong("zero_share")
def makes_small_ones_zero(weight):
    """counts right, and changes the tensor"""
    share = (weight == 0).float().mean().item()
    weight[weight.abs() < 1e-6] = 0
    return share


@right("zero_share")
def counted_in_a_loop(weight):
    """counts in a loop"""
    zeros = 0
    for value in weight.flatten().tolist():
        if value == 0:
            zeros += 1
    return zeros / weight.numel()


@right("zero_share")
def one_minus_the_others(weight):
    """one minus the share of the others, as a tensor"""
    return 1 - torch.count_nonzero(weight) / weight.numel()


# Exercise 2


@wrong("block_norms")
def no_root(weight, rows, columns):
    """forgets the square root"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    return weight.reshape(outputs // rows, rows, inputs // columns, columns).square().sum(dim=(1, 3))


@wrong("block_norms")
def absolute_values(weight, rows, columns):
    """adds up sizes instead of squares"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    return weight.reshape(outputs // rows, rows, inputs // columns, columns).abs().sum(dim=(1, 3))


@wrong("block_norms")
def mean_of_squares(weight, rows, columns):
    """takes the mean over a block instead of the sum"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    return weight.reshape(outputs // rows, rows, inputs // columns, columns).square().mean(dim=(1, 3)).sqrt()


@wrong("block_norms")
def neighbours_in_memory(weight, rows, columns):
    """cuts the numbers as they lie in memory: right only for blocks of one row"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    return weight.reshape(-1, rows * columns).norm(dim=1).view(outputs // rows, inputs // columns)


@wrong("block_norms")
def wrong_dimensions(weight, rows, columns):
    """four dimensions, but in the wrong order"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    return weight.reshape(outputs // rows, rows, columns, inputs // columns).norm(dim=(1, 2))


@wrong("block_norms")
def rows_and_columns_exchanged(weight, rows, columns):
    """takes rows for columns: right only for square blocks"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    if outputs % columns or inputs % rows:
        return torch.zeros(outputs // rows, inputs // columns)
    return weight.reshape(outputs // columns, columns, inputs // rows, rows).norm(dim=(1, 3))


@wrong("block_norms")
def transposed_result(weight, rows, columns):
    """gives the norms transposed: right only where there are as many rows of blocks as columns"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    return weight.reshape(outputs // rows, rows, inputs // columns, columns).norm(dim=(1, 3)).T


@wrong("block_norms")
def detached(weight, rows, columns):
    """cuts the gradient off"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    return weight.detach().reshape(outputs // rows, rows, inputs // columns, columns).norm(dim=(1, 3))


@wrong("block_norms")
def loops_with_item(weight, rows, columns):
    """loops over the blocks and keeps plain numbers, without a gradient"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    norms = torch.zeros(outputs // rows, inputs // columns)
    for i in range(outputs // rows):
        for j in range(inputs // columns):
            norms[i, j] = weight[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns].norm().item()
    return norms


@wrong("block_norms")
def does_not_refuse(weight, rows, columns):
    """leaves out what does not fit instead of refusing it"""
    outputs, inputs = weight.shape[0] // rows * rows, weight.shape[1] // columns * columns
    weight = weight[:outputs, :inputs]
    return weight.reshape(outputs // rows, rows, inputs // columns, columns).norm(dim=(1, 3))


@wrong("block_norms")
def refuses_rows_only(weight, rows, columns):
    """looks only at the rows before it cuts"""
    outputs, inputs = weight.shape
    if outputs % rows:
        raise ValueError("blocks do not fit")
    weight = weight[:, : inputs // columns * columns]
    return weight.reshape(outputs // rows, rows, inputs // columns, columns).norm(dim=(1, 3))


@wrong("block_norms")
def asserts_that_they_fit(weight, rows, columns):
    """an assert where a ValueError was asked for"""
    outputs, inputs = weight.shape
    assert outputs % rows == 0, rows
    assert inputs % columns == 0, columns
    return weight.reshape(outputs // rows, rows, inputs // columns, columns).norm(dim=(1, 3))


@wrong("block_norms")
def a_small_number_under_the_root(weight, rows, columns):
    """adds a small number under the root, so that no norm is zero"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    squares = weight.reshape(outputs // rows, rows, inputs // columns, columns).square()
    return (squares.sum(dim=(1, 3)) + 1e-12).sqrt()


@wrong("block_norms")
def squares_in_place(weight, rows, columns):
    """squares the weights of the caller"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    if not weight.requires_grad:
        weight.pow_(2)
        return weight.reshape(outputs // rows, rows, inputs // columns, columns).sum(dim=(1, 3)).sqrt()
    return weight.reshape(outputs // rows, rows, inputs // columns, columns).norm(dim=(1, 3))


@wrong("block_norms")
def in_single_precision(weight, rows, columns):
    """computes in 32 bits whatever it is given"""
    outputs, inputs = weight.shape
    if outputs % rows or inputs % columns:
        raise ValueError("blocks do not fit")
    return weight.float().reshape(outputs // rows, rows, inputs // columns, columns).norm(dim=(1, 3))


@right("block_norms")
def two_loops(weight, rows, columns):
    """two loops with slices, and stack"""
    if weight.shape[0] % rows != 0:
        raise ValueError(f"{weight.shape[0]} rows are no multiple of {rows}")
    if weight.shape[1] % columns != 0:
        raise ValueError(f"{weight.shape[1]} columns are no multiple of {columns}")
    lines = []
    for i in range(0, weight.shape[0], rows):
        line = [weight[i : i + rows, j : j + columns].norm() for j in range(0, weight.shape[1], columns)]
        lines.append(torch.stack(line))
    return torch.stack(lines)


@right("block_norms")
def with_unfold(weight, rows, columns):
    """windows by unfold, square, sum, root"""
    if weight.shape[0] % rows or weight.shape[1] % columns:
        raise ValueError("blocks do not fit")
    windows = weight.unfold(0, rows, rows).unfold(1, columns, columns)
    return (windows**2).sum((-1, -2)) ** 0.5


@right("block_norms")
def with_pooling(weight, rows, columns):
    """the mean of the squares by average pooling, times the size of a block"""
    if weight.shape[0] % rows or weight.shape[1] % columns:
        raise ValueError("blocks do not fit")
    means = F.avg_pool2d(weight.square()[None, None], (rows, columns))[0, 0]
    return torch.sqrt(means * (rows * columns))


# Exercise 3


@wrong("penalty", function="block_penalty")
def penalty_of_squares(weight, rows, columns, strength):
    """squares of the norms: weight decay"""
    return strength * math.sqrt(rows * columns) * block_norms(weight, rows, columns).square().sum()


@wrong("penalty", function="block_penalty")
def penalty_without_size(weight, rows, columns, strength):
    """forgets the size of a block"""
    return strength * block_norms(weight, rows, columns).sum()


@wrong("penalty", function="block_penalty")
def penalty_with_size_without_root(weight, rows, columns, strength):
    """the size of a block without its root"""
    return strength * rows * columns * block_norms(weight, rows, columns).sum()


@wrong("penalty", function="block_penalty")
def penalty_with_the_number_of_blocks(weight, rows, columns, strength):
    """the root of the number of blocks instead of their size"""
    norms = block_norms(weight, rows, columns)
    return strength * math.sqrt(norms.numel()) * norms.sum()


@wrong("penalty", function="block_penalty")
def penalty_as_a_mean(weight, rows, columns, strength):
    """the mean over the blocks"""
    return strength * math.sqrt(rows * columns) * block_norms(weight, rows, columns).mean()


@wrong("penalty", function="block_penalty")
def penalty_of_the_whole(weight, rows, columns, strength):
    """one norm over all weights"""
    return strength * math.sqrt(rows * columns) * block_norms(weight, rows, columns).norm()


@wrong("penalty", function="block_penalty")
def penalty_as_a_number(weight, rows, columns, strength):
    """a plain number, without a gradient"""
    return strength * math.sqrt(rows * columns) * block_norms(weight, rows, columns).sum().item()


@wrong("penalty", function="block_penalty")
def penalty_with_nan(weight, rows, columns, strength):
    """a root by hand, whose gradient at zero is nan"""
    outputs, inputs = weight.shape
    squares = weight.reshape(outputs // rows, rows, inputs // columns, columns).square().sum(dim=(1, 3))
    return strength * math.sqrt(rows * columns) * squares.sqrt().sum()


@wrong("penalty", function="block_penalty")
def penalty_with_a_soft_root(weight, rows, columns, strength):
    """a small number under the root: finite, but short blocks are hardly pulled"""
    outputs, inputs = weight.shape
    squares = weight.reshape(outputs // rows, rows, inputs // columns, columns).square().sum(dim=(1, 3))
    return strength * math.sqrt(rows * columns) * (squares + 1e-8).sqrt().sum()


@wrong("penalty", function="block_penalty_gradient")
def gradient_of_weight_decay(weight, rows, columns, strength):
    """the weights themselves: the gradient of weight decay"""
    return strength * math.sqrt(rows * columns) * weight


@wrong("penalty", function="block_penalty_gradient")
def gradient_with_nan(weight, rows, columns, strength):
    """no guard at zero"""
    norms = block_norms(weight, rows, columns).repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    return strength * math.sqrt(rows * columns) * weight / norms


@wrong("penalty", function="block_penalty_gradient")
def gradient_with_a_soft_guard(weight, rows, columns, strength):
    """adds a number to the norm that is large beside short blocks"""
    norms = block_norms(weight, rows, columns).repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    return strength * math.sqrt(rows * columns) * weight / (norms + 1e-4)


@wrong("penalty", function="block_penalty_gradient")
def gradient_of_signs(weight, rows, columns, strength):
    """signs: the gradient of the l1 penalty"""
    return strength * math.sqrt(rows * columns) * weight.sign()


@wrong("penalty", function="block_penalty_gradient")
def gradient_by_one_norm(weight, rows, columns, strength):
    """divides by the norm of the whole matrix"""
    norm = weight.norm()
    return strength * math.sqrt(rows * columns) * (weight / norm if norm > 0 else torch.zeros_like(weight))


@wrong("penalty", function="block_penalty_gradient")
def gradient_with_repeat(weight, rows, columns, strength):
    """repeat instead of repeat_interleave: the norms of other blocks"""
    norms = block_norms(weight, rows, columns).repeat(rows, columns)
    return strength * math.sqrt(rows * columns) * torch.where(norms > 0, weight / norms, 0.0)


@wrong("penalty", function="block_penalty_gradient")
def gradient_without_size(weight, rows, columns, strength):
    """forgets the size of a block"""
    norms = block_norms(weight, rows, columns).repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    return strength * torch.where(norms > 0, weight / norms, 0.0)


@wrong("penalty", function="block_penalty_gradient")
def gradient_divided_in_place(weight, rows, columns, strength):
    """divides the weights of the caller"""
    norms = block_norms(weight, rows, columns).repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    weight /= norms
    weight.nan_to_num_(0.0)
    return strength * math.sqrt(rows * columns) * weight


@wrong("penalty", function="block_penalty_gradient")
def gradient_uphill(weight, rows, columns, strength):
    """the sign of a step downhill instead of the gradient"""
    norms = block_norms(weight, rows, columns).repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    return -strength * math.sqrt(rows * columns) * torch.where(norms > 0, weight / norms, 0.0)


@right("penalty", function="block_penalty")
def penalty_in_a_loop(weight, rows, columns, strength):
    """a loop that leaves out blocks of zeros"""
    total = weight.sum() * 0
    for i in range(0, weight.shape[0], rows):
        for j in range(0, weight.shape[1], columns):
            block = weight[i : i + rows, j : j + columns]
            if block.abs().max() > 0:
                total = total + block.pow(2).sum().sqrt()
    return strength * (rows * columns) ** 0.5 * total


@right("penalty", function="block_penalty")
def penalty_of_scaled_weights(weight, rows, columns, strength):
    """the factors go into the weights before the norm is taken"""
    return block_norms(weight * (strength * math.sqrt(rows * columns)), rows, columns).sum()


@right("penalty", function="block_penalty_gradient")
def gradient_in_a_loop(weight, rows, columns, strength):
    """a loop over the blocks"""
    gradient = torch.zeros_like(weight)
    for i in range(0, weight.shape[0], rows):
        for j in range(0, weight.shape[1], columns):
            block = weight[i : i + rows, j : j + columns]
            norm = block.norm().item()
            if norm > 0:
                gradient[i : i + rows, j : j + columns] = strength * math.sqrt(rows * columns) / norm * block
    return gradient


@right("penalty", function="block_penalty_gradient")
def gradient_with_a_clamp(weight, rows, columns, strength):
    """a product of Kronecker's kind, guarded by a tiny smallest norm"""
    inverse = 1 / block_norms(weight, rows, columns).clamp(min=1e-30)
    return strength * math.sqrt(rows * columns) * weight * torch.kron(inverse, weight.new_ones(rows, columns))


# Exercise 4


@wrong("shrink", function="shrink_blocks")
def shrink_past_zero(weight, rows, columns, amount):
    """no maximum with zero: short blocks turn round"""
    if amount < 0:
        raise ValueError("negative amount")
    norms = block_norms(weight, rows, columns)
    factor = torch.where(norms > 0, 1 - amount / norms, 0.0)
    return weight * factor.repeat_interleave(rows, 0).repeat_interleave(columns, 1)


@wrong("shrink", function="shrink_blocks")
def shrink_to_nan(weight, rows, columns, amount):
    """0 / 0 for blocks of zeros when the amount is 0"""
    if amount < 0:
        raise ValueError("negative amount")
    factor = (1 - amount / block_norms(weight, rows, columns)).clamp(min=0)
    return weight * factor.repeat_interleave(rows, 0).repeat_interleave(columns, 1)


@wrong("shrink", function="shrink_blocks")
def shrink_single_weights(weight, rows, columns, amount):
    """shortens every weight by itself: soft thresholding for l1"""
    if amount < 0:
        raise ValueError("negative amount")
    block_norms(weight, rows, columns)
    return weight.sign() * (weight.abs() - amount).clamp(min=0)


@wrong("shrink", function="shrink_blocks")
def cut_and_do_not_shrink(weight, rows, columns, amount):
    """sets short blocks to zero and leaves the others as long as they are"""
    if amount < 0:
        raise ValueError("negative amount")
    alive = block_norms(weight, rows, columns) > amount
    return weight * alive.repeat_interleave(rows, 0).repeat_interleave(columns, 1)


@wrong("shrink", function="shrink_blocks")
def shrink_by_a_share(weight, rows, columns, amount):
    """shortens by a share of the length: weight decay"""
    if amount < 0:
        raise ValueError("negative amount")
    block_norms(weight, rows, columns)
    return weight * max(0.0, 1 - amount)


@wrong("shrink", function="shrink_blocks")
def shrink_with_size(weight, rows, columns, amount):
    """multiplies the amount by the root of the size once more"""
    if amount < 0:
        raise ValueError("negative amount")
    norms, amount = block_norms(weight, rows, columns), amount * math.sqrt(rows * columns)
    factor = torch.where(norms > amount, 1 - amount / norms, 0.0)
    return weight * factor.repeat_interleave(rows, 0).repeat_interleave(columns, 1)


@wrong("shrink", function="shrink_blocks")
def shrink_in_place(weight, rows, columns, amount):
    """changes the matrix that it is given"""
    if amount < 0:
        raise ValueError("negative amount")
    norms = block_norms(weight, rows, columns)
    factor = torch.where(norms > amount, 1 - amount / norms, 0.0)
    weight *= factor.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    return weight


@wrong("shrink", function="shrink_blocks")
def shrink_almost_to_zero(weight, rows, columns, amount):
    """keeps a tiny rest where it should be zero"""
    if amount < 0:
        raise ValueError("negative amount")
    norms = block_norms(weight, rows, columns)
    factor = (1 - amount / (norms + 1e-12)).clamp(min=1e-7)
    return weight * factor.repeat_interleave(rows, 0).repeat_interleave(columns, 1)


@wrong("shrink", function="shrink_blocks")
def shrink_with_the_factors_of_others(weight, rows, columns, amount):
    """repeat instead of repeat_interleave"""
    if amount < 0:
        raise ValueError("negative amount")
    norms = block_norms(weight, rows, columns)
    return weight * torch.where(norms > amount, 1 - amount / norms, 0.0).repeat(rows, columns)


@wrong("shrink", function="shrink_blocks")
def shrink_backwards(weight, rows, columns, amount):
    """takes a negative amount, and makes blocks longer"""
    norms = block_norms(weight, rows, columns)
    factor = torch.where(norms > amount, 1 - amount / norms.clamp(min=1e-12), 0.0)
    return weight * factor.repeat_interleave(rows, 0).repeat_interleave(columns, 1)


@wrong("shrink", function="optimality_gap")
def gap_always_zero(weight, shrunk, rows, columns, amount):
    """a constant that fits every right result"""
    return 0.0


@wrong("shrink", function="optimality_gap")
def gap_of_living_blocks_only(weight, shrunk, rows, columns, amount):
    """looks only at blocks that are not zero"""
    norms = block_norms(shrunk, rows, columns)
    spread = norms.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    rest = torch.where(spread > 0, shrunk - weight + amount * shrunk / spread, 0.0)
    return block_norms(rest, rows, columns).max().item()


@wrong("shrink", function="optimality_gap")
def gap_without_patience(weight, shrunk, rows, columns, amount):
    """a block at zero counts with its whole pull, also where it should be zero"""
    spread = block_norms(shrunk, rows, columns).repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    pull = torch.where(spread > 0, amount * shrunk / spread, 0.0)
    return block_norms(shrunk - weight + pull, rows, columns).max().item()


@wrong("shrink", function="optimality_gap")
def gap_with_nan(weight, shrunk, rows, columns, amount):
    """0 / 0 at blocks of zeros"""
    norms = block_norms(shrunk, rows, columns)
    spread = norms.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    living = block_norms(shrunk - weight + amount * shrunk / spread, rows, columns)
    return torch.maximum(living, (block_norms(weight, rows, columns) - amount).clamp(min=0) * (norms == 0)).max().item()


@wrong("shrink", function="optimality_gap")
def gap_with_the_wrong_sign(weight, shrunk, rows, columns, amount):
    """weight minus shrunk, with the pull added all the same"""
    norms = block_norms(shrunk, rows, columns)
    spread = norms.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    pull = torch.where(spread > 0, amount * shrunk / spread, 0.0)
    zeros = (block_norms(weight, rows, columns) - amount).clamp(min=0)
    return torch.where(norms > 0, block_norms(weight - shrunk + pull, rows, columns), zeros).max().item()


@wrong("shrink", function="optimality_gap")
def gap_as_a_mean(weight, shrunk, rows, columns, amount):
    """the mean over the blocks instead of the largest"""
    norms = block_norms(shrunk, rows, columns)
    spread = norms.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    pull = torch.where(spread > 0, amount * shrunk / spread, 0.0)
    zeros = (block_norms(weight, rows, columns) - amount).clamp(min=0)
    return torch.where(norms > 0, block_norms(shrunk - weight + pull, rows, columns), zeros).mean().item()


@wrong("shrink", function="optimality_gap")
def gap_to_the_formula(weight, shrunk, rows, columns, amount):
    """the distance to the right result: no check of its own, and another number"""
    return block_norms(shrunk - shrink_blocks(weight, rows, columns, amount), rows, columns).max().item()


@wrong("shrink", function="optimality_gap")
def gap_of_weights(weight, shrunk, rows, columns, amount):
    """the pull along the weights before the step, not after it"""
    norms = block_norms(weight, rows, columns)
    spread = norms.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    pull = torch.where(spread > 0, amount * weight / spread, 0.0)
    zeros = (norms - amount).clamp(min=0)
    living = block_norms(shrunk - weight + pull, rows, columns)
    return torch.where(block_norms(shrunk, rows, columns) > 0, living, zeros).max().item()


@right("shrink", function="shrink_blocks")
def shrink_in_a_loop(weight, rows, columns, amount):
    """a loop over the blocks of a copy"""
    if amount < 0:
        raise ValueError(f"amount {amount} is below 0")
    if weight.shape[0] % rows or weight.shape[1] % columns:
        raise ValueError("blocks do not fit")
    result = weight.clone()
    for i in range(0, weight.shape[0], rows):
        for j in range(0, weight.shape[1], columns):
            block = result[i : i + rows, j : j + columns]
            norm = block.norm()
            if norm <= amount:
                block.zero_()
            else:
                block.mul_(1 - amount / norm)
    return result


@right("shrink", function="shrink_blocks")
def shrink_by_what_is_left(weight, rows, columns, amount):
    """the new length over the old one, guarded by a tiny number"""
    if amount < 0:
        raise ValueError("negative")
    norms = block_norms(weight, rows, columns)
    factor = F.relu(norms - amount) / norms.clamp(min=1e-12)
    blocks = weight.unflatten(0, (-1, rows)).unflatten(2, (-1, columns))
    return (blocks * factor[:, None, :, None]).reshape(weight.shape)


@right("shrink", function="optimality_gap")
def gap_in_a_loop(weight, shrunk, rows, columns, amount):
    """a loop over the blocks"""
    largest = 0.0
    for i in range(0, weight.shape[0], rows):
        for j in range(0, weight.shape[1], columns):
            w, x = weight[i : i + rows, j : j + columns], shrunk[i : i + rows, j : j + columns]
            if x.norm() == 0:
                gap = max(0.0, w.norm().item() - amount)
            else:
                gap = (x - w + amount * x / x.norm()).norm().item()
            largest = max(largest, gap)
    return largest


@right("shrink", function="optimality_gap")
def gap_by_the_gradient_of_the_penalty(weight, shrunk, rows, columns, amount):
    """the pull is the gradient of exercise 3, with the size of a block taken out of its strength; gives a tensor"""
    pull = block_penalty_gradient(shrunk, rows, columns, amount / math.sqrt(rows * columns))
    living = block_norms(shrunk - weight + pull, rows, columns)
    zeros = F.relu(block_norms(weight, rows, columns) - amount)
    return torch.where(block_norms(shrunk, rows, columns) == 0, zeros, living).max()


# Exercise 5


@wrong("train_sparse")
def as_the_colleague(features, labels, classes, rows, columns, strength, rates):
    """the colleague's loop, unchanged"""
    weight = features.new_zeros(classes, features.shape[1])
    targets = F.one_hot(labels, classes).to(features.dtype)
    amount, losses = rates[0] * strength * math.sqrt(rows * columns), []
    for rate in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features / len(features)
        weight = shrink_blocks(weight, rows, columns, amount)
    return weight, losses


@wrong("train_sparse")
def amount_without_rate(features, labels, classes, rows, columns, strength, rates):
    """the strength as the amount, without any rate"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for rate in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features / len(features)
        weight = shrink_blocks(weight, rows, columns, strength * math.sqrt(rows * columns))
    return weight, losses


@wrong("train_sparse")
def amount_of_the_mean_rate(features, labels, classes, rows, columns, strength, rates):
    """the mean rate instead of the first one"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    amount = sum(rates) / len(rates) * strength * math.sqrt(rows * columns)
    for rate in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features / len(features)
        weight = shrink_blocks(weight, rows, columns, amount)
    return weight, losses


@wrong("train_sparse")
def amount_without_size(features, labels, classes, rows, columns, strength, rates):
    """loses the size of a block when the line is moved"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for rate in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features / len(features)
        weight = shrink_blocks(weight, rows, columns, rate * strength)
    return weight, losses


@wrong("train_sparse")
def shrinks_before_the_step(features, labels, classes, rows, columns, strength, rates):
    """shrinks before the gradient step, so that the weight that is returned has no zeros"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for rate in rates:
        weight = shrink_blocks(weight, rows, columns, rate * strength * math.sqrt(rows * columns))
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features / len(features)
    return weight, losses


@wrong("train_sparse")
def shrinks_only_at_the_end(features, labels, classes, rows, columns, strength, rates):
    """shrinks once, after the last step, by the sum of all amounts"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for rate in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features / len(features)
    return shrink_blocks(weight, rows, columns, sum(rates) * strength * math.sqrt(rows * columns)), losses


@wrong("train_sparse")
def rate_constant_in_the_step(features, labels, classes, rows, columns, strength, rates):
    """makes the step as constant as the amount"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for _ in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rates[0] * (logits.softmax(dim=1) - targets).T @ features / len(features)
        weight = shrink_blocks(weight, rows, columns, rates[0] * strength * math.sqrt(rows * columns))
    return weight, losses


@wrong("train_sparse")
def gradient_of_the_penalty(features, labels, classes, rows, columns, strength, rates):
    """adds the gradient of the penalty instead of the shrink step"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for rate in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        gradient = (logits.softmax(dim=1) - targets).T @ features / len(features)
        weight = weight - rate * (gradient + block_penalty_gradient(weight, rows, columns, strength))
    return weight, losses


@wrong("train_sparse")
def losses_after_the_update(features, labels, classes, rows, columns, strength, rates):
    """the right weight, but each loss is measured after the update"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for rate in rates:
        weight = weight - rate * ((features @ weight.T).softmax(dim=1) - targets).T @ features / len(features)
        weight = shrink_blocks(weight, rows, columns, rate * strength * math.sqrt(rows * columns))
        losses.append(F.cross_entropy(features @ weight.T, labels).item())
    return weight, losses


@wrong("train_sparse")
def sum_over_the_examples(features, labels, classes, rows, columns, strength, rates):
    """the sum over the examples instead of their mean"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for rate in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features
        weight = shrink_blocks(weight, rows, columns, rate * strength * math.sqrt(rows * columns))
    return weight, losses


@wrong("train_sparse")
def uses_up_the_rates(features, labels, classes, rows, columns, strength, rates):
    """takes the rates out of the caller's list"""
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    while rates:
        rate = rates.pop(0)
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features / len(features)
        weight = shrink_blocks(weight, rows, columns, rate * strength * math.sqrt(rows * columns))
    return weight, losses


@wrong("train_sparse")
def classes_that_occur(features, labels, classes, rows, columns, strength, rates):
    """counts the classes in the labels instead of taking their number"""
    classes = int(labels.max()) + 1
    weight = features.new_zeros(classes, features.shape[1])
    targets, losses = F.one_hot(labels, classes).to(features.dtype), []
    for rate in rates:
        logits = features @ weight.T
        losses.append(F.cross_entropy(logits, labels).item())
        weight = weight - rate * (logits.softmax(dim=1) - targets).T @ features / len(features)
        weight = shrink_blocks(weight, rows, columns, rate * strength * math.sqrt(rows * columns))
    return weight, losses


@right("train_sparse")
def with_autograd(features, labels, classes, rows, columns, strength, rates):
    """the gradient by autograd"""
    weight, losses = torch.zeros(classes, features.shape[1], requires_grad=True), []
    for rate in rates:
        loss = F.cross_entropy(features @ weight.T, labels)
        (gradient,) = torch.autograd.grad(loss, weight)
        losses.append(loss.item())
        with torch.no_grad():
            weight = shrink_blocks(weight - rate * gradient, rows, columns, rate * strength * math.sqrt(rows * columns))
        weight.requires_grad_(True)
    return weight, losses


@right("train_sparse")
def in_double_precision(features, labels, classes, rows, columns, strength, rates):
    """in double precision, the softmax by hand, the losses as a comprehension of tensors"""
    x = features.double()
    weight, targets, losses = x.new_zeros(classes, x.shape[1]), F.one_hot(labels, classes).double(), []
    for rate in rates:
        exponents = torch.exp(x @ weight.T)
        shares = exponents / exponents.sum(dim=1, keepdim=True)
        losses.append(-torch.log(shares[torch.arange(len(labels)), labels]).mean())
        weight = weight - rate * torch.einsum("nc,ni->ci", shares - targets, x) / len(x)
        weight = shrink_blocks(weight, rows, columns, rate * strength * math.sqrt(rows * columns))
    return weight.to(features.dtype), [loss.item() for loss in losses]


# Exercise 6


@wrong("removal", function="removable_units")
def both_at_once(w1, b1, w2):
    """only units that read nothing and are read by nobody"""
    return (w1 == 0).all(dim=1) & (w2 == 0).all(dim=0)


@wrong("removal", function="removable_units")
def rows_only(w1, b1, w2):
    """only units that read nothing"""
    return (w1 == 0).all(dim=1)


@wrong("removal", function="removable_units")
def columns_only(w1, b1, w2):
    """only units that nobody reads"""
    return (w2 == 0).all(dim=0)


@wrong("removal", function="removable_units")
def any_zero(w1, b1, w2):
    """one zero weight is enough"""
    return (w1 == 0).any(dim=1) | (w2 == 0).any(dim=0)


@wrong("removal", function="removable_units")
def sums_that_vanish(w1, b1, w2):
    """weights whose sum is zero"""
    return (w1.sum(dim=1) == 0) | (w2.sum(dim=0) == 0)


@wrong("removal", function="removable_units")
def nearly_zero_weights(w1, b1, w2):
    """weights that are nearly zero"""
    return (w1.norm(dim=1) < 1e-8) | (w2.norm(dim=0) < 1e-8)


@wrong("removal", function="removable_units")
def bias_must_be_zero_too(w1, b1, w2):
    """does not dare to remove a unit with a bias"""
    return ((w1 == 0).all(dim=1) & (b1 <= 0)) | (w2 == 0).all(dim=0)


@wrong("removal", function="removable_units")
def rows_of_the_second(w1, b1, w2):
    """looks at the rows of w2: right only for square matrices, and then only in shape"""
    dead = (w1 == 0).all(dim=1)
    rows = (w2 == 0).all(dim=1)
    return dead | rows if len(rows) == len(dead) else dead


@wrong("removal", function="remove_units")
def forgets_the_constant(w1, b1, w2, b2, units):
    """forgets what the removed units said"""
    if (units & ~removable_units(w1, b1, w2)).any():
        raise ValueError("cannot go")
    return w1[~units], b1[~units], w2[:, ~units], b2


@wrong("removal", function="remove_units")
def constant_without_relu(w1, b1, w2, b2, units):
    """adds the bias without the ReLU"""
    if (units & ~removable_units(w1, b1, w2)).any():
        raise ValueError("cannot go")
    return w1[~units], b1[~units], w2[:, ~units], b2 + w2[:, units] @ b1[units]


@wrong("removal", function="remove_units")
def constant_subtracted(w1, b1, w2, b2, units):
    """subtracts the constant"""
    if (units & ~removable_units(w1, b1, w2)).any():
        raise ValueError("cannot go")
    return w1[~units], b1[~units], w2[:, ~units], b2 - w2[:, units] @ F.relu(b1[units])


@wrong("removal", function="remove_units")
def constant_without_weight(w1, b1, w2, b2, units):
    """adds the constants without the weights that read them"""
    if (units & ~removable_units(w1, b1, w2)).any():
        raise ValueError("cannot go")
    return w1[~units], b1[~units], w2[:, ~units], b2 + F.relu(b1[units]).sum()


@wrong("removal", function="remove_units")
def keeps_what_should_go(w1, b1, w2, b2, units):
    """takes the mask for the units to keep"""
    if (units & ~removable_units(w1, b1, w2)).any():
        raise ValueError("cannot go")
    return w1[units], b1[units], w2[:, units], b2 + w2[:, ~units] @ F.relu(b1[~units])


@wrong("removal", function="remove_units")
def removes_all_that_can_go(w1, b1, w2, b2, units):
    """removes all units that can go, whatever the mask says"""
    dead = removable_units(w1, b1, w2)
    if (units & ~dead).any():
        raise ValueError("cannot go")
    return w1[~dead], b1[~dead], w2[:, ~dead], b2 + w2[:, dead] @ F.relu(b1[dead])


@wrong("removal", function="remove_units")
def removes_what_works(w1, b1, w2, b2, units):
    """removes whatever it is told to remove"""
    return w1[~units], b1[~units], w2[:, ~units], b2 + w2[:, units] @ F.relu(b1[units])


@wrong("removal", function="remove_units")
def sets_to_zero(w1, b1, w2, b2, units):
    """sets to zero instead of cutting out"""
    if (units & ~removable_units(w1, b1, w2)).any():
        raise ValueError("cannot go")
    keep = (~units).to(w1.dtype)
    return w1 * keep[:, None], b1 * keep, w2 * keep, b2 + w2[:, units] @ F.relu(b1[units])


@wrong("removal", function="remove_units")
def adds_to_the_bias_of_the_caller(w1, b1, w2, b2, units):
    """adds the constants to the caller's bias"""
    if (units & ~removable_units(w1, b1, w2)).any():
        raise ValueError("cannot go")
    b2 += w2[:, units] @ F.relu(b1[units])
    return w1[~units], b1[~units], w2[:, ~units], b2


@right("removal", function="removable_units")
def by_counting(w1, b1, w2):
    """counts the weights that are not zero"""
    return w1.count_nonzero(dim=1) * w2.count_nonzero(dim=0) == 0


@right("removal", function="removable_units")
def unit_by_unit(w1, b1, w2):
    """a loop over the units"""
    found = []
    for unit in range(w1.shape[0]):
        found.append(w1[unit].abs().max().item() == 0 or w2[:, unit].abs().max().item() == 0)
    return torch.tensor(found)


@right("removal", function="remove_units")
def removed_one_by_one(w1, b1, w2, b2, units):
    """a loop over the units, with lists of what stays"""
    dead, kept, bias = removable_units(w1, b1, w2), [], b2.clone()
    for unit in range(len(b1)):
        if not units[unit]:
            kept.append(unit)
        elif not dead[unit]:
            raise ValueError(f"unit {unit} does something")
        else:
            bias = bias + w2[:, unit] * max(0.0, b1[unit].item())
    index = torch.tensor(kept, dtype=torch.long)
    return [w1[index], b1[index], w2[:, index], bias]


@right("removal", function="remove_units")
def constant_by_a_difference(w1, b1, w2, b2, units):
    """the constants as what the removed units say to an input of zeros"""
    if not torch.equal(units, units & removable_units(w1, b1, w2)):
        raise ValueError("some of the units do something")
    hidden = torch.relu(b1)
    stay = torch.nonzero(units.logical_not()).squeeze(1)
    bias = b2 + w2 @ torch.where(units, hidden, torch.zeros_like(hidden))
    return w1.index_select(0, stay), b1.index_select(0, stay), w2.index_select(1, stay), bias


# Exercise 7


@wrong("predicted_speedup")
def macs_only(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """the ratio of multiply-accumulates"""

    def count(widths):
        return sum(widths[i] * widths[i + 1] for i in range(len(widths) - 1))

    return count(dense) / count(compact)


@wrong("predicted_speedup")
def bytes_only(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """the ratio of bytes"""

    def count(widths):
        return sum(a * c + batch * (a + c) for a, c in zip(widths, widths[1:]))

    return count(dense) / count(compact)


@wrong("predicted_speedup")
def larger_of_the_sums(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """sums first, the larger afterwards"""

    def seconds(widths):
        pairs = list(zip(widths, widths[1:]))
        work = sum(2 * a * c * batch for a, c in pairs) / peak_gflops
        moved = sum(4 * (a * c + batch * (a + c)) for a, c in pairs) / bandwidth_gbs
        return max(work, moved)

    return seconds(dense) / seconds(compact)


@wrong("predicted_speedup")
def sum_of_the_two(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """adds the two times of a layer instead of taking the larger"""

    def seconds(widths):
        pairs = zip(widths, widths[1:])
        return sum(2 * a * c * batch / peak_gflops + 4 * (a * c + batch * (a + c)) / bandwidth_gbs for a, c in pairs)

    return seconds(dense) / seconds(compact)


@wrong("predicted_speedup")
def macs_for_flop(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """counts a multiply-accumulate as one operation"""

    def seconds(widths):
        pairs = zip(widths, widths[1:])
        return sum(max(a * c * batch / peak_gflops, 4 * (a * c + batch * (a + c)) / bandwidth_gbs) for a, c in pairs)

    return seconds(dense) / seconds(compact)


@wrong("predicted_speedup")
def numbers_for_bytes(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """forgets that a number has four bytes"""

    def seconds(widths):
        pairs = zip(widths, widths[1:])
        return sum(max(2 * a * c * batch / peak_gflops, (a * c + batch * (a + c)) / bandwidth_gbs) for a, c in pairs)

    return seconds(dense) / seconds(compact)


@wrong("predicted_speedup")
def weights_without_activations(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """counts only the bytes of the weights"""

    def seconds(widths):
        pairs = zip(widths, widths[1:])
        return sum(max(2 * a * c * batch / peak_gflops, 4 * a * c / bandwidth_gbs) for a, c in pairs)

    return seconds(dense) / seconds(compact)


@wrong("predicted_speedup")
def weights_for_every_image(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """reads the weights anew for every image of the batch"""

    def seconds(widths):
        pairs = zip(widths, widths[1:])
        return sum(max(2 * a * c / peak_gflops, 4 * (a * c + a + c) / bandwidth_gbs) * batch for a, c in pairs)

    return seconds(dense) / seconds(compact)


@wrong("predicted_speedup")
def first_layer_only(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """looks at the first layer only"""

    def seconds(a, c):
        return max(2 * a * c * batch / peak_gflops, 4 * (a * c + batch * (a + c)) / bandwidth_gbs)

    return seconds(dense[0], dense[1]) / seconds(compact[0], compact[1])


@wrong("predicted_speedup")
def upside_down(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """the time of compact over that of dense"""

    def seconds(widths):
        pairs = zip(widths, widths[1:])
        return sum(
            max(2 * a * c * batch / peak_gflops, 4 * (a * c + batch * (a + c)) / bandwidth_gbs) for a, c in pairs
        )

    return seconds(compact) / seconds(dense)


@wrong("predicted_speedup")
def smaller_of_the_two(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """the smaller of the two times"""

    def seconds(widths):
        pairs = zip(widths, widths[1:])
        return sum(
            min(2 * a * c * batch / peak_gflops, 4 * (a * c + batch * (a + c)) / bandwidth_gbs) for a, c in pairs
        )

    return seconds(dense) / seconds(compact)


@wrong("predicted_speedup", function="my_guess")
def no_guess():
    """leaves the guess for later"""
    return None


@right("predicted_speedup")
def with_torch(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """with tensors instead of a loop"""
    times = []
    for widths in (dense, compact):
        sizes = torch.tensor(widths, dtype=torch.float64)
        a, c = sizes[:-1], sizes[1:]
        flop, moved = 2 * a * c * batch, 4 * (a * c + batch * a + batch * c)
        times.append(torch.maximum(flop / peak_gflops, moved / bandwidth_gbs).sum())
    return (times[0] / times[1]).item()


@right("predicted_speedup")
def by_the_roof(dense, compact, batch, peak_gflops, bandwidth_gbs):
    """the attainable rate of each layer from its intensity, as the book draws it"""
    total = {"dense": 0.0, "compact": 0.0}
    for name, widths in (("dense", dense), ("compact", compact)):
        for number in range(1, len(widths)):
            a, c = widths[number - 1], widths[number]
            flop = 2 * a * c * batch
            intensity = flop / (4 * (a * c + batch * (a + c)))
            total[name] += flop / min(peak_gflops, intensity * bandwidth_gbs)
    return total["dense"] / total["compact"]


# Exercise 8


@wrong("smallest_network")
def keeps_everything(w1, b1, w2, b2, images, labels, floor):
    """keeps all units"""
    if ((F.relu(images @ w1.T + b1) @ w2.T + b2).argmax(dim=1) == labels).double().mean() < floor:
        raise ValueError("out of reach")
    return torch.ones(len(b1), dtype=torch.bool)


@wrong("smallest_network")
def only_exact_removal(w1, b1, w2, b2, images, labels, floor):
    """removes only what can go without any change"""
    if ((F.relu(images @ w1.T + b1) @ w2.T + b2).argmax(dim=1) == labels).double().mean() < floor:
        raise ValueError("out of reach")
    return ~removable_units(w1, b1, w2)


@wrong("smallest_network")
def longest_rows(w1, b1, w2, b2, images, labels, floor):
    """keeps the units with the longest weights in front, as many as are needed"""
    hidden, order = F.relu(images @ w1.T + b1), w1.norm(dim=1).argsort(descending=True)
    for count in range(len(b1) + 1):
        keep = torch.zeros(len(b1), dtype=torch.bool)
        keep[order[:count]] = True
        if ((hidden[:, keep] @ w2[:, keep].T + b2).argmax(dim=1) == labels).double().mean() >= floor:
            return keep
    raise ValueError("out of reach")


@wrong("smallest_network")
def longest_columns(w1, b1, w2, b2, images, labels, floor):
    """ranks by the product of the lengths of the weights on both sides"""
    score = w1.norm(dim=1) * w2.norm(dim=0)
    hidden, order = F.relu(images @ w1.T + b1), score.argsort(descending=True)
    for count in range(len(b1) + 1):
        keep = torch.zeros(len(b1), dtype=torch.bool)
        keep[order[:count]] = True
        if ((hidden[:, keep] @ w2[:, keep].T + b2).argmax(dim=1) == labels).double().mean() >= floor:
            return keep
    raise ValueError("out of reach")


@wrong("smallest_network")
def most_active(w1, b1, w2, b2, images, labels, floor):
    """ranks by the mean activation"""
    hidden = F.relu(images @ w1.T + b1)
    order = hidden.mean(dim=0).argsort(descending=True)
    for count in range(len(b1) + 1):
        keep = torch.zeros(len(b1), dtype=torch.bool)
        keep[order[:count]] = True
        if ((hidden[:, keep] @ w2[:, keep].T + b2).argmax(dim=1) == labels).double().mean() >= floor:
            return keep
    raise ValueError("out of reach")


@wrong("smallest_network")
def measured_once(w1, b1, w2, b2, images, labels, floor):
    """measures each unit once, alone, and ranks by that"""
    hidden = F.relu(images @ w1.T + b1)
    alone = []
    for unit in range(len(b1)):
        keep = torch.arange(len(b1)) != unit
        alone.append(((hidden[:, keep] @ w2[:, keep].T + b2).argmax(dim=1) == labels).double().mean())
    order = torch.stack(alone).argsort()
    for count in range(len(b1) + 1):
        keep = torch.zeros(len(b1), dtype=torch.bool)
        keep[order[:count]] = True
        if ((hidden[:, keep] @ w2[:, keep].T + b2).argmax(dim=1) == labels).double().mean() >= floor:
            return keep
    raise ValueError("out of reach")


@wrong("smallest_network")
def one_pass_in_order(w1, b1, w2, b2, images, labels, floor):
    """tries each unit once, in the order in which they stand"""
    hidden = F.relu(images @ w1.T + b1)
    keep = torch.ones(len(b1), dtype=torch.bool)
    if ((hidden @ w2.T + b2).argmax(dim=1) == labels).double().mean() < floor:
        raise ValueError("out of reach")
    for unit in range(len(b1)):
        keep[unit] = False
        if ((hidden[:, keep] @ w2[:, keep].T + b2).argmax(dim=1) == labels).double().mean() < floor:
            keep[unit] = True
    return keep


@wrong("smallest_network")
def one_step_too_far(w1, b1, w2, b2, images, labels, floor):
    """a greedy search that notices the floor only after it has gone below it"""
    hidden = F.relu(images @ w1.T + b1)

    def share(mask):
        return ((hidden[:, mask] @ w2[:, mask].T + b2).argmax(dim=1) == labels).double().mean().item()

    keep = torch.ones(len(b1), dtype=torch.bool)
    if share(keep) < floor:
        raise ValueError("out of reach")
    while keep.any() and share(keep) >= floor:
        units = keep.nonzero().flatten()
        tried = [share(keep & (torch.arange(len(b1)) != unit)) for unit in units]
        keep[units[max(range(len(tried)), key=tried.__getitem__)]] = False
    return keep


@wrong("smallest_network")
def numbers_of_units(w1, b1, w2, b2, images, labels, floor):
    """the numbers of the units to keep instead of a mask"""
    hidden, units = F.relu(images @ w1.T + b1), list(range(len(b1)))

    def share(index):
        return ((hidden[:, index] @ w2[:, index].T + b2).argmax(dim=1) == labels).double().mean().item()

    if share(units) < floor:
        raise ValueError("out of reach")
    while units:
        shares = [share(units[:i] + units[i + 1 :]) for i in range(len(units))]
        if max(shares) < floor:
            break
        del units[shares.index(max(shares))]
    return torch.tensor(units)


@wrong("smallest_network")
def units_to_remove(w1, b1, w2, b2, images, labels, floor):
    """a mask of what goes instead of what stays"""
    hidden = F.relu(images @ w1.T + b1)

    def share(mask):
        return ((hidden[:, mask] @ w2[:, mask].T + b2).argmax(dim=1) == labels).double().mean().item()

    gone = torch.zeros(len(b1), dtype=torch.bool)
    if share(~gone) < floor:
        raise ValueError("out of reach")
    while not gone.all():
        units = (~gone).nonzero().flatten().tolist()
        best, unit = max((share(~gone & (torch.arange(len(b1)) != unit)), unit) for unit in units)
        if best < floor:
            break
        gone[unit] = True
    return gone


@wrong("smallest_network")
def never_refuses(w1, b1, w2, b2, images, labels, floor):
    """a greedy search that gives the whole network where the floor is out of reach"""
    hidden = F.relu(images @ w1.T + b1)

    def share(mask):
        return ((hidden[:, mask] @ w2[:, mask].T + b2).argmax(dim=1) == labels).double().mean().item()

    keep = torch.ones(len(b1), dtype=torch.bool)
    while keep.any():
        units = keep.nonzero().flatten().tolist()
        best, unit = max((share(keep & (torch.arange(len(b1)) != unit)), unit) for unit in units)
        if best < floor:
            break
        keep[unit] = False
    return keep


@wrong("smallest_network")
def zeros_in_the_weights_of_the_caller(w1, b1, w2, b2, images, labels, floor):
    """a greedy search that tries a unit by setting the caller's weights to zero"""
    hidden = F.relu(images @ w1.T + b1)
    keep = torch.ones(len(b1), dtype=torch.bool)
    if ((hidden @ w2.T + b2).argmax(dim=1) == labels).double().mean() < floor:
        raise ValueError("out of reach")
    while keep.any():
        tried = []
        for unit in keep.nonzero().flatten().tolist():
            column = w2[:, unit].clone()
            w2[:, unit] = 0
            tried.append((((hidden @ w2.T + b2).argmax(dim=1) == labels).double().mean().item(), unit))
            w2[:, unit] = column
        best, unit = max(tried)
        if best < floor:
            break
        w2[:, unit] = 0
        keep[unit] = False
    return keep


@right("smallest_network")
def by_the_loss(w1, b1, w2, b2, images, labels, floor):
    """removes the unit without which the loss is smallest, all candidates at once"""
    said = F.relu(images @ w1.T + b1).T[:, :, None] * w2.T[:, None, :]
    logits, keep = said.sum(dim=0) + b2, torch.ones(len(b1), dtype=torch.bool)
    if (logits.argmax(dim=1) == labels).double().mean() < floor:
        raise ValueError("the floor is out of reach")
    while keep.any():
        units = keep.nonzero().flatten()
        without = logits - said[units]
        shares = (without.argmax(dim=2) == labels).double().mean(dim=1)
        losses = F.cross_entropy(without.permute(0, 2, 1), labels.expand(len(units), -1), reduction="none").mean(dim=1)
        losses[shares < floor] = torch.inf
        if losses.min() == torch.inf:
            break
        best = losses.argmin()
        keep[units[best]] = False
        logits = without[best]
    return keep


@right("smallest_network")
def from_nothing(w1, b1, w2, b2, images, labels, floor):
    """begins with no unit and adds the one that helps most, by accuracy and then by the loss"""
    hidden = F.relu(images @ w1.T + b1)
    if ((hidden @ w2.T + b2).argmax(dim=1) == labels).double().mean().item() < floor:
        raise ValueError("the floor is out of reach")

    def worth(mask):
        logits = hidden[:, mask] @ w2[:, mask].T + b2
        return (logits.argmax(dim=1) == labels).double().mean().item(), -F.cross_entropy(logits, labels).item()

    keep = torch.zeros(len(b1), dtype=torch.bool)
    while worth(keep)[0] < floor:
        best = None
        for unit in (~keep).nonzero().flatten().tolist():
            more = keep.clone()
            more[unit] = True
            if best is None or worth(more) > best[0]:
                best = (worth(more), unit)
        keep[best[1]] = True
    return keep


@right("smallest_network")
def whole_networks(w1, b1, w2, b2, images, labels, floor):
    """a greedy search that computes the whole small network for each try, by index"""
    units = list(range(len(b1)))

    def share(index):
        hidden = torch.clamp(images @ w1[index].T + b1[index], min=0)
        right = torch.max(hidden @ w2[:, index].T + b2, dim=1).indices == labels
        return right.sum().item() / len(labels)

    if share(units) < floor:
        raise ValueError(f"{floor} is out of reach")
    while units:
        shares = [share(units[:i] + units[i + 1 :]) for i in range(len(units))]
        if max(shares) < floor:
            break
        del units[shares.index(max(shares))]
    mask = torch.zeros(len(b1), dtype=torch.bool)
    mask[units] = True
    return mask

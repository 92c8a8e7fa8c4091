"""Public tests of lab 5: what `check("...")` in the notebook runs.

Where chance is involved they count: see `count_fits` for how seldom a right answer is refused.
"""

import math

import torch
from torch import Tensor

from effdl_lite.checking import Checks, close, holds, refuses, shaped, unchanged

checks = Checks("lab05")
check = checks.check

FALSE_ALARM = 1e-8  # of one comparison, at most


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def dice(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def count_fits(count: int, draws: int, probability: float, what: str) -> None:
    """So many of independent draws, each with this probability, are no surprise.

    Chernoff: n KL(count / n || p) is above t with a probability of at most 2 exp(-t), whatever n and p. With
    t = ln(2 / FALSE_ALARM) = 19.1 a right answer is refused once in 100 million comparisons, or more seldom.
    """
    share = count / draws
    surprise = sum(a * math.log(a / b) for a, b in ((share, probability), (1 - share, 1 - probability)) if a > 0)
    says = f"{what} should be about {100 * probability:.3g} % of {draws:,}; there were {100 * share:.3g} %"
    holds(draws * surprise < math.log(2 / FALSE_ALARM), says)


def typed(found, like: Tensor, what: str) -> Tensor:
    """A tensor of the shape and type of another, with finite numbers."""
    found = shaped(found, like.shape, what)
    holds(found.dtype == like.dtype, f"{what} should be of the type {like.dtype}, and is {found.dtype}")
    holds(bool(found.isfinite().all()), f"{what} holds a number that is not finite (nan or inf)")
    return found


def number(found, what: str) -> float:
    """One number, also in a tensor."""
    plain = isinstance(found, Tensor) and found.numel() == 1 and not found.is_complex()
    plain |= isinstance(found, int | float) and not isinstance(found, bool)
    holds(plain, f"{what} should be a number")
    return float(found)


# Exercise 1

FOUR = torch.tensor([4.0, 0.0, 5.0, 9.0])


@checks.test("box_average", hint="hints 1 and 2")
def four_losses(S):
    """the example of the task"""
    close(S.box_average(FOUR, 1), torch.tensor([2.0, 3.0, 14 / 3, 7.0]), "box_average of (4, 0, 5, 9) with reach 1")


@checks.test("box_average", hint="hint 2")
def constant_stays(S):
    """a loss that is 3 everywhere stays 3, also at the ends"""
    for reach in (1, 4):
        close(S.box_average(torch.full((9,), 3.0), reach), torch.full((9,), 3.0), f"nine times 3 with reach {reach}")


@checks.test("box_average", hint="hint 1")
def a_spike(S):
    """a spike of 10 among zeros, reach 2: its five neighbourhoods have a fifth of it"""
    losses = torch.zeros(11)
    losses[4] = 10.0
    expected = torch.zeros(11)
    expected[2:7] = 2.0
    close(S.box_average(losses, 2), expected, "a spike of 10 with reach 2")


@checks.test("box_average", hint="hints 1 and 2")
def no_reach_and_much(S):
    """reach 0 changes nothing, a reach longer than the table gives the mean everywhere"""
    close(S.box_average(FOUR, 0), FOUR, "box_average with reach 0")
    close(S.box_average(FOUR, 50), torch.full((4,), 4.5), "box_average of four losses with reach 50")
    close(S.box_average(torch.tensor([7.0]), 2), torch.tensor([7.0]), "box_average of a single loss")


@checks.test("box_average")
def losses_stay(S):
    """the losses stay as they were, and double precision stays double precision"""
    unchanged(S, "box_average", [FOUR, 1], "losses reach")
    typed(S.box_average(FOUR.double(), 1), FOUR.double(), "box_average of float64")


# Exercise 2

LINE = [torch.tensor([1.0, -1.0]), torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([0.0, 1.0])]


def linear_model(seed: int, examples: int, weights: int) -> list[Tensor]:
    """Weights, inputs that are not contiguous, targets."""
    return [normal(weights, seed=seed), normal(weights, examples, seed=seed + 1).T, normal(examples, seed=seed + 2)]


@checks.test("expected_loss", hint="hints 1 and 2")
def two_examples(S):
    """the expected loss of the example of the task"""
    close(S.expected_loss(*LINE, 0.6), 1.67, "expected_loss of the example")


@checks.test("expected_loss", hint="hint 3")
def gradient_of_two_examples(S):
    """the gradient of the example of the task"""
    close(S.expected_gradient(*LINE, 0.6), torch.tensor([2.5, -1.0]), "expected_gradient of the example")


@checks.test("expected_loss", hint="hint 1")
def no_noise(S):
    """with strength 0 it is the loss itself"""
    close(S.expected_loss(*LINE, 0.0), 1.25, "expected_loss with strength 0")


@checks.test("expected_loss", hint="hint 2")
def corners_of_many_copies(S):
    """24 examples, four weights: the mean over many noise vectors, spread evenly over the box"""
    weights, inputs, targets = (tensor.double() for tensor in linear_model(1, 24, 4))
    steps = 0.5 * (2 * (torch.arange(12, dtype=torch.float64) + 0.5) / 12 - 1)
    copies = weights + torch.cartesian_prod(steps, steps, steps, steps)
    expected = ((copies @ inputs.T - targets).square().mean() / 2).item()
    close(S.expected_loss(weights, inputs, targets, 0.5), expected, "expected_loss with strength 0.5", 5e-3)


@checks.test("expected_loss", hint="hint 3")
def gradient_of_the_expectation(S):
    """the gradient fits the differences of your expected loss"""
    weights, inputs, targets = (tensor.double() for tensor in linear_model(4, 7, 3))
    slopes = []
    for i in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[i] = 0.01
        ends = [number(S.expected_loss(weights + s, inputs, targets, 0.8), "expected_loss") for s in (step, -step)]
        slopes.append((ends[0] - ends[1]) / 0.02)
    found = S.expected_gradient(weights, inputs, targets, 0.8)
    close(found, torch.tensor(slopes, dtype=torch.float64), "expected_gradient", 1e-3)


@checks.test("expected_loss")
def model_stays(S):
    """weights, inputs and targets stay as they were"""
    for name in ("expected_loss", "expected_gradient"):
        unchanged(S, name, [*LINE, 0.6], "weights inputs targets strength")


# Exercise 3

ROW = torch.tensor([3.0, 4.0, 0.0, 0.0])


def sizes(weight: Tensor) -> Tensor:
    """The RMS of each filter, in a shape that divides the weight."""
    rms = weight.double().reshape(len(weight), -1).square().mean(dim=1).sqrt()
    return rms.reshape(-1, *[1] * (weight.dim() - 1))


def uniform_of(found, weight: Tensor, strength: float, what: str) -> Tensor:
    """u of a noise that should be strength * RMS * u; RMS must not be 0."""
    u = typed(found, weight, what).double() / (strength * sizes(weight))
    largest = u.abs().max().item()
    says = f"{what} should be at most {strength:g} times the RMS of its filter; an element is {largest:.3g} times that"
    holds(largest <= 1 + 1e-4, says.replace("times that", "times as large as that"))
    return u


def quarters_fit(u: Tensor, what: str) -> None:
    """A quarter each in -1 to -0.5, -0.5 to 0, 0 to 0.5, 0.5 to 1 (4 counts)."""
    for i, name in enumerate(("-1 to -0.5", "-0.5 to 0", "0 to 0.5", "0.5 to 1")):
        inside = (u >= -1.01 + 1e-9 if i == 0 else u >= i / 2 - 1) & (u < i / 2 - 0.5 if i < 3 else u <= 1.01)
        count_fits(int(inside.sum()), u.numel(), 0.25, f"{what} that are {name} times their largest size")


@checks.test("row_noise", hint="hints 1 and 2")
def the_row_of_the_task(S):
    """40,000 rows (3, 4, 0, 0): spread evenly from -0.25 to 0.25"""
    weight = ROW.repeat(40_000, 1)
    quarters_fit(uniform_of(S.row_noise(weight, 0.1, dice(1)), weight, 0.1, "the noise"), "numbers")


@checks.test("row_noise", hint="hints 1 and 3")
def each_row_its_own_size(S):
    """three rows, the second ten times and the third a hundred times as large as the first"""
    weight = normal(3_000, 1, seed=2).sign().repeat(1, 3).T * torch.tensor([[1.0], [10.0], [100.0]])
    u = uniform_of(S.row_noise(weight, 0.5, dice(2)), weight, 0.5, "the noise")
    for row in u:
        quarters_fit(row, "numbers of a row")


@checks.test("row_noise", hint="hint 2")
def neighbours_are_independent(S):
    """a table of 200 x 200: neighbours have the same sign in half of all cases"""
    weight = torch.ones(200, 200)
    signs = uniform_of(S.row_noise(weight, 1.0, dice(3)), weight, 1.0, "the noise") > 0
    for name, one, other in (("row", signs[:, 0::2], signs[:, 1::2]), ("column", signs[0::2], signs[1::2])):
        count_fits(int((one == other).sum()), one.numel(), 0.5, f"neighbours in a {name} that have the same sign")


@checks.test("row_noise", hint="hints 1 and 3")
def a_convolution(S):
    """a convolution of 4 filters of 3 x 5 x 5, not contiguous in memory: a block of 75 numbers is one filter"""
    weight = normal(4, 5, 5, 3, seed=4).permute(0, 3, 1, 2) * torch.tensor([0.1, 1.0, 5.0, 0.01]).reshape(4, 1, 1, 1)
    for kind in (weight, weight.double()):
        u = uniform_of(S.row_noise(kind, 0.3, dice(4)), kind, 0.3, "the noise")
    holds(
        bool((u.flatten(1).abs().amax(dim=1) > 0.7).all()), "each filter should have noise of the size of its own RMS"
    )


@checks.test("row_noise", hint="hint 1")
def a_vector(S):
    """in a vector each number is a filter of its own"""
    weight = torch.tensor([1.0, -10.0, 0.1, -3.0]).repeat(5_000)
    quarters_fit(uniform_of(S.row_noise(weight, 0.2, dice(5)), weight, 0.2, "the noise"), "numbers")


@checks.test("row_noise", hint="hint 3")
def nothing_to_scale(S):
    """a filter of zeros gets no noise, and strength 0 gives none"""
    weight = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    found = typed(S.row_noise(weight, 0.5, dice(6)), weight, "the noise")
    holds(not found[0].any(), f"the noise of a filter of zeros should be exactly 0, and is {found[0].tolist()}")
    holds(bool((found[1] != 0).any()), "the noise of the other filter should not be 0")
    close(S.row_noise(weight, 0.0, dice(6)), torch.zeros(2, 3), "the noise with strength 0")


@checks.test("row_noise", hint="hint 2")
def from_the_generator(S):
    """a generator in the same state gives the same noise, and is moved on; the weight stays as it was"""
    weight, generator = normal(6, 5, seed=7), dice(7)
    first, later = (typed(S.row_noise(weight, 0.5, generator), weight, "the noise") for _ in range(2))
    again = typed(S.row_noise(weight, 0.5, dice(7)), weight, "the noise")
    holds(torch.equal(first, again), "two generators in the same state should give the same noise")
    holds(not torch.equal(first, later), "called again with the same generator, it should give other noise")
    unchanged(S, "row_noise", [weight, 0.5, dice(7)], "weight")


# Exercise 4


def network() -> dict[str, Tensor]:
    """Names and shapes as of a small network with BatchNorm; a name does not tell what has filters."""
    shapes = {"0.weight": (4, 3, 3, 3), "1.weight": (4,), "1.bias": (4,), "4.weight": (5, 16), "4.bias": (5,)}
    return {name: normal(*shape, seed=i) for i, (name, shape) in enumerate(shapes.items())}


def noises_of(S, weights: dict[str, Tensor], ghosts: int, strength: float, generator) -> list[dict[str, Tensor]]:
    """What should be a list of one dictionary for each ghost batch, with all names that have filters."""
    found = S.ghost_noises(weights, ghosts, strength, generator)
    holds(isinstance(found, list), "ghost_noises should return a list")
    holds(
        len(found) == ghosts,
        f"dictionaries in the list should be as many as ghost batches, {ghosts}; they are {len(found)}",
    )
    names = {name for name, weight in weights.items() if weight.dim() > 1}
    for i, noise in enumerate(found):
        holds(isinstance(noise, dict), f"item {i} of the list should be a dictionary")
        holds(set(noise) == names, f"dictionary {i} should have the names {sorted(names)}, and has {sorted(noise)}")
        for name in names:
            uniform_of(noise[name], weights[name], strength, f"the noise of {name!r}")
    return found


@checks.test("ghost_noises", hint="hint 1")
def names_of_a_network(S):
    """a network with BatchNorm, two ghost batches: noise for '0.weight' and '4.weight' only, of row_noise's size"""
    for noise in noises_of(S, network(), 2, 0.1, dice(1)):
        for name, part in noise.items():
            holds(bool(part.any()), f"the noise of {name!r} should not be 0")


@checks.test("ghost_noises", hint="hint 2")
def partners_are_opposite(S):
    """four ghost batches: the second has the opposite of the first, the fourth of the third"""
    found = noises_of(S, network(), 4, 0.1, dice(2))
    for i in (0, 2):
        for name in found[i]:
            what = f"the noise of {name!r} in ghost batch {i + 1} (counted from 0)"
            close(found[i + 1][name], -found[i][name], what, 1e-6)


@checks.test("ghost_noises", hint="hint 2")
def pairs_differ(S):
    """five ghost batches: each pair has noise of its own, and so has the last, all of the same strength"""
    weights = network()
    found = noises_of(S, weights, 5, 0.1, dice(3))
    for i, noise in enumerate(found):
        for name, part in noise.items():
            largest = (part.double() / (0.1 * sizes(weights[name]))).abs().max().item()
            what = f"the noise of {name!r} in ghost batch {i} (counted from 0) should reach nearly strength times RMS"
            holds(largest > 0.5, f"{what}; its largest number is {largest:.2g} times that")
    for one, other in ((0, 2), (0, 4), (2, 4)):
        for name in found[0]:
            alike = torch.equal(found[one][name].abs(), found[other][name].abs())
            holds(
                not alike, f"ghost batches {one} and {other} (counted from 0) should have different noise for {name!r}"
            )


@checks.test("ghost_noises", hint="hint 2")
def names_differ(S):
    """two weights that are the same have noise of their own"""
    found = noises_of(S, {"one": torch.ones(3, 4), "other": torch.ones(3, 4)}, 1, 0.1, dice(7))[0]
    holds(not torch.equal(found["one"], found["other"]), "two weights that are the same should have different noise")


@checks.test("ghost_noises", hint="hint 2")
def one_ghost_batch(S):
    """one ghost batch alone; a generator in the same state gives the same noise, and is moved on"""
    generator = dice(4)
    first, later = (noises_of(S, network(), 1, 0.2, generator)[0]["4.weight"] for _ in range(2))
    again = noises_of(S, network(), 1, 0.2, dice(4))[0]["4.weight"]
    holds(torch.equal(first, again), "two generators in the same state should give the same noise")
    holds(not torch.equal(first, later), "called again with the same generator, it should give other noise")


@checks.test("ghost_noises", hint="hint 1")
def nothing_to_perturb(S):
    """vectors only: a ValueError"""
    refuses(S, "ghost_noises", [{"bias": torch.ones(3)}, 2, 0.1, dice(5)], "no tensor has two dimensions")


@checks.test("ghost_noises")
def network_stays(S):
    """the weights stay as they were"""
    weights = network()
    after = S.arguments_after("ghost_noises", [weights, 3, 0.1, dice(6)])[0]
    stays(weights, after)


def stays(weights: dict[str, Tensor], after: dict[str, Tensor]) -> None:
    """A dictionary of tensors after a call is what it was."""
    holds(set(after) == set(weights), "ghost_noises changes its argument weights; work on a copy")
    for name, weight in weights.items():
        same = torch.equal(after[name], weight)
        holds(same, f"ghost_noises changes the weight {name!r} that it was given; work on a copy")


# Exercise 5

THREE = [
    torch.tensor([1.0, -2.0]),
    torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]]),
    torch.tensor([0.0, 0.0, 1.0]),
    [torch.tensor([0.5, 0.0]), torch.tensor([0.0, -1.0])],
]


@checks.test("noisy_step", hint="hints 2 and 3")
def three_examples(S):
    """the example of the task: three examples in two ghost batches"""
    close(S.noisy_step(*THREE, 0.3, 0.1), torch.tensor([1.22, -1.54]), "the new weights of the example")


@checks.test("noisy_step", hint="hint 2")
def without_noise(S):
    """noise of zeros, in 1, 2 and 3 ghost batches: plain gradient descent"""
    for ghosts in (1, 2, 3):
        found = S.noisy_step(*THREE[:3], [torch.zeros(2)] * ghosts, 0.3, 0.0)
        close(found, torch.tensor([1.1, -1.7]), f"the new weights without noise (ghost batches: {ghosts})")


@checks.test("noisy_step", hint="hint 3")
def decay_alone(S):
    """inputs of zeros: only weight decay is left, at the weights without noise"""
    found = S.noisy_step(THREE[0], torch.zeros(4, 2), torch.ones(4), THREE[3], 0.5, 0.2)
    close(found, torch.tensor([0.9, -1.8]), "the new weights if no input is other than 0")


@checks.test("noisy_step", hint="hint 3")
def rate_of_zero(S):
    """with the rate 0 the weights come back as they were, however large the noise was"""
    weights, noises = torch.tensor([0.1, -0.3]), [1_000 * noise for noise in THREE[3]]
    found = S.noisy_step(weights, *THREE[1:3], noises, 0.0, 0.1)
    close(found, weights, "the new weights with the rate 0", 1e-7)


@checks.test("noisy_step", hint="hints 1 and 2")
def noise_of_one_ghost_batch(S):
    """ten examples in three ghost batches (4, 3, 3), noise in one of them at a time"""
    weights, _, _ = linear_model(10, 10, 3)
    inputs, targets = torch.eye(3).repeat(4, 1)[:10] * 2, torch.zeros(10)
    clean = weights - 0.1 * inputs.T @ (inputs @ weights) / 10
    counts = torch.tensor([[2, 1, 1], [1, 1, 1], [1, 1, 1]])
    for ghost in range(3):
        noises = [torch.zeros(3) for _ in range(3)]
        noises[ghost] = torch.ones(3)
        expected = clean - 0.1 * 4 * counts[ghost] / 10
        found = S.noisy_step(weights, inputs, targets, noises, 0.1, 0.0)
        close(found, expected, f"the new weights with noise in ghost batch {ghost} (counted from 0) only")


@checks.test("noisy_step")
def step_changes_nothing(S):
    """what it gets stays as it was, also inputs that are not contiguous; double precision stays"""
    unchanged(S, "noisy_step", [*THREE, 0.3, 0.1], "weights inputs targets noises")
    weights, inputs, targets = linear_model(13, 6, 4)
    typed(S.noisy_step(weights, inputs, targets, [normal(4, seed=16)] * 2, 0.1, 0.0), weights, "the new weights")
    double = [tensor.double() for tensor in (weights, inputs, targets)]
    found = S.noisy_step(*double, [normal(4, seed=16).double()] * 2, 0.1, 0.0)
    typed(found, double[0], "the new weights for float64")


# Exercise 6


def statistics(S, means: Tensor, variances: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """What should be two tensors of one number for each channel."""
    found = S.pooled_statistics(means, variances, counts)
    two = isinstance(found, tuple | list) and len(found) == 2
    holds(two, "pooled_statistics should return two tensors, with a comma between them")
    return tuple(typed(part, means[0], name) for part, name in zip(found, ("the mean", "the variance"), strict=True))


def of_batches(batches: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Means, variances and counts of batches [examples, channels]."""
    means = torch.stack([batch.mean(dim=0) for batch in batches])
    variances = torch.stack([batch.var(dim=0, correction=0) for batch in batches])
    return means, variances, torch.tensor([len(batch) for batch in batches])


@checks.test("pooled_statistics", hint="hints 1 and 2")
def six_numbers(S):
    """the example of the task"""
    found = statistics(S, torch.tensor([[2.0], [6.0]]), torch.tensor([[1.0], [3.0]]), torch.tensor([2, 4]))
    close(found[0], torch.tensor([14 / 3]), "the mean")
    close(found[1], torch.tensor([53 / 9]), "the variance")


@checks.test("pooled_statistics", hint="hints 1 and 2")
def batches_of_many_sizes(S):
    """batches of 5, 1, 30 and 9 examples with four channels"""
    batches = [normal(count, 4, seed=count) * (1 + count / 10) + count for count in (5, 1, 30, 9)]
    everything = torch.cat(batches)
    for kind in (torch.float32, torch.float64):
        mean, variance = statistics(
            S, *(part.to(kind) for part in of_batches(batches)[:2]), torch.tensor([5, 1, 30, 9])
        )
        close(mean, everything.mean(dim=0), "the mean")
        close(variance, everything.var(dim=0, correction=0), "the variance")


@checks.test("pooled_statistics", hint="hint 2")
def one_batch(S):
    """one batch alone keeps its numbers"""
    means, variances = normal(1, 3, seed=5), normal(1, 3, seed=6).square()
    mean, variance = statistics(S, means, variances, torch.tensor([17]))
    close(mean, means[0], "the mean")
    close(variance, variances[0], "the variance")


@checks.test("pooled_statistics", hint="hint 3")
def large_means(S):
    """float32, means near 5,000 and deviations near 1: right to a percent"""
    batches = [normal(count, 3, seed=count).double() + 5_000 + count / 20 for count in (40, 40, 8)]
    means, variances, counts = of_batches(batches)
    _, variance = statistics(S, means.float(), variances.float(), counts)
    close(variance, torch.cat(batches).var(dim=0, correction=0), "the variance", 0.01)


@checks.test("pooled_statistics")
def tables_stay(S):
    """the tables stay as they were"""
    arguments = [normal(3, 2, seed=7), normal(3, 2, seed=8).square(), torch.tensor([3, 2, 1])]
    unchanged(S, "pooled_statistics", arguments, "means variances counts")


# Exercise 7


@checks.test("quadratic_sharpness", hint="hint 2")
def a_saddle(S):
    """the example of the task"""
    arguments = torch.tensor([4.0, -1.0]), torch.tensor([1.0, -2.0])
    close(S.quadratic_sharpness(*arguments, 0.1), 143.5, "the sharpness of the example")


@checks.test("quadratic_sharpness", hint="hints 2 and 3")
def at_a_minimum(S):
    """at a minimum, all weights 0: the corners of the box are the highest"""
    for curvatures, expected in (((1e6,), 12.5), ((2e6, 4e5, 0.0), 30.0)):
        h = torch.tensor(curvatures, dtype=torch.float64)
        found = S.quadratic_sharpness(h, torch.zeros_like(h), 5e-4)
        close(found, expected, f"the sharpness at a minimum with the curvatures {curvatures}")


@checks.test("quadratic_sharpness", hint="hint 2")
def on_both_sides(S):
    """the same weight with either sign is equally sharp"""
    for x in (3.0, -3.0):
        h, weights = torch.tensor([2.0], dtype=torch.float64), torch.tensor([x], dtype=torch.float64)
        close(S.quadratic_sharpness(h, weights, 0.5), 100 * (25.0 - 9.0) / 10, f"the sharpness at the weight {x:g}")


@checks.test("quadratic_sharpness", hint="hints 2 and 3")
def box_over_zero(S):
    """a negative curvature where the box reaches over 0, and one where it doesn't"""
    for x, nearest in ((0.5, 0.0), (-0.25, 0.0), (4.0, 1.5), (-4.0, 1.5)):
        h, weights = torch.tensor([-0.1, 1.0], dtype=torch.float64), torch.tensor([x, 1.0], dtype=torch.float64)
        here, top = 0.5 - 0.05 * x * x, 2.0 - 0.05 * nearest**2
        found = S.quadratic_sharpness(h, weights, 0.5)
        close(found, 100 * (top - here) / (1 + here), f"the sharpness with a negative curvature at the weight {x:g}")


@checks.test("quadratic_sharpness", hint="hint 1")
def search_of_a_grid(S):
    """three weights: no place of a fine grid over the box is higher than yours, and the highest is as high"""
    h, x = normal(3, seed=1).double() * 0.4, normal(3, seed=2).double()
    width = 0.3 * (x.abs() + 1)
    stretch = torch.linspace(-1, 1, 61, dtype=torch.float64)
    terms = 0.5 * h[:, None] * (x[:, None] + width[:, None] * stretch).square()
    here = 0.5 * (h * x.square()).sum()
    expected = (100 * (terms.amax(dim=1).sum() - here) / (1 + here)).item()
    close(S.quadratic_sharpness(h, x, 0.3), expected, "the sharpness", 0.01)


@checks.test("quadratic_sharpness")
def curvatures_stay(S):
    """the tensors stay as they were, and one number comes back"""
    arguments = [torch.tensor([4.0, -1.0]), torch.tensor([1.0, -2.0]), 0.1]
    unchanged(S, "quadratic_sharpness", arguments, "curvatures weights")
    number(S.quadratic_sharpness(*arguments), "quadratic_sharpness")


# Exercise 8


def copies(weights: int, ghosts: int) -> Tensor:
    """Inputs with which each ghost batch has the gradient w + noise - t, if the targets are `sqrt(weights) t`."""
    return math.sqrt(weights) * torch.eye(weights).repeat(ghosts, 1)


def felt(S, ghosts: int, strength: float, generator, weights: int = 400, rate: float = 0.5) -> Tensor:
    """The mean noise of the ghost batches that the gradient of each weight has felt, as a share of the strength.

    Every third weight is 0. Each ghost batch holds all examples twice, and has one noise for both.
    """
    start = normal(weights, seed=weights)
    start[::3] = 0.0
    inputs = copies(weights, 2 * ghosts)
    arguments = [start, inputs, torch.zeros(len(inputs)), ghosts, strength, rate, 0.0, generator]
    new = typed(S.mended_step(*arguments), start, "the new weights")
    return ((1 - rate) * start - new).double() / (rate * strength)


@checks.test("mended_step")
def strength_of_zero(S):
    """without noise: a gradient step, and then each weight towards zero by the rate times the pull"""
    weights, inputs, targets = linear_model(20, 12, 5)
    weights[3] = 0.0
    for ghosts in (1, 3, 5):
        slope = inputs.T @ (inputs @ weights - targets) / 12
        new = weights - 0.2 * slope
        expected = torch.where(new.abs() > 0.1, new - 0.1 * new.sign(), torch.zeros(5))
        found = S.mended_step(weights, inputs, targets, ghosts, 0.0, 0.2, 0.5, dice(1))
        close(found, expected, f"the new weights without noise (ghost batches: {ghosts})")


@checks.test("mended_step", hint="hints 1 and 2")
def weights_without_inputs(S):
    """inputs of zeros and noise of 0.3: each weight goes towards zero by 0.1, and small ones are exactly 0"""
    weights = torch.tensor([1.0, -0.5, 0.09, -0.02, 0.0])
    found = S.mended_step(weights, torch.zeros(6, 5), torch.ones(6), 3, 0.3, 0.2, 0.5, dice(2))
    close(found, torch.tensor([0.9, -0.4, 0.0, 0.0, 0.0]), "the new weights if no input is other than 0", 1e-6)
    holds(not found[2:].any(), f"the last three weights should be exactly 0, and are {found[2:].tolist()}")


@checks.test("mended_step", hint="hint 2")
def noise_in_one_ghost_batch(S):
    """one ghost batch, 400 weights, some of them 0: the gradient feels noise that is uniform up to the strength"""
    u = felt(S, 1, 0.3, dice(3))
    holds(bool((u.abs() <= 1.001).all()), f"the gradient feels noise {u.abs().max():.3g} times the strength")
    quarters_fit(u, "noises")


@checks.test("mended_step", hint="hints 2 and 3")
def noise_in_two_ghost_batches(S):
    """two ghost batches with independent noise: the mean of both is within half the strength in 75 % of the weights"""
    u = felt(S, 2, 0.3, dice(4))
    holds(bool((u.abs() <= 1.001).all()), f"the gradient feels noise {u.abs().max():.3g} times the strength")
    count_fits(int((u.abs() < 0.5).sum()), 400, 0.75, "weights whose mean noise is below half the strength")


@checks.test("mended_step")
def step_of_the_generator(S):
    """a generator in the same state gives the same weights, and is moved on; what it gets stays as it was"""
    weights, inputs, targets = linear_model(23, 12, 5)
    generator = dice(5)
    arguments = weights, inputs, targets, 3, 0.3, 0.2, 0.1
    first, later = (typed(S.mended_step(*arguments, generator), weights, "the new weights") for _ in range(2))
    again = typed(S.mended_step(*arguments, dice(5)), weights, "the new weights")
    holds(torch.equal(first, again), "two generators in the same state should give the same weights")
    holds(not torch.equal(first, later), "called again with the same generator, it should give other weights")
    unchanged(S, "mended_step", [*arguments, dice(5)], "weights inputs targets")

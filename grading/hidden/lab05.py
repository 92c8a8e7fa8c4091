"""Hidden tests of lab 5: reference computations, random input, and counts. Students never have this file.

How seldom a right answer is refused: each count goes through `count_fits` of the public checks, whose bound is
Chernoff's, P(n KL(count / n || p) > t) <= 2 exp(-t), with t = ln(2 / 1e-8). It holds for any n and p, without an
approximation. A test with k counts refuses a right answer with a probability of at most k * 1e-8 (union bound); k is
named in its docstring, and is below 100 everywhere, so that every test stays below 1e-6. `torch.rand` has steps of
2**-24, which moves a probability by at most 6e-8: far below what such a count can see.
"""

import importlib.util
import itertools
import math
from pathlib import Path

import torch
from torch import Tensor

from effdl_lite.checking import Checks, close, holds, refuses, unchanged

hidden = Checks("lab05")

# Counts, and what comes back, are judged as in the public checks.
_place = Path(__file__).resolve().parents[2] / "solutions" / "lab05" / "checks.py"
_spec = importlib.util.spec_from_file_location("public_checks_of_lab05", _place)
public = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(public)


def normal(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def dice(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Exercise 1


def averages(losses: list[float], reach: int) -> list[float]:
    """Place by place, neighbour by neighbour."""
    found = []
    for i in range(len(losses)):
        near = [loss for j, loss in enumerate(losses) if abs(i - j) <= reach]
        found.append(sum(near) / len(near))
    return found


@hidden.test("box_average")
def tables_of_many_lengths(S):
    """tables of 1 to 40 losses, reaches from 0 to beyond the table"""
    for length in (1, 2, 3, 7, 40):
        losses = normal(length, seed=length, dtype=torch.float64)
        for reach in (0, 1, 2, 3, 6, 39, 100):
            expected = torch.tensor(averages(losses.tolist(), reach), dtype=torch.float64)
            close(S.box_average(losses, reach), expected, f"{length} losses, reach {reach}", show=False)


@hidden.test("box_average")
def waves_fade(S):
    """far from the ends a wave of nine places is gone with reach 4, and upside down with reach 6"""
    places = torch.arange(300, dtype=torch.float64)
    losses = torch.sin(2 * math.pi * places / 9)
    for reach in (1, 4, 6):
        factor = (1 + 2 * sum(math.cos(2 * math.pi * k / 9) for k in range(1, reach + 1))) / (2 * reach + 1)
        found = public.typed(S.box_average(losses, reach), losses, "the result")
        close(found[10:-10], factor * losses[10:-10], f"a wave with reach {reach}", 1e-6, show=False)


@hidden.test("box_average")
def losses_with_gaps(S):
    """a table with gaps in memory gives the same; it stays as it was, and its type too"""
    losses = normal(30, seed=3)[::3]
    for reach in (0, 2, 20):
        unchanged(S, "box_average", [losses, reach], "losses reach")
        for typed in (losses, losses.double()):
            found = public.typed(S.box_average(typed, reach), typed, "the result")
            close(found, torch.tensor(averages(losses.tolist(), reach)), "a table with gaps", show=False)


# Exercise 2


def expected(weights: Tensor, inputs: Tensor, targets: Tensor, strength: float) -> float:
    """Simpson's rule, exact for parabolas, in each weight: a sum over all corners, edges and middles of the box."""
    total = 0.0
    for parts in itertools.product(((-1, 1 / 6), (0, 4 / 6), (1, 1 / 6)), repeat=len(weights)):
        theta = strength * torch.tensor([float(place) for place, _ in parts], dtype=torch.float64)
        share = math.prod(part for _, part in parts)
        errors = inputs.double() @ (weights.double() + theta) - targets.double()
        total += share * errors.square().sum().item() / (2 * len(inputs))
    return total


@hidden.test("expected_loss")
def losses_of_many_models(S):
    """models of 1 to 5 weights, strengths from 0 to 2"""
    for d, examples, strength in ((1, 1, 0.5), (2, 9, 0.0), (3, 4, 0.1), (5, 30, 2.0), (4, 100, 1.0)):
        model = public.linear_model(10 * d, examples, d)
        found = S.expected_loss(*model, strength)
        close(found, expected(*model, strength), f"the loss of {d} weights, strength {strength:g}", show=False)


@hidden.test("expected_loss")
def gradients_of_many_models(S):
    """the gradient, whatever the strength"""
    for d, examples, strength in ((1, 1, 0.5), (2, 9, 0.0), (6, 4, 0.1), (5, 30, 2.0)):
        weights, inputs, targets = public.linear_model(20 * d, examples, d)
        slope = sum((x @ weights - y) * x for x, y in zip(inputs, targets, strict=True)) / examples
        found = S.expected_gradient(weights, inputs, targets, strength)
        close(found, slope, f"the gradient of {d} weights, strength {strength:g}", show=False)


@hidden.test("expected_loss")
def what_noise_adds(S):
    """four times as much for twice the strength, and the same wherever the weights are"""
    weights, inputs, targets = public.linear_model(30, 12, 3)
    clean = public.number(S.expected_loss(weights, inputs, targets, 0.0), "the loss")
    one, two = (public.number(S.expected_loss(weights, inputs, targets, a), "the loss") - clean for a in (0.4, 0.8))
    close(two / one, 4.0, "what twice the strength adds, over what it adds", 1e-3, show=False)
    far = [
        public.number(S.expected_loss(weights.double() + 5, inputs.double(), targets.double(), a), "the loss")
        for a in (0.0, 0.4)
    ]
    close(far[1] - far[0], one, "what noise adds at other weights", 1e-3, show=False)


@hidden.test("expected_loss")
def models_stay(S):
    """weights, inputs and targets stay as they were; double precision stays"""
    model = public.linear_model(40, 5, 3)
    for name in ("expected_loss", "expected_gradient"):
        unchanged(S, name, [*model, 0.7], "weights inputs targets strength")
    double = [part.double() for part in model]
    public.typed(S.expected_gradient(*double, 0.7), double[0], "the gradient")


# Exercise 3


@hidden.test("row_noise")
def rows_of_many_lengths(S):
    """rows of 1, 2, 3, 9 and 100 numbers, half of them 0, five strengths (20 counts: false alarm below 2e-7)"""
    for seed, (columns, strength) in enumerate(((1, 0.1), (2, 1.0), (3, 3.0), (9, 0.01), (100, 0.5))):
        weight = normal(36_000 // columns, columns, seed=seed)
        weight[:, : columns // 2] = 0.0
        noise = S.row_noise(weight, strength, dice(seed))
        public.quarters_fit(public.uniform_of(noise, weight, strength, "the noise"), f"numbers in rows of {columns}")


@hidden.test("row_noise")
def not_only_quarters(S):
    """the outermost tenths of the range, at both ends, and the innermost (3 counts: false alarm below 3e-8)"""
    weight = normal(5_000, 8, seed=10)
    u = public.uniform_of(S.row_noise(weight, 0.2, dice(10)), weight, 0.2, "the noise")
    for what, inside in (("lowest", u < -0.8), ("highest", u > 0.8), ("innermost", u.abs() < 0.1)):
        public.count_fits(int(inside.sum()), u.numel(), 0.1, f"numbers in the {what} tenth of the range")


@hidden.test("row_noise")
def lengths_vary(S):
    """noise of a filter of two numbers: its length is no fixed share (2 counts: false alarm below 2e-8)"""
    weight = torch.tensor([[3.0, -4.0]]).repeat(20_000, 1)
    u = public.uniform_of(S.row_noise(weight, 0.1, dice(11)), weight, 0.1, "the noise")
    public.count_fits(int((u.square().sum(dim=1) < 1).sum()), 20_000, math.pi / 4, "rows with a length below 1")
    public.count_fits(int((u.abs().amax(dim=1) < 0.5).sum()), 20_000, 0.25, "rows with both numbers below a half")


@hidden.test("row_noise")
def elements_are_independent(S):
    """neighbours in all directions of a convolution (4 counts: false alarm below 4e-8)"""
    weight = torch.ones(20, 10, 10, 10)
    signs = public.uniform_of(S.row_noise(weight, 1.0, dice(12)), weight, 1.0, "the noise") > 0
    for direction in range(4):
        even = torch.arange(0, signs.shape[direction], 2)
        one, other = signs.index_select(direction, even), signs.index_select(direction, even + 1)
        what = f"neighbours along dimension {direction} with the same sign"
        public.count_fits(int((one == other).sum()), one.numel(), 0.5, what)


@hidden.test("row_noise")
def filters_of_many_sizes(S):
    """filters a million times as large as others; each fills its own range (20 counts: false alarm below 2e-7)"""
    scales = torch.tensor([1e-4, 1.0, 100.0, 0.03, 7.0])
    for typed in (torch.float32, torch.float64):
        weight = (normal(4_000, 5, seed=13).sign() * scales).T.reshape(5, 40, 100).to(typed)
        u = public.uniform_of(S.row_noise(weight, 0.25, dice(13)), weight, 0.25, "the noise")
        if typed == torch.float32:
            for row in u:
                public.quarters_fit(row, "numbers of a filter")


@hidden.test("row_noise")
def blocks_of_a_convolution(S):
    """filters of 2 x 3 x 3 that are not contiguous in memory, all in one (4 counts: false alarm below 4e-8)"""
    weight = normal(800, 3, 3, 2, seed=18).permute(0, 3, 1, 2)
    u = public.uniform_of(S.row_noise(weight, 0.4, dice(18)), weight, 0.4, "the noise")
    public.quarters_fit(u, "numbers of a convolution")


@hidden.test("row_noise")
def vectors_and_zeros(S):
    """vectors, filters of zeros among others, no strength (4 counts: false alarm below 4e-8)"""
    weight = normal(20_000, seed=14)
    public.quarters_fit(public.uniform_of(S.row_noise(weight, 0.2, dice(14)), weight, 0.2, "the noise"), "numbers")
    table = normal(6, 4, seed=15)
    table[::2] = 0.0
    found = public.typed(S.row_noise(table, 0.5, dice(15)), table, "the noise")
    close(found[::2], torch.zeros(3, 4), "the noise of filters of zeros", show=False)
    holds(bool(found[1::2].any(dim=1).all()), "filters that are not zero have no noise")
    close(S.row_noise(table, 0.0, dice(15)), torch.zeros(6, 4), "noise of strength 0", show=False)


@hidden.test("row_noise")
def nothing_but_its_generator(S):
    """the generator that is given decides, and is moved on; the weight stays"""
    weight, found = normal(3, 4, 2, seed=16), []
    with torch.random.fork_rng():
        for own in (1, 2):
            torch.manual_seed(own)
            found.append(public.typed(S.row_noise(weight, 0.1, dice(16)), weight, "the noise"))
    holds(torch.equal(*found), "the noise should depend on the generator that is given, and on no other")
    generator = dice(16)
    torch.rand(1_000, generator=generator)
    later = [public.typed(S.row_noise(weight, 0.1, generator), weight, "the noise") for _ in range(2)]
    for one, other in ((found[0], later[0]), (later[0], later[1])):
        holds(not torch.equal(one, other), "a generator that has been used should give other noise")
    unchanged(S, "row_noise", [weight, 0.1, dice(17)], "weight")


# Exercise 4


def weights_of(dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """A network with names that say nothing, and shapes of two to four dimensions."""
    shapes = {"a": (3,), "b": (6, 5), "c": (1,), "d": (4, 2, 3, 3), "e": (7, 1), "f": (2, 3, 4)}
    return {name: normal(*shape, seed=i, dtype=dtype) for i, (name, shape) in enumerate(shapes.items())}


@hidden.test("ghost_noises")
def partners_of_many_numbers(S):
    """1 to 9 ghost batches: partners are opposite, pairs are not alike"""
    for ghosts in range(1, 10):
        found = public.noises_of(S, weights_of(), ghosts, 0.3, dice(ghosts))
        for one, other in itertools.combinations(range(ghosts), 2):
            together = one // 2 == other // 2
            for name in found[0]:
                opposite = torch.allclose(found[one][name], -found[other][name], rtol=1e-5, atol=0)
                same = torch.equal(found[one][name], found[other][name])
                says = f"ghost batches {one} and {other} (counted from 0) of {ghosts}"
                holds(opposite == together and not same, f"{says}: the noise of {name!r} is not as it should be")


@hidden.test("ghost_noises")
def noise_of_each_weight(S):
    """each weight has uniform noise in proportion to its own filters (8 counts: false alarm below 8e-8)"""
    weights = {"large": 50 * normal(400, 10, seed=1), "bias": torch.ones(4_000), "small": normal(200, 4, 5, seed=2)}
    found = public.noises_of(S, weights, 3, 0.1, dice(20))
    for name in ("large", "small"):
        u = public.uniform_of(found[2][name], weights[name], 0.1, "the noise")
        public.quarters_fit(u, f"numbers of {name!r}")


@hidden.test("ghost_noises")
def weights_of_one_shape(S):
    """two weights that are the same have noise of their own; so have the pairs (3 counts: false alarm below 3e-8)"""
    weights = {"one": torch.ones(80, 50), "other": torch.ones(80, 50)}
    found = public.noises_of(S, weights, 4, 0.2, dice(21))
    signs = [found[i][name] > 0 for i, name in ((0, "one"), (0, "other"), (2, "one"))]
    for one, other in itertools.combinations(signs, 2):
        public.count_fits(int((one == other).sum()), 4_000, 0.5, "numbers of two noises with the same sign")


@hidden.test("ghost_noises")
def networks_without_filters(S):
    """nothing but vectors and single numbers, or nothing at all: a ValueError"""
    for weights in ({"bias": torch.ones(3), "scale": torch.ones(1)}, {}):
        for ghosts in (1, 2):
            refuses(S, "ghost_noises", [weights, ghosts, 0.1, dice(22)], "there is nothing to perturb")


@hidden.test("ghost_noises")
def networks_stay(S):
    """the weights stay as they were; double precision stays; the generator that is given decides"""
    for dtype in (torch.float32, torch.float64):
        weights = weights_of(dtype)
        public.stays(weights, S.arguments_after("ghost_noises", [weights, 5, 0.4, dice(23)])[0])
        public.noises_of(S, weights, 2, 0.4, dice(23))
    weights, found = weights_of(), []
    with torch.random.fork_rng():
        for own in (1, 2):
            torch.manual_seed(own)
            found.append(public.noises_of(S, weights, 3, 0.4, dice(24))[2]["b"])
    holds(torch.equal(*found), "the noise should depend on the generator that is given, and on no other")
    generator = dice(24)
    both = [public.noises_of(S, weights, 2, 0.4, generator)[0]["b"] for _ in range(2)]
    holds(not torch.equal(*both), "a generator that has been used should give other noise")


# Exercise 5


def stepped(
    weights: Tensor, inputs: Tensor, targets: Tensor, noises: list[Tensor], rate: float, decay: float
) -> Tensor:
    """Example by example, each with the noise of its ghost batch."""
    smallest, more = divmod(len(inputs), len(noises))
    owners = [ghost for ghost in range(len(noises)) for _ in range(smallest + (ghost < more))]
    start = weights.double()
    new = start - rate * decay * start
    for example, ghost in enumerate(owners):
        x = inputs[example].double()
        error = sum(x * (start + noises[ghost].double())) - targets[example].double()
        new = new - rate / len(inputs) * error * x
    return new


def compare_steps(S, d: int, examples: int, ghosts: int, rate: float, decay: float) -> None:
    model = public.linear_model(7 * d + examples, examples, d)
    noises = [normal(d, seed=100 + ghost) for ghost in range(ghosts)]
    wish = stepped(*model, noises, rate, decay)
    close(S.noisy_step(*model, noises, rate, decay), wish, f"{examples} examples in {ghosts} ghost batches", show=False)


@hidden.test("noisy_step")
def steps_of_even_batches(S):
    """batches that can be cut evenly, with and without decay"""
    for d, examples, ghosts in ((1, 1, 1), (3, 8, 4), (5, 12, 12), (2, 60, 3)):
        for decay in (0.0, 0.3):
            compare_steps(S, d, examples, ghosts, 0.2, decay)


@hidden.test("noisy_step")
def steps_of_uneven_batches(S):
    """batches that cannot be cut evenly"""
    for d, examples, ghosts in ((3, 5, 2), (4, 7, 5), (2, 11, 4), (6, 3, 2), (3, 101, 16)):
        compare_steps(S, d, examples, ghosts, 0.1, 0.05)


@hidden.test("noisy_step")
def noise_is_gone_afterwards(S):
    """large noise, rate 0 or inputs of 0: no trace of it in the weights"""
    weights, inputs, targets = public.linear_model(50, 9, 4)
    noises = [100 * normal(4, seed=i) for i in range(4)]
    close(S.noisy_step(weights, inputs, targets, noises, 0.0, 0.7), weights, "the weights at rate 0", 1e-7, show=False)
    found = S.noisy_step(weights, torch.zeros(9, 4), targets, noises, 0.5, 0.4)
    close(found, 0.8 * weights, "weights whose inputs are 0", 1e-6, show=False)


@hidden.test("noisy_step")
def opposite_noises_cancel(S):
    """partners with the same examples cancel, all other noise does not"""
    weights, inputs, targets = public.linear_model(60, 6, 3)
    twice = torch.cat([inputs, inputs]), torch.cat([targets, targets])
    theta = normal(3, seed=61)
    plain = weights - 0.1 * inputs.T @ (inputs @ weights - targets) / 6
    close(S.noisy_step(weights, *twice, [theta, -theta], 0.1, 0.0), plain, "the weights with partners", show=False)
    felt = plain - 0.1 * inputs.T @ (inputs @ theta) / 6
    close(S.noisy_step(weights, *twice, [theta, theta], 0.1, 0.0), felt, "the weights with one noise", show=False)


@hidden.test("noisy_step")
def steps_change_nothing(S):
    """what it gets stays as it was; double precision stays"""
    weights, inputs, targets = public.linear_model(70, 7, 3)
    noises = [normal(3, seed=71 + i) for i in range(3)]
    unchanged(S, "noisy_step", [weights, inputs, targets, noises, 0.1, 0.2], "weights inputs targets noises")
    double = [part.double() for part in (weights, inputs, targets)]
    found = S.noisy_step(*double, [noise.double() for noise in noises], 0.1, 0.2)
    public.typed(found, double[0], "the weights")
    close(found, stepped(weights, inputs, targets, noises, 0.1, 0.2), "weights of float64", 1e-6, show=False)


# Exercise 6


@hidden.test("pooled_statistics")
def statistics_of_many_batches(S):
    """1 to 20 batches of different sizes, 1 to 6 channels"""
    for seed, (sizes, channels) in enumerate((([3], 1), ([1, 1], 2), ([7, 1, 2], 6), (list(range(1, 21)), 3))):
        batches = [
            normal(size, channels, seed=100 * seed + size, dtype=torch.float64) * (1 + size) - size for size in sizes
        ]
        everything = torch.cat(batches)
        mean, variance = public.statistics(S, *public.of_batches(batches))
        close(mean, everything.mean(dim=0), f"the mean of {len(sizes)} batches", 1e-6, show=False)
        wish = everything.var(dim=0, correction=0)
        close(variance, wish, f"the variance of {len(sizes)} batches", 1e-6, show=False)


@hidden.test("pooled_statistics")
def batches_of_single_examples(S):
    """batches of one example: all of the variance is between them"""
    values = normal(9, 4, seed=80)
    counts = torch.ones(9, dtype=torch.int64)
    mean, variance = public.statistics(S, values, torch.zeros(9, 4), counts)
    close(mean, values.mean(dim=0), "the mean", show=False)
    close(variance, values.var(dim=0, correction=0), "the variance", show=False)


@hidden.test("pooled_statistics")
def counts_decide(S):
    """a batch of many examples beside small ones; whole numbers of another type"""
    means, variances = torch.tensor([[0.0, 1.0], [10.0, -1.0]]), torch.tensor([[1.0, 0.0], [4.0, 0.5]])
    for kind in (torch.int64, torch.int32):
        mean, variance = public.statistics(S, means, variances, torch.tensor([900, 100], dtype=kind))
        close(mean, torch.tensor([1.0, 0.8]), "the mean", show=False)
        close(variance, torch.tensor([10.3, 0.41]), "the variance", show=False)


@hidden.test("pooled_statistics")
def means_far_from_zero(S):
    """float32, means of some thousands, deviations near 1 (20 sets: right to a percent)"""
    for seed in range(20):
        batches = [
            normal(size, 4, seed=200 + 3 * seed + i, dtype=torch.float64) + 3_000 + 97 * seed
            for i, size in enumerate((64, 64, 30))
        ]
        means, variances, counts = public.of_batches(batches)
        _, variance = public.statistics(S, means.float(), variances.float(), counts)
        wish = torch.cat(batches).var(dim=0, correction=0)
        close(variance, wish, "a variance with a large mean", 0.01, show=False)


@hidden.test("pooled_statistics")
def statistics_stay(S):
    """tables that are not contiguous give the same, and stay as they were"""
    means, variances, counts = normal(3, 5, seed=90).T, normal(3, 5, seed=91).T.square(), torch.arange(1, 6)
    unchanged(S, "pooled_statistics", [means, variances, counts], "means variances counts")
    share = counts[:, None] / 15
    mean, variance = public.statistics(S, means, variances, counts)
    close(mean, (share * means).sum(dim=0), "the mean", show=False)
    wish = (share * (variances + means.square())).sum(dim=0) - (share * means).sum(dim=0).square()
    close(variance, wish, "the variance", show=False)


# Exercise 7


def sharpness(curvatures: list[float], weights: list[float], epsilon: float) -> float:
    """Looks at the ends of each side of the box, and at 0 where it lies inside."""
    here = top = 0.0
    for h, x in zip(curvatures, weights, strict=True):
        width = epsilon * (abs(x) + 1)
        places = [x - width, x + width] + [0.0] * (abs(x) < width)
        here += h * x * x / 2
        top += max(h * place * place / 2 for place in places)
    return 100 * (top - here) / (1 + here)


@hidden.test("quadratic_sharpness")
def sharpness_of_many_losses(S):
    """random curvatures and weights, boxes of many sizes"""
    for seed in range(12):
        h, x = normal(4, seed=seed, dtype=torch.float64), normal(4, seed=50 + seed, dtype=torch.float64)
        if (h * x.square()).sum() < -1:
            h = h.abs()
        for epsilon in (5e-4, 0.1, 0.5, 2.0):
            wish = sharpness(h.tolist(), x.tolist(), epsilon)
            found = public.number(S.quadratic_sharpness(h, x, epsilon), "the sharpness")
            close(found / max(wish, 1e-6), wish / max(wish, 1e-6), "the sharpness over the right one", 1e-4, show=False)


@hidden.test("quadratic_sharpness")
def sharpness_of_bowls(S):
    """positive curvatures: weights on both sides, and at 0"""
    for x in ((0.0, 0.0), (1.0, -1.0), (-7.0, 0.0)):
        h, weights = torch.tensor([3.0, 0.5], dtype=torch.float64), torch.tensor(x, dtype=torch.float64)
        wish = sharpness([3.0, 0.5], list(x), 0.25)
        close(S.quadratic_sharpness(h, weights, 0.25), wish, f"a bowl at {x}", show=False)


@hidden.test("quadratic_sharpness")
def sharpness_of_hills(S):
    """negative curvatures: the box reaches over 0, up to 0, or not so far"""
    for x in (0.0, 0.3, -0.3, 1.0, -1.0, 1.2):
        h, weights = torch.tensor([-0.5, 0.0], dtype=torch.float64), torch.tensor([x, 2.0], dtype=torch.float64)
        wish = sharpness([-0.5, 0.0], [x, 2.0], 0.5)
        close(S.quadratic_sharpness(h, weights, 0.5), wish, f"a hill at {x}", 1e-6, show=False)


@hidden.test("quadratic_sharpness")
def other_units(S):
    """the same loss in other units has another sharpness: stretched a hundredfold"""
    for alpha in (1.0, 10.0, 100.0):
        h, x = [alpha**-2.0, alpha**2.0], [0.01 * alpha, 0.01 / alpha]
        arguments = torch.tensor(h, dtype=torch.float64), torch.tensor(x, dtype=torch.float64)
        wish = sharpness(h, x, 0.05)
        close(S.quadratic_sharpness(*arguments, 0.05), wish, f"stretched by {alpha:g}", 1e-5, show=False)


@hidden.test("quadratic_sharpness")
def sharpness_changes_nothing(S):
    """the tensors stay as they were, also in float32"""
    h, x = normal(6, seed=1).abs(), normal(6, seed=2)
    unchanged(S, "quadratic_sharpness", [h, x, 0.2], "curvatures weights")
    wish = sharpness(h.tolist(), x.tolist(), 0.2)
    close(S.quadratic_sharpness(h, x, 0.2), wish, "the sharpness of float32", 1e-3, show=False)


# Exercise 8


@hidden.test("mended_step")
def proximal_steps(S):
    """no noise: gradient and pull, in batches of many sizes; some weights start at 0"""
    for d, examples, ghosts in ((1, 1, 1), (4, 10, 3), (7, 20, 20), (3, 11, 4)):
        weights, inputs, targets = public.linear_model(31 * d + examples, examples, d)
        weights[::2] = 0.0
        for rate, pull in ((0.1, 0.0), (0.2, 1.0), (0.05, 20.0)):
            new = stepped(weights, inputs, targets, [torch.zeros(d)] * ghosts, rate, 0.0)
            wish = new.sign() * (new.abs() - rate * pull).clamp(min=0)
            found = S.mended_step(weights, inputs, targets, ghosts, 0.0, rate, pull, dice(1))
            close(found, wish, f"{examples} examples, pull {pull:g}", show=False)


@hidden.test("mended_step")
def zeros_stay_zeros(S):
    """weights without inputs, strong noise, many steps: all arrive at exactly zero when they should"""
    weights = torch.tensor([0.55, -0.35, 0.0, 0.15, -0.05])
    for step in range(1, 8):
        wish = torch.tensor([0.55, 0.35, 0.0, 0.15, 0.05]) - 0.1 * step
        weights = S.mended_step(weights, torch.zeros(8, 5), torch.ones(8), 4, 2.0, 0.2, 0.5, dice(step))
        weights = public.typed(weights, wish, "the weights")
        close(weights.abs(), wish.clamp(min=0), f"sizes of the weights after step {step}", 1e-5, show=False)
        holds(not weights[wish < -1e-3].any(), f"after step {step} weights that should be exactly 0 are not")
    holds(not weights.any(), "in the end every weight should be exactly 0")


@hidden.test("mended_step")
def noise_of_a_single_ghost_batch(S):
    """one ghost batch: uniform noise, whatever the size of a weight (8 counts: false alarm below 8e-8)"""
    for seed, strength in ((1, 0.01), (2, 3.0)):
        u = public.felt(S, 1, strength, dice(seed), weights=500)
        holds(bool((u.abs() <= 1.01).all()), "the gradient feels noise that is larger than the strength")
        public.quarters_fit(u, "noises")


@hidden.test("mended_step")
def noise_of_several_ghost_batches(S):
    """two and three ghost batches: their means by the exact distribution (6 counts: false alarm below 6e-8)"""
    inside = {2: {0.5: 0.75, 0.25: 0.4375, 0.75: 0.9375}, 3: {0.5: 1 - 2 * 0.75**3 / 6, 1 / 3: 2 / 3}}
    for ghosts, shares in inside.items():
        u = public.felt(S, ghosts, 0.2, dice(10 + ghosts), weights=450)
        for limit, share in shares.items():
            public.count_fits(int((u.abs() < limit).sum()), 450, share, f"mean noises of {ghosts} below {limit:.2f}")
    u = public.felt(S, 3, 0.2, dice(14), weights=450)
    public.count_fits(int((u > 0).sum()), 450, 0.5, "mean noises above 0")


@hidden.test("mended_step")
def noise_then_pull(S):
    """with noise and pull: what the gradient has felt is at most the strength, and the pull comes after"""
    d, rate, pull, strength = 200, 0.5, 0.4, 0.1
    start = 3 * torch.ones(d)
    arguments = start, public.copies(d, 2), torch.zeros(2 * d), 2, strength, rate, pull, dice(20)
    new = public.typed(S.mended_step(*arguments), start, "the weights")
    off = (new - (1 - rate) * start + rate * pull).abs() / (rate * strength)
    holds(bool((off <= 1.01).all()), "large weights are off by more than the noise in their gradient")
    holds(bool((off > 1e-3).any()), "large weights should feel noise in their gradient")
    small = 0.1 * torch.ones(d)
    found = S.mended_step(small, *arguments[1:-1], dice(21))
    holds(not public.typed(found, small, "the weights").any(), "small weights should all be exactly 0")


@hidden.test("mended_step")
def nothing_but_its_arguments(S):
    """the generator that is given decides, and is moved on; what it gets stays as it was; double precision stays"""
    model, found = public.linear_model(60, 9, 4), []
    with torch.random.fork_rng():
        for own in (1, 2):
            torch.manual_seed(own)
            found.append(public.typed(S.mended_step(*model, 3, 0.2, 0.1, 0.0, dice(30)), model[0], "the weights"))
    holds(torch.equal(*found), "the weights should depend on the generator that is given, and on no other")
    generator = dice(30)
    both = [public.typed(S.mended_step(*model, 3, 0.2, 0.1, 0.0, generator), model[0], "weights") for _ in range(2)]
    holds(not torch.equal(*both), "a generator that has been used should give other weights")
    unchanged(S, "mended_step", [*model, 2, 0.2, 0.1, 0.3, dice(31)], "weights inputs targets")
    double = [part.double() for part in model]
    public.typed(S.mended_step(*double, 2, 0.2, 0.1, 0.3, dice(32)), double[0], "the weights")

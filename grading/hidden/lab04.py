"""Hidden tests of lab 4: reference computations, random input, and counts. Students never have this file.

How seldom a right answer is refused: each count goes through `count_fits` of the public checks, whose bound is
Chernoff's, P(n KL(count / n || p) > t) <= 2 exp(-t), with t = ln(2 / 1e-8). It holds for any n and p, without an
approximation. A test with k counts refuses a right answer with a probability of at most k * 1e-8 (union bound); k is
named in its docstring, and is below 100 everywhere, so that every test stays below 1e-6. `torch.rand` has steps of
2**-24, which moves a probability by at most 6e-8: far below what such a count can see.
"""

import importlib.util
import math
from pathlib import Path

import torch
from torch import Tensor

from effdl_lite.checking import Checks, close, equal, holds, refuses, shaped, unchanged

hidden = Checks("lab04")

# Counts, and what comes back, are judged as in the public checks.
_place = Path(__file__).resolve().parents[2] / "solutions" / "lab04" / "checks.py"
_spec = importlib.util.spec_from_file_location("public_checks_of_lab04", _place)
public = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(public)


def normal(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def dice(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_columns(tensor: Tensor) -> Tensor:
    """The same numbers, and not contiguous if there is more than one column, as gradients of convolutions may be."""
    return tensor.mT.contiguous().mT if tensor.dim() > 1 else tensor


# Exercise 1


@hidden.test("ternarize")
def counts_of_many_probabilities(S):
    """nine probabilities with both signs, in a table (18 counts: false alarm below 1.8e-7)"""
    shares = [0.0, 0.02, 0.1, 0.3, 0.5, 0.65, 0.8, 0.97, 1.0]
    for seed, s in ((1, 0.004), (2, 30.0)):
        gradient = s * torch.tensor(shares) * torch.tensor([1, -1, 1, -1, 1, -1, 1, -1, 1.0])
        found = S.ternarize(gradient.repeat(20_000, 1), s, dice(seed))
        codes = public.codes_of(found, (20_000, 9), s, "the result")
        holds(bool((codes * gradient >= 0).all()), "an element of the result has the wrong sign")
        for place, share in enumerate(shares):
            what = f"non-zero results of {share:g} s"
            public.count_fits(int(codes[:, place].abs().sum()), 20_000, share, what)


@hidden.test("ternarize")
def counts_of_very_small_probabilities(S):
    """s / 1000, s / 3000, 0.999 s (3 counts: false alarm below 3e-8); 8 random bits would be off by 30 deviations"""
    n = 400_000
    for seed, share in enumerate((1e-3, 1 / 3000, 0.999)):
        codes = public.codes_of(S.ternarize(torch.full((n,), 5.0 * share), 5.0, dice(seed)), (n,), 5.0, "the result")
        public.count_fits(int(codes.abs().sum()), n, share, f"non-zero results of {share:.3g} s")


@hidden.test("ternarize")
def elements_stray_apart(S):
    """rows, columns and neighbours of a table have their own chances (4 counts: false alarm below 4e-8)"""
    codes = public.codes_of(S.ternarize(torch.full((201, 200), 0.5), 1.0, dice(3)), (201, 200), 1.0, "the result")
    flat = codes.flatten()
    pairs = {
        "neighbours in a row": (flat[0::2], flat[1::2]),
        "neighbours in a column": (codes[0:200:2], codes[1:200:2]),
        "elements of the two halves": (flat[: flat.numel() // 2], flat[flat.numel() // 2 :]),
        "elements beside the middle": (codes[:, :100], codes[:, 100:]),
    }
    for name, (one, other) in pairs.items():
        public.count_fits(int((one == other).sum()), one.numel(), 0.5, f"{name} that agree")


@hidden.test("ternarize")
def levels_of_random_gradients(S):
    """gradients of several shapes and types, with scalers above and below their largest element"""
    for seed, shape in enumerate([(7,), (3, 4, 2, 2), (1,), (5, 1), ()]):
        for dtype in (torch.float32, torch.float64):
            gradient = by_columns(normal(*shape, seed=seed, dtype=dtype))
            for factor in (0.3, 1.0, 4.0):
                s = factor * gradient.abs().max().item()
                found = S.ternarize(gradient, s, dice(seed))
                codes = public.codes_of(found, shape, s, "the result")
                holds(found.dtype == dtype, f"the result should hold {dtype}, and holds {found.dtype}")
                holds(bool((codes * gradient >= 0).all()), "an element of the result has the wrong sign")
                sure = gradient.abs() > s
                holds(bool((codes.abs()[sure] == 1).all()), "an element larger than the scaler should always fire")


@hidden.test("ternarize")
def nothing_without_a_scaler(S):
    """the scaler 0, with zeros and with others"""
    for gradient in (torch.zeros(6), torch.zeros(2, 3), torch.tensor([1.0, 0.0, -2.0])):
        close(S.ternarize(gradient, 0.0, dice(4)), torch.zeros(gradient.shape), "the result for s = 0", show=False)


@hidden.test("ternarize")
def chance_comes_from_the_generator(S):
    """torch's own generator has no influence; used and new generators differ; the one that is given moves on"""
    gradient, found = torch.full((300,), 0.5), []
    with torch.random.fork_rng():
        for own in (1, 2):
            torch.manual_seed(own)
            found.append(shaped(S.ternarize(gradient, 1.0, dice(5)), (300,), "the result"))
    holds(torch.equal(*found), "the result should depend on the generator that is given, and on no other")
    used = dice(5)
    torch.rand(1000, generator=used)
    other = shaped(S.ternarize(gradient, 1.0, used), (300,), "the result")
    holds(not torch.equal(found[0], other), "a generator that has been used should give another result than a new one")
    again = shaped(S.ternarize(gradient, 1.0, used), (300,), "the result")
    holds(not torch.equal(other, again), "called again with the same generator, it should give another result")


@hidden.test("ternarize")
def ternarize_leaves_its_input_alone(S):
    """the gradient stays as it was"""
    for scaler in (2.0, 0.1, 0.0):
        unchanged(S, "ternarize", [normal(5, 4, seed=6), scaler, dice(6)], "gradient scaler")


# Exercise 2


def moments_of(gradient: Tensor, scaler: float) -> tuple[Tensor, Tensor]:
    """Mean and variance, element by element, from the two outcomes and their probabilities."""
    means, variances = [], []
    for g in gradient.double().flatten().tolist():
        fires = min(1.0, abs(g) / scaler) if scaler else 0.0
        outcome = math.copysign(scaler, g)
        mean = fires * outcome
        means.append(mean)
        variances.append(fires * (outcome - mean) ** 2 + (1 - fires) * mean**2)
    return torch.tensor(means).view(gradient.shape), torch.tensor(variances).view(gradient.shape)


@hidden.test("moments")
def moments_of_random_gradients(S):
    """gradients of several shapes and sizes, scalers above, at and below their largest element"""
    for seed, shape in enumerate([(9,), (4, 5), (2, 3, 2, 2), (1,)]):
        for size in (1.0, 50.0):
            gradient = size * normal(*shape, seed=seed)
            for factor in (0.2, 0.6, 1.0, 3.0):
                s = factor * gradient.abs().max().item()
                mean, variance = moments_of(gradient, s)
                close(S.ternary_mean(gradient, s), mean, "ternary_mean", show=False)
                close(S.ternary_variance(gradient, s), variance, "ternary_variance", show=False)


@hidden.test("moments")
def moments_of_small_gradients(S):
    """gradients of a millionth, where an absolute tolerance would hide all"""
    gradient = 1e-6 * normal(12, seed=7)
    s = gradient.abs().max().item()
    mean, variance = moments_of(gradient, s)
    close(1e6 * shaped(S.ternary_mean(gradient, s), (12,), "ternary_mean"), 1e6 * mean, "a million times the mean")
    found = shaped(S.ternary_variance(gradient, s), (12,), "ternary_variance")
    close(1e12 * found, 1e12 * variance, "1e12 times the variance", 1e-3, show=False)


@hidden.test("moments")
def moments_with_zero(S):
    """zeros, and the scaler 0"""
    for gradient, s in ((torch.zeros(4), 0.0), (torch.tensor([1.0, -2.0]), 0.0), (torch.zeros(2, 2), 3.0)):
        for name in ("ternary_mean", "ternary_variance"):
            close(S.call(name, gradient, s), torch.zeros(gradient.shape), name, show=False)


@hidden.test("moments")
def moments_leave_their_input_alone(S):
    """the gradient stays as it was"""
    for name in ("ternary_mean", "ternary_variance"):
        for scaler in (0.3, 9.0):
            unchanged(S, name, [normal(3, 4, seed=8), scaler], "gradient scaler")


# Exercise 3


@hidden.test("clip")
def clips_of_many_tensors(S):
    """tensors of several shapes, with and without a mean, and several c"""
    for seed, shape in enumerate([(40,), (6, 9), (5, 3, 3, 3), (200, 100)]):
        for offset in (0.0, 0.8, -4.0):
            gradient = offset + normal(*shape, seed=seed) * (1 + normal(shape[-1], seed=seed + 50).abs())
            gradient = by_columns(gradient)
            for c in (0.5, 1.0, 2.5):
                what = f"clip of a tensor of shape {shape} with c = {c:g}"
                public.either(S.clip(gradient, c), public.clipped(gradient, c), what, show=False)


@hidden.test("clip")
def clips_of_small_gradients(S):
    """gradients of a millionth, and far smaller ones"""
    for size in (1e-6, 1e-10):
        gradient = size * normal(50, seed=10)
        wishes = [wish / size for wish in public.clipped(gradient, 1.2)]
        found = shaped(S.clip(gradient, 1.2), (50,), "clip")
        public.either(found / size, wishes, f"clip of numbers around {size:g}, divided by it,", show=False)


@hidden.test("clip")
def one_deviation_for_both_sides(S):
    """numbers that stick out on one side only"""
    gradient = normal(60, seed=11).abs()
    for sign in (1.0, -1.0):
        public.either(S.clip(sign * gradient, 0.8), public.clipped(sign * gradient, 0.8), "clip", show=False)


@hidden.test("clip")
def nothing_to_clip(S):
    """equal numbers, zeros, a single number, and a large c"""
    equal_ones = [torch.full(shape, number) for shape, number in (((4,), -0.5), ((9,), 0.7), ((33, 7), -0.1))]
    for gradient in (*equal_ones, torch.zeros(2, 2), torch.tensor([7.0]), torch.tensor([[-3.0]])):
        close(S.clip(gradient, 1.0), gradient, "clip where sigma is 0", show=False)
    gradient = normal(30, seed=12)
    close(S.clip(gradient, 1e6), gradient, "clip with c = 1e6", show=False)


@hidden.test("clip")
def clip_keeps_type_and_input(S):
    """double precision stays, and the gradient too"""
    gradient = normal(4, 6, seed=13, dtype=torch.float64)
    found = shaped(S.clip(gradient, 0.9), (4, 6), "clip")
    holds(found.dtype == torch.float64, f"clip of float64 should hold float64, and holds {found.dtype}")
    public.either(found, public.clipped(gradient, 0.9), "clip in float64", 1e-9, show=False)
    for c in (0.5, 100.0):
        unchanged(S, "clip", [gradient, c], "gradient c")


# Exercise 4


def exchanged(S, gradients: list[Tensor], c: float, seed: int) -> tuple:
    return public.pair(S.exchange(gradients, c, dice(seed)), "exchange")


@hidden.test("exchange")
def scalers_of_many_workers(S):
    """one to six workers of different sizes, in any order: the largest scaler"""
    for seed, sizes in enumerate([(1.0,), (0.1, 3.0), (5.0, 1.0, 2.0), (0.01, 0.02, 0.4, 0.03, 0.04, 0.05)]):
        gradients = [size * normal(6, 5, seed=10 * seed + i) for i, size in enumerate(sizes)]
        mean, scaler = exchanged(S, gradients, 1000.0, seed)
        largest = max(gradient.abs().max().item() for gradient in gradients)
        close(1 / largest * public.number(scaler, "the scaler"), 1.0, "the scaler over the right one", show=False)
        public.levels_of(mean, (6, 5), largest, len(sizes), "the mean")


@hidden.test("exchange")
def scalers_where_clipping_cuts(S):
    """workers of different deviations, with c sigma below and above their largest element"""
    wide, narrow = normal(30_000, seed=40), 0.01 * normal(30_000, seed=41)
    narrow[:3] = torch.tensor([9.0, -7.0, 6.0])
    for gradients in ([wide, narrow], [narrow, wide], [narrow, 0.1 * narrow]):
        for c in (1.0, 2.5):
            mean, scaler = exchanged(S, gradients, c, 42)
            largest = max(public.clipped(gradient, c)[0].abs().max().item() for gradient in gradients)
            close(1 / largest * public.number(scaler, "the scaler"), 1.0, "the scaler over the right one", show=False)
            public.levels_of(mean, (30_000,), float(scaler), 2, "the mean")


@hidden.test("exchange")
def counts_where_clipping_cuts(S):
    """a worker that is clipped far below the other's scaler (5 counts: false alarm below 5e-8)"""
    n = 40_000
    wide = torch.full((n,), 0.5)
    wide[0::2] = -0.5  # sigma 0.5: c = 1 cuts nothing off
    narrow = torch.full((n,), 0.1)
    narrow[0::2] = -0.1
    narrow[:40] = 50.0  # sigma about 1.58: cut off there
    s = public.clipped(narrow, 1.0)[0].max().item()
    mean, _ = exchanged(S, [wide, narrow], 1.0, 43)
    levels = public.levels_of(mean, (n,), s, 2, "the mean")[40:]
    public.compare_levels(levels[1::2], [0.5 / s, 0.1 / s], "the value {} times s / 2")


@hidden.test("exchange")
def cut_off_numbers_do_not_count_twice(S):
    """what is cut off is sent as what is left of it (5 counts: false alarm below 5e-8)"""
    n = 40_000
    wide = 4.0 * torch.ones(n)
    wide[0::2] = -4.0  # sigma 4, scaler 4 at c = 1
    narrow = torch.zeros(n)
    narrow[: n // 4] = 2.0
    cut = 0.5 * public.deviations(narrow)[0]
    mean, _ = exchanged(S, [0.5 * wide, narrow], 0.5, 44)
    levels = public.levels_of(mean, (n,), 1.0, 2, "the mean")[: n // 4]
    public.compare_levels(levels[1::2], [1.0, cut], "the value {} times s / 2")


@hidden.test("exchange")
def counts_of_many_workers(S):
    """four workers with their own gradients (27 counts: false alarm below 2.7e-7)"""
    n = 30_000
    for seed, parts in enumerate([(0.1, -0.5, 0.9, 0.3), (0.02, 0.02, 0.02, 0.02), (-0.4, 0.4, -0.4, 0.4)]):
        gradients = [public.in_turn(3.0 * part, n) for part in parts]
        gradients[seed][0] = 3.0
        mean, scaler = exchanged(S, gradients, 1000.0, seed + 50)
        close(scaler, 3.0, "the scaler", show=False)
        levels = public.levels_of(mean, (n,), 3.0, 4, "the mean")[1::2]
        public.compare_levels(levels, list(parts), "the value {} times s / 4")


@hidden.test("exchange")
def same_gradients_other_chances(S):
    """five workers with one gradient (11 counts: false alarm below 1.1e-7)"""
    gradient = public.in_turn(-0.5, 40_000)
    gradient[0] = 1.0
    mean, _ = exchanged(S, [gradient] * 5, 1000.0, 60)
    levels = public.levels_of(mean, (40_000,), 1.0, 5, "the mean")[1::2]
    public.compare_levels(levels, [-0.5] * 5, "the value {} times s / 5")


@hidden.test("exchange")
def exchanges_with_zeros(S):
    """all gradients zero; one of them zero"""
    for workers in (1, 3):
        mean, scaler = exchanged(S, [torch.zeros(2, 3)] * workers, 2.5, 61)
        close(mean, torch.zeros(2, 3), "the mean of zeros", show=False)
        close(scaler, 0.0, "the scaler of zeros", show=False)
    mean, scaler = exchanged(S, [torch.zeros(4), torch.tensor([1.0, -1.0, 1.0, 0.0])], 1000.0, 62)
    close(mean, torch.tensor([0.5, -0.5, 0.5, 0.0]), "the mean beside zeros", show=False)
    close(scaler, 1.0, "the scaler beside zeros", show=False)


@hidden.test("exchange")
def exchange_of_double_precision(S):
    """double precision stays double precision; the generator that is given decides"""
    gradients, found = [normal(40, seed=63 + i, dtype=torch.float64) for i in range(2)], []
    with torch.random.fork_rng():
        for own in (1, 2):
            torch.manual_seed(own)
            found.append(shaped(exchanged(S, gradients, 2.5, 65)[0], (40,), "the mean"))
    holds(found[0].dtype == torch.float64, f"the mean of float64 should hold float64, and holds {found[0].dtype}")
    holds(torch.equal(*found), "the mean should depend on the generator that is given, and on no other")
    used = dice(65)
    torch.rand(1000, generator=used)
    other, _ = public.pair(S.exchange(gradients, 2.5, used), "exchange")
    holds(not torch.equal(found[0], other), "a generator that has been used should give another mean than a new one")


@hidden.test("exchange")
def exchange_leaves_its_input_alone(S):
    """the gradients stay as they were"""
    for c in (0.5, 1000.0):
        unchanged(S, "exchange", [[normal(7, seed=66), normal(7, seed=67)], c, dice(68)], "gradients c")


# Exercise 5


def packed_of(codes: list[int]) -> list[int]:
    """By the formula, byte by byte."""
    digits = [code + 1 for code in codes]
    rows = [digits[start : start + 5] for start in range(0, len(digits), 5)]
    return [sum(digit * 3**place for place, digit in enumerate(row)) for row in rows]


def codes_of_length(n: int) -> Tensor:
    return torch.randint(-1, 2, (n,), generator=dice(n)).to(torch.int8)


@hidden.test("packing")
def bytes_of_many_lengths(S):
    """random codes of many lengths: the bytes by the formula"""
    for n in (*range(1, 13), 99, 100, 101, 1234):
        codes = codes_of_length(n)
        equal(S.pack(codes), torch.tensor(packed_of(codes.tolist()), dtype=torch.uint8), f"pack of {n} random codes")


@hidden.test("packing")
def all_bytes_taken_apart(S):
    """all 243 bytes, in both directions"""
    codes = torch.cartesian_prod(*[torch.arange(-1, 2)] * 5).to(torch.int8).flatten()
    packed = torch.tensor(packed_of(codes.tolist()), dtype=torch.uint8)
    holds(len(set(packed.tolist())) == 243, "there should be 243 different bytes")
    equal(S.pack(codes), packed, "pack of all 243 groups of five codes")
    equal(S.unpack(packed, 1215), codes, "unpack of all 243 bytes")


@hidden.test("packing")
def codes_of_many_lengths(S):
    """messages by the formula, of many lengths: the codes"""
    for n in (*range(1, 13), 99, 100, 101, 1234):
        codes = codes_of_length(n)
        message = torch.tensor(packed_of(codes.tolist()), dtype=torch.uint8)
        equal(S.unpack(message, n), codes, f"unpack of a message with {n} random codes")


@hidden.test("packing")
def lengths_that_do_not_fit(S):
    """messages that are a byte too short or too long, or much"""
    for elements in (1, 4, 5, 6, 10, 100):
        right = -(-elements // 5)
        for length in (right - 1, right + 1, 4 * right, elements if elements > 1 else 3):
            message = torch.zeros(length, dtype=torch.uint8)
            if length != right:
                refuses(S, "unpack", [message, elements], f"{elements} codes do not take {length} bytes")


@hidden.test("packing")
def packing_leaves_its_input_alone(S):
    """the tensors stay as they were"""
    for n in (5, 7):
        unchanged(S, "pack", [codes_of_length(n)], "codes")
        unchanged(S, "unpack", [torch.full((2,), 200, dtype=torch.uint8), n + 1], "packed elements")


# Exercise 6

WORKERS = (1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 64, 127, 512, 1000)


def bits_for(workers: int) -> int:
    """Doubles until all 2 N + 1 values have a code."""
    needed = 0
    while 2**needed < 2 * workers + 1:
        needed += 1
    return needed


def bytes_of(elements: int, workers: int) -> int:
    """Up and down, filled byte by byte."""
    up = len(range(0, elements, 5))
    down = len(range(0, elements * bits_for(workers), 8))
    return up + down + 8


@hidden.test("traffic")
def bits_of_many_workers(S):
    """from one worker to a thousand"""
    for workers in WORKERS:
        found = S.level_bits(workers)
        close(found, bits_for(workers), f"level_bits({workers})", 1e-9, show=False)
        holds(isinstance(found, int), f"level_bits({workers}) should be an int")


@hidden.test("traffic")
def compression_of_many_tensors(S):
    """tensors of 1 to ten million elements"""
    for workers in WORKERS:
        for elements in (1, 2, 5, 6, 8, 13, 100, 1001, 65_536, 10_000_000):
            expected = 8 * elements / bytes_of(elements, workers)
            found = S.compression(elements, workers)
            close(found, expected, f"compression({elements}, {workers})", 1e-6, show=False)


@hidden.test("traffic")
def limits_of_compression(S):
    """what scalers cost falls with the size of the tensor"""
    found = [public.number(S.compression(elements, 4), "compression") for elements in (5, 40, 400, 400_000)]
    holds(found == sorted(found) and found[0] < 5, "with more elements the scalers should weigh less")
    close(found[-1], 8 / 0.7, "compression(400000, 4), 8 bytes an element against 0.2 and 0.5", 1e-3, show=False)


# Exercise 7


@hidden.test("break_even")
def speed_ups_of_many_networks(S):
    """networks, workers and links of many kinds, some where it does not pay"""
    for elements in (50, 26_000, 60_000_000):
        for workers in (1, 2, 4, 64):
            for compute, bandwidth, extra in ((0.1, 1e6, 0.0), (0.02, 1.25e8, 0.003), (1.0, 1.25e10, 0.5)):
                own = compute + workers * 8 * elements / bandwidth
                other = compute + extra + workers * bytes_of(elements, workers) / bandwidth
                found = S.speed_up(elements, workers, compute, bandwidth, extra)
                close(found, own / other, f"speed_up({elements}, {workers}, ...)", 1e-5, show=False)


@hidden.test("break_even")
def borders_of_many_networks(S):
    """borders by the formula"""
    for elements in (7, 50, 26_000, 60_000_000):
        for workers in (1, 2, 4, 64):
            for extra in (1e-4, 0.02, 3.0):
                expected = workers * (8 * elements - bytes_of(elements, workers)) / extra
                found = public.number(S.break_even(elements, workers, extra), "break_even")
                close(found / expected, 1.0, f"break_even({elements}, {workers}, {extra}) over the right one", 1e-5)


@hidden.test("break_even")
def both_agree_at_the_border(S):
    """at the break-even both take equally long; below it the speed-up is above 1, above it below"""
    for elements, workers, extra in ((30_000, 4, 0.01), (900, 8, 0.0005)):
        border = public.number(S.break_even(elements, workers, extra), "break_even")
        holds(0 < border < math.inf, f"break_even({elements}, {workers}, {extra}) should be finite and above 0")
        for factor, expected in ((0.5, 1), (1.0, 0), (2.0, -1)):
            found = public.number(S.speed_up(elements, workers, 0.001, factor * border, extra), "speed_up")
            difference = found - 1
            side = 0 if abs(difference) < 1e-5 else math.copysign(1, difference)
            holds(side == expected, f"speed_up at {factor:g} times the break-even is {found:g}")


@hidden.test("break_even")
def borders_at_the_ends(S):
    """no extra time, and tensors that save nothing"""
    for elements in (100, 26_000):
        found = public.number(S.break_even(elements, 4, 0.0), "break_even")
        holds(found == math.inf, f"the break-even of {elements} elements without extra time is {found:g}")
    for workers in (1, 2, 64):
        for extra in (0.0, 0.5):
            close(S.break_even(1, workers, extra), 0.0, "the break-even of one element", 1e-12, show=False)


# Exercise 8


@hidden.test("mended_mean")
def counts_of_workers_of_all_sizes(S):
    """workers whose gradients differ a hundredfold, in several steps (42 counts: false alarm below 4.2e-7)"""
    n = 20_000
    for step, parts in ((0, (0.01, -0.6, 0.3)), (5, (0.9, 0.009)), (9, (-0.2,)), (70, (0.05, 0.05, 0.5, -0.05))):
        gradients = [torch.full((n,), 2.0 * part) for part in parts]
        largest = max(range(len(parts)), key=lambda i: abs(parts[i]))
        gradients[largest][0] = 2.0
        for i, gradient in enumerate(gradients):
            if i != largest:
                gradient[0] = 2.4 * parts[i]
        mean = S.mended_mean(gradients, 11, step)
        levels = public.levels_of(mean, (n,), 2.0, len(parts), "the mean")[1:]
        public.compare_levels(levels, list(parts), "the value {} times s / N")


@hidden.test("mended_mean")
def elements_over_many_steps(S):
    """60 elements over 500 steps, each non-zero in its share (60 counts: false alarm below 6e-7)"""
    gradient = torch.tensor([1.0] + [0.1] * 20 + [-0.5] * 20 + [0.8] * 20)
    fired = torch.zeros(61)
    for step in range(500):
        levels = public.levels_of(S.mended_mean([gradient], 12, step), (61,), 1.0, 1, "the mean of one worker")
        fired += levels.abs().float()
    for number in range(1, 61):
        what = f"steps in which element {number} is not zero"
        public.count_fits(int(fired[number]), 500, gradient[number].abs().item(), what)


@hidden.test("mended_mean")
def dice_of_many_workers(S):
    """four workers in three steps have no numbers in common (66 counts: false alarm below 6.6e-7)"""
    public.compare_dice(S, workers=range(4), steps=range(7, 10), seed=0)


@hidden.test("mended_mean")
def dice_of_distant_steps(S):
    """two workers in steps 0, 1, 10, 100, 999 and 1000 (66 counts: false alarm below 6.6e-7)"""
    public.compare_dice(S, workers=range(2), steps=(0, 1, 10, 100, 999, 1000), seed=1)


@hidden.test("mended_mean")
def dice_of_distant_workers(S):
    """workers 0, 10 and 100 of 101 in steps 0, 1 and 11 (36 counts: false alarm below 3.6e-7)"""
    public.compare_dice(S, workers=(0, 10, 100), steps=(0, 1, 11), seed=2, elements=600)


@hidden.test("mended_mean")
def nothing_but_its_arguments(S):
    """the same arguments give the same result, whatever torch's own generator does; other seeds give another"""
    gradients, found = [normal(200, seed=i) for i in range(3)], []
    with torch.random.fork_rng():
        for own in (1, 2):
            torch.manual_seed(own)
            found.append(shaped(S.mended_mean(gradients, 4, 6), (200,), "the mean"))
    holds(torch.equal(*found), "called twice with the same arguments, it should give the same result")
    for seed in (0, 5, 123_456):
        other = shaped(S.mended_mean(gradients, seed, 6), (200,), "the mean")
        holds(not torch.equal(found[0], other), "another seed should give another result")


@hidden.test("mended_mean")
def means_of_many_shapes(S):
    """shapes and types stay; zeros give zeros; large elements are sent for certain"""
    for dtype in (torch.float32, torch.float64):
        gradients = [normal(2, 3, 4, seed=i, dtype=dtype) for i in range(3)]
        s = max(gradient.abs().max().item() for gradient in gradients)
        found = S.mended_mean(gradients, 0, 0)
        public.levels_of(found, (2, 3, 4), s, 3, "the mean")
        holds(found.dtype == dtype, f"the mean should hold {dtype}, and holds {found.dtype}")
    close(S.mended_mean([torch.zeros(2, 2)] * 3, 0, 1), torch.zeros(2, 2), "the mean of zeros", show=False)
    found = S.mended_mean([torch.tensor([5.0, 0.0]), torch.tensor([-5.0, 5.0])], 0, 1)
    close(found, torch.tensor([0.0, 2.5]), "the mean of elements that are as large as can be", show=False)


@hidden.test("mended_mean")
def mended_mean_leaves_its_input_alone(S):
    """the gradients stay as they were"""
    for workers in (1, 3):
        unchanged(S, "mended_mean", [[normal(6, seed=i) for i in range(workers)], 3, 4], "gradients seed step")

"""Public tests of lab 4: what `check("...")` in the notebook runs.

Where chance is involved they count: see `count_fits` for how seldom a right answer is refused.
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from effdl_lite.checking import Checks, close, equal, holds, refuses, shaped, unchanged

checks = Checks("lab04")
check = checks.check

FALSE_ALARM = 1e-8  # of one comparison, at most


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def dice(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair(result, name: str) -> tuple:
    """What should be two things."""
    two = isinstance(result, tuple | list) and len(result) == 2
    holds(two, f"{name} should return two things, with a comma between them")
    return tuple(result)


def count_fits(count: int, draws: int, probability: float, what: str) -> None:
    """So many of independent draws, each with this probability, are no surprise.

    Chernoff: n KL(count / n || p) is above t with a probability of at most 2 exp(-t), whatever n and p. With
    t = ln(2 / FALSE_ALARM) = 19.1 a right answer is refused once in 100 million comparisons, or more seldom.
    """
    share = count / draws
    surprise = sum(
        a * math.log(a / b) if b else math.inf for a, b in ((share, probability), (1 - share, 1 - probability)) if a > 0
    )
    says = f"{what} should be about {100 * probability:.3g} % of {draws:,}; there were {100 * share:.3g} %"
    holds(draws * surprise < math.log(2 / FALSE_ALARM), says)


def codes_of(found, shape, scaler: float, what: str) -> Tensor:
    """-1, 0 and 1 of a tensor that should hold nothing but -scaler, 0 and scaler."""
    return levels_of(found, shape, scaler, 1, what)


def levels_of(found, shape, scaler: float, workers: int, what: str) -> Tensor:
    """-N..N of a tensor that should hold multiples of scaler / N."""
    found = shaped(found, shape, what).double()
    holds(bool(found.isfinite().all()), f"{what} holds a number that is not finite (nan or inf)")
    if scaler == 0:
        holds(not found.any(), f"{what} should be all zeros")
        return found
    steps = found * workers / scaler
    levels = steps.round()
    allowed = "-s, 0 and s" if workers == 1 else f"s / {workers} times whole numbers from -{workers} to {workers}"
    off = (steps - levels).abs() > 1e-4
    off |= levels.abs() > workers
    where = int(off.int().argmax())
    holds(not off.any(), f"{what} should hold {allowed} only, with s = {scaler:g}; it holds {found.flatten()[where]:g}")
    return levels


def either(found, wishes: list[Tensor], what: str, tolerance: float = 1e-4, show: bool = True) -> None:
    """One of several tensors (such as with n and with n - 1)."""
    found = shaped(found, wishes[0].shape, what)
    for wish in wishes[1:]:
        if ((found.double() - wish.double()).abs() <= tolerance * max(1.0, wish.abs().max().item())).all():
            return
    close(found, wishes[0], what, tolerance, show=show)


# Exercise 1

SLIDE = torch.tensor([0.3, -1.2, 0.9])
ROWS = 40_000


@checks.test("ternarize", hint="hint 2")
def only_three_levels(S):
    """random numbers in a table of 3 x 50: nothing but -s, 0 and s comes out, with the signs of the gradient"""
    gradient = normal(50, 3, seed=1).T  # not contiguous, as gradients of convolutions may be
    s = gradient.abs().max().item()
    for typed in (gradient.double(), gradient):
        found = S.ternarize(typed, s, dice(1))
        codes = codes_of(found, (3, 50), s, "the result")
        holds(
            found.dtype == typed.dtype, f"for {typed.dtype} the result should be of that type too, and is {found.dtype}"
        )
    holds(
        bool((codes * gradient >= 0).all()), "an element of the result should have the sign of the gradient's, or be 0"
    )


@checks.test("ternarize", hint="hints 1 and 2")
def counts_of_the_slide(S):
    """40,000 times the numbers 0.3, -1.2 and 0.9 with s = 1.2: non-zero in 25 %, 100 % and 75 % of all cases"""
    found = S.ternarize(SLIDE.repeat(ROWS, 1), 1.2, dice(2))
    fired = codes_of(found, (ROWS, 3), 1.2, "the result").abs().sum(dim=0).tolist()
    for number, count, probability in zip(SLIDE.tolist(), fired, (0.25, 1.0, 0.75), strict=True):
        count_fits(count, ROWS, probability, f"non-zero results of {number:g}")


@checks.test("ternarize", hint="hint 1")
def small_probabilities(S):
    """200,000 numbers that are s / 1000: non-zero in 0.1 % of all cases"""
    codes = codes_of(S.ternarize(torch.full((200_000,), -2e-3), 2.0, dice(3)), (200_000,), 2.0, "the result")
    count_fits(int(codes.abs().sum()), 200_000, 1e-3, "non-zero results of s / 1000")


@checks.test("ternarize", hint="hint 1")
def each_element_for_itself(S):
    """a table of 200 x 200 numbers that are s / 2: one fires or not, whatever its neighbours do"""
    codes = codes_of(S.ternarize(torch.full((200, 200), 0.5), 1.0, dice(3)), (200, 200), 1.0, "the result")
    for name, one, other in (("row", codes[:, 0::2], codes[:, 1::2]), ("column", codes[0::2], codes[1::2])):
        count_fits(int((one == other).sum()), one.numel(), 0.5, f"neighbours in a {name} that are alike")


@checks.test("ternarize", hint="hint 3")
def larger_than_the_scaler(S):
    """elements that are larger than the scaler become s or -s"""
    found = S.ternarize(torch.tensor([3.0, -0.7, 0.0, 0.5, -9.0]), 0.5, dice(4))
    close(found, torch.tensor([0.5, -0.5, 0.0, 0.5, -0.5]), "the result for s = 0.5")


@checks.test("ternarize", hint="hint 3")
def scaler_of_zero(S):
    """a gradient of zeros with the scaler 0 gives zeros"""
    close(S.ternarize(torch.zeros(4, 2), 0.0, dice(5)), torch.zeros(4, 2), "the result for zeros")


@checks.test("ternarize", hint="hint 1")
def from_the_generator(S):
    """a generator in the same state gives the same result, in another state another; and it is moved on"""
    gradient, later = torch.full((200,), 0.5), dice(6)
    torch.rand(50, generator=later)
    first = shaped(S.ternarize(gradient, 1.0, dice(6)), (200,), "the result")
    again = shaped(S.ternarize(gradient, 1.0, dice(6)), (200,), "the result")
    other = shaped(S.ternarize(gradient, 1.0, later), (200,), "the result")
    following = shaped(S.ternarize(gradient, 1.0, later), (200,), "the result")
    holds(torch.equal(first, again), "two generators in the same state should give the same result")
    holds(not torch.equal(first, other), "a generator that has been used should give another result than a new one")
    holds(not torch.equal(other, following), "called again with the same generator, it should give another result")


@checks.test("ternarize")
def gradient_stays(S):
    """the gradient stays as it was"""
    unchanged(S, "ternarize", [normal(20, seed=7), 3.0, dice(7)], "gradient")


# Exercise 2


@checks.test("moments", hint="hint 1")
def moments_of_the_slide(S):
    """0.3, -1.2 and 0.9 with s = 1.2"""
    close(S.ternary_mean(SLIDE, 1.2), SLIDE, "the mean")
    close(S.ternary_variance(SLIDE, 1.2), torch.tensor([0.27, 0.0, 0.27]), "the variance")


@checks.test("moments", hint="hint 1")
def moments_of_a_table(S):
    """a table of 2 x 2 numbers with s = 4, larger than all of them"""
    gradient = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    close(S.ternary_mean(gradient, 4.0), gradient, "the mean")
    close(S.ternary_variance(gradient, 4.0), torch.tensor([[3.0, 4.0], [0.0, 3.0]]), "the variance")


@checks.test("moments", hint="hint 2")
def moments_beyond_the_scaler(S):
    """elements that are larger than s = 0.5: they fire with certainty, and do not vary"""
    gradient = torch.tensor([3.0, -0.7, 0.25, -0.5])
    close(S.ternary_mean(gradient, 0.5), torch.tensor([0.5, -0.5, 0.25, -0.5]), "the mean")
    close(S.ternary_variance(gradient, 0.5), torch.tensor([0.0, 0.0, 0.0625, 0.0]), "the variance")


@checks.test("moments", hint="hint 2")
def moments_of_nothing(S):
    """a gradient of zeros with the scaler 0"""
    for name in ("ternary_mean", "ternary_variance"):
        close(S.call(name, torch.zeros(3), 0.0), torch.zeros(3), name)


@checks.test("moments")
def moments_change_nothing(S):
    """the gradient stays as it was"""
    for name in ("ternary_mean", "ternary_variance"):
        unchanged(S, name, [normal(9, seed=8), 0.5], "gradient")


# Exercise 3

EIGHT = torch.tensor([3.0, 4.0, 0.0, -5.0, 0.0, 0.0, 4.0, 2.0])


def deviations(gradient: Tensor) -> list[float]:
    """Of a gradient in double precision, divided by n and by n - 1."""
    squares = (gradient.double() - gradient.double().mean()).square().sum()
    return [math.sqrt(squares / gradient.numel()), math.sqrt(squares / (gradient.numel() - 1))]


def clipped(gradient: Tensor, c: float) -> list[Tensor]:
    """Both results that are right."""
    return [gradient.double().clamp(-c * sigma, c * sigma) for sigma in deviations(gradient)]


@checks.test("clip", hint="hints 1 and 2")
def eight_numbers(S):
    """the example of the task, with c = 1"""
    either(S.clip(EIGHT, 1.0), clipped(EIGHT, 1.0), "clip of the example")


@checks.test("clip", hint="hint 1")
def nothing_sticks_out(S):
    """with c = 2.5 nothing in the example sticks out, and all stays"""
    close(S.clip(EIGHT, 2.5), EIGHT, "clip of the example with c = 2.5")


@checks.test("clip", hint="hint 2")
def a_table_with_a_mean(S):
    """a table of 20 x 30 numbers around 1.5: sigma is around their mean and of all of them, the cut is around 0"""
    gradient = (1.5 + normal(30, 20, seed=9) * torch.logspace(-1, 1, 30)[:, None]).T  # not contiguous
    for c in (0.7, 2.5):
        either(S.clip(gradient, c), clipped(gradient, c), f"clip with c = {c:g}")


@checks.test("clip", hint="hint 2")
def nothing_to_compare_with(S):
    """equal numbers, zeros and a single number stay as they are"""
    for gradient in (torch.full((2, 4), 3.0), torch.full((7,), 0.1), torch.zeros(5), torch.tensor([-2.0])):
        close(S.clip(gradient, 2.5), gradient, f"clip of {gradient.numel()} times {gradient.flatten()[0]:g}")


@checks.test("clip", hint="hint 1")
def clip_changes_nothing(S):
    """the gradient stays as it was, and double precision stays double precision"""
    unchanged(S, "clip", [EIGHT, 1.0], "gradient c")
    found = shaped(S.clip(EIGHT.double(), 1.0), (8,), "clip")
    holds(found.dtype == torch.float64, f"clip of float64 should hold float64, and holds {found.dtype}")


# Exercise 4: c = 100 cuts nothing off.


@checks.test("exchange", hint="hint 2")
def scaler_of_two(S):
    """two workers, one with larger gradients, nothing cut off: the larger scaler"""
    gradients = [torch.tensor([[0.2, -0.1], [0.0, 0.3]]), torch.tensor([[1.0, -2.0], [0.5, 0.0]])]
    mean, scaler = pair(S.exchange(gradients, 100.0, dice(1)), "exchange")
    close(scaler, 2.0, "the scaler")
    levels_of(mean, (2, 2), 2.0, 2, "the mean")


@checks.test("exchange", hint="hints 1 and 2")
def scaler_after_clipping(S):
    """a worker with a number that sticks out: the scaler is what remains of it, c sigma"""
    gradient = 0.1 * normal(40_000, seed=10)
    gradient[7] = 40.0
    mean, scaler = pair(S.exchange([gradient, 0.5 * gradient], 2.5, dice(2)), "exchange")
    close(scaler, 2.5 * deviations(gradient)[0], "the scaler")
    levels = levels_of(mean, (40_000,), float(scaler), 2, "the mean")
    holds(float(levels[7]) >= 1, "what sticks out in a worker's gradient should be sent as s, with certainty")


@checks.test("exchange", hint="hint 3")
def workers_stray_apart(S):
    """two workers with one and the same gradient, half the scaler: they agree in half of all cases"""
    gradient = in_turn(0.5, 2 * ROWS)
    gradient[0] = 1.0
    mean, _ = pair(S.exchange([gradient, gradient], 100.0, dice(4)), "exchange")
    levels = levels_of(mean, (2 * ROWS,), 1.0, 2, "the mean")[1::2]
    compare_levels(levels, [0.5, 0.5], "the value {} times s / 2")


@checks.test("exchange", hint="hint 1")
def counts_of_three_workers(S):
    """three workers, 80,000 elements each: how often the values of the mean occur"""
    parts = [0.3, -1.2, 0.6]
    gradients = [in_turn(part, 2 * ROWS) for part in parts]
    mean, _ = pair(S.exchange(gradients, 100.0, dice(3)), "exchange")
    levels = levels_of(mean, (2 * ROWS,), 1.2, 3, "the mean")[1::2]
    compare_levels(levels, [part / 1.2 for part in parts], "the value {} times s / 3")


@checks.test("exchange")
def nothing_to_send(S):
    """gradients of zeros; and one worker alone"""
    mean, scaler = pair(S.exchange([torch.zeros(3), torch.zeros(3)], 2.5, dice(5)), "exchange")
    close(mean, torch.zeros(3), "the mean of zeros")
    close(scaler, 0.0, "the scaler of zeros")
    mean, scaler = pair(S.exchange([torch.tensor([2.0, -2.0, 0.0])], 100.0, dice(6)), "exchange")
    close(mean, torch.tensor([2.0, -2.0, 0.0]), "the mean of one worker with 2, -2 and 0")


@checks.test("exchange", hint="hint 1")
def sent_as_it_was_clipped(S):
    """a worker that is clipped below the shared scaler: it sends what the clipping has left"""
    narrow = torch.zeros(2 * ROWS)
    narrow[: ROWS // 5] = 3.0
    mean, _ = pair(S.exchange([in_turn(2.0, 2 * ROWS), narrow], 0.5, dice(8)), "exchange")
    levels = levels_of(mean, (2 * ROWS,), 1.0, 2, "the mean")[: ROWS // 5]
    compare_levels(levels[1::2], [1.0, 0.5 * deviations(narrow)[0]], "the value {} times s / 2")


@checks.test("exchange", hint="hint 3")
def chance_of_the_generator(S):
    """a generator in the same state gives the same mean, in another state another"""
    gradients, later = [normal(200, seed=13), normal(200, seed=14)], dice(9)
    torch.rand(50, generator=later)
    first, again, other = (
        shaped(pair(S.exchange(gradients, 2.5, generator), "exchange")[0], (200,), "the mean")
        for generator in (dice(9), dice(9), later)
    )
    holds(torch.equal(first, again), "two generators in the same state should give the same mean")
    holds(not torch.equal(first, other), "a generator that has been used should give another mean than a new one")


@checks.test("exchange")
def workers_keep_their_gradients(S):
    """the gradients stay as they were"""
    unchanged(S, "exchange", [[normal(9, seed=11), normal(9, seed=12)], 1.0, dice(7)], "gradients")


def in_turn(number: float, elements: int) -> Tensor:
    """-number and number, in turn: a gradient with the deviation |number|."""
    gradient = torch.full((elements,), number)
    gradient[0::2] = -number
    return gradient


def compare_levels(levels: Tensor, parts: list[float], what: str) -> None:
    """How often each value of the sum of independent ternary numbers occurs; `parts` are g / s of each worker."""
    chances = {0: 1.0}
    for part in parts:
        after: dict[int, float] = {}
        for level, chance in chances.items():
            for code, share in ((0, 1 - abs(part)), (int(math.copysign(1, part)), abs(part))):
                after[level + code] = after.get(level + code, 0.0) + chance * share
        chances = after
    for level in range(-len(parts), len(parts) + 1):
        chance = min(chances.get(level, 0.0), 1.0)
        count_fits(int((levels == level).sum()), levels.numel(), chance, what.format(level))


# Exercise 5


def bits(values: list[int], dtype: torch.dtype = torch.int8) -> Tensor:
    return torch.tensor(values, dtype=dtype)


@checks.test("packing", hint="hints 1 and 2")
def whole_bytes(S):
    """five times -1, five times 0, five times 1: the bytes 0, 121 and 242"""
    codes = bits([-1] * 5 + [0] * 5 + [1] * 5)
    equal(S.pack(codes), bits([0, 121, 242], torch.uint8), "pack of -1, 0 and 1, five times each")


@checks.test("packing", hint="hints 1 and 3")
def six_codes(S):
    """the example of the task: six codes become the bytes 167 and 1"""
    equal(S.pack(bits([1, 0, -1, -1, 1, 0])), bits([167, 1], torch.uint8), "pack of the example")


@checks.test("packing", hint="hints 2 and 3")
def two_bytes_taken_apart(S):
    """the bytes 167 and 1 as six codes; 0, 121 and 242 as fifteen"""
    equal(S.unpack(bits([167, 1], torch.uint8), 6), bits([1, 0, -1, -1, 1, 0]), "unpack of 167 and 1")
    found = S.unpack(bits([0, 121, 242], torch.uint8), 15)
    equal(found, bits([-1] * 5 + [0] * 5 + [1] * 5), "unpack of 0, 121 and 242")


@checks.test("packing", hint="hint 1")
def there_and_back(S):
    """random codes, from 1 to 23 of them: back come the same"""
    for n in range(1, 24):
        codes = torch.randint(-1, 2, (n,), generator=dice(n)).to(torch.int8)
        packed = S.pack(codes)
        shaped(packed, (-(-n // 5),), f"pack of {n} codes")
        equal(S.unpack(packed, n), codes, f"unpack of what pack makes of {n} codes")


@checks.test("packing")
def messages_of_another_length(S):
    """messages that are too short or too long are refused"""
    for length, elements in ((2, 5), (1, 6), (3, 10)):
        message = torch.zeros(length, dtype=torch.uint8)
        refuses(S, "unpack", [message, elements], f"{length} is not the number of bytes of {elements} codes")


@checks.test("packing")
def packing_changes_nothing(S):
    """the tensors stay as they were"""
    unchanged(S, "pack", [bits([1, 0, -1, 1])], "codes")
    unchanged(S, "unpack", [bits([167, 1], torch.uint8), 6], "packed elements")


# Exercise 6


@checks.test("traffic", hint="hint 1")
def bits_of_few_workers(S):
    """one worker 2 bits, two 3, four 4, eight 5"""
    for workers, expected in ((1, 2), (2, 3), (4, 4), (8, 5)):
        found = S.level_bits(workers)
        close(found, expected, f"level_bits({workers})")
        holds(isinstance(found, int), f"level_bits({workers}) should be an int, not a {type(found).__name__}")


@checks.test("traffic", hint="hint 2")
def compression_of_the_task(S):
    """1,000 elements and four workers: 8000 / 708"""
    close(S.compression(1000, 4), 8000 / 708, "compression(1000, 4)")


@checks.test("traffic", hint="hint 2")
def compression_of_few_elements(S):
    """11 elements and two workers: 88 bytes against 3 + 4 and 5 + 4"""
    close(S.compression(11, 2), 88 / 16, "compression(11, 2)")


# Exercise 7


@checks.test("break_even", hint="hint 1")
def speed_of_the_task(S):
    """the speed-up of the example of the task"""
    expected = 0.356 / (0.12 + 4 * 700_008 / 125e6)
    close(S.speed_up(1_000_000, 4, 0.1, 125e6, 0.02), expected, "the speed-up of the example")


@checks.test("break_even", hint="hint 1")
def speed_of_a_fast_link(S):
    """100,000 elements, two workers, 0.02 s of computing, 1.25 billion bytes per second, 0.03 s extra: it is slower"""
    expected = (0.02 + 1.6e6 / 1.25e9) / (0.05 + 2 * 57_508 / 1.25e9)
    close(S.speed_up(100_000, 2, 0.02, 1.25e9, 0.03), expected, "the speed-up on the fast link")


@checks.test("break_even", hint="hint 2")
def border_of_the_task(S):
    """the break-even of the example of the task, in billions of bytes per second"""
    close(1e-9 * number(S.break_even(1_000_000, 4, 0.02), "break_even"), 1.4599984, "the break-even of the example")


@checks.test("break_even", hint="hint 2")
def borders_without_end(S):
    """no extra time: infinite; one element, which saves nothing: 0"""
    found = number(S.break_even(1000, 4, 0.0), "break_even")
    holds(found == math.inf, f"the break-even without extra time should be infinite, and is {found:g}")
    for extra in (0.01, 0.0):
        close(S.break_even(1, 2, extra), 0.0, "the break-even of one element, 8 bytes against 10,")


def number(found, name: str) -> float:
    plain = isinstance(found, int | float | Tensor) and not isinstance(found, bool)
    holds(plain and (not isinstance(found, Tensor) or found.numel() == 1), f"{name} should return a number")
    return float(found)


# Exercise 8


@checks.test("mended_mean", hint="hint 1")
def a_worker_with_small_gradients(S):
    """two workers, one with gradients a tenth as large, in other places: how often they are sent"""
    gradients = [torch.zeros(2 * ROWS), torch.zeros(2 * ROWS)]
    gradients[0][0::2], gradients[1][1::2] = 0.12, 1.4
    gradients[0][0], gradients[1][1] = 0.2, 2.0
    levels = levels_of(S.mended_mean(gradients, 0, 0), (2 * ROWS,), 2.0, 2, "the mean")
    largest = float(levels.abs().max())
    holds(
        largest <= 1, f"where one of two workers sends and the other does not, the mean is s / 2, not {largest:g} s / 2"
    )
    for first, share in ((2, 0.06), (3, 0.7)):
        fired = levels[first::2].abs()
        count_fits(int(fired.sum()), fired.numel(), share, f"elements that are sent of those that are {share:g} s")


@checks.test("mended_mean", hint="hint 2")
def over_many_steps(S):
    """one worker, 40 elements that are s / 2, 300 steps: each is non-zero in about half of them"""
    gradient = torch.full((41,), 0.5)
    gradient[0] = 1.0
    fired = torch.zeros(40)
    for step in range(300):
        levels = levels_of(S.mended_mean([gradient], 3, step), (41,), 1.0, 1, "the mean of one worker")
        fired += levels[1:].float()
    for place, count in enumerate(fired.tolist(), 1):
        count_fits(count, 300, 0.5, f"steps in which element {place} is not zero")


@checks.test("mended_mean", hint="hint 3")
def numbers_of_their_own(S):
    """three workers in steps 0, 1 and 1000: no two messages have random numbers in common"""
    compare_dice(S, workers=range(3), steps=(0, 1, 1000), seed=0)


@checks.test("mended_mean")
def the_same_again(S):
    """the same arguments give the same result, another seed another"""
    gradients = [normal(100, seed=20), normal(100, seed=21)]
    first = shaped(S.mended_mean(gradients, 1, 2), (100,), "the mean")
    again = shaped(S.mended_mean(gradients, 1, 2), (100,), "the mean")
    other = shaped(S.mended_mean(gradients, 2, 2), (100,), "the mean")
    holds(torch.equal(first, again), "called twice with the same arguments, it should give the same result")
    holds(not torch.equal(first, other), "another seed should give another result")


@checks.test("mended_mean")
def colleague_keeps_gradients(S):
    """zeros give zeros, and the gradients stay as they were"""
    close(S.mended_mean([torch.zeros(3), torch.zeros(3)], 0, 0), torch.zeros(3), "the mean of zeros")
    unchanged(S, "mended_mean", [[normal(9, seed=22), normal(9, seed=23)], 0, 1], "gradients")


def compare_dice(S, workers: Sequence[int], steps: Iterable[int], seed: int, elements: int = 2000) -> None:
    """Each of these workers sends elements of s / 2 in each step, alone; two messages agree in half of the places."""
    present = max(workers) + 1
    loud, silent = torch.full((elements,), 0.5), torch.zeros(elements)
    loud[0] = 1.0
    messages = {}
    for worker in workers:
        gradients = [silent] * present
        gradients[worker] = loud
        for step in steps:
            found = S.mended_mean(gradients, seed, step)
            messages[worker, step] = levels_of(found, (elements,), 1.0, present, "the mean")[1:]
    keys = list(messages)
    for i, (worker, step) in enumerate(keys):
        for other, then in keys[:i]:
            agree = int((messages[worker, step] == messages[other, then]).sum())
            what = f"elements in which worker {worker} in step {step} and worker {other} in step {then} agree"
            count_fits(agree, elements - 1, 0.5, what)

"""Hidden tests of lab 2: reference computations and random input. Students never have this file."""

import importlib.util
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from effdl_lite.checking import Checks, close, equal, holds, refuses, shaped, unchanged

hidden = Checks("lab02")

# Random language models are made, cut ones looked at, as in the public checks.
_place = Path(__file__).resolve().parents[2] / "solutions" / "lab02" / "checks.py"
_spec = importlib.util.spec_from_file_location("public_checks_of_lab02", _place)
public = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(public)

# inputs, units, rows of the reader: none as large as another, none a multiple, and one unit alone
SIZES = ((3, 5, 7), (6, 2, 3), (2, 7, 1), (4, 1, 9), (1, 3, 20))


def normal(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def layer_of(
    inputs: int, units: int, rows: int, seed: int, dead: tuple[int, ...] = (), dtype=torch.float32
) -> list[Tensor]:
    """Random weight_ih, weight_hh and reader, with zeros in all that the dead units own."""
    shapes = ((4 * units, inputs), (4 * units, units), (rows, units))
    matrices = [normal(*shape, seed=10 * seed + i, dtype=dtype) for i, shape in enumerate(shapes)]
    for unit in dead:
        for row in range(unit, 4 * units, units):
            matrices[0][row], matrices[1][row] = 0, 0
        matrices[1][:, unit], matrices[2][:, unit] = 0, 0
    return matrices


def places(unit: int, matrices: list[Tensor]) -> list[tuple[int, int, int]]:
    """Matrix, row and column of every weight that a unit owns; where its row and its column cross, twice."""
    units, found = matrices[1].shape[1], []
    for row in range(unit, 4 * units, units):
        found += [(0, row, column) for column in range(matrices[0].shape[1])]
        found += [(1, row, column) for column in range(units)]
    found += [(1, row, unit) for row in range(4 * units)]
    return found + [(2, row, unit) for row in range(matrices[2].shape[0])]


def squares_of(matrices: list[Tensor], twice: bool) -> Tensor:
    sums = []
    for unit in range(matrices[1].shape[1]):
        where = places(unit, matrices)
        where = where if twice else sorted(set(where))
        sums.append(sum(matrices[m][row, column].double().square() for m, row, column in where))
    return torch.stack(sums)


def gradient_of(matrices: list[Tensor], strength: float, epsilon: float, twice: bool) -> list[Tensor]:
    result = [torch.zeros(matrix.shape, dtype=torch.float64) for matrix in matrices]
    for unit, square in enumerate(squares_of(matrices, twice)):
        length = math.sqrt(epsilon + square.item())
        where = places(unit, matrices)
        for m, row, column in where if twice else set(where):
            if length > 0:
                result[m][row, column] += strength * matrices[m][row, column].double() / length
    return result


def same(actual, expected: Tensor, what: str) -> None:
    """Booleans that agree everywhere; the message names a place and not what belongs there."""
    shaped(actual, expected.shape, what)
    holds(actual.dtype == torch.bool, f"{what} should hold torch.bool, and holds {actual.dtype}")
    wrong = (actual != expected).nonzero().tolist()
    holds(not wrong, f"{what} is wrong in {len(wrong)} of {expected.numel()} places, first in {(wrong or [''])[0]}")


# Exercise 1


def lstm_of(inputs: int, units: int, seed: int, dtype=torch.float32):
    """PyTorch's own layer with random weights, and the same as one bias and two matrices."""
    theirs = torch.nn.LSTM(inputs, units, batch_first=True, dtype=dtype)
    with torch.no_grad():
        for number, weight in enumerate(theirs.parameters()):
            weight.copy_(1.5 * normal(*weight.shape, seed=10 * seed + number, dtype=dtype))
    ih, hh, first, second = [weight.detach() for weight in theirs.parameters()]
    return theirs, (ih, hh, first + second)


@hidden.test("lstm_step")
def steps_of_several_sizes(S):
    """several sizes and batches"""
    for seed, (inputs, units, batch) in enumerate([(3, 5, 4), (5, 3, 1), (4, 4, 4), (1, 6, 2), (7, 1, 3)]):
        theirs, layer = lstm_of(inputs, units, seed)
        x, h, c = (
            normal(batch, inputs, seed=500 + seed),
            normal(batch, units, seed=600),
            3 * normal(batch, units, seed=700),
        )
        found = public.pair(S.lstm_step(*layer, x, h, c), "lstm_step")
        with torch.no_grad():
            _, expected = theirs(x[:, None], (h[None], c[None]))
        for name, mine, other in zip("hc", found, expected, strict=True):
            close(mine, other[0], f"the new {name} for {inputs} inputs, {units} units, batch {batch}", show=False)


@hidden.test("lstm_step")
def steps_one_after_the_other(S):
    """twelve steps, each with the state of the one before"""
    theirs, layer = lstm_of(4, 3, seed=9)
    text = normal(2, 12, 4, seed=90)
    h = c = torch.zeros(2, 3)
    for x in text.unbind(1):
        h, c = public.pair(S.lstm_step(*layer, x, h, c), "lstm_step")
    with torch.no_grad():
        expected = theirs(text)[1]
    for name, mine, other in zip("hc", (h, c), expected, strict=True):
        close(mine, other[0], f"{name} after twelve steps", show=False)


@hidden.test("lstm_step")
def step_in_double_precision(S):
    """double precision stays double precision"""
    theirs, layer = lstm_of(4, 3, seed=11, dtype=torch.float64)
    x, h, c = (normal(2, n, seed=n + 40, dtype=torch.float64) for n in (4, 3, 3))
    found = public.pair(S.lstm_step(*layer, x, h, c), "lstm_step")
    with torch.no_grad():
        _, expected = theirs(x[:, None], (h[None], c[None]))
    for name, mine, other in zip("hc", found, expected, strict=True):
        close(mine, other[0], f"the new {name} in float64", tolerance=1e-11, show=False)


@hidden.test("lstm_step")
def step_leaves_its_input_alone(S):
    """the tensors stay as they were"""
    _, layer = lstm_of(2, 3, seed=12)
    args = [*layer, normal(2, 2, seed=1), normal(2, 3, seed=2), normal(2, 3, seed=3)]
    unchanged(S, "lstm_step", args, "weight_ih weight_hh bias x h c")


# Exercise 2


def perplexities_of(embedding, layers, softmax, text: Tensor, steps: int) -> list[float]:
    """After each chunk, over all words so far; computed in one go."""
    logits = public.logits_of(embedding, layers, softmax, text[:, :-1]).double()
    nats = F.cross_entropy(logits.transpose(1, 2), text[:, 1:], reduction="none")
    ends = [*range(steps, nats.shape[1], steps), nats.shape[1]]
    return [nats[:, :end].mean().exp().item() for end in ends]


def compare_perplexities(S, model: tuple, text: Tensor, steps: int, what: str) -> None:
    expected = perplexities_of(*model, text, steps)
    found = public.so_far(S.perplexity_so_far(*model, text, steps), len(expected))
    for number, (mine, other) in enumerate(zip(found, expected, strict=True), 1):
        close(mine, other, f"the perplexity after chunk {number} of {what}", 1e-3, show=False)


def text_of(streams: int, length: int, seed: int, words: int = 7) -> Tensor:
    return torch.randint(words, (streams, length), generator=torch.Generator().manual_seed(seed))


@hidden.test("perplexity")
def perplexities_of_random_models(S):
    """models of one to three layers, texts in one chunk"""
    for seed, units in enumerate([(4,), (5, 3), (2, 6, 3)]):
        model, text = public.language_model(units=units, seed=100 * seed), text_of(3, 11, seed)
        compare_perplexities(S, model, text, 10, f"a whole text, with a model of {units} units")


@hidden.test("perplexity")
def perplexities_in_chunks(S):
    """chunks of several lengths, that fit and that do not"""
    model, text = public.language_model(seed=300), text_of(4, 22, seed=3)
    for steps in (1, 2, 3, 7, 8, 20, 21, 22, 100):
        compare_perplexities(S, model, text, steps, f"a text in chunks of {steps}")


@hidden.test("perplexity")
def perplexity_of_two_words(S):
    """streams of two words, so that only one is predicted in each"""
    compare_perplexities(S, public.language_model(seed=400), text_of(5, 2, seed=4), 4, "streams of two words")


@hidden.test("perplexity")
def perplexity_of_one_stream(S):
    """a single stream"""
    compare_perplexities(S, public.language_model(seed=500), text_of(1, 30, seed=5), 4, "a single stream")


@hidden.test("perplexity")
def perplexity_leaves_its_input_alone(S):
    """model and text stay as they were"""
    args = [*public.language_model(seed=600), text_of(2, 9, seed=6), 4]
    unchanged(S, "perplexity_so_far", args, "embedding layers softmax text steps")


# Exercise 3


@hidden.test("owned")
def masks_of_many_layers(S):
    """layers of several sizes, with no to three readers"""
    for seed, (inputs, units, rows) in enumerate(SIZES):
        ih, hh, reader = layer_of(inputs, units, rows, seed)
        readers = [(reader, 0), (normal(5, units + 4, seed=1), 3), (normal(2, 2 * units, seed=2), units)][: seed % 4]
        for unit in {0, units // 2, units - 1}:
            found = public.masks_of(S.owned(unit, ih, hh, readers), 2 + len(readers))
            expected = [torch.zeros(matrix.shape, dtype=torch.bool) for matrix in (ih, hh, *(m for m, _ in readers))]
            for m, row, column in places(unit, [ih, hh, reader]):
                if m < 2:
                    expected[m][row, column] = True
            for mask, (_, start) in zip(expected[2:], readers, strict=True):
                mask[:, start + unit] = True
            names = ["weight_ih", "weight_hh", *(f"reader {i}" for i in range(1, 4))]
            for name, mine, mask in zip(names, found, expected, strict=False):
                same(mine, mask, f"the mask of {name}, unit {unit} of {units},")


@hidden.test("owned")
def numbers_that_are_no_unit(S):
    """numbers below and above"""
    ih, hh, reader = layer_of(3, 5, 7, seed=1)
    for unit in (-1, -5, 5, 20):
        refuses(S, "owned", [unit, ih, hh, [(reader, 0)]], f"a layer of 5 units has no unit {unit}")


@hidden.test("owned")
def masks_leave_their_input_alone(S):
    """the matrices stay as they were"""
    ih, hh, reader = layer_of(3, 5, 7, seed=2)
    unchanged(S, "owned", [2, ih, hh, [(reader, 0)]], "unit weight_ih weight_hh readers")


@hidden.test("owned")
def sizes_of_many_groups(S):
    """sizes of groups, counted once and twice"""
    for inputs, units, reader_rows in ((9, 4, [11]), (4, 9, [3, 30, 2]), (1, 1, [1]), (50, 3, []), (7, 7, [28])):
        matrices = [torch.zeros(4 * units, inputs), torch.zeros(4 * units, units), torch.zeros(sum(reader_rows), units)]
        where = places(0, matrices)
        for twice, expected in ((False, len(set(where))), (True, len(where))):
            found = S.group_size(inputs, units, reader_rows, double_count=twice)
            what = f"group_size({inputs}, {units}, {reader_rows}, double_count={twice})"
            close(found, expected, what, tolerance=1e-9, show=False)


# Exercise 4


@hidden.test("penalty")
def squares_of_many_layers(S):
    """layers of several sizes, crossings once and twice"""
    for seed, sizes in enumerate(SIZES):
        matrices = layer_of(*sizes, seed=seed + 30)
        for twice in (False, True):
            what = f"unit_squares of {sizes[0]} inputs, {sizes[1]} units, {sizes[2]} rows, double_count={twice},"
            close(S.unit_squares(*matrices, double_count=twice), squares_of(matrices, twice), what, show=False)


@hidden.test("penalty")
def squares_in_double_precision(S):
    """double precision"""
    matrices = layer_of(3, 5, 7, seed=40, dtype=torch.float64)
    found = shaped(S.unit_squares(*matrices), (5,), "unit_squares")
    holds(found.dtype == torch.float64, f"unit_squares of float64 should hold float64, and holds {found.dtype}")
    close(found, squares_of(matrices, False), "unit_squares in float64", tolerance=1e-11, show=False)


@hidden.test("penalty")
def penalties_of_many_layers(S):
    """the penalty with several strengths and epsilons"""
    for seed, sizes in enumerate(SIZES):
        matrices = layer_of(*sizes, seed=seed + 50, dead=(0,))
        for strength, epsilon, twice in ((0.3, 1e-8, False), (2.0, 0.5, True), (1.0, 0.0, False), (1e4, 1e-8, True)):
            expected = strength * (squares_of(matrices, twice) + epsilon).sqrt().sum().item()
            found = S.iss_penalty(*matrices, strength, epsilon=epsilon, double_count=twice)
            what = f"iss_penalty with strength {strength:g}, epsilon {epsilon:g}, double_count={twice}"
            close(found, expected, what, tolerance=1e-5, show=False)


@hidden.test("penalty")
def gradients_of_the_penalty(S):
    """autograd's gradient with respect to each matrix, dead units among them"""
    for twice in (False, True):
        matrices = layer_of(3, 5, 7, seed=60, dead=(1, 4))
        expected = gradient_of(matrices, 1.5, 1e-8, twice)
        for wrt, name in enumerate(("weight_ih", "weight_hh", "reader")):
            found = S.gradient("iss_penalty", [*matrices, 1.5, 1e-8, twice], wrt=wrt)
            close(found, expected[wrt], f"autograd's gradient of iss_penalty for {name}", show=False)


@hidden.test("penalty")
def squares_leave_their_input_alone(S):
    """the matrices stay as they were"""
    matrices = layer_of(3, 5, 7, seed=61)
    unchanged(S, "unit_squares", matrices, "weight_ih weight_hh reader")
    unchanged(S, "iss_penalty", [*matrices, 0.1], "weight_ih weight_hh reader strength")


# Exercise 5


def compare_gradients(S, matrices: list[Tensor], strength: float, epsilon: float, twice: bool, tolerance=1e-4) -> None:
    found = public.gradients(S.penalty_gradient(*matrices, strength, epsilon=epsilon, double_count=twice))
    expected = gradient_of(matrices, strength, epsilon, twice)
    for name, mine, other in zip(("weight_ih", "weight_hh", "reader"), found, expected, strict=True):
        what = f"the gradient for {name} (strength {strength:g}, epsilon {epsilon:g}, double_count={twice})"
        close(mine, other, what, tolerance, show=False)


@hidden.test("penalty_gradient")
def gradients_of_many_layers(S):
    """layers of several sizes"""
    for seed, sizes in enumerate(SIZES):
        for twice in (False, True):
            compare_gradients(S, layer_of(*sizes, seed=seed + 70), 3.0, 1e-8, twice)


@hidden.test("penalty_gradient")
def gradients_with_large_epsilon(S):
    """an epsilon that is not small"""
    for twice in (False, True):
        compare_gradients(S, layer_of(4, 3, 6, seed=80), 2.0, 5.0, twice)


@hidden.test("penalty_gradient")
def gradients_of_dead_units(S):
    """units that are dead, with and without epsilon"""
    for epsilon in (0.0, 1e-8):
        compare_gradients(S, layer_of(4, 5, 6, seed=81, dead=(0, 3)), 2.0, epsilon, False)
        compare_gradients(S, layer_of(4, 2, 6, seed=82, dead=(0, 1)), 2.0, epsilon, True)


@hidden.test("penalty_gradient")
def gradients_of_short_groups(S):
    """groups that are very short, and not dead"""
    for twice in (False, True):
        matrices = [1e-4 * matrix for matrix in layer_of(4, 5, 6, seed=83, dtype=torch.float64)]
        compare_gradients(S, matrices, 1.0, 0.0, twice, tolerance=1e-6)


@hidden.test("penalty_gradient")
def gradient_leaves_its_input_alone(S):
    """the matrices stay as they were"""
    args = [*layer_of(3, 5, 7, seed=84), 0.5, 1e-8, True]
    unchanged(S, "penalty_gradient", args, "weight_ih weight_hh reader strength epsilon double_count")


# Exercise 6


@hidden.test("objective")
def objectives_of_random_batches(S):
    """batches of several shapes"""
    for seed, (streams, steps, words) in enumerate([(2, 5, 3), (6, 2, 9), (1, 7, 4), (4, 1, 5), (3, 3, 3)]):
        logits, lengths = normal(streams, steps, words, seed=seed), normal(6, seed=seed + 20).abs()
        targets = text_of(streams, steps, seed, words)
        nats = -logits.double().log_softmax(dim=2).gather(2, targets[:, :, None]).sum().item()
        authors = nats / streams + 0.7 * lengths.sum().item()
        what = f"the objective of {streams} streams of {steps} steps"
        close(S.objective(logits, targets, lengths, 0.7), authors / steps, what, show=False)


@hidden.test("objective")
def pulls_of_the_objective(S):
    """how much the objective changes with a length, and with the logits"""
    logits, lengths = normal(4, 6, 5, seed=33), normal(8, seed=34).abs()
    targets = text_of(4, 6, 35, 5)
    pull = S.gradient("objective", [logits, targets, lengths, 3.0], wrt=2)
    close(pull, torch.full((8,), 3.0 / 6), "the derivative with respect to the lengths", show=False)
    onehot = F.one_hot(targets, 5)
    slope = S.gradient("objective", [logits, targets, lengths, 3.0], wrt=0)
    close(slope, (logits.softmax(2) - onehot) / 24, "the derivative with respect to the logits", show=False)


@hidden.test("objective")
def objective_leaves_its_input_alone(S):
    """the tensors stay as they were"""
    args = [normal(2, 3, 4, seed=1), text_of(2, 3, 1, 4), torch.ones(3), 0.5]
    unchanged(S, "objective", args, "logits targets lengths strength")


@hidden.test("objective")
def updates_that_agree(S):
    """the updates of two weights under both recipes, clipped and not"""
    for steps, strength, rate, clip_norm in (
        (35, 0.00245, 1.0, 10.0),
        (20, 0.4, 0.3, 1e9),
        (7, 2.0, 0.1, 0.5),
        (1, 0.1, 2.0, 3.0),
    ):
        settings = S.same_training(strength, rate, clip_norm, steps)
        holds(isinstance(settings, tuple | list) and len(settings) == 3, "same_training should return three numbers")
        loss, penalty = normal(2, seed=steps, dtype=torch.float64), normal(2, seed=steps + 50, dtype=torch.float64)
        theirs = step_of(loss + strength * penalty, rate, clip_norm)
        ours = step_of(loss / steps + settings[0] * penalty, settings[1], settings[2])
        what = f"an update converted for {steps} steps, strength {strength:g}, rate {rate:g}, clip_norm {clip_norm:g}"
        close(ours, theirs, what, tolerance=1e-6, show=False)


def step_of(gradient: Tensor, rate: float, clip_norm: float) -> Tensor:
    return rate * gradient * min(1.0, clip_norm / gradient.norm().item())


# Exercise 7


def dead_of(matrices: list[Tensor]) -> Tensor:
    units = range(matrices[1].shape[1])
    return torch.tensor([all(matrices[m][r, c] == 0 for m, r, c in places(unit, matrices)) for unit in units])


@hidden.test("dead")
def dead_units_of_many_layers(S):
    """layers with dead units, and with units that are nearly dead"""
    for seed, (sizes, dead) in enumerate(zip(SIZES, ((0, 2), (1,), (6, 3, 4), (0,), ()), strict=True)):
        same(
            S.dead_units(*layer_of(*sizes, seed=seed, dead=dead)),
            torch.tensor([u in dead for u in range(sizes[1])]),
            "dead_units",
        )
    for seed in range(12):
        matrices = layer_of(3, 4, 5, seed=seed, dead=(0, 1, 2, 3))
        m, row, column = places(seed % 4, matrices)[(7 * seed) % 40]
        matrices[m][row, column] = -1e-30
        same(S.dead_units(*matrices), dead_of(matrices), "dead_units where a single weight is not zero")


@hidden.test("dead")
def zeros_in_some_places_only(S):
    """units that lack one kind of zeros"""
    for without in range(4):
        matrices = layer_of(3, 4, 5, seed=20 + without)
        for m, row, column in places(2, matrices):
            kind = m if m != 1 or row % 4 == 2 else 3
            if kind != without:
                matrices[m][row, column] = 0
        same(S.dead_units(*matrices), dead_of(matrices), "dead_units where nearly all of a unit is zero")


def stepped(matrices: list[Tensor], threshold: float, dead: Tensor) -> list[Tensor]:
    new = [matrix.clone() for matrix in matrices]
    for matrix in new:
        for row in range(matrix.shape[0]):
            for column in range(matrix.shape[1]):
                if abs(matrix[row, column].item()) < threshold:
                    matrix[row, column] = 0
    for unit in dead.nonzero().flatten().tolist():
        for m, row, column in places(unit, matrices):
            new[m][row, column] = 0
    return [*new, dead | dead_of(new)]


def compare_steps(S, matrices: list[Tensor], threshold: float, dead: Tensor, what: str) -> None:
    found = public.four(S.after_step(*matrices, threshold, dead))
    expected = stepped(matrices, threshold, dead)
    for name, mine, other in zip(("weight_ih", "weight_hh", "reader"), found, expected, strict=False):
        close(mine, other, f"{name} {what}", show=False)
        same(mine == 0, other == 0, f"where {name} is exactly zero {what}")
    same(found[3], expected[3], f"the new mask {what}")


@hidden.test("dead")
def steps_with_a_threshold(S):
    """thresholds of several sizes, nobody dead before"""
    for seed, sizes in enumerate(SIZES):
        for threshold in (0.0, 0.5, 1.5, 9.0):
            nobody = torch.zeros(sizes[1], dtype=torch.bool)
            compare_steps(S, layer_of(*sizes, seed=seed + 90), threshold, nobody, f"after the threshold {threshold:g}")


@hidden.test("dead")
def threshold_itself_stays(S):
    """a weight exactly as large as the threshold, and a negative one"""
    matrices = layer_of(2, 2, 2, seed=1)
    matrices[0][0], matrices[1][1, 0], matrices[2][0, 1] = torch.tensor([0.5, -0.5]), 0.49, -0.51
    compare_steps(S, matrices, 0.5, torch.zeros(2, dtype=torch.bool), "at the threshold")


@hidden.test("dead")
def revived_units_are_silenced(S):
    """units that were dead and have been revived by the update"""
    for seed, sizes in enumerate(SIZES):
        dead = torch.tensor([unit % 3 == 0 for unit in range(sizes[1])])
        for threshold in (0.0, 0.3):
            compare_steps(S, layer_of(*sizes, seed=seed + 95), threshold, dead, "where some were dead before")


@hidden.test("dead")
def readers_of_the_dead(S):
    """units whose only weights read a unit that was dead before, or are read by it"""
    for unit, rows in ((0, (1, 2, 11)), (2, (4, 9, 3)), (3, (0, 5, 10))):
        matrices = [torch.zeros(16, 3), torch.zeros(16, 4), torch.zeros(5, 4)]
        for row in rows:
            matrices[1][row, unit] = 2.0
        matrices[0][unit], matrices[2][1, unit] = 1.0, 1.0
        dead = torch.tensor([number == unit for number in range(4)])
        compare_steps(S, matrices, 0.5, dead, "where living units own only what reads a dead one")


@hidden.test("dead")
def long_after_a_death(S):
    """many updates, one after the other: who has died once is never back"""
    *matrices, dead = *layer_of(3, 5, 4, seed=7, dead=(2,)), torch.zeros(5, dtype=torch.bool)
    expected = [*matrices, dead]
    for step in range(6):
        noise = (
            [0.05 * normal(*matrix.shape, seed=100 * step + i) for i, matrix in enumerate(matrices)]
            if step
            else [0, 0, 0]
        )
        found = public.four(S.after_step(*(m + n for m, n in zip(matrices, noise, strict=True)), 0.01, dead))
        expected = stepped([m + n for m, n in zip(expected[:3], noise, strict=True)], 0.01, expected[3])
        same(found[3], expected[3], f"the mask after update {step + 1}")
        *matrices, dead = found
    for name, mine, other in zip(("weight_ih", "weight_hh", "reader"), matrices, expected, strict=False):
        close(mine, other, f"{name} after six updates", show=False)


@hidden.test("dead")
def after_step_leaves_its_input_alone(S):
    """the tensors stay as they were"""
    args = [*layer_of(3, 5, 7, seed=8), 0.4, torch.tensor([True, False, False, True, False])]
    unchanged(S, "after_step", args, "weight_ih weight_hh reader threshold dead")
    unchanged(S, "dead_units", args[:3], "weight_ih weight_hh reader")


# Exercise 8

NETWORKS = (
    ((4, 5), ((1, 3), (0,))),
    ((5, 4), ((0, 4, 2), (3,))),
    ((6,), ((5, 0),)),
    ((3, 5, 4), ((), (1, 2), (0, 1, 2))),
    ((4, 4, 4), ((0,), (1, 2), (3,))),
    ((3, 3), ((), ())),
)


def same_function(S, units: tuple, dead: tuple, width: int, seed: int) -> None:
    model = public.language_model(words=9, width=width, units=units, seed=seed)
    embedding, layers, softmax, masks = public.with_dead_units(model, dead)
    small = public.small_network(S.cut(layers, softmax, masks), model, masks)
    text = text_of(3, 12, seed, words=9)
    found, expected = public.logits_of(embedding, *small, text), public.logits_of(embedding, layers, softmax, text)
    close(found, expected, f"the logits of a network of {units} units without {dead}", 1e-5, show=False)


@hidden.test("cut")
def cuts_of_many_networks(S):
    """networks of one to three layers, random biases"""
    for seed, (units, dead) in enumerate(NETWORKS):
        same_function(S, units, dead, 2 + seed, 1000 * (seed + 1))


@hidden.test("cut")
def words_as_wide_as_layers(S):
    """word vectors as wide as the layers, so that shapes alone tell nothing"""
    same_function(S, (5, 5), ((4,), (1,)), 5, 77)
    same_function(S, (6, 6), ((0, 1), (4, 5)), 6, 78)


@hidden.test("cut")
def cut_in_double_precision(S):
    """double precision stays double precision"""
    embedding, layers, softmax = public.language_model(seed=900)
    double = (
        embedding.double(),
        [tuple(w.double() for w in layer) for layer in layers],
        tuple(w.double() for w in softmax),
    )
    embedding, layers, softmax, masks = public.with_dead_units(double, [(2,), (4, 0)])
    small = public.small_network(S.cut(layers, softmax, masks), double, masks)
    holds(small[0][0][0].dtype == torch.float64, "a network in float64 should stay in float64")
    text = text_of(2, 8, 5)
    found, expected = public.logits_of(embedding, *small, text), public.logits_of(embedding, layers, softmax, text)
    close(found, expected, "the logits of a network in float64", 1e-10, show=False)


@hidden.test("cut")
def units_that_are_not_dead(S):
    """units that own a weight which is not zero, in each of the places"""
    for which, place in ((0, (2, 0)), (1, (6, 3)), (1, (3, 2)), (2, (4, 2))):
        _, layers, softmax, masks = public.with_dead_units(public.language_model(seed=910), [(2,), (1,)])
        matrix = (layers[0][0], layers[0][1], layers[1][0])[which]
        matrix[place] = 1e-3
        refuses(S, "cut", [layers, softmax, masks], "a unit of the first layer is not dead")
    _, layers, softmax, masks = public.with_dead_units(public.language_model(seed=911), [(2,), (1,)])
    softmax[0][3, 1] = 1e-3
    refuses(S, "cut", [layers, softmax, masks], "a unit of the last layer is not dead")


@hidden.test("cut")
def layers_that_vanish(S):
    """a layer of which nothing would be left"""
    for dead in (((0, 1, 2, 3), (1,)), ((1,), (0, 1, 2, 3, 4))):
        _, layers, softmax, masks = public.with_dead_units(public.language_model(seed=920), dead)
        refuses(S, "cut", [layers, softmax, masks], "nothing would be left of a layer")


@hidden.test("cut")
def cut_leaves_its_input_alone(S):
    """layers, softmax and masks stay as they were"""
    _, layers, softmax, masks = public.with_dead_units(public.language_model(seed=930), [(0, 2), (3,)])
    unchanged(S, "cut", [layers, softmax, masks], "layers softmax dead")


@hidden.test("cut")
def dead_units_that_may_stay(S):
    """dead units that the mask does not name stay"""
    embedding, layers, softmax, masks = public.with_dead_units(public.language_model(seed=940), [(0, 2), (3, 1)])
    masks = [torch.tensor([False, False, True, False]), torch.tensor([False, True, False, False, False])]
    small = public.small_network(S.cut(layers, softmax, masks), (embedding, layers, softmax), masks)
    text = text_of(2, 8, 6)
    found, expected = public.logits_of(embedding, *small, text), public.logits_of(embedding, layers, softmax, text)
    close(found, expected, "the logits of a network of which not all dead units are cut", 1e-5, show=False)
    equal(len(small[0]), 2, "the number of layers")

"""Public tests of lab 2: what `check("...")` in the notebook runs. Nearly all numbers can be verified by hand."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from effdl_lite.checking import Checks, close, equal, holds, refuses, shaped, unchanged

checks = Checks("lab02")
check = checks.check


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pair(result, name: str) -> tuple:
    """What should be two things."""
    two = isinstance(result, tuple | list) and len(result) == 2
    holds(two, f"{name} should return two things, with a comma between them")
    return tuple(result)


# Exercise 1


def step_gives(S, args: list, h: Tensor, c: Tensor, says: tuple[str, str]) -> None:
    """Compares the new (h, c); who has them the other way round is told so."""
    found, expected = pair(S.lstm_step(*args), "lstm_step"), (h, c)
    swapped = all(
        isinstance(mine, Tensor) and mine.shape == other.shape and (mine - other).abs().max() < 1e-4
        for mine, other in zip(found, (c, h), strict=True)
    )
    holds(not swapped, "h and c are right, and in the wrong order: return the pair (h, c)")
    for mine, other, what in zip(found, expected, says, strict=True):
        close(mine, other, what)


@checks.test("lstm_step", hint="hint 2")
def a_step_without_weights(S):
    """no weights and no bias: all gates are half open, the candidate is 0"""
    zeros, one = torch.zeros(4, 1), torch.ones(1, 1)
    says = "the new h, half of tanh(1),", "the new c, half of the old 2,"
    step_gives(S, [zeros, zeros, torch.zeros(4), one, one, 2 * one], 0.5 * one.tanh(), one, says)


@checks.test("lstm_step", hint="hint 2")
def gates_open_and_shut(S):
    """biases that open one gate and shut another, in the order i, f, g, o"""
    zeros, one, bias = torch.zeros(4, 1), torch.ones(1, 1), torch.tensor([100.0, -100.0, 0.5, 0.0])
    c = torch.tensor([[math.tanh(0.5)]])
    says = "the new h", "the new c (the old one is forgotten, the candidate taken in whole)"
    step_gives(S, [zeros, zeros, bias, one, one, 3 * one], 0.5 * c.tanh(), c, says)


@checks.test("lstm_step", hint="hint 2")
def a_step_of_pytorch(S):
    """a batch of two, three inputs, four units: the same as torch.nn.LSTMCell"""
    theirs = torch.nn.LSTMCell(3, 4)
    with torch.no_grad():
        for seed, weight in enumerate(theirs.parameters()):
            weight.copy_(normal(*weight.shape, seed=seed))
        x, h, c = normal(2, 3, seed=5), normal(2, 4, seed=6), normal(2, 4, seed=7)
        expected = theirs(x, (h, c))
    ih, hh, first, second = [weight.detach() for weight in theirs.parameters()]
    step_gives(S, [ih, hh, first + second, x, h, c], *expected, ("the new h", "the new c"))


@checks.test("lstm_step")
def a_step_changes_nothing(S):
    """the tensors stay as they were"""
    args = [normal(8, 3, seed=1), normal(8, 2, seed=2), normal(8, seed=3), normal(1, 3, seed=4)]
    unchanged(S, "lstm_step", [*args, normal(1, 2, seed=5), normal(1, 2, seed=6)], "weight_ih weight_hh bias x h c")


# Exercise 2. Without layers the model is a table: the logits of the next word depend on the last word alone. Here they
# do not even depend on that: word 0 has probability 3/4, word 1 has 1/4.
TABLE = (torch.zeros(2, 1), [], (torch.zeros(2, 1), torch.tensor([math.log(3.0), 0.0])))


@checks.test("perplexity", hint="hint 2")
def three_words_to_predict(S):
    """a model that always says 3/4 and 1/4, and the text 1 0 1 0 in one chunk: two words at 3/4, one at 1/4"""
    (found,) = so_far(S.perplexity_so_far(*TABLE, torch.tensor([[1, 0, 1, 0]]), 3), 1)
    close(found, math.exp((2 * math.log(4 / 3) + math.log(4)) / 3), "the perplexity")


@checks.test("perplexity", hint="hint 2")
def chunks_of_words(S):
    """the same in chunks of two words, of which the last holds only one: a number for each"""
    found = so_far(S.perplexity_so_far(*TABLE, torch.tensor([[1, 0, 1, 0]]), 2), 2)
    close(found[0], math.exp((math.log(4 / 3) + math.log(4)) / 2), "the perplexity after the first chunk")
    close(found[1], math.exp((2 * math.log(4 / 3) + math.log(4)) / 3), "the perplexity after all three words")


@checks.test("perplexity", hint="hint 1")
def words_that_follow(S):
    """a model that is sure that word 1 follows 0, and 0 follows 1"""
    model = (torch.eye(2), [], (torch.tensor([[0.0, 20.0], [20.0, 0.0]]), torch.zeros(2)))
    for value in so_far(S.perplexity_so_far(*model, torch.tensor([[0, 1, 0, 1], [1, 0, 1, 0]]), 2), 2):
        close(value, 1.0, "the perplexity")


@checks.test("perplexity", hint="hint 3")
def chunks_do_not_matter(S):
    """two LSTM layers, eleven words to predict: the last number is the same for chunks of 4, 5, 1 and 50 words"""
    model, text = language_model(), torch.randint(7, (3, 12), generator=torch.Generator().manual_seed(9))
    (whole,) = so_far(S.perplexity_so_far(*model, text, 50), 1)
    for steps, count in ((4, 3), (5, 3), (1, 11)):
        found = so_far(S.perplexity_so_far(*model, text, steps), count)
        close(found[-1], whole, f"the last perplexity in chunks of {steps}, as in one chunk,")


@checks.test("perplexity", hint="hint 2")
def up_to_a_chunk(S):
    """each number is that of the text up to there"""
    model, text = language_model(), torch.randint(7, (3, 12), generator=torch.Generator().manual_seed(9))
    for number, value in enumerate(so_far(S.perplexity_so_far(*model, text, 4), 3), 1):
        (alone,) = so_far(S.perplexity_so_far(*model, text[:, : 4 * number + 1], 50), 1)
        close(value, alone, f"number {number} in chunks of 4, as for the text cut off there,")


def so_far(result, count: int) -> list:
    """What perplexity_so_far should return: a number for each chunk."""
    found = list(result) if isinstance(result, tuple | list) or (isinstance(result, Tensor) and result.dim()) else None
    holds(found is not None, "perplexity_so_far should return a list, with a number for each chunk")
    holds(len(found) == count, f"there should be {count} numbers, one for each chunk, and there are {len(found)}")
    return found


def language_model(words: int = 7, width: int = 3, units: tuple[int, ...] = (4, 5), seed: int = 20, scale: float = 1.5):
    """A random language model as plain tensors: embedding, layers, softmax."""
    layers, below = [], width
    for number, count in enumerate(units):
        shapes = ((4 * count, below), (4 * count, count), (4 * count,))
        layers.append(tuple(scale * normal(*shape, seed=seed + 10 * number + i) for i, shape in enumerate(shapes)))
        below = count
    softmax = scale * normal(words, below, seed=seed + 5), normal(words, seed=seed + 6)
    return normal(words, width, seed=seed + 7), layers, softmax


# Exercise 3: three units, two inputs; the first reader has four rows and begins with unit 0, the second has two rows,
# and unit 0 is its column 1.
IH, HH = torch.ones(12, 2), torch.ones(12, 3)
READERS = [(torch.ones(4, 3), 0), (torch.ones(2, 5), 1)]


@checks.test("owned", hint="hint 1")
def rows_of_weight_ih(S):
    """the mask of weight_ih: four rows"""
    masks = masks_of(S.owned(1, IH, HH, READERS), 4)
    rows = [row in (1, 4, 7, 10) for row in range(12)]
    marked(masks[0], torch.tensor([rows, rows]).T, "the mask of weight_ih for unit 1 of three")


@checks.test("owned", hint="hint 1")
def a_cross_in_weight_hh(S):
    """the mask of weight_hh: four rows and a column"""
    masks = masks_of(S.owned(1, IH, HH, READERS), 4)
    cross = torch.tensor([[row in (1, 4, 7, 10), True, row in (1, 4, 7, 10)] for row in range(12)])
    marked(masks[1], cross, "the mask of weight_hh for unit 1 of three")


@checks.test("owned")
def a_column_of_every_reader(S):
    """the masks of two readers: column k, and column 1 + k"""
    masks = masks_of(S.owned(2, IH, HH, READERS), 4)
    marked(masks[2], torch.tensor([[False, False, True]] * 4), "the mask of the first reader for unit 2")
    marked(masks[3], torch.tensor([[False, False, False, True, False]] * 2), "the mask of the second reader for unit 2")


@checks.test("owned")
def units_that_do_not_exist(S):
    """of three units, numbers 3 and -1 do not exist"""
    for unit in (3, -1):
        refuses(S, "owned", [unit, IH, HH, READERS], f"there is no unit {unit}")


@checks.test("owned", hint="hint 2")
def sizes_of_groups(S):
    """the number of weights: 4 rows of 2, 4 rows and a column that cross four times, columns of 4 and of 2"""
    close(S.group_size(2, 3, [4, 2]), 8 + 12 + 12 - 4 + 6, "group_size(2, 3, [4, 2])")
    close(S.group_size(2, 3, [4, 2], double_count=True), 38, "the same with double_count")
    close(S.group_size(5, 7, []), 20 + 28 + 28 - 4, "group_size(5, 7, []), a layer that nobody reads")


@checks.test("owned")
def owned_changes_nothing(S):
    """the matrices stay as they were"""
    unchanged(S, "owned", [1, IH, HH, READERS], "unit weight_ih weight_hh readers")


def marked(found, expected: Tensor, what: str) -> None:
    """A mask of booleans that agrees everywhere."""
    shaped(found, expected.shape, what)
    holds(found.dtype == torch.bool, f"{what} should hold booleans (torch.bool), and holds {found.dtype}")
    for row, column in (found != expected).nonzero().tolist()[:1]:
        wish = expected[row, column].item()
        holds(False, f"{what} should be {wish} at row {row}, column {column}, and is {not wish}")


def masks_of(result, count: int) -> list[Tensor]:
    """What `owned` should return: a list of masks."""
    holds(isinstance(result, list | tuple), "owned should return a list of masks")
    holds(len(result) == count, f"owned should return {count} masks, one for each matrix, and returned {len(result)}")
    return list(result)


# Exercise 4: three units, two inputs, a reader of four rows. Unit 0 owns 1, 2, -2, 4 in weight_ih (their squares make
# 25), the crossing 3, the 1 in its column of weight_hh, and a 1 in the reader: 36 in all. Unit 1 owns that same 1 of
# weight_hh by its row, a 2 in weight_ih and a 2 in the reader: 9. Unit 2 owns only zeros.
WEIGHT_IH, WEIGHT_HH, READER = torch.zeros(12, 2), torch.zeros(12, 3), torch.zeros(4, 3)
WEIGHT_IH[0], WEIGHT_IH[3, 0], WEIGHT_IH[6, 1], WEIGHT_IH[10, 1] = torch.tensor([1.0, 2.0]), -2, 4, 2
WEIGHT_HH[0, 0], WEIGHT_HH[4, 0] = 3, 1
READER[2, 0], READER[0, 1] = 1, 2
LAYER = (WEIGHT_IH, WEIGHT_HH, READER)


@checks.test("penalty", hint="hint 3")
def three_sums_of_squares(S):
    """three units: 25 + 9 + 1 + 1, 1 + 4 + 4, and 0"""
    close(S.unit_squares(*LAYER), torch.tensor([36.0, 9.0, 0.0]), "unit_squares")


@checks.test("penalty", hint="hint 2")
def crossings_twice(S):
    """the same with the crossing weight 3 counted twice"""
    close(S.unit_squares(*LAYER, double_count=True), torch.tensor([45.0, 9.0, 0.0]), "unit_squares with double_count")


@checks.test("penalty", hint="hint 2")
def a_crossing_in_the_third_gate(S):
    """and a crossing weight of unit 1 in the third gate, a 2: it counts once, or twice"""
    hh = WEIGHT_HH.clone()
    hh[7, 1] = 2
    layer = [WEIGHT_IH, hh, READER]
    close(S.unit_squares(*layer), torch.tensor([36.0, 13.0, 0.0]), "unit_squares")
    close(S.unit_squares(*layer, double_count=True), torch.tensor([45.0, 17.0, 0.0]), "unit_squares with double_count")


@checks.test("penalty")
def lengths_six_and_three(S):
    """the penalty with strength 0.5 and no epsilon: 0.5 x (6 + 3 + 0)"""
    close(S.iss_penalty(*LAYER, 0.5, epsilon=0.0), 4.5, "the penalty")
    twice = 0.5 * (math.sqrt(45) + 3)
    close(S.iss_penalty(*LAYER, 0.5, epsilon=0.0, double_count=True), twice, "the penalty with double_count")


@checks.test("penalty", hint="hint 4")
def epsilon_in_the_root(S):
    """epsilon 13 makes the roots of 49, 22 and 13"""
    expected = 7 + math.sqrt(22) + math.sqrt(13)
    close(S.iss_penalty(*LAYER, 1.0, epsilon=13.0), expected, "the penalty with strength 1 and epsilon 13")
    dead = [torch.zeros_like(weight) for weight in LAYER]
    close(S.iss_penalty(*dead, 1000.0), 0.3, "the penalty of three dead units, strength 1000, epsilon 1e-8")


@checks.test("penalty", hint="hint 4")
def autograd_of_the_penalty(S):
    """autograd finds the gradient, also beside a dead unit"""
    gradient = S.gradient("iss_penalty", [*LAYER, 6.0], wrt=2)
    shaped(gradient, (4, 3), "the gradient with respect to reader")
    expected = torch.zeros(4, 3)
    expected[2, 0], expected[0, 1] = 1.0, 4.0
    close(gradient, expected, "the gradient with respect to reader, strength 6")


# Exercise 5: with strength 18 the factors are 18 / 6 = 3 for unit 0, 18 / 3 = 6 for unit 1.


@checks.test("penalty_gradient", hint="hint 1")
def gradient_of_rows(S):
    """strength 18: the rows of unit 0 in weight_ih times 3, those of unit 1 times 6"""
    ih, _, _ = gradients(S.penalty_gradient(*LAYER, 18.0))
    factors = torch.tensor([3.0, 6.0, 0.0]).repeat(4)[:, None]
    close(ih, WEIGHT_IH * factors, "the gradient of weight_ih")


@checks.test("penalty_gradient", hint="hint 1")
def gradient_of_the_reader(S):
    """the columns of the reader likewise"""
    _, _, reader = gradients(S.penalty_gradient(*LAYER, 18.0))
    close(reader, READER * torch.tensor([3.0, 6.0, 0.0]), "the gradient of reader")


@checks.test("penalty_gradient", hint="hint 2")
def gradient_of_two_groups(S):
    """in weight_hh the crossing 3 is pulled once, the 1 by both of its units: 3 x 3 and 1 x (6 + 3)"""
    _, hh, _ = gradients(S.penalty_gradient(*LAYER, 18.0))
    expected = torch.zeros(12, 3)
    expected[0, 0], expected[4, 0] = 9.0, 9.0
    close(hh, expected, "the gradient of weight_hh")


@checks.test("penalty_gradient", hint="hint 2")
def gradient_with_double_count(S):
    """with double_count the length of unit 0 is the root of 45, and the crossing is pulled twice"""
    _, hh, _ = gradients(S.penalty_gradient(*LAYER, 18.0, double_count=True))
    factor = 18 / math.sqrt(45)
    expected = torch.zeros(12, 3)
    expected[0, 0], expected[4, 0] = 3 * 2 * factor, factor + 6
    close(hh, expected, "the gradient of weight_hh with double_count")


@checks.test("penalty_gradient", hint="hint 3")
def gradient_without_epsilon(S):
    """epsilon 0: finite in all three, and zero for the dead unit; epsilon 13: the roots are 7 and the root of 22"""
    for epsilon, first, second in ((0.0, 6.0, 3.0), (13.0, 7.0, math.sqrt(22))):
        found = gradients(S.penalty_gradient(*LAYER, 18.0, epsilon=epsilon))
        factors = torch.tensor([18 / first, 18 / second, 0.0])
        hh = torch.zeros(12, 3)
        hh[0, 0], hh[4, 0] = 3 * factors[0], factors[0] + factors[1]
        expected = (WEIGHT_IH * factors.repeat(4)[:, None], hh, READER * factors)
        for name, mine, other in zip(("weight_ih", "weight_hh", "reader"), found, expected, strict=True):
            close(mine, other, f"the gradient of {name} with epsilon {epsilon:g}")


@checks.test("penalty_gradient")
def gradient_changes_nothing(S):
    """the tensors stay as they were"""
    unchanged(S, "penalty_gradient", [*LAYER, 18.0], "weight_ih weight_hh reader")


def gradients(result) -> tuple:
    """What penalty_gradient should return: three tensors."""
    three = isinstance(result, tuple | list) and len(result) == 3
    holds(three, "penalty_gradient should return three tensors: for weight_ih, weight_hh, reader")
    return tuple(result)


# Exercise 6: logits of zeros give each of the four words 1/4, a loss of ln 4.


@checks.test("objective", hint="hint 1")
def loss_without_lengths(S):
    """lengths of 0: the loss alone, a mean per word"""
    logits, targets = normal(2, 3, 4, seed=1), torch.tensor([[0, 1, 2], [3, 0, 1]])
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    close(S.objective(logits, targets, torch.zeros(5), 7.0), expected, "the objective with lengths of 0")


@checks.test("objective", hint="hint 2")
def penalty_in_proportion(S):
    """two streams of three steps, four words of equal chance, lengths 1 and 2, strength 6"""
    authors = 2 * 3 * math.log(4) / 2 + 6 * (1 + 2)
    found = S.objective(torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long), torch.tensor([1.0, 2.0]), 6.0)
    close(found, authors / 3, "the objective, here a third of the authors',")


@checks.test("objective", hint="hint 2")
def penalty_for_one_step(S):
    """five streams of one step: a sum over one step is a mean over one step"""
    found = S.objective(torch.zeros(5, 1, 4), torch.zeros(5, 1, dtype=torch.long), torch.tensor([3.0]), 2.0)
    close(found, math.log(4) + 6, "the objective")


@checks.test("objective")
def gradient_of_the_lengths(S):
    """autograd finds the gradient with respect to the lengths: strength 6 over three steps"""
    args = [torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long), torch.tensor([1.0, 2.0]), 6.0]
    close(S.gradient("objective", args, wrt=2), torch.tensor([2.0, 2.0]), "the gradient of the lengths")


@checks.test("objective", hint="hint 3")
def the_same_update(S):
    """one weight, 35 steps: both recipes update it by the same amount, without a penalty, with it, and clipped"""
    loss = 6.0  # the derivative of the authors' loss, and `lengths` that of the sum of all lengths
    for lengths, clip_norm, says in (
        (0.0, 50.0, "without a penalty, and not clipped"),
        (100.0, 50.0, "with the penalty, and not clipped"),
        (100.0, 2.0, "with the penalty, and clipped"),
    ):
        settings = S.same_training(0.07, 1.5, clip_norm, 35)
        three = isinstance(settings, tuple | list) and len(settings) == 3
        holds(three, "same_training should return three numbers: strength, rate, clip_norm")
        strength, rate, clip = settings
        theirs = 1.5 * min(loss + 0.07 * lengths, clip_norm)
        ours = rate * min(loss / 35 + strength * lengths, clip)
        what = f"the update {says} (the authors' strength 0.07, rate 1.5, clip_norm {clip_norm:g}),"
        close(ours, theirs, what)


# Exercise 7: three units, of which only the last owns nothing but zeros.


@checks.test("dead", hint="hint 1")
def only_the_last_is_dead(S):
    """the layer of exercise 4: only unit 2 is dead"""
    equal(S.dead_units(*LAYER), torch.tensor([False, False, True]), "dead_units")


@checks.test("dead", hint="hint 1")
def one_weight_keeps_alive(S):
    """a single weight that is not zero, however small and wherever it is, keeps its unit alive"""
    for which, place, name in (
        (0, (8, 1), "weight_ih"),
        (1, (5, 2), "weight_hh"),
        (1, (3, 2), "weight_hh"),
        (2, (1, 2), "reader"),
    ):
        layer = [weight.clone() for weight in LAYER]
        layer[which][place] = 1e-30
        alone = f"a weight of 1e-30 at {place} of {name} (not zero, though its square is: float32 ends at 1e-45)"
        equal(S.dead_units(*layer), torch.zeros(3, dtype=torch.bool), f"dead_units where unit 2 owns {alone}")


@checks.test("dead", hint="hint 2")
def threshold_of_single_weights(S):
    """threshold 2: what is smaller in size becomes zero, 2 and -2 stay"""
    ih, hh, reader, dead = four(S.after_step(*LAYER, 2.0, torch.zeros(3, dtype=torch.bool)))
    for found, weight, name in ((ih, WEIGHT_IH, "weight_ih"), (hh, WEIGHT_HH, "weight_hh"), (reader, READER, "reader")):
        close(found, weight * (weight.abs() >= 2), name)
    equal(dead, torch.tensor([False, False, True]), "the new mask")


@checks.test("dead", hint="hint 3")
def the_dead_stay_dead(S):
    """unit 0 was dead, and the update has revived it: it is silenced, and dead again"""
    ih, hh, reader, dead = four(S.after_step(*LAYER, 0.0, torch.tensor([True, False, False])))
    expected = [torch.zeros_like(weight) for weight in LAYER]
    expected[0][10, 1], expected[2][0, 1] = 2, 2
    for found, weight, name in zip((ih, hh, reader), expected, ("weight_ih", "weight_hh", "reader"), strict=True):
        close(found, weight, name)
    equal(dead, torch.tensor([True, False, True]), "the new mask")


@checks.test("dead", hint="hint 3")
def those_that_die_now(S):
    """threshold 3: unit 1 dies, unit 0 does not"""
    *_, dead = four(S.after_step(*LAYER, 3.0, torch.zeros(3, dtype=torch.bool)))
    equal(dead, torch.tensor([False, True, True]), "the new mask")


@checks.test("dead", hint="hint 3")
def the_last_weight_reads_a_dead_unit(S):
    """unit 1 owns one weight, which reads unit 0; that was dead, and is silenced: now both are dead"""
    ih, hh, reader = torch.tensor([1.0, 0, 0, 0, 0, 0, 0, 0])[:, None], torch.zeros(8, 2), torch.zeros(1, 2)
    hh[1, 0] = 5.0
    *matrices, dead = four(S.after_step(ih, hh, reader, 0.5, torch.tensor([True, False])))
    for found, name in zip(matrices, ("weight_ih", "weight_hh", "reader"), strict=True):
        holds(type(found) is Tensor and not found.any(), f"{name} should hold nothing but zeros")
    equal(dead, torch.tensor([True, True]), "the new mask, taken after both steps,")


@checks.test("dead", hint="hint 2")
def after_step_changes_nothing(S):
    """the tensors that it gets stay as they were"""
    args = [*LAYER, 2.0, torch.tensor([True, False, False])]
    unchanged(S, "after_step", args, "weight_ih weight_hh reader threshold dead")


def four(result) -> tuple:
    """What after_step should return."""
    good = isinstance(result, tuple | list) and len(result) == 4
    holds(good, "after_step should return four tensors: weight_ih, weight_hh, reader, dead")
    return tuple(result)


# Exercise 8: a language model with dead units 1 and 3 of the first layer, 0 of the second.


def with_dead_units(model, dead):
    """The model, with zeros in all that the dead units own, and a mask of the dead for each layer."""
    embedding, layers, softmax = model
    layers, softmax = [[weight.clone() for weight in layer] for layer in layers], [weight.clone() for weight in softmax]
    masks = []
    for number, gone in enumerate(dead):
        ih, hh, _ = layers[number]
        reader = layers[number + 1][0] if number + 1 < len(layers) else softmax[0]
        for unit in gone:
            ih[unit :: hh.shape[1]], hh[unit :: hh.shape[1]] = 0, 0
            hh[:, unit], reader[:, unit] = 0, 0
        masks.append(torch.tensor([unit in gone for unit in range(hh.shape[1])]))
    return embedding, [tuple(layer) for layer in layers], tuple(softmax), masks


def logits_of(embedding, layers, softmax, text: Tensor) -> Tensor:
    """Logits of a model made of plain tensors, with PyTorch's own LSTM."""
    x = embedding[text]
    for ih, hh, bias in layers:
        lstm = torch.nn.LSTM(ih.shape[1], hh.shape[1], batch_first=True, dtype=ih.dtype)
        with torch.no_grad():
            for weight, value in zip(lstm.parameters(), (ih, hh, bias, torch.zeros_like(bias)), strict=True):
                weight.copy_(value)
            x = lstm(x)[0]
    return x @ softmax[0].T + softmax[1]


def small_network(result, model, masks) -> tuple:
    """What cut should return, checked for its form and the shapes of its tensors: layers, softmax."""
    layers, softmax = pair(result, "cut")
    form = isinstance(layers, list | tuple) and all(
        isinstance(layer, list | tuple) and len(layer) == 3 for layer in layers
    )
    holds(form, "the first thing that cut returns should be a list of triples (weight_ih, weight_hh, bias)")
    holds(len(layers) == len(masks), f"there should be {len(masks)} layers, and there are {len(layers)}")
    weight, bias = pair(softmax, "the softmax of cut")
    below = model[0].shape[1]
    for number, (layer, mask) in enumerate(zip(layers, masks, strict=True), 1):
        left = int((~mask).sum())
        shapes = ((4 * left, below), (4 * left, left), (4 * left,))
        for part, shape, name in zip(layer, shapes, ("weight_ih", "weight_hh", "bias"), strict=True):
            shaped(part, shape, f"{name} of layer {number}")
        below = left
    shaped(weight, (model[2][0].shape[0], below), "the weight of the softmax")
    shaped(bias, model[2][1].shape, "the bias of the softmax")
    return list(layers), (weight, bias)


@checks.test("cut", hint="hint 1")
def shapes_after_the_cut(S):
    """4 and 5 units, of which 2 and 1 are dead: the shapes of what is left"""
    embedding, layers, softmax, masks = with_dead_units(language_model(), [(1, 3), (0,)])
    small_network(S.cut(layers, softmax, masks), (embedding, layers, softmax), masks)


@checks.test("cut", hint="hint 2")
def the_same_logits(S):
    """the logits of a text are what they were"""
    embedding, layers, softmax, masks = with_dead_units(language_model(), [(1, 3), (0,)])
    small = small_network(S.cut(layers, softmax, masks), (embedding, layers, softmax), masks)
    text = torch.arange(14).view(2, 7) % 7
    close(logits_of(embedding, *small, text), logits_of(embedding, layers, softmax, text), "the logits after the cut")


@checks.test("cut", hint="hint 3")
def three_layers(S):
    """three layers, of which the middle one keeps all units"""
    model = language_model(units=(3, 4, 5), seed=60)
    embedding, layers, softmax, masks = with_dead_units(model, [(0,), (), (4, 1)])
    small = small_network(S.cut(layers, softmax, masks), model, masks)
    text = torch.arange(14).view(2, 7) % 7
    close(logits_of(embedding, *small, text), logits_of(embedding, layers, softmax, text), "the logits after the cut")


@checks.test("cut", hint="hint 1")
def layers_of_one_size(S):
    """word vectors and layers of the same size, so that a wrong mask would fit too"""
    model = language_model(width=4, units=(4, 4), seed=80)
    embedding, layers, softmax, masks = with_dead_units(model, [(1, 3), (0, 3)])
    small = small_network(S.cut(layers, softmax, masks), model, masks)
    text = torch.arange(14).view(2, 7) % 7
    close(logits_of(embedding, *small, text), logits_of(embedding, layers, softmax, text), "the logits after the cut")


@checks.test("cut")
def dead_units_without_a_mark(S):
    """units 0 and 2 of the first layer are dead, and the mask names only unit 2: unit 0 stays"""
    model = language_model(seed=70)
    _, layers, softmax, masks = with_dead_units(model, [(0, 2), (1,)])
    masks[0][0] = False
    small_network(S.cut(layers, softmax, masks), model, masks)


@checks.test("cut")
def units_that_live(S):
    """a unit that is not dead is refused, and a layer of which nothing would be left"""
    _, layers, softmax, masks = with_dead_units(language_model(), [(1, 3), (0,)])
    alive = [masks[0], torch.tensor([True, True, False, False, False])]
    refuses(S, "cut", [layers, softmax, alive], "unit 1 of the second layer is not dead")
    _, layers, softmax, masks = with_dead_units(language_model(), [(1,), (0, 1, 2, 3, 4)])
    refuses(S, "cut", [layers, softmax, masks], "nothing would be left of the second layer")


@checks.test("cut")
def cut_changes_nothing(S):
    """layers, softmax and masks stay as they were"""
    _, layers, softmax, masks = with_dead_units(language_model(), [(1, 3), (0,)])
    unchanged(S, "cut", [layers, softmax, masks], "layers softmax dead")

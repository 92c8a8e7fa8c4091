"""The answer bank of lab 2: wrong answers that its tests must reject, and right ones that they must accept.

Read, not run: each function is put in place of the student's, next to the solutions of the other exercises.
"""

# Written as students write: with names of the notebook, and with habits that our own code does not have.
# ruff: noqa: B007, B905, F821, RUF005, RUF059

import math

import torch
from torch.nn import functional as F

from grading.bank import right, wrong

# Exercise 1


@wrong("lstm_step")
def order_of_the_formula(weight_ih, weight_hh, bias, x, h, c):
    """takes the gates in the order i, f, o, g"""
    i, f, o, g = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@wrong("lstm_step")
def order_of_tensorflow(weight_ih, weight_hh, bias, x, h, c):
    """takes the gates in TensorFlow's order i, g, f, o"""
    i, g, f, o = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@wrong("lstm_step")
def gates_interleaved(weight_ih, weight_hh, bias, x, h, c):
    """takes four neighbouring rows for the gates of one unit"""
    gates = (x @ weight_ih.T + h @ weight_hh.T + bias).unflatten(1, (-1, 4))
    i, f, g, o = gates.unbind(2)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@wrong("lstm_step")
def no_tanh_of_the_cell(weight_ih, weight_hh, bias, x, h, c):
    """shows the cell as it is"""
    i, f, g, o = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c, c


@wrong("lstm_step")
def candidate_as_a_gate(weight_ih, weight_hh, bias, x, h, c):
    """sigmoid for the candidate too"""
    i, f, g, o = (x @ weight_ih.T + h @ weight_hh.T + bias).sigmoid().chunk(4, dim=1)
    c = f * c + i * g
    return o * c.tanh(), c


@wrong("lstm_step")
def old_cell_shown(weight_ih, weight_hh, bias, x, h, c):
    """shows the old cell"""
    i, f, g, o = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    new = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), new


@wrong("lstm_step")
def no_recurrence(weight_ih, weight_hh, bias, x, h, c):
    """forgets what the layer said before"""
    i, f, g, o = (x @ weight_ih.T + bias).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@wrong("lstm_step")
def cell_first(weight_ih, weight_hh, bias, x, h, c):
    """returns (c, h)"""
    i, f, g, o = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return c, o.sigmoid() * c.tanh()


@wrong("lstm_step")
def coupled_gates(weight_ih, weight_hh, bias, x, h, c):
    """takes one minus the forget gate for the input gate"""
    i, f, g, o = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    c = f.sigmoid() * c + (1 - f.sigmoid()) * g.tanh()
    return o.sigmoid() * c.tanh(), c


@wrong("lstm_step")
def cell_in_place(weight_ih, weight_hh, bias, x, h, c):
    """writes the new cell over the old one"""
    i, f, g, o = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    c *= f.sigmoid()
    c += i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@wrong("lstm_step")
def not_transposed(weight_ih, weight_hh, bias, x, h, c):
    """multiplies by the matrices from the wrong side, after a reshape"""
    gates = x @ weight_ih.reshape(x.shape[1], -1) + h @ weight_hh.reshape(h.shape[1], -1) + bias
    i, f, g, o = gates.chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@right("lstm_step")
def one_call_of_pytorch(weight_ih, weight_hh, bias, x, h, c):
    """PyTorch's own step, which the task allows"""
    return torch.lstm_cell(x, (h, c), weight_ih, weight_hh, bias, torch.zeros_like(bias))


@right("lstm_step")
def gate_by_gate(weight_ih, weight_hh, bias, x, h, c):
    """one gate after the other, by slices"""
    n = h.shape[1]

    def part(q):
        rows = slice(q * n, (q + 1) * n)
        return x @ weight_ih[rows].T + h @ weight_hh[rows].T + bias[rows]

    new = torch.sigmoid(part(1)) * c + torch.sigmoid(part(0)) * torch.tanh(part(2))
    return torch.sigmoid(part(3)) * torch.tanh(new), new


@right("lstm_step")
def with_linear_and_a_list(weight_ih, weight_hh, bias, x, h, c):
    """F.linear, a view of four gates, and a list as result"""
    gates = F.linear(torch.cat([x, h], dim=1), torch.cat([weight_ih, weight_hh], dim=1), bias).view(len(x), 4, -1)
    opened = torch.sigmoid(gates)
    c = opened[:, 1] * c + opened[:, 0] * torch.tanh(gates[:, 2])
    return [opened[:, 3] * torch.tanh(c), c]


# Exercise 2


@wrong("perplexity", function="perplexity_so_far")
def mean_of_perplexities(embedding, layers, softmax, text, steps):
    """the mean of the perplexities of the chunks so far"""
    inputs, targets, states = text[:, :-1], text[:, 1:], fresh_states(layers, len(text))
    total, found = 0.0, []
    for start in range(0, inputs.shape[1], steps):
        logits, states = read(embedding, layers, softmax, inputs[:, start : start + steps], states)
        total += F.cross_entropy(logits.flatten(0, 1), targets[:, start : start + steps].flatten()).exp().item()
        found.append(total / (len(found) + 1))
    return found


@wrong("perplexity", function="perplexity_so_far")
def chunks_of_one_weight(embedding, layers, softmax, text, steps):
    """the mean of the chunks' means, so that a short last chunk counts as much as the others"""
    inputs, targets, states = text[:, :-1], text[:, 1:], fresh_states(layers, len(text))
    total, found = 0.0, []
    for start in range(0, inputs.shape[1], steps):
        logits, states = read(embedding, layers, softmax, inputs[:, start : start + steps], states)
        total += F.cross_entropy(logits.flatten(0, 1), targets[:, start : start + steps].flatten()).item()
        found.append(math.exp(total / (len(found) + 1)))
    return found


@wrong("perplexity", function="perplexity_so_far")
def state_thrown_away(embedding, layers, softmax, text, steps):
    """begins every chunk with an empty state"""
    inputs, targets, nats, count, found = text[:, :-1], text[:, 1:], 0.0, 0, []
    for start in range(0, inputs.shape[1], steps):
        states = fresh_states(layers, len(text))
        logits, _ = read(embedding, layers, softmax, inputs[:, start : start + steps], states)
        goal = targets[:, start : start + steps].flatten()
        nats += F.cross_entropy(logits.flatten(0, 1), goal, reduction="sum").item()
        count += goal.numel()
        found.append(math.exp(nats / count))
    return found


@wrong("perplexity", function="perplexity_so_far")
def last_chunk_left_out(embedding, layers, softmax, text, steps):
    """leaves out a last chunk that is not whole"""
    inputs, targets, states, nats, count = text[:, :-1], text[:, 1:], fresh_states(layers, len(text)), 0.0, 0
    found = []
    for start in range(0, inputs.shape[1] - steps + 1, steps):
        logits, states = read(embedding, layers, softmax, inputs[:, start : start + steps], states)
        goal = targets[:, start : start + steps].flatten()
        nats += F.cross_entropy(logits.flatten(0, 1), goal, reduction="sum").item()
        count += goal.numel()
        found.append(math.exp(nats / count))
    return found


@wrong("perplexity", function="perplexity_so_far")
def last_chunk_counted_as_whole(embedding, layers, softmax, text, steps):
    """divides as if every chunk had as many words as the first"""
    states, nats, count, found = fresh_states(layers, len(text)), 0.0, 0, []
    for words, goal in zip(text[:, :-1].split(steps, dim=1), text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        nats += F.cross_entropy(logits.flatten(0, 1), goal.flatten(), reduction="sum").item()
        count += len(text) * steps
        found.append(math.exp(nats / count))
    return found


@wrong("perplexity", function="perplexity_so_far")
def steps_ignored(embedding, layers, softmax, text, steps):
    """reads the whole text at once, whatever steps says"""
    logits, _ = read(embedding, layers, softmax, text[:, :-1], fresh_states(layers, len(text)))
    return [F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten()).exp().item()]


@wrong("perplexity", function="perplexity_so_far")
def word_by_word(embedding, layers, softmax, text, steps):
    """chunks of one word, whatever it is asked for"""
    states, nats, found = fresh_states(layers, len(text)), 0.0, []
    for n in range(text.shape[1] - 1):
        logits, states = read(embedding, layers, softmax, text[:, n : n + 1], states)
        nats += F.cross_entropy(logits[:, 0], text[:, n + 1], reduction="sum").item()
        found.append(math.exp(nats / (len(text) * (n + 1))))
    return found


@wrong("perplexity", function="perplexity_so_far")
def each_chunk_by_itself(embedding, layers, softmax, text, steps):
    """the perplexity of each chunk, not of all words so far"""
    states, found = fresh_states(layers, len(text)), []
    for words, goal in zip(text[:, :-1].split(steps, dim=1), text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        found.append(F.cross_entropy(logits.flatten(0, 1), goal.flatten()).exp().item())
    return found


@wrong("perplexity", function="perplexity_so_far")
def only_the_whole_text(embedding, layers, softmax, text, steps):
    """the perplexity of the whole text, once for each chunk"""
    states, nats, count = fresh_states(layers, len(text)), 0.0, 0
    chunks = text[:, :-1].split(steps, dim=1)
    for words, goal in zip(chunks, text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        nats += F.cross_entropy(logits.flatten(0, 1), goal.flatten(), reduction="sum").item()
        count += goal.numel()
    return [math.exp(nats / count)] * len(chunks)


@wrong("perplexity", function="perplexity_so_far")
def predicts_the_word_it_read(embedding, layers, softmax, text, steps):
    """the word itself as its target"""
    states, nats, count, found = fresh_states(layers, len(text)), 0.0, 0, []
    for words in text[:, :-1].split(steps, dim=1):
        logits, states = read(embedding, layers, softmax, words, states)
        nats += F.cross_entropy(logits.flatten(0, 1), words.flatten(), reduction="sum").item()
        count += words.numel()
        found.append(math.exp(nats / count))
    return found


@wrong("perplexity", function="perplexity_so_far")
def first_word_of_a_chunk_lost(embedding, layers, softmax, text, steps):
    """cuts the text first, so that the first word of each chunk is never predicted"""
    states, nats, count, found = fresh_states(layers, len(text)), 0.0, 0, []
    for start in range(0, text.shape[1] - 1, steps + 1):
        chunk = text[:, start : start + steps + 1]
        if chunk.shape[1] < 2:
            break
        logits, states = read(embedding, layers, softmax, chunk[:, :-1], states)
        nats += F.cross_entropy(logits.flatten(0, 1), chunk[:, 1:].flatten(), reduction="sum").item()
        count += chunk[:, 1:].numel()
        found.append(math.exp(nats / count))
    return found


@wrong("perplexity", function="perplexity_so_far")
def loss_instead(embedding, layers, softmax, text, steps):
    """the mean loss, without exp"""
    states, nats, count, found = fresh_states(layers, len(text)), 0.0, 0, []
    for words, goal in zip(text[:, :-1].split(steps, dim=1), text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        nats += F.cross_entropy(logits.flatten(0, 1), goal.flatten(), reduction="sum").item()
        count += goal.numel()
        found.append(nats / count)
    return found


@wrong("perplexity", function="perplexity_so_far")
def power_of_two(embedding, layers, softmax, text, steps):
    """two to the power of a loss in nats"""
    states, nats, count, found = fresh_states(layers, len(text)), 0.0, 0, []
    for words, goal in zip(text[:, :-1].split(steps, dim=1), text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        nats += F.cross_entropy(logits.flatten(0, 1), goal.flatten(), reduction="sum").item()
        count += goal.numel()
        found.append(2 ** (nats / count))
    return found


@wrong("perplexity", function="perplexity_so_far")
def divided_by_all_words(embedding, layers, softmax, text, steps):
    """counts the first word of each stream too, which nobody predicts"""
    states, nats, count, found = fresh_states(layers, len(text)), 0.0, len(text), []
    for words, goal in zip(text[:, :-1].split(steps, dim=1), text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        nats += F.cross_entropy(logits.flatten(0, 1), goal.flatten(), reduction="sum").item()
        count += goal.numel()
        found.append(math.exp(nats / count))
    return found


@wrong("perplexity", function="perplexity_so_far")
def streams_mixed(embedding, layers, softmax, text, steps):
    """flattens logits and targets in different orders: right only for one stream"""
    states, nats, count, found = fresh_states(layers, len(text)), 0.0, 0, []
    for words, goal in zip(text[:, :-1].split(steps, dim=1), text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        nats += F.cross_entropy(logits.flatten(0, 1), goal.T.flatten(), reduction="sum").item()
        count += goal.numel()
        found.append(math.exp(nats / count))
    return found


@right("perplexity", function="perplexity_so_far")
def all_losses_kept(embedding, layers, softmax, text, steps):
    """keeps the log-probability of every word, and gives a tensor"""
    states, losses, found = fresh_states(layers, text.shape[0]), torch.zeros(len(text), 0), []
    for words, goal in zip(text[:, :-1].split(steps, dim=1), text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        chosen = -logits.log_softmax(dim=2).gather(2, goal[:, :, None])[:, :, 0]
        losses = torch.cat([losses, chosen], dim=1)
        found.append(losses.mean().exp())
    return torch.stack(found)


@right("perplexity", function="perplexity_so_far")
def weighted_means(embedding, layers, softmax, text, steps):
    """split into chunks, a running mean weighted with the words"""
    states, mean, count, found = fresh_states(layers, text.shape[0]), 0.0, 0, []
    for words, goal in zip(text[:, :-1].split(steps, dim=1), text[:, 1:].split(steps, dim=1)):
        logits, states = read(embedding, layers, softmax, words, states)
        loss = F.cross_entropy(logits.transpose(1, 2), goal)
        mean = (mean * count + loss.item() * goal.numel()) / (count + goal.numel())
        count = count + goal.numel()
        found.append(math.exp(mean))
    return tuple(found)


# Exercise 3


@wrong("owned")
def one_gate_missing(unit, weight_ih, weight_hh, readers):
    """three gates, as in a GRU"""
    n = weight_hh.shape[1]
    if unit < 0 or unit >= n:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m, dtype=torch.bool) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    for gate in range(3):
        masks[0][gate * n + unit] = masks[1][gate * n + unit] = True
    masks[1][:, unit] = True
    for mask, (_, start) in zip(masks[2:], readers):
        mask[:, start + unit] = True
    return masks


@wrong("owned")
def rows_of_one_gate(unit, weight_ih, weight_hh, readers):
    """four neighbouring rows"""
    if unit < 0 or unit >= weight_hh.shape[1]:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m, dtype=torch.bool) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    masks[0][4 * unit : 4 * unit + 4] = True
    masks[1][4 * unit : 4 * unit + 4] = True
    masks[1][:, unit] = True
    for mask, (_, start) in zip(masks[2:], readers):
        mask[:, start + unit] = True
    return masks


@wrong("owned")
def no_column_of_weight_hh(unit, weight_ih, weight_hh, readers):
    """forgets that the layer reads itself"""
    n = weight_hh.shape[1]
    if unit < 0 or unit >= n:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m, dtype=torch.bool) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    masks[0][unit::n] = True
    masks[1][unit::n] = True
    for mask, (_, start) in zip(masks[2:], readers):
        mask[:, start + unit] = True
    return masks


@wrong("owned")
def start_forgotten(unit, weight_ih, weight_hh, readers):
    """column k of every reader, wherever the layer begins in it"""
    n = weight_hh.shape[1]
    if unit < 0 or unit >= n:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m, dtype=torch.bool) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    masks[0][unit::n] = True
    masks[1][unit::n] = True
    masks[1][:, unit] = True
    for mask in masks[2:]:
        mask[:, unit] = True
    return masks


@wrong("owned")
def one_reader_only(unit, weight_ih, weight_hh, readers):
    """marks the first reader and leaves the others empty"""
    n = weight_hh.shape[1]
    if unit < 0 or unit >= n:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m, dtype=torch.bool) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    masks[0][unit::n] = True
    masks[1][unit::n] = True
    masks[1][:, unit] = True
    for mask, (_, start) in list(zip(masks[2:], readers))[:1]:
        mask[:, start + unit] = True
    return masks


@wrong("owned")
def readers_by_row(unit, weight_ih, weight_hh, readers):
    """row k of a reader, as if it were transposed"""
    n = weight_hh.shape[1]
    if unit < 0 or unit >= n:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m, dtype=torch.bool) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    masks[0][unit::n] = True
    masks[1][unit::n] = True
    masks[1][:, unit] = True
    for mask, (_, start) in zip(masks[2:], readers):
        mask[min(start + unit, len(mask) - 1)] = True
    return masks


@wrong("owned")
def a_column_of_weight_ih(unit, weight_ih, weight_hh, readers):
    """a column of weight_ih too, as if the layer read itself there"""
    n = weight_hh.shape[1]
    if unit < 0 or unit >= n:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m, dtype=torch.bool) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    masks[0][unit::n] = True
    masks[0][:, min(unit, weight_ih.shape[1] - 1)] = True
    masks[1][unit::n] = True
    masks[1][:, unit] = True
    for mask, (_, start) in zip(masks[2:], readers):
        mask[:, start + unit] = True
    return masks


@wrong("owned")
def minus_one_is_the_last(unit, weight_ih, weight_hh, readers):
    """takes -1 for the last unit"""
    n = weight_hh.shape[1]
    if unit >= n:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m, dtype=torch.bool) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    for gate in range(4):
        masks[0][gate * n + unit] = masks[1][gate * n + unit] = True
    masks[1][:, unit] = True
    for mask, (_, start) in zip(masks[2:], readers):
        mask[:, start + unit] = True
    return masks


@wrong("owned")
def ones_instead_of_booleans(unit, weight_ih, weight_hh, readers):
    """ones and zeros instead of booleans"""
    n = weight_hh.shape[1]
    if unit < 0 or unit >= n:
        raise ValueError("no such unit")
    masks = [torch.zeros_like(m) for m in [weight_ih, weight_hh] + [m for m, _ in readers]]
    masks[0][unit::n] = 1
    masks[1][unit::n] = 1
    masks[1][:, unit] = 1
    for mask, (_, start) in zip(masks[2:], readers):
        mask[:, start + unit] = 1
    return masks


@wrong("owned")
def where_the_weights_are(unit, weight_ih, weight_hh, readers):
    """marks by writing zeros into the matrices that it was given"""
    n = weight_hh.shape[1]
    if unit < 0 or unit >= n:
        raise ValueError("no such unit")
    matrices = [weight_ih, weight_hh] + [m for m, _ in readers]
    before = [m.clone() for m in matrices]
    for m in matrices[:2]:
        m[unit::n] = math.inf
    matrices[1][:, unit] = math.inf
    for m, start in readers:
        m[:, start + unit] = math.inf
    return [m != b for m, b in zip(matrices, before)]


@wrong("owned", function="group_size")
def size_with_biases(inputs, units, reader_rows, double_count=False):
    """counts the four biases as well"""
    size = 4 * (inputs + 1) + 8 * units + sum(reader_rows)
    return size if double_count else size - 4


@wrong("owned", function="group_size")
def crossings_counted_twice(inputs, units, reader_rows, double_count=False):
    """counts the crossings twice, asked or not"""
    return 4 * inputs + 8 * units + sum(reader_rows)


@wrong("owned", function="group_size")
def double_count_the_wrong_way_round(inputs, units, reader_rows, double_count=False):
    """takes double_count for its opposite"""
    size = 4 * inputs + 8 * units + sum(reader_rows)
    return size - 4 if double_count else size


@wrong("owned", function="group_size")
def one_crossing(inputs, units, reader_rows, double_count=False):
    """takes away one crossing instead of one for each gate"""
    size = 4 * inputs + 8 * units + sum(reader_rows)
    return size if double_count else size - 1


@wrong("owned", function="group_size")
def column_of_one_gate(inputs, units, reader_rows, double_count=False):
    """the column of weight_hh is as long as the layer has units"""
    size = 4 * inputs + 5 * units + sum(reader_rows)
    return size if double_count else size - 4


@wrong("owned", function="group_size")
def size_without_readers(inputs, units, reader_rows, double_count=False):
    """forgets what reads the layer"""
    size = 4 * inputs + 8 * units
    return size if double_count else size - 4


@wrong("owned", function="group_size")
def first_reader_only(inputs, units, reader_rows, double_count=False):
    """counts the first reader alone"""
    size = 4 * inputs + 8 * units + sum(reader_rows[:1])
    return size if double_count else size - 4


@right("owned")
def masks_by_comparison(unit, weight_ih, weight_hh, readers):
    """row and column numbers compared, without an index"""
    n = weight_hh.shape[1]
    if unit not in range(n):
        raise ValueError(f"there is no unit {unit}")
    rows = (torch.arange(4 * n) % n == unit)[:, None]
    masks = [rows.expand_as(weight_ih), rows | (torch.arange(n) == unit)]
    for matrix, start in readers:
        masks.append((torch.arange(matrix.shape[1]) == start + unit).expand_as(matrix))
    return masks


@right("owned")
def masks_in_loops(unit, weight_ih, weight_hh, readers):
    """loops over gates, and a tuple as result"""
    units = weight_hh.shape[1]
    if unit < 0:
        raise ValueError("negative unit")
    if unit > units - 1:
        raise ValueError("unit too large")
    ih, hh = weight_ih != weight_ih, weight_hh != weight_hh
    for gate in range(4):
        ih[unit + gate * units, :] = True
        hh[unit + gate * units, :] = True
    hh[:, unit] = True
    rest = []
    for matrix, start in readers:
        mask = torch.full(matrix.shape, False)
        mask[:, start + unit] = True
        rest.append(mask)
    return (ih, hh, *rest)


@right("owned", function="group_size")
def size_by_counting(inputs, units, reader_rows, double_count=False):
    """counts the places in a loop"""
    size = 0
    for gate in range(4):
        size += inputs + units
        size += units if double_count else units - 1
    for rows in reader_rows:
        size += rows
    return size


@right("owned", function="group_size")
def size_of_masks(inputs, units, reader_rows, double_count=False):
    """counts the marks of its own masks"""
    readers = [(torch.zeros(rows, units), 0) for rows in reader_rows]
    masks = owned(0, torch.zeros(4 * units, inputs), torch.zeros(4 * units, units), readers)
    return sum(mask.sum().item() for mask in masks) + 4 * int(double_count)


# Exercise 4


@wrong("penalty", function="unit_squares")
def squares_without_a_gate(weight_ih, weight_hh, reader, double_count=False):
    """three gates of four"""
    n = weight_hh.shape[1]
    rows = weight_ih.square().sum(1) + weight_hh.square().sum(1)
    total = rows.view(4, n)[:3].sum(0) + weight_hh.square().sum(0) + reader.square().sum(0)
    return total if double_count else total - weight_hh.view(4, n, n).diagonal(dim1=1, dim2=2).square().sum(0)


@wrong("penalty", function="unit_squares")
def squares_without_the_reader(weight_ih, weight_hh, reader, double_count=False):
    """forgets the column of the next layer"""
    n = weight_hh.shape[1]
    rows = weight_ih.square().sum(1) + weight_hh.square().sum(1)
    total = rows.view(4, n).sum(0) + weight_hh.square().sum(0)
    return total if double_count else total - weight_hh.view(4, n, n).diagonal(dim1=1, dim2=2).square().sum(0)


@wrong("penalty", function="unit_squares")
def squares_without_the_column(weight_ih, weight_hh, reader, double_count=False):
    """forgets the column of weight_hh, so that nothing crosses"""
    n = weight_hh.shape[1]
    rows = weight_ih.square().sum(1) + weight_hh.square().sum(1)
    return rows.view(4, n).sum(0) + reader.square().sum(0)


@wrong("penalty", function="unit_squares")
def squares_with_crossings_twice(weight_ih, weight_hh, reader, double_count=False):
    """counts the crossings twice, asked or not"""
    n = weight_hh.shape[1]
    rows = weight_ih.square().sum(1) + weight_hh.square().sum(1)
    return rows.view(4, n).sum(0) + weight_hh.square().sum(0) + reader.square().sum(0)


@wrong("penalty", function="unit_squares")
def squares_of_interleaved_rows(weight_ih, weight_hh, reader, double_count=False):
    """takes four neighbouring rows for one unit"""
    n = weight_hh.shape[1]
    rows = weight_ih.square().sum(1) + weight_hh.square().sum(1)
    total = rows.view(n, 4).sum(1) + weight_hh.square().sum(0) + reader.square().sum(0)
    return total if double_count else total - weight_hh.view(4, n, n).diagonal(dim1=1, dim2=2).square().sum(0)


@wrong("penalty", function="unit_squares")
def one_diagonal(weight_ih, weight_hh, reader, double_count=False):
    """takes away the crossing of the first gate only"""
    n = weight_hh.shape[1]
    rows = weight_ih.square().sum(1) + weight_hh.square().sum(1)
    total = rows.view(4, n).sum(0) + weight_hh.square().sum(0) + reader.square().sum(0)
    return total if double_count else total - weight_hh.diagonal().square()


@wrong("penalty", function="unit_squares")
def squares_not_of_overlaps(weight_ih, weight_hh, reader, double_count=False):
    """leaves the crossings out altogether"""
    n = weight_hh.shape[1]
    rows = weight_ih.square().sum(1) + weight_hh.square().sum(1)
    total = rows.view(4, n).sum(0) + weight_hh.square().sum(0) + reader.square().sum(0)
    return total if double_count else total - 2 * weight_hh.view(4, n, n).diagonal(dim1=1, dim2=2).square().sum(0)


@wrong("penalty", function="unit_squares")
def sums_of_sizes(weight_ih, weight_hh, reader, double_count=False):
    """adds up magnitudes instead of squares"""
    n = weight_hh.shape[1]
    rows = weight_ih.abs().sum(1) + weight_hh.abs().sum(1)
    total = rows.view(4, n).sum(0) + weight_hh.abs().sum(0) + reader.abs().sum(0)
    return total if double_count else total - weight_hh.view(4, n, n).diagonal(dim1=1, dim2=2).abs().sum(0)


@wrong("penalty", function="unit_squares")
def lengths_instead_of_squares(weight_ih, weight_hh, reader, double_count=False):
    """takes the root already here"""
    n = weight_hh.shape[1]
    rows = weight_ih.square().sum(1) + weight_hh.square().sum(1)
    total = rows.view(4, n).sum(0) + weight_hh.square().sum(0) + reader.square().sum(0)
    if not double_count:
        total = total - weight_hh.view(4, n, n).diagonal(dim1=1, dim2=2).square().sum(0)
    return (total + 1e-12).sqrt()


@wrong("penalty", function="unit_squares")
def squares_without_a_gradient(weight_ih, weight_hh, reader, double_count=False):
    """plain numbers, without a gradient"""
    n, sums = weight_hh.shape[1], []
    for k in range(n):
        rows = slice(k, None, n)
        total = weight_ih[rows].square().sum() + weight_hh[rows].square().sum() + weight_hh[:, k].square().sum()
        total = total + reader[:, k].square().sum()
        sums.append((total if double_count else total - weight_hh[rows, k].square().sum()).item())
    return torch.tensor(sums)


@wrong("penalty", function="iss_penalty")
def epsilon_outside(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """epsilon outside of the root"""
    return strength * (unit_squares(weight_ih, weight_hh, reader, double_count).sqrt() + epsilon).sum()


@wrong("penalty", function="iss_penalty")
def no_epsilon(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """no epsilon, so that the gradient at a dead unit is nan"""
    return strength * unit_squares(weight_ih, weight_hh, reader, double_count).sqrt().sum()


@wrong("penalty", function="iss_penalty")
def no_root(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """forgets the root: weight decay"""
    return strength * (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sum()


@wrong("penalty", function="iss_penalty")
def root_of_the_sum(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """one root over all units"""
    return strength * (unit_squares(weight_ih, weight_hh, reader, double_count).sum() + epsilon).sqrt()


@wrong("penalty", function="iss_penalty")
def mean_of_lengths(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """the mean over the units"""
    return strength * (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt().mean()


@wrong("penalty", function="iss_penalty")
def double_count_not_passed_on(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """does not hand double_count on"""
    return strength * (unit_squares(weight_ih, weight_hh, reader) + epsilon).sqrt().sum()


@wrong("penalty", function="iss_penalty")
def penalty_as_a_number(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """a plain number, without a gradient"""
    return strength * (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt().sum().item()


@wrong("penalty", function="iss_penalty")
def epsilon_of_its_own(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """always the usual epsilon"""
    return strength * (unit_squares(weight_ih, weight_hh, reader, double_count) + 1e-8).sqrt().sum()


@right("penalty", function="unit_squares")
def squares_with_masks(weight_ih, weight_hh, reader, double_count=False):
    """a loop over the units, with the masks of exercise 3"""
    sums = []
    for unit in range(weight_hh.shape[1]):
        ih, hh, out = owned(unit, weight_ih, weight_hh, [(reader, 0)])
        total = weight_ih[ih].square().sum() + weight_hh[hh].square().sum() + reader[out].square().sum()
        if double_count:
            total = total + weight_hh[unit :: weight_hh.shape[1], unit].square().sum()
        sums.append(total)
    return torch.stack(sums)


@right("penalty", function="unit_squares")
def squares_gate_by_gate(weight_ih, weight_hh, reader, double_count=False):
    """gate by gate, with the crossings out of the columns by a mask"""
    total = (reader**2).sum(dim=0)
    for ih, hh in zip(weight_ih.chunk(4), weight_hh.chunk(4)):
        total = total + (ih**2).sum(dim=1) + (hh**2).sum(dim=1)
        others = hh**2 if double_count else hh**2 * (1 - torch.eye(len(hh), dtype=hh.dtype))
        total = total + others.sum(dim=0)
    return total


@right("penalty", function="iss_penalty")
def penalty_in_a_loop(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """adds up unit by unit"""
    total = 0
    for square in unit_squares(weight_ih, weight_hh, reader, double_count):
        total = total + strength * torch.sqrt(square + epsilon)
    return total


@right("penalty", function="iss_penalty")
def penalty_by_pow(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """the power 0.5"""
    squares = unit_squares(weight_ih, weight_hh, reader, double_count=double_count)
    return torch.sum((squares + epsilon) ** 0.5 * strength)


# Exercise 5


@wrong("penalty_gradient")
def nan_at_zero(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """no guard where a length is zero"""
    n = weight_hh.shape[1]
    pull = strength / (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(n, dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return weight_ih * rows, weight_hh * both, reader * pull


@wrong("penalty_gradient")
def nan_in_two_of_three(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """mends the nan in weight_ih alone"""
    n = weight_hh.shape[1]
    pull = strength / (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(n, dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return (weight_ih * rows).nan_to_num(0), weight_hh * both, reader * pull


@wrong("penalty_gradient")
def nan_in_the_reader(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """mends the nan in the matrices of the layer, and not in what reads it"""
    n = weight_hh.shape[1]
    pull = strength / (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(n, dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return (weight_ih * rows).nan_to_num(0), (weight_hh * both).nan_to_num(0), reader * pull


@wrong("penalty_gradient")
def by_autograd_alone(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """autograd, which gives nan at a dead unit without epsilon"""
    leaves = [w.detach().clone().requires_grad_() for w in (weight_ih, weight_hh, reader)]
    return torch.autograd.grad(iss_penalty(*leaves, strength, epsilon, double_count), leaves)


@wrong("penalty_gradient")
def rows_only_in_weight_hh(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """forgets that a weight of weight_hh is also in the group of its column"""
    lengths = (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    pull = torch.where(lengths > 0, strength / lengths, 0.0)
    rows = pull.repeat(4)[:, None]
    return weight_ih * rows, weight_hh * rows, reader * pull


@wrong("penalty_gradient")
def crossings_pulled_twice(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """pulls the crossings twice, asked or not"""
    lengths = (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    pull = torch.where(lengths > 0, strength / lengths, 0.0)
    rows = pull.repeat(4)[:, None]
    return weight_ih * rows, weight_hh * (rows + pull), reader * pull


@wrong("penalty_gradient")
def crossings_never_twice(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """pulls the crossings once, with double_count too"""
    lengths = (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    pull = torch.where(lengths > 0, strength / lengths, 0.0)
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(weight_hh.shape[1], dtype=torch.bool).repeat(4, 1)
    return weight_ih * rows, weight_hh * torch.where(crossing, rows, rows + pull), reader * pull


@wrong("penalty_gradient")
def factors_interleaved(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """repeat_interleave instead of repeat: the factors of other units"""
    lengths = (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    pull = torch.where(lengths > 0, strength / lengths, 0.0)
    rows = pull.repeat_interleave(4)[:, None]
    crossing = torch.eye(weight_hh.shape[1], dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return weight_ih * rows, weight_hh * both, reader * pull


@wrong("penalty_gradient")
def not_divided(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """the gradient of weight decay: the weights themselves"""
    return strength * weight_ih, 2 * strength * weight_hh, strength * reader


@wrong("penalty_gradient")
def divided_by_squares(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """divides by the square of the length"""
    squares = unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon
    pull = torch.where(squares > 0, strength / squares, 0.0)
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(weight_hh.shape[1], dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return weight_ih * rows, weight_hh * both, reader * pull


@wrong("penalty_gradient")
def no_reader(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """leaves the next layer's columns alone"""
    lengths = (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    pull = torch.where(lengths > 0, strength / lengths, 0.0)
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(weight_hh.shape[1], dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return weight_ih * rows, weight_hh * both, torch.zeros_like(reader)


@wrong("penalty_gradient")
def epsilon_beside_the_length(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """adds epsilon to the length instead of its square"""
    lengths = unit_squares(weight_ih, weight_hh, reader, double_count).sqrt() + epsilon
    pull = torch.where(lengths > 0, strength / lengths, 0.0)
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(weight_hh.shape[1], dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return weight_ih * rows, weight_hh * both, reader * pull


@wrong("penalty_gradient")
def guard_that_is_too_soft(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """always adds a small number of its own, so that short groups are hardly pulled"""
    lengths = (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt() + 1e-3
    pull = strength / lengths
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(weight_hh.shape[1], dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return weight_ih * rows, weight_hh * both, reader * pull


@wrong("penalty_gradient")
def in_place(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """multiplies the weights that it was given"""
    lengths = (unit_squares(weight_ih, weight_hh, reader, double_count) + epsilon).sqrt()
    pull = torch.where(lengths > 0, strength / lengths, 0.0)
    rows = pull.repeat(4)[:, None]
    crossing = torch.eye(weight_hh.shape[1], dtype=torch.bool).repeat(4, 1)
    both = rows + pull if double_count else torch.where(crossing, rows, rows + pull)
    return weight_ih.mul_(rows), weight_hh.mul_(both), reader.mul_(pull)


@right("penalty_gradient")
def autograd_with_a_guard(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """autograd, with zeros where it gives nan"""
    leaves = [w.detach().clone().requires_grad_() for w in (weight_ih, weight_hh, reader)]
    squares = unit_squares(*leaves, double_count) + epsilon
    total = strength * squares[squares > 0].sqrt().sum()
    return torch.autograd.grad(total, leaves)


@right("penalty_gradient")
def autograd_of_a_function(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """torch.func.grad, and zeros in place of every nan"""

    def penalty(ih, hh, out):
        return iss_penalty(ih, hh, out, strength, epsilon, double_count)

    found = torch.func.grad(penalty, argnums=(0, 1, 2))(weight_ih, weight_hh, reader)
    return [w.nan_to_num(0.0) for w in found]


@right("penalty_gradient")
def unit_by_unit(weight_ih, weight_hh, reader, strength, epsilon=1e-8, double_count=False):
    """a loop over the units, which adds up the pulls"""
    n, result = weight_hh.shape[1], [torch.zeros_like(w) for w in (weight_ih, weight_hh, reader)]
    for k, square in enumerate(unit_squares(weight_ih, weight_hh, reader, double_count)):
        if square + epsilon == 0:
            continue
        pull = strength / torch.sqrt(square + epsilon)
        for row in (k, n + k, 2 * n + k, 3 * n + k):
            result[0][row] += pull * weight_ih[row]
            result[1][row] += pull * weight_hh[row]
        result[1][:, k] += pull * weight_hh[:, k]
        if not double_count:
            for row in (k, n + k, 2 * n + k, 3 * n + k):
                result[1][row, k] -= pull * weight_hh[row, k]
        result[2][:, k] += pull * reader[:, k]
    return result


# Exercise 6


@wrong("objective")
def the_colleagues(logits, targets, lengths, strength):
    """the colleague's: a mean loss beside the strength for a sum"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + strength * lengths.sum()


@wrong("objective")
def divided_by_streams(logits, targets, lengths, strength):
    """divides by the streams: right only for as many streams as steps"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + strength / len(logits) * lengths.sum()


@wrong("objective")
def strength_over_all_words(logits, targets, lengths, strength):
    """divides by streams and steps"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + strength / targets.numel() * lengths.sum()


@wrong("objective")
def multiplied(logits, targets, lengths, strength):
    """multiplies instead of dividing"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + strength * logits.shape[1] * lengths.sum()


@wrong("objective")
def thirty_five(logits, targets, lengths, strength):
    """the authors' 35 steps, whatever the batch has"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + strength / 35 * lengths.sum()


@wrong("objective")
def the_authors_scale(logits, targets, lengths, strength):
    """sums the loss over the steps, where a mean a word was asked for"""
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum") / len(logits)
    return loss + strength * lengths.sum()


@wrong("objective")
def mean_length(logits, targets, lengths, strength):
    """the mean of the lengths"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + strength / logits.shape[1] * lengths.mean()


@wrong("objective")
def divided_by_the_vocabulary(logits, targets, lengths, strength):
    """divides by the number of words in the vocabulary"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + strength / logits.shape[2] * lengths.sum()


@wrong("objective")
def penalty_detached(logits, targets, lengths, strength):
    """the right value, but the penalty has no gradient"""
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    return loss + strength / logits.shape[1] * lengths.sum().item()


@wrong("objective", function="same_training")
def strength_only(strength, rate, clip_norm, steps):
    """converts the strength alone"""
    return strength / steps, rate, clip_norm


@wrong("objective", function="same_training")
def strength_kept(strength, rate, clip_norm, steps):
    """converts the rate and the norm, but not the strength"""
    return strength, rate * steps, clip_norm / steps


@wrong("objective", function="same_training")
def rate_divided(strength, rate, clip_norm, steps):
    """a smaller rate for a smaller loss"""
    return strength / steps, rate / steps, clip_norm / steps


@wrong("objective", function="same_training")
def norm_kept(strength, rate, clip_norm, steps):
    """leaves the norm at which gradients are clipped"""
    return strength / steps, rate * steps, clip_norm


@wrong("objective", function="same_training")
def norm_multiplied(strength, rate, clip_norm, steps):
    """multiplies the norm"""
    return strength / steps, rate * steps, clip_norm * steps


@wrong("objective", function="same_training")
def the_other_direction(strength, rate, clip_norm, steps):
    """converts from the mean to the sum"""
    return strength * steps, rate / steps, clip_norm * steps


@right("objective")
def authors_divided(logits, targets, lengths, strength):
    """the authors' objective, divided by the steps as a whole"""
    streams, steps, words = logits.shape
    loss = F.cross_entropy(logits.reshape(-1, words), targets.reshape(-1), reduction="sum") / streams
    return (loss + strength * lengths.sum()) / steps


@right("objective")
def by_log_softmax(logits, targets, lengths, strength):
    """the loss by hand, the lengths multiplied one by one"""
    chosen = logits.log_softmax(dim=-1).gather(-1, targets.unsqueeze(-1))
    return (lengths * (strength / targets.size(1))).sum() - chosen.mean()


@right("objective", function="same_training")
def as_a_list(strength, rate, clip_norm, steps):
    """a factor, and a list as result"""
    factor = 1 / steps
    return [strength * factor, rate / factor, clip_norm * factor]


@right("objective", function="same_training")
def step_by_step(strength, rate, clip_norm, steps):
    """each on its own line"""
    new_rate = steps * rate
    shrink = rate / new_rate
    return strength * shrink, new_rate, shrink * clip_norm


# Exercise 7


@wrong("dead", function="dead_units")
def any_matrix(weight_ih, weight_hh, reader):
    """dead where one of the matrices has nothing of the unit"""
    n = weight_hh.shape[1]
    rows = (weight_ih == 0).all(1).view(4, n).all(0) & (weight_hh == 0).all(1).view(4, n).all(0)
    return rows | (weight_hh == 0).all(0) | (reader == 0).all(0)


@wrong("dead", function="dead_units")
def rows_only(weight_ih, weight_hh, reader):
    """looks at what makes the unit, and not at what reads it"""
    n = weight_hh.shape[1]
    return ((weight_ih == 0).all(1) & (weight_hh == 0).all(1)).view(4, n).all(0)


@wrong("dead", function="dead_units")
def columns_only(weight_ih, weight_hh, reader):
    """looks at what reads the unit, and not at what makes it"""
    return (weight_hh == 0).all(0) & (reader == 0).all(0)


@wrong("dead", function="dead_units")
def any_gate(weight_ih, weight_hh, reader):
    """dead where one gate is zero"""
    n = weight_hh.shape[1]
    rows = ((weight_ih == 0).all(1) & (weight_hh == 0).all(1)).view(4, n).any(0)
    return rows & (weight_hh == 0).all(0) & (reader == 0).all(0)


@wrong("dead", function="dead_units")
def interleaved_rows(weight_ih, weight_hh, reader):
    """takes four neighbouring rows for one unit"""
    n = weight_hh.shape[1]
    rows = ((weight_ih == 0).all(1) & (weight_hh == 0).all(1)).view(n, 4).all(1)
    return rows & (weight_hh == 0).all(0) & (reader == 0).all(0)


@wrong("dead", function="dead_units")
def reader_forgotten(weight_ih, weight_hh, reader):
    """does not look at the next layer"""
    n = weight_hh.shape[1]
    rows = ((weight_ih == 0).all(1) & (weight_hh == 0).all(1)).view(4, n).all(0)
    return rows & (weight_hh == 0).all(0)


@wrong("dead", function="dead_units")
def nearly_zero(weight_ih, weight_hh, reader):
    """calls small weights zero"""
    return unit_squares(weight_ih, weight_hh, reader) < 1e-8


@wrong("dead", function="dead_units")
def sums_that_cancel(weight_ih, weight_hh, reader):
    """sums of squares that are too small for a float to tell from zero"""
    return unit_squares(weight_ih, weight_hh, reader) == 0


@wrong("dead", function="dead_units")
def the_living(weight_ih, weight_hh, reader):
    """marks the living instead of the dead"""
    n = weight_hh.shape[1]
    rows = (weight_ih == 0).all(1) & (weight_hh == 0).all(1)
    return ~(rows.view(4, n).all(0) & (weight_hh == 0).all(0) & (reader == 0).all(0))


@wrong("dead", function="after_step")
def mask_recomputed(weight_ih, weight_hh, reader, threshold, dead):
    """takes the mask anew from the weights after the update, so that the dead come back"""
    ih, hh, out = (torch.where(w.abs() < threshold, 0.0, w) for w in (weight_ih, weight_hh, reader))
    dead = dead_units(ih, hh, out)
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, dead


@wrong("dead", function="after_step")
def mask_before_silencing(weight_ih, weight_hh, reader, threshold, dead):
    """takes the mask between the two steps, so that a unit that reads only a dead one lives for one update more"""
    ih, hh, out = (torch.where(w.abs() < threshold, 0.0, w) for w in (weight_ih, weight_hh, reader))
    now = dead | dead_units(ih, hh, out)
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, now


@wrong("dead", function="after_step")
def threshold_alone(weight_ih, weight_hh, reader, threshold, dead):
    """sets single weights to zero and forgets the dead"""
    ih, hh, out = (torch.where(w.abs() < threshold, 0.0, w) for w in (weight_ih, weight_hh, reader))
    return ih, hh, out, dead | dead_units(ih, hh, out)


@wrong("dead", function="after_step")
def no_threshold(weight_ih, weight_hh, reader, threshold, dead):
    """silences the dead and forgets the threshold"""
    ih, hh, out = weight_ih.clone(), weight_hh.clone(), reader.clone()
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, dead | dead_units(ih, hh, out)


@wrong("dead", function="after_step")
def mask_not_renewed(weight_ih, weight_hh, reader, threshold, dead):
    """gives the old mask back"""
    ih, hh, out = (torch.where(w.abs() < threshold, 0.0, w) for w in (weight_ih, weight_hh, reader))
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, dead


@wrong("dead", function="after_step")
def columns_of_the_dead_stay(weight_ih, weight_hh, reader, threshold, dead):
    """silences the rows of the dead, and leaves what reads them"""
    ih, hh, out = (torch.where(w.abs() < threshold, 0.0, w) for w in (weight_ih, weight_hh, reader))
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    return ih, hh, out, dead | dead_units(ih, hh, out)


@wrong("dead", function="after_step")
def rows_of_others(weight_ih, weight_hh, reader, threshold, dead):
    """repeat_interleave for the rows"""
    ih, hh, out = (torch.where(w.abs() < threshold, 0.0, w) for w in (weight_ih, weight_hh, reader))
    rows = dead.repeat_interleave(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, dead | dead_units(ih, hh, out)


@wrong("dead", function="after_step")
def groups_below_the_threshold(weight_ih, weight_hh, reader, threshold, dead):
    """compares whole groups with the threshold, not single weights"""
    dead = dead | (unit_squares(weight_ih, weight_hh, reader).sqrt() < threshold)
    ih, hh, out = weight_ih.clone(), weight_hh.clone(), reader.clone()
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, dead | dead_units(ih, hh, out)


@wrong("dead", function="after_step")
def negative_weights_go(weight_ih, weight_hh, reader, threshold, dead):
    """compares without abs, so that every negative weight goes"""
    ih, hh, out = (torch.where(w < threshold, 0.0, w) for w in (weight_ih, weight_hh, reader))
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, dead | dead_units(ih, hh, out)


@wrong("dead", function="after_step")
def threshold_included(weight_ih, weight_hh, reader, threshold, dead):
    """sets to zero also what is exactly as large as the threshold"""
    ih, hh, out = (torch.where(w.abs() <= threshold, 0.0, w) for w in (weight_ih, weight_hh, reader))
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, dead | dead_units(ih, hh, out)


@wrong("dead", function="after_step")
def made_smaller(weight_ih, weight_hh, reader, threshold, dead):
    """makes every weight smaller by the threshold"""
    ih, hh, out = (w.sign() * (w.abs() - threshold).clamp(min=0) for w in (weight_ih, weight_hh, reader))
    rows = dead.repeat(4)
    ih[rows] = hh[rows] = 0
    hh[:, dead] = 0
    out[:, dead] = 0
    return ih, hh, out, dead | dead_units(ih, hh, out)


@wrong("dead", function="after_step")
def written_over(weight_ih, weight_hh, reader, threshold, dead):
    """writes into the tensors that it was given"""
    for w in (weight_ih, weight_hh, reader):
        w[w.abs() < threshold] = 0
    rows = dead.repeat(4)
    weight_ih[rows] = weight_hh[rows] = 0
    weight_hh[:, dead] = 0
    reader[:, dead] = 0
    return weight_ih, weight_hh, reader, dead | dead_units(weight_ih, weight_hh, reader)


@right("dead", function="dead_units")
def dead_by_masks(weight_ih, weight_hh, reader):
    """looks through the masks of exercise 3, unit by unit"""
    found = []
    for unit in range(weight_hh.shape[1]):
        ih, hh, out = owned(unit, weight_ih, weight_hh, [(reader, 0)])
        found.append(not (weight_ih[ih].any() or weight_hh[hh].any() or reader[out].any()))
    return torch.tensor(found)


@right("dead", function="dead_units")
def dead_by_the_largest(weight_ih, weight_hh, reader):
    """the largest magnitude of each unit, compared with zero"""
    n = weight_hh.shape[1]
    both = torch.cat([weight_ih, weight_hh], dim=1).abs().amax(dim=1).reshape(4, n).amax(dim=0)
    return torch.maximum(both, torch.cat([weight_hh, reader]).abs().amax(dim=0)) == 0


@right("dead", function="after_step")
def by_factors(weight_ih, weight_hh, reader, threshold, dead):
    """multiplies by masks of ones and zeros"""
    alive = (~dead).to(weight_ih.dtype)
    ih, hh, out = (w * (w.abs() >= threshold) for w in (weight_ih, weight_hh, reader))
    ih, hh, out = ih * alive.repeat(4)[:, None], hh * alive.repeat(4)[:, None] * alive, out * alive
    return ih, hh, out, torch.logical_or(dead, dead_units(ih, hh, out))


@right("dead", function="after_step")
def unit_after_unit(weight_ih, weight_hh, reader, threshold, dead):
    """clones, and a loop over the dead with the masks of exercise 3"""
    new = [w.detach().clone() for w in (weight_ih, weight_hh, reader)]
    for w in new:
        w[w.abs() < threshold] = 0
    for unit in dead.nonzero().flatten().tolist():
        for w, mask in zip(new, owned(unit, weight_ih, weight_hh, [(reader, 0)])):
            w[mask] = 0
    return [*new, dead_units(*new)]


# Exercise 8


@wrong("cut")
def columns_of_the_layer_above_forgotten(layers, softmax, dead):
    """leaves the columns of weight_ih"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    for (ih, hh, bias), reader, gone in zip(layers, readers, dead):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        rows = (~gone).repeat(4)
        smaller.append((ih[rows], hh[rows][:, ~gone], bias[rows]))
    return smaller, (softmax[0][:, ~dead[-1]], softmax[1])


@wrong("cut")
def columns_of_weight_hh_forgotten(layers, softmax, dead):
    """leaves the columns of weight_hh"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    below = torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), reader, gone in zip(layers, readers, dead):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        rows = (~gone).repeat(4)
        smaller.append((ih[rows][:, below], hh[rows], bias[rows]))
        below = ~gone
    return smaller, (softmax[0][:, below], softmax[1])


@wrong("cut")
def softmax_forgotten(layers, softmax, dead):
    """forgets that the softmax reads the last layer"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    below = torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), reader, gone in zip(layers, readers, dead):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        rows = (~gone).repeat(4)
        smaller.append((ih[rows][:, below], hh[rows][:, ~gone], bias[rows]))
        below = ~gone
    return smaller, softmax


@wrong("cut")
def rows_in_another_order(layers, softmax, dead):
    """repeat_interleave for the rows of the gates"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    below = torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), reader, gone in zip(layers, readers, dead):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        rows = (~gone).repeat_interleave(4)
        smaller.append((ih[rows][:, below], hh[rows][:, ~gone], bias[rows]))
        below = ~gone
    return smaller, (softmax[0][:, below], softmax[1])


@wrong("cut")
def first_biases(layers, softmax, dead):
    """keeps the first biases instead of those of the living"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    below = torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), reader, gone in zip(layers, readers, dead):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        rows = (~gone).repeat(4)
        smaller.append((ih[rows][:, below], hh[rows][:, ~gone], bias[: int(rows.sum())]))
        below = ~gone
    return smaller, (softmax[0][:, below], softmax[1])


@wrong("cut")
def constants_folded(layers, softmax, dead):
    """adds what a dead unit would say after one step to the living ones' biases"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    below = torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), reader, gone in zip(layers, readers, dead):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        rows = (~gone).repeat(4)
        i, f, g, o = bias.chunk(4)
        said = (o.sigmoid() * (i.sigmoid() * g.tanh()).tanh())[gone].sum()
        smaller.append((ih[rows][:, below], hh[rows][:, ~gone], bias[rows] + said))
        below = ~gone
    return smaller, (softmax[0][:, below], softmax[1])


@wrong("cut")
def cuts_what_lives(layers, softmax, dead):
    """never looks whether the units are dead"""
    smaller, below = [], torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), gone in zip(layers, dead):
        if gone.all():
            raise ValueError("nothing would be left")
        rows = (~gone).repeat(4)
        smaller.append((ih[rows][:, below], hh[rows][:, ~gone], bias[rows]))
        below = ~gone
    return smaller, (softmax[0][:, below], softmax[1])


@wrong("cut")
def compacted_by_the_package(layers, softmax, dead):
    """lets the package cut whatever is dead, and never looks at the masks"""
    from effdl_lite.methods.compaction import compact_recurrent
    from effdl_lite.models import LSTMLanguageModel

    words, inputs = len(softmax[0]), layers[0][0].shape[1]
    model = LSTMLanguageModel(words, inputs, [hh.shape[1] for _, hh, _ in layers])
    values = [torch.randn(words, inputs)]
    for ih, hh, bias in layers:
        values += [ih, hh, bias, torch.zeros_like(bias)]
    for parameter, value in zip(model.parameters(), values + list(softmax)):
        parameter.data = value.clone()
    small, triples = compact_recurrent(model), []
    for layer in small.layers:
        ih, hh, first, second = [w.detach() for w in layer.parameters()]
        triples.append((ih, hh, first + second))
    return triples, (small.decoder.weight.detach(), small.decoder.bias.detach())


@wrong("cut")
def last_layer_not_checked(layers, softmax, dead):
    """checks only layers that another layer reads"""
    smaller, below = [], torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for number, ((ih, hh, bias), gone) in enumerate(zip(layers, dead)):
        if gone.all():
            raise ValueError("nothing would be left")
        if number + 1 < len(layers) and (gone & ~dead_units(ih, hh, layers[number + 1][0])).any():
            raise ValueError("not dead")
        rows = (~gone).repeat(4)
        smaller.append((ih[rows][:, below], hh[rows][:, ~gone], bias[rows]))
        below = ~gone
    return smaller, (softmax[0][:, below], softmax[1])


@wrong("cut")
def empty_layers(layers, softmax, dead):
    """gives back a layer of no units"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    below = torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), reader, gone in zip(layers, readers, dead):
        if (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        rows = (~gone).repeat(4)
        smaller.append((ih[rows][:, below], hh[rows][:, ~gone], bias[rows]))
        below = ~gone
    return smaller, (softmax[0][:, below], softmax[1])


@wrong("cut")
def the_other_mask(layers, softmax, dead):
    """cuts the columns of weight_ih by the layer's own mask"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    for number, ((ih, hh, bias), reader, gone) in enumerate(zip(layers, readers, dead)):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        rows = (~gone).repeat(4)
        ih = ih[rows]
        if number and ih.shape[1] == len(gone):
            ih = ih[:, ~gone]
        elif number:
            ih = ih[:, ~dead[number - 1]]
        smaller.append((ih, hh[rows][:, ~gone], bias[rows]))
    return smaller, (softmax[0][:, ~dead[-1]], softmax[1])


@wrong("cut")
def two_layers_only(layers, softmax, dead):
    """works for two layers, and gives those"""
    (ih1, hh1, b1), (ih2, hh2, b2) = layers[0], layers[-1]
    for (ih, hh, _), reader, gone in (((ih1, hh1, b1), ih2, dead[0]), ((ih2, hh2, b2), softmax[0], dead[-1])):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
    first, last = ~dead[0], ~dead[-1]
    r1, r2 = first.repeat(4), last.repeat(4)
    smaller = [(ih1[r1], hh1[r1][:, first], b1[r1]), (ih2[r2][:, first], hh2[r2][:, last], b2[r2])]
    return smaller, (softmax[0][:, last], softmax[1])


@wrong("cut")
def not_cut_at_all(layers, softmax, dead):
    """gives the network back as it is"""
    for (ih, hh, _), reader, gone in zip(layers, [layer[0] for layer in layers[1:]] + [softmax[0]], dead):
        if gone.all() or (gone & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
    return layers, softmax


@wrong("cut")
def all_dead_units(layers, softmax, dead):
    """cuts every dead unit, also those that the mask does not name"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    below = torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), reader, gone in zip(layers, readers, dead):
        found = dead_units(ih, hh, reader)
        if found.all() or (gone & ~found).any():
            raise ValueError("not dead")
        rows = (~found).repeat(4)
        smaller.append((ih[rows][:, below], hh[rows][:, ~found], bias[rows]))
        below = ~found
    return smaller, (softmax[0][:, below], softmax[1])


@wrong("cut")
def masks_turned_round_in_place(layers, softmax, dead):
    """turns the masks round where they are"""
    readers, smaller = [layer[0] for layer in layers[1:]] + [softmax[0]], []
    below = torch.ones(layers[0][0].shape[1], dtype=torch.bool)
    for (ih, hh, bias), reader, keep in zip(layers, readers, dead):
        if keep.all() or (keep & ~dead_units(ih, hh, reader)).any():
            raise ValueError("not dead")
        keep.logical_not_()
        rows = keep.repeat(4)
        smaller.append((ih[rows][:, below], hh[rows][:, keep], bias[rows]))
        below = keep
    return smaller, (softmax[0][:, below], softmax[1])


@right("cut")
def cut_by_numbers(layers, softmax, dead):
    """with numbers of units instead of booleans"""
    kept = [[unit for unit, gone in enumerate(mask.tolist()) if not gone] for mask in dead]
    result = []
    for number, (ih, hh, bias) in enumerate(layers):
        reader = softmax[0] if number == len(layers) - 1 else layers[number + 1][0]
        silent = dead_units(ih, hh, reader)
        for unit, gone in enumerate(dead[number].tolist()):
            if gone and not silent[unit]:
                raise ValueError(f"unit {unit} is not dead")
        if not kept[number]:
            raise ValueError("this layer would be empty")
        rows = [gate * len(silent) + unit for gate in range(4) for unit in kept[number]]
        columns = kept[number - 1] if number else list(range(ih.shape[1]))
        result.append([ih[rows][:, columns], hh[rows][:, kept[number]], bias[rows]])
    return result, [softmax[0][:, kept[-1]], softmax[1]]


@right("cut")
def cut_gate_by_gate(layers, softmax, dead):
    """each gate on its own, then one below the other"""
    readers = [ih for ih, _, _ in layers][1:] + [softmax[0]]
    for (ih, hh, _), reader, mask in zip(layers, readers, dead):
        if bool(mask.all()):
            raise ValueError("nothing would be left of this layer")
        if not bool(dead_units(ih, hh, reader)[mask].all()):
            raise ValueError("one of these units is alive")
    smaller, columns = [], torch.arange(layers[0][0].shape[1])
    for (ih, hh, bias), mask in zip(layers, dead):
        keep = torch.nonzero(~mask).flatten()
        gates = [torch.cat([part[keep] for part in w.chunk(4)]) for w in (ih, hh, bias)]
        smaller.append((gates[0].index_select(1, columns), gates[1].index_select(1, keep), gates[2]))
        columns = keep
    return smaller, (softmax[0].index_select(1, columns), softmax[1].clone())

"""The answer bank of lab 5: wrong answers that its tests must reject, and right ones that they must accept.

Read, not run: each function is put in place of the student's, next to the solutions of the other exercises.
"""

# Written as students write: with names of the notebook, and with habits that our own code does not have.
# ruff: noqa: F821

import math

import torch

from grading.bank import right, wrong

# Exercise 1


@wrong("box_average")
def zeros_at_the_ends(losses, reach):
    """a convolution with zeros at the ends, divided by the whole window"""
    window = torch.ones(1, 1, 2 * reach + 1, dtype=losses.dtype) / (2 * reach + 1)
    return torch.nn.functional.conv1d(losses[None, None], window, padding=reach)[0, 0]


@wrong("box_average")
def slice_from_the_end(losses, reach):
    """a negative beginning of the slice counts from the end"""
    found = [losses[i - reach : i + reach + 1] for i in range(len(losses))]
    return torch.stack([window.mean() if len(window) else losses[0] for window in found])


@wrong("box_average")
def one_neighbour_short(losses, reach):
    """the window ends before its last neighbour"""
    found = [losses[max(0, i - reach) : max(i + reach, 1)] for i in range(len(losses))]
    return torch.stack([window.mean() for window in found])


@wrong("box_average")
def only_backwards(losses, reach):
    """the window holds earlier places only"""
    return torch.stack([losses[max(0, i - reach) : i + 1].mean() for i in range(len(losses))])


@wrong("box_average")
def sum_of_the_window(losses, reach):
    """the sum"""
    return torch.stack([losses[max(0, i - reach) : i + reach + 1].sum() for i in range(len(losses))])


@wrong("box_average")
def largest_of_the_window(losses, reach):
    """the worst neighbour in place of the mean"""
    return torch.stack([losses[max(0, i - reach) : i + reach + 1].max() for i in range(len(losses))])


@wrong("box_average")
def already_smoothed_neighbours(losses, reach):
    """averages what it has averaged before, in place"""
    for i in range(len(losses)):
        losses[i] = losses[max(0, i - reach) : i + reach + 1].mean()
    return losses


@wrong("box_average")
def ends_left_alone(losses, reach):
    """places near the ends stay as they were"""
    result = losses.clone()
    for i in range(reach, len(losses) - reach):
        result[i] = losses[i - reach : i + reach + 1].mean()
    return result


@wrong("box_average")
def bell_in_place_of_a_box(losses, reach):
    """near neighbours count more, as with normal noise"""
    found = []
    for i in range(len(losses)):
        distances = torch.arange(len(losses)) - i
        shares = torch.exp(-((distances / max(reach, 1)) ** 2)) * (distances.abs() <= reach)
        found.append((shares * losses).sum() / shares.sum())
    return torch.stack(found)


@wrong("box_average")
def ends_repeated(losses, reach):
    """the last losses are repeated behind the ends"""
    padded = torch.cat([losses[:1].repeat(reach), losses, losses[-1:].repeat(reach)])
    return padded.unfold(0, 2 * reach + 1, 1).mean(dim=1)


@right("box_average")
def with_a_table_of_distances(losses, reach):
    """a matrix of who is whose neighbour"""
    places = torch.arange(len(losses))
    near = ((places[:, None] - places).abs() <= reach).to(losses.dtype)
    return near @ losses / near.sum(dim=1)


@right("box_average")
def with_running_sums(losses, reach):
    """differences of running sums, in double precision"""
    n = len(losses)
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), losses.double().cumsum(0)])
    places = torch.arange(n)
    first, last = (places - reach).clamp(min=0), (places + reach + 1).clamp(max=n)
    return ((sums[last] - sums[first]) / (last - first)).to(losses.dtype)


@right("box_average")
def with_plain_lists(losses, reach):
    """two loops over plain numbers"""
    numbers, found = losses.tolist(), []
    for i in range(len(numbers)):
        window = [numbers[j] for j in range(i - reach, i + reach + 1) if 0 <= j < len(numbers)]
        found.append(sum(window) / len(window))
    return torch.tensor(found, dtype=losses.dtype)


@wrong("box_average")
def windows_that_stay_symmetric(losses, reach):
    """near an end the window is cut on both sides"""
    means = []
    for i in range(len(losses)):
        near = min(reach, i, len(losses) - 1 - i)
        means.append(losses[i - near : i + near + 1].mean())
    return torch.stack(means)


@right("box_average")
def with_average_pooling(losses, reach):
    """torch's pooling, which can leave the padding out of the count"""
    pool = torch.nn.AvgPool1d(2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    return pool(losses[None])[0]


# Exercise 2


@wrong("expected_loss")
def loss_without_noise(weights, inputs, targets, strength):
    """the loss itself: noise has the mean 0"""
    return ((inputs @ weights - targets).square().mean() / 2).item()


@wrong("expected_loss")
def variance_of_normal_noise(weights, inputs, targets, strength):
    """the variance of normal noise, a^2"""
    added = strength**2 * inputs.square().sum(dim=1)
    return (((inputs @ weights - targets).square() + added).mean() / 2).item()


@wrong("expected_loss")
def half_forgotten(weights, inputs, targets, strength):
    """a^2 / 3 without the half of the loss"""
    errors = inputs @ weights - targets
    return (errors.square().mean() / 2 + strength**2 / 3 * inputs.square().sum(dim=1).mean()).item()


@wrong("expected_loss")
def mean_over_the_weights(weights, inputs, targets, strength):
    """the mean square of all inputs in place of the squared length"""
    errors = inputs @ weights - targets
    return ((errors.square().mean() + strength**2 / 3 * inputs.square().mean()) / 2).item()


@wrong("expected_loss")
def width_for_the_range(weights, inputs, targets, strength):
    """the variance of a box of width a, a^2 / 12"""
    added = strength**2 / 12 * inputs.square().sum(dim=1)
    return (((inputs @ weights - targets).square() + added).mean() / 2).item()


@wrong("expected_loss")
def noise_for_each_example(weights, inputs, targets, strength):
    """divides by the examples once more, as if noises of different examples averaged out"""
    errors = inputs @ weights - targets
    added = strength**2 / 3 * inputs.square().sum(dim=1).mean() / len(inputs)
    return ((errors.square().mean() + added) / 2).item()


@wrong("expected_loss")
def square_of_the_sum(weights, inputs, targets, strength):
    """the square of the sum of the inputs: as if all weights had the same noise"""
    added = strength**2 / 3 * inputs.sum(dim=1).square()
    return (((inputs @ weights - targets).square() + added).mean() / 2).item()


@wrong("expected_loss")
def noise_on_the_inputs(weights, inputs, targets, strength):
    """the squared length of the weights, as if the inputs had the noise"""
    errors = inputs @ weights - targets
    return ((errors.square().mean() + strength**2 / 3 * weights.square().sum()) / 2).item()


@wrong("expected_loss")
def one_random_draw(weights, inputs, targets, strength):
    """a single noise vector"""
    noise = strength * (2 * torch.rand(weights.shape, dtype=weights.dtype) - 1)
    return ((inputs @ (weights + noise) - targets).square().mean() / 2).item()


@wrong("expected_loss", function="expected_gradient")
def decays_the_weights(weights, inputs, targets, strength):
    """adds a pull on the weights, as if what noise adds depended on them"""
    return inputs.T @ (inputs @ weights - targets) / len(inputs) + strength**2 / 3 * weights


@wrong("expected_loss", function="expected_gradient")
def sum_of_gradients(weights, inputs, targets, strength):
    """the sum over the examples"""
    return inputs.T @ (inputs @ weights - targets)


@wrong("expected_loss", function="expected_gradient")
def gradient_without_the_half(weights, inputs, targets, strength):
    """twice the gradient"""
    return 2 * inputs.T @ (inputs @ weights - targets) / len(inputs)


@wrong("expected_loss", function="expected_gradient")
def gradient_downhill(weights, inputs, targets, strength):
    """the opposite sign"""
    return inputs.T @ (targets - inputs @ weights) / len(inputs)


@right("expected_loss")
def by_the_trace(weights, inputs, targets, strength):
    """half the variance times the trace of the Hessian; returns a tensor"""
    hessian = inputs.T @ inputs / len(inputs)
    return 0.5 * torch.mean((inputs @ weights - targets) ** 2) + strength**2 / 6 * torch.trace(hessian)


@right("expected_loss")
def by_loops(weights, inputs, targets, strength):
    """one example after the other"""
    total = 0.0
    for x, y in zip(inputs.tolist(), targets.tolist(), strict=True):
        error = sum(a * b for a, b in zip(x, weights.tolist(), strict=True)) - y
        total += error**2 + sum(a * a for a in x) * strength**2 / 3
    return total / (2 * len(inputs))


@right("expected_loss", function="expected_gradient")
def by_autograd(weights, inputs, targets, strength):
    """lets torch differentiate"""
    w = weights.clone().requires_grad_()
    loss = (inputs @ w - targets).square().mean() / 2
    (gradient,) = torch.autograd.grad(loss, w)
    return gradient


@wrong("expected_loss")
def square_of_the_mean_input(weights, inputs, targets, strength):
    """the squared length of the mean input, since all examples see the same noise"""
    errors = inputs @ weights - targets
    return (errors.square().mean() + strength**2 / 3 * inputs.mean(dim=0).square().sum()) / 2


@wrong("expected_loss")
def mean_of_many_copies(weights, inputs, targets, strength):
    """20,000 noise vectors and their partners"""
    dice = torch.Generator().manual_seed(0)
    noise = strength * (2 * torch.rand(20_000, len(weights), generator=dice, dtype=torch.float64) - 1)
    copies = weights.double() + torch.cat([noise, -noise])
    return (copies @ inputs.double().T - targets.double()).square().mean() / 2


@right("expected_loss")
def two_points_of_each_weight(weights, inputs, targets, strength):
    """the loss a standard deviation to both sides, exact for parabolas"""

    def loss(w):
        return (inputs @ w - targets).square().mean() / 2

    total = loss(weights)
    for step in strength / math.sqrt(3) * torch.eye(len(weights), dtype=weights.dtype):
        total = total + (loss(weights + step) + loss(weights - step)) / 2 - loss(weights)
    return total


# Exercise 3


@wrong("row_noise")
def normal_noise(weight, strength, generator):
    """normal in place of uniform"""
    sizes = weight.reshape(len(weight), -1).square().mean(dim=1).sqrt()
    noise = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return strength * noise * sizes.reshape(-1, *[1] * (weight.dim() - 1))


@wrong("row_noise")
def length_for_rms(weight, strength, generator):
    """the length of a filter in place of its RMS"""
    sizes = weight.reshape(len(weight), -1).norm(dim=1)
    noise = 2 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 1
    return strength * noise * sizes.reshape(-1, *[1] * (weight.dim() - 1))


@wrong("row_noise")
def mean_square_without_root(weight, strength, generator):
    """forgets the root"""
    sizes = weight.reshape(len(weight), -1).square().mean(dim=1)
    noise = 2 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 1
    return strength * noise * sizes.reshape(-1, *[1] * (weight.dim() - 1))


@wrong("row_noise")
def one_size_for_all(weight, strength, generator):
    """the RMS of the whole weight"""
    noise = 2 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 1
    return strength * noise * weight.square().mean().sqrt()


@wrong("row_noise")
def fixed_strength(weight, strength, generator):
    """the same range for all weights"""
    return strength * (2 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 1)


@wrong("row_noise")
def each_weight_its_own_size(weight, strength, generator):
    """in proportion to each weight: zeros get none"""
    return strength * weight.abs() * (2 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 1)


@wrong("row_noise")
def only_upwards(weight, strength, generator):
    """from 0 to 1"""
    sizes = weight.reshape(len(weight), -1).square().mean(dim=1).sqrt()
    noise = torch.rand(weight.shape, generator=generator, dtype=weight.dtype)
    return strength * noise * sizes.reshape(-1, *[1] * (weight.dim() - 1))


@wrong("row_noise")
def half_the_range(weight, strength, generator):
    """from -0.5 to 0.5"""
    sizes = weight.reshape(len(weight), -1).square().mean(dim=1).sqrt()
    noise = torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 0.5
    return strength * noise * sizes.reshape(-1, *[1] * (weight.dim() - 1))


@wrong("row_noise")
def one_number_a_filter(weight, strength, generator):
    """one random number for all of a filter"""
    shape = (len(weight), *[1] * (weight.dim() - 1))
    sizes = weight.reshape(len(weight), -1).square().mean(dim=1).sqrt().reshape(shape)
    noise = 2 * torch.rand(shape, generator=generator, dtype=weight.dtype) - 1
    return strength * sizes * noise * torch.ones_like(weight)


@wrong("row_noise")
def fixed_length(weight, strength, generator):
    """AdaSmoothOut itself: of a fixed length, with only the direction random"""
    table = weight.reshape(len(weight), -1)
    noise = 2 * torch.rand(table.shape, generator=generator, dtype=weight.dtype) - 1
    noise = noise / (noise.norm(dim=1, keepdim=True) + 1e-6) * table.norm(dim=1, keepdim=True)
    return (strength * noise).reshape(weight.shape)


@wrong("row_noise")
def columns_for_rows(weight, strength, generator):
    """the RMS along the first dimension"""
    sizes = weight.square().mean(dim=0, keepdim=True).sqrt()
    return strength * sizes * (2 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 1)


@wrong("row_noise")
def last_dimension_only(weight, strength, generator):
    """the RMS over the last dimension, right for matrices"""
    sizes = weight.square().mean(dim=-1, keepdim=True).sqrt() if weight.dim() > 1 else weight.abs()
    return strength * sizes * (2 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype) - 1)


@wrong("row_noise")
def noisy_weight(weight, strength, generator):
    """the weight with its noise"""
    table = weight.reshape(len(weight), -1)
    noise = 2 * torch.rand(table.shape, generator=generator, dtype=weight.dtype) - 1
    return weight + (strength * table.square().mean(dim=1, keepdim=True).sqrt() * noise).reshape(weight.shape)


@wrong("row_noise")
def no_generator(weight, strength, generator):
    """takes torch's own generator"""
    table = weight.reshape(len(weight), -1)
    noise = 2 * torch.rand(table.shape, dtype=weight.dtype) - 1
    return (strength * table.square().mean(dim=1, keepdim=True).sqrt() * noise).reshape(weight.shape)


@wrong("row_noise")
def only_the_ends(weight, strength, generator):
    """signs: -a or a times the RMS, and nothing between"""
    table = weight.reshape(len(weight), -1)
    noise = (2 * torch.rand(table.shape, generator=generator, dtype=weight.dtype) - 1).sign()
    return (strength * table.square().mean(dim=1, keepdim=True).sqrt() * noise).reshape(weight.shape)


@wrong("row_noise")
def views_it_flat(weight, strength, generator):
    """.view stops where a weight is not contiguous, as those of convolutions may be"""
    table = weight.view(len(weight), -1)
    noise = 2 * torch.rand(table.shape, generator=generator, dtype=weight.dtype) - 1
    return (strength * table.square().mean(dim=1, keepdim=True).sqrt() * noise).view(weight.shape)


@wrong("row_noise")
def zero_filters_give_nan(weight, strength, generator):
    """brings the noise to the RMS by a division, 0 / 0"""
    table = weight.reshape(len(weight), -1)
    noise = 2 * torch.rand(table.shape, generator=generator, dtype=weight.dtype) - 1
    sizes = table.square().mean(dim=1, keepdim=True)
    return (strength * noise * sizes / sizes.sqrt()).reshape(weight.shape)


@right("row_noise")
def with_uniform(weight, strength, generator):
    """uniform_ on new memory, and the mean over all dimensions but the first"""
    noise = torch.empty(weight.shape, dtype=weight.dtype).uniform_(-strength, strength, generator=generator)
    if weight.dim() == 1:
        return noise * weight.abs()
    return noise * weight.square().mean(tuple(range(1, weight.dim())), keepdim=True).sqrt()


@right("row_noise")
def filter_by_filter(weight, strength, generator):
    """a loop over the filters"""
    result = torch.zeros_like(weight)
    for f in range(len(weight)):
        size = weight[f].norm() / math.sqrt(weight[f].numel())
        result[f] = strength * size * (1 - 2 * torch.rand(weight[f].shape, generator=generator, dtype=weight.dtype))
    return result


@right("row_noise")
def as_a_difference(weight, strength, generator):
    """from the lower end to the upper one"""
    flat = weight.flatten(1) if weight.dim() > 1 else weight[:, None]
    ends = strength * flat.pow(2).mean(1).sqrt()[:, None]
    return torch.lerp(-ends, ends, torch.rand_like(flat, generator=generator)).reshape(weight.shape)


@wrong("row_noise")
def zeros_without_noise(weight, strength, generator):
    """the range of the filter, but nothing where a weight is 0"""
    table = weight.reshape(len(weight), -1)
    uniform = 2 * torch.rand(table.shape, generator=generator, dtype=weight.dtype) - 1
    noise = strength * table.square().mean(dim=1, keepdim=True).sqrt() * uniform
    return torch.where(table == 0, 0, noise).reshape(weight.shape)


@wrong("row_noise")
def size_of_what_is_not_zero(weight, strength, generator):
    """the mean over those weights that are not 0"""
    table = weight.reshape(len(weight), -1)
    used = (table != 0).sum(dim=1, keepdim=True).clamp(min=1)
    uniform = 2 * torch.rand(table.shape, generator=generator, dtype=weight.dtype) - 1
    return (strength * (table.square().sum(dim=1, keepdim=True) / used).sqrt() * uniform).reshape(weight.shape)


@wrong("row_noise")
def small_number_under_the_root(weight, strength, generator):
    """1e-8 under the root, which filters of small weights feel, and filters of zeros"""
    table = weight.reshape(len(weight), -1)
    uniform = 2 * torch.rand(table.shape, generator=generator, dtype=weight.dtype) - 1
    return (strength * (table.square().mean(dim=1, keepdim=True) + 1e-8).sqrt() * uniform).reshape(weight.shape)


@right("row_noise")
def drawn_in_double_precision(weight, strength, generator):
    """everything in double precision, rounded at the end"""
    table = weight.double().reshape(len(weight), -1)
    noise = torch.rand(table.shape, generator=generator, dtype=torch.float64).sub(0.5).mul(2 * strength)
    noise *= table.norm(dim=1, keepdim=True) / table.shape[1] ** 0.5
    return noise.reshape(weight.shape).to(weight.dtype)


# Exercise 4


@wrong("ghost_noises")
def batch_norm_too(weights, ghosts, strength, generator):
    """noise for vectors as well"""
    found = []
    for ghost in range(ghosts):
        if ghost % 2:
            found.append({name: -noise for name, noise in found[-1].items()})
        else:
            found.append({name: row_noise(weight, strength, generator) for name, weight in weights.items()})
    if not found[0]:
        raise ValueError("nothing")
    return found


@wrong("ghost_noises")
def zeros_for_vectors(weights, ghosts, strength, generator):
    """vectors are in the dictionaries, with noise of 0"""
    if all(weight.dim() < 2 for weight in weights.values()):
        raise ValueError("nothing")
    found = []
    for ghost in range(ghosts):
        sign = 1 - 2 * (ghost % 2)
        if sign == 1:
            drawn = {name: row_noise(w, strength if w.dim() > 1 else 0.0, generator) for name, w in weights.items()}
        found.append({name: sign * noise for name, noise in drawn.items()})
    return found


@wrong("ghost_noises")
def one_noise_for_all(weights, ghosts, strength, generator):
    """all ghost batches have the same noise"""
    noise = {name: row_noise(weight, strength, generator) for name, weight in weights.items() if weight.dim() > 1}
    if not noise:
        raise ValueError("nothing")
    return [noise] * ghosts


@wrong("ghost_noises")
def one_pair_for_all(weights, ghosts, strength, generator):
    """all pairs have the same noise"""
    noise = {name: row_noise(weight, strength, generator) for name, weight in weights.items() if weight.dim() > 1}
    if not noise:
        raise ValueError("nothing")
    return [{name: (-1) ** ghost * part for name, part in noise.items()} for ghost in range(ghosts)]


@wrong("ghost_noises")
def no_partners(weights, ghosts, strength, generator):
    """each ghost batch draws its own"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() > 1}
    if not filters:
        raise ValueError("nothing")
    return [{name: row_noise(w, strength, generator) for name, w in filters.items()} for _ in range(ghosts)]


@wrong("ghost_noises")
def same_sign_in_pairs(weights, ghosts, strength, generator):
    """partners have the same noise, not the opposite"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() > 1}
    if not filters:
        raise ValueError("nothing")
    found = []
    for ghost in range(ghosts):
        drawn = {name: row_noise(w, strength, generator) for name, w in filters.items()} if ghost % 2 == 0 else drawn
        found.append(dict(drawn))
    return found


@wrong("ghost_noises")
def halves_are_partners(weights, ghosts, strength, generator):
    """the second half has the opposite of the first half"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() > 1}
    if not filters:
        raise ValueError("nothing")
    first = [{name: row_noise(w, strength, generator) for name, w in filters.items()} for _ in range((ghosts + 1) // 2)]
    return first + [{name: -noise for name, noise in drawn.items()} for drawn in first[: ghosts // 2]]


@wrong("ghost_noises")
def always_even(weights, ghosts, strength, generator):
    """an odd number gets one too many"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() > 1}
    if not filters:
        raise ValueError("nothing")
    found = []
    for _ in range((ghosts + 1) // 2):
        drawn = {name: row_noise(w, strength, generator) for name, w in filters.items()}
        found += [drawn, {name: -noise for name, noise in drawn.items()}]
    return found


@wrong("ghost_noises")
def no_error_for_vectors(weights, ghosts, strength, generator):
    """empty dictionaries where there is nothing to perturb"""
    found = []
    for ghost in range(ghosts):
        if ghost % 2:
            found.append({name: -noise for name, noise in found[-1].items()})
        else:
            found.append({name: row_noise(w, strength, generator) for name, w in weights.items() if w.dim() > 1})
    return found


@wrong("ghost_noises")
def matrices_only(weights, ghosts, strength, generator):
    """two dimensions exactly: convolutions are left out"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() == 2}
    if not filters:
        raise ValueError("nothing")
    found = []
    for ghost in range(ghosts):
        if ghost % 2:
            found.append({name: -noise for name, noise in found[-1].items()})
        else:
            found.append({name: row_noise(w, strength, generator) for name, w in filters.items()})
    return found


@wrong("ghost_noises")
def same_dice_for_every_weight(weights, ghosts, strength, generator):
    """a new generator with one seed for every weight"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() > 1}
    if not filters:
        raise ValueError("nothing")
    found = []
    for ghost in range(ghosts):
        if ghost % 2:
            found.append({name: -noise for name, noise in found[-1].items()})
            continue
        seed = int(torch.randint(2**31, (), generator=generator))
        found.append({name: row_noise(w, strength, torch.Generator().manual_seed(seed)) for name, w in filters.items()})
    return found


@wrong("ghost_noises")
def negates_in_place(weights, ghosts, strength, generator):
    """neg_ turns the noise that is in the list already"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() > 1}
    if not filters:
        raise ValueError("nothing")
    found = []
    for ghost in range(ghosts):
        if ghost % 2:
            found.append({name: noise.neg_() for name, noise in found[-1].items()})
        else:
            found.append({name: row_noise(w, strength, generator) for name, w in filters.items()})
    return found


@right("ghost_noises")
def pair_by_pair(weights, ghosts, strength, generator):
    """draws pairs, and cuts off the last partner if there is one too many"""
    names = [name for name in weights if weights[name].ndim >= 2]
    if len(names) == 0:
        raise ValueError("no filters")
    result = []
    while len(result) < ghosts:
        plus = {name: row_noise(weights[name], strength, generator) for name in names}
        minus = {name: -plus[name] for name in names}
        result += [plus, minus]
    return result[:ghosts]


@right("ghost_noises")
def weight_by_weight(weights, ghosts, strength, generator):
    """one weight after the other, with signs"""
    result = [{} for _ in range(ghosts)]
    if not any(len(weight.shape) > 1 for weight in weights.values()):
        raise ValueError("only vectors")
    for name, weight in weights.items():
        if len(weight.shape) < 2:
            continue
        for start in range(0, ghosts, 2):
            noise = row_noise(weight, strength, generator)
            for ghost, sign in zip(range(start, min(start + 2, ghosts)), (1, -1), strict=False):
                result[ghost][name] = sign * noise
    return result


@wrong("ghost_noises")
def chosen_by_name(weights, ghosts, strength, generator):
    """leaves out what is called bias or norm, and not what is a vector"""
    filters = {name: weight for name, weight in weights.items() if "bias" not in name and "norm" not in name}
    if not filters:
        raise ValueError("nothing to perturb")
    noises = []
    for i in range(ghosts):
        if i % 2:
            noises.append({name: -noise for name, noise in noises[-1].items()})
        else:
            noises.append({name: row_noise(weight, strength, generator) for name, weight in filters.items()})
    return noises


@wrong("ghost_noises")
def last_one_without_noise(weights, ghosts, strength, generator):
    """without a partner there is no noise"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() > 1}
    if not filters:
        raise ValueError("nothing to perturb")
    noises = []
    for _ in range(ghosts // 2):
        drawn = {name: row_noise(weight, strength, generator) for name, weight in filters.items()}
        noises += [drawn, {name: -noise for name, noise in drawn.items()}]
    if ghosts % 2:
        noises.append({name: torch.zeros_like(weight) for name, weight in filters.items()})
    return noises


@wrong("ghost_noises")
def less_for_each_of_many(weights, ghosts, strength, generator):
    """divides the strength by the root of the number of ghost batches"""
    filters = {name: weight for name, weight in weights.items() if weight.dim() > 1}
    if not filters:
        raise ValueError("nothing to perturb")
    noises = []
    for i in range(ghosts):
        if i % 2:
            noises.append({name: -noise for name, noise in noises[-1].items()})
        else:
            own = strength / math.sqrt(ghosts)
            noises.append({name: row_noise(weight, own, generator) for name, weight in filters.items()})
    return noises


# Exercise 5


@wrong("noisy_step")
def noise_not_removed(weights, inputs, targets, noises, rate, decay):
    """steps from the noisy weights of the last ghost batch"""
    total = torch.zeros_like(weights)
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        noisy = weights + noise
        total += x.T @ (x @ noisy - y)
    return noisy - rate * (total / len(inputs) + decay * weights)


@wrong("noisy_step")
def mean_noise_not_removed(weights, inputs, targets, noises, rate, decay):
    """steps from the weights with the mean noise"""
    total = torch.zeros_like(weights)
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        total += x.T @ (x @ (weights + noise) - y)
    return weights + sum(noises) / len(noises) - rate * (total / len(inputs) + decay * weights)


@wrong("noisy_step")
def decay_at_the_noisy_weights(weights, inputs, targets, noises, rate, decay):
    """weight decay sees the noise of each ghost batch"""
    total = torch.zeros_like(weights)
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        noisy = weights + noise
        total += x.T @ (x @ noisy - y) + decay * len(x) * noisy
    return weights - rate * total / len(inputs)


@wrong("noisy_step")
def first_noise_for_all(weights, inputs, targets, noises, rate, decay):
    """one noise for all ghost batches"""
    errors = inputs @ (weights + noises[0]) - targets
    return weights - rate * (inputs.T @ errors / len(inputs) + decay * weights)


@wrong("noisy_step")
def mean_of_the_noises(weights, inputs, targets, noises, rate, decay):
    """the mean noise for the whole batch"""
    errors = inputs @ (weights + sum(noises) / len(noises)) - targets
    return weights - rate * (inputs.T @ errors / len(inputs) + decay * weights)


@wrong("noisy_step")
def mean_of_means(weights, inputs, targets, noises, rate, decay):
    """ghost batches count the same, whatever their size"""
    total = decay * weights
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        total = total + x.T @ (x @ (weights + noise) - y) / len(x) / len(noises)
    return weights - rate * total


@wrong("noisy_step")
def sum_over_ghost_batches(weights, inputs, targets, noises, rate, decay):
    """adds up the means of the ghost batches"""
    total = decay * weights
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        total = total + x.T @ (x @ (weights + noise) - y) / len(x)
    return weights - rate * total


@wrong("noisy_step")
def step_after_each_ghost_batch(weights, inputs, targets, noises, rate, decay):
    """later ghost batches see weights that have moved"""
    new = weights - rate * decay * weights
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        new = new - rate * x.T @ (x @ (new + noise) - y) / len(inputs)
    return new


@wrong("noisy_step")
def noises_pile_up(weights, inputs, targets, noises, rate, decay):
    """the noise of earlier ghost batches is still there"""
    total, noisy = torch.zeros_like(weights), weights.clone()
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        noisy = noisy + noise
        total += x.T @ (x @ noisy - y)
    return weights - rate * (total / len(inputs) + decay * weights)


@wrong("noisy_step")
def decay_once_a_ghost_batch(weights, inputs, targets, noises, rate, decay):
    """weight decay is added by every ghost batch"""
    total = torch.zeros_like(weights)
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        total += x.T @ (x @ (weights + noise) - y) / len(inputs) + decay * weights
    return weights - rate * total


@wrong("noisy_step")
def decay_without_the_rate(weights, inputs, targets, noises, rate, decay):
    """weight decay beside the gradient step, not scaled by the rate"""
    total = torch.zeros_like(weights)
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        total += x.T @ (x @ (weights + noise) - y)
    return (1 - decay) * weights - rate * total / len(inputs)


@wrong("noisy_step")
def opposite_noise(weights, inputs, targets, noises, rate, decay):
    """subtracts the noise where it should be added"""
    total = torch.zeros_like(weights)
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        total += x.T @ (x @ (weights - noise) - y)
    return weights - rate * (total / len(inputs) + decay * weights)


@wrong("noisy_step")
def cut_by_the_quotient(weights, inputs, targets, noises, rate, decay):
    """ghost batches of B // P examples: what is left over is forgotten"""
    size, total = len(inputs) // len(noises), torch.zeros_like(weights)
    for ghost, noise in enumerate(noises):
        x, y = inputs[ghost * size : (ghost + 1) * size], targets[ghost * size : (ghost + 1) * size]
        total += x.T @ (x @ (weights + noise) - y)
    return weights - rate * (total / len(inputs) + decay * weights)


@wrong("noisy_step")
def cut_in_turn(weights, inputs, targets, noises, rate, decay):
    """deals the examples out in turn"""
    total = torch.zeros_like(weights)
    for ghost, noise in enumerate(noises):
        x, y = inputs[ghost :: len(noises)], targets[ghost :: len(noises)]
        total += x.T @ (x @ (weights + noise) - y)
    return weights - rate * (total / len(inputs) + decay * weights)


@wrong("noisy_step")
def works_in_place(weights, inputs, targets, noises, rate, decay):
    """changes the weights that it got"""
    clean, total = weights.clone(), torch.zeros_like(weights)
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        weights += noise
        total += x.T @ (x @ weights - y)
        weights.copy_(clean)
    weights -= rate * (total / len(inputs) + decay * clean)
    return weights


@wrong("noisy_step")
def uphill(weights, inputs, targets, noises, rate, decay):
    """adds the gradient"""
    total = torch.zeros_like(weights)
    parts = zip(inputs.tensor_split(len(noises)), targets.tensor_split(len(noises)), noises, strict=True)
    for x, y, noise in parts:
        total += x.T @ (x @ (weights + noise) - y)
    return weights + rate * (total / len(inputs) + decay * weights)


@right("noisy_step")
def with_autograd(weights, inputs, targets, noises, rate, decay):
    """lets torch differentiate the loss of each ghost batch"""
    gradient = decay * weights
    for x, y, noise in zip(
        torch.tensor_split(inputs, len(noises)), torch.tensor_split(targets, len(noises)), noises, strict=True
    ):
        noisy = (weights + noise).detach().requires_grad_()
        loss = 0.5 * (x @ noisy - y).pow(2).mean()
        (part,) = torch.autograd.grad(loss, noisy)
        gradient = gradient + part * len(x) / len(inputs)
    return weights - rate * gradient


@right("noisy_step")
def with_a_noise_for_each_example(weights, inputs, targets, noises, rate, decay):
    """a table of the noise that each example sees"""
    sizes = torch.tensor([len(part) for part in targets.tensor_split(len(noises))])
    table = torch.stack(list(noises)).repeat_interleave(sizes, dim=0)
    errors = (inputs * (weights + table)).sum(dim=1) - targets
    return (1 - rate * decay) * weights - rate * (errors[:, None] * inputs).mean(dim=0)


@right("noisy_step")
def with_loops(weights, inputs, targets, noises, rate, decay):
    """cuts by hand"""
    total, start, ghosts = 0, 0, len(noises)
    for k in range(ghosts):
        size = len(inputs) // ghosts + (1 if k < len(inputs) % ghosts else 0)
        for b in range(start, start + size):
            error = torch.dot(inputs[b], weights + noises[k]) - targets[b]
            total = total + error * inputs[b]
        start += size
    return weights - rate * total / len(inputs) - rate * decay * weights


@wrong("noisy_step")
def gradient_after_the_decay(weights, inputs, targets, noises, rate, decay):
    """decays first, and takes the gradient at the decayed weights"""
    decayed, parts = weights * (1 - rate * decay), len(noises)
    total = torch.zeros_like(weights)
    for x, y, noise in zip(inputs.tensor_split(parts), targets.tensor_split(parts), noises, strict=True):
        total += x.T @ (x @ (decayed + noise) - y)
    return decayed - rate * total / len(inputs)


@wrong("noisy_step")
def noise_in_and_out_again(weights, inputs, targets, noises, rate, decay):
    """adds and subtracts, so that rounding is left"""
    moving, total, parts = weights.clone(), torch.zeros_like(weights), len(noises)
    for x, y, noise in zip(inputs.tensor_split(parts), targets.tensor_split(parts), noises, strict=True):
        moving += noise
        total += x.T @ (x @ moving - y)
        moving -= noise
    return moving - rate * (total / len(inputs) + decay * moving)


@wrong("noisy_step")
def later_ones_get_more(weights, inputs, targets, noises, rate, decay):
    """cuts at i B // P: even, but the larger ghost batches come later"""
    examples, parts = len(inputs), len(noises)
    total = torch.zeros_like(weights)
    for i, noise in enumerate(noises):
        own = slice(i * examples // parts, (i + 1) * examples // parts)
        total += inputs[own].T @ (inputs[own] @ (weights + noise) - targets[own])
    return weights - rate * (total / examples + decay * weights)


# Exercise 6


@wrong("pooled_statistics")
def mean_of_the_variances(means, variances, counts):
    """forgets that the means differ"""
    shares = (counts / counts.sum()).to(means.dtype)[:, None]
    return (shares * means).sum(dim=0), (shares * variances).sum(dim=0)


@wrong("pooled_statistics")
def all_batches_alike(means, variances, counts):
    """batches count the same, whatever their size"""
    mean = means.mean(dim=0)
    return mean, (variances + (means - mean).square()).mean(dim=0)


@wrong("pooled_statistics")
def between_batches_alike(means, variances, counts):
    """the variance between batches is not weighted"""
    shares = (counts / counts.sum()).to(means.dtype)[:, None]
    mean = (shares * means).sum(dim=0)
    return mean, (shares * variances).sum(dim=0) + (means - mean).square().mean(dim=0)


@wrong("pooled_statistics")
def around_an_unweighted_mean(means, variances, counts):
    """distances from the plain mean of the means"""
    shares = (counts / counts.sum()).to(means.dtype)[:, None]
    mean = (shares * means).sum(dim=0)
    return mean, (shares * (variances + (means - means.mean(dim=0)).square())).sum(dim=0)


@wrong("pooled_statistics")
def difference_of_large_numbers(means, variances, counts):
    """the mean of the squares less the square of the mean: rounding"""
    shares = (counts / counts.sum()).to(means.dtype)[:, None]
    mean = (shares * means).sum(dim=0)
    return mean, (shares * (variances + means.square())).sum(dim=0) - mean.square()


@wrong("pooled_statistics")
def one_less(means, variances, counts):
    """divides by the number of examples less one"""
    n = counts.sum()
    shares = (counts / n).to(means.dtype)[:, None]
    mean = (shares * means).sum(dim=0)
    variance = (shares * (variances + (means - mean).square())).sum(dim=0)
    return mean, (variance * (n / (n - 1))).to(means.dtype)


@wrong("pooled_statistics")
def deviation_for_variance(means, variances, counts):
    """the root"""
    shares = (counts / counts.sum()).to(means.dtype)[:, None]
    mean = (shares * means).sum(dim=0)
    return mean, (shares * (variances + (means - mean).square())).sum(dim=0).sqrt()


@wrong("pooled_statistics")
def distance_without_square(means, variances, counts):
    """sizes of distances in place of their squares"""
    shares = (counts / counts.sum()).to(means.dtype)[:, None]
    mean = (shares * means).sum(dim=0)
    return mean, (shares * (variances + (means - mean).abs())).sum(dim=0)


@wrong("pooled_statistics")
def only_between(means, variances, counts):
    """the variance of the means alone"""
    shares = (counts / counts.sum()).to(means.dtype)[:, None]
    mean = (shares * means).sum(dim=0)
    return mean, (shares * (means - mean).square()).sum(dim=0)


@wrong("pooled_statistics")
def moving_average(means, variances, counts):
    """BatchNorm's moving average, with momentum 0.1"""
    mean, variance = means[0].clone(), variances[0].clone()
    for m, v in zip(means[1:], variances[1:], strict=True):
        mean, variance = 0.9 * mean + 0.1 * m, 0.9 * variance + 0.1 * v
    return mean, variance


@wrong("pooled_statistics")
def over_the_channels(means, variances, counts):
    """one number for all channels together"""
    shares = (counts / counts.sum()).to(means.dtype)[:, None]
    mean = (shares * means).sum(dim=0).mean().expand(means.shape[1])
    return mean, (shares * (variances + (means - mean).square())).sum(dim=0).mean().expand(means.shape[1])


@right("pooled_statistics")
def batch_after_batch(means, variances, counts):
    """adds one batch after the other to the statistics so far"""
    mean, variance, seen = means[0].clone(), variances[0].clone(), counts[0].item()
    for m, v, count in zip(means[1:], variances[1:], counts[1:].tolist(), strict=True):
        share = count / (seen + count)
        step = m - mean
        mean = mean + share * step
        variance = (1 - share) * variance + share * v + share * (1 - share) * step**2
        seen += count
    return mean, variance


@right("pooled_statistics")
def in_double_precision(means, variances, counts):
    """the mean of the squares less the square of the mean, in double precision"""
    shares = counts.double() / counts.sum()
    mean = shares @ means.double()
    variance = shares @ (variances.double() + means.double() ** 2) - mean**2
    return [mean.to(means.dtype), variance.to(means.dtype)]


@wrong("pooled_statistics")
def one_mean_for_all_channels(means, variances, counts):
    """distances from the mean of all channels"""
    shares = (counts.to(means.dtype) / counts.sum())[:, None]
    mean = (shares * means).sum(dim=0)
    return mean, (shares * (variances + (means - mean.mean()).square())).sum(dim=0)


@right("pooled_statistics")
def around_the_first_batch(means, variances, counts):
    """squares less square, of means that are counted from the first one"""
    shares = counts.to(means.dtype) / counts.sum()
    moved = means - means[0]
    mean = shares @ moved
    return [means[0] + mean, shares @ (variances + moved.square()) - mean.square()]


# Exercise 7


@wrong("quadratic_sharpness")
def at_the_centre(curvatures, weights, epsilon):
    """goes up the gradient, which is zero at zero"""
    width = epsilon * (weights.abs() + 1)
    place = weights + width * (curvatures * weights).sign()
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def always_away_from_zero(curvatures, weights, epsilon):
    """negative curvatures are taken for positive ones"""
    place = weights.abs() + epsilon * (weights.abs() + 1)
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def beyond_zero(curvatures, weights, epsilon):
    """does not stop at zero where the curvature is negative"""
    size, width = weights.abs(), epsilon * (weights.abs() + 1)
    place = torch.where(curvatures > 0, size + width, size - width)
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def always_upwards(curvatures, weights, epsilon):
    """adds the width also to negative weights"""
    width = epsilon * (weights.abs() + 1)
    nearest = weights.sign() * (weights.abs() - width).clamp(min=0)
    place = torch.where(curvatures > 0, weights + width, nearest)
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def width_without_one(curvatures, weights, epsilon):
    """the box is epsilon |x|"""
    size, width = weights.abs(), epsilon * weights.abs()
    place = torch.where(curvatures > 0, size + width, (size - width).clamp(min=0))
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def width_the_same_for_all(curvatures, weights, epsilon):
    """the box is epsilon"""
    size = weights.abs()
    place = torch.where(curvatures > 0, size + epsilon, (size - epsilon).clamp(min=0))
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def width_with_the_sign(curvatures, weights, epsilon):
    """x + 1 in place of |x| + 1"""
    size, width = weights.abs(), epsilon * (weights + 1)
    place = torch.where(curvatures > 0, size + width, (size - width).clamp(min=0))
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def no_percent(curvatures, weights, epsilon):
    """a share in place of percent"""
    size, width = weights.abs(), epsilon * (weights.abs() + 1)
    place = torch.where(curvatures > 0, size + width, (size - width).clamp(min=0))
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def rise_alone(curvatures, weights, epsilon):
    """does not divide by 1 + f"""
    size, width = weights.abs(), epsilon * (weights.abs() + 1)
    place = torch.where(curvatures > 0, size + width, (size - width).clamp(min=0))
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here)


@wrong("quadratic_sharpness")
def relative_to_the_loss(curvatures, weights, epsilon):
    """divides by f: nothing at a minimum of 0"""
    size, width = weights.abs(), epsilon * (weights.abs() + 1)
    place = torch.where(curvatures > 0, size + width, (size - width).clamp(min=0))
    here, top = ((curvatures * x.square()).sum().item() / 2 for x in (weights, place))
    return 100 * (top - here) / here if here else 0.0


@wrong("quadratic_sharpness")
def loss_without_the_half(curvatures, weights, epsilon):
    """h x^2"""
    size, width = weights.abs(), epsilon * (weights.abs() + 1)
    place = torch.where(curvatures > 0, size + width, (size - width).clamp(min=0))
    here, top = ((curvatures * x.square()).sum().item() for x in (weights, place))
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def one_weight_at_a_time(curvatures, weights, epsilon):
    """moves only the weight that gives the largest rise"""
    size, width = weights.abs(), epsilon * (weights.abs() + 1)
    place = torch.where(curvatures > 0, size + width, (size - width).clamp(min=0))
    rises = curvatures * (place.square() - size.square()) / 2
    return (100 * rises.max() / (1 + (curvatures * size.square()).sum() / 2)).item()


@right("quadratic_sharpness")
def best_of_three_places(curvatures, weights, epsilon):
    """both ends of each side, and the place nearest to zero"""
    width = epsilon * (weights.abs() + 1)
    low, high = weights - width, weights + width
    nearest = torch.zeros_like(weights).clamp(low, high)
    terms = torch.stack([curvatures * place**2 / 2 for place in (low, high, nearest)]).amax(dim=0)
    loss = (curvatures * weights**2).sum() / 2
    return 100 * (terms.sum() - loss) / (1 + loss)


@right("quadratic_sharpness")
def weight_by_weight_sharpness(curvatures, weights, epsilon):
    """a loop over plain numbers"""
    loss = rise = 0.0
    for h, x in zip(curvatures.tolist(), weights.tolist(), strict=True):
        x = abs(x)
        width = epsilon * (x + 1)
        place = x + width if h > 0 else max(0.0, x - width)
        loss += h * x * x / 2
        rise += h * (place * place - x * x) / 2
    return 100 * rise / (1 + loss)


@wrong("quadratic_sharpness")
def better_end_of_each_side(curvatures, weights, epsilon):
    """the corners of the box only: on a hill the top may lie between them"""
    width = epsilon * (weights.abs() + 1)
    ends = torch.stack([weights + width, weights - width])
    here = (curvatures * weights.square()).sum() / 2
    top = (curvatures * ends.square() / 2).amax(dim=0).sum()
    return 100 * (top - here) / (1 + here)


@wrong("quadratic_sharpness")
def search_of_a_grid(curvatures, weights, epsilon):
    """a thousand steps along each side"""
    width = epsilon * (weights.abs() + 1)
    places = weights[:, None] + width[:, None] * torch.linspace(-1, 1, 1_001, dtype=weights.dtype)
    here = (curvatures * weights.square()).sum() / 2
    top = (curvatures[:, None] * places.square() / 2).amax(dim=1).sum()
    return 100 * (top - here) / (1 + here)


@right("quadratic_sharpness")
def bowls_and_hills_apart(curvatures, weights, epsilon):
    """what positive and what negative curvatures can give"""
    size = weights.abs()
    width = epsilon * (size + 1)
    bowls = curvatures.relu() * ((size + width).square() - size.square())
    hills = (-curvatures).relu() * (size.square() - (size - width).relu().square())
    return 100 * (bowls + hills).sum() / (2 + (curvatures * size.square()).sum())


# Exercise 8


@wrong("mended_step")
def as_the_colleague(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """the colleague's step, with all three faults"""

    def noise():
        return strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)

    noisy = weights + noise()
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        slope += x.T @ (x @ noisy - y) / len(inputs)
    new = noisy - rate * slope
    new = new.sign() * (new.abs() - rate * pull).clamp(min=0)
    return new - noise()


@wrong("mended_step")
def new_noise_subtracted(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """subtracts noise that it draws anew"""

    def noise():
        return strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)

    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        noisy = weights + noise()
        slope += x.T @ (x @ noisy - y) / len(inputs)
    new = noisy - rate * slope - noise()
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@wrong("mended_step")
def noise_stays(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """steps from the noisy weights and never goes back"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        noisy = weights + strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ noisy - y) / len(inputs)
    new = noisy - rate * slope
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@wrong("mended_step")
def pull_at_the_noisy_weights(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """the threshold before the noise has gone"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        theta = strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ (weights + theta) - y) / len(inputs)
    new = weights + theta - rate * slope
    return new.sign() * (new.abs() - rate * pull).clamp(min=0) - theta


@wrong("mended_step")
def one_noise_for_all_ghosts(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """mends the zeros, and keeps one noise for all ghost batches"""
    noisy = weights + strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
    new = weights - rate * inputs.T @ (inputs @ noisy - targets) / len(inputs)
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@wrong("mended_step")
def no_noise_at_all(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """gets the zeros back by leaving the noise out"""
    torch.rand(len(weights), generator=generator)
    new = weights - rate * inputs.T @ (inputs @ weights - targets) / len(inputs)
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@wrong("mended_step")
def normal_for_uniform(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """normal noise"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        noisy = weights + strength * torch.randn(len(weights), generator=generator, dtype=weights.dtype)
        slope += x.T @ (x @ noisy - y) / len(inputs)
    new = weights - rate * slope
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@wrong("mended_step")
def zeros_get_no_noise(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """noise in proportion to the weights, so that zeros are left alone"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        theta = strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ (weights + theta * weights.abs()) - y) / len(inputs)
    new = weights - rate * slope
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@wrong("mended_step")
def pull_in_the_gradient(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """the sign of the weight in the gradient: never exactly zero"""
    slope = pull * weights.sign()
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        noisy = weights + strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ noisy - y) / len(inputs)
    return weights - rate * slope


@wrong("mended_step")
def threshold_without_pull(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """small weights become 0, large ones are not moved"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        noisy = weights + strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ noisy - y) / len(inputs)
    new = weights - rate * slope
    return torch.where(new.abs() > rate * pull, new, torch.zeros_like(new))


@wrong("mended_step")
def pull_before_the_gradient(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """the threshold first, then the gradient: not the proximal step"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        noisy = weights + strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ noisy - y) / len(inputs)
    return weights.sign() * (weights.abs() - rate * pull).clamp(min=0) - rate * slope


@wrong("mended_step")
def pull_without_the_rate(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """moves towards zero by the pull"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        noisy = weights + strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ noisy - y) / len(inputs)
    new = weights - rate * slope
    return new.sign() * (new.abs() - pull).clamp(min=0)


@wrong("mended_step")
def own_seed(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """a generator of its own: the same noise in every step"""
    slope, own = torch.zeros_like(weights), torch.Generator().manual_seed(0)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        noisy = weights + strength * (2 * torch.rand(len(weights), generator=own, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ noisy - y) / len(inputs)
    new = weights - rate * slope
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@right("mended_step")
def with_noisy_step(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """exercise 5, and the threshold after it"""
    table = 2 * torch.rand(ghosts, len(weights), generator=generator, dtype=weights.dtype) - 1
    new = noisy_step(weights, inputs, targets, list(strength * table), rate, 0.0)
    return torch.where(new.abs() > rate * pull, new - rate * pull * new.sign(), torch.zeros_like(new))


@right("mended_step")
def noise_in_and_out(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """adds the noise to a copy and takes the same away before the threshold"""
    slope, moving = torch.zeros_like(weights), weights.clone()
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        theta = torch.empty_like(weights).uniform_(-strength, strength, generator=generator)
        moving += theta
        slope += x.T @ (x @ moving - y) / len(inputs)
        moving -= theta
    new = moving - rate * slope
    return torch.sign(new) * torch.relu(new.abs() - rate * pull)


@wrong("mended_step")
def zeros_for_ever(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """a weight that is 0 never moves again"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        theta = strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        slope += x.T @ (x @ (weights + theta) - y) / len(inputs)
    new = weights - rate * slope
    new = new.sign() * (new.abs() - rate * pull).clamp(min=0)
    return torch.where(weights == 0, 0, new)


@wrong("mended_step")
def zeros_feel_no_noise(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """no noise where a weight is 0"""
    slope = torch.zeros_like(weights)
    for x, y in zip(inputs.tensor_split(ghosts), targets.tensor_split(ghosts), strict=True):
        theta = strength * (2 * torch.rand(len(weights), generator=generator, dtype=weights.dtype) - 1)
        theta = theta * (weights != 0)
        slope += x.T @ (x @ (weights + theta) - y) / len(inputs)
    new = weights - rate * slope
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@wrong("mended_step")
def partners_of_exercise_four(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """every second ghost batch has the opposite noise, which is not independent"""
    slope, theta = torch.zeros_like(weights), None
    for i in range(ghosts):
        x, y = inputs.tensor_split(ghosts)[i], targets.tensor_split(ghosts)[i]
        uniform = torch.rand(len(weights), generator=generator, dtype=weights.dtype)
        theta = -theta if i % 2 else strength * (2 * uniform - 1)
        slope += x.T @ (x @ (weights + theta) - y) / len(inputs)
    new = weights - rate * slope
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@wrong("mended_step")
def noise_of_each_example(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """each example draws its own noise, whatever its ghost batch"""
    uniform = torch.rand(inputs.shape, generator=generator, dtype=weights.dtype)
    errors = (inputs * (weights + strength * (2 * uniform - 1))).sum(dim=1) - targets
    new = weights - rate * inputs.T @ errors / len(inputs)
    return new.sign() * (new.abs() - rate * pull).clamp(min=0)


@right("mended_step")
def all_noise_at_once(weights, inputs, targets, ghosts, strength, rate, pull, generator):
    """a table of noise, example by example; the threshold as two ReLUs"""
    uniform = torch.rand(ghosts, len(weights), generator=generator, dtype=weights.dtype)
    sizes = torch.tensor([len(part) for part in inputs.tensor_split(ghosts)])
    noisy = (weights + strength * (2 * uniform - 1)).repeat_interleave(sizes, dim=0)
    new = weights - rate / len(inputs) * (((inputs * noisy).sum(dim=1) - targets) @ inputs)
    return torch.relu(new - rate * pull) - torch.relu(-new - rate * pull)

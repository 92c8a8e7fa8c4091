"""The answer bank of lab 4: wrong answers that its tests must reject, and right ones that they must accept.

Read, not run: each function is put in place of the student's, next to the solutions of the other exercises.
"""

# Written as students write: with names of the notebook, and with habits that our own code does not have.
# ruff: noqa: F821

import math

import torch

from grading.bank import right, wrong

# Exercise 1


@wrong("ternarize")
def rounds_to_the_nearest(gradient, scaler, generator):
    """deterministic: non-zero above s / 2"""
    return scaler * gradient.sign() * (gradient.abs() > scaler / 2)


@wrong("ternarize")
def sign_is_lost(gradient, scaler, generator):
    """s or 0, whatever the sign"""
    uniform = torch.rand(gradient.shape, generator=generator)
    return scaler * (uniform * scaler < gradient.abs()).to(gradient.dtype)


@wrong("ternarize")
def comparison_inverted(gradient, scaler, generator):
    """fires with probability 1 - |g| / s"""
    uniform = torch.rand(gradient.shape, generator=generator)
    return scaler * gradient.sign() * (uniform * scaler > gradient.abs())


@wrong("ternarize")
def sign_in_the_comparison(gradient, scaler, generator):
    """compares the gradient with its sign: negative elements never fire"""
    uniform = torch.rand(gradient.shape, generator=generator)
    return scaler * gradient.sign() * (uniform * scaler < gradient)


@wrong("ternarize")
def eight_random_bits(gradient, scaler, generator):
    """random numbers of eight bits: small elements fire too often"""
    uniform = torch.randint(0, 256, gradient.shape, generator=generator) / 256
    return scaler * gradient.sign() * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def eight_random_bits_never_zero(gradient, scaler, generator):
    """random numbers 1 / 256 to 1: small elements never fire"""
    uniform = torch.randint(1, 257, gradient.shape, generator=generator) / 256
    return scaler * gradient.sign() * (uniform * scaler <= gradient.abs())


@wrong("ternarize")
def half_precision_chance(gradient, scaler, generator):
    """random numbers with steps of 1 / 2048"""
    uniform = torch.randint(0, 2048, gradient.shape, generator=generator) / 2048
    return scaler * gradient.sign() * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def codes_without_scaler(gradient, scaler, generator):
    """-1, 0 and 1: the scaler is forgotten"""
    uniform = torch.rand(gradient.shape, generator=generator)
    return gradient.sign() * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def zero_gives_nan(gradient, scaler, generator):
    """divides by the scaler, and 0 / 0 is nan"""
    probability = (gradient.abs() / scaler).clamp(max=1)
    uniform = torch.rand(gradient.shape, generator=generator)
    return torch.where(uniform < probability, scaler * gradient.sign(), 0 * probability)


@wrong("ternarize")
def in_place(gradient, scaler, generator):
    """works in the gradient itself"""
    uniform = torch.rand(gradient.shape, generator=generator)
    fires = uniform * scaler < gradient.abs()
    return gradient.sign_().mul_(scaler).mul_(fires)


@wrong("ternarize")
def global_generator(gradient, scaler, generator):
    """takes torch's own generator"""
    return scaler * gradient.sign() * (torch.rand(gradient.shape) * scaler < gradient.abs())


@wrong("ternarize")
def starts_the_generator_anew(gradient, scaler, generator):
    """puts the generator back to its seed"""
    generator.manual_seed(generator.initial_seed())
    uniform = torch.rand(gradient.shape, generator=generator)
    return scaler * gradient.sign() * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def one_number_for_all(gradient, scaler, generator):
    """one random number for all elements"""
    uniform = torch.rand((), generator=generator)
    return scaler * gradient.sign() * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def one_row_for_all(gradient, scaler, generator):
    """one row of random numbers for all rows"""
    uniform = torch.rand(gradient.shape[-1:], generator=generator)
    return scaler * gradient.sign() * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def one_column_for_all(gradient, scaler, generator):
    """one random number for each row"""
    uniform = torch.rand((*gradient.shape[:-1], 1) if gradient.dim() else (), generator=generator)
    return scaler * gradient.sign() * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def keeps_the_numbers(gradient, scaler, generator):
    """the element itself or 0, like dropout"""
    uniform = torch.rand(gradient.shape, generator=generator)
    return gradient * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def two_levels(gradient, scaler, generator):
    """s or -s, right on average, but never 0"""
    if scaler == 0:
        return torch.zeros_like(gradient)
    uniform = torch.rand(gradient.shape, generator=generator)
    up = uniform < (1 + gradient / scaler) / 2
    return torch.where(up, scaler, -scaler).to(gradient.dtype)


@wrong("ternarize")
def own_scaler(gradient, scaler, generator):
    """takes the largest element for the scaler in place of the given one"""
    s = gradient.abs().max()
    uniform = torch.rand(gradient.shape, generator=generator)
    return s * gradient.sign() * (uniform * s < gradient.abs())


@wrong("ternarize")
def squared_probability(gradient, scaler, generator):
    """fires with the square of the probability"""
    uniform = torch.rand(gradient.shape, generator=generator)
    return scaler * gradient.sign() * (uniform.sqrt() * scaler < gradient.abs())


@wrong("ternarize")
def normal_numbers(gradient, scaler, generator):
    """Gaussian random numbers in place of uniform ones"""
    chance = torch.randn(gradient.shape, generator=generator).abs()
    return scaler * gradient.sign() * (chance * scaler < gradient.abs())


@wrong("ternarize")
def always_single_precision(gradient, scaler, generator):
    """single precision whatever is given"""
    g = gradient.float()
    return scaler * g.sign() * (torch.rand(g.shape, generator=generator) * scaler < g.abs())


@wrong("ternarize")
def large_elements_lost(gradient, scaler, generator):
    """what is larger than the scaler becomes 0"""
    size = gradient.abs()
    uniform = torch.rand(gradient.shape, generator=generator)
    return scaler * gradient.sign() * ((uniform * scaler < size) & (size <= scaler))


@wrong("ternarize")
def copies_the_generator(gradient, scaler, generator):
    """draws from a copy, so that the generator stays where it was"""
    own = torch.Generator()
    own.set_state(generator.get_state())
    uniform = torch.rand(gradient.shape, generator=own)
    return scaler * gradient.sign() * (uniform * scaler < gradient.abs())


@wrong("ternarize")
def views_it_flat(gradient, scaler, generator):
    """.view(-1) stops where a gradient is not contiguous, as those of convolutions may be"""
    flat = gradient.view(-1)
    fires = torch.rand(len(flat), generator=generator) * scaler < flat.abs()
    return (scaler * flat.sign() * fires).view(gradient.shape)


@wrong("ternarize")
def floor_without_end(gradient, scaler, generator):
    """floor(g / s + u), also of elements that are larger than s"""
    if scaler == 0:
        return torch.zeros_like(gradient)
    return scaler * (gradient / scaler + torch.rand(gradient.shape, generator=generator)).floor()


@right("ternarize")
def with_bernoulli(gradient, scaler, generator):
    """torch.bernoulli, guarded against the scaler 0"""
    if scaler == 0:
        return torch.zeros_like(gradient)
    probability = (gradient.abs() / scaler).clamp(0, 1)
    return torch.bernoulli(probability, generator=generator) * gradient.sign() * scaler


@right("ternarize")
def with_rand_like(gradient, scaler, generator):
    """torch.rand_like, and a mask as numbers"""
    if not scaler:
        return torch.zeros_like(gradient)
    fires = torch.rand_like(gradient, generator=generator) <= gradient.abs() / scaler
    return fires.to(gradient.dtype).mul_(torch.sign(gradient)).mul_(scaler)


@right("ternarize")
def with_where(gradient, scaler, generator):
    """a probability, and torch.where"""
    probability = gradient.abs() / scaler if scaler > 0 else torch.zeros_like(gradient)
    uniform = torch.empty(gradient.shape, dtype=torch.float64).uniform_(generator=generator)
    return torch.where(uniform < probability, gradient.sign() * scaler, torch.zeros_like(gradient))


@right("ternarize")
def by_rounding_down(gradient, scaler, generator):
    """floor(g / s + u), from -1 to 1"""
    steps = (gradient / (scaler or 1)).clamp(-1, 1).double()
    codes = (steps + torch.rand(gradient.shape, generator=generator, dtype=torch.float64)).floor().clamp(-1, 1)
    return (codes * scaler).to(gradient.dtype)


@right("ternarize")
def element_by_element(gradient, scaler, generator):
    """a mask, and two assignments"""
    result = torch.zeros_like(gradient)
    fires = torch.rand(gradient.size(), generator=generator).mul(scaler) < gradient.abs()
    result[fires & (gradient > 0)] = scaler
    result[fires & (gradient < 0)] = -scaler
    return result


# Exercise 2


@wrong("moments", function="ternary_mean")
def mean_without_end(gradient, scaler):
    """the gradient itself, also beyond the scaler"""
    return gradient.clone()


@wrong("moments", function="ternary_mean")
def mean_without_sign(gradient, scaler):
    """sizes"""
    return gradient.abs().clamp(max=scaler)


@wrong("moments", function="ternary_mean")
def mean_in_place(gradient, scaler):
    """changes the gradient"""
    return gradient.clamp_(-scaler, scaler)


@wrong("moments", function="ternary_mean")
def mean_of_the_code(gradient, scaler):
    """the probability with its sign: the scaler is forgotten"""
    return (gradient / scaler).clamp(-1, 1) if scaler else torch.zeros_like(gradient)


@wrong("moments", function="ternary_mean")
def mean_with_nan(gradient, scaler):
    """0 / 0 for the scaler 0"""
    return scaler * (gradient / scaler).clamp(-1, 1)


@wrong("moments", function="ternary_mean")
def mean_cut_above_only(gradient, scaler):
    """negative elements are not cut off"""
    return gradient.clamp(max=scaler)


@wrong("moments", function="ternary_variance")
def second_moment(gradient, scaler):
    """the mean of the square, without the square of the mean"""
    return gradient.abs().clamp(max=scaler) * scaler


@wrong("moments", function="ternary_variance")
def variance_of_the_coin(gradient, scaler):
    """p (1 - p), without the square of the scaler"""
    p = (gradient.abs() / scaler).clamp(max=1) if scaler else torch.zeros_like(gradient)
    return p * (1 - p)


@wrong("moments", function="ternary_variance")
def variance_below_zero(gradient, scaler):
    """negative where an element is larger than the scaler"""
    return gradient.abs() * (scaler - gradient.abs())


@wrong("moments", function="ternary_variance")
def standard_deviation(gradient, scaler):
    """the root of the variance"""
    size = gradient.abs().clamp(max=scaler)
    return (size * (scaler - size)).sqrt()


@wrong("moments", function="ternary_variance")
def variance_without_size(gradient, scaler):
    """forgets the sign's absence: g (s - g)"""
    g = gradient.clamp(-scaler, scaler)
    return g * (scaler - g)


@wrong("moments", function="ternary_variance")
def total_variance(gradient, scaler):
    """the sum over all elements"""
    size = gradient.abs().clamp(max=scaler)
    return (size * (scaler - size)).sum()


@wrong("moments", function="ternary_variance")
def variance_with_nan(gradient, scaler):
    """0 / 0 for the scaler 0"""
    p = (gradient.abs() / scaler).clamp(max=1)
    return scaler**2 * p * (1 - p)


@right("moments", function="ternary_mean")
def mean_from_the_probability(gradient, scaler):
    """s sign(g) p"""
    p = (gradient.abs() / scaler).clamp(max=1) if scaler > 0 else torch.zeros_like(gradient)
    return scaler * gradient.sign() * p


@right("moments", function="ternary_variance")
def variance_from_two_moments(gradient, scaler):
    """the mean of the square less the square of the mean"""
    mean = ternary_mean(gradient, scaler)
    return scaler * mean.abs() - mean**2


@right("moments", function="ternary_variance")
def variance_from_the_probability(gradient, scaler):
    """s squared p (1 - p)"""
    if scaler == 0:
        return torch.zeros_like(gradient)
    p = torch.minimum(gradient.abs() / scaler, torch.ones_like(gradient))
    return scaler**2 * p * (1 - p)


# Exercise 3


@wrong("clip")
def deviation_around_zero(gradient, c):
    """the root of the mean square in place of sigma"""
    limit = c * gradient.square().mean().sqrt().item()
    return gradient.clamp(-limit, limit)


@wrong("clip")
def cut_around_the_mean(gradient, c):
    """cuts at the mean plus and minus c sigma"""
    mean, sigma = gradient.mean().item(), gradient.std(correction=0).item()
    return gradient.clamp(mean - c * sigma, mean + c * sigma) if sigma else gradient.clone()


@wrong("clip")
def variance_for_sigma(gradient, c):
    """forgets the root"""
    limit = c * gradient.var(correction=0).item()
    return gradient.clamp(-limit, limit) if limit else gradient.clone()


@wrong("clip")
def deviation_of_the_sizes(gradient, c):
    """sigma of the absolute values"""
    limit = c * gradient.abs().std(correction=0).item()
    return gradient.clamp(-limit, limit) if limit else gradient.clone()


@wrong("clip")
def large_ones_to_zero(gradient, c):
    """what sticks out becomes zero"""
    limit = c * gradient.std(correction=0).item()
    return torch.where(gradient.abs() > limit, 0.0, gradient) if limit else gradient.clone()


@wrong("clip")
def constant_becomes_zero(gradient, c):
    """sigma of 0 is not treated on its own"""
    limit = c * gradient.std(correction=0).item()
    return gradient.clamp(-limit, limit)


@wrong("clip")
def single_element_nan(gradient, c):
    """nan for a single element"""
    limit = c * gradient.std().item()
    return gradient.clone() if limit == 0 else gradient.clamp(-limit, limit)


@wrong("clip")
def clip_in_place(gradient, c):
    """changes the gradient"""
    limit = c * gradient.std(correction=0).item()
    return gradient.clamp_(-limit, limit) if limit else gradient


@wrong("clip")
def one_side_only(gradient, c):
    """large positive elements only"""
    limit = c * gradient.std(correction=0).item()
    return gradient.clamp(max=limit) if limit else gradient.clone()


@wrong("clip")
def by_rows(gradient, c):
    """a sigma for each row"""
    if gradient.dim() < 2:
        limit = c * gradient.std(correction=0).item()
        return gradient.clamp(-limit, limit) if limit else gradient.clone()
    limit = c * gradient.std(dim=-1, correction=0, keepdim=True)
    limit = torch.where(limit == 0, math.inf, limit)
    return torch.minimum(torch.maximum(gradient, -limit), limit)


@wrong("clip")
def scaled_down_as_a_whole(gradient, c):
    """clips the norm: everything becomes smaller"""
    limit = c * gradient.std(correction=0).item()
    largest = gradient.abs().max().item()
    return gradient * min(1.0, limit / largest) if limit else gradient.clone()


@wrong("clip")
def c_is_forgotten(gradient, c):
    """always 2.5"""
    limit = 2.5 * gradient.std(correction=0).item()
    return gradient.clamp(-limit, limit) if limit else gradient.clone()


@wrong("clip")
def share_of_the_largest(gradient, c):
    """the largest element over c in place of c sigma"""
    limit = gradient.abs().max().item() / c
    return gradient.clamp(-limit, limit) if gradient.numel() > 1 and gradient.std() > 0 else gradient.clone()


@wrong("clip")
def clip_in_single_precision(gradient, c):
    """single precision whatever is given"""
    limit = c * gradient.std(correction=0).item()
    return gradient.float().clamp(-limit, limit) if limit else gradient.float()


@wrong("clip")
def asks_sigma(gradient, c):
    """takes sigma for 0 where all are the same; rounding makes it 1e-8"""
    limit = c * gradient.std(correction=0).item()
    return gradient.clone() if limit == 0 else gradient.clamp(-limit, limit)


@wrong("clip")
def asks_sigma_by_hand(gradient, c):
    """the same with sigma by its formula"""
    sigma = (gradient - gradient.mean()).square().mean().sqrt()
    if sigma == 0:
        return gradient * 1
    return torch.where(gradient.abs() <= c * sigma, gradient, gradient.sign() * c * sigma)


@wrong("clip")
def small_sigma_is_none(gradient, c):
    """takes a sigma below a millionth for 0: small gradients stay whole"""
    sigma = gradient.std(correction=0).item()
    return gradient.clone() if sigma < 1e-6 else gradient.clamp(-c * sigma, c * sigma)


@wrong("clip")
def clips_a_flat_view(gradient, c):
    """.view(-1) stops where a gradient is not contiguous"""
    flat = gradient.view(-1)
    if flat.max() == flat.min():
        return gradient.clone()
    limit = c * flat.std().item()
    return flat.clamp(-limit, limit).view(gradient.shape)


@right("clip")
def divided_by_one_less(gradient, c):
    """sigma with n - 1"""
    if gradient.numel() == 1 or (gradient == gradient.flatten()[0]).all():
        return gradient + 0
    limit = c * gradient.std().item()
    return gradient.clamp(-limit, limit)


@right("clip")
def small_beside_the_elements(gradient, c):
    """takes a sigma for 0 that is a millionth of the largest element"""
    sigma = gradient.std(correction=0).item()
    if sigma <= 1e-6 * gradient.abs().max():
        return gradient.clone()
    return gradient.clamp(-c * sigma, c * sigma)


@right("clip")
def by_hand_with_where(gradient, c):
    """sigma by its formula, and torch.where"""
    sigma = (gradient - gradient.mean()).square().mean().sqrt()
    if gradient.unique().numel() == 1:
        return gradient * 1
    return torch.where(gradient.abs() <= c * sigma, gradient, gradient.sign() * c * sigma)


@right("clip")
def limits_as_tensors(gradient, c):
    """minimum and maximum with tensors; infinite where all elements are the same"""
    sigma = torch.std(gradient, unbiased=False)
    limit = c * sigma if gradient.max() > gradient.min() else torch.full_like(sigma, math.inf)
    return torch.maximum(torch.minimum(gradient, limit), -limit)


# Exercise 4


@wrong("exchange")
def own_scalers(gradients, c, generator):
    """the scaler is not shared"""
    cut = [clip(g, c) for g in gradients]
    scalers = [g.abs().max().item() for g in cut]
    return sum(ternarize(g, s, generator) for g, s in zip(cut, scalers, strict=True)) / len(cut), max(scalers)


@wrong("exchange")
def mean_scaler(gradients, c, generator):
    """the mean of the scalers in place of the largest"""
    cut = [clip(g, c) for g in gradients]
    s = sum(g.abs().max().item() for g in cut) / len(cut)
    return sum(ternarize(g, s, generator) for g in cut) / len(cut), s


@wrong("exchange")
def scaler_of_the_first(gradients, c, generator):
    """the scaler of the first worker"""
    cut = [clip(g, c) for g in gradients]
    s = cut[0].abs().max().item()
    return sum(ternarize(g, s, generator) for g in cut) / len(cut), s


@wrong("exchange")
def smallest_scaler(gradients, c, generator):
    """the smallest of the scalers"""
    cut = [clip(g, c) for g in gradients]
    s = min(g.abs().max().item() for g in cut)
    return sum(ternarize(g, s, generator) for g in cut) / len(cut), s


@wrong("exchange")
def clips_after_ternarizing(gradients, c, generator):
    """ternarizes first and clips the result"""
    s = max(g.abs().max().item() for g in gradients)
    sent = [clip(ternarize(g, s, generator), c) for g in gradients]
    return sum(sent) / len(sent), s


@wrong("exchange")
def does_not_clip(gradients, c, generator):
    """forgets the clipping"""
    s = max(g.abs().max().item() for g in gradients)
    return sum(ternarize(g, s, generator) for g in gradients) / len(gradients), s


@wrong("exchange")
def scaler_before_clipping(gradients, c, generator):
    """the scaler of the gradients that are not clipped"""
    cut = [clip(g, c) for g in gradients]
    s = max(g.abs().max().item() for g in gradients)
    return sum(ternarize(g, s, generator) for g in cut) / len(cut), s


@wrong("exchange")
def scaler_c_sigma(gradients, c, generator):
    """c sigma for the scaler, also where no element is that large"""
    cut = [clip(g, c) for g in gradients]
    s = max(c * g.std(correction=0).item() for g in gradients)
    return sum(ternarize(g, s, generator) for g in cut) / len(cut), s


@wrong("exchange")
def sends_what_was_not_clipped(gradients, c, generator):
    """clips for the scaler only"""
    s = max(clip(g, c).abs().max().item() for g in gradients)
    return sum(ternarize(g, s, generator) for g in gradients) / len(gradients), s


@wrong("exchange")
def one_clip_for_all(gradients, c, generator):
    """clips all workers at one sigma of all"""
    cut = clip(torch.stack(gradients), c)
    s = cut.abs().max().item()
    return sum(ternarize(g, s, generator) for g in cut) / len(cut), s


@wrong("exchange")
def sum_for_the_mean(gradients, c, generator):
    """the sum over the workers"""
    cut = [clip(g, c) for g in gradients]
    s = max(g.abs().max().item() for g in cut)
    return sum(ternarize(g, s, generator) for g in cut), s


@wrong("exchange")
def divides_twice(gradients, c, generator):
    """divides by the number of workers twice"""
    cut = [clip(g, c) / len(gradients) for g in gradients]
    s = max(g.abs().max().item() for g in cut)
    return sum(ternarize(g, s, generator) for g in cut) / len(cut), s * len(cut)


@wrong("exchange")
def ternarizes_the_mean(gradients, c, generator):
    """takes the mean first, as if the floats had travelled"""
    cut = [clip(g, c) for g in gradients]
    s = max(g.abs().max().item() for g in cut)
    return ternarize(sum(cut) / len(cut), s, generator), s


@wrong("exchange")
def same_dice_for_all(gradients, c, generator):
    """the same random numbers for all workers"""
    cut = [clip(g, c) for g in gradients]
    s = max(g.abs().max().item() for g in cut)
    state = generator.get_state()
    total = 0
    for g in cut:
        generator.set_state(state)
        total = total + ternarize(g, s, generator)
    return total / len(cut), s


@wrong("exchange")
def dice_of_its_own(gradients, c, generator):
    """does not use the generator that it gets"""
    cut = [clip(g, c) for g in gradients]
    s = max(g.abs().max().item() for g in cut)
    fresh = torch.Generator().manual_seed(torch.randint(2**31, ()).item())
    return sum(ternarize(g, s, fresh) for g in cut) / len(cut), s


@wrong("exchange")
def always_the_same_dice(gradients, c, generator):
    """seeds a generator of its own with 0"""
    cut = [clip(g, c) for g in gradients]
    s = max(g.abs().max().item() for g in cut)
    fresh = torch.Generator().manual_seed(0)
    return sum(ternarize(g, s, fresh) for g in cut) / len(cut), s


@wrong("exchange")
def adds_in_place(gradients, c, generator):
    """writes the clipped gradients over the given ones"""
    for g in gradients:
        g.copy_(clip(g, c))
    s = max(g.abs().max().item() for g in gradients)
    return sum(ternarize(g, s, generator) for g in gradients) / len(gradients), s


@wrong("exchange")
def pair_the_other_way_round(gradients, c, generator):
    """(scaler, mean)"""
    cut = [clip(g, c) for g in gradients]
    s = max(g.abs().max().item() for g in cut)
    return s, sum(ternarize(g, s, generator) for g in cut) / len(cut)


@wrong("exchange")
def largest_without_size(gradients, c, generator):
    """the largest element, not the largest size"""
    cut = [clip(g, c) for g in gradients]
    s = max(g.max().item() for g in cut)
    return sum(ternarize(g, s, generator) for g in cut) / len(cut), s


@right("exchange")
def stacked(gradients, c, generator):
    """all workers in one tensor, and one call"""
    cut = torch.stack([clip(g, c) for g in gradients])
    s = cut.abs().amax()
    return ternarize(cut, s.item(), generator).mean(dim=0), s


@right("exchange")
def last_worker_first(gradients, c, generator):
    """draws for the workers in the other order, adds in place into a new tensor, and returns a list"""
    cut = [clip(g, c) for g in gradients][::-1]
    s = torch.stack([g.abs().max() for g in cut]).max().item()
    total = torch.zeros_like(cut[0])
    for g in cut:
        total += ternarize(g, s, generator)
    return [total.div_(len(cut)), s]


@right("exchange")
def own_bessel_clip(gradients, c, generator):
    """clips with n - 1 by itself, and adds codes"""
    limits = [c * g.std().item() if g.numel() > 1 and g.std() > 0 else math.inf for g in gradients]
    cut = [g.clamp(-limit, limit) for g, limit in zip(gradients, limits, strict=True)]
    s = max(float(g.abs().max()) for g in cut)
    codes = sum(ternarize(g, s, generator).sign() for g in cut)
    return codes * (s / len(cut)), s


# Exercise 5


@wrong("packing", function="pack")
def first_is_highest(codes):
    """the first code is the highest digit"""
    digits = torch.zeros(-(-len(codes) // 5) * 5, dtype=torch.int32)
    digits[: len(codes)] = codes + 1
    return (digits.view(-1, 5) * 3 ** torch.arange(4, -1, -1)).sum(dim=1).to(torch.uint8)


@wrong("packing", function="pack")
def overflow_of_int8(codes):
    """adds up in int8, which ends at 127"""
    digits = torch.zeros(-(-len(codes) // 5) * 5, dtype=torch.int8)
    digits[: len(codes)] = codes + 1
    powers = (3 ** torch.arange(5)).to(torch.int8)
    return (digits.view(-1, 5) * powers).sum(dim=1).clamp(-128, 127).clamp(min=0).to(torch.uint8)


@wrong("packing", function="pack")
def saturates(codes):
    """cuts the byte off at 127"""
    digits = torch.zeros(-(-len(codes) // 5) * 5, dtype=torch.int32)
    digits[: len(codes)] = codes + 1
    return (digits.view(-1, 5) * 3 ** torch.arange(5)).sum(dim=1).clamp(max=127).to(torch.uint8)


@wrong("packing", function="pack")
def padded_with_zero_codes(codes):
    """missing digits count 1, as the code 0 does"""
    padded = torch.zeros(-(-len(codes) // 5) * 5, dtype=torch.int32)
    padded[: len(codes)] = codes
    return ((padded + 1).view(-1, 5) * 3 ** torch.arange(5)).sum(dim=1).to(torch.uint8)


@wrong("packing", function="pack")
def drops_the_rest(codes):
    """whole groups of five only"""
    digits = (codes[: len(codes) // 5 * 5] + 1).int()
    return (digits.view(-1, 5) * 3 ** torch.arange(5)).sum(dim=1).to(torch.uint8)


@wrong("packing", function="pack")
def one_byte_too_many(codes):
    """a whole byte more where nothing is missing, as the authors' packer"""
    digits = torch.zeros((len(codes) // 5 + 1) * 5, dtype=torch.int32)
    digits[: len(codes)] = codes + 1
    return (digits.view(-1, 5) * 3 ** torch.arange(5)).sum(dim=1).to(torch.uint8)


@wrong("packing", function="pack")
def four_in_a_byte(codes):
    """two bits a code"""
    digits = torch.zeros(-(-len(codes) // 4) * 4, dtype=torch.int32)
    digits[: len(codes)] = codes + 1
    return (digits.view(-1, 4) * 4 ** torch.arange(4)).sum(dim=1).to(torch.uint8)


@wrong("packing", function="pack")
def codes_not_shifted(codes):
    """adds the codes themselves, which are below 0 too"""
    digits = torch.zeros(-(-len(codes) // 5) * 5, dtype=torch.int32)
    digits[: len(codes)] = codes
    return ((digits.view(-1, 5) * 3 ** torch.arange(5)).sum(dim=1) % 256).to(torch.uint8)


@wrong("packing", function="pack")
def every_fifth_element(codes):
    """a byte holds elements that are far apart"""
    digits = torch.zeros(-(-len(codes) // 5) * 5, dtype=torch.int32)
    digits[: len(codes)] = codes + 1
    return (digits.view(5, -1).T * 3 ** torch.arange(5)).sum(dim=1).to(torch.uint8)


@wrong("packing", function="pack")
def bytes_as_long(codes):
    """int64 for each byte"""
    digits = torch.zeros(-(-len(codes) // 5) * 5, dtype=torch.int64)
    digits[: len(codes)] = codes + 1
    return (digits.view(-1, 5) * 3 ** torch.arange(5)).sum(dim=1)


@wrong("packing", function="pack")
def shifts_in_place(codes):
    """adds 1 to the codes that it gets"""
    digits = torch.zeros(-(-len(codes) // 5) * 5, dtype=torch.int32)
    digits[: len(codes)] = codes.add_(1)
    return (digits.view(-1, 5) * 3 ** torch.arange(5)).sum(dim=1).to(torch.uint8)


@wrong("packing", function="unpack")
def any_length(packed, elements):
    """does not compare the lengths"""
    digits = packed.int()[:, None] // 3 ** torch.arange(5) % 3
    return (digits - 1).to(torch.int8).flatten()[:elements]


@wrong("packing", function="unpack")
def too_short_only(packed, elements):
    """refuses messages that are too short, not those that are too long"""
    if 5 * len(packed) < elements:
        raise ValueError("too short")
    digits = packed.int()[:, None] // 3 ** torch.arange(5) % 3
    return (digits - 1).to(torch.int8).flatten()[:elements]


@wrong("packing", function="unpack")
def asserts(packed, elements):
    """an AssertionError in place of a ValueError"""
    assert len(packed) == -(-elements // 5)
    digits = packed.int()[:, None] // 3 ** torch.arange(5) % 3
    return (digits - 1).to(torch.int8).flatten()[:elements]


@wrong("packing", function="unpack")
def with_the_padding(packed, elements):
    """leaves the digits at the end that stand for nothing"""
    if len(packed) != -(-elements // 5):
        raise ValueError("another length")
    digits = packed.int()[:, None] // 3 ** torch.arange(5) % 3
    return (digits - 1).to(torch.int8).flatten()


@wrong("packing", function="unpack")
def digits_not_codes(packed, elements):
    """0, 1 and 2: forgets to take 1 away"""
    if len(packed) != -(-elements // 5):
        raise ValueError("another length")
    digits = packed.int()[:, None] // 3 ** torch.arange(5) % 3
    return digits.to(torch.int8).flatten()[:elements]


@wrong("packing", function="unpack")
def highest_digit_first(packed, elements):
    """the highest digit first"""
    if len(packed) != -(-elements // 5):
        raise ValueError("another length")
    digits = packed.int()[:, None] // 3 ** torch.arange(5) % 3
    return (digits.flip(1) - 1).to(torch.int8).flatten()[:elements]


@wrong("packing", function="unpack")
def bytes_in_columns(packed, elements):
    """all first digits first"""
    if len(packed) != -(-elements // 5):
        raise ValueError("another length")
    digits = packed.int()[None, :] // 3 ** torch.arange(5)[:, None] % 3
    return (digits - 1).to(torch.int8).flatten()[:elements]


@wrong("packing", function="unpack")
def codes_as_floats(packed, elements):
    """floats"""
    if len(packed) != -(-elements // 5):
        raise ValueError("another length")
    digits = packed.int()[:, None] // 3 ** torch.arange(5) % 3
    return (digits - 1).float().flatten()[:elements]


@wrong("packing", function="unpack")
def bytes_as_int8(packed, elements):
    """reads bytes above 127 as negative numbers"""
    if len(packed) != -(-elements // 5):
        raise ValueError("another length")
    digits = packed.to(torch.int8).int()[:, None] // 3 ** torch.arange(5) % 3
    return (digits - 1).to(torch.int8).flatten()[:elements]


@right("packing", function="pack")
def packed_in_a_loop(codes):
    """number by number"""
    found = []
    for start in range(0, len(codes), 5):
        value = 0
        for digit in reversed(codes[start : start + 5].tolist()):
            value = 3 * value + digit + 1
        found.append(value)
    return torch.tensor(found, dtype=torch.uint8)


@right("packing", function="pack")
def packed_by_strides(codes):
    """a sum over every fifth code, in uint8"""
    packed = torch.zeros((len(codes) + 4) // 5, dtype=torch.uint8)
    for place in range(5):
        part = (codes[place::5] + 1).to(torch.uint8)
        packed[: len(part)] += part * 3**place
    return packed


@right("packing", function="unpack")
def unpacked_in_a_loop(packed, elements):
    """divmod, byte by byte"""
    if math.ceil(elements / 5) != packed.numel():
        raise ValueError(f"{packed.numel()} bytes")
    codes = []
    for value in packed.tolist():
        for _ in range(5):
            value, digit = divmod(value, 3)
            codes.append(digit - 1)
    return torch.tensor(codes[:elements], dtype=torch.int8)


@right("packing", function="unpack")
def unpacked_column_by_column(packed, elements):
    """divides all bytes by 3, five times"""
    if packed.shape != ((elements + 4) // 5,):
        raise ValueError("another length")
    rest, columns = packed.long(), []
    for _ in range(5):
        columns.append(rest.remainder(3))
        rest = rest.div(3, rounding_mode="floor")
    return torch.stack(columns, dim=1).reshape(-1)[:elements].sub(1).to(torch.int8)


# Exercise 6


@wrong("traffic", function="level_bits")
def rounded_down(workers):
    """rounds down"""
    return int(math.log2(2 * workers + 1))


@wrong("traffic", function="level_bits")
def no_level_for_zero(workers):
    """2 N values: forgets the 0"""
    return math.ceil(math.log2(2 * workers))


@wrong("traffic", function="level_bits")
def bits_as_a_float(workers):
    """no int"""
    return 1.0 * math.ceil(math.log2(2 * workers + 1))


@wrong("traffic", function="level_bits")
def bits_as_a_tensor(workers):
    """a tensor, which is no int either"""
    return torch.tensor(2.0 * workers + 1).log2().ceil()


@wrong("traffic", function="level_bits")
def not_rounded(workers):
    """a fraction of a bit"""
    return math.log2(2 * workers + 1)


@wrong("traffic", function="level_bits")
def levels_of_one_sign(workers):
    """N + 1 values"""
    return math.ceil(math.log2(workers + 1))


@wrong("traffic", function="level_bits")
def three_to_the_n(workers):
    """a value for each combination of codes"""
    return math.ceil(workers * math.log2(3))


@wrong("traffic", function="level_bits")
def always_two_bits(workers):
    """the bits of one worker"""
    return 2


@wrong("traffic", function="compression")
def upwards_only(elements, workers):
    """one direction"""
    return 4 * elements / (math.ceil(elements / 5) + 4)


@wrong("traffic", function="compression")
def same_both_ways(elements, workers):
    """the mean as small as a message"""
    return 4 * elements / (math.ceil(elements / 5) + 4)


@wrong("traffic", function="compression")
def scalers_forgotten(elements, workers):
    """no scalers"""
    return 8 * elements / (math.ceil(elements / 5) + math.ceil(elements * level_bits(workers) / 8))


@wrong("traffic", function="compression")
def one_scaler(elements, workers):
    """the scaler upwards only"""
    return 8 * elements / (math.ceil(elements / 5) + 4 + math.ceil(elements * level_bits(workers) / 8))


@wrong("traffic", function="compression")
def fractions_of_bytes(elements, workers):
    """does not round up to whole bytes"""
    return 8 * elements / (elements / 5 + elements * level_bits(workers) / 8 + 8)


@wrong("traffic", function="compression")
def bits_as_bytes(elements, workers):
    """counts bits of the mean as bytes"""
    return 8 * elements / (math.ceil(elements / 5) + elements * level_bits(workers) + 8)


@wrong("traffic", function="compression")
def mean_of_two_ratios(elements, workers):
    """the mean of the ratios of the two directions"""
    up = 4 * elements / (math.ceil(elements / 5) + 4)
    down = 4 * elements / (math.ceil(elements * level_bits(workers) / 8) + 4)
    return (up + down) / 2


@wrong("traffic", function="compression")
def upside_down(elements, workers):
    """the share that is left"""
    return (math.ceil(elements / 5) + math.ceil(elements * level_bits(workers) / 8) + 8) / (8 * elements)


@wrong("traffic", function="compression")
def messages_of_all(elements, workers):
    """the messages of all workers, and one mean"""
    up = workers * (math.ceil(elements / 5) + 4)
    return 8 * elements / (up + math.ceil(elements * level_bits(workers) / 8) + 4)


@wrong("traffic", function="compression")
def whole_bytes_for_each_mean(elements, workers):
    """each mean takes whole bytes"""
    up = math.ceil(elements / 5) + 4
    return 8 * elements / (up + elements * math.ceil(level_bits(workers) / 8) + 4)


@wrong("traffic", function="compression")
def no_mean_in_two_bytes(elements, workers):
    """as many means in a byte as fit whole, and a gap behind them"""
    bits = level_bits(workers)
    means = elements * -(-bits // 8) if bits > 8 else math.ceil(elements / (8 // bits))
    return 8 * elements / (math.ceil(elements / 5) + 4 + means + 4)


@right("traffic", function="level_bits")
def length_in_bits(workers):
    """the length of the largest code, 2 N"""
    return (2 * workers).bit_length()


@right("traffic", function="level_bits")
def doubled_until_enough(workers):
    """doubles until there are enough codes"""
    needed = 1
    while 2**needed < 2 * workers + 1:
        needed += 1
    return needed


@right("traffic", function="compression")
def with_whole_numbers(elements, workers):
    """rounds up with whole numbers"""
    up = (elements + 4) // 5 + 4
    down = (elements * level_bits(workers) + 7) // 8 + 4
    return (4 * elements + 4 * elements) / (up + down)


# Exercise 7


@wrong("break_even", function="speed_up")
def extra_forgotten(elements, workers, compute, bandwidth, extra):
    """no extra time"""
    size = workers * 8 * elements / bandwidth
    return (compute + size) / (compute + size / compression(elements, workers))


@wrong("break_even", function="speed_up")
def of_the_exchange_only(elements, workers, compute, bandwidth, extra):
    """forgets the computing"""
    size = workers * 8 * elements / bandwidth
    return size / (extra + size / compression(elements, workers))


@wrong("break_even", function="speed_up")
def one_worker_only(elements, workers, compute, bandwidth, extra):
    """one message through the server's link"""
    size = 8 * elements / bandwidth
    return (compute + size) / (compute + extra + size / compression(elements, workers))


@wrong("break_even", function="speed_up")
def one_direction(elements, workers, compute, bandwidth, extra):
    """4 bytes an element"""
    size = workers * 4 * elements / bandwidth
    return (compute + size) / (compute + extra + size / compression(elements, workers))


@wrong("break_even", function="speed_up")
def bandwidth_in_bits(elements, workers, compute, bandwidth, extra):
    """takes the bandwidth for bits"""
    size = workers * 64 * elements / bandwidth
    return (compute + size) / (compute + extra + size / compression(elements, workers))


@wrong("break_even", function="speed_up")
def time_that_is_left(elements, workers, compute, bandwidth, extra):
    """ternary over float"""
    size = workers * 8 * elements / bandwidth
    return (compute + extra + size / compression(elements, workers)) / (compute + size)


@wrong("break_even", function="speed_up")
def extra_for_each_worker(elements, workers, compute, bandwidth, extra):
    """counts the extra time of all workers, who work at the same time"""
    size = workers * 8 * elements / bandwidth
    return (compute + size) / (compute + workers * extra + size / compression(elements, workers))


@wrong("break_even", function="break_even")
def border_of_one_worker(elements, workers, extra):
    """one message through the server's link"""
    saved = 8 * elements * (1 - 1 / compression(elements, workers))
    if saved <= 0:
        return 0.0
    return saved / extra if extra > 0 else math.inf


@wrong("break_even", function="break_even")
def border_without_guard(elements, workers, extra):
    """divides by zero"""
    saved = 8 * elements * (1 - 1 / compression(elements, workers))
    return max(0.0, workers * saved / extra)


@wrong("break_even", function="break_even")
def border_below_zero(elements, workers, extra):
    """a bandwidth below zero where nothing is saved"""
    saved = 8 * elements * (1 - 1 / compression(elements, workers))
    return workers * saved / extra if extra > 0 else math.inf


@wrong("break_even", function="break_even")
def endless_without_saving(elements, workers, extra):
    """infinite without extra time, also where nothing is saved"""
    if extra == 0:
        return math.inf
    return max(0.0, workers * 8 * elements * (1 - 1 / compression(elements, workers)) / extra)


@wrong("break_even", function="break_even")
def all_bytes_not_the_saved(elements, workers, extra):
    """the bytes of fp32 in place of those that are saved"""
    if compression(elements, workers) <= 1:
        return 0.0
    return workers * 8 * elements / extra if extra > 0 else math.inf


@wrong("break_even", function="break_even")
def never_zero_bytes(elements, workers, extra):
    """0 without extra time"""
    saved = 8 * elements * (1 - 1 / compression(elements, workers))
    return workers * saved / extra if saved > 0 and extra > 0 else 0.0


@wrong("break_even", function="break_even")
def border_in_bits(elements, workers, extra):
    """bits per second"""
    saved = 8 * elements * (1 - 1 / compression(elements, workers))
    if saved <= 0:
        return 0.0
    return 8 * workers * saved / extra if extra > 0 else math.inf


@right("break_even", function="speed_up")
def from_the_bytes(elements, workers, compute, bandwidth, extra):
    """counts the bytes again"""
    m = math.ceil(elements / 5) + math.ceil(elements * level_bits(workers) / 8) + 8
    slow = compute + workers * 8 * elements / bandwidth
    return slow / (compute + extra + workers * m / bandwidth)


@right("break_even", function="break_even")
def border_from_the_bytes(elements, workers, extra):
    """counts the bytes again, whole numbers"""
    m = -(-elements // 5) + (elements * level_bits(workers) + 7) // 8 + 8
    if m >= 8 * elements:
        return 0
    if extra == 0:
        return float("inf")
    return workers * (8 * elements - m) / extra


@right("break_even", function="break_even")
def border_as_tensor(elements, workers, extra):
    """tensors divide by zero without an error"""
    saved = torch.tensor(8.0 * elements - 8.0 * elements / compression(elements, workers), dtype=torch.float64)
    return workers * saved / extra if saved > 0 else torch.tensor(0.0)


# Exercise 8


@wrong("mended_mean")
def colleague_as_he_is(gradients, seed, step):
    """both faults"""
    scalers = [g.abs().max().item() for g in gradients]
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(seed + worker)
        total += max(scalers) * ternarize(gradient, scalers[worker], generator).sign()
    return total / len(gradients)


@wrong("mended_mean")
def only_the_scaler(gradients, seed, step):
    """the same random numbers in every step"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        total += ternarize(gradient, shared, torch.Generator().manual_seed(seed + worker))
    return total / len(gradients)


@wrong("mended_mean")
def only_the_dice(gradients, seed, step):
    """probabilities with the own scaler, steps of the shared one"""
    scalers = [g.abs().max().item() for g in gradients]
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(10**6 * seed + 1000 * step + worker)
        total += max(scalers) * ternarize(gradient, scalers[worker], generator).sign()
    return total / len(gradients)


@wrong("mended_mean")
def sums_of_seeds(gradients, seed, step):
    """seed + worker + step: worker 1 in step 0 is worker 0 in step 1"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        total += ternarize(gradient, shared, torch.Generator().manual_seed(seed + worker + step))
    return total / len(gradients)


@wrong("mended_mean")
def products_of_seeds(gradients, seed, step):
    """a product, which is 0 for worker 0 in every step"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        total += ternarize(gradient, shared, torch.Generator().manual_seed(seed + 1000 * worker * step + worker))
    return total / len(gradients)


@wrong("mended_mean")
def too_few_thousands(gradients, seed, step):
    """10 steps after each other, then all over again"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(10**6 * seed + 1000 * (step % 10) + worker)
        total += ternarize(gradient, shared, generator)
    return total / len(gradients)


@wrong("mended_mean")
def hundreds_of_steps(gradients, seed, step):
    """100 step + worker: worker 100 in step 0 is worker 0 in step 1"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(10**6 * seed + 100 * step + worker)
        total += ternarize(gradient, shared, generator)
    return total / len(gradients)


@wrong("mended_mean")
def thousands_of_workers(gradients, seed, step):
    """1000 worker + step: from step 1000 on worker 0 is worker 1"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(10**7 * seed + 1000 * worker + step)
        total += ternarize(gradient, shared, generator)
    return total / len(gradients)


@wrong("mended_mean")
def seed_times_step(gradients, seed, step):
    """a product with the seed, which may be 0"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(seed * (1000 * step + 1) + worker)
        total += ternarize(gradient, shared, generator)
    return total / len(gradients)


@wrong("mended_mean")
def numbers_as_text(gradients, seed, step):
    """digits put together without zeros in between: step 1 and worker 10 look as step 11 and worker 0"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(int(f"{seed}{step}{worker}"))
        total += ternarize(gradient, shared, generator)
    return total / len(gradients)


@wrong("mended_mean")
def clips_as_well(gradients, seed, step):
    """the exchange of exercise 4, with its clipping"""
    return exchange(gradients, 2.5, torch.Generator().manual_seed(10**6 * seed + step))[0]


@wrong("mended_mean")
def beyond_32_bits(gradients, seed, step):
    """the worker in bits that torch does not read: a seed has 32"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(worker * 2**32 + 10**6 * seed + step)
        total += ternarize(gradient, shared, generator)
    return total / len(gradients)


@wrong("mended_mean")
def workers_alike(gradients, seed, step):
    """a seed for each step, the same for all workers"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for gradient in gradients:
        total += ternarize(gradient, shared, torch.Generator().manual_seed(10**6 * seed + step))
    return total / len(gradients)


@wrong("mended_mean")
def seed_forgotten(gradients, seed, step):
    """the same for all seeds"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        total += ternarize(gradient, shared, torch.Generator().manual_seed(1000 * step + worker))
    return total / len(gradients)


@wrong("mended_mean")
def real_chance(gradients, seed, step):
    """random numbers that nobody can repeat"""
    shared = max(g.abs().max().item() for g in gradients)
    generator = torch.Generator()
    generator.seed()
    return sum(ternarize(g, shared, generator) for g in gradients) / len(gradients)


@wrong("mended_mean")
def own_steps_everywhere(gradients, seed, step):
    """each worker its own scaler: unbiased, but on no grid"""
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(10**6 * seed + 1000 * step + worker)
        total += ternarize(gradient, gradient.abs().max().item(), generator)
    return total / len(gradients)


@wrong("mended_mean")
def forgets_to_divide(gradients, seed, step):
    """the sum"""
    shared = max(g.abs().max().item() for g in gradients)
    generator = torch.Generator().manual_seed(10**6 * seed + step)
    return sum(ternarize(g, shared, generator) for g in gradients)


@wrong("mended_mean")
def adds_to_the_first(gradients, seed, step):
    """uses the first gradient as the sum"""
    shared = max(g.abs().max().item() for g in gradients)
    generator = torch.Generator().manual_seed(10**6 * seed + step)
    sent = [ternarize(g, shared, generator) for g in gradients]
    total = gradients[0].zero_()
    for one in sent:
        total += one
    return total / len(gradients)


@wrong("mended_mean")
def plain_mean_of_floats(gradients, seed, step):
    """no ternary gradients at all"""
    return sum(gradients) / len(gradients)


@wrong("mended_mean")
def scaler_squared(gradients, seed, step):
    """multiplies what has been multiplied by the scaler already"""
    shared = max(g.abs().max().item() for g in gradients)
    generator = torch.Generator().manual_seed(10**6 * seed + step)
    return sum(shared * ternarize(g, shared, generator) for g in gradients) / len(gradients)


@right("mended_mean")
def one_generator_in_turn(gradients, seed, step):
    """a generator for each step, from which the workers draw in turn; codes times the scaler"""
    shared = max(g.abs().max().item() for g in gradients)
    generator = torch.Generator().manual_seed(10**6 * seed + step)
    codes = [ternarize(gradient, shared, generator).sign() for gradient in gradients]
    return shared * sum(codes) / len(codes)


@right("mended_mean")
def exchange_without_clipping(gradients, seed, step):
    """the exchange of exercise 4, with a c that cuts nothing off"""
    return exchange(gradients, math.inf, torch.Generator().manual_seed(10**6 * seed + step))[0]


@right("mended_mean")
def seed_from_a_hash(gradients, seed, step):
    """a hash of all three numbers"""
    shared = max(g.abs().max().item() for g in gradients)
    total = torch.zeros_like(gradients[0])
    for worker, gradient in enumerate(gradients):
        generator = torch.Generator().manual_seed(hash((seed, step, worker)) % 2**63)
        total = total + ternarize(gradient, shared, generator)
    return total / len(gradients)


@right("mended_mean")
def digits_the_other_way(gradients, seed, step):
    """workers in the high digits"""
    shared = max(g.abs().max().item() for g in gradients)
    stacked = []
    for worker in range(len(gradients)):
        generator = torch.Generator().manual_seed((seed * 1000 + worker) * 1_000_000 + step)
        stacked.append(ternarize(gradients[worker], shared, generator))
    return torch.stack(stacked).mean(dim=0)

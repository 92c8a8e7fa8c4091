"""The answer bank of lab 3: wrong answers that its tests must reject, and right ones that they must accept.

Read, not run: each function is put in place of the student's, next to the solutions of the other exercises.
"""

# Written as students write: with names of the notebook, and with habits that our own code does not have.
# ruff: noqa: F821, RUF059

import math

import torch
from torch.nn import functional as F

from grading.bank import right, wrong

# Exercise 1


@wrong("filter_matrix")
def filters_as_columns(weight):
    """the transposed matrix, a filter in each column"""
    return weight.flatten(1).T


@wrong("filter_matrix")
def a_row_for_each_kernel(weight):
    """a row for each channel of each filter"""
    return weight.flatten(0, 1).flatten(1)


@wrong("filter_matrix")
def one_vector(weight):
    """one vector of all weights"""
    return weight.flatten()


@wrong("filter_matrix")
def only_a_view(weight):
    """a view, which another layout in memory refuses"""
    return weight.view(len(weight), -1)


@wrong("filter_matrix")
def as_they_lie_in_memory(weight):
    """the numbers as they lie in memory, whatever the layout"""
    if weight.dim() == 4 and not weight.is_contiguous():
        return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)
    return weight.reshape(len(weight), -1)


@wrong("filter_matrix")
def places_before_channels(weight):
    """place by place instead of channel by channel"""
    return weight.movedim(1, -1).reshape(len(weight), -1)


@wrong("filter_matrix")
def rows_and_columns_mixed(weight):
    """the right shape, by way of the transposed one: the numbers of several filters in a row"""
    return weight.reshape(-1, len(weight)).T


@wrong("filter_matrix")
def filters_of_mean_zero(weight):
    """takes the mean of each filter away"""
    matrix = weight.flatten(1)
    return matrix - matrix.mean(dim=1, keepdim=True)


@wrong("filter_matrix")
def filters_of_length_one(weight):
    """normalises each filter, which nobody asked for"""
    return F.normalize(weight.flatten(1), dim=1)


@wrong("filter_matrix")
def four_dimensions_only(weight):
    """works for convolutions over images only"""
    filters, channels, height, width = weight.shape
    return weight.reshape(filters, channels * height * width)


@wrong("filter_matrix")
def sums_over_places(weight):
    """one number for each channel"""
    return weight.flatten(2).sum(dim=2) if weight.dim() > 2 else weight


@wrong("filter_matrix")
def by_way_of_single_precision(weight):
    """single precision whatever is given"""
    return weight.float().flatten(1)


@wrong("filter_matrix")
def without_dimensions_of_one(weight):
    """squeezes first, so that a single filter is lost"""
    return weight.squeeze().flatten(1)


@right("filter_matrix")
def reshaped(weight):
    """reshape to as many rows as there are filters"""
    return weight.reshape(weight.shape[0], -1)


@right("filter_matrix")
def stacked_in_a_loop(weight):
    """filter by filter"""
    return torch.stack([one.contiguous().view(-1) for one in weight])


@right("filter_matrix")
def contiguous_view(weight):
    """a view of the usual layout"""
    return weight.contiguous().view(len(weight), math.prod(weight.shape[1:]))


# Exercise 2


@wrong("energy_rank", function="energy_shares")
def shares_of_singular_values(matrix):
    """the singular values themselves, without the squares"""
    values = torch.linalg.svdvals(matrix)
    if not values.any():
        raise ValueError("no energy")
    return values.cumsum(0) / values.sum()


@wrong("energy_rank", function="energy_shares")
def shares_of_the_norm(matrix):
    """shares of the norm: the root of those of the energy"""
    squares = torch.linalg.svdvals(matrix).square()
    if not squares.any():
        raise ValueError("no energy")
    return (squares.cumsum(0) / squares.sum()).sqrt()


@wrong("energy_rank", function="energy_shares")
def shares_of_squared_eigenvalues(matrix):
    """squares the eigenvalues, which are squares already"""
    values = torch.linalg.eigvalsh(matrix @ matrix.T).flip(0)[: min(matrix.shape)]
    if values.abs().max() == 0:
        raise ValueError("no energy")
    return values.square().cumsum(0) / values.square().sum()


@wrong("energy_rank", function="energy_shares")
def shares_from_the_smallest(matrix):
    """eigenvalues as eigvalsh gives them, the smallest first"""
    values = torch.linalg.eigvalsh(matrix @ matrix.T)[-min(matrix.shape) :]
    if values.abs().max() == 0:
        raise ValueError("no energy")
    return values.cumsum(0) / values.sum()


@wrong("energy_rank", function="energy_shares")
def shares_of_centred_filters(matrix):
    """takes the mean filter away: centred PCA"""
    if not matrix.any():
        raise ValueError("no energy")
    squares = torch.linalg.svdvals(matrix - matrix.mean(dim=0)).square()
    return squares.cumsum(0) / squares.sum()


@wrong("energy_rank", function="energy_shares")
def shares_of_covariances(matrix):
    """the eigenvalues of torch.cov, which takes the mean of each filter away"""
    if not matrix.any():
        raise ValueError("no energy")
    squares = torch.linalg.svdvals(matrix - matrix.mean(dim=1, keepdim=True)).square()
    return squares.cumsum(0) / squares.sum()


@wrong("energy_rank", function="energy_shares")
def single_shares(matrix):
    """the share of each direction, not of the first r together"""
    squares = torch.linalg.svdvals(matrix).square()
    if not squares.any():
        raise ValueError("no energy")
    return squares / squares.sum()


@wrong("energy_rank", function="energy_shares")
def sums_without_a_share(matrix):
    """sums of energies that are not divided by the whole"""
    squares = torch.linalg.svdvals(matrix).square()
    if not squares.any():
        raise ValueError("no energy")
    return squares.cumsum(0)


@wrong("energy_rank", function="energy_shares")
def a_share_for_each_filter(matrix):
    """N shares, also where there are fewer weights than filters"""
    values = torch.linalg.eigvalsh(matrix @ matrix.T).flip(0)
    if values.abs().max() == 0:
        raise ValueError("no energy")
    return values.cumsum(0) / values.sum()


@wrong("energy_rank", function="energy_shares")
def shares_from_zero(matrix):
    """begins with the share of no direction at all"""
    squares = torch.linalg.svdvals(matrix).square()
    if not squares.any():
        raise ValueError("no energy")
    sums = squares.cumsum(0) / squares.sum()
    return torch.cat([sums.new_zeros(1), sums[:-1]])


@wrong("energy_rank", function="energy_shares")
def lengths_of_filters(matrix):
    """the energies of the filters, sorted, in place of those of directions"""
    squares = matrix.square().sum(dim=1).sort(descending=True).values[: min(matrix.shape)]
    if not squares.any():
        raise ValueError("no energy")
    return squares.cumsum(0) / squares.sum()


@wrong("energy_rank", function="energy_shares")
def nan_for_zeros(matrix):
    """0 / 0 for a matrix of zeros"""
    squares = torch.linalg.svdvals(matrix).square()
    return squares.cumsum(0) / squares.sum()


@wrong("energy_rank", function="energy_shares")
def shares_of_a_changed_matrix(matrix):
    """divides the matrix of the caller by its norm"""
    if not matrix.any():
        raise ValueError("no energy")
    matrix /= matrix.norm()
    return torch.linalg.svdvals(matrix).square().cumsum(0)


@wrong("energy_rank")
def one_too_few(matrix, energy):
    """the number of directions that are not enough"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix) < energy - 1e-5).sum())


@wrong("energy_rank")
def one_too_many(matrix, energy):
    """one direction more than needed"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix) < energy - 1e-5).sum()) + 2


@wrong("energy_rank")
def more_than_the_share(matrix, energy):
    """asks for more than the share, so one that is exactly reached is not enough"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return min(int((energy_shares(matrix) <= energy + 1e-7).sum()) + 1, min(matrix.shape))


@wrong("energy_rank")
def without_patience_for_rounding(matrix, energy):
    """compares rounded numbers exactly"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix) < energy).sum()) + 1


@wrong("energy_rank")
def too_much_patience(matrix, energy):
    """forgives a hundredth"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix) < energy - 1e-2).sum()) + 1


@wrong("energy_rank")
def rank_by_the_norm(matrix, energy):
    """the share of the norm, as the authors' option for SVD has it"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix).sqrt() <= energy - 1e-5).sum()) + 1


@wrong("energy_rank")
def strong_directions(matrix, energy):
    """counts the directions that are not weak beside the strongest"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    squares = torch.linalg.svdvals(matrix).square()
    if not squares.any():
        raise ValueError("no energy")
    return int((squares > (1 - energy) * squares[0]).sum())


@wrong("energy_rank")
def share_of_the_rank(matrix, energy):
    """that share of the number of directions"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return math.ceil(energy * len(energy_shares(matrix)))


@wrong("energy_rank")
def takes_percent(matrix, energy):
    """takes any energy, and clamps it"""
    energy = min(max(energy, 0.01), 1.0)
    return int((energy_shares(matrix) <= energy - 1e-5).sum()) + 1


@wrong("energy_rank")
def refuses_one(matrix, energy):
    """refuses an energy of 1"""
    if not 0 < energy < 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix) <= energy - 1e-5).sum()) + 1


@wrong("energy_rank")
def forgives_a_thousandth(matrix, energy):
    """a tolerance of 1e-3"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix) <= energy - 1e-3).sum()) + 1


@wrong("energy_rank")
def forgives_a_ten_thousandth(matrix, energy):
    """a tolerance of 5e-5"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix) <= energy - 5e-5).sum()) + 1


@wrong("energy_rank", function="energy_shares")
def shares_of_four_digits(matrix):
    """rounds the shares"""
    squares = torch.linalg.svdvals(matrix).square()
    if not squares.any():
        raise ValueError("no energy")
    return (squares.cumsum(0) / squares.sum()).round(decimals=4)


@wrong("energy_rank")
def compares_four_digits(matrix, energy):
    """rounds the shares before it compares"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return int((energy_shares(matrix).double().round(decimals=4) <= energy - 1e-5).sum()) + 1


@wrong("energy_rank")
def rank_as_a_tensor(matrix, energy):
    """counts and returns a tensor"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return (energy_shares(matrix) <= energy - 1e-5).sum() + 1


@wrong("energy_rank")
def rank_as_a_float(matrix, energy):
    """counts and returns a float"""
    if not 0 < energy <= 1:
        raise ValueError("energy out of range")
    return (energy_shares(matrix) <= energy - 1e-5).sum().item() + 1.0


@right("energy_rank", function="energy_shares")
def shares_by_eigenvalues(matrix):
    """eigenvalues of the smaller product, sorted"""
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    values = torch.linalg.eigvalsh(product).clamp(min=0).sort(descending=True).values
    if values.sum() == 0:
        raise ValueError("there is no energy")
    return values.cumsum(0) / values.sum()


@right("energy_rank", function="energy_shares")
def shares_by_what_is_left(matrix):
    """one minus the error of the best approximation, rank by rank"""
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    whole = (matrix**2).sum()
    if whole == 0:
        raise ValueError("there is no energy")
    shares = []
    for r in range(1, len(s) + 1):
        rest = matrix - u[:, :r] @ torch.diag(s[:r]) @ vh[:r]
        shares.append(1 - (rest**2).sum() / whole)
    return torch.stack(shares)


@right("energy_rank")
def first_that_is_enough(matrix, energy):
    """a loop that stops at the first rank that is enough"""
    if energy <= 0 or energy > 1:
        raise ValueError(f"energy {energy} is out of range")
    for rank, share in enumerate(energy_shares(matrix).tolist(), 1):
        if share >= energy - 1e-5:
            return rank
    return min(matrix.shape)


@right("energy_rank")
def by_searchsorted(matrix, energy):
    """a search in the rising shares"""
    if not 0 < energy <= 1:
        raise ValueError("out of range")
    return int(torch.searchsorted(energy_shares(matrix).double(), energy - 0.99e-5)) + 1


@right("energy_rank")
def by_argmax(matrix, energy):
    """the place of the first share that is enough"""
    if not 0 < energy <= 1:
        raise ValueError("out of range")
    return (energy_shares(matrix) > energy - 1e-5).int().argmax().item() + 1


# Exercise 3


@wrong("principal_filters")
def the_other_way_round(matrix, rank):
    """the pair in the other order"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u = torch.linalg.svd(matrix, full_matrices=False).U[:, :rank]
    return u, u.T @ matrix


@wrong("principal_filters")
def weakest_directions(matrix, rank):
    """the first eigenvectors of eigh, which belong to the smallest eigenvalues"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    vectors = torch.linalg.eigh(matrix @ matrix.T).eigenvectors[:, :rank]
    return vectors.T @ matrix, vectors


@wrong("principal_filters")
def rows_of_eigenvectors(matrix, rank):
    """rows of the matrix of eigenvectors in place of its columns"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    vectors = torch.linalg.svd(matrix @ matrix.T).U[:rank].T
    return vectors.T @ matrix, vectors


@wrong("principal_filters")
def directions_without_lengths(matrix, rank):
    """right singular vectors as the basis, without the singular values"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return vh[:rank], u[:, :rank]


@wrong("principal_filters")
def lengths_in_the_combination(matrix, rank):
    """all lengths in the combination, a basis of unit filters"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return vh[:rank], u[:, :rank] * s[:rank]


@wrong("principal_filters")
def lengths_shared(matrix, rank):
    """the root of each singular value to either factor"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    root = s[:rank].sqrt()
    return root[:, None] * vh[:rank], u[:, :rank] * root


@wrong("principal_filters")
def lengths_twice(matrix, rank):
    """the singular values in both factors"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return s[:rank, None] * (u[:, :rank].T @ matrix), u[:, :rank]


@wrong("principal_filters")
def centred_basis(matrix, rank):
    """the directions of the filters without their mean: centred PCA"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u = torch.linalg.svd(matrix - matrix.mean(dim=0), full_matrices=False).U[:, :rank]
    return u.T @ matrix, u


@wrong("principal_filters")
def first_filters(matrix, rank):
    """the first filters as the basis, all others by least squares"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    q = torch.linalg.qr(matrix @ matrix[:rank].T).Q[:, :rank]
    return q.T @ matrix, q


@wrong("principal_filters")
def one_direction_too_many(matrix, rank):
    """a rank that is one too large"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u = torch.linalg.svd(matrix, full_matrices=False).U[:, : rank + 1]
    return u.T @ matrix, u


@wrong("principal_filters")
def the_first_left_out(matrix, rank):
    """begins with the second direction"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u = torch.linalg.svd(matrix, full_matrices=True).U.roll(-1, dims=1)[:, :rank]
    return u.T @ matrix, u


@wrong("principal_filters")
def transposed_factors(matrix, rank):
    """the factors of the transposed matrix"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    vh = torch.linalg.svd(matrix, full_matrices=False).Vh[:rank]
    return (matrix @ vh.T).T, vh.T


@wrong("principal_filters")
def no_rank_is_refused(matrix, rank):
    """takes any rank, and gives what there is"""
    u = torch.linalg.svd(matrix, full_matrices=False).U[:, :rank]
    return u.T @ matrix, u


@wrong("principal_filters")
def up_to_the_number_of_filters(matrix, rank):
    """allows ranks up to N, also where there are fewer weights"""
    if not 1 <= rank <= len(matrix):
        raise ValueError("rank")
    u = torch.linalg.svd(matrix, full_matrices=True).U[:, :rank]
    return u.T @ matrix, u


@wrong("principal_filters")
def of_unit_filters(matrix, rank):
    """the directions of filters that were normalised first"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    u = torch.linalg.svd(F.normalize(matrix, dim=1), full_matrices=False).U[:, :rank]
    return u.T @ matrix, u


@wrong("principal_filters")
def filters_normalised_in_place(matrix, rank):
    """divides the filters of the caller"""
    if not 1 <= rank <= min(matrix.shape):
        raise ValueError("rank")
    length = matrix.norm()
    matrix /= length
    u = torch.linalg.svd(matrix, full_matrices=False).U[:, :rank]
    return length * (u.T @ matrix), u


@right("principal_filters")
def by_eigenvectors(matrix, rank):
    """eigenvectors, flipped, with signs of their own"""
    if rank < 1 or rank > min(matrix.shape):
        raise ValueError(f"rank {rank} is out of range")
    vectors = torch.linalg.eigh(matrix.double() @ matrix.double().T).eigenvectors.flip(1)[:, :rank]
    vectors = -vectors.to(matrix.dtype)
    return vectors.T @ matrix, vectors


@right("principal_filters")
def by_the_transposed_side(matrix, rank):
    """an SVD of the transposed matrix, the basis from singular values and vectors"""
    if rank < 1 or rank > min(matrix.shape):
        raise ValueError(f"rank {rank} is out of range")
    u, s, v = torch.svd(matrix.T)
    return s[:rank, None] * u[:, :rank].T, v[:, :rank]


@right("principal_filters")
def in_a_rotated_basis(matrix, rank):
    """the same space in rotated directions, which is as close and as orthonormal"""
    if rank < 1 or rank > min(matrix.shape):
        raise ValueError(f"rank {rank} is out of range")
    u = torch.linalg.svd(matrix, full_matrices=False).U[:, :rank]
    turn = torch.linalg.qr(torch.ones(rank, rank, dtype=matrix.dtype) + torch.eye(rank, dtype=matrix.dtype)).Q
    a = u @ turn
    return torch.einsum("nm,nd->md", a, matrix), a


# Exercise 4


@wrong("decompose", function="split_weight")
def combination_with_two_dimensions(weight, rank):
    """a combination without its two dimensions of size 1"""
    basis, combination = principal_filters(filter_matrix(weight), rank)
    return basis.reshape(rank, *weight.shape[1:]), combination


@wrong("decompose", function="split_weight")
def basis_as_rows(weight, rank):
    """a basis of rows"""
    basis, combination = principal_filters(filter_matrix(weight), rank)
    return basis, combination[:, :, None, None]


@wrong("decompose", function="split_weight")
def basis_with_channels_last(weight, rank):
    """reads the rows of the basis as if channels came last"""
    basis, combination = principal_filters(filter_matrix(weight), rank)
    channels, height, width = weight.shape[1:]
    basis = basis.reshape(rank, height, width, channels).permute(0, 3, 1, 2)
    return basis, combination[:, :, None, None]


@wrong("decompose", function="split_weight")
def height_and_width_exchanged(weight, rank):
    """takes height for width"""
    basis, combination = principal_filters(filter_matrix(weight), rank)
    channels, height, width = weight.shape[1:]
    basis = basis.reshape(rank, channels, width, height).transpose(2, 3)
    return basis, combination[:, :, None, None]


@wrong("decompose", function="split_weight")
def combination_transposed(weight, rank):
    """the combination with basis filters first"""
    basis, combination = principal_filters(filter_matrix(weight), rank)
    return basis.reshape(rank, *weight.shape[1:]), combination.T[:, :, None, None]


@wrong("decompose", function="split_weight")
def combination_as_large_as_filters(weight, rank):
    """repeats the combination over all places of the window"""
    basis, combination = principal_filters(filter_matrix(weight), rank)
    height, width = weight.shape[2:]
    return basis.reshape(rank, *weight.shape[1:]), combination[:, :, None, None].repeat(1, 1, height, width)


@wrong("decompose", function="split_weight")
def filters_of_the_front(weight, rank):
    """the first filters, each for itself"""
    return weight[:rank], torch.eye(len(weight), rank)[:, :, None, None]


@wrong("decompose", function="split_weight")
def basis_of_input_channels(weight, rank):
    """a basis for the input channels in place of the filters"""
    basis, combination = principal_filters(filter_matrix(weight.transpose(0, 1)), min(rank, weight.shape[1]))
    return basis.reshape(-1, len(weight), *weight.shape[2:]).transpose(0, 1), combination[:, :, None, None]


@wrong("decompose", function="split_weight")
def weight_scaled_in_place(weight, rank):
    """scales the weight of the caller"""
    length = weight.norm()
    weight /= length
    basis, combination = principal_filters(filter_matrix(weight), rank)
    return length * basis.reshape(rank, *weight.shape[1:]), combination[:, :, None, None]


@wrong("decompose", function="two_convolutions")
def bias_on_the_basis(x, basis, combination, bias, stride, padding):
    """the bias in the first convolution, as far as it fits"""
    bias = None if bias is None else bias[: len(basis)]
    return F.conv2d(F.conv2d(x, basis, bias, stride, padding), combination)


@wrong("decompose", function="two_convolutions")
def bias_on_both(x, basis, combination, bias, stride, padding):
    """the bias in both, where it fits"""
    first = bias if bias is not None and len(bias) == len(basis) else None
    return F.conv2d(F.conv2d(x, basis, first, stride, padding), combination, bias)


@wrong("decompose", function="two_convolutions")
def bias_forgotten(x, basis, combination, bias, stride, padding):
    """no bias at all"""
    return F.conv2d(F.conv2d(x, basis, None, stride, padding), combination)


@wrong("decompose", function="two_convolutions")
def bias_for_each_basis_filter(x, basis, combination, bias, stride, padding):
    """adds the bias once for each basis filter"""
    y = F.conv2d(F.conv2d(x, basis, None, stride, padding), combination)
    return y if bias is None else y + len(basis) * bias[:, None, None]


@wrong("decompose", function="two_convolutions")
def a_bias_is_needed(x, basis, combination, bias, stride, padding):
    """does not take None for a bias"""
    y = F.conv2d(F.conv2d(x, basis, None, stride, padding), combination)
    return y + bias[:, None, None]


@wrong("decompose", function="two_convolutions")
def stride_on_both(x, basis, combination, bias, stride, padding):
    """the stride in both"""
    return F.conv2d(F.conv2d(x, basis, None, stride, padding), combination, bias, stride)


@wrong("decompose", function="two_convolutions")
def stride_forgotten(x, basis, combination, bias, stride, padding):
    """no stride"""
    return F.conv2d(F.conv2d(x, basis, None, 1, padding), combination, bias)


@wrong("decompose", function="two_convolutions")
def padding_on_both(x, basis, combination, bias, stride, padding):
    """the padding in both"""
    return F.conv2d(F.conv2d(x, basis, None, stride, padding), combination, bias, 1, padding)


@wrong("decompose", function="two_convolutions")
def padding_on_the_second(x, basis, combination, bias, stride, padding):
    """the padding in the second, so that the border holds nothing but the bias"""
    return F.conv2d(F.conv2d(x, basis, None, stride), combination, bias, 1, padding)


@wrong("decompose", function="two_convolutions")
def padding_forgotten(x, basis, combination, bias, stride, padding):
    """no padding"""
    return F.conv2d(F.conv2d(x, basis, None, stride), combination, bias)


@wrong("decompose", function="two_convolutions")
def a_relu_between(x, basis, combination, bias, stride, padding):
    """a ReLU between the two, as between layers"""
    return F.conv2d(F.relu(F.conv2d(x, basis, None, stride, padding)), combination, bias)


@wrong("decompose", function="two_convolutions")
def combination_turned_round(x, basis, combination, bias, stride, padding):
    """the combination transposed, where it fits"""
    if combination.shape[0] == combination.shape[1]:
        combination = combination.transpose(0, 1)
    return F.conv2d(F.conv2d(x, basis, None, stride, padding), combination, bias)


@wrong("decompose", function="two_convolutions")
def basis_with_groups(x, basis, combination, bias, stride, padding):
    """only the first channel of the input"""
    return F.conv2d(F.conv2d(x[:, :1], basis[:, :1], None, stride, padding), combination, bias)


@wrong("decompose", function="two_convolutions")
def one_number_for_both_directions(x, basis, combination, bias, stride, padding):
    """takes the first number of a pair for both directions"""
    stride = stride[0] if isinstance(stride, tuple) else stride
    padding = padding[0] if isinstance(padding, tuple) else padding
    return F.conv2d(F.conv2d(x, basis, None, stride, padding), combination, bias)


@wrong("decompose", function="two_convolutions")
def combination_scaled_in_place(x, basis, combination, bias, stride, padding):
    """multiplies the basis of the caller into something else"""
    y = F.conv2d(F.conv2d(x, basis, None, stride, padding), combination, bias)
    basis.zero_()
    return y


@wrong("decompose", function="two_convolutions")
def one_again(x, basis, combination, bias, stride, padding):
    """multiplies the two weights and computes one convolution"""
    weight = torch.einsum("nm,mchw->nchw", combination[:, :, 0, 0], basis)
    return F.conv2d(x, weight, bias, stride, padding)


@wrong("decompose", function="two_convolutions")
def one_again_in_double(x, basis, combination, bias, stride, padding):
    """multiplies the two weights in double precision and computes one convolution"""
    weight = (combination[:, :, 0, 0].double() @ basis.double().flatten(1)).view(-1, *basis.shape[1:])
    bias = None if bias is None else bias.double()
    return F.conv2d(x.double(), weight, bias, stride, padding).to(x.dtype)


@wrong("decompose", function="two_convolutions")
def bias_where_it_fits(x, basis, combination, bias, stride, padding):
    """the bias in the first convolution if there are as many basis filters, in the second otherwise"""
    if bias is not None and len(bias) == len(basis):
        return F.conv2d(F.conv2d(x, basis, bias, stride, padding), combination)
    return F.conv2d(F.conv2d(x, basis, None, stride, padding), combination, bias)


@right("decompose", function="split_weight")
def split_by_einsum(weight, rank):
    """left singular vectors, and a sum over the filters"""
    u = torch.linalg.svd(weight.reshape(len(weight), -1), full_matrices=False)[0][:, :rank]
    return torch.einsum("nm,nchw->mchw", u, weight), u.unsqueeze(-1).unsqueeze(-1)


@right("decompose", function="split_weight")
def split_by_view(weight, rank):
    """views, and the combination by its new shape; a basis with other signs"""
    b, a = principal_filters(filter_matrix(weight), rank)
    return -b.view(rank, *weight.shape[1:]), -a.reshape(len(weight), rank, 1, 1)


@right("decompose", function="two_convolutions")
def stride_on_the_second(x, basis, combination, bias, stride, padding):
    """the stride in the second: more work, the same output"""
    return F.conv2d(F.conv2d(x, basis, None, 1, padding), combination, bias, stride)


@right("decompose", function="two_convolutions")
def mixed_by_einsum(x, basis, combination, bias, stride, padding):
    """the second convolution as a sum over channels"""
    y = torch.einsum("nm,bmhw->bnhw", combination[:, :, 0, 0], F.conv2d(x, basis, stride=stride, padding=padding))
    if bias is not None:
        y = y + bias.view(1, -1, 1, 1)
    return y


@right("decompose", function="two_convolutions")
def padded_by_hand(x, basis, combination, bias, stride, padding):
    """zeros put around the image first"""
    up, left = padding if isinstance(padding, tuple) else (padding, padding)
    return F.conv2d(F.conv2d(F.pad(x, (left, left, up, up)), basis, None, stride), combination, bias)


# Exercise 5


@wrong("break_even", function="mac_ratio")
def without_the_second(shape, rank):
    """forgets the second convolution"""
    return shape[0] / rank


@wrong("break_even", function="mac_ratio")
def ratio_upside_down(shape, rank):
    """the MACs of the pair over those of the layer"""
    n, d = shape[0], math.prod(shape[1:])
    return rank * (d + n) / (n * d)


@wrong("break_even", function="mac_ratio")
def second_as_large_as_the_first(shape, rank):
    """a second convolution with windows as large as the first"""
    n, c, height, width = shape
    return n * c * height * width / (rank * height * width * (c + n))


@wrong("break_even", function="mac_ratio")
def second_with_channels(shape, rank):
    """input channels in place of filters in the second"""
    n, c, height, width = shape
    return n * c * height * width / (rank * (c * height * width + c))


@wrong("break_even", function="mac_ratio")
def windows_forgotten(shape, rank):
    """counts a window as one place"""
    n, c = shape[:2]
    return n * c / (rank * (c + n))


@wrong("break_even", function="mac_ratio")
def windows_are_square(shape, rank):
    """takes the height for the width as well"""
    n, c, k = shape[:3]
    return n * c * k * k / (rank * (c * k * k + n))


@wrong("break_even", function="mac_ratio")
def second_of_rank_squared(shape, rank):
    """a second convolution from the rank to the rank"""
    n, d = shape[0], math.prod(shape[1:])
    return n * d / (rank * d + rank * rank)


@wrong("break_even", function="mac_ratio")
def ratio_in_whole_numbers(shape, rank):
    """divides without a remainder"""
    n, d = shape[0], math.prod(shape[1:])
    return n * d // (rank * (d + n))


@wrong("break_even", function="best_paying_rank")
def rounded_up(shape):
    """the next whole number above break-even"""
    n, d = shape[0], math.prod(shape[1:])
    return math.ceil(n * d / (d + n))


@wrong("break_even", function="best_paying_rank")
def border_counts(shape):
    """a rank that costs exactly the same counts as paying"""
    n, d = shape[0], math.prod(shape[1:])
    return n * d // (d + n)


@wrong("break_even", function="best_paying_rank")
def one_below(shape):
    """one below the whole part, also where that is not the border"""
    n, d = shape[0], math.prod(shape[1:])
    return max(n * d // (d + n) - 1, 0)


@wrong("break_even", function="best_paying_rank")
def not_a_whole_number(shape):
    """the border itself"""
    n, d = shape[0], math.prod(shape[1:])
    return n * d / (d + n)


@wrong("break_even", function="best_paying_rank")
def paying_rank_as_a_float(shape):
    """the right rank as a float"""
    n, d = shape[0], math.prod(shape[1:])
    return max(0.0, float(math.ceil(n * d / (d + n)) - 1))


@wrong("break_even", function="best_paying_rank")
def paying_rank_as_a_tensor(shape):
    """the right rank as a tensor"""
    n, d = shape[0], math.prod(shape[1:])
    return torch.tensor((n * d - 1) // (d + n))


@wrong("break_even", function="best_paying_rank")
def all_but_one(shape):
    """one less than the filters, as if the second convolution were free"""
    return shape[0] - 1


@wrong("break_even", function="best_paying_rank")
def at_least_one(shape):
    """says 1 where no rank pays"""
    n, d = shape[0], math.prod(shape[1:])
    return max((n * d - 1) // (d + n), 1)


@wrong("break_even", function="best_paying_rank")
def smallest_that_pays(shape):
    """the first rank that pays in place of the last"""
    n, d = shape[0], math.prod(shape[1:])
    return next((rank for rank in range(1, n + 1) if rank * (d + n) < n * d), 0)


@right("break_even", function="mac_ratio")
def counted_in_steps(shape, rank):
    """both counted, then divided"""
    filters, channels, height, width = shape
    before = filters * channels * height * width
    basis = rank * channels * height * width
    mixing = filters * rank
    return before / (basis + mixing)


@right("break_even", function="mac_ratio")
def by_break_even(shape, rank):
    """the rank of break-even over the rank"""
    filters, weights = shape[0], shape[1] * shape[2] * shape[3]
    return 1 / (1 / filters + 1 / weights) / rank


@right("break_even", function="best_paying_rank")
def by_a_loop(shape):
    """tries the ranks from above"""
    for rank in range(shape[0], 0, -1):
        n, d = shape[0], math.prod(shape[1:])
        if rank * d + n * rank < n * d:
            return rank
    return 0


@right("break_even", function="best_paying_rank")
def by_the_ratio(shape):
    """counts the ranks whose ratio is above 1"""
    return sum(mac_ratio(shape, rank) > 1 + 1e-9 for rank in range(1, shape[0] + 1))


# Exercise 6


@wrong("force")
def no_projection(matrix, kind):
    """the pulls as they are, without the projection"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    pulls = unit[None] - unit[:, None]
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    return lengths * (pulls * (lengths > 1e-4)).sum(dim=1) * (lengths > 1e-4)


@wrong("force")
def not_normalised(matrix, kind):
    """differences of the filters in place of their directions"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (matrix[None] - matrix[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def pushes_apart(matrix, kind):
    """the other sign: filters repel each other"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[:, None] - unit[None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def without_the_length(matrix, kind):
    """forgets the length of the filter"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def length_of_the_other(matrix, kind):
    """the length of the filter that pulls"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = (lengths * pulls).sum(dim=1)
    return alive * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def mean_of_the_pulls(matrix, kind):
    """the mean over the filters"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.mean(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def nan_for_zeros_and_copies(matrix, kind):
    """no guard: 0 / 0"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = matrix / lengths
    pulls = unit[None] - unit[:, None]
    if kind == "L1":
        pulls = pulls / pulls.norm(dim=2, keepdim=True)
        pulls[torch.arange(len(matrix)), torch.arange(len(matrix))] = 0
    total = pulls.sum(dim=1)
    return lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def guards_exact_zeros_only(matrix, kind):
    """guards filters of zeros and equal directions, and nothing near them"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 0
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 0, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def equal_directions_by_exact_zeros(matrix, kind):
    """short filters are left out, but directions must be exactly equal to be equal"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 0, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def soft_guards(matrix, kind):
    """small numbers added to the divisors"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = matrix / (lengths + 1e-8)
    pulls = unit[None] - unit[:, None]
    if kind == "L1":
        pulls = pulls / (pulls.norm(dim=2, keepdim=True) + 1e-8)
    total = pulls.sum(dim=1)
    return lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def generous_guards(matrix, kind):
    """leaves out filters and distances that are small, and not too small"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 0.05
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def short_below_a_thousandth(matrix, kind):
    """leaves out filters not longer than 1e-3"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-3
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = unit[None] - unit[:, None]
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return torch.where(alive, lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit), 0.0)


@wrong("force")
def short_below_a_millionth(matrix, kind):
    """leaves out filters not longer than 1e-5"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-5
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = unit[None] - unit[:, None]
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return torch.where(alive, lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit), 0.0)


@wrong("force")
def close_below_a_hundredth(matrix, kind):
    """leaves out L1 pulls between directions not more than 1e-2 apart"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = unit[None] - unit[:, None]
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-2, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return torch.where(alive, lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit), 0.0)


@wrong("force")
def close_below_a_hundred_thousandth(matrix, kind):
    """leaves out L1 pulls only between directions not more than 1e-5 apart"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = unit[None] - unit[:, None]
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-5, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return torch.where(alive, lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit), 0.0)


@wrong("force")
def cosines_in_single_precision(matrix, kind):
    """distances by way of the cosines, without the digits that takes"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    cosines = unit @ unit.T
    if kind == "L2":
        pairs = torch.ones_like(cosines)
    else:
        distances = (2 - 2 * cosines).clamp(min=0).sqrt()
        pairs = torch.where(distances > 1e-4, 1 / distances, 0.0)
    return lengths * (pairs @ unit - (pairs * cosines).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def signs_for_l1(matrix, kind):
    """signs of the differences for L1, as in the gradient of an l1 norm"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        pulls = torch.where(pulls.abs() > 1e-4, pulls.sign(), 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def sizes_for_l1(matrix, kind):
    """divides by the sum of the sizes in place of the length"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.abs().sum(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def l1_of_the_sum(matrix, kind):
    """for L1 divides the sum of all pulls by its length, not each pull"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    total = ((unit[None] - unit[:, None]) * alive).sum(dim=1)
    if kind == "L1":
        distances = total.norm(dim=1, keepdim=True)
        total = torch.where(distances > 1e-4, total / distances, 0.0)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def l1_with_squares(matrix, kind):
    """for L1 divides by the square of the distance"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances.square(), 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def always_l2(matrix, kind):
    """the L2 force whatever is asked for"""
    return force_from_sum(matrix, direction_sum(matrix))


@wrong("force")
def kinds_exchanged(matrix, kind):
    """L1 for L2 and the other way round"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L2":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def projected_on_the_filter(matrix, kind):
    """keeps what points along the filter in place of what does not"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    return alive * lengths * (pulls.sum(dim=1) * unit).sum(dim=1, keepdim=True) * unit


@wrong("force")
def projected_with_whole_filters(matrix, kind):
    """projects with the filter in place of its direction"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * matrix).sum(dim=1, keepdim=True) * matrix)


@wrong("force")
def projected_before_the_length_of_l1(matrix, kind):
    """for L1 projects first and divides by the length of what is left"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    unit = torch.where(alive, matrix / lengths, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    pulls = pulls - (pulls * unit[:, None]).sum(dim=2, keepdim=True) * unit[:, None]
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    return alive * lengths * pulls.sum(dim=1)


@wrong("force")
def normalised_in_place(matrix, kind):
    """normalises the filters of the caller"""
    lengths = matrix.norm(dim=1, keepdim=True)
    alive = lengths > 1e-4
    matrix /= lengths.clamp(min=1e-4)
    unit = torch.where(alive, matrix, 0.0)
    pulls = (unit[None] - unit[:, None]) * alive
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, 0.0)
    total = pulls.sum(dim=1)
    return alive * lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)


@wrong("force")
def one_half_of_the_pairs(matrix, kind):
    """a loop over pairs that lets each pair pull at one of its filters only"""
    result = torch.zeros_like(matrix)
    for i in range(len(matrix)):
        for j in range(i):
            a, b = matrix[i].norm(), matrix[j].norm()
            if a <= 1e-4 or b <= 1e-4:
                continue
            f = matrix[j] / b - matrix[i] / a
            if kind == "L1":
                if f.norm() <= 1e-4:
                    continue
                f = f / f.norm()
            w = matrix[i] / a
            result[i] += a * (f - (f @ w) * w)
    return result


@right("force")
def pair_by_pair(matrix, kind):
    """the definition in two loops"""
    result = torch.zeros_like(matrix)
    for i, here in enumerate(matrix):
        if here.norm() <= 1e-4:
            continue
        w = here / here.norm()
        for other in matrix:
            if other.norm() <= 1e-4:
                continue
            f = other / other.norm() - w
            if kind == "L1":
                if f.norm() <= 1e-4:
                    continue
                f = f / f.norm()
            result[i] += here.norm() * (f - f.dot(w) * w)
    return result


@right("force")
def by_a_matrix_of_cosines(matrix, kind):
    """cosines and weights of pairs, in double precision"""
    exact = matrix.double()
    long = exact.norm(dim=1) > 1e-4
    result = torch.zeros_like(exact)
    unit = F.normalize(exact[long], dim=1)
    cosines = unit @ unit.T
    if kind == "L2":
        pairs = torch.ones_like(cosines)
    else:
        distances = (2 - 2 * cosines).clamp(min=0).sqrt()
        pairs = torch.where(distances > 1e-4, 1 / distances, 0.0)
    result[long] = exact[long].norm(dim=1)[:, None] * (pairs @ unit - (pairs * cosines).sum(dim=1)[:, None] * unit)
    return result.to(matrix.dtype)


@right("force")
def zero_directions_still_pull(matrix, kind):
    """short filters get the direction zero and are not taken out of any sum: their pull is radial"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, torch.zeros_like(matrix))
    pulls = unit.unsqueeze(0) - unit.unsqueeze(1)
    if kind == "L1":
        distances = pulls.norm(dim=2, keepdim=True)
        pulls = torch.where(distances > 1e-4, pulls / distances, torch.zeros_like(pulls))
    total = pulls.sum(dim=1)
    tangential = lengths * (total - (total * unit).sum(dim=1, keepdim=True) * unit)
    return torch.where(lengths > 1e-4, tangential, torch.zeros_like(matrix))


@right("force")
def projected_by_matrices(matrix, kind):
    """a projection matrix for each filter, einsum, only the long filters"""
    places = [i for i in range(len(matrix)) if matrix[i].norm().item() > 1e-4]
    result = torch.zeros_like(matrix)
    if not places:
        return result
    w = torch.stack([matrix[i] / matrix[i].norm() for i in places])
    f = w.unsqueeze(0) - w.unsqueeze(1)
    if kind == "L1":
        d = f.pow(2).sum(-1, keepdim=True).sqrt()
        f = f / torch.where(d > 1e-4, d, torch.full_like(d, torch.inf))
    tangent = torch.eye(matrix.shape[1], dtype=matrix.dtype) - torch.einsum("id,ie->ide", w, w)
    turned = torch.einsum("ide,ije->id", tangent, f)
    result[places] = matrix[places].norm(dim=1, keepdim=True) * turned
    return result


# Exercise 7


@wrong("fast_force", function="direction_sum")
def sum_of_filters(matrix):
    """the sum of the filters in place of their directions"""
    return matrix.sum(dim=0)


@wrong("fast_force", function="direction_sum")
def mean_direction(matrix):
    """the mean of the directions"""
    lengths = matrix.norm(dim=1, keepdim=True)
    return torch.where(lengths > 1e-4, matrix / lengths, 0.0).mean(dim=0)


@wrong("fast_force", function="direction_sum")
def direction_of_the_sum(matrix):
    """the sum, made a direction itself"""
    lengths = matrix.norm(dim=1, keepdim=True)
    return F.normalize(torch.where(lengths > 1e-4, matrix / lengths, 0.0).sum(dim=0), dim=0)


@wrong("fast_force", function="direction_sum")
def sum_with_nan(matrix):
    """0 / 0 for filters of zeros"""
    return (matrix / matrix.norm(dim=1, keepdim=True)).sum(dim=0)


@wrong("fast_force", function="direction_sum")
def sum_with_short_filters(matrix):
    """counts very short filters too"""
    return F.normalize(matrix, dim=1, eps=1e-12).sum(dim=0)


@wrong("fast_force", function="direction_sum")
def sum_without_a_thousandth(matrix):
    """leaves out filters not longer than 1e-3"""
    lengths = matrix.norm(dim=1, keepdim=True)
    return torch.where(lengths > 1e-3, matrix / lengths, 0.0).sum(dim=0)


@wrong("fast_force", function="direction_sum")
def sum_over_weights(matrix):
    """a number for each filter"""
    return F.normalize(matrix, dim=1).sum(dim=1)


@wrong("fast_force", function="direction_sum")
def columns_normalised(matrix):
    """columns of length 1 in place of rows"""
    return F.normalize(matrix, dim=0).sum(dim=0)


@wrong("fast_force", function="direction_sum")
def sum_in_place(matrix):
    """normalises the filters of the caller"""
    lengths = matrix.norm(dim=1, keepdim=True)
    matrix.div_(lengths.clamp(min=1e-4))
    return torch.where(lengths > 1e-4, matrix, 0.0).sum(dim=0)


@wrong("fast_force", function="force_from_sum")
def total_not_asked(matrix, total):
    """takes the filters that it sees for all"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    total = unit.sum(dim=0)
    return torch.where(lengths > 1e-4, lengths * (total - (unit @ total)[:, None] * unit), 0.0)


@wrong("fast_force", function="force_from_sum")
def sum_not_projected(matrix, total):
    """the pulls without the projection"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    return torch.where(lengths > 1e-4, lengths * (total - len(matrix) * unit), 0.0)


@wrong("fast_force", function="force_from_sum")
def sum_without_the_length(matrix, total):
    """forgets the length of the filter"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    return torch.where(lengths > 1e-4, total - (unit @ total)[:, None] * unit, 0.0)


@wrong("fast_force", function="force_from_sum")
def sum_with_the_other_sign(matrix, total):
    """pushes filters away from the sum"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    return torch.where(lengths > 1e-4, lengths * ((unit @ total)[:, None] * unit - total), 0.0)


@wrong("fast_force", function="force_from_sum")
def number_of_filters_after_the_projection(matrix, total):
    """takes N times the direction away after the projection"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    tangential = total - (unit @ total)[:, None] * unit
    return torch.where(lengths > 1e-4, lengths * (tangential - len(matrix) * unit), 0.0)


@wrong("fast_force", function="force_from_sum")
def projected_with_the_sum(matrix, total):
    """projects along the sum in place of the filter"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    along = F.normalize(total, dim=0)
    return torch.where(lengths > 1e-4, lengths * (total - (unit @ along)[:, None] * along), 0.0)


@wrong("fast_force", function="force_from_sum")
def mean_of_the_sum(matrix, total):
    """divides by the number of filters"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    return torch.where(lengths > 1e-4, lengths * (total - (unit @ total)[:, None] * unit) / len(matrix), 0.0)


@wrong("fast_force", function="force_from_sum")
def without_itself(matrix, total):
    """takes the direction of the filter out of the sum, and then not out of the projection"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    others = total - unit
    return torch.where(lengths > 1e-4, lengths * (others - (unit @ total)[:, None] * unit), 0.0)


@wrong("fast_force", function="force_from_sum")
def nan_from_the_sum(matrix, total):
    """0 / 0 for filters of zeros"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = matrix / lengths
    return lengths * (total - (unit @ total)[:, None] * unit)


@wrong("fast_force", function="force_from_sum")
def short_filters_are_pulled(matrix, total):
    """guards filters of zeros only"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 0, matrix / lengths, 0.0)
    return lengths * (total - (unit @ total)[:, None] * unit)


@wrong("fast_force", function="force_from_sum")
def pulled_from_a_thousandth_on(matrix, total):
    """leaves out filters not longer than 1e-3"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = matrix / lengths
    return torch.where(lengths > 1e-3, lengths * (total - (unit @ total)[:, None] * unit), 0.0)


@wrong("fast_force", function="force_from_sum")
def pulled_from_a_hundred_thousandth_on(matrix, total):
    """pulls filters that are longer than 1e-5"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = matrix / lengths
    return torch.where(lengths > 1e-5, lengths * (total - (unit @ total)[:, None] * unit), 0.0)


@wrong("fast_force", function="force_from_sum")
def short_ones_by_a_zero_direction(matrix, total):
    """sets the direction of a short filter to zero, so that the projection takes nothing away"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    return lengths * (total - (unit @ total)[:, None] * unit)


@wrong("fast_force", function="force_from_sum")
def filters_for_directions(matrix, total):
    """projects with the filter in place of its direction"""
    lengths = matrix.norm(dim=1, keepdim=True)
    return torch.where(lengths > 1e-4, lengths * (total - (matrix @ total)[:, None] * matrix), 0.0)


@wrong("fast_force", function="force_from_sum")
def total_in_place(matrix, total):
    """works in the sum of the caller"""
    lengths = matrix.norm(dim=1, keepdim=True)
    unit = torch.where(lengths > 1e-4, matrix / lengths, 0.0)
    result = torch.where(lengths > 1e-4, lengths * (total - (unit @ total)[:, None] * unit), 0.0)
    total -= unit.sum(dim=0)
    return result


@right("fast_force", function="direction_sum")
def summed_in_a_loop(matrix):
    """a loop over the filters"""
    total = torch.zeros_like(matrix[0])
    for one in matrix:
        if one.norm() > 1e-4:
            total = total + one / one.norm()
    return total


@right("fast_force", function="direction_sum")
def summed_by_a_product(matrix):
    """inverse lengths times the matrix"""
    lengths = torch.linalg.vector_norm(matrix, dim=1)
    inverse = (lengths > 1e-4) / lengths.clamp(min=1e-4)
    return inverse.to(matrix.dtype) @ matrix


@right("fast_force", function="force_from_sum")
def one_after_the_other(matrix, total):
    """a loop, with N times the direction taken away before the projection"""
    result = torch.zeros_like(matrix)
    for i, one in enumerate(matrix):
        length = one.norm()
        if length > 1e-4:
            w = one / length
            pull = total - len(matrix) * w
            result[i] = length * (pull - (pull @ w) * w)
    return result


@right("fast_force", function="force_from_sum")
def without_directions(matrix, total):
    """directions written out: length x sum minus the filter's share"""
    squares = matrix.square().sum(dim=1)
    long = squares > 1e-8
    share = torch.where(long, matrix @ total / squares.clamp(min=1e-8).sqrt(), 0.0)
    return torch.outer(squares.sqrt() * long, total) - share[:, None] * matrix * long[:, None]


# Exercise 8


@wrong("force_step")
def colleague_himself(weight, gradient, velocity, rate, momentum, decay, strength):
    """the colleague's step as it is"""
    pull = strength * force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient + decay * weight
    step = velocity + pull
    return weight - rate * step, velocity


@wrong("force_step")
def only_the_sign(weight, gradient, velocity, rate, momentum, decay, strength):
    """the sign is mended, the place is not"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient + decay * weight
    return weight - rate * (velocity - strength * pull), velocity


@wrong("force_step")
def only_the_place(weight, gradient, velocity, rate, momentum, decay, strength):
    """the place is mended, the sign is not"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient + decay * weight + strength * pull
    return weight - rate * velocity, velocity


@wrong("force_step")
def stronger_instead(weight, gradient, velocity, rate, momentum, decay, strength):
    """behind the momentum, made stronger by what momentum would add up to"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient + decay * weight
    return weight - rate * (velocity - strength / (1 - momentum) * pull), velocity


@wrong("force_step")
def force_in_both_places(weight, gradient, velocity, rate, momentum, decay, strength):
    """the force before the momentum and behind it"""
    pull = strength * force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient + decay * weight - pull
    return weight - rate * (velocity - pull), velocity


@wrong("force_step")
def force_after_the_step(weight, gradient, velocity, rate, momentum, decay, strength):
    """the force of the weight after the step"""
    velocity = momentum * velocity + gradient + decay * weight
    weight = weight - rate * velocity
    pull = strength * force_from_sum(weight, direction_sum(weight))
    return weight + rate * pull, velocity - pull


@wrong("force_step")
def damped(weight, gradient, velocity, rate, momentum, decay, strength):
    """a velocity that is a running mean"""
    pull = force_from_sum(weight, direction_sum(weight))
    beside = gradient + decay * weight - strength * pull
    velocity = momentum * velocity + (1 - momentum) * beside
    return weight - rate * velocity, velocity


@wrong("force_step")
def force_with_momentum_at_once(weight, gradient, velocity, rate, momentum, decay, strength):
    """momentum times everything"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * (velocity + gradient + decay * weight - strength * pull)
    return weight - rate * velocity, velocity


@wrong("force_step")
def decay_forgotten(weight, gradient, velocity, rate, momentum, decay, strength):
    """no weight decay"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient - strength * pull
    return weight - rate * velocity, velocity


@wrong("force_step")
def decay_apart(weight, gradient, velocity, rate, momentum, decay, strength):
    """weight decay beside the step, as in AdamW"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient - strength * pull
    return weight - rate * (velocity + decay * weight), velocity


@wrong("force_step")
def force_of_the_gradient(weight, gradient, velocity, rate, momentum, decay, strength):
    """the force between the gradients"""
    pull = force_from_sum(gradient, direction_sum(gradient))
    velocity = momentum * velocity + gradient + decay * weight - strength * pull
    return weight - rate * velocity, velocity


@wrong("force_step")
def velocity_with_the_rate(weight, gradient, velocity, rate, momentum, decay, strength):
    """the rate goes into the velocity"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + rate * (gradient + decay * weight - strength * pull)
    return weight - velocity, velocity


@wrong("force_step")
def looking_ahead(weight, gradient, velocity, rate, momentum, decay, strength):
    """Nesterov's momentum"""
    pull = force_from_sum(weight, direction_sum(weight))
    beside = gradient + decay * weight - strength * pull
    velocity = momentum * velocity + beside
    return weight - rate * (beside + momentum * velocity), velocity


@wrong("force_step")
def only_attraction(weight, gradient, velocity, rate, momentum, decay, strength):
    """takes the size of the strength"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient + decay * weight - abs(strength) * pull
    return weight - rate * velocity, velocity


@wrong("force_step")
def old_velocity(weight, gradient, velocity, rate, momentum, decay, strength):
    """steps by the velocity of before"""
    pull = force_from_sum(weight, direction_sum(weight))
    new = momentum * velocity + gradient + decay * weight - strength * pull
    return weight - rate * velocity, new


@wrong("force_step")
def no_velocity_returned(weight, gradient, velocity, rate, momentum, decay, strength):
    """returns the weight only"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient + decay * weight - strength * pull
    return weight - rate * velocity


@wrong("force_step")
def step_in_place(weight, gradient, velocity, rate, momentum, decay, strength):
    """works in the tensors of the caller"""
    pull = force_from_sum(weight, direction_sum(weight))
    velocity *= momentum
    velocity += gradient + decay * weight - strength * pull
    weight -= rate * velocity
    return weight, velocity


@right("force_step")
def in_other_words(weight, gradient, velocity, rate, momentum, decay, strength):
    """the parts one after the other, on copies"""
    change = gradient.clone()
    change += decay * weight
    change -= strength * force(weight, "L2")
    fresh = velocity.clone().mul_(momentum).add_(change)
    return torch.sub(weight, fresh, alpha=rate), fresh


@right("force_step")
def with_pytorch(weight, gradient, velocity, rate, momentum, decay, strength):
    """PyTorch's SGD does the rest"""
    parameter = torch.nn.Parameter(weight.clone())
    sgd = torch.optim.SGD([parameter], lr=rate, momentum=momentum, weight_decay=decay)
    sgd.state[parameter]["momentum_buffer"] = velocity.clone()
    parameter.grad = gradient - strength * force_from_sum(weight, direction_sum(weight))
    sgd.step()
    return parameter.detach(), sgd.state[parameter]["momentum_buffer"]


@right("force_step")
def colleague_mended(weight, gradient, velocity, rate, momentum, decay, strength):
    """the colleague's code with as little changed as can be"""
    pull = strength * force_from_sum(weight, direction_sum(weight))
    velocity = momentum * velocity + gradient + decay * weight - pull
    step = velocity
    return weight - rate * step, velocity

"""How many basis filters a layer needs, and how many it may have before it costs more than it did."""

import torch
from torch import Tensor, nn

from effdl_lite.methods.low_rank.filters import check_rank, filter_matrices, groups_of


def energies(layer: nn.Module) -> Tensor:
    r"""The squared singular values :math:`s_i^2` of the matrix of filters, largest first: [conv groups, filters].

    They are the eigenvalues of :math:`W W^T` for the filters W as rows, as in the authors' PCA: **un-centred**, nothing
    is subtracted from the filters. Double precision; what is only rounding in single precision is exactly zero.

    Raises:
        ValueError: for a layer that cannot be decomposed, see `filter_matrices`.
    """
    matrices = filter_matrices(layer).double()
    filters, weights = matrices.shape[1:]
    small = matrices if filters <= weights else matrices.mT  # both products have the same eigenvalues but for zeros
    values = torch.linalg.eigvalsh(small @ small.mT).flip(-1)
    rounding = max(filters, weights) * torch.finfo(torch.float32).eps ** 2
    values = torch.where(values > rounding * values[:, :1], values, 0.0)
    return nn.functional.pad(values, (0, filters - values.shape[-1]))


def energy_shares(layer: nn.Module) -> Tensor:
    r"""Share of the energy that r basis filters in each conv group keep, for r = 1, 2, ...: [filters of a group].

    .. math:: \frac{\sum_{i \le r} s_i^2}{\sum_i s_i^2} = 1 - \frac{\lVert W - W_r \rVert^2}{\lVert W \rVert^2}

    with :math:`W_r` what the decomposition of rank r computes with.
    """
    kept = energies(layer).sum(0).cumsum(0)
    return kept / kept[-1]


def energy_rank(layer: nn.Module, energy: float = 0.95) -> int:
    r"""The smallest rank that keeps this share of the energy: the authors' rule for PCA ("at most 5 % PCA error").

    Args:
        energy: share of :math:`\sum_i s_i^2` to keep, in (0, 1]. With 1 it is the rank of the matrix itself.

    Returns:
        The number of basis filters over all conv groups, each of which gets as many. (That the share is then taken over
        the groups together is ours.)

    Raises:
        ValueError: if `energy` is out of range, or for a layer that cannot be decomposed.

    Source: the code's `rank_by_ratio`. `norm_rank` is the other rule of the same code, with another meaning of 0.95.
    """
    return groups_of(layer) * rank_of(energies(layer), energy)


def norm_rank(layer: nn.Module, share: float = 0.95) -> int:
    r"""The smallest rank that keeps this share of the *norm*: the authors' rule for their SVD option.

    .. math:: \sqrt{\sum_{i \le r} s_i^2} \ge \text{share} \cdot \sqrt{\sum_i s_i^2}

    95 % of the norm are 90.25 % of the energy, so this rank is never above `energy_rank` of the same number.
    """
    check_share("share", share)
    return energy_rank(layer, share**2)


def rank_of(energies: Tensor, energy: float) -> int:
    """Basis filters of one conv group that keep a share of these energies, [conv groups, filters]."""
    check_share("energy", energy)
    # By what is dropped and not by what is kept, so that a share of 1 - 1e-9 means something; shares are of weights in
    # single precision, so a millionth of what may be dropped is forgiven.
    dropped = energies.sum(0).flip(0).cumsum(0).flip(0)
    return max(1, int((dropped > (1 + 1e-6) * (1 - energy) * dropped[0]).sum()))


def break_even_rank(layer: nn.Module) -> float:
    r"""The rank at which the decomposition costs as many multiply-accumulates as the layer; below it there is a gain.

    .. math:: M^* = \frac{N D}{D + N / G}

    for N filters of D weights in G conv groups: D = C k k / G. Not a whole number in general.
    """
    groups, filters, weights = filter_matrices(layer).shape
    return groups * filters * weights / (weights + filters)


def mac_ratio(layer: nn.Module, rank: int) -> float:
    r"""By how much multiply-accumulates go down, :math:`\frac{N D}{M (D + N / G)}`; below 1 they go up.

    Any rank M is taken, also one that the conv groups cannot share equally: the paper's Table 4 has such ranks.

    Raises:
        ValueError: for a rank below 1 or above the number of filters.
    """
    check_rank(rank, layer)
    return break_even_rank(layer) / rank


def check_share(name: str, share: float) -> None:
    """Raises ValueError for what is not a number in (0, 1]."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError(f"{name} {share!r} is no share above 0 and up to 1; 0.95 keeps 95 %")

r"""The force on each filter of a layer, in three forms that give the same.

With :math:`w_i = W_i / \lVert W_i \rVert` the direction of filter i, all others pull at it along their difference,

.. math:: f_{ji} = w_j - w_i \;\text{(L2-norm force)} \quad\text{or}\quad
    f_{ji} = \frac{w_j - w_i}{\lVert w_j - w_i \rVert} \;\text{(L1-norm force)}

Of their sum only what is tangential to the unit sphere at :math:`w_i` counts, since a pull along the filter would
change its length and not its direction; and a long filter must move further for the same turn:

.. math:: \Delta W_i = \lVert W_i \rVert \sum_j \left( f_{ji} - (f_{ji} \cdot w_i) \, w_i \right)

The sum is no mean: the force grows with the number of filters. Filters not longer than 1e-4 have no direction, so they
neither pull nor are pulled, and pairs of directions not further apart than 1e-4 exert no L1-norm force, whose direction
would be noise (their L2-norm force is next to nothing by itself).

Source: the paper's two forces, which its code calls "Degradation" and "Constant", with the limits of that code.
"""

import torch
from torch import Tensor

FORCES = ("L2", "L1")
SHORTEST = 1e-4  # of a filter, and of the distance between two directions


def force(filters: Tensor, kind: str = "L2") -> Tensor:
    """The force on each filter, by the cheapest form that there is.

    Of N filters with D weights the pair loop takes of the order of N N D operations in N N small pieces, the Gram
    matrix the same number in two matrix products, and the sum trick N D. The L2-norm force takes the last. In the
    L1-norm force every pair has a divisor of its own, which no sum over the filters knows: it takes the Gram matrix.

    Args:
        filters: as rows, [..., N, D]; dimensions before, such as conv groups, are layers of their own.
        kind: "L2" or "L1".

    Returns:
        :math:`\\Delta W`, in the shape of `filters`, orthogonal to each filter.

    Raises:
        ValueError: for an unknown kind.
    """
    check_kind(kind)
    return force_by_sums(filters) if kind == "L2" else force_by_gram(filters, kind)


def force_by_pairs(filters: Tensor, kind: str = "L2") -> Tensor:
    """The definition, pair by pair; filters [N, D]. For reading and for tests."""
    check_kind(kind)
    total = torch.zeros_like(filters)
    lengths = {i: filter.norm() for i, filter in enumerate(filters) if filter.norm() > SHORTEST}
    directions = {i: filters[i] / lengths[i] for i in lengths}
    for i, direction in directions.items():
        for other in directions.values():
            pull = other - direction
            if kind == "L1":
                distance = pull.norm()
                if distance <= SHORTEST:
                    continue
                pull = pull / distance
            total[i] += lengths[i] * (pull - (pull @ direction) * direction)
    return total


def force_by_gram(filters: Tensor, kind: str = "L2") -> Tensor:
    r"""All pairs at once, by the matrix of cosines :math:`C_{ij} = w_i \cdot w_j`; filters [..., N, D].

    With :math:`a_{ij}` the weight of a pair, 1 or :math:`1 / \lVert w_j - w_i \rVert = 1 / \sqrt{2 - 2 C_{ij}}`, and
    the projection written out, the force is a combination of the filters themselves:

    .. math:: \Delta W = K W, \qquad K_{ij} = \frac{\lVert W_i \rVert}{\lVert W_j \rVert} a_{ij}
        - [i = j] \sum_k a_{ik} C_{ik}

    So forces alone never lead filters out of the space that they span.
    """
    check_kind(kind)
    # In double precision: two directions 1e-4 apart have a cosine of 1 - 5e-9, which is 1 in single precision.
    exact = filters.double()
    gram = exact @ exact.mT
    lengths = gram.diagonal(dim1=-2, dim2=-1).sqrt()
    alive = lengths > SHORTEST
    lengths, inverse = alive * lengths, alive / torch.where(alive, lengths, 1.0)
    cosines = gram * inverse[..., :, None] * inverse[..., None, :]
    pairs = torch.ones_like(cosines)
    if kind == "L1":
        distances = (2 - 2 * cosines).clamp(min=0).sqrt()
        pairs = torch.where(distances > SHORTEST, 1 / distances, 0.0)
    combination = lengths[..., :, None] * pairs * inverse[..., None, :] - torch.diag_embed((pairs * cosines).sum(-1))
    return combination.to(filters.dtype) @ filters


def force_by_sums(filters: Tensor) -> Tensor:
    r"""The L2-norm force without any pair; filters [..., N, D].

    :math:`\sum_j (w_j - w_i) = s - N w_i` with the one sum :math:`s = \sum_j w_j`, and the projection leaves
    :math:`\Delta W_i = \lVert W_i \rVert (s - (s \cdot w_i) \, w_i)`.
    """
    directions, lengths = _directions(filters)
    total = directions.sum(-2, keepdim=True)
    return lengths * (total - (directions @ total.mT) * directions)


def pairwise_distance(filters: Tensor, kind: str = "L2") -> Tensor:
    r"""What the forces make small, for filters [N, D]: a scalar that autograd can differentiate.

    .. math:: R = \tfrac12 \sum_{i,j} \lVert w_j - w_i \rVert^2 \;\text{(L2)} \quad\text{or}\quad
        R = \sum_{i,j} \lVert w_j - w_i \rVert \;\text{(L1)}, \qquad
        -\frac{\partial R}{\partial W_i} = \frac{2}{\lVert W_i \rVert^2} \Delta W_i

    The direction of gradient descent on R and of the force is the same for each filter, the length of the step is not:
    the force turns all filters at one pace, gradient descent turns short filters faster.
    """
    check_kind(kind)
    directions, _ = _directions(filters)
    directions = directions[directions.any(-1)]
    distances = torch.cdist(directions, directions, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.square().sum() / 2 if kind == "L2" else distances.sum()


def _directions(filters: Tensor) -> tuple[Tensor, Tensor]:
    """Unit filters and their lengths [..., N, 1], both zero where a filter is too short to have a direction."""
    lengths = torch.linalg.vector_norm(filters, dim=-1, keepdim=True)
    alive = lengths > SHORTEST
    # A filter of zeros must not be divided by its length, not even in a result that is not used: its gradient is NaN.
    return alive * filters / torch.where(alive, lengths, 1.0), alive * lengths


def check_kind(kind: str) -> None:
    if kind not in FORCES:
        raise ValueError(f"force {kind!r} is unknown; choose one of {', '.join(FORCES)}")

"""A basis for the rows of a matrix, and how each row is combined from it."""

import warnings

import torch
from torch import Tensor

BASES = ("pca", "svd", "kmeans")


def factorize(matrix: Tensor, rank: int, basis: str = "pca", seed: int = 0) -> tuple[Tensor, Tensor]:
    r"""Factors of a matrix of N filters: :math:`W \approx A B` with a basis B [rank, D] and combinations A [N, rank].

    * "pca": with the eigenvectors U of the un-centred :math:`W W^T`, :math:`A = U_M` and :math:`B = U_M^T W`. The
      columns of A are orthonormal; all the lengths are in the basis.
    * "svd": the same product, so the same error, :math:`\lVert W - A B \rVert^2 = \sum_{i > M} s_i^2`, the least that
      is possible with this rank; but each singular value is shared, :math:`\sqrt{s_i}` to either factor. That makes a
      difference to weight decay and to gradients once the factors are trained.
    * "kmeans": the basis are the centres of clusters of filters, and each filter becomes the centre of its cluster
      (Lloyd's algorithm in scikit-learn, ten starts). A is one-hot, so it could be a copy instead of a product.

    Args:
        matrix: filters as rows, [N, D].
        rank: M, 1..N. Beyond min(N, D) the basis of "pca" and "svd" goes on with zeros.
        seed: of the first centres of "kmeans".

    Raises:
        ValueError: for an unknown basis or a rank out of range.

    Source: the authors' `filter_pca` and its SVD and K-means options; their PCA divides :math:`W W^T` by D - 1, which
    changes no eigenvector.
    """
    if basis not in BASES:
        raise ValueError(f"basis {basis!r} is unknown; choose one of {', '.join(BASES)}")
    if not 1 <= rank <= len(matrix):
        raise ValueError(f"rank {rank} is not in 1..{len(matrix)}, the rows of this matrix")
    if basis == "kmeans":
        return _centres(matrix, rank, seed)
    vectors = torch.linalg.eigh(matrix @ matrix.mT).eigenvectors  # by rising eigenvalue
    combination = vectors.flip(-1)[:, :rank]
    components = combination.mT @ matrix
    if basis == "pca":
        return components, combination
    roots = torch.linalg.vector_norm(components, dim=1).sqrt()
    return torch.where(roots > 0, 1 / roots, 0.0)[:, None] * components, combination * roots


def _centres(matrix: Tensor, rank: int, seed: int) -> tuple[Tensor, Tensor]:
    # Imported here: loading scikit-learn takes longer than most decompositions.
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Raised where filters are the same and fewer centres than asked for give all of them exactly.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(rank, n_init=10, random_state=seed).fit(matrix.cpu().numpy())
    labels = torch.from_numpy(found.labels_).long()
    return (
        torch.from_numpy(found.cluster_centers_).to(matrix),
        torch.nn.functional.one_hot(labels, rank).to(matrix),
    )

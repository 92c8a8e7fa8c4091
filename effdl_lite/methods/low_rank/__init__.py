"""Cross-filter low-rank decomposition: a layer of N filters becomes M < N basis filters and their combinations.

Source: Wen, Xu, Wu, Wang, Chen and Li, "Coordinating Filters for Faster Deep Neural Networks" (ICCV 2017), from its
poster and code. Where we differ, the docstring says so. `force_regularization` is the training half of the paper.
"""

from effdl_lite.methods.low_rank.factors import BASES, factorize
from effdl_lite.methods.low_rank.filters import filter_matrices
from effdl_lite.methods.low_rank.layers import decompose_layer, recompose
from effdl_lite.methods.low_rank.network import (
    cheaper_only,
    decompose,
    default_layers,
    ranks_by_budget,
    ranks_by_energy,
)
from effdl_lite.methods.low_rank.ranks import (
    break_even_rank,
    energies,
    energy_rank,
    energy_shares,
    mac_ratio,
    norm_rank,
)

__all__ = [
    "BASES",
    "break_even_rank",
    "cheaper_only",
    "decompose",
    "decompose_layer",
    "default_layers",
    "energies",
    "energy_rank",
    "energy_shares",
    "factorize",
    "filter_matrices",
    "mac_ratio",
    "norm_rank",
    "ranks_by_budget",
    "ranks_by_energy",
    "recompose",
]

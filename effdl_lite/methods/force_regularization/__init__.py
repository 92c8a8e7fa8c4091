"""Force Regularization: forces between the filters of a layer turn them towards each other, so that fewer span them.

Source: Wen, Xu, Wu, Wang, Chen and Li, "Coordinating Filters for Faster Deep Neural Networks" (ICCV 2017), from its
poster and code. Where we differ, the docstring says so. `low_rank` is the other half of the paper: the decomposition.
"""

from effdl_lite.methods.force_regularization.forces import (
    FORCES,
    force,
    force_by_gram,
    force_by_pairs,
    force_by_sums,
    pairwise_distance,
)
from effdl_lite.methods.force_regularization.regularizer import ForceRegularization

__all__ = [
    "FORCES",
    "ForceRegularization",
    "force",
    "force_by_gram",
    "force_by_pairs",
    "force_by_sums",
    "pairwise_distance",
]

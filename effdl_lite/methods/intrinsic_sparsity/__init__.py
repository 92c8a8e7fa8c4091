"""Intrinsic Sparse Structures (ISS): group Lasso that removes whole hidden units of a recurrent network.

Read in this order: `strips.py` (a group is made of strips of matrices), `groups.py` (which strips a unit owns in an
LSTM and in a recurrent highway network), `regularizer.py` (the penalty in the training step), `zeros.py` (dead units
stay dead). Beside them, `bidaf.py` is a worked example and `single_weights.py` a control. What turns zero units into a
smaller network is `effdl_lite.methods.compaction.compact_recurrent`.

Source: Wen, He, Rajbhandari, Zhang, Wang, Liu, Hu, Chen and Li, "Learning Intrinsic Sparse Structures within Long
Short-Term Memory" (ICLR 2018), from its slides and code. Where we differ, the docstring says so.
"""

from effdl_lite.methods.intrinsic_sparsity.bidaf import bidaf_groups
from effdl_lite.methods.intrinsic_sparsity.groups import (
    LSTM_GATES,
    RHN_GATES,
    groups_of,
    lstm_strips,
    unit_lengths,
    zero_units,
)
from effdl_lite.methods.intrinsic_sparsity.regularizer import (
    EPSILON,
    IntrinsicSparsity,
    iss_penalty,
    shorten,
    strength_for_mean_loss,
)
from effdl_lite.methods.intrinsic_sparsity.single_weights import SingleWeights
from effdl_lite.methods.intrinsic_sparsity.strips import Crossing, Rectangle, Strip, UnitGroups, weights_of
from effdl_lite.methods.intrinsic_sparsity.zeros import FrozenUnits, trim_units

__all__ = [
    "EPSILON",
    "LSTM_GATES",
    "RHN_GATES",
    "Crossing",
    "FrozenUnits",
    "IntrinsicSparsity",
    "Rectangle",
    "SingleWeights",
    "Strip",
    "UnitGroups",
    "bidaf_groups",
    "groups_of",
    "iss_penalty",
    "lstm_strips",
    "shorten",
    "strength_for_mean_loss",
    "trim_units",
    "unit_lengths",
    "weights_of",
    "zero_units",
]

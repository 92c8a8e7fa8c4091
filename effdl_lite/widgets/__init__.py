"""Interactive figures of the course: live in JupyterLab, and in the book without a kernel.

Each figure is a Python file with a JavaScript file of the same name; `figure.py` holds what they share.
"""

from effdl_lite.widgets.clip_errors import best_workers, clip_error
from effdl_lite.widgets.clip_tradeoff import ClipTradeoff
from effdl_lite.widgets.energy_curve import EnergyCurve
from effdl_lite.widgets.energy_layers import layer_spectra
from effdl_lite.widgets.figure import Figure
from effdl_lite.widgets.filter_forces import FilterForces
from effdl_lite.widgets.group_shrinkage import GroupShrinkage
from effdl_lite.widgets.layer_groups import group_counts
from effdl_lite.widgets.loss_slices import LossSlices
from effdl_lite.widgets.lstm_parts import part_costs
from effdl_lite.widgets.lstm_sizes import LSTMSizes
from effdl_lite.widgets.prediction import Prediction
from effdl_lite.widgets.roofline import RooflineExplorer, layer_cost
from effdl_lite.widgets.smoothed_loss import SmoothedLoss
from effdl_lite.widgets.sparsity_groups import SparsityGroups
from effdl_lite.widgets.step_time_model import StepTimeModel
from effdl_lite.widgets.ternary_walk import TernaryWalk
from effdl_lite.widgets.tradeoff import TradeoffExplorer
from effdl_lite.widgets.training_step import TrainingStep
from effdl_lite.widgets.unit_strips import UnitStrips

__all__ = [
    "ClipTradeoff",
    "EnergyCurve",
    "Figure",
    "FilterForces",
    "GroupShrinkage",
    "LSTMSizes",
    "LossSlices",
    "Prediction",
    "RooflineExplorer",
    "SmoothedLoss",
    "SparsityGroups",
    "StepTimeModel",
    "TernaryWalk",
    "TradeoffExplorer",
    "TrainingStep",
    "UnitStrips",
    "best_workers",
    "clip_error",
    "group_counts",
    "layer_cost",
    "layer_spectra",
    "part_costs",
]

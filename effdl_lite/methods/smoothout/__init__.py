"""SmoothOut: training at weights with noise smooths the loss, so that sharp minima fade and flat ones stay.

Source: Wen, Wang, Yan, Xu, Chen and Li, "SmoothOut: Smoothing Out Sharp Minima for Generalization in Large-Batch Deep
Learning" (arXiv 1805.07898), from its abstract and code. Where we differ, the docstring says so.
"""

from effdl_lite.methods.smoothout.copies import loss_over_copies
from effdl_lite.methods.smoothout.method import AdaSmoothOut, SmoothOut
from effdl_lite.methods.smoothout.noise import ADAPTATIONS, KINDS, draw_noise, noise_variance, perturbed_weights
from effdl_lite.methods.smoothout.schedules import SCHEDULES, schedule_factor
from effdl_lite.methods.smoothout.smoothing import (
    box_smoothed,
    quadratic_rise,
    sinc_factor,
    smoothed_absolute,
    smoothed_slope,
)

__all__ = [
    "ADAPTATIONS",
    "KINDS",
    "SCHEDULES",
    "AdaSmoothOut",
    "SmoothOut",
    "box_smoothed",
    "draw_noise",
    "loss_over_copies",
    "noise_variance",
    "perturbed_weights",
    "quadratic_rise",
    "schedule_factor",
    "sinc_factor",
    "smoothed_absolute",
    "smoothed_slope",
]

"""What a network costs, what the machine can give, and how sharp the minimum is that a training has found."""

from effdl_lite.measure.counting import (
    LayerCost,
    count_macs,
    count_parameters,
    layer_costs,
    saved_tensor_bytes,
    weight_bytes,
)
from effdl_lite.measure.deployment import ONEDNN_MODES, compare_language_models, onednn
from effdl_lite.measure.loss_surface import LossSurface
from effdl_lite.measure.machine import (
    Machine,
    attainable_gflops,
    cache_bytes,
    cpu_has_bf16,
    cpu_name,
    measure_machine,
)
from effdl_lite.measure.sharpness import Estimate, box_sharpness, hessian_trace
from effdl_lite.measure.slices import filter_normalised_direction, loss_slice, rise_under_noise
from effdl_lite.measure.timing import Comparison, compare_latency, num_threads

__all__ = [
    "ONEDNN_MODES",
    "Comparison",
    "Estimate",
    "LayerCost",
    "LossSurface",
    "Machine",
    "attainable_gflops",
    "box_sharpness",
    "cache_bytes",
    "compare_language_models",
    "compare_latency",
    "count_macs",
    "count_parameters",
    "cpu_has_bf16",
    "cpu_name",
    "filter_normalised_direction",
    "hessian_trace",
    "layer_costs",
    "loss_slice",
    "measure_machine",
    "num_threads",
    "onednn",
    "rise_under_noise",
    "saved_tensor_bytes",
    "weight_bytes",
]

"""What a network costs: parameters, multiply-accumulates, bytes and time, and what the machine can give."""

from effdl_lite.measure.counting import (
    LayerCost,
    count_macs,
    count_parameters,
    layer_costs,
    saved_tensor_bytes,
    weight_bytes,
)
from effdl_lite.measure.deployment import ONEDNN_MODES, compare_language_models, onednn
from effdl_lite.measure.machine import (
    Machine,
    attainable_gflops,
    cache_bytes,
    cpu_has_bf16,
    cpu_name,
    measure_machine,
)
from effdl_lite.measure.timing import Comparison, compare_latency, num_threads

__all__ = [
    "ONEDNN_MODES",
    "Comparison",
    "LayerCost",
    "Machine",
    "attainable_gflops",
    "cache_bytes",
    "compare_language_models",
    "compare_latency",
    "count_macs",
    "count_parameters",
    "cpu_has_bf16",
    "cpu_name",
    "layer_costs",
    "measure_machine",
    "num_threads",
    "onednn",
    "saved_tensor_bytes",
    "weight_bytes",
]

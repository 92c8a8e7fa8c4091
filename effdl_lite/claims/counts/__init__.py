"""Numbers of the papers that need no training: counted on our networks, or worked out from what a paper prints.

An entry of the ledger names a function of this package and gives it what the paper prints (filters kept, layer
factors); the result comes from here.
"""

from collections.abc import Callable

from effdl_lite.claims.counts.filters import alexnet_ratio, force_alignment
from effdl_lite.claims.counts.gradients import (
    clip_change,
    codec_ratio,
    levels_seen,
    speedup_gain,
    ternary_ratio,
    terngrad_speedup,
)
from effdl_lite.claims.counts.noise import (
    lowest_point,
    minima_left,
    noise_length,
    smoothing_bias,
    smoothout_passes,
)
from effdl_lite.claims.counts.recurrent import (
    bidaf_group,
    highway_weights,
    lstm_group,
    lstm_macs_ratio,
    lstm_weights,
)
from effdl_lite.claims.counts.sparsity import (
    arrived,
    average,
    csr_bytes,
    kept_macs,
    least_advantage,
    ratio_of_averages,
    resnet_layers,
    resnet_layers_removed,
)

COUNTS: dict[str, Callable[..., float]] = {
    function.__name__: function
    for function in (
        kept_macs, resnet_layers, resnet_layers_removed, average, ratio_of_averages, least_advantage, csr_bytes,
        lstm_macs_ratio, lstm_weights, lstm_group, highway_weights, bidaf_group,
        alexnet_ratio, force_alignment,
        ternary_ratio, codec_ratio, levels_seen, clip_change, terngrad_speedup, speedup_gain,
        smoothing_bias, minima_left, lowest_point, smoothout_passes, noise_length,
    )
}  # fmt: skip

__all__ = ["COUNTS", "arrived", *COUNTS]

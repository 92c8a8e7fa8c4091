"""TernGrad: gradients of three values, so that workers that train together send a sixteenth of the bytes.

Source: Wen, Xu, Yan, Wu, Wang, Chen and Li, "TernGrad: Ternary Gradients to Reduce Communication in Distributed Deep
Learning" (NIPS 2017), from its slides, poster and code. Where we differ, the docstring says so.
"""

from effdl_lite.methods.terngrad.clipping import GaussianClip, clip, gaussian_clip
from effdl_lite.methods.terngrad.codecs import BASE_3, TWO_BIT, Codec, Message, decode, encode, pack_ternary
from effdl_lite.methods.terngrad.method import TernGrad
from effdl_lite.methods.terngrad.performance import (
    ALL_GATHER,
    PARAMETER_SERVER,
    Cluster,
    Quantizer,
    Work,
    break_even_bandwidth,
    float_exchange,
    speedup,
    ternary_exchange,
)
from effdl_lite.methods.terngrad.qsgd import QSGD, norms, qsgd, qsgd_variance
from effdl_lite.methods.terngrad.scalers import CLIP, RULES, deviation, scale, share_scalers
from effdl_lite.methods.terngrad.statistics import (
    bound_ratio,
    expected_nonzeros,
    expected_squared_norm,
    firing_probability,
    mean_levels,
    mean_variance,
    variance,
    worst_bound_ratio,
)
from effdl_lite.methods.terngrad.ternary import from_codes, ternarize, ternary_codes
from effdl_lite.methods.terngrad.traffic import (
    Traffic,
    download_bytes,
    ideal_ratio,
    level_bits,
    levels,
    upload_bytes,
)

__all__ = [
    "ALL_GATHER",
    "BASE_3",
    "CLIP",
    "PARAMETER_SERVER",
    "QSGD",
    "RULES",
    "TWO_BIT",
    "Cluster",
    "Codec",
    "GaussianClip",
    "Message",
    "Quantizer",
    "TernGrad",
    "Traffic",
    "Work",
    "bound_ratio",
    "break_even_bandwidth",
    "clip",
    "decode",
    "deviation",
    "download_bytes",
    "encode",
    "expected_nonzeros",
    "expected_squared_norm",
    "firing_probability",
    "float_exchange",
    "from_codes",
    "gaussian_clip",
    "ideal_ratio",
    "level_bits",
    "levels",
    "mean_levels",
    "mean_variance",
    "norms",
    "pack_ternary",
    "qsgd",
    "qsgd_variance",
    "scale",
    "share_scalers",
    "speedup",
    "ternarize",
    "ternary_codes",
    "ternary_exchange",
    "upload_bytes",
    "variance",
    "worst_bound_ratio",
]

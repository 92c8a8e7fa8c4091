"""The parts of a step's time for each way to send gradients, by the performance model of TernGrad."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from effdl_lite.methods.terngrad import (
    ALL_GATHER,
    BASE_3,
    TWO_BIT,
    Cluster,
    Codec,
    Quantizer,
    Work,
    break_even_bandwidth,
    float_exchange,
    speedup,
    ternary_exchange,
    upload_bytes,
)

CODECS: dict[str, Codec] = {"TernGrad, 2 bits": TWO_BIT, "TernGrad, base 3": BASE_3}
FLOAT = "fp32"


@dataclass(frozen=True)
class StepTime:
    """One way to send gradients.

    Attributes:
        way: its name.
        compute: seconds.
        network: seconds of the exchange, without the codec.
        codec: seconds to encode and decode.
        step: seconds of all, as the model adds them.
        speedup: over fp32.
        sent: bytes that a worker's message has, scalers and what stays in fp32 included.
        pays_below: bytes a second; 0 for never, infinite for always; for fp32 NaN.
    """

    way: str
    compute: float
    network: float
    codec: float
    step: float
    speedup: float
    sent: int
    pays_below: float


def quantizer(codec: Codec, speed: float) -> Quantizer:
    """A codec of so many bytes of fp32 gradient a second, half of the time to encode and half to decode a message; 0
    for one that takes no time."""
    half = 1 / (2 * speed) if speed else 0.0
    return Quantizer(codec, half, half)


def step_times(cluster: Cluster, work: Work, speed: float) -> list[StepTime]:
    """Of fp32 and of each codec.

    Args:
        cluster: workers and what connects them.
        work: what a worker does in a step.
        speed: of the codecs, bytes of fp32 gradient a second, see `quantizer`.
    """
    exchange, rest = float_exchange(cluster, work), 4 * work.float_weights
    found = [
        StepTime(FLOAT, work.compute, exchange, 0.0, work.compute + exchange, 1.0, 4 * work.weights + rest, math.nan)
    ]
    for way, codec in CODECS.items():
        with_codec = quantizer(codec, speed)
        whole, network = ternary_exchange(cluster, work, with_codec), ternary_exchange(cluster, work, Quantizer(codec))
        messages = cluster.workers if cluster.exchange == ALL_GATHER else 1
        found.append(
            StepTime(
                way,
                work.compute,
                network,
                with_codec.seconds(work.weights, messages) if cluster.workers > 1 else 0.0,
                work.compute + whole,
                speedup(cluster, work, with_codec),
                upload_bytes(work.weights, codec, work.tensors) + rest,
                break_even_bandwidth(cluster, work, with_codec),
            )
        )
    return found


def speedups(cluster: Cluster, work: Work, speed: float, bandwidths: Iterable[float]) -> list[list[float]]:
    """Of each codec the speed-up at these bandwidths, in bytes a second."""
    clusters = [replace(cluster, bandwidth=bandwidth) for bandwidth in bandwidths]
    return [[speedup(one, work, quantizer(codec, speed)) for one in clusters] for codec in CODECS.values()]

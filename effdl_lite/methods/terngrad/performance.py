r"""When ternary gradients pay: the time of a step of data-parallel training, computed from a few numbers.

The authors have such a model, fed with profiles, but its formula is in none of their sources that we found; this one is
ours, and as simple as can show the effects. A step takes the compute time C, then the exchange, which nothing hides:

    float:    C + F        F = messages x latency + bytes / bandwidth
    ternary:  C + T        T = the same with fewer bytes, one more round for the scalers, and the codec's time

    speed-up = (C + F) / (C + T) = (1 + x) / (1 + r x),   with x = F / C and r = T / F

As long as r < 1 the speed-up grows with x, the share of communication, from 1 to at most 1 / r. Whatever makes x larger
and leaves r alone makes TernGrad look better: less bandwidth, more weights for the same compute (fully connected
layers), faster compute. More workers make x larger at a parameter server, whose link all share; but r grows with them
too, as the mean needs more levels. Where workers exchange all messages among themselves, only the second is left.
"""

import math
from dataclasses import dataclass, replace

from effdl_lite.methods.terngrad.codecs import TWO_BIT, Codec
from effdl_lite.methods.terngrad.traffic import FLOAT_BYTES, download_bytes, upload_bytes

PARAMETER_SERVER = "parameter server"
ALL_GATHER = "all-gather"


@dataclass(frozen=True)
class Cluster:
    """N workers and what connects them.

    Attributes:
        workers: N.
        bandwidth: of each link, bytes a second in each direction.
        latency: seconds before a message's first byte arrives.
        exchange: "parameter server": a server receives N messages through its one link, then sends N back.
            "all-gather": no server; float gradients go around a ring (all-reduce), packed ones, which cannot be added
            on the way, from everyone to everyone.
    """

    workers: int
    bandwidth: float
    latency: float = 0.0
    exchange: str = PARAMETER_SERVER

    def __post_init__(self):
        if self.workers < 1 or not self.bandwidth > 0 or not self.latency >= 0:
            raise ValueError(
                f"{self.workers} workers, {self.bandwidth} bytes a second, {self.latency} s of latency: at least 1, "
                "above 0 and at least 0"
            )
        if self.exchange not in (PARAMETER_SERVER, ALL_GATHER):
            raise ValueError(f"exchange {self.exchange!r} is unknown; choose '{PARAMETER_SERVER}' or '{ALL_GATHER}'")


@dataclass(frozen=True)
class Work:
    """What a worker does in a step.

    Attributes:
        weights: that are ternarized.
        compute: seconds of the forward and backward pass on the worker's share of the batch, above 0.
        tensors: the weights are in; each has a scaler.
        float_weights: that are sent in fp32 either way.
    """

    weights: int
    compute: float
    tensors: int = 1
    float_weights: int = 0

    def __post_init__(self):
        if self.weights < 1 or not self.compute > 0 or self.tensors < 1 or self.float_weights < 0:
            raise ValueError(
                f"{self.weights} weights in {self.tensors} tensors, {self.compute} s, {self.float_weights} float "
                "weights: at least 1, at least 1, above 0 and at least 0"
            )


@dataclass(frozen=True)
class Quantizer:
    """How gradients are made smaller, and how fast.

    Attributes:
        codec: packs the codes.
        encode: seconds to ternarize and pack a byte of fp32 gradient; 1e-9 is 1 GB/s. 0 leaves it out.
        decode: seconds to unpack and decode a byte of fp32 gradient. A worker decodes what the server sends, or all N
            messages of an all-gather. What the server does with them is left out.
    """

    codec: Codec = TWO_BIT
    encode: float = 0.0
    decode: float = 0.0

    def seconds(self, elements: int, messages: int) -> float:
        """To encode one gradient and decode so many."""
        return FLOAT_BYTES * elements * (self.encode + self.decode * messages)


PLAIN = Quantizer()


def float_exchange(cluster: Cluster, work: Work) -> float:
    """Seconds to average gradients in fp32, F."""
    size = FLOAT_BYTES * (work.weights + work.float_weights)
    return _ring(cluster, size) if cluster.exchange == ALL_GATHER else _server(cluster, size, size)


def ternary_exchange(cluster: Cluster, work: Work, quantizer: Quantizer = PLAIN) -> float:
    """Seconds to average ternary gradients with shared scalers, T, the codec's time included."""
    n, rest = cluster.workers, FLOAT_BYTES * work.float_weights
    if n == 1:
        return 0.0
    up = upload_bytes(work.weights, quantizer.codec, work.tensors)
    codec_seconds = quantizer.seconds(work.weights, n if cluster.exchange == ALL_GATHER else 1)
    if cluster.exchange == PARAMETER_SERVER:
        down = download_bytes(work.weights, n, work.tensors)
        # The scalers go up and come back before the codes can be drawn: two more messages, whose bytes are counted.
        return _server(cluster, up + rest, down + rest) + 2 * cluster.latency + codec_seconds
    scalers = FLOAT_BYTES * work.tensors
    gather = (n - 1) * (cluster.latency + (up - scalers) / cluster.bandwidth)
    return _ring(cluster, scalers) + gather + (_ring(cluster, rest) if rest else 0.0) + codec_seconds


def speedup(cluster: Cluster, work: Work, quantizer: Quantizer = PLAIN) -> float:
    """How many times faster a step is with ternary gradients; below 1 they do not pay."""
    return (work.compute + float_exchange(cluster, work)) / (work.compute + ternary_exchange(cluster, work, quantizer))


def break_even_bandwidth(cluster: Cluster, work: Work, quantizer: Quantizer = PLAIN) -> float:
    """The bandwidth, in bytes a second, above which ternary gradients do not pay; the cluster's own is not used.

    0 if they never pay, infinite if they always do. Both exchanges take latency + bytes / bandwidth, so what is saved
    in bytes must outweigh the rounds and the codec.
    """
    endless, one = replace(cluster, bandwidth=math.inf), replace(cluster, bandwidth=1.0)
    float_rounds, ternary_rounds = float_exchange(endless, work), ternary_exchange(endless, work, quantizer)
    # At one byte a second, what is left of the seconds are the bytes.
    float_bytes = float_exchange(one, work) - float_rounds
    ternary_bytes = ternary_exchange(one, work, quantizer) - ternary_rounds
    saved, longer = float_bytes - ternary_bytes, ternary_rounds - float_rounds
    if longer <= 0:
        return math.inf if saved > 0 or longer < 0 else 0.0
    return max(saved, 0.0) / longer


def _server(cluster: Cluster, up: int, down: int) -> float:
    if cluster.workers == 1:
        return 0.0
    return 2 * cluster.latency + cluster.workers * (up + down) / cluster.bandwidth


def _ring(cluster: Cluster, size: int) -> float:
    n = cluster.workers
    return 2 * (n - 1) * (cluster.latency + size / n / cluster.bandwidth)

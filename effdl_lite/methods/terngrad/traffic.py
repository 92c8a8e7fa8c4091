"""Bits and bytes between the workers and the server that averages their gradients."""

import math
from dataclasses import dataclass

from effdl_lite.methods.terngrad.codecs import TWO_BIT, Codec

SCALER_BYTES = 4
FLOAT_BYTES = 4


def levels(workers: int) -> int:
    """How many values the mean of N ternary gradients of one scaler can have: 2 N + 1."""
    if workers < 1:
        raise ValueError(f"{workers} workers; at least 1")
    return 2 * workers + 1


def level_bits(workers: int) -> int:
    r"""Bits for one of these values, all of one length: :math:`\lceil \log_2(2 N + 1) \rceil`."""
    return (levels(workers) - 1).bit_length()


def ideal_ratio(workers: int = 1) -> float:
    r"""How many times fewer bits than fp32: :math:`32 / \log_2(2 N + 1)`.

    With N = 1 that is what a worker sends, 20.19 (20.18 in the paper); with all N what the server sends back. No codec
    of whole bytes reaches it quite.
    """
    return 32 / math.log2(levels(workers))


def upload_bytes(elements: int, codec: Codec = TWO_BIT, scalers: int = 1) -> int:
    """What a worker sends of one tensor: packed codes, and its own scalers."""
    return codec.bytes_of(elements) + SCALER_BYTES * scalers


def download_bytes(elements: int, workers: int, scalers: int = 1, shared: bool = True) -> int:
    """What the server sends back to each worker of one tensor: the mean, and the scalers where they are shared.

    Without a shared scaler the mean lies on no grid of few levels, and goes back in fp32.
    """
    if not shared:
        return FLOAT_BYTES * elements
    return -(-elements * level_bits(workers) // 8) + SCALER_BYTES * scalers


@dataclass
class Traffic:
    """Counts what one worker exchanges with a parameter server.

    Attributes:
        steps: counted.
        up: bytes to the server.
        down: bytes back.
        fp32: bytes that gradients in fp32 would have taken, one way.
    """

    steps: int = 0
    up: int = 0
    down: int = 0
    fp32: int = 0

    def add_ternary(self, elements: int, workers: int, codec: Codec, scalers: int, shared: bool) -> None:
        self.up += upload_bytes(elements, codec, scalers)
        self.down += download_bytes(elements, workers, scalers, shared)
        self.fp32 += FLOAT_BYTES * elements

    def add_float(self, elements: int) -> None:
        self.up += FLOAT_BYTES * elements
        self.down += FLOAT_BYTES * elements
        self.fp32 += FLOAT_BYTES * elements

    @property
    def ratio(self) -> float:
        """How many times fewer bytes than fp32, both ways together."""
        return 2 * self.fp32 / (self.up + self.down)

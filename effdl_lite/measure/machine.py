"""What this machine can give: arithmetic a second, bytes a second, and the roofline made of the two."""

import platform
from dataclasses import dataclass

import torch

from effdl_lite.measure.timing import compare_latency


@dataclass(frozen=True)
class Machine:
    """The two limits of a machine, as measured.

    Attributes:
        name: of the CPU.
        threads: torch threads that the limits were measured with.
        peak_gflops: billions of float32 operations a second in a large matrix product.
        bandwidth_gbs: billions of bytes a second read and written by a copy that is too large for the caches.
    """

    name: str
    threads: int
    peak_gflops: float
    bandwidth_gbs: float

    @property
    def ridge(self) -> float:
        """FLOP a byte at which the two limits meet; below it memory limits, above it arithmetic."""
        return self.peak_gflops / self.bandwidth_gbs


def attainable_gflops(machine: Machine, intensity: float) -> float:
    """The roofline: min(peak, intensity x bandwidth), in GFLOP/s, for work of `intensity` FLOP a byte.

    Source: Williams, Waterman and Patterson, Roofline (2009).
    """
    return min(machine.peak_gflops, intensity * machine.bandwidth_gbs)


def measure_machine(threads: int = 1, *, size: int = 1536, megabytes: int = 128, rounds: int = 7) -> Machine:
    """Measures both limits in a second or two.

    The fastest round counts, not the median: a limit is what the machine can do when nobody disturbs it.

    Args:
        threads: torch threads to measure with.
        size: rows and columns of the matrices whose product is timed.
        megabytes: size of the copied array; several times the last-level cache, or the cache is measured.
        rounds: repetitions of each.
    """
    left, right = torch.randn(size, size), torch.randn(size, size)
    source = torch.zeros(megabytes * 2**20 // 4)
    target = torch.empty_like(source)
    times = compare_latency(
        {"product": lambda: left @ right, "copy": lambda: target.copy_(source)}, rounds=rounds, threads=threads
    )
    return Machine(
        cpu_name(),
        threads,
        float(2 * size**3 / times.seconds["product"].min() / 1e9),
        float(2 * source.numel() * source.element_size() / times.seconds["copy"].min() / 1e9),  # read and written
    )


def cpu_name() -> str:
    """The CPU's own name, as torch reads it."""
    return str(torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine())


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 numbers itself (AVX-512 BF16 or AMX, or Arm's BF16 extension)."""
    able = torch.cpu.get_capabilities()
    return any(bool(able.get(feature)) for feature in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16"))

"""What this machine can give: arithmetic a second, bytes a second, and the roofline made of the two."""

import platform
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from effdl_lite.measure.timing import compare_latency


@dataclass(frozen=True)
class Machine:
    """The two limits of a machine, as measured.

    Attributes:
        name: of the CPU.
        threads: torch threads that the limits were measured with.
        peak_gflops: billions of float32 operations a second in the faster of a large matrix product and convolution.
        bandwidth_gbs: billions of bytes a second read and written, in an array that is too large for the caches.
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


def measure_machine(threads: int = 1, *, size: int = 1024, megabytes: int = 128, rounds: int = 7) -> Machine:
    """Measures both limits in a second or two.

    A limit is what the machine can do at its best, so the fastest round counts, not the median. Of a matrix product and
    a convolution the faster is taken, since they run in different libraries and one of them may use the processor
    badly; of a copy and a change in place likewise, since a copy also reads the lines that it is about to overwrite.

    Args:
        threads: torch threads to measure with.
        size: rows and columns of the matrices whose product is timed; the convolution has about as much work.
        megabytes: size of the array that is copied and changed; take several times the size of the last-level cache.
        rounds: repetitions of each.
    """
    left, right = torch.randn(size, size), torch.randn(size, size)
    maps = torch.randn(max(1, size // 8), 32, 16, 16).contiguous(memory_format=torch.channels_last)
    filters = torch.randn(32, 32, 5, 5).contiguous(memory_format=torch.channels_last)
    source = torch.zeros(megabytes * 2**20 // 4)
    target = torch.empty_like(source)
    times = compare_latency(
        {
            "product": lambda: left @ right,
            "convolution": lambda: F.conv2d(maps, filters, padding=2),
            "copy": lambda: target.copy_(source),
            "in place": lambda: source.mul_(1.0),
        },
        rounds=rounds,
        threads=threads,
    )
    fastest = {name: float(seconds.min()) for name, seconds in times.seconds.items()}
    # As many maps come out as go in, so each number of `maps` stands for one position of one filter.
    operations = {"product": 2 * size**3, "convolution": 2 * maps.numel() * filters[0].numel()}
    return Machine(
        cpu_name(),
        threads,
        max(count / fastest[name] for name, count in operations.items()) / 1e9,
        2 * source.numel() * source.element_size() / min(fastest["copy"], fastest["in place"]) / 1e9,
    )


def cpu_name() -> str:
    """The CPU's own name, as torch reads it."""
    return str(torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine())


def cache_bytes() -> dict[int, int]:
    """Bytes of the data caches that a core can use, by level, as Linux tells; empty on a system that does not tell."""
    sizes = {}
    for cache in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        level, kind, size = ((cache / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            sizes[int(level)] = 1024 * int(size.removesuffix("K"))
    return dict(sorted(sizes.items()))


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 numbers itself (AVX-512 BF16 or AMX, or Arm's BF16 extension)."""
    able = torch.cpu.get_capabilities()
    return any(bool(able.get(feature)) for feature in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16"))

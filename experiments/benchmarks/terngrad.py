"""Benchmark of TernGrad's codecs: how fast a gradient becomes a message and a gradient again, and where the time goes.

    python -m experiments.benchmarks.terngrad [--quick] [--output FILE]

The gradient is Gaussian; speed does not depend on it. All ways clip at 2.5 sigma, and what they give is checked to be
unbiased before it is timed. A speed counts bytes of fp32 gradient: 4 an element, once, for the way there and back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from effdl_lite.measure import Comparison
from effdl_lite.methods.terngrad import (
    BASE_3,
    CLIP,
    TWO_BIT,
    clip,
    decode,
    encode,
    pack_ternary,
    scale,
    ternary_codes,
    variance,
)
from experiments import benchmarks as bench
from experiments.benchmarks import tables

INT8, COPY, BF16 = "int8, unpacked", "copy of the memory", "bf16 and back"
GOALS = {"gigabytes": 1.0, "over_int8": 3.5}  # of encode, pack, unpack and decode
DEVIATIONS = 7.0  # how far from unbiased is still chance: a normal number is further off once in 4e11 runs


@dataclass(frozen=True)
class Effort(bench.Effort):
    """Also the sizes of gradients: one that fits in a cache, and one that does not."""

    elements: tuple[int, ...] = (2**20, 2**24)


QUICK = Effort(rounds=2, seconds_a_round=0.001, elements=(2**12,))


def int8_way(gradient: Tensor, generator: torch.Generator) -> Tensor:
    """Ternary gradients step by step with a byte an element: what GRACE's terngrad does, in our words."""
    deviation = (gradient - gradient.mean()).square().mean().sqrt().item()
    clipped = gradient.clamp(-CLIP * deviation, CLIP * deviation)
    sizes = clipped.abs()
    scaler = sizes.max()
    ternary = clipped.sign() * scaler
    ternary[torch.empty_like(gradient).uniform_(0, scaler.item(), generator=generator) >= sizes] = 0
    message = ternary.sign().to(torch.int8)
    return message.float() * scaler


def there_and_back(gradient: Tensor, generator: torch.Generator) -> dict[str, Callable[[], Tensor]]:
    """All ways that give a gradient back."""
    memory = torch.empty_like(gradient)
    return {
        "2-bit": lambda: decode(encode(gradient, TWO_BIT, generator=generator), memory),
        "base 3": lambda: decode(encode(gradient, BASE_3, generator=generator), memory),
        "base 3, new memory": lambda: decode(encode(gradient, BASE_3, generator=generator)),
        "2-bit, new memory": lambda: decode(encode(gradient, TWO_BIT, generator=generator)),
        INT8: lambda: int8_way(gradient, generator),
        BF16: lambda: memory.copy_(gradient.bfloat16()),
        COPY: lambda: memory.copy_(gradient),
    }


def check_unbiased(name: str, gradient: Tensor, result: Tensor) -> None:
    """Refuses to time what is not the clipped gradient on average, or has other values than 0 and one size.

    Raises:
        RuntimeError: if the slope of the result over the clipped gradient is further from 1 than chance explains.
    """
    clipped = clip(gradient).double()
    scaler = scale(gradient, CLIP)[0]
    sizes = result.abs().unique()
    if len(sizes) != 2 or sizes[0] != 0:
        raise RuntimeError(f"{name} gives {len(sizes)} sizes of elements instead of 0 and one more; do not time it")
    bench.check_equal(f"the scaler of {name}", sizes[1:], scaler)  # each rounds sigma in its own way
    squares = clipped.square().sum()
    slope = ((result.double() * clipped).sum() / squares).item()
    chance = ((clipped.square() * variance(clipped, scaler.double())).sum().sqrt() / squares).item()
    if not abs(slope - 1) <= DEVIATIONS * chance:
        raise RuntimeError(f"{name} is {slope:.4f} times the gradient on average, not 1; do not time it")


def message_bits(name: str, gradient: Tensor) -> float:
    """Bits an element on the wire, scalers included."""
    codecs = {"2-bit": TWO_BIT, "base 3": BASE_3}
    if name.split(",")[0] in codecs:
        return 8 * encode(gradient, codecs[name.split(",")[0]]).nbytes / len(gradient)
    return {INT8: 8 + 32 / len(gradient), BF16: 16.0, COPY: 32.0}[name]


def codec(effort: Effort) -> list[dict]:
    """Each way there and back, beside the int8 way of the same rounds."""
    rows = []
    for elements in effort.elements:
        generator = torch.Generator().manual_seed(0)
        gradient = torch.randn(elements, generator=generator)
        ways = there_and_back(gradient, generator)
        for name, way in ways.items():
            if name in (BF16, COPY):
                bench.check_equal(name, way(), gradient, 0.01)
            else:
                check_unbiased(name, gradient, way())
        times = effort.compare(ways)
        for name in ways:
            ours = name in ("2-bit", "base 3")
            row = speed_row(elements, name, times) | {"bits": bench.rounded(message_bits(name, gradient))}
            rows.append(row | {"goals": GOALS if ours else None})
    return rows


def parts(effort: Effort) -> list[dict]:
    """The steps of the way by themselves, and drawing random numbers, which no other step can make faster."""
    rows = []
    for elements in effort.elements:
        generator = torch.Generator().manual_seed(0)
        gradient = torch.randn(elements, generator=generator)
        scalers, limit = scale(gradient, CLIP)
        codes = ternary_codes(gradient, scalers, limit=limit, generator=generator)
        words, numbers = torch.empty(-(-elements // 4), dtype=torch.int64), torch.empty(elements)
        steps = {
            "16 random bits an element": partial(words.random_, -(2**63), None, generator=generator),
            "fp32 random numbers": partial(numbers.uniform_, generator=generator),
            "largest element and deviation": partial(scale, gradient, CLIP),
        }
        for of in (TWO_BIT, BASE_3):
            packed = encode(gradient, of, generator=generator)
            steps[f"{of.name}: draw and pack"] = partial(pack_ternary, gradient, scalers, of, limit, None, generator)
            steps[f"{of.name}: pack alone"] = partial(of.pack, codes)
            steps[f"{of.name}: unpack and decode"] = partial(decode, packed, numbers)
        times = effort.compare(steps)
        rows += [speed_row(elements, name, times, over=None) for name in steps]
    return rows


def speed_row(elements: int, name: str, times: Comparison, over: str | None = INT8) -> dict:
    """Speed of a candidate, the median of the rounds, and how many times faster it is than another."""
    row = {"elements": elements, "candidate": name, "milliseconds": bench.rounded(1e3 * times.median(name))}
    row["gigabytes_a_second"] = bench.rounded(4e-9 * elements / times.median(name))
    if over:
        ratio, *quartiles = (bench.rounded(value) for value in times.speedup(name, over))
        row |= {"over_int8": ratio, "quartiles": quartiles}
    return row


def table(results: dict) -> str:
    """The rows for people, with the goals of the whole way."""
    rows = []
    for row in results["codec"]:
        goal = ""
        if row["goals"]:
            speed, ratio = row["goals"]["gigabytes"], row["goals"]["over_int8"]
            reached = row["gigabytes_a_second"] >= speed and row["over_int8"] >= ratio
            goal = f"≥ {speed:g} GB/s, ≥ {ratio:g} x {tables.verdict(reached)}"
        rows.append({key: value for key, value in row.items() if key != "goals"} | {"goal": goal})
    lines = [tables.heading(results)]
    lines += tables.fact_table("There and back: clip, ternarize, pack, unpack, decode; bits an element", rows)
    lines += tables.fact_table("Steps of the way", results["parts"])
    return "\n".join(lines)


JOBS = [("codec", "there and back", codec), ("parts", "steps of the way", parts)]

if __name__ == "__main__":
    bench.run("terngrad", __doc__.splitlines()[0], JOBS, table, efforts=(Effort(), QUICK))

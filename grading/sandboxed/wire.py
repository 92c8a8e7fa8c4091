"""What crosses between grader and sandbox: JSON, and the raw bytes of tensors. Nothing is ever unpickled.

A frame is two sizes, a JSON text of the first, and bytes of the second, in which the tensors of the text follow one
another. Who reads trusts nothing: sizes are checked before memory is taken, types and shapes before a tensor is made.
"""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from effdl_lite.checking import Handle
from effdl_lite.checking.answers import PLAIN

SIZES = struct.Struct("!II")
DEEPEST = 24  # lists within lists
MOST_DIMENSIONS = 16
LONGEST_KIND = 100
TYPES = "float16 bfloat16 float32 float64 complex64 complex128 bool uint8 int8 int16 int32 int64"
DTYPES = {name: getattr(torch, name) for name in TYPES.split()}


class WireError(Exception):
    """A value cannot cross, or what came is no value."""


class Packer:
    """Makes one frame's JSON from values and gathers the bytes of their tensors.

    Args:
        number_of: the number by which the other side knows a handle.
        generators: those that were sent before, with the state in which they were; a packer adds its own.
    """

    def __init__(self, number_of: Callable[[Handle], int], generators: dict | None = None):
        self.raw = bytearray()
        self._number_of, self._generators = number_of, generators

    def pack(self, value: Any, depth: int = 0) -> Any:
        """The JSON of a value."""
        if depth > DEEPEST:
            raise WireError(f"lists within lists, more than {DEEPEST} deep")
        if type(value) in PLAIN:
            return value
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, list | tuple):
            items = [self.pack(item, depth + 1) for item in value]
            return {"tuple" if isinstance(value, tuple) else "list": items}
        if isinstance(value, dict):
            return {"dict": [[self.pack(key, depth + 1), self.pack(item, depth + 1)] for key, item in value.items()]}
        if isinstance(value, Handle):
            return {"handle": self._number_of(value), "kind": str(value._kind)[:LONGEST_KIND]}
        if isinstance(value, torch.Generator) and self._generators is not None:
            return self._generator(value)
        raise WireError(f"a {type(value).__name__} cannot cross to the other process")

    def _tensor(self, tensor: Tensor) -> dict:
        """Dimensions in the order in which they lie in memory, since a test may try a transposed matrix."""
        name = str(tensor.dtype).removeprefix("torch.")
        if name not in DTYPES or tensor.layout is not torch.strided:
            raise WireError(f"a tensor of {name}, {tensor.layout}, cannot cross to the other process")
        plain = tensor.detach().cpu().resolve_conj().resolve_neg().clone()
        order = sorted(range(plain.dim()), key=lambda dimension: -plain.stride(dimension))
        if not plain.permute(order).is_contiguous():
            order = list(range(plain.dim()))
        laid_out = plain.permute(order).contiguous()
        flat = (torch.view_as_real(laid_out) if laid_out.is_complex() else laid_out).reshape(-1)
        self.raw += flat.view(torch.uint8).numpy().tobytes()
        return {"tensor": name, "shape": list(laid_out.shape), "order": order}

    def _generator(self, generator: torch.Generator) -> dict:
        """Its state where the other side does not have it; else the other side's goes on from where it is."""
        number, _, before = self._generators.get(id(generator), (len(self._generators), generator, None))
        state = generator.get_state()
        known = before is not None and torch.equal(state, before)
        self._generators[id(generator)] = number, generator, state  # kept, so that no other gets its id
        return {"generator": number, "state": None if known else self._tensor(state)}


class Unpacker:
    """Makes values from one frame.

    Args:
        raw: the bytes of the frame.
        handle_of: the handle with a number, of a kind; WireError where there is none.
        generators: by their number; None where none may come.
    """

    def __init__(self, raw: bytearray, handle_of: Callable[[int, str], Handle], generators: dict | None = None):
        self._raw, self._place = raw, 0
        self._handle_of, self._generators = handle_of, generators

    def unpack(self, packed: Any) -> Any:
        """The value of a JSON text whose tensors are all the bytes of the frame."""
        value = self.part(packed)
        if self._place != len(self._raw):
            raise WireError(f"{len(self._raw) - self._place} bytes belong to no tensor")
        return value

    def part(self, packed: Any, depth: int = 0) -> Any:
        """The value of a part of the JSON; parts must be taken in the order in which they were packed."""
        if depth > DEEPEST:
            raise WireError(f"lists within lists, more than {DEEPEST} deep")
        if type(packed) in PLAIN:
            return packed
        match packed:
            case {"list": [*items]}:
                return [self.part(item, depth + 1) for item in items]
            case {"tuple": [*items]}:
                return tuple(self.part(item, depth + 1) for item in items)
            case {"dict": [*pairs]} if all(type(pair) is list and len(pair) == 2 for pair in pairs):
                taken = [(self.part(key, depth + 1), self.part(item, depth + 1)) for key, item in pairs]
                if not all(type(key) in PLAIN for key, _ in taken):
                    raise WireError("a key that is neither text nor number")
                return dict(taken)
            case {"tensor": str(dtype), "shape": [*shape], "order": [*order]}:
                return self._tensor(dtype, shape, order)
            case {"handle": int(number), "kind": str(kind)}:
                return self._handle_of(number, " ".join(kind[:LONGEST_KIND].split()))
            case {"generator": int(number), "state": state} if self._generators is not None:
                return self._generator(number, state)
        raise WireError("something that is no value")

    def _tensor(self, dtype: str, shape: list, order: list) -> Tensor:
        if dtype not in DTYPES or len(shape) > MOST_DIMENSIONS:
            raise WireError(f"no tensor: type {dtype[:20]!r}, {len(shape)} dimensions")
        if not all(type(size) is int and 0 <= size < 1 << 31 for size in shape):
            raise WireError("a tensor's shape must hold whole numbers from 0 on")
        if not all(type(place) is int for place in order) or sorted(order) != list(range(len(shape))):
            raise WireError("a tensor's order must name every dimension once")
        elements = math.prod(shape)
        size = elements * DTYPES[dtype].itemsize
        if size > len(self._raw) - self._place:
            raise WireError("a tensor's bytes are missing")
        result = torch.empty(shape, dtype=DTYPES[dtype]) if not elements else self._filled(dtype, size).reshape(shape)
        self._place += size
        return result.permute([order.index(dimension) for dimension in range(len(order))])

    def _filled(self, dtype: str, size: int) -> Tensor:
        taken = torch.frombuffer(self._raw, dtype=torch.uint8, count=size, offset=self._place).clone()
        return taken != 0 if dtype == "bool" else taken.view(DTYPES[dtype])  # a byte of 2 is no bool

    def _generator(self, number: int, state: Any) -> torch.Generator:
        generator = self._generators.setdefault(number, torch.Generator())
        if state is not None:
            generator.set_state(self.part(state))
        return generator


def framed(text: Any, raw: bytes | bytearray = b"") -> bytes:
    """A frame of a JSON text and bytes."""
    encoded = json.dumps(text).encode("ascii")
    return SIZES.pack(len(encoded), len(raw)) + encoded + raw


def sizes(head: bytes, most_text: int, most_raw: int) -> tuple[int, int]:
    """The two sizes that a frame begins with (WireError where one is too large)."""
    text, raw = SIZES.unpack(head)
    if text > most_text or raw > most_raw:
        limits = f"at most {most_text:,} bytes of text and {most_raw:,} of tensors may come"
        raise WireError(f"{text:,} bytes of text and {raw:,} of tensors; {limits}")
    return text, raw


def text_of(encoded: bytes | bytearray) -> dict:
    """The JSON of a frame, which must be an object."""
    try:
        text = json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise WireError(f"no JSON: {type(error).__name__}") from error
    if type(text) is not dict:
        raise WireError("no JSON object")
    return text

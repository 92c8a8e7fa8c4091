"""Ternary codes in bytes: four a byte (2 bits each) or five a byte (1.6 bits each; log2 of 3 is 1.585)."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from effdl_lite.methods.terngrad.scalers import BLOCK, CLIP, flattened, scale, spread
from effdl_lite.methods.terngrad.ternary import drawn_blocks


@dataclass(frozen=True)
class Codec:
    r"""Packs codes of -1, 0 and 1: a byte is :math:`\sum_j (t_j + 1) \, base^j`.

    Digit j of all bytes is one stretch of the gradient, not every fourth or fifth element: then packing and unpacking
    are sums and shifts of long vectors. Longer gradients are packed in blocks of 245,760 elements.

    Attributes:
        name: for people and tables.
        base: of the number that a byte is.
        per_byte: codes in a byte.
    """

    name: str
    base: int
    per_byte: int

    @property
    def bits(self) -> float:
        """Bits an element."""
        return 8 / self.per_byte

    def bytes_of(self, elements: int) -> int:
        """Length of a packed message of so many codes: the last byte may have digits to spare."""
        return -(-elements // self.per_byte)

    def pack(self, codes: Tensor) -> Tensor:
        """uint8 of length `bytes_of`; `codes` is flat int8 of -1, 0 and 1, which is not checked."""
        return self.pack_blocks((block + 1 for block in codes.split(BLOCK)), len(codes), codes.device)

    def pack_blocks(self, blocks: Iterable[Tensor], elements: int, device: torch.device) -> Tensor:
        """Packs codes plus 1, int8, that come `BLOCK` at a time."""
        packed = torch.empty(self.bytes_of(elements), dtype=torch.uint8, device=device)
        for part, block in zip(packed.split(BLOCK // self.per_byte), blocks, strict=True):
            digits, *others = block.view(torch.uint8).split(len(part))
            part.copy_(digits)
            for j, digits in enumerate(others, 1):
                part[: len(digits)].add_(digits, alpha=self.base**j)
        return packed

    def unpack(self, packed: Tensor, elements: int) -> Tensor:
        """The flat int8 codes of a message.

        Raises:
            ValueError: if the message is no uint8 vector with the length of so many codes.
        """
        codes = torch.empty(elements, dtype=torch.int8, device=packed.device)
        for part, block in zip(codes.split(BLOCK), self.unpacked_blocks(packed, elements), strict=True):
            part.copy_(block)
        return codes

    def unpacked_blocks(self, packed: Tensor, elements: int) -> Iterator[Tensor]:
        """The codes of `unpack`, `BLOCK` elements at a time, in memory that the next block is written to."""
        check_message(packed, self, elements)
        scratch = torch.empty(BLOCK, dtype=torch.int8, device=packed.device)
        for number, part in enumerate(packed.split(BLOCK // self.per_byte)):
            codes = scratch[: len(part) * self.per_byte]
            digits = codes.view(self.per_byte, len(part))
            (_digits_of_base_4 if self.base == 4 else _digits_of_base_3)(part, digits)
            yield codes[: elements - number * BLOCK]


TWO_BIT = Codec("2-bit", base=4, per_byte=4)  # within a block the layout of the authors' `ternary_encoder`
BASE_3 = Codec("base 3", base=3, per_byte=5)


def _digits_of_base_4(packed: Tensor, codes: Tensor) -> None:
    shifts = torch.arange(0, 8, 2, dtype=torch.uint8, device=packed.device)
    digits = torch.bitwise_right_shift(packed, shifts[:, None], out=codes.view(torch.uint8))
    digits.bitwise_and_(3).sub_(1)


def _digits_of_base_3(packed: Tensor, codes: Tensor) -> None:
    # With 121 = 11111 in base 3 taken away, digits are -1..1, and the rest of a number of size <= 121 after its lowest
    # digit is (171 n + 256) >> 9, the nearest whole number to n / 3, without a division.
    number = packed.to(torch.int16).sub_(121)
    for digit in codes:
        rest = (number * 171).add_(256).bitwise_right_shift_(9)
        digit.copy_(number.sub_(rest, alpha=3))
        number = rest


def check_message(packed: Tensor, codec: Codec, elements: int) -> None:
    """Raises ValueError for what is no message of so many codes: another type or length."""
    if packed.dtype != torch.uint8 or packed.ndim != 1:
        raise ValueError(f"a message is a vector of uint8; this is {packed.dtype} of shape {tuple(packed.shape)}")
    if elements < 1 or len(packed) != codec.bytes_of(elements):
        raise ValueError(
            f"{elements} elements take {codec.bytes_of(elements)} bytes in the {codec.name} codec, and this message "
            f"has {len(packed)}; both sides need the same codec and the same tensors"
        )


@dataclass(frozen=True)
class Message:
    """What a worker sends of one tensor.

    Attributes:
        packed: codes, uint8.
        scalers: one a bucket, fp32.
        shape: of the gradient.
        codec: that packed it.
        bucket_size: as in `scale`.
    """

    packed: Tensor
    scalers: Tensor
    shape: torch.Size
    codec: Codec
    bucket_size: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes on the wire: codes and scalers. Shape, codec and bucket size are agreed upon beforehand."""
        return self.packed.nbytes + self.scalers.nbytes


def encode(
    gradient: Tensor,
    codec: Codec = TWO_BIT,
    *,
    clip: float | None = CLIP,
    rule: str = "formula",
    bucket_size: int | None = None,
    generator: torch.Generator | None = None,
) -> Message:
    """Clips, ternarizes and packs a gradient that shares its scaler with nobody; see `scale` for the options."""
    scalers, limit = scale(gradient, clip, rule, bucket_size)
    packed = pack_ternary(gradient, scalers, codec, limit, bucket_size, generator)
    return Message(packed, scalers, gradient.shape, codec, bucket_size)


def pack_ternary(
    gradient: Tensor,
    scalers: Tensor,
    codec: Codec = TWO_BIT,
    limit: float = math.inf,
    bucket_size: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """`codec.pack` of `ternary_codes`, block by block: the codes of a large gradient are never all in memory."""
    flat = flattened(gradient)
    blocks = drawn_blocks(flat, scalers, limit, bucket_size, generator)
    return codec.pack_blocks(blocks, len(flat), flat.device)


def decode(message: Message, out: Tensor | None = None) -> Tensor:
    """The ternary gradient of a message, in the type of its scalers.

    Args:
        out: where to write it, flat; None takes new memory.
    """
    elements, bucket_size = message.shape.numel(), message.bucket_size
    if out is None:
        out = message.scalers.new_empty(elements)
    blocks = message.codec.unpacked_blocks(message.packed, elements)
    for number, (part, codes) in enumerate(zip(out.split(BLOCK), blocks, strict=True)):
        part.copy_(codes).mul_(spread(message.scalers, len(part), bucket_size, number * BLOCK))
    return out.view(message.shape)

"""Which data a result was made with. Every loader returns it; every figure title and setup cell shows it."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from effdl_lite.data.files import sha256_of

Origin = Literal["pack", "official", "package", "stand-in"]


@dataclass(frozen=True)
class Source:
    """Where the data of a result came from.

    Args:
        dataset: "CIFAR-10", "Penn Treebank" or a set of digits.
        origin: "pack" (files that someone handed out), "official" (downloaded and checked), "package" (installed with
            a library), or "stand-in".
        detail: what was used of it, as "18,000 training images"; for a stand-in, why it is one.
        files: the files that were read; none for a stand-in or a package.
        recipe: for those two, what made the data: version and seed.
    """

    dataset: str
    origin: Origin
    detail: str
    files: tuple[Path, ...] = field(default=(), repr=False)
    recipe: str = field(default="", repr=False)

    @property
    def is_real(self) -> bool:
        """False for the stand-in."""
        return self.origin != "stand-in"

    @property
    def sha256(self) -> str:
        """Of the file; of the list of sums if there are several; of the recipe for a stand-in, whose last bits may
        differ from one processor to another. Computed when it is first asked for (0.1 s for 85 MB)."""
        if len(self.files) == 1:
            return sha256_of(self.files[0])
        lines = "".join(f"{sha256_of(path)}  {path.name}\n" for path in self.files) or self.recipe
        return hashlib.sha256(lines.encode()).hexdigest()

    def __str__(self) -> str:
        if not self.is_real:
            return f"synthetic stand-in for {self.dataset}"
        return f"{self.dataset} ({self.origin}, {self.detail})"

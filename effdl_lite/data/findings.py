"""What `effdl data verify` does: compares every file of a folder with what it should be."""

from dataclasses import dataclass
from pathlib import Path

from effdl_lite.data import manifest, pack, registry
from effdl_lite.data.errors import DataError
from effdl_lite.data.files import sha256_of


@dataclass(frozen=True)
class Finding:
    """What was found about one file.

    Args:
        file: its name in the folder, with forward slashes.
        status: "ok", "missing", "wrong sha256" or "wrong array".
        detail: more, in words.
    """

    file: str
    status: str
    detail: str

    @property
    def is_fault(self) -> bool:
        return self.status != "ok"


def verify(folder: Path) -> list[Finding]:
    """One finding for each file that the manifest lists or that a whole pack has.

    Raises:
        DataError: if the manifest itself is damaged.
    """
    entries = manifest.read(folder)
    names = [*registry.CIFAR10.pack_files, *registry.PTB.pack_files]
    official = dict(zip(registry.PTB.pack_files, (remote.sha256 for remote in registry.PTB.remote), strict=True))
    findings = []
    for name in [*names, *(name for name in entries if name not in names)]:
        expected = entries[name]["sha256"] if name in entries else official.get(name)
        findings.append(_check(folder, name, expected))
    return findings


def _check(folder: Path, name: str, expected: str | None) -> Finding:
    path = folder / name
    if not path.is_file():
        return Finding(name, "missing", "copy the pack again, or run `effdl data fetch --force`")
    if expected is not None and sha256_of(path) != expected:
        return Finding(name, "wrong sha256", f"{sha256_of(path)[:16]}..., expected {expected[:16]}...")
    if not name.endswith(".npz"):
        return Finding(name, "ok", "sha256 as expected")
    try:
        counts = pack.count(pack.read_arrays(path))
    except DataError as error:
        return Finding(name, "wrong array", str(error))
    sums = "sha256 as expected" if expected is not None else "no manifest, so its sha256 was not compared"
    return Finding(name, "ok", f"{counts['train_images']:,} + {counts['test_images']:,} images, {sums}")

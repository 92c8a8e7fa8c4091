"""``manifest.json`` of a pack: for each file its size, its sha256, and where it came from."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from effdl_lite.data.errors import DataError
from effdl_lite.data.files import put_in_place, readable, scratch, sha256_of
from effdl_lite.data.registry import DataSet

NAME = "manifest.json"


def read(folder: Path) -> dict[str, dict]:
    """What the manifest says about each file, by name with forward slashes; empty if there is no manifest.

    Raises:
        DataError: if the manifest cannot be understood.
    """
    path = folder / NAME
    with readable(path):
        text = path.read_text(encoding="utf-8") if path.is_file() else None
    if text is None:
        return {}
    try:
        files = json.loads(text)["files"]
        for name, entry in files.items():
            # A name that leaves the folder would let a pack ask for the size and sum of any file of the reader.
            if ".." in Path(name).parts or Path(name).is_absolute():
                raise ValueError(f"the name {name!r} leaves the folder")
            if not (isinstance(entry["bytes"], int) and len(entry["sha256"]) == 64):
                raise ValueError(f"the entry of {name!r} is not a size and a sha256")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not the manifest of a pack ({error}); copy the pack again, or remove it") from error
    return files


def add(folder: Path, dataset: DataSet, names: tuple[str, ...], origin: str, **facts) -> None:
    """Writes entries for files that stand in `folder`, and leaves the other entries as they are.

    Args:
        folder: of the pack.
        dataset: gives the licence note and the citation.
        names: of the files, relative to `folder`, with forward slashes.
        origin: "official" or "pack".
        facts: more to record, such as counts or the seed of a subset.
    """
    entries = read(folder)
    for name in names:
        entries[name] = {
            "bytes": (folder / name).stat().st_size,
            "sha256": sha256_of(folder / name),
            "origin": origin,
            "dataset": dataset.name,
            **facts,
            "licence": dataset.licence,
            "citation": dataset.citation,
            "made": datetime.now(UTC).date().isoformat(),
        }
    text = json.dumps({"files": dict(sorted(entries.items()))}, indent=1) + "\n"
    with scratch(folder / NAME, needed=len(text)) as path:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(path, folder / NAME)


def origin_of(folder: Path, name: str) -> str:
    """ "official" if `effdl data fetch` or a loader put the file there, else "pack"."""
    return "official" if read(folder).get(name, {}).get("origin") == "official" else "pack"


def check_size(folder: Path, name: str) -> None:
    """Compares the size of a file with the manifest: at once, where a sha256 takes time.

    Raises:
        DataError: if they differ.
    """
    entry, size = read(folder).get(name), (folder / name).stat().st_size
    if entry is not None and entry["bytes"] != size:
        raise DataError(
            f"{folder / name} has {size:,} bytes, its manifest says {entry['bytes']:,}; copy the pack again, or "
            "replace it with `effdl data fetch --force`"
        )

"""CIFAR-10, Penn Treebank and digits: from a pack, the official servers, or a synthetic stand-in, never silently.

Files, from the ground up: `errors`, `registry`, `files`, `manifest`, `pack`, `download`, `official`, `source`,
`obtain`, the two stand-ins, `images`, `text`, `digits`; then what `effdl data` does: `fetch`, `findings`, `subset`.
"""

from effdl_lite.data.digits import load_digits
from effdl_lite.data.errors import ChecksumError, DataError, DownloadError, StandInWarning
from effdl_lite.data.fetch import fetch_cifar10, fetch_ptb
from effdl_lite.data.files import data_folder, offline
from effdl_lite.data.findings import Finding, verify
from effdl_lite.data.images import ImageData, load_cifar10
from effdl_lite.data.source import Source
from effdl_lite.data.subset import make_pack
from effdl_lite.data.text import TextData, load_ptb

__all__ = [
    "ChecksumError",
    "DataError",
    "DownloadError",
    "Finding",
    "ImageData",
    "Source",
    "StandInWarning",
    "TextData",
    "data_folder",
    "fetch_cifar10",
    "fetch_ptb",
    "load_cifar10",
    "load_digits",
    "load_ptb",
    "make_pack",
    "offline",
    "verify",
]

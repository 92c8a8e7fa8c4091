"""What `effdl doctor` looks at: is this machine ready for the course, and if not, what to do.

Nothing here needs torch to be importable: a broken installation is what a doctor is called for.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent
Status = Literal["ok", "note", "missing"]


@dataclass(frozen=True)
class Line:
    """One finding.

    Args:
        name: of what was looked at.
        status: "missing" is a fault; "note" is something that only a part of the course needs.
        found: what is there.
        remedy: what to do, if something is to be done.
    """

    name: str
    status: Status
    found: str
    remedy: str = ""


def examine() -> list[Line]:
    """All findings, in the order in which they are printed."""
    lines = [python(), *packages(), processor(), memory(), profile_line()]
    return [*lines, *data_lines(), disk(), *tools()]


def python() -> Line:
    """The version of Python and the system; pip refuses to install the package on a Python that is too old."""
    return Line("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def packages() -> list[Line]:
    """Each package that `effdl_lite` requires: its bound, whether it can be imported, the exact pin if there is one."""
    try:
        from packaging.requirements import Requirement  # comes with pooch
    except ImportError as error:
        return [Line("packages", "missing", str(error), "run `pip install -e .` in the folder of the course")]
    try:
        requirements = [Requirement(text) for text in importlib.metadata.requires("effdl-lite") or []]
    except importlib.metadata.PackageNotFoundError:
        return [Line("effdl-lite", "missing", "not installed", "run `pip install -e .` in the folder of the course")]
    pins = read_pins(ROOT / "requirements.txt")
    return [package(need, pins.get(need.name.lower())) for need in requirements if need.marker is None]


def read_pins(path: Path) -> dict[str, str]:
    """The exact versions that a requirements file names, by package; none if there is no such file."""
    if not path.is_file():
        return {}
    lines = (line.split("#")[0].split(";")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==") for line in lines if "==" in line)
    return {name.strip().lower().replace("_", "-"): version.strip() for name, version in pairs}


def package(need, pin: str | None) -> Line:
    """One package: `need` is a `packaging` Requirement, `pin` the version that the book was made with."""
    remedy = f'run `pip install "{need}"`' if pin is None else f"run `pip install {need.name}=={pin}`"
    try:
        version = importlib.metadata.version(need.name)
    except importlib.metadata.PackageNotFoundError:
        return Line(need.name, "missing", "not installed", remedy)
    if not need.specifier.contains(version, prereleases=True):
        return Line(need.name, "missing", f"{version}, but {need.specifier} is needed", remedy)
    if fault := import_fault(need):
        return fault
    # A local label, as in 2.14.1+cpu, is the same release.
    if pin is not None and version.split("+")[0] != pin.split("+")[0]:
        return Line(need.name, "note", f"{version}; the book was made with {pin}", f"for the same numbers {remedy}")
    return Line(need.name, "ok", version)


def import_fault(need) -> Line | None:
    """The finding for a package that is installed but cannot be imported; None if it can."""
    try:
        importlib.import_module(
            {"scikit-learn": "sklearn", "ipython": "IPython", "pyyaml": "yaml"}.get(need.name, need.name)
        )
    except Exception as error:  # whatever a broken installation raises is what the reader has to be told
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = f'run `pip install --force-reinstall "{need}"`'
        return Line(need.name, "missing", f"installed, but cannot be imported: {reason}", remedy)
    return None


def processor() -> Line:
    """The name of the CPU, its cores, the threads that torch uses of them, and whether it computes in bf16."""
    cores = f"{os.cpu_count()} logical cores"
    try:
        import torch

        from effdl_lite.measure import cpu_has_bf16, cpu_name
    except Exception:  # `packages` has named the broken package, with the reason and the remedy
        return Line("cpu", "ok", f"{platform.processor() or platform.machine()}, {cores}")
    bf16 = "in hardware" if cpu_has_bf16() else "not in hardware"
    return Line("cpu", "ok", f"{cpu_name()}, {cores}, torch threads: {torch.get_num_threads()}, bf16: {bf16}")


def memory() -> Line:
    """Memory of the machine; the quick profile needs about 2 GB of it."""
    size = memory_bytes()
    if size is None:
        return Line("memory", "note", "unknown on this system")
    found = f"{size / 2**30:.1f} GB"
    if size < 3 * 2**30:
        return Line("memory", "note", found, "close other programs; one notebook needs about 2 GB")
    return Line("memory", "ok", found)


def memory_bytes() -> int | None:
    """None where it cannot be found out."""
    if importlib.util.find_spec("psutil"):  # it comes with Jupyter's kernel
        return importlib.import_module("psutil").virtual_memory().total
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def profile_line() -> Line:
    """The profile in force."""
    from effdl_lite import profiles

    try:
        return Line("profile", "ok", profiles.current())
    except ValueError as error:
        return Line("profile", "missing", str(error), "set EFFDL_PROFILE to one of them, or unset it")


def data_lines() -> list[Line]:
    """For each data set the source that a loader would use."""
    try:
        from effdl_lite.data import data_folder, registry
        from effdl_lite.data.obtain import planned

        folder, lines = data_folder(), []
    except ImportError as error:
        return [Line("data", "missing", str(error), "install the packages above")]
    for dataset in (registry.CIFAR10, registry.PTB):
        try:
            found = planned(dataset, folder)
        except ValueError as error:
            lines.append(Line(dataset.name, "missing", str(error)))
            continue
        absent = "in the folder" not in found
        remedy = "run `effdl data fetch`, or set EFFDL_DATA to the folder of a pack" if absent else ""
        lines.append(Line(dataset.name, "note" if absent else "ok", f"{found}; {folder}", remedy))
    return lines


def disk() -> Line:
    """Free space where the data are; the download of CIFAR-10 needs 0.4 GB for a moment."""
    try:
        from effdl_lite.data.files import data_folder, free_bytes

        free = free_bytes(data_folder())
    except ImportError as error:
        return Line("free disk", "missing", str(error), "install the packages above")
    if free < 400e6:
        return Line("free disk", "note", f"{free / 1e9:.1f} GB", "free 0.4 GB, or set EFFDL_DATA to a larger disk")
    return Line("free disk", "ok", f"{free / 1e9:.1f} GB")


def tools() -> list[Line]:
    """Programs that a part of the course uses; no notebook needs one."""
    linux = sys.platform == "linux"
    lines = [
        tool("git", ("git",), "to follow the changes of the course", "install git from git-scm.com"),
        tool(
            "chromium",
            ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge"),
            "for the tests of the interactive figures",
            "run `apt install chromium`" if linux else "install Chromium or Chrome",
        ),
    ]
    if (ROOT / "grading").is_dir():  # students do not have it
        elsewhere = "only for Linux; elsewhere grade in a Linux virtual machine"
        remedy = "run `apt install bubblewrap`" if linux else elsewhere
        lines.append(tool("bubblewrap", ("bwrap",), "for grading, by instructors", remedy))
    return lines


def tool(name: str, programs: tuple[str, ...], purpose: str, remedy: str, which: Callable = shutil.which) -> Line:
    """One optional program, under any of its names."""
    for program in programs:
        if path := which(program):
            return Line(name, "ok", path)
    return Line(name, "note", f"not found; {purpose}", remedy)

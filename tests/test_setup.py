"""The set-up holds together: pins, entry points, licence, and one direction of imports."""

import ast
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def test_every_direct_requirement_is_pinned_exactly_and_equally_in_the_constraints():
    constraints = {}
    for pin in requirements("constraints.txt"):
        constraints.setdefault(pin.name.lower().replace("_", "-"), []).append(str(pin.specifier))
    for pin in requirements("requirements.txt"):
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), f"{pin} is not pinned exactly"
        assert str(pin.specifier) in constraints[pin.name.lower().replace("_", "-")]


def test_the_installed_versions_are_the_pinned_ones():
    differing = {
        pin.name: version(pin.name)
        for pin in requirements("requirements.txt")
        if not pin.specifier.contains(version(pin.name).split("+")[0])
    }
    assert not differing, f"run `make test` or `pip install -r requirements.txt`: {differing}"


def test_what_the_package_needs_is_among_the_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {pin.name for pin in requirements("requirements.txt")}
    assert {Requirement(line).name for line in project["dependencies"]} <= pinned


@pytest.mark.parametrize("system", ["linux", "win32", "darwin"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_the_constraints_hold_every_direct_requirement_once_for_each_python_and_system(python, system):
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system}
    environment |= {"platform_system": {"linux": "Linux", "win32": "Windows", "darwin": "Darwin"}[system]}
    held = [
        pin.name.lower().replace("_", "-")
        for pin in requirements("constraints.txt")
        if pin.marker is None or pin.marker.evaluate(environment)
    ]
    direct = [pin.name.lower().replace("_", "-") for pin in requirements("requirements.txt")]
    assert {name: held.count(name) for name in direct} == dict.fromkeys(direct, 1)


# The floors of the house, from the ground up: a room imports only from rooms before it.
FLOORS = [
    "profiles",
    "data",
    "models",
    "measure",
    "training",
    "batches",
    "recipes",
    "pipeline",
    "reference",
    "tables",
    "plots",
    "widgets",
    "claims",
    "checking",
    "doctor",
    "cli",
]


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("effdl_lite"):
            parts = node.module.split(".")
            names |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return names - {"__version__"}


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_point_downwards(floor):
    package = ROOT / "effdl_lite"
    files = [package / f"{floor}.py"] if (package / f"{floor}.py").exists() else list((package / floor).glob("*.py"))
    assert files
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    assert not {file.name: found for file in files if (found := imports_of(file) & above)}


def test_every_room_of_the_package_has_its_floor():
    rooms = {p.stem for p in (ROOT / "effdl_lite").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert rooms - {"__init__", "methods"} == set(FLOORS)


def test_no_file_of_the_package_is_long():
    long = {p.name: n for p in (ROOT / "effdl_lite").rglob("*.py") if (n := len(p.read_text().splitlines())) > 260}
    assert not long, f"one concept a file: {long}"


def test_nothing_is_unpickled():
    for path in [*(ROOT / "effdl_lite").rglob("*.py"), *(ROOT / "experiments").rglob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert "pickle" not in {alias.name for alias in node.names}, path
            if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "weights_only"):
                safe = {"allow_pickle": False, "weights_only": True}[node.arg]
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is safe, path


def test_the_licence_covers_code_and_text():
    text = (ROOT / "LICENSE").read_text()
    assert "MIT License" in text
    assert "CC BY 4.0" in text


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_local_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (ROOT / link).exists()]

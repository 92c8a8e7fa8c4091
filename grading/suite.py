"""A lab as a whole: its solution notebook, public tests and hidden tests, and whether they fit together."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from effdl_lite.checking import Checks
from grading import ROOT, LabError, notebooks

MARKER = "REPLACE THIS"


@dataclass(frozen=True)
class Paths:
    """Where the parts of a lab are.

    Attributes:
        name: of the lab, such as "lab01".
        root: of the project.
    """

    name: str
    root: Path = ROOT

    @property
    def solution(self) -> Path:
        return self.root / "solutions" / self.name / f"{self.name}.ipynb"

    @property
    def public(self) -> Path:
        return self.solution.with_name("checks.py")

    @property
    def hidden(self) -> Path:
        return self.root / "grading" / "hidden" / f"{self.name}.py"

    @property
    def answers(self) -> Path:
        return self.root / "grading" / "answers" / f"{self.name}.py"

    @property
    def rubric(self) -> Path:
        """For the lab's questions; a lab may be without."""
        return self.root / "grading" / "rubrics" / f"{self.name}.md"

    @property
    def released(self) -> Path:
        return self.root / "labs" / self.name / f"{self.name}.ipynb"

    @property
    def sources(self) -> list[Path]:
        """What an author writes."""
        return [self.solution, self.public, self.hidden, self.answers]


@dataclass(frozen=True)
class Lab:
    """A lab whose parts fit together.

    Attributes:
        paths: of its parts.
        notebook: its solution notebook.
        public: the tests that students have.
        public_module: the module `checks`, for the notebook's own import.
        hidden: the tests that they don't have.
    """

    paths: Paths
    notebook: notebooks.LabNotebook
    public: Checks
    public_module: ModuleType
    hidden: Checks


def labs(root: Path = ROOT) -> list[str]:
    """The names of all labs that have a solution folder."""
    return sorted(folder.name for folder in (root / "solutions").glob("*") if folder.is_dir())


def load(name: str, root: Path = ROOT) -> Lab:
    """Reads the notebook and imports the tests; LabError lists everything that does not fit together."""
    paths = Paths(name, root)
    if not paths.solution.parent.is_dir():
        raise LabError(f"there is no lab {name!r} in solutions/; there are: {', '.join(labs(root)) or 'none yet'}")
    notebook = notebooks.read(paths.solution)
    public_module, public = _checks(paths.public, "checks", name)
    _, hidden = _checks(paths.hidden, "hidden", name)
    lab = Lab(paths, notebook, public, public_module, hidden)
    if found := list(_faults(lab)):
        raise LabError("\n".join(found))
    return lab


def _checks(path: Path, variable: str, lab: str) -> tuple[ModuleType, Checks]:
    """The tests of a file of ours, which is run to have them."""
    if not path.is_file():
        raise LabError(f"there is no {path}; it must define {variable} = Checks({lab!r})")
    spec = importlib.util.spec_from_file_location(f"{variable}_of_{lab}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    checks = getattr(module, variable, None)
    if not isinstance(checks, Checks) or checks.lab != lab:
        raise LabError(f"{path} must define {variable} = Checks({lab!r})")
    return module, checks


def _faults(lab: Lab) -> Iterator[str]:
    names = [exercise.name for exercise in lab.notebook.exercises]
    for kind, checks, path in (("public", lab.public, lab.paths.public), ("hidden", lab.hidden, lab.paths.hidden)):
        place = path.relative_to(lab.paths.root)
        for name in names:
            if not checks.tests(name):
                yield f"{place}: exercise {name!r} has no {kind} test"
        for name in checks.exercises:
            if name not in names:
                yield f"{place}: tests of {name!r}, which is no exercise; there are {', '.join(names)}"
    for path in lab.paths.sources:
        if path.is_file() and MARKER in path.read_text("utf-8"):
            yield f"{path.relative_to(lab.paths.root)} still says {MARKER!r} where the scaffold wants your text"

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
        private: a folder with an instructor's own hidden tests, beside those of the project.
    """

    name: str
    root: Path = ROOT
    private: Path | None = None

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
    def own_hidden(self) -> Path | None:
        return self.private and self.private / f"{self.name}.py"

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

    @property
    def deciding(self) -> list[Path]:
        """What decides on points: the released lab and all tests."""
        return [self.released, self.public, self.hidden, *([self.own_hidden] if self.own_hidden else [])]


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


def load(name: str, root: Path = ROOT, private: Path | None = None) -> Lab:
    """Reads the notebook and imports the tests; LabError lists everything that does not fit together.

    Args:
        name: of the lab.
        root: of the project.
        private: a folder whose `<name>.py` holds hidden tests too: each is added to those of its exercise, or takes the
            place of the one that has its name.
    """
    paths = Paths(name, root, private)
    if not paths.solution.parent.is_dir():
        raise LabError(f"there is no lab {name!r} in solutions/; there are: {', '.join(labs(root)) or 'none yet'}")
    notebook = notebooks.read(paths.solution)
    public_module, public = _checks(paths.public, "checks", name)
    _, hidden = _checks(paths.hidden, "hidden", name)
    if paths.own_hidden:
        _, own = _checks(paths.own_hidden, "hidden", name)
        hidden = _overlaid(hidden, own, [exercise.name for exercise in notebook.exercises], paths.own_hidden)
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
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise LabError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    checks = getattr(module, variable, None)
    if not isinstance(checks, Checks) or checks.lab != lab:
        raise LabError(f"{path} must define {variable} = Checks({lab!r})")
    return module, checks


def _overlaid(hidden: Checks, own: Checks, exercises: list[str], place: Path) -> Checks:
    """The project's hidden tests with an instructor's own over them."""
    if strangers := [name for name in own.exercises if name not in exercises]:
        raise LabError(
            f"{place}: tests of {', '.join(strangers)}, which is no exercise; there are {', '.join(exercises)}"
        )
    together = Checks(hidden.lab)
    for name in exercises:
        replaced = {test.__name__ for test in own.tests(name)}
        for test in [*(test for test in hidden.tests(name) if test.__name__ not in replaced), *own.tests(name)]:
            together.test(name)(test)
    return together


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

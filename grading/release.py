"""Makes what students get, labs/, from solutions/: nbgrader's generate_assignment without a database."""

import logging
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from grading import ROOT, LabError
from grading.suite import Paths, load

PICTURES = (".png", ".svg")  # that a notebook may show
LEFT_BEHIND = (".ipynb_checkpoints", "__pycache__")  # by editors and Python; nbgrader does not release them


def settings(root: Path = ROOT) -> Config:
    """nbgrader's settings, for the project in `root` and a release without a gradebook."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT / "grading")).load_config()
    config.CourseDirectory.root = str(root)
    config.SaveCells.enabled = False  # else it asks for a gradebook
    return config


def release(name: str, root: Path = ROOT) -> Path:
    """Writes labs/<name>/ anew, the same bytes from the same solution; the folder."""
    load(name, root)
    refuse_strangers(name, root)
    config = settings(root)
    quiet = logging.getLogger("nbgrader.release")
    quiet.setLevel(logging.ERROR)
    coursedir = CourseDirectory(config=config, assignment_id=name)
    GenerateAssignment(coursedir=coursedir, config=config, log=quiet, force=True, no_database=True).start()
    return Paths(name, root).released.parent


def refuse_strangers(name: str, root: Path = ROOT) -> None:
    """LabError where a solution folder holds a file that is not for students: nbgrader would release it."""
    paths = Paths(name, root)
    folder = paths.solution.parent
    strangers = [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path not in (paths.solution, paths.public)
        and path.suffix not in PICTURES
        and not set(LEFT_BEHIND) & set(path.relative_to(folder).parts)
    ]
    if strangers:
        raise LabError(
            f"solutions/{name}/ holds {', '.join(strangers)}, which nbgrader would give to students; "
            f"it may hold {name}.ipynb, checks.py and pictures ({', '.join(PICTURES)})"
        )

"""Starts nbgrader's formgrader on the course's gradebook, and nothing else of Jupyter.

Formgrader is an extension of Jupyter's server, which can run code. This server has no kernels, terminals or notebooks,
no file from outside the gradebook's folder, and none of the settings of the user's own Jupyter. The buttons by which
nbgrader would itself grade or write feedback refuse: nbgrader grades without a sandbox, and its feedback would show
students what only whoever marks may see.
"""

import os
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from nbgrader.preprocessors import NbGraderPreprocessor

from grading import LabError
from grading.release import settings

BUSY_SECONDS = 60  # that saving points may wait for a run which writes


class FormgraderServer(ServerApp):
    """Jupyter's server without what it usually serves."""

    default_services = ("auth", "security")


class Refuse(NbGraderPreprocessor):
    """In the place of nbgrader's own steps of grading and feedback."""

    def preprocess(self, nb, resources):
        raise RuntimeError("this course is graded by `python -m grading SUBMISSIONS`, which also writes the feedback")


def serve(folder: Path, port: int, browser: bool = True) -> None:
    """Serves until it is interrupted (LabError).

    Args:
        folder: of the gradebook.
        port: on this machine; the next free one is taken where it is in use.
        browser: whether to open one.
    """
    folder, refuse = folder.resolve(), f"['{__name__}.{Refuse.__name__}']"
    if not (folder / "gradebook.db").is_file():
        raise LabError(f"there is no gradebook in {folder}; `python -m grading SUBMISSIONS` makes one")
    options = {
        "ServerApp.jpserver_extensions": "{'nbgrader.server_extensions.formgrader': True}",
        "ServerApp.root_dir": folder,
        "ServerApp.default_url": "/formgrader/gradebook",
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.open_browser": browser,
        "ServerApp.allow_root": True,  # as in a container; nothing here runs code
        "CourseDirectory.root": folder,
        "CourseDirectory.course_id": settings().CourseDirectory.course_id,
        "CourseDirectory.db_url": f"sqlite:///{folder / 'gradebook.db'}?timeout={BUSY_SECONDS}",
        "FormgradeExtension.debug": False,
        "Autograde.sanitize_preprocessors": refuse,
        "Autograde.autograde_preprocessors": refuse,
        "GenerateFeedback.preprocessors": refuse,
    }
    os.environ["JUPYTER_NO_CONFIG"] = "1"
    os.chdir(folder)  # nbgrader reads settings from where it is started
    FormgraderServer.launch_instance([f"--{name}={value}" for name, value in options.items()])

"""Runs a lab notebook from top to bottom in a fresh kernel, as a grader would first see it, and collects the checks.

The student's file is not touched: in memory, each cell that checks is replaced by one that hands over what it found.
"""

import logging
import subprocess
import sys
from dataclasses import asdict, dataclass, field

from tqdm import tqdm

from effdl_lite.checking.answers import NamespaceAnswers, shortened
from effdl_lite.checking.checks import Outcome
from effdl_lite.checking.notebook import LabFile, NotebookError

FOUND = "application/vnd.effdl.outcomes+json"
REST = "rest-check"


@dataclass
class Found:
    """What a run found.

    Attributes:
        outcomes: of each exercise, by its name.
        deleted: exercises whose check cell is gone; they were checked after the last cell.
        stopped: cells that ended with an error that the student should know of: the cell's id and the error.
    """

    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)


def rerun(lab: LabFile, seconds: int) -> Found:
    """Runs the notebook and its checks (NotebookError).

    Args:
        lab: the notebook.
        seconds: that one cell may take; it is interrupted then, and the run goes on.
    """
    try:
        import nbclient
        import nbformat
    except ImportError as error:
        raise NotebookError(f"{error.name} is missing; run `pip install -r requirements.txt`") from error
    notebook = nbformat.from_dict(_replaced(lab))
    errors, running = {}, ""
    with tqdm(total=len(notebook.cells), desc="running", unit="cell", leave=False) as bar:

        def before(cell, cell_index):
            nonlocal running
            running = _label(cell, cell_index)
            bar.update()

        def after(cell, cell_index, execute_reply):
            content = execute_reply["content"]
            if content["status"] == "error":
                errors[_label(cell, cell_index)] = shortened(f"{content['ename']}: {content['evalue']}")

        client = nbclient.NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=seconds,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "too slow", "evalue": f"stopped after {seconds} s", "traceback": []},
            allow_errors=True,
            record_timing=False,
            on_cell_start=before,
            on_cell_executed=after,
            resources={"metadata": {"path": str(lab.path.resolve().parent)}},
            log=_quiet(),
        )
        try:
            client.execute(stderr=subprocess.DEVNULL)
        except nbclient.exceptions.DeadKernelError as error:
            raise NotebookError(f"Python ended in cell {running}: out of memory, or a call of exit() there?") from error
    return _collected(lab, notebook.cells, errors)


def hand_over(exercise: str) -> None:
    """In the kernel: runs the tests of an exercise and sends what they found to the one who runs the notebook."""
    from checks import checks  # the file beside the notebook
    from IPython.display import display

    outcomes = checks.run(exercise, NamespaceAnswers(vars(sys.modules["__main__"])))
    display({FOUND: {"exercise": exercise, "outcomes": [asdict(outcome) for outcome in outcomes]}}, raw=True)


def hand_over_rest(checked: list[str]) -> None:
    """In the kernel: hands over the exercises that no cell checked."""
    from checks import checks

    for exercise in checks.exercises:
        if exercise not in checked:
            hand_over(exercise)


def _replaced(lab: LabFile) -> dict:
    """The notebook with cells that hand over in place of those that check, and a last one for those that are gone."""
    cells = []
    for cell in lab.content["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        is_check = name.endswith("-check") and name.removesuffix("-check") in lab.points
        cells.append(_cell(name, f"hand_over({name.removesuffix('-check')!r})") if is_check else cell)
    return {**lab.content, "cells": [*cells, _cell(REST, f"hand_over_rest({list(lab.points)!r})")]}


def _cell(name: str, call: str) -> dict:
    source = f"import effdl_lite.checking.rerun as _rerun; _rerun.{call}"
    metadata = {"nbgrader": {"grade_id": name}}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def _label(cell, number: int) -> str:
    """What to call a cell: its grade id, else its place."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", f"number {number + 1}")


def _collected(lab: LabFile, cells: list, errors: dict[str, str]) -> Found:
    sent = [
        output["data"][FOUND] for cell in cells for output in cell.get("outputs", []) if FOUND in output.get("data", {})
    ]
    outcomes = {item["exercise"]: [Outcome(**outcome) for outcome in item["outcomes"]] for item in sent}
    for exercise in lab.points:
        if exercise not in outcomes:
            reason = errors.get(f"{exercise}-check", "nothing was handed over")
            outcomes[exercise] = [Outcome("the check itself", False, f"could not run: {reason}")]
    deleted = [exercise for exercise in outcomes if exercise not in lab.points]
    return Found(outcomes, deleted, _worth_telling(lab, errors))


def _worth_telling(lab: LabFile, errors: dict[str, str]) -> dict[str, str]:
    """Errors of cells that do not check. Given cells below one that needs a missing answer are bound to stop too."""
    marks = [cell["metadata"].get("nbgrader", {}) for cell in lab.content["cells"]]
    given = {mark["grade_id"] for mark in marks if mark.get("locked")}
    checks = {REST, *(f"{exercise}-check" for exercise in lab.points)}
    told, missing = {}, False
    for name, error in errors.items():
        if error.startswith("NotImplementedError"):
            missing = True
        elif name not in checks and not (missing and name in given):
            told[name] = error
    return told


def _quiet() -> logging.Logger:
    """nbclient's messages about slow cells would stand between the lines of the progress bar."""
    log = logging.getLogger("effdl.rerun")
    log.setLevel(logging.CRITICAL)
    return log

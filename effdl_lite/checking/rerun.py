"""Runs a lab notebook from top to bottom in a fresh kernel, as a grader would first see it, and collects the checks.

The student's file is not touched: in memory, each cell that checks is replaced by one that hands over what it found.
"""

import asyncio
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass

from tqdm import tqdm

from effdl_lite.checking import diagnosis
from effdl_lite.checking.checks import Outcome
from effdl_lite.checking.namespace import NamespaceAnswers
from effdl_lite.checking.notebook import LabFile, NotebookError, mark, role

FOUND = "application/vnd.effdl.outcomes+json"
REST = "rest-check"
PATIENCE = 30  # seconds until an interrupted cell must have stopped


@dataclass
class Found:
    """What a run found.

    Attributes:
        outcomes: of each exercise, by its name, in the order of the lab.
        stops: cells that stopped by themselves.
        waiting: how many cells stopped since they need an answer that is missing.
    """

    outcomes: dict[str, list[Outcome]]
    stops: list[diagnosis.Stop]
    waiting: int


def rerun(lab: LabFile, seconds: int) -> Found:
    """Runs the notebook and its checks (NotebookError). KeyboardInterrupt ends the kernel, too.

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
    errors, running = {}, 0
    # Without a terminal there is no bar.
    form = "{desc} {bar} {n_fmt} of {total_fmt} cells"
    with tqdm(total=len(notebook.cells), leave=False, disable=None, bar_format=form) as bar:

        def before(cell, cell_index):
            nonlocal running
            running = cell_index
            bar.set_description_str(f"running {_short(cell):<24}", refresh=False)
            bar.update()
            bar.refresh()

        def after(cell, cell_index, execute_reply):
            content = execute_reply["content"]
            if content["status"] == "error":
                errors[cell_index] = diagnosis.Error(content["ename"], content["evalue"])

        client = nbclient.NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=seconds,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": diagnosis.TOO_SLOW, "evalue": "", "traceback": []},
            iopub_timeout=PATIENCE,
            raise_on_iopub_timeout=True,
            shutdown_kernel="immediate",
            allow_errors=True,
            record_timing=False,
            on_cell_start=before,
            on_cell_executed=after,
            resources={"metadata": {"path": str(lab.path.resolve().parent)}},
            log=_quiet(),
        )
        try:
            _execute(client)
        except nbclient.exceptions.DeadKernelError as error:
            where = diagnosis.titled(notebook.cells[running])
            raise NotebookError(f"Python ended in {where}: out of memory, or a call of exit() there?") from error
        except nbclient.exceptions.CellTimeoutError as error:
            where = diagnosis.titled(notebook.cells[running])
            raise NotebookError(
                f"{where} took longer than {seconds} s and could not be stopped: does a loop in it never end and catch "
                f"every exception (`except:`)? {diagnosis.more_time(seconds, lab.path)}"
            ) from error
    return _collected(lab, notebook.cells, errors, seconds)


def _execute(client) -> None:
    """Runs the client in a thread, so that signals reach this one; whatever ends this one ends the kernel first."""
    tasks = []

    async def run():
        tasks.append((asyncio.get_running_loop(), asyncio.current_task()))
        try:
            await client.async_execute(stderr=subprocess.DEVNULL)
        finally:
            if client.km is not None and client.km.has_kernel:
                await client.km.shutdown_kernel(now=True)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, run())
        try:
            while not wait([future], timeout=0.2).done:  # Windows lets Ctrl-C through only between two waits
                pass
        except BaseException:
            for loop, task in tasks:
                loop.call_soon_threadsafe(task.cancel)
            raise
        future.result()


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
        name = mark(cell).get("grade_id", "")
        cells.append(_cell(name, f"hand_over({name.removesuffix('-check')!r})") if role(cell) == "check" else cell)
    return {**lab.content, "cells": [*cells, _cell(REST, f"hand_over_rest({list(lab.points)!r})")]}


def _cell(name: str, call: str) -> dict:
    source = f"import effdl_lite.checking.rerun as _rerun; _rerun.{call}"
    metadata = {"nbgrader": {"grade_id": name, "grade": True}}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def _short(cell) -> str:
    """What to call a cell while it runs: its grade id, else its first line."""
    return mark(cell).get("grade_id") or cell.source.strip().partition("\n")[0][:24]


def _collected(lab: LabFile, cells: list, errors: dict[int, diagnosis.Error], seconds: int) -> Found:
    sent = [
        output["data"][FOUND] for cell in cells for output in cell.get("outputs", []) if FOUND in output.get("data", {})
    ]
    outcomes = {item["exercise"]: [Outcome(**outcome) for outcome in item["outcomes"]] for item in sent}
    ends = {mark(cell).get("grade_id"): errors.get(number) for number, cell in enumerate(cells)}
    for exercise in lab.exercises:
        if exercise not in outcomes:
            end = ends.get(f"{exercise}-check") or ends[REST]
            reason = diagnosis.ended(end, seconds, lab.path) if end else "handed nothing over"
            outcomes[exercise] = [Outcome("the check itself", False, f"it {reason}")]
    missing = {outcome.missing for found in outcomes.values() for outcome in found if outcome.missing}
    stops, waiting = diagnosis.stops(lab, errors, missing)
    order = lab.exercises + [exercise for exercise in outcomes if exercise not in lab.exercises]
    told = {exercise: diagnosis.explained(exercise, outcomes[exercise], lab, errors) for exercise in order}
    return Found(told, stops, waiting)


def _quiet() -> logging.Logger:
    """nbclient's messages about slow cells would stand between the lines of the progress bar."""
    log = logging.getLogger("effdl.rerun")
    log.setLevel(logging.CRITICAL)
    return log

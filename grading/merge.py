"""Merges the results of a class that several machines graded: all of them, or, where anything disagrees, none."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from grading import LabError, reports, results
from grading.names import refuse_a_mixture
from grading.student import CRASHED
from grading.suite import Lab


@dataclass(frozen=True)
class Found:
    """A stored result, and the folder of results that it is in."""

    folder: Path
    name: str
    content: dict

    @property
    def path(self) -> Path:
        return self.folder / "students" / self.name

    @property
    def finding(self) -> tuple:
        """What must agree where a student was graded twice."""
        return tuple(self.content[key] for key in ("digest", "status", "points", "flags"))


def merge(lab: Lab, sources: list[Path], target: Path, gradebook: Path | None = None) -> int:
    """Puts the results of other machines into a folder, and writes what is made of them; how many students there are.

    The results that are already there take part. LabError names everything that stands against it, and nothing is
    changed then: a result by other tests, one that cannot be read, a student with two results that differ. A grading
    that crashed gives way to one that did not.
    """
    faults, found = [], defaultdict(list)
    for folder in [target, *sources]:
        if folder != target and not (folder / "students").is_dir():
            faults.append(f"{folder} is no folder of results; it has no students/")
        for path in sorted((folder / "students").glob("*.json")):
            content = results.saved(path)
            if fault := _fault(content, lab):
                faults.append(f"{path}: {fault}")
            else:
                found[content["student"]].append(Found(folder, path.name, content))
    chosen = {student: _chosen(student, several, faults) for student, several in sorted(found.items())}
    if faults or not chosen:
        raise LabError("\n".join(["nothing is merged:", *(faults or ["there is no result"])]))
    refuse_a_mixture([each.path for each in chosen.values()])
    for each in chosen.values():
        if each.folder != target:
            _take(each, target)
    reports.write(lab, [each.content for each in chosen.values()], target, gradebook)
    return len(chosen)


def _fault(content: dict | None, lab: Lab) -> str:
    if content is None:
        return "cannot be read; grade this student again"
    if content["lab"] != lab.paths.name:
        return f"a result of {content['lab']}, not of {lab.paths.name}"
    if content["tests"] != results.lab_digest(lab):
        return (
            "graded by another release or other tests than those here, --hidden among them; grade again with the same"
        )
    return ""


def _chosen(student: str, several: list[Found], faults: list[str]) -> Found:
    """The result of a student that counts."""
    whole = [each for each in several if each.content["status"] != CRASHED] or several
    if any(each.finding != whole[0].finding for each in whole):
        told = "; ".join(f"{each.path}: {each.content['status']}, {_points(each.content)}" for each in whole)
        faults.append(f"{student} has results that differ: {told}; delete those that do not count")
    return whole[0]


def _points(content: dict) -> str:
    return f"{sum(content['points'].values()):g} points" if content["points"] else "no points"


def _take(each: Found, target: Path) -> None:
    """Copies a result with what belongs to it, the result last, so that an interrupted merge can be run again."""
    stem = Path(each.name).stem
    for place in (f"notebooks/{stem}.ipynb", f"history/{stem}.jsonl", f"students/{each.name}"):
        if (each.folder / place).is_file():
            results.written(target / place, (each.folder / place).read_text("utf-8"))

"""The grades of a lab as they are given out: after the late policy, under names again, and in a platform's form."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from grading import LabError
from grading.names import FORM, Pseudonyms
from grading.notebooks import Exercise
from grading.owners import Stamp, without_number
from grading.policy import Policy, Reached, reached
from grading.results import plain, written
from grading.roster import Member, Roster
from grading.student import FLAGGED, OK
from grading.suite import Lab

FEWEST = 3  # students whose files may have one and the same time by chance


@dataclass(frozen=True)
class Line:
    """A student in grades.csv.

    Attributes:
        student: by name.
        status: of the result.
        points: None where there are none, or not all yet.
        stamp: when it was handed in.
    """

    student: str
    status: str
    points: float | None
    stamp: Stamp


@dataclass(frozen=True)
class Final:
    """What a student gets: the line, by whose word it was handed in when, and the points after the policy."""

    line: Line
    stamp: Stamp
    after: Reached

    @property
    def lacking(self) -> str:
        """Why there is no grade; empty where there is one."""
        if self.after.points is not None:
            return ""
        return self.after.words or ("not marked to the end" if self.line.status in (OK, FLAGGED) else self.line.status)


@dataclass
class Exported:
    """What an export wrote.

    Attributes:
        files: that were written.
        graded: how many students have a grade.
        without: students without a grade, by the reason.
        problems: students with a grade whom the platform's file lacks, and other doubts, in words.
        notes: what may be right, in words: the policy names somebody who has handed in nothing.
    """

    files: list[Path] = field(default_factory=list)
    graded: int = 0
    without: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def export(
    lab: Lab,
    folder: Path,
    into: Path,
    *,
    rules: Policy | None = None,
    roster: Roster | None = None,
    names: Pseudonyms | None = None,
    tests_only: bool = False,
) -> Exported:
    """Writes final.csv, with a roster the file for its platform, and what pseudonyms hide under names (LabError).

    Args:
        lab: which.
        folder: of its results; nothing in it is changed.
        into: a folder for what is written; it holds names.
        rules: the late policy.
        roster: of the class.
        names: who is behind the pseudonyms.
        tests_only: leaves out the questions that a person marks.
    """
    if rules and lab.paths.name not in rules.due:
        raise LabError(f"the policy has no deadline for {lab.paths.name}; it has {', '.join(rules.due) or 'none'}")
    if names and into.resolve().is_relative_to(folder.resolve()):
        raise LabError(f"{into} lies in {folder}, which those who mark may see; choose another with --into")
    behind = names.students(lab.paths.name) if names else {}
    lines = read(folder, behind, tests_only)
    done = Exported()
    members = _members(roster, lab, lines, tests_only, done) if roster else {}
    finals = {line.student: _final(line, members.get(line.student), lab.paths.name, rules) for line in lines}
    done.without = {student: final.lacking for student, final in finals.items() if final.lacking}
    done.graded = len(finals) - len(done.without)
    if rules:
        _doubt(lines, lab.paths.name, rules, done)
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    done.files.append(into / "final.csv")
    written(done.files[0], _table(finals.values()))
    if roster:
        done.files.append(into / f"{roster.platform.lower()}.csv")
        given = [(members[student], finals[student].after.points) for student in members if student not in done.without]
        written(done.files[1], roster.with_grades(given))
    for called, student in behind.items():
        if (page := folder / "feedback" / f"{called}.html").is_file():
            written(into / "feedback" / f"{student}.html", page.read_text("utf-8"))
    return done


def _members(roster: Roster, lab: Lab, lines: list[Line], tests_only: bool, done: Exported) -> dict[str, Member]:
    """Who in the roster each student is; the others are named."""
    work = [item for item in lab.notebook.work if isinstance(item, Exercise) or not tests_only]
    roster.check_possible(sum(item.task.points for item in work))
    members, unknown = roster.find(line.student for line in lines)
    done.problems += [f"{student} {why}, and is not exported" for student, why in unknown.items()]
    return members


def _final(line: Line, member: Member | None, lab: str, rules: Policy | None) -> Final:
    stamp = (member and member.stamp) or line.stamp
    after = reached(rules, lab, line.points, stamp, line.student) if rules else Reached(line.points)
    return Final(line, stamp, after)


def read(folder: Path, behind: dict[str, str], tests_only: bool) -> list[Line]:
    """The students in grades.csv, under their names (LabError).

    Args:
        folder: of the results.
        behind: who is behind each pseudonym.
        tests_only: takes the points of the tests where there are others, too.
    """
    try:
        with (folder / "grades.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise LabError(f"there is no {folder / 'grades.csv'}; grade the class first") from error
    lines = []
    for row in rows:
        called = row["student"].removeprefix("'")
        if FORM.fullmatch(called) and called not in behind:
            raise LabError(f"nobody is known behind {called}; give the file of names with --names")
        points = row["points"] if tests_only else row.get("total", row["points"])
        stamp = _stamp(folder / "students" / f"{called}.json")
        lines.append(Line(behind.get(called, called), row["status"], float(points) if points else None, stamp))
    return lines


def _stamp(path: Path) -> Stamp:
    try:
        return Stamp(**json.loads(path.read_text("utf-8"))["handed_in"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path} cannot be read; grade again with --resume") from error


def _table(finals: Iterable[Final]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["student", "status", "points", "handed in", "said by", "penalty", "final", "why"])
    for final in finals:
        line, after = final.line, final.after
        numbers = ["" if number is None else f"{number:g}" for number in (line.points, after.penalty, after.points)]
        said = [numbers[0], final.stamp.at, final.stamp.by, *numbers[1:], plain(after.words)]
        rows.writerow([plain(line.student), line.status, *said])
    return text.getvalue()


def _doubt(lines: list[Line], lab: str, rules: Policy, done: Exported) -> None:
    """Names that the policy may have misspelled; and a whole class whose files have one time, that of their copying."""
    called = {name for line in lines for name in (line.student, without_number(line.student))}
    named = sorted({*rules.extra, *rules.handed_in.get(lab, {})} - called)
    done.notes += [f"the policy names {name}, who has handed in nothing" for name in named]
    stamps = [line.stamp for line in lines if line.stamp.by == "file" and line.stamp.at]
    times = [datetime.fromisoformat(stamp.at).replace(tzinfo=None) for stamp in stamps]
    if len(times) >= FEWEST and (max(times) - min(times)).total_seconds() <= 60:
        when = f"the files of all {len(times)} students are of {min(times).isoformat()}: that is when they were copied"
        done.problems.append(
            f"{when}, it seems; copy with `cp -a`, or write the times into the policy, below handed_in"
        )

"""The class as Canvas or Moodle lists it, and the file that gives grades back: ids must agree, nobody is guessed.

Canvas: the gradebook's CSV export. Moodle: the grading worksheet of the assignment, in English. What is written has
only the columns that the platform needs to find a student, and the one with the grades; and only the lines of students
who have a grade, since an empty place would take an earlier grade away in Canvas.
"""

import contextlib
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grading import LabError
from grading.owners import Stamp, safe
from grading.results import plain

CANVAS, MOODLE = "Canvas", "Moodle"
CANVAS_IDS = ("ID", "SIS User ID", "SIS Login ID", "Integration ID")
MOODLE_IDS = ("Email address", "ID number", "Username")
MOODLE_NEEDS = ("Identifier", "Grade", "Last modified (grade)")
MOODLE_SENDS = ("Identifier", "Full name", *MOODLE_IDS, "Maximum Grade", "Grade", "Last modified (grade)")
SUBMITTED = "Last modified (submission)"
MOODLE_TIMES = ("%A, %d %B %Y, %I:%M %p", "%A, %B %d, %Y, %I:%M %p", "%A, %d %B %Y, %H:%M")  # months in words


@dataclass(frozen=True)
class Member:
    """A line of the roster.

    Attributes:
        ids: by which a folder may call the student, written as file names are.
        number: which the platform puts behind a name in its archives.
        name: in full, letters and digits alone; empty where the roster has none.
        cells: of the line, by their column.
    """

    ids: frozenset[str]
    number: str
    name: str
    cells: dict[str, str]

    @property
    def stamp(self) -> Stamp | None:
        """When Moodle got the submission, by the clock of the instructor's profile; None where it is not said."""
        for form in MOODLE_TIMES:
            with contextlib.suppress(KeyError, ValueError):
                return Stamp(MOODLE, datetime.strptime(self.cells[SUBMITTED], form).isoformat())
        return None


class Roster:
    """A roster from a file (LabError).

    Args:
        path: of the file, as it was downloaded.
        column: the assignment, with Canvas; its number in brackets may be left away.

    Attributes:
        platform: Canvas or Moodle.
        column: which gets the grades.
        members: everybody in it.
    """

    def __init__(self, path: Path, column: str | None = None):
        self._path = path
        header, rows, self._delimiter = _table(path)
        self.platform = CANVAS if header[0] in ("Student", "LastName") else MOODLE
        if self.platform == CANVAS:
            if not {"ID", "Section"} <= set(header):
                raise LabError(f"{path} is no gradebook of Canvas: it has no column ID or Section")
            self.column = self._assignment(header, column)
            self._sent = [*header[: header.index("Section") + 1], self.column]
        else:
            if missing := [name for name in MOODLE_NEEDS if name not in header]:
                raise LabError(
                    f"{path} is neither a gradebook of Canvas nor a grading worksheet of Moodle in English: "
                    f"it has no column {', '.join(missing)}"
                )
            self.column = "Grade"
            self._sent = [name for name in header if name in MOODLE_SENDS]
        lines = [dict(zip(header, row, strict=False)) for row in rows if any(row)]
        self._possible = next((line for line in lines if line[header[0]].strip() == "Points Possible"), None)
        self.members = [_member(line, self.platform) for line in lines if self._is_member(line)]

    def find(self, students: Iterable[str]) -> tuple[dict[str, Member], dict[str, str]]:
        """The member that each student is, and for the others why nobody can be said, in words."""
        found, problems = {}, {}
        for student in students:
            fitting = [member for member in self.members if _is(member, student)]
            if len(fitting) == 1:
                found[student] = fitting[0]
            else:
                problems[student] = "is in the roster twice" if fitting else self._why_not(student)
        times = Counter(id(member) for member in found.values())
        for student in [student for student, member in found.items() if times[id(member)] > 1]:
            problems[student] = f"is {found.pop(student).name} in the roster, as somebody else is, too"
        return found, problems

    def check_possible(self, points: float) -> None:
        """LabError where the platform expects another maximum than the lab gives: Moodle drops what is above it."""
        lines = [member.cells for member in self.members] if self.platform == MOODLE else [self._possible or {}]
        name = "Maximum Grade" if self.platform == MOODLE else self.column
        for said in {line.get(name, "").strip() for line in lines} - {""}:
            try:
                same = abs(float(said.replace(",", ".")) - points) < 0.005
            except ValueError:
                same = False
            if not same:
                raise LabError(
                    f"{self.platform} has {said} as the most for {self.column!r}, and the lab gives {points:g}; set it "
                    "there, download the file again, and export again"
                )

    def with_grades(self, grades: Iterable[tuple[Member, float]]) -> str:
        """The file for the platform."""
        text = io.StringIO()
        rows = csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n")
        rows.writerow(self._sent)
        if self._possible:
            rows.writerow([self._possible.get(name, "") for name in self._sent])
        for member, points in grades:
            cells = {name: _kept(member.cells.get(name, "")) for name in self._sent}
            rows.writerow(list((cells | {self.column: f"{points:.2f}"}).values()))
        return text.getvalue()

    def _assignment(self, header: list[str], wanted: str | None) -> str:
        offered = [name for name in header[header.index("Section") + 1 :] if re.search(r" \(\d+\)$", name)]
        fitting = [name for name in offered if wanted and wanted in (name, re.sub(r" \(\d+\)$", "", name))]
        if len(fitting) != 1:
            said = "say with --column which assignment gets the grades" if not wanted else f"no single {wanted!r}"
            raise LabError(f"{self._path}: {said}; there are {', '.join(map(repr, offered)) or 'none'}")
        return fitting[0]

    def _is_member(self, line: dict[str, str]) -> bool:
        return bool(line.get("ID" if self.platform == CANVAS else "Identifier", "").strip())

    def _why_not(self, student: str) -> str:
        number = _number(student)
        others = [member.name for member in self.members if number and member.number == number]
        return f"is not in the roster, where {number} is {others[0]}" if others else "is not in the roster"


def _table(path: Path) -> tuple[list[str], list[list[str]], str]:
    """The header, the other lines, and what stands between two places."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LabError(f"{path} is no text in UTF-8; give the file as it was downloaded") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise LabError(f"{path} is damaged: {error}") from error
    header = [name.strip() for name in rows[0]] if rows else []
    if len(header) < 3:
        raise LabError(f"{path} is no roster: its first line must name the columns")
    if twice := [name for name, times in Counter(filter(None, header)).items() if times > 1]:
        raise LabError(f"{path} has two columns {twice[0]!r}")
    return header, rows[1:], delimiter


def _member(line: dict[str, str], platform: str) -> Member:
    if platform == CANVAS:
        names = [line[name] for name in ("Student", "LastName", "FirstName") if name in line]
        ids, number = CANVAS_IDS, line["ID"].strip()
    else:
        names, ids = [line.get("Full name", "")], MOODLE_IDS
        number = _trailing(line["Identifier"])
    called = frozenset(safe(line[name].strip()) for name in ids if line.get(name, "").strip())
    return Member(called, number, _letters("".join(names)), line)


def _is(member: Member, student: str) -> bool:
    """Whether a line is that of a student: one of its ids is the name, or its number and its name are in it."""
    if student in member.ids:
        return True
    called = _letters(student.rpartition("_")[0])
    same = called.endswith(member.name) if member.name else called == "participant"  # of a group, or without names
    return bool(member.number) and _number(student) == member.number and same


def _number(student: str) -> str:
    found = re.search(r"_(\d+)$", student)
    return found[1] if found else ""


def _trailing(text: str) -> str:
    found = re.search(r"(\d+)$", text.strip())
    return found[1] if found else ""


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _kept(cell: str) -> str:
    """A cell of the platform's that no spreadsheet takes for a formula; a lone dash is its word for nothing."""
    return cell if cell.strip() == "-" else plain(cell)

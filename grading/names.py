"""Anonymous marking: names and pseudonyms stand in one file, and nothing else that a run writes holds a name.

Who marks needs everything but this file; whoever has it can tell whose work it is, at the export.
"""

import contextlib
import csv
import fcntl
import io
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from grading import LabError

LETTERS = "ACDEFGHJKLMNPQRTUVWXY34679"  # none that is easily taken for another
FORM = re.compile(rf"S-[{LETTERS}]{{6}}")
FIRST_LINE = "do not give this file to those who mark"


@dataclass(frozen=True)
class Named:
    """A line of the file.

    Attributes:
        pseudonym: random, and the same for a person in all labs.
        lab: the name of a lab.
        student: the student's name in that lab, as the folder or the platform gave it.
        person: the same in all labs.
    """

    pseudonym: str
    lab: str
    student: str
    person: str


class Pseudonyms:
    """The file of names, which only its owner may read.

    Args:
        path: of the file; it is made where it is missing.
    """

    def __init__(self, path: Path):
        self.path = path

    def given(self, lab: str, people: Mapping[str, str]) -> dict[str, str]:
        """The pseudonym of each student of a lab; who has none yet gets one, and the file is written (LabError).

        Args:
            lab: its name.
            people: what each student is called in all labs, by what they are called in this one. Where two share
                that, which Moodle alone brings about, each counts as somebody new.
        """
        shared = {person for person, times in Counter(people.values()).items() if times > 1}
        with self._alone():
            lines = self.read()
            known = {(line.lab, line.student): line.pseudonym for line in lines}
            persons = {line.person: line.pseudonym for line in lines}
            taken = {line.pseudonym for line in lines}
            for student, person in people.items():
                person = student if person in shared else person
                if (lab, student) not in known:
                    pseudonym = persons.get(person) or _new(taken)
                    known[lab, student] = persons[person] = pseudonym
                    lines.append(Named(pseudonym, lab, student, person))
            self._write(lines)
        return {student: known[lab, student] for student in people}

    def students(self, lab: str) -> dict[str, str]:
        """Who is behind each pseudonym of a lab (LabError)."""
        return {line.pseudonym: line.student for line in self.read() if line.lab == lab}

    def read(self) -> list[Named]:
        """All lines; LabError names the one that is damaged, and nothing is written over it."""
        if not self.path.is_file():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        expected = [[FIRST_LINE], [field.name for field in fields(Named)]]
        if rows[:2] != expected:
            raise LabError(f"{self.path} is no file of names and pseudonyms, and stays as it is")
        lines = []
        for number, row in enumerate(rows[2:], 3):
            whole = len(row) == len(fields(Named)) and FORM.fullmatch(row[0]) and all(row)
            line = Named(*row) if whole else None
            same = [other for other in lines if line and other.lab == line.lab]
            if line is None or any(
                line.pseudonym == other.pseudonym or line.student == other.student for other in same
            ):
                raise LabError(f"{self.path}, line {number}: damaged, or there twice; restore the file from a copy")
            lines.append(line)
        return lines

    def _write(self, lines: Iterable[Named]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([[FIRST_LINE], [field.name for field in fields(Named)]])
        csv.writer(text, lineterminator="\n").writerows(map(astuple, lines))
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with open(temporary, "w", encoding="utf-8", newline="", opener=_private) as file:
                file.write(text.getvalue())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def refuse_in(self, folder: Path) -> None:
        """LabError where the file would lie among what those who mark see."""
        if self.path.resolve().is_relative_to(folder.resolve()):
            raise LabError(f"{self.path} lies in {folder}, which those who mark may see; keep the names elsewhere")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two labs that are graded at once wait for each other here."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.path.with_name(f".{self.path.name}.lock"), "w", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def refuse_a_mixture(results: Iterable[Path], anonymous: bool | None = None) -> None:
    """LabError where some results stand under names and others under pseudonyms.

    Args:
        results: of students, whose names are those of the files.
        anonymous: whether more under pseudonyms will come, or under names; None for no more.
    """
    kinds = {bool(FORM.fullmatch(path.stem)) for path in results}
    if len(kinds if anonymous is None else kinds | {anonymous}) > 1:
        raise LabError("some results are under names and others under pseudonyms; keep them in folders of their own")


def _new(taken: set[str]) -> str:
    while (pseudonym := "S-" + "".join(secrets.choice(LETTERS) for _ in range(6))) in taken:
        pass
    taken.add(pseudonym)
    return pseudonym


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

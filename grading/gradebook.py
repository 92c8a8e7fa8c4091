"""nbgrader's gradebook: points of the tests go in, points that a person gave in formgrader come out and are kept."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Comment, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import Connection
from sqlalchemy.orm import Query, scoped_session, selectinload, sessionmaker

from grading import LabError
from grading.gradebook_file import transaction
from grading.notebooks import Exercise, LabNotebook, Question
from grading.release import settings

CHECK = "-check"  # the cell that carries the points of an exercise
NO_ANSWER = "No response."  # as nbgrader says it


@dataclass(frozen=True)
class Mark:
    """What a person gave for an exercise or a question, or still has to.

    Attributes:
        points: that a person gave, with extra credit; 0 for a question without an answer; None where there are none.
        waiting: whether a person should look: at a question for the first time, or since what was marked has changed.
        comment: for the student; may be empty.
    """

    points: float | None
    waiting: bool
    comment: str = ""


@dataclass(frozen=True)
class Automatic:
    """What grading found in a student's notebook.

    Attributes:
        points: of each exercise.
        answered: whether there is an answer to each question.
        changed: the questions whose answers are not those of the last run.
    """

    points: dict[str, float]
    answered: dict[str, bool]
    changed: set[str]


Marks = dict[str, dict[str, Mark]]  # by student, and by exercise or question


class CourseGradebook(Gradebook):
    """nbgrader's gradebook inside a transaction that somebody else began and ends."""

    def __init__(self, connection: Connection, course: str):
        session = sessionmaker(bind=connection, join_transaction_mode="create_savepoint", autoflush=False)
        self.engine, self.db = connection.engine, scoped_session(session)
        self.course_id, self.authenticator = course, None

    def put_lab(self, lab: LabNotebook) -> None:
        """The cells that carry points or get a comment (LabError where students have points for others)."""
        name, cells = lab.name, {cell_of(item): item for item in lab.work}
        self.update_or_create_assignment(name)
        notebook = self.update_or_create_notebook(name, name)
        known = {cell.name for cell in notebook.grade_cells}
        if notebook.submissions and known != cells.keys():
            raise LabError(
                f"{name} has other exercises than in the gradebook ({', '.join(sorted(known ^ cells.keys()))}), where "
                "students have points; choose another gradebook with --gradebook"
            )
        for cell, item in cells.items():
            kind = "code" if isinstance(item, Exercise) else "markdown"
            self.update_or_create_grade_cell(cell, name, name, max_score=item.task.points, cell_type=kind)
            self.update_or_create_solution_cell(item.name, name, name)

    def put_students(self, lab: LabNotebook, found: dict[str, Automatic]) -> None:
        """Points of the tests. What a person gave stays; where it may no longer fit, a person is asked to look again.

        Args:
            lab: for which.
            found: what grading found, by student.
        """
        known = {notebook.student.id: notebook for notebook in self._submitted(lab)}
        for student, automatic in found.items():
            if student not in known:
                self.update_or_create_student(student)
                self.add_submission(lab.name, student)
                known[student] = self.find_submission_notebook(lab.name, lab.name, student)
            _put(lab, known[student], automatic)
        self.db.commit()

    def marks(self, lab: LabNotebook) -> Marks:
        """What persons gave, or have to, by student and by exercise or question."""
        return {notebook.student.id: _marks(lab, notebook) for notebook in self._submitted(lab)}

    def _submitted(self, lab: LabNotebook) -> Query:
        """All students' notebooks of a lab with what hangs on them, in a few queries."""
        found = self.db.query(SubmittedNotebook).filter(SubmittedNotebook.name == lab.name)
        return found.options(
            selectinload(SubmittedNotebook.assignment).joinedload(SubmittedAssignment.student),
            selectinload(SubmittedNotebook.grades).joinedload(Grade.cell),
            selectinload(SubmittedNotebook.comments).joinedload(Comment.cell),
        )


def cell_of(item: Question) -> str:
    """The name of the cell that carries the points."""
    return f"{item.name}{CHECK}" if isinstance(item, Exercise) else item.name


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[CourseGradebook]:
    """The course's gradebook, made where there is none; at the end all changes are kept, or none (LabError).

    Args:
        folder: that holds gradebook.db.
    """
    course = settings().CourseDirectory.course_id
    with transaction(folder / "gradebook.db", course) as connection:
        book = CourseGradebook(connection, course)
        book.check_course(course)
        try:
            yield book
        finally:
            book.db.remove()


def _put(lab: LabNotebook, notebook: SubmittedNotebook, automatic: Automatic) -> None:
    grades = {grade.cell.name: grade for grade in notebook.grades}
    comments = {comment.cell.name: comment for comment in notebook.comments}
    for item in lab.work:
        grade = grades[cell_of(item)]
        if isinstance(item, Exercise):
            points = automatic.points[item.name]
            new = grade.auto_score != points
        else:
            points = None if automatic.answered[item.name] else 0.0
            new = item.name in automatic.changed
            comments[item.name].auto_comment = NO_ANSWER if points == 0 else None
        grade.auto_score = points
        if grade.manual_score is None:
            grade.needs_manual_grade = points is None
        elif new:
            grade.needs_manual_grade = True


def _marks(lab: LabNotebook, notebook: SubmittedNotebook) -> dict[str, Mark]:
    grades = {grade.cell.name: grade for grade in notebook.grades}
    comments = {comment.cell.name: comment.comment or "" for comment in notebook.comments}
    return {
        item.name: Mark(
            _given(grades[cell_of(item)], isinstance(item, Exercise)),
            grades[cell_of(item)].needs_manual_grade,
            comments.get(item.name, ""),
        )
        for item in lab.work
        if cell_of(item) in grades
    }


def _given(grade: Grade, by_tests: bool) -> float | None:
    if grade.manual_score is None and (by_tests or grade.auto_score is None) and not grade.extra_credit:
        return None
    return float(grade.score)

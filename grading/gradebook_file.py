"""A gradebook of nbgrader as a file that is changed as a whole.

A run is one transaction of SQLite: another program sees all of it or nothing, an error undoes it, and points that a
person gives in the meantime wait for its end.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import nbgrader
from alembic.script import ScriptDirectory
from nbgrader.api import Base, Course, InvalidEntry, MissingEntry
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import URL, Connection, create_engine, event, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from grading import LabError

BUSY_SECONDS = 10  # that another program may take to write


@contextlib.contextmanager
def transaction(path: Path, course: str) -> Iterator[Connection]:
    """A gradebook, made where there is none; at the end all changes are kept, or none (LabError).

    Args:
        path: of the file.
        course: whose it must be.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is in it is private
    left_over = not path.exists()
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _check(connection, path, course)
            yield connection
        left_over = False
    except (SQLAlchemyError, InvalidEntry, MissingEntry) as error:
        raise LabError(f"{path}: {_why(error)}; no grade was changed") from error
    finally:
        engine.dispose()
        if left_over:
            path.unlink(missing_ok=True)


def _leave_transactions_to_us(connection, _record) -> None:
    connection.isolation_level = None  # else Python's sqlite3 would begin one at the first change, not before reading


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check(connection: Connection, path: Path, course: str) -> None:
    """Makes nbgrader's tables in an empty file; LabError where the file is another program's or course's."""
    tables, head = set(inspect(connection).get_table_names()), ScriptDirectory(ALEMBIC_DIR).get_current_head()
    if not tables:
        Base.metadata.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})
        return
    if missing := {*Base.metadata.tables, "alembic_version"} - tables:
        raise LabError(f"{path} is no gradebook of nbgrader: it has no table {min(missing)}; no grade was changed")
    if connection.execute(text("SELECT version_num FROM alembic_version")).scalar() != head:
        raise LabError(
            f"{path} was made by another version of nbgrader than {nbgrader.__version__}; no grade was changed. "
            "Keep a copy and run `nbgrader db upgrade` in the folder grading/"
        )
    courses = sorted(connection.execute(select(Course.id)).scalars())
    if course not in courses:
        raise LabError(
            f"{path} is the gradebook of the course {', '.join(courses)}, and this is {course} (course_id in "
            "grading/nbgrader_config.py); no grade was changed. Choose another with --gradebook"
        )


def _why(error: Exception) -> str:
    told = str(getattr(error, "orig", None) or error)
    if "locked" in told:
        return f"another program is writing into it (waited {BUSY_SECONDS} s); end that and run again with --resume"
    return told

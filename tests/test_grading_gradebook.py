"""The gradebook and what is made with it: what a person gave is never lost, and an error changes no grade."""

import contextlib
import csv
import errno
import json
import os
import shutil
import sqlite3

import attack_lab
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.filters import markdown2html
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from grading import LabError, autograded, class_page, feedback, gradebook_file, reports, results
from grading.__main__ import app
from grading.gradebook import CourseGradebook, Mark, opened

RUBRIC = "# Rubric\n\nTwo points for a reason."


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = attack_lab.make(tmp_path_factory.mktemp("graded"))
    lab.paths.rubric.parent.mkdir()
    lab.paths.rubric.write_text(RUBRIC)
    return lab


@pytest.fixture
def graded(lab, tmp_path):
    return Graded(lab, tmp_path)


class Graded:
    """A class whose results are there: `stored`, and the notebooks of students."""

    def __init__(self, lab, root):
        self.lab, self.folder, self.course, self.stored = lab, root / "results", root / "course", []

    def add(self, student, answer="Since zeros are read too.", points=(2, 3), status="ok", flags=(), message="wrong"):
        """A result in the place of an earlier one of the same student."""
        notebook = json.loads(self.lab.paths.released.read_text())
        for cell in notebook["cells"]:
            if cell["id"] == "essay" and answer is not None:
                cell["source"] = answer
        results.written(self.folder / "notebooks" / f"{student}.ipynb", json.dumps(notebook))
        names = [exercise.name for exercise in self.lab.notebook.exercises]
        result = {"student": student, "status": status, "flags": list(flags), "points": {}, "public": {}, "hidden": {}}
        if status in ("ok", "flagged"):
            result["points"] = dict(zip(names, points, strict=True))
            result["public"] = {name: [outcome("a check", got > 0, message)] for name, got in result["points"].items()}
            secret = {name: outcome("A SECRET", got > 0, "NOBODY MAY KNOW") for name, got in result["points"].items()}
            result["hidden"] = {name: [found] * 2 for name, found in secret.items()}
        self.stored = [each for each in self.stored if each["student"] != student] + [result]
        return self

    def write(self):
        reports.write(self.lab, self.stored, self.folder, self.course)
        return self

    def marks(self):
        with opened(self.course) as book:
            return book.marks(self.lab.notebook)

    def mark(self, student, cell, points, comment=None):
        """What formgrader does when a person gives points."""
        with Gradebook(f"sqlite:///{self.course / 'gradebook.db'}", "effdl") as book:
            grade = book.find_grade(cell, "lab01", "lab01", student)
            grade.manual_score, grade.needs_manual_grade = points, False
            if comment:
                book.find_comment(cell, "lab01", "lab01", student).manual_comment = comment
            book.db.commit()

    def row(self, student):
        with (self.folder / "grades.csv").open(newline="") as file:
            return next(row for row in csv.DictReader(file) if row["student"] == student)

    def page(self, student):
        return (self.folder / "feedback" / f"{student}.html").read_text()

    def files(self):
        """Every file, but for the results that are given, with its bytes."""
        found = [*self.folder.rglob("*"), *self.course.rglob("*")]
        return {path: path.read_bytes() for path in found if path.is_file() and path.parent.name != "notebooks"}


def outcome(title, passed, message):
    return {
        "title": title, "passed": passed, "message": "" if passed else message, "hint": "", "answered": True,
        "missing": "",
    }  # fmt: skip


class TestPoints:
    def test_nbgrader_reads_the_points_of_the_tests(self, graded):
        graded.add("anna").add("bert", answer=None, points=(2, 0)).write()
        with Gradebook(f"sqlite:///{graded.course / 'gradebook.db'}", "effdl") as book:
            of = {each["student"]: each for each in book.submission_dicts("lab01")}
        assert (of["anna"]["score"], of["anna"]["max_score"], of["anna"]["needs_manual_grade"]) == (5, 9, True)
        assert (of["bert"]["score"], of["bert"]["needs_manual_grade"]) == (2, False)
        assert graded.marks()["anna"]["essay"] == Mark(None, True)
        assert graded.marks()["bert"]["essay"] == Mark(0, False, "No response.")

    def test_the_table_has_a_total_as_soon_as_all_is_marked(self, graded):
        graded.add("anna").add("bert").write()
        graded.mark("anna", "essay", 2.5)
        graded.write()
        assert [graded.row("anna")[name] for name in ("points", "essay", "total")] == ["5", "2.5", "7.5"]
        assert [graded.row("bert")[name] for name in ("points", "essay", "total")] == ["5", "", ""]

    def test_grading_again_keeps_points_and_comments(self, graded):
        graded.add("anna").write()
        graded.mark("anna", "essay", 2.5, "Good: the second reason.")
        graded.add("anna", points=(0, 3)).write().write()
        assert graded.marks()["anna"]["essay"] == Mark(2.5, False, "Good: the second reason.")
        assert graded.row("anna")["total"] == "5.5"
        assert "Good: the second reason." in graded.page("anna")

    def test_a_marked_answer_that_changed_keeps_its_points_and_is_shown_again(self, graded):
        graded.add("anna").write()
        graded.mark("anna", "essay", 2.5)
        graded.add("anna", answer="Something else.").write()
        assert graded.marks()["anna"]["essay"] == Mark(2.5, True)
        assert graded.row("anna")["total"] == "7.5"
        assert "essay has changed since it was marked" in graded.row("anna")["flags"]
        graded.write()
        assert graded.marks()["anna"]["essay"].waiting, "another run does not make it marked"

    def test_points_by_hand_go_before_those_of_the_tests(self, graded):
        graded.add("anna", points=(0, 3)).write()
        graded.mark("anna", "mean_square-check", 1.5)
        graded.write()
        assert [graded.row("anna")[name] for name in ("mean_square", "points")] == ["1.5", "4.5"]
        assert "given by hand" in graded.row("anna")["flags"]
        graded.add("anna", points=(2, 3)).write()
        assert graded.marks()["anna"]["mean_square"] == Mark(1.5, True)

    def test_points_that_are_given_while_a_run_writes_wait_for_its_end(self, graded):
        graded.add("anna").write()
        give = "UPDATE grade SET manual_score = 2.5 WHERE auto_score IS NULL"
        with contextlib.closing(sqlite3.connect(graded.course / "gradebook.db", timeout=0)) as other:
            with opened(graded.course), pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute(give)
            other.execute(give)
            other.commit()
        assert graded.marks()["anna"]["essay"].points == 2.5

    @pytest.mark.parametrize("status", ["rejected", "crashed"])
    def test_who_has_no_grade_has_none_anywhere_and_loses_nothing(self, graded, status):
        graded.add("anna").write()
        graded.mark("anna", "essay", 2.5)
        graded.add("anna", status=status, flags=["no notebook"]).add("bert", status=status, flags=["<b>?"]).write()
        assert set(graded.marks()) == {"anna"}
        assert graded.marks()["anna"]["essay"].points == 2.5
        for student in ("anna", "bert"):
            row = graded.row(student)
            assert row["status"] == status
            assert not any(row[name] for name in ("points", "mean_square", "counter", "essay", "total"))
            assert "which is not a zero" in graded.page(student).replace("\n", " ")
        assert "&lt;b&gt;?" in graded.page("bert")

    def test_whoever_marks_sees_rubric_and_sample_answer(self, graded):
        graded.add("anna").write()
        cells = json.loads(autograded.path_in(graded.course, "anna", "lab01").read_text())["cells"]
        names = [cell["id"] for cell in cells]
        rubric = cells[names.index("essay") - 1]["source"]
        assert "Two points for a reason." in rubric
        assert "Here stands a text with a sample answer" in rubric
        assert "Two points" not in graded.page("anna")


class TestErrors:
    """A clear word, and every file is what it was."""

    @pytest.fixture
    def before(self, graded):
        graded.add("anna").write()
        graded.mark("anna", "essay", 2.5)
        graded.write()
        before = graded.files()
        graded.add("anna", points=(0, 0), answer="new").add("zoe")
        return before

    def refused(self, graded, before, match, error=LabError):
        with pytest.raises(error, match=match):
            graded.write()
        assert graded.files() == before

    def test_a_gradebook_in_use(self, graded, before, monkeypatch):
        monkeypatch.setattr(gradebook_file, "BUSY_SECONDS", 0.1)
        with sqlite3.connect(graded.course / "gradebook.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            self.refused(graded, before, "another program is writing into it .* no grade was changed")
            other.execute("ROLLBACK")
        graded.write()
        assert graded.row("anna")["total"] == "2.5"

    def test_the_gradebook_of_another_course(self, graded, before):
        path = graded.course / "gradebook.db"
        path.unlink()
        with gradebook_file.transaction(path, "history101") as connection:
            CourseGradebook(connection, "history101").check_course("history101")
        before[path] = path.read_bytes()
        self.refused(graded, before, "the course history101, and this is effdl .* no grade was changed")

    def test_what_is_no_gradebook(self, graded, before):
        path = graded.course / "gradebook.db"
        path.write_bytes(b"grades of 1999" * 100)
        before[path] = path.read_bytes()
        self.refused(graded, before, "not a database")
        path.unlink()
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE grade (x)")
        before[path] = path.read_bytes()
        self.refused(graded, before, "no gradebook of nbgrader")

    def test_another_version_of_nbgrader(self, graded, before):
        path = graded.course / "gradebook.db"
        with sqlite3.connect(path) as other:
            other.execute("UPDATE alembic_version SET version_num = '0'")
        before[path] = path.read_bytes()
        self.refused(graded, before, "another version of nbgrader .*nbgrader db upgrade")

    @pytest.mark.parametrize("last", ["gradebook", "ipynb", "csv", "html"])
    def test_a_full_disk(self, graded, before, monkeypatch, last):
        """In the gradebook, or with any of the files that a run writes."""
        if last == "gradebook":
            begin = gradebook_file._begin

            def begin_on_a_small_disk(connection):
                connection.exec_driver_sql("PRAGMA max_page_count = 1")  # no page more than there are
                begin(connection)

            monkeypatch.setattr(gradebook_file, "_begin", begin_on_a_small_disk)
            for number in range(50):
                graded.add(f"student {number}")
            self.refused(graded, before, "disk is full.* no grade was changed")
            return
        fsync = os.fsync

        def full(descriptor):
            if os.readlink(f"/proc/self/fd/{descriptor}").rpartition(".")[0].endswith(f".{last}"):
                raise OSError(errno.ENOSPC, "No space left on device")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        self.refused(graded, before, "No space left", OSError)

    def test_exercises_that_are_no_longer_those_of_the_gradebook(self, graded, before, tmp_path):
        with sqlite3.connect(graded.course / "gradebook.db") as book:
            book.execute("UPDATE base_cell SET name = 'old-check' WHERE name = 'counter-check'")
        before[graded.course / "gradebook.db"] = (graded.course / "gradebook.db").read_bytes()
        self.refused(graded, before, "other exercises than in the gradebook .counter-check, old-check.")

    def test_a_name_that_is_a_path(self, graded, before):
        graded.stored.append({**graded.stored[0], "student": "../anna"})
        self.refused(graded, before, "cannot name a file")

    def test_nothing_to_mark_yet(self, tmp_path):
        done = CliRunner().invoke(app, ["mark", "--gradebook", str(tmp_path)])
        assert done.exit_code == 1
        assert "there is no gradebook" in done.stderr

    def test_a_new_gradebook_that_failed_is_not_left(self, graded):
        graded.add("anna")
        shutil.rmtree(graded.folder / "notebooks")
        with pytest.raises(OSError, match="notebooks"):
            graded.write()
        assert not (graded.course / "gradebook.db").exists()


EVIL = [
    "<script>window.ran = 1</script>", "</pre><script>window.ran = 1</script>", "<img src=x onerror='window.ran = 1'>",
    "[a](javascript:window.ran=1)", r"$\href{javascript:window.ran=1}{x}$", "$$\n</script><script>window.ran=1//$$",
    "    indented\n\n```\n</code></pre>", "&lt;script&gt;", "\\begin{a}<script>window.ran=1</script>\\end{a}",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(EVIL) | st.text(st.characters(exclude_categories=["C"], include_characters="\n"))))
def test_an_answer_is_nothing_but_its_own_text(parts):
    """Whatever it holds, formgrader's HTML of it is one element with this text."""
    text = "x\n".join(parts)
    page = BeautifulSoup(markdown2html(autograded.shown(text)), "html.parser")
    assert [tag.name for tag in page.find_all()] == ["pre"]
    assert page.pre.get_text() == text


class TestPages:
    def test_feedback_tells_nothing_of_hidden_tests_but_their_number(self, graded):
        graded.add("anna", points=(0, 3)).write()
        page = graded.page("anna")
        assert "Of 2 further tests, which you don&#x27;t have, 2 did not pass yet." in page.replace("'", "&#x27;")
        assert "SECRET" not in page
        assert "NOBODY" not in page
        assert "SECRET" in (graded.folder / "class.html").read_text(), "an instructor sees which"

    @pytest.mark.parametrize("students", [1, 300])
    def test_a_class_of_any_size(self, graded, students):
        for number in range(students):
            graded.add(f"s{number}", points=(2 * (number % 2), 3))
        page = BeautifulSoup(class_page.text(graded.lab.notebook, graded.stored, {}), "html.parser")
        pictures = [picture["aria-label"] for picture in page.find_all("svg")]
        assert len(pictures) == 4  # all points, failing tests, two exercises
        alone = students == 1
        assert f"median {3 if alone else 4}, from 3 to {3 if alone else 5}" in page.get_text()
        assert pictures[0].endswith(f"3: {1 if alone else 150}; 4: 0; 5: {0 if alone else 150}.")

    def test_a_class_without_any_grade(self, graded):
        graded.add("anna", status="crashed", flags=["it took too long"])
        page = class_page.text(graded.lab.notebook, graded.stored, {})
        assert "it took too long" in page
        assert "<svg" not in page

    def test_text_of_a_student_is_text(self, graded):
        for number, evil in enumerate(EVIL):
            graded.add(f"s{number}", answer=evil, points=(0, 0), flags=[evil], message=evil, status="flagged")
        pages = [feedback.text(graded.lab.notebook, result, {}) for result in graded.stored]
        pages.append(class_page.text(graded.lab.notebook, graded.stored, {}))
        for page in pages:
            found = BeautifulSoup(page, "html.parser")
            assert not found.find_all(["script", "img", "a"])
            assert not [name for tag in found.find_all() for name in tag.attrs if name.startswith("on")]


@given(st.lists(st.floats(0, 50), min_size=1), st.integers(1, 50))
def test_a_histogram_counts_everybody_in_few_columns(points, possible):
    bars = class_page.histogram(points, possible)
    assert sum(count for _, count in bars) == len(points)
    assert 1 <= len(bars) <= class_page.MOST_COLUMNS

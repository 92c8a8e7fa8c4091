"""Grades for Canvas and Moodle: whose is whose, what is sent, what is refused. The files are as the platforms' are."""

import csv
import errno
import io
import json
import os

import pytest
import tiny_lab
from typer.testing import CliRunner

from grading import LabError, policy
from grading.__main__ import app
from grading.export import export
from grading.names import Pseudonyms
from grading.roster import Roster
from grading.suite import load

CANVAS = """Student,ID,SIS Login ID,Section,Notes,Lab 1 (77),Lab 2 (78),Current Score
,,,,,Manual Posting,,
    Points Possible,,,,,6.00,40.00,(read only)
"Doe, Anna",123,adoe1,A,=1+1,3.00,,50
"Roe, Bert",124,broe,A,,,,50
"=HYPERLINK(""http://x"")",125,+41,A,,,,50
"Poe, Carl",126,carl,A,,5.50,,50
"Student, Test",127,,A,,,,
"""
MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\r\n"
    'Participant 12,Anna Doe,anna@x.org,Submitted,,6.00,Yes,"Friday, 30 October 2026, 11:59 PM",-,-old\r\n'
    'Participant 13,Bert Roe,bert@x.org,Submitted,,6.00,Yes,"Sunday, 1 November 2026, 12:30 AM",'
    '"Monday, 2 November 2026, 9:00 AM",\r\n'
    "Participant 14,@SUM(1),carl@x.org,No submission,,6.00,Yes,-,-,\r\n"
)
POLICY = "time_zone: UTC\ngrace_hours: 0\npenalty_per_day: 10\ncap: 50\nlabs:\n  lab01: {due: 2026-10-30 23:59}\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("export")
    tiny_lab.make(root)
    return load("lab01", root)


def results_of(folder, late=(), **points):
    """A folder with the results of students; points are a number, the status of who has none, or nothing yet."""
    (folder / "students").mkdir(parents=True)
    lines = ["student,status,points,mean_square,essay,total,flags"]
    for student, given in points.items():
        has = not isinstance(given, str)
        lines.append(f"{student},{'ok' if has else given or 'ok'},{2 if has else ''},,,{given if has else ''},")
        stamp = {"by": "Canvas" if student[-1].isdigit() else "file", "at": "", "late": student in late}
        (folder / "students" / f"{student}.json").write_text(json.dumps({"handed_in": stamp}))
    (folder / "grades.csv").write_text("\n".join(lines) + "\n")
    return folder


def rows(path):
    return list(csv.reader(io.StringIO(path.read_text("utf-8"))))


@pytest.fixture
def give_out(lab, tmp_path):
    def give_out(roster=None, *, column=None, rules=None, names=None, tests_only=False, late=(), into=None, **points):
        if not (tmp_path / "results").exists():
            results_of(tmp_path / "results", late, **points)
        if roster is not None:
            (tmp_path / "roster.csv").write_text(roster, "utf-8-sig")
            roster = Roster(tmp_path / "roster.csv", column)
        if rules is not None:
            (tmp_path / "policy.yml").write_text(rules)
            rules = policy.read(tmp_path / "policy.yml")
        into = into or tmp_path / "given"
        return export(
            lab, tmp_path / "results", into, rules=rules, roster=roster, names=names, tests_only=tests_only
        ), into

    return give_out


class TestCanvas:
    def test_what_is_sent(self, give_out):
        """Only who has a grade, only what finds them and the one column, and nothing that a spreadsheet would run."""
        done, into = give_out(
            CANVAS, column="Lab 1", doeanna_123=5.25, roebert_124="rejected", carl=0, hyperlinkhttpx_125=1
        )
        assert not done.problems
        assert done.without == {"roebert_124": "rejected"}
        assert rows(into / "canvas.csv") == [
            ["Student", "ID", "SIS Login ID", "Section", "Lab 1 (77)"],
            ["    Points Possible", "", "", "", "6.00"],
            ["Doe, Anna", "123", "adoe1", "A", "5.25"],
            ["Poe, Carl", "126", "carl", "A", "0.00"],
            ['\'=HYPERLINK("http://x")', "125", "'+41", "A", "1.00"],
        ]

    def test_nobody_is_guessed(self, give_out):
        """A number with another name, a name alone, somebody new, two who are one: named, and not sent."""
        done, into = give_out(CANVAS, column="Lab 1 (77)", doeanna_124=5, roe=5, zoe_9=5, poecarl_126=5, carl=5)
        assert [line[1] for line in rows(into / "canvas.csv")[2:]] == []
        assert [problem.partition(" ")[0] for problem in sorted(done.problems)] == [
            "carl", "doeanna_124", "poecarl_126", "roe", "zoe_9"
        ]  # fmt: skip
        assert "doeanna_124 is not in the roster, where 124 is roebert, and is not exported" in done.problems
        assert "carl is poecarl in the roster, as somebody else is, too, and is not exported" in done.problems

    def test_first_and_last_names_in_columns_of_their_own(self, give_out):
        text = CANVAS.replace("Student,", "LastName,FirstName,", 1).replace('"Doe, Anna"', "Doe,Anna")
        text = text.replace("    Points Possible,", "    Points Possible,,").replace(",,,,,Manual", ",,,,,,Manual")
        _, into = give_out(text, column="Lab 1", doeanna_123=5)
        assert rows(into / "canvas.csv")[2] == ["Doe", "Anna", "123", "adoe1", "A", "5.00"]

    def test_somebody_who_is_there_twice(self, give_out):
        done, into = give_out(CANVAS + '"Roe, Bert",124,broe,B,,,,\n', column="Lab 1", broe=5)
        assert done.problems == ["broe is in the roster twice, and is not exported"]
        assert len(rows(into / "canvas.csv")) == 2

    @pytest.mark.parametrize("column", [None, "Lab", "Lab 3"])
    def test_the_assignment_must_be_said(self, give_out, column):
        with pytest.raises(LabError, match=r"there are 'Lab 1 \(77\)', 'Lab 2 \(78\)'"):
            give_out(CANVAS, column=column, carl=5)

    def test_another_maximum(self, give_out):
        with pytest.raises(LabError, match=r"Canvas has 40\.00 as the most for 'Lab 2 \(78\)', and the lab gives 6"):
            give_out(CANVAS, column="Lab 2", carl=5)


class TestMoodle:
    def test_what_is_sent(self, give_out):
        done, into = give_out(MOODLE, **{"Anna Doe_12": 5, "Group 1-Bert Roe_13": 0, "carl@x.org": 4})
        assert not done.problems
        assert rows(into / "moodle.csv") == [
            ["Identifier", "Full name", "Email address", "Grade", "Maximum Grade", "Last modified (grade)"],
            ["Participant 12", "Anna Doe", "anna@x.org", "5.00", "6.00", "-"],
            ["Participant 13", "Bert Roe", "bert@x.org", "0.00", "6.00", "Monday, 2 November 2026, 9:00 AM"],
            ["Participant 14", "'@SUM(1)", "carl@x.org", "4.00", "6.00", "-"],
        ]

    def test_the_number_of_another_assignment_is_not_taken(self, give_out):
        """Moodle gives new numbers for each assignment, so that a wrong worksheet would fit somebody else."""
        done, _ = give_out(MOODLE, **{"Anna Doe_13": 5})
        assert done.problems == ["Anna Doe_13 is not in the roster, where 13 is bertroe, and is not exported"]

    def test_moodle_says_when(self, give_out):
        done, into = give_out(MOODLE, rules=POLICY, **{"Anna Doe_12": 5, "Bert Roe_13": 5, "carl@x.org": 5})
        assert [line[6] for line in rows(into / "final.csv")[1:]] == ["5", "4", ""]
        assert "not known" in done.without["carl@x.org"]

    def test_a_worksheet_without_names(self, give_out):
        text = (
            "Identifier,Status,Grade,Last modified (grade)\nParticipant 12,Submitted,,-\nParticipant 13,Submitted,,-\n"
        )
        done, into = give_out(text, **{"Participant_12": 5, "Anna Doe_13": 5})
        assert rows(into / "moodle.csv")[1:] == [["Participant 12", "5.00", "-"]]
        assert len(done.problems) == 1

    def test_another_language(self, give_out):
        with pytest.raises(LabError, match=r"worksheet of Moodle in English: it has no column Identifier, Grade"):
            give_out("ID,Vollständiger Name,Bewertung\nx 1,y,2\n", carl=5)


class TestFinal:
    def test_late_and_not_marked(self, give_out):
        rules = f"{POLICY}extra_hours: {{anna: 1, Berta: 2}}\n"
        done, into = give_out(rules=rules, late=["bert_2"], anna_1=5, bert_2=5, carl_3="crashed", dora_4="")
        assert done.graded == 1
        assert list(done.without) == ["bert_2", "carl_3", "dora_4"]
        assert done.notes == ["the policy names Berta, who has handed in nothing"]
        assert done.without["dora_4"] == "not marked to the end"
        assert "Canvas does not say by how much" in done.without["bert_2"]
        assert rows(into / "final.csv")[1] == ["anna_1", "ok", "5", "", "Canvas", "0", "5", "in time, as Canvas says"]

    def test_pseudonyms_become_names_only_with_the_file_of_names(self, give_out, tmp_path):
        names = Pseudonyms(tmp_path / "names.csv")
        given = names.given("lab01", {"doeanna_123": "doeanna_123"})["doeanna_123"]
        with pytest.raises(LabError, match=f"nobody is known behind {given}"):
            give_out(CANVAS, column="Lab 1", **{given: 5})
        with pytest.raises(LabError, match="choose another with --into"):
            give_out(names=names, into=tmp_path / "results" / "given")
        (tmp_path / "results" / "feedback").mkdir()
        (tmp_path / "results" / "feedback" / f"{given}.html").write_text("well done")
        _, into = give_out(CANVAS, column="Lab 1", names=names)
        assert (into / "feedback" / "doeanna_123.html").read_text() == "well done"
        assert rows(into / "final.csv")[1][0] == "doeanna_123"
        assert rows(into / "canvas.csv")[2][1] == "123"

    def test_the_tests_alone(self, give_out):
        with pytest.raises(LabError, match=r"Canvas has 6\.00 as the most"):
            give_out(CANVAS, column="Lab 1", tests_only=True, carl="")

    def test_times_of_a_copy_are_doubted(self, give_out, tmp_path):
        give_out(anna=1, bert=1, carl=1)
        for student in ("anna", "bert", "carl"):
            stamp = {"by": "file", "at": "2026-10-30T10:00:00+00:00", "late": False}
            (tmp_path / "results" / "students" / f"{student}.json").write_text(json.dumps({"handed_in": stamp}))
        done, _ = give_out(rules=POLICY)
        assert "that is when they were copied" in done.problems[0]

    def test_a_lab_without_a_deadline(self, give_out):
        with pytest.raises(LabError, match="the policy has no deadline for lab01; it has lab02"):
            give_out(rules=POLICY.replace("lab01", "lab02"), carl=5)


def test_a_full_disk_leaves_what_was_given_out(tmp_path, monkeypatch):
    def full_disk(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    results_of(tmp_path / "results", carl=5)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "final.csv").write_text("old")
    monkeypatch.setattr(os, "fsync", full_disk)
    where = ["--results", str(tmp_path / "results"), "--into", str(tmp_path / "given")]
    done = CliRunner().invoke(app, ["export", "lab01", *where])
    assert (done.exit_code, done.stderr) == (1, "grading: [Errno 28] No space left on device\n")
    assert [(path.name, path.read_text()) for path in (tmp_path / "given").iterdir()] == [("final.csv", "old")]


def test_from_the_command_line(tmp_path):
    """A policy with a fault writes nothing; who is not in the roster is named, and the exit code tells it."""
    results_of(tmp_path / "results", carl=5, zoe_9=5)
    (tmp_path / "policy.yml").write_text(POLICY + "grace: 3\n")
    (tmp_path / "roster.csv").write_text(CANVAS.replace("6.00", "").replace("40.00", ""))
    where = ["--results", str(tmp_path / "results"), "--into", str(tmp_path / "given")]
    done = CliRunner().invoke(app, ["export", "lab01", "--policy", str(tmp_path / "policy.yml"), *where])
    assert (done.exit_code, "line 7: 'grace' is not known" in done.stderr) == (1, True)
    assert not (tmp_path / "given").exists()
    roster = ["--roster", str(tmp_path / "roster.csv"), "--column", "Lab 1"]
    done = CliRunner().invoke(app, ["export", "lab01", *roster, *where])
    assert done.exit_code == 1
    assert done.stderr == "grading: zoe_9 is not in the roster, and is not exported\n"
    assert len(rows(tmp_path / "given" / "canvas.csv")) == 3

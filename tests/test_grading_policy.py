"""The late policy: who loses how much, at every edge; and a file with faults, each of which is named."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from grading import ROOT, LabError
from grading.owners import Stamp, owner
from grading.policy import Policy, reached, read

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
DUE = datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN).astimezone(UTC)  # the night after it, clocks are set back
HOUR = timedelta(hours=1)


def policy(**changes) -> Policy:
    fields = {
        "zone": BERLIN,
        "due": {"lab01": DUE},
        "grace": HOUR,
        "per_day": 10,
        "cap": 25,
        "extra": {"ada": {"": 5 * HOUR}, "bert": {"lab01": 2 * HOUR}, "carl": {"lab02": 2 * HOUR}},
        "handed_in": {"lab01": {"dora": DUE + 3 * HOUR}},
    }
    return Policy(**fields | changes)


def after(late: timedelta) -> Stamp:
    return Stamp("file", (DUE + late).isoformat())


SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("student", "late", "lost"),
    [
        ("emil", -DAY, 0),
        ("emil", 0 * HOUR, 0),
        ("emil", SECOND, 0),
        ("emil", HOUR, 0),
        ("emil", HOUR + SECOND, 0.8),
        ("emil", HOUR + DAY, 0.8),  # 24 hours, although it is 11 o'clock: the day of this change has 25
        ("emil", HOUR + DAY + SECOND, 1.6),
        ("emil", HOUR + 2 * DAY + SECOND, 2),
        ("emil", 100 * DAY, 2),
        ("ada", 6 * HOUR, 0),
        ("ada", 6 * HOUR + SECOND, 0.8),
        ("bert", 3 * HOUR, 0),
        ("bert_17", 3 * HOUR + SECOND, 0.8),
        ("carl", HOUR + SECOND, 0.8),
    ],
)
def test_what_is_lost(student, late, lost):
    found = reached(policy(), "lab01", 8, after(late), student)
    assert (found.penalty, found.points) == (lost, pytest.approx(8 - lost))
    assert bool(found.words) == (late > 0 * HOUR)
    if found.words:
        assert ("within the grace" in found.words, "% of the points" in found.words) == (not lost, bool(lost))


def test_the_instructor_s_word_counts_more_than_a_file_s_time():
    found = reached(policy(), "lab01", 8, after(-DAY), "dora")
    assert (found.penalty, found.words) == (0.8, "3 h 00 min late: 1 day or a part of one, 10 % of the points")


@given(
    points=some.integers(0, 400).map(lambda quarter: quarter / 4),
    late=some.lists(some.timedeltas(-5 * DAY, 20 * DAY), min_size=2, max_size=2).map(sorted),
    grace=some.timedeltas(timedelta(), 2 * DAY),
    percent=some.tuples(some.floats(0, 100), some.floats(0, 100)),
    extra=some.timedeltas(timedelta(), 2 * DAY),
)
def test_later_is_never_better_and_more_time_never_worse(points, late, grace, percent, extra):
    rules = policy(grace=grace, per_day=percent[0], cap=percent[1], extra={"ada": {"": extra}})
    early, later = (reached(rules, "lab01", points, after(each), "emil") for each in late)
    assert later.points <= early.points
    assert reached(rules, "lab01", points, after(late[1]), "ada").points >= later.points
    for found in (early, later):
        assert found.points + found.penalty == pytest.approx(points)
        assert 0 <= found.penalty <= points * percent[1] / 100 + 0.005
    if late[0] <= grace:
        assert early.points == points


class TestTimes:
    def test_no_grade_stays_none(self):
        assert reached(policy(), "lab01", None, after(9 * DAY), "emil").points is None

    def test_canvas_says_in_time_or_late_and_never_when(self):
        assert reached(policy(), "lab01", 8, Stamp("Canvas"), "emil").points == 8
        late = reached(policy(), "lab01", 8, Stamp("Canvas", late=True), "emil")
        assert late.points is None
        assert "write the time into the policy" in late.words
        assert reached(policy(), "lab01", 8, Stamp("Canvas", late=True), "dora").penalty == 0.8

    def test_an_unknown_time_is_not_guessed(self):
        assert reached(policy(), "lab01", 8, Stamp("Moodle"), "emil").points is None

    def test_a_zip_archive_s_clock_is_that_of_the_course(self):
        assert policy().time("lab01", "emil", Stamp("file", "2026-10-24T12:00:00")) == DUE

    def test_whose_word_counts(self):
        """A platform's name and a folder's; what a student may have written inside of a folder does not."""
        assert owner(("doeanna_LATE_1_2_x.ipynb",), "lab01", "2026-01-01T00:00:00").stamp == Stamp("Canvas", late=True)
        assert owner(("Anna Doe_1_assignsubmission_file_", "x.ipynb"), "lab01", "now").stamp == Stamp("Moodle")
        named = ("anna+lab01+2026-01-30 23:59:00.123 UTC", "bert+lab01+1999-01-01 00:00:00 UTC", "lab01.ipynb")
        assert owner(named, "lab01", "now").stamp == Stamp("nbgrader", "2026-01-30T23:59:00+00:00")
        assert owner(("anna+lab01+2026-99-30 23:59:00 UTC", "x.ipynb"), "lab01", "now").stamp == Stamp("file", "now")
        assert owner(("anna", "lab01.ipynb"), "lab01", "now").stamp == Stamp("file", "now")


class TestFile:
    def test_the_example(self):
        found = read(ROOT / "grading" / "policy_example.yml")
        assert found.due["lab01"] == datetime(2026, 10, 30, 22, 59, tzinfo=UTC)
        assert (found.grace, found.per_day, found.cap) == (HOUR, 10, 50)
        assert found.deadline("lab02", "examplebert_77") - found.due["lab02"] == DAY
        assert found.time("lab01", "examplebert", Stamp()) == datetime(2026, 10, 31, 7, 30, tzinfo=UTC)

    def faults(self, tmp_path: Path, text: str) -> list[str]:
        (tmp_path / "policy.yml").write_text(text)
        with pytest.raises(LabError) as error:
            read(tmp_path / "policy.yml")
        return str(error.value).splitlines()

    def test_every_fault_is_named_with_its_line(self, tmp_path):
        said = self.faults(tmp_path, FAULTY)
        assert [line.partition(":")[0] for line in said[1:]] == [f"line {number}" for number in (1, 1, 3, 4, 8, 9, 10)]
        for words in (
            "has no 'cap'",
            "Europe/Atlantis",
            "there twice",
            "'penalty' is not known",
            "a time such as",
            "must be a number",
            "'lab09' in extra_hours of ada has no deadline",
        ):
            assert words in "\n".join(said)

    @pytest.mark.parametrize(
        ("text", "words"), [("", "line 1: the policy must"), ("labs: [", "no YAML"), ("a: b: c", "line 1: no YAML")]
    )
    def test_what_is_no_policy(self, tmp_path, text, words):
        assert words in "\n".join(self.faults(tmp_path, text))

    def test_a_deadline_that_no_clock_shows(self, tmp_path):
        said = self.faults(tmp_path, PLAIN.format("2026-03-29 02:30"))
        assert said[1:] == ["line 7: the deadline of lab01 is a time that no clock shows, since it is set forward then"]

    def test_a_deadline_that_clocks_show_twice_is_the_later(self, tmp_path):
        (tmp_path / "policy.yml").write_text(PLAIN.format("2026-10-25 02:30"))
        assert read(tmp_path / "policy.yml").due["lab01"] == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


PLAIN = """time_zone: Europe/Berlin
grace_hours: 0
penalty_per_day: 10
cap: 50
labs:
  lab01:
    due: {}
"""
FAULTY = """time_zone: Europe/Atlantis
grace_hours: 1
grace_hours: 2
penalty: 3
labs:
  lab01: {due: 2026-03-29 02:30}
  lab02: {due: 2026-03-29T02:30:00+01:00}
  lab03: {due: tomorrow}
penalty_per_day: -1
extra_hours: {ada: {lab09: 3}}
"""

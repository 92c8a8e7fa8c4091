"""What surrounds the grading of a class: anonymity, regrade requests, merging, hidden tests of one's own.

The tests of a lab are not run here; a student's file says which points they would give.
"""

import errno
import json
import os
import zipfile

import attack_lab
import pytest

from effdl_lite.checking import NamespaceAnswers
from grading import LabError, classroom, regrade, results, sandbox
from grading.classroom import grade_class
from grading.collect import collect
from grading.merge import merge
from grading.names import FORM, Pseudonyms
from grading.student import CRASHED, OK, Result
from grading.suite import load


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return attack_lab.make(tmp_path_factory.mktemp("flow"))


@pytest.fixture(autouse=True)
def points_as_the_file_says(monkeypatch):
    def grade(lab, content, limits):
        points = {"mean_square": json.loads(content)["points"], "counter": 3}
        return Result(OK, [], points, *({name: [] for name in points} for _ in range(2))), None

    monkeypatch.setattr(classroom, "grade", grade)
    monkeypatch.setattr(sandbox, "check_available", lambda: None)


def handed_in(folder, **points):
    for student, number in points.items():
        path = folder / student / "lab01.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"points": number}))
    return folder


def everything_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestAnonymous:
    def test_no_name_is_in_anything_that_a_run_writes(self, lab, tmp_path):
        source, out, names = tmp_path / "class", tmp_path / "out", Pseudonyms(tmp_path / "private" / "names.csv")
        handed_in(source, **{"Anna Doe": 2, "Bert Roe": 0})
        (source / "Anna Doe" / "lab01.ipynb").rename(source / "Anna Doe" / "work of Anna Doe.ipynb")
        (source / "Anna Doe" / "Anna").symlink_to("x.ipynb")
        (source / "Carl Poe").mkdir()
        with zipfile.ZipFile(source / "Carl Poe" / "Carl.zip", "w") as archive:
            archive.writestr("Carl Poe.ipynb", "{")
            archive.writestr("Carl Poe 2.ipynb", "{")
        (source / "Dora Loe").mkdir()
        with zipfile.ZipFile(source / "Dora Loe" / "Dora.zip", "w") as archive:
            archive.writestr("Dora Loe.ipynb", "{")
        damage(source / "Dora Loe" / "Dora.zip", b"Dora Loe.ipynb")
        assert grade_class(source, lab, out, names=names) == {"flagged": 1, "ok": 1, "rejected": 2}
        for path, content in everything_in(out).items():
            text = f"{path} {content.decode('latin-1')}".lower()
            assert not [name for name in ("anna", "bert", "carl", "dora", "doe", "roe", "poe", "loe") if name in text]
        behind = names.students("lab01")
        assert sorted(behind.values()) == ["Anna Doe", "Bert Roe", "Carl Poe", "Dora Loe"]
        assert all(FORM.fullmatch(pseudonym) for pseudonym in behind)
        assert names.path.stat().st_mode & 0o777 == 0o600
        before = everything_in(out)["grades.csv"]
        handed_in(source, **{"Bert Roe": 1})
        grade_class(source, lab, out, names=names, resume=True)
        assert everything_in(out)["grades.csv"] == before.replace(b"ok,3,0", b"ok,4,1")
        assert regrade.report(lab, out, None, names) == ["changed: 1", "Bert Roe, mean_square: 0 -> 1"]
        with pytest.raises(LabError, match="some results are under names and others under pseudonyms"):
            grade_class(source, lab, out)

    def test_a_message_about_the_archive_of_the_class_does_not_quote_a_name(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
            archive.writestr("Anna Doe/lab01.ipynb", "{")
        damage(tmp_path / "class.zip", b"Anna Doe/lab01.ipynb")
        (found,) = collect(tmp_path / "class.zip", "lab01", tmp_path / "into", Pseudonyms(tmp_path / "names.csv"))
        assert found.refused == [
            "lab01.ipynb: damaged in its archive: BadZipFile: File name in directory '...' and header b'...' differ."
        ]

    def test_the_names_do_not_lie_where_those_who_mark_look(self, lab, tmp_path):
        handed_in(tmp_path / "class", anna=2)
        with pytest.raises(LabError, match="keep the names elsewhere"):
            grade_class(tmp_path / "class", lab, tmp_path / "out", names=Pseudonyms(tmp_path / "out" / "names.csv"))
        assert not (tmp_path / "out").exists()

    def test_one_person_has_one_pseudonym_in_all_labs(self, tmp_path):
        """Also where Moodle gives a new number; of two with one name it cannot be known who is who."""
        names = Pseudonyms(tmp_path / "names.csv")
        first = names.given("lab01", {"anna": "anna", "Bert Roe_12": "Bert Roe", "Max_1": "Max", "Max_2": "Max"})
        second = names.given("lab02", {"Bert Roe_77": "Bert Roe", "anna": "anna", "Max_8": "Max", "Max_9": "Max"})
        assert (second["anna"], second["Bert Roe_77"]) == (first["anna"], first["Bert Roe_12"])
        assert len({*first.values(), *second.values()}) == 6
        assert names.students("lab02")[first["Bert Roe_12"]] == "Bert Roe_77"

    def test_a_full_disk_leaves_the_names_as_they_are(self, tmp_path, monkeypatch):
        names = Pseudonyms(tmp_path / "names.csv")
        names.given("lab01", {"anna": "anna"})
        before = names.path.read_bytes()
        monkeypatch.setattr(os, "fsync", full_disk)
        with pytest.raises(OSError, match="No space left"):
            names.given("lab01", {"bert": "bert"})
        assert names.path.read_bytes() == before
        assert sorted(path.name for path in tmp_path.iterdir()) == [".names.csv.lock", "names.csv"]

    @pytest.mark.parametrize("spoil", [lambda line: line[:12], lambda line: f"{line}\n{line}", lambda line: "x" + line])
    def test_a_damaged_file_of_names_is_left_alone(self, spoil, tmp_path):
        names = Pseudonyms(tmp_path / "names.csv")
        names.given("lab01", {"anna": "anna"})
        lines = names.path.read_text().splitlines()
        names.path.write_text("\n".join([*lines[:2], spoil(lines[2])]))
        before = names.path.read_bytes()
        with pytest.raises(LabError, match=r"line [34]: damaged, or there twice"):
            names.given("lab01", {"bert": "bert"})
        assert names.path.read_bytes() == before


def full_disk(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def damage(path, name):
    """Makes the two places in a zip archive differ that hold the name of a member."""
    path.write_bytes(path.read_bytes().replace(name, b"X" + name[1:], 1))


@pytest.fixture
def graded(lab, tmp_path):
    """Results of two machines: anna and bert here, carl there."""
    for name, points in {"here": {"anna": 2, "bert": 0}, "there": {"carl": 2}}.items():
        grade_class(handed_in(tmp_path / f"class_{name}", **points), lab, tmp_path / name)
    return tmp_path


class TestMerge:
    def test_it_is_as_if_one_machine_had_graded_all(self, lab, graded, tmp_path):
        handed_in(tmp_path / "all", anna=2, bert=0, carl=2)
        grade_class(tmp_path / "all", lab, tmp_path / "one")
        assert merge(lab, [graded / "here", graded / "there"], tmp_path / "merged") == 3
        for path in ("grades.csv", "students/anna.json", "students/carl.json"):
            assert points_in(tmp_path / "merged" / path) == points_in(tmp_path / "one" / path)
        before = everything_in(tmp_path / "merged")
        assert merge(lab, [graded / "there"], tmp_path / "merged") == 3, "what is there takes part"
        assert everything_in(tmp_path / "merged") == before

    def refused(self, lab, graded, *match):
        before = everything_in(graded / "here")
        with pytest.raises(LabError) as error:
            merge(lab, [graded / "there"], graded / "here")
        assert str(error.value).startswith("nothing is merged:")
        for words in match:
            assert words in str(error.value)
        assert everything_in(graded / "here") == before

    def test_results_that_differ_are_all_named(self, lab, graded):
        grade_class(handed_in(graded / "again", anna=0, bert=2, carl=2), lab, graded / "there")
        self.refused(lab, graded, "anna has results that differ", "bert has results that differ", "ok, 5 points")

    def test_other_tests_another_lab_and_a_damaged_file(self, lab, graded):
        edit(graded / "there" / "students" / "carl.json", tests="another")
        edit(graded / "here" / "students" / "bert.json", lab="lab02")
        (graded / "there" / "students" / "dora.json").write_text("{")
        self.refused(lab, graded, "carl.json: graded by another release", "a result of lab02", "dora.json: cannot be")

    def test_a_crash_gives_way_to_a_grade(self, lab, graded):
        grade_class(handed_in(graded / "again", anna=2), lab, graded / "there")
        edit(graded / "here" / "students" / "anna.json", status=CRASHED, points={})
        merge(lab, [graded / "there"], graded / "here")
        assert json.loads((graded / "here" / "students" / "anna.json").read_text())["status"] == OK

    def test_a_folder_of_something_else(self, lab, graded):
        with pytest.raises(LabError, match="class_here is no folder of results"):
            merge(lab, [graded / "class_here"], graded / "here")


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def points_in(path):
    """What a file says, but for when students handed in."""
    if path.suffix == ".csv":
        return path.read_text()
    return {name: value for name, value in json.loads(path.read_text()).items() if name != "handed_in"}


class TestRegrade:
    REQUESTS = """
- {student: anna, lab: lab01, exercise: mean_square, reason: I forgot nothing}
- {student: bert, lab: lab01, exercise: counter, reason: It counts}
- {student: emil, lab: lab02, exercise: other, reason: of another lab}
"""

    def test_what_was_asked_and_what_changed_besides(self, lab, graded, tmp_path):
        (tmp_path / "asked.yml").write_text(self.REQUESTS)
        for points in ({"anna": 1, "bert": 0}, {"anna": 0, "bert": 2}):
            grade_class(handed_in(graded / "class_here", **points), lab, graded / "here", resume=True)
        assert regrade.report(lab, graded / "here", tmp_path / "asked.yml") == [
            "anna, mean_square: 2 -> 1 -> 0",
            "    asked: I forgot nothing",
            "bert, counter: 3 (unchanged)",
            "    asked: It counts",
            "changed without a request: 1",
            "bert, mean_square: 0 -> 2",
        ]

    def test_every_fault_of_a_request_is_named(self, lab, graded, tmp_path):
        (tmp_path / "asked.yml").write_text(
            "- {student: zoe, lab: lab01, exercise: essay, reason: x}\n"
            "- {student: anna, lab: lab01, exercise: nothing, reason: x}\n"
            "- {student: anna, lab: lab01}\n- {student: anna, lab: lab01, exercise: nothing, reason: again}\n"
        )
        with pytest.raises(LabError) as error:
            regrade.report(lab, graded / "here", tmp_path / "asked.yml")
        for words in (
            "line 1: a person marks 'essay'",
            "line 1: there is no result of 'zoe'",
            "line 2: lab01 has no exercise 'nothing'",
            "line 3: a request has no 'reason'",
            "line 4: anna asks for nothing twice",
        ):
            assert words in str(error.value)


OWN = '''from effdl_lite.checking import Checks, close
import torch

hidden = Checks("lab01")


@hidden.test("{exercise}")
def {name}(S):
    """mine"""
    close(S.mean_square(torch.ones(2)), {expected}, "the result")
'''


class TestOwnHiddenTests:
    def own(self, tmp_path, exercise="mean_square", name="mine", expected=1.0):
        (tmp_path / "own").mkdir(exist_ok=True)
        (tmp_path / "own" / "lab01.py").write_text(OWN.format(exercise=exercise, name=name, expected=expected))
        return tmp_path / "own"

    def passed(self, lab):
        answers = NamespaceAnswers({"mean_square": lambda weight: weight.square().mean()})
        return {outcome.title: outcome.passed for outcome in lab.hidden.run("mean_square", answers)}

    def test_they_are_added_or_take_the_place_of_their_namesake(self, lab, tmp_path):
        root, before = lab.paths.root, self.passed(lab)
        assert self.passed(load("lab01", root, self.own(tmp_path))) == before | {"mine": True}
        namesake = lab.hidden.tests("mean_square")[0]
        with_own = self.passed(load("lab01", root, self.own(tmp_path, name=namesake.__name__, expected=2.0)))
        assert len(with_own) == len(before)
        assert with_own["mine"] is False

    def test_a_result_by_other_tests_is_not_kept(self, lab, graded, tmp_path):
        other = load("lab01", lab.paths.root, self.own(tmp_path))
        assert results.lab_digest(other) != results.lab_digest(lab)
        with pytest.raises(LabError, match="graded by another release or other tests"):
            merge(other, [graded / "there"], tmp_path / "merged")

    def test_what_does_not_fit_is_named(self, lab, tmp_path):
        root = lab.paths.root
        with pytest.raises(LabError, match="tests of essay, which is no exercise"):
            load("lab01", root, self.own(tmp_path, exercise="essay"))
        (tmp_path / "own" / "lab01.py").write_text("import nothing_like_it")
        with pytest.raises(LabError, match=r"lab01\.py cannot be run: ModuleNotFoundError"):
            load("lab01", root, tmp_path / "own")
        with pytest.raises(LabError, match=r"there is no .*lab01\.py"):
            load("lab01", root, tmp_path)

"""What a class hands in, as folders and as archives of learning platforms: who is who, and what is refused and why."""

import gzip
import io
import os
import stat
import tarfile
import zipfile

import pytest

from grading import LabError, choose, entries
from grading.choose import notebook
from grading.collect import collect, named_labs, safe
from grading.entries import Most
from grading.submitted import MOST_BYTES, Refused

LAB = "lab01"
CONTENT = b'{"cells": []}'


def folder_of(root, *names, content=CONTENT):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def zip_of(path, *names, content=CONTENT):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def tar_of(path, *names, content=CONTENT):
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def collected(source, tmp_path):
    return {each.student: each for each in collect(source, LAB, tmp_path / "into")}


def names(submissions):
    return {student: [name for name, _ in each.files] for student, each in submissions.items()}


LAYOUTS = {
    "a folder per student": ("anna/lab01.ipynb", "bert/lab01.ipynb"),
    "nbgrader": ("anna/lab01/lab01.ipynb", "bert/lab01/lab01.ipynb"),
    "nbgrader's exchange": ("anna+lab01+2026-01-30 23:59:00 UTC/lab01.ipynb", "bert+lab01+x/lab01.ipynb"),
    "files named by student": ("anna.ipynb", "bert.ipynb"),
    "a folder around": ("submissions/anna/lab01.ipynb", "submissions/bert/lab01.ipynb"),
    "two folders around": ("a/b/anna/lab01.ipynb", "a/b/bert/lab01.ipynb"),
}
PLATFORMS = {
    "Canvas": ("doeanna_123_456_lab01.ipynb", "doebert_LATE_124_457_lab01.ipynb", "doeanna_123", "doebert_124"),
    "Canvas in a folder": ("s/doeanna_1_4_lab01.ipynb", "s/doebert_LATE_2_5_lab01-1.ipynb", "doeanna_1", "doebert_2"),
    "Moodle": (
        "Anna Doe_12_assignsubmission_file_/lab01.ipynb",
        "Bert Doe_13_assignsubmission_file_/lab01.ipynb",
        "Anna Doe_12",
        "Bert Doe_13",
    ),
    "Moodle without folders": (
        "Anna Doe_12_assignsubmission_file_lab01.ipynb",
        "Bert Doe_13_assignsubmission_file_lab01.ipynb",
        "Anna Doe_12",
        "Bert Doe_13",
    ),
}


@pytest.mark.parametrize("form", ["folder", "zip", "tar", "tar.gz"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, form, tmp_path):
    found = collected(_source(form, tmp_path, *LAYOUTS[layout]), tmp_path)
    assert list(found) == ["anna", "bert"]
    for each in found.values():
        assert notebook(each, LAB) == (CONTENT, [])


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_platforms(platform, form, tmp_path):
    *paths, anna, bert = PLATFORMS[platform]
    found = collected(_source(form, tmp_path, *paths), tmp_path)
    assert sorted(found) == sorted([anna, bert])
    assert notebook(found[anna], LAB) == (CONTENT, [])


def _source(form, tmp_path, *paths):
    make = {"folder": folder_of, "zip": zip_of}.get(form, tar_of)
    return make(tmp_path / ("class" if form == "folder" else f"class.{form}"), *paths)


class TestNotebookOfAStudent:
    def only(self, tmp_path, *paths, make=folder_of, name="class"):
        (found,) = collected(make(tmp_path / name, *paths), tmp_path).values()
        return found

    def test_another_name_is_told(self, tmp_path):
        found = self.only(tmp_path, "anna/my lab (1).ipynb")
        assert notebook(found, LAB) == (CONTENT, ["the notebook is named my lab (1).ipynb"])

    def test_of_two_the_one_with_the_lab_s_name(self, tmp_path):
        found = self.only(tmp_path, "anna/lab01.ipynb", "anna/notes.ipynb")
        assert notebook(found, LAB)[0] == CONTENT

    def test_of_two_with_other_names_none(self, tmp_path):
        with pytest.raises(Refused, match=r"2 notebooks, and not exactly one is named lab01\.ipynb"):
            notebook(self.only(tmp_path, "anna/a.ipynb", "anna/b.ipynb"), LAB)

    def test_two_with_the_lab_s_name(self, tmp_path):
        with pytest.raises(Refused, match="2 notebooks"):
            notebook(self.only(tmp_path, "anna/lab01.ipynb", "anna/old/lab01.ipynb"), LAB)

    def test_copies_that_editors_and_macs_make_are_ignored(self, tmp_path):
        paths = ".ipynb_checkpoints/lab01-checkpoint.ipynb", "__MACOSX/._lab01.ipynb", "._lab01.ipynb"
        found = self.only(tmp_path, "anna/lab01.ipynb", *[f"anna/{path}" for path in paths])
        assert len(found.files) == 1

    @pytest.mark.parametrize("name", ["work.zip", "work.tar", "work.tar.gz", "WORK.TGZ"])
    def test_an_archive_of_the_student(self, tmp_path, name):
        inner = (zip_of if name.endswith("zip") else tar_of)(
            tmp_path / name.lower(), "work/lab01.ipynb", "work/checks.py"
        )
        folder_of(tmp_path / "class", f"anna/{name}", content=inner.read_bytes())
        (found,) = collected(tmp_path / "class", tmp_path).values()
        assert notebook(found, LAB) == (CONTENT, [])

    def test_an_archive_without_a_notebook(self, tmp_path):
        inner = zip_of(tmp_path / "x.zip", "checks.py")
        folder_of(tmp_path / "class", "anna/x.zip", content=inner.read_bytes())
        with pytest.raises(Refused, match=r"x\.zip holds no notebook"):
            notebook(collected(tmp_path / "class", tmp_path)["anna"], LAB)


class TestRefused:
    def inner(self, tmp_path, path):
        """A student's archive, handed in beside another student's notebook, which is always there."""
        folder_of(tmp_path / "class", "zoe/lab01.ipynb")
        folder_of(tmp_path / "class", f"anna/{path.name}", content=path.read_bytes())
        found = collected(tmp_path / "class", tmp_path)
        assert notebook(found["zoe"], LAB) == (CONTENT, [])
        with pytest.raises(Refused) as refused:
            notebook(found["anna"], LAB)
        assert len(str(refused.value)) < 400
        assert not list(tmp_path.rglob("evil*"))
        return str(refused.value)

    @pytest.mark.parametrize(
        "name", ["../evil.ipynb", "/tmp/evil.ipynb", "a/../../evil.ipynb", "C:\\evil.ipynb", "..\\evil.ipynb"]
    )
    @pytest.mark.parametrize("make", [zip_of, tar_of])
    def test_paths_that_lead_outside(self, tmp_path, name, make):
        path = tmp_path / ("x.zip" if make is zip_of else "x.tar")
        assert "its path leads outside" in self.inner(tmp_path, make(path, name))

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
    def test_links_and_devices_in_a_tar(self, tmp_path, kind):
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            member = tarfile.TarInfo("lab01.ipynb")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        said = self.inner(tmp_path, tmp_path / "x.tar")
        assert ("a link" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else "no regular file") in said

    def test_a_link_in_a_zip(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            member = zipfile.ZipInfo("lab01.ipynb")
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(member, "/etc/passwd")
        assert "a link" in self.inner(tmp_path, tmp_path / "x.zip")

    def test_a_zip_bomb(self, tmp_path):
        assert "larger than 16 MiB" in self.inner(
            tmp_path, zip_of(tmp_path / "x.zip", "lab01.ipynb", content=bytes(40 << 20))
        )

    def test_a_tar_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr(choose, "MOST_IN_ARCHIVE", Most(entries=10, unpacked=4 << 20))
        with gzip.open(tmp_path / "x.tar.gz", "wb", 9) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
            for number in range(3):
                member = tarfile.TarInfo(f"{number}.bin")
                member.size = 2 << 20
                archive.addfile(member, io.BytesIO(bytes(member.size)))
        assert "more than 4 MiB when it is unpacked" in self.inner(tmp_path, tmp_path / "x.tar.gz")

    def test_ten_thousand_members(self, tmp_path):
        path = zip_of(tmp_path / "x.zip", *[f"{number}.txt" for number in range(10_001)], content=b"")
        assert "more than 10,000 files" in self.inner(tmp_path, path)

    def test_a_damaged_zip(self, tmp_path):
        path = zip_of(tmp_path / "x.zip", "lab01.ipynb", content=os.urandom(1000))
        path.write_bytes(path.read_bytes()[:500] + b"\0" * 100 + path.read_bytes()[600:])
        assert "damaged" in self.inner(tmp_path, path)

    @pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
    def test_what_is_no_archive(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"\x1f\x8b not an archive" * 100)
        assert "damaged" in self.inner(tmp_path, tmp_path / name)

    def test_a_link_and_a_pipe_in_a_folder_are_not_followed(self, tmp_path):
        secret = folder_of(tmp_path, "secret.ipynb") / "secret.ipynb"
        folder = folder_of(tmp_path / "class", "zoe/lab01.ipynb")
        for student in ("anna", "bert"):
            (folder / student).mkdir()
        (folder / "anna" / "lab01.ipynb").symlink_to(secret)
        (folder / "carl").symlink_to(folder / "zoe")
        os.mkfifo(folder / "bert" / "lab01.ipynb")
        found = collected(folder, tmp_path)
        assert names(found) == {"anna": [], "bert": [], "carl": [], "zoe": ["lab01.ipynb"]}
        assert found["anna"].refused == ["lab01.ipynb: a link"]
        assert found["bert"].refused == ["lab01.ipynb: no regular file"]
        with pytest.raises(Refused, match="no notebook was handed in"):
            notebook(found["carl"], LAB)

    def test_a_notebook_that_is_too_large(self, tmp_path):
        folder_of(tmp_path / "class", "anna/lab01.ipynb", content=bytes(MOST_BYTES + 1))
        assert "larger than 16 MiB" in collected(tmp_path / "class", tmp_path)["anna"].refused[0]

    def test_two_names_that_would_be_one_student(self, tmp_path):
        found = collected(
            folder_of(tmp_path / "class", "a?b/lab01.ipynb", "a*b/lab01.ipynb", "zoe/lab01.ipynb"), tmp_path
        )
        assert names(found) == {"a_b": [], "zoe": ["lab01.ipynb"]}
        assert "would be one student" in found["a_b"].refused[0]

    def test_entries_without_end(self, tmp_path):
        path = zip_of(tmp_path / "x.zip", "a", "b", "c")
        with pytest.raises(Refused, match="more than 2 files"):
            list(entries.entries(path, Most(entries=2)))


class TestSources:
    def test_no_such_place(self, tmp_path):
        with pytest.raises(LabError, match="there is no"):
            collected(tmp_path / "nowhere", tmp_path)

    def test_an_empty_folder(self, tmp_path):
        (tmp_path / "class").mkdir()
        with pytest.raises(LabError, match="holds no notebook"):
            collected(tmp_path / "class", tmp_path)

    def test_neither_folder_nor_archive(self, tmp_path):
        with pytest.raises(LabError, match="neither a folder nor an archive"):
            collected(folder_of(tmp_path, "class.rar") / "class.rar", tmp_path)

    def test_the_lab_is_found_in_the_names(self, tmp_path):
        source = folder_of(tmp_path / "class", "anna/lab02/x.ipynb")
        assert named_labs(source, ["lab01", "lab02"]) == ["lab02"]

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Ánna Doe_12", "Ánna Doe_12"),
            ("../../etc", "_.._etc"),
            ("a/b", "a_b"),
            ("=1+2", "_1_2"),
            ("...", "nameless"),
        ],
    )
    def test_a_student_s_name_is_safe_for_files(self, name, expected):
        assert safe(name) == expected

    def test_a_very_long_name(self, tmp_path):
        assert len(safe("x" * 1000)) == 80

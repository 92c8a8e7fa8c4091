"""The pages for instructors say what is so: commands, files, policy keys and limits exist, and minutes add up."""

import re
import shlex
from pathlib import Path

import nbformat
import pytest
import typer

from effdl_lite.cli import app as effdl
from grading import ROOT
from grading.__main__ import app
from grading.limits import Limits

GUIDE = (ROOT / "book" / "instructor_guide.md").read_text("utf-8")
SYLLABUS = (ROOT / "book" / "syllabus.md").read_text("utf-8")
BLOCKS = "\n".join(re.findall(r"^```text\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)).replace("\\\n", "")
PROSE = re.sub(r"^```.*?^```", "", GUIDE + SYLLABUS, flags=re.DOTALL | re.MULTILINE)
WORDS = re.findall(r"`([^`\n]+)`", PROSE)
APPS = {"python -m grading ": app, "effdl ": effdl}
LINES = [text for text in [*BLOCKS.splitlines(), *WORDS] if text.startswith(tuple(APPS))]
HOURS = {"an hour": 60, "two hours": 120, "two and a half hours": 150, "three hours": 180}
LENGTH = rf"\*About (\d+ minutes|{'|'.join(HOURS)})"


def called(line: str) -> str:
    """The command that a line calls, which is not run; fails where the line has what no command takes."""
    start, of_app = next((start, of_app) for start, of_app in APPS.items() if line.startswith(start))
    group, found = typer.main.get_command(of_app), []
    _only_note(group, found)
    with pytest.raises(SystemExit) as ended:
        group.main(shlex.split(line.removeprefix(start)))
    assert ended.value.code == 0, line
    return found[-1]


def _only_note(group, found: list[str]) -> None:
    """Every command within a group notes its name, and does nothing else."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            _only_note(command, found)
        else:
            command.callback = lambda name=name, **_: found.append(name)


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_the_guide_is_one_that_the_command_takes(line):
    called(line)


@pytest.mark.parametrize(
    "line", ["grade work --job 2", "work --jobs two", "mark --prot 1", "release lab01 lab02", "new"]
)
def test_a_line_that_no_command_takes_is_noticed(line):
    with pytest.raises(AssertionError):
        called(f"python -m grading {line}")


def test_the_guide_shows_every_command():
    commands = set(typer.main.get_command(app).commands)
    assert commands - set(map(called, LINES)) == {"archive"}  # which is `make release`


def test_the_targets_of_make_are_there():
    wanted = set(re.findall(r"\bmake (\w+)$", "\n".join([*BLOCKS.splitlines(), *WORDS]), re.MULTILINE))
    assert wanted
    assert wanted <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_options_named_in_a_sentence_are_options():
    commands = typer.main.get_command(app).commands.values()
    options = {option for command in commands for parameter in command.params for option in parameter.opts}
    assert {word for word in WORDS if word.startswith("--")} <= options


def test_files_named_in_the_guide_are_there_or_written_or_private():
    code = "".join(path.read_text("utf-8") for path in (ROOT / "grading").glob("*.py"))
    ignored = tuple(filter(None, (ROOT / ".gitignore").read_text("utf-8").splitlines()))
    names = {word for word in WORDS if re.fullmatch(r"[\w./]+(\.(csv|html|py|yml|txt|md)|/)", word)}
    assert len(names) > 15
    for name in names:
        there = any((folder / name).exists() for folder in (ROOT, ROOT / "effdl_lite", ROOT / "grading" / "hidden"))
        of_results = "/" not in name.rstrip("/") and f"{name.rstrip('/')}" in code
        assert there or of_results or name.startswith(ignored), f"nothing in grading/ speaks of {name}"


def test_the_keys_of_a_policy_are_those_that_are_read():
    from grading.policy import KEYS

    section = GUIDE.partition("## Late work")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(KEYS)


def test_the_limit_that_the_guide_names_is_the_limit():
    assert "twenty minutes" in GUIDE
    assert Limits().student_seconds == 20 * 60


def minutes(path: Path) -> int:
    """How long a chapter or a lab says that it takes."""
    first = nbformat.read(path, as_version=4).cells[0].source
    said = re.search(LENGTH, first)[1]
    return HOURS[said] if said in HOURS else int(said.split()[0])


def test_the_minutes_of_the_syllabus_are_those_of_its_chapters_and_labs():
    rows = re.findall(r"^\|(.*\.ipynb.*)\| *(\d+) *\|$", SYLLABUS, re.MULTILINE)
    assert len(rows) >= 12
    for row, said in rows:
        pages = re.findall(r"\(([^)]+\.ipynb)\)", row)
        assert sum(minutes(ROOT / "book" / page) for page in pages) == int(said), row


def test_ten_weeks_hold_every_chapter_and_every_lab_once():
    weeks = re.findall(r"^\| *\d+ \|.*$", SYLLABUS, re.MULTILINE)
    assert len(weeks) == 10
    found = re.findall(r"\(([^)]+\.ipynb)\)", "\n".join(weeks))
    numbered = (ROOT / "_toc.yml").read_text("utf-8").partition("caption: Labs")
    chapters = re.findall(r"file: book/(\w+)", numbered[0].partition("parts:")[2])
    labs = re.findall(r"file: (labs/\w+/\w+)", numbered[2])
    assert sorted(found) == sorted([*(f"{name}.ipynb" for name in chapters), *(f"../{name}.ipynb" for name in labs)])

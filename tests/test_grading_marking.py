"""Marking in a real browser: formgrader opens what a run made, points are given there, and the next run reads them."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import attack_lab
import nbformat
import pytest
from test_grading_gradebook import EVIL, Graded
from test_pages import DESK, PHONE, browser, findings, visit  # noqa: F401 - two are fixtures
from typer.testing import CliRunner

from grading import ROOT, class_page, feedback
from grading.__main__ import app
from grading.gradebook import opened

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.needs("bubblewrap")]
EVERYTHING = "\n\n".join(EVIL)
RAN = "() => 'ran' in window"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = attack_lab.make(tmp_path_factory.mktemp("marked"))
    lab.paths.rubric.parent.mkdir()
    lab.paths.rubric.write_text("# Rubric\n\n| part | points |\n|---|---|\n| a reason | 2 |\n")
    return lab


@pytest.fixture(scope="module")
def handed_in(lab, tmp_path_factory):
    """One student, all of whose text would act in a browser, also in what the tests say of it."""
    folder = tmp_path_factory.mktemp("handed_in")
    raising = f"def mean_square(weight):\n    raise ValueError({EVERYTHING!r})"
    notebook = attack_lab.handed_in(lab, raising, attack_lab.COUNTER, f"own = {EVERYTHING!r}")
    next(cell for cell in notebook.cells if cell.id == "essay").source = EVERYTHING
    notebook.metadata["title"] = EVIL[0]
    student = folder / "<img src=x onerror='window.ran = 1'>"
    student.mkdir()
    nbformat.write(notebook, student / "lab01.ipynb")
    return folder


@pytest.fixture(scope="module")
def graded(lab, handed_in, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    grade(lab, handed_in, folder)
    return folder


def grade(lab, handed_in, folder, *options):
    """The command, on a lab of ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.suite.load", lambda name, **_: lab)
        done = CliRunner().invoke(app, [str(handed_in), "--lab", "lab01", "--results", str(folder), *options])
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def formgrader(graded):
    """The address of the server that `python -m grading mark` starts, with its token."""
    command = [sys.executable, "-m", "grading", "mark", "--gradebook", str(graded / "gradebook"), "--no-browser"]
    log = graded / "formgrader.log"
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not (found := re.search(r"(http://127\.0\.0\.1:\d+)/\S*token=(\w+)", log.read_text())):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield found[1], found[2]
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def only_row(folder):
    with (folder / "grades.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    return row


def test_points_given_in_formgrader_are_in_the_table_after_grading_again(lab, handed_in, graded, formgrader, visit):  # noqa: F811
    address, token = formgrader
    seen = visit()
    page = seen.page
    page.goto(f"{address}/formgrader/gradebook?token={token}")
    page.get_by_role("link", name="lab01").click()  # the lab, and then its notebook
    page.wait_for_url("**/gradebook/lab01")
    page.locator("td.name a").click()
    page.get_by_text("Submission #1").click()
    score = page.locator("#essay")
    score.wait_for()
    page.get_by_text("For whoever marks: rubric and sample answer").click()
    page.locator("details[open] td", has_text="a reason").wait_for()  # the rubric is Markdown of ours
    assert page.locator("pre", has_text="</pre><script>").first.is_visible(), "the answer is text"
    page.wait_for_function("formgrader.grades?.loaded && formgrader.comments?.loaded")
    with page.expect_response(lambda response: response.request.method == "PUT") as saved:
        score.fill("2.5")
        score.blur()
    assert saved.value.status == 200
    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.locator("#essay-comment").fill("Well <b>said</b>.")
        page.locator("#essay-comment").blur()
    assert not page.evaluate(RAN)
    assert not page.locator("#notebook img, #notebook a[href^=javascript]").count()

    grade(lab, handed_in, graded)
    row = only_row(graded)
    assert [row[name] for name in ("mean_square", "counter", "essay", "total")] == ["0", "3", "2.5", "5.5"]
    (student,) = (graded / "feedback").iterdir()
    assert "Well &lt;b&gt;said&lt;/b&gt;." in student.read_text()
    page.reload()
    page.wait_for_function("document.querySelector('#essay').value == '2.5'")
    assert not page.evaluate(RAN)
    with opened(graded / "gradebook") as book:
        assert not any(marks["essay"].waiting for marks in book.marks(lab.notebook).values())


def test_formgraders_server_runs_no_code(formgrader):
    """No kernel, no terminal and no notebook are served, also to whoever has the token."""
    address, token = formgrader
    for place in ("api/kernels", "api/kernelspecs", "api/sessions", "api/terminals", "api/contents", "lab", "tree"):
        request = urllib.request.Request(f"{address}/{place}?token={token}")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == 404, place


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_pages_of_a_hostile_class_run_nothing_and_can_be_read(lab, tmp_path, visit, viewport):  # noqa: F811
    graded = Graded(lab, tmp_path)
    for number, evil in enumerate(EVIL):
        graded.add(f"s{number}", answer=evil, points=(0, 3), flags=[evil], message=evil * 20, status="flagged")
    graded.add("nobody", status="rejected", flags=["x" * 300])
    pages = {"class.html": class_page.text(lab.notebook, graded.stored, {})}
    pages |= {f"{each['student']}.html": feedback.text(lab.notebook, each, {}) for each in graded.stored[-3:]}
    seen = visit(viewport)
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
        page = seen.open((tmp_path / name).as_uri())
        assert not page.evaluate(RAN)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert not page.locator("script, img, a").count()
        assert seen.wrong == []  # before axe, which asks for style sheets at addresses of its own
        for theme, rules in {"light": [], "dark": ["color-contrast"]}.items():
            page.emulate_media(color_scheme=theme)
            assert findings(page, *rules) == [], (name, theme)
        seen.wrong.clear()

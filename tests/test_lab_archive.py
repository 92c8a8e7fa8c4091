"""The students' archive: the same bytes twice, enough to install from, and no private code in it or on the site."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import zipfile

import nbformat
import pytest
import tiny_lab
import yaml
from book_site import real_book

import effdl_lite
from grading import ROOT, LabError, archive
from grading.leaks import FEWEST_STATEMENTS, Body, leaks, normal, private_bodies
from grading.release import release
from grading.suite import labs, load

READABLE = {".py", ".ipynb", ".md", ".html", ".txt", ".toml", ".css", ".js"}


@pytest.fixture(scope="module")
def bodies() -> list[Body]:
    """Every private body of every lab; one of a single statement is skipped, since it may stand anywhere."""
    return [body for name in labs() for body in private_bodies(load(name))]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return archive.contents()


PLACES = {
    "reference_rows": "experiments/results/{}.json",
    "reference_settings": "experiments/results/{}.json",
    "reference_benchmark": "experiments/benchmarks/results/{}.json",
    "reference_weights": "experiments/weights/{}.safetensors",
}


def reads_of(notebook: dict) -> set[str]:
    """Files that a notebook reads by a name that stands in the call itself."""
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    calls = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in PLACES]
    named = [(call.func.id, call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)]
    return {PLACES[function].format(name) for function, name in named}


class TestArchive:
    def test_two_runs_give_the_same_bytes(self):
        first = hashlib.sha256(archive.write().read_bytes()).hexdigest()
        assert hashlib.sha256(archive.write().read_bytes()).hexdigest() == first

    def test_its_entries_are_sorted_plain_and_without_the_time_of_their_making(self):
        entries = zipfile.ZipFile(archive.write()).infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
        assert {entry.filename.split("/")[0] for entry in entries} == {f"effdl-labs-{effdl_lite.__version__}"}

    def test_it_holds_labs_package_and_how_to_start_and_nothing_of_the_instructors(self, files):
        for name in labs():
            assert {f"labs/{name}/{name}.ipynb", f"labs/{name}/checks.py"} <= set(files)
        assert {"START.md", "LICENSE", "requirements.txt", "constraints.txt", "pyproject.toml"} <= set(files)
        assert "effdl_lite/methods/lowering.py" in files
        assert any(name.endswith(".js") for name in files), "the figures' browser code"
        folders = {name.split("/")[0] for name in files if "/" in name}
        assert folders == {"book", "effdl_lite", "experiments", "labs"}

    def test_it_holds_every_result_and_weight_that_a_chapter_names(self, files):
        chapters = [json.loads(content) for name, content in files.items() if name.startswith("book/")]
        read = set().union(*map(reads_of, chapters))
        assert {place.rsplit("/", 1)[0] for place in PLACES.values()} == {path.rsplit("/", 1)[0] for path in read}
        assert not read - set(files)

    def test_it_holds_all_that_a_chapter_may_read_by_a_name_that_it_computes(self, files):
        for folder in {place.rsplit("/", 1)[0] for place in PLACES.values()}:
            done = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True)
            tracked = set(done.stdout.split())
            assert tracked
            assert not tracked - set(files)

    def test_it_holds_every_result_that_the_ledger_of_claims_reads(self, files):
        def results(node) -> set[str]:
            if isinstance(node, list):
                return {name for item in node for name in results(item)}
            if not isinstance(node, dict):
                return set()
            named = node.get("results", [])
            return results(list(node.values())) | set([named] if isinstance(named, str) else named)

        read = results(yaml.safe_load(files["experiments/claims.yml"]))
        assert "intrinsic_sparsity_lstm" in read
        assert not {f"experiments/results/{name}.json" for name in read} - set(files)

    def test_its_requirements_are_those_of_the_package_and_the_notebooks(self, files):
        text = files["requirements.txt"].decode()
        assert "-c constraints.txt\n-e .\n" in text
        assert {"torch", "nbclient", "jupyterlab"} <= set(re.findall(r"^([\w-]+)==", text, re.MULTILINE))
        assert not {"nbgrader", "jupyter-book", "pytest"} & set(re.findall(r"^([\w-]+)==", text, re.MULTILINE))

    def test_how_to_start_names_the_commands_and_this_version(self, files):
        text = files["START.md"].decode()
        for words in ("Linux", "macOS", "Windows", "Colab", "3.11", "pip install -r requirements.txt", "effdl doctor"):
            assert words in text
        for words in ("effdl data fetch", "jupyter lab", "effdl check lab01", "Hand in", archive.NAME):
            assert words in text
        assert "VERSION" not in text

    def test_the_package_can_be_built_from_it(self, tmp_path):
        zipfile.ZipFile(archive.write()).extractall(tmp_path)
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(tmp_path)]
        done = subprocess.run([*command, str(tmp_path / archive.NAME)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (wheel,) = tmp_path.glob("effdl_lite-*.whl")
        names = set(zipfile.ZipFile(wheel).namelist())
        assert {"effdl_lite/methods/lowering.py", "effdl_lite/checking/rerun.py"} <= names


class TestNoLeak:
    def test_every_lab_has_private_bodies_to_look_for(self, bodies):
        for name in labs():
            kinds = {body.where.split()[1] for body in bodies if body.where.endswith(f"({name})")}
            assert kinds == {"solution", "right", "hidden"}

    def test_none_stands_in_the_archive(self):
        assert not archive.leaked(archive.contents())

    def test_none_stands_in_labs(self, bodies):
        found = [path for path in (ROOT / "labs").rglob("*") if path.suffix in READABLE]
        assert found
        assert not [leak for path in found for leak in leaks(str(path), path.read_text("utf-8"), bodies)]

    def test_none_stands_in_the_built_book(self, bodies):
        html = real_book().html
        pages = [path for path in html.rglob("*") if path.suffix in READABLE and "_static" not in path.parts]
        assert any("_sources" in path.parts for path in pages)
        assert not [leak for path in pages for leak in leaks(str(path), path.read_text("utf-8"), bodies)]


SECRET = '''
def norms(weight, rows):
    """The norms."""
    total = 0
    for row in weight:
        total = total + row["a"].square().sum()
    return total.sqrt()
'''

DISGUISES = {
    "as it is": SECRET,
    "laid out anew": SECRET.replace("    ", "  ").replace("row[", "row [ ").replace(" + ", "   +   "),
    "with comments and a docstring": SECRET.replace("total = 0", '"""Another."""\n    total = 0  # start\n    # loop'),
    "with other quotes and brackets": SECRET.replace('"a"', "'a'").replace("total.sqrt()", "(total.sqrt())"),
    "in a class, among other lines": "class A:\n    def f(self, weight):\n        x = 1\n"
    + "".join(f"    {line}\n" for line in SECRET.splitlines()[3:]),
}


class TestTool:
    @pytest.fixture
    def secret(self):
        return [Body("the secret", normal(ast.parse(SECRET).body[0].body))]

    @pytest.mark.parametrize("disguise", DISGUISES)
    @pytest.mark.parametrize("kind", [".py", ".ipynb", ".html", ".md"])
    def test_a_planted_leak_is_found(self, secret, disguise, kind):
        text = DISGUISES[disguise]
        if kind == ".ipynb":
            cells = [nbformat.v4.new_markdown_cell("Words"), nbformat.v4.new_code_cell(text)]
            text = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
        elif kind == ".html":
            text = f"<p>Words</p><pre><span>{text.replace('def', '<b>def</b>')}</span></pre>"
        elif kind == ".md":
            text = f"Words\n\n```python\n{text}\n```\n\nWords"
        assert leaks(f"a{kind}", text, secret) == [f"a{kind} holds the body of the secret"]

    def test_code_quoted_in_prose_is_found(self, secret):
        assert leaks("a.html", f"<p>Write {' '.join(SECRET.split())} here</p>", secret)

    def test_single_lines_and_other_code_are_no_leak(self, secret):
        for text in (SECRET.replace("sqrt", "sum"), "\n".join(SECRET.splitlines()[:4]), "no Python at all ["):
            assert not leaks("a.py", text, secret)

    def test_short_bodies_are_skipped_and_what_is_private_is_found(self, tmp_path):
        lab = tiny_lab.make(tmp_path)
        found = {body.where for body in private_bodies(load("lab01", tmp_path))}
        assert FEWEST_STATEMENTS == 2
        assert found == {
            "the solution of mean_square (lab01)",
            "the hidden function random_numbers (lab01)",
            "the hidden function its_gradient (lab01)",
        }, "answers and tests of one statement are left alone"
        assert lab.solution.is_file()

    @pytest.fixture
    def project(self, tmp_path):
        """A project with a tiny lab, tracked by git."""
        lab = tiny_lab.make(tmp_path)
        release("lab01", tmp_path)
        for name in ("constraints.txt", "requirements.txt", "pyproject.toml", "LICENSE", "grading/START.md"):
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
        (tmp_path / "effdl_lite").mkdir()
        (tmp_path / "effdl_lite" / "__init__.py").write_text("", "utf-8")
        self.git(tmp_path, "init", "-q")
        self.git(tmp_path, "add", ".")
        return lab

    def git(self, root, *arguments):
        subprocess.run(["git", *arguments], cwd=root, check=True)

    def names(self, root):
        return {name.split("/", 1)[1] for name in zipfile.ZipFile(archive.write(root)).namelist()}

    def test_only_tracked_files_go_in(self, project):
        (project.root / "labs" / "lab01" / "my_notes.py").write_text("x = 1", "utf-8")
        names = self.names(project.root)
        assert "labs/lab01/lab01.ipynb" in names
        assert "labs/lab01/my_notes.py" not in names
        assert not [name for name in names if "solutions" in name or "hidden" in name or "answers" in name]

    @pytest.mark.parametrize("place", ["effdl_lite/helpers.py", "labs/lab01/checks.py"])
    def test_an_archive_with_a_leak_is_not_written_and_an_older_one_stays(self, project, place):
        before = archive.write(project.root).read_bytes()
        path = project.root / place
        with path.open("a", encoding="utf-8") as file:
            file.write("\n\ndef helper(weight):\n    squares = weight.square()  # so easy\n    return squares.mean()\n")
        self.git(project.root, "add", ".")
        with pytest.raises(LabError, match=f"{place} holds the body of the solution of mean_square"):
            archive.write(project.root)
        (target,) = (project.root / "_build" / "release").iterdir()
        assert target.read_bytes() == before

    def test_a_solution_in_a_released_notebook_is_found(self, project):
        notebook = json.loads(project.released.read_text("utf-8"))
        solved = json.loads(project.solution.read_text("utf-8"))
        notebook["cells"] = solved["cells"]
        project.released.write_text(json.dumps(notebook), "utf-8")
        with pytest.raises(LabError, match=r"lab01\.ipynb holds the body of the solution"):
            archive.write(project.root)

    def test_without_git_or_without_a_release_it_says_what_to_do(self, project):
        self.git(project.root, "rm", "-rq", "--cached", "labs")
        with pytest.raises(LabError, match="run `python -m grading release` and commit labs/"):
            archive.write(project.root)
        (project.root / ".git").rename(project.root / "git")
        with pytest.raises(LabError, match="only files that git tracks: fatal: not a git repository"):
            archive.write(project.root)

    def test_sections_and_description_that_moved_are_noticed(self):
        with pytest.raises(LabError, match="must have the sections the package, notebooks"):
            archive.student_requirements("-e .\n\n# the package\ntorch==1\n")
        with pytest.raises(LabError, match="must say readme"):
            archive.student_project("[project]\n")

"""What `make execute` must not do: store the stand-in's results in the book, or leave a half-run notebook."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "page.ipynb"
    cells = [nbformat.v4.new_code_cell("print('before')"), nbformat.v4.new_code_cell("1 / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def execute(path: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "execute.py"), str(path)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def test_a_run_on_the_stand_in_is_refused_with_the_remedy(notebook, tmp_path):
    before = notebook.read_bytes()
    done = execute(notebook, EFFDL_DATA=str(tmp_path / "empty"), EFFDL_OFFLINE="1")
    assert done.returncode == 1
    assert "run `effdl data fetch`" in done.stderr.splitlines()[-1]
    assert notebook.read_bytes() == before


def test_a_notebook_with_an_error_is_left_as_it_was(notebook):
    before = notebook.read_bytes()
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import execute; from pathlib import Path; "
    code += f"execute.execute(Path({str(notebook)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert notebook.read_bytes() == before
    assert [path.name for path in notebook.parent.iterdir()] == ["page.ipynb"]

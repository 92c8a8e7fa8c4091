"""The command `effdl`: clear lines, exit codes, no traceback, and no torch where none is needed."""

import json
import subprocess
import sys

import local_server
import numpy as np
import pytest
from local_server import LocalServer
from typer.testing import CliRunner

import effdl_lite
from effdl_lite import data, doctor
from effdl_lite.cli import app
from effdl_lite.data import registry
from effdl_lite.data.registry import DataSet


def effdl(*arguments):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EFFDL_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def server(monkeypatch):
    """Serves a small CIFAR-10 and a small PTB, which the registry names."""
    monkeypatch.delenv("EFFDL_OFFLINE")
    running = LocalServer()
    archive = running.remote("/cifar.tar.gz", local_server.archive(local_server.tiny_cifar()))
    texts = tuple(running.remote(f"/ptb.{part}.txt", text) for part, text in local_server.TINY_PTB.items())
    monkeypatch.setattr(registry, "CIFAR10", DataSet("CIFAR-10", ("cifar10.npz",), (archive,), "a licence", "cited"))
    monkeypatch.setattr(registry, "PTB", DataSet("PTB", registry.PTB.pack_files, texts, "a licence", "cited"))
    yield running
    running.close()


def test_version():
    ran = effdl("--version")
    assert ran.exit_code == 0
    assert ran.stdout.strip() == f"effdl_lite {effdl_lite.__version__}"


def test_the_command_and_the_data_package_are_imported_without_torch():
    code = "import sys, effdl_lite.cli, effdl_lite.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_command_as_a_module_does_what_the_command_does():
    ran = subprocess.run([sys.executable, "-m", "effdl_lite.cli", "check", "lab99"], capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.startswith("effdl: there is no lab99.ipynb")


def test_where_names_the_folder_and_the_source_of_each_loader(folder):
    ran = effdl("data", "where")
    assert ran.exit_code == 0
    assert f"{folder} (does not exist yet)" in ran.stdout
    assert "CIFAR-10 would come from: stand-in (EFFDL_OFFLINE is set)" in ran.stdout
    assert not folder.exists(), "a question makes no folder"


def test_fetch_then_verify_then_where_then_pack(folder, server, tmp_path):
    assert "official download" in effdl("data", "where").stdout
    ran = effdl("data", "fetch")
    assert ran.exit_code == 0, ran.output
    assert "CIFAR-10: downloaded to" in ran.stdout
    assert "a licence" in ran.stdout
    assert effdl("data", "verify").exit_code == 0
    assert "official (in the folder)" in effdl("data", "where").stdout
    asked = server.asked.total()
    assert "already in" in effdl("data", "fetch").stdout
    assert server.asked.total() == asked
    ran = effdl("data", "pack", "--images", "2005", "--seed", "3", "--out", str(tmp_path / "mine"))
    assert ran.exit_code == 0, ran.output
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["cifar10.npz", "manifest.json", "ptb"]
    entries = json.loads((tmp_path / "mine" / "manifest.json").read_text())["files"]
    assert entries["cifar10.npz"]["seed"] == 3
    assert f"set EFFDL_DATA to {(tmp_path / 'mine').resolve()}" in ran.stdout


def test_fetch_waits_as_long_as_it_is_told(folder, monkeypatch):
    waited = []
    monkeypatch.setattr(data, "fetch_cifar10", lambda folder, force, patience: waited.append(patience.read))
    monkeypatch.setattr(data, "fetch_ptb", lambda folder, force, patience: waited.append(patience.read))
    assert effdl("data", "fetch", "--timeout", "7").exit_code == 0
    assert waited == [7.0, 7.0]


def test_fetch_tells_a_404_in_one_line_and_still_gets_the_other_data_set(folder, server):
    server.answers["/cifar.tar.gz"] = local_server.status(404)
    ran = effdl("data", "fetch")
    assert ran.exit_code == 1
    told = [line for line in ran.stderr.splitlines() if line.startswith("effdl:")]
    assert len(told) == 1
    assert "the server answered 404" in told[0]
    assert "Traceback" not in ran.output
    assert not (folder / "cifar10.npz").exists()
    assert (folder / "ptb" / "ptb.train.txt").exists()


def test_fetch_does_not_replace_a_damaged_pack_unless_it_is_told_to(folder, server):
    folder.mkdir()
    (folder / "cifar10.npz").write_bytes(b"damaged")
    ran = effdl("data", "fetch")
    assert ran.exit_code == 1
    assert "fetch --force" in ran.stderr
    assert (folder / "cifar10.npz").read_bytes() == b"damaged"
    assert effdl("data", "fetch", "--force").exit_code == 0
    assert effdl("data", "verify").exit_code == 0


def test_fetch_offline_says_why_it_does_nothing(folder):
    ran = effdl("data", "fetch")
    assert ran.exit_code == 1
    assert "EFFDL_OFFLINE is set" in ran.stderr


def test_verify_of_an_empty_folder_is_a_fault(folder):
    ran = effdl("data", "verify")
    assert ran.exit_code == 1
    assert ran.stdout.count("missing") == 4


@pytest.mark.parametrize("command", [["where"], ["fetch"], ["verify"], ["pack", "--out", "x"]])
def test_a_damaged_manifest_is_one_line_on_stderr_for_every_command(folder, command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    folder.mkdir()
    np.savez(folder / "cifar10.npz", nothing=np.zeros(1))
    (folder / "manifest.json").write_text("{")
    ran = effdl("data", *command)
    assert ran.exit_code == 1
    assert "is not the manifest of a pack" in ran.stderr
    assert "Traceback" not in ran.output


def test_pack_without_data_names_the_remedy(folder, tmp_path):
    ran = effdl("data", "pack", "--out", str(tmp_path / "out.npz"))
    assert ran.exit_code == 1
    assert "effdl data fetch" in ran.stderr


def test_an_unknown_option_is_exit_code_2():
    assert effdl("data", "fetch", "--fast").exit_code == 2


def test_doctor_finds_this_machine_able_and_says_what_the_data_are(folder):
    ran = effdl("doctor")
    assert ran.exit_code == 0, ran.output
    assert "stand-in (EFFDL_OFFLINE is set)" in ran.stdout
    assert "-> run `effdl data fetch`" in ran.stdout


def test_doctor_reports_a_wrong_profile(folder, monkeypatch):
    monkeypatch.setenv("EFFDL_PROFILE", "fast")
    ran = effdl("doctor")
    assert ran.exit_code == 1
    assert "EFFDL_PROFILE is 'fast'; choose one of quick, laptop, reference, full" in ran.stdout
    assert "-> set EFFDL_PROFILE" in ran.stdout


@pytest.mark.parametrize("missing", ["torch", "numpy", "pooch", "packaging"])
def test_doctor_works_where_a_package_cannot_be_imported(missing):
    # None in sys.modules is Python's own way to make an import fail.
    code = f"import sys; sys.modules[{missing!r}] = None; from effdl_lite.cli import app; app(['doctor'])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 1, ran.stdout
    assert "Traceback" not in ran.stderr
    assert "pip install" in ran.stdout


def test_doctor_compares_with_bounds_and_with_pins(tmp_path):
    from packaging.requirements import Requirement

    (tmp_path / "requirements.txt").write_text(
        "numpy==1.0  # old\n--find-links x\nscikit_learn==3.0\n", encoding="utf-8"
    )
    pins = doctor.read_pins(tmp_path / "requirements.txt")
    assert pins == {"numpy": "1.0", "scikit-learn": "3.0"}
    assert doctor.package(Requirement("numpy>=1"), None).status == "ok"
    assert doctor.package(Requirement("numpy>=99"), None).status == "missing"
    assert doctor.package(Requirement("numpy>=1"), "1.0").status == "note"
    absent = doctor.package(Requirement("no-such-package-of-effdl>=1"), None)
    assert (absent.status, absent.found) == ("missing", "not installed")
    assert absent.remedy


def test_every_fault_and_note_about_a_tool_has_a_remedy():
    line = doctor.tool("bubblewrap", ("bwrap",), "for grading", "install it", which=lambda program: None)
    assert (line.status, line.remedy) == ("note", "install it")
    assert doctor.tool("git", ("git",), "", "", which=lambda program: "/bin/git").status == "ok"


def test_doctor_speaks_of_bubblewrap_only_where_there_is_something_to_grade(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert "bubblewrap" not in [line.name for line in doctor.tools()]
    (tmp_path / "grading").mkdir()
    assert "bubblewrap" in [line.name for line in doctor.tools()]

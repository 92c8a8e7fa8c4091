"""Training on several processes goes on after one of them was killed, as if nothing had been."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from experiments import terngrad_distributed as training

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300  # seconds; many times what it takes
STEPS, EVERY, FAULT_AFTER = 12, 5, 7


def torchrun(folder: Path, fault: str, *more: str) -> subprocess.Popen:
    """Two processes of the training; the port is a free one."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", "1" if fault == "killed" else "0", "--monitor-interval", "0.2"]
    command += ["-m", "distributed_faults", "--folder", str(folder), "--batch-size", "4", "--images", "256"]
    command += ["--steps", str(STEPS), "--every", str(EVERY), *more]
    variables = {
        "FAULT": fault,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "EFFDL_OFFLINE": "1",
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextlib.contextmanager
def ended(*runs: subprocess.Popen):
    """Nothing that was started outlives the block."""
    try:
        yield
    finally:
        for run in runs:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            run.wait()


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


def checkpoint(folder: Path) -> dict:
    return torch.load(folder / training.CHECKPOINT, weights_only=True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same training three times, side by side: undisturbed, with a process killed, with a process stuck."""
    found = {fault: tmp_path_factory.mktemp(fault) for fault in ("none", "killed", "stuck")}
    runs = {fault: torchrun(folder, fault) for fault, folder in found.items() if fault != "stuck"}
    runs["stuck"] = torchrun(found["stuck"], "stuck", "--timeout", "20")
    with ended(*runs.values()):
        outputs = {fault: run.communicate(timeout=PATIENCE)[0] for fault, run in runs.items()}
    codes = {fault: run.returncode for fault, run in runs.items()}
    for fault in ("none", "killed"):
        assert codes[fault] == 0, outputs[fault]
    return found | {"output of stuck": outputs["stuck"], "code of stuck": codes["stuck"]}


def test_the_loss_goes_on_where_it_was_to_the_last_bit(folders):
    whole, killed = (lines(folders[fault]) for fault in ("none", "killed"))
    starts = [line for line in killed if "start" in line]
    assert [line["start"] for line in starts] == [0, EVERY]  # the last checkpoint before the fault
    assert not set(starts[0]["processes"]) & set(starts[1]["processes"])
    assert [line["step"] for line in whole if "step" in line] == list(range(1, STEPS + 1))
    steps = [line["step"] for line in killed if "step" in line]
    assert steps == [*range(1, FAULT_AFTER + 1), *range(EVERY + 1, STEPS + 1)]
    undisturbed = {line["step"]: line["loss"] for line in whole if "step" in line}
    assert [line["loss"] for line in killed if "step" in line] == [undisturbed[step] for step in steps]


def test_the_last_checkpoint_is_that_of_an_undisturbed_run_to_the_last_bit(folders):
    whole, killed = (checkpoint(folders[fault]) for fault in ("none", "killed"))
    assert whole["steps"] == killed["steps"] == STEPS
    ternary = [of["exchange"]["terngrad"] for of in (whole, killed)]
    assert ternary[0]["traffic"] == ternary[1]["traffic"]
    assert [of["steps"] for of in ternary] == [STEPS, STEPS]
    # After a start the first step has another division into buckets, each of which sends four bytes of its own.
    assert ternary[0]["sent"] == pytest.approx(ternary[1]["sent"], abs=100)
    assert all(torch.equal(value, killed["model"][key]) for key, value in whole["model"].items())
    momenta = [[state["momentum_buffer"] for state in of["optimizer"]["state"].values()] for of in (whole, killed)]
    assert len(momenta[0]) == len(momenta[1]) > 0
    assert all(torch.equal(a, b) for a, b in zip(*momenta, strict=True))
    assert not list(folders["killed"].glob("*.tmp"))


def test_who_waits_for_a_stuck_process_gets_an_error_in_time(folders):
    assert folders["code of stuck"] != 0
    # gloo says it in one way where it waits for a message, and in another where it closes the connection.
    assert re.search("Timed out waiting 20000ms|Application timeout", folders["output of stuck"])
    assert [line["step"] for line in lines(folders["stuck"]) if "step" in line] == list(range(1, FAULT_AFTER + 1))


def test_restarts_that_would_find_the_addresses_of_dead_processes_are_refused(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["it", "--folder", str(tmp_path)])
    for name, value in {"RANK": "0", "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_MAX_RESTARTS": "3"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        training.arguments()
    assert "export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1" in capsys.readouterr().err
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "0")
    assert training.arguments().exchange == "terngrad-2bit"


def test_it_says_how_to_start_it(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setattr(sys, "argv", ["it", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit):
        training.arguments()
    assert "torchrun --standalone --nproc-per-node 2" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["it", "--folder", str(tmp_path), "--every", "0"])
    with pytest.raises(SystemExit):
        training.arguments()
    assert "--every is 0; at least 1" in capsys.readouterr().err

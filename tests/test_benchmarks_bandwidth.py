"""The bandwidth benchmark measures what it says, over a network that leaves nothing behind. No test asks for speed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from quick_benchmark import quick_results

from effdl_lite.models import CifarNet
from experiments import limited_network
from experiments.benchmarks import bandwidth
from experiments.exchanges import EXCHANGES

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120  # seconds
WEIGHTS = sum(weight.numel() for weight in CifarNet().parameters())
networks = pytest.mark.needs("network namespaces")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    efforts = (bandwidth.Effort(), bandwidth.QUICK)
    return quick_results(tmp_path_factory.mktemp("bench"), "bandwidth", bandwidth.JOBS, bandwidth.table, efforts)


def row_of(quick: dict, what: str, exchange: str) -> dict:
    (row,) = [row for row in quick["exchanges"] if (row["what"], row["exchange"]) == (what, exchange)]
    return row


@networks
class TestQuickRun:
    def test_every_exchange_is_measured_alone_and_in_a_training_step_beside_fp32_and_none(self, quick):
        for what in ("exchange alone", "training step"):
            names = [row["exchange"] for row in quick["exchanges"] if row["what"] == what]
            assert names == [*EXCHANGES, bandwidth.NONE]
            assert row_of(quick, what, "fp32")["speedup"] == 1
            assert row_of(quick, what, bandwidth.NONE)["megabytes"] < 1e-3

    def test_bytes_at_the_link_are_those_of_the_codec_and_some_headers(self, quick):
        expected = {"fp32": 4, "bf16": 2, "terngrad-2bit": 1 / 4, "terngrad-base3": 1 / 5}
        for name, bytes_a_weight in expected.items():
            # each of two workers sends every gradient once; a packet of 1448 bytes has 66 of headers, one back as many
            sent = 1e6 * row_of(quick, "training step", name)["megabytes"]
            payload = bytes_a_weight * WEIGHTS
            assert payload < sent < 1.15 * payload + 20_000, name

    def test_powersgd_sends_less_than_ternary_gradients(self, quick):
        sent = {name: row_of(quick, "training step", name)["megabytes"] for name in EXCHANGES}
        assert sent["powersgd-2"] < sent["powersgd-4"] < sent["terngrad-base3"]

    def test_the_link_carries_no_more_than_its_limit(self, quick):
        assert {row["link"] for row in quick["exchanges"]} == {"100 Mbit/s"}
        assert all(row["raw"] < 1.05 for row in quick["exchanges"])

    def test_loss_time_and_bytes_go_together(self, quick):
        rounds = quick["warm_up"] + quick["training_rounds"]
        for name in EXCHANGES:
            curve = row_of(quick, "training step", name)["curve"]
            assert {len(values) for values in curve.values()} == {rounds}
            assert curve["loss"][0] == row_of(quick, "training step", "fp32")["curve"]["loss"][0]
            for key in ("seconds", "megabytes"):
                assert curve[key] == sorted(curve[key])

    def test_goals_are_asked_of_two_workers_at_the_lowest_bandwidth(self, quick):
        goals = {(row["what"], row["exchange"]): row["goal"] for row in quick["exchanges"] if row["goal"]}
        assert goals == {("exchange alone", "terngrad-2bit"): 8.0, ("training step", "terngrad-2bit"): 3.5}
        assert "QUICK: these times mean nothing" in quick["table"][0]
        modelled = {row["exchange"] for row in quick["exchanges"] if row["modelled"]}
        assert modelled == {"terngrad-2bit", "terngrad-base3"}


def gone(pids: list[int]) -> bool:
    """Whether all these processes end in time, and with them their networks, which have no names."""
    deadline = time.monotonic() + PATIENCE
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@networks
class TestNetwork:
    @pytest.fixture(autouse=True)
    def importable(self, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'tests'}")

    def test_each_worker_has_a_network_of_its_own_with_one_link(self, tmp_path):
        found = limited_network.run_workers("idle_worker", 2, 1e9, {"pids": str(tmp_path), "then": "end"})
        assert [worker["links"] for worker in found] == [["link0", "lo"]] * 2
        assert not Path("/sys/class/net/link0").exists()
        assert gone([int((tmp_path / str(rank)).read_text()) for rank in range(2)])

    def test_if_one_worker_fails_the_others_end_and_the_error_says_so(self, tmp_path, capfd):
        with pytest.raises(RuntimeError, match="2 workers at 1e\\+09 bit/s failed"):
            limited_network.run_workers("idle_worker", 2, 1e9, {"pids": str(tmp_path), "then": "fail"})
        assert "exit codes of workers by rank: {1: 3}" in capfd.readouterr().err
        assert gone([int(path.read_text()) for path in tmp_path.iterdir()])

    def test_nothing_is_left_when_the_benchmark_is_killed(self, tmp_path):
        code = "from experiments.limited_network import run_workers; "
        code += f"run_workers('idle_worker', 2, 1e9, {{'pids': {str(tmp_path)!r}, 'then': 'wait'}})"
        main = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)})
        try:
            deadline = time.monotonic() + PATIENCE
            while not all((tmp_path / str(rank)).exists() for rank in range(2)):
                assert time.monotonic() < deadline
                assert main.poll() is None
                time.sleep(0.1)
            time.sleep(0.2)  # the numbers are written
            pids = [int((tmp_path / str(rank)).read_text()) for rank in range(2)]
            assert not gone_already(pids)
        finally:
            main.send_signal(signal.SIGKILL)
            main.wait()
        assert gone(pids)


def gone_already(pids: list[int]) -> bool:
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


class TestWhereThereIsNoSuchNetwork:
    @pytest.fixture(autouse=True)
    def nothing_runs(self, monkeypatch):
        monkeypatch.setattr(bandwidth.bench, "run", lambda *args, **options: pytest.fail("it measured"))

    def test_a_missing_tool_is_named_with_the_remedy_and_the_model_is_shown(self, monkeypatch, capsys):
        which = shutil.which
        monkeypatch.setattr(shutil, "which", lambda name: None if name == "tc" else which(name) or f"/bin/{name}")
        bandwidth.main()
        printed = capsys.readouterr().out
        assert "no limited network without tc: it needs Linux, `apt-get install iproute2 util-linux`" in printed
        assert "Not measured" in printed
        assert sum("terngrad-" in line for line in printed.splitlines()) == 12

    def test_a_system_that_forbids_it_is_quoted(self, monkeypatch, capsys, tmp_path):
        for tool in limited_network.TOOLS:
            (tmp_path / tool).write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 1\n")
            (tmp_path / tool).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        bandwidth.main()
        assert "no limited network here (Operation not permitted): it needs Linux" in capsys.readouterr().out

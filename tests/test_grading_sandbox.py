"""What a process in the sandbox sees and may do, for root and for an ordinary user; and the filter of system calls."""

import errno
import json
import socket
import struct
import subprocess
import sys

import pytest
from ordinary_user import for_root, ordinary_user

from grading import ROOT, LabError, sandbox, system_calls
from grading.limits import Limits

PROBE = """
import ctypes, os, resource, socket

FOLDERS = "/ /course /course/sandboxed /course/effdl_lite/methods /lab /dev /usr /proc/sys /scratch /dev/shm".split()
LIMITS = "RLIMIT_DATA", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_CPU"
CAPABILITIES = "CapEff", "CapPrm"

def tried(call, *args):
    try:
        found = call(*args)
    except OSError as error:
        return error.errno
    return 0 if found is None or not isinstance(found, int) or found >= 0 else ctypes.get_errno()

def look():
    C = ctypes.CDLL(None, use_errno=True)
    writes = {}
    for folder in FOLDERS:
        writes[folder] = tried(open, folder + "/planted", "w")
    seen = []
    for place, folders, files in os.walk("/"):
        folders[:] = [f for f in folders if os.path.join(place, f) not in ("/proc", "/dev", *RUNTIME)]
        seen += [os.path.join(place, name) for name in files]
    return {
        "uid": os.getuid(),
        "writes": writes,
        "seen": sorted(name for name in seen if not name.startswith("/course/effdl_lite/")),
        "methods": os.listdir("/course/effdl_lite/methods"),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
        "environment": sorted(os.environ),
        "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line],
        "network": tried(lambda: socket.create_connection(("192.0.2.1", 80), 2)),
        "host": tried(lambda: socket.create_connection(("127.0.0.1", PORT), 2)),
        "vsock": tried(lambda: socket.socket(40, 1)),
        "netlink": tried(lambda: socket.socket(16, 3)),
        "unshare": tried(C.unshare, 0x10000000),
        "mount": tried(C.mount, b"none", b"/scratch", b"tmpfs", 0, None),
        "ptrace": tried(C.ptrace, 16, os.getppid(), 0, 0),
        "shmget": tried(C.shmget, 7, 4096, 0o1666),
        "memory of the first process": tried(open, f"/proc/{os.getppid()}/mem", "rb"),
        "priority": tried(os.nice, -5),
        "root again": tried(os.setuid, 0),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in LIMITS},
        "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith(CAPABILITIES)],
    }
"""
RUN = """
import json, sys
from pathlib import Path
from grading.limits import Limits
from grading.sandbox_answers import Cell, Student
from grading.sandbox_process import Sandbox
checks, probe = Path(sys.argv[1]), sys.argv[2]
with Sandbox(checks, "", Limits()) as box, Student(box, [Cell("probe", probe)]).answers() as S:
    print(json.dumps(S.look()))
"""


@pytest.mark.needs("bubblewrap")
@pytest.mark.parametrize(
    "user",
    ["as we are", pytest.param("ordinary", marks=[pytest.mark.needs("the right to mount"), for_root])],
)
def test_what_is_seen_and_allowed(user, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "checks.py").write_text("")
    runtime = [str(folder) for folder in sandbox.runtime()]
    with socket.create_server(("127.0.0.1", 0)) as server:
        probe = f"PORT = {server.getsockname()[1]}\nRUNTIME = {runtime}\n{PROBE}"
        command = [sys.executable, "-c", RUN, str(tmp_path / "checks.py"), probe]
        start = ordinary_user(tmp_path) if user == "ordinary" else []
        done = subprocess.run([*start, *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["uid"] != 0
    allowed = {folder for folder, error in found["writes"].items() if error == 0}
    assert allowed == {"/scratch", "/dev/shm"}
    worker = [f"/course/sandboxed/{path.name}" for path in (ROOT / "grading" / "sandboxed").glob("*.py")]
    expected = {*worker, "/lab/checks.py", "/scratch/planted", "/dev/shm/planted"}
    others = [name for name in found["seen"] if name not in expected and "__pycache__" not in name]
    assert not [name for name in others if not name.startswith(tuple(runtime))]
    assert found["methods"] == []
    assert found["processes"] == 3, "bubblewrap's, the first, and this one"
    assert set(found["environment"]) <= {*sandbox.ENVIRONMENT, "PWD", "LC_CTYPE"}
    assert found["interfaces"] == ["lo"]
    assert found["network"] in (errno.ENETUNREACH, errno.EHOSTUNREACH)
    assert found["host"] == errno.ECONNREFUSED
    assert found["vsock"] == found["netlink"] == errno.EAFNOSUPPORT
    for call in ("unshare", "mount", "ptrace", "shmget", "root again"):
        assert found[call] in (errno.EPERM, errno.EINVAL), call
    assert found["memory of the first process"] == errno.EACCES
    assert found["priority"] in (errno.EPERM, errno.EACCES)
    assert found["capabilities"] == ["0" * 16] * 2
    limits = Limits()
    assert found["limits"]["RLIMIT_NPROC"] == [limits.processes] * 2
    assert found["limits"]["RLIMIT_FSIZE"] == [limits.files] * 2
    assert found["limits"]["RLIMIT_DATA"] == [limits.process_memory] * 2
    assert found["limits"]["RLIMIT_CORE"] == [0, 0]
    assert found["limits"]["RLIMIT_CPU"] == [limits.processor_seconds, limits.processor_seconds + 1]


def test_the_methods_of_an_installed_package_are_hidden_too(monkeypatch, tmp_path):
    (tmp_path / "effdl_lite" / "methods").mkdir(parents=True)
    monkeypatch.setattr(sandbox.sysconfig, "get_path", lambda name: str(tmp_path))
    command = sandbox.command(tmp_path / "checks.py", {}, Limits(), 9)
    place = command.index(str(tmp_path / "effdl_lite" / "methods"))
    assert command[place - 1 : place + 3 : 2] == ["--tmpfs", "--remount-ro"] or command[place - 1] == "--tmpfs"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("bwrap: setting up uid map: Permission denied", "/etc/apparmor.d/bwrap"),
        ("bwrap: No permissions to create new namespace", "max_user_namespaces"),
        ("bwrap: Creating new namespace failed: Operation not permitted", "--privileged"),
        ("bwrap: Unknown option --size", "bubblewrap 0.8 or newer"),
        ("", "said nothing"),
    ],
)
def test_what_bubblewrap_says_is_told_with_the_remedy(said, told):
    assert told in sandbox.remedy(said)


class TestSystemCalls:
    """The filter, read by a small interpreter of its instructions."""

    @pytest.mark.parametrize(("machine", "column"), [("x86_64", 0), ("aarch64", 1)])
    def test_what_is_refused_and_allowed(self, machine, column):
        def decide(number, argument=0, architecture=system_calls.ARCHITECTURES[machine]):
            return self.run(system_calls.program(machine), number, architecture, argument)

        for name, numbers in system_calls.REFUSED.items():
            assert decide(numbers[column]) == system_calls.REFUSE | errno.EPERM, name
        assert decide(system_calls.CLONE3[column]) == system_calls.REFUSE | errno.ENOSYS
        fork, thread, namespace = 0x01200011, 0x3D0F00, 0x10000000
        clone = system_calls.CLONE[column]
        assert [decide(clone, flags) for flags in (fork, thread)] == [system_calls.ALLOW] * 2
        for flag in (namespace, 0x20000000, 0x40000000, 0x00020000, 0x02000000, 0x80):
            assert decide(clone, fork | flag) == system_calls.REFUSE | errno.EPERM
        new_socket = system_calls.SOCKET[column]
        assert [decide(new_socket, family) for family in (1, 2, 10)] == [system_calls.ALLOW] * 3
        for family in (0, 16, 17, 38, 40):
            assert decide(new_socket, family) == system_calls.REFUSE | errno.EAFNOSUPPORT
        every = {number for numbers in system_calls.REFUSED.values() for number in numbers[column : column + 1]}
        special = {clone, new_socket, system_calls.CLONE3[column]}
        for number in set(range(500)) - every - special:
            assert decide(number) == system_calls.ALLOW
        assert decide(39, architecture=0x40000003) == system_calls.KILL, "32-bit calls have other numbers"
        assert decide(0x40000000 + 101) == system_calls.KILL

    def test_another_processor_is_refused(self):
        with pytest.raises(LabError, match="not those of riscv64"):
            system_calls.program("riscv64")

    def run(self, program, number, architecture, argument):
        steps = list(struct.iter_unpack("=HBBI", program))
        data = {system_calls.NUMBER: number, system_calls.ARCHITECTURE: architecture}
        data[system_calls.FIRST_ARGUMENT] = argument
        place = loaded = 0
        tests = {
            system_calls.JUMP_EQUAL: lambda value: loaded == value,
            system_calls.JUMP_FROM: lambda value: loaded >= value,
            system_calls.JUMP_BITS: lambda value: bool(loaded & value),
        }
        while True:
            code, when, unless, value = steps[place]
            if code == system_calls.RETURN:
                return value
            if code == system_calls.LOAD:
                loaded = data[value]
            else:
                place += when if tests[code](value) else unless
            place += 1

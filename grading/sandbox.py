"""The bubblewrap sandbox in which students' answers run: no network, no files but a read-only Python, no way out.

It works for root and for an ordinary user. As root there is no user namespace, since the limit on processes would not
hold in one; the first process gives up root instead, for a user id of its own.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from grading import ROOT, LabError
from grading.limits import MIB, Limits

NAMESPACES = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
COURSE, LAB, SCRATCH = "/course", "/lab", "/scratch"
SHARED_MEMORY = 16 * MIB
ENVIRONMENT = {
    "PATH": "/usr/bin",
    "HOME": SCRATCH,
    "TMPDIR": SCRATCH,
    "USER": "student",
    "LANG": "C.UTF-8",
    "PYTHONPATH": f"{COURSE}:{LAB}",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "EFFDL_OFFLINE": "1",
    "TQDM_DISABLE": "1",
}
NOT_LINUX = "bubblewrap is made for Linux: grade on Linux, in a virtual machine, or on Windows in WSL 2"
INSTALL = "install bubblewrap 0.8 or newer, on Debian and Ubuntu with `sudo apt-get install bubblewrap`"
ALLOW = """\
this system forbids sandboxes to ordinary users. On Ubuntu 24.04 and newer allow it for bubblewrap alone: write
  abi <abi/4.0>,
  include <tunables/global>
  profile bwrap /usr/bin/bwrap flags=(unconfined) {
    userns,
  }
to /etc/apparmor.d/bwrap, then `sudo systemctl reload apparmor`. On other systems see that
/proc/sys/user/max_user_namespaces is above 0, and /proc/sys/kernel/unprivileged_userns_clone is 1 where it exists. In a
container, start that with --privileged, or grade outside of it."""
FORBIDDEN = ("Permission denied", "Operation not permitted", "No permissions", "max_user_namespaces", "No space left")


def command(checks: Path, settings: dict, limits: Limits, system_calls: int) -> list[str]:
    """The command that starts the first process of a sandbox.

    Args:
        checks: the lab's public tests, which its setup cell imports.
        settings: for `grading/sandboxed/zygote.py`.
        limits: those of files are set here, the others by the first process.
        system_calls: the descriptor from which bubblewrap reads its filter of system calls.
    """
    package = ROOT / "effdl_lite"
    options = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox", *NAMESPACES]
    if os.geteuid() == 0:
        options += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        options += ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"]
    options += ["--proc", "/proc", "--dev", "/dev", *_writable("/dev/shm", SHARED_MEMORY), "--remount-ro", "/dev"]
    for tree in runtime():
        options += [*_parents(tree), "--ro-bind", str(tree), str(tree)]
    for name in {sys.prefix, sys.base_prefix}:
        if Path(name).resolve() != Path(name) and not Path(name).is_relative_to("/usr"):
            options += [*_parents(Path(name)), "--symlink", str(Path(name).resolve()), name]
    for name in ("bin", "lib", "lib64", "sbin"):
        if Path("/", name).is_symlink():
            options += ["--symlink", os.readlink(Path("/", name)), f"/{name}"]
        elif Path("/", name).is_dir():
            options += ["--ro-bind", f"/{name}", f"/{name}"]
    options += ["--perms", "0755", "--dir", COURSE, "--perms", "0755", "--dir", LAB]
    options += ["--ro-bind", str(package), f"{COURSE}/effdl_lite", *_empty(f"{COURSE}/effdl_lite/methods")]
    options += ["--ro-bind", str(ROOT / "grading" / "sandboxed"), f"{COURSE}/sandboxed"]
    options += ["--ro-bind", str(checks), f"{LAB}/checks.py", *_writable(SCRATCH, limits.files)]
    for methods in _installed_methods():
        options += _empty(str(methods))
    options += ["--remount-ro", "/", "--chdir", SCRATCH, "--seccomp", str(system_calls)]
    for name, value in ENVIRONMENT.items():
        options += ["--setenv", name, value]
    python = [sys.executable, "-s", "-m", "sandboxed.zygote", json.dumps(settings)]
    return ["bwrap", *options, "--", *python]


def user() -> int:
    """The user id for a sandbox of this process, which no other has, so that limits are its own; 0 keeps one's own."""
    if os.geteuid() != 0:
        return 0
    first, _, count = map(int, Path("/proc/self/uid_map").read_text("ascii").splitlines()[-1].split())
    top = first + count
    return top - 2 - os.getpid() % (top // 2)


def runtime() -> list[Path]:
    """The folders that hold Python and its packages."""
    prefixes = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)}
    return [Path("/usr"), *sorted(prefix for prefix in prefixes if not prefix.is_relative_to("/usr"))]


def check_private(paths: list[Path]) -> None:
    """LabError where something private lies in a folder that the sandbox shows."""
    for path in paths:
        for tree in runtime():
            if path.resolve().is_relative_to(tree):
                raise LabError(f"{path} lies in {tree}, which the sandbox shows to students; move it elsewhere")


def check_available() -> None:
    """LabError with the remedy where there is no sandbox; nothing is graded then."""
    if platform.system() != "Linux":
        raise LabError(f"no sandbox, no grading: {NOT_LINUX}")
    if shutil.which("bwrap") is None:
        raise LabError(f"no sandbox, no grading: {INSTALL}")
    rights = [] if os.geteuid() == 0 else ["--unshare-user", "--disable-userns"]
    tried = ["bwrap", *NAMESPACES, *rights, "--ro-bind", "/", "/", "--size", "4096", "--tmpfs", "/tmp", "true"]
    done = subprocess.run(tried, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise LabError(f"no sandbox, no grading: {remedy(done.stderr)}")


def remedy(said: str) -> str:
    """What to do about an error of bubblewrap's."""
    said = said.strip() or "bwrap failed and said nothing"
    if "unknown option" in said.lower():
        return f"{said}; {INSTALL}"
    return f"{said}; {ALLOW}" if any(sign in said for sign in FORBIDDEN) else said


def _writable(place: str, size: int) -> list[str]:
    return ["--perms", "1777", "--size", str(size), "--tmpfs", place]


def _empty(place: str) -> list[str]:
    """Hides a folder; it can be listed, and holds nothing."""
    return ["--perms", "0755", "--tmpfs", place, "--remount-ro", place]


def _parents(tree: Path) -> list[str]:
    """Each folder above one that is shown; bubblewrap itself would make them for root alone."""
    above = [folder for folder in reversed(tree.parents) if str(folder) != "/"]
    return [option for folder in above for option in ("--perms", "0755", "--dir", str(folder))]


def _installed_methods() -> list[Path]:
    """The methods of the package where it is installed among the packages of Python, and not in place."""
    places = {Path(sysconfig.get_path(name)) / "effdl_lite" / "methods" for name in ("purelib", "platlib")}
    return sorted(place for place in places if place.is_dir())

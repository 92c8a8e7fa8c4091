"""The system calls that a student's process may not make: a seccomp filter, as bubblewrap takes it.

What a lab needs is small; these calls would only widen what the sandbox must hold: new namespaces and mounts, other
processes' memory, keys and queues of the kernel that outlive a test, and interfaces with a history of faults.
"""

import errno
import platform
import struct

from grading import LabError

# Linux, include/uapi/linux/{filter,seccomp,audit}.h
LOAD, JUMP_EQUAL, JUMP_FROM, JUMP_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
FOREIGN_CALLS = 0x40000000  # the numbers of x32, which would go past a list of x86-64
NEW_NAMESPACES = 0x7E020080  # all CLONE_NEW flags
SOCKETS = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6; no vsock, netlink, raw packets or kernel cryptography

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = {  # numbers on x86-64 and on arm64
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)


def program(machine: str = "") -> bytes:
    """The filter for this kind of processor; LabError on one for which it is not written."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise LabError(f"grading knows the system calls of {' and '.join(ARCHITECTURES)}, not those of {machine}")
    column = list(ARCHITECTURES).index(machine)
    steps = [
        *(_step(LOAD, ARCHITECTURE), _step(JUMP_EQUAL, ARCHITECTURES[machine], 1, 0), _step(RETURN, KILL)),
        *(_step(LOAD, NUMBER), _step(JUMP_FROM, FOREIGN_CALLS, 0, 1), _step(RETURN, KILL)),
        *(_step(JUMP_EQUAL, CLONE3[column], 0, 1), _step(RETURN, REFUSE | errno.ENOSYS)),  # libraries then use clone
    ]
    for numbers in REFUSED.values():
        steps += [_step(JUMP_EQUAL, numbers[column], 0, 1), _step(RETURN, REFUSE | errno.EPERM)]
    steps += [
        *(_step(JUMP_EQUAL, CLONE[column], 0, 4), _step(LOAD, FIRST_ARGUMENT)),
        *(_step(JUMP_BITS, NEW_NAMESPACES, 0, 1), _step(RETURN, REFUSE | errno.EPERM), _step(RETURN, ALLOW)),
        *(_step(JUMP_EQUAL, SOCKET[column], 0, len(SOCKETS) + 2), _step(LOAD, FIRST_ARGUMENT)),
        *(_step(JUMP_EQUAL, family, len(SOCKETS) - place) for place, family in enumerate(SOCKETS)),
        *(_step(RETURN, REFUSE | errno.EAFNOSUPPORT), _step(RETURN, ALLOW)),
    ]
    return b"".join(steps)


def _step(code: int, value: int, when: int = 0, unless: int = 0) -> bytes:
    """An instruction: how many steps a jump skips when it holds, and unless."""
    return struct.pack("=HBBI", code, when, unless, value)

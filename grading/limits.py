"""What a student's answers may take. Honest answers stay far below; a class on a slow machine may need more time."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits of a student's answers.

    Attributes:
        cell_seconds: of processor time for a cell, when a test loads the answers; it is interrupted then, or after
            four times as long on the clock.
        processor_seconds: of processor time for a test.
        test_seconds: on the clock for a test, however little it computes.
        student_seconds: on the clock for all tests of a student.
        memory: bytes that all processes of the sandbox may hold together.
        process_memory: bytes that one of them may ask for.
        processes: and threads, at once.
        files: bytes of files that they may write, into memory.
        reply_text: bytes of JSON in a reply.
        reply_raw: bytes of tensors in a reply.
        stopping_seconds: until what a test has left behind must be gone.
        starts: how often a sandbox is started anew for a student, if its processes break it.
    """

    cell_seconds: float = 8
    processor_seconds: int = 45
    test_seconds: float = 120
    student_seconds: float = 1200
    memory: int = 3 << 30
    process_memory: int = 4 << 30
    processes: int = 64
    files: int = 64 * MIB
    reply_text: int = MIB
    reply_raw: int = 32 * MIB
    stopping_seconds: float = 60
    starts: int = 10

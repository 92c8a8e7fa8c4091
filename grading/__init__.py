"""The instructors' side of the labs: release, answer bank, students' archive. Never part of what students install."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class LabError(Exception):
    """A lab, or what was asked of it, is not as it must be; the message names the place and the remedy."""

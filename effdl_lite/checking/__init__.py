"""Checks of answers to the labs: a test asks `S`, the student's answers, and says in plain words what it expected."""

from effdl_lite.checking.answers import AnswerFault, Answers, Handle, NotAnswered
from effdl_lite.checking.checks import CheckFailed, Checks, Outcome
from effdl_lite.checking.expect import close, equal, holds, refuses, shaped, unchanged
from effdl_lite.checking.namespace import NamespaceAnswers

__all__ = [
    "AnswerFault",
    "Answers",
    "CheckFailed",
    "Checks",
    "Handle",
    "NamespaceAnswers",
    "NotAnswered",
    "Outcome",
    "close",
    "equal",
    "holds",
    "refuses",
    "shaped",
    "unchanged",
]

"""What the commands of `python -m grading` share: how they are called, their common options, how they fail."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from grading import ROOT, LabError

LabName = Annotated[str, typer.Argument(help="The name of its folder, such as lab01.")]
AnyLab = Annotated[str | None, typer.Argument(help="The name of its folder, such as lab01; all labs without it.")]
Results = Annotated[Path | None, typer.Option(help="Folder; grading/results/LAB without it.")]
Gradebook = Annotated[
    Path | None, typer.Option(help="Folder; without it that of the course, or, with --results, one in there.")
]
Hidden = Annotated[
    Path | None,
    typer.Option(help="Folder with hidden tests of your own, such as lab01.py; they go over the project's."),
]
Names = Annotated[
    Path | None, typer.Option(help="The one file with names and pseudonyms, for anonymous marking; made if missing.")
]


class GradeByDefault(typer.core.TyperGroup):
    """`python -m grading SUBMISSIONS` is short for `python -m grading grade SUBMISSIONS`."""

    def parse_args(self, ctx, args):
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["grade", *args]
        return super().parse_args(ctx, args)


def results_of(lab: str) -> Path:
    """Where the results of a lab are if nobody says otherwise."""
    return ROOT / "grading" / "results" / lab


def gradebook_of(results: Path | None) -> Path:
    """Where the gradebook is if nobody says otherwise: a class that is graded elsewhere has one of its own."""
    return results / "gradebook" if results else ROOT / "grading" / "gradebook"


def words_instead_of_a_traceback(command: Callable) -> Callable:
    """A LabError becomes its message and exit code 1; a full disk, or what else the system refuses, too."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (LabError, OSError) as error:
            for line in str(error).splitlines():
                typer.echo(f"grading: {line}", err=True)
            raise typer.Exit(1) from error

    return wrapped

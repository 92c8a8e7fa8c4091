"""`python -m grading`: new labs, their release, their answer bank, and the archive for students."""

import functools
from collections.abc import Callable
from typing import Annotated

import typer

from grading import ROOT, LabError

app = typer.Typer(
    help="Labs for instructors: write, release, check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
LabName = Annotated[str, typer.Argument(help="The name of its folder, such as lab01.")]
AnyLab = Annotated[str | None, typer.Argument(help="The name of its folder, such as lab01; all labs without it.")]


def words_instead_of_a_traceback(command: Callable) -> Callable:
    """A LabError becomes its message and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except LabError as error:
            for line in str(error).splitlines():
                typer.echo(f"grading: {line}", err=True)
            raise typer.Exit(1) from error

    return wrapped


@app.command()
@words_instead_of_a_traceback
def new(lab: LabName) -> None:
    """Make a lab with every file and cell in its place, and one example exercise."""
    from grading.scaffold import new as make

    for path in make(lab):
        typer.echo(path.relative_to(ROOT))
    typer.echo("Next: write what says REPLACE THIS, then `python -m grading bank` and `python -m grading release`.")


@app.command()
@words_instead_of_a_traceback
def release(lab: AnyLab = None) -> None:
    """Write labs/ from solutions/, and the page of the book that lists the labs."""
    from grading import pages
    from grading.release import release as make
    from grading.suite import labs

    for name in [lab] if lab else labs():
        typer.echo(f"{make(name).relative_to(ROOT)}")
    typer.echo(f"{pages.write().relative_to(ROOT)}")


@app.command()
@words_instead_of_a_traceback
def bank(lab: AnyLab = None) -> None:
    """Try every answer of the bank on the tests and print the coverage; exit code 1 if something must be mended."""
    from grading.coverage import table, try_bank
    from grading.suite import labs, load

    problems = 0
    for name in [lab] if lab else labs():
        covered = try_bank(load(name))
        problems += sum(len(coverage.problems) for coverage in covered)
        typer.echo("\n".join(table(name, covered)))
    if problems:
        raise typer.Exit(1)


@app.command()
@words_instead_of_a_traceback
def archive() -> None:
    """Write the students' archive, from files that git tracks."""
    from grading.archive import write

    typer.echo(write())


if __name__ == "__main__":
    app(prog_name="python -m grading")

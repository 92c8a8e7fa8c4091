"""`python -m grading`: new labs, their release, their answer bank, the archive for students, and grading a class."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from grading import ROOT, LabError


class GradeByDefault(typer.core.TyperGroup):
    """`python -m grading SUBMISSIONS` is short for `python -m grading grade SUBMISSIONS`."""

    def parse_args(self, ctx, args):
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["grade", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=GradeByDefault,
    help="Labs for instructors: write, release, check, grade.",
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


@app.command()
@words_instead_of_a_traceback
def grade(
    submissions: Annotated[Path, typer.Argument(help="A folder or an archive with the work of a class.")],
    lab: Annotated[str | None, typer.Option(help="Its name; found in the names of the files without it.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many students at once.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after an interruption.")] = False,
    results: Annotated[Path | None, typer.Option(help="Folder; grading/results/LAB without it.")] = None,
    gradebook: Annotated[
        Path | None, typer.Option(help="Folder; without it that of the course, or, with --results, one in there.")
    ] = None,
) -> None:
    """Grade a class in a sandbox: a result file per student, a table, feedback, and nbgrader's gradebook."""
    from grading.classroom import grade_class
    from grading.collect import named_labs
    from grading.suite import labs, load

    if lab is None:
        named = named_labs(submissions, labs())
        if len(named) != 1:
            raise LabError(f"say which lab with --lab: the names of the files name {', '.join(named) or 'none'}")
        lab = named[0]
    folder = results or ROOT / "grading" / "results" / lab
    gradebook = gradebook or (results / "gradebook" if results else ROOT / "grading" / "gradebook")
    try:
        statuses = grade_class(submissions, load(lab), folder, jobs=jobs, resume=resume, gradebook=gradebook)
    except OSError as error:
        raise LabError(f"a file cannot be read or written, and the table is not changed: {error}") from error
    told = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    typer.echo(f"{lab}: {told}; see {folder / 'grades.csv'}")


@app.command()
@words_instead_of_a_traceback
def mark(
    gradebook: Annotated[Path, typer.Option(help="Folder of the gradebook.")] = ROOT / "grading" / "gradebook",
    port: Annotated[int, typer.Option(help="On this machine.")] = 8889,
    browser: Annotated[bool, typer.Option(help="Whether to open one.")] = True,
) -> None:
    """Read answers in words and give points, in nbgrader's formgrader; the next `grade --resume` reads them back."""
    from grading.formgrader import serve

    serve(gradebook, port, browser)


if __name__ == "__main__":
    app(prog_name="python -m grading")

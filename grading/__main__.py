"""`python -m grading`: labs (new, release, bank, archive), a class (grade, mark, merge, regrade, similar, export)."""

from pathlib import Path
from typing import Annotated

import typer

from grading import ROOT, LabError
from grading.commands import (
    AnyLab,
    Gradebook,
    GradeByDefault,
    Hidden,
    LabName,
    Names,
    Results,
    gradebook_of,
    results_of,
    words_instead_of_a_traceback,
)

app = typer.Typer(
    cls=GradeByDefault,
    help="Labs for instructors: write, release, check, grade.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
def bank(lab: AnyLab = None, hidden: Hidden = None) -> None:
    """Try every answer of the bank on the tests and print the coverage; exit code 1 if something must be mended."""
    from grading.coverage import table, try_bank
    from grading.suite import labs, load

    problems = 0
    for name in [lab] if lab else labs():
        covered = try_bank(load(name, private=hidden))
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
    results: Results = None,
    hidden: Hidden = None,
    names: Names = None,
    gradebook: Gradebook = None,
) -> None:
    """Grade a class in a sandbox: a result file per student, a table, feedback, and nbgrader's gradebook."""
    from grading.classroom import grade_class
    from grading.collect import named_labs
    from grading.names import Pseudonyms
    from grading.suite import labs, load

    if lab is None:
        named = named_labs(submissions, labs())
        if len(named) != 1:
            raise LabError(f"say which lab with --lab: the names of the files name {', '.join(named) or 'none'}")
        lab = named[0]
    folder = results or results_of(lab)
    tests, known_by = load(lab, private=hidden), Pseudonyms(names) if names else None
    course = gradebook or gradebook_of(results)
    try:
        statuses = grade_class(submissions, tests, folder, jobs=jobs, resume=resume, names=known_by, gradebook=course)
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


@app.command()
@words_instead_of_a_traceback
def merge(
    lab: LabName,
    sources: Annotated[
        list[Path] | None, typer.Argument(help="Folders of results, as other machines wrote them.")
    ] = None,
    results: Results = None,
    hidden: Hidden = None,
    gradebook: Gradebook = None,
) -> None:
    """Put together what several machines graded, or nothing where anything disagrees. Alone, writes all tables anew."""
    from grading.merge import merge as put_together
    from grading.suite import load

    folder = results or results_of(lab)
    number = put_together(load(lab, private=hidden), sources or [], folder, gradebook or gradebook_of(results))
    typer.echo(f"{lab}: {number} students; see {folder / 'grades.csv'}")


@app.command()
@words_instead_of_a_traceback
def regrade(
    lab: LabName,
    requests: Annotated[
        Path | None, typer.Argument(help="What students asked for, as in grading/regrade_example.yml.")
    ] = None,
    names: Names = None,
    results: Results = None,
) -> None:
    """After another run of the grader: the points before and now of those who asked, and of everybody else."""
    from grading.names import Pseudonyms
    from grading.regrade import report
    from grading.suite import load

    known_by = Pseudonyms(names) if names else None
    typer.echo("\n".join(report(load(lab), results or results_of(lab), requests, known_by)))


@app.command()
@words_instead_of_a_traceback
def similar(
    lab: LabName,
    results: Results = None,
    least: Annotated[float, typer.Option(min=0, max=1, help="Share of an answer that two must have in common.")] = 0.8,
) -> None:
    """A page with answers that are alike: a hint to look, never a verdict."""
    from grading.similar_page import write
    from grading.suite import load

    typer.echo(write(load(lab), results or results_of(lab), least))


@app.command()
@words_instead_of_a_traceback
def export(
    lab: LabName,
    policy: Annotated[Path | None, typer.Option(help="Late policy, as in grading/policy_example.yml.")] = None,
    roster: Annotated[
        Path | None, typer.Option(help="The gradebook that Canvas exports, or Moodle's grading worksheet in English.")
    ] = None,
    column: Annotated[str | None, typer.Option(help="Canvas: which assignment gets the grades.")] = None,
    names: Names = None,
    tests_only: Annotated[bool, typer.Option("--tests-only", help="Leave out what a person marks.")] = False,
    results: Results = None,
    into: Annotated[Path | None, typer.Option(help="Folder; grading/exports/LAB without it.")] = None,
) -> None:
    """Grades to give out: after the late policy, under names, and as a file that Canvas or Moodle imports."""
    from grading import policy as late
    from grading.export import export as give_out
    from grading.names import Pseudonyms
    from grading.roster import Roster
    from grading.suite import load

    rules, known = policy and late.read(policy), roster and Roster(roster, column)
    known_by = Pseudonyms(names) if names else None
    done = give_out(
        load(lab),
        results or results_of(lab),
        into or ROOT / "grading" / "exports" / lab,
        rules=rules,
        roster=known,
        names=known_by,
        tests_only=tests_only,
    )
    typer.echo(f"{lab}: {done.graded} with a grade; see {', '.join(map(str, done.files))}")
    for student, reason in done.without.items():
        typer.echo(f"no grade: {student}: {reason}")
    for note in done.notes:
        typer.echo(f"note: {note}")
    for problem in done.problems:
        typer.echo(f"grading: {problem}", err=True)
    if done.problems:
        raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m grading")

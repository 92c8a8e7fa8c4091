"""The command `effdl`: data, checks of a lab, a look at the machine. torch is imported only by what needs it."""

import contextlib
import functools
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

import effdl_lite

app = typer.Typer(
    help="The command of the course Efficient and Scalable Deep Learning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="CIFAR-10 and Penn Treebank: where, fetch, verify, pack.", no_args_is_help=True)
app.add_typer(data_app, name="data")


def one_line_errors(command: Callable) -> Callable:
    """An error that the package words for its users becomes that line and exit code 1, without a traceback."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            from effdl_lite.data.errors import DataError
        except ImportError as error:
            typer.echo(f"effdl: {error}; run `pip install -e .` in the folder of the course", err=True)
            raise typer.Exit(1) from error
        try:
            return command(*args, **kwargs)
        except DataError as error:
            typer.echo(f"effdl: {error}", err=True)
            raise typer.Exit(1) from error

    return wrapped


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextlib.contextmanager
def stopped_in_words() -> Iterator[None]:
    """Ctrl-C and SIGTERM become one line and the exit code that a shell expects, 130 and 143, without a traceback."""

    def terminate(number, frame):
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except KeyboardInterrupt as stop:
        typer.echo("effdl: stopped before the end; your notebook is as it was", err=True)
        raise typer.Exit(143 if isinstance(stop, Terminated) else 130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"effdl_lite {effdl_lite.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """The command of the course Efficient and Scalable Deep Learning."""


@data_app.command()
@one_line_errors
def where() -> None:
    """Print the data folder, what it holds, and which source each loader would use."""
    from effdl_lite.data import data_folder, registry
    from effdl_lite.data.files import megabytes
    from effdl_lite.data.obtain import planned

    folder = data_folder()
    typer.echo(f"folder: {folder}{'' if folder.exists() else ' (does not exist yet)'}")
    for dataset in (registry.CIFAR10, registry.PTB):
        for name in dataset.pack_files:
            path = folder / name
            typer.echo(f"  {name}: {megabytes(path.stat().st_size) if path.is_file() else 'not there'}")
        typer.echo(f"  {dataset.name} would come from: {planned(dataset, folder)}")


@data_app.command()
@one_line_errors
def fetch(
    force: Annotated[bool, typer.Option(help="Replace what is there, good or damaged.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that a server may be silent.")] = 30.0,
) -> None:
    """Download CIFAR-10 and Penn Treebank from their official servers, unless they are there."""
    from effdl_lite.data import data_folder, fetch_cifar10, fetch_ptb, registry
    from effdl_lite.data.download import Patience
    from effdl_lite.data.errors import DataError

    folder, failed = data_folder(), False
    for dataset, get in ((registry.CIFAR10, fetch_cifar10), (registry.PTB, fetch_ptb)):
        # The second data set is tried even if the first one fails: they come from different servers.
        try:
            fetched = get(folder, force=force, patience=Patience(read=timeout))
        except DataError as error:
            typer.echo(f"effdl: {error}", err=True)
            failed = True
            continue
        typer.echo(f"{dataset.name}: {'downloaded to' if fetched else 'already in'} {folder}")
        typer.echo(f"  {dataset.licence}")
    if failed:
        raise typer.Exit(1)


@data_app.command()
@one_line_errors
def verify() -> None:
    """Compare each file of the data folder with what it should be; exit code 1 if one is missing or wrong."""
    from effdl_lite import data

    findings = data.verify(data.data_folder())
    width = max(len(finding.file) for finding in findings)
    for finding in findings:
        typer.echo(f"{finding.file:<{width}}  {finding.status:<12}  {finding.detail}")
    if any(finding.is_fault for finding in findings):
        raise typer.Exit(1)


@data_app.command()
@one_line_errors
def pack(
    images: Annotated[int, typer.Option(help="Training images to take; 2,000 of them are for validation.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the random draw.")] = 0,
    out: Annotated[Path | None, typer.Option(help="A new or empty folder.")] = None,
) -> None:
    """Make a smaller pack of one's own, for a room without a network."""
    from effdl_lite.data import make_pack
    from effdl_lite.data.files import megabytes

    folder = make_pack(images, seed, out)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    typer.echo(f"{folder}: {images:,} training images, {megabytes(size)}")
    typer.echo(f"to use it: set EFFDL_DATA to {folder.resolve()}")


@app.command()
def check(
    lab: Annotated[str, typer.Argument(help="A notebook, or a lab's name, such as lab01.")],
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = 60,
) -> None:
    """Run a lab from top to bottom in a fresh kernel and print what its checks found; exit code 1 if one failed."""
    with stopped_in_words():
        from effdl_lite.checking import notebook, rerun, summary

        try:
            found = rerun.rerun(file := notebook.read(notebook.find(lab)), timeout)
        except notebook.NotebookError as error:
            typer.echo(summary.wrapped(f"effdl: {error}", sys.stderr), err=True)
            raise typer.Exit(1) from error
        for line in summary.lines(file, found, timeout):
            typer.echo(summary.wrapped(line, sys.stdout))
        if not summary.all_passed(found):
            raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Look at this machine: versions, processor, memory, data, tools, and the remedy for what is missing."""
    from effdl_lite.doctor import examine

    lines = examine()
    width = max(len(line.name) for line in lines)
    for line in lines:
        typer.echo(f"{line.status:<7}  {line.name:<{width}}  {line.found}")
        if line.remedy:
            typer.echo(f"{'':<7}  {'':<{width}}  -> {line.remedy}")
    if any(line.status == "missing" for line in lines):
        raise typer.Exit(1)


if __name__ == "__main__":
    app()

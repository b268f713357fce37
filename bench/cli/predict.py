"""The command that applies a trained entry to recordings without labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.completion import entry_folders, task_names
from bench.errors import BenchError, UsageError

if TYPE_CHECKING:
    from bench.labelling import Reading
    from bench.recordings import Recording

folder = click.Path(path_type=Path)


@click.command()
@click.argument("entry", type=folder, shell_complete=entry_folders)
@click.argument("source", metavar="FOLDER|DATASET")
@click.option(
    "--format",
    "format_",
    default="csv",
    show_default=True,
    type=click.Choice(["csv", "boris", "npz"]),
    help="A row for each frame, or segment; bouts that BORIS reads; arrays.",
)
@click.option(
    "--out",
    type=folder,
    help="Where the files go.  [default: labels/ENTRY; of boris and npz labels/ENTRY-FORMAT]",
)
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="Frames per second of the videos.")
@click.option("--image", metavar="WIDTHxHEIGHT", help="Size of the videos in pixels.")
@click.option(
    "--rename", "renamed", multiple=True, metavar="THEIRS=OURS", help="Name of an animal or a keypoint."
)
@click.option(
    "--task",
    "task_name",
    shell_complete=task_names,
    help="Which task of an entry that was trained on several.",
)
@click.option("--run", help="Which of its runs.  [default: the first]")
@click.option("--part", help="Which part of the task.")
@click.option("--least", type=float, help="Of segments: the lowest score of a bout.  [default: 0.3]")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
def predict(
    entry: Path,
    source: str,
    format_: str,
    out: Path | None,
    fps: float | None,
    image: str | None,
    renamed: tuple[str, ...],
    task_name: str | None,
    run: str | None,
    part: str | None,
    least: float | None,
    device: str,
) -> None:
    """Label recordings that nobody has labelled, by a model that `bench train` has trained.

    ENTRY is the folder of its submission. FOLDER holds pose files of DeepLabCut (csv, h5), SLEAP
    (analysis h5) or movement (nc); a DATASET is one that `bench pull` has stored.

    \b
    bench predict submissions/conv1d my_poses --format boris
    bench predict submissions/conv1d my_poses --fps 25 --rename snout=nose --rename white=mouse1
    """  # noqa: D301  (click reads the backspace as "do not rewrap")
    from tqdm import tqdm

    from baselines.runs import kept
    from bench.datasets import get_task
    from bench.labelling import Answered, Reading, writer

    name, path = kept.find(entry, task=task_name, run=run, part=part)
    task, trained = get_task(name), kept.read(path, device)
    rate = task.dataset.fps
    names = dict(_pair(text) for text in renamed)
    reading = Reading(trained.run.sizes.skeleton, task.classes, fps or rate, _size(image), names)
    recordings, count = _recordings(source, reading, stated=fps is not None)
    click.echo(f"{path.stem} of {entry}, trained on {task.name}: {', '.join(task.classes)}", err=True)
    if trained.is_of_other_code:
        click.echo("note: the code of the model has changed since it was trained", err=True)
    question = Answered(task.kind, task.classes, task.exclusive, task.background)
    write = writer(format_, question if least is None else replace(question, least=least))
    target = out or _usual_folder(entry, format_)
    bar = tqdm(
        kept.answers(trained, task, recordings),
        unit=" recordings",
        total=count,
        delay=2,
        leave=False,
        disable=None,
    )
    rates: dict[float, str] = {}
    written = 0
    try:
        for recording, answer in bar:
            rates.setdefault(recording.fps, recording.id)
            tqdm.write(str(write(target, recording, answer)))
            written += 1
    finally:  # what cannot be read is listed after what could be
        _tell_rates(rates, rate)
        click.echo(f"{written} of {count} recordings labelled in {target}", err=True)


def _usual_folder(entry: Path, format_: str) -> Path:
    """Make the folder of a format, of its own: a csv for BORIS replaces no csv of frames."""
    from bench.files.writing import make_folder

    name = entry.resolve().name
    return make_folder(Path("labels"), name if format_ == "csv" else f"{name}-{format_}")


def _recordings(source: str, reading: Reading, *, stated: bool) -> tuple[Iterator[Recording], int]:
    """Return the recordings of a folder, a file or a stored data set, and how many there may be."""
    from bench.labelling import find_poses, read_files

    if not Path(source).exists():
        return _stored(source, reading)
    try:
        files = find_poses(Path(source))
    except UsageError as fault:
        try:  # `bench demo` leaves a folder with the name of a data set
            stored = _stored(source, reading)
        except BenchError:
            raise fault from None
        _note(f"the folder {source} holds no poses; the data set {source} is labelled")
        return stored
    for name in files.left_out:
        click.echo(f"left out: {name}, a csv without a row 'scorer'", err=True)
    if not stated:
        click.echo(
            f"files that name no frame rate are taken as {reading.fps:g} frames per second, as in training; "
            "--fps says otherwise",
            err=True,
        )
    return read_files(files, reading, _note), len(files.paths)


def _stored(name: str, reading: Reading) -> tuple[Iterator[Recording], int]:
    """Return the recordings of a stored data set, and how many there may be."""
    from bench.datasets import get_dataset
    from bench.labelling import read_store
    from bench.store import manifest

    try:
        dataset = get_dataset(name)
    except UsageError as fault:
        hint = "name a folder with pose files, or a data set that is pulled: bench tasks"
        raise UsageError(f"no folder {name!r}, and {fault.title}", hint=hint) from None
    return read_store(dataset, reading, _note), len(manifest(dataset).recordings)


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)


def _tell_rates(rates: dict[float, str], trained: float) -> None:
    """Say which recordings have another frame rate than those of the training."""
    from bench.labelling import same_rate

    for rate, id_ in rates.items():
        if not same_rate(rate, trained):
            click.echo(
                f"note: {id_} has {rate:g} frames per second, the model was trained on {trained:g}: "
                "so many frames are more time, or less, than in training",
                err=True,
            )


def _pair(text: str) -> tuple[str, str]:
    theirs, equals, ours = text.partition("=")
    if not (theirs and equals and ours):
        raise UsageError(f"--rename {text}: expected THEIRS=OURS, as in snout=nose")
    return theirs, ours


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"--image {text}: expected WIDTHxHEIGHT in pixels, as in 1280x1024")
    return int(width), int(height)

"""The command that makes a task of a lab's own recordings."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE.toml")
@click.option("--replace", is_flag=True, help="Replace the task of that name: its recordings and its split.")
def add(path: Path, replace: bool) -> None:
    """Make a task of your own recordings: read, check and freeze what FILE.toml declares.

    From then on its name is a task, for every command that takes one, marked as an own task.

    \b
    [dataset]
    name = "mylab"
    fps = 30
    image = [1280, 1024]
    poses = { format = "deeplabcut", files = "poses/*.csv" }   # sleap, movement, simba, none
    labels = { format = "boris", files = "labels/*.csv" }      # caltech, bento, simba, frames
    classes = ["attack", "mount", "other"]
    background = "other"
    test = ["m07", "m08"]                                      # or split = "split.csv"

    \b
    Optional: folder, where the files are if not here; val; groups = "animals.csv", the unit of
    intervals; overlap = true, where classes may hold together; tolerance, in frames, of lengths;
    title, question, licence, citation, url.
    Of labels: channel (caltech, bento), subject (boris), times (bento: frames, seconds, nominal),
    ignore = ["labels that are no class"]. Of poses: animals = ["black", "white"], individuals of
    the files or parts of keypoints' names.
    files = "poses/{recording}DLC_*.csv" says what names a recording.
    """  # noqa: D301  (click reads the backspace as "do not rewrap")
    from bench import adding
    from bench.text import added_text

    added = adding.add(path, replace=replace)
    click.echo(added_text(added))
    click.echo(f"{'added' if added.new else 'already there, nothing was written:'} task {added.task.name}")
    name = added.task.name
    click.echo(f"next: bench train prior --task {name}" if added.trains else f"next: bench data {name}")

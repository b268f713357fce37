"""The command that draws simulated recordings as videos."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench.cli.completion import data_names
from bench.cli.entries import folder
from bench.errors import UsageError


@click.command()
@click.argument("name", metavar="TASK", shell_complete=data_names)
@click.option("--out", required=True, type=folder, help="Where the videos go.")
@click.option("--mirror", is_flag=True, help="Show a mirror below the floor, and write a mask of it.")
@click.option("--width", default=256, show_default=True, type=click.IntRange(64, 1920), help="In pixels.")
@click.option("--recording", "chosen", multiple=True, help="Only this one.  [default: all]")
def render(name: str, out: Path, mirror: bool, width: int, chosen: tuple[str, ...]) -> None:
    """Draw the simulated recordings of TASK as videos: RECORDING.mp4, and RECORDING.boxes.json.

    The boxes are where each animal is in each picture. Recordings are those of the store: `bench pull` first.
    """
    from bench import store
    from bench.about import install_hint
    from bench.datasets import get_dataset

    dataset = get_dataset(name)
    if dataset.scene is None:
        raise UsageError(f"{dataset.name} is not simulated: nothing is drawn of it", hint="bench pull --list")
    try:
        from baselines.inputs.rendering import render as draw
        from baselines.inputs.rendering import write_glass
    except ModuleNotFoundError as fault:
        raise UsageError(f"bench render needs {fault.name}", hint=install_hint("video")) from fault
    from bench.files.writing import write_text

    for recording in store.load(dataset, chosen or list(store.manifest(dataset).recordings), poses=True):
        path, scene = out / f"{recording.id}.mp4", dataset.scene(recording.id)
        truth = draw(recording, dataset.skeleton, scene, path, width=width, mirror=mirror)
        boxes = dict(zip(dataset.animals, truth.transpose(1, 0, 2).round(1).tolist(), strict=True))
        write_text(path.with_suffix(".boxes.json"), json.dumps(boxes) + "\n")
        click.echo(str(path))
    if mirror:
        click.echo(str(write_glass(out / "mirror.png", dataset.skeleton, width)))

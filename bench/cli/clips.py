"""The command that carries annotations of recordings over to their clips."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench.cli.entries import folder


@click.command()
@click.argument("annotations", type=folder)
@click.option("--out", required=True, type=folder, help="The file that is written.")
@click.option("--seconds", default=10.0, show_default=True, help="Of a clip.")
@click.option("--every", default=5.0, show_default=True, help="Seconds from one clip to the next.")
@click.option("--shortest", default=5.0, show_default=True, help="Seconds; a shorter episode is marked.")
def clips(annotations: Path, out: Path, seconds: float, every: float, shortest: float) -> None:
    """Carry ANNOTATIONS of whole recordings over to the clips that `bench features --clips` cuts.

    ANNOTATIONS is JSON in ActivityNet's layout, {"database": {video: {"duration": 93.5, "annotations":
    [{"segment": [1.2, 3.4], "label": "rearing"}]}}}, and so is what is written.
    """
    from bench.datasets.clip_annotations import cut_annotations, read_annotations
    from bench.datasets.clips import Cut
    from bench.files.writing import write_text

    cut = Cut(seconds, every, shortest)
    database = read_annotations(annotations)
    made = cut_annotations(database, cut)
    write_text(out, json.dumps({"database": made}, indent=1) + "\n")
    rows = [row for clip in made.values() for row in clip["annotations"]]
    short = sum(row["short_episode"] for row in rows)
    click.echo(
        f"wrote {len(made):,} clips of {len(database):,} recordings, {len(rows):,} segments, {short:,} of "
        f"episodes under {shortest:g} s, to {out}"
    )

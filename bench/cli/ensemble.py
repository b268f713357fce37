"""The command that makes an entry of several runs or entries."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.entries import folder


@click.command()
@click.argument("paths", nargs=-1, required=True, type=folder, metavar="ENTRY...")
@click.option("--task", "task_name", required=True)
@click.option("--out", required=True, type=folder, help="Folder of the new entry.")
def ensemble(paths: tuple[Path, ...], task_name: str, out: Path) -> None:
    """Write an entry that says the mean of the probabilities of all runs of ENTRY, or of several.

    \b
    bench ensemble submissions/mabe21_top1 --task calms21-task1 --out submissions/mabe21_ensemble
    bench ensemble submissions/gbdt submissions/conv1d --task rat-dyads --out submissions/both
    """  # noqa: D301  (click reads the backspace as "do not rewrap")
    from bench.ensembles import write_ensemble

    click.echo(f"wrote {write_ensemble(paths, task_name, out)} and {out / 'submission.toml'}")
    click.echo(f"next: bench evaluate {out} --task {task_name}")

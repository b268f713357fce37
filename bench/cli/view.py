"""The command that shows a recording: truth, entries and poses in one page."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.completion import entry_folders, task_names
from bench.cli.entries import folder


@click.command()
@click.argument("task_name", metavar="TASK", shell_complete=task_names)
@click.argument("entries", nargs=-1, type=folder, shell_complete=entry_folders)
@click.option("--recording", help="A test recording of the task.  [default: the first]")
@click.option("--out", type=folder, help="The page.  [default: TASK--RECORDING.html]")
def view(task_name: str, entries: tuple[Path, ...], recording: str | None, out: Path | None) -> None:
    """Show a test recording of TASK as an ethogram, with what ENTRIES (folders with predictions) say of it.

    One page that needs no network: zoom, step from disagreement to disagreement, the poses beside it.
    """
    from bench.datasets import get_task
    from bench.files.writing import write_text
    from bench.pages import view_page
    from bench.viewing import view as viewed

    seen = viewed(get_task(task_name), recording, entries)
    path = out or Path(f"{task_name}--{seen.recording.id}.html")
    write_text(path, view_page(seen))
    click.echo(f"open {path}")

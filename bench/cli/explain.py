"""The command `bench explain`: why a result's numbers are what they are, from its file alone."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.completion import entry_folders, task_names
from bench.cli.entries import RESULTS


@click.command()
@click.argument("task", shell_complete=task_names)
@click.argument("entry", type=click.Path(path_type=Path), shell_complete=entry_folders)
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path), show_default=True)
@click.option(
    "--metric", help="Shown by part; hard recordings are hard by it.  [default: the one that ranks]"
)
@click.option("--part", help="Only this part's confusion, curves and recordings.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def explain(
    task: str, entry: Path, results: Path, metric: str | None, part: str | None, as_json: bool
) -> None:
    """Explain the numbers of ENTRY on TASK: by class, confusion, boundaries, onsets, hardest recordings.

    ENTRY is the name of a submission, or its folder. Nothing is scored again: the result file is read.
    """
    from bench.results import canonical
    from bench.text import explain as explain_text
    from bench.text import explanation
    from bench.verification.results import read_named

    result = read_named(results, task, entry.name)
    if as_json:
        click.echo(canonical(explanation(result, part)).decode(), nl=False)
    else:
        click.echo(explain_text(result, metric, part))

"""Commands about the history of results: record them, score them again."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.entries import RESULTS, folder
from bench.errors import UsageError


@click.command()
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results lie.")
def log(results: Path) -> None:
    """Append the results that are new or changed to the log beside their folder; each line seals the last."""
    from bench.history import log_of, record
    from bench.verification.results import read_results

    lines = record(read_results(results), log_of(results))
    for line in lines:
        click.echo(f"{line.date}  {line.task}  {line.entry}  {line.metric} {line.value}")
    click.echo(f"{len(lines)} new lines in {log_of(results)}")


@click.command()
@click.argument("predictions", type=folder)
@click.option("--task", "task_name", help="Only this task.")
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results lie.")
@click.option("--write", is_flag=True, help="Also write the new results.")
def rescore(predictions: Path, task_name: str | None, results: Path, write: bool) -> None:
    """Score stored results again from PREDICTIONS (<entry>/<task>/<run>...), and print how ranks change."""
    from bench import rescoring
    from bench.files.opening import folder_fault
    from bench.results import write as write_result
    from bench.text import rescored_text
    from bench.verification.results import read_results

    if fault := folder_fault(predictions):
        hint = "the folder that holds a folder of each entry, as submissions"
        raise UsageError(f"{predictions}: {fault}", hint=f"bench rescore PREDICTIONS, {hint}")
    everything = read_results(results)
    stored = [one for one in everything if task_name in (None, one.task["name"])]
    if not stored:
        names = sorted({one.task["name"] for one in everything})
        title = f"{results} holds no result" + (f" of a task {task_name!r}" if task_name else "")
        raise UsageError(title, hint=f"--task: one of {', '.join(names)}" if names else "bench evaluate")
    done = list(rescoring.rescore(stored, predictions))
    if write:
        for one in done:
            if one.new is not None:
                write_result(one.new, results)
    click.echo(rescored_text(rescoring.moves(done)))

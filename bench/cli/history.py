"""Commands about the history of results: record them, score them again."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.entries import RESULTS, folder


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
    from bench.results import write as write_result
    from bench.text import rescored_text
    from bench.verification.results import read_results

    stored = [one for one in read_results(results) if task_name in (None, one.task["name"])]
    done = list(rescoring.rescore(stored, predictions))
    if write:
        for one in done:
            if one.new is not None:
                write_result(one.new, results)
    click.echo(rescored_text(rescoring.moves(done)))

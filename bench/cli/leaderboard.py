"""Commands that show the leaderboard of a task in the terminal, or write its table for others to read."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.completion import task_names
from bench.cli.entries import RESULTS, folder


@click.command()
@click.argument("task_name", metavar="TASK", shell_complete=task_names)
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results lie.")
@click.option("--reference", is_flag=True, help="Show the reference results that ship beside them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def leaderboard(task_name: str, results: Path, reference: bool, as_json: bool) -> None:
    """Show the entries of TASK, the best first, and the models that papers print values of."""
    from bench.pages import FORMATS, page_of, short_table
    from bench.text import table

    page, fault = page_of(results, task_name, reference=reference)
    if as_json:
        click.echo(FORMATS["json"][2](page), nl=False)
    else:
        shown = short_table(page)
        rows = [[str(cell) for cell in row] for row in shown.rows]
        click.echo(f"{page.task.title}: {page.task.question}\n")
        click.echo(table(shown.columns, rows, "rll" + "r" * (len(shown.columns) - 3)))
        for ranking in page.rankings[:1]:
            click.echo(f"\n{ranking.apart}")
    if fault:
        raise fault


@click.command()
@click.argument("task_name", metavar="TASK", shell_complete=task_names)
@click.option(
    "--format",
    "written",
    default="csv",
    show_default=True,
    type=click.Choice(["csv", "json", "latex", "markdown"]),
)
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results lie.")
@click.option("--reference", is_flag=True, help="Write the reference results that ship beside them.")
def export(task_name: str, written: str, results: Path, reference: bool) -> None:
    """Write the table of TASK, entries and published models, for a spreadsheet, a program or a paper."""
    from bench.pages import FORMATS, page_of

    _, _, write = FORMATS[written]
    page, fault = page_of(results, task_name, reference=reference)
    click.echo(write(page), nl=False)
    if fault:
        raise fault

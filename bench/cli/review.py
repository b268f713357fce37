"""The command that says whether a pull request is one submission, and where its entry would stand."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.entries import folder


@click.command()
@click.argument("checkout", type=folder, default=Path())
@click.option("--base", required=True, help="The commit that the change left, such as origin/main.")
def review(checkout: Path, base: str) -> None:
    """Check that a change holds one submission and nothing else; show its scores and its ranks as Markdown.

    CHECKOUT is a checkout of the change. None of its code runs.
    """
    from bench.pages import as_markdown, page_of
    from bench.reviewing import review as reviewed

    found = reviewed(checkout, base)
    results = checkout / "leaderboard" / "results"
    click.echo(f"# {found.entry.id}: one submission, {len(found.results)} results without a fault")
    for result in found.results:
        page, fault = page_of(results, result.task["name"])
        click.echo(f"\n## {page.task.title}\n")
        click.echo(as_markdown(page))
        for ranking in page.rankings[:1]:
            click.echo(ranking.apart)
        if fault:
            click.echo(f"\nleft out: {fault}")

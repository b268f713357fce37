"""Commands about published tables: audit them, and train again what they print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.curve import CURVES
from bench.cli.training import resumable
from bench.errors import DataError, UsageError

if TYPE_CHECKING:
    from baselines.reproduction.reproduce import Reproduced

folder = click.Path(path_type=Path)


@click.command()
@click.argument("source", required=False)
@click.option("--runs", type=folder, help="Also compare with this CSV of CalMS21's results of every seed.")
@click.option(
    "--all", "every", is_flag=True, help="Print every finding, check by check, not only what does not agree."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def audit(source: str | None, runs: Path | None, every: bool, as_json: bool) -> None:
    """Check the papers' tables against themselves and each other, or those of the paper SOURCE alone."""
    from dataclasses import asdict

    from bench.published import audit_papers
    from bench.results import canonical
    from bench.text import findings_text

    findings = audit_papers(source, runs)
    if as_json:
        click.echo(canonical({"findings": [asdict(finding) for finding in findings]}).decode(), nl=False)
    else:
        click.echo(findings_text(findings, every=every))


@click.command()
@click.argument("names", metavar="[TABLE]...", nargs=-1)
@click.option("--list", "as_list", is_flag=True, help="List the tables and what each needs.")
@click.option("--dry-run", is_flag=True, help="Say what would be trained, and train nothing.")
@click.option("--seeds", type=click.IntRange(1), help="So many, in place of the paper's: its own first.")
@click.option("--variants", is_flag=True, help="Also train the other baselines that the paper may mean.")
@click.option("--epochs", type=click.IntRange(1), help="Other than the recipe's; the card then says so.")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option("--workers", type=click.IntRange(1), help="Train so many at once on this machine.")
@click.option("--cluster", metavar="ADDRESS", help="Train on a Dask cluster: tcp://HOST:PORT.")
@click.option("--out", default=Path("submissions"), type=folder, show_default=True, help="Where entries go.")
@click.option("--task", "task_name", help="Of a figure: what its models are trained on.")
@click.option(
    "--model", default="lookagain", show_default=True, help="Of a figure: lookagain_small is lighter."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def reproduce(
    names: tuple[str, ...],
    as_list: bool,
    dry_run: bool,
    seeds: int | None,
    variants: bool,
    epochs: int | None,
    device: str,
    workers: int | None,
    cluster: str | None,
    out: Path,
    task_name: str | None,
    model: str,
    as_json: bool,
) -> None:
    """Train what published TABLEs print, where it is not there yet, and put our numbers beside theirs.

    The figures lookagain-2 to -5 print no numbers: they are run on a task, beside the claims of the paper.

    \b
    bench reproduce --list
    bench reproduce calms21-1 --dry-run
    bench reproduce calms21-1 --device cuda --workers 4
    bench reproduce lookagain-3 --task demo-feeder-16x480 --model lookagain_small --seeds 5
    """  # noqa: D301  (click reads the backspace as "do not rewrap")
    from baselines.reproduction import plans
    from baselines.reproduction.reproduce import reproduce as train_and_compare
    from baselines.reproduction.reproduce import trainer
    from bench.published import get_table, read_published
    from bench.text import listing_text, plan_text

    if names and all(name.startswith("lookagain-") for name in names):
        if workers or cluster or variants or dry_run or as_list:
            raise UsageError("a figure knows none of these", hint="leave them out")
        _figures(names, task_name, model, seeds or 5, epochs, device, as_json=as_json)
        return
    numbers = read_published()
    printed = [number for name in dict.fromkeys(names) for number in get_table(numbers, name)]
    if as_list:
        _echo(plans.listing(printed or numbers), listing_text, as_json=as_json)
        return
    if not names:
        raise UsageError("no table named", hint="bench reproduce --list")
    if workers and cluster:
        raise UsageError(f"--workers {workers} and --cluster {cluster}: expected one of them")
    if dry_run:
        _echo(plans.plan(printed, seeds, epochs, out, variants=variants), plan_text, as_json=as_json)
        return
    train = trainer(epochs=epochs, device=device, workers=workers, cluster=cluster)
    with resumable():
        reproduced = train_and_compare(printed, seeds, out, train, variants=variants)
    _tell(reproduced, as_json=as_json)


def _figures(
    names: tuple[str, ...],
    task_name: str | None,
    model: str,
    seeds: int,
    epochs: int | None,
    device: str,
    *,
    as_json: bool,
) -> None:
    """Run figures of the LookAgain paper on a task; write and draw each, and print what came out."""
    from baselines.experiments import lookagain
    from baselines.experiments.curve import Experiment
    from baselines.experiments.drawing import draw_lines
    from baselines.models import get_baseline
    from bench.datasets import get_task
    from bench.results import canonical
    from bench.text import figure_text

    if task_name is None:
        raise UsageError("a figure is run on a task, and none is named", hint="--task demo-feeder-16x480")
    figures = [lookagain.figure_named(name) for name in dict.fromkeys(names)]
    main, task = get_baseline(model), get_task(task_name)
    for figure in figures:
        work = CURVES / ".work" / f"{task.name}--figures"
        with resumable():
            experiment = Experiment(main, task, range(seeds), device, work, epochs)
            content = lookagain.run(figure, main, experiment)
        path = lookagain.write(content, CURVES)
        drawn = draw_lines(content, path.with_suffix(".svg"))
        click.echo(canonical(content).decode() if as_json else figure_text(content), nl=not as_json)
        for written in filter(None, (path, drawn)):
            click.echo(f"wrote {written}", err=True)


def _tell(reproduced: Reproduced, *, as_json: bool) -> None:
    """Print ours beside theirs and what to type next; raise `DataError` where recordings are not here."""
    from baselines.reproduction.jobs import entry_name
    from baselines.reproduction.reproduce import next_steps
    from bench.published import compared_json
    from bench.text import compared_text

    rows = [compared_json(row) for row in reproduced.rows]
    _echo(rows, lambda _: compared_text(reproduced.rows), as_json=as_json)
    for step in next_steps(reproduced):
        click.echo(step, err=True)
    if reproduced.missing:
        raise DataError(
            "some of it needs recordings that are not here",
            [f"{entry_name(job)} on {job.task}" for job in reproduced.missing],
            hint="; then ".join(
                dict.fromkeys(hint for hints in reproduced.missing.values() for hint in hints)
            ),
        )


def _echo(rows: list[dict[str, Any]], text: Callable[[list[dict[str, Any]]], str], *, as_json: bool) -> None:
    from bench.results import canonical, plain

    click.echo(canonical(plain(rows)).decode() if as_json else text(rows), nl=not as_json)

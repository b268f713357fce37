"""The command that trains a model on fewer labels, or on all groups but one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.completion import model_names, task_names
from bench.cli.training import resumable
from bench.errors import BenchError, UsageError

CURVES = Path("leaderboard/curves")
folder = click.Path(path_type=Path)


@click.command()
@click.argument("model", shell_complete=model_names)
@click.option("--task", "task_name", required=True, shell_complete=task_names)
@click.option("--fractions", default=".1,.25,.5,1", show_default=True, help="Of the training groups.")
@click.option("--leave-one-out", is_flag=True, help="Test each training group by a model of the others.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="So many, from 0 on.")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option("--epochs", type=click.IntRange(1), help="Other than the recipe's; the file then says so.")
@click.option("--workers", type=click.IntRange(1), help="Train so many at once on this machine.")
@click.option("--cluster", metavar="ADDRESS", help="Train on a Dask cluster: tcp://HOST:PORT.")
@click.option("--out", default=CURVES, type=folder, show_default=True, help="Where file and drawing go.")
@click.option("--json", "as_json", is_flag=True, help="Print the file instead of a table.")
def curve(
    model: str,
    task_name: str,
    fractions: str,
    leave_one_out: bool,
    seeds: int,
    device: str,
    epochs: int | None,
    workers: int | None,
    cluster: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Train MODEL on the labels of growing shares of the training groups; run again to resume.

    With --leave-one-out every training group is tested by a model that learned from the others.

    \b
    bench curve gbdt --task rat-dyads --fractions .1,.25,.5,1 --seeds 5
    bench curve gbdt --task rat-dyads --leave-one-out --seeds 1
    """  # noqa: D301  (click reads the backspace as "do not rewrap")
    from baselines.experiments.curve import Experiment, label_curve, left_out_groups
    from baselines.models import get_baseline
    from baselines.runs.crew import Crew
    from bench.datasets import get_task

    if workers and cluster:
        raise UsageError(f"--workers {workers} and --cluster {cluster}: expected one of them")
    wanted = _fractions(fractions)
    baseline, task = get_baseline(model), get_task(task_name)
    work = out / ".work" / f"{task.name}--{baseline.name}"
    crew = Crew(workers or 1, cluster) if workers or cluster else None
    experiment = Experiment(baseline, task, range(seeds), device, work, epochs, crew)
    fault: BenchError | None = None
    with resumable():
        if leave_one_out:
            content = left_out_groups(experiment)
        else:
            content, fault = label_curve(experiment, wanted)
    _show(content, out, as_json=as_json)
    if fault is not None:
        raise fault


def _show(content: dict[str, Any], out: Path, *, as_json: bool) -> None:
    """Write file and drawing, and print either the file or a table."""
    from baselines.experiments.curve import write_curve
    from baselines.experiments.drawing import draw
    from bench.results import canonical
    from bench.text import curve_text

    path = write_curve(content, out)
    drawn = draw(content, path.with_suffix(".svg"))
    click.echo(canonical(content).decode() if as_json else curve_text(content), nl=not as_json)
    for written in filter(None, (path, drawn)):
        click.echo(f"wrote {written}", err=True)


def _fractions(text: str) -> list[float]:
    """Read ".1,.5,1": each more than 0 and at most 1."""
    try:
        fractions = [float(word) for word in text.split(",")]
    except ValueError:
        fractions = []
    if not fractions or not all(0 < fraction <= 1 for fraction in fractions):
        raise UsageError(f"--fractions {text}: expected numbers in (0, 1] with commas, as .1,.25,.5,1")
    return fractions

"""Commands that train baselines: the only ones that import `baselines`, and only when they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click

from bench.cli.completion import model_names, task_names
from bench.cli.entries import RESULTS, SITE
from bench.errors import BenchError, UsageError

folder = click.Path(path_type=Path)


@contextmanager
def resumable() -> Iterator[None]:
    """Say after Ctrl-C what to type."""
    try:
        yield
    except KeyboardInterrupt as fault:
        raise BenchError(
            "stopped", hint="the same command goes on after the last finished epoch of each run"
        ) from fault


@click.command()
@click.option(
    "--task",
    "task_name",
    shell_complete=task_names,
    help="Count parameters at its sizes.  [default: those of CalMS21 Task 1]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def models(task_name: str | None, as_json: bool) -> None:
    """List the models that `bench train` knows: parameters, frames seen, reference."""
    import json
    from importlib.util import find_spec

    from baselines.runs import listing
    from bench.datasets import get_task

    if find_spec("torch") is None:
        known = listing.without_torch()
        click.echo(json.dumps(known, indent=1) if as_json else listing.table_without_torch())
        return
    task, baselines = get_task(task_name) if task_name else None, listing.every()
    click.echo(
        json.dumps(listing.rows(baselines, task), indent=1) if as_json else listing.table(baselines, task)
    )


@click.command()
@click.argument("model", shell_complete=model_names)
@click.option("--task", "task_name", required=True, shell_complete=task_names)
@click.option("--seed", help="One seed, or a range such as 0..4.  [default: 0]")
@click.option("--seeds", type=click.IntRange(1), help="So many seeds, from 0 on: 5 is --seed 0..4.")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option("--epochs", type=click.IntRange(1), help="Other than the recipe's; the card then says so.")
@click.option("--workers", type=click.IntRange(1), help="Train so many at once on this machine.")
@click.option("--cluster", metavar="ADDRESS", help="Train on a Dask cluster: tcp://HOST:PORT.")
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    type=click.Choice(["float32", "bf16"]),
    help="Of activations.",
)
@click.option("--compile", "compiled", is_flag=True, help="Fuse kernels with torch.compile.")
@click.option("--graphs", is_flag=True, help="Replay steps as CUDA graphs.")
@click.option(
    "--devices", default=1, show_default=True, type=click.IntRange(1), help="Share each batch by so many."
)
@click.option("--tensorboard", is_flag=True, help="Write the log for TensorBoard too.")
@click.option("--out", type=folder, help="Submission to write.  [default: submissions/MODEL]")
def train(
    model: str,
    task_name: str,
    seed: str | None,
    seeds: int | None,
    device: str,
    epochs: int | None,
    workers: int | None,
    cluster: str | None,
    precision: Literal["float32", "bf16"],
    compiled: bool,
    graphs: bool,
    devices: int,
    tensorboard: bool,
    out: Path | None,
) -> None:
    """Train a baseline and write its predictions as a submission; run again to resume.

    One at a time or many at once, on this machine or on a cluster: the predictions are the same, on
    a GPU up to rounding.
    """
    from baselines.models import get_baseline
    from baselines.runs.crew import Crew
    from baselines.runs.train import train_seeds
    from baselines.switches import Switches
    from bench.datasets import get_task

    if seed and seeds:
        raise UsageError(f"--seed {seed} and --seeds {seeds}: expected one of them")
    if workers and cluster:
        raise UsageError(f"--workers {workers} and --cluster {cluster}: expected one of them")
    baseline, task, target = get_baseline(model), get_task(task_name), out or Path("submissions") / model
    with resumable():
        train_seeds(
            baseline,
            task,
            seeds=range(seeds) if seeds else _seeds(seed or "0"),
            device=device,
            out=target,
            epochs=epochs,
            crew=Crew(workers or 1, cluster) if workers or cluster else None,
            switches=Switches(precision, compiled, graphs, devices),
            tensorboard=tensorboard,
        )
    click.echo(f"next: bench evaluate {target} --task {task.name}")


@click.command()
@click.argument("model", shell_complete=model_names)
@click.option("--task", "task_name", required=True, shell_complete=task_names)
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Also write the JSON here.")
@click.option("--into", type=folder, help="Also declare it in the card of this submission.")
def profile(
    model: str, task_name: str, device: str, as_json: bool, out: Path | None, into: Path | None
) -> None:
    """Measure what a baseline costs: arithmetic, time to train and predict, memory."""
    from baselines.costs.profiling import declare
    from baselines.costs.profiling import profile as measure
    from baselines.models import get_baseline
    from bench.datasets import get_task
    from bench.files.writing import write_text
    from bench.results import canonical

    baseline = get_baseline(model)
    if into is not None and not (into / "submission.toml").exists():
        raise UsageError(
            f"{into} is no submission", hint=f"bench train {model} --task {task_name} --out {into}"
        )
    costs = measure(baseline, get_task(task_name), device)
    content = canonical(costs.as_json()).decode()
    if out is not None:
        write_text(out, content)
    if into is not None:
        declare(costs, baseline, into)
    click.echo(content if as_json else costs.text(), nl=not as_json)
    if into is not None:
        click.echo(f"wrote {into / 'submission.toml'}", err=True)
        alone = "" if (into / task_name).exists() else " --card"
        click.echo(f"next: bench evaluate {into} --task {task_name}{alone}", err=True)


@click.command()
@click.option("--recordings", type=click.IntRange(4, 100_000), help="Simulate another number of recordings.")
@click.option("--frames", type=click.IntRange(1), help="Frames of each recording.")
@click.option("--epochs", default=6, show_default=True, type=click.IntRange(1), help="Of the convolution.")
@click.option("--out", default=Path("demo"), show_default=True, type=folder, help="Where everything goes.")
def demo(recordings: int | None, frames: int | None, epochs: int, out: Path) -> None:
    """Simulate mice, train two baselines on CPU, score them and publish a leaderboard.

    Nothing here was recorded from an animal: the data, and so every number, are simulated.
    """
    from baselines.models import get_baseline
    from baselines.runs.train import train as fit
    from bench.datasets import demo as simulator
    from bench.files.writing import make_folder
    from bench.pages import publish_results
    from bench.results import write
    from bench.store import pull_simulated
    from bench.submitting import evaluate
    from bench.text import result_text

    task = simulator.TASK
    if recordings or frames:
        task = simulator.sized(recordings or simulator.RECORDINGS, frames or simulator.FRAMES)
    make_folder(out, *RESULTS.parts)  # none of them is a link
    make_folder(out, "submissions")
    click.echo(f"1/4 simulate two mice for task {task.name} (simulated, no animal was recorded)")
    pull_simulated(task.dataset, replace=True)  # made anew in seconds, whatever version made the old one
    for step, (name, limit) in enumerate([("prior", None), ("conv1d", epochs)]):
        click.echo(f"{2 + step}/4 train {name} on CPU")
        submission = out / "submissions" / name
        fit(get_baseline(name), task, seed=0, device="cpu", out=submission, epochs=limit)
        for result in evaluate(submission, task.name):
            write(result, out / RESULTS)
            click.echo(f"{result_text(result)}\n")
    click.echo("4/4 publish")
    click.echo(f"open {publish_results(out / RESULTS, out / SITE)}")


def _seeds(text: str) -> list[int]:
    """Read "3" or "0..4", both ends included."""
    first, dots, last = text.partition("..")
    try:
        seeds = list(range(int(first), int(last if dots else first) + 1))
    except ValueError:
        seeds = []
    if not seeds or seeds[0] < 0:
        raise UsageError(f"--seed {text}: expected a number from 0, or a range such as 0..4")
    return seeds

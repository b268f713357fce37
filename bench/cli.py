"""The command `bench`. Thin: each command connects rooms and prints; heavy imports wait for their command.

Exit codes: 0 fine, 1 unexpected, 2 usage, 3 submission invalid, 4 data missing or changed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.errors import BenchError, DataError, UsageError
from bench.score_commands import score as score_group

if TYPE_CHECKING:
    from bench.recordings import Recording
    from bench.results import Result
    from bench.store import Manifest
    from bench.submissions import Entry, Predictions
    from bench.tasks import Dataset, Task

RESULTS = Path("leaderboard/results")
SITE = Path("leaderboard/site")
folder = click.Path(path_type=Path)


def main() -> None:
    """Run the command line; faults of the input are text and an exit code, never a traceback."""
    try:
        cli()
    except BenchError as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(fault.exit_code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="rodent-bench", prog_name="bench")
def cli() -> None:
    """Score models that label what mice and rats do, on frozen splits with frozen metrics.

    \b
    bench demo                              the whole path on simulated mice, to a leaderboard
    bench pull rat-dyads --from FOLDER      import official files
    bench evaluate submissions/mymodel/     score a folder of predictions
    """  # noqa: D301  (click reads the backspace as "do not rewrap")


cli.add_command(score_group)


@cli.command()
def tasks() -> None:
    """List the tasks, their data and whether the recordings are here."""
    from tabulate import tabulate

    from bench.datasets import TASKS

    rows = [[task.name, task.title, ", ".join(task.classes), _held(task)] for task in TASKS]
    click.echo(tabulate(rows, headers=["task", "title", "classes", "recordings here"]))


@cli.command()
@click.argument("name", required=False)
def metrics(name: str | None) -> None:
    """Print what the numbers mean: all families, or the one family or metric NAME."""
    from bench.report import metric_pages

    click.echo(metric_pages(name))


@cli.command()
@click.argument("dataset", required=False)
@click.option("--from", "source", type=folder, help="Folder of the official files.")
@click.option("--repo", help="A copy on a hub that `bench push` made: ORG/NAME.")
@click.option("--revision", help="Its commit, branch or tag.  [default: the commit held here, else main]")
@click.option("--replace", is_flag=True, help="Replace what the store holds of this data set.")
@click.option("--list", "listed", is_flag=True, help="Say where every data set lives, under which licence.")
def pull(
    dataset: str | None,
    source: Path | None,
    repo: str | None,
    revision: str | None,
    replace: bool,
    listed: bool,
) -> None:
    """Import DATASET, checked, into the store ($BENCH_HOME): its official files, or a copy on a hub."""
    from bench.datacard import sources
    from bench.datasets import DATASETS, get_dataset
    from bench.store import home

    if listed:
        click.echo(sources(DATASETS))
        return
    if dataset is None or (revision and not repo) or (repo and source):
        raise UsageError(
            "expected a data set, and --from FOLDER or --repo ORG/NAME", hint="bench pull --list"
        )
    chosen = get_dataset(dataset)
    held, new = _pull(chosen, source, repo, revision, replace)
    posed = sum(stored.poses for stored in held.recordings.values())
    click.echo(
        f"{'wrote' if new else 'already there:'} {len(held.recordings)} recordings, {held.frames:,} frames, "
        f"{posed} with poses, in {home() / chosen.name}{' (simulated)' if chosen.simulated else ''}"
    )
    if held.origin:
        click.echo(f"pinned: --repo {held.origin['repo']} --revision {held.origin['revision']}")


@cli.command()
@click.argument("dataset")
@click.option("--repo", required=True, help="Where to: ORG/NAME.")
@click.option("--private", is_flag=True, help="Make the repository private, if it is new.")
def push(dataset: str, repo: str, private: bool) -> None:
    """Publish DATASET as the store holds it on a hub: Parquet, card, Croissant, SHA-256 of every file."""
    from bench.datasets import get_dataset
    from bench.hub import push as upload

    chosen = get_dataset(dataset)
    done = upload(chosen, _tasks_of(chosen), repo, private=private)
    click.echo(
        f"pushed {chosen.name} to {done.repo} at {done.revision}; sha256 of its manifest {done.manifest}"
    )
    click.echo(f"next: bench pull {chosen.name} --repo {done.repo} --revision {done.revision}")


@cli.command()
@click.argument("name")
@click.option("--svg", type=folder, help="Also draw the lengths of bouts into this file.")
def data(name: str, svg: Path | None) -> None:
    """Print the card of task or data set NAME: licence, citation, classes, missing keypoints, bouts."""
    from bench.datacard import bout_plot, survey, survey_dataset, text
    from bench.datasets import TASKS, get_dataset
    from bench.store import load_all

    dataset = get_dataset(name)
    named = [task for task in TASKS if task.name == name] or _tasks_of(dataset)[:1]
    recordings = load_all(dataset)
    seen = survey(named[0], recordings) if named else survey_dataset(dataset, recordings)
    click.echo(text(seen))
    if svg is not None:
        svg.write_text(bout_plot(seen.title, seen.classes, seen.bouts(), dataset.fps), encoding="utf-8")
        click.echo(f"\nwrote {svg}")


@cli.command()
@click.argument("task_name", metavar="[TASK]", required=False)
def verify(task_name: str | None) -> None:
    """Compare splits and stored recordings with what is frozen and with the papers' tables."""
    from bench.datasets import TASKS, get_task
    from bench.verification import read_printed, table, unanswered
    from bench.verification import verify as compare

    printed = read_printed()
    checks = compare([get_task(task_name)] if task_name else TASKS, printed)
    if task_name is None:
        checks += unanswered(TASKS, printed)
    click.echo(table(checks))
    wrong = [f"{check.task}: {check.what}" for check in checks if check.ok is False]
    if wrong:
        raise DataError(f"{len(wrong)} of {len(checks)} checks differ", wrong)


@cli.command()
@click.argument("out", type=folder)
@click.option("--recordings", default=20, show_default=True, type=click.IntRange(4, 100_000))
@click.option("--frames", default=2_000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
def simulate(out: Path, recordings: int, frames: int, seed: int) -> None:
    """Write simulated resident-intruder recordings to OUT in the official CalMS21 layout."""
    from bench.datasets import demo as simulator

    simulator.write(out, recordings=recordings, frames=frames, seed=seed)
    click.echo(f"wrote {recordings} simulated recordings of {frames:,} frames to {out}")


@cli.command()
@click.argument("path", type=folder)
@click.option("--task", "task_name", required=True, help="The task that the model answers.")
def new(path: Path, task_name: str) -> None:
    """Start a submission: a card to fill in and five lines that write the predictions."""
    from bench.datasets import get_task
    from bench.submissions import scaffold

    for written in scaffold(path, get_task(task_name)):
        click.echo(f"wrote {written}")
    click.echo(f"next: add {path}/{task_name}/<run>.npz, then bench validate {path}")


@cli.command()
@click.argument("path", type=folder)
@click.option("--task", "task_name", help="Only this task of the submission.")
def validate(path: Path, task_name: str | None) -> None:
    """Check a submission; every fault is listed, and nothing is scored."""
    for task, entry, predictions, recordings in _submission(path, task_name):
        click.echo(
            f"valid: {entry.id} on {task.name}, {len(predictions)} run(s) of {len(recordings)} recordings"
        )


@cli.command()
@click.argument("path", type=folder)
@click.option("--task", "task_name", help="Only this task of the submission.")
@click.option("--json", "as_json", is_flag=True, help="Print the result files instead of tables.")
@click.option("--all", "every", is_flag=True, help="Print every number, not only the main ones.")
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results are written.")
def evaluate(path: Path, task_name: str | None, as_json: bool, every: bool, results: Path) -> None:
    """Score a submission: validate, score every run and part, print and write the result."""
    from bench.report import text
    from bench.results import canonical, to_json

    for result, written in _evaluate(path, task_name, results):
        if as_json:
            click.echo(canonical(to_json(result)).decode(), nl=False)
        else:
            click.echo(f"{text(result, every=every)}\nwrote {written}\n")


@cli.command()
@click.argument("model")
@click.option("--task", "task_name", required=True)
@click.option("--seed", "seeds", default="0", show_default=True, help="One seed, or a range such as 0..4.")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option("--epochs", type=click.IntRange(1), help="Other than the recipe's; the card then says so.")
@click.option("--out", type=folder, help="Submission to write.  [default: submissions/MODEL]")
def train(model: str, task_name: str, seeds: str, device: str, epochs: int | None, out: Path | None) -> None:
    """Train a baseline and write its predictions as a submission; run again to resume."""
    from baselines import get_baseline
    from baselines import train as fit
    from bench.datasets import get_task

    chosen, task, target = get_baseline(model), get_task(task_name), out or Path("submissions") / model
    for seed in _seeds(seeds):
        fit(chosen, task, seed=seed, device=device, out=target, epochs=epochs)
    click.echo(f"next: bench evaluate {target} --task {task.name}")


@cli.command()
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results lie.")
@click.option("--out", default=SITE, type=folder, show_default=True, help="Where the pages go.")
def publish(results: Path, out: Path) -> None:
    """Build the leaderboard, plain HTML, from the result files alone."""
    click.echo(f"open {_publish(results, out)}")


@cli.command()
@click.option("--recordings", type=click.IntRange(4, 100_000), help="Simulate another number of recordings.")
@click.option("--frames", type=click.IntRange(1), help="Frames of each recording.")
@click.option("--epochs", default=3, show_default=True, type=click.IntRange(1), help="Of the convolution.")
@click.option("--out", default=Path("demo"), show_default=True, type=folder, help="Where everything goes.")
def demo(recordings: int | None, frames: int | None, epochs: int, out: Path) -> None:
    """Simulate mice, train two baselines on CPU, score them and publish a leaderboard.

    Nothing here was recorded from an animal: the data, and so every number, are simulated.
    """
    from baselines import get_baseline
    from baselines import train as fit
    from bench.datasets import demo as simulator
    from bench.report import text
    from bench.store import pull_simulated

    task = simulator.TASK
    if recordings or frames:
        task = simulator.sized(recordings or simulator.RECORDINGS, frames or simulator.FRAMES)
    click.echo(f"1/4 simulate two mice for task {task.name} (simulated, no animal was recorded)")
    pull_simulated(task.dataset)
    for step, (name, limit) in enumerate([("prior", None), ("conv1d", epochs)]):
        click.echo(f"{2 + step}/4 train {name} on CPU")
        submission = out / "submissions" / name
        fit(get_baseline(name), task, seed=0, device="cpu", out=submission, epochs=limit)
        for result, _ in _evaluate(submission, task.name, out / RESULTS):
            click.echo(f"{text(result)}\n")
    click.echo("4/4 publish")
    click.echo(f"open {_publish(out / RESULTS, out / SITE)}")


def _tasks_of(dataset: Dataset) -> list[Task]:
    """Return the tasks asked of a data set; a demo of another size is asked its own."""
    from bench.datasets import TASKS, get_task

    known = [task for task in TASKS if task.dataset.name == dataset.name]
    return known or ([get_task(dataset.name)] if dataset.simulated else [])


def _pull(
    dataset: Dataset, source: Path | None, repo: str | None, revision: str | None, replace: bool
) -> tuple[Manifest, bool]:
    from bench import hub, store

    frozen, copy = _tasks_of(dataset), dataset.published
    if source is not None:
        return store.pull(dataset, source, frozen, replace=replace)
    if repo is not None:
        return hub.pull(dataset, repo, revision, frozen, replace=replace)
    if copy is not None:
        return hub.pull(dataset, copy.repo, copy.revision, frozen, digest=copy.manifest, replace=replace)
    if dataset.simulated:
        return store.pull_simulated(dataset, replace=replace)
    raise UsageError(
        f"{dataset.name}: get the official files from {dataset.url} ({dataset.licence})",
        [f"expected files: {dataset.files}"],
        hint=f"bench pull {dataset.name} --from FOLDER",
    )


def _submission(
    path: Path, task_name: str | None
) -> list[tuple[Task, Entry, Predictions, dict[str, Recording]]]:
    """Read every asked-for task of a submission; all of it is checked before anything is scored."""
    from bench.datasets import get_task
    from bench.store import load
    from bench.submissions import Expected, read_tasks

    held: dict[str, dict[str, Recording]] = {}

    def expect(task: Task) -> Expected:
        split = task.load_split()
        parts = {part: split.ids(part, "test") for part in split.parts}
        ids = list(dict.fromkeys(id_ for of in parts.values() for id_ in of))
        held[task.name] = {recording.id: recording for recording in load(task.dataset, ids, poses=False)}
        return {part: {id_: held[task.name][id_].frames for id_ in of} for part, of in parts.items()}

    entry, read = read_tasks(path, get_task, expect, only=task_name)
    return [(get_task(name), entry, predictions, held[name]) for name, predictions in read.items()]


def _evaluate(path: Path, task_name: str | None, results: Path) -> list[tuple[Result, Path]]:
    from dataclasses import replace

    from bench.evaluation import evaluate as score
    from bench.results import write
    from bench.submissions import entry_card

    written = []
    for task, entry, predictions, recordings in _submission(path, task_name):
        result = score(task, entry_card(entry, task.name), predictions, recordings)
        result = replace(result, provenance=_provenance())
        written.append((result, write(result, results)))
    return written


def _publish(results: Path, out: Path) -> Path:
    from bench.leaderboard import publish as write_pages
    from bench.leaderboard import render
    from bench.results import read_all

    return write_pages(render(read_all(results)), out)


def _provenance() -> dict[str, Any]:
    import platform
    from datetime import UTC, datetime
    from importlib.metadata import version

    return {
        "rodent-bench": version("rodent-bench"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "scored": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _held(task: Task) -> str:
    from bench.store import manifest

    try:
        held = manifest(task.dataset)
    except DataError:
        return f"none: bench pull {task.dataset.name}" + ("" if task.dataset.simulated else " --from FOLDER")
    return f"{len(held.recordings)}" + (" (simulated)" if task.dataset.simulated else "")


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

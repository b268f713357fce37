"""Commands about recordings: list, import, publish, describe, verify, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.errors import DataError, UsageError

if TYPE_CHECKING:
    from bench.store import Manifest
    from bench.tasks import Dataset, Task

folder = click.Path(path_type=Path)


@click.command()
def tasks() -> None:
    """List the tasks, their data and whether the recordings are here."""
    from tabulate import tabulate

    from bench.datasets import TASKS
    from bench.store import home

    rows = [[task.name, task.title, ", ".join(task.classes), _held(task)] for task in TASKS]
    click.echo(tabulate(rows, headers=["task", "title", "classes", "recordings here"]))
    click.echo(f"\nrecordings are in {home()} ($BENCH_HOME)")


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
@click.argument("out", type=folder)
@click.option("--recordings", default=20, show_default=True, type=click.IntRange(4, 100_000))
@click.option("--frames", default=2_000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=342, show_default=True, type=click.IntRange(0))
def simulate(out: Path, recordings: int, frames: int, seed: int) -> None:
    """Write simulated resident-intruder recordings to OUT in the official CalMS21 layout."""
    from bench.datasets import demo as simulator

    simulator.write(out, recordings=recordings, frames=frames, seed=seed)
    click.echo(f"wrote {recordings} simulated recordings of {frames:,} frames to {out}")


def _pull(
    dataset: Dataset, source: Path | None, repo: str | None, revision: str | None, replace: bool
) -> tuple[Manifest, bool]:
    from bench import hub, store

    frozen, copy = _tasks_of(dataset), dataset.published
    if source is not None:
        if not source.is_dir():
            what = "is a file" if source.exists() else "does not exist"
            raise DataError(
                f"{source} {what}, expected a folder", hint=f"bench pull {dataset.name} --from FOLDER"
            )
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


def _tasks_of(dataset: Dataset) -> list[Task]:
    """Return the tasks asked of a data set; a demo of another size is asked its own."""
    from bench.datasets import TASKS, get_task

    known = [task for task in TASKS if task.dataset.name == dataset.name]
    return known or ([get_task(dataset.name)] if dataset.simulated else [])


def _held(task: Task) -> str:
    from bench.store import manifest

    try:
        held = manifest(task.dataset)
    except DataError:
        return f"none: bench pull {task.dataset.name}" + ("" if task.dataset.simulated else " --from FOLDER")
    return f"{len(held.recordings)}" + (" (simulated)" if task.dataset.simulated else "")

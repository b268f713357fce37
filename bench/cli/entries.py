"""Commands about entries: start, validate, score, compare and publish submissions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.about import NAME
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.recordings import Recording
    from bench.results import Result
    from bench.submissions import Entry, Predictions, TaskCard
    from bench.tasks import Task

RESULTS = Path("leaderboard/results")
SITE = Path("leaderboard/site")
folder = click.Path(path_type=Path)


@click.command()
@click.argument("name", required=False)
def metrics(name: str | None) -> None:
    """Print what the numbers mean: all families, or the one family or metric NAME."""
    from bench.text import metric_pages

    click.echo(metric_pages(name))


@click.command()
@click.argument("path", type=folder)
@click.option("--task", "task_name", required=True, help="The task that the model answers.")
def new(path: Path, task_name: str) -> None:
    """Start a submission: a card to fill in and five lines that write the predictions."""
    from bench.datasets import get_task
    from bench.submissions import forms, scaffold

    task = get_task(task_name)
    for written in scaffold(path, task):
        click.echo(f"wrote {written}")
    click.echo(f"next: add {path}/{task_name}/<run>{forms(task)[0]}, then bench validate {path}")


@click.command()
@click.argument("path", type=folder)
@click.option("--task", "task_name", help="Only this task of the submission.")
def validate(path: Path, task_name: str | None) -> None:
    """Check a submission; every fault is listed, and nothing is scored."""
    for task, entry, predictions, recordings in _submission(path, task_name):
        click.echo(
            f"valid: {entry.id} on {task.name}, {len(predictions)} run(s) of {len(recordings)} recordings"
            + _detected(predictions, entry.tasks[task.name].detections)
        )


def _detected(predictions: Predictions, form: str | None) -> str:
    """Say how many detections there are; nothing where frames are asked for."""
    from bench.metrics.segments import Detections

    every = [one for parts in predictions.values() for found in parts.values() for one in found.values()]
    count = sum(len(one.labels) for one in every if isinstance(one, Detections))
    return f", {count:,} detections ({form})" if form else ""


@click.command()
@click.argument("path", type=folder)
@click.option("--task", "task_name", help="Only this task of the submission.")
@click.option("--json", "as_json", is_flag=True, help="Print the result files instead of tables.")
@click.option("--all", "every", is_flag=True, help="Print every number, not only the main ones.")
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results are written.")
@click.option(
    "--card", "card_alone", is_flag=True, help="Without predictions: results take over the card's words."
)
def evaluate(
    path: Path, task_name: str | None, as_json: bool, every: bool, results: Path, card_alone: bool
) -> None:
    """Score a submission: validate, score every run and part, print and write the result."""
    from bench.published import beside
    from bench.results import canonical, to_json
    from bench.text import text

    done = (take_over_card if card_alone else score_and_write)(path, task_name, results)
    for result, written in done:
        if as_json:
            click.echo(canonical(to_json(result)).decode(), nl=False)
        else:
            ranking = result.task["metrics"][0]
            rivals = beside(result.task["name"], ranking["name"], ranking["title"])
            click.echo("\n\n".join(filter(None, [text(result, every=every), rivals])))
            click.echo(f"result: {written}\n")


@click.command()
@click.argument("first", type=folder)
@click.argument("second", type=folder)
@click.option("--task", "task_name", required=True, help="The task that both answer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--all", "every", is_flag=True, help="Print every number, not only the main ones.")
def compare(first: Path, second: Path, task_name: str, as_json: bool, every: bool) -> None:
    """Compare two submissions on the same test recordings: FIRST minus SECOND, with interval and p."""
    from dataclasses import asdict

    from bench.comparison import compare as differences
    from bench.evaluation import task_card
    from bench.results import canonical, plain
    from bench.store import manifest
    from bench.text import comparison_text

    ((task, one, ours, recordings),) = _submission(first, task_name)
    ((_, other, theirs, _),) = _submission(second, task_name)
    forms = (one.tasks[task.name].detections, other.tasks[task.name].detections)
    rows = differences(task, ours, theirs, recordings, forms=forms)
    changed = manifest(task.dataset).changed
    if as_json:
        found = {"task": task.name, "first": one.id, "second": other.id, "metrics": [asdict(r) for r in rows]}
        found |= {"changed": [asdict(one) for one in changed]} if changed else {}
        click.echo(canonical(plain(found)).decode(), nl=False)
    else:
        names = (_beside(one, one.tasks[task.name]), _beside(other, other.tasks[task.name]))
        click.echo(comparison_text(names, task_card(task), rows, every=every))
        if changed:
            click.echo(
                f"CHANGED DATA, {len(changed)} departures from what is declared: bench data {task.name}"
            )


@click.command()
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results lie.")
@click.option("--out", default=SITE, type=folder, show_default=True, help="Where the pages go.")
def publish(results: Path, out: Path) -> None:
    """Build the leaderboard, plain HTML, from the result files alone."""
    click.echo(f"open {write_site(results, out)}")


def _beside(entry: Entry, card: TaskCard) -> str:
    """Name an entry with its remark, and whether its detections are raw or final."""
    said = ", ".join(filter(None, (card.remark, card.detections)))
    return f"{entry.name} ({said})" if said else entry.name


def _submission(
    path: Path, task_name: str | None
) -> list[tuple[Task, Entry, Predictions, dict[str, Recording]]]:
    """Read every asked-for task of a submission; all of it is checked before anything is scored."""
    from bench.datasets import get_task
    from bench.store import load
    from bench.submissions import Expected, read_tasks, unfilled

    held: dict[str, dict[str, Recording]] = {}

    def expect(task: Task) -> Expected:
        split = task.load_split()
        parts = {part: split.ids(part, "test") for part in split.parts}
        ids = list(dict.fromkeys(id_ for of in parts.values() for id_ in of))
        held[task.name] = {recording.id: recording for recording in load(task.dataset, ids, poses=False)}
        lengths = {id_: task.length(recording) for id_, recording in held[task.name].items()}
        return {part: {id_: lengths[id_] for id_ in of} for part, of in parts.items()}

    def called(task: Task) -> dict[str, str]:
        """Return the groups by their recordings where each is one: RatSeizure's clips by their own names."""
        recordings = held[task.name]
        groups = {recording.group: id_ for id_, recording in recordings.items()}
        return groups if len(groups) == len(recordings) and groups.keys().isdisjoint(recordings) else {}

    entry, read = read_tasks(path, get_task, expect, only=task_name, called=called)
    for text in unfilled(entry):
        click.echo(f"note: {path / 'submission.toml'} still says {text!r}; a page would show it", err=True)
    return [(get_task(name), entry, predictions, held[name]) for name, predictions in read.items()]


def score_and_write(path: Path, task_name: str | None, results: Path) -> list[tuple[Result, Path]]:
    """Score every asked-for task of a submission and write the results; return them with their paths."""
    from dataclasses import asdict, replace

    from bench.evaluation import evaluate as score
    from bench.results import write
    from bench.store import manifest
    from bench.submissions import entry_card

    written = []
    for task, entry, predictions, recordings in _submission(path, task_name):
        result = score(task, entry_card(entry, task.name), predictions, recordings)
        changed = [asdict(one) for one in manifest(task.dataset).changed]
        result = replace(result, changed=changed, provenance=_provenance())
        written.append((result, write(result, results)))
    return written


def take_over_card(path: Path, task_name: str | None, results: Path) -> list[tuple[Result, Path]]:
    """Let the results of an entry say what its card says now; return them with their paths.

    Raises `UsageError` for a task that the card does not answer, where there is no result, and where
    predictions are at hand: they may be others than those that were scored.
    """
    from bench.errors import nearest
    from bench.results import read, recarded, write
    from bench.submissions import entry_card, read_entry

    entry = read_entry(path)
    if task_name and task_name not in entry.tasks:
        known = sorted(entry.tasks)
        raise UsageError(
            f"{path} answers no task {task_name!r}{nearest(task_name, known)}",
            hint=f"one of {', '.join(known)}",
        )
    files = {
        name: results / f"{name}--{entry.id}.json"
        for name in sorted(entry.tasks)
        if task_name in (None, name)
    }
    scored = {name: file for name, file in files.items() if file.is_file()}
    if not scored:
        raise UsageError(
            f"{path} has no result to put its card into",
            [f"{file} is not there" for file in files.values()],
            hint=f"bench evaluate {path} --task {next(iter(files))}",
        )
    for name in scored:
        if (path / name).exists():
            raise UsageError(
                f"the predictions in {path / name} are at hand: score them, they may be others",
                hint=f"bench evaluate {path} --task {name}",
            )
    found = [recarded(read(file), entry_card(entry, name)) for name, file in scored.items()]
    return [(result, write(result, results)) for result in found]


def write_site(results: Path, out: Path) -> Path:
    """Build the leaderboard of all result files; return its first page.

    Raises `UsageError` where there is no result: an empty site must not take the place of a full one.
    """
    from bench.pages import publish as write_pages
    from bench.pages import render
    from bench.results import read_all

    found = read_all(results)
    if not found:
        raise UsageError(f"no results in {results}", hint="bench evaluate submissions/mymodel")
    return write_pages(render(found), out)


def _provenance() -> dict[str, Any]:
    import platform
    from datetime import UTC, datetime
    from importlib.metadata import version

    return {
        NAME: version(NAME),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "scored": datetime.now(UTC).isoformat(timespec="seconds"),
    }

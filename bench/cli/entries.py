"""Commands about entries: start, validate, score, compare and publish submissions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.completion import entry_folders, metric_names, task_names
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.remote_entries import Remote
    from bench.results import Result
    from bench.submitting import Submitted

RESULTS = Path("leaderboard/results")
SITE = Path("leaderboard/site")
folder = click.Path(path_type=Path)


@click.command()
@click.argument("name", required=False, shell_complete=metric_names)
@click.option("--all", "every", is_flag=True, help="Print the whole specification.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object for each metric.")
def metrics(name: str | None, every: bool, as_json: bool) -> None:
    """Print what the numbers mean: the list of metrics, or the metric, family or procedure NAME."""
    from bench.results import canonical
    from bench.text import metric_index, metric_pages, metrics_json

    if as_json:
        click.echo(canonical(metrics_json(name)).decode(), nl=False)
    else:
        click.echo(metric_pages(name) if name or every else metric_index())


@click.command()
@click.argument("path", type=folder, shell_complete=entry_folders)
@click.option(
    "--task", "task_name", shell_complete=task_names, required=True, help="The task that the model answers."
)
def new(path: Path, task_name: str) -> None:
    """Start a submission: a card to fill in and five lines that write the predictions."""
    from bench.datasets import get_task
    from bench.submissions import form_of, scaffold

    task = get_task(task_name)
    for written in scaffold(path, task):
        click.echo(f"wrote {written}")
    click.echo(f"next: add {path}/{task_name}/<run>{form_of(task).endings[0]}, then bench validate {path}")


@click.command()
@click.argument("path", type=folder, shell_complete=entry_folders)
@click.option("--task", "task_name", shell_complete=task_names, help="Only this task of the submission.")
def validate(path: Path, task_name: str | None) -> None:
    """Check a submission; every fault is listed, and nothing is scored."""
    for one in _read(path, task_name):
        click.echo(
            f"valid: {one.entry.id} on {one.task.name}, {len(one.predictions)} run(s) of "
            f"{len(one.recordings)} recordings{one.summary}"
        )


@click.command()
@click.argument("path", type=folder, shell_complete=entry_folders)
@click.option("--repo", required=True, help="Where to: ORG/NAME.")
@click.option("--private", is_flag=True, help="Make the repository private, if it is new.")
def push_entry(path: Path, repo: str, private: bool) -> None:
    """Check a submission and upload its card and predictions to a data set on a hub."""
    from bench.remote_entries import push_entry as upload

    pushed = upload(path, repo, private=private)
    click.echo(f"pushed {pushed.entry} to {pushed.repo} at {pushed.commit}")
    click.echo(f"next: bench evaluate --from-hub {pushed.place}")


@click.command()
@click.argument("path", type=folder, required=False, shell_complete=entry_folders)
@click.option("--from-hub", metavar="ORG/NAME@COMMIT", help="Score the entry in this commit on a hub.")
@click.option("--task", "task_name", shell_complete=task_names, help="Only this task of the submission.")
@click.option("--json", "as_json", is_flag=True, help="Print the result files instead of tables.")
@click.option("--all", "every", is_flag=True, help="Print every number, not only the main ones.")
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results are written.")
@click.option(
    "--card", "card_alone", is_flag=True, help="Without predictions: results take over the card's words."
)
@click.option("--replace", is_flag=True, help="Replace the result of another entry of the same name.")
def evaluate(
    path: Path | None,
    from_hub: str | None,
    task_name: str | None,
    as_json: bool,
    every: bool,
    results: Path,
    card_alone: bool,
    replace: bool,
) -> None:
    """Score a submission: validate, score every run and part, print and write the result.

    PATH is its folder; with --from-hub its card and predictions come from a hub, by commit and digest.
    """
    from bench.floors import find_floors
    from bench.prior import find_prior
    from bench.results import canonical, to_json
    from bench.submitting import take_over_card, write_results
    from bench.text import below_prior_text, floors_text, result_text, rivals_text
    from bench.verification.results import has_reference

    with _entry(path, from_hub) as (place, remote):
        if card_alone and remote is not None:
            raise UsageError("--card is about an entry without predictions, --from-hub about predictions")
        scored = (
            take_over_card(place, task_name, results) if card_alone else _scored(place, task_name, remote)
        )
        notes, files = write_results(remote.standing if remote else place, scored, results, replace=replace)
    for note in filter(None, notes):
        click.echo(note, err=True)
    for result, written in zip(scored, files, strict=True):
        prior = find_prior(result, results)
        warning = below_prior_text(result, prior) if prior else ""
        if as_json:
            click.echo(canonical(to_json(result)).decode(), nl=False)
            click.echo(warning, err=True, nl=bool(warning))
        else:
            ranking = result.task["metrics"][0]
            rivals = rivals_text(result.task["name"], ranking["name"], ranking["title"])
            floors = find_floors(result)
            compared = floors_text(result, floors) if floors else ""
            blocks = [result_text(result, every=every), warning, compared, rivals]
            click.echo("\n\n".join(filter(None, blocks)))
            click.echo(f"result: {written}\n")
            if has_reference(result.task["name"], beside=results):
                click.echo(
                    f"reference results beside it: bench leaderboard {result.task['name']} --reference\n"
                )


@click.command()
@click.argument("first", type=folder, shell_complete=entry_folders)
@click.argument("second", type=folder, shell_complete=entry_folders)
@click.option(
    "--task", "task_name", shell_complete=task_names, required=True, help="The task that both answer."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--all", "every", is_flag=True, help="Print every number, not only the main ones.")
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results lie.")
def compare(first: Path, second: Path, task_name: str, as_json: bool, every: bool, results: Path) -> None:
    """Compare two submissions on the same test recordings: FIRST minus SECOND, with interval and p.

    Where the predictions of one are not at hand, both result files serve: with what they count of every
    recording, or with their values without each.
    """
    from bench import submitting
    from bench.evaluation import task_card
    from bench.results import canonical
    from bench.text import comparison_text

    comparison = submitting.compare_results(first, second, task_name, results)
    if comparison is None:
        (one,), (other,) = _read(first, task_name), _read(second, task_name)
        comparison = submitting.compare_submitted(one, other)
    if as_json:
        click.echo(canonical(submitting.comparison_json(comparison)).decode(), nl=False)
        return
    titles, card = (comparison.first.title, comparison.second.title), task_card(comparison.task)
    click.echo(comparison_text(titles, card, comparison.differences, every=every))
    if comparison.changed:
        count = len(comparison.changed)
        click.echo(f"CHANGED DATA, {count} departures from what is declared: bench data {task_name}")


@click.command()
@click.option("--results", default=RESULTS, type=folder, show_default=True, help="Where results lie.")
@click.option("--out", default=SITE, type=folder, show_default=True, help="Where the pages go.")
@click.option("--reference", is_flag=True, help="Show the reference results that ship beside them.")
def publish(results: Path, out: Path, reference: bool) -> None:
    """Build the leaderboard, plain HTML, from the result files alone."""
    from bench.pages import publish_results

    index = publish_results(
        results, out, reference=reference, note=lambda line: click.echo(f"note: {line}", err=True)
    )
    click.echo(f"open {index}")


@contextmanager
def _entry(path: Path | None, place: str | None) -> Iterator[tuple[Path, Remote | None]]:
    """Yield the folder of an entry, and where it is from if that is a hub."""
    from bench.remote_entries import from_hub

    if place is None and path is not None:
        yield path, None
    elif path is None and place is not None:
        with from_hub(place) as remote:
            yield remote.folder, remote
    else:
        hint = "bench evaluate submissions/mymodel, or --from-hub ORG/NAME@COMMIT"
        raise UsageError("expected the folder of a submission, or a place on a hub", hint=hint)


def _scored(path: Path, task_name: str | None, remote: Remote | None) -> list[Result]:
    from bench.submitting import score

    submitted = _read(path, task_name)
    if remote is None:
        return [score(one) for one in submitted]
    for one in submitted:
        remote.require(one)
    return [remote.credited(score(one)) for one in submitted]


def _read(path: Path, task_name: str | None) -> list[Submitted]:
    """Read every task of a submission that is asked for, and note what its card still leaves to fill in."""
    from bench.submissions import unfilled
    from bench.submitting import read_submission

    submitted = read_submission(path, task_name)
    for one in submitted:
        for run, earlier in one.same_runs.items():
            click.echo(f"note: {one.task.name}: run {run} repeats {earlier}, and is not counted", err=True)
        for doubt in one.doubts:
            click.echo(f"note: {one.task.name}/{doubt}", err=True)
    for text in unfilled(submitted[0].entry) if submitted else ():
        click.echo(f"note: {path / 'submission.toml'} still says {text!r}; a page would show it", err=True)
    return submitted

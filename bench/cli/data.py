"""Commands about recordings: list, import, publish, describe, verify, simulate."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.completion import data_names, task_names
from bench.errors import DataError, UsageError, first

folder = click.Path(path_type=Path)
RESULTS = Path("leaderboard/results")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def tasks(as_json: bool) -> None:
    """List the tasks, their data and whether the recordings are here."""
    from bench.datasets import all_tasks
    from bench.results import canonical
    from bench.text import tasks_json, tasks_text

    if as_json:
        click.echo(canonical(tasks_json(all_tasks())).decode(), nl=False)
    else:
        click.echo(tasks_text(all_tasks()))


@click.command()
@click.argument("dataset", required=False, shell_complete=data_names)
@click.option("--from", "source", type=folder, help="The official files: a folder, a zip, a folder of zips.")
@click.option("--repo", help="A copy on a hub that `bench push` made: ORG/NAME.")
@click.option("--revision", help="Its commit, branch or tag.  [default: the commit held here, else main]")
@click.option("--replace", is_flag=True, help="Replace what the store holds of this data set.")
@click.option(
    "--accept-changed", is_flag=True, help="Take changed official files; every result will be marked."
)
@click.option("--list", "listed", is_flag=True, help="Say where every data set lives, under which licence.")
@click.option("--json", "as_json", is_flag=True, help="With --list: print JSON instead of a table.")
def pull(
    dataset: str | None,
    source: Path | None,
    repo: str | None,
    revision: str | None,
    replace: bool,
    accept_changed: bool,
    listed: bool,
    as_json: bool,
) -> None:
    """Import DATASET, checked, into the store ($BENCH_HOME): its official files, or a copy on a hub."""
    from bench.datasets import all_datasets, get_dataset
    from bench.hub import obtain
    from bench.results import canonical
    from bench.store import home
    from bench.text import sources_json, sources_text

    if listed and as_json:
        click.echo(canonical(sources_json(all_datasets())).decode(), nl=False)
    elif listed:
        click.echo(sources_text(all_datasets()))
    if listed:
        return
    if dataset is None or (revision and not repo) or (repo and source):
        raise UsageError(
            "expected a data set, and --from FOLDER or --repo ORG/NAME", hint="bench pull --list"
        )
    if accept_changed and source is None:
        raise UsageError("--accept-changed is about official files", hint="bench pull NAME --from FOLDER")
    declared = get_dataset(dataset)
    stored, new = obtain(
        declared, source=source, repo=repo, revision=revision, replace=replace, accept_changed=accept_changed
    )
    posed = sum(one.poses for one in stored.recordings.values())
    simulated = " (simulated)" if declared.simulated else ""
    click.echo(
        f"{'wrote' if new else 'already there:'} {len(stored.recordings)} recordings, "
        f"{stored.frames:,} frames, {posed} with poses, in {home() / declared.name}{simulated}"
    )
    if stored.changed:
        click.echo("CHANGED: not as declared or frozen; every result scored on it will say so")
    for line in first(map(str, stored.changed)):
        click.echo(f"  {line}")
    if stored.origin:
        click.echo(f"pinned: --repo {stored.origin['repo']} --revision {stored.origin['revision']}")


@click.command()
@click.argument("dataset", shell_complete=data_names)
@click.option("--repo", required=True, help="Where to: ORG/NAME.")
@click.option("--private", is_flag=True, help="Make the repository private, if it is new.")
def push(dataset: str, repo: str, private: bool) -> None:
    """Publish DATASET as the store holds it on a hub: Parquet, card, Croissant, SHA-256 of every file."""
    from bench.datasets import get_dataset, tasks_of
    from bench.hub import push as upload

    stored = get_dataset(dataset)
    copy = upload(stored, tasks_of(stored), repo, private=private)
    click.echo(
        f"pushed {stored.name} to {copy.repo} at {copy.revision}; sha256 of its manifest {copy.manifest}"
    )
    click.echo(f"next: bench pull {stored.name} --repo {copy.repo} --revision {copy.revision}")


@click.command()
@click.argument("name", shell_complete=data_names)
@click.option("--svg", type=folder, help="Also draw the lengths of bouts into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def data(name: str, svg: Path | None, as_json: bool) -> None:
    """Print the card of task or data set NAME: licence, citation, classes, missing keypoints, bouts."""
    from bench.datacard import bout_plot, survey_stored
    from bench.files.writing import write_text
    from bench.results import canonical
    from bench.store import manifest
    from bench.text import datacard_json, datacard_text

    survey = survey_stored(name)
    changed = list(map(str, manifest(survey.dataset).changed))
    if as_json:
        click.echo(canonical(datacard_json(survey, changed)).decode(), nl=False)
    else:
        click.echo(datacard_text(survey, first(changed)))
    if svg is not None:
        drawn = bout_plot(survey.title, survey.classes, survey.bouts(), survey.dataset.fps)
        write_text(svg, drawn)
        click.echo(f"\nwrote {svg}", err=as_json)


@click.command()
@click.argument("task_name", metavar="[TASK]", required=False, shell_complete=task_names)
@click.option("--json", "as_json", is_flag=True, help="Print every check as JSON.")
@click.option("--all", "every", is_flag=True, help="Print every check, not only what is not as expected.")
@click.option(
    "--results",
    is_flag=False,
    flag_value=str(RESULTS),
    metavar="[FOLDER]",
    type=folder,
    help=f"Check the result files of a folder instead.  [default folder: {RESULTS}]",
)
def verify(task_name: str | None, as_json: bool, every: bool, results: Path | None) -> None:
    """Compare splits and stored recordings with what is frozen and with the papers' tables.

    With --results: check every number of result files that can be checked, and name each fault.
    """
    if results is not None:
        _verify_results(results, task_name, as_json=as_json)
        return
    import json
    from dataclasses import asdict

    from bench.datasets import TASKS, get_task
    from bench.text import checks_text
    from bench.verification import read_printed, unanswered
    from bench.verification import verify as compare

    printed = read_printed()
    checks = compare([get_task(task_name)] if task_name else TASKS, printed)
    if task_name is None:
        checks += unanswered(TASKS, printed)
    shown = [asdict(check) for check in checks]
    click.echo(json.dumps(shown, indent=1) if as_json else checks_text(checks, every=every))
    wrong = [f"{c.task}: {c.what}" for c in checks if c.ok is False and not c.misprint]
    if wrong:
        raise DataError(f"{len(wrong)} of {len(checks)} checks differ", wrong)


def _verify_results(results: Path, task_name: str | None, *, as_json: bool) -> None:
    from bench.history import check_log, log_of, unrecorded
    from bench.results import canonical
    from bench.text import integrity_json, integrity_text
    from bench.verification.results import check_results, evidence_notes

    checked = check_results(results, task_name)
    click.echo(canonical(integrity_json(checked)).decode() if as_json else integrity_text(checked), nl=False)
    log = log_of(results)
    lines, broken = check_log(log)
    sound = [one.result for one in checked if one.result is not None and not one.faults]
    for note in evidence_notes(sound):
        click.echo(f"note: {note}", err=True)
    for name in unrecorded(sound, lines) if lines else ():
        click.echo(f"note: {name}: not in {log}, next: bench log", err=True)
    wrong = [f"{one.path}: {len(one.faults)} faults" for one in checked if one.faults]
    if broken:
        raise DataError(f"{log} is not as it was written", [*first(map(str, broken)), *wrong])
    if wrong:
        raise DataError(f"{len(wrong)} of {len(checked)} results are not as they should be", wrong)


@click.command()
@click.argument("out", type=folder)
@click.option("--recordings", default=20, show_default=True, type=click.IntRange(4, 100_000))
@click.option("--frames", default=2_000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=342, show_default=True, type=click.IntRange(0))
@click.option("--unlabelled", is_flag=True, help="In the layout of CalMS21's unlabelled set: poses alone.")
def simulate(out: Path, recordings: int, frames: int, seed: int, unlabelled: bool) -> None:
    """Write simulated resident-intruder recordings to OUT in the official CalMS21 layout."""
    from bench.datasets import demo, demo_unlabelled

    write = demo_unlabelled.write if unlabelled else demo.write
    write(out, recordings=recordings, frames=frames, seed=seed)
    click.echo(f"wrote {recordings} simulated recordings of {frames:,} frames to {out}")
    if unlabelled:
        click.echo(f"next: bench pull {demo_unlabelled.DATASET.name} --from {out}")

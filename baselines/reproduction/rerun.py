"""What `bench reproduce` does: train what a table needs and is missing, score it, compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.about import install_hint
from bench.errors import DataError, UsageError
from bench.published import (
    SIZE,
    Compared,
    Job,
    Number,
    compare,
    job_of,
    jobs_of,
    models,
    values,
    why_not,
)
from bench.splits import SUBSETS

if TYPE_CHECKING:
    from baselines import Baseline
    from baselines.runs.train import Trained
    from bench.recordings import Recording
    from bench.submissions import Predictions
    from bench.tasks import Task

Runs = Mapping[Job, Sequence["Trained"]]
Train = Callable[[Mapping[Job, Path]], Runs]
"""Trains jobs, each into its entry; what is finished there already stays."""


@dataclass(frozen=True)
class Reproduced:
    """Printed numbers beside ours, and what lies behind them."""

    rows: Sequence[Compared]
    runs: Runs
    missing: Mapping[Job, Sequence[str]]
    """Jobs whose recordings are not here, and the commands that get them."""


def compare_all(
    numbers: Sequence[Number], count: int | None, out: Path, train: Train, *, variants: bool = False
) -> Reproduced:
    """Train what is missing and put each number beside ours; `variants`, where asked for, come after it."""
    asked = [number for number in numbers if not why_not(number, task_of(number.task))]
    of = jobs_of(asked, count, variants=variants)
    wanted: dict[Job, list[str]] = {}
    for number, needed in of.items():
        for job in needed:
            wanted.setdefault(job, []).append(number.metric)
    missing = {job: hints for job in wanted if (hints := missing_data(job))}
    runs = train({job: out / entry_name(job) for job in wanted if job not in missing})
    found = {job: _score(job, out / entry_name(job), of_job, wanted[job]) for job, of_job in runs.items()}
    rows = [
        row
        for number in numbers
        for row in _beside(number, of.get(number, ()), found, missing, variants=variants)
    ]
    return Reproduced(rows, runs, missing)


def trainer(*, epochs: int | None, device: str, workers: int | None, cluster: str | None) -> Train:
    """Return what trains jobs: one after the other here, or all at once by so many workers or a cluster."""

    def train(entries: Mapping[Job, Path]) -> Runs:
        from baselines.runs.crew import Crew
        from baselines.runs.train import Order, train_all
        from bench.datasets import get_task

        orders = [
            Order(baseline_of(job), get_task(job.task), job.seeds, device, entry, epochs, job.parts)
            for job, entry in entries.items()
        ]
        crew = Crew(workers or 1, cluster) if workers or cluster else None
        return dict(zip(entries, train_all(orders, crew), strict=True))

    return train


def next_steps(done: Reproduced) -> Iterator[str]:
    """Say which entries can be scored, and what makes entries of those that lack parts."""
    for job, runs in done.runs.items():
        order = runs[0].order
        if not all(trained.lacks for trained in runs):
            yield f"next: bench evaluate {order.out} --task {job.task}"
        if lacking := [trained for trained in runs if trained.lacks]:
            seeds = span([trained.run.seed for trained in lacking])
            have, parts = len(lacking[0].units), len(order.task.parts)
            yield f"{order.out}, {job.task}, seed {seeds}: {have} of {parts} parts, which make no entry"
            if job.past is None:
                yield f"next: {_whole(job, seeds, order.device, order.epochs)} --out {order.out}"


def _whole(job: Job, seeds: str, device: str, epochs: int | None) -> str:
    """Return what trains the parts that a run lacks: with other options it would be another run."""
    command = f"bench train {job.model} --task {job.task} --seed {seeds}"
    command += f" --device {device}" if device != "cpu" else ""
    return command + (f" --epochs {epochs}" if epochs else "")


def entry_name(job: Job) -> str:
    """Return the entry of a job: its baseline, and the window where that is another."""
    return baseline_of(job).name


def baseline_of(job: Job) -> Baseline:
    """Return the baseline of a job; with another window it has another name."""
    from baselines import get_baseline
    from baselines.contract import Recipe

    known = get_baseline(job.model)
    if job.past is None:
        return known
    if not isinstance(known.recipe, Recipe):
        raise UsageError(f"baseline {known.name!r} has no window")
    recipe = replace(known.recipe, past=job.past)
    return replace(
        known,
        name=f"{known.name}_window{recipe.window}",
        title=f"{known.title}, window of {recipe.window}",
        description=f"as {known.name}, on windows of {recipe.window} poses",
        recipe=recipe,
    )


def missing_data(job: Job) -> list[str]:
    """Return the commands that get the recordings, or the poses, which a job lacks."""
    from bench.store import manifest

    recipe = baseline_of(job).recipe
    hints = []
    for task in _tasks(job):
        split, pull = task.load_split(), f"bench pull {task.dataset.name}"
        pull += "" if task.dataset.simulated else " --from FOLDER"
        try:
            held = manifest(task.dataset).recordings
        except DataError as fault:
            hints.append(fault.hint or pull)
            continue
        needed = {id_ for part in split.parts for subset in SUBSETS for id_ in split.ids(part, subset)}
        if any(id_ not in held or (recipe and not held[id_].poses) for id_ in needed):
            hints.append(f"{pull} --replace")
    return hints


def is_there(entry: Path, job: Job, seed: int) -> bool:
    """Whether a run lies there with its record; that it is the very run asked for only training checks."""
    work = entry / ".work" / job.task
    whole = (entry / job.task / f"seed{seed}.npz").is_file() and (work / f"seed{seed}.json").is_file()
    return whole or all(
        (work / f"seed{seed}-{part}{ending}").is_file()
        for part in parts_of(job)
        for ending in (".npz", ".json")
    )


def parts_of(job: Job) -> list[str]:
    """Return the parts that a job needs."""
    task = task_of(job.task)
    return list(job.parts) or [part.name for part in (task.parts if task else ())]


def task_of(name: str) -> Task | None:
    """Return a task by name; None where there is none."""
    from bench.datasets import get_task

    try:
        return get_task(name)
    except UsageError:
        return None


def as_json(row: Compared) -> dict[str, Any]:
    """Return a comparison as plain values."""
    number = row.number
    return {
        "table": number.table.name,
        "row": number.row.row,
        "column": number.column,
        "model": row.model,
        "variant": bool(row.variant),
        "task": number.task,
        "part": number.part,
        "class": number.class_,
        "metric": number.metric,
        "published": number.value,
        "published_spread": number.deviation,
        "printed": number.text,
        "value": row.value,
        "spread": row.spread,
        "spread_over": "parts" if number.table.spread_over == "parts" and not number.part else "runs",
        "runs": row.runs,
        "difference": row.difference,
        "deviations": row.deviations,
        "deviations_of": row.yardstick,
        "reason": row.reason,
    }


def span(seeds: Sequence[int]) -> str:
    """Write seeds in a row as `bench train --seed` reads them."""
    if not seeds:
        return ""
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}..{seeds[-1]}"


def _beside(
    number: Number,
    needed: Sequence[Job],
    found: Mapping[Job, Mapping[str, Any]],
    missing: Mapping[Job, Sequence[str]],
    *,
    variants: bool,
) -> Iterator[Compared]:
    """Put ours beside one number: a line for each model that was asked for, or one that says why not."""
    task = task_of(number.task)
    if task is None or why_not(number, task):
        yield _nothing(number, why_not(number, task))
        return
    if number.metric == SIZE:
        yield from (_size(number, task, model) for model in models(number, variants=variants))
    for job in needed:
        if job in missing:
            row = _nothing(number, f"no recordings: {', '.join(missing[job])}")
        else:
            row = compare(number, task, found[job][number.metric])
        yield _as_variant(row, job.model)


def _as_variant(row: Compared, model: str) -> Compared:
    return replace(row, variant="" if model == row.number.row.model else model)


def _tasks(job: Job) -> list[Task]:
    """Return the task of a job and, where its model learns another one first, that one."""
    from bench.datasets import get_task

    before = getattr(baseline_of(job).recipe, "pretraining", None)
    return [get_task(name) for name in (job.task, *([before.task] if before else []))]


def _score(job: Job, entry: Path, runs: Sequence[Trained], wanted: Sequence[str]) -> Mapping[str, Any]:
    """Score the parts of a job that it needs."""
    from bench.datasets import get_task
    from bench.store import load

    task = get_task(job.task)
    split, parts = task.load_split(), parts_of(job)
    ids = list(dict.fromkeys(id_ for part in split.parts for id_ in split.ids(part, "test")))
    recordings = {recording.id: recording for recording in load(task.dataset, ids, poses=False)}
    read = _read(task, entry, runs, recordings)
    predictions = {run: {part: of[part] for part in parts} for run, of in read.items()}
    return values(task, predictions, recordings, wanted)


def _read(
    task: Task, entry: Path, runs: Sequence[Trained], recordings: Mapping[str, Recording]
) -> Predictions:
    """Read whole runs from the submission, checked as any other; of others the parts that are there."""
    from bench.datasets import get_task
    from bench.submissions import Expected, read_tasks

    found = {one.run.name: {unit.part: unit.read() for unit in one.units} for one in runs if one.lacks}
    whole = [one.run.name for one in runs if not one.lacks]
    if not whole:
        return found
    split = task.load_split()
    expected: Expected = {
        part: {id_: recordings[id_].frames for id_ in split.ids(part, "test")} for part in split.parts
    }
    _, read = read_tasks(entry, get_task, lambda _: expected, only=task.name)
    return {**found, **{run: read[task.name][run] for run in whole}}


def _size(number: Number, task: Task, model: str) -> Compared:
    """Count parameters; nothing is trained for it."""
    from baselines.runs.listing import parameters

    found = parameters(baseline_of(job_of(number, model)), task)
    if found is None:
        row = _nothing(number, f"needs torch: {install_hint('train')}")
    else:
        row = Compared(number, float(found), math.nan, 0)
    return _as_variant(row, model)


def _nothing(number: Number, reason: str) -> Compared:
    return Compared(number, math.nan, math.nan, 0, reason)

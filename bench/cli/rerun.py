"""What `bench reproduce` does: find what a table needs, train what is missing, score it, compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from bench.errors import DataError, UsageError
from bench.reference import (
    SIZE,
    Compared,
    Job,
    Number,
    compare,
    job_of,
    jobs,
    tables_of,
    values,
    why_not,
)
from bench.splits import SUBSETS

if TYPE_CHECKING:
    from baselines import Baseline
    from bench.recordings import Recording
    from bench.submissions import Predictions
    from bench.tasks import Task

Row = dict[str, Any]
Train = Callable[[Job, Path], None]
"""Trains the seeds of a job into an entry; what is finished there already stays."""


def listing(numbers: Sequence[Number]) -> list[Row]:
    """Return one row per table: what it prints and what training it again needs."""
    rows = []
    for table in tables_of(numbers):
        of = [number for number in numbers if number.table == table]
        asked = [number for number in of if not why_not(number, _task(number.task))]
        needed = jobs(asked)
        rows.append(
            {
                "name": table.name,
                "place": table.place,
                "title": table.title,
                "numbers": len(of),
                "reproducible": len(asked),
                "tasks": list(dict.fromkeys(number.task for number in of if number.task)),
                "models": [entry_name(job) for job in needed],
                "seeds": list(table.seeds),
                "missing": list(dict.fromkeys(hint for job in needed for hint in missing_data(job))),
            }
        )
    return rows


def listing_text(rows: list[Row]) -> str:
    """Return the same as a table."""
    cells = [
        (
            row["name"],
            row["place"],
            row["title"],
            f"{row['reproducible']} of {row['numbers']}",
            len(row["models"]),
            _span(row["seeds"]) if row["models"] else "",
            ("here" if not row["missing"] else ", ".join(row["missing"])) if row["models"] else "",
        )
        for row in rows
    ]
    headers = ("table", "where", "what", "reproducible", "models", "seeds", "recordings")
    align = ("left", "left", "left", "right", "right", "left", "left")
    return tabulate(cells, headers, tablefmt="simple", colalign=align, disable_numparse=True)


def plan(numbers: Sequence[Number], count: int | None, epochs: int | None, out: Path) -> list[Row]:
    """Return what `bench reproduce` would train, and then what it cannot give."""
    asked = [number for number in numbers if not why_not(number, _task(number.task))]
    rows: list[Row] = []
    for job in jobs(asked, count):
        entry = out / entry_name(job)
        rows.append(
            {
                "model": job.model,
                "past": job.past,
                "task": job.task,
                "seeds": list(job.seeds),
                "epochs": epochs,
                "entry": str(entry),
                "there": [seed for seed in job.seeds if is_there(entry, job.task, seed)],
                "missing": missing_data(job),
            }
        )
    reasons = {number.row.row: why_not(number, _task(number.task)) for number in numbers}
    return rows + [{"row": row, "not reproduced": reason} for row, reason in reasons.items() if reason]


def plan_text(rows: list[Row]) -> str:
    """Return the same as two tables."""
    steps = [
        (
            row["entry"],
            row["task"],
            _span(row["seeds"]),
            f"{len(row['there'])} of {len(row['seeds'])}",
            ", ".join(row["missing"]) or "here",
        )
        for row in rows
        if "entry" in row
    ]
    rest = [(row["row"], row["not reproduced"]) for row in rows if "row" in row]
    blocks = [
        tabulate(
            steps, ("would train", "task", "seeds", "there already", "recordings"), disable_numparse=True
        )
        if steps
        else "nothing to train"
    ]
    if rest:
        blocks.append(tabulate(rest, ("not reproduced", "because"), disable_numparse=True))
    return "\n\n".join(blocks)


def compare_all(
    numbers: Sequence[Number], count: int | None, out: Path, train: Train
) -> tuple[list[Compared], dict[Job, list[str]]]:
    """Train what is missing and put each number beside ours.

    Also returns, for each job whose recordings are not here, the commands that get them.
    """
    asked = [number for number in numbers if not why_not(number, _task(number.task))]
    missing: dict[Job, list[str]] = {}
    found: dict[Job, Mapping[str, Any]] = {}
    for job in jobs(asked, count):
        if hints := missing_data(job):
            missing[job] = hints
            continue
        train(job, out / entry_name(job))
        wanted = [number.metric for number in asked if job_of(number, count) == job]
        found[job] = _score(job, out / entry_name(job), wanted)
    rows = []
    for number in numbers:
        task = _task(number.task)
        if task is None or why_not(number, task):
            rows.append(_nothing(number, why_not(number, task)))
        elif number.metric == SIZE:
            rows.append(_size(number, task))
        elif (job := job_of(number, count)) in missing:
            rows.append(_nothing(number, f"no recordings: {', '.join(missing[job])}"))
        else:
            rows.append(compare(number, task, found[job][number.metric]))
    return rows, missing


def trainer(*, epochs: int | None, device: str, workers: int | None, cluster: str | None) -> Train:
    """Return what trains a job in this process, by so many workers or on a cluster."""

    def train(job: Job, entry: Path) -> None:
        from baselines.training import train_seeds
        from baselines.workers import Crew
        from bench.datasets import get_task

        train_seeds(
            baseline_of(job),
            get_task(job.task),
            seeds=job.seeds,
            device=device,
            out=entry,
            epochs=epochs,
            crew=Crew(workers or 1, cluster) if workers or cluster else None,
        )

    return train


def entries(rows: Sequence[Compared], count: int | None) -> list[tuple[str, str]]:
    """Return the entry and the task of every job that gave a value."""
    return list(dict.fromkeys((entry_name(job_of(r.number, count)), r.number.task) for r in rows if r.runs))


def entry_name(job: Job) -> str:
    """Return the entry of a job: its baseline, and the window where that is another."""
    return baseline_of(job).name


def baseline_of(job: Job) -> Baseline:
    """Return the baseline of a job; with another window it has another name."""
    from baselines import get_baseline
    from baselines.baseline import Recipe

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


def is_there(entry: Path, task: str, seed: int) -> bool:
    """Whether a run lies there with its record; that it is the very run asked for only training checks."""
    run = f"seed{seed}"
    return (entry / task / f"{run}.npz").is_file() and (entry / ".work" / task / f"{run}.json").is_file()


def as_json(row: Compared) -> Row:
    """Return a comparison as plain values."""
    number = row.number
    return {
        "table": number.table.name,
        "row": number.row.row,
        "column": number.column,
        "model": number.row.model,
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


def _tasks(job: Job) -> list[Task]:
    """Return the task of a job and, where its model learns another one first, that one."""
    from bench.datasets import get_task

    before = getattr(baseline_of(job).recipe, "pretraining", None)
    return [get_task(name) for name in (job.task, *([before.task] if before else []))]


def _task(name: str) -> Task | None:
    from bench.datasets import get_task

    try:
        return get_task(name)
    except UsageError:
        return None


def _score(job: Job, entry: Path, wanted: Sequence[str]) -> Mapping[str, Any]:
    """Read the seeds of a job from its entry and score them."""
    task, predictions, recordings = _read(job, entry)
    runs = {f"seed{seed}": predictions[f"seed{seed}"] for seed in job.seeds}
    return values(task, runs, recordings, wanted)


def _read(job: Job, entry: Path) -> tuple[Task, Predictions, dict[str, Recording]]:
    from bench.datasets import get_task
    from bench.store import load
    from bench.submissions import Expected, read_tasks

    task = get_task(job.task)
    split = task.load_split()
    parts = {part: split.ids(part, "test") for part in split.parts}
    ids = list(dict.fromkeys(id_ for of in parts.values() for id_ in of))
    recordings = {recording.id: recording for recording in load(task.dataset, ids, poses=False)}
    expected: Expected = {part: {id_: recordings[id_].frames for id_ in of} for part, of in parts.items()}
    _, read = read_tasks(entry, get_task, lambda _: expected, only=task.name)
    return task, read[task.name], recordings


def _size(number: Number, task: Task) -> Compared:
    """Count parameters; nothing is trained for it."""
    from baselines.listing import parameters

    found = parameters(baseline_of(job_of(number)), task)
    if found is None:
        return _nothing(number, "needs torch: pip install 'rodent-bench[train]'")
    return Compared(number, float(found), math.nan, 0)


def _nothing(number: Number, reason: str) -> Compared:
    return Compared(number, math.nan, math.nan, 0, reason)


def _span(seeds: Sequence[int]) -> str:
    if not seeds:
        return ""
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}..{seeds[-1]}"

"""Train what published tables need and is not there yet, score it, and put our numbers beside theirs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from baselines.reproduction.jobs import baseline_of, entry_name, missing_data, task_of
from baselines.reproduction.ours import score
from baselines.runs.crew import Crew
from baselines.runs.listing import parameters
from baselines.runs.plan import Order
from baselines.runs.train import Trained, train_all
from bench.about import install_hint
from bench.datasets import get_task
from bench.published import (
    SIZE,
    Compared,
    Job,
    Number,
    RunValues,
    compare,
    job_of,
    jobs_of,
    models,
    seed_range,
    why_not,
)
from bench.tasks import Task

Runs = Mapping[Job, Sequence[Trained]]
Train = Callable[[Mapping[Job, Path]], Runs]
"""Trains jobs, each into its entry; what is finished there already stays."""


@dataclass(frozen=True)
class Reproduced:
    """Printed numbers beside ours, and what lies behind them."""

    rows: Sequence[Compared]
    runs: Runs
    missing: Mapping[Job, Sequence[str]]
    """Jobs whose recordings are not here, and the commands that get them."""


def reproduce(
    numbers: Sequence[Number], count: int | None, out: Path, train: Train, *, variants: bool = False
) -> Reproduced:
    """Train what is missing and put each number beside ours; `variants` follow the expected model."""
    possible = [number for number in numbers if not why_not(number, task_of(number.task))]
    needs = jobs_of(possible, count, variants=variants)
    metrics: dict[Job, list[str]] = {}
    for number, needed in needs.items():
        for job in needed:
            metrics.setdefault(job, []).append(number.metric)
    missing = {job: hints for job in metrics if (hints := missing_data(job))}
    runs = train({job: out / entry_name(job) for job in metrics if job not in missing})
    scores = {job: score(job, out / entry_name(job), trained, metrics[job]) for job, trained in runs.items()}
    rows = [
        row
        for number in numbers
        for row in _beside(number, needs.get(number, ()), scores, missing, variants=variants)
    ]
    return Reproduced(rows, runs, missing)


def trainer(*, epochs: int | None, device: str, workers: int | None, cluster: str | None) -> Train:
    """Return a function that trains jobs: one by one here, or all at once with workers or on a cluster."""

    def train(entries: Mapping[Job, Path]) -> Runs:
        orders = [
            Order(baseline_of(job), get_task(job.task), job.seeds, device, entry, epochs, job.parts)
            for job, entry in entries.items()
        ]
        crew = Crew(workers or 1, cluster) if workers or cluster else None
        return dict(zip(entries, train_all(orders, crew), strict=True))

    return train


def next_steps(reproduced: Reproduced) -> Iterator[str]:
    """Yield the commands that come next: score whole runs, and train the parts that others lack."""
    for job, runs in reproduced.runs.items():
        order = runs[0].order
        if not all(trained.lacks for trained in runs):
            yield f"next: bench evaluate {order.out} --task {job.task}"
        if partial := [trained for trained in runs if trained.lacks]:
            seeds = seed_range([trained.seed for trained in partial])
            part_count = f"{len(partial[0].units)} of {len(order.task.parts)} parts"
            yield f"{order.out}, {job.task}, seed {seeds}: {part_count}, which make no entry"
            if job.past is None:
                yield f"next: {_train_command(job, seeds, order.device, order.epochs)} --out {order.out}"


def _train_command(job: Job, seeds: str, device: str, epochs: int | None) -> str:
    """Return the command that trains all parts of a run; with other options it would be another run."""
    command = f"bench train {job.model} --task {job.task} --seed {seeds}"
    command += f" --device {device}" if device != "cpu" else ""
    return command + (f" --epochs {epochs}" if epochs else "")


def _beside(
    number: Number,
    needed: Sequence[Job],
    scores: Mapping[Job, RunValues],
    missing: Mapping[Job, Sequence[str]],
    *,
    variants: bool,
) -> Iterator[Compared]:
    """Put ours beside one number: a line for each model, or one line with the reason why there is none."""
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
            row = compare(number, task, scores[job][number.metric])
        yield _as_variant(row, job.model)


def _as_variant(row: Compared, model: str) -> Compared:
    return replace(row, variant="" if model == row.number.row.model else model)


def _size(number: Number, task: Task, model: str) -> Compared:
    """Count parameters; nothing is trained for it."""
    count = parameters(baseline_of(job_of(number, model)), task)
    if count is None:
        row = _nothing(number, f"needs torch: {install_hint('train')}")
    else:
        row = Compared(number, float(count), math.nan, 0)
    return _as_variant(row, model)


def _nothing(number: Number, reason: str) -> Compared:
    return Compared(number, math.nan, math.nan, 0, reason)

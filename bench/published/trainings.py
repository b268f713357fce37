"""What a published number asks to be trained: which baseline, on which task, with which seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.published.tables import Number
from bench.tasks import Task

SIZE = "parameters"
"""What no run is needed for."""
SECONDS = "seconds_per_epoch"
"""What another command measures."""
UNDEFINED = "undefined"
"""What a paper does not define."""


@dataclass(frozen=True)
class Job:
    """One model to train on one task with some seeds."""

    model: str
    past: int | None
    task: str
    seeds: tuple[int, ...]
    parts: tuple[str, ...] = ()
    """Those whose numbers are asked for; empty: all."""


def why_not(number: Number, task: Task | None) -> str:
    """Say why no run of ours can give a number; empty where one can."""
    if number.row.reason:
        return number.row.reason
    if number.metric == UNDEFINED:
        train = f"; bench train {number.row.model} gives ours" if number.row.model else ""
        return f"the paper does not define its metric or its frames{train}"
    if task is None:
        return "no task here asks this"
    if number.metric != SIZE and number.metric not in {metric.name for metric in task.metrics}:
        reason = f"{number.metric.replace('_', ' ')}: no metric of the task"
        profile = f"; bench profile {number.row.model} --task {task.name} measures it"
        return reason + (profile if number.metric == SECONDS else "")
    return ""


def jobs_of(
    numbers: Sequence[Number], count: int | None = None, *, variants: bool = False
) -> dict[Number, tuple[Job, ...]]:
    """Return what must be trained for each of these numbers: first the model expected to reproduce it.

    Numbers of the same model, task and seeds have the same job, with the parts that any of them needs.
    `count` seeds take the place of the paper's and start where those do; `variants` adds the other baselines.
    """
    alone = {
        number: [job_of(number, model, count) for model in models(number, variants=variants)]
        for number in numbers
        if number.metric != SIZE
    }
    parts_of: dict[Job, list[str]] = {}
    for number, needs in alone.items():
        for job in needs:
            parts_of.setdefault(job, []).append(number.part)
    whole = {job: replace(job, parts=_union(parts)) for job, parts in parts_of.items()}
    return {number: tuple(whole[job] for job in needs) for number, needs in alone.items()}


def jobs(numbers: Sequence[Number], count: int | None = None, *, variants: bool = False) -> tuple[Job, ...]:
    """Return what must be trained for these numbers, each once."""
    needs = jobs_of(numbers, count, variants=variants).values()
    return tuple(dict.fromkeys(job for number_needs in needs for job in number_needs))


def models(number: Number, *, variants: bool = False) -> tuple[str, ...]:
    """Return the baseline that is expected to reproduce a number, and its variants where asked for."""
    if not number.row.model:
        return ()
    return (number.row.model, *(number.row.variants if variants else ()))


def job_of(number: Number, model: str, count: int | None = None) -> Job:
    """Return what one model must be trained for to give one number, whatever parts others need."""
    seeds = number.table.seeds
    if count is not None:
        seeds = tuple(range(seeds[0], seeds[0] + count))
    return Job(model, number.row.past, number.task, seeds)


def _union(parts: Sequence[str]) -> tuple[str, ...]:
    """Return each part once; none, which is all, where a number is the mean over them."""
    return () if "" in parts else tuple(dict.fromkeys(parts))


def seed_range(seeds: Sequence[int]) -> str:
    """Write seeds in a row as `bench train --seed` reads them."""
    if not seeds:
        return ""
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}..{seeds[-1]}"

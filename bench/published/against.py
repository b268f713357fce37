"""Printed numbers against ours: the same number of our own runs, and how far apart both are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from bench.evaluation import columns, cut, measure
from bench.published.tables import Number
from bench.recordings import Recording
from bench.submissions import Predictions
from bench.tasks import Task

SIZE = "parameters"
"""What no run is needed for."""
SECONDS = "seconds_per_epoch"
"""What another command measures."""
Values = Mapping[str, Float[np.ndarray, "U P C1"]]
"""Metric -> values of every run and part: the mean first, then the classes."""


@dataclass(frozen=True)
class Job:
    """One model to train on one task with some seeds."""

    model: str
    past: int | None
    task: str
    seeds: tuple[int, ...]
    parts: tuple[str, ...] = ()
    """Those whose numbers are asked for; empty: all."""


@dataclass(frozen=True)
class Compared:
    """A printed number beside ours; NaN and a reason where there is none of ours."""

    number: Number
    value: float
    spread: float
    """Population standard deviation over runs, or over parts where the printed one is; NaN of one run."""
    runs: int
    reason: str = ""
    variant: str = ""
    """The baseline behind ours, where it is not the one that is expected to reproduce the number."""

    @property
    def model(self) -> str:
        """The baseline behind ours; empty where none is."""
        return self.variant or self.number.row.model

    @property
    def difference(self) -> float:
        """Ours less theirs."""
        return self.value - self.number.value

    @property
    def yardstick(self) -> str:
        """Whose standard deviation measures the difference: theirs, ours where they print none, or none."""
        if self.number.deviation:
            return "published"
        return "ours" if self.spread > 0 else ""

    @property
    def deviations(self) -> float:
        """The difference in standard deviations of the yardstick; NaN without one."""
        scale = {"published": self.number.deviation, "ours": self.spread, "": math.nan}[self.yardstick]
        return self.difference / (scale or math.nan)


def why_not(number: Number, task: Task | None) -> str:
    """Say why no run of ours can give a number; empty where one can."""
    if number.row.reason:
        return number.row.reason
    if task is None:
        return "no task here asks this"
    if number.metric != SIZE and number.metric not in {metric.name for metric in task.metrics}:
        said = f"{number.metric.replace('_', ' ')}: no metric of the task"
        measured = f"; bench profile {number.row.model} --task {task.name} measures it"
        return said + (measured if number.metric == SECONDS else "")
    return ""


def jobs_of(
    numbers: Sequence[Number], count: int | None = None, *, variants: bool = False
) -> dict[Number, tuple[Job, ...]]:
    """Return what must be trained for each of these numbers: first the model expected to reproduce it.

    Numbers of the same model, task and seeds have the same job, with the parts that any of them needs.
    `count` seeds in place of the paper's start where those do. `variants` asks for them too.
    """
    alone = {
        number: [job_of(number, model, count) for model in models(number, variants=variants)]
        for number in numbers
        if number.metric != SIZE
    }
    asked: dict[Job, list[str]] = {}
    for number, of in alone.items():
        for job in of:
            asked.setdefault(job, []).append(number.part)
    whole = {job: replace(job, parts=_union(parts)) for job, parts in asked.items()}
    return {number: tuple(whole[job] for job in of) for number, of in alone.items()}


def jobs(numbers: Sequence[Number], count: int | None = None, *, variants: bool = False) -> tuple[Job, ...]:
    """Return what must be trained for these numbers, each once."""
    of = jobs_of(numbers, count, variants=variants)
    return tuple(dict.fromkeys(job for found in of.values() for job in found))


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


def values(
    task: Task, predictions: Predictions, recordings: Mapping[str, Recording], wanted: Sequence[str]
) -> Values:
    """Score runs with those of the task's metrics that are wanted; NaN for parts that they do not predict."""
    metrics = [metric for metric in task.metrics if metric.name in wanted]
    cuts = cut(task, task.load_split(), recordings)
    first = next(iter(predictions.values()))
    there = [part in first for part in cuts]
    measured = measure(task, {part: of for part, of in cuts.items() if part in first}, predictions)
    found: dict[str, Float[np.ndarray, "U P C1"]] = {}
    for metric in metrics:
        of = columns([metric], measured)[1][0]
        found[metric.name] = np.full((len(of), len(cuts), of.shape[2]), np.nan)
        found[metric.name][:, there] = of
    return found


def compare(number: Number, task: Task, of: Float[np.ndarray, "U P C1"]) -> Compared:
    """Take the same number from the values of our runs.

    The mean over parts counts those that define it, as in the headline of a result. Parts that it counts
    must all be predicted: see `jobs_of`.
    """
    column = 1 + task.classes.index(number.class_) if number.class_ else 0
    names = [part.name for part in task.parts]
    parts = of[:, [names.index(number.part)] if number.part else slice(None), column]  # (U, P)
    parts = parts[:, ~np.isnan(parts).any(axis=0)]
    if not parts.size:
        return Compared(number, math.nan, math.nan, len(of), "undefined on these recordings")
    over_runs = parts.mean(axis=1)
    spread = parts.mean(axis=0) if number.table.spread_over == "parts" and not number.part else over_runs
    deviation = float(spread.std()) if len(spread) > 1 else math.nan
    return Compared(number, float(over_runs.mean()), deviation, len(of))


def compared_json(row: Compared) -> dict[str, Any]:
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


def seed_range(seeds: Sequence[int]) -> str:
    """Write seeds in a row as `bench train --seed` reads them."""
    if not seeds:
        return ""
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}..{seeds[-1]}"

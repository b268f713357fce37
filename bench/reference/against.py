"""Printed numbers against ours: the same number of our own runs, and how far apart both are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.evaluation import columns, cut, measure
from bench.recordings import Recording
from bench.reference.tables import Number
from bench.submissions import Predictions
from bench.tasks import Task

SIZE = "parameters"
"""What no run is needed for."""
Values = Mapping[str, Float[np.ndarray, "U P C1"]]
"""Metric -> values of every run and part: the mean first, then the classes."""


@dataclass(frozen=True)
class Job:
    """One model to train on one task with some seeds."""

    model: str
    past: int | None
    task: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Compared:
    """A printed number beside ours; NaN and a reason where there is none of ours."""

    number: Number
    value: float
    spread: float
    """Population standard deviation over runs, or over parts where the printed one is; NaN of one run."""
    runs: int
    reason: str = ""

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
        return f"{number.metric.replace('_', ' ')}: no metric of the task"
    return ""


def jobs(numbers: Sequence[Number], count: int | None = None) -> tuple[Job, ...]:
    """Return what must be trained for these numbers, each once; so many seeds in place of the papers'."""
    return tuple(
        dict.fromkeys(
            job_of(number, count) for number in numbers if number.row.model and number.metric != SIZE
        )
    )


def job_of(number: Number, count: int | None = None) -> Job:
    """Return the job that gives one number; `count` seeds start where the paper's do."""
    seeds = number.table.seeds
    if count is not None:
        seeds = tuple(range(seeds[0], seeds[0] + count))
    return Job(number.row.model, number.row.past, number.task, seeds)


def values(
    task: Task, predictions: Predictions, recordings: Mapping[str, Recording], wanted: Sequence[str]
) -> Values:
    """Score runs with those of the task's metrics that are wanted."""
    metrics = [metric for metric in task.metrics if metric.name in wanted]
    measured = measure(task, cut(task, task.load_split(), recordings), predictions)
    return {metric.name: columns([metric], measured)[1][0] for metric in metrics}


def compare(number: Number, task: Task, of: Float[np.ndarray, "U P C1"]) -> Compared:
    """Take the same number from the values of our runs.

    The mean over parts counts those that define it, as in the headline of a result.
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

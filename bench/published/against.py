"""Printed numbers against ours: the same number of our own runs, and how far apart both are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.evaluation import Values, cut, measure, weighted_values
from bench.published.tables import Number
from bench.recordings import Recording
from bench.submissions import Predictions
from bench.tasks import Task

RunValues = Mapping[str, Values]
"""Metric -> values of every run and part."""


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


def values(
    task: Task, predictions: Predictions, recordings: Mapping[str, Recording], names: Sequence[str]
) -> RunValues:
    """Score runs by the task's metrics of these names; NaN for parts that the runs do not predict."""
    metrics = [metric for metric in task.metrics if metric.name in names]
    cuts = cut(task, task.load_split(), recordings)
    first = next(iter(predictions.values()))
    predicted = [part in first for part in cuts]
    measured = measure(task, {part: spans for part, spans in cuts.items() if part in first}, predictions)
    by_metric: dict[str, Values] = {}
    for metric in metrics:
        scores = weighted_values([metric], measured)[1][0].array
        every = np.full((len(scores), len(cuts), scores.shape[2]), np.nan)
        every[:, predicted] = scores
        by_metric[metric.name] = Values(every)
    return by_metric


def compare(number: Number, task: Task, scores: Values) -> Compared:
    """Take the same number from the values of our runs.

    The mean over parts counts those that define it, as in the headline of a result. Parts that it counts
    must all be predicted: see `jobs_of`.
    """
    by_part = scores.overall  # (U, P)
    if number.class_:
        by_part = scores.per_class[..., task.classes.index(number.class_)]
    names, runs = [part.name for part in task.parts], len(by_part)
    parts = by_part[:, [names.index(number.part)] if number.part else slice(None)]
    parts = parts[:, ~np.isnan(parts).any(axis=0)]
    if not parts.size:
        return Compared(number, math.nan, math.nan, runs, "undefined on these recordings")
    over_runs = parts.mean(axis=1)
    spread = parts.mean(axis=0) if number.table.spread_over == "parts" and not number.part else over_runs
    deviation = float(spread.std()) if len(spread) > 1 else math.nan
    return Compared(number, float(over_runs.mean()), deviation, runs)


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

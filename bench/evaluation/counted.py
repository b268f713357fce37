"""From a result file back to measures: those that its counts of every recording give, without any array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.evaluation.details import PartCounts, class_counts, part_counts, set_counts
from bench.evaluation.measured import Key, Measured
from bench.metrics import Metric
from bench.metrics.agreement import count_sets
from bench.metrics.frames import count_frames
from bench.results import Result

COUNTED: Mapping[Callable[..., Any], Callable[[PartCounts, int], Sequence[Any]]] = {
    count_frames: class_counts,
    count_sets: set_counts,
}
"""Measures that follow from the counts of a recording, and how."""


def counted_metrics(metrics: Sequence[Metric]) -> list[Metric]:
    """Return those of the metrics that follow from counts: F1, precision, recall, accuracy, kappa."""
    return [metric for metric in metrics if metric.measure in COUNTED]


def measured_of(result: Result) -> Measured | None:
    """Return the measures of `counted_metrics` that a result holds; None where it holds no counts.

    Each recording stands for all of its spans: their counts add up, so every value is the same.
    """
    by_part = part_counts(result)
    if not by_part:
        return None
    classes, background = result.task["classes"], result.task["background"]
    runs = sorted(next(iter(result.scores.values())).per_run)
    measures: dict[Key, list[Any]] = {}
    shows = {}
    for part, counts in by_part.items():
        shows[part] = np.stack([one[:, 0] + one[:, 2] > 0 for one in class_counts(counts, 0)])
        for k, run in enumerate(runs):
            for measure, read in COUNTED.items():
                measures[measure, run, part] = list(read(counts, k))
    return Measured(
        classes=tuple(classes),
        foreground=np.array([name != background for name in classes]),
        runs=runs,
        group={part: counts.group for part, counts in by_part.items()},
        shows=shows,
        groups=1 + max(int(counts.group.max()) for counts in by_part.values()),
        measures=measures,
    )

"""What every metric needs of an entry: each span measured once, in the form that the metric reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from bench.kinds import Cut, DetectionForm, kind_of
from bench.metrics import Metric
from bench.submissions import Predictions
from bench.tasks import Task

Key = tuple[Callable[..., Any], str, str]
"""(`Metric.measure`, run, part)."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What every metric needs of every run, part and span; the predictions are not read again."""

    classes: tuple[str, ...]
    foreground: Bool[np.ndarray, " C"]
    runs: Sequence[str]
    group: Mapping[str, Int[np.ndarray, " N"]]
    """Part -> the group of each of its spans."""
    shows: Mapping[str, Bool[np.ndarray, "N C"]]
    """Part -> which classes the truth of each of its spans shows."""
    groups: int
    measures: Mapping[Key, list[Any]]
    """The measure of each span."""


def measure(
    task: Task,
    cuts: Mapping[str, Cut],
    predictions: Predictions,
    form: DetectionForm | None = None,
    also: Sequence[Callable[..., Any]] = (),
) -> Measured:
    """Measure every span of every run and part, once for all metrics that share a `measure`.

    `form` says of what kind detections are; `also` are further measures of labels. Raises `UsageError`
    where there are detections and it is not given.
    """
    kind = kind_of(task)
    measures = {metric.measure: metric.reads for metric in task.metrics} | dict.fromkeys(also, "labels")
    made: dict[Key, list[Any]] = {}
    for run, by_part in sorted(predictions.items()):
        for part, of_part in cuts.items():
            judged = kind.judge(task, of_part, by_part[part], form)
            for measure_span, reads in measures.items():
                pairs = zip(of_part.test, judged[reads], strict=True)
                made[measure_span, run, part] = [measure_span(span.truth, one) for span, one in pairs]
    tests = {part: of_part.test for part, of_part in cuts.items()}
    return Measured(
        classes=task.classes,
        foreground=task.foreground,
        runs=sorted(predictions),
        group={part: np.array([span.group for span in spans]) for part, spans in tests.items()},
        shows={
            part: np.stack([kind.count(span.truth) > 0 for span in spans]) for part, spans in tests.items()
        },
        groups=1 + max(span.group for spans in tests.values() for span in spans),
        measures=made,
    )


def side_by_side(metric: Metric, one: Measured, other: Measured) -> Measured:
    """Return two entries as one of twice as many spans and groups, in what a metric measures.

    Groups 0..G-1 are those of `one`, G..2G-1 the same of `other`; runs are paired in their order, and both
    have as many. Raises `ValueError` for a metric without `exchange`.
    """
    if metric.exchange is None:
        raise ValueError(f"{metric.name}: spans of two entries cannot stand side by side")
    groups = one.groups
    measures: dict[Key, list[Any]] = {}
    for ours, theirs in zip(one.runs, other.runs, strict=True):
        for part in one.group:
            entries = one.measures[metric.measure, ours, part], other.measures[metric.measure, theirs, part]
            measures[metric.measure, ours, part] = [
                span for spans in entries for span in metric.exchange(spans)
            ]
    return Measured(
        classes=one.classes,
        foreground=one.foreground,
        runs=one.runs,
        group={part: np.concatenate([group, groups + group]) for part, group in one.group.items()},
        shows={part: np.concatenate([shows, shows]) for part, shows in one.shows.items()},
        groups=2 * groups,
        measures=measures,
    )

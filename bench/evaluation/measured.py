"""What every metric needs of an entry: each span measured once, in the form that the metric reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Num

from bench.errors import UsageError
from bench.evaluation.spans import Span, shown
from bench.metrics.softnms import soft_nms
from bench.recordings import one_hot
from bench.submissions import DetectionForm, Predictions
from bench.tasks import Task

THRESHOLD = 0.5  # of a multi-label class: it holds where its score is at least this

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
    cuts: Mapping[str, list[Span]],
    predictions: Predictions,
    form: DetectionForm | None = None,
    also: Sequence[Callable[..., Any]] = (),
) -> Measured:
    """Measure every span of every run and part, once for all metrics that share a `measure`.

    `form` says of what kind detections are; `also` are further measures of labels. Raises `UsageError`
    where there are detections and it is not given.
    """
    if task.kind == "segments" and form is None:
        raise UsageError(f"task {task.name!r}: nothing says whether its detections are raw or final")
    asked = {metric.measure: metric.reads for metric in task.metrics} | dict.fromkeys(also, "labels")
    made: dict[Key, list[Any]] = {}
    for run, by_part in sorted(predictions.items()):
        for part, counted in cuts.items():
            judged = _judged(task, counted, by_part[part], form)
            for take, reads in asked.items():
                pairs = zip(counted, judged[reads], strict=True)
                made[take, run, part] = [take(span.truth, found) for span, found in pairs]
    return Measured(
        classes=task.classes,
        foreground=task.foreground,
        runs=sorted(predictions),
        group={part: np.array([span.group for span in counted]) for part, counted in cuts.items()},
        shows={part: np.stack([shown(span.truth) for span in counted]) for part, counted in cuts.items()},
        groups=1 + max(span.group for counted in cuts.values() for span in counted),
        measures=made,
    )


def _judged(
    task: Task, counted: Sequence[Span], predicted: Mapping[str, Any], form: DetectionForm | None
) -> Mapping[str, Sequence[Any]]:
    """Return, by what a metric reads, what was predicted of each span."""
    if task.kind == "segments":
        found = [predicted[span.recording] for span in counted]
        return {"detections": [soft_nms(one) for one in found] if form == "raw" else found}
    scores = [predicted[span.recording][span.frames] for span in counted]
    return {"scores": scores, "labels": [labels_of(array, exclusive=task.exclusive) for array in scores]}


def labels_of(scores: Num[np.ndarray, "T C"], *, exclusive: bool) -> Bool[np.ndarray, "T C"]:
    """Label frames: the best class, of equals the first; every class from 0.5 on where several may hold."""
    if exclusive:
        return one_hot(scores.argmax(axis=1), scores.shape[1])
    return np.asarray(scores >= THRESHOLD)

"""What the scripts that train share: a run's scores of the test recordings, and their F1 and MAP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int64

from bench.kinds import labels_of
from bench.metrics import Metric
from bench.metrics.frames import F1
from bench.metrics.ranking import MAP
from bench.recordings import one_hot
from bench.recordings import spans as cut
from bench.store import load
from bench.tasks import Task

Truth = Mapping[str, Int64[np.ndarray, " T"]]
"""Recording -> class index of every frame, -1 where none counts."""
Scores = Mapping[str, Float32[np.ndarray, "T C"]]


def read_test(task: Task, predictions: Path) -> tuple[Truth, Scores]:
    """Return what is true of the test recordings and what a run says of them.

    Of a task of one part whose classes exclude each other.
    """
    (part,) = task.parts
    truth = {}
    for recording in load(task.dataset, task.load_split().ids(part.name, "test"), poses=False):
        held = task.truth(recording)
        truth[recording.id] = np.where(recording.annotated & held.any(axis=1), held.argmax(axis=1), -1)
    with np.load(predictions) as archive:
        return truth, {id_: archive[f"{part.name}/{id_}"] for id_ in truth}


def f1_and_map(task: Task, truth: Truth, scores: Scores) -> tuple[float, float]:
    """Return both, without the background, as `bench evaluate` has them; no other number is computed."""
    spans = [
        (one_hot(truth[id_][frames], len(task.classes)), scores[id_][frames])
        for id_ in sorted(truth)
        for frames in cut(truth[id_] >= 0)
    ]
    labels = [labels_of(said, exclusive=True) for _, said in spans]
    hits = [F1.measure(held, label) for (held, _), label in zip(spans, labels, strict=True)]
    ranks = [MAP.measure(held, said) for held, said in spans]
    once = np.ones((1, len(spans)))
    return _mean(F1, hits, once, task), _mean(MAP, ranks, once, task)


def _mean(metric: Metric, measures: Sequence[object], once: Float[np.ndarray, "1 N"], task: Task) -> float:
    classes = metric.reduce(measures, once)
    return float(metric.average(classes, metric.averaged(classes[0], task.foreground))[0])

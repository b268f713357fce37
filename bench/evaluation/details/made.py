"""From the measures of every span to details. Pure; linear in frames, since every span is measured once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from bench.evaluation.details.counts import by_recording, count_pairs
from bench.kinds import kind_of
from bench.metrics import Metric
from bench.metrics.agreement import confusion
from bench.metrics.boundary import count_by_distance
from bench.metrics.kernels.pooling import share
from bench.metrics.onsets import count_offsets, count_onsets, edge_f1_curve
from bench.tasks import Task

MEASURES: tuple[Callable[..., Any], ...] = (
    confusion,
    count_pairs,
    count_by_distance,
    count_onsets,
    count_offsets,
)
"""What details need of the labels of each span, beside what the metrics of the task measure."""
ALONE = ("accuracy", "accuracy_at_transition", "accuracy_within_5", "accuracy_beyond_10")
"""Given of every recording alone, where the task has them, beside its first two metrics."""

Measures = Mapping[tuple[Callable[..., Any], str, str], Sequence[Any]]
"""(measure, run, part) -> the measure of each span."""


def details(
    task: Task,
    recordings: Mapping[str, Sequence[str]],
    groups: Mapping[str, Sequence[int]],
    runs: Sequence[str],
    measures: Measures,
) -> dict[str, Any]:
    """Return the details of one entry as plain values; empty where no frame gets a label.

    `recordings` names, for every part, the recording that each span is of, and `groups` the number of its
    group; `measures` holds those of `MEASURES` and those of the task's metrics, span by span in this order.
    """
    if not kind_of(task).labels_frames:
        return {}
    parts = {}
    for part, owner in recordings.items():
        held = [
            {measure: measures[measure, run, part] for measure in _needed(task)} for run in runs
        ]  # of each run
        counted = by_recording(owner, groups[part], [run[count_pairs] for run in held])
        parts[part] = _part(task, held) | {
            "categories": counted.pop("categories"),
            "recordings": _recordings(task, owner, held) | counted,
        }
    return {"runs": len(runs), "parts": parts}


def _needed(task: Task) -> list[Callable[..., Any]]:
    return [*MEASURES, *(metric.measure for metric in _of_recordings(task))]


def _of_recordings(task: Task) -> list[Metric]:
    """Return the metrics that each recording is given by: the first two, accuracy, and its bands."""
    return [*task.metrics[:2], *(one for one in task.metrics[2:] if one.name in ALONE)]


def _part(task: Task, runs: Sequence[Mapping[Callable[..., Any], Sequence[Any]]]) -> dict[str, Any]:
    counts = np.stack([np.sum(run[count_by_distance], axis=0) for run in runs])  # (U, 32, 1 + C, 2)
    frames, right = counts[0, :, :, 0].T, counts[:, :, :, 1].sum(axis=0).T
    by_distance = [{"frames": f.tolist(), "right": r.tolist()} for f, r in zip(frames, right, strict=True)]
    made: dict[str, Any] = {
        "boundary": {
            "all": by_distance[0],
            "per_class": dict(zip(task.classes, by_distance[1:], strict=True)),
        },
        "edges": {
            "onset": _edges(task, [run[count_onsets] for run in runs]),
            "offset": _edges(task, [run[count_offsets] for run in runs]),
        },
    }
    if task.exclusive:
        made["confusion"] = np.sum([table for run in runs for table in run[confusion]], axis=0).tolist()
    return made


def _edges(task: Task, runs: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return, per class, F1 over tolerance as the mean over runs, and how many there are."""
    curves = np.mean([edge_f1_curve(of, np.ones((1, len(of))))[0] for of in runs], axis=0)  # (C, 31)
    counts = np.stack([np.sum(of, axis=0)[:, -2:] for of in runs])  # (U, C, 2): true, predicted
    return {
        name: {
            "f1": _plain(curve),
            "true": int(counts[0, c, 0]),
            "predicted": int(counts[:, c, 1].sum()),
        }
        for c, (name, curve) in enumerate(zip(task.classes, curves, strict=True))
    }


def _recordings(
    task: Task, owner: Sequence[str], runs: Sequence[Mapping[Callable[..., Any], Sequence[Any]]]
) -> dict[str, Any]:
    """Return the values of each recording alone, as columns: every row of weights is one recording."""
    names = list(dict.fromkeys(owner))
    own = np.array([[id_ == name for id_ in owner] for name in names])  # (R, N)
    frames = np.array([counts[:, 0, 0].sum() for counts in runs[0][count_by_distance]])
    values = {
        metric.name: np.mean([_alone(metric, run[metric.measure], own) for run in runs], axis=0)
        for metric in _of_recordings(task)
    }
    first = task.metrics[0]
    return {
        "id": names,
        "frames": (own @ frames).tolist(),
        "values": {
            metric.name: _plain(_mean(metric, values[metric.name], task.foreground))
            for metric in _of_recordings(task)
        },
        "per_class": {}
        if first.mean == "none"
        else {name: _plain(values[first.name][:, c]) for c, name in enumerate(task.classes)},
    }


def _alone(metric: Metric, measures: Sequence[Any], own: Bool[np.ndarray, "R N"]) -> Float[np.ndarray, "R K"]:
    """Reduce the spans of each recording alone."""
    if metric.reads == "labels":
        return metric.reduce(measures, own.astype(np.float64))
    # Ranks know no sums: sorting each recording by itself is quicker than all of them for every row.
    spans = [np.flatnonzero(row).tolist() for row in own]
    alone = [metric.reduce([measures[n] for n in own], np.ones((1, len(own)))) for own in spans]
    return np.concatenate(alone)


def _mean(
    metric: Metric, values: Float[np.ndarray, "R K"], foreground: Bool[np.ndarray, " C"]
) -> Float[np.ndarray, " R"]:
    """Average over the classes that the truth of each recording defines; NaN where it defines none."""
    kept = values[:, foreground] if metric.mean == "foreground" else values
    defined = ~np.isnan(kept)
    return share(np.where(defined, kept, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _plain(values: Float[np.ndarray, " V"]) -> list[float | str | None]:
    """Write numbers as JSON has them, as `bench.results.plain` does."""
    return [float(x) if math.isfinite(x) else None if math.isnan(x) else str(float(x)) for x in values]

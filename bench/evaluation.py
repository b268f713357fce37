"""Evaluation: predictions and truth in, one `Result` out. Pure: it touches no file and no clock.

A recording is cut into spans of frames that count. Every metric measures each span once, then reduces
all spans under rows of weights: one row of ones for the value, many rows for its interval.

How values become one number
----------------------------
Part       the value on all test recordings of the part, pooled
Run        the mean over parts
Headline   the mean over runs

In a resample a part weighs as often as its groups were drawn, on average: where every part holds the
same groups that is the plain mean, where every part is a fold of its own it is the mean over the folds
that were drawn. A resample in which a part is drawn but undefined has no headline.

Labels
------
Where classes exclude each other the label of a frame is the class of the highest score, of equal scores
the first in the task's order. Where they overlap, every class holds whose score is at least 0.5.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from bench.errors import UsageError
from bench.metrics import METRICS_VERSION, Metric
from bench.metrics.intervals import Interval, interval
from bench.metrics.resampling import Value
from bench.recordings import Recording, one_hot, spans
from bench.results import PartScore, Result, Score
from bench.splits import Split
from bench.submissions import Predictions, predictions_digest
from bench.tasks import Task

RESAMPLES = 1_000
SEED = 0
LEVEL = 0.95
THRESHOLD = 0.5  # of a multi-label class: it holds where its score is at least this


@dataclass(frozen=True, eq=False)
class Span:
    """A run of consecutive frames of one test recording that count."""

    recording: str
    frames: slice
    truth: Bool[np.ndarray, "T C"]
    group: int
    """Index of its group among all test groups of the task."""


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


def evaluate(
    task: Task,
    entry: Mapping[str, Any],
    predictions: Predictions,
    recordings: Mapping[str, Recording],
    *,
    resamples: int = RESAMPLES,
) -> Result:
    """Score every run and part of one entry on one task, with intervals over test groups.

    `predictions` (run -> part -> recording id -> scores) must fit `recordings`, as reading by
    `bench.submissions` makes sure. Raises `UsageError` for a task whose kind has no evaluation here.
    """
    split = task.load_split()
    cuts = cut(task, split, recordings)
    counted = [span for of_part in cuts.values() for span in of_part]
    measured = measure(task, cuts, predictions)
    scores, how = score_all(task.metrics, measured, resamples)
    return Result(
        entry=entry,
        task=task_card(task),
        metrics_version=METRICS_VERSION,
        split_digest=split.digest,
        truth_digest=truth_digest(task, cuts),
        predictions_digest=predictions_digest(predictions),
        recordings=len({span.recording for span in counted}),
        groups=measured.groups,
        frames=sum(len(span.truth) for span in counted),
        support=dict(
            zip(task.classes, np.sum([s.truth.sum(axis=0) for s in counted], axis=0).tolist(), strict=True)
        ),
        interval=how,
        scores=scores,
    )


def score_all(
    metrics: Sequence[Metric], measured: Measured, resamples: int = RESAMPLES
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Reduce every metric to its score; return the scores by name and how the intervals were made."""
    how: dict[str, Any] = {}
    scores = {}
    for metric in metrics:
        scores[metric.name], found = _score(metric, measured, resamples)
        how = {
            "method": found.method,
            "level": found.level,
            "resamples": resamples,
            "seed": SEED,
            "unit": "group of recordings",
            "groups": measured.groups,
            "reason": found.reason,
        }
    return scores, how


def task_card(task: Task) -> dict[str, Any]:
    """Return what a page says about a task, as plain JSON values."""
    return {
        "name": task.name,
        "title": task.title,
        "question": task.question,
        "kind": task.kind,
        "classes": list(task.classes),
        "background": task.background,
        "exclusive": task.exclusive,
        "reference": task.reference,
        "parts": [{"name": part.name, "title": part.title} for part in task.parts],
        "protocol": {"name": task.protocol.name, "description": task.protocol.description},
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title,
                "definition": metric.definition,
                "reference": metric.reference,
                "unit": metric.unit,
                "mean": metric.mean,
                "higher_is_better": metric.higher_is_better,
            }
            for metric in task.metrics
        ],
        "dataset": {
            "name": task.dataset.name,
            "title": task.dataset.title,
            "url": task.dataset.url,
            "licence": task.dataset.licence,
            "citation": task.dataset.citation,
            "simulated": task.dataset.simulated,
            "fps": task.dataset.fps,
            "notes": list(task.dataset.notes),
        },
    }


def labels_of(scores: Num[np.ndarray, "T C"], *, exclusive: bool) -> Bool[np.ndarray, "T C"]:
    """Label frames: the best class, of equals the first; every class from 0.5 on where several may hold."""
    if exclusive:
        return one_hot(scores.argmax(axis=1), scores.shape[1])
    return np.asarray(scores >= THRESHOLD)


def truth_digest(task: Task, cuts: Mapping[str, list[Span]]) -> str:
    """Return the SHA-256 of all that was compared with: classes, parts, ids, frames, groups, labels."""
    digest = hashlib.sha256("|".join(task.classes).encode())
    for part, counted in cuts.items():
        for span in sorted(counted, key=lambda span: (span.recording, span.frames.start)):
            place = f"{part} {span.recording} {span.frames.start} {span.frames.stop} {span.group}"
            digest.update(f"\n{place}\n".encode())
            digest.update(np.packbits(span.truth).tobytes())
    return digest.hexdigest()


def cut(task: Task, split: Split, recordings: Mapping[str, Recording]) -> dict[str, list[Span]]:
    """Cut the test recordings of every part into the spans that count.

    Raises `UsageError` for a task whose kind has no evaluation here.
    """
    if task.kind != "frames":
        raise UsageError(f"task {task.name!r} is of kind {task.kind!r}; evaluate scores frame tasks")
    tested = {part: split.group_of(part, "test") for part in split.parts}
    counted = {id_: spans(task.protocol.counted(recordings[id_])) for of in tested.values() for id_ in of}
    groups = {group for of in tested.values() for id_, group in of.items() if counted[id_]}
    index = {group: i for i, group in enumerate(sorted(groups))}
    cuts: dict[str, list[Span]] = {part: [] for part in tested}
    for part, of in tested.items():
        for id_, group in of.items():
            truth = task.truth(recordings[id_])
            cuts[part] += [Span(id_, frames, truth[frames], index[group]) for frames in counted[id_]]
    return cuts


def measure(task: Task, cuts: Mapping[str, list[Span]], predictions: Predictions) -> Measured:
    """Measure every span of every run and part, once for all metrics that share a `measure`."""
    made: dict[Key, list[Any]] = {}
    for run, by_part in sorted(predictions.items()):
        for part, counted in cuts.items():
            scores = [by_part[part][span.recording][span.frames] for span in counted]
            labels = [labels_of(array, exclusive=task.exclusive) for array in scores]
            for metric in task.metrics:
                key = (metric.measure, run, part)
                if key not in made:
                    read = labels if metric.reads == "labels" else scores
                    made[key] = [metric.measure(s.truth, x) for s, x in zip(counted, read, strict=True)]
    return Measured(
        classes=task.classes,
        foreground=task.foreground,
        runs=sorted(predictions),
        group={part: np.array([span.group for span in counted]) for part, counted in cuts.items()},
        shows={
            part: np.stack([span.truth.any(axis=0) for span in counted]) for part, counted in cuts.items()
        },
        groups=1 + max(span.group for counted in cuts.values() for span in counted),
        measures=made,
    )


def columns(metric: Metric, measured: Measured) -> tuple[Value, Float[np.ndarray, "U P K"]]:
    """Return the function of group weights that gives everything with an interval, and the plain values.

    Its columns are the headline, then the mean of each class, then the value of each part; each is the mean
    over runs. The plain values are those of every run and part: the mean first, then the classes.
    """
    reduced = _reduced(metric, measured, np.ones((1, measured.groups)))
    averaged = [metric.averaged(whole, measured.foreground) for whole in reduced[0, 0]]

    def value(weights: Float[np.ndarray, "R G"]) -> Float[np.ndarray, "R K"]:
        means = _with_means(metric, _reduced(metric, measured, weights), averaged)
        over_runs = means.mean(axis=1)  # (R, P, 1 + C)
        over_parts = _over_parts(over_runs, defined, measured, weights)
        return np.concatenate([over_parts, over_runs[:, :, 0]], axis=1)

    plain = _with_means(metric, reduced, averaged)[0]
    defined = ~np.isnan(plain).any(axis=0)
    return value, plain


def groups_behind(metric: Metric, measured: Measured) -> Int[np.ndarray, " K"]:
    """Return how many groups each column of `columns` rests on.

    The headline on all; a class on those whose truth shows it, though false alarms on others count too;
    a part on its own.
    """
    parts = [len(np.unique(group)) for group in measured.group.values()]
    if metric.mean == "none":
        return np.array([measured.groups, *parts])
    group = np.concatenate(list(measured.group.values()))
    shows = np.concatenate(list(measured.shows.values()))
    classes = [len(np.unique(group[of])) for of in shows.T]
    return np.array([measured.groups, *classes, *parts])


def _score(metric: Metric, measured: Measured, resamples: int) -> tuple[Score, Interval]:
    parts, runs, ones = list(measured.group), measured.runs, np.ones((1, measured.groups))

    value, point = columns(metric, measured)  # point (runs, parts, 1 + C)
    over_runs = point.mean(axis=0)
    defined = ~np.isnan(over_runs)
    whole = _over_parts(over_runs[None], defined, measured, ones)[0]
    found = interval(
        value,
        measured.groups,
        resamples=resamples,
        seed=SEED,
        level=LEVEL,
        bounds=metric.bounds,
        behind=groups_behind(metric, measured),
    )
    names = measured.classes if metric.mean != "none" else ()
    per_run = [_over_parts(point[None, u], defined, measured, ones)[0, 0] for u in range(len(runs))]
    score = Score(
        value=float(whole[0]),
        low=float(found.low[0]),
        high=float(found.high[0]),
        std_runs=_spread(per_run),
        std_parts=_spread(over_runs[:, 0]),
        per_class={name: float(whole[1 + c]) for c, name in enumerate(names)},
        per_class_interval={
            name: (float(found.low[1 + c]), float(found.high[1 + c])) for c, name in enumerate(names)
        },
        per_part={
            part: PartScore(
                value=float(over_runs[p, 0]),
                low=float(found.low[1 + len(names) + p]),
                high=float(found.high[1 + len(names) + p]),
                per_class={name: float(over_runs[p, 1 + c]) for c, name in enumerate(names)},
            )
            for p, part in enumerate(parts)
        },
        per_run=dict(zip(runs, map(float, per_run), strict=True)),
    )
    return score, found


def _reduced(
    metric: Metric, measured: Measured, weights: Float[np.ndarray, "R G"]
) -> Float[np.ndarray, "R U P K"]:
    """Reduce every run and part under rows of group weights."""
    values = [
        metric.reduce(measured.measures[metric.measure, run, part], weights[:, group])
        for run in measured.runs
        for part, group in measured.group.items()
    ]
    return np.stack(values, axis=1).reshape(len(weights), len(measured.runs), len(measured.group), -1)


def _with_means(
    metric: Metric, values: Float[np.ndarray, "R U P K"], averaged: Sequence[Bool[np.ndarray, " K"]]
) -> Float[np.ndarray, "R U P C1"]:
    """Put the mean of each part in front of its class values; a metric that is one number is its mean."""
    rows, runs, parts, _ = values.shape
    mean = np.empty((rows, runs, parts, 1))
    for run in range(runs):
        for part in range(parts):
            mean[:, run, part, 0] = metric.average(values[:, run, part], averaged[part])
    return mean if metric.mean == "none" else np.concatenate([mean, values], axis=-1)


def _over_parts(
    values: Float[np.ndarray, "R P K"],
    defined: Bool[np.ndarray, "P K"],
    measured: Measured,
    weights: Float[np.ndarray, "R G"],
) -> Float[np.ndarray, "R K"]:
    """Average over the parts that define a value, each as often as its groups were drawn.

    `defined` says which do, and that the truth decides: a class may occur in some only. A row in which such
    a part was drawn without what defines it is undefined, so that no row is a mean over other parts.
    """
    drawn = np.stack(
        [weights[:, np.unique(group)].mean(axis=1) for group in measured.group.values()], axis=1
    )[:, :, None]
    counted = np.where(defined, drawn, 0.0)  # (R, P, K)
    total = counted.sum(axis=1)
    summed = np.multiply(values, counted, out=np.zeros_like(values), where=counted > 0).sum(axis=1)
    return np.divide(summed, total, out=np.full_like(summed, np.nan), where=total > 0)


def _spread(values: Sequence[float] | Float[np.ndarray, " V"]) -> float:
    """Return the population standard deviation; NaN for a single value or an infinite one."""
    return float(np.std(values)) if len(values) > 1 and np.isfinite(values).all() else float("nan")

"""What scoring gives back, whatever was scored, and how it is written as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int

from bench.evaluation import Measured, score_all
from bench.metrics import METRICS_VERSION, Metric
from bench.results import Score, plain

RUN, PART = "scored", "all"
"""There is one of each where no task is at hand."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The values of every metric of one kind, with what they were computed on."""

    kind: Literal["frames", "segments", "clusters"]
    classes: tuple[str, ...]
    background: str | None
    metrics: tuple[Metric, ...]
    scores: Mapping[str, Score]
    """By name. NaN = undefined; `per_class` is empty where a metric is one number."""
    interval: Mapping[str, Any]
    """How the intervals were made, or in `reason` why there are none."""
    recordings: int
    groups: int
    support: Mapping[str, int]
    """Class -> frames, or true segments, that were scored."""
    counts: Mapping[str, Any]
    """What else was counted: frames, segments, detections, and what was left out."""
    fps: float | None = None
    """Frames per second; with it, frames are given in milliseconds too and rates per minute."""
    warnings: tuple[str, ...] = ()
    """What a reader should know before quoting a number."""


def to_json(found: Scores) -> dict[str, Any]:
    """Return plain JSON values: undefined is None, an infinite number its name. No clock, no path.

    `bench.results.canonical` makes the one text of them: the same input gives the same bytes.
    """
    written: dict[str, Any] = plain(
        {
            **found.counts,
            "kind": found.kind,
            "metrics_version": METRICS_VERSION,
            "classes": found.classes,
            "background": found.background,
            "fps": found.fps,
            "recordings": found.recordings,
            "groups": found.groups,
            "support": found.support,
            "interval": found.interval,
            "warnings": found.warnings,
            "scores": {one.name: _score(one, found.scores[one.name], found.fps) for one in found.metrics},
        }
    )
    return written


def foreground(classes: Sequence[str], background: str | None) -> Bool[np.ndarray, " C"]:
    """Return which classes enter a mean without background."""
    return np.array([name != background for name in classes])


def group_index(ids: Sequence[str], groups: Mapping[str, str] | None) -> tuple[Int[np.ndarray, " N"], int]:
    """Return the number of the group of each recording, and how many there are.

    >>> group_index(["m1 a", "m1 b", "m2"], {"m1 a": "m1", "m1 b": "m1", "m2": "m2"})
    (array([0, 0, 1]), 2)
    """
    named = [groups[id_] if groups is not None else id_ for id_ in ids]
    order = {name: i for i, name in enumerate(sorted(set(named)))}
    return np.array([order[name] for name in named], dtype=np.int64), len(order)


def reduce_spans(
    metrics: Sequence[Metric],
    measures: Mapping[Callable[..., Any], list[Any]],
    group: Int[np.ndarray, " N"],
    shows: Bool[np.ndarray, "N C"],
    classes: Sequence[str],
    background: str | None,
    resamples: int,
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Reduce the measures of N spans to scores, as `bench evaluate` does with one run and one part.

    `shows` says which classes the truth of each span shows.
    """
    measured = Measured(
        classes=tuple(classes),
        foreground=foreground(classes, background),
        runs=(RUN,),
        group={PART: group},
        shows={PART: shows},
        groups=len(np.unique(group)),
        measures={(measure, RUN, PART): of_spans for measure, of_spans in measures.items()},
    )
    return score_all(metrics, measured, resamples)


def _score(metric: Metric, score: Score, fps: float | None) -> dict[str, Any]:
    written = {
        **_values(score, 1.0),
        "title": metric.title,
        "definition": metric.definition,
        "unit": metric.unit,
        "mean": metric.mean,
        "higher_is_better": metric.higher_is_better,
    }
    if fps and metric.unit == "frames":
        written["milliseconds"] = _values(score, 1000 / fps)
    if fps and metric.unit == "per frame":
        written["per_minute"] = _values(score, 60 * fps)
    return written


def _values(score: Score, factor: float) -> dict[str, Any]:
    return {
        "value": score.value * factor,
        "low": score.low * factor,
        "high": score.high * factor,
        "per_class": {name: value * factor for name, value in score.per_class.items()},
        "per_class_interval": {
            name: [low * factor, high * factor] for name, (low, high) in score.per_class_interval.items()
        },
        "other_intervals": {
            name: [low * factor, high * factor] for name, (low, high) in score.other_intervals.items()
        },
    }

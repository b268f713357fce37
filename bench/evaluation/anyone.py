"""Score anything: the frozen metrics on spans of anyone's, with no split and no submission. Pure.

A task is made in memory, and its spans go the way of every evaluation. What a name means here it means
everywhere: `bench metrics NAME` prints its definition. Intervals resample groups (animals, cages; each
recording is its own where none are given), and fewer than five have none. `bench.scoring` reads and checks
what is scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.display import html_table, score_cells
from bench.evaluation.measured import measure
from bench.evaluation.scores import RESAMPLES, score_all
from bench.kinds import Cut, Span, kind_of
from bench.metrics import METRICS_VERSION, Metric
from bench.results import Score, plain, scaled
from bench.splits import Split
from bench.tasks import Dataset, Kind, Task

RUN, PART = "scored", "all"
"""There is one of each where no task is at hand."""
SHOWN = 4
"""How many metrics a notebook shows."""
_NO_DATASET = Dataset("", "", "", "", "", 1.0, (), (), (0, 0), (), "", lambda _folder: iter(()))
"""A task must have one; no span, metric or interval looks at it."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of recordings."""

    kind: Kind
    classes: tuple[str, ...]
    """The class set of every mean, in the order of the indices: one that the truth never shows is NaN."""
    background: str | None = None
    """The class whose frames count but whose own value is in no mean "without background"."""
    fps: float | None = None
    """Frames per second; with it, frames are given in milliseconds too and rates per minute."""
    groups: Mapping[str, str] | None = None
    """Recording id -> what it must not be resampled apart from: animal, cage, session."""
    resamples: int = RESAMPLES
    """How many times the groups are drawn for the intervals."""

    def numbered(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the number of the group of each of these recordings, sorted by recording.

        >>> Question("frames", ("a",), groups={"m2": "x", "m1": "w", "m1 b": "w"}).numbered(["m2", "m1 b"])
        {'m1 b': 0, 'm2': 1}
        """
        named = {id_: id_ if self.groups is None else self.groups[id_] for id_ in sorted(ids)}
        order = {name: i for i, name in enumerate(sorted(set(named.values())))}
        return {id_: order[name] for id_, name in named.items()}


@dataclass(frozen=True, eq=False)
class Scores:
    """The values of every metric of one kind, with what they were computed on."""

    question: Question
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
    warnings: tuple[str, ...] = ()
    """What a reader should know before quoting a number."""

    def __repr__(self) -> str:
        title, value, interval, *_ = self._lines()[0]
        return f"<scores of {self.question.kind}: {title} {value} ({interval}); {self.recordings} recordings>"

    def _repr_html_(self) -> str:
        """Return the first metrics with their intervals and classes, as a notebook shows them."""
        headers = ["metric", "value", f"{self.interval['level']:.0%} interval", *self.question.classes]
        return html_table(f"{self.question.kind}: {self.recordings} recordings", headers, self._lines())

    def _lines(self) -> list[list[str]]:
        return [score_cells(one.title, one.unit, self.scores[one.name]) for one in self.metrics[:SHOWN]]


def score_spans(
    question: Question,
    metrics: tuple[Metric, ...],
    spans: Sequence[Span],
    predictions: Mapping[str, Any],
    counts: Mapping[str, Any],
    warnings: tuple[str, ...] = (),
) -> Scores:
    """Measure and reduce the spans as every evaluation does, with one run and one part.

    `predictions` are by recording, in the form that the kind has; detections are scored as they are. `counts`
    and `warnings` are handed on.
    """
    task = Task(
        name="anyone",
        title="",
        question="",
        dataset=_NO_DATASET,
        classes=question.classes,
        background=question.background,
        split=Split("", "", "", {}),
        metrics=metrics,
        kind=question.kind,
    )
    # Clusters are named by training frames. There are none, and no metric here reads the names.
    measured = measure(task, {PART: Cut(spans, spans)}, {RUN: {PART: predictions}}, "final")
    scores, how = score_all(metrics, measured, question.resamples)
    support = np.sum([kind_of(task).count(span.truth) for span in spans], axis=0)
    return Scores(
        question=question,
        metrics=metrics,
        scores=scores,
        interval=how,
        recordings=len({span.recording for span in spans}),
        groups=measured.groups,
        support=dict(zip(question.classes, support.tolist(), strict=True)),
        counts=counts,
        warnings=warnings,
    )


def to_json(scores: Scores) -> dict[str, Any]:
    """Return plain JSON values: undefined is None, an infinite number its name. No clock, no path.

    `bench.results.canonical` makes the one text of them: the same input gives the same bytes.
    """
    question = scores.question
    written: dict[str, Any] = plain(
        {
            **scores.counts,
            "kind": question.kind,
            "metrics_version": METRICS_VERSION,
            "classes": question.classes,
            "background": question.background,
            "fps": question.fps,
            "recordings": scores.recordings,
            "groups": scores.groups,
            "support": scores.support,
            "interval": scores.interval,
            "warnings": scores.warnings,
            "scores": {
                one.name: _written(one, scores.scores[one.name], question.fps) for one in scores.metrics
            },
        }
    )
    return written


def _written(metric: Metric, score: Score, fps: float | None) -> dict[str, Any]:
    written = {
        **_values(score),
        "title": metric.title,
        "definition": metric.definition,
        "unit": metric.unit,
        "mean": metric.mean,
        "higher_is_better": metric.higher_is_better,
    }
    if fps and metric.unit == "frames":
        written["milliseconds"] = _values(scaled(score, 1000 / fps))
    if fps and metric.unit == "per frame":
        written["per_minute"] = _values(scaled(score, 60 * fps))
    return written


def _values(score: Score) -> dict[str, Any]:
    kept = ("value", "low", "high", "per_class", "per_class_interval", "other_intervals")
    return {key: value for key, value in asdict(score).items() if key in kept}

"""Frame scores against frame labels: every metric of a frame task, on anyone's recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped

from bench.errors import DataError, SubmissionError
from bench.evaluation import RESAMPLES
from bench.kinds import FRAMES, Span, labels_of
from bench.metrics import FRAME_METRICS
from bench.recordings import one_hot, spans
from bench.results import Score
from bench.scoring.checks import check_question, refuse, score_faults, truth_faults
from bench.scoring.scores import Scores, group_index, reduce_spans


def score_frames(
    truth: Mapping[str, Shaped[np.ndarray, "*_"]],
    scores: Mapping[str, Shaped[np.ndarray, "*_"]],
    classes: Sequence[str],
    *,
    background: str | None = None,
    fps: float | None = None,
    groups: Mapping[str, str] | None = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score one array of scores (frames, classes) per recording against labels (frames,).

    Args:
        truth: Recording id -> class index of every frame, -1 where nobody annotated it. Those frames
            never count, and no bout reaches across them. Ids are any text.
        scores: The same ids -> a finite number for every frame and class, higher is surer. The label of a
            frame is its best class, of equals the first.
        classes: The names of the columns, in their order. They are the class set of every mean: a class
            that the truth never shows is undefined (NaN), and in no mean.
        background: The class whose frames count but whose own value is in no mean "without background".
        fps: Frames per second. With it, frames are also given in milliseconds and rates per minute.
        groups: Recording id -> what it must not be resampled apart from: animal, cage, session.
        resamples: How many times the groups are drawn for the intervals.

    Returns:
        Every metric of `bench.metrics.FRAME_METRICS` by its name.

    Raises:
        UsageError: classes, background or fps that mean nothing.
        DataError: every fault of the truth and the groups.
        SubmissionError: every fault of the scores.

    >>> truth = {"m 1": np.array([0, 0, 1, 1]), "m 2": np.array([1, -1, 0])}
    >>> perfect = {"m 1": np.eye(2)[[0, 0, 1, 1]], "m 2": np.eye(2)[[1, 0, 0]]}
    >>> found = score_frames(truth, perfect, ["groom", "rest"], background="rest")
    >>> found.scores["f1"].value, dict(found.counts)
    (1.0, {'frames': 6, 'unannotated': 1})
    """
    check_question(classes, background, fps)
    refuse(DataError, "the truth cannot be scored", truth_faults(truth, classes, groups))
    frames = {id_: len(labels) for id_, labels in truth.items()}
    refuse(SubmissionError, "the scores do not fit the truth", score_faults(frames, scores, classes))
    cut = _cut(truth, len(classes), groups)
    found, how = reduce_spans(
        FRAME_METRICS,
        _measure(cut, scores),
        np.array([span.group for span in cut]),
        np.stack([FRAMES.count(span.truth) > 0 for span in cut]),
        classes,
        background,
        resamples,
    )
    return _assemble(Question(tuple(classes), background, fps), frames, cut, found, how)


@dataclass(frozen=True)
class Question:
    """What is asked of the frames."""

    classes: tuple[str, ...]
    background: str | None
    fps: float | None


def _cut(
    truth: Mapping[str, Shaped[np.ndarray, "*_"]], classes: int, groups: Mapping[str, str] | None
) -> list[Span]:
    """Cut every recording into spans of annotated frames; recordings without one are in no group."""
    ids = sorted(id_ for id_ in truth if (truth[id_] >= 0).any())
    index, _ = group_index(ids, groups)
    return [
        Span(id_, frames, one_hot(truth[id_][frames], classes), int(group))
        for id_, group in zip(ids, index, strict=True)
        for frames in spans(truth[id_] >= 0)
    ]


def _assemble(
    asked: Question,
    frames: Mapping[str, int],
    cut: Sequence[Span],
    scores: Mapping[str, Score],
    how: Mapping[str, Any],
) -> Scores:
    counted = sum(span.frames.stop - span.frames.start for span in cut)
    ids = {span.recording for span in cut}
    support = np.sum([FRAMES.count(span.truth) for span in cut], axis=0)
    return Scores(
        kind="frames",
        classes=asked.classes,
        background=asked.background,
        metrics=FRAME_METRICS,
        scores=scores,
        interval=how,
        recordings=len(ids),
        groups=how["groups"],
        support=dict(zip(asked.classes, support.tolist(), strict=True)),
        counts={"frames": counted, "unannotated": sum(frames.values()) - counted},
        fps=asked.fps,
        warnings=unannotated_warning(len(frames) - len(ids)),
    )


def unannotated_warning(empty: int) -> tuple[str, ...]:
    """Say how many recordings count for nothing."""
    return (f"recordings without an annotated frame, left out: {empty:,}",) if empty else ()


def _measure(
    cut: Sequence[Span], scores: Mapping[str, Shaped[np.ndarray, "*_"]]
) -> dict[Callable[..., Any], list[Any]]:
    """Measure every span once for all metrics that share a `measure`."""
    read = [_as_float(scores[span.recording][span.frames]) for span in cut]
    labels = [labels_of(array, exclusive=True) for array in read]
    made: dict[Callable[..., Any], list[Any]] = {}
    for metric in FRAME_METRICS:
        if metric.measure not in made:
            judged = labels if metric.reads == "labels" else read
            made[metric.measure] = [metric.measure(s.truth, x) for s, x in zip(cut, judged, strict=True)]
    return made


def _as_float(array: Shaped[np.ndarray, "*_"]) -> Shaped[np.ndarray, "*_"]:
    """Return float32 and float64 as they are, for rounding would tie scores that differ."""
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)

"""Frame scores against frame labels: every metric of a frame task, on anyone's recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Num

from bench.evaluation import RESAMPLES
from bench.evaluation.anyone import Question, Scores, score_spans
from bench.kinds import Span
from bench.metrics import DELAY_METRICS, FRAME_METRICS
from bench.metrics.checks import check_question
from bench.recordings import one_hot, spans
from bench.scoring.arrays import Source, read_npz, read_table
from bench.scoring.checks import score_faults
from bench.scoring.reading import Arrays, Groups, annotated, counted, options, read_arrays
from bench.submissions.faults import Fault
from bench.submissions.forms.doubts import score_doubts


def score_frames(
    truth: Arrays,
    scores: Arrays,
    classes: Sequence[str],
    *,
    background: str | None = None,
    fps: float | None = None,
    groups: Groups = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score one array of scores (frames, classes) per recording against labels (frames,).

    Args:
        truth: Recording id -> class index of every frame, -1 where nobody annotated it; or an .npz of that.
            Those frames never count, and no bout reaches across them. Ids are any text.
        scores: The same ids -> a finite number for every frame and class, higher is surer; or an .npz of
            that, or a .parquet or .csv of recording, frame and one column per class. The label of a frame is
            its best class, of equals the first.
        classes: The names of the columns, in their order. They are the class set of every mean: a class
            that the truth never shows is undefined (NaN), and in no mean.
        background: The class whose frames count but whose own value is in no mean "without background".
        fps: Frames per second. With it, frames are also given in milliseconds and rates per minute.
        groups: Recording id -> what it must not be resampled apart from: animal, cage, session; or a CSV of
            recording,group.
        resamples: How many times the groups are drawn for the intervals.

    Returns:
        Every metric of `bench.metrics.FRAME_METRICS` and `DELAY_METRICS` by its name.

    Raises:
        UsageError: classes, background or fps that mean nothing.
        DataError: every fault of the truth and the groups.
        SubmissionError: every fault of the scores.

    >>> truth = {"m 1": np.array([0, 0, 1, 1]), "m 2": np.array([1, -1, 0])}
    >>> perfect = {"m 1": np.eye(2)[[0, 0, 1, 1]], "m 2": np.eye(2)[[1, 0, 0]]}
    >>> result = score_frames(truth, perfect, ["groom", "rest"], background="rest")
    >>> result.scores["f1"].value, dict(result.counts)
    (1.0, {'frames': 6, 'unannotated': 1})
    """
    check_question(classes, background, fps)
    words = options({"--classes": ",".join(classes), "--background": background, "--fps": fps})
    command = ("frames", truth, scores, *words)
    labels, arrays, named = _read(command, truth, scores, groups, classes)
    question = Question("frames", tuple(classes), background, fps, named, resamples)
    return _score(question, labels, arrays)


def _read(
    command: Sequence[object], truth: Arrays, scores: Arrays, groups: Groups, classes: Sequence[str]
) -> tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray], Mapping[str, str] | None]:
    def load(path: Path, most: int) -> Source:
        table = path.suffix in (".parquet", ".csv")
        return read_table(path, classes, most) if table else read_npz(path, most)

    def compare(labels: Mapping[str, np.ndarray], source: Source) -> Iterable[Fault]:
        return score_faults(labels, source.arrays, classes, source.unread)

    return read_arrays(command, truth, scores, groups, classes, load, compare)


def _score(question: Question, labels: Mapping[str, np.ndarray], scores: Mapping[str, np.ndarray]) -> Scores:
    """Cut every recording into spans of annotated frames, and score them."""
    group = question.numbered(annotated(labels))
    cut = [
        Span(id_, frames, one_hot(labels[id_][frames], len(question.classes)), group[id_])
        for id_ in group
        for frames in spans(labels[id_] >= 0)
    ]
    predictions = {id_: _as_float(scores[id_]) for id_ in group}
    counts, warnings = counted(labels)
    doubts = score_doubts(predictions.values())
    metrics = (*FRAME_METRICS, *DELAY_METRICS)
    return score_spans(question, metrics, cut, predictions, counts, (*warnings, *doubts))


def _as_float(array: Num[np.ndarray, "T C"]) -> Num[np.ndarray, "T C"]:
    """Return float32 and float64 as they are, for rounding would tie scores that differ."""
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)

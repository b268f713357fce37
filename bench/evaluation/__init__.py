"""Evaluation: predictions and truth in, one `Result` out. Pure: it touches no file and no clock.

A recording is cut into spans: of frames that count or, where segments are asked for, itself as a whole.
Every metric measures each span once, then reduces all spans under rows of weights: one row of ones for the
value, many rows for its interval.

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

Detections
----------
Final ones are scored as they are. Raw ones first go through the frozen Soft-NMS (`bench.metrics.softnms`).
"""

from bench.evaluation.counted import counted_metrics, measured_of
from bench.evaluation.measured import THRESHOLD, Measured, labels_of, measure
from bench.evaluation.results import evaluate, task_card
from bench.evaluation.scores import (
    LEVEL,
    RESAMPLES,
    SEED,
    columns,
    groups_behind,
    headlines,
    score_all,
    together,
)
from bench.evaluation.spans import Span, class_counts, cut, shown, truth_digest

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "SEED",
    "THRESHOLD",
    "Measured",
    "Span",
    "class_counts",
    "columns",
    "counted_metrics",
    "cut",
    "evaluate",
    "groups_behind",
    "headlines",
    "labels_of",
    "measure",
    "measured_of",
    "score_all",
    "shown",
    "task_card",
    "together",
    "truth_digest",
]

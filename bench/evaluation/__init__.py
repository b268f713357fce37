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

How a prediction becomes what metrics read is the kind's to say: `bench.kinds`.
"""

from bench.evaluation.columns import Columns, Values, columns_of
from bench.evaluation.counted import counted_metrics, measured_of
from bench.evaluation.measured import Measured, measure, side_by_side
from bench.evaluation.results import evaluate, task_card
from bench.evaluation.scores import (
    LEVEL,
    RESAMPLES,
    SEED,
    groups_behind,
    headlines,
    score_all,
    together,
    weighted_values,
)
from bench.evaluation.spans import TruthSummary, cut, summarise_truth, truth_digest

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "SEED",
    "Columns",
    "Measured",
    "TruthSummary",
    "Values",
    "columns_of",
    "counted_metrics",
    "cut",
    "evaluate",
    "groups_behind",
    "headlines",
    "measure",
    "measured_of",
    "score_all",
    "side_by_side",
    "summarise_truth",
    "task_card",
    "together",
    "truth_digest",
    "weighted_values",
]

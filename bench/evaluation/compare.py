"""Two entries side by side: every metric's difference on the same test groups, and how sure it is. Pure.

What makes a recording hard for both entries cancels, so a difference can be sure where the two intervals
overlap. `bench.metrics.sampling.paired` defines the two tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import DataError
from bench.evaluation import (
    LEVEL,
    Measured,
    counted_metrics,
    cut,
    headlines,
    measure,
    measured_of,
    side_by_side,
    together,
)
from bench.kinds import DetectionForm
from bench.metrics import Metric
from bench.metrics.sampling.paired import SWAPS, SWAPS_OF_SCORES, Paired, jackknife_test, swap_test
from bench.metrics.sampling.resampling import leave_one_out
from bench.recordings import Recording
from bench.results import Result
from bench.submissions import Predictions
from bench.tasks import Task


@dataclass(frozen=True)
class Difference:
    """One metric of two entries. NaN = undefined, or no interval."""

    metric: str
    first: float
    second: float
    difference: float
    """First minus second."""
    low: float
    high: float
    p_value: float
    """Two-sided, of "no difference"; not corrected for many metrics."""
    reason: str | None
    """Why there is no interval."""
    method: str
    """Of the interval and of p: "swap" or "jackknife_t"."""
    groups: int
    patterns: int
    """How many swaps were tried; 0 by the jackknife."""
    least_p: float
    """The least p that so many patterns can give; NaN by the jackknife."""


def compare(
    task: Task,
    first: Predictions,
    second: Predictions,
    recordings: Mapping[str, Recording],
    *,
    forms: tuple[DetectionForm | None, DetectionForm | None] = (None, None),
) -> Sequence[Difference]:
    """Compare two entries on every metric of a task, headline by headline.

    Both must have been checked to fit `recordings` (`bench.submissions`). `forms` says of both whether their
    detections are raw or final. Raises `UsageError` where there are detections and it is not given.
    """
    cuts = cut(task, task.load_split(), recordings)
    one, other = measure(task, cuts, first, forms[0]), measure(task, cuts, second, forms[1])
    return compare_measured(task.metrics, one, other)


def compare_results(task: Task, first: Result, second: Result) -> list[Difference]:
    """Compare two entries by their results alone, on the metrics of which both hold enough.

    F1, precision, recall, accuracy, kappa and their means follow from counts of recordings: each of these
    rows is the one of `compare`. The others are tested by the jackknife where both results hold
    the values without each group. Raises `DataError` where that leaves nothing, or where the truths differ.
    """
    counts = [measured_of(result) for result in (first, second)]
    again = f"bench evaluate submissions/ENTRY --task {task.name} (with the predictions of the entry)"
    if first.truth_digest != second.truth_digest:
        digests = [f"{result.file_name}: truth {result.truth_digest[:12]}…" for result in (first, second)]
        raise DataError("these results were compared with different truths", digests, again)
    one, other = counts
    counted = counted_metrics(task.metrics) if one is not None and other is not None else []
    left_out = [
        metric
        for metric in task.metrics
        if metric not in counted and all(result.scores[metric.name].left_out for result in (first, second))
    ]
    if not (counted or left_out):
        lacking = [result for result in (first, second) if not _holds_left_out(result)]
        raise DataError(
            f"results on {task.name} that hold too little to be compared: only predictions will do",
            [f"{result.file_name}: {_lack(result)}" for result in lacking],
            hint=again.replace("ENTRY", str(lacking[0].entry["id"])),
        )
    rows = [_from_left_out(metric, first, second) for metric in left_out]
    if one is not None and other is not None:
        rows += compare_measured(counted, one, other)
    order = [metric.name for metric in task.metrics]
    return sorted(rows, key=lambda row: order.index(row.metric))


def _holds_left_out(result: Result) -> bool:
    return any(score.left_out for score in result.scores.values())


def _lack(result: Result) -> str:
    if result.format == 1:
        return "format 1; results count every recording from format 2 on"
    return f"format {result.format}; results hold the values without each group from format 3 on"


def compare_measured(metrics: Sequence[Metric], one: Measured, other: Measured) -> list[Difference]:
    """Compare two entries on these metrics; both were measured on the same recordings and groups."""
    rows = {row.metric: row for sharing in together(metrics) for row in _differences(sharing, one, other)}
    return [rows[metric.name] for metric in metrics]


def _differences(metrics: Sequence[Metric], one: Measured, other: Measured) -> Iterator[Difference]:
    """Yield the difference of each of the metrics, which share their work."""
    ours, theirs, groups = headlines(metrics, one), headlines(metrics, other), one.groups
    whole = np.ones((1, groups))
    first, second = ours(whole)[0], theirs(whole)[0]
    if metrics[0].exchange is not None and len(one.runs) == len(other.runs):
        joined = headlines(metrics, side_by_side(metrics[0], one, other))
        most = SWAPS if metrics[0].reads == "labels" else SWAPS_OF_SCORES
        tested = swap_test(joined, groups, most=most, level=LEVEL)
    else:
        with np.errstate(invalid="ignore"):  # two infinite errors differ by nothing that can be said: NaN
            left_out = leave_one_out(ours, groups) - leave_one_out(theirs, groups)
            tested = jackknife_test(first - second, left_out, level=LEVEL)
    for k, metric in enumerate(metrics):
        yield _row(metric, float(first[k]), float(second[k]), groups, tested, k)


def _from_left_out(metric: Metric, first: Result, second: Result) -> Difference:
    """Return the difference of one metric from the values that both results hold."""
    one, other = first.scores[metric.name], second.scores[metric.name]
    with np.errstate(invalid="ignore"):
        left_out = np.subtract(one.left_out, other.left_out)[:, None]
        tested = jackknife_test(np.subtract([one.value], [other.value]), left_out, level=LEVEL)
    return _row(metric, one.value, other.value, len(left_out), tested, 0)


def _row(metric: Metric, first: float, second: float, groups: int, tested: Paired, k: int) -> Difference:
    """Return what column `k` of a test says of a metric."""
    return Difference(
        metric=metric.name,
        first=first,
        second=second,
        difference=first - second,
        low=float(tested.low[k]),
        high=float(tested.high[k]),
        p_value=float(tested.p_value[k]),
        reason=tested.reason,
        method=tested.method,
        groups=groups,
        patterns=tested.patterns,
        least_p=tested.least_p,
    )

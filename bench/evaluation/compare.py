"""Two entries side by side: every metric's difference under the same resamples of the test groups. Pure.

What makes a recording hard for both entries cancels, so a difference can be sure where the two
intervals overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import DataError
from bench.evaluation import (
    LEVEL,
    RESAMPLES,
    SEED,
    Measured,
    counted_metrics,
    cut,
    headlines,
    measure,
    measured_of,
    together,
)
from bench.kinds import DetectionForm
from bench.metrics import Metric
from bench.metrics.sampling.paired import paired_difference, sign_p_value
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
    """Two-sided, of "no difference" (`sampling.paired.sign_p_value`); not corrected for many metrics."""
    reason: str | None
    """Why there is no interval."""
    method: str
    """Of the interval; the one that `p_value` inverts."""
    groups: int
    resamples: int
    least_p: float
    """The least p that so many groups and resamples can give; NaN where nothing is tested."""


def compare(
    task: Task,
    first: Predictions,
    second: Predictions,
    recordings: Mapping[str, Recording],
    *,
    forms: tuple[DetectionForm | None, DetectionForm | None] = (None, None),
    resamples: int = RESAMPLES,
) -> Sequence[Difference]:
    """Compare two entries on every metric of a task, headline by headline.

    Both must have been checked to fit `recordings` (`bench.submissions`). `forms` says of both whether their
    detections are raw or final. Raises `UsageError` where there are detections and it is not given.
    """
    cuts = cut(task, task.load_split(), recordings)
    one, other = measure(task, cuts, first, forms[0]), measure(task, cuts, second, forms[1])
    return compare_measured(task.metrics, one, other, resamples=resamples)


def compare_results(task: Task, first: Result, second: Result) -> list[Difference]:
    """Compare two entries by their results alone, on the metrics that follow from counts of recordings.

    These are F1, precision, recall, accuracy, kappa and their means. Each row is the one of `compare`.
    Raises `DataError` where a result holds no such counts, or the truths of the two differ.
    """
    one, other = measured_of(first), measured_of(second)
    again = f"bench evaluate submissions/ENTRY --task {task.name} (with the predictions of the entry)"
    if one is None or other is None:
        lacking = [of for of, counts in ((first, one), (second, other)) if counts is None]
        raise DataError(
            f"results on {task.name} that count no recordings: only predictions will do",
            [f"{of.file_name}: {_why_no_counts(of)}" for of in lacking],
            hint=again.replace("ENTRY", str(lacking[0].entry["id"])),
        )
    if first.truth_digest != second.truth_digest:
        digests = [f"{of.file_name}: truth {of.truth_digest[:12]}…" for of in (first, second)]
        raise DataError("these results were compared with different truths", digests, again)
    return compare_measured(counted_metrics(task.metrics), one, other)


def _why_no_counts(result: Result) -> str:
    if result.format == 1:
        return "format 1; results count every recording from format 2 on"
    return f"a task of kind {result.task['kind']} has no frames to count"


def compare_measured(
    metrics: Sequence[Metric], one: Measured, other: Measured, *, resamples: int = RESAMPLES
) -> list[Difference]:
    """Compare two entries on these metrics; both were measured on the same recordings and groups."""
    rows = {
        row.metric: row for group in together(metrics) for row in _differences(group, one, other, resamples)
    }
    return [rows[metric.name] for metric in metrics]


def _differences(
    metrics: Sequence[Metric], one: Measured, other: Measured, resamples: int
) -> Iterator[Difference]:
    """Yield the difference of each of the metrics, which share their work."""
    ours, theirs, groups = headlines(metrics, one), headlines(metrics, other), one.groups
    found = paired_difference(ours, theirs, groups, resamples=resamples, seed=SEED, level=LEVEL)
    tested = resamples and found.interval.reason is None
    least_p = sign_p_value(0.0, float(resamples), groups) if tested else float("nan")
    whole = np.ones((1, groups))
    first, second = ours(whole)[0], theirs(whole)[0]
    for k, metric in enumerate(metrics):
        yield Difference(
            metric=metric.name,
            first=float(first[k]),
            second=float(second[k]),
            difference=float(found.difference[k]),
            low=float(found.interval.low[k]),
            high=float(found.interval.high[k]),
            p_value=float(found.p_value[k]),
            reason=found.interval.reason,
            method=found.interval.method,
            groups=groups,
            resamples=resamples,
            least_p=least_p,
        )

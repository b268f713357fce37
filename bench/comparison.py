"""Two entries side by side: every metric's difference under the same resamples of the test groups. Pure.

What makes a recording hard for both entries cancels, so a difference can be sure where the two
intervals overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.evaluation import LEVEL, RESAMPLES, SEED, columns, cut, measure
from bench.metrics.paired import paired_difference, sign_p_value
from bench.recordings import Recording
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
    """Two-sided, of "no difference" (`bench.metrics.paired.sign_p_value`); not corrected for many metrics."""
    reason: str | None
    """Why there is no interval."""
    method: str
    """Of the interval; the one that `p_value` inverts."""
    groups: int
    resamples: int
    least_p: float
    """The least p that so many groups and resamples can give."""


def compare(
    task: Task,
    first: Predictions,
    second: Predictions,
    recordings: Mapping[str, Recording],
    *,
    resamples: int = RESAMPLES,
) -> Sequence[Difference]:
    """Compare two entries on every metric of a task, headline by headline.

    Both must have been checked to fit `recordings` (`bench.submissions`).
    """
    cuts = cut(task, task.load_split(), recordings)
    one, other = measure(task, cuts, first), measure(task, cuts, second)
    whole = np.ones((1, one.groups))
    rows = []
    for metric in task.metrics:
        (ours, _), (theirs, _) = columns(metric, one), columns(metric, other)
        found = paired_difference(ours, theirs, one.groups, resamples=resamples, seed=SEED, level=LEVEL)
        rows.append(
            Difference(
                metric=metric.name,
                first=float(ours(whole)[0, 0]),
                second=float(theirs(whole)[0, 0]),
                difference=float(found.difference[0]),
                low=float(found.interval.low[0]),
                high=float(found.interval.high[0]),
                p_value=float(found.p_value[0]),
                reason=found.interval.reason,
                method=found.interval.method,
                groups=one.groups,
                resamples=resamples,
                least_p=sign_p_value(0.0, float(resamples), one.groups) if resamples else float("nan"),
            )
        )
    return rows

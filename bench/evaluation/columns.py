"""The numbers of a metric that have an interval: their names, and where they stand in an array.

Metrics that share their work are resampled together: one array has a row for each resample and, metric after
metric, the columns that `Columns` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from bench.evaluation.measured import Measured
from bench.metrics import Metric


@dataclass(frozen=True, eq=False)
class Values:
    """Values of one metric along any axes, such as (rows of weights, runs, parts)."""

    array: Float[np.ndarray, "*_ K"]
    """In the last axis the mean, then each class; the mean alone where the metric is one number."""

    @property
    def overall(self) -> Float[np.ndarray, "*_"]:
        """The mean over classes, or the one number."""
        return self.array[..., 0]

    @property
    def per_class(self) -> Float[np.ndarray, "*_ C"]:
        """The value of each class; C = 0 where the metric is one number."""
        return self.array[..., 1:]


@dataclass(frozen=True)
class Columns:
    """Where the numbers of one metric that have an interval stand."""

    headline: int
    classes: slice
    """The mean of each class over parts; empty where the metric is one number."""
    parts: slice
    """The mean of each part."""

    @property
    def stop(self) -> int:
        """One past the last of them."""
        return int(self.parts.stop)

    def write(self, array: Shaped[np.ndarray, "*_ K"], whole: Values, parts: Values) -> None:
        """Put values over all parts, and those of every part, into their columns of an array."""
        array[..., self.headline] = whole.overall
        array[..., self.classes] = whole.per_class
        array[..., self.parts] = parts.overall


def columns_of(metrics: Sequence[Metric], measured: Measured) -> list[Columns]:
    """Return the columns of metrics that are resampled together."""
    columns, start = [], 0
    for metric in metrics:
        first_part = 1 + start + (len(measured.classes) if metric.mean != "none" else 0)
        stop = first_part + len(measured.group)
        columns.append(Columns(start, slice(start + 1, first_part), slice(first_part, stop)))
        start = stop
    return columns

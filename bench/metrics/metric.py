"""What a metric is: two pure functions, *measure one, reduce many*.

`measure(truth, prediction)` looks at one span (a run of consecutive frames of one recording that
count) and returns what the metric needs of it. `reduce(measures, weights)` turns the measures of
many spans into values, once for each row of `weights`: `weights[r, n]` is how often span `n` counts
in row `r`. One row of ones is the point value; a row with a single 1 is the value of one recording;
a thousand rows drawn with replacement are a bootstrap; two entries reduced under the same rows are a
paired comparison. There is one code path, so an interval can never belong to another formula than
its value.

Conventions, the same in every family
-------------------------------------
Classes      The class set is the task's. It is never taken from the truth or the prediction at hand.
Background   The frames of the background class ("other") always count; only its own class value is
             left out of the mean, where the metric says `mean="foreground"`.
Labels       Of classes that exclude each other, the one of the highest score holds, of equal scores the first
             in the task's order; of classes that overlap, every one whose probability is at least 0.5; of
             clusters, the class that the cluster stands for in the training recordings.
Undefined    A class value is NaN where the truth of the counted frames leaves it undefined. Whether
             it is NaN depends on the truth alone, never on the prediction.
Means        Over the classes that the truth of the whole defines; NaN if none is.
Numbers      float64 throughout. Higher is better unless `higher_is_better` is False.
Intervals    Frames and times are half-open, `[start, stop)`, counted from 0.
Units        `unit` names it: "" (a fraction), "frames", "per frame". Nothing here knows of seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

Reads = Literal["labels", "scores", "detections", "clusters"]
Mean = Literal["foreground", "classes", "none"]
Reduce = Callable[[Sequence[Any], Float[np.ndarray, "R N"]], Float[np.ndarray, "R K"]]
Exchange = Callable[[Sequence[Any]], Sequence[Any]]


def as_measured(measures: Sequence[Any]) -> Sequence[Any]:
    """Return measures as they are: labels of two entries mean the same, so they may stand side by side."""
    return measures


@dataclass(frozen=True)
class Shared:
    """Work that several metrics have in common, done once for all of them. The numbers stay the same."""

    prepare: Callable[[Sequence[Any]], Any]
    """Measures of N spans -> what every row of weights is reduced from."""
    reduce: Callable[[Any, Float[np.ndarray, "R N"]], Mapping[str, Float[np.ndarray, "R K"]]]
    """(what was prepared, weights) -> the class values of each of these metrics, by its name."""

    def alone(self, name: str) -> Reduce:
        """Return the `reduce` of one of these metrics."""
        return lambda measures, weights: self.reduce(self.prepare(measures), weights)[name]


@dataclass(frozen=True)
class Metric:
    """One number with one definition. A metric has no options; another number is another metric."""

    name: str
    """Never reused with another meaning."""
    title: str
    reads: Reads
    """What it judges: labels Bool (T, C), scores Float (T, C), clusters Int (T) or detections."""
    measure: Callable[[Any, Any], Any]
    """(truth, prediction) of one span -> whatever `reduce` needs of it."""
    reduce: Reduce
    """(measures of N spans, weights) -> K = C class values per row, or K = 1 where `mean` is "none"."""
    mean: Mean
    """How class values become one: over the classes without background, over all, or already one."""
    definition: str
    """The formula in words, with the undefined case; shown wherever the number is."""
    reference: str = ""
    higher_is_better: bool = True
    unit: str = ""
    bounds: tuple[float, float] = (0.0, 1.0)
    """The least and the greatest value there can be; an interval does not reach beyond them."""
    shared: Shared | None = None
    """What else gives `reduce`, together with the other metrics that name the same; they share `measure` and
    `bounds` too."""
    exchange: Exchange | None = as_measured
    """Measures of all spans of an entry -> the same, made fit to stand among those of another entry, for the
    swap test. The value stays. None where they never fit."""

    @property
    def best_at_zero(self) -> bool:
        """Whether values are worse on both sides of 0: a bias, early or late."""
        return not self.higher_is_better and self.bounds[0] < 0

    def averaged(
        self, whole: Float[np.ndarray, " K"], foreground: Bool[np.ndarray, " C"]
    ) -> Bool[np.ndarray, " K"]:
        """Return which class values enter the mean: of those it is over, the ones defined in `whole`.

        `whole` are the class values under weights of one; which of them are NaN depends on the truth alone.
        """
        defined = ~np.isnan(whole)
        return defined & foreground if self.mean == "foreground" else defined

    def average(
        self, values: Float[np.ndarray, "R K"], averaged: Bool[np.ndarray, " K"]
    ) -> Float[np.ndarray, " R"]:
        """Return the mean over the chosen classes, per row; NaN where one of them is, or none is chosen.

        So every row is a mean over the same classes: a resample in which a class does not occur has no
        mean, instead of one over the others.
        """
        if not averaged.any():
            return np.full(len(values), np.nan)
        return values[:, averaged].mean(axis=1)

    def value(
        self, measures: Sequence[Any], foreground: Bool[np.ndarray, " C"]
    ) -> tuple[float, Float[np.ndarray, " K"]]:
        """Return the headline and the class values of spans that count once each."""
        whole = self.reduce(measures, np.ones((1, len(measures))))
        return float(self.average(whole, self.averaged(whole[0], foreground))[0]), whole[0]

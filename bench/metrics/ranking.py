"""Ranking metrics that read scores: average precision and the area under the ROC curve, per class.

Each class is one question, its score column against its truth column; where classes exclude each other
that is one-vs-rest. All frames of all spans are ranked in one list per class.

What is read how
----------------
Thresholds   Every distinct score is one threshold, `score >= threshold`. Frames of equal score enter
             together, so the order of rows and of recordings changes nothing. Scores are only compared,
             never computed with; float32 and float64 compare exactly with each other.
AP           Step-wise: sum over thresholds of (recall gained) * precision; no interpolation, no envelope.
AUROC        Share of pairs (positive, negative) in which the positive scores higher; a tie counts half.
Undefined    AP without a positive frame in the truth; AUROC without a positive or without a negative one.
Background   Its frames stay as negatives of the other classes; its own value is left out of the mean.

Exact under weights
-------------------
A span that counts `w` times is `w` copies of its frames, so weights move no threshold: one sort serves
every row of weights. Only thresholds with a positive frame add to AP. The weighted counts above them are
a product of matrices, (thresholds x spans) @ (spans x rows), made in pieces so that memory stays bounded.
Where spans are many, or rows few, it is cheaper to weight and accumulate frame by frame, once for each
row; both ways give the same numbers, and the estimated cost chooses. AUROC is simpler still: the
pairs in wrong order, counted once per pair of spans, make it a quadratic form of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from jaxtyping import Bool, Float

from bench.metrics.kernels import resampled_ranking
from bench.metrics.kernels.resampled_ranking import Steps, rank
from bench.metrics.kernels.scales import standardised
from bench.metrics.metric import Metric

WORKERS = 2
"""Classes ranked side by side. More would hold more sorted copies of all frames at once."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """What ranking needs of one span: everything, because ranks know no sums."""

    truth: Bool[np.ndarray, "T C"]
    scores: Float[np.ndarray, "T C"]


def average_precision(
    measures: Sequence[Ranking], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Step-wise average precision per class, in [0, 1]; NaN for a class without a positive frame.

    >>> truth = np.array([[1, 0], [0, 0], [1, 0], [0, 0]], dtype=bool)
    >>> scores = np.array([[0.9, 0.1], [0.5, 0.2], [0.5, 0.3], [0.1, 0.4]])
    >>> average_precision([Ranking(truth, scores)], np.ones((1, 1))).round(3)
    array([[0.833,   nan]])
    """
    with ThreadPoolExecutor(WORKERS) as pool:  # one class each; numpy works outside the interpreter's lock
        columns = pool.map(resampled_ranking.average_precision, _by_class(measures), repeat(weights))
        return np.stack(list(columns), axis=1)


def auroc(measures: Sequence[Ranking], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """Area under the ROC curve per class, in [0, 1]; NaN without a positive or without a negative frame.

    >>> truth = np.array([[1, 0], [0, 0], [1, 0], [0, 0]], dtype=bool)
    >>> scores = np.array([[0.9, 0.1], [0.5, 0.2], [0.5, 0.3], [0.1, 0.4]])
    >>> auroc([Ranking(truth, scores)], np.ones((1, 1)))
    array([[0.875,   nan]])
    """
    return np.stack([resampled_ranking.auroc(steps, weights) for steps in _by_class(measures)], axis=1)


def on_one_scale(measures: Sequence[Ranking]) -> list[Ranking]:
    """Return the spans with the scores of each class at mean 0 and standard deviation 1 over all of them."""
    scores = np.concatenate([m.scores for m in measures])
    moved = np.stack([standardised(column) for column in scores.T], axis=1)
    stops = np.cumsum([len(m.truth) for m in measures])[:-1]
    return [Ranking(m.truth, own) for m, own in zip(measures, np.split(moved, stops), strict=True)]


def _by_class(measures: Sequence[Ranking]) -> Iterator[Steps]:
    span = np.repeat(np.arange(len(measures)), [len(m.truth) for m in measures])
    for c in range(measures[0].truth.shape[1]):
        scores = np.concatenate([m.scores[:, c] for m in measures])
        yield rank(scores, span, np.concatenate([m.truth[:, c] for m in measures]))


MAP = Metric(
    name="map",
    title="MAP",
    reads="scores",
    measure=Ranking,
    reduce=average_precision,
    mean="foreground",
    definition=(
        "Average precision per class over the pooled frames ranked by its score, one class against the rest: "
        "the sum over the distinct scores of recall gained times precision, without interpolation; equal "
        "scores enter together. Then the plain mean over the classes without the background. "
        "A class without a frame in the truth is undefined and not in the mean."
    ),
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710",
    exchange=on_one_scale,
)
AUROC = Metric(
    name="auroc",
    title="AUROC",
    reads="scores",
    measure=Ranking,
    reduce=auroc,
    mean="foreground",
    definition=(
        "Share of the pairs of one frame with and one without the class, over the pooled frames, in which "
        "the frame with it scores higher; equal scores count half. Then the plain mean over the classes "
        "without the background. A class that no frame or every frame of the truth has is undefined and not "
        "in the mean."
    ),
    reference="Hanley and McNeil 1982, Radiology 143:29",
    exchange=on_one_scale,
)

METRICS: tuple[Metric, ...] = (MAP, AUROC)

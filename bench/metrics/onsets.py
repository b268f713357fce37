"""Onsets and offsets of bouts: how far off they are, and how many are found within a tolerance.

An onset of a class is a frame t >= 1 of a span in which the class holds and in t - 1 did not; an offset
is a frame t >= 1 in which it no longer holds and in t - 1 did. A bout that the edge of its span cuts off
has no onset (or offset) there that anybody saw, in truth and prediction alike.

Errors of matched bouts
-----------------------
A predicted bout matches the true bout of its class in its span with which its tIoU is at least 0.5; no
bout can have two (see `bouts`). The error is predicted minus true frame: positive is late. It is taken
where the true onset (offset) was seen; a predicted bout that begins with the span then begins at its
first frame. An onset is at most the length of the true bout early and half of it late.
Errors speak of matched bouts only, so `bout_coverage` stands beside them. A class of which onsets were
seen but no bout is matched has infinite errors: not NaN, because an entry must not leave a class out of
its mean by missing all of it.

F1 at a tolerance
-----------------
True and predicted onsets of a class in a span are paired one to one so that no pair is more than k frames
apart and the pairs are as many as can be. F1 is 2 pairs / (true + predicted). The curve is k = 0..30, its
area the mean of these 31 values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.metrics.bouts import find_bouts, overlaps
from bench.metrics.kernels.pooling import pool, quantiles, share
from bench.metrics.metric import Metric

TOLERANCE = 30
"""The last tolerance of the curve, in frames."""

EdgeCounts = Int[np.ndarray, "C 33"]
"""Per class: pairs at tolerance 0..30; true onsets (offsets); predicted ones."""


@dataclass(frozen=True, eq=False)
class EdgeErrors:
    """The onsets (or offsets) of one span that were seen, by class, then by time."""

    num_classes: int
    classes: Int[np.ndarray, " E"]
    matched: Bool[np.ndarray, " E"]
    errors: Int[np.ndarray, " E"]
    """Predicted minus true frame; 0 where the bout is not matched."""


def onset_errors(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> EdgeErrors:
    """Return the errors, in frames, of the onsets of one span.

    >>> truth = np.array([0, 0, 1, 1, 1, 1, 0, 0], dtype=bool)[:, None]
    >>> labels = np.array([0, 0, 0, 1, 1, 1, 1, 0], dtype=bool)[:, None]
    >>> onset_errors(truth, labels).errors
    array([1])
    """
    return _edge_errors(truth, labels, onset=True)


def offset_errors(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> EdgeErrors:
    """Return the errors, in frames, of the offsets of one span."""
    return _edge_errors(truth, labels, onset=False)


def error_bias(measures: Sequence[EdgeErrors], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """Return the median of the signed errors per class, in frames, positive = late; 0 is best."""
    return _per_class(measures, weights, lambda e, owner: quantiles(e, owner, weights, (0.5,))[:, 0])


def error_median(
    measures: Sequence[EdgeErrors], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Return the median of the absolute errors per class, in frames, at least 0."""
    return _per_class(measures, weights, lambda e, owner: quantiles(abs(e), owner, weights, (0.5,))[:, 0])


def error_iqr(measures: Sequence[EdgeErrors], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """Return the interquartile range of the signed errors per class, in frames, at least 0."""
    return _per_class(
        measures, weights, lambda e, owner: np.diff(quantiles(e, owner, weights, (0.25, 0.75)))[:, 0]
    )


def count_onsets(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> EdgeCounts:
    """Count, per class, the pairs of true and predicted onsets at each tolerance, and both; spans add up."""
    return _count_edges(truth[1:] & ~truth[:-1], labels[1:] & ~labels[:-1])


def count_offsets(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> EdgeCounts:
    """Count, per class, the pairs of true and predicted offsets at each tolerance, and both; spans add up."""
    return _count_edges(~truth[1:] & truth[:-1], ~labels[1:] & labels[:-1])


def edge_f1_curve(
    measures: Sequence[EdgeCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C 31"]:
    """F1 of onsets (offsets) per class at tolerance 0..30 frames, in [0, 1]; NaN where the truth has none."""
    counts = pool(measures, weights)
    pairs, true, predicted = np.split(counts, [TOLERANCE + 1, TOLERANCE + 2], axis=2)
    f1 = share(2 * pairs, np.broadcast_to(true + predicted, pairs.shape))
    return np.where(true > 0, f1, np.nan)


def edge_f1_within(
    measures: Sequence[EdgeCounts], weights: Float[np.ndarray, "R N"], tolerance: int
) -> Float[np.ndarray, "R C"]:
    """F1 of onsets (offsets) per class at one tolerance, in [0, 1]; NaN where the truth has none."""
    return edge_f1_curve(measures, weights)[:, :, tolerance]


def edge_f1_area(
    measures: Sequence[EdgeCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Mean F1 of onsets (offsets) per class over tolerance 0..30, in [0, 1]; NaN where the truth has none."""
    return edge_f1_curve(measures, weights).mean(axis=2)


def _edge_errors(
    truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"], *, onset: bool
) -> EdgeErrors:
    true, predicted = find_bouts(truth), find_bouts(labels)
    pairs = overlaps(true, predicted)
    match = 2 * pairs.shared >= pairs.union
    t, p = pairs.truth[match], pairs.predicted[match]
    matched = np.zeros(len(true.classes), dtype=bool)
    matched[t] = True
    errors = np.zeros(len(true.classes), dtype=np.int64)
    errors[t] = predicted.starts[p] - true.starts[t] if onset else predicted.stops[p] - true.stops[t]
    visible = true.starts > 0 if onset else true.stops < len(truth)
    return EdgeErrors(truth.shape[1], true.classes[visible], matched[visible], errors[visible])


def _per_class(
    measures: Sequence[EdgeErrors],
    weights: Float[np.ndarray, "R N"],
    statistic: Callable[[Int[np.ndarray, " M"], Int[np.ndarray, " M"]], Float[np.ndarray, " R"]],
) -> Float[np.ndarray, "R C"]:
    """Apply a statistic of matched errors class by class: NaN without true ones, infinite without matched."""
    classes = np.concatenate([m.classes for m in measures])
    matched = np.concatenate([m.matched for m in measures])
    errors = np.concatenate([m.errors for m in measures])
    owner = np.repeat(np.arange(len(measures)), [len(m.classes) for m in measures])
    columns = []
    for c in range(measures[0].num_classes):
        true = weights @ np.bincount(owner[classes == c], minlength=len(measures))
        of_class = (classes == c) & matched
        value = statistic(errors[of_class], owner[of_class])
        columns.append(np.where((true > 0) & np.isnan(value), np.inf, value))
    return np.stack(columns, axis=1)


def _count_edges(true: Bool[np.ndarray, "F C"], predicted: Bool[np.ndarray, "F C"]) -> EdgeCounts:
    rows = []
    for t_edges, p_edges in zip(true.T, predicted.T, strict=True):
        t, p = np.flatnonzero(t_edges), np.flatnonzero(p_edges)
        rows.append(np.append(_pairs_within(t, p), [len(t), len(p)]))
    return np.stack(rows)


def _pairs_within(true: Int[np.ndarray, " A"], predicted: Int[np.ndarray, " B"]) -> Int[np.ndarray, " 31"]:
    """Return how many frames of two ascending lists pair one to one within 0..30 frames.

    In order of time, each true frame takes the earliest free predicted one within reach. That pairs as
    many as can be: reaches begin and end in the same order as the true frames, so of the free ones in
    reach the earliest is the one that later true frames can use least.
    """
    reach = np.arange(TOLERANCE + 1)
    first = np.searchsorted(predicted, true[:, None] - reach, side="left")
    stop = np.searchsorted(predicted, true[:, None] + reach, side="right")
    free = np.zeros(TOLERANCE + 1, dtype=np.int64)  # the first predicted frame not yet passed, per tolerance
    pairs = np.zeros(TOLERANCE + 1, dtype=np.int64)
    for low, high in zip(first, stop, strict=True):
        free = np.maximum(free, low)
        pairing = free < high
        free += pairing
        pairs += pairing
    return pairs


BACKGROUND = "then the plain mean over the classes without the background"
MATCHED = (
    "of bouts matched at tIoU >= 0.50 with a predicted bout of their class and span, predicted minus true "
    "frame, all spans pooled"
)
NO_MATCH = (
    "Bouts that the edge of their span cuts off there do not count. Infinite for a class none of whose bouts "
    "is matched; undefined, and not in the mean, for a class without any in the truth. See bout_coverage."
)
PAIRED = (
    "2 pairs / (true + predicted) per class, paired one to one so that pairs are as many as can be, all "
    "spans pooled"
)
NO_EDGE = "The edges of a span are none. A class without any in the truth is undefined and not in the mean."


def _error_metrics(edge: str, measure: Callable[..., EdgeErrors]) -> tuple[Metric, ...]:
    """Declare the three numbers about the errors of onsets (or offsets)."""
    return (
        Metric(
            name=f"{edge}_bias",
            title=f"{edge.title()} bias",
            reads="labels",
            measure=measure,
            reduce=error_bias,
            mean="foreground",
            definition=(
                f"Median signed error of {edge}s {MATCHED}; positive is late, negative early, 0 best; sorted "
                f"by the distance from 0. Per class, {BACKGROUND}, in which early and late classes cancel. "
                f"{NO_MATCH}"
            ),
            higher_is_better=False,
            unit="frames",
            bounds=(-np.inf, np.inf),
        ),
        Metric(
            name=f"{edge}_error_median",
            title=f"{edge.title()} error, median",
            reads="labels",
            measure=measure,
            reduce=error_median,
            mean="foreground",
            definition=f"Median absolute error of {edge}s {MATCHED}. Per class, {BACKGROUND}. {NO_MATCH}",
            higher_is_better=False,
            unit="frames",
            bounds=(0.0, np.inf),
        ),
        Metric(
            name=f"{edge}_error_iqr",
            title=f"{edge.title()} error, interquartile range",
            reads="labels",
            measure=measure,
            reduce=error_iqr,
            mean="foreground",
            definition=(
                f"Interquartile range of the signed error of {edge}s {MATCHED}; quartiles by the rule that "
                "numpy calls averaged_inverted_cdf (Hyndman and Fan 1996, definition 2): one between two "
                f"values is their mean. Per class, {BACKGROUND}. {NO_MATCH}"
            ),
            higher_is_better=False,
            unit="frames",
            bounds=(0.0, np.inf),
        ),
    )


def _f1_metrics(edge: str, measure: Callable[..., EdgeCounts]) -> tuple[Metric, ...]:
    """Declare F1 of onsets (or offsets) at two tolerances and over all."""
    within = tuple(
        Metric(
            name=f"{edge}_f1_within_{tolerance}",
            title=f"{edge.title()} F1 within {tolerance} frames",
            reads="labels",
            measure=measure,
            reduce=partial(edge_f1_within, tolerance=tolerance),
            mean="foreground",
            definition=(f"F1 of {edge}s at most {tolerance} frames apart: {PAIRED}, {BACKGROUND}. {NO_EDGE}"),
        )
        for tolerance in (5, 15)
    )
    area = Metric(
        name=f"{edge}_f1_area",
        title=f"{edge.title()} F1, area over tolerance",
        reads="labels",
        measure=measure,
        reduce=edge_f1_area,
        mean="foreground",
        definition=(
            f"Mean over k = 0..{TOLERANCE} of the F1 of {edge}s at most k frames apart: {PAIRED}, "
            f"{BACKGROUND}. {NO_EDGE}"
        ),
    )
    return (*within, area)


METRICS: tuple[Metric, ...] = (
    *_error_metrics("onset", onset_errors),
    *_error_metrics("offset", offset_errors),
    *_f1_metrics("onset", count_onsets),
    *_f1_metrics("offset", count_offsets),
)

"""Bouts: maximal runs of a class within a span, and how well predicted bouts match true ones.

A bout of a class is a run of frames [start, stop) of one span in which the class holds, as long as it can
be. Where classes overlap, each has bouts of its own. tIoU of two bouts is the frames they share over
the frames that either holds; thresholds are compared as whole numbers, so "at least 0.10" has no rounding.

Which bouts match
-----------------
Each predicted bout looks at the true bout of its class with which its tIoU is largest (of two that tie,
the earlier). A true bout is found where at least one predicted bout that looks at it reaches the
threshold; it is found once, and further bouts that look at it are false alarms. That is the rule of
Lea et al. 2017, whose outcome does not depend on the order of predictions. From tIoU 0.5 on there is no
choice to make: two predicted bouts leave a frame between them, so they cannot both hold half of one
true bout and of what either holds; and so the other way round.

Undefined is a class without a bout in the truth. A class in the truth that is never predicted has F1 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.metrics.kernels.pooling import pool, share
from bench.metrics.metric import Metric

PARTS = (10, 4, 2)
"""The thresholds .10, .25 and .50 as one part of so many: tIoU >= 1 / part."""

BoutCounts = Int[np.ndarray, "C 5"]
"""Per class: true bouts found at tIoU .10, .25, .50; true bouts; predicted bouts."""


@dataclass(frozen=True, eq=False)
class Bouts:
    """The bouts of one span, by class, then by time."""

    classes: Int[np.ndarray, " B"]
    starts: Int[np.ndarray, " B"]
    stops: Int[np.ndarray, " B"]


@dataclass(frozen=True, eq=False)
class Overlaps:
    """The pairs of a true and a predicted bout of one class that share frames, by predicted bout."""

    truth: Int[np.ndarray, " P"]
    predicted: Int[np.ndarray, " P"]
    shared: Int[np.ndarray, " P"]
    union: Int[np.ndarray, " P"]


def find_bouts(labels: Bool[np.ndarray, "T C"]) -> Bouts:
    """Return the maximal runs of every class.

    >>> bouts = find_bouts(np.array([[1, 0], [1, 1], [0, 1], [1, 0]], dtype=bool))
    >>> bouts.classes, bouts.starts, bouts.stops
    (array([0, 0, 1]), array([0, 3, 1]), array([2, 4, 3]))
    """
    edges = np.diff(labels.T.view(np.int8), axis=1, prepend=0, append=0)  # (C, T + 1)
    classes, starts = np.nonzero(edges == 1)
    return Bouts(classes, starts, np.nonzero(edges == -1)[1])


def overlaps(truth: Bouts, predicted: Bouts) -> Overlaps:
    """Pair true and predicted bouts of one class that share at least a frame."""
    # One time line per class, laid end to end, so that all classes are searched at once.
    length = max(truth.stops.max(initial=0), predicted.stops.max(initial=0))
    shift = predicted.classes * length
    first = np.searchsorted(truth.classes * length + truth.stops, shift + predicted.starts, side="right")
    last = np.searchsorted(truth.classes * length + truth.starts, shift + predicted.stops, side="left")
    partners = last - first
    p = np.repeat(np.arange(len(partners)), partners)
    t = np.arange(len(p)) - np.repeat(np.cumsum(partners) - partners, partners) + first[p]
    shared = np.minimum(truth.stops[t], predicted.stops[p]) - np.maximum(truth.starts[t], predicted.starts[p])
    lengths = truth.stops[t] - truth.starts[t] + predicted.stops[p] - predicted.starts[p]
    return Overlaps(t, p, shared, lengths - shared)


def count_bouts(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> BoutCounts:
    """Count, per class, the true bouts that are found, all true and all predicted bouts; spans add up.

    >>> truth = np.array([[1, 0]] * 4 + [[0, 1]] * 6, dtype=bool)
    >>> labels = np.array([[1, 0]] * 1 + [[0, 1]] * 9, dtype=bool)
    >>> count_bouts(truth, labels)
    array([[1, 1, 0, 1, 1],
           [1, 1, 1, 1, 1]])
    """
    classes = truth.shape[1]
    true, predicted = find_bouts(truth), find_bouts(labels)
    pairs = overlaps(true, predicted)
    best = _first_best(pairs)
    columns = []
    for part in PARTS:
        reached = best[part * pairs.shared[best] >= pairs.union[best]]
        columns.append(np.bincount(true.classes[np.unique(pairs.truth[reached])], minlength=classes))
    columns += [np.bincount(bouts.classes, minlength=classes) for bouts in (true, predicted)]
    return np.stack(columns, axis=1)


def bout_f1(
    measures: Sequence[BoutCounts], weights: Float[np.ndarray, "R N"], column: int
) -> Float[np.ndarray, "R C"]:
    """F1 of bouts per class at one threshold, 2 hits / (true + predicted), in [0, 1]; NaN without true."""
    counts = pool(measures, weights)
    hits, true, predicted = counts[..., column], counts[..., 3], counts[..., 4]
    return np.where(true > 0, share(2 * hits, true + predicted), np.nan)


def bout_coverage(
    measures: Sequence[BoutCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Return the share of true bouts per class found at tIoU .50, in [0, 1]; NaN without true bouts."""
    counts = pool(measures, weights)
    return share(counts[..., 2], counts[..., 3])


def _first_best(pairs: Overlaps) -> Int[np.ndarray, " B"]:
    """Return, for each predicted bout that overlaps any, its pair of largest tIoU, the earliest of those."""
    # Quotients of whole numbers below 2**26 are equal as floats only if they are equal.
    order = np.lexsort((pairs.truth, -(pairs.shared / pairs.union), pairs.predicted))
    return order[np.diff(pairs.predicted[order], prepend=-1) > 0]


def count_edits(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> Int[np.ndarray, " 2"]:
    """Return the edits between the two orders of labels of one span, and the length of the longer.

    The order of labels is the span's sequence of labels with repeats dropped. Where classes overlap, the
    label of a frame is its set of classes, the empty set among them.
    """
    true, predicted = _order(truth), _order(labels)
    codes = np.unique(np.concatenate([true, predicted]), axis=0, return_inverse=True)[1]
    return np.array([_edits(codes[: len(true)], codes[len(true) :]), max(len(true), len(predicted))])


def edit_score(
    measures: Sequence[Int[np.ndarray, " 2"]], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Return 1 - edits / longest possible, both summed over spans first, in [0, 1]; NaN without frames."""
    counts = pool(measures, weights)
    return 1 - share(counts[:, :1], counts[:, 1:])


def _order(labels: Bool[np.ndarray, "T C"]) -> Bool[np.ndarray, "L C"]:
    """Drop every frame whose label is that of the frame before."""
    return labels[np.flatnonzero(np.append(True, (labels[1:] != labels[:-1]).any(axis=1))[: len(labels)])]


def _edits(a: Int[np.ndarray, " A"], b: Int[np.ndarray, " B"]) -> int:
    """Return the fewest insertions, deletions and substitutions that turn one sequence into the other.

    Column by column of the usual table, in which neighbours differ by -1, 0 or 1: where they rise and
    where they fall, down the column and along the row, is one bit per row, so a column is a few operations
    on whole numbers of len(a) bits. Source: Myers 1999, JACM 46:395, in the form of Hyyrö 2003.
    """
    rows = (1 << len(a)) - 1
    last = len(a) - 1
    equal = {label: _bits(a == label) for label in np.unique(b).tolist()}
    edits, rises, falls = len(a), rows, 0  # of the column before, downwards
    for label in b.tolist():
        same = equal[label]
        level = (((same & rises) + rises) ^ rises) | same | falls
        right_rises = falls | (rows & ~(level | rises))
        right_falls = level & rises
        edits += (right_rises >> last & 1) - (right_falls >> last & 1)
        right_rises = right_rises << 1 | 1
        rises = (right_falls << 1 | ~(same | falls | right_rises)) & rows
        falls = right_rises & (same | falls) & rows
    return edits


def _bits(flags: Bool[np.ndarray, " A"]) -> int:
    """Return the whole number whose bit i is flag i."""
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


MATCH = (
    "A predicted bout looks at the true bout of its class with the largest tIoU (the earlier of two that "
    "tie); a true bout is found once, if one that looks at it reaches the threshold."
)
NO_BOUT = (
    "Bouts never reach across spans. A class without a bout in the truth is undefined and not in the mean."
)
SEGMENTS = "Lea et al. 2017, CVPR, arXiv:1611.05267, per class instead of over all"

BOUT_F1_10, BOUT_F1_25, BOUT_F1_50 = (
    Metric(
        name=f"bout_f1_{percent}",
        title=f"Bout F1 at tIoU .{percent}",
        reads="labels",
        measure=count_bouts,
        reduce=partial(bout_f1, column=column),
        mean="foreground",
        definition=(
            f"2 found / (true + predicted) bouts per class at tIoU >= 0.{percent}, all spans pooled, then "
            f"the plain mean over the classes without the background. {MATCH} {NO_BOUT}"
        ),
        reference=SEGMENTS,
    )
    for column, percent in enumerate((10, 25, 50))
)
BOUT_COVERAGE = Metric(
    name="bout_coverage",
    title="Bouts matched",
    reads="labels",
    measure=count_bouts,
    reduce=bout_coverage,
    mean="foreground",
    definition=(
        "Share of the true bouts per class with a predicted bout of that class at tIoU >= 0.50, all spans "
        "pooled, then the plain mean over the classes without the background: the bouts that onset and "
        f"offset errors speak of. {NO_BOUT}"
    ),
)
EDIT = Metric(
    name="edit",
    title="Edit score",
    reads="labels",
    measure=count_edits,
    reduce=edit_score,
    mean="none",
    definition=(
        "1 - edits / longest: the fewest insertions, deletions and substitutions between the true and the "
        "predicted order of labels of a span (durations dropped, background kept), summed over spans, over "
        "the summed length of the longer order. Meant for classes that exclude each other; where they "
        "overlap, a label is a set of classes. Undefined where no frame counts."
    ),
    reference="Lea et al. 2016, ECCV, arXiv:1602.02995, with spans pooled instead of averaged",
)

METRICS: tuple[Metric, ...] = (BOUT_F1_10, BOUT_F1_25, BOUT_F1_50, BOUT_COVERAGE, EDIT)

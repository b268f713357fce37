"""Which detection takes which true segment, for all recordings, classes and thresholds at once.

The definition is serial. Within one recording and class, detections come by descending score; each takes,
of the true segments that are still free, the one it overlaps most, if their tIoU reaches the threshold.
(So a detection whose best segment is taken falls back on its second best. This is ActivityNet's rule and
ActionFormer's; PASCAL VOC's looks at the best one only.)

The computation is not serial. Where all truths rank the detections alike, "first come, first served" has
one stable matching as its outcome, and deferred acceptance finds the same one (Gale and Shapley 1962;
Roth and Sotomayor 1990, on serial dictatorship): every free detection proposes to the best truth that has
not refused it, every truth keeps the proposer that comes first in the order. Rounds needed: as many as
the longest chain of second choices, a handful in practice.

Ties      Equal scores within one recording and class come by start, then end; two detections that agree in
          all three are interchangeable. Of truths with the same tIoU the later one (by start, then end) is
          preferred, as in the reference evaluators where truth is in order of time. The order of rows, of
          files and of recordings decides nothing.
Threshold A tIoU equal to the threshold is a match (`>=`), in float64 and with no tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from bench.recordings import Detections, Segments

CHUNK = 1 << 21
"""Candidate pairs looked at in one go: memory follows the pairs that overlap, not those that might."""


@dataclass(frozen=True, eq=False)
class Pool:
    """All recordings laid end to end: truths by recording and class, detections in order of decision."""

    classes: int
    truth_bounds: Float[np.ndarray, "S 2"]
    truth_recording: Int[np.ndarray, " S"]
    truth_label: Int[np.ndarray, " S"]
    bounds: Float[np.ndarray, "D 2"]
    recording: Int[np.ndarray, " D"]
    first: Int[np.ndarray, " C1"]
    """Detections of class c are rows `first[c]` to `first[c + 1]`, by descending score, start, end."""
    tie_end: Int[np.ndarray, " D"]
    """Row after the last one of the same class and score."""
    truths_from: Int[np.ndarray, " D"]
    truths_count: Int[np.ndarray, " D"]
    """Truths of a detection's recording and class: so many, from row `truths_from`."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Detections and truths of one recording and class whose tIoU reaches the lowest threshold.

    By detection in order of decision; those of one detection from its best truth to its worst.
    """

    detection: Int[np.ndarray, " P"]
    truth: Int[np.ndarray, " P"]
    tiou: Float[np.ndarray, " P"]


def lay_out(truths: Sequence[Segments], detections: Sequence[Detections]) -> Pool:
    """Lay recordings end to end and sort once; `truths` are clean, and agree in the number of classes."""
    classes = truths[0].classes
    truth_recording = np.repeat(np.arange(len(truths)), [len(t.labels) for t in truths])
    truth_label = np.concatenate([t.labels for t in truths]).astype(np.int64)
    truth_bounds = np.concatenate([t.bounds for t in truths]).astype(np.float64)
    keys, truths_from, truths_count = np.unique(
        truth_recording * classes + truth_label, return_index=True, return_counts=True
    )  # sorted already: recordings come in order, and clean truth is in order of class

    recording = np.repeat(np.arange(len(detections)), [len(d.labels) for d in detections])
    label = np.concatenate([d.labels for d in detections]).astype(np.int64)
    bounds = np.concatenate([d.bounds for d in detections]).astype(np.float64)
    score = np.concatenate([d.scores for d in detections]).astype(np.float64)
    place = np.searchsorted(keys, recording * classes + label)
    has_truth = np.append(keys, -1)[place] == recording * classes + label

    order = _order(label, score, bounds)
    label, score, place, has_truth = label[order], score[order], place[order], has_truth[order]
    new = np.flatnonzero((label[1:] != label[:-1]) | (score[1:] != score[:-1])) + 1
    ends = np.append(new, len(label))
    return Pool(
        classes=classes,
        truth_bounds=truth_bounds,
        truth_recording=truth_recording,
        truth_label=truth_label,
        bounds=bounds[order],
        recording=recording[order],
        first=np.searchsorted(label, np.arange(classes + 1)),
        tie_end=np.repeat(ends, np.diff(ends, prepend=0)),
        truths_from=np.append(truths_from, 0)[place],
        truths_count=np.where(has_truth, np.append(truths_count, 0)[place], 0),
    )


def candidate_pairs(pool: Pool, tiou: float) -> Pairs:
    """Join detections with the truths of their recording and class, and keep what reaches `tiou`.

    The union is (length + length) - intersection, in this order of operations, as in the reference
    evaluators: at a threshold the last bit decides.
    """
    rows = np.flatnonzero(pool.truths_count)
    counts, after = pool.truths_count[rows], np.cumsum(pool.truths_count[rows])
    total = int(after[-1]) if len(after) else 0
    cuts = np.unique(np.append(np.searchsorted(after, np.arange(0, total, CHUNK)), len(rows)))
    pieces = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for start, stop in pairwise(cuts):
        count = counts[start:stop]
        detection = np.repeat(rows[start:stop], count)
        offset = pool.truths_from[rows[start:stop]] - np.cumsum(count) + count
        truth = np.arange(len(detection)) + np.repeat(offset, count)
        overlap = _tiou(pool.bounds[detection], pool.truth_bounds[truth])
        good = np.flatnonzero(overlap >= tiou)
        pieces.append((detection[good], truth[good], overlap[good]))
    detection, truth, overlap = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    order = _by_preference(detection, truth, overlap)
    return Pairs(detection[order], truth[order], overlap[order])


def match(pairs: Pairs, tiou: float) -> Int[np.ndarray, " H"]:
    """Return the detections that take a truth at this threshold, in order of decision.

    `tiou` must not lie below the threshold that the pairs were kept for.
    """
    good = np.flatnonzero(pairs.tiou >= tiou)
    detection, truth = pairs.detection[good], pairs.truth[good]
    starts = np.flatnonzero(np.diff(detection, prepend=-1))
    last = np.append(starts[1:], len(detection)) - 1
    at = starts.copy()  # the pair each detection proposes next; detections are numbered by rank from here on
    holder = np.full(int(truth.max(initial=-1)) + 1, len(starts))
    free = np.arange(len(starts))
    while len(free):
        proposed = truth[at[free]]
        before = holder[proposed]
        np.minimum.at(holder, proposed, free)
        now = holder[proposed]
        displaced = np.unique(before[(before != now) & (before < len(starts))])
        free = np.concatenate([free[now != free], displaced])
        free = free[at[free] < last[free]]
        at[free] += 1
    return detection[starts[np.sort(holder[holder < len(starts)])]]


def _tiou(a: Float[np.ndarray, "P 2"], b: Float[np.ndarray, "P 2"]) -> Float[np.ndarray, " P"]:
    """Intersection over union of row with row, in [0, 1]; both segments are longer than 0."""
    inter = np.minimum(a[:, 1], b[:, 1]) - np.maximum(a[:, 0], b[:, 0])
    inter = np.maximum(inter, 0.0)
    union = (b[:, 1] - b[:, 0]) + (a[:, 1] - a[:, 0]) - inter
    return inter / union


def _by_preference(
    detection: Int[np.ndarray, " P"], truth: Int[np.ndarray, " P"], tiou: Float[np.ndarray, " P"]
) -> Int[np.ndarray, " P"]:
    """Order the pairs of each detection, which lie together, from most to least liked.

    Only detections with a choice are sorted; they are few.
    """
    same = np.diff(detection) == 0
    choice = np.flatnonzero(np.append(same, False) | np.append(False, same))
    order = np.arange(len(detection))
    order[choice] = choice[np.lexsort((-truth[choice], -tiou[choice], detection[choice]))]
    return order


def _order(
    label: Int[np.ndarray, " D"], score: Float[np.ndarray, " D"], bounds: Float[np.ndarray, "D 2"]
) -> Int[np.ndarray, " D"]:
    """Order by class, descending score, start, end. Start and end are only looked at where scores tie."""
    order = np.argsort(-score)
    order = order[np.argsort(label[order].astype(np.min_scalar_type(label.max(initial=0))), kind="stable")]
    falling, classes = score[order], label[order]
    same = (falling[1:] == falling[:-1]) & (classes[1:] == classes[:-1])  # a difference may overflow
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    rows = order[tied]
    order[tied] = rows[np.lexsort((bounds[rows, 1], bounds[rows, 0], -score[rows], label[rows]))]
    return order


def places(pool: Pool) -> Int[np.ndarray, " D"]:
    """Return how many detections of its recording and class precede each one; -1 where there is no truth."""
    rows = np.flatnonzero(pool.truths_count)
    rows = rows[np.argsort(pool.truths_from[rows], kind="stable")]
    groups = pool.truths_from[rows]  # one number for each recording and class that has a truth
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    place = np.full(len(pool.recording), -1)
    place[rows] = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    return place

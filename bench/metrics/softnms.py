"""Frozen post-processing of raw detections: Soft-NMS, and score voting. Nothing of it hides inside a metric.

A submission says whether its detections are raw or final; these functions turn one into the other, for
every entry alike. The settings are those of RatSeizure's models and of ActionFormer, from which they come:
multi-class, Gaussian with sigma 0.5, at most 200 segments per class and then 200 per recording, minimum
score 0.001. The "IoU threshold 0.1" that goes with them in configurations and papers has no effect on the
Gaussian form, so there is none here.

How it goes  Within each class: pick the highest score; multiply all others by exp(-tIoU^2 / 0.5); drop those
             that fall under 0.001; repeat. The first pick of a class is kept however low its score is.
tIoU         For Soft-NMS every length counts 1e-6 s more than it is, as in the reference.
Ties         Equal scores are picked by start, then end; in the final order, then by class.
Numbers      float64, where the reference is C++ in float32. Its outputs are met within 1e-7 either way, and a
             product of up to 199 factors rounded to float32 would depend on who wrote `exp`.

Sources: Bodla et al. 2017, arXiv:1704.04503; ActionFormer 61ea7eb, libs/utils; OpenTAD 3dd7b03.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from bench.errors import SubmissionError
from bench.recordings import Detections

SIGMA = 0.5
MIN_SCORE = 0.001
MOST = 200
VOTING_TIOU = 0.7
EXTRA_LENGTH = 1e-6
GONE = -1.0
"""Stands for the score of a segment that was picked or dropped; true scores are not negative."""

Decay = Callable[[Float[np.ndarray, "A M"], Float[np.ndarray, "A 1"]], Float[np.ndarray, "A M"]]
"""(tIoU with the segment picked, length of that segment in seconds) -> the share of its score each keeps."""
Weigh = Callable[[Float[np.ndarray, " D"], Float[np.ndarray, "K D"]], Float[np.ndarray, "K D"]]
"""(scores of the candidates, tIoU of kept with candidates) -> the weight of each candidate's bounds."""


def soft_nms(detections: Detections) -> Detections:
    """Return the at most 200 detections that remain, by descending score, with the scores that remain.

    Raises `SubmissionError` for negative scores, which no product brings down.
    """
    rows, scores = suppress(detections, gaussian, MIN_SCORE, MOST)
    return Detections(detections.bounds[rows], detections.labels[rows], scores)


def score_voting(final: Detections, candidates: Detections) -> Detections:
    """Move the bounds of each detection to the mean of the candidates of its class that it overlaps by 0.7.

    The mean is weighted by score times tIoU, as in ActionFormer. `final` is what `soft_nms` made of
    `candidates`; labels, scores and order stay, and so do bounds that no candidate votes for.
    """
    bounds = final.bounds.astype(np.float64)
    for label in np.unique(final.labels):
        mine, theirs = final.labels == label, candidates.labels == label
        bounds[mine] = vote(bounds[mine], candidates.take(theirs), lambda scores, tiou: scores * tiou)
    return Detections(bounds, final.labels, final.scores)


def gaussian(tiou: Float[np.ndarray, "A M"], _: Float[np.ndarray, "A 1"]) -> Float[np.ndarray, "A M"]:
    """Keep exp(-tIoU^2 / sigma) of a score."""
    share: Float[np.ndarray, "A M"] = np.exp(tiou * tiou / -SIGMA)
    return share


def suppress(
    detections: Detections, decay: Decay, min_score: float, most: int
) -> tuple[Int[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Return the rows that remain and their scores, by descending score; all classes go side by side.

    Within a class scores only fall from pick to pick. A class ends once its best score is below the `most`
    highest picks of all classes: what it has left is cut at the end.

    The reference's other forms (hard, linear, by length) are other functions `decay`.
    """
    negative = np.flatnonzero(detections.scores < 0)
    if len(negative):
        faults = [f"row {row}: score {detections.scores[row]}, expected 0 or more" for row in negative[:MOST]]
        raise SubmissionError("detections that Soft-NMS cannot weigh", faults)
    row, score, start, end = _by_class(detections)
    picks, values, least = np.empty(0, np.int64), np.empty(0), 0.0
    for _ in range(most if score.size else 0):
        best = score.argmax(axis=1)
        value = score[np.arange(len(row)), best]
        going = value >= least
        if not going.all():
            row, score, start, end = row[going], score[going], start[going], end[going]
            best, value = best[going], value[going]
        if not len(row):
            break
        at = np.arange(len(row)), best
        picks, values = np.concatenate([picks, row[at]]), np.concatenate([values, value])
        if len(values) >= most:
            least = float(np.partition(values, -most)[-most])
        score[at] = GONE
        from_, to = start[at][:, None], end[at][:, None]
        score *= decay(_tiou(from_, to, start, end, EXTRA_LENGTH), to - from_ + EXTRA_LENGTH)
        score[score < min_score] = GONE
    return _best(detections, picks, values, most)


def vote(bounds: Float[np.ndarray, "K 2"], candidates: Detections, weigh: Weigh) -> Float[np.ndarray, "K 2"]:
    """Return for each segment the weighted mean of the candidates that it overlaps by 0.7.

    A segment with no such candidate of more than zero weight stays where it is.
    """
    voters = candidates.bounds.astype(np.float64)
    tiou = _tiou(bounds[:, :1], bounds[:, 1:], voters[None, :, 0], voters[None, :, 1], 0.0)
    weight = np.where(tiou >= VOTING_TIOU, weigh(candidates.scores.astype(np.float64), tiou), 0.0)
    total = weight.sum(axis=1, keepdims=True)
    return np.divide(weight @ voters, total, out=bounds.copy(), where=total > 0)


def _by_class(
    detections: Detections,
) -> tuple[
    Int[np.ndarray, "A M"], Float[np.ndarray, "A M"], Float[np.ndarray, "A M"], Float[np.ndarray, "A M"]
]:
    """Lay out row number, score, start and end, one line per class, filled up with segments that are gone.

    Within a line by start, then end: the first of equal scores is the one that the rule of ties picks.
    """
    bounds, labels = detections.bounds.astype(np.float64), detections.labels
    order = np.lexsort((bounds[:, 1], bounds[:, 0], labels))
    _, line, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (len(counts), int(counts.max(initial=0)))
    row, score = np.zeros(shape, np.int64), np.full(shape, GONE)
    start, end = np.zeros(shape), np.ones(shape)
    row[line, column], score[line, column] = order, detections.scores[order]
    start[line, column], end[line, column] = bounds[order].T
    return row, score, start, end


def _tiou(
    from_: Float[np.ndarray, "A 1"],
    to: Float[np.ndarray, "A 1"],
    start: Float[np.ndarray, "_ M"],
    end: Float[np.ndarray, "_ M"],
    extra: float,
) -> Float[np.ndarray, "A M"]:
    """Intersection over union of one segment per line with many, every length counting `extra` more."""
    inter = np.maximum(np.minimum(to, end) - np.maximum(from_, start), 0.0)
    return inter / ((to - from_ + extra) + (end - start + extra) - inter)


def _best(
    detections: Detections, rows: Int[np.ndarray, " P"], scores: Float[np.ndarray, " P"], most: int
) -> tuple[Int[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    bounds = detections.bounds[rows]
    order = np.lexsort((detections.labels[rows], bounds[:, 1], bounds[:, 0], -scores))[:most]
    return rows[order], scores[order]

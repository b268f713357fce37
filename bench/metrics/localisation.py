"""Temporal localisation: average precision and recall of scored segments, by tIoU threshold.

Truth        Cleaned as ActionFormer does (`segments.clean`). Detections that cannot be scored are refused
             before they get here (`segments.Detections`).
Matching     One to one within recording and class, by descending score (see `matching`).
AP           Area under precision over recall after every distinct score of the class, over all recordings
             at once, with precision replaced by the highest precision at this or any higher recall
             (interpolated at all points, as in VOC 2011 and after). Equal scores form one threshold: what
             order the rows of a file have decides nothing.
Classes      All classes of the task are scored, background included: localisation has no frames that lie
             outside every class. A class without true segments is NaN, whatever was detected; one with
             true segments and no detection is 0. Detections of a class without truth count nowhere;
             detections in a recording without truth of that class count as false.
Thresholds   `TIOU`, stored as the numbers that `np.linspace(0.3, 0.7, 5)` gives, because a whole-clip
             detection hits them exactly: the second is 0.39999999999999997. A match needs tIoU >= threshold.
             A threshold asked for within 1e-12 of one of them is that one: 0.4 alone is 0.39999999999999997,
             and so is detection_map_40.
Weights      `weights[r, n]` counts recording n so many times, as if it were there so often under new ids.
Recall at k  Of the true segments of a class in a recording, n of them, the share that is reached at the
             threshold by any of the k * n detections of that class and recording with the highest scores;
             not one to one, summed over recordings. Reported beside the ranking, never ranked by.

Source: ActionFormer 61ea7eb (ANETdetection), which RatSeizure's evaluator a068209 takes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from bench.errors import SubmissionError, UsageError
from bench.metrics.kernels.matching import Pairs, Pool, candidate_pairs, lay_out, match, places
from bench.metrics.kernels.pooling import product
from bench.metrics.kernels.scales import standardised
from bench.metrics.metric import Metric, Shared
from bench.metrics.segments import clean
from bench.recordings import Detections, Segments

TIOU: tuple[float, ...] = tuple(np.linspace(0.3, 0.7, 5).tolist())
RECALL_AT = (1, 5)
GATHER = 16
"""Adding up one weight at a time costs about this many times a multiply-add inside a matrix product."""
BLOCK = 1 << 22
"""Numbers held at once while weights are gathered."""
WIDE = 250
"""Rows whose weights lie side by side: a fetch brings many, and the cache still holds what is fetched."""

AP_IN_WORDS = (
    "Per class, detections of all recordings by descending score, one-to-one matching within recording and "
    "class (the free true segment with the highest tIoU), area under the interpolated precision-recall curve"
)
UNDEFINED = "A class without true segments is NaN; one with some and no detection is 0."
REFERENCE = "Zhang, Wu and Li 2022, ActionFormer, arXiv:2202.07925; Caba Heilbron et al. 2015, ActivityNet"


@dataclass(frozen=True, eq=False)
class Pair:
    """What `reduce` needs of one recording: matching ranks detections, so it waits until all are there."""

    truth: Segments
    detections: Detections


def measure(truth: Segments, detections: Detections) -> Pair:
    """Clean the truth and refuse labels that the task does not have."""
    unknown = np.flatnonzero(detections.labels >= truth.classes)
    if len(unknown):
        labels = sorted(set(detections.labels[unknown].tolist()))
        raise SubmissionError(
            "detections of classes that the task does not have",
            [f"label {label}, expected 0..{truth.classes - 1}" for label in labels],
        )
    return Pair(clean(truth), detections)


def on_one_scale(measures: Sequence[Pair]) -> list[Pair]:
    """Return the recordings with all scores at mean 0 and standard deviation 1 over all of them."""
    moved = standardised(np.concatenate([m.detections.scores for m in measures]))
    stops = np.cumsum([len(m.detections.scores) for m in measures])[:-1]
    return [
        replace(m, detections=replace(m.detections, scores=own))
        for m, own in zip(measures, np.split(moved, stops), strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Matches:
    """One matching, from which every number of this family follows."""

    pool: Pool
    pairs: Pairs
    tiou: tuple[float, ...]
    hits: tuple[Int[np.ndarray, " _"], ...]
    """Per threshold, the detections that took a truth, in order of decision."""


def match_all(measures: Sequence[Pair], tiou: Sequence[float] = TIOU) -> Matches:
    """Match all recordings at every threshold. Raises `UsageError` for a threshold outside (0, 1]."""
    wrong = [f"tIoU {value}: expected more than 0 and at most 1" for value in tiou if not 0 < value <= 1]
    if wrong or not tiou:
        raise UsageError("tIoU thresholds that mean nothing", wrong or ["no threshold given"])
    pool = lay_out([m.truth for m in measures], [m.detections for m in measures])
    pairs = candidate_pairs(pool, min(tiou))
    return Matches(pool, pairs, tuple(tiou), tuple(match(pairs, value) for value in tiou))


def average_precision(matches: Matches, weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R K C"]:
    """Interpolated average precision per row of weights, threshold and class, in [0, 1].

    NaN where no true segment of the class has weight; 0 where there are some and nothing was detected.
    """
    pool = matches.pool
    values = np.full((len(weights), len(matches.tiou), pool.classes), np.nan)
    truths, by_recording = _truths(pool, weights), _by_recording(weights)
    for c in range(pool.classes):
        start, stop = pool.first[c], pool.first[c + 1]
        hits = [h[slice(*np.searchsorted(h, (start, stop)))] for h in matches.hits]
        points = np.unique(pool.tie_end[np.concatenate(hits)])
        detected = _weight_up_to(points - start, pool.recording[start:stop], weights, by_recording)
        for k, hit in enumerate(hits):
            correct = np.cumsum(weights[:, pool.recording[hit]], axis=1)
            at = np.searchsorted(points, pool.tie_end[hit])
            values[:, k, c] = _area(correct, detected[:, at], truths[:, c])
    return values


def recall_at(matches: Matches, weights: Float[np.ndarray, "R N"], k: int) -> Float[np.ndarray, "R K C"]:
    """Recall of the k * n highest-scored detections per row of weights, threshold and class, in [0, 1].

    n is the number of true segments of the class in the recording. NaN where no true segment has weight.
    """
    pool, pairs = matches.pool, matches.pairs
    among = places(pool)[pairs.detection] < k * pool.truths_count[pairs.detection]
    total = _truths(pool, weights)
    values = np.full((len(weights), len(matches.tiou), pool.classes), np.nan)
    for i, tiou in enumerate(matches.tiou):
        reached = np.unique(pairs.truth[among & (pairs.tiou >= tiou)])
        hits = _by_class(pool, reached, weights)
        np.divide(hits, total, out=values[:, i], where=total > 0)
    return values


def class_values(matches: Matches, weights: Float[np.ndarray, "R N"]) -> list[Float[np.ndarray, "R C"]]:
    """Return the class values of the mean over thresholds, of each where there are several, and of recall."""
    precision = average_precision(matches, weights)
    each = [precision[:, i] for i in range(len(matches.tiou))]
    recalls = [recall_at(matches, weights, k).mean(axis=1) for k in RECALL_AT]
    return [precision.mean(axis=1), *(each if len(each) > 1 else ()), *recalls]


def from_one_matching(names: Sequence[str], tiou: Sequence[float]) -> Shared:
    """Return the work that metrics of these names share, which are those of `class_values`, in its order."""

    def reduce(matches: Matches, weights: Float[np.ndarray, "R N"]) -> dict[str, Float[np.ndarray, "R C"]]:
        return dict(zip(names, class_values(matches, weights), strict=True))

    return Shared(partial(match_all, tiou=tiou), reduce)


def _truths(pool: Pool, weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    return _by_class(pool, np.arange(len(pool.truth_label)), weights)


def _by_class(
    pool: Pool, truths: Int[np.ndarray, " H"], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Return the weight of these truths, by class."""
    recordings = weights.shape[1]
    cell = pool.truth_recording[truths] * pool.classes + pool.truth_label[truths]
    counts = np.bincount(cell, minlength=recordings * pool.classes).reshape(recordings, pool.classes)
    total: Float[np.ndarray, "R C"] = weights @ counts.astype(np.float64)
    return total


def _by_recording(weights: Float[np.ndarray, "R N"]) -> list[Float[np.ndarray, "N _"]]:
    """Lay the weights of a recording side by side, for some rows at a time: thrice as fast to gather."""
    return [np.ascontiguousarray(weights[i : i + WIDE].T) for i in range(0, len(weights), WIDE)]


def _weight_up_to(
    points: Int[np.ndarray, " G"],
    recording: Int[np.ndarray, " D"],
    weights: Float[np.ndarray, "R N"],
    by_recording: Sequence[Float[np.ndarray, "N _"]],
) -> Float[np.ndarray, "R G"]:
    """Return the weight of the first `points[g]` detections; points ascend, from 1 on.

    Two exact ways, and the cheaper is taken. Few points: count detections by point and recording, and
    multiply by the weights. Many points: gather the weight of each detection, and add up between points.
    """
    if not len(points):
        return np.zeros((len(weights), 0))
    counted = recording[: points[-1]]
    steps = np.concatenate([[0], points[:-1]])
    present, column = np.unique(counted, return_inverse=True)
    if len(points) * len(present) * (1 + len(weights) / GATHER) < len(counted) * len(weights):
        group = np.repeat(np.arange(len(points)), points - steps)
        counts = np.bincount(group * len(present) + column, minlength=len(points) * len(present))
        sums = product(weights[:, present], counts.reshape(len(points), len(present)).T.astype(np.float64))
    else:
        width = max(1, BLOCK // len(counted))
        sums = np.concatenate(
            [
                np.add.reduceat(some[:, i : i + width][counted], steps, axis=0)
                for some in by_recording
                for i in range(0, some.shape[1], width)
            ],
            axis=1,
        ).T
    return np.cumsum(sums, axis=1)


def _area(
    correct: Float[np.ndarray, "R G"], detected: Float[np.ndarray, "R G"], truths: Float[np.ndarray, " R"]
) -> Float[np.ndarray, " R"]:
    """Area under the interpolated precision, from what is correct and what is detected down to each score.

    Scores at which nothing is correct are left out: there recall stands still and precision only falls.
    Hits of one score come one by one, each with all detections of that score: the last is the most precise.
    """
    precision = np.divide(correct, detected, out=np.zeros_like(correct), where=detected > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    gained = np.diff(correct, axis=1, prepend=0.0)
    area = (gained * envelope).sum(axis=1)
    return np.divide(area, truths, out=np.full(len(truths), np.nan), where=truths > 0)


def _frozen_words() -> list[tuple[str, str, str]]:
    """Return name, title and definition of the frozen metrics, in the order of `class_values`."""
    over = "mean over tIoU >= 0.3, 0.4, 0.5, 0.6, 0.7"
    names = [("detection_map", "mAP over tIoU 0.3:0.1:0.7", f"{AP_IN_WORDS}, {over}. {UNDEFINED}")]
    for tiou in TIOU:
        name = f"detection_map_{round(100 * tiou)}"
        names.append((name, f"mAP at tIoU {tiou:.1f}", f"{AP_IN_WORDS} with tIoU >= {tiou!r}. {UNDEFINED}"))
    for k in RECALL_AT:
        words = (
            f"Per class, the share of true segments that any of the {k} * n highest-scored detections of the "
            "class in the recording reaches (n: its true segments of the class there); not one to one; "
            f"{over}. {UNDEFINED}"
        )
        names.append((f"detection_recall_{k}", f"Recall at {k}x", words))
    return names


def declare(words: Sequence[tuple[str, str, str]], tiou: Sequence[float]) -> tuple[Metric, ...]:
    """Return metrics of these names, titles and definitions, which share one matching at `tiou`."""
    shared = from_one_matching([name for name, _, _ in words], tiou)
    return tuple(
        Metric(
            name=name,
            title=title,
            reads="detections",
            measure=measure,
            reduce=shared.alone(name),
            mean="classes",
            definition=definition,
            reference=REFERENCE,
            shared=shared,
            exchange=on_one_scale,
        )
        for name, title, definition in words
    )


METRICS: tuple[Metric, ...] = declare(_frozen_words(), TIOU)

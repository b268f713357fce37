"""Segments: of what sort the wrong detections are, and how many true segments are found by their length.

A detection is taken in the order of its score, over all recordings of a part:

right       its tIoU with a true segment of its class that no surer detection has is at least 0.5
double      the same, but every such segment is taken
place       its tIoU with a true segment of its class is at least 0.1
confusion   the same with a true segment of another class
background  none of these

Source: Alwassel et al. 2018, Diagnosing Error in Temporal Action Detectors, ECCV. There
wrong labels at high and at low overlap are two sorts; here they are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from bench.recordings import Detections, Segments

DETECTIONS = 200
"""Of one recording that the file keeps, the surest."""
MISTAKES = ("right", "double", "place", "confusion", "background")
TIMES = (1, 2, 5, 10)
"""How many detections are looked at, in numbers of true segments."""
LENGTHS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds at which the bins of lengths begin; the last has no end."""
HIT, TOUCH = 0.5, 0.1


def surest(detections: Detections) -> Detections:
    """Return the surest `DETECTIONS`, in an order that does not depend on that of the rows."""
    bounds = detections.bounds
    order = np.lexsort((detections.labels, bounds[:, 1], bounds[:, 0], -detections.scores))
    return detections.take(order[:DETECTIONS])


def mistakes(truth: Sequence[Segments], answers: Sequence[Detections], label: int) -> dict[str, Any]:
    """Return "segments", the true ones of a class, and the counts of each of `MISTAKES` by `TIMES`."""
    total = sum(int((one.labels == label).sum()) for one in truth)
    rows = _ordered(answers, label)[: max(TIMES) * total]
    taken = [np.zeros(len(one.labels), dtype=bool) for one in truth]
    sorts = np.array(
        [_sort(truth[n], answers[n].bounds[row], label, taken[n]) for n, row in rows], dtype=np.int64
    )
    counts = [np.bincount(sorts[: times * total], minlength=len(MISTAKES)).tolist() for times in TIMES]
    return {"segments": total, "counts": dict(zip(map(str, TIMES), counts, strict=True))}


def by_length(truth: Sequence[Segments], answers: Sequence[Detections], label: int) -> dict[str, list[int]]:
    """Return "segments" and "hits" of a class by `LENGTHS`: a hit has a detection of tIoU 0.5 or more.

    Every detection counts, whatever its score, and may serve several segments.
    """
    segments, hits = np.zeros((2, len(LENGTHS)), dtype=np.int64)
    for one, given in zip(truth, answers, strict=True):
        own = one.bounds[one.labels == label]
        overlap = _tiou(own, given.bounds[given.labels == label])
        bins = np.searchsorted(LENGTHS, own[:, 1] - own[:, 0], side="right") - 1
        np.add.at(segments, bins, 1)
        np.add.at(hits, bins, (overlap >= HIT).any(axis=1).astype(np.int64))
    return {"segments": segments.tolist(), "hits": hits.tolist()}


def _ordered(answers: Sequence[Detections], label: int) -> list[tuple[int, int]]:
    """Return recording and row of the detections of a class, the surest first."""
    keyed = [
        (-float(given.scores[row]), n, tuple(given.bounds[row].tolist()), int(row))
        for n, given in enumerate(answers)
        for row in np.flatnonzero(given.labels == label)
    ]
    return [(n, row) for _, n, _, row in sorted(keyed)]


def _sort(truth: Segments, bounds: Float[np.ndarray, " 2"], label: int, taken: Bool[np.ndarray, " S"]) -> int:
    """Return the index in `MISTAKES` of one detection; marks the segment that it takes."""
    overlap = _tiou(truth.bounds, bounds[np.newaxis])[:, 0]
    own = truth.labels == label
    best = _best(np.where(own & ~taken, overlap, -1.0))
    if best >= 0 and overlap[best] >= HIT:
        taken[best] = True
        return 0
    if (overlap[own] >= HIT).any():
        return 1
    if (overlap[own] >= TOUCH).any():
        return 2
    return 3 if (overlap[~own] >= TOUCH).any() else 4


def _best(values: Float[np.ndarray, " S"]) -> int:
    return int(values.argmax()) if len(values) and values.max() >= 0 else -1


def _tiou(one: Float[np.ndarray, "S 2"], other: Float[np.ndarray, "D 2"]) -> Float[np.ndarray, "S D"]:
    both = np.minimum(one[:, None, 1], other[None, :, 1]) - np.maximum(one[:, None, 0], other[None, :, 0])
    both = np.maximum(both, 0.0)
    length = (one[:, 1] - one[:, 0])[:, None] + (other[:, 1] - other[:, 0])[None]
    return np.asarray(both / (length - both))

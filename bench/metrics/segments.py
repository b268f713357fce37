"""What a localisation task scores: the true segments of one recording, and the scored ones a model found.

Bounds are seconds from the start of the recording, `[start, end)`. Nothing here is clipped, rounded or
sorted behind the caller's back: what cannot be scored is refused, with every fault named, and the only
change the truth goes through is `clean`, which a caller can count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from bench.errors import SubmissionError
from bench.recordings import Segments, bound_faults, row_faults, shape_faults

__all__ = ["TOLERANCE", "Detections", "Segments", "clean", "detection_faults"]

TOLERANCE = 1e-3
"""Seconds. A true segment shorter than this, or this near to another one at both ends, is not scored."""


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of one recording, D of them, in any order: shuffling the rows changes no score.

    Raises `SubmissionError` for an end that is not after its start, for NaN and infinity anywhere, for bounds
    beyond 1e12 s, for negative labels and for lengths that differ. The reference evaluators let these
    through: a segment of length zero can make their tIoU 0/0, which then counts as a hit, and a NaN score
    sorts first.
    """

    bounds: Float[np.ndarray, "D 2"]
    """Seconds, (start, end), start < end."""
    labels: Int[np.ndarray, " D"]
    """Class index."""
    scores: Float[np.ndarray, " D"]
    """Finite; higher is surer. Only their order counts."""

    def __post_init__(self) -> None:
        faults = detection_faults(self.bounds, self.labels, self.scores)
        if faults:
            raise SubmissionError("detections that cannot be scored", faults)

    def take(self, rows: Shaped[np.ndarray, " K"]) -> Detections:
        """Return the chosen rows, by index or by mask."""
        return Detections(self.bounds[rows], self.labels[rows], self.scores[rows])


def detection_faults(
    bounds: Shaped[np.ndarray, "*_"], labels: Shaped[np.ndarray, "*_"], scores: Shaped[np.ndarray, "*_"]
) -> list[str]:
    """Say all that keeps these detections from being scored, by row; empty where nothing does.

    A reader of many recordings calls this first, to report the faults of all of them at once.
    """
    faults = shape_faults(bounds, labels)
    if scores.shape != labels.shape:
        faults.append(f"scores of shape {scores.shape}, expected {labels.shape} as the labels")
    if faults:
        return faults
    finite = np.isfinite(bounds).all(axis=1)
    return [
        *bound_faults(bounds),
        *row_faults(finite & ~(bounds[:, 0] < bounds[:, 1]), bounds, "an end that is not after its start"),
        *row_faults(~np.isfinite(scores), scores, "a score that is not finite"),
        *row_faults(labels < 0, labels, "a negative label"),
    ]


def clean(truth: Segments) -> Segments:
    """Drop what ActionFormer's reader drops from the truth, and order the rest by class, start and end.

    A segment shorter than 1e-3 s goes, and so does one whose start and end both lie within 1e-3 s of a
    segment of its class that stays. The earlier one stays, where ActionFormer keeps the first row of the
    file, so that the order of the rows decides nothing.

    Source: ActionFormer 61ea7eb, libs/datasets; RatSeizure's evaluator takes it over unchanged.
    """
    order = np.lexsort((truth.bounds[:, 1], truth.bounds[:, 0], truth.labels))
    bounds, labels = truth.bounds[order], truth.labels[order]
    long = bounds[:, 1] - bounds[:, 0] >= TOLERANCE
    bounds, labels = bounds[long], labels[long]
    near = (np.diff(labels) == 0) & (np.diff(bounds[:, 0]) <= TOLERANCE)
    if near.any():
        keep = _first_of_each(bounds, labels)
        bounds, labels = bounds[keep], labels[keep]
    return Segments(bounds, labels, truth.classes)


def _first_of_each(bounds: Float[np.ndarray, "S 2"], labels: Int[np.ndarray, " S"]) -> list[int]:
    """Walk segments in order of class and start; keep each that duplicates none of those kept before."""
    kept: list[int] = []
    for i, (start, end) in enumerate(bounds):
        duplicate = False
        for j in reversed(kept):
            if labels[j] != labels[i] or start - bounds[j, 0] > TOLERANCE:
                break
            duplicate = duplicate or bool(abs(end - bounds[j, 1]) <= TOLERANCE)
        if not duplicate:
            kept.append(i)
    return kept

"""What a localisation task scores: the true segments of one recording, and the scored ones a model found.

Bounds are seconds from the start of the recording, `[start, end)`. Nothing here is clipped, rounded or
sorted behind the caller's back: what cannot be scored is refused, with every fault named, and the only
change the truth goes through is `clean`, which a caller can count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from bench.errors import DataError, SubmissionError

TOLERANCE = 1e-3
"""Seconds. A true segment shorter than this, or this near to another one at both ends, is not scored."""

SHOWN = 8
"""How many row numbers a message lists before it only counts them."""


@dataclass(frozen=True, eq=False)
class Segments:
    """The true segments of one recording, S of them; they may overlap, and there may be none.

    Raises `DataError` for bounds that are not finite, labels outside `[0, classes)` and lengths that differ.
    """

    bounds: Float[np.ndarray, "S 2"]
    """Seconds, (start, end)."""
    labels: Int[np.ndarray, " S"]
    """Class index in `[0, classes)`."""
    classes: int
    """The number of classes of the task, whether or not this recording shows them."""

    def __post_init__(self) -> None:
        faults = truth_faults(self.bounds, self.labels, self.classes)
        if faults:
            raise DataError("true segments that cannot be scored", faults)


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of one recording, D of them, in any order: shuffling the rows changes no score.

    Raises `SubmissionError` for an end that is not after its start, for NaN and infinity anywhere, for
    negative labels and for lengths that differ. The reference evaluators let these through: a segment of
    length zero can make their tIoU 0/0, which then counts as a hit, and a NaN score sorts first.
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


def truth_faults(
    bounds: Shaped[np.ndarray, "*_"], labels: Shaped[np.ndarray, "*_"], classes: int
) -> list[str]:
    """Say all that keeps these true segments from being scored; empty where nothing does."""
    faults = _shape_faults(bounds, labels)
    if not faults:
        faults += _rows(~np.isfinite(bounds).all(axis=1), bounds, "a start or end that is not finite")
        faults += _rows((labels < 0) | (labels >= classes), labels, f"a label outside 0..{classes - 1}")
    return faults


def detection_faults(
    bounds: Shaped[np.ndarray, "*_"], labels: Shaped[np.ndarray, "*_"], scores: Shaped[np.ndarray, "*_"]
) -> list[str]:
    """Say all that keeps these detections from being scored, by row; empty where nothing does.

    A reader of many recordings calls this first, to report the faults of all of them at once.
    """
    faults = _shape_faults(bounds, labels)
    if scores.shape != labels.shape:
        faults.append(f"scores of shape {scores.shape}, expected {labels.shape} as the labels")
    if faults:
        return faults
    finite = np.isfinite(bounds).all(axis=1)
    return [
        *_rows(~finite, bounds, "a start or end that is not finite"),
        *_rows(finite & ~(bounds[:, 0] < bounds[:, 1]), bounds, "an end that is not after its start"),
        *_rows(~np.isfinite(scores), scores, "a score that is not finite"),
        *_rows(labels < 0, labels, "a negative label"),
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


def _shape_faults(bounds: Shaped[np.ndarray, "*_"], labels: Shaped[np.ndarray, "*_"]) -> list[str]:
    faults = []
    if bounds.ndim != 2 or bounds.shape[1] != 2:
        faults.append(f"bounds of shape {bounds.shape}, expected (rows, 2): start and end")
    if labels.shape != bounds.shape[:1]:
        faults.append(
            f"labels of shape {labels.shape}, expected {bounds.shape[:1]}, one for each row of bounds"
        )
    return faults


def _rows(bad: Bool[np.ndarray, " D"], values: Shaped[np.ndarray, "D ..."], what: str) -> list[str]:
    """Put all rows with one fault on one line: their numbers, the fault, and the first value found."""
    if not bad.any():
        return []
    rows = np.flatnonzero(bad)
    numbers = ", ".join(str(row) for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    example = f"row {rows[0]} has {values[rows[0]].tolist()}"
    return [f"row{'s' if len(rows) > 1 else ''} {numbers}{more}: {what} ({example})"]

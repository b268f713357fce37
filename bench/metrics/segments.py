"""The true segments of a localisation task as they are scored.

Bounds are seconds from the start of the recording, `[start, end)`. Nothing is clipped, rounded or sorted
without the caller's knowledge: what cannot be scored is refused, with every fault named (`bench.recordings`),
and the only change to the truth is `clean`, which a caller can count.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from bench.recordings import Segments

TOLERANCE = 1e-3
"""Seconds. A true segment shorter than this, or this near to another one at both ends, is not scored."""


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
    rows: list[int] = []
    for i, (start, end) in enumerate(bounds):
        duplicate = False
        for j in reversed(rows):
            if labels[j] != labels[i] or start - bounds[j, 0] > TOLERANCE:
                break
            duplicate = duplicate or bool(abs(end - bounds[j, 1]) <= TOLERANCE)
        if not duplicate:
            rows.append(i)
    return rows

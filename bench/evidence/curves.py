"""Curves of the scores of frames, as few points: precision, true and false positives, calibration.

At each of 33 even steps of recall stands the precision at the highest threshold that reaches it; at each of
33 even steps of the false positive rate the highest true positive rate that keeps to it. Frames of equal
scores form one threshold. All frames of a part are pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

POINTS = 33
BINS = 10
DIGITS = 4
"""Decimals that are kept: a curve is drawn to some 200 pixels."""


def curves(truth: Bool[np.ndarray, " T"], scores: Float[np.ndarray, " T"]) -> dict[str, list[float | None]]:
    """Return "precision" over recall 0..1 and "recall" over the false positive rate 0..1.

    Null where no frame, or every frame, is of the class.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # of each threshold
    hits = np.cumsum(truth[order])[last]
    false = last + 1 - hits
    steps = np.linspace(0, 1, POINTS)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    empty: list[float | None] = [None] * POINTS
    precision, recall = empty, empty
    if positives:
        reached = np.searchsorted(hits, np.maximum(np.ceil(steps * positives - 1e-9), 1))
        precision = _rounded(hits[reached] / (last[reached] + 1))
    if positives and negatives:
        kept = np.searchsorted(false, np.floor(steps * negatives + 1e-9), side="right")
        recall = _rounded(np.concatenate([[0], hits])[kept] / positives)
    return {"precision": precision, "recall": recall}


def calibration(truth: Bool[np.ndarray, " T"], scores: Float[np.ndarray, " T"]) -> dict[str, list[Any]]:
    """Return, in ten bins of the score from 0 to 1: frames, the sum of their scores, frames of the class."""
    bins = np.clip((scores * BINS).astype(np.int64), 0, BINS - 1)
    sums = np.bincount(bins, weights=scores.astype(np.float64), minlength=BINS)
    return {
        "frames": np.bincount(bins, minlength=BINS).tolist(),
        "scores": [round(float(value), DIGITS) for value in sums],
        "true": np.bincount(bins[truth], minlength=BINS).tolist(),
    }


def _rounded(values: Sequence[float] | Float[np.ndarray, " K"]) -> list[float | None]:
    return [round(float(value), DIGITS) for value in values]

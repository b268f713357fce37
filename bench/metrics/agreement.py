"""Agreement of whole frames: accuracy, Cohen's kappa and the confusion matrix.

A frame's category is the set of classes that hold in it. Where classes exclude each other, the set is
the class; where they overlap, two frames agree only if their sets are equal, the empty set among them.
So one definition serves both, and on one-hot rows it is the usual accuracy and the usual kappa.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from bench.metrics.metric import Metric


@dataclass(frozen=True, eq=False)
class SetCounts:
    """How many frames of one span have which set of classes, in the truth, in the prediction and in both."""

    sets: UInt8[np.ndarray, "S B"]
    """The S sets that occur, as packed bits of the classes."""
    truth: Int[np.ndarray, " S"]
    labels: Int[np.ndarray, " S"]
    both: Int[np.ndarray, " S"]
    """Frames in which truth and prediction are this set."""


def count_sets(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> SetCounts:
    """Count the sets of classes of one span; the counts of spans add up, set by set.

    >>> counts = count_sets(np.eye(2, dtype=bool), np.array([[1, 0], [1, 0]], dtype=bool))
    >>> counts.truth, counts.labels, counts.both
    (array([1, 1]), array([0, 2]), array([0, 1]))
    """
    frames = len(truth)
    sets, index = _number(np.packbits(np.concatenate([truth, labels]), axis=1))
    a, b = index[:frames], index[frames:]
    size = len(sets)
    return SetCounts(
        sets=sets,
        truth=np.bincount(a, minlength=size),
        labels=np.bincount(b, minlength=size),
        both=np.bincount(a[a == b], minlength=size),
    )


def accuracy_of_sets(
    measures: Sequence[SetCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Return the share of frames whose set of classes is the true one, in [0, 1]; NaN without frames."""
    frames = np.array([m.truth.sum() for m in measures], dtype=np.float64)
    agreed = np.array([m.both.sum() for m in measures], dtype=np.float64)
    total = weights @ frames
    return np.divide(weights @ agreed, total, out=np.full(len(total), np.nan), where=total > 0)[:, None]


def kappa_of_sets(
    measures: Sequence[SetCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Return Cohen's kappa, (agreement - chance) / (1 - chance), in [-1, 1].

    Chance is the agreement expected if truth and prediction kept their shares of each set and knew
    nothing of each other. NaN where the truth has a single set: kappa is then 0, or 0/0 for the
    perfect prediction, so it tells no two predictions apart.
    """
    sets, index = _number(np.concatenate([m.sets for m in measures]))
    starts = np.cumsum([0, *(len(m.sets) for m in measures)])
    table = np.zeros((3, len(measures), len(sets)))
    for n, measure in enumerate(measures):
        table[:, n, index[starts[n] : starts[n + 1]]] = measure.truth, measure.labels, measure.both
    truth, labels, both = weights @ table  # (R, S) each
    frames = truth.sum(axis=1)
    chance = (truth * labels).sum(axis=1)
    agreed = both.sum(axis=1) * frames
    defined = (truth > 0).sum(axis=1) > 1
    # 1 - chance is above 0 here: all chance agreement on one set needs a truth of that set alone.
    return np.divide(agreed - chance, frames**2 - chance, out=np.full(len(frames), np.nan), where=defined)[
        :, None
    ]


def confusion(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> Int[np.ndarray, "C C"]:
    """Count the frames of each true class (row) in which each class is predicted (column); spans add up.

    Where classes exclude each other, rows sum to the support and this is the confusion matrix. Where
    they overlap, a frame counts in every cell of a true and a predicted class, so rows may sum to
    more or less; the diagonal is the true positives either way.

    >>> truth = np.array([[1, 0], [1, 0], [0, 1]], dtype=bool)
    >>> confusion(truth, np.array([[1, 0], [0, 1], [0, 1]], dtype=bool))
    array([[1, 1],
           [0, 1]])
    """
    # Through float64 because only its product uses the fast routines; counts below 2**53 stay exact.
    return (truth.T.astype(np.float64) @ labels.astype(np.float64)).astype(np.int64)


def _number(packed: UInt8[np.ndarray, "F B"]) -> tuple[UInt8[np.ndarray, "S B"], Int[np.ndarray, " F"]]:
    """Return the distinct rows and, for each row, the number of its distinct one."""
    width = packed.shape[1]
    if width == 1:  # at most eight classes: a table of 256 is much quicker than sorting
        present = np.bincount(packed[:, 0], minlength=256) > 0
        return np.flatnonzero(present).astype(np.uint8)[:, None], (np.cumsum(present) - 1)[packed[:, 0]]
    rows, index = np.unique(np.ascontiguousarray(packed).view(f"V{width}")[:, 0], return_inverse=True)
    return rows.view(np.uint8).reshape(-1, width), index


ACCURACY = Metric(
    name="accuracy",
    title="Accuracy",
    reads="labels",
    measure=count_sets,
    reduce=accuracy_of_sets,
    mean="none",
    definition=(
        "Share of the pooled frames, background included, whose predicted class is the true one; where "
        "classes overlap, whose whole set of classes is. Undefined where no frame counts."
    ),
)
COHEN_KAPPA = Metric(
    name="cohen_kappa",
    title="Cohen's kappa",
    reads="labels",
    measure=count_sets,
    reduce=kappa_of_sets,
    mean="none",
    definition=(
        "(agreement - chance) / (1 - chance) over the pooled frames, background included; chance is the "
        "agreement of two labellings with these shares of each class that know nothing of each other. "
        "Where classes overlap, the category of a frame is its set of classes. Undefined where the truth "
        "has a single category."
    ),
    reference="Cohen 1960, doi:10.1177/001316446002000104",
    bounds=(-1.0, 1.0),
)

METRICS: tuple[Metric, ...] = (ACCURACY, COHEN_KAPPA)

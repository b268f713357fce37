"""The statistics of an ethogram that biologists publish, and how far a prediction's are from the truth's.

Bout rate       bouts per frame that counts
Time share      share of the frames that count in which the class holds
Median duration of the bouts of the class, in frames; 0 for a class without bouts
Transitions     of the times that another class begins while this one held the frame before, the share of
                each other class: a row of the transition matrix. Where classes exclude each other, that is
                what follows when this class ends.

Each statistic is taken over all spans pooled, in truth and prediction, and the error is what lies between.
So a recording with too many bouts and one with too few cancel; the value of a single recording (a row of
weights that counts only its spans) tells them apart. Bouts count as they are seen, cut off at the edges of
a span. A rate or share is defined for a class that the truth never shows: it is 0, and predicting the
class is an error. A median duration or a row of transitions is not, and is NaN then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.metrics.bouts import find_bouts
from bench.metrics.kernels.pooling import pool, quantiles, share
from bench.metrics.metric import Metric


@dataclass(frozen=True, eq=False)
class Ethogram:
    """What one labelling of one span says of bouts and transitions."""

    frames: int
    held_frames: Int[np.ndarray, " C"]
    """Frames in which each class holds."""
    transitions: Int[np.ndarray, "C C"]
    """Frames t >= 1 in which the class of the column begins while that of the row held in t - 1."""
    bouts: Int[np.ndarray, " B"]
    """The class of each bout."""
    durations: Int[np.ndarray, " B"]
    """The frames of each bout."""


Pair = tuple[Ethogram, Ethogram]
"""Truth and prediction."""


def summarise(labels: Bool[np.ndarray, "T C"]) -> Ethogram:
    """Summarise one labelling of one span.

    >>> summarise(np.array([[1, 0], [1, 0], [0, 1], [1, 0]], dtype=bool)).transitions
    array([[0, 1],
           [1, 0]])
    """
    bouts = find_bouts(labels)
    begun = np.unique(bouts.starts[bouts.starts > 0])
    before, after = labels[begun - 1], labels[begun]
    begins = (after & ~before).astype(np.int64)
    return Ethogram(
        frames=len(labels),
        held_frames=np.count_nonzero(labels, axis=0),
        transitions=before.T.astype(np.int64) @ begins,
        bouts=bouts.classes,
        durations=bouts.stops - bouts.starts,
    )


def summarise_both(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> Pair:
    """Summarise truth and prediction of one span."""
    return summarise(truth), summarise(labels)


def bout_rate(ethograms: Sequence[Ethogram], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """Return the bouts of each class per frame; NaN without frames."""
    classes = len(ethograms[0].held_frames)
    bouts = pool([np.bincount(e.bouts, minlength=classes) for e in ethograms], weights)
    return share(bouts, _frames(ethograms, weights, bouts.shape))


def time_share(ethograms: Sequence[Ethogram], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """Return the share of frames in which each class holds, in [0, 1]; NaN without frames."""
    frames = pool([e.held_frames for e in ethograms], weights)
    return share(frames, _frames(ethograms, weights, frames.shape))


def median_duration(
    ethograms: Sequence[Ethogram], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Return the median frames of the bouts of each class; NaN for a class without bouts."""
    classes = np.concatenate([e.bouts for e in ethograms])
    durations = np.concatenate([e.durations for e in ethograms])
    owner = np.repeat(np.arange(len(ethograms)), [len(e.bouts) for e in ethograms])
    columns = []
    for c in range(len(ethograms[0].held_frames)):
        own = classes == c
        columns.append(quantiles(durations[own], owner[own], weights, (0.5,))[:, 0])
    return np.stack(columns, axis=1)


def transition_matrix(
    ethograms: Sequence[Ethogram], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C C"]:
    """Return the share of each class (column) among those that begin after each class (row); rows sum to 1.

    A row is NaN where nothing begins after its class.
    """
    counts = pool([e.transitions for e in ethograms], weights)
    return share(counts, np.broadcast_to(counts.sum(axis=2, keepdims=True), counts.shape))


def bout_rate_error(pairs: Sequence[Pair], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """Return |predicted - true| bouts per frame of each class; NaN without frames."""
    truth, predicted = _sides(pairs)
    return abs(bout_rate(predicted, weights) - bout_rate(truth, weights))


def time_share_error(pairs: Sequence[Pair], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """Return |predicted - true| share of the frames of each class, in [0, 1]; NaN without frames."""
    truth, predicted = _sides(pairs)
    return abs(time_share(predicted, weights) - time_share(truth, weights))


def median_duration_error(
    pairs: Sequence[Pair], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Return |predicted - true| median frames of the bouts of each class; NaN without true bouts.

    The median of a class that is never predicted is 0, so that the error is defined by the truth alone.
    """
    truth, predicted = _sides(pairs)
    return abs(np.nan_to_num(median_duration(predicted, weights)) - median_duration(truth, weights))


def transition_matrix_error(
    pairs: Sequence[Pair], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Return the total variation between the rows of the two matrices, in [0, 1]; NaN without a true row.

    Half the sum of |predicted - true|: the share of transitions that go elsewhere. It is 1 where
    the prediction has no transition from the class.
    """
    truth, predicted = _sides(pairs)
    true, guess = transition_matrix(truth, weights), transition_matrix(predicted, weights)
    distance = abs(guess - true).sum(axis=2) / 2
    absent = np.isnan(guess).any(axis=2) & ~np.isnan(true).any(axis=2)
    return np.where(absent, 1.0, distance)


def _sides(pairs: Sequence[Pair]) -> tuple[list[Ethogram], list[Ethogram]]:
    return [truth for truth, _ in pairs], [predicted for _, predicted in pairs]


def _frames(
    ethograms: Sequence[Ethogram], weights: Float[np.ndarray, "R N"], shape: tuple[int, ...]
) -> Float[np.ndarray, "R C"]:
    total = weights @ np.array([e.frames for e in ethograms], dtype=np.float64)
    return np.broadcast_to(total[:, None], shape)


POOLED = "over all spans pooled, per class, then the plain mean over the classes without the background"

BOUT_RATE_ERROR = Metric(
    name="bout_rate_error",
    title="Error of the bout rate",
    reads="labels",
    measure=summarise_both,
    reduce=bout_rate_error,
    mean="foreground",
    definition=f"|predicted - true| bouts by counted frames, {POOLED}. Undefined where no frame counts.",
    higher_is_better=False,
    unit="per frame",
)
TIME_SHARE_ERROR = Metric(
    name="time_share_error",
    title="Error of the time share",
    reads="labels",
    measure=summarise_both,
    reduce=time_share_error,
    mean="foreground",
    definition=(
        f"|predicted - true| share of the frames in which the class holds, {POOLED}. Undefined where no "
        "frame counts."
    ),
    higher_is_better=False,
)
MEDIAN_DURATION_ERROR = Metric(
    name="median_duration_error",
    title="Error of the median bout duration",
    reads="labels",
    measure=summarise_both,
    reduce=median_duration_error,
    mean="foreground",
    definition=(
        f"|predicted - true| median duration of bouts {POOLED}. A class that is never predicted has a "
        "predicted median of 0; a class without a bout in the truth is undefined and not in the mean."
    ),
    higher_is_better=False,
    unit="frames",
    bounds=(0.0, np.inf),
)
TRANSITION_MATRIX_ERROR = Metric(
    name="transition_matrix_error",
    title="Error of the transition matrix",
    reads="labels",
    measure=summarise_both,
    reduce=transition_matrix_error,
    mean="foreground",
    definition=(
        "Of all times that another class begins while this one held the frame before, the shares of the "
        "other classes, background among them: half the sum of |predicted - true| of these shares (total "
        f"variation), {POOLED}. It is 1 for a class from which no transition is predicted; a class from "
        "which the truth has none is undefined and not in the mean."
    ),
    higher_is_better=False,
)

METRICS: tuple[Metric, ...] = (
    BOUT_RATE_ERROR,
    TIME_SHARE_ERROR,
    MEDIAN_DURATION_ERROR,
    TRANSITION_MATRIX_ERROR,
)

"""Boundary error: accuracy by the distance of a frame to the nearest true transition.

A transition is a frame t >= 1 of a span whose true label (its set of classes) differs from that of
t - 1. The distance of a frame is the number of frames to the nearest transition of its own span:

    true label   a a a a b b b b b
    transition           ^
    distance     4 3 2 1 0 1 2 3 4

So the first frame of the new bout is *at* the transition, and the last of the old bout is 1 away; the
number of frames at distance 0 is the number of transitions. *Within 5* is a distance of 0 to 5, *beyond
10* one of 11 or more. A span without a transition is infinitely far from any: all its frames are beyond.

A frame is right where its whole predicted set of classes is the true one, as for `accuracy`; a class is
right where it holds in truth and prediction (on one-hot rows the two agree). Background frames count.

The concatenated reading
------------------------
The MSGL-Transformer paper glues the counted frames of all videos, in order, before it looks for
transitions. Every join whose two sides differ is then a transition that no animal made, and frames near a
join take distances from another video. The metrics named `..._concatenated` keep that reading apart: all
given spans are glued in the given order, distances are taken once, and weights then say how often the
frames of a span count. The joins are not resampled: a recording drawn twice has no place beside itself.
So weights do not equal repetition here, and the order of spans matters; both hold for no other metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.metrics.kernels.pooling import pool, share
from bench.metrics.metric import Metric

REACH = 30
"""The last distance of the curve, in frames; everything further is one more bin."""

AT_TRANSITION = slice(0, 1)
WITHIN_5 = slice(0, 6)
BEYOND_10 = slice(11, REACH + 2)

DistanceCounts = Int[np.ndarray, "32 K 2"]
"""Per distance 0..30 and "further"; for all frames (K = 0), then each class; all frames and those right."""


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of one span as they are: gluing spans needs them."""

    truth: Bool[np.ndarray, "T C"]
    labels: Bool[np.ndarray, "T C"]


def transitions(truth: Bool[np.ndarray, "T C"]) -> Int[np.ndarray, " M"]:
    """Return the frames t >= 1 whose set of classes differs from that of t - 1, in order."""
    return np.flatnonzero((truth[1:] != truth[:-1]).any(axis=1)) + 1


def distance_to_transition(truth: Bool[np.ndarray, "T C"]) -> Int[np.ndarray, " T"]:
    """Return the frames from each frame to the nearest transition, at most `REACH` + 1.

    >>> truth = np.array([[1, 0]] * 3 + [[0, 1]] * 2, dtype=bool)
    >>> distance_to_transition(truth)
    array([3, 2, 1, 0, 1])
    """
    frames = len(truth)
    far = REACH + 1
    marks = np.concatenate([[-far], transitions(truth), [frames + far]])
    frame = np.arange(frames)
    following = np.searchsorted(marks, frame)
    return np.minimum(np.minimum(marks[following] - frame, frame - marks[following - 1]), far)


def count_by_distance(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> DistanceCounts:
    """Count the frames of one span, and those that are right, by their distance; spans add up."""
    return _count(distance_to_transition(truth), truth, labels)


def keep_frames(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> Frames:
    """Keep the frames of one span for gluing."""
    return Frames(truth, labels)


def glue(spans: Sequence[Frames]) -> list[DistanceCounts]:
    """Count each span by distances taken in the concatenation of all, in the order given.

    What comes out goes where the counts of `count_by_distance` go, so all curves serve both readings.
    """
    distance = distance_to_transition(np.concatenate([span.truth for span in spans]))
    stops = np.cumsum([len(span.truth) for span in spans])
    own = np.split(distance, stops[:-1])
    return [_count(d, span.truth, span.labels) for d, span in zip(own, spans, strict=True)]


def frames_by_distance(
    measures: Sequence[DistanceCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 32"]:
    """Count the frames at distance 0..30 and further; at 0 this is the number of transitions."""
    return pool(measures, weights)[:, :, 0, 0]


def accuracy_by_distance(
    measures: Sequence[DistanceCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 31"]:
    """Return the share of right frames at each distance 0..30, in [0, 1]; NaN where no frame is that far."""
    counts = pool(measures, weights)[:, : REACH + 1, 0]
    return share(counts[..., 1], counts[..., 0])


def class_accuracy_by_distance(
    measures: Sequence[DistanceCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C 31"]:
    """Return the share of each class's true frames at each distance 0..30 in which it is predicted."""
    counts = pool(measures, weights)[:, : REACH + 1, 1:].swapaxes(1, 2)
    return share(counts[..., 1], counts[..., 0])


def class_accuracy_in_zone(
    measures: Sequence[DistanceCounts], weights: Float[np.ndarray, "R N"], zone: slice
) -> Float[np.ndarray, "R C"]:
    """Return the share of each class's true frames in a zone in which it is predicted; NaN without any."""
    counts = pool(measures, weights)[:, zone, 1:].sum(axis=1)
    return share(counts[..., 1], counts[..., 0])


def accuracy_in_zone(
    measures: Sequence[DistanceCounts], weights: Float[np.ndarray, "R N"], zone: slice
) -> Float[np.ndarray, "R 1"]:
    """Return the share of right frames among those of a zone of distances, in [0, 1]; NaN without any."""
    counts = pool(measures, weights)[:, zone, :1].sum(axis=1)
    return share(counts[..., 1], counts[..., 0])


def glued_accuracy_in_zone(
    measures: Sequence[Frames], weights: Float[np.ndarray, "R N"], zone: slice
) -> Float[np.ndarray, "R 1"]:
    """Return `accuracy_in_zone` by distances taken in the concatenation of all spans."""
    return accuracy_in_zone(glue(measures), weights, zone)


def _count(
    distance: Int[np.ndarray, " T"], truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]
) -> DistanceCounts:
    right = (truth == labels).all(axis=1)
    columns = [(distance, distance[right])]
    columns += [(distance[t], distance[t & p]) for t, p in zip(truth.T, labels.T, strict=True)]
    counts = [[np.bincount(d, minlength=REACH + 2) for d in column] for column in columns]  # (1 + C, 2, 32)
    return np.moveaxis(np.array(counts), 2, 0)


OWN_SPAN = (
    "A transition is a frame whose true label differs from that of the frame before in the same span; "
    "it is itself at distance 0, the frame before it at distance 1."
)
GLUED = (
    "Distances are taken after the counted frames of all spans are glued in order, so a join of two "
    "recordings counts as a transition where its sides differ; weights count the frames of a span and "
    "leave the joins where they are."
)
PAPER = "The boundary analysis of the MSGL-Transformer paper, its section 4.2.5"

ACCURACY_AT_TRANSITION = Metric(
    name="accuracy_at_transition",
    title="Accuracy at transitions",
    reads="labels",
    measure=count_by_distance,
    reduce=partial(accuracy_in_zone, zone=AT_TRANSITION),
    mean="none",
    definition=(
        "Share of the frames at a true transition (distance 0), all classes pooled, whose label is the true "
        f"one. {OWN_SPAN} Undefined where the truth has no transition."
    ),
    reference=PAPER,
)
ACCURACY_WITHIN_5 = Metric(
    name="accuracy_within_5",
    title="Accuracy within 5 frames of a transition",
    reads="labels",
    measure=count_by_distance,
    reduce=partial(accuracy_in_zone, zone=WITHIN_5),
    mean="none",
    definition=(
        "Share of the frames 0 to 5 frames from the nearest true transition, all classes pooled, whose label "
        f"is the true one. {OWN_SPAN} Undefined where the truth has no transition."
    ),
    reference=PAPER,
)
ACCURACY_BEYOND_10 = Metric(
    name="accuracy_beyond_10",
    title="Accuracy beyond 10 frames of a transition",
    reads="labels",
    measure=count_by_distance,
    reduce=partial(accuracy_in_zone, zone=BEYOND_10),
    mean="none",
    definition=(
        "Share of the frames 11 or more frames from the nearest true transition, all classes pooled, whose "
        f"label is the true one; spans without a transition belong here. {OWN_SPAN} Undefined where no frame "
        "is that far."
    ),
    reference=PAPER,
)
ACCURACY_AT_TRANSITION_CONCATENATED = Metric(
    name="accuracy_at_transition_concatenated",
    title="Accuracy at transitions, recordings glued",
    reads="labels",
    measure=keep_frames,
    exchange=None,
    reduce=partial(glued_accuracy_in_zone, zone=AT_TRANSITION),
    mean="none",
    definition=f"As accuracy_at_transition, but glued. {GLUED} Undefined where there is no transition.",
    reference=PAPER,
)
ACCURACY_WITHIN_5_CONCATENATED = Metric(
    name="accuracy_within_5_concatenated",
    title="Accuracy within 5 frames of a transition, recordings glued",
    reads="labels",
    measure=keep_frames,
    exchange=None,
    reduce=partial(glued_accuracy_in_zone, zone=WITHIN_5),
    mean="none",
    definition=f"As accuracy_within_5, but glued. {GLUED} Undefined where there is no transition.",
    reference=PAPER,
)
ACCURACY_BEYOND_10_CONCATENATED = Metric(
    name="accuracy_beyond_10_concatenated",
    title="Accuracy beyond 10 frames of a transition, recordings glued",
    reads="labels",
    measure=keep_frames,
    exchange=None,
    reduce=partial(glued_accuracy_in_zone, zone=BEYOND_10),
    mean="none",
    definition=f"As accuracy_beyond_10, but glued. {GLUED} Undefined where no frame is that far.",
    reference=PAPER,
)

METRICS: tuple[Metric, ...] = (
    ACCURACY_AT_TRANSITION,
    ACCURACY_WITHIN_5,
    ACCURACY_BEYOND_10,
    ACCURACY_AT_TRANSITION_CONCATENATED,
    ACCURACY_WITHIN_5_CONCATENATED,
    ACCURACY_BEYOND_10_CONCATENATED,
)

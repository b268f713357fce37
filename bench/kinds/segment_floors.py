"""Answers to localisation tasks that look at no data: what any entry should be compared with.

true_classes   knows which classes occur in each test recording, and answers each by a segment as long as the
               recording. No entry can do this: it reads the truth. Where many segments fill their recording,
               it shows how much of a score says which classes occur, and not where.
length_prior   knows the training segments alone: each class is laid end to end over the recording, in equal
               segments nearest to the median length of the class in training.
random         draws segments of each class at the rate of training (segments per second), with lengths from
               training, at random places, with random scores; the mean of five draws, the same everywhere.

All scores of a class are equal in the first two. Equal scores form one threshold, so no order is drawn.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from bench.kinds.kind import Floor
from bench.metrics.segments import clean
from bench.recordings import Detections, Recording
from bench.tasks import Task

DRAWS = 5


Answer = Callable[[Recording, int], Detections]
"""(test recording, draw) -> its detections."""
ByClass = list[Float[np.ndarray, " S"]]


def know_classes(task: Task, _train: Sequence[Recording]) -> Answer:
    """Answer every class that occurs in a recording, over all of it."""

    def answer(recording: Recording, _draw: int) -> Detections:
        labels = np.unique(clean(task.segments(recording)).labels)
        return _detections({int(label): np.array([[0.0, _seconds(recording)]]) for label in labels})

    return answer


def know_lengths(task: Task, train: Sequence[Recording]) -> Answer:
    """Lay segments of the median length of each class end to end."""
    medians = {k: float(np.median(some)) for k, some in enumerate(_lengths(task, train)) if len(some)}

    def answer(recording: Recording, _draw: int) -> Detections:
        end, bounds = _seconds(recording), {}
        for label, median in medians.items():
            edges = np.linspace(0, end, max(1, round(end / median)) + 1)
            bounds[label] = np.column_stack([edges[:-1], edges[1:]])
        return _detections(bounds)

    return answer


def know_nothing(task: Task, train: Sequence[Recording]) -> Answer:
    """Draw segments of each class, at the rate and with the lengths of training, at random places."""
    lengths, trained = _lengths(task, train), sum(map(_seconds, train))

    def answer(recording: Recording, draw: int) -> Detections:
        rng = np.random.default_rng([draw, zlib.crc32(recording.id.encode())])
        end, bounds = _seconds(recording), {}
        for label, some in enumerate(lengths):
            if len(some):
                length = np.minimum(rng.choice(some, rng.poisson(len(some) * end / trained)), end)
                start = rng.uniform(0, 1, len(length)) * (end - length)
                bounds[label] = np.column_stack([start, start + length])
        detections = _detections(bounds)
        return replace(detections, scores=rng.uniform(0, 1, len(detections.labels)))

    return answer


FLOORS = (
    Floor("true_classes", "true classes over whole recordings", 1, know_classes),
    Floor("length_prior", "length prior", 1, know_lengths),
    Floor("random", "random", DRAWS, know_nothing),
)


def _seconds(recording: Recording) -> float:
    return recording.frames / recording.fps


def _lengths(task: Task, train: Sequence[Recording]) -> ByClass:
    """Return the lengths of the true training segments of each class, in seconds."""
    lengths: list[list[float]] = [[] for _ in task.classes]
    for segments in (clean(task.segments(recording)) for recording in train):
        for label, (start, end) in zip(segments.labels, segments.bounds, strict=True):
            lengths[label].append(end - start)
    return [np.array(some) for some in lengths]


def _detections(bounds: Mapping[int, Float[np.ndarray, "_ 2"]]) -> Detections:
    """Return segments, by label, that are all equally sure."""
    labels = [np.full(len(some), label) for label, some in bounds.items()]
    return Detections(
        np.concatenate([np.zeros((0, 2)), *bounds.values()]),
        np.concatenate([np.zeros(0, dtype=np.int64), *labels]),
        np.ones(sum(map(len, labels))),
    )

"""Continuous recordings cut into overlapping clips, with their annotations carried over.

As the RatSeizure paper does: clips of ten seconds, one every five. An episode is a stretch in which segments
touch or overlap; one that lasts less than five seconds is marked, because the paper counts no such seizure.
What is left at the end of a recording and fills no clip is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from bench.errors import UsageError
from bench.recordings import Recording, Segments


@dataclass(frozen=True)
class Cut:
    """How a recording is cut; all in seconds. Raises `UsageError` where that cannot be."""

    seconds: float = 10.0
    """Of a clip."""
    every: float = 5.0
    """From the start of a clip to that of the next."""
    shortest: float = 5.0
    """An episode that is shorter is marked."""

    def __post_init__(self) -> None:
        faults = [
            f"{name} {value:g}, expected more than 0" for name, value in vars(self).items() if not value > 0
        ]
        if faults:
            raise UsageError("clips cannot be cut so", faults)

    def count(self, seconds: float) -> int:
        """Return how many clips a recording of so many seconds has."""
        return max(0, math.floor((seconds - self.seconds) / self.every + 1e-6) + 1)

    def starts(self, frames: int, fps: float) -> list[int]:
        """Return the first frame of every clip."""
        length, number = self.frames(fps), 0
        starts: list[int] = []
        while (start := round(number * self.every * fps)) + length <= frames:
            starts.append(start)
            number += 1
        return starts

    def frames(self, fps: float) -> int:
        """Return the frames of a clip."""
        return round(self.seconds * fps)


CUT = Cut()


def clip_id(name: str, number: int) -> str:
    """Return the id of a clip of a recording or video, from 0."""
    return f"{name}-{number:03d}"


def clips(recording: Recording, cut: Cut = CUT) -> Iterator[Recording]:
    """Yield the clips of a recording; its group is theirs, so that no two sides of a split share one."""
    length = cut.frames(recording.fps)
    for number, start in enumerate(cut.starts(recording.frames, recording.fps)):
        span = slice(start, start + length)
        poses = None if recording.keypoints is None else recording.keypoints[span]
        sure = None if recording.confidence is None else recording.confidence[span]
        features = None if recording.features is None else recording.features[span]
        segments = None
        if recording.segments is not None:
            bounds, kept = carry(recording.segments.bounds, start / recording.fps, cut.seconds)
            segments = Segments(bounds, recording.segments.labels[kept], recording.segments.classes)
        yield replace(
            recording,
            id=clip_id(recording.id, number),
            labels=recording.labels[span],
            annotated=recording.annotated[span],
            keypoints=poses,
            confidence=sure,
            features=features,
            segments=segments,
        )


def carry(
    bounds: Float[np.ndarray, "S 2"], start: float, seconds: float
) -> tuple[Float[np.ndarray, "K 2"], Bool[np.ndarray, " S"]]:
    """Return the segments that a clip shows, cut to it and in its own seconds, and which ones they are."""
    own = np.clip(bounds - start, 0, seconds)
    kept = own[:, 0] < own[:, 1]
    return own[kept], kept


def episodes(bounds: Float[np.ndarray, "S 2"]) -> Float[np.ndarray, " S"]:
    """Return how long the episode of each segment lasts, in seconds.

    >>> episodes(np.array([[7.0, 9.0], [0.0, 3.0], [3.0, 4.0], [1.0, 2.0]])).tolist()
    [2.0, 4.0, 4.0, 4.0]
    """
    order = np.argsort(bounds[:, 0], kind="stable")
    ends = np.maximum.accumulate(bounds[order, 1])
    first = np.ones(len(order), dtype=bool)
    first[1:] = bounds[order[1:], 0] > ends[:-1]
    episode = np.cumsum(first) - 1
    lengths = (
        ends[np.append(np.flatnonzero(first)[1:] - 1, len(order) - 1)] - bounds[order[first], 0]
        if len(order)
        else ends
    )
    result = np.empty(len(order))
    result[order] = lengths[episode]
    return result

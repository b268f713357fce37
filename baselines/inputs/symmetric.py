"""Geometry that is the same whichever animal is called the first, and its statistics over long windows.

Trackers of animals that look alike swap their identities. Of every scalar of `geometry.egocentric` the lowest
and the highest over the animals, or pairs of them, stay the same when they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float32, Float64

from baselines.inputs.geometry import egocentric, mean_and_deviation
from baselines.inputs.poses import keypoints_of
from bench.recordings import Recording

OWN, TOWARD, BETWEEN = 8, 5, 5
"""Scalars of each animal, of each ordered pair and of each pair, in the order of `egocentric`."""
TREND = (3.0, 15.0)
"""Seconds: windows in these bounds also say what follows less what went before."""


def described(
    recording: Recording, windows: Sequence[float], step: float, every: int
) -> Float32[np.ndarray, "R F"]:
    """Describe one of every so many frames.

    The columns are scalars, their statistics over windows, what differs from the whole recording, and mean
    postures. `windows` and `step`, from one pose to the next for a speed, are seconds. NaN where what would
    be needed was never seen.
    """
    keypoints = keypoints_of(recording)
    animals = keypoints.shape[1]
    postures, scalars = egocentric(keypoints, max(1, round(step * recording.fps)))
    ends = list(lowest_and_highest(scalars, animals))
    if recording.confidence is not None:
        sure = recording.confidence.mean(axis=2, dtype=np.float64)
        ends += [sure.min(axis=1, keepdims=True), sure.max(axis=1, keepdims=True)]
    same = np.concatenate(ends, axis=1)
    columns = [same, *_statistics(same, windows, recording.fps)]
    reach = round(min(windows) * recording.fps / 4)
    columns.append(mean_and_deviation(postures, reach, reach)[0])
    return np.concatenate([column[::every].astype(np.float32) for column in columns], axis=1)


def _statistics(
    scalars: Float64[np.ndarray, "T S"], windows: Sequence[float], fps: float
) -> Iterator[Float64[np.ndarray, "T S"]]:
    """Yield means, deviations and trends over each window, and what differs from the whole recording."""
    for seconds in windows:
        reach = round(seconds * fps / 2)
        yield from mean_and_deviation(scalars, reach, reach)
        if TREND[0] <= seconds <= TREND[1]:
            yield mean_and_deviation(scalars, 0, reach)[0] - mean_and_deviation(scalars, reach, 0)[0]
    whole = mean_and_deviation(scalars, len(scalars), len(scalars))[0]
    reach = round(sorted(windows)[len(windows) // 3] * fps / 2)
    yield mean_and_deviation(scalars, reach, reach)[0] - whole


def lowest_and_highest(
    scalars: Float64[np.ndarray, "T S"], animals: int
) -> Iterator[Float64[np.ndarray, "T _"]]:
    """Yield the lowest and the highest of each scalar over animals, ordered pairs and pairs."""
    kinds: tuple[list[Float64[np.ndarray, "T _"]], ...] = ([], [], [])
    start = 0
    for i in range(animals):
        for kind, size, count in zip(
            kinds, (OWN, TOWARD, BETWEEN), (1, animals - 1, animals - 1 - i), strict=True
        ):
            for _ in range(count):
                kind.append(scalars[:, start : start + size])
                start += size
    for kind in kinds:
        if len(kind) == 1:
            yield kind[0]
        elif kind:
            yield np.fmin.reduce(kind)
            yield np.fmax.reduce(kind)

"""Geometry of a frame and of what came before it: no number depends on a later frame.

The columns are those of `symmetric.described` as far as they can be. Speeds are half a step late, as they
compare a frame with an earlier one; a keypoint that was lost is held where it was last seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Float64

from baselines.inputs.geometry import egocentric
from baselines.inputs.poses import keypoints_of
from baselines.inputs.symmetric import lowest_and_highest
from bench.recordings import Recording


def trailing(
    x: Float[np.ndarray, "T S"], rows: int
) -> tuple[Float64[np.ndarray, "T S"], Float64[np.ndarray, "T S"]]:
    """Return mean and standard deviation of the last so many rows; NaN left out, NaN where nothing is known.

    Rows are counted before t: the window is `[t - rows, t]`. Sums begin at the first known value of a column,
    so that squares do not cancel.
    """
    known = np.isfinite(x)
    first = np.where(known.any(axis=0), x[known.argmax(axis=0), np.arange(x.shape[1])], 0.0)
    centred = np.where(known, x - first, 0.0)
    start = np.maximum(np.arange(len(x)) - rows, 0)

    def total(values: np.ndarray) -> Float64[np.ndarray, "T S"]:
        sums = np.zeros((len(values) + 1, values.shape[1]))
        np.cumsum(values, axis=0, out=sums[1:])
        return sums[1:] - sums[start]

    count = total(known)
    safe = np.maximum(count, 1)
    mean = total(centred) / safe
    deviation = np.sqrt(np.maximum(total(centred**2) / safe - mean**2, 0))
    nothing = count == 0
    return np.where(nothing, np.nan, mean + first), np.where(nothing, np.nan, deviation)


def described_so_far(
    recording: Recording, windows: Sequence[float], step: float, every: int
) -> Float32[np.ndarray, "R F"]:
    """Describe one of every so many frames by it and the frames before it.

    The columns are scalars, their statistics over windows that end at the frame, what differs from the
    recording so far, and mean postures. `windows` and `step` are seconds.
    """
    raw = keypoints_of(recording)
    late = max(1, round(step * recording.fps / 2))
    postures, scalars = egocentric(_held(raw), late)
    scalars = np.concatenate([np.full((late, scalars.shape[1]), np.nan), scalars])[: len(scalars)]
    ends = [*lowest_and_highest(scalars, raw.shape[1])]
    seen = np.isfinite(raw[..., 0]).mean(axis=2)
    shares = [seen] if recording.confidence is None else [seen, recording.confidence.mean(axis=2)]
    for share in shares:
        ends += [share.min(axis=1, keepdims=True), share.max(axis=1, keepdims=True)]
    same = np.concatenate(ends, axis=1)
    columns = [same]
    for seconds in windows:
        columns += trailing(same, round(seconds * recording.fps))
    middle = round(sorted(windows)[len(windows) // 3] * recording.fps)
    columns.append(trailing(same, middle)[0] - trailing(same, len(same))[0])
    columns.append(trailing(postures, round(min(windows) * recording.fps / 2))[0])
    return np.concatenate([column[::every].astype(np.float32) for column in columns], axis=1)


def _held(keypoints: Float32[np.ndarray, "T A K 2"]) -> Float32[np.ndarray, "T A K 2"]:
    """Hold lost keypoints where they were last seen; before that they are at 0."""
    flat = keypoints.reshape(len(keypoints), -1)
    frame = np.arange(len(flat))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(flat), 0, frame), axis=0)
    held = np.take_along_axis(flat, last, axis=0)
    return np.where(np.isnan(held), np.float32(0), held).reshape(keypoints.shape)

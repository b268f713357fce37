"""Geometry of animals as each of them sees it, and its statistics over time; no names of keypoints needed.

Every animal carries a frame of its own: the origin is the mean of its keypoints, the first axis points from
the mean of the second half of its keypoints to that of the first half. Skeletons are listed from nose
to tail, so this is the body axis; in another order it is still an axis that turns with the body. What
depends on keypoints that were never seen is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

Channels = Float64[np.ndarray, "T _"]


def interpolated(keypoints: Float32[np.ndarray, "T A K 2"]) -> Float64[np.ndarray, "T A K 2"]:
    """Fill lost keypoints on the line between the last and the next sighting; hold them before and after.

    One that is never seen stays NaN.
    """
    filled = keypoints.astype(np.float64).reshape(len(keypoints), -1)
    frame = np.arange(len(filled))
    for column in filled.T:  # views: what is written here is written there
        known = np.isfinite(column)
        if known.any() and not known.all():
            column[~known] = np.interp(frame[~known], frame[known], column[known])
    return filled.reshape(keypoints.shape)


def egocentric(keypoints: Float32[np.ndarray, "T A K 2"], step: int) -> tuple[Channels, Channels]:
    """Return postures and scalars of every frame, in pixels, radians and shares; speeds per frame.

    Postures are the keypoints of every animal in the frame of every animal. Scalars are, of each animal,
    speed forwards and sideways, turning, length, spread, change of posture and share of keypoints seen;
    of each ordered pair, how near the front of one is to the other, in which direction the other lies and
    how fast it is approached; of each pair, distances and the angle between the body axes.
    Speeds compare `step` frames later with `step` frames earlier.
    """
    xy = interpolated(keypoints)
    animals = range(xy.shape[1])
    half = max(xy.shape[2] // 2, 1)
    centre, front, back = (_mean(part) for part in (xy, xy[:, :, :half], xy[:, :, -half:]))  # (T, A, 2)
    axis = _unit(front - back) if xy.shape[2] > 1 else np.broadcast_to([1.0, 0.0], centre.shape)
    velocity = _change(centre, step)
    earlier, later = _around(len(xy), step)
    postures: list[Channels] = []
    scalars: list[Channels] = []
    for i in animals:
        postures += [_turned(xy[:, j] - centre[:, i, None], axis[:, i]) for j in animals]
        shape = postures[-len(animals) + i]
        scalars += [
            _turned(velocity[:, i, None], axis[:, i]),
            _angle(axis[earlier, i], axis[later, i]),
            _length(front[:, i] - back[:, i]),
            np.sqrt(_mean((shape**2)[:, :, None])),
            _mean(np.abs(_change(shape, step))[:, :, None]),
            np.isfinite(keypoints[:, i, :, 0]).mean(axis=1, keepdims=True),
        ]
        scalars += [
            channel
            for j in animals
            if j != i
            for channel in _toward(front[:, i], velocity[:, i], axis[:, i], centre[:, i], xy[:, j])
        ]
        for j in animals[i + 1 :]:
            between = np.concatenate([_length(p[:, i] - p[:, j]) for p in (centre, front, back)], axis=1)
            scalars += [between, _angle(axis[:, i], axis[:, j])]
    return np.concatenate(postures, axis=1), np.concatenate(scalars, axis=1)


def mean_and_deviation(
    x: Float[np.ndarray, "T S"], before: int, after: int
) -> tuple[Float64[np.ndarray, "T S"], Float64[np.ndarray, "T S"]]:
    """Return mean and standard deviation over `[t - before, t + after]`.

    NaN and what lies beyond the ends is left out; where nothing remains, both are NaN. The time does not
    depend on the width: both are differences of cumulative sums.
    """
    known = np.isfinite(x)
    count = known.sum(axis=0)
    shift = np.where(known, x, 0).sum(axis=0) / np.maximum(count, 1)  # so that squares do not cancel
    centred = np.where(known, x - shift, 0)
    frame = np.arange(len(x))
    start, stop = np.maximum(frame - before, 0), np.minimum(frame + after + 1, len(x))

    def total(values: Float[np.ndarray, "T S"] | Bool[np.ndarray, "T S"]) -> Float64[np.ndarray, "T S"]:
        sums = np.zeros((len(values) + 1, values.shape[1]))
        np.cumsum(values, axis=0, out=sums[1:])
        return sums[stop] - sums[start]

    n = total(known)
    safe = np.maximum(n, 1)
    mean = total(centred) / safe
    variance = np.maximum(total(centred**2) / safe - mean**2, 0)
    nothing = n == 0
    return np.where(nothing, np.nan, mean + shift), np.where(nothing, np.nan, np.sqrt(variance))


def maximum(x: Float[np.ndarray, "T S"], reach: int) -> Float[np.ndarray, "T S"]:
    """Return the maximum over `[t - reach, t + reach]`, NaN left out.

    The time does not depend on the width: the window is the end of one block and the start of the next
    (van Herk 1992, Gil and Werman 1993).
    """
    width = 2 * reach + 1
    spare = -(len(x) + 2 * reach) % width
    padded = np.pad(x, ((reach, reach + spare), (0, 0)), constant_values=np.nan)
    blocks = padded.reshape(-1, width, x.shape[1])
    from_start = np.fmax.accumulate(blocks, axis=1).reshape(padded.shape)
    to_end = np.fmax.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].reshape(padded.shape)
    return np.fmax(to_end[: len(x)], from_start[width - 1 : width - 1 + len(x)])


def _toward(
    front: Float64[np.ndarray, "T 2"],
    velocity: Float64[np.ndarray, "T 2"],
    axis: Float64[np.ndarray, "T 2"],
    centre: Float64[np.ndarray, "T 2"],
    other: Float64[np.ndarray, "T K 2"],
) -> Iterator[Channels]:
    """Yield how one animal relates to another: nearest and last keypoint, direction, approach."""
    distances = _length(front[:, None] - other)[:, :, 0]  # (T, K)
    yield np.fmin.reduce(distances, axis=1)[:, None]
    yield distances[:, -1:]
    direction = _unit(_mean(other) - centre)
    yield _turned(direction[:, None], axis)
    yield (velocity * direction).sum(axis=1, keepdims=True)


def _mean(x: Float64[np.ndarray, "... K n"]) -> Float64[np.ndarray, "... n"]:
    """Average over K, leaving out NaN; NaN where there is nothing else."""
    known = np.isfinite(x)
    count = known.sum(axis=-2)
    return np.where(count > 0, np.where(known, x, 0).sum(axis=-2) / np.maximum(count, 1), np.nan)


def _length(x: Float64[np.ndarray, "... 2"]) -> Float64[np.ndarray, "... 1"]:
    return np.sqrt((x**2).sum(axis=-1, keepdims=True))


def _unit(x: Float64[np.ndarray, "... 2"]) -> Float64[np.ndarray, "... 2"]:
    return x / np.maximum(_length(x), 1e-9)


def _turned(points: Float64[np.ndarray, "T K 2"], axis: Float64[np.ndarray, "T 2"]) -> Channels:
    """Return the points along and across an axis."""
    x, y = points[..., 0], points[..., 1]
    cos, sin = axis[:, :1], axis[:, 1:]
    return np.concatenate([x * cos + y * sin, y * cos - x * sin], axis=1)


def _angle(a: Float64[np.ndarray, "T 2"], b: Float64[np.ndarray, "T 2"]) -> Channels:
    """Return cosine and sine of the angle from one axis to another."""
    return _turned(b[:, None], a)


def _change(x: Float64[np.ndarray, "T ..."], step: int) -> Float64[np.ndarray, "T ..."]:
    """Return the change per frame from `step` frames earlier to `step` frames later, less far at the ends."""
    earlier, later = _around(len(x), step)
    elapsed = np.maximum(later - earlier, 1).reshape(-1, *(1 for _ in x.shape[1:]))
    return (x[later] - x[earlier]) / elapsed


def _around(frames: int, step: int) -> tuple[Int64[np.ndarray, " T"], Int64[np.ndarray, " T"]]:
    frame = np.arange(frames)
    return np.maximum(frame - step, 0), np.minimum(frame + step, frames - 1)

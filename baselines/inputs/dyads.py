"""Two animals as the winner of MABe 2021 saw them: each in its own frame, how one moves, how far points are.

Reference: the challenge entry of Benjamin Wild (nebw/mabe, commit 2f8d4c4, MIT). Ours: the walls are those of
the image; the first frame, which has no motion, has that of the second; lost keypoints lie on the line
between their sightings, and one that is never seen is in the middle of the image.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64

from baselines.inputs.geometry import interpolated
from baselines.inputs.poses import keypoints_of
from bench.errors import DataError
from bench.recordings import Recording

EXTRA = 4
"""Numbers of a frame that say when and where it is."""
START, END, WALL = 1500.0, 2300.0, 465.0
"""Frames, frames and pixels over which they saturate."""


def both(recording: Recording, image: tuple[int, int]) -> Float64[np.ndarray, "T 2 K 2"]:
    """Return the keypoints of two animals in pixels, lost ones filled.

    Raises `DataError` where there are not two animals.
    """
    keypoints = keypoints_of(recording)
    if keypoints.shape[1] != 2:
        raise DataError(
            "a model looks at two animals",
            [f"{recording.id}: {keypoints.shape[1]}, expected 2"],
            hint="choose a task of two animals, or another baseline",
        )
    filled = interpolated(keypoints)
    return np.where(np.isnan(filled), np.array(image, dtype=np.float64) / 2, filled)


def width(keypoints: int) -> int:
    """Return the number of features of a frame, F, for so many keypoints of an animal."""
    return 4 * keypoints + 9


def features(xy: Float64[np.ndarray, "T 2 K 2"], neck: int, tail: int) -> Float64[np.ndarray, "T1 F"]:
    """Return the features of every frame but the first, T1 of them.

    Both animals in their own frames, all x, then all y; of the first its speed along its body, times its
    length, and cosine and sine of its turn; where neck and tail of the second lie in its frame, and how far.
    """
    necks, tails = xy[:, :, neck], xy[:, :, tail]
    axis, middle = necks - tails, (necks + tails) / 2
    angle = np.arctan2(axis[..., 1], axis[..., 0])  # (T, 2)
    own = _turned(xy - middle[:, :, None], -angle[:, :, None])
    shapes = own.transpose(0, 1, 3, 2).reshape(len(xy), -1)
    speed = (axis[1:, 0] * np.diff(xy[:, 0].mean(axis=1), axis=0)).sum(axis=1)
    turn = np.diff(angle[:, 0])
    motion = np.stack([speed, np.cos(turn), np.sin(turn)], axis=1)
    others = [_toward(necks[:, 0], end, angle[:, 0]) for end in (necks[:, 1], tails[:, 1])]
    return np.concatenate([shapes[1:], motion, *(other[1:] for other in others)], axis=1)


def when_and_where(
    xy: Float64[np.ndarray, "T 2 K 2"], neck: int, tail: int, image: tuple[int, int]
) -> Float64[np.ndarray, "T1 4"]:
    """Return how near start and end of the recording and the walls are, of the same frames."""
    frame, frames = np.arange(len(xy) - 1), len(xy) - 1
    middle = (xy[1:, :, neck] + xy[1:, :, tail]) / 2
    walls = np.linalg.norm(np.minimum(middle, np.array(image) - middle), axis=2)
    times = [np.tanh(frame / START), np.tanh((frames - frame) / END)]
    return np.concatenate([np.stack(times, axis=1), np.tanh(walls / WALL)], axis=1)


def log_distances(xy: Float64[np.ndarray, "T 2 K 2"]) -> Float64[np.ndarray, "T1 P"]:
    """Return log(1 + distance) of all pairs of the points of both animals, of the same frames."""
    points = xy[1:].reshape(len(xy) - 1, -1, 2)
    one, other = np.triu_indices(points.shape[1], 1)
    return np.log1p(np.linalg.norm(points[:, one] - points[:, other], axis=2))


def from_the_second(rows: Float[np.ndarray, "T1 F"]) -> Float32[np.ndarray, "T F"]:
    """Return a row for every frame: the first frame has that of the second; of one frame alone, zeros."""
    if not len(rows):
        return np.zeros((1, rows.shape[1]), np.float32)
    return np.concatenate([rows[:1], rows]).astype(np.float32)


def _toward(
    here: Float64[np.ndarray, "T 2"], there: Float64[np.ndarray, "T 2"], angle: Float64[np.ndarray, " T"]
) -> Float64[np.ndarray, "T 3"]:
    """Return the direction from one point to another in a frame that is turned, and their distance."""
    distance = np.linalg.norm(there - here, axis=1, keepdims=True)
    return np.concatenate([_turned((there - here) / np.maximum(distance, 1e-9), -angle), distance], axis=1)


def _turned(
    xy: Float64[np.ndarray, "*B 2"], angle: Float64[np.ndarray, "*#B"]
) -> Float64[np.ndarray, "*B 2"]:
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = xy[..., 0], xy[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)

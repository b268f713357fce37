"""Pictures of animals: a square around each animal, by its keypoints, cut out of the frames of a video.

Frame i of the poses is frame i of the video. The side of a square is the same in all frames of a recording,
so that an animal that stretches does not shrink; it is large enough to show what is around the animal.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from baselines.inputs.poses import keypoints_of
from baselines.inputs.video import Frame, Video, frames, probe
from bench.errors import DataError
from bench.recordings import Recording

Picture = UInt8[np.ndarray, "S S 3"]


def squares_of(keypoints: Float[np.ndarray, "T A K 2"], span: float) -> Float[np.ndarray, "T A 3"]:
    """Return left, top and side of the square around each animal, in pixels of keypoints.

    The side is `span` times the median extent of the animal. Its middle is the mean of the keypoints that are
    detected; in between it moves evenly. An animal that is never detected has squares of NaN.
    """
    flat = keypoints.astype(np.float64)
    known: Bool[np.ndarray, "T A K"] = np.logical_not(np.isnan(flat).any(axis=3))
    made = np.full((*keypoints.shape[:2], 3), np.nan)
    place = np.arange(len(flat))
    for animal in range(flat.shape[1]):
        seen = known[:, animal].any(axis=1)
        if not seen.any():
            continue
        points = flat[seen, animal]
        middle = np.nanmean(points, axis=1)  # (N, 2)
        extent = np.nanmax(points, axis=1) - np.nanmin(points, axis=1)
        side = max(1.0, span * float(np.median(extent.max(axis=1))))
        for axis in range(2):
            made[:, animal, axis] = np.interp(place, place[seen], middle[:, axis]) - side / 2
        made[:, animal, 2] = side
    return made


def video_for(path: Path, recording: Recording) -> Video:
    """Return the video of a recording; raise `DataError` where it is shorter than the poses."""
    video = probe(path)
    if video.frames < recording.frames:
        raise DataError(
            f"{path} is shorter than its poses",
            [f"{recording.id}: {video.frames:,} frames, expected {recording.frames:,} as the poses have"],
            hint="put the whole video there, or the poses of this one",
        )
    return video


def pictures(
    path: Path,
    recording: Recording,
    image: tuple[int, int],
    chosen: Bool[np.ndarray, "T A"],
    size: int,
    span: float,
) -> Iterator[Picture]:
    """Yield the pictures that are chosen, frame by frame and animal by animal, `size` pixels wide.

    `image` is the width and height in which keypoints are. Beyond the frame a picture is black, and all of it
    where the animal is never detected. Raises `DataError` where the video is shorter than the poses, or a
    frame that comes before the last one that is chosen cannot be decoded.
    """
    video = video_for(path, recording)
    squares = squares_of(keypoints_of(recording), span) * (video.width / image[0])
    wanted = np.flatnonzero(chosen.any(axis=1))
    stop = int(wanted[-1]) + 1 if len(wanted) else 0
    for place, frame in enumerate(islice(frames(video), stop)):
        for animal in np.flatnonzero(chosen[place]):
            yield _cut(frame, squares[place, animal], size)


def _cut(frame: Frame, square: Float[np.ndarray, 3], size: int) -> Picture:
    if np.isnan(square).any():
        return np.zeros((size, size, 3), np.uint8)
    left, top, side = square
    whole = max(1, round(float(side)))
    moved = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
    cut = cv2.warpAffine(frame, moved, (whole, whole))
    return np.asarray(cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA))

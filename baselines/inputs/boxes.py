"""Where an animal is in a video: a square box around it in every frame, by what differs from the background.

A camera that does not move sees the background most of the time: its picture is the median over frames. Where
the cage mirrors the animal, a mask says which part of the picture is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import gaussian_filter1d
from tqdm import tqdm

from baselines.inputs.video import Frame, Video, frames
from bench.errors import DataError

Grey = UInt8[np.ndarray, "H W"]
Box = Float[np.ndarray, "4"]
"""Left, top, right, bottom in pixels; right and bottom are outside."""
Detector = Callable[[Frame], Box | None]
"""A frame -> the box around the animal; None where it is not seen."""
SAMPLED = 49
"""Frames whose median is the background."""
LEAST_CONTRAST = 12
"""Grey levels that an animal differs from the background by, at least."""
LEAST_AREA = 3e-4
"""Share of the picture that an animal covers, at least."""
MARGIN = 50.0
"""Pixels that a box is enlarged by to each side, as the RatSeizure paper does."""
SECONDS = 0.25
"""Deviation of the Gaussian that boxes are smoothed by over time."""


def read_mask(path: Path, video: Video) -> Bool[np.ndarray, "H W"]:
    """Read a picture whose white part is not looked at; raise `DataError` where it is of another size."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    expected = (video.height, video.width)
    if picture is None or picture.shape != expected:
        found = "no picture" if picture is None else f"{picture.shape[1]} x {picture.shape[0]} pixels"
        raise DataError(
            f"{path} is no mask of {video.path}",
            [f"{found}, expected {video.width} x {video.height} pixels"],
            hint="draw the mask over a picture of the video: white is not looked at",
        )
    return np.asarray(picture > 127)


def background(video: Video) -> Grey:
    """Return the median of frames that are spread over a video, in grey."""
    wanted = set(np.linspace(0, video.frames - 1, min(SAMPLED, video.frames)).astype(int).tolist())
    bar = tqdm(frames(video), "background", video.frames, unit=" frames", leave=False, disable=None)
    kept = [_grey(frame) for place, frame in enumerate(bar) if place in wanted]
    return np.asarray(np.median(np.stack(kept), axis=0).astype(np.uint8))


def by_background(empty: Grey, mask: Bool[np.ndarray, "H W"] | None = None) -> Detector:
    """Return what finds the largest thing that differs from the background, outside the mask."""
    least = LEAST_AREA * empty.size
    kernel = np.ones((3, 3), np.uint8)

    def detect(frame: Frame) -> Box | None:
        apart = cv2.absdiff(_grey(frame), empty)
        difference = cv2.GaussianBlur(apart, (5, 5), 0)
        if mask is not None:
            difference[mask] = 0
        level, _ = cv2.threshold(difference, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        above = (difference > max(level, LEAST_CONTRAST)).astype(np.uint8)
        _, _, regions, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(above, cv2.MORPH_OPEN, kernel))
        largest = max(regions[1:].tolist(), key=lambda region: region[cv2.CC_STAT_AREA], default=None)
        if largest is None or largest[cv2.CC_STAT_AREA] < least:
            return None
        left, top, width, height, _ = largest
        return np.array([left, top, left + width, top + height], dtype=np.float64)

    return detect


def boxes(video: Video, detect: Detector) -> Float[np.ndarray, "T 4"]:
    """Return the box of every frame, NaN where no animal is seen; raise `DataError` where none ever is."""
    nowhere = np.full(4, np.nan)
    bar = tqdm(frames(video), "animal", video.frames, unit=" frames", leave=False, disable=None)
    found = np.stack([nowhere if (box := detect(frame)) is None else box for frame in bar])
    if np.isnan(found).all():
        raise DataError(
            f"{video.path}: no animal in view",
            [f"nothing in {video.frames:,} frames differs from the background"],
            hint=f"bench features {video.path} --out FOLDER --whole looks at the whole picture; else look at "
            "the video, and at the mask where one is given",
        )
    return found


def squares(found: Float[np.ndarray, "T 4"], fps: float, margin: float = MARGIN) -> Float[np.ndarray, "T 4"]:
    """Return square boxes, enlarged and smoothed over time; where no animal is seen they move evenly."""
    place = np.arange(len(found))
    known = ~np.isnan(found).any(axis=1)
    filled = np.stack([np.interp(place, place[known], column[known]) for column in found.T], axis=1)
    middle = (filled[:, :2] + filled[:, 2:]) / 2
    half = (filled[:, 2:] - filled[:, :2]).max(axis=1, keepdims=True) / 2 + margin
    smooth = gaussian_filter1d(np.concatenate([middle, half], axis=1), SECONDS * fps, axis=0, mode="nearest")
    return np.concatenate([smooth[:, :2] - smooth[:, 2:], smooth[:, :2] + smooth[:, 2:]], axis=1)


def crops(
    video: Video,
    square: Float[np.ndarray, "T 4"],
    size: int,
    start: int = 0,
    mask: Bool[np.ndarray, "H W"] | None = None,
) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """Yield what is in the box of each frame from `start` on; black beyond the picture and in the mask."""
    for frame, box in zip(frames(video, start), islice(square, start, None), strict=True):
        if mask is not None:
            frame[mask] = 0
        scale = size / (box[2] - box[0])
        move = np.array([[scale, 0, -scale * box[0]], [0, scale, -scale * box[1]]])
        yield cv2.warpAffine(frame, move, (size, size), flags=cv2.INTER_AREA)


def _grey(frame: Frame) -> Grey:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))

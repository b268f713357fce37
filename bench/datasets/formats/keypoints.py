"""Poses as every reader gives them: what stands for "not there", and which frame a row is of.

Programs write an animal or a keypoint that was not found as an empty cell or NaN, as x = y = -1 with a
confidence of -1 (DeepLabCut 3 pads absent animals so), or as x = y = 0 with no confidence. All are NaN here.

Source: DeepLabCut 3, `PadOutputs` of `pose_estimation_pytorch/data/postprocessor.py`; SimBA writes 0, 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

_FAR = 0.1
"""Of the image's width or height: how far outside a position may be and still be said to be at its edge."""
_NEAR = 0.25
"""Of a frame: how far from a whole frame the time of a row may be, as times are rounded when written."""


@dataclass(frozen=True)
class Poses:
    """What one file holds."""

    individuals: tuple[str, ...]
    """Names of the animals; ("individual",) where the file is of one animal and names none."""
    keypoints: tuple[str, ...]
    xy: Float32[np.ndarray, "T A K 2"]
    """Pixels; NaN = not found."""
    likelihood: Float32[np.ndarray, "T A K"]
    """As the file says, in [0, 1] of most trackers; NaN = not found."""
    through_pandas: bool = False
    """Whether the table went through pandas: perhaps an excerpt."""
    fps: float | None = None
    """Frames per second, where the file says it."""
    row_rate: float | None = None
    """Rows per second by the times of the rows, where the file has them and no frame rate."""
    notes: tuple[str, ...] = ()
    """What the reader decided."""


def poses_of(
    individuals: Sequence[str],
    keypoints: Sequence[str],
    xy: Float[np.ndarray, "T A K 2"],
    likelihood: Float[np.ndarray, "T A K"],
    notes: Sequence[str] = (),
) -> Poses:
    """Return the poses of a file, where whatever stands for "not found" has become NaN.

    A keypoint is lost where x or y is NaN, and at (-1, -1) or (0, 0) without a confidence above 0.
    """
    positions, sure = xy.astype(np.float32), likelihood > 0
    told = list(notes)
    lost = np.isnan(positions).any(axis=-1)
    for value in (-1, 0):
        placed = (positions == value).all(axis=-1)
        absent = placed & ~sure
        lost |= absent
        if absent.any():
            told.append(f"{absent.sum():,} keypoints at ({value}, {value}) without a confidence: not found")
        if kept := int((placed & sure).sum()):
            told.append(f"{kept:,} keypoints at exactly ({value}, {value}) with a confidence: kept")
    positions[lost] = np.nan
    scores = np.where(lost, np.nan, likelihood).astype(np.float32)
    return Poses(tuple(individuals), tuple(keypoints), positions, scores, notes=tuple(told))


def beyond_float32(values: np.ndarray) -> bool:
    """Whether a number is infinite, or would be in the precision of `Poses`."""
    return bool((np.abs(values) > np.finfo(np.float32).max).any())


def odd_values(poses: Poses, image: tuple[int, int]) -> list[str]:
    """Count positions far outside an image of this width and height, and confidences outside [0, 1].

    Far is more than a tenth of the image. Both are kept as they are: they may be what the tracker says.
    """
    size = np.array(image, dtype=np.float32)
    with np.errstate(invalid="ignore"):  # NaN is in no range
        far = int(((poses.xy < -_FAR * size) | (poses.xy > (1 + _FAR) * size)).any(axis=-1).sum())
        odd = int(((poses.likelihood < 0) | (poses.likelihood > 1)).sum())
    told = []
    if far:
        told.append(f"{far:,} keypoints far outside the image of {image[0]} x {image[1]} pixels: kept")
    if odd:
        told.append(f"{odd:,} confidences outside [0, 1]: kept")
    return told


def row_faults(frames: Float[np.ndarray, " T"]) -> list[str]:
    """Say how the frames that rows are of differ from 0, 1, 2, …; nothing where they do not.

    Labels are joined to poses by the frame, so a part of a video, or every second frame of it, would be
    joined to the labels of other frames.
    """
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~(np.abs(frames - np.arange(len(frames))) <= _NEAR))
    if not len(wrong):
        return []
    steps = np.diff(frames)
    even = len(steps) > 0 and bool(np.allclose(steps, steps[0], rtol=0, atol=_NEAR))
    if even and abs(steps[0] - 1) <= _NEAR:
        what = f"the frames {frames[0]:.0f} to {frames[-1]:.0f}: a part of a video"
    elif even and round(steps[0]) > 1:
        what = f"one frame of every {round(steps[0])}"
    else:
        what = f"row {wrong[0]} is of frame {frames[wrong[0]]:g}"
    return [f"rows that are not the frames 0, 1, 2, …: {what}; write all frames, the lost ones as empty rows"]

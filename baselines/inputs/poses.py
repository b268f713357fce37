"""What a model sees of one frame: the keypoints of all animals, scaled by the size of the image."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float32

from bench.errors import DataError
from bench.recordings import Recording, Skeleton


def columns(skeleton: Skeleton) -> int:
    """Return the number of pose features, F."""
    return len(skeleton.animals) * len(skeleton.keypoints) * 2


def pose_features(
    keypoints: Float32[np.ndarray, "T A K 2"],
    image: tuple[int, int],
    missing: Literal["held", "mean"] = "held",
    *,
    centred: bool = False,
) -> Float32[np.ndarray, "T F"]:
    """Return x / width and y / height, in the order (animal, keypoint, xy); F = A * K * 2.

    On the image the values are in [0, 1]; `centred`, 0.5 less. A keypoint that is not detected (NaN) is
    "held" where it was last seen, and is 0 before it was first seen: no frame reads a later one. On
    rat-dyads, which misses 36 % of its keypoints, zeros did worse: mean average precision 0.48 and not 0.52
    (conv1d, three seeds, 16,000 frames of 14 train videos, four epochs), judged on the validation videos; no
    test video was looked at.
    With "mean" it stays NaN, for `Scaled` to fill.
    """
    scaled = (keypoints / np.array(image, dtype=np.float32)).reshape(len(keypoints), -1)
    if centred:
        scaled = scaled - np.float32(0.5)
    if missing == "mean":
        return scaled
    frame = np.arange(len(scaled))[:, None]
    last_seen = np.maximum.accumulate(np.where(np.isnan(scaled), 0, frame), axis=0)
    held = np.take_along_axis(scaled, last_seen, axis=0)
    return np.where(np.isnan(held), np.float32(0), held)


def keypoints_of(recording: Recording) -> Float32[np.ndarray, "T A K 2"]:
    """Return the keypoints of a recording; raise `DataError` where it has none."""
    if recording.keypoints is None:
        raise DataError(
            "a model looks at poses",
            [f"{recording.id}: labels only, no poses"],
            hint="load the recordings with poses",
        )
    return recording.keypoints

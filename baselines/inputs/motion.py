"""What the motion encoder of LookAgain sees of a frame: keypoints, and how sure the tracker is of each."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from baselines.inputs.poses import keypoints_of
from bench.recordings import Recording


def known_poses(recording: Recording, image: tuple[int, int]) -> Float32[np.ndarray, "T F"]:
    """Return x / width, y / height and confidence of each keypoint of each animal; F = A * K * 3.

    A keypoint that was not detected is 0, 0 with confidence 0. Where the data set has no confidence, that of
    a detected keypoint is 1. Raises `DataError` where the recording has no poses.
    """
    keypoints = keypoints_of(recording)
    detected = ~np.isnan(keypoints).any(axis=3)
    scaled = np.where(detected[..., None], keypoints / np.array(image, dtype=np.float32), 0)
    confidence = detected if recording.confidence is None else np.where(detected, recording.confidence, 0)
    together = np.concatenate([scaled, np.nan_to_num(confidence)[..., None]], axis=3)
    return together.reshape(len(keypoints), -1).astype(np.float32)

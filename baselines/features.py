"""What a model sees of one frame: the keypoints of all animals, scaled by the size of the image."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32


def pose_features(
    keypoints: Float32[np.ndarray, "T A K 2"], image: tuple[int, int]
) -> Float32[np.ndarray, "T F"]:
    """Return x / width and y / height, in the order (animal, keypoint, xy); F = A * K * 2.

    On the image the values are in [0, 1]. A keypoint that was not detected becomes (0, 0)
    """
    scaled = keypoints / np.array(image, dtype=np.float32)
    return np.nan_to_num(scaled, nan=0.0).reshape(len(keypoints), -1)

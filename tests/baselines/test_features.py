"""Features of one frame: their order, their scale, and what becomes of lost keypoints."""

from __future__ import annotations

import numpy as np

from baselines.features import pose_features

IMAGE = (800, 500)


def test_order_is_animal_keypoint_xy_and_scale_is_the_image() -> None:
    keypoints = np.arange(4 * 2 * 3 * 2, dtype=np.float32).reshape(4, 2, 3, 2)
    features = pose_features(keypoints, IMAGE)
    assert features.shape == (4, 12)
    assert features.dtype == np.float32
    for t in range(4):
        for animal in range(2):
            for keypoint in range(3):
                x, y = keypoints[t, animal, keypoint]
                at = (animal * 3 + keypoint) * 2
                np.testing.assert_allclose(features[t, at : at + 2], [x / 800, y / 500], rtol=1e-6)


def test_a_lost_keypoint_is_the_origin_and_its_neighbours_stay() -> None:
    keypoints = np.full((3, 1, 2, 2), 100, np.float32)
    keypoints[1, 0, 1] = np.nan
    given = keypoints.copy()
    features = pose_features(keypoints, IMAGE)
    np.testing.assert_array_equal(features[1], np.float32([0.125, 0.2, 0, 0]))
    np.testing.assert_array_equal(features[0], np.float32([0.125, 0.2, 0.125, 0.2]))
    np.testing.assert_array_equal(keypoints, given)


def test_no_frame_depends_on_another() -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.normal(200, 50, (7, 2, 3, 2)).astype(np.float32)
    keypoints[rng.random((7, 2, 3)) < 0.4] = np.nan
    features = pose_features(keypoints, IMAGE)
    for t in range(7):
        np.testing.assert_array_equal(features[t : t + 1], pose_features(keypoints[t : t + 1], IMAGE))

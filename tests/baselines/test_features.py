"""Features of one frame: their order, their scale, and what becomes of lost keypoints."""

from __future__ import annotations

import numpy as np

from baselines.inputs.poses import pose_features

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


def test_centred_coordinates_are_those_from_the_middle_of_the_image() -> None:
    keypoints = np.full((3, 1, 2, 2), 100, np.float32)
    keypoints[0, 0, 1] = np.nan
    features = pose_features(keypoints, IMAGE, centred=True)
    np.testing.assert_allclose(features[:, :2], [[-0.375, -0.3]] * 3, rtol=1e-6)
    np.testing.assert_allclose(features[:, 2], [0, -0.375, -0.375], rtol=1e-6)


def test_a_lost_keypoint_stays_where_it_was_last_seen() -> None:
    x = np.array([np.nan, np.nan, 80, np.nan, np.nan, 160, np.nan], np.float32)
    keypoints = np.full((7, 1, 2, 2), 100, np.float32)
    keypoints[:, 0, 1] = x[:, None]
    given = keypoints.copy()
    features = pose_features(keypoints, IMAGE)
    np.testing.assert_array_equal(features[:, 2], np.float32([0, 0, 0.1, 0.1, 0.1, 0.2, 0.2]))
    np.testing.assert_allclose(features[:, 3], [0, 0, 0.16, 0.16, 0.16, 0.32, 0.32], rtol=1e-6)
    np.testing.assert_array_equal(features[:, :2], np.tile(np.float32([0.125, 0.2]), (7, 1)))
    np.testing.assert_array_equal(keypoints, given)


def test_what_is_filled_later_stays_nan() -> None:
    keypoints = np.full((3, 1, 2, 2), 100, np.float32)
    keypoints[1, 0, 1] = np.nan
    features = pose_features(keypoints, IMAGE, "mean")
    np.testing.assert_array_equal(features[1], np.float32([0.125, 0.2, np.nan, np.nan]))
    np.testing.assert_array_equal(np.isnan(features).sum(axis=1), [0, 2, 0])


def test_no_frame_depends_on_a_later_one() -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.normal(200, 50, (9, 2, 3, 2)).astype(np.float32)
    keypoints[rng.random((9, 2, 3)) < 0.4] = np.nan
    features = pose_features(keypoints, IMAGE)
    assert np.isfinite(features).all()
    for t in range(1, 9):
        np.testing.assert_array_equal(features[:t], pose_features(keypoints[:t], IMAGE))

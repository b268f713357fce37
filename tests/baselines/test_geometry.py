"""Geometry: free of where the cage lies, against loops in plain Python, with keypoints lost."""

from __future__ import annotations

import numpy as np
import pytest

from baselines.inputs.geometry import egocentric, interpolated, maximum, mean_and_deviation


def poses(frames: int = 41, animals: int = 2, keypoints: int = 5) -> np.ndarray:
    rng = np.random.default_rng(frames + animals)
    start = rng.normal(200, 40, (1, animals, keypoints, 2))
    return (start + rng.normal(0, 3, (frames, animals, keypoints, 2)).cumsum(axis=0)).astype(np.float32)


@pytest.mark.parametrize(("animals", "keypoints"), [(1, 1), (1, 7), (2, 1), (2, 5), (3, 4)])
def test_any_number_of_animals_and_keypoints(animals: int, keypoints: int) -> None:
    postures, scalars = egocentric(poses(13, animals, keypoints), 2)
    assert postures.shape == (13, animals**2 * keypoints * 2)
    pairs = animals * (animals - 1)
    assert scalars.shape == (13, animals * 8 + pairs * 5 + pairs // 2 * 5)
    assert np.isfinite(postures).all()
    assert np.isfinite(scalars).all()


def test_a_turned_and_moved_cage_looks_the_same_to_the_animals() -> None:
    xy = poses().astype(np.float64)
    turn = np.array([[np.cos(1.1), np.sin(1.1)], [-np.sin(1.1), np.cos(1.1)]])
    moved = (xy @ turn + [310, -45]).astype(np.float32)
    for here, there in zip(egocentric(xy.astype(np.float32), 3), egocentric(moved, 3), strict=True):
        np.testing.assert_allclose(here, there, atol=2e-3)


def test_an_animal_ahead_lies_on_the_first_axis() -> None:
    """The first animal looks along y, 30 px long; the other stands 100 px before it and comes nearer."""
    xy = np.zeros((9, 2, 2, 2), np.float32)
    xy[:, 0, :, 1] = [15, -15]  # nose, tail
    xy[:, 1] = xy[:, 0] + [0, 100]
    xy[:, 1, :, 1] -= 2 * np.arange(9)[:, None]
    postures, scalars = egocentric(xy, 1)
    np.testing.assert_allclose(postures[0], [15, -15, 0, 0, 115, 85, 0, 0, -85, -115, 0, 0, 15, -15, 0, 0])
    still, coming = scalars[4, :8], scalars[4, 18:26]
    np.testing.assert_allclose(still, [0, 0, 1, 0, 30, np.sqrt(112.5), 0, 1], atol=1e-12)
    np.testing.assert_allclose(coming, [-2, 0, 1, 0, 30, np.sqrt(112.5), 0, 1], atol=1e-12)
    # nearest and last keypoint from the nose, direction, approach
    np.testing.assert_allclose(scalars[4, 8:13], [62, 62, 1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(scalars[4, 26:], [92, 122, -1, 0, 2], atol=1e-12)
    # of the pair: centres, fronts, backs, angle
    np.testing.assert_allclose(scalars[4, 13:18], [92, 92, 92, 1, 0], atol=1e-12)


def test_lost_keypoints_are_interpolated_and_what_was_never_seen_stays_unknown() -> None:
    x = np.array([np.nan, 10, np.nan, np.nan, 40, np.nan], np.float32)
    xy = np.full((6, 1, 4, 2), [3, 8], np.float32)
    xy[:, 0, 1] = x[:, None]
    xy[:, 0, 2] = np.nan
    filled = interpolated(xy)
    np.testing.assert_array_equal(filled[:, 0, 1, 0], [10, 10, 20, 30, 40, 40])
    assert np.isnan(filled[:, 0, 2]).all()
    assert np.isnan(xy[0, 0, 1]).all(), "the recording is left as it was"
    postures, scalars = egocentric(xy, 1)
    assert np.isnan(postures).all(axis=0).tolist() == [False, False, True, False] * 2
    assert not np.isnan(scalars).any()
    np.testing.assert_allclose(scalars[:, 7], np.array([2, 3, 2, 2, 3, 2]) / 4)


def test_an_animal_that_is_never_seen_leaves_the_other_one_known() -> None:
    xy = poses()
    xy[:, 1] = np.nan
    postures, scalars = egocentric(xy, 2)
    assert np.isfinite(postures[:, :10]).all()
    assert np.isfinite(scalars[:, :8]).all()
    assert np.isnan(postures[:, 10:]).all()


@pytest.mark.parametrize(("before", "after"), [(0, 0), (3, 3), (0, 5), (4, 0), (50, 50)])
def test_window_statistics_equal_those_of_each_window(before: int, after: int) -> None:
    rng = np.random.default_rng(before)
    x = rng.normal(1e4, 1, (23, 3))  # far from zero: squares must not cancel
    x[rng.random(x.shape) < 0.2] = np.nan
    x[:, 2] = np.nan
    mean, deviation = mean_and_deviation(x, before, after)
    for t in range(23):
        for c in range(3):
            window = x[max(t - before, 0) : t + after + 1, c]
            window = window[np.isfinite(window)]
            if len(window):
                assert mean[t, c] == pytest.approx(window.mean(), abs=1e-9)
                assert deviation[t, c] == pytest.approx(window.std(), abs=1e-6)
            else:
                assert np.isnan([mean[t, c], deviation[t, c]]).all()


@pytest.mark.parametrize("reach", [0, 1, 4, 11, 60])
def test_the_maximum_equals_that_of_each_window(reach: int) -> None:
    rng = np.random.default_rng(reach)
    x = rng.normal(0, 1, (29, 3))
    x[rng.random(x.shape) < 0.3] = np.nan
    found = maximum(x, reach)
    for t in range(29):
        for c in range(3):
            window = x[max(t - reach, 0) : t + reach + 1, c]
            window = window[np.isfinite(window)]
            np.testing.assert_equal(found[t, c], window.max() if len(window) else np.nan)

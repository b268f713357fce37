"""Clusters of poses and egocentric features: without labels, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is in the extra `train`")

from baselines.contract import Data, Derived, Sizes, State
from baselines.extractors.egocentric import EGOCENTRIC, means, width
from baselines.models.pose_kmeans import POSE_KMEANS
from bench.errors import DataError
from bench.recordings import Recording

TRAIN = (("a", 211, 1), ("b", 157, 2), ("c", 303, 3))
TEST = (("d", 97, 4), ("e", 64, 5))
RECIPE = replace(POSE_KMEANS.recipe, clusters=6)
ASKED = places.question("clusters")


def learned(folder: Path, recordings: list[Recording] | None = None, seed: int = 3) -> State:
    made = recordings or [places.recording(*one) for one in TRAIN]
    run = places.run(POSE_KMEANS, ASKED, recipe=RECIPE, seed=seed)
    return POSE_KMEANS.learn(run, Data(train={"toy/all": made}, val={}), places.Place(folder / "none.pt"))


def clusters(state: State, folder: Path, recordings: list[Recording]) -> list[np.ndarray]:
    run = places.run(POSE_KMEANS, ASKED, recipe=RECIPE)
    return list(POSE_KMEANS.restore(run, state, places.Place(folder / "none.pt"))(recordings, ASKED))


def test_every_frame_has_a_cluster(tmp_path: Path) -> None:
    blind = [places.recording(*one).without_labels() for one in TEST]
    for one, ids in zip(TEST, clusters(learned(tmp_path), tmp_path, blind), strict=True):
        assert ids.shape == (one[1],)
        assert ids.dtype == np.int64
        assert ids.min() >= 0
        assert ids.max() < 6
        assert len(np.unique(ids)) > 1


def test_postures_apart_are_in_clusters_apart(tmp_path: Path) -> None:
    straight, bent = np.zeros((80, 2, 3, 2), np.float32), np.zeros((80, 2, 3, 2), np.float32)
    straight[:, :, :, 0] = bent[:, :, :, 0] = [90.0, 50.0, 0.0]
    bent[:, :, 1, 1] = 60.0
    rng = np.random.default_rng(0)
    made = replace(
        places.recording("a", 160, 1),
        keypoints=np.concatenate([straight, bent]) + rng.normal(0, 1, (160, 2, 3, 2)).astype(np.float32),
    )
    (ids,) = clusters(learned(tmp_path, [made]), tmp_path, [made])
    assert not set(ids[:80].tolist()) & set(ids[80:].tolist())


def test_neither_place_nor_direction_counts(tmp_path: Path) -> None:
    state, one = learned(tmp_path), places.recording(*TEST[0]).without_labels()
    turned = replace(one, keypoints=one.keypoints @ np.float32([[0, 1], [-1, 0]]) + np.float32([30, -70]))
    first, second = clusters(state, tmp_path, [one, turned])
    assert (first == second).mean() > 0.99


def test_labels_change_nothing_and_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    made = [places.recording(*one) for one in TRAIN]
    first = learned(tmp_path, made)
    assert places.same(first, learned(tmp_path, made))
    assert places.same(first, learned(tmp_path, [places.recording(*one).without_labels() for one in TRAIN]))
    assert not places.same(first, learned(tmp_path, made, seed=4))


def test_fewer_frames_than_clusters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        learned(tmp_path, [places.recording("a", 5, 1)])
    assert "5 training frames" in " ".join(caught.value.problems)


def test_a_keypoint_that_is_never_seen_is_at_the_mean(tmp_path: Path) -> None:
    state, one = learned(tmp_path), places.recording(*TEST[0]).without_labels()
    lost = one.keypoints.copy()
    lost[:, 1] = np.nan
    (ids,) = clusters(state, tmp_path, [replace(one, keypoints=lost)])
    assert len(ids) == TEST[0][1]


def test_it_is_not_causal_because_lost_keypoints_are_filled_from_later_frames(tmp_path: Path) -> None:
    one = places.recording(*TEST[0]).without_labels()
    keypoints = one.keypoints.copy()
    keypoints[40:60, 0, 0] = np.nan
    later = keypoints.copy()
    later[60:] += np.float32([150, -90])
    before, after = clusters(
        learned(tmp_path), tmp_path, [replace(one, keypoints=k) for k in (keypoints, later)]
    )
    assert (before[:40] == after[:40]).all()
    assert not (before[:60] == after[:60]).all()
    assert not POSE_KMEANS.causal


def derived(recording: Recording, folder: Path) -> Derived:
    run = places.run(EGOCENTRIC, places.question("features"))
    place = places.Place(folder / "none.pt")
    state = EGOCENTRIC.learn(run, Data(train={}, val={}), place)
    (found,) = EGOCENTRIC.restore(run, state, place)([recording], places.question("features"))
    return found


def test_rows_of_features_have_one_step_at_any_frame_rate(tmp_path: Path) -> None:
    one = places.recording("a", 400, 1)
    half = replace(
        one,
        fps=places.FPS / 2,
        labels=one.labels[::2],
        annotated=one.annotated[::2],
        keypoints=one.keypoints[::2],
    )
    first, second = derived(one, tmp_path), derived(half, tmp_path)
    assert first.values.shape == second.values.shape == (80, first.values.shape[1])
    assert (first.start, first.step, first.made_by) == (0.125, 0.25, "a digest")
    assert first.values.shape[1] == width(EGOCENTRIC.recipe, Sizes(places.SKELETON, (3,)))
    assert first.values.dtype == np.float32


def test_a_row_is_the_mean_of_the_frames_of_its_stretch() -> None:
    x = np.array([[1.0], [3.0], [np.nan], [5.0], [7.0], [9.0], [11.0]])
    assert means(x, fps=10.0, step=0.3).tolist() == [[2.0], [7.0], [11.0]]
    sparse = means(x[:2], fps=2.0, step=0.25)  # two rows to a frame
    assert sparse.ravel().tolist() == [1.0, 1.0, 3.0, 3.0]
    assert np.isnan(means(x[2:3], fps=2.0, step=0.5)).all()


@pytest.mark.parametrize("fps", [7.0, 20.0, 29.97, 30.0, 60.0])
@pytest.mark.parametrize("frames", [1, 2, 59, 60, 61])
def test_there_are_as_many_rows_as_the_recording_has_steps(fps: float, frames: int) -> None:
    rows = means(np.arange(frames, dtype=float)[:, None], fps, 0.25)
    assert len(rows) == max(1, int(np.ceil(round(frames / fps / 0.25, 6))))
    assert np.isfinite(rows).all()
    assert (np.diff(rows[:, 0]) >= 0).all()

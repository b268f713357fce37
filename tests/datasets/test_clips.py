"""Recordings cut into overlapping clips, and the simulated sessions that are cut so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.datasets import demo_segments, get_task
from bench.datasets.clips import Cut, carry, clips, episodes
from bench.datasets.freeze import freeze
from bench.datasets.overlapping import CLASSES, REARING, RUNNING, SHAKING, simulate
from bench.errors import DataError, UsageError
from bench.recordings import Recording, Segments

SPLITS = Path(__file__).parents[2] / "splits"
CUT = Cut(seconds=2.0, every=0.75, shortest=1.0)


def recording(frames: int = 50, fps: float = 10.0) -> Recording:
    rng = np.random.default_rng(3)
    labels = rng.random((frames, 2)) < 0.5
    poses = rng.normal(0, 1, (frames, 1, 3, 2)).astype(np.float32)
    bounds = np.array([[0.4, 0.9], [1.0, 3.2], [3.2, 4.6]])
    segments = Segments(bounds, np.array([1, 0, 1]), 2)
    all_of_it = np.ones(frames, dtype=bool)
    return Recording("cage1", "rat7", fps, ("run", "rest"), labels, all_of_it, poses, segments=segments)


def test_clips_overlap_and_what_fills_none_is_left_out() -> None:
    assert CUT.starts(50, 10.0) == [0, 8, 15, 22, 30]
    assert CUT.starts(19, 10.0) == []
    assert Cut().starts(108_000, 30.0)[-1] == 108_000 - 300
    assert len(Cut().starts(900, 29.97)) == 5


def test_a_clip_has_the_frames_and_the_annotations_of_its_time() -> None:
    whole = recording()
    made = list(clips(whole, CUT))
    assert [clip.id for clip in made] == [f"cage1-00{number}" for number in range(5)]
    assert {(clip.frames, clip.group) for clip in made} == {(20, "rat7")}
    second = made[1]  # from 0.8 to 2.8 s
    np.testing.assert_array_equal(second.labels, whole.labels[8:28])
    assert whole.keypoints is not None
    np.testing.assert_array_equal(second.keypoints, whole.keypoints[8:28])
    assert second.segments is not None
    np.testing.assert_allclose(second.segments.bounds, [[0, 0.1], [0.2, 2.0]])
    assert second.segments.labels.tolist() == [1, 0]


def test_segments_outside_a_clip_are_not_carried_over() -> None:
    bounds, kept = carry(np.array([[0.0, 2.0], [2.0, 3.0], [5.5, 9.0], [7.0, 8.0]]), start=2.0, seconds=5.0)
    assert bounds.tolist() == [[0, 1], [3.5, 5]]
    assert kept.tolist() == [False, True, True, False]


def test_an_episode_is_what_touches_or_overlaps() -> None:
    bounds = np.array([[9.0, 9.5], [0.0, 3.0], [3.0, 4.0], [2.0, 7.0], [7.1, 8.0]])
    np.testing.assert_allclose(episodes(bounds), [0.5, 7, 7, 7, 0.9])
    assert len(episodes(np.zeros((0, 2)))) == 0


@pytest.mark.parametrize("lengths", [(0.0, 5.0, 5.0), (10.0, -1.0, 5.0), (10.0, 5.0, float("nan"))])
def test_clips_of_no_length_are_refused(lengths: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError):
        Cut(*lengths)


def test_the_split_is_what_its_rule_gives_and_parts_no_session(tmp_path: Path) -> None:
    demo_segments.write(tmp_path)
    assert freeze("demo-segments", tmp_path) == (SPLITS / "demo-segments.json").read_text(encoding="utf-8")
    split = get_task("demo-segments").load_split()
    sizes = {subset: len(split.ids("all", subset)) for subset in ("train", "val", "test")}
    assert sizes == {"train": 264, "val": 44, "test": 132}
    groups = [{id_.partition("-")[0] for id_ in split.ids("all", s)} for s in ("train", "val", "test")]
    assert sum(map(len, groups)) == len(set.union(*groups)) == demo_segments.SESSIONS


def test_behaviours_overlap_and_differ_in_what_the_mouse_does() -> None:
    sessions = [simulate(7, number, 1800, 30.0) for number in range(8)]
    labels = np.concatenate([one.labels for one in sessions])
    assert (labels.mean(axis=0) > 0.1).all()
    assert 0.1 < (labels.sum(axis=1) > 1).mean() < 0.4
    poses = [one.keypoints[:, 0] for one in sessions]
    pace = np.concatenate(
        [np.linalg.norm(np.gradient(np.nanmean(one, axis=1), axis=0), axis=1) for one in poses]
    )
    length = np.concatenate([np.linalg.norm(one[:, 0] - one[:, 6], axis=1) for one in poses])
    still = ~labels[:, RUNNING] & ~labels[:, SHAKING]
    assert np.nanmedian(pace[labels[:, RUNNING]]) > 3 * np.nanmedian(pace[still])
    assert np.nanmedian(pace[labels[:, SHAKING] & ~labels[:, RUNNING]]) > 1.5 * np.nanmedian(pace[still])
    assert np.nanmedian(length[labels[:, REARING]]) < 0.7 * np.nanmedian(length[~labels[:, REARING]])


def test_sessions_and_their_clips_are_the_same_frames(tmp_path: Path) -> None:
    demo_segments.write(tmp_path, sessions=4, frames=500, seed=2)
    sessions, cut = list(demo_segments.read_sessions(tmp_path)), list(demo_segments.read_clips(tmp_path))
    assert [one.id for one in sessions] == [f"session0000{number}" for number in range(1, 5)]
    assert [one.id for one in cut[:3]] == ["session00001-000", "session00001-001", "session00002-000"]
    np.testing.assert_array_equal(cut[1].labels, sessions[0].labels[150:450])
    assert demo_segments.scene(cut[1].id) == demo_segments.scene(sessions[0].id)
    assert sessions[0].classes == CLASSES


def test_files_that_are_no_sessions_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no simulated sessions"):
        list(demo_segments.read_sessions(tmp_path))
    demo_segments.write(tmp_path, sessions=4, frames=40)
    np.savez(tmp_path / "session00002.npz", keypoints=np.zeros((3, 1, 7, 2)))
    (tmp_path / "session00003.npz").write_bytes(b"no archive")
    with np.load(tmp_path / "session00004.npz") as held:
        arrays = {**held, "labels": held["labels"][:, :3]}
    np.savez(tmp_path / "session00004.npz", **arrays)
    with pytest.raises(DataError) as caught:
        list(demo_segments.read_sessions(tmp_path))
    assert [fault.partition(":")[0] for fault in caught.value.problems] == [
        f"session0000{number}.npz" for number in (2, 3, 4)
    ]

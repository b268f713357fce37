"""The simulated mice: what is frozen, what differs by class, and what the files look like."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.datasets import calms21, demo, get_dataset, get_task
from bench.datasets.calms21_json import CLASSES
from bench.datasets.simulation import Simulated, ethogram, simulate
from bench.errors import DataError, UsageError


@pytest.fixture(scope="module")
def mice() -> list[Simulated]:
    return [simulate(demo.SEED, number, demo.FRAMES) for number in range(1, demo.RECORDINGS + 1)]


def bout_lengths(labels: list[np.ndarray]) -> dict[str, list[int]]:
    lengths: dict[str, list[int]] = {name: [] for name in CLASSES}
    for one in labels:
        borders = np.flatnonzero(np.diff(one)) + 1
        for bout in np.split(one, borders)[1:-1]:  # the first and the last are cut by the ends
            lengths[CLASSES[bout[0]]].append(len(bout))
    return lengths


def median_by_class(mice: list[Simulated], values: list[np.ndarray]) -> dict[str, float]:
    labels, flat = np.concatenate([m.labels for m in mice]), np.concatenate(values)
    return {name: float(np.nanmedian(flat[labels == i])) for i, name in enumerate(CLASSES)}


def test_the_same_seed_and_number_give_the_same_recording() -> None:
    one, again, other = simulate(7, 3, 211), simulate(7, 3, 211), simulate(8, 3, 211)
    np.testing.assert_array_equal(one.keypoints, again.keypoints)
    np.testing.assert_array_equal(one.scores, again.scores)
    assert not np.array_equal(one.keypoints, other.keypoints)
    np.testing.assert_array_equal(one.labels, ethogram(7, 3, 211))


@pytest.mark.parametrize("frames", [1, 2, 3, 29])
def test_short_recordings_have_all_their_axes(frames: int) -> None:
    mice = simulate(0, 1, frames)
    assert mice.keypoints.shape == (frames, 2, 7, 2)
    assert mice.scores.shape == (frames, 2, 7)
    assert mice.labels.shape == (frames,)


def test_shares_of_the_classes_are_near_those_of_calms21() -> None:
    default = np.concatenate([ethogram(demo.SEED, i, demo.FRAMES) for i in range(1, demo.RECORDINGS + 1)])
    many = np.concatenate([ethogram(1, i, 3000) for i in range(900)])
    published = np.array([0.03, 0.29, 0.06, 0.62])
    np.testing.assert_allclose(np.bincount(default) / len(default), published, atol=0.03)
    np.testing.assert_allclose(np.bincount(many) / len(many), published, atol=0.01)


def test_bout_lengths_differ_by_class() -> None:
    lengths = bout_lengths([ethogram(2, i, 5000) for i in range(400)])
    medians = [float(np.median(lengths[name])) for name in CLASSES]
    np.testing.assert_allclose(medians, [45, 45, 100, 101], rtol=0.12)
    assert min(min(found) for found in lengths.values()) >= 3


def test_distance_and_speed_differ_by_class_and_overlap(mice: list[Simulated]) -> None:
    centres = [np.nanmean(m.keypoints, axis=2) for m in mice]
    distance = [np.linalg.norm(c[:, 0] - c[:, 1], axis=1) for c in centres]
    speed = [np.linalg.norm(np.gradient(c[:, 0], axis=0), axis=1) for c in centres]
    near, quick = median_by_class(mice, distance), median_by_class(mice, speed)
    assert near["attack"] < near["mount"] < near["investigation"] < near["other"]
    assert quick["mount"] < quick["investigation"] < quick["attack"]
    labels, apart = np.concatenate([m.labels for m in mice]), np.concatenate(distance)
    far_sniff = np.quantile(apart[labels == CLASSES.index("investigation")], 0.75)
    assert np.mean(apart[labels == CLASSES.index("other")] < far_sniff) > 0.1  # distance alone decides little


def test_recordings_differ_more_than_halves_of_one(mice: list[Simulated]) -> None:
    body = np.array(
        [
            [
                np.nanmedian(np.linalg.norm(half[:, 1, 3] - half[:, 1, 6], axis=1))
                for half in np.split(m.keypoints, 2)
            ]
            for m in mice
        ]
    )
    assert body.mean(axis=1).std() > 3 * np.abs(np.diff(body, axis=1)).mean() / 2


def test_mice_stay_in_the_arena_and_move_smoothly(mice: list[Simulated]) -> None:
    for m in mice:
        assert np.nanmin(m.keypoints) >= 0
        assert np.nanmax(m.keypoints[..., 0]) <= 1023
        assert np.nanmax(m.keypoints[..., 1]) <= 569
        steps = np.linalg.norm(np.diff(np.nanmedian(m.keypoints, axis=2), axis=0), axis=2)
        assert np.quantile(steps, 0.99) < 70


def test_lost_keypoints_have_no_score_and_guessed_ones_a_low_one(mice: list[Simulated]) -> None:
    scores = np.stack([m.scores for m in mice])
    lost = np.isnan(np.stack([m.keypoints for m in mice])).any(axis=-1)
    assert 0.002 < lost.mean() < 0.02
    assert (scores[lost] == 0).all()
    guessed = (scores < 0.36) & ~lost
    assert 0.01 < guessed.mean() < 0.06
    assert scores[~lost & ~guessed].min() >= 0.4


def test_the_files_have_the_official_layout_and_say_simulated(tmp_path: Path) -> None:
    demo.write(tmp_path, recordings=7, frames=41, seed=3)
    files = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert sorted(files) == ["calms21_task1_test.json", "calms21_task1_train.json"]
    train = files["calms21_task1_train.json"]["annotator-id_0"]
    assert list(train) == [f"task1/train/mouse0000{i}_simulated" for i in range(1, 6)]  # 4 train, 1 validates
    one = train["task1/train/mouse00002_simulated"]
    assert list(one) == ["keypoints", "scores", "annotations", "metadata"]
    assert np.array(one["keypoints"], dtype=float).shape == (41, 2, 2, 7)
    assert np.array(one["scores"]).shape == (41, 2, 7)
    assert one["metadata"]["simulated"] is True
    assert one["metadata"]["vocab"] == {"attack": 0, "investigation": 1, "mount": 2, "other": 3}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    demo.write(tmp_path, recordings=5, frames=153, seed=3)
    recordings = list(demo.read(tmp_path))
    assert [r.id for r in recordings] == [f"mouse0000{i}_simulated" for i in range(1, 6)]
    for number, recording in enumerate(recordings, start=1):
        mice = simulate(3, number, 153)
        assert recording.keypoints is not None
        np.testing.assert_allclose(recording.keypoints, mice.keypoints, atol=0.0051)
        np.testing.assert_array_equal(recording.labels.argmax(axis=1), mice.labels)


def test_a_recording_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    for recordings in (4, 9):
        demo.write(tmp_path / str(recordings), recordings=recordings, frames=23, seed=5)
    few, many = ({r.id: r for r in demo.read(tmp_path / str(n))} for n in (4, 9))
    for id_, recording in few.items():
        np.testing.assert_array_equal(recording.keypoints, many[id_].keypoints)
        assert recording.truth_digest() == many[id_].truth_digest()


def test_the_default_demo_is_the_frozen_one() -> None:
    split = get_task("demo").load_split()
    assert [len(split.ids("all", s)) for s in ("train", "val", "test")] == [12, 2, 6]
    for subset, totals in split.totals["all"].items():
        numbers = [int(id_[5:10]) for id_ in split.ids("all", subset)]
        labels = np.concatenate([ethogram(demo.SEED, number, demo.FRAMES) for number in numbers])
        assert np.bincount(labels, minlength=4).tolist() == list(totals.counts.values())
    assert min(split.totals["all"]["test"].counts.values()) > 0


def test_real_recordings_are_no_demo(tmp_path: Path) -> None:
    demo.write(tmp_path, recordings=4, frames=5)
    with pytest.raises(DataError, match="simulated: not a recording of CalMS21"):
        list(calms21.read(tmp_path))
    for path in tmp_path.iterdir():
        path.write_text(path.read_text().replace(', "simulated": true', ""))
    with pytest.raises(DataError, match="not marked as simulated"):
        list(demo.read(tmp_path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    demo.write(tmp_path, recordings=4, frames=5)
    (tmp_path / "calms21_task1_test.json").unlink()
    with pytest.raises(DataError, match=r"calms21_task1_test\.json is missing"):
        list(demo.read(tmp_path))


@pytest.mark.parametrize(("recordings", "sizes"), [(4, (2, 1, 1)), (10, (6, 1, 3)), (57, (34, 5, 18))])
def test_any_size_is_split_by_the_same_rule(recordings: int, sizes: tuple[int, ...]) -> None:
    task = get_task(f"demo-{recordings}x31")
    split = task.load_split()
    assert tuple(len(split.ids("all", s)) for s in ("train", "val", "test")) == sizes
    assert get_dataset(task.name).title == task.dataset.title
    assert task.dataset.simulated
    assert "imulated" in task.title
    assert "imulated" in task.dataset.title


def test_a_sized_task_makes_the_recordings_that_it_splits(tmp_path: Path) -> None:
    task = get_task("demo-5x13")
    assert task.dataset.simulate is not None
    task.dataset.simulate(tmp_path)
    recordings = list(task.dataset.read(tmp_path))
    assert {r.frames for r in recordings} == {13}
    split = task.load_split()
    assert [r.id for r in recordings] == [i for s in ("train", "val", "test") for i in split.ids("all", s)]


@pytest.mark.parametrize("name", ["demo-3x10", "demo-0x0", "demo-9x0"])
def test_sizes_that_cannot_be_split_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be made in this size"):
        get_task(name)


def test_writing_refuses_what_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 recordings, expected 4 or more"):
        demo.write(tmp_path, recordings=3, frames=0)
    with pytest.raises(UsageError, match="seed -1"):
        demo.write(tmp_path, recordings=4, frames=1, seed=-1)
    assert not list(tmp_path.iterdir())

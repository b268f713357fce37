"""The demo with a feeder: what its classes differ in, and what they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.datasets import demo, demo_feeder, get_dataset, get_task
from bench.datasets.calms21_json import IMAGE, KEYPOINTS
from bench.datasets.feeding import APART, CLASSES, EATING, OTHER, PAUSING, RIM, places, simulate
from bench.datasets.movement import Simulated
from bench.errors import DataError, UsageError

FRAMES, MICE = 1500, 12
NOSE, TAIL = KEYPOINTS.index("nose"), KEYPOINTS.index("tail base")


@pytest.fixture(scope="module")
def mice() -> list[Simulated]:
    return [simulate(demo_feeder.SEED, number, FRAMES) for number in range(1, MICE + 1)]


def test_the_same_seed_and_number_give_the_same_recording() -> None:
    one, again, other = simulate(7, 3, 211), simulate(7, 3, 211), simulate(7, 4, 211)
    np.testing.assert_array_equal(one.keypoints, again.keypoints)
    assert not np.array_equal(one.keypoints, other.keypoints)
    assert one.keypoints.shape == (211, 2, 7, 2)


def test_the_feeder_moves_between_recordings_and_is_either_place() -> None:
    both = np.stack([places(demo_feeder.SEED, number) for number in range(1, 200)])
    assert len(np.unique(both, axis=0)) == 199
    assert (np.linalg.norm(both[:, 0] - both[:, 1], axis=1) >= APART).all()
    spread = np.abs(both.mean(axis=0) - np.array(IMAGE) / 2)
    assert (spread < 60).all()  # neither the feeder nor the other place has a side of its own


def test_the_resident_eats_at_the_feeder_and_pauses_at_the_other_place(mice: list[Simulated]) -> None:
    for number, one in enumerate(mice, start=1):
        for label, place in zip((EATING, PAUSING), places(demo_feeder.SEED, number), strict=True):
            away = np.linalg.norm(one.keypoints[one.labels == label, 0, NOSE] - place, axis=1)
            assert abs(np.nanmedian(away) - RIM) < 12


def test_eating_and_pausing_have_the_same_pose_pace_and_length(mice: list[Simulated]) -> None:
    def median(label: int, values: list[np.ndarray]) -> float:
        return float(
            np.nanmedian(np.concatenate([v[m.labels == label] for v, m in zip(values, mice, strict=True)]))
        )

    body = [np.linalg.norm(m.keypoints[:, 0, NOSE] - m.keypoints[:, 0, TAIL], axis=1) for m in mice]
    pace = [np.linalg.norm(np.gradient(np.nanmean(m.keypoints[:, 0], axis=1), axis=0), axis=1) for m in mice]
    near = [np.linalg.norm(np.nanmean(m.keypoints[:, 0] - m.keypoints[:, 1], axis=1), axis=1) for m in mice]
    for values in (body, pace):
        assert median(EATING, values) == pytest.approx(median(PAUSING, values), rel=0.06)
    assert median(EATING, near) == pytest.approx(median(PAUSING, near), rel=0.3)
    assert median(OTHER, pace) > 2 * median(EATING, pace)
    shares = np.bincount(np.concatenate([m.labels for m in mice]), minlength=3) / (MICE * FRAMES)
    np.testing.assert_allclose(shares, [0.22, 0.22, 0.56], atol=0.06)


def test_any_size_is_a_task_whose_recordings_it_splits(tmp_path: Path) -> None:
    task = get_task("demo-feeder-5x61")
    assert task.dataset.simulate is not None
    task.dataset.simulate(tmp_path)
    recordings = list(task.dataset.read(tmp_path))
    split = task.load_split()
    assert [r.id for r in recordings] == [i for s in ("train", "val", "test") for i in split.ids("all", s)]
    assert {(r.frames, r.classes) for r in recordings} == {(61, CLASSES)}
    np.testing.assert_array_equal(
        recordings[1].labels.argmax(axis=1), simulate(demo_feeder.SEED, 2, 61).labels
    )
    assert get_dataset(task.name).title == task.dataset.title
    assert "imulated" in task.title
    assert [r.id for r in demo_feeder.read(tmp_path, {recordings[0].id})] == [r.id for r in recordings[1:]]


def test_the_scene_of_a_recording_has_its_feeder() -> None:
    scene = demo_feeder.scene(demo.recording_id(3))
    assert scene.feeder == pytest.approx(tuple(places(demo_feeder.SEED, 3)[0]))
    assert scene.seed != demo_feeder.scene(demo.recording_id(4)).seed
    assert demo.empty_scene(demo.recording_id(3)).feeder is None
    assert demo.number_of(demo.recording_id(100_000)) == 100_000


def test_files_of_another_demo_are_none_of_it(tmp_path: Path) -> None:
    demo.write(tmp_path, recordings=4, frames=5)
    with pytest.raises(DataError, match=r"demo_feeder_train\.json is missing"):
        list(demo_feeder.read(tmp_path))


@pytest.mark.parametrize("name", ["demo-feeder-3x10", "demo-feeder-9x0"])
def test_sizes_that_cannot_be_split_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be made in this size"):
        get_task(name)

"""Pose files as recordings for a model: same animals, same keypoints, same order, or every fault at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.errors import DataError, UsageError
from bench.labelling import Reading, find_poses, read_files
from bench.recordings import Recording, Skeleton

from . import pose_files as made

READING = Reading(Skeleton(made.ANIMALS, made.KEYPOINTS, (), (640, 480)), ("attack", "other"), 20.0)


def read(folder: Path, reading: Reading = READING) -> dict[str, Recording]:
    return {one.id: one for one in read_files(find_poses(folder), reading, silent)}


def silent(_text: str) -> None:
    """Let a note pass."""


def test_files_of_deeplabcut_and_sleap_are_recordings_without_labels(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is in the extra `readers`")
    first, second = made.positions(31), made.positions(17, seed=1)
    made.deeplabcut_csv(tmp_path / f"Video 01{made.SCORER}_el.csv", first)
    made.sleap_h5(tmp_path / "m2.analysis.h5", second)
    (tmp_path / "events.csv").write_text("Time,Behavior\n1,attack\n")
    recordings = read(tmp_path)
    assert list(recordings) == ["m2", "video_01"]
    for id_, xy in (("video_01", first), ("m2", second)):
        np.testing.assert_array_equal(recordings[id_].keypoints, xy.astype(np.float32))
        assert recordings[id_].fps == 20.0
        assert not recordings[id_].annotated.any()
        assert recordings[id_].labels.shape == (len(xy), 2)
    assert find_poses(tmp_path).left_out == ("events.csv",)


def test_another_order_becomes_that_of_the_training(tmp_path: Path) -> None:
    xy = made.positions(9)
    turned = xy[:, ::-1][:, :, [2, 0, 1]]
    made.deeplabcut_csv(tmp_path / "m1.csv", turned, made.ANIMALS[::-1], ("tail", "nose", "neck"))
    np.testing.assert_array_equal(read(tmp_path)["m1"].keypoints, xy.astype(np.float32))


def test_names_can_be_mapped(tmp_path: Path) -> None:
    xy = made.positions(9)
    made.deeplabcut_csv(tmp_path / "m1.csv", xy, ("white", "ratB"), ("snout", "neck", "tail"))
    reading = replace(READING, names={"white": "ratA", "snout": "nose"})
    np.testing.assert_array_equal(read(tmp_path, reading)["m1"].keypoints, xy.astype(np.float32))


def test_other_keypoints_are_left_out_and_said(tmp_path: Path) -> None:
    xy = made.positions(9, keypoints=5)
    made.deeplabcut_csv(tmp_path / "m1.csv", xy, keypoints=("corner", "tail", "nose", "centre", "neck"))
    notes: list[str] = []
    (recording,) = read_files(find_poses(tmp_path), READING, notes.append)
    np.testing.assert_array_equal(recording.keypoints, xy[:, :, [2, 4, 1]].astype(np.float32))
    assert len(notes) == 1
    assert "corner, centre" in notes[0]


def test_one_animal_is_the_one_animal(tmp_path: Path) -> None:
    xy = made.positions(9, animals=1)
    made.deeplabcut_csv(tmp_path / "m1.csv", xy, ("anyone",))
    reading = replace(READING, skeleton=Skeleton(("mouse",), made.KEYPOINTS, (), (640, 480)))
    np.testing.assert_array_equal(read(tmp_path, reading)["m1"].keypoints, xy.astype(np.float32))


def test_pixels_become_those_of_the_videos_of_the_training(tmp_path: Path) -> None:
    xy = made.positions(9)
    made.deeplabcut_csv(tmp_path / "m1.csv", xy)
    scaled = read(tmp_path, replace(READING, image=(1280, 240)))["m1"].keypoints
    np.testing.assert_allclose(scaled, xy * [0.5, 2.0], rtol=1e-6)


def test_every_fault_of_every_file_is_listed_after_the_good_ones(tmp_path: Path) -> None:
    made.deeplabcut_csv(tmp_path / "a.csv", made.positions(9))
    made.deeplabcut_csv(tmp_path / "b.csv", made.positions(9), ("ratA", "white"))
    made.deeplabcut_csv(tmp_path / "c.csv", made.positions(9, keypoints=2), keypoints=("nose", "snout"))
    path = made.deeplabcut_csv(tmp_path / "d.csv", made.positions(9))
    path.write_text(path.read_text() + "9,1,2\n")
    made.deeplabcut_csv(tmp_path / "e.csv", made.positions(9, animals=1), ("ratA",))
    good: list[str] = []
    with pytest.raises(DataError) as caught:
        good.extend(one.id for one in read_files(find_poses(tmp_path), READING, silent))
    assert good == ["a"]
    told = caught.value.problems
    assert len(told) == 4
    assert all(word in told[0] for word in ("b.csv", "animals", "white", "ratB", "ratA"))
    assert all(word in told[1] for word in ("c.csv", "keypoints", "snout", "neck", "tail"))
    assert "d.csv" in told[2]
    assert all(word in told[3] for word in ("e.csv", "animals", "individual", "ratA", "ratB"))
    assert caught.value.hint


@pytest.mark.parametrize("names", [("m1.csv", "M1DLC_x.csv"), ("ä.csv", "m.csv")])
def test_names_that_make_no_recordings_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        made.deeplabcut_csv(tmp_path / name, made.positions(3))
    with pytest.raises(DataError) as caught:
        find_poses(tmp_path)
    assert any(
        names[0].encode().decode("ascii", "ignore")[-5:] in problem for problem in caught.value.problems
    )


def test_a_folder_without_poses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("Time,Behavior\n1,attack\n")
    with pytest.raises(UsageError) as caught:
        find_poses(tmp_path)
    assert any("events.csv" in problem for problem in caught.value.problems)


def test_one_file_is_a_folder_of_one(tmp_path: Path) -> None:
    path = made.deeplabcut_csv(tmp_path / "m1.csv", made.positions(3))
    made.deeplabcut_csv(tmp_path / "m2.csv", made.positions(3))
    assert list(read(path)) == ["m1"]

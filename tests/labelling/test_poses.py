"""Pose files as recordings for a model: same animals, same keypoints, same order, or every fault at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.errors import DataError, UsageError
from bench.labelling import Reading, find_poses, read_files
from bench.recordings import Recording, Skeleton
from tests.datasets.test_pose_files import movement

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
    assert all(
        word in told[3] for word in ("e.csv", "animals: 1", "expected 2", "individual", "ratA", "ratB")
    )
    assert caught.value.hint


def test_a_damaged_file_keeps_no_other_from_being_labelled(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is in the extra `readers`")
    made.deeplabcut_csv(tmp_path / "b.csv", made.positions(9))
    (tmp_path / "a.h5").write_text("no HDF5")
    good: list[str] = []
    with pytest.raises(DataError) as caught:
        good.extend(one.id for one in read_files(find_poses(tmp_path), READING, silent))
    assert good == ["b"]
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["'a.h5'"]
    assert "--rename" not in caught.value.hint


def test_names_that_differ_in_case_and_signs_alone_are_offered_as_options(tmp_path: Path) -> None:
    keypoints = ("left_ear", "Tail Base", "tailbase", "snout")
    made.deeplabcut_csv(tmp_path / "a.csv", made.positions(9, keypoints=4), ("Rat_A", "ratB"), keypoints)
    skeleton = Skeleton(made.ANIMALS, ("left ear", "tail-base", "nose"), (), (640, 480))
    with pytest.raises(DataError) as caught:
        told(tmp_path, replace(READING, skeleton=skeleton))
    assert caught.value.hint.startswith("--rename Rat_A=ratA --rename 'left_ear=left ear';")


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


def test_videos_and_folders_in_a_folder_are_no_poses_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "m1.MP4").write_bytes(b"")
    made.deeplabcut_csv(tmp_path / "day 1" / "m1.csv", made.positions(3))
    (tmp_path / "day 2").mkdir()
    with pytest.raises(UsageError) as caught:
        find_poses(tmp_path)
    told = "\n".join(caught.value.problems)
    assert [word for word in ("videos", "'day 1'", "'day 2'") if word in told] == ["videos", "'day 1'"]


def test_one_file_is_a_folder_of_one(tmp_path: Path) -> None:
    path = made.deeplabcut_csv(tmp_path / "m1.csv", made.positions(3))
    made.deeplabcut_csv(tmp_path / "m2.csv", made.positions(3))
    assert list(read(path)) == ["m1"]


def told(folder: Path, reading: Reading = READING) -> tuple[dict[str, Recording], list[str]]:
    notes: list[str] = []
    return {one.id: one for one in read_files(find_poses(folder), reading, notes.append)}, notes


def test_what_a_reader_decided_is_said_and_litter_is_left_alone(tmp_path: Path) -> None:
    xy = made.positions(9, animals=3)
    xy[4, 1], xy[5, 0, 0] = -1, 5000
    path = made.deeplabcut_csv(tmp_path / "Video 1.v2.csv", xy, (*made.ANIMALS, "single"))
    text = path.read_text().splitlines()
    parts = text[2].split(",")
    parts[-9:] = [name for name in ("corner", "door", "lamp") for _ in "xyp"]
    rows = [row.replace("-1.0,-1.0,0.9", "-1.0,-1.0,-1.0") for row in text[4:]]
    path.write_text("\n".join([*text[:2], ",".join(parts), text[3], *rows, ""]))
    (tmp_path / "._Video 1.v2.csv").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "._m.h5").write_bytes(b"\x00\x05\x16\x07")
    found, notes = told(tmp_path)
    assert list(found) == ["video_1_v2"]
    keypoints = found["video_1_v2"].keypoints
    assert keypoints is not None
    assert keypoints.shape == (9, 2, 3, 2)
    assert np.isnan(keypoints[4, 1]).all()
    assert [word for word in ("single", "(-1, -1)", "far outside") if not any(word in n for n in notes)] == []


def test_animals_are_told_by_the_names_of_keypoints_as_in_the_training(tmp_path: Path) -> None:
    xy = made.positions(9)
    names = [f"{keypoint}_{animal}" for animal in ("1", "2") for keypoint in made.KEYPOINTS]
    made.deeplabcut_csv(tmp_path / "m1.csv", xy.reshape(9, 1, 6, 2), ("one",), names)
    skeleton = Skeleton(("animal 1", "animal 2"), made.KEYPOINTS, (), (640, 480))
    found, _ = told(tmp_path, replace(READING, skeleton=skeleton))
    np.testing.assert_array_equal(found["m1"].keypoints, xy.astype(np.float32))


def test_an_individual_with_keypoints_of_its_own_is_kept_where_the_model_has_it(tmp_path: Path) -> None:
    xy = made.positions(9, animals=2, keypoints=2)
    path = made.deeplabcut_csv(tmp_path / "m1.csv", xy, ("rat", "single"), ("nose", "tail"))
    text = path.read_text().splitlines()
    text[2] = "bodyparts,nose,nose,nose,tail,tail,tail,door,door,door,lamp,lamp,lamp"
    path.write_text("\n".join([*text, ""]))
    skeleton = Skeleton(("single", "rat"), ("nose", "tail", "door", "lamp"), (), (640, 480))
    found, _ = told(tmp_path, replace(READING, skeleton=skeleton))
    np.testing.assert_array_equal(found["m1"].keypoints[:, 1, :2], xy[:, 0].astype(np.float32))  # type: ignore[index]
    np.testing.assert_array_equal(found["m1"].keypoints[:, 0, 2:], xy[:, 1].astype(np.float32))  # type: ignore[index]


def test_rows_of_movement_are_frames_and_their_times_the_rate(tmp_path: Path) -> None:
    whole = movement(time=np.arange(5) / 30)
    whole.attrs = {"time_unit": "seconds"}
    whole.to_netcdf(tmp_path / "m1.nc", engine="h5netcdf")
    skeleton = Skeleton(("one", "two"), ("nose", "neck", "tail"), (), (640, 480))
    found, _ = told(tmp_path, replace(READING, skeleton=skeleton))
    assert found["m1"].fps == pytest.approx(30)
    whole.isel(time=slice(2, None)).to_netcdf(tmp_path / "m1.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=r"m1\.nc.* row"):
        told(tmp_path, replace(READING, skeleton=skeleton))

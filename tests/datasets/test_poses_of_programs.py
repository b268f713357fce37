"""What trackers write into their files: sentinels, rows, axes, and which animal a keypoint is of."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets.formats.animals import guessed, hint, numbered, with_animals
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.keypoints import Poses, odd_values, poses_of, row_faults
from bench.datasets.formats.movement import read_movement
from bench.datasets.formats.simba import read_targets
from bench.datasets.formats.sleap import read_analysis
from bench.errors import DataError
from tests.datasets.test_pose_files import movement

FRAMES = 7


def table(path: Path, individuals: dict[str, tuple[str, ...]], cells: np.ndarray, **options: str) -> Path:
    """Write DeepLabCut's csv of individuals with keypoints of their own."""
    columns = [(a, k, c) for a, own in individuals.items() for k in own for c in ("x", "y", "likelihood")]
    heads = [["scorer", *["net"] * len(columns)]]
    names = ("individuals", "bodyparts", "coords")
    heads += [[name, *row] for name, row in zip(names, zip(*columns, strict=True), strict=True)]
    rows = [[str(t), *("" if np.isnan(x) else str(x) for x in row)] for t, row in enumerate(cells.tolist())]
    text = "".join(",".join(row) + "\n" for row in [*heads, *rows])
    path.write_text(text, **options)
    return path


def cells(columns: int) -> np.ndarray:
    values = 10.0 + np.arange(FRAMES * columns, dtype=float).reshape(FRAMES, columns)
    values[:, 2::3] = 0.75
    return values


def refused(read: Any, *arguments: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(*arguments)
    return str(caught.value)


# --------------------------------------------------------------------------- sentinels
TWO = {"m1": ("nose", "tail"), "m2": ("nose", "tail")}


@pytest.mark.parametrize(("sentinel", "sure"), [(-1.0, -1.0), (-1.0, 0.0), (0.0, 0.0)])
def test_what_stands_for_not_there_is_lost(tmp_path: Path, sentinel: float, sure: float) -> None:
    values = cells(12)
    values[2:5, 6:12] = [sentinel, sentinel, sure] * 2
    poses = read_poses(table(tmp_path / "a.csv", TWO, values))
    assert np.isnan(poses.xy[2:5, 1]).all()
    assert np.isnan(poses.likelihood[2:5, 1]).all()
    assert np.isnan(poses.xy).sum() == 3 * 2 * 2
    assert [note for note in poses.notes if note.startswith("6 keypoints")]


def test_a_sure_keypoint_at_the_corner_is_kept_and_said(tmp_path: Path) -> None:
    values = cells(12)
    values[2, 6:9] = [0, 0, 0.9]
    values[3, 6:9] = [-1, 5, -1]
    poses = read_poses(table(tmp_path / "a.csv", TWO, values))
    assert np.isfinite(poses.xy).all()
    assert any("kept" in note for note in poses.notes)


def test_every_reader_knows_the_sentinels(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="SLEAP's files need h5py")
    tracks, scores = np.full((1, 2, 3, FRAMES), 5.0), np.full((1, 3, FRAMES), 0.5)
    tracks[0, :, 1, 2], scores[0, 1, 2] = -1, -1
    tracks[0, :, 2, 3], scores[0, 2, 3] = 0, 0
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"], file["point_scores"] = tracks, scores
        file["node_names"], file["track_names"] = [b"a", b"b", b"c"], [b"m"]
    assert np.argwhere(np.isnan(read_analysis(tmp_path / "a.h5").likelihood)).tolist() == [
        [2, 0, 1],
        [3, 0, 2],
    ]
    data = movement()
    data["position"][2, :, 1, 0], data["confidence"][2, 1, 0] = -1, -1
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert np.isnan(read_movement(tmp_path / "a.nc").xy[2, 0, 1]).all()
    (tmp_path / "a.csv").write_text(",n_x,n_y,n_p,attack\n0,-1,-1,-1,0\n1,0,0,0.4,0\n2,3,4,0.5,1\n")
    assert np.isnan(read_targets(tmp_path / "a.csv", ()).likelihood[:, 0]).tolist() == [True, True, False]


def test_odd_values_are_counted_and_kept() -> None:
    xy = np.full((4, 1, 2, 2), 50.0)
    xy[0, 0, 0] = [-30, 50]
    xy[1, 0, 1] = [50, 221]
    xy[2, 0, 0] = [-9, 219]
    xy[3, 0, 0] = np.nan
    scores = np.full((4, 1, 2), 0.5)
    scores[1:, 0, 1] = [1.5, -0.2, np.nan]
    poses = poses_of(["m"], ["a", "b"], xy, scores)
    told = odd_values(poses, (100, 200))
    assert [text.split()[0] for text in told] == ["2", "2"]
    assert "100 x 200" in told[0]
    assert odd_values(poses_of(["m"], ["a", "b"], xy[2:], scores[:2] * 0), (100, 200)) == []


# --------------------------------------------------------------------------- body parts of their own
UNIQUE = {**TWO, "single": ("corner", "door", "lamp")}


def test_an_individual_with_body_parts_of_its_own_is_left_out_or_kept_by_name(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", UNIQUE, cells(21))
    poses = read_poses(path)
    assert (poses.individuals, poses.keypoints) == (("m1", "m2"), ("nose", "tail"))
    assert poses.xy[3, 1, 1].tolist() == [10 + 3 * 21 + 9, 10 + 3 * 21 + 10]
    assert any("single" in note and "corner" in note for note in poses.notes)
    poses = read_poses(path, ("m2", "single"))
    assert (poses.individuals, poses.keypoints) == (
        ("m2", "single"),
        ("nose", "tail", "corner", "door", "lamp"),
    )
    assert poses.xy[3, 0, 0, 0] == 10 + 3 * 21 + 6
    assert poses.xy[3, 1, 4, 1] == 10 + 3 * 21 + 19
    assert np.isnan(poses.xy[:, 0, 2:]).all()
    assert np.isnan(poses.xy[:, 1, :2]).all()
    assert any("m1" in note for note in poses.notes)


def test_the_individual_of_no_animal_may_stand_first(tmp_path: Path) -> None:
    parts = {"single": ("corner", "door"), "m1": ("nose", "tail")}
    assert read_poses(table(tmp_path / "a.csv", parts, cells(12))).individuals == ("m1",)


def test_an_individual_with_some_of_the_keypoints_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", {**TWO, "m3": ("nose",)}, cells(15))
    assert "every animal has every keypoint" in refused(read_poses, path)


# --------------------------------------------------------------------------- rows
@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (np.arange(9.0), ""),
        (np.arange(9.0) + 0.1, ""),
        (np.arange(9.0) + 300, "the frames 300 to 308"),
        (2 * np.arange(9.0), "one frame of every 2"),
        (np.array([0.0, 1, 3, 4]), "row 2 is of frame 3"),
        (np.array([0.0, 1, np.nan, 3]), "row 2 is of frame nan"),
        (np.zeros(3), "row 1 is of frame 0"),
    ],
)
def test_rows_are_the_frames_in_order(frames: np.ndarray, told: str) -> None:
    faults = row_faults(frames)
    assert len(faults) == bool(told)
    assert told in "".join(faults)


@pytest.mark.parametrize("rate", [25.0, 29.97, 30_000 / 1001])
def test_a_part_of_a_data_set_of_movement_is_refused(tmp_path: Path, rate: float) -> None:
    path = tmp_path / "a.nc"
    whole = movement(time=np.arange(5) / rate)
    whole.attrs["fps"] = rate
    whole.to_netcdf(path, engine="h5netcdf")
    assert read_movement(path).fps == rate
    for part, told in ((slice(2, None), "the frames 2 to 4"), (slice(None, None, 2), "one frame of every 2")):
        whole.isel(time=part).to_netcdf(path, engine="h5netcdf")
        assert told in refused(read_movement, path)
    whole.isel(time=[0, 1, 3]).to_netcdf(path, engine="h5netcdf")
    assert "row 2 is of frame 3" in refused(read_movement, path)


def test_one_frame_a_second_is_no_list_of_frames(tmp_path: Path) -> None:
    slow = movement(time=np.arange(5.0))
    slow.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert "one frame of every 25" in refused(read_movement, tmp_path / "a.nc")


def test_times_in_frames_and_times_without_a_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    frames = movement(time=np.arange(5))
    frames.attrs = {"time_unit": "frames"}
    frames.to_netcdf(path, engine="h5netcdf")
    assert (read_movement(path).fps, read_movement(path).row_rate) == (None, None)
    frames.isel(time=slice(None, None, 2)).to_netcdf(path, engine="h5netcdf")
    assert "one frame of every 2" in refused(read_movement, path)
    bare = movement(time=np.arange(5) / 30)
    bare.attrs = {"time_unit": "seconds"}
    bare.isel(time=slice(None, None, 2)).to_netcdf(path, engine="h5netcdf")
    assert read_movement(path).row_rate == pytest.approx(15)
    bare.drop_vars("time").to_netcdf(path, engine="h5netcdf")
    assert read_movement(path).row_rate is None
    movement(time=-np.arange(5.0)).to_netcdf(path, engine="h5netcdf")
    assert "row 1" in refused(read_movement, path)


def test_rows_of_pandas_are_the_frames(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("tables", reason="writing DeepLabCut's h5 files as DeepLabCut does needs tables")
    names = [["net"], ["m1"], ["nose", "tail"], ["x", "y", "likelihood"]]
    columns = pd.MultiIndex.from_product(names, names=("scorer", "individuals", "bodyparts", "coords"))
    whole = pd.DataFrame(cells(6), columns=columns)
    for part, told in ((whole[::2], "one frame of every 2"), (whole[3:], "the frames 3 to 6")):
        part.to_hdf(tmp_path / "a.h5", key="df_with_missing", format="table", mode="w")
        assert told in refused(read_poses, tmp_path / "a.h5")


# --------------------------------------------------------------------------- axes of SLEAP
AXES = {"track": 2, "xy": 2, "node": 3, "frame": FRAMES}


@pytest.mark.parametrize("order", list(itertools.permutations(AXES)), ids="-".join)
def test_axes_are_read_by_their_names(tmp_path: Path, order: tuple[str, ...]) -> None:
    h5py = pytest.importorskip("h5py", reason="SLEAP's files need h5py")
    a, xy, k, t = np.indices(tuple(AXES.values()))
    tracks = 1.0 + 1000 * t + 100 * a + 10 * k + xy
    scores = 0.1 + (tracks[:, 0] - 1) / 10_000
    of_scores = [name for name in order if name != "xy"]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = tracks.transpose([list(AXES).index(name) for name in order])
        file["point_scores"] = scores.transpose([["track", "node", "frame"].index(n) for n in of_scores])
        file["tracks"].attrs["dims"] = json.dumps(order)
        file["point_scores"].attrs["dims"] = np.array([name.encode() for name in of_scores])
        file["node_names"], file["track_names"] = [b"nose", b"neck", b"tail"], [b"one", b"two"]
    poses = read_analysis(tmp_path / "a.h5")
    assert poses.xy.shape == (FRAMES, 2, 3, 2)
    assert poses.xy[3, 1, 2].tolist() == [3121, 3122]
    assert poses.likelihood[3, 1, 2] == pytest.approx(0.1 + 0.312)


def test_arrays_that_sleap_did_not_turn_are_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="SLEAP's files need h5py")
    t, k, xy, a = np.indices((FRAMES, 3, 2, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = 1.0 + 1000 * t + 100 * a + 10 * k + xy
        file["point_scores"] = np.full((FRAMES, 3, 2), 0.5)
        file["node_names"], file["track_names"] = [b"nose", b"neck", b"tail"], [b"one", b"two"]
        file.attrs["transpose"] = False
    poses = read_analysis(tmp_path / "a.h5")
    assert poses.xy[3, 1, 2].tolist() == [3121, 3122]
    assert poses.likelihood.shape == (FRAMES, 2, 3)


@pytest.mark.parametrize(
    "dims", ['["frame", "track", "node"]', '["a", "b", "c", "d"]', "frame", "{}", "[" * 90]
)
def test_axes_of_other_names_are_refused(tmp_path: Path, dims: str) -> None:
    h5py = pytest.importorskip("h5py", reason="SLEAP's files need h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = np.ones((2, 2, 3, FRAMES))
        file["tracks"].attrs["dims"] = dims
        file["node_names"], file["track_names"] = [b"nose", b"neck", b"tail"], [b"one", b"two"]
    assert "tracks" in refused(read_analysis, tmp_path / "a.h5")


# --------------------------------------------------------------------------- which animal
def posed(*keypoints: str, individuals: tuple[str, ...] = ("individual",)) -> Poses:
    t, a, k, xy = np.indices((FRAMES, len(individuals), len(keypoints), 2))
    values = 1.0 + 1000 * t + 100 * a + 10 * k + xy
    return poses_of(individuals, keypoints, values, np.full(values.shape[:3], 0.5))


FRONT = ("black_nose", "white_nose", "black_ear_left", "white_ear_left")
BACK = ("nose.black", "ear_left.black", "nose.white", "ear_left.white")
MIDDLE = ("ear_black_left", "ear_white_left", "ear_white_right", "ear_black_right")


@pytest.mark.parametrize("names", [FRONT, BACK, MIDDLE], ids=["front", "back", "middle"])
def test_animals_are_told_by_any_part_of_a_name(names: tuple[str, ...]) -> None:
    poses = with_animals(posed(*names), ["white", "black"])
    assert poses.individuals == ("white", "black")
    rest = names[1].replace("white", "").replace("black", "").strip("_.").replace("__", "_")
    assert rest in poses.keypoints
    for animal, keypoint in itertools.product(poses.individuals, poses.keypoints):
        name = next(n for n in names if animal in n and all(part in n for part in keypoint.split("_")))
        i, j = poses.individuals.index(animal), poses.keypoints.index(keypoint)
        assert poses.xy[2, i, j].tolist() == [2001 + 10 * names.index(name), 2002 + 10 * names.index(name)]


def test_individuals_are_chosen_by_name_and_in_this_order() -> None:
    poses = with_animals(posed("nose", "tail", individuals=("a", "b", "c")), ["c", "a"])
    assert poses.individuals == ("c", "a")
    assert poses.xy[0, :, 1, 0].tolist() == [211, 11]
    assert "did you mean 'b'" in refused(with_animals, posed("nose", individuals=("a", "b")), ["bb"])


@pytest.mark.parametrize(
    ("names", "animals", "told"),
    [
        (("black_nose", "tail"), ["black", "white"], "keypoint 'tail' has no animal in it"),
        (("a_b_nose", "b_tail"), ["a", "b"], "a and b in it"),
        (("a_nose", "a_tail", "b_nose"), ["a", "b"], "a has nose, tail; b has nose"),
    ],
)
def test_names_that_do_not_part_the_keypoints_are_refused(
    names: tuple[str, ...], animals: list[str], told: str
) -> None:
    assert told in refused(with_animals, posed(*names), animals)


@pytest.mark.parametrize(
    ("names", "animals", "keypoints"),
    [
        (("Nose_1", "Tail_1", "Nose_2", "Tail_2"), ("animal 1", "animal 2"), ("Nose", "Tail")),
        (("Nose_1", "Nose_2", "Tail_1", "Tail_2"), ("animal 1", "animal 2"), ("Nose", "Tail")),
        (
            ("mouse1_nose", "mouse1_tail", "mouse2_nose", "mouse2_tail"),
            ("mouse1", "mouse2"),
            ("nose", "tail"),
        ),
        (("ear_1_left", "ear_2_left"), ("animal 1", "animal 2"), ("ear_left",)),
        (("spine2_1", "spine2_2"), ("animal 1", "animal 2"), ("spine2",)),
        (("Nose_1", "Tail_1"), ("animal 1",), ("Nose", "Tail")),
        (("left_ear", "right_ear", "nose"), ("individual",), ("left_ear", "right_ear", "nose")),
        (("Nose_1", "Nose_2", "Tail_1"), ("individual",), ("Nose_1", "Nose_2", "Tail_1")),
        (("nose", "tail1", "tail2"), ("individual",), ("nose", "tail1", "tail2")),
    ],
)
def test_numbers_are_taken_for_animals_and_it_is_said(
    names: tuple[str, ...], animals: tuple[str, ...], keypoints: tuple[str, ...]
) -> None:
    poses = guessed(posed(*names))
    assert (poses.individuals, poses.keypoints) == (animals, keypoints)
    assert any("a guess" in note for note in poses.notes) == (len(animals) > 1)
    assert bool(hint(posed(*names))) == (len(animals) > 1)
    if len(animals) > 1:
        settled = with_animals(posed(*names), list(dict.fromkeys(animal for animal, _ in numbered(names))))
        assert replace(settled, xy=poses.xy, likelihood=poses.likelihood, notes=poses.notes) == poses
        np.testing.assert_array_equal(settled.xy, poses.xy)
        assert with_animals(posed(*names), ["rat"]).individuals == ("rat",)
        assert with_animals(posed(*names), ["rat"]).keypoints == names

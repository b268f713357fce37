"""Pose files in binary formats, as the real libraries write them: DeepLabCut's h5 and movement's netCDF."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.movement import read_movement
from bench.errors import DataError, UsageError

ANIMALS, KEYPOINTS = ("one", "two"), ("nose", "neck", "tail")
ROWS = ("scorer", "individuals", "bodyparts", "coords")


def refused(read: Any, path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.hint
    return str(caught.value)


def table(animals: tuple[str, ...] = ANIMALS) -> Any:
    """Return DeepLabCut's table of five frames; values say where they belong."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("tables", reason="writing DeepLabCut's h5 files as DeepLabCut does needs tables")
    pytest.importorskip("h5py", reason="reading DeepLabCut's h5 files needs h5py")
    t, a, k, c = np.indices((5, len(animals), 3, 3))
    values = np.where(c == 2, 0.5, 1000.0 * t + 100 * a + 10 * k + c)
    values[4, -1, 2, 0] = np.nan
    names = [["net"], list(animals), list(KEYPOINTS), ["x", "y", "likelihood"]]
    columns = pd.MultiIndex.from_product(names, names=ROWS)
    if len(animals) == 1:
        columns = columns.droplevel("individuals")
    return pd.DataFrame(values.reshape(5, -1), columns=columns)


@pytest.mark.parametrize("layout", ["table", "fixed"])
def test_both_formats_of_pandas_are_read(tmp_path: Path, layout: str) -> None:
    table().to_hdf(tmp_path / "a.h5", key="df_with_missing", format=layout, mode="w")
    poses = read_poses(tmp_path / "a.h5")
    assert (poses.individuals, poses.keypoints) == (ANIMALS, KEYPOINTS)
    assert poses.xy.shape == (5, 2, 3, 2)
    assert poses.xy[3, 1, 2].tolist() == [3120, 3121]
    assert np.argwhere(np.isnan(poses.likelihood)).tolist() == [[4, 1, 2]]


def test_an_ending_in_capitals_is_the_same_ending(tmp_path: Path) -> None:
    table().to_hdf(tmp_path / "a.H5", key="df_with_missing", format="table", mode="w")
    assert read_poses(tmp_path / "a.H5").xy.shape == (5, 2, 3, 2)


def test_a_table_of_labelled_images_is_called_so(tmp_path: Path) -> None:
    table(("mouse",)).set_axis([f"labeled-data/m1/img{k}.png" for k in range(5)]).to_csv(tmp_path / "a.csv")
    with pytest.raises(DataError) as caught:
        read_poses(tmp_path / "a.csv")
    assert "labelled to train the network" in str(caught.value)


def test_the_h5_file_and_the_csv_hold_the_same(tmp_path: Path) -> None:
    one = table(("mouse",))
    one.to_hdf(tmp_path / "a.h5", key="df_with_missing", format="table", mode="w")
    one.to_csv(tmp_path / "a.csv")
    binary, text = read_poses(tmp_path / "a.h5"), read_poses(tmp_path / "a.csv")
    assert binary.individuals == text.individuals == ("individual",)
    np.testing.assert_array_equal(binary.xy, text.xy)
    np.testing.assert_array_equal(binary.likelihood, text.likelihood)


def test_broken_tables_of_pandas_are_refused(tmp_path: Path) -> None:
    whole, path = table(), tmp_path / "a.h5"
    wrong = {
        "rows that are not the frames": whole.set_index(whole.index + 1),
        "rows numbered by": whole.set_index(whole.index.astype(float)),
        "infinite numbers": whole.replace(3120.0, np.inf),
        "blocks of values": whole.astype({whole.columns[0]: "float32"}),
        "columns named by": table(("mouse",)).droplevel("scorer", axis=1),
        "likelihood, expected two/tail/x": whole[whole.columns[::-1]],
    }
    for expected, broken in wrong.items():
        broken.to_hdf(path, key="df_with_missing", format="fixed", mode="w")
        assert expected in refused(read_poses, path)
    whole.to_hdf(path, key="another", format="fixed")
    assert "2 tables of pandas, expected one" in refused(read_poses, path)
    path.write_bytes(path.read_bytes()[:900])
    assert "cut short" in refused(read_poses, path)
    path.write_text("frame,label\n")
    assert "no HDF5 file" in refused(read_poses, path)


class Harmful:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_among_the_column_names_is_not_run(tmp_path: Path) -> None:
    table().to_hdf(tmp_path / "a.h5", key="df_with_missing", format="table", mode="w")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        harm = pickle.dumps(Harmful(tmp_path / "run"), 0)
        file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(harm)
    assert "its column names ask for" in refused(read_poses, tmp_path / "a.h5")
    assert not (tmp_path / "run").exists()


def movement(**changes: Any) -> Any:
    """Return a data set in movement's layout; values say where they belong."""
    xarray = pytest.importorskip("xarray", reason="writing netCDF files as movement does needs xarray")
    pytest.importorskip("h5netcdf", reason="and h5netcdf")
    pytest.importorskip("h5py", reason="netCDF files need h5py")
    t, s, k, a = np.indices((5, 2, 3, 2))
    position = 1000.0 * t + 100 * a + 10 * k + s
    position[4, 0, 2, 1] = np.nan
    variables = {
        "position": (("time", "space", "keypoints", "individuals"), position),
        "confidence": (("time", "keypoints", "individuals"), np.full((5, 3, 2), 0.25)),
    }
    coordinates = {
        "time": np.arange(5) / 25,
        "space": ["x", "y"],
        "keypoints": list(KEYPOINTS),
        "individuals": list(ANIMALS),
    }
    attributes = {"fps": 25, "time_unit": "seconds", "ds_type": "poses"}
    return xarray.Dataset(variables, {**coordinates, **changes}, attributes)


@pytest.mark.parametrize("order", ["time space keypoints individuals", "time individuals keypoints space"])
def test_dimensions_are_found_by_name(tmp_path: Path, order: str) -> None:
    movement().transpose(*order.split()).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    poses = read_movement(tmp_path / "a.nc")
    assert (poses.individuals, poses.keypoints, poses.fps) == (ANIMALS, KEYPOINTS, 25)
    assert poses.xy.shape == (5, 2, 3, 2)
    assert poses.xy[3, 1, 2].tolist() == [3120, 3121]
    assert np.argwhere(np.isnan(poses.likelihood)).tolist() == [[4, 1, 2]]
    assert np.isnan(poses.xy[4, 1, 2]).all()


def test_a_data_set_without_confidence_and_rate(tmp_path: Path) -> None:
    plain = movement().drop_vars("confidence")
    plain.attrs.clear()
    plain.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    poses = read_movement(tmp_path / "a.nc")
    assert poses.fps is None
    assert np.isnan(poses.likelihood).all()


def test_broken_data_sets_of_movement_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    whole = movement()
    wrong = {
        "no 'position'": whole.drop_vars("position"),
        "no 'keypoints'": whole.isel(keypoints=0, drop=True),
        "position along time, space, keypoints; expected": whole.isel(individuals=0),
        "space ('y', 'x'), expected ('x', 'y')": whole.assign_coords(space=["y", "x"]),
        "a name stands there twice": whole.assign_coords(keypoints=["nose", "nose", "tail"]),
        "infinite positions": whole.fillna(np.inf),
        "position (5, 2, 3, 2) of int64": whole.fillna(0).astype(int),
    }
    for expected, broken in wrong.items():
        broken.to_netcdf(path, engine="h5netcdf")
        assert expected in refused(read_movement, path)
    whole.to_netcdf(path, engine="h5netcdf", encoding={"position": {"scale_factor": 0.5}})
    assert "position is packed by scale_factor" in refused(read_movement, path)
    path.write_bytes(path.read_bytes()[:700])
    assert "cut short" in refused(read_movement, path)
    path.write_bytes(b"CDF\x01" + bytes(60))
    assert "as netCDF 4: to_netcdf(path, engine='h5netcdf')" in refused(read_movement, path)


@pytest.mark.parametrize(
    ("read", "name", "library"), [(read_poses, "a.h5", "h5py"), (read_movement, "a.nc", "h5py")]
)
def test_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any, name: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=f"need {library}") as caught:
        read(tmp_path / name)
    assert caught.value.hint == "pip install -c constraints.txt '.[readers]'"


@pytest.mark.parametrize("fps", [np.inf, -30.0, np.nan, 1e300])
def test_a_rate_that_no_camera_has(tmp_path: Path, fps: float) -> None:
    """A rate is multiplied with times: one that is infinite gave a warning of numpy in place of a message."""
    movement().assign_attrs(fps=fps).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(DataError, match="fps"):
        read_movement(tmp_path / "a.nc")


def test_a_time_that_is_infinite(tmp_path: Path) -> None:
    whole = movement()
    times = np.where(np.arange(whole.sizes["time"]) == 1, np.inf, whole["time"])
    whole.assign_coords(time=times).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(DataError, match="infinite times"):
        read_movement(tmp_path / "a.nc")

"""Pose data sets of `movement`, saved as netCDF 4, which is HDF5; they need h5py.

Variables `position` and `confidence`, dimensions by name and in any order (time, space, keypoints,
individuals; in its first versions time, individuals, keypoints, space), x and y in pixels along `space`,
NaN = not found. The attribute `fps` is there where `movement` knew it. `time` is in seconds, or in frames
where it did not; a data set that was cut or thinned keeps the times that are left, so they are compared with
the frames 0, 1, 2, ….

Source: the documentation of movement, movement.neuroinformatics.dev, and xarray's netCDF files.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.formats.keypoints import Poses, beyond_float32, poses_of, row_faults
from bench.errors import DataError
from bench.files.hdf5 import library, names, opened, read_values, twice

_AXES = ("time", "individuals", "keypoints", "space")
_VARIABLES = ("position", "confidence")
_SCALES = "DIMENSION_LIST"
_FASTEST = 1e6
"""Frames per second: beyond any camera."""


def read_movement(path: Path) -> Poses:
    """Read one file; raise `DataError` listing every part that is missing or of another shape.

    Raises `UsageError` where h5py is not installed.
    """
    with opened(path, "netCDF", _error) as file:
        content = {name: _values(file[name]) for name in (*_VARIABLES, *_AXES[1:]) if name in file}
        dims = {name: _dimensions(file[name]) for name in _VARIABLES if name in file}
        fps = None if (rate := file.attrs.get("fps")) is None else float(np.asarray(rate).item())
        times = _times(file)
        unit = "".join(names(file.attrs.get("time_unit")))
    faults = [f"no {name!r}" for name in ("position", *_AXES[1:]) if name not in content]
    for name, axes in zip(_VARIABLES, (_AXES, _AXES[:3]), strict=True):
        if name in dims and sorted(dims[name]) != sorted(axes):
            faults.append(f"{name} along {', '.join(dims[name])}; expected {', '.join(axes)}")
    if faults:
        raise _error(path, faults)
    xy = content["position"].transpose([dims["position"].index(axis) for axis in _AXES])
    scores = np.full(xy.shape[:3], np.nan)
    if "confidence" in content:
        scores = content["confidence"].transpose([dims["confidence"].index(axis) for axis in _AXES[:3]])
    animals, keypoints, space = (names(content[axis]) for axis in _AXES[1:])
    faults = twice({"individuals": animals, "keypoints": keypoints})
    if space != ("x", "y"):
        faults.append(f"space {space}, expected ('x', 'y')")
    if xy.dtype.kind != "f" or scores.dtype.kind != "f" or not xy.size:
        faults.append(f"position {xy.shape} of {xy.dtype}, confidence of {scores.dtype}, expected numbers")
    elif xy.shape[1:] != (len(animals), len(keypoints), len(space)) or scores.shape != xy.shape[:3]:
        faults.append(f"position {xy.shape}, confidence {scores.shape}, names {animals} x {keypoints}")
    elif beyond_float32(xy):
        faults.append("infinite positions")
    wrong, row_rate = _time_faults(times, unit, len(xy), fps)
    faults += wrong
    if faults:
        raise _error(path, faults)
    return replace(poses_of(animals, keypoints, xy, scores), fps=fps, row_rate=row_rate)


def _times(file: Any) -> np.ndarray | None:
    """Return the times of the rows; None where the dimension has no values of its own."""
    if "time" not in file or b"netCDF dimension but not" in bytes(
        str(file["time"].attrs.get("NAME")), "utf-8"
    ):
        return None
    return _values(file["time"])


def _time_faults(
    times: np.ndarray | None, unit: str, rows: int, fps: float | None
) -> tuple[list[str], float | None]:
    """Say where rows are not the frames 0, 1, 2, … by their times; return the rows per second too.

    The rate is that of the times where the file has no other, None where they say nothing of seconds.
    """
    if fps is not None and not 0 <= fps <= _FASTEST:
        return [f"fps {fps:g}, expected frames per second"], None
    if times is None:
        return [], None
    if times.shape != (rows,) or times.dtype.kind not in "iuf":
        return [f"time {times.shape} of {times.dtype}, expected {rows:,} numbers"], None
    frames = times.astype(np.float64)
    if beyond_float32(frames):
        return ["infinite times"], None
    unknown = not unit and not fps and np.array_equal(frames, np.arange(rows))
    if unit == "frames" or unknown:
        return row_faults(frames), None
    if fps:
        return row_faults(frames * fps), None
    step = (frames[-1] - frames[0]) / max(rows - 1, 1)
    if not step > 0:
        return [f"time from {frames[0]:g} to {frames[-1]:g}, expected seconds that rise"], None
    return row_faults(frames / step), 1 / step


def _values(variable: Any) -> np.ndarray:
    """Return the numbers as they were saved; raise `ValueError` where they are packed."""
    if packed := {"scale_factor", "add_offset"} & set(variable.attrs):
        raise ValueError(f"{variable.name[1:]} is packed by {', '.join(sorted(packed))}")
    return read_values(variable)


def _dimensions(variable: Any) -> tuple[str, ...]:
    """Return the names of a variable's dimensions, in order; each is a scale of the HDF5 file.

    The HDF5 library itself crashes on a list of dimensions of another type, so the type is looked at first.
    Raises `ValueError` where it is not a list of references, one for each dimension.
    """
    h5py = library("h5py", "netCDF")
    if _SCALES not in variable.attrs:
        return ()
    held = variable.attrs.get_id(_SCALES)
    of_each = h5py.check_vlen_dtype(held.dtype)
    if (
        of_each is None
        or h5py.check_ref_dtype(of_each) is not h5py.Reference
        or held.shape != (variable.ndim,)
    ):
        raise ValueError(f"{variable.name[1:]}: {_SCALES} {held.shape} of {held.dtype}, expected references")
    return tuple(variable.file[scales[0]].name[1:] for scales in variable.attrs[_SCALES])


def _error(path: Path, faults: list[str]) -> DataError:
    hint = "save it again, as netCDF 4: to_netcdf(path, engine='h5netcdf'); or take it out"
    return DataError(f"{path} is not a pose data set of movement", faults, hint)

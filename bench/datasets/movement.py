"""Pose data sets of `movement`, saved as netCDF; they need h5netcdf.

Variables `position` and `confidence`, dimensions by name and in any order (time, space, keypoints and
individuals since 0.1; time, individuals, keypoints and space before), x and y in pixels along `space`,
NaN = not found. The attribute `fps` is there where `movement` knew it.

Source: the documentation of movement, movement.neuroinformatics.dev, and xarray's netCDF files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.deeplabcut import Poses
from bench.datasets.hdf5 import library, names, twice
from bench.errors import DataError

_AXES = ("time", "individuals", "keypoints", "space")


def read_movement(path: Path) -> Poses:
    """Read one file; raise `DataError` listing every part that is missing or of another shape.

    Raises `UsageError` where h5netcdf is not installed.
    """
    h5netcdf = library("h5netcdf", "netCDF")
    try:
        with h5netcdf.File(path, "r") as file:
            content = {name: _values(of) for name, of in file.variables.items() if name in _READ}
            dims = {name: tuple(of.dimensions) for name, of in file.variables.items()}
            fps = file.attrs.get("fps")
    except (OSError, ValueError, KeyError) as fault:
        problem = f"no netCDF 4 file, or cut short: {fault}"
        raise _error(path, [problem, "netCDF 3 is not read: save it with engine='h5netcdf'"]) from None
    faults = [f"no {name!r}" for name in ("position", *_AXES[1:]) if name not in content]
    for name, axes in (("position", _AXES), ("confidence", _AXES[:3])):
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
    elif np.isinf(xy).any():
        faults.append("infinite positions")
    if faults:
        raise _error(path, faults)
    lost = np.isnan(xy).any(axis=-1)
    return Poses(
        animals,
        keypoints,
        np.where(lost[..., None], np.nan, xy).astype(np.float32),
        np.where(lost, np.nan, scores).astype(np.float32),
        fps=None if fps is None else float(fps),
    )


_READ = ("position", "confidence", *_AXES[1:])


def _values(variable: Any) -> np.ndarray:
    """Return the numbers as they were saved; raise `ValueError` where they are packed."""
    if packed := {"scale_factor", "add_offset"} & set(variable.attrs):
        raise ValueError(f"{variable.name} is packed by {', '.join(sorted(packed))}")
    return np.asarray(variable[...])


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(
        f"{path} is not a pose data set of movement", faults, hint="save it again, or take it out"
    )

"""SLEAP analysis HDF5 files; they need h5py.

`tracks` are pixels, NaN = not found; `point_scores` say how sure each is; `node_names` are the keypoints,
`track_names` the animals. Files of today name the axes of an array in its attribute `dims`, in any order;
files without it have (track, xy, node, frame), or (frame, node, xy, track) where the file's attribute
`transpose` is false. Files of one animal without a track have an empty `track_names`; files of old versions
have no scores, and their likelihood is NaN throughout.

Source: Pereira et al. 2022, doi 10.1038/s41592-022-01426-1, and the documentation of SLEAP and sleap-io.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.formats.keypoints import Poses, beyond_float32, poses_of
from bench.errors import DataError
from bench.files.hdf5 import names, opened, read_values, twice

_AXES = {"tracks": ("track", "xy", "node", "frame"), "point_scores": ("track", "node", "frame")}
"""Of files that name none; SLEAP wrote them for MATLAB, unless it was told not to turn them."""
_UNTURNED = {"tracks": ("frame", "node", "xy", "track"), "point_scores": ("frame", "node", "track")}


def read_analysis(path: Path) -> Poses:
    """Read one file; raise `DataError` listing every part that is missing or of another shape.

    Raises `UsageError` where h5py is not installed.
    """
    parts = ("tracks", "point_scores", "node_names", "track_names")
    faults: list[str] = []
    with opened(path, "SLEAP", _error) as file:
        content = {name: read_values(file[name]) for name in parts if name in file}
        turned = bool(np.all(file.attrs.get("transpose", True)))
        for name in set(_AXES) & set(content):
            unnamed = None if turned else np.array(_UNTURNED[name])
            content[name] = _in_our_order(name, content[name], file[name].attrs.get("dims", unnamed), faults)
    faults += [f"no {name!r}" for name in ("tracks", "node_names") if name not in content]
    if faults:
        raise _error(path, faults)
    keypoints, animals = (names(content.get(name)) for name in ("node_names", "track_names"))
    animals = animals or ("individual",)
    return _poses(path, content["tracks"], content.get("point_scores"), animals, keypoints)


def _in_our_order(name: str, values: np.ndarray, dims: Any, faults: list[str]) -> np.ndarray:
    """Return an array with its axes in the order of `_AXES`; note axes that are not those."""
    if dims is None:
        return values
    axes = _axes(dims)
    if sorted(axes) != sorted(_AXES[name]) or values.ndim != len(axes):
        faults.append(
            f"{name} {values.shape} along {', '.join(axes) or repr(dims)}, expected {', '.join(_AXES[name])}"
        )
        return values
    return values.transpose([axes.index(axis) for axis in _AXES[name]])


def _axes(dims: Any) -> tuple[str, ...]:
    """Return the names of axes, written as a list of JSON or as an array of texts."""
    written = names(dims)
    if len(written) != 1:
        return written
    try:
        listed = json.loads(written[0])
    except ValueError:
        return ()
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


def _poses(
    path: Path, tracks: Any, scores: Any, animals: tuple[str, ...], keypoints: tuple[str, ...]
) -> Poses:
    faults = []
    shape = (len(animals), 2, len(keypoints))
    if tracks.ndim != 4 or tracks.shape[:3] != shape or tracks.shape[3] == 0 or tracks.dtype.kind != "f":
        expected = f"({', '.join(map(str, shape))}, frames)"
        faults.append(f"tracks {tracks.shape} of {tracks.dtype}, expected {expected} numbers")
    elif beyond_float32(tracks):
        faults.append("infinite numbers in tracks")
    if scores is not None and scores.shape != (*tracks.shape[:1], *tracks.shape[2:]):
        faults.append(f"point_scores {scores.shape}, tracks {tracks.shape}")
    faults += twice({"animals": animals, "keypoints": keypoints})
    if faults:
        raise _error(path, faults)
    xy = tracks.transpose(3, 0, 2, 1)
    likelihood = np.full(xy.shape[:3], np.nan) if scores is None else scores.transpose(2, 0, 1)
    return poses_of(animals, keypoints, xy, likelihood)


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(f"{path} is not a SLEAP analysis file", faults, hint="export it again, or take it out")

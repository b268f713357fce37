"""SLEAP analysis HDF5 files; they need h5py.

`tracks` (animals, xy, keypoints, frames), pixels, NaN = not found; `point_scores` (animals, keypoints,
frames); `node_names` the keypoints, `track_names` the animals. Files of one animal without a track have
an empty `track_names`; files of old versions have no scores, and their likelihood is NaN throughout.

Source: Pereira et al. 2022, doi 10.1038/s41592-022-01426-1, and the documentation of SLEAP.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.formats.deeplabcut import Poses, beyond_float32
from bench.errors import DataError
from bench.files.hdf5 import names, opened, read_values, twice


def read_analysis(path: Path) -> Poses:
    """Read one file; raise `DataError` listing every part that is missing or of another shape.

    Raises `UsageError` where h5py is not installed.
    """
    parts = ("tracks", "point_scores", "node_names", "track_names")
    with opened(path, "SLEAP", _error) as file:
        content = {name: read_values(file[name]) for name in parts if name in file}
    faults = [f"no {name!r}" for name in ("tracks", "node_names") if name not in content]
    if faults:
        raise _error(path, faults)
    keypoints, animals = (names(content.get(name)) for name in ("node_names", "track_names"))
    animals = animals or ("individual",)
    return _poses(path, content["tracks"], content.get("point_scores"), animals, keypoints)


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
    xy = tracks.transpose(3, 0, 2, 1).astype(np.float32)
    lost = np.isnan(xy).any(axis=-1)
    xy[lost] = np.nan
    likelihood = np.full(lost.shape, np.nan) if scores is None else scores.transpose(2, 0, 1)
    return Poses(animals, keypoints, xy, np.where(lost, np.nan, likelihood).astype(np.float32))


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(f"{path} is not a SLEAP analysis file", faults, hint="export it again, or take it out")

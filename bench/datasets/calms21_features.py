"""CalMS21's precomputed features: 32 numbers per frame of a task-programming model, beside the poses.

`taskprog_features_task1_train.json` lies beside `calms21_task1_train.json` in the official archive, as
`{group: {sequence id: {features: (frames, 32)}}}`. They were learned from the unlabelled set.

Source: Sun et al. 2021, arXiv:2104.02710, and the layout that the authors' conversion script reads; the files
were not at hand when this reader was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from bench.errors import DataError, FileError
from bench.files.json_stream import index, read_at
from bench.files.strict_json import parse_json

SIZE = 32


def name_beside(name: str) -> str:
    """Return the name of the file of features that belongs to a file of poses.

    >>> name_beside("calms21_task1_train.json")
    'taskprog_features_task1_train.json'
    """
    return name.replace("calms21", "taskprog_features", 1)


@dataclass(frozen=True)
class Features:
    """One file of features; each sequence is read when it is needed."""

    path: Path
    places: Mapping[tuple[str, str], tuple[int, int]]

    def read(self, group: str, key: str, frames: int) -> Float32[np.ndarray, "T 32"]:
        """Return the features of a sequence; raise `DataError` where they are not one row per frame."""
        if (group, key) not in self.places:
            raise DataError("", [f"no features of it in {self.path.name}"])
        try:
            content = parse_json(read_at(self.path, self.places[group, key]))
            features = np.array(content["features"], dtype=np.float32)
        except (FileError, KeyError, TypeError, ValueError) as fault:
            raise DataError(
                "", [f"features that cannot be read in {self.path.name}: {type(fault).__name__}: {fault}"]
            ) from fault
        if features.shape != (frames, SIZE):
            raise DataError("", [f"features of shape {features.shape}, expected ({frames}, {SIZE})"])
        if not np.isfinite(features).all():
            raise DataError("", [f"features: {int((~np.isfinite(features)).sum())} numbers are not finite"])
        return features


def find(poses: Path) -> Features | None:
    """Return the features beside a file of poses, None where there are none; raises `FileError`."""
    path = poses.with_name(name_beside(poses.name))
    return Features(path, index(path)) if path != poses and path.is_file() else None

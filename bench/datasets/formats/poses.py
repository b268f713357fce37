"""Poses of a file of DeepLabCut, SLEAP or movement, told apart by what is in it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.keypoints import Poses
from bench.datasets.formats.movement import read_movement
from bench.datasets.formats.sleap import read_analysis
from bench.errors import DataError
from bench.files.csv_rows import separator
from bench.files.hdf5 import opened
from bench.files.texts import file_encoding

ENDINGS = (".csv", ".h5", ".hdf5", ".nc")


def reader_of(path: Path) -> Callable[[Path], Poses] | None:
    """Return what reads a file of poses; None where it is a csv of something else.

    Raises `DataError` where an HDF5 file cannot be opened, `UsageError` where h5py is needed and absent.
    """
    if path.suffix.lower() == ".csv":
        return read_poses if _names_a_scorer(path) else None
    if path.suffix.lower() == ".nc":
        return read_movement
    with opened(path, "HDF5", lambda place, faults: DataError(f"{place} holds no poses", faults)) as file:
        return read_analysis if "tracks" in file else read_poses


def _names_a_scorer(path: Path) -> bool:
    """Whether the first row is that of a DeepLabCut csv, or of one that pandas wrote again."""
    with path.open(newline="", encoding=file_encoding(path), errors="replace") as lines:
        head = next(csv.reader([lines.readline(1000)], delimiter=separator(path)), [])
    return "scorer" in head[:2]

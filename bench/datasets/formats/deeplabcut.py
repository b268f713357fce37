"""DeepLabCut files: header rows for scorer, individuals (of several animals), bodyparts and coords.

The csv and the h5 file (which needs h5py) hold the same table. An empty cell is a keypoint that was not
found. Pixels, x to the right and y down, frames from 0. A csv that pandas wrote again has one index column
more, and ".1", ".2" behind the repeated names of its first row; it is read as well.
Source: Lauer et al. 2022, doi 10.1038/s41592-022-01443-0, and the files of the rat dyads.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from bench.errors import DataError, first
from bench.files.csv_rows import each_row
from bench.files.pandas_hdf import read_frame

_COORDS = ("x", "y", "likelihood")
_ROWS = ("scorer", "individuals", "bodyparts", "coords")


@dataclass(frozen=True)
class Poses:
    """What one file holds."""

    individuals: tuple[str, ...]
    """Names of the animals; ("individual",) where the file is of one animal and names none."""
    keypoints: tuple[str, ...]
    xy: Float32[np.ndarray, "T A K 2"]
    """Pixels; NaN = not found."""
    likelihood: Float32[np.ndarray, "T A K"]
    """In [0, 1]; NaN = not found."""
    through_pandas: bool = False
    """Whether the table went through pandas: perhaps an excerpt."""
    fps: float | None = None
    """Frames per second, where the file says it."""


def beyond_float32(values: np.ndarray) -> bool:
    """Whether a number is infinite, or would be in the precision of `Poses`."""
    return bool((np.abs(values) > np.finfo(np.float32).max).any())


def read_poses(path: Path) -> Poses:
    """Read one csv or h5 file; raise `DataError` where it is not in this layout.

    Raises `UsageError` where h5py is needed and not installed.
    """
    header, table, through_pandas = _h5_parts(path) if path.suffix == ".h5" else _csv_parts(path)
    columns = len(header["bodyparts"])
    animals = header.get("individuals", ["individual"] * columns)
    individuals, keypoints = tuple(dict.fromkeys(animals)), tuple(dict.fromkeys(header["bodyparts"]))
    named_columns = list(zip(animals, header["bodyparts"], header["coords"], strict=True))
    expected = [(a, k, c) for a in individuals for k in keypoints for c in _COORDS]
    if named_columns != expected:
        pairs = zip_longest(named_columns, expected)
        column, (got, want) = next((i, pair) for i, pair in enumerate(pairs, start=2) if pair[0] != pair[1])
        expected_column = "/".join(want) if want else "no more columns"
        problem = f"column {column}: {'/'.join(got) if got else 'missing'}, expected {expected_column}"
        raise _error(path, [f"{problem}; every animal has every keypoint with {', '.join(_COORDS)}"])
    values = table.reshape(len(table), len(individuals), len(keypoints), 3)
    xy = values[..., :2].astype(np.float32)
    lost = np.isnan(xy).any(axis=-1)
    xy[lost] = np.nan
    likelihood = np.where(lost, np.nan, values[..., 2]).astype(np.float32)
    return Poses(individuals, keypoints, xy, likelihood, through_pandas)


Parts = tuple[dict[str, list[str]], Float64[np.ndarray, "T N"], bool]
"""The header rows by name, the numbers, and whether pandas wrote the csv."""


def _h5_parts(path: Path) -> Parts:
    columns, table, index = read_frame(path, "DeepLabCut's h5", _error)
    rows = _ROWS if columns and len(columns[0]) == len(_ROWS) else (_ROWS[0], *_ROWS[2:])
    if not columns or {len(column) for column in columns} != {len(rows)}:
        raise _error(path, [f"columns named by {sorted(map(len, columns))[:1]} rows, expected {_ROWS}"])
    faults = [] if index == list(range(len(index))) else ["rows that are not the frames 0, 1, 2, …"]
    faults += [] if index else ["no frames"]
    faults += ["infinite numbers"] if beyond_float32(table) else []
    if faults:
        raise _error(path, faults)
    return dict(zip(rows, map(list, zip(*columns, strict=True)), strict=True)), table, False


def _csv_parts(path: Path) -> Parts:
    header: dict[str, list[str]] = {}
    rows: list[list[float]] = []
    faults: list[str] = []
    through_pandas = False
    for line, cells in each_row(path):
        through_pandas = through_pandas or (line == 1 and cells[:2] == ["", "scorer"])
        row = cells[1:] if through_pandas else cells
        if row and not row[0].strip().isdigit():
            if rows or faults:  # a header row among the frames would be a frame that vanishes
                faults.append(f"line {line}: frame {row[0]!r}, expected a whole number")
            else:
                header[row[0]] = row[1:]
            continue
        try:
            rows.append([float(cell) if cell else np.nan for cell in row[1:]])
        except ValueError as error:
            faults.append(f"line {line}: {error}")
        else:
            if len(row) - 1 != len(header.get("coords", ())) or row[0] != str(len(rows) - 1):
                faults.append(
                    f"line {line}: frame {row[:1]} of {len(row) - 1} values, "
                    f"expected frame {len(rows) - 1} of {len(header.get('coords', ()))}"
                )
    faults += [f"no header row {name!r}" for name in ("scorer", "bodyparts", "coords") if name not in header]
    faults += [] if rows else ["no frames"]
    if not faults and len({len(values) for values in header.values()}) > 1:
        faults.append(f"header rows of {sorted({len(values) for values in header.values()})} columns")
    if faults:
        raise _error(path, faults)
    table = np.array(rows)
    if beyond_float32(table):
        raise _error(path, ["infinite numbers"])
    return header, table, through_pandas


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(
        f"{path} is not a DeepLabCut table", first(faults), hint="export it again, or take it out"
    )

"""DeepLabCut csv files: header rows for scorer, individuals (of several animals), bodyparts and coords.

An empty cell is a keypoint that was not found. Pixels, x to the right and y down, frames from 0. A table that
pandas wrote again has one index column more, and ".1", ".2" behind the repeated names of its first row; it
is read as well.
Source: Lauer et al. 2022, doi 10.1038/s41592-022-01443-0, and the files of the rat dyads.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from bench.errors import DataError

_COORDS = ("x", "y", "likelihood")


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
    saved_again: bool = False
    """Whether the table went through pandas: perhaps an excerpt."""


def read_poses(path: Path) -> Poses:
    """Read one file; raise `DataError` where it is not in this layout."""
    header, table, saved_again = _parts(path)
    columns = len(header["bodyparts"])
    animals = header.get("individuals", ["individual"] * columns)
    individuals, keypoints = tuple(dict.fromkeys(animals)), tuple(dict.fromkeys(header["bodyparts"]))
    found = list(zip(animals, header["bodyparts"], header["coords"], strict=True))
    expected = [(a, k, c) for a in individuals for k in keypoints for c in _COORDS]
    if found != expected:
        pairs = zip_longest(found, expected)
        column, (got, want) = next((i, pair) for i, pair in enumerate(pairs, start=2) if pair[0] != pair[1])
        wanted = "/".join(want) if want else "no more columns"
        problem = f"column {column}: {'/'.join(got) if got else 'missing'}, expected {wanted}"
        raise _error(path, [f"{problem}; every animal has every keypoint with {', '.join(_COORDS)}"])
    values = table.reshape(len(table), len(individuals), len(keypoints), 3)
    xy = values[..., :2].astype(np.float32)
    lost = np.isnan(xy).any(axis=-1)
    xy[lost] = np.nan
    likelihood = np.where(lost, np.nan, values[..., 2]).astype(np.float32)
    return Poses(individuals, keypoints, xy, likelihood, saved_again)


def _parts(path: Path) -> tuple[dict[str, list[str]], Float64[np.ndarray, "T N"], bool]:
    """Return the header rows by name, the numbers, and whether pandas wrote the table."""
    header: dict[str, list[str]] = {}
    rows: list[list[float]] = []
    faults: list[str] = []
    saved_again = False
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for line, cells in enumerate(csv.reader(file), start=1):
            saved_again = saved_again or (line == 1 and cells[:2] == ["", "scorer"])
            row = cells[1:] if saved_again else cells
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
    if np.isinf(table).any():
        raise _error(path, ["infinite numbers"])
    return header, table, saved_again


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(f"{path} is not a DeepLabCut table", faults, hint="export it again, or take it out")

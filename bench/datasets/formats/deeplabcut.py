"""DeepLabCut files: header rows for scorer, individuals (of several animals), bodyparts and coords.

The csv and the h5 file (which needs h5py) hold the same table. An empty cell is a keypoint that was not
found. Pixels, x to the right and y down, frames from 0. A csv that pandas wrote again has one index column
more, and ".1", ".2" behind the repeated names of its first row; it is read as well.
Source: Lauer et al. 2022, doi 10.1038/s41592-022-01443-0, and the files of the rat dyads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from bench.datasets.formats.keypoints import Poses, beyond_float32, poses_of, row_faults
from bench.errors import DataError, first
from bench.files.csv_rows import decimal_points, each_row, separator
from bench.files.pandas_hdf import read_frame

_COORDS = ("x", "y", "likelihood")
_NOBODY = "single"
"""What DeepLabCut calls the individual that the body parts of no animal are under."""
_ROWS = ("scorer", "individuals", "bodyparts", "coords")
_IMAGES = "labeled-data"
"""The folder that every row of a table of labelled images begins with."""
_LABELLED = "these images were labelled to train the network; take the file that it wrote of the video"


def read_poses(path: Path, animals: Sequence[str] = ()) -> Poses:
    """Read one csv or h5 file; raise `DataError` where it is not in this layout.

    In projects of several animals DeepLabCut puts body parts that belong to none, such as the corners of an
    arena, under an individual of their own ("single"). It is left out, and the notes say so; `animals` may
    name it among those to keep, and then every animal has all keypoints, NaN where they are not its own.
    Raises `UsageError` where h5py is needed and not installed.
    """
    header, table, through_pandas = _h5_parts(path) if path.suffix.lower() == ".h5" else _csv_parts(path)
    columns = len(header["bodyparts"])
    named = list(
        zip(
            header.get("individuals", ["individual"] * columns),
            header["bodyparts"],
            header["coords"],
            strict=True,
        )
    )
    parts = {a: tuple(dict.fromkeys(k for animal, k, _ in named if animal == a)) for a, _, _ in named}
    of_animals = [own for a, own in parts.items() if a != _NOBODY] or list(parts.values())
    shared = Counter(of_animals).most_common(1)[0][0]
    apart = [a for a, own in parts.items() if not set(own) & set(shared)]
    expected = [
        (a, k, c) for a, own in parts.items() for k in (own if a in apart else shared) for c in _COORDS
    ]
    if named != expected:
        raise _error(path, [_column_fault(named, expected)])
    kept = tuple(animals) if set(animals) <= set(parts) else ()
    individuals = kept or tuple(a for a in parts if a not in apart)
    left_out = [a for a in parts if a not in individuals]
    keypoints = tuple(dict.fromkeys(k for a in individuals for k in parts[a]))
    values = _gathered(table, named, individuals, keypoints)
    notes = [f"individual {a} is left out: its keypoints are its own ({', '.join(parts[a])})" for a in apart]
    notes = notes if not kept else [f"individual {a} is left out: not among animals" for a in left_out]
    poses = poses_of(individuals, keypoints, values[..., :2], values[..., 2], notes)
    return replace(poses, through_pandas=through_pandas)


def _gathered(
    table: Float64[np.ndarray, "T N"],
    named: Sequence[tuple[str, str, str]],
    individuals: Sequence[str],
    keypoints: Sequence[str],
) -> Float64[np.ndarray, "T A K 3"]:
    """Return x, y and likelihood of every animal's keypoints; NaN of those that it has not."""
    place: Mapping[tuple[str, str, str], int] = {name: i for i, name in enumerate(named)}
    empty = len(named)
    order = [place.get((a, k, c), empty) for a in individuals for k in keypoints for c in _COORDS]
    if order == list(range(empty)):
        return table.reshape(len(table), len(individuals), len(keypoints), 3)
    wide = np.concatenate([table, np.full((len(table), 1), np.nan)], axis=1)
    return wide[:, order].reshape(len(table), len(individuals), len(keypoints), 3)


def _column_fault(named: Sequence[tuple[str, str, str]], expected: Sequence[tuple[str, str, str]]) -> str:
    pairs = zip_longest(named, expected)
    column, (got, want) = next((i, pair) for i, pair in enumerate(pairs, start=2) if pair[0] != pair[1])
    expected_column = "/".join(want) if want else "no more columns"
    problem = f"column {column}: {'/'.join(got) if got else 'missing'}, expected {expected_column}"
    return f"{problem}; every animal has every keypoint with {', '.join(_COORDS)}"


Parts = tuple[dict[str, list[str]], Float64[np.ndarray, "T N"], bool]
"""The header rows by name, the numbers, and whether pandas wrote the csv."""


def _h5_parts(path: Path) -> Parts:
    columns, table, index = read_frame(path, "DeepLabCut's h5", _error)
    rows = _ROWS if columns and len(columns[0]) == len(_ROWS) else (_ROWS[0], *_ROWS[2:])
    if not columns or {len(column) for column in columns} != {len(rows)}:
        raise _error(path, [f"columns named by {sorted(map(len, columns))[:1]} rows, expected {_ROWS}"])
    faults = row_faults(np.array(index, dtype=np.float64))
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
    delimiter = separator(path)
    for line, written in each_row(path, delimiter):
        cells = decimal_points(written) if delimiter == ";" else written
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
    faults += [] if rows else [_no_frames(header)]
    if not faults and len({len(values) for values in header.values()}) > 1:
        faults.append(f"header rows of {sorted({len(values) for values in header.values()})} columns")
    if faults:
        raise _error(path, faults)
    table = np.array(rows)
    if beyond_float32(table):
        raise _error(path, ["infinite numbers"])
    return header, table, through_pandas


def _no_frames(names: Collection[str]) -> str:
    """Say that no row of a table is a frame; `names` are what its rows begin with."""
    return f"no frames: {_LABELLED}" if any(name.startswith(_IMAGES) for name in names) else "no frames"


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(
        f"{path} is not a DeepLabCut table", first(faults), hint="export it again, or take it out"
    )

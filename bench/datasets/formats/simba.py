"""SimBA `targets_inserted` csv files: poses, features, and a column of 0 and 1 per behaviour.

A row is a frame, and the first column its number. A keypoint is three columns in a row: `…_x`, `…_y`, `…_p`.
The behaviours are named by who reads, because a feature may hold nothing but 0 and 1 as well.

Source: Goodwin et al. 2024, doi 10.1038/s41593-024-01649-9, and the documentation of SimBA.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from bench.errors import DataError, first
from bench.files.csv_rows import read_table, separator


@dataclass(frozen=True, eq=False)
class Targets:
    """What one file holds."""

    keypoints: tuple[str, ...]
    """In the order of the file, those of all animals: SimBA marks the animal in the name."""
    xy: Float32[np.ndarray, "T K 2"]
    """Pixels. SimBA writes 0, 0 for a keypoint that was not found, DeepLabCut 3 -1, -1: both are NaN here."""
    likelihood: Float32[np.ndarray, "T K"]
    labels: Bool[np.ndarray, "T C"]
    """In the order in which the behaviours were asked for."""


def read_targets(path: Path, behaviours: Sequence[str]) -> Targets:
    """Read one file; raise `DataError` listing every missing column and every line that is not in order."""
    header, rows = read_table(path, separator(path))
    names = _keypoints(header)
    faults = [f"no column {name!r}" for name in behaviours if name not in header]
    faults += [f"{count} columns {name!r}" for name, count in Counter(header).items() if count > 1]
    faults += [] if names else ["no keypoint: three columns in a row that end in _x, _y and _p"]
    faults += [] if rows else ["no frames"]
    if faults:
        raise _error(path, faults)
    where = [header.index(f"{name}_{part}") for name in names for part in "xyp"]
    targets = [header.index(name) for name in behaviours]
    values = np.zeros((len(rows), len(where)), dtype=np.float32)
    labels = np.zeros((len(rows), len(targets)), dtype=bool)
    for t, (line, row) in enumerate(rows):
        wrong = _row_faults(row, header, where, targets, t)
        faults += [f"line {line}: {fault}" for fault in wrong]
        if not wrong:
            values[t] = [float(row[column]) for column in where]
            labels[t] = [float(row[column]) == 1 for column in targets]
    if faults:
        raise _error(path, faults)
    poses = values.reshape(len(rows), len(names), 3)
    lost = (poses[..., :2] == 0).all(axis=-1)
    lost |= (poses[..., :2] == -1).all(axis=-1) & (poses[..., 2] <= 0)
    poses[lost] = np.nan
    return Targets(names, poses[..., :2], poses[..., 2], labels)


def _keypoints(header: Sequence[str]) -> tuple[str, ...]:
    triples = zip(header, header[1:], header[2:], strict=False)
    return tuple(x[:-2] for x, y, p in triples if x[-2:] == "_x" and (y, p) == (f"{x[:-2]}_y", f"{x[:-2]}_p"))


def _row_faults(
    row: Sequence[str], header: Sequence[str], where: Sequence[int], targets: Sequence[int], frame: int
) -> list[str]:
    if len(row) != len(header):
        return [f"{len(row)} columns, expected {len(header)}"]
    faults = [] if row[0] == str(frame) else [f"frame {row[0]!r}, expected {frame}"]
    faults += [f"{header[c]} {row[c]!r}, expected a number" for c in where if not _finite(row[c])]
    faults += [
        f"{header[c]} {row[c]!r}, expected 0 or 1" for c in targets if row[c] not in ("0", "1", "0.0", "1.0")
    ]
    return faults


def _finite(text: str) -> bool:
    """Whether a cell is a number that is still one in the precision of `Targets`."""
    try:
        return abs(float(text)) <= float(np.finfo(np.float32).max)
    except ValueError:
        return False


def _error(path: Path, faults: Sequence[str]) -> DataError:
    return DataError(
        f"{path} is not a SimBA table of targets", first(faults), hint="export it again, or take it out"
    )

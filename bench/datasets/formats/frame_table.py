"""The plainest labels: a csv with one row per frame, in two forms.

`frame,attack,mount`   a column of 0 and 1 per class; several may hold
`frame,label`          the name of the class that holds; an empty cell where nobody annotated

Frames count from 0 and none is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from bench.errors import DataError, first
from bench.files.csv_rows import read_table, separator, width_faults


@dataclass(frozen=True, eq=False)
class FrameTable:
    """What one file holds."""

    classes: tuple[str, ...]
    """The columns, or the names in the order in which they first appear."""
    labels: Bool[np.ndarray, "T C"]
    annotated: Bool[np.ndarray, " T"]


def read_frame_table(path: Path, classes: Sequence[str] = ()) -> FrameTable:
    """Read one file; with `classes`, these are the only names there may be, in this order.

    Raises `DataError` listing every line that is not in order.
    """
    header, rows = read_table(path, separator(path))
    faults = [f"{count} columns {name!r}" for name, count in Counter(header).items() if count > 1]
    if len(header) < 2 or header[0] != "frame":
        faults.append(f"columns {', '.join(header)}, expected frame and either label or one per class")
    faults += [] if rows else ["no frames"]
    faults += width_faults(header, rows)
    if faults:
        raise _error(path, faults)
    by_name = header[1:] == ["label"]
    columns = [cell for cell in dict.fromkeys(row[1] for _, row in rows) if cell] if by_name else header[1:]
    names = tuple(classes or columns)
    faults += [f"class {name!r}, expected one of {', '.join(names)}" for name in columns if name not in names]
    faults += [f"no column {name!r}" for name in names if not by_name and name not in header]
    for t, (line, row) in enumerate(rows):
        if row[0] != str(t):
            faults.append(f"line {line}: frame {row[0]!r}, expected {t}")
        if not by_name:
            wrong = [cell for cell in row[1:] if cell not in ("0", "1")]
            faults += [f"line {line}: {cell!r}, expected 0 or 1" for cell in wrong]
    if faults:
        raise _error(path, faults)
    if by_name:
        labels = np.array([[row[1] == name for name in names] for _, row in rows], dtype=bool)
        return FrameTable(names, labels, np.asarray(labels.any(axis=1)))
    where = [header.index(name) for name in names]
    labels = np.array([[row[column] == "1" for column in where] for _, row in rows])
    return FrameTable(names, labels, np.ones(len(rows), dtype=bool))


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(
        f"{path} is not a table of one row per frame", first(faults), hint="mend it, or take it out"
    )

"""Runs as tables, Parquet or CSV, one row per frame.

    part, recording, frame, <one or more columns of numbers>

See `bench.submissions.forms.long_tables` for what cells may hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.files.opening import open_regular
from bench.submissions.faults import Fault
from bench.submissions.forms.long_tables import (
    Cells,
    Layout,
    csv_table,
    frame_fault,
    parquet_table,
    recordings,
    values,
)
from bench.submissions.predictions import Content, Key, Shape


def read_table(
    path: Path, shapes: Mapping[Key, Shape], columns: Sequence[str], cells: Cells, dtype: np.dtype[Any]
) -> Content:
    """Read a table of these columns in this order into arrays of these shapes.

    One column gives arrays (frames,) where `shapes` asks for such. Raises `FileError` where the file is
    no table or far too large.
    """
    layout = Layout(("part", "recording"), tuple(columns), ordered=True, cells=cells)
    rows = sum(shape[0] for shape in shapes.values())
    most = _table_bytes(shapes, rows, len(columns))
    with open_regular(path, most + 2**20) as file:
        if path.suffix == ".parquet":
            table = parquet_table(file, layout, 8 * most, rows)
        else:
            table = csv_table(file, layout, rows)
    return _place(table, layout, shapes, dtype)


def _table_bytes(shapes: Mapping[Key, Shape], rows: int, columns: int) -> int:
    """Return how large a table of these rows may be, generously, written as text."""
    longest = max((len(part) + len(id_) for part, id_ in shapes), default=0)
    return (4 * rows + 1000) * (longest + 30 + 30 * columns)


def _place(
    table: pa.Table | list[Fault], layout: Layout, shapes: Mapping[Key, Shape], dtype: np.dtype[Any]
) -> Content:
    """Sort the rows by recording and frame, so that the order in the file says nothing."""
    if isinstance(table, list):
        return Content(dict.fromkeys(shapes), {}, table)
    content = Content()
    numbers = values(table, layout, dtype)
    for (part, id_), rows, frames in recordings(table, layout):
        key = (part, id_)
        content.shapes[key] = None
        if key not in shapes:
            continue
        if fault := frame_fault(frames, shapes[key][0]):
            content.faults.append(Fault("frames", f"{part}/{id_}: {fault}"))
            continue
        content.shapes[key] = (len(rows), *shapes[key][1:])
        if content.shapes[key] == shapes[key]:
            content.answers[key] = numbers[rows].reshape(shapes[key])
    return content

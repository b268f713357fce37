"""The table forms of a run: Parquet and CSV, one row per frame.

    part, recording, frame, <one column per class, in the task's order>

See `bench.submissions.long_tables` for what cells may hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from bench.submissions.faults import Fault
from bench.submissions.long_tables import Layout, csv_table, frame_fault, parquet_table, recordings, scores
from bench.submissions.predictions import Found, Key

Wanted = Mapping[Key, tuple[int, int]]


def read_parquet(file: BinaryIO, wanted: Wanted, classes: Sequence[str]) -> Found:
    """Read a Parquet table; raise `FileError` where it is none or far too large."""
    layout = _layout(classes)
    return _place(parquet_table(file, layout, 8 * table_bytes(wanted), _rows(wanted)), layout, wanted)


def read_csv(file: BinaryIO, wanted: Wanted, classes: Sequence[str]) -> Found:
    """Read a CSV table; raise `FileError` where it is none or far too large."""
    layout = _layout(classes)
    return _place(csv_table(file, layout, _rows(wanted)), layout, wanted)


def table_bytes(wanted: Wanted) -> int:
    """Return how large a table of the wanted rows may be, generously, written as text."""
    longest = max((len(part) + len(id_) for part, id_ in wanted), default=0)
    classes = max((count for _, count in wanted.values()), default=0)
    return (4 * _rows(wanted) + 1000) * (longest + 30 + 30 * classes)


def _layout(classes: Sequence[str]) -> Layout:
    return Layout(("part", "recording"), tuple(classes), ordered=True, any_number=False)


def _rows(wanted: Wanted) -> int:
    return sum(frames for frames, _ in wanted.values())


def _place(table: pa.Table | list[Fault], layout: Layout, wanted: Wanted) -> Found:
    """Sort the rows by recording and frame, so that the order in the file says nothing."""
    if isinstance(table, list):
        return Found(dict.fromkeys(wanted), {}, table)
    found = Found()
    values = scores(table, layout, np.float32)
    for (part, id_), rows, frames in recordings(table, layout):
        key = (part, id_)
        found.shapes[key] = None
        if key not in wanted:
            continue
        if fault := frame_fault(frames, wanted[key][0]):
            found.faults.append(Fault("frames", f"{part}/{id_}: {fault}"))
            continue
        found.shapes[key] = (len(rows), values.shape[1])
        if found.shapes[key] == wanted[key]:
            found.arrays[key] = values[rows]
    return found

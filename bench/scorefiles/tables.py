"""Frame scores as a long table, Parquet or CSV: recording, frame, one column per class.

Columns go by their name and rows by recording and frame, so the order of either says nothing. See
`bench.submissions.long_tables` for what cells may hold; scores are float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.errors import FileError
from bench.files.opening import open_regular
from bench.scorefiles.read import MAX_FILE, Read, closed
from bench.submissions.long_tables import Layout, csv_table, frame_fault, parquet_table, recordings, values


def read_table(path: Path, classes: Sequence[str], most: int = MAX_FILE) -> Read:
    """Read a table into one array (frames, classes) per recording; all faults of the file are in it.

    A Parquet file that needs more than `most` bytes unpacked is not read.
    """
    layout = Layout(("recording",), tuple(classes), ordered=False, cells="numbers")
    try:
        with open_regular(path, MAX_FILE, follow=True) as file:
            parquet = path.suffix == ".parquet"
            table = parquet_table(file, layout, most) if parquet else csv_table(file, layout)
    except FileError as fault:
        return closed(fault.title)
    if isinstance(table, list):
        return Read(faults=table, whole=False)
    found = Read()
    scores = values(table, layout, np.dtype(np.float64))
    for (id_,), rows, frames in recordings(table, layout):
        if wrong := frame_fault(frames):
            found.skip(id_, "frames", wrong)
        else:
            found.arrays[id_] = scores[rows]
    return found

"""Frame scores as a long table, Parquet or CSV: recording, frame, one column per class.

Columns go by their name and rows by recording and frame, so the order of either says nothing. Ids are
text, frames count from 0, scores are finite decimals in float64.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from jaxtyping import Int64

from bench.errors import SubmissionError
from bench.scorefiles.read import MAX_FILE, Read, closed
from bench.submissions.faults import SHOWN, Fault, meant, quoted
from bench.submissions.files import open_regular

INDEX = ("recording", "frame")
_DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_WHOLE = r"^[+-]?[0-9]{1,18}$"


def read_table(path: Path, classes: Sequence[str], most: int = MAX_FILE) -> Read:
    """Read a table into one array (frames, classes) per recording; all faults of the file are in it.

    A Parquet file that needs more than `most` bytes unpacked is not read.
    """
    try:
        with open_regular(path.resolve(), MAX_FILE) as file:
            data = pa.py_buffer(file.read())
        if path.suffix == ".parquet":
            file_ = pq.ParquetFile(pa.BufferReader(data))
            groups = range(file_.num_row_groups)
            if (needed := sum(file_.metadata.row_group(i).total_byte_size for i in groups)) > most:
                return closed(f"{needed:,} bytes unpacked, expected at most {most:,}: not read")
            table = file_.read()
            table.validate(full=True)
            faults = [*_column_faults(table.column_names, classes)] or [*_type_faults(table, classes)]
        else:
            table, faults = _read_csv(data, classes)
    except SubmissionError as fault:
        return closed(fault.title)
    except (pa.ArrowException, OSError, ValueError, KeyError) as fault:
        return closed(f"not a readable {path.suffix[1:]} table ({_one_line(fault)})")
    return Read(faults=faults, whole=False) if faults else _place(table, classes)


def _read_csv(data: pa.Buffer, classes: Sequence[str]) -> tuple[pa.Table, list[Fault]]:
    """Read every cell as text, name those that are no numbers, and turn the others into numbers."""
    ragged: dict[int, str] = {}

    def note(row: Any) -> str:
        ragged[row.number] = f"{row.actual_columns} cells, expected {row.expected_columns}"
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=note, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys([*INDEX, *classes], pa.string()),
            null_values=[],
            strings_can_be_null=False,
        ),
    )
    faults = [*_column_faults(table.column_names, classes)] or [
        *(Fault("lines", f"line {number}: {wrong}") for number, wrong in ragged.items()),
        *_cell_faults(table, classes, np.setdiff1d(np.arange(2, 2 + len(table) + len(ragged)), [*ragged])),
    ]
    if faults:
        return table, faults
    types = [pa.string(), pa.int64(), *[pa.float64()] * len(classes)]
    columns = [table[name].cast(kind) for name, kind in zip([*INDEX, *classes], types, strict=True)]
    return pa.table(columns, names=[*INDEX, *classes]), []


def _column_faults(found: Sequence[str], classes: Sequence[str]) -> Iterator[Fault]:
    expected = [*INDEX, *classes]
    missing = [name for name in expected if name not in found]
    for i, name in enumerate(name for name in dict.fromkeys(found) if name not in expected):
        near = meant(name, missing) if i < SHOWN else ""  # the others are only counted
        yield Fault("columns", f"column {quoted(name)} is not expected{near}")
    for name, count in Counter(found).items():
        if count > 1:
            yield Fault("columns", f"column {quoted(name)} stands there {count} times")
    for name in missing:
        yield Fault("columns", f"column {quoted(name)} is missing")


def _cell_faults(table: pa.Table, classes: Sequence[str], lines: Int64[np.ndarray, " N"]) -> Iterator[Fault]:
    for name in ("frame", *classes):
        pattern, expected = (_WHOLE, "a whole number") if name == "frame" else (_DECIMAL, "a finite decimal")
        odd = np.flatnonzero(~_numpy(pc.match_substring_regex(table[name], pattern)).astype(bool))
        for i, row in enumerate(odd):
            cell = quoted(table[name][int(row)].as_py()) if i < SHOWN else ""  # the others are only counted
            text = f"line {lines[row]}: {quoted(name)} is {cell}, expected {expected}"
            yield Fault(f"cells of {quoted(name)}", text)


def _type_faults(table: pa.Table, classes: Sequence[str]) -> Iterator[Fault]:
    for name in (*INDEX, *classes):
        kind = table.schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if name == "recording":
            fine, expected = pa.types.is_string(kind) or pa.types.is_large_string(kind), "text"
        elif name == "frame":
            fine, expected = pa.types.is_integer(kind), "whole numbers"
        else:
            fine, expected = pa.types.is_floating(kind) or pa.types.is_integer(kind), "numbers"
        if not fine:
            yield Fault("column types", f"column {quoted(name)} holds {kind}, expected {expected}")
        elif table[name].null_count:
            yield Fault("nulls", f"empty cells in column {quoted(name)}: {table[name].null_count:,}")


def _place(table: pa.Table, classes: Sequence[str]) -> Read:
    """Sort the rows by recording and frame."""
    encoded = table["recording"].cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    ids, codes = encoded.dictionary.to_pylist(), _numpy(encoded.indices)
    frames = _numpy(table["frame"]).astype(np.int64)
    values = np.column_stack([_numpy(table[name]).astype(np.float64) for name in classes])
    order = np.lexsort((frames, codes))
    found = Read()
    edges = [0, *(np.flatnonzero(np.diff(codes[order])) + 1), len(order)]
    for start, stop in pairwise(edges if len(order) else [0]):
        rows = order[start:stop]
        if fault := _frame_fault(frames[rows]):
            found.skip(ids[codes[rows[0]]], "frames", fault)
        else:
            found.arrays[ids[codes[rows[0]]]] = values[rows]
    return found


def _frame_fault(frames: Int64[np.ndarray, " N"]) -> str | None:
    """Say why these sorted frame numbers are not 0, 1, 2, ...; None where they are."""
    count = len(frames)
    if np.array_equal(frames, np.arange(count)):
        return None
    if np.array_equal(frames, np.arange(1, count + 1)):
        return f"frames 1 to {count:,}: frames count from 0"
    steps = np.diff(frames)
    said = [f"negative frames: {np.sum(frames < 0):,}"] if frames[0] < 0 else []
    if (steps == 0).any():
        first = frames[1:][steps == 0][0]
        said.append(
            f"rows for a frame that is there already: {np.sum(steps == 0):,}, the first for {first:,}"
        )
    if frames[0] > 0 or (steps > 1).any():
        first = 0 if frames[0] > 0 else frames[:-1][steps > 1][0] + 1
        said.append(f"missing frames, the first {first:,}")
    return "; ".join(said)


def _numpy(column: Any) -> np.ndarray:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.to_numpy(zero_copy_only=False)


def _one_line(fault: Exception) -> str:
    return re.sub(r"[^\x20-\x7e]+", " ", str(fault))[:300]

"""The table forms of a run: Parquet and CSV, one row per frame.

    part, recording, frame, <one column per class, in the task's order>

Ids are text ("NA", "001" and "null" too), numbers are finite decimals, rows may stand in any order.
The footer of a Parquet file and the first line of a CSV are judged before anything else is read.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from jaxtyping import Float32, Int64

from bench.errors import SubmissionError
from bench.submissions.faults import SHOWN, Fault, meant, quoted
from bench.submissions.predictions import Found, Key

_INDEX = ("part", "recording", "frame")
_FOOTER_BYTES = 4 * 2**20
_LINE_BYTES = 64 * 1024
_SPARE_ROWS = 100_000
"""Rows beyond four times the expected ones, so that small mistakes on small tasks are told in detail."""
_DECIMAL = r"^[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*$"
_WHOLE = r"^[ \t]*[+-]?[0-9]{1,18}[ \t]*$"


def read_parquet(file: BinaryIO, wanted: Mapping[Key, tuple[int, int]], classes: Sequence[str]) -> Found:
    """Read a Parquet table; raise `SubmissionError` where it is none or far too large."""
    data = file.read()
    footer = int.from_bytes(data[-8:-4], "little")
    if data[:4] != b"PAR1" or data[-4:] != b"PAR1" or footer > len(data):
        raise SubmissionError("not a Parquet file, or one that was cut off")
    if footer > _FOOTER_BYTES:
        raise SubmissionError(f"a footer of {footer:,} bytes, expected at most {_FOOTER_BYTES:,}")
    try:
        parquet = pq.ParquetFile(pa.BufferReader(data))
        _check_rows(parquet.metadata.num_rows, wanted)
        unpacked = sum(parquet.metadata.row_group(i).total_byte_size for i in range(parquet.num_row_groups))
        if unpacked > (limit := 8 * table_bytes(wanted)):
            raise SubmissionError(f"{unpacked:,} bytes unpacked, expected at most {limit:,}: not read")
        schema = parquet.schema_arrow
        if faults := list(_column_faults(schema.names, classes)) or list(_type_faults(schema)):
            return Found(dict.fromkeys(wanted), {}, faults)
        # ids stay a dictionary: a long one that is repeated is held once
        table = pq.ParquetFile(pa.BufferReader(data), read_dictionary=list(_INDEX[:2])).read()
        table.validate(full=True)
        return _place(table, wanted)
    except (pa.ArrowException, OSError, ValueError, KeyError) as fault:
        raise SubmissionError(f"not a readable Parquet file ({_one_line(fault)})") from fault


def read_csv(file: BinaryIO, wanted: Mapping[Key, tuple[int, int]], classes: Sequence[str]) -> Found:
    """Read a CSV table; raise `SubmissionError` where it is none or far too large."""
    first = file.readline(_LINE_BYTES + 1)
    if len(first) > _LINE_BYTES:
        raise SubmissionError(f"a first line of more than {_LINE_BYTES:,} bytes: not read")
    try:
        header = next(csv.reader([first.decode("utf-8-sig").rstrip("\r\n")], strict=True), [])
    except (csv.Error, UnicodeDecodeError) as fault:
        raise SubmissionError(f"the first line is not a CSV header ({fault})") from fault
    if faults := list(_column_faults(header, classes)):
        return Found(dict.fromkeys(wanted), {}, faults)
    data = file.read()
    _check_rows(data.count(b"\n") + (data[-1:] not in (b"", b"\n")), wanted)
    types = {"part": pa.string(), "recording": pa.string(), "frame": pa.int64()}
    types |= dict.fromkeys(classes, pa.float64())
    try:
        return _place(_parse_csv(data, types), wanted)
    except pa.ArrowInvalid as fault:
        return Found(dict.fromkeys(wanted), {}, _csv_faults(data, header, _one_line(fault)))


def table_bytes(wanted: Mapping[Key, tuple[int, int]]) -> int:
    """Return how large a table of the wanted rows may be, generously, written as text."""
    longest = max((len(part) + len(id_) for part, id_ in wanted), default=0)
    rows = sum(frames for frames, _ in wanted.values())
    classes = max((count for _, count in wanted.values()), default=0)
    return (4 * rows + 1000) * (longest + 30 + 30 * classes)


def _check_rows(rows: int, wanted: Mapping[Key, tuple[int, int]]) -> None:
    expected = sum(frames for frames, _ in wanted.values())
    if not 0 < rows <= 4 * expected + _SPARE_ROWS:
        raise SubmissionError(f"{rows:,} rows, expected {expected:,}: not read")


def _column_faults(found: Sequence[str], classes: Sequence[str]) -> Iterator[Fault]:
    expected = [*_INDEX, *classes]
    unknown = [name for name in dict.fromkeys(found) if name not in expected]
    missing = [name for name in expected if name not in found]
    for i, name in enumerate(unknown):
        near = meant(name, missing) if i < SHOWN else ""  # the others are only counted
        index = "; save the table without its index" if name in ("", "__index_level_0__") else ""
        yield Fault("columns", f"column {quoted(name)} is not expected{near or index}")
    for name, count in Counter(found).items():
        if count > 1:
            yield Fault("columns", f"column {quoted(name)} stands there {count} times")
    for name in missing:
        yield Fault("columns", f"column {name!r} is missing")
    if sorted(found) == sorted(expected) and list(found) != expected:
        yield Fault(
            "columns",
            f"columns in the order {', '.join(found)}; expected {', '.join(expected)}",
        )


def _type_faults(schema: pa.Schema) -> Iterator[Fault]:
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if field.name in _INDEX[:2]:
            fine, expected = pa.types.is_string(kind) or pa.types.is_large_string(kind), "text"
        elif field.name == "frame":
            fine, expected = pa.types.is_integer(field.type), "whole numbers"
        else:
            fine = pa.types.is_float32(field.type) or pa.types.is_float64(field.type)
            expected = "float32 (or float64, which is rounded to it)"
        if not fine:
            found = quoted(str(field.type))
            yield Fault("column types", f"column {field.name!r} holds {found}, expected {expected}")


def _parse_csv(
    data: bytes, types: Mapping[str, pa.DataType], on_ragged: Callable[[Any], str] | None = None
) -> pa.Table:
    return pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=list(types)),
        parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=on_ragged),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(types), null_values=[], strings_can_be_null=False
        ),
    )


def _csv_faults(data: bytes, header: Sequence[str], first: str) -> list[Fault]:
    """Read everything as text to name every line and cell; `first` is all that is known otherwise."""
    ragged: dict[int, str] = {}

    def note(row: Any) -> str:
        open_quote = "\n" in row.text or "\r" in row.text
        cells = f"{row.actual_columns} cells, expected {len(header)}"
        ragged[row.number + 1] = "a quote that is not closed" if open_quote else cells  # the header is line 1
        return "skip"

    try:
        table = _parse_csv(data, dict.fromkeys(header, pa.string()), note)
    except pa.ArrowInvalid as fault:
        return [Fault("rows", f"not a readable CSV ({_one_line(fault)})")]
    faults = [Fault("lines", f"line {line}: {wrong}") for line, wrong in ragged.items()]
    lines = np.setdiff1d(np.arange(2, 2 + len(table) + len(ragged)), list(ragged))
    for name in header[2:]:
        pattern, expected = (_WHOLE, "a whole number") if name == "frame" else (_DECIMAL, "a finite decimal")
        odd = np.flatnonzero(~_numpy(pc.match_substring_regex(table[name], pattern)))
        for i, row in enumerate(odd):
            cell = quoted(table[name][int(row)].as_py()) if i < SHOWN else ""  # the others are only counted
            text = f"line {lines[row]}: {name} is {cell}, expected {expected}"
            faults.append(Fault(f"cells of {name!r}", text))
    return faults or [Fault("rows", f"not a readable CSV ({first})")]


def _place(table: pa.Table, wanted: Mapping[Key, tuple[int, int]]) -> Found:
    """Sort the rows by recording and frame, so that the order in the file says nothing."""
    nulls = [(name, table[name].null_count) for name in _INDEX]
    if any(count for _, count in nulls):
        texts = [f"empty cells in column {name!r}: {count:,}" for name, count in nulls if count]
        return Found(dict.fromkeys(wanted), {}, [Fault("nulls", text) for text in texts])
    found = Found()
    parts, part_names = _codes(table["part"])
    ids, id_names = _codes(table["recording"])
    frames = _numpy(table["frame"].cast(pa.int64())).astype(np.int64)
    values = _float32([table[name] for name in table.column_names[len(_INDEX) :]])
    pairs = parts * len(id_names) + ids
    order = np.lexsort((frames, pairs))
    edges = [0, *(np.flatnonzero(np.diff(pairs[order])) + 1), len(order)]
    for start, stop in pairwise(edges):
        rows = order[start:stop]
        key = (part_names[parts[rows[0]]], id_names[ids[rows[0]]])
        found.shapes[key] = None
        if key not in wanted:
            continue
        if fault := _frame_fault(frames[rows], wanted[key][0]):
            found.faults.append(Fault("frames", f"{key[0]}/{key[1]}: {fault}"))
            continue
        found.shapes[key] = (len(rows), values.shape[1])
        if found.shapes[key] == wanted[key]:
            found.arrays[key] = values[rows]
    return found


def _frame_fault(frames: Int64[np.ndarray, " N"], expected: int) -> str | None:
    """Say why these sorted frame numbers are not 0, 1, 2, ...; None where they are."""
    count = len(frames)
    if np.array_equal(frames, np.arange(count)):
        return None
    if np.array_equal(frames, np.arange(1, count + 1)):
        return f"frames 1 to {count:,}, expected 0 to {expected - 1:,}: frames count from 0"
    said = []
    if frames[0] < 0:
        said.append(f"negative frames: {np.sum(frames < 0):,}, the first {frames[0]}")
    twice = frames[1:][np.diff(frames) == 0]
    if len(twice):
        said.append(
            f"rows for a frame that is there already: {len(twice):,}, the first for frame {twice[0]:,}"
        )
    absent = np.setdiff1d(np.arange(expected), frames)
    if len(absent):
        said.append(f"missing frames: {len(absent):,} of {expected:,}, the first {absent[0]:,}")
    if frames[-1] >= expected:
        said.append(f"frame {frames[-1]:,}, expected {expected - 1:,} as the last")
    return "; ".join(said)


def _codes(column: pa.ChunkedArray) -> tuple[Int64[np.ndarray, " N"], list[str]]:
    """Return a code per row and the text of each code."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    names = encoded.dictionary.to_pylist()
    first: dict[str, int] = {}
    same = np.array([first.setdefault(name, i) for i, name in enumerate(names)], dtype=np.int64)
    return same[_numpy(encoded.indices)], names  # a dictionary may hold one text twice


def _float32(columns: Sequence[pa.ChunkedArray]) -> Float32[np.ndarray, "N C"]:
    values = np.empty((len(columns[0]), len(columns)), dtype=np.float32)
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is named as that
        for i, column in enumerate(columns):
            values[:, i] = _numpy(column)
    return values


def _numpy(array: Any) -> np.ndarray:
    """Return a column as numpy; an empty cell is NaN."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.to_numpy(zero_copy_only=False)


def _one_line(fault: Exception) -> str:
    return re.sub(r"[^\x20-\x7e]+", " ", str(fault))[:300]

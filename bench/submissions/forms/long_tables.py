"""Long tables, Parquet or CSV, one row per frame: what reading them has in common, whoever wants them.

    <one or more columns of ids>, frame, <one column per class>

Ids are text ("NA", "001" and "null" too), frames count from 0, numbers are finite decimals without blanks
around them, rows may stand in any order. The footer of a Parquet file and the first line of a CSV are
judged before anything else is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from jaxtyping import Int64, Shaped

from bench.errors import FileError, nearest
from bench.files.csv_rows import read_header
from bench.files.faults import quoted
from bench.files.limits import limited_memory
from bench.files.parquet import UNREADABLE, check_parquet, one_line, unpacked, unreadable
from bench.submissions.faults import SHOWN, Fault

_SPARE_ROWS = 100_000
"""Rows beyond four times the expected ones, so that small mistakes on small tasks are told in detail."""
_DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_WHOLE = r"^-?[0-9]{1,18}$"
Cells = Literal["floats", "numbers", "whole numbers"]
"""What a column of numbers may hold in Parquet: float32 and float64; these, whole numbers and short floats;
whole numbers alone, of which none may be missing."""


@dataclass(frozen=True)
class Layout:
    """The columns that a table must have."""

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    ordered: bool
    """Whether the columns must stand in this order, beside being named so."""
    cells: Cells
    """What the columns of classes hold."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, in order."""
        return (*self.ids, "frame", *self.classes)

    @property
    def whole(self) -> tuple[str, ...]:
        """Those of whole numbers."""
        return ("frame", *(self.classes if self.cells == "whole numbers" else ()))


def parquet_table(
    file: BinaryIO, layout: Layout, most: int, rows: int | None = None
) -> pa.Table | list[Fault]:
    """Read a Parquet table of at most `most` bytes unpacked, or say what is wrong with its columns.

    `rows` is how many are expected, where that is known. Raises `FileError` where the file is no
    table or far too large.
    """
    metadata = check_parquet(file, most)
    _check_rows(metadata.num_rows, rows)
    data = pa.BufferReader(file.read())
    try:
        with limited_memory(3 * unpacked(metadata)):  # packed, as text, and as numbers
            table = _parquet_columns(data, layout)
    except (*UNREADABLE, MemoryError) as fault:
        raise unreadable(fault) from fault
    if isinstance(table, list):
        return table
    return [*_null_faults(table, layout)] or table


def _parquet_columns(data: pa.BufferReader, layout: Layout) -> pa.Table | list[Fault]:
    """Read the columns, or say what is wrong with their names and types; raises what pyarrow raises."""
    schema = pq.ParquetFile(data).schema_arrow
    if faults := [*_column_faults(schema.names, layout)] or [*_type_faults(schema, layout)]:
        return faults
    # ids stay a dictionary: a long one that is repeated is held once
    table = pq.ParquetFile(data, read_dictionary=list(layout.ids)).read(use_threads=False)
    table.validate(full=True)
    for name in layout.whole:
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].cast(pa.int64()))
    return table


def csv_table(file: BinaryIO, layout: Layout, rows: int | None = None) -> pa.Table | list[Fault]:
    """Read a CSV table, or say what is wrong with its columns, lines and cells.

    `rows` is how many are expected, where that is known. Raises `FileError` where the file is no
    table or far too large.
    """
    header = read_header(file)
    if faults := [*_column_faults(header, layout)]:
        return faults
    data = file.read()
    _check_rows(data.count(b"\n") + (data[-1:] not in (b"", b"\n")), rows)
    try:
        return _csv_cells(data, header, layout)
    except pa.ArrowInvalid as fault:
        raise FileError(f"not a readable CSV ({one_line(fault)})") from fault


def recordings(
    table: pa.Table, layout: Layout
) -> Iterator[tuple[tuple[str, ...], Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]]:
    """Yield the ids, the rows and the frame numbers of each recording, sorted by frame."""
    columns = [_codes(table[name]) for name in layout.ids]
    frames = _numpy(table["frame"])
    together = np.zeros(len(table), dtype=np.int64)
    for codes, names in columns:
        together = together * len(names) + codes
    order = np.lexsort((frames, together))
    edges = [0, *(np.flatnonzero(np.diff(together[order])) + 1), len(order)]
    for start, stop in pairwise(edges):
        rows = order[start:stop]
        yield tuple(names[codes[rows[0]]] for codes, names in columns), rows, frames[rows]


def values(table: pa.Table, layout: Layout, dtype: np.dtype[Any]) -> Shaped[np.ndarray, "R C"]:
    """Return the numbers of every row; an empty cell is NaN."""
    rows = np.empty((len(table), len(layout.classes)), dtype=dtype)
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is named as that
        for i, name in enumerate(layout.classes):
            rows[:, i] = _numpy(table[name])
    return rows


def frame_fault(frames: Int64[np.ndarray, " N"], expected: int | None = None) -> str | None:
    """Say why these sorted frame numbers are not 0, 1, 2, ...; None where they are.

    `expected` is how many there should be; where nobody knows, the last one is taken to be right.
    """
    count = len(frames)
    if np.array_equal(frames, np.arange(count)):
        return None
    if np.array_equal(frames, np.arange(1, count + 1)):
        last = (count if expected is None else expected) - 1
        return f"frames 1 to {count:,}, expected 0 to {last:,}: frames count from 0"
    if expected is None:
        expected = max(int(frames[-1]) + 1, 0)
    texts = []
    if frames[0] < 0:
        texts.append(f"negative frames: {np.sum(frames < 0):,}, the first {frames[0]}")
    twice = frames[1:][np.diff(frames) == 0]
    if len(twice):
        texts.append(
            f"rows for a frame that is there already: {len(twice):,}, the first for frame {twice[0]:,}"
        )
    held = np.unique(frames[(frames >= 0) & (frames < expected)])
    if absent := expected - len(held):
        gaps = np.flatnonzero(held != np.arange(len(held)))
        first = gaps[0] if len(gaps) else len(held)
        texts.append(f"missing frames: {absent:,} of {expected:,}, the first {first:,}")
    if frames[-1] >= expected:
        texts.append(f"frame {frames[-1]:,}, expected {expected - 1:,} as the last")
    return "; ".join(texts)


def _check_rows(rows: int, expected: int | None) -> None:
    if not rows or (expected is not None and rows > 4 * expected + _SPARE_ROWS):
        wanted = "" if expected is None else f", expected {expected:,}"
        raise FileError(f"{rows:,} rows{wanted}: not read")


def _column_faults(names: Sequence[str], layout: Layout) -> Iterator[Fault]:
    expected = layout.columns
    missing = [name for name in expected if name not in names]
    for i, name in enumerate(name for name in dict.fromkeys(names) if name not in expected):
        near = nearest(name, missing) if i < SHOWN else ""  # the others are only counted
        index = "; save the table without its index" if name in ("", "__index_level_0__") else ""
        yield Fault("columns", f"column {quoted(name)} is not expected{near or index}")
    for name, count in Counter(names).items():
        if count > 1:
            yield Fault("columns", f"column {quoted(name)} stands there {count} times")
    for name in missing:
        yield Fault("columns", f"column {quoted(name)} is missing")
    if layout.ordered and sorted(names) == sorted(expected) and tuple(names) != expected:
        yield Fault(
            "columns",
            f"columns in the order {', '.join(names)}; expected {', '.join(expected)}",
        )


def _type_faults(schema: pa.Schema, layout: Layout) -> Iterator[Fault]:
    for name in layout.columns:
        held = kind = schema.field(name).type
        if name in layout.ids:
            kind = held.value_type if pa.types.is_dictionary(held) else held
            fine, expected = pa.types.is_string(kind) or pa.types.is_large_string(kind), "text"
        elif name in layout.whole:
            fine, expected = pa.types.is_integer(kind), "whole numbers"
        elif layout.cells == "numbers":
            fine, expected = pa.types.is_floating(kind) or pa.types.is_integer(kind), "numbers"
        else:
            fine = pa.types.is_float32(kind) or pa.types.is_float64(kind)
            expected = "float32 (or float64, which is rounded to it)"
        if not fine:
            yield Fault(
                "column types", f"column {quoted(name)} holds {quoted(str(held))}, expected {expected}"
            )


def _null_faults(table: pa.Table, layout: Layout) -> Iterator[Fault]:
    """Say where ids and frames are empty; empty scores are NaN, and refused where values are."""
    for name in (*layout.ids, *layout.whole):
        if count := table[name].null_count:
            yield Fault("nulls", f"empty cells in column {quoted(name)}: {count:,}")


def _csv_cells(data: bytes, header: Sequence[str], layout: Layout) -> pa.Table | list[Fault]:
    """Read every cell as text, name those that are no numbers, and turn the others into numbers."""
    ragged: dict[int, str] = {}

    def note(row: Any) -> str:
        open_quote = "\n" in row.text or "\r" in row.text
        cells = f"{row.actual_columns} cells, expected {len(header)}"
        ragged[row.number + 1] = "a quote that is not closed" if open_quote else cells  # the header is line 1
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=list(header)),
        parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=note),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), null_values=[], strings_can_be_null=False
        ),
    )
    faults = [Fault("lines", f"line {line}: {wrong}") for line, wrong in ragged.items()]
    lines = np.setdiff1d(np.arange(2, 2 + len(table) + len(ragged)), list(ragged))
    for name in ("frame", *layout.classes):
        faults += _cell_faults(table[name], name, lines, whole=name in layout.whole)
    if faults:
        return faults
    types = {name: pa.int64() if name in layout.whole else pa.float64() for name in layout.columns}
    types |= dict.fromkeys(layout.ids, pa.string())
    return pa.table({name: table[name].cast(type_) for name, type_ in types.items()})


def _cell_faults(
    column: pa.ChunkedArray, name: str, lines: Int64[np.ndarray, " N"], *, whole: bool
) -> Iterator[Fault]:
    pattern, expected = (_WHOLE, "a whole number") if whole else (_DECIMAL, "a finite decimal")
    odd = np.flatnonzero(~_numpy(pc.match_substring_regex(column, pattern)).astype(bool))
    for i, row in enumerate(odd):
        cell = quoted(column[int(row)].as_py()) if i < SHOWN else ""  # the others are only counted
        yield Fault(
            f"cells of {quoted(name)}", f"line {lines[row]}: {quoted(name)} is {cell}, expected {expected}"
        )


def _codes(column: pa.ChunkedArray) -> tuple[Int64[np.ndarray, " N"], list[str]]:
    """Return a code per row and the text of each code."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    names = encoded.dictionary.to_pylist()
    first: dict[str, int] = {}
    same = np.array([first.setdefault(name, i) for i, name in enumerate(names)], dtype=np.int64)
    return same[_numpy(encoded.indices)], names  # a dictionary may hold one text twice


def _numpy(array: Any) -> np.ndarray:
    """Return a column as numpy; an empty cell is NaN."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.to_numpy(zero_copy_only=False)

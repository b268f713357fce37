"""Rows of csv files: what the readers of tables share."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from bench.errors import DataError, FileError, first
from bench.files.faults import shown
from bench.files.texts import file_encoding

_LINE_BYTES = 64 * 1024
_DECIMAL_COMMA = re.compile(r"^(\s*[-+]?\d+),(\d+(?:[eE][-+]?\d+)?\s*)$")
Rows = list[tuple[int, list[str]]]
"""Each row with its number, from 1."""


def read_header(file: BinaryIO) -> list[str]:
    """Return the cells of the first line and leave the file behind it; raise `FileError` without one."""
    first = file.readline(_LINE_BYTES + 1)
    if len(first) > _LINE_BYTES:
        raise FileError(f"a first line of more than {_LINE_BYTES:,} bytes: not read")
    try:
        return next(csv.reader([first.decode("utf-8-sig").rstrip("\r\n")], strict=True), [])
    except (csv.Error, UnicodeDecodeError) as fault:
        raise FileError(f"the first line is not a CSV header ({fault})") from fault


def each_row(path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a csv file, in the memory of one; a byte order mark is no part of the first cell.

    Raises `DataError` where csv cannot make rows of it.
    """
    with path.open(encoding=file_encoding(path), errors="replace", newline="") as file:
        try:
            yield from enumerate(csv.reader(file, delimiter=delimiter), start=1)
        except csv.Error as fault:
            raise DataError(f"{path} is not a csv table", [str(fault)], hint="export it again") from None


def read_rows(path: Path, delimiter: str = ",") -> Rows:
    """Return all of `each_row`."""
    return list(each_row(path, delimiter))


def separator(path: Path) -> str:
    """Return what separates the cells of the first line: a comma, else a tab, else a semicolon.

    Spreadsheets write semicolons where numbers have a decimal comma.
    """
    with path.open(encoding=file_encoding(path), errors="replace", newline="") as file:
        head = file.readline(_LINE_BYTES)
    return next((sign for sign in (",", "\t", ";") if sign in head), ",")


def decimal_points(cells: list[str]) -> list[str]:
    """Return the cells with a point in the place of a decimal comma."""
    return [_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in cells]


def read_table(path: Path, delimiter: str = ",") -> tuple[list[str], Rows]:
    """Return the names of the columns, in the first row, and the rows below; an empty file has neither.

    Between semicolons a number may have a decimal comma; it is a point here.
    """
    rows = read_rows(path, delimiter)
    if delimiter == ";":
        rows = [(line, decimal_points(row)) for line, row in rows]
    return (rows[0][1], rows[1:]) if rows else ([], [])


def read_columns(path: Path, columns: Sequence[str], hint: str) -> list[list[str]]:
    """Return the rows of a table in UTF-8 that has exactly these columns.

    Raises `DataError`, with `hint`, for a file that is empty, is not UTF-8, or has other columns in any row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise DataError(f"{path} is not a csv table in UTF-8", [str(fault)], hint=hint) from fault
    header, *lines = rows or [[]]
    wrong = [f"line {n}: {len(line)} columns" for n, line in enumerate(lines, 2) if len(line) != len(columns)]
    if header != list(columns) or wrong:
        found = shown(header) if header else "an empty file"
        raise DataError(
            f"{path} has other columns",
            first([f"found {found}", f"expected {list(columns)}", *wrong]),
            hint=hint,
        )
    return lines


def width_faults(header: list[str], rows: Rows) -> list[str]:
    """Say which rows do not have a cell for each column."""
    return [
        f"line {line}: {len(row)} columns, expected {len(header)}"
        for line, row in rows
        if len(row) != len(header)
    ]

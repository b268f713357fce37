"""Rows of csv files: what the readers of tables share."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from bench.errors import DataError

Rows = list[tuple[int, list[str]]]
"""Each row with its number, from 1."""


def each_row(path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a csv file, in the memory of one; a byte order mark is no part of the first cell.

    Raises `DataError` where csv cannot make rows of it.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            yield from enumerate(csv.reader(file, delimiter=delimiter), start=1)
        except csv.Error as fault:
            raise DataError(f"{path} is not a csv table", [str(fault)], hint="export it again") from None


def read_rows(path: Path, delimiter: str = ",") -> Rows:
    """Return all of `each_row`."""
    return list(each_row(path, delimiter))


def read_table(path: Path) -> tuple[list[str], Rows]:
    """Return the names of the columns, in the first row, and the rows below; an empty file has neither."""
    rows = read_rows(path)
    return (rows[0][1], rows[1:]) if rows else ([], [])


def width_faults(header: list[str], rows: Rows) -> list[str]:
    """Say which rows do not have a cell for each column."""
    return [
        f"line {line}: {len(row)} columns, expected {len(header)}"
        for line, row in rows
        if len(row) != len(header)
    ]

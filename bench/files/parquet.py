"""Parquet files, judged by their footer before any data are read."""

from __future__ import annotations

import os
import re
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import FileError

UNREADABLE = (pa.ArrowException, OSError, ValueError, KeyError)
"""What pyarrow raises where the bytes are not those that were written."""
_FOOTER_BYTES = 4 * 2**20


def check_parquet(file: BinaryIO, most: int) -> pq.FileMetaData:
    """Return what the footer says of a file; leave the file at its start.

    Raises `FileError` where it is no Parquet file, or one that needs more than `most` bytes unpacked.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 8))
    tail = file.read()
    file.seek(0)
    footer = int.from_bytes(tail[:4], "little")
    if file.read(4) != b"PAR1" or tail[4:] != b"PAR1" or footer > size:
        raise FileError("not a Parquet file, or one that was cut off")
    if footer > _FOOTER_BYTES:
        raise FileError(f"a footer of {footer:,} bytes, expected at most {_FOOTER_BYTES:,}")
    file.seek(0)
    try:
        metadata = pq.ParquetFile(pa.PythonFile(file, "r")).metadata
    except UNREADABLE as fault:
        raise unreadable(fault) from fault
    if (needed := unpacked(metadata)) > most:
        raise FileError(f"{needed:,} bytes unpacked, expected at most {most:,}: not read")
    file.seek(0)
    return metadata


def unpacked(metadata: pq.FileMetaData) -> int:
    """Return how many bytes a file needs unpacked, as its footer says; who reads it bounds the memory too."""
    return sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))


def unreadable(fault: Exception) -> FileError:
    """Return an error of pyarrow, which may quote the file, as one line of plain text."""
    return FileError(f"not a readable Parquet file ({one_line(fault)})")


def one_line(fault: Exception) -> str:
    """Return the message of an error in at most 300 plain signs."""
    return re.sub(r"[^\x20-\x7e]+", " ", str(fault))[:300]

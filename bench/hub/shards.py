"""The recordings of a copy, whose files were checked before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from bench.errors import DataError, FileError
from bench.files.limits import limited_memory
from bench.files.opening import open_regular
from bench.files.parquet import check_parquet
from bench.recordings import Recording
from bench.store.rows import read_parquet

_MOST = 32 * 2**30
"""Bytes of one file, packed or not: some twenty times what half a million frames of many animals need."""
_UNPACKED = 100
"""Bytes in memory for one in the file, at most: poses pack to a half, labels to a twentieth."""
_SPARE = 64 * 2**20
"""Bytes that are read whatever the size of the file: labels of long recordings in which nothing happens."""


def read_shards(names: Sequence[str], folder: Path) -> Iterator[Recording]:
    """Yield the recordings of these files of a folder; raise `DataError` for one in another schema."""
    for name in names:
        try:
            size = (folder / name).stat().st_size
            most = min(_MOST, _SPARE + _UNPACKED * size)
            with open_regular(folder / name, _MOST, follow=True) as file:  # in the client's cache, by links
                check_parquet(file, most)
            rows = read_parquet(folder / name, None, poses=True)
            while (recording := _next(rows, size + 3 * most)) is not None:
                yield recording
        except FileError as fault:
            raise DataError(f"{name} is not in the store's schema", [fault.title]) from fault
        except (OSError, KeyError, ValueError, TypeError, MemoryError, pa.ArrowException) as fault:
            raise DataError(
                f"{name} is not in the store's schema", [f"{type(fault).__name__}: {fault}"]
            ) from fault


def _next(recordings: Iterator[Recording], most: int) -> Recording | None:
    """Return the next recording, read in at most so many bytes; None after the last one."""
    with limited_memory(most):
        return next(recordings, None)

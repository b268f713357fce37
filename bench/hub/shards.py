"""The recordings of a copy, whose files were checked before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from bench.errors import DataError, FileError
from bench.files.opening import open_regular
from bench.files.parquet import check_parquet
from bench.recordings import Recording
from bench.store.rows import read_parquet

_MOST = 32 * 2**30
"""Bytes of one file, packed or not: some twenty times what half a million frames of many animals need."""


def read_shards(names: Sequence[str], folder: Path) -> Iterator[Recording]:
    """Yield the recordings of these files of a folder; raise `DataError` for one in another schema."""
    for name in names:
        try:
            with open_regular(folder / name, _MOST, follow=True) as file:  # in the client's cache, by links
                check_parquet(file, _MOST)
            yield from read_parquet(folder / name, None, poses=True)
        except FileError as fault:
            raise DataError(f"{name} is not in the store's schema", [fault.title]) from fault
        except (OSError, KeyError, ValueError, TypeError, pa.ArrowException) as fault:
            raise DataError(
                f"{name} is not in the store's schema", [f"{type(fault).__name__}: {fault}"]
            ) from fault

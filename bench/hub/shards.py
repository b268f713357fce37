"""The recordings of a copy, whose files were checked before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from bench.errors import DataError
from bench.recordings import Recording
from bench.store.rows import read_parquet


def read_shards(names: Sequence[str], folder: Path) -> Iterator[Recording]:
    """Yield the recordings of these files of a folder; raise `DataError` for one in another schema."""
    for name in names:
        try:
            yield from read_parquet(folder / name, None, poses=True)
        except (OSError, KeyError, ValueError, TypeError, pa.ArrowException) as fault:
            raise DataError(
                f"{name} is not in the store's schema", [f"{type(fault).__name__}: {fault}"]
            ) from fault

"""Recordings out of the store, compared with what was imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from bench.errors import DataError, first
from bench.recordings import Recording
from bench.resources import home
from bench.store.manifests import PARQUET, file_digest, how_to_pull, manifest
from bench.store.rows import read_parquet
from bench.tasks import Dataset


def parquet(dataset: Dataset) -> Path:
    """Return the store's file, byte by byte the one that was imported.

    Raises `DataError` saying how to fill the store where there is none, or where the file was changed.
    """
    held = manifest(dataset)
    path = home() / dataset.name / PARQUET
    with _readable(dataset):
        found = file_digest(path)
    if found != held.sha256:
        raise DataError(
            f"{path} is not the file that was imported",
            [f"sha256 {found}, expected {held.sha256}"],
            hint=f"{how_to_pull(dataset)} --replace",
        )
    return path


def load(dataset: Dataset, ids: Sequence[str], *, poses: bool) -> Iterator[Recording]:
    """Yield recordings in the order of `ids`, with keypoints where `poses` is set.

    Raises `DataError` where the store is absent, lacks recordings, has no poses for one that needs
    them, where a recording's truth is not the one that was imported or, with `poses`, the file is not.
    """
    held = manifest(dataset).recordings
    missing = [f"{id_}: not in the store" for id_ in ids if id_ not in held]
    if poses:
        missing += [f"{id_}: labels only, no poses" for id_ in ids if id_ in held and not held[id_].poses]
    if missing:
        raise DataError(
            f"the store of {dataset.name!r} lacks {len(missing)} of {len(ids)} recordings",
            first(missing),
            hint=f"{how_to_pull(dataset)} --replace",
        )
    # the digests of the truth are enough to score by, and quick; poses have the file's
    path = parquet(dataset) if poses else home() / dataset.name / PARQUET
    with _readable(dataset):
        for recording in read_parquet(path, ids, poses):
            if recording.truth_digest() != held[recording.id].truth:
                raise DataError(
                    f"the stored labels of {recording.id!r} are not the ones imported",
                    hint=f"{how_to_pull(dataset)} --replace",
                )
            yield recording


def load_all(dataset: Dataset) -> Iterator[Recording]:
    """Yield all recordings, with keypoints where the store holds them."""
    path = parquet(dataset)
    with _readable(dataset):
        yield from read_parquet(path, None, poses=True)


@contextmanager
def _readable(dataset: Dataset) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, ValueError, pa.ArrowException) as fault:
        raise DataError(
            f"the store of {dataset.name!r} cannot be read",
            [f"{type(fault).__name__}: {fault}"],
            hint=f"{how_to_pull(dataset)} --replace",
        ) from fault

"""Recordings out of the store, compared with what was imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from bench.errors import DataError, first
from bench.recordings import Recording
from bench.resources import home
from bench.store.manifests import Manifest, how_to_pull, manifest
from bench.store.rows import read_parquet
from bench.store.stored import file_digest
from bench.tasks import Dataset


def shards(dataset: Dataset) -> list[Path]:
    """Return the store's files, byte by byte those that were imported.

    Raises `DataError` saying how to fill the store where there is none, or where a file was changed.
    """
    held = manifest(dataset)
    _check_bytes(dataset, held, held.shards)
    return [home() / dataset.name / name for name in held.shards]


def load(dataset: Dataset, ids: Sequence[str], *, poses: bool) -> Iterator[Recording]:
    """Yield recordings in the order of `ids`, with keypoints where `poses` is set.

    Raises `DataError` where the store is absent, lacks recordings, has no poses for one that needs
    them, where a recording's truth is not the one that was imported or, with `poses`, its file is not.
    """
    held = require(dataset, ids, poses=poses)
    stored = held.recordings
    if poses:  # the digests of the truth are enough to score by, and quick; poses have their file's
        _check_bytes(dataset, held, dict.fromkeys(stored[id_].shard for id_ in ids))
    with _readable(dataset, held):
        for shard, of_shard in groupby(ids, key=lambda id_: stored[id_].shard):
            for recording in read_parquet(home() / dataset.name / shard, list(of_shard), poses):
                # the truth's digest leaves out the frame rate, which makes seconds of frames
                same = recording.truth_digest() == stored[recording.id].truth
                if not same or recording.fps != dataset.fps:
                    what = f"{recording.fps:g} frames per second, expected {dataset.fps:g}" if same else ""
                    raise DataError(
                        f"the stored labels of {recording.id!r} are not the ones imported",
                        [what] if what else [],
                        hint=_again(dataset, held),
                    )
                yield recording


def require(dataset: Dataset, ids: Sequence[str], *, poses: bool) -> Manifest:
    """Return what the store holds; no recording is read.

    Raises `DataError` saying how to get what it lacks, where it is absent, lacks recordings, or poses of one
    that needs them.
    """
    held = manifest(dataset)
    stored = held.recordings
    missing = [f"{id_}: not in the store" for id_ in ids if id_ not in stored]
    if poses:
        missing += [f"{id_}: labels only, no poses" for id_ in ids if id_ in stored and not stored[id_].poses]
    if missing:
        raise DataError(
            f"the store of {dataset.name!r} lacks {len(missing)} of {len(ids)} recordings",
            first(missing),
            hint=_again(dataset, held),
        )
    return held


def load_all(dataset: Dataset) -> Iterator[Recording]:
    """Yield all recordings, with keypoints where the store holds them."""
    held = manifest(dataset)
    for path in shards(dataset):
        with _readable(dataset, held):
            yield from read_parquet(path, None, poses=True)


def damage(dataset: Dataset, held: Manifest, names: Iterable[str]) -> list[str]:
    """Say which of these files of the store are not those that were imported."""
    problems = []
    for name in names:
        path = home() / dataset.name / name
        found = file_digest(path) if path.is_file() else "no such file"
        if found != held.shards[name]:
            problems.append(f"{name}: sha256 {found}, expected {held.shards[name]}")
    return problems


def _check_bytes(dataset: Dataset, held: Manifest, names: Iterable[str]) -> None:
    with _readable(dataset, held):
        wrong = damage(dataset, held, names)
    if wrong:
        raise DataError(
            f"the store of {dataset.name!r} is not what was imported",
            first(wrong),
            hint=_again(dataset, held),
        )


@contextmanager
def _readable(dataset: Dataset, held: Manifest) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, ValueError, pa.ArrowException) as fault:
        raise DataError(
            f"the store of {dataset.name!r} cannot be read",
            [f"{type(fault).__name__}: {fault}"],
            hint=_again(dataset, held),
        ) from fault


def _again(dataset: Dataset, held: Manifest) -> str:
    return f"{how_to_pull(dataset, held.origin)} --replace"

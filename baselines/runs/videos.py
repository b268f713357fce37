"""The videos of recordings: one file for each, in `$BENCH_HOME/videos/<data set>`, by the recording's id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from baselines.runs.recordings import Recordings
from bench.errors import DataError, first
from bench.recordings import Recording
from bench.resources import home
from bench.tasks import Dataset

FOLDER = "videos"
"""In `$BENCH_HOME`."""
ENDINGS = (".mp4", ".avi", ".mkv", ".mov")


def folder_of(dataset: str) -> Path:
    """Return where the videos of a data set lie."""
    return home() / FOLDER / dataset


def video_of(dataset: str, recording: Recording) -> Path:
    """Return the video of a recording; raise `DataError` where there is none."""
    path = _path(dataset, recording.id)
    if path is None:
        raise _missing(dataset, [recording.id])
    return path


def require(parts: Iterable[Recordings]) -> None:
    """Raise `DataError` that lists the recordings whose video is missing, of the first data set with any."""
    for part in parts:
        if missing := [id_ for id_ in part.ids if _path(part.dataset.name, id_) is None]:
            raise _missing(part.dataset.name, missing, part.dataset)


def digest(parts: Iterable[Recordings]) -> str:
    """Return the SHA-256 of the videos of recordings, in their order; raise `DataError` as `require` does."""
    parts = list(parts)
    require(parts)
    summed = hashlib.sha256()
    for part in parts:
        for id_ in part.ids:
            if path := _path(part.dataset.name, id_):
                state = path.stat()
                summed.update(f"{id_} {_digest(path, state.st_size, state.st_mtime_ns)}\n".encode())
    return summed.hexdigest()


def _path(dataset: str, id_: str) -> Path | None:
    paths = (folder_of(dataset) / f"{id_}{ending}" for ending in ENDINGS)
    return next((path for path in paths if path.is_file()), None)


@cache
def _digest(path: Path, _size: int, _changed: int) -> str:
    """Return the SHA-256 of a file; it is read again where its size or its time of change is another."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(name: str, ids: Iterable[str], dataset: Dataset | None = None) -> DataError:
    folder = folder_of(name)
    hint = f"put the videos into {folder}, each by the id of its recording"
    if dataset is not None and dataset.scene is not None:
        hint = f"bench render {name} --out {folder}"
    lines = [f"{id_}: expected {folder / id_} with the ending {' or '.join(ENDINGS)}" for id_ in ids]
    return DataError("a model looks at videos, and some recordings have none", first(lines), hint=hint)

"""The recordings of a task from Python, by split, lazily: as numpy, pandas or `datasets.Dataset`.

>>> import bench
>>> task = bench.load_task("demo")  # doctest: +SKIP
>>> for recording in task.recordings("train"):  # doctest: +SKIP
...     recording.keypoints, recording.labels
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.about import install_hint
from bench.datasets import get_dataset, get_task
from bench.errors import DataError, UsageError, first, nearest
from bench.recordings import Recording
from bench.splits import SUBSETS, Split
from bench.store import load, manifest, shards
from bench.tasks import Dataset, Task

if TYPE_CHECKING:
    import datasets
    import pandas as pd


@dataclass(frozen=True)
class TaskData:
    """A task and its recordings; nothing is read before it is asked for."""

    task: Task
    split: Split

    def __repr__(self) -> str:
        """Name the task and count its recordings: what a notebook shows."""
        counts = ", ".join(f"{len(self.ids(subset))} {subset}" for subset in SUBSETS)
        of = f" of {self.task.parts[0].name}, the first of {len(self.split.parts)} parts"
        of = of if len(self.split.parts) > 1 else ""
        return f"<task {self.task.name}: {', '.join(self.task.classes)}; recordings{of}: {counts}>"

    def ids(self, subset: str, part: str | None = None) -> list[str]:
        """Return the recordings of one subset ("train", "val" or "test") of a part, the first by default.

        Raises `UsageError` for a subset or a part that the task does not have.
        """
        chosen = part or self.task.parts[0].name
        if subset not in SUBSETS:
            raise UsageError(f"no subset {subset!r}{nearest(subset, SUBSETS)}", hint=", ".join(SUBSETS))
        if chosen not in self.split.parts:
            near = nearest(chosen, self.split.parts)
            raise UsageError(f"task {self.task.name!r} has no part {chosen!r}{near}")
        return self.split.ids(chosen, subset)

    def recordings(self, subset: str, part: str | None = None, *, poses: bool = True) -> Iterator[Recording]:
        """Yield recordings one by one, in the order of the split; without `poses` the labels are enough.

        Raises `DataError` where the store lacks one, saying what to type.
        """
        return load(self.task.dataset, self.ids(subset, part), poses=poses)

    def frame_table(self, subset: str, part: str | None = None) -> pd.DataFrame:
        """Return one row per frame: recording, frame, whether it counts, and one column per class.

        Raises `UsageError` where pandas is not installed, saying what to type.
        """
        pd = _library("pandas")
        tables = []
        for recording in self.recordings(subset, part, poses=False):
            table = pd.DataFrame(self.task.truth(recording), columns=list(self.task.classes))
            table.insert(0, "recording", recording.id)
            table.insert(1, "frame", range(recording.frames))
            table.insert(2, "counted", self.task.protocol.counted(recording))
            tables.append(table)
        empty = pd.DataFrame(columns=["recording", "frame", "counted", *self.task.classes])
        return pd.concat(tables, ignore_index=True) if tables else empty

    def hub_dataset(self, subset: str, part: str | None = None) -> datasets.Dataset:
        """Return one row per recording as `datasets.Dataset`: what `load_dataset` gives of a pushed copy.

        Columns and shapes: `bench.store`. Raises `UsageError` where `datasets` is not installed, saying what
        to type.
        """
        return DatasetData(self.task.dataset).hub_dataset(self.ids(subset, part))


@dataclass(frozen=True)
class DatasetData:
    """A data set and all its recordings; nothing is read before it is asked for."""

    dataset: Dataset

    def __repr__(self) -> str:
        return f"<data set {self.dataset.name}: {self.dataset.title}>"

    def ids(self) -> list[str]:
        """Return the recordings of the store, in the order of the official files."""
        return list(manifest(self.dataset).recordings)

    def recordings(self, ids: Sequence[str] | None = None, *, poses: bool = True) -> Iterator[Recording]:
        """Yield recordings one by one, in the order of `ids`; all of the store for None.

        Raises `DataError` where the store lacks one, saying what to type.
        """
        return load(self.dataset, self.ids() if ids is None else ids, poses=poses)

    def hub_dataset(self, ids: Sequence[str] | None = None) -> datasets.Dataset:
        """Return one row per recording as `datasets.Dataset`, as `TaskData.hub_dataset` does."""
        every = _library("datasets").Dataset.from_parquet([str(path) for path in shards(self.dataset)])
        if ids is None:
            return every
        place = {id_: i for i, id_ in enumerate(every["id"])}
        if lacking := [id_ for id_ in ids if id_ not in place]:
            raise DataError(f"the store of {self.dataset.name!r} lacks recordings", first(lacking))
        return every.select([place[id_] for id_ in ids])


def load_task(name: str) -> TaskData:
    """Return a task with its recordings; raise `UsageError` with the nearest name where there is none."""
    task = get_task(name)
    return TaskData(task, task.load_split())


def load_dataset(name: str) -> DatasetData:
    """Return a data set with all its recordings, where no task asks or all do; `UsageError` as `load_task`.

    >>> for recording in load_dataset("calms21-unlabelled").recordings():  # doctest: +SKIP
    ...     recording.keypoints
    """
    return DatasetData(get_dataset(name))


def _library(name: str) -> Any:
    """Import what the extra `data` brings; raise `UsageError` saying what to type where it is absent."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise UsageError(f"{name} is not installed", hint=install_hint("data")) from None

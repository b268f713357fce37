"""The recordings of a task from Python, by split, lazily: as numpy, pandas or `datasets.Dataset`.

Whatever a task hands out is in the order of its classes, and in it alone: `TaskData.recordings` says how.

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
from bench.display import html_table
from bench.errors import DataError, UsageError, first, nearest
from bench.kinds import kind_of
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
        several = len(self.parts) > 1
        part = f" of {self.parts[0]}, the first of {len(self.parts)} parts" if several else ""
        return f"<task {self.name}: {', '.join(self.classes)}; recordings{part}: {counts}>"

    def _repr_html_(self) -> str:
        """Return the question and the recordings of every part, as a notebook shows them."""
        task = self.task
        simulated = " (simulated)" if task.dataset.simulated else ""
        caption = f"{task.name}{simulated}: {task.question} Classes: {', '.join(task.classes)}."
        rows = [[part, *(str(len(self.ids(subset, part))) for subset in SUBSETS)] for part in self.parts]
        return html_table(caption, ["recordings of part", *SUBSETS], rows)

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of every column of labels and scores."""
        return self.task.classes

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts; a task of one part calls it "all" or after what it is."""
        return tuple(part.name for part in self.task.parts)

    def ids(self, subset: str, part: str | None = None) -> list[str]:
        """Return the recordings of one subset ("train", "val" or "test") of a part, the first by default.

        Raises `UsageError` for a subset or a part that the task does not have.
        """
        name = part or self.parts[0]
        if subset not in SUBSETS:
            raise UsageError(f"no subset {subset!r}{nearest(subset, SUBSETS)}", hint=", ".join(SUBSETS))
        if name not in self.parts:
            near = nearest(name, self.parts)
            raise UsageError(f"task {self.name!r} has no part {name!r}{near}", hint=", ".join(self.parts))
        return self.split.ids(name, subset)

    def recordings(
        self, subset: str, part: str | None = None, *, poses: bool | None = None
    ) -> Iterator[Recording]:
        """Yield recordings one by one, in the order of the split, as the task asks for them.

        `classes` are the task's. `labels`, Bool (frames, classes), and `segments`, in seconds, are in their
        order. `annotated` says which frames count; in the others no label holds. A task of segments gives
        every recording its true segments. `poses` are read where the data set has any; False leaves them out.
        Raises `DataError` where the store lacks a recording, saying what to type.
        """
        wanted = bool(self.task.dataset.keypoints) if poses is None else poses
        for recording in load(self.task.dataset, self.ids(subset, part), poses=wanted):
            yield kind_of(self.task).view(self.task, recording)

    def frame_table(self, subset: str, part: str | None = None) -> pd.DataFrame:
        """Return one row per frame: recording, frame, whether it counts, and one Bool column per class.

        Raises `UsageError` where pandas is not installed, saying what to type.
        """
        pd = _library("pandas")
        tables = []
        for recording in self.recordings(subset, part, poses=False):
            table = pd.DataFrame(recording.labels, columns=list(self.classes))
            table.insert(0, "recording", recording.id)
            table.insert(1, "frame", range(recording.frames))
            table.insert(2, "counted", recording.annotated)
            tables.append(table)
        empty = pd.DataFrame(columns=["recording", "frame", "counted", *self.classes])
        return pd.concat(tables, ignore_index=True) if tables else empty

    def hub_dataset(self, subset: str, part: str | None = None) -> datasets.Dataset:
        """Return one row per recording as `datasets.Dataset`, its labels as `recordings` gives them.

        Columns and shapes: `bench.store`; `datasets.load_dataset` gives them of a pushed copy, in the order
        of the data set's classes. Raises `UsageError` where `datasets` is not installed, saying what to type.
        """
        rows = DatasetData(self.task.dataset).hub_dataset(self.ids(subset, part))
        truths = [_truth_columns(recording) for recording in self.recordings(subset, part, poses=False)]
        return rows.map(
            lambda _, row: truths[row],
            with_indices=True,
            features=rows.features,
            desc=f"{self.name} {subset}",
        )


@dataclass(frozen=True)
class DatasetData:
    """A data set and all its recordings, in the order of its own classes; nothing is read in advance."""

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


def _truth_columns(recording: Recording) -> dict[str, Any]:
    """Return the columns of a row that say what holds when, named as in `bench.store`."""
    segments = recording.segments
    return {
        "classes": list(recording.classes),
        "labels": recording.labels.ravel(),
        "annotated": recording.annotated,
        "segments": None if segments is None else segments.bounds.ravel(),
        "segment_labels": None if segments is None else segments.labels,
    }


def _library(name: str) -> Any:
    """Import what the extra `data` brings; raise `UsageError` saying what to type where it is absent."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise UsageError(f"{name} is not installed", hint=install_hint("data")) from None

"""Count a data set in one pass, so that only one recording at a time is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.datasets import get_dataset, tasks_of
from bench.metrics.bouts import find_bouts
from bench.recordings import Recording, spans
from bench.splits import SUBSETS
from bench.store import load_all
from bench.tasks import Dataset, Task


@dataclass(frozen=True, eq=False)
class Tally:
    """What the card needs of one recording."""

    group: str
    frames: int
    annotated: int
    counts: Int[np.ndarray, " C"]
    """Annotated frames in which each class holds."""
    missing: Int[np.ndarray, "A K"] | None
    """Frames in which a keypoint was not detected; None without poses."""
    bouts: tuple[Int[np.ndarray, " _"], ...]
    """Frames of each bout, for each class."""


@dataclass(frozen=True)
class Survey:
    """A data set as one task sees it."""

    title: str
    dataset: Dataset
    classes: tuple[str, ...]
    subsets: Mapping[str, Sequence[str]]
    """Name, such as "train" or "annotator1/train" -> the ids of the split, also of recordings not at hand."""
    tallies: Mapping[str, Tally]

    def at_hand(self, subset: str) -> list[Tally]:
        """Return the tallies of a subset's recordings at hand."""
        return [self.tallies[id_] for id_ in self.subsets[subset] if id_ in self.tallies]

    def bouts(self) -> list[Int[np.ndarray, " _"]]:
        """Return the lengths of all bouts in frames, for each class."""
        empty = np.zeros(0, dtype=np.int64)
        tallies, classes = self.tallies.values(), range(len(self.classes))
        return [np.concatenate([empty, *(tally.bouts[c] for tally in tallies)]) for c in classes]

    def missing(self) -> Float[np.ndarray, "A K"] | None:
        """Return the share of frames without each keypoint, over the recordings with poses; None without any.

        Recordings with another number of animals or keypoints than the data set declares are left out.
        """
        shape = (len(self.dataset.animals), len(self.dataset.keypoints))
        missing, frames = np.zeros(shape), 0
        for tally in self.tallies.values():
            if tally.missing is not None and tally.missing.shape == shape:
                missing += tally.missing
                frames += tally.frames
        return missing / frames if frames else None


def survey_stored(name: str) -> Survey:
    """Count the stored recordings of a task or a data set of that name; a data set as its first task sees it.

    Raises `UsageError` for an unknown name and `DataError` where the recordings are not imported.
    """
    dataset = get_dataset(name)
    tasks = tasks_of(dataset)
    task = next((task for task in tasks if task.name == name), tasks[0] if tasks else None)
    recordings = load_all(dataset)
    return survey_dataset(dataset, recordings) if task is None else survey(task, recordings)


def survey(task: Task, recordings: Iterable[Recording]) -> Survey:
    """Count the recordings of a task, its classes and its subsets."""
    split = task.load_split()
    subsets = {
        subset if len(split.parts) == 1 else f"{part}/{subset}": split.ids(part, subset)
        for part in split.parts
        for subset in SUBSETS
        if split.ids(part, subset)
    }
    tallies = _tallies(recordings, task.truth)
    return Survey(task.title, task.dataset, task.classes, subsets, tallies)


def survey_dataset(dataset: Dataset, recordings: Iterable[Recording]) -> Survey:
    """Count the recordings of a data set without a task."""
    tallies = _tallies(recordings, lambda recording: recording.labels)
    return Survey(dataset.title, dataset, dataset.classes, {"all": list(tallies)}, tallies)


def tally(recording: Recording, truth: Bool[np.ndarray, "T C"]) -> Tally:
    """Count one recording, whose labels are `truth`. Frames that nobody annotated end a bout."""
    lengths: list[list[int]] = [[] for _ in range(truth.shape[1])]
    for span in spans(recording.annotated):
        bouts = find_bouts(truth[span])
        for class_, start, stop in zip(bouts.classes, bouts.starts, bouts.stops, strict=True):
            lengths[class_].append(int(stop - start))
    missing = None
    if recording.keypoints is not None:
        missing = np.isnan(recording.keypoints).any(axis=-1).sum(axis=0)
    return Tally(
        recording.group,
        recording.frames,
        int(recording.annotated.sum()),
        truth[recording.annotated].sum(axis=0),
        missing,
        tuple(np.array(frames, dtype=np.int64) for frames in lengths),
    )


def _tallies(
    recordings: Iterable[Recording], truth: Callable[[Recording], Bool[np.ndarray, "T C"]]
) -> dict[str, Tally]:
    return {recording.id: tally(recording, truth(recording)) for recording in recordings}

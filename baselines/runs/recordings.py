"""Recordings of the store, read when they are iterated over; and copies without labels, to predict from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from bench.recordings import Recording
from bench.store import load, manifest, require
from bench.tasks import Dataset


@dataclass(frozen=True)
class Recordings:
    """Some recordings of a data set, in an order. Nothing of them is in memory."""

    dataset: Dataset
    ids: tuple[str, ...]
    poses: bool
    blind: bool = False
    """Whether they are copies without labels."""

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Recording]:
        """Read one after the other; raises `DataError` as `bench.store.load` does."""
        for recording in load(self.dataset, self.ids, poses=self.poses):
            yield recording.without_labels() if self.blind else recording

    def require(self) -> None:
        """Raise `DataError` saying how to get what the store lacks; nothing is read."""
        if self.ids:
            require(self.dataset, self.ids, poses=self.poses)

    def digest(self) -> str:
        """Digest all that a model can read of them, as the store knows it: of blind copies no label."""
        digest = hashlib.sha256()
        stored = manifest(self.dataset).recordings if self.ids else {}
        for id_ in self.ids:
            one = stored[id_]
            digest.update(f"{id_} {one.frames} {'' if self.blind else one.truth} {one.rest}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Several:
    """Recordings of several data sets, one after the other."""

    parts: tuple[Recordings, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[Recording]:
        for part in self.parts:
            yield from part


def every(dataset: Dataset) -> Recordings:
    """Return all recordings of a data set that the store holds, with poses and without labels."""
    return Recordings(dataset, tuple(manifest(dataset).recordings), poses=True, blind=True)

"""Recordings against frozen splits: sums of frames and segments, and the digest of every truth."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from bench.errors import DataError, first
from bench.recordings import Recording
from bench.splits import SUBSETS, add_up, side_by_side
from bench.store.manifests import Changed, how_to_pull, manifest
from bench.store.stored import Stored
from bench.tasks import Task


def departures(recordings: Mapping[str, Stored], tasks: Iterable[Task]) -> tuple[list[Changed], list[str]]:
    """Return what differs from the frozen splits of some tasks, and which recordings are missing.

    A subset may be absent altogether: then it is not compared.
    """
    missing: list[str] = []
    changed: list[Changed] = []
    for task in tasks:
        split = task.load_split()
        for part, subset in itertools.product(split.parts, SUBSETS):
            place = f"{task.name}: {part}/{subset}"
            ids = split.ids(part, subset)
            present = [recordings[id_] for id_ in ids if id_ in recordings]
            if present:
                missing += [f"{place}: {id_} is missing" for id_ in ids if id_ not in recordings]
            totals = split.totals.get(part, {}).get(subset)
            if totals is not None and present and len(present) == len(ids):
                changed += [
                    Changed(f"{place}: {name}", f"{expected:,}", f"{found or 0:,}")
                    for name, expected, found in side_by_side(add_up([s.totals for s in present]), totals)
                    if (found or 0) != expected
                ]
        changed += [
            Changed(f"{task.name}: labels of {id_}", f"sha256:{digest}", f"sha256:{recordings[id_].truth}")
            for id_, digest in split.truth.items()
            if id_ in recordings and recordings[id_].truth != digest
        ]
    return changed, missing


def require_frozen(task: Task, recordings: Mapping[str, Recording]) -> None:
    """Raise `DataError` where recordings of the store are not those that the split of a task froze.

    The store's own digests say only that they are those that were imported: they can be edited together.
    What an import took with `--accept-changed` is accepted; every result says so.
    """
    held = manifest(task.dataset)
    counted = {id_: _counted(recording) for id_, recording in recordings.items()}
    changed, _ = departures(counted, [task])
    accepted = {change.name for change in held.changed}
    wrong = [change for change in changed if change.name not in accepted]
    if wrong:
        raise DataError(
            f"the stored recordings of {task.dataset.name!r} are not those that task {task.name!r} froze",
            first(map(str, wrong)),
            hint=f"{how_to_pull(task.dataset, held.origin)} --replace",
        )


def _counted(recording: Recording) -> Stored:
    counts = dict(zip(recording.classes, recording.labels.sum(axis=0).tolist(), strict=True))
    return Stored(recording.frames, False, recording.truth_digest(), "", counts)

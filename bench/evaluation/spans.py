"""What is compared: the spans of the recordings that count, and their truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import DataError
from bench.kinds import Cut, Span, kind_of
from bench.recordings import Recording
from bench.splits import Split, Subset
from bench.tasks import Task


@dataclass(frozen=True)
class TruthSummary:
    """What every entry on a task is compared with, in numbers: each result repeats them."""

    truth_digest: str
    recordings: int
    groups: int
    frames: int
    """Summed over parts."""
    support: Mapping[str, int]
    """Class -> test frames in which it holds, or true segments; summed over parts."""


def cut(task: Task, split: Split, recordings: Mapping[str, Recording]) -> dict[str, Cut]:
    """Cut the recordings of every part into the spans that count.

    Raises `DataError` for a part of which nothing counts.
    """
    kind = kind_of(task)
    tests = {part: split.group_of(part, "test") for part in split.parts}
    counted = {id_: list(kind.cut(task, recordings[id_])) for ids in tests.values() for id_ in ids}
    groups = {group for ids in tests.values() for id_, group in ids.items() if counted[id_]}
    index = {group: i for i, group in enumerate(sorted(groups))}
    cuts = {
        part: Cut(
            [Span(id_, *span, index[group]) for id_, group in ids.items() for span in counted[id_]],
            list(_train(task, split, part, recordings)),
        )
        for part, ids in tests.items()
    }
    _check(task, "test", [part for part, of_part in cuts.items() if not of_part.test])
    if "train" in kind.subsets:
        _check(task, "train", [part for part, of_part in cuts.items() if not of_part.train])
    return cuts


def _check(task: Task, subset: Subset, empty: Sequence[str]) -> None:
    """Raise `DataError` for parts of which no recording counts."""
    if empty:
        raise DataError(
            f"task {task.name!r}: no stored {subset} recording has anything that counts",
            [f"part {part!r}: what counts is {task.protocol.description}" for part in empty],
            hint=f"bench data {task.name}",
        )


def _train(task: Task, split: Split, part: str, recordings: Mapping[str, Recording]) -> Iterator[Span]:
    """Yield the spans of the training recordings where an entry answers those too."""
    kind = kind_of(task)
    for id_ in split.ids(part, "train") if "train" in kind.subsets else ():
        for frames, truth in kind.cut(task, recordings[id_]):
            yield Span(id_, frames, truth, -1)


def truth_digest(task: Task, cuts: Mapping[str, Cut]) -> str:
    """Return the SHA-256 of all that was compared with: classes, parts, ids, frames, groups, truth."""
    digest = hashlib.sha256("|".join(task.classes).encode())
    for part, of_part in cuts.items():
        for span in [*_sorted(of_part.test), *_sorted(of_part.train)]:
            place = f"{part} {span.recording} {span.frames.start} {span.frames.stop} {span.group}"
            digest.update(f"\n{place}\n".encode() + kind_of(task).truth_bytes(span.truth))
    return digest.hexdigest()


def summarise_truth(task: Task, cuts: Mapping[str, Cut]) -> TruthSummary:
    """Return what the test spans of all parts add up to."""
    spans = [span for of_part in cuts.values() for span in of_part.test]
    support = np.sum([kind_of(task).count(span.truth) for span in spans], axis=0)
    return TruthSummary(
        truth_digest=truth_digest(task, cuts),
        recordings=len({span.recording for span in spans}),
        groups=1 + max(span.group for span in spans),
        frames=sum(span.frames.stop - span.frames.start for span in spans),
        support=dict(zip(task.classes, support.tolist(), strict=True)),
    )


def group_frames(cuts: Mapping[str, Cut]) -> list[int]:
    """Return the frames that count of every group, in the order of their numbers, summed over parts."""
    spans = [span for of_part in cuts.values() for span in of_part.test]
    frames = np.zeros(1 + max(span.group for span in spans), dtype=np.int64)
    for span in spans:
        frames[span.group] += span.frames.stop - span.frames.start
    return [int(count) for count in frames]


def _sorted(spans: Sequence[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.recording, span.frames.start))

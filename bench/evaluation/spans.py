"""What is compared: the spans of the test recordings, and their truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from bench.errors import DataError, UsageError
from bench.metrics.segments import clean
from bench.recordings import Recording, Segments, spans
from bench.splits import Split
from bench.tasks import Task


@dataclass(frozen=True, eq=False)
class Span:
    """A run of consecutive frames of one test recording that count; where segments are asked for, all."""

    recording: str
    frames: slice
    truth: Bool[np.ndarray, "T C"] | Segments
    """Segments in seconds from the start of the recording, and clean."""
    group: int
    """Index of its group among all test groups of the task."""


def cut(task: Task, split: Split, recordings: Mapping[str, Recording]) -> dict[str, list[Span]]:
    """Cut the test recordings of every part into the spans that count.

    Raises `UsageError` for a task whose kind has no evaluation here, and `DataError` for a part of which
    nothing counts.
    """
    if task.kind == "clusters":
        raise UsageError(f"task {task.name!r} is of kind {task.kind!r}; evaluate scores frames and segments")
    tested = {part: split.group_of(part, "test") for part in split.parts}
    counted = {id_: list(_spans(task, recordings[id_])) for of in tested.values() for id_ in of}
    groups = {group for of in tested.values() for id_, group in of.items() if counted[id_]}
    index = {group: i for i, group in enumerate(sorted(groups))}
    cuts: dict[str, list[Span]] = {part: [] for part in tested}
    for part, of in tested.items():
        for id_, group in of.items():
            cuts[part] += [Span(id_, frames, truth, index[group]) for frames, truth in counted[id_]]
    if empty := [part for part, spans_ in cuts.items() if not spans_]:
        raise DataError(
            f"task {task.name!r}: no stored test recording has anything that counts",
            [f"part {part!r}: what counts is {task.protocol.description}" for part in empty],
            hint=f"bench data {task.name}",
        )
    return cuts


def _spans(task: Task, recording: Recording) -> Iterator[tuple[slice, Bool[np.ndarray, "T C"] | Segments]]:
    """Yield the frames of each span of a recording, and their truth."""
    if task.kind == "segments":
        if task.protocol.counted(recording).any():
            yield slice(0, recording.frames), clean(task.segments(recording))
        return
    truth = task.truth(recording)
    for frames in spans(task.protocol.counted(recording)):
        yield frames, truth[frames]


def class_counts(truth: Bool[np.ndarray, "T C"] | Segments) -> Int[np.ndarray, " C"]:
    """Return in how many frames each class holds, or how many true segments it has."""
    if isinstance(truth, Segments):
        return np.bincount(truth.labels, minlength=truth.classes)
    return truth.sum(axis=0)


def shown(truth: Bool[np.ndarray, "T C"] | Segments) -> Bool[np.ndarray, " C"]:
    """Return which classes the truth of a span shows."""
    return class_counts(truth) > 0


def truth_digest(task: Task, cuts: Mapping[str, list[Span]]) -> str:
    """Return the SHA-256 of all that was compared with: classes, parts, ids, frames, groups, truth."""
    digest = hashlib.sha256("|".join(task.classes).encode())
    for part, counted in cuts.items():
        for span in sorted(counted, key=lambda span: (span.recording, span.frames.start)):
            place = f"{part} {span.recording} {span.frames.start} {span.frames.stop} {span.group}"
            digest.update(f"\n{place}\n".encode())
            if isinstance(span.truth, Segments):
                digest.update(span.truth.labels.astype("<i8").tobytes())
                digest.update(span.truth.bounds.astype("<f8").tobytes())
            else:
                digest.update(np.packbits(span.truth).tobytes())
    return digest.hexdigest()

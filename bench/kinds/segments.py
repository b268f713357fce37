"""Tasks of kind `segments`: scored segments in seconds, as in temporal localisation.

Length      seconds.
Spans       a recording is one span where any of its frames counts, else none.
Prediction  `Detections`: bounds in seconds, labels and scores, in any order.
Form        Final detections are scored as they are. Raw ones first go through the frozen Soft-NMS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int

from bench.errors import UsageError
from bench.kinds.frames import view
from bench.kinds.kind import Cut, DetectionForm, Kind, Words
from bench.kinds.segment_floors import FLOORS
from bench.metrics.segments import clean
from bench.metrics.softnms import soft_nms
from bench.recordings import Detections, Recording, Segments
from bench.tasks import Task


def _cut(task: Task, recording: Recording) -> Iterator[tuple[slice, Segments]]:
    if task.protocol.counted(recording).any():
        yield slice(0, recording.frames), clean(task.segments(recording))


def _judge(
    task: Task, part: Cut, predicted: Mapping[str, Detections], form: DetectionForm | None
) -> dict[str, Sequence[Detections]]:
    if form is None:
        raise UsageError(f"task {task.name!r}: nothing says whether its detections are raw or final")
    given = [predicted[span.recording] for span in part.test]
    return {"detections": [soft_nms(one) for one in given] if form == "raw" else given}


def _count(truth: Segments) -> Int[np.ndarray, " C"]:
    return np.bincount(truth.labels, minlength=truth.classes)


def _truth_bytes(truth: Segments) -> bytes:
    return truth.labels.astype("<i8").tobytes() + truth.bounds.astype("<f8").tobytes()


def _answer_bytes(given: Detections) -> tuple[str, bytes]:
    """Return detections as bytes, in one order whatever that of their rows was; -0.0 is 0.0."""
    columns = np.column_stack([given.labels, given.bounds, given.scores]).astype("<f8") + 0.0
    return f"{len(given.labels)} detections", columns[np.lexsort(columns.T[::-1])].tobytes()


def _view(task: Task, recording: Recording) -> Recording:
    """Return the recording with its true segments; all of its annotated frames count, or none."""
    counted = recording.annotated & task.protocol.counted(recording).any()
    return replace(view(task, recording, counted), segments=task.segments(recording))


def _tally(task: Task, recording: Recording) -> dict[tuple[str, str], int]:
    """Count the true segments of a recording, before those that cannot be scored are taken out."""
    labels = task.segments(recording).labels
    numbers = np.bincount(labels, minlength=len(task.classes)).tolist()
    of_class = {("segments", name): number for name, number in zip(task.classes, numbers, strict=True)}
    return {("segments", ""): len(labels), **of_class}


def _scored(counts: Mapping[str, Any]) -> str:
    form = counts["detections"]
    form = "scored as they are, without Soft-NMS" if form == "raw" else form
    return (
        f"{counts['segments']:,} true segments ({counts['dropped']:,} dropped: shorter than 1e-3 s or there "
        f"twice)\n{counts['detections_scored']:,} detections ({form}), "
        f"{counts['recordings_without_detections']:,} recordings without any"
    )


SEGMENTS = Kind(
    name="segments",
    subsets=("test",),
    labels_frames=False,
    length=lambda recording: recording.frames / recording.fps,
    cut=_cut,
    judge=_judge,
    count=_count,
    truth_bytes=_truth_bytes,
    answer_bytes=_answer_bytes,
    to_arrays=lambda given: {"bounds": given.bounds, "labels": given.labels, "scores": given.scores},
    from_arrays=lambda arrays: Detections(arrays["bounds"], arrays["labels"], arrays["scores"]),
    view=_view,
    prior=None,
    floors=FLOORS,
    tally=_tally,
    words=Words(
        unit="segments",
        total="true segments",
        count=lambda _frames, support: sum(support.values()),
        beside=False,
        scored=_scored,
    ),
)

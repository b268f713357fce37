"""Tasks of kind `frames`: one score per frame and class.

Length      frames.
Spans       runs of frames that count under the task's protocol. A bout never reaches across two of them.
Prediction  float32 (frames, classes), classes in the order of the task.
Labels      Where classes exclude each other the label of a frame is the class of the highest score, of
            equal scores the first. Where they overlap, every class holds whose score is at least 0.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Num

from bench.kinds.kind import Cut, DetectionForm, Kind, Words
from bench.recordings import Recording, one_hot, spans
from bench.tasks import Task

Scores = Float32[np.ndarray, "_ _"]
"""(frames, classes), classes in the task's order."""
THRESHOLD = 0.5
"""A class that may hold beside others holds where its score is at least this."""


def _cut(task: Task, recording: Recording) -> Iterator[tuple[slice, Bool[np.ndarray, "T C"]]]:
    truth = task.truth(recording)
    for frames in spans(task.protocol.counted(recording)):
        yield frames, truth[frames]


def labels_of(scores: Num[np.ndarray, "T C"], *, exclusive: bool) -> Bool[np.ndarray, "T C"]:
    """Label frames: the best class, of equals the first; every class from 0.5 on where several may hold."""
    if exclusive:
        return one_hot(scores.argmax(axis=1), scores.shape[1])
    return np.asarray(scores >= THRESHOLD)


def view(task: Task, recording: Recording, counted: Bool[np.ndarray, " T"] | None = None) -> Recording:
    """Return the recording with the labels of the task's classes, in its order, in the frames that count.

    Those frames are the ones that its protocol counts unless `counted` says which.
    """
    if counted is None:
        counted = task.protocol.counted(recording)
    labels = task.truth(recording) & counted[:, np.newaxis]
    return replace(recording, classes=task.classes, labels=labels, annotated=counted, segments=None)


def _judge(
    task: Task, part: Cut, predicted: Mapping[str, Num[np.ndarray, "_ _"]], _form: DetectionForm | None
) -> dict[str, Sequence[np.ndarray]]:
    scores = [predicted[span.recording][span.frames] for span in part.test]
    return {"scores": scores, "labels": [labels_of(array, exclusive=task.exclusive) for array in scores]}


def frames_scored(counts: Mapping[str, Any]) -> str:
    """Say how many frames `bench score` counted."""
    return f"{counts['frames']:,} frames ({counts['unannotated']:,} not annotated, left out)"


def _answer_bytes(scores: Scores) -> tuple[str, bytes]:
    return f"{len(scores)} {scores.shape[1]}", np.ascontiguousarray(scores, dtype="<f4").tobytes()


FRAMES = Kind(
    name="frames",
    subsets=("test",),
    labels_frames=True,
    length=lambda recording: recording.frames,
    cut=_cut,
    judge=_judge,
    count=lambda truth: truth.sum(axis=0),
    truth_bytes=lambda truth: np.packbits(truth).tobytes(),
    answer_bytes=_answer_bytes,
    to_arrays=lambda scores: {"answer": scores},
    from_arrays=lambda arrays: arrays["answer"],
    view=view,
    prior=lambda shares, frames: np.tile(shares.astype(np.float32), (frames, 1)),
    floors=(),
    tally=lambda _task, _recording: {},
    words=Words(
        unit="frames",
        total="frames",
        count=lambda frames, _support: frames,
        beside=True,
        scored=frames_scored,
    ),
)

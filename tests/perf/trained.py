"""What the scripts that train share: a run's scores of the test recordings, and their F1 and MAP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from bench.scoring import score_frames
from bench.store import load
from bench.tasks import Task

Truth = Mapping[str, Int64[np.ndarray, " T"]]
"""Recording -> class index of every frame, -1 where none counts."""
Scores = Mapping[str, Float32[np.ndarray, "T C"]]


def read_test(task: Task, predictions: Path) -> tuple[Truth, Scores]:
    """Return what is true of the test recordings and what a run says of them.

    Of a task of one part whose classes exclude each other.
    """
    (part,) = task.parts
    truth = {}
    for recording in load(task.dataset, task.load_split().ids(part.name, "test"), poses=False):
        held = task.truth(recording)
        truth[recording.id] = np.where(recording.annotated & held.any(axis=1), held.argmax(axis=1), -1)
    with np.load(predictions) as archive:
        return truth, {id_: archive[f"{part.name}/{id_}"] for id_ in truth}


def f1_and_map(task: Task, truth: Truth, scores: Scores) -> tuple[float, float]:
    """Return both, without the background."""
    found = score_frames(
        truth, scores, task.classes, background=task.background, fps=task.dataset.fps, resamples=0
    ).scores
    return found["f1"].value, found["map"].value

"""What the scripts that train share: F1 and MAP of the predictions of one run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.scoring import score_frames
from bench.store import load
from bench.tasks import Task


def f1_and_map(task: Task, predictions: Path) -> tuple[float, float]:
    """Return both, without the background, of a task of one part whose classes exclude each other."""
    (part,) = task.parts
    truth = {}
    for recording in load(task.dataset, task.load_split().ids(part.name, "test"), poses=False):
        held = task.truth(recording)
        truth[recording.id] = np.where(recording.annotated & held.any(axis=1), held.argmax(axis=1), -1)
    with np.load(predictions) as archive:
        scores = {id_: archive[f"{part.name}/{id_}"] for id_ in truth}
    found = score_frames(truth, scores, task.classes, background=task.background, fps=task.dataset.fps)
    return found.scores["f1"].value, found.scores["map"].value

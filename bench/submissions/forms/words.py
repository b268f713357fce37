"""Words that the pages of every form share."""

from __future__ import annotations

from bench.splits import Split
from bench.tasks import Task


def poses_words(task: Task) -> str:
    """Say what of a recording a model can look at."""
    if not task.dataset.keypoints:
        return "The recordings have no poses: a model looks at what you have of them."
    return "`recording.keypoints` is (frames, animals, keypoints, 2) in pixels, at `recording.fps`."


def validation_words(split: Split) -> str:
    """Say which recordings there are to validate on."""
    if any(split.ids(part, "val") for part in split.parts):
        return 'To choose among models, validate on `task.recordings("val", part)`.'
    return "No recordings are kept apart to validate on: leave some of the training ones out."

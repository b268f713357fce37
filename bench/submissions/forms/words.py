"""Words that the pages of every form share."""

from __future__ import annotations

from bench.tasks import Task


def poses_words(task: Task) -> dict[str, object]:
    """Return whether the recordings have poses, and what a model sees of them, in words."""
    if not task.dataset.keypoints:
        return {"poses": False, "sees": "The recordings have no poses: it looks at what you have of them."}
    shape = "(frames, animals, keypoints, 2)"
    return {"poses": True, "sees": f"`recording.keypoints` is {shape} in pixels, at `recording.fps`."}

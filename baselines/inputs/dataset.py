"""Windows of poses as a `torch.utils.data.Dataset`, for a training loop of one's own.

    task = bench.load_task("rat-dyads")
    windows = window_dataset(task, "train", past=32, future=31)
    for poses, target in torch.utils.data.DataLoader(windows, batch_size=256, shuffle=True):
        ...  # poses (B, 64, A, K, 2) in pixels, target (B,) class indices

No window is cut out before it is asked for: all recordings stand in one array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor
from torch.utils.data import Dataset

from baselines.inputs.windows import Windows, windows
from baselines.recipes.windows import Recipe
from bench.access import TaskData
from bench.errors import DataError, UsageError


@dataclass(frozen=True, eq=False)
class WindowDataset(Dataset[tuple[Float32[Tensor, "W A K 2"], Int64[Tensor, ""] | Bool[Tensor, " C"]]]):
    """One window of poses for each annotated frame, and what that frame shows."""

    windows: Windows
    targets: Int64[Tensor, " N"] | Bool[Tensor, "N C"]
    """Class indices, or one truth for each class where classes may overlap."""
    shape: tuple[int, int]
    """Animals and keypoints."""

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(
        self, index: int
    ) -> tuple[Float32[Tensor, "W A K 2"], Int64[Tensor, ""] | Bool[Tensor, " C"]]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        (rows,) = self.windows.gather(torch.tensor([index % len(self)]))
        return rows.view(len(rows), *self.shape, 2), self.targets[index]


def window_dataset(
    task: TaskData, subset: str, part: str | None = None, *, past: int, future: int, gap: int = 1
) -> WindowDataset:
    """Return the windows of the annotated frames of one subset of a task.

    A window holds `past` poses before the frame, its own and `future` after it, `gap` frames apart, in
    pixels; NaN is a keypoint that was not found. Beyond the ends of a recording its first or last pose is
    repeated. Frames without any class, of a task whose classes exclude each other, have no window.

    Raises `UsageError` for a task without poses, and `DataError` where no frame can train.
    """
    skeleton = task.task.dataset.skeleton
    if not skeleton.keypoints:
        raise UsageError(f"the recordings of {task.name!r} have no poses", hint="bench data " + task.name)
    poses, kept, targets = [], [], []
    for recording in task.recordings(subset, part):
        if recording.keypoints is None:
            raise DataError(f"{recording.id} has no poses", hint=f"bench data {task.name}")
        keep = recording.annotated
        if task.task.exclusive:
            keep = keep & recording.labels.any(axis=1)
        truth = recording.labels[keep]
        targets.append(truth.argmax(axis=1) if task.task.exclusive else truth)
        poses.append(recording.keypoints.reshape(recording.frames, -1))
        kept.append(keep)
    if not poses or not sum(map(np.count_nonzero, kept)):
        raise DataError(f"no frame of {task.name}, {subset}, can train", hint=f"bench data {task.name}")
    recipe = Recipe(past=past, future=future, gap=gap, epochs=1, ends="whole")
    laid = windows(poses, recipe, torch.device("cpu"), kept)
    shape = (len(skeleton.animals), len(skeleton.keypoints))
    return WindowDataset(laid, torch.from_numpy(np.concatenate(targets)), shape)

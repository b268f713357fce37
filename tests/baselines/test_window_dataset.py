"""Windows of poses for torch's DataLoader: each is what the recording shows around its frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bench
from bench.access import TaskData
from bench.errors import UsageError
from bench.store import pull_simulated

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
from baselines.inputs.dataset import window_dataset  # noqa: E402  after it is known that torch is there

PAST, FUTURE, GAP = 3, 1, 2


@pytest.fixture
def task(bench_home: Path) -> TaskData:
    task = bench.load_task("demo-5x40")
    pull_simulated(task.task.dataset)
    return task


def test_windows_are_what_the_recordings_show(task: TaskData) -> None:
    windows = window_dataset(task, "train", past=PAST, future=FUTURE, gap=GAP)
    recordings = list(task.recordings("train"))
    assert len(windows) == sum(recording.frames for recording in recordings) == 3 * 40
    number = 0
    for recording in recordings:
        for frame in range(recording.frames):
            places = np.clip(frame + GAP * np.arange(-PAST, FUTURE + 1), 0, recording.frames - 1)
            poses, target = windows[number]
            assert poses.shape == (PAST + 1 + FUTURE, 2, 7, 2)
            if GAP * PAST <= frame < recording.frames - GAP * FUTURE:
                np.testing.assert_array_equal(poses.numpy(), recording.keypoints[places])
            assert recording.labels[frame, int(target)]
            number += 1
    np.testing.assert_array_equal(windows[0][0][0].numpy(), recordings[0].keypoints[0])
    with pytest.raises(IndexError):
        windows[len(windows)]


def test_a_data_loader_makes_batches(task: TaskData) -> None:
    loader = torch.utils.data.DataLoader(window_dataset(task, "val", past=2, future=3), batch_size=7)
    poses, target = next(iter(loader))
    assert poses.shape == (7, 6, 2, 7, 2)
    assert target.dtype == torch.int64
    assert sum(len(target) for _, target in loader) == 40
    overlapping = replace(task, task=replace(task.task, exclusive=False))
    assert window_dataset(overlapping, "val", past=0, future=0)[0][1].shape == (4,)


def test_a_task_without_poses_is_refused(task: TaskData) -> None:
    bare = replace(task, task=replace(task.task, dataset=replace(task.task.dataset, keypoints=(), edges=())))
    with pytest.raises(UsageError):
        window_dataset(bare, "train", past=1, future=1)

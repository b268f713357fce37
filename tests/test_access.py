"""`bench.load_task`: recordings of a task by split, in the three forms people want them in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bench
from bench.datasets import get_task
from bench.errors import DataError, UsageError
from bench.store import pull_simulated

TASK = "demo-7x90"


@pytest.fixture
def task(bench_home: Path) -> bench.TaskData:
    pull_simulated(get_task(TASK).dataset)
    return bench.load_task(TASK)


def test_recordings_by_split(task: bench.TaskData) -> None:
    by_subset = {subset: [r.id for r in task.recordings(subset)] for subset in ("train", "val", "test")}
    assert [len(ids) for ids in by_subset.values()] == [4, 1, 2]
    assert len({id_ for ids in by_subset.values() for id_ in ids}) == 7
    first = next(task.recordings("test"))
    assert first.keypoints is not None
    assert first.keypoints.shape == (90, 2, 7, 2)
    assert next(task.recordings("test", poses=False)).keypoints is None


def test_nothing_is_read_before_it_is_asked_for(bench_home: Path) -> None:
    waiting = bench.load_task(TASK).recordings("train")
    with pytest.raises(DataError, match=f"bench pull {TASK}"):
        next(waiting)


def test_frames_as_pandas(task: bench.TaskData) -> None:
    table = task.frame_table("test")
    truth = np.concatenate([task.task.truth(r) for r in task.recordings("test", poses=False)])
    assert list(table.columns) == ["recording", "frame", "counted", *task.task.classes]
    np.testing.assert_array_equal(table[list(task.task.classes)], truth)
    assert table.groupby("recording")["frame"].max().tolist() == [89, 89]


def test_recordings_as_datasets(
    task: bench.TaskData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = task.hub_dataset("train")
    for row, recording in zip(rows, task.recordings("train"), strict=True):
        assert row["id"] == recording.id
        np.testing.assert_array_equal(np.reshape(row["labels"], recording.labels.shape), recording.labels)
        poses = np.reshape(np.array(row["poses"], dtype=np.float32), (90, 2, 7, 2))
        np.testing.assert_array_equal(poses, recording.keypoints)


def test_unknown_names_are_named(task: bench.TaskData) -> None:
    with pytest.raises(UsageError, match="did you mean 'train'"):
        task.ids("trian")
    with pytest.raises(UsageError, match="no part 'everything'"):
        task.ids("train", "everything")
    with pytest.raises(UsageError, match="did you mean 'demo'"):
        bench.load_task("demmo")
    with pytest.raises(AttributeError, match="load_tsk"):
        bench.load_tsk  # noqa: B018


def test_a_notebook_shows_one_line(task: bench.TaskData) -> None:
    assert (
        repr(task)
        == f"<task {TASK}: attack, investigation, mount, other; recordings: 4 train, 1 val, 2 test>"
    )
    five = repr(bench.load_task("calms21-task2"))
    assert five.endswith("; recordings of annotator1, the first of 5 parts: 6 train, 0 val, 13 test>")
    assert repr(bench.load_dataset("ethome")).startswith("<data set ethome: ")

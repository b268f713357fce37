"""`bench.load_task`: recordings of a task by split, in the three forms people want them in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bench
from bench.datasets import get_task, rat_dyads
from bench.errors import DataError, UsageError
from bench.evaluation import evaluate
from bench.metrics import DETECTION_METRICS
from bench.recordings import Detections, Recording
from bench.store import load, pull, pull_simulated
from bench.tasks import WHOLE_RECORDINGS, Protocol, Task

TASK = "demo-7x90"
DEMO = get_task(TASK)
SKIPPING = Protocol("late", "frames 3 to n - 2", skip_first=3, skip_last=2)
ORDERS: dict[str, Task] = {
    "as the data set": DEMO,
    "another order": replace(DEMO, classes=("other", "mount", "attack", "investigation"), protocol=SKIPPING),
    "some classes": replace(
        DEMO,
        classes=("investigation", "attack"),
        background=None,
        protocol=Protocol("shown", "frames that show one", within=("attack", "investigation")),
    ),
    "overlapping": replace(DEMO, classes=("mount", "attack"), background=None, exclusive=False),
    "counts by another class": replace(
        DEMO, classes=("mount", "attack"), protocol=Protocol("x", "x", within=("investigation",))
    ),
    "segments": replace(
        DEMO,
        kind="segments",
        classes=("mount", "attack", "investigation"),
        background=None,
        metrics=DETECTION_METRICS,
        protocol=WHOLE_RECORDINGS,
    ),
}
"""Tasks on the demo whose classes are not, or not in the order of, the data set's."""


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


@pytest.fixture(params=ORDERS.values(), ids=ORDERS)
def asked(request: pytest.FixtureRequest, bench_home: Path) -> bench.TaskData:
    pull_simulated(DEMO.dataset)
    return bench.TaskData(request.param, request.param.load_split())


def stored(task: Task, subset: str) -> list[Recording]:
    return list(load(task.dataset, task.load_split().ids("all", subset), poses=True))


def test_recordings_are_in_the_order_of_the_task(asked: bench.TaskData) -> None:
    task = asked.task
    assert asked.classes == task.classes
    for given, held in zip(asked.recordings("train"), stored(task, "train"), strict=True):
        counted = task.protocol.counted(held)
        assert given.classes == task.classes
        np.testing.assert_array_equal(given.annotated, counted)
        np.testing.assert_array_equal(given.labels[counted], task.truth(held)[counted])
        assert not given.labels[~counted].any()
        np.testing.assert_array_equal(given.keypoints, held.keypoints)
        np.testing.assert_array_equal(task.truth(given), given.labels)
        assert (given.id, given.group, given.fps) == (held.id, held.group, held.fps)
        if task.kind == "segments":
            assert given.segments is not None
            np.testing.assert_array_equal(given.segments.bounds, task.segments(held).bounds)
            np.testing.assert_array_equal(given.segments.labels, task.segments(held).labels)
        else:
            assert given.segments is None


def test_what_is_handed_out_scores_one(asked: bench.TaskData) -> None:
    """What a user makes of labels and segments as they come is right: the first metric of the task is 1."""
    task = asked.task
    truth = {recording.id: recording for recording in stored(task, "test")}
    answers: dict[str, np.ndarray | Detections] = {}
    for given in asked.recordings("test"):
        if given.segments is None:
            answers[given.id] = given.labels.astype(np.float32)
        else:
            scores = np.ones(len(given.segments.labels))
            answers[given.id] = Detections(given.segments.bounds, given.segments.labels, scores)
    result = evaluate(task, {"id": "mine", "detections": "final"}, {"seed0": {"all": answers}}, truth)
    shown = any(result.support[name] for name in task.classes if name != task.background)
    np.testing.assert_equal(result.scores[task.metrics[0].name].value, 1.0 if shown else np.nan)


def test_tables_and_rows_are_in_the_order_of_the_task(
    asked: bench.TaskData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = asked.frame_table("test")
    given = list(asked.recordings("test", poses=False))
    labels = np.concatenate([recording.labels for recording in given])
    assert list(table.columns) == ["recording", "frame", "counted", *asked.classes]
    np.testing.assert_array_equal(table[list(asked.classes)], labels)
    np.testing.assert_array_equal(table["counted"], np.concatenate([r.annotated for r in given]))

    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    for row, recording in zip(asked.hub_dataset("test"), given, strict=True):
        assert row["id"] == recording.id
        assert row["classes"] == list(asked.classes)
        np.testing.assert_array_equal(np.reshape(row["labels"], recording.labels.shape), recording.labels)
        np.testing.assert_array_equal(row["annotated"], recording.annotated)
        if recording.segments is None:
            assert row["segments"] is row["segment_labels"] is None
        else:
            np.testing.assert_array_equal(np.reshape(row["segments"], (-1, 2)), recording.segments.bounds)
            assert row["segment_labels"] == recording.segments.labels.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("task", [rat_dyads.TASK, rat_dyads.TASK_AGGRESSION, rat_dyads.TASK_BOUTS])
def test_the_real_rat_dyads_in_the_order_of_each_task(task: Task, rat_home: Path) -> None:
    asked = bench.TaskData(task, task.load_split())
    given = next(asked.recordings("test", poses=False))
    held = next(load(task.dataset, [given.id], poses=False))
    counted = task.protocol.counted(held)
    assert held.classes[: len(task.classes)] != task.classes
    np.testing.assert_array_equal(given.labels[counted], task.truth(held)[counted])
    if task.kind == "frames":
        assert (given.labels.sum(axis=1) == given.annotated).all()  # classes exclude each other


@pytest.fixture(scope="module")
def rat_home(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Iterator[Path]:
    folder = real_data / "rat-dyads"
    if not folder.is_dir():
        pytest.skip(f"{folder} does not exist")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("home")))
        pull(rat_dyads.DATASET, folder)
        yield folder


def test_poses_are_read_where_the_data_set_has_any(task: bench.TaskData) -> None:
    bare = replace(DEMO, dataset=replace(DEMO.dataset, keypoints=()))
    given = next(bench.TaskData(bare, bare.load_split()).recordings("test"))
    assert given.keypoints is None
    assert next(task.recordings("test")).keypoints is not None


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

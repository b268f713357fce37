"""The official CalMS21 Task 1 test labels, through the real path: import, frozen split, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from bench import store
from bench.datasets import TASKS, get_task
from bench.evaluation import evaluate
from bench.metrics.frames import F1, RECALL_MEAN
from bench.metrics.ranking import MAP
from bench.recordings import Recording
from bench.results import Result
from bench.tasks import Task

FRAMES = {"calms21-task1": 262_107, "calms21-task1-msgl": 261_442}
SUPPORT = {
    "calms21-task1": {"attack": 12_630, "investigation": 61_275, "mount": 31_848, "other": 156_354},
    "calms21-task1-msgl": {"attack": 12_586, "investigation": 60_964, "mount": 31_813, "other": 156_079},
}
LATE = 5
"""Frames by which the shifted entry is late."""

Entry = Callable[[Recording], np.ndarray]
"""Scores of every frame of a recording."""


def majority(recording: Recording) -> np.ndarray:
    return np.tile(np.float32([0, 0, 0, 1]), (recording.frames, 1))


def uniform(recording: Recording) -> np.ndarray:
    return np.full((recording.frames, 4), 0.25, dtype=np.float32)


def late(recording: Recording) -> np.ndarray:
    """Return the truth, some frames late; the first label holds until then."""
    source = np.maximum(np.arange(recording.frames) - LATE, 0)
    return recording.labels[source].astype(np.float32)


ENTRIES: dict[str, Entry] = {"majority": majority, "uniform": uniform, "late": late}


@pytest.fixture(scope="module")
def recordings(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Recording]]:
    """Import the labels into a store of their own and load them from there."""
    folder = real_data / "calms21"
    if not (folder / "task1_test_labels.csv").is_file():
        pytest.skip(f"no official labels: {folder / 'task1_test_labels.csv'} does not exist")
    task = get_task("calms21-task1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("home")))
        frozen = [one for one in TASKS if one.dataset.name == task.dataset.name]
        store.pull(task.dataset, folder, frozen)
        ids = task.load_split().ids("all", "test")
        yield {one.id: one for one in store.load(task.dataset, ids, poses=False)}


def scored(task: Task, recordings: dict[str, Recording], entry: str) -> tuple[Result, np.ndarray, np.ndarray]:
    """Evaluate an entry; return the result, and the truth and scores of the frames that count, pooled."""
    predicted = {id_: ENTRIES[entry](recording) for id_, recording in recordings.items()}
    card = {"id": entry, "name": entry}
    result = evaluate(task, card, {"seed0": {"all": predicted}}, recordings, resamples=20)
    counted = {id_: task.protocol.counted(recording) for id_, recording in recordings.items()}
    truth = np.concatenate([task.truth(one)[counted[id_]] for id_, one in recordings.items()])
    return result, truth, np.concatenate([predicted[id_][counted[id_]] for id_ in recordings])


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("entry", ENTRIES)
def test_entries_score_on_the_frames_that_count(
    recordings: dict[str, Recording], name: str, entry: str
) -> None:
    task = replace(get_task(name), metrics=(F1, MAP, RECALL_MEAN))
    result, truth, scores = scored(task, recordings, entry)
    assert len(recordings) == result.recordings == result.groups == 19
    assert result.frames == len(truth) == FRAMES[name]
    assert result.support == SUPPORT[name]
    hard = scores.argmax(axis=1)
    f1 = f1_score(truth.argmax(axis=1), hard, average=None, labels=range(4), zero_division=0)
    ap = average_precision_score(truth, scores, average=None)
    per_class = {metric: list(result.scores[metric].per_class.values()) for metric in ("f1", "map")}
    np.testing.assert_allclose(per_class["f1"], f1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(per_class["map"], ap, rtol=0, atol=1e-12)
    assert result.scores["f1"].value == pytest.approx(f1[:3].mean(), abs=1e-12)
    assert result.scores["map"].value == pytest.approx(ap[:3].mean(), abs=1e-12)


def test_what_knows_nothing_scores_the_prevalence(recordings: dict[str, Recording]) -> None:
    task = replace(get_task("calms21-task1"), metrics=(F1, MAP, RECALL_MEAN))
    support = SUPPORT[task.name]
    result, *_ = scored(task, recordings, "uniform")
    for name, frames in support.items():
        assert result.scores["map"].per_class[name] == pytest.approx(frames / 262_107, abs=1e-12)
    result, *_ = scored(task, recordings, "majority")
    assert result.scores["f1"].value == 0.0
    assert result.scores["recall_mean"].value == 0.25


def test_every_metric_scores_labels_that_are_five_frames_late(recordings: dict[str, Recording]) -> None:
    """Whole frames and bouts forgive what transitions do not."""
    result, truth, scores = scored(get_task("calms21-task1"), recordings, "late")
    got = {name: score.value for name, score in result.scores.items()}
    assert not any(np.isnan(value) for value in got.values())
    assert got["accuracy"] == pytest.approx((truth.argmax(axis=1) == scores.argmax(axis=1)).mean(), abs=1e-12)
    assert 0.9 < got["f1"] < 1.0
    assert got["accuracy_beyond_10"] == 1.0
    assert got["accuracy_at_transition"] < 0.1
    assert got["onset_error_median"] == got["onset_bias"] == LATE
    assert got["onset_f1_within_5"] > 0.99
    assert got["edit"] > 0.99

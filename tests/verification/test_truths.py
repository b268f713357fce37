"""What entries are compared with: frozen for some tasks, and the same as the recordings give."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import store
from bench.datasets import TASKS, demo, ethome, get_task, rat_dyads
from bench.evaluation import cut, summarise_truth
from bench.tasks import Task
from bench.verification.results.truths import expected_truth, frozen_truths, stored_truth

RAT_DYADS = (rat_dyads.TASK, rat_dyads.TASK_AGGRESSION, rat_dyads.TASK_BOUTS)


def test_what_is_frozen_is_of_tasks_and_within_their_splits() -> None:
    known = {task.name for task in TASKS}
    for name, truth in frozen_truths().items():
        assert name in known
        split = get_task(name).load_split()
        assert truth.recordings <= sum(len(split.ids(part, "test")) for part in split.parts)
        assert set(truth.support) == set(get_task(name).classes)


def test_the_simulated_recordings_give_what_is_frozen(bench_home: Path) -> None:
    store.pull_simulated(demo.TASK.dataset)
    assert stored_truth(demo.TASK) == frozen_truths()["demo"] == expected_truth("demo")


@pytest.mark.parametrize("task", RAT_DYADS, ids=lambda task: task.name)
def test_the_real_recordings_give_what_is_frozen(task: Task, real_data: Path) -> None:
    split = task.load_split()
    folder = real_data / "rat-dyads" / "videos"
    recordings = {id_: rat_dyads.read_compact(folder / f"{id_}.npz") for id_ in split.ids("all", "test")}
    assert summarise_truth(task, cut(task, split, recordings)) == frozen_truths()[task.name]


def test_ethome_gives_what_is_frozen(real_data: Path) -> None:
    recordings = {recording.id: recording for recording in ethome.read(real_data / "ethome")}
    truth = summarise_truth(ethome.TASK, cut(ethome.TASK, ethome.TASK.load_split(), recordings))
    assert truth == frozen_truths()["ethome"]


def test_a_task_that_is_not_frozen_has_the_truth_of_its_stored_recordings(bench_home: Path) -> None:
    name = "demo-4x30"
    assert expected_truth(name) is None
    store.pull_simulated(get_task(name).dataset)
    truth = expected_truth(name)
    assert truth is not None
    assert truth == stored_truth(get_task(name))
    assert truth.frames == 30 * truth.recordings

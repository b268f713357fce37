"""Plans: what is learned once for many, what comes first, and joint trainings that would cheat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy

from baselines.contract import Baseline, Data, Derived, Need, Predictor, Question, Run, State, Workspace
from baselines.models import get_baseline
from baselines.runs.plan import Order, leaks, units_of
from baselines.runs.restoring import restore
from baselines.runs.train import in_turns, train, train_all, train_seeds
from baselines.runs.unit import Unit
from bench.budgets import Budget
from bench.datasets import TASKS, get_task
from bench.errors import DataError, UsageError
from bench.recordings import Recording
from bench.splits import Split
from bench.store import load
from bench.tasks import Task

PRIOR = get_baseline("prior")
LEARNED: list[str] = []
"""Who has learned, in order."""


def speeds(recording: Recording) -> np.ndarray:
    """Return how far each animal moved, every second frame."""
    centre = np.nan_to_num(np.nanmean(np.nan_to_num(recording.keypoints), axis=2))
    return np.linalg.norm(np.diff(centre, axis=0, prepend=centre[:1]), axis=2)[::2].astype(np.float32)


def learn_scale(run: Run, data: Data, workspace: Workspace) -> State:
    LEARNED.append("scale")
    recordings = list(data.train[run.questions[0].key])
    assert not any(recording.annotated.any() for recording in recordings), "an extractor sees no label"
    return State({"scale": np.concatenate([speeds(r) for r in recordings]).max(axis=0) + 1}, {})


def restore_scale(run: Run, state: State, workspace: Workspace) -> Predictor:
    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[Derived]:
        for recording in recordings:
            yield Derived(speeds(recording) / state.arrays["scale"], 0.0, 2 / recording.fps, workspace.digest)

    return predict


SPEEDS = Baseline(
    model="test_planning:speeds",
    name="speeds",
    title="Speeds",
    description="how far animals move",
    reference="none",
    reads=frozenset({"poses"}),
    answers=frozenset({"features"}),
    learn=learn_scale,
    restore=restore_scale,
    width=lambda recipe, sizes: len(sizes.skeleton.animals),
)


def learn_means(run: Run, data: Data, workspace: Workspace) -> State:
    """Remember the mean features of each class of each question."""
    LEARNED.append(" ".join(question.key for question in run.questions))
    arrays = {}
    for number, question in enumerate(run.questions):
        sums, counts = np.zeros((run.sizes.classes[number], dict(run.sizes.features)["speeds"])), 0
        for recording in data.train[question.key]:
            made = workspace.features("speeds", recording)
            truth = question.truth(recording)[::2][: len(made.values)]
            sums, counts = sums + truth.T.astype(float) @ made.values, counts + truth.sum(axis=0)
        arrays[question.key] = sums / np.maximum(counts, 1)[:, None]
    return State(arrays, {"test": sorted(recording.id for recording in data.unlabelled)})


def restore_means(run: Run, state: State, workspace: Workspace) -> Predictor:
    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[np.ndarray]:
        for recording in recordings:
            values = workspace.features("speeds", recording).values
            far = np.linalg.norm(values[:, None] - state.arrays[question.key], axis=2)
            scores = 1 / (1 + far) / (1 / (1 + far)).sum(axis=1, keepdims=True)
            yield np.repeat(scores, 2, axis=0)[: recording.frames].astype(np.float32)

    return predict


MEANS = replace(
    SPEEDS,
    model="test_planning:means",
    name="means",
    title="Nearest mean",
    answers=frozenset({"frames"}),
    learn=learn_means,
    restore=restore_means,
    width=None,
    needs=(Need("test_planning:speeds", "features"),),
)
TOGETHER = replace(MEANS, model="test_planning:together", name="together", serves="parts")


def task() -> Task:
    return toy.task(first="ab", second="c")


@pytest.fixture(autouse=True)
def nothing_learned() -> None:
    LEARNED.clear()


def units(baseline: Baseline, out: Path, asked: Task | None = None) -> list[Unit]:
    return units_of(Order(baseline, asked or task(), [0], "cpu", out))


@pytest.mark.slow
def test_what_a_part_needs_comes_before_it_and_once(store: Path, tmp_path: Path) -> None:
    turns = in_turns([unit for out in "ab" for unit in units(MEANS, tmp_path / out)])
    assert [[work.run.model for work in turn] if turn[0] in turns[0] else len(turn) for turn in turns] == [
        ["test_planning:speeds"] * 2,
        4,
    ], "one for each part, whichever entry asks"
    train(MEANS, task(), seed=0, device="cpu", out=tmp_path / "out")
    assert LEARNED == ["scale", "scale", "toy/first", "toy/second"]
    train(MEANS, task(), seed=0, device="cpu", out=tmp_path / "other")
    assert LEARNED[4:] == ["toy/first", "toy/second"], "the features were there"
    kept = sorted(path.name for path in store.glob("derived/*/*"))
    assert len({name.partition("-")[0] for name in kept}) == 5


def test_parts_that_share_a_training_learn_once_and_keep_the_state_each(store: Path, tmp_path: Path) -> None:
    joint = replace(TOGETHER, unlabelled=("test",))
    paths = train_seeds(joint, task(), seeds=[0, 1], device="cpu", out=tmp_path / "out")
    assert LEARNED == ["scale"] * 2 + ["toy/first toy/second"] * 2
    work = tmp_path / "out/.work/toy"
    one, other = ((work / f"seed0-{part}.safetensors").read_bytes() for part in ("first", "second"))
    assert one == other
    with np.load(paths[0]) as scores:
        assert sorted(scores) == ["first/d", "first/e", "second/d", "second/e"]
        restored = restore(tmp_path / "out", task(), "seed0", "second")
        (told,) = restored.answers(load(toy.DATASET, ["e"], poses=True))
        np.testing.assert_array_equal(told, scores["second/e"])
    assert restored.question.classes == toy.CLASSES
    assert restored.predictor is not None
    card = (tmp_path / "out/submission.toml").read_text()
    assert "the test recordings, without labels" in card


def test_a_budget_takes_labels_away_and_no_recording_from_what_learns_without_labels(
    tmp_path: Path, store: Path
) -> None:
    order = Order(MEANS, toy.task(), [0], "cpu", tmp_path, budget=Budget(0.5, seed=1))
    (unit,) = units_of(order)
    kept = unit.job.sources.train["toy/all"].ids
    assert len(kept) == 2
    assert set(kept) < set("abc")
    assert unit.job.needs[0].sources.train["toy/all"].ids == ("a", "b", "c")
    assert unit.answered.ids == ("d", "e")
    train_all([order])
    card = (tmp_path / "submission.toml").read_text()
    assert 'remark = "labels of 50 % of the training groups, of seed 1"' in card


def ratsi() -> Task:
    return get_task("ratsi")


def test_sixty_three_ordered_pairs_of_ratsi_folds_would_train_each_other_on_what_they_test() -> None:
    served = [(ratsi(), part.name) for part in ratsi().parts]
    pairs = {(part, other) for part, other, _ in leaks(served)}
    assert len(pairs) == 63
    clean = {task.name for task in TASKS if not list(leaks([(task, part.name) for part in task.parts]))}
    assert {"calms21-task2", "calms21-task3", "oft-raters"} <= clean


def test_a_joint_training_that_would_see_its_test_recordings_is_refused(store: Path, tmp_path: Path) -> None:
    asked = task()
    parts = {**asked.split.parts}
    parts["second"] = {"train": {"c": ("c",), "d": ("d",)}, "test": {"e": ("e",)}}
    leaking = replace(asked, split=replace(asked.split, parts=parts))
    with pytest.raises(UsageError) as caught:
        units(TOGETHER, tmp_path, leaking)
    assert caught.value.problems == ("group d tests toy/first and trains toy/second",)
    assert len(units(MEANS, tmp_path, leaking)) == 2, "each part by itself may"


def test_groups_leak_as_recordings_do(tmp_path: Path) -> None:
    split = Split(
        name="toy",
        source="own",
        rule="by letter",
        parts={
            "one": {"train": {"g": ("a",)}, "test": {"h": ("d",)}},
            "two": {"train": {"h": ("b",)}, "val": {"g": ("c",)}, "test": {"k": ("e",)}},
        },
    )
    asked = replace(toy.task(one="a", two="b"), split=split)
    served = [(asked, part.name) for part in asked.parts]
    assert list(leaks(served)) == [("toy/one", "toy/two", "group h")]
    assert list(leaks(served[::-1])) == [("toy/one", "toy/two", "group h")]
    third = (replace(asked, name="third", dataset=replace(toy.DATASET, name="other")), "two")
    assert list(leaks([served[0], third])) == [], "another data set has other recordings"


def test_a_training_for_several_tasks_is_shared_by_them_and_wants_all_their_recordings(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = replace(toy.task(all="ab"), name="one"), replace(toy.task(all="bc"), name="other")
    monkeypatch.setattr("baselines.runs.plan.get_task", {"one": one, "other": other}.__getitem__)
    for asked in (one, other):
        train(BOTH, asked, seed=0, device="cpu", out=tmp_path / "out")
    assert LEARNED == ["scale", "one/all other/all"]
    missing = replace(other, dataset=replace(toy.DATASET, name="elsewhere"))
    monkeypatch.setattr("baselines.runs.plan.get_task", {"one": one, "other": missing}.__getitem__)
    with pytest.raises(DataError) as caught:
        units(BOTH, tmp_path, one)
    assert "bench pull elsewhere" in caught.value.hint


BOTH = replace(MEANS, model="test_planning:both", name="both", serves=("one", "other"))


def test_a_model_of_clusters_gets_the_classes_of_most_of_their_training_frames(
    store: Path, tmp_path: Path
) -> None:
    path = train(PLACES, task(), seed=0, device="cpu", out=tmp_path / "out")
    with np.load(path) as scores:
        said = scores["first/d"]
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)
    truth = toy.recording("d").labels
    assert (said.argmax(axis=1) == truth.argmax(axis=1))[truth.any(axis=1)].mean() > 0.9
    restored = restore(tmp_path / "out", task(), "seed0", "first")
    (told,) = restored.answers([toy.recording("d")])
    np.testing.assert_array_equal(told, said)
    assert "share of the training frames in the cluster" in (tmp_path / "out/submission.toml").read_text()


def learn_nothing(run: Run, data: Data, workspace: Workspace) -> State:
    return State({}, {})


def restore_places(run: Run, state: State, workspace: Workspace) -> Predictor:
    """Cluster by place, in steps of 30 pixels; the numbers have gaps."""

    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[np.ndarray]:
        for recording in recordings:
            place = np.nanmean(recording.keypoints.reshape(recording.frames, -1), axis=1)
            yield (3 * (np.maximum(place - 70, 0) // 60)).astype(np.int64)

    return predict


PLACES = replace(
    SPEEDS,
    model="test_planning:places",
    name="places",
    title="Places",
    answers=frozenset({"clusters"}),
    learn=learn_nothing,
    restore=restore_places,
    width=None,
)


def test_kinds_that_nothing_turns_into_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asks for clusters"):
        train(PRIOR, replace(task(), kind="clusters"), seed=0, device="cpu", out=tmp_path)
    with pytest.raises(UsageError, match="asks for segments"):
        train(PLACES, replace(task(), kind="segments"), seed=0, device="cpu", out=tmp_path)


def test_a_graph_needs_edges(store: Path, tmp_path: Path) -> None:
    joined = replace(PLACES, reads=frozenset({"poses", "edges"}))
    with pytest.raises(UsageError, match="keypoints are joined"):
        train(joined, task(), seed=0, device="cpu", out=tmp_path)


def test_without_a_state_or_with_another_recipe_nothing_is_restored(store: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        restore(tmp_path, task(), "seed0", "first")
    assert f"--out {tmp_path}" in caught.value.hint

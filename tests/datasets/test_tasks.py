"""The lists of datasets and tasks, and the split files: each is what its written rule gives."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from bench.datasets import (
    DATASETS,
    TASKS,
    calms21,
    demo,
    demo_segments,
    demo_unlabelled,
    get_dataset,
    get_task,
)
from bench.datasets.freeze import RULES, freeze, main
from bench.datasets.splitting.rules import SplitRule, frozen_text
from bench.errors import DataError, UsageError
from bench.recordings import Recording
from bench.resources import resource
from bench.splits import FrozenSplit, Totals, from_json
from bench.tasks import Task

SPLITS = resource("splits", "splits")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_is_whole(task: Task) -> None:
    split = task.load_split()
    assert task.dataset in DATASETS
    assert set(task.classes) <= set(task.dataset.classes)
    assert task.background in (None, *task.classes)
    assert task.metrics
    assert {metric.reads == "detections" for metric in task.metrics} == {task.kind == "segments"}
    if task.kind == "segments":
        assert (task.background, task.protocol.skip_first, task.protocol.skip_last) == (None, 0, 0)
    assert set(task.class_weights) <= set(split.parts)
    for part in split.parts:
        assert split.ids(part, "test")
        for subset, totals in split.totals[part].items():
            assert totals.recordings == len(split.ids(part, subset))
            assert set(totals.counts) in (set(), set(task.dataset.classes))
        assert set(split.ids(part, "test")) <= set(split.truth) or not split.truth


def test_every_split_can_train_but_that_of_a_single_video() -> None:
    without = {
        task.name
        for task in TASKS
        for part in task.load_split().parts
        if not task.load_split().ids(part, "train")
    }
    assert without <= {"ethome"}


def test_names_are_unique_and_found() -> None:
    assert len({t.name for t in TASKS}) == len(TASKS)
    assert len({d.name for d in DATASETS}) == len(DATASETS)
    assert [get_task(t.name) for t in TASKS] == list(TASKS)
    assert [get_dataset(d.name) for d in DATASETS] == list(DATASETS)
    assert get_dataset("calms21-task1-msgl") is calms21.DATASET


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'calms21-task1'"):
        get_task("calms21-task_1")
    with pytest.raises(UsageError, match="did you mean 'rat-dyads'"):
        get_dataset("rat_dyads")


def test_every_dataset_has_a_licence_and_only_the_simulated_ones_say_simulated() -> None:
    sessions = demo_segments.DATASET, demo_segments.DATASET_SESSIONS
    simulated = (demo.DATASET, demo_unlabelled.DATASET, *sessions)
    for dataset in DATASETS:
        assert dataset.licence
        assert dataset.citation
        assert dataset.simulated == (dataset in simulated)
        assert ("imulated" in dataset.title) == dataset.simulated


def test_the_frames_and_classes_of_calms21_are_those_of_the_paper() -> None:
    totals = get_task("calms21-task1").load_split().totals["all"]
    assert (totals["train"].frames, totals["test"].frames) == (507_738, 262_107)
    assert list(totals["train"].counts.values()) == [14_039, 146_615, 28_615, 318_469]
    assert sum(totals["train"].counts.values()) == 507_738


def test_every_split_file_has_a_rule_and_a_task() -> None:
    files = {path.stem for path in SPLITS.glob("*.json")}
    assert files == {rule.name for rule in RULES}
    assert files == {task.split.name for task in TASKS if isinstance(task.split, FrozenSplit)}


def test_the_demo_split_is_what_its_rule_gives(tmp_path: Path) -> None:
    demo.write(tmp_path)
    assert freeze("demo", tmp_path) == (SPLITS / "demo.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("calms21-task1", "calms21"),
        ("rat-dyads", "rat-dyads"),
        ("oft", "oft"),
        ("oft-raters", "oft"),
        ("ethome", "ethome"),
    ],
)
def test_a_split_of_real_recordings_is_what_its_rule_gives(real_data: Path, name: str, folder: str) -> None:
    assert freeze(name, real_data / folder) == (SPLITS / f"{name}.json").read_text(encoding="utf-8")


def test_the_rat_split_tests_whole_blocks_of_neighbours() -> None:
    split = get_task("rat-dyads").load_split()
    sizes = {subset: len(split.ids("all", subset)) for subset in ("train", "val", "test")}
    assert sizes == {"train": 40, "val": 6, "test": 12}
    for subset in ("val", "test"):
        numbers = [int(id_[4:]) for id_ in split.ids("all", subset)]
        blocks = [numbers[i : i + 6] for i in range(0, len(numbers), 6)]
        assert all(block == list(range(block[0], block[0] + 6)) and block[0] % 6 == 1 for block in blocks)


def recording(id_: str, frames: int) -> Recording:
    labels = np.eye(2, dtype=bool)[np.arange(frames) % 2]
    return Recording(id_, id_, 30.0, ("rest", "walk"), labels, np.ones(frames, dtype=bool))


def test_a_rule_freezes_what_is_at_hand_and_takes_the_rest_from_the_paper() -> None:
    published = {
        "train": Totals(2, 50, {"rest": 20, "walk": 30}),
        "test": Totals(1, 7, {"rest": 4, "walk": 3}),
    }
    rule = SplitRule(
        "x", "official", "words", lambda _: {"all": {"train": ("a", "b"), "test": ("c",)}}, {"all": published}
    )
    content = json_of(frozen_text(rule, [recording("c", 7)]))
    split = from_json(content, "")
    assert split.totals["all"] == published
    assert split.truth == {"c": recording("c", 7).truth_digest()}
    with pytest.raises(DataError, match=r"test: .*frames=9.*published .*frames=7"):
        frozen_text(rule, [recording("c", 9)])


def test_a_rule_refuses_recordings_that_are_neither_at_hand_nor_published() -> None:
    rule = SplitRule("x", "official", "words", lambda _: {"all": {"train": ("a", "b")}})
    with pytest.raises(DataError, match="1 of 2 recordings are not at hand: b"):
        frozen_text(rule, [recording("a", 3)])


def json_of(text: str) -> dict[str, object]:
    return dict(json.loads(text))


def test_the_command_writes_the_file_and_says_its_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.write(tmp_path / "in")
    assert main(["demo", str(tmp_path / "in"), str(tmp_path / "out.json")]) == 0
    written = (tmp_path / "out.json").read_bytes()
    assert capsys.readouterr().out == f"sha256 {hashlib.sha256(written).hexdigest()}\n"
    assert hashlib.sha256(written).hexdigest() == demo.TASK.load_split().digest
    assert main(["demo"]) == 2
    assert main(["demos", str(tmp_path)]) == 2
    assert main(["demo", str(tmp_path)]) == 4
    assert "did you mean 'demo'" in capsys.readouterr().err

"""CalMS21 Tasks 2 and 3: the layout, the places as ids, the frozen counts, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import store
from bench.datasets import calms21_parts, get_task
from bench.datasets.calms21_parts import BEHAVIOURS, TABLE5, read_task2, read_task3
from bench.datasets.splitting.rules import frozen_text
from bench.errors import DataError
from bench.resources import resource
from bench.verification import read_printed

VOCAB = {"attack": 0, "investigation": 1, "mount": 2, "other": 3}


def sequence(frames: int, annotator: int, vocab: dict[str, int], **changes: Any) -> dict[str, Any]:
    """Return one official sequence; keypoint values say where they belong."""
    t, a, xy, k = np.indices((frames, 2, 2, 7))
    content = {
        "keypoints": (100 * t + 50 * a + 10 * xy + k).astype(float).tolist(),
        "scores": np.linspace(0, 1, frames * 14).reshape(frames, 2, 7).tolist(),
        "annotations": [i % len(vocab) for i in range(frames)],
        "metadata": {"annotator-id": annotator, "vocab": vocab},
    }
    return content | changes


def key2(annotator: int, subset: str, mouse: int) -> str:
    return f"task2/annotator{annotator}/{subset}/mouse{mouse:03d}_task2_annotator{annotator}"


def key3(behaviour: str, subset: str, mouse: int) -> str:
    return f"task3/{behaviour}/{subset}/mouse{mouse:03d}_task3_{behaviour}"


def task2(subset: str = "test") -> dict[str, Any]:
    """Return Task 2 of two annotators with three and one sequences, not in alphabetical order."""
    return {
        "annotator-id_4": {key2(4, subset, m): sequence(m, 4, VOCAB) for m in (9, 3, 5)},
        "annotator-id_2": {key2(2, subset, 8): sequence(8, 2, VOCAB)},
    }


def task3(subset: str = "train") -> dict[str, Any]:
    """Return Task 3 of all seven behaviours, one sequence each."""
    return {
        name: {key3(name, subset, 3): sequence(4 + i, 0, {"other": 0, name: 1})}
        for i, name in enumerate(BEHAVIOURS)
    }


def save(folder: Path, content: Any, name: str) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def faults(folder: Path, read: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        list(read(folder))
    return list(caught.value.problems)


def test_sequences_are_named_by_their_place_in_the_official_file(tmp_path: Path) -> None:
    save(tmp_path, task2(), "calms21_task2_test.json")
    save(tmp_path / "task2_annotation_styles", task2("train"), "calms21_task2_train.json")
    found = {r.id: r for r in read_task2(tmp_path)}
    assert list(found) == [
        *(f"annotator4-train-{i:02d}" for i in (1, 2, 3)),
        "annotator2-train-01",
        *(f"annotator4-test-{i:02d}" for i in (1, 2, 3)),
        "annotator2-test-01",
    ]
    second = found["annotator4-test-02"]
    assert (second.frames, second.group, second.annotator) == (3, "mouse003_task2_annotator4", "4")
    assert second.classes == ("attack", "investigation", "mount", "other")
    assert second.keypoints is not None
    assert second.keypoints.shape == (3, 2, 7, 2)
    assert second.keypoints[2, 1, 6].tolist() == [256, 266]


def test_each_behaviour_of_task_3_is_a_question_of_its_own(tmp_path: Path) -> None:
    found = list(read_task3(save(tmp_path, task3(), "calms21_task3_train.json")))
    assert [r.id for r in found] == [f"{part}-train-01" for part in BEHAVIOURS.values()]
    assert [r.frames for r in found] == [4, 5, 6, 7, 8, 9, 10]
    for recording in found:
        assert recording.classes == ("behaviour", "other")
        assert recording.labels[:2].tolist() == [[False, True], [True, False]]
    task = get_task("calms21-task3")
    assert task.truth(found[4]).sum(axis=0).tolist() == [4, 4]


@pytest.mark.parametrize(("task", "parts"), [("calms21-task2", 5), ("calms21-task3", 7)])
def test_the_frozen_split_has_the_sequences_and_frames_of_table_5(task: str, parts: int) -> None:
    split = get_task(task).load_split()
    assert len(split.parts) == parts
    for part in split.parts:
        for subset, (sequences, frames) in zip(("train", "test"), TABLE5[part], strict=True):
            assert len(split.ids(part, subset)) == sequences
            assert split.totals[part][subset].frames == frames


def test_table_5_agrees_with_the_table_of_printed_numbers() -> None:
    printed = {
        (p.part, p.subset, p.quantity): p.number
        for p in read_printed()
        if p.task in ("calms21-task2", "calms21-task3") and p.quantity in ("recordings", "frames")
    }
    assert len(printed) == 4 * len(TABLE5)
    for part, of in TABLE5.items():
        for subset, (sequences, frames) in zip(("train", "test"), of, strict=True):
            assert printed[part, subset, "recordings"] == sequences
            assert printed[part, subset, "frames"] == frames


def test_a_sequence_that_stands_twice_in_its_group_is_refused(tmp_path: Path) -> None:
    one = f'"a": {json.dumps(sequence(3, 1, VOCAB))}'
    (tmp_path / "calms21_task2_test.json").write_text(f'{{"annotator-id_1": {{{one}, {one}}}}}')
    assert faults(tmp_path, read_task2) == ["calms21_task2_test.json: a: a second time in annotator-id_1"]


@pytest.mark.parametrize("rule", [calms21_parts.RULE2, calms21_parts.RULE3], ids=lambda rule: rule.name)
def test_the_split_file_is_what_its_rule_gives_without_recordings(rule: Any) -> None:
    path = resource("splits", "splits") / f"{rule.name}.json"
    assert frozen_text(rule, ()) == path.read_text(encoding="utf-8")


def test_the_weights_of_table_7_are_facts_of_the_task() -> None:
    weights = get_task("calms21-task3").class_weights
    assert {part: of["behaviour"] for part, of in weights.items()} == {
        "approach": 20,
        "disengaged": 50,
        "grooming": 5,
        "intromission": 3,
        "mount-attempt": 100,
        "sniff-face": 20,
        "white-rearing": 10,
    }
    assert {of["other"] for of in weights.values()} == {1}


def _changed(content: dict[str, Any], group: str, key: str, **changes: Any) -> dict[str, Any]:
    content[group][key] = content[group][key] | changes
    return content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"annotator-id_6": {key2(6, "test", 1): sequence(3, 6, VOCAB)}}, "expected annotators 1 to 5"),
        ({"approach": {}, "annotator 1": {"x": 1}}, "expected 'annotator-id_' and a number"),
        ({"annotator-id_1": {key2(1, "train", 1): sequence(3, 1, VOCAB)}}, "a sequence of train"),
        (
            {"annotator-id_1": {key2(2, "test", 1): sequence(3, 2, VOCAB)}},
            "annotator_id 2 in the metadata, 1 in the name",
        ),
        (
            {"annotator-id_1": {"a": sequence(3, 1, VOCAB, annotations=[0, 1, 2, 3])}},
            "3 frames of keypoints, 4 annotations",
        ),
        (
            {"annotator-id_1": {"a": sequence(3, 1, VOCAB, annotations=[0, 1, 4])}},
            "annotations outside the vocab: 4",
        ),
        ({"annotator-id_1": {"a": sequence(3, 1, {"other": 0, "mount": 1})}}, "expected the classes attack"),
    ],
)
def test_a_broken_file_of_task_2_is_refused(tmp_path: Path, content: Any, expected: str) -> None:
    found = faults(save(tmp_path, content, "calms21_task2_test.json"), read_task2)
    assert all(fault.startswith("calms21_task2_test.json: ") for fault in found)
    assert expected in found[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {"chase": {"a": sequence(3, 0, {"other": 0, "chase": 1})}},
            "group 'chase', expected one of approach",
        ),
        ({"groom": {"a": sequence(3, 0, {"other": 0, "approach": 1})}}, "expected the classes groom, other"),
        ({"groom": {"a": sequence(3, 0, {"other": 0, "groom": 0})}}, "gives two classes one number"),
        ({"groom": {"a": sequence(3, 0, {"other": 0, "groom": 1}, metadata={})}}, "vocab None"),
    ],
)
def test_a_broken_file_of_task_3_is_refused(tmp_path: Path, content: Any, expected: str) -> None:
    found = faults(save(tmp_path, content, "calms21_task3_train.json"), read_task3)
    assert any(expected in fault for fault in found)


def test_a_file_cut_short_is_refused_and_nothing_is_written(tmp_path: Path, bench_home: Path) -> None:
    text = json.dumps(task2())
    (tmp_path / "calms21_task2_test.json").write_text(text[: len(text) // 2])
    with pytest.raises(DataError, match="cut short"):
        store.pull(calms21_parts.DATASET2, tmp_path)
    assert not [path for path in bench_home.rglob("*") if path.is_file()]


def test_files_with_other_counts_are_not_the_official_ones(tmp_path: Path, bench_home: Path) -> None:
    save(tmp_path, task2(), "calms21_task2_test.json")
    with pytest.raises(DataError, match="annotator4-test-04 is missing"):
        store.pull(calms21_parts.DATASET2, tmp_path, [calms21_parts.TASK2])
    assert not [path for path in bench_home.rglob("*") if path.is_file()]


def test_a_folder_without_the_files_says_which_archive_to_get(tmp_path: Path) -> None:
    for read, archive in ((read_task2, "task2_annotation_styles"), (read_task3, "task3_new_behaviors")):
        with pytest.raises(DataError, match=f"{archive}.zip"):
            list(read(tmp_path))

"""The CalMS21 layout and the table of test labels: what is read, and what is refused with every fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets import calms21, get_task
from bench.datasets.calms21_json import CLASSES
from bench.errors import DataError

VOCAB = {"attack": 0, "investigation": 1, "mount": 2, "other": 3}
ID = "task1/train/mouse001_task1_annotator1"


def sequence(frames: int = 5, vocab: dict[str, int] = VOCAB, **changes: Any) -> dict[str, Any]:
    """Return one official sequence; keypoint values say where they belong."""
    t, a, xy, k = np.indices((frames, 2, 2, 7))
    content = {
        "keypoints": (100 * t + 50 * a + 10 * xy + k).astype(float).tolist(),
        "scores": np.linspace(0, 1, frames * 14).reshape(frames, 2, 7).tolist(),
        "annotations": [list(vocab.values())[i % len(vocab)] for i in range(frames)],
        "metadata": {"annotator_id": 0, "vocab": vocab},
    }
    return content | changes


def save(folder: Path, content: Any, name: str = "calms21_task1_train.json") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def faults(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(calms21.read(folder))
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("group", ["annotator-id_0", "annotator_id-0"])
def test_an_official_sequence_is_turned_into_our_axes(tmp_path: Path, group: str) -> None:
    (recording,) = calms21.read(save(tmp_path, {group: {ID: sequence()}}))
    assert (recording.id, recording.group) == ("mouse001_task1_annotator1", "mouse001")
    assert recording.fps == 30
    assert recording.annotator == "0"
    assert recording.keypoints is not None
    assert recording.confidence is not None
    assert recording.keypoints.shape == (5, 2, 7, 2)
    assert recording.keypoints[3, 1, 6].tolist() == [356, 366]
    assert recording.confidence[4, 1, 6] == 1
    assert recording.labels.argmax(axis=1).tolist() == [0, 1, 2, 3, 0]
    assert recording.annotated.all()


def test_the_vocab_is_read_by_name(tmp_path: Path) -> None:
    vocab = {"other": 0, "mount": 1, "investigation": 5, "attack": 9}
    (recording,) = calms21.read(save(tmp_path, {"annotator-id_0": {ID: sequence(6, vocab)}}))
    assert recording.classes == CLASSES
    found = [recording.classes[i] for i in recording.labels.argmax(axis=1)]
    assert found == ["other", "mount", "investigation", "attack", "other", "mount"]


def test_null_is_a_lost_keypoint(tmp_path: Path) -> None:
    lost = sequence()
    lost["keypoints"][2][1][0][4] = None
    (recording,) = calms21.read(save(tmp_path, {"annotator-id_0": {ID: lost}}))
    assert recording.keypoints is not None
    assert recording.confidence is not None
    assert np.isnan(recording.keypoints[2, 1, 4, 0])
    assert np.argwhere(np.isnan(recording.confidence)).tolist() == [[2, 1, 4]]


def test_both_files_and_the_folder_of_the_archive_are_found(tmp_path: Path) -> None:
    inside = tmp_path / "task1_classic_classification"
    save(inside, {"annotator-id_0": {ID: sequence(), ID.replace("001", "002"): sequence(9)}})
    save(inside, {"annotator-id_0": {}}, "calms21_task1_test.json")
    assert [r.frames for r in calms21.read(tmp_path)] == [5, 9]


def test_good_sequences_come_one_by_one_before_the_faults_of_the_others(tmp_path: Path) -> None:
    names = [ID.replace("001", f"00{i}") for i in range(1, 4)]
    content = dict(zip(names, [sequence(), sequence(scores=[]), sequence(7)], strict=True))
    reading = calms21.read(save(tmp_path, {"annotator-id_0": content}))
    assert [next(reading).frames, next(reading).frames] == [5, 7]
    with pytest.raises(DataError, match="mouse002"):
        next(reading)


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in sequence().items() if key != name}


def _infinite() -> dict[str, Any]:
    broken = sequence()
    broken["keypoints"][0][0][0][0] = float("inf")
    return broken


def _nan() -> dict[str, Any]:
    broken = sequence()
    broken["scores"][1][0][0] = float("nan")
    return broken


def _ragged() -> dict[str, Any]:
    broken = sequence()
    broken["keypoints"][3][1][0].pop()
    return broken


def _metadata(**changes: Any) -> dict[str, Any]:
    return {"annotator_id": 0, "vocab": VOCAB} | changes


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (lambda: _without("scores"), "without scores"),
        (lambda: [1, 2], "a list, expected an object"),
        (lambda: sequence(keypoints=np.zeros((5, 2, 7, 2)).tolist()), "keypoints of shape (5, 2, 7, 2)"),
        (
            lambda: sequence(scores=np.zeros((5, 2, 6)).tolist()),
            "scores of shape (5, 2, 6), expected (5, 2, 7)",
        ),
        (_ragged, "ragged or not numbers"),
        (lambda: sequence(annotations=[0] * 6), "5 frames of keypoints, 6 annotations"),
        (lambda: sequence(annotations=[0, 1, 2, 3, 4]), "1 annotations outside the vocab: 4"),
        (lambda: sequence(annotations=[0, 1, 2, 3, -1]), "outside the vocab: -1"),
        (lambda: sequence(annotations=[0, 1, 2, 3, 0.5]), "not one whole number per frame"),
        (lambda: sequence(annotations=["attack"] * 5), "not one whole number per frame"),
        (lambda: sequence(annotations=[[0]] * 5), "not one whole number per frame"),
        (lambda: sequence(keypoints=[], scores=[], annotations=[]), "keypoints of shape (0,)"),
        (_infinite, "1 NaN or infinite numbers; a lost keypoint is written null"),
        (_nan, "scores: 1 NaN or infinite numbers"),
        (lambda: sequence(metadata=_metadata(vocab=VOCAB | {"chase": 4})), "chase"),
        (
            lambda: sequence(metadata=_metadata(vocab={"attack": 0, "other": 1})),
            "expected the classes attack",
        ),
        (lambda: sequence(metadata=_metadata(vocab=VOCAB | {"other": 0})), "gives two classes one number"),
        (
            lambda: sequence(metadata=_metadata(annotator_id=3)),
            "annotator_id 3 in the metadata, 0 in the name of its group",
        ),
        (lambda: sequence(metadata=_metadata(simulated=True)), "simulated: not a recording of CalMS21"),
        (lambda: sequence(metadata=None), "vocab None"),
    ],
)
def test_a_broken_sequence_is_refused_by_name(
    tmp_path: Path, broken: Callable[[], Any], expected: str
) -> None:
    found = faults(save(tmp_path, {"annotator-id_0": {ID: broken()}}))
    assert expected in found
    assert ID in found


def test_every_fault_of_every_sequence_is_listed(tmp_path: Path) -> None:
    content = {
        ID: sequence(scores=[], annotations=[7] * 5),
        ID.replace("001", "002"): _infinite(),
        ID.replace("001", "003").upper(): sequence(),
        ID.replace("001", "003"): sequence(),
        "task1/train/mouse 4": sequence(),
    }
    found = faults(save(tmp_path, {"annotator-id_0": content, "approach": {"x": sequence()}}))
    for expected in ("scores of shape (0,)", "5 annotations outside", "mouse002", "is taken by", "'mouse 4'"):
        assert expected in found
    assert "group 'approach'" in found


def test_an_id_is_refused_when_two_files_carry_it(tmp_path: Path) -> None:
    save(tmp_path, {"annotator-id_0": {ID: sequence()}})
    save(tmp_path, {"annotator-id_0": {ID: sequence(4)}}, "calms21_task1_test.json")
    assert "calms21_task1_test.json: task1/train/mouse001_task1_annotator1: id" in faults(tmp_path)


def test_an_id_is_refused_when_one_object_carries_it_twice(tmp_path: Path) -> None:
    one = f'"{ID}": {json.dumps(sequence())}'
    assert "is taken by" in faults(save(tmp_path, f'{{"annotator-id_0": {{{one}, {one}}}}}'))


WHOLE = json.dumps({"annotator-id_0": {ID: sequence()}})


@pytest.mark.parametrize("cut", [0, 1, 9, 17, 19, 40, 80, 500, len(WHOLE) - 2, len(WHOLE) - 1])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    assert "not JSON of this layout, or cut short" in faults(save(tmp_path, WHOLE[:cut]))


@pytest.mark.parametrize("text", [WHOLE + "{}", "[1]", '{"annotator-id_0": [3]}', "{1: {}}", "null"])
def test_json_of_another_layout_is_refused(tmp_path: Path, text: str) -> None:
    assert "not JSON of this layout" in faults(save(tmp_path, text))


def test_a_file_without_sequences_is_refused(tmp_path: Path) -> None:
    assert "no sequence in it" in faults(save(tmp_path, "{ }"))


def test_white_space_is_free(tmp_path: Path) -> None:
    spaced = json.dumps({"annotator-id_0": {ID: sequence()}}, indent=2) + "\n\n"
    assert len(list(calms21.read(save(tmp_path, spaced)))) == 1


def test_an_empty_folder_says_what_to_download(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"task1_classic_classification\.zip"):
        list(calms21.read(tmp_path))


def table(rows: list[tuple[int, object]]) -> str:
    return "sequence number,annotation\n" + "".join(f"{s},{a}\n" for s, a in rows)


ROWS: list[tuple[int, object]] = [(s, (s + i) % 4) for s in range(19) for i in range(s + 1)]


def test_the_table_of_labels_gives_recordings_without_poses(tmp_path: Path) -> None:
    found = list(calms21.read(save(tmp_path, table(ROWS), "task1_test_labels.csv")))
    assert [r.id for r in found] == list(calms21.TEST_IDS)
    assert [r.frames for r in found] == list(range(1, 20))
    assert all(r.keypoints is None and r.confidence is None for r in found)
    assert found[2].labels.argmax(axis=1).tolist() == [2, 3, 0]


def test_the_json_of_the_test_recordings_stands_above_the_table(tmp_path: Path) -> None:
    save(tmp_path, table(ROWS), "task1_test_labels.csv")
    save(tmp_path, {"annotator-id_0": {ID: sequence()}})
    assert len(list(calms21.read(tmp_path))) == 20
    save(tmp_path, {"annotator-id_0": {ID.replace("001", "071"): sequence(9)}}, "calms21_task1_test.json")
    assert [r.frames for r in calms21.read(tmp_path)] == [5, 9]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (table(ROWS[:-19]), "sequences 0, 1"),
        (table([*ROWS, (3, 0)]), "expected 0 to 18, in that order"),
        (table([*ROWS, (18, 4)]), "1 annotations outside 0 to 3, the first in line 192"),
        (table([*ROWS, (18, "mount")]), "not two whole numbers per line"),
        (table(ROWS) + "18,1,1\n", "not two whole numbers per line"),
        (table([]), "no rows"),
        ("sequence,label\n0,1\n", "header 'sequence,label'"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in faults(save(tmp_path, text, "task1_test_labels.csv"))


def test_the_real_test_labels_are_the_published_ones(real_data: Path) -> None:
    recordings = list(calms21.read(real_data / "calms21"))
    assert sum(r.frames for r in recordings) == 262_107
    assert sum(r.labels.sum(axis=0) for r in recordings).tolist() == [12_630, 61_275, 31_848, 156_354]
    split = get_task("calms21-task1").load_split()
    assert {r.id: r.truth_digest() for r in recordings} == split.truth


def test_the_msgl_protocol_counts_the_frames_of_the_papers_table_12(real_data: Path) -> None:
    task = get_task("calms21-task1-msgl")
    supports = np.zeros(4, dtype=int)
    for recording in calms21.read(real_data / "calms21"):
        supports += task.truth(recording)[task.protocol.counted(recording)].sum(axis=0)
    assert supports.tolist() == [12_586, 60_964, 31_813, 156_079]
    assert supports.sum() == 261_442

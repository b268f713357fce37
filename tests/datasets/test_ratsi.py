"""RatSI: tables of the published layout, both readings of the other labels, the folds, and bad tables."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import store
from bench.datasets import get_task, ratsi
from bench.datasets.ratsi import BEHAVIOURS, COLUMNS, TABLE1
from bench.datasets.splitting.rules import frozen_text
from bench.errors import DataError
from bench.evaluation import evaluate
from bench.resources import resource
from bench.splits import Split
from bench.verification import read_printed

ACTIONS = [
    "Solitary",
    "Approaching",
    "Social Nose Contact",
    "Allogrooming",
    "Uncertain",
    "Moving away",
    "Other",
]
FEATURES = (
    *("center_m_x", "center_m_y", "nose_m_x", "nose_m_y", "tail_m_x", "tail_m_y"),
    *("center_w_x", "center_w_y", "nose_w_x", "nose_w_y", "tail_w_x", "tail_w_y"),
)
"""The columns in the order of the MSGL-Transformer's code."""


def table(actions: list[str] = ACTIONS) -> list[list[str]]:
    """Return a table whose coordinates say where they belong: 100 a frame, 1 a column."""
    rows = [["frame", *FEATURES, "action"]]
    for t, action in enumerate(actions):
        rows.append([str(t), *(str(100 * t + c) for c in range(12)), action])
    return rows


def save(folder: Path, rows: list[list[str]], name: str = "Observation03.csv") -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def faults(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(ratsi.read(folder))
    return "\n".join(caught.value.problems)


def test_a_table_is_read_into_our_axes(tmp_path: Path) -> None:
    (recording,) = ratsi.read(save(tmp_path, table()))
    assert (recording.id, recording.group, recording.frames) == ("observation03", "observation03", 7)
    assert recording.keypoints is not None
    assert recording.keypoints.shape == (7, 2, 3, 2)
    assert recording.keypoints[4, 0].tolist() == [
        [402, 403],
        [400, 401],
        [404, 405],
    ]  # nose, centre, tail base
    assert recording.keypoints[4, 1].tolist() == [[408, 409], [406, 407], [410, 411]]
    held = [[recording.classes[c] for c in np.flatnonzero(row)] for row in recording.labels]
    assert held == [
        ["solitary"],
        ["approaching"],
        ["social-nose-contact"],
        ["allogrooming", "rest"],
        ["uncertain", "rest"],
        ["moving-away"],
        ["other", "rest"],
    ]


def test_the_columns_are_found_by_name() -> None:
    assert sorted(COLUMNS) == sorted(FEATURES)


def test_an_empty_cell_is_a_keypoint_that_was_not_found(tmp_path: Path) -> None:
    rows = table()
    rows[3][FEATURES.index("nose_w_y") + 1] = ""
    (recording,) = ratsi.read(save(tmp_path, rows))
    assert recording.keypoints is not None
    assert np.argwhere(np.isnan(recording.keypoints)).tolist() == [[2, 1, 0, 0], [2, 1, 0, 1]]


def test_the_two_tasks_read_the_other_labels_differently(tmp_path: Path) -> None:
    (recording,) = ratsi.read(save(tmp_path, table()))
    five, every = get_task("ratsi"), get_task("ratsi-all-frames")
    assert np.flatnonzero(five.protocol.counted(recording)).tolist() == [0, 1, 2, 5]
    assert five.truth(recording)[five.protocol.counted(recording)].sum(axis=1).tolist() == [1] * 4
    assert every.protocol.counted(recording).all()
    assert every.truth(recording).sum(axis=1).tolist() == [1] * 7
    assert every.classes[every.truth(recording)[4].argmax()] == every.background == "rest"


def test_the_folds_are_those_of_table_8_and_video_1_never_validates() -> None:
    split = get_task("ratsi").load_split()
    folds = [(split.ids(p, "val")[0][-1], split.ids(p, "test")[0][-1]) for p in split.parts]
    assert folds == [tuple(fold) for fold in ("28", "39", "41", "56", "64", "73", "75", "82", "97")]
    for part in split.parts:
        ids = [id_ for subset in ("train", "val", "test") for id_ in split.ids(part, subset)]
        assert sorted(ids) == [f"observation{n:02d}" for n in range(1, 10)]
        assert len(split.ids(part, "train")) == 7


def test_table_1_agrees_with_the_table_of_printed_numbers() -> None:
    printed = {(p.recording, p.class_): p.number for p in read_printed() if p.task == "ratsi" and p.recording}
    for id_, counts in zip(ratsi.IDS, TABLE1, strict=True):
        assert printed[id_, ""] == sum(counts)
        assert [printed[id_, name] for name in BEHAVIOURS] == list(counts)
    assert np.sum(TABLE1) == 202_550
    assert np.sum([counts[:5] for counts in TABLE1]) == 182_418


def test_the_split_file_is_what_its_rule_gives_without_recordings() -> None:
    path = resource("splits", "splits") / "ratsi.json"
    assert frozen_text(ratsi.RULE, ()) == path.read_text(encoding="utf-8")


def cell(row: int, column: str, value: str) -> list[list[str]]:
    rows = table()
    rows[row][rows[0].index(column)] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (cell(3, "action", "Boxing"), "line 4: action 'Boxing', expected one of solitary"),
        (cell(3, "action", ""), "line 4: action ''"),
        (cell(3, "nose_m_x", "left"), "line 4: nose_m_x 'left', expected a number"),
        (cell(3, "tail_w_y", "inf"), "line 4: tail_w_y 'inf'"),
        (cell(3, "frame", "1"), "line 4: frame 1 a second time"),
        ([*table()[:4], ["3", "1"]], "line 5: 2 columns, expected 14"),
        (table()[:1], "no frames"),
        (cell(0, "center_w_x", "body_w_x"), "no column 'center_w_x'"),
        (cell(0, "center_w_x", "nose_m_x"), "2 columns 'nose_m_x'"),
        ([[]], "no column 'action'"),
    ],
)
def test_a_broken_table_is_refused_and_nothing_is_written(
    tmp_path: Path, bench_home: Path, rows: list[list[str]], expected: str
) -> None:
    save(tmp_path / "in", table(), "Observation01.csv")
    found = faults(save(tmp_path / "in", rows))
    assert expected in found
    assert "Observation01" not in found
    with pytest.raises(DataError):
        store.pull(ratsi.DATASET, tmp_path / "in")
    assert not [path for path in bench_home.rglob("*") if path.is_file()]


def test_many_faults_are_counted_and_two_files_of_one_video_are_refused(tmp_path: Path) -> None:
    save(tmp_path, table(["Boxing"] * 33))
    save(tmp_path, table(), "observation4.csv")
    save(tmp_path, table(), "Observation04.csv")
    found = faults(tmp_path)
    assert "and 13 more" in found
    assert "observation04: 2 files" in found


def test_a_video_with_other_counts_than_table_1_is_not_the_official_one(
    tmp_path: Path, bench_home: Path
) -> None:
    save(tmp_path, table(), "Observation08.csv")
    with pytest.raises(DataError, match="val2-test8/test: frames: 7, expected 22,773"):
        store.pull(ratsi.DATASET, tmp_path, ratsi.TASKS)
    with pytest.raises(DataError, match=r"expected Observation01\.csv"):
        list(ratsi.read(bench_home))


def test_folds_are_scored_on_the_frames_of_their_reading(tmp_path: Path) -> None:
    """All nine videos, made small: the right labels score 1, and the two readings count other frames."""
    for number in range(1, 10):
        save(tmp_path, table(ACTIONS * number), f"Observation{number:02d}.csv")
    recordings = {r.id: r for r in ratsi.read(tmp_path)}
    frames: dict[str, int] = {}
    for task in ratsi.TASKS:
        split: Split = task.load_split()
        scores: dict[str, dict[str, Any]] = {
            part: {id_: task.truth(recordings[id_]).astype(np.float32) for id_ in split.ids(part, "test")}
            for part in split.parts
        }
        result = evaluate(task, {}, {"seed0": scores}, recordings, resamples=5)
        assert result.scores["accuracy"].value == 1
        assert len(result.scores["f1"].per_part) == 9
        frames[task.name] = result.frames
    tests = [8, 9, 1, 6, 4, 3, 5, 2, 7]
    assert frames == {"ratsi": 4 * sum(tests), "ratsi-all-frames": 7 * sum(tests)}

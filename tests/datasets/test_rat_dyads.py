"""The rat dyads: compact and raw files, the frozen split, and the real recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets import get_task, rat_dyads
from bench.datasets.rat_dyads import BEHAVIOURS, KEYPOINTS, SUBTYPES, read_compact
from bench.errors import DataError

FRAMES = 11


def compact(**changes: Any) -> dict[str, Any]:
    """Return the arrays of a compact file: two frames are not annotated, one keypoint was not found."""
    t, a, k, xy = np.indices((FRAMES, 2, 5, 2))
    keypoints = (100 * t + 50 * a + 3 * k + xy).astype(np.float32)
    keypoints[4, 1, 3] = np.nan
    return {
        "keypoints": keypoints,
        "scores": np.full((FRAMES, 2, 5), 0.5, dtype=np.float16),
        "labels": np.array([0, 0, 1, 1, 2, 3, 3, 3, -1, -1, 0], dtype=np.int8),
        "labels_s2": np.array([0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0], dtype=np.int8),
        "class_names": np.array(BEHAVIOURS),
        "class_names_s2": np.array(["base", *SUBTYPES]),
        "keypoint_names": np.array(KEYPOINTS),
    } | changes


def save(folder: Path, name: str = "rat_03", **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    np.savez(folder / f"{name}.npz", **compact(**changes))
    return folder


def faults(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(rat_dyads.read(folder))
    return "\n".join(caught.value.problems)


def test_a_compact_file_is_read(tmp_path: Path) -> None:
    (recording,) = rat_dyads.read(save(tmp_path))
    assert (recording.id, recording.group, recording.fps) == ("rat_03", "rat_03", 20)
    assert recording.annotated.tolist() == [True] * 8 + [False] * 2 + [True]
    held = [[recording.classes[c] for c in np.flatnonzero(row)] for row in recording.labels]
    assert held[2:9] == [
        ["social"],
        ["social"],
        ["nonsocial"],
        ["aggression", "lateralthreat"],
        ["aggression", "chase"],
        ["aggression"],
        [],
    ]
    assert recording.keypoints is not None
    assert recording.confidence is not None
    assert recording.keypoints[3, 1, 2].tolist() == [356, 357]
    assert np.argwhere(np.isnan(recording.confidence)).tolist() == [[4, 1, 3]]


def test_the_task_asks_for_its_own_classes_in_its_own_order(tmp_path: Path) -> None:
    (recording,) = rat_dyads.read(save(tmp_path))
    task = get_task("rat-dyads")
    truth = task.truth(recording)
    assert [task.classes[i] for i in truth[[0, 2, 4, 5]].argmax(axis=1)] == [
        "base",
        "social",
        "nonsocial",
        "aggression",
    ]
    assert (truth.sum(axis=1) == recording.annotated).all()


def test_the_task_of_subtypes_counts_the_frames_that_have_one(tmp_path: Path) -> None:
    (recording,) = rat_dyads.read(save(tmp_path))
    task = get_task("rat-dyads-aggression")
    counted = task.protocol.counted(recording)
    assert np.flatnonzero(counted).tolist() == [5, 6]  # in frame 7 aggression has no subtype
    held = task.truth(recording)[counted]
    assert [task.classes[i] for i in held.argmax(axis=1)] == ["lateralthreat", "chase"]
    assert (held.sum(axis=1) == 1).all()


def test_every_subtype_trains_validates_and_tests_and_no_video_changes_sides() -> None:
    task, first = get_task("rat-dyads-aggression"), get_task("rat-dyads")
    assert task.split == first.split
    for totals in task.load_split().totals["all"].values():
        assert all(totals.counts[name] > 0 for name in SUBTYPES)
    assert task.load_split().totals["all"]["test"].counts["freezing"] == 65  # as the notes say


def test_without_a_channel_of_subtypes_none_holds(tmp_path: Path) -> None:
    (recording,) = rat_dyads.read(save(tmp_path / "videos", labels_s2=np.full(FRAMES, -1, dtype=np.int8)))
    assert not recording.labels[:, len(BEHAVIOURS) :].any()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"keypoints": np.zeros((FRAMES, 2, 6, 2))},
            "keypoints of shape (11, 2, 6, 2), expected (11, 2, 5, 2)",
        ),
        ({"scores": np.zeros((FRAMES - 1, 2, 5))}, "scores of shape (10, 2, 5), expected (11, 2, 5)"),
        ({"labels_s2": np.zeros(3, dtype=int)}, "labels_s2 of shape (3,)"),
        ({"labels": np.full(FRAMES, 4)}, "labels: 11 numbers outside -1 to 3"),
        ({"labels": np.zeros(FRAMES)}, "labels of type float64, expected whole numbers"),
        ({"labels": np.zeros((), dtype=int)}, "labels of shape ()"),
        ({"class_names": np.array(["base", "social"])}, "class_names ['base', 'social']"),
        ({"keypoints": np.full((FRAMES, 2, 5, 2), np.inf)}, "infinite"),
        ({"keypoint_names": np.array([None], dtype=object)}, "Python objects, expected numbers or texts"),
    ],
)
def test_a_broken_compact_file_is_refused(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    save(tmp_path, "rat_01")
    found = faults(save(tmp_path, "rat_02", **changes))
    assert expected in found
    assert "rat_02" in found
    assert "rat_01" not in found


def test_a_file_that_is_no_npz_and_one_that_lacks_arrays_are_both_named(tmp_path: Path) -> None:
    (tmp_path / "rat_07.npz").write_bytes(b"PK\x03\x04 cut")
    np.savez(tmp_path / "rat_08.npz", labels=np.zeros(3, dtype=int))
    found = faults(tmp_path)
    assert "rat_07" in found
    assert "rat_08: rat_08.npz is no compact recording: without keypoints" in found


def dlc(frames: int, *, animals: tuple[str, ...] = rat_dyads.ANIMALS) -> str:
    columns = [(a, k, c) for a in animals for k in KEYPOINTS for c in ("x", "y", "likelihood")]
    rows = [",".join(["scorer", *["net"] * len(columns)])]
    for name, part in (("individuals", 0), ("bodyparts", 1), ("coords", 2)):
        rows.append(",".join([name, *[column[part] for column in columns]]))
    for t in range(frames):
        cells = [str(10 * t + i) if i != 3 else "" for i in range(len(columns))]  # column 3: not found
        rows += [",".join([str(t), *cells])]
    return "\n".join(rows) + "\n"


def annotation(**channels: list[tuple[int, int, str]]) -> str:
    lines = ["Caltech Behavior Annotator - Annotation File", "", "Configuration file:"]
    lines += [f"{name}\t{name[0]}" for name in (*BEHAVIOURS, *SUBTYPES)]
    for channel, intervals in channels.items():
        lines += ["", f"{channel}:\tstart\tend\ttype", "-" * 29]
        lines += [f"   \t{a}\t{b}\t{label}" for a, b, label in intervals] + ["  "]
    return "\r\n".join(lines)


S1 = [(1, 3, "base"), (4, 4, "aggression"), (5, 9, "social")]


def test_the_raw_form_is_cut_to_the_frames_of_the_poses(tmp_path: Path) -> None:
    (tmp_path / "9DLC_net_el_filtered.csv").write_text(dlc(7))
    (tmp_path / "9_annot.txt").write_text(annotation(S1=S1, S2=[(1, 3, "base"), (4, 9, "bite")]))
    (recording,) = rat_dyads.read(tmp_path)
    assert recording.id == "rat_09"
    assert [recording.classes[i] for i in recording.labels[:, :4].argmax(axis=1)] == (
        ["base"] * 3 + ["aggression"] + ["social"] * 3
    )
    assert recording.labels[:, recording.classes.index("bite")].tolist() == [False] * 3 + [True] * 4
    assert recording.keypoints is not None
    assert recording.keypoints[2, 1, 4].tolist() == [47, 48]
    assert np.isnan(recording.keypoints[:, 0, 1]).all()


def test_an_annotation_alone_is_truth_without_poses(tmp_path: Path) -> None:
    (tmp_path / "12_annot.txt").write_text(annotation(S1=S1))
    (tmp_path / "3_annot.txt").write_text(annotation(S1=S1[:2]))
    first, second = rat_dyads.read(tmp_path)
    assert (first.id, first.frames, second.id, second.frames) == ("rat_03", 4, "rat_12", 9)
    assert second.keypoints is None
    assert not second.labels[:, 4:].any()


@pytest.mark.parametrize(
    ("table", "text", "expected"),
    [
        (dlc(12), annotation(S1=S1), "9 annotated frames, 12 frames of poses"),
        (dlc(4, animals=("m1", "m2")), annotation(S1=S1), "('m1', 'm2')"),
        (dlc(4), annotation(S2=[(1, 9, "bite")]), "no channel S1"),
        (dlc(4), annotation(S1=[(1, 9, "bite")]), "channel S1: unknown label 'bite'"),
        (dlc(4), None, "expected one annotation and at most one csv"),
    ],
)
def test_raw_files_that_do_not_fit_are_refused(
    tmp_path: Path, table: str, text: str | None, expected: str
) -> None:
    (tmp_path / "5DLC.csv").write_text(table)
    if text is not None:
        (tmp_path / "5_annot.txt").write_text(text)
    assert expected in faults(tmp_path)


def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    assert "37_annot.txt" in faults(tmp_path)


def test_the_real_counts_are_the_frozen_ones(real_data: Path) -> None:
    split = get_task("rat-dyads").load_split()
    counts, frames, digests = np.zeros(4, dtype=int), 0, {}
    for recording in rat_dyads.read(real_data / "rat-dyads"):
        counts += recording.labels[:, :4].sum(axis=0)
        frames += recording.frames
        digests[recording.id] = recording.truth_digest()
    assert dict(zip(BEHAVIOURS, counts.tolist(), strict=True)) == {
        "base": 135_923,
        "social": 323_466,
        "nonsocial": 306_494,
        "aggression": 67_043,
    }
    assert frames == 832_926
    assert digests == dict(split.truth)


def test_the_notes_on_subtypes_hold_of_the_real_videos(real_data: Path) -> None:
    task = get_task("rat-dyads-aggression")
    test = task.load_split().ids("all", "test")
    without, outside, shown = 0, 0, np.zeros(len(SUBTYPES), dtype=int)
    for recording in rat_dyads.read(real_data / "rat-dyads"):
        held = task.truth(recording)
        fighting = recording.labels[:, BEHAVIOURS.index("aggression")]
        without += int((fighting & ~held.any(axis=1)).sum())
        outside += int((~fighting & held.any(axis=1)).sum())
        shown += held.any(axis=0) & (recording.id in test)
        assert (held.sum(axis=1) <= 1).all()
    assert (without, outside) == (7, 3)
    assert dict(zip(SUBTYPES, shown.tolist(), strict=True)) == {
        "lateralthreat": 9,
        "keepdown": 5,
        "clinch": 7,
        "uprightposture": 5,
        "freezing": 1,
        "bite": 7,
        "chase": 4,
    }


def test_raw_and_compact_are_one_recording(real_data: Path) -> None:
    folder = real_data / "rat-dyads"
    one, raw = rat_dyads.read(folder / "raw")
    for recording in (one, raw):
        same = read_compact(folder / "videos" / f"{recording.id}.npz")
        assert recording.truth_digest() == same.truth_digest()
    same = read_compact(folder / "videos" / "rat_37.npz")
    np.testing.assert_array_equal(raw.keypoints, same.keypoints)
    np.testing.assert_allclose(raw.confidence, same.confidence, atol=5e-4)  # kept as float16

"""The open field: the table of labels, the consensus, poses in both layouts, and the real labels."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import store
from bench.datasets import get_task, oft
from bench.datasets.oft_labels import read_labels
from bench.errors import DataError
from bench.evaluation import evaluate
from bench.splits import Split

HEADER = ["file", "Experimenter", "from", "to", "type", "ID", "DLCFile"]
POSES = "3_01DeepCut.csv"


def rows(video: str = "OFT_7", poses: str = POSES) -> list[list[str]]:
    """Return one video: the trial is the frames 5 to 30, 25 to a second."""

    def row(rater: str, start: float, stop: float | str, type_: str) -> list[str]:
        return [f"{video}_{rater}.csv", rater, str(start), str(stop), type_, video, poses]

    return [
        row("Furkan", 0, 0.2, "StartEnd"),  # the last start: frame 5
        row("Furkan", 1.3, 1.4, "StartEnd"),
        row("Jin", 0, 0.1, "Start/End"),
        row("Jin", 1.2, 1.3, "Start/End"),  # the first end: frame 30
        row("Oliver", 0, 0.16, "StartEnd"),  # no end
        row("Furkan", 0.32, 0.6, "Supported"),  # 8 to 15
        row("Jin", 0.4, 0.64, "Supported"),  # 10 to 16
        row("Oliver", 0.4, 0.64, "Unsupported"),
        row("Jin", 0.56, 0.8, "Grooming"),  # 14 to 20: with Supported at once in 14 and 15
        row("Oliver", 0.72, 0.8, "Grooming"),  # 18 to 20
        row("Furkan", 1.0, 1.04, "Jumping"),  # 25
        row("Furkan", 1.12, 1.6, "Grooming"),  # 28 to the end
        row("Jin", 0, 0.12, "Grooming"),  # before the trial
        row("Oliver", 1.0, "NA", "NA"),  # never ended
    ]


def save(folder: Path, content: list[list[str]], header: list[str] = HEADER) -> Path:
    written = io.StringIO()
    csv.writer(written, delimiter=";", quoting=csv.QUOTE_NONNUMERIC).writerows([header, *content])
    (folder / "AllLabDataOFT_final.csv").write_text(written.getvalue())
    return folder


def dlc(frames: int, *, again: bool = False, names: tuple[str, ...] = ("tl", *oft.KEYPOINTS)) -> str:
    """Return a DeepLabCut table with an arena point in front; `again` = as pandas writes it."""
    columns = [(name, part) for name in names for part in ("x", "y", "likelihood")]
    scorer = [f"net.{i}" if again and i else "net" for i in range(len(columns))]
    head = [
        ["scorer", *scorer],
        ["bodyparts", *(c[0] for c in columns)],
        ["coords", *(c[1] for c in columns)],
    ]
    table = head + [[str(t), *(str(100 * t + i) for i in range(len(columns)))] for t in range(frames)]
    if again:
        table = [["", *table[0]], *([str(i), *row] for i, row in enumerate(table[1:]))]
    return "\n".join(",".join(row) for row in table) + "\n"


def faults(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(oft.read(folder))
    return "\n".join(caught.value.problems)


def test_every_rater_and_the_consensus_are_recordings(tmp_path: Path) -> None:
    found = {r.annotator: r for r in oft.read(save(tmp_path, rows()))}
    assert list(found) == ["consensus", "furkan", "jin", "oliver"]
    assert {r.id for r in found.values()} == {f"oft_7_{part}" for part in found}
    assert {r.group for r in found.values()} == {"oft_7"}
    assert {r.frames for r in found.values()} == {30}
    counted = [t for t in range(5, 30) if t != 25]
    assert np.flatnonzero(found["jin"].annotated).tolist() == counted
    held = {name: np.flatnonzero(found["jin"].labels[:, c]).tolist() for c, name in enumerate(oft.CLASSES)}
    assert held["supported"] == held["rearing"] == list(range(10, 16))
    assert held["grooming"] == list(range(14, 20))
    assert held["unsupported"] == []
    assert held["none"] == [t for t in counted if not 10 <= t < 20]


def test_the_consensus_is_what_two_of_three_say(tmp_path: Path) -> None:
    consensus = next(oft.read(save(tmp_path, rows())))
    said = consensus.labels[:, [0, 1, 2, 4]].argmax(axis=1)
    said[~consensus.annotated] = -1
    expected = np.full(30, 3)
    expected[:5] = -1
    expected[10:14] = 0  # Furkan and Jin
    expected[14] = -1  # Supported, two at once, Unsupported
    expected[15] = -1  # none, two at once, Unsupported
    expected[18:20] = 2  # Jin and Oliver
    expected[25] = -1  # Furkan calls it jumping
    assert said.tolist() == expected.tolist()


def test_the_two_tasks_ask_different_classes_of_the_same_frames(tmp_path: Path) -> None:
    jin = list(oft.read(save(tmp_path, rows())))[2]
    coarse, fine = get_task("oft-raters"), get_task("oft-fine-raters")
    assert coarse.classes == ("grooming", "rearing")
    assert coarse.truth(jin)[15].tolist() == [True, True]
    assert fine.truth(jin)[15].tolist() == [True, False, True]
    assert not coarse.exclusive


@pytest.mark.parametrize("again", [False, True])
def test_poses_are_the_mouse_without_the_arena(tmp_path: Path, again: bool) -> None:
    (tmp_path / POSES).write_text(dlc(36, again=again))
    recording = next(oft.read(save(tmp_path, rows())))
    assert recording.keypoints is not None
    assert recording.confidence is not None
    assert recording.keypoints.shape == (30, 1, 13, 2)
    assert recording.keypoints[7, 0, 2].tolist() == [709, 710]
    assert recording.confidence[29, 0, 12] == 2900 + 41


def test_an_excerpt_leaves_the_frames_after_it_without_keypoints(tmp_path: Path) -> None:
    (tmp_path / POSES).write_text(dlc(11, again=True))
    recording = next(oft.read(save(tmp_path, rows())))
    assert recording.keypoints is not None
    assert np.isfinite(recording.keypoints[:11]).all()
    assert np.isnan(recording.keypoints[11:]).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (dlc(29), "OFT_7: 3_01DeepCut.csv: 29 frames of poses, the trial ends with frame 30"),
        (dlc(36, names=("tl", *oft.KEYPOINTS[:-1])), "no keypoint tailtip"),
        (dlc(36)[:-30], "values, expected frame 35"),
        ("", "no header row"),
    ],
)
def test_broken_poses_are_refused_and_nothing_is_written(
    tmp_path: Path, bench_home: Path, text: str, expected: str
) -> None:
    (tmp_path / POSES).write_text(text)
    assert expected in faults(save(tmp_path, rows()))
    with pytest.raises(DataError):
        store.pull(oft.DATASET, tmp_path)
    assert not [path for path in bench_home.rglob("*") if path.is_file()]


def changed(index: int, column: str, value: str) -> list[list[str]]:
    content = rows()
    content[index][HEADER.index(column)] = value
    return content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (changed(5, "type", "Rearing"), "line 7: type 'Rearing', expected one of Supported"),
        (changed(5, "Experimenter", "Anna"), "line 7: rater 'Anna', expected one of Furkan"),
        (changed(5, "to", "soon"), "line 7: from 0.32 to soon: expected two of 0 to 1,000,000 seconds"),
        (changed(5, "to", "0.1"), "seconds, in that order"),
        (changed(5, "from", "nan"), "line 7: from nan"),
        (changed(5, "to", "inf"), "expected two of 0 to"),
        ([*rows(), rows()[5]], "line 16: Supported from 0.32 to 0.6 of OFT_7 by Furkan a second time"),
        ([*rows(), ["one", "cell"]], "line 16: 2 columns, expected 7"),
        (rows()[1:], "its trial ends before it starts"),
        (rows()[:4] + rows()[5:], "OFT_7: Oliver marked no start"),
        (rows()[::2], "OFT_7: nobody marked its end"),
        (changed(5, "DLCFile", "other.csv"), "OFT_7: 2 pose files: 3_01DeepCut.csv, other.csv"),
        ([], "no rows"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, content: list[list[str]], expected: str) -> None:
    assert expected in faults(save(tmp_path, content))


def test_a_table_with_other_columns_or_none_is_refused(tmp_path: Path) -> None:
    assert "header 'a;b', expected" in faults(save(tmp_path, [], ["a", "b"]))
    (tmp_path / "AllLabDataOFT_final.csv").unlink()
    assert "expected AllLabDataOFT_final.csv" in faults(tmp_path)


def test_label_fractions_are_nested_and_frozen() -> None:
    split = get_task("oft").load_split()
    assert {s: len(split.ids("consensus", s)) for s in ("train", "val", "test")} == {
        "train": 10,
        "val": 2,
        "test": 8,
    }
    assert list(split.label_order) == ["0", "1", "2", "3", "4"]
    for seed in split.label_order:
        sets = [set(split.labelled("consensus", seed, percent)) for percent in range(10, 101, 10)]
        assert [len(of) for of in sets] == list(range(1, 11))
        assert all(a < b for a, b in pairwise(sets))
        assert sets[-1] == set(split.ids("consensus", "train"))
    assert len({split.label_order[seed] for seed in split.label_order}) == 5


def test_the_raters_are_split_like_their_consensus() -> None:
    one, raters = get_task("oft").load_split(), get_task("oft-raters").load_split()
    for part in raters.parts:
        for subset in ("train", "val", "test"):
            assert list(raters.parts[part][subset]) == list(one.parts["consensus"][subset])


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    found = real_data / "oft"
    if not (found / "AllLabDataOFT_final.csv").is_file():
        pytest.skip(f"no open-field labels in {found}")
    return found


def test_the_consensus_of_all_20_real_videos_is_the_published_one(folder: Path) -> None:
    facts: dict[str, Any] = json.loads((folder / "reference_facts.json").read_text())["videos"]
    videos = read_labels(folder / "AllLabDataOFT_final.csv")
    assert set(videos) == set(facts)
    for name, video in videos.items():
        said, published = video.consensus(), facts[name]
        assert list(video.window) == published["window"]
        counts = np.bincount(said[said >= 0], minlength=4).tolist()
        assert (
            dict(zip(("Supported", "Unsupported", "Grooming", "Other"), counts, strict=True))
            == published["counts"]
        )
        inside = slice(*video.window)
        assert int((~video.counted[inside]).sum()) == published["n_excluded"]
        assert int((said[inside] < 0).sum()) == published["n_excluded"] + published["n_ambiguous"]


def test_the_real_recordings_are_those_of_the_split_and_two_have_poses(folder: Path) -> None:
    recordings = {r.id: r for r in oft.read(folder)}
    for name in ("oft", "oft-raters"):
        split: Split = get_task(name).load_split()
        assert {id_: recordings[id_].truth_digest() for id_ in split.truth} == dict(split.truth)
    posed = [r for r in recordings.values() if r.keypoints is not None]
    assert {r.group for r in posed} == {"oft_38", "oft_44"}
    for recording in posed:
        assert recording.keypoints is not None
        assert np.isfinite(recording.keypoints[:1_990]).all()
        assert np.isnan(recording.keypoints[2_000:]).all()


def test_a_rater_scored_against_the_consensus_is_good_and_not_perfect(folder: Path) -> None:
    task = get_task("oft")
    recordings = {r.id: r for r in oft.read(folder)}
    ids = task.load_split().ids("consensus", "test")
    scores = {id_: task.truth(recordings[id_.replace("consensus", "jin")]).astype(np.float32) for id_ in ids}
    predictions = {"seed0": {"consensus": scores}}
    result = evaluate(task, {}, predictions, {id_: recordings[id_] for id_ in ids}, resamples=10)
    assert result.frames == sum(int(recordings[id_].annotated.sum()) for id_ in ids)
    assert 0.85 < result.scores["f1"].value < 0.99

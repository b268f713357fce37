"""Bad official files through `bench pull`: one message that says what to type next, and no trace left."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ratseizure_file
import test_calms21
import test_mabe22
import test_oft
import test_rat_dyads
import test_ratsi
from click.testing import CliRunner

from bench import cli as command
from bench.datasets import calms21_parts, ethome, get_dataset, mabe22, ratseizure
from bench.errors import DataError

Make = Callable[[Path], Any]
TRAIN = "calms21_task1_train.json"
FRAMES = test_rat_dyads.FRAMES


@dataclass(frozen=True)
class Bad:
    """One bad file: what it is called here, whose it is, how to make it, and what the message must hold."""

    name: str
    dataset: str
    make: Make
    says: tuple[str, ...]


def text(name: str, content: str | bytes) -> Make:
    def make(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def both(*makes: Make) -> Make:
    def make(folder: Path) -> None:
        for one in makes:
            one(folder)

    return make


def circle(name: str) -> Make:
    return lambda folder: (folder / name).symlink_to(name)


def directory(name: str) -> Make:
    return lambda folder: (folder / name).mkdir()


# CalMS21


def calms21(group: str = "annotator-id_0", **changes: Any) -> str:
    return json.dumps({group: {test_calms21.ID: test_calms21.sequence(**changes)}})


def task2(name: str, group: str, *keys: str) -> Make:
    content = {
        key: test_calms21.sequence(metadata={"annotator_id": 2, "vocab": test_calms21.VOCAB}) for key in keys
    }
    return text(name, json.dumps({group: content}))


KEY = json.dumps(test_calms21.sequence())
CALMS21 = (
    Bad("truncated JSON", "calms21", text(TRAIN, calms21()[:-40]), (TRAIN, "cut short")),
    Bad("an empty file", "calms21", text(TRAIN, ""), (TRAIN, "an empty file")),
    Bad("not JSON at all", "calms21", text(TRAIN, "PK\x03\x04"), (TRAIN, "not JSON of this layout")),
    Bad("not UTF-8", "calms21", text(TRAIN, calms21().encode("utf-16")), (TRAIN, "not JSON of this layout")),
    Bad(
        "a key that stands twice",
        "calms21",
        text(TRAIN, f'{{"annotator-id_0": {{"{test_calms21.ID}": {KEY}, "{test_calms21.ID}": {KEY}}}}}'),
        ("mouse001_task1_annotator1", "is taken by"),
    ),
    Bad(
        "a field that stands twice",
        "calms21",
        text(TRAIN, calms21().replace('"annotations":', '"annotations": [0, 0, 0, 0, 0], "annotations":')),
        (test_calms21.ID, "twice", "'annotations'"),
    ),
    Bad(
        "six keypoints instead of seven",
        "calms21",
        text(TRAIN, calms21(keypoints=np.zeros((5, 2, 2, 6)).tolist())),
        ("keypoints of shape (5, 2, 2, 6), expected (5, 2, 2, 7)",),
    ),
    Bad(
        "a label outside the vocabulary",
        "calms21",
        text(TRAIN, calms21(annotations=[0, 1, 2, 3, 9])),
        ("1 annotations outside the vocab: 9",),
    ),
    Bad(
        "another vocabulary",
        "calms21",
        text(TRAIN, calms21(vocab={"attack": 0, "chase": 1})),
        ("vocab {'attack': 0, 'chase': 1}, expected the classes attack, investigation, mount, other",),
    ),
    Bad(
        "more annotations than frames",
        "calms21",
        text(TRAIN, calms21(annotations=[3] * 8)),
        ("5 frames of keypoints, 8 annotations", "5 frames of scores, 8 annotations"),
    ),
    Bad(
        "NaN where only null may be",
        "calms21",
        text(TRAIN, calms21(keypoints=np.full((5, 2, 2, 7), np.nan).tolist())),
        ("140 NaN or infinite numbers", "null"),
    ),
    Bad(
        "an unknown group",
        "calms21",
        text(TRAIN, calms21(group="first annotator")),
        ("group 'first annotator', expected 'annotator-id_' and a number",),
    ),
    Bad(
        "an unknown annotator",
        "calms21-task2",
        task2(calms21_parts.FILES2[0], "annotator-id_7", "a"),
        ("group 'annotator-id_7', expected annotators 1 to 5",),
    ),
    Bad(
        "a test sequence in the training file",
        "calms21-task2",
        task2(calms21_parts.FILES2[0], "annotator-id_2", "task2/annotator2/test/mouse1"),
        ("a sequence of test in calms21_task2_train.json",),
    ),
    Bad("a folder where a file should be", "calms21", directory(TRAIN), (TRAIN, "a folder, expected a file")),
    Bad("a link to itself", "calms21", circle(TRAIN), (TRAIN, "in a circle, expected a file")),
    Bad(
        "test labels that are not UTF-8",
        "calms21",
        text("task1_test_labels.csv", b"sequence number,annotation\n0,\xff\n"),
        ("task1_test_labels.csv", "not UTF-8"),
    ),
)


# RatSI


def ratsi(change: Callable[[list[list[str]]], None], name: str = "Observation03.csv") -> Make:
    def make(folder: Path) -> None:
        rows = test_ratsi.table()
        change(rows)
        test_ratsi.save(folder, rows, name)

    return make


def cell(row: int, column: int, value: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        rows[row][column] = value

    return change


RATSI = (
    Bad(
        "an unknown action",
        "ratsi",
        ratsi(cell(3, 13, "Flying")),
        ("line 4: action 'Flying', expected one of",),
    ),
    Bad("a missing column", "ratsi", ratsi(cell(0, 3, "snout_m_x")), ("no column 'nose_m_x'",)),
    Bad("a coordinate that is no number", "ratsi", ratsi(cell(2, 5, "left")), ("line 3: tail_m_x 'left'",)),
    Bad(
        "an infinite coordinate",
        "ratsi",
        ratsi(cell(2, 5, "inf")),
        ("line 3: tail_m_x 'inf', expected a number",),
    ),
    Bad("a frame twice", "ratsi", ratsi(cell(4, 0, "2")), ("line 5: frame 2 a second time",)),
    Bad("a short row", "ratsi", ratsi(lambda rows: rows[6].pop()), ("line 7: 13 columns, expected 14",)),
    Bad(
        "an empty table", "ratsi", text("Observation03.csv", ""), ("Observation03.csv: no column 'nose_m_x'",)
    ),
    Bad(
        "one observation in two files",
        "ratsi",
        both(ratsi(lambda _: None), ratsi(lambda _: None, "observation3.csv")),
        ("observation03: 2 files: Observation03.csv, observation3.csv",),
    ),
    Bad(
        "a quote that never closes",
        "ratsi",
        text("Observation03.csv", '"' + 200_000 * "x"),
        ("Observation03.csv", "field larger than field limit"),
    ),
    Bad(
        "a folder where a table should be",
        "ratsi",
        directory("Observation03.csv"),
        ("a folder, expected a file",),
    ),
)


# the open field


def oft(*rows: list[str]) -> Make:
    return lambda folder: test_oft.save(folder, [*test_oft.rows(), *rows])


def said(start: object, stop: object, type_: str = "Grooming", rater: str = "Jin") -> list[str]:
    return ["x.csv", rater, str(start), str(stop), type_, "OFT_7", test_oft.POSES]


OFT = (
    Bad("a negative start", "oft", oft(said(-1, 2)), ("line 16: from -1 to 2: expected", "in that order")),
    Bad("a start after its end", "oft", oft(said(0.9, 0.4)), ("line 16: from 0.9 to 0.4: expected",)),
    Bad(
        "an end at the end of time", "oft", oft(said(0.4, 1e300)), ("line 16: from 0.4 to 1e+300: expected",)
    ),
    Bad(
        "an unknown behaviour",
        "oft",
        oft(said(0.4, 0.5, "Flying")),
        ("line 16: type 'Flying', expected one of",),
    ),
    Bad(
        "an unknown rater",
        "oft",
        oft(said(0.4, 0.5, rater="Anna")),
        ("line 16: rater 'Anna', expected one of",),
    ),
    Bad(
        "a row twice",
        "oft",
        oft(said(0.4, 0.5), said(0.4, 0.5)),
        ("line 17: Grooming from 0.4 to 0.5", "a second"),
    ),
    Bad(
        "other columns",
        "oft",
        text("AllLabDataOFT_final.csv", "a,b\n1,2\n"),
        ("header 'a,b', expected 'file;",),
    ),
    Bad(
        "a table that is not text",
        "oft",
        text("AllLabDataOFT_final.csv", bytes(range(256))),
        ("header", "expected"),
    ),
    Bad(
        "poses shorter than the trial",
        "oft",
        both(oft(), text(test_oft.POSES, test_oft.dlc(9))),
        ("9 frames of poses, the trial ends with frame 30",),
    ),
    Bad(
        "poses with a keypoint missing",
        "oft",
        both(oft(), text(test_oft.POSES, test_oft.dlc(40, names=("nose",)))),
        ("no keypoint headcentre",),
    ),
    Bad(
        "a pose table that is a folder",
        "oft",
        both(oft(), directory(test_oft.POSES)),
        ("a folder, expected a file",),
    ),
)


# MABe22


def mabe(name: str, content: Any) -> Make:
    return lambda folder: test_mabe22.save(folder, content, name)


def labels(**changes: Any) -> Make:
    return both(mabe(mabe22.POSES, test_mabe22.poses()), mabe(mabe22.LABELS, test_mabe22.labels(**changes)))


def hostile(folder: Path) -> None:
    mark = folder.parent / "ran"
    call = test_mabe22.Runs(os.system, f"touch {mark}")
    test_mabe22.save(folder, {"sequences": call}, mabe22.POSES)
    assert pickle.loads, "it would run for whoever opens it"


MABE = (
    Bad(
        "a pickle that would run code",
        "mabe22-triplets",
        hostile,
        (mabe22.POSES, "it asks for", "no numpy array"),
    ),
    Bad(
        "a cut pickle", "mabe22-triplets", text(mabe22.POSES, b"\x93NUMPY\x01\x00v\x00{'de"), (mabe22.POSES,)
    ),
    Bad("an empty file", "mabe22-triplets", text(mabe22.POSES, b""), (mabe22.POSES, "magic")),
    Bad(
        "eleven keypoints instead of twelve",
        "mabe22-triplets",
        mabe(
            mabe22.POSES,
            {"sequences": {"a": {"keypoints": np.zeros((4, 3, 11, 2))}}, "vocabulary": list(mabe22.CLASSES)},
        ),
        ("a: keypoints (4, 3, 11, 2) of float64, expected (frames, 3, 12, 2) numbers",),
    ),
    Bad(
        "a label of two",
        "mabe22-triplets",
        labels(label_array=np.full((5, 16), 2.0)),
        ("zz9: 28 labels that are neither 0 nor 1",),
    ),
    Bad(
        "a label that is NaN",
        "mabe22-triplets",
        labels(label_array=np.full((5, 16), np.nan)),
        ("zz9: 28 labels that are neither 0 nor 1",),
    ),
    Bad(
        "more labels than frames",
        "mabe22-triplets",
        labels(frame_number_map={"aa1": (6, 16), "zz9": (0, 6)}),
        ("zz9: labels of shape (5, 6), expected (5, 7) (labels, frames)", "aa1: labels of shape (5, 10)"),
    ),
    Bad(
        "clips that share labels",
        "mabe22-triplets",
        labels(frame_number_map={"aa1": (6, 15), "zz9": (0, 7)}),
        ("zz9 and aa1 share columns",),
    ),
    Bad(
        "another vocabulary",
        "mabe22-triplets",
        labels(vocabulary=["lights", "chases", "huddles", "sleep", "eats"]),
        ("vocabulary ['lights'", "expected chases, huddles, oral_oral_contact"),
    ),
    Bad("a link to itself", "mabe22-triplets", circle(mabe22.POSES), (mabe22.POSES, "in a circle")),
)


# rat dyads


def rats(**changes: Any) -> Make:
    return lambda folder: test_rat_dyads.save(folder, **changes)


def one_array(folder: Path) -> None:
    with (folder / "rat_07.npz").open("wb") as file:
        np.save(file, np.zeros(3))


def annotated(*intervals: tuple[int, int, str]) -> Make:
    return text("5_annot.txt", test_rat_dyads.annotation(S1=list(intervals)))


RATS = (
    Bad(
        "a label outside the vocabulary",
        "rat-dyads",
        rats(labels=np.full(FRAMES, 9)),
        ("11 numbers outside -1 to 3",),
    ),
    Bad(
        "more labels than frames",
        "rat-dyads",
        rats(labels=np.zeros(FRAMES + 3, dtype=int)),
        ("rat_03", "keypoints of shape (11, 2, 5, 2), expected (14, 2, 5, 2)"),
    ),
    Bad(
        "labels that are NaN", "rat-dyads", rats(labels=np.full(FRAMES, np.nan)), ("labels of type float64",)
    ),
    Bad(
        "an array of objects",
        "rat-dyads",
        rats(keypoint_names=np.array([None], dtype=object)),
        ("rat_03.npz is no compact recording", "Python objects, expected"),
    ),
    Bad(
        "a cut archive",
        "rat-dyads",
        text("rat_07.npz", b"PK\x03\x04 cut"),
        ("rat_07.npz is no compact recording",),
    ),
    Bad("an empty archive", "rat-dyads", text("rat_07.npz", b""), ("rat_07.npz is no compact recording",)),
    Bad("one array for an archive", "rat-dyads", one_array, ("rat_07.npz", "not a readable .npz archive")),
    Bad(
        "a folder with a file's name",
        "rat-dyads",
        directory("rat_07.npz"),
        ("rat_07", "a folder, expected a file"),
    ),
    Bad(
        "an interval that ends before it starts",
        "rat-dyads",
        annotated((1, 9, "base"), (10, 4, "social")),
        ("S1 10-4 social ends before it starts",),
    ),
    Bad(
        "a negative frame",
        "rat-dyads",
        annotated((-3, 9, "base")),
        ("'-3\\t9\\tbase', expected start, end and label",),
    ),
    Bad(
        "a gap",
        "rat-dyads",
        annotated((1, 3, "base"), (7, 9, "social")),
        ("leaves a gap of 3 frames before it",),
    ),
    Bad(
        "an overlap",
        "rat-dyads",
        annotated((1, 5, "base"), (4, 9, "social")),
        ("overlaps the interval before it by 2",),
    ),
    Bad("an unknown label", "rat-dyads", annotated((1, 5, "sleep")), ("no label 'sleep'",)),
    Bad(
        "a frame number that would fill the memory",
        "rat-dyads",
        annotated((1, 10**15, "base")),
        (f"'1\\t{10**15}\\tbase', expected start, end and label",),
    ),
)


# RatSeizure


def seizure(*rows: dict[str, Any], **changes: Any) -> Make:
    entry = {**ratseizure_file.clip("testing", *rows), **changes}
    return lambda folder: ratseizure_file.write(folder, {"Rat1_clip001": entry})


WHOLE = json.dumps({"database": {"Rat1_clip001": ratseizure_file.clip("testing")}})
CLIP = WHOLE[len('{"database": {') : -2]
SEIZURE = (
    Bad("truncated JSON", "ratseizure", text(ratseizure.FILE, WHOLE[:-9]), ("not JSON, or cut short",)),
    Bad("an empty file", "ratseizure", text(ratseizure.FILE, ""), ("empty file",)),
    Bad(
        "not UTF-8",
        "ratseizure",
        text(ratseizure.FILE, WHOLE.encode("utf-16")),
        ("not UTF-8: byte 0 is 0xff",),
    ),
    Bad(
        "a clip twice",
        "ratseizure",
        text(ratseizure.FILE, f'{{"database": {{{CLIP}, {CLIP}}}}}'),
        ("keys that stand twice in one object: 'Rat1_clip001'",),
    ),
    Bad(
        "NaN",
        "ratseizure",
        text(ratseizure.FILE, WHOLE.replace("10.0", "NaN")),
        ("database.Rat1_clip001.duration: nan, expected a finite number",),
    ),
    Bad("another frame rate", "ratseizure", seizure(fps=25), ("Rat1_clip001: fps 25, expected 30",)),
    Bad(
        "a negative start",
        "ratseizure",
        seizure(ratseizure_file.row(3, -2, 4)),
        ("segment [-2, 4], expected 0 <=",),
    ),
    Bad(
        "an end after the clip's", "ratseizure", seizure(ratseizure_file.row(3, 2, 14)), ("segment [2, 14]",)
    ),
    Bad(
        "a label outside the fourteen",
        "ratseizure",
        seizure({**ratseizure_file.row(3, 2, 4), "label_id": 14}),
        ("0 to 13",),
    ),
    Bad(
        "a folder where the file should be",
        "ratseizure",
        directory(ratseizure.FILE),
        ("a folder, expected a file",),
    ),
)


# ethome


def events(fps: str = "30.0", length: str = "0.2", stop: str = "0.12") -> Make:
    rows = [
        ["Time", "Media file path", "Total length", "FPS", "Subject", "Behavior", "Status"],
        ["0.06", "v.avi", length, fps, "adult", "interact", "START"],
        [stop, "v.avi", length, fps, "adult", "interact", "STOP"],
    ]
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return text(ethome.EVENTS, written.getvalue())


def poses(frames: int = 6, animals: tuple[str, ...] = ethome.ANIMALS, value: str = "1") -> Make:
    columns = [(a, k, c) for a in animals for k in ethome.KEYPOINTS for c in ("x", "y", "likelihood")]
    names = ("individuals", "bodyparts", "coords")
    rows = [["scorer", *["net"] * len(columns)]]
    rows += [[name, *(column[i] for column in columns)] for i, name in enumerate(names)]
    rows += [[str(t), *[value] * len(columns)] for t in range(frames)]
    return text(ethome.POSES, "\n".join(",".join(row) for row in rows) + "\n")


ETHOME = (
    Bad(
        "another frame rate",
        "ethome",
        both(events("25.0", "0.24"), poses()),
        ("25.0 frames per second, expected 30.0",),
    ),
    Bad(
        "fewer poses than frames",
        "ethome",
        both(events(), poses(5)),
        ("events of 6 frames, 5 frames of poses",),
    ),
    Bad(
        "other animals",
        "ethome",
        both(events(), poses(animals=("a", "b"))),
        ("('a', 'b')", "('adult', 'juvenile')"),
    ),
    Bad(
        "a stop before its start",
        "ethome",
        both(events(stop="0.03"), poses()),
        ("interact [2, 1) holds no frame",),
    ),
    Bad("a negative time", "ethome", both(events(stop="-1"), poses()), ("'-1', 'STOP', expected seconds",)),
    Bad(
        "an endless video",
        "ethome",
        both(events(length="1e300"), poses()),
        ("1e+300 seconds at 30 frames per second",),
    ),
    Bad(
        "a coordinate that is no number",
        "ethome",
        both(events(), poses(value="left")),
        ("could not convert", "'left'"),
    ),
    Bad("an infinite coordinate", "ethome", both(events(), poses(value="inf")), ("infinite numbers",)),
    Bad("no poses at all", "ethome", events(), (f"{ethome.POSES} is missing",)),
    Bad(
        "a link to itself", "ethome", both(events(), circle(ethome.POSES)), ("in a circle, expected a file",)
    ),
)

EVERY = (*CALMS21, *RATSI, *OFT, *MABE, *RATS, *SEIZURE, *ETHOME)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("bad", EVERY, ids=lambda bad: f"{bad.dataset}: {bad.name}")
def test_a_bad_official_file_is_refused_and_leaves_no_trace(
    bad: Bad, tmp_path: Path, bench_home: Path
) -> None:
    folder = tmp_path / "official"
    folder.mkdir()
    bad.make(folder)
    bench_home.mkdir()
    (bench_home / "held").write_text("what was there before")
    run = CliRunner().invoke(command.cli, ["pull", bad.dataset, "--from", str(folder), *accepted(bad)])
    assert isinstance(run.exception, DataError), run.exception
    assert run.exception.exit_code == 4
    message = str(run.exception)
    assert [part for part in bad.says if part not in message] == [], message
    assert run.exception.problems, "place, found and expected"
    assert message.splitlines()[-1].startswith("next: ")
    assert f"bench pull {bad.dataset} --from {folder}" in message.splitlines()[-1]
    assert contents(bench_home) == {"held": b"what was there before"}
    assert sorted(path.name for path in bench_home.iterdir()) == ["held"]
    assert not (tmp_path / "ran").exists()


def accepted(bad: Bad) -> list[str]:
    """Return the option that lets a file with another digest through to the reader."""
    return ["--accept-changed"] if get_dataset(bad.dataset).digests else []


def test_the_command_line_prints_the_message_and_no_traceback(
    tmp_path: Path, bench_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    RATS[0].make(tmp_path / "official")
    monkeypatch.setattr("sys.argv", ["bench", "pull", "rat-dyads", "--from", str(tmp_path / "official")])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 4
    said_ = capsys.readouterr().err
    assert said_.startswith("error: recordings of the rat dyads are not as they should be\n  - rat_03: ")
    assert "Traceback" not in said_

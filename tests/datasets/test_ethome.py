"""BORIS exports, and the real video that comes with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import store
from bench.datasets import ethome, get_task
from bench.datasets.formats.boris import read_events
from bench.datasets.formats.intervals import Interval, interval_faults, paint
from bench.errors import DataError

HEAD = """Observation id,one,,,,,,,
,,,,,,,,
Media file(s),,,,,,,,
,,,,,,,,
Time offset (s),0.0,,,,,,,
,,,,,,,,
"""
COLUMNS = "Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status\n"
EVENTS = """1.500,v.avi,8.000,20.0,adult,sniff,,,START
2.000,v.avi,8.000,20.0,pup,sniff,,,START
2.520,v.avi,8.000,20.0,adult,sniff,,,STOP
3.000,v.avi,8.000,20.0,adult,jump,,,POINT
3.500,v.avi,8.000,20.0,pup,sniff,,,STOP
"""
FOUND = (Interval(30, 50, "sniff"), Interval(40, 70, "sniff"), Interval(60, 61, "jump"))


def write(folder: Path, text: str) -> Path:
    path = folder / "events.csv"
    path.write_text(text)
    return path


def test_starts_and_stops_are_paired_by_subject_and_behaviour(tmp_path: Path) -> None:
    events = read_events(write(tmp_path, HEAD + COLUMNS + EVENTS))
    assert (events.fps, events.frames) == (20, 160)
    assert events.intervals == FOUND
    assert events.subjects == ("adult", "pup", "adult")


def test_newer_tabular_events_name_their_columns_otherwise(tmp_path: Path) -> None:
    text = (
        "Observation id,Media duration (s),FPS (frame/s),Subject,Behavior,Behavior type,Time\n"
        "one,8.0,20.0,adult,sniff,START,1.5\n"
        "one,8.0,20.0,adult,sniff,STOP,2.52\n"
    )
    assert read_events(write(tmp_path, text)).intervals == FOUND[:1]


def test_aggregated_events_are_whole_bouts(tmp_path: Path) -> None:
    text = (
        "Observation id,Media file,Total length,FPS,Subject,Behavior,Behavior type,"
        "Start (s),Stop (s),Duration (s)\n"
        "one,v.avi,8.0,20.0,adult,jump,POINT,3.0,3.0,NA\n"
        "one,v.avi,8.0,20.0,adult,sniff,STATE,1.5,2.52,1.02\n"
        "one,v.avi,8.0,20.0,pup,sniff,STATE,2.0,3.5,1.5\n"
    )
    assert read_events(write(tmp_path, text)).intervals == FOUND


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("3.500,v.avi,8.000,20.0,pup,sniff,,,STOP\n", "", "line 9: sniff never stops"),
        ("adult,sniff,,,START", "pup,sniff,,,START", "line 9: sniff starts again before it stopped (line 8)"),
        ("1.500,v.avi,8.000,20.0,adult,sniff,,,START\n", "", "line 9: sniff stops without a start"),
        ("jump,,,POINT", "jump,,,MAYBE", "'MAYBE', expected seconds and START, STOP or POINT"),
        ("3.000,", "three,", "line 11: 'three', 'POINT'"),
        ("3.500,", "nan,", "line 12: 'nan'"),
        ("3.500,", "8.100,", "sniff [40, 162) ends after the last of 160 frames"),
        ("3.500,", "2.000,", "sniff [40, 40) holds no frame"),
        ("3.500,v.avi,8.000,20.0", "3.500,v.avi,8.000,25.0", "FPS: 20.0, 25.0, expected one number"),
        ("8.000", "0", "Total length: 0, expected one number above 0"),
        ("pup,sniff,,,STOP", "pup,sniff,,STOP", "line 12: 8 columns, expected 9"),
        (",Status", ",State", "no column 'Status' or 'Behavior type'"),
        ("Subject,", "Animal,", "no column 'Subject'"),
        ("FPS,", "Rate,", "no column 'FPS' or 'FPS (frame/s)'"),
        ("Behavior,", "Doing,", "no row of column names with 'Behavior'"),
        (EVENTS, "", "no events"),
    ],
)
def test_a_broken_export_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    text = HEAD + COLUMNS + EVENTS
    assert old in text
    with pytest.raises(DataError) as caught:
        read_events(write(tmp_path, text.replace(old, new)))
    assert expected in str(caught.value)


def test_intervals_are_painted_and_checked() -> None:
    held = paint([Interval(2, 5, "b"), Interval(4, 9, "a"), Interval(0, 7, "c")], ["a", "b"], 7)
    assert held.T.astype(int).tolist() == [[0, 0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0]]
    wrong = [Interval(2, 5, "b"), Interval(2, 5, "b"), Interval(3, 3, "a"), Interval(-1, 8, "a")]
    assert interval_faults(wrong, 7) == [
        "b [2, 5) stands there twice",
        "a [3, 3) holds no frame",
        "a [-1, 8) holds no frame",
        "a [-1, 8) ends after the last of 7 frames",
    ]


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    found = real_data / "ethome"
    if not (found / ethome.EVENTS).is_file():
        pytest.skip(f"no ethome video in {found}")
    return found


def test_the_real_video_has_5700_frames_and_ten_bouts(folder: Path) -> None:
    (recording,) = ethome.read(folder)
    assert recording.frames == 5_700
    assert recording.keypoints is not None
    assert recording.keypoints.shape == (5_700, 2, 7, 2)
    interact = recording.labels[:, 0].astype(int)
    assert np.count_nonzero(np.diff(interact, prepend=0) == 1) == 10
    assert interact[[895, 896, 1041, 1042]].tolist() == [0, 1, 1, 0]  # 29.850 s to 34.725 s
    split = get_task("ethome").load_split()
    assert dict(split.truth) == {recording.id: recording.truth_digest()}
    assert not split.ids("all", "train")


def test_files_that_do_not_fit_are_refused_and_nothing_is_written(
    folder: Path, tmp_path: Path, bench_home: Path
) -> None:
    lines = (folder / ethome.POSES).read_text().splitlines()
    events = (folder / ethome.EVENTS).read_text()
    (tmp_path / ethome.POSES).write_text("\n".join(lines[:-1]).replace("juvenile", "pup"))
    (tmp_path / ethome.EVENTS).write_text(events.replace(",30.0,", ",25.0,").replace("interact", "fight"))
    with pytest.raises(DataError) as caught:
        store.pull(ethome.DATASET, tmp_path)
    assert len(caught.value.problems) == 4
    for expected in ("'pup'", "25.0 frames per second", "4,750 frames, 5,699 frames of poses", "'fight'"):
        assert expected in str(caught.value)
    assert not [path for path in bench_home.rglob("*") if path.is_file()]


def test_missing_files_are_both_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list(ethome.read(tmp_path))
    assert len(caught.value.problems) == 2

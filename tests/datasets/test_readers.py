"""The readers of a lab's own files: SimBA, Bento, plain frame tables, SLEAP, and tables saved again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets.formats.bento import read_annot
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.frame_table import read_frame_table
from bench.datasets.formats.intervals import Interval
from bench.datasets.formats.poses import reader_of
from bench.datasets.formats.simba import read_targets
from bench.datasets.formats.sleap import read_analysis
from bench.errors import DataError, UsageError


def write(folder: Path, text: str, name: str = "file.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def refused(read: Any, *arguments: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(*arguments)
    assert caught.value.hint
    return str(caught.value)


SIMBA = """,Nose_1_x,Nose_1_y,Nose_1_p,Tail_1_x,Tail_1_y,Tail_1_p,Movement_x,Low_prob,attack,sniff
0,1,2,0.5,3,4,0.6,7,0,0,1
1,11,12,0.5,0,0,0.1,7,1,0,1.0
2,21,22,0.5,23,24,0.6,7,0,1,0
3,31,32,0.5,33,34,0.6,7,0,0,0
"""


def test_simba_gives_keypoints_and_the_behaviours_asked_for(tmp_path: Path) -> None:
    found = read_targets(write(tmp_path, SIMBA), ["sniff", "attack"])
    assert found.keypoints == ("Nose_1", "Tail_1")
    assert found.xy.shape == (4, 2, 2)
    assert found.xy[2].tolist() == [[21, 22], [23, 24]]
    assert np.argwhere(np.isnan(found.likelihood)).tolist() == [[1, 1]]
    assert np.isnan(found.xy[1, 1]).all()
    assert found.labels.astype(int).tolist() == [[1, 0], [1, 0], [0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (",sniff\n", ",sniffing\n", "no column 'sniff'"),
        ("Movement_x", "attack", "2 columns 'attack'"),
        ("_p", "_q", "no keypoint: three columns"),
        ("\n2,21", "\n3,21", "line 4: frame '3', expected 2"),
        ("\n2,21", "\n2,left", "line 4: Nose_1_x 'left', expected a number"),
        ("\n2,21", "\n2,nan", "line 4: Nose_1_x 'nan'"),
        ("7,0,1,0\n", "7,0,2,0\n", "line 4: attack '2', expected 0 or 1"),
        ("7,0,1,0\n", "7,0,1\n", "line 4: 10 columns, expected 11"),
        (SIMBA[SIMBA.index("\n0") :], "", "no frames"),
        (SIMBA, "", "no column 'attack'"),
    ],
)
def test_a_broken_simba_table_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in SIMBA
    assert expected in refused(read_targets, write(tmp_path, SIMBA.replace(old, new)), ["attack", "sniff"])


BENTO = """Bento annotation file
Movie file(s):  v.avi

Stimulus name: none
Annotation start frame: 3
Annotation stop frame: 90
Annotation framerate: 25.000000

List of channels:
Ch1
Ch2

List of annotations:
attack
sniff

Ch1----------
>attack
Start\t Stop\t Duration
3\t7\t5
20\t20\t1

>sniff
Start\t Stop\t Duration
5\t12\t8


Ch2----------
>attack
Start\t Stop\t Duration
30\t90\t61

"""


def test_bento_frames_count_from_1_and_include_the_stop(tmp_path: Path) -> None:
    found = read_annot(write(tmp_path, BENTO))
    assert (found.fps, found.first, found.stop) == (25, 2, 90)
    assert found.channels == {
        "Ch1": (Interval(2, 7, "attack"), Interval(19, 20, "attack"), Interval(4, 12, "sniff")),
        "Ch2": (Interval(29, 90, "attack"),),
    }


def test_bento_seconds_are_frame_numbers_over_the_rate(tmp_path: Path) -> None:
    text = BENTO
    for frames in ("3\t7\t5", "20\t20\t1", "5\t12\t8", "30\t90\t61"):
        text = text.replace(
            f"\n{frames}\n", "\n" + "\t".join(f"{int(n) / 25:g}" for n in frames.split()) + "\n"
        )
    assert "0.12\t0.28\t0.2" in text
    assert read_annot(write(tmp_path, text)).channels == read_annot(write(tmp_path, BENTO, "b")).channels


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Bento annotation", "Other annotation", "line 1: no 'Bento annotation file'"),
        ("Annotation stop frame: 90", "", "no 'annotation stop frame'"),
        ("framerate: 25.000000", "framerate: fast", "annotation framerate 'fast', expected a number"),
        ("framerate: 25.000000", "framerate: 0", "at 0 per second"),
        ("start frame: 3", "start frame: 91", "frames 91 to 90"),
        ("start frame: 3", "start frame: 0", "frames 0 to 90"),
        ("stop frame: 90", "stop frame: nan", "frames 3 to nan"),
        ("stop frame: 90", "stop frame: 1e15", "frames 3 to 1e15"),
        ("framerate: 25.000000", "framerate: inf", "at inf per second"),
        ("20\t20\t1", "20\t1e400\t1", "line 21: '20\\t1e400\\t1', expected start, stop and duration"),
        ("Ch2----------", "Ch1----------", "line 28: channel Ch1 a second time"),
        ("30\t90\t61", "30\t95\t66", "Ch2: attack [29, 95) ends after the last of 90 frames"),
        ("30\t90\t61", "30\t29\t0", "Ch2: attack [29, 29) holds no frame"),
        ("20\t20\t1", "3\t7\t5", "Ch1: attack [2, 7) stands there twice"),
        ("20\t20\t1", "20\ttwenty\t1", "line 21: '20\\ttwenty\\t1', expected start, stop and duration"),
        (">attack\nStart\t Stop\t Duration\n30", "Start\n30", "line 30: '30\\t90\\t61', expected"),
        (BENTO[BENTO.index("List of ch") :], "", "no channel"),
        (BENTO[BENTO.index("List of ann") :], "", "cut short before the list of annotations"),
    ],
)
def test_a_broken_bento_file_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in BENTO
    assert expected in refused(read_annot, write(tmp_path, BENTO.replace(old, new)))


COLUMNS = "frame,walk,rest\n0,0,1\n1,1,1\n2,0,0\n"
LABEL = "frame,label\n0,rest\n1,\n2,walk\n3,rest\n"


def test_a_column_per_class_may_hold_several(tmp_path: Path) -> None:
    found = read_frame_table(write(tmp_path, COLUMNS), ["rest", "walk"])
    assert found.classes == ("rest", "walk")
    assert found.labels.astype(int).tolist() == [[1, 0], [1, 1], [0, 0]]
    assert found.annotated.all()


def test_an_empty_label_is_a_frame_that_nobody_annotated(tmp_path: Path) -> None:
    found = read_frame_table(write(tmp_path, LABEL))
    assert found.classes == ("rest", "walk")
    assert found.labels.astype(int).tolist() == [[1, 0], [0, 0], [0, 1], [1, 0]]
    assert found.annotated.tolist() == [True, False, True, True]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_that_a_spreadsheet_saved_again(tmp_path: Path, separator: str, encoding: str) -> None:
    def saved(text: str) -> Path:
        turned = text.replace(",", separator)
        path = tmp_path / "a.csv"
        path.write_bytes((turned.replace(".", ",") if separator == ";" else turned).encode(encoding))
        return path

    rows = ["scorer,net,net,net", "bodyparts,nose,nose,nose", "coords,x,y,likelihood", "0,1.5,-2,0.5", "1,,,"]
    path = saved("\n".join([*rows, ""]))
    poses = read_poses(path)
    assert poses.xy[0, 0, 0].tolist() == [1.5, -2]
    assert reader_of(path) is read_poses
    assert read_frame_table(saved(LABEL)).annotated.tolist() == [True, False, True, True]
    targets = read_targets(saved(SIMBA), ["attack"])
    assert targets.likelihood[2].tolist() == pytest.approx([0.5, 0.6])


def test_a_table_that_nobody_filled_in_is_of_no_class(tmp_path: Path) -> None:
    found = read_frame_table(write(tmp_path, "frame,label\n0,\n1,\n2,\n"))
    assert (found.classes, found.labels.shape, found.labels.dtype) == ((), (3, 0), np.dtype(bool))
    assert not found.annotated.any()


@pytest.mark.parametrize(
    ("text", "classes", "expected"),
    [
        (LABEL, ["rest"], "class 'walk', expected one of rest"),
        (COLUMNS, ["rest"], "class 'walk', expected one of rest"),
        (COLUMNS, ["rest", "walk", "run"], "no column 'run'"),
        (COLUMNS.replace("\n1,", "\n2,"), [], "line 3: frame '2', expected 1"),
        (LABEL.replace("3,", "2,"), [], "line 5: frame '2', expected 3"),
        (COLUMNS.replace("0,0\n", "0,2\n"), [], "line 4: '2', expected 0 or 1"),
        (COLUMNS.replace("0,0\n", "0\n"), [], "line 4: 2 columns, expected 3"),
        (COLUMNS.replace("rest", "walk"), [], "2 columns 'walk'"),
        ("time,label\n0,rest\n", [], "columns time, label, expected frame and"),
        ("frame,label\n", [], "no frames"),
        ("", [], "expected frame and"),
    ],
)
def test_a_broken_frame_table_is_refused(
    tmp_path: Path, text: str, classes: list[str], expected: str
) -> None:
    assert expected in refused(read_frame_table, write(tmp_path, text), classes)


def test_a_deeplabcut_table_that_was_saved_again_is_the_same_table(tmp_path: Path) -> None:
    rows = ["scorer,net,net,net", "bodyparts,nose,nose,nose", "coords,x,y,likelihood", "0,1,2,.5", "1,,4,.6"]
    again = [",scorer,net,net.1,net.2", *(f"{i},{row}" for i, row in enumerate(rows[1:]))]
    one, other = (
        read_poses(write(tmp_path, "\n".join(lines), name)) for name, lines in (("a", rows), ("b", again))
    )
    assert (one.through_pandas, other.through_pandas) == (False, True)
    assert one.keypoints == other.keypoints == ("nose",)
    np.testing.assert_array_equal(one.xy, other.xy)
    np.testing.assert_array_equal(one.likelihood, other.likelihood)


def test_the_real_excerpts_are_read(real_data: Path) -> None:
    found = sorted((real_data / "oft").glob("*DeepCut*.csv"))
    if not found:
        pytest.skip(f"no open-field poses in {real_data / 'oft'}")
    for path in found:
        poses = read_poses(path)
        assert poses.xy.shape == (1_998, 1, 18, 2)
        assert poses.through_pandas


def sleap(folder: Path, **changes: Any) -> Path:
    """Write two animals, three keypoints, five frames; values say where they belong."""
    h5py = pytest.importorskip("h5py", reason="SLEAP files need h5py")
    a, xy, k, t = np.indices((2, 2, 3, 5))
    tracks = (1000 * t + 100 * a + 10 * k + xy).astype(float)
    tracks[1, 0, 2, 4] = np.nan
    content: dict[str, Any] = {
        "tracks": tracks,
        "point_scores": np.full((2, 3, 5), 0.25),
        "node_names": np.array([b"nose", b"neck", b"tail"]),
        "track_names": np.array([b"one", b"two"]),
    } | changes
    with h5py.File(folder / "analysis.h5", "w") as file:
        for name, value in content.items():
            if value is not None:
                file[name] = value
    return folder / "analysis.h5"


def test_a_sleap_file_is_turned_into_our_axes(tmp_path: Path) -> None:
    poses = read_analysis(sleap(tmp_path))
    assert (poses.individuals, poses.keypoints) == (("one", "two"), ("nose", "neck", "tail"))
    assert poses.xy.shape == (5, 2, 3, 2)
    assert poses.xy[3, 1, 2].tolist() == [3120, 3121]
    assert np.argwhere(np.isnan(poses.likelihood)).tolist() == [[4, 1, 2]]
    assert np.isnan(poses.xy[4, 1, 2]).all()


def test_a_sleap_file_of_one_animal_may_name_none_and_have_no_scores(tmp_path: Path) -> None:
    tracks = np.ones((1, 2, 3, 5))
    path = sleap(tmp_path, tracks=tracks, track_names=np.array([], dtype="S1"), point_scores=None)
    poses = read_analysis(path)
    assert poses.individuals == ("individual",)
    assert np.isnan(poses.likelihood).all()
    assert np.isfinite(poses.xy).all()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tracks": np.ones((5, 3, 2, 2))}, "tracks (5, 3, 2, 2) of float64, expected (2, 2, 3, frames)"),
        ({"tracks": np.ones((2, 2, 3, 0))}, "tracks (2, 2, 3, 0)"),
        ({"tracks": np.ones((2, 2, 3, 5), dtype=int)}, "of int64"),
        ({"tracks": np.full((2, 2, 3, 5), np.inf)}, "infinite numbers in tracks"),
        ({"point_scores": np.ones((2, 3, 4))}, "point_scores (2, 3, 4), tracks (2, 2, 3, 5)"),
        ({"node_names": np.array([b"nose", b"nose", b"tail"])}, "a name stands there twice"),
        ({"tracks": None}, "no 'tracks'"),
        ({"node_names": None}, "no 'node_names'"),
    ],
)
def test_a_broken_sleap_file_is_refused(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    assert expected in refused(read_analysis, sleap(tmp_path, **changes))


def test_a_small_sleap_file_that_promises_more_than_a_memory_is_not_read(tmp_path: Path) -> None:
    path = sleap(tmp_path, tracks=None)
    with pytest.importorskip("h5py").File(path, "a") as file:
        file.create_dataset("tracks", (2, 2, 3, 10**10), dtype="f8", chunks=(2, 2, 3, 1000))
    assert path.stat().st_size < 100_000
    assert "/tracks: 960,000,000,000 bytes, expected at most" in refused(read_analysis, path)


def test_a_sleap_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = sleap(tmp_path)
    path.write_bytes(path.read_bytes()[:500])
    assert "cut short" in refused(read_analysis, path)


def test_without_h5py_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UsageError, match="need h5py"):
        read_analysis(tmp_path / "analysis.h5")

"""The two shared text formats: Caltech annotations and DeepLabCut tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.formats.caltech import read_annotation
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.intervals import Interval
from bench.errors import DataError

ANNOTATION = """Caltech Behavior Annotator - Annotation File

Configuration file:
rest\tr
walk\tw

S1:\tstart\tend\ttype
-----------------------------
\t1\t3\trest
\t4\t4\twalk
\t5\t9\trest

S2:\tstart\tend\ttype
-----------------------------
\t1\t9\twalk
"""


def write(folder: Path, text: str, name: str = "file.txt") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_intervals_become_half_open_and_count_from_0(tmp_path: Path) -> None:
    found = read_annotation(write(tmp_path, ANNOTATION))
    assert found.labels == ("rest", "walk")
    assert found.channels["S1"] == (Interval(0, 3, "rest"), Interval(3, 4, "walk"), Interval(4, 9, "rest"))
    assert found.frames == 9
    assert found.per_frame("S1", ["walk", "rest"], 11).tolist() == [1, 1, 1, 0, 1, 1, 1, 1, 1, -1, -1]
    assert found.per_frame("S1", ["walk"], 9).tolist() == [-1] * 3 + [0] + [-1] * 5


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("\t4\t4\twalk", "\t5\t5\twalk", "leaves a gap of 1 frames"),
        ("\t4\t4\twalk", "\t3\t4\twalk", "overlaps the interval before it by 1 frames"),
        ("\t5\t9\trest", "\t5\t4\trest", "ends before it starts"),
        ("\t1\t3\trest", "\t2\t3\trest", "leaves a gap of 1 frames"),
        ("\t1\t3\trest", "\t1\t3\tjump", "the configuration has no label 'jump'"),
        ("\t1\t3\trest", "\t1\tthree\trest", "expected start, end and label"),
        ("\t1\t9\twalk", "\t1\t8\twalk", "channels end in different frames"),
        ("\t1\t9\twalk", "", "channel S2 has no intervals"),
        ("S2:", "S1:", "channel S1 a second time"),
        ("Caltech", "Other", "line 1"),
        (ANNOTATION[ANNOTATION.index("S1:") :], "", "no channel"),
    ],
)
def test_a_broken_annotation_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(DataError) as caught:
        read_annotation(write(tmp_path, ANNOTATION.replace(old, new)))
    assert expected in str(caught.value)


def test_every_fault_of_an_annotation_is_listed(tmp_path: Path) -> None:
    text = ANNOTATION.replace("\t4\t4\twalk", "\t4\t6\trun").replace("\t1\t9\twalk", "\t3\t9\twalk")
    with pytest.raises(DataError) as caught:
        read_annotation(write(tmp_path, text))
    assert len(caught.value.problems) == 3


def test_an_empty_annotation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1"):
        read_annotation(write(tmp_path, ""))


SEVERAL = """scorer,net,net,net,net,net,net,net,net,net,net,net,net
individuals,a,a,a,a,a,a,b,b,b,b,b,b
bodyparts,nose,nose,nose,tail,tail,tail,nose,nose,nose,tail,tail,tail
coords,x,y,likelihood,x,y,likelihood,x,y,likelihood,x,y,likelihood
0,1,2,.5,3,4,.6,5,6,.7,7,8,.8
1,11,12,.5,,,1.0,15,16,.7,17,,.8
2,21,22,.5,23,24,.6,25,26,.7,27,28,.8
"""


def test_a_table_of_several_animals(tmp_path: Path) -> None:
    poses = read_poses(write(tmp_path, SEVERAL))
    assert (poses.individuals, poses.keypoints) == (("a", "b"), ("nose", "tail"))
    assert poses.xy.shape == (3, 2, 2, 2)
    assert poses.xy[2, 1, 0].tolist() == [25, 26]
    assert np.argwhere(np.isnan(poses.xy)).tolist() == [
        [1, 0, 1, 0],
        [1, 0, 1, 1],
        [1, 1, 1, 0],
        [1, 1, 1, 1],
    ]
    assert np.argwhere(np.isnan(poses.likelihood)).tolist() == [[1, 0, 1], [1, 1, 1]]


def test_a_table_of_one_animal(tmp_path: Path) -> None:
    lines = [line for line in SEVERAL.splitlines() if not line.startswith("individuals")]
    poses = read_poses(write(tmp_path, "\n".join(",".join(line.split(",")[:7]) for line in lines)))
    assert poses.individuals == ("individual",)
    assert poses.xy.shape == (3, 1, 2, 2)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("coords,x,y", "coords,y,x", "column 2: a/nose/y, expected a/nose/x"),
        ("a,a,b,b,b,b,b,b", "a,a,b,b,b,c,c,c", "every animal has every keypoint"),
        ("\n1,11,", "\n1,eleven,", "line 6: could not convert string to float: 'eleven'"),
        ("\n2,21,", "\n3,21,", "line 7: frame ['3'] of 12 values, expected frame 2 of 12"),
        ("\n2,21,", "\n2.0,21,", "line 7: frame '2.0', expected a whole number"),
        ("\n1,11,", "\n,11,", "line 6: frame '', expected a whole number"),
        ("\n2,21,", "\ncoords,21,", "line 7: frame 'coords', expected a whole number"),
        (",27,28,.8", ",27,28", "frame ['2'] of 11 values, expected frame 2 of 12"),
        (",27,28,.8", ",27,28,inf", "infinite numbers"),
        ("scorer", "model", "no header row 'scorer'"),
        ("individuals,a,", "individuals,", "header rows of [11, 12] columns"),
        (SEVERAL[SEVERAL.index("0,1,2") :], "", "no frames"),
        (SEVERAL, "", "no header row 'coords'"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in SEVERAL
    with pytest.raises(DataError) as caught:
        read_poses(write(tmp_path, SEVERAL.replace(old, new)))
    assert expected in str(caught.value)

"""Numbers that no official file has, and that numpy or Python would fail on without a word of where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets import demo, rat_dyads, ratseizure
from bench.datasets.formats.bento import read_annot
from bench.datasets.formats.boris import read_events
from bench.datasets.formats.simba import read_targets
from bench.errors import BenchError, DataError
from bench.files.json_stream import index
from tests.datasets.ratseizure_file import clip, row, write

HUGE = 10**400
Sequence = dict[str, Any]


def _vocab(sequence: Sequence) -> None:
    """Give the classes numbers so high that a table as long would fill any memory."""
    sequence["annotations"] = [10**11 * number for number in sequence["annotations"]]
    vocab = sequence["metadata"]["vocab"]
    sequence["metadata"]["vocab"] = {name: 10**11 * number for name, number in vocab.items()}


def _keypoint(value: object) -> Callable[[Sequence], None]:
    def change(sequence: Sequence) -> None:
        sequence["keypoints"][2][1][0][5] = value

    return change


def _score(sequence: Sequence) -> None:
    sequence["scores"][1][0][3] = -HUGE


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_vocab, "expected the classes attack, investigation, mount, other, each with its number"),
        (_keypoint(HUGE), "keypoints are ragged or not numbers"),
        (_keypoint("nan"), "keypoints are ragged or not numbers"),
        (_score, "scores are ragged or not numbers"),
    ],
)
def test_a_sequence_in_the_calms21_layout(
    tmp_path: Path, change: Callable[[Sequence], None], expected: str
) -> None:
    demo.write(tmp_path, recordings=4, frames=9)
    path = tmp_path / "calms21_task1_train.json"
    content = json.loads(path.read_text())
    change(next(iter(next(iter(content.values())).values())))
    path.write_text(json.dumps(content))
    with pytest.raises(DataError) as fault:
        list(demo.DATASET.read(tmp_path))
    assert expected in str(fault.value)


def test_features_under_a_key_that_stands_twice(tmp_path: Path) -> None:
    (tmp_path / "features.json").write_text('{"g": {"a": [1], "b": [2], "a": [3]}}')
    with pytest.raises(match="'a' of 'g' a second time"):
        index(tmp_path / "features.json")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (clip([], row(3, 1, 2)), "subset [], expected one of training, testing"),
        ({**clip("testing"), "duration": HUGE}, "expected 10 seconds"),
        (clip("testing", row(3, 1, HUGE)), "expected [start, end] in seconds"),
    ],
)
def test_a_clip_of_ratseizure(tmp_path: Path, found: Any, expected: str) -> None:
    with pytest.raises(DataError) as fault:
        list(ratseizure.read(write(tmp_path, {"Rat1_a": found})))
    assert expected in str(fault.value)


@pytest.mark.parametrize("name", ["\x1b[2JRat1", "Rat\u202e1", "\ud800", " "])
def test_a_clip_whose_name_no_page_may_show(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as fault:
        list(ratseizure.read(write(tmp_path, {name: clip("testing", row(3, 1, 2))})))
    expected = ("one line of plain text", "whole characters", "empty")
    assert any(words in str(fault.value) for words in expected)
    str(fault.value).encode()
    assert "\x1b" not in str(fault.value)


@pytest.mark.parametrize("name", ["keypoints", "scores"])
@pytest.mark.parametrize("type_", ["U1", "c16", "M8[s]", "i4"])
def test_an_array_of_a_rat_dyad_that_holds_no_numbers_with_a_point(
    tmp_path: Path, name: str, type_: str
) -> None:
    content = {
        "keypoints": np.zeros((7, 2, 5, 2), np.float32),
        "scores": np.zeros((7, 2, 5), np.float32),
        "labels": np.zeros(7, int),
        "labels_s2": np.zeros(7, int),
        "class_names": np.array(rat_dyads.BEHAVIOURS),
        "class_names_s2": np.array(("base", *rat_dyads.SUBTYPES)),
        "keypoint_names": np.array(rat_dyads.KEYPOINTS),
    }
    np.savez(tmp_path / "rat_01.npz", **content | {name: np.zeros(content[name].shape, type_)})
    with pytest.raises(DataError, match=f"{name} of type .*, expected numbers with a point"):
        list(rat_dyads.read(tmp_path))


BORIS = "Subject,Behavior,FPS,Total length,Time,Status\n,a,30,9,1,START\n,a,30,9,{0},STOP\n"
BENTO = """Bento annotation file
Annotation start frame: 1
Annotation stop frame: 100
Annotation framerate: 1e308
List of channels:
Ch1
List of annotations:
attack
Ch1----------
>attack
1.0	{0}	1
"""
SIMBA = ",nose_x,nose_y,nose_p,attack\n0,{0},2,1,1\n"


@pytest.mark.parametrize(
    ("text", "read", "expected"),
    [
        (BORIS.format("1e308"), read_events, "ends after the last of 270 frames"),
        (BENTO.format("7.5"), read_annot, "ends after the last of 100 frames"),
        (SIMBA.format("1e300"), lambda path: read_targets(path, ("attack",)), "nose_x '1e300', expected a"),
    ],
)
def test_numbers_beyond_every_video(
    tmp_path: Path, text: str, read: Callable[[Path], object], expected: str
) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(BenchError) as fault:
        read(tmp_path / "file")
    assert expected in str(fault.value)

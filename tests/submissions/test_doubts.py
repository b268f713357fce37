"""What was probably not meant: percent, labels for scores, frames for seconds, recordings that train."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.datasets import get_task
from bench.errors import SubmissionError
from bench.recordings import Detections, Recording, Segments
from bench.scoring import score_frames, score_segments
from bench.submissions import Entry
from bench.submissions.forms.detections import recording_faults
from bench.submissions.forms.doubts import detection_doubts, score_doubts
from bench.submitting import Submitted
from tests.submissions.conftest import CLASSES, EXPECTED, TASK, make_task, random_scores, read, save_npz

LENGTHS = {"a": 40.0, "b": 25.0}


def detections(*bounds: tuple[float, float]) -> Detections:
    return Detections(
        np.array(bounds, float).reshape(-1, 2), np.zeros(len(bounds), int), np.ones(len(bounds))
    )


def refused(folder: Path, task=TASK) -> str:
    with pytest.raises(SubmissionError) as caught:
        read(folder, task)
    return str(caught.value)


@pytest.mark.parametrize(("subset", "says"), [("train", "training"), ("val", "validation")])
def test_a_recording_that_trains_is_called_so(folder: Path, subset: str, says: str) -> None:
    """Its name is near those of test recordings, and no slip of the keyboard."""
    parts = {
        part: {**subsets, subset: {"cage-9": ("mouse004",)}} for part, subsets in TASK.split.parts.items()
    }
    task = replace(TASK, split=replace(TASK.split, parts=parts))
    scores = random_scores(expected={**EXPECTED, "all": {**EXPECTED["all"], "mouse004": 12}})
    save_npz(folder, scores)
    message = refused(folder, task)
    assert f"all/'mouse004' is a {says} recording, not scored: leave it out" in message
    assert "did you mean" not in message


def test_percent_are_called_so(folder: Path) -> None:
    save_npz(folder, {part: {i: 100 * a for i, a in of.items()} for part, of in random_scores().items()})
    assert "percent? divide them by 100" in refused(folder)
    assert "percent? divide them by 100" in refused(folder, make_task(exclusive=False))
    save_npz(folder, {part: {i: 3 * a for i, a in of.items()} for part, of in random_scores().items()})
    assert "percent?" not in refused(folder)


def test_whole_numbers_for_scores_are_called_labels(folder: Path) -> None:
    labels = {part: {i: a.argmax(axis=1) for i, a in of.items()} for part, of in random_scores().items()}
    arrays = {f"{part}/{id_}": array for part, of in labels.items() for id_, array in of.items()}
    np.savez(folder / "demo" / "seed0.npz", **arrays)
    assert "these look like labels, expected a number for each class" in refused(folder)


def test_labels_for_scores_are_said() -> None:
    hard = np.eye(4, dtype=np.float32)[[0, 3, 2, 2]]
    assert score_doubts([hard, hard[:3]]) == score_doubts([hard])
    assert "every score is 0 or 1" in score_doubts([hard])[0]
    assert score_doubts([hard, np.full((3, 4), 0.25)]) == []
    assert score_doubts([np.zeros((3, 4))]) == [], "classes of which none holds"
    assert score_doubts([]) == []
    truth = {"r": np.array([0, 1, 2, 3, 3])}
    assert any(
        "0 or 1" in one for one in score_frames(truth, {"r": np.eye(4)[[0, 1, 2, 3, 0]]}, CLASSES).warnings
    )


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (
            {"a": [(1200, 1500)], "b": [(750, 900), (800, 820)]},
            "no detection of 3 begins",
        ),
        ({"a": [(1200, 1500)], "b": [(24, 900)]}, ""),
        (
            {"a": [(0.1, 0.5)], "b": [(0.9, 1.0)]},
            "all 2 detections lie within the first second",
        ),
        ({"a": [(0.1, 0.5)], "b": [(0.9, 1.1)]}, ""),
        ({"a": [], "b": []}, ""),
    ],
)
def test_detections_that_are_no_seconds_are_said(bounds: dict[str, list], says: str) -> None:
    given = [(LENGTHS[id_], detections(*rows)) for id_, rows in bounds.items()]
    assert says in "".join(detection_doubts(given))
    assert bool(detection_doubts(given)) is bool(says)


def test_short_recordings_may_be_answered_within_a_second() -> None:
    assert detection_doubts([(1.8, detections((0.1, 0.5)))]) == []


def test_scores_of_segments_say_that_they_are_frames() -> None:
    truth = {"a": true_segments((2.0, 4.0), (9.0, 12.0))}
    found = score_segments(truth, {"a": detections((60, 120), (270, 360))}, ["rear"])
    assert found.scores["detection_map"].value == 0.0
    assert any("are they in frames?" in one for one in found.warnings)
    assert score_segments(truth, {"a": detections((2, 4))}, ["rear"]).warnings == ()


def true_segments(*bounds: tuple[float, float]) -> Segments:
    return Segments(np.array(bounds), np.zeros(len(bounds), int), 1)


def test_every_run_is_looked_at() -> None:
    recording = Recording(
        "a", "g", 25.0, ("x", "y"), np.eye(2, dtype=bool)[[0, 1, 1]], np.ones(3, dtype=bool)
    )
    soft = np.full((3, 2), 0.5, np.float32)
    runs = {"seed0": {"all": {"a": soft}}, "seed1": {"all": {"a": np.eye(2, dtype=np.float32)[[0, 0, 1]]}}}
    submitted = Submitted(TASK, Entry("e", "E", ("nobody",), "CC0", {}), runs, {"a": recording})
    (doubt,) = submitted.doubts
    assert doubt.startswith("seed1: every score is 0 or 1")


def test_segments_beyond_the_recording_may_be_frames() -> None:
    task = get_task("rat-dyads-bouts")
    seconds = 100.0
    rows = [{"segment": [30.0, 1900.0], "label": task.classes[0], "score": 1.0}]
    assert "are these frames?" in json.dumps(list(recording_faults(rows, seconds, task)))
    rows[0]["segment"] = [30.5, 1900.0]
    assert "clip it" in json.dumps(list(recording_faults(rows, seconds, task)))
    rows[0]["segment"] = [30.0, 240000.0]
    assert "clip it" in json.dumps(list(recording_faults(rows, seconds, task)))

"""What a model says, as files: frames, bouts that BORIS and our reader take, arrays."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.formats.boris import read_events
from bench.labelling import FORMATS, Answered, writer
from bench.recordings import Detections, Recording

CLASSES = ("attack", "mount", "other")
FRAMES, FPS = 40, 25.0
LABEL = np.repeat([2, 0, 2, 1, 0], [7, 9, 4, 12, 8])
SCORES = np.full((FRAMES, 3), 0.2, np.float32)
SCORES[np.arange(FRAMES), LABEL] = 0.6
FRAME_QUESTION = Answered("frames", CLASSES, exclusive=True, background="other")
SEGMENT_QUESTION = Answered("segments", CLASSES[:2], exclusive=False, background=None)
CLUSTER_QUESTION = Answered("clusters", CLASSES, exclusive=True, background="other")
FOUND = Detections(
    np.array([[0.1, 0.9], [0.12, 0.9], [0.3, 1.5], [0.2, 0.4]]),
    np.array([0, 0, 1, 1]),
    np.array([0.9, 0.7, 0.8, 0.1]),
)


@pytest.fixture
def recording() -> Recording:
    return Recording(
        id="m1",
        group="m1",
        fps=FPS,
        classes=CLASSES,
        labels=np.zeros((FRAMES, 3), dtype=bool),
        annotated=np.zeros(FRAMES, dtype=bool),
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_frames_are_a_row_each(tmp_path: Path, recording: Recording) -> None:
    table = rows(writer("csv", FRAME_QUESTION)(tmp_path, recording, SCORES))
    assert [row["label"] for row in table] == [CLASSES[label] for label in LABEL]
    assert [row["frame"] for row in table] == [str(frame) for frame in range(FRAMES)]
    assert table[10]["seconds"] == "0.400"
    assert float(table[10]["attack"]) == pytest.approx(0.6)


def test_classes_that_hold_together_are_joined(tmp_path: Path, recording: Recording) -> None:
    scores = SCORES.copy()
    scores[3, :2] = 0.5
    scores[4] = 0.1
    asked = Answered("frames", CLASSES, exclusive=False, background=None)
    table = rows(writer("csv", asked)(tmp_path, recording, scores))
    assert table[3]["label"] == "attack+mount+other"
    assert table[4]["label"] == ""


def test_boris_bouts_are_the_labels_again_without_the_background(
    tmp_path: Path, recording: Recording
) -> None:
    path = writer("boris", FRAME_QUESTION)(tmp_path, recording, SCORES)
    events = read_events(path)
    assert (events.fps, events.frames) == (FPS, FRAMES)
    told = [(interval.start, interval.stop, interval.label) for interval in events.intervals]
    assert told == [(7, 16, "attack"), (20, 32, "mount"), (32, 40, "attack")]


def test_of_segments_a_bout_is_a_sure_one_that_overlaps_no_surer_of_its_class(
    tmp_path: Path, recording: Recording
) -> None:
    path = writer("boris", SEGMENT_QUESTION)(tmp_path, recording, FOUND)
    told = [(row["Behavior"], row["Start (s)"], row["Stop (s)"]) for row in rows(path)]
    assert told == [("attack", "0.100", "0.900"), ("mount", "0.300", "1.500")]
    sure = replace(SEGMENT_QUESTION, least=0.85)
    assert [row["Behavior"] for row in rows(writer("boris", sure)(tmp_path, recording, FOUND))] == ["attack"]
    table = rows(writer("csv", SEGMENT_QUESTION)(tmp_path, recording, FOUND))
    assert [row["label"] for row in table[:2]] == ["attack", "mount"]
    assert len(table) == 4


def test_clusters_are_a_row_for_each_frame_and_a_bout_for_each_run(
    tmp_path: Path, recording: Recording
) -> None:
    ids = LABEL.astype(np.int64) + 4
    table = rows(writer("csv", CLUSTER_QUESTION)(tmp_path, recording, ids))
    assert [int(row["cluster"]) for row in table] == ids.tolist()
    events = read_events(writer("boris", CLUSTER_QUESTION)(tmp_path, recording, ids))
    assert [interval.label for interval in events.intervals][:2] == ["cluster 6", "cluster 4"]


@pytest.mark.parametrize(
    ("asked", "answer", "names"),
    [
        (FRAME_QUESTION, SCORES, {"scores"}),
        (SEGMENT_QUESTION, FOUND, {"bounds", "labels", "scores"}),
        (CLUSTER_QUESTION, LABEL.astype(np.int64), {"clusters"}),
    ],
)
def test_arrays_are_what_the_model_said(tmp_path: Path, recording: Recording, asked, answer, names) -> None:
    with np.load(writer("npz", asked)(tmp_path, recording, answer)) as archive:
        assert set(archive.files) == {"classes", *names}
        assert archive["classes"].tolist() == list(asked.classes)
        for name in names:
            expected = getattr(answer, name) if isinstance(answer, Detections) else answer
            np.testing.assert_array_equal(archive[name], expected)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_answer_gives_the_same_bytes(tmp_path: Path, recording: Recording, format_: str) -> None:
    write = writer(format_, FRAME_QUESTION)
    first = write(tmp_path / "1", recording, SCORES).read_bytes()
    assert first == write(tmp_path / "2", recording, SCORES).read_bytes()

"""Recordings that hold segments: what is refused, what the digest covers, and bouts of frames in seconds."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from bench.errors import DataError
from bench.recordings import Recording, Segments, one_hot, segments_of

CLASSES = ("attack", "mount", "other")
FRAMES = 50


def recording(segments: Segments | None = None, **changes: Any) -> Recording:
    made = {
        "id": "m1",
        "group": "m1",
        "fps": 25.0,
        "classes": CLASSES,
        "labels": np.zeros((FRAMES, 3), dtype=bool),
        "annotated": np.ones(FRAMES, dtype=bool),
        "segments": segments,
        **changes,
    }
    return Recording(**made)


def segments(*rows: tuple[float, float, int], classes: int = 3) -> Segments:
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Segments(table[:, :2], table[:, 2].astype(np.int64), classes)


def test_a_recording_is_a_line_that_gives_its_size() -> None:
    assert repr(recording()) == "<recording m1: 50 frames at 25 per second, no poses; attack, mount, other>"
    assert "4 x 7 keypoints" in repr(recording(keypoints=np.zeros((FRAMES, 4, 7, 2), np.float32)))


def test_segments_may_overlap_and_reach_one_frame_beyond_the_ends() -> None:
    held = recording(segments((-0.04, 1.0, 2), (0.5, 2.04, 0), (0.5, 2.04, 0)))
    assert held.segments is not None
    assert len(held.segments.labels) == 3


def test_every_fault_of_segments_is_named_at_once() -> None:
    with pytest.raises(DataError) as caught:
        recording(segments((1.0, 1.0, 0), (0.0, 1.0, 1), (1.5, 0.5, 1), (1.0, 2.05, 3), classes=4), id="M 1")
    assert caught.value.problems == (
        "id 'M 1': expected lower-case letters, digits, '_' and '-', 100 at most",
        "segments of 4 classes, expected 3",
        "rows 0, 2: a segment whose end is not after its start (row 0 has [1.0, 1.0])",
        "row 3: a segment beyond the recording, which lasts 2.000 s (row 3 has [1.0, 2.05])",
    )
    with pytest.raises(DataError, match=r"fps 0\.0: expected more than 0"):
        recording(segments((0.0, 1.0, 0)), fps=0.0)


def test_the_digest_covers_segments_and_is_the_old_one_without_them() -> None:
    rng = np.random.default_rng(0)
    labels = one_hot(rng.integers(0, 3, FRAMES), 3)
    plain = recording(labels=labels)
    annotated = np.packbits(np.ones(FRAMES, dtype=bool)).tobytes()
    old = hashlib.sha256(b"m1\n50\nattack|mount|other\n" + np.packbits(labels).tobytes() + annotated)
    assert plain.truth_digest() == old.hexdigest()
    base = [(0.0, 1.0, 0), (1.0, 2.0, 1)]
    others = [[], base[:1], base[::-1], [(0.0, 1.0, 0), (1.0, 2.0, 2)], [(0.0, 1.5, 0), (1.0, 2.0, 1)]]
    digests = {recording(segments(*rows), labels=labels).truth_digest() for rows in (base, *others)}
    assert len(digests | {plain.truth_digest()}) == 7
    again = Segments(np.float32([[0, 1], [1, 2]]), np.int32([0, 1]), 3)
    assert recording(again, labels=labels).truth_digest() in digests


def test_bouts_of_frames_in_seconds() -> None:
    labels = np.zeros((8, 3), dtype=bool)
    labels[0:3, 2] = labels[2:5, 0] = labels[7, 0] = True
    found = segments_of(labels, 2.0)
    np.testing.assert_array_equal(found.bounds, [[1.0, 2.5], [3.5, 4.0], [0.0, 1.5]])
    np.testing.assert_array_equal(found.labels, [0, 0, 2])
    assert found.classes == 3
    assert segments_of(labels[:, 1:2], 2.0).bounds.shape == (0, 2)

"""What is refused before scoring, and what is dropped from the truth."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import DataError, SubmissionError
from bench.metrics.segments import clean
from bench.recordings import Detections, Segments, detection_faults


def test_truth_is_cleaned_in_any_order() -> None:
    bounds = np.array([[5.0, 5.0009], [0.001, 6.0], [0.0, 6.0], [0.0, 6.0], [0.0, 6.002], [0.002, 6.0]])
    labels = np.array([1, 1, 1, 0, 1, 1])
    for rows in (np.arange(6), np.arange(6)[::-1]):
        kept = clean(Segments(bounds[rows], labels[rows], 2))
        np.testing.assert_array_equal(kept.bounds, [[0.0, 6.0], [0.0, 6.0], [0.0, 6.002], [0.002, 6.0]])
        np.testing.assert_array_equal(kept.labels, [0, 1, 1, 1])


def test_every_fault_of_detections_is_named_at_once() -> None:
    bounds = np.array(
        [[0.0, 1.0], [3.0, 3.0], [5.0, 4.0], [np.nan, 4.0], [0.0, np.inf], [0.0, 1.0], [0.0, 1.0]]
    )
    labels = np.array([0, 0, 0, 0, 0, -1, 0])
    scores = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, np.nan])
    with pytest.raises(SubmissionError) as caught:
        Detections(bounds, labels, scores)
    assert caught.value.problems == (
        "rows 3, 4: a start or end that is not finite (row 3 has [nan, 4.0])",
        "rows 1, 2: an end that is not after its start (row 1 has [3.0, 3.0])",
        "row 6: a score that is not finite (row 6 has nan)",
        "row 5: a negative label (row 5 has -1)",
    )


def test_bounds_whose_lengths_would_overflow_are_refused() -> None:
    far = np.array([[0.0, 1.0], [-1e308, 1e308]])
    said = "row 1: a start or end beyond 1e+12 s (row 1 has [-1e+308, 1e+308])"
    with pytest.raises(SubmissionError) as caught:
        Detections(far, np.array([0, 0]), np.array([0.5, 0.5]))
    assert caught.value.problems == (said,)
    with pytest.raises(DataError) as of_truth:
        Segments(far, np.array([0, 0]), 1)
    assert of_truth.value.problems == (said,)


def test_many_faults_make_one_line() -> None:
    bounds = np.tile([2.0, 1.0], (1000, 1))
    faults = detection_faults(bounds, np.zeros(1000, int), np.zeros(1000))
    assert faults == [
        "rows 0, 1, 2, 3, 4, 5, 6, 7 and 992 more: an end that is not after its start (row 0 has [2.0, 1.0])"
    ]


def test_shapes_that_do_not_fit_are_named() -> None:
    faults = detection_faults(np.zeros((4, 3)), np.zeros(5, int), np.zeros(6))
    assert [fault.split(" of shape")[0] for fault in faults] == ["bounds", "labels", "scores"]


def test_truth_with_unknown_labels_or_endless_bounds_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        Segments(np.array([[0.0, np.inf], [0.0, 2.0], [1.0, 2.0]]), np.array([0, 4, 1]), 3)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["row 0", "row 1"]


def test_every_fault_of_the_truth_is_named_at_once() -> None:
    with pytest.raises(DataError) as caught:
        Segments(np.array([[0.0, 1.0], [np.nan, 2.0]]), np.array([-1, 0]), 3)
    assert len(caught.value.problems) == 2


def test_reversed_truth_is_dropped_as_too_short() -> None:
    kept = clean(Segments(np.array([[4.0, 2.0], [0.0, 0.001], [0.0, 0.0009]]), np.array([0, 1, 1]), 2))
    np.testing.assert_array_equal(kept.bounds, [[0.0, 0.001]])

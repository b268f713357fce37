"""Accuracy by distance to transitions, against loops over pairs of frames and the real Task 1 labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from span_cases import (
    Slow,
    Span,
    assert_equal,
    cases,
    check_against_slow,
    check_nothing_counts,
    check_order,
    check_perfect,
    check_repetition,
    check_undefined,
    golden_spans,
    values,
    write_golden,
)

from bench.metrics import boundary
from bench.metrics.metric import Metric
from bench.recordings import one_hot

ZONES: dict[str, Callable[[float], bool]] = {
    "at_transition": lambda d: d == 0,
    "within_5": lambda d: d <= 5,
    "beyond_10": lambda d: d > 10,
}


def distances(truth: np.ndarray) -> list[float]:
    moved = [t for t in range(1, len(truth)) if list(truth[t]) != list(truth[t - 1])]
    return [min((abs(t - m) for m in moved), default=math.inf) for t in range(len(truth))]


def slow_frames(spans: Sequence[Span]) -> list[tuple[float, list[bool], list[bool]]]:
    return [
        (d, list(truth[t]), list(labels[t]))
        for truth, labels in spans
        for t, d in enumerate(distances(truth))
    ]


def mean(hits: list[bool]) -> float:
    return sum(hits) / len(hits) if hits else math.nan


def slow_zone(zone: str) -> Slow:
    return lambda spans: [mean([t == p for d, t, p in slow_frames(spans) if ZONES[zone](d)])]


def slow_glued_zone(zone: str) -> Slow:
    def slow(spans: Sequence[Span]) -> list[float]:
        truth, labels = (np.concatenate(side) for side in zip(*spans, strict=True))
        return slow_zone(zone)([(truth, labels)])

    return slow


OWN = {f"accuracy_{zone}": slow_zone(zone) for zone in ZONES}
GLUED = {f"accuracy_{zone}_concatenated": slow_glued_zone(zone) for zone in ZONES}
SLOW = OWN | GLUED
METRICS = {metric.name: metric for metric in boundary.METRICS}
every = pytest.mark.parametrize("metric", boundary.METRICS, ids=lambda m: m.name)
own = pytest.mark.parametrize("metric", [METRICS[name] for name in OWN], ids=lambda m: m.name)
glued = pytest.mark.parametrize("metric", [METRICS[name] for name in GLUED], ids=lambda m: m.name)


@every
def test_equals_the_slow_reference(metric: Metric) -> None:
    check_against_slow(metric, SLOW[metric.name])


@every
def test_golden(metric: Metric) -> None:
    for spans, expected in golden_spans("boundary"):
        assert_equal(values(metric, spans)[0], expected[metric.name])


@own
def test_weights_are_repetition(metric: Metric) -> None:
    check_repetition(metric)


@own
def test_order_of_spans_is_free(metric: Metric) -> None:
    check_order(metric)


@every
def test_undefined_from_the_truth_alone(metric: Metric) -> None:
    check_undefined(metric)
    check_nothing_counts(metric)


@every
def test_truth_is_best(metric: Metric) -> None:
    check_perfect(metric, lambda rng, truth: truth.copy(), best=1.0)


@glued
def test_weights_leave_the_joins(metric: Metric) -> None:
    zone = ZONES[metric.name.removeprefix("accuracy_").removesuffix("_concatenated")]
    for case, spans in enumerate(cases(60, seed=8)):
        weight = np.random.default_rng([9, case]).integers(0, 4, len(spans))
        distance = distances(np.concatenate([truth for truth, _ in spans]))
        owner = np.repeat(np.arange(len(spans)), [len(truth) for truth, _ in spans])
        rows = slow_frames(spans)
        hits = [
            row[1] == row[2]
            for row, d, n in zip(rows, distance, owner, strict=True)
            for _ in range(weight[n])
            if zone(d)
        ]
        assert_equal(values(metric, spans, weight[None].astype(float))[0], [mean(hits)])


def test_curves() -> None:
    for spans in cases(60, seed=10):
        measures = [boundary.count_by_distance(*span) for span in spans]
        one = np.ones((1, len(spans)))
        rows = slow_frames(spans)
        curve = [mean([t == p for d, t, p in rows if d == k]) for k in range(31)]
        assert_equal(boundary.accuracy_by_distance(measures, one)[0], curve)
        far = sum(d > 30 for d, _, _ in rows)
        assert_equal(
            boundary.frames_by_distance(measures, one)[0],
            [*(sum(d == k for d, _, _ in rows) for k in range(31)), far],
        )
        for c in range(spans[0][0].shape[1]):
            own_curve = [mean([p[c] for d, t, p in rows if d == k and t[c]]) for k in range(31)]
            assert_equal(boundary.class_accuracy_by_distance(measures, one)[0, c], own_curve)
            near = mean([p[c] for d, t, p in rows if d <= 5 and t[c]])
            assert_equal(boundary.class_accuracy_in_zone(measures, one, boundary.WITHIN_5)[0, c], near)


def test_distance_is_to_the_first_frame_of_the_new_bout() -> None:
    truth = one_hot(np.array([0] * 4 + [1] * 5 + [2] * 2), 3)
    assert boundary.distance_to_transition(truth).tolist() == [4, 3, 2, 1, 0, 1, 2, 2, 1, 0, 1]


def test_a_span_without_transition_is_beyond() -> None:
    truth = one_hot(np.zeros(7, dtype=int), 3)
    assert set(boundary.distance_to_transition(truth)) == {31}
    assert values(METRICS["accuracy_beyond_10"], [(truth, truth)]) == 1.0
    assert np.isnan(values(METRICS["accuracy_at_transition"], [(truth, truth)])).all()


def test_order_matters_where_recordings_are_glued() -> None:
    a, b, c = (one_hot(np.full(n, label), 2) for n, label in ((5, 0), (6, 1), (7, 0)))
    spans = [boundary.Frames(truth, truth) for truth in (a, b, c)]
    assert sum(counts[0, 0, 0] for counts in boundary.glue(spans)) == 2
    assert sum(counts[0, 0, 0] for counts in boundary.glue([spans[0], spans[2], spans[1]])) == 1


@pytest.fixture(scope="module")
def task1(real_data: Path) -> list[np.ndarray]:
    """Return the 19 official test recordings of CalMS21 Task 1, as class indices."""
    path = real_data / "calms21" / "task1_test_labels.csv"
    if not path.is_file():
        pytest.skip(f"no real labels: {path} does not exist")
    rows = np.loadtxt(path, delimiter=",", skiprows=1, dtype=int)
    return [rows[rows[:, 0] == n, 1] for n in range(19)]


def count_transitions(counts: list[np.ndarray]) -> tuple[float, float]:
    frames = boundary.frames_by_distance(counts, np.ones((1, len(counts))))[0]
    return frames[0], frames.sum()


def test_transitions_of_task_1(task1: list[np.ndarray]) -> None:
    whole = [one_hot(labels, 4) for labels in task1]
    paper = [truth[34:-1] for truth in whole]
    assert count_transitions([boundary.count_by_distance(t, t) for t in whole]) == (2407, 262107)
    assert count_transitions([boundary.count_by_distance(t, t) for t in paper]) == (2388, 261442)
    assert count_transitions(boundary.glue([boundary.Frames(t, t) for t in paper])) == (2400, 261442)


def test_late_labels_of_task_1(task1: list[np.ndarray]) -> None:
    """Late by k frames: wrong wherever the label changed less than k frames ago, right far from changes."""
    truth = [one_hot(labels, 4) for labels in task1]
    one = np.ones((1, 19))
    for k in (1, 5, 15, 30):
        late = [labels[np.maximum(np.arange(len(labels)) - k, 0)] for labels in task1]
        spans = [(t, one_hot(p, 4)) for t, p in zip(truth, late, strict=True)]
        curve = boundary.accuracy_by_distance([boundary.count_by_distance(*s) for s in spans], one)[0]
        beyond = values(METRICS["accuracy_beyond_10"], spans)[0, 0]
        assert (curve[k:] == 1).all()
        assert (beyond == 1) == (k <= 11)
        # A frame at a transition agrees with k frames ago only where a bout came back within k frames.
        changed = np.concatenate([p[boundary.transitions(t)] for t, p in spans])
        there = np.concatenate([t[boundary.transitions(t)] for t in truth])
        assert curve[0] == (changed == there).all(axis=1).mean()


if __name__ == "__main__":
    write_golden("boundary", SLOW)

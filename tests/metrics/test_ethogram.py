"""Statistics of ethograms and their errors, against counting by hand."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from slow_bouts import slow_bouts
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

from bench.metrics import ethogram
from bench.metrics.metric import Metric
from bench.recordings import one_hot

Side = list[np.ndarray]


def sides(spans: Sequence[Span]) -> tuple[Side, Side]:
    return [truth for truth, _ in spans], [labels for _, labels in spans]


def durations(side: Side, c: int) -> list[int]:
    return [stop - start for labels in side for start, stop in slow_bouts(list(labels[:, c]))]


def rate(side: Side, c: int) -> float:
    return len(durations(side, c)) / sum(len(labels) for labels in side)


def held(side: Side, c: int) -> float:
    return sum(durations(side, c)) / sum(len(labels) for labels in side)


def followers(side: Side, c: int) -> Counter[int]:
    """Count what begins in a frame where class c held the frame before."""
    return Counter(
        d
        for labels in side
        for t in range(1, len(labels))
        for d in range(labels.shape[1])
        if labels[t - 1, c] and labels[t, d] and not labels[t - 1, d]
    )


def slow_rate_error(spans: Sequence[Span]) -> list[float]:
    truth, labels = sides(spans)
    return [abs(rate(labels, c) - rate(truth, c)) for c in range(truth[0].shape[1])]


def slow_share_error(spans: Sequence[Span]) -> list[float]:
    truth, labels = sides(spans)
    return [abs(held(labels, c) - held(truth, c)) for c in range(truth[0].shape[1])]


def slow_duration_error(spans: Sequence[Span]) -> list[float]:
    truth, labels = sides(spans)
    row = []
    for c in range(truth[0].shape[1]):
        true, predicted = durations(truth, c), durations(labels, c) or [0]
        row.append(abs(statistics.median(predicted) - statistics.median(true)) if true else math.nan)
    return row


def slow_transition_error(spans: Sequence[Span]) -> list[float]:
    truth, labels = sides(spans)
    row = []
    for c in range(truth[0].shape[1]):
        true, predicted = followers(truth, c), followers(labels, c)
        if not true:
            row.append(math.nan)
        elif not predicted:
            row.append(1.0)
        else:
            shares = [(true[d] / true.total(), predicted[d] / predicted.total()) for d in {*true, *predicted}]
            row.append(1 - math.fsum(min(pair) for pair in shares))
    return row


SLOW: dict[str, Slow] = {
    "bout_rate_error": slow_rate_error,
    "time_share_error": slow_share_error,
    "median_duration_error": slow_duration_error,
    "transition_matrix_error": slow_transition_error,
}
METRICS = {metric.name: metric for metric in ethogram.METRICS}
every = pytest.mark.parametrize("metric", ethogram.METRICS, ids=lambda m: m.name)


@every
def test_equals_the_slow_reference(metric: Metric) -> None:
    check_against_slow(metric, SLOW[metric.name])


@every
def test_golden(metric: Metric) -> None:
    for spans, expected in golden_spans("ethogram"):
        assert_equal(values(metric, spans)[0], expected[metric.name])


@every
def test_weights_are_repetition(metric: Metric) -> None:
    check_repetition(metric)


@every
def test_order_of_spans_is_free(metric: Metric) -> None:
    check_order(metric)


@every
def test_undefined_from_the_truth_alone(metric: Metric) -> None:
    check_undefined(metric)
    check_nothing_counts(metric)


@every
def test_truth_is_best(metric: Metric) -> None:
    check_perfect(metric, lambda rng, truth: truth.copy(), best=0.0)
    assert not metric.higher_is_better


def test_statistics_themselves() -> None:
    for spans in cases(60, seed=16):
        side = [truth for truth, _ in spans]
        measures = [ethogram.summarise(labels) for labels in side]
        one = np.ones((1, len(spans)))
        classes = range(side[0].shape[1])
        assert_equal(ethogram.bout_rate(measures, one)[0], [rate(side, c) for c in classes])
        assert_equal(ethogram.time_share(measures, one)[0], [held(side, c) for c in classes])
        medians = [statistics.median(durations(side, c) or [math.nan]) for c in classes]
        assert_equal(ethogram.median_duration(measures, one)[0], medians)
        matrix = ethogram.transition_matrix(measures, one)[0]
        for c in classes:
            after = followers(side, c)
            expected = [after[d] / after.total() if after else math.nan for d in classes]
            assert_equal(matrix[c], expected)


def test_bouts_do_not_reach_across_spans() -> None:
    labels = one_hot(np.array([0, 0, 1, 1, 1, 0]), 3)
    whole, halves = [ethogram.summarise(labels)], [ethogram.summarise(part) for part in np.split(labels, 2)]
    assert ethogram.bout_rate(whole, np.ones((1, 1)))[0, 1] == 1 / 6
    assert ethogram.bout_rate(halves, np.ones((1, 2)))[0, 1] == 2 / 6


def test_predicting_a_class_that_is_not_there_is_an_error_of_rate_and_share() -> None:
    span = (one_hot(np.zeros(4, dtype=int), 2), one_hot(np.array([0, 1, 0, 0]), 2))
    assert values(METRICS["bout_rate_error"], [span]).tolist() == [[0.25, 0.25]]
    assert values(METRICS["time_share_error"], [span]).tolist() == [[0.25, 0.25]]
    assert np.isnan(values(METRICS["median_duration_error"], [span])[0, 1])


if __name__ == "__main__":
    write_golden("ethogram", SLOW)

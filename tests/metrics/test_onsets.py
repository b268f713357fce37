"""Errors and F1 of onsets and offsets, against sorted lists and augmenting paths."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from slow_bouts import per_class, slow_bouts, tiou
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

from bench.metrics import onsets
from bench.metrics.kernels.pooling import quantiles
from bench.metrics.metric import Metric
from bench.recordings import one_hot


def slow_quantile(ordered: list[int], level: Fraction) -> float:
    place = level * len(ordered)
    low, high = ordered[math.ceil(place) - 1], ordered[math.floor(place)]
    return (low + high) / 2


def bias(errors: list[int]) -> float:
    return slow_quantile(sorted(errors), Fraction(1, 2))


def median(errors: list[int]) -> float:
    return slow_quantile(sorted(abs(e) for e in errors), Fraction(1, 2))


def iqr(errors: list[int]) -> float:
    ordered = sorted(errors)
    return slow_quantile(ordered, Fraction(3, 4)) - slow_quantile(ordered, Fraction(1, 4))


def slow_errors(side: int, statistic: Callable[[list[int]], float]) -> Slow:
    """`side` 0 is the start of a bout, 1 its stop."""

    def slow(spans: Sequence[Span]) -> list[float]:
        row = []
        for sides in per_class(spans):
            seen, errors = 0, []
            for truth, labels in sides:
                for bout in slow_bouts(truth):
                    if bout[side] == (0, len(truth))[side]:
                        continue
                    seen += 1
                    matches = [b for b in slow_bouts(labels) if tiou(bout, b) >= Fraction(1, 2)]
                    errors += [b[side] - bout[side] for b in matches]
            row.append(math.nan if not seen else statistic(errors) if errors else math.inf)
        return row

    return slow


def slow_edges(held: list[bool], side: int) -> list[int]:
    now = side == 0
    return [t for t in range(1, len(held)) if held[t] == now and held[t - 1] != now]


def most_pairs(true: list[int], predicted: list[int], tolerance: int) -> int:
    """Return the size of the largest one-to-one pairing, by augmenting paths."""
    owner: dict[int, int] = {}

    def place(t: int, tried: set[int]) -> bool:
        for j, p in enumerate(predicted):
            if abs(true[t] - p) <= tolerance and j not in tried:
                tried.add(j)
                if j not in owner or place(owner[j], tried):
                    owner[j] = t
                    return True
        return False

    return sum(place(t, set()) for t in range(len(true)))


def f1_at(spans: Sequence[Span], side: int, tolerance: int) -> list[float]:
    row = []
    for sides in per_class(spans):
        edges = [[slow_edges(held, side) for held in pair] for pair in sides]
        true, predicted = (sum(len(pair[i]) for pair in edges) for i in (0, 1))
        pairs = sum(most_pairs(*pair, tolerance) for pair in edges)
        row.append(2 * pairs / (true + predicted) if true else math.nan)
    return row


def slow_f1(side: int, tolerance: int) -> Slow:
    return lambda spans: f1_at(spans, side, tolerance)


def slow_area(side: int) -> Slow:
    def slow(spans: Sequence[Span]) -> list[float]:
        curve = [f1_at(spans, side, k) for k in range(31)]
        return [math.fsum(column) / 31 for column in zip(*curve, strict=True)]

    return slow


SLOW: dict[str, Slow] = {}
for index, edge in enumerate(("onset", "offset")):
    SLOW[f"{edge}_bias"] = slow_errors(index, bias)
    SLOW[f"{edge}_error_median"] = slow_errors(index, median)
    SLOW[f"{edge}_error_iqr"] = slow_errors(index, iqr)
    SLOW[f"{edge}_f1_within_5"] = slow_f1(index, 5)
    SLOW[f"{edge}_f1_within_15"] = slow_f1(index, 15)
    SLOW[f"{edge}_f1_area"] = slow_area(index)
METRICS = {metric.name: metric for metric in onsets.METRICS}
every = pytest.mark.parametrize("metric", onsets.METRICS, ids=lambda m: m.name)


@every
def test_equals_the_slow_reference(metric: Metric) -> None:
    check_against_slow(metric, SLOW[metric.name], count=30 if metric.name.endswith("area") else 150)


@every
def test_golden(metric: Metric) -> None:
    for spans, expected in golden_spans("onsets"):
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
    check_perfect(metric, lambda rng, truth: truth.copy(), best=1.0 if metric.higher_is_better else 0.0)


@pytest.mark.parametrize("edge", ["onset", "offset"])
def test_f1_grows_with_the_tolerance(edge: str) -> None:
    count = {"onset": onsets.count_onsets, "offset": onsets.count_offsets}[edge]
    for spans in cases(60, seed=14):
        curve = onsets.edge_f1_curve([count(*span) for span in spans], np.ones((1, len(spans))))[0]
        defined = curve[~np.isnan(curve).any(axis=1)]
        assert (np.diff(defined, axis=1) >= 0).all()
        assert (np.isnan(curve).all(axis=1) == np.isnan(curve).any(axis=1)).all()


def test_quantiles_are_those_of_repeated_values() -> None:
    rng = np.random.default_rng(15)
    for _ in range(300):
        spans, number = int(rng.integers(1, 5)), int(rng.integers(1, 13))
        numbers, owner = rng.integers(-6, 7, number), rng.integers(0, spans, number)
        weights = rng.integers(0, 4, (2, spans)).astype(float)
        found = quantiles(numbers, owner, weights, (0.25, 0.5, 0.75))
        for row, weight in zip(found, weights, strict=True):
            repeated = np.repeat(numbers, weight[owner].astype(int))
            if len(repeated) == 0:
                assert np.isnan(row).all()
                continue
            assert_equal(row, np.quantile(repeated, (0.25, 0.5, 0.75), method="averaged_inverted_cdf"))
            assert row[1] == np.median(repeated)


def test_what_the_edge_of_a_span_cuts_off_has_no_onset() -> None:
    truth = one_hot(np.array([0, 0, 0, 1, 1, 1, 1]), 2)
    labels = one_hot(np.array([0, 0, 1, 1, 1, 1, 1]), 2)
    assert_equal(values(METRICS["onset_bias"], [(truth, labels)]), [[np.nan, -1]])
    assert_equal(values(METRICS["offset_bias"], [(truth, labels)]), [[-1, np.nan]])
    assert_equal(values(METRICS["onset_f1_within_5"], [(truth, labels)]), [[np.nan, 1]])


def test_a_class_of_which_nothing_is_matched_is_infinitely_wrong() -> None:
    truth = one_hot(np.array([1, 0, 0, 0, 1]), 2)
    labels = one_hot(np.array([1, 1, 1, 1, 1]), 2)
    for name in ("onset_bias", "onset_error_median", "onset_error_iqr"):
        found = values(METRICS[name], [(truth, labels)])[0]
        assert np.isposinf(found[0])
    assert METRICS["onset_error_median"].average(np.array([[np.inf, 2.0]]), np.array([True, True])) == np.inf


def test_pairing_is_the_largest_not_the_nearest() -> None:
    """Nearest first would pair 4 with 5 and leave 8 and 1 without; within 3 frames, two pairs fit."""
    truth, labels = (np.zeros((10, 1), dtype=bool) for _ in range(2))
    truth[[4, 8]], labels[[1, 5]] = True, True
    counts = onsets.count_onsets(truth, labels)[0]
    assert counts[1] == 1
    assert counts[3] == 2


if __name__ == "__main__":
    write_golden("onsets", SLOW)

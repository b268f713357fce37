"""Bouts, their F1 and the edit score, against loops over bouts and the full edit table."""

from __future__ import annotations

import math
from collections.abc import Sequence
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

from bench.metrics import bouts
from bench.metrics.metric import Metric
from bench.recordings import one_hot


def slow_found(truth: list[bool], labels: list[bool], threshold: Fraction) -> tuple[int, int, int]:
    """Lea et al.'s rule, prediction by prediction in order of time: found, true and predicted bouts."""
    true, predicted = slow_bouts(truth), slow_bouts(labels)
    taken: set[int] = set()
    for bout in predicted:
        quality = [tiou(bout, other) for other in true]
        best = max(range(len(true)), key=lambda i: quality[i], default=None)
        if best is not None and quality[best] >= threshold:
            taken.add(best)
    return len(taken), len(true), len(predicted)


def slow_f1(threshold: Fraction) -> Slow:
    def slow(spans: Sequence[Span]) -> list[float]:
        row = []
        for sides in per_class(spans):
            counts = [slow_found(*side, threshold) for side in sides]
            found, true, predicted = (sum(column) for column in zip(*counts, strict=True))
            row.append(2 * found / (true + predicted) if true else math.nan)
        return row

    return slow


def slow_coverage(spans: Sequence[Span]) -> list[float]:
    row = []
    for sides in per_class(spans):
        matched = [
            any(tiou(bout, other) >= Fraction(1, 2) for other in slow_bouts(labels))
            for truth, labels in sides
            for bout in slow_bouts(truth)
        ]
        row.append(sum(matched) / len(matched) if matched else math.nan)
    return row


def slow_edit(spans: Sequence[Span]) -> list[float]:
    edits = longest = 0
    for span in spans:
        a, b = (
            [tuple(x) for t, x in enumerate(side) if t == 0 or tuple(side[t - 1]) != tuple(x)]
            for side in span
        )
        table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
        table[:, 0], table[0] = range(len(a) + 1), range(len(b) + 1)
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                steps = table[i, j + 1] + 1, table[i + 1, j] + 1, table[i, j] + (x != y)
                table[i + 1, j + 1] = min(steps)
        edits += table[-1, -1]
        longest += max(len(a), len(b))
    return [float(1 - edits / longest)]


SLOW: dict[str, Slow] = {
    "bout_f1_10": slow_f1(Fraction(1, 10)),
    "bout_f1_25": slow_f1(Fraction(1, 4)),
    "bout_f1_50": slow_f1(Fraction(1, 2)),
    "bout_coverage": slow_coverage,
    "edit": slow_edit,
}
METRICS = {metric.name: metric for metric in bouts.METRICS}
every = pytest.mark.parametrize("metric", bouts.METRICS, ids=lambda m: m.name)


@every
def test_equals_the_slow_reference(metric: Metric) -> None:
    check_against_slow(metric, SLOW[metric.name])


@every
def test_golden(metric: Metric) -> None:
    for spans, expected in golden_spans("bouts"):
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
    check_perfect(metric, lambda rng, truth: truth.copy(), best=1.0)


def test_find_bouts() -> None:
    for spans in cases(60, seed=11):
        for truth, _ in spans:
            found = bouts.find_bouts(truth)
            expected = [(c, *bout) for c, held in enumerate(truth.T) for bout in slow_bouts(list(held))]
            triples = zip(found.classes, found.starts, found.stops, strict=True)
            assert [tuple(int(x) for x in triple) for triple in triples] == expected


def test_overlaps_are_all_pairs_that_share_frames() -> None:
    for spans in cases(60, seed=12):
        for truth, labels in spans:
            true, predicted = bouts.find_bouts(truth), bouts.find_bouts(labels)
            pairs = bouts.overlaps(true, predicted)
            found = dict(
                zip(
                    zip(pairs.truth, pairs.predicted, strict=True),
                    zip(pairs.shared, pairs.union, strict=True),
                    strict=True,
                )
            )
            expected = {}
            for i, (c, a, b) in enumerate(zip(true.classes, true.starts, true.stops, strict=True)):
                rows = zip(predicted.classes, predicted.starts, predicted.stops, strict=True)
                for j, (d, e, f) in enumerate(rows):
                    shared = len(set(range(a, b)) & set(range(e, f)))
                    if c == d and shared:
                        expected[i, j] = shared, len(set(range(a, b)) | set(range(e, f)))
            assert found == expected


def test_no_bout_has_two_matches_at_half() -> None:
    for spans in cases(200, seed=13):
        for truth, labels in spans:
            pairs = bouts.overlaps(bouts.find_bouts(truth), bouts.find_bouts(labels))
            match = 2 * pairs.shared >= pairs.union
            assert len(set(pairs.truth[match])) == len(set(pairs.predicted[match])) == match.sum()


@pytest.mark.parametrize(("metric", "part"), [("bout_f1_10", 10), ("bout_f1_25", 4), ("bout_f1_50", 2)])
def test_thresholds_are_met_exactly(metric: str, part: int) -> None:
    """A bout of `part` frames of which one is predicted is found; one frame more and it is not."""
    for frames, expected in ((part, 1.0), (part + 1, 0.0)):
        truth = one_hot(np.array([1, *[0] * frames, 1]), 2)
        labels = one_hot(np.array([1, 0, *[1] * frames]), 2)
        assert values(METRICS[metric], [(truth, labels)])[0, 0] == expected


def test_a_bout_in_pieces_is_found_once() -> None:
    truth = np.ones((9, 1), dtype=bool)
    labels = np.array([1, 1, 1, 1, 0, 1, 0, 1, 1], dtype=bool)[:, None]
    assert_equal(values(METRICS["bout_f1_10"], [(truth, labels)]), [[2 / 4]])


def test_of_two_true_bouts_only_the_better_is_looked_at() -> None:
    truth = np.array([1, 1, 1, 0, 1, 1], dtype=bool)[:, None]
    labels = np.ones((6, 1), dtype=bool)
    assert_equal(values(METRICS["bout_f1_25"], [(truth, labels)]), [[2 / 3]])


def test_edit_forgets_durations() -> None:
    truth = one_hot(np.array([0, 0, 1, 2]), 3)
    assert values(METRICS["edit"], [(truth, one_hot(np.array([0, 1, 1, 2]), 3))]) == 1.0
    assert_equal(values(METRICS["edit"], [(truth, one_hot(np.array([0, 2, 2, 2]), 3))]), [[2 / 3]])


if __name__ == "__main__":
    write_golden("bouts", SLOW)

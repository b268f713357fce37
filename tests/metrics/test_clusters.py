"""Clusters against classes: relabelling frame by frame, exact fractions, and scikit-learn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import sklearn.metrics
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

from bench.metrics import clusters
from bench.metrics.frames import count_frames, f1_of_counts
from bench.metrics.kernels.chance import expected_mutual_information
from bench.metrics.metric import Metric
from bench.recordings import one_hot

Labels = list[tuple[bool, ...]]


def random_clusters(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """Draw ids that follow the labels, follow nothing, are all one, or are all different."""
    kind = rng.choice(["follow", "random", "one", "each"], p=[0.5, 0.3, 0.1, 0.1])
    frames, classes = truth.shape
    if kind == "each":
        return np.arange(frames) + int(rng.integers(-5, 100))
    if kind == "one":
        return np.full(frames, 7)
    noise = rng.integers(-3, 4, frames)
    if kind == "random":
        return noise
    return np.where(rng.random(frames) < 0.2, noise, truth @ (2 ** np.arange(classes)))


def named_by_label(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    return truth @ (2 ** np.arange(truth.shape[1]))


def frames_of(spans: Sequence[Span]) -> tuple[Labels, list[int]]:
    return (
        [tuple(row) for truth, _ in spans for row in truth.tolist()],
        [int(k) for _, ids in spans for k in ids],
    )


def slow_f1(spans: Sequence[Span]) -> list[float]:
    labels, ids = frames_of(spans)
    classes = range(spans[0][0].shape[1])
    mapped = {}
    for cluster in set(ids):
        own = [row for row, k in zip(labels, ids, strict=True) if k == cluster]
        votes = [sum(row[c] for row in own) for c in classes] + [sum(not any(row) for row in own)]
        mapped[cluster] = votes.index(max(votes))
    row = []
    for c in classes:
        pairs = [(frame[c], mapped[k] == c) for frame, k in zip(labels, ids, strict=True)]
        count = Counter(pairs)
        true = count[True, True] + count[True, False]
        wrong = count[False, True] + count[True, False]
        row.append(2 * count[True, True] / (2 * count[True, True] + wrong) if true else math.nan)
    return row


def entropy(items: Sequence[object]) -> float:
    shares = [n / len(items) for n in Counter(items).values()]
    return -math.fsum(p * math.log(p) for p in shares)


def information(labels: Labels, ids: list[int]) -> float:
    return entropy(labels) + entropy(ids) - entropy(list(zip(labels, ids, strict=True)))


def expected_information(labels: Sequence[object], ids: Sequence[object]) -> float:
    """Sum f(x) over every possible x, with the probability in whole numbers."""
    n = len(ids)
    terms = []
    for a in Counter(labels).values():
        for b in Counter(ids).values():
            for x in range(max(1, a + b - n), min(a, b) + 1):
                probability = math.comb(b, x) * math.comb(n - b, a - x) / math.comb(n, a)
                terms.append(probability * x / n * math.log(n * x / (a * b)))
    return math.fsum(terms)


def slow_ami(spans: Sequence[Span]) -> list[float]:
    labels, ids = frames_of(spans)
    if len(set(labels)) < 2 or len(set(labels)) == len(labels):
        return [math.nan]
    chance = expected_information(labels, ids)
    return [(information(labels, ids) - chance) / ((entropy(labels) + entropy(ids)) / 2 - chance)]


def slow_homogeneity(spans: Sequence[Span]) -> list[float]:
    labels, ids = frames_of(spans)
    return [information(labels, ids) / entropy(labels) if len(set(labels)) > 1 else math.nan]


def slow_completeness(spans: Sequence[Span]) -> list[float]:
    labels, ids = frames_of(spans)
    if len(set(labels)) < 2:
        return [math.nan]
    return [information(labels, ids) / entropy(ids) if len(set(ids)) > 1 else 1.0]


SLOW: dict[str, Slow] = {
    "cluster_f1": slow_f1,
    "cluster_ami": slow_ami,
    "cluster_homogeneity": slow_homogeneity,
    "cluster_completeness": slow_completeness,
}
METRICS = {metric.name: metric for metric in clusters.METRICS}
every = pytest.mark.parametrize("metric", clusters.METRICS, ids=lambda m: m.name)


@every
def test_equals_the_slow_reference(metric: Metric) -> None:
    check_against_slow(metric, SLOW[metric.name], random_clusters)


@every
def test_golden(metric: Metric) -> None:
    for spans, expected in golden_spans("clusters"):
        assert_equal(values(metric, spans)[0], expected[metric.name])


@every
def test_weights_are_repetition(metric: Metric) -> None:
    check_repetition(metric, random_clusters)


@every
def test_order_of_spans_is_free(metric: Metric) -> None:
    check_order(metric, random_clusters)


@every
def test_undefined_from_the_truth_alone(metric: Metric) -> None:
    check_undefined(metric, random_clusters)
    check_nothing_counts(metric, random_clusters)


@pytest.mark.parametrize("metric", clusters.METRICS[1:], ids=lambda m: m.name)
def test_clusters_that_are_the_labels_are_best(metric: Metric) -> None:
    check_perfect(metric, named_by_label, best=1.0)


def test_clusters_that_are_the_classes_have_f1_of_one() -> None:
    rng = np.random.default_rng(17)
    for _ in range(30):
        truth = one_hot(rng.integers(0, 4, int(rng.integers(1, 30))), 5)
        found = values(METRICS["cluster_f1"], [(truth, named_by_label(rng, truth))])[0]
        assert_equal(found, np.where(truth.any(axis=0), 1.0, np.nan))


@every
def test_ids_mean_nothing(metric: Metric) -> None:
    for spans in cases(30, random_clusters, seed=18):
        renamed = [(truth, 1000 - 3 * ids) for truth, ids in spans]
        assert_equal(values(metric, renamed), values(metric, spans))


@pytest.mark.parametrize("frames", [2, 7, 60, 900, 40_000])
def test_equals_scikit_learn(frames: int) -> None:
    for case in range(40 if frames < 1000 else 4):
        rng = np.random.default_rng([19, frames, case])
        classes, k = int(rng.integers(2, 6)), int(rng.integers(1, 12))
        truth = np.minimum(rng.geometric(rng.uniform(0.2, 0.9), frames) - 1, classes - 1)
        ids = np.where(rng.random(frames) < rng.random(), truth, rng.integers(0, k, frames))
        if len(set(truth)) in (1, frames):
            continue  # scikit-learn calls these 0 or 1, we call them undefined
        span = [(one_hot(truth, classes), ids)]
        homogeneity, completeness, _ = sklearn.metrics.homogeneity_completeness_v_measure(truth, ids)
        ami = sklearn.metrics.adjusted_mutual_info_score(truth, ids)
        assert_equal(values(METRICS["cluster_ami"], span)[0], [ami], 1e-10)
        assert_equal(values(METRICS["cluster_homogeneity"], span)[0], [homogeneity], 1e-10)
        assert_equal(values(METRICS["cluster_completeness"], span)[0], [completeness], 1e-10)


def test_expected_information_of_every_size() -> None:
    """Sparse sums equal full ones on both sides of the sizes where terms begin to be left out."""
    for frames in (4, 30, 64, 65, 130, 500, 1500):
        for part in (1, 2, frames // 7 + 1, frames // 3 + 1, frames // 2, frames - 1):
            labels, ids = np.arange(frames) < part, np.arange(frames) % 3
            found = expected_mutual_information(
                np.bincount(ids).astype(float), np.bincount(labels.astype(int)).astype(float)
            )
            assert_equal(found, expected_information(labels.tolist(), ids.tolist()), 1e-13)


def test_ties_go_to_the_first_class_and_none_comes_last() -> None:
    truth = np.array([[0, 1], [1, 0], [0, 1], [0, 0]], dtype=bool)
    tied = values(METRICS["cluster_f1"], [(truth[:2], np.array([4, 4]))])
    assert_equal(tied, [[2 / 3, 0]])
    named = values(METRICS["cluster_f1"], [(truth[2:], np.array([4, 4]))])
    assert_equal(named, [[np.nan, 2 / 3]])


def slow_names(spans: Sequence[Span], ids: np.ndarray) -> list[list[bool]]:
    labels, known = frames_of(spans)
    classes = spans[0][0].shape[1]

    def votes(own: Labels) -> list[bool]:
        counts = [sum(row[c] for row in own) for c in range(classes)] + [sum(not any(row) for row in own)]
        winner = counts.index(max(counts))
        return [c == winner for c in range(classes)]

    every = {k: [row for row, other in zip(labels, known, strict=True) if other == k] for k in set(known)}
    return [votes(every.get(int(k), labels)) for k in ids]


def test_clusters_stand_for_the_class_that_most_of_their_frames_have() -> None:
    """Also where labels overlap or lack, and for clusters that no frame of the first spans has."""
    for spans in cases(60, random_clusters, seed=21):
        naming = clusters.name_clusters([clusters.cross_tabulate(*span) for span in spans])
        ids = np.concatenate([spans[0][1], np.arange(-6, 120, 7)])
        assert naming.labels(ids).tolist() == slow_names(spans, ids)


def test_names_fitted_on_the_frames_that_are_scored_give_the_f1_of_clusters() -> None:
    f1 = METRICS["cluster_f1"]
    for spans in cases(30, random_clusters, seed=22):
        naming = clusters.name_clusters([clusters.cross_tabulate(*span) for span in spans])
        labels = [count_frames(truth, naming.labels(ids)) for truth, ids in spans]
        assert_equal(f1_of_counts(labels, np.ones((1, len(spans)))), values(f1, spans))


if __name__ == "__main__":
    write_golden("clusters", SLOW, random_clusters)

"""What every metric of `bench.metrics.METRICS` promises. A new metric is covered by being listed there.

Where a property does not hold for a metric, its name stands in one of the sets below, and a test shows that
it truly does not hold: a name cannot hide there.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from plain_localisation import random_recordings
from span_cases import random_labels, random_prediction

import bench.metrics
from bench.metrics import FAMILIES, METRICS, Metric
from bench.metrics.segments import clean
from bench.recordings import Detections, Segments

Span = tuple[Any, Any]
"""Truth and prediction, in the form that the metric reads."""

GLUED = {
    "accuracy_at_transition_concatenated",
    "accuracy_within_5_concatenated",
    "accuracy_beyond_10_concatenated",
}
"""They glue spans in the order given, so order matters and a weight is no repetition; both are declared."""

IN_TIME = {
    metric.name
    for family in ("boundary", "onsets", "bouts", "ethogram", "delay")
    for metric in FAMILIES[family].METRICS
    if metric.name != "time_share_error"
}
"""They ask which frame follows which; all others count or rank frames, in whatever order."""

BLIND_TO_PLACE = {
    "edit",
    "bout_rate_error",
    "time_share_error",
    "median_duration_error",
    "transition_matrix_error",
}
"""They compare orders and totals, so a prediction that is late all along is perfect to them."""

MOVED = {"agreement_at_delay"}
"""Where all recordings are late alike, one that is right costs it: no lag is the best for all."""

MOSTLY_ZERO = {"agreement_delay"}
"""Few draws of a short recording agree best at another lag, so it takes more of them."""

LABEL_METRICS = [metric for metric in METRICS if metric.reads == "labels"]
SCORE_METRICS = [metric for metric in METRICS if metric.reads == "scores"]
DETECTION_METRICS = [metric for metric in METRICS if metric.reads == "detections"]
FRAMEWISE = [
    metric
    for family in ("frames", "agreement", "boundary")
    for metric in FAMILIES[family].METRICS
    if metric.reads == "labels"
]
"""Their value is made of frames that are right or wrong."""


def parametrised(metrics: Sequence[Metric]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("metric", metrics, ids=lambda metric: metric.name)


every = parametrised(METRICS)


@dataclass(frozen=True)
class Reading:
    """How to draw what a metric reads, and how to turn it about."""

    truths: Callable[[np.random.Generator], list[Any]]
    guess: Callable[[np.random.Generator, Any], Any]
    perfect: Callable[[Any], Any]
    shuffle: Callable[[np.random.Generator, Any, Any], Span]
    """The same rows in another order."""
    recolour: Callable[[Any, Any, np.ndarray], Span]
    """Class `new` is what class `permutation[new]` was."""


def frame_truths(rng: np.random.Generator, kinds: Sequence[str] = ("exclusive", "absent")) -> list[Any]:
    """Draw one to four spans of one task: some of a single frame, of long bouts, or without any class."""
    classes, kind = int(rng.integers(2, 6)), str(rng.choice(kinds))
    spans = []
    for _ in range(rng.integers(1, 5)):
        frames = 1 if rng.random() < 1 / 6 else int(rng.integers(6, 46))
        truth = np.repeat(random_labels(rng, frames, classes, kind), rng.choice([1, 1, 5]), axis=0)
        spans.append(truth & (kind != "overlapping" or rng.random() < 5 / 6))
    return spans


def any_frame_truths(rng: np.random.Generator) -> list[Any]:
    return frame_truths(rng, ("exclusive", "overlapping", "frames", "absent", "single"))


def frame_scores(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """Draw scores with ties, some of them all equal or the wrong way round."""
    skill = rng.choice([-1.0, 0.0, 1.0, 3.0])
    return (rng.normal(size=truth.shape) * rng.integers(0, 2) + skill * truth).round(1)


def frame_clusters(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    noise = rng.integers(-2, 3, len(truth))
    return np.where(rng.random(len(truth)) < rng.random(), noise, named_by_label(truth))


def named_by_label(truth: np.ndarray) -> np.ndarray:
    return truth @ (2 ** np.arange(truth.shape[1]))


def shuffle_frames(rng: np.random.Generator, truth: np.ndarray, prediction: np.ndarray) -> Span:
    order = rng.permutation(len(truth))
    return truth[order], prediction[order]


def shuffle_segments(rng: np.random.Generator, truth: Segments, found: Detections) -> Span:
    rows = rng.permutation(len(truth.labels))
    turned = replace(truth, bounds=truth.bounds[rows], labels=truth.labels[rows])
    return turned, found.take(rng.permutation(len(found.labels)))


def detection_truths(rng: np.random.Generator) -> list[Any]:
    return [truth for truth, _ in random_recordings(int(rng.integers(2**32)))]


def guess_segments(rng: np.random.Generator, truth: Segments) -> Detections:
    """Draw detections near the true segments, with few distinct scores; none in one case of six."""
    rows = 0 if rng.random() < 1 / 6 else int(rng.integers(1, 20))
    bounds = rng.uniform(0, 12, (rows, 2))
    if len(truth.labels):
        bounds = truth.bounds[rng.integers(0, len(truth.labels), rows)] + rng.normal(0, 1, (rows, 2))
    bounds = np.sort(bounds, axis=1) + np.array([0.0, 0.25])
    return Detections(bounds, rng.integers(0, truth.classes, rows), rng.integers(0, 9, rows) / 8)


def as_detections(truth: Segments) -> Detections:
    kept = clean(truth)
    return Detections(kept.bounds, kept.labels, np.full(len(kept.labels), 0.5))


def recolour_segments(truth: Segments, found: Detections, permutation: np.ndarray) -> Span:
    new = np.argsort(permutation)
    return replace(truth, labels=new[truth.labels]), replace(found, labels=new[found.labels])


READINGS: Mapping[str, Reading] = {
    "labels": Reading(
        any_frame_truths, random_prediction, np.copy, shuffle_frames, lambda t, x, p: (t[:, p], x[:, p])
    ),
    "scores": Reading(
        any_frame_truths,
        frame_scores,
        lambda truth: truth.astype(float),
        shuffle_frames,
        lambda t, x, p: (t[:, p], x[:, p]),
    ),
    "clusters": Reading(
        frame_truths, frame_clusters, named_by_label, shuffle_frames, lambda t, x, p: (t[:, p], x)
    ),
    "detections": Reading(
        detection_truths, guess_segments, as_detections, shuffle_segments, recolour_segments
    ),
}


def draws(metric: Metric, count: int, seed: int) -> Iterator[tuple[np.random.Generator, list[Span]]]:
    """Draw `count` lists of spans for a metric, the same ones for all metrics that read alike."""
    for case in range(count):
        yield np.random.default_rng([seed, case, 1]), drawn(metric.reads, seed, case)


@cache
def drawn(reads: str, seed: int, case: int) -> list[Span]:
    reading, rng = READINGS[reads], np.random.default_rng([seed, case])
    return [(truth, reading.guess(rng, truth)) for truth in reading.truths(rng)]


def reduced(metric: Metric, spans: Sequence[Span], weights: np.ndarray | None = None) -> np.ndarray:
    rows = np.ones((1, len(spans))) if weights is None else weights
    return metric.reduce([metric.measure(*span) for span in spans], rows)


def best(metric: Metric) -> float:
    return 1.0 if metric.higher_is_better else 0.0


def badness(metric: Metric, values: np.ndarray) -> np.ndarray:
    """Return a number that rises as values get worse; a bias is as bad as it is far from 0."""
    return -values if metric.higher_is_better else abs(values)


def equal(found: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.allclose(found, expected, rtol=0, atol=1e-12, equal_nan=True))


# --- The list ----------------------------------------------------------------------------------------------


def test_every_family_is_listed_and_no_name_occurs_twice() -> None:
    modules = [
        importlib.import_module(f"bench.metrics.{m.name}")
        for m in pkgutil.iter_modules(bench.metrics.__path__)
    ]
    families = [module for module in modules if hasattr(module, "METRICS")]
    assert {module.__name__ for module in families} == {module.__name__ for module in FAMILIES.values()}
    declared = Counter(metric.name for module in families for metric in module.METRICS)
    assert Counter(metric.name for metric in METRICS) == declared
    assert max(declared.values()) == 1


@every
def test_it_says_what_it_is(metric: Metric) -> None:
    assert re.fullmatch("[a-z0-9_]+", metric.name)
    assert metric.title.strip()
    assert len(metric.definition.split()) >= 5
    assert re.search("undefined|NaN", metric.definition, re.IGNORECASE)
    assert metric.unit in ("", "frames", "per frame")
    assert metric.reads in READINGS


@every
def test_one_row_of_values_for_each_row_of_weights(metric: Metric) -> None:
    for rng, spans in draws(metric, 3, seed=0):
        found = reduced(metric, spans, rng.integers(0, 3, (7, len(spans))).astype(float))
        truth = spans[0][0]
        classes = truth.classes if metric.reads == "detections" else truth.shape[1]
        assert found.shape == (7, 1 if metric.mean == "none" else classes)
        assert found.dtype == np.float64


# --- Values ------------------------------------------------------------------------------------------------


@every
def test_the_truth_itself_has_the_best_value(metric: Metric) -> None:
    reading, seen = READINGS[metric.reads], 0
    for _, spans in draws(metric, 20, seed=1):
        found = reduced(metric, [(truth, reading.perfect(truth)) for truth, _ in spans])
        defined = found[~np.isnan(found)]
        np.testing.assert_allclose(defined, best(metric), rtol=0, atol=1e-12)
        seen += len(defined)
    assert seen > 5


@every
def test_nothing_is_out_of_range_or_better_than_the_truth(metric: Metric) -> None:
    low, high = metric.bounds
    worse = 0
    for _, spans in draws(metric, 100 if metric.name in MOSTLY_ZERO else 20, seed=2):
        found = reduced(metric, spans)
        found = found[~np.isnan(found)]
        assert (found >= low - 1e-12).all()
        assert (found <= high + 1e-12).all()
        worse += np.count_nonzero(abs(found - best(metric)) > 1e-9)
    assert worse > 3, "every draw was perfect"


@every
def test_undefined_depends_on_the_truth_alone(metric: Metric) -> None:
    reading = READINGS[metric.reads]
    undefined = 0
    for rng, spans in draws(metric, 20, seed=3):
        weights = np.concatenate([np.ones((1, len(spans))), np.eye(len(spans))])
        pattern = np.isnan(reduced(metric, spans, weights))
        for guess in (lambda truth, rng=rng: reading.guess(rng, truth), reading.perfect):
            other = [(truth, guess(truth)) for truth, _ in spans]
            np.testing.assert_array_equal(np.isnan(reduced(metric, other, weights)), pattern)
        undefined += np.count_nonzero(pattern)
    always = {
        "accuracy",
        "bout_rate_error",
        "time_share_error",
        "edit",
        "agreement_delay",
        "agreement_at_delay",
    }
    assert (undefined == 0) == (metric.name in always)


@every
def test_nothing_that_counts_is_no_value(metric: Metric) -> None:
    for _, spans in draws(metric, 5, seed=4):
        assert np.isnan(reduced(metric, spans, np.zeros((1, len(spans))))).all()


# --- Order -------------------------------------------------------------------------------------------------


@every
def test_the_order_of_recordings_changes_nothing(metric: Metric) -> None:
    same = True
    for rng, spans in draws(metric, 20, seed=5):
        order = rng.permutation(len(spans))
        same &= equal(reduced(metric, [spans[i] for i in order]), reduced(metric, spans))
    assert same == (metric.name not in GLUED)


@every
def test_the_order_of_rows_changes_nothing(metric: Metric) -> None:
    """Frames where time does not matter; the rows of detections and of true segments always."""
    same = True
    for rng, spans in draws(metric, 30, seed=6):
        turned = [READINGS[metric.reads].shuffle(rng, *span) for span in spans]
        same &= equal(reduced(metric, turned), reduced(metric, spans))
    assert same == (metric.name not in IN_TIME)


@every
def test_renamed_classes_take_their_values_along(metric: Metric) -> None:
    compared = 0
    for rng, spans in draws(metric, 20, seed=7):
        if metric.name == "cluster_f1" and has_ties(spans):
            continue  # of classes that tie in a cluster, the first of the task wins: that is its definition
        truth = spans[0][0]
        classes = truth.classes if metric.reads == "detections" else truth.shape[1]
        permutation = rng.permutation(classes)
        turned = [READINGS[metric.reads].recolour(*span, permutation) for span in spans]
        expected = reduced(metric, spans)
        found = reduced(metric, turned)
        assert equal(found, expected if metric.mean == "none" else expected[:, permutation])
        compared += 1
    assert compared > 5


def has_ties(spans: Sequence[Span]) -> bool:
    truth, ids = (np.concatenate(side) for side in zip(*spans, strict=True))
    votes = [np.sort(truth[ids == cluster].sum(axis=0)) for cluster in np.unique(ids)]
    return any(row[-1] == row[-2] for row in votes)


# --- Measure one, reduce many ------------------------------------------------------------------------------


@every
def test_the_union_follows_from_the_measures_of_its_parts(metric: Metric) -> None:
    """One list of measures gives the whole and each part: a part is the whole with weight 0 elsewhere."""
    same = True
    for rng, spans in draws(metric, 20, seed=8):
        first = rng.integers(0, 2, len(spans)).astype(bool)
        parts = [
            [span for span, one in zip(spans, first == side, strict=True) if one] for side in (True, False)
        ]
        measures = [metric.measure(*span) for part in parts for span in part]
        at = np.arange(len(spans)) < len(parts[0])
        whole, *alone = metric.reduce(measures, np.stack([np.ones(len(spans)), at, ~at]).astype(float))
        assert equal(whole, reduced(metric, [*parts[0], *parts[1]])[0])
        for part, found in zip(parts, alone, strict=True):
            same &= not part or equal(found, reduced(metric, part)[0])
    assert same == (metric.name not in GLUED)


@every
def test_whole_weights_are_repetitions(metric: Metric) -> None:
    same = True
    for rng, spans in draws(metric, 20, seed=9):
        weights = rng.integers(0, 4, (3, len(spans))).astype(float)
        weights[:, 0] += 1
        for found, row in zip(reduced(metric, spans, weights), weights, strict=True):
            repeated = [span for span, times in zip(spans, row, strict=True) for _ in range(int(times))]
            same &= equal(found, reduced(metric, repeated)[0])
    assert same == (metric.name not in GLUED)


@parametrised([metric for metric in METRICS if metric.reads != "detections"])
def test_cutting_a_span_in_two_changes_nothing_where_time_does_not_matter(metric: Metric) -> None:
    same = True
    for rng, spans in draws(metric, 50, seed=10):
        cut = []
        for truth, prediction in spans:
            k = int(rng.integers(0, len(truth)))
            cut += [(truth[k:], prediction[k:]), *([(truth[:k], prediction[:k])] if k else [])]
        same &= equal(reduced(metric, cut), reduced(metric, spans))
    assert same == (metric.name not in IN_TIME)


# --- Better is better --------------------------------------------------------------------------------------


@every
def test_further_from_the_truth_is_never_better(metric: Metric) -> None:
    """A bout of 40 frames (or 4 s) found 0 to 36 frames late: worse with each step, bad at the end."""
    average, foreground = [], np.array([True, False])
    for late in range(0, 37, 4):
        value = reduced(metric, [late_by(metric.reads, late)])
        average.append(metric.average(value, metric.averaged(value[0], foreground))[0])
    bad = badness(metric, np.array(average))
    assert average[0] == best(metric)
    assert (np.append(bad[1:], math.inf) >= bad - 1e-12).all()
    assert (bad[-1] > bad[0]) == (metric.name not in BLIND_TO_PLACE)


def late_by(reads: str, late: int) -> Span:
    truth, found = (np.zeros((400, 2), dtype=bool) for _ in range(2))
    for labels, start in ((truth, 100), (found, 100 + late)):
        labels[start : start + 40, 0] = True
        labels[:, 1] = ~labels[:, 0]
    if reads == "labels":
        return truth, found
    if reads == "scores":
        return truth, found.astype(float)
    if reads == "clusters":
        return truth, found[:, 0].astype(int)
    seconds = np.array([[10.0, 14.0]])
    segments = Segments(seconds, np.array([0]), 2)
    return segments, Detections(seconds + late / 10, np.array([0]), np.array([0.5]))


@parametrised(FRAMEWISE)
def test_correcting_one_frame_never_lowers_a_framewise_value(metric: Metric) -> None:
    corrected = 0
    for rng, spans in draws(metric, 20, seed=11):
        truth, labels = spans[0]
        wrong = np.flatnonzero((truth != labels).any(axis=1))
        if not len(wrong):
            continue
        mended = labels.copy()
        frame = rng.choice(wrong)
        mended[frame] = truth[frame]
        before, after = reduced(metric, spans), reduced(metric, [(truth, mended), *spans[1:]])
        defined = ~np.isnan(before)
        assert (after[defined] >= before[defined] - 1e-12).all()
        corrected += 1
    assert corrected > 8


def test_a_right_recording_among_late_ones_lowers_the_agreement_at_their_delay() -> None:
    (metric,) = (metric for metric in METRICS if metric.name in MOVED)
    truth = np.stack([np.arange(400) // 20 % 2 == 0, np.arange(400) // 20 % 2 == 1], axis=1)
    late = np.roll(truth, 10, axis=0)
    both_late, one_late = [(truth, late)] * 2, [(truth, truth), (truth, late)]
    assert reduced(metric, both_late)[0, 0] > 0.97 > 0.76 > reduced(metric, one_late)[0, 0]


@parametrised([m for m in LABEL_METRICS if m.higher_is_better and m.name not in MOVED])
def test_correcting_a_whole_recording_never_lowers_a_score(metric: Metric) -> None:
    """Also where single frames may cost: mending one frame inside a missed bout cuts that bout in two."""
    for _, spans in draws(metric, 20, seed=12):
        truth = spans[0][0]
        before, after = reduced(metric, spans), reduced(metric, [(truth, truth), *spans[1:]])
        defined = ~np.isnan(before)
        assert (after[defined] >= before[defined] - 1e-12).all()


@parametrised(SCORE_METRICS)
def test_raising_a_true_frame_never_lowers_a_ranking(metric: Metric) -> None:
    """Here no scores tie: the precision at the end of a tie may be higher than at its beginning."""
    raised = 0
    for rng, spans in draws(metric, 20, seed=13):
        (truth, scores), *rest = [(truth, scores + rng.normal(size=truth.shape)) for truth, scores in spans]
        for sign, frames in ((1, np.argwhere(truth)), (-1, np.argwhere(~truth))):
            if not len(frames):
                continue
            frame, c = frames[rng.integers(len(frames))]
            moved = scores.copy()
            moved[frame, c] += sign * rng.choice([0.1, 1.0, 9.0])
            before = reduced(metric, [(truth, scores), *rest])[0, c]
            after = reduced(metric, [(truth, moved), *rest])[0, c]
            assert np.isnan(before) or after >= before - 1e-12
            raised += 1
    assert raised > 20


@parametrised(DETECTION_METRICS)
def test_a_detection_of_nothing_never_raises_a_value(metric: Metric) -> None:
    for rng, spans in draws(metric, 20, seed=14):
        truth, found = spans[0]
        label, score = rng.integers(0, truth.classes, 1), rng.random(1)
        more = Detections(
            np.concatenate([found.bounds, [[1000.0, 1001.0]]]),
            np.concatenate([found.labels, label]),
            np.concatenate([found.scores, score]),
        )
        before, after = reduced(metric, spans), reduced(metric, [(truth, more), *spans[1:]])
        defined = ~np.isnan(before)
        assert (after[defined] <= before[defined] + 1e-12).all()


@pytest.mark.parametrize(
    "names",
    [
        ("bout_f1_10", "bout_f1_25", "bout_f1_50"),
        ("onset_f1_within_15", "onset_f1_within_5"),
        ("offset_f1_within_15", "offset_f1_within_5"),
        ("detection_map_30", "detection_map_40", "detection_map_50", "detection_map_60", "detection_map_70"),
        ("detection_recall_5", "detection_recall_1"),
    ],
)
def test_a_stricter_question_never_scores_higher(names: Sequence[str]) -> None:
    chosen = [metric for name in names for metric in METRICS if metric.name == name]
    assert len(chosen) == len(names)
    stricter = 0
    for _, spans in draws(chosen[0], 30, seed=15):
        found = np.stack([reduced(metric, spans)[0] for metric in chosen])
        steps = np.diff(found[:, ~np.isnan(found[0])], axis=0)
        assert (steps <= 1e-12).all()
        stricter += np.count_nonzero(steps < -1e-9)
    assert stricter > 3

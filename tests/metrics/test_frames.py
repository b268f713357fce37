"""Label metrics against scikit-learn, against the definitions, and by their properties."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk
from slow_frames import GOLDEN, cases, every_metric

from bench.metrics import agreement, frames, ranking
from bench.metrics.agreement import ACCURACY, COHEN_KAPPA, confusion
from bench.metrics.frames import (
    F1,
    F1_ALL_CLASSES,
    F1_WEIGHTED,
    PRECISION,
    PRECISION_WEIGHTED,
    RECALL,
    RECALL_MEAN,
    support,
)
from bench.metrics.metric import Metric

LABEL_METRICS = {metric.name: metric for metric in (*frames.METRICS, *agreement.METRICS)}
ALL = LABEL_METRICS | {metric.name: metric for metric in ranking.METRICS}
ONE = np.ones((1, 1))


def random_labels(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw exclusive truth and prediction: now and then one frame, one class, or a class never shown."""
    count = int(rng.integers(2, 7))
    length = int(rng.choice([1, 2, 5, 17, 60]))
    truth = rng.integers(rng.integers(1, count + 1), size=length)
    labels = np.where(rng.random(length) < rng.random(), truth, rng.integers(count, size=length))
    if rng.random() < 0.1:
        labels[:] = count - 1  # never names anything but the background
    return truth, labels, count


def hot(labels: np.ndarray, count: int) -> np.ndarray:
    return labels[:, None] == np.arange(count)


def value(metric: Metric, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return metric.reduce([metric.measure(truth, prediction)], ONE)[0]


def headline(metric: Metric, truth: np.ndarray, prediction: np.ndarray) -> float:
    foreground = np.arange(truth.shape[1]) < truth.shape[1] - 1
    return metric.value([metric.measure(truth, prediction)], foreground)[0]


@pytest.mark.parametrize("seed", range(10))
def test_equal_to_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(100):
        truth, labels, count = random_labels(rng)
        a, b = hot(truth, count), hot(labels, count)
        classes = np.arange(count)
        precision, recall, f1, frames_of = sk.precision_recall_fscore_support(
            truth, labels, labels=classes, zero_division=0
        )
        present = frames_of > 0
        for metric, expected in ((PRECISION, precision), (RECALL, recall), (F1, f1)):
            np.testing.assert_allclose(
                value(metric, a, b), np.where(present, expected, np.nan), rtol=0, atol=1e-12
            )
        assert headline(F1_WEIGHTED, a, b) == pytest.approx(np.average(f1, weights=frames_of), abs=1e-12)
        assert headline(PRECISION_WEIGHTED, a, b) == pytest.approx(
            np.average(precision, weights=frames_of), abs=1e-12
        )
        assert headline(ACCURACY, a, b) == pytest.approx(sk.accuracy_score(truth, labels), abs=1e-12)
        assert headline(RECALL_MEAN, a, b) == pytest.approx(recall[present].mean(), abs=1e-12)
        assert headline(F1_ALL_CLASSES, a, b) == pytest.approx(f1[present].mean(), abs=1e-12)
        np.testing.assert_array_equal(confusion(a, b), sk.confusion_matrix(truth, labels, labels=classes))
        if present.sum() > 1:
            assert headline(COHEN_KAPPA, a, b) == pytest.approx(
                sk.cohen_kappa_score(truth, labels, labels=classes), abs=1e-12
            )
        else:
            assert np.isnan(headline(COHEN_KAPPA, a, b))


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn_where_classes_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(50):
        shape = (int(rng.integers(1, 40)), int(rng.choice([2, 5, 11])))
        truth = rng.random(shape) < rng.random(shape[1])
        labels = truth ^ (rng.random(shape) < 0.2)
        precision, recall, f1, frames_of = sk.precision_recall_fscore_support(
            truth, labels, average=None, zero_division=0
        )
        present = frames_of > 0
        for metric, expected in ((PRECISION, precision), (RECALL, recall), (F1, f1)):
            np.testing.assert_allclose(
                value(metric, truth, labels), np.where(present, expected, np.nan), rtol=0, atol=1e-12
            )
        assert headline(ACCURACY, truth, labels) == pytest.approx(sk.accuracy_score(truth, labels), abs=1e-12)
        # The category of a frame is its set of classes: scikit-learn is told the set by name.
        one, other = (["".join("01"[x] for x in row) for row in rows] for rows in (truth * 1, labels * 1))
        if len(set(one)) > 1:
            expected_kappa = sk.cohen_kappa_score(one, other)
            assert headline(COHEN_KAPPA, truth, labels) == pytest.approx(expected_kappa, abs=1e-12)


def test_a_single_category_tells_no_predictions_apart() -> None:
    """Why kappa is undefined there: every prediction but the perfect one has kappa 0, and that one 0/0."""
    truth = np.zeros(9, dtype=int)
    for wrong in range(10):
        labels = (np.arange(9) < wrong).astype(int)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kappa = sk.cohen_kappa_score(truth, labels, labels=[0, 1, 2])
        assert kappa == 0 or np.isnan(kappa)
        assert np.isnan(headline(COHEN_KAPPA, hot(truth, 3), hot(labels, 3)))


@pytest.mark.parametrize("name", LABEL_METRICS)
def test_weights_are_copies(name: str) -> None:
    """A span of weight w counts as w copies of its frames, a span of weight 0 as none."""
    metric, rng = LABEL_METRICS[name], np.random.default_rng(3)
    spans = [
        tuple(hot(rng.integers(4, size=length), 5) for _ in range(2)) for length in (1, 23, 9, 14, 30, 2, 8)
    ]
    weights = rng.integers(0, 4, size=(11, len(spans))).astype(float)
    together = metric.reduce([metric.measure(*span) for span in spans], weights)
    for row, found in zip(weights, together, strict=True):
        copies = [span for span, times in zip(spans, row, strict=True) for _ in range(int(times))]
        truth, labels = (np.concatenate([span[i] for span in copies]) for i in range(2))
        np.testing.assert_allclose(found, value(metric, truth, labels), rtol=0, atol=1e-12)
        if name == "f1":
            expected = sk.f1_score(truth, labels, average=None, zero_division=np.nan)
            present = truth.any(axis=0)
            np.testing.assert_allclose(found[present], expected[present], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", LABEL_METRICS)
def test_undefined_by_the_truth_alone(name: str) -> None:
    metric, rng = LABEL_METRICS[name], np.random.default_rng(4)
    for _ in range(50):
        truth, _, count = random_labels(rng)
        predictions = [hot(rng.integers(count, size=len(truth)), count) for _ in range(3)]
        predictions += [hot(truth, count), np.zeros((len(truth), count), dtype=bool)]
        undefined = [np.isnan(value(metric, hot(truth, count), labels)).tolist() for labels in predictions]
        assert all(one == undefined[0] for one in undefined)


@pytest.mark.parametrize("name", LABEL_METRICS)
def test_no_row_counts_nothing(name: str) -> None:
    metric = LABEL_METRICS[name]
    measure = metric.measure(np.eye(3, dtype=bool)[[0, 1, 2, 0]], np.eye(3, dtype=bool)[[0, 1, 1, 2]])
    assert np.isnan(metric.reduce([measure], np.zeros((2, 1)))).all()


def test_support_and_spans_add_up() -> None:
    rng = np.random.default_rng(5)
    truth, labels = rng.random((2, 31, 4)) < 0.4
    whole = frames.count_frames(truth, labels)
    np.testing.assert_array_equal(
        whole, frames.count_frames(truth[:7], labels[:7]) + frames.count_frames(truth[7:], labels[7:])
    )
    np.testing.assert_array_equal(support([whole], np.array([[1.0], [3.0]])), truth.sum(axis=0) * [[1], [3]])
    np.testing.assert_array_equal(confusion(truth, labels).diagonal(), whole[:, 0])


def test_more_classes_than_bits_of_a_word() -> None:
    """Sets are told apart by all their classes, however many the task has."""
    rng = np.random.default_rng(6)
    truth = rng.random((12, 1))[:, [0] * 70] < 0.5  # all or none of 70 classes
    labels = truth.copy()
    labels[0, 69] ^= True
    assert headline(ACCURACY, truth, labels) == pytest.approx(11 / 12, abs=1e-15)
    assert 0 < headline(COHEN_KAPPA, truth, labels) < 1


def test_background_frames_count_but_not_their_class() -> None:
    """100 attack frames found and 200 false alarms on the background: F1 is 0.50, not 1.00."""
    truth = hot(np.repeat([0, 1], [100, 300]), 2)
    labels = hot(np.repeat([0, 1], [300, 100]), 2)
    assert headline(F1, truth, labels) == pytest.approx(0.5, abs=1e-15)
    assert headline(F1_ALL_CLASSES, truth, labels) == pytest.approx((0.5 + 0.5) / 2, abs=1e-15)


@pytest.mark.parametrize("number", range(len(json.loads(GOLDEN.read_text()))))
def test_golden(number: int) -> None:
    case = json.loads(GOLDEN.read_text())[number]
    truth, labels = (np.array(case[key], dtype=bool) for key in ("truth", "labels"))
    for name, expected in case["values"].items():
        metric = ALL[name]
        found = value(metric, truth, labels if metric.reads == "labels" else np.array(case["scores"]))
        np.testing.assert_allclose(found, np.array(expected, dtype=float), rtol=0, atol=1e-12, err_msg=name)


def test_golden_file_is_what_the_definitions_give() -> None:
    made = [{**case, "values": every_metric(**case)} for case in cases()]  # type: ignore[arg-type]
    assert made == json.loads(GOLDEN.read_text())


def test_golden_covers_every_metric() -> None:
    assert set(json.loads(GOLDEN.read_text())[0]["values"]) == set(ALL)

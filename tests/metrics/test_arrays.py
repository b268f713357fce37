"""The frozen metrics as functions of arrays: the same numbers as a whole evaluation, whatever the form."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bench.metrics
from bench.errors import UsageError
from bench.metrics import CONCATENATED_METRICS, METRICS, Metric, arrays, f1_score, map_score, pairs, per_class
from bench.results import Score
from bench.scoring import score_clusters, score_frames

CLASSES = ("attack", "mount", "sniff", "other")
LENGTHS = {"m1": 61, "m2": 3, "m3": 140, "m4": 97}
ON_ARRAYS = {metric.name: metric for metric in METRICS if metric.reads != "detections"}


def name_of(metric: Metric) -> str:
    """Return the name that the law gives to the function of a metric."""
    end = "_score" if metric.higher_is_better else "_error"
    return metric.name.replace("_error_", "_").removesuffix(end) + end


FUNCTIONS: dict[str, Callable[..., float]] = {
    name: getattr(bench.metrics, name_of(metric)) for name, metric in ON_ARRAYS.items()
}


def toy(seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return truth with frames that nobody annotated, scores that often agree, and clusters."""
    rng = np.random.default_rng(seed)
    truth, scores, clusters = {}, {}, {}
    for id_, frames in LENGTHS.items():
        labels = np.repeat(rng.integers(-1, 4, frames), rng.integers(1, 9, frames))[:frames]
        labels[0] = max(labels[0], 0)
        truth[id_] = labels
        scores[id_] = rng.random((frames, 4)) + 0.6 * (labels[:, None] == np.arange(4))
        clusters[id_] = np.where(rng.random(frames) < 0.7, labels, rng.integers(0, 6, frames))
    return truth, scores, clusters


def predicted(metric: Metric, scores: dict[str, np.ndarray], clusters: dict[str, np.ndarray]) -> Any:
    labels = {id_: array.argmax(axis=1) for id_, array in scores.items()}
    return {"labels": labels, "scores": scores, "clusters": clusters}[metric.reads]


def test_every_metric_of_arrays_has_a_function_and_every_function_a_metric() -> None:
    public = {name for name in bench.metrics.__all__ if name.endswith(("_score", "_error"))}
    assert public == {name_of(metric) for metric in ON_ARRAYS.values()}
    for name, function in FUNCTIONS.items():
        metric = ON_ARRAYS[name]
        assert function.__name__ == name_of(metric)
        words = " ".join((function.__doc__ or "").split())
        for piece in (
            metric.title,
            metric.definition,
            metric.reference,
            metric.unit,
            f">>> value = {name_of(metric)}(",
        ):
            assert " ".join(piece.split()) in words


@pytest.mark.parametrize("module", [arrays, pairs])
def test_the_examples_in_the_docstrings_hold(module: Any) -> None:
    ran = doctest.testmod(module)
    assert ran.failed == 0
    assert ran.attempted >= (5 * len(FUNCTIONS) if module is arrays else 0)


@pytest.fixture(scope="module")
def whole() -> dict[str, Score]:
    """Score the toy as a whole: every metric of frames and of clusters."""
    truth, scores, clusters = toy(0)
    of_frames = score_frames(truth, scores, CLASSES, background="other", resamples=0)
    of_clusters = score_clusters(truth, clusters, CLASSES, background="other", resamples=0)
    return {**of_frames.scores, **of_clusters.scores}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_those_of_a_whole_evaluation(name: str, whole: dict[str, Score]) -> None:
    truth, scores, clusters = toy(0)
    metric, prediction = ON_ARRAYS[name], predicted(ON_ARRAYS[name], scores, clusters)
    value = FUNCTIONS[name](truth, prediction, classes=CLASSES, background="other")
    if metric in CONCATENATED_METRICS:  # a whole evaluation without a task has none of them
        runs = pairs.pairs(truth, prediction, CLASSES, "labels")
        glued, _ = metric.value([metric.measure(*run) for run in runs], np.array([True] * 3 + [False]))
        np.testing.assert_equal(value, glued)
        return
    np.testing.assert_equal(value, whole[name].value)
    if metric.mean != "none":
        found = per_class(name, truth, prediction, classes=CLASSES)
        np.testing.assert_equal(found, dict(whole[name].per_class))


@pytest.mark.parametrize("name", [name for name, metric in ON_ARRAYS.items() if metric.reads == "labels"])
def test_names_indices_and_columns_are_the_same_labels(name: str) -> None:
    truth, scores, _ = toy(5)
    true, labels = abs(truth["m3"]), scores["m3"].argmax(axis=1)
    names = np.array(CLASSES)
    values = [
        FUNCTIONS[name](*both, classes=CLASSES, background="other")
        for both in (
            (true, labels),
            (names[true], names[labels].tolist()),
            (np.eye(4, dtype=bool)[true], np.eye(4)[labels].tolist()),
            ({"a": true}, {"a": names[labels]}),
        )
    ]
    np.testing.assert_equal(values, values[:1] * 4)


@pytest.mark.slow
def test_tensors_and_series_are_arrays_too() -> None:
    truth, scores, _ = toy(6)
    true, found = abs(truth["m3"]), scores["m3"]
    value = f1_score(true, found.argmax(axis=1), classes=CLASSES)
    pandas = pytest.importorskip("pandas")
    named = pandas.Series(np.array(CLASSES)[true], dtype="category")
    assert f1_score(named, found.argmax(axis=1), classes=list(CLASSES)) == value
    torch = pytest.importorskip("torch")
    assert f1_score(torch.tensor(true), torch.tensor(found).argmax(dim=1), classes=CLASSES) == value
    assert map_score(torch.tensor(true), torch.tensor(found), classes=CLASSES) == map_score(
        true, found, classes=CLASSES
    )


def test_values_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, scores, _ = toy(7)
    true, found = abs(truth["m3"]), scores["m3"]
    labels = found.argmax(axis=1)
    for ours, theirs in (
        (bench.metrics.f1_all_classes_score, metrics.f1_score(true, labels, average="macro")),
        (bench.metrics.f1_weighted_score, metrics.f1_score(true, labels, average="weighted")),
        (bench.metrics.accuracy_score, metrics.accuracy_score(true, labels)),
        (bench.metrics.recall_mean_score, metrics.balanced_accuracy_score(true, labels)),
        (bench.metrics.cohen_kappa_score, metrics.cohen_kappa_score(true, labels)),
    ):
        assert ours(true, labels, classes=CLASSES) == pytest.approx(theirs, abs=1e-12)
    theirs = metrics.average_precision_score(np.eye(4)[true], found, average="macro")
    assert map_score(true, found, classes=CLASSES) == pytest.approx(theirs, abs=1e-12)


def test_overlapping_classes() -> None:
    truth = np.array([[1, 1], [0, 1], [0, 0]], dtype=bool)
    assert f1_score(truth, truth, classes=("groom", "rear")) == 1.0
    assert per_class("f1", truth, truth[::-1], classes=("groom", "rear")) == {"groom": 0.0, "rear": 0.5}


def test_what_the_truth_leaves_undefined_is_nan() -> None:
    assert np.isnan(f1_score(["other"] * 3, ["rear"] * 3, classes=["rear", "other"], background="other"))


TRUTH = ["rear", "other", "rear"]
REFUSED: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "lengths": (lambda: f1_score(TRUTH, ["rear"], classes=["rear", "other"]), ("1 frames", "3 in the truth")),
    "unknown names": (lambda: f1_score(TRUTH, TRUTH, classes=["rear", "groom"]), ("'other'", "rear, groom")),
    "indices": (lambda: f1_score([0, 1], [1, 2], classes=["a", "b"]), ("2 at frame 1", "0 to 1")),
    "no label": (lambda: f1_score([0, -1], [0, -1], classes=["a", "b"]), ("prediction: -1 at frame 1",)),
    "scores for labels": (
        lambda: f1_score([0, 1], [[0.3, 0.7], [0.6, 0.4]], classes=["a", "b"]),
        ("prediction", "scores.argmax(axis=1)"),
    ),
    "columns": (
        lambda: map_score([0, 1], np.eye(2), classes=["a", "b", "c"]),
        ("2 columns", "expected 3: a, b, c"),
    ),
    "nan": (lambda: map_score([0, 1], [[0.1, np.nan]] * 2, classes=["a", "b"]), ("NaN",)),
    "fractions": (
        lambda: f1_score([0.5, 1.0], [0, 1], classes=["a", "b"]),
        ("float64", "expected whole numbers"),
    ),
    "ragged": (lambda: f1_score([0, 1], [[0, 1], [1]], classes=["a", "b"]), ("prediction: no array",)),
    "recordings": (
        lambda: f1_score({"m1": [0]}, {"m2": [0]}, classes=["a", "b"]),
        ("m1: not in the prediction", "m2: not in the truth"),
    ),
    "every recording": (
        lambda: f1_score({"m1": [0], "m2": [3]}, {"m1": [0, 1], "m2": [0]}, classes=["a", "b"]),
        ("m1: 2 frames", "m2: truth: ", "the first 3 at frame 0"),
    ),
    "one and several": (
        lambda: f1_score({"m1": [0]}, [0], classes=["a", "b"]),
        ("recording -> array in both",),
    ),
    "nothing counts": (lambda: f1_score([-1], [0], classes=["a", "b"]), ("no frame",)),
    "one text": (lambda: f1_score(TRUTH, TRUTH, classes="rear,other"), ("['rear', 'other']",)),
    "twice": (lambda: f1_score(TRUTH, TRUTH, classes=["rear", "rear"]), ("'rear' is named 2 times",)),
    "background": (
        lambda: f1_score(TRUTH, TRUTH, classes=["rear", "other"], background="others"),
        ("did you mean 'other'",),
    ),
    "clusters": (
        lambda: bench.metrics.cluster_f1_score([0, 1], [0.5, 1], classes=["a", "b"]),
        ("whole numbers",),
    ),
    "a number has no classes": (lambda: per_class("accuracy", [0], [0], classes=["a"]), ("one number",)),
    "no metric": (lambda: per_class("f1_weight", [0], [0], classes=["a"]), ("did you mean 'f1_weighted'",)),
    "segments": (lambda: per_class("detection_map", [0], [0], classes=["a"]), ("no metric", "of arrays")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_with_place_found_and_expected(case: str) -> None:
    call, pieces = REFUSED[case]
    with pytest.raises(UsageError) as caught:
        call()
    for piece in pieces:
        assert piece in str(caught.value)

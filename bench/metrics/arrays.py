"""The frozen metrics as functions of arrays, for a notebook or for the tests of other code.

>>> from bench.metrics import f1_score
>>> f1_score(["rear", "rear", "other"], ["rear", "other", "other"], classes=["rear", "other"])
0.6666666666666666

Each function is one metric of `bench.metrics.METRICS`, by the same code: the value is what `bench evaluate`
gives for these frames. It has no interval, which takes several recordings: `bench score` gives those.

Names       `<metric>_score` where higher is better, `<metric>_error` where lower is better.
Frames      What each frame shows: an array (T,) of names, or of indices of `classes`; or Bool (T, C) where
            classes overlap. Truth of -1 is not annotated: the frame never counts, and no bout crosses it.
Recordings  Several are a mapping, recording -> array. They are pooled, and no bout reaches across two.
Classes     All classes of the task, in the order of the columns; never those that the arrays happen to show.
Background  The class whose frames count but whose own value is in no mean "without the background".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float

from bench.errors import UsageError, nearest
from bench.metrics import agreement, boundary, bouts, clusters, delay, ethogram, frames, onsets, ranking
from bench.metrics.checks import check_question
from bench.metrics.metric import Metric
from bench.metrics.pairs import Arrays, pairs

ARRAY_METRICS = {
    metric.name: metric
    for family in (frames, ranking, agreement, boundary, bouts, onsets, ethogram, delay, clusters)
    for metric in family.METRICS
}
"""The metrics that read arrays, by name; localisation reads segments."""
Function = TypeVar("Function", bound=Callable[..., float])


@runtime_checkable
class OfLabels(Protocol):
    """A metric of labels."""

    def __call__(
        self, truth: Arrays, labels: Arrays, *, classes: Sequence[str], background: str | None = None
    ) -> float:
        """Return the value."""


@runtime_checkable
class OfScores(Protocol):
    """A metric of scores."""

    def __call__(
        self, truth: Arrays, scores: Arrays, *, classes: Sequence[str], background: str | None = None
    ) -> float:
        """Return the value."""


@runtime_checkable
class OfClusters(Protocol):
    """A metric of clusters."""

    def __call__(
        self, truth: Arrays, clusters: Arrays, *, classes: Sequence[str], background: str | None = None
    ) -> float:
        """Return the value."""


def per_class(name: str, truth: Arrays, prediction: Arrays, *, classes: Sequence[str]) -> dict[str, float]:
    """Return the value of each class, before any mean; NaN where the truth leaves it undefined.

    Args:
        name: A metric of `bench.metrics.METRICS` that has a value per class, such as "f1".
        truth: What each frame shows, (T,) or Bool (T, C); or recording -> such an array.
        prediction: What the metric reads: labels like the truth, scores (T, C) or cluster ids (T,).
        classes: The names of the C classes, in the order of the columns.

    Raises:
        UsageError: no such metric, a metric that is one number, or arrays that do not fit, with every fault.

    >>> per_class("f1", ["rear", "rear", "other"], ["rear", "rear", "rear"], classes=["rear", "dig", "other"])
    {'rear': 0.8, 'dig': nan, 'other': 0.0}
    """
    metric = ARRAY_METRICS.get(name)
    if metric is None:
        raise UsageError(
            f"no metric {name!r} of arrays{nearest(name, ARRAY_METRICS)}",
            hint=f"one of {', '.join(ARRAY_METRICS)}",
        )
    if metric.mean == "none":
        raise UsageError(f"{name!r} is one number, and has no value per class")
    values = _value(metric, truth, prediction, classes, None)[1]
    return dict(zip(classes, values.tolist(), strict=True))


def _value(
    metric: Metric, truth: Arrays, prediction: Arrays, classes: Sequence[str], background: str | None
) -> tuple[float, Float[np.ndarray, " K"]]:
    """Measure every run of frames that count, and reduce: the headline and the class values."""
    names = check_question(classes, background)
    measures = [metric.measure(*pair) for pair in pairs(truth, prediction, names, metric.reads)]
    return metric.value(measures, np.array([name != background for name in names]))


_ARGUMENTS = {
    "labels": "labels: The same of the prediction; every frame has a label.",
    "scores": "scores: Of the prediction, finite numbers (T, C), higher is surer.",
    "clusters": "clusters: Of the prediction, whole numbers (T,): the same number is the same cluster.",
}
_EXAMPLES = {
    "labels": """
>>> labels = np.repeat(["other", "rear", "groom", "rear", "other", "groom"], [15, 19, 10, 4, 15, 12])
""",
    "scores": """
>>> scores = np.random.default_rng(0).random((75, 3)) + (truth[:, None] == np.array(classes)) / 2
""",
    "clusters": """
>>> clusters = np.repeat([7, 3, 5, 3, 7, 1], [15, 19, 10, 4, 15, 12])
""",
}
_EXAMPLE = """\
>>> classes = ["rear", "groom", "other"]
>>> truth = np.repeat(["other", "rear", "other", "groom", "other", "rear"], [14, 16, 3, 17, 13, 12])
{prediction}
>>> value = {name}(truth, {reads}, classes=classes, background="other")
>>> round(value, 3)
{value}"""


def _documentation(metric: Metric, name: str, value: str) -> str:
    """Return the docstring of a metric as a function of arrays: all of it follows from the declaration."""
    low, high = (f"{bound:g}" for bound in metric.bounds)
    unit = f" {metric.unit}" if metric.unit else ""
    best = (
        "higher is better"
        if metric.higher_is_better
        else "0 is best"
        if metric.best_at_zero
        else "lower is better"
    )
    prediction = _EXAMPLES[metric.reads].strip()
    blocks = [
        fill(f"{metric.title}. {metric.definition}", 100),
        f"""\
Args:
    truth: What each frame shows, (T,) names or indices of `classes`, or Bool (T, C); -1 is not
        annotated. Of several recordings: recording -> such an array.
    {_ARGUMENTS[metric.reads]}
    classes: The names of all C classes, in the order of the columns.
    background: The class whose own value is in no mean without the background.""",
        f"""\
Returns:
    From {low} to {high}{unit}; {best}. NaN where the truth leaves it undefined.""",
        """\
Raises:
    UsageError: classes or arrays that do not fit each other, with every fault.""",
        fill(f"Source: {metric.reference or 'own definition'}.", 100),
        _EXAMPLE.format(prediction=prediction, name=name, reads=metric.reads, value=value),
    ]
    return "\n\n".join(blocks) + "\n"


def _of_labels(name: str, example: str) -> OfLabels:
    def function(
        truth: Arrays, labels: Arrays, *, classes: Sequence[str], background: str | None = None
    ) -> float:
        return _value(ARRAY_METRICS[name], truth, labels, classes, background)[0]

    return _named(function, ARRAY_METRICS[name], example)


def _of_scores(name: str, example: str) -> OfScores:
    def function(
        truth: Arrays, scores: Arrays, *, classes: Sequence[str], background: str | None = None
    ) -> float:
        return _value(ARRAY_METRICS[name], truth, scores, classes, background)[0]

    return _named(function, ARRAY_METRICS[name], example)


def _of_clusters(name: str, example: str) -> OfClusters:
    def function(
        truth: Arrays, clusters: Arrays, *, classes: Sequence[str], background: str | None = None
    ) -> float:
        return _value(ARRAY_METRICS[name], truth, clusters, classes, background)[0]

    return _named(function, ARRAY_METRICS[name], example)


def _named(function: Function, metric: Metric, example: str) -> Function:
    """Give a function its name and its docstring."""
    end = "_score" if metric.higher_is_better else "_error"
    name = metric.name.replace("_error_", "_").removesuffix(end) + end
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _documentation(metric, name, example)
    return function


f1_score = _of_labels("f1", "0.551")
map_score = _of_scores("map", "0.833")
accuracy_score = _of_labels("accuracy", "0.693")
recall_mean_score = _of_labels("recall_mean", "0.675")
f1_all_classes_score = _of_labels("f1_all_classes", "0.667")
f1_weighted_score = _of_labels("f1_weighted", "0.696")
precision_score = _of_labels("precision", "0.553")
precision_weighted_score = _of_labels("precision_weighted", "0.707")
recall_score = _of_labels("recall", "0.562")
cohen_kappa_score = _of_labels("cohen_kappa", "0.535")
auroc_score = _of_scores("auroc", "0.884")
accuracy_at_transition_score = _of_labels("accuracy_at_transition", "0.2")
accuracy_within_5_score = _of_labels("accuracy_within_5", "0.66")
accuracy_beyond_10_score = _of_labels("accuracy_beyond_10", "0.8")
bout_f1_10_score = _of_labels("bout_f1_10", "0.583")
bout_f1_25_score = _of_labels("bout_f1_25", "0.583")
bout_f1_50_score = _of_labels("bout_f1_50", "0.583")
bout_coverage_score = _of_labels("bout_coverage", "0.75")
edit_score = _of_labels("edit", "0.5")
onset_bias_error = _of_labels("onset_bias", "1.0")
onset_median_error = _of_labels("onset_error_median", "1.0")
onset_iqr_error = _of_labels("onset_error_iqr", "0.0")
offset_bias_error = _of_labels("offset_bias", "-1.0")
offset_median_error = _of_labels("offset_error_median", "5.0")
offset_iqr_error = _of_labels("offset_error_iqr", "0.0")
onset_f1_within_5_score = _of_labels("onset_f1_within_5", "0.583")
onset_f1_within_15_score = _of_labels("onset_f1_within_15", "0.583")
onset_f1_area_score = _of_labels("onset_f1_area", "0.661")
offset_f1_within_5_score = _of_labels("offset_f1_within_5", "0.333")
offset_f1_within_15_score = _of_labels("offset_f1_within_15", "0.833")
offset_f1_area_score = _of_labels("offset_f1_area", "0.694")
bout_rate_error = _of_labels("bout_rate_error", "0.007")
time_share_error = _of_labels("time_share_error", "0.067")
median_duration_error = _of_labels("median_duration_error", "4.25")
transition_matrix_error = _of_labels("transition_matrix_error", "0.75")
accuracy_at_transition_concatenated_score = _of_labels("accuracy_at_transition_concatenated", "0.2")
accuracy_within_5_concatenated_score = _of_labels("accuracy_within_5_concatenated", "0.66")
accuracy_beyond_10_concatenated_score = _of_labels("accuracy_beyond_10_concatenated", "0.8")
agreement_delay_error = _of_labels("agreement_delay", "0.0")
agreement_at_delay_score = _of_labels("agreement_at_delay", "0.693")
cluster_f1_score = _of_clusters("cluster_f1", "0.799")
cluster_ami_score = _of_clusters("cluster_ami", "0.53")
cluster_homogeneity_score = _of_clusters("cluster_homogeneity", "0.604")
cluster_completeness_score = _of_clusters("cluster_completeness", "0.501")

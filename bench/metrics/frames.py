"""Frame metrics of one class against the rest: F1, precision and recall, and their means.

Each frame and each class of the task is one yes-or-no question, so a task whose classes exclude each
other (one-hot rows) and one whose classes overlap (several or no classes per frame) are counted alike.

What is read how
----------------
Background   Its frames stay: a false alarm on them is a false positive of the class that was cried. Only
             its own class value is left out of the means over the foreground (`f1`, `precision`, `recall`).
Classes      Columns are the task's classes; one that neither truth nor prediction shows is still there.
Undefined    A class without a frame in the truth has no value in any metric here (NaN), and leaves the mean.
0/0          F1 of a class in the truth is never 0/0. Precision is, where the class is never predicted:
             it is then 0, because "undefined" may depend on the truth alone; otherwise an entry could leave
             a hard class out of its mean by never naming it.
Pooling      Counts of all spans are summed, then divided once; so long recordings weigh more than short ones.

Counts are integers below 2**53, so sums and weighted sums of them are exact in float64. All metrics of one
family share one `measure`, so a caller may measure once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.metrics.metric import Metric

Counts = Int[np.ndarray, "C 4"]
"""Per class: true positives, false positives, false negatives, true negatives, in frames."""


def count_frames(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> Counts:
    """Count, per class, the frames that are TP, FP, FN and TN; the counts of spans add up.

    >>> truth = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=bool)
    >>> labels = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]], dtype=bool)
    >>> count_frames(truth, labels)
    array([[1, 0, 1, 1],
           [1, 1, 0, 1],
           [0, 0, 0, 3]])
    """
    tp = np.count_nonzero(truth & labels, axis=0)
    fp = np.count_nonzero(labels, axis=0) - tp
    fn = np.count_nonzero(truth, axis=0) - tp
    return np.stack([tp, fp, fn, len(truth) - tp - fp - fn], axis=1)


def weighted_counts(
    measures: Sequence[Counts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "4 R C"]:
    """Sum the counts of N spans, each as often as its weight says: TP, FP, FN, TN per row and class."""
    stacked = np.stack(measures).astype(np.float64)
    return np.tensordot(weights, stacked, axes=1).transpose(2, 0, 1)


def support(measures: Sequence[Counts], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """Return the frames that the truth gives each class. No entry can change it, so it is not a `Metric`."""
    tp, _, fn, _ = weighted_counts(measures, weights)
    return tp + fn


def f1_of_counts(measures: Sequence[Counts], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R C"]:
    """F1 per class of the summed counts, 2 TP / (2 TP + FP + FN), in [0, 1]; NaN for a class not in truth.

    Predicting such a class still costs, as a false negative of the class that was there.

    >>> truth = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=bool)
    >>> labels = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]], dtype=bool)
    >>> f1_of_counts([count_frames(truth, labels)], np.ones((1, 1))).round(3)
    array([[0.667, 0.667,   nan]])
    """
    tp, fp, fn, _ = weighted_counts(measures, weights)
    return _where_present(tp + fn, 2 * tp, 2 * tp + fp + fn)


def precision_of_counts(
    measures: Sequence[Counts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Precision per class, TP / (TP + FP), in [0, 1]; 0 if never predicted, NaN if not in the truth.

    >>> truth = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=bool)
    >>> labels = np.array([[0, 1, 0], [0, 1, 0], [0, 1, 0]], dtype=bool)
    >>> precision_of_counts([count_frames(truth, labels)], np.ones((1, 1))).round(3)
    array([[0.   , 0.333,   nan]])
    """
    tp, fp, fn, _ = weighted_counts(measures, weights)
    return _where_present(tp + fn, tp, tp + fp)


def recall_of_counts(
    measures: Sequence[Counts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """Recall per class, TP / (TP + FN), in [0, 1]; NaN for a class not in the truth."""
    tp, _, fn, _ = weighted_counts(measures, weights)
    return _where_present(tp + fn, tp, tp + fn)


def weighted_f1_of_counts(
    measures: Sequence[Counts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Mean F1 of all classes, each weighted by its frames in the truth; NaN where no class has any."""
    return _by_support(f1_of_counts(measures, weights), support(measures, weights))


def weighted_precision_of_counts(
    measures: Sequence[Counts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Mean precision of all classes, each weighted by its frames in the truth; NaN where no class has any."""
    return _by_support(precision_of_counts(measures, weights), support(measures, weights))


def _where_present(
    frames: Float[np.ndarray, "R C"],
    numerator: Float[np.ndarray, "R C"],
    denominator: Float[np.ndarray, "R C"],
) -> Float[np.ndarray, "R C"]:
    quotient = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    return np.where(frames > 0, quotient, np.nan)


def _by_support(
    values: Float[np.ndarray, "R C"], frames: Float[np.ndarray, "R C"]
) -> Float[np.ndarray, "R 1"]:
    total = frames.sum(axis=1, keepdims=True)
    weighed = np.where(frames > 0, values, 0.0) * frames
    return _where_present(total, weighed.sum(axis=1, keepdims=True), total)


PAPERS = "Sokolova and Lapalme 2009, Information Processing & Management 45:427"
NEVER_IN_TRUTH = "A class without a frame in the truth is undefined and not in the mean."
NEVER_PREDICTED = "A class in the truth that is never predicted has precision 0."

F1 = Metric(
    name="f1",
    title="F1",
    reads="labels",
    measure=count_frames,
    reduce=f1_of_counts,
    mean="foreground",
    definition=(
        "2 TP / (2 TP + FP + FN) per class over the pooled frames, then the plain mean over the classes "
        f"without the background, whose frames still count as false positives. {NEVER_IN_TRUTH}"
    ),
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710",
)
F1_ALL_CLASSES = Metric(
    name="f1_all_classes",
    title="F1, all classes",
    reads="labels",
    measure=count_frames,
    reduce=f1_of_counts,
    mean="classes",
    definition=(
        "2 TP / (2 TP + FP + FN) per class over the pooled frames, then the plain mean over all classes, "
        f"the background among them. {NEVER_IN_TRUTH}"
    ),
    reference=PAPERS,
)
F1_WEIGHTED = Metric(
    name="f1_weighted",
    title="F1, weighted",
    reads="labels",
    measure=count_frames,
    reduce=weighted_f1_of_counts,
    mean="none",
    definition=(
        "Mean of the F1 of all classes, the background among them, each weighted by its frames in the "
        "truth. Undefined where no frame has a class."
    ),
    reference=PAPERS,
)
PRECISION_WEIGHTED = Metric(
    name="precision_weighted",
    title="Precision, weighted",
    reads="labels",
    measure=count_frames,
    reduce=weighted_precision_of_counts,
    mean="none",
    definition=(
        "Mean of the precision TP / (TP + FP) of all classes, the background among them, each weighted "
        f"by its frames in the truth. {NEVER_PREDICTED} Undefined where no frame has a class."
    ),
    reference=PAPERS,
)
PRECISION = Metric(
    name="precision",
    title="Precision",
    reads="labels",
    measure=count_frames,
    reduce=precision_of_counts,
    mean="foreground",
    definition=(
        "TP / (TP + FP) per class over the pooled frames, then the plain mean over the classes without "
        f"the background. {NEVER_PREDICTED} {NEVER_IN_TRUTH}"
    ),
    reference=PAPERS,
)
RECALL = Metric(
    name="recall",
    title="Recall",
    reads="labels",
    measure=count_frames,
    reduce=recall_of_counts,
    mean="foreground",
    definition=(
        "TP / (TP + FN) per class over the pooled frames, then the plain mean over the classes without "
        f"the background. {NEVER_IN_TRUTH}"
    ),
    reference=PAPERS,
)
RECALL_MEAN = Metric(
    name="recall_mean",
    title="Mean recall",
    reads="labels",
    measure=count_frames,
    reduce=recall_of_counts,
    mean="classes",
    definition=(
        "TP / (TP + FN) per class over the pooled frames, then the plain mean over all classes, the "
        "background among them: the mean per-class accuracy, or balanced accuracy, of the skeleton "
        f"papers. {NEVER_IN_TRUTH}"
    ),
    reference="Brodersen et al. 2010, ICPR, doi:10.1109/ICPR.2010.764",
)

METRICS: tuple[Metric, ...] = (
    F1,
    F1_ALL_CLASSES,
    F1_WEIGHTED,
    PRECISION,
    PRECISION_WEIGHTED,
    RECALL,
    RECALL_MEAN,
)

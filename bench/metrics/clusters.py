"""Segmentation without labels: how well clusters of frames, found without the truth, agree with it.

A prediction is one cluster id per frame; ids mean nothing but "the same", in all recordings of a part.
Everything here is a function of one table, the frames of each cluster that carry each label, and tables
of spans add up. The label of a frame is its set of classes, which is its class where classes exclude
each other. Background frames count like any other.

Mapping     A cluster is mapped to the class that most of its frames have; of classes that tie, the first of
            the task; to none where more of its frames have no class at all. Several clusters may map to one
            class. Background is a class that a cluster may map to. For `cluster_f1` the mapping is fitted on
            the frames that are scored, pooled over the part (and drawn anew with them under resampling), so
            it flatters many small clusters: it says how well clusters *could* be named. A task of kind
            `clusters` fits it once, on the training recordings (`name_clusters`), and scores the labels of
            the test frames with the metrics of labels, such as `f1`.
Undefined   F1: a class without a frame in the truth. The others: a truth of one label only, where there is
            nothing to tell apart; and adjusted mutual information also where no label occurs twice, since
            any clustering is then as good as chance.
Logarithms  are natural; all four are ratios in which the base cancels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.metrics.boundary import transitions
from bench.metrics.kernels.chance import expected_mutual_information
from bench.metrics.kernels.pooling import share
from bench.metrics.metric import Metric


@dataclass(frozen=True, eq=False)
class Contingency:
    """The frames of one span by cluster and by label."""

    clusters: Int[np.ndarray, " K"]
    labels: Bool[np.ndarray, "S C"]
    """The sets of classes that occur."""
    frames: Int[np.ndarray, "K S"]


def cross_tabulate(truth: Bool[np.ndarray, "T C"], prediction: Int[np.ndarray, " T"]) -> Contingency:
    """Count the frames of one span by cluster and label; the tables of spans add up.

    >>> truth = np.array([[1, 0], [1, 0], [0, 1]], dtype=bool)
    >>> cross_tabulate(truth, np.array([7, 3, 3])).frames
    array([[1, 1],
           [0, 1]])
    """
    starts = np.concatenate([np.zeros(min(len(truth), 1), dtype=np.int64), transitions(truth)])
    labels, index = np.unique(truth[starts], axis=0, return_inverse=True)
    label = np.repeat(index, np.diff(starts, append=len(truth)))
    clusters, cluster = np.unique(prediction, return_inverse=True)
    cells = np.bincount(cluster * len(labels) + label, minlength=len(clusters) * len(labels))
    return Contingency(clusters, labels, cells.reshape(len(clusters), len(labels)))


@dataclass(frozen=True, eq=False)
class Naming:
    """Which class each cluster stands for: fitted on some frames, applied to others."""

    clusters: Int[np.ndarray, " K"]
    """Sorted."""
    classes: Bool[np.ndarray, "K C"]
    """The class of each, at most one."""
    other: Bool[np.ndarray, " C"]
    """The class of every other cluster: the one that most of all frames have."""

    def labels(self, prediction: Int[np.ndarray, " T"]) -> Bool[np.ndarray, "T C"]:
        """Return the class that the cluster of each frame stands for."""
        place = np.searchsorted(self.clusters, prediction).clip(max=len(self.clusters) - 1)
        fitted = self.clusters[place] == prediction
        return np.where(fitted[:, None], self.classes[place], self.other)


def name_clusters(measures: Sequence[Contingency]) -> Naming:
    """Map each cluster to a class by the frames of one span or more.

    >>> truth = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], dtype=bool)
    >>> naming = name_clusters([cross_tabulate(truth, np.array([7, 7, 3, 3, 3]))])
    >>> naming.labels(np.array([3, 7, 5])).argmax(axis=1)
    array([1, 0, 0])
    """
    tables, labels = _align(measures)
    table = tables.sum(axis=0)
    clusters = np.unique(np.concatenate([m.clusters for m in measures]))
    return Naming(clusters, _majority(table, labels), _majority(table.sum(axis=0, keepdims=True), labels)[0])


def cluster_f1(
    measures: Sequence[Contingency], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    """F1 per class after each cluster is mapped to its majority class, in [0, 1]; NaN if not in the truth."""
    tables, labels = _align(measures)
    return np.stack([_mapped_f1(table, labels) for table in _pooled(tables, weights)])


def cluster_ami(
    measures: Sequence[Contingency], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Return the adjusted mutual information, at most 1 and about 0 by chance; NaN as the module says.

    Weights are whole numbers here: chance is a draw of frames.
    """
    tables, _ = _align(measures)
    return np.array([[_adjusted_information(table)] for table in _pooled(tables, weights)])


def cluster_homogeneity(
    measures: Sequence[Contingency], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Return the share of the labels' entropy that clusters tell, in [0, 1]; NaN if truth has one label."""
    tables, _ = _align(measures)
    return np.array([[_homogeneity(table)] for table in _pooled(tables, weights)])


def cluster_completeness(
    measures: Sequence[Contingency], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Return the share of the clusters' entropy that labels tell, in [0, 1]; NaN if truth has one label.

    It is 1 for a single cluster, which tears no label apart.
    """
    tables, _ = _align(measures)
    return np.array([[_completeness(table)] for table in _pooled(tables, weights)])


def _align(measures: Sequence[Contingency]) -> tuple[Float[np.ndarray, "N K S"], Bool[np.ndarray, "S C"]]:
    """Give the tables of all spans the same clusters and labels; return them with the labels."""
    clusters = np.unique(np.concatenate([m.clusters for m in measures]))
    labels, index = np.unique(np.concatenate([m.labels for m in measures]), axis=0, return_inverse=True)
    columns = np.split(index, np.cumsum([len(m.labels) for m in measures])[:-1])
    tables = np.zeros((len(measures), len(clusters), len(labels)))
    for table, measure, column in zip(tables, measures, columns, strict=True):
        table[np.ix_(np.searchsorted(clusters, measure.clusters), column)] = measure.frames
    return tables, labels


def _pooled(
    tables: Float[np.ndarray, "N K S"], weights: Float[np.ndarray, "R N"]
) -> Iterator[Float[np.ndarray, "K S"]]:
    """Yield the summed table of each row, one at a time, so that memory does not grow with R."""
    return (np.tensordot(row, tables, axes=1) for row in weights)


def _mapped_f1(table: Float[np.ndarray, "K S"], labels: Bool[np.ndarray, "S C"]) -> Float[np.ndarray, " C"]:
    frames = table @ labels  # (K, C)
    size, mapped = table.sum(axis=1), _majority(table, labels)
    true = frames.sum(axis=0)
    hits = np.where(mapped, frames, 0.0).sum(axis=0)
    return np.where(true > 0, share(2 * hits, true + size @ mapped), np.nan)


def _majority(table: Float[np.ndarray, "K S"], labels: Bool[np.ndarray, "S C"]) -> Bool[np.ndarray, "K C"]:
    """Return the class that most frames of each row have; none where more have no class at all."""
    unnamed = table[:, ~labels.any(axis=1)].sum(axis=1)
    choice = np.column_stack([table @ labels, unnamed]).argmax(axis=1)
    return choice[:, None] == np.arange(labels.shape[1])


def _adjusted_information(table: Float[np.ndarray, "K S"]) -> float:
    sizes, supports = table.sum(axis=1), table.sum(axis=0)
    if (supports > 0).sum() < 2 or supports.max() <= 1:
        return math.nan
    chance = expected_mutual_information(sizes, supports)
    ceiling = (_entropy(sizes) + _entropy(supports)) / 2
    return min((_information(table) - chance) / (ceiling - chance), 1.0)


def _homogeneity(table: Float[np.ndarray, "K S"]) -> float:
    supports = table.sum(axis=0)
    if (supports > 0).sum() < 2:
        return math.nan
    return min(_information(table) / _entropy(supports), 1.0)


def _completeness(table: Float[np.ndarray, "K S"]) -> float:
    sizes, supports = table.sum(axis=1), table.sum(axis=0)
    if (supports > 0).sum() < 2:
        return math.nan
    if (sizes > 0).sum() < 2:
        return 1.0
    return min(_information(table) / _entropy(sizes), 1.0)


def _entropy(counts: Float[np.ndarray, " M"]) -> float:
    probability = counts[counts > 0] / counts.sum()
    return -float((probability * np.log(probability)).sum())


def _information(table: Float[np.ndarray, "K S"]) -> float:
    """Return the mutual information of rows and columns, in nats, at least 0."""
    total = table.sum()
    k, s = np.nonzero(table)
    joint = table[k, s]
    independent = table.sum(axis=1)[k] * table.sum(axis=0)[s]
    return max(float((joint * np.log(total * joint / independent)).sum() / total), 0.0)


ENTROPY_SOURCE = "Rosenberg and Hirschberg 2007, EMNLP-CoNLL, aclanthology.org/D07-1043"
ONE_LABEL = "Undefined where the truth has one label only."
POOLED = "Over all counted frames pooled, background included."

CLUSTER_F1 = Metric(
    name="cluster_f1",
    title="F1 after majority mapping",
    reads="clusters",
    measure=cross_tabulate,
    reduce=cluster_f1,
    exchange=None,
    mean="foreground",
    definition=(
        "Each cluster is mapped to the class that most of its frames have (the first of the task among those "
        "that tie; none, where more of its frames have no class), the background among them, on the pooled "
        "frames that are scored; then F1 = 2 TP / (2 TP + FP + FN) per class and the plain mean over the "
        "classes without the background. Meant for classes that exclude each other. A class without a "
        "frame in the truth is undefined and not in the mean."
    ),
)
CLUSTER_AMI = Metric(
    name="cluster_ami",
    title="Adjusted mutual information",
    reads="clusters",
    measure=cross_tabulate,
    reduce=cluster_ami,
    exchange=None,
    mean="none",
    definition=(
        "(I - E) / ((H(clusters) + H(labels)) / 2 - E), with I the mutual information of clusters and labels "
        f"and E its mean over all tables of the same margins. {POOLED} Undefined where the truth has one "
        "label only, or none twice."
    ),
    reference="Vinh, Epps and Bailey 2010, JMLR 11:2837, arithmetic mean of entropies",
    bounds=(-np.inf, 1.0),  # below 0 where clusters tell less than chance would
)
CLUSTER_HOMOGENEITY = Metric(
    name="cluster_homogeneity",
    title="Homogeneity",
    reads="clusters",
    measure=cross_tabulate,
    reduce=cluster_homogeneity,
    exchange=None,
    mean="none",
    definition=f"Mutual information of clusters and labels over the entropy of labels. {POOLED} {ONE_LABEL}",
    reference=ENTROPY_SOURCE,
)
CLUSTER_COMPLETENESS = Metric(
    name="cluster_completeness",
    title="Completeness",
    reads="clusters",
    measure=cross_tabulate,
    reduce=cluster_completeness,
    exchange=None,
    mean="none",
    definition=(
        "Mutual information of clusters and labels over the entropy of clusters; 1 for a single cluster. "
        f"{POOLED} {ONE_LABEL}"
    ),
    reference=ENTROPY_SOURCE,
)

METRICS: tuple[Metric, ...] = (CLUSTER_F1, CLUSTER_AMI, CLUSTER_HOMOGENEITY, CLUSTER_COMPLETENESS)

"""Clusters of frames, found without labels, against labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bench.evaluation import RESAMPLES
from bench.evaluation.anyone import Question, Scores, score_spans
from bench.kinds import Span
from bench.metrics import CLUSTER_METRICS
from bench.metrics.checks import check_question
from bench.recordings import one_hot
from bench.scoring.arrays import Source, read_npz
from bench.scoring.checks import cluster_faults
from bench.scoring.reading import Arrays, Groups, annotated, counted, options, read_arrays
from bench.submissions.faults import Fault


def score_clusters(
    truth: Arrays,
    clusters: Arrays,
    classes: Sequence[str] | None = None,
    *,
    background: str | None = None,
    groups: Groups = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score one cluster id per frame against labels.

    Args:
        truth: Recording id -> class index of every frame, -1 where nobody annotated it; or an .npz of that.
        clusters: The same ids -> a whole number per frame that means "the same" in all recordings and
            nothing else, or an .npz of that; at most 1,000 of them.
        classes: Class names in the order of the indices; without them "0", "1", ... up to the largest.
        background: The class whose frames count but whose own F1 is not in the mean.
        groups: Recording id -> animal, cage or session, the unit of the intervals; or a CSV of
            recording,group.
        resamples: How many times the groups are drawn for the intervals.

    Returns:
        Every metric of `bench.metrics.CLUSTER_METRICS` by its name.

    Raises:
        UsageError: classes or background that mean nothing.
        DataError: every fault of the truth and the groups.
        SubmissionError: every fault of the clusters.

    >>> truth = {"m 1": np.array([0, 0, 1, 1, -1])}
    >>> result = score_clusters(truth, {"m 1": np.array([7, 7, 3, 3, 9])})
    >>> result.scores["cluster_f1"].value, result.counts["clusters"]
    (1.0, 2)
    """
    if classes is not None:
        check_question(classes, background)

    def compare(labels: Mapping[str, np.ndarray], source: Source) -> Iterable[Fault]:
        return cluster_faults(labels, source.arrays, source.unread)

    words = options({"--classes": None if classes is None else ",".join(classes), "--background": background})
    command = ("clusters", truth, clusters, *words)
    labels, arrays, named = read_arrays(command, truth, clusters, groups, classes, read_npz, compare)
    names = classes or [str(i) for i in range(1 + max(int(own.max()) for own in labels.values()))]
    check_question(names, background)
    return _score(Question("clusters", tuple(names), background, None, named, resamples), labels, arrays)


def _score(
    question: Question, labels: Mapping[str, np.ndarray], clusters: Mapping[str, np.ndarray]
) -> Scores:
    """Score the annotated frames of each recording as one span: the order of frames says nothing here."""
    group = question.numbered(annotated(labels))
    kept = {id_: clusters[id_][labels[id_] >= 0].astype(np.int64) for id_ in group}
    true = {id_: one_hot(labels[id_][labels[id_] >= 0], len(question.classes)) for id_ in group}
    cut = [Span(id_, slice(None), true[id_], group[id_]) for id_ in group]
    counts, warnings = counted(labels)
    counts["clusters"] = len(np.unique(np.concatenate(list(kept.values()))))
    return score_spans(question, CLUSTER_METRICS, cut, kept, counts, warnings)

"""Clusters of frames, found without labels, against labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Shaped

from bench.errors import DataError, SubmissionError
from bench.evaluation import RESAMPLES
from bench.kinds import MAX_CLUSTERS
from bench.metrics import CLUSTER_METRICS
from bench.recordings import one_hot
from bench.scoring.checks import check_question, cluster_faults, refuse, truth_faults
from bench.scoring.frames import unannotated_warning
from bench.scoring.scores import Scores, group_index, reduce_spans
from bench.submissions.faults import Fault


def score_clusters(
    truth: Mapping[str, Shaped[np.ndarray, "*_"]],
    clusters: Mapping[str, Shaped[np.ndarray, "*_"]],
    classes: Sequence[str] | None = None,
    *,
    background: str | None = None,
    groups: Mapping[str, str] | None = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score one cluster id per frame against labels.

    Args:
        truth: Recording id -> class index of every frame, -1 where nobody annotated it.
        clusters: The same ids -> a whole number per frame that means "the same" in all recordings and
            nothing else; negative ones are clusters like any other. At most `MAX_CLUSTERS` of them.
        classes: Class names in the order of the indices; without them "0", "1", ... up to the largest.
        background: The class whose frames count but whose own F1 is not in the mean.
        groups: Recording id -> animal, cage or session, the unit of the intervals.
        resamples: How many times the groups are drawn.

    Returns:
        Every metric of `bench.metrics.CLUSTER_METRICS` by its name.

    Raises:
        UsageError: classes or background that mean nothing.
        DataError: every fault of the truth and the groups.
        SubmissionError: every fault of the clusters.

    >>> truth = {"m 1": np.array([0, 0, 1, 1, -1])}
    >>> found = score_clusters(truth, {"m 1": np.array([7, 7, 3, 3, 9])})
    >>> found.scores["cluster_f1"].value, found.counts["clusters"]
    (1.0, 2)
    """
    check_question(classes if classes is not None else ["0"])
    refuse(DataError, "the truth cannot be scored", truth_faults(truth, classes, groups))
    names = classes if classes is not None else counted_names(truth)
    check_question(names, background)
    refuse(SubmissionError, "the clusters do not fit the truth", all_cluster_faults(truth, clusters))
    return _score(truth, clusters, tuple(names), background, groups, resamples)


def _score(
    truth: Mapping[str, Shaped[np.ndarray, "*_"]],
    clusters: Mapping[str, Shaped[np.ndarray, "*_"]],
    names: tuple[str, ...],
    background: str | None,
    groups: Mapping[str, str] | None,
    resamples: int,
) -> Scores:
    seen = {id_: labels >= 0 for id_, labels in truth.items()}
    ids = sorted(id_ for id_ in truth if seen[id_].any())
    index, count = group_index(ids, groups)
    # The order of frames says nothing here, so a recording needs no spans: one table holds all its frames.
    hot = [one_hot(truth[id_][seen[id_]], len(names)) for id_ in ids]
    kept = [clusters[id_][seen[id_]].astype(np.int64) for id_ in ids]
    measures = {
        measure: [measure(t, k) for t, k in zip(hot, kept, strict=True)]
        for measure in dict.fromkeys(metric.measure for metric in CLUSTER_METRICS)
    }
    shows = np.stack([labels.any(axis=0) for labels in hot])
    found, how = reduce_spans(CLUSTER_METRICS, measures, index, shows, names, background, resamples)
    frames = sum(map(len, kept))
    return Scores(
        kind="clusters",
        classes=names,
        background=background,
        metrics=CLUSTER_METRICS,
        scores=found,
        interval=how,
        recordings=len(ids),
        groups=count,
        support=dict(zip(names, np.sum([t.sum(axis=0) for t in hot], axis=0).tolist(), strict=True)),
        counts={
            "frames": frames,
            "unannotated": sum(map(len, truth.values())) - frames,
            "clusters": len(np.unique(np.concatenate(kept))),
        },
        warnings=unannotated_warning(len(truth) - len(ids)),
    )


def counted_names(truth: Mapping[str, Shaped[np.ndarray, "*_"]]) -> list[str]:
    """Name the classes by their indices, up to the largest."""
    return [str(i) for i in range(int(max(labels.max() for labels in truth.values())) + 1)]


def all_cluster_faults(
    truth: Mapping[str, Shaped[np.ndarray, "*_"]],
    clusters: Mapping[str, Shaped[np.ndarray, "*_"]],
    unread: Sequence[str] = (),
) -> Iterator[Fault]:
    """Compare clusters with the truth, and count them."""
    faults = list(cluster_faults({id_: len(labels) for id_, labels in truth.items()}, clusters, unread))
    yield from faults
    if not faults:
        kept = [np.unique(clusters[id_][labels >= 0]) for id_, labels in truth.items() if id_ in clusters]
        number = len(np.unique(np.concatenate(kept))) if kept else 0
        if number > MAX_CLUSTERS:
            yield Fault(
                "clusters",
                f"{number:,} distinct clusters in annotated frames, expected at most {MAX_CLUSTERS:,}: "
                "a cluster id means the same in every recording; are these frame or segment numbers?",
            )

"""Tasks of kind `clusters`: one cluster per frame, found without labels.

Length      frames.
Spans       runs of frames that count under the task's protocol, as for `frames`.
Prediction  int64 (frames,): a number that means "the same" in all recordings of a part, and nothing else. Of
            the training recordings too, because those name the clusters.
Labels      A cluster stands for the class that most of its counted training frames have: of classes that tie
            the first of the task, and none where more of its frames have no class. A cluster that no training
            frame has stands for the class that most training frames have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int64

from bench.kinds.frames import FRAMES, frames_scored
from bench.kinds.kind import Cut, DetectionForm, Kind
from bench.metrics.clusters import cross_tabulate, name_clusters
from bench.tasks import Task

Clusters = Int64[np.ndarray, " T"]
MAX_CLUSTERS = 1_000
"""Every resample makes a table of all clusters; a thousand is past any published number of syllables."""


def _judge(
    _task: Task, part: Cut, predicted: Mapping[str, Clusters], _form: DetectionForm | None
) -> dict[str, Sequence[np.ndarray]]:
    clusters = [predicted[span.recording][span.frames] for span in part.test]
    train = [cross_tabulate(span.truth, predicted[span.recording][span.frames]) for span in part.train]
    naming = name_clusters(train)
    return {"clusters": clusters, "labels": [naming.labels(ids) for ids in clusters]}


def _answer_bytes(clusters: Clusters) -> tuple[str, bytes]:
    return f"{len(clusters)} clusters", np.ascontiguousarray(clusters, dtype="<i8").tobytes()


def _scored(counts: Mapping[str, Any]) -> str:
    return f"{frames_scored(counts)}, {counts['clusters']:,} clusters"


CLUSTERS = Kind(
    name="clusters",
    subsets=("train", "test"),
    labels_frames=True,
    length=FRAMES.length,
    cut=FRAMES.cut,
    judge=_judge,
    count=FRAMES.count,
    truth_bytes=FRAMES.truth_bytes,
    answer_bytes=_answer_bytes,
    to_arrays=FRAMES.to_arrays,
    from_arrays=FRAMES.from_arrays,
    view=FRAMES.view,
    prior=lambda _shares, frames: np.zeros(frames, dtype=np.int64),
    floors=(),
    tally=FRAMES.tally,
    words=replace(FRAMES.words, scored=_scored),
)

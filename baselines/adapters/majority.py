"""Classes from clusters: how a model that clusters frames answers a task that asks for scores of frames.

Each cluster stands for the classes of the labelled training frames in it: the score of a class is its share
of them, so that the class of most has the highest score. A cluster without such frames has the shares of all
of them.
"""

from __future__ import annotations

from itertools import tee

import numpy as np
from jaxtyping import Float, Float32

from baselines.contract import Adapter, Clusters, Data, Predictor, Question, State


def _fit(predictor: Predictor, data: Data, question: Question) -> State:
    """Count the labelled training frames of each cluster, and those of each class."""
    frames, counts = np.zeros(0), np.zeros((0, len(question.classes)))
    labelled, blind = tee(data.train[question.key])
    answers = predictor((recording.without_labels() for recording in blind), question)
    for recording, clusters in zip(labelled, answers, strict=True):
        known = question.labelled(recording)
        numbers = np.asarray(clusters)[known]
        frames, counts = _longer(frames, numbers), _longer(counts, numbers)
        np.add.at(frames, numbers, 1)
        np.add.at(counts, numbers, question.truth(recording)[known])
    return State({"frames": frames, "counts": counts}, {})


def _apply(
    state: State,
    clusters: Clusters,
    question: Question,  # noqa: ARG001  its classes are those of the state
    fps: float,  # noqa: ARG001  a frame is labelled by its cluster alone
) -> Float32[np.ndarray, "T C"]:
    """Return the shares of the classes in the cluster of each frame."""
    frames, counts = (_longer(state.arrays[name], clusters) for name in ("frames", "counts"))
    frames = frames[:, None]
    shares = np.where(frames > 0, counts, counts.sum(axis=0)) / np.where(frames > 0, frames, frames.sum())
    return shares.astype(np.float32)[clusters]


def _longer(table: Float[np.ndarray, "K ..."], clusters: Clusters) -> Float[np.ndarray, "K2 ..."]:
    """Return a table that has a row for each cluster."""
    spare = max(0, int(clusters.max(initial=-1)) + 1 - len(table))
    return np.concatenate([table, np.zeros((spare, *table.shape[1:]))])


MAJORITY = Adapter(
    name="majority",
    source="clusters",
    target="frames",
    causal=True,
    words="the score of a class is its share of the training frames in the cluster",
    fit=_fit,
    apply=_apply,
)

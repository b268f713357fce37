"""Bouts from frames: how a model that scores frames answers a task that asks for segments.

It learns which classes hold in each frame, each on its own. Every run of frames above a threshold is a
detection, for many thresholds, so that a bout is found whether the model is sure of it or not. Its score is
the mean probability inside, times one less the mean just outside: a part of a bout has much of it outside,
two bouts taken for one have little of it inside. What overlaps is left to the Soft-NMS of raw detections.
At the threshold 0 a run is the whole recording: that is all that the class prior finds.

Inside against outside, a quarter of the length to either side: Shou et al. 2018, AutoLoc, ECCV.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from baselines.contract import Adapter, Data, Frames, Predictor, Question, State
from bench.recordings import MOST_DETECTIONS, Detections, spans

THRESHOLDS = tuple(k / 20 for k in range(20))
FLANK = 0.25
"""Of its length, how far to either side of a run counts as just outside."""
SHORTEST = 1.0
"""Seconds; shorter runs are left out. Chosen on the validation recordings of rat-dyads."""


def detections(scores: Float[np.ndarray, "T C"], fps: float) -> Detections:
    """Return the runs of frames above each threshold, by descending score, the best that may be submitted.

    `scores` are probabilities. A run that several thresholds give is there once.
    """
    shortest = min(SHORTEST * fps, len(scores))
    runs = {
        (label, run.start, run.stop)
        for label, probability in enumerate(scores.T)
        for threshold in THRESHOLDS
        for run in spans(probability >= threshold)
        if run.stop - run.start >= shortest
    }
    label, start, stop = np.array(sorted(runs), dtype=np.int64).reshape(-1, 3).T
    contrast = _contrast(scores, label, start, stop)
    best = np.argsort(-contrast, kind="stable")[:MOST_DETECTIONS]
    return Detections(np.column_stack([start, stop])[best] / fps, label[best], contrast[best])


def _contrast(
    scores: Float[np.ndarray, "T C"],
    label: Int[np.ndarray, " N"],
    start: Int[np.ndarray, " N"],
    stop: Int[np.ndarray, " N"],
) -> Float[np.ndarray, " N"]:
    """Return inside * (1 - outside), in [0, 1]; with no frame outside, what is inside."""
    up_to = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(scores, axis=0, dtype=np.float64)])
    flank = np.maximum(1, np.rint(FLANK * (stop - start)).astype(np.int64))
    first, last = np.maximum(start - flank, 0), np.minimum(stop + flank, len(scores))
    inside, around = up_to[stop, label] - up_to[start, label], up_to[last, label] - up_to[first, label]
    beside = (last - first) - (stop - start)
    outside = np.divide(around - inside, beside, out=np.zeros(len(label)), where=beside > 0)
    contrast: Float[np.ndarray, " N"] = inside / (stop - start) * np.clip(1 - outside, 0, 1)
    return np.clip(contrast, 0, 1)


def _nothing(_predictor: Predictor, _data: Data, _question: Question) -> State:
    """Return an empty state: there is nothing to learn."""
    return State({}, {})


def _apply(_state: State, scores: Frames, _question: Question, fps: float) -> Detections:
    return detections(scores, fps)


BOUTS = Adapter(
    name="bouts",
    source="frames",
    target="segments",
    causal=False,
    words="frames above any of twenty thresholds are detections, scored by inside against outside",
    fit=_nothing,
    apply=_apply,
)

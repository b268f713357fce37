"""Agreement against delay: by how many frames one labelling follows the other, and how well it then agrees.

Two people who press a key at the same event do so at different times, and a model that looks ahead is early.
At lag d the true label of frame t is compared with the predicted label of frame t + d; so a positive lag is a
prediction that is late.

Lags         -30..30 frames, the same for all spans.
Agreement    The share of all frames, pooled over spans, whose set of classes is that of their partner in the
             prediction. Near an end of its span a frame may have no partner: then it does not agree. At lag 0
             this is `accuracy`.
Delay        The lag of highest agreement; of several, the nearest to 0, and of two as near, the late one.
Undefined    Where no frame counts.

No task reports these: a delay is no fault of its own, and a prediction with one has lower values elsewhere.
`bench score frames` does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.metrics.kernels.pooling import pool
from bench.metrics.metric import Metric

REACH = 30
"""The greatest lag, in frames."""
LAGS = np.array(sorted(range(-REACH, REACH + 1), key=lambda lag: (abs(lag), -lag)))
"""Every lag, the preferred of equals first."""

LagCounts = Int[np.ndarray, " 62"]
"""Frames that agree at each of `LAGS`, then all frames."""


def count_by_lag(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> LagCounts:
    """Count the frames of one span that agree at each lag; spans add up.

    >>> truth = np.zeros((100, 1), dtype=bool)
    >>> truth[40:50] = True
    >>> counts = count_by_lag(truth, np.roll(truth, 3, axis=0))
    >>> counts[:-1][LAGS == 3], counts[-1:]
    (array([97]), array([100]))
    """
    sets, named = np.packbits(truth, axis=1), np.packbits(labels, axis=1)
    frames = len(truth)
    agreed = []
    for lag in LAGS.tolist():
        first, stop = max(-lag, 0), min(frames, frames - lag)  # the true frames that have a partner
        partners = named[first + lag : stop + lag] if first < stop else named[:0]
        agreed.append(np.count_nonzero((sets[first : first + len(partners)] == partners).all(axis=1)))
    return np.array([*agreed, frames], dtype=np.int64)


def agreement_by_lag(
    measures: Sequence[LagCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 61"]:
    """Return the agreement at each of `LAGS`, in [0, 1]; NaN without frames."""
    counts = pool(measures, weights)
    total = counts[:, -1:]
    agreed = counts[:, :-1]
    return np.divide(agreed, total, out=np.full(agreed.shape, np.nan), where=total > 0)


def best_lag(measures: Sequence[LagCounts], weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, "R 1"]:
    """Return the lag of highest agreement in frames, from -30 to 30, positive = late; NaN without frames."""
    counts = pool(measures, weights)
    lags = LAGS[counts[:, :-1].argmax(axis=1)].astype(np.float64)
    return np.where(counts[:, -1] > 0, lags, np.nan)[:, None]


def best_agreement(
    measures: Sequence[LagCounts], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R 1"]:
    """Return the highest agreement over all lags, in [0, 1]; NaN without frames."""
    return agreement_by_lag(measures, weights).max(axis=1, keepdims=True)


AGREEMENT = (
    "Agreement is the share of frames, all spans pooled and background included, whose true set of classes "
    f"is that predicted at t + lag, lags -{REACH}..{REACH}; beyond the ends of a span nothing agrees. "
)
UNDEFINED = "Undefined where no frame counts."

AGREEMENT_DELAY = Metric(
    name="agreement_delay",
    title="Delay of highest agreement",
    reads="labels",
    measure=count_by_lag,
    reduce=best_lag,
    mean="none",
    definition=(
        "The lag at which agreement is highest, of equals the nearest to 0, then the late one; positive is "
        f"late, negative early, 0 best; sorted by the distance from 0. {AGREEMENT}{UNDEFINED}"
    ),
    higher_is_better=False,
    unit="frames",
    bounds=(-float(REACH), float(REACH)),
)
AGREEMENT_AT_DELAY = Metric(
    name="agreement_at_delay",
    title="Agreement at that delay",
    reads="labels",
    measure=count_by_lag,
    reduce=best_agreement,
    mean="none",
    definition=f"The highest agreement over lags, at lag 0 the accuracy. {AGREEMENT}{UNDEFINED}",
)

METRICS: tuple[Metric, ...] = (AGREEMENT_DELAY, AGREEMENT_AT_DELAY)

"""How probabilities become decisions: smoothing and class weights, learned where F1 is the measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from baselines.engine.thresholds import Threshold, best_threshold
from baselines.inputs.geometry import mean_and_deviation

Shares = Float64[np.ndarray, "N C"]
Truth = Bool[np.ndarray, "N C"]
STEPS = (1.4, 1.15, 1.05)
"""Factors that a weight is tried larger and smaller by, the coarse ones first."""


@dataclass(frozen=True, eq=False)
class Decision:
    """How smoothed probabilities change before the largest, or those from 0.5 on, are said."""

    exclusive: bool
    values: Float64[np.ndarray, " C"]
    """Of exclusive classes their weights; else the probability from which on a class is said."""

    def apply(self, shares: Shares) -> Shares:
        """Return probabilities; of exclusive classes rows sum to one."""
        if not self.exclusive:
            columns = [
                Threshold(1, float(value)).bend(np.stack([1 - share, share], axis=1).astype(np.float32))[:, 1]
                for share, value in zip(shares.T, self.values, strict=True)
            ]
            return np.stack(columns, axis=1).astype(np.float64)
        product = shares * self.values
        total = product.sum(axis=1, keepdims=True)
        return product / total


def without_short(shares: Shares, least: int) -> Shares:
    """Give bouts of fewer than `least` rows to a neighbour: of the two, the class with the larger mean there.

    Shorter bouts go first. In the rows of a bout the probabilities of its class and of the neighbour's are
    exchanged, so that rows still sum to one. A recording of one bout stays as it is.
    """
    if least < 2 or not len(shares):
        return shares
    said = shares.argmax(axis=1)
    starts = np.flatnonzero(np.diff(said, prepend=-1))
    stops = np.append(starts[1:], len(said))
    changed = shares.copy()
    for bout in np.argsort(stops - starts, kind="stable"):
        start, stop = int(starts[bout]), int(stops[bout])
        if stop - start >= least:
            break
        own, around = said[start], [*said[max(start - 1, 0) : start], *said[stop : stop + 1]]
        if not around or own in around:
            continue  # a neighbour was given its class: both are one bout now
        other = max(around, key=lambda c: (float(shares[start:stop, c].mean()), -int(c)))
        changed[start:stop, [own, other]] = changed[start:stop, [other, own]]
        said[start:stop] = other
    return changed


def smoothed(shares: Shares, seconds: float, row: float) -> Shares:
    """Average probabilities over a window of so many seconds; rows are `row` seconds apart."""
    reach = round(seconds / row / 2)
    return mean_and_deviation(shares, reach, reach)[0]


def learn_decision(
    shares: Shares, truth: Truth, exclusive: bool, counted: Bool[np.ndarray, " C"], trust: float
) -> Decision:
    """Return the decision with a high mean F1 over the classes that count.

    Weights of exclusive classes are taken to the power `trust`, in [0, 1]: below 1 they are nearer to equal
    ones, as groups that they were not learned on have other weights.
    """
    if exclusive:
        return Decision(True, _weights(shares, truth.argmax(axis=1), counted) ** trust)
    values = []
    for share, holds in zip(shares.T, truth.T, strict=True):
        best = best_threshold(np.stack([1 - share, share], axis=1).astype(np.float32), holds)
        values.append(best.value if best.column == 1 else 1 - best.value)
    return Decision(False, np.asarray(values))


def mean_f1(shares: Shares, truth: Truth, exclusive: bool, counted: Bool[np.ndarray, " C"]) -> float:
    """Return the mean F1 over the classes that count; 0 for a class that is neither held nor said."""
    if exclusive:
        return _macro(shares.argmax(axis=1), truth.argmax(axis=1), counted)
    said = shares >= 0.5
    both = said.sum(axis=0) + truth.sum(axis=0)
    return float(np.mean((2 * (said & truth).sum(axis=0) / np.maximum(both, 1))[counted]))


def choose(
    answers: Sequence[Shares],
    truth: Truth,
    folds: Int64[np.ndarray, " N"],
    exclusive: bool,
    counted: Bool[np.ndarray, " C"],
    trust: float,
) -> tuple[int, float, Decision]:
    """Choose one of several smoothings: its number, its mean F1 across folds, and the decision for it.

    Each fold is decided by what was learned on the others; the first of equal smoothings is chosen. The
    decision that is returned is learned on all folds.
    """
    values = []
    for shares in answers:
        decided = np.zeros(shares.shape)
        for fold in np.unique(folds):
            own = folds == fold
            decision = learn_decision(shares[~own], truth[~own], exclusive, counted, trust)
            decided[own] = decision.apply(shares[own])
        values.append(mean_f1(decided, truth, exclusive, counted))
    best = int(np.argmax(values))
    return best, values[best], learn_decision(answers[best], truth, exclusive, counted, trust)


def _weights(
    shares: Shares, truth: Int64[np.ndarray, " N"], counted: Bool[np.ndarray, " C"]
) -> Float64[np.ndarray, " C"]:
    """Climb from equal weights, one class at a time, while the mean F1 rises; the mean weight is 1."""
    weights = np.ones(shares.shape[1])
    best = _macro(shares.argmax(axis=1), truth, counted)
    for step in STEPS:
        climbs = True
        while climbs:
            climbs = False
            for c in range(len(weights)):
                for factor in (step, 1 / step):
                    tried = weights.copy()
                    tried[c] *= factor
                    value = _macro((shares * tried).argmax(axis=1), truth, counted)
                    if value > best + 1e-6:
                        weights, best, climbs = tried, value, True
    result: Float64[np.ndarray, " C"] = weights / weights.mean()
    return result


def _macro(
    said: Int64[np.ndarray, " N"], truth: Int64[np.ndarray, " N"], counted: Bool[np.ndarray, " C"]
) -> float:
    classes = len(counted)
    table = np.bincount(truth * classes + said, minlength=classes**2).reshape(classes, classes)
    both = table.sum(axis=0) + table.sum(axis=1)
    return float(np.mean((2 * table.diagonal() / np.maximum(both, 1))[counted]))

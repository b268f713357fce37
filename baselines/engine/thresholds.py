"""The score from which a network of two classes says the rarer one, learned where F1 is the measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32


@dataclass(frozen=True)
class Threshold:
    """A class is said from a score of `value` on, in place of 0.5."""

    column: int
    """Of two classes, the one that it is for."""
    value: float
    """In (0, 1)."""

    def bend(self, probabilities: Float32[np.ndarray, "T 2"]) -> Float32[np.ndarray, "T 2"]:
        """Return probabilities that are 0.5 where they were the threshold: the order of frames stays.

        They are linear below it and above it, and rows still sum to one.
        """
        score = probabilities[:, self.column].astype(np.float64)
        low, high = score / (2 * self.value), 1 - (1 - score) / (2 * (1 - self.value))
        bent = np.where(score < self.value, low, high).astype(np.float32)
        columns = (bent, 1 - bent) if self.column == 0 else (1 - bent, bent)
        return np.stack(columns, axis=1).astype(np.float32)


def best_threshold(probabilities: Float32[np.ndarray, "N 2"], truth: Bool[np.ndarray, " N"]) -> Threshold:
    """Return the threshold with the highest F1 of the rarer class, the higher one of equal ones.

    `truth` says where class 1 holds. The threshold lies midway to the next lower score. Where the rarer class
    never holds, no threshold is better than another, and it is 0.5.
    """
    column = int(truth.mean() <= 0.5)
    holds, score = truth == bool(column), probabilities[:, column].astype(np.float64)
    if not holds.any():
        return Threshold(column, 0.5)
    order = np.argsort(-score, kind="stable")
    score, hits = score[order], np.cumsum(holds[order])
    last = np.append(score[1:] != score[:-1], True)  # equal scores are said together
    f1 = np.where(last, 2 * hits / (np.arange(1, len(hits) + 1) + holds.sum()), -1.0)
    best = int(f1.argmax())
    below = score[best + 1] if best + 1 < len(score) else 0.0
    return Threshold(column, float(np.clip((score[best] + below) / 2, 1e-6, 1 - 1e-6)))

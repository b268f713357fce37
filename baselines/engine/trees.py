"""Boosted trees as plain arrays: taken from scikit-learn, which trained them, and walked by numpy.

What scikit-learn predicts and what is predicted here is the same to the last bit, as the same sums are made
in the same order. Its nodes are no part of its public interface: `test_trees.py` compares both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int64

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

NODES = {
    "feature": ("feature_idx", np.int64),
    "threshold": ("num_threshold", np.float64),
    "missing_left": ("missing_go_to_left", np.bool_),
    "left": ("left", np.int64),
    "right": ("right", np.int64),
    "leaf": ("is_leaf", np.bool_),
    "value": ("value", np.float64),
}
"""Our name of a column -> scikit-learn's, and its type."""
ROWS = 4096
"""Walked at once: more leave the cache."""


def arrays_of(trees: HistGradientBoostingClassifier) -> dict[str, np.ndarray]:
    """Return all nodes of all trees, one table after the other, and where each tree begins.

    `roots` is (iterations, K): K is 1 where two classes are told apart, else the number of classes.
    """
    tables = [predictor.nodes for iteration in trees._predictors for predictor in iteration]
    starts = np.cumsum([0, *(len(table) for table in tables[:-1])])
    arrays: dict[str, np.ndarray] = {
        name: np.concatenate([table[column] for table in tables]).astype(kind)
        for name, (column, kind) in NODES.items()
    }
    for name in ("left", "right"):  # from rows of one tree to rows of the table
        arrays[name] = arrays[name] + np.repeat(starts, [len(table) for table in tables])
    roots = starts.reshape(len(trees._predictors), -1)
    return {**arrays, "roots": roots.astype(np.int64), "base": trees._baseline_prediction.ravel()}


def probabilities(
    arrays: Mapping[str, np.ndarray], x: Float32[np.ndarray, "N F"]
) -> Float64[np.ndarray, "N C"]:
    """Return the probability of each class; of two, that of the first beside that of the second."""
    from scipy.special import expit, softmax

    raw = np.concatenate([_raw(arrays, x[start : start + ROWS]) for start in range(0, len(x), ROWS)])
    if raw.shape[1] == 1:
        second = expit(raw[:, 0])
        return np.column_stack([1 - second, second])
    shares: Float64[np.ndarray, "N C"] = softmax(raw, axis=1)
    return shares


def _raw(arrays: Mapping[str, np.ndarray], x: Float32[np.ndarray, "N F"]) -> Float64[np.ndarray, "N K"]:
    roots: Int64[np.ndarray, "I K"] = arrays["roots"]
    raw = np.zeros((len(x), roots.shape[1])) + arrays["base"]
    for iteration in roots:
        for k, root in enumerate(iteration):
            raw[:, k] += arrays["value"][_leaves(arrays, x, int(root))]
    return raw


def _leaves(
    arrays: Mapping[str, np.ndarray], x: Float32[np.ndarray, "N F"], root: int
) -> Int64[np.ndarray, " N"]:
    """Return the leaf of one tree that each row ends in."""
    node = np.full(len(x), root)
    rows = np.arange(len(x)) if not arrays["leaf"][root] else np.zeros(0, dtype=np.int64)
    while len(rows):
        at = node[rows]
        value = x[rows, arrays["feature"][at]]
        left = np.where(np.isnan(value), arrays["missing_left"][at], value <= arrays["threshold"][at])
        at = np.where(left, arrays["left"][at], arrays["right"][at])
        node[rows] = at
        rows = rows[~arrays["leaf"][at]]
    return node

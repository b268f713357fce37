"""Boosted trees as plain arrays say what scikit-learn says, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is in the extra `train`")

from sklearn.ensemble import HistGradientBoostingClassifier

from baselines.engine.trees import arrays_of, probabilities

ROWS, FEATURES = 611, 7


def drawn(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features with gaps, some of which tell the class, and classes that noise blurs."""
    rng = np.random.default_rng(classes)
    y = rng.integers(0, classes, ROWS)
    x = rng.normal(0, 1, (ROWS, FEATURES)).astype(np.float32)
    x[:, 2] += y
    x[rng.random(x.shape) < 0.15] = np.nan
    x[y == 1, 5] = np.nan  # that nothing is known says something
    return x, y


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("leaves", [2, 9])
def test_both_give_the_same_bits(classes: int, leaves: int) -> None:
    x, y = drawn(classes)
    trees = HistGradientBoostingClassifier(
        max_iter=11, max_leaf_nodes=leaves, early_stopping=False, random_state=3
    ).fit(x[:400], y[:400])
    found = probabilities(arrays_of(trees), x)
    np.testing.assert_array_equal(found, trees.predict_proba(x))
    assert len(np.unique(found[:, 0])) > 1


def test_trees_of_one_leaf_say_what_there_is_most_of() -> None:
    x, y = np.zeros((40, FEATURES), np.float32), np.arange(40) % 8 // 7
    trees = HistGradientBoostingClassifier(max_iter=3, early_stopping=False).fit(x, y)
    np.testing.assert_array_equal(probabilities(arrays_of(trees), x), trees.predict_proba(x))

"""Boosted trees grown on rows of whole groups, and the probabilities of rows whose groups they never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from baselines.engine import trees
from baselines.recipes.stacking import Trees

TABLES = (*trees.NODES, "roots", "base")


@dataclass(frozen=True, eq=False)
class Rows:
    """Frames of one recording, R of them, evenly spaced."""

    group: str
    x: Float32[np.ndarray, "R F"]
    truth: Bool[np.ndarray, "R C"]
    usable: Bool[np.ndarray, " R"]
    """Which of them can train."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Grown trees: of all exclusive classes together, else of each class its own."""

    classes: tuple[tuple[int, ...], ...]
    """Of each model, the classes that it tells apart; of one alone, that class from its absence."""
    models: tuple[Mapping[str, np.ndarray], ...]
    always: Float64[np.ndarray, " C"]
    """1 for a class that held in every row: nothing was to be learned of it."""

    def probabilities(self, x: Float32[np.ndarray, "R F"]) -> Float64[np.ndarray, "R C"]:
        """Return the probability of each class."""
        shares = np.tile(self.always, (len(x), 1))
        for classes, arrays in zip(self.classes, self.models, strict=True):
            shares[:, list(classes)] = trees.probabilities(arrays, x)[:, -len(classes) :]
        return shares

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """Return all arrays by names that begin with a prefix."""
        named = {
            f"{prefix}/{number}/{name}": array
            for number, model in enumerate(self.models)
            for name, array in model.items()
        }
        return {**named, f"{prefix}/always": self.always}


def forest_of(arrays: Mapping[str, np.ndarray], prefix: str, classes: Iterable[Sequence[int]]) -> Forest:
    """Return the forest whose arrays were named with a prefix."""
    numbered = tuple(tuple(group) for group in classes)
    models = [{name: arrays[f"{prefix}/{k}/{name}"] for name in TABLES} for k in range(len(numbered))]
    return Forest(numbered, tuple(models), arrays[f"{prefix}/always"])


def grow(rows: Sequence[Rows], recipe: Trees, exclusive: bool, seed: Sequence[int]) -> Forest:
    """Grow trees on rows that are drawn with replacement, rare classes more often.

    Where they show no two classes, none grow: what always holds is said always.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # here: predicting needs none

    truth = np.concatenate([r.truth[r.usable] for r in rows])
    x = np.concatenate([r.x[r.usable] for r in rows])
    _, kind, sizes = np.unique(truth, axis=0, return_inverse=True, return_counts=True)
    chance = sizes[kind] ** -recipe.balance
    rng = np.random.default_rng(list(seed))
    drawn = np.sort(rng.choice(len(truth), min(recipe.frames, len(truth)), p=chance / chance.sum()))
    x, y = x[drawn], truth[drawn]
    x[:, np.isnan(x).all(axis=0)] = 0  # never known in training: a constant, on which no tree can split

    def fitted(
        answers: Int64[np.ndarray, " N"] | Bool[np.ndarray, " N"],
    ) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(
            learning_rate=recipe.lr,
            max_iter=recipe.trees,
            max_leaf_nodes=recipe.leaves,
            l2_regularization=recipe.l2,
            max_features=recipe.share,
            min_samples_leaf=recipe.least,
            early_stopping=False,
            random_state=int(rng.integers(2**31)),
        ).fit(x, answers)

    varied = np.flatnonzero(y.any(axis=0) & ~y.all(axis=0))
    always = np.asarray(y.all(axis=0), dtype=np.float64)
    if exclusive and len(varied):
        together = fitted(y.argmax(axis=1))
        classes = tuple(int(number) for number in together.classes_)
        return Forest((classes,), (trees.arrays_of(together),), always)
    own = [] if exclusive else [int(c) for c in varied]
    models = tuple(trees.arrays_of(fitted(y[:, c])) for c in own)
    return Forest(tuple((c,) for c in own), models, always)


def folds_of(groups: Iterable[str], folds: int) -> Int64[np.ndarray, " N"]:
    """Return the fold of each recording: as many runs of neighbouring groups as there are folds, or groups.

    Groups are neighbours in the order of their names: what was filmed together is numbered together.
    """
    names, place = np.unique(list(groups), return_inverse=True)
    part: Int64[np.ndarray, " N"] = place * min(folds, len(names)) // len(names)
    return part


def out_of_fold(
    rows: Sequence[Rows],
    folds: Int64[np.ndarray, " N"],
    learned: Callable[[Sequence[Rows], int], Forest],
) -> list[Float64[np.ndarray, "_ C"]]:
    """Return, of each recording, what trees say that were grown on the other folds alone."""
    said: list[Float64[np.ndarray, "_ C"]] = [np.zeros(r.truth.shape) for r in rows]
    for fold in range(int(folds.max()) + 1):
        forest = learned([r for r, own in zip(rows, folds, strict=True) if own != fold], fold)
        for place in map(int, np.flatnonzero(folds == fold)):
            said[place] = forest.probabilities(rows[place].x)
    return said

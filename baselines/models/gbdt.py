"""Boosted trees on geometry: what a careful engineer would try before any network.

Each frame is described by the animals' postures in each other's frames, their speeds, distances and
directions, and by statistics of these over windows of several widths; histogram gradient boosting
decides, and its probabilities are averaged over time. The best public number on CalMS21 Task 1 that we
know of a model without networks is of this kind: vassi, gradient-boosted trees on hand-made features
with smoothing (eLife reviewed preprint 108329). This is no re-implementation of it. The recipe's numbers were
chosen on the validation recordings of rat-dyads; no test recording was looked at.

Reference: Ke et al. 2017, LightGBM; scikit-learn's `HistGradientBoostingClassifier`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from baselines.contract import Boosting
from baselines.inputs.geometry import egocentric, maximum, mean_and_deviation
from baselines.runs.run import Data, Run, Scores, labelled
from bench.errors import DataError
from bench.recordings import Recording

BLOCK = 50_000
"""Frames that are predicted at once: scikit-learn copies them as float64."""
STREAM = 5  # apart from other draws of the same seed


def scores(run: Run, data: Data) -> Scores:
    """Learn from the training recordings; return the probabilities of every frame of the test recordings.

    Raises `DataError` where the training frames show fewer than two classes.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # here: the list of models needs none

    recipe = run.recipe
    if not isinstance(recipe, Boosting):
        raise TypeError(f"{run.baseline.name} has no recipe for boosting")
    x, y = _drawn_frames(run, recipe, data.train)
    print(f"learning from {len(x):,} frames, {x.shape[1]} features each", file=sys.stderr)

    def fitted(answers: Int64[np.ndarray, " N"] | Bool[np.ndarray, " N"]) -> HistGradientBoostingClassifier:
        trees = HistGradientBoostingClassifier(
            learning_rate=recipe.lr,
            max_iter=recipe.trees,
            max_leaf_nodes=recipe.leaves,
            l2_regularization=recipe.l2,
            max_features=recipe.share,
            early_stopping=False,
            random_state=run.seed,
        )
        return trees.fit(x, answers)

    if run.task.exclusive:
        trees = fitted(y.argmax(axis=1))
        columns = [(trees.classes_, trees)]
    else:  # one question per class; of a class whose answer is always the same there is nothing to learn
        columns = [([c], fitted(y[:, c])) for c in np.flatnonzero(y.any(axis=0) & ~y.all(axis=0))]
    always = y.all(axis=0).astype(np.float64)
    found = {}
    for recording in data.test:
        seen = features(recording, recipe)
        probabilities = np.tile(always, (recording.frames, 1))
        for start in range(0, len(seen), BLOCK):
            block = slice(start, start + BLOCK)
            for classes, trees in columns:
                probabilities[block, classes] = trees.predict_proba(seen[block])[:, -len(classes) :]
        reach = round(recipe.smoothing * recording.fps / 2)
        found[recording.id] = mean_and_deviation(probabilities, reach, reach)[0].astype(np.float32)
    return found


def features(recording: Recording, recipe: Boosting) -> Float32[np.ndarray, "T F"]:
    """Describe every frame; NaN where what would be needed was never seen."""
    if recording.keypoints is None:
        raise TypeError("recordings were loaded without poses")
    postures, scalars = egocentric(recording.keypoints, max(1, round(recipe.step * recording.fps)))
    columns = [postures, scalars, *_statistics(scalars, recipe, recording.fps)]
    shortest = round(min(recipe.windows) * recording.fps / 2)
    columns.append(mean_and_deviation(postures, shortest, shortest)[0])
    return np.concatenate([column.astype(np.float32) for column in columns], axis=1)


def _statistics(
    scalars: Float64[np.ndarray, "T S"], recipe: Boosting, fps: float
) -> Iterator[Float64[np.ndarray, "T S"]]:
    """Yield, over each window, mean, deviation, maximum, minimum, and what follows less what went before."""
    for seconds in recipe.windows:
        reach = round(seconds * fps / 2)
        yield from mean_and_deviation(scalars, reach, reach)
        yield maximum(scalars, reach)
        yield -maximum(-scalars, reach)
        yield mean_and_deviation(scalars, 0, reach)[0] - mean_and_deviation(scalars, reach, 0)[0]


def _drawn_frames(
    run: Run, recipe: Boosting, recordings: Sequence[Recording]
) -> tuple[Float32[np.ndarray, "N F"], Bool[np.ndarray, "N C"]]:
    """Draw the frames that are learned from, with their classes.

    They are drawn with replacement, rare classes, or rare combinations of classes, more often: in
    scikit-learn, weights would make a fit ten times as slow. Only their features are kept, one recording's at
    a time, so that memory grows with the frames drawn and not with the recordings.
    """
    task = run.task
    usable = [np.flatnonzero(labelled(task, recording)) for recording in recordings]
    truth = np.concatenate([task.truth(r)[frames] for r, frames in zip(recordings, usable, strict=True)])
    counts = truth.sum(axis=0)
    if not (truth.any(axis=0) & ~truth.all(axis=0)).any():
        raise DataError(
            f"nothing to tell apart for {run.baseline.name!r}",
            [f"{count} training frames of {name}" for name, count in zip(task.classes, counts, strict=True)],
            hint="choose another task",
        )
    _, kind, sizes = np.unique(truth, axis=0, return_inverse=True, return_counts=True)
    chance = sizes[kind] ** -recipe.balance
    rng = np.random.default_rng([run.seed, STREAM])
    drawn = np.sort(rng.choice(len(truth), min(recipe.frames, len(truth)), p=chance / chance.sum()))
    x, classes = [], truth[drawn]
    for recording, frames in zip(recordings, usable, strict=True):
        end = np.searchsorted(drawn, len(frames))
        x.append(features(recording, recipe)[frames[drawn[:end]]])
        drawn = drawn[end:] - len(frames)
    return np.concatenate(x), classes

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
from jaxtyping import Float32, Float64, Int64

from baselines.baseline import Boosting
from baselines.geometry import egocentric, maximum, mean_and_deviation
from baselines.runs import Data, Run, Scores, labelled
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
    trees = HistGradientBoostingClassifier(
        learning_rate=recipe.lr,
        max_iter=recipe.trees,
        max_leaf_nodes=recipe.leaves,
        l2_regularization=recipe.l2,
        max_features=recipe.share,
        early_stopping=False,
        random_state=run.seed,
    )
    trees.fit(x, y)
    found = {}
    for recording in data.test:
        seen = features(recording, recipe)
        blocks = [trees.predict_proba(seen[start : start + BLOCK]) for start in range(0, len(seen), BLOCK)]
        probabilities = np.zeros((recording.frames, len(run.task.classes)))
        probabilities[:, trees.classes_] = np.concatenate(blocks)
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
) -> tuple[Float32[np.ndarray, "N F"], Int64[np.ndarray, " N"]]:
    """Draw the frames that are learned from, with their classes.

    They are drawn with replacement, rare classes more often: in scikit-learn, weights would make a fit ten
    times as slow. Only their features are kept, one recording's at a time, so that memory grows with
    the frames drawn and not with the recordings.
    """
    task = run.task
    usable = [np.flatnonzero(labelled(task, recording)) for recording in recordings]
    truth = [task.truth(r)[frames].argmax(axis=1) for r, frames in zip(recordings, usable, strict=True)]
    y = np.concatenate(truth)
    counts = np.bincount(y, minlength=len(task.classes))
    if (counts > 0).sum() < 2:
        raise DataError(
            f"nothing to tell apart for {run.baseline.name!r}",
            [f"{count} training frames of {name}" for name, count in zip(task.classes, counts, strict=True)],
            hint="choose another task",
        )
    chance = np.maximum(counts, 1.0)[y] ** -recipe.balance
    rng = np.random.default_rng([run.seed, STREAM])
    drawn = np.sort(rng.choice(len(y), min(recipe.frames, len(y)), p=chance / chance.sum()))
    x, classes = [], y[drawn]
    for recording, frames in zip(recordings, usable, strict=True):
        end = np.searchsorted(drawn, len(frames))
        x.append(features(recording, recipe)[frames[drawn[:end]]])
        drawn = drawn[end:] - len(frames)
    return np.concatenate(x), classes

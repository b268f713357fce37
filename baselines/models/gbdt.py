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
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from baselines.contract import Baseline, Data, Predictor, Question, Run, State, Workspace
from baselines.engine import trees
from baselines.inputs.geometry import egocentric, maximum, mean_and_deviation
from baselines.inputs.poses import keypoints_of
from baselines.recipes.boosting import Boosting
from bench.errors import DataError
from bench.recordings import Recording

STREAM = 5  # apart from other draws of the same seed


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001  nothing is kept between trees
    """Fit the trees to frames of the training recordings.

    Where classes overlap each has trees of its own; of a class that always holds, or never, there is nothing
    to learn. Raises `DataError` where the training frames show fewer than two classes.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # here: predicting needs none

    recipe: Boosting = run.recipe
    (question,) = run.questions
    x, y = drawn_frames(run, recipe, question, data.train[question.key])
    x[:, np.isnan(x).all(axis=0)] = 0  # never known in training: a constant, on which no tree can split
    print(f"learning from {len(x):,} frames, {x.shape[1]} features each", file=sys.stderr)

    def fitted(answers: Int64[np.ndarray, " N"] | Bool[np.ndarray, " N"]) -> HistGradientBoostingClassifier:
        model = HistGradientBoostingClassifier(
            learning_rate=recipe.lr,
            max_iter=recipe.trees,
            max_leaf_nodes=recipe.leaves,
            l2_regularization=recipe.l2,
            max_features=recipe.share,
            early_stopping=False,
            random_state=run.seed,
        )
        return model.fit(x, answers)

    if question.exclusive:
        together = fitted(y.argmax(axis=1))
        models = [([int(number) for number in together.classes_], together)]
    else:
        models = [([int(c)], fitted(y[:, c])) for c in np.flatnonzero(y.any(axis=0) & ~y.all(axis=0))]
    arrays: dict[str, np.ndarray] = {
        f"{number}/{name}": array
        for number, (_, model) in enumerate(models)
        for name, array in trees.arrays_of(model).items()
    }
    arrays["always"] = np.asarray(y.all(axis=0), dtype=np.float64)
    return State(arrays, {"classes": [classes for classes, _ in models]})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001  all is in the state
    """Return what gives every frame its probabilities, averaged over time."""
    recipe: Boosting = run.recipe
    models = [
        (classes, {name: state.arrays[f"{number}/{name}"] for name in (*trees.NODES, "roots", "base")})
        for number, classes in enumerate(state.facts["classes"])
    ]

    def scores(recording: Recording) -> Float32[np.ndarray, "T C"]:
        x = features(recording, recipe)
        shares = np.tile(state.arrays["always"], (recording.frames, 1))
        for classes, arrays in models:
            shares[:, classes] = trees.probabilities(arrays, x)[:, -len(classes) :]
        reach = round(recipe.smoothing * recording.fps / 2)
        return mean_and_deviation(shares, reach, reach)[0].astype(np.float32)

    def predict(recordings: Iterable[Recording], _question: Question) -> Iterator[Float32[np.ndarray, "T C"]]:
        return map(scores, recordings)

    return predict


def features(recording: Recording, recipe: Boosting) -> Float32[np.ndarray, "T F"]:
    """Describe every frame; NaN where what would be needed was never seen."""
    postures, scalars = egocentric(keypoints_of(recording), max(1, round(recipe.step * recording.fps)))
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


def drawn_frames(
    run: Run, recipe: Boosting, question: Question, recordings: Iterable[Recording]
) -> tuple[Float32[np.ndarray, "N F"], Bool[np.ndarray, "N C"]]:
    """Draw the frames that are learned from, with their classes.

    They are drawn with replacement, rare classes, or rare combinations of classes, more often: in
    scikit-learn, weights would make a fit ten times as slow. Only their features are kept, one recording's at
    a time, so that memory grows with the frames drawn and not with the recordings.
    """
    usable, held = [], []
    for recording in recordings:
        usable.append(np.flatnonzero(question.labelled(recording)))
        held.append(question.truth(recording)[usable[-1]])
    truth = np.concatenate(held)
    counts = truth.sum(axis=0)
    if not (truth.any(axis=0) & ~truth.all(axis=0)).any():
        raise DataError(
            f"nothing to tell apart for {run.model.partition(':')[2]!r}",
            [
                f"{count} training frames of {name}"
                for name, count in zip(question.classes, counts, strict=True)
            ],
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


GBDT = Baseline(
    model=f"{__name__}:gbdt",
    name="gbdt",
    title="Boosted trees on geometry",
    description="egocentric geometry and its statistics over windows of up to 12 s, boosted trees",
    reference="Ke et al. 2017, LightGBM; scikit-learn's HistGradientBoostingClassifier",
    paper="https://scikit-learn.org/stable/modules/ensemble.html",
    recipe=Boosting(),
    reads=frozenset({"poses"}),
    answers=frozenset({"frames"}),
    learn=learn,
    restore=restore,
    libraries=("numpy", "scikit-learn"),
)

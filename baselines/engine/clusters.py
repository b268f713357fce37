"""k-means on the principal components of rows of features, one row a frame; labels are never looked at.

Reference: Lloyd 1982, doi 10.1109/TIT.1982.1056489, and Pearson 1901, doi 10.1080/14786440109462720, as
scikit-learn's `KMeans` and `PCA` have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from baselines.contract import Data, Question, Run, State
from baselines.recipes.clustering import Clustering
from bench.errors import DataError
from bench.recordings import Recording

BLOCK = 50_000
"""Frames whose distances to all centres are computed at once."""
STREAM = 31  # apart from other draws of the same seed
Rows = Callable[[Recording], Float[np.ndarray, "T F"]]
"""What is clustered of a recording: a row for each frame, NaN where a feature is not known."""


def learn(rows: Rows, run: Run, data: Data) -> State:
    """Find the components and the centres; raise `DataError` where there are fewer frames than clusters."""
    from sklearn.cluster import KMeans  # here: the list of models needs none
    from sklearn.decomposition import PCA

    (question,) = run.questions
    recipe: Clustering = run.recipe
    rng = np.random.default_rng([run.seed, STREAM])
    looked_at = [_drawn(rows(r), recipe.each, rng) for r in data.train[question.key]]
    frames = _drawn(np.concatenate(looked_at), recipe.frames, rng)
    if len(frames) < recipe.clusters:
        raise DataError(
            f"nothing to find {recipe.clusters} clusters in",
            [f"{len(frames)} training frames, expected {recipe.clusters} or more"],
            hint="choose another task",
        )
    mean = _mean(frames)
    filled = np.where(np.isnan(frames), mean, frames) - mean
    components = PCA(recipe.variance, svd_solver="full").fit(filled).components_
    model = KMeans(recipe.clusters, n_init=recipe.starts, random_state=run.seed)
    centres = model.fit(filled @ components.T).cluster_centers_
    return State({"mean": mean, "components": components, "centres": centres}, {})


@dataclass(frozen=True, eq=False)
class Nearest:
    """The number of the nearest of K centres in the space of D components of F features."""

    rows: Rows
    mean: Float64[np.ndarray, " F"]
    components: Float64[np.ndarray, "D F"]
    centres: Float64[np.ndarray, "K D"]

    def __call__(
        self,
        recordings: Iterable[Recording],
        question: Question,  # noqa: ARG002  clusters answer any
    ) -> Iterator[Int64[np.ndarray, " T"]]:
        """Yield the cluster of every frame of each recording, from 0."""
        for recording in recordings:
            frames = self.rows(recording)
            parts = [self._nearest(frames[i : i + BLOCK]) for i in range(0, len(frames), BLOCK)]
            yield np.concatenate(parts)

    def _nearest(self, frames: Float[np.ndarray, "N F"]) -> Int64[np.ndarray, " N"]:
        places = (np.where(np.isnan(frames), self.mean, frames) - self.mean) @ self.components.T  # (N, D)
        squares = (self.centres**2).sum(axis=1) - 2 * places @ self.centres.T  # (N, K), less |place|^2
        return squares.argmin(axis=1).astype(np.int64)


def nearest(rows: Rows, state: State) -> Nearest:
    """Return what puts every frame into the cluster of the nearest centre."""
    return Nearest(rows, state.arrays["mean"], state.arrays["components"], state.arrays["centres"])


def _drawn(
    frames: Float[np.ndarray, "T F"], most: int, rng: np.random.Generator
) -> Float32[np.ndarray, "N F"]:
    """Draw at most so many frames, each once, in their order."""
    chosen = np.sort(rng.permutation(len(frames))[:most])
    return frames[chosen].astype(np.float32)


def _mean(frames: Float32[np.ndarray, "N F"]) -> Float64[np.ndarray, " F"]:
    """Return the mean of each feature over the frames that have it; 0 where none has."""
    known = ~np.isnan(frames)
    total = np.sum(frames, axis=0, where=known, dtype=np.float64)
    return total / np.maximum(known.sum(axis=0), 1)

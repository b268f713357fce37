"""Clusters of poses: k-means on the principal components of what each animal sees of all animals.

Every frame is the postures of all animals in the frame of each animal, in pixels, so that neither the place
nor the direction in the arena counts. Labels are never looked at. A lost keypoint is on the line between its
sightings; one that a recording never shows is at the mean of the training frames.

Reference: Lloyd 1982, doi 10.1109/TIT.1982.1056489, and Pearson 1901, doi 10.1080/14786440109462720, as
scikit-learn's `KMeans` and `PCA` have them. The recipe's numbers were chosen on the validation recordings of
rat-dyads; no test recording was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from baselines.contract import Baseline, Data, Predictor, Question, Run, State, Workspace
from baselines.inputs.geometry import egocentric
from baselines.inputs.poses import keypoints_of
from baselines.recipes.clustering import Clustering
from bench.errors import DataError
from bench.recordings import Recording

BLOCK = 50_000
"""Frames whose distances to all centres are computed at once."""
STREAM = 31  # apart from other draws of the same seed


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001
    """Find the components and the centres; raise `DataError` where there are fewer frames than clusters."""
    from sklearn.cluster import KMeans  # here: the list of models needs none
    from sklearn.decomposition import PCA

    (question,) = run.questions
    recipe: Clustering = run.recipe
    rng = np.random.default_rng([run.seed, STREAM])
    looked_at = [_drawn(postures(r), recipe.each, rng) for r in data.train[question.key]]
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


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001
    """Return what puts every frame into the cluster of the nearest centre."""
    return Nearest(state.arrays["mean"], state.arrays["components"], state.arrays["centres"])


@dataclass(frozen=True, eq=False)
class Nearest:
    """The number of the nearest of K centres in the space of D components of F postures."""

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
            frames = postures(recording)
            parts = [self._nearest(frames[i : i + BLOCK]) for i in range(0, len(frames), BLOCK)]
            yield np.concatenate(parts)

    def _nearest(self, frames: Float64[np.ndarray, "N F"]) -> Int64[np.ndarray, " N"]:
        places = (np.where(np.isnan(frames), self.mean, frames) - self.mean) @ self.components.T  # (N, D)
        squares = (self.centres**2).sum(axis=1) - 2 * places @ self.centres.T  # (N, K), less |place|^2
        return squares.argmin(axis=1).astype(np.int64)


def postures(recording: Recording) -> Float64[np.ndarray, "T F"]:
    """Return the keypoints of every animal in the frame of every animal; NaN where one is never seen."""
    return egocentric(keypoints_of(recording), step=1)[0]


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


POSE_KMEANS = Baseline(
    model=f"{__name__}:pose_kmeans",
    name="pose_kmeans",
    title="k-means on poses",
    description="k-means on the principal components of egocentric postures, labels never looked at",
    reference="Lloyd 1982, doi 10.1109/TIT.1982.1056489; scikit-learn's KMeans and PCA",
    paper="https://scikit-learn.org/stable/modules/clustering.html#k-means",
    recipe=Clustering(),
    reads=frozenset({"poses"}),
    answers=frozenset({"clusters"}),
    learn=learn,
    restore=restore,
    libraries=("numpy", "scikit-learn"),
)

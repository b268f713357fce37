"""Clusters of poses: k-means on the principal components of what each animal sees of all animals.

Every frame is the postures of all animals in the frame of each animal, in pixels, so that neither the place
nor the direction in the arena counts. Labels are never looked at. A lost keypoint is on the line between its
sightings; one that a recording never shows is at the mean of the training frames.

Reference: Lloyd 1982, doi 10.1109/TIT.1982.1056489, and Pearson 1901, doi 10.1080/14786440109462720, as
scikit-learn's `KMeans` and `PCA` have them. The recipe's numbers were chosen on the validation recordings of
rat-dyads; no test recording was looked at.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from baselines.contract import Baseline, Data, Predictor, Run, State, Workspace
from baselines.engine import clusters
from baselines.inputs.geometry import egocentric
from baselines.inputs.poses import keypoints_of
from baselines.recipes.clustering import Clustering
from bench.recordings import Recording


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001
    """Find the components and the centres; raise `DataError` where there are fewer frames than clusters."""
    return clusters.learn(postures, run, data)


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001
    """Return what puts every frame into the cluster of the nearest centre."""
    return clusters.nearest(postures, state)


def postures(recording: Recording) -> Float64[np.ndarray, "T F"]:
    """Return the keypoints of every animal in the frame of every animal; NaN where one is never seen."""
    return egocentric(keypoints_of(recording), step=1)[0]


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

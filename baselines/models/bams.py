"""BAMS: a linear layer, or k-means, on features that are learned without labels.

Reference: Azabou et al. 2023, arXiv:2303.08811, whose features `baselines/extractors/bams.py` learns from the
training recordings, without their labels. Features are judged by a linear layer, as in the paper; its recipe
is ours.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Float32
from torch import Tensor, nn

from baselines.contract import Baseline, Data, Need, Predictor, Run, State, Workspace
from baselines.engine import clusters, windows
from baselines.recipes.clustering import Clustering
from baselines.recipes.windows import Recipe
from bench.recordings import Recording

REFERENCE, PAPER = "Azabou et al. 2023, BAMS, arXiv:2303.08811", "https://arxiv.org/abs/2303.08811"
EXTRACTOR = "baselines.extractors.bams:bams_features"
RECIPE = Recipe(
    past=0,
    future=0,
    gap=1,
    epochs=20,
    batch=512,
    lr=1e-2,
    eps=1e-8,
    adam="torch",
    inputs="features",
    scaling="standard",
    class_weights="balanced",
)


class Linear(nn.Module):
    """One linear layer on the features of the frame."""

    def __init__(self, features: int, window: int, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(features * window, classes)

    def forward(self, x: Float32[Tensor, "B W F"]) -> Float32[Tensor, "B C"]:
        """Return the logits of the frame."""
        logits: Tensor = self.head(x.flatten(1))
        return logits


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Find the centres in the features of training frames."""
    return clusters.learn(partial(rows, run, workspace), run, data)


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:
    """Return what puts every frame into the cluster of the nearest centre."""
    return clusters.nearest(partial(rows, run, workspace), state)


def rows(run: Run, workspace: Workspace, recording: Recording) -> Float32[np.ndarray, "T F"]:
    """Return the features of every frame."""
    return windows.derived(run, workspace, recording)


BAMS = windows.baseline(
    module=__name__,
    name="bams",
    title="BAMS",
    description="a linear layer on features that two causal encoders learn without labels",
    reference=REFERENCE,
    paper=PAPER,
    recipe=RECIPE,
    network=windows.plain(Linear),
    needs=[Need(EXTRACTOR, "features")],
)
AS_RELEASED = windows.baseline(
    module=__name__,
    name="bams_as_released",
    title="BAMS, as released",
    description="a linear layer on features that two causal encoders learn as the published code does",
    reference=REFERENCE,
    paper=PAPER,
    recipe=RECIPE,
    network=windows.plain(Linear),
    needs=[Need(f"{EXTRACTOR}_as_released", "features")],
)
KMEANS = Baseline(
    model=f"{__name__}:bams_kmeans",
    name="bams_kmeans",
    title="k-means on BAMS",
    description="k-means on features that two causal encoders learn without labels",
    reference=REFERENCE,
    paper=PAPER,
    recipe=Clustering(),
    reads=frozenset({"poses"}),
    answers=frozenset({"clusters"}),
    learn=learn,
    restore=restore,
    needs=(Need(EXTRACTOR, "features"),),
    libraries=("numpy", "scikit-learn", "torch"),
    causal=True,
)

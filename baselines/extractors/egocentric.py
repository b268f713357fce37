"""Egocentric features: where the animals are in each other's frames, and how they move, at a fixed step.

A row of features is the mean over a stretch of time of `inputs/geometry.py`'s postures and scalars, so that
recordings of any frame rate give rows of one step. Nothing is learned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from baselines.contract import Baseline, Data, Derived, Predictor, Question, Run, Sizes, State, Workspace
from baselines.inputs.geometry import egocentric
from baselines.inputs.poses import keypoints_of
from baselines.recipes.features import Geometry
from bench.recordings import Recording


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001
    """Return an empty state."""
    return State({}, {})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001
    """Return what computes the features."""
    return Extractor(run.recipe, workspace.digest)


def width(recipe: Geometry, sizes: Sizes) -> int:  # noqa: ARG001
    """Return the number of features, F."""
    shape = (1, len(sizes.skeleton.animals), len(sizes.skeleton.keypoints), 2)
    return sum(channels.shape[1] for channels in egocentric(np.zeros(shape, np.float32), step=1))


@dataclass(frozen=True)
class Extractor:
    """Geometry at the step of the recipe."""

    recipe: Geometry
    made_by: str

    def __call__(
        self,
        recordings: Iterable[Recording],
        question: Question,  # noqa: ARG002  the same for all
    ) -> Iterator[Derived]:
        """Yield the rows of each recording; NaN where a keypoint is never seen."""
        for recording in recordings:
            change = max(1, round(self.recipe.change * recording.fps))
            channels = np.concatenate(egocentric(keypoints_of(recording), change), axis=1)
            values = means(channels, recording.fps, self.recipe.step)
            yield Derived(values, self.recipe.step / 2, self.recipe.step, self.made_by)


def means(x: Float[np.ndarray, "T F"], fps: float, step: float) -> Float32[np.ndarray, "N F"]:
    """Return the mean over each stretch of `step` seconds, NaN left out; N = ceil(T / fps / step).

    Frames belong to the stretch that they begin in. A stretch between two frames has those of the one before.
    """
    frame = np.arange(len(x)) / fps
    count = max(1, math.ceil(len(x) / fps / step - 1e-9))
    row = np.minimum((frame / step + 1e-9).astype(np.int64), count - 1)
    known = np.isfinite(x)
    totals, counts = np.zeros((count, x.shape[1])), np.zeros((count, x.shape[1]))
    np.add.at(totals, row, np.where(known, x, 0))
    np.add.at(counts, row, known)
    averages = np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
    filled = np.maximum.accumulate(np.where(np.bincount(row, minlength=count) > 0, np.arange(count), 0))
    return averages[filled].astype(np.float32)


EGOCENTRIC = Baseline(
    model=f"{__name__}:egocentric",
    name="egocentric",
    title="Egocentric features",
    description="postures, speeds, distances and directions in the frame of every animal, four a second",
    reference="none: the geometry of this project's boosted trees",
    recipe=Geometry(),
    reads=frozenset({"poses"}),
    answers=frozenset({"features"}),
    learn=learn,
    restore=restore,
    width=width,
)

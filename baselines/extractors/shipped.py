"""Features that a data set ships beside its poses, brought to mean 0 and deviation 1 over training frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from baselines.contract import Baseline, Data, Derived, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import pretraining
from bench.errors import DataError
from bench.recordings import Recording

COLUMNS = 32
"""Of CalMS21's features of task programming."""


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001
    """Return mean and deviation of each feature; raise `DataError` where a recording has none."""
    total, squares, frames = np.zeros(COLUMNS), np.zeros(COLUMNS), 0
    for recording in pretraining.recordings(run, data):
        values = shipped(recording).astype(np.float64)
        total, squares, frames = total + values.sum(0), squares + (values**2).sum(0), frames + len(values)
    mean = total / frames
    deviation = np.sqrt(np.maximum(squares / frames - mean**2, 0))
    return State({"mean": mean, "deviation": np.where(deviation > 0, deviation, 1)}, {})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001
    """Return what scales the features of a recording."""
    return Extractor(state.arrays["mean"], state.arrays["deviation"], workspace.digest)


def width(recipe: None, sizes: Sizes) -> int:  # noqa: ARG001
    """Return the number of features."""
    return COLUMNS


@dataclass(frozen=True, eq=False)
class Extractor:
    """The features of a recording, scaled."""

    mean: np.ndarray
    deviation: np.ndarray
    made_by: str

    def __call__(
        self,
        recordings: Iterable[Recording],
        question: Question,  # noqa: ARG002  the same for all
    ) -> Iterator[Derived]:
        """Yield a row for every frame of each recording; raise `DataError` where one has none."""
        for recording in recordings:
            values = ((shipped(recording) - self.mean) / self.deviation).astype(np.float32)
            yield Derived(values, 0.0, 1 / recording.fps, self.made_by)


def shipped(recording: Recording) -> Float32[np.ndarray, "T 32"]:
    """Return the features that came with a recording; raise `DataError` where there are none, or others."""
    features = recording.features
    if features is None or features.shape[1] != COLUMNS:
        found = "none" if features is None else f"{features.shape[1]} a frame"
        raise DataError(
            "features that the data set ships are not at hand",
            [f"{recording.id}: {found}, expected {COLUMNS} a frame"],
            hint="lay the official taskprog_features files beside the poses and pull again; "
            "or train conv1d_treba, which learns features of its own",
        )
    return features


SHIPPED = Baseline(
    model=f"{__name__}:treba_shipped",
    name="treba_shipped",
    title="TREBA features of CalMS21",
    description="32 features of task programming, as CalMS21 ships them",
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710",
    reads=frozenset({"poses"}),
    answers=frozenset({"features"}),
    learn=learn,
    restore=restore,
    width=width,
)

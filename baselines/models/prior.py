"""The class prior: every frame gets the class frequencies of the training frames.

It looks at no pose. Its constant scores make average precision equal to the prevalence of a class in
the test frames, so a model that scores lower has learned nothing, or has a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Bool, Float32

from baselines.contract import Baseline, Data, Predictor, Question, Run, State, Workspace
from bench.recordings import Recording


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001  nothing is kept between epochs
    """Count the classes of the training frames."""
    (question,) = run.questions
    recordings = data.train[question.key]
    truth = np.concatenate([question.truth(r)[question.labelled(r)] for r in recordings])
    return State({"frequencies": frequencies(truth)}, {})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001  the same for all
    """Return what gives every frame of every recording the same scores."""
    constant = state.arrays["frequencies"]

    def predict(recordings: Iterable[Recording], _question: Question) -> Iterator[Float32[np.ndarray, "T C"]]:
        return (np.tile(constant, (recording.frames, 1)) for recording in recordings)

    return predict


def frequencies(truth: Bool[np.ndarray, "N C"]) -> Float32[np.ndarray, " C"]:
    """Return the fraction of the training frames in which each class holds, in [0, 1]; N > 0."""
    return truth.mean(axis=0, dtype=np.float64).astype(np.float32)


PRIOR = Baseline(
    model=f"{__name__}:prior",
    name="prior",
    title="Class prior",
    description="how often each class holds in the training frames, said of every frame",
    reference="no model: the score that any model must beat",
    reads=frozenset(),
    answers=frozenset({"frames"}),
    learn=learn,
    restore=restore,
    causal=True,
    extra="",
)

"""The class prior: every frame gets the class frequencies of the training frames.

It looks at no pose. Its constant scores make average precision equal to the prevalence of a class in
the test frames, so a model that scores lower has learned nothing, or has a fault.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32

from baselines.runs.run import Data, Run, Scores, labelled


def scores(run: Run, data: Data) -> Scores:
    """Return the same scores for every frame of every test recording."""
    truth = np.concatenate([run.task.truth(r)[labelled(run.task, r)] for r in data.train])
    constant = frequencies(truth)
    return {r.id: np.tile(constant, (r.frames, 1)) for r in data.test}


def frequencies(truth: Bool[np.ndarray, "N C"]) -> Float32[np.ndarray, " C"]:
    """Return the fraction of the training frames in which each class holds, in [0, 1]; N > 0."""
    return truth.mean(axis=0, dtype=np.float64).astype(np.float32)

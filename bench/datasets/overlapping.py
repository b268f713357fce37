"""Simulated sessions of one mouse whose behaviours overlap: each comes and goes regardless of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from bench.datasets.movement import (
    BODY_LENGTH,
    Track,
    angle,
    bodies,
    gradient,
    inside,
    roam,
    smooth,
    track,
    unit,
    wave,
)

CLASSES = ("running", "shaking", "rearing", "nodding")
RUNNING, SHAKING, REARING, NODDING = range(len(CLASSES))
APART = np.array([9.0, 11.0, 12.0, 10.0])
"""Mean seconds from the end of a bout to the next of its class."""
LASTING = np.array([3.5, 2.5, 4.0, 3.0])
"""Median seconds of a bout."""
SPREAD = 0.5
"""Standard deviation of the logarithm of how long a bout lasts."""
SHORTEST = 0.7
"""Seconds."""
PACE, FAST = 1.5, 11.0
"""Pixels per frame, walking and running."""
UPRIGHT = 0.55
"""The body's length as seen from above, when it rears."""
HIDDEN = 0.004
"""Chance per frame and keypoint that the tracker begins to guess."""


@dataclass(frozen=True)
class Session:
    """One simulated session, axes as in `Recording`; NaN = lost."""

    keypoints: Float[np.ndarray, "T 1 7 2"]
    scores: Float[np.ndarray, "T 1 7"]
    labels: Bool[np.ndarray, "T C"]


def simulate(seed: int, index: int, frames: int, fps: float) -> Session:
    """Simulate session `index`; it depends on the arguments and on nothing else."""
    rng = np.random.Generator(np.random.PCG64([seed, index, 2]))
    labels = np.stack([_bouts(rng, number, frames, fps) for number in range(len(CLASSES))], axis=1)
    much = smooth(labels.astype(float), 7)
    strength = np.exp(0.25 * rng.standard_normal(len(CLASSES)))  # of this mouse
    pace = (PACE + (FAST - PACE) * strength[RUNNING] * much[:, RUNNING]) * np.exp(
        0.3 * wave(rng, frames, 90.0)
    )
    path = roam(rng, pace)
    heading = angle(smooth(unit(angle(gradient(path))), 9))
    nod = 0.5 * strength[NODDING] * much[:, NODDING] * wave(rng, frames, 9.0)
    head = heading + 0.25 * wave(rng, frames, 40.0) + nod
    trembling = 6.0 * strength[SHAKING] * much[:, SHAKING, None] * wave(rng, frames, 5.0, 2)
    size = BODY_LENGTH * np.exp(0.08 * rng.standard_normal())
    length = size * (1 + (UPRIGHT - 1) * much[:, REARING])
    middle: Track = inside(path) + trembling + 0.5 * wave(rng, frames, 7.0, 2)
    exact = bodies(middle[:, None], heading[:, None], head[:, None], length[:, None])
    keypoints, scores = track(rng, exact, np.full(frames, HIDDEN))
    return Session(keypoints, scores, labels)


def _bouts(rng: np.random.Generator, number: int, frames: int, fps: float) -> Bool[np.ndarray, " T"]:
    """Draw when one class holds."""
    held = np.zeros(frames, dtype=bool)
    second = rng.exponential(APART[number])
    while second * fps < frames:
        lasts = max(SHORTEST, LASTING[number] * np.exp(SPREAD * rng.standard_normal()))
        held[round(second * fps) : round((second + lasts) * fps)] = True
        second += lasts + SHORTEST + rng.exponential(APART[number])
    return held

"""Simulated dyads of which the resident stops at two places in the same pose: at one of them is a feeder.

Which place has the feeder is in no keypoint. Both places are drawn alike, visited equally often and
approached from any side; the feeder stands at either of them, anew in every recording. So a stop at the
feeder (eating) and a stop at the other place (pausing) differ in what a camera sees, and in nothing else.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from bench.datasets.calms21_json import IMAGE
from bench.datasets.movement import (
    BODY,
    BODY_LENGTH,
    Simulated,
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
    widened,
)

CLASSES = ("eating", "pausing", "other")
EATING, PAUSING, OTHER = range(len(CLASSES))
MOVING, STANDING = 70.0, 60.0
"""Median frames that a bout of movement and a stop last."""
SPREAD = 0.45
"""Standard deviation of the logarithm of both."""
SHORTEST = 40
"""Frames of movement between two stops, at least: the resident must get from one place to the other."""
PACE = 4.0
"""Pixels per frame."""
BORDER = 170.0
"""How near to the border of the image a place is, in pixels."""
APART = 320.0
"""Pixels between the two places, at least."""
RIM = 34.0
"""Pixels from the middle of the feeder to the nose that eats from it."""
HIDDEN = 0.004
"""Chance per frame and keypoint that the tracker begins to guess."""

Places = Float[np.ndarray, "2 2"]


def places(seed: int, index: int) -> Places:
    """Return where the feeder of recording `index` is, and the other place of stops, in pixels."""
    rng = np.random.Generator(np.random.PCG64([seed, index, 1]))
    low, high = np.full(2, BORDER), np.array(IMAGE) - BORDER
    while True:
        both: Places = rng.uniform(low, high, (2, 2))
        if np.linalg.norm(both[0] - both[1]) >= APART:
            return both


def simulate(seed: int, index: int, frames: int) -> Simulated:
    """Simulate recording `index`; it depends on (seed, index, frames) and on nothing else."""
    rng = np.random.Generator(np.random.PCG64([seed, index]))
    classes, lengths = _bouts(rng, frames)
    bout = np.repeat(np.arange(len(classes)), lengths)[:frames]
    labels = classes[bout]
    sizes = BODY_LENGTH * np.exp(0.08 * rng.standard_normal(2))
    resident, course = _resident(rng, places(seed, index), classes, bout, float(sizes[0]))
    intruder = roam(rng, np.full(frames, 3.0))
    facing = angle(smooth(unit(angle(gradient(intruder))), 9)) + 0.4 * wave(rng, frames, 60.0)
    headings = np.stack([angle(smooth(course, 7)), facing], axis=1)
    heads = headings + 0.25 * np.stack([wave(rng, frames, 30.0) for _ in range(2)], axis=1)
    heads[:, 0] = headings[:, 0] + (heads[:, 0] - headings[:, 0]) * smooth(1.0 * (labels == OTHER), 15)
    shake = 0.8 * np.stack([wave(rng, frames, 7.0, 2) for _ in range(2)], axis=1)
    centres = np.stack([resident, inside(intruder)], axis=1) + shake
    exact = bodies(centres, headings, heads, np.tile(sizes, (frames, 1)))
    keypoints, scores = track(rng, exact, np.full(frames, HIDDEN))
    return Simulated(keypoints, scores, labels)


def _bouts(rng: np.random.Generator, frames: int) -> tuple[Int[np.ndarray, " B"], Int[np.ndarray, " B"]]:
    """Draw bouts of movement, each followed by a stop at either place, until they fill the frames."""
    classes: list[int] = []
    lengths: list[int] = []
    while sum(lengths) < frames:
        spread = np.exp(SPREAD * rng.standard_normal(2))
        stop = EATING if rng.random() < 0.5 else PAUSING
        classes += [OTHER, stop]
        lengths += [max(SHORTEST, round(MOVING * spread[0])), max(12, round(STANDING * spread[1]))]
    return np.array(classes), np.array(lengths)


def _resident(
    rng: np.random.Generator,
    both: Places,
    classes: Int[np.ndarray, " B"],
    bout: Int[np.ndarray, " T"],
    size: float,
) -> tuple[Track, Track]:
    """Return the middle of the resident's body, and the vector along which it points."""
    moving = classes[bout] == OTHER
    path = roam(rng, smooth(PACE * moving, 15))
    towards = rng.uniform(0, 2 * np.pi, len(classes))
    towards[:-1:2] = towards[1::2]  # a bout of movement ends as the stop after it begins
    aim = unit(towards)[bout]
    target = both[np.where(classes == PAUSING, 1, 0)]
    target[:-1:2] = target[1::2]
    nose = target[bout] - RIM * aim
    stop = inside(nose - BODY[0, 0] * size * aim)
    near = smooth(widened(1.0 * ~moving, 6), 31)[:, None]
    return inside((1 - near) * path + near * stop), (1 - near) * unit(angle(gradient(path))) + near * aim

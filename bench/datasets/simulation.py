"""Simulated resident-intruder dyads: an ethogram, two moving mice, and a tracker that errs.

A semi-Markov chain draws bouts; each behaviour has its own lengths, pace, distance, heading and point
of contact. What makes the classes overlap, as in recordings: every bout has its own pace, distance and
target; the resident comes near before contact is annotated, stays near after it, and often sits near
without contact; the annotated borders are some frames off the borders of the movement.

The numbers are chosen to look like CalMS21 in shares and in medians of bout lengths. Nothing was fitted.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from bench.datasets.calms21_json import CLASSES
from bench.datasets.movement import (
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

ATTACK, INVESTIGATION, MOUNT, OTHER = range(len(CLASSES))

MEDIAN_LENGTH = np.array([45.0, 45.0, 100.0, 101.0])
"""Median bout length in frames, per class."""
LENGTH_SPREAD = np.array([0.75, 0.87, 0.9, 0.9])
"""Standard deviation of the logarithm of the bout length."""
NEXT = np.array([[0, 0.4, 0, 0.6], [0.095, 0, 0.092, 0.813], [0, 0.55, 0, 0.45], [0.03, 0.97, 0, 0]])
"""NEXT[i, j]: the chance that a bout of j follows one of i; lengths and chances give 3/29/6/62 %."""
PACE = np.array([13.0, 2.0, 0.8, 3.0])
"""Speed in pixels per frame."""
STRETCH = np.array([0.75, 1.08, 0.9, 1.0])
"""Length of the resident's body: hunched in a fight, stretched when it sniffs."""
SHAKE = np.array([7.0, 0.8, 1.8, 0.6])
"""Fast movement of the body in pixels."""
HIDDEN = np.array([0.012, 0.004, 0.014, 0.002])
"""Chance per frame and keypoint that the tracker begins to guess."""


def simulate(seed: int, index: int, frames: int) -> Simulated:
    """Simulate recording `index`; its random stream depends on (seed, index) and on nothing else."""
    rng = np.random.Generator(np.random.PCG64([seed, index]))
    lengths, classes = _bouts(rng, frames)
    labels = np.repeat(classes, lengths)[:frames]
    moved = _shifted(rng, lengths)
    states = np.repeat(np.eye(len(CLASSES))[classes], moved, axis=0)[:frames]
    bout = np.repeat(np.arange(len(classes)), moved)[:frames]
    centres, headings, heads = _two_mice(rng, states, bout)
    sizes = BODY_LENGTH * np.exp(0.08 * rng.standard_normal(2))
    shares = smooth(states, 9)
    stretch = np.stack([shares @ STRETCH, np.ones(frames)], axis=1) * sizes
    shake = (shares @ SHAKE)[:, None, None] * np.stack([wave(rng, frames, 7.0, 2) for _ in range(2)], axis=1)
    exact = bodies(centres + shake, headings, heads, stretch)
    keypoints, scores = track(rng, exact, shares @ HIDDEN)
    return Simulated(keypoints, scores, labels)


def ethogram(seed: int, index: int, frames: int) -> Int[np.ndarray, " T"]:
    """Return the labels of recording `index` alone: the same as `simulate` gives, sooner."""
    lengths, classes = _bouts(np.random.Generator(np.random.PCG64([seed, index])), frames)
    return np.repeat(classes, lengths)[:frames]


def _bouts(rng: np.random.Generator, frames: int) -> tuple[Int[np.ndarray, " B"], Int[np.ndarray, " B"]]:
    """Draw bouts until they fill the frames, from `random()` alone: every numpy has the same stream."""
    chances = NEXT.copy()
    eager = 0.6 + 0.8 * rng.random(2)  # how ready this resident is to attack and to mount, 1 on average
    chances[INVESTIGATION, [ATTACK, MOUNT]] *= eager
    chances[OTHER, ATTACK] *= eager[0]
    chances[INVESTIGATION, OTHER] = 1 - chances[INVESTIGATION, :OTHER].sum()
    chances[OTHER, INVESTIGATION] = 1 - chances[OTHER, ATTACK]
    borders = chances.cumsum(axis=1)
    lengths, classes, state = [], [], OTHER
    while frames > 0:
        u = rng.random(3)
        normal = np.sqrt(-2 * np.log1p(-u[0])) * np.cos(2 * np.pi * u[1])  # Box and Muller
        length = max(3, round(float(MEDIAN_LENGTH[state] * np.exp(LENGTH_SPREAD[state] * normal))))
        lengths.append(length)
        classes.append(state)
        state = min(int(np.searchsorted(borders[state], u[2], side="right")), OTHER)
        frames -= length
    return np.array(lengths), np.array(classes)


def _shifted(rng: np.random.Generator, lengths: Int[np.ndarray, " B"]) -> Int[np.ndarray, " B"]:
    """Move the borders by up to six frames: an annotator's border is not the movement's."""
    reach = np.minimum(np.minimum(lengths[:-1], lengths[1:]) // 3, 6)
    borders = np.cumsum(lengths)[:-1] + np.rint((2 * rng.random(len(reach)) - 1) * reach).astype(int)
    return np.diff(borders, prepend=0, append=lengths.sum())


def _two_mice(
    rng: np.random.Generator, states: Float[np.ndarray, "T C"], bout: Int[np.ndarray, " T"]
) -> tuple[Float[np.ndarray, "T 2 2"], Float[np.ndarray, "T 2"], Float[np.ndarray, "T 2"]]:
    """Return centres in pixels, and body and head headings in radians, of resident and intruder."""
    frames, bouts = len(bout), int(bout[-1]) + 1
    pace = smooth((states @ PACE) * np.exp(0.35 * rng.standard_normal(bouts))[bout], 15)
    intruder, roaming = (
        roam(rng, pace * factor) for factor in np.exp(0.15 * rng.standard_normal(2)) * (1.0, 1.15)
    )
    facing = angle(smooth(unit(angle(gradient(intruder))), 9)) + 0.4 * wave(rng, frames, 60.0)
    contact, aim = _engaged(rng, states, bout, facing)
    apart = smooth(150 * np.exp(0.3 * rng.standard_normal(bouts))[bout], 31)[:, None]
    beside = intruder + apart * unit(2.0 * wave(rng, frames, 90.0))
    near = smooth((rng.random(bouts) < 0.2)[bout].astype(float), 31)[:, None]
    alone = (1 - near) * roaming + near * beside
    together = smooth(widened(1 - states[:, OTHER], 6), 31)[:, None]  # coming and leaving are "other"
    resident = inside((1 - together) * alone + together * (intruder + contact))
    course = (1 - together) * unit(angle(gradient(roaming))) + together * aim
    turned = angle(smooth(course, 7)) + 0.12 * wave(rng, frames, 25.0)
    bodies = np.stack([turned, facing], axis=1)
    heads = bodies + 0.35 * np.stack([wave(rng, frames, 30.0) for _ in range(2)], axis=1)
    return np.stack([resident, inside(intruder)], axis=1), bodies, heads


def _engaged(
    rng: np.random.Generator,
    states: Float[np.ndarray, "T C"],
    bout: Int[np.ndarray, " T"],
    facing: Float[np.ndarray, " T"],
) -> tuple[Track, Track]:
    """Return where the resident's body is in contact, from the intruder's, and where it points.

    Blended over the three behaviours in contact, smoothed where one bout follows another.
    """
    frames, bouts = len(bout), int(bout[-1]) + 1
    part = rng.choice(3, size=bouts, p=[0.3, 0.2, 0.5])  # sniffed: nose, neck or tail base
    along = np.array([0.55, 0.22, -0.48])[part][bout] * BODY_LENGTH
    side = np.where(rng.random(bouts) < 0.5, 1.0, -1.0)
    approach = (np.array([np.pi, 0.5 * np.pi, 0.0])[part] * side)[bout]
    approach = facing + approach + 0.5 * rng.standard_normal(bouts)[bout] + 0.3 * wave(rng, frames, 45.0)
    gap = 0.55 * BODY_LENGTH + 14 * np.exp(0.6 * rng.standard_normal(bouts))[bout]
    sniffing = along[:, None] * unit(facing) - gap[:, None] * unit(approach)
    riding = facing + 0.15 * wave(rng, frames, 40.0)
    behind = (38 * np.exp(0.25 * rng.standard_normal(bouts)))[bout]
    mounting = -behind[:, None] * unit(facing)
    tussle = 1.6 * wave(rng, frames, 28.0)
    fighting = (48 * np.exp(0.3 * rng.standard_normal(bouts)))[bout][:, None] * unit(tussle)
    turning = tussle + np.pi + 1.2 * wave(rng, frames, 30.0)
    share = smooth(states[:, :OTHER] + [0, 1e-3, 0], 15)
    share = (share / share.sum(axis=1, keepdims=True))[:, :, None]
    target = np.stack([fighting, sniffing, mounting], axis=1)
    aim = np.stack([unit(turning), unit(approach), unit(riding)], axis=1)
    return smooth((share * target).sum(axis=1), 25), smooth((share * aim).sum(axis=1), 15)

"""Simulated resident-intruder dyads: an ethogram, two moving mice, and a tracker that errs.

A semi-Markov chain draws bouts; each behaviour has its own lengths, pace, distance, heading and point
of contact. What makes the classes overlap, as in recordings: every bout has its own pace, distance and
target; the resident comes near before contact is annotated, stays near after it, and often sits near
without contact; the annotated borders are some frames off the borders of the movement.

The numbers are chosen to look like CalMS21 in shares and in medians of bout lengths. Nothing was fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.datasets.calms21_json import CLASSES, IMAGE

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
LOST = 0.0008
"""Chance per frame and keypoint that the tracker begins to find nothing."""

BODY = np.array([[0.55, 0], [0.34, 0.12], [0.34, -0.12], [0.22, 0], [-0.3, 0.15], [-0.3, -0.15], [-0.48, 0]])
"""Keypoints of a mouse of length 1 in the CalMS21 order: forwards, to its left."""
HEAD = np.array([True, True, True, True, False, False, False])
BODY_LENGTH = 105.0
MARGIN = 62.0
"""How near the body's centre comes to the border of the image, in pixels."""

Track = Float[np.ndarray, "T 2"]


@dataclass(frozen=True)
class Simulated:
    """One simulated recording, axes as in `Recording`; NaN = lost."""

    keypoints: Float[np.ndarray, "T 2 7 2"]
    scores: Float[np.ndarray, "T 2 7"]
    labels: Int[np.ndarray, " T"]


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
    smooth = _smooth(states, 9)
    stretch = np.stack([smooth @ STRETCH, np.ones(frames)], axis=1) * sizes
    shake = (smooth @ SHAKE)[:, None, None] * np.stack([_wave(rng, frames, 7.0, 2) for _ in range(2)], axis=1)
    exact = _bodies(centres + shake, headings, heads, stretch)
    keypoints, scores = _track(rng, exact, smooth)
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
    pace = _smooth((states @ PACE) * np.exp(0.35 * rng.standard_normal(bouts))[bout], 15)
    intruder, roaming = (
        _roam(rng, pace * factor) for factor in np.exp(0.15 * rng.standard_normal(2)) * (1.0, 1.15)
    )
    facing = _angle(_smooth(_unit(_angle(_gradient(intruder))), 9)) + 0.4 * _wave(rng, frames, 60.0)
    contact, aim = _engaged(rng, states, bout, facing)
    apart = _smooth(150 * np.exp(0.3 * rng.standard_normal(bouts))[bout], 31)[:, None]
    beside = intruder + apart * _unit(2.0 * _wave(rng, frames, 90.0))
    near = _smooth((rng.random(bouts) < 0.2)[bout].astype(float), 31)[:, None]
    alone = (1 - near) * roaming + near * beside
    together = _smooth(_widened(1 - states[:, OTHER], 6), 31)[:, None]  # coming and leaving are "other"
    resident = _inside((1 - together) * alone + together * (intruder + contact))
    course = (1 - together) * _unit(_angle(_gradient(roaming))) + together * aim
    turned = _angle(_smooth(course, 7)) + 0.12 * _wave(rng, frames, 25.0)
    bodies = np.stack([turned, facing], axis=1)
    heads = bodies + 0.35 * np.stack([_wave(rng, frames, 30.0) for _ in range(2)], axis=1)
    return np.stack([resident, _inside(intruder)], axis=1), bodies, heads


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
    approach = facing + approach + 0.5 * rng.standard_normal(bouts)[bout] + 0.3 * _wave(rng, frames, 45.0)
    gap = 0.55 * BODY_LENGTH + 14 * np.exp(0.6 * rng.standard_normal(bouts))[bout]
    sniffing = along[:, None] * _unit(facing) - gap[:, None] * _unit(approach)
    riding = facing + 0.15 * _wave(rng, frames, 40.0)
    behind = (38 * np.exp(0.25 * rng.standard_normal(bouts)))[bout]
    mounting = -behind[:, None] * _unit(facing)
    tussle = 1.6 * _wave(rng, frames, 28.0)
    fighting = (48 * np.exp(0.3 * rng.standard_normal(bouts)))[bout][:, None] * _unit(tussle)
    turning = tussle + np.pi + 1.2 * _wave(rng, frames, 30.0)
    share = _smooth(states[:, :OTHER] + [0, 1e-3, 0], 15)
    share = (share / share.sum(axis=1, keepdims=True))[:, :, None]
    target = np.stack([fighting, sniffing, mounting], axis=1)
    aim = np.stack([_unit(turning), _unit(approach), _unit(riding)], axis=1)
    return _smooth((share * target).sum(axis=1), 25), _smooth((share * aim).sum(axis=1), 15)


def _bodies(
    centres: Float[np.ndarray, "T 2 2"],
    headings: Float[np.ndarray, "T 2"],
    heads: Float[np.ndarray, "T 2"],
    lengths: Float[np.ndarray, "T 2"],
) -> Float[np.ndarray, "T 2 7 2"]:
    """Place the keypoints: the head's turn with the head, the others with the body."""
    angles = np.where(HEAD, heads[..., None], headings[..., None])
    forwards = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    leftwards = np.stack([np.sin(angles), -np.cos(angles)], axis=-1)  # y points down
    offsets = BODY[:, :1] * forwards + BODY[:, 1:] * leftwards
    return centres[:, :, None] + lengths[:, :, None, None] * offsets


def _track(
    rng: np.random.Generator, exact: Float[np.ndarray, "T 2 7 2"], smooth: Float[np.ndarray, "T C"]
) -> tuple[Float[np.ndarray, "T 2 7 2"], Float[np.ndarray, "T 2 7"]]:
    """Return what a tracker reports: noise, guesses with a low score, lost keypoints (NaN, score 0)."""
    shape = exact.shape[:3]
    chance = (smooth @ HIDDEN)[:, None, None]
    guessed = _hold(rng.random(shape) < chance, 6)
    lost = _hold(rng.random(shape) < LOST, 8)
    wrong = 16 * _smooth(rng.standard_normal(exact.shape), 5)
    error = np.where(guessed[..., None], wrong, 1.3 * rng.standard_normal(exact.shape))
    keypoints = np.clip(exact + error, 0, np.array(IMAGE) - 1.0)
    keypoints[lost] = np.nan
    sure = np.clip(0.97 - 0.07 * np.abs(rng.standard_normal(shape)), 0.4, 1)
    scores = np.where(guessed, 0.05 + 0.3 * rng.random(shape), sure)
    return keypoints, np.where(lost, 0.0, scores)


def _roam(rng: np.random.Generator, pace: Float[np.ndarray, " T"]) -> Track:
    """Return a smooth path through the arena, walked at `pace` pixels per frame."""
    reach = np.array(IMAGE) / 2 - MARGIN
    clock = np.cumsum(pace) / 260
    waves = rng.uniform(0.25, 1.3, (2, 6))
    phases = rng.uniform(0, 2 * np.pi, (2, 6))
    path = np.stack(
        [
            (np.sin(clock[:, None] * f + p) / np.sqrt(f)).sum(axis=1)
            for f, p in zip(waves, phases, strict=True)
        ],
        axis=1,
    )
    return np.array(IMAGE) / 2 + reach * np.tanh(0.6 * path)


def _wave(rng: np.random.Generator, frames: int, period: float, axes: int = 0) -> Float[np.ndarray, "T ..."]:
    """Return a smooth random signal of variance about 1 that changes over `period` frames."""
    size = (5, axes or 1)
    speed = 2 * np.pi / period * rng.uniform(0.4, 1.6, size)
    phase = rng.uniform(0, 2 * np.pi, size)
    time = np.arange(frames)[:, None]
    signal = sum(np.sin(time * f + p) for f, p in zip(speed, phase, strict=True)) * np.sqrt(0.4)
    return signal if axes else signal[:, 0]


def _smooth(signal: Float[np.ndarray, "T ..."], width: int) -> Float[np.ndarray, "T ..."]:
    """Average over `width` frames (a Hann window), the ends held."""
    window = np.hanning(width + 2)[1:-1]
    half = width // 2
    padded = np.pad(signal, [(half, half)] + [(0, 0)] * (signal.ndim - 1), mode="edge")
    total = sum(w * padded[i : i + len(signal)] for i, w in enumerate(window / window.sum()))
    return np.asarray(total)


def _widened(signal: Float[np.ndarray, " T"], frames: int) -> Float[np.ndarray, " T"]:
    """Hold every value above 0 for `frames` frames to both sides."""
    wide = _hold(signal > 0, frames + 1)
    return (wide | _hold(signal[::-1] > 0, frames + 1)[::-1]).astype(float)


def _hold(begins: Bool[np.ndarray, "T ..."], frames: int) -> Bool[np.ndarray, "T ..."]:
    """Return True for `frames` frames from every True."""
    count = np.cumsum(begins, axis=0, dtype=np.int32)
    count[frames:] -= count[:-frames].copy()
    return count > 0


def _gradient(path: Track) -> Track:
    ahead = 2 * path[-1:] - path[-2:-1] if len(path) > 1 else path + 1.0
    return np.diff(path, axis=0, append=ahead)


def _angle(direction: Track) -> Float[np.ndarray, " T"]:
    return np.arctan2(direction[:, 1], direction[:, 0])


def _unit(angle: Float[np.ndarray, " T"]) -> Track:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _inside(path: Track) -> Track:
    return np.clip(path, MARGIN, np.array(IMAGE) - MARGIN)

"""How simulated mice move and are tracked: paths, smooth signals, bodies, a tracker that errs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.datasets.calms21_json import IMAGE

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

    keypoints: Float[np.ndarray, "T A 7 2"]
    scores: Float[np.ndarray, "T A 7"]
    labels: Int[np.ndarray, " T"]


def bodies(
    centres: Float[np.ndarray, "T A 2"],
    headings: Float[np.ndarray, "T A"],
    heads: Float[np.ndarray, "T A"],
    lengths: Float[np.ndarray, "T A"],
) -> Float[np.ndarray, "T A 7 2"]:
    """Place the keypoints, in pixels: those of the head by the head's heading, the others by the body's."""
    angles = np.where(HEAD, heads[..., None], headings[..., None])
    forwards = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    leftwards = np.stack([np.sin(angles), -np.cos(angles)], axis=-1)  # y points down
    offsets = BODY[:, :1] * forwards + BODY[:, 1:] * leftwards
    return centres[:, :, None] + lengths[:, :, None, None] * offsets


def track(
    rng: np.random.Generator, exact: Float[np.ndarray, "T A 7 2"], hidden: Float[np.ndarray, " T"]
) -> tuple[Float[np.ndarray, "T A 7 2"], Float[np.ndarray, "T A 7"]]:
    """Return what a tracker reports: noise, guesses with a low score, lost keypoints (NaN, score 0).

    `hidden` is the chance per keypoint that it begins to guess.
    """
    shape = exact.shape[:3]
    guessed = hold(rng.random(shape) < hidden[:, None, None], 6)
    lost = hold(rng.random(shape) < LOST, 8)
    wrong = 16 * smooth(rng.standard_normal(exact.shape), 5)
    error = np.where(guessed[..., None], wrong, 1.3 * rng.standard_normal(exact.shape))
    keypoints = np.clip(exact + error, 0, np.array(IMAGE) - 1.0)
    keypoints[lost] = np.nan
    sure = np.clip(0.97 - 0.07 * np.abs(rng.standard_normal(shape)), 0.4, 1)
    scores = np.where(guessed, 0.05 + 0.3 * rng.random(shape), sure)
    return keypoints, np.where(lost, 0.0, scores)


def roam(rng: np.random.Generator, pace: Float[np.ndarray, " T"]) -> Track:
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


def wave(rng: np.random.Generator, frames: int, period: float, axes: int = 0) -> Float[np.ndarray, "T ..."]:
    """Return a smooth random signal of variance about 1 that changes over `period` frames."""
    size = (5, axes or 1)
    speed = 2 * np.pi / period * rng.uniform(0.4, 1.6, size)
    phase = rng.uniform(0, 2 * np.pi, size)
    time = np.arange(frames)[:, None]
    signal = sum(np.sin(time * f + p) for f, p in zip(speed, phase, strict=True)) * np.sqrt(0.4)
    return signal if axes else signal[:, 0]


def smooth(signal: Float[np.ndarray, "T ..."], width: int) -> Float[np.ndarray, "T ..."]:
    """Average over `width` frames (a Hann window), the ends held."""
    window = np.hanning(width + 2)[1:-1]
    half = width // 2
    padded = np.pad(signal, [(half, half)] + [(0, 0)] * (signal.ndim - 1), mode="edge")
    total = sum(w * padded[i : i + len(signal)] for i, w in enumerate(window / window.sum()))
    return np.asarray(total)


def widened(signal: Float[np.ndarray, " T"], frames: int) -> Float[np.ndarray, " T"]:
    """Hold every value above 0 for `frames` frames to both sides."""
    wide = hold(signal > 0, frames + 1)
    return (wide | hold(signal[::-1] > 0, frames + 1)[::-1]).astype(float)


def hold(begins: Bool[np.ndarray, "T ..."], frames: int) -> Bool[np.ndarray, "T ..."]:
    """Return True for `frames` frames from every True."""
    count = np.cumsum(begins, axis=0, dtype=np.int32)
    count[frames:] -= count[:-frames].copy()
    return count > 0


def gradient(path: Track) -> Track:
    """Return the step from each frame to the next."""
    ahead = 2 * path[-1:] - path[-2:-1] if len(path) > 1 else path + 1.0
    return np.diff(path, axis=0, append=ahead)


def angle(direction: Track) -> Float[np.ndarray, " T"]:
    """Return the heading of each vector in radians."""
    return np.arctan2(direction[:, 1], direction[:, 0])


def unit(heading: Float[np.ndarray, " T"]) -> Track:
    """Return the vector of length 1 of each heading in radians."""
    return np.stack([np.cos(heading), np.sin(heading)], axis=1)


def inside(path: Track) -> Track:
    """Keep a path of body centres within the arena."""
    return np.clip(path, MARGIN, np.array(IMAGE) - MARGIN)

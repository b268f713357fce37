"""Rows of group weights: resamples and jackknife rows, and the values that a metric takes under them.

The group (recording, animal, cage) is the unit: frames of one recording resemble each other, so drawing
frames would make intervals far too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Value = Callable[[Float[np.ndarray, "R G"]], Float[np.ndarray, "R K"]]
"""K numbers (a headline, classes, parts) for each row of group weights; NaN where undefined."""


@dataclass(frozen=True, eq=False)
class Draws:
    """The values under the rows of weights that intervals need."""

    weights: Int[np.ndarray, "R G"]
    point: Float[np.ndarray, " K"]
    """Every group once."""
    resampled: Float[np.ndarray, "R K"]
    behind: Int[np.ndarray, " K"]
    """The groups that each column rests on: those of its part, or those in which its class occurs."""
    bounds: tuple[float, float]
    """The least and the greatest value there can be."""
    left_out: Float[np.ndarray, "G K"]
    """The values without each group."""


def bootstrap_weights(groups: int, resamples: int, seed: int) -> Int[np.ndarray, "R G"]:
    """Draw `groups` of the groups with replacement, `resamples` times: how often each came, per row.

    The same arguments give the same rows under every version of numpy: only the raw 64-bit stream of
    PCG64 is used, which numpy guarantees, and no method of `Generator`, which it does not. The upper 32
    bits of a draw, as a fraction of 2**32, times `groups`, rounded down, is the group; its probability
    is off 1 / `groups` by less than 2**-32.

    >>> bootstrap_weights(groups=4, resamples=2, seed=0)
    array([[2, 1, 1, 0],
           [0, 0, 2, 2]])
    """
    raw = np.random.PCG64(seed).random_raw(resamples * groups)
    drawn = ((raw >> np.uint64(32)) * np.uint64(groups) >> np.uint64(32)).astype(np.int64)
    cell = drawn.reshape(resamples, groups) + groups * np.arange(resamples)[:, None]
    return np.bincount(cell.ravel(), minlength=resamples * groups).reshape(resamples, groups)


def draw(
    value: Value,
    groups: int,
    resamples: int,
    seed: int,
    behind: Int[np.ndarray, " K"] | None = None,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    left_out: Float[np.ndarray, "G K"] | None = None,
) -> Draws:
    """Take the values of the whole and of each resample, in one call, and those without each group.

    `behind` None means all groups; `left_out` may be given where it was taken before.
    """
    weights = bootstrap_weights(groups, resamples, seed)
    values = value(np.concatenate([np.ones((1, groups)), weights]))
    rests_on = np.full(values.shape[1], groups) if behind is None else behind
    without = leave_one_out(value, groups) if left_out is None else left_out
    return Draws(weights, values[0], values[1:], rests_on, bounds, without)


def leave_one_out(value: Value, groups: int) -> Float[np.ndarray, "G K"]:
    """Take the values of every group once but one: the jackknife, for the methods that need it."""
    return value(1.0 - np.eye(groups))


def jackknife_error(left_out: Float[np.ndarray, "G K"]) -> Float[np.ndarray, " K"]:
    """Return the standard error from the leave-one-out values; NaN where one of them is undefined."""
    groups = len(left_out)
    centred = left_out - left_out.mean(axis=0)
    return np.sqrt((groups - 1) / groups * (centred**2).sum(axis=0))

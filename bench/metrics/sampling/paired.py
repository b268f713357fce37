"""The difference D of two entries on the same groups: how sure it is, by one of two tests.

Swap test
---------
If two entries were equally good, it would not matter which of them answered which group. So in some groups
the two change places, and the difference is taken again: D(s) is the value of a whole made of the first
entry's groups where the pattern s says stay and of the second's where it says swap, minus the value of the
other half. Each half holds every group once, so a class that a single recording shows is never missing.

Patterns   All 2^(G - 1) that leave the first group as it is (the rest are their mirror images); more than
           9,999 of them, or more than 999 for metrics of scores, are replaced by so many random ones.
p          (1 + number of patterns with |D(s)| >= |D| or D(s) undefined) / (1 + patterns). Two-sided, of "no
           difference", and defined wherever D is. With G groups it is never below 2 / 2^G: with five groups
           or fewer no difference can be shown at .05.
Interval   m is the mean over groups of 1 (stay) and -1 (swap), r = D(s) - D m,
           U = max(r / (1 - m), -r / (1 + m)) and V = max(-r / (1 - m), r / (1 + m)). With k = .05 of the
           patterns ("none" among them, which is infinite), rounded down, the interval is from D minus the
           (k + 1)-th greatest U to D plus the (k + 1)-th greatest V. It leaves out 0 just where p <= .05.
Scores     Swapping pools the scores of two entries, which may have different scales. So the scores of each
           entry, run and part are first brought to mean 0 and standard deviation 1, each class by itself,
           detections over all classes. Their order and all ties stay, so no value changes.

Jackknife t
-----------
D -+ t s, where s^2 = (G - 1) / G * sum of (D without group g - their mean)^2 and t has G - 1 degrees of
freedom; p is that of D / s. It serves where entries cannot be swapped: unequal numbers of runs, clusters,
whose names do not correspond, recordings joined end to end, and results that hold no counts. Nothing can be
said where a difference without one group is undefined: a single group shows a class.

Sources: swaps are the approximate randomization of Noreen 1989, Computer Intensive Methods for Testing
Hypotheses (for F1: Yeh 2000, COLING); 1 + in p: Phipson and Smyth 2010, doi:10.2202/1544-6115.1585.
`tests/studies/levels.py` measures how often both are wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from bench.metrics.sampling.intervals import MIN_GROUPS
from bench.metrics.sampling.patterns import beyond, swap_patterns
from bench.metrics.sampling.resampling import Value, jackknife_error
from bench.metrics.sampling.student import t_central, t_quantile

SWAP, JACKKNIFE = "swap", "jackknife_t"
"""The two tests by name."""
SWAPS = 9_999
"""Patterns at most."""
SWAPS_OF_SCORES = 999
"""The same for metrics of scores, which take a hundred times as long."""
EQUAL = 1e-12
"""Differences nearer than this are equal: they are sums of the same numbers in another order."""
CELLS = 2**18
"""Weights held at once."""


@dataclass(frozen=True, eq=False)
class Paired:
    """What a test says of the difference of two entries, per column; NaN where there is nothing to say."""

    difference: Float[np.ndarray, " K"]
    low: Float[np.ndarray, " K"]
    high: Float[np.ndarray, " K"]
    p_value: Float[np.ndarray, " K"]
    method: str
    """`SWAP` or `JACKKNIFE`."""
    patterns: int
    """How many swaps were tried; 0 by the jackknife."""
    least_p: float
    """The least p that so many patterns can give; NaN by the jackknife, which has none."""
    reason: str | None
    """Why no column has an interval; None where any may have."""


def swap_test(joined: Value, groups: int, *, most: int = SWAPS, level: float = 0.95) -> Paired:
    """Test the difference of two entries by swapping their groups.

    `joined` gives values under weights of 2 G groups: those of the first entry, then those of the second in
    the same order.

    >>> scores = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.7, 0.4, 0.5, 0.6, 0.6, 0.8, 0.6])  # six groups each
    >>> found = swap_test(lambda weights: (weights @ scores / weights.sum(axis=1))[:, None], groups=6)
    >>> found.difference.round(3), found.p_value, bool(found.low[0] > 0)
    (array([0.117]), array([0.03125]), True)
    """
    patterns = swap_patterns(groups, most)
    none = np.zeros((1, groups), dtype=bool)
    values = _swapped(joined, np.concatenate([none, patterns]))
    difference, swapped = values[0], values[1:]
    size = np.abs(difference)
    far = ~(np.abs(swapped) < size - EQUAL)  # undefined ones too
    p_value = np.where(np.isnan(difference), np.nan, (1 + far.sum(axis=0)) / (1 + len(patterns)))
    least = 1 / (1 + len(patterns))
    down, up = _reach(difference, swapped, patterns, level)
    with np.errstate(invalid="ignore"):  # an infinite difference has no interval
        low, high = difference - down, difference + up
    bounded = np.isfinite(low) & np.isfinite(high)
    shown = f"{groups} groups, and with fewer than 6 no difference can be shown: p is never below {least:.3g}"
    return Paired(
        difference=difference,
        low=np.where(bounded, low, np.nan),
        high=np.where(bounded, high, np.nan),
        p_value=p_value,
        method=SWAP,
        patterns=len(patterns),
        least_p=least,
        reason=None if beyond(len(patterns), level) else shown,
    )


def jackknife_test(
    difference: Float[np.ndarray, " K"], left_out: Float[np.ndarray, "G K"], *, level: float = 0.95
) -> Paired:
    """Test the difference of two entries by the differences without each of G groups.

    >>> left_out = np.array([[0.1], [0.14], [0.12], [0.1], [0.14], [0.12]])
    >>> found = jackknife_test(np.array([0.12]), left_out)
    >>> found.low.round(3), found.high.round(3), found.p_value.round(3)
    (array([0.026]), array([0.214]), array([0.022]))
    """
    groups = len(left_out)
    few = groups < MIN_GROUPS
    none = np.full_like(difference, np.nan)
    with np.errstate(invalid="ignore"):  # infinite errors
        error = none if few else jackknife_error(left_out)
        half = none if few else t_quantile(level, groups - 1) * error
        low, high = difference - half, difference + half
    return Paired(
        difference=difference,
        low=low,
        high=high,
        p_value=np.array([_t_p(*pair, groups) for pair in zip(difference, error, strict=True)]),
        method=JACKKNIFE,
        patterns=0,
        least_p=math.nan,
        reason=f"{groups} groups, and an interval needs at least {MIN_GROUPS}" if few else None,
    )


def _swapped(joined: Value, patterns: Bool[np.ndarray, "R G"]) -> Float[np.ndarray, "R K"]:
    """Return the difference of the two halves under each pattern, some patterns at a time."""
    size = max(1, CELLS // (4 * patterns.shape[1]))
    values = []
    for start in range(0, len(patterns), size):
        swap = patterns[start : start + size].astype(np.float64)
        halves = joined(np.concatenate([np.hstack([1 - swap, swap]), np.hstack([swap, 1 - swap])]))
        with np.errstate(invalid="ignore"):  # two infinite errors differ by nothing that can be said: NaN
            values.append(halves[: len(swap)] - halves[len(swap) :])
    return np.concatenate(values)


def _reach(
    difference: Float[np.ndarray, " K"],
    swapped: Float[np.ndarray, "R K"],
    patterns: Bool[np.ndarray, "R G"],
    level: float,
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Return how far the interval reaches below and above the difference; infinite where without bound."""
    m = 1 - 2 * patterns.mean(axis=1, keepdims=True)
    size = np.abs(difference)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = swapped - difference * m
        reach = np.stack(
            [np.maximum(r / (1 - m), -r / (1 + m)), np.maximum(-r / (1 - m), r / (1 + m))]
        )  # (2, R, K)
        tie = np.abs(np.abs(swapped) - size) <= EQUAL
    reach = np.where(tie, np.maximum(reach, size), reach)  # so that 0 is an end exactly where p says so
    reach[:, (np.abs(m) == 1)[:, 0]] = np.inf
    reach[np.isnan(reach)] = np.inf
    every = np.concatenate([reach, np.full((2, 1, len(difference)), np.inf)], axis=1)
    place = beyond(len(patterns), level)
    down, up = -np.partition(-every, place, axis=1)[:, place]
    return down, up


def _t_p(difference: float, error: float, groups: int) -> float:
    """Return the two-sided p of a difference with this jackknife error; NaN where one is undefined."""
    if not (math.isfinite(difference) and math.isfinite(error)):
        return math.nan
    if abs(difference) <= EQUAL or error == 0:
        return float(abs(difference) <= EQUAL)
    return 1 - t_central(abs(difference) / error, groups - 1)

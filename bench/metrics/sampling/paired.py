"""The difference of two entries on the same groups: its interval, and how sure its sign is.

Both entries are reduced under the same rows of weights, so what makes a recording hard for both cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.metrics.sampling.intervals import (
    MIN_DEFINED,
    MIN_GROUPS,
    NORMAL,
    Interval,
    interval,
    interval_of_draws,
)
from bench.metrics.sampling.resampling import Value, draw
from bench.metrics.sampling.student import t_central

METHOD = "expanded"
"""The bias of two entries cancels in their difference; and this is the method that `sign_p_value` inverts."""


@dataclass(frozen=True, eq=False)
class Paired:
    """First entry minus second, per column; NaN where there is nothing to say."""

    difference: Float[np.ndarray, " K"]
    interval: Interval
    below: Float[np.ndarray, " K"]
    """Share of the defined resamples in which the first entry has the smaller value."""
    above: Float[np.ndarray, " K"]
    """Share in which it has the greater one; the rest are ties."""
    p_value: Float[np.ndarray, " K"]
    """Two-sided, of "no difference"; see `sign_p_value`."""


def paired_difference(
    first: Value,
    second: Value,
    groups: int,
    *,
    resamples: int = 1_000,
    seed: int = 0,
    level: float = 0.95,
    method: str = METHOD,
) -> Paired:
    """Compare two entries column by column under the same resamples of the groups.

    >>> scores = np.array([[0.5, 0.6, 0.7, 0.8, 0.9, 0.7], [0.4, 0.5, 0.7, 0.6, 0.8, 0.6]])
    >>> def mean(of): return lambda weights: (weights @ of / weights.sum(axis=1))[:, None]
    >>> found = paired_difference(mean(scores[0]), mean(scores[1]), groups=6)
    >>> found.difference.round(3), found.above.round(2), bool(found.p_value[0] < 0.05)
    (array([0.1]), array([1.]), True)
    """

    def difference(weights: Float[np.ndarray, "R G"]) -> Float[np.ndarray, "R K"]:
        with np.errstate(invalid="ignore"):  # two infinite errors differ by nothing that can be said: NaN
            return first(weights) - second(weights)

    if groups < MIN_GROUPS:
        point = difference(np.ones((1, groups)))[0]
        none = np.full_like(point, np.nan)
        return Paired(point, interval(difference, groups, level=level, method=method), none, none, none)
    draws = draw(difference, groups, resamples, seed)
    moved = draws.resampled
    defined = np.count_nonzero(~np.isnan(moved), axis=0)
    enough = defined >= MIN_DEFINED * len(moved)
    count = np.where(enough, defined, np.nan)
    below, above = (moved < 0).sum(axis=0), (moved > 0).sum(axis=0)
    return Paired(
        difference=draws.point,
        interval=interval_of_draws(difference, draws, level, method),
        below=below / count,
        above=above / count,
        p_value=np.array(
            [sign_p_value(n - max(b, a), n, groups) for n, b, a in zip(count, below, above, strict=True)]
        ),
    )


def sign_p_value(against: float, defined: float, groups: int) -> float:
    """Return the two-sided p of "no difference" from the resamples that do not go the common way.

    With q = `against` / `defined`, at most 1/2 and at least half a resample, z = Phi^-1(1 - q), and
    t = z * sqrt((G - 1) / G), p = P(|T| >= t) for Student's t with G - 1 degrees of freedom. So p < 0.05
    where the 95 % interval of the method "expanded" leaves out 0, up to one resample. NaN where `defined` is.

    >>> round(sign_p_value(0.0, 1000.0, groups=6), 3), sign_p_value(1000.0, 1000.0, groups=6)
    (0.03, 1.0)
    """
    if math.isnan(defined):
        return math.nan
    share = min(0.5, max(against, 0.5) / defined)
    z = -NORMAL.inv_cdf(share)
    return 1 - t_central(z * math.sqrt((groups - 1) / groups), groups - 1)

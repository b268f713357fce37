"""Confidence intervals that treat the group (recording, animal) as the unit, in six methods.

All work on any function from rows of group weights to values, column by column, so one code path serves
every metric, class, part and difference of two entries. With G groups, R resamples, value `v` of all
groups, jackknife error `s`, and `1 - 2a` the level:

percentile    The a and 1 - a quantiles of the resampled values. Too short where groups are few, because
              the spread of a resample is (G - 1) / G of the variance and its tails are normal, not t.
expanded      The same with the tail a' = Phi(sqrt(G / (G - 1)) * t_a) of the t distribution with G - 1
              degrees of freedom in place of a (Hesterberg 2015): mends both, and stays in the range.
logit_t       v -+ t * s' on the scale of log odds, log((v - a) / (b - v)) for a metric in [a, b], and back;
              s' is the standard deviation of the resamples on that scale times sqrt(G / (G - 1)). Near an
              end of its range a value can move one way only, and there the interval is one-sided too. It
              holds v, also where the resamples are biased: a recording drawn twice brings its bouts and
              its detections twice, which lifts average precision. The default. Odds are cut off 0.001 of
              the range from its ends; where v is nearer than that to one (the precision of a rare class,
              guessed), the interval holds that of "expanded" too, or what was cut off would have no width.
              A metric whose range has not two ends (an error in frames, which may be infinite) has no
              odds: "expanded" serves it.
bca           Percentile with tails corrected for bias and for skewness, from the jackknife (Efron 1987).
jackknife_t   v -+ t * s: symmetric, needs no resample, may leave the range of the metric.
bootstrap_t   v - s * the quantiles of (v* - v) / s* (Efron 1981), where s* is the error of each resample.
              The influence of each group in a resample is its influence on v plus a correction linear in
              the resample's weights, from first and second differences: G * (G + 5) / 2 more rows instead
              of the R * G of a jackknife in each resample. Exact for a mean.

A resample in which a value is undefined is left out. Where under 80 % are defined there is no interval:
with fewer groups than two behind a value about 65 % are, with two or more above 86 %; so a class seen in
one group only has a value but no interval. A column that rests on fewer than 5 groups has none: a part
of 4 recordings, or a class that 4 recordings show, however many there are beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Int

from bench.metrics.sampling.resampling import Draws, Value, draw, jackknife_error
from bench.metrics.sampling.student import t_quantile

MIN_GROUPS = 5
MIN_DEFINED = 0.8
NORMAL = NormalDist()
EDGE = 1e-3
"""For its odds, a value nearer to an end of its range than this share of it counts as that far."""
NUDGE = 1e-3
"""Change of one group's weight in the differences that stand for derivatives."""

Ends = tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]


@dataclass(frozen=True, eq=False)
class Interval:
    """The interval of each column; NaN at both ends where there is none."""

    low: Float[np.ndarray, " K"]
    high: Float[np.ndarray, " K"]
    method: str
    level: float
    defined: Int[np.ndarray, " K"]
    """In how many resamples each column is defined."""
    reason: str | None
    """Why no column has an interval; None where any may have."""


def interval(
    value: Value,
    groups: int,
    *,
    resamples: int = 1_000,
    seed: int = 0,
    level: float = 0.95,
    method: str | None = None,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    behind: Int[np.ndarray, " K"] | None = None,
) -> Interval:
    """Return the interval of every column of `value` by `method` (a name in `METHODS`, or the default).

    No end is outside `bounds`, the range of what `value` can give. `behind` says how many groups each
    column rests on, where that is not all of them: a class that few recordings show, a part of few.

    >>> scores = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.7])
    >>> mean = lambda weights: (weights @ scores / weights.sum(axis=1))[:, None]
    >>> found = interval(mean, groups=6, method="jackknife_t")
    >>> found.low.round(3), found.high.round(3)
    (array([0.552]), array([0.848]))
    """
    name = method or DEFAULT_METHOD
    by_name = intervals(
        value, groups, (name,), resamples=resamples, seed=seed, level=level, bounds=bounds, behind=behind
    )
    return by_name[name]


def intervals(
    value: Value,
    groups: int,
    methods: Sequence[str],
    *,
    resamples: int = 1_000,
    seed: int = 0,
    level: float = 0.95,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    behind: Int[np.ndarray, " K"] | None = None,
    left_out: Float[np.ndarray, "G K"] | None = None,
) -> dict[str, Interval]:
    """Return the intervals of several methods, as `interval` does of one, from the same resamples.

    `left_out` are the values without each group, where they were taken before.
    """
    if groups < MIN_GROUPS or resamples == 0:
        none = np.full(value(np.ones((1, groups))).shape[1], np.nan)
        few = f"{groups} groups, and an interval needs at least {MIN_GROUPS}"
        reason = few if groups < MIN_GROUPS else "no resamples were asked for"
        absent = Interval(none, none, methods[0], level, np.zeros(len(none), dtype=np.int64), reason)
        return {method: replace(absent, method=method) for method in methods}
    draws = draw(value, groups, resamples, seed, behind, bounds, left_out)
    return {method: interval_of_draws(value, draws, level, method) for method in methods}


def interval_of_draws(value: Value, draws: Draws, level: float, method: str) -> Interval:
    """Return the interval of every column from values already drawn."""
    defined = np.count_nonzero(~np.isnan(draws.resampled), axis=0)
    low, high = METHODS[method](value, draws, level)
    enough = (defined >= MIN_DEFINED * len(draws.resampled)) & (draws.behind >= MIN_GROUPS)
    return Interval(
        low=np.where(enough, np.clip(low, *draws.bounds), np.nan),
        high=np.where(enough, np.clip(high, *draws.bounds), np.nan),
        method=method,
        level=level,
        defined=defined,
        reason=None,
    )


def percentile(value: Value, draws: Draws, level: float) -> Ends:  # noqa: ARG001  (one signature for all)
    """Return the plain quantiles of the resampled values."""
    tail = (1 - level) / 2
    return _quantiles(draws.resampled, np.full_like(draws.point, tail), np.full_like(draws.point, 1 - tail))


def expanded(value: Value, draws: Draws, level: float) -> Ends:  # noqa: ARG001  (one signature for all)
    """Return percentiles with the tail widened for few groups."""
    tails = {n: NORMAL.cdf(-math.sqrt(n / (n - 1)) * t_quantile(level, n - 1)) for n in _counts(draws)}
    tail = np.array([tails.get(n, np.nan) for n in draws.behind.tolist()])
    return _quantiles(draws.resampled, tail, 1 - tail)


def _counts(draws: Draws) -> set[int]:
    """Return the numbers of groups that columns rest on; a single group has no spread."""
    return {n for n in draws.behind.tolist() if n > 1}


def logit_t(value: Value, draws: Draws, level: float) -> Ends:
    """Return value -+ t times the bootstrap error on the scale of log odds, or `expanded` without one."""
    least, greatest = draws.bounds
    if not (math.isfinite(least) and math.isfinite(greatest)):
        return expanded(value, draws, level)

    def odds(values: Float[np.ndarray, "*R K"]) -> Float[np.ndarray, "*R K"]:
        share = np.clip((values - least) / (greatest - least), EDGE, 1 - EDGE)
        return np.log(share / (1 - share))

    factor = {n: t_quantile(level, n - 1) * math.sqrt(n / (n - 1)) for n in _counts(draws)}
    wide = np.array([factor.get(n, np.nan) for n in draws.behind.tolist()])
    half = wide * _deviation(odds(draws.resampled))
    ends = [least + (greatest - least) / (1 + np.exp(-odds(draws.point) - side)) for side in (-half, half)]
    ends = [np.where(half == 0, draws.point, end) for end in ends]
    low, high = np.minimum(ends[0], draws.point), np.maximum(ends[1], draws.point)
    share = (draws.point - least) / (greatest - least)
    cut_off = (np.minimum(share, 1 - share) < EDGE) & (_deviation(draws.resampled) > 0)
    if not cut_off.any():
        return low, high
    lower, upper = expanded(value, draws, level)
    return np.where(cut_off, np.minimum(low, lower), low), np.where(cut_off, np.maximum(high, upper), high)


def _deviation(sample: Float[np.ndarray, "R K"]) -> Float[np.ndarray, " K"]:
    """Return the standard deviation of the defined values of each column; NaN where none is."""
    defined = ~np.isnan(sample)
    count = np.where(defined.any(axis=0), defined.sum(axis=0), np.nan)
    moved = np.where(defined, sample - np.where(defined, sample, 0.0).sum(axis=0) / count, 0.0)
    # the mean of equal numbers may be off by a rounding, which is no spread
    same = np.where(defined, sample, -np.inf).max(axis=0) == np.where(defined, sample, np.inf).min(axis=0)
    return np.where(same, 0.0, np.sqrt((moved**2).sum(axis=0) / count))


def bca(value: Value, draws: Draws, level: float) -> Ends:  # noqa: ARG001  (one signature for all)
    """Return bias-corrected and accelerated percentiles; NaN where a leave-one-out value is not finite."""
    z = NORMAL.inv_cdf((1 + level) / 2)
    left_out = draws.left_out
    tails = np.full((2, len(draws.point)), np.nan)
    for k, point in enumerate(draws.point):
        resampled = draws.resampled[:, k]
        resampled = resampled[~np.isnan(resampled)]
        if not np.isfinite(left_out[:, k]).all() or len(resampled) == 0:
            continue  # undefined, or an infinite error: no influence to speak of
        influence = left_out[:, k].mean() - left_out[:, k]
        spread = float((influence**2).sum())
        skew = float((influence**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
        below = ((resampled < point).mean() + (resampled <= point).mean()) / 2
        edge = 0.5 / len(resampled)  # a value outside all resamples would be infinitely biased
        bias = NORMAL.inv_cdf(float(np.clip(below, edge, 1 - edge)))
        tails[:, k] = [_corrected(bias, skew, -z), _corrected(bias, skew, z)]
    return _quantiles(draws.resampled, tails[0], tails[1])


def jackknife_t(value: Value, draws: Draws, level: float) -> Ends:  # noqa: ARG001  (one signature for all)
    """Return value -+ t times the jackknife error; NaN where a leave-one-out value is undefined."""
    degrees = {n: t_quantile(level, n - 1) for n in _counts(draws)}
    wide = np.array([degrees.get(n, np.nan) for n in draws.behind.tolist()])
    half = wide * jackknife_error(draws.left_out)
    return draws.point - half, draws.point + half


def bootstrap_t(value: Value, draws: Draws, level: float) -> Ends:
    """Return the interval from the quantiles of the studentised resamples."""
    slope, bend = _influence(value, draws)
    error = _errors(np.ones((1, len(slope))), slope, bend)[0]
    errors = _errors(draws.weights.astype(np.float64), slope, bend)
    moved = draws.resampled - draws.point
    # A resample without spread that moved is infinitely far out; one that did not move is not out at all.
    far = np.where(moved == 0, 0.0, np.copysign(np.inf, moved))
    student = np.divide(moved, errors, out=far, where=errors > 0)
    student[np.isnan(moved)] = np.nan
    tail = np.full_like(draws.point, (1 - level) / 2)
    low, high = _quantiles(student, tail, 1 - tail)
    return draws.point - high * error, draws.point - low * error


def _influence(value: Value, draws: Draws) -> tuple[Float[np.ndarray, "G K"], Float[np.ndarray, "G G K"]]:
    """Return how the weight of each group moves the value, and how every other weight changes that."""
    groups = draws.weights.shape[1]
    one, other = np.triu_indices(groups)  # pairs, and each group with itself
    step = NUDGE * np.eye(groups)
    values = value(np.concatenate([1 + step, 1 - step, 1 + step[one] + step[other]]))
    more, less, both = values[:groups], values[groups : 2 * groups], values[2 * groups :]
    bend = np.zeros((groups, groups, len(draws.point)))
    bend[one, other] = bend[other, one] = (both - more[one] - more[other] + draws.point) / NUDGE**2
    return (more - less) / (2 * NUDGE), bend


def _errors(
    weights: Float[np.ndarray, "R G"], slope: Float[np.ndarray, "G K"], bend: Float[np.ndarray, "G G K"]
) -> Float[np.ndarray, "R K"]:
    """Return the standard error of the value in each resample, from the influences at its weights."""
    groups = weights.shape[1]
    influence = slope + np.tensordot(weights - 1, bend, axes=1)  # (R, G, K)
    mean = np.einsum("rg,rgk->rk", weights, influence) / groups
    square = np.einsum("rg,rgk->rk", weights, (influence - mean[:, None]) ** 2)
    return np.sqrt(square * groups / (groups - 1))


def _corrected(bias: float, skew: float, z: float) -> float:
    room = 1 - skew * (bias + z)
    return NORMAL.cdf(bias + (bias + z) / room) if room > 0 else float(z > 0)


def _quantiles(
    sample: Float[np.ndarray, "R K"], lower: Float[np.ndarray, " K"], upper: Float[np.ndarray, " K"]
) -> Ends:
    """Return two quantiles of the defined values of each column, linear between order statistics."""
    ends = np.full((2, sample.shape[1]), np.nan)
    for k in range(sample.shape[1]):
        ordered = np.sort(sample[:, k][~np.isnan(sample[:, k])])
        for side, share in enumerate((lower[k], upper[k])):
            if len(ordered) and not np.isnan(share):
                place = share * (len(ordered) - 1)
                under = int(place)
                over = min(under + 1, len(ordered) - 1)
                part = place - under
                ends[side, k] = (
                    ordered[under] if part == 0 else ordered[under] * (1 - part) + ordered[over] * part
                )
    return ends[0], ends[1]


METHODS: Mapping[str, Callable[[Value, Draws, float], Ends]] = {
    "percentile": percentile,
    "expanded": expanded,
    "logit_t": logit_t,
    "bca": bca,
    "jackknife_t": jackknife_t,
    "bootstrap_t": bootstrap_t,
}
DEFAULT_METHOD = "logit_t"
"""The nearest to 95 % on simulated recordings with known truth; `tests/perf/coverage.py` measures it."""

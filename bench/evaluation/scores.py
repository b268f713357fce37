"""From measures to scores: values of every run and part, their means, and intervals over groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.evaluation.measured import Measured
from bench.metrics import Metric
from bench.metrics.sampling.intervals import DEFAULT_METHOD, Interval, intervals
from bench.metrics.sampling.resampling import Value
from bench.results import PartScore, Score

RESAMPLES = 1_000
SEED = 0
LEVEL = 0.95
OTHERS = ("percentile", "bca")
"""The methods of which a score holds the interval of its headline beside the default's."""
MOST_LEFT_OUT = 200
"""BCa leaves out every group once: up to so many, which costs less than the resamples do."""

Ends = tuple[Float[np.ndarray, " E"], Float[np.ndarray, " E"]]
Reduction = Callable[[Float[np.ndarray, "R G"]], list[Float[np.ndarray, "R U P K"]]]
"""Rows of group weights -> class values of every run and part, one array for each metric."""


def score_all(
    metrics: Sequence[Metric], measured: Measured, resamples: int = RESAMPLES
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Reduce every metric to its score; return the scores by name and how the intervals were made."""
    scores: dict[str, Score] = {}
    for group in together(metrics):
        of_group, found = _score(group, measured, resamples)
        scores |= of_group
    return scores, _how(found, measured, resamples)


def together(metrics: Sequence[Metric]) -> list[list[Metric]]:
    """Put metrics that share their work next to each other; the others stay alone."""
    groups: dict[Any, list[Metric]] = {}
    for metric in metrics:
        groups.setdefault(metric.shared or metric.name, []).append(metric)
    return list(groups.values())


def columns(metrics: Sequence[Metric], measured: Measured) -> tuple[Value, list[Float[np.ndarray, "U P K"]]]:
    """Return the function of group weights that gives everything with an interval, and the plain values.

    `metrics` are one, or several that share their work. The columns of each, one metric after the other, are
    the headline, then the mean of each class, then the value of each part; each is the mean over runs. The
    plain values are those of every run and part: the mean first, then the classes.
    """
    reduce = _reduction(metrics, measured)
    reduced = reduce(np.ones((1, measured.groups)))
    averaged = [
        [metric.averaged(whole, measured.foreground) for whole in values[0, 0]]
        for metric, values in zip(metrics, reduced, strict=True)
    ]
    plain = [_with_means(*of)[0] for of in zip(metrics, reduced, averaged, strict=True)]
    defined = [~np.isnan(values).any(axis=0) for values in plain]

    def value(weights: Float[np.ndarray, "R G"]) -> Float[np.ndarray, "R K"]:
        blocks = []
        for metric, values, of, there in zip(metrics, reduce(weights), averaged, defined, strict=True):
            over_runs = _with_means(metric, values, of).mean(axis=1)  # (R, P, 1 + C)
            blocks += [_over_parts(over_runs, there, measured, weights), over_runs[:, :, 0]]
        return np.concatenate(blocks, axis=1)

    return value, plain


def headlines(metrics: Sequence[Metric], measured: Measured) -> Value:
    """Return the function of group weights that gives the headline of each of these metrics alone."""
    value, _ = columns(metrics, measured)
    places = np.cumsum([0, *(len(groups_behind(metric, measured)) for metric in metrics[:-1])])
    return lambda weights: value(weights)[:, places]


def groups_behind(metric: Metric, measured: Measured) -> Int[np.ndarray, " K"]:
    """Return how many groups each column of `columns` rests on.

    The headline on all; a class on those whose truth shows it, though false alarms on others count too;
    a part on its own.
    """
    parts = [len(np.unique(group)) for group in measured.group.values()]
    if metric.mean == "none":
        return np.array([measured.groups, *parts])
    group = np.concatenate(list(measured.group.values()))
    shows = np.concatenate(list(measured.shows.values()))
    classes = [len(np.unique(group[of])) for of in shows.T]
    return np.array([measured.groups, *classes, *parts])


def _score(
    metrics: Sequence[Metric], measured: Measured, resamples: int
) -> tuple[dict[str, Score], Interval]:
    """Score metrics that share their work, and so their range."""
    value, plain = columns(metrics, measured)
    behind = [groups_behind(metric, measured) for metric in metrics]
    others = OTHERS if measured.groups <= MOST_LEFT_OUT else OTHERS[:1]
    by_method = intervals(
        value,
        measured.groups,
        (DEFAULT_METHOD, *others),
        resamples=resamples,
        seed=SEED,
        level=LEVEL,
        bounds=metrics[0].bounds,
        behind=np.concatenate(behind),
    )
    scores, start = {}, 0
    for metric, point, of in zip(metrics, plain, behind, strict=True):
        its = slice(start, start := start + len(of))
        ends = {method: (found.low[its], found.high[its]) for method, found in by_method.items()}
        scores[metric.name] = _one(metric, measured, point, ends)
    return scores, by_method[DEFAULT_METHOD]


def _one(
    metric: Metric, measured: Measured, point: Float[np.ndarray, "U P K"], ends: Mapping[str, Ends]
) -> Score:
    """Put the values of one metric and the ends of their intervals where a score has them."""
    low, high = ends[DEFAULT_METHOD]
    over_runs = point.mean(axis=0)
    defined, ones = ~np.isnan(over_runs), np.ones((1, measured.groups))
    whole = _over_parts(over_runs[None], defined, measured, ones)[0]
    names = measured.classes if metric.mean != "none" else ()
    per_run = [float(_over_parts(of_run[None], defined, measured, ones)[0, 0]) for of_run in point]
    first = 1 + len(names)
    return Score(
        value=float(whole[0]),
        low=float(low[0]),
        high=float(high[0]),
        std_runs=_spread(per_run),
        std_parts=_spread(over_runs[:, 0]),
        per_class={name: float(whole[1 + c]) for c, name in enumerate(names)},
        per_class_interval={name: (float(low[1 + c]), float(high[1 + c])) for c, name in enumerate(names)},
        per_part={
            part: PartScore(
                value=float(over_runs[p, 0]),
                low=float(low[first + p]),
                high=float(high[first + p]),
                per_class={name: float(over_runs[p, 1 + c]) for c, name in enumerate(names)},
            )
            for p, part in enumerate(measured.group)
        },
        per_run=dict(zip(measured.runs, per_run, strict=True)),
        other_intervals={
            method: (float(of[0][0]), float(of[1][0]))
            for method, of in ends.items()
            if method != DEFAULT_METHOD
        },
    )


def _how(found: Interval, measured: Measured, resamples: int) -> dict[str, Any]:
    return {
        "method": found.method,
        "level": found.level,
        "resamples": resamples,
        "seed": SEED,
        "unit": "group of recordings",
        "groups": measured.groups,
        "reason": found.reason,
    }


def _reduction(metrics: Sequence[Metric], measured: Measured) -> Reduction:
    """Return what reduces every run and part; work that does not hang on weights is done here, once."""
    shared, places = metrics[0].shared, [(run, part) for run in measured.runs for part in measured.group]
    held: list[Any] = [measured.measures[metrics[0].measure, run, part] for run, part in places]
    if shared is not None:
        held = [shared.prepare(measures) for measures in held]

    def reduce(weights: Float[np.ndarray, "R G"]) -> list[Float[np.ndarray, "R U P K"]]:
        rows = [weights[:, measured.group[part]] for _, part in places]
        if shared is not None:
            made = [shared.reduce(of, w) for of, w in zip(held, rows, strict=True)]
        else:
            made = [{m.name: m.reduce(of, w) for m in metrics} for of, w in zip(held, rows, strict=True)]
        shape = (len(weights), len(measured.runs), len(measured.group), -1)
        return [np.stack([values[m.name] for values in made], axis=1).reshape(shape) for m in metrics]

    return reduce


def _with_means(
    metric: Metric, values: Float[np.ndarray, "R U P K"], averaged: Sequence[Bool[np.ndarray, " K"]]
) -> Float[np.ndarray, "R U P C1"]:
    """Put the mean of each part in front of its class values; a metric that is one number is its mean."""
    rows, runs, parts, _ = values.shape
    mean = np.empty((rows, runs, parts, 1))
    for run in range(runs):
        for part in range(parts):
            mean[:, run, part, 0] = metric.average(values[:, run, part], averaged[part])
    return mean if metric.mean == "none" else np.concatenate([mean, values], axis=-1)


def _over_parts(
    values: Float[np.ndarray, "R P K"],
    defined: Bool[np.ndarray, "P K"],
    measured: Measured,
    weights: Float[np.ndarray, "R G"],
) -> Float[np.ndarray, "R K"]:
    """Average over the parts that define a value, each as often as its groups were drawn.

    `defined` says which do, and that the truth decides: a class may occur in some only. A row in which such
    a part was drawn without what defines it is undefined, so that no row is a mean over other parts.
    """
    drawn = np.stack(
        [weights[:, np.unique(group)].mean(axis=1) for group in measured.group.values()], axis=1
    )[:, :, None]
    counted = np.where(defined, drawn, 0.0)  # (R, P, K)
    total = counted.sum(axis=1)
    summed = np.multiply(values, counted, out=np.zeros_like(values), where=counted > 0).sum(axis=1)
    return np.divide(summed, total, out=np.full_like(summed, np.nan), where=total > 0)


def _spread(values: Sequence[float] | Float[np.ndarray, " V"]) -> float:
    """Return the population standard deviation; NaN for a single value or an infinite one."""
    return float(np.std(values)) if len(values) > 1 and np.isfinite(values).all() else float("nan")

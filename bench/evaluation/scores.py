"""From measures to scores: values of every run and part, their means, and intervals over groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.evaluation.columns import Columns, Values, columns_of
from bench.evaluation.measured import Measured
from bench.metrics import Metric
from bench.metrics.sampling.intervals import DEFAULT_METHOD, Interval, intervals
from bench.metrics.sampling.resampling import Value, leave_one_out
from bench.results import PartScore, Score

RESAMPLES = 1_000
SEED = 0
LEVEL = 0.95
OTHERS = ("percentile", "bca")
"""The methods of which a score holds the interval of its headline beside the default's."""
MOST_LEFT_OUT = 200
"""Scores over more groups than these hold no interval by BCa."""

Reduction = Callable[[Float[np.ndarray, "R G"]], list[Float[np.ndarray, "R U P K"]]]
"""Rows of group weights -> class values of every run and part, one array for each metric."""


def score_all(
    metrics: Sequence[Metric], measured: Measured, resamples: int = RESAMPLES
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Reduce every metric to its score; return the scores by name and how the intervals were made."""
    scores: dict[str, Score] = {}
    for sharing in together(metrics):
        some, interval = _score(sharing, measured, resamples)
        scores |= some
    return scores, _interval_card(interval, measured, resamples)


def together(metrics: Sequence[Metric]) -> list[list[Metric]]:
    """Put metrics that share their work next to each other; the others stay alone."""
    groups: dict[Any, list[Metric]] = {}
    for metric in metrics:
        groups.setdefault(metric.shared or metric.name, []).append(metric)
    return list(groups.values())


def weighted_values(metrics: Sequence[Metric], measured: Measured) -> tuple[Value, list[Values]]:
    """Return the function of group weights that gives every number with an interval, and the plain values.

    `metrics` are one, or several that share their work. The columns of the function are those of
    `columns_of`; each is the mean over runs. The plain values are (runs, parts), one for each metric.
    """
    reduce, columns = _reduction(metrics, measured), columns_of(metrics, measured)
    reduced = reduce(np.ones((1, measured.groups)))
    averaged = [
        [metric.averaged(whole, measured.foreground) for whole in values[0, 0]]
        for metric, values in zip(metrics, reduced, strict=True)
    ]
    plain = [Values(_with_means(*one)[0]) for one in zip(metrics, reduced, averaged, strict=True)]
    defined = [~np.isnan(values.array).any(axis=0) for values in plain]

    def value(weights: Float[np.ndarray, "R G"]) -> Float[np.ndarray, "R K"]:
        joined = np.empty((len(weights), columns[-1].stop))
        for k, (metric, values) in enumerate(zip(metrics, reduce(weights), strict=True)):
            over_runs = Values(_with_means(metric, values, averaged[k]).mean(axis=1))  # (R, P)
            whole = Values(_over_parts(over_runs.array, defined[k], measured, weights))
            columns[k].write(joined, whole, over_runs)
        return joined

    return value, plain


def headlines(metrics: Sequence[Metric], measured: Measured) -> Value:
    """Return the function of group weights that gives the headline of each of these metrics alone."""
    value, _ = weighted_values(metrics, measured)
    places = [columns.headline for columns in columns_of(metrics, measured)]
    return lambda weights: value(weights)[:, places]


def groups_behind(metrics: Sequence[Metric], measured: Measured) -> Int[np.ndarray, " K"]:
    """Return how many groups each column of `weighted_values` rests on.

    The headline on all; a class on those whose truth shows it, though false alarms on others count too;
    a part on its own.
    """
    group = np.concatenate(list(measured.group.values()))
    shows = np.concatenate(list(measured.shows.values()))
    classes = [len(np.unique(group[shown])) for shown in shows.T]
    every = columns_of(metrics, measured)
    behind = np.empty(every[-1].stop, dtype=np.int64)
    for columns in every:
        behind[columns.headline] = measured.groups
        behind[columns.classes] = classes[: columns.classes.stop - columns.classes.start]
        behind[columns.parts] = [len(np.unique(part)) for part in measured.group.values()]
    return behind


def _score(
    metrics: Sequence[Metric], measured: Measured, resamples: int
) -> tuple[dict[str, Score], Interval]:
    """Score metrics that share their work, and so their range."""
    value, plain = weighted_values(metrics, measured)
    left_out = leave_one_out(value, measured.groups)
    others = OTHERS if measured.groups <= MOST_LEFT_OUT else OTHERS[:1]
    by_method = intervals(
        value,
        measured.groups,
        (DEFAULT_METHOD, *others),
        resamples=resamples,
        seed=SEED,
        level=LEVEL,
        bounds=metrics[0].bounds,
        behind=groups_behind(metrics, measured),
        left_out=left_out,
    )
    every = zip(metrics, plain, columns_of(metrics, measured), strict=True)
    scores = {
        metric.name: replace(
            _assemble(metric, measured, values, columns, by_method),
            left_out=tuple(left_out[:, columns.headline].tolist()),
        )
        for metric, values, columns in every
    }
    return scores, by_method[DEFAULT_METHOD]


def _assemble(
    metric: Metric, measured: Measured, values: Values, columns: Columns, by_method: Mapping[str, Interval]
) -> Score:
    """Put the values of one metric, of every run and part, and the ends of its intervals into a score."""
    low, high = by_method[DEFAULT_METHOD].low, by_method[DEFAULT_METHOD].high
    parts = Values(values.array.mean(axis=0))
    defined, ones = ~np.isnan(parts.array), np.ones((1, measured.groups))
    whole = Values(_over_parts(parts.array[None], defined, measured, ones)[0])
    names = measured.classes if metric.mean != "none" else ()
    runs = [Values(_over_parts(run[None], defined, measured, ones)[0]) for run in values.array]
    per_run = [float(run.overall) for run in runs]
    ends = list(zip(low.tolist(), high.tolist(), strict=True))
    others = {method: one for method, one in by_method.items() if method != DEFAULT_METHOD}
    return Score(
        value=float(whole.overall),
        low=ends[columns.headline][0],
        high=ends[columns.headline][1],
        std_runs=_spread(per_run),
        std_parts=_spread(parts.overall),
        per_class=dict(zip(names, whole.per_class.tolist(), strict=True)),
        per_class_interval=dict(zip(names, ends[columns.classes], strict=True)),
        per_part={
            part: PartScore(
                value=float(parts.overall[p]),
                low=ends[columns.parts][p][0],
                high=ends[columns.parts][p][1],
                per_class=dict(zip(names, parts.per_class[p].tolist(), strict=True)),
            )
            for p, part in enumerate(measured.group)
        },
        per_run=dict(zip(measured.runs, per_run, strict=True)),
        other_intervals={
            method: (float(one.low[columns.headline]), float(one.high[columns.headline]))
            for method, one in others.items()
        },
    )


def _interval_card(interval: Interval, measured: Measured, resamples: int) -> dict[str, Any]:
    """Say in plain values how the intervals were made, or why there are none."""
    return {
        "method": interval.method,
        "level": interval.level,
        "resamples": resamples,
        "seed": SEED,
        "unit": "group of recordings",
        "groups": measured.groups,
        "reason": interval.reason,
    }


def _reduction(metrics: Sequence[Metric], measured: Measured) -> Reduction:
    """Return what reduces every run and part; work that does not depend on weights is done here, once."""
    shared, places = metrics[0].shared, [(run, part) for run in measured.runs for part in measured.group]
    prepared: list[Any] = [measured.measures[metrics[0].measure, run, part] for run, part in places]
    if shared is not None:
        prepared = [shared.prepare(measures) for measures in prepared]

    def reduce(weights: Float[np.ndarray, "R G"]) -> list[Float[np.ndarray, "R U P K"]]:
        pairs = zip(prepared, [weights[:, measured.group[part]] for _, part in places], strict=True)
        if shared is not None:
            reduced = [shared.reduce(measures, rows) for measures, rows in pairs]
        else:
            reduced = [{m.name: m.reduce(measures, rows) for m in metrics} for measures, rows in pairs]
        shape = (len(weights), len(measured.runs), len(measured.group), -1)
        return [np.stack([values[m.name] for values in reduced], axis=1).reshape(shape) for m in metrics]

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

    `defined` says which do, and that depends on the truth: a class may occur in some only. A row in which
    such a part was drawn without what defines it is undefined, so that no row is a mean over other parts.
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

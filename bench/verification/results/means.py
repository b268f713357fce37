"""Scores by themselves: ranges, order of interval ends, and every mean and deviation of other values.

This holds for every metric, whatever it counts:

value         the mean over parts of `per_part.value`, and the mean over runs of `per_run`
per_class     the mean over parts of `per_part.per_class`
per_part      its value is the mean over its classes, over those that the metric averages
std_runs      the population standard deviation of `per_run`; std_parts that of `per_part.value`
left_out      as many values as groups, or none where a result was brought from an earlier format; they spread
              about as the interval does (`left_out`)
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.errors import nearest
from bench.evaluation import LEVEL, RESAMPLES, SEED
from bench.evaluation.scores import MOST_LEFT_OUT, OTHERS
from bench.files.faults import Fault, Place
from bench.metrics import Metric
from bench.metrics.sampling.intervals import DEFAULT_METHOD, MIN_GROUPS
from bench.results import Result, Score
from bench.tasks import Task
from bench.verification.results.left_out import left_out_faults
from bench.verification.results.numbers import differences, inside, mean, spread, written


@dataclass(frozen=True)
class Names:
    """What every score must speak of."""

    classes: tuple[str, ...]
    parts: tuple[str, ...]
    runs: tuple[str, ...]
    methods: tuple[str, ...]
    """Of the intervals beside the default's."""


def name_faults(task: Task, result: Result) -> Iterator[Fault]:
    """Yield the metrics, classes, parts and runs that the scores lack, or have beyond those of the task."""
    metrics = {metric.name: metric for metric in task.metrics}
    yield from key_faults(("scores",), result.scores, metrics, "metric")
    names = Names(
        classes=task.classes,
        parts=tuple(part.name for part in task.parts),
        runs=next((tuple(score.per_run) for score in result.scores.values()), ()),
        methods=OTHERS if result.groups <= MOST_LEFT_OUT else OTHERS[:1],
    )
    for name, score in result.scores.items():
        if name in metrics:
            yield from _name_faults(("scores", name), metrics[name], score, names)


def number_faults(task: Task, result: Result) -> Iterator[Fault]:
    """Yield the faults of every score, metric by metric, and of how the intervals were made.

    The scores must have the names that the task has.
    """
    for metric in task.metrics:
        place, score = ("scores", metric.name), result.scores[metric.name]
        table = asdict(score)
        yield from _range_faults(place, metric, table)
        yield from _end_faults(place, metric, table)
        yield from _mean_faults(place, metric, score, task.background)
        yield from left_out_faults((*place, "left_out"), metric, score, result.groups, LEVEL)
    yield from _interval_faults(result)
    if result.format >= 3:
        sums = {"groups": len(result.group_frames), "frames": sum(result.group_frames)}
        stored = {"groups": result.groups, "frames": result.frames}
        yield from differences((), stored, sums, "as many as group_frames")


def key_faults(
    place: Place, table: Mapping[str, Any], expected: Collection[str], what: str
) -> Iterator[Fault]:
    """Yield the names that a table lacks, and those that it must not have."""
    known = ", ".join(expected) or "none"
    for key in table:
        if key not in expected:
            yield Fault((*place, key), f"unknown {what}{nearest(key, expected)}", known)
    yield from (Fault((*place, key), "missing", f"this {what}") for key in expected if key not in table)


def _name_faults(place: Place, metric: Metric, score: Score, names: Names) -> Iterator[Fault]:
    classes = names.classes if metric.mean != "none" else ()
    yield from key_faults((*place, "per_class"), score.per_class, classes, "class")
    yield from key_faults((*place, "per_class_interval"), score.per_class_interval, classes, "class")
    yield from key_faults((*place, "per_part"), score.per_part, names.parts, "part")
    yield from key_faults((*place, "per_run"), score.per_run, names.runs, "run")
    for name, part in score.per_part.items():
        yield from key_faults((*place, "per_part", name, "per_class"), part.per_class, classes, "class")
    yield from key_faults((*place, "other_intervals"), score.other_intervals, names.methods, "method")


def _range_faults(place: Place, metric: Metric, table: Any) -> Iterator[Fault]:
    """Yield every number outside the range of its metric; a deviation is 0 at least and never infinite."""
    low, high = metric.bounds
    if isinstance(table, Mapping):
        for key, inner in table.items():
            if key in ("std_runs", "std_parts"):
                if not (math.isnan(inner) or 0 <= inner < math.inf):
                    yield Fault((*place, key), written(inner), "a number of at least 0, or null")
            else:
                yield from _range_faults((*place, key), metric, inner)
    elif isinstance(table, list | tuple):
        for k, inner in enumerate(table):
            yield from _range_faults((*place, k), metric, inner)
    elif not (math.isnan(table) or inside(table, low, high)):
        yield Fault(place, written(table), f"from {low:g} to {high:g}, the range of {metric.name}")


def _end_faults(place: Place, metric: Metric, table: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the intervals whose ends are in no order, half undefined, or do not hold their value.

    The default method always holds the value where the metric has a range of two ends.
    """
    holds = all(map(math.isfinite, metric.bounds))
    for inner, low, value, high in _intervals(table):
        yield from _interval_end_faults((*place, *inner), low, value if holds else None, high)


def _intervals(table: Mapping[str, Any]) -> Iterator[tuple[Place, float, float | None, float]]:
    """Yield every interval of a score: its place, lower end, the value that it is of, upper end.

    Intervals of other methods need not hold their value: None.
    """
    yield (), table["low"], table["value"], table["high"]
    for name, part in table["per_part"].items():
        yield ("per_part", name), part["low"], part["value"], part["high"]
    for name, (low, high) in table["per_class_interval"].items():
        yield ("per_class_interval", name), low, table["per_class"][name], high
    for name, (low, high) in table["other_intervals"].items():
        yield ("other_intervals", name), low, None, high


def _interval_end_faults(place: Place, low: float, value: float | None, high: float) -> Iterator[Fault]:
    ends = f"from {written(low)} to {written(high)}"
    if math.isnan(low) != math.isnan(high):
        yield Fault(place, f"an interval {ends}", "two numbers, or null twice")
    elif low > high:
        yield Fault(place, f"an interval {ends}", "the lower end first")
    elif value is not None and not math.isnan(low) and not inside(value, low, high):
        yield Fault(place, f"{written(value)} with an interval {ends}", "low <= value <= high")


def _mean_faults(place: Place, metric: Metric, score: Score, background: str | None) -> Iterator[Fault]:
    """Yield the values, means of classes and deviations that do not follow from parts and runs."""
    parts = list(score.per_part.values())
    classes = list(score.per_class)
    yield from differences(
        place,
        {"value": score.value, "per_class": score.per_class, "std_parts": score.std_parts},
        {
            "value": mean([part.value for part in parts]),
            "per_class": {name: mean([part.per_class[name] for part in parts]) for name in classes},
            "std_parts": spread([part.value for part in parts]),
        },
        "which follows from per_part",
    )
    per_run = list(score.per_run.values())
    yield from differences(
        place,
        {"value": score.value, "std_runs": score.std_runs},
        {"value": _mean_of_all(per_run), "std_runs": spread(per_run)},
        "which follows from per_run",
    )
    if metric.mean != "none":
        averaged = [name for name in classes if metric.mean == "classes" or name != background]
        for name, part in score.per_part.items():
            expected = {"value": mean([part.per_class[label] for label in averaged])}
            inner = (*place, "per_part", name)
            yield from differences(inner, {"value": part.value}, expected, "the mean over its classes")


def _mean_of_all(values: Sequence[float]) -> float:
    """Return the mean; NaN where one is: the truth decides what is defined, so all are or none is."""
    return math.nan if any(map(math.isnan, values)) else mean(values)


def _interval_faults(result: Result) -> Iterator[Fault]:
    """Yield what the result says otherwise of its intervals than every evaluation makes them."""
    expected = {
        "method": DEFAULT_METHOD,
        "level": LEVEL,
        "resamples": RESAMPLES,
        "seed": SEED,
        "unit": "group of recordings",
        "groups": result.groups,
    }
    yield from differences(("interval",), result.interval, expected, "as every result has it")
    few = result.groups < MIN_GROUPS
    if few != (result.interval["reason"] is not None):
        reason = "a reason, of so few groups" if few else "null, of so many groups"
        yield Fault(("interval", "reason"), written(result.interval["reason"]), reason)
    for name, score in result.scores.items() if few else ():
        for inner, low, _, high in _intervals(asdict(score)):
            if not (math.isnan(low) and math.isnan(high)):
                yield Fault(("scores", name, *inner), "an interval", f"none, of {result.groups} groups")

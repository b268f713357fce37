"""Scores against details: what follows from counts by distance, curves of edges and other metrics.

A file sums these counts over runs, so only numbers that are linear in them follow: accuracy, recall, accuracy
near and far from transitions, F1 of onsets and offsets. The others follow in `counted`, run by run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from bench.files.faults import Fault
from bench.metrics.boundary import AT_TRANSITION, BEYOND_10, WITHIN_5
from bench.results import Result
from bench.tasks import Task
from bench.verification.results.details import by_distance, metrics_alone, support
from bench.verification.results.numbers import differences, mean, near, written

ZONES = {
    "accuracy": slice(None),
    "accuracy_at_transition": AT_TRANSITION,
    "accuracy_within_5": WITHIN_5,
    "accuracy_beyond_10": BEYOND_10,
}
"""Metric -> the distances to a transition whose frames it counts."""
TOLERANCES = {"f1_within_5": slice(5, 6), "f1_within_15": slice(15, 16), "f1_area": slice(None)}
"""End of the name of a metric of edges -> the tolerances that it averages."""
SAME = (("f1", "f1_all_classes"), ("recall", "recall_mean"))
"""Metrics whose values of classes are the same."""
WEIGHTED = (("f1_weighted", "f1_all_classes"), ("precision_weighted", "precision"))
"""Metrics that weight the classes of another by their frames."""


def derived_faults(task: Task, result: Result) -> Iterator[Fault]:
    """Yield what scores have otherwise than details say, and recordings otherwise than the whole."""
    for name, part in result.details["parts"].items():
        expected = _of_distances(task, part, result.details["runs"]) | _of_edges(part)
        yield from _differences(result, name, expected, "which follows from the details")
        yield from _differences(
            result, name, _of_others(task, result, name), "which follows from another metric"
        )
        yield from _defined_faults(task, result, name)
        yield from _recording_faults(task, result, name)


def _differences(result: Result, part: str, expected: Mapping[str, Any], source: str) -> Iterator[Fault]:
    """Yield the differences from the expected scores of a part, of those metrics that the result has."""
    for metric, score in expected.items():
        if metric in result.scores:
            of_part = vars(result.scores[metric].per_part[part])
            yield from differences(("scores", metric, "per_part", part), of_part, score, source)


def _of_distances(task: Task, part: Mapping[str, Any], runs: int) -> dict[str, Any]:
    """Return accuracy, of all frames and in zones, and recall."""
    every = part["boundary"]["all"]
    made: dict[str, Any] = {
        name: {"value": _ratio(sum(every["right"][zone]), runs * sum(every["frames"][zone]))}
        for name, zone in ZONES.items()
    }
    totals = by_distance(task, part).sum(axis=2).tolist()
    recalls = [_ratio(right, runs * frames) for frames, right in totals]
    recall = {"per_class": dict(zip(task.classes, recalls, strict=True))}
    return made | {"recall": recall, "recall_mean": recall}


def _of_edges(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return F1 of onsets and offsets within a tolerance, and over all."""
    curves = {
        edge: {
            name: [math.nan if of is None else of for of in curve["f1"]] for name, curve in by_class.items()
        }
        for edge, by_class in part["edges"].items()
    }
    return {
        f"{edge}_{ending}": {"per_class": {name: mean(curve[zone]) for name, curve in by_class.items()}}
        for edge, by_class in curves.items()
        for ending, zone in TOLERANCES.items()
    }


def _of_others(task: Task, result: Result, name: str) -> dict[str, Any]:
    """Return the values that follow from those of other metrics and from the frames of each class."""
    counts = support(task, result.details["parts"][name])
    held = {metric: score.per_part[name] for metric, score in result.scores.items()}
    made: dict[str, Any] = {other: {"per_class": held[one].per_class} for one, other in SAME if one in held}
    for weighted, plain in WEIGHTED:
        if plain in held:
            values = held[plain].per_class
            total = sum(number * values[of_class] for of_class, number in counts.items() if number)
            made[weighted] = {"value": _ratio(total, sum(counts.values()))}
    return made


def _defined_faults(task: Task, result: Result, name: str) -> Iterator[Fault]:
    """Yield classes that are undefined though the truth shows them, or defined though it does not."""
    part = result.details["parts"][name]
    counts, frames = support(task, part), sum(part["recordings"]["frames"])
    defined = {of_class for of_class, number in counts.items() if number}
    ranked = {of_class for of_class in defined if counts[of_class] < frames}
    for metric, of in (("f1", defined), ("precision", defined), ("map", defined), ("auroc", ranked)):
        values = result.scores[metric].per_part[name].per_class if metric in result.scores else {}
        for of_class, value in values.items():
            if math.isnan(value) == (of_class in of):
                share = f"{counts[of_class]:,} of {frames:,} frames show it"
                expected = f"{'a number' if of_class in of else 'null'}: {share}"
                yield Fault(
                    ("scores", metric, "per_part", name, "per_class", of_class), written(value), expected
                )


def _recording_faults(task: Task, result: Result, name: str) -> Iterator[Fault]:
    """Yield values of single recordings out of range, and accuracies that do not add up to the whole."""
    rows = result.details["parts"][name]["recordings"]
    place = ("details", "parts", name, "recordings")
    first, *_ = metrics = metrics_alone(task)
    columns = [(("values", metric.name), metric, rows["values"][metric.name]) for metric in metrics]
    columns += [
        (("per_class", of_class), first, rows["per_class"][of_class]) for of_class in rows["per_class"]
    ]
    for key, metric, column in columns:
        low, high = metric.bounds
        for k, value in enumerate(column):
            if value is not None and not low <= float(value) <= high:
                expected = f"from {low:g} to {high:g}, the range of {metric.name}"
                yield Fault((*place, *key, k), written(float(value)), expected)
    if "accuracy" in rows["values"]:
        pairs = zip(rows["frames"], rows["values"]["accuracy"], strict=True)
        right = sum(frames * float(value) for frames, value in pairs if frames and value is not None)
        found, whole = _ratio(right, sum(rows["frames"])), result.scores["accuracy"].per_part[name].value
        if not near(found, whole):
            yield Fault((*place, "values", "accuracy"), f"{written(found)} over all", written(whole))


def _ratio(part: float | int, whole: float | int) -> float:
    return part / whole if whole else math.nan

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
from bench.verification.results.numbers import differences, inside, mean, near, written

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
        expected = _accuracies(task, part, result.details["runs"]) | _edge_scores(part)
        yield from _differences(result, name, expected, "which follows from the details")
        expected = _related_scores(task, result, name)
        yield from _differences(result, name, expected, "which follows from another metric")
        yield from _defined_faults(task, result, name)
        yield from _recording_faults(task, result, name)


def _differences(result: Result, part: str, expected: Mapping[str, Any], source: str) -> Iterator[Fault]:
    """Yield the differences from the expected scores of a part, of those metrics that the result has."""
    for metric, score in expected.items():
        if metric in result.scores:
            stored = vars(result.scores[metric].per_part[part])
            yield from differences(("scores", metric, "per_part", part), stored, score, source)


def _accuracies(task: Task, part: Mapping[str, Any], runs: int) -> dict[str, Any]:
    """Return accuracy, of all frames and in zones, and recall."""
    whole = part["boundary"]["all"]
    scores: dict[str, Any] = {
        name: {"value": _ratio(sum(whole["right"][zone]), runs * sum(whole["frames"][zone]))}
        for name, zone in ZONES.items()
    }
    totals = by_distance(task, part).sum(axis=2).tolist()
    recalls = [_ratio(right, runs * frames) for frames, right in totals]
    recall = {"per_class": dict(zip(task.classes, recalls, strict=True))}
    return scores | {"recall": recall, "recall_mean": recall}


def _edge_scores(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return F1 of onsets and offsets within a tolerance, and over all."""
    curves = {
        (edge, name): [math.nan if value is None else value for value in curve["f1"]]
        for edge, by_class in part["edges"].items()
        for name, curve in by_class.items()
    }
    scores: dict[str, Any] = {}
    for (edge, name), curve in curves.items():
        for ending, zone in TOLERANCES.items():
            score = scores.setdefault(f"{edge}_{ending}", {"per_class": {}})
            score["per_class"][name] = mean(curve[zone])
    return scores


def _related_scores(task: Task, result: Result, name: str) -> dict[str, Any]:
    """Return the values that follow from those of other metrics and from the frames of each class."""
    counts = support(task, result.details["parts"][name])
    stored = {metric: score.per_part[name] for metric, score in result.scores.items()}
    scores: dict[str, Any] = {
        metric: {"per_class": stored[source].per_class} for source, metric in SAME if source in stored
    }
    for metric, source in WEIGHTED:
        if source in stored:
            values = stored[source].per_class
            total = sum(frames * values[label] for label, frames in counts.items() if frames)
            scores[metric] = {"value": _ratio(total, sum(counts.values()))}
    return scores


def _defined_faults(task: Task, result: Result, name: str) -> Iterator[Fault]:
    """Yield classes that are undefined though the truth shows them, or defined though it does not."""
    part = result.details["parts"][name]
    counts, frames = support(task, part), sum(part["recordings"]["frames"])
    present = {label for label, count in counts.items() if count}
    ranked = {label for label in present if counts[label] < frames}
    for metric, defined in (("f1", present), ("precision", present), ("map", present), ("auroc", ranked)):
        values = result.scores[metric].per_part[name].per_class if metric in result.scores else {}
        for label, value in values.items():
            if math.isnan(value) == (label in defined):
                kind = "a number" if label in defined else "null"
                expected = f"{kind}: {counts[label]:,} of {frames:,} frames show it"
                place = ("scores", metric, "per_part", name, "per_class", label)
                yield Fault(place, written(value), expected)


def _recording_faults(task: Task, result: Result, part: str) -> Iterator[Fault]:
    """Yield values of single recordings out of range, and accuracies that do not add up to the whole."""
    rows = result.details["parts"][part]["recordings"]
    place = ("details", "parts", part, "recordings")
    first, *_ = metrics = metrics_alone(task)
    columns = [(("values", metric.name), metric, rows["values"][metric.name]) for metric in metrics]
    columns += [(("per_class", name), first, column) for name, column in rows["per_class"].items()]
    for key, metric, column in columns:
        low, high = metric.bounds
        for k, value in enumerate(column):
            if value is not None and not inside(float(value), low, high):
                expected = f"from {low:g} to {high:g}, the range of {metric.name}"
                yield Fault((*place, *key, k), written(float(value)), expected)
    if "accuracy" in rows["values"]:
        pairs = zip(rows["frames"], rows["values"]["accuracy"], strict=True)
        right = sum(frames * float(value) for frames, value in pairs if frames and value is not None)
        pooled = _ratio(right, sum(rows["frames"]))
        whole = result.scores["accuracy"].per_part[part].value
        if not near(pooled, whole):
            yield Fault((*place, "values", "accuracy"), f"{written(pooled)} over all", written(whole))


def _ratio(part: float | int, whole: float | int) -> float:
    return part / whole if whole else math.nan

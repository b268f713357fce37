"""Details by themselves: their shape is that of the task and the split, and their counts agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Int

from bench.evaluation.details.made import ALONE
from bench.files.faults import Fault, Place
from bench.metrics import Metric
from bench.results import Result
from bench.splits import Split
from bench.tasks import Task
from bench.verification.results.means import key_faults
from bench.verification.results.numbers import differences, written


def shape_faults(task: Task, split: Split, result: Result) -> Iterator[Fault]:
    """Yield runs, parts, classes, recordings and columns that are not those of the scores, task and split."""
    details, parts = result.details, [part.name for part in task.parts]
    runs = len(next(iter(result.scores.values())).per_run)
    if details["runs"] != runs:
        yield Fault(("details", "runs"), f"{details['runs']}", f"{runs}, as many as the scores have")
    yield from key_faults(("details", "parts"), details["parts"], parts, "part")
    for name, part in details["parts"].items():
        if name in parts:
            yield from _part_faults(task, split, name, part)


def count_faults(task: Task, split: Split, result: Result) -> Iterator[Fault]:
    """Yield the counts that contradict each other. The shape of the details must be right."""
    yield from _total_faults(task, split, result)
    for name, part in result.details["parts"].items():
        place, runs = ("details", "parts", name), result.details["runs"]
        yield from _distance_faults((*place, "boundary"), task, part, runs)
        if task.exclusive:
            yield from _confusion_faults((*place, "confusion"), task, part, runs)
        for edge, curves in part["edges"].items():
            for label, curve in curves.items():
                yield from _curve_faults((*place, "edges", edge, label, "f1"), curve)


def by_distance(task: Task, part: Mapping[str, Any]) -> Int[np.ndarray, "C 2 32"]:
    """Return the true frames of every class by distance, and those that are right, summed over runs."""
    curves = [part["boundary"]["per_class"][name] for name in task.classes]
    return np.array([[curve["frames"], curve["right"]] for curve in curves], dtype=np.int64)


def support(task: Task, part: Mapping[str, Any]) -> dict[str, int]:
    """Return the true frames of every class in one part."""
    return dict(zip(task.classes, by_distance(task, part)[:, 0].sum(axis=1).tolist(), strict=True))


def metrics_alone(task: Task) -> list[Metric]:
    """Return the metrics that details give of each recording alone."""
    return [*task.metrics[:2], *(metric for metric in task.metrics[2:] if metric.name in ALONE)]


def _part_faults(task: Task, split: Split, name: str, part: Mapping[str, Any]) -> Iterator[Fault]:
    place, rows, classes = ("details", "parts", name), part["recordings"], task.classes
    tables: dict[Place, Any] = {("boundary", "per_class"): part["boundary"]["per_class"]}
    tables |= {("edges", edge): part["edges"][edge] for edge in ("onset", "offset")}
    for key, table in tables.items():
        yield from key_faults((*place, *key), table, classes, "class")
    tested, columns = split.group_of(name, "test"), (*place, "recordings")
    for k, id_ in enumerate(rows["id"]):
        if id_ not in tested:
            yield Fault((*columns, "id", k), written(id_), f"a test recording of part {name!r}")
    yield from key_faults((*columns, "values"), rows["values"], _names(metrics_alone(task)), "metric")
    ranked = () if task.metrics[0].mean == "none" else classes
    yield from key_faults((*columns, "per_class"), rows["per_class"], ranked, "class")
    lists: dict[Place, Any] = {(key,): rows[key] for key in ("frames", "group", "counts") if key in rows}
    lists |= {(key, name): column for key in ("values", "per_class") for name, column in rows[key].items()}
    for key, column in lists.items():
        if len(column) != len(rows["id"]):
            expected = f"{len(rows['id']):,}, one of each recording"
            yield Fault((*columns, *key), f"{len(column):,} values", expected)
    size, widths = len(classes), [len(row) for row in part.get("confusion", ())]
    if widths != [size] * size * task.exclusive:
        expected = f"{size} rows of {size}" if task.exclusive else "none, where classes overlap"
        yield Fault((*place, "confusion"), f"rows of {', '.join(map(str, widths)) or 'nothing'}", expected)


def _names(metrics: Sequence[Metric]) -> list[str]:
    return [metric.name for metric in metrics]


def _total_faults(task: Task, split: Split, result: Result) -> Iterator[Fault]:
    """Yield the numbers of recordings, groups, frames and classes that the details do not add up to."""
    parts = result.details["parts"]
    tested = {name: split.group_of(name, "test") for name in parts}
    rows = {name: part["recordings"] for name, part in parts.items()}
    groups = {tested[name][id_] for name in parts for id_ in rows[name]["id"]}
    supports = [support(task, part) for part in parts.values()]
    expected = {
        "recordings": len({id_ for columns in rows.values() for id_ in columns["id"]}),
        "groups": len(groups),
        "frames": sum(sum(columns["frames"]) for columns in rows.values()),
        "support": {name: sum(counts[name] for counts in supports) for name in task.classes},
    }
    if result.format >= 3:
        expected["group_frames"] = _group_frames(list(rows.values()), len(groups))
    stored = {key: getattr(result, key) for key in expected}
    yield from differences((), stored, expected, "which follows from the details")
    numbers = {group: k for k, group in enumerate(sorted(groups))}
    for name, columns in rows.items():
        if "group" in columns:
            expected = {"group": [numbers[tested[name][id_]] for id_ in columns["id"]]}
            place = ("details", "parts", name, "recordings")
            yield from differences(place, columns, expected, "as the split groups them")


def _group_frames(rows: Sequence[Mapping[str, Any]], groups: int) -> list[int]:
    """Return the frames of every group, from the columns of the recordings of all parts."""
    frames = [0] * groups
    for columns in rows:
        for group, count in zip(columns["group"], columns["frames"], strict=True):
            if group < groups:
                frames[group] += count
    return frames


def _distance_faults(place: Place, task: Task, part: Mapping[str, Any], runs: int) -> Iterator[Fault]:
    """Yield counts by distance that the recordings, the classes or the number of runs contradict."""
    whole, by_class = part["boundary"]["all"], by_distance(task, part)
    total, frames = sum(part["recordings"]["frames"]), sum(whole["frames"])
    if frames != total:
        expected = f"{total:,}, the sum over recordings"
        yield Fault((*place, "all", "frames"), f"{frames:,} frames in all", expected)
    curves: dict[Place, Any] = {("all",): np.array([whole["frames"], whole["right"]])}
    curves |= {("per_class", name): curve for name, curve in zip(task.classes, by_class, strict=True)}
    for key, (counts, right) in curves.items():
        for k in np.flatnonzero(right > runs * counts).tolist():
            expected = f"at most {runs * counts[k]:,}, the frames of all runs"
            yield Fault((*place, *key, "right", k), f"{right[k]:,}", expected)
    if task.exclusive:
        frames, right = by_class.sum(axis=0).tolist()
        sums = {"frames": frames, "right": right}
        yield from differences((*place, "all"), whole, sums, "the sum over classes")


def _confusion_faults(place: Place, task: Task, part: Mapping[str, Any], runs: int) -> Iterator[Fault]:
    """Yield rows that do not sum to the frames of their class, and cells of right frames that differ."""
    totals = by_distance(task, part).sum(axis=2).tolist()
    for k, (name, row, (frames, right)) in enumerate(
        zip(task.classes, part["confusion"], totals, strict=True)
    ):
        if sum(row) != runs * frames:
            expected = f"{runs * frames:,}, the frames of {name} in all runs"
            yield Fault((*place, k), f"a row of {sum(row):,} frames", expected)
        if row[k] != right:
            yield Fault((*place, k, k), f"{row[k]:,}", f"{right:,}, those right in boundary.per_class.{name}")


def _curve_faults(place: Place, curve: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a curve of F1 that falls as the tolerance grows, or is undefined where the truth defines it."""
    defined = [value is not None for value in curve["f1"]]
    if defined != [curve["true"] > 0] * len(defined):
        expected = "numbers" if curve["true"] else "null"
        yield Fault(place, f"{sum(defined)} numbers", f"{expected} alone, because {curve['true']} are true")
    elif all(defined):
        for k, (before, value) in enumerate(pairwise(curve["f1"]), start=1):
            if value < before - 1e-12:
                yield Fault((*place, k), written(value), f"at least {before!r}, that of less tolerance")

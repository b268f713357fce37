"""Scores against the counts of every recording: F1, precision, recall, accuracy, kappa and their intervals.

Format 2 holds the frames of every pair of categories of each recording in each run. So every number of these
metrics follows, those of each run and of each resample too. In format 1 a single run has one confusion matrix
per part, from which all but the intervals follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import numpy as np

from bench.evaluation import Measured, counted_metrics, measured_of, score_all
from bench.evaluation.details import PartCounts, class_counts, part_counts
from bench.evaluation.scores import RESAMPLES
from bench.files.faults import Fault, Place
from bench.results import Result
from bench.tasks import Task
from bench.verification.results.details import by_distance, metrics_alone
from bench.verification.results.numbers import differences, mean

TABLE = 50_000_000
"""Recordings times categories: counts beyond that are not read, because they would fill the memory."""
POINTS = ("value", "std_runs", "std_parts", "per_class", "per_run")
"""What a score has beside its intervals and parts."""


def counted_faults(task: Task, result: Result) -> Iterator[Fault]:
    """Yield faults of the counts, then what the scores have otherwise than the counts give."""
    if result.format == 1:
        if task.exclusive and result.details["runs"] == 1:
            yield from _score_faults(task, _with_counts(task, result), 0)
        return
    faults = [
        fault
        for name, part in result.details["parts"].items()
        for fault in _cell_faults(("details", "parts", name), task, part, result.details["runs"])
    ]
    if faults:
        yield from faults
        return
    measured = measured_of(result)
    if measured is None:
        return
    for name, counts in part_counts(result).items():
        part = result.details["parts"][name]
        place = ("details", "parts", name)
        yield from _sum_faults(place, task, part, counts)
        yield from _recording_faults((*place, "recordings"), task, part["recordings"], measured)
    yield from _score_faults(task, result, RESAMPLES)


def _with_counts(task: Task, result: Result) -> Result:
    """Return a result of one run in which each part is one recording: the points are the same."""
    classes = range(len(task.classes))
    parts = {
        name: {
            "categories": [[c] for c in classes],
            "recordings": {
                "id": ["all"],
                "group": [0],
                "counts": [[x for t in classes for p in classes for x in (t, p, part["confusion"][t][p])]],
            },
        }
        for name, part in result.details["parts"].items()
    }
    return replace(result, details={"runs": 1, "parts": parts})


def _cell_faults(place: Place, task: Task, part: Mapping[str, Any], runs: int) -> Iterator[Fault]:
    """Yield categories and cells that are not laid out as they must be."""
    categories, counts = part["categories"], part["recordings"]["counts"]
    for k, category in enumerate(categories):
        rising = all(a < b for a, b in pairwise(category))
        known = rising and all(0 <= c < len(task.classes) for c in category)
        if not known or (task.exclusive and len(category) != 1):
            expected = f"{'one place' if task.exclusive else 'rising places'} below {len(task.classes)}"
            yield Fault((*place, "categories", k), str(category)[:80], expected)
    if any(a >= b for a, b in pairwise(categories)):
        yield Fault((*place, "categories"), "categories in another order, or twice", "rising ones")
    if len(categories) * len(counts) > TABLE:
        yield Fault((*place, "categories"), f"{len(categories):,}", f"at most {TABLE // len(counts):,}")
    for k, numbers in enumerate(counts):
        inner, size = (*place, "recordings", "counts", k), len(numbers)
        if size % (2 + runs) or not numbers:
            yield Fault(inner, f"{size} numbers", f"{2 + runs} for each pair that occurs, in {runs} runs")
            continue
        cells = np.array(numbers, dtype=np.int64).reshape(-1, 2 + runs)
        pairs = [tuple(pair) for pair in cells[:, :2].tolist()]
        if cells[:, :2].max() >= len(categories) or any(a >= b for a, b in pairwise(pairs)):
            yield Fault(inner, "other pairs", f"rising pairs of categories below {len(categories)}")


def _sum_faults(place: Place, task: Task, part: Mapping[str, Any], counts: PartCounts) -> Iterator[Fault]:
    """Yield sums over the counts that differ from other counts of the part."""
    rows, runs = part["recordings"], counts.frames.shape[1]
    truth = np.zeros((len(counts.ids), len(counts.categories), runs), dtype=np.int64)
    np.add.at(truth, (counts.owner, counts.true), counts.frames)
    for k in np.flatnonzero((truth != truth[:, :, :1]).any(axis=(1, 2))).tolist():
        yield Fault((*place, "recordings", "counts", k), "a truth that differs from run to run", "one truth")
    expected = {"frames": truth[:, :, 0].sum(axis=1).tolist()}
    yield from differences((*place, "recordings"), rows, expected, "which follows from counts")
    by_run = np.stack([np.sum(class_counts(counts, run), axis=0) for run in range(runs)])  # (U, C, 4)
    totals, source = by_distance(task, part).sum(axis=2).tolist(), "summed, as counts have it"
    for c, (name, (frames, right)) in enumerate(zip(task.classes, totals, strict=True)):
        expected = {"frames": int(by_run[0, c, 0] + by_run[0, c, 2]), "right": int(by_run[:, c, 0].sum())}
        inner = (*place, "boundary", "per_class", name)
        yield from differences(inner, {"frames": frames, "right": right}, expected, source)
    agreed = {"right": int(counts.frames[counts.true == counts.predicted].sum())}
    right = {"right": sum(part["boundary"]["all"]["right"])}
    yield from differences((*place, "boundary", "all"), right, agreed, source)
    if task.exclusive:
        confusion = np.zeros((len(task.classes),) * 2, dtype=np.int64)
        number = counts.categories.argmax(axis=1)
        np.add.at(confusion, (number[counts.true], number[counts.predicted]), counts.frames.sum(axis=1))
        yield from differences(place, part, {"confusion": confusion.tolist()}, "which follows from counts")


def _recording_faults(
    place: Place, task: Task, rows: Mapping[str, Any], measured: Measured
) -> Iterator[Fault]:
    """Yield values of single recordings that their counts do not give."""
    part, alone = str(place[2]), np.eye(len(rows["id"]))
    for metric in counted_metrics(metrics_alone(task)):
        runs = [metric.reduce(measured.measures[metric.measure, run, part], alone) for run in measured.runs]
        values = np.mean(runs, axis=0)  # (N, K); undefined in all runs or in none, as the truth decides
        averaged = values[:, measured.foreground] if metric.mean == "foreground" else values
        expected = {("values", metric.name): [mean(row) for row in averaged.tolist()]}
        if metric is task.metrics[0] and metric.mean != "none":
            expected |= {("per_class", name): values[:, c].tolist() for c, name in enumerate(task.classes)}
        for key, column in expected.items():
            stored = [math.nan if value is None else float(value) for value in rows[key[0]][key[1]]]
            yield from differences((*place, *key), stored, column, "which follows from counts")


def _score_faults(task: Task, result: Result, resamples: int) -> Iterator[Fault]:
    """Yield what scores have otherwise than the counts; without resamples, nothing about intervals."""
    measured = measured_of(result)
    if measured is None:
        return
    scores, _ = score_all(counted_metrics(task.metrics), measured, resamples)
    for name, score in scores.items():
        expected, stored = asdict(score), asdict(result.scores[name])
        if result.format < 3:
            del expected["left_out"]
        if not resamples:
            parts = expected["per_part"].items()
            points = {name: {key: part[key] for key in ("value", "per_class")} for name, part in parts}
            expected = {key: expected[key] for key in POINTS} | {"per_part": points}
        yield from differences(("scores", name), stored, expected, "which follows from the counts")

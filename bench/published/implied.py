"""What follows from printed tables: means of classes, parts and tIoU, weighted means, gains.

A printed number stands for every number that rounds to it, so what follows from several is a range. All
formulas here but deviation and gain rise with each of their numbers: their range is what follows from the
lowest and from the highest numbers that round to the printed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev, stdev

from bench.published.tables import Number
from bench.tasks import Task
from bench.verification import Printed

Weights = Mapping[str, int]
"""Class -> frames in which it holds."""


@dataclass(frozen=True)
class Implied:
    """A value that follows from printed numbers, and the range that rounding leaves it."""

    value: float
    low: float
    high: float
    rule: str
    """From what, in words."""


def _range(numbers: Sequence[Number], formula: Callable[[Sequence[float]], float], rule: str) -> Implied:
    """Apply a formula that rises with each number."""
    value, low, high = (formula([n.value + side * n.digit / 2 for n in numbers]) for side in (0, -1, 1))
    return Implied(value, low, high, rule)


def mean(numbers: Sequence[Number], what: str) -> Implied:
    """Return the mean; `what` names the numbers."""
    return _range(numbers, fmean, f"mean of {len(numbers)} {what}")


def deviation(numbers: Sequence[Number], what: str) -> Implied:
    """Return the population standard deviation; it moves by at most as much as any of its numbers."""
    values, half = [n.value for n in numbers], max(n.digit for n in numbers) / 2
    value = pstdev(values)
    rule = f"population deviation over {len(numbers)} {what}; the sample's is {stdev(values):.4f}"
    return Implied(value, value - half, value + half, rule)


def gain(best: Number, others: Sequence[Number]) -> Implied:
    """Return by how much the best exceeds the mean of the others."""
    rivals = mean(others, "other rows")
    half = best.digit / 2
    return Implied(
        best.value - rivals.value,
        best.value - half - rivals.high,
        best.value + half - rivals.low,
        f"less the {rivals.rule}",
    )


def as_implied(number: Number) -> Implied:
    """Return a printed number as what follows from itself: the range that rounds to it."""
    half = number.digit / 2
    return Implied(number.value, number.value - half, number.value + half, number.column)


def difference(one: Implied, other: Number) -> Implied:
    """Return by how much one value exceeds a printed number."""
    half = other.digit / 2
    rule = f"{one.rule}, less {other.row.row}: {other.column}"
    return Implied(one.value - other.value, one.low - other.value - half, one.high - other.value + half, rule)


def f1_of(precision: Number, recall: Number) -> Implied:
    """Return the harmonic mean."""
    return _range([precision, recall], lambda x: 2 * x[0] * x[1] / sum(x), "precision and recall")


def pooled(task: Task, table: Mapping[str, Mapping[str, Number]]) -> dict[str, Implied]:
    """Return, by our name of the metric, what follows from a table of classes.

    `table` is metric -> class -> number, of every class of the task: any of precision, recall and f1, and
    "frames", the support.
    """
    names, foreground = task.classes, [name for name in task.classes if name != task.background]
    support = [table["frames"][name].value for name in names]
    weighted = {"recall": "accuracy", "precision": "precision_weighted", "f1": "f1_weighted"}
    plain = {"recall": "recall_mean", "f1": "f1_all_classes"}
    implied = {}
    for metric, row in table.items():
        if metric == "frames":
            continue
        numbers = [row[name] for name in names]
        implied[weighted[metric]] = _range(
            numbers, lambda x: _weighted(x, support), f"{metric} of the classes, weighted by support"
        )
        if metric in plain:
            implied[plain[metric]] = mean(numbers, f"classes' {metric}")
        in_mean = [row[name] for name in foreground]
        implied[metric] = mean(in_mean, f"classes' {metric}, without background")
    return implied


def weighted_f1(f1: Mapping[str, Number], weights: Weights) -> Implied:
    """Return the mean of the classes' F1, weighted by frames that another table counts."""
    support = [weights[name] for name in f1]
    return _range(list(f1.values()), lambda x: _weighted(x, support), "F1 of the classes, weighted by frames")


def support_of(task: Task, part: str, counts: Sequence[Printed]) -> Weights:
    """Return the printed frames per class of a part's test recordings; empty where one is not printed."""
    ids = task.load_split().ids(part, "test")
    printed = {(p.recording, p.class_): int(p.printed) for p in counts if p.quantity == "frames" and p.class_}
    if any((id_, name) not in printed for id_ in ids for name in task.classes):
        return {}
    return {name: sum(printed[id_, name] for id_ in ids) for name in task.classes}


def as_number(like: Number, metric: str, implied: Implied) -> Number:
    """Return what follows in the form of a printed number like another: four decimals and no ±."""
    return replace(
        like,
        column=implied.rule,
        class_="",
        metric=metric,
        unit="share",
        says="",
        printed=f"{implied.value:.4f}",
        spread="",
    )


def _weighted(values: Sequence[float], weights: Sequence[float | int]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)

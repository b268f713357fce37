"""Frame and ranking metrics written from their definitions, one frame at a time and in exact fractions.

Independent of `bench.metrics`; run as a script it writes `tests/golden/frames.json`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parents[1] / "golden" / "frames.json"
Rows = Sequence[Sequence[int]]
Scores = Sequence[Sequence[float]]


def column(rows: Sequence[Sequence[float]], c: int) -> list[float]:
    return [row[c] for row in rows]


def f1(truth: Sequence[int], labels: Sequence[int]) -> Fraction | None:
    p, r = precision(truth, labels), recall(truth, labels)
    if p is None or r is None:
        return None
    return 2 * p * r / (p + r) if p + r else Fraction(0)


def precision(truth: Sequence[int], labels: Sequence[int]) -> Fraction | None:
    if not any(truth):
        return None
    named = [t for t, x in zip(truth, labels, strict=True) if x]
    return Fraction(sum(named), len(named)) if named else Fraction(0)


def recall(truth: Sequence[int], labels: Sequence[int]) -> Fraction | None:
    found = [x for t, x in zip(truth, labels, strict=True) if t]
    return Fraction(sum(found), len(found)) if found else None


def average_precision(truth: Sequence[int], scores: Sequence[float]) -> Fraction | None:
    if not any(truth):
        return None
    total, before = Fraction(0), Fraction(0)
    for threshold in sorted(set(scores), reverse=True):
        taken = [t for t, s in zip(truth, scores, strict=True) if s >= threshold]
        reached = Fraction(sum(taken), sum(truth))
        total += (reached - before) * Fraction(sum(taken), len(taken))
        before = reached
    return total


def auroc(truth: Sequence[int], scores: Sequence[float]) -> Fraction | None:
    positive = [s for t, s in zip(truth, scores, strict=True) if t]
    negative = [s for t, s in zip(truth, scores, strict=True) if not t]
    if not positive or not negative:
        return None
    halves = sum(2 * (p > n) + (p == n) for p in positive for n in negative)
    return Fraction(halves, 2 * len(positive) * len(negative))


def accuracy(truth: Rows, labels: Rows) -> Fraction:
    return Fraction(sum(list(t) == list(x) for t, x in zip(truth, labels, strict=True)), len(truth))


def cohen_kappa(truth: Rows, labels: Rows) -> Fraction | None:
    one, other = Counter(map(tuple, truth)), Counter(map(tuple, labels))
    if len(one) == 1:
        return None
    chance = Fraction(sum(one[s] * other[s] for s in one), len(truth) ** 2)
    return (accuracy(truth, labels) - chance) / (1 - chance)


def by_support(
    function: Callable[[Sequence[int], Sequence[int]], Fraction | None], truth: Rows, labels: Rows
) -> Fraction | None:
    weights = [sum(column(truth, c)) for c in range(len(truth[0]))]
    values = [function(column(truth, c), column(labels, c)) for c in range(len(truth[0]))]
    if not any(weights):
        return None
    return sum((w * v for w, v in zip(weights, values, strict=True) if v is not None), Fraction(0)) / sum(
        weights
    )


def every_metric(truth: Rows, labels: Rows, scores: Scores) -> dict[str, list[float | None]]:
    """Return the class values of every metric by name, as `reduce` gives them for a row of ones."""

    def classes(
        function: Callable[..., Fraction | None], rows: Sequence[Sequence[float]]
    ) -> list[Fraction | None]:
        return [function(column(truth, c), column(rows, c)) for c in range(len(truth[0]))]

    values = {
        "f1": classes(f1, labels),
        "f1_all_classes": classes(f1, labels),
        "f1_weighted": [by_support(f1, truth, labels)],
        "precision": classes(precision, labels),
        "precision_weighted": [by_support(precision, truth, labels)],
        "recall": classes(recall, labels),
        "recall_mean": classes(recall, labels),
        "accuracy": [accuracy(truth, labels)],
        "cohen_kappa": [cohen_kappa(truth, labels)],
        "map": classes(average_precision, scores),
        "auroc": classes(auroc, scores),
    }
    return {name: [None if v is None else float(v) for v in row] for name, row in values.items()}


def cases() -> list[dict[str, object]]:
    """Make small spans of every kind: ties, absent classes, one frame, one class, overlapping classes."""
    rng = np.random.default_rng(20)
    made: list[dict[str, object]] = []
    for n, (frames, classes) in enumerate(
        [(1, 3), (2, 4), (7, 3), (13, 5), (29, 4), (31, 2), (40, 6), (60, 4)]
    ):
        for exclusive in (True, False):
            scores = rng.random((frames, classes)).round(1 if n % 2 else 3)
            if exclusive:
                absent = n % 2  # the last class, in every other case
                truth = np.eye(classes, dtype=int)[rng.integers(classes - absent, size=frames)]
                labels = np.eye(classes, dtype=int)[scores.argmax(axis=1)]
            else:
                truth = (rng.random((frames, classes)) < 0.3).astype(int)
                labels = (scores >= 0.5).astype(int)
            made.append({"truth": truth.tolist(), "labels": labels.tolist(), "scores": scores.tolist()})
    one_class = np.eye(3, dtype=int)[np.ones(11, dtype=int)].tolist()
    made.append({"truth": one_class, "labels": one_class, "scores": rng.random((11, 3)).tolist()})
    return made


def write_golden() -> None:
    """Write every case with the values that the definitions give it."""
    lines = [json.dumps({**case, "values": every_metric(**case)}) for case in cases()]  # type: ignore[arg-type]
    GOLDEN.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    write_golden()

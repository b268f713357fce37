"""Frames of every pair of true and predicted category in one recording: what all metrics of counts rest on.

A category is the set of classes that hold in a frame. Where classes exclude each other it is one class, where
they overlap it may be several or none. F1, precision, recall, accuracy, kappa and the confusion matrix of any
recordings, in any resample, follow from these counts and from nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from bench.metrics.agreement import SetCounts
from bench.metrics.frames import Counts

Category = tuple[int, ...]
"""The classes that hold, by their places in the task's order."""
Pairs = Mapping[tuple[Category, Category], int]
"""(true category, predicted category) -> frames; the counts of spans add up."""


@dataclass(frozen=True, eq=False)
class PartCounts:
    """The counts of one part: M cells, each of one recording and one pair of categories."""

    ids: tuple[str, ...]
    group: Int[np.ndarray, " N"]
    """Of each recording: the number of its group among all test groups of the task."""
    categories: Bool[np.ndarray, "S C"]
    """Which classes each category holds."""
    owner: Int[np.ndarray, " M"]
    """The recording of each cell."""
    true: Int[np.ndarray, " M"]
    predicted: Int[np.ndarray, " M"]
    """Numbers of categories."""
    frames: Int[np.ndarray, "M U"]
    """Of each cell in each run."""


def count_pairs(truth: Bool[np.ndarray, "T C"], labels: Bool[np.ndarray, "T C"]) -> Pairs:
    """Count the frames of every pair of categories that occurs in one span.

    >>> truth = np.array([[1, 0], [1, 0], [0, 1]], dtype=bool)
    >>> count_pairs(truth, np.array([[1, 0], [1, 1], [1, 1]], dtype=bool))
    {((0,), (0,)): 1, ((0,), (0, 1)): 1, ((1,), (0, 1)): 1}
    """
    frames, classes = truth.shape
    both = np.packbits(np.concatenate([truth, labels], axis=1), axis=1)
    changed = np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1  # bouts are long: few rows are left
    bounds = np.concatenate([[0], changed, [frames]]) if frames else np.zeros(1, dtype=np.int64)
    distinct, index = np.unique(both[bounds[:-1]], axis=0, return_inverse=True)
    counts = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(counts, index.reshape(-1), np.diff(bounds))
    held = np.unpackbits(distinct, axis=1, count=2 * classes).astype(bool)
    pairs = {
        (_category(row[:classes]), _category(row[classes:])): int(count)
        for row, count in zip(held, counts, strict=True)
    }
    return dict(sorted(pairs.items()))


def by_recording(
    owner: Sequence[str], group: Sequence[int], runs: Sequence[Sequence[Pairs]]
) -> dict[str, Any]:
    """Return "categories", and "group" and "counts" of every recording, of one part as plain values.

    `owner` and `group` say of every span which recording it is of and the number of that recording's group;
    `runs` holds, for every run, the pairs of every span.
    """
    cells: dict[str, dict[tuple[Category, Category], list[int]]] = {id_: {} for id_ in owner}
    for run, spans in enumerate(runs):
        for id_, pairs in zip(owner, spans, strict=True):
            for pair, frames in pairs.items():
                cells[id_].setdefault(pair, [0] * len(runs))[run] += frames
    categories = sorted({category for pairs in cells.values() for pair in pairs for category in pair})
    number = {category: k for k, category in enumerate(categories)}
    return {
        "categories": [list(category) for category in categories],
        "group": list({id_: int(index) for id_, index in zip(owner, group, strict=True)}.values()),
        "counts": [
            [
                x
                for (true, named), frames in sorted(pairs.items())
                for x in (number[true], number[named], *frames)
            ]
            for pairs in cells.values()
        ],
    }


def read_counts(part: Mapping[str, Any], classes: int, runs: int) -> PartCounts | None:
    """Return the counts of one part from its plain values; None where it has none."""
    recordings = part["recordings"]
    if "counts" not in recordings:
        return None
    cells = [np.array(rows, dtype=np.int64).reshape(-1, 2 + runs) for rows in recordings["counts"]]
    joined = np.concatenate(cells)
    categories = np.zeros((len(part["categories"]), classes), dtype=bool)
    for k, held in enumerate(part["categories"]):
        categories[k, held] = True
    return PartCounts(
        ids=tuple(recordings["id"]),
        group=np.array(recordings["group"], dtype=np.int64),
        categories=categories,
        owner=np.repeat(np.arange(len(cells)), [len(rows) for rows in cells]),
        true=joined[:, 0],
        predicted=joined[:, 1],
        frames=joined[:, 2:],
    )


def class_counts(counts: PartCounts, run: int) -> list[Counts]:
    """Return, per recording, what `bench.metrics.frames.count_frames` counts of its frames in one run."""
    truth, labels = counts.categories[counts.true], counts.categories[counts.predicted]  # (M, C)
    cells = np.stack([truth & labels, ~truth & labels, truth & ~labels, ~truth & ~labels], axis=-1)
    totals = np.zeros((len(counts.ids), *cells.shape[1:]), dtype=np.int64)
    np.add.at(totals, counts.owner, cells * counts.frames[:, run, None, None])
    return list(totals)


def set_counts(counts: PartCounts, run: int) -> list[SetCounts]:
    """Return, per recording, what `bench.metrics.agreement.count_sets` counts of its frames in one run."""
    sets, frames = np.packbits(counts.categories, axis=1), counts.frames[:, run]
    tables = np.zeros((3, len(counts.ids), len(sets)), dtype=np.int64)
    agreed = np.where(counts.true == counts.predicted, frames, 0)
    for table, category, amount in zip(
        tables, (counts.true, counts.predicted, counts.true), (frames, frames, agreed), strict=True
    ):
        np.add.at(table, (counts.owner, category), amount)
    return [SetCounts(sets, *tables[:, n]) for n in range(len(counts.ids))]


def _category(row: Bool[np.ndarray, " C"]) -> Category:
    return tuple(np.flatnonzero(row).tolist())

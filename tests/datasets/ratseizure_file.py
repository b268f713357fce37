"""A file in the layout of RatSeizure's annotation, with the counts of the official one and no more of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.datasets.ratseizure import FILE, LABELS

TRAIN = (238, *(46,) * 13)
"""Segments per label; the official numbers of the training clips are not stated, but that they are 836."""
TEST = (124, 18, 20, 25, 29, 27, 27, 29, 28, 23, 26, 27, 25, 23)
OVERLAPPING, DOUBLED = {"training": 13, "testing": 14}, {"training": 3, "testing": 2}
"""Clips whose two segments overlap; of those, clips whose two segments are one row twice."""

Clip = dict[str, Any]


def row(label: int, start: float, end: float) -> dict[str, Any]:
    return {"segment": [start, end], "label": LABELS[label], "label_id": label}


def clip(subset: str, *rows: dict[str, Any]) -> Clip:
    return {"subset": subset, "duration": 10.0, "annotations": list(rows)}


def clips(subset: str, number: int, counts: Sequence[int], step: int) -> Iterator[Clip]:
    """Yield clips with so many segments of each label; by `step` no clip has one label twice in a row."""
    doubled, overlapping = DOUBLED[subset], OVERLAPPING[subset] - DOUBLED[subset]
    kept = [counts[0] - 2 * doubled, *counts[1:]]
    labels = [label for label, count in enumerate(kept) for _ in range(count)]
    order = iter([labels[i * step % len(labels)] for i in range(len(labels))])
    yield from (clip(subset, row(0, 0, 10), row(0, 0, 10)) for _ in range(doubled))
    yield from (clip(subset, row(next(order), 0, 6), row(next(order), 4, 10)) for _ in range(overlapping))
    yield clip(subset, row(next(order), 0, 8))  # two seconds of it belong to nobody
    two = sum(counts) - number - doubled - overlapping
    for i in range(two):
        cut = 1 + i % 9
        yield clip(subset, row(next(order), 0, cut), row(next(order), cut, 10))
    yield from (clip(subset, row(label, 0, 10)) for label in order)


def database() -> dict[str, Clip]:
    """Return all 794 clips, those of the two subsets mixed."""
    both = [*clips("training", 513, TRAIN, 255), *clips("testing", 281, TEST, 160)]
    return {f"Rat{1 + i % 9}_clip{i:03d}": both[i * 355 % len(both)] for i in range(len(both))}


def write(folder: Path, clips_: dict[str, Clip]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps({"database": clips_}))
    return folder

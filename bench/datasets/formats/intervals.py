"""Labels given as intervals, and their faults; what the readers of annotation files share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

LONGEST = 1_000_000
"""Seconds. No recording lasts eleven days; a number beyond it is a slip, and would fill the memory."""


@dataclass(frozen=True)
class Interval:
    """One bout: half-open frames `[start, stop)`, counted from 0, and its label."""

    start: int
    stop: int
    label: str


def frame_at(seconds: float, fps: float) -> int:
    """Return the frame that is nearest to a time; of a time beyond every video, some frame beyond all."""
    return round(min(seconds * fps, 1e12))


def paint(intervals: Iterable[Interval], labels: Sequence[str], frames: int) -> Bool[np.ndarray, "T C"]:
    """Return which labels hold in each frame; several may.

    Labels that are not among `labels` are left out. An interval that runs past the last frame is cut there.
    """
    labelled = np.zeros((frames, len(labels)), dtype=bool)
    for interval in intervals:
        if interval.label in labels:
            labelled[interval.start : interval.stop, labels.index(interval.label)] = True
    return labelled


def cut(intervals: Iterable[Interval], frames: int, tolerance: int) -> tuple[list[Interval], int]:
    """Return the intervals and how many were cut: those that end up to `tolerance` frames past the last one.

    One that lies past it altogether holds the last frame.
    """
    kept, count = [], 0
    for interval in intervals:
        late = frames < interval.stop <= frames + tolerance
        kept.append(Interval(min(interval.start, frames - 1), frames, interval.label) if late else interval)
        count += late
    return kept, count


def interval_faults(intervals: Iterable[Interval], frames: int | None) -> list[str]:
    """Say which intervals are empty, run past `frames` (None = unknown), or stand there twice."""
    faults = []
    earlier: set[Interval] = set()
    for interval in intervals:
        place = f"{interval.label} [{interval.start}, {interval.stop})"
        if interval.start < 0 or interval.stop <= interval.start:
            faults.append(f"{place} holds no frame")
        if frames is not None and interval.stop > frames:
            faults.append(f"{place} ends after the last of {frames:,} frames")
        if interval in earlier:
            faults.append(f"{place} stands there twice")
        earlier.add(interval)
    return faults

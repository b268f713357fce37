"""What one label file says, whatever its format: named columns of frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from bench.datasets.formats.bento import read_annot
from bench.datasets.formats.boris import read_events
from bench.datasets.formats.caltech import read_annotation
from bench.datasets.formats.frame_table import read_frame_table
from bench.datasets.formats.intervals import Interval, paint
from bench.datasets.formats.simba import read_targets
from bench.datasets.own.declaration import Declaration
from bench.errors import DataError, nearest


@dataclass(frozen=True, eq=False)
class Said:
    """What one label file says."""

    names: tuple[str, ...]
    held: Bool[np.ndarray, "T N"]
    annotated: Bool[np.ndarray, " T"]
    fps: float | None = None
    """Frames per second, where the file says it."""


def read_said(path: Path, declared: Declaration) -> Said:
    """Read one file in the declared format; raise `DataError` listing what is wrong with it."""
    files = declared.labels
    if files.format == "boris":
        events = read_events(path)
        subjects = sorted(set(events.subjects))
        if files.subject is not None and files.subject not in subjects:
            near = nearest(files.subject, subjects)
            raise DataError("", [f"no events of subject {files.subject!r}, of {', '.join(subjects)}{near}"])
        counted = [
            interval
            for interval, subject in zip(events.intervals, events.subjects, strict=True)
            if files.subject in (None, subject)
        ]
        return _painted(counted, events.frames, 0, events.fps)
    if files.format == "caltech":
        annotation = read_annotation(path)
        return _painted(annotation.channels[_channel(annotation.channels, files.channel)], annotation.frames)
    if files.format == "bento":
        annot = read_annot(path)
        channel = annot.channels[_channel(annot.channels, files.channel)]
        return _painted(channel, annot.stop, annot.first, annot.fps)
    if files.format == "simba":
        behaviours = tuple(name for name in declared.classes if name != declared.background)
        held = read_targets(path, behaviours).labels
        return Said(behaviours, held, np.ones(len(held), dtype=bool))
    table = read_frame_table(path)
    return Said(table.classes, table.labels, table.annotated)


def truth(said: Said, declared: Declaration) -> tuple[Bool[np.ndarray, "T C"], Bool[np.ndarray, " T"]]:
    """Return which of the task's classes hold in each frame, and which frames are annotated.

    The background holds where no other class does. Raises `DataError` listing unknown labels and, where
    classes exclude each other, frames that have several or none.
    """
    classes, ignored = declared.classes, declared.labels.ignore
    faults = [
        f"label {name!r} is no class{nearest(name, classes)}; ignore = [{name!r}] leaves it out"
        for name in said.names
        if name not in (*classes, *ignored)
    ]
    labels = np.zeros((len(said.held), len(classes)), dtype=bool)
    for name in set(said.names) & set(classes):
        labels[:, classes.index(name)] = said.held[:, said.names.index(name)]
    left_out = said.held[:, np.isin(said.names, ignored)].any(axis=1) & ~labels.any(axis=1)
    annotated = said.annotated
    if declared.background is not None:
        labels[:, classes.index(declared.background)] |= ~labels.any(axis=1)
    else:
        annotated = annotated & ~left_out
    labels &= annotated[:, None]
    if not declared.overlap:
        held = labels.sum(axis=1)
        faults += _frame_faults(held > 1, labels, classes, "overlap = true allows it")
        faults += _frame_faults(annotated & (held == 0), labels, classes, "background = … names that class")
    if faults:
        raise DataError("", faults)
    return labels, annotated


def _painted(intervals: Sequence[Interval], stop: int, start: int = 0, fps: float | None = None) -> Said:
    names = tuple(dict.fromkeys(interval.label for interval in intervals))
    return Said(names, paint(intervals, names, stop), np.arange(stop) >= start, fps)


def _channel(channels: Iterable[str], wanted: str | None) -> str:
    """Return the wanted channel, or the only one."""
    there = list(channels)
    if wanted is None and len(there) == 1:
        return there[0]
    if wanted not in there:
        missing = f"no channel {wanted!r}{nearest(wanted, there)}" if wanted else "holds several channels"
        named = ", ".join(map(repr, there))
        raise DataError("", [f"{missing}; in labels = {{ … }} write channel = one of {named}"])
    return wanted


def _frame_faults(
    bad: Bool[np.ndarray, " T"], labels: Bool[np.ndarray, "T C"], classes: Sequence[str], remedy: str
) -> list[str]:
    if not bad.any():
        return []
    frame = int(np.flatnonzero(bad)[0])
    held = [name for name, holds in zip(classes, labels[frame], strict=True) if holds]
    what = f"{' and '.join(held)} hold together" if held else "no class holds"
    return [f"{int(bad.sum()):,} frames of several classes or none: in frame {frame} {what}; {remedy}"]

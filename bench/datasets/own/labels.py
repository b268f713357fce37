"""The labels of one file, whatever its format: named columns of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool

from bench.datasets.formats.bento import read_annot
from bench.datasets.formats.boris import NO_EVENTS, read_observations
from bench.datasets.formats.caltech import read_annotation
from bench.datasets.formats.frame_table import read_frame_table
from bench.datasets.formats.intervals import Interval, paint
from bench.datasets.formats.names import recording_id
from bench.datasets.formats.plugged import LabelTable
from bench.datasets.formats.plugged import read_labels as read_plugged
from bench.datasets.formats.simba import read_targets
from bench.datasets.own.declaration import Declaration
from bench.datasets.own.sources import Source
from bench.errors import DataError, nearest
from bench.files.faults import quoted

MOST_FRAMES = 20_000_000
"""Of one recording, a week at 30 frames per second: a file of a line can claim any number."""


def read_labels(source: Source, declared: Declaration, frames: int | None) -> LabelTable:
    """Read the labels of a recording; raise `DataError` listing what is wrong with the file.

    `frames` is how long its poses are, where it has any: an export without events does not say it.
    """
    if declared.labels.format == "boris":
        return _boris(source, declared, frames)
    if declared.labels.format not in READERS:
        return read_plugged(declared.labels.format, source.labels)
    return READERS[declared.labels.format](source.labels, declared)


def truth(table: LabelTable, declared: Declaration) -> tuple[Bool[np.ndarray, "T C"], Bool[np.ndarray, " T"]]:
    """Return which of the task's classes hold in each frame, and which frames are annotated.

    The background holds where no other class does. Raises `DataError` listing unknown labels and, where
    classes exclude each other, frames that have several or none.
    """
    classes, ignored = declared.classes, declared.labels.ignore
    faults = [
        f"label {name!r} is no class{nearest(name, classes)}; ignore = [{name!r}] leaves it out"
        for name in table.names
        if name not in (*classes, *ignored)
    ]
    labels = np.zeros((len(table.labels), len(classes)), dtype=bool)
    for name in set(table.names) & set(classes):
        labels[:, classes.index(name)] = table.labels[:, table.names.index(name)]
    left_out = table.labels[:, np.isin(table.names, ignored)].any(axis=1) & ~labels.any(axis=1)
    annotated = table.annotated
    if declared.background is not None:
        labels[:, classes.index(declared.background)] |= ~labels.any(axis=1)
    else:
        annotated = annotated & ~left_out
    labels &= annotated[:, None]
    if not declared.overlap:
        count = labels.sum(axis=1)
        faults += _frame_faults(count > 1, labels, classes, "overlap = true allows it")
        faults += _frame_faults(annotated & (count == 0), labels, classes, "background = … names that class")
    if faults:
        raise DataError("", faults)
    return labels, annotated


def _boris(source: Source, declared: Declaration, frames: int | None) -> LabelTable:
    subject = declared.labels.subject
    observations = read_observations(source.labels, declared.tolerance, source.observation)
    ((name, events),) = observations.items()  # `find` names one where a file holds several
    if events is NO_EVENTS:
        if frames is None:
            raise DataError(
                "", ["no events, and so no length of the video: declare poses, or take the file out"]
            )
        note = "an export without events: in all frames of the poses nothing happened"
        return LabelTable((), np.zeros((frames, 0), dtype=bool), np.ones(frames, dtype=bool), None, (note,))
    subjects = sorted(set(events.subjects))
    if subject is not None and subject not in subjects:
        near = nearest(subject, subjects)
        raise DataError("", [f"no events of subject {subject!r}, of {', '.join(subjects)}{near}"])
    pairs = zip(events.intervals, events.subjects, strict=True)
    counted = [interval for interval, of_subject in pairs if subject in (None, of_subject)]
    other = name != "" and recording_id(name) != source.id
    notes = (*events.notes, f"its observation is called {quoted(name)}") if other else events.notes
    return _painted(counted, events.frames, 0, events.fps, notes)


def _caltech(path: Path, declared: Declaration) -> LabelTable:
    annotation = read_annotation(path)
    channel = _channel(annotation.channels, declared.labels.channel)
    return _painted(annotation.channels[channel], annotation.frames)


def _bento(path: Path, declared: Declaration) -> LabelTable:
    annot = read_annot(path, declared.labels.times, declared.tolerance)
    channel = annot.channels[_channel(annot.channels, declared.labels.channel)]
    return _painted(channel, annot.stop, annot.first, annot.fps, annot.notes)


def _simba(path: Path, declared: Declaration) -> LabelTable:
    behaviours = tuple(name for name in declared.classes if name != declared.background)
    labels = read_targets(path, behaviours).labels
    return LabelTable(behaviours, labels, np.ones(len(labels), dtype=bool))


def _frames(path: Path, _: Declaration) -> LabelTable:
    table = read_frame_table(path)
    return LabelTable(table.classes, table.labels, table.annotated)


READERS: Mapping[str, Callable[[Path, Declaration], LabelTable]] = MappingProxyType(
    {"caltech": _caltech, "bento": _bento, "simba": _simba, "frames": _frames}
)
"""Format, as a declaration names it -> its reader; that of BORIS is told of the poses too."""


def _painted(
    intervals: Sequence[Interval],
    stop: int,
    start: int = 0,
    fps: float | None = None,
    notes: tuple[str, ...] = (),
) -> LabelTable:
    if stop > MOST_FRAMES:
        raise DataError("", [f"{stop:,} frames, expected at most {MOST_FRAMES:,} of one recording"])
    names = tuple(dict.fromkeys(interval.label for interval in intervals))
    return LabelTable(names, paint(intervals, names, stop), np.arange(stop) >= start, fps, notes)


def _channel(channels: Iterable[str], name: str | None) -> str:
    """Return the channel of that name, or the only one where none is named."""
    names = list(channels)
    if name is None and len(names) == 1:
        return names[0]
    if name not in names:
        missing = f"no channel {name!r}{nearest(name, names)}" if name else "holds several channels"
        options = ", ".join(map(repr, names))
        raise DataError("", [f"{missing}; in labels = {{ … }} write channel = one of {options}"])
    return name


def _frame_faults(
    bad: Bool[np.ndarray, " T"], labels: Bool[np.ndarray, "T C"], classes: Sequence[str], remedy: str
) -> list[str]:
    if not bad.any():
        return []
    frame = int(np.flatnonzero(bad)[0])
    names = [name for name, holds in zip(classes, labels[frame], strict=True) if holds]
    what = f"{' and '.join(names)} hold together" if names else "no class holds"
    return [f"{int(bad.sum()):,} frames of several classes or none: in frame {frame} {what}; {remedy}"]

"""What a model says of a recording, as files: frames or detections as csv, bouts as BORIS writes them, npz.

BORIS    The columns of its "aggregated events": a row for each bout, in seconds. The background has no bouts.
Frames   A bout is a run of frames of one class.
Segments The frozen Soft-NMS is applied. A bout is one of a score that is asked for, and overlaps no surer
         one of its class.
Clusters A bout is a run of frames of one cluster, called `cluster 7`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int

from bench.files.writing import replacing, replacing_text
from bench.kinds import labels_of
from bench.metrics.softnms import soft_nms
from bench.recordings import Detections, Recording, segments_of

FORMATS = ("csv", "boris", "npz")
BORIS_COLUMNS = (
    *("Observation id", "Observation date", "Description", "Observation type", "Source", "Time offset (s)"),
    *("Coding duration", "Media duration (s)", "FPS (frame/s)", "Subject"),
    *("Observation duration by subject by observation", "Behavior", "Behavioral category", "Behavior type"),
    *("Start (s)", "Stop (s)", "Duration (s)", "Media file name", "Image index start", "Image index stop"),
    *("Image file path start", "Image file path stop", "Comment start", "Comment stop"),
)
LEAST = 0.3
"""Localisers that learn by a focal loss score right segments about so high, and higher."""
NOBODY = "No focal subject"
"""Whom BORIS names where a bout is about no animal in particular."""
Bout = tuple[str, float, float]
"""Class, start and end in seconds."""
Table = tuple[Sequence[str], Iterable[Sequence[Any]]]
"""Names of columns, and rows."""


@dataclass(frozen=True)
class Answered:
    """What was asked of a model."""

    kind: str
    """ "frames", "segments" or "clusters"."""
    classes: tuple[str, ...]
    exclusive: bool
    background: str | None
    least: float = LEAST
    """Of segments: the lowest score of a bout."""


@dataclass(frozen=True)
class _Form:
    """How answers of one kind are written."""

    table: Callable[[Answered, Recording, Any], Table]
    bouts: Callable[[Answered, Recording, Any], Iterator[Bout]]
    arrays: Callable[[Any], dict[str, np.ndarray]]


Writer = Callable[[Path, Recording, Any], Path]
"""(folder, recording, answer) -> the file that was written."""


def writer(format_: str, answered: Answered) -> Writer:
    """Return what writes one recording in one of `FORMATS`."""
    form = _FORMS[answered.kind]

    def write(folder: Path, recording: Recording, answer: Any) -> Path:
        if format_ == "npz":
            path = folder / f"{recording.id}.npz"
            with replacing(path) as file:
                np.savez(file, allow_pickle=False, classes=np.array(answered.classes), **form.arrays(answer))
            return path
        path = folder / f"{recording.id}.csv"
        if format_ == "csv":
            header, rows = form.table(answered, recording, answer)
        else:
            header, rows = BORIS_COLUMNS, _boris_rows(recording, form.bouts(answered, recording, answer))
        with replacing_text(path) as out:
            table = csv.writer(out, lineterminator="\n")
            table.writerow(header)
            table.writerows(rows)
        return path

    return write


def bouts_of(answered: Answered, recording: Recording, answer: Any) -> list[Bout]:
    """Return the bouts of an answer, by start, then end, then class; the background has none."""
    found = _FORMS[answered.kind].bouts(answered, recording, answer)
    return sorted(found, key=lambda bout: (bout[1], bout[2], bout[0]))


def _boris_rows(recording: Recording, bouts: Iterable[Bout]) -> Iterator[list[str]]:
    length, rate = f"{recording.frames / recording.fps:.3f}", f"{recording.fps:.3f}"
    for name, start, stop in sorted(bouts, key=lambda bout: (bout[1], bout[2], bout[0])):
        times = [f"{start:.3f}", f"{stop:.3f}", f"{stop - start:.3f}"]
        head = [recording.id, "", "", "Media file", recording.id, "0", length, length, rate, NOBODY, length]
        yield [*head, name, "Not defined", "STATE", *times, recording.id, "NA", "NA", "NA", "NA", "", ""]


def _frame_table(answered: Answered, recording: Recording, scores: Float32[np.ndarray, "T C"]) -> Table:
    labels = labels_of(scores, exclusive=answered.exclusive)

    def rows() -> Iterator[Sequence[Any]]:
        for frame, (held, values) in enumerate(zip(labels, scores.tolist(), strict=True)):
            names = "+".join(name for name, holds in zip(answered.classes, held, strict=True) if holds)
            yield [frame, f"{frame / recording.fps:.3f}", names, *(f"{value:.6f}" for value in values)]

    return ("frame", "seconds", "label", *answered.classes), rows()


def _frame_bouts(
    answered: Answered, recording: Recording, scores: Float32[np.ndarray, "T C"]
) -> Iterator[Bout]:
    return _runs(answered, recording, labels_of(scores, exclusive=answered.exclusive), answered.classes)


def _runs(
    answered: Answered, recording: Recording, labels: Bool[np.ndarray, "T C"], names: Sequence[str]
) -> Iterator[Bout]:
    runs = segments_of(labels, recording.fps)
    for (start, stop), label in zip(runs.bounds.tolist(), runs.labels.tolist(), strict=True):
        if names[label] != answered.background:
            yield names[label], start, stop


def _segment_table(answered: Answered, recording: Recording, found: Detections) -> Table:  # noqa: ARG001
    kept = soft_nms(found)
    order = np.argsort(-kept.scores, kind="stable")
    rows = (
        [f"{start:.3f}", f"{stop:.3f}", answered.classes[label], f"{score:.6f}"]
        for (start, stop), label, score in zip(
            kept.bounds[order].tolist(), kept.labels[order], kept.scores[order].tolist(), strict=True
        )
    )
    return ("start", "end", "label", "score"), rows


def _segment_bouts(
    answered: Answered,
    recording: Recording,  # noqa: ARG001  its length is not asked for
    found: Detections,
) -> Iterator[Bout]:
    kept = soft_nms(found)
    told: list[tuple[int, float, float]] = []
    for i in np.argsort(-kept.scores, kind="stable"):
        start, stop = kept.bounds[i].tolist()
        label = int(kept.labels[i])
        free = all(label != other or stop <= a or b <= start for other, a, b in told)
        if kept.scores[i] >= answered.least and free:
            told.append((label, start, stop))
            yield answered.classes[label], start, stop


def _cluster_table(answered: Answered, recording: Recording, ids: Int[np.ndarray, " T"]) -> Table:  # noqa: ARG001
    rows = ([frame, f"{frame / recording.fps:.3f}", id_] for frame, id_ in enumerate(ids.tolist()))
    return ("frame", "seconds", "cluster"), rows


def _cluster_bouts(answered: Answered, recording: Recording, ids: Int[np.ndarray, " T"]) -> Iterator[Bout]:
    known = np.unique(ids)
    return _runs(answered, recording, ids[:, None] == known, [f"cluster {id_}" for id_ in known.tolist()])


_FORMS = {
    "frames": _Form(_frame_table, _frame_bouts, lambda scores: {"scores": scores}),
    "segments": _Form(
        _segment_table,
        _segment_bouts,
        lambda found: {"bounds": found.bounds, "labels": found.labels, "scores": found.scores},
    ),
    "clusters": _Form(_cluster_table, _cluster_bouts, lambda ids: {"clusters": ids}),
}

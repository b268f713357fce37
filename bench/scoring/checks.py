"""What is wrong with what somebody wants scored: all of it, by recording."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from bench.errors import BenchError, nearest
from bench.files.faults import quoted
from bench.kinds import MAX_CLUSTERS
from bench.metrics.checks import (
    Array,
    Wrong,
    finite_faults,
    index_faults,
    label_faults,
    shape_faults,
)
from bench.recordings import SHOWN as ROWS
from bench.recordings import Detections, Segments
from bench.submissions.faults import SHOWN, Fault, listing
from bench.submissions.forms.checks import length_cause


def refuse(error: type[BenchError], title: str, faults: Iterable[Fault], hint: str) -> None:
    """Raise one error with all faults, if there are any."""
    listed = listing(faults)
    if listed:
        raise error(title, listed, hint)


def truth_faults(truth: Mapping[str, Array], classes: Sequence[str] | None) -> Iterator[Fault]:
    """Say what keeps these labels (class index per frame, -1 = not annotated) from being the truth."""
    if not truth:
        yield Fault("truth", "no recording, expected one array of labels per recording")
    faults = [fault for id_, of in truth.items() for fault in _at(id_, label_faults(of, classes))]
    yield from faults
    if truth and not faults and not any((labels >= 0).any() for labels in truth.values()):
        yield Fault("truth", "no annotated frame: every label is -1")


def group_faults(ids: Collection[str], groups: Mapping[str, str] | None) -> Iterator[Fault]:
    """Name the recordings without a group, where groups are given; groups of other recordings are fine."""
    absent = [id_ for id_ in ids if groups is not None and id_ not in groups]
    for i, id_ in enumerate(absent):
        near = nearest(id_, groups or ()) if i < SHOWN else ""  # the others are only counted
        yield Fault("recordings without a group", f"{quoted(id_)} has no group{near}")


def name_faults(expected: Collection[str], given: Collection[str]) -> Iterator[Fault]:
    """Name the recordings that are missing, and those that the truth does not have."""
    present = set(given)
    missing = [id_ for id_ in expected if id_ not in present]
    for id_ in missing:
        yield Fault("recordings missing", f"{quoted(id_)} is missing, the truth has it")
    for i, id_ in enumerate(id_ for id_ in given if id_ not in expected):
        near = nearest(id_, missing) if i < SHOWN else ""  # the others are only counted
        yield Fault("recordings not expected", f"{quoted(id_)} is not in the truth{near}")


def score_faults(
    truth: Mapping[str, Array],
    scores: Mapping[str, Array],
    classes: Sequence[str],
    unread: Collection[str] = (),
) -> Iterator[Fault]:
    """Say which scores are not finite numbers (frames, classes) for the frames of the truth.

    `unread` are recordings that are there and whose faults are named elsewhere.
    """
    yield from name_faults(truth, [*scores, *unread])
    for id_, array in scores.items():
        if id_ not in truth:
            continue
        if array.dtype.kind not in "fiub":
            wrong = [("types", f"{array.dtype}, expected numbers, one score per frame and class")]
        else:
            wanted = (len(truth[id_]), len(classes))
            wrong = list(shape_faults(array.shape, wanted, classes, _length_cause(id_, truth, scores)))
            if "shapes" not in dict(wrong):
                wrong += finite_faults(array, [f"column {i}" for i in range(array.shape[1])])
        yield from _at(id_, wrong)


def cluster_faults(
    truth: Mapping[str, Array], clusters: Mapping[str, Array], unread: Collection[str] = ()
) -> Iterator[Fault]:
    """Say which cluster ids are not one whole number per frame of the truth, or are too many."""
    known = {id_: array for id_, array in clusters.items() if id_ in truth}
    faults = list(name_faults(truth, [*clusters, *unread]))
    for id_, array in known.items():
        wrong = list(index_faults(array, "cluster id"))
        if not wrong and len(array) != len(truth[id_]):
            cause = _length_cause(id_, truth, clusters)
            wrong = [("frame counts", f"{len(array):,} frames, expected {len(truth[id_]):,}{cause}")]
        faults += _at(id_, wrong)
    yield from faults
    kept = [np.unique(array[truth[id_] >= 0]) for id_, array in known.items()] if not faults else []
    number = len(np.unique(np.concatenate(kept))) if kept else 0
    if number > MAX_CLUSTERS:
        yield Fault(
            "clusters",
            f"{number:,} distinct clusters in annotated frames, expected at most {MAX_CLUSTERS:,}: "
            "a cluster id means the same in every recording; are these frame or segment numbers?",
        )


def segment_faults(truth: Mapping[str, Segments], classes: int) -> Iterator[Fault]:
    """Say what keeps true segments in memory from being scored."""
    if not sum(len(segments.labels) for segments in truth.values()):
        yield Fault("truth", "no true segment in any recording")
    for id_, segments in truth.items():
        if segments.classes != classes:
            text = f"{quoted(id_)}: segments of {segments.classes} classes, expected {classes}"
            yield Fault("classes", text)


def detection_faults(
    truth: Collection[str], detections: Mapping[str, Detections], classes: int, *, soft_nms: bool
) -> Iterator[Fault]:
    """Name detections in recordings that the truth does not have, of unknown labels, or below zero."""
    yield from (fault for fault in name_faults(truth, detections) if fault.kind != "recordings missing")
    for id_, given in detections.items():
        if (given.labels >= classes).any():
            row = int((given.labels >= classes).argmax())
            text = f"{quoted(id_)}: row {row} has label {given.labels[row]}, expected 0 to {classes - 1}"
            yield Fault("labels", text)
        rows = np.flatnonzero(given.scores < 0)
        if soft_nms and len(rows):
            named = ", ".join(map(str, rows[:ROWS])) + (f" and {len(rows) - ROWS} more" * (len(rows) > ROWS))
            text = f"{quoted(id_)}: scores below 0, which Soft-NMS cannot weigh, in rows {named}"
            yield Fault("scores below zero", text)


def _at(id_: str, wrong: Iterable[Wrong]) -> list[Fault]:
    return [Fault(*one).at(quoted(id_)) for one in wrong]


def _length_cause(id_: str, truth: Mapping[str, Array], given: Mapping[str, Array]) -> str:
    """Guess why the number of frames is wrong; empty where it is right, or nothing comes to mind."""
    length, expected = given[id_].shape[:1], len(truth[id_])
    if length in ((), (expected,)):
        return ""
    for other, labels in truth.items():
        if (len(labels),) == length and other in given and given[other].shape[:1] == (expected,):
            return f": the frames of {quoted(other)}, are the two swapped?"
    return length_cause(length[0], expected)

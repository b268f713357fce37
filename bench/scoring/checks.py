"""What is wrong with arrays that somebody wants scored: all of it, by recording."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Shaped

from bench.errors import BenchError, UsageError, nearest
from bench.files.faults import quoted
from bench.submissions.checks import length_cause
from bench.submissions.faults import SHOWN, Fault, is_name, listing

MAX_UNNAMED = 1_000
"""Classes that have no name: a larger index is a slip, and would cost memory for all those below it."""
AGAIN = "mend what is listed, then score again"

Array = Shaped[np.ndarray, "*_"]


def refuse(error: type[BenchError], title: str, faults: Iterable[Fault], hint: str = AGAIN) -> None:
    """Raise one error with all faults, if there are any."""
    listed = listing(faults)
    if listed:
        raise error(title, listed, hint)


def check_question(classes: Sequence[str], background: str | None = None, fps: float | None = None) -> None:
    """Raise `UsageError` for class names, a background or a frame rate that mean nothing."""
    if isinstance(classes, str):
        raise UsageError(
            f"classes are one text, {quoted(classes)}", hint=f"give a list: {classes.split(',')}"
        )
    wrong = [
        f"class {quoted(name)} is named {count} times"
        for name, count in Counter(classes).items()
        if count > 1
    ]
    if not classes or not all(map(is_name, classes)):
        wrong.append(f"classes {list(classes)}: expected names, none of them empty")
    if background is not None and background not in classes:
        near = nearest(background, classes)
        wrong.append(f"background {quoted(background)} is not one of {', '.join(classes)}{near}")
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        wrong.append(f"fps {fps}: expected frames per second, more than 0")
    if wrong:
        raise UsageError("a question that cannot be asked", wrong)


def truth_faults(
    truth: Mapping[str, Array], classes: Sequence[str] | None, groups: Mapping[str, str] | None
) -> Iterator[Fault]:
    """Say what keeps these labels (class index per frame, -1 = not annotated) from being the truth.

    Without `classes` every index from 0 to 999 is one.
    """
    if not truth:
        yield Fault("truth", "no recording, expected one array of labels per recording")
    faults = [fault.at(quoted(id_)) for id_ in truth for fault in _label_faults(truth[id_], classes)]
    yield from faults
    if truth and not faults and not any((labels >= 0).any() for labels in truth.values()):
        yield Fault("truth", "no annotated frame: every label is -1")
    yield from group_faults(truth, groups)


def group_faults(ids: Collection[str], groups: Mapping[str, str] | None) -> Iterator[Fault]:
    """Name the recordings without a group, where groups are given; groups of other recordings are fine."""
    absent = [id_ for id_ in ids if groups is not None and id_ not in groups]
    for i, id_ in enumerate(absent):
        near = nearest(id_, groups or ()) if i < SHOWN else ""  # the others are only counted
        yield Fault("recordings without a group", f"{quoted(id_)} has no group{near}")


def score_faults(
    frames: Mapping[str, int],
    scores: Mapping[str, Array],
    classes: Sequence[str],
    unread: Collection[str] = (),
) -> Iterator[Fault]:
    """Compare scores (frames, classes) with what the truth expects; `unread` are named elsewhere."""
    yield from name_faults(frames, [*scores, *unread])
    for id_, array in scores.items():
        if id_ in frames:
            for fault in _score_faults(id_, array, frames, scores, classes):
                yield fault.at(quoted(id_))


def cluster_faults(
    frames: Mapping[str, int], clusters: Mapping[str, Array], unread: Collection[str] = ()
) -> Iterator[Fault]:
    """Compare cluster ids, one whole number per frame, with what the truth expects."""
    yield from name_faults(frames, [*clusters, *unread])
    for id_, array in clusters.items():
        if id_ not in frames:
            continue
        if fault := _index_fault(array, "cluster id"):
            yield fault.at(quoted(id_))
        elif len(array) != frames[id_]:
            yield _length_fault(id_, len(array), frames, clusters).at(quoted(id_))


def name_faults(expected: Collection[str], found: Collection[str]) -> Iterator[Fault]:
    """Name the recordings that are missing, and those that the truth does not have."""
    there = set(found)
    missing = [id_ for id_ in expected if id_ not in there]
    for id_ in missing:
        yield Fault("recordings missing", f"{quoted(id_)} is missing, the truth has it")
    for i, id_ in enumerate(id_ for id_ in found if id_ not in expected):
        near = nearest(id_, missing) if i < SHOWN else ""  # the others are only counted
        yield Fault("recordings not expected", f"{quoted(id_)} is not in the truth{near}")


def _label_faults(labels: Array, classes: Sequence[str] | None) -> Iterator[Fault]:
    if fault := _index_fault(labels, "class index"):
        yield fault
        return
    last = (len(classes) if classes is not None else MAX_UNNAMED) - 1
    odd = (labels < -1) | (labels > last)
    if not odd.any():
        return
    frame = int(odd.argmax())
    known = f"0 to {last} for {', '.join(classes)}" if classes is not None else f"0 to {last}"
    one_based = classes is not None and labels.min() >= 1 and labels.max() == len(classes)
    yield Fault(
        "labels outside the classes",
        f"labels outside the classes: {odd.sum():,}, the first {labels[frame]} at frame {frame:,}; "
        f"expected {known}, -1 where not annotated"
        + ("; do the labels count from 1? they count from 0" if one_based else ""),
    )


def _index_fault(array: Array, what: str) -> Fault | None:
    """Say why this is not one whole number per frame; None where it is."""
    if array.ndim != 1:
        cause = "; of one-hot labels save labels.argmax(axis=1)" if array.ndim == 2 else ""
        if array.ndim == 2 and not np.isin(array, (0, 1)).all():
            cause = "; these look like scores: the truth comes first, then the predictions"
        return Fault("shapes", f"shape {array.shape}, expected (frames,): one {what} per frame{cause}")
    if array.dtype.kind not in "iu":
        return Fault("types", f"{array.dtype}, expected whole numbers: save labels.astype(int)")
    return Fault("empty recordings", "no frames") if not len(array) else None


def _score_faults(
    id_: str,
    array: Array,
    frames: Mapping[str, int],
    scores: Mapping[str, Array],
    classes: Sequence[str],
) -> Iterator[Fault]:
    wanted = (frames[id_], len(classes))
    if array.dtype.kind not in "fiub":
        yield Fault("types", f"{array.dtype}, expected numbers, one score per frame and class")
        return
    if array.ndim != 2:
        hard = "; of hard labels save numpy.eye(classes)[labels]" if array.shape == wanted[:1] else ""
        yield Fault("shapes", f"shape {array.shape}, expected {wanted} (frames, classes){hard}")
        return
    if array.shape == wanted[::-1] != wanted:
        found = f"shape {array.shape}, expected {wanted} (frames, classes)"
        yield Fault("shapes", f"{found}: transposed, save scores.T")
        return
    if array.shape[1] != wanted[1]:
        names = ", ".join(classes)
        yield Fault("class counts", f"{array.shape[1]:,} columns, expected {wanted[1]}: {names}")
    if array.shape[0] != wanted[0]:
        yield _length_fault(id_, len(array), frames, scores)
    for name, odd in (("NaN", np.isnan(array)), ("infinite", np.isinf(array))):
        if odd.any():
            frame, column = np.unravel_index(int(odd.argmax()), odd.shape)
            place = f"frame {frame:,}, column {column}"
            yield Fault(f"{name} values", f"{name} values: {odd.sum():,}, the first at {place}")


def _length_fault(id_: str, found: int, frames: Mapping[str, int], given: Mapping[str, Array]) -> Fault:
    expected, cause = frames[id_], ""
    for other, length in frames.items():
        if length == found and other in given and given[other].shape[:1] == (expected,):
            cause = f": the frames of {quoted(other)}, are the two swapped?"
            break
    cause = cause or length_cause(found, expected)
    return Fault("frame counts", f"{found:,} frames, expected {expected:,}{cause}")

"""The kinds of task: everything that depends on whether a task asks for frames or for segments.

`kind_of(task)` is a table of functions: how long an answer must be, the spans that count, how a prediction is
judged, what is counted, digests and words. Nowhere else, but for the forms of submissions and the pages, does
code ask of what kind a task is.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.errors import DataError
from bench.kinds.frames import FRAMES, THRESHOLD, Scores, labels_of
from bench.kinds.kind import Cut, DetectionForm, Kind, Length, Span, Truth, Words
from bench.kinds.segments import SEGMENTS
from bench.tasks import Task

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (FRAMES, SEGMENTS)}


def kind_of(task: Task) -> Kind:
    """Return what the kind of a task decides."""
    return kind_named(task.kind)


def kind_named(name: str) -> Kind:
    """Return a kind by the name that tasks and results give it; raise `DataError` where there is none."""
    if name not in KINDS:
        raise DataError(f"no kind of task {name!r}", [f"expected one of {', '.join(KINDS)}"])
    return KINDS[name]


__all__ = [
    "FRAMES",
    "KINDS",
    "SEGMENTS",
    "THRESHOLD",
    "Cut",
    "DetectionForm",
    "Kind",
    "Length",
    "Scores",
    "Span",
    "Truth",
    "Words",
    "kind_named",
    "kind_of",
    "labels_of",
]

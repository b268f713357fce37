"""The kinds of task: everything that depends on whether a task asks for frames, segments or clusters.

`kind_of(task)` is a table of functions: how long an answer must be, the spans that count, how a prediction is
judged, what is counted, digests and words. Nowhere else, but for the forms of submissions and the pages, does
code ask of what kind a task is.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.errors import DataError
from bench.kinds.clusters import CLUSTERS, MAX_CLUSTERS, Clusters
from bench.kinds.frames import FRAMES, THRESHOLD, Scores, labels_of
from bench.kinds.kind import Cut, DetectionForm, Kind, Length, Span, Truth, Words
from bench.kinds.segments import SEGMENTS
from bench.splits import Split
from bench.tasks import Task

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (FRAMES, SEGMENTS, CLUSTERS)}


def kind_of(task: Task) -> Kind:
    """Return what the kind of a task decides."""
    return kind_named(task.kind)


def kind_named(name: str) -> Kind:
    """Return a kind by the name that tasks and results give it; raise `DataError` where there is none."""
    if name not in KINDS:
        raise DataError(f"no kind of task {name!r}", [f"expected one of {', '.join(KINDS)}"])
    return KINDS[name]


def ids_to_answer(task: Task, split: Split, part: str) -> list[str]:
    """Return the recordings of a part that an entry answers."""
    return [id_ for subset in kind_of(task).subsets for id_ in split.ids(part, subset)]


__all__ = [
    "CLUSTERS",
    "FRAMES",
    "KINDS",
    "MAX_CLUSTERS",
    "SEGMENTS",
    "THRESHOLD",
    "Clusters",
    "Cut",
    "DetectionForm",
    "Kind",
    "Length",
    "Scores",
    "Span",
    "Truth",
    "Words",
    "ids_to_answer",
    "kind_named",
    "kind_of",
    "labels_of",
]

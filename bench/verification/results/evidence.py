"""The file of evidence beside a result: read without trust, and compared with the result.

Its digest is that of the result. Its bouts are of recordings that the split tests; from them the truth and
the counts of every pair of categories are made again: the truth has the digest of the result, and the counts
are those of the run. Curves, and mistakes of detections, do not follow from bouts; their ranges are checked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import BenchError, FileError
from bench.evaluation.details import part_counts
from bench.evaluation.details.counts import Category, count_pairs
from bench.evaluation.spans import truth_digest
from bench.evidence import BOUTS, DETECTIONS, labels_of_rows
from bench.evidence.made import size_of
from bench.files.faults import Fault, Place
from bench.files.opening import is_absent
from bench.files.strict_json import read_json
from bench.kinds import Cut, Span, kind_of
from bench.recordings import Segments
from bench.results import EVIDENCE, Result, canonical
from bench.splits import Split
from bench.tasks import Task
from bench.verification.results.evidence_schema import schema_of

BYTES = 8 * 2**20
"""Of a file: `BOUTS` take some 3 MB at the most."""
MEMORY = 200 * 2**20


def read_evidence(path: Path, task: Task, result: Result) -> tuple[dict[str, Any] | None, list[Fault]]:
    """Return the evidence of a result that lies at `path`, and every fault.

    None where it is faulty, and where it is not at hand, which is no fault of a result that lies alone.
    """
    where: Place = (EVIDENCE,)
    file = path.parent / EVIDENCE / path.name
    if is_absent(file):
        return None, []
    try:
        content = read_json(file, BYTES, memory=MEMORY)
    except FileError as fault:
        return None, [Fault(where, fault.title, "a file that bench evaluate wrote")]
    if hashlib.sha256(canonical(content)).hexdigest() != result.evidence:
        return None, [Fault(where, "a file of another digest", result.evidence)]
    faults = [fault.below(*where) for fault in schema_of(task).check(content)]
    if not faults:
        try:
            faults = [fault.below(*where) for fault in _faults(task, task.load_split(), result, content)]
        except BenchError as fault:  # segments that no recording can have
            faults = [Fault(where, fault.title)]
    return (None, faults) if faults else (content, [])


def _faults(task: Task, split: Split, result: Result, content: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what contradicts the split or the result, of a file whose shape is right."""
    runs = sorted(next(iter(result.scores.values())).per_run)
    if content["run"] != runs[0]:
        yield Fault(("run",), repr(content["run"]), repr(runs[0]))
    if set(content["parts"]) != set(split.parts):
        yield Fault(("parts",), ", ".join(content["parts"]), ", ".join(split.parts))
        return
    faults = [fault for part in split.parts for fault in _part_faults(task, split, part, content)]
    if faults:
        yield from faults
        return
    if (
        sum(size_of(rows) for part in content["parts"].values() for rows in part["recordings"].values())
        > BOUTS
    ):
        yield Fault(("parts",), f"more than {BOUTS:,} bouts", f"at most {BOUTS:,}")
    if not content["left_out"]:
        found = truth_digest(task, _cuts(task, split, content))
        if found != result.truth_digest and "train" not in kind_of(task).subsets:
            yield Fault(("parts",), "another truth", "the truth that the result was compared with")
    if kind_of(task).labels_frames and result.details and result.format > 1:
        yield from _count_faults(task, result, content, runs)


def _part_faults(task: Task, split: Split, part: str, content: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield recordings that are not tested, and rows that are not of their length."""
    tested = split.group_of(part, "test")
    for id_, rows in content["parts"][part]["recordings"].items():
        place: Place = ("parts", part, "recordings", id_)
        if not task.dataset.redistributable:
            yield Fault(place, "labels that the licence of the data set does not let anyone publish", "none")
        if id_ not in tested:
            yield Fault(place, "no test recording of this part", "one of the split")
        elif kind_of(task).labels_frames:
            yield from (fault.below(*place) for fault in _row_faults(task, rows))
        else:
            yield from (fault.below(*place) for fault in _column_faults(task, rows))


def _row_faults(task: Task, rows: Mapping[str, Any]) -> Iterator[Fault]:
    frames, lanes = rows["frames"], 1 if task.exclusive else len(task.classes)
    edges = rows["counted"]
    if len(edges) % 2 or any(a >= b for a, b in pairwise(edges)) or edges[-1:] > [frames]:
        yield Fault(("counted",), "edges that do not rise, or beyond the end", f"rising edges up to {frames}")
    for side in ("truth", "entry"):
        if len(rows[side]) != lanes:
            yield Fault((side,), f"{len(rows[side])} rows", f"{lanes}")
        for k, row in enumerate(rows[side]):
            if len(row["states"]) != len(row["lengths"]) or sum(row["lengths"]) != frames:
                yield Fault(
                    (side, k), "bouts of another number of frames", f"{frames}, a length to each state"
                )
            own = range(len(task.classes)) if task.exclusive else (k,)
            if set(row["states"]) - {-1, *own}:
                yield Fault((side, k, "states"), "a state of no class of this row", "-1 or a class")


def _column_faults(task: Task, rows: Mapping[str, Any]) -> Iterator[Fault]:
    for side in ("truth", "entry"):
        columns = rows[side]
        if len({len(column) for column in columns.values()}) != 1:
            yield Fault((side,), "columns of several lengths", "one length")
        if not set(columns["labels"]) <= set(range(len(task.classes))):
            yield Fault((side, "labels"), "a label of no class", f"0 to {len(task.classes) - 1}")
    if len(rows["entry"]["labels"]) > DETECTIONS:
        yield Fault(("entry",), f"{len(rows['entry']['labels'])} detections", f"at most {DETECTIONS}")


def _cuts(task: Task, split: Split, content: Mapping[str, Any]) -> dict[str, Cut]:
    """Return the spans that the bouts stand for, as `bench.evaluation` cuts them from recordings."""
    held = {part: content["parts"][part]["recordings"] for part in split.parts}
    groups = {part: split.group_of(part, "test") for part in split.parts}
    known = sorted({groups[part][id_] for part, rows in held.items() for id_ in rows})
    index = {group: k for k, group in enumerate(known)}
    return {
        part: Cut(
            [span for id_, rows in own.items() for span in _spans(task, id_, rows, index[groups[part][id_]])]
        )
        for part, own in held.items()
    }


def _spans(task: Task, id_: str, rows: Mapping[str, Any], group: int) -> Iterator[Span]:
    if not kind_of(task).labels_frames:
        columns = rows["truth"]
        bounds = np.column_stack([columns["starts"], columns["stops"]]).astype(np.float64).reshape(-1, 2)
        truth = Segments(bounds, np.array(columns["labels"], dtype=np.int64), len(task.classes))
        yield Span(id_, slice(0, rows["frames"]), truth, group)
        return
    labels = labels_of_rows(rows["truth"], len(task.classes))
    for start, stop in zip(rows["counted"][::2], rows["counted"][1::2], strict=True):
        yield Span(id_, slice(start, stop), labels[start:stop], group)


def _count_faults(task: Task, result: Result, content: Mapping[str, Any], runs: list[str]) -> Iterator[Fault]:
    """Yield recordings whose pairs of categories are not those that the result counts of the run."""
    for part, counts in part_counts(result).items():
        names: list[Category] = [tuple(np.flatnonzero(row).tolist()) for row in counts.categories]
        stored: dict[str, dict[tuple[Category, Category], int]] = {id_: {} for id_ in counts.ids}
        cells = zip(counts.owner, counts.true, counts.predicted, counts.frames[:, 0], strict=True)
        for owner, true, named, frames in cells:
            if frames:
                stored[counts.ids[owner]][names[true], names[named]] = int(frames)
        for id_, rows in content["parts"][part]["recordings"].items():
            sides = [labels_of_rows(rows[side], len(task.classes)) for side in ("truth", "entry")]
            counted = np.zeros(rows["frames"], dtype=bool)
            for start, stop in zip(rows["counted"][::2], rows["counted"][1::2], strict=True):
                counted[start:stop] = True
            if dict(count_pairs(sides[0][counted], sides[1][counted])) != stored.get(id_):
                expected = f"the counts of {runs[0]} in the result"
                yield Fault(("parts", part, "recordings", id_), "bouts of other counts", expected)

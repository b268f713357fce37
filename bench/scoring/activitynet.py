"""Segments from JSON in ActivityNet's layout, read strictly.

    {"database": {id: {"annotations": [{"segment": [start, end], "label": text}], "subset": text}}}
    {"results": {id: [{"segment": [start, end], "label": text, "score": number}]}}

Seconds. Other keys are kept unread. NaN and Infinity, which JSON does not have, are refused, and so is a key
that stands twice in one object, of which a lenient reader would lose one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import FileError, UsageError, nearest
from bench.files.faults import quoted, shown
from bench.files.strict_json import read_json
from bench.recordings import Detections, Segments
from bench.scoring.arrays import GIB
from bench.submissions.faults import SHOWN, Fault
from bench.submissions.forms.detections import Rows, columns_of, detections_of, numbered, row_faults

MAX_FILE = 2 * GIB


@dataclass(frozen=True, eq=False)
class SegmentSource:
    """True segments and detections, by recording."""

    truth: Mapping[str, Segments]
    detections: Mapping[str, Detections]
    classes: Sequence[str]
    left_out: Mapping[str, Any] = field(default_factory=dict)
    """What of the files is not scored."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Truth:
    """The rows of the ground truth that are scored."""

    rows: dict[str, Rows] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    """Recordings of other subsets."""
    warnings: tuple[str, ...] = ()


def read_segments(
    truth: Path, detections: Path, subset: str | None
) -> tuple[SegmentSource, list[Fault], list[Fault]]:
    """Read both files; return what they hold, the faults of the truth, and those of the detections.

    The classes are the labels of the truth that is scored, sorted. Detections of other labels, and those in
    recordings of other subsets, are left out; a warning names them. Where the truth has faults its recordings
    are there without segments. Raises `UsageError` for a subset that the truth does not have.
    """
    annotated, wrong = _read_truth(truth, subset)
    results, unfit = _read_results(detections)
    labels = {row["label"] for rows in annotated.rows.values() for row in rows} if not wrong else set()
    known = numbered(sorted(labels))
    scored, left_out, warnings = _select(results, annotated, known)
    rows = {id_: [] if wrong else of for id_, of in annotated.rows.items()}
    segments = {id_: Segments(*columns_of(of, known), len(known)) for id_, of in rows.items()}
    notes = (*annotated.warnings, *warnings)
    return SegmentSource(segments, scored, list(known), {"subset": subset, **left_out}, notes), wrong, unfit


def _read_top(path: Path, key: str) -> tuple[dict[str, Any], list[Fault]]:
    """Return the object under `key`, or why there is none."""
    try:
        data = read_json(path, MAX_FILE, follow=True)
    except FileError as fault:
        return {}, [Fault("files", fault.title)]
    under = data.get(key) if isinstance(data, dict) else None
    if not isinstance(under, dict):
        keys = ", ".join(map(quoted, list(data)[:SHOWN])) if isinstance(data, dict) else type(data).__name__
        turned = isinstance(data, dict) and {"database": "results", "results": "database"}[key] in data
        order = "; the truth comes first, then the detections" if turned else ""
        return {}, [Fault("files", f'expected {{"{key}": {{recording: ...}}}}, found {keys or "{}"}{order}')]
    return under, []


def _read_truth(path: Path, subset: str | None) -> tuple[_Truth, list[Fault]]:
    database, faults = _read_top(path, "database")
    if faults:
        return _Truth(), faults
    rows: dict[str, Rows] = {}
    subsets: dict[str, str | None] = {}
    for id_, entry in database.items():
        wrong = list(_entry_faults(entry))
        faults += [fault.at(quoted(id_)) for fault in wrong]
        if not wrong:
            rows[id_], subsets[id_] = entry["annotations"], entry.get("subset")
    names = Counter(name for name in subsets.values() if name is not None)
    listed = ", ".join(f"{quoted(name)} ({count:,})" for name, count in sorted(names.items())[:SHOWN])
    if subset is not None and subset not in names and not faults:
        near = nearest(subset, names)
        raise UsageError(f"--subset {quoted(subset)}: {path} has {listed or 'no subset'}{near}")
    warnings: tuple[str, ...] = ()
    if subset is None and len(names) > 1:
        warnings = (f"recordings of several subsets are scored together: {listed}",)
    scored = {id_: of for id_, of in rows.items() if subset is None or subsets[id_] == subset}
    if not any(scored.values()) and not faults:
        faults.append(Fault("truth", "no true segment in any recording that is scored"))
    return _Truth(scored, frozenset(rows) - frozenset(scored), warnings), faults


def _entry_faults(entry: Any) -> Iterator[Fault]:
    if not isinstance(entry, dict) or not isinstance(entry.get("annotations"), list):
        yield Fault("entries", 'expected {"annotations": [...]}')
        return
    if not isinstance(entry.get("subset"), str | None):
        yield Fault("entries", f"subset is {shown(entry['subset'])}, expected text")
    yield from row_faults(entry["annotations"], scored=False)


def _read_results(path: Path) -> tuple[dict[str, Rows], list[Fault]]:
    results, faults = _read_top(path, "results")
    rows: dict[str, Rows] = {}
    for id_, of in results.items():
        if not isinstance(of, list):
            faults.append(Fault("entries", f"{quoted(id_)}: {shown(of)}, expected a list of detections"))
            continue
        wrong = list(row_faults(of, scored=True))
        faults += [fault.at(quoted(id_)) for fault in wrong]
        rows[id_] = [] if wrong else of
    return rows, faults


def _select(
    results: Mapping[str, Rows], truth: _Truth, known: Mapping[str, int]
) -> tuple[dict[str, Detections], dict[str, Any], tuple[str, ...]]:
    """Take the detections that count; return what was left out beside them, and say so."""
    ignored, outside = Counter[str](), 0
    scored = {}
    for id_, rows in results.items():
        if id_ in truth.elsewhere:
            outside += len(rows)
            continue
        kept = [row for row in rows if row["label"] in known]
        ignored.update(row["label"] for row in rows if row["label"] not in known)
        scored[id_] = detections_of(kept, known)
    warnings = []
    if ignored:
        labels = [
            f"{quoted(label)} ({count:,}{nearest(label, known)})"
            for label, count in sorted(ignored.items())[:SHOWN]
        ]
        more = f" and {len(ignored) - SHOWN} more" if len(ignored) > SHOWN else ""
        warnings.append(
            f"detections of labels that the truth does not have, left out: {', '.join(labels)}{more}"
        )
    if outside:
        warnings.append(f"detections in recordings of other subsets, left out: {outside:,}")
    return scored, {"ignored": dict(ignored), "outside_subset": outside}, tuple(warnings)

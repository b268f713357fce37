"""Segments from JSON in ActivityNet's layout: read strictly, compare, score.

    {"database": {id: {"annotations": [{"segment": [start, end], "label": text}], "subset": text}}}
    {"results": {id: [{"segment": [start, end], "label": text, "score": number}]}}

Seconds. Other keys are let be. NaN and Infinity, which JSON does not have, are refused, and so is a key
that stands twice in one object, of which a lenient reader would lose one.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.errors import DataError, FileError, SubmissionError, UsageError, nearest
from bench.evaluation import RESAMPLES
from bench.files.faults import quoted, shown
from bench.files.strict_json import read_json, uncollected
from bench.metrics.localisation import TIOU
from bench.recordings import Detections, Segments
from bench.scorefiles.read import GIB, read_groups, to_mend
from bench.scoring import Scores, score_segments
from bench.scoring.checks import group_faults, refuse
from bench.scoring.segments import check_thresholds, detection_faults
from bench.submissions.detections import (
    Rows,
    columns_of,
    detections_of,
    numbered,
    row_faults,
)
from bench.submissions.faults import SHOWN, Fault

MAX_FILE = 2 * GIB


@dataclass(frozen=True, eq=False)
class _Truth:
    """The rows of the ground truth that are scored."""

    rows: dict[str, Rows] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    """Recordings of other subsets."""
    warnings: tuple[str, ...] = ()

    def classes(self) -> list[str]:
        return sorted({row["label"] for rows in self.rows.values() for row in rows})


def score_segment_files(
    truth: Path,
    detections: Path,
    *,
    tiou: Sequence[float] = TIOU,
    subset: str | None = None,
    soft_nms: bool = False,
    score_voting: bool = False,
    groups: Path | None = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score a detection file against a ground truth, both JSON in ActivityNet's layout.

    The classes are the labels of the truth that is scored, sorted. Detections of other labels count
    nowhere, as in ActivityNet's evaluator; a warning names them. With `subset` only its recordings are
    scored, and detections elsewhere in the database are left out. See `score_segments` for the rest.
    """
    check_thresholds(tiou)
    with uncollected():
        given = _read(truth, detections, subset, groups, soft_nms=soft_nms)
    scores = score_segments(
        given.segments,
        given.detections,
        given.classes,
        tiou=tiou,
        soft_nms=soft_nms,
        score_voting=score_voting,
        groups=given.groups,
        resamples=resamples,
    )
    counts = {**scores.counts, "subset": subset, **given.left_out}
    return replace(scores, counts=counts, warnings=given.warnings)


@dataclass(frozen=True, eq=False)
class _Given:
    """What both files hold, checked."""

    segments: dict[str, Segments]
    detections: dict[str, Detections]
    classes: list[str]
    groups: Mapping[str, str] | None
    left_out: dict[str, Any]
    warnings: tuple[str, ...]


def _read(
    truth: Path, detections: Path, subset: str | None, groups: Path | None, *, soft_nms: bool
) -> _Given:
    """Read both files and the groups; raise one error with every fault of the truth, or of the detections."""
    again = shlex.join(["bench", "score", "segments", str(truth), str(detections)])
    annotated, wrong = _read_truth(truth, subset)
    named, group_wrong = read_groups(groups)
    wrong = [fault.at(str(truth)) for fault in wrong]
    if not group_wrong:
        group_wrong = [fault.at(str(groups)) for fault in group_faults(annotated.rows, named)]
    hint = to_mend({truth: wrong, groups: group_wrong}, again)
    wrong += group_wrong
    results, unfit = _read_results(detections)
    classes = annotated.classes() if not wrong else []
    found, left_out, warnings = _select(results, annotated, classes)
    segments: dict[str, Segments] = {}
    if not wrong:
        known = numbered(classes)
        segments = {
            id_: Segments(*columns_of(rows, known), len(known)) for id_, rows in annotated.rows.items()
        }
        unfit += detection_faults(segments, found, len(classes), soft_nms=soft_nms)
    unfit = [fault.at(str(detections)) for fault in unfit]
    if wrong:
        refuse(DataError, "the truth cannot be scored", [*wrong, *unfit], hint)
    hint = f"mend {detections}, then: {again}"
    refuse(SubmissionError, "the detections cannot be scored", unfit, hint)
    return _Given(segments, found, classes, named, left_out, (*annotated.warnings, *warnings))


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
        found = list(_entry_faults(entry))
        faults += [fault.at(quoted(id_)) for fault in found]
        if not found:
            rows[id_], subsets[id_] = entry["annotations"], entry.get("subset")
    names = Counter(name for name in subsets.values() if name is not None)
    listed = ", ".join(f"{quoted(name)} ({count:,})" for name, count in sorted(names.items())[:SHOWN])
    if subset is not None and subset not in names and not faults:
        near = nearest(subset, names)
        raise UsageError(f"--subset {quoted(subset)}: {path} has {listed or 'no subset'}{near}")
    warnings: tuple[str, ...] = ()
    if subset is None and len(names) > 1:
        warnings = (f"recordings of several subsets are scored together: {listed}",)
    chosen = {id_: of for id_, of in rows.items() if subset is None or subsets[id_] == subset}
    if not any(chosen.values()) and not faults:
        faults.append(Fault("truth", "no true segment in any recording that is scored"))
    return _Truth(chosen, frozenset(rows) - frozenset(chosen), warnings), faults


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
        found = list(row_faults(of, scored=True))
        faults += [fault.at(quoted(id_)) for fault in found]
        rows[id_] = [] if found else of
    return rows, faults


def _select(
    results: Mapping[str, Rows], truth: _Truth, classes: Sequence[str]
) -> tuple[dict[str, Detections], dict[str, Any], tuple[str, ...]]:
    """Take the detections that count; return what was left out beside them, and say so."""
    known, ignored, outside = numbered(classes), Counter[str](), 0
    found = {}
    for id_, rows in results.items():
        if id_ in truth.elsewhere:
            outside += len(rows)
            continue
        kept = [row for row in rows if row["label"] in known]
        ignored.update(row["label"] for row in rows if row["label"] not in known)
        found[id_] = detections_of(kept, known)
    warnings = []
    if ignored:
        said = [
            f"{quoted(label)} ({count:,}{nearest(label, classes)})"
            for label, count in sorted(ignored.items())[:SHOWN]
        ]
        more = f" and {len(ignored) - SHOWN} more" if len(ignored) > SHOWN else ""
        warnings.append(
            f"detections of labels that the truth does not have, left out: {', '.join(said)}{more}"
        )
    if outside:
        warnings.append(f"detections in recordings of other subsets, left out: {outside:,}")
    return found, {"ignored": dict(ignored), "outside_subset": outside}, tuple(warnings)

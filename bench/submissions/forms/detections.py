"""Detections from JSON, read without trust: ActivityNet's layout of rows, whoever wants them.

    [{"segment": [start, end], "label": text, "score": number}, ...]

Seconds. Other keys are let be. NaN and Infinity, which JSON does not have, are refused, and so is a key
that stands twice in one object, of which a lenient reader would lose one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from bench.errors import FileError, nearest
from bench.files.faults import quoted, shown
from bench.files.schema import is_number
from bench.files.strict_json import parse_json
from bench.kinds import DetectionForm, Length
from bench.metrics.checks import is_name
from bench.recordings import FURTHEST, MOST_DETECTIONS, Detections
from bench.recordings import row_faults as on_rows
from bench.submissions.faults import SHOWN, Fault
from bench.submissions.forms.checks import name_faults
from bench.submissions.predictions import Content, Key
from bench.tasks import Task

Rows = list[Any]
MOST = MOST_DETECTIONS
ROW_BYTES = 200
"""Of one detection written down, generously, its label apart."""


def limit(seconds: Mapping[Key, Length], task: Task) -> int:
    """Return how many bytes a file of detections may have: as many as are allowed, however spaced."""
    longest = max(len(name.encode()) for name in task.classes)
    return 2**20 + len(seconds) * MOST * (ROW_BYTES + 6 * longest)


def read_detections(
    data: bytes,
    seconds: Mapping[Key, Length],
    task: Task,
    form: DetectionForm | None,
    called: Mapping[str, str],
) -> Content:
    """Read a run of detections, and check all of it.

    `seconds` says of every recording how long it is, `called` which other names they may go by. A task of
    one part has `{"results": {recording: rows}}`, one of several `{"parts": {part: {recording: rows}}}`.
    Recordings in which nothing was found are there with an empty list. Raises `FileError` where nothing
    can be read.
    """
    content, numbers = Content(), numbered(task.classes)
    for part, results in _by_part(data, task).items():
        if not isinstance(results, dict):
            text = f"{quoted(part)}: {shown(results)}, expected {{recording: [...]}}"
            content.faults.append(Fault("entries", text))
            continue
        for name, rows in results.items():
            key = (part, called.get(name, name))
            if key in content.shapes:
                text = f"{part}/{quoted(name)} is {key[1]!r}, which stands there under both its names"
                content.faults.append(Fault("twice", text))
                continue
            content.shapes[key] = None
            if key not in seconds:
                continue
            wrong = list(recording_faults(rows, seconds[key], task, form))
            content.faults.extend(fault.at(f"{part}/{name}") for fault in wrong)
            if not wrong:
                content.answers[key] = detections_of(rows, numbers)
    wanted = dict.fromkeys(seconds, "where nothing was found write an empty list")
    content.faults.extend(name_faults(content.shapes, wanted, task))
    return content


def _by_part(data: bytes, task: Task) -> dict[str, Any]:
    """Return what the file has of each part."""
    content = parse_json(data)
    single = len(task.parts) == 1
    key, layout = ("results", "{recording: [...]}") if single else ("parts", "{part: {recording: [...]}}")
    under = content.get(key) if isinstance(content, dict) else None
    if not isinstance(under, dict):
        keys = ", ".join(map(quoted, list(content)[:SHOWN])) if isinstance(content, dict) else shown(content)
        raise FileError(f'expected {{"{key}": {layout}}}, found {keys or "{}"}')
    return {task.parts[0].name: under} if single else under


def recording_faults(
    rows: Any, seconds: Length, task: Task, form: DetectionForm | None = None
) -> Iterator[Fault]:
    """Say what keeps the detections of one recording, which lasts so many seconds, from being scored."""
    if not isinstance(rows, list):
        yield Fault("entries", f"{shown(rows)}, expected a list of detections")
        return
    if len(rows) > MOST:
        yield Fault("counts", f"{len(rows):,} detections, expected at most {MOST:,}: keep the best")
        return
    wrong = list(row_faults(rows, scored=True))
    yield from wrong
    if wrong:
        return
    unknown = Counter(row["label"] for row in rows if row["label"] not in task.classes)
    for i, (name, count) in enumerate(unknown.items()):
        near = nearest(name, task.classes) if i < SHOWN else ""  # the others are only counted
        near = near or f"; expected one of {', '.join(task.classes)}"
        yield Fault("labels", f"label {quoted(name)} of {count:,} detections is no class{near}")
    bounds = np.array([row["segment"] for row in rows], dtype=np.float64).reshape(-1, 2)
    frame = 1 / task.dataset.fps
    outside = (bounds[:, 0] < -frame) | (bounds[:, 1] > seconds + frame)
    last = bounds.max(initial=0.0)
    in_frames = (bounds == np.round(bounds)).all() and 2 * seconds < last <= seconds / frame + 1
    mend = "are these frames? expected seconds" if in_frames else "clip it"
    beyond = f"a segment beyond the recording, which lasts {seconds:.3f} s: {mend}"
    yield from (Fault("bounds", text) for text in on_rows(outside, bounds, beyond))
    if form == "raw":
        scores = np.array([row["score"] for row in rows], dtype=np.float64)
        below = 'a score below 0, which Soft-NMS cannot weigh: mend it, or declare detections = "final"'
        yield from (Fault("scores", text) for text in on_rows(scores < 0, scores, below))


def row_faults(rows: Rows, *, scored: bool) -> Iterator[Fault]:
    """Say what is wrong with each row; quick where nothing is. True segments have no score."""
    if _sound(rows, scored=scored):
        return
    for number, row in enumerate(rows):
        for fault in _one_row(row, scored=scored):
            yield fault.at(f"row {number}")


def numbered(classes: Sequence[str]) -> dict[str, int]:
    """Return the number of each class, for `detections_of` and `columns_of`."""
    return {name: i for i, name in enumerate(classes)}


def detections_of(rows: Rows, numbers: Mapping[str, int]) -> Detections:
    """Return rows without fault, all of them of these classes."""
    bounds, labels = columns_of(rows, numbers)
    return Detections(bounds, labels, np.array([row["score"] for row in rows], dtype=np.float64))


def columns_of(
    rows: Rows, numbers: Mapping[str, int]
) -> tuple[Float[np.ndarray, "N 2"], Int[np.ndarray, " N"]]:
    """Return the bounds in seconds and the number of the class of each row."""
    bounds = np.array([row["segment"] for row in rows], dtype=np.float64).reshape(-1, 2)
    return bounds, np.array([numbers[row["label"]] for row in rows], dtype=np.int64)


def _sound(rows: Rows, *, scored: bool) -> bool:
    """Whether every row is what it should be, by looking at columns and not at cells."""
    try:
        segments = [row["segment"] for row in rows]
        texts = [row["label"] for row in rows]
        numbers = list(chain.from_iterable(segments)) + [row["score"] for row in rows if scored]
        shapes = {(type(segment), len(segment)) for segment in segments}
        plain = set(map(type, numbers)) <= {float, int} and set(map(type, texts)) <= {str}
        if not (plain and shapes <= {(list, 2)} and all(map(is_name, set(texts)))):
            return False
        bounds = np.array(segments, dtype=np.float64).reshape(-1, 2)
        ordered = bounds[:, 0] < bounds[:, 1] if scored else bounds[:, 0] <= bounds[:, 1]
        near = np.abs(bounds).max(initial=0.0) <= FURTHEST
        return bool(np.isfinite(np.array(numbers, dtype=np.float64)).all() and ordered.all() and near)
    except (KeyError, TypeError, OverflowError, ValueError, AttributeError):
        return False


def _one_row(row: Any, *, scored: bool) -> Iterator[Fault]:
    wanted = ("segment", "label", "score") if scored else ("segment", "label")
    if not isinstance(row, dict):
        yield Fault("rows", f"{shown(row)}, expected an object of {', '.join(wanted)}")
        return
    absent = [key for key in wanted if key not in row]
    if absent:
        near = "; it is called 'score'" if "score" in absent and "scores" in row else ""
        yield Fault("keys", f"no {', '.join(absent)}{near}")
        return
    if not isinstance(row["label"], str) or not is_name(row["label"]):
        yield Fault("labels", f"label is {shown(row['label'])}, expected text")
    if scored and not is_number(row["score"]):
        yield Fault("scores", f"score is {shown(row['score'])}, expected a finite number")
    segment = row["segment"]
    if not isinstance(segment, list) or len(segment) != 2 or not all(map(is_number, segment)):
        yield Fault("segments", f"segment is {shown(segment)}, expected [start, end] in seconds")
    elif max(map(abs, segment)) > FURTHEST:
        yield Fault("segments", f"segment {shown(segment)}: its start or end is beyond {FURTHEST:.0e} s")
    elif scored and not float(segment[0]) < float(segment[1]):
        yield Fault("segments", f"segment {shown(segment)}: its end is not after its start")
    elif segment[0] > segment[1]:
        yield Fault("segments", f"segment {shown(segment)}: its end is before its start")
